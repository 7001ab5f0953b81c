//! `pinfold cache`: what is in the store, what of it nobody needs, and whether it is still right.

use std::collections::BTreeSet;
use std::path::Path;

use crate::ctx::Ctx;
use crate::project::RECORDS;
use crate::report::{Finding, Level, Report, Row, Verdict};
use pinfold_core::digest::Integrity;
use pinfold_core::fault::Fault;
use pinfold_core::fs::{self, Held};
use pinfold_core::pins::{MAX_FILE_LEN, PinFile};
use pinfold_core::record::{MAX_RECORD_LEN, Record};
use pinfold_core::store::{Cached, Lookup};

use super::{fetch, work};

/// Lists what is in the store.
pub fn list(ctx: &Ctx<'_>) -> Result<Report, Fault> {
    let cached = ctx.store.list()?;
    let bytes = cached.iter().map(|one| one.size).fold(0, u64::saturating_add);
    let rows = cached.iter().map(|one| row(one, Verdict::Passed, "cached")).collect();
    let summary = format!("{} in {}", count(cached.len()), fetch::size(bytes));
    Ok(Report { command: "cache list", rows, notes: Vec::new(), summary, judges: false })
}

/// Hashes everything in the store again and removes what has rotted.
pub fn verify(ctx: &Ctx<'_>) -> Result<Report, Fault> {
    let _lock = ctx.waiting(|patience| ctx.store.hold(patience))?;
    let cached = ctx.store.list()?;
    let rows = work::each(
        &cached,
        ctx.jobs,
        |one| one.size,
        |one| match ctx.store.open(&one.integrity) {
            Ok(Lookup::Found(_)) => row(one, Verdict::Passed, "verified"),
            Ok(Lookup::Absent) => row(one, Verdict::Passed, GONE),
            Ok(Lookup::Corrupt(mismatch)) => {
                let finding =
                    Finding::new(Level::Error, "store-corrupt", "the copy in the store had rotted and was removed")
                        .compared(mismatch.expected.to_string(), mismatch.received.to_string());
                Row { findings: vec![finding], ..row(one, Verdict::Refused, "refused") }
            }
            Err(error) => Row { findings: Fault::from(error).findings(), ..row(one, Verdict::Failed, "failed") },
        },
    );
    let mut report = Report { command: "cache verify", rows, notes: Vec::new(), summary: String::new(), judges: false };
    let (total, statuses) = (count(cached.len()), ["verified", GONE, "refused", "failed"]);
    let is_whole = report.rows.iter().all(|row| row.status == "verified");
    report.summary =
        if is_whole { format!("{total} verified") } else { format!("{total}: {}", fetch::counts(&report, &statuses)) };
    Ok(report)
}

/// Removes what no project names any more, in its pins or in its records; `dry_run` only says what that would be.
pub fn gc(ctx: &Ctx<'_>, dry_run: bool) -> Result<Report, Fault> {
    let _lock = ctx.store.try_own()?.map_err(|held| busy(&held))?;
    let (needed, notes) = needed(ctx, dry_run)?;
    let mut rows = Vec::new();
    let mut freed = 0_u64;
    let cached = ctx.store.list()?;
    for one in cached.iter().filter(|one| !needed.contains(&one.integrity)) {
        let removed = if dry_run { Ok(()) } else { ctx.store.remove(&one.integrity) };
        rows.push(match removed {
            Ok(()) => {
                freed = freed.saturating_add(one.size);
                row(one, Verdict::Passed, if dry_run { "would go" } else { "removed" })
            }
            Err(error) => Row { findings: Fault::from(error).findings(), ..row(one, Verdict::Failed, "failed") },
        });
    }
    if !dry_run {
        ctx.store.sweep()?;
        #[cfg(feature = "evidence")]
        ctx.verdicts.clear()?;
        ctx.asked.sweep(ctx.clock.seconds())?;
    }
    let verb = if dry_run { "would be removed" } else { "removed" };
    let kept = cached.len().saturating_sub(rows.len());
    let mut report = Report { command: "cache gc", rows, notes, summary: String::new(), judges: false };
    let failed = report.count(Verdict::Failed);
    let gone = report.rows.len().saturating_sub(failed);
    report.summary = format!("{} {verb}, {} freed; {kept} kept", count(gone), fetch::size(freed));
    if failed > 0 {
        report.summary.push_str(&format!(", {failed} failed"));
    }
    Ok(report)
}

/// What the pins and records of all projects name that use the store, and what is to be said of those that cannot be read.
/// Where nothing can be known of what a project needs, the collection fails rather than guess.
fn needed(ctx: &Ctx<'_>, dry_run: bool) -> Result<(BTreeSet<Integrity>, Vec<Finding>), Fault> {
    let (mut needed, mut notes) = (BTreeSet::new(), Vec::new());
    let projects = ctx.store.projects()?;
    if let Some(path) = projects.unreadable.into_iter().next() {
        let message = format!("`{}` does not say which project it registers: nothing was removed", path.display());
        let hint = "run `pinfold fetch` in the projects that use the store, which repairs it, or remove the file";
        return Err(Fault::failed("registration-unreadable", message).hint(hint));
    }
    for project in projects.known {
        let records = project.join(RECORDS);
        if fs::len_if_exists(&records)?.is_none() {
            // Moved or removed; a fetch at its new place registers it again.
            if !dry_run {
                ctx.store.unregister(&project)?;
            }
            continue;
        }
        let path = project.join(PIN_FILE);
        let limit = u64::try_from(MAX_FILE_LEN).unwrap_or(u64::MAX);
        let mut pins = None;
        if let Some(text) = fs::read_if_exists(&path, limit)? {
            let file = path.display().to_string();
            let read = PinFile::parse(&String::from_utf8_lossy(&text)).map_err(|error| error.in_file(&file))?;
            let artifacts = read.pins().iter().flat_map(|pin| pin.artifacts());
            needed.extend(artifacts.map(|artifact| artifact.integrity.clone()));
            pins = Some(read);
        }
        for name in fs::names(&records)?.iter().filter(|name| name.ends_with(".json")) {
            let has_pin = |pins: &PinFile| name.strip_suffix(".json").is_some_and(|name| pins.pin(name).is_some());
            match record(&records.join(name)) {
                Ok(record) => drop(needed.insert(record.integrity)),
                // It is derived from the pin, and the pin is read.
                Err(error) if pins.as_ref().is_some_and(has_pin) => notes.push(left_out(&error)),
                Err(error) => return Err(error),
            }
        }
    }
    Ok((needed, notes))
}

fn record(path: &Path) -> Result<Record, Fault> {
    let bytes = fs::read(path, MAX_RECORD_LEN)?;
    Record::parse(&bytes).map_err(|error| error.in_file(&path.display().to_string()))
}

/// The store is in use, and who took its lock last.
fn busy(held: &Held) -> Fault {
    let last = held.process.map(|process| format!("; the last to begin was process {process}, {} s ago", held.seconds));
    let message = format!("the store is in use by another pinfold{}", last.unwrap_or_default());
    Fault::failed("store-busy", message).hint("try again when no other pinfold is at work")
}

fn left_out(error: &Fault) -> Finding {
    let finding = Finding::new(Level::Warning, error.code(), error.to_string());
    finding.hint("what its pin names is kept; `pinfold fetch` in that project writes the record anew")
}

fn row(cached: &Cached, verdict: Verdict, status: &str) -> Row {
    Row {
        subject: cached.integrity.to_string(),
        verdict,
        status: status.to_owned(),
        source: cached.sources.join(", "),
        detail: fetch::size(cached.size),
        evidence: None,
        audit: None,
        wasm: Vec::new(),
        findings: cached.unread.iter().map(|why| Finding::new(Level::Warning, "disk", why.as_str())).collect(),
    }
}

fn count(artifacts: usize) -> String {
    format!("{artifacts} artifact{}", if artifacts == 1 { "" } else { "s" })
}

/// The status of what another process removed while it was looked for.
const GONE: &str = "removed meanwhile";

/// The usual name of the pin file; a project that uses another is known by its records.
const PIN_FILE: &str = "pins.toml";
