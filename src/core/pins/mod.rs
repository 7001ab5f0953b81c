//! pins.toml: what a project vendors, as text and as values that cannot be wrong. The format is told in
//! `docs/pins.md`.
//!
//! Refuses everything that is not in that document: unknown keys, wrong types, pins without integrity, destinations
//! that overlap or belong to git or pinfold, and values that would change the shape of a URL or a path. Every refusal
//! has a line, the offending text and a stable id.

mod artifact;
mod cross;
mod edit;
mod error;
mod github;
mod layout;
mod name;
mod nearest;
mod npm;
mod oci;
mod patch;
mod pin;
mod platform;
mod pypi;
mod signature;
mod source;
mod table;
mod trust;
mod trusted;
mod value;
mod wording;
mod workflow;

use std::collections::HashMap;

pub use self::artifact::{Artifact, MAX_MIRRORS};
pub use self::edit::{EditError, NewPin, NewVersion};
pub use self::error::{CODES, PinsError, PinsErrorKind};
pub use self::github::{GithubAsset, GithubError};
pub use self::layout::MAX_STRIP;
pub use self::name::{PinName, PinNameError};
pub use self::npm::{NpmError, NpmPackage};
pub use self::oci::OciLayer;
pub use self::patch::{Edit, MAX_PATCHES, Patch, PatchError};
pub use self::pin::Pin;
pub use self::platform::{Platform, PlatformError};
pub use self::pypi::{PypiError, PypiFile};
pub use self::signature::{MAX_KEYS, Signature};
pub use self::source::Source;
pub use self::trust::{Expectations, Mode, ModeError, Registries, Trust};
pub use self::trusted::{Age, AgeError, Host, HostError, MAX_AGE, Repository, RepositoryError};
pub use self::value::ValueError;
pub use self::workflow::{Workflow, WorkflowError};

use self::error::topmost;
use self::table::{Entry, Lines, Shape, Table};
use crate::oci::Location;

/// Longest pins.toml, in bytes: 10,000 pins of 400 bytes each.
pub const MAX_FILE_LEN: usize = 4 << 20;
/// Most pins in a file: ten times what the largest known lockfiles have direct use for.
pub const MAX_PINS: usize = 10_000;
/// The version of the format.
pub const VERSION: i64 = 1;

/// pins.toml as text and value.
#[derive(Debug, Clone)]
pub struct PinFile {
    text: String,
    pins: Vec<Pin>,
    by_name: HashMap<String, usize>,
    registries: Registries,
    store: Option<Location>,
    trust: Trust,
}

impl PinFile {
    /// Reads a whole file, or refuses with the topmost thing that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, PinsError> {
        if text.len() > MAX_FILE_LEN {
            return Err(PinsError::new(None, None, PinsErrorKind::FileTooLarge { len: text.len() }));
        }
        let lines = Lines::of(text);
        let document = toml_edit::Document::parse(text).map_err(|error| syntax(text, &lines, &error))?;
        let root = Table::root(&lines, document.as_table());
        check_version(root)?;
        let (registries, store) = (Registries::read(root), trust::read_store(root));
        let (trust, pins) = (Trust::read(root), read_pins(root));
        let top = root.shaped(&TOP).map(|_| ());
        topmost([top, outcome(&registries), outcome(&store), outcome(&trust), outcome(&pins)])?;
        let (registries, store, trust, pins) = (registries?, store?, trust?, pins?);
        cross::check(&pins)?;
        let by_name = pins.iter().enumerate().map(|(index, pin)| (pin.name.to_string(), index)).collect();
        Ok(Self { text: text.to_owned(), pins, by_name, registries, store, trust })
    }

    /// The file as it was read, byte for byte.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The pins in the order of the file.
    pub fn pins(&self) -> &[Pin] {
        &self.pins
    }

    /// The pin of this name.
    pub fn pin(&self, name: &str) -> Option<&Pin> {
        self.by_name.get(name).and_then(|index| self.pins.get(*index))
    }

    /// The name that was probably meant, for one that no pin has.
    pub fn nearest_name(&self, name: &str) -> Option<&str> {
        nearest::nearest(name, self.pins.iter().map(|pin| pin.name.as_str()))
    }

    /// `[registries]`.
    pub const fn registries(&self) -> &Registries {
        &self.registries
    }

    /// The shared store that `[store]` names.
    pub const fn store(&self) -> Option<&Location> {
        self.store.as_ref()
    }

    /// `[trust]`.
    pub const fn trust(&self) -> &Trust {
        &self.trust
    }
}

impl Trust {
    /// Reads the `[trust]` table of a file that has nothing else, such as a house's policy for all its projects.
    pub fn parse(text: &str) -> Result<Self, PinsError> {
        if text.len() > MAX_FILE_LEN {
            return Err(PinsError::new(None, None, PinsErrorKind::FileTooLarge { len: text.len() }));
        }
        let lines = Lines::of(text);
        let document = toml_edit::Document::parse(text).map_err(|error| syntax(text, &lines, &error))?;
        let root = Table::root(&lines, document.as_table());
        if root.get("version").is_some() {
            check_version(root)?;
        }
        let trust = Self::read(root);
        topmost([root.shaped(&POLICY).map(|_| ()), outcome(&trust)])?;
        trust
    }
}

fn syntax(text: &str, lines: &Lines, error: &toml_edit::TomlError) -> PinsError {
    let span = error.span();
    let line = span.as_ref().map(|span| lines.at(span.start));
    let found = span.and_then(|span| text.get(span)).and_then(|found| found.lines().next()).unwrap_or_default();
    // What is not TOML may be a location all the same, and what the reader stumbles over any part of it.
    let whole = line.and_then(|line| text.lines().nth(line.saturating_sub(1))).unwrap_or_default();
    let value = whole.split_once('=').map_or(whole, |(_, value)| value).trim_matches(['"', '\'', ' ', '\t', '[', ',']);
    let [message, found] = [error.message(), found].map(|said| wording::without_login_of(value, said));
    PinsError::new(line, None, PinsErrorKind::Syntax { message, found })
}

/// First of all: what another version says, this one cannot read.
fn check_version(root: Table<'_>) -> Result<(), PinsError> {
    let Some(entry) = root.get("version") else {
        // A slip in the key itself is the better message.
        root.shaped(&TOP)?;
        return Err(root.error(PinsErrorKind::MissingVersion));
    };
    match entry.integer()? {
        VERSION => Ok(()),
        found => Err(entry.error(PinsErrorKind::UnsupportedVersion { found })),
    }
}

fn read_pins(root: Table<'_>) -> Result<Vec<Pin>, PinsError> {
    let Some(entry) = root.get("pins") else { return Ok(Vec::new()) };
    let table = entry.table()?;
    if table.len() > MAX_PINS {
        return Err(entry.error(PinsErrorKind::TooManyPins { found: table.len() }));
    }
    let mut entries: Vec<Entry<'_>> = table.entries().collect();
    entries.sort_by_key(Entry::line);
    entries.into_iter().map(Pin::read).collect()
}

fn outcome<T>(result: &Result<T, PinsError>) -> Result<(), PinsError> {
    result.as_ref().map(|_| ()).map_err(Clone::clone)
}

/// Without `[trust]` a policy would demand nothing, which is seen when it is read.
const POLICY: Shape = Shape { noun: "a policy", keys: &["version", "trust"] };
const TOP: Shape = Shape { noun: "pins.toml", keys: &["version", "registries", "store", "trust", "pins"] };

#[cfg(test)]
mod tests;
