//! [`Layout`]: an OCI image layout, a folder with artifacts and what is attached to them (OCI image specification 1.1,
//! "Image Layout"). What is in it is as little believed as what a registry sends.

use std::cell::OnceCell;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::attached::{Candidates, Shelf};
use super::attachment_error::AttachmentError;
use super::error::OciError;
use crate::chain::{self as places, ChainError, Received};
use crate::manifest::{Descriptor, Document, MAX_MANIFEST_LEN};
use crate::media_types::{INDEX, REF_NAME};
use pinfold_core::digest::{Hasher, Integrity};
use pinfold_core::fs::{self, FsError};
use pinfold_core::json;
use pinfold_core::oci::{digest_text, parse_digest};
use pinfold_net::http::Sink;

/// A layout that is read.
pub struct Layout {
    folder: PathBuf,
    entries: Vec<Descriptor>,
    /// What each entry is attached to, read once: there may be thousands, and each is asked for all of them.
    subjects: OnceCell<Vec<Subject>>,
}

/// What an entry is attached to.
enum Subject {
    /// Nothing, or it is not there.
    Nothing,
    /// This.
    Of(Integrity),
    /// It cannot be read, so that it may be anything.
    Unread,
}

impl Layout {
    /// Reads the index of a folder.
    pub fn open(folder: &Path) -> Result<Self, OciError> {
        let chain = |error| OciError::Chain { place: folder.display().to_string(), error };
        let bytes = fs::read(&folder.join("index.json"), MAX_LEN).map_err(OciError::Disk)?;
        let document = Document::parse(&bytes, Some(INDEX)).map_err(ChainError::Manifest).map_err(chain)?;
        let entries = match document {
            Document::Index(index) => index.manifests,
            Document::Manifest(_) => Vec::new(),
        };
        Ok(Self { folder: folder.to_owned(), entries, subjects: OnceCell::new() })
    }

    /// What stands for a tag or digest; without either, the only artifact that has a tag, or the only one. A tag that two
    /// artifacts have stands for neither: whoever made the folder, or attached something before, could choose.
    pub fn entry(&self, by: Option<&str>) -> Result<&Descriptor, OciError> {
        let tag = |entry: &Descriptor| entry.annotations.get(REF_NAME).cloned();
        let named = |entry: &&Descriptor| match by {
            // A digest is no name that somebody could give to something else.
            Some(by) if parse_digest(by).is_ok() => digest_text(&entry.digest) == by,
            Some(by) => tag(entry).is_some_and(|name| name == by),
            None => tag(entry).is_some_and(|name| !name.starts_with("sha256-")),
        };
        let found: Vec<&Descriptor> = self.entries.iter().filter(named).collect();
        match (found.as_slice(), self.entries.as_slice()) {
            ([one], _) => Ok(one),
            ([], [one]) if by.is_none() => Ok(one),
            // The same artifact twice is one.
            ([first, rest @ ..], _) if rest.iter().all(|one| one.digest == first.digest) => Ok(first),
            ([first, ..], _) if by.is_some() || found.iter().all(|one| tag(one) == tag(first)) => {
                let name = tag(first).unwrap_or_default();
                Err(OciError::Ambiguous { place: self.place(by.unwrap_or(&name)) })
            }
            _ => Err(OciError::Absent { place: self.place(by.unwrap_or("without a tag")) }),
        }
    }

    /// Streams the bytes of a descriptor, exactly as many as it says, and holds them to its digest.
    pub fn blob(&self, blob: &Descriptor, sink: &mut dyn Sink) -> Result<(), OciError> {
        let path = self.path(&blob.digest);
        let failed = |source| OciError::Disk(FsError { action: "read", path: path.clone(), source });
        let mut file = fs::open(&path).map_err(OciError::Disk)?.take(blob.size.saturating_add(1));
        let (mut hasher, mut piece, mut len) = (Hasher::new(blob.digest.algorithm()), vec![0; PIECE], 0_u64);
        loop {
            let read = match file.read(&mut piece) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(failed(error)),
            };
            let bytes = piece.get(..read).unwrap_or_default();
            hasher.update(bytes);
            len = len.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
            sink.write(bytes).map_err(OciError::Sink)?;
        }
        let (expected, received) = (blob.digest.clone(), hasher.finish());
        match len == blob.size {
            _ if received != expected => {
                Err(self.chain(&digest_text(&blob.digest), ChainError::Digest { expected, received }))
            }
            true => Ok(()),
            false => Err(self.chain(&digest_text(&blob.digest), ChainError::Size { expected: blob.size })),
        }
    }

    /// The list under the tag that stands in for one.
    fn fallback(&self, digest: &Integrity) -> Result<Vec<Descriptor>, OciError> {
        let tag = places::referrers_tag(digest);
        let (bytes, _) = match self.manifest(&tag, None) {
            Err(error) if error.is_absent() => return Ok(Vec::new()),
            came => came?,
        };
        let document = Document::parse(&bytes, None).map_err(ChainError::Manifest);
        match document.map_err(|error| Shelf::chain(self, &tag, error))? {
            Document::Index(index) => Ok(index.manifests),
            Document::Manifest(_) => Err(OciError::Attached { digest: tag, fault: AttachmentError::ReferrersType }),
        }
    }

    fn subject(&self, entry: &Descriptor) -> Subject {
        let bytes = match self.manifest(&digest_text(&entry.digest), Some(entry.size)) {
            Ok((bytes, _)) => bytes,
            Err(error) if error.is_absent() => return Subject::Nothing,
            Err(_) => return Subject::Unread,
        };
        let Ok(value) = json::parse(&bytes, MAX_MANIFEST_LEN) else { return Subject::Unread };
        match value.pointer("/subject/digest").and_then(Value::as_str).map(parse_digest) {
            Some(Ok(digest)) => Subject::Of(digest),
            Some(Err(_)) => Subject::Unread,
            None => Subject::Nothing,
        }
    }

    fn path(&self, digest: &Integrity) -> PathBuf {
        self.folder.join("blobs").join(digest.algorithm().name()).join(digest.hex())
    }

    fn place(&self, by: &str) -> String {
        format!("{}:{by}", self.folder.display())
    }
}

impl Shelf for Layout {
    fn manifest(&self, by: &str, size: Option<u64>) -> Result<Received, OciError> {
        let digest = match parse_digest(by) {
            Ok(digest) => digest,
            Err(_) => self.entry(Some(by))?.digest.clone(),
        };
        let bytes = fs::read_if_exists(&self.path(&digest), MAX_LEN).map_err(OciError::Disk)?;
        let bytes = bytes.ok_or_else(|| OciError::Absent { place: self.place(by) })?;
        places::hold(&digest, size, &bytes).map_err(|error| self.chain(by, error))?;
        Ok((bytes, None))
    }

    fn short_blob(&self, blob: &Descriptor, limit: u64) -> Result<Vec<u8>, OciError> {
        if blob.size > limit {
            return Err(OciError::TooLong { digest: digest_text(&blob.digest), limit });
        }
        let mut memory = super::Memory::default();
        self.blob(blob, &mut memory)?;
        Ok(memory.0)
    }

    /// What the index lists and is attached, and the list under the tag that stands in for one.
    fn candidates(&self, digest: &Integrity) -> Result<Candidates, OciError> {
        let subjects = self.subjects.get_or_init(|| self.entries.iter().map(|entry| self.subject(entry)).collect());
        let may_be = |(entry, subject): &(&Descriptor, &Subject)| match subject {
            Subject::Nothing => false,
            Subject::Of(subject) => subject == digest,
            Subject::Unread => entry.digest != *digest,
        };
        let listed = self.entries.iter().zip(subjects).filter(may_be);
        let mut all: Vec<Descriptor> = listed.map(|(entry, _)| entry.clone()).collect();
        match self.fallback(digest) {
            Ok(more) => all.extend(more),
            // As with a registry: it keeps nobody from what the index lists.
            Err(error) if error.is_refusal() && !all.is_empty() => {
                return Ok(Candidates { broken: vec![error], ..Candidates::of(all) });
            }
            Err(error) => return Err(error),
        }
        Ok(Candidates::of(all))
    }

    fn chain(&self, by: &str, error: ChainError) -> OciError {
        OciError::Chain { place: self.place(by), error }
    }
}

/// Longest manifest, in bytes.
const MAX_LEN: u64 = 4 << 20;
/// How much is read at once, in bytes.
const PIECE: usize = 64 << 10;
