//! `pinfold keygen`: a key to sign with, and its public half beside it.

use std::io;
use std::path::{Path, PathBuf};

use crate::report::{Finding, Level, Report, Row, Verdict};
use pinfold_core::fault::Fault;
use pinfold_core::fs::{self, FsError, New};
use pinfold_sign::signer::{KeyKind, Passphrase, SigningKey};

use super::output::{key_exists, refuse_reserved};

/// What `pinfold keygen` was asked for.
#[derive(Debug)]
pub struct Options {
    /// Which kind.
    pub kind: KeyKind,
    /// Where the private half goes; the public half goes beside it, with `.pub` behind its name.
    pub out: PathBuf,
    /// What stands before the private half.
    pub passphrase: Option<Passphrase>,
}

/// Whether both halves have a place, which is said before anybody thinks of a passphrase.
pub fn can_make(out: &Path) -> Result<(), Fault> {
    let public = public_path(out)?;
    for path in [public.as_path(), out] {
        refuse_reserved(path, None)?;
        if !fs::is_absent(path)? {
            return Err(key_exists(path));
        }
    }
    Ok(())
}

/// Makes a key. Nothing that is there is written over; when the private half is at its place, so is the public one.
pub fn run(options: &Options) -> Result<Report, Fault> {
    let public = public_path(&options.out)?;
    let key = SigningKey::generate(options.kind)?;
    let private = key.to_pem(options.passphrase.as_ref())?;
    let files = [
        New { path: &public, bytes: key.public_pem().as_bytes(), mode: 0o644 },
        New { path: &options.out, bytes: private.as_bytes(), mode: 0o600 },
    ];
    fs::write_new(&files).map_err(|error| match error.source.kind() {
        io::ErrorKind::AlreadyExists => key_exists(&error.path),
        _ => error.into(),
    })?;
    let mut findings = Vec::new();
    if options.passphrase.is_none() {
        let message = "the key has no passphrase: whoever can read the file can sign with it";
        findings.push(Finding::new(Level::Note, "key-open", message));
    }
    let (out, public) = (options.out.display(), public.display());
    let message = format!("the public half is in `{public}`; give it to whoever checks what you sign");
    let use_it = format!("pinfold check FILE --attestation FILE.sigstore.json --key {public}");
    findings.push(Finding::new(Level::Note, "key-public-half", message).hint(use_it));
    let row = Row {
        subject: out.to_string(),
        verdict: Verdict::Passed,
        status: "made".to_owned(),
        source: key.id().to_owned(),
        detail: options.kind.name().to_owned(),
        evidence: None,
        audit: None,
        wasm: Vec::new(),
        findings,
    };
    Ok(Report {
        command: "keygen",
        rows: vec![row],
        notes: Vec::new(),
        summary: "1 key made".to_owned(),
        judges: false,
    })
}

/// Where the public half goes.
pub(super) fn public_path(out: &Path) -> Result<PathBuf, FsError> {
    let Some(name) = out.file_name() else {
        let error = io::Error::new(io::ErrorKind::InvalidInput, "it does not name a file");
        return Err(FsError { action: "create", path: out.to_owned(), source: error });
    };
    let mut name = name.to_owned();
    name.push(".pub");
    Ok(out.with_file_name(name))
}
