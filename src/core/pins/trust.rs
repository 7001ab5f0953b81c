//! `[registries]`, `[store]`, `[trust]` and `[pins.<name>.provenance]`: where to ask, and what has to be proved.
//!
//! The evidence keys are read and kept here; what judges them stands on a higher rung.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::error::PinsError;
use super::table::{Entry, Shape, Table};
use super::trusted::{Age, Host, Repository};
use super::value::ValueError;
use super::workflow::Workflow;
use crate::oci::Location;
use crate::path::RelPath;
use crate::url::Url;

/// What happens when evidence is missing. Evidence that is there and wrong refuses in every mode but [`Mode::Off`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Missing evidence refuses.
    Strict,
    /// Missing evidence is a warning.
    #[default]
    Lenient,
    /// Evidence is not looked for, and the record says so.
    Off,
}

impl Mode {
    /// Every mode, the strongest first.
    pub const ALL: [Self; 3] = [Self::Strict, Self::Lenient, Self::Off];

    /// The value in pins.toml.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Lenient => "lenient",
            Self::Off => "off",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Mode {
    type Err = ModeError;

    fn from_str(text: &str) -> Result<Self, ModeError> {
        Self::ALL.into_iter().find(|mode| mode.name() == text).ok_or(ModeError)
    }
}

/// A text that is none of [`Mode::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModeError;

impl fmt::Display for ModeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such mode")
    }
}

impl std::error::Error for ModeError {}

/// `[registries]`: base URLs, without a query; `None` leaves it to the conventions of each registry's own tools.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Registries {
    /// Where `npm` pins come from.
    pub npm: Option<Url>,
    /// Where `github` pins come from.
    pub github: Option<Url>,
    /// Where `pypi` pins come from.
    pub pypi: Option<Url>,
}

impl Registries {
    pub(super) fn read(root: Table<'_>) -> Result<Self, PinsError> {
        let Some(entry) = root.get("registries") else { return Ok(Self::default()) };
        let table = entry.table()?.shaped(&REGISTRIES)?;
        let base = |key| table.get(key).map(base_url).transpose();
        Ok(Self { npm: base("npm")?, github: base("github")?, pypi: base("pypi")? })
    }
}

/// A URL that paths can be put behind.
fn base_url(entry: Entry<'_>) -> Result<Url, PinsError> {
    let url = entry.parse()?;
    let value = entry.string()?;
    if value.contains('?') { Err(entry.wrong_value(value, ValueError::RegistryQuery)) } else { Ok(url) }
}

/// `[store]`: the shared store that is looked into before anybody upstream is asked, `None` where there is none. Only where
/// it is: who writes to it says so where pinfold is called, as a pin file may come from anybody.
pub(super) fn read_store(root: Table<'_>) -> Result<Option<Location>, PinsError> {
    let Some(entry) = root.get("store") else { return Ok(None) };
    entry.table()?.shaped(&STORE)?.get("remote").map(|entry| entry.parse()).transpose()
}

/// `[trust]`: what holds for every pin that does not say otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trust {
    /// What happens when provenance is missing.
    pub provenance: Mode,
    /// The repositories that artifacts may have been built from.
    pub repositories: Vec<Repository>,
    /// The only hosts that may be asked, redirects included; `None` allows all, an empty list none.
    pub hosts: Option<Vec<Host>>,
    /// How long ago the transparency log must have seen an artifact first.
    pub min_age: Option<Duration>,
    /// The kind of claim that is demanded instead of SLSA provenance, a URI.
    pub predicate_type: Option<String>,
}

impl Trust {
    pub(super) fn read(root: Table<'_>) -> Result<Self, PinsError> {
        let Some(entry) = root.get("trust") else { return Ok(Self::default()) };
        let table = entry.table()?.shaped(&TRUST)?;
        let provenance = table.get("provenance").map(|entry| entry.parse()).transpose()?.unwrap_or_default();
        let repositories = table.get("repositories").map(repositories).transpose()?.unwrap_or_default();
        let hosts = table.get("hosts").map(hosts).transpose()?;
        let min_age = table.get("min-age").map(|entry| entry.parse::<Age>()).transpose()?.map(Age::duration);
        let predicate_type = table.get("predicate-type").map(|entry| entry.plain_text()).transpose()?;
        Ok(Self { provenance, repositories, hosts, min_age, predicate_type })
    }
}

fn hosts(entry: Entry<'_>) -> Result<Vec<Host>, PinsError> {
    entry.list("a list of hosts")?.iter().map(Entry::parse).collect()
}

fn repositories(entry: Entry<'_>) -> Result<Vec<Repository>, PinsError> {
    entry.list("a list of URLs")?.iter().map(Entry::parse).collect()
}

/// `[pins.<name>.provenance]`: what the evidence of one pin must say; `None` leaves it to [`Trust`] or open.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expectations {
    /// Overrides [`Trust::provenance`].
    pub mode: Option<Mode>,
    /// The repository that the artifact was built from; overrides [`Trust::repositories`].
    pub repository: Option<Repository>,
    /// The workflow that signed: a file of that repository, or where a reusable workflow built, of another.
    pub workflow: Option<Workflow>,
    /// The git reference it was built from, `*` allowed: `refs/tags/v*` (the key is `ref`).
    pub git_ref: Option<String>,
    /// The repository's id at its host, which survives a renamed or resold name.
    pub repository_id: Option<String>,
    /// The owner's id at the host.
    pub owner_id: Option<String>,
    /// Who vouches for the signer's identity, a URL; follows from the repository's host where it is left open.
    pub issuer: Option<String>,
    /// SLSA's builder id.
    pub builder: Option<String>,
    /// Overrides [`Trust::predicate_type`].
    pub predicate_type: Option<String>,
    /// What was built on a machine of the repository's owner is refused.
    pub deny_self_hosted: bool,
    /// A file in the project with the evidence, when the source's own place is not it.
    pub attestation: Option<RelPath>,
    /// The 1-based line of the table.
    pub line: usize,
}

impl Expectations {
    pub(super) fn read(pin: Table<'_>) -> Result<Option<Self>, PinsError> {
        let Some(entry) = pin.get("provenance") else { return Ok(None) };
        let table = entry.table()?.shaped(&PROVENANCE)?;
        let text = |key| table.get(key).map(|entry| entry.plain_text()).transpose();
        Ok(Some(Self {
            mode: table.get("mode").map(|entry| entry.parse()).transpose()?,
            repository: table.get("repository").map(|entry| entry.parse()).transpose()?,
            workflow: table.get("workflow").map(|entry| entry.parse()).transpose()?,
            git_ref: text("ref")?,
            repository_id: text("repository-id")?,
            owner_id: text("owner-id")?,
            issuer: text("issuer")?,
            builder: text("builder")?,
            predicate_type: text("predicate-type")?,
            deny_self_hosted: table.get("deny-self-hosted").map(flag).transpose()?.unwrap_or_default(),
            attestation: table.get("attestation").map(|entry| entry.parse()).transpose()?,
            line: table.line(),
        }))
    }
}

fn flag(entry: Entry<'_>) -> Result<bool, PinsError> {
    entry.boolean().ok_or_else(|| entry.wrong_type("`true` or `false`"))
}

const REGISTRIES: Shape = Shape { noun: "`[registries]`", keys: &["npm", "github", "pypi"] };

const STORE: Shape = Shape { noun: "`[store]`", keys: &["remote"] };

const TRUST: Shape =
    Shape { noun: "`[trust]`", keys: &["provenance", "repositories", "hosts", "min-age", "predicate-type"] };

const PROVENANCE: Shape = Shape {
    noun: "a pin's `provenance`",
    keys: &[
        "mode",
        "repository",
        "workflow",
        "ref",
        "repository-id",
        "owner-id",
        "issuer",
        "builder",
        "predicate-type",
        "deny-self-hosted",
        "attestation",
    ],
};
