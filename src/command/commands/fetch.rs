//! `pinfold fetch`: brings the trees of pins into place.

use crate::ctx::{Ctx, Step};
use crate::install::{self, Conduct, Done, Installed};
use crate::project::Project;
use crate::report::{Finding, Level, Report, Row, Verdict};
use pinfold_core::fault::Fault;
use pinfold_core::pins::{Pin, Source};
use pinfold_core::record::Contents;

use super::work;

/// What `pinfold fetch` was asked for.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The pins, all of them for none.
    pub pins: Vec<String>,
    /// What it may do, and must not.
    pub conduct: Conduct,
}

/// Installs what is not in place. A pin that fails does not keep the others from theirs.
pub fn run(ctx: &Ctx<'_>, options: &Options) -> Result<Report, Fault> {
    let project = Project::open(ctx.pin_file)?;
    let pins = project.select(&options.pins)?;
    project.make_records()?;
    let _store_lock = ctx.waiting(|patience| ctx.store.hold(patience))?;
    project.settle(ctx)?;
    if pins.iter().flat_map(|pin| pin.artifacts()).any(|artifact| !matches!(artifact.source, Source::File(_))) {
        install::register(ctx, &project)?;
    }
    let rows = work::each(
        &pins,
        ctx.jobs,
        |pin| weight(ctx, pin),
        |pin| {
            let result = install::install(ctx, &project, pin, options.conduct);
            ctx.progress.step(pin.name.as_str(), Step::Over);
            row(ctx, pin, result)
        },
    );
    if rows.iter().any(|row| !matches!(row.status.as_str(), "unchanged" | "refused")) {
        project.sync_records()?;
    }
    let mut notes = if options.pins.is_empty() { project.orphans()? } else { Vec::new() };
    notes.extend(registry_warnings(ctx));
    notes.extend(shared_notes(ctx, &project));
    let mut report = Report { command: "fetch", rows, notes, summary: String::new(), judges: true };
    report.summary = summary(&report);
    Ok(report)
}

/// The largest artifacts first: one of them alone at the end would keep all but one thread waiting.
pub(super) fn weight(ctx: &Ctx<'_>, pin: &Pin) -> u64 {
    pin.artifact_for(ctx.platform).and_then(|artifact| artifact.size).unwrap_or(0)
}

/// What a pin is on this platform, as rows have it.
pub(super) fn source(ctx: &Ctx<'_>, pin: &Pin) -> String {
    pin.artifact_for(ctx.platform).map(|artifact| artifact.source.to_string()).unwrap_or_default()
}

fn row(ctx: &Ctx<'_>, pin: &Pin, result: Result<Installed, Fault>) -> Row {
    let source = source(ctx, pin);
    let subject = pin.name.to_string();
    match result {
        Ok(installed) => {
            let status = match installed.done {
                Done::Unchanged => "unchanged",
                Done::Adopted => "adopted",
                Done::Installed => "installed",
                Done::Restored => "restored",
            };
            let detail = format!("{} -> {}", describe(&installed.record.contents), pin.to);
            let (status, evidence) = (status.to_owned(), installed.proof);
            let (findings, wasm) = (installed.findings, installed.wasm);
            Row { subject, verdict: Verdict::Passed, status, source, detail, evidence, audit: None, wasm, findings }
        }
        Err(error) => {
            let verdict = error.verdict();
            let status = status_of(verdict).to_owned();
            let detail = String::new();
            Row {
                subject,
                verdict,
                status,
                source,
                detail,
                evidence: None,
                audit: None,
                wasm: Vec::new(),
                findings: error.findings(),
            }
        }
    }
}

/// The word for a verdict where nothing better is known.
pub(super) const fn status_of(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "passed",
        Verdict::Refused => "refused",
        Verdict::Failed => "failed",
        Verdict::Unverifiable => "unverifiable",
    }
}

/// How much stands at a destination, in a few words.
pub(super) fn describe(contents: &Contents) -> String {
    let (files, bytes) = (contents.len(), size(contents.bytes()));
    let noun = if files == 1 { "file" } else { "files" };
    format!("{files} {noun}, {bytes}")
}

/// Bytes in the unit that people read: powers of ten, one decimal.
pub(super) fn size(bytes: u64) -> String {
    let units = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)];
    match units.into_iter().find(|(_, unit)| bytes >= *unit) {
        Some((name, unit)) => format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit),
        None => format!("{bytes} B"),
    }
}

fn registry_warnings(ctx: &Ctx<'_>) -> Vec<Finding> {
    let finding = |(file, warning): &(String, pinfold_net::source::npmrc::Warning)| {
        Finding::new(Level::Warning, "npmrc", format!("`{}`: {warning}", file.escape_debug()))
    };
    ctx.registries.warnings().iter().map(finding).collect()
}

/// What kept the run from a shared store: everything was done without it.
#[cfg(feature = "oci")]
pub(super) fn shared_notes(ctx: &Ctx<'_>, _project: &Project) -> Vec<Finding> {
    let finding = |(at, why, only_writing): (String, String, bool)| {
        let message = match only_writing {
            true => format!("nothing more was put into the shared store `{at}`: {why}"),
            false => format!("the shared store `{at}` is of no use: {why}"),
        };
        let finding = Finding::new(Level::Warning, "shared-store", message);
        if only_writing { finding } else { finding.hint("upstream was asked for everything that it might have had") }
    };
    ctx.shared.troubles().into_iter().map(finding).collect()
}

/// A shared store that is named, and cannot be asked by this pinfold.
#[cfg(not(feature = "oci"))]
fn shared_notes(_ctx: &Ctx<'_>, project: &Project) -> Vec<Finding> {
    let named = project.pin_file().store();
    let message = |at| format!("the shared store `{at}` is of no use: this pinfold was built without `oci`");
    let note = |at| Finding::new(Level::Warning, "shared-store", message(at));
    named.map(|at| note(at).hint("upstream is asked for everything that it might have had")).into_iter().collect()
}

fn summary(report: &Report) -> String {
    let total = report.rows.len();
    let pins = if total == 1 { "pin" } else { "pins" };
    let statuses = ["installed", "restored", "adopted", "unchanged", "refused", "failed", "unverifiable"];
    format!("{total} {pins}: {}", counts(report, &statuses))
}

/// How many rows came out how.
pub(super) fn counts(report: &Report, statuses: &[&str]) -> String {
    let count = |status: &str| report.rows.iter().filter(|row| row.status == status).count();
    let parts: Vec<String> = statuses
        .iter()
        .filter_map(|status| match count(status) {
            0 => None,
            count => Some(format!("{count} {status}")),
        })
        .collect();
    parts.join(", ")
}
