//! What sources hand out, taken apart into single attestations.
//!
//! Reads Sigstore bundles (one, JSON lines of them, or an array), npm's and GitHub's responses, PyPI's provenance object
//! (PEP 740), and bare DSSE envelopes. Whatever a response says around a bundle is not signed, and not kept.
//!
//! Refuses any other shape, a bundle that is `null`, and more than [`MAX_ATTESTATIONS`].

use std::fmt;

use serde_json::{Map, Value, json};

use super::{Attestation, Form};
use crate::statement::PAYLOAD_TYPE;
use pinfold_core::json::{self, JsonError, Room};

/// Longest document, in bytes: a release's 41 subjects take 60 kB, a hundred attestations a few MB.
pub const MAX_DOCUMENT_LEN: usize = 16 << 20;
/// Most attestations in a document; GitHub's interface hands out at most a hundred.
pub const MAX_ATTESTATIONS: usize = 1_000;

/// Takes a document apart, in the order in which its attestations stand.
pub fn read(document: &[u8]) -> Result<Vec<Attestation>, DocumentError> {
    read_within(document, &Room::default())
}

/// The same of one of several documents that are kept beside each other, and share the room in memory.
pub fn read_within(document: &[u8], room: &Room) -> Result<Vec<Attestation>, DocumentError> {
    let mut found = Vec::new();
    match json::parse_within(document, MAX_DOCUMENT_LEN, room) {
        Ok(value) => sort(value, 0, &mut found)?,
        Err(JsonError::Malformed(error)) => {
            let lines = lines(document);
            if lines.len() < 2 {
                return Err(DocumentError::Json { line: None, source: JsonError::Malformed(error) });
            }
            for (number, line) in lines {
                let value = json::parse_within(line, MAX_DOCUMENT_LEN, room);
                let value = value.map_err(|source| DocumentError::Json { line: Some(number), source })?;
                sort(value, 0, &mut found)?;
            }
        }
        Err(source) => return Err(DocumentError::Json { line: None, source }),
    }
    if found.is_empty() { Err(DocumentError::Empty) } else { Ok(found) }
}

/// The lines that are not blank, with their 1-based numbers.
fn lines(document: &[u8]) -> Vec<(usize, &[u8])> {
    let lines = document.split(|byte| *byte == b'\n').enumerate();
    lines
        .map(|(index, line)| (index.saturating_add(1), line.trim_ascii()))
        .filter(|(_, line)| !line.is_empty())
        .collect()
}

/// Finds out what a value is, by the names in it. `depth` ends what is nested in itself.
fn sort(value: Value, depth: u8, found: &mut Vec<Attestation>) -> Result<(), DocumentError> {
    if found.len() >= MAX_ATTESTATIONS {
        return Err(DocumentError::TooMany);
    }
    let deeper = depth.saturating_add(1);
    match value {
        Value::Array(items) if depth == 0 => items.into_iter().try_for_each(|item| sort(item, deeper, found)),
        Value::Object(mut object) => {
            let has = |names: &[&str]| names.iter().all(|name| object.contains_key(*name));
            if has(&["mediaType"]) {
                found.push(Attestation { form: Form::Bundle, value: Value::Object(object) });
            } else if has(&["payload", "payloadType", "signatures"]) {
                found.push(Attestation { form: Form::Envelope, value: Value::Object(object) });
            } else if has(&["registrySignature"]) {
                found.push(Attestation { form: Form::RegistrySignature, value: Value::Object(object) });
            } else if has(&["imageSignature"]) {
                found.push(Attestation { form: Form::ImageSignature, value: Value::Object(object) });
            } else if has(&["verification_material", "envelope"]) {
                found.push(Attestation { form: Form::Bundle, value: from_pypi(object)? });
            } else if let (Some(Value::Array(items)), true) = (object.remove("attestation_bundles"), depth == 0) {
                for item in items {
                    each(item, "attestations", deeper, found)?;
                }
            } else if let (Some(Value::Array(items)), true) = (object.remove("attestations"), depth == 0) {
                items.into_iter().try_for_each(|item| response_item(item, found))?;
            } else {
                return Err(DocumentError::Shape);
            }
            Ok(())
        }
        _ => Err(DocumentError::Shape),
    }
}

/// All that stands in the list `name` of an object.
fn each(value: Value, name: &str, depth: u8, found: &mut Vec<Attestation>) -> Result<(), DocumentError> {
    let Value::Object(mut object) = value else { return Err(DocumentError::Shape) };
    let Some(Value::Array(items)) = object.remove(name) else { return Err(DocumentError::Shape) };
    items.into_iter().try_for_each(|item| sort(item, depth, found))
}

/// An entry of npm's or GitHub's response: only the bundle in it is signed.
fn response_item(item: Value, found: &mut Vec<Attestation>) -> Result<(), DocumentError> {
    let Value::Object(mut object) = item else { return Err(DocumentError::Shape) };
    match object.remove("bundle") {
        Some(Value::Null) => Err(DocumentError::NullBundle),
        Some(bundle @ Value::Object(_)) => sort(bundle, 1, found),
        _ => Err(DocumentError::Shape),
    }
}

/// A PEP 740 attestation as the bundle that it stands for: five fields have other names, and the type of the payload
/// goes without saying.
fn from_pypi(mut object: Map<String, Value>) -> Result<Value, DocumentError> {
    let (Some(Value::Object(mut material)), Some(Value::Object(mut envelope))) =
        (object.remove("verification_material"), object.remove("envelope"))
    else {
        return Err(DocumentError::Shape);
    };
    let take = |map: &mut Map<String, Value>, name: &str| map.remove(name).ok_or(DocumentError::Shape);
    Ok(json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {
            "certificate": { "rawBytes": take(&mut material, "certificate")? },
            "tlogEntries": take(&mut material, "transparency_entries")?,
        },
        "dsseEnvelope": {
            "payload": take(&mut envelope, "statement")?,
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{ "sig": take(&mut envelope, "signature")? }],
        },
    }))
}

/// Why a document holds no attestation that pinfold can look at.
#[derive(Debug)]
pub enum DocumentError {
    /// Not JSON, or one of several lines is not.
    Json {
        /// The 1-based line, where the document is JSON lines.
        line: Option<usize>,
        /// What is wrong with it.
        source: JsonError,
    },
    /// JSON of no known shape.
    Shape,
    /// A bundle that is `null`: the source keeps it elsewhere.
    NullBundle,
    /// No attestation in it.
    Empty,
    /// More than [`MAX_ATTESTATIONS`].
    TooMany,
}

impl DocumentError {
    /// A stable id of the refusal.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Json { source, .. } => source.code(),
            Self::Shape => "document-shape",
            Self::NullBundle => "document-null-bundle",
            Self::Empty => "document-empty",
            Self::TooMany => "document-many-attestations",
        }
    }

    /// What to do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Shape => Some(
                "what is read: Sigstore bundles, npm's, GitHub's and PyPI's responses, and DSSE envelopes, as JSON"
                    .into(),
            ),
            Self::NullBundle => Some("fetch what its `bundle_url` names, and unpack it with Snappy".into()),
            _ => None,
        }
    }
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json { line: Some(line), source } => write!(f, "line {line}: {source}"),
            Self::Json { line: None, source } => source.fmt(f),
            Self::Shape => f.write_str("the document has no shape that attestations come in"),
            Self::NullBundle => f.write_str("the document has a bundle that is null"),
            Self::Empty => f.write_str("there is no attestation in the document"),
            Self::TooMany => write!(f, "there are more than {MAX_ATTESTATIONS} attestations in the document"),
        }
    }
}

impl std::error::Error for DocumentError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Json { source, .. } => Some(source),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_it_reads() {
        let check = |document: &str, expected: Result<&[Form], &str>| {
            let found = read(document.as_bytes());
            let forms = found.as_ref().map(|all| all.iter().map(|one| one.form).collect::<Vec<_>>());
            let forms = forms.map_err(|error| error.code());
            assert_eq!(forms.as_deref().map_err(|code| *code), expected, "{document}");
        };
        let bundle = r#"{"mediaType":"x"}"#;
        let envelope = r#"{"payload":"","payloadType":"","signatures":[]}"#;
        let pypi = r#"{"verification_material":{"certificate":"","transparency_entries":[]},
            "envelope":{"statement":"","signature":""}}"#;
        use Form::{Bundle, Envelope};
        check(bundle, Ok(&[Bundle]));
        check(envelope, Ok(&[Envelope]));
        check(pypi, Ok(&[Bundle]));
        check(&format!("{bundle}\n\n{envelope}\n"), Ok(&[Bundle, Envelope]));
        check(&format!("[{bundle},{envelope}]"), Ok(&[Bundle, Envelope]));
        check(&format!("{{\"attestations\":[{{\"predicateType\":\"\",\"bundle\":{bundle}}}]}}"), Ok(&[Bundle]));
        check(&format!("{{\"attestation_bundles\":[{{\"attestations\":[{pypi}]}}]}}"), Ok(&[Bundle]));
        check("", Err("json-malformed"));
        check(&format!("{bundle}\n{{"), Err("json-malformed"));
        check(r#"{"attestations":[]}"#, Err("document-empty"));
        check("[]", Err("document-empty"));
        check(r#"{"attestations":[{"bundle":null,"bundle_url":"https://example.com"}]}"#, Err("document-null-bundle"));
        check(r#"{"attestations":[{"bundle":{"attestations":[]}}]}"#, Err("document-shape"));
        check(r#"{"message":"Not Found"}"#, Err("document-shape"));
        check("[[]]", Err("document-shape"));
        check("7", Err("document-shape"));
        check(&format!("[{}]", vec![bundle; 1001].join(",")), Err("document-many-attestations"));
    }
}
