//! What `pinfold add` is about to trust, in words.

use super::super::claims::Claims;
use super::super::consent::Outcome;
use super::super::fetch;
use super::super::scripts;
use super::{Planned, tree_of};
use crate::report::{Evidence, Finding, Level, Report, Row, Verdict};
use pinfold_core::fault::Fault;
use pinfold_core::pins::{Artifact, NewPin, Pin, Source};
use pinfold_core::record::{Contents, EntryKind};
use pinfold_core::store::VerifiedBlob;
use pinfold_net::registry::Package;

/// One row for the pin.
pub(super) fn report(planned: &Planned, outcome: Outcome) -> Report {
    let (status, verdict, summary) = match outcome {
        Outcome::Written => ("added", Verdict::Passed, "1 pin added; `pinfold fetch` brings it into place"),
        Outcome::Shown => ("would add", Verdict::Passed, "1 pin would be added"),
        Outcome::Declined => ("declined", Verdict::Failed, "nothing was added"),
    };
    let new = &planned.new;
    let mut findings = planned.findings.clone();
    // Reports show the first of many.
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.level));
    findings.push(pinned(new));
    findings.extend(demanded(new));
    findings.extend(signed(new));
    let row = Row {
        subject: new.name.to_string(),
        verdict,
        status: status.to_owned(),
        source: new.source.to_string(),
        detail: format!("{} -> {}", fetch::describe(&planned.contents), new.to),
        evidence: planned.proof.clone(),
        audit: None,
        wasm: Vec::new(),
        findings,
    };
    Report { command: "add", rows: vec![row], notes: Vec::new(), summary: summary.to_owned(), judges: true }
}

/// The bytes that will be held to.
fn pinned(new: &NewPin) -> Finding {
    let message = format!("pins {} bytes, {}, and the tree {}", new.size, new.integrity, tree_of(new));
    Finding::new(Level::Note, "pinned", message)
}

/// What the new pin will demand of evidence.
fn demanded(new: &NewPin) -> Option<Finding> {
    let demands = new.provenance.as_ref()?;
    let repository = demands.repository.as_ref()?;
    let mode = demands.mode.map(|mode| format!(", {mode}")).unwrap_or_default();
    let mut message = format!("demands from now on{mode}: built from {repository}");
    if let Some(id) = &demands.repository_id {
        message.push_str(&format!(" (repository {id}"));
        message
            .push_str(&demands.owner_id.as_ref().map(|id| format!(", owner {id})")).unwrap_or_else(|| ")".to_owned()));
    }
    if let Some(workflow) = &demands.workflow {
        message.push_str(&format!(", signed by {workflow}"));
    }
    Some(Finding::new(Level::Note, "pinned-provenance", message))
}

/// Whose signature the new pin will demand.
fn signed(new: &NewPin) -> Option<Finding> {
    let demands = new.signature.as_ref()?;
    let keys: Vec<String> = demands.keys.iter().map(|key| format!("`{key}`")).collect();
    let message = format!("demands from now on, {}: signed with the key in {}", demands.mode, keys.join(" or "));
    Some(Finding::new(Level::Note, "pinned-signature", message))
}

/// What is claimed, and what nobody claims.
pub(super) fn claims(claims: &Claims, source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(claims.sentence().map(|sentence| Finding::new(Level::Note, "claimed", sentence)));
    match (&claims.integrity, source) {
        (Some(integrity), _) => {
            let message = format!("the bytes are those that their source lists ({})", integrity.algorithm().name());
            findings.push(Finding::new(Level::Note, "integrity-listed", message));
        }
        (None, Source::File(_)) => {}
        (None, _) => {
            let message = "nobody lists a digest of it: the bytes are pinned as they came just now";
            findings.push(Finding::new(Level::Warning, "integrity-unlisted", message));
        }
    }
    findings.extend(claims.withdrawn.as_ref().map(|why| withdrawn(why)));
    findings
}

/// A version that was taken back.
pub(in crate::commands) fn withdrawn(why: &str) -> Finding {
    let why = if why.is_empty() { String::new() } else { format!(": {}", why.escape_debug()) };
    Finding::new(Level::Warning, "version-withdrawn", format!("its authors took it back, or advise against it{why}"))
}

/// What is in it that a look is worth.
pub(super) fn contents(
    pin: &Pin,
    artifact: &Artifact,
    blob: &VerifiedBlob,
    contents: &Contents,
) -> Result<Vec<Finding>, Fault> {
    let mut findings = Vec::new();
    for (name, script) in scripts::of(pin, artifact, blob)? {
        findings.push(scripts::finding(&format!("package.json has `{name}`"), &script));
    }
    if let Contents::Folder(entries) = contents {
        let is_executable = |kind: &EntryKind| matches!(kind, EntryKind::File(file) if file.executable);
        let executables = entries.iter().filter(|entry| is_executable(&entry.kind)).count();
        if executables > 0 {
            let noun = if executables == 1 { "file is" } else { "files are" };
            let message = format!("{executables} {noun} executable");
            findings.push(Finding::new(Level::Note, "executables", message));
        }
        let mut tops = entries.iter().map(|entry| entry.path.components().next().unwrap_or_default());
        let first = tops.next();
        let is_one = first.is_some() && tops.all(|top| Some(top) == first);
        let below = entries.iter().all(|entry| entry.path.components().count() > 1);
        if let (Some(first), true) = (first, is_one && below) {
            let message = format!("all of it is in one folder, `{}`", first.escape_debug());
            findings.push(Finding::new(Level::Note, "one-folder", message).hint("`--strip 1` takes it off"));
        }
    }
    Ok(findings)
}

/// A repository that is proved, and another one that is only claimed.
pub(super) fn repositories(claims: &Claims, proof: Option<&Evidence>, new: &NewPin) -> Vec<Finding> {
    let Some(proved) = proof.and_then(|proof| proof.repository.as_deref()) else { return Vec::new() };
    let own = match &new.source {
        Source::Github(asset) => Some(format!("{}/{}", asset.owner(), asset.repo())),
        _ => claims.repository.clone(),
    };
    let Some(own) = own else { return Vec::new() };
    if names_the_same(&own, proved) {
        return Vec::new();
    }
    let message = "it was built from another repository than its source names";
    vec![Finding::new(Level::Warning, "repository-differs", message).compared(own.escape_debug().to_string(), proved)]
}

/// Whether a repository as publishers write it (`git+https://host/o/r.git`, `github:o/r`, `o/r`) is the one of a URL.
pub(in crate::commands) fn names_the_same(written: &str, url: &str) -> bool {
    let path = |text: &str| {
        let text = text.split(['#', '?']).next().unwrap_or_default().trim_end_matches('/').trim_end_matches(".git");
        let mut parts = text.rsplit(['/', ':']);
        let (repo, owner) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        format!("{owner}/{repo}").to_ascii_lowercase()
    };
    path(written) == path(url)
}

/// That there is a newer version, which was passed over.
pub(super) fn not_the_latest(package: &Package, chosen: &str, named: bool) -> Vec<Finding> {
    match &package.latest {
        Some(latest) if !named && latest != chosen => {
            let message = format!("`{}` is newer, and younger than `min-age` allows (claimed)", latest.escape_debug());
            vec![Finding::new(Level::Note, "version-passed-over", message)]
        }
        _ => Vec::new(),
    }
}
