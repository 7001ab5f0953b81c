//! [`OutputError`]: why a document is not put where the user said.

use std::fmt;
use std::path::PathBuf;

/// A place that a document does not get.
#[derive(Debug)]
pub struct OutputError {
    /// The place.
    pub path: PathBuf,
    /// Why.
    pub fault: OutputFault,
}

/// What is wrong with a place for a document.
#[derive(Debug)]
pub enum OutputFault {
    /// A folder or a device is there.
    NotAFile,
    /// The document is made from that file.
    Input,
    /// A private key is there.
    PrivateKey,
    /// It belongs to something that no output replaces.
    Reserved {
        /// To what, as in "it is …".
        whose: String,
    },
    /// A file with something else in it is there.
    Other {
        /// What it holds, in words.
        found: String,
    },
}

impl OutputError {
    /// A stable identifier in kebab case.
    pub const fn code(&self) -> &'static str {
        match self.fault {
            OutputFault::NotAFile => "out-not-a-file",
            OutputFault::Input => "out-is-input",
            OutputFault::PrivateKey => "key-exists",
            OutputFault::Reserved { .. } => "out-reserved",
            OutputFault::Other { .. } => "statement-over-file",
        }
    }

    /// What to do about it.
    pub const fn hint(&self) -> &'static str {
        match self.fault {
            OutputFault::NotAFile => "name a file, or a path where there is nothing yet",
            OutputFault::Input | OutputFault::Reserved { .. } => "name another file",
            OutputFault::PrivateKey => "name another file, or move that one away: a key that is written over is lost",
            OutputFault::Other { .. } => "name another file, or pass `--force` to replace what is there",
        }
    }
}

impl fmt::Display for OutputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.fault {
            OutputFault::NotAFile => write!(f, "`{path}` is there, and is no file"),
            OutputFault::Input => write!(f, "`{path}` would be replaced by what is made from it"),
            OutputFault::PrivateKey => write!(f, "`{path}` is there already"),
            OutputFault::Reserved { whose } => write!(f, "`{path}` is {whose}, where no output is written"),
            OutputFault::Other { found } => write!(f, "`{path}` exists and holds {found}"),
        }
    }
}

impl std::error::Error for OutputError {}
