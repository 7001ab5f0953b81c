//! `pinfold add`: pins something that is not pinned yet, and says in words what that means to trust.
//!
//! The bytes are fetched into the store, held to what their source lists, unpacked where nobody sees it, and their evidence
//! is proved. Only then is pins.toml changed, by one more table at its end; nothing is fetched into the project. A project
//! that names repositories in `[trust]` is not talked into another one: what `fetch` would refuse is refused here.

#[cfg_attr(not(feature = "evidence"), path = "add/without_evidence.rs")]
mod evidence;
#[cfg_attr(not(feature = "oci"), path = "add/without_oci.rs")]
mod oci;
mod spec;
mod words;

use crate::ctx::{Ctx, Step};
use crate::install;
use crate::project::Project;
use crate::report::{self, Finding, Report};
use pinfold_core::digest::{Algorithm, Integrity, Sha256};
use pinfold_core::fault::Fault;
use pinfold_core::layout::Format;
use pinfold_core::oci::{ImagePlatform, LayerChoice};
use pinfold_core::patch::Patches;
use pinfold_core::pins::{
    Artifact, EditError, Expectations, Mode, NewPin, Pin, PinFile, PinName, PinNameError, Source,
};
use pinfold_core::record::Contents;

use super::claims::{self, Claims, Wanted, argument, choose, cutoff, file_choice, file_of, github_source, npm_source};
use super::claims::{pypi_source, unedited, version_absent};
use super::consent::{Consent, Outcome};
use spec::Spec;

pub(super) use words::{names_the_same, withdrawn};

/// What `pinfold add` was asked for.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// What to add: `npm:terser@5.46.2`.
    pub spec: String,
    /// What to call it, in place of the name of the package.
    pub name: Option<String>,
    /// Where its tree goes, in place of beside the others.
    pub to: Option<String>,
    /// What the bytes are, in place of what they look like.
    pub format: Option<Format>,
    /// How many folders are taken off, in place of the usual number.
    pub strip: Option<usize>,
    /// What missing evidence is to mean for the new pin; by default what there is decides.
    pub evidence: Option<Mode>,
    /// Which artifact of an OCI index.
    pub platform: Option<ImagePlatform>,
    /// Which layer of an OCI artifact.
    pub layer: LayerChoice,
    /// Files of the project with public keys: an OCI artifact has to be signed with one of them, now and from now on.
    pub keys: Vec<String>,
}

/// Something that can be pinned, with all that is known of it.
struct Planned {
    new: NewPin,
    contents: Contents,
    proof: Option<Box<report::Evidence>>,
    findings: Vec<Finding>,
}

/// Adds a pin, if whoever is asked agrees.
pub fn run(ctx: &Ctx<'_>, options: &Options, consent: Consent<'_>) -> Result<Report, Fault> {
    let project = Project::open(ctx.pin_file)?;
    let spec: Spec = options.spec.parse()?;
    let _store_lock = ctx.waiting(|patience| ctx.store.hold(patience))?;
    let planned = plan(ctx, &project, &spec, options)?;
    ctx.progress.step(planned.new.name.as_str(), Step::Over);
    let outcome = consent.outcome(|| words::report(&planned, Outcome::Shown));
    if outcome == Outcome::Written {
        let before = project.pin_file();
        project.edit_pins(ctx, ctx.pin_file, |now| {
            // What was judged was judged by these. Another pin that was added meanwhile is no reason to begin anew.
            let same = now.trust() == before.trust() && now.registries() == before.registries();
            same.then(|| now.with_pin(&planned.new).map_err(unedited)).transpose()
        })?;
    }
    Ok(words::report(&planned, outcome))
}

fn plan(ctx: &Ctx<'_>, project: &Project, spec: &Spec, options: &Options) -> Result<Planned, Fault> {
    refuse_options(spec, options)?;
    let signature = oci::demanded(project, options)?;
    let (source, claims, mut findings) = resolve(ctx, project, spec, options)?;
    let name = options.name.clone().unwrap_or_else(|| spec::name_of(&source));
    let name = name
        .parse()
        .map_err(|error: PinNameError| argument(&name, error.code(), &error, Some("say `--name NAME`".to_owned())))?;
    let to = options.to.clone().unwrap_or_else(|| place(project, &source, &name));
    let to = to.parse().map_err(|error| argument(&to, "bad-path", &error, Some("say `--to DIR`".to_owned())))?;
    let mut new = NewPin {
        name,
        to,
        // Those of the bytes, once they are here.
        integrity: Integrity::of(Algorithm::Sha512, &[]),
        source,
        size: 1,
        tree: None,
        format: options.format,
        strip: options.strip,
        provenance: only_mode(options),
        signature,
    };
    // What the file itself forbids is not worth a download.
    draft_of(project, &new)?;

    let blob = install::obtain_unpinned(ctx, project, new.name.as_str(), &new.source)?;
    claims.hold(&blob)?;
    new.integrity = blob.integrity().clone();
    new.size = blob.len();
    let (_, pin, artifact) = draft_of(project, &new)?;
    let tree = install::preview(ctx, &pin, &artifact, &blob, &Patches::default())?;
    new.tree = tree.tree;
    // What is no archive stays one file, whatever a later pinfold unpacks.
    let is_file = matches!((&new.source, &tree.contents), (Source::Oci(_), Contents::File(_)));
    new.format = options.format.or_else(|| is_file.then_some(Format::Raw));
    findings.extend(words::claims(&claims, &new.source));
    findings.extend(words::contents(&pin, &artifact, &blob, &tree.contents)?);
    let proof = evidence::demand(ctx, project, (&pin, &artifact, &blob), options, &mut new, &mut findings)?;
    findings.extend(claims.too_young(cutoff(ctx, project)).filter(|_| proof.is_none()));
    findings.extend(words::repositories(&claims, proof.as_deref(), &new));
    draft_of(project, &new)?;
    if !matches!(new.source, Source::File(_)) {
        ctx.store.remember(&new.integrity, &new.source.to_string())?;
    }
    Ok(Planned { new, contents: tree.contents, proof, findings })
}

/// Refuses the options that choose from an artifact or say who signs it, for what comes from elsewhere.
fn refuse_options(spec: &Spec, options: &Options) -> Result<(), Fault> {
    let named = [
        ("--platform", options.platform.is_some()),
        ("--layer", options.layer != Default::default()),
        ("--key", !options.keys.is_empty()),
    ];
    match named.iter().find(|(_, is_there)| *is_there) {
        Some((option, _)) if !matches!(spec, Spec::Oci(_)) => {
            Err(argument(option, "option-unfit", &"it is for artifacts in OCI registries", None))
        }
        _ => Ok(()),
    }
}

/// The file with a new pin, and the pin as it reads there.
fn draft_of(project: &Project, new: &NewPin) -> Result<(String, Pin, Artifact), Fault> {
    let text = project.pin_file().with_pin(new).map_err(unedited)?;
    let file = PinFile::parse(&text).map_err(|error| unedited(EditError::Pins(error)))?;
    let pin = file.pin(new.name.as_str()).cloned();
    let found = pin.and_then(|pin| pin.artifact.clone().map(|artifact| (pin, artifact)));
    let (pin, artifact) = found.ok_or_else(|| unedited(EditError::Reread))?;
    Ok((text, pin, artifact))
}

/// Beside the other pins, where most of them are; else in `vendor`.
fn place(project: &Project, source: &Source, name: &PinName) -> String {
    let mut folders: Vec<(usize, String)> = Vec::new();
    for pin in project.pin_file().pins() {
        let Some(folder) = pin.to.parent().map(|folder| folder.to_string()) else { continue };
        match folders.iter_mut().find(|(_, known)| *known == folder) {
            Some((count, _)) => *count = count.saturating_add(1),
            None => folders.push((1, folder)),
        }
    }
    // The first of those that are equally common.
    let most = folders.iter().map(|(count, _)| *count).max();
    let folder = folders.iter().find(|(count, _)| Some(*count) == most).map_or("vendor", |(_, folder)| folder.as_str());
    match source {
        // Where node looks for it.
        Source::Npm(package) if folder.split('/').next_back() == Some("node_modules") => {
            format!("{folder}/{}", package.name())
        }
        _ => format!("{folder}/{name}"),
    }
}

/// Finds the exact source that is meant, and what is claimed of it.
fn resolve(
    ctx: &Ctx<'_>,
    project: &Project,
    spec: &Spec,
    options: &Options,
) -> Result<(Source, Claims, Vec<Finding>), Fault> {
    let cutoff = cutoff(ctx, project);
    match spec {
        Spec::Npm { name, version } => {
            let package = claims::npm(ctx, project, name)?;
            let chosen = choose(&package, version.as_deref().map_or(Wanted::Latest, Wanted::Exact), cutoff)?;
            let claims = Claims::of(&package, &chosen.version, None).unwrap_or_default();
            let source = npm_source(name, &chosen.version)?;
            Ok((source, claims, words::not_the_latest(&package, &chosen.version, version.is_some())))
        }
        Spec::Pypi { project: name, version, file } => {
            let package = claims::pypi(ctx, project, name)?;
            let chosen = choose(&package, version.as_deref().map_or(Wanted::Latest, Wanted::Exact), cutoff)?;
            let file = file_of(name, chosen, file.as_deref(), None)?;
            let claims = Claims::of(&package, &chosen.version, Some(&file)).unwrap_or_default();
            let source = pypi_source(name, &chosen.version, &file)?;
            Ok((source, claims, words::not_the_latest(&package, &chosen.version, version.is_some())))
        }
        Spec::Github { owner, repo, tag, asset } => {
            let release = claims::github(ctx, project, (owner, repo), tag.as_deref())?;
            let of = format!("github:{owner}/{repo}");
            let tag = tag.clone().or_else(|| release.tag.clone());
            let tag = tag.ok_or_else(|| version_absent(&of, "latest", None))?;
            let (of, files) = (format!("{of}@{tag}"), || release.assets.iter().map(|one| one.name.as_str()));
            let asset = match (asset, release.assets.as_slice()) {
                (Some(asset), _) => asset.clone(),
                (None, [only]) => only.name.clone(),
                (None, _) => return Err(file_choice(&of, files())),
            };
            let missing =
                || version_absent(&of, &asset, Some(format!("it has {}", files().collect::<Vec<_>>().join(", "))));
            let claims = Claims::of_release(&release, &asset).ok_or_else(missing)?;
            Ok((github_source(owner, repo, &tag, &asset)?, claims, Vec::new()))
        }
        Spec::Oci(reference) => oci::resolve(ctx, project, reference, options),
        Spec::Url(url) => Ok((Source::Url(url.clone()), Claims::default(), Vec::new())),
        Spec::File(path) => Ok((Source::File(path.clone()), Claims::default(), Vec::new())),
    }
}

/// What was asked for, where nothing is proved that could be demanded.
fn only_mode(options: &Options) -> Option<Expectations> {
    options.evidence.map(|mode| Expectations { mode: Some(mode), ..Expectations::default() })
}

/// The tree hash as the table has it.
fn tree_of(new: &NewPin) -> String {
    new.tree.as_ref().map(Sha256::to_string).unwrap_or_default()
}
