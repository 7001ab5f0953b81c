//! What a proof is worth telling: an [`Evidence`] has nothing in it that a certificate does not say or agree with.

use jiff::Timestamp;

use super::kind_of;
use crate::attestation::{Certificate, Signer, VerifiedAttestation};
use crate::provenance::Provenance;
use pinfold_core::finding::Evidence;

/// Whether it says who built or published the artifact; a signature, a summary or a scan does not.
pub fn says_who_made(evidence: &Evidence) -> bool {
    [super::PROVENANCE, super::PUBLISHED].contains(&evidence.kind.as_str())
}

/// A proof in plain words.
pub fn evidence(proof: &VerifiedAttestation) -> Evidence {
    let general = Evidence {
        kind: kind_of(proof),
        time: proof.time().and_then(|time| Timestamp::from_second(time).ok()).map(|time| time.to_string()),
        log_index: proof.log_index(),
        instance: proof.instance().map(|instance| instance.name().to_owned()),
        ..Evidence::default()
    };
    match proof.signer() {
        Signer::Key { id } => Evidence { signer: format!("the key {id}"), ..general },
        Signer::Certificate(certificate) => certified(general, certificate, proof),
    }
}

fn certified(general: Evidence, certificate: &Certificate, proof: &VerifiedAttestation) -> Evidence {
    let provenance = proof.statement().filter(|statement| statement.is_provenance());
    let provenance = provenance.and_then(|statement| Provenance::of(statement).ok());
    let agreed = provenance.filter(|provenance| {
        provenance.disagreement(certificate).is_none() && provenance.builder_is_certified(certificate)
    });
    Evidence {
        signer: certificate.identity.clone(),
        issuer: certificate.issuer.clone(),
        repository: certificate.repository.clone(),
        repository_id: certificate.repository_id.clone(),
        git_ref: certificate.git_ref.clone(),
        commit: certificate.commit.clone(),
        builder: agreed.map(|provenance| provenance.builder),
        runner: certificate.runner.clone(),
        run: certificate.run.clone(),
        ..general
    }
}
