//! Locks between processes, and files that are edited under one.
//!
//! A lock is a file of its own that only those can open who may write beside it: `flock` takes any descriptor, and a
//! folder or a file that everybody may read is one that everybody may hold. A wait for a lock is told, and has an end.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::dir::set_file_mode;
use super::{Dir, FsError, canonical, create_beside, read_if_exists, remove, rename, sweep_partials, write_all};

/// How long a lock may be waited for unless somebody says otherwise: longer than most trees take to unpack.
pub const LOCK_TIMEOUT: Duration = Duration::from_secs(300);

/// How the names end of locks that are there while they are held. What a killed process left is swept as its half-written
/// files are: see [`sweep_partials`].
pub const LOCK: &str = ".pinfold-lock";

/// How long to wait for other processes, and who hears of it.
pub struct Patience<'a> {
    /// After which time waiting is given up.
    pub limit: Duration,
    /// Hears what is waited for, once a wait is worth a word.
    pub told: &'a dyn Fn(&Held),
}

impl Patience<'static> {
    /// For locks that are only ever held while a small file is written: nobody hears of such a wait, and it is short.
    pub fn brief() -> Self {
        Self { limit: Duration::from_secs(10), told: &|_| {} }
    }
}

/// A lock that another process holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The file of the lock.
    pub path: PathBuf,
    /// The process that took it last, where it can be read.
    pub process: Option<u32>,
    /// The user whose lock it is, where it is another one's and cannot be opened.
    pub user: Option<u32>,
    /// How long ago it was taken, in seconds.
    pub seconds: u64,
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.process, self.user) {
            (_, Some(user)) => write!(f, "a process of user {user} has held it for {} s", self.seconds),
            (Some(process), None) => write!(f, "process {process} has held it for {} s", self.seconds),
            (None, None) => f.write_str("another process holds it"),
        }
    }
}

impl std::error::Error for Held {}

/// A lock, held until dropped; the system frees it when the process dies.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
    /// Whether the file goes when the lock does, so that nothing stays in a checkout. One that a killed process left is
    /// free, and goes with the next lock.
    goes: bool,
}

impl Lock {
    /// Waits until no other process holds the lock. Its file is there for as long as it is held.
    pub fn exclusive(path: &Path, patience: &Patience<'_>) -> Result<Self, FsError> {
        wait(path, Kind::Alone { goes: true }, patience)
    }

    /// The lock on a file that is edited, beside that file; links are followed, so that there is one a file.
    pub fn of_file(path: &Path, patience: &Patience<'_>) -> Result<Self, FsError> {
        Self::exclusive(&beside(&real(path)?), patience)
    }

    /// Waits until no other process holds the lock alone. Its file stays.
    pub fn shared(path: &Path, patience: &Patience<'_>) -> Result<Self, FsError> {
        wait(path, Kind::Shared, patience)
    }

    /// The lock that excludes the shared ones, unless one is held.
    pub fn try_alone(path: &Path) -> Result<Result<Self, Held>, FsError> {
        attempt(path, Kind::Alone { goes: false })
    }

    /// Waits until no other process holds the lock alone; nothing is created for it.
    pub fn wait_for_holder(path: &Path, patience: &Patience<'_>) -> Result<(), FsError> {
        patiently(path, patience, || Ok(Self::holder(path).map_or(Ok(()), Err)))
    }

    /// Who holds a lock, for those who only read: nothing is created for it. A lock that cannot be opened is held by
    /// whoever can; what else stands there is none.
    pub fn holder(path: &Path) -> Option<Held> {
        let file = match open(path, OFlags::empty()) {
            Ok(file) => file,
            Err(Errno::ACCESS | Errno::PERM) => return foreign(path),
            Err(_) => return None,
        };
        let is_one = |metadata: std::fs::Metadata| {
            metadata.is_file() && metadata.mode() & 0o777 & !mode_beside(path, &file) == 0
        };
        let is_held = matches!(file.try_lock_shared(), Err(std::fs::TryLockError::WouldBlock));
        (file.metadata().is_ok_and(is_one) && is_held).then(|| held(path, &file))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Removed while it is held: whoever opened it meanwhile sees that it is not the one with the name any more. What
        // cannot be removed is a free lock, which harms nobody.
        if self.goes && is_at(&self.file, &self.path) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Alone { goes: bool },
    Shared,
}

fn wait(path: &Path, kind: Kind, patience: &Patience<'_>) -> Result<Lock, FsError> {
    patiently(path, patience, || attempt(path, kind))
}

/// Tries again until it is not held any more.
fn patiently<T>(
    path: &Path,
    patience: &Patience<'_>,
    attempt: impl Fn() -> Result<Result<T, Held>, FsError>,
) -> Result<T, FsError> {
    // By its pauses: a look takes next to nothing.
    let (mut waited, mut pause, mut told) = (Duration::ZERO, SHORTEST_PAUSE, false);
    loop {
        let held = match attempt()? {
            Ok(done) => return Ok(done),
            Err(held) => held,
        };
        if waited >= patience.limit {
            return Err(FsError::new("lock", path, io::Error::new(io::ErrorKind::TimedOut, held)));
        }
        if !told && waited >= WORTH_A_WORD {
            (patience.told)(&held);
            told = true;
        }
        std::thread::sleep(pause);
        waited = waited.saturating_add(pause);
        pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
    }
}

fn attempt(path: &Path, kind: Kind) -> Result<Result<Lock, Held>, FsError> {
    let failed = |error: io::Error| FsError::new("lock", path, error);
    for _ in 0..MAX_ATTEMPTS {
        let file = match open(path, OFlags::CREATE | OFlags::EXCL) {
            Ok(file) => {
                set_file_mode(&file, mode_beside(path, &file)).map_err(failed)?;
                file
            }
            Err(Errno::EXIST) => match open(path, OFlags::empty()) {
                Ok(file) => file,
                Err(Errno::NOENT) => continue,
                Err(Errno::ACCESS | Errno::PERM) => match foreign(path) {
                    Some(held) => return Ok(Err(held)),
                    None => continue,
                },
                Err(errno) => return Err(failed(errno.into())),
            },
            Err(errno) => return Err(failed(errno.into())),
        };
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")));
        }
        // A checkout or an unpacked archive brought it, and others may hold it: pinfold makes none that they can open.
        if metadata.mode() & 0o777 & !mode_beside(path, &file) != 0 {
            remove(path)?;
            continue;
        }
        let taken = if kind == Kind::Shared { file.try_lock_shared() } else { file.try_lock() };
        match taken {
            Ok(()) if is_at(&file, path) => {
                // Only a word for those who wait.
                let _ =
                    file.set_len(0).and_then(|()| file.write_all_at(format!("{}\n", std::process::id()).as_bytes(), 0));
                return Ok(Ok(Lock { file, path: path.to_owned(), goes: kind == Kind::Alone { goes: true } }));
            }
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Ok(Err(held(path, &file))),
            Err(std::fs::TryLockError::Error(error)) => return Err(failed(error)),
        }
    }
    // It comes and goes: others are at work.
    Ok(Err(Held { path: path.to_owned(), process: None, user: None, seconds: 0 }))
}

/// For reading and writing, as NFS locks nothing else alone; and never through a link, nor waiting for a pipe.
fn open(path: &Path, flags: OFlags) -> rustix::io::Result<File> {
    let flags = flags | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::from_raw_mode(0o600)).map(File::from)
}

/// The mode of a lock: its owner's alone, but for those who may write into the folder too and could take it away.
fn mode_beside(path: &Path, file: &File) -> u32 {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (Ok(folder), Ok(file)) = (std::fs::metadata(folder), file.metadata()) else { return 0o600 };
    let is_sticky = folder.mode() & 0o1000 != 0;
    let by_group = folder.mode() & 0o020 != 0 && folder.gid() == file.gid();
    let by_all = folder.mode() & 0o002 != 0;
    match (is_sticky, by_group, by_all) {
        (true, ..) | (false, false, false) => 0o600,
        (false, true, false) => 0o660,
        (false, _, true) => 0o666,
    }
}

fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), std::fs::symlink_metadata(path)) {
        (Ok(file), Ok(named)) => (file.dev(), file.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

fn held(path: &Path, file: &File) -> Held {
    let mut text = String::new();
    let read = file.take(16).read_to_string(&mut text);
    let process = read.ok().and_then(|_| text.trim_end().parse().ok());
    let seconds = file.metadata().map(|metadata| age(&metadata)).unwrap_or_default();
    Held { path: path.to_owned(), process, user: None, seconds }
}

/// A lock that this user cannot open; `None` where it is gone by now.
fn foreign(path: &Path) -> Option<Held> {
    let metadata = std::fs::symlink_metadata(path).ok()?;
    Some(Held { path: path.to_owned(), process: None, user: Some(metadata.uid()), seconds: age(&metadata) })
}

fn age(metadata: &std::fs::Metadata) -> u64 {
    metadata.modified().ok().and_then(|time| time.elapsed().ok()).unwrap_or_default().as_secs()
}

/// Changes a file that is there: read, changed and renamed under a lock, with the mode that it has, and where it is a link,
/// in the place that it leads to. `change` is asked again where somebody who knows of no lock, such as an editor, wrote
/// the file meanwhile; `None` leaves it as it is.
pub fn edit<E: From<FsError>>(
    path: &Path,
    limit: u64,
    patience: &Patience<'_>,
    mut change: impl FnMut(Option<&[u8]>) -> Result<Option<Vec<u8>>, E>,
) -> Result<(), E> {
    let path = &canonical(path)?;
    let _lock = Lock::of_file(path, patience)?;
    let folder = Dir::open(path.parent().unwrap_or(Path::new("/")))?;
    sweep_partials(&folder);
    for _ in 0..MAX_ATTEMPTS {
        let before = read_if_exists(path, limit)?;
        let Some(after) = change(before.as_deref())? else { return Ok(()) };
        let failed = |error| FsError::new("write", path, error);
        let permissions = std::fs::metadata(path).map_err(failed)?.permissions();
        let (mut file, beside) = create_beside(path)?;
        let published = write_all(&mut file, &after)
            .and_then(|()| file.set_permissions(permissions))
            .and_then(|()| file.sync_all())
            .map_err(failed)
            .and_then(|()| read_if_exists(path, limit))
            .and_then(|now| if now == before { rename(&beside, path).map(|()| true) } else { Ok(false) });
        if !matches!(published, Ok(true)) {
            // The first error is the one to tell.
            let _ = std::fs::remove_file(&beside);
        }
        if published? {
            return Ok(());
        }
    }
    let error = io::Error::new(io::ErrorKind::ResourceBusy, "another program writes it again and again");
    Err(FsError::new("write", path, error).into())
}

/// The path without links; of a file that is not there yet, that of its folder.
fn real(path: &Path) -> Result<PathBuf, FsError> {
    match canonical(path) {
        Err(error) if error.source.kind() == io::ErrorKind::NotFound => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            Ok(canonical(folder)?.join(path.file_name().unwrap_or_default()))
        }
        result => result,
    }
}

/// The lock of a file, beside it.
fn beside(path: &Path) -> PathBuf {
    path.with_file_name(format!(".{}{LOCK}", path.file_name().unwrap_or_default().to_string_lossy()))
}

/// Before the second look at a lock; most are held for less than that.
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);
/// Nobody notices half of it.
const LONGEST_PAUSE: Duration = Duration::from_millis(50);
/// Waits that are over before are not worth a word.
const WORTH_A_WORD: Duration = Duration::from_millis(300);
/// Others who come and go may be met so often in a row.
const MAX_ATTEMPTS: usize = 100;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::names;
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).expect("a file").permissions().mode() & 0o777
    }

    #[test]
    fn is_held_once_told_and_given_up() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("lock");
        assert_eq!(Lock::holder(&path), None);
        let lock = Lock::exclusive(&path, &Patience::brief()).expect("a lock");
        assert_eq!(mode(&path), 0o600);
        let held = Lock::holder(&path).expect("a holder");
        assert_eq!((held.process, held.user), (Some(std::process::id()), None));
        let told = AtomicUsize::new(0);
        let count = |_: &Held| {
            told.fetch_add(1, Ordering::Relaxed);
        };
        let patience = Patience { limit: WORTH_A_WORD * 2, told: &count };
        let error = Lock::exclusive(&path, &patience).expect_err("held");
        assert_eq!((error.source.kind(), told.load(Ordering::Relaxed)), (io::ErrorKind::TimedOut, 1));
        assert!(error.to_string().contains(&format!("process {} has held it", std::process::id())), "{error}");
        drop(lock);
        assert!(!path.exists());
        drop(Lock::exclusive(&path, &Patience::brief()).expect("a lock"));
    }

    #[test]
    fn shared_ones_exclude_only_the_one_that_is_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("lock");
        let one = Lock::shared(&path, &Patience::brief()).expect("a lock");
        let two = Lock::shared(&path, &Patience::brief()).expect("a lock");
        assert!(Lock::try_alone(&path).expect("a look").is_err());
        drop((one, two));
        let alone = Lock::try_alone(&path).expect("a look").expect("a lock");
        let none = Patience { limit: Duration::ZERO, told: &|_| {} };
        assert_eq!(Lock::shared(&path, &none).expect_err("held").source.kind(), io::ErrorKind::TimedOut);
        drop(alone);
        assert!(path.exists());
    }

    #[test]
    fn one_that_others_can_open_is_no_lock() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("lock");
        std::fs::write(&path, "1\n").expect("a file");
        let strangers = File::open(&path).expect("a file");
        strangers.lock().expect("a lock");
        let lock = Lock::exclusive(&path, &Patience::brief()).expect("a lock");
        assert_eq!(mode(&path), 0o600);
        drop(lock);
        for (folder_mode, lock_mode) in [(0o755, 0o600), (0o775, 0o660), (0o777, 0o666), (0o1777, 0o600)] {
            std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(folder_mode)).expect("a mode");
            let _lock = Lock::exclusive(&path, &Patience::brief()).expect("a lock");
            assert_eq!(mode(&path), lock_mode, "{folder_mode:o}");
        }
    }

    #[test]
    fn what_is_no_file_is_no_lock() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("lock");
        std::os::unix::fs::symlink("elsewhere", &path).expect("a link");
        Lock::exclusive(&path, &Patience::brief()).expect_err("a link");
        assert!(!folder.path().join("elsewhere").exists());
        std::fs::remove_file(&path).expect("a link");
        std::fs::create_dir(&path).expect("a folder");
        let error = Lock::exclusive(&path, &Patience::brief()).expect_err("a folder");
        assert!(error.hint().is_some_and(|hint| hint.contains("remove what stands there")), "{error}");
        assert_eq!(Lock::holder(&path), None);
    }

    fn append(path: &Path, text: &str) {
        let change = |before: Option<&[u8]>| -> Result<_, FsError> {
            Ok(Some([before.unwrap_or_default(), text.as_bytes()].concat()))
        };
        edit(path, 1 << 20, &Patience::brief(), change).expect("an edit");
    }

    #[test]
    fn edits_at_once_are_all_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, link) = (folder.path().join("file"), folder.path().join("link"));
        std::fs::write(&path, "").expect("a file");
        std::os::unix::fs::symlink("file", &link).expect("a link");
        std::thread::scope(|scope| {
            for worker in 0..8 {
                let path = if worker % 2 == 0 { &path } else { &link };
                scope.spawn(move || (0..10).for_each(|_| append(path, "x\n")));
            }
        });
        assert_eq!(std::fs::read_to_string(&path).expect("a file").lines().count(), 80);
        assert_eq!(names(folder.path()).expect("names"), ["file", "link"]);
    }

    #[test]
    fn what_an_editor_saves_meanwhile_is_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        std::fs::write(&path, "old\n").expect("a file");
        let mut asked = Vec::new();
        let change = |before: Option<&[u8]>| -> Result<_, FsError> {
            let before = before.unwrap_or_default().to_vec();
            if asked.is_empty() {
                std::fs::write(&path, "saved\n").expect("a file");
            }
            asked.push(before.clone());
            Ok(Some([before.as_slice(), b"new\n"].concat()))
        };
        edit(&path, 1 << 20, &Patience::brief(), change).expect("an edit");
        assert_eq!(asked, [b"old\n".to_vec(), b"saved\n".to_vec()]);
        assert_eq!(std::fs::read_to_string(&path).expect("a file"), "saved\nnew\n");
    }

    #[test]
    fn what_a_killed_edit_left_goes_with_the_next() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        std::fs::write(&path, "").expect("a file");
        for sweep in [
            |path: &Path| append(path, "x"),
            |path: &Path| sweep_partials(&Dir::open(path.parent().expect("a folder")).expect("a folder")),
        ] {
            drop(create_beside(&path).expect("a file"));
            std::fs::write(folder.path().join(".file.pinfold-lock"), "1\n").expect("a file");
            sweep(&path);
            assert_eq!(names(folder.path()).expect("names"), ["file"]);
        }
        let _lock = Lock::of_file(&path, &Patience::brief()).expect("a lock");
        sweep_partials(&Dir::open(folder.path()).expect("a folder"));
        assert_eq!(names(folder.path()).expect("names"), [".file.pinfold-lock", "file"]);
    }
}
