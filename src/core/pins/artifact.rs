//! [`Artifact`]: the keys that a pin and a platform variant share, from the source to its mirrors.

use super::error::{PinsError, PinsErrorKind};
use super::oci::OciLayer;
use super::platform::Platform;
use super::source::Source;
use super::table::{Entry, Table};
use crate::digest::{Integrity, Sha256};
use crate::url::Url;

/// Most mirrors of one artifact; each may cost a whole deadline before the next is asked.
pub const MAX_MIRRORS: usize = 32;

/// Bytes that somebody serves, and what they must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// Who serves them.
    pub source: Source,
    /// Their digest.
    pub integrity: Integrity,
    /// Their number, if the pin says.
    pub size: Option<u64>,
    /// The NAR hash of the tree after patching, if the pin says.
    pub tree: Option<Sha256>,
    /// Other places of the same bytes, in the order in which they are asked.
    pub mirrors: Vec<Url>,
    /// The 1-based line of the source.
    pub line: usize,
}

impl Artifact {
    /// The artifact of a table, of the pin itself or of a variant; `None` when it names no source.
    pub(super) fn read(table: Table<'_>, variant: Option<&Platform>) -> Result<Option<Self>, PinsError> {
        let mut sources = table.entries().filter(|entry| SOURCE_KEYS.contains(&entry.key()));
        let Some(entry) = sources.next() else { return Ok(None) };
        if let Some(second) = sources.next() {
            let kind = PinsErrorKind::TwoSources { first: entry.key().to_owned(), second: second.key().to_owned() };
            return Err(second.error(kind));
        }
        let source = read_source(entry, table, variant)?;
        if !matches!(source, Source::Oci(_)) {
            OciLayer::refuse_keys(table)?;
        }
        let Some(integrity) = table.get("integrity") else {
            return Err(entry.error(PinsErrorKind::MissingIntegrity { source: source.to_string() }));
        };
        Ok(Some(Self {
            integrity: integrity.parse()?,
            size: table.get("size").map(|size| size.number(1..=MAX_SIZE)).transpose()?,
            tree: table.get("tree").map(|tree| tree.parse()).transpose()?,
            mirrors: table
                .get("mirrors")
                .map(|mirrors| read_mirrors(mirrors, &source))
                .transpose()?
                .unwrap_or_default(),
            line: entry.line(),
            source,
        }))
    }

    /// Refuses the keys that say something about a source, for a table that has none.
    pub(super) fn refuse_keys(table: Table<'_>) -> Result<(), PinsError> {
        let key = table.entries().find(|entry| KEYS_OF_A_SOURCE.contains(&entry.key()));
        key.map_or(Ok(()), |entry| Err(entry.error(PinsErrorKind::KeyWithoutSource { key: entry.key().to_owned() })))
    }
}

fn read_source(entry: Entry<'_>, table: Table<'_>, variant: Option<&Platform>) -> Result<Source, PinsError> {
    match entry.key() {
        "npm" => entry.parse().map(Source::Npm),
        "github" => entry.parse().map(Source::Github),
        "pypi" => entry.parse().map(Source::Pypi),
        "url" => entry.parse().map(Source::Url),
        "oci" => OciLayer::read(entry, table, variant).map(Source::Oci),
        // The last of the keys that name a source.
        _ => entry.parse().map(Source::File),
    }
}

fn read_mirrors(entry: Entry<'_>, source: &Source) -> Result<Vec<Url>, PinsError> {
    if matches!(source, Source::File(_)) {
        return Err(entry.error(PinsErrorKind::MirrorsOfFile));
    }
    let mirrors = entry.list("a list of URLs")?;
    if mirrors.len() > MAX_MIRRORS {
        return Err(entry.error(PinsErrorKind::TooManyMirrors { found: mirrors.len() }));
    }
    mirrors.iter().map(Entry::parse).collect()
}

/// The keys that name a source.
pub(super) const SOURCE_KEYS: [&str; 6] = ["npm", "github", "url", "file", "pypi", "oci"];
/// The keys that mean nothing without one.
const KEYS_OF_A_SOURCE: [&str; 6] = ["integrity", "size", "tree", "mirrors", "oci-platform", "layer"];
/// TOML's whole numbers end at 2^63 - 1.
pub(super) const MAX_SIZE: u64 = i64::MAX.unsigned_abs();
