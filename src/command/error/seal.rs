//! [`SealError`]: why nothing was signed, or what was signed was not handed out.

use std::fmt;
use std::path::PathBuf;

use pinfold_core::finding::Verdict;
use pinfold_evidence::attestation::{DocumentError, Unproved};
use pinfold_evidence::statement::StatementError;
use pinfold_sign::keyless::KeylessError;
use pinfold_sign::signer::{PassphraseError, SigningKeyError};

/// What keeps a signature from being made, or from being left on disk. Secrets are in none of it.
#[derive(Debug)]
pub enum SealError {
    /// A file that is no key to sign with.
    Key {
        /// The file.
        path: PathBuf,
        /// Why.
        source: SigningKeyError,
    },
    /// What was given as a passphrase is none.
    Passphrase {
        /// Where it came from: a file, a descriptor, the terminal.
        from: String,
        /// Why.
        source: PassphraseError,
    },
    /// The key did not sign.
    Signing(SigningKeyError),
    /// Nothing was signed with an identity.
    Keyless(KeylessError),
    /// What was signed is no document that could be read back.
    Unreadable(DocumentError),
    /// What was signed would not be accepted by whoever reads it.
    Rejected(Unproved),
    /// What was proved is not the statement that was to be signed, or a subject of it cannot be.
    Other {
        /// In what way.
        why: String,
    },
    /// A file that was to be signed as a statement is none.
    Statement {
        /// The file.
        path: PathBuf,
        /// Why.
        source: StatementError,
    },
    /// A key would be written over a file.
    Exists {
        /// The file.
        path: PathBuf,
    },
}

impl SealError {
    /// How it comes out: evidence that is wrong is refused also where it is our own.
    pub const fn verdict(&self) -> Verdict {
        match self {
            Self::Rejected(Unproved::Unverifiable(_)) => Verdict::Unverifiable,
            Self::Keyless(error) if error.is_unverifiable() => Verdict::Unverifiable,
            Self::Keyless(error) if error.is_refusal() => Verdict::Refused,
            Self::Unreadable(_) | Self::Rejected(_) | Self::Other { .. } => Verdict::Refused,
            _ => Verdict::Failed,
        }
    }

    /// A stable identifier in kebab case.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Key { source, .. } | Self::Signing(source) => source.code(),
            Self::Passphrase { .. } => "passphrase-form",
            Self::Keyless(error) => error.code(),
            Self::Unreadable(error) => error.code(),
            Self::Rejected(Unproved::Refused(refusal) | Unproved::NotAbout(refusal)) => refusal.code(),
            Self::Rejected(Unproved::Unverifiable(lack)) => lack.code(),
            Self::Other { .. } => "sealed-other",
            Self::Statement { source, .. } => source.code(),
            Self::Exists { .. } => "key-exists",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Key { source, .. } | Self::Signing(source) => return source.hint().map(str::to_owned),
            Self::Keyless(error) => return error.hint(),
            Self::Passphrase { .. } => "one line, with or without a line break at its end",
            Self::Unreadable(_) | Self::Rejected(_) | Self::Other { .. } => "nothing was written",
            Self::Statement { .. } => "without `--in-toto` the file is signed as it is",
            Self::Exists { .. } => "name another file, or move that one away: a key that is written over is lost",
        };
        Some(hint.to_owned())
    }
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key { path, source } => write!(f, "`{}`: {source}", path.display()),
            Self::Passphrase { from, source } => write!(f, "{from}: {source}"),
            Self::Signing(error) => error.fmt(f),
            Self::Keyless(error) => error.fmt(f),
            Self::Unreadable(error) => write!(f, "what was signed cannot be read back: {error}"),
            Self::Rejected(Unproved::Refused(refusal) | Unproved::NotAbout(refusal)) => {
                write!(f, "what was signed would not be accepted: {refusal}")
            }
            Self::Rejected(Unproved::Unverifiable(lack)) => {
                write!(f, "what was signed could not be judged by anybody: {lack}")
            }
            Self::Other { why } => write!(f, "what was signed is not what was to be: {}", why.escape_debug()),
            Self::Statement { path, source } => write!(f, "`{}` is no statement: {source}", path.display()),
            Self::Exists { path } => write!(f, "`{}` is there already", path.display()),
        }
    }
}

impl std::error::Error for SealError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Key { source, .. } | Self::Signing(source) => Some(source),
            Self::Passphrase { source, .. } => Some(source),
            Self::Unreadable(error) => Some(error),
            Self::Keyless(error) => Some(error),
            Self::Statement { source, .. } => Some(source),
            _ => None,
        }
    }
}
