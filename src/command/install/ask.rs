//! Where each source keeps evidence, and how it is asked.

use std::time::Duration;

use crate::ctx::Ctx;
use crate::evidence::{self, Unasked};
use crate::project::Project;
use crate::report::{Finding, Level};
use pinfold_core::digest::{Integrity, Sha256};
use pinfold_core::fault::Fault;
use pinfold_core::fs;
use pinfold_core::path::RelPath;
use pinfold_core::pins::{Artifact, Host, NpmPackage, Source};
use pinfold_core::record::KeptAttestation;
use pinfold_core::url::Url;
use pinfold_evidence::attestation::{self, Attestation};
use pinfold_evidence::policy::Failure;
use pinfold_net::http::Rules;
use pinfold_net::registry::{self, Answer, AskError, NpmSignatures};

/// How a source is asked.
#[derive(Clone, Copy)]
pub(super) struct With<'a> {
    /// Not at all.
    pub(super) offline: bool,
    /// The hosts that may be asked; `None` for all.
    pub(super) hosts: Option<&'a [Host]>,
    /// For a registry's own signatures too, which cost another request.
    pub(super) signatures: bool,
    /// It said before that it has none, and whoever asks goes on without an answer: once has to do.
    pub(super) is_again: bool,
}

/// What a source has, possibly nothing.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) attestations: Vec<KeptAttestation>,
    pub(super) findings: Vec<Finding>,
    /// The way from an artifact's digest in a registry to its layer.
    pub(super) manifests: Vec<String>,
    /// What is wrong with what is attached to it.
    pub(super) broken: Vec<Failure>,
}

/// Asks for the evidence of an artifact: in the file that the pin names, else where its source keeps it. `sha256` is that
/// of the bytes, for sources that find evidence by it.
///
/// The inner error says that nobody could be asked; the outer one, that what was handed out is no evidence.
pub(super) fn ask(
    ctx: &Ctx<'_>,
    project: &Project,
    artifact: &Artifact,
    file: Option<&RelPath>,
    sha256: Option<&Sha256>,
    with: With<'_>,
) -> Result<Result<Asked, Unasked>, Fault> {
    if let Some(path) = file {
        return named(ctx, project, artifact, path, with);
    }
    if with.offline {
        return Ok(Err(Unasked::Offline));
    }
    let deadline = ctx.clock.now().checked_add(LONGEST).unwrap_or_else(|| ctx.clock.now());
    let mut rules = Rules::new(ctx.registries.credentials(), ctx.timeouts, deadline);
    rules.hosts = with.hosts;
    if with.is_again {
        rules.attempts = 1;
    }
    let named = project.pin_file().registries();
    let answer = match &artifact.source {
        Source::Npm(package) => match ctx.registries.npm(package.scope(), named.npm.as_ref()) {
            Ok(registry) => return npm(ctx, &rules, &registry, package, with.signatures),
            Err(error) => Err(Unasked::Registry(error)),
        },
        Source::Github(asset) => match (ctx.registries.github_api(named.github.as_ref()), sha256) {
            (Ok(api), Some(digest)) => {
                let (owner, repo) = (asset.owner(), asset.repo());
                let answer = registry::github_attestations(ctx.http, &rules, ctx.clock, &api, owner, repo, digest);
                answer.map_err(Unasked::Ask)
            }
            (Err(error), _) => Err(Unasked::Registry(error)),
            // Who cannot ask has not heard that there is none.
            (Ok(_), None) => Err(Unasked::NoDigest),
        },
        Source::Pypi(file) => match ctx.registries.pypi(named.pypi.as_ref()) {
            Ok(index) => {
                let (project, version, file) = (file.project(), file.version(), file.file());
                registry::pypi_provenance(ctx.http, &rules, ctx.clock, &index, project, version, file)
                    .map_err(Unasked::Ask)
            }
            Err(error) => Err(Unasked::Registry(error)),
        },
        Source::Oci(layer) => return super::oci::ask(ctx, layer, with),
        // Nobody knows of a place; a pin can name a file.
        Source::Url(_) | Source::File(_) => Ok(Answer::None),
    };
    match answer {
        Ok(answer) => Ok(Ok(Asked { attestations: sorted_out(answer, artifact.source.key())?, ..Asked::default() })),
        Err(unasked) => Ok(Err(unasked)),
    }
}

/// The registry that is asked for the evidence of an artifact, `None` where there is none or nobody knows which.
pub(super) fn registry(ctx: &Ctx<'_>, project: &Project, artifact: &Artifact) -> Option<Url> {
    let named = project.pin_file().registries();
    match &artifact.source {
        Source::Npm(package) => ctx.registries.npm(package.scope(), named.npm.as_ref()).ok(),
        Source::Github(_) => ctx.registries.github_api(named.github.as_ref()).ok(),
        Source::Pypi(_) => ctx.registries.pypi(named.pypi.as_ref()).ok(),
        Source::Oci(layer) => super::oci::repository_url(layer),
        Source::Url(_) | Source::File(_) => None,
    }
}

/// The file that the pin names.
fn named(
    ctx: &Ctx<'_>,
    project: &Project,
    artifact: &Artifact,
    path: &RelPath,
    with: With<'_>,
) -> Result<Result<Asked, Unasked>, Fault> {
    let mut asked = in_file(project, path)?;
    // It stands for what a registry has of statements; signatures, and the way to the layer, are there alone.
    if let Source::Oci(layer) = &artifact.source {
        if with.offline {
            return Ok(Err(Unasked::Offline));
        }
        match super::oci::ask(ctx, layer, with)? {
            Ok(beside) => {
                asked.attestations.extend(beside.attestations.into_iter().filter(is_signature));
                asked = Asked { attestations: asked.attestations, ..beside };
            }
            Err(unasked) => return Ok(Err(unasked)),
        }
    }
    Ok(Ok(asked))
}

/// Whether what was attached to an artifact is a signature of it.
fn is_signature(kept: &KeptAttestation) -> bool {
    let read = attestation::read(kept.attestation.to_string().as_bytes());
    read.is_ok_and(|read| read.iter().any(Attestation::is_signature))
}

/// npm keeps attestations, and a signature over name, version and integrity beside each version.
fn npm(
    ctx: &Ctx<'_>,
    rules: &Rules<'_>,
    registry: &Url,
    package: &NpmPackage,
    signatures: bool,
) -> Result<Result<Asked, Unasked>, Fault> {
    let (name, version) = (package.name(), package.version());
    let answer = match registry::npm_attestations(ctx.http, rules, ctx.clock, registry, name, version) {
        Ok(answer) => answer,
        Err(error) => return Ok(Err(Unasked::Ask(error))),
    };
    let mut asked = Asked { attestations: sorted_out(answer, "npm")?, ..Asked::default() };
    if !signatures {
        return Ok(Ok(asked));
    }
    match registry::npm_signatures(ctx.http, rules, ctx.clock, registry, name, version) {
        Ok(signatures) => asked.attestations.extend(registry_signatures(&format!("{name}@{version}"), &signatures)),
        // A registry that keeps no documents of single versions has no signatures either.
        Err(error) if error.is_not_found() => {}
        Err(error) => asked.findings.push(without_signatures(&error)),
    }
    Ok(Ok(asked))
}

/// The registry's signatures, over what the registry says the integrity is: the proof holds that to the pin's. One over
/// SHA-1, as of packages before 2017, is none.
fn registry_signatures(package: &str, dist: &NpmSignatures) -> Vec<KeptAttestation> {
    let integrity = dist.integrity.as_deref().and_then(|text| text.parse::<Integrity>().ok());
    let Some(integrity) = integrity else { return Vec::new() };
    let kept = |(keyid, sig): &(String, String)| KeptAttestation {
        from: "npm".to_owned(),
        attestation: Attestation::registry_signature(package, &integrity, keyid, sig).value().clone(),
    };
    dist.signatures.iter().map(kept).collect()
}

fn without_signatures(error: &AskError) -> Finding {
    let message = format!("the registry's own signature could not be asked for: {error}");
    Finding::new(Level::Note, "registry-signature-unasked", message)
}

fn in_file(project: &Project, path: &RelPath) -> Result<Asked, Fault> {
    let limit = u64::try_from(attestation::MAX_DOCUMENT_LEN).unwrap_or(u64::MAX);
    let bytes = fs::read_if_exists(&project.folder().join(path.as_str()), limit)?;
    let bytes = bytes.ok_or_else(|| evidence::no_file(path))?;
    Ok(Asked { attestations: read(&bytes, path.as_str())?, ..Asked::default() })
}

fn sorted_out(answer: Answer, from: &str) -> Result<Vec<KeptAttestation>, Fault> {
    let Answer::Documents(documents) = answer else { return Ok(Vec::new()) };
    let mut attestations = Vec::new();
    for document in documents {
        attestations.extend(read(&document.bytes, from)?);
    }
    Ok(attestations)
}

fn read(document: &[u8], from: &str) -> Result<Vec<KeptAttestation>, Fault> {
    let read = attestation::read(document);
    let read = read.map_err(|error| evidence::document(&error, from))?;
    let kept = |one: Attestation| KeptAttestation { from: from.to_owned(), attestation: one.value().clone() };
    Ok(read.into_iter().map(kept).collect())
}

/// Longest time for one pin's evidence, retries included: some kilobytes, and many servers that have none.
const LONGEST: Duration = Duration::from_secs(60);
