//! What stands at a destination, held to what pinfold put there or is about to put there.
//!
//! A tree is somebody's work as soon as its content is another: what would be lost with it is named, and nothing is done
//! unless that was asked for. What loses nothing of anybody's is put right without asking: a file's time or mode, an empty
//! folder that a checkout did not keep, a file that a loss of power left empty.

use std::collections::BTreeSet;

use crate::report::{Finding, Level};
use pinfold_core::fs::{Dir, FsError, Stat};
use pinfold_core::layout::Ignore;
use pinfold_core::path::RelPath;
use pinfold_core::record::{self, Change, Contents, Difference, EntryKind};
use pinfold_core::tree::{self, Aside, Bounds, Odd, Scan, What};

/// How what stands at a destination differs from what should.
#[derive(Debug, Default)]
pub(super) struct Differences {
    /// What would be lost if the right tree took its place.
    pub(super) lost: Vec<Finding>,
    /// Files and links that are not there: nothing of them is lost, but that they were removed is somebody's work too, where
    /// they were put there.
    pub(super) absent: Vec<Finding>,
    /// What would be put right by that, and is nobody's work.
    pub(super) put_right: Vec<Finding>,
}

impl Differences {
    /// Whether what stands is right, to the byte.
    pub(super) const fn is_empty(&self) -> bool {
        self.lost.is_empty() && self.absent.is_empty() && self.put_right.is_empty()
    }

    /// What somebody did to a tree that was put there, in the order of its paths.
    pub(super) fn changes(&mut self) -> Vec<Finding> {
        let mut changes = std::mem::take(&mut self.lost);
        changes.append(&mut self.absent);
        changes.sort_by(|one, other| one.path.cmp(&other.path));
        changes
    }

    /// What is told of a tree that was replaced.
    pub(super) fn told(mut self) -> Vec<Finding> {
        let changes = self.changes();
        let mut told = Vec::new();
        if !changes.is_empty() {
            let differed = if changes.len() == 1 { "path differed" } else { "paths differed" };
            let message = format!("{} {differed}, and the pinned files were put back", changes.len());
            told.push(Finding::new(Level::Warning, "tree-restored", message));
        }
        told.extend(changes.into_iter().map(|finding| Finding { level: Level::Warning, ..finding }));
        told.extend(self.put_right.into_iter().map(|finding| Finding { level: Level::Note, ..finding }));
        told
    }
}

/// What stands at a destination, every byte of it read; `None` for nothing, and for an empty folder.
pub(super) fn scan(parent: &Dir, to: &RelPath, bounds: Bounds) -> Result<Option<Scan>, FsError> {
    if tree::exists(parent, to)? { tree::scan(parent, to.file_name(), false, bounds) } else { Ok(None) }
}

/// Compares what was found at a destination with what should stand there.
pub(super) fn compare(
    parent: &Dir,
    to: &RelPath,
    found: &Scan,
    contents: &Contents,
    ignore: &Ignore,
) -> Result<Differences, FsError> {
    let mut differences = Differences::default();
    if let Some(whole) = found.odd.iter().find(|one| one.path.is_empty() && one.what == What::Thing) {
        differences.lost.push(odd(to, whole));
        return Ok(differences);
    }
    for one in found.odd.iter().filter(|one| !is_ignored_odd(one, contents, ignore)) {
        let place = if one.what == What::Mode { &mut differences.put_right } else { &mut differences.lost };
        place.push(odd(to, one));
    }
    let changes = not_told(record::differences(contents, &found.contents), &found.odd);
    let (changes, _) = without_ignored(changes, contents, ignore);
    for change in changes {
        let place = match &change.change {
            Change::Mode { .. } => &mut differences.put_right,
            Change::Removed if matches!(entry(contents, &change.path), Some(EntryKind::EmptyFolder)) => {
                &mut differences.put_right
            }
            Change::Removed => &mut differences.absent,
            // Whoever empties a file gives it another time.
            Change::Changed { .. }
                if stat_of(parent, to, &change.path)?.is_some_and(|stat| stat.size == 0 && stat.has_fixed_time()) =>
            {
                &mut differences.put_right
            }
            Change::Changed { .. } | Change::Added | Change::Kind { .. } => &mut differences.lost,
        };
        place.push(different(to, change));
    }
    Ok(differences)
}

/// Differences but for what was told as odd: what is too long to be read, say, is not gone.
pub fn not_told(mut differences: Vec<Difference>, odd: &[Odd]) -> Vec<Difference> {
    let told: BTreeSet<&str> = odd.iter().map(|one| one.path.as_str()).collect();
    differences.retain(|one| one.change != Change::Removed || !told.contains(one.path.as_str()));
    differences
}

/// Takes what is ignored out of the differences between what is pinned and what was found; returns both.
pub fn without_ignored(
    differences: Vec<Difference>,
    pinned: &Contents,
    ignore: &Ignore,
) -> (Vec<Difference>, BTreeSet<RelPath>) {
    let (mut rest, mut ignored) = (Vec::new(), BTreeSet::new());
    let mut differences = differences.into_iter().peekable();
    while let Some(one) = differences.next() {
        let is_added = |one: &Difference| matches!(one.change, Change::Added) && is_ignored(&one.path, pinned, ignore);
        // A folder that should be empty, and has nothing but ignored paths in it, is as good as empty.
        let has_ignored = |next: &Difference| {
            let below = next.path.strip_prefix(&one.path);
            below.is_some_and(|below| below.starts_with('/')) && is_added(next)
        };
        if is_added(&one) {
            ignored.extend(one.path.parse::<RelPath>().ok());
        } else if !(matches!(one.change, Change::Removed) && differences.peek().is_some_and(has_ignored)) {
            rest.push(one);
        }
    }
    (rest, ignored)
}

/// Takes what is ignored out of what was found, and returns it.
pub fn set_aside(found: &mut Contents, pinned: &Contents, ignore: &Ignore) -> Aside {
    let (_, paths) = without_ignored(record::differences(pinned, found), pinned, ignore);
    let mut aside = Aside { paths, emptied: BTreeSet::new() };
    let (Contents::Folder(found), Contents::Folder(pinned)) = (found, pinned) else { return aside };
    found.retain(|entry| !aside.paths.contains(&entry.path));
    for folder in pinned.iter().filter(|entry| entry.kind == EntryKind::EmptyFolder) {
        let is_below =
            |one: &RelPath| one.as_str().strip_prefix(folder.path.as_str()).is_some_and(|rest| rest.starts_with('/'));
        let next = found.partition_point(|entry| entry.path.tree_order(&folder.path).is_lt());
        let stands = found.get(next).is_some_and(|entry| entry.path == folder.path || is_below(&entry.path));
        // In the order of plain text, all that is in a folder stands behind its name.
        let behind = aside.paths.range(folder.path.clone()..);
        if !stands && behind.take_while(|one| one.as_str().starts_with(folder.path.as_str())).any(is_below) {
            found.insert(next, folder.clone());
            aside.emptied.insert(folder.path.clone());
        }
    }
    aside
}

/// Whether something odd is ignored: a repository never is.
pub fn is_ignored_odd(odd: &Odd, pinned: &Contents, ignore: &Ignore) -> bool {
    odd.what != What::Repository && is_ignored(&odd.path, pinned, ignore)
}

/// Whether a path is ignored. One that is pinned never is, nor is a folder with pinned paths in it.
pub fn is_ignored(path: &str, pinned: &Contents, ignore: &Ignore) -> bool {
    let Ok(path) = path.parse::<RelPath>() else { return false };
    let Contents::Folder(entries) = pinned else { return false };
    if !ignore.matches_folder(&path) {
        return false;
    }
    let next = entries.get(entries.partition_point(|entry| entry.path.tree_order(&path).is_lt()));
    let below = next.and_then(|entry| entry.path.as_str().strip_prefix(path.as_str()));
    !below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
}

fn entry<'a>(contents: &'a Contents, path: &str) -> Option<&'a EntryKind> {
    let Contents::Folder(entries) = contents else { return None };
    let path = path.parse::<RelPath>().ok()?;
    let at = entries.binary_search_by(|entry| entry.path.tree_order(&path)).ok()?;
    entries.get(at).map(|entry| &entry.kind)
}

fn stat_of(parent: &Dir, to: &RelPath, path: &str) -> Result<Option<Stat>, FsError> {
    let Ok(path) = path.parse::<RelPath>() else { return parent.stat(to.file_name()) };
    let Some(tree) = parent.child(to.file_name())? else { return Ok(None) };
    match tree::parent_of(&tree, &path)? {
        Some(folder) => folder.stat(path.file_name()),
        None => Ok(None),
    }
}

/// What no tree of ours has, as a finding.
pub fn odd(to: &RelPath, odd: &Odd) -> Finding {
    let place = place(to, &odd.path);
    Finding::new(Level::Error, "file-odd", format!("`{}` {}", place.escape_debug(), odd.why)).at(place)
}

/// A difference of one path, as a finding.
pub fn different(to: &RelPath, difference: Difference) -> Finding {
    let place = place(to, &difference.path);
    let shown = place.escape_debug();
    let (code, message, compared) = match difference.change {
        Change::Added => ("file-added", format!("`{shown}` was added"), None),
        Change::Removed => ("file-removed", format!("`{shown}` was removed"), None),
        Change::Changed { expected, received } => {
            ("file-changed", format!("`{shown}` was changed"), Some((expected, received)))
        }
        Change::Mode { expected } => {
            let now = if expected { "is no longer executable" } else { "was made executable" };
            ("file-mode", format!("`{shown}` {now}"), None)
        }
        Change::Kind { expected, received } => ("file-kind", format!("`{shown}` is {received}, not {expected}"), None),
    };
    let finding = Finding::new(Level::Error, code, message).at(place);
    match compared {
        Some((expected, received)) => finding.compared(expected, received),
        None => finding,
    }
}

fn place(to: &RelPath, path: &str) -> String {
    if path.is_empty() { to.to_string() } else { format!("{to}/{path}") }
}

/// What is said of paths that are ignored: they are there, and nothing is known of them.
pub fn ignored(count: usize) -> Option<Finding> {
    let message = match count {
        0 => return None,
        1 => "1 ignored path, not verified".to_owned(),
        count => format!("{count} ignored paths, not verified"),
    };
    Some(Finding::new(Level::Note, "paths-ignored", message))
}
