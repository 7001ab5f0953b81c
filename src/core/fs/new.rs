//! New files, each whole or not at all, that never replace what is there.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags};
use rustix::io::Errno;

use super::partial::{create_beside_with_mode, sweep_beside};
use super::{FsError, set_file_mode, sync_folder_of};

/// Whether a file can be written at a path, or something else stands there.
pub fn is_file_or_absent(path: &Path) -> Result<bool, FsError> {
    match std::fs::metadata(path) {
        Ok(metadata) => Ok(metadata.is_file()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(FsError::new("look at", path, error)),
    }
}

/// Whether nothing stands at a path, not even a link to nowhere.
pub fn is_absent(path: &Path) -> Result<bool, FsError> {
    match std::fs::symlink_metadata(path) {
        Ok(_) => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(FsError::new("look at", path, error)),
    }
}

/// A file that is to be new.
#[derive(Clone, Copy)]
pub struct New<'a> {
    /// Where.
    pub path: &'a Path,
    /// What is in it.
    pub bytes: &'a [u8],
    /// Its permission bits, whatever the umask.
    pub mode: u32,
}

/// Writes new files, each whole or not at all and none over what is there (`AlreadyExists`), and in this order: when one is
/// there, those before it are. Where one cannot be, none is left.
pub fn write_new(files: &[New<'_>]) -> Result<(), FsError> {
    let mut beside = Vec::new();
    files.iter().for_each(|new| sweep_beside(new.path));
    let written = files.iter().try_for_each(|new| {
        beside.push(write_beside(new)?);
        Ok(())
    });
    let mut published = Vec::new();
    let result = written.and_then(|()| {
        files.iter().zip(&beside).try_for_each(|(new, (_, beside))| {
            publish(beside, new.path)?;
            published.push(new.path);
            sync_folder_of(new.path)
        })
    });
    if result.is_err() {
        // The first error is the one to tell.
        let _ = published.iter().try_for_each(std::fs::remove_file);
    }
    // What was renamed is not there any more.
    for (_, path) in &beside {
        let _ = std::fs::remove_file(path);
    }
    result
}

/// The file stays open, and so held, until it has its name.
fn write_beside(new: &New<'_>) -> Result<(File, PathBuf), FsError> {
    let (mut file, beside) = create_beside_with_mode(new.path, new.mode)?;
    set_file_mode(&file, new.mode)
        .and_then(|()| super::write_all(&mut file, new.bytes))
        .and_then(|()| file.sync_all())
        .map_err(|error| FsError::new("write", new.path, error))
        .inspect_err(|_| {
            let _ = std::fs::remove_file(&beside);
        })?;
    Ok((file, beside))
}

/// Gives a file its name, if that is free.
fn publish(beside: &Path, path: &Path) -> Result<(), FsError> {
    let failed = |error: io::Error| FsError::new("create", path, error);
    match rustix::fs::renameat_with(CWD, beside, CWD, path, RenameFlags::NOREPLACE) {
        // File systems without it (NFS, some overlays) have hard links, which never replace anything.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => std::fs::hard_link(beside, path).map_err(failed),
        result => result.map_err(|errno| failed(errno.into())),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn new_files_are_all_there_or_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        let (first, second) = (path("first"), path("second"));
        let files = [New { path: &first, bytes: b"1", mode: 0o644 }, New { path: &second, bytes: b"2", mode: 0o600 }];
        let names = || super::super::names(folder.path()).expect("names");
        std::fs::write(&second, "mine").expect("a file");
        let error = write_new(&files).expect_err("something is there");
        assert_eq!(error.source.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(error.path, second);
        assert_eq!(names(), ["second"]);
        assert_eq!(std::fs::read(&second).expect("a file"), b"mine");
        std::fs::remove_file(&second).expect("a file");
        write_new(&files).expect("two files");
        assert_eq!(names(), ["first", "second"]);
        let mode = |path: &Path| std::fs::metadata(path).expect("a file").permissions().mode() & 0o777;
        assert_eq!((std::fs::read(&second).expect("a file"), mode(&second)), (b"2".to_vec(), 0o600));
        assert_eq!((std::fs::read(&first).expect("a file"), mode(&first)), (b"1".to_vec(), 0o644));
    }
}
