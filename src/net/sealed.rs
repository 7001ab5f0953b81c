//! What was found out before, kept in a folder of the store under a seal.
//!
//! What is kept here is believed, so nobody may be able to write it: each entry carries a seal made with a key that lies
//! outside the cache, where only this user may read it. Whoever can write into the cache folder can make pinfold forget,
//! and nothing else.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use pinfold_core::digest;
use pinfold_core::fs;

/// The entries of one folder, in 256 shelves by the first digits of their names.
#[derive(Debug)]
pub struct Sealed {
    folder: PathBuf,
    key_file: Option<PathBuf>,
    key: OnceLock<Option<[u8; 32]>>,
    /// Goes into each name and seal, so that no entry of one kind is one of another.
    kind: &'static [&'static [u8]],
    /// Longest entry, in bytes.
    limit: u64,
}

impl Sealed {
    /// What is kept in a folder, sealed with a key in the folder of trust; nothing is touched yet. Without a place for the
    /// key nothing is remembered.
    pub fn new(folder: PathBuf, trust: Option<&Path>, kind: &'static [&'static [u8]], limit: u64) -> Self {
        let key_file = trust.map(|folder| folder.join("verdict.key"));
        Self { folder, key_file, key: OnceLock::new(), kind, limit }
    }

    /// The same folder, of which nothing is recalled and in which nothing is remembered.
    #[must_use]
    pub fn forgetful(&self) -> Self {
        Self::new(self.folder.clone(), None, self.kind, self.limit)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file of an entry, whose name tells only those who have the key what it depends on.
    pub fn path(&self, on: &[&[u8]]) -> Option<PathBuf> {
        let name = self.seal(on)?;
        let (shelf, _) = name.split_at_checked(2)?;
        Some(self.folder.join(shelf).join(name))
    }

    /// What was remembered of these texts: all that it depends on, in a fixed order.
    pub fn recall(&self, on: &[&[u8]]) -> Option<String> {
        let (name, path) = (self.seal(on)?, self.path(on)?);
        let text = String::from_utf8(fs::read_if_exists(&path, self.limit).ok()??).ok()?;
        let (seal, body) = text.split_once('\n')?;
        (seal == self.seal(&[name.as_bytes(), body.as_bytes()])?).then(|| body.to_owned())
    }

    /// Remembers it; where it is then. What cannot be written is found out again the next time.
    pub fn remember(&self, on: &[&[u8]], body: &str) -> Option<PathBuf> {
        let (name, path) = (self.seal(on)?, self.path(on)?);
        let text = format!("{}\n{body}", self.seal(&[name.as_bytes(), body.as_bytes()])?);
        // What nobody could read again is not worth a file.
        if u64::try_from(text.len()).ok()? > self.limit {
            return None;
        }
        fs::create_folders(path.parent()?).ok()?;
        fs::write(&path, text.as_bytes()).ok()?;
        Some(path)
    }

    fn seal(&self, texts: &[&[u8]]) -> Option<String> {
        Some(digest::seal(&self.key()?, &[self.kind, texts].concat()))
    }

    fn key(&self) -> Option<[u8; 32]> {
        *self.key.get_or_init(|| {
            let path = self.key_file.as_ref()?;
            fs::create_folders(path.parent()?).ok()?;
            fs::secret(path).ok()
        })
    }
}
