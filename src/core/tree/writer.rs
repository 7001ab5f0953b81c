//! [`Writer`]: creates files, links and folders under a staged folder, by handle.

use std::collections::BTreeSet;
use std::fs::File;

use crate::fs::{self, Dir, FsError};
use crate::path::RelPath;

/// Creates what is in a tree. Every name is created new, in a folder that is entered by handle.
#[derive(Debug)]
pub(super) struct Writer {
    root: Dir,
    /// The folders on the way to the last path, outermost first.
    open: Vec<(String, Dir)>,
    created: BTreeSet<String>,
    /// Whether the umask takes away bits that are to be there: 077 must not decide modes (CVE-2023-38497), the usual
    /// 022 changes none, and then a system call a file is saved.
    masked: bool,
}

impl Writer {
    /// Creates the folder `name`, which must be new, and nobody else may enter until [`Writer::finish`].
    pub(super) fn new(parent: &Dir, name: &str) -> Result<Self, FsError> {
        let root = parent.make_new_child(name, 0o755)?;
        let masked = parent.stat(name)?.is_none_or(|stat| stat.mode & 0o777 != 0o755);
        root.set_mode(0o700)?;
        Ok(Self { root, open: Vec::new(), created: BTreeSet::new(), masked })
    }

    /// Creates a file to write to; [`Writer::close`] ends it.
    pub(super) fn create(&mut self, path: &RelPath, executable: bool) -> Result<File, FsError> {
        let masked = self.masked;
        let folder = self.folder_of(path)?;
        let file = folder.create(path.file_name(), mode(executable))?;
        if masked {
            fs::set_file_mode(&file, mode(executable))
                .map_err(|error| FsError::new("set the mode of", folder.path().join(path.file_name()), error))?;
        }
        Ok(file)
    }

    /// Creates a file with these bytes.
    pub(super) fn file(&mut self, path: &RelPath, executable: bool, bytes: &[u8]) -> Result<(), FsError> {
        let mut file = self.create(path, executable)?;
        fs::write_all(&mut file, bytes)
            .map_err(|error| FsError::new("write", self.root.path().join(path.as_str()), error))?;
        self.close(path, &file)
    }

    /// Gives a written file its time.
    pub(super) fn close(&self, path: &RelPath, file: &File) -> Result<(), FsError> {
        fs::set_file_time(file)
            .map_err(|error| FsError::new("set the time of", self.root.path().join(path.as_str()), error))
    }

    pub(super) fn symlink(&mut self, path: &RelPath, target: &str) -> Result<(), FsError> {
        let folder = self.folder_of(path)?;
        folder.symlink(path.file_name(), target)?;
        folder.set_fixed_time(path.file_name())
    }

    pub(super) fn folder(&mut self, path: &RelPath) -> Result<(), FsError> {
        self.enter(path.components()).map(|_| ())
    }

    /// Opens a file that was written before, to read it again.
    pub(super) fn reopen(&mut self, path: &RelPath) -> Result<File, FsError> {
        self.folder_of(path)?.open_file(path.file_name())
    }

    /// Gives all folders their modes and times, innermost first, as they would change again otherwise.
    pub(super) fn finish(self) -> Result<(), FsError> {
        drop(self.open);
        for path in self.created.iter().rev() {
            self.root.set_fixed_time(path)?;
        }
        self.root.set_mode(0o755)?;
        self.root.set_fixed_time(".")
    }

    fn folder_of(&mut self, path: &RelPath) -> Result<&Dir, FsError> {
        let mut components: Vec<&str> = path.components().collect();
        components.pop();
        self.enter(components.into_iter())
    }

    fn enter<'a>(&mut self, components: impl Iterator<Item = &'a str>) -> Result<&Dir, FsError> {
        let mut depth = 0_usize;
        for component in components {
            if self.open.get(depth).is_none_or(|(name, _)| name != component) {
                self.open.truncate(depth);
                let above = self.open.last().map_or(&self.root, |(_, dir)| dir);
                let mut path: String = self.open.iter().flat_map(|(name, _)| [name.as_str(), "/"]).collect();
                path.push_str(component);
                let dir = if self.created.insert(path) {
                    let dir = above.make_new_child(component, 0o755)?;
                    if self.masked {
                        dir.set_mode(0o755)?;
                    }
                    dir
                } else {
                    above.existing_child(component)?
                };
                self.open.push((component.to_owned(), dir));
            }
            depth = depth.saturating_add(1);
        }
        self.open.truncate(depth);
        Ok(self.open.last().map_or(&self.root, |(_, dir)| dir))
    }
}

/// The only two modes that files have.
pub(super) const fn mode(executable: bool) -> u32 {
    if executable { 0o755 } else { 0o644 }
}
