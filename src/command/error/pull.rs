//! [`PullError`]: why a file of an artifact does not get to where it says it belongs.

use std::fmt;
use std::path::PathBuf;

use pinfold_core::path::{PathError, RelPath};

/// What is wrong with a file of an artifact.
#[derive(Debug)]
pub enum PullError {
    /// What it is called is no path in the folder.
    Title {
        /// As it stands there.
        title: String,
        /// Why.
        source: PathError,
    },
    /// It would be git's or pinfold's.
    Reserved {
        /// The path.
        path: RelPath,
    },
    /// Two files would be one.
    Twice {
        /// The path.
        path: RelPath,
    },
    /// Something else stands there.
    Exists {
        /// The path.
        path: PathBuf,
    },
}

impl PullError {
    /// Whether it is the artifact's fault.
    pub const fn is_refusal(&self) -> bool {
        !matches!(self, Self::Exists { .. })
    }

    /// A stable identifier in kebab case.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Title { .. } => "title-path",
            Self::Reserved { .. } => "title-reserved",
            Self::Twice { .. } => "title-twice",
            Self::Exists { .. } => "file-exists",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Exists { .. } => Some("remove it, or name another folder with `--out`".to_owned()),
            _ => None,
        }
    }
}

impl fmt::Display for PullError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Title { title, source } => {
                write!(
                    f,
                    "the artifact calls a file `{}`, which is no path in a folder: {source}",
                    title.escape_debug()
                )
            }
            Self::Reserved { path } => {
                write!(f, "the artifact has a file `{path}`, which would be git's or pinfold's own")
            }
            Self::Twice { path } => {
                write!(f, "the artifact has more than one file `{path}`, as some file systems see it")
            }
            Self::Exists { path } => {
                write!(f, "`{}` is there already, and is something else", path.display())
            }
        }
    }
}

impl std::error::Error for PullError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Title { source, .. } => Some(source),
            _ => None,
        }
    }
}
