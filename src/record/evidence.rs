//! What a record keeps of upstream evidence: the documents themselves, so that one file proves one pin again, with the
//! network cut, on another machine, years later.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::RecordError;
use crate::digest::{Algorithm, Digests, Integrity};
use crate::json;

/// What is known of an artifact's upstream evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evidence {
    /// The pin said `off`: nobody looked.
    Off,
    /// The source was asked, and has none.
    None,
    /// The source could not be asked.
    Unasked,
    /// This.
    Kept(Kept),
}

/// Attestations as they were received.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kept {
    /// The artifact's digests that the evidence names and the pin does not have: a claim, where the bytes are not here.
    pub digests: Digests,
    /// The attestations; never empty.
    pub attestations: Vec<KeptAttestation>,
    /// Of an artifact in a registry, the documents that lead from its digest to its layer, the first being that of the
    /// digest.
    pub manifests: Vec<String>,
}

/// One attestation, and who handed it out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptAttestation {
    /// `npm`, `github`, `pypi`, `oci`, or the path of a file of the project.
    pub from: String,
    /// What it handed out.
    pub attestation: Value,
}

/// The wire form of all but [`Kept`], which is written an attestation a line.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Wire {
    Word(Word),
    Kept(WireKept),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Word {
    Off,
    None,
    Unasked,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WireKept {
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha384: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha512: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    manifests: Vec<String>,
    attestations: Vec<KeptAttestation>,
}

impl TryFrom<Wire> for Evidence {
    type Error = RecordError;

    fn try_from(wire: Wire) -> Result<Self, RecordError> {
        Ok(match wire {
            Wire::Word(Word::Off) => Self::Off,
            Wire::Word(Word::None) => Self::None,
            Wire::Word(Word::Unasked) => Self::Unasked,
            Wire::Kept(kept) if kept.attestations.is_empty() => return Err(RecordError::NoAttestations),
            Wire::Kept(kept) => Self::Kept(Kept {
                digests: kept.digests()?,
                attestations: kept.attestations,
                manifests: kept.manifests,
            }),
        })
    }
}

impl WireKept {
    /// Each digest under the name of its algorithm.
    fn digests(&self) -> Result<Digests, RecordError> {
        let texts =
            [(Algorithm::Sha256, &self.sha256), (Algorithm::Sha384, &self.sha384), (Algorithm::Sha512, &self.sha512)];
        let mut digests = Digests::default();
        for (algorithm, text) in texts {
            let Some(text) = text else { continue };
            let digest: Integrity = text.parse().map_err(RecordError::Digest)?;
            if digest.algorithm() != algorithm {
                return Err(RecordError::OtherDigest(algorithm));
            }
            digests.add(digest);
        }
        Ok(digests)
    }
}

impl Evidence {
    /// The value of the record's key, from the second line on indented by two.
    pub(super) fn to_json(&self) -> String {
        match self {
            Self::Off => "\"off\"".to_owned(),
            Self::None => "\"none\"".to_owned(),
            Self::Unasked => "\"unasked\"".to_owned(),
            Self::Kept(kept) => kept.to_json(),
        }
    }
}

impl Kept {
    /// What is handed on to others of what a source handed out: the documents, which prove themselves. Nothing in it is
    /// somebody's word alone, such as a digest that was taken here.
    pub fn to_document(&self) -> Vec<u8> {
        Self { digests: Digests::default(), ..self.clone() }.to_json().into_bytes()
    }

    /// Reads such a document, as something that the source of this key might have handed out. `None` for what is none.
    pub fn from_document(document: &[u8], source: &str) -> Option<Self> {
        let value = json::parse(document, MAX_DOCUMENT_LEN).ok()?;
        let wire: WireKept = serde_json::from_value(value).ok()?;
        let has_digest = wire.sha256.is_some() || wire.sha384.is_some() || wire.sha512.is_some();
        let attestations = wire.attestations.into_iter().map(|one| KeptAttestation { from: source.to_owned(), ..one });
        let mut kept =
            Self { digests: Digests::default(), attestations: attestations.collect(), manifests: wire.manifests };
        kept.attestations.sort_by_cached_key(|one| one.attestation.to_string());
        (!kept.attestations.is_empty() && !has_digest).then_some(kept)
    }

    fn to_json(&self) -> String {
        let mut text = "{".to_owned();
        for digest in &self.digests {
            // A digest in SRI form has nothing in it that JSON would escape.
            text.push_str(&format!("\n    \"{}\": \"{digest}\",", digest.algorithm().name()));
        }
        if !self.manifests.is_empty() {
            let manifests: Vec<String> =
                self.manifests.iter().map(|one| Value::from(one.as_str()).to_string()).collect();
            text.push_str(&format!("\n    \"manifests\": [\n      {}\n    ],", manifests.join(",\n      ")));
        }
        text.push_str("\n    \"attestations\": [");
        for (index, one) in self.attestations.iter().enumerate() {
            text.push_str(if index == 0 { "\n      " } else { ",\n      " });
            text.push_str(&line(one));
        }
        text.push_str("\n    ]\n  }");
        text
    }
}

/// Longest document that is handed on, in bytes: some hundred attestations.
pub const MAX_DOCUMENT_LEN: usize = 16 << 20;

#[expect(clippy::expect_used, reason = "a string and a JSON value are JSON")]
fn line(one: &KeptAttestation) -> String {
    serde_json::to_string(one).expect("JSON")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_handed_on_is_read_back_as_its_sources() {
        let one = |from: &str| KeptAttestation { from: from.to_owned(), attestation: json!({ "a": [1, "\n"] }) };
        let kept = Kept {
            digests: Algorithm::ALL.map(|one| Integrity::of(one, b"x")).into_iter().collect(),
            attestations: vec![one("npm"), one("npm")],
            manifests: vec!["{ }".to_owned()],
        };
        let read = Kept::from_document(&kept.to_document(), "oci").expect("a document");
        assert_eq!(read, Kept { digests: Digests::default(), attestations: vec![one("oci"), one("oci")], ..kept });
        for other in [
            "",
            "{}",
            r#"{"attestations":[]}"#,
            r#"{"attestations":[{"from":"npm"}]}"#,
            r#"{"attestations":[{"from":"npm","attestation":1}],"attestations":[]}"#,
            r#"{"sha256":"x","attestations":[{"from":"npm","attestation":1}]}"#,
            r#"{"sha512":"x","attestations":[{"from":"npm","attestation":1}]}"#,
            r#"{"attestations":[{"from":"npm","attestation":1}],"more":1}"#,
        ] {
            assert_eq!(Kept::from_document(other.as_bytes(), "npm"), None, "{other}");
        }
    }
}
