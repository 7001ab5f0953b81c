//! What [`PinsErrorKind`] says: one sentence each, and what to do about it.

use std::fmt;

use super::error::PinsErrorKind;
use super::{MAX_FILE_LEN, MAX_KEYS, MAX_MIRRORS, MAX_PATCHES, MAX_PINS, VERSION};
use crate::text::{Location, Secrets};

impl PinsErrorKind {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::MissingVersion => "write `version = 1` at the top".to_owned(),
            Self::UnsupportedVersion { .. } => "this pinfold reads `version = 1`".to_owned(),
            Self::UnknownKey { nearest, .. } => format!("did you mean `{}`?", nearest.as_ref()?),
            Self::NoSource => "name one of `npm`, `github`, `pypi`, `oci`, `url` and `file`".to_owned(),
            Self::TwoSources { .. } => "keep one; other places of the same bytes go into `mirrors`".to_owned(),
            Self::MissingIntegrity { .. } => "write `integrity = \"sha512-…\"`, the digest of the bytes".to_owned(),
            Self::MissingKey { key: "to", .. } => "write `to = \"…\"`, the folder that the tree goes to".to_owned(),
            Self::KeyWithoutSource { .. } => "write it into the tables of the platforms".to_owned(),
            Self::Value { error, value, .. } => error.hint(value)?,
            Self::ExecutableTrue => "list the files, or say `format = \"raw\"`".to_owned(),
            Self::Patch(error) => error.hint()?.to_owned(),
            Self::SameIntegrity { .. } => "one of the two was copied or bumped without its integrity".to_owned(),
            _ => return None,
        })
    }
}

impl fmt::Display for PinsErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FileTooLarge { len } => write!(f, "the file has {len} bytes, more than {}", MAX_FILE_LEN),
            Self::Syntax { message, found } if found.is_empty() => write!(f, "not TOML: {message}"),
            Self::Syntax { message, found } => write!(f, "not TOML at {}: {message}", Shown(found)),
            Self::MissingVersion => f.write_str("`version` is missing"),
            Self::UnsupportedVersion { found } if *found > VERSION => {
                write!(f, "`version = {found}` is written for a newer pinfold")
            }
            Self::UnsupportedVersion { found } => write!(f, "`version = {found}` is no version of this format"),
            Self::UnknownKey { key, table, .. } => write!(f, "{} is not a key of {table}", Shown(key)),
            Self::WrongType { key, expected, found } => write!(f, "{} must be {expected}, not {found}", Shown(key)),
            Self::OutOfRange { key, found, min, max } => {
                write!(f, "{} must be a number from {min} to {max}, not {found}", Shown(key))
            }
            Self::MissingKey { key, table } => write!(f, "`{key}` is missing in {table}"),
            Self::TooManyPins { found } => write!(f, "`pins` has {found} pins, more than {}", MAX_PINS),
            Self::Value { key, value, error } => {
                write!(f, "{} in `{key}`: {}", Shown(value), without_login_of(value, &error.to_string()))
            }
            Self::PinNameCollision { other, other_line } => {
                write!(f, "the name differs from `{other}` (line {other_line}) in case only")
            }
            Self::NoSource => f.write_str("no source says where it comes from"),
            Self::TwoSources { first, second } => write!(f, "`{first}` and `{second}` are two sources"),
            Self::MissingIntegrity { source } => write!(f, "`integrity` is missing for {}", Shown(source)),
            Self::KeyWithoutSource { key } => {
                write!(f, "`{key}` says nothing, because the pin has no source of its own")
            }
            Self::KeyOfOci { key } => {
                write!(f, "`{key}` chooses a layer of an `oci` artifact, and the source is another")
            }
            Self::SignatureOfOther => f.write_str(SIGNATURE_OF_OTHER),
            Self::MirrorsOfFile => f.write_str("`mirrors` is not for a `file`"),
            Self::TooManyMirrors { found } => write!(f, "`mirrors` has {found} URLs, more than {}", MAX_MIRRORS),
            Self::SignatureWithoutKeys => f.write_str(SIGNATURE_WITHOUT_KEYS),
            Self::TooManyKeys { found } => write!(f, "{found} files of keys are named, more than {}", MAX_KEYS),
            Self::ExecutableTrue => f.write_str("`executable = true` is for a raw file only"),
            Self::KeyOfRaw { key } => write!(f, "`{key}` is not for `format = \"raw\"`: a raw file has no members"),
            Self::ToReserved { to } => write!(f, "`to` is {}, which belongs to git or pinfold", Shown(to)),
            Self::ToOverlaps { to, other, other_to, other_line } => {
                write!(f, "`to` is {} and overlaps {} of pin `{other}` (line {other_line})", Shown(to), Shown(other_to))
            }
            Self::TooManyPatches { found } => write!(f, "`patch` has {found} patches, more than {}", MAX_PATCHES),
            Self::InputInTree { key, path, other, other_to } => {
                write!(
                    f,
                    "`{key}` is {}, inside {}, which a fetch of pin `{other}` replaces",
                    Shown(path),
                    Shown(other_to)
                )
            }
            Self::SameIntegrity { source, other, other_source, other_line } => write!(
                f,
                "{} has the integrity of {} (pin `{other}`, line {other_line})",
                Shown(source),
                Shown(other_source)
            ),
            Self::Patch(error) => error.fmt(f),
        }
    }
}

/// Hostile text in backticks, escaped, without a login, and cut where nobody reads on.
pub(super) struct Shown<'a>(pub(super) &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = Location(self.0).to_string();
        let mut characters = shown.chars();
        let start: String = characters.by_ref().take(MAX_SHOWN).collect();
        let end = if characters.next().is_some() { "…" } else { "" };
        write!(f, "`{start}{end}`")
    }
}

/// What is said of a value, without a login that stands in it: a message may quote a part in which it does not look like one.
pub(super) fn without_login_of(value: &str, said: &str) -> String {
    let secrets = Secrets::default();
    secrets.add_location(value);
    secrets.hide(said)
}

/// Most characters of a value in a message; an integrity and a source are shorter.
const MAX_SHOWN: usize = 200;

const SIGNATURE_OF_OTHER: &str =
    "of an `oci` pin it is the artifact that is signed: without `threshold` and `roles`, and not beside other sources";
const SIGNATURE_WITHOUT_KEYS: &str = "signatures are demanded, and `keys` names nobody who may have signed";
