//! [`Incoming`]: bytes on their way into the store.

use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;

use super::{File, Mismatch, Store, VerifiedBlob};
use crate::digest::{Algorithm, Hasher, Integrity};
use crate::fs::{self, FsError};

/// Bytes on their way into the store; dropped without [`Incoming::finish`], they leave nothing.
#[derive(Debug)]
pub struct Incoming {
    store: Store,
    /// `None` for bytes that nobody has pinned yet.
    expected: Option<Integrity>,
    hasher: Hasher,
    file: File,
    beside: PathBuf,
    len: u64,
    kept: bool,
}

impl Store {
    /// A place for bytes that are to have this digest.
    pub fn receive(&self, integrity: &Integrity) -> Result<Incoming, FsError> {
        self.incoming(self.path_of(integrity), Some(integrity.clone()))
    }

    /// A place for bytes that nobody has pinned yet. They are kept under the SHA-512 that they turn out to have.
    pub fn receive_unpinned(&self) -> Result<Incoming, FsError> {
        // On the shelf of some digest, where what a killed process leaves is swept.
        self.incoming(self.path_of(&Integrity::of(Algorithm::Sha512, b"")).with_file_name("unpinned"), None)
    }

    fn incoming(&self, path: PathBuf, expected: Option<Integrity>) -> Result<Incoming, FsError> {
        fs::create_folders(path.parent().unwrap_or(self.root()))?;
        let (file, beside) = fs::create_beside(&path)?;
        let hasher = Hasher::new(expected.as_ref().map_or(Algorithm::Sha512, Integrity::algorithm));
        Ok(Incoming { store: self.clone(), expected, hasher, file, beside, len: 0, kept: false })
    }
}

impl Incoming {
    /// Takes the next bytes.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.hasher.update(bytes);
        self.len = self.len.saturating_add(u64::try_from(bytes.len()).unwrap_or_default());
        Ok(())
    }

    /// Forgets all bytes so far.
    pub fn restart(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.hasher = self.new_hasher();
        self.len = 0;
        Ok(())
    }

    /// How many bytes there are so far.
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none so far.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether the bytes so far have the digest that they are to have; `None` where nobody has pinned them.
    pub fn is_expected(&self) -> Option<bool> {
        let expected = self.expected.as_ref()?;
        Some(self.hasher.clone().finish() == *expected)
    }

    /// Puts the bytes into their place if their digest is right.
    pub fn finish(mut self) -> Result<Result<VerifiedBlob, Mismatch>, FsError> {
        let fresh = self.new_hasher();
        let received = std::mem::replace(&mut self.hasher, fresh).finish();
        if let Some(expected) = &self.expected
            && received != *expected
        {
            return Ok(Err(Mismatch { expected: expected.clone(), received, size: self.len }));
        }
        let path = self.store.path_of(&received);
        fs::create_folders(path.parent().unwrap_or(self.store.root()))?;
        fs::rename(&self.beside, &path)?;
        self.kept = true;
        let file = self.file.try_clone().map_err(|error| FsError::new("open", &path, error))?;
        Ok(Ok(VerifiedBlob { file, len: self.len, integrity: received }))
    }

    fn new_hasher(&self) -> Hasher {
        Hasher::new(self.expected.as_ref().map_or(Algorithm::Sha512, Integrity::algorithm))
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if !self.kept {
            // Nothing can be done about a failure here; `cache gc` sweeps what stays.
            let _ = fs::remove(&self.beside);
        }
    }
}
