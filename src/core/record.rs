//! [`Record`]: what stands in a folder and on what evidence, `.pinfold/<pin>.json`.
//!
//! The same pin gives the same bytes: no time, no address, no order of arrival. One line a file, so that a change reads
//! well in a diff. A record is a claim, not a proof: it lies in the checkout like the tree, and `verify` holds both
//! against the pin file.
//!
//! Refuses another schema, unknown keys, paths that are not plain, and files out of order or named twice.

mod differences;
mod evidence;
mod signatures;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::digest::{Algorithm, FileDigest, Integrity, IntegrityError, Sha256};
use crate::fault::Fault;
use crate::path::{self, PathError, RelPath};

pub use differences::{Change, Difference, differences};
pub use evidence::{Evidence, Kept, KeptAttestation, MAX_DOCUMENT_LEN};
pub use signatures::{Signatures, SignedContent, SignedEntry};

/// The value of `schema` in every record of this version.
pub const SCHEMA: &str = "pinfold/record/v1";

/// Longest record, in bytes: 200,000 members with paths of some 300 bytes.
pub const MAX_RECORD_LEN: u64 = 128 << 20;

/// What was installed for one pin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The pin's name.
    pub pin: String,
    /// The pin's source as text, such as `npm:terser@5.46.2`.
    pub source: String,
    /// The integrity of the artifact.
    pub integrity: Integrity,
    /// Length of the artifact, in bytes.
    pub size: u64,
    /// Where the tree stands, relative to pins.toml.
    pub to: RelPath,
    /// Digest of what the pin says about unpacking and patching.
    pub recipe: Sha256,
    /// The tree hash, where the pin holds one.
    pub tree: Option<Sha256>,
    /// What is known of the artifact's upstream evidence.
    pub evidence: Evidence,
    /// What is known of signed WebAssembly in it; `None` where the pin demands nothing of that.
    pub signatures: Option<Signatures>,
    /// What stands at `to`.
    pub contents: Contents,
}

/// What stands at a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contents {
    /// One file (format `raw`).
    File(FileEntry),
    /// A folder and all that is in it, in [`RelPath::tree_order`].
    Folder(Vec<Entry>),
}

/// A regular file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileEntry {
    /// Length, in bytes.
    pub size: u64,
    /// Whether its mode is 0755 rather than 0644.
    pub executable: bool,
    /// The digest of its bytes.
    pub digest: FileDigest,
}

/// One path in a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The path below the destination.
    pub path: RelPath,
    /// What is there.
    pub kind: EntryKind,
}

/// What an [`Entry`] is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File(FileEntry),
    /// A symbolic link with this target.
    Symlink(String),
    /// A folder that has nothing in it; others follow from their files.
    EmptyFolder,
}

impl Contents {
    /// How many files, links and empty folders there are.
    pub const fn len(&self) -> usize {
        match self {
            Self::File(_) => 1,
            Self::Folder(entries) => entries.len(),
        }
    }

    /// Whether there is nothing at all.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether git would find a repository among them.
    pub fn has_repository(&self) -> bool {
        match self {
            Self::File(_) => false,
            Self::Folder(entries) => path::repository_in(entries.iter().map(|entry| &entry.path)).is_some(),
        }
    }

    /// Bytes of all files together.
    pub fn bytes(&self) -> u64 {
        match self {
            Self::File(file) => file.size,
            Self::Folder(entries) => entries
                .iter()
                .map(|entry| if let EntryKind::File(file) = &entry.kind { file.size } else { 0 })
                .fold(0, u64::saturating_add),
        }
    }
}

impl Record {
    /// Reads a record.
    pub fn parse(text: &[u8]) -> Result<Self, RecordError> {
        // The schema first, alone: a newer record's other keys would hide that it is newer.
        let schema: Schema = serde_json::from_slice(text).map_err(RecordError::Json)?;
        if schema.schema != SCHEMA {
            return Err(RecordError::Schema(schema.schema));
        }
        let wire: Wire = serde_json::from_slice(text).map_err(RecordError::Json)?;
        wire.try_into()
    }

    /// The record as it is written: UTF-8 JSON, one line a file, ending in a line feed.
    pub fn to_json(&self) -> String {
        let head = Wire {
            schema: SCHEMA.to_owned(),
            pin: self.pin.clone(),
            source: self.source.clone(),
            integrity: self.integrity.to_string(),
            size: self.size,
            to: self.to.to_string(),
            recipe: self.recipe.to_string(),
            tree: self.tree.map(|tree| tree.to_string()),
            evidence: None,
            signatures: None,
            file: match &self.contents {
                Contents::File(file) => Some(WireEntry::file(None, file)),
                Contents::Folder(_) => None,
            },
            files: None,
        };
        let mut text = pretty(&head);
        // The closing brace comes off, the evidence goes in, an attestation a line.
        text.truncate(text.trim_end_matches("\n}").len());
        text.push_str(",\n  \"evidence\": ");
        text.push_str(&self.evidence.to_json());
        if let Some(signatures) = &self.signatures {
            text.push_str(",\n  \"signatures\": ");
            text.push_str(&signatures.to_json());
        }
        if let Contents::Folder(entries) = &self.contents {
            text.push_str(",\n  \"files\": [");
            for (index, entry) in entries.iter().enumerate() {
                text.push_str(if index == 0 { "\n    " } else { ",\n    " });
                text.push_str(&line(&WireEntry::from(entry)));
            }
            text.push_str("\n  ]");
        }
        text.push_str("\n}\n");
        text
    }
}

/// Why bytes are not a [`Record`].
#[derive(Debug)]
pub enum RecordError {
    /// Not JSON of the record's shape.
    Json(serde_json::Error),
    /// Another schema, such as that of a newer pinfold.
    Schema(String),
    /// A digest that cannot be read.
    Digest(IntegrityError),
    /// What should be a server is none, or is spelled in another way.
    Server(String),
    /// A digest under the name of another algorithm than its own.
    OtherDigest(Algorithm),
    /// A file's digest that is not 64 lower-case hexadecimal digits.
    FileDigest(String),
    /// A path that is not plain.
    Path {
        /// The path as it stands.
        path: String,
        /// What is wrong with it.
        source: PathError,
    },
    /// A file that does not come behind the one before it.
    Order(RelPath),
    /// A file entry that is neither a file, nor a link, nor an empty folder, or more than one of them.
    Entry(String),
    /// Neither `file` nor `files`, or both.
    Contents,
    /// It does not say what is known of evidence.
    NoEvidence,
    /// Evidence without an attestation in it.
    NoAttestations,
}

impl RecordError {
    /// Whether it is a record of another version of pinfold, which may know better what to do with it.
    pub fn is_newer(&self) -> bool {
        matches!(self, Self::Schema(schema) if schema.starts_with("pinfold/record/"))
    }

    /// The same as a fault, which says in which file.
    pub fn in_file(self, path: &str) -> Fault {
        let hint = if self.is_newer() {
            "use the pinfold that wrote it, or remove it and run `pinfold fetch`, which writes it anew"
        } else {
            "run `pinfold fetch`, which writes it anew"
        };
        Fault::failed("record-malformed", format!("`{path}`: {self}")).hint(hint).because(self)
    }
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => write!(f, "the record is malformed: {error}"),
            Self::Schema(schema) => write!(f, "the record has the schema `{}`, not `{SCHEMA}`", schema.escape_debug()),
            Self::Digest(error) => write!(f, "the record is malformed: {error}"),
            Self::Server(text) => {
                write!(f, "the record has `{}` for a server that was asked", text.escape_debug())
            }
            Self::OtherDigest(algorithm) => {
                write!(
                    f,
                    "the record is malformed: what it has as `{}` is a digest of another algorithm",
                    algorithm.name()
                )
            }
            Self::FileDigest(text) => write!(f, "the record has `{}` for a digest", text.escape_debug()),
            Self::Path { path, source } => write!(f, "the record names `{}`: {source}", path.escape_debug()),
            Self::Order(path) => write!(f, "the record names `{path}` twice or out of order"),
            Self::Entry(path) => write!(f, "the record does not say what `{}` is", path.escape_debug()),
            Self::Contents => f.write_str("the record has to have either `file` or `files`"),
            Self::NoEvidence => f.write_str("the record has to have `evidence`"),
            Self::NoAttestations => f.write_str("the record has evidence without attestations"),
        }
    }
}

impl std::error::Error for RecordError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Json(error) => Some(error),
            Self::Digest(error) => Some(error),
            Self::Path { source, .. } => Some(source),
            _ => None,
        }
    }
}

#[derive(Deserialize)]
struct Schema {
    schema: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    schema: String,
    pin: String,
    source: String,
    integrity: String,
    size: u64,
    to: String,
    recipe: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tree: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<evidence::Wire>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signatures: Option<signatures::Wire>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<WireEntry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<Vec<WireEntry>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireEntry {
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    executable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    blake3: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    empty_folder: bool,
}

impl WireEntry {
    fn file(path: Option<String>, file: &FileEntry) -> Self {
        Self {
            path,
            size: Some(file.size),
            executable: file.executable,
            blake3: Some(file.digest.hex()),
            link: None,
            empty_folder: false,
        }
    }

    fn into_file(self) -> Result<FileEntry, RecordError> {
        match (self.size, self.blake3) {
            (Some(size), Some(digest)) if self.link.is_none() && !self.empty_folder => Ok(FileEntry {
                size,
                executable: self.executable,
                digest: FileDigest::from_hex(&digest).ok_or(RecordError::FileDigest(digest))?,
            }),
            _ => Err(RecordError::Entry(self.path.unwrap_or_default())),
        }
    }

    fn into_entry(mut self) -> Result<Entry, RecordError> {
        let text = self.path.clone().unwrap_or_default();
        let path: RelPath = text.parse().map_err(|source| RecordError::Path { path: text.clone(), source })?;
        let kind = match (self.size, self.link.take(), self.empty_folder) {
            (Some(_), None, false) => EntryKind::File(self.into_file()?),
            (None, Some(target), false) if self.blake3.is_none() && !self.executable => EntryKind::Symlink(target),
            (None, None, true) if self.blake3.is_none() && !self.executable => EntryKind::EmptyFolder,
            _ => return Err(RecordError::Entry(text)),
        };
        Ok(Entry { path, kind })
    }
}

impl From<&Entry> for WireEntry {
    fn from(entry: &Entry) -> Self {
        let path = Some(entry.path.to_string());
        let other = Self { path: None, size: None, executable: false, blake3: None, link: None, empty_folder: false };
        match &entry.kind {
            EntryKind::File(file) => Self::file(path, file),
            EntryKind::Symlink(target) => Self { path, link: Some(target.clone()), ..other },
            EntryKind::EmptyFolder => Self { path, empty_folder: true, ..other },
        }
    }
}

impl TryFrom<Wire> for Record {
    type Error = RecordError;

    fn try_from(wire: Wire) -> Result<Self, RecordError> {
        let contents = match (wire.file, wire.files) {
            (Some(file), None) => Contents::File(file.into_file()?),
            (None, Some(files)) => {
                let entries = files.into_iter().map(WireEntry::into_entry).collect::<Result<Vec<_>, _>>()?;
                for (before, after) in entries.iter().zip(entries.iter().skip(1)) {
                    if before.path.tree_order(&after.path).is_ge() {
                        return Err(RecordError::Order(after.path.clone()));
                    }
                }
                Contents::Folder(entries)
            }
            _ => return Err(RecordError::Contents),
        };
        Ok(Self {
            pin: wire.pin,
            source: wire.source,
            integrity: wire.integrity.parse().map_err(RecordError::Digest)?,
            size: wire.size,
            to: wire.to.parse().map_err(|source| RecordError::Path { path: wire.to, source })?,
            recipe: wire.recipe.parse().map_err(RecordError::Digest)?,
            tree: wire.tree.map(|tree| tree.parse()).transpose().map_err(RecordError::Digest)?,
            evidence: wire.evidence.ok_or(RecordError::NoEvidence)?.try_into()?,
            signatures: wire.signatures.map(Signatures::try_from).transpose()?,
            contents,
        })
    }
}

#[expect(clippy::expect_used, reason = "the wire structs hold only strings, numbers and flags, which JSON can write")]
fn pretty(wire: &Wire) -> String {
    serde_json::to_string_pretty(wire).expect("strings and numbers are JSON")
}

#[expect(clippy::expect_used, reason = "the wire structs hold only strings, numbers and flags, which JSON can write")]
fn line(entry: &WireEntry) -> String {
    serde_json::to_string(entry).expect("strings and numbers are JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(bytes: &[u8], executable: bool) -> FileEntry {
        FileEntry { size: u64::try_from(bytes.len()).expect("short"), executable, digest: FileDigest::of(bytes) }
    }

    fn record(contents: Contents) -> Record {
        Record {
            pin: "x".into(),
            source: "npm:x@1.0.0".into(),
            integrity: Integrity::of(Algorithm::Sha512, b"packed"),
            size: 6,
            to: "tools/x".parse().expect("a path"),
            recipe: Sha256::of(b"recipe"),
            tree: Some(Sha256::of(b"tree")),
            evidence: Evidence::None { asked: None },
            signatures: None,
            contents,
        }
    }

    fn folder() -> Record {
        let entry = |path: &str, kind| Entry { path: path.parse().expect("a path"), kind };
        record(Contents::Folder(vec![
            entry("bin/x", EntryKind::File(file(b"#!", true))),
            entry("empty", EntryKind::EmptyFolder),
            entry("link \"}\n".trim_end(), EntryKind::Symlink("bin/x".into())),
        ]))
    }

    #[test]
    fn reads_what_it_writes() {
        let kept = KeptAttestation { from: "npm".into(), attestation: serde_json::json!({ "a": [1, "}\n"] }) };
        let kept = |algorithms: &[Algorithm], none, manifests| {
            let digests = algorithms.iter().map(|one| Integrity::of(*one, b"x")).collect();
            Evidence::Kept(Kept { digests, none, attestations: vec![kept.clone(), kept.clone()], manifests })
        };
        let manifests = vec!["{\"a\":\n1}".to_owned(), "{}".to_owned()];
        let server = "https://npm.example.com:8443/x".parse::<crate::url::Url>().expect("a URL").origin().clone();
        let evidences = [
            Evidence::Off,
            Evidence::None { asked: Some(server.clone()) },
            Evidence::Unasked,
            kept(&[], Some(server), Vec::new()),
            kept(&[Algorithm::Sha256], None, manifests),
            kept(&Algorithm::ALL, None, Vec::new()),
        ];
        let records = evidences.map(|evidence| Record { evidence, ..folder() });
        let proved = SignedContent { kind: "module".into(), content: "00".into(), signers: vec!["ed25519:00".into()] };
        let signed = SignedEntry { path: "bin/x".into(), proved: Some(proved) };
        let unsigned = SignedEntry { path: String::new(), proved: None };
        let judged = |files| Signatures::Judged { demand: Sha256::of(b"keys"), files };
        for record in records.into_iter().chain([
            folder(),
            Record { signatures: Some(Signatures::Off), ..folder() },
            Record { signatures: Some(judged(vec![signed, unsigned])), ..folder() },
            Record { signatures: Some(judged(vec![])), ..record(Contents::File(file(b"", false))) },
            record(Contents::File(file(b"", false))),
            record(Contents::Folder(vec![])),
        ]) {
            let text = record.to_json();
            assert_eq!(Record::parse(text.as_bytes()).expect("a record"), record, "{text}");
            assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
        }
    }

    #[test]
    fn writes_one_line_a_file() {
        let text = folder().to_json();
        let files: Vec<&str> = text.lines().skip_while(|line| !line.contains("\"files\"")).collect();
        assert_eq!(files.len(), 6, "{text}");
        assert_eq!(files[2], "    {\"path\":\"empty\",\"empty_folder\":true},");
        assert_eq!(files[5], "}");
    }

    #[test]
    fn refuses_each_way_to_be_wrong() {
        let good = folder().to_json();
        let check = |from: &str, to: &str, expected: &str| {
            assert!(good.contains(from), "{from}");
            let error = Record::parse(good.replace(from, to).as_bytes()).expect_err(to).to_string();
            assert!(error.contains(expected), "{error}");
        };
        check("record/v1", "record/v2", "the record has the schema `pinfold/record/v2`");
        check("\"pin\"", "\"pim\"", "unknown field `pim`");
        check("\"empty\"", "\"../etc\"", "the path has a component `..`");
        check("\"empty\"", "\"bin/x\"", "twice or out of order");
        check("\"empty\"", "\"a\"", "twice or out of order");
        check(",\"empty_folder\":true", "", "does not say what `empty` is");
        check("\"files\"", "\"file\"", "malformed");
        check("  \"evidence\": \"none\",\n", "", "has to have `evidence`");
        check("\"none\"", "\"not-judged\"", "malformed");
        check("\"none\"", "{\"attestations\":[]}", "without attestations");
        check("\"none\"", "{\"attestations\":[{\"from\":\"npm\"}]}", "malformed");
        for server in [
            "",
            "npm",
            "https://npm.example.com/",
            "https://npm.example.com/x",
            "HTTPS://npm.example.com",
            "http://a.example.com",
        ] {
            check("\"none\"", &format!("{{\"none\":\"{server}\"}}"), "for a server that was asked");
        }
        check("\"none\"", "{\"none\":\"https://npm.example.com\",\"at\":1}", "malformed");
        let sha256 = Integrity::of(Algorithm::Sha256, b"x");
        let kept =
            |name| format!("{{\"{name}\":\"{sha256}\",\"attestations\":[{{\"from\":\"npm\",\"attestation\":1}}]}}");
        check("\"none\"", &kept("sha512"), "as `sha512` is a digest of another algorithm");
        check("\"none\"", &kept("sha1"), "malformed");
        check("sha512-", "sha513-", "not a hash algorithm");
        check("\n  ]\n}", "\n  ]\n}}", "trailing characters");
    }
}
