//! `pinfold wasm`: keys, signatures in and beside WebAssembly, who signed what, and cuts at delimiters.
//!
//! Files are read a piece at a time where they are only judged, and whole where they are written anew. What is written
//! stands in no other file's place: only WebAssembly over WebAssembly, signatures over signatures, and keys over nothing.

mod edit;
mod inspect;
mod key;
mod sign;
mod verify;

use std::path::Path;

use zeroize::Zeroizing;

use super::output;
use crate::install::signed::{not_a_key, signed};
use crate::report::wasm::SignedFile;
use crate::report::{Finding, Report, Row, Verdict};
use crate::secret;
use pinfold_core::fault::Fault;
use pinfold_core::fs;
use pinfold_wasm::wasmfile::{EditError, SignatureData, WasmError};
use pinfold_wasm::{MAX_FILE_LEN, MAX_KEY_FILE, Proof, PublicKey, SecretKey};

pub use edit::{Change, Edit, edit};
pub use inspect::{Inspected, inspect};
pub use key::{Form, Keygen, export, keygen};
pub use sign::{Id, Sign, sign};
pub use verify::{Verify, verify};

/// All public keys in a file.
pub fn public_keys(path: &Path) -> Result<Vec<PublicKey>, Fault> {
    let bytes = secret::read_secret(path, key_limit())?.0;
    PublicKey::read(&bytes).map_err(|source| not_a_key(path, source))
}

/// The one private key in a file, and whether others can use it.
fn secret_key(path: &Path) -> Result<(SecretKey, Option<Finding>), Fault> {
    let (bytes, mode) = secret::read_secret(path, key_limit())?;
    let bytes = Zeroizing::new(bytes);
    let key = SecretKey::read(&bytes).map_err(|source| not_a_key(path, source))?;
    Ok((key, super::seal::exposed(path, mode)))
}

/// A file that cannot be looked into.
fn unreadable(path: &Path, source: WasmError) -> Fault {
    Fault::failed(source.code(), format!("`{}`: {source}", path.display())).hinting(source.hint()).because(source)
}

/// A file that cannot be written anew in the way that was asked for.
fn unwritable(path: &Path, source: EditError) -> Fault {
    Fault::failed(source.code(), format!("`{}`: {source}", path.display())).hinting(source.hint()).because(source)
}

/// Held from reading a file to writing it anew: of two that sign it at once, the second signs what the first has signed.
fn lock(path: &Path) -> Result<fs::Lock, Fault> {
    Ok(fs::Lock::of_file(path, &fs::Patience::brief())?)
}

/// A whole file, in memory.
fn whole(path: &Path) -> Result<Vec<u8>, Fault> {
    Ok(fs::read(path, MAX_FILE_LEN)?)
}

/// Detached signature data, as it stands in its file.
fn detached(path: &Path) -> Result<Vec<u8>, Fault> {
    Ok(fs::read(path, data_limit())?)
}

/// Writes WebAssembly: over nothing, or over WebAssembly, which keeps its mode.
fn put_file(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    let before = free_for_file(path)?;
    put(path, bytes, before)
}

/// Whether WebAssembly stands at a place, `None` for nothing.
///
/// # Errors
/// Something else does.
fn free_for_file(path: &Path) -> Result<Option<bool>, Fault> {
    match fs::open_if_exists(path)?.map(|mut file| starts_with_magic(&mut file)) {
        Some(false) => Err(in_the_way(path)),
        before => Ok(before),
    }
}

fn in_the_way(path: &Path) -> Fault {
    let message = format!("`{}` is there, and is not what would be written over it", path.display());
    Fault::failed("wasm-in-the-way", message).hint("name another file, or move that one away")
}

/// Writes a detached signature: over nothing, or over another.
fn put_signature(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    let before = fs::read_if_exists(path, data_limit())?;
    put(path, bytes, before.map(|before| SignatureData::parse(&before).is_ok()))
}

/// `before` says whether what stands there is of the same kind, `None` for nothing.
fn put(path: &Path, bytes: &[u8], before: Option<bool>) -> Result<(), Fault> {
    // A link is written through here, so that both places count.
    output::refuse_reserved(path, None)?;
    match before {
        None => fs::write_synced(path, bytes)?,
        Some(true) => {
            output::refuse_reserved(&fs::canonical(path)?, None)?;
            fs::replace(path, bytes)?;
        }
        Some(false) => return Err(in_the_way(path)),
    }
    Ok(())
}

fn starts_with_magic(file: &mut impl std::io::Read) -> bool {
    let mut magic = [0; 4];
    file.read_exact(&mut magic).is_ok() && magic == *b"\0asm"
}

fn key_limit() -> u64 {
    u64::try_from(MAX_KEY_FILE).unwrap_or(u64::MAX)
}

/// One byte more than signature data may have, so that what is too long is told in the words of the format.
fn data_limit() -> u64 {
    u64::try_from(pinfold_wasm::wasmfile::MAX_DATA_LEN).unwrap_or(u64::MAX).saturating_add(1)
}

/// A proof, as reports have it; `sections` are those in what is proved, where that is not the whole.
fn proved(proof: &Proof, sections: Vec<String>) -> SignedFile {
    SignedFile { covered_sections: sections, ..signed(String::new(), proof) }
}

/// The report of something that was made or written.
fn done(command: &'static str, row: Row, notes: Vec<Finding>, summary: &str) -> Report {
    Report { command, rows: vec![row], notes, summary: summary.to_owned(), judges: false }
}

/// The row of something that was made or written.
fn row(subject: &Path, status: &str, source: &str, detail: String) -> Row {
    Row {
        subject: subject.display().to_string(),
        verdict: Verdict::Passed,
        status: status.to_owned(),
        source: source.to_owned(),
        detail,
        evidence: None,
        audit: None,
        wasm: Vec::new(),
        findings: Vec::new(),
    }
}
