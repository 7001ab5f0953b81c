//! What a record keeps of upstream evidence: the documents themselves, so that one file proves one pin again, with the
//! network cut, on another machine, years later.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::RecordError;
use crate::digest::{Algorithm, Digests, Integrity};
use crate::json;
use crate::url::{Origin, Url};

/// What is known of an artifact's upstream evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evidence {
    /// The pin said `off`: nobody looked.
    Off,
    /// The source was asked, and has none.
    None {
        /// Which server said so; `None` where no server is asked, or the record is of a pinfold that did not say.
        asked: Option<Origin>,
    },
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
    /// The server that handed them out, where what was looked for is not among them.
    pub none: Option<Origin>,
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
    None(WireNone),
    Kept(WireKept),
}

/// That a server has none.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WireNone {
    none: String,
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
    none: Option<String>,
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
            Wire::Word(Word::None) => Self::None { asked: None },
            Wire::None(WireNone { none }) => Self::None { asked: Some(server(none)?) },
            Wire::Word(Word::Unasked) => Self::Unasked,
            Wire::Kept(kept) if kept.attestations.is_empty() => return Err(RecordError::NoAttestations),
            Wire::Kept(kept) => Self::Kept(Kept {
                digests: kept.digests()?,
                none: kept.none.map(server).transpose()?,
                attestations: kept.attestations,
                manifests: kept.manifests,
            }),
        })
    }
}

/// A server in the one spelling that it has: scheme, host and port, and nothing behind that, which may be a secret.
fn server(text: String) -> Result<Origin, RecordError> {
    let url = text.parse::<Url>().ok().filter(|url| url.origin().to_string() == text);
    url.map(|url| url.origin().clone()).ok_or(RecordError::Server(text))
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
    /// The evidence as it goes into a record in place of `before`, which is about the same artifact of the same source. A
    /// server that has none takes no other one's place: people who ask different registries share the record, and a
    /// checkout that was only fetched does not differ from its commit.
    #[must_use]
    pub fn as_recorded(self, before: Option<&Self>) -> Self {
        match (before, self) {
            (Some(Self::None { asked }), Self::None { .. }) => Self::None { asked: asked.clone() },
            (Some(Self::Kept(before)), Self::Kept(now)) if now.attestations == before.attestations => {
                Self::Kept(Kept { none: before.none.clone(), ..now })
            }
            (_, now) => now,
        }
    }

    /// The value of the record's key, from the second line on indented by two.
    pub(super) fn to_json(&self) -> String {
        match self {
            Self::Off => "\"off\"".to_owned(),
            Self::None { asked: None } => "\"none\"".to_owned(),
            // Nothing in an origin is anything that JSON would escape.
            Self::None { asked: Some(server) } => format!("{{ \"none\": \"{server}\" }}"),
            Self::Unasked => "\"unasked\"".to_owned(),
            Self::Kept(kept) => kept.to_json(),
        }
    }
}

impl Kept {
    /// What is handed on to others of what a source handed out: the documents, which prove themselves. Nothing in it is
    /// somebody's word alone, such as a digest that was taken here.
    pub fn to_document(&self) -> Vec<u8> {
        Self { digests: Digests::default(), none: None, ..self.clone() }.to_json().into_bytes()
    }

    /// Reads such a document, as something that the source of this key might have handed out. `None` for what is none.
    pub fn from_document(document: &[u8], source: &str) -> Option<Self> {
        let value = json::parse(document, MAX_DOCUMENT_LEN).ok()?;
        let wire: WireKept = serde_json::from_value(value).ok()?;
        let words = [&wire.sha256, &wire.sha384, &wire.sha512, &wire.none];
        let is_bare = words.iter().all(|word| word.is_none());
        let attestations = wire.attestations.into_iter().map(|one| KeptAttestation { from: source.to_owned(), ..one });
        let mut kept = Self { attestations: attestations.collect(), manifests: wire.manifests, ..Self::default() };
        kept.attestations.sort_by_cached_key(|one| one.attestation.to_string());
        (!kept.attestations.is_empty() && is_bare).then_some(kept)
    }

    fn to_json(&self) -> String {
        let mut text = "{".to_owned();
        if let Some(server) = &self.none {
            text.push_str(&format!("\n    \"none\": \"{server}\","));
        }
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
            none: Some("https://npm.example.com".parse::<Url>().expect("a URL").origin().clone()),
            manifests: vec!["{ }".to_owned()],
        };
        let read = Kept::from_document(&kept.to_document(), "oci").expect("a document");
        assert_eq!(
            read,
            Kept { digests: Digests::default(), none: None, attestations: vec![one("oci"), one("oci")], ..kept }
        );
        for other in [
            "",
            "{}",
            r#"{"attestations":[]}"#,
            r#"{"attestations":[{"from":"npm"}]}"#,
            r#"{"attestations":[{"from":"npm","attestation":1}],"attestations":[]}"#,
            r#"{"sha256":"x","attestations":[{"from":"npm","attestation":1}]}"#,
            r#"{"none":"https://npm.example.com","attestations":[{"from":"npm","attestation":1}]}"#,
            r#"{"sha512":"x","attestations":[{"from":"npm","attestation":1}]}"#,
            r#"{"attestations":[{"from":"npm","attestation":1}],"more":1}"#,
        ] {
            assert_eq!(Kept::from_document(other.as_bytes(), "npm"), None, "{other}");
        }
    }
}
