//! NAR, the archive of the Nix store, as far as a tree hash needs it: written into a hash, never read.
//!
//! The SHA-256 of a tree's NAR in SRI form is what `nix hash path --sri DIR` prints, so that anybody can check a pin's
//! `tree` with another tool (Nix manual, "Nix Archive (NAR) format"). A NAR knows names, contents, executable bits
//! and link targets, and nothing else: no times, no owners, no other modes.
//!
//! Refuses entries out of tree order and contents of another length than announced.

use std::fmt;

use crate::digest::{Sha256, Sha256Hasher};
use crate::fault::Fault;
use crate::path::RelPath;

/// One thing in a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Node<'a> {
    /// A regular file; its bytes follow through [`Nar::contents`].
    File {
        /// Length of the contents, in bytes.
        size: u64,
        /// Whether its owner may execute it.
        executable: bool,
    },
    /// A symbolic link to this target.
    Symlink(&'a str),
    /// A folder; needed only where it is empty, others follow from the paths in them.
    Directory,
}

/// A NAR in the making, fed in [`RelPath::tree_order`].
#[derive(Debug)]
pub struct Nar<S> {
    sink: S,
    /// The folders that are open, outermost first.
    open: Vec<String>,
    last: Option<RelPath>,
    /// Bytes of the open file that are still to come, its padding, and what closes it.
    pending: Option<Pending>,
    scratch: Vec<u8>,
}

#[derive(Debug)]
struct Pending {
    left: u64,
    padding: usize,
    in_folder: bool,
}

/// Where the bytes of a NAR go: a hash, or in tests a buffer.
pub trait Sink {
    /// Takes the next bytes.
    fn take(&mut self, bytes: &[u8]);
}

impl Sink for Sha256Hasher {
    fn take(&mut self, bytes: &[u8]) {
        self.update(bytes);
    }
}

impl Nar<Sha256Hasher> {
    /// The hash of a tree whose root is a folder; feed it with [`Nar::entry`].
    pub fn hash_folder() -> Self {
        Self::folder(Sha256Hasher::default())
    }

    /// The hash of a single file of `size` bytes; feed it with [`Nar::contents`].
    pub fn hash_file(size: u64, executable: bool) -> Self {
        Self::file(Sha256Hasher::default(), size, executable)
    }

    /// Closes what is open and gives the tree hash.
    pub fn finish(mut self) -> Result<Sha256, NarError> {
        self.close()?;
        Ok(self.sink.finish())
    }
}

impl<S: Sink> Nar<S> {
    fn folder(sink: S) -> Self {
        let mut nar = Self { sink, open: Vec::new(), last: None, pending: None, scratch: Vec::new() };
        for token in ["nix-archive-1", "(", "type", "directory"] {
            nar.token(token);
        }
        nar
    }

    fn file(sink: S, size: u64, executable: bool) -> Self {
        let mut nar = Self { sink, open: Vec::new(), last: None, pending: None, scratch: Vec::new() };
        nar.token("nix-archive-1");
        nar.begin_file(size, executable, false);
        nar
    }

    /// The next entry; folders on the way to it are opened by themselves.
    pub fn entry(&mut self, path: &RelPath, node: Node<'_>) -> Result<(), NarError> {
        self.end_file()?;
        if self.last.as_ref().is_some_and(|last| last.tree_order(path).is_ge()) {
            return Err(NarError::Order(path.clone()));
        }
        let mut folders: Vec<&str> = path.components().collect();
        let name = folders.pop().unwrap_or_default();
        let common = self.open.iter().zip(&folders).take_while(|(open, wanted)| open == *wanted).count();
        while self.open.len() > common {
            self.open.pop();
            // The folder's node, then the entry that it is in its parent.
            self.token(")");
            self.token(")");
        }
        for folder in folders.into_iter().skip(common) {
            self.begin_entry(folder);
            self.begin_folder(folder);
        }
        self.begin_entry(name);
        match node {
            Node::File { size, executable } => self.begin_file(size, executable, true),
            Node::Directory => self.begin_folder(name),
            Node::Symlink(target) => {
                for token in ["(", "type", "symlink", "target", target, ")", ")"] {
                    self.token(token);
                }
            }
        }
        self.last = Some(path.clone());
        Ok(())
    }

    /// The next bytes of the file that was announced last.
    pub fn contents(&mut self, bytes: &[u8]) -> Result<(), NarError> {
        let Some(pending) = self.pending.as_mut() else { return Err(NarError::Length) };
        let len = u64::try_from(bytes.len()).map_err(|_| NarError::Length)?;
        pending.left = pending.left.checked_sub(len).ok_or(NarError::Length)?;
        self.flush();
        self.sink.take(bytes);
        Ok(())
    }

    fn close(&mut self) -> Result<(), NarError> {
        let root_is_file = self.pending.as_ref().is_some_and(|pending| !pending.in_folder);
        self.end_file()?;
        for _ in 0..self.open.len() {
            self.token(")");
            self.token(")");
        }
        if !root_is_file {
            self.token(")");
        }
        self.flush();
        Ok(())
    }

    fn begin_entry(&mut self, name: &str) {
        for token in ["entry", "(", "name", name, "node"] {
            self.token(token);
        }
    }

    fn begin_folder(&mut self, name: &str) {
        for token in ["(", "type", "directory"] {
            self.token(token);
        }
        self.open.push(name.to_owned());
    }

    fn begin_file(&mut self, size: u64, executable: bool, in_folder: bool) {
        for token in ["(", "type", "regular"] {
            self.token(token);
        }
        if executable {
            self.token("executable");
            self.token("");
        }
        self.token("contents");
        self.scratch.extend_from_slice(&size.to_le_bytes());
        let padding = usize::try_from(size.wrapping_neg() % 8).unwrap_or_default();
        self.pending = Some(Pending { left: size, padding, in_folder });
    }

    fn end_file(&mut self) -> Result<(), NarError> {
        let Some(pending) = self.pending.take() else { return Ok(()) };
        if pending.left != 0 {
            return Err(NarError::Length);
        }
        self.scratch.extend(std::iter::repeat_n(0, pending.padding));
        self.token(")");
        if pending.in_folder {
            self.token(")");
        }
        Ok(())
    }

    /// A string: its length as 64 bits, little end first, its bytes, zeros to a multiple of eight.
    fn token(&mut self, text: &str) {
        let len = u64::try_from(text.len()).unwrap_or(u64::MAX);
        self.scratch.extend_from_slice(&len.to_le_bytes());
        self.scratch.extend_from_slice(text.as_bytes());
        let padding = text.len().wrapping_neg() % 8;
        self.scratch.extend(std::iter::repeat_n(0, padding));
    }

    fn flush(&mut self) {
        self.sink.take(&self.scratch);
        self.scratch.clear();
    }
}

/// Why entries do not make a NAR.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NarError {
    /// This path does not come behind the one before it.
    Order(RelPath),
    /// A file has more or fewer bytes than announced.
    Length,
}

impl fmt::Display for NarError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Order(path) => write!(f, "`{path}` is out of order in the tree"),
            Self::Length => f.write_str("a file changed its length while it was hashed"),
        }
    }
}

impl From<NarError> for Fault {
    fn from(error: NarError) -> Self {
        Self::failed("disk", error.to_string()).because(error)
    }
}

impl std::error::Error for NarError {}

#[cfg(test)]
mod tests {
    use super::*;

    impl Sink for Vec<u8> {
        fn take(&mut self, bytes: &[u8]) {
            self.extend_from_slice(bytes);
        }
    }

    fn path(text: &str) -> RelPath {
        text.parse().expect("a path")
    }

    /// What nixpkgs knows as the hash of an empty folder: `nix hash path --sri` of one.
    #[test]
    fn empty_folder() {
        let hash = Nar::hash_folder().finish().expect("a hash");
        assert_eq!(hash.to_string(), "sha256-pQpattmS9VmO3ZIQUFn66az8GSmB4IvYhTTCFn6SUmo=");
    }

    /// The example of the manual of nix-hash: a folder with one file `world` that holds "hello\n". The manual prints the
    /// MD5 8179d3caeff1869b5ba1744e5a245c04 and the SHA-1 e4fd8ba5f7bbeaea5ace89fe10255536cd60dab6 of its NAR, which
    /// the bytes in tests/vectors/nar/hello.nar have (`md5sum`, `sha1sum`).
    #[test]
    fn manual_example() {
        let mut nar = Nar::folder(Vec::new());
        nar.entry(&path("world"), Node::File { size: 6, executable: false }).expect("in order");
        nar.contents(b"hel").expect("fits");
        nar.contents(b"lo\n").expect("fits");
        nar.close().expect("whole");
        assert_eq!(nar.sink, include_bytes!("../../tests/vectors/nar/hello.nar"));
    }

    /// All kinds of nodes, made by hand from the grammar in Dolstra's thesis (figure 5.2).
    #[test]
    fn every_kind_of_node() {
        let mut nar = Nar::folder(Vec::new());
        nar.entry(&path("a/b/x"), Node::File { size: 8, executable: true }).expect("in order");
        nar.contents(b"12345678").expect("fits");
        nar.entry(&path("a/empty"), Node::Directory).expect("in order");
        nar.entry(&path("a.link"), Node::Symlink("a/b/x")).expect("in order");
        nar.close().expect("whole");
        assert_eq!(nar.sink, include_bytes!("../../tests/vectors/nar/kinds.nar"));
    }

    #[test]
    fn refuses_disorder_and_wrong_lengths() {
        let file = Node::File { size: 1, executable: false };
        let mut nar = Nar::hash_folder();
        nar.entry(&path("b"), file).expect("in order");
        assert_eq!(nar.contents(b"12"), Err(NarError::Length));
        assert_eq!(nar.entry(&path("c"), file), Err(NarError::Length));
        let mut nar = Nar::hash_folder();
        nar.entry(&path("b"), Node::Directory).expect("in order");
        assert_eq!(nar.entry(&path("a"), file), Err(NarError::Order(path("a"))));
        assert_eq!(nar.entry(&path("b"), file), Err(NarError::Order(path("b"))));
        assert_eq!(Nar::hash_file(1, false).finish(), Err(NarError::Length));
    }
}
