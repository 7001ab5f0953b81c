//! What `pinfold check` cannot begin with.

use std::fmt;
use std::path::PathBuf;

use pinfold_core::digest::IntegrityError;
use pinfold_evidence::attestation::NamedKeyError;
use pinfold_evidence::root::RegistryKeysError;
use pinfold_evidence::trust::TrustError;

/// Why there is nothing to check, or nobody to check it against.
#[derive(Debug)]
pub enum CheckError {
    /// Neither a file nor a digest.
    NoArtifact {
        /// What was given.
        given: String,
    },
    /// A digest of the wrong length, or not hexadecimal.
    Hex {
        /// What was given.
        given: String,
        /// By which algorithm.
        algorithm: &'static str,
        /// How many hexadecimal digits a digest of that algorithm has.
        digits: usize,
    },
    /// A digest that proves nothing.
    WeakDigest {
        /// By which algorithm.
        algorithm: String,
    },
    /// An SRI value that is none.
    Integrity {
        /// What was given.
        given: String,
        /// Why.
        source: IntegrityError,
    },
    /// A file with a key that is none.
    Key {
        /// The file.
        path: PathBuf,
        /// Why.
        source: NamedKeyError,
    },
    /// A file with a registry's keys that are none.
    RegistryKeys {
        /// The file.
        path: PathBuf,
        /// Why.
        source: RegistryKeysError,
    },
    /// A trusted root that was named, and is none.
    Root(TrustError),
    /// A key's id, where the keys of a registry have theirs already.
    KeyId,
}

impl CheckError {
    /// Whether there is nobody to hold the evidence against, so that it stays unjudged; all else is a slip of the pen.
    pub const fn is_unverifiable(&self) -> bool {
        matches!(self, Self::Key { .. } | Self::RegistryKeys { .. } | Self::Root(_))
    }

    /// A stable identifier in kebab case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoArtifact { .. } => "artifact-absent",
            Self::Hex { .. } | Self::Integrity { .. } => "artifact-digest",
            Self::WeakDigest { .. } => "artifact-weak-digest",
            Self::Key { .. } => "key-malformed",
            Self::RegistryKeys { source, .. } => source.code(),
            Self::Root(error) => error.code(),
            Self::KeyId => "key-id-of-registry",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoArtifact { .. } | Self::Hex { .. } | Self::Integrity { .. } => {
                "name a file, or a digest: `sha256:…` or `sha512:…` in hexadecimal, or `sha512-…` as in pins.toml"
            }
            Self::WeakDigest { .. } => "name the file itself, or its `sha256:…` or `sha512:…`",
            Self::Key { source, .. } => source.hint(),
            Self::RegistryKeys { .. } => return None,
            Self::Root(error) => return error.hint(),
            Self::KeyId => "leave `--key-id` away: each key of a registry has its id beside it",
        };
        Some(hint.to_owned())
    }
}

impl fmt::Display for CheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoArtifact { given } => {
                write!(f, "`{}` is neither a file that is there nor a digest", given.escape_debug())
            }
            Self::Hex { given, algorithm, digits } => {
                write!(f, "`{}` is no digest: {algorithm} has {digits} hexadecimal digits", given.escape_debug())
            }
            Self::WeakDigest { algorithm } => {
                write!(f, "`{}` names no artifact: others may have the same", algorithm.escape_debug())
            }
            Self::Integrity { given, source } => write!(f, "`{}` is no digest: {source}", given.escape_debug()),
            Self::Key { path, source } => write!(f, "`{}` is {source}", path.display()),
            Self::RegistryKeys { path, source } => write!(f, "`{}`: {source}", path.display()),
            Self::Root(error) => error.fmt(f),
            Self::KeyId => f.write_str("`--key-id` is for a single key, and the file has those of a registry"),
        }
    }
}

impl std::error::Error for CheckError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Integrity { source, .. } => Some(source),
            Self::Key { source, .. } => Some(source),
            Self::RegistryKeys { source, .. } => Some(source),
            Self::Root(error) => Some(error),
            _ => None,
        }
    }
}
