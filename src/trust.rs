//! Where trust roots are kept: those that came with pinfold, and in a folder those that `pinfold trust update` fetched
//! since.
//!
//! ```text
//! FOLDER/github.root    the refreshed root, with the registry's keys where the repository has them
//! FOLDER/github.tuf     the TUF metadata that proved it: the floor below which no later answer may fall
//! ```
//!
//! A refreshed root is used where its newest part is no older than that of the embedded one, which is what pinfold gets
//! when it is itself updated. A file here that cannot be read is an error, and never passed over in silence: the old root
//! in place of the new one would believe keys that were withdrawn.

mod client;
mod error;
mod repository;
mod state;

use std::path::{Path, PathBuf};

use crate::fs;
use crate::root::{Instance, MAX_ROOT_LEN, RegistryKeys, RootError, TrustRoot, TrustRoots};
use state::Kept;

pub use client::{Change, Door, Refreshed};
pub use error::TrustError;
pub use repository::Repository;

/// The roots of trust of this machine.
#[derive(Debug, Clone)]
pub struct Trust {
    folder: Option<PathBuf>,
}

/// A root as it is used.
#[derive(Debug, Clone)]
pub struct RootInUse {
    /// The root.
    pub root: TrustRoot,
    /// The version of the TUF targets that name it, `None` if it came with pinfold.
    pub version: Option<u64>,
}

/// The registry's keys as they are used.
#[derive(Debug, Clone)]
pub struct KeysInUse {
    /// The keys.
    pub keys: RegistryKeys,
    /// The version of the TUF targets that name them, `None` if they came with pinfold.
    pub version: Option<u64>,
}

impl Trust {
    /// The roots kept in this folder, beside those that came with pinfold; nothing is touched yet. Without a folder there
    /// are only the latter, and none can be refreshed.
    pub const fn new(folder: Option<PathBuf>) -> Self {
        Self { folder }
    }

    /// Everything that evidence is proved against unless the user says otherwise: the public-good and the GitHub root,
    /// and the registry's keys.
    pub fn load(&self) -> Result<TrustRoots, TrustError> {
        let public_good = self.kept(Instance::PublicGood)?;
        let roots = vec![
            newer(Instance::PublicGood, public_good.as_ref())?.root,
            newer(Instance::GitHub, self.kept(Instance::GitHub)?.as_ref())?.root,
        ];
        Ok(TrustRoots { roots, registry_keys: newer_keys(public_good.as_ref())?.keys })
    }

    /// The root of a known instance that is in use.
    pub fn root(&self, instance: Instance) -> Result<RootInUse, TrustError> {
        newer(instance, self.kept(instance)?.as_ref())
    }

    /// The registry's keys that are in use.
    pub fn registry_keys(&self) -> Result<KeysInUse, TrustError> {
        newer_keys(self.kept(Instance::PublicGood)?.as_ref())
    }

    /// What `--trusted-root` means: `public-good`, `github` or `staging` for the root of that instance that is in use,
    /// anything else for a file.
    pub fn from_option(&self, text: &str) -> Result<Vec<TrustRoot>, TrustError> {
        if let Some(instance) = Instance::from_name(text) {
            return Ok(vec![self.root(instance)?.root]);
        }
        let bytes = fs::read(Path::new(text), MAX_ROOT_LEN).map_err(TrustError::Fs)?;
        parse(&bytes, text)
    }

    fn kept(&self, instance: Instance) -> Result<Option<Kept>, TrustError> {
        match &self.folder {
            Some(folder) => Kept::read(folder, instance),
            None => Ok(None),
        }
    }
}

/// The kept root, or the embedded one if its newest part is newer: pinfold was updated and the root was not.
fn newer(instance: Instance, kept: Option<&Kept>) -> Result<RootInUse, TrustError> {
    let embedded = TrustRoot::embedded(instance).map_err(embedded_error)?;
    let Some(kept) = kept else { return Ok(RootInUse { root: embedded, version: None }) };
    let roots = parse(kept.trusted_root.as_bytes(), REFRESHED)?;
    let root = client::only_of(instance, roots)?;
    if root.date() < embedded.date() {
        return Ok(RootInUse { root: embedded, version: None });
    }
    Ok(RootInUse { root, version: Some(kept.version) })
}

fn newer_keys(kept: Option<&Kept>) -> Result<KeysInUse, TrustError> {
    let embedded = RegistryKeys::embedded().map_err(RootError::RegistryKeys).map_err(embedded_error)?;
    let Some((text, version)) = kept.and_then(|kept| Some((kept.registry_keys.as_ref()?, kept.version))) else {
        return Ok(KeysInUse { keys: embedded, version: None });
    };
    let keys = RegistryKeys::parse(text.as_bytes()).map_err(TrustError::RegistryKeys)?;
    if keys.newest() < embedded.newest() {
        return Ok(KeysInUse { keys: embedded, version: None });
    }
    Ok(KeysInUse { keys, version: Some(version) })
}

fn parse(json: &[u8], origin: &str) -> Result<Vec<TrustRoot>, TrustError> {
    let origin = origin.to_owned();
    TrustRoot::parse(json, origin.clone()).map_err(|source| TrustError::Root { origin, source })
}

fn embedded_error(source: RootError) -> TrustError {
    TrustError::Root { origin: "embedded".to_owned(), source }
}

/// The origin of a root that `pinfold trust update` fetched.
const REFRESHED: &str = "refreshed";
