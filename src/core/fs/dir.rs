//! [`Dir`]: a folder by its handle.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags, RenameFlags, Timespec, Timestamps};
use rustix::io::Errno;

use super::{FIXED_TIME, FsError};
use crate::path::MAX_DEPTH;

/// A folder by its handle. Names are single components; nothing here follows a symbolic link.
#[derive(Debug)]
pub struct Dir {
    fd: OwnedFd,
    path: PathBuf,
}

/// What stands under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Symlink,
    /// A device, a pipe, a socket.
    Other,
}

/// What the system knows of a name without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// What it is.
    pub kind: Kind,
    /// Length in bytes, of a link that of its target's name.
    pub size: u64,
    /// The permission bits, with set-id and sticky.
    pub mode: u32,
    /// Seconds of the modification time, and whether there are no nanoseconds beside them.
    pub modified: (i64, bool),
}

impl Stat {
    /// Whether its modification time is the one that pinfold gives.
    pub const fn has_fixed_time(&self) -> bool {
        self.modified.0 == FIXED_TIME && self.modified.1
    }
}

impl Dir {
    /// The folder at a path that the user gave; links in it are followed.
    pub fn open(path: &Path) -> Result<Self, FsError> {
        let fd = open_folder(path).map_err(|error| FsError::new("open", path, error))?;
        Ok(Self { fd, path: path.to_owned() })
    }

    /// Another handle of the same folder.
    pub fn try_clone(&self) -> Result<Self, FsError> {
        let fd = self.fd.try_clone().map_err(|error| FsError::new("open", &self.path, error))?;
        Ok(Self { fd, path: self.path.clone() })
    }

    /// Where it was when it was opened, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of this name, `None` where there is nothing; anything but a real folder is an error.
    pub fn child(&self, name: &str) -> Result<Option<Self>, FsError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => Ok(Some(Self { fd, path: self.path.join(name) })),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(self.error("enter", name, errno)),
        }
    }

    /// The folder of this name, which must be there.
    pub fn existing_child(&self, name: &str) -> Result<Self, FsError> {
        self.child(name)?.ok_or_else(|| self.error("enter", name, Errno::NOENT))
    }

    /// Creates the folder of this name and enters it; one that is there already is entered as it is.
    pub fn make_child(&self, name: &str, mode: u32) -> Result<Self, FsError> {
        match rustix::fs::mkdirat(&self.fd, name, Mode::from_raw_mode(mode)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(self.error("create", name, errno)),
        }
        self.existing_child(name)
    }

    /// Creates the folder of this name, which must be new, and enters it.
    pub fn make_new_child(&self, name: &str, mode: u32) -> Result<Self, FsError> {
        rustix::fs::mkdirat(&self.fd, name, Mode::from_raw_mode(mode))
            .map_err(|errno| self.error("create", name, errno))?;
        self.existing_child(name)
    }

    /// Takes the exclusive lock on the folder for as long as this handle is open; `false` where another one has a lock.
    pub fn try_lock(&self) -> bool {
        rustix::fs::flock(&self.fd, FlockOperation::NonBlockingLockExclusive).is_ok()
    }

    /// Takes a shared lock in its place, if nobody has the exclusive one.
    pub fn share_lock(&self) {
        // Without a lock nothing is swept either, here or by others.
        let _ = rustix::fs::flock(&self.fd, FlockOperation::NonBlockingLockShared);
    }

    /// Creates the file of this name, which must be new, to write it.
    pub fn create(&self, name: &str, mode: u32) -> Result<File, FsError> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::openat(&self.fd, name, flags, Mode::from_raw_mode(mode))
            .map(File::from)
            .map_err(|errno| self.error("create", name, errno))
    }

    /// Opens the regular file of this name to read it.
    pub fn open_file(&self, name: &str) -> Result<File, FsError> {
        // Without NONBLOCK a pipe that somebody put there would wait for ever.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        rustix::fs::openat(&self.fd, name, flags, Mode::empty())
            .map(File::from)
            .map_err(|errno| self.error("open", name, errno))
    }

    /// Creates a symbolic link of this name, which must be new.
    pub fn symlink(&self, name: &str, target: &str) -> Result<(), FsError> {
        rustix::fs::symlinkat(target, &self.fd, name).map_err(|errno| self.error("create", name, errno))
    }

    /// The target of the symbolic link of this name.
    pub fn read_link(&self, name: &str) -> Result<Vec<u8>, FsError> {
        rustix::fs::readlinkat(&self.fd, name, Vec::new())
            .map(std::ffi::CString::into_bytes)
            .map_err(|errno| self.error("read the link", name, errno))
    }

    /// What stands under this name, `None` for nothing.
    pub fn stat(&self, name: &str) -> Result<Option<Stat>, FsError> {
        match rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(Stat {
                kind: match FileType::from_raw_mode(stat.st_mode) {
                    FileType::RegularFile => Kind::File,
                    FileType::Directory => Kind::Folder,
                    FileType::Symlink => Kind::Symlink,
                    _ => Kind::Other,
                },
                size: u64::try_from(stat.st_size).unwrap_or_default(),
                mode: Mode::from_raw_mode(stat.st_mode).as_raw_mode(),
                modified: (stat.st_mtime, stat.st_mtime_nsec == 0),
            })),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(errno) => Err(self.error("look at", name, errno)),
        }
    }

    /// The names in the folder, in no order. Names that are not UTF-8 come out with replacement characters: they are
    /// in no record, and only ever shown.
    pub fn names(&self) -> Result<Vec<String>, FsError> {
        let error = |errno: Errno| FsError::new("list", &self.path, errno);
        let mut names = Vec::new();
        let dir = rustix::fs::Dir::read_from(&self.fd).map_err(error)?;
        for entry in dir {
            let entry = entry.map_err(error)?;
            let name = entry.file_name().to_bytes();
            if !matches!(name, b"." | b"..") {
                names.push(OsStr::from_bytes(name).to_string_lossy().into_owned());
            }
        }
        Ok(names)
    }

    /// Makes sure that the names in the folder stay after a loss of power.
    pub fn sync(&self) -> Result<(), FsError> {
        match rustix::fs::fsync(&self.fd) {
            // File systems that cannot, or need not.
            Err(Errno::INVAL) => Ok(()),
            synced => synced.map_err(|errno| FsError::new("sync", &self.path, errno)),
        }
    }

    /// Sets the permission bits of the folder itself, whatever the umask.
    pub fn set_mode(&self, mode: u32) -> Result<(), FsError> {
        rustix::fs::fchmod(&self.fd, Mode::from_raw_mode(mode))
            .map_err(|errno| FsError::new("set the mode of", &self.path, errno))
    }

    /// Gives what stands under `name` (a name, or a path of components known to be folders of ours) the fixed time.
    pub fn set_fixed_time(&self, name: &str) -> Result<(), FsError> {
        rustix::fs::utimensat(&self.fd, name, &FIXED, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|errno| self.error("set the time of", name, errno))
    }

    /// Renames `from` to `to` within the folder; where `to` exists the two change places, so that it is never absent.
    /// Returns whether they did.
    pub fn rename_or_exchange(&self, from: &str, to: &str) -> Result<bool, FsError> {
        let error = |errno| self.error("rename to", to, errno);
        if self.stat(to)?.is_none() {
            return rustix::fs::renameat(&self.fd, from, &self.fd, to).map(|()| false).map_err(error);
        }
        match rustix::fs::renameat_with(&self.fd, from, &self.fd, to, RenameFlags::EXCHANGE) {
            Ok(()) => Ok(true),
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => self.exchange_by_renames(from, to).map(|()| true),
            Err(errno) => Err(error(errno)),
        }
    }

    /// Renames `from` to `to` within the folder, where `to` is free; `false`, and all stays as it was, where it is not.
    pub fn rename_if_free(&self, from: &str, to: &str) -> Result<bool, FsError> {
        let outcome = match rustix::fs::renameat_with(&self.fd, from, &self.fd, to, RenameFlags::NOREPLACE) {
            // File systems without it (NFS, some overlays) have hard links, which never replace anything.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                rustix::fs::linkat(&self.fd, from, &self.fd, to, AtFlags::empty())
                    .and_then(|()| rustix::fs::unlinkat(&self.fd, from, AtFlags::empty()))
            }
            outcome => outcome,
        };
        match outcome {
            Ok(()) => Ok(true),
            Err(Errno::EXIST) => Ok(false),
            Err(errno) => Err(self.error("rename to", to, errno)),
        }
    }

    /// For file systems without exchange (NFS, some overlays): away with the old one first. Killed in between, the
    /// destination is absent, which the next run repairs.
    fn exchange_by_renames(&self, from: &str, to: &str) -> Result<(), FsError> {
        let error = |errno| self.error("rename to", to, errno);
        let aside = format!("{from}-old");
        self.remove_all(&aside)?;
        rustix::fs::renameat(&self.fd, to, &self.fd, &*aside).map_err(error)?;
        rustix::fs::renameat(&self.fd, from, &self.fd, to).map_err(|errno| {
            // What lies aside is swept away with the stage, and it is the only tree that there is. The first error is told.
            let _ = rustix::fs::renameat(&self.fd, &*aside, &self.fd, to);
            error(errno)
        })?;
        rustix::fs::renameat(&self.fd, &*aside, &self.fd, from).map_err(error)
    }

    /// Removes what stands under this name and all that is in it; nothing there is fine.
    pub fn remove_all(&self, name: &str) -> Result<(), FsError> {
        match self.stat(name)? {
            None => Ok(()),
            Some(Stat { kind: Kind::Folder, .. }) => {
                let Some(folder) = self.child(name)? else { return Ok(()) };
                // Again for what was too deep and came up.
                loop {
                    let names = folder.raw_names()?;
                    if names.is_empty() {
                        break;
                    }
                    for inner in &names {
                        folder.remove_raw(inner, &folder, 0)?;
                    }
                }
                rustix::fs::unlinkat(&self.fd, name, AtFlags::REMOVEDIR)
                    .map_err(|errno| self.error("remove", name, errno))
            }
            Some(_) => rustix::fs::unlinkat(&self.fd, name, AtFlags::empty())
                .map_err(|errno| self.error("remove", name, errno)),
        }
    }

    fn raw_names(&self) -> Result<Vec<(std::ffi::CString, FileType)>, FsError> {
        let error = |errno: Errno| FsError::new("list", &self.path, errno);
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.fd).map_err(error)? {
            let entry = entry.map_err(error)?;
            if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
                names.push((entry.file_name().to_owned(), entry.file_type()));
            }
        }
        Ok(names)
    }

    /// As [`Dir::remove_all`], for any name that the system gives. What is deeper than any tree of ours is moved up into
    /// `top` instead: somebody put it there, and each folder on the way takes a handle and some of the stack.
    fn remove_raw(
        &self,
        (name, kind): &(std::ffi::CString, FileType),
        top: &Self,
        depth: usize,
    ) -> Result<(), FsError> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let shown = || name.to_string_lossy().into_owned();
        if matches!(kind, FileType::Directory | FileType::Unknown) {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            match rustix::fs::openat(&self.fd, name, flags, Mode::empty()) {
                Ok(_) if depth > MAX_DEPTH => {
                    let up = format!(".{}-{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
                    return rustix::fs::renameat(&self.fd, name, &top.fd, up)
                        .map_err(|errno| self.error("remove", &shown(), errno));
                }
                Ok(fd) => {
                    let folder = Self { fd, path: self.path.join(shown()) };
                    for inner in folder.raw_names()? {
                        folder.remove_raw(&inner, top, depth.saturating_add(1))?;
                    }
                    return self
                        .unlink_raw(name, AtFlags::REMOVEDIR)
                        .map_err(|errno| self.error("remove", &shown(), errno));
                }
                // Not a folder after all.
                Err(Errno::NOTDIR | Errno::LOOP) => {}
                Err(errno) => return Err(self.error("enter", &shown(), errno)),
            }
        }
        self.unlink_raw(name, AtFlags::empty()).map_err(|errno| self.error("remove", &shown(), errno))
    }

    /// Removes a name from a folder that goes too. Whoever vendors tools likes to make them read-only, and a folder that
    /// may not be written to keeps what is in it.
    fn unlink_raw(&self, name: &std::ffi::CString, flags: AtFlags) -> rustix::io::Result<()> {
        match rustix::fs::unlinkat(&self.fd, name, flags) {
            Err(Errno::ACCESS) => {
                rustix::fs::fchmod(&self.fd, Mode::from_raw_mode(0o700))?;
                rustix::fs::unlinkat(&self.fd, name, flags)
            }
            done => done,
        }
    }

    fn error(&self, action: &'static str, name: &str, errno: Errno) -> FsError {
        let path = self.path.join(name);
        match errno {
            // What the system says of a link met under NOFOLLOW ("too many levels", "not a directory") helps nobody.
            Errno::LOOP | Errno::NOTDIR => {
                FsError::new(action, path, io::Error::new(io::ErrorKind::NotADirectory, "a link or file is in the way"))
            }
            _ => FsError::new(action, path, errno),
        }
    }
}

/// Opens a folder at a path that the user gave; links in it are followed.
fn open_folder(path: &Path) -> io::Result<OwnedFd> {
    Ok(rustix::fs::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)
}

/// Opens a file to read it. Where it is a pipe nothing waits for its other end, which may never come.
pub(super) fn open_without_waiting(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::open(path, flags, Mode::empty())?))
}

/// Sets the permission bits of an open file, whatever the umask.
pub(crate) fn set_file_mode(file: &File, mode: u32) -> io::Result<()> {
    Ok(rustix::fs::fchmod(file, Mode::from_raw_mode(mode))?)
}

/// Gives an open file the fixed time.
pub(crate) fn set_file_time(file: &File) -> io::Result<()> {
    Ok(rustix::fs::futimens(file, &FIXED)?)
}

const FIXED: Timestamps = Timestamps {
    last_access: Timespec { tv_sec: FIXED_TIME, tv_nsec: 0 },
    last_modification: Timespec { tv_sec: FIXED_TIME, tv_nsec: 0 },
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removes_folders_deeper_than_handles_reach() {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = Dir::open(folder.path()).expect("a folder");
        let mut deepest = dir.make_new_child("deep", 0o755).expect("a folder");
        // No process has as many handles, and no path is as long.
        for _ in 0..12_000 {
            drop(deepest.create("file", 0o644).expect("a file"));
            deepest = deepest.make_new_child("d", 0o755).expect("a folder");
            deepest.path = PathBuf::new();
        }
        drop(deepest);
        dir.remove_all("deep").expect("removed");
        assert_eq!(dir.names().expect("names"), Vec::<String>::new());
    }

    #[test]
    fn removes_folders_that_somebody_made_read_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = Dir::open(folder.path()).expect("a folder");
        // Root may remove them whatever their mode; everybody else has to change it first.
        let tree = dir.make_new_child("tree", 0o755).expect("a folder");
        let inner = tree.make_new_child("inner", 0o755).expect("a folder");
        drop(inner.create("file", 0o444).expect("a file"));
        inner.set_mode(0o555).expect("a mode");
        tree.set_mode(0o555).expect("a mode");
        dir.remove_all("tree").expect("removed");
        assert_eq!(dir.names().expect("names"), Vec::<String>::new());
    }

    #[test]
    fn without_exchange_the_old_one_stays_where_the_new_one_cannot_come() {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = Dir::open(folder.path()).expect("a folder");
        std::fs::write(folder.path().join("to"), "old").expect("a file");
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).ok();
        dir.exchange_by_renames("from", "to").expect_err("nothing to put there");
        assert_eq!((read("to"), read("from-old")), (Some("old".into()), None));
        std::fs::write(folder.path().join("from"), "new").expect("a file");
        dir.exchange_by_renames("from", "to").expect("a rename");
        assert_eq!((read("to"), read("from")), (Some("new".into()), Some("old".into())));
    }
}
