//! Which sections somebody asks about.

use std::collections::BTreeSet;
use std::fmt;

use pinfold_core::fault::Fault;

use regex_lite::Regex;

use super::reader::Section;
use super::{DELIMITER, SIGNATURE};

/// Custom sections by name or pattern. Whatever is no custom section is always among them: code without its types proves
/// nothing.
#[derive(Debug, Clone)]
pub struct Selection {
    names: BTreeSet<String>,
    patterns: Vec<Regex>,
}

impl Selection {
    /// Reads words: one with any of `^$*+?()[]{}|\` is a regular expression that matches anywhere in a name, as wasmsign2
    /// has it, another is a name.
    ///
    /// # Errors
    /// [`SelectionError`]: no words, a name of the format's own, or no regular expression.
    pub fn of<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self, SelectionError> {
        let mut selection = Self { names: BTreeSet::new(), patterns: Vec::new() };
        for word in words {
            if word.contains(|one| PATTERN_SIGNS.contains(one)) {
                selection.patterns.push(Regex::new(word).map_err(SelectionError::Syntax)?);
            } else if [SIGNATURE, DELIMITER].contains(&word) {
                return Err(SelectionError::Own(word.to_owned()));
            } else {
                selection.names.insert(word.to_owned());
            }
        }
        if selection.names.is_empty() && selection.patterns.is_empty() {
            return Err(SelectionError::Empty);
        }
        Ok(selection)
    }

    /// One regular expression.
    ///
    /// # Errors
    /// It is none.
    pub fn pattern(text: &str) -> Result<Self, SelectionError> {
        let pattern = Regex::new(text).map_err(SelectionError::Syntax)?;
        Ok(Self { names: BTreeSet::new(), patterns: vec![pattern] })
    }

    /// Whether a section is among those that are asked about.
    pub fn takes(&self, section: &Section) -> bool {
        section.id != 0 || self.names(section)
    }

    /// Whether a custom section is.
    pub fn names(&self, section: &Section) -> bool {
        let Some(name) = &section.name else { return false };
        self.names.contains(name) || self.patterns.iter().any(|pattern| pattern.is_match(name))
    }

    /// The names that were asked for letter by letter: a file without one of them does not hold what was asked about.
    pub fn exact(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }
}

const PATTERN_SIGNS: &str = "^$*+?()[]{}|\\";

/// Why words select nothing.
#[derive(Debug, Clone)]
pub enum SelectionError {
    /// There are none.
    Empty,
    /// The format's own sections are nobody's content.
    Own(String),
    /// Not a regular expression.
    Syntax(regex_lite::Error),
}

impl SelectionError {
    /// A stable id of the refusal.
    pub const fn code(&self) -> &'static str {
        "wasm-selection"
    }
}

impl fmt::Display for SelectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("no section is named"),
            Self::Own(name) => write!(f, "`{name}` is a section of the signature format, not one that is signed"),
            Self::Syntax(error) => write!(f, "not a regular expression: {error}"),
        }
    }
}

impl From<SelectionError> for Fault {
    fn from(error: SelectionError) -> Self {
        Self::failed(error.code(), error.to_string())
            .hint("name custom sections, or write a pattern with `^` and `$`")
            .because(error)
    }
}

impl std::error::Error for SelectionError {}
