//! `pinfold update`: moves pins to other versions, and shows what that means to trust before anything is written.
//!
//! Both versions are unpacked where nobody sees it and compared; the evidence of both is proved. A pin whose evidence was
//! good does not move to a version that has less of it: that is how a stolen account looks from here. Of pins.toml only
//! the values of the artifact change. A pin that cannot be moved does not keep the others from moving.

mod diff;
mod next;
mod patches;
#[cfg_attr(not(feature = "evidence"), path = "update/without_evidence.rs")]
mod proofs;

use std::convert::Infallible;
use std::str::FromStr;

use crate::ctx::{Ctx, Step};
use crate::install;
use crate::project::Project;
use crate::report::{Evidence, Finding, Level, Report, Row, Verdict};
use pinfold_core::fault::{Class, Fault};
use pinfold_core::pins::{Artifact, EditError, NewVersion, Pin, PinFile, Platform, Source};
use pinfold_core::store::VerifiedBlob;

use super::claims::{Claims, cutoff, unedited};
use super::consent::{Consent, Outcome};
use super::{fetch, work};
use next::Next;
use proofs::Compared;

/// What `pinfold update` was asked for.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The pins, all of them for none.
    pub pins: Vec<String>,
    /// To which version.
    pub to: Target,
    /// Less evidence than before is taken.
    pub allow_downgrade: bool,
}

/// To which version a pin is moved.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Target {
    /// The one that its source calls the latest.
    #[default]
    Latest,
    /// The newest with the same first number.
    Minor,
    /// The newest with the same first two numbers.
    Patch,
    /// This one, a tag for releases.
    Version(String),
}

impl FromStr for Target {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "latest" => Self::Latest,
            "minor" => Self::Minor,
            "patch" => Self::Patch,
            version => Self::Version(version.to_owned()),
        })
    }
}

/// How it stands with one artifact of a pin.
struct Move {
    subject: String,
    source: String,
    detail: String,
    verdict: Verdict,
    /// What is to be written; `None` where nothing changes, or may.
    version: Option<NewVersion>,
    proof: Option<Box<Evidence>>,
    findings: Vec<Finding>,
}

/// Moves pins, if whoever is asked agrees.
pub fn run(ctx: &Ctx<'_>, options: &Options, consent: Consent<'_>) -> Result<Report, Fault> {
    let project = Project::open(ctx.pin_file)?;
    let pins = project.select(&options.pins)?;
    let _store_lock = ctx.waiting(|patience| ctx.store.hold(patience))?;
    let moves = work::each(
        &pins,
        ctx.jobs,
        |pin| fetch::weight(ctx, pin),
        |pin| {
            let moves = moves_of(ctx, &project, pin, options);
            ctx.progress.step(pin.name.as_str(), Step::Over);
            moves
        },
    );
    let moves: Vec<Move> = moves.into_iter().flatten().collect();
    let versions: Vec<NewVersion> = moves.iter().filter_map(|one| one.version.clone()).collect();
    project.pin_file().with_versions(&versions).map_err(unedited)?;
    let outcome = if versions.is_empty() { Outcome::Shown } else { consent.outcome(|| report(&moves, Outcome::Shown)) };
    if outcome == Outcome::Written {
        project.edit_pins(ctx, ctx.pin_file, |now| moved_in(now, project.pin_file(), &versions))?;
    }
    Ok(report(&moves, outcome))
}

/// The text of the file as it stands now with other versions, `None` unless all are of pins that say what they said when they were looked at, or
/// what they are to say: somebody else may have moved them there.
fn moved_in(now: &PinFile, before: &PinFile, versions: &[NewVersion]) -> Result<Option<String>, Fault> {
    let after = PinFile::parse(&before.with_versions(versions).map_err(unedited)?);
    let after = after.map_err(|error| unedited(EditError::Pins(error)))?;
    let says_what = |file: &PinFile, name: &str| {
        file.pin(name).zip(now.pin(name)).is_some_and(|(planned, now)| planned.says_what(now))
    };
    let (still, already): (Vec<&NewVersion>, _) = versions.iter().partition(|one| says_what(before, &one.pin));
    let same_trust = now.trust() == before.trust() && now.registries() == before.registries();
    if !same_trust || already.iter().any(|one| !says_what(&after, &one.pin)) {
        return Ok(None);
    }
    let still: Vec<NewVersion> = still.into_iter().cloned().collect();
    now.with_versions(&still).map(Some).map_err(unedited)
}

/// All artifacts of a pin: they move together or not at all.
fn moves_of(ctx: &Ctx<'_>, project: &Project, pin: &Pin, options: &Options) -> Vec<Move> {
    let own = pin.artifact.iter().map(|artifact| (None, artifact));
    let variants = pin.variants.iter().map(|(platform, artifact)| (Some(platform), artifact));
    let mut moves: Vec<Move> = own
        .chain(variants)
        .map(|(platform, artifact)| {
            let subject = platform.map_or_else(|| pin.name.to_string(), |platform| format!("{} {platform}", pin.name));
            let moved = moved(ctx, project, (pin, artifact, platform), options);
            moved.map(|moved| Move { subject: subject.clone(), ..moved }).unwrap_or_else(|error| Move {
                subject,
                source: artifact.source.to_string(),
                detail: String::new(),
                verdict: error.verdict(),
                version: None,
                proof: None,
                findings: error.findings(),
            })
        })
        .collect();
    if moves.iter().any(|one| one.verdict != Verdict::Passed) {
        for one in &mut moves {
            if one.version.take().is_none() {
                continue;
            }
            let message = "another variant of the pin cannot be moved, so this one is not either";
            one.findings.push(Finding::new(Level::Warning, "variant-held-back", message));
        }
    }
    moves
}

/// An artifact with its pin and the platform that it is for.
type Place<'a> = (&'a Pin, &'a Artifact, Option<&'a Platform>);

fn moved(ctx: &Ctx<'_>, project: &Project, place: Place<'_>, options: &Options) -> Result<Move, Fault> {
    let (pin, artifact, _) = place;
    ctx.progress.step(pin.name.as_str(), Step::Looking);
    let stays = |findings: Vec<Finding>| Move {
        subject: String::new(),
        source: artifact.source.to_string(),
        detail: String::new(),
        verdict: Verdict::Passed,
        version: None,
        proof: None,
        findings,
    };
    match next::find(ctx, project, artifact, &options.to)? {
        Next::Nothing(finding) => Ok(stays(vec![finding])),
        Next::Stays { listed, findings } => {
            next::hold_pinned(ctx, project, pin, artifact, &listed)?;
            Ok(stays(findings))
        }
        Next::Moves(step) => {
            let next::Step { source, before, after, mut findings } = *step;
            let old = pinned_bytes(ctx, project, (pin, artifact), before.as_ref(), &mut findings)?;
            let (version, compared) =
                compare(ctx, project, place, (source, old), (before.as_ref(), &after), options, &mut findings)?;
            Ok(Move {
                detail: format!("-> {}", version.source),
                verdict: compared.verdict,
                version: (compared.verdict == Verdict::Passed).then_some(version),
                proof: compared.proof,
                ..stays(findings)
            })
        }
    }
}

/// What is pinned, held to what its source lists for it; `None` where it is nowhere to be had any more.
fn pinned_bytes(
    ctx: &Ctx<'_>,
    project: &Project,
    (pin, artifact): (&Pin, &Artifact),
    listed: Option<&Claims>,
    findings: &mut Vec<Finding>,
) -> Result<Option<VerifiedBlob>, Fault> {
    match install::obtain_pinned(ctx, project, pin, artifact) {
        Ok(blob) => {
            listed.map_or(Ok(()), |listed| listed.hold_pinned(&blob))?;
            Ok(Some(blob))
        }
        Err(fault) if fault.class() == Class::Refused => Err(fault),
        Err(error) => {
            let message = format!("the pinned bytes are nowhere to be had, so nothing can be compared: {error}");
            findings.push(Finding::new(Level::Warning, "pinned-unobtainable", message));
            Ok(None)
        }
    }
}

/// Fetches the other version, and compares it with the pinned one in every way.
fn compare(
    ctx: &Ctx<'_>,
    project: &Project,
    (pin, artifact, platform): Place<'_>,
    (source, old): (Source, Option<VerifiedBlob>),
    (before, after): (Option<&Claims>, &Claims),
    options: &Options,
    findings: &mut Vec<Finding>,
) -> Result<(NewVersion, Compared), Fault> {
    let blob = install::obtain_unpinned(ctx, project, pin.name.as_str(), &source)?;
    after.hold(&blob)?;
    let mut version = NewVersion {
        pin: pin.name.to_string(),
        platform: platform.cloned(),
        source,
        integrity: blob.integrity().clone(),
        size: blob.len(),
        tree: None,
    };
    let (new_pin, new_artifact) = draft_of(project, &version)?;
    let loaded = install::load_patches(project, pin)?;
    let tree = install::preview(ctx, &new_pin, &new_artifact, &blob, &loaded);
    version.tree = tree.map_err(|error| patches::all(error, (&new_pin, &new_artifact, &blob), &loaded))?.tree;

    let (was, is) = ((pin, artifact, old.as_ref()), (&new_pin, &new_artifact, &blob));
    findings.extend(diff::of(was, is, (before, after))?);
    let mut compared = proofs::compare(ctx, project, was, is, options.allow_downgrade)?;
    findings.append(&mut compared.findings);
    findings.extend(after.too_young(cutoff(ctx, project)).filter(|_| compared.proof.is_none()));
    // Reports show the first of many.
    findings.sort_by_key(|finding| (finding.code != proofs::EVIDENCE, std::cmp::Reverse(finding.level)));
    ctx.store.remember(&version.integrity, &version.source.to_string())?;
    Ok((version, compared))
}

/// A pin with another version, as it would read.
fn draft_of(project: &Project, version: &NewVersion) -> Result<(Pin, Artifact), Fault> {
    let text = project.pin_file().with_versions(std::slice::from_ref(version)).map_err(unedited)?;
    let file = PinFile::parse(&text).map_err(|error| unedited(EditError::Pins(error)))?;
    let pin = file.pin(&version.pin).cloned();
    let artifact = pin.as_ref().and_then(|pin| match &version.platform {
        Some(platform) => pin.variants.get(platform).cloned(),
        None => pin.artifact.clone(),
    });
    pin.zip(artifact).ok_or_else(|| unedited(EditError::Reread))
}

fn report(moves: &[Move], outcome: Outcome) -> Report {
    let row = |one: &Move| {
        let (status, verdict) = match (one.verdict, &one.version, outcome) {
            (Verdict::Passed, None, _) => ("unchanged", Verdict::Passed),
            (Verdict::Passed, Some(_), Outcome::Written) => ("updated", Verdict::Passed),
            (Verdict::Passed, Some(_), Outcome::Shown) => ("would update", Verdict::Passed),
            (Verdict::Passed, Some(_), Outcome::Declined) => ("declined", Verdict::Failed),
            (verdict, ..) => (fetch::status_of(verdict), verdict),
        };
        Row {
            subject: one.subject.clone(),
            verdict,
            status: status.to_owned(),
            source: one.source.clone(),
            detail: one.detail.clone(),
            evidence: one.proof.clone(),
            audit: None,
            wasm: Vec::new(),
            findings: one.findings.clone(),
        }
    };
    let rows: Vec<Row> = moves.iter().map(row).collect();
    let summary = summary(&rows);
    Report { command: "update", rows, notes: Vec::new(), summary, judges: true }
}

fn summary(rows: &[Row]) -> String {
    let statuses = ["updated", "would update", "unchanged", "declined", "refused", "failed", "unverifiable"];
    let count = |status: &str| rows.iter().filter(|row| row.status == status).count();
    let parts: Vec<String> = statuses
        .into_iter()
        .filter_map(|status| match (count(status), status) {
            (0, _) => None,
            (count, "would update") => Some(format!("{count} would be updated")),
            (count, status) => Some(format!("{count} {status}")),
        })
        .collect();
    let next = if count("updated") > 0 { "; `pinfold fetch` brings them into place" } else { "" };
    format!("{} {}: {}{next}", rows.len(), if rows.len() == 1 { "pin" } else { "pins" }, parts.join(", "))
}
