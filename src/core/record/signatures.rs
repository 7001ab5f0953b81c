//! What a record keeps of signed WebAssembly: which files are signed by whom, and whose signatures were demanded then.

use serde::{Deserialize, Serialize};

use super::RecordError;
use crate::digest::Sha256;
use crate::path::RelPath;

/// What is known of the signatures in a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signatures {
    /// The pin said `off`: nobody looked.
    Off,
    /// They were judged.
    Judged {
        /// The digest of the keys, roles and threshold that they were held to.
        demand: Sha256,
        /// The WebAssembly in the tree, in the order of its entries.
        files: Vec<SignedEntry>,
    },
}

/// One WebAssembly file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedEntry {
    /// The path below the destination; empty where the destination is the file.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// What was proved; `None` for a file without a signature, which `lenient` takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proved: Option<SignedContent>,
}

/// What trusted keys signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedContent {
    /// `module` or `component`.
    pub kind: String,
    /// The digest of everything behind the signature, in hexadecimal.
    pub content: String,
    /// The keys that signed, `ed25519:` and hexadecimal, with ` as ROLE` behind one that has a role.
    pub signers: Vec<String>,
}

/// The wire form.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Wire {
    Word(Word),
    Judged(WireJudged),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Word {
    Off,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WireJudged {
    demand: String,
    files: Vec<SignedEntry>,
}

impl TryFrom<Wire> for Signatures {
    type Error = RecordError;

    fn try_from(wire: Wire) -> Result<Self, RecordError> {
        let Wire::Judged(judged) = wire else { return Ok(Self::Off) };
        for SignedEntry { path, .. } in judged.files.iter().filter(|one| !one.path.is_empty()) {
            path.parse::<RelPath>().map_err(|source| RecordError::Path { path: path.clone(), source })?;
        }
        Ok(Self::Judged { demand: judged.demand.parse().map_err(RecordError::Digest)?, files: judged.files })
    }
}

impl Signatures {
    /// The value of the record's key, a file a line, from the second line on indented by two.
    pub(super) fn to_json(&self) -> String {
        let Self::Judged { demand, files } = self else { return "\"off\"".to_owned() };
        // A digest in SRI form has nothing in it that JSON would escape.
        let mut text = format!("{{\n    \"demand\": \"{demand}\",\n    \"files\": [");
        for (index, file) in files.iter().enumerate() {
            text.push_str(if index == 0 { "\n      " } else { ",\n      " });
            text.push_str(&line(file));
        }
        text.push_str(if files.is_empty() { "]\n  }" } else { "\n    ]\n  }" });
        text
    }
}

#[expect(clippy::expect_used, reason = "strings are JSON")]
fn line(file: &SignedEntry) -> String {
    serde_json::to_string(file).expect("strings are JSON")
}
