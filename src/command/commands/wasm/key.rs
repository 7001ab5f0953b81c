//! Keys that sign WebAssembly: made, and their public halves taken out.

use std::io;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{done, row, secret_key};
use crate::commands::keygen::public_path;
use crate::commands::output::{key_exists, refuse_reserved};
use crate::report::{Finding, Level, Report};
use pinfold_core::fault::Fault;
use pinfold_core::fs::{self, New};
use pinfold_wasm::{PublicKey, SecretKey};

/// What a key looks like in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// PKCS#8 or SubjectPublicKeyInfo in PEM, which other tools read too.
    Pem,
    /// The bytes that wasmsign2 writes.
    Raw,
}

impl Form {
    fn public(self, key: PublicKey) -> Vec<u8> {
        match self {
            Self::Pem => key.to_pem().into_bytes(),
            Self::Raw => key.to_raw(),
        }
    }

    fn secret(self, key: &SecretKey) -> Vec<u8> {
        match self {
            Self::Pem => key.to_pem().into_bytes(),
            Self::Raw => key.to_raw(),
        }
    }
}

/// What `pinfold wasm keygen` was asked for.
#[derive(Debug)]
pub struct Keygen {
    /// Where the private half goes.
    pub out: PathBuf,
    /// Where the public half goes; beside the other with `.pub` behind its name for none.
    pub public: Option<PathBuf>,
    /// What both look like.
    pub form: Form,
}

/// Makes a key, for its owner alone to read. Nothing that is there is written over.
pub fn keygen(options: &Keygen) -> Result<Report, Fault> {
    let public = match &options.public {
        Some(public) => public.clone(),
        None => public_path(&options.out)?,
    };
    let key = SecretKey::generate()?;
    let secret = Zeroizing::new(options.form.secret(&key));
    let open = options.form.public(key.public());
    write_new(&[
        New { path: &public, bytes: &open, mode: 0o644 },
        New { path: &options.out, bytes: &secret, mode: 0o600 },
    ])?;
    let mut made = row(&options.out, "made", &key.public().to_string(), String::new());
    let message = format!("the public half is in `{}`; give it to whoever checks what you sign", public.display());
    let use_it = format!("pinfold wasm verify FILE --key {}", public.display());
    made.findings.push(Finding::new(Level::Note, "key-public-half", message).hint(use_it));
    Ok(done("wasm keygen", made, Vec::new(), "1 key made"))
}

/// The public half of a key: into a file that is new, or for the caller to print.
pub fn export(key: &Path, out: Option<&Path>, form: Form) -> Result<Result<Report, String>, Fault> {
    let (key, _) = secret_key(key)?;
    let Some(out) = out else { return Ok(Err(key.public().to_pem())) };
    write_new(&[New { path: out, bytes: &form.public(key.public()), mode: 0o644 }])?;
    let written = row(out, "written", &key.public().to_string(), String::new());
    Ok(Ok(done("wasm export-public-key", written, Vec::new(), "1 public key written")))
}

fn write_new(files: &[New<'_>]) -> Result<(), Fault> {
    files.iter().try_for_each(|new| refuse_reserved(new.path, None))?;
    fs::write_new(files).map_err(|error| match error.source.kind() {
        io::ErrorKind::AlreadyExists => key_exists(&error.path),
        _ => error.into(),
    })
}
