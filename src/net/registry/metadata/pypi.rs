//! The detail of a project in a Python index: PEP 691, with PEP 700's times and PEP 740's provenance.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::loose::{Loose, list};
use super::{File, Package, Version, time};
use crate::source::version::Pep440;
use pinfold_core::digest::{Algorithm, Integrity};
use pinfold_core::pins::PypiFile;

/// The document, as far as it is read.
#[derive(Deserialize)]
pub(super) struct Detail {
    #[serde(deserialize_with = "list")]
    files: Vec<Listed>,
}

/// What is kept of an entry, made of it as soon as it is read; `None` where it names no file.
#[derive(Deserialize)]
#[serde(from = "Entry")]
struct Listed(Option<File>);

impl From<Entry> for Listed {
    fn from(entry: Entry) -> Self {
        Self(entry.file())
    }
}

#[derive(Deserialize)]
struct Entry {
    filename: Loose,
    #[serde(default)]
    hashes: Hashes,
    #[serde(default)]
    size: Loose,
    #[serde(default, rename = "upload-time")]
    upload_time: Loose,
    #[serde(default)]
    yanked: Loose,
    /// A URL, `null` for none, and absent where the index does not know of such things.
    #[serde(default, deserialize_with = "said")]
    provenance: Option<Loose>,
}

#[derive(Deserialize, Default)]
struct Hashes {
    #[serde(default)]
    sha256: Loose,
}

fn said<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Loose>, D::Error> {
    Loose::deserialize(deserializer).map(Some)
}

impl Detail {
    pub(super) fn package(self, project: &str) -> Package {
        let mut versions: BTreeMap<(Option<Pep440>, String), Vec<File>> = BTreeMap::new();
        for file in self.files.into_iter().filter_map(|one| one.0) {
            // Eggs, installers and other files that no pin can name are left out.
            let Some(of) = PypiFile::in_list(project, &file.name) else { continue };
            let version = of.version().to_owned();
            versions.entry((Pep440::parse(&version), version)).or_default().push(file);
        }
        let is_release = |key: &Option<Pep440>| key.as_ref().is_some_and(|key| !key.is_pre_release());
        let stands = |files: &[File]| files.iter().any(|file| file.withdrawn.is_none());
        let latest = versions.iter().rev().find(|((key, _), files)| is_release(key) && stands(files));
        Package {
            name: project.to_owned(),
            latest: latest.map(|((_, version), _)| version.clone()),
            versions: versions.into_iter().map(|((_, version), files)| of_files(version, files)).collect(),
            repository: None,
        }
    }
}

fn of_files(version: String, files: Vec<File>) -> Version {
    let taken_back = files.iter().all(|file| file.withdrawn.is_some());
    let hints: Vec<bool> = files.iter().filter_map(|file| file.has_attestations).collect();
    Version {
        version,
        published: files.iter().filter_map(|file| file.published.clone()).min(),
        withdrawn: files.iter().find_map(|file| file.withdrawn.clone()).filter(|_| taken_back),
        has_attestations: (!hints.is_empty()).then(|| hints.contains(&true)),
        files,
        ..Version::default()
    }
}

impl Entry {
    fn file(self) -> Option<File> {
        Some(File {
            name: self.filename.text?,
            integrity: self
                .hashes
                .sha256
                .text
                .and_then(|hex| Integrity::from_hex(Algorithm::Sha256, &hex.to_ascii_lowercase())),
            size: self.size.count,
            published: self.upload_time.text.and_then(|text| time(&text)),
            withdrawn: self.yanked.text.or_else(|| (self.yanked.flag == Some(true)).then(String::new)),
            has_attestations: self.provenance.map(|provenance| provenance.text.is_some()),
        })
    }
}
