//! Signing, for every command that signs: [`seal`] makes a Sigstore bundle and proves it as any reader would. A bundle that
//! we would not accept goes nowhere.

mod file;
mod keyless;

use std::path::Path;

use serde_json::Value;
use zeroize::Zeroizing;

use crate::ctx::Ctx;
use crate::report::{Finding, Level};
use crate::secret;
use pinfold_core::fault::Fault;
use pinfold_evidence::attestation::{self, Artifact, Attestation, NamedKey, Trust, Unproved, prove};
use pinfold_evidence::root::{RegistryKeys, TrustRoots};
use pinfold_evidence::statement::{Statement, Subject};
use pinfold_sign::keyless::Session;
use pinfold_sign::signer::{MAX_KEY_LEN, Passphrase, PassphraseError, SigningKey};

pub use keyless::Instances;

/// What signs.
#[derive(Debug)]
pub enum Signing {
    /// A key of one's own.
    Key {
        /// The key.
        key: SigningKey,
        /// What is worth knowing of how it is kept.
        notes: Vec<Finding>,
    },
    /// An identity: a certificate for minutes, and an entry in a log.
    Keyless(Box<Session>),
}

/// What is signed.
#[derive(Debug, Clone, Copy)]
pub enum Payload<'a> {
    /// An in-toto statement.
    Statement(&'a Value),
    /// A file as it is, with no statement about it.
    File(&'a Path),
}

impl Signing {
    /// Reads a key from a file; who else can read it is worth knowing. `passphrase` as in [`SigningKey::from_pem`].
    pub fn by_key(path: &Path, passphrase: Option<&Passphrase>) -> Result<Self, Fault> {
        let (bytes, mode) = secret::read_secret(path, MAX_KEY_LEN)?;
        let bytes = Zeroizing::new(bytes);
        let key = SigningKey::from_pem(&bytes, passphrase);
        let key = key.map_err(|source| {
            let fault = Fault::failed(source.code(), format!("`{}`: {source}", path.display()));
            fault.hinting(source.hint().map(str::to_owned)).because(source)
        })?;
        Ok(Self::Key { key, notes: exposed(path, mode).into_iter().collect() })
    }

    /// What there is to say of it, for the notes of a report.
    pub fn notes(&self) -> &[Finding] {
        match self {
            Self::Key { notes, .. } => notes,
            Self::Keyless(_) => &[],
        }
    }
}

/// Reads a passphrase from a file.
pub fn passphrase(path: &Path) -> Result<Passphrase, Fault> {
    let (bytes, _) = secret::read_secret(path, MAX_PASSPHRASE_FILE_LEN)?;
    passphrase_of(bytes, || format!("`{}`", path.display()))
}

/// Reads a passphrase from a descriptor that whoever started pinfold opened for it.
pub fn passphrase_from_descriptor(number: u32) -> Result<Passphrase, Fault> {
    let bytes = secret::read_descriptor(number, MAX_PASSPHRASE_FILE_LEN)?;
    passphrase_of(bytes, || format!("descriptor {number}"))
}

fn passphrase_of(bytes: Vec<u8>, from: impl FnOnce() -> String) -> Result<Passphrase, Fault> {
    let passphrase = Passphrase::new(Zeroizing::new(bytes));
    passphrase.map_err(|source| no_passphrase(&from(), source))
}

/// What was given as a passphrase is none; `from` is a file, a descriptor, the terminal.
pub fn no_passphrase(from: &str, source: PassphraseError) -> Fault {
    Fault::failed("passphrase-form", format!("{from}: {source}"))
        .hint("one line, with or without a line break at its end")
        .because(source)
}

/// Whether others than its owner can read a key. OpenSSH would not use it; containers and build services mount secrets in
/// that way, and the key is as much worth as before, so that it is said and not refused.
pub(super) fn exposed(path: &Path, mode: u32) -> Option<Finding> {
    (mode & 0o077 != 0).then(|| {
        let message = format!("the key `{}` can be used by others on this machine (mode {mode:04o})", path.display());
        let hint = format!("`chmod 600 {}`", path.display());
        Finding::new(Level::Warning, "key-exposed", message).hint(hint)
    })
}

/// Signs, then proves the bundle as any reader would, against the public half of the key or the root of the identity's
/// instance: every subject, and that the claim is the one that was to be signed. What would not be accepted is an error and
/// goes nowhere.
pub fn seal(ctx: &Ctx<'_>, signing: &Signing, payload: Payload<'_>) -> Result<Value, Fault> {
    match (payload, signing) {
        (Payload::Statement(statement), Signing::Key { key, .. }) => {
            let wanted = provable(statement)?;
            let bundle = key.bundle(statement)?;
            hold(&trusting(key)?, &bundle, &wanted)?;
            Ok(bundle)
        }
        (Payload::Statement(statement), Signing::Keyless(session)) => keyless::statement(ctx, session, statement),
        (Payload::File(path), Signing::Key { key, .. }) => file::by_key(key, path),
        (Payload::File(path), Signing::Keyless(session)) => keyless::file(ctx, session, path),
    }
}

/// Trust in one key and nothing else.
fn trusting(key: &SigningKey) -> Result<Trust, Fault> {
    let named = NamedKey::from_pem(key.public_pem(), None);
    let named = named.map_err(|error| other(&error.to_string()))?;
    let registry_keys = RegistryKeys::embedded().map_err(|error| other(&error.to_string()))?;
    Ok(Trust::new(TrustRoots { roots: Vec::new(), registry_keys }, Some(named)))
}

/// The statement, if each of its subjects can be proved at all. One that cannot be is never signed: what is logged is
/// logged for ever.
fn provable(statement: &Value) -> Result<Statement, Fault> {
    let statement = Statement::parse(statement.to_string().as_bytes()).map_err(|error| other(&error.to_string()))?;
    match statement.subjects.iter().find(|subject| !attestation::is_provable(&subject.digests)) {
        Some(subject) => Err(other(&format!("the subject `{}` has no digest that proves anything", subject.name))),
        None => Ok(statement),
    }
}

/// Reads a bundle back and proves that it says `wanted` of its subjects.
fn hold(trust: &Trust, bundle: &Value, wanted: &Statement) -> Result<(), Fault> {
    let attestation = read_back(bundle)?;
    // The signature is over all of the statement, so that one proof is one of every subject that can be proved at all;
    // thousands of them would take minutes.
    let Some(first) = wanted.subjects.first() else { return Err(other("it has no subject")) };
    if proved(trust, &attestation, first)? == *wanted { Ok(()) } else { Err(other("the statement is another one")) }
}

/// The one bundle that was made, as any reader would read it.
fn read_back(bundle: &Value) -> Result<Attestation, Fault> {
    let read = attestation::read(bundle.to_string().as_bytes()).map_err(|source| {
        Fault::refused(source.code(), format!("what was signed cannot be read back: {source}"))
            .hint(UNWRITTEN)
            .because(source)
    })?;
    <[Attestation; 1]>::try_from(read).map(|[one]| one).map_err(|_| other("it is more than one bundle"))
}

/// What was signed would not be accepted: evidence that is wrong is refused also where it is our own.
fn rejected(unproved: Unproved) -> Fault {
    let fault = match unproved {
        Unproved::Refused(refusal) | Unproved::NotAbout(refusal) => {
            Fault::refused(refusal.code(), format!("what was signed would not be accepted: {refusal}")).because(refusal)
        }
        Unproved::Unverifiable(lack) => {
            Fault::unverifiable(lack.code(), format!("what was signed could not be judged by anybody: {lack}"))
        }
    };
    fault.hint(UNWRITTEN)
}

/// What was proved is not the statement that was to be signed, or a subject of it cannot be.
pub(super) fn other(why: &str) -> Fault {
    Fault::refused("sealed-other", format!("what was signed is not what was to be: {}", why.escape_debug()))
        .hint(UNWRITTEN)
}

const UNWRITTEN: &str = "nothing was written";

/// What an attestation proves of a subject.
fn proved(trust: &Trust, attestation: &Attestation, subject: &Subject) -> Result<Statement, Fault> {
    let artifact = Artifact { digests: subject.digests.clone(), open: None };
    let proof = prove(trust, attestation, &artifact).map_err(rejected)?;
    proof.statement().cloned().ok_or_else(|| other("it proves no statement"))
}

/// Refuses a statement that nobody could read again: where it is signed this is found before that, and where it is not it
/// is found here.
pub fn readable(statement: &Value) -> Result<(), Fault> {
    let read = Statement::parse(format!("{statement}\n").as_bytes());
    read.map(|_| ()).map_err(|error| other(&error.to_string()))
}

/// Longest file with a passphrase, in bytes: more than a passphrase and its line break take, so that what is too long is
/// called by its name.
const MAX_PASSPHRASE_FILE_LEN: u64 = 4096;
