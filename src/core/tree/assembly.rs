//! [`Assembly`]: from the members of an archive to a tree, staged or only described.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::io::{self, Read};
use std::ops::Range;

use super::look::read_chunk;
use super::writer::Writer;
use crate::archive::{self, ArchiveError, Member, MemberKind};
use crate::digest::{FileDigest, FileHasher, Sha256, Sha256Hasher};
use crate::fs::{self, Dir, FsError};
use crate::nar::{Nar, Node};
use crate::patch::{MAX_PATCHED, PatchError, Patches};
use crate::path::RelPath;
use crate::record::{Contents, Entry, EntryKind, FileEntry};

/// A tree in the making: members come in, patched on the way; small files wait in memory to be written in order, others
/// go straight to the stage. Without a stage nothing is written and only the description comes out.
#[derive(Debug)]
pub struct Assembly<'a> {
    writer: Option<Writer>,
    patches: &'a Patches,
    patched: BTreeSet<RelPath>,
    /// The bytes of the files that wait, one behind the other; it never grows beyond its capacity.
    memory: Option<&'a mut Vec<u8>>,
    items: Vec<Item>,
    /// The items by path, from the first hard link on.
    by_path: Option<HashMap<RelPath, usize>>,
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct Item {
    path: RelPath,
    kind: ItemKind,
}

#[derive(Debug)]
enum ItemKind {
    File(FileEntry, Content),
    Symlink(String),
    Folder,
}

/// Where the bytes of a file are until the tree is finished.
#[derive(Debug, Clone)]
enum Content {
    Memory(Range<usize>),
    Staged,
    /// Nowhere: only the description is wanted.
    Hashed,
}

/// A tree that is complete, on its stage if there was one.
#[derive(Debug)]
pub struct Assembled {
    /// What is in it.
    pub contents: Contents,
    /// Its tree hash, where that was asked for.
    pub tree: Option<Sha256>,
}

impl<'a> Assembly<'a> {
    /// A tree that will stand in the folder `stage` of `parent`, which must be new.
    pub fn staged(parent: &Dir, stage: &str, patches: &'a Patches, memory: &'a mut Vec<u8>) -> Result<Self, FsError> {
        let writer = Some(Writer::new(parent, stage)?);
        Ok(Self { writer, memory: Some(memory), ..Self::described(patches) })
    }

    /// A tree that is only described.
    pub fn described(patches: &'a Patches) -> Self {
        Self {
            writer: None,
            patches,
            patched: BTreeSet::new(),
            memory: None,
            items: Vec::new(),
            by_path: None,
            buffer: vec![0; CHUNK],
        }
    }

    /// Takes the next member.
    pub fn add(&mut self, member: Member<'_>) -> Result<(), AssemblyError> {
        let Member { path, kind, body } = member;
        let patched = self.patches.touch(&path);
        match kind {
            MemberKind::File { size, executable } if patched => self.add_patched(path, size, executable, body),
            MemberKind::File { size, executable } => {
                let kind = self.file(&path, size, executable, body)?;
                self.push(path, kind);
                Ok(())
            }
            MemberKind::HardLink { target } if patched || self.patches.touch(&target) => {
                Err(PatchError::HardLink(path).into())
            }
            MemberKind::HardLink { target } => self.add_copy(path, &target),
            _ if patched => Err(PatchError::NotAFile(path).into()),
            MemberKind::Symlink { target } => {
                self.push(path, ItemKind::Symlink(target));
                Ok(())
            }
            MemberKind::Directory => {
                self.push(path, ItemKind::Folder);
                Ok(())
            }
        }
    }

    /// Writes what waits in memory, in tree order, and gives folders their modes and times. With `hash_tree` the tree
    /// hash is taken on the way.
    pub fn finish(mut self, hash_tree: bool) -> Result<Assembled, AssemblyError> {
        if let Some((path, _)) = self.patches.iter().find(|(path, _)| !self.patched.contains(*path)) {
            return Err(PatchError::Missing(path.clone()).into());
        }
        let mut items = std::mem::take(&mut self.items);
        items.sort_by(|a, b| a.path.tree_order(&b.path));
        archive::refuse_repository(items.iter().map(|item| &item.path)).map_err(AssemblyError::Archive)?;
        let mut nar = hash_tree.then(Nar::hash_folder);
        let mut entries = Vec::with_capacity(items.len());
        let mut items = items.into_iter().peekable();
        while let Some(Item { path, kind }) = items.next() {
            let kind = match kind {
                ItemKind::File(file, content) => {
                    if let Some(nar) = &mut nar {
                        nar.entry(&path, Node::File { size: file.size, executable: file.executable })?;
                    }
                    self.finish_file(&path, file, &content, &mut nar)?;
                    EntryKind::File(file)
                }
                ItemKind::Symlink(target) => {
                    if let Some(nar) = &mut nar {
                        nar.entry(&path, Node::Symlink(&target))?;
                    }
                    if let Some(writer) = &mut self.writer {
                        writer.symlink(&path, &target)?;
                    }
                    EntryKind::Symlink(target)
                }
                // In tree order whatever is in a folder comes right behind it, and so does the folder named again.
                ItemKind::Folder if items.peek().is_some_and(|next| is_at_or_below(&next.path, &path)) => continue,
                ItemKind::Folder => {
                    if let Some(nar) = &mut nar {
                        nar.entry(&path, Node::Directory)?;
                    }
                    if let Some(writer) = &mut self.writer {
                        writer.folder(&path)?;
                    }
                    EntryKind::EmptyFolder
                }
            };
            entries.push(Entry { path, kind });
        }
        if let Some(writer) = self.writer.take() {
            writer.finish()?;
        }
        let tree = nar.map(Nar::finish).transpose()?;
        Ok(Assembled { contents: Contents::Folder(entries), tree })
    }

    fn push(&mut self, path: RelPath, kind: ItemKind) {
        if let Some(by_path) = &mut self.by_path {
            by_path.insert(path.clone(), self.items.len());
        }
        self.items.push(Item { path, kind });
    }

    fn add_patched(
        &mut self,
        path: RelPath,
        size: u64,
        executable: bool,
        body: &mut dyn Read,
    ) -> Result<(), AssemblyError> {
        if size > MAX_PATCHED {
            return Err(PatchError::TooLong(path).into());
        }
        let mut bytes = Vec::new();
        body.read_to_end(&mut bytes).map_err(AssemblyError::Body)?;
        self.patched.insert(path.clone());
        let Some(bytes) = self.patches.apply(&path, bytes)? else { return Ok(()) };
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let kind = self.file(&path, size, executable, &mut bytes.as_slice())?;
        self.push(path, kind);
        Ok(())
    }

    fn file(
        &mut self,
        path: &RelPath,
        size: u64,
        executable: bool,
        body: &mut dyn Read,
    ) -> Result<ItemKind, AssemblyError> {
        if let Some(memory) = &mut self.memory
            && room(memory) >= size
        {
            let start = memory.len();
            body.read_to_end(memory).map_err(AssemblyError::Body)?;
            let bytes = memory.get(start..).unwrap_or_default();
            let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            let file = FileEntry { size, executable, digest: FileDigest::of(bytes) };
            return Ok(ItemKind::File(file, Content::Memory(start..memory.len())));
        }
        let mut staged = match &mut self.writer {
            Some(writer) => Some(writer.create(path, executable)?),
            None => None,
        };
        let mut digest = FileHasher::default();
        let mut size = 0_u64;
        loop {
            let chunk = read_chunk(&mut &mut *body, &mut self.buffer).map_err(AssemblyError::Body)?;
            if chunk.is_empty() {
                break;
            }
            digest.update(chunk);
            if let Some(file) = &mut staged {
                fs::write_all(file, chunk).map_err(|error| FsError::new("write", path.as_str(), error))?;
            }
            size = size.saturating_add(u64::try_from(chunk.len()).unwrap_or_default());
        }
        if let (Some(writer), Some(file)) = (&self.writer, &staged) {
            writer.close(path, file)?;
        }
        let content = if staged.is_some() { Content::Staged } else { Content::Hashed };
        Ok(ItemKind::File(FileEntry { size, executable, digest: digest.finish() }, content))
    }

    /// A hard link: a copy of the file that it names, which came before (the archive saw to that).
    fn add_copy(&mut self, path: RelPath, target: &RelPath) -> Result<(), AssemblyError> {
        let by_path = self.by_path.get_or_insert_with(|| {
            self.items.iter().enumerate().map(|(index, item)| (item.path.clone(), index)).collect()
        });
        let found = by_path.get(target).and_then(|index| self.items.get(*index)).map(|item| &item.kind);
        let Some(ItemKind::File(file, content)) = found else {
            return Err(PatchError::HardLink(path).into());
        };
        let (file, content) = (*file, content.clone());
        let kind = match content {
            Content::Memory(range) => {
                let bytes = self.memory.as_ref().and_then(|memory| memory.get(range)).unwrap_or_default().to_vec();
                self.file(&path, file.size, file.executable, &mut bytes.as_slice())?
            }
            Content::Hashed => ItemKind::File(file, Content::Hashed),
            Content::Staged => {
                let mut source = match &mut self.writer {
                    Some(writer) => writer.reopen(target)?,
                    None => return Err(PatchError::HardLink(path).into()),
                };
                self.file(&path, file.size, file.executable, &mut source)?
            }
        };
        self.push(path, kind);
        Ok(())
    }

    fn finish_file(
        &mut self,
        path: &RelPath,
        file: FileEntry,
        content: &Content,
        nar: &mut Option<Nar<Sha256Hasher>>,
    ) -> Result<(), AssemblyError> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        match content {
            Content::Memory(range) => {
                let memory = self.memory.as_deref().map(Vec::as_slice).unwrap_or_default();
                let bytes = memory.get(range.clone()).unwrap_or_default();
                writer.file(path, file.executable, bytes)?;
                if let Some(nar) = nar {
                    nar.contents(bytes)?;
                }
            }
            Content::Staged => {
                let Some(nar) = nar else { return Ok(()) };
                let mut staged = writer.reopen(path)?;
                loop {
                    let chunk = read_chunk(&mut staged, &mut self.buffer)
                        .map_err(|error| FsError::new("read", path.as_str(), error))?;
                    if chunk.is_empty() {
                        break;
                    }
                    nar.contents(chunk)?;
                }
            }
            Content::Hashed => {}
        }
        Ok(())
    }
}

/// Why a tree cannot be assembled.
#[derive(Debug)]
pub enum AssemblyError {
    /// The tree may not be made.
    Archive(ArchiveError),
    /// A patch does not apply.
    Patch(PatchError),
    /// The disk failed.
    Fs(FsError),
    /// The archive failed while a member was read; it knows why.
    Body(io::Error),
    /// A file on the stage changed while it was hashed.
    Nar(crate::nar::NarError),
}

impl fmt::Display for AssemblyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Archive(error) => error.fmt(f),
            Self::Patch(error) => error.fmt(f),
            Self::Fs(error) => error.fmt(f),
            Self::Body(error) => error.fmt(f),
            Self::Nar(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for AssemblyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Archive(error) => error.source(),
            Self::Patch(error) => error.source(),
            Self::Fs(error) => error.source(),
            Self::Body(error) => error.source(),
            Self::Nar(error) => error.source(),
        }
    }
}

impl From<PatchError> for AssemblyError {
    fn from(error: PatchError) -> Self {
        Self::Patch(error)
    }
}

impl From<FsError> for AssemblyError {
    fn from(error: FsError) -> Self {
        Self::Fs(error)
    }
}

impl From<crate::nar::NarError> for AssemblyError {
    fn from(error: crate::nar::NarError) -> Self {
        Self::Nar(error)
    }
}

/// Writes a single file (format `raw`) as the stage itself, or only describes it.
pub fn assemble_file(
    stage: Option<(&Dir, &str)>,
    reader: &mut dyn Read,
    size: u64,
    executable: bool,
    hash_tree: bool,
) -> Result<Assembled, AssemblyError> {
    let mode = super::writer::mode(executable);
    let mut file = match stage {
        Some((parent, name)) => Some((parent.create(name, mode)?, parent.path().join(name))),
        None => None,
    };
    let mut digest = FileHasher::default();
    let mut nar = hash_tree.then(|| Nar::hash_file(size, executable));
    let mut buffer = vec![0; CHUNK];
    loop {
        let chunk = read_chunk(&mut &mut *reader, &mut buffer).map_err(AssemblyError::Body)?;
        if chunk.is_empty() {
            break;
        }
        digest.update(chunk);
        if let Some(nar) = &mut nar {
            nar.contents(chunk)?;
        }
        if let Some((file, path)) = &mut file {
            fs::write_all(file, chunk).map_err(|error| FsError::new("write", path.clone(), error))?;
        }
    }
    if let Some((file, path)) = &file {
        crate::fs::set_file_mode(file, mode)
            .and_then(|()| crate::fs::set_file_time(file))
            .map_err(|error| FsError::new("set the mode of", path.clone(), error))?;
    }
    let tree = nar.map(Nar::finish).transpose()?;
    Ok(Assembled { contents: Contents::File(FileEntry { size, executable, digest: digest.finish() }), tree })
}

/// How many bytes fit without growing.
fn room(memory: &Vec<u8>) -> u64 {
    u64::try_from(memory.capacity().saturating_sub(memory.len())).unwrap_or(u64::MAX)
}

fn is_at_or_below(path: &RelPath, folder: &RelPath) -> bool {
    path.as_str().strip_prefix(folder.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Read, hashed and written at once.
const CHUNK: usize = 128 << 10;
