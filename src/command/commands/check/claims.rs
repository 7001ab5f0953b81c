//! What evidence says where nobody was named who may have signed it: told, and marked as what it is, no verdict.

use crate::report::{Evidence, Finding, Level};
use pinfold_evidence::attestation::{Attestation, Certificate, Refusal, Signer, Unproved, VerifiedAttestation};
use pinfold_evidence::policy::{evidence, other_kind};
use pinfold_evidence::provenance::Provenance;

/// Why there is no verdict, then what each attestation says.
pub(in crate::commands) fn findings(
    attestations: &[Attestation],
    proofs: &[Result<VerifiedAttestation, Unproved>],
) -> Vec<Finding> {
    let message = "nobody was named who may have made this, so there is no verdict: \
                   anybody can have evidence that holds";
    let proved = || proofs.iter().filter_map(|proof| proof.as_ref().ok());
    // Of several the one that names a repository tells most, and of those the one that says what was built.
    let of_repository = || proved().filter(|proof| repository_of(proof).is_some());
    let best = of_repository().find(|proof| other_kind(proof).is_none()).or_else(|| of_repository().next());
    let best = best.or_else(|| proved().next());
    let hint = match best.map(option_for) {
        Some(option) => format!("if that is whom you expected, say so: `{option}`"),
        None => "say whom you expect: `--repository URL`, `--identity NAME`, `--key FILE`".to_owned(),
    };
    let mut findings = vec![Finding::new(Level::Error, "nobody-named", message).hint(hint)];
    findings.extend(attestations.iter().zip(proofs).map(|(attestation, proof)| finding(attestation, proof)));
    findings
}

fn finding(attestation: &Attestation, proof: &Result<VerifiedAttestation, Unproved>) -> Finding {
    let note = |message: String| Finding::new(Level::Note, "claim", message);
    match proof {
        Ok(proof) => note(format!("proved, not judged: {}", told(&evidence(proof)))),
        Err(Unproved::NotAbout(refusal) | Unproved::Refused(refusal)) => wrong(refusal),
        Err(Unproved::Unverifiable(lack)) => {
            let mut finding = note(format!("claimed, not proved: {}; {lack}", claimed(attestation)));
            finding.hint = lack.hint();
            finding
        }
    }
}

fn wrong(refusal: &Refusal) -> Finding {
    let finding = Finding::new(Level::Note, refusal.code(), refusal.to_string());
    match refusal.compared() {
        Some((expected, received)) => finding.compared(expected, received),
        None => finding,
    }
}

/// A proof in one line.
pub(in crate::commands) fn told(evidence: &Evidence) -> String {
    let from = evidence.repository.as_ref().map(|repository| format!(", from {repository}")).unwrap_or_default();
    let at = evidence.git_ref.as_ref().map(|git_ref| format!(" at {git_ref}")).unwrap_or_default();
    let vouched = evidence.issuer.as_ref().map(|issuer| format!(", vouched for by {issuer}")).unwrap_or_default();
    format!("{}{from}{at}, by {}{vouched}", evidence.kind, evidence.signer)
}

/// What an attestation says of itself.
fn claimed(attestation: &Attestation) -> String {
    let claim = attestation.claim();
    let kind = claim.statement.as_ref().map_or_else(
        || "a signature over the bytes".to_owned(),
        |statement| format!("a statement of the type `{}`", statement.predicate_type.escape_debug()),
    );
    let provenance = claim.statement.as_ref().filter(|statement| statement.is_provenance());
    let provenance = provenance.and_then(|statement| Provenance::of(statement).ok());
    let built = provenance.and_then(|one| one.sources.into_iter().find_map(|source| source.repository));
    let certificate = claim.certificate.unwrap_or_default();
    let from = certificate.repository.or(built).map(|repository| format!(", from {repository}")).unwrap_or_default();
    let by = Some(certificate.identity).filter(|identity| !identity.is_empty());
    let by = by.map(|identity| format!(", by {identity}")).unwrap_or_default();
    format!("{kind}{from}{by}")
}

fn repository_of(proof: &VerifiedAttestation) -> Option<&str> {
    match proof.signer() {
        Signer::Certificate(certificate) => certificate.repository.as_deref(),
        Signer::Key { .. } => None,
    }
}

/// The options that would have this signer be the expected one.
fn option_for(proof: &VerifiedAttestation) -> String {
    match proof.signer() {
        Signer::Key { .. } => format!("--key {}", super::REGISTRY),
        Signer::Certificate(certificate) => {
            option_for_holder(certificate, other_kind(proof).map(|kind| format!(" --predicate-type {}", typed(kind))))
        }
    }
}

fn option_for_holder(certificate: &Certificate, kind: Option<String>) -> String {
    let Some(repository) = &certificate.repository else {
        let issuer = certificate.issuer.as_ref().map(|issuer| format!(" --issuer {}", typed(issuer)));
        return format!("--identity {}{}", typed(&certificate.identity), issuer.unwrap_or_default());
    };
    let signer = certificate.signer_workflow.as_deref().unwrap_or(&certificate.identity);
    let option = format!("--repository {}{}", typed(repository), kind.unwrap_or_default());
    // A workflow of another repository has to be named beside it.
    if signer.to_ascii_lowercase().starts_with(&format!("{}/", repository.to_ascii_lowercase())) {
        return option;
    }
    let workflow = signer.split_once('@').map_or(signer, |(url, _)| url);
    format!("{option} --workflow {}", typed(workflow))
}

/// A value as it can be typed into a shell. One with anything in it that a shell obeys is nothing to copy.
pub(super) fn typed(value: &str) -> &str {
    let plain = value.chars().all(|one| one.is_ascii_alphanumeric() || "_-+.:/@".contains(one));
    if plain && !value.is_empty() { value } else { "…" }
}
