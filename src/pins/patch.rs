//! [`Patch`]: an edit of one file of an unpacked tree, exact in content.
//!
//! Refuses patches whose order would decide the outcome: what replaces, writes or deletes a file is its only patch.

use std::collections::HashMap;

use super::error::{PinsError, PinsErrorKind};
use super::table::{Entry, Shape, Table};
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
            return Err(table.error(PinsErrorKind::PatchConflict { path: patch.path.to_string(), other_line }));
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
            Some(entry) => entry.error(PinsErrorKind::PatchNeeds { key: entry.key().to_owned(), needs: "find" }),
            None => table.error(PinsErrorKind::PatchWithoutEdit),
        });
    };
    if let Some(second) = forms.next() {
        let kind = PinsErrorKind::PatchTwoEdits { first: form.key().to_owned(), second: second.key().to_owned() };
        return Err(second.error(kind));
    }
    if form.key() == "find" {
        return read_substitute(table, form);
    }
    if let Some(entry) = table.entries().find(|entry| KEYS_OF_FIND.contains(&entry.key())) {
        return Err(entry.error(PinsErrorKind::PatchNeeds { key: entry.key().to_owned(), needs: "find" }));
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
        return Err(find.error(PinsErrorKind::FindEmpty));
    }
    let Some(replace) = table.get("replace") else {
        return Err(find.error(PinsErrorKind::PatchNeeds { key: "find".to_owned(), needs: "replace" }));
    };
    let count = table.get("count").map(|count| count.number(1..=MAX_COUNT)).transpose()?;
    Ok(Edit::Substitute {
        find: text.to_owned(),
        replace: replace.string()?.to_owned(),
        count: count.map_or(1, |count| usize::try_from(count).unwrap_or(usize::MAX)),
    })
}

const PATCH: Shape =
    Shape { noun: "a patch", keys: &["path", "replace-with", "content", "delete", "find", "replace", "count"] };

/// The keys that each make an edit; a patch has exactly one.
const FORMS: [&str; 4] = ["replace-with", "content", "delete", "find"];
/// The keys that only `find` gives a meaning.
const KEYS_OF_FIND: [&str; 2] = ["replace", "count"];
/// Most occurrences that a patch can ask for: `usize` holds it on every machine.
const MAX_COUNT: u64 = 0x7fff_ffff;
