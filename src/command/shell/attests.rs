//! `pinfold attest`: what the world says of the build, handed to the command.

use std::path::{Path, PathBuf};

use pinfold::commands::attest::{self, Options, Times};
use pinfold::commands::paper::Paper;
use pinfold_core::fault::Fault;
use pinfold_core::fs;
use pinfold_sign::build::{Build, Checkout};

use crate::cli::{Attest, Made, Stated};
use crate::world::{self, World};
use crate::{Answer, Failure, git, seal};

/// `pinfold attest`.
pub(crate) fn attest(world: &World, options: &Attest) -> Result<Answer, Failure> {
    let (stated, made) = (&options.stated, &options.stated.made);
    let place = if made.no_source { None } else { git::Place::of(world.project_folder_or_here())? };
    let done = attest::run(
        &world.ctx(),
        &Options {
            outputs: options.outputs.clone(),
            byproducts: made.byproduct.clone(),
            build: build(stated)?,
            checkout: checkout(world.ctx().pin_file, place.as_ref())?,
            allow_dirty: made.allow_dirty,
            no_source: made.no_source,
            times: times(world, made),
            signing: seal::signing(world, &options.sealing)?,
            out: stated.out.clone(),
            force: stated.force.force,
        },
    )?;
    Ok(match done.statement {
        Some(document) => Answer::Paper(Paper { document, report: done.report }),
        None => Answer::Report(done.report),
    })
}

/// What git says of the checkout. What killed writers of ours left in it is no difference from its commit, and is removed.
pub(crate) fn checkout(pin_file: &Path, place: Option<&git::Place>) -> Result<Option<Checkout>, Fault> {
    let found = git::checkout(pin_file, place)?;
    let Some(Checkout { prefix, dirty, .. }) = &found else { return Ok(None) };
    // git names paths from the top of the checkout.
    let mut top = pin_file.parent().unwrap_or(Path::new("")).to_owned();
    top.extend(Path::new(prefix).components().map(|_| ".."));
    let is_left = |path: &&String| path.rsplit('/').next().is_some_and(fs::is_partial);
    let left: Vec<PathBuf> = dirty.iter().filter(is_left).map(|path| top.join(path)).collect();
    if left.is_empty() {
        return Ok(found);
    }
    left.iter().for_each(|path| fs::sweep_beside(path));
    git::checkout(pin_file, place)
}

/// The build, as options or the environment describe it.
pub(crate) fn build(stated: &Stated) -> Result<Build, Fault> {
    Ok(Build::of(&world::variable, &stated.builder.named())?)
}

/// The times that a statement has.
pub(crate) fn times(world: &World, made: &Made) -> Times {
    match world.source_date_epoch() {
        _ if made.no_times => Times::Omitted,
        Some(seconds) => Times::Fixed(seconds),
        None => Times::Clock,
    }
}
