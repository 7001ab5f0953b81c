//! [`Incoming`]: bytes on their way into the store.

use std::io::{self, Seek as _, SeekFrom};
use std::path::PathBuf;

use super::{File, Mismatch, Store, VerifiedBlob};
use crate::digest::{Algorithm, Beside, Hasher, Integrity, PieceHasher};
use crate::fs::{self, FsError};

/// Bytes on their way into the store; dropped without [`Incoming::finish`], they leave nothing.
#[derive(Debug)]
pub struct Incoming {
    store: Store,
    /// `None` for bytes that nobody has pinned yet.
    expected: Option<Integrity>,
    hasher: Beside<Hasher>,
    /// Under another algorithm.
    other: Option<Hasher>,
    pieces: PieceHasher,
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
        // What a killed one left of the same artifact goes with the next that fetches it.
        fs::sweep_beside(&path);
        let (file, beside) = fs::create_beside(&path)?;
        let algorithm = expected.as_ref().map_or(Algorithm::Sha512, Integrity::algorithm);
        let (hasher, pieces) = (Beside::new(Hasher::new(algorithm)), PieceHasher::default());
        Ok(Incoming { store: self.clone(), expected, hasher, other: None, pieces, file, beside, len: 0, kept: false })
    }
}

impl Incoming {
    /// The same, with the digest under this algorithm too, for who would read all of it again to have that.
    #[must_use]
    pub fn and(mut self, algorithm: Algorithm) -> Self {
        self.other = (self.algorithm() != algorithm).then(|| Hasher::new(algorithm));
        self
    }

    /// The digest under the other algorithm of what came so far, where one was asked for.
    pub fn other(&self) -> Option<Integrity> {
        self.other.clone().map(Hasher::finish)
    }

    /// Takes the next bytes.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        fs::write_all(&mut self.file, bytes)?;
        self.hasher.update(bytes);
        self.pieces.update(bytes);
        if let Some(other) = &mut self.other {
            other.update(bytes);
        }
        self.len = self.len.saturating_add(u64::try_from(bytes.len()).unwrap_or_default());
        Ok(())
    }

    /// Forgets all bytes so far.
    pub fn restart(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.hasher = Beside::new(Hasher::new(self.algorithm()));
        self.other = self.other.take().map(|other| Hasher::new(other.algorithm()));
        self.pieces = PieceHasher::default();
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
        Some(self.hasher.so_far()?.finish() == *expected)
    }

    /// Puts the bytes into their place if their digest is right.
    pub fn finish(mut self) -> Result<Result<VerifiedBlob, Mismatch>, FsError> {
        let fresh = Beside::new(Hasher::new(self.algorithm()));
        let received = std::mem::replace(&mut self.hasher, fresh).back().finish();
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
        let blob = VerifiedBlob::new(file, self.len, received, std::mem::take(&mut self.pieces));
        self.other().into_iter().for_each(|other| blob.learn(other));
        Ok(Ok(blob))
    }

    fn algorithm(&self) -> Algorithm {
        self.expected.as_ref().map_or(Algorithm::Sha512, Integrity::algorithm)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Changed;

    #[test]
    fn another_digest_is_taken_on_the_way() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::new(folder.path().to_owned());
        let bytes = vec![7; 3 << 20];
        let integrity = Integrity::of(Algorithm::Sha512, &bytes);
        let mut incoming = store.receive(&integrity).expect("a place").and(Algorithm::Sha256);
        // An attempt that breaks off counts for neither.
        incoming.write(b"something else").expect("room");
        incoming.restart().expect("a file");
        bytes.chunks(100_000).for_each(|chunk| incoming.write(chunk).expect("room"));
        let sha256 = Integrity::of(Algorithm::Sha256, &bytes);
        assert_eq!(incoming.other(), Some(sha256.clone()));
        let blob = incoming.finish().expect("a file").expect("the right bytes");
        assert_eq!(blob.digest(Algorithm::Sha512).expect("known"), integrity);
        // Nobody reads them for it.
        std::fs::write(store.path_of(&integrity), b"").expect("a file");
        assert_eq!(blob.digest(Algorithm::Sha256).expect("known"), sha256);
        let error = blob.digest(Algorithm::Sha384).expect_err("other bytes");
        assert!(Changed::is_behind(&error), "{error}");
    }

    #[test]
    fn wrong_bytes_are_not_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::new(folder.path().to_owned());
        let integrity = Integrity::of(Algorithm::Sha512, b"right");
        let mut incoming = store.receive(&integrity).expect("a place");
        incoming.write(b"wrong").expect("room");
        let mismatch = incoming.finish().expect("a file").expect_err("wrong");
        assert_eq!((mismatch.received, mismatch.size), (Integrity::of(Algorithm::Sha512, b"wrong"), 5));
        assert!(!store.has(&integrity).expect("a folder"));
    }
}
