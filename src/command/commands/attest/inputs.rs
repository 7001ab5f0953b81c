//! What went into a build: the commit, and every pin with what was verified about it.

use serde_json::{Map, Value, json};

use crate::ctx::Ctx;
use crate::install;
use crate::project::{Project, RECORDS};
use crate::purl;
use crate::report::{Finding, Level, Report, Row, Verdict};
use pinfold_core::digest::Sha256;
use pinfold_core::fault::{Class, Fault};
use pinfold_core::path::RelPath;
use pinfold_core::pins::{Artifact, Mode, Pin, Source};
use pinfold_core::record;
use pinfold_core::url::Url;
use pinfold_evidence::policy;
use pinfold_net::source::{github, npm};
use pinfold_sign::build::{self, Descriptor};

use super::super::verify;
use super::outputs::{Wanted, is_below};
use super::{BUNDLE, Options, inside};

/// What went into a build, proved.
#[derive(Debug, Clone)]
pub struct Inputs {
    /// The commit; `None` with `--no-source`.
    pub source: Option<build::Source>,
    /// The pins, in the order of the pin file.
    pub pins: Vec<Descriptor>,
    /// The pin file.
    pub pin_file: Descriptor,
    /// The project's folder in the checkout: empty, or components that end in `/`.
    pub folder: String,
    /// The platform whose variants were meant.
    pub platform: String,
    /// Paths of the checkout that differ from the commit, with `--allow-dirty`.
    pub dirty: Vec<String>,
    /// What is worth knowing of them.
    pub notes: Vec<Finding>,
}

impl Inputs {
    /// `resolvedDependencies`: the source, then every pin.
    pub fn dependencies(&self) -> Vec<Descriptor> {
        self.source.iter().map(build::Source::descriptor).chain(self.pins.iter().cloned()).collect()
    }

    /// What the statement says of pinfold's own part, among the internal parameters.
    pub(super) fn parameters(&self) -> Value {
        let mut parameters = Map::new();
        parameters.insert("version".to_owned(), json!(env!("CARGO_PKG_VERSION")));
        parameters.insert("pins".to_owned(), self.pin_file.to_value());
        parameters.insert("folder".to_owned(), json!(self.folder));
        parameters.insert("platform".to_owned(), json!(self.platform));
        if self.source.is_none() {
            parameters.insert("source".to_owned(), json!("unknown"));
        }
        if !self.dirty.is_empty() {
            parameters.insert("dirty".to_owned(), json!(true));
            parameters.insert("dirtyCount".to_owned(), json!(self.dirty.len()));
            let first: Vec<&String> = self.dirty.iter().take(STATED).collect();
            parameters.insert("dirtyPaths".to_owned(), json!(first));
        }
        Value::Object(parameters)
    }
}

/// Why there are no inputs to state.
#[derive(Debug)]
pub enum InputsError {
    /// The pins' trees or their evidence do not pass; the report of `verify`.
    Unproved(Box<Report>),
    /// The checkout is not as its commit has it: the paths that differ, relative to its top.
    Dirty(Vec<String>),
    /// Anything else.
    Other(Fault),
}

impl From<Fault> for InputsError {
    fn from(error: Fault) -> Self {
        Self::Other(error)
    }
}

impl From<InputsError> for Fault {
    fn from(error: InputsError) -> Self {
        match error {
            InputsError::Unproved(report) => {
                let class = match report.verdict() {
                    Verdict::Refused => Class::Refused,
                    Verdict::Unverifiable => Class::Unverifiable,
                    Verdict::Failed | Verdict::Passed => Class::Failed,
                };
                let message = "not all pins are proved, so there is nothing to attest";
                let hint = "`pinfold verify` tells more, `pinfold fetch` puts the right trees back";
                Self::new(class, "inputs-unproved", message).hint(hint).with(of_each(&report))
            }
            InputsError::Dirty(paths) => Self::refused("checkout-dirty", dirty(&paths))
                .hint("commit or ignore them, or say `--allow-dirty`, and the statement says so"),
            InputsError::Other(error) => error,
        }
    }
}

/// What a report says of each pin that did not pass.
pub fn of_each(report: &Report) -> impl Iterator<Item = Finding> {
    let refused = report.rows.iter().filter(|row| row.verdict != Verdict::Passed);
    let told = refused.flat_map(|row| row.findings.iter().map(|one| (row.subject.as_str(), one)));
    told.map(|(pin, one)| Finding { message: format!("{pin}: {}", one.message), ..one.clone() })
}

fn dirty(paths: &[String]) -> String {
    let (count, noun) = (paths.len(), if paths.len() == 1 { "path" } else { "paths" });
    let shown: Vec<String> = paths.iter().take(SHOWN).map(|path| format!("`{}`", path.escape_debug())).collect();
    let more = match count.saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("the checkout differs from its commit in {count} {noun}: {}{more}", shown.join(", "))
}

/// Paths of a dirty checkout that a message names.
const SHOWN: usize = 10;

/// Verifies every pin, its tree and its evidence, and holds the checkout to its commit.
pub fn inputs(ctx: &Ctx<'_>, project: &Project, options: &Options) -> Result<Inputs, InputsError> {
    // What a statement says was proved was proved for it.
    let verdicts = ctx.verdicts.forgetful();
    let ctx = &Ctx { verdicts: &verdicts, ..*ctx };
    let (report, against) =
        verify::against(ctx, project, &verify::Options { whole: true, ..verify::Options::default() })?;
    if report.verdict() != Verdict::Passed {
        return Err(InputsError::Unproved(Box::new(report)));
    }
    let source = source(options)?;
    let dirty = changes(project, options)?;
    if !dirty.is_empty() && !options.allow_dirty {
        return Err(InputsError::Dirty(dirty));
    }
    let mut pins = Vec::with_capacity(report.rows.len());
    for (row, against) in report.rows.iter().zip(against) {
        let pin = project.pin_file().pin(&row.subject);
        // Each row is of a pin, and one that passed has an artifact.
        let Some((pin, artifact)) = pin.and_then(|pin| Some((pin, pin.artifact_for(ctx.platform)?))) else { continue };
        pins.push(descriptor(project, (pin, artifact), row, against)?);
    }
    let file = ctx.pin_file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let notes = notes(&report, source.as_ref(), &dirty);
    Ok(Inputs {
        source,
        pins,
        pin_file: Descriptor::of(&file, &Sha256::of(project.pin_file().text().as_bytes()).hex()),
        folder: options.checkout.as_ref().map(|checkout| checkout.prefix.clone()).unwrap_or_default(),
        platform: ctx.platform.to_string(),
        dirty,
        notes,
    })
}

/// The commit, as the platform and git agree on it.
fn source(options: &Options) -> Result<Option<build::Source>, Fault> {
    if options.no_source {
        return Ok(None);
    }
    let checkout = options.checkout.as_ref().ok_or_else(|| {
        Fault::failed("checkout-absent", "there is no git commit to state as the source")
            .hint("attest where the sources were checked out, or say `--no-source`")
    })?;
    let Some(platform) = &options.build.source else { return Ok(Some(checkout.source.clone())) };
    if platform.commit != checkout.source.commit {
        let message = "another commit is checked out than the one that the job is for";
        let fault = Fault::refused("checkout-other-commit", message);
        let fault = fault.compared(platform.commit.as_str(), checkout.source.commit.as_str());
        return Err(fault.hint("attest in the job that checked the commit out, before another one is"));
    }
    Ok(Some(platform.clone()))
}

/// The paths of the checkout that differ from its commit, but for what the build made and what was verified above.
fn changes(project: &Project, options: &Options) -> Result<Vec<String>, Fault> {
    let Some(checkout) = options.checkout.as_ref().filter(|_| !options.no_source) else { return Ok(Vec::new()) };
    let wanted: Vec<Wanted> = options
        .outputs
        .iter()
        .chain(&options.byproducts)
        .map(|given| Wanted::read(project, given))
        .collect::<Result<_, _>>()?;
    let out = options.out.as_deref().map(|out| inside(project, out)).transpose()?.flatten();
    let records = RECORDS.parse::<RelPath>().ok().map(Wanted::Path);
    let pins = project.pin_file().pins();
    let is_known = |path: &str| {
        // git names a folder that is a repository of its own with a slash at the end.
        let Ok(path) = path.trim_end_matches('/').parse::<RelPath>() else { return false };
        let is_trees = pins.iter().any(|pin| is_below(&pin.to, &path));
        // Bundles of earlier runs lie beside what they are about.
        let about = path.as_str().strip_suffix(BUNDLE).and_then(|path| path.parse().ok());
        let is_made = |path: &RelPath| records.iter().chain(&wanted).any(|one| one.covers(path));
        is_trees || is_made(&path) || about.is_some_and(|about| is_made(&about)) || out.as_ref() == Some(&path)
    };
    Ok(checkout.unknown_changes(&is_known).into_iter().map(str::to_owned).collect())
}

/// A pin as a resolved dependency.
fn descriptor(
    project: &Project,
    (pin, artifact): (&Pin, &Artifact),
    row: &Row,
    against: &str,
) -> Result<Descriptor, Fault> {
    let mut annotations = Map::new();
    annotations.insert("evidence".to_owned(), evidence(project, (pin, artifact), row)?);
    annotations.extend(silent(project, pin, row)?.map(|server| ("evidenceAsked".to_owned(), json!(server))));
    annotations.insert("heldTo".to_owned(), json!(against));
    annotations.insert("patched".to_owned(), json!(!pin.patches.is_empty()));
    annotations.insert("to".to_owned(), json!(pin.to.as_str()));
    if let Some(tree) = &artifact.tree {
        annotations.insert("tree".to_owned(), json!(tree.to_string()));
    }
    let mut descriptor = Descriptor {
        name: Some(pin.name.to_string()),
        uri: Some(purl::of(&artifact.source, &artifact.integrity)),
        download_location: location(project, artifact).map(|url| url.to_string()),
        annotations,
        ..Descriptor::default()
    };
    descriptor.digest.insert(artifact.integrity.algorithm().name().to_owned(), artifact.integrity.hex());
    Ok(descriptor)
}

/// What was proved of who made an artifact, else in one word why nothing was.
fn evidence(project: &Project, (pin, artifact): (&Pin, &Artifact), row: &Row) -> Result<Value, Fault> {
    if let Some(evidence) = &row.evidence {
        let mut value = serde_json::to_value(evidence).unwrap_or_default();
        let by_record = row.findings.iter().any(|finding| finding.code == "evidence-by-record");
        if let Some(object) = value.as_object_mut().filter(|_| by_record) {
            // The record alone says that it is about the pinned bytes.
            object.insert("byRecord".to_owned(), json!(true));
        }
        return Ok(value);
    }
    if install::evidence::demand(project, pin, artifact, None).mode == Mode::Off {
        return Ok(json!("off"));
    }
    Ok(json!(match project.record(pin.name.as_str())?.map(|record| record.evidence) {
        Some(record::Evidence::None { .. }) => "none",
        Some(record::Evidence::Kept(_)) => "unproved",
        Some(record::Evidence::Unasked | record::Evidence::Off) | None => "unasked",
    }))
}

/// The server that had no evidence, where none is recorded: another may have some.
fn silent(project: &Project, pin: &Pin, row: &Row) -> Result<Option<String>, Fault> {
    let evidence = project.record(pin.name.as_str())?.map(|record| record.evidence);
    let server = match evidence.filter(|_| row.evidence.is_none()) {
        Some(record::Evidence::None { asked }) => asked,
        Some(record::Evidence::Kept(kept)) => kept.none,
        _ => None,
    };
    Ok(server.map(|server| server.to_string()))
}

/// Where an artifact is served, as far as the pin file alone says it: no host of the environment gets into a statement.
fn location(project: &Project, artifact: &Artifact) -> Option<Url> {
    let registries = project.pin_file().registries();
    match &artifact.source {
        Source::Url(url) => Some(url.clone()),
        Source::Npm(package) => npm::tarball_url(registries.npm.as_ref()?, package.name(), package.version()).ok(),
        Source::Github(asset) => {
            let base = registries.github.clone().or_else(|| GITHUB.parse().ok())?;
            github::asset_url(&base, asset.owner(), asset.repo(), asset.tag(), asset.asset()).ok()
        }
        Source::Oci(layer) => install::manifest_url(layer),
        // An index has files wherever it likes; a file of the project is in the commit.
        Source::Pypi(_) | Source::File(_) => None,
    }
}

/// Paths of a dirty checkout that a statement names: enough to see what it was, few enough for a statement.
const STATED: usize = 100;

/// The service that `github = …` is named after.
const GITHUB: &str = "https://github.com/";

fn notes(report: &Report, source: Option<&build::Source>, dirty: &[String]) -> Vec<Finding> {
    let total = report.rows.len();
    let proved =
        report.rows.iter().filter_map(|row| row.evidence.as_ref()).filter(|one| policy::says_who_made(one)).count();
    let pins = if total == 1 { "pin" } else { "pins" };
    let message = format!("{total} {pins} verified, {proved} with proved evidence of who made them");
    let mut notes = vec![Finding::new(Level::Note, "inputs-proved", message)];
    match source {
        None => {
            let message = "the statement names no source commit, and says so";
            notes.push(Finding::new(Level::Warning, "source-unknown", message));
        }
        Some(build::Source { repository: None, .. }) => {
            let message =
                "the checkout has no remote that others could reach: the commit is stated without a repository";
            notes.push(Finding::new(Level::Warning, "source-nowhere", message));
        }
        Some(_) => {}
    }
    if !dirty.is_empty() {
        let differ = if dirty.len() == 1 { "path differs" } else { "paths differ" };
        let message = format!("{} {differ} from the commit, and the statement says so", dirty.len());
        notes.push(Finding::new(Level::Warning, "source-dirty", message));
    }
    notes
}
