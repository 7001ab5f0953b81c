//! [`Signature`]: whose signature a pin's artifact has to carry, `[pins.<name>.signature]`.

use super::error::{PinsError, PinsErrorKind};
use super::source::Source;
use super::table::{Shape, Table};
use super::trust::Mode;
use crate::path::RelPath;

/// What the signature of an artifact has to be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Signature {
    /// What happens when there is none.
    pub mode: Mode,
    /// Files of the project with public keys, PEM; who holds any of them may have signed. Where a certificate signed, the
    /// pin's provenance says whose is good.
    pub keys: Vec<RelPath>,
    /// The 1-based line of the table.
    pub line: usize,
}

/// Most keys of a pin: each is tried on each signature.
pub const MAX_KEYS: usize = 32;

impl Signature {
    /// The table of a pin, where it has one; `sources` are those of the pin.
    pub(super) fn read<'a>(
        pin: Table<'_>,
        mut sources: impl Iterator<Item = &'a Source>,
    ) -> Result<Option<Self>, PinsError> {
        let Some(entry) = pin.get("signature") else { return Ok(None) };
        let table = entry.table()?.shaped(&SIGNATURE)?;
        let keys = table.get("keys").map(|keys| keys.list("a list of paths")).transpose()?.unwrap_or_default();
        if keys.len() > MAX_KEYS {
            return Err(table.error(PinsErrorKind::TooManyKeys { found: keys.len() }));
        }
        // Signatures that nobody looks for must not seem to be demanded.
        if sources.any(|source| !matches!(source, Source::Oci(_))) {
            return Err(table.error(PinsErrorKind::SignatureOfOther));
        }
        Ok(Some(Self {
            mode: table.get("mode").map(|mode| mode.parse()).transpose()?.unwrap_or_default(),
            keys: keys.iter().map(|key| key.parse()).collect::<Result<_, _>>()?,
            line: table.line(),
        }))
    }
}

const SIGNATURE: Shape = Shape { noun: "a pin's `signature`", keys: &["mode", "keys"] };
