//! In place of `evidence`, where pinfold is built without it: the new pin demands none, unless that is refused.

use super::Options;
use crate::ctx::Ctx;
use crate::install;
use crate::project::Project;
use crate::report::{self, Finding};
use pinfold_core::fault::Fault;
use pinfold_core::pins::{Artifact, Mode, NewPin, Pin};
use pinfold_core::record::Evidence;
use pinfold_core::store::VerifiedBlob;

/// Refuses what the project, or whoever adds the pin, demands evidence of; else tells that nobody looked.
pub(super) fn demand(
    ctx: &Ctx<'_>,
    project: &Project,
    (pin, artifact, blob): (&Pin, &Artifact, &VerifiedBlob),
    options: &Options,
    _new: &mut NewPin,
    findings: &mut Vec<Finding>,
) -> Result<Option<Box<report::Evidence>>, Fault> {
    if options.evidence == Some(Mode::Off) {
        return Ok(None);
    }
    let demand = install::evidence::demand(project, pin, artifact, None);
    findings.extend(install::evidence::hold(ctx, artifact, &demand, &Evidence::Unasked, Some(blob))?.findings);
    Ok(None)
}
