//! `pinfold audit`: what upstream says of each pin today, and what of it can be proved; a row a pin.
//!
//! Changes nothing. Asks a package's registry for one document and, where the record has no evidence, for one more; two
//! pins never wait for each other. An audit looks for evidence in every mode: `off` keeps a fetch from it, not an auditor.
//! Errors always count; `--fail-on` says what else does.

mod bytes;
pub(super) mod evidence;
pub(super) mod house;
pub(super) mod upstream;

use std::path::PathBuf;
use std::str::FromStr;

use crate::ctx::{Ctx, Step};
use crate::install;
use crate::project::Project;
use crate::report::audit::{Audit, Provenance, ProvenanceFrom, Served, ServedBy, Signature};
use crate::report::{Finding, Level, Report, Row, Verdict};
use pinfold_core::fault::Fault;
use pinfold_core::pins::Pin;

use super::{fetch, work};
use house::House;
use upstream::Upstream;

/// What `pinfold audit` was asked for.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The pins, all of them for none.
    pub pins: Vec<String>,
    /// Ask nobody: prove again what the records have.
    pub offline: bool,
    /// Fetch and hash what upstream serves, rather than to believe what it publishes about that.
    pub bytes: bool,
    /// What counts beside errors.
    pub fail_on: Vec<FailOn>,
    /// A policy that holds beside the project's own.
    pub policy: Option<PathBuf>,
}

/// What is to count as an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FailOn {
    /// All findings of this level, and of those above it.
    Level(Level),
    /// A finding by its code, one of [`CODES`].
    Code(&'static str),
}

/// The codes that [`FailOn`] takes: what is no error by itself.
pub const CODES: [&str; 9] = [
    "provenance-missing",
    "nobody-named",
    "evidence-by-claim",
    "evidence-by-record",
    "evidence-offline",
    "upstream-withdrawn",
    "upstream-unlisted",
    "upstream-newer",
    "registry-unsigned",
];

impl FromStr for FailOn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let level = match text {
            "error" => Some(Level::Error),
            "warning" => Some(Level::Warning),
            "note" => Some(Level::Note),
            _ => None,
        };
        let code = || CODES.into_iter().find(|code| *code == text).map(Self::Code);
        let known = || format!("it is `error`, `warning`, `note` or one of {}", CODES.join(", "));
        level.map(Self::Level).or_else(code).ok_or_else(known)
    }
}

/// Audits pins. One that cannot be asked about does not keep the others from their rows.
pub fn run(ctx: &Ctx<'_>, options: &Options) -> Result<Report, Fault> {
    let verdicts = ctx.verdicts.forgetful();
    let ctx = &Ctx { verdicts: &verdicts, ..*ctx };
    let project = Project::open(ctx.pin_file)?;
    let pins = project.select(&options.pins)?;
    project.check_records()?;
    let house = House::load(&project, options.policy.as_deref())?;
    let rows = work::each(
        &pins,
        ctx.jobs,
        |_| 0,
        |pin| {
            ctx.progress.step(pin.name.as_str(), Step::Proving);
            let row = row(ctx, &project, pin, &house, options);
            ctx.progress.step(pin.name.as_str(), Step::Over);
            row
        },
    );
    let mut report = Report { command: "audit", rows, notes: Vec::new(), summary: String::new(), judges: true };
    report.summary = summary(&report);
    Ok(report)
}

/// What is found about one pin, as it is found.
#[derive(Default)]
pub(super) struct Found {
    pub(super) verdict: Option<Verdict>,
    pub(super) findings: Vec<Finding>,
}

impl Found {
    /// A finding that keeps nobody from anything.
    fn tell(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Findings of which the gravest decides: where it is an error, the row comes out as `verdict`.
    fn count(&mut self, findings: Vec<Finding>, verdict: Verdict) {
        if findings.iter().any(|finding| finding.level == Level::Error) {
            self.verdict = self.verdict.max(Some(verdict));
        }
        self.findings.extend(findings);
    }

    /// Makes errors of what the caller wants to fail on.
    fn fail_on(&mut self, rules: &[FailOn]) {
        for finding in self.findings.iter_mut().filter(|finding| finding.level != Level::Error) {
            let counts = |rule: &FailOn| match rule {
                FailOn::Level(level) => finding.level >= *level,
                FailOn::Code(code) => finding.code == *code,
            };
            if rules.iter().any(counts) {
                finding.level = Level::Error;
                self.verdict = self.verdict.max(Some(Verdict::Refused));
            }
        }
    }
}

fn row(ctx: &Ctx<'_>, project: &Project, pin: &Pin, house: &House, options: &Options) -> Row {
    let mut found = Found::default();
    let looked = look(ctx, project, (pin, house, options), &mut found);
    let (audit, proof) = match looked {
        Ok((audit, proof)) => (Some(audit), proof),
        Err(error) => {
            found.count(error.findings(), error.verdict());
            (None, None)
        }
    };
    found.fail_on(&options.fail_on);
    let verdict = found.verdict.unwrap_or(Verdict::Passed);
    let status = match (verdict, audit.as_ref().map(|audit| audit.provenance)) {
        (Verdict::Passed, Some(Provenance::Proved)) => "proved",
        (Verdict::Passed, _) => "unproved",
        _ => fetch::status_of(verdict),
    };
    Row {
        subject: pin.name.to_string(),
        verdict,
        status: status.to_owned(),
        source: fetch::source(ctx, pin),
        detail: audit.as_ref().map(detail).unwrap_or_default(),
        evidence: proof,
        audit: audit.map(Box::new),
        wasm: Vec::new(),
        findings: found.findings,
    }
}

/// Everything about one pin, in the order of the questions.
fn look(
    ctx: &Ctx<'_>,
    project: &Project,
    (pin, house, options): (&Pin, &House, &Options),
    found: &mut Found,
) -> Result<(Audit, Option<Box<crate::report::Evidence>>), Fault> {
    let artifact = install::artifact_of(pin, ctx.platform)?;
    let record = project.record(pin.name.as_str())?.filter(|record| record.integrity == artifact.integrity);
    let demand = house.demand(project, pin, artifact, found);
    let own = |algorithm| evidence::digest_by(ctx, project, artifact, record.as_ref(), algorithm);
    let mut upstream = Upstream::default();
    if !options.offline {
        upstream = upstream::ask(ctx, project, (artifact, house), &own, found)?;
        if options.bytes {
            bytes::fetch(ctx, project, (artifact, house), &mut upstream, found);
        }
    }
    let signature = evidence::signature(ctx, project, artifact, &upstream, record.as_ref(), found)?;
    let about = evidence::About { pin, artifact, demand: &demand, record: record.as_ref(), upstream: &upstream };
    let looked = evidence::look(ctx, project, about, house, options, found)?;
    if looked.provenance == Provenance::Missing {
        upstream.tell_who_closes_the_gap(artifact, found);
    }
    let audit = Audit {
        line: artifact.line,
        integrity: artifact.integrity.to_string(),
        served: upstream.served,
        served_by: upstream.served_by,
        published_integrity: upstream.integrity.as_ref().map(ToString::to_string),
        registry_signature: signature,
        provenance: looked.provenance,
        provenance_from: looked.from,
        asked: looked.silent.as_ref().map(ToString::to_string),
        first_with_evidence: upstream.first_with_evidence(),
        newest_with_evidence: upstream.newest_with_evidence(),
        published: upstream.published,
        withdrawn: upstream.withdrawn,
        newest: upstream.newest,
    };
    Ok((audit, looked.proof))
}

/// The answers in one line.
fn detail(audit: &Audit) -> String {
    let served = match (audit.served, audit.served_by) {
        (Served::Same, ServedBy::Download) => "served as pinned (fetched)",
        (Served::Same, _) => "served as pinned (claimed)",
        (Served::Other, _) => "other bytes upstream",
        (Served::Gone, _) => "gone upstream",
        (Served::Unknown, ServedBy::Nobody) => "nobody was asked",
        (Served::Unknown, _) => "not known what is served",
    };
    let mut parts = vec![served.to_owned()];
    parts.extend(audit.registry_signature.map(|signature| {
        let word = match signature {
            Signature::Valid => "registry signature valid",
            Signature::Absent => "no registry signature",
            Signature::Unverifiable => "registry signature cannot be judged",
            Signature::Refused => "registry signature wrong",
        };
        word.to_owned()
    }));
    if audit.provenance_from == ProvenanceFrom::Record {
        parts.push("evidence of the record".to_owned());
    }
    parts.extend(audit.asked.as_ref().map(|server| format!("no provenance at {server}")));
    parts.extend(audit.published.as_ref().map(|time| format!("published {}", time.get(..10).unwrap_or(time))));
    parts.extend(audit.newest.as_ref().map(|newest| format!("newest {newest}")));
    parts.join(", ")
}

fn summary(report: &Report) -> String {
    let total = report.rows.len();
    let pins = if total == 1 { "pin" } else { "pins" };
    let count = |status: &str| report.rows.iter().filter(|row| row.status == status).count();
    let parts: Vec<String> = ["proved", "unproved", "refused", "failed", "unverifiable"]
        .into_iter()
        .filter_map(|status| match count(status) {
            0 => None,
            count => Some(format!("{count} {status}")),
        })
        .collect();
    format!("{total} {pins}: {}", parts.join(", "))
}
