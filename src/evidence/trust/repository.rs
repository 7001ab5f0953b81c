//! [`Repository`]: a TUF repository, where to ask for it and what its first answer must be signed with.

use crate::root::Instance;
use pinfold_core::url::Url;

use super::TrustError;

/// A TUF repository of a Sigstore instance.
#[derive(Debug, Clone)]
pub struct Repository {
    /// Whose root it has.
    pub instance: Instance,
    /// Where: metadata directly below, targets in `targets/`.
    pub url: Url,
    /// The TUF root that all else is proved from.
    pub root: Vec<u8>,
}

impl Repository {
    /// The repository of a known instance, at another place if one is given. What it serves is proved from the TUF root
    /// that came with pinfold wherever it is.
    pub fn of(instance: Instance, url: Option<Url>) -> Result<Self, TrustError> {
        let (own, root) = match instance {
            Instance::PublicGood => (PUBLIC_GOOD_URL, PUBLIC_GOOD_ROOT),
            Instance::GitHub => (GITHUB_URL, GITHUB_ROOT),
            Instance::Staging => (STAGING_URL, STAGING_ROOT),
            Instance::Other => return Err(TrustError::NoRepository),
        };
        let url = match url {
            Some(url) => url,
            None => own.parse().map_err(TrustError::Url)?,
        };
        Ok(Self { instance, url, root: root.to_vec() })
    }

    /// The address of a file of the repository.
    pub(super) fn file(&self, path: &str) -> Result<Url, TrustError> {
        format!("{}/{path}", self.url.to_string().trim_end_matches('/')).parse().map_err(TrustError::Url)
    }
}

/// Sigstore's, which has the npm registry's keys as well.
const PUBLIC_GOOD_URL: &str = "https://tuf-repo-cdn.sigstore.dev";
const GITHUB_URL: &str = "https://tuf-repo.github.com";
const STAGING_URL: &str = "https://tuf-repo-cdn.sigstage.dev";

/// Version 16.
const PUBLIC_GOOD_ROOT: &[u8] = include_bytes!("public_good_tuf_root.json");
/// Version 9.
const GITHUB_ROOT: &[u8] = include_bytes!("github_tuf_root.json");
/// Version 15.
const STAGING_ROOT: &[u8] = include_bytes!("staging_tuf_root.json");
