//! What differs between a tree as it should be and a tree as it is.

use std::cmp::Ordering;

use super::{Contents, Entry, EntryKind, FileEntry};

/// One path that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The path below the destination, empty for the destination itself.
    pub path: String,
    /// In what way it differs.
    pub change: Change,
}

/// In what way a path differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It should not be there.
    Added,
    /// It should be there.
    Removed,
    /// Its bytes, or a link's target, are others.
    Changed {
        /// The digest or target that it should have.
        expected: String,
        /// The one that it has.
        received: String,
    },
    /// Only its executable bit is another.
    Mode {
        /// Whether it should be executable.
        expected: bool,
    },
    /// It is a file where a link or folder should be, or the like.
    Kind {
        /// What it should be.
        expected: &'static str,
        /// What it is.
        received: &'static str,
    },
}

/// All differences, in tree order.
pub fn differences(expected: &Contents, found: &Contents) -> Vec<Difference> {
    match (expected, found) {
        (Contents::File(expected), Contents::File(found)) => {
            let change = file(expected, found);
            change.map(|change| Difference { path: String::new(), change }).into_iter().collect()
        }
        (Contents::Folder(expected), Contents::Folder(found)) => folder(expected, found),
        (Contents::File(_), Contents::Folder(_)) => vec![whole("a file", "a folder")],
        (Contents::Folder(_), Contents::File(_)) => vec![whole("a folder", "a file")],
    }
}

fn whole(expected: &'static str, received: &'static str) -> Difference {
    Difference { path: String::new(), change: Change::Kind { expected, received } }
}

fn folder(expected: &[Entry], found: &[Entry]) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut add = |entry: &Entry, change| differences.push(Difference { path: entry.path.to_string(), change });
    let (mut expected, mut found) = (expected.iter().peekable(), found.iter().peekable());
    loop {
        let order = match (expected.peek(), found.peek()) {
            (Some(expected), Some(found)) => expected.path.tree_order(&found.path),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return differences,
        };
        match order {
            Ordering::Less => {
                if let Some(entry) = expected.next() {
                    add(entry, Change::Removed);
                }
            }
            Ordering::Greater => {
                if let Some(entry) = found.next() {
                    add(entry, Change::Added);
                }
            }
            Ordering::Equal => {
                if let (Some(expected), Some(found)) = (expected.next(), found.next())
                    && let Some(change) = kind(&expected.kind, &found.kind)
                {
                    add(expected, change);
                }
            }
        }
    }
}

fn kind(expected: &EntryKind, found: &EntryKind) -> Option<Change> {
    match (expected, found) {
        (EntryKind::File(expected), EntryKind::File(found)) => file(expected, found),
        (EntryKind::Symlink(expected), EntryKind::Symlink(found)) => (expected != found)
            .then(|| Change::Changed { expected: format!("link to {expected}"), received: format!("link to {found}") }),
        (EntryKind::EmptyFolder, EntryKind::EmptyFolder) => None,
        _ => Some(Change::Kind { expected: name(expected), received: name(found) }),
    }
}

fn file(expected: &FileEntry, found: &FileEntry) -> Option<Change> {
    if expected.digest != found.digest {
        let (expected, received) = (expected.digest.to_string(), found.digest.to_string());
        return Some(Change::Changed { expected, received });
    }
    (expected.executable != found.executable).then_some(Change::Mode { expected: expected.executable })
}

const fn name(kind: &EntryKind) -> &'static str {
    match kind {
        EntryKind::File(_) => "a file",
        EntryKind::Symlink(_) => "a link",
        EntryKind::EmptyFolder => "an empty folder",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::FileDigest;

    fn entry(path: &str, kind: EntryKind) -> Entry {
        Entry { path: path.parse().expect("a path"), kind }
    }

    fn text(bytes: &[u8], executable: bool) -> EntryKind {
        EntryKind::File(FileEntry {
            size: u64::try_from(bytes.len()).expect("short"),
            executable,
            digest: FileDigest::of(bytes),
        })
    }

    #[test]
    fn names_each_kind_of_change() {
        let expected = Contents::Folder(vec![
            entry("changed", text(b"1", false)),
            entry("gone", text(b"1", false)),
            entry("kind", text(b"1", false)),
            entry("link", EntryKind::Symlink("same".into())),
            entry("mode", text(b"1", true)),
            entry("same", text(b"1", false)),
        ]);
        let found = Contents::Folder(vec![
            entry("added", text(b"1", false)),
            entry("changed", text(b"2", true)),
            entry("kind", EntryKind::EmptyFolder),
            entry("link", EntryKind::Symlink("other".into())),
            entry("mode", text(b"1", false)),
            entry("same", text(b"1", false)),
        ]);
        let (one, two) = (FileDigest::of(b"1").to_string(), FileDigest::of(b"2").to_string());
        let difference = |path: &str, change| Difference { path: path.into(), change };
        let link = Change::Changed { expected: "link to same".into(), received: "link to other".into() };
        assert_eq!(
            differences(&expected, &found),
            [
                difference("added", Change::Added),
                difference("changed", Change::Changed { expected: one, received: two }),
                difference("gone", Change::Removed),
                difference("kind", Change::Kind { expected: "a file", received: "an empty folder" }),
                difference("link", link),
                difference("mode", Change::Mode { expected: true }),
            ]
        );
        assert_eq!(differences(&expected, &expected), []);
    }
}
