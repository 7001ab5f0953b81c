//! In place of `oci`, where pinfold is built without it.

use super::super::claims::Claims;
use super::Options;
use crate::ctx::Ctx;
use crate::features::left_out;
use crate::project::Project;
use crate::report::Finding;
use pinfold_core::fault::Fault;
use pinfold_core::oci::Reference;
use pinfold_core::pins::{Signature, Source};

/// Artifacts in OCI registries are not to be had.
pub(super) fn resolve(
    _ctx: &Ctx<'_>,
    _project: &Project,
    reference: &Reference,
    _options: &Options,
) -> Result<(Source, Claims, Vec<Finding>), Fault> {
    let pin = reference.to_string();
    Err(left_out(&pin, "an artifact of an OCI registry", "oci"))
}

/// Keys are refused for all other sources.
pub(super) const fn demanded(_project: &Project, _options: &Options) -> Result<Option<Signature>, Fault> {
    Ok(None)
}
