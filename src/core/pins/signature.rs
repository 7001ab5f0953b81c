//! [`Signature`]: whose signature a pin has to carry, `[pins.<name>.signature]`.

use std::collections::BTreeMap;

use super::error::{PinsError, PinsErrorKind};
use super::source::Source;
use super::table::{Entry, Shape, Table};
use super::trust::Mode;
use super::value::ValueError;
use crate::path::RelPath;

/// What the signatures of a pin have to be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Signature {
    /// What happens when there is none.
    pub mode: Mode,
    /// Whether it is the artifact in its registry that has to be signed, rather than the WebAssembly in the tree.
    pub of_artifact: bool,
    /// Files of the project with public keys; who holds any of them may have signed. Where a certificate signed, the
    /// pin's provenance says whose is good.
    pub keys: Vec<RelPath>,
    /// The same for keys that sign as something; one of each role must have.
    pub roles: BTreeMap<String, Vec<RelPath>>,
    /// How many different keys must have signed; `None` is one.
    pub threshold: Option<usize>,
    /// The 1-based line of the table.
    pub line: usize,
}

/// Most files of keys of a pin: each key is tried on each signature.
pub const MAX_KEYS: usize = 32;

/// Most keys that can be demanded: that many fit into files of any length.
const MAX_THRESHOLD: u64 = 1024;

impl Signature {
    /// The table of a pin, where it has one; `sources` are those of the pin.
    pub(super) fn read<'a>(
        pin: Table<'_>,
        sources: impl Iterator<Item = &'a Source>,
    ) -> Result<Option<Self>, PinsError> {
        let Some(entry) = pin.get("signature") else { return Ok(None) };
        let table = entry.table()?.shaped(&SIGNATURE)?;
        let mode = table.get("mode").map(|mode| mode.parse()).transpose()?.unwrap_or_default();
        let keys = table.get("keys").map(paths).transpose()?.unwrap_or_default();
        let roles = table.get("roles").map(roles).transpose()?.unwrap_or_default();
        let threshold = table.get("threshold").map(|entry| entry.number(1..=MAX_THRESHOLD)).transpose()?;
        let found = roles.values().map(Vec::len).fold(keys.len(), usize::saturating_add);
        if found > MAX_KEYS {
            return Err(table.error(PinsErrorKind::TooManyKeys { found }));
        }
        let (artifacts, others): (Vec<_>, Vec<_>) = sources.partition(|source| matches!(source, Source::Oci(_)));
        let of_artifact = !artifacts.is_empty();
        // A registry's signatures and those in files are two things, and one table is about one of them.
        if of_artifact && (!others.is_empty() || threshold.is_some() || !roles.is_empty()) {
            return Err(table.error(PinsErrorKind::SignatureOfOther));
        }
        // Without keys every signature would be a stranger's; certificates are a registry's only.
        if found == 0 && !of_artifact && mode != Mode::Off {
            return Err(table.error(PinsErrorKind::SignatureWithoutKeys));
        }
        let threshold = threshold.map(|count| usize::try_from(count).unwrap_or(usize::MAX));
        Ok(Some(Self { mode, of_artifact, keys, roles, threshold, line: table.line() }))
    }

    /// All files of keys.
    pub fn files(&self) -> impl Iterator<Item = &RelPath> {
        self.keys.iter().chain(self.roles.values().flatten())
    }
}

fn paths(entry: Entry<'_>) -> Result<Vec<RelPath>, PinsError> {
    entry.list("a list of paths")?.iter().map(Entry::parse).collect()
}

fn roles(entry: Entry<'_>) -> Result<BTreeMap<String, Vec<RelPath>>, PinsError> {
    let role = |entry: Entry<'_>| {
        let name = entry.key();
        if name.trim().is_empty() || name.contains(char::is_control) {
            return Err(entry.wrong_value(name, ValueError::Text));
        }
        let keys = paths(entry)?;
        // A role that nobody can have would never be signed for.
        if keys.is_empty() {
            return Err(entry.error(PinsErrorKind::SignatureWithoutKeys));
        }
        Ok((name.to_owned(), keys))
    };
    entry.table()?.entries().map(role).collect()
}

const SIGNATURE: Shape = Shape { noun: "a pin's `signature`", keys: &["mode", "keys", "threshold", "roles"] };
