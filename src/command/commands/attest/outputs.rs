//! Which files are outputs: named, in a named folder, or matched by a pattern; and what is none, however it is named.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use crate::ctx::Ctx;
use crate::project::{Project, RECORDS};
use pinfold_core::fault::Fault;
use pinfold_core::fs::{self, Dir, Kind};
use pinfold_core::layout::Pattern;
use pinfold_core::path::{PathError, RelPath};
use pinfold_core::tree;
use pinfold_evidence::attestation::{self, MAX_DOCUMENT_LEN};
use pinfold_evidence::statement::{MAX_SUBJECTS, Statement};

use super::hash::{Output, hash};
use super::{BUNDLE, Options, SIGNATURE_BUNDLE, inside};

/// Finds and reads the outputs and the byproducts, each once and sorted by path.
pub fn outputs(ctx: &Ctx<'_>, project: &Project, options: &Options) -> Result<(Vec<Output>, Vec<Output>), Fault> {
    find(project, options)?.read(ctx, project)
}

/// The outputs and byproducts that are there, with their lengths, before they are read.
pub(super) struct Files {
    pub(super) outputs: BTreeMap<RelPath, u64>,
    byproducts: BTreeMap<RelPath, u64>,
}

/// Finds them.
pub(super) fn find(project: &Project, options: &Options) -> Result<Files, Fault> {
    let out = options.out.as_deref().map(|out| inside(project, out)).transpose()?.flatten();
    let find = |given: &[String]| -> Result<BTreeMap<RelPath, u64>, Fault> {
        let mut found = Found::none(project, options, out.as_ref());
        for one in given {
            if !found.add(one)? {
                let message = format!("there is no output `{}`", one.escape_debug());
                let hint = "outputs are named relative to the folder of pins.toml; quote patterns: `'dist/**'`";
                return Err(Fault::failed("output-absent", message).hint(hint));
            }
        }
        Ok(found.files)
    };
    let (outputs, mut byproducts) = (find(&options.outputs)?, find(&options.byproducts)?);
    // What a build is for is no byproduct of it.
    byproducts.retain(|path, _| !outputs.contains_key(path));
    distinct(outputs.keys().chain(byproducts.keys()))?;
    Ok(Files { outputs, byproducts })
}

impl Files {
    /// Reads them.
    pub(super) fn read(self, ctx: &Ctx<'_>, project: &Project) -> Result<(Vec<Output>, Vec<Output>), Fault> {
        let read = |files: BTreeMap<RelPath, u64>| hash(ctx, project.root(), &files.into_iter().collect::<Vec<_>>());
        Ok((read(self.outputs)?, read(self.byproducts)?))
    }
}

/// The outputs and byproducts that are there already, before a build.
pub fn present(project: &Project, options: &Options) -> Result<Vec<RelPath>, Fault> {
    let out = options.out.as_deref().map(|out| inside(project, out)).transpose()?.flatten();
    let mut found = Found::none(project, options, out.as_ref());
    for given in options.outputs.iter().chain(&options.byproducts) {
        found.add(given)?;
    }
    Ok(found.files.into_keys().collect())
}

/// Whether a bundle goes beside the one output that it is about.
const fn is_beside(options: &Options) -> bool {
    options.out.is_none() && options.signing.is_some()
}

/// What one argument asks for.
#[derive(Debug)]
pub(super) enum Wanted {
    /// A file, or all files of a folder.
    Path(RelPath),
    /// Whatever matches, below the folders that the pattern names in full.
    Pattern(Option<RelPath>, Pattern),
}

impl Wanted {
    /// Reads an argument. What is there under exactly that name is meant by it, whatever characters are in it.
    pub(super) fn read(project: &Project, given: &str) -> Result<Self, Fault> {
        let text = relative(project, given)?;
        let is_pattern = text.contains(['*', '?', '[']);
        if let Ok(path) = text.parse::<RelPath>() {
            let parent = tree::parent_of(project.root(), &path).ok().flatten();
            let is_there = || parent.and_then(|parent| parent.stat(path.file_name()).ok().flatten()).is_some();
            if !is_pattern || is_there() {
                return Ok(Self::Path(path));
            }
        }
        let literal: Vec<&str> = text.split('/').take_while(|part| !part.contains(['*', '?', '['])).collect();
        let base = match literal.join("/").as_str() {
            "" if is_pattern => None,
            base => Some(base.parse().map_err(|source| no_name(given, source))?),
        };
        let pattern = text.parse().map_err(|source| {
            Fault::failed("output-pattern", format!("`{}`: {source}", given.escape_debug()))
                .hint("`*` and `?` stand for parts of a name, `**` for folders")
                .because(source)
        })?;
        Ok(Self::Pattern(base, pattern))
    }

    /// Whether a path is asked for, or in a folder that is.
    pub(super) fn covers(&self, path: &RelPath) -> bool {
        match self {
            Self::Path(own) => is_below(own, path),
            Self::Pattern(_, pattern) => pattern.matches(path),
        }
    }
}

/// Whether a path is another one, or in it.
pub(super) fn is_below(above: &RelPath, path: &RelPath) -> bool {
    path.as_str().strip_prefix(above.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// An argument relative to the project, as far as text goes: without `./`, doubled slashes, and one at the end.
fn relative(project: &Project, given: &str) -> Result<String, Fault> {
    let outside = || {
        let message = format!("the output `{}` is outside of the project", given.escape_debug());
        Fault::failed("output-outside", message).hint("outputs have to lie in the folder of pins.toml")
    };
    let inner = if given.starts_with('/') {
        let root = fs::canonical(project.folder())?;
        let root = root.to_str().ok_or_else(outside)?;
        given.strip_prefix(root).filter(|rest| rest.starts_with('/')).ok_or_else(outside)?
    } else {
        given
    };
    let parts: Vec<&str> = inner.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if parts.contains(&"..") {
        return Err(outside());
    }
    if parts.is_empty() {
        // The project itself: its sources are no outputs.
        return Err(match given.is_empty() {
            true => no_name(given, PathError::Empty),
            false => {
                let message = format!("the output `{}` is the project itself", given.escape_debug());
                Fault::failed("output-project", message).hint(NAME_BUILT)
            }
        });
    }
    Ok(parts.join("/"))
}

/// An output has a name that not every system can have.
fn no_name(given: &str, source: PathError) -> Fault {
    Fault::failed("output-name", format!("the output `{}`: {source}", given.escape_debug()))
        .hint(NAME_FOR_ALL)
        .because(source)
}

/// An output is no regular file.
fn no_file(path: &RelPath, kind: &str) -> Fault {
    Fault::failed("output-no-file", format!("the output `{path}` is {kind}"))
        .hint("an output is a file, or a folder of files")
}

/// The statement would be written over an output.
fn is_statement_itself(path: &RelPath) -> Fault {
    Fault::failed("output-is-statement", format!("the statement would be written over the output `{path}`"))
        .hint("write the statement elsewhere with `--out FILE`")
}

fn too_many() -> Fault {
    Fault::failed("output-too-many", format!("there are more than {MAX_SUBJECTS} outputs"))
        .hint("pack them into an archive and attest that")
}

const NAME_BUILT: &str = "name what the build made; what went into it is stated anyway";
const NAME_FOR_ALL: &str = "give it a name that every system can have";

/// The files found so far, with their lengths.
struct Found<'a> {
    project: &'a Project,
    /// Where the statement goes, in the project.
    out: Option<&'a RelPath>,
    /// Whether it goes beside what it is about.
    is_beside: bool,
    files: BTreeMap<RelPath, u64>,
    /// How many files were taken, those that were there already included.
    taken: usize,
    /// How many names were looked at.
    looked: usize,
}

impl<'a> Found<'a> {
    /// Before anything was asked for.
    const fn none(project: &'a Project, options: &Options, out: Option<&'a RelPath>) -> Self {
        Self { project, out, is_beside: is_beside(options), files: BTreeMap::new(), taken: 0, looked: 0 }
    }

    /// Adds what an argument asks for; whether there is any.
    fn add(&mut self, given: &str) -> Result<bool, Fault> {
        let before = self.taken;
        match Wanted::read(self.project, given)? {
            Wanted::Path(path) => {
                self.refuse(&path)?;
                let Some(parent) = self.parent(&path)? else { return Ok(false) };
                let Some(stat) = parent.stat(path.file_name())? else { return Ok(false) };
                match stat.kind {
                    Kind::File if self.out == Some(&path) => return Err(is_statement_itself(&path)),
                    Kind::File => self.put(path, stat.size)?,
                    Kind::Folder => {
                        let Some(folder) = parent.child(path.file_name())? else { return Ok(false) };
                        self.walk(&folder, Some(&path), &|_| true)?;
                    }
                    kind => return Err(no_file(&path, named(kind))),
                }
            }
            Wanted::Pattern(base, pattern) => {
                let folder = match &base {
                    None => Some(self.project.root().try_clone()?),
                    Some(base) => match self.parent(base)? {
                        Some(parent) => self.enter(&parent, base)?,
                        None => None,
                    },
                };
                let Some(folder) = folder else { return Ok(false) };
                self.walk(&folder, base.as_ref(), &|path| pattern.matches(path))?;
            }
        }
        Ok(self.taken != before)
    }

    /// Every file below a folder that is wanted. Patterns do not look into git's and pinfold's own folders, and what is
    /// being written at this moment by another pinfold is no file yet.
    fn walk(&mut self, folder: &Dir, path: Option<&RelPath>, wants: &dyn Fn(&RelPath) -> bool) -> Result<(), Fault> {
        for name in folder.names()? {
            self.looked = self.looked.saturating_add(1);
            if self.looked > MAX_LOOKED {
                return Err(too_many());
            }
            let full = path.map_or_else(|| name.clone(), |path| format!("{path}/{name}"));
            let Some(stat) = folder.stat(&name)? else {
                // Names that are not UTF-8 come with marks in place of bytes, and so are not there.
                let message = format!("the output `{}` has a name that is not UTF-8", full.escape_debug());
                return Err(Fault::failed("output-encoding", message).hint(NAME_FOR_ALL));
            };
            if is_git(&name) || path.is_none() && is_own(&name) || fs::is_partial(&name) {
                continue;
            }
            let full: RelPath = match full.parse() {
                Ok(full) => full,
                Err(source) => return Err(no_name(&full, source)),
            };
            match stat.kind {
                Kind::Folder => {
                    if let Some(inner) = folder.child(&name)? {
                        self.walk(&inner, Some(&full), wants)?;
                    }
                }
                _ if !wants(&full) => {}
                Kind::File if self.out == Some(&full) => self.hold_statement(full)?,
                Kind::File if self.is_earlier(folder, &full)? => {}
                Kind::File => {
                    self.refuse(&full)?;
                    self.put(full, stat.size)?;
                }
                kind => return Err(no_file(&full, named(kind))),
            }
        }
        Ok(())
    }

    /// Whether it is the bundle of an earlier run, which the one of this run replaces.
    fn is_earlier(&self, folder: &Dir, path: &RelPath) -> Result<bool, Fault> {
        let name = path.file_name();
        let about = name.strip_suffix(SIGNATURE_BUNDLE).or_else(|| name.strip_suffix(BUNDLE));
        let Some(about) = about.filter(|_| self.is_beside) else { return Ok(false) };
        let is_about = !about.is_empty() && folder.stat(about)?.is_some_and(|stat| stat.kind == Kind::File);
        Ok(is_about && self.hold_statement(path.clone()).is_ok())
    }

    /// What stands where the statement goes is no output if it is one of an earlier run; all else would be lost.
    fn hold_statement(&self, path: RelPath) -> Result<(), Fault> {
        let place = self.project.folder().join(path.as_str());
        if is_statement(&place) { Ok(()) } else { Err(is_statement_itself(&path)) }
    }

    fn put(&mut self, path: RelPath, size: u64) -> Result<(), Fault> {
        self.files.insert(path, size);
        self.taken = self.taken.saturating_add(1);
        if self.files.len() > MAX_SUBJECTS { Err(too_many()) } else { Ok(()) }
    }

    /// Refuses what was there before the build.
    fn refuse(&self, path: &RelPath) -> Result<(), Fault> {
        let first = path.components().next().unwrap_or_default();
        let pins = self.project.pin_file().pins();
        let whose = if let Some(git) = path.components().find(|name| is_git(name)) {
            format!("in `{git}`, which no build makes")
        } else if is_own(first) {
            format!("in `{first}`, which no build makes")
        } else if let Some(pin) = pins.iter().find(|pin| pin.to.contains(path)) {
            format!("of the pin `{}`, which is an input", pin.name)
        } else {
            return Ok(());
        };
        Err(Fault::failed("output-not-built", format!("the output `{path}` is {whose}")).hint(NAME_BUILT))
    }

    /// The folder that a path is in.
    fn parent(&self, path: &RelPath) -> Result<Option<Dir>, Fault> {
        tree::parent_of(self.project.root(), path).map_err(|error| match error.source.kind() {
            ErrorKind::NotADirectory => no_file(path, "behind a symbolic link or a file"),
            _ => error.into(),
        })
    }

    fn enter(&self, parent: &Dir, path: &RelPath) -> Result<Option<Dir>, Fault> {
        match parent.stat(path.file_name())?.map(|stat| stat.kind) {
            Some(Kind::Folder) => Ok(parent.child(path.file_name())?),
            Some(kind) => Err(no_file(path, named(kind))),
            None => Ok(None),
        }
    }
}

/// Whether a file holds a statement or a bundle.
pub(super) fn is_statement(path: &Path) -> bool {
    let limit = u64::try_from(MAX_DOCUMENT_LEN).unwrap_or(u64::MAX);
    fs::read(path, limit).is_ok_and(|bytes| attestation::read(&bytes).is_ok() || Statement::parse(&bytes).is_ok())
}

/// Refuses two paths that some file system takes for one: who unpacks a release there has only one of them.
fn distinct<'a>(paths: impl Iterator<Item = &'a RelPath>) -> Result<(), Fault> {
    let mut seen: BTreeMap<String, &RelPath> = BTreeMap::new();
    for path in paths {
        if let Some(first) = seen.insert(path.collision_key(), path) {
            let message = format!("the outputs `{first}` and `{path}` differ only in case or form");
            let hint = "rename one of them: where case or Unicode form does not count they are one file";
            return Err(Fault::failed("output-collision", message).hint(hint));
        }
    }
    Ok(())
}

/// Whether a name is git's, on any file system: a repository's at the top, a submodule's anywhere.
fn is_git(name: &str) -> bool {
    name.parse::<RelPath>().is_ok_and(|name| name.collision_key() == ".git")
}

/// Whether a name at the top of the project is pinfold's, on any file system.
fn is_own(name: &str) -> bool {
    name.parse::<RelPath>().is_ok_and(|name| name.collision_key() == RECORDS)
}

const fn named(kind: Kind) -> &'static str {
    match kind {
        Kind::File => "a file",
        Kind::Folder => "a folder",
        Kind::Symlink => "a symbolic link",
        Kind::Other => "a device, a pipe or a socket",
    }
}

/// Names that are looked at for one argument after the other: a pattern may match few of many.
const MAX_LOOKED: usize = 1_000_000;
