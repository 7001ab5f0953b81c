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
use std::sync::{Arc, OnceLock};

use crate::attestation::Trust as Proving;
use crate::root::{Instance, MAX_ROOT_LEN, RegistryKeys, RootError, TrustRoot, TrustRoots};
use pinfold_core::fs;
use state::Kept;

pub use client::{Change, Door, Refreshed};
pub use error::TrustError;
pub use repository::Repository;

/// The roots of trust of this machine.
#[derive(Clone, Default)]
pub struct Trust {
    folder: Option<PathBuf>,
    named: Option<String>,
    proving: OnceLock<Arc<Proving>>,
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
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self { folder, ..Self::default() }
    }

    /// The same with the root that `--trusted-root` names in place of those.
    #[must_use]
    pub fn with_root(mut self, option: Option<String>) -> Self {
        self.named = option;
        self
    }

    /// The folder, where there is one.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// All of it ready for proofs; read when it is first asked for, and once.
    pub fn proving(&self) -> Result<&Proving, TrustError> {
        if let Some(ready) = self.proving.get() {
            return Ok(ready);
        }
        let loaded = Arc::new(Proving::new(self.load()?, None));
        Ok(self.proving.get_or_init(|| loaded))
    }

    /// Everything that evidence is proved against unless the user says otherwise: the public-good and the GitHub root,
    /// and the registry's keys.
    pub fn load(&self) -> Result<TrustRoots, TrustError> {
        let roots = match &self.named {
            Some(option) => self.from_option(option)?,
            None => vec![self.root(Instance::PublicGood)?.root, self.root(Instance::GitHub)?.root],
        };
        Ok(TrustRoots { roots, registry_keys: self.registry_keys()?.keys })
    }

    /// The root of a known instance that is in use: the kept one, or the embedded one where its newest part is newer,
    /// because pinfold was updated and the root was not.
    pub fn root(&self, instance: Instance) -> Result<RootInUse, TrustError> {
        let embedded = TrustRoot::embedded(instance).map_err(embedded_error)?;
        if let Some((path, kept)) = self.kept(instance)? {
            let roots = TrustRoot::parse(kept.trusted_root.as_bytes(), REFRESHED.to_owned());
            let roots = roots.map_err(|source| TrustError::State { path, source: Some(source) })?;
            let root = client::only_of(instance, roots)?;
            if root.date() >= embedded.date() {
                return Ok(RootInUse { root, version: Some(kept.version) });
            }
        }
        Ok(RootInUse { root: embedded, version: None })
    }

    /// The registry's keys that are in use, chosen as a root is.
    pub fn registry_keys(&self) -> Result<KeysInUse, TrustError> {
        let embedded = RegistryKeys::embedded().map_err(RootError::RegistryKeys).map_err(embedded_error)?;
        if let Some((path, kept)) = self.kept(Instance::PublicGood)?
            && let Some(text) = kept.registry_keys
        {
            let keys = RegistryKeys::parse(text.as_bytes()).map_err(RootError::RegistryKeys);
            let keys = keys.map_err(|source| TrustError::State { path, source: Some(source) })?;
            if keys.newest() >= embedded.newest() {
                return Ok(KeysInUse { keys, version: Some(kept.version) });
            }
        }
        Ok(KeysInUse { keys: embedded, version: None })
    }

    /// What `--trusted-root` means: `public-good`, `github` or `staging` for the root of that instance that is in use,
    /// anything else for a file.
    pub fn from_option(&self, text: &str) -> Result<Vec<TrustRoot>, TrustError> {
        if let Some(instance) = Instance::from_name(text) {
            return Ok(vec![self.root(instance)?.root]);
        }
        let bytes = fs::read(Path::new(text), MAX_ROOT_LEN).map_err(TrustError::Fs)?;
        TrustRoot::parse(&bytes, text.to_owned()).map_err(|source| TrustError::Root { origin: text.to_owned(), source })
    }

    fn kept(&self, instance: Instance) -> Result<Option<(PathBuf, Kept)>, TrustError> {
        let Some(folder) = &self.folder else { return Ok(None) };
        Ok(Kept::read(folder, instance)?.map(|kept| (Kept::path(folder, instance), kept)))
    }
}

fn embedded_error(source: RootError) -> TrustError {
    TrustError::Root { origin: "embedded".to_owned(), source }
}

/// The origin of a root that `pinfold trust update` fetched.
const REFRESHED: &str = "refreshed";
