//! What a record keeps of upstream evidence: the documents themselves, so that one file proves one pin again, with the
//! network cut, on another machine, years later.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::RecordError;
use crate::digest::Sha256;

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
    /// The artifact's SHA-256, where the pin has another digest and the evidence this one.
    pub sha256: Option<Sha256>,
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
                sha256: kept.sha256.map(|text| text.parse()).transpose().map_err(RecordError::Digest)?,
                attestations: kept.attestations,
                manifests: kept.manifests,
            }),
        })
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
    fn to_json(&self) -> String {
        let mut text = "{".to_owned();
        if let Some(sha256) = self.sha256 {
            // A digest in SRI form has nothing in it that JSON would escape.
            text.push_str(&format!("\n    \"sha256\": \"{sha256}\","));
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

#[expect(clippy::expect_used, reason = "a string and a JSON value are JSON")]
fn line(one: &KeptAttestation) -> String {
    serde_json::to_string(one).expect("JSON")
}
