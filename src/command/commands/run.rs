//! `pinfold run`: attests a build that it saw. The inputs are proved, the command runs (the shell starts it), the inputs
//! are proved once more, the outputs are read and stated.
//!
//! Refuses outputs that were there before and that the command did not write, and a command that changed what went into
//! it: pins.toml, a pinned tree, the checkout. What a statement says of isolation is what was seen from inside.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::ctx::Ctx;
use crate::project::{Project, RECORDS};
use crate::report::{Finding, Level, Report};
use pinfold_core::fault::Fault;
use pinfold_core::fs::{self, FsError, Identity};
use pinfold_core::path::RelPath;
use pinfold_core::pins::{Edit, Pin, Signature};
use pinfold_core::text::json_line;
use pinfold_core::tree;
use pinfold_evidence::provenance::RUN_BUILD_TYPE;
use pinfold_sign::build::Build;

use super::attest::{self, Inputs, InputsError, Options, Output};
use super::output::BUNDLE;
use super::seal::{Payload, Signing, readable, seal};

/// A project that is ready to be built: its inputs are proved.
#[derive(Debug)]
pub struct Ready {
    pin_file: String,
    inputs: Inputs,
    /// The folder that the statement goes to, without links, if it is there.
    desk: Option<PathBuf>,
    before: BTreeMap<RelPath, Identity>,
}

/// How the command was run.
#[derive(Debug, Clone)]
pub struct Ran {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// The variables that the caller named, with their values.
    pub environment: BTreeMap<String, String>,
    /// What it was kept from, where it was.
    pub isolation: Option<Isolation>,
    /// `SOURCE_DATE_EPOCH` as the command had it.
    pub source_date: Option<i64>,
    /// When it began, in seconds since 1970.
    pub started: i64,
}

/// What a sandbox was seen to enforce.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Isolation {
    /// What could not be written to, relative to the folder that could.
    pub read_only: Vec<String>,
    /// The variables that pinfold set; there were no others but those that the caller named.
    pub variables: BTreeMap<String, String>,
}

impl Isolation {
    fn to_value(&self) -> Value {
        json!({
            "network": "none",
            "processes": "own",
            "environment": "clean",
            "variables": self.variables,
            "readOnly": self.read_only,
        })
    }
}

/// Proves the inputs, and looks at what outputs there are already.
pub fn prepare(ctx: &Ctx<'_>, options: &Options) -> Result<Ready, Fault> {
    let project = Project::open(ctx.pin_file)?;
    let inputs = attest::inputs(ctx, &project, options)?;
    let desk = options.out.as_deref().and_then(desk);
    let bundle = match (&options.out, options.outputs.as_slice()) {
        (Some(out), _) => Some(out.clone()).filter(|_| desk.is_some()),
        // One of an earlier build; where it is a new one there is nothing to look at yet.
        (None, [one]) => Some(bundle_of(&project, one)).filter(|path| fs::open(path).is_ok()),
        (None, _) => None,
    };
    if let Some(bundle) = bundle {
        attest::output(ctx, options, &bundle).check(&attest::kind(options, RUN_BUILD_TYPE), &[])?;
    }
    let mut before = BTreeMap::new();
    for path in attest::present(&project, options)? {
        if let Some(identity) = identity(&project, &path)? {
            before.insert(path, identity);
        }
    }
    Ok(Ready { pin_file: project.pin_file().text().to_owned(), inputs, desk, before })
}

/// The folder of a file, without links.
fn desk(path: &Path) -> Option<PathBuf> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::canonical(parent).ok()
}

/// Refuses to write where the command has led: a folder in the project that has become a link to somewhere else.
fn stays(project: &Project, out: &Path, before: Option<&PathBuf>) -> Result<(), Fault> {
    let now = desk(out);
    let is_same = match (before, &now) {
        (Some(before), now) => now.as_ref() == Some(before),
        (None, Some(now)) => now.starts_with(fs::canonical(project.folder())?),
        (None, None) => true,
    };
    if is_same { Ok(()) } else { Err(changed(&[out.display().to_string()])) }
}

/// What a build must not write to: the pin file, the records, the trees; relative to the folder of the pin file.
pub fn pinned(ctx: &Ctx<'_>) -> Result<Vec<String>, Fault> {
    let project = Project::open(ctx.pin_file)?;
    let file = ctx.pin_file.file_name().map(|name| name.to_string_lossy().into_owned());
    let trees = project.pin_file().pins().iter().filter(|pin| pin.artifact_for(ctx.platform).is_some());
    let trees = trees.map(|pin| pin.to.to_string());
    Ok(file.into_iter().chain([RECORDS.to_owned()]).chain(trees).collect())
}

/// The files of the project that pins.toml takes as given: keys, and what is put in the place of a pinned file.
pub fn believed(ctx: &Ctx<'_>) -> Result<Vec<String>, Fault> {
    let project = Project::open(ctx.pin_file)?;
    let of_pin = |pin: &Pin| {
        let keys = pin.signature.iter().flat_map(Signature::files);
        let replacements = pin.patches.iter().filter_map(|patch| match &patch.edit {
            Edit::ReplaceWith(path) => Some(path),
            _ => None,
        });
        keys.chain(replacements).map(ToString::to_string).collect::<Vec<_>>()
    };
    Ok(project.pin_file().pins().iter().flat_map(of_pin).collect())
}

/// The build as the statement has it. What a platform says of itself stays beside what was run.
pub fn build(platform: Build, outputs: &[String], ran: &Ran) -> Build {
    let mut build = Build { build_type: RUN_BUILD_TYPE.to_owned(), ..platform };
    build.external.insert("command".to_owned(), json!(ran.command));
    build.external.insert("environment".to_owned(), json!(ran.environment));
    build.external.insert("outputs".to_owned(), json!(outputs));
    build
}

/// What a caller that names a variable should know before its value is in everybody's hands.
pub fn exposed(environment: &BTreeMap<String, String>) -> Vec<Finding> {
    let is_secret = |name: &&String| {
        let name = name.to_ascii_uppercase();
        SECRETS.iter().any(|word| name.contains(word))
    };
    let told = |name: &String| {
        let message =
            format!("the value of `{}` will stand in the statement, for everybody to read", name.escape_debug());
        Finding::new(Level::Warning, "environment-exposed", message)
    };
    environment.keys().filter(is_secret).map(told).collect()
}

/// Holds the inputs to what they were, and states what came of the command. `options` has what git says *now*; where it
/// names no file, a signed bundle of one output goes beside that.
pub fn finish(ctx: &Ctx<'_>, options: &Options, (ready, ran): (&Ready, &Ran)) -> Result<Report, Fault> {
    let project = Project::open(ctx.pin_file)?;
    let inputs = unchanged(ctx, &project, options, ready)?;
    let (outputs, byproducts) = attest::outputs(ctx, &project, options)?;
    fresh(&project, outputs.iter().chain(&byproducts), &ready.before)?;
    let build =
        options.times.of(&build(options.build.clone(), &options.outputs, ran), Some(ran.started), ctx.clock.seconds());
    let mut statement = attest::statement(&inputs, &outputs, &byproducts, &build);
    let own = statement.pointer_mut("/predicate/buildDefinition/internalParameters/pinfold");
    if let Some(own) = own.and_then(Value::as_object_mut) {
        own.extend(parameters(ran));
    }
    readable(&statement)?;
    let mut report = Report { command: "run", ..attest::report(&inputs, &outputs) };
    report.notes.splice(0..0, exposed(&ran.environment));
    let place = match (&options.out, outputs.as_slice()) {
        (Some(path), _) => path.clone(),
        (None, [one]) => bundle_of(&project, one.path.as_str()),
        (None, all) => return Err(no_place(all.len())),
    };
    stays(&project, &place, ready.desk.as_ref())?;
    // What was signed may be in a public log for good: better known before that it cannot be written.
    let output = attest::output(ctx, options, &place);
    output.check(&attest::kind(options, RUN_BUILD_TYPE), &[])?;
    let (what, document) = match &options.signing {
        Some(signing) => ("bundle", seal(ctx, signing, Payload::Statement(&statement))?),
        None => ("statement", statement),
    };
    report.notes.extend(options.signing.iter().flat_map(Signing::notes).cloned());
    output.put(json_line(&document).as_bytes())?;
    report.notes.push(attest::written(what, &place));
    report.notes.push(confinement(ran.isolation.as_ref()));
    Ok(report)
}

/// Where the bundle of one output goes by itself. Named as all messages name files: without a dot for the folder that one
/// is in.
fn bundle_of(project: &Project, output: &str) -> PathBuf {
    let folder: PathBuf = project.folder().components().filter(|part| *part != Component::CurDir).collect();
    folder.join(format!("{output}{BUNDLE}"))
}

/// What the statement says of pinfold's own part.
fn parameters(ran: &Ran) -> Map<String, Value> {
    let mut own = Map::new();
    if let Some(isolation) = &ran.isolation {
        own.insert("hermetic".to_owned(), isolation.to_value());
    }
    if let Some(seconds) = ran.source_date {
        own.insert("sourceDateEpoch".to_owned(), json!(seconds));
    }
    own
}

fn confinement(isolation: Option<&Isolation>) -> Finding {
    match isolation {
        Some(isolation) => {
            let count = isolation.read_only.len();
            let message = format!("the command had no network, a clean environment, and {count} paths read-only");
            Finding::new(Level::Note, "hermetic", message)
        }
        None => {
            let message = "the command ran as it is: the statement claims no isolation";
            Finding::new(Level::Note, "not-hermetic", message)
        }
    }
}

/// Proves the inputs again, and that they are the same.
fn unchanged(ctx: &Ctx<'_>, project: &Project, options: &Options, ready: &Ready) -> Result<Inputs, Fault> {
    if project.pin_file().text() != ready.pin_file {
        return Err(changed(&[ready.inputs.pin_file.name.clone().unwrap_or_default()]));
    }
    let inputs = attest::inputs(ctx, project, options).map_err(|error| match error {
        InputsError::Unproved(report) => Fault::refused("inputs-changed", "the command changed what was pinned")
            .hint("`pinfold fetch` puts the right trees back; with `--hermetic` nobody can write to them")
            .with(attest::of_each(&report)),
        InputsError::Dirty(paths) => changed(&paths),
        error => Fault::from(error),
    })?;
    if inputs.source != ready.inputs.source {
        return Err(changed(&["HEAD".to_owned()]));
    }
    if inputs.dirty != ready.inputs.dirty {
        let differs = |path: &&String| inputs.dirty.contains(path) != ready.inputs.dirty.contains(path);
        let paths: Vec<_> = inputs.dirty.iter().chain(&ready.inputs.dirty).filter(differs).cloned().collect();
        return Err(changed(&paths));
    }
    if inputs.pins != ready.inputs.pins {
        return Err(changed(&[RECORDS.to_owned()]));
    }
    Ok(inputs)
}

/// Refuses outputs that nobody wrote: the time of a file's last change cannot be set back.
fn fresh<'a>(
    project: &Project,
    outputs: impl Iterator<Item = &'a Output>,
    before: &BTreeMap<RelPath, Identity>,
) -> Result<(), Fault> {
    let mut stale = Vec::new();
    for output in outputs {
        if let Some(before) = before.get(&output.path)
            && identity(project, &output.path)?.as_ref() == Some(before)
        {
            stale.push(output.path.to_string());
        }
    }
    if stale.is_empty() {
        return Ok(());
    }
    let message = format!("the command did not write {}; it was there before", listed(&stale));
    let hint = "remove it before, or let the command write it whether or not it has changed";
    Err(Fault::refused("output-stale", message).hint(hint))
}

/// The sources are not those that they were before the command.
pub fn changed(paths: &[String]) -> Fault {
    Fault::refused("checkout-changed", format!("the command changed the sources: {}", listed(paths)))
        .hint("let the command write nothing but files that git ignores or does not know")
}

/// One statement of many outputs, or an unsigned one, and nothing says where to write it.
pub fn no_place(outputs: usize) -> Fault {
    let message = match outputs {
        0 | 1 => "nothing says where to write the statement".to_owned(),
        outputs => format!("nothing says where to write the one statement of {outputs} outputs"),
    };
    Fault::failed("run-no-place", message).hint("say where with `--attestation FILE`")
}

/// Paths, as many as a line holds.
fn listed(paths: &[String]) -> String {
    let mut shown: Vec<String> = paths.iter().take(SHOWN).map(|path| format!("`{}`", path.escape_debug())).collect();
    if paths.len() > SHOWN {
        shown.push(format!("{} more", paths.len().saturating_sub(SHOWN)));
    }
    shown.join(", ")
}

const SHOWN: usize = 5;

fn identity(project: &Project, path: &RelPath) -> Result<Option<Identity>, Fault> {
    let Some(parent) = tree::parent_of(project.root(), path)? else { return Ok(None) };
    let file = parent.open_file(path.file_name())?;
    Identity::of(&file).map(Some).map_err(|error| FsError::new("look at", path.as_str(), error).into())
}

/// Parts of the names of variables that mostly hold secrets.
const SECRETS: [&str; 7] = ["TOKEN", "SECRET", "PASSW", "PASSPHRASE", "CREDENTIAL", "API_KEY", "PRIVATE"];
