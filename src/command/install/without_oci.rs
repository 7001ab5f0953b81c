//! In place of `oci`, where pinfold is built without it: nothing is fetched from OCI registries.

#[cfg(feature = "evidence")]
use super::ask::{Asked, With};
use crate::ctx::Ctx;
#[cfg(feature = "evidence")]
use crate::evidence::Unasked;
use crate::features;
use crate::project::Project;
#[cfg(feature = "evidence")]
use pinfold_core::digest::{Digests, Integrity};
use pinfold_core::fault::Fault;
use pinfold_core::pins::{Artifact, OciLayer, Source};
#[cfg(feature = "evidence")]
use pinfold_core::record::Kept;
use pinfold_core::store::VerifiedBlob;
#[cfg(feature = "evidence")]
use pinfold_core::url::Url;
#[cfg(feature = "evidence")]
use pinfold_evidence::attestation::{Artifact as Subject, Attestation};
use pinfold_net::http::Rules;

pub(super) fn receive(
    _ctx: &Ctx<'_>,
    name: &str,
    _of: (&Artifact, &OciLayer),
    _rules: Rules<'_>,
) -> Result<Result<VerifiedBlob, Fault>, Fault> {
    Err(left_out(name))
}

pub(super) fn receive_unpinned(
    _ctx: &Ctx<'_>,
    name: &str,
    _layer: &OciLayer,
    _rules: Rules<'_>,
) -> Result<VerifiedBlob, Fault> {
    Err(left_out(name))
}

/// Whether a pin's tag stands for its digest: no other source has tags of this kind.
pub(super) const fn tag_leads_to_digest(_ctx: &Ctx<'_>, _project: &Project, artifact: &Artifact) -> bool {
    !matches!(artifact.source, Source::Oci(_))
}

/// Where the registry of an artifact has what belongs to it: it is not asked.
#[cfg(feature = "evidence")]
pub(super) const fn repository_url(_layer: &OciLayer) -> Option<Url> {
    None
}

/// Where the registry of an artifact has its manifest: it is not asked.
#[cfg(feature = "sign")]
pub const fn manifest_url(_layer: &OciLayer) -> Option<Url> {
    None
}

/// What is attached to an artifact is not asked for.
#[cfg(feature = "evidence")]
pub(super) fn ask(_ctx: &Ctx<'_>, layer: &OciLayer, _with: With<'_>) -> Result<Result<Asked, Unasked>, Fault> {
    Err(left_out(&layer.reference().to_string()))
}

/// What evidence about an artifact of a registry may be about: there is none.
#[cfg(feature = "evidence")]
pub(super) enum About {}

#[cfg(feature = "evidence")]
impl About {
    /// Refuses artifacts of registries.
    pub(super) fn of(
        artifact: &Artifact,
        _kept: &Kept,
        _known: &Digests,
        _blob: Option<&VerifiedBlob>,
    ) -> Result<Option<Self>, Fault> {
        match &artifact.source {
            Source::Oci(layer) => Err(left_out(&layer.reference().to_string())),
            _ => Ok(None),
        }
    }

    pub(super) const fn is_by_record(&self) -> bool {
        match *self {}
    }

    pub(super) const fn digests(&self) -> (&Integrity, &Integrity) {
        match *self {}
    }

    pub(super) const fn subject_of(&self, _one: &Attestation) -> Subject<'static> {
        match *self {}
    }

    pub(super) fn with_manifest<R>(&self, _work: impl FnOnce(&Subject<'_>) -> R) -> R {
        match *self {}
    }
}

/// The code of what is attached to an artifact and not read.
#[cfg(feature = "evidence")]
pub(super) const UNREAD: &str = "oci-attached-unread";

fn left_out(name: &str) -> Fault {
    features::left_out(name, "an artifact of an OCI registry", "oci")
}
