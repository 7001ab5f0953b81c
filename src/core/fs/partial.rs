//! Files that are not whole yet: they have a name of their own beside their place until they are renamed into it. A writer
//! that is killed leaves such a name behind; whoever writes there next removes it.

use std::collections::hash_map::RandomState;
use std::fs::{File, OpenOptions, TryLockError};
use std::hash::{BuildHasher as _, Hasher as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::{Dir, FsError, Kind, LOCK};

/// A new file beside `path`, readable and writable, under a name that no other process uses. Process numbers would not
/// do: containers that share a store have the same ones. While the file is open, [`sweep_partials`] leaves it alone.
pub fn create_beside(path: &Path) -> Result<(File, PathBuf), FsError> {
    create(path, File::options().read(true))
}

/// As [`create_beside`], with these permission bits from the start, as far as the umask leaves them: a file that somebody
/// has opened stays readable to them when its mode changes.
pub(super) fn create_beside_with_mode(path: &Path, mode: u32) -> Result<(File, PathBuf), FsError> {
    create(path, File::options().mode(mode))
}

fn create(path: &Path, options: &mut OpenOptions) -> Result<(File, PathBuf), FsError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    loop {
        let beside = path.with_file_name(unique_name(&name));
        let file = options.write(true).create_new(true).open(&beside);
        let file = file.map_err(|error| FsError::new("create", &beside, error))?;
        if hold(&file) {
            return Ok((file, beside));
        }
    }
}

/// As [`create_beside`] in a folder that is entered by handle; the file and the name that it has until it is whole.
pub fn create_partial(folder: &Dir, name: &str, mode: u32) -> Result<(File, String), FsError> {
    loop {
        let partial = unique_name(name);
        let file = folder.create(&partial, mode)?;
        if hold(&file) {
            return Ok((file, partial));
        }
    }
}

/// The same for a folder that is put together under a name of its own. It is held while the handle is open.
pub fn create_partial_folder(parent: &Dir, name: &str, mode: u32) -> Result<(Dir, String), FsError> {
    loop {
        let partial = unique_name(name);
        let folder = parent.make_new_child(&partial, mode)?;
        if folder.try_lock() && parent.stat(&partial)?.is_some() {
            return Ok((folder, partial));
        }
    }
}

/// Says of a file under a name by [`unique_name`] that a living process writes it, for as long as it is open. `false` where
/// somebody who swept saw it before that and removed it.
fn hold(file: &File) -> bool {
    match file.try_lock() {
        Ok(()) => file.metadata().map_or(true, |metadata| metadata.nlink() > 0),
        Err(TryLockError::WouldBlock) => false,
        // A file system without locks: nothing is swept there either.
        Err(TryLockError::Error(_)) => true,
    }
}

/// A name that no other process uses.
pub fn unique_name(name: &str) -> String {
    // Each state is seeded with other random keys of the system's.
    let random = RandomState::new().build_hasher().finish();
    format!(".{name}.{random:016x}{PARTIAL}")
}

/// How the names end that [`create_beside`] gives.
pub const PARTIAL: &str = ".partial";

/// Whether a name is one that [`unique_name`] gives, or that of a lock, which is there only while it is held.
pub fn is_partial(name: &str) -> bool {
    if name.ends_with(LOCK) {
        return true;
    }
    let inner = name.strip_prefix('.').and_then(|name| name.strip_suffix(PARTIAL));
    inner.and_then(|inner| inner.rsplit_once('.')).is_some_and(|(_, random)| {
        random.len() == 16 && random.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// Removes what killed writers left in a folder: files and folders with a name by [`unique_name`], and locks, that no living
/// process holds. What cannot be opened or locked stays, and so does a folder that cannot be listed: there is nothing of
/// ours to be sure of.
pub fn sweep_partials(folder: &Dir) {
    for name in folder.names().unwrap_or_default().iter().filter(|name| is_partial(name)) {
        // Still locked when it is removed, so that a writer that has just made it sees it gone and makes another.
        match folder.stat(name).ok().flatten().map(|stat| stat.kind) {
            Some(Kind::File) => {
                let Ok(file) = folder.open_file(name) else { continue };
                if file.try_lock().is_ok() {
                    let _ = folder.remove_all(name);
                }
            }
            // No lock is a folder, whatever it is called.
            Some(Kind::Folder) if !name.ends_with(LOCK) => {
                let Ok(Some(inner)) = folder.child(name) else { continue };
                if inner.try_lock() {
                    let _ = folder.remove_all(name);
                }
            }
            _ => {}
        }
    }
}

/// The same in the folder that a file is in, if that is there.
pub fn sweep_beside(path: &Path) {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if let Ok(folder) = Dir::open(folder) {
        sweep_partials(&folder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sweeps_what_no_living_process_holds_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        let dead = ".out.json.0123456789abcdef.partial";
        let others =
            [".out.partial", "out.0123456789abcdef.partial", ".out.0123456789ABCDEF.partial", ".x.0123.partial"];
        for name in others.iter().chain([&dead]) {
            std::fs::write(path(name), "x").expect("a file");
        }
        std::fs::create_dir_all(path(".dir.0123456789abcdef.partial/inner")).expect("a folder");
        std::os::unix::fs::symlink("out", path(".link.0123456789abcdef.partial")).expect("a link");
        let (held, beside) = create_beside(&path("held")).expect("a file");
        let mut left: Vec<String> = others.iter().map(|name| (*name).to_owned()).collect();
        left.push(".link.0123456789abcdef.partial".to_owned());
        left.push(beside.file_name().expect("a name").to_string_lossy().into_owned());
        let opened = Dir::open(folder.path()).expect("a folder");
        let (held_folder, partial) = create_partial_folder(&opened, "tree", 0o755).expect("a folder");
        left.push(partial.clone());
        left.sort();
        sweep_partials(&opened);
        let mut names = opened.names().expect("names");
        names.sort();
        assert_eq!(names, left);
        drop((held, held_folder));
        sweep_partials(&opened);
        assert!(!beside.exists() && !path(&partial).exists());
    }
}
