//! Whose signatures the WebAssembly of a pin has to carry, and whether it does.
//!
//! What stands in the tree is judged, as it would be loaded: a file that starts as WebAssembly does, and one that is named
//! so, since runtimes read more than that by the name. A wrong signature, or one by nobody who was named, refuses in every
//! mode but `off`; the mode decides only what it means that there is none.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

use serde_json::{Value, json};

use crate::project::Project;
use crate::report::wasm::{SignedFile, Signer};
use crate::report::{Finding, Level};
use pinfold_core::archive::{ArchiveError, Member, MemberKind};
use pinfold_core::digest::Sha256;
use pinfold_core::fault::{Class, Fault};
use pinfold_core::fs::{self, Dir, FsError};
use pinfold_core::patch::Patches;
use pinfold_core::path::RelPath;
use pinfold_core::pins::{Mode, Pin, Signature};
use pinfold_core::record::{Contents, EntryKind, Signatures, SignedContent, SignedEntry};
use pinfold_wasm::wasmfile;
use pinfold_wasm::{Covered, KeyError, MAX_KEY_FILE, Policy, Proof, PublicKey, Refusal, Threshold};
use pinfold_wasm::{TrustedKeys, prove};

/// What a pin demands.
#[derive(Debug)]
pub enum Demand {
    /// Nothing: it has no table.
    None,
    /// Nobody is to look.
    Off,
    /// These keys.
    Keys {
        /// Whether a file without a signature refuses.
        strict: bool,
        /// Whose signatures count.
        policy: Policy,
        /// What stands for keys, roles and threshold in records.
        digest: Sha256,
    },
}

/// How the signatures came out, where they keep nobody from anything.
#[derive(Debug, Default)]
pub struct Judged {
    /// What the record is to keep.
    pub recorded: Option<Signatures>,
    /// What was proved.
    pub files: Vec<SignedFile>,
    /// What is worth knowing.
    pub findings: Vec<Finding>,
}

/// What a pin demands, with `over` over its mode; the files with the keys are read.
pub fn demand(project: &Project, pin: &Pin, over: Option<Mode>) -> Result<Demand, Fault> {
    let Some(own) = of_files(pin) else { return Ok(Demand::None) };
    let mode = over.unwrap_or(own.mode);
    if mode == Mode::Off || own.files().next().is_none() {
        return Ok(Demand::Off);
    }
    let read = |paths: &[RelPath]| -> Result<Vec<PublicKey>, Fault> {
        let mut keys = Vec::new();
        for path in paths {
            let limit = u64::try_from(MAX_KEY_FILE).unwrap_or(u64::MAX);
            let bytes = fs::read(&project.folder().join(path.as_str()), limit)?;
            let read = PublicKey::read(&bytes);
            keys.extend(read.map_err(|source| not_a_key(Path::new(path.as_str()), source))?);
        }
        Ok(keys)
    };
    let mut roles = Vec::new();
    for (role, paths) in &own.roles {
        roles.push((role.clone(), read(paths)?));
    }
    let threshold = own.threshold.map_or(Threshold::Any, Threshold::AtLeast);
    let trusted = TrustedKeys::new(read(&own.keys)?, roles, threshold)?;
    let keys: Vec<Value> = trusted.keys().map(|(key, role)| json!([key.to_string(), role])).collect();
    let digest = Sha256::of(json!(["pinfold/signatures/v1", trusted.threshold(), keys]).to_string().as_bytes());
    Ok(Demand::Keys { strict: mode == Mode::Strict, policy: Policy::whole(trusted), digest })
}

impl Demand {
    /// What a record says, where it answers to what is demanded now; `None` where somebody has to look again.
    pub fn recall(&self, recorded: Option<&Signatures>, to: &RelPath) -> Option<Judged> {
        let mut findings = Vec::new();
        match (self, recorded) {
            // What was proved once is not forgotten because nobody looks today.
            (Self::None, None) | (Self::Off, Some(_)) => {}
            (Self::Keys { strict, digest, .. }, Some(Signatures::Judged { demand, files })) if digest == demand => {
                if files.is_empty() {
                    findings.extend(nothing().findings_at(Level::Warning));
                }
                let without = files.iter().filter(|one| one.proved.is_none());
                findings.extend(without.flat_map(|one| unsigned(&place(to, &one.path))));
                if *strict && !findings.is_empty() {
                    return None;
                }
            }
            _ => return None,
        }
        Some(Judged { recorded: recorded.cloned(), files: Vec::new(), findings })
    }

    /// Judges every WebAssembly file of what stands under `name`, in the words of the destination `to`.
    pub fn judge(&self, parent: &Dir, name: &str, contents: &Contents, to: &RelPath) -> Result<Judged, Fault> {
        let (strict, policy, digest) = match self {
            Self::None => return Ok(Judged::default()),
            Self::Off => return Ok(Judged { recorded: Some(Signatures::Off), ..Judged::default() }),
            Self::Keys { strict, policy, digest } => (*strict, policy, digest),
        };
        let (mut files, mut judged, mut refused) = (Vec::new(), Judged::default(), Vec::new());
        let linked = linked(contents);
        for path in paths(contents) {
            let open = || open(parent, name, path);
            let named = is_named_so(if path.is_empty() { to.as_str() } else { path }) || linked.contains(path);
            if !named && !starts_so(&mut open()?) {
                continue;
            }
            let place = place(to, path);
            let proved = match prove(policy, open()?, None) {
                Ok(proof) => {
                    judged.files.push(signed(place, &proof));
                    Some(content(&proof))
                }
                // To its end: a signature where none belongs is not the same as none.
                Err(Refusal::Missing) if !strict => match wasmfile::inspect(open()?, None) {
                    Ok(_) => {
                        judged.findings.extend(unsigned(&place));
                        None
                    }
                    Err(error) => {
                        refused.push(not_signed(&place, Refusal::File(error)));
                        continue;
                    }
                },
                Err(refusal) => {
                    refused.push(not_signed(&place, refusal));
                    continue;
                }
            };
            files.push(SignedEntry { path: path.to_owned(), proved });
        }
        if let Some(fault) = Fault::all(refused) {
            return Err(fault);
        }
        if files.is_empty() {
            if strict {
                return Err(nothing());
            }
            judged.findings.extend(nothing().findings_at(Level::Warning));
        }
        judged.recorded = Some(Signatures::Judged { demand: *digest, files });
        Ok(judged)
    }
}

/// A member of an archive that a patch is for, on its way to it: WebAssembly whose signature is demanded must not be
/// changed, and a changed one would say only that it is not what was signed.
pub(super) fn refuse_patched(
    pin: &Pin,
    patches: &Patches,
    member: Member<'_>,
    next: &mut dyn FnMut(Member<'_>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let demanded = of_files(pin).is_some_and(|one| one.mode != Mode::Off);
    if !demanded || !matches!(member.kind, MemberKind::File { .. }) || !patches.touch(&member.path) {
        return next(member);
    }
    let mut head = Vec::new();
    member.body.take(4).read_to_end(&mut head).map_err(ArchiveError::from)?;
    if head == MAGIC || is_named_so(member.path.as_str()) {
        let message =
            format!("a patch changes `{}`, whose signature the pin demands", member.path.as_str().escape_debug());
        let hint = "take the patch off the pin, or have what it makes signed and pin that";
        return Err(Fault::refused("wasm-patched", message).hint(hint));
    }
    next(Member { body: &mut head.as_slice().chain(member.body), ..member })
}

/// What a pin says of signatures in files, rather than of an artifact in its registry.
fn of_files(pin: &Pin) -> Option<&Signature> {
    pin.signature.as_ref().filter(|one| !one.of_artifact)
}

/// The regular files, below the destination; empty for a destination that is a file.
fn paths(contents: &Contents) -> Vec<&str> {
    match contents {
        Contents::File(_) => vec![""],
        Contents::Folder(entries) => entries
            .iter()
            .filter(|entry| matches!(entry.kind, EntryKind::File(_)))
            .map(|entry| entry.path.as_str())
            .collect(),
    }
}

/// What links that are named as WebAssembly lead to: whoever opens the link goes by its name, not by that of the file.
fn linked(contents: &Contents) -> BTreeSet<String> {
    let Contents::Folder(entries) = contents else { return BTreeSet::new() };
    let links = entries.iter().filter_map(|entry| match &entry.kind {
        EntryKind::Symlink(target) => Some((entry.path.as_str(), target.as_str())),
        _ => None,
    });
    let links: BTreeMap<&str, &str> = links.collect();
    let end = |link: &str| {
        let mut place = link.to_owned();
        // Each link once: what goes round leads nowhere.
        for _ in 0..links.len() {
            let Some(target) = links.get(place.as_str()) else { break };
            place = beside(&place, target);
        }
        place
    };
    links.keys().filter(|link| is_named_so(link)).map(|link| end(link)).collect()
}

/// Where a link leads, below the destination.
fn beside(link: &str, target: &str) -> String {
    let mut words: Vec<&str> = link.split('/').collect();
    words.pop();
    for word in target.split('/') {
        match word {
            "" | "." => {}
            ".." => drop(words.pop()),
            word => words.push(word),
        }
    }
    words.join("/")
}

/// Opens a file below `name`, or `name` itself, following no link.
fn open(parent: &Dir, name: &str, path: &str) -> Result<impl Read + use<>, FsError> {
    let absent = |name: &str| {
        let error = std::io::Error::new(std::io::ErrorKind::NotFound, "it is not there any more");
        FsError { action: "open", path: parent.path().join(name), source: error }
    };
    if path.is_empty() {
        return parent.open_file(name);
    }
    let mut folder = parent.child(name)?.ok_or_else(|| absent(name))?;
    let mut components: Vec<&str> = path.split('/').collect();
    let file = components.pop().unwrap_or_default();
    for component in components {
        folder = folder.child(component)?.ok_or_else(|| absent(path))?;
    }
    folder.open_file(file)
}

fn starts_so(file: &mut impl Read) -> bool {
    let mut magic = [0; MAGIC.len()];
    file.read_exact(&mut magic).is_ok() && magic == *MAGIC
}

/// By its name: what is in such a file may still be text, which some runtimes assemble when they load it.
fn is_named_so(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, ending)| ending.eq_ignore_ascii_case("wasm"))
}

/// A file as the project sees it.
fn place(to: &RelPath, path: &str) -> String {
    if path.is_empty() { to.to_string() } else { format!("{to}/{path}") }
}

fn unsigned(path: &str) -> Vec<Finding> {
    not_signed(path, Refusal::Missing).findings_at(Level::Warning)
}

/// A file that is not what the keys of its pin signed.
pub fn not_signed(path: &str, refusal: Refusal) -> Fault {
    let hint = match &refusal {
        // A pin's own words decide.
        Refusal::Missing => Some(
            "ask its makers to sign it; `mode = \"lenient\"` in the pin's `signature` takes it with a warning"
                .to_owned(),
        ),
        other => other.hint(),
    };
    let (class, message) = (Class::refused_if(refusal.is_refusal()), format!("`{}`: {refusal}", path.escape_debug()));
    Fault::new(class, refusal.code(), message).at(path).hinting(hint).because(refusal)
}

/// There is no WebAssembly that could be signed.
fn nothing() -> Fault {
    Fault::refused("wasm-none", "the pin demands signatures in WebAssembly, and there is none in its tree")
        .hint("take `[pins.NAME.signature]` off the pin, or look why the files are gone")
}

/// A file that is not the key that was meant.
pub fn not_a_key(path: &Path, source: KeyError) -> Fault {
    Fault::failed(source.code(), format!("`{}`: {source}", path.display())).hinting(source.hint()).because(source)
}

/// A proof, as reports have it.
pub fn signed(path: String, proof: &Proof) -> SignedFile {
    let signers = proof.signers().iter();
    let (covered, covered_parts) = match proof.covered() {
        Covered::Whole => ("whole", proof.parts()),
        Covered::Parts { first } => ("parts", first),
    };
    SignedFile {
        path,
        kind: proof.kind().name(),
        size: proof.size(),
        content: format!("sha256:{}", proof.content().hex()),
        parts: proof.parts(),
        covered,
        covered_parts,
        covered_sections: Vec::new(),
        signers: signers.map(|one| Signer { key: one.key.to_string(), role: one.role.clone() }).collect(),
    }
}

fn content(proof: &Proof) -> SignedContent {
    let signer = |one: &pinfold_wasm::Signer| match &one.role {
        Some(role) => format!("{} as {role}", one.key),
        None => one.key.to_string(),
    };
    SignedContent {
        kind: proof.kind().name().to_owned(),
        content: proof.content().hex(),
        signers: proof.signers().iter().map(signer).collect(),
    }
}

/// What a WebAssembly file starts with.
const MAGIC: &[u8; 4] = b"\0asm";
