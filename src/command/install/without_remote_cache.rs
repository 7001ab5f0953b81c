//! In place of the remote cache, where pinfold is built without `oci`: upstream is asked for everything. Whoever configured
//! one is told so by the command.

use super::evidence::Demand;
use crate::ctx::Ctx;
use crate::project::Project;
use crate::report::Finding;
use pinfold_core::fault::Fault;
use pinfold_core::pins::Artifact;
use pinfold_core::record::Evidence;
use pinfold_core::store::VerifiedBlob;

pub(super) const fn receive(
    _ctx: &Ctx<'_>,
    _project: &Project,
    _name: &str,
    _artifact: &Artifact,
    _findings: &mut Vec<Finding>,
) -> Result<Option<VerifiedBlob>, Fault> {
    Ok(None)
}

pub(super) const fn offer(
    _ctx: &Ctx<'_>,
    _project: &Project,
    _of: (&Artifact, &Demand<'_>),
    _has: (&VerifiedBlob, &Evidence),
    _findings: &mut Vec<Finding>,
) -> Result<(), Fault> {
    Ok(())
}

/// What the store has of evidence: there is no store.
#[cfg(feature = "evidence")]
pub(super) const fn kept(
    _ctx: &Ctx<'_>,
    _project: &Project,
    _artifact: &Artifact,
    _demand: &Demand<'_>,
    _findings: &mut Vec<Finding>,
) -> Option<pinfold_core::record::Kept> {
    None
}

#[cfg(feature = "evidence")]
pub(super) const fn doubt(_ctx: &Ctx<'_>, _project: &Project, _artifact: &Artifact) {}

#[cfg(feature = "evidence")]
pub(super) fn unproved(error: &Fault) -> Finding {
    Finding::new(crate::report::Level::Warning, "shared-store-entry", error.to_string())
}
