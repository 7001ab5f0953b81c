//! Pins of OCI registries: from a digest to a layer, its bytes, and what is attached to the artifact.

use std::time::Duration;

use super::ask::{Asked, With};
use super::obtain::{MAX_ARTIFACT_LEN, Receiver, digest_of, not_answered, other_bytes, rules, unobtainable};
use super::other_size;
use crate::ctx::{Ctx, Step};
use crate::evidence::{self, Unasked};
use crate::project::Project;
use pinfold_core::digest::{Algorithm, Digests, Integrity};
use pinfold_core::fault::Fault;
use pinfold_core::oci::{ImagePlatform, LayerChoice, Reference, digest_text};
use pinfold_core::pins::{Artifact, OciLayer, Source};
use pinfold_core::record::{Kept, KeptAttestation};
use pinfold_core::store::{Mismatch, VerifiedBlob};
use pinfold_core::url::Url;
use pinfold_evidence::attestation::{Artifact as Subject, Attestation};
use pinfold_evidence::policy::Failure;
use pinfold_net::http::Failure::HostNotAllowed as Forbidden;
use pinfold_net::http::Rules;
use pinfold_net::registry::AskError;
use pinfold_oci::Descriptor;
use pinfold_oci::chain::{self, ChainError, Followed, Received, follow};
pub(super) use pinfold_oci::registry::UNREAD;
use pinfold_oci::registry::{OciError, Repository, Shelf as _};

/// The layer of an artifact, streamed into the store; the inner error says why the registry did not serve it. The outer
/// one says that the pin refutes itself: its digest leads to other bytes than its integrity, or to none, so that a mirror
/// that has some would only hide it.
pub(super) fn receive(
    ctx: &Ctx<'_>,
    name: &str,
    (artifact, layer): (&Artifact, &OciLayer),
    rules: Rules<'_>,
) -> Result<Result<VerifiedBlob, Fault>, Fault> {
    let url = layer.reference().to_string();
    let failed = |error: OciError| not_answered(&error.into());
    let repository = match repository(ctx, layer.reference(), rules) {
        Ok(repository) => repository,
        Err(error) => return Ok(Err(failed(error))),
    };
    let chosen = match chosen(&repository, layer, None) {
        Ok((_, chosen)) => chosen,
        Err(error @ OciError::Chain { error: ChainError::Choice(_), .. }) => return Err(refuted(failed(error))),
        Err(error) => return Ok(Err(failed(error))),
    };
    if let Some(expected) = artifact.size
        && expected != chosen.size
    {
        return Err(other_size(expected, chosen.size));
    }
    let (expected, size) = (artifact.integrity.clone(), chosen.size);
    if expected.algorithm() == chosen.digest.algorithm() && expected != chosen.digest {
        // Nothing has to come to know that it is not what was pinned.
        let mismatch = Mismatch { expected, received: chosen.digest.clone(), size };
        return Err(refuted(other_bytes(&url, mismatch, Some(&chosen.media_type))));
    }
    if artifact.size.is_none() && size > MAX_ARTIFACT_LEN {
        let digest = digest_text(&chosen.digest);
        return Ok(Err(failed(OciError::TooLong { digest, limit: MAX_ARTIFACT_LEN })));
    }
    ctx.progress.step(name, Step::Fetching);
    // Both digests of one reading: that of the manifest is also what evidence is about.
    let incoming = ctx.store.receive(&expected)?.and(chosen.digest.algorithm());
    let mut incoming = Receiver::new(ctx, name, incoming);
    let came = repository.stream(&chosen, &mut incoming);
    // Where both are of one algorithm they are the same, see above.
    if let Err(error) = came.and_then(|_| incoming.other().map_or(Ok(()), |other| repository.hold(&chosen, other))) {
        return Ok(Err(failed(error)));
    }
    let mismatch = match incoming.finish()? {
        Ok(blob) => return Ok(Ok(blob)),
        Err(mismatch) => mismatch,
    };
    Err(refuted(other_bytes(&url, mismatch, Some(&chosen.media_type))))
}

/// The layer of an artifact that nobody has pinned yet: held to its manifest, and kept under the digest that it has.
pub(super) fn receive_unpinned(
    ctx: &Ctx<'_>,
    name: &str,
    layer: &OciLayer,
    rules: Rules<'_>,
) -> Result<VerifiedBlob, Fault> {
    let failed = |error: OciError| refuted(not_answered(&error.into()));
    let repository = repository(ctx, layer.reference(), rules).map_err(failed)?;
    let (_, chosen) = chosen(&repository, layer, None).map_err(failed)?;
    if chosen.size > MAX_ARTIFACT_LEN {
        return Err(failed(OciError::TooLong { digest: digest_text(&chosen.digest), limit: MAX_ARTIFACT_LEN }));
    }
    let incoming = ctx.store.receive_unpinned()?.and(chosen.digest.algorithm());
    let mut incoming = Receiver::new(ctx, name, incoming);
    repository.stream(&chosen, &mut incoming).map_err(failed)?;
    // Where both are of one algorithm the store's own is held to the manifest's below.
    incoming.other().map_or(Ok(()), |other| repository.hold(&chosen, other)).map_err(failed)?;
    match incoming.finish()? {
        Ok(blob) => {
            let own = digest_of(&blob, chosen.digest.algorithm())?;
            repository.hold(&chosen, own).map_err(failed)?;
            Ok(blob)
        }
        Err(mismatch) => {
            let url = layer.reference().to_string();
            Err(refuted(other_bytes(&url, mismatch, Some(&chosen.media_type))))
        }
    }
}

/// The one layer that is meant, by the digest that the tag has now, and what the manifest says of it.
pub fn resolve_layer(
    ctx: &Ctx<'_>,
    project: &Project,
    (reference, platform, choice): (&Reference, Option<&ImagePlatform>, &LayerChoice),
) -> Result<(OciLayer, Descriptor), OciError> {
    let repository = repository(ctx, reference, rules(ctx, project))?;
    let (digest, received) = repository.resolve()?;
    let layer = OciLayer::new(reference, digest, platform.cloned(), choice.clone());
    let (_, chosen) = chosen(&repository, &layer, Some(received))?;
    Ok((layer, chosen))
}

/// Where the registry of an artifact has what belongs to it.
pub(super) fn repository_url(layer: &OciLayer) -> Option<Url> {
    chain::repository_url(layer.reference()).ok()
}

/// Where the registry of an artifact has its manifest.
pub fn manifest_url(layer: &OciLayer) -> Option<Url> {
    chain::manifest_url(&repository_url(layer)?, &layer.reference().by()).ok()
}

/// Whether a pin's tag, which is only said beside its digest, stands for that digest; so does no tag at all.
pub(super) fn tag_leads_to_digest(ctx: &Ctx<'_>, project: &Project, artifact: &Artifact) -> bool {
    let Source::Oci(layer) = &artifact.source else { return true };
    let pinned = layer.reference();
    let Some(tag) = pinned.tag() else { return true };
    let reference = format!("{}/{}:{tag}", pinned.registry(), pinned.repository()).parse::<Reference>();
    let tagged = reference.ok().and_then(|reference| {
        let repository = repository(ctx, &reference, rules(ctx, project)).ok()?;
        repository.resolve().ok()
    });
    // The digest of a tag is a SHA-256, and that of the pin may be another one of the same bytes.
    tagged
        .zip(pinned.digest())
        .is_some_and(|((_, (bytes, _)), digest)| Integrity::of(digest.algorithm(), &bytes) == *digest)
}

fn refuted(attempt: Fault) -> Fault {
    unobtainable(vec![attempt])
}

/// What is attached to an artifact, and the way from its digest to its layer, for the record. The inner error says that
/// nobody could be asked; the outer one, that what came is wrong, which is not that nothing came.
pub(super) fn ask(ctx: &Ctx<'_>, layer: &OciLayer, with: With<'_>) -> Result<Result<Asked, Unasked>, Fault> {
    match try_ask(ctx, layer, with) {
        Ok(asked) => Ok(Ok(asked)),
        Err(error) if error.is_refusal() && !is_forbidden(&error) => Err(evidence::refused(&[failure(&error)])),
        Err(error) => Ok(Err(Unasked::Ask(AskError::from(error)))),
    }
}

/// Whether the project itself keeps a host from being asked.
fn is_forbidden(error: &OciError) -> bool {
    matches!(error, OciError::Download(error) if matches!(*error.failure, Forbidden { .. }))
}

fn try_ask(ctx: &Ctx<'_>, layer: &OciLayer, with: With<'_>) -> Result<Asked, OciError> {
    let deadline = ctx.clock.now().checked_add(LONGEST).unwrap_or_else(|| ctx.clock.now());
    let mut rules = Rules::new(ctx.registries.credentials(), ctx.timeouts, deadline);
    rules.hosts = with.hosts;
    if with.is_again {
        rules.attempts = 1;
    }
    let repository = repository(ctx, layer.reference(), rules)?;
    let (followed, _) = chosen(&repository, layer, None)?;
    let attached = match layer.reference().digest() {
        Some(digest) => repository.attached(digest)?,
        None => Default::default(),
    };
    let kept = |one: &Attestation| KeptAttestation { from: "oci".to_owned(), attestation: one.value().clone() };
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok(Asked {
        attestations: attached.attestations.iter().map(kept).collect(),
        manifests: followed.documents.into_iter().map(text).collect(),
        broken: attached.broken.iter().map(failure).collect(),
        ..Asked::default()
    })
}

/// Something attached that is wrong.
fn failure(error: &OciError) -> Failure {
    let (expected, received) = error.compared().unzip();
    Failure { code: error.code(), message: error.to_string(), expected, received, hint: None }
}

fn repository<'a>(ctx: &Ctx<'a>, reference: &Reference, rules: Rules<'a>) -> Result<Repository<'a>, OciError> {
    Repository::new((ctx.http, rules, ctx.clock), ctx.registries.logins(), reference)
}

/// The way to the manifest, and the layer in it; `first` is what the digest leads to, where that is here.
fn chosen(
    repository: &Repository<'_>,
    layer: &OciLayer,
    first: Option<Received>,
) -> Result<(Followed, Descriptor), OciError> {
    let Some(digest) = layer.reference().digest() else {
        return Err(repository.chain("", ChainError::Size { expected: 0 }));
    };
    let by = digest_text(digest);
    let wrong = |error| repository.chain(&by, error);
    let followed = repository.follow(digest, layer.platform(), first)?;
    let chosen = followed.manifest.choose(layer.layer()).map_err(ChainError::Choice).map_err(wrong)?.clone();
    Ok((followed, chosen))
}

/// Whether documents are the way from a pinned digest to its manifest, and nothing beside it.
pub(super) fn is_way(layer: &OciLayer, documents: &[String]) -> bool {
    let Some(digest) = layer.reference().digest() else { return false };
    let mut left = documents.iter();
    let followed = follow(digest, layer.platform(), |_, _| match left.next() {
        Some(text) => Ok((text.clone().into_bytes(), None)),
        None => Err(ChainError::Size { expected: 0 }),
    });
    followed.is_ok() && left.next().is_none()
}

/// What evidence about an artifact of a registry may be about: its manifest (or index), and the layer that was chosen.
pub(super) struct About {
    manifest: Integrity,
    bytes: Vec<u8>,
    layer: Integrity,
    is_by_record: bool,
}

impl About {
    /// Goes the way of the record again, from the pinned digest to the layer, and holds that to the bytes: `known` are
    /// their digests. A layer whose digest is of another algorithm is held to the bytes themselves, and where they are not
    /// here it is the record's word.
    pub(super) fn of(
        artifact: &Artifact,
        kept: &Kept,
        known: &Digests,
        blob: Option<&VerifiedBlob>,
    ) -> Result<Option<Self>, Fault> {
        let Source::Oci(layer) = &artifact.source else { return Ok(None) };
        let Some(manifest) = layer.reference().digest() else { return Ok(None) };
        let mut documents = kept.manifests.iter();
        let followed = follow(manifest, layer.platform(), |digest, _| match documents.next() {
            Some(text) => Ok((text.clone().into_bytes(), None)),
            None => {
                Err(ChainError::Digest { expected: digest.clone(), received: Integrity::of(Algorithm::Sha256, b"") })
            }
        });
        let followed = followed.map_err(wrong)?;
        let chosen = followed.manifest.choose(layer.layer()).map_err(ChainError::Choice).map_err(wrong)?;
        let algorithm = chosen.digest.algorithm();
        let own = match (known.get(algorithm), blob) {
            (Some(own), _) => Some(own.clone()),
            (None, Some(blob)) => Some(digest_of(blob, algorithm)?),
            (None, None) => None,
        };
        let is_by_record = own.is_none();
        if let Some(expected) = own.filter(|own| *own != chosen.digest) {
            return Err(wrong(ChainError::Digest { expected, received: chosen.digest.clone() }));
        }
        let bytes = followed.documents.first().cloned().unwrap_or_default();
        Ok(Some(Self { manifest: manifest.clone(), bytes, layer: chosen.digest.clone(), is_by_record }))
    }

    /// Whether it is the record's word alone that the layer is the artifact.
    pub(super) const fn is_by_record(&self) -> bool {
        self.is_by_record
    }

    /// The digests that evidence may name, for who remembers what was proved of them.
    pub(super) const fn digests(&self) -> (&Integrity, &Integrity) {
        (&self.manifest, &self.layer)
    }

    /// What a statement has to be about: the layer where it names that, else the manifest.
    pub(super) fn subject_of(&self, one: &Attestation) -> Subject<'static> {
        let (algorithm, layer) = (self.layer.algorithm().name(), self.layer.hex());
        let names_layer = one.statement().is_some_and(|statement| {
            statement.subjects.iter().any(|subject| subject.digests.get(algorithm) == Some(&layer))
        });
        Subject::of(&[if names_layer { self.layer.clone() } else { self.manifest.clone() }])
    }

    /// Calls `work` with the manifest, which is what signatures are about.
    pub(super) fn with_manifest<R>(&self, work: impl FnOnce(&Subject<'_>) -> R) -> R {
        let open = || -> std::io::Result<Box<dyn std::io::Read + '_>> { Ok(Box::new(self.bytes.as_slice())) };
        let digests = Subject::of(std::slice::from_ref(&self.manifest)).digests;
        work(&Subject { digests, open: Some(&open) })
    }
}

fn wrong(error: ChainError) -> Fault {
    let (expected, received) = error.compared().unzip();
    let message = format!("what the record keeps does not lead from the pinned digest to the artifact: {error}");
    evidence::refused(&[Failure { code: error.code(), message, expected, received, hint: None }])
}

/// Longest time for one pin's evidence, retries included: as with other sources.
const LONGEST: Duration = Duration::from_secs(60);
