//! [`Pin`]: one entry of pins.toml.

use std::collections::BTreeMap;

use super::artifact::Artifact;
use super::error::{PinsError, PinsErrorKind};
use super::layout;
use super::name::PinName;
use super::patch::{self, Patch};
use super::platform::Platform;
use super::signature::Signature;
use super::table::{Entry, Shape};
use super::trust::Expectations;
use crate::layout::{Ignore, Layout};
use crate::path::{self, RelPath};

/// What one folder (or raw file) of the project holds, and what it is made of.
///
/// It has an artifact of its own, variants, or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// What it is called.
    pub name: PinName,
    /// The 1-based line of its table.
    pub line: usize,
    /// Where the tree goes, seen from the folder of pins.toml.
    pub to: RelPath,
    /// What every platform without a variant gets.
    pub artifact: Option<Artifact>,
    /// What single platforms get instead.
    pub variants: BTreeMap<Platform, Artifact>,
    /// How the artifact is unpacked.
    pub layout: Layout,
    /// What programs write into the tree when they run.
    pub ignore: Ignore,
    /// Edits of the unpacked tree, in order.
    pub patches: Vec<Patch>,
    /// What the evidence must say, where that differs from `[trust]`.
    pub provenance: Option<Expectations>,
    /// Whose signatures it has to carry.
    pub signature: Option<Signature>,
}

impl Pin {
    /// The variant for `platform`, else for that platform with any C library, else the pin's own artifact.
    pub fn artifact_for(&self, platform: &Platform) -> Option<&Artifact> {
        let any_libc = || self.variants.get(&platform.without_libc()?);
        self.variants.get(platform).or_else(any_libc).or(self.artifact.as_ref())
    }

    /// Every artifact that the pin names: its own, then the variants in the order of their platforms.
    pub fn artifacts(&self) -> impl Iterator<Item = &Artifact> {
        self.artifact.iter().chain(self.variants.values())
    }

    /// Whether another one says the same, wherever in the file it stands.
    pub fn says_what(&self, other: &Self) -> bool {
        self.without_lines() == other.without_lines()
    }

    fn without_lines(&self) -> Self {
        let mut pin = self.clone();
        pin.line = 0;
        let artifacts = pin.artifact.iter_mut().chain(pin.variants.values_mut()).map(|artifact| &mut artifact.line);
        let patches = pin.patches.iter_mut().map(|patch| &mut patch.line);
        let provenance = pin.provenance.iter_mut().map(|demands| &mut demands.line);
        let signature = pin.signature.iter_mut().map(|demands| &mut demands.line);
        artifacts.chain(patches).chain(provenance).chain(signature).for_each(|line| *line = 0);
        pin
    }

    pub(super) fn read(entry: Entry<'_>) -> Result<Self, PinsError> {
        let name = entry.parse_key("pins")?;
        let table = entry.table()?.of_pin(entry.key()).shaped(&PIN)?;
        let artifact = Artifact::read(table, None)?;
        let variants = table.get("platform").map(read_variants).transpose()?.unwrap_or_default();
        if artifact.is_none() {
            if variants.is_empty() {
                return Err(table.error(PinsErrorKind::NoSource));
            }
            Artifact::refuse_keys(table)?;
        }
        let to = table.get("to");
        let to = to.ok_or_else(|| table.error(PinsErrorKind::MissingKey { key: "to", table: PIN.noun }))?;
        let one_folder = artifact.iter().chain(variants.values()).all(|artifact| artifact.source.has_one_folder());
        let sources = artifact.iter().chain(variants.values()).map(|artifact| &artifact.source);
        Ok(Self {
            name,
            line: table.line(),
            to: read_to(to)?,
            layout: layout::read(table, usize::from(one_folder))?,
            ignore: layout::read_ignore(table)?,
            patches: patch::read_all(table)?,
            provenance: Expectations::read(table)?,
            signature: Signature::read(table, sources)?,
            artifact,
            variants,
        })
    }
}

fn read_variants(entry: Entry<'_>) -> Result<BTreeMap<Platform, Artifact>, PinsError> {
    let read = |entry: Entry<'_>| {
        let platform = entry.parse_key("platform")?;
        let table = entry.table()?.shaped(&VARIANT)?;
        let artifact = Artifact::read(table, Some(&platform))?.ok_or_else(|| table.error(PinsErrorKind::NoSource))?;
        Ok((platform, artifact))
    };
    entry.table()?.entries().map(read).collect()
}

/// A destination: not pinfold's own files, not git's, and no name that pinfold gives to what it is working on.
fn read_to(entry: Entry<'_>) -> Result<RelPath, PinsError> {
    let to: RelPath = entry.parse()?;
    // As a case- and form-insensitive file system sees it (CVE-2014-9390: `.GIT`, `.g\u{200c}it`).
    let key = to.collision_key();
    let first = key.split('/').next().unwrap_or_default();
    let is_reserved = |component: &str| {
        path::is_dot_git(component)
            || component.starts_with(".pinfold")
            || component.ends_with(".pinfold-new")
            || component.ends_with(".pinfold-new-old")
            || component.ends_with(".pinfold-old")
    };
    if first == "pins.toml" || key.split('/').any(is_reserved) {
        return Err(entry.error(PinsErrorKind::ToReserved { to: to.to_string() }));
    }
    Ok(to)
}

const PIN: Shape = Shape {
    noun: "a pin",
    keys: &[
        "npm",
        "github",
        "url",
        "file",
        "pypi",
        "oci",
        "oci-platform",
        "layer",
        "integrity",
        "size",
        "tree",
        "mirrors",
        "to",
        "format",
        "strip",
        "include",
        "exclude",
        "ignore",
        "executable",
        "max-unpacked",
        "max-members",
        "patch",
        "platform",
        "provenance",
        "signature",
    ],
};

const VARIANT: Shape = Shape { noun: "a platform variant", keys: PIN.keys.split_at(OF_ARTIFACT).0 };

/// How many keys of a pin say what the artifact is: those from `npm` to `mirrors`.
const OF_ARTIFACT: usize = 12;
