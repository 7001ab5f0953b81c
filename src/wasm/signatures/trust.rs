//! Whose signatures count, and how many of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use pinfold_core::fault::Fault;

use super::forms::KeyError;
use super::key::PublicKey;

/// Keys that are trusted: any of them, some number of them, and one of each role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedKeys {
    /// Each key once, whatever files it came from, with its role.
    keys: BTreeMap<PublicKey, Option<String>>,
    roles: BTreeSet<String>,
    threshold: usize,
}

/// How many different keys must have signed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Threshold {
    /// One of them.
    #[default]
    Any,
    /// That many.
    AtLeast(usize),
    /// Each of them.
    All,
}

impl TrustedKeys {
    /// Puts a set together. A role is a name and the keys that may sign for it; one of each must, and all keys together
    /// reach the threshold.
    ///
    /// # Errors
    /// [`TrustError`]: no keys, more asked for than there are, or one key for two roles, which would then be one role.
    pub fn new(
        keys: impl IntoIterator<Item = PublicKey>,
        roles: impl IntoIterator<Item = (String, Vec<PublicKey>)>,
        threshold: Threshold,
    ) -> Result<Self, TrustError> {
        let mut all: BTreeMap<PublicKey, Option<String>> = BTreeMap::new();
        let mut names = BTreeSet::new();
        for (role, keys) in roles {
            if keys.is_empty() || role.is_empty() {
                return Err(TrustError::EmptyRole(role));
            }
            for key in keys {
                match all.insert(key, Some(role.clone())) {
                    Some(Some(other)) if other != role => return Err(TrustError::TwoRoles(other, role)),
                    _ => {}
                }
            }
            names.insert(role);
        }
        for key in keys {
            all.entry(key).or_insert(None);
        }
        let threshold = match threshold {
            Threshold::Any => 1,
            Threshold::AtLeast(count) => count,
            Threshold::All => all.len(),
        };
        match all.len() {
            0 => Err(TrustError::NoKeys),
            MAX_KEYS.. => Err(TrustError::TooManyKeys),
            have if threshold == 0 || threshold > have => Err(TrustError::Threshold { asked: threshold, have }),
            _ => Ok(Self { keys: all, roles: names, threshold }),
        }
    }

    /// Any of the keys in a file, in PEM text or in the value of a variable, in each form that [`PublicKey::read`] takes.
    ///
    /// # Errors
    /// [`TrustError`]: no keys, or private ones.
    pub fn read(bytes: &[u8]) -> Result<Self, TrustError> {
        Self::read_all([bytes], Threshold::Any)
    }

    /// The keys of several files.
    ///
    /// # Errors
    /// As of [`TrustedKeys::new`] and [`TrustedKeys::read`].
    pub fn read_all<'a>(files: impl IntoIterator<Item = &'a [u8]>, threshold: Threshold) -> Result<Self, TrustError> {
        let mut keys = Vec::new();
        for file in files {
            keys.extend(PublicKey::read(file)?);
        }
        Self::new(keys, [], threshold)
    }

    /// The keys, each once, with their roles.
    pub fn keys(&self) -> impl Iterator<Item = (&PublicKey, Option<&str>)> {
        self.keys.iter().map(|(key, role)| (key, role.as_deref()))
    }

    /// How many different keys must have signed.
    pub const fn threshold(&self) -> usize {
        self.threshold
    }

    /// The role of a key.
    pub(super) fn role_of(&self, key: &PublicKey) -> Option<&str> {
        self.keys.get(key)?.as_deref()
    }

    /// What these keys do not reach; `None` where they do.
    pub(super) fn lacks(&self, signed: &BTreeSet<PublicKey>) -> Option<Lacking> {
        let has = |role: &&String| signed.iter().any(|key| self.role_of(key) == Some(role));
        if let Some(role) = self.roles.iter().find(|role| !has(role)) {
            return Some(Lacking::Role(role.clone()));
        }
        let got = signed.iter().filter(|key| self.keys.contains_key(key)).count();
        (got < self.threshold).then_some(Lacking::Keys { need: self.threshold, got })
    }
}

/// Most keys of a set: every signature of a file may have to be tried with each of them. Nobody's project has as many
/// signers.
const MAX_KEYS: usize = 1025;

/// What signatures that hold do not reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lacking {
    /// Nobody signed for this role.
    Role(String),
    /// Too few different keys.
    Keys {
        /// How many must have.
        need: usize,
        /// How many have.
        got: usize,
    },
}

/// Why keys make no set to trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrustError {
    /// A file is no public key.
    Key(KeyError),
    /// There are none.
    NoKeys,
    /// More than 1,024.
    TooManyKeys,
    /// A role without a name, or without keys.
    EmptyRole(String),
    /// One key for two roles.
    TwoRoles(String, String),
    /// None, or more than there are different keys.
    Threshold {
        /// How many are asked for.
        asked: usize,
        /// How many there are.
        have: usize,
    },
}

impl TrustError {
    /// A stable id of the refusal.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Key(error) => error.code(),
            Self::NoKeys => "wasm-key-none",
            Self::TooManyKeys => "wasm-trust-too-many",
            Self::EmptyRole(_) | Self::TwoRoles(..) => "wasm-trust-role",
            Self::Threshold { .. } => "wasm-trust-threshold",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Key(error) => error.hint(),
            _ => None,
        }
    }
}

impl fmt::Display for TrustError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(error) => error.fmt(f),
            Self::NoKeys => f.write_str("no key is trusted"),
            Self::TooManyKeys => write!(f, "more than {} keys are trusted", MAX_KEYS - 1),
            Self::EmptyRole(role) => write!(f, "the role `{}` has no name or no keys", role.escape_debug()),
            Self::TwoRoles(one, other) => {
                write!(f, "one key has the roles `{}` and `{}`", one.escape_debug(), other.escape_debug())
            }
            Self::Threshold { asked, have } => {
                let are = if *have == 1 { "is" } else { "are" };
                write!(f, "signatures of {asked} different keys are demanded, and {have} {are} trusted")
            }
        }
    }
}

impl From<TrustError> for Fault {
    fn from(error: TrustError) -> Self {
        Self::failed(error.code(), error.to_string()).hinting(error.hint()).because(error)
    }
}

impl std::error::Error for TrustError {}

impl From<KeyError> for TrustError {
    fn from(error: KeyError) -> Self {
        Self::Key(error)
    }
}
