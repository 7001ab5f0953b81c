//! The disk: every file operation of pinfold goes through here, and every error carries its path.
//!
//! [`Dir`] is the way into trees: names are resolved one at a time under a handle, and no symbolic link is ever
//! followed. The free functions are for paths that the user gave (the project, the cache), which may be links.

mod dir;
mod identity;
mod lock;
mod new;
mod partial;

use std::fmt;
use std::fs::{File, FileType};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

pub use dir::{Dir, Kind, Stat};
pub(crate) use dir::{set_file_mode, set_file_time};
pub use identity::Identity;
pub use lock::{Held, LOCK, LOCK_TIMEOUT, Lock, Patience, edit};
pub use new::{New, is_absent, is_file_or_absent, write_new};
pub use partial::{
    PARTIAL, create_beside, create_partial, create_partial_folder, is_partial, sweep_beside, sweep_partials,
    unique_name,
};

use crate::fault::Fault;
use dir::open_without_waiting;

/// The one modification time of everything pinfold writes into a tree, in seconds since 1970: 1980-01-01T00:00:00Z, the
/// earliest that zip archives and FAT can hold too. What has another time was written by somebody else.
pub const FIXED_TIME: i64 = 315_532_800;

/// An operation on the disk that failed.
#[derive(Debug)]
pub struct FsError {
    /// What was tried, as in "cannot … `path`".
    pub action: &'static str,
    /// On what.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl FsError {
    /// An action that failed on a path: what was tried, as in "cannot …", and why.
    pub fn new(action: &'static str, path: impl Into<PathBuf>, source: impl Into<io::Error>) -> Self {
        Self { action, path: path.into(), source: source.into() }
    }

    /// Whether another process held a lock for too long.
    pub fn is_busy(&self) -> bool {
        self.action == "lock" && self.source.kind() == io::ErrorKind::TimedOut
    }

    /// A stable identifier in kebab case.
    fn code(&self) -> &'static str {
        if self.is_busy() { "lock-timeout" } else { "disk" }
    }

    /// What to do about it, where the system's words do not say.
    pub fn hint(&self) -> Option<String> {
        match self.source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Some("free some space and run it again; no tree was left half done".to_owned())
            }
            _ if self.is_busy() => {
                Some("let it end, or end it; `--lock-timeout SECONDS` waits longer; remove the file where none is at work".to_owned())
            }
            _ if self.action == "lock" => Some(
                "locks are files that pinfold makes where it works; remove what stands there, or work where files can be \
                 created and locked"
                    .to_owned(),
            ),
            // Overlay file systems do not rename a folder of a lower layer (rename(2), EXDEV). To remove it first would leave
            // half a tree where that is killed, so it is not done unasked.
            io::ErrorKind::CrossesDevices => Some(
                "what stands there is of a lower layer of the file system, which cannot be renamed; remove it and run it again"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}

impl fmt::Display for FsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whoever reads this stands in the project mostly, and all other messages name files from there.
        let path = self.path.strip_prefix(".").ok().filter(|path| !path.as_os_str().is_empty()).unwrap_or(&self.path);
        write!(f, "cannot {} `{}`: {}", self.action, path.display(), self.source)
    }
}

impl From<FsError> for Fault {
    fn from(error: FsError) -> Self {
        Self::failed(error.code(), error.to_string()).hinting(error.hint()).because(error)
    }
}

impl std::error::Error for FsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// The whole of a file of at most `limit` bytes, `None` where there is none. Devices are read too (`/dev/null` stands
/// for an empty file in many a configuration), pipes are not: nobody may ever write into them.
pub fn read_if_exists(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, FsError> {
    let (file, kind) = match open_any(path) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(FsError::new("open", path, error)),
    };
    if kind.is_fifo() {
        return Err(no_file(path));
    }
    let mut bytes = Vec::new();
    // One byte more than allowed, so that a longer file is seen as such.
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| FsError::new("read", path, error))?;
    if u64::try_from(bytes.len()).map_or(true, |len| len > limit) {
        let error = io::Error::new(io::ErrorKind::FileTooLarge, format!("longer than {limit} bytes"));
        return Err(FsError::new("read", path, error));
    }
    Ok(Some(bytes))
}

/// The whole of a file of at most `limit` bytes.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, FsError> {
    read_if_exists(path, limit)?
        .ok_or_else(|| FsError::new("open", path, io::Error::new(io::ErrorKind::NotFound, "no such file")))
}

/// Opens a regular file to read it.
pub fn open(path: &Path) -> Result<File, FsError> {
    match open_any(path).map_err(|error| FsError::new("open", path, error))? {
        (file, kind) if kind.is_file() => Ok(file),
        _ => Err(no_file(path)),
    }
}

/// Opens a regular file to read it, `None` where there is nothing.
pub fn open_if_exists(path: &Path) -> Result<Option<File>, FsError> {
    match open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Opens whatever is there, and says what it is.
fn open_any(path: &Path) -> io::Result<(File, FileType)> {
    let file = open_without_waiting(path)?;
    let kind = file.metadata()?.file_type();
    Ok((file, kind))
}

fn no_file(path: &Path) -> FsError {
    FsError::new("open", path, io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"))
}

/// Creates a folder and those above it.
pub fn create_folders(path: &Path) -> Result<(), FsError> {
    std::fs::create_dir_all(path).map_err(|error| FsError::new("create", path, error))
}

/// Renames a file, replacing what stands there.
pub fn rename(from: &Path, to: &Path) -> Result<(), FsError> {
    std::fs::rename(from, to).map_err(|error| FsError::new("rename to", to, error))
}

/// Removes a file; none is fine.
pub fn remove(path: &Path) -> Result<(), FsError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(FsError::new("remove", path, error)),
        _ => Ok(()),
    }
}

/// Writes all of it, where the file may become so long: the system kills a process that goes beyond its limit on the length of
/// files (SIGXFSZ, setrlimit(2)), and a killed one says nothing and leaves things behind.
pub fn write_all(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    // Asked once a process: a tree has thousands of files.
    static LIMIT: LazyLock<Option<u64>> =
        LazyLock::new(|| rustix::process::getrlimit(rustix::process::Resource::Fsize).current);
    if let Some(limit) = *LIMIT {
        let end = file.stream_position()?.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        if end > limit {
            return Err(rustix::io::Errno::FBIG.into());
        }
    }
    file.write_all(bytes)
}

/// Writes a whole file beside its place and renames it there. Nothing waits for the disk: after a loss of power an empty
/// file may stand there, so that this is for what can be had again, and is held to something whenever it is read.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), FsError> {
    write_beside(path, bytes, |_| Ok(()))
}

/// As [`write()`], and on the disk before it has its name, and then the name too: for what cannot be had again.
pub fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), FsError> {
    write_one_of_many(path, bytes)?;
    sync_folder_of(path)
}

/// As [`write_synced`] but for the name: for files of one folder of which many are written, and which is
/// [synced](sync_folder_of) after the last.
pub fn write_one_of_many(path: &Path, bytes: &[u8]) -> Result<(), FsError> {
    write_beside(path, bytes, File::sync_all)
}

fn write_beside(path: &Path, bytes: &[u8], finish: fn(&File) -> io::Result<()>) -> Result<(), FsError> {
    let (mut file, beside) = create_beside(path)?;
    write_all(&mut file, bytes)
        .and_then(|()| finish(&file))
        .map_err(|error| FsError::new("write", &beside, error))
        .and_then(|()| rename(&beside, path))
        .inspect_err(|_| {
            // The first error is the one to tell; a file left beside is swept up by the next run.
            let _ = std::fs::remove_file(&beside);
        })
}

/// Syncs the folder that a path is in, so that the name stays after a loss of power.
pub fn sync_folder_of(path: &Path) -> Result<(), FsError> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match Dir::open(folder).and_then(|folder| folder.sync()) {
        // A folder that may be written to and not be read.
        Err(error) if error.source.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        synced => synced,
    }
}

/// Writes a whole file beside one that is there and renames it into its place: with the mode that this has, and where it is
/// a link, into the place that it leads to.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), FsError> {
    let path = &canonical(path)?;
    let failed = |error| FsError::new("write", path, error);
    let permissions = std::fs::metadata(path).map_err(failed)?.permissions();
    sweep_beside(path);
    let (mut file, beside) = create_beside(path)?;
    write_all(&mut file, bytes)
        .and_then(|()| file.set_permissions(permissions))
        .and_then(|()| file.sync_all())
        .map_err(failed)
        .and_then(|()| rename(&beside, path))
        .and_then(|()| sync_folder_of(path))
        .inspect_err(|_| {
            // As in [`write`]; what is left beside pins.toml is seen, and says by its name what it is.
            let _ = std::fs::remove_file(&beside);
        })
}

/// 32 random bytes that are this user's alone: read from a file, or made and written there for the next time.
pub fn secret(path: &Path) -> Result<[u8; 32], FsError> {
    if let Some(bytes) = read_if_exists(path, 32)?
        && let Ok(secret) = <[u8; 32]>::try_from(bytes)
    {
        return Ok(secret);
    }
    let mut secret = [0; 32];
    let random = rustix::rand::getrandom(&mut secret, rustix::rand::GetRandomFlags::empty());
    match random {
        Ok(32) => {}
        Ok(_) => return Err(FsError::new("make", path, io::Error::from(io::ErrorKind::UnexpectedEof))),
        Err(error) => return Err(FsError::new("make", path, error)),
    }
    if !is_absent(path)? {
        // What is there is no secret of ours.
        remove(path)?;
    }
    match write_new(&[New { path, bytes: &secret, mode: 0o600 }]) {
        // Another process was faster, and its secret is the one from now on.
        Err(error) if error.source.kind() == io::ErrorKind::AlreadyExists => {
            let theirs = read(path, 32)?;
            theirs.try_into().map_err(|_| FsError::new("read", path, io::Error::from(io::ErrorKind::InvalidData)))
        }
        written => written.map(|()| secret),
    }
}

/// The names in a folder, sorted; none where there is no folder. Names that are not UTF-8 are no names of ours.
pub fn names(path: &Path) -> Result<Vec<String>, FsError> {
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(FsError::new("list", path, error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| FsError::new("list", path, error))?;
        if let Ok(name) = entry.file_name().into_string() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// The length of a file in bytes, `None` where there is none.
pub fn len_if_exists(path: &Path) -> Result<Option<u64>, FsError> {
    match std::fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata.len())),
        // Where a file has taken the place of a folder on the way there is nothing either.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(FsError::new("look at", path, error)),
    }
}

/// Whether this user may create files in a folder.
pub fn is_writable(folder: &Path) -> bool {
    let wanted = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
    rustix::fs::accessat(rustix::fs::CWD, folder, wanted, rustix::fs::AtFlags::EACCESS).is_ok()
}

/// The path without links, for telling two spellings of one folder apart.
pub fn canonical(path: &Path) -> Result<PathBuf, FsError> {
    std::fs::canonicalize(path).map_err(|error| FsError::new("look at", path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_made_once() {
        let folder = tempfile::tempdir().expect("a folder");
        for round in 0..20 {
            let path = folder.path().join(round.to_string());
            std::thread::scope(|scope| {
                let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| secret(&path).expect("a secret"))).collect();
                let secrets: Vec<_> = threads.into_iter().map(|thread| thread.join().expect("no panic")).collect();
                assert!(secrets.iter().all(|one| *one == secret(&path).expect("a secret")));
            });
        }
        // What rotted is made anew.
        let path = folder.path().join("0");
        std::fs::write(&path, "short").expect("a file");
        let new = secret(&path).expect("a secret");
        assert_eq!(secret(&path).expect("a secret"), new);
    }

    #[test]
    fn says_what_to_do_about_a_tree_of_a_lower_layer() {
        let error = FsError::new("rename to", "vendor/x", rustix::io::Errno::XDEV);
        assert!(error.hint().is_some_and(|hint| hint.contains("remove it and run it again")));
    }

    #[test]
    fn errors_name_files_as_all_messages_do() {
        for (path, shown) in [("./tools/a", "tools/a"), (".", "."), ("a/./b", "a/./b"), ("../a", "../a"), ("/a", "/a")]
        {
            let error = FsError::new("open", path, io::Error::other("x"));
            assert_eq!(error.to_string(), format!("cannot open `{shown}`: x"));
        }
    }
}
