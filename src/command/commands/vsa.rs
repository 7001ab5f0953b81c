//! `pinfold verify --vsa DIR`: one verification summary a pin, for whoever takes a verifier's word instead of evidence.
//!
//! A summary says no more than what was verified. Its subject has only digests that the pin names or that the bytes at
//! hand have; a level is of evidence that was proved to be about them, and not by a record's word.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::ctx::Ctx;
use crate::install;
use crate::project::{Project, record_name};
use crate::purl;
use crate::report::{Finding, Level, Report, Row, Verdict};
use pinfold_core::digest::{Algorithm, Sha256};
use pinfold_core::fault::Fault;
use pinfold_core::fs;
use pinfold_core::pins::{Artifact, Mode, Pin, Source};
use pinfold_core::record::RecordError;
use pinfold_core::text::json_line;
use pinfold_evidence::slsa::{BuildLevel, Summary};
use pinfold_evidence::statement::VSA;

use super::output::{Destination, Kind};
use super::paper::time;
use super::seal::{Payload, Signing, seal};
use super::{held, verify};

/// Where summaries go, and whose they are.
#[derive(Debug)]
pub struct Options {
    /// The pins, all of them for none.
    pub pins: Vec<String>,
    /// The folder.
    pub folder: PathBuf,
    /// Whether a summary may replace something of another kind there.
    pub force: bool,
    /// `verifier.id`: who says so, a URI.
    pub verifier: String,
    /// What signs them; bare statements without.
    pub signing: Option<Signing>,
    /// When it was verified, in seconds since 1970, in place of the clock's word.
    pub time: Option<i64>,
}

/// Verifies as `pinfold verify` does, and as pins.toml says: no option takes the place of its modes. Writes a summary for
/// each pin, also for those that did not pass, so that none of an earlier run is left to speak for them.
pub fn run(ctx: &Ctx<'_>, options: &Options) -> Result<Report, Fault> {
    let project = Project::open(ctx.pin_file)?;
    let verify = verify::Options { pins: options.pins.clone(), evidence: None, whole: true };
    let verdicts = ctx.verdicts.forgetful();
    let ctx = &Ctx { verdicts: &verdicts, ..*ctx };
    let mut report = verify::of(ctx, &project, &verify)?;
    report.command = "verify";
    fs::create_folders(&options.folder)?;
    let mut written: usize = 0;
    for row in &mut report.rows {
        let pin = project.pin_file().pin(&row.subject);
        let Some(pin) = pin else { continue };
        let result = match pin.artifact_for(ctx.platform) {
            Some(artifact) => summary(ctx, &project, (pin, artifact), row, options)
                .and_then(|summary| write(ctx, options, pin, &summary))
                .map(|()| written = written.saturating_add(1)),
            None => forget(options, pin),
        };
        match result {
            Ok(()) => {}
            Err(error) => {
                // What could not be replaced must not stay.
                let error = forget(options, pin).err().unwrap_or(error);
                row.verdict = row.verdict.max(error.verdict());
                row.findings.extend(error.findings());
            }
        }
    }
    let noun = if written == 1 { "summary" } else { "summaries" };
    let message = format!("{written} verification {noun} in `{}`", options.folder.display());
    report.notes.push(Finding::new(Level::Note, "summaries-written", message));
    report.notes.extend(options.signing.iter().flat_map(Signing::notes).cloned());
    Ok(report)
}

fn summary(
    ctx: &Ctx<'_>,
    project: &Project,
    (pin, artifact): (&Pin, &Artifact),
    row: &Row,
    options: &Options,
) -> Result<Summary, Fault> {
    let now = options.time.unwrap_or_else(|| ctx.clock.seconds());
    let mut digests = vec![(artifact.integrity.algorithm().name().to_owned(), artifact.integrity.hex())];
    if artifact.integrity.algorithm() != Algorithm::Sha256
        && let Ok(Some(blob)) = install::open_kept(ctx, project, artifact)
    {
        let sha256 = install::digest_of(&blob, Algorithm::Sha256)?;
        digests.push((sha256.algorithm().name().to_owned(), sha256.hex()));
    }
    let policy_file = ctx.pin_file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(Summary {
        name: match &artifact.source {
            Source::Pypi(file) => file.file().to_owned(),
            Source::Github(asset) => asset.asset().to_owned(),
            source => purl::of(source, &artifact.integrity),
        },
        digests,
        verifier: options.verifier.clone(),
        time: time(now).unwrap_or_default(),
        resource: purl::of(&artifact.source, &artifact.integrity),
        policy: (policy_file, Sha256::of(project.pin_file().text().as_bytes()).hex()),
        inputs: inputs(project, pin, artifact)?,
        passed: (row.verdict == Verdict::Passed).then(|| level(row)),
    })
}

/// The level of a pin that passed.
fn level(row: &Row) -> BuildLevel {
    // The record alone says that the evidence is about the pinned bytes: somebody who can write records could have put
    // good evidence of other bytes there.
    let by_record = row.findings.iter().any(|finding| finding.code == "evidence-by-record");
    if by_record { BuildLevel::L0 } else { BuildLevel::of(row.evidence.as_deref()) }
}

/// The attestations that were judged.
fn inputs(project: &Project, pin: &Pin, artifact: &Artifact) -> Result<Vec<(String, String)>, Fault> {
    let off = install::evidence::demand(project, pin, artifact, None).mode == Mode::Off;
    let record = match project.record(pin.name.as_str()) {
        Ok(record) => record.filter(|record| !off && record.integrity == artifact.integrity),
        // That it is malformed was found already, and kept the pin from passing.
        Err(error) if error.cause::<RecordError>().is_some() => None,
        Err(error) => return Err(error),
    };
    let kept = held::kept(record.as_ref()).iter().enumerate();
    let uri = |index| format!("{}#/evidence/attestations/{index}/attestation", record_name(pin.name.as_str()));
    Ok(kept.map(|(index, one)| (uri(index), Sha256::of(one.attestation.to_string().as_bytes()).hex())).collect())
}

fn write(ctx: &Ctx<'_>, options: &Options, pin: &Pin, summary: &Summary) -> Result<(), Fault> {
    let statement = summary.statement();
    let (document, suffix, other): (Value, _, _) = match &options.signing {
        Some(Signing::Key { key, .. }) => (key.envelope(&statement)?, SIGNED, BARE),
        Some(identity @ Signing::Keyless(_)) => (seal(ctx, identity, Payload::Statement(&statement))?, SIGNED, BARE),
        None => (statement, BARE, SIGNED),
    };
    // One of an earlier run, with a key or without, would go on saying what was true then.
    remove_summary(options, &place(options, pin, other))?;
    let path = place(options, pin, suffix);
    Destination { path: &path, force: options.force, pin_file: Some(ctx.pin_file) }.put(json_line(&document).as_bytes())
}

/// Removes a summary of an earlier run, and nothing that is none.
fn remove_summary(options: &Options, path: &Path) -> Result<(), Fault> {
    let destination = Destination { path, force: options.force, pin_file: None };
    destination.check_found(|found| matches!(found, Kind::Statement { predicate, .. } if predicate == VSA))?;
    Ok(fs::remove(path)?)
}

/// Removes the summaries of an earlier run.
fn forget(options: &Options, pin: &Pin) -> Result<(), Fault> {
    let signed = remove_summary(options, &place(options, pin, SIGNED));
    remove_summary(options, &place(options, pin, BARE))?;
    signed
}

fn place(options: &Options, pin: &Pin, suffix: &str) -> PathBuf {
    options.folder.join(format!("{}{suffix}", pin.name))
}

const BARE: &str = ".vsa.json";
const SIGNED: &str = ".vsa.dsse.json";
