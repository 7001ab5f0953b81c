//! What upstream says of an artifact before it is pinned: proved as everywhere, and held to nothing but that it is right in
//! itself.

use super::ask::{self, Asked};
use super::demand::name_of;
use super::digests::Known;
use super::evidence;
use super::evidence::{read, server, sha256_to_ask};
use super::oci::About;
use crate::ctx::{Ctx, Step};
use crate::evidence::{self as words, Unasked};
use crate::project::Project;
use crate::report::{Finding, Level};
use pinfold_core::fault::Fault;
use pinfold_core::pins::{Artifact, Mode, Pin};
use pinfold_core::record::{Evidence, Kept};
use pinfold_core::store::VerifiedBlob;
use pinfold_evidence::attestation::{
    self, Artifact as Proved, Attestation, Lack, Unproved, VerifiedAttestation, prove_signature,
};
use pinfold_evidence::policy::{self, Failure, PROVENANCE_TYPES, Policy, Verdict};
use pinfold_evidence::statement::{CONDA_PUBLISH, PYPI_PUBLISH, SLSA_V1, SLSA_V02};

/// What upstream has to say of an artifact, proved.
#[derive(Debug)]
pub struct Upstream {
    /// As a record would keep it.
    pub evidence: Evidence,
    /// The proof that says who built or published it, where there is one.
    pub proof: Option<VerifiedAttestation>,
    /// What is worth knowing.
    pub findings: Vec<Finding>,
    /// What is attached to an artifact of a registry and is wrong, see [`evidence::broken`].
    pub broken: Vec<Failure>,
}

/// Asks a source for evidence of bytes that are here, and proves it. The inner error says that nobody could be asked.
///
/// # Errors
/// Evidence that is wrong, and what was handed out and is no evidence.
pub fn ask(
    ctx: &Ctx<'_>,
    project: &Project,
    pin: &Pin,
    artifact: &Artifact,
    blob: &VerifiedBlob,
) -> Result<Result<Upstream, Unasked>, Fault> {
    ctx.progress.step(pin.name.as_str(), Step::Proving);
    let demand = evidence::demand(project, pin, artifact, None);
    let sha256 = sha256_to_ask(artifact, &demand, blob)?;
    let hosts = project.pin_file().trust().hosts.as_deref();
    let with = ask::With { offline: false, hosts, signatures: true, is_again: false };
    let mut asked = match ask::ask(ctx, project, artifact, demand.file, sha256.as_ref(), with)? {
        Ok(asked) => asked,
        Err(unasked) => return Ok(Err(unasked)),
    };
    if asked.attestations.is_empty() {
        let Asked { findings, broken, .. } = asked;
        let evidence = Evidence::None { asked: server(ctx, project, artifact, &demand) };
        return Ok(Ok(Upstream { evidence, proof: None, findings, broken }));
    }
    asked.attestations.sort_by_cached_key(|one| one.attestation.to_string());
    let kept = Kept {
        attestations: asked.attestations,
        manifests: asked.manifests,
        none: server(ctx, project, artifact, &demand),
        ..Kept::default()
    };
    // Of an artifact whose signature alone is demanded, nobody asks who built it.
    let is_off = pin.provenance.as_ref().is_some_and(|own| own.mode == Some(Mode::Off));
    let Asked { mut findings, broken, .. } = asked;
    let mut proof = None;
    if !is_off {
        let proven = prove(ctx, artifact, &kept, Some(blob))?;
        findings.extend(proven.denied.iter().map(|one| Finding { level: Level::Warning, ..words::failure(one) }));
        proof = proven.proof;
    }
    Ok(Ok(Upstream { evidence: Evidence::Kept(kept), proof, findings, broken }))
}

/// What kept evidence proves.
#[derive(Debug)]
pub struct Proven {
    /// Who built it, or else who published it; `None` where there is neither.
    pub proof: Option<VerifiedAttestation>,
    /// Why some that claims to say so cannot be judged.
    pub lacks: Vec<Lack>,
    /// What is said against the artifact, by whomever: nobody is accepted yet, so that it is told and decides nothing.
    pub denied: Vec<Failure>,
}

/// The proof among kept evidence that says who built an artifact, or else who published it; `None` where there is neither.
///
/// # Errors
/// Evidence that is wrong. That some of it cannot be judged is no error: it proves nothing.
pub fn prove(ctx: &Ctx<'_>, artifact: &Artifact, kept: &Kept, blob: Option<&VerifiedBlob>) -> Result<Proven, Fault> {
    let texts: Vec<String> = kept.attestations.iter().map(|one| one.attestation.to_string()).collect();
    let attestations = read(kept, &texts)?;
    let digests = Known::of(artifact, kept, &attestations, blob)?.all;
    let about = Proved::of(digests.as_slice());
    let trust = ctx.trust.proving()?;
    let image = About::of(artifact, kept, &digests, blob)?;
    // Beside an artifact of a registry there are signatures, which are no evidence of who built it.
    let attestations = attestations.iter().filter(|one| image.is_none() || one.is_statement());
    let attestations: Vec<&Attestation> = attestations.collect();
    let proved = |one: &Attestation| match &image {
        Some(image) => attestation::prove(trust, one, &image.subject_of(one)),
        None => attestation::prove(trust, one, &about),
    };
    let mut proofs: Vec<Proof> = attestations.iter().map(|one| proved(one)).collect();
    let is_kind =
        |one: &Attestation| one.statement().is_some_and(|one| PROVENANCE_TYPES.contains(&one.predicate_type.as_str()));
    let lacks = attestations.iter().zip(&proofs).filter_map(|(one, proof)| match proof {
        Err(Unproved::Unverifiable(lack)) if is_kind(one) => Some(lack.clone()),
        _ => None,
    });
    let lacks = lacks.collect();
    // Whoever it was: who that is gets shown, and is written into the pin.
    let anybody = Policy { identity_pattern: "^".parse().ok(), ..Policy::default() };
    let denied = policy::denials(&anybody, &proofs);
    proofs.retain(|proof| !proof.as_ref().is_ok_and(|proof| policy::other_kind(proof).is_some()));
    for kinds in [[SLSA_V1, SLSA_V02], [PYPI_PUBLISH, CONDA_PUBLISH]] {
        let whoever = Policy {
            predicate_types: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
            name: name_of(&artifact.source),
            ..anybody.clone()
        };
        match policy::judge(&whoever, 0, &proofs) {
            Verdict::Verified(index) => return Ok(Proven { proof: proofs.swap_remove(index).ok(), lacks, denied }),
            Verdict::Refused(failures) => return Err(words::refused(&failures)),
            Verdict::Unverifiable(_) | Verdict::Missing(_) => {}
        }
    }
    Ok(Proven { proof: None, lacks, denied })
}

/// An attestation, proved or not.
type Proof = Result<VerifiedAttestation, Unproved>;

/// The signatures of an artifact in a registry, proved as far as that can be done without a key. Whose they are is told, and
/// nobody's are trusted.
pub fn signatures(
    ctx: &Ctx<'_>,
    artifact: &Artifact,
    evidence: &Evidence,
    blob: &VerifiedBlob,
) -> Result<Vec<Proof>, Fault> {
    let Evidence::Kept(kept) = evidence else { return Ok(Vec::new()) };
    let texts: Vec<String> = kept.attestations.iter().map(|one| one.attestation.to_string()).collect();
    let attestations = read(kept, &texts)?;
    let digests = Known::of(artifact, kept, &attestations, Some(blob))?.all;
    let Some(about) = About::of(artifact, kept, &digests, Some(blob))? else { return Ok(Vec::new()) };
    let trust = ctx.trust.proving()?;
    let signatures = attestations.iter().filter(|one| one.is_signature());
    Ok(signatures.map(|one| about.with_manifest(|manifest| prove_signature(trust, &[], one, manifest))).collect())
}
