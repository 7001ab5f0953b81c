//! What can be known of an artifact before it is pinned: what its tree would be, and what upstream says of it.
//!
//! Nothing here touches the project. Trees are put together in the store and removed again; evidence is proved as
//! everywhere, and held to nothing but that it is right in itself.

use super::ask;
use super::demand::name_of;
use super::digests::{digest_of, digests, needs_sha256};
use super::evidence::read;
use super::{evidence, unpack};
use crate::attestation::{self, Artifact as Proved, Attestation, Lack, Unproved, VerifiedAttestation};
use crate::ctx::{Ctx, Step};
use crate::digest::{Algorithm, Sha256};
use crate::error::{Error, EvidenceError, Unasked};
use crate::fs;
use crate::patch::Patches;
use crate::pins::{Artifact, Pin};
use crate::policy::{self, Policy, Verdict};
use crate::project::Project;
use crate::record::{Evidence, Kept};
use crate::report::Finding;
use crate::statement::{PYPI_PUBLISH, SLSA_V1, SLSA_V02};
use crate::store::VerifiedBlob;
use crate::tree::Assembled;

/// What would stand at a pin's destination, tree hash included. It is put together in the store, and is gone afterwards.
pub fn preview(
    ctx: &Ctx<'_>,
    pin: &Pin,
    artifact: &Artifact,
    blob: &VerifiedBlob,
    patches: &Patches,
) -> Result<Assembled, Error> {
    ctx.progress.step(pin.name.as_str(), Step::Unpacking);
    let drafts = ctx.store.drafts()?;
    let stage = fs::unique_name(pin.name.as_str());
    let mut pass = ctx.gate.enter(blob.len());
    let assembled = unpack::unpack_unpinned((&drafts, &stage, &mut pass.memory), pin, artifact, blob, patches);
    // The first error is the one to tell; `cache gc` sweeps what stays.
    let removed = drafts.remove_all(&stage);
    let assembled = assembled?;
    removed?;
    Ok(assembled)
}

/// What upstream has to say of an artifact, proved.
#[derive(Debug)]
pub struct Upstream {
    /// As a record would keep it.
    pub evidence: Evidence,
    /// The proof that says who built or published it, where there is one.
    pub proof: Option<VerifiedAttestation>,
    /// What is worth knowing.
    pub findings: Vec<Finding>,
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
) -> Result<Result<Upstream, Unasked>, Error> {
    ctx.progress.step(pin.name.as_str(), Step::Proving);
    let demand = evidence::demand(project, pin, artifact, None);
    let sha256 = needs_sha256(artifact, &demand).then(|| digest_of(blob, Algorithm::Sha256)).transpose()?;
    let hosts = project.pin_file().trust().hosts.as_deref();
    let with = ask::With { offline: false, hosts, signatures: true };
    let mut asked = match ask::ask(ctx, project, artifact, demand.file, sha256.as_ref(), with)? {
        Ok(asked) => asked,
        Err(unasked) => return Ok(Err(unasked)),
    };
    if asked.attestations.is_empty() {
        return Ok(Ok(Upstream { evidence: Evidence::None, proof: None, findings: asked.findings }));
    }
    asked.attestations.sort_by_cached_key(|one| one.attestation.to_string());
    let sha256 = sha256.and_then(|digest| digest.to_string().parse::<Sha256>().ok());
    let kept = Kept { sha256, attestations: asked.attestations, manifests: asked.manifests };
    let proof = prove(ctx, artifact, &kept, Some(blob))?.proof;
    Ok(Ok(Upstream { evidence: Evidence::Kept(kept), proof, findings: asked.findings }))
}

/// What kept evidence proves.
#[derive(Debug)]
pub struct Proven {
    /// Who built it, or else who published it; `None` where there is neither.
    pub proof: Option<VerifiedAttestation>,
    /// Why some that claims to say so cannot be judged.
    pub lacks: Vec<Lack>,
}

/// The proof among kept evidence that says who built an artifact, or else who published it; `None` where there is neither.
///
/// # Errors
/// Evidence that is wrong. That some of it cannot be judged is no error: it proves nothing.
pub fn prove(ctx: &Ctx<'_>, artifact: &Artifact, kept: &Kept, blob: Option<&VerifiedBlob>) -> Result<Proven, Error> {
    let digests = digests(artifact, kept, blob)?;
    let about = Proved { digests: Proved::of(&digests).digests, open: None };
    let trust = ctx.trust.proving()?;
    let texts: Vec<String> = kept.attestations.iter().map(|one| one.attestation.to_string()).collect();
    let attestations = read(kept, &texts)?;
    let mut proofs: Vec<Result<VerifiedAttestation, Unproved>> =
        attestations.iter().map(|one| attestation::prove(trust, one, &about)).collect();
    let is_kind = |one: &Attestation| one.statement().is_some_and(|one| KINDS.contains(&one.predicate_type.as_str()));
    let lacks = attestations.iter().zip(&proofs).filter_map(|(one, proof)| match proof {
        Err(Unproved::Unverifiable(lack)) if is_kind(one) => Some(lack.clone()),
        _ => None,
    });
    let lacks = lacks.collect();
    for kinds in [&[SLSA_V1, SLSA_V02][..], &[PYPI_PUBLISH]] {
        let anybody = Policy {
            // Whoever it was: who that is gets shown, and is written into the pin.
            identity_pattern: "^".parse().ok(),
            predicate_types: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
            name: name_of(&artifact.source),
            ..Policy::default()
        };
        match policy::judge(&anybody, 0, &proofs) {
            Verdict::Verified(index) => return Ok(Proven { proof: proofs.swap_remove(index).ok(), lacks }),
            Verdict::Refused(failures) => return Err(EvidenceError::Refused(failures).into()),
            Verdict::Unverifiable(_) | Verdict::Missing(_) => {}
        }
    }
    Ok(Proven { proof: None, lacks })
}

/// The kinds of claims that say who built or published something.
const KINDS: [&str; 3] = [SLSA_V1, SLSA_V02, PYPI_PUBLISH];
