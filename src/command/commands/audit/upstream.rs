//! What a source says of a pinned artifact and its package today: claims, held against the pin where they can be.

use super::Found;
use super::house::House;
use crate::ctx::Ctx;
use crate::project::Project;
use crate::report::audit::{Served, ServedBy};
use crate::report::{Finding, Level, Verdict};
use pinfold_core::digest::{Algorithm, Integrity};
use pinfold_core::fault::Fault;
use pinfold_core::pins::{Artifact, GithubAsset, NpmPackage, PypiFile, Source};
use pinfold_net::http::Rules;
use pinfold_net::registry::{self, AskError, Package};

/// What a source says.
pub(in crate::commands) struct Upstream {
    pub(in crate::commands) served: Served,
    pub(in crate::commands) served_by: ServedBy,
    /// The digest that it publishes.
    pub(in crate::commands) integrity: Option<Integrity>,
    /// A registry's signatures, where the source is one that signs.
    pub(in crate::commands) signatures: Option<Vec<(String, String)>>,
    pub(in crate::commands) published: Option<String>,
    pub(in crate::commands) withdrawn: Option<String>,
    pub(in crate::commands) newest: Option<String>,
    /// The versions that have evidence, the lowest first, each with whether it is above the pinned one.
    with_evidence: Vec<(String, bool)>,
}

impl Default for Upstream {
    fn default() -> Self {
        Self {
            served: Served::Unknown,
            served_by: ServedBy::Nobody,
            integrity: None,
            signatures: None,
            published: None,
            withdrawn: None,
            newest: None,
            with_evidence: Vec::new(),
        }
    }
}

/// Asks the source of an artifact. `own` says the digest of the pinned bytes under an algorithm, where it is known.
pub(in crate::commands) fn ask(
    ctx: &Ctx<'_>,
    project: &Project,
    (artifact, house): (&Artifact, &House),
    own: &dyn Fn(Algorithm) -> Result<Option<Integrity>, Fault>,
    found: &mut Found,
) -> Result<Upstream, Fault> {
    let mut upstream = Upstream::default();
    let mut rules = rules(ctx);
    rules.hosts = house.hosts();
    let asking = Asking { ctx, project, rules };
    let answer = match &artifact.source {
        Source::Npm(package) => asking.npm(package, &mut upstream),
        Source::Pypi(file) => asking.pypi(file, &mut upstream),
        Source::Github(asset) => asking.github(asset, &mut upstream),
        Source::Url(_) => {
            let message = "nobody publishes a digest of what is at a URL";
            found.tell(Finding::new(Level::Note, "upstream-unlisted", message).hint(FETCH_IT));
            return Ok(upstream);
        }
        Source::Oci(_) => {
            let message = "a registry lists layers by their digests, which the pin names already";
            found.tell(Finding::new(Level::Note, "upstream-unlisted", message).hint(FETCH_IT));
            return Ok(upstream);
        }
        Source::File(_) => return Ok(upstream),
    };
    upstream.served_by = ServedBy::Metadata;
    match answer {
        Ok(true) => {
            let pinned = upstream.integrity.as_ref().map(|it| own(it.algorithm())).transpose()?.flatten();
            upstream.compare(pinned.as_ref(), found);
        }
        Ok(false) => upstream.gone(artifact, found),
        Err(fault) => found.count(fault.findings(), fault.verdict()),
    }
    if let Some(why) = &upstream.withdrawn {
        let why = if why.is_empty() { String::new() } else { format!(": {}", short(why)) };
        let message = format!("its authors say that it should not be used{why}");
        found.tell(Finding::new(Level::Warning, "upstream-withdrawn", message));
    }
    Ok(upstream)
}

/// The rules for one pin, whose time begins now.
pub(in crate::commands) fn rules<'a>(ctx: &Ctx<'a>) -> Rules<'a> {
    let deadline = ctx.clock.now().checked_add(ctx.timeouts.deadline).unwrap_or_else(|| ctx.clock.now());
    Rules::new(ctx.registries.credentials(), ctx.timeouts, deadline)
}

struct Asking<'a> {
    ctx: &'a Ctx<'a>,
    project: &'a Project,
    rules: Rules<'a>,
}

/// Whether the source has the artifact, whose words are in `upstream`.
type Answer = Result<bool, Fault>;

impl Asking<'_> {
    fn npm(&self, pinned: &NpmPackage, upstream: &mut Upstream) -> Answer {
        let Self { ctx, project, rules } = self;
        let named = project.pin_file().registries().npm.as_ref();
        let registry = ctx.registries.npm(pinned.scope(), named)?;
        let package = registry::npm_package(ctx.http, rules, ctx.clock, &registry, pinned.name());
        let Some(package) = present(package)? else { return Ok(false) };
        upstream.take(&package, pinned.version());
        let Some(version) = package.version(pinned.version()) else { return Ok(false) };
        upstream.integrity.clone_from(&version.integrity);
        upstream.published.clone_from(&version.published);
        upstream.withdrawn.clone_from(&version.withdrawn);
        upstream.signatures = Some(version.signatures.clone());
        Ok(true)
    }

    fn pypi(&self, pinned: &PypiFile, upstream: &mut Upstream) -> Answer {
        let Self { ctx, project, rules } = self;
        let named = project.pin_file().registries().pypi.as_ref();
        let index = ctx.registries.pypi(named)?;
        let package = registry::pypi_project(ctx.http, rules, ctx.clock, &index, pinned.project());
        let Some(package) = present(package)? else { return Ok(false) };
        upstream.take(&package, pinned.version());
        let files = package.version(pinned.version()).map(|version| version.files.as_slice()).unwrap_or_default();
        let Some(file) = files.iter().find(|file| file.name == pinned.file()) else { return Ok(false) };
        upstream.integrity.clone_from(&file.integrity);
        upstream.published.clone_from(&file.published);
        upstream.withdrawn.clone_from(&file.withdrawn);
        Ok(true)
    }

    fn github(&self, pinned: &GithubAsset, upstream: &mut Upstream) -> Answer {
        let Self { ctx, project, rules } = self;
        let named = project.pin_file().registries().github.as_ref();
        let api = ctx.registries.github_api(named)?;
        let release = |tag| {
            let (owner, repo) = (pinned.owner(), pinned.repo());
            present(registry::github_release(ctx.http, rules, ctx.clock, &api, owner, repo, tag))
        };
        // A repository of pre-releases alone has no latest one.
        upstream.newest = release(None)?.and_then(|release| release.tag);
        let Some(release) = release(Some(pinned.tag()))? else { return Ok(false) };
        let Some(asset) = release.asset(pinned.asset()) else { return Ok(false) };
        upstream.integrity.clone_from(&asset.digest);
        // An asset may be replaced under its name, so its own time counts.
        upstream.published = asset.updated.clone().or(release.published);
        Ok(true)
    }
}

/// `None` where the source itself says that there is no such package.
fn present<T>(answer: Result<T, AskError>) -> Result<Option<T>, Fault> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.is_absent() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl Upstream {
    /// What concerns all versions.
    fn take(&mut self, package: &Package, pinned: &str) {
        self.newest.clone_from(&package.latest);
        let at = package.versions.iter().position(|one| one.version == pinned);
        let with = package.versions.iter().enumerate().filter(|(_, one)| one.has_attestations == Some(true));
        self.with_evidence = with.map(|(index, one)| (one.version.clone(), at.is_some_and(|at| index > at))).collect();
    }

    pub(in crate::commands) fn first_with_evidence(&self) -> Option<String> {
        self.with_evidence.first().map(|(version, _)| version.clone())
    }

    pub(in crate::commands) fn newest_with_evidence(&self) -> Option<String> {
        self.with_evidence.last().map(|(version, _)| version.clone())
    }

    /// Holds the digest that the source publishes against that of the pinned bytes under the same algorithm.
    fn compare(&mut self, pinned: Option<&Integrity>, found: &mut Found) {
        match (pinned, &self.integrity) {
            (Some(pinned), Some(published)) if pinned == published => self.served = Served::Same,
            (Some(pinned), Some(published)) => {
                self.served = Served::Other;
                let message = "upstream publishes another digest for the artifact than that of the pinned bytes";
                let finding = Finding::new(Level::Error, "upstream-mismatch", message)
                    .compared(pinned.to_string(), published.to_string())
                    .hint("the artifact was replaced, or somebody does not tell the truth; `--bytes` shows which");
                found.count(vec![finding], Verdict::Refused);
            }
            (None, published) => {
                let message = match published {
                    Some(_) => "upstream publishes another kind of digest than the pin has, and the bytes are not here",
                    None => "upstream publishes no digest that could be held against the pin",
                };
                found.tell(Finding::new(Level::Note, "upstream-unlisted", message).hint(FETCH_IT));
            }
            (Some(_), None) => {}
        }
    }

    fn gone(&mut self, artifact: &Artifact, found: &mut Found) {
        self.served = Served::Gone;
        found.count(vec![gone(artifact)], Verdict::Refused);
    }

    /// Where the pinned version has no evidence: which one above it has, so that an update would close the gap.
    pub(in crate::commands) fn tell_who_closes_the_gap(&self, artifact: &Artifact, found: &mut Found) {
        let Some((version, _)) = self.with_evidence.iter().find(|(_, above)| *above) else { return };
        let message = format!("upstream says that `{}` is the next version with provenance", short(version));
        let hint = format!("an update from `{}` would close the gap", artifact.source);
        found.tell(Finding::new(Level::Note, "upstream-newer", message).hint(hint));
    }
}

pub(in crate::commands) fn gone(artifact: &Artifact) -> Finding {
    let message = format!("upstream has no `{}` any more", artifact.source);
    Finding::new(Level::Error, "upstream-gone", message)
        .hint("the store may be the last place that has it: keep a copy, and name a mirror in the pin")
}

/// Words of upstream, as much as a message bears.
fn short(text: &str) -> String {
    text.escape_debug().take(SHOWN).collect()
}

const FETCH_IT: &str = "`--bytes` fetches and hashes what is served";
/// How much of upstream's own words a message shows, in characters.
const SHOWN: usize = 200;
