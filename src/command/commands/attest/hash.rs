//! The digests of outputs: each file is read once, on all processors together, and must not change meanwhile.

use std::io::Read as _;

use crate::ctx::Ctx;
use pinfold_core::digest::{Algorithm, Hasher};
use pinfold_core::fault::Fault;
use pinfold_core::fs::{Dir, FsError, Identity};
use pinfold_core::path::RelPath;
use pinfold_core::tree;
use pinfold_sign::build::Descriptor;

use super::super::work;

/// A file that a build made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Where it is, relative to the folder of pins.toml; its name in statements.
    pub path: RelPath,
    /// Its length, in bytes.
    pub size: u64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
    /// Its SHA-512, in hexadecimal.
    pub sha512: String,
}

impl Output {
    /// The output as a statement has it.
    pub fn descriptor(&self) -> Descriptor {
        let mut descriptor = Descriptor::of(self.path.as_str(), &self.sha256);
        descriptor.digest.insert("sha512".to_owned(), self.sha512.clone());
        descriptor
    }
}

/// Reads all of them. The first error is that of the first path, whichever thread met one first.
pub(super) fn hash(ctx: &Ctx<'_>, root: &Dir, files: &[(RelPath, u64)]) -> Result<Vec<Output>, Fault> {
    work::each(files, ctx.jobs, |(_, size)| *size, |(path, _)| one(root, path, &|| ())).into_iter().collect()
}

/// Reads one; `between` is called when its bytes were read, and before it is looked at again.
fn one(root: &Dir, path: &RelPath, between: &dyn Fn()) -> Result<Output, Fault> {
    let changed = || {
        let fault = Fault::refused("output-changed", format!("the output `{path}` changed while it was read"));
        fault.hint("attest when nothing writes to it any more")
    };
    let failed = |error| Fault::from(FsError::new("read", path.as_str(), error));
    let parent = tree::parent_of(root, path)?.ok_or_else(changed)?;
    let mut file = parent.open_file(path.file_name())?;
    let before = Identity::of(&file).map_err(failed)?;
    let (mut sha256, mut sha512) = (Hasher::new(Algorithm::Sha256), Hasher::new(Algorithm::Sha512));
    let mut buffer = vec![0; BUFFER];
    let mut size: u64 = 0;
    loop {
        let count = file.read(&mut buffer).map_err(failed)?;
        let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
        sha256.update(bytes);
        sha512.update(bytes);
        size = size.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
    }
    between();
    // Written to, or replaced by another file under its name.
    let again = parent.open_file(path.file_name()).map_err(|_| changed())?;
    let after = [Identity::of(&file).map_err(failed)?, Identity::of(&again).map_err(failed)?];
    if after != [before, before] || size != before.size() {
        return Err(changed());
    }
    Ok(Output { path: path.clone(), size, sha256: sha256.finish().hex(), sha512: sha512.finish().hex() })
}

/// Bytes that are read at once: what fits into a processor's second cache beside the state of two hashes.
const BUFFER: usize = 128 << 10;

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write as _;

    use super::*;

    #[test]
    fn what_changes_while_it_is_read_is_no_output() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = Dir::open(folder.path()).expect("a folder");
        let path: RelPath = "app.js".parse().expect("a path");
        let place = folder.path().join("app.js");
        let check = |what: &str, between: &dyn Fn()| {
            std::fs::write(&place, "app").expect("a file");
            let error = one(&root, &path, between).expect_err(what);
            assert_eq!(error.code(), "output-changed", "{what}");
        };
        let open = || File::options().write(true).open(&place).expect("a file");
        check("longer", &|| {
            File::options().append(true).open(&place).expect("a file").write_all(b"x").expect("written")
        });
        check("shorter", &|| open().set_len(1).expect("cut"));
        check("other bytes, and the time set back", &|| {
            let time = place.metadata().and_then(|metadata| metadata.modified()).expect("a time");
            let mut file = open();
            file.write_all(b"ape").expect("written");
            file.set_modified(time).expect("a time");
        });
        check("another file under its name", &|| {
            let other = folder.path().join("other");
            std::fs::write(&other, "app").expect("a file");
            std::fs::rename(&other, &place).expect("a rename");
        });
        check("removed", &|| std::fs::remove_file(&place).expect("removed"));
        check("a link in its place", &|| {
            std::fs::remove_file(&place).expect("removed");
            std::os::unix::fs::symlink("other", &place).expect("a link");
        });
        std::fs::remove_file(&place).expect("removed");
        std::fs::write(&place, "app").expect("a file");
        let output = one(&root, &path, &|| ()).expect("an output");
        assert_eq!((output.size, output.sha256.len(), output.sha512.len()), (3, 64, 128));
    }
}
