//! `pinfold attest`: what the world says of the build, handed to the command.

use pinfold::build::Build;
use pinfold::commands::attest::{self, Options, Times};
use pinfold::commands::paper::Paper;
use pinfold::error::Error;

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
            checkout: git::checkout(world.ctx().pin_file, place.as_ref())?,
            allow_dirty: made.allow_dirty,
            no_source: made.no_source,
            times: times(world, made),
            signing: seal::signing(world, &options.sealing)?,
            out: stated.out.clone(),
        },
    )?;
    Ok(match done.statement {
        Some(document) => Answer::Paper(Paper { document, report: done.report }),
        None => Answer::Report(done.report),
    })
}

/// The build, as options or the environment describe it.
pub(crate) fn build(stated: &Stated) -> Result<Build, Error> {
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
