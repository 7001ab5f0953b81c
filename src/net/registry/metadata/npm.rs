//! The document of an npm package ("packument").

use serde::Deserialize;

use super::loose::{Entries, Loose, few};
use super::{Package, Version, time};
use crate::source::version::Semver;

/// The document, as far as it is read.
#[derive(Deserialize)]
pub(super) struct Packument {
    #[serde(default, rename = "dist-tags")]
    tags: Tags,
    #[serde(default)]
    versions: Entries<Slim>,
    #[serde(default)]
    time: Entries<Loose>,
    #[serde(default)]
    repository: Loose,
}

#[derive(Deserialize, Default)]
struct Tags {
    #[serde(default)]
    latest: Loose,
}

/// What is kept of a version. It is made of each [`Manifest`] as soon as that is read: of all versions at once, what is
/// not kept would take hundreds of times the memory of a hostile answer.
#[derive(Deserialize)]
#[serde(from = "Manifest")]
struct Slim(Version);

impl From<Manifest> for Slim {
    fn from(manifest: Manifest) -> Self {
        Self(manifest.version())
    }
}

/// The package.json of a version, and what the registry put into it.
#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    dist: Dist,
    #[serde(default)]
    deprecated: Loose,
    #[serde(default)]
    license: Loose,
    #[serde(default)]
    licenses: Loose,
    #[serde(default)]
    maintainers: Loose,
    #[serde(default)]
    repository: Loose,
    #[serde(default, rename = "hasInstallScript")]
    has_install_script: Loose,
    #[serde(default)]
    scripts: Loose,
}

#[derive(Deserialize, Default)]
struct Dist {
    #[serde(default)]
    integrity: Loose,
    #[serde(default)]
    attestations: Loose,
    #[serde(default, deserialize_with = "few")]
    signatures: Vec<Signature>,
    #[serde(default, rename = "unpackedSize")]
    unpacked_size: Loose,
}

#[derive(Deserialize)]
struct Signature {
    #[serde(default)]
    keyid: Loose,
    #[serde(default)]
    sig: Loose,
}

impl Packument {
    pub(super) fn package(self, name: &str) -> Package {
        let mut times = self.time.0;
        times.sort_by(|(one, _), (other, _)| one.cmp(other));
        let published = |version: &str| {
            let index = times.binary_search_by(|(one, _)| one.as_str().cmp(version)).ok()?;
            time(times.get(index)?.1.text.as_deref()?)
        };
        let mut versions: Vec<Version> = self
            .versions
            .0
            .into_iter()
            .map(|(version, slim)| Version { published: published(&version), version, ..slim.0 })
            .collect();
        versions.sort_by_cached_key(|one| (Semver::parse(&one.version), one.version.clone()));
        Package {
            name: name.to_owned(),
            latest: self.tags.latest.text,
            versions,
            repository: self.repository.url.or(self.repository.text),
        }
    }
}

impl Manifest {
    /// All but the version itself and its time, which are said elsewhere.
    fn version(self) -> Version {
        // `deprecated: false` and an empty text say that it is not any more.
        let withdrawn = match (self.deprecated.text, self.deprecated.flag) {
            (Some(why), _) => Some(why).filter(|why| !why.is_empty()),
            (None, Some(true)) => Some(String::new()),
            (None, _) => None,
        };
        let license = self.license.text.or(self.license.kind).or(self.license.name);
        let several = || Some(self.licenses.items.join(" OR ")).filter(|text| !text.is_empty());
        let pair = |one: Signature| one.keyid.text.zip(one.sig.text);
        Version {
            version: String::new(),
            integrity: self.dist.integrity.text.and_then(|text| text.parse().ok()),
            published: None,
            withdrawn,
            license: license.or_else(several),
            maintainers: self.maintainers.items,
            repository: self.repository.url.or(self.repository.text),
            has_attestations: Some(self.dist.attestations.is_full),
            signatures: self.dist.signatures.into_iter().filter_map(pair).collect(),
            install_scripts: self.has_install_script.flag == Some(true) || self.scripts.installs,
            unpacked_size: self.dist.unpacked_size.count,
            files: Vec::new(),
        }
    }
}
