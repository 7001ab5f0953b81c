//! What a new pin demands of evidence: what is proved of it today.

use super::{Options, draft_of};
use crate::ctx::Ctx;
use crate::install::{self, draft};
use crate::project::Project;
use crate::report::{self, Finding};
use pinfold_core::fault::Fault;
use pinfold_core::pins::{Artifact, Mode, NewPin, Pin};
use pinfold_core::record::Evidence;
use pinfold_core::store::VerifiedBlob;
use pinfold_evidence::policy;

/// Looks for evidence, holds it to what the project demands, and lets the pin demand the same of all that follows.
pub(super) fn demand(
    ctx: &Ctx<'_>,
    project: &Project,
    (pin, artifact, blob): (&Pin, &Artifact, &VerifiedBlob),
    options: &Options,
    new: &mut NewPin,
    findings: &mut Vec<Finding>,
) -> Result<Option<Box<report::Evidence>>, Fault> {
    if options.evidence == Some(Mode::Off) && new.signature.is_none() {
        return Ok(None);
    }
    let upstream = match draft::ask(ctx, project, pin, artifact, blob)? {
        Ok(upstream) => upstream,
        Err(unasked) => {
            if install::evidence::demand(project, pin, artifact, None).is_strict() {
                return Err(unasked.fault());
            }
            findings.push(unasked.finding(report::Level::Warning));
            return Ok(None);
        }
    };
    let kept = upstream.evidence;
    findings.extend(upstream.findings);
    #[cfg(feature = "oci")]
    if new.signature.is_none() {
        findings.extend(super::oci::signers(ctx, (&new.name, artifact, blob), &kept)?);
    }
    let held = |pin: &Pin, artifact: &Artifact| -> Result<install::evidence::Judged, Fault> {
        let demand = install::evidence::demand(project, pin, artifact, None);
        if matches!(kept, Evidence::None { .. }) {
            install::evidence::broken(&upstream.broken, &demand, None)?;
        }
        let mut judged = install::evidence::hold(ctx, artifact, &demand, &kept, Some(blob))?;
        judged.findings.extend(install::evidence::broken(&upstream.broken, &demand, Some(&judged))?);
        Ok(judged)
    };
    let mode = options.evidence.unwrap_or(Mode::Strict);
    let proved = upstream.proof.as_ref().and_then(|proof| policy::expectations(proof, mode));
    let named = !project.pin_file().trust().repositories.is_empty();
    if named || proved.is_none() {
        // As `fetch` would take it without a table of its own.
        let judged = held(pin, artifact)?;
        findings.extend(judged.findings);
        if proved.is_none() {
            return Ok(judged.signature);
        }
    }
    new.provenance = proved;
    let (_, pin, artifact) = draft_of(project, new)?;
    let judged = held(&pin, &artifact)?;
    findings.extend(judged.findings);
    Ok(judged.proof.filter(|_| !matches!(kept, Evidence::None { .. })))
}
