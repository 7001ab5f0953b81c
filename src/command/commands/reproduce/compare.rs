//! Rebuilt outputs against the stated ones: by digest, and where the stated bytes are at hand, where they first differ.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::ctx::Ctx;
use crate::report::{Finding, Level, Report, Row, Verdict};
use pinfold_core::digest::{Algorithm, Hasher};
use pinfold_core::fault::Fault;
use pinfold_core::fs::{self, Dir, FsError, Identity, Kind};
use pinfold_core::path::RelPath;
use pinfold_core::tree;

use super::super::fetch::size;
use super::super::output::Destination;
use super::super::work;
use super::Recipe;

/// Where the outputs are.
#[derive(Debug, Clone)]
pub struct Places {
    /// Those that were rebuilt.
    pub rebuilt: PathBuf,
    /// Those that the statement is about, if they are at hand.
    pub stated: Option<PathBuf>,
    /// What stood in the place of outputs before the command ran ([`present`]).
    pub before: BTreeMap<RelPath, Identity>,
}

/// The outputs that are there before the command runs: in the commit, or in a pinned tree.
pub fn present(recipe: &Recipe, folder: &Path) -> Result<BTreeMap<RelPath, Identity>, Fault> {
    let mut before = BTreeMap::new();
    for (path, _) in &recipe.outputs {
        if let Some((_, identity)) = open(folder, path)? {
            before.insert(path.clone(), identity);
        }
    }
    Ok(before)
}

/// Compares every output; a row each.
pub fn compare(ctx: &Ctx<'_>, recipe: &Recipe, places: &Places, notes: Vec<Finding>) -> Result<Report, Fault> {
    let rows = work::each(&recipe.outputs, ctx.jobs, |_| 0, |(path, digests)| row(path, digests, places));
    let rows = rows.into_iter().collect::<Result<Vec<Row>, Fault>>()?;
    let equal = rows.iter().filter(|row| row.verdict == Verdict::Passed).count();
    let total = rows.len();
    let noun = if total == 1 { "output" } else { "outputs" };
    let summary = if equal == total {
        format!("equal: {total} {noun} of commit {}", recipe.commit)
    } else {
        format!("not equal: {equal} of {total} {noun} of commit {} came out the same", recipe.commit)
    };
    Ok(Report { command: "reproduce", rows, notes, summary, judges: true })
}

fn row(path: &RelPath, digests: &BTreeMap<String, String>, places: &Places) -> Result<Row, Fault> {
    let mut findings = Vec::new();
    let rebuilt = File::of(&places.rebuilt, path)?;
    match &rebuilt {
        None => {
            let message = "the command did not make it";
            findings.push(Finding::new(Level::Error, "output-not-rebuilt", message).at(path.as_str()));
        }
        // Equal it would be, whatever the command does.
        Some(file) if places.before.get(path) == Some(&file.identity) => {
            let message = "it was there before, and the command did not write it";
            findings.push(Finding::new(Level::Error, "output-not-rebuilt", message).at(path.as_str()));
        }
        Some(file) => {
            for (algorithm, received) in &file.digests {
                if let Some(expected) = digests.get(*algorithm).filter(|expected| *expected != received) {
                    let finding = Finding::new(Level::Error, "output-differs", "it came out with other bytes");
                    let finding = finding.at(path.as_str());
                    findings
                        .push(finding.compared(format!("{algorithm}:{expected}"), format!("{algorithm}:{received}")));
                    if let Some(folder) = &places.stated {
                        findings.push(difference(folder, path, digests, file)?);
                    }
                    // One digest tells it all; the other follows from the same bytes.
                    break;
                }
            }
        }
    }
    let is_equal = findings.is_empty();
    Ok(Row {
        subject: path.to_string(),
        verdict: if is_equal { Verdict::Passed } else { Verdict::Refused },
        status: if is_equal { "equal" } else { "not equal" }.to_owned(),
        source: digests.get("sha256").map(|hex| format!("sha256:{hex}")).unwrap_or_default(),
        detail: rebuilt.map(|file| size(file.size)).unwrap_or_default(),
        evidence: None,
        audit: None,
        wasm: Vec::new(),
        findings,
    })
}

/// Where the stated bytes and the rebuilt ones first differ.
fn difference(
    folder: &Path,
    path: &RelPath,
    digests: &BTreeMap<String, String>,
    rebuilt: &File,
) -> Result<Finding, Fault> {
    let note = |code, message: String| Finding::new(Level::Note, code, message).at(path.as_str());
    let Some(stated) = File::of(folder, path)? else {
        let message = format!(
            "the stated file is not at `{}`, so that nothing can be said of where",
            folder.join(path.as_str()).display()
        );
        return Ok(note("stated-absent", message));
    };
    let is_stated = stated.digests.iter().all(|(name, hex)| digests.get(*name).is_none_or(|expected| expected == hex));
    if !is_stated {
        let message = format!("the file at `{}` is not the stated one either", stated.path.display());
        return Ok(note("stated-other", message));
    }
    let offset = first_difference(stated.open()?, rebuilt.open()?).map_err(|error| FsError {
        action: "read",
        path: rebuilt.path.clone(),
        source: error,
    })?;
    let sizes = format!("of {} bytes stated and {} rebuilt", stated.size, rebuilt.size);
    let message = match offset {
        Some(offset) => format!("the first byte that differs is at offset {offset}, {sizes}"),
        None => format!("no byte differs any more, {sizes}: a file changed meanwhile"),
    };
    Ok(note("first-difference", message))
}

/// Copies what was rebuilt to a folder.
/// What is there already stays, unless it is the same or may be replaced (`force`).
pub fn keep(recipe: &Recipe, from: &Path, to: &Path, force: bool) -> Result<Finding, Fault> {
    for (path_in_it, _) in &recipe.outputs {
        let Some((mut file, _)) = open(from, path_in_it)? else { continue };
        let place = to.join(path_in_it.as_str());
        fs::create_folders(place.parent().unwrap_or(to))?;
        let is_same = |path: &Path| {
            let there = fs::open(path).ok();
            let rebuilt = open(from, path_in_it).ok().flatten();
            let both = there.zip(rebuilt);
            both.is_some_and(|(there, (rebuilt, _))| matches!(first_difference(there, rebuilt), Ok(None)))
        };
        Destination { path: &place, force, pin_file: None }.check_found(|_| is_same(&place))?;
        let (mut copy, beside) = fs::create_beside(&place)?;
        let copied = io::copy(&mut file, &mut copy);
        copied.map_err(|source| FsError { action: "write", path: beside.clone(), source })?;
        fs::rename(&beside, &place)?;
    }
    Ok(Finding::new(Level::Note, "rebuilt-kept", format!("what was rebuilt is in `{}`", to.display())))
}

/// A file with its digests.
struct File {
    folder: PathBuf,
    name: RelPath,
    path: PathBuf,
    size: u64,
    identity: Identity,
    digests: [(&'static str, String); 2],
}

impl File {
    /// Reads a file, `None` where there is none.
    fn of(folder: &Path, path: &RelPath) -> Result<Option<Self>, Fault> {
        let Some((file, identity)) = open(folder, path)? else { return Ok(None) };
        let (folder, name) = (folder.to_owned(), path.clone());
        let path = folder.join(path.as_str());
        let (mut sha256, mut sha512) = (Hasher::new(Algorithm::Sha256), Hasher::new(Algorithm::Sha512));
        let mut reader = BufReader::with_capacity(BUFFER, file);
        let mut size: u64 = 0;
        loop {
            let bytes = match reader.fill_buf() {
                Ok(bytes) => bytes,
                Err(source) => return Err(FsError { action: "read", path, source }.into()),
            };
            if bytes.is_empty() {
                break;
            }
            sha256.update(bytes);
            sha512.update(bytes);
            let count = bytes.len();
            size = size.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
            reader.consume(count);
        }
        let digests = [("sha256", sha256.finish().hex()), ("sha512", sha512.finish().hex())];
        Ok(Some(Self { folder, name, path, size, identity, digests }))
    }

    fn open(&self) -> Result<impl Read + use<>, Fault> {
        let gone = || FsError { action: "open", path: self.path.clone(), source: io::ErrorKind::NotFound.into() };
        Ok(open(&self.folder, &self.name)?.ok_or_else(gone)?.0)
    }
}

/// Opens a regular file, and tells which one it is and of when; `None` for anything else. What a build leaves there may be a link to anywhere.
fn open(folder: &Path, path: &RelPath) -> Result<Option<(impl Read + use<>, Identity)>, Fault> {
    if fs::len_if_exists(folder)?.is_none() {
        return Ok(None);
    }
    let parent = match tree::parent_of(&Dir::open(folder)?, path) {
        Err(error) if error.source.kind() == io::ErrorKind::NotADirectory => None,
        parent => parent?,
    };
    let Some(parent) = parent else { return Ok(None) };
    match parent.stat(path.file_name())? {
        Some(stat) if stat.kind == Kind::File => {
            let file = parent.open_file(path.file_name())?;
            let identity = Identity::of(&file).map_err(|error| FsError::new("look at", path.as_str(), error))?;
            Ok(Some((file, identity)))
        }
        _ => Ok(None),
    }
}

/// The offset of the first byte that differs; where one ends before the other, its length.
fn first_difference(one: impl Read, other: impl Read) -> io::Result<Option<u64>> {
    let (mut one, mut other) = (BufReader::with_capacity(BUFFER, one), BufReader::with_capacity(BUFFER, other));
    let mut offset: u64 = 0;
    loop {
        let (left, right) = (one.fill_buf()?, other.fill_buf()?);
        let same = left.iter().zip(right).take_while(|(left, right)| left == right).count();
        let len = left.len().min(right.len());
        offset = offset.saturating_add(u64::try_from(same).unwrap_or(u64::MAX));
        if same < len || left.len() != right.len() && len == 0 {
            return Ok(Some(offset));
        }
        if len == 0 {
            return Ok(None);
        }
        one.consume(len);
        other.consume(len);
    }
}

const BUFFER: usize = 128 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_first_byte_that_differs() {
        let check = |one: &[u8], other: &[u8], expected| {
            assert_eq!(first_difference(one, other).expect("memory"), expected);
            assert_eq!(first_difference(other, one).expect("memory"), expected);
        };
        check(b"", b"", None);
        check(b"abc", b"abc", None);
        check(b"abc", b"abd", Some(2));
        check(b"abc", b"ab", Some(2));
        check(b"", b"a", Some(0));
        let long = vec![7; BUFFER * 2 + 3];
        let mut other = long.clone();
        check(&long, &other, None);
        other[BUFFER + 1] = 8;
        check(&long, &other, Some(u64::try_from(BUFFER + 1).expect("small")));
        check(&long, &long[..BUFFER * 2], Some(u64::try_from(BUFFER * 2).expect("small")));
    }
}
