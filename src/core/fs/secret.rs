//! Files with secrets in them, and new files that stand in for nothing.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags};
use rustix::io::Errno;

use super::partial::{create_beside_with_mode, sweep_beside};
use super::{FsError, set_file_mode, sync_folder_of};

/// The whole of a file of at most `limit` bytes, and its permission bits; those of a pipe are 0, as nobody else has it.
/// Unlike [`super::read`] it waits for a pipe: a secret is often handed over in one.
pub fn read_secret(path: &Path, limit: u64) -> Result<(Vec<u8>, u32), FsError> {
    let failed = |error| FsError::new("read", path, error);
    let mut file = File::open(path).map_err(|error| FsError::new("open", path, error))?;
    let metadata = file.metadata().map_err(failed)?;
    let mode = if metadata.is_file() { metadata.permissions().mode() & 0o777 } else { 0 };
    let bytes = take(&mut file, limit).map_err(failed)?;
    keep_from_programs(&metadata).map_err(failed)?;
    Ok((bytes, mode))
}

/// Does not hand on what a secret was read from to the programs that are started from now on (git, a credential helper, the
/// command of `run`): behind a number, a file can be read once more. `secret` is the file, whatever it was called by.
fn keep_from_programs(secret: &Metadata) -> io::Result<()> {
    // A terminal is what programs talk to, and has no secret in it.
    if secret.file_type().is_char_device() {
        return Ok(());
    }
    let entries = std::fs::read_dir("/dev/fd")?;
    let open: Vec<i32> = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    for number in &open {
        let Ok(found) = std::fs::metadata(format!("/dev/fd/{number}")) else { continue };
        if (found.dev(), found.ino()) != (secret.dev(), secret.ino()) {
            continue;
        }
        match number {
            0 => rustix::stdio::dup2_stdin(File::open("/dev/null")?)?,
            1 | 2 => return Err(io::Error::other("it is where output goes")),
            _ => {
                let others: Vec<i32> = open.iter().copied().filter(|other| other > number).collect();
                close_fds::set_fds_cloexec(*number, &others);
            }
        }
    }
    Ok(())
}

/// What stands behind an open descriptor of this process, to its end, of at most `limit` bytes.
pub fn read_descriptor(number: u32, limit: u64) -> Result<Vec<u8>, FsError> {
    // Opened anew by its name: to take over a number as such is `unsafe`, as nobody can say whose it is.
    let path = PathBuf::from(format!("/dev/fd/{number}"));
    read_secret(&path, limit).map(|(bytes, _)| bytes)
}

fn take(file: &mut File, limit: u64) -> io::Result<Vec<u8>> {
    // Room for all of it from the start: what grows leaves copies behind that nobody wipes.
    let room = usize::try_from(limit.saturating_add(2)).unwrap_or(usize::MAX);
    let mut bytes = Vec::with_capacity(room);
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).map_or(true, |len| len > limit) {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("longer than {limit} bytes")));
    }
    Ok(bytes)
}

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
        assert_eq!(read_secret(&second, 1).expect("a file"), (b"2".to_vec(), 0o600));
        assert_eq!(read_secret(&first, 0).expect_err("too long").source.kind(), io::ErrorKind::FileTooLarge);
    }
}
