//! Files of the checkout as files, and not as names: a file has a name for each hard link and each mount. And pipes with a
//! name, which others have open whatever mount they are on.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Component, Path, PathBuf};

use super::Plan;
use super::inside::{At, Refusal};
use super::mounts::mounted;

/// Refuses a checkout where what must not be written to can be by another name, or that has a pipe with a name.
pub(super) fn look(plan: &Plan) -> Result<(), Refusal> {
    for path in plan.pinned.iter().map(|path| plan.root.join(path)) {
        each(&path, &BTreeSet::new(), &mut |path, found| match found.nlink() {
            2.. if found.is_file() => Err(other_name(path, "it has another name, by a hard link")),
            _ => Ok(()),
        })?;
    }
    let protected: BTreeSet<PathBuf> =
        plan.read_only.iter().map(|path| plan.root.join(path)).chain(plan.believed.iter().cloned()).collect();
    let is_mounted = mounted()?.iter().any(|mount| mount.at != plan.root && mount.at.starts_with(&plan.root));
    let has_names = |found: &Metadata| is_mounted || found.is_file() && found.nlink() > 1;
    let mut names = BTreeMap::new();
    // What a stream is open on is opened anew through it, on the mount that it was opened on.
    for (number, stream) in ["standard input", "standard output", "standard error"].into_iter().enumerate() {
        let found = std::fs::metadata(format!("/proc/self/fd/{number}"));
        if let Some(found) = found.ok().filter(Metadata::is_file) {
            names.insert((found.dev(), found.ino()), PathBuf::from(stream));
        }
    }
    each(&plan.root, &protected, &mut |path, found| {
        if found.file_type().is_fifo() {
            let step = format!("keep the named pipe {} from the command", path.display());
            return Err(Refusal::new(step, "a program outside may have it open").hint(PIPE));
        }
        if has_names(found) && path != plan.root {
            names.insert((found.dev(), found.ino()), path.to_owned());
        }
        Ok(())
    })?;
    for path in protected.iter().filter(|_| !names.is_empty()) {
        each(path, &BTreeSet::new(), &mut |path, found| match names.get(&(found.dev(), found.ino())) {
            Some(name) => Err(other_name(path, &format!("it is {} too", name.display()))),
            None => Ok(()),
        })?;
    }
    Ok(())
}

/// What pinfold believes and the command can get at: the path in the checkout of a file or folder that is there, or, of a
/// folder, is made. What is by its path in the checkout and by a symbolic link elsewhere is refused: the link can be
/// replaced.
pub(super) fn within(root: &Path, given: &Path) -> Result<Option<PathBuf>, Refusal> {
    let step = || format!("keep {} from being replaced", given.display());
    let absolute = std::path::absolute(given).at(step)?;
    // The parts of the path that are in the checkout, each after a folder that is the checkout itself; one that leaves it at
    // once is in nobody's hands but the caller's.
    let is_root = |folder: &&Path| std::fs::canonicalize(folder).is_ok_and(|folder| folder == root);
    let parts = absolute.ancestors().filter(is_root).filter_map(|folder| absolute.strip_prefix(folder).ok());
    let parts: Vec<&Path> = parts.filter(|part| !part.starts_with("..")).collect();
    if parts.iter().any(|part| !part.components().all(|one| matches!(one, Component::Normal(_)))) {
        return Err(Refusal::new(step(), "its path leads out of a folder of the checkout"));
    }
    let named = parts.first().map(|part| (*part).to_owned());
    let found = match std::fs::canonicalize(&absolute) {
        Ok(found) => found,
        Err(_) if named.is_none() => return Ok(None),
        Err(_) => {
            std::fs::create_dir_all(&absolute).at(|| format!("make {}", given.display()))?;
            std::fs::canonicalize(&absolute).at(step)?
        }
    };
    let inner = found.strip_prefix(root).ok().map(Path::to_owned);
    match (&named, &inner) {
        (Some(named), inner) if Some(named) != inner.as_ref() => {
            Err(Refusal::new(step(), "it is behind a symbolic link").hint(super::mounts::LINKED))
        }
        (_, None) if root.starts_with(&found) => Err(Refusal::new(step(), "the checkout is in it").hint(APART)),
        (_, Some(inner)) if inner.as_os_str().is_empty() => {
            Err(Refusal::new(step(), "it is the checkout itself").hint(APART))
        }
        _ => Ok(inner),
    }
}

/// A file, or a folder with all that is in it, but for some folders; links are not followed.
fn each(
    path: &Path,
    without: &BTreeSet<PathBuf>,
    look: &mut impl FnMut(&Path, &Metadata) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let mut left = vec![path.to_owned()];
    while let Some(path) = left.pop() {
        if without.contains(&path) {
            continue;
        }
        // Gone meanwhile, or never there.
        let Ok(found) = path.symlink_metadata() else { continue };
        look(&path, &found)?;
        if !found.is_dir() {
            continue;
        }
        match std::fs::read_dir(&path) {
            Ok(entries) => {
                let paths = entries.map(|entry| entry.map(|entry| entry.path()));
                let paths: Result<Vec<_>, _> = paths.collect();
                left.extend(paths.at(|| format!("look at {}", path.display()))?);
            }
            // Closed to this user is closed to the command.
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(Refusal::new(format!("look at {}", path.display()), error)),
        }
    }
    Ok(())
}

fn other_name(path: &Path, said: &str) -> Refusal {
    Refusal::new(format!("keep {} from being written to", path.display()), said).hint(COPY)
}

const PIPE: &str = "remove it, or have it made outside of the checkout";
const COPY: &str = "put a copy in its place, or remove the other name";
const APART: &str = "move it to a folder of its own";
