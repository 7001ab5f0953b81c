//! `pinfold attest`: states what was built and from what, once the pins are proved and the checkout is its commit.
//!
//! In this order: the pins' trees and their evidence are verified, the checkout is held to its commit, the outputs are
//! read once, the statement is put together. Whatever does not pass ends it, and nothing is written. The same inputs
//! give the same bytes: a time stands only in the statement's own fields for it.

mod hash;
mod inputs;
mod outputs;

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::ctx::Ctx;
use crate::project::Project;
use crate::report::{Finding, Level, Report, Row, Verdict};
use pinfold_core::fault::Fault;
use pinfold_core::fs;
use pinfold_core::path::RelPath;
use pinfold_core::text::json_line;
use pinfold_sign::build::{self, Build, Checkout};

pub use hash::Output;
pub use inputs::{Inputs, InputsError, inputs, of_each};
pub use outputs::{outputs, present};

use super::fetch::size;
use super::output::{BUNDLE, Destination, Kind, SIGNATURE_BUNDLE};
use super::paper::time;
use super::seal::{self, Payload, Signing};

/// What `pinfold attest` was asked for.
#[derive(Debug)]
pub struct Options {
    /// The outputs: files, folders (every file in them) and patterns, relative to the folder of pins.toml, or absolute
    /// and in it.
    pub outputs: Vec<String>,
    /// What else the build made that tells of it, such as logs: named as outputs are.
    pub byproducts: Vec<String>,
    /// The build.
    pub build: Build,
    /// What git says of the checkout; `None` where there is none.
    pub checkout: Option<Checkout>,
    /// Whether the checkout may differ from its commit; the statement says so.
    pub allow_dirty: bool,
    /// Whether to do without a source commit; the statement says so.
    pub no_source: bool,
    /// Which times the statement has.
    pub times: Times,
    /// What signs the statement; it stays bare without.
    pub signing: Option<Signing>,
    /// Where to write it. Without, a bundle goes beside the one output, and a bare statement is handed back.
    pub out: Option<PathBuf>,
    /// Whether it may replace something of another kind there.
    pub force: bool,
}

/// The times in a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    /// None (`--no-times`).
    Omitted,
    /// This one in place of every other, in seconds since 1970 (`SOURCE_DATE_EPOCH`).
    Fixed(i64),
    /// The clock's.
    Clock,
}

impl Times {
    /// The build with the times that its statement gets; `started` and `now` in seconds since 1970.
    pub fn of(self, build: &Build, started: Option<i64>, now: i64) -> Build {
        let (started, finished) = match self {
            Self::Omitted => (None, None),
            Self::Fixed(fixed) => (started.map(|_| fixed), Some(fixed)),
            Self::Clock => (started, Some(now)),
        };
        Build { started: started.and_then(time), finished: finished.and_then(time), ..build.clone() }
    }
}

/// What came of it.
#[derive(Debug)]
pub struct Done {
    /// What there is to say.
    pub report: Report,
    /// The statement, where it was written nowhere.
    pub statement: Option<String>,
}

/// Verifies, hashes, states, writes.
pub fn run(ctx: &Ctx<'_>, options: &Options) -> Result<Done, Fault> {
    let project = Project::open(ctx.pin_file)?;
    let inputs = match inputs(ctx, &project, options) {
        Err(InputsError::Unproved(report)) => return Ok(Done { report: unproved(*report), statement: None }),
        inputs => inputs?,
    };
    let files = outputs::find(&project, options)?;
    let place = place(&project, options, files.outputs.keys())?;
    if let Some(place) = &place {
        // What was signed may be in a public log for good: better known before that it cannot be written.
        output(ctx, options, place).check(&kind(options, &options.build.build_type), &[])?;
    }
    let (outputs, byproducts) = files.read(ctx, &project)?;
    let build = options.times.of(&options.build, None, ctx.clock.seconds());
    let statement = statement(&inputs, &outputs, &byproducts, &build);
    seal::readable(&statement)?;
    let mut report = report(&inputs, &outputs);
    report.notes.extend(options.signing.iter().flat_map(Signing::notes).cloned());
    let Some(place) = place else {
        return Ok(Done { report, statement: Some(json_line(&statement)) });
    };
    let (what, document) = match &options.signing {
        Some(signing) => ("bundle", seal::seal(ctx, signing, Payload::Statement(&statement))?),
        None => ("statement", statement),
    };
    output(ctx, options, &place).put(json_line(&document).as_bytes())?;
    report.notes.push(written(what, &place));
    Ok(Done { report, statement: None })
}

/// Where the statement goes, as an output.
pub(super) const fn output<'a>(ctx: &'a Ctx<'_>, options: &Options, path: &'a Path) -> Destination<'a> {
    Destination { path, force: options.force, pin_file: Some(ctx.pin_file) }
}

/// What is written there.
pub(super) fn kind(options: &Options, build_type: &str) -> Kind {
    Kind::provenance(build_type, options.signing.is_some())
}

/// Where the statement goes; `None` to be handed back.
fn place<'a>(
    project: &Project,
    options: &Options,
    mut outputs: impl ExactSizeIterator<Item = &'a RelPath>,
) -> Result<Option<PathBuf>, Fault> {
    match (&options.out, &options.signing, outputs.next()) {
        (Some(out), ..) => Ok(Some(out.clone())),
        (None, Some(_), Some(output)) if outputs.len() == 0 => {
            Ok(Some(project.folder().join(format!("{output}{BUNDLE}"))))
        }
        (None, Some(_), _) => {
            let count = outputs.len().saturating_add(1);
            let message = format!("nothing says where to write the one bundle of {count} outputs");
            Err(Fault::failed("statement-no-place", message).hint("say where with `--out FILE`"))
        }
        (None, None, _) => Ok(None),
    }
}

/// The statement about outputs and what went into them.
pub fn statement(inputs: &Inputs, outputs: &[Output], byproducts: &[Output], build: &Build) -> Value {
    let subjects: Vec<_> = outputs.iter().map(Output::descriptor).collect();
    let byproducts: Vec<_> = byproducts.iter().map(Output::descriptor).collect();
    let mut build = build.clone();
    build.internal.insert("pinfold".to_owned(), inputs.parameters());
    build::statement(&build, &subjects, &inputs.dependencies(), &byproducts)
}

/// What there is to say of outputs that were attested: a row each, and what is known of the inputs.
pub fn report(inputs: &Inputs, outputs: &[Output]) -> Report {
    let row = |output: &Output| Row {
        subject: output.path.to_string(),
        verdict: Verdict::Passed,
        status: "attested".to_owned(),
        source: format!("sha256:{}", output.sha256),
        detail: size(output.size),
        evidence: None,
        audit: None,
        wasm: Vec::new(),
        findings: Vec::new(),
    };
    let rows: Vec<Row> = outputs.iter().map(row).collect();
    let noun = if rows.len() == 1 { "output" } else { "outputs" };
    let summary = format!("{} {noun} attested", rows.len());
    Report { command: "attest", rows, notes: inputs.notes.clone(), summary, judges: true }
}

/// That a document was written.
pub fn written(what: &str, path: &Path) -> Finding {
    Finding::new(Level::Note, "statement-written", format!("the {what} is in `{}`", path.display()))
}

/// The report of pins that do not pass, as that of a command that needs them to.
pub fn unproved(report: Report) -> Report {
    let rows = report.rows.into_iter().filter(|row| row.verdict != Verdict::Passed).collect();
    let summary = format!("nothing was attested: {}", report.summary);
    Report { command: "attest", rows, summary, ..report }
}

/// Where a path that the user gave lies in the project, `None` for elsewhere. What is not there yet has a folder that is.
fn inside(project: &Project, path: &Path) -> Result<Option<RelPath>, Fault> {
    let Some(name) = path.file_name() else { return Ok(None) };
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Where the folder is not there nothing lies in it.
    let Ok(folder) = fs::canonical(parent) else { return Ok(None) };
    let root = fs::canonical(project.folder())?;
    let place = folder.join(name);
    Ok(place.strip_prefix(&root).ok().and_then(Path::to_str).and_then(|text| text.parse().ok()))
}
