//! What sources claim of versions: which there are, when they were published, by whom, and what their bytes are.
//!
//! None of it is proved, and all that is told of it says so. The bytes are held to it all the same: a source that lists
//! other bytes than it serves is wrong about one of the two.

mod choose;

use crate::ctx::Ctx;
use crate::install;
use crate::project::Project;
use crate::report::{Finding, Level};
use pinfold_core::digest::Integrity;
use pinfold_core::fault::Fault;
use pinfold_core::pins::{EditError, GithubAsset, NpmPackage, PinsErrorKind, PypiFile, Source};
use pinfold_core::store::VerifiedBlob;
use pinfold_core::text::Location;
use pinfold_net::registry::{self, AskError, Package, Release};

pub(super) use choose::{Wanted, choose, cutoff, file_of};

/// What a source claims of one artifact; `None` where it says nothing.
#[derive(Debug, Clone, Default)]
pub(super) struct Claims {
    /// The digest of its bytes.
    pub(super) integrity: Option<Integrity>,
    /// When it was published, RFC 3339.
    pub(super) published: Option<String>,
    /// Why it was taken back, or should not be used.
    pub(super) withdrawn: Option<String>,
    /// Its licence.
    pub(super) license: Option<String>,
    /// Who may publish.
    pub(super) maintainers: Vec<String>,
    /// Where its sources are.
    pub(super) repository: Option<String>,
}

/// What an npm registry says of a package.
pub(super) fn npm(ctx: &Ctx<'_>, project: &Project, name: &str) -> Result<Package, Fault> {
    let named = project.pin_file().registries();
    let scope = name.split_once('/').map(|(scope, _)| scope);
    let registry = ctx.registries.npm(scope, named.npm.as_ref())?;
    let rules = install::rules(ctx, project);
    registry::npm_package(ctx.http, &rules, ctx.clock, &registry, name).map_err(|error| absent(error, "npm", name))
}

/// What a Python index says of a project.
pub(super) fn pypi(ctx: &Ctx<'_>, project: &Project, name: &str) -> Result<Package, Fault> {
    let named = project.pin_file().registries();
    let index = ctx.registries.pypi(named.pypi.as_ref())?;
    let rules = install::rules(ctx, project);
    registry::pypi_project(ctx.http, &rules, ctx.clock, &index, name).map_err(|error| absent(error, "pypi", name))
}

/// What GitHub says of a release, the latest for no tag.
pub(super) fn github(
    ctx: &Ctx<'_>,
    project: &Project,
    (owner, repo): (&str, &str),
    tag: Option<&str>,
) -> Result<Release, Fault> {
    let named = project.pin_file().registries();
    let api = ctx.registries.github_api(named.github.as_ref())?;
    let rules = install::rules(ctx, project);
    let release = registry::github_release(ctx.http, &rules, ctx.clock, &api, owner, repo, tag);
    release.map_err(|error| absent(error, &format!("github:{owner}/{repo}"), tag.unwrap_or("latest release")))
}

fn absent(error: AskError, of: &str, version: &str) -> Fault {
    if error.is_absent() { version_absent(of, version, None).because(error) } else { Fault::from(error) }
}

/// The source does not have that version, tag or file; `instead` is what there is.
pub(super) fn version_absent(of: &str, version: &str, instead: Option<String>) -> Fault {
    let message = format!("`{}` has no `{}`", of.escape_debug(), version.escape_debug());
    Fault::failed("version-absent", message).hinting(instead)
}

/// There are versions, and none of them will do.
pub(super) fn no_version(of: &str, why: &str) -> Fault {
    Fault::failed("version-none", format!("no version of `{}` will do: {why}", of.escape_debug()))
        .hint("name a version")
}

/// There are several files, and nothing says which is meant.
pub(super) fn file_choice<'a>(of: &str, files: impl Iterator<Item = &'a str>) -> Fault {
    let mut names: Vec<String> = files.map(|name| name.escape_debug().to_string()).collect();
    let (of, count) = (of.escape_debug(), names.len());
    let message = match count {
        0 => format!("`{of}` has no file that can be pinned"),
        _ => format!("`{of}` has {count} files, and nothing says which is meant"),
    };
    names.truncate(MAX_LISTED);
    names.extend(count.checked_sub(MAX_LISTED).filter(|more| *more > 0).map(|more| format!("and {more} more")));
    Fault::failed("file-choice", message).hint(format!("name one with `#FILE`: {}", names.join(", ")))
}

/// The source lists other bytes than those that were pinned, under the same name.
pub(super) fn replaced(pinned: &Integrity, listed: &Integrity) -> Fault {
    let message = "the source lists other bytes than those that were pinned, under the same name";
    Fault::refused("source-replaced", message)
        .compared(pinned.to_string(), listed.to_string())
        .hint("find out who replaced it, and why, before it is pinned anew")
}

/// pins.toml cannot be edited so.
pub(super) fn unedited(error: EditError) -> Fault {
    let (code, hint) = match &error {
        EditError::PinExists { .. } => ("pin-exists", Some("say `--name NAME`, or `pinfold update` to move it")),
        EditError::NoValue { .. } | EditError::Reread => ("edit-impossible", Some("edit it by hand")),
        EditError::Pins(error) => (
            error.code(),
            match error.kind() {
                PinsErrorKind::PinNameCollision { .. } => Some("say `--name NAME`"),
                PinsErrorKind::ToOverlaps { .. }
                | PinsErrorKind::ToReserved { .. }
                | PinsErrorKind::InputInTree { .. } => Some("say `--to DIR`"),
                PinsErrorKind::SameIntegrity { .. } => {
                    Some("these bytes are pinned already: use that pin, or take it out first")
                }
                PinsErrorKind::Syntax { .. } => Some("pins that stand in an inline table are edited by hand"),
                _ => None,
            },
        ),
    };
    let hint = hint.map(str::to_owned).or_else(|| match &error {
        EditError::Pins(error) => error.hint(),
        _ => None,
    });
    Fault::failed(code, error.to_string()).hinting(hint).because(error)
}

/// Most files that a message lists.
const MAX_LISTED: usize = 20;

/// A version of an npm package as a source.
pub(super) fn npm_source(name: &str, version: &str) -> Result<Source, Fault> {
    let text = format!("{name}@{version}");
    let parsed = text.parse::<NpmPackage>();
    parsed.map(Source::Npm).map_err(|error| argument(&text, error.code(), &error, error.hint().map(str::to_owned)))
}

/// A file of a Python project as a source.
pub(super) fn pypi_source(project: &str, version: &str, file: &str) -> Result<Source, Fault> {
    let text = format!("{project}=={version}#{file}");
    let parsed = text.parse::<PypiFile>();
    parsed.map(Source::Pypi).map_err(|error| argument(&text, error.code(), &error, error.hint()))
}

/// A file of a release as a source.
pub(super) fn github_source(owner: &str, repo: &str, tag: &str, asset: &str) -> Result<Source, Fault> {
    let text = format!("{owner}/{repo}@{tag}#{asset}");
    let parsed = text.parse::<GithubAsset>();
    parsed.map(Source::Github).map_err(|error| argument(&text, error.code(), &error, None))
}

/// A text that is not what it should be.
pub(super) fn argument(text: &str, code: &'static str, why: &dyn std::fmt::Display, hint: Option<String>) -> Fault {
    Fault::failed(code, format!("`{}`: {why}", Location(text))).hinting(hint)
}

impl Claims {
    /// What is claimed of an npm package's only file, or of one file of a Python version.
    pub(super) fn of(package: &Package, version: &str, file: Option<&str>) -> Option<Self> {
        let found = package.version(version)?;
        let mut claims = Self {
            integrity: found.integrity.clone(),
            published: found.published.clone(),
            withdrawn: found.withdrawn.clone(),
            license: found.license.clone(),
            maintainers: found.maintainers.clone(),
            repository: found.repository.clone().or_else(|| package.repository.clone()),
        };
        if let Some(name) = file {
            let file = found.files.iter().find(|file| file.name == name)?;
            claims.integrity.clone_from(&file.integrity);
            claims.published = file.published.clone().or(claims.published);
            claims.withdrawn.clone_from(&file.withdrawn);
        }
        Some(claims)
    }

    /// What is claimed of a file of a release.
    pub(super) fn of_release(release: &Release, asset: &str) -> Option<Self> {
        let found = release.asset(asset)?;
        Some(Self { integrity: found.digest.clone(), published: release.published.clone(), ..Self::default() })
    }

    /// Holds bytes to what their source lists.
    pub(super) fn hold(&self, blob: &VerifiedBlob) -> Result<(), Fault> {
        let Some(expected) = &self.integrity else { return Ok(()) };
        let received = install::digest_of(blob, expected.algorithm())?;
        if received == *expected {
            Ok(())
        } else {
            let fault = Fault::refused("claim-mismatch", "the bytes are not those that their own source lists");
            let fault = fault.compared(expected.to_string(), received.to_string());
            Err(fault.hint("do not use it: the source or something on the way to it is wrong"))
        }
    }

    /// Holds the pinned bytes to what their source lists for them now.
    pub(super) fn hold_pinned(&self, blob: &VerifiedBlob) -> Result<(), Fault> {
        let Some(listed) = &self.integrity else { return Ok(()) };
        let pinned = install::digest_of(blob, listed.algorithm())?;
        if pinned == *listed { Ok(()) } else { Err(replaced(&pinned, listed)) }
    }

    /// That it is younger than the project wants things to be, by what is claimed. Evidence has a time of its own.
    pub(super) fn too_young(&self, cutoff: Option<i64>) -> Option<Finding> {
        let published = self.published.as_deref()?;
        (registry::seconds(published)? > cutoff?).then(|| {
            let message = format!("it was published {published} (claimed), which is less than `min-age` ago");
            Finding::new(Level::Warning, "claimed-young", message)
        })
    }

    /// All of it in one sentence, `None` where nothing is claimed.
    pub(super) fn sentence(&self) -> Option<String> {
        let mut parts = Vec::new();
        parts.extend(self.published.as_ref().map(|time| format!("published {time}")));
        if !self.maintainers.is_empty() {
            let shown: Vec<&str> = self.maintainers.iter().take(MAX_NAMES).map(String::as_str).collect();
            let more = self.maintainers.len().saturating_sub(shown.len());
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            parts.push(format!("maintained by {}{more}", shown.join(", ").escape_debug()));
        }
        parts.extend(self.license.as_ref().map(|name| format!("under {}", name.escape_debug())));
        parts.extend(self.repository.as_ref().map(|url| format!("from {}", url.escape_debug())));
        (!parts.is_empty()).then(|| format!("claimed by its source, proved by nobody: {}", parts.join(", ")))
    }
}

/// Most names in a sentence.
const MAX_NAMES: usize = 5;
