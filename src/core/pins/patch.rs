//! [`Patch`]: an edit of one file of an unpacked tree, exact in content.
//!
//! Refuses patches whose order would decide the outcome: what replaces, writes or deletes a file is its only patch.

use std::collections::HashMap;
use std::fmt;

use super::error::{PinsError, PinsErrorKind};
use super::table::{Entry, Shape, Table};
use super::wording::Shown;
use crate::path::RelPath;

/// Most patches of one pin; a tree that needs more is a fork.
pub const MAX_PATCHES: usize = 1000;

/// One edit of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// The file in the unpacked tree, after `strip`.
    pub path: RelPath,
    /// What happens to it.
    pub edit: Edit,
    /// The 1-based line of the table.
    pub line: usize,
}

/// What a patch does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// The file gets the bytes of this file in the project.
    ReplaceWith(RelPath),
    /// The file gets this content.
    Content(String),
    /// The file is removed.
    Delete,
    /// A text that must occur exactly so often is replaced.
    Substitute {
        /// What must be there; not empty.
        find: String,
        /// What stands there afterwards.
        replace: String,
        /// How often, at least once.
        count: usize,
    },
}

/// The patches of a pin, in the order of the file.
pub(super) fn read_all(pin: Table<'_>) -> Result<Vec<Patch>, PinsError> {
    let Some(entry) = pin.get("patch") else { return Ok(Vec::new()) };
    let tables = entry.tables()?;
    if tables.len() > MAX_PATCHES {
        return Err(entry.error(PinsErrorKind::TooManyPatches { found: tables.len() }));
    }
    let mut patches = Vec::with_capacity(tables.len());
    let mut touched: HashMap<String, (usize, bool)> = HashMap::new();
    for table in tables {
        let patch = read(table)?;
        let alone = !matches!(patch.edit, Edit::Substitute { .. });
        if let Some((other_line, first_alone)) = touched.insert(patch.path.collision_key(), (patch.line, alone))
            && (alone || first_alone)
        {
            return Err(table.error(PatchError::Conflict { path: patch.path.to_string(), other_line }.into()));
        }
        patches.push(patch);
    }
    Ok(patches)
}

fn read(table: Table<'_>) -> Result<Patch, PinsError> {
    let table = table.shaped(&PATCH)?;
    let missing = PinsErrorKind::MissingKey { key: "path", table: PATCH.noun };
    let path = table.get("path").ok_or_else(|| table.error(missing))?.parse()?;
    Ok(Patch { path, edit: read_edit(table)?, line: table.line() })
}

fn read_edit(table: Table<'_>) -> Result<Edit, PinsError> {
    let mut forms = table.entries().filter(|entry| FORMS.contains(&entry.key()));
    let Some(form) = forms.next() else {
        // `replace` or `count` without `find` is the likelier slip than no edit at all.
        return Err(match table.entries().find(|entry| KEYS_OF_FIND.contains(&entry.key())) {
            Some(entry) => entry.error(PatchError::Needs { key: entry.key().to_owned(), needs: "find" }.into()),
            None => table.error(PatchError::WithoutEdit.into()),
        });
    };
    if let Some(second) = forms.next() {
        let kind = PatchError::TwoEdits { first: form.key().to_owned(), second: second.key().to_owned() }.into();
        return Err(second.error(kind));
    }
    if form.key() == "find" {
        return read_substitute(table, form);
    }
    if let Some(entry) = table.entries().find(|entry| KEYS_OF_FIND.contains(&entry.key())) {
        return Err(entry.error(PatchError::Needs { key: entry.key().to_owned(), needs: "find" }.into()));
    }
    match form.key() {
        "replace-with" => form.parse().map(Edit::ReplaceWith),
        "content" => form.string().map(|content| Edit::Content(content.to_owned())),
        _ if form.boolean() == Some(true) => Ok(Edit::Delete),
        _ => Err(form.wrong_type("`true`")),
    }
}

fn read_substitute(table: Table<'_>, find: Entry<'_>) -> Result<Edit, PinsError> {
    let text = find.string()?;
    if text.is_empty() {
        return Err(find.error(PatchError::FindEmpty.into()));
    }
    let Some(replace) = table.get("replace") else {
        return Err(find.error(PatchError::Needs { key: "find".to_owned(), needs: "replace" }.into()));
    };
    let count = table.get("count").map(|count| count.number(1..=MAX_COUNT)).transpose()?;
    Ok(Edit::Substitute {
        find: text.to_owned(),
        replace: replace.string()?.to_owned(),
        count: count.map_or(1, |count| usize::try_from(count).unwrap_or(usize::MAX)),
    })
}

/// Why a table is not an [`Edit`], or not one that can stand beside the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PatchError {
    /// Nothing happens to the file.
    WithoutEdit,
    /// More than one edit in one patch.
    TwoEdits {
        /// The key of the first.
        first: String,
        /// The key of the second.
        second: String,
    },
    /// A key without the one that it belongs to.
    Needs {
        /// The key that is there.
        key: String,
        /// The key that is not.
        needs: &'static str,
    },
    /// Nothing to find: it would occur everywhere.
    FindEmpty,
    /// A file that one patch replaces, writes or deletes and another touches.
    Conflict {
        /// The file.
        path: String,
        /// The 1-based line of the other patch.
        other_line: usize,
    },
}

impl PatchError {
    /// A stable id of the refusal.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::WithoutEdit => "patch-without-edit",
            Self::TwoEdits { .. } => "patch-two-edits",
            Self::Needs { .. } => "patch-needs",
            Self::FindEmpty => "find-empty",
            Self::Conflict { .. } => "patch-conflict",
        }
    }

    /// What to do about it.
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::WithoutEdit => Some("name one of `replace-with`, `content`, `delete` and `find`"),
            Self::TwoEdits { .. } => Some("keep one of them"),
            Self::Conflict { .. } => Some("keep one patch of the file; only `find` patches can follow each other"),
            Self::Needs { .. } | Self::FindEmpty => None,
        }
    }
}

impl fmt::Display for PatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WithoutEdit => f.write_str("the patch does nothing"),
            Self::TwoEdits { first, second } => write!(f, "`{first}` and `{second}` are two edits in one patch"),
            Self::Needs { key, needs } => write!(f, "`{key}` in a patch needs `{needs}`"),
            Self::FindEmpty => f.write_str("`find` is empty"),
            Self::Conflict { path, other_line } => {
                let path = Shown(path);
                write!(f, "{path} is patched here and in line {other_line}, and one of them takes the whole file")
            }
        }
    }
}

impl std::error::Error for PatchError {}

impl From<PatchError> for PinsErrorKind {
    fn from(error: PatchError) -> Self {
        Self::Patch(error)
    }
}

const PATCH: Shape =
    Shape { noun: "a patch", keys: &["path", "replace-with", "content", "delete", "find", "replace", "count"] };

/// The keys that each make an edit; a patch has exactly one.
const FORMS: [&str; 4] = ["replace-with", "content", "delete", "find"];
/// The keys that only `find` gives a meaning.
const KEYS_OF_FIND: [&str; 2] = ["replace", "count"];
/// Most occurrences that a patch can ask for: `usize` holds it on every machine.
const MAX_COUNT: u64 = 0x7fff_ffff;
