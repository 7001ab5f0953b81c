//! Signatures over a file as it is.

use std::io::{self, Cursor, Read};
use std::path::Path;

use serde_json::Value;

use super::{read_back, rejected, trusting};
use pinfold_core::digest::{Algorithm, Integrity};
use pinfold_core::fault::Fault;
use pinfold_core::fs::{self, FsError};
use pinfold_evidence::attestation::{Artifact, Trust, prove};
use pinfold_sign::signer::{Message, SigningKey};

/// Signs a file with a key.
pub(super) fn by_key(key: &SigningKey, path: &Path) -> Result<Value, Fault> {
    if key.signs_digests() {
        let digest = digest(path)?;
        let bundle = key.message_bundle(Message::Digest(&digest))?;
        hold(&trusting(key)?, &bundle, &Artifact::of(&[digest]))?;
        return Ok(bundle);
    }
    let bytes = fs::read(path, MAX_WHOLE)?;
    let bundle = key.message_bundle(Message::Whole(&bytes))?;
    let open = || Ok::<Box<dyn Read>, io::Error>(Box::new(Cursor::new(bytes.as_slice())));
    let artifact = Artifact { open: Some(&open), ..Artifact::of(&[Integrity::of(Algorithm::Sha256, &bytes)]) };
    hold(&trusting(key)?, &bundle, &artifact)?;
    Ok(bundle)
}

/// Reads a bundle back and proves that it is about these bytes.
pub(super) fn hold(trust: &Trust, bundle: &Value, artifact: &Artifact<'_>) -> Result<(), Fault> {
    prove(trust, &read_back(bundle)?, artifact).map(drop).map_err(rejected)
}

/// The SHA-256 of a file, which is read once, in pieces: what is signed is what was read.
pub(super) fn digest(path: &Path) -> Result<Integrity, Fault> {
    let digest = Integrity::of_reader(Algorithm::Sha256, fs::open(path)?);
    Ok(digest.map_err(|source| FsError { action: "read", path: path.to_owned(), source })?)
}

/// Longest file that a key signs whole, in bytes: as long as one that is checked.
const MAX_WHOLE: u64 = 64 << 20;
