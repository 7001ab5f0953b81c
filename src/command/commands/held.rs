//! What is held of every pin, by its record and without the network: for the papers that tell of pins (bills of
//! materials, the page), not for verdicts on trees.

use crate::ctx::Ctx;
use crate::install;
use crate::project::Project;
use crate::report::{Evidence, Finding, Level, Report, Row, Verdict};
use pinfold_core::digest::{Algorithm, Digests};
use pinfold_core::fault::Fault;
use pinfold_core::pins::{Artifact, Mode, Pin};
use pinfold_core::record::{self, Record};
use pinfold_evidence::attestation;
use pinfold_evidence::policy;

use super::verify::{self, Options};
use super::{fetch, work};

/// A pin, its record, and what the evidence in that is worth.
pub(super) struct Held<'a> {
    pub(super) pin: &'a Pin,
    /// `None` where the pin has nothing for the platform.
    pub(super) artifact: Option<&'a Artifact>,
    /// The record, if it is of this artifact.
    pub(super) record: Option<Record>,
    pub(super) standing: Standing,
    /// What was proved, and is what the pin demands.
    pub(super) proof: Option<Box<Evidence>>,
    /// Who signed the artifact in its registry, where that was proved of bytes that are at hand; it tells of no build.
    pub(super) signature: Option<Box<Evidence>>,
    pub(super) findings: Vec<Finding>,
    pub(super) verdict: Verdict,
}

/// What is known of a pin's upstream evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Proved, and what the pin demands.
    Verified,
    /// Somebody whom the pin names signed the artifact, which tells of no build.
    Signed,
    /// Proved of bytes of which only the record says that they are the pinned ones: they are not at hand.
    ByRecord,
    /// There, and wrong.
    Refused,
    /// There, and cannot be judged.
    Unverifiable,
    /// There and whole, but the pin does not say whose is good.
    NobodyNamed,
    /// There is none.
    Missing,
    /// Nobody asked yet.
    Unasked,
    /// The pin wants none looked for.
    Off,
    /// The record cannot be read, or something else failed.
    Failed,
}

impl Standing {
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Signed => "signed",
            Self::ByRecord => "by the record's word",
            Self::Refused => "refused",
            Self::Unverifiable => "unverifiable",
            Self::NobodyNamed => "nobody named",
            Self::Missing => "missing",
            Self::Unasked => "not asked for",
            Self::Off => "off",
            Self::Failed => "failed",
        }
    }
}

impl Held<'_> {
    /// The row of a report whose document tells of the pin.
    pub(super) fn row(self, ctx: &Ctx<'_>) -> Row {
        let status = match self.verdict {
            Verdict::Passed => "listed",
            verdict => fetch::status_of(verdict),
        };
        Row {
            subject: self.pin.name.to_string(),
            verdict: self.verdict,
            status: status.to_owned(),
            source: fetch::source(ctx, self.pin),
            detail: format!("evidence: {}", self.standing.words()),
            evidence: self.proof,
            audit: None,
            wasm: Vec::new(),
            findings: self.findings,
        }
    }
}

/// What a summary says of the rows that did not come out well; empty where all did.
pub(super) fn not_listed(report: &Report) -> String {
    match fetch::counts(report, &["refused", "unverifiable", "failed"]) {
        counts if counts.is_empty() => counts,
        counts => format!(", {counts}"),
    }
}

/// Proves the evidence of all pins again, whatever was proved before: what is told of it is kept by others.
pub(super) fn all<'a>(ctx: &Ctx<'_>, project: &Project, pins: &[&'a Pin]) -> Vec<Held<'a>> {
    let verdicts = ctx.verdicts.forgetful();
    let ctx = &Ctx { verdicts: &verdicts, ..*ctx };
    work::each(pins, ctx.jobs, |pin| fetch::weight(ctx, pin), |pin| one(ctx, project, pin))
}

fn one<'a>(ctx: &Ctx<'_>, project: &Project, pin: &'a Pin) -> Held<'a> {
    let artifact = pin.artifact_for(ctx.platform);
    let nothing = |standing, findings, verdict| {
        let (record, proof, signature) = (None, None, None);
        Held { pin, artifact, record, standing, proof, signature, findings, verdict }
    };
    let Some(artifact) = artifact else {
        let message = format!("`{}` has nothing for the platform `{}`", pin.name, ctx.platform);
        let finding = Finding::new(Level::Warning, "no-variant", message);
        return nothing(Standing::Unasked, vec![finding], Verdict::Passed);
    };
    let record = match project.record(pin.name.as_str()) {
        Ok(record) => record.filter(|record| is_of(record, pin, artifact)),
        Err(error) => return nothing(Standing::Failed, error.findings(), error.verdict()),
    };
    let mut findings = Vec::new();
    let options = Options::default();
    let (proved, verdict) = verify::evidence(ctx, project, (pin, artifact, &options), record.as_ref(), &mut findings);
    let mode = install::evidence::demand(project, pin, artifact, None).mode;
    let standing = standing(mode, record.as_ref(), &proved, verdict, &findings);
    let verify::Proved { proof, signature } = proved;
    let signature = signature.filter(|_| standing != Standing::ByRecord);
    Held { pin, artifact: Some(artifact), record, standing, proof, signature, findings, verdict }
}

/// Whether a record tells of this artifact; how it was unpacked is no matter of evidence.
fn is_of(record: &Record, pin: &Pin, artifact: &Artifact) -> bool {
    record.pin == pin.name.as_str()
        && record.integrity == artifact.integrity
        && record.source == artifact.source.to_string()
}

fn standing(
    mode: Mode,
    record: Option<&Record>,
    proved: &verify::Proved,
    verdict: Verdict,
    findings: &[Finding],
) -> Standing {
    let has = |code: &str| findings.iter().any(|finding| finding.code == code);
    let is_proved = proved.proof.is_some();
    match (record.map(|record| &record.evidence), verdict) {
        _ if proved.signature.is_some() && proved.proof == proved.signature && !has("evidence-by-record") => {
            Standing::Signed
        }
        _ if mode == Mode::Off => Standing::Off,
        _ if is_proved && has("evidence-by-record") => Standing::ByRecord,
        // A summary, a scan or a signature over the bytes, where the pin takes one.
        _ if proved.proof.as_ref().is_some_and(|proof| !policy::says_who_made(proof)) => Standing::Signed,
        _ if is_proved => Standing::Verified,
        _ if has("provenance-missing") => Standing::Missing,
        _ if has("nobody-named") => Standing::NobodyNamed,
        (None | Some(record::Evidence::Off | record::Evidence::Unasked), _) => Standing::Unasked,
        (_, Verdict::Refused) => Standing::Refused,
        (_, Verdict::Failed) => Standing::Failed,
        (Some(record::Evidence::None { .. }), _) => Standing::Missing,
        (Some(record::Evidence::Kept(_)), _) => Standing::Unverifiable,
    }
}

/// The documents that a record keeps.
pub(super) fn kept(record: Option<&Record>) -> &[record::KeptAttestation] {
    match record.map(|record| &record.evidence) {
        Some(record::Evidence::Kept(kept)) => &kept.attestations,
        _ => &[],
    }
}

/// What a document says it is, unproved.
pub(super) fn predicate_type(one: &record::KeptAttestation) -> Option<String> {
    let read = attestation::read(one.attestation.to_string().as_bytes()).ok()?;
    read.first()?.claim().statement.map(|statement| statement.predicate_type)
}

/// What is known of an artifact's digests beside its integrity.
pub(super) enum Known {
    /// These: of the bytes where they are here, else by the record's word.
    Digests(Digests),
    /// The record says one, and the bytes or the pin have another.
    False(Algorithm),
}

/// The digests that a record says, held against the pin's, and against the bytes where they are at hand.
pub(super) fn digests(ctx: &Ctx<'_>, project: &Project, held: &Held<'_>) -> Result<Known, Fault> {
    let (Some(artifact), Some(Record { evidence: record::Evidence::Kept(kept), .. })) = (held.artifact, &held.record)
    else {
        return Ok(Known::Digests(Digests::default()));
    };
    for said in &kept.digests {
        let own = install::evidence::digest_by(ctx, project, artifact, Some(kept), said.algorithm())?;
        if own.as_ref() != Some(said) {
            return Ok(Known::False(said.algorithm()));
        }
    }
    // The pin says its own.
    Ok(Known::Digests(kept.digests.without(artifact.integrity.algorithm())))
}
