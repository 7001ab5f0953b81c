//! What `pinfold add` does for artifacts in OCI registries: which layer is meant, whose key signs, and in words who signed.
//!
//! A tag is resolved once; from then on everything is asked for by the digest, so that a tag that moves meanwhile moves
//! nothing. A signature that nobody demands is told, and trusted no more for being there.

use super::super::check::claims::told;
use super::super::claims::{Claims, argument, version_absent};
use super::Options;
use crate::ctx::Ctx;
use crate::evidence as words;
use crate::install::signature::{beside, read_key, signature};
use crate::install::{self, draft};
use crate::project::Project;
use crate::report::{Finding, Level};
use pinfold_core::fault::Fault;
use pinfold_core::oci::Reference;
use pinfold_core::path::RelPath;
use pinfold_core::pins::{Artifact, Mode, PinName, Signature, Source};
use pinfold_core::record::Evidence;
use pinfold_core::store::VerifiedBlob;
use pinfold_evidence::attestation::{Lack, Unproved, VerifiedAttestation};
use pinfold_evidence::policy::{self, Policy, Verdict};
use pinfold_oci::registry::OciError;

/// The layer that is meant, and the digest that its manifest says.
pub(super) fn resolve(
    ctx: &Ctx<'_>,
    project: &Project,
    reference: &Reference,
    options: &Options,
) -> Result<(Source, Claims, Vec<Finding>), Fault> {
    let what = (reference, options.platform.as_ref(), &options.layer);
    let found = install::resolve_layer(ctx, project, what);
    let (layer, chosen) = found.map_err(|error| absent(error, reference))?;
    let claims = Claims { integrity: Some(chosen.digest), ..Claims::default() };
    Ok((Source::Oci(layer), claims, Vec::new()))
}

/// That there is no such tag or digest is told in these words, and not what an index leads to and is not there.
fn absent(error: OciError, reference: &Reference) -> Fault {
    let by = reference.by();
    match &error {
        OciError::Download(at) if error.is_absent() && at.url.path().ends_with(&format!("/manifests/{by}")) => {
            let of = format!("{}/{}", reference.registry(), reference.repository());
            version_absent(&of, &by, None)
        }
        _ => error.into(),
    }
}

/// What the pin is to demand of signatures; the keys are read, so that none turns out to be missing later.
pub(super) fn demanded(project: &Project, options: &Options) -> Result<Option<Signature>, Fault> {
    if options.keys.is_empty() {
        return Ok(None);
    }
    let read = |key: &String| -> Result<RelPath, Fault> {
        let hint = "keys stand in the project, and are named from the folder of pins.toml on";
        // As shells complete it.
        let path: RelPath = key
            .strip_prefix("./")
            .unwrap_or(key)
            .parse()
            .map_err(|error| argument(key, "bad-path", &error, Some(hint.to_owned())))?;
        read_key(&project.folder().join(path.as_str()))?;
        Ok(path)
    };
    let keys = options.keys.iter().map(read).collect::<Result<_, _>>()?;
    Ok(Some(Signature { mode: Mode::Strict, of_artifact: true, keys, ..Signature::default() }))
}

/// Who signed an artifact of whose signatures nothing is demanded.
///
/// # Errors
/// Signatures that are wrong, where there is none beside them that holds.
pub(super) fn signers(
    ctx: &Ctx<'_>,
    (name, artifact, blob): (&PinName, &Artifact, &VerifiedBlob),
    evidence: &Evidence,
) -> Result<Vec<Finding>, Fault> {
    let Source::Oci(layer) = &artifact.source else { return Ok(Vec::new()) };
    let proofs = draft::signatures(ctx, artifact, evidence, blob)?;
    let proved: Vec<&VerifiedAttestation> = proofs.iter().filter_map(|proof| proof.as_ref().ok()).collect();
    let mut findings = match policy::judge_signatures(&Policy::default(), ctx.clock.seconds(), &proofs) {
        Verdict::Missing(_) => words::unsigned().findings_at(Level::Warning),
        Verdict::Refused(failures) if proved.is_empty() => return Err(words::refused(&failures)),
        _ if !proved.is_empty() => beside(&proofs),
        _ => Vec::new(),
    };
    findings.extend(proved.iter().map(|proof| by_certificate(name, layer.reference(), proof)));
    let unproved = proofs.iter().filter_map(|proof| match proof {
        Err(Unproved::Unverifiable(lack)) if proved.is_empty() => Some(unproved(lack)),
        _ => None,
    });
    findings.extend(unproved);
    Ok(findings)
}

/// A signature that holds, and what would demand the next one of the same.
fn by_certificate(name: &PinName, reference: &Reference, proof: &VerifiedAttestation) -> Finding {
    let message = format!("it carries {}; the pin does not demand it", told(&signature(proof)));
    let finding = Finding::new(Level::Note, "signature-undemanded", message);
    let Some(demands) = policy::expectations(proof, Mode::Strict) else {
        return finding.hint(format!(
            "a pin demands keys and repositories, and it names neither; \
             `pinfold oci verify {reference} --identity …` judges it"
        ));
    };
    let repository = demands.repository.map(|repository| format!("`repository = \"{repository}\"`"));
    let workflow = demands.workflow.map(|workflow| format!("`workflow = \"{workflow}\"`"));
    // A name that has a `.` in it would be two keys.
    let name = if name.as_str().contains('.') { format!("\"{name}\"") } else { name.to_string() };
    let both: Vec<String> = [repository, workflow].into_iter().flatten().collect();
    finding.hint(format!(
        "to demand it, write `[pins.{name}.signature]` with `mode = \"strict\"`, and `[pins.{name}.provenance]` with {}",
        both.join(" and ")
    ))
}

/// A signature of which nobody can say here whether it holds.
fn unproved(lack: &Lack) -> Finding {
    if !matches!(lack, Lack::UnknownKey { .. }) {
        return words::lack(lack, Level::Warning);
    }
    let message = "it is signed with a key that was not named, so that nothing is known of the signature";
    let finding = Finding::new(Level::Warning, "unknown-key", message);
    finding.hint("have the public key from whoever signs it, put it into the project, and say `--key FILE`")
}
