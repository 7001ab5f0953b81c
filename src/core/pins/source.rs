//! [`Source`]: who serves the bytes of an artifact.

use std::fmt;

use super::github::GithubAsset;
use super::npm::NpmPackage;
use super::oci::OciLayer;
use super::pypi::PypiFile;
use crate::path::RelPath;
use crate::url::Url;

/// Where an artifact comes from; its `Display` is the identity that records and messages have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// A package of an npm registry: `npm:terser@5.46.2`.
    Npm(NpmPackage),
    /// An asset of a GitHub release: `github:owner/repo@tag#asset`.
    Github(GithubAsset),
    /// A file of a Python index: `pypi:ruff==0.1.0#ruff-0.1.0.tar.gz`.
    Pypi(PypiFile),
    /// A layer of an artifact in a registry: `oci:host/name:tag@sha256:…`.
    Oci(OciLayer),
    /// A URL, mirrors not included: `url:https://example.com/x.tgz`.
    Url(Url),
    /// A file in the project: `file:vendor/x.tgz`.
    File(RelPath),
}

impl Source {
    /// The key of the source in pins.toml: `npm`, `github`, `pypi`, `oci`, `url`, `file`.
    pub const fn key(&self) -> &'static str {
        match self {
            Self::Npm(_) => "npm",
            Self::Github(_) => "github",
            Self::Pypi(_) => "pypi",
            Self::Oci(_) => "oci",
            Self::Url(_) => "url",
            Self::File(_) => "file",
        }
    }

    /// Whether everything is under one folder by convention: npm's `package` as a rule, the name and version of a Python
    /// source archive.
    pub fn has_one_folder(&self) -> bool {
        match self {
            Self::Npm(_) => true,
            Self::Pypi(file) => file.is_sdist(),
            Self::Github(_) | Self::Oci(_) | Self::Url(_) | Self::File(_) => false,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.key())?;
        match self {
            Self::Npm(package) => package.fmt(f),
            Self::Github(asset) => asset.fmt(f),
            Self::Pypi(file) => file.fmt(f),
            Self::Oci(layer) => layer.fmt(f),
            Self::Url(url) => url.fmt(f),
            Self::File(path) => path.fmt(f),
        }
    }
}
