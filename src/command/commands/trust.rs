//! `pinfold trust`: whom evidence is proved against, from when that is, and how to get what is newer.

use crate::ctx::Ctx;
use crate::report::{Report, Row, Verdict};
use pinfold_core::fault::Fault;
use pinfold_evidence::root::{Held, Instance, RegistryKeys, TrustRoot};
use pinfold_evidence::trust::{Door, Refreshed, Repository, TrustError};

/// Shows the roots in use and the registry's keys. A root that cannot be read fails its row.
pub fn show(ctx: &Ctx<'_>) -> Result<Report, Fault> {
    let mut rows = Vec::new();
    for instance in Instance::KNOWN {
        rows.push(match ctx.trust.root(instance) {
            Ok(used) => {
                shown(instance.name(), origin(used.version), root_source(&used.root, used.version), windows(&used.root))
            }
            Err(error) => failed(instance.name(), String::new(), error),
        });
    }
    rows.push(match ctx.trust.registry_keys() {
        Ok(used) => shown(
            RegistryKeys::NAME,
            origin(used.version),
            keys_source(&used.keys, used.version),
            keys_detail(&used.keys),
        ),
        Err(error) => failed(RegistryKeys::NAME, String::new(), error),
    });
    let summary = match (count(&rows, "refreshed"), count(&rows, "failed")) {
        (0, 0) => "all as they came with pinfold; `pinfold trust update` asks for newer ones".to_owned(),
        (refreshed, 0) => format!("{refreshed} of {} refreshed", rows.len()),
        (_, failed) => format!("{failed} of {} cannot be read", rows.len()),
    };
    Ok(Report { command: "trust show", rows, notes: Vec::new(), summary, judges: false })
}

/// Refreshes the roots of these repositories. What is in use stays where anything is wrong.
pub fn update(ctx: &Ctx<'_>, repositories: &[Repository]) -> Result<Report, Fault> {
    let door = Door { http: ctx.http, clock: ctx.clock, timeouts: ctx.timeouts };
    let mut rows = Vec::new();
    for repository in repositories {
        match ctx.waiting(|patience| ctx.trust.refresh(repository, door, patience)) {
            Ok(refreshed) => rows.extend(updated(repository, refreshed)),
            Err(error) => rows.push(failed(repository.instance.name(), repository.url.to_string(), error)),
        }
    }
    let parts = ["updated", "unchanged", "refused", "failed"].map(|status| (count(&rows, status), status));
    let parts = parts.iter().filter(|(count, _)| *count > 0);
    let parts: Vec<String> = parts.map(|(count, status)| format!("{count} {status}")).collect();
    let summary = parts.join(", ");
    Ok(Report { command: "trust update", rows, notes: Vec::new(), summary, judges: true })
}

fn updated(repository: &Repository, refreshed: Refreshed) -> Vec<Row> {
    let status = |changed: bool| if changed { "updated" } else { "unchanged" };
    let version = Some(refreshed.version);
    let root = &refreshed.root;
    let name = repository.instance.name();
    let mut rows = vec![shown(name, status(root.changed), root_source(&root.now, version), windows(&root.now))];
    rows.extend(refreshed.registry_keys.map(|keys| match keys {
        Ok(keys) => {
            shown(RegistryKeys::NAME, status(keys.changed), keys_source(&keys.now, version), keys_detail(&keys.now))
        }
        Err(error) => failed(RegistryKeys::NAME, repository.url.to_string(), error),
    }));
    rows
}

const fn origin(version: Option<u64>) -> &'static str {
    if version.is_some() { "refreshed" } else { "embedded" }
}

/// From when a root is; the version is that of the TUF targets which name it.
fn root_source(root: &TrustRoot, version: Option<u64>) -> String {
    source(root.date(), version)
}

fn keys_source(keys: &RegistryKeys, version: Option<u64>) -> String {
    source(keys.newest(), version)
}

fn source(date: Option<String>, version: Option<u64>) -> String {
    let date = date.map_or_else(|| "of no date".to_owned(), |date| format!("from {date}"));
    version.map_or_else(|| date.clone(), |version| format!("{date}, TUF version {version}"))
}

fn windows(root: &TrustRoot) -> String {
    let parts = [
        ("certificate authority", "certificate authorities", root.authorities_hold()),
        ("log", "logs", root.logs_hold()),
        ("timestamp authority", "timestamp authorities", root.timestampers_hold()),
    ];
    let parts = parts.iter().filter(|(.., held)| !held.is_empty());
    let parts: Vec<String> = parts
        .map(|(one, many, held)| {
            format!("{} {} {}", held.len(), if held.len() == 1 { one } else { many }, window(held))
        })
        .collect();
    parts.join(", ")
}

/// From the first day of all of them to the last, which is open where one of them has no end.
fn window(held: &[Held]) -> String {
    let start = held.iter().map(|one| one.start.as_str()).min().unwrap_or_default();
    let ends: Option<Vec<&str>> = held.iter().map(|one| one.end.as_deref()).collect();
    let end = ends.and_then(|ends| ends.into_iter().max()).unwrap_or_default();
    format!("{start}..{end}")
}

fn keys_detail(keys: &RegistryKeys) -> String {
    let open = keys.keys().iter().filter(|key| key.end.is_none()).count();
    format!("{} keys of the npm registry, {open} without an end", keys.keys().len())
}

fn count(rows: &[Row], status: &str) -> usize {
    rows.iter().filter(|row| row.status == status).count()
}

fn shown(subject: &str, status: &str, source: String, detail: String) -> Row {
    let (subject, status) = (subject.to_owned(), status.to_owned());
    Row {
        subject,
        verdict: Verdict::Passed,
        status,
        source,
        detail,
        evidence: None,
        audit: None,
        wasm: Vec::new(),
        findings: Vec::new(),
    }
}

fn failed(subject: &str, source: String, error: TrustError) -> Row {
    let error = Fault::from(error);
    let verdict = error.verdict();
    let status = if verdict == Verdict::Refused { "refused" } else { "failed" };
    Row { verdict, findings: error.findings(), ..shown(subject, status, source, String::new()) }
}
