//! `pinfold sbom`: the pins as a bill of materials, from pins.toml and the records, without the network.

use crate::ctx::Ctx;
use crate::project::{Project, record_name};
use crate::purl;
use crate::report::{Finding, Level, Report, Verdict};
use crate::sbom::{Bill, Component, Document, Kind, Reference, cyclonedx, spdx};
use pinfold_core::digest::Sha256;
use pinfold_core::fault::Fault;
use pinfold_core::pins::Source;
use pinfold_core::url::Url;

use super::held::{self, Held, Standing};
use super::paper::{Paper, time};

/// What `pinfold sbom` was asked for.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// The format.
    pub format: Format,
    /// When the bill is said to be made, in seconds since 1970; `None` for no time at all.
    pub time: Option<i64>,
}

/// A format of bills of materials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// CycloneDX 1.6, JSON.
    CycloneDx,
    /// SPDX 2.3, JSON.
    Spdx,
}

/// Writes the bill. Evidence that is wrong is told in it and refuses; a bill is no place to hide that.
pub fn run(ctx: &Ctx<'_>, options: Options) -> Result<Paper, Fault> {
    let project = Project::open(ctx.pin_file)?;
    let pins = project.select(&[])?;
    project.check_records()?;
    let mut rows = Vec::new();
    let mut components = Vec::new();
    for mut held in held::all(ctx, &project, &pins) {
        match component(ctx, &project, &mut held) {
            Ok(one) => components.extend(one),
            Err(error) => {
                held.verdict = held.verdict.max(error.verdict());
                held.findings.extend(error.findings());
            }
        }
        rows.push(held.row(ctx));
    }
    let name = ctx.pin_file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let count = components.len();
    let bill = Bill { name, created: options.time.and_then(time), components };
    let document = match options.format {
        Format::CycloneDx => cyclonedx(&bill),
        Format::Spdx => spdx(&bill),
    };
    let noun = if count == 1 { "component" } else { "components" };
    let summary = format!("{count} {noun}");
    let mut report = Report { command: "sbom", rows, notes: Vec::new(), summary, judges: true };
    report.summary.push_str(&held::not_listed(&report));
    Ok(Paper { document, report })
}

fn component(ctx: &Ctx<'_>, project: &Project, held: &mut Held<'_>) -> Result<Option<Component>, Fault> {
    let Some(artifact) = held.artifact else { return Ok(None) };
    let mut hashes = vec![(artifact.integrity.algorithm().name().to_owned(), artifact.integrity.hex())];
    match held::digests(ctx, project, held)? {
        held::Known::Digests(digests) => {
            hashes.extend(digests.iter().map(|one| (one.algorithm().name().to_owned(), one.hex())));
        }
        held::Known::False(algorithm) => {
            let algorithm = algorithm.name().replace("sha", "SHA-");
            let message = format!("the record has another {algorithm} than the artifact");
            let finding = Finding::new(Level::Error, "record-false", message);
            held.findings.push(finding.at(record_name(held.pin.name.as_str())));
            held.verdict = held.verdict.max(Verdict::Refused);
        }
    }
    let url = if let Source::Url(url) = &artifact.source { Some(url.to_string()) } else { None };
    let named = Named::of(&artifact.source);
    Ok(Some(Component {
        pin: held.pin.name.to_string(),
        name: named.name,
        group: named.group,
        version: named.version,
        is_package: matches!(artifact.source, Source::Npm(_) | Source::Pypi(_)),
        purl: purl::of(&artifact.source, &artifact.integrity),
        hashes,
        downloads: url.into_iter().chain(artifact.mirrors.iter().map(ToString::to_string)).collect(),
        file: if let Source::File(path) = &artifact.source { Some(path.to_string()) } else { None },
        to: held.pin.to.to_string(),
        tree: artifact.tree.map(|tree| tree.to_string()),
        standing: held.standing.words().to_owned(),
        signed: held.signature.as_ref().map(|proof| proof.signer.clone()),
        proved: proved(held),
        kept: kept(held),
    }))
}

/// What a component is called.
struct Named {
    group: Option<String>,
    name: String,
    version: Option<String>,
}

impl Named {
    fn of(source: &Source) -> Self {
        let named = |group: Option<&str>, name: &str, version: Option<&str>| Self {
            group: group.map(str::to_owned),
            name: name.to_owned(),
            version: version.map(str::to_owned),
        };
        match source {
            Source::Npm(package) => named(package.scope(), package.base_name(), Some(package.version())),
            Source::Pypi(file) => named(None, file.project(), Some(file.version())),
            Source::Github(asset) => named(Some(asset.owner()), asset.repo(), Some(asset.tag())),
            Source::Oci(layer) => {
                let reference = layer.reference();
                let (group, name) = reference.repository().rsplit_once('/').unzip();
                named(group, name.unwrap_or(reference.repository()), Some(&reference.by()))
            }
            Source::Url(url) if url.file_name().is_empty() => named(None, url.host(), None),
            Source::Url(url) => named(None, url.file_name(), None),
            Source::File(path) => named(None, path.file_name(), None),
        }
    }
}

/// The places that proved evidence names. A certificate's claims are signed, and still only text: what is no web
/// address is no reference.
fn proved(held: &Held<'_>) -> Vec<Reference> {
    let Some(proof) = held.proof.as_ref().filter(|_| held.standing == Standing::Verified) else { return Vec::new() };
    let places = [(Kind::Repository, &proof.repository), (Kind::Run, &proof.run)];
    let places = places.into_iter().filter_map(|(kind, url)| Some((kind, url.as_ref()?)));
    places
        .filter(|(_, url)| url.parse::<Url>().is_ok())
        .map(|(kind, url)| {
            let comment = match kind {
                Kind::Repository => {
                    let parts = [("at", &proof.git_ref), ("commit", &proof.commit)];
                    let parts = parts.into_iter().filter_map(|(word, one)| Some(format!(" {word} {}", one.as_ref()?)));
                    format!("built from it{}; proved by {}", parts.collect::<String>(), proof.kind)
                }
                Kind::Run => format!("built in this run by {}", proof.signer),
            };
            Reference { kind, url: url.clone(), comment }
        })
        .collect()
}

fn kept(held: &Held<'_>) -> Vec<Document> {
    let kept = held::kept(held.record.as_ref()).iter().enumerate();
    kept.map(|(index, one)| Document {
        uri: format!("{}#/evidence/attestations/{index}/attestation", record_name(held.pin.name.as_str())),
        sha256: Sha256::of(one.attestation.to_string().as_bytes()),
        predicate_type: held::predicate_type(one),
        from: one.from.clone(),
    })
    .collect()
}
