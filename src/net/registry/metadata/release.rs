//! A release of a GitHub repository.

use serde::Deserialize;

use super::loose::{Loose, list};
use super::time;
use pinfold_core::digest::{Algorithm, Integrity};

/// What GitHub says of a release; `None` where it says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Release {
    /// Its tag.
    pub tag: Option<String>,
    /// When it was published, RFC 3339 in UTC.
    pub published: Option<String>,
    /// Whether its authors call it one before a release.
    pub is_pre_release: bool,
    /// Its files.
    pub assets: Vec<Asset>,
}

impl Release {
    /// What is said of one file.
    pub fn asset(&self, name: &str) -> Option<&Asset> {
        self.assets.iter().find(|one| one.name == name)
    }
}

/// What GitHub says of a file of a release.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Asset {
    /// Its name.
    pub name: String,
    /// Its size, in bytes.
    pub size: Option<u64>,
    /// Its SHA-256; GitHub knows it of files since June 2025.
    pub digest: Option<Integrity>,
    /// When it was last changed, RFC 3339 in UTC: a file may be replaced under its name.
    pub updated: Option<String>,
}

/// The document, as far as it is read.
#[derive(Deserialize)]
pub(super) struct Document {
    #[serde(default)]
    tag_name: Loose,
    #[serde(default)]
    published_at: Loose,
    #[serde(default)]
    prerelease: Loose,
    #[serde(deserialize_with = "list")]
    assets: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: Loose,
    #[serde(default)]
    size: Loose,
    #[serde(default)]
    digest: Loose,
    #[serde(default)]
    updated_at: Loose,
}

impl Document {
    pub(super) fn release(self) -> Release {
        Release {
            tag: self.tag_name.text,
            published: self.published_at.text.and_then(|text| time(&text)),
            is_pre_release: self.prerelease.flag == Some(true),
            assets: self.assets.into_iter().filter_map(Entry::asset).collect(),
        }
    }
}

impl Entry {
    fn asset(self) -> Option<Asset> {
        let digest = self.digest.text.and_then(|text| {
            let hex = text.strip_prefix("sha256:")?.to_owned();
            Integrity::from_hex(Algorithm::Sha256, &hex.to_ascii_lowercase())
        });
        let updated = self.updated_at.text.and_then(|text| time(&text));
        Some(Asset { name: self.name.text?, size: self.size.count, digest, updated })
    }
}
