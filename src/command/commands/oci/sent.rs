//! [`FileBlob`]: a file on its way into a registry: read once for its digest, and once more to be sent.
//!
//! What is sent is what was looked at: a file that is another one by then, or has other bytes, breaks the upload off before
//! its last byte is out.

use std::cell::Cell;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use pinfold_core::digest::{Algorithm, Hasher, Integrity};
use pinfold_core::fault::Fault;
use pinfold_core::fs::{self, FsError, Identity};
use pinfold_core::oci::digest_text;
use pinfold_net::http::Content;
use pinfold_oci::Descriptor;
use pinfold_oci::registry::OciError;

/// A file that is sent.
pub(super) struct FileBlob {
    path: PathBuf,
    identity: Identity,
    digest: Integrity,
    /// The first bytes, as many as tell what it is.
    head: Vec<u8>,
    changed: Cell<bool>,
}

impl FileBlob {
    /// Reads a file for its digest, in pieces.
    pub(super) fn read(path: &Path, longest: u64) -> Result<Self, Fault> {
        let failed = |source| FsError { action: "read", path: path.to_owned(), source };
        let mut file = fs::open(path)?;
        let identity = Identity::of(&file).map_err(failed)?;
        if identity.size() > longest {
            return Err(OciError::TooLong { digest: path.display().to_string(), limit: longest }.into());
        }
        let (mut hasher, mut piece) = (Hasher::new(Algorithm::Sha256), vec![0; PIECE]);
        let (mut head, mut len) = (Vec::new(), 0_u64);
        loop {
            let read = match file.read(&mut piece) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(failed(error).into()),
            };
            let bytes = piece.get(..read).unwrap_or_default();
            head.extend(bytes.iter().take(HEAD.saturating_sub(head.len())));
            hasher.update(bytes);
            len = len.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        }
        if len != identity.size() || Identity::of(&file).map_err(failed)? != identity {
            return Err(changed(path));
        }
        Ok(Self { path: path.to_owned(), identity, digest: hasher.finish(), head, changed: Cell::new(false) })
    }

    /// What says what it is.
    pub(super) fn descriptor(&self, media_type: &str) -> Descriptor {
        Descriptor::of(media_type, self.digest.clone(), self.identity.size())
    }

    /// Whether it is WebAssembly, by its first bytes (core specification 2.0, section 5.5.16), and a component then.
    pub(super) fn wasm(&self) -> Option<bool> {
        let version = self.head.strip_prefix(b"\0asm")?;
        Some(version == COMPONENT)
    }

    /// The digest as registries write it.
    pub(super) fn digest_text(&self) -> String {
        digest_text(&self.digest)
    }

    /// What an error means, if it is this file's fault.
    pub(super) fn explain(&self, error: OciError) -> Fault {
        match self.changed.get() {
            true => changed(&self.path),
            false => error.into(),
        }
    }

    fn broken(&self) -> io::Error {
        self.changed.set(true);
        io::Error::other("the file changed while it was read")
    }
}

fn changed(path: &Path) -> Fault {
    Fault::refused("push-file-changed", format!("`{}` changed while it was read", path.display()))
        .hint("nothing stands under the tag that did not before: push again when the file is done")
}

impl Content for FileBlob {
    fn length(&self) -> u64 {
        self.identity.size()
    }

    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        let file = fs::open(&self.path).map_err(|_| self.broken())?;
        if Identity::of(&file)? != self.identity {
            return Err(self.broken());
        }
        let hasher = Hasher::new(self.digest.algorithm());
        Ok(Box::new(Held { file, hasher: Some(hasher), left: self.length(), of: self }))
    }
}

/// Hands out the bytes of a file, the last of them only when all are those that they should be.
struct Held<'a, R> {
    file: R,
    hasher: Option<Hasher>,
    left: u64,
    of: &'a FileBlob,
}

impl<R: Read> Read for Held<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        if room == 0 {
            return Ok(0);
        }
        let buffer = buffer.get_mut(..room).unwrap_or_default();
        let read = self.file.read(buffer)?;
        self.left = self.left.saturating_sub(u64::try_from(read).unwrap_or(u64::MAX));
        let Some(hasher) = self.hasher.as_mut().filter(|_| read > 0) else { return Err(self.of.broken()) };
        hasher.update(buffer.get(..read).unwrap_or_default());
        let is_other = self.left == 0 && self.hasher.take().is_none_or(|hasher| hasher.finish() != self.of.digest);
        if is_other { Err(self.of.broken()) } else { Ok(read) }
    }
}

/// How much is read at once, in bytes.
const PIECE: usize = 64 << 10;
/// How many of the first bytes tell what a file is.
const HEAD: usize = 8;
/// The version and layer of a component (component model, "Component Definitions"); that of a module is `01 00 00 00`.
const COMPONENT: &[u8] = &[0x0d, 0x00, 0x01, 0x00];
