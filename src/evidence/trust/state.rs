//! What lies in the folder: [`Kept`], a refreshed root, and [`Metadata`], what proved it.
//!
//! A file is one line, `pinfold-trust/v1 sha256-…`, and JSON with that digest. The digest finds what rotted or was cut
//! off; it does not keep out who may write here, and who may could replace pinfold as well.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::TrustError;
use crate::root::Instance;
use pinfold_core::digest::Sha256;
use pinfold_core::fs;

/// A refreshed root, each text as TUF proved it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kept {
    /// The version of the TUF targets.
    pub(super) version: u64,
    /// The target `trusted_root.json`.
    pub(super) trusted_root: String,
    /// The target with the registry's keys.
    pub(super) registry_keys: Option<String>,
}

/// TUF metadata by name, each text as it was verified.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Metadata(pub(super) BTreeMap<String, String>);

impl Kept {
    /// Where it is kept.
    pub(super) fn path(folder: &Path, instance: Instance) -> PathBuf {
        path(folder, instance, "root")
    }

    /// Reads what is kept for an instance, `None` where nothing is.
    pub(super) fn read(folder: &Path, instance: Instance) -> Result<Option<Self>, TrustError> {
        read(&Self::path(folder, instance))
    }

    pub(super) fn write(&self, folder: &Path, instance: Instance) -> Result<(), TrustError> {
        write(&Self::path(folder, instance), self)
    }
}

impl Metadata {
    /// Reads what is kept for an instance, nothing where nothing is.
    pub(super) fn read(folder: &Path, instance: Instance) -> Result<Self, TrustError> {
        Ok(read(&path(folder, instance, "tuf"))?.unwrap_or_default())
    }

    pub(super) fn write(&self, folder: &Path, instance: Instance) -> Result<(), TrustError> {
        write(&path(folder, instance, "tuf"), self)
    }
}

fn path(folder: &Path, instance: Instance, kind: &str) -> PathBuf {
    folder.join(format!("{instance}.{kind}"))
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, TrustError> {
    let Some(bytes) = fs::read_if_exists(path, MAX_STATE_LEN).map_err(TrustError::Fs)? else { return Ok(None) };
    let corrupt = || TrustError::State { path: path.to_owned(), source: None };
    let end = bytes.iter().position(|byte| *byte == b'\n').ok_or_else(corrupt)?;
    let (header, json) = bytes.split_at_checked(end.saturating_add(1)).ok_or_else(corrupt)?;
    if header != self::header(json).as_bytes() {
        return Err(corrupt());
    }
    serde_json::from_slice(json).map(Some).map_err(|_| corrupt())
}

fn write<T: Serialize>(path: &Path, value: &T) -> Result<(), TrustError> {
    // Maps of texts and numbers always have a JSON form.
    let json = serde_json::to_vec(value).map_err(|_| TrustError::State { path: path.to_owned(), source: None })?;
    let mut bytes = header(&json).into_bytes();
    bytes.extend(json);
    fs::write_synced(path, &bytes).map_err(TrustError::Fs)
}

fn header(json: &[u8]) -> String {
    format!("pinfold-trust/v1 {}\n", Sha256::of(json))
}

/// Longest file, in bytes: twice the limits of all TUF metadata together (`UpdaterConfig`).
const MAX_STATE_LEN: u64 = 64 << 20;
