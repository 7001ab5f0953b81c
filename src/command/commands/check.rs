//! `pinfold check`: judges evidence about artifacts, without a pins.toml, a store or the network.
//!
//! All attestations of all documents are proved and judged together: one that is wrong refuses, whatever stands beside
//! it. Where nobody is named who may have signed there is no verdict, only what the evidence says.

pub(in crate::commands) mod claims;
mod subject;

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::evidence::{self, Silence};
use crate::install::signature::no_key;
use crate::report::{Evidence, Finding, Level, Report, Row, Verdict};
use pinfold_core::fault::Fault;
use pinfold_core::fs;
use pinfold_core::json::JsonError;
use pinfold_evidence::attestation::{self, Artifact, Attestation, DocumentError, MAX_DOCUMENT_LEN, NamedKey};
use pinfold_evidence::attestation::{Unproved, VerifiedAttestation, prove};
use pinfold_evidence::policy::{self, Policy, judge};
use pinfold_evidence::root::{RegistryKeys, TrustRoots};
use pinfold_evidence::trust::{Trust, TrustError};
use pinfold_net::http::Clock;

use subject::Subject;

/// What `pinfold check` was asked for.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The artifacts, one at least: a file's path, or its digest as `ALGORITHM:VALUE` or as SRI has it.
    pub artifacts: Vec<String>,
    /// The documents with the evidence.
    pub attestations: Vec<PathBuf>,
    /// What to prove it against, as [`Trust::from_option`] reads it; the roots in use for none.
    pub trusted_root: Option<String>,
    /// Whose key may have signed: [`REGISTRY`], or a file with a PEM block `PUBLIC KEY` or with a registry's keys.
    pub key: Option<String>,
    /// The id that signatures by that key carry.
    pub key_id: Option<String>,
    /// What the evidence has to say.
    pub policy: Policy,
}

/// What `key` says for the keys of the npm registry that are in use.
pub const REGISTRY: &str = "registry";

/// Proves and judges the evidence about each artifact. It takes no context, as nothing of one but the roots and the time
/// plays a part.
pub fn run(trust: &Trust, clock: &dyn Clock, options: &Options) -> Result<Report, Fault> {
    let subjects: Vec<_> = options.artifacts.iter().map(|given| Subject::find(given)).collect::<Result<_, _>>()?;
    let (against, by_key) = trusted(trust, options)?;
    let policy = Policy { key: by_key, ..options.policy.clone() };
    let now = clock.seconds();
    let documents = read(&options.attestations);
    let named = options.artifacts.iter().zip(&subjects);
    let rows: Vec<Row> = named
        .map(|(given, subject)| row(given, subject, &against, (&policy, now), &documents))
        .collect::<Result<_, _>>()?;
    let count = match documents.attestations.len() {
        1 => "1 attestation".to_owned(),
        count => format!("{count} attestations"),
    };
    let summary = match rows.as_slice() {
        [row] => format!("{count} looked at: {}", row.status),
        _ => format!("{count} looked at: {}", super::verify::tally(&rows, "artifact")),
    };
    Ok(Report { command: "check", rows, notes: Vec::new(), summary, judges: true })
}

/// How one artifact comes out.
fn row(
    given: &str,
    subject: &Subject,
    against: &attestation::Trust,
    (policy, now): (&Policy, i64),
    documents: &Documents,
) -> Result<Row, Fault> {
    let Documents { attestations, findings, verdict } = documents;
    let (mut findings, mut verdict) = (findings.clone(), *verdict);
    let open = || subject.open();
    let artifact = Artifact {
        digests: subject.digests(&algorithms(attestations))?,
        open: if subject.is_file() { Some(&open) } else { None },
    };
    let proofs: Vec<_> = attestations.iter().map(|one| prove(against, one, &artifact)).collect();
    let mut outcome = None;
    if !attestations.is_empty() {
        let judged = outcome_of(policy, now, attestations, &proofs);
        verdict = verdict.max(judged.verdict);
        findings.extend(judged.findings.iter().cloned());
        // What holds of several attestations is told once.
        findings.dedup();
        outcome = Some(judged);
    }
    // What one document proves is told only where no other is wrong or could not be read.
    let told = outcome.filter(|outcome| outcome.verdict == verdict);
    let status = told.as_ref().map_or_else(|| super::fetch::status_of(verdict), |outcome| outcome.status);
    let (source, evidence) = told.map(|outcome| (outcome.source, outcome.evidence)).unwrap_or_default();
    let (subject, status) = (given.to_owned(), status.to_owned());
    Ok(Row {
        subject,
        verdict,
        status,
        source,
        detail: String::new(),
        evidence,
        audit: None,
        wasm: Vec::new(),
        findings,
    })
}

/// Roots and keys to prove against, and whether a key was named.
fn trusted(trust: &Trust, options: &Options) -> Result<(attestation::Trust, bool), Fault> {
    let mut roots = match &options.trusted_root {
        None => trust.load()?,
        Some(named) => {
            let roots = trust.from_option(named).map_err(|error| match error {
                // There is nothing to hold the evidence against, so that it stays unjudged.
                TrustError::Root { .. } => {
                    let fault = Fault::unverifiable(error.code(), error.to_string());
                    fault.hinting(error.hint()).because(error)
                }
                error => error.into(),
            });
            TrustRoots { roots: roots?, registry_keys: trust.registry_keys()?.keys }
        }
    };
    let Some(key) = &options.key else { return Ok((attestation::Trust::new(roots, None), false)) };
    let mut named = None;
    if key != REGISTRY {
        let path = PathBuf::from(key);
        let bytes = fs::read(&path, MAX_KEY_LEN)?;
        if bytes.trim_ascii_start().starts_with(b"{") {
            roots.registry_keys = RegistryKeys::parse(&bytes).map_err(|source| {
                Fault::unverifiable(source.code(), format!("`{}`: {source}", path.display())).because(source)
            })?;
        } else {
            let key = NamedKey::from_pem(&String::from_utf8_lossy(&bytes), options.key_id.clone());
            named = Some(key.map_err(|source| no_key(&path, source))?);
        }
    }
    if named.is_none() && options.key_id.is_some() {
        let message = "`--key-id` is for a single key, and the file has those of a registry";
        let hint = "leave `--key-id` away: each key of a registry has its id beside it";
        return Err(Fault::failed("key-id-of-registry", message).hint(hint));
    }
    Ok((attestation::Trust::new(roots, named), true))
}

/// All that was handed in as evidence.
struct Documents {
    attestations: Vec<Attestation>,
    /// What is wrong with documents.
    findings: Vec<Finding>,
    /// How that makes it come out.
    verdict: Verdict,
}

fn read(paths: &[PathBuf]) -> Documents {
    let (mut attestations, mut findings, mut verdict) = (Vec::new(), Vec::new(), Verdict::Passed);
    for path in paths {
        match document(path) {
            Ok(Ok(found)) => attestations.extend(found),
            Ok(Err(error)) => {
                findings.push(evidence::document(&error, &path.display().to_string()).finding(Level::Error));
                verdict = verdict.max(Verdict::Refused);
            }
            Err(error) => {
                findings.extend(error.findings());
                verdict = verdict.max(error.verdict());
            }
        }
    }
    Documents { attestations, findings, verdict }
}

fn document(path: &Path) -> Result<Result<Vec<Attestation>, DocumentError>, Fault> {
    match fs::read(path, u64::try_from(MAX_DOCUMENT_LEN).unwrap_or(u64::MAX)) {
        Ok(bytes) => Ok(attestation::read(&bytes)),
        Err(error) if error.source.kind() == ErrorKind::FileTooLarge => {
            let source = JsonError::TooLong { limit: MAX_DOCUMENT_LEN };
            Ok(Err(DocumentError::Json { line: None, source }))
        }
        Err(error) => Err(error.into()),
    }
}

/// The algorithms by which the claims name artifacts.
fn algorithms(attestations: &[Attestation]) -> BTreeSet<String> {
    let subjects = attestations.iter().filter_map(Attestation::statement).flat_map(|statement| statement.subjects);
    subjects.flat_map(|subject| subject.digests.into_keys()).collect()
}

/// What the evidence is worth.
struct Outcome {
    verdict: Verdict,
    status: &'static str,
    /// What the claim calls the artifact.
    source: String,
    evidence: Option<Box<Evidence>>,
    findings: Vec<Finding>,
}

impl Outcome {
    fn new(verdict: Verdict, findings: Vec<Finding>) -> Self {
        let status = super::fetch::status_of(verdict);
        Self { verdict, status, source: String::new(), evidence: None, findings }
    }
}

type Proof = Result<VerifiedAttestation, Unproved>;

fn outcome_of(policy: &Policy, now: i64, attestations: &[Attestation], proofs: &[Proof]) -> Outcome {
    match judge(policy, now, proofs) {
        policy::Verdict::Refused(failures) => {
            Outcome::new(Verdict::Refused, failures.iter().map(evidence::failure).collect())
        }
        _ if !policy.names_somebody() => {
            let findings = claims::findings(attestations, proofs);
            Outcome { status: "not judged", ..Outcome::new(Verdict::Unverifiable, findings) }
        }
        policy::Verdict::Verified(index) => verified(policy, proofs, index),
        policy::Verdict::Unverifiable(lacks) => {
            Outcome::new(Verdict::Unverifiable, lacks.iter().map(|lack| evidence::lack(lack, Level::Error)).collect())
        }
        policy::Verdict::Missing(kinds) => Outcome::new(Verdict::Refused, vec![missing(policy, proofs, &kinds)]),
    }
}

fn verified(policy: &Policy, proofs: &[Proof], index: usize) -> Outcome {
    let proof = proofs.get(index).and_then(|proof| proof.as_ref().ok());
    Outcome {
        verdict: Verdict::Passed,
        status: "verified",
        source: proof.map(|proof| proof.names().join(", ")).unwrap_or_default(),
        evidence: proof.map(|proof| Box::new(policy::evidence(proof))),
        // What cannot be judged beside what is good is worth knowing, and no more.
        findings: evidence::beside(policy, proofs),
    }
}

/// Nothing there is of the kind that was asked for.
fn missing(policy: &Policy, proofs: &[Proof], kinds: &[String]) -> Finding {
    // What there is to do about it in a pins.toml is of no use here.
    let finding = evidence::missing(&Silence::Nowhere, kinds).finding(Level::Error);
    let (asked, there) = (policy.predicate_types.join(" or "), kinds.join(" and "));
    if kinds.is_empty() {
        finding
    } else if !asked.is_empty() {
        let message = "no claim is of the kind that was asked for".to_owned();
        Finding { message, ..finding }.compared(asked, there)
    } else if !policy.names_by_certificate() {
        let message =
            format!("nothing is signed by the key that was named; there is {there}, signed with a certificate");
        Finding { message, ..finding }.hint("say who may have signed that: `--repository URL`, `--identity NAME`")
    } else if let Some(kind) = proofs.iter().flatten().find_map(policy::other_kind) {
        finding.hint(format!(
            "if a claim of that kind is enough for you, name it: `--predicate-type {}`",
            claims::typed(kind)
        ))
    } else {
        finding.hint(format!(
            "if that is enough for you, say who may have signed it: `--key {REGISTRY}`, `--identity NAME`"
        ))
    }
}

/// Longest file with keys, in bytes: a registry's have a few hundred each.
const MAX_KEY_LEN: u64 = 1 << 20;
