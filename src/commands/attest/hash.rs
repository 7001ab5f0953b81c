//! The digests of outputs: each file is read once, on all processors together, and must not change meanwhile.

use std::io::Read as _;

use crate::build::Descriptor;
use crate::ctx::Ctx;
use crate::digest::{Algorithm, Hasher};
use crate::error::{AttestError, Error};
use crate::fs::{Dir, FsError, Identity};
use crate::path::RelPath;
use crate::tree;

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
pub(super) fn hash(ctx: &Ctx<'_>, root: &Dir, files: &[(RelPath, u64)]) -> Result<Vec<Output>, Error> {
    work::each(files, ctx.jobs, |(_, size)| *size, |(path, _)| one(root, path)).into_iter().collect()
}

fn one(root: &Dir, path: &RelPath) -> Result<Output, Error> {
    let changed = || Error::from(AttestError::Changed { path: path.clone() });
    let failed = |error| Error::from(FsError::new("read", path.as_str(), error));
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
