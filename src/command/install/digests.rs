//! The digests of an artifact that evidence may be about: the one place that says what they are, and by whose word.
//!
//! The pin's own comes first and is never replaced. All others are those of the bytes, where these are here, whatever a
//! record says; without the bytes they are the record's word, and whoever asks is told so.

use std::collections::BTreeSet;

use crate::ctx::Ctx;
use crate::project::Project;
use pinfold_core::digest::{Algorithm, Digests, Integrity};
use pinfold_core::fault::Fault;
use pinfold_core::pins::{Artifact, Source};
use pinfold_core::record::{Evidence, Kept};
use pinfold_core::store::VerifiedBlob;
use pinfold_evidence::attestation::{self, Attestation};

use super::obtain::{digest_of, open_kept, unread};

/// What is known of an artifact's digests.
pub(super) struct Known {
    /// All of them, the pin's among them.
    pub(super) all: Digests,
    /// What a record has to keep of them, so that the evidence can be held to the artifact without its bytes.
    pub(super) for_record: Digests,
    /// Some are a record's word alone.
    pub(super) is_by_record: bool,
}

impl Known {
    /// What is known of an artifact that this evidence is about. Where the bytes are here, all digests that the evidence
    /// names are theirs: one that is wrong does not go unnoticed because the pin has another.
    pub(super) fn of(
        artifact: &Artifact,
        kept: &Kept,
        attestations: &[Attestation],
        blob: Option<&VerifiedBlob>,
    ) -> Result<Self, Fault> {
        let pinned = artifact.integrity.algorithm();
        let Some(blob) = blob else {
            let for_record = kept.digests.without(pinned);
            let mut all = Digests::from(artifact.integrity.clone());
            for_record.iter().for_each(|digest| all.add(digest.clone()));
            return Ok(Self { all, is_by_record: !for_record.is_empty(), for_record });
        };
        let needed = needed(artifact, kept, attestations);
        let named = attestations.iter().flat_map(Attestation::algorithms);
        let all = blob.digests(named.chain(needed.iter().copied())).map_err(unread)?;
        let for_record = all.iter().filter(|one| needed.contains(&one.algorithm())).cloned().collect();
        Ok(Self { all, for_record, is_by_record: false })
    }
}

/// The algorithms of the digests that a record has to keep: those without which some evidence is about nothing that the pin
/// says. Elsewhere than in npm registries that is SHA-256, by which artifacts are found and listed.
fn needed(artifact: &Artifact, kept: &Kept, attestations: &[Attestation]) -> BTreeSet<Algorithm> {
    let pinned = artifact.integrity.algorithm();
    let is_npm = matches!(artifact.source, Source::Npm(_)) && kept.attestations.iter().all(|one| one.from == "npm");
    let mut needed = BTreeSet::from_iter((!is_npm).then_some(Algorithm::Sha256));
    // What is about an artifact of a registry names its manifest or its layer, which are not held to the bytes here.
    if !matches!(artifact.source, Source::Oci(_)) {
        let algorithms = attestations.iter().map(Attestation::algorithms);
        needed.extend(algorithms.filter(|named| !named.contains(&pinned)).flatten());
    }
    needed.remove(&pinned);
    needed
}

/// Whether it takes the bytes of an artifact to know that what a record keeps is about them.
pub fn is_of_bytes(artifact: &Artifact, kept: &Kept) -> bool {
    let pinned = artifact.integrity.algorithm();
    let names_other = |one: &Attestation| one.algorithms().iter().any(|algorithm| *algorithm != pinned);
    !kept.digests.is_empty() || !kept.manifests.is_empty() || read(kept).iter().any(names_other)
}

/// Whether a record does not say a digest of the artifact that its evidence names, and no other digest will do.
pub fn lacks_digest(artifact: &Artifact, evidence: &Evidence) -> bool {
    let Evidence::Kept(kept) = evidence else { return false };
    needed(artifact, kept, &read(kept)).into_iter().any(|algorithm| kept.digests.get(algorithm).is_none())
}

/// What can be read of what a record keeps; the rest is told where it is judged.
fn read(kept: &Kept) -> Vec<Attestation> {
    let texts = kept.attestations.iter().map(|one| one.attestation.to_string());
    texts.flat_map(|text| attestation::read(text.as_bytes()).unwrap_or_default()).collect()
}

/// The digest of a pinned artifact under an algorithm: the pin's own, that of the bytes that are here, else the record's
/// word. `None` where nobody knows it.
pub fn digest_by(
    ctx: &Ctx<'_>,
    project: &Project,
    artifact: &Artifact,
    recorded: Option<&Kept>,
    algorithm: Algorithm,
) -> Result<Option<Integrity>, Fault> {
    if artifact.integrity.algorithm() == algorithm {
        return Ok(Some(artifact.integrity.clone()));
    }
    match open_kept(ctx, project, artifact)? {
        Some(blob) => digest_of(&blob, algorithm).map(Some),
        None => Ok(recorded.and_then(|kept| kept.digests.get(algorithm)).cloned()),
    }
}
