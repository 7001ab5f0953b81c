//! To which version an artifact moves, and what its source claims of both.

use super::super::claims::{self, Claims, Wanted, choose, cutoff, file_choice, file_of, github_source, no_version};
use super::super::claims::{npm_source, pypi_source, replaced};
use super::Target;
use crate::ctx::Ctx;
use crate::install;
use crate::project::Project;
use crate::report::{Finding, Level};
use pinfold_core::fault::Fault;
use pinfold_core::pins::{Artifact, GithubAsset, Pin, Source};
use pinfold_net::registry::{self, AskError, Package, Release, Version};
use pinfold_net::source::version::{Pep440, Semver};

/// What comes next.
pub(super) enum Next {
    /// There is nobody to ask.
    Nothing(Finding),
    /// The pin is where it should be.
    Stays {
        /// What its source claims of it.
        listed: Claims,
        /// What is worth knowing.
        findings: Vec<Finding>,
    },
    /// There is another version.
    Moves(Box<Step>),
}

/// From one version to another.
pub(super) struct Step {
    /// To which.
    pub(super) source: Source,
    /// What is claimed of the pinned one, `None` where it is not listed any more.
    pub(super) before: Option<Claims>,
    /// What is claimed of the other.
    pub(super) after: Claims,
    /// What is worth knowing.
    pub(super) findings: Vec<Finding>,
}

/// Asks the source of an artifact.
pub(super) fn find(ctx: &Ctx<'_>, project: &Project, artifact: &Artifact, to: &Target) -> Result<Next, Fault> {
    match &artifact.source {
        Source::Npm(pinned) => {
            let package = claims::npm(ctx, project, pinned.name())?;
            let before = Claims::of(&package, pinned.version(), None);
            let Some(version) = version(&package, pinned.version(), to, cutoff(ctx, project))? else {
                return Ok(stays(before, pinned.version()));
            };
            let after = Claims::of(&package, &version.version, None).unwrap_or_default();
            let source = npm_source(pinned.name(), &version.version)?;
            Ok(moves(before, (pinned.version(), &version.version), source, after))
        }
        Source::Pypi(pinned) => {
            let package = claims::pypi(ctx, project, pinned.project())?;
            let before = Claims::of(&package, pinned.version(), Some(pinned.file()));
            let Some(version) = version(&package, pinned.version(), to, cutoff(ctx, project))? else {
                return Ok(stays(before, pinned.version()));
            };
            let file = file_of(pinned.project(), version, None, Some(pinned))?;
            let after = Claims::of(&package, &version.version, Some(&file)).unwrap_or_default();
            let source = pypi_source(pinned.project(), &version.version, &file)?;
            Ok(moves(before, (pinned.version(), &version.version), source, after))
        }
        Source::Github(pinned) => release(ctx, project, pinned, to),
        Source::Oci(_) | Source::Url(_) | Source::File(_) => {
            let message = "there is nobody to ask for another version";
            let hint = "change the source and the integrity by hand";
            Ok(Next::Nothing(Finding::new(Level::Note, "nobody-to-ask", message).hint(hint)))
        }
    }
}

/// The version to move to, `None` for the pinned one.
fn version<'p>(
    package: &'p Package,
    pinned: &str,
    to: &Target,
    cutoff: Option<i64>,
) -> Result<Option<&'p Version>, Fault> {
    let wanted = match to {
        Target::Latest => Wanted::Latest,
        Target::Minor => Wanted::Within(1, pinned),
        Target::Patch => Wanted::Within(2, pinned),
        Target::Version(version) => Wanted::Exact(version),
    };
    let chosen = choose(package, wanted, cutoff)?;
    // The pinned one need not be listed any more: taking it back must not bring the one before it in its place.
    let goes_back = !matches!(to, Target::Version(_)) && is_older(&chosen.version, pinned);
    Ok(Some(chosen).filter(|chosen| chosen.version != pinned && !goes_back))
}

/// Whether a version, or the one in a tag, is below another one, where both have a place in an order.
fn is_older(one: &str, other: &str) -> bool {
    let (one, other) = (bare(one), bare(other));
    let npm = Semver::parse(one).zip(Semver::parse(other)).map(|(one, other)| one < other);
    npm.or_else(|| Pep440::parse(one).zip(Pep440::parse(other)).map(|(one, other)| one < other)).unwrap_or(false)
}

fn older(one: &str, other: &str) -> Option<Finding> {
    let message = format!("`{}` is older than what is pinned", one.escape_debug());
    is_older(one, other).then(|| Finding::new(Level::Warning, "version-older", message))
}

fn stays(before: Option<Claims>, pinned: &str) -> Next {
    let findings = vanished(before.as_ref(), pinned);
    Next::Stays { listed: before.unwrap_or_default(), findings }
}

fn moves(before: Option<Claims>, (pinned, next): (&str, &str), source: Source, after: Claims) -> Next {
    let mut findings = vanished(before.as_ref(), pinned);
    findings.extend(older(next, pinned));
    Next::Moves(Box::new(Step { source, before, after, findings }))
}

fn vanished(before: Option<&Claims>, pinned: &str) -> Vec<Finding> {
    let message = format!("the pinned version, `{}`, is not listed any more", pinned.escape_debug());
    let finding = before.is_none().then(|| Finding::new(Level::Warning, "version-vanished", message));
    finding.into_iter().collect()
}

/// The file of another release that is called as the pinned one is, but for the version.
fn release(ctx: &Ctx<'_>, project: &Project, pinned: &GithubAsset, to: &Target) -> Result<Next, Fault> {
    let of = (pinned.owner(), pinned.repo());
    let named = match to {
        Target::Version(tag) => Some(tag.as_str()),
        Target::Latest => None,
        Target::Minor | Target::Patch => {
            let why = "releases are not in an order that `minor` and `patch` could mean";
            return Err(no_version(&format!("github:{}/{}", of.0, of.1), why));
        }
    };
    let found = claims::github(ctx, project, of, named)?;
    let tag = named.map(str::to_owned).or_else(|| found.tag.clone()).unwrap_or_default();
    if tag == pinned.tag() {
        return Ok(stays(Claims::of_release(&found, pinned.asset()), pinned.tag()));
    }
    let time = found.published.as_deref().and_then(registry::seconds);
    if let (None, Some(cutoff)) = (named, cutoff(ctx, project))
        && time.is_none_or(|time| time > cutoff)
    {
        let why =
            format!("the latest, `{}`, is younger than `min-age` allows, by what GitHub claims", tag.escape_debug());
        return Err(no_version(&format!("github:{}/{}", of.0, of.1), &why));
    }
    let before = match claims::github(ctx, project, of, Some(pinned.tag())) {
        Ok(release) => Claims::of_release(&release, pinned.asset()),
        Err(fault) if fault.cause().is_some_and(AskError::is_absent) => None,
        Err(error) => return Err(error),
    };
    if named.is_none() && is_older(&tag, pinned.tag()) {
        return Ok(stays(before, pinned.tag()));
    }
    let asset = asset_of(&found, pinned, &tag)?;
    let after = Claims::of_release(&found, &asset).unwrap_or_default();
    let source = github_source(pinned.owner(), pinned.repo(), &tag, &asset)?;
    Ok(moves(before, (pinned.tag(), &tag), source, after))
}

/// The version in a tag.
fn bare(tag: &str) -> &str {
    tag.rsplit(['/', '@']).next().unwrap_or_default().trim_start_matches('v')
}

fn asset_of(release: &Release, pinned: &GithubAsset, tag: &str) -> Result<String, Fault> {
    let renamed = pinned.asset().replace(bare(pinned.tag()), bare(tag));
    [renamed.as_str(), pinned.asset()]
        .into_iter()
        .find(|name| release.asset(name).is_some())
        .map(str::to_owned)
        .ok_or_else(|| {
            let of = format!("github:{}/{}@{tag}", pinned.owner(), pinned.repo());
            file_choice(&of, release.assets.iter().map(|one| one.name.as_str()))
        })
}

/// Holds the pin to what its source lists for it now. The bytes are read only where another digest is listed.
pub(super) fn hold_pinned(
    ctx: &Ctx<'_>,
    project: &Project,
    pin: &Pin,
    artifact: &Artifact,
    listed: &Claims,
) -> Result<(), Fault> {
    match &listed.integrity {
        None => Ok(()),
        Some(integrity) if integrity.algorithm() == artifact.integrity.algorithm() => {
            if *integrity == artifact.integrity { Ok(()) } else { Err(replaced(&artifact.integrity, integrity)) }
        }
        Some(_) => listed.hold_pinned(&install::obtain_pinned(ctx, project, pin, artifact)?),
    }
}
