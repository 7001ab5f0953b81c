//! [`PinName`]: what a pin is called on the command line and in `.pinfold/<pin>.json`.

use std::fmt;
use std::str::FromStr;

/// A name of `[A-Za-z0-9][A-Za-z0-9._-]*`, at most [`PinName::MAX_LEN`] bytes: a file name everywhere, never a flag.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PinName(String);

impl PinName {
    /// Longest name, in bytes: it stands in the name of a record and at the start of every line of output.
    pub const MAX_LEN: usize = 64;

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PinName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PinName {
    type Err = PinNameError;

    fn from_str(text: &str) -> Result<Self, PinNameError> {
        if text.is_empty() {
            return Err(PinNameError::Empty);
        }
        if text.len() > Self::MAX_LEN {
            return Err(PinNameError::TooLong);
        }
        if !text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            return Err(PinNameError::Start);
        }
        if !text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')) {
            return Err(PinNameError::Character);
        }
        Ok(Self(text.to_owned()))
    }
}

/// Why a text is not a [`PinName`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PinNameError {
    /// Nothing there.
    Empty,
    /// Longer than [`PinName::MAX_LEN`].
    TooLong,
    /// The first character is not an ASCII letter or digit.
    Start,
    /// Something beside ASCII letters, digits, `.`, `_` and `-`.
    Character,
}

impl PinNameError {
    /// A stable id of the refusal.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty => "pin-name-empty",
            Self::TooLong => "pin-name-too-long",
            Self::Start => "pin-name-start",
            Self::Character => "pin-name-character",
        }
    }
}

impl fmt::Display for PinNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the name is empty",
            Self::TooLong => "the name is longer than 64 bytes",
            Self::Start => "the name does not start with a letter or a digit",
            Self::Character => "the name has a character other than letters, digits, `.`, `_` and `-`",
        })
    }
}

impl std::error::Error for PinNameError {}
