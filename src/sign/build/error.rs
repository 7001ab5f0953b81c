//! [`BuildError`]: what a build did not say of itself.

use std::fmt;

use pinfold_core::fault::Fault;
use pinfold_core::text::Location;

/// Why nobody can say what build it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildError {
    /// No platform is recognised, and an option that takes its place is not there.
    Unnamed {
        /// The option.
        missing: &'static str,
    },
    /// The environment is of two platforms at once.
    TwoPlatforms,
    /// An option takes the place of a part of what a platform says of itself.
    HalfNamed {
        /// The platform.
        platform: &'static str,
        /// The option.
        option: &'static str,
    },
    /// A variable that the platform's documents list is not there.
    Missing {
        /// The platform.
        platform: &'static str,
        /// The variable.
        name: &'static str,
    },
    /// A variable has not the form that the platform's documents give it.
    Malformed {
        /// The platform.
        platform: &'static str,
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
    },
    /// What should be a URI is none.
    NotUri {
        /// The option.
        option: &'static str,
        /// What was given.
        text: String,
    },
    /// A parameter without a name, or one that is there twice.
    Parameter {
        /// The name.
        name: String,
    },
}

impl BuildError {
    /// A stable id of the refusal.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unnamed { .. } => "build-unnamed",
            Self::TwoPlatforms => "build-two-platforms",
            Self::HalfNamed { .. } => "build-half-named",
            Self::Missing { .. } => "build-variable-missing",
            Self::Malformed { .. } => "build-variable-malformed",
            Self::NotUri { .. } => "build-uri",
            Self::Parameter { .. } => "build-parameter",
        }
    }

    /// What to do about it.
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unnamed { .. } => Some(
                "say what built it with `--build-type URI --builder-id URI`, and what was chosen with `--param NAME=VALUE`",
            ),
            Self::TwoPlatforms => Some("unset the variable of the one that it is not: `GITHUB_ACTIONS`, `GITLAB_CI`"),
            Self::HalfNamed { .. } => {
                Some("leave it away, or name both `--build-type` and `--builder-id`, which then say it all")
            }
            Self::Missing { .. } => Some(
                "hand the platform's variables on to the job's containers and scripts; their values are not guessed",
            ),
            Self::Malformed { .. } => None,
            Self::NotUri { .. } => Some("it is written like `https://example.com/release-job`"),
            Self::Parameter { .. } => Some("name each once: `--param target=x86_64`"),
        }
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unnamed { missing } => {
                write!(f, "this is neither GitHub Actions nor GitLab CI, and `{missing}` is missing")
            }
            Self::TwoPlatforms => f.write_str("the environment is that of GitHub Actions and of GitLab CI at once"),
            Self::HalfNamed { platform, option } => {
                write!(f, "`{option}` would change a part of what {platform} says of itself")
            }
            Self::Missing { platform, name } => write!(f, "{platform} sets `{name}`, and it is not set"),
            Self::Malformed { platform, name, value } => {
                write!(f, "`{name}` is `{}`, which is not how {platform} writes it", Location(value))
            }
            Self::NotUri { option, text } => write!(f, "`{option}` is `{}`, which is no URI", Location(text)),
            Self::Parameter { name } if name.is_empty() => f.write_str("a `--param` has no name"),
            Self::Parameter { name } => write!(f, "the parameter `{}` is there twice", name.escape_debug()),
        }
    }
}

impl From<BuildError> for Fault {
    fn from(error: BuildError) -> Self {
        Self::failed(error.code(), error.to_string()).hinting(error.hint().map(str::to_owned)).because(error)
    }
}

impl std::error::Error for BuildError {}

/// A variable that has to be there.
pub(super) fn required(
    platform: &'static str,
    variable: &dyn Fn(&str) -> Option<String>,
    name: &'static str,
) -> Result<String, BuildError> {
    let value = variable(name).ok_or(BuildError::Missing { platform, name })?;
    // They become parts of URLs and names.
    if value.chars().any(char::is_control) || value.trim() != value {
        return Err(BuildError::Malformed { platform, name, value });
    }
    Ok(value)
}
