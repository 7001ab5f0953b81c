//! Trees on disk: assembled beside their place, compared, renamed into it.
//!
//! [`Assembly`] takes the members of an archive and ends as a staged tree or, without a stage, as a list of what the tree
//! would be. [`scan`] reads what stands somewhere, [`looks_like`] only looks at it. Nothing here follows a link.

mod assembly;
mod gate;
mod look;
mod writer;

use crate::fs::{Dir, FsError, Kind};
use crate::path::RelPath;

pub use assembly::{Assembled, Assembly, AssemblyError, assemble_file};
pub use gate::{Gate, Pass};
pub use look::{Aside, Bounds, Odd, Scan, What, looks_like, scan, scan_without};

/// Suffix of the name beside a destination where its next tree is put together.
pub const STAGE_SUFFIX: &str = ".pinfold-new";

/// Where the next tree of a destination is put together: beside it, so that one rename publishes it.
pub fn stage_name(to: &RelPath) -> String {
    format!(".{}{STAGE_SUFFIX}", to.file_name())
}

/// The folder that a destination is in, by handle from the project's root; `None` where it is absent. A link on the way
/// is an error: it may lead out of the project.
pub fn parent_of(root: &Dir, to: &RelPath) -> Result<Option<Dir>, FsError> {
    let mut folder = root.try_clone()?;
    let mut components: Vec<&str> = to.components().collect();
    components.pop();
    for component in components {
        match folder.child(component)? {
            Some(child) => folder = child,
            None => return Ok(None),
        }
    }
    Ok(Some(folder))
}

/// As [`parent_of`], creating what is absent.
pub fn make_parent_of(root: &Dir, to: &RelPath) -> Result<Dir, FsError> {
    let mut folder = root.try_clone()?;
    let mut components: Vec<&str> = to.components().collect();
    components.pop();
    for component in components {
        folder = folder.make_child(component, 0o755)?;
    }
    Ok(folder)
}

/// Renames a staged tree to its destination. What was there has the name of the stage now; [`sweep`] removes it.
pub fn exchange(parent: &Dir, to: &RelPath) -> Result<(), FsError> {
    parent.rename_or_exchange(&stage_name(to), to.file_name()).map(|_| ())
}

/// Removes what a killed run left beside a destination.
pub fn sweep(parent: &Dir, to: &RelPath) -> Result<(), FsError> {
    let stage = stage_name(to);
    parent.remove_all(&stage)?;
    parent.remove_all(&format!("{stage}-old"))
}

/// Whether a killed run left anything beside a destination: where it is.
pub fn leftover(parent: &Dir, to: &RelPath) -> Result<Option<RelPath>, FsError> {
    let stage = stage_name(to);
    for name in [format!("{stage}-old"), stage] {
        if parent.stat(&name)?.is_some() {
            let beside = to.parent().map_or_else(|| name.clone(), |above| format!("{above}/{name}"));
            return Ok(beside.parse().ok());
        }
    }
    Ok(None)
}

/// Whether anything stands at a destination.
pub fn exists(parent: &Dir, to: &RelPath) -> Result<bool, FsError> {
    Ok(parent.stat(to.file_name())?.is_some_and(|stat| stat.kind != Kind::Folder || !is_empty(parent, to)))
}

fn is_empty(parent: &Dir, to: &RelPath) -> bool {
    let names = parent.child(to.file_name()).ok().flatten().map(|folder| folder.names());
    matches!(names, Some(Ok(names)) if names.is_empty())
}
