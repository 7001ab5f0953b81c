//! What a command writes where the user said: one door for every such file.
//!
//! An output never takes the place of a pin file, a record, a file of a pinned tree, a private key or what it is made from.
//! What holds something of another kind is replaced only with `--force`; an earlier output of the same kind, an empty file
//! and nothing at all may be replaced. A link is replaced, never written through.

use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use serde_json::Value;
use zeroize::Zeroizing;

use crate::project::RECORDS;
use pinfold_core::fault::Fault;
use pinfold_core::fs::{self, FsError};
use pinfold_core::json;
use pinfold_core::path::RelPath;
use pinfold_core::pins::{MAX_FILE_LEN, PinFile, Source};
#[cfg(feature = "evidence")]
use pinfold_evidence::attestation;
#[cfg(feature = "evidence")]
use pinfold_evidence::statement::{SLSA_V1, Statement};

/// What a document is. One of a kind replaces an earlier one of the same kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A signature over a file as it is, in a Sigstore bundle.
    Signature,
    /// An in-toto statement.
    Statement {
        /// Whether it is signed.
        is_signed: bool,
        /// Its predicate type.
        predicate: String,
        /// The build type of SLSA provenance; empty elsewhere.
        build: String,
        /// Whether pinfold stated it itself.
        is_own: bool,
    },
    /// A bill of materials in CycloneDX that pinfold wrote.
    CycloneDx,
    /// A bill of materials in SPDX that pinfold wrote.
    Spdx,
    /// The page of `pinfold report`.
    Page,
    /// A man page of pinfold's.
    ManPage,
    /// Anything else; equal only in its bytes.
    Other,
}

impl Kind {
    /// What a document is, by its content.
    pub fn of(document: &[u8]) -> Self {
        if document.starts_with(PAGE_START) {
            return Self::Page;
        }
        if document.starts_with(MAN_START) {
            return Self::ManPage;
        }
        #[cfg(feature = "evidence")]
        if let Ok(statement) = Statement::parse(document) {
            return Self::of_statement(&statement, false);
        }
        let Ok(value) = json::parse(document, MAX_LEN) else { return Self::Other };
        let at = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        if at("/bomFormat") == "CycloneDX" && at("/metadata/tools/components/0/name") == OWN_NAME {
            return Self::CycloneDx;
        }
        if at("/creationInfo/creators/0").starts_with("Tool: pinfold-") {
            return Self::Spdx;
        }
        #[cfg(feature = "evidence")]
        if let Ok([one]) = attestation::read(document).as_deref() {
            if one.value().get("messageSignature").is_some() {
                return Self::Signature;
            }
            return one.statement().map_or(Self::Other, |statement| Self::of_statement(&statement, true));
        }
        Self::Other
    }

    /// What a statement is.
    #[cfg(feature = "evidence")]
    pub fn of_statement(statement: &Statement, is_signed: bool) -> Self {
        let at = |pointer: &str| statement.predicate.pointer(pointer);
        let build = at("/buildDefinition/buildType").and_then(Value::as_str).unwrap_or_default().to_owned();
        let is_own = at("/buildDefinition/internalParameters/pinfold").is_some();
        Self::Statement { is_signed, predicate: statement.predicate_type.clone(), build, is_own }
    }

    /// What `attest` and `run` state of a build.
    #[cfg(feature = "evidence")]
    pub fn provenance(build_type: &str, is_signed: bool) -> Self {
        Self::Statement { is_signed, predicate: SLSA_V1.to_owned(), build: build_type.to_owned(), is_own: true }
    }

    /// In words, as in "`FILE` holds …".
    pub fn words(&self) -> String {
        match self {
            Self::Signature => "a signature".to_owned(),
            Self::Statement { is_signed, predicate, build, is_own } => {
                let signed = if *is_signed { "a signed" } else { "an unsigned" };
                let build = if build.is_empty() { String::new() } else { format!(" of a build `{build}`") };
                let other = if build.is_empty() || *is_own { "" } else { " by another tool" };
                format!("{signed} statement `{predicate}`{build}{other}")
            }
            Self::CycloneDx => "a CycloneDX bill of materials".to_owned(),
            Self::Spdx => "an SPDX bill of materials".to_owned(),
            Self::Page => "a report page".to_owned(),
            Self::ManPage => "a man page".to_owned(),
            Self::Other => "other content".to_owned(),
        }
    }
}

/// Where a document goes.
#[derive(Debug, Clone, Copy)]
pub struct Destination<'a> {
    /// The file.
    pub path: &'a Path,
    /// Whether it may replace something of another kind (`--force`).
    pub force: bool,
    /// The pin file that the command works with; those in the folders above the output are looked at in any case.
    pub pin_file: Option<&'a Path>,
}

impl Destination<'_> {
    /// Whether a document of this kind can be put there, which is known before anything is signed or logged. `inputs` are
    /// the files that it is made from. What killed writers left beside it is removed.
    ///
    /// # Errors
    /// [`Fault`] for what must not be replaced; [`FsError`] where the folder cannot be written to.
    pub fn check(&self, kind: &Kind, inputs: &[&Path]) -> Result<(), Fault> {
        self.refuse_other(inputs, |found| kind != found || *kind == Kind::Other)?;
        fs::sweep_beside(self.path);
        let (_held, beside) = fs::create_beside(self.path)?;
        Ok(fs::remove(&beside)?)
    }

    /// Puts a document there, whole or not at all. It is synced first: a signature cannot be had again.
    ///
    /// # Errors
    /// As [`Destination::check`].
    pub fn put(&self, document: &[u8]) -> Result<(), Fault> {
        self.check(&Kind::of(document), &[])?;
        Ok(fs::write_synced(self.path, document)?)
    }

    /// As [`Destination::check`] for what has no kind of its own: whether what is there may be replaced or removed.
    ///
    /// # Errors
    /// As [`Destination::check`].
    pub fn check_found(&self, may_go: impl FnOnce(&Kind) -> bool) -> Result<(), Fault> {
        self.refuse_other(&[], |found| !may_go(found))
    }

    fn refuse_other(&self, inputs: &[&Path], differs: impl FnOnce(&Kind) -> bool) -> Result<(), Fault> {
        refuse_reserved(self.path, self.pin_file)?;
        let shown = self.path.display();
        if !fs::is_file_or_absent(self.path)? {
            let fault = Fault::failed("out-not-a-file", format!("`{shown}` is there, and is no file"));
            return Err(fault.hint("name a file, or a path where there is nothing yet"));
        }
        let place = fs::canonical(self.path).ok();
        if place.is_some() && inputs.iter().any(|input| fs::canonical(input).ok() == place) {
            let message = format!("`{shown}` would be replaced by what is made from it");
            return Err(Fault::failed("out-is-input", message).hint(ANOTHER));
        }
        match found(self.path)? {
            Found::Nothing => Ok(()),
            Found::PrivateKey => Err(key_exists(self.path)),
            Found::Document(found) if !self.force && differs(&found) => {
                let message = format!("`{shown}` exists and holds {}", found.words());
                let hint = "name another file, or pass `--force` to replace what is there";
                Err(Fault::failed("statement-over-file", message).hint(hint))
            }
            Found::Document(_) => Ok(()),
        }
    }
}

/// Refuses a place that no output has, whatever is there: a pin file, a record, a pinned tree, git's own folder.
///
/// # Errors
/// [`Fault`] for such a place, and where a pin file in a folder above it cannot be read.
pub fn refuse_reserved(path: &Path, pin_file: Option<&Path>) -> Result<(), Fault> {
    match reserved(path, pin_file)? {
        Some(whose) => {
            let message = format!("`{}` is {whose}, where no output is written", path.display());
            Err(Fault::failed("out-reserved", message).hint(ANOTHER))
        }
        None => Ok(()),
    }
}

/// A key would be written over a file.
pub(super) fn key_exists(path: &Path) -> Fault {
    Fault::failed("key-exists", format!("`{}` is there already", path.display()))
        .hint("name another file, or move that one away: a key that is written over is lost")
}

const ANOTHER: &str = "name another file";

/// The name of a bundle about a file, beside it: as cosign and others call it, and for a plain signature another one where
/// that name has a statement, such as the provenance that `run` and `attest` write.
pub fn bundle_beside(file: &Path, is_signature: bool) -> Result<PathBuf, Fault> {
    let named = |end: &str| {
        let mut name = file.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    };
    let usual = named(BUNDLE);
    // What is no file is told when it is written.
    if !fs::is_file_or_absent(&usual)? {
        return Ok(usual);
    }
    Ok(match found(&usual)? {
        Found::Document(Kind::Statement { .. }) if is_signature => named(SIGNATURE_BUNDLE),
        _ => usual,
    })
}

/// What a bundle is called behind the name of what it is about.
pub const BUNDLE: &str = ".sigstore.json";
/// The same for a plain signature where [`BUNDLE`] is a statement's.
pub const SIGNATURE_BUNDLE: &str = ".sig.sigstore.json";

enum Found {
    Nothing,
    PrivateKey,
    Document(Kind),
}

/// What is at a path, if it is a file at all.
fn found(path: &Path) -> Result<Found, Fault> {
    let Some(file) = fs::open_if_exists(path)? else { return Ok(Found::Nothing) };
    let mut bytes = Zeroizing::new(Vec::new());
    let limit = u64::try_from(MAX_LEN).unwrap_or(u64::MAX);
    let read = file.take(limit.saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(|source| FsError { action: "read", path: path.to_owned(), source })?;
    Ok(match bytes.as_slice() {
        [] => Found::Nothing,
        bytes if bytes.windows(PRIVATE_KEY.len()).any(|window| window == PRIVATE_KEY) => Found::PrivateKey,
        bytes if bytes.len() > MAX_LEN => Found::Document(Kind::Other),
        bytes => Found::Document(Kind::of(bytes)),
    })
}

/// What a place belongs to, where no output goes.
fn reserved(path: &Path, pin_file: Option<&Path>) -> Result<Option<String>, Fault> {
    let Some(path) = resolved(path) else { return Ok(None) };
    for component in path.components() {
        let name = component.as_os_str().to_string_lossy();
        match name.parse::<RelPath>().map(|name| name.collision_key()).as_deref() {
            Ok(".git") => return Ok(Some("git's own".to_owned())),
            Ok(RECORDS) => return Ok(Some("a record of pinfold's".to_owned())),
            _ => {}
        }
    }
    let given = pin_file.and_then(resolved);
    for folder in path.ancestors().skip(1) {
        let usual = folder.join(PINS);
        let given = given.iter().filter(|given| given.parent() == Some(folder) && **given != usual);
        for pins in given.chain([&usual]) {
            if let Some(whose) = reserved_by(pins, folder, &path)? {
                return Ok(Some(whose));
            }
        }
    }
    Ok(None)
}

/// What a place is to a pin file.
fn reserved_by(pins: &Path, folder: &Path, path: &Path) -> Result<Option<String>, Fault> {
    if pins == path {
        return Ok(Some("the pin file".to_owned()));
    }
    let bytes = match fs::read_if_exists(pins, u64::try_from(MAX_FILE_LEN).unwrap_or(u64::MAX)) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Ok(None),
        // The "folder" is a file.
        Err(error) if error.source.kind() == ErrorKind::NotADirectory => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let file =
        PinFile::parse(&String::from_utf8_lossy(&bytes)).map_err(|error| error.in_file(&pins.display().to_string()))?;
    let inner = path.strip_prefix(folder).ok().and_then(Path::to_str).and_then(|inner| inner.parse::<RelPath>().ok());
    let Some(inner) = inner else { return Ok(None) };
    let whose = file.pins().iter().find_map(|pin| {
        let is_source = || pin.artifacts().any(|one| matches!(&one.source, Source::File(file) if *file == inner));
        let is_evidence = || pin.provenance.as_ref().is_some_and(|one| one.attestation.as_ref() == Some(&inner));
        match () {
            () if pin.to.contains(&inner) => Some(format!("in the tree of the pin `{}`", pin.name)),
            () if is_source() => Some(format!("the artifact of the pin `{}`", pin.name)),
            () if is_evidence() => Some(format!("the evidence of the pin `{}`", pin.name)),
            () => None,
        }
    });
    Ok(whose)
}

/// An absolute path whose folders have no links, as far as they are there. The name itself may be a link: it is what is
/// replaced.
fn resolved(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = parent.ancestors().find_map(|above| {
        let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
        let there = fs::canonical(above).ok()?;
        Some(match parent.strip_prefix(above) {
            Ok(rest) => there.join(rest),
            // Of `a/b` nothing is there, and `above` stands for the folder that one is in.
            Err(_) => there.join(parent),
        })
    })?;
    Some(folder.join(name))
}

/// What the pin file is called where no option names another.
const PINS: &str = "pins.toml";
/// How the label of every private key in PEM ends.
const PRIVATE_KEY: &[u8] = b"PRIVATE KEY-----";
/// Longest document that is read to see what it is, in bytes: a bill of materials of 100,000 pins has some 50 MiB.
const MAX_LEN: usize = 64 << 20;
const OWN_NAME: &str = "pinfold";
/// How the page of `pinfold report` starts.
const PAGE_START: &[u8] =
    b"<!doctype html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n<meta name='generator' content='pinfold'>";
/// How a man page starts (roff, as clap_mangen writes it).
const MAN_START: &[u8] = b".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n.TH pinfold";
