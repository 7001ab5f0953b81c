//! What changes between two versions that whoever reviews them wants to see: files, scripts, sizes, names.

use super::super::add::{names_the_same, withdrawn};
use super::super::claims::Claims;
use super::super::fetch;
use super::super::scripts;
use crate::install;
use crate::report::{Finding, Level};
use pinfold_core::fault::Fault;
use pinfold_core::patch::Patches;
use pinfold_core::pins::{Artifact, Pin};
use pinfold_core::record::{self, Change, Contents, EntryKind};
use pinfold_core::store::VerifiedBlob;

/// All of it. Both trees are compared as upstream made them, without the project's patches.
pub(super) fn of(
    (pin, artifact, old): (&Pin, &Artifact, Option<&VerifiedBlob>),
    (new_pin, new_artifact, blob): (&Pin, &Artifact, &VerifiedBlob),
    (before, after): (Option<&Claims>, &Claims),
) -> Result<Vec<Finding>, Fault> {
    let mut findings = Vec::new();
    if let Some(old) = old {
        let none = Patches::default();
        let was = install::describe(pin, artifact, old, &none)?.contents;
        let is = install::describe(new_pin, new_artifact, blob, &none)?.contents;
        files(&was, &is, &mut findings);
        let scripts = (scripts::of(pin, artifact, old)?, scripts::of(new_pin, new_artifact, blob)?);
        install_scripts(&scripts.0, &scripts.1, &mut findings);
        sizes((old.len(), was.bytes()), (blob.len(), is.bytes()), &mut findings);
    }
    let own = license_of(new_pin, new_artifact, blob)?.or_else(|| after.license.clone());
    let old_own = old.map(|old| license_of(pin, artifact, old)).transpose()?.flatten();
    let old_own = old_own.or_else(|| before.and_then(|before| before.license.clone()));
    claims(before, after, (old_own, own), &mut findings);
    if !artifact.mirrors.is_empty() {
        let message = "its `mirrors` are still those of the pinned version";
        findings.push(Finding::new(Level::Warning, "mirrors-stale", message).hint("change them by hand"));
    }
    Ok(findings)
}

fn files(was: &Contents, is: &Contents, findings: &mut Vec<Finding>) {
    let differences = record::differences(was, is);
    let paths = |wanted: fn(&Change) -> bool| -> Vec<&str> {
        differences.iter().filter(|one| wanted(&one.change)).map(|one| one.path.as_str()).collect()
    };
    let kinds = [
        ("files-added", "added", paths(|change| matches!(change, Change::Added))),
        ("files-removed", "removed", paths(|change| matches!(change, Change::Removed))),
        (
            "files-changed",
            "changed",
            paths(|change| matches!(change, Change::Changed { .. } | Change::Kind { .. } | Change::Mode { .. })),
        ),
    ];
    for (code, word, paths) in kinds {
        if !paths.is_empty() {
            findings.push(Finding::new(
                Level::Note,
                code,
                format!("{} {word}: {}", count(paths.len()), listed(&paths)),
            ));
        }
    }
    if differences.is_empty() {
        findings.push(Finding::new(Level::Note, "files-same", "no file differs"));
    }
    let executables = |contents: &Contents| -> Vec<String> {
        let Contents::Folder(entries) = contents else { return Vec::new() };
        let is = |kind: &EntryKind| matches!(kind, EntryKind::File(file) if file.executable);
        entries.iter().filter(|entry| is(&entry.kind)).map(|entry| entry.path.to_string()).collect()
    };
    let known = executables(was);
    let now = executables(is);
    let new: Vec<&str> = now.iter().filter(|path| !known.contains(path)).map(String::as_str).collect();
    if !new.is_empty() {
        let message = format!("executable and was not before: {}", listed(&new));
        findings.push(Finding::new(Level::Warning, "executables-new", message));
    }
}

fn install_scripts(was: &[(String, String)], is: &[(String, String)], findings: &mut Vec<Finding>) {
    for (name, script) in is {
        match was.iter().find(|(known, _)| known == name) {
            Some((_, before)) if before == script => {}
            Some(_) => findings.push(scripts::finding(&format!("package.json has another `{name}`"), script)),
            None => findings.push(scripts::finding(&format!("package.json has a new `{name}`"), script)),
        }
    }
}

fn sizes((packed, unpacked): (u64, u64), (new_packed, new_unpacked): (u64, u64), findings: &mut Vec<Finding>) {
    let message = format!(
        "{} packed, was {}; {} unpacked, was {}",
        fetch::size(new_packed),
        fetch::size(packed),
        fetch::size(new_unpacked),
        fetch::size(unpacked)
    );
    // Twice as much is another program, unless both are small.
    let jumps = new_unpacked > unpacked.saturating_mul(2) && new_unpacked.saturating_sub(unpacked) > SMALL;
    let (level, code) = if jumps { (Level::Warning, "size-jump") } else { (Level::Note, "size-compared") };
    findings.push(Finding::new(level, code, message));
}

/// What the source says of the two versions, and where it says something else than before.
fn claims(
    before: Option<&Claims>,
    after: &Claims,
    (old_license, license): (Option<String>, Option<String>),
    findings: &mut Vec<Finding>,
) {
    let time = |claims: &Claims| claims.published.clone();
    if let Some(now) = time(after) {
        let was = before.and_then(time).map(|was| format!(", the pinned one {was}")).unwrap_or_default();
        findings.push(Finding::new(Level::Note, "published", format!("published {now}{was} (claimed)")));
    }
    findings.extend(after.withdrawn.as_deref().map(withdrawn));
    if license != old_license {
        let shown = |one: Option<String>| one.map_or_else(|| "none".to_owned(), |one| one.escape_debug().to_string());
        let finding = Finding::new(Level::Warning, "license-changed", "the licence is another one (claimed)");
        findings.push(finding.compared(shown(old_license), shown(license)));
    }
    let Some(before) = before else { return };
    let missing = |from: &[String], those: &[String]| -> Vec<String> {
        those.iter().filter(|name| !from.contains(name)).cloned().collect()
    };
    let came = missing(&before.maintainers, &after.maintainers);
    let left = missing(&after.maintainers, &before.maintainers);
    if !came.is_empty() || !left.is_empty() {
        let mut parts = Vec::new();
        for (word, names) in [("new", came), ("gone", left)] {
            if !names.is_empty() {
                parts.push(format!("{word}: {}", listed(&names.iter().map(String::as_str).collect::<Vec<_>>())));
            }
        }
        let message = format!("others may publish it than could (claimed); {}", parts.join("; "));
        findings.push(Finding::new(Level::Warning, "maintainers-changed", message));
    }
    let (was, is) = (before.repository.as_deref(), after.repository.as_deref());
    if let Some(was) = was
        && !is.is_some_and(|is| names_the_same(was, is))
    {
        let finding = Finding::new(Level::Warning, "repository-changed", "its sources are elsewhere (claimed)");
        let is = is.map_or_else(|| "none".to_owned(), |is| is.escape_debug().to_string());
        findings.push(finding.compared(was.escape_debug().to_string(), is));
    }
}

/// The licence that a package states itself.
fn license_of(pin: &Pin, artifact: &Artifact, blob: &VerifiedBlob) -> Result<Option<String>, Fault> {
    let package = scripts::package_json(pin, artifact, blob)?;
    let license = package.as_ref().and_then(|package| package.get("license"));
    let text = license.and_then(|license| license.as_str().or_else(|| license.get("type")?.as_str()));
    Ok(text.map(|text| text.chars().take(MAX_TEXT).collect()))
}

fn count(files: usize) -> String {
    format!("{files} {}", if files == 1 { "file" } else { "files" })
}

/// Names, as many as a line holds.
fn listed(names: &[&str]) -> String {
    let mut shown: Vec<String> = names.iter().take(MAX_NAMES).map(|name| name.escape_debug().to_string()).collect();
    if names.len() > MAX_NAMES {
        shown.push(format!("and {} more", names.len().saturating_sub(MAX_NAMES)));
    }
    shown.join(", ")
}

/// Most names in one message.
const MAX_NAMES: usize = 8;
/// Most characters of a licence.
const MAX_TEXT: usize = 200;
/// Growth that is nothing to tell, in bytes.
const SMALL: u64 = 64 << 10;
