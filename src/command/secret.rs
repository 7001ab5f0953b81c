//! Files and descriptors with secrets in them: read once, and not handed on to the programs that are started later.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use pinfold_core::fs::FsError;

/// The whole of a file of at most `limit` bytes, and its permission bits; those of a pipe are 0, as nobody else has it.
/// Unlike [`pinfold_core::fs::read`] it waits for a pipe: a secret is often handed over in one.
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

#[cfg(test)]
mod tests {
    use super::*;
    use pinfold_core::fs::{New, write_new};

    #[test]
    fn a_secret_is_read_with_its_mode_and_no_further_than_its_limit() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        let (first, second) = (path("first"), path("second"));
        let files = [New { path: &first, bytes: b"1", mode: 0o644 }, New { path: &second, bytes: b"2", mode: 0o600 }];
        write_new(&files).expect("two files");
        assert_eq!(read_secret(&second, 1).expect("a file"), (b"2".to_vec(), 0o600));
        assert_eq!(read_secret(&first, 0).expect_err("too long").source.kind(), io::ErrorKind::FileTooLarge);
    }
}
