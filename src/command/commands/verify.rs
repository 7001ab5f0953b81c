//! `pinfold verify`: proves what is on disk against the pins, every byte of it, and asks nobody.
//!
//! What a tree is held against, the strongest first: the tree hash in the pin; the tree that the cached artifact gives
//! when it is unpacked again; the record, which lies in the checkout like the tree itself and so is only a claim.

mod signed;

use std::io::ErrorKind;

use crate::ctx::{Ctx, Step};
use crate::install::{self, standing};
use crate::project::{Project, record_name};
use crate::report::wasm::SignedFile;
use crate::report::{Evidence, Finding, Level, Report, Row, Verdict};
use pinfold_core::digest::Sha256;
use pinfold_core::fault::Fault;
use pinfold_core::fs::Dir;
use pinfold_core::patch::Patches;
use pinfold_core::path::RelPath;
use pinfold_core::pins::{Artifact, Mode, Pin};
use pinfold_core::record::{self, Change, Contents, Difference, Record, RecordError};
use pinfold_core::tree::{self, Scan};

use super::{fetch, work};

/// What `pinfold verify` was asked for.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The pins, all of them for none.
    pub pins: Vec<String>,
    /// What missing evidence means, in place of what the pins say.
    pub evidence: Option<Mode>,
    /// Whether every path of a tree counts, also those that the pins ignore: a statement is about all that a build could
    /// read.
    pub whole: bool,
}

/// Reads every byte of every tree and says what is not as it was pinned.
pub fn run(ctx: &Ctx<'_>, options: &Options) -> Result<Report, Fault> {
    of(ctx, &Project::open(ctx.pin_file)?, options)
}

/// The same of a project that was opened already: what stands in pins.toml by now plays no part.
pub(super) fn of(ctx: &Ctx<'_>, project: &Project, options: &Options) -> Result<Report, Fault> {
    against(ctx, project, options).map(|(report, _)| report)
}

/// The same, and for each row what its tree was held against: `tree hash`, `artifact`, `record`, or nothing.
pub(super) fn against(
    ctx: &Ctx<'_>,
    project: &Project,
    options: &Options,
) -> Result<(Report, Vec<&'static str>), Fault> {
    let pins = project.select(&options.pins)?;
    project.check_records()?;
    let rows = work::each(
        &pins,
        ctx.jobs,
        |pin| fetch::weight(ctx, pin),
        |pin| {
            ctx.progress.step(pin.name.as_str(), Step::Looking);
            let row = row(ctx, project, pin, options);
            ctx.progress.step(pin.name.as_str(), Step::Over);
            row
        },
    );
    let (rows, against) = rows.into_iter().unzip();
    let notes = if options.pins.is_empty() { project.orphans()? } else { Vec::new() };
    let mut report = Report { command: "verify", rows, notes, summary: String::new(), judges: true };
    report.summary = tally(&report.rows, "pin");
    match report.recalled() {
        0 => {}
        recalled => report.summary.push_str(&format!(
            "; the verdict on the evidence of {recalled} was recalled from an earlier run (`--no-cached-verdicts` proves it afresh)"
        )),
    }
    Ok((report, against))
}

/// What was found at a pin's destination, and what it was held against.
struct Judgement {
    /// What it was held against, in a few words; empty when it was held against nothing.
    against: &'static str,
    contents: Option<Contents>,
    proof: Option<Box<Evidence>>,
    wasm: Vec<SignedFile>,
    findings: Vec<Finding>,
    verdict: Verdict,
}

fn row(ctx: &Ctx<'_>, project: &Project, pin: &Pin, options: &Options) -> (Row, &'static str) {
    let source = fetch::source(ctx, pin);
    let judgement = look(ctx, project, pin, options).unwrap_or_else(|error| Judgement {
        against: "",
        contents: None,
        proof: None,
        wasm: Vec::new(),
        verdict: error.verdict(),
        findings: error.findings(),
    });
    let status = match judgement.verdict {
        Verdict::Passed => "verified",
        verdict => fetch::status_of(verdict),
    };
    let detail = match (&judgement.contents, judgement.verdict) {
        (Some(contents), Verdict::Passed) => format!("{}, by {}", fetch::describe(contents), judgement.against),
        _ => String::new(),
    };
    let (subject, status) = (pin.name.to_string(), status.to_owned());
    let row = Row {
        subject,
        verdict: judgement.verdict,
        status,
        source,
        detail,
        evidence: judgement.proof,
        audit: None,
        wasm: judgement.wasm,
        findings: judgement.findings,
    };
    (row, judgement.against)
}

/// Looks at a pin, and again where what was found is not good and another process published meanwhile.
fn look(ctx: &Ctx<'_>, project: &Project, pin: &Pin, options: &Options) -> Result<Judgement, Fault> {
    let is_good = |judged: &Result<Judgement, Fault>| judged.as_ref().is_ok_and(|one| one.verdict == Verdict::Passed);
    let (judged, unsettled) = project.steadily(ctx, pin, is_good, || judge(ctx, project, pin, options));
    judged.map(|mut judgement| {
        // What was found stands, with a word on why it was not looked at once more.
        let why = unsettled.iter().flat_map(Fault::findings);
        judgement.findings.extend(why.map(|finding| Finding { level: Level::Warning, ..finding }));
        judgement
    })
}

fn judge(ctx: &Ctx<'_>, project: &Project, pin: &Pin, options: &Options) -> Result<Judgement, Fault> {
    let artifact = install::artifact_of(pin, ctx.platform)?;
    let patches = install::load_patches(project, pin)?;
    let (parent, why) = match tree::parent_of(project.root(), &pin.to) {
        Ok(parent) => (parent, String::new()),
        // Whatever such a link leads to is not the tree that was pinned to this place.
        Err(error) if error.source.kind() == ErrorKind::NotADirectory => (None, format!(": {error}")),
        Err(error) => return Err(error.into()),
    };
    let left = parent.as_ref().map(|parent| tree::leftover(parent, &pin.to)).transpose()?.flatten().map(left_over);
    let found = parent.as_ref().map(|parent| scan(parent, (pin, artifact)));
    let (Some(parent), Some(mut found)) = (&parent, found.transpose()?.flatten()) else {
        let finding = Finding::new(Level::Error, "tree-absent", format!("there is nothing at `{}`{why}", pin.to));
        let mut findings = vec![finding.at(pin.to.as_str()).hint("run `pinfold fetch`")];
        findings.extend(left);
        let (contents, proof, wasm) = (None, None, Vec::new());
        return Ok(Judgement { against: "", contents, proof, wasm, findings, verdict: Verdict::Refused });
    };
    // A record that cannot be read must not hide what can be said without it.
    let (record, malformed) = match project.record(pin.name.as_str()) {
        Ok(record) => (record, None),
        Err(error) if error.cause::<RecordError>().is_some() => (None, Some(error)),
        Err(error) => return Err(error),
    };
    let stale = record.as_ref().and_then(|record| stale(pin, artifact, &patches, record));
    // A record that was made for another pin says nothing about this one.
    let record = record.filter(|_| stale.is_none());
    let mut ignored = 0;
    if !options.whole && !pin.ignore.is_empty() && (artifact.tree.is_none() || artifact.tree != found.tree) {
        let pinned = match &record {
            Some(record) => Some(record.contents.clone()),
            None => described(ctx, project, (pin, artifact, &patches)),
        };
        ignored = set_aside(parent, (pin, artifact), &mut found, &pinned.unwrap_or(Contents::Folder(Vec::new())))?;
    }
    let mut findings: Vec<Finding> = found.odd.iter().map(|one| standing::odd(&pin.to, one)).collect();
    findings.extend(stale);

    let against = match hold(ctx, project, (pin, artifact, &patches), &found, record.as_ref(), &mut findings) {
        Err(error) if findings.is_empty() => return Err(error),
        // What is refuted stays refuted, whatever could not be done beside it.
        Err(error) => {
            findings.extend(error.findings());
            None
        }
        Ok(against) => against,
    };
    let refuted = !findings.is_empty();
    findings.extend(standing::ignored(ignored));
    findings.extend(left);
    findings.extend(malformed.iter().flat_map(Fault::findings));
    let verdict = match (refuted, &malformed, against) {
        (true, _, _) => Verdict::Refused,
        (false, Some(error), _) => error.verdict(),
        (false, None, Some(_)) => Verdict::Passed,
        (false, None, None) => {
            let message = "there is nothing to hold the tree against: no tree hash, no cached artifact, no record";
            findings.push(Finding::new(Level::Error, "unverifiable", message).hint("run `pinfold fetch`"));
            Verdict::Unverifiable
        }
    };
    let (Proved { proof, .. }, on_evidence) =
        evidence(ctx, project, (pin, artifact, options), record.as_ref(), &mut findings);
    let (wasm, on_signatures) =
        signed::signatures(project, (pin, options), &found.contents, record.as_ref(), &mut findings);
    let (against, contents) = (against.unwrap_or_default(), Some(found.contents));
    let verdict = verdict.max(on_evidence).max(on_signatures);
    Ok(Judgement { against, contents, findings, proof, wasm, verdict })
}

/// Reads what stands at a pin's destination.
fn scan(parent: &Dir, (pin, artifact): (&Pin, &Artifact)) -> Result<Option<Scan>, Fault> {
    Ok(tree::scan(parent, pin.to.file_name(), artifact.tree.is_some(), install::bounds_of(pin, artifact))?)
}

/// What the evidence of a record proves.
#[derive(Default)]
pub(super) struct Proved {
    /// Who made the artifact, else who signed it.
    pub(super) proof: Option<Box<Evidence>>,
    /// Who signed it in its registry.
    #[cfg(feature = "evidence")]
    pub(super) signature: Option<Box<Evidence>>,
}

/// Proves and judges again what the record has, and asks nobody.
pub(super) fn evidence(
    ctx: &Ctx<'_>,
    project: &Project,
    (pin, artifact, options): (&Pin, &Artifact, &Options),
    record: Option<&Record>,
    findings: &mut Vec<Finding>,
) -> (Proved, Verdict) {
    let demand = install::evidence::demand(project, pin, artifact, options.evidence);
    let kept = record.map_or(&record::Evidence::Unasked, |record| &record.evidence);
    let judged = match kept {
        // Only a digest that the pin does not have is worth reading the bytes for.
        record::Evidence::Kept(own) if install::evidence::is_of_bytes(artifact, own) => {
            install::open_kept(ctx, project, artifact)
                .and_then(|blob| install::evidence::hold(ctx, artifact, &demand, kept, blob.as_ref()))
        }
        _ => install::evidence::hold(ctx, artifact, &demand, kept, None),
    };
    match judged {
        Ok(judged) => {
            findings.extend(judged.findings);
            let proved = Proved {
                proof: judged.proof,
                #[cfg(feature = "evidence")]
                signature: judged.signature,
            };
            (proved, Verdict::Passed)
        }
        Err(error) => {
            findings.extend(error.findings());
            (Proved::default(), error.verdict())
        }
    }
}

/// Holds a tree against the strongest thing that there is, and says what that was.
fn hold(
    ctx: &Ctx<'_>,
    project: &Project,
    (pin, artifact, patches): (&Pin, &Artifact, &Patches),
    found: &Scan,
    record: Option<&Record>,
    findings: &mut Vec<Finding>,
) -> Result<Option<&'static str>, Fault> {
    let hash_holds = artifact.tree.is_some() && artifact.tree == found.tree;
    if hash_holds {
        // The tree is proved; a record that lists other files is not.
        let differences = record.map(|record| record::differences(&record.contents, &found.contents));
        if differences.is_some_and(|differences| !differences.is_empty()) {
            findings.push(false_record(pin));
        }
        return Ok(Some("tree hash"));
    }
    let kept = install::open_kept(ctx, project, artifact)?;
    if let (Some(expected), Some(blob)) = (artifact.size, &kept)
        && expected != blob.len()
    {
        return Err(install::other_size(expected, blob.len()));
    }
    let (expected, against) = match (kept, record) {
        (Some(blob), _) => (Some(install::describe(pin, artifact, &blob, patches)?.contents), Some("artifact")),
        (None, Some(record)) => (Some(record.contents.clone()), Some("record")),
        (None, None) => (None, None),
    };
    if let (Some(expected), Some("artifact"), Some(record)) = (&expected, against, record)
        && record.contents != *expected
    {
        findings.push(false_record(pin));
    }
    let before = findings.len();
    if let Some(expected) = &expected {
        let differences = standing::not_told(record::differences(expected, &found.contents), &found.odd).into_iter();
        findings.extend(differences.map(|one| different(pin, one, expected)));
    }
    if let Some(tree) = artifact.tree
        && (findings.len() == before)
    {
        // No file differs, so it is the hash in the pin that belongs to another tree; or nothing is left to name files.
        findings.push(wrong_tree(tree, found.tree));
    }
    Ok(if artifact.tree.is_some() { Some("tree hash") } else { against })
}

/// Sets aside what programs wrote into a tree: neither its contents nor its hash are held to anything. Returns how many
/// paths those are.
fn set_aside(
    parent: &Dir,
    (pin, artifact): (&Pin, &Artifact),
    found: &mut Scan,
    pinned: &Contents,
) -> Result<usize, Fault> {
    let aside = standing::set_aside(&mut found.contents, pinned, &pin.ignore);
    let before = found.odd.len();
    found.odd.retain(|one| !standing::is_ignored_odd(one, pinned, &pin.ignore));
    let is_less = !aside.paths.is_empty() || found.odd.len() != before;
    if is_less && artifact.tree.is_some() {
        let again = tree::scan_without(parent, pin.to.file_name(), true, install::bounds_of(pin, artifact), &aside)?;
        found.tree = again.and_then(|again| again.tree);
    }
    Ok(aside.paths.len())
}

/// What the cached artifact gives when it is unpacked, where it is at hand. What is wrong with it is found later.
fn described(
    ctx: &Ctx<'_>,
    project: &Project,
    (pin, artifact, patches): (&Pin, &Artifact, &Patches),
) -> Option<Contents> {
    let blob = install::open_kept(ctx, project, artifact).ok()??;
    Some(install::describe(pin, artifact, &blob, patches).ok()?.contents)
}

/// What a killed run left beside a tree. Nobody reads it as the tree, and it is not verified.
fn left_over(path: RelPath) -> Finding {
    let message = format!("a run that was killed left `{}`", path.as_str().escape_debug());
    Finding::new(Level::Warning, "leftover", message).at(path.as_str()).hint("run `pinfold fetch`, which removes it")
}

fn different(pin: &Pin, difference: Difference, pinned: &Contents) -> Finding {
    let is_ignored =
        matches!(difference.change, Change::Added) && standing::is_ignored(&difference.path, pinned, &pin.ignore);
    let finding = standing::different(&pin.to, difference);
    if is_ignored {
        finding.hint("no statement is made where there are ignored paths: nothing is known of them; remove them")
    } else {
        finding
    }
}

fn stale(pin: &Pin, artifact: &Artifact, patches: &Patches, record: &Record) -> Option<Finding> {
    let why = install::difference(pin, artifact, patches, record)?;
    let message = format!("the tree was made for another pin: {why}");
    let finding = Finding::new(Level::Error, "record-stale", message).at(record_name(pin.name.as_str()));
    Some(finding.hint("run `pinfold fetch`"))
}

fn false_record(pin: &Pin) -> Finding {
    let message = "the record lists other files than the artifact has";
    Finding::new(Level::Error, "record-false", message)
        .at(record_name(pin.name.as_str()))
        .hint("remove it and run `pinfold fetch`, which writes it anew")
}

fn wrong_tree(expected: Sha256, received: Option<Sha256>) -> Finding {
    let received = received.map_or_else(|| "none, for what has no place in a tree".to_owned(), |tree| tree.to_string());
    Finding::new(Level::Error, "tree-mismatch", "the tree is not the pinned one")
        .compared(expected.to_string(), received)
}

/// How many rows were verified, and how the others came out; `noun` is what a row is about.
pub(super) fn tally(rows: &[Row], noun: &str) -> String {
    let count = |verdict| rows.iter().filter(|row| row.verdict == verdict).count();
    let (total, verified) = (rows.len(), count(Verdict::Passed));
    let plural = if total == 1 { "" } else { "s" };
    if verified == total {
        return format!("{total} {noun}{plural} verified");
    }
    let parts: Vec<String> = [Verdict::Refused, Verdict::Unverifiable, Verdict::Failed]
        .into_iter()
        .filter_map(|verdict| match count(verdict) {
            0 => None,
            count => Some(format!("{count} {}", fetch::status_of(verdict))),
        })
        .collect();
    format!("{verified} of {total} {noun}{plural} verified, {}", parts.join(", "))
}
