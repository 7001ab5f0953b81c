//! [`Admission`]: the one place where a member of any format becomes a member of the tree, or is refused.
//!
//! In this order, for every member, wanted or not: counted, its declared size added up, its name checked, stripped and
//! checked again (GNU tar's `--strip-components=1` makes `package//abs` absolute). Then, for what the pin wants: what
//! it is, where it would stand, and what is there already.

use super::MemberKind;
use std::borrow::Cow;

use super::error::{ArchiveError, Rule};
use super::links;
use super::placed::{Node, Placed};
use crate::layout::{Executable, Layout, Limits};
use crate::path::RelPath;

/// What a format's header says a member is.
#[derive(Debug, Clone, Copy)]
pub(super) enum RawKind<'a> {
    /// A regular file of so many bytes.
    File {
        /// Declared length in bytes.
        size: u64,
        /// The owner's x bit.
        executable: bool,
    },
    /// A folder.
    Directory,
    /// A symbolic link, with its target.
    Symlink(&'a [u8]),
    /// A hard link, with the name of another member.
    HardLink(&'a [u8]),
}

/// The judge over the members of one archive.
#[derive(Debug)]
pub(super) struct Admission<'a> {
    layout: &'a Layout,
    packed_len: u64,
    members: u64,
    unpacked: u64,
    files: u64,
    placed: Placed,
    include_met: Vec<Met>,
    exclude_met: Vec<Met>,
    executable_met: Vec<bool>,
    /// The member in hand, for messages.
    current: Vec<u8>,
}

impl<'a> Admission<'a> {
    /// A judge for an archive of `packed_len` bytes.
    pub(super) fn new(layout: &'a Layout, packed_len: u64) -> Self {
        let executables = marked(layout).len();
        Self {
            layout,
            packed_len,
            members: 0,
            unpacked: 0,
            files: 0,
            placed: Placed::default(),
            include_met: vec![Met::default(); layout.include.len()],
            exclude_met: vec![Met::default(); layout.exclude.len()],
            executable_met: vec![false; executables],
            current: Vec::new(),
        }
    }

    /// The limits that hold.
    pub(super) const fn limits(&self) -> &'a Limits {
        &self.layout.limits
    }

    /// Says which member is read now; empty for none.
    pub(super) fn note(&mut self, name: &[u8]) {
        self.current.clear();
        self.current.extend_from_slice(name);
    }

    /// The member that is read now.
    pub(super) fn current(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.current)
    }

    /// Judges a member. `None` for one that is not wanted; its content is then skipped, but was counted.
    pub(super) fn admit(&mut self, name: &[u8], kind: RawKind<'_>) -> Result<Option<(RelPath, MemberKind)>, Rule> {
        self.members = self.members.saturating_add(1);
        if self.members > self.limits().members {
            return Err(Rule::TooManyMembers(self.limits().members));
        }
        if let RawKind::File { size, .. } = kind {
            self.count(size)?;
        }
        let folder = matches!(kind, RawKind::Directory);
        let Some(path) = parse_name(name, folder)? else { return Ok(None) };
        let Some(path) = self.strip(path, folder)? else { return Ok(None) };
        for (pattern, met) in self.layout.include.iter().zip(&mut self.include_met) {
            if !met.file && pattern.matches(&path) {
                met.note(&path, folder);
            }
        }
        for (pattern, met) in self.layout.exclude.iter().zip(&mut self.exclude_met) {
            if !met.file && pattern.matches(&path) {
                met.note(&path, folder);
            }
        }
        if !self.layout.wants(&path) {
            if !self.layout.includes(&path) {
                self.include_met.iter_mut().for_each(|met| met.leave_out(&path));
            }
            return Ok(None);
        }
        let kind = self.place(&path, kind)?;
        let limit = self.limits().path_bytes();
        if self.placed.bytes() > limit {
            return Err(Rule::TooManyPaths(limit));
        }
        Ok(Some((path, kind)))
    }

    /// The last look, when all members are known.
    pub(super) fn finish(&self) -> Result<(), ArchiveError> {
        for (link, target) in self.placed.links() {
            links::resolve(&self.placed, link, target)
                .map_err(|rule| ArchiveError::from(Rule::Link { target: target.to_owned(), rule }).at(link.as_str()))?;
        }
        if let Some((pattern, _)) = self.layout.include.iter().zip(&self.include_met).find(|(_, met)| !met.keeps()) {
            return Err(Rule::IncludeUnmatched(pattern.as_str().to_owned()).into());
        }
        let stays = |folder: &RelPath| self.placed.node(folder).is_some();
        if let Some((pattern, _)) =
            self.layout.exclude.iter().zip(&self.exclude_met).find(|(_, met)| !met.takes(&stays))
        {
            return Err(Rule::ExcludeUnmatched(pattern.as_str().to_owned()).into());
        }
        if let Some((path, _)) = marked(self.layout).iter().zip(&self.executable_met).find(|(_, met)| !**met) {
            return Err(Rule::ExecutableUnmatched(path.clone()).into());
        }
        if self.files == 0 {
            return Err(Rule::NoFiles.into());
        }
        Ok(())
    }

    /// Adds declared bytes to the sum, before anything of them is read or allocated.
    fn count(&mut self, size: u64) -> Result<(), Rule> {
        let limits = self.limits();
        self.unpacked = self.unpacked.saturating_add(size);
        if self.unpacked > limits.unpacked {
            return Err(Rule::TooManyBytes(limits.unpacked));
        }
        check_ratio(limits, self.unpacked, self.packed_len)
    }

    /// Takes `strip` components off. A folder that is used up is skipped; a file is never dropped silently.
    fn strip(&self, path: RelPath, folder: bool) -> Result<Option<RelPath>, Rule> {
        let count = self.layout.strip;
        if count == 0 {
            return Ok(Some(path));
        }
        match path.strip(count) {
            // `a/c:/x` is a path, and `c:/x` is none.
            Some(rest) => rest.as_str().parse().map(Some).map_err(Rule::Name),
            None if folder => Ok(None),
            None => Err(Rule::StripTooFew(count)),
        }
    }

    fn place(&mut self, path: &RelPath, kind: RawKind<'_>) -> Result<MemberKind, Rule> {
        match kind {
            RawKind::Directory => {
                self.placed.insert(path, Node::Folder)?;
                Ok(MemberKind::Directory)
            }
            RawKind::File { size, executable } => {
                let executable = self.mark(path) || executable;
                self.placed.insert(path, Node::File { size, executable })?;
                self.files = self.files.saturating_add(1);
                Ok(MemberKind::File { size, executable })
            }
            RawKind::Symlink(target) => {
                let lossy = || String::from_utf8_lossy(target).into_owned();
                let target =
                    links::parse_target(path, target).map_err(|rule| Rule::Link { target: lossy(), rule })?.to_owned();
                self.placed.insert(path, Node::Link { target: target.clone() })?;
                Ok(MemberKind::Symlink { target })
            }
            RawKind::HardLink(target) => self.place_copy(path, target),
        }
    }

    /// A hard link is a copy of an earlier regular file that was kept (a link to anything else reaches outside what
    /// was checked: CVE-2021-37701). It costs what the file costs, so it counts as much.
    fn place_copy(&mut self, path: &RelPath, target: &[u8]) -> Result<MemberKind, Rule> {
        let missing = || Rule::HardLinkMissing(String::from_utf8_lossy(target).into_owned());
        let source = parse_name(target, false).ok().flatten().ok_or_else(missing)?;
        let source = self.strip(source, true).ok().flatten().ok_or_else(missing)?;
        let Some(&Node::File { size, executable }) = self.placed.node(&source) else { return Err(missing()) };
        self.count(size)?;
        // A copy has the mode of its source: only that can make it executable.
        if executable {
            self.mark(path);
        }
        self.placed.insert(path, Node::File { size, executable })?;
        Ok(MemberKind::HardLink { target: source })
    }

    /// Whether the pin marks `path` as executable; remembers that it was met.
    fn mark(&mut self, path: &RelPath) -> bool {
        for (marked, met) in marked(self.layout).iter().zip(&mut self.executable_met) {
            *met = *met || marked == path;
        }
        self.layout.marks_executable(path)
    }
}

/// What a pattern of `include` or `exclude` has matched. One that names a folder says nothing of what is in it.
#[derive(Debug, Clone, Default)]
struct Met {
    /// A file or link.
    file: bool,
    /// Folders.
    folders: Vec<RelPath>,
    /// Whether something was left out that is in one of them.
    emptied: bool,
}

impl Met {
    /// Enough folders to find an empty one among those that people name: all of them would be held for every pattern.
    const FOLDERS: usize = 64;

    fn note(&mut self, path: &RelPath, folder: bool) {
        if !folder {
            self.file = true;
        } else if self.folders.len() < Self::FOLDERS {
            self.folders.push(path.clone());
        }
    }

    fn leave_out(&mut self, path: &RelPath) {
        let is_in =
            |folder: &RelPath| path.as_str().strip_prefix(folder.as_str()).is_some_and(|rest| rest.starts_with('/'));
        self.emptied = self.emptied || (!self.file && self.folders.iter().any(is_in));
    }

    /// Whether it kept what it names.
    const fn keeps(&self) -> bool {
        self.file || (!self.folders.is_empty() && !self.emptied)
    }

    /// Whether it took something out: a folder with something in it stays.
    fn takes(&self, stays: &dyn Fn(&RelPath) -> bool) -> bool {
        self.file || self.folders.iter().any(|folder| !stays(folder))
    }
}

/// Refuses a bomb: `unpacked` bytes out of `packed_len`.
pub(super) fn check_ratio(limits: &Limits, unpacked: u64, packed_len: u64) -> Result<(), Rule> {
    if unpacked > Limits::RATIO_FREE && unpacked > packed_len.saturating_mul(limits.ratio) {
        return Err(Rule::Ratio(limits.ratio));
    }
    Ok(())
}

/// A member's name as a path. One leading `./` and a folder's trailing `/` are how tar writes names and are taken off;
/// `None` for the root of the archive itself.
fn parse_name(name: &[u8], folder: bool) -> Result<Option<RelPath>, Rule> {
    let name = str::from_utf8(name).map_err(|_| Rule::NameNotUtf8)?;
    let trimmed = match name.strip_suffix('/') {
        Some("") | None => name,
        Some(rest) if folder => rest,
        // A hard link's target has no kind of its own; as a path it is refused below.
        Some(_) => name,
    };
    if trimmed == "." && folder {
        return Ok(None);
    }
    let trimmed = trimmed.strip_prefix("./").unwrap_or(trimmed);
    trimmed.parse().map(Some).map_err(Rule::Name)
}

/// The paths that the pin marks as executable.
fn marked(layout: &Layout) -> &[RelPath] {
    match &layout.executable {
        Executable::Also(paths) => paths,
        Executable::AsPacked | Executable::Raw => &[],
    }
}
