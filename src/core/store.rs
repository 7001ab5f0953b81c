//! The store: artifacts by digest, shared by all projects of a user.
//!
//! Bytes are written beside their place while they are hashed and renamed only when the digest is right; they are hashed
//! again whenever they are opened. A [`VerifiedBlob`] can be made nowhere else, so whatever takes one takes checked
//! bytes. Others may be able to write here, so what is read of one is held to what was hashed, piece by piece.
//!
//! ```text
//! ROOT/sha512/ab/<hex>            the bytes
//! ROOT/sha512/ab/<hex>.sources    for which sources they were fetched, one a line, the oldest first
//! ROOT/projects/<hex>             the path of a project that uses the store, by the digest of that path
//! ROOT/drafts/<name>              a tree that is looked at before its artifact is pinned
//! ROOT/.lock                      held shared by who uses the store, alone by who collects it
//! ```

mod incoming;

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::digest::{Algorithm, Changed, Digests, Hasher, Integrity, PieceHasher, Pieces, Sha256};
use crate::fs::{self, Dir, FsError, Held, Lock, Patience};

pub use incoming::Incoming;

/// A folder of artifacts by digest.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

/// Bytes whose digest was checked. They are read by the handle through which they were, and are the same or an error.
#[derive(Debug)]
pub struct VerifiedBlob {
    file: File,
    len: u64,
    integrity: Integrity,
    pieces: Pieces,
    /// All of their digests that somebody wanted so far.
    known: Mutex<Digests>,
}

impl VerifiedBlob {
    fn new(file: File, len: u64, integrity: Integrity, pieces: PieceHasher) -> Self {
        let known = Mutex::new(Digests::from(integrity.clone()));
        Self { file, len, integrity, pieces: pieces.finish(), known }
    }

    /// Remembers a digest of the bytes that was taken on their way in.
    fn learn(&self, digest: Integrity) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).add(digest);
    }

    /// Fills `buffer` with a piece of the bytes.
    fn read_piece(&self, number: u64, buffer: &mut [u8]) -> io::Result<()> {
        let read = self.file.read_exact_at(buffer, number.saturating_mul(PIECE));
        read.map_err(|error| if error.kind() == io::ErrorKind::UnexpectedEof { Changed.into() } else { error })?;
        Ok(self.pieces.check(number, buffer)?)
    }

    /// Length, in bytes.
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are no bytes at all.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What they were checked against.
    pub const fn integrity(&self) -> &Integrity {
        &self.integrity
    }

    /// The digests of the bytes that are known: at least that which they were checked against, and those of these
    /// algorithms. All of the bytes are read once for those that nobody wanted before.
    ///
    /// # Errors
    /// [`Changed`] where they are no longer those that were checked, and whatever keeps them from being read.
    pub fn digests(&self, wanted: impl IntoIterator<Item = Algorithm>) -> io::Result<Digests> {
        // A thread that panicked while it held the lock has left whole digests behind.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut hashers: Vec<Hasher> = Vec::new();
        for algorithm in wanted {
            if known.get(algorithm).is_none() && hashers.iter().all(|one| one.algorithm() != algorithm) {
                hashers.push(Hasher::new(algorithm));
            }
        }
        if !hashers.is_empty() {
            let (mut reader, mut buffer) = (self.reader(), vec![0; CHUNK]);
            loop {
                let length = reader.read(&mut buffer)?;
                if length == 0 {
                    break;
                }
                let bytes = buffer.get(..length).unwrap_or_default();
                hashers.iter_mut().for_each(|hasher| hasher.update(bytes));
            }
        }
        hashers.into_iter().for_each(|hasher| known.add(hasher.finish()));
        Ok(known.clone())
    }

    /// The digest of the bytes under an algorithm: all of them are read, unless it is known.
    pub fn digest(&self, algorithm: Algorithm) -> io::Result<Integrity> {
        let known = self.digests([algorithm])?;
        known.get(algorithm).cloned().ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// A reader of its own, from the first byte. What it hands out is what was checked: where other bytes stand there by
    /// now, its error is [`Changed`].
    pub const fn reader(&self) -> BlobReader<'_> {
        BlobReader { blob: self, position: 0, piece: Vec::new(), number: None }
    }
}

/// Reads a [`VerifiedBlob`].
#[derive(Debug)]
pub struct BlobReader<'a> {
    blob: &'a VerifiedBlob,
    position: u64,
    /// A piece that was checked, and which one.
    piece: Vec<u8>,
    number: Option<u64>,
}

impl Read for BlobReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.blob.len {
            return Ok(0);
        }
        let (number, offset) = (self.position / PIECE, self.position % PIECE);
        let left = self.blob.len.saturating_sub(number.saturating_mul(PIECE)).min(PIECE);
        let piece_len = usize::try_from(left).unwrap_or_default();
        let read = match buffer.get_mut(..piece_len) {
            // All of a piece, where it goes: it needs no place of its own.
            Some(whole) if offset == 0 => {
                self.blob.read_piece(number, whole)?;
                whole.len()
            }
            _ => {
                if self.number != Some(number) {
                    self.number = None;
                    self.piece.resize(piece_len, 0);
                    self.blob.read_piece(number, &mut self.piece)?;
                    self.number = Some(number);
                }
                let mut rest = usize::try_from(offset).ok().and_then(|at| self.piece.get(at..)).unwrap_or_default();
                rest.read(buffer)?
            }
        };
        self.position = self.position.saturating_add(u64::try_from(read).unwrap_or_default());
        Ok(read)
    }
}

impl Seek for BlobReader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.blob.len.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

/// Bytes that are not what was pinned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// What was pinned.
    pub expected: Integrity,
    /// What the bytes are.
    pub received: Integrity,
    /// How many there were.
    pub size: u64,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the bytes are not what was pinned")
    }
}

impl std::error::Error for Mismatch {}

/// What the store has under a digest.
#[derive(Debug)]
pub enum Lookup {
    /// Bytes, hashed just now.
    Found(VerifiedBlob),
    /// Nothing.
    Absent,
    /// Bytes that have rotted; they are gone now.
    Corrupt(Mismatch),
}

/// Something in the store, by name; nothing was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cached {
    /// The digest that it is kept under.
    pub integrity: Integrity,
    /// Length, in bytes.
    pub size: u64,
    /// For which sources it was fetched.
    pub sources: Vec<String>,
    /// Why nothing can be said of its sources, where that is so.
    pub unread: Option<String>,
}

/// Who uses the store.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Projects {
    /// The folders of those that are known, sorted.
    pub known: Vec<PathBuf>,
    /// Registrations of which nobody can tell what project they are of: they are empty, cut, or may not be read.
    pub unreadable: Vec<PathBuf>,
}

impl Store {
    /// The store in this folder; nothing is touched yet.
    pub const fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Its folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the bytes of a digest are, or would be.
    pub fn path_of(&self, integrity: &Integrity) -> PathBuf {
        let hex = integrity.hex();
        let shard = hex.get(..2).unwrap_or_default();
        self.root.join(integrity.algorithm().name()).join(shard).join(&hex)
    }

    /// Held while artifacts are read or added, so that nothing is collected meanwhile; `None` for a store that may only be
    /// read, which is collected by somebody else.
    pub fn hold(&self, patience: &Patience<'_>) -> Result<Option<Lock>, FsError> {
        fs::create_folders(&self.root)?;
        if !fs::is_writable(&self.root) {
            return Ok(None);
        }
        Lock::shared(&self.root.join(IN_USE), patience).map(Some)
    }

    /// Held while artifacts are collected, unless somebody reads or adds some.
    pub fn try_own(&self) -> Result<Result<Lock, Held>, FsError> {
        fs::create_folders(&self.root)?;
        Lock::try_alone(&self.root.join(IN_USE))
    }

    /// Opens and hashes what is kept under a digest. What has another digest is removed.
    pub fn open(&self, integrity: &Integrity) -> Result<Lookup, FsError> {
        let path = self.path_of(integrity);
        let Some(file) = fs::open_if_exists(&path)? else { return Ok(Lookup::Absent) };
        match check(file, &path, integrity)? {
            Ok(blob) => Ok(Lookup::Found(blob)),
            Err(mismatch) => {
                fs::remove(&path)?;
                Ok(Lookup::Corrupt(mismatch))
            }
        }
    }

    /// Whether something is kept under a digest; it may have rotted.
    pub fn has(&self, integrity: &Integrity) -> Result<bool, FsError> {
        Ok(fs::len_if_exists(&self.path_of(integrity))?.is_some())
    }

    /// Opens and hashes a file outside the store, for pins with `file`.
    pub fn open_file(path: &Path, integrity: &Integrity) -> Result<Result<VerifiedBlob, Mismatch>, FsError> {
        check(fs::open(path)?, path, integrity)
    }

    /// Opens and hashes a file outside the store that nobody has pinned yet: what it has is what it is.
    pub fn open_unpinned(path: &Path) -> Result<VerifiedBlob, FsError> {
        hash(fs::open(path)?, path, Algorithm::Sha512)
    }

    /// Where a tree can be put together that is only looked at; who makes something there removes it.
    pub fn drafts(&self) -> Result<Dir, FsError> {
        fs::create_folders(&self.root)?;
        Dir::open(&self.root)?.make_child(DRAFTS, 0o755)
    }

    /// For which sources the bytes under a digest were fetched, sorted.
    pub fn sources(&self, integrity: &Integrity) -> Result<Vec<String>, FsError> {
        let mut sources = self.sources_by_age(integrity)?;
        sources.sort();
        Ok(sources)
    }

    fn sources_by_age(&self, integrity: &Integrity) -> Result<Vec<String>, FsError> {
        let text = match fs::read_if_exists(&self.sources_path(integrity), MAX_SOURCES_LEN) {
            // An older version wrote as many as there were. Without a source the bytes are fetched once more, and what
            // is written then is shorter.
            Err(error) if error.source.kind() == io::ErrorKind::FileTooLarge => None,
            read => read?,
        };
        Ok(String::from_utf8_lossy(&text.unwrap_or_default()).lines().map(str::to_owned).collect())
    }

    /// Remembers that the bytes under a digest were fetched for `source`; where there are more sources than can be read
    /// again, the oldest are forgotten.
    pub fn remember(&self, integrity: &Integrity, source: &str) -> Result<(), FsError> {
        // Two that fetched the same bytes for two sources write one file. A lock for each, as those who wait for one sleep;
        // and not `Lock::of_file`, which follows links: others may be able to write here.
        let path = self.sources_path(integrity);
        let _lock = Lock::exclusive(&path.with_extension(SOURCES), &Patience::brief())?;
        let mut sources = self.sources_by_age(integrity)?;
        if sources.iter().any(|known| known == source) {
            return Ok(());
        }
        sources.push(source.to_owned());
        fs::write(&path, newest(&sources, MAX_SOURCES_LEN).as_bytes())
    }

    /// Remembers that a project uses the store, so that what its records name is kept. A registration that is there may
    /// say something else, or nothing: after a loss of power files are empty under their right names.
    pub fn register(&self, project: &Path) -> Result<(), FsError> {
        let project = fs::canonical(project)?;
        let bytes = project.as_os_str().as_encoded_bytes();
        let folder = self.root.join(PROJECTS);
        let path = folder.join(Sha256::of(bytes).hex());
        if fs::read_if_exists(&path, MAX_REGISTRATION_LEN).is_ok_and(|known| known.as_deref() == Some(bytes)) {
            return Ok(());
        }
        fs::create_folders(&folder)?;
        fs::write_synced(&path, bytes)
    }

    /// The projects that use the store. A registration is one only where it has the path that its name is the digest of:
    /// an empty or relative path would be looked for in the folder that somebody happens to stand in.
    pub fn projects(&self) -> Result<Projects, FsError> {
        let folder = self.root.join(PROJECTS);
        let mut projects = Projects::default();
        for name in fs::names(&folder)?.iter().filter(|name| Integrity::from_hex(Algorithm::Sha256, name).is_some()) {
            let path = folder.join(name);
            match fs::read_if_exists(&path, MAX_REGISTRATION_LEN) {
                // Forgotten meanwhile.
                Ok(None) => {}
                Ok(Some(bytes)) if Sha256::of(&bytes).hex() == *name && bytes.first() == Some(&b'/') => {
                    projects.known.push(PathBuf::from(OsString::from_vec(bytes)));
                }
                Ok(Some(_)) | Err(_) => projects.unreadable.push(path),
            }
        }
        projects.known.sort();
        Ok(projects)
    }

    /// Forgets a project.
    pub fn unregister(&self, project: &Path) -> Result<(), FsError> {
        fs::remove(&self.root.join(PROJECTS).join(Sha256::of(project.as_os_str().as_encoded_bytes()).hex()))
    }

    /// All that is kept, by algorithm and digest.
    pub fn list(&self) -> Result<Vec<Cached>, FsError> {
        let mut cached = Vec::new();
        self.each_name(|path, algorithm, name| {
            if let Some(integrity) = Integrity::from_hex(algorithm, name) {
                let size = fs::len_if_exists(path)?.unwrap_or_default();
                let (sources, unread) = match self.sources(&integrity) {
                    Ok(sources) => (sources, None),
                    Err(error) => (Vec::new(), Some(error.to_string())),
                };
                cached.push(Cached { integrity, size, sources, unread });
            }
            Ok(())
        })?;
        Ok(cached)
    }

    /// Removes what is kept under a digest.
    pub fn remove(&self, integrity: &Integrity) -> Result<(), FsError> {
        fs::remove(&self.path_of(integrity))?;
        fs::remove(&self.sources_path(integrity))
    }

    /// Removes what killed processes left behind; returns how many files.
    pub fn sweep(&self) -> Result<usize, FsError> {
        let mut swept = 0_usize;
        self.each_name(|path, _, name| {
            if name.ends_with(fs::PARTIAL) || name.ends_with(fs::LOCK) {
                fs::remove(path)?;
                swept = swept.saturating_add(1);
            }
            Ok(())
        })?;
        let folder = self.root.join(PROJECTS);
        for name in fs::names(&folder)?.iter().filter(|name| name.ends_with(fs::PARTIAL)) {
            fs::remove(&folder.join(name))?;
            swept = swept.saturating_add(1);
        }
        for name in fs::names(&self.root.join(DRAFTS))? {
            self.drafts()?.remove_all(&name)?;
            swept = swept.saturating_add(1);
        }
        Ok(swept)
    }

    fn each_name(&self, mut see: impl FnMut(&Path, Algorithm, &str) -> Result<(), FsError>) -> Result<(), FsError> {
        for algorithm in Algorithm::ALL {
            let folder = self.root.join(algorithm.name());
            for shard in fs::names(&folder)? {
                let shard = folder.join(shard);
                let names = match fs::names(&shard) {
                    // Not of the store, and no reason to leave alone what is.
                    Err(error) if error.source.kind() == io::ErrorKind::NotADirectory => continue,
                    names => names?,
                };
                for name in names {
                    see(&shard.join(&name), algorithm, &name)?;
                }
            }
        }
        Ok(())
    }

    fn sources_path(&self, integrity: &Integrity) -> PathBuf {
        self.path_of(integrity).with_extension("sources")
    }
}

/// The last of some lines, as many as fit into so many bytes.
fn newest(lines: &[String], limit: u64) -> String {
    let mut room = usize::try_from(limit).unwrap_or(usize::MAX);
    let fits = |line: &&String| {
        let left = room.checked_sub(line.len().saturating_add(1));
        room = left.unwrap_or(0);
        left.is_some()
    };
    let count = lines.iter().rev().take_while(fits).count();
    lines.iter().skip(lines.len().saturating_sub(count)).map(|line| format!("{line}\n")).collect()
}

fn check(file: File, path: &Path, expected: &Integrity) -> Result<Result<VerifiedBlob, Mismatch>, FsError> {
    let blob = hash(file, path, expected.algorithm())?;
    if blob.integrity == *expected {
        return Ok(Ok(blob));
    }
    Ok(Err(Mismatch { expected: expected.clone(), received: blob.integrity, size: blob.len }))
}

fn hash(mut file: File, path: &Path, algorithm: Algorithm) -> Result<VerifiedBlob, FsError> {
    let (mut hasher, mut pieces) = (Hasher::new(algorithm), PieceHasher::default());
    let mut buffer = vec![0; CHUNK];
    let mut len = 0_u64;
    loop {
        let read = file.read(&mut buffer).map_err(|error| FsError::new("read", path, error))?;
        if read == 0 {
            return Ok(VerifiedBlob::new(file, len, hasher.finish(), pieces));
        }
        let bytes = buffer.get(..read).unwrap_or_default();
        hasher.update(bytes);
        pieces.update(bytes);
        len = len.saturating_add(u64::try_from(read).unwrap_or_default());
    }
}

/// The lock that those who use the store share.
const IN_USE: &str = ".lock";

/// How the name ends of the lock on a list of sources, held for as long as a line is written.
const SOURCES: &str = "sources.pinfold-lock";

/// Folder of the projects that use the store.
const PROJECTS: &str = "projects";

/// Folder of the trees that are only looked at.
const DRAFTS: &str = "drafts";

/// See [`Pieces::LEN`].
const PIECE: u64 = 128 << 10;
const _: () = assert!(Pieces::LEN == 128 << 10, "both are one");

/// Read and hashed at once; larger gains nothing, smaller costs system calls.
const CHUNK: usize = 256 << 10;

/// Longest list of sources that is written and read, in bytes: some hundred of the longest kind.
const MAX_SOURCES_LEN: u64 = 1 << 20;

/// Longest registration, in bytes: the longest path that Linux takes (`PATH_MAX`); no canonical one is longer.
const MAX_REGISTRATION_LEN: u64 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever is read, from wherever, is what was hashed, or an error.
    #[test]
    fn a_reader_hands_out_what_was_hashed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        let bytes: Vec<u8> = (0..300_000_u32).map(|index| u8::try_from(index % 251).expect("small")).collect();
        fs::write(&path, &bytes).expect("a file");
        let blob = Store::open_unpinned(&path).expect("a file");
        let read = |at: usize, len: usize| -> io::Result<Vec<u8>> {
            let mut reader = blob.reader();
            reader.seek(SeekFrom::Start(u64::try_from(at).expect("small")))?;
            let mut bytes = Vec::new();
            reader.take(u64::try_from(len).expect("small")).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        for (at, len) in
            [(0, 300_000), (0, 1), (131_071, 2), (262_143, 50_000), (299_999, 1), (300_000, 9), (400_000, 9)]
        {
            let expected = bytes.get(at..bytes.len().min(at + len)).unwrap_or_default();
            assert_eq!(read(at, len).expect("bytes"), expected, "{len} at {at}");
        }
        let file = File::options().write(true).open(&path).expect("a file");
        file.write_all_at(b"\xff", 200_000).expect("room");
        assert_eq!(read(0, 131_072).expect("bytes"), bytes[..131_072]);
        for at in [131_072, 199_000, 262_143] {
            assert!(Changed::is_behind(&read(at, 5).expect_err("other bytes")), "{at}");
        }
        file.write_all_at(&bytes[200_000..200_001], 200_000).expect("room");
        // Bytes that were not there when it was hashed are none of it, and those that are gone are missed.
        file.write_all_at(b"more", 300_000).expect("room");
        assert_eq!(read(0, 400_000).expect("bytes"), bytes);
        file.set_len(299_999).expect("a file");
        assert!(Changed::is_behind(&read(299_000, 5).expect_err("a short file")));
    }

    #[test]
    fn the_oldest_sources_are_forgotten_before_there_are_too_many_to_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::new(folder.path().to_owned());
        let integrity = Integrity::of(Algorithm::Sha512, b"x");
        let mut incoming = store.receive(&integrity).expect("a place");
        incoming.write(b"x").expect("room");
        let _blob = incoming.finish().expect("a file").expect("the right bytes");
        let source = |number: usize| format!("url:https://example.com/{number:04}{}", "a".repeat(8000));
        for number in 0..140 {
            store.remember(&integrity, &source(number)).expect("a file");
            let known = store.sources(&integrity).expect("short enough to be read");
            assert!(known.contains(&source(number)), "{number}");
        }
        let known = store.sources(&integrity).expect("short enough to be read");
        assert!(known.len() > 125 && !known.contains(&source(0)), "{}", known.len());
        // What an older version wrote is as good as nothing, and is written anew.
        std::fs::write(store.sources_path(&integrity), "url:https://example.com/x\n".repeat(50_000)).expect("a file");
        assert!(store.sources(&integrity).expect("nothing").is_empty());
        store.remember(&integrity, "one").expect("a file");
        assert_eq!(store.sources(&integrity).expect("a list"), ["one"]);
    }

    #[test]
    fn a_lock_that_a_killed_process_left_is_swept() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::new(folder.path().to_owned());
        let integrity = Integrity::of(Algorithm::Sha512, b"x");
        let shard = store.path_of(&integrity).parent().expect("a folder").to_owned();
        fs::create_folders(&shard).expect("a folder");
        let left = store.sources_path(&integrity).with_extension(SOURCES);
        std::fs::write(&left, "1\n").expect("a file");
        assert_eq!(store.sweep().expect("a store"), 1);
        assert!(!left.exists());
        store.remember(&integrity, "one").expect("a file");
        let list = format!("{}.sources", integrity.hex());
        assert_eq!(fs::names(&shard).expect("names"), [list], "nor is one left");
    }

    #[test]
    fn what_is_written_fits_to_the_byte() {
        let lines = ["one".to_owned(), "two".to_owned(), "three".to_owned()];
        for (limit, kept) in [(14, "one\ntwo\nthree\n"), (13, "two\nthree\n"), (6, "three\n"), (5, ""), (0, "")] {
            assert_eq!(newest(&lines, limit), kept, "{limit}");
        }
    }

    #[test]
    fn a_registration_says_which_project_or_is_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::new(folder.path().join("store"));
        let project = folder.path().canonicalize().expect("a folder");
        store.register(&project).expect("a file");
        let known = Projects { known: vec![project.clone()], unreadable: Vec::new() };
        assert_eq!(store.projects().expect("a list"), known);
        let path = store.root.join(PROJECTS).join(Sha256::of(project.as_os_str().as_encoded_bytes()).hex());
        for damaged in ["", "/", "/somewhere/else", &"/long".repeat(1000)] {
            std::fs::write(&path, damaged).expect("a file");
            let unknown = Projects { known: Vec::new(), unreadable: vec![path.clone()] };
            assert_eq!(store.projects().expect("a list"), unknown, "{damaged}");
            store.register(&project).expect("a file");
            assert_eq!(store.projects().expect("a list"), known, "{damaged}");
        }
        // Under its right name, and still no path of a project.
        for relative in ["", "relative/path"] {
            let path = store.root.join(PROJECTS).join(Sha256::of(relative.as_bytes()).hex());
            std::fs::write(&path, relative).expect("a file");
            assert_eq!(store.projects().expect("a list").unreadable, std::slice::from_ref(&path), "{relative}");
            std::fs::remove_file(&path).expect("a file");
        }
    }
}
