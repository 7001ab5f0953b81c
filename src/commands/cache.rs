//! `pinfold cache`: what is in the store, what of it nobody needs, and whether it is still right.

use std::collections::BTreeSet;

use crate::ctx::Ctx;
use crate::digest::Integrity;
use crate::error::Error;
use crate::fs;
use crate::install::signature::now;
use crate::pins::{MAX_FILE_LEN, PinFile};
use crate::project::RECORDS;
use crate::record::{MAX_RECORD_LEN, Record};
use crate::report::{Finding, Level, Report, Row, Verdict};
use crate::store::{Cached, Lookup};

use super::{fetch, work};

/// Lists what is in the store.
pub fn list(ctx: &Ctx<'_>) -> Result<Report, Error> {
    let cached = ctx.store.list()?;
    let bytes = cached.iter().map(|one| one.size).fold(0, u64::saturating_add);
    let rows = cached.iter().map(|one| row(one, Verdict::Passed, "cached")).collect();
    let summary = format!("{} in {}", count(cached.len()), fetch::size(bytes));
    Ok(Report { command: "cache list", rows, notes: Vec::new(), summary, judges: false })
}

/// Hashes everything in the store again and removes what has rotted.
pub fn verify(ctx: &Ctx<'_>) -> Result<Report, Error> {
    let _lock = ctx.waiting(|patience| ctx.store.hold(patience))?;
    let cached = ctx.store.list()?;
    let rows = work::each(
        &cached,
        ctx.jobs,
        |one| one.size,
        |one| match ctx.store.open(&one.integrity) {
            Ok(Lookup::Found(_)) => row(one, Verdict::Passed, "verified"),
            Ok(Lookup::Absent) => row(one, Verdict::Passed, "removed meanwhile"),
            Ok(Lookup::Corrupt(mismatch)) => {
                let finding =
                    Finding::new(Level::Error, "store-corrupt", "the copy in the store had rotted and was removed")
                        .compared(mismatch.expected.to_string(), mismatch.received.to_string());
                Row { findings: vec![finding], ..row(one, Verdict::Refused, "refused") }
            }
            Err(error) => Row { findings: Error::Fs(error).findings(), ..row(one, Verdict::Failed, "failed") },
        },
    );
    let mut report = Report { command: "cache verify", rows, notes: Vec::new(), summary: String::new(), judges: false };
    let rotten = report.count(Verdict::Refused);
    report.summary = match rotten {
        0 => format!("{} verified", count(cached.len())),
        _ => format!("{}, {rotten} had rotted and were removed", count(cached.len())),
    };
    Ok(report)
}

/// Removes what no project names any more, in its pins or in its records; `dry_run` only says what that would be.
pub fn gc(ctx: &Ctx<'_>, dry_run: bool) -> Result<Report, Error> {
    let _lock = ctx.store.try_own()?.map_err(Error::StoreBusy)?;
    let needed = needed(ctx, dry_run)?;
    let mut rows = Vec::new();
    let mut freed = 0_u64;
    let cached = ctx.store.list()?;
    for one in cached.iter().filter(|one| !needed.contains(&one.integrity)) {
        if !dry_run {
            ctx.store.remove(&one.integrity)?;
        }
        freed = freed.saturating_add(one.size);
        rows.push(row(one, Verdict::Passed, if dry_run { "would go" } else { "removed" }));
    }
    if !dry_run {
        ctx.store.sweep()?;
        ctx.verdicts.clear()?;
        ctx.asked.sweep(now(ctx.clock))?;
    }
    let verb = if dry_run { "would be removed" } else { "removed" };
    let kept = cached.len().saturating_sub(rows.len());
    let summary = format!("{} {verb}, {} freed; {kept} kept", count(rows.len()), fetch::size(freed));
    Ok(Report { command: "cache gc", rows, notes: Vec::new(), summary, judges: false })
}

/// What the pins and records of all projects name that use the store. A project that cannot be read keeps what it has:
/// nothing is known of its pins, so the collection fails rather than guess.
fn needed(ctx: &Ctx<'_>, dry_run: bool) -> Result<BTreeSet<Integrity>, Error> {
    let mut needed = BTreeSet::new();
    for project in ctx.store.projects()? {
        let records = project.join(RECORDS);
        if fs::len_if_exists(&records)?.is_none() {
            // Moved or removed; a fetch at its new place registers it again.
            if !dry_run {
                ctx.store.unregister(&project)?;
            }
            continue;
        }
        for name in fs::names(&records)?.iter().filter(|name| name.ends_with(".json")) {
            let bytes = fs::read(&records.join(name), MAX_RECORD_LEN)?;
            let record = Record::parse(&bytes)
                .map_err(|source| Error::Record { path: records.join(name).display().to_string(), source })?;
            needed.insert(record.integrity);
        }
        let path = project.join(PIN_FILE);
        let limit = u64::try_from(MAX_FILE_LEN).unwrap_or(u64::MAX);
        if let Some(text) = fs::read_if_exists(&path, limit)? {
            let file = path.display().to_string();
            let pins =
                PinFile::parse(&String::from_utf8_lossy(&text)).map_err(|source| Error::Pins { file, source })?;
            let artifacts = pins.pins().iter().flat_map(|pin| pin.artifacts());
            needed.extend(artifacts.map(|artifact| artifact.integrity.clone()));
        }
    }
    Ok(needed)
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
        findings: Vec::new(),
    }
}

fn count(artifacts: usize) -> String {
    format!("{artifacts} artifact{}", if artifacts == 1 { "" } else { "s" })
}

/// The usual name of the pin file; a project that uses another is known by its records.
const PIN_FILE: &str = "pins.toml";
