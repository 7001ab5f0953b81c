//! What sources say of packages and releases: versions, dates, who looks after them, what was taken back.
//!
//! None of it is proved and nothing here decides what is installed: it tells people where to look. So a field of a shape
//! that nobody expects is left out, and does not hide the others. Answers are bounded in bytes and in versions, and only
//! what is told is kept of them.

mod loose;
mod npm;
mod pypi;
mod release;

use serde::de::DeserializeOwned;

use super::ask::{Asker, Body, bare};
use super::error::{AskError, Service};
use super::{JSON, PYPI_SIMPLE};
use crate::http::{Clock, Http, Rules};
use crate::source::{github, npm as npm_source, pypi as pypi_source};
use pinfold_core::digest::Integrity;
use pinfold_core::json::JsonError;
use pinfold_core::url::Url;

pub use release::{Asset, Release};

/// What a source says of a package.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// The version that whoever names none gets: what npm's tag `latest` says; for Python the highest release that was
    /// not taken back.
    pub latest: Option<String>,
    /// All versions, the lowest first: by Semantic Versioning, by PEP 440. What is no version by these comes before.
    pub versions: Vec<Version>,
    /// Where its sources are.
    pub repository: Option<String>,
}

impl Package {
    /// What is said of one version.
    pub fn version(&self, version: &str) -> Option<&Version> {
        self.versions.iter().find(|one| one.version == version)
    }
}

/// What a source says of a version; `None` where it says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Version {
    /// The version.
    pub version: String,
    /// The digest of its one file. Python's versions have many files.
    pub integrity: Option<Integrity>,
    /// When it was published, RFC 3339 in UTC; of several files, the first.
    pub published: Option<String>,
    /// Why it was taken back (yanked, all files of it) or should not be used (deprecated); the reason may be empty.
    pub withdrawn: Option<String>,
    /// Its licence.
    pub license: Option<String>,
    /// Who may publish.
    pub maintainers: Vec<String>,
    /// Where its sources are.
    pub repository: Option<String>,
    /// Whether there is evidence. A hint that nobody signed.
    pub has_attestations: Option<bool>,
    /// The registry's signatures over the integrity: ids of keys, and signatures in base64.
    pub signatures: Vec<(String, String)>,
    /// Whether package managers would run something when they install it.
    pub install_scripts: bool,
    /// The size of its files when unpacked, in bytes.
    pub unpacked_size: Option<u64>,
    /// The files of a Python version, in the order of the list; empty for npm, where there is always one.
    pub files: Vec<File>,
}

/// What an index says of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct File {
    /// Its name.
    pub name: String,
    /// Its digest.
    pub integrity: Option<Integrity>,
    /// Its size, in bytes.
    pub size: Option<u64>,
    /// When it was uploaded, RFC 3339 in UTC.
    pub published: Option<String>,
    /// Why it was taken back; the reason may be empty.
    pub withdrawn: Option<String>,
    /// Whether there is evidence. A hint that nobody signed.
    pub has_attestations: Option<bool>,
}

/// What an npm registry says of a package, all versions together.
pub fn npm_package(
    http: &dyn Http,
    rules: &Rules<'_>,
    clock: &dyn Clock,
    registry: &Url,
    name: &str,
) -> Result<Package, AskError> {
    let url = npm_source::package_url(registry, name).map_err(AskError::Npm)?;
    let body = Asker { http, rules, clock, service: Service::Npm }.get(&url, MAX_PACKAGE_LEN, Some(JSON))?;
    Ok(parse::<npm::Packument>(&url, &body)?.package(name))
}

/// What a Python index says of a project (PEP 691, with PEP 700 and PEP 740 where the index has them).
pub fn pypi_project(
    http: &dyn Http,
    rules: &Rules<'_>,
    clock: &dyn Clock,
    index: &Url,
    project: &str,
) -> Result<Package, AskError> {
    let url = pypi_source::project_url(index, project).map_err(AskError::Pypi)?;
    let body = Asker { http, rules, clock, service: Service::Pypi }.get(&url, MAX_PACKAGE_LEN, Some(PYPI_SIMPLE))?;
    Ok(parse::<pypi::Detail>(&url, &body)?.package(project))
}

/// A release of a GitHub repository: that of a tag, or for `None` the one that GitHub calls the latest.
pub fn github_release(
    http: &dyn Http,
    rules: &Rules<'_>,
    clock: &dyn Clock,
    api: &Url,
    owner: &str,
    repo: &str,
    tag: Option<&str>,
) -> Result<Release, AskError> {
    let url = github::release_url(api, owner, repo, tag).map_err(AskError::Github)?;
    let asker = Asker { http, rules, clock, service: Service::Github };
    let body = asker.get(&url, super::MAX_ANSWER_LEN, Some(super::GITHUB_JSON))?;
    Ok(parse::<release::Document>(&url, &body)?.release())
}

/// Reads straight into what is kept: as a tree of values, an answer would be many times as large.
fn parse<T: DeserializeOwned>(url: &Url, body: &Body) -> Result<T, AskError> {
    serde_json::from_slice(&body.bytes)
        .map_err(|error| AskError::Json { url: bare(url), error: JsonError::Malformed(error) })
}

/// A time as everything here has it, `None` for what is none: the text would be shown.
fn time(text: &str) -> Option<String> {
    let time: jiff::Timestamp = text.parse().ok()?;
    jiff::Timestamp::from_second(time.as_second()).ok().map(|time| time.to_string())
}

/// A time of this module's in seconds since 1970.
pub fn seconds(published: &str) -> Option<i64> {
    published.parse::<jiff::Timestamp>().ok().map(|time| time.as_second())
}

/// Longest answer about a package, in bytes. Those with some ten thousand versions have 20 to 40 MB.
pub const MAX_PACKAGE_LEN: u64 = 64 << 20;
/// Most versions, and most files, of a package: ten times what the busiest have.
pub const MAX_VERSIONS: usize = 100_000;
