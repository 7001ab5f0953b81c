//! The commands whose answer is a document, or lines: where they are read from and written to.

use std::io::{self, BufRead, BufReader, BufWriter};
use std::path::Path;

use pinfold::commands::many::{self, Done, Tally};
use pinfold::commands::output::Destination;
use pinfold::commands::paper::Paper;
use pinfold::commands::verify;
#[cfg(feature = "sign")]
use pinfold::commands::vsa;
use pinfold::report::Report;
use pinfold_core::fault::Fault;
use pinfold_core::fs::{self, FsError};

use crate::Failure;
use crate::cli::{Force, Verify};
#[cfg(feature = "sign")]
use crate::seal;
use crate::world::World;

/// How `pinfold verify` answers.
pub(crate) enum Verified {
    Report(Report),
    Lines(Tally),
}

/// `pinfold verify`, with all that it may write.
pub(crate) fn verify(world: &World, options: &Verify) -> Result<Verified, Failure> {
    let plain = options.options();
    if let Some(list) = &options.many.projects_from {
        let run = |list: &mut Lines, done: &Done, out: &mut Out| many::verify(&world.ctx(), &plain, list, done, out);
        return Ok(Verified::Lines(over("verify", list, options.many.resume.as_deref(), run)?));
    }
    #[cfg(feature = "sign")]
    if let (Some(folder), Some(verifier)) = (&options.summaries.vsa, &options.summaries.verifier_id) {
        return summaries(world, options, plain.pins, (folder, verifier));
    }
    Ok(Verified::Report(verify::run(&world.ctx(), &plain)?))
}

/// The same with a verification summary for each pin.
#[cfg(feature = "sign")]
fn summaries(
    world: &World,
    options: &Verify,
    pins: Vec<String>,
    (folder, verifier): (&Path, &str),
) -> Result<Verified, Failure> {
    let signing = seal::by_key(&options.summaries.key())?;
    let time = world.source_date_epoch();
    let force = options.summaries.force;
    let (folder, verifier) = (folder.to_owned(), verifier.to_owned());
    let summaries = vsa::Options { pins, folder, force, verifier, signing, time };
    Ok(Verified::Report(vsa::run(&world.ctx(), &summaries)?))
}

type Lines = dyn BufRead + Send;
type Out = dyn io::Write + Send;

/// A command over many projects: from a list or standard input, on from where an earlier run stopped, to standard output.
pub(crate) fn over(
    command: &str,
    list: &Path,
    resume: Option<&Path>,
    run: impl FnOnce(&mut Lines, &Done, &mut Out) -> Result<Tally, Fault>,
) -> Result<Tally, Fault> {
    let done = match resume {
        Some(path) => match fs::open_if_exists(path)? {
            Some(file) => Done::read(command, &mut BufReader::new(file)).map_err(|error| unread(path, error))?,
            None => Done::default(),
        },
        None => Done::default(),
    };
    let mut list: Box<Lines> = match list.to_str() {
        Some("-") => Box::new(BufReader::new(io::stdin())),
        _ => Box::new(BufReader::new(fs::open(list)?)),
    };
    let mut out = BufWriter::new(io::stdout());
    run(&mut *list, &done, &mut out)
}

fn unread(path: &Path, source: io::Error) -> Fault {
    FsError { action: "read", path: path.to_owned(), source }.into()
}

/// Writes a document to a file, and leaves the report to be told.
pub(crate) fn put(world: &World, paper: Paper, path: &Path, force: &Force) -> Result<Report, Fault> {
    Destination { path, force: force.force, pin_file: Some(world.ctx().pin_file) }.put(paper.document.as_bytes())?;
    Ok(paper.report)
}
