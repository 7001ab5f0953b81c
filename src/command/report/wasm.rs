//! What was proved of signed WebAssembly, as reports have it.

use serde::Serialize;

/// A file that is what trusted keys signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignedFile {
    /// The file, relative to pins.toml; empty where the row is about it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// `module` or `component`.
    pub kind: &'static str,
    /// Its length in bytes.
    pub size: u64,
    /// The digest of everything behind its signature, the same however often it is signed: `sha256:` and hexadecimal.
    pub content: String,
    /// How many parts it has.
    pub parts: usize,
    /// `whole`, or `parts` for the first of them.
    pub covered: &'static str,
    /// How many of the parts are proved.
    pub covered_parts: usize,
    /// The custom sections in what is proved, where that is not the whole.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub covered_sections: Vec<String>,
    /// Who signed, each key once.
    pub signers: Vec<Signer>,
}

/// A trusted key that signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Signer {
    /// `ed25519:` and the key in hexadecimal.
    pub key: String,
    /// What it signs as, where it has a role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}

impl SignedFile {
    /// What is proved, in a few words.
    pub fn told(&self) -> String {
        let by: Vec<String> = self
            .signers
            .iter()
            .map(|signer| match &signer.role {
                Some(role) => format!("{} as {role}", signer.key),
                None => signer.key.clone(),
            })
            .collect();
        let what = match (self.covered, self.parts) {
            ("whole", 0 | 1) => "the whole".to_owned(),
            ("whole", parts) => format!("the whole, {parts} parts"),
            (_, parts) if parts == self.covered_parts => {
                format!("all that is here (parts: {parts}), not known to be the whole")
            }
            (_, parts) => format!("{} of {parts} parts, not the whole", self.covered_parts),
        };
        format!("{what}, signed by {}", by.join(", "))
    }
}
