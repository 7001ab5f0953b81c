//! `pinfold reproduce`: a scratch checkout, the pins in it, the command in the sandbox, and then a look at what came out.

use std::path::PathBuf;

use pinfold::commands::fetch;
use pinfold::commands::reproduce::{self, Places, Read, Recipe};
use pinfold::commands::run::pinned;
use pinfold::ctx::Ctx;
use pinfold::install::Conduct;
use pinfold::report::{Finding, Level, Report, Verdict};
use pinfold_core::fault::Fault;
use pinfold_core::fs::{self, Dir};
use pinfold_core::text::Secrets;

use crate::Failure;
use crate::cli::{Cli, Reproduce};
use crate::git::{self, Wanted};
use crate::run::{self, Job, Within};
use crate::say;
use crate::world::{self, World};

/// `pinfold reproduce`.
pub(crate) fn reproduce(cli: &Cli, world: &World, options: &Reproduce) -> Result<Report, Failure> {
    let (recipe, mut notes) = match reproduce::read(&world.ctx(), &options.options())? {
        Read::Recipe(recipe, notes) => (recipe, notes),
        Read::Unproved(report) => return Ok(report),
    };
    let scratch = Scratch::new()?;
    let built = build(cli, world, options, (&recipe, &mut notes), &scratch);
    let cleared = scratch.remove();
    let mut report = built?;
    if let Err(error) = cleared {
        report.notes.push(Finding::new(Level::Warning, "scratch-left", error.to_string()));
    }
    Ok(report)
}

fn build(
    cli: &Cli,
    world: &World,
    options: &Reproduce,
    (recipe, notes): (&Recipe, &mut Vec<Finding>),
    scratch: &Scratch,
) -> Result<Report, Failure> {
    let here = fs::canonical(world.project_folder_or_here()).map_err(Fault::from)?;
    let wanted =
        Wanted { commit: &recipe.commit, repository: recipe.repository.as_deref(), source: options.source.as_deref() };
    let place = git::check_out(&here, &wanted, &scratch.checkout)?;
    let (pin_file, prefix) = reproduce::place(recipe, &scratch.checkout)?;
    let folder = scratch.checkout.join(&prefix);
    let own = world.ctx();
    if let Some(stated) = recipe.platform.as_ref().filter(|stated| *stated != own.platform) {
        let message = format!("it was built on `{stated}`, and this is `{}`", own.platform);
        notes.push(Finding::new(Level::Warning, "platform-differs", message));
    }
    let ctx = Ctx { pin_file: &pin_file, platform: recipe.platform.as_ref().unwrap_or(own.platform), ..own };
    reproduce::hold(&ctx, recipe)?;
    let conduct = Conduct { offline: options.offline, ..Conduct::default() };
    let fetched = fetch::run(&ctx, &fetch::Options { pins: Vec::new(), conduct })?;
    if fetched.verdict() != Verdict::Passed {
        let rows = fetched.rows.into_iter().filter(|row| row.verdict != Verdict::Passed).collect();
        let summary = format!("nothing was built: {}", fetched.summary);
        return Ok(Report { command: "reproduce", rows, summary, ..fetched });
    }
    let command = recipe.command.clone().unwrap_or_default();
    announce(&command, recipe, own.secrets);
    let source_date = recipe.source_date.map_or_else(|| git::commit_time(&place), |seconds| Ok(Some(seconds)))?;
    let within = Within {
        root: &scratch.checkout,
        prefix: &prefix,
        own: &[scratch.checkout.join(".git")],
        pinned: &pinned(&ctx)?,
        believed: world::believed(cli),
    };
    let job = Job { folder: &folder, command: &command, environment: &recipe.environment, source_date, token: None };
    let before = reproduce::present(recipe, &folder)?;
    let (code, _) = job.confined(within, cli.output.json)?;
    if code != 0 {
        return Err(run::ended(&command, code, "nothing can be compared"));
    }
    if let Some(keep) = &options.keep {
        notes.push(reproduce::keep(recipe, &folder, keep, options.force)?);
    }
    let stated = options.against.clone().unwrap_or(here);
    let places = Places { rebuilt: folder, stated: Some(stated), before };
    Ok(reproduce::compare(&ctx, recipe, &places, std::mem::take(notes))?)
}

/// What runs is shown before it does, whatever else is not: it is somebody else's.
fn announce(command: &[String], recipe: &Recipe, secrets: &Secrets) {
    let words: Vec<String> = command.iter().map(|word| format!("`{word}`")).collect();
    let variables: Vec<String> = recipe.environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let with = if variables.is_empty() { String::new() } else { format!(" with {}", variables.join(" ")) };
    say::line(&format!("building commit {} in a sandbox: {}{with}", recipe.commit, words.join(" ")), secrets);
}

/// A folder of this user's alone, with room for a checkout.
struct Scratch {
    parent: PathBuf,
    name: String,
    checkout: PathBuf,
}

impl Scratch {
    fn new() -> Result<Self, Fault> {
        let parent = fs::canonical(&std::env::temp_dir())?;
        let name = fs::unique_name("pinfold");
        Dir::open(&parent)?.make_new_child(&name, 0o700)?;
        let checkout = parent.join(&name).join("checkout");
        Ok(Self { parent, name, checkout })
    }

    fn remove(&self) -> Result<(), Fault> {
        Ok(Dir::open(&self.parent)?.remove_all(&self.name)?)
    }
}
