//! What is in WebAssembly, without any key: nothing here is proved, and nothing is called valid.

use std::path::Path;

use serde::Serialize;

use super::{detached, unreadable};
use pinfold_core::digest::hex;
use pinfold_core::fault::Fault;
use pinfold_core::fs;
use pinfold_core::text::plain_json;
use pinfold_wasm::wasmfile::{self, Coverage, Extra, Inspection, RecordKind, Signed, SignedSet};

/// What a look at a file shows: the document `pinfold/wasm/v1`.
#[derive(Debug, Serialize)]
pub struct Inspected {
    /// The value of `schema`.
    pub schema: &'static str,
    /// The file, as it was given.
    pub file: String,
    /// `module` or `component`, by its header.
    pub kind: &'static str,
    /// Its length in bytes.
    pub size: u64,
    /// The digest of the whole file.
    pub sha256: String,
    /// The digest of everything behind the signature.
    pub content: String,
    /// Its sections, in order.
    pub sections: Vec<Section>,
    /// Its parts.
    pub parts: Vec<Part>,
    /// The signature, in it or beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
    /// What else is embedded, by its own word.
    pub embedded: Vec<Embedded>,
}

/// A section.
#[derive(Debug, Serialize)]
pub struct Section {
    /// Its number.
    pub id: u8,
    /// What a section of this number is called.
    pub word: &'static str,
    /// The name of a custom section.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where it starts, in bytes from the start of the file.
    pub offset: u64,
    /// How many bytes it takes.
    pub size: u64,
    /// The part that it is in, from 1; none for the signature itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<usize>,
    /// The digest of its content.
    pub sha256: String,
}

/// A part.
#[derive(Debug, Serialize)]
pub struct Part {
    /// Whether a delimiter ends it.
    pub delimited: bool,
    /// Where it ends.
    pub end: u64,
    /// The digest of everything up to its end: what signatures are over.
    pub sha256: String,
}

/// Signature data.
#[derive(Debug, Serialize)]
pub struct Signature {
    /// Whether it lies beside the file.
    pub detached: bool,
    /// Its length in bytes.
    pub size: u64,
    /// Why it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
    /// Lists of hashes, and who claims to have signed them.
    pub sets: Vec<Set>,
}

/// A list of hashes.
#[derive(Debug, Serialize)]
pub struct Set {
    /// What it is of the file: `whole`, `parts`, `cut`, `nothing`.
    pub covers: &'static str,
    /// How many parts of the file it has.
    pub covered_parts: usize,
    /// How many hashes it has.
    pub hashes: usize,
    /// Its signatures, none of them checked.
    pub signers: Vec<Claim>,
}

/// A signature, by its own word.
#[derive(Debug, Serialize)]
pub struct Claim {
    /// `ed25519`, `algorithm N`, `unreadable`.
    pub algorithm: String,
    /// What it calls its key, in hexadecimal; empty for nothing.
    pub key_id: String,
    /// How many certificates are behind it, as wsc appends them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificates: Option<usize>,
}

/// Something embedded.
#[derive(Debug, Serialize)]
pub struct Embedded {
    /// The name of the section.
    pub section: String,
    /// What that is.
    pub what: &'static str,
    /// The tools that it names: field, name, version.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub producers: Vec<[String; 3]>,
    /// Its text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// Looks into a file, and at a signature beside it.
pub fn inspect(path: &Path, beside: Option<&Path>) -> Result<Inspected, Fault> {
    let data = beside.map(detached).transpose()?;
    let look = wasmfile::inspect(fs::open(path)?, data.as_deref());
    let look = look.map_err(|source| unreadable(path, source))?;
    Ok(of(path.display().to_string(), look))
}

impl Inspected {
    /// The document, ending in a line feed.
    #[expect(clippy::expect_used, reason = "the fields are strings, numbers and flags, which JSON can write")]
    pub fn to_json(&self) -> String {
        let text = serde_json::to_string_pretty(self).expect("strings and numbers are JSON");
        format!("{}\n", plain_json(&text))
    }
}

fn of(file: String, look: Inspection) -> Inspected {
    let sections = look.sections.into_iter().map(|one| Section {
        id: one.section.id,
        word: one.word,
        offset: one.section.offset,
        size: one.section.size,
        part: one.part.map(|part| part.saturating_add(1)),
        sha256: one.sha256.hex(),
        name: one.section.name,
    });
    let part = |part: wasmfile::Part| Part { delimited: part.delimited, end: part.end, sha256: part.hash.hex() };
    Inspected {
        schema: "pinfold/wasm/v1",
        file,
        kind: look.kind.name(),
        size: look.size,
        sha256: look.sha256.hex(),
        content: format!("sha256:{}", look.content.hex()),
        sections: sections.collect(),
        parts: look.parts.into_iter().map(part).collect(),
        signature: look.signature.map(signature),
        embedded: look.extras.into_iter().map(embedded).collect(),
    }
}

fn signature(signed: Signed) -> Signature {
    let (sets, unreadable) = match signed.sets {
        Ok(sets) => (sets, None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    let sets = sets.into_iter().map(set).collect();
    Signature { detached: signed.detached, size: signed.size, unreadable, sets }
}

fn set(set: SignedSet) -> Set {
    let (covers, covered_parts) = match set.covers {
        Coverage::Whole => ("whole", set.hashes),
        Coverage::Parts { first } => ("parts", first),
        Coverage::Cut { gone } => ("cut", set.hashes.saturating_sub(gone)),
        Coverage::Nothing => ("nothing", 0),
    };
    Set { covers, covered_parts, hashes: set.hashes, signers: set.records.into_iter().map(claim).collect() }
}

fn claim(record: RecordKind) -> Claim {
    match record {
        RecordKind::Ed25519 { key_id, certificates, .. } => Claim {
            algorithm: "ed25519".to_owned(),
            key_id: hex(&key_id),
            certificates: certificates.filter(|count| *count > 0),
        },
        RecordKind::Other { key_id, algorithm } => {
            Claim { algorithm: format!("algorithm {algorithm}"), key_id: hex(&key_id), certificates: None }
        }
        RecordKind::Malformed => {
            Claim { algorithm: "unreadable".to_owned(), key_id: String::new(), certificates: None }
        }
    }
}

fn embedded(extra: Extra) -> Embedded {
    let producer = |one: wasmfile::Producer| [one.field, one.name, one.version];
    Embedded {
        section: extra.section,
        what: extra.what,
        producers: extra.producers.into_iter().map(producer).collect(),
        text: extra.text,
    }
}
