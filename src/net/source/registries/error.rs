//! Why there is no registry, and who should have named one.

use std::fmt;

use pinfold_core::fault::Fault;
use pinfold_core::text::Location;
use pinfold_core::url::{Url, UrlError};

/// Who names a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A variable of the environment.
    Variable(&'static str),
    /// An `.npmrc`, by what the caller calls it.
    Npmrc(String),
    /// A `pip.conf`, by what the caller calls it.
    PipConf(String),
    /// The build.
    BuiltIn,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "the variable `{name}`"),
            Self::Npmrc(label) | Self::PipConf(label) => write!(f, "`{}`", label.escape_debug()),
            Self::BuiltIn => f.write_str("the build-time default"),
        }
    }
}

/// Why there is no registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistryError {
    /// Nobody named one.
    NotConfigured,
    /// Nobody named a Python index.
    NoIndex,
    /// No address of an API can be made of a GitHub server's.
    NoApi {
        /// The server.
        base: Url,
    },
    /// Somebody named what is no URL.
    Malformed {
        /// Who.
        place: Place,
        /// What stands there, without credentials.
        text: String,
        /// Why it is no URL.
        error: UrlError,
    },
    /// The registry's URL names a variable that is not set.
    Unset {
        /// Who names it.
        place: Place,
        /// The variable.
        variable: String,
    },
}

impl RegistryError {
    /// A stable identifier of the refusal.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotConfigured => "registry-not-configured",
            Self::NoIndex => "index-not-configured",
            Self::NoApi { .. } => "github-no-api",
            Self::Malformed { .. } => "registry-malformed",
            Self::Unset { .. } => "registry-unset-variable",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotConfigured => Some(
                "say where packages come from: `--registry npm=URL`, `npm` in `[registries]` of pins.toml, \
                 `NPM_CONFIG_REGISTRY`, `registry=` or `@scope:registry=` in an `.npmrc` of the project, the user or \
                 the system, or `PINFOLD_NPM_REGISTRY` when pinfold is built"
                    .to_owned(),
            ),
            Self::NoIndex => Some(
                "say where Python packages come from: `--registry pypi=URL`, `pypi` in `[registries]` of pins.toml, \
                 `PIP_INDEX_URL`, or `index-url` of `[global]` in a `pip.conf`: that of `PIP_CONFIG_FILE`, the user or \
                 the system"
                    .to_owned(),
            ),
            Self::Malformed { .. } | Self::NoApi { .. } => None,
            Self::Unset { variable, .. } => Some(format!("set `{}`", variable.escape_debug())),
        }
    }
}

impl fmt::Display for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConfigured => f.write_str("no npm registry is configured"),
            Self::NoIndex => f.write_str("no Python index is configured"),
            Self::NoApi { base } => write!(f, "the GitHub server `{base}` has no address for its API"),
            Self::Malformed { place, text, error } => {
                write!(f, "the registry `{}` of {place} cannot be used: {error}", Location(text))
            }
            Self::Unset { place, variable } => {
                write!(f, "the registry of {place} names `{}`, which is not set", variable.escape_debug())
            }
        }
    }
}

impl From<RegistryError> for Fault {
    fn from(error: RegistryError) -> Self {
        Self::failed(error.code(), error.to_string()).hinting(error.hint()).because(error)
    }
}

impl std::error::Error for RegistryError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Malformed { error, .. } => Some(error),
            Self::NotConfigured | Self::NoIndex | Self::NoApi { .. } | Self::Unset { .. } => None,
        }
    }
}

/// Why a text is not a [`super::RegistryFlag`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlagError {
    /// No `=`.
    Form,
    /// Nothing that has a registry.
    Kind {
        /// As it was given.
        kind: String,
    },
    /// What follows the `=` is no URL.
    Url(UrlError),
}

impl FlagError {
    /// A stable identifier of the refusal.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Form => "registry-flag-form",
            Self::Kind { .. } => "registry-flag-kind",
            Self::Url(_) => "registry-flag-url",
        }
    }
}

impl fmt::Display for FlagError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form => {
                f.write_str("a registry has the form `npm=URL`, `npm:@scope=URL`, `github=URL` or `pypi=URL`")
            }
            Self::Kind { kind } => {
                write!(f, "`{}` is neither `npm`, `npm:@scope`, `github` nor `pypi`", Location(kind))
            }
            Self::Url(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for FlagError {}
