//! [`ValueError`]: why a text is not what its key takes, over all the types that pins.toml is read into.

use std::error::Error;
use std::fmt;

use super::github::GithubError;
use super::name::PinNameError;
use super::npm::NpmError;
use super::platform::{Platform, PlatformError};
use super::pypi::PypiError;
use super::trust::{Mode, ModeError};
use super::trusted::{AgeError, HostError, RepositoryError};
use super::workflow::WorkflowError;
use crate::digest::{Algorithm, Integrity, IntegrityError};
use crate::layout::{Format, PatternError};
use crate::oci::{ImagePlatformError, ReferenceError};
use crate::path::PathError;
use crate::url::UrlError;

macro_rules! value_error {
    ($($(#[$doc:meta])* $variant:ident($error:ty),)*) => {
        /// A text that is not what its key takes.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum ValueError {
            $($(#[$doc])* $variant($error),)*
            /// Not a [`Format`].
            Format,
            /// A registry's base URL with a query: no path can be put behind it.
            RegistryQuery,
            /// Empty, or with a control character.
            Text,
        }

        impl ValueError {
            /// What the parser of the type said.
            fn inner(&self) -> Option<&(dyn Error + 'static)> {
                match self {
                    $(Self::$variant(error) => Some(error),)*
                    Self::Format | Self::RegistryQuery | Self::Text => None,
                }
            }
        }

        $(impl From<$error> for ValueError {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        })*
    };
}

value_error! {
    /// Not a [`super::PinName`].
    PinName(PinNameError),
    /// Not a [`super::NpmPackage`].
    Npm(NpmError),
    /// Not a [`super::GithubAsset`].
    Github(GithubError),
    /// Not a [`super::PypiFile`].
    Pypi(PypiError),
    /// Not a [`crate::oci::Reference`].
    Oci(ReferenceError),
    /// Not an [`ImagePlatform`](crate::oci::ImagePlatform).
    ImagePlatform(ImagePlatformError),
    /// Not a [`crate::url::Url`].
    Url(UrlError),
    /// Not a [`crate::path::RelPath`].
    Path(PathError),
    /// Not an [`crate::digest::Integrity`].
    Integrity(IntegrityError),
    /// Not a [`crate::layout::Pattern`].
    Pattern(PatternError),
    /// Not a [`Platform`].
    Platform(PlatformError),
    /// Not a [`Mode`].
    Mode(ModeError),
    /// Not a [`super::Repository`].
    Repository(RepositoryError),
    /// Not a [`super::Host`].
    Host(HostError),
    /// Not a [`super::Workflow`].
    Workflow(WorkflowError),
    /// Not an age.
    Age(AgeError),
}

impl ValueError {
    /// A stable id of the refusal.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::PinName(error) => error.code(),
            Self::Npm(error) => error.code(),
            Self::Github(error) => error.code(),
            Self::Pypi(error) => error.code(),
            Self::Oci(error) => error.code(),
            Self::ImagePlatform(_) => "oci-platform",
            Self::Url(_) => "bad-url",
            Self::Path(_) => "bad-path",
            Self::Integrity(_) => "bad-integrity",
            Self::Pattern(_) => "bad-pattern",
            Self::Format => "bad-format",
            Self::Platform(error) => error.code(),
            Self::Mode(_) => "bad-mode",
            Self::Repository(error) => error.code(),
            Self::Host(error) => error.code(),
            Self::Workflow(error) => error.code(),
            Self::Age(error) => error.code(),
            Self::RegistryQuery => "registry-query",
            Self::Text => "bad-text",
        }
    }

    /// What to write instead of `value`.
    pub fn hint(&self, value: &str) -> Option<String> {
        Some(match self {
            Self::Npm(error) => error.hint()?.to_owned(),
            Self::Pypi(error) => error.hint()?,
            Self::Oci(error) => error.hint()?.to_owned(),
            Self::ImagePlatform(_) => "write it like `linux/amd64` or `linux/arm/v7`".to_owned(),
            Self::Path(PathError::Absolute | PathError::DotDot) => {
                "a path is relative to the folder of pins.toml and stays in it".to_owned()
            }
            Self::Path(PathError::Backslash) => "write `/` between the parts of a path".to_owned(),
            Self::Path(PathError::EmptyComponent) if value.ends_with('/') => "leave the `/` at the end off".to_owned(),
            Self::Integrity(IntegrityError::Weak(_)) => "use the sha512 of the same bytes".to_owned(),
            Self::Integrity(_) => format!("did you mean `{}`?", of_hexadecimal(value)?),
            Self::Format => format!("the formats are {}", list(Format::ALL.map(Format::name))),
            Self::Platform(PlatformError::System | PlatformError::Processor) => {
                format!("did you mean `{}`?", in_nodes_words(value)?)
            }
            Self::Mode(_) => format!("the modes are {}", list(Mode::ALL.map(Mode::name))),
            Self::Workflow(WorkflowError::Ref) => "name the reference with `ref`".to_owned(),
            Self::Age(AgeError::Form) => "write it like `7d`, `12h` or `90m`".to_owned(),
            _ => return None,
        })
    }
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Format => f.write_str("no such format"),
            Self::RegistryQuery => f.write_str("a base URL has no query"),
            Self::Text => f.write_str("the text is empty or has a control character"),
            other => other.inner().map_or(Ok(()), |error| fmt::Display::fmt(error, f)),
        }
    }
}

impl Error for ValueError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.inner()
    }
}

/// A digest as `sha512sum` and its like print it, alone or behind the name of its algorithm.
fn of_hexadecimal(value: &str) -> Option<Integrity> {
    let digits = value.rsplit(['-', ':']).next()?.to_ascii_lowercase();
    Algorithm::ALL.into_iter().find_map(|algorithm| Integrity::from_hex(algorithm, &digits))
}

/// A platform whose words are others elsewhere.
fn in_nodes_words(value: &str) -> Option<Platform> {
    let value = value.to_ascii_lowercase();
    let (system, rest) = value.split_once('-')?;
    let system = match system {
        "windows" | "win" | "win64" => "win32",
        "macos" | "mac" | "osx" => "darwin",
        "solaris" => "sunos",
        other => other,
    };
    let (processor, libc) = rest.split_once('-').map_or((rest, None), |(processor, libc)| (processor, Some(libc)));
    let processor = match processor {
        "x86_64" | "amd64" => "x64",
        "aarch64" => "arm64",
        "x86" | "i386" | "i686" => "ia32",
        other => other,
    };
    let libc = libc.map(|libc| format!("-{libc}")).unwrap_or_default();
    format!("{system}-{processor}{libc}").parse().ok()
}

fn list<const N: usize>(words: [&str; N]) -> String {
    words.map(|word| format!("`{word}`")).join(", ")
}
