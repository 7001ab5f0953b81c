//! In place of `proofs`, where pinfold is built without evidence: nothing can be compared, so a pin that demands evidence, or
//! whose record has some, does not move.

use crate::ctx::Ctx;
use crate::features::left_out;
use crate::install;
use crate::project::Project;
use crate::report::{Evidence, Finding, Verdict};
use pinfold_core::fault::Fault;
use pinfold_core::pins::{Artifact, Pin};
use pinfold_core::record;
use pinfold_core::store::VerifiedBlob;

/// How the evidence of two versions compares.
pub(super) struct Compared {
    pub(super) verdict: Verdict,
    /// Never anything.
    pub(super) proof: Option<Box<Evidence>>,
    pub(super) findings: Vec<Finding>,
}

/// Refuses to move a pin that may lose evidence.
pub(super) fn compare(
    ctx: &Ctx<'_>,
    project: &Project,
    (pin, _, _): (&Pin, &Artifact, Option<&VerifiedBlob>),
    (new_pin, new_artifact, blob): (&Pin, &Artifact, &VerifiedBlob),
    _allow: bool,
) -> Result<Compared, Fault> {
    let record = project.record(pin.name.as_str())?;
    if record.is_some_and(|record| matches!(record.evidence, record::Evidence::Kept(_))) {
        return Err(left_out(pin.name.as_str(), "what its record has of evidence to be compared", "evidence"));
    }
    let demand = install::evidence::demand(project, new_pin, new_artifact, None);
    let judged = install::evidence::hold(ctx, new_artifact, &demand, &record::Evidence::Unasked, Some(blob))?;
    Ok(Compared { verdict: Verdict::Passed, proof: None, findings: judged.findings })
}

/// The code of the sentence on both versions, which is never said here.
pub(super) const EVIDENCE: &str = "evidence-compared";
