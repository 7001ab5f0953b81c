//! Looking at trees: every byte ([`scan`]), or only names, sizes, modes and times ([`looks_like`]).

use std::collections::BTreeSet;
use std::io::Read;

use crate::digest::{FileHasher, Sha256, Sha256Hasher};
use crate::fs::{Dir, FsError, Kind, Stat};
use crate::layout::Ignore;
use crate::nar::{Nar, NarError, Node};
use crate::path::{self, RelPath};
use crate::record::{Contents, Entry, EntryKind, FileEntry};

/// What stands at a destination, every byte of it read.
#[derive(Debug)]
pub struct Scan {
    /// The files, links and empty folders.
    pub contents: Contents,
    /// The tree hash, where it was asked for and everything can be in one.
    pub tree: Option<Sha256>,
    /// What no tree of ours can have.
    pub odd: Vec<Odd>,
}

/// Something that no tree of ours can have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Odd {
    /// The path below the destination, as far as it can be told; empty for the destination itself.
    pub path: String,
    /// What is odd about it, behind its name.
    pub why: &'static str,
    /// What that means for whoever finds it.
    pub what: What,
}

/// What something odd is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// No more than permission bits, of something that may be right otherwise.
    Mode,
    /// Something that is in no tree.
    Thing,
    /// A repository of git, whose programs are run by whoever only looks at it: nobody's program makes one unasked.
    Repository,
}

/// What is not looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Aside {
    /// These paths, none of which is a folder with something in it; folders that have nothing else in them are not seen.
    pub paths: BTreeSet<RelPath>,
    /// Folders that are empty but for such paths.
    pub emptied: BTreeSet<RelPath>,
}

impl Odd {
    fn thing(path: impl Into<String>, why: &'static str) -> Self {
        Self { path: path.into(), why, what: What::Thing }
    }

    fn mode(path: impl Into<String>, stat: &Stat) -> Option<Self> {
        odd_mode(stat).map(|why| Self { path: path.into(), why, what: What::Mode })
    }
}

/// The most that a tree can be. What is more is told and not read: a file without blocks has any size, and costs nothing.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Bytes of a single file, where that is the tree.
    pub file: u64,
    /// Bytes of all files in a folder.
    pub folder: u64,
    /// Files, links and empty folders.
    pub entries: u64,
}

/// Reads what stands under `name`, `None` for nothing. With `hash_tree` the tree hash is taken in the same pass.
pub fn scan(parent: &Dir, name: &str, hash_tree: bool, bounds: Bounds) -> Result<Option<Scan>, FsError> {
    scan_without(parent, name, hash_tree, bounds, &Aside::default())
}

/// As [`scan`], but for what was set aside, of which no byte is read.
pub fn scan_without(
    parent: &Dir,
    name: &str,
    hash_tree: bool,
    bounds: Bounds,
    aside: &Aside,
) -> Result<Option<Scan>, FsError> {
    let Some(stat) = parent.stat(name)? else { return Ok(None) };
    let mut buffer = vec![0; CHUNK];
    match stat.kind {
        Kind::Folder => {
            let Some(folder) = parent.child(name)? else { return Ok(None) };
            let nar = hash_tree.then(Nar::hash_folder);
            let mut walk = Walk { buffer, nar, bounds, aside, entries: Vec::new(), odd: Vec::new() };
            walk.odd.extend(Odd::mode("", &stat));
            walk.folder(&folder, "")?;
            walk.finish(folder.path().display().to_string().as_ref()).map(Some)
        }
        Kind::File if stat.size > bounds.file => {
            Ok(Some(Scan { contents: Contents::Folder(Vec::new()), tree: None, odd: vec![Odd::thing("", TOO_LONG)] }))
        }
        Kind::File => {
            let executable = stat.mode & 0o100 != 0;
            let mut nar = hash_tree.then(|| Nar::hash_file(stat.size, executable));
            let file = hash_file(parent, name, stat, &mut nar, &mut buffer)?;
            let tree = nar.map(|nar| nar.finish().map_err(|error| changed(parent, name, &error))).transpose()?;
            let odd = Odd::mode("", &stat).into_iter().collect();
            Ok(Some(Scan { contents: Contents::File(file), tree, odd }))
        }
        Kind::Symlink | Kind::Other => Ok(Some(Scan {
            contents: Contents::Folder(Vec::new()),
            tree: None,
            odd: vec![Odd::thing("", "is a link or device where a tree should be")],
        })),
    }
}

struct Walk<'a> {
    buffer: Vec<u8>,
    nar: Option<Nar<Sha256Hasher>>,
    /// What is left of them.
    bounds: Bounds,
    aside: &'a Aside,
    entries: Vec<Entry>,
    odd: Vec<Odd>,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Dir, prefix: &str) -> Result<(), FsError> {
        let mut names = folder.names()?;
        if prefix.parse().is_ok_and(|path| self.aside.emptied.contains(&path)) {
            names.clear();
        }
        names.sort_unstable();
        // Names that are not UTF-8 come out alike, and like a name that has replacement characters of its own.
        names.dedup_by(|name, before| {
            let again = name == before;
            if again {
                let text = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
                self.odd.push(Odd::thing(text, NOT_UTF8));
            }
            again
        });
        if names.is_empty()
            && let Ok(path) = prefix.parse::<RelPath>()
            && !self.aside.paths.contains(&path)
        {
            self.node(folder, &path, Node::Directory)?;
            self.entries.push(Entry { path, kind: EntryKind::EmptyFolder });
        }
        for name in names {
            let text = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
            let Ok(path) = text.parse::<RelPath>() else {
                self.odd.push(Odd::thing(text, "has a name that no tree of pinfold has"));
                continue;
            };
            if path::is_dot_git(&name) {
                self.odd.push(Odd { path: text, why: REPOSITORY, what: What::Repository });
                continue;
            }
            if self.aside.paths.contains(&path) && folder.stat(&name)?.is_none_or(|stat| stat.kind != Kind::Folder) {
                continue;
            }
            let Some(stat) = folder.stat(&name)? else {
                self.odd.push(Odd::thing(text, NOT_UTF8));
                continue;
            };
            self.odd.extend(Odd::mode(text.as_str(), &stat));
            if stat.kind != Kind::Folder {
                let Some(left) = self.bounds.entries.checked_sub(1) else {
                    self.odd.push(Odd::thing(text, TOO_MANY));
                    return Ok(());
                };
                self.bounds.entries = left;
            }
            match stat.kind {
                Kind::Folder => {
                    if let Some(inner) = folder.child(&name)? {
                        self.folder(&inner, &text)?;
                    }
                }
                Kind::File if stat.size > self.bounds.folder => self.odd.push(Odd::thing(text, TOO_LONG)),
                Kind::File => {
                    self.bounds.folder = self.bounds.folder.saturating_sub(stat.size);
                    self.node(folder, &path, Node::File { size: stat.size, executable: stat.mode & 0o100 != 0 })?;
                    let file = hash_file(folder, &name, stat, &mut self.nar, &mut self.buffer)?;
                    self.entries.push(Entry { path, kind: EntryKind::File(file) });
                }
                Kind::Symlink => match String::from_utf8(folder.read_link(&name)?) {
                    Ok(target) => {
                        self.node(folder, &path, Node::Symlink(&target))?;
                        self.entries.push(Entry { path, kind: EntryKind::Symlink(target) });
                    }
                    Err(_) => self.odd.push(Odd::thing(text, "is a link to a name that is not UTF-8")),
                },
                Kind::Other => self.odd.push(Odd::thing(text, "is a device, pipe or socket")),
            }
        }
        Ok(())
    }

    fn node(&mut self, folder: &Dir, path: &RelPath, node: Node<'_>) -> Result<(), FsError> {
        match &mut self.nar {
            Some(nar) => nar.entry(path, node).map_err(|error| changed(folder, path.file_name(), &error)),
            None => Ok(()),
        }
    }

    fn finish(mut self, place: &std::path::Path) -> Result<Scan, FsError> {
        let head = path::repository_in(self.entries.iter().map(|entry| &entry.path));
        self.odd.extend(head.map(|head| Odd { path: head.to_string(), why: REPOSITORY, what: What::Repository }));
        // A tree with something odd in it has no hash: what is odd is in none.
        let nar = self.nar.filter(|_| self.odd.is_empty());
        let tree = nar
            .map(Nar::finish)
            .transpose()
            .map_err(|error| FsError::new("hash", place, std::io::Error::other(error)))?;
        Ok(Scan { contents: Contents::Folder(self.entries), tree, odd: self.odd })
    }
}

fn hash_file(
    folder: &Dir,
    name: &str,
    stat: Stat,
    nar: &mut Option<Nar<Sha256Hasher>>,
    buffer: &mut [u8],
) -> Result<FileEntry, FsError> {
    // Not more than it had when it was looked at: somebody may write to it without end.
    let mut file = folder.open_file(name)?.take(stat.size.saturating_add(1));
    let mut digest = FileHasher::default();
    let mut size = 0_u64;
    loop {
        let chunk =
            read_chunk(&mut file, buffer).map_err(|error| FsError::new("read", folder.path().join(name), error))?;
        if chunk.is_empty() {
            break;
        }
        digest.update(chunk);
        if let Some(nar) = nar {
            nar.contents(chunk).map_err(|error| changed(folder, name, &error))?;
        }
        size = size.saturating_add(u64::try_from(chunk.len()).unwrap_or_default());
    }
    Ok(FileEntry { size, executable: stat.mode & 0o100 != 0, digest: digest.finish() })
}

pub(super) fn read_chunk<'a>(file: &mut impl Read, buffer: &'a mut [u8]) -> std::io::Result<&'a [u8]> {
    loop {
        match file.read(buffer) {
            Ok(read) => return Ok(buffer.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn changed(folder: &Dir, name: &str, error: &NarError) -> FsError {
    FsError::new("hash", folder.path().join(name), std::io::Error::other(error.clone()))
}

/// Bits that no tree of ours has. The group's write bit is left alone: a checkout under umask 002 sets it.
const fn odd_mode(stat: &Stat) -> Option<&'static str> {
    match stat.kind {
        Kind::Symlink => None,
        _ if stat.mode & 0o7000 != 0 => Some("has a set-id or sticky bit"),
        _ if stat.mode & 0o002 != 0 => Some("can be written by everybody"),
        _ => None,
    }
}

/// Whether what stands under `name` has the names, kinds, sizes, executable bits and links of `contents`, and nothing
/// beside but what is ignored: how many paths those are, `None` where it has not. A file with another time than the one
/// pinfold gives is read and hashed.
pub fn looks_like(parent: &Dir, name: &str, contents: &Contents, ignore: &Ignore) -> Result<Option<usize>, FsError> {
    let Some(stat) = parent.stat(name)? else { return Ok(None) };
    match contents {
        Contents::File(file) => Ok(file_looks_like(parent, name, &stat, file)?.then_some(0)),
        Contents::Folder(entries) => {
            if stat.kind != Kind::Folder || odd_mode(&stat).is_some() {
                return Ok(None);
            }
            let Some(folder) = parent.child(name)? else { return Ok(None) };
            folder_looks_like(&folder, "", entries, ignore)
        }
    }
}

/// Holds a folder against the entries under it, whose paths all begin with `prefix`.
fn folder_looks_like(folder: &Dir, prefix: &str, entries: &[Entry], ignore: &Ignore) -> Result<Option<usize>, FsError> {
    let mut rest = entries;
    let (mut children, mut ignored) = (0_usize, 0_usize);
    while let Some((entry, after)) = rest.split_first() {
        let (path, name) = (entry.path.as_str(), name_below(prefix, entry));
        let Some(stat) = folder.stat(name)? else { return Ok(None) };
        children = children.saturating_add(1);
        if prefix.len().saturating_add(name.len()) == path.len() {
            match leaf_looks_like(folder, &stat, entry, ignore)? {
                Some(inside) => ignored = ignored.saturating_add(inside),
                None => return Ok(None),
            }
            rest = after;
            continue;
        }
        if stat.kind != Kind::Folder || odd_mode(&stat).is_some() {
            return Ok(None);
        }
        let Some(inner) = folder.child(name)? else { return Ok(None) };
        let end = prefix.len().saturating_add(name.len()).saturating_add(1);
        let inner_prefix = path.get(..end).unwrap_or_default();
        // The entries of one folder stand together, in tree order.
        let count = rest.iter().take_while(|entry| entry.path.as_str().starts_with(inner_prefix)).count();
        let (inside, behind) = rest.split_at_checked(count).unwrap_or_default();
        match folder_looks_like(&inner, inner_prefix, inside, ignore)? {
            Some(inside) => ignored = ignored.saturating_add(inside),
            None => return Ok(None),
        }
        rest = behind;
    }
    let names = folder.names()?;
    // As many names as were asked for: nothing was added.
    if names.len() == children || ignore.is_empty() {
        return Ok((names.len() == children).then_some(ignored));
    }
    let pinned: BTreeSet<&str> = entries.iter().map(|entry| name_below(prefix, entry)).collect();
    let added = names.iter().filter(|name| !pinned.contains(name.as_str()));
    Ok(all_ignored(folder, prefix, added, ignore)?.map(|added| ignored.saturating_add(added)))
}

/// What an entry, or the folder that it is in, is called in the folder of this prefix.
fn name_below<'a>(prefix: &str, entry: &'a Entry) -> &'a str {
    let tail = entry.path.as_str().get(prefix.len()..).unwrap_or_default();
    tail.split_once('/').map_or(tail, |(name, _)| name)
}

/// How many paths there are under these names of a folder, `None` where one of them is not ignored.
fn all_ignored<'a>(
    folder: &Dir,
    prefix: &str,
    names: impl Iterator<Item = &'a String>,
    ignore: &Ignore,
) -> Result<Option<usize>, FsError> {
    let mut count = 0_usize;
    for name in names {
        let Ok(path) = format!("{prefix}{name}").parse::<RelPath>() else { return Ok(None) };
        if path::is_dot_git(name) {
            return Ok(None);
        }
        let is_folder = folder.stat(name)?.is_some_and(|stat| stat.kind == Kind::Folder);
        let inside = match folder.child(name) {
            Ok(Some(inner)) if is_folder => {
                let names = inner.names()?;
                match names.is_empty() {
                    true => ignore.matches_folder(&path).then_some(1),
                    false => all_ignored(&inner, &format!("{path}/"), names.iter(), ignore)?,
                }
            }
            _ => ignore.matches(&path).then_some(1),
        };
        let Some(inside) = inside else { return Ok(None) };
        count = count.saturating_add(inside);
    }
    Ok(Some(count))
}

fn leaf_looks_like(folder: &Dir, stat: &Stat, entry: &Entry, ignore: &Ignore) -> Result<Option<usize>, FsError> {
    let name = entry.path.file_name();
    let is_right = match &entry.kind {
        EntryKind::File(file) => file_looks_like(folder, name, stat, file)?,
        EntryKind::Symlink(target) => stat.kind == Kind::Symlink && folder.read_link(name)? == target.as_bytes(),
        EntryKind::EmptyFolder => {
            let is_right = stat.kind == Kind::Folder && odd_mode(stat).is_none();
            let Some(inner) = is_right.then(|| folder.child(name)).transpose()?.flatten() else { return Ok(None) };
            return all_ignored(&inner, &format!("{}/", entry.path), inner.names()?.iter(), ignore);
        }
    };
    Ok(is_right.then_some(0))
}

fn file_looks_like(folder: &Dir, name: &str, stat: &Stat, file: &FileEntry) -> Result<bool, FsError> {
    let alike = stat.kind == Kind::File
        && stat.size == file.size
        && (stat.mode & 0o100 != 0) == file.executable
        && odd_mode(stat).is_none();
    if !alike || stat.has_fixed_time() {
        return Ok(alike);
    }
    let mut buffer = vec![0; CHUNK];
    Ok(hash_file(folder, name, *stat, &mut None, &mut buffer)?.digest == file.digest)
}

/// What is said of a name by which git finds a repository.
const REPOSITORY: &str = "makes git find a repository, and run the programs that it names";

/// What is said of a file that is longer than all of the tree may be, and of names without end.
const TOO_LONG: &str = "is longer than the pin allows (`max-unpacked`)";
const TOO_MANY: &str = "is one of more files than the pin allows (`max-members`)";

/// What is said of a name that the folder lists and that cannot be looked at.
const NOT_UTF8: &str = "has a name that is not UTF-8, or went away meanwhile";

/// Read and hashed at once.
const CHUNK: usize = 128 << 10;
