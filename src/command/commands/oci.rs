//! `pinfold oci`: what is attached to an artifact in a registry, judged without a pins.toml; its files, pulled and pushed.
//!
//! A signature is a statement of the *signature* type by a key or an identity that was named; provenance by an identity
//! that was named says as much. Four things are kept apart: it carries none, what it carries is wrong, it is by somebody
//! who was not named, or it says something else than was asked for. What others attached beside a good one is told, and
//! spoils nothing.

mod attach;
pub mod copy;
mod files;
mod place;
pub mod pull;
pub mod push;
mod sent;
mod target;

use std::path::PathBuf;

use place::Origin;

use crate::commands::check::claims;
use crate::ctx::Ctx;
use crate::evidence as words;
use crate::install::signature::{beside, read_key, signature};
use crate::report::{Evidence, Finding, Level, Report, Row, Verdict};
use pinfold_core::digest::Integrity;
use pinfold_core::fault::Fault;
use pinfold_core::oci::{ImagePlatform, Reference, digest_text};
use pinfold_evidence::attestation::{
    Artifact, Attestation, NamedKey, Signer, Unproved, VerifiedAttestation, prove_claim, prove_signature,
};
use pinfold_evidence::policy::{self, Failure, Policy, judge, judge_signatures};
use pinfold_evidence::statement::{SLSA_V1, SLSA_V02, Statement};
use pinfold_net::http::Rules;
use pinfold_oci::chain::Received;
use pinfold_oci::registry::{Attached, AttachmentError, OciError, Repository, Shelf};
use pinfold_oci::{Descriptor, Document, REFERENCE_TYPE};

pub use place::Place;

/// What is judged.
#[derive(Debug, Clone)]
pub struct Verify {
    /// The artifact.
    pub from: Place,
    /// Files with the keys of those who may have signed: any of them.
    pub keys: Vec<PathBuf>,
    /// Whose certificates are good, and which kinds of claims count: signatures and provenance unless it says.
    pub policy: Policy,
}

/// What is pulled.
#[derive(Debug, Clone)]
pub struct Options {
    /// The artifact.
    pub reference: Reference,
    /// What is chosen from an index, where bytes are wanted.
    pub platform: Option<ImagePlatform>,
    /// Files with the keys of those who may have signed: any of them.
    pub keys: Vec<PathBuf>,
    /// Whose certificates are good, and which kinds of claims count: signatures and provenance unless it says.
    pub policy: Policy,
}

impl From<&Options> for Verify {
    fn from(options: &Options) -> Self {
        let Options { reference, keys, policy, .. } = options.clone();
        Self { from: Place::Registry(reference), keys, policy }
    }
}

/// Finds and judges what is attached to an artifact.
pub fn verify(ctx: &Ctx<'_>, what: &Verify) -> Result<Report, Fault> {
    let keys = keys(&what.keys)?;
    let from = Origin::look(ctx, &what.from)?;
    let (digest, manifest) = from.resolve()?;
    let attached = from.shelf().attached(&digest)?;
    let judged = judged(ctx, &what.policy, &keys, (&digest, &manifest.0), &attached)?;
    let Judged { verdict, status, evidence, findings, .. } = judged;
    let count = match attached.attestations.len() {
        1 => "1 attestation".to_owned(),
        count => format!("{count} attestations"),
    };
    let row = Row {
        subject: what.from.to_string(),
        verdict,
        status: status.to_owned(),
        source: what.from.at(digest),
        detail: String::new(),
        evidence,
        audit: None,
        wasm: Vec::new(),
        findings,
    };
    let summary = format!("{count} looked at: {status}");
    Ok(Report { command: "oci verify", rows: vec![row], notes: Vec::new(), summary, judges: true })
}

/// The repository of the reference; nobody is asked yet.
fn repository<'a>(ctx: &Ctx<'a>, reference: &Reference) -> Result<Repository<'a>, Fault> {
    let deadline = ctx.clock.now().checked_add(ctx.timeouts.deadline).unwrap_or_else(|| ctx.clock.now());
    let rules = Rules::new(ctx.registries.credentials(), ctx.timeouts, deadline);
    Ok(Repository::new((ctx.http, rules, ctx.clock), ctx.registries.logins(), reference)?)
}

/// A repository that is written to. A transfer takes as long as it takes; what has an end is each request.
fn writing<'a>(ctx: &Ctx<'a>, reference: &Reference) -> Result<Repository<'a>, Fault> {
    Ok(reading(ctx, reference)?.for_writing())
}

/// A repository that much is read of.
fn reading<'a>(ctx: &Ctx<'a>, reference: &Reference) -> Result<Repository<'a>, Fault> {
    let rules = Rules::new(ctx.registries.credentials(), ctx.timeouts, ctx.clock.now());
    let repository = Repository::new((ctx.http, rules, ctx.clock), ctx.registries.logins(), reference)?;
    Ok(repository.with_time_for_each(ctx.timeouts.deadline))
}

/// Whether one of these keys has signed an artifact already.
fn is_signed_by(
    ctx: &Ctx<'_>,
    keys: &[NamedKey],
    (digest, manifest): (&Integrity, &[u8]),
    attached: &Attached,
) -> Result<bool, Fault> {
    let trust = ctx.trust.proving()?;
    let open = || -> std::io::Result<Box<dyn std::io::Read + '_>> { Ok(Box::new(manifest)) };
    let artifact = Artifact { digests: Artifact::of(std::slice::from_ref(digest)).digests, open: Some(&open) };
    let signatures = attached.attestations.iter().filter(|one| one.is_signature());
    let proofs = signatures.map(|one| prove_signature(trust, keys, one, &artifact));
    Ok(proofs.flatten().any(|proof| matches!(proof.signer(), Signer::Key { .. })))
}

fn keys(files: &[PathBuf]) -> Result<Vec<NamedKey>, Fault> {
    files.iter().map(|key| read_key(key)).collect()
}

/// An artifact, and what is attached to it.
struct Examined {
    digest: Integrity,
    /// The manifest or index of that digest.
    manifest: Received,
    judged: Judged,
}

impl Examined {
    fn of(ctx: &Ctx<'_>, repository: &Repository<'_>, options: &Options, keys: &[NamedKey]) -> Result<Self, Fault> {
        let (digest, manifest) = repository.resolve()?;
        let attached = repository.attached(&digest)?;
        let judged = judged(ctx, &options.policy, keys, (&digest, &manifest.0), &attached)?;
        Ok(Self { digest, manifest, judged })
    }
}

/// How what is attached comes out.
struct Judged {
    verdict: Verdict,
    status: &'static str,
    /// Whether there is nothing that could be wrong: neither a signature nor anything that cannot be read.
    is_unsigned: bool,
    evidence: Option<Box<Evidence>>,
    findings: Vec<Finding>,
}

impl Judged {
    /// The row of an artifact that nothing is done with; `does` is what would have been done.
    fn row_of_refusal(mut self, reference: String, does: &str) -> Row {
        if let Some(first) = self.findings.first_mut().filter(|_| self.is_unsigned) {
            first.hint = Some(format!("`--allow-unsigned` {does} what carries no signature, and says so"));
        }
        Row {
            subject: reference,
            verdict: self.verdict,
            status: self.status.to_owned(),
            source: String::new(),
            detail: String::new(),
            evidence: None,
            audit: None,
            wasm: Vec::new(),
            findings: self.findings,
        }
    }

    const fn new(verdict: Verdict, findings: Vec<Finding>) -> Self {
        let status = super::fetch::status_of(verdict);
        Self { verdict, status, is_unsigned: false, evidence: None, findings }
    }

    fn refused(failures: &[Failure]) -> Self {
        Self::new(Verdict::Refused, failures.iter().map(words::failure).collect())
    }

    fn verified(evidence: Evidence, findings: Vec<Finding>) -> Self {
        Self { status: "verified", evidence: Some(Box::new(evidence)), ..Self::new(Verdict::Passed, findings) }
    }
}

type Proof = Result<VerifiedAttestation, Unproved>;

fn judged(
    ctx: &Ctx<'_>,
    policy: &Policy,
    keys: &[NamedKey],
    (digest, manifest): (&Integrity, &[u8]),
    attached: &Attached,
) -> Result<Judged, Fault> {
    let trust = ctx.trust.proving()?;
    let open = || -> std::io::Result<Box<dyn std::io::Read + '_>> { Ok(Box::new(manifest)) };
    let artifact = Artifact { digests: Artifact::of(std::slice::from_ref(digest)).digests, open: Some(&open) };
    let prove = |one: &&Attestation| prove_claim(trust, keys, one, &artifact);
    let (now, all) = (ctx.clock.seconds(), &attached.attestations);
    let policy = Policy { key: !keys.is_empty(), ..policy.clone() };
    if !policy.predicate_types.is_empty() {
        let proofs: Vec<Proof> = all.iter().map(|one| prove(&one)).collect();
        let mut judged = of_kind(&policy, now, all, &proofs);
        if judged.verdict != Verdict::Passed {
            judged.findings.extend(about_files(&policy, manifest, all));
        }
        return Ok(with_broken(judged, attached));
    }
    let signatures: Vec<&Attestation> = all.iter().filter(|one| one.is_signature()).collect();
    let proofs: Vec<Proof> = signatures.iter().map(|one| prove_signature(trust, keys, one, &artifact)).collect();
    let judged = match judge_signatures(&policy, now, &proofs) {
        policy::Verdict::Verified(index) => match proofs.get(index) {
            Some(Ok(proof)) => Judged::verified(signature(proof), beside(&proofs)),
            _ => Judged::new(Verdict::Failed, Vec::new()),
        },
        outcome => {
            let built = if policy.names_by_certificate() { provenance(&policy, now, all, &prove) } else { None };
            // What is wrong with signatures is told beside provenance that is good.
            let built = built.map(|mut built| {
                if built.verdict == Verdict::Passed {
                    built.findings.extend(beside(&proofs));
                }
                built
            });
            built.unwrap_or_else(|| unsigned(outcome, (all, &signatures, &proofs), &policy, &prove))
        }
    };
    let mut judged = with_broken(judged, attached);
    judged.findings.extend(unsigned_claims(manifest));
    Ok(judged)
}

/// Provenance by somebody who was named, where there is no signature.
fn provenance(
    policy: &Policy,
    now: i64,
    all: &[Attestation],
    prove: &dyn Fn(&&Attestation) -> Proof,
) -> Option<Judged> {
    let policy =
        Policy { predicate_types: [SLSA_V1, SLSA_V02].map(str::to_owned).to_vec(), key: false, ..policy.clone() };
    let proofs: Vec<Proof> = all.iter().filter(|one| one.is_statement()).map(|one| prove(&one)).collect();
    match judge(&policy, now, &proofs) {
        policy::Verdict::Verified(index) => {
            let proof = proofs.get(index)?.as_ref().ok()?;
            Some(Judged::verified(policy::evidence(proof), words::beside(&policy, &proofs)))
        }
        // Evidence that is wrong is told, whatever else is missing.
        policy::Verdict::Refused(failures) => Some(Judged::refused(&failures)),
        _ => None,
    }
}

/// No signature is good: why.
fn unsigned(
    outcome: policy::Verdict,
    (all, signatures, proofs): (&[Attestation], &[&Attestation], &[Proof]),
    policy: &Policy,
    prove: &dyn Fn(&&Attestation) -> Proof,
) -> Judged {
    match outcome {
        policy::Verdict::Refused(failures) => Judged::refused(&failures),
        policy::Verdict::Unverifiable(lacks) if policy.names_somebody() => {
            Judged::new(Verdict::Unverifiable, lacks.iter().map(|lack| words::lack(lack, Level::Error)).collect())
        }
        policy::Verdict::Unverifiable(_) => {
            let signatures: Vec<Attestation> = signatures.iter().map(|one| (*one).clone()).collect();
            not_judged(&signatures, proofs)
        }
        // Statements of whoever are worth a look where nobody was named.
        _ if !policy.names_somebody() && !all.is_empty() => {
            let proofs: Vec<Proof> = all.iter().map(|one| prove(&one)).collect();
            Judged { is_unsigned: true, ..not_judged(all, &proofs) }
        }
        _ => Judged { is_unsigned: true, ..Judged::new(Verdict::Refused, vec![missing(all)]) },
    }
}

fn not_judged(attestations: &[Attestation], proofs: &[Proof]) -> Judged {
    Judged { status: "not judged", ..Judged::new(Verdict::Unverifiable, claims::findings(attestations, proofs)) }
}

/// Claims of a kind that was asked for by its type.
fn of_kind(policy: &Policy, now: i64, all: &[Attestation], proofs: &[Proof]) -> Judged {
    match judge(policy, now, proofs) {
        policy::Verdict::Refused(failures) => Judged::refused(&failures),
        _ if !policy.names_somebody() && !all.is_empty() => not_judged(all, proofs),
        policy::Verdict::Verified(index) => match proofs.get(index) {
            Some(Ok(proof)) => Judged::verified(policy::evidence(proof), words::beside(policy, proofs)),
            _ => Judged::new(Verdict::Failed, Vec::new()),
        },
        policy::Verdict::Unverifiable(lacks) => {
            Judged::new(Verdict::Unverifiable, lacks.iter().map(|lack| words::lack(lack, Level::Error)).collect())
        }
        policy::Verdict::Missing(kinds) => {
            let message = "no claim is of the kind that was asked for";
            let finding = Finding::new(Level::Error, "provenance-missing", message);
            let there = if kinds.is_empty() { "nothing".to_owned() } else { kinds.join(" and ") };
            let asked = policy.predicate_types.join(" or ");
            Judged::new(Verdict::Refused, vec![finding.compared(asked, there)])
        }
    }
}

/// Claims of a kind that was asked for, and are about a file of the artifact: whoever sees only that there is none about
/// the artifact looks for them in vain. Nothing is proved of them here.
fn about_files(policy: &Policy, manifest: &[u8], all: &[Attestation]) -> Vec<Finding> {
    let Ok(Document::Manifest(manifest)) = Document::parse(manifest, None) else { return Vec::new() };
    let statements: Vec<_> = all.iter().filter_map(Attestation::statement).collect();
    let mut findings = Vec::new();
    for layer in &manifest.layers {
        let (algorithm, hex) = (layer.digest.algorithm().name(), layer.digest.hex());
        let is_about = |one: &&Statement| one.subjects.iter().any(|one| one.digests.get(algorithm) == Some(&hex));
        for one in statements.iter().filter(|one| policy.predicate_types.contains(&one.predicate_type)).filter(is_about)
        {
            let file = layer.title().map_or_else(|| digest_text(&layer.digest), str::to_owned);
            let (kind, file) = (one.predicate_type.escape_debug(), file.escape_debug());
            let message = format!("there is a claim of the kind `{kind}`, not proved here: about the file `{file}`");
            let finding = Finding::new(Level::Note, "claim-about-file", message);
            findings.push(finding.hint("what is judged here is the manifest; a pin takes provenance of its file too"));
        }
    }
    findings
}

/// What is attached and cannot be read is a warning beside what is good, and else a reason to refuse.
fn with_broken(mut judged: Judged, attached: &Attached) -> Judged {
    if attached.broken.is_empty() {
        return judged;
    }
    let is_good = judged.verdict == Verdict::Passed;
    let level = |error: &OciError| match is_good {
        // Many artifacts are signed in more ways than one.
        true if matches!(error, OciError::Attached { fault: AttachmentError::Unread(_), .. }) => Level::Note,
        true => Level::Warning,
        false => Level::Error,
    };
    let broken = attached.broken.iter().map(|error| of_error(error, level(error)));
    if is_good {
        judged.findings.extend(broken);
        return judged;
    }
    // What cannot be read may well have been the signature.
    let told = judged.findings.into_iter().map(|mut finding| {
        if finding.code == "signature-missing" {
            finding.message = format!("beside that, {}", finding.message);
        }
        finding
    });
    let findings = broken.chain(told).collect();
    Judged { findings, ..Judged::new(Verdict::Refused, Vec::new()) }
}

fn of_error(error: &OciError, level: Level) -> Finding {
    let mut finding = Finding::new(level, error.code(), error.to_string());
    finding.hint = error.hint();
    match error.compared() {
        Some((expected, received)) => finding.compared(expected, received),
        None => finding,
    }
}

/// What BuildKit puts into an index beside the images: statements of how they were built, which nobody signed.
fn unsigned_claims(manifest: &[u8]) -> Option<Finding> {
    let Ok(Document::Index(index)) = Document::parse(manifest, None) else { return None };
    let (name, kind) = REFERENCE_TYPE;
    let is_one = |one: &&Descriptor| one.annotations.get(name).is_some_and(|value| value == kind);
    let count = index.manifests.iter().filter(is_one).count();
    let noun = if count == 1 { "attestation manifest" } else { "attestation manifests" };
    let message = format!("the index has {count} {noun} (`{name}`), which have no signature and were not read");
    (count > 0).then(|| Finding::new(Level::Note, "attestation-unsigned", message))
}

/// It carries no signature; what it carries instead.
fn missing(all: &[Attestation]) -> Finding {
    let kinds = all.iter().filter_map(Attestation::statement).map(|one| one.predicate_type);
    let kinds: std::collections::BTreeSet<String> = kinds.collect();
    let instead: Vec<String> = kinds.iter().map(|kind| format!("`{}`", kind.escape_debug())).collect();
    let message = match instead.is_empty() {
        true => "the artifact carries no signature".to_owned(),
        false => format!("the artifact carries no signature, only statements of the type {}", instead.join(", ")),
    };
    let finding = Finding::new(Level::Error, "signature-missing", message);
    if instead.is_empty() {
        finding
    } else {
        finding.hint("if such a statement is enough, name it: `--predicate-type URI`")
    }
}

/// A tag that is written over.
fn tag_replaced(tag: &str, before: &Integrity) -> Finding {
    let message = format!("the tag `{tag}` stood for {} before, which is there under its digest", digest_text(before));
    Finding::new(Level::Note, "tag-replaced", message)
}

/// What an artifact is called in rows and errors.
fn named(reference: &Reference, digest: &Integrity) -> String {
    format!("{}/{}@{}", reference.registry(), reference.repository(), digest_text(digest))
}
