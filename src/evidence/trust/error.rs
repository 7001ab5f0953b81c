//! [`TrustError`]: why a root of trust cannot be used or refreshed.

use std::fmt;
use std::path::PathBuf;

use sigstore_tuf::Error as TufError;

use crate::root::{Instance, RegistryKeysError, RootError};
use pinfold_core::fault::{Class, Fault};
use pinfold_core::fs::FsError;
use pinfold_core::url::UrlError;
use pinfold_net::http::{DownloadError, Failure};

/// Why a root of trust cannot be used or refreshed.
#[derive(Debug)]
#[non_exhaustive]
pub enum TrustError {
    /// Nothing says where refreshed roots are kept.
    NoFolder,
    /// No repository is known for that instance.
    NoRepository,
    /// The repository's address, or that of a file in it, is no URL.
    Url(UrlError),
    /// A file of the folder is not as pinfold wrote it.
    State {
        /// Which.
        path: PathBuf,
        /// Why what is in it cannot be used, `None` if not even that can be said.
        source: Option<RootError>,
    },
    /// A trusted root that is here is malformed.
    Root {
        /// Where it comes from: `embedded`, or a path.
        origin: String,
        /// Why.
        source: RootError,
    },
    /// The trusted root that the repository serves is malformed.
    Served(RootError),
    /// The refreshed keys of the registry are malformed.
    RegistryKeys(RegistryKeysError),
    /// The root is another instance's.
    OtherInstance {
        /// Whose it should be.
        expected: Instance,
        /// Whose it is.
        received: Instance,
    },
    /// The repository's root is not one document.
    Several,
    /// The repository's root is older than the one in use.
    Older {
        /// From when the one in use is.
        kept: String,
        /// From when the other one is.
        received: String,
    },
    /// The repository has no keys of a registry.
    NoRegistryKeys,
    /// The repository has the keys of more than one registry.
    SeveralRegistryKeys {
        /// Their targets.
        names: Vec<String>,
    },
    /// The clock is not within the years that TUF metadata can expire in.
    Clock,
    /// A file of the repository did not come.
    Download(DownloadError),
    /// What the repository serves breaks a rule of TUF.
    Tuf(TufError),
    /// The disk failed.
    Fs(FsError),
}

impl TrustError {
    /// Whether what was served or kept is wrong, so that trying again cannot help.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Served(_)
            | Self::RegistryKeys(_)
            | Self::OtherInstance { .. }
            | Self::Several
            | Self::Older { .. }
            | Self::SeveralRegistryKeys { .. } => true,
            Self::Download(error) => error.is_refusal(),
            Self::Tuf(error) => !is_absence(error),
            Self::NoFolder
            | Self::NoRepository
            | Self::Url(_)
            | Self::State { .. }
            | Self::Root { .. }
            | Self::NoRegistryKeys
            | Self::Clock
            | Self::Fs(_) => false,
        }
    }

    /// A stable identifier in kebab case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoFolder => "trust-no-folder",
            Self::NoRepository => "trust-no-repository",
            Self::Url(_) => "trust-url",
            Self::State { .. } => "trust-state",
            Self::Root { source, .. } | Self::Served(source) => source.code(),
            Self::RegistryKeys(error) => error.code(),
            Self::OtherInstance { .. } => "trust-other-instance",
            Self::Several => "trust-several",
            Self::Older { .. } => "trust-older",
            Self::NoRegistryKeys => "trust-no-registry-keys",
            Self::SeveralRegistryKeys { .. } => "trust-several-registry-keys",
            Self::Clock => "trust-clock",
            Self::Download(error) => error.code(),
            Self::Tuf(error) => match error {
                TufError::Rollback { .. } | TufError::EqualVersion { .. } | TufError::BadRootVersion { .. } => {
                    "tuf-rollback"
                }
                TufError::Expired { .. } => "tuf-expired",
                TufError::ThresholdNotMet { .. }
                | TufError::DuplicateSignature { .. }
                | TufError::UnusableKey { .. }
                | TufError::UnsupportedScheme { .. }
                | TufError::Crypto(_) => "tuf-signatures",
                TufError::IntegrityMismatch(_) => "tuf-integrity",
                error if is_absence(error) => "tuf-absent",
                _ => "tuf-malformed",
            },
            Self::Fs(_) => "disk",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoFolder => "say `--trust-dir DIR`, or set PINFOLD_TRUST or HOME",
            Self::NoRepository => "name `public-good`, `github` or `staging`",
            Self::State { .. } => {
                "remove it, which leaves the root that came with pinfold, and run `pinfold trust update`"
            }
            Self::Root { source, .. } | Self::Served(source) => return source.hint(),
            Self::Tuf(TufError::Expired { .. }) => {
                "somebody may be keeping newer metadata back; or this machine's clock is wrong"
            }
            Self::Tuf(TufError::Rollback { .. }) => "somebody may be serving old metadata; what is in use stays",
            Self::Download(error) if matches!(*error.failure, Failure::TooLong { .. }) => return None,
            Self::Download(error) => return error.hint(),
            Self::Fs(error) => return error.hint(),
            Self::OtherInstance { .. } => "a newer pinfold may know it",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

/// Whether something is not there, rather than wrong.
const fn is_absence(error: &TufError) -> bool {
    matches!(
        error,
        TufError::Transport { .. } | TufError::Io { .. } | TufError::NotRefreshed | TufError::TargetNotFound(_)
    )
}

impl fmt::Display for TrustError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoFolder => f.write_str("there is no place for refreshed trust roots"),
            Self::NoRepository => f.write_str("no TUF repository is known for that instance"),
            Self::Url(error) => write!(f, "a file of the TUF repository has no valid address: {error}"),
            Self::State { path, source } => {
                write!(f, "`{}` is not as pinfold wrote it", path.display())?;
                source.iter().try_for_each(|error| write!(f, ": {error}"))
            }
            Self::Root { origin, source } => write!(f, "`{}`: {source}", origin.escape_debug()),
            Self::Served(error) => write!(f, "the TUF repository: {error}"),
            Self::RegistryKeys(error) => error.fmt(f),
            Self::OtherInstance { expected, received } => {
                write!(f, "the trusted root is of instance `{received}`, not of `{expected}`")
            }
            Self::Several => f.write_str("the trusted root of the TUF repository is not one document"),
            Self::Older { kept, received } => {
                write!(f, "the trusted root of the TUF repository is from {received}, the one in use from {kept}")
            }
            Self::NoRegistryKeys => f.write_str("the TUF repository has no keys of a registry"),
            Self::SeveralRegistryKeys { names } => {
                write!(f, "the TUF repository has the keys of {} registries", names.len())
            }
            Self::Clock => f.write_str("this machine's clock is out of range"),
            Self::Download(error) => error.fmt(f),
            Self::Tuf(error) => {
                // The client calls all that it was not given an error of the transport.
                let words = match error {
                    TufError::Transport { message, .. } => message.clone(),
                    error => error.to_string(),
                };
                write!(f, "the TUF repository: {}", words.escape_debug())?;
                let cause = std::error::Error::source(error);
                cause.into_iter().try_for_each(|cause| write!(f, ": {}", cause.to_string().escape_debug()))
            }
            Self::Fs(error) => error.fmt(f),
        }
    }
}

impl From<TrustError> for Fault {
    fn from(error: TrustError) -> Self {
        Self::new(Class::refused_if(error.is_refusal()), error.code(), error.to_string())
            .hinting(error.hint())
            .because(error)
    }
}

impl std::error::Error for TrustError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Url(error) => Some(error),
            Self::Root { source, .. } | Self::Served(source) | Self::State { source: Some(source), .. } => Some(source),
            Self::RegistryKeys(error) => Some(error),
            Self::Download(error) => Some(error),
            Self::Tuf(error) => std::error::Error::source(error),
            Self::Fs(error) => Some(error),
            _ => None,
        }
    }
}
