//! [`Files`]: the files of an artifact on their way to a folder.
//!
//! What a file is called was written by whoever pushed it, so it is read as any stranger's path: it stays in the folder,
//! goes through no link, is no second file of a name, and is no part of git's own folder or of pinfold's. A file that stands there with
//! other bytes is left alone.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use crate::ctx::Ctx;
use crate::digest::{Hasher, Integrity};
use crate::error::{Error, PullError};
use crate::fs::{self, Dir, FsError, Kind};
use crate::http::Sink;
use crate::install::MAX_ARTIFACT_LEN;
use crate::oci::{ChoiceError, Descriptor, Manifest, digest_text};
use crate::path::RelPath;
use crate::registry::oci::OciError;
use crate::source::oci::ChainError;
use crate::tree;

/// Files that are fetched beside their places.
pub(super) struct Files {
    root: Dir,
    names: std::vec::IntoIter<RelPath>,
    /// Those that are there already, as they should be.
    standing: Vec<String>,
    staged: Vec<Staged>,
}

/// A file that is whole, under a name that is not its own yet.
struct Staged {
    folder: Dir,
    beside: String,
    path: RelPath,
}

impl Files {
    /// Reads what the files are called, and looks at where they go, before anything is fetched.
    pub(super) fn plan(manifest: &Manifest, out: &Path, artifact: &str) -> Result<Self, Error> {
        let mut names: Vec<RelPath> = Vec::new();
        let mut known = BTreeSet::new();
        for layer in &manifest.layers {
            let chain = |error| OciError::Chain { place: artifact.to_owned(), error };
            if layer.is_foreign {
                return Err(chain(ChainError::Choice(ChoiceError::Foreign)).into());
            }
            if layer.size > MAX_ARTIFACT_LEN {
                return Err(OciError::TooLong { digest: digest_text(&layer.digest), limit: MAX_ARTIFACT_LEN }.into());
            }
            let path = name_of(layer)?;
            if !known.insert(path.collision_key()) {
                return Err(PullError::Twice { path }.into());
            }
            names.push(path);
        }
        // A file where another one needs a folder.
        let is_folder = |path: &RelPath| known.iter().any(|key| key.starts_with(&format!("{}/", path.collision_key())));
        if let Some(path) = names.iter().find(|path| is_folder(path)) {
            return Err(PullError::Twice { path: path.clone() }.into());
        }
        fs::create_folders(out)?;
        let root = Dir::open(out)?;
        Ok(Self { root, names: names.into_iter(), standing: Vec::new(), staged: Vec::new() })
    }

    /// Fetches the next file, unless it is there already.
    pub(super) fn receive(
        &mut self,
        ctx: &Ctx<'_>,
        name: &str,
        layer: &Descriptor,
        fetch: impl FnOnce(&mut dyn Sink) -> Result<(), OciError>,
    ) -> Result<(), Error> {
        let Some(path) = self.names.next() else { return Ok(()) };
        let folder = tree::make_parent_of(&self.root, &path)?;
        if stands(&folder, &path, layer)? {
            self.standing.push(path.to_string());
            return Ok(());
        }
        let beside = fs::unique_name(path.file_name());
        let file = folder.create(&beside, 0o644)?;
        let mut sink = FileSink { ctx, name, file, len: 0, total: None };
        self.staged.push(Staged { folder, beside, path });
        Ok(fetch(&mut sink)?)
    }

    /// Puts all files into their places; their names.
    pub(super) fn publish(mut self) -> Result<Vec<String>, Error> {
        let mut written = std::mem::take(&mut self.standing);
        for staged in &self.staged {
            // What came there since it was looked at is somebody else's.
            if !staged.folder.rename_if_free(&staged.beside, staged.path.file_name())? {
                return Err(PullError::Exists { path: staged.path.clone() }.into());
            }
            written.push(staged.path.to_string());
        }
        written.sort();
        Ok(written)
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        for staged in &self.staged {
            // The first error is the one to tell.
            let _ = staged.folder.remove_all(&staged.beside);
        }
    }
}

/// What a layer's file is called: its title, else its digest.
fn name_of(layer: &Descriptor) -> Result<RelPath, Error> {
    let Some(title) = layer.title() else {
        let name = digest_text(&layer.digest).replace(':', "-");
        return name.parse().map_err(|source| PullError::Title { title: name.clone(), source }.into());
    };
    let path: RelPath =
        title.parse().map_err(|source| PullError::Title { title: title.chars().take(SHOWN).collect(), source })?;
    // As a file system sees it that ignores case and forms, or has short names (CVE-2014-9390, CVE-2019-1352). A hook of
    // git's is run, and a record of pinfold's is believed.
    let is_reserved = |component: &str| matches!(component, ".git" | "git~1") || component.starts_with(".pinfold");
    if path.collision_key().split('/').any(is_reserved) {
        return Err(PullError::Reserved { path }.into());
    }
    Ok(path)
}

/// Whether the file is there already, to the byte; other bytes there refuse.
fn stands(folder: &Dir, path: &RelPath, layer: &Descriptor) -> Result<bool, Error> {
    let name = path.file_name();
    let Some(stat) = folder.stat(name)? else { return Ok(false) };
    if stat.kind == Kind::File && digest(folder.open_file(name)?, layer, folder)? == layer.digest {
        return Ok(true);
    }
    Err(PullError::Exists { path: path.clone() }.into())
}

fn digest(mut file: File, layer: &Descriptor, folder: &Dir) -> Result<Integrity, Error> {
    let mut hasher = Hasher::new(layer.digest.algorithm());
    let mut piece = vec![0; PIECE];
    loop {
        let read = file.read(&mut piece);
        match read.map_err(|source| FsError { action: "read", path: folder.path().to_owned(), source })? {
            0 => return Ok(hasher.finish()),
            read => hasher.update(piece.get(..read).unwrap_or_default()),
        }
    }
}

/// Bytes from the network on their way into a file.
pub(super) struct FileSink<'a> {
    ctx: &'a Ctx<'a>,
    name: &'a str,
    file: File,
    len: u64,
    total: Option<u64>,
}

impl<'a> FileSink<'a> {
    /// Into an empty file; `name` is what progress is told of.
    pub(super) const fn new(ctx: &'a Ctx<'a>, name: &'a str, file: File) -> Self {
        Self { ctx, name, file, len: 0, total: None }
    }
}

impl Sink for FileSink<'_> {
    fn restart(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.len = 0;
        Ok(())
    }

    fn expect(&mut self, bytes: u64) {
        self.total = Some(bytes);
    }

    fn write(&mut self, chunk: &[u8]) -> io::Result<()> {
        self.file.write_all(chunk)?;
        self.len = self.len.saturating_add(u64::try_from(chunk.len()).unwrap_or_default());
        self.ctx.progress.received(self.name, self.len, self.total);
        Ok(())
    }
}

/// How much is read at once, in bytes.
const PIECE: usize = 64 << 10;
/// How much of a title a message shows, in characters.
const SHOWN: usize = 200;
