//! [`Files`]: the files of an artifact on their way to a folder.
//!
//! What a file is called was written by whoever pushed it, so it is read as any stranger's path: it stays in the folder,
//! goes through no link, is no second file of a name, and is no part of a repository of git's, of pinfold's own folder or a pin
//! file. A file that stands there with other bytes is left alone.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Seek as _, SeekFrom};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::commands::output::refuse_reserved;
use crate::commands::work;
use crate::ctx::Ctx;
use crate::install::MAX_ARTIFACT_LEN;
use pinfold_core::digest::Integrity;
use pinfold_core::fault::Fault;
use pinfold_core::fs::{self, Dir, FsError, Kind};
use pinfold_core::oci::digest_text;
use pinfold_core::path::{PathError, RelPath, is_dot_git, repository_in};
use pinfold_core::tree;
use pinfold_net::http::Sink;
use pinfold_oci::chain::ChainError;
use pinfold_oci::registry::OciError;
use pinfold_oci::{ChoiceError, Descriptor, Manifest};

/// Files that are to come.
pub(super) struct Files {
    root: Dir,
    files: Vec<(RelPath, Descriptor)>,
}

/// Files that are all there.
pub(super) struct Whole(Vec<Staged>);

/// A file beside its place, which goes with this unless it is published.
struct Staged {
    path: RelPath,
    /// Its folder, and the name that is not its own yet; none where it stood in its place before.
    beside: Option<(Dir, String)>,
}

impl Files {
    /// Reads what the files are called, and looks at where they go, before anything is fetched.
    pub(super) fn plan(manifest: &Manifest, out: &Path, artifact: &str) -> Result<Self, Fault> {
        let mut files: Vec<(RelPath, Descriptor)> = Vec::new();
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
                return Err(twice(&path));
            }
            files.push((path, layer.clone()));
        }
        // Before a folder is made; with what is there, see below.
        if let Some(path) = repository_in(files.iter().map(|(path, _)| path)) {
            return Err(reserved(path));
        }
        // A file where another one needs a folder.
        let is_folder = |path: &RelPath| known.iter().any(|key| key.starts_with(&format!("{}/", path.collision_key())));
        if let Some(path) = files.iter().map(|(path, _)| path).find(|path| is_folder(path)) {
            return Err(twice(path));
        }
        for (path, _) in &files {
            refuse_reserved(&out.join(path.as_str()), None)?;
        }
        fs::create_folders(out)?;
        let root = Dir::open(out)?;
        let files = Self { root, files };
        files.hold_to_no_repository()?;
        files.sweep()?;
        Ok(files)
    }

    /// Removes what killed ones left where the files go. Files that are there and wait for the others are nobody's to
    /// remove, so that it is done only while no other one is at work in the folder.
    fn sweep(&self) -> Result<(), Fault> {
        if !self.root.try_lock() {
            self.root.share_lock();
            return Ok(());
        }
        for folder in self.files.iter().flat_map(|(path, _)| folders_of(path)).collect::<BTreeSet<String>>() {
            let any = format!("{folder}x").parse::<RelPath>().ok();
            if let Some(folder) = any.map(|any| tree::parent_of(&self.root, &any)).transpose()?.flatten() {
                fs::sweep_partials(&folder);
            }
        }
        self.root.share_lock();
        Ok(())
    }

    /// Refuses files that make a repository of git's of a folder, by themselves or with what is there: a prompt or an editor
    /// runs git in it unasked, and git runs what the repository names.
    fn hold_to_no_repository(&self) -> Result<(), Fault> {
        let mut there = Vec::new();
        for folder in self.files.iter().flat_map(|(path, _)| folders_of(path)).collect::<BTreeSet<String>>() {
            for name in ["HEAD", "commondir", "objects", "refs"] {
                let Ok(path) = format!("{folder}{name}").parse::<RelPath>() else { continue };
                let parent = tree::parent_of(&self.root, &path)?;
                if parent.map_or(Ok(None), |parent| parent.stat(name))?.is_some() {
                    there.push(path);
                }
            }
        }
        // What was one before is none of theirs.
        if repository_in(&there).is_some() {
            there.clear();
        }
        match repository_in(self.files.iter().map(|(path, _)| path).chain(&there)) {
            Some(path) => Err(reserved(path)),
            None => Ok(()),
        }
    }

    /// How long they are together, in bytes.
    pub(super) fn total(&self) -> u64 {
        self.files.iter().fold(0, |total, (_, layer)| total.saturating_add(layer.size))
    }

    /// Fetches the files, several at once, unless they are there already. The first error ends all of it.
    pub(super) fn receive(
        &self,
        ctx: &Ctx<'_>,
        name: &str,
        fetch: impl Fn(&Descriptor, &mut dyn Sink) -> Result<(), OciError> + Sync,
    ) -> Result<Whole, Fault> {
        let together = Together { total: self.total(), received: AtomicU64::new(0), over: AtomicBool::new(false) };
        let one = |(path, layer): &(RelPath, Descriptor)| {
            if together.over.load(Ordering::Relaxed) {
                return Err(None);
            }
            let outcome = self.one(ctx, name, (path, layer), &together, |sink| fetch(layer, sink));
            // Those that come after the first error are only its echo.
            outcome.map_err(|error| (!together.over.swap(true, Ordering::Relaxed)).then_some(error))
        };
        let outcomes = work::each(&self.files, AT_ONCE, |(_, layer)| layer.size, one);
        let (mut whole, mut failed) = (Vec::new(), None);
        for outcome in outcomes {
            match outcome {
                Ok(staged) => whole.push(staged),
                Err(error) => failed = failed.or(error),
            }
        }
        failed.map_or(Ok(Whole(whole)), Err)
    }

    fn one(
        &self,
        ctx: &Ctx<'_>,
        name: &str,
        (path, layer): (&RelPath, &Descriptor),
        together: &Together,
        fetch: impl FnOnce(&mut dyn Sink) -> Result<(), OciError>,
    ) -> Result<Staged, Fault> {
        let (path, folder) = (path.clone(), tree::make_parent_of(&self.root, path)?);
        if stands(&folder, &path, layer)? {
            return Ok(Staged { path, beside: None });
        }
        let (file, beside) = fs::create_partial(&folder, path.file_name(), 0o644)?;
        let staged = Staged { path, beside: Some((folder, beside)) };
        let mut sink = FileSink { together: Some(together), ..FileSink::new(ctx, name, file) };
        fetch(&mut sink)?;
        sink.sync(Path::new(staged.path.as_str()))?;
        Ok(staged)
    }
}

impl Whole {
    /// Puts all files into their places; their names, and whether they are new there.
    pub(super) fn publish(self) -> Result<Vec<(String, bool)>, Fault> {
        let mut written = Vec::new();
        for mut staged in self.0 {
            let is_new = staged.beside.is_some();
            if let Some((folder, beside)) = &staged.beside {
                // What came there since it was looked at is somebody else's.
                if !folder.rename_if_free(beside, staged.path.file_name())? {
                    return Err(exists(folder, staged.path.file_name()));
                }
                folder.sync()?;
                staged.beside = None;
            }
            written.push((staged.path.to_string(), is_new));
        }
        written.sort();
        Ok(written)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if let Some((folder, beside)) = &self.beside {
            // The first error is the one to tell.
            let _ = folder.remove_all(beside);
        }
    }
}

/// What those have in common that are fetched at once.
struct Together {
    /// How many bytes they have.
    total: u64,
    /// How many came.
    received: AtomicU64,
    /// Whether one of them failed.
    over: AtomicBool,
}

/// The folders that a path goes through, with the `/` at their ends; the first is where it begins.
fn folders_of(path: &RelPath) -> Vec<String> {
    let mut folders = vec![String::new()];
    let mut names: Vec<&str> = path.components().collect();
    names.pop();
    let mut folder = String::new();
    for name in names {
        folder.push_str(name);
        folder.push('/');
        folders.push(folder.clone());
    }
    folders
}

/// What a layer's file is called: its title, else its digest.
fn name_of(layer: &Descriptor) -> Result<RelPath, Fault> {
    let Some(title) = layer.title() else {
        let name = digest_text(&layer.digest).replace(':', "-");
        return name.parse().map_err(|source| no_path(&name, source));
    };
    let path: RelPath = title.parse().map_err(|source| no_path(title, source))?;
    if is_reserved(&path) { Err(reserved(&path)) } else { Ok(path) }
}

/// What a file is called is no path in the folder.
fn no_path(title: &str, source: PathError) -> Fault {
    let title: String = title.chars().take(SHOWN).collect();
    let message =
        format!("the artifact calls a file `{}`, which is no path in a folder: {source}", title.escape_debug());
    Fault::refused("title-path", message).because(source)
}

/// A file would be git's or pinfold's.
fn reserved(path: &RelPath) -> Fault {
    Fault::refused("title-reserved", format!("the artifact has a file `{path}`, which would be git's or pinfold's own"))
}

/// Two files would be one.
fn twice(path: &RelPath) -> Fault {
    Fault::refused("title-twice", format!("the artifact has more than one file `{path}`, as some file systems see it"))
}

/// Something else stands there.
fn exists(folder: &Dir, name: &str) -> Fault {
    let path = folder.path().join(name);
    Fault::failed("file-exists", format!("`{}` is there already, and is something else", path.display()))
        .hint("remove it, or name another folder with `--out`")
}

/// Whether some file system takes a part of a path for a name of git's, or for one of pinfold's: a hook of git's is run, a
/// record is believed, and a pin file says what is fetched.
pub(super) fn is_reserved(path: &RelPath) -> bool {
    let is_own = |name: &str| name.starts_with(".pinfold") || name.trim_end_matches(['.', ' ']) == "pins.toml";
    path.components().any(is_dot_git) || path.collision_key().split('/').any(is_own)
}

/// Whether the file is there already, to the byte; other bytes there refuse.
fn stands(folder: &Dir, path: &RelPath, layer: &Descriptor) -> Result<bool, Fault> {
    let name = path.file_name();
    let Some(stat) = folder.stat(name)? else { return Ok(false) };
    if stat.kind == Kind::File && digest(folder.open_file(name)?, layer, folder)? == layer.digest {
        return Ok(true);
    }
    Err(exists(folder, name))
}

fn digest(file: File, layer: &Descriptor, folder: &Dir) -> Result<Integrity, Fault> {
    let digest = Integrity::of_reader(layer.digest.algorithm(), file);
    Ok(digest.map_err(|source| FsError { action: "read", path: folder.path().to_owned(), source })?)
}

/// Bytes from the network on their way into a file.
pub(super) struct FileSink<'a> {
    ctx: &'a Ctx<'a>,
    name: &'a str,
    file: File,
    len: u64,
    total: Option<u64>,
    /// Those that are fetched with it.
    together: Option<&'a Together>,
}

impl<'a> FileSink<'a> {
    /// Into an empty file; `name` is what progress is told of.
    pub(super) const fn new(ctx: &'a Ctx<'a>, name: &'a str, file: File) -> Self {
        Self { ctx, name, file, len: 0, total: None, together: None }
    }
}

impl FileSink<'_> {
    /// Waits until the disk has what came: it is not fetched again by itself, and gets its name next.
    pub(super) fn sync(&self, path: &Path) -> Result<(), FsError> {
        self.file.sync_all().map_err(|source| FsError { action: "write", path: path.to_owned(), source })
    }
}

impl Sink for FileSink<'_> {
    fn restart(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        if let Some(together) = self.together {
            together.received.fetch_sub(self.len, Ordering::Relaxed);
        }
        self.len = 0;
        Ok(())
    }

    fn expect(&mut self, bytes: u64) {
        self.total = Some(bytes);
    }

    fn write(&mut self, chunk: &[u8]) -> io::Result<()> {
        fs::write_all(&mut self.file, chunk)?;
        let length = u64::try_from(chunk.len()).unwrap_or_default();
        self.len = self.len.saturating_add(length);
        let (received, total) = match self.together {
            None => (self.len, self.total),
            Some(together) if together.over.load(Ordering::Relaxed) => {
                return Err(io::Error::other("another file cannot be had"));
            }
            Some(together) => {
                let before = together.received.fetch_add(length, Ordering::Relaxed);
                (before.saturating_add(length), Some(together.total))
            }
        };
        self.ctx.progress.received(self.name, received, total);
        Ok(())
    }
}

/// How many files are fetched at once, as other clients do it: more gain nothing, and a registry has others to serve.
const AT_ONCE: usize = 3;
/// How much of a title a message shows, in characters.
const SHOWN: usize = 200;
