//! Signing WebAssembly: into the file, or beside it.

use std::path::{Path, PathBuf};

use super::{detached, done, lock, proved, put_file, put_signature, row, secret_key, unwritable, whole};
use crate::install::signed::not_signed;
use crate::report::Report;
use pinfold_core::fault::Fault;
use pinfold_core::fs;
use pinfold_wasm::wasmfile::EditError;
use pinfold_wasm::{KeyId, Policy, SecretKey, Threshold, TrustedKeys};

/// What `pinfold wasm sign` was asked for.
#[derive(Debug)]
pub struct Sign {
    /// The file.
    pub file: PathBuf,
    /// The keys, which sign one after another.
    pub keys: Vec<PathBuf>,
    /// What their signatures call them.
    pub id: Id,
    /// Where the signature goes, if not into the file; one that is there is signed beside.
    pub detached: Option<PathBuf>,
    /// Where the signed file goes; in place of the file for none.
    pub out: Option<PathBuf>,
}

/// What a signature calls its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Id {
    /// What follows from the key.
    Default,
    /// Nothing.
    None,
    /// This.
    Named(String),
}

impl Id {
    fn of(&self) -> KeyId<'_> {
        match self {
            Self::Default => KeyId::Default,
            Self::None => KeyId::None,
            Self::Named(name) => KeyId::Named(name.as_bytes()),
        }
    }
}

/// Signs, proves what was signed as whoever checks it would, and only then writes it.
pub fn sign(options: &Sign) -> Result<Report, Fault> {
    let (mut keys, mut notes) = (Vec::new(), Vec::new());
    for path in &options.keys {
        let (key, note) = secret_key(path)?;
        keys.push(key);
        notes.extend(note);
    }
    let edited = options.detached.as_ref().or(options.out.as_ref()).unwrap_or(&options.file);
    let _lock = lock(edited)?;
    let file = whole(&options.file)?;
    let edit = |source| unwritable(&options.file, source);
    let (signed, beside) = match &options.detached {
        None => (embedded(file, &keys, &options.id).map_err(edit)?, None),
        Some(path) => {
            let previous = fs::open_if_exists(path)?.is_some().then(|| detached(path)).transpose()?;
            let data = beside(&file, previous, &keys, &options.id).map_err(edit)?;
            (file, Some(data))
        }
    };
    let public = keys.iter().map(SecretKey::public);
    let trusted = TrustedKeys::new(public, [], Threshold::All)?;
    let proof = pinfold_wasm::prove(&Policy::whole(trusted), signed.as_slice(), beside.as_deref());
    let proof = proof.map_err(|refusal| not_signed(&name(&options.file), refusal))?;
    let out = match (&beside, &options.detached) {
        (Some(data), Some(path)) => {
            put_signature(path, data)?;
            path
        }
        _ => {
            let out = options.out.as_ref().unwrap_or(&options.file);
            put_file(out, &signed)?;
            out
        }
    };
    let mut row = row(&options.file, "signed", proof.kind().name(), format!("-> {}", out.display()));
    row.wasm.push(proved(&proof, Vec::new()));
    Ok(done("wasm sign", row, notes, "1 file signed"))
}

fn embedded(mut file: Vec<u8>, keys: &[SecretKey], id: &Id) -> Result<Vec<u8>, EditError> {
    for key in keys {
        file = pinfold_wasm::sign(&file, key, id.of())?;
    }
    Ok(file)
}

fn beside(file: &[u8], mut data: Option<Vec<u8>>, keys: &[SecretKey], id: &Id) -> Result<Vec<u8>, EditError> {
    for key in keys {
        data = Some(pinfold_wasm::sign_detached(file, data.as_deref(), key, id.of())?);
    }
    Ok(data.unwrap_or_default())
}

fn name(path: &Path) -> String {
    path.display().to_string()
}
