//! `pinfold reproduce`: a build done again from what a statement says of it, and its outputs compared, byte for byte.
//!
//! The shell checks the sources out and runs the command; here the statement is read and proved ([`read`]), the checkout
//! is held to it ([`hold`]), the rebuilt outputs are compared with it ([`compare`]). Nothing of a statement that nobody
//! vouches for is taken for a command, unless the caller says so.

mod compare;
mod recipe;

use std::path::{Path, PathBuf};

use crate::ctx::Ctx;
use crate::project::Project;
use crate::purl;
use crate::report::{Finding, Level, Report, Verdict};
use pinfold_core::digest::Sha256;
use pinfold_core::fault::Fault;
use pinfold_core::fs;
use pinfold_core::json;
use pinfold_core::pins::Source;
use pinfold_evidence::attestation;
use pinfold_evidence::statement::{MAX_STATEMENT_LEN, Statement};

use super::check;
use recipe::wrong;

pub use compare::{Places, compare, keep, present};
pub use recipe::{Recipe, Stated};

/// What to do again.
#[derive(Debug, Clone)]
pub struct Options {
    /// The statement, or the bundle that it is signed in.
    pub document: PathBuf,
    /// Who may have signed, as `pinfold check` takes it; its artifact and documents are filled in.
    pub who: check::Options,
    /// Take the word of a statement that is not proved.
    pub unproved: bool,
    /// What to run in place of the stated command.
    pub command: Option<Vec<String>>,
}

/// What [`read`] found.
#[derive(Debug)]
pub enum Read {
    /// What to build, and what there is to say of who says so.
    Recipe(Box<Recipe>, Vec<Finding>),
    /// The bundle is not proved, or nobody was named: the report of `check`.
    Unproved(Report),
}

/// Reads a statement, and proves the bundle that it is in, if it is in one.
pub fn read(ctx: &Ctx<'_>, options: &Options) -> Result<Read, Fault> {
    let limit = u64::try_from(attestation::MAX_DOCUMENT_LEN).unwrap_or(u64::MAX);
    let bytes = fs::read(&options.document, limit)?;
    let (statement, is_signed) = statement(&options.document, &bytes)?;
    let mut recipe = Recipe::of(&statement)?;
    let mut notes = Vec::new();
    if is_signed && !options.unproved {
        let report = proof(ctx, options, &statement)?;
        if report.verdict() != Verdict::Passed {
            return Ok(Read::Unproved(Report { command: "reproduce", ..report }));
        }
        let signer = report.rows.iter().filter_map(|row| row.evidence.as_ref()).map(|one| one.signer.clone()).next();
        let message = format!("the statement is proved, signed by {}", signer.unwrap_or_default());
        notes.push(Finding::new(Level::Note, "statement-proved", message));
    } else {
        let message = "nobody vouches for the statement: it was not proved";
        notes.push(Finding::new(Level::Warning, "statement-unproved", message));
    }
    if let Some(command) = &options.command {
        if recipe.command.as_ref().is_some_and(|stated| stated != command) {
            notes.push(Finding::new(Level::Warning, "command-differs", "the command is not the stated one"));
        }
        recipe.command = Some(command.clone());
    } else if recipe.command.is_none() {
        let hint = "name the command that built it: `pinfold reproduce FILE -- COMMAND`";
        return Err(Fault::unverifiable("statement-no-command", "the statement names no command").hint(hint));
    } else if !is_signed && !options.unproved {
        let message = "nobody vouches for the statement whose command is to run";
        let hint = "name the command yourself (`-- COMMAND`), or say `--unproved` to run whatever the statement says, \
                    in the sandbox";
        return Err(Fault::failed("statement-unproved", message).hint(hint));
    }
    notes.extend(recipe.doubts());
    Ok(Read::Recipe(Box::new(recipe), notes))
}

/// The one statement of a document, and whether it is signed by anybody.
fn statement(path: &Path, bytes: &[u8]) -> Result<(Statement, bool), Fault> {
    let malformed = |why: String| wrong(&format!("`{}`: {why}", path.display()));
    let is_bare = json::parse(bytes, attestation::MAX_DOCUMENT_LEN).is_ok_and(|value| value.get("_type").is_some());
    if is_bare {
        let statement = Statement::parse(bytes.get(..bytes.len().min(MAX_STATEMENT_LEN)).unwrap_or_default());
        return Ok((statement.map_err(|error| malformed(error.to_string()))?, false));
    }
    let all = attestation::read(bytes).map_err(|error| malformed(error.to_string()))?;
    // One, so that what is proved is what was read.
    let [one] = all.as_slice() else {
        return Err(malformed(format!("it has {} attestations, not one", all.len())));
    };
    let statement = one.statement().ok_or_else(|| malformed("it has no in-toto statement".to_owned()))?;
    Ok((statement, true))
}

/// Proves a bundle as `pinfold check` does, for the first of its subjects: the signature is over all of them.
fn proof(ctx: &Ctx<'_>, options: &Options, statement: &Statement) -> Result<Report, Fault> {
    let digests = statement.subjects.iter().flat_map(|subject| &subject.digests);
    let artifact =
        digests.filter(|(algorithm, _)| !attestation::is_weak(algorithm)).map(|(name, hex)| format!("{name}:{hex}"));
    let artifact = artifact.into_iter().next().ok_or_else(|| wrong("it has no strong digest"))?;
    let attestations = vec![options.document.clone()];
    check::run(ctx.trust, ctx.clock, &check::Options { artifacts: vec![artifact], attestations, ..options.who.clone() })
}

/// Holds a checkout to what was stated: the pin file to its digest, the stated pins to those in it. `ctx` is of the
/// checkout.
pub fn hold(ctx: &Ctx<'_>, recipe: &Recipe) -> Result<(), Fault> {
    let project = Project::open(ctx.pin_file)?;
    let received = Sha256::of(project.pin_file().text().as_bytes()).hex();
    if let Some(expected) = recipe.pins_digest.as_ref().filter(|expected| **expected != received) {
        return Err(other_pins(expected.clone(), received));
    }
    for pin in project.pin_file().pins() {
        // What the checkout itself has is in the commit.
        let Some(artifact) = pin.artifact_for(ctx.platform).filter(|one| !matches!(one.source, Source::File(_))) else {
            continue;
        };
        let uri = purl::of(&artifact.source, &artifact.integrity);
        let (expected, received) = (recipe.pins.get(&uri), artifact.integrity.hex());
        if expected.is_none_or(|expected| *expected != received) {
            let expected = expected.cloned().unwrap_or_else(|| format!("nothing about `{uri}`"));
            return Err(other_pins(expected, received));
        }
    }
    Ok(())
}

fn other_pins(expected: String, received: String) -> Fault {
    Fault::refused("pins-differ", "the pins at the commit are not the stated ones").compared(expected, received)
}

/// The pin file of a checkout, and its folder relative to the checkout. Refuses one that a link of the commit leads out to.
pub fn place(recipe: &Recipe, checkout: &Path) -> Result<(PathBuf, PathBuf), Fault> {
    let folder = recipe.folder.as_ref().map(|folder| PathBuf::from(folder.as_str())).unwrap_or_default();
    let place = checkout.join(&folder);
    if fs::canonical(&place).is_ok_and(|real| real != place) {
        let why = format!("its folder `{}` is a link at the commit", folder.display());
        return Err(wrong(&why));
    }
    Ok((place.join(recipe.pin_file.as_str()), folder))
}
