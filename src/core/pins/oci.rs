//! [`OciLayer`]: one layer of one artifact in a registry, `oci = "host/name:tag@sha256:…"` and what chooses the layer.
//!
//! Refuses a reference without a digest: a tag may be moved. Of an index one manifest is chosen by its platform, of a
//! manifest one layer; where nothing is said, there has to be exactly one.

use std::fmt;

use super::error::{PinsError, PinsErrorKind};
use super::platform::Platform;
use super::table::{Entry, Shape, Table};
use super::value::ValueError;
use crate::digest::Integrity;
use crate::oci::MAX_DESCRIPTORS;
use crate::oci::{ImagePlatform, LayerChoice, Reference, ReferenceError};

/// A layer of an artifact in a registry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OciLayer {
    reference: Reference,
    platform: Option<ImagePlatform>,
    layer: LayerChoice,
}

impl OciLayer {
    /// A layer of the artifact that turned out to have this digest.
    pub fn new(reference: &Reference, digest: Integrity, platform: Option<ImagePlatform>, layer: LayerChoice) -> Self {
        Self { reference: reference.at(digest), platform, layer }
    }

    /// The artifact, with its digest.
    pub const fn reference(&self) -> &Reference {
        &self.reference
    }

    /// What is chosen from an index; `None` where there has to be one only.
    pub const fn platform(&self) -> Option<&ImagePlatform> {
        self.platform.as_ref()
    }

    /// What is chosen from a manifest.
    pub const fn layer(&self) -> &LayerChoice {
        &self.layer
    }

    /// What the file is called, as far as the pin says it.
    pub fn file_name(&self) -> &str {
        let title = self.layer.title.as_deref().unwrap_or_default();
        title.rsplit_once('/').map_or(title, |(_, name)| name)
    }

    /// The layer of a table whose `oci` is `entry`; of a variant, the platform goes without saying.
    pub(super) fn read(entry: Entry<'_>, table: Table<'_>, variant: Option<&Platform>) -> Result<Self, PinsError> {
        let reference: Reference = entry.parse()?;
        if reference.digest().is_none() {
            return Err(entry.wrong_value(entry.string()?, ValueError::Oci(ReferenceError::NoDigest)));
        }
        let platform = match table.get("oci-platform") {
            Some(entry) => Some(entry.parse()?),
            None => variant.and_then(in_images_words),
        };
        let layer = table.get("layer").map(read_layer).transpose()?.unwrap_or_default();
        Ok(Self { reference, platform, layer })
    }

    /// Refuses the keys that choose a layer, for a source that has none.
    pub(super) fn refuse_keys(table: Table<'_>) -> Result<(), PinsError> {
        let key = table.entries().find(|entry| KEYS.contains(&entry.key()));
        key.map_or(Ok(()), |entry| Err(entry.error(PinsErrorKind::KeyOfOci { key: entry.key().to_owned() })))
    }
}

fn read_layer(entry: Entry<'_>) -> Result<LayerChoice, PinsError> {
    let table = entry.table()?.shaped(&LAYER)?;
    let most = u64::try_from(MAX_DESCRIPTORS).unwrap_or(u64::MAX);
    let index = table.get("index").map(|index| index.number(0..=most)).transpose()?;
    Ok(LayerChoice {
        index: index.and_then(|index| usize::try_from(index).ok()),
        title: table.get("title").map(|title| title.plain_text()).transpose()?,
        media_type: table.get("media-type").map(|kind| kind.plain_text()).transpose()?,
    })
}

/// A platform in the words of image indexes; they know nothing of C libraries.
fn in_images_words(platform: &Platform) -> Option<ImagePlatform> {
    let (system, rest) = platform.as_str().split_once('-')?;
    let processor = rest.split('-').next()?;
    let system = match system {
        "win32" => "windows",
        "sunos" => "solaris",
        other => other,
    };
    let processor = match processor {
        "x64" => "amd64",
        "ia32" => "386",
        "ppc64" => "ppc64le",
        "mips64el" => "mips64le",
        other => other,
    };
    format!("{system}/{processor}").parse().ok()
}

impl fmt::Display for OciLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reference.fmt(f)?;
        self.platform.iter().try_for_each(|platform| write!(f, "#platform={platform}"))?;
        let layer = self.layer.to_string();
        if layer.is_empty() { Ok(()) } else { write!(f, "#{}", layer.escape_debug()) }
    }
}

/// The keys that stand beside `oci` only.
const KEYS: [&str; 2] = ["oci-platform", "layer"];
const LAYER: Shape = Shape { noun: "a pin's `layer`", keys: &["index", "title", "media-type"] };
