//! `pinfold oci push`: files into a registry as one artifact, with its signature.
//!
//! Blobs first, then the signature and what else is attached, then the manifest under its digest, then the tag: at no time
//! is there an artifact without the signature that it is to have. Everything that the registry took is looked at before
//! it is said to be there. The same files make the same artifact; pushed again, nothing is sent that is there.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::attach::Attachment;
use super::files::is_reserved;
use super::sent::FileBlob;
use super::{is_signed_by, tag_replaced, writing};
use crate::commands::fetch;
use crate::commands::seal::{Payload, Signing, other, seal};
use crate::commands::sign::signer;
use crate::ctx::{Ctx, Step};
use crate::evidence as words;
use crate::install::MAX_ARTIFACT_LEN;
use crate::report::{Finding, Level, Report, Row, Verdict};
use pinfold_core::digest::Integrity;
use pinfold_core::fault::Fault;
use pinfold_core::fs;
use pinfold_core::oci::MAX_DESCRIPTORS;
use pinfold_core::oci::{Reference, digest_text};
use pinfold_core::path::RelPath;
use pinfold_evidence::attestation::{self, Artifact, MAX_DOCUMENT_LEN, NamedKey, Unproved, prove_claim};
use pinfold_evidence::statement::{COSIGN_SIGN, Statement};
use pinfold_oci::registry::{Repository, Shelf as _};
use pinfold_oci::{BUNDLE, Descriptor, EMPTY, EMPTY_BYTES, MANIFEST, TITLE, WASM, WASM_CONFIG, artifact};

/// What is pushed.
#[derive(Debug)]
pub struct Push {
    /// The files, each a layer.
    pub files: Vec<PathBuf>,
    /// Where to; a digest in it is held to.
    pub reference: Reference,
    /// What kind of artifact it is; one file of WebAssembly has a layout of its own where this is not said.
    pub artifact_type: Option<String>,
    /// Who signs.
    pub signing: Option<Signing>,
    /// Bundles about the artifact or one of its files, to attach.
    pub attestations: Vec<PathBuf>,
    /// What nobody signs may go.
    pub allow_unsigned: bool,
}

/// Signs and sends an artifact.
pub fn run(ctx: &Ctx<'_>, push: &Push) -> Result<Report, Fault> {
    if push.signing.is_none() && !push.allow_unsigned {
        let hint = "sign it with `--key FILE` or `--keyless`; `--allow-unsigned` pushes it as it is, and says so";
        return Err(Fault::refused("signature-missing", "nothing says who signs the artifact").hint(hint));
    }
    push.reference.tag().map_or(Ok(()), free)?;
    let made = Made::of(push)?;
    let key = push.signing.as_ref().map(key_of).transpose()?.flatten();
    // What is wrong is said before anything is sent.
    let (mut attachments, mut findings) = attestations(ctx, push, &made, key.as_slice())?;
    let repository = writing(ctx, &push.reference)?;
    let name = push.reference.to_string();
    let mut sent = 0_u64;
    // Whether anything may be sent is known before it is signed: what is logged is logged for ever. It is signed before
    // the files go, which may take longer than a token of identity is good for.
    repository.put_blob(&made.config, &made.config_bytes.as_slice())?;
    let by = match &push.signing {
        Some(signing) => Some(signature(ctx, &repository, signing, &made, key.as_slice(), &mut attachments)?),
        None => None,
    };
    for (file, layer) in made.files.iter().zip(&made.layers) {
        ctx.progress.step(&name, Step::Fetching);
        let is_new = repository.put_blob(layer, file).map_err(|error| file.explain(error))?;
        sent = sent.saturating_add(if is_new { layer.size } else { 0 });
    }
    let subject = made.subject();
    attachments.iter().try_for_each(|one| one.put(&repository, &subject))?;
    let before = publish(&repository, push, &made, &attachments)?;
    if let (Some(before), Some(tag)) = (before, push.reference.tag()) {
        findings.push(tag_replaced(tag, &before));
    }
    ctx.progress.step(&name, Step::Over);
    if by.is_none() {
        findings.insert(0, Finding::new(Level::Warning, "unsigned-allowed", UNSIGNED));
    }
    Ok(report(push, &made, sent, by, findings))
}

fn report(push: &Push, made: &Made, sent: u64, by: Option<String>, findings: Vec<Finding>) -> Report {
    let noun = if made.files.len() == 1 { "file" } else { "files" };
    let all: u64 = made.layers.iter().map(|layer| layer.size).fold(0, u64::saturating_add);
    let mut detail = format!("{} {noun}, {}, {} sent", made.files.len(), fetch::size(all), fetch::size(sent));
    by.iter().for_each(|by| detail.push_str(&format!(", signed by {by}")));
    let row = Row {
        subject: push.reference.to_string(),
        verdict: Verdict::Passed,
        status: if by.is_some() { "pushed" } else { "pushed unsigned" }.to_owned(),
        source: format!("oci:{}", push.reference.at(made.subject().digest)),
        detail,
        evidence: None,
        audit: None,
        wasm: Vec::new(),
        findings,
    };
    let notes = push.signing.as_ref().map(|signing| signing.notes().to_vec()).unwrap_or_default();
    let summary = format!("{} {noun} pushed", made.files.len());
    Report { command: "oci push", rows: vec![row], notes, summary, judges: false }
}

/// The artifact that the files make.
struct Made {
    files: Vec<FileBlob>,
    layers: Vec<Descriptor>,
    config: Descriptor,
    config_bytes: Vec<u8>,
    manifest: Vec<u8>,
}

impl Made {
    fn of(push: &Push) -> Result<Self, Fault> {
        let mut known = BTreeSet::new();
        let (mut files, mut names) = (Vec::new(), Vec::new());
        if push.files.len() > MAX_DESCRIPTORS {
            let message = format!("an artifact has at most {MAX_DESCRIPTORS} files");
            return Err(Fault::failed("push-too-many", message).hint("pack them into one archive"));
        }
        for path in &push.files {
            let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse::<RelPath>().ok());
            // What nobody pulls: see `pull`.
            let name = name.filter(|name| !is_reserved(name));
            let name = name.ok_or_else(|| {
                let shown = path.display().to_string();
                let message = format!("`{}` has no name that can stand in a manifest", shown.escape_debug());
                Fault::failed("push-name", message)
            })?;
            if !known.insert(name.collision_key()) {
                let message = format!("two files are called `{}`", name.to_string().escape_debug());
                let hint = "a file is called by its bare name, whatever folder it lies in";
                return Err(Fault::failed("push-name-twice", message).hint(hint));
            }
            names.push(name);
            files.push(FileBlob::read(path, MAX_ARTIFACT_LEN)?);
        }
        let wasm = match files.as_slice() {
            [one] if push.artifact_type.is_none() => one.wasm().map(|is_component| wasm_config(one, is_component)),
            _ => None,
        };
        let kind = if wasm.is_some() { WASM } else { OCTETS };
        let layer = |(file, name): (&FileBlob, &RelPath)| {
            let mut layer = file.descriptor(kind);
            layer.annotations.insert(TITLE.to_owned(), name.to_string());
            layer
        };
        let layers: Vec<Descriptor> = files.iter().zip(&names).map(layer).collect();
        let artifact_type = wasm.is_none().then(|| push.artifact_type.as_deref().unwrap_or(UNKNOWN));
        let (config_kind, config_bytes) = match wasm {
            Some(config) => (WASM_CONFIG, config.to_string().into_bytes()),
            None => (EMPTY, EMPTY_BYTES.to_vec()),
        };
        let config = Descriptor::of_bytes(config_kind, &config_bytes);
        let manifest = artifact(artifact_type, &config, &layers, None, &[]);
        let made = Self { files, layers, config, config_bytes, manifest };
        let expected = push.reference.digest().map(digest_text);
        let received = digest_text(&made.subject().digest);
        match expected {
            Some(expected) if expected != received => Err(other_digest(expected, received)),
            _ => Ok(made),
        }
    }

    /// What says what the artifact is.
    fn subject(&self) -> Descriptor {
        Descriptor::of_bytes(MANIFEST, &self.manifest)
    }
}

/// The configuration of one file of WebAssembly (CNCF TAG Runtime, "Wasm OCI Artifact layout"). The time is that of
/// nothing: it is demanded, and a real one would make another artifact each time.
fn wasm_config(file: &FileBlob, is_component: bool) -> Value {
    let os = if is_component { "wasip2" } else { "wasip1" };
    json!({ "created": "1970-01-01T00:00:00Z", "architecture": "wasm", "os": os, "layerDigests": [file.digest_text()] })
}

/// The public half of the key that signs.
fn key_of(signing: &Signing) -> Result<Option<NamedKey>, Fault> {
    let Signing::Key { key, .. } = signing else { return Ok(None) };
    let named = NamedKey::from_pem(key.public_pem(), None);
    Ok(Some(named.map_err(|error| other(&error.to_string()))?))
}

/// Reads the bundles that are to be attached: each has to be about the artifact or one of its files, and may not be wrong.
fn attestations(
    ctx: &Ctx<'_>,
    push: &Push,
    made: &Made,
    keys: &[NamedKey],
) -> Result<(Vec<Attachment>, Vec<Finding>), Fault> {
    let (mut attachments, mut findings) = (Vec::new(), Vec::new());
    for path in &push.attestations {
        let bytes = fs::read(path, u64::try_from(MAX_DOCUMENT_LEN).unwrap_or(u64::MAX))?;
        let read = attestation::read(&bytes);
        let shown = path.display();
        let read =
            read.map_err(|source| Fault::refused(source.code(), format!("`{shown}`: {source}")).because(source))?;
        for one in &read {
            let kind = one.value().get("mediaType").and_then(Value::as_str);
            let Some(statement) = one.statement().filter(|_| kind.is_some_and(|kind| kind.starts_with(BUNDLE))) else {
                let hint = "what is attached is a Sigstore bundle with an in-toto statement in it";
                let message = format!("`{shown}` is no bundle with a statement");
                return Err(Fault::refused("push-no-bundle", message).hint(hint));
            };
            if let Some(lack) = about(ctx, made, keys, one).map_err(|source| match source {
                Wrong::Evidence(source) => {
                    let fault = Fault::refused(source.code(), format!("`{shown}`: {source}"));
                    fault.comparing(source.compared()).because(source)
                }
                Wrong::Other(fault) => fault,
            })? {
                findings.push(lack.at(shown.to_string()));
            }
            attachments.push(Attachment { bundle: one.value().clone(), predicate_type: statement.predicate_type });
        }
    }
    Ok((attachments, findings))
}

/// Why a bundle is not attached.
enum Wrong {
    Evidence(attestation::Refusal),
    Other(Fault),
}

/// Holds a bundle to the artifact and to each of its files; what keeps it from being proved is told.
fn about(
    ctx: &Ctx<'_>,
    made: &Made,
    keys: &[NamedKey],
    one: &attestation::Attestation,
) -> Result<Option<Finding>, Wrong> {
    let trust = ctx.trust.proving().map_err(|error| Wrong::Other(error.into()))?;
    let (subject, mut elsewhere) = (made.subject(), None);
    for digest in std::iter::once(&subject).chain(&made.layers).map(|one| &one.digest) {
        let own = Artifact::of(std::slice::from_ref(digest));
        let is_named = one.statement().is_some_and(|statement| {
            statement
                .subjects
                .iter()
                .any(|one| one.digests.iter().any(|(name, hex)| own.digests.get(name) == Some(hex)))
        });
        match prove_claim(trust, keys, one, &own) {
            Ok(_) => return Ok(None),
            Err(Unproved::Refused(refusal)) => return Err(Wrong::Evidence(refusal)),
            // Nobody here knows whoever signed it; what it is about it says itself.
            Err(Unproved::Unverifiable(lack)) if is_named => return Ok(Some(words::lack(&lack, Level::Note))),
            Err(Unproved::Unverifiable(_)) => {}
            Err(Unproved::NotAbout(refusal)) => elsewhere = elsewhere.or(Some(refusal)),
        }
    }
    Err(Wrong::Evidence(elsewhere.unwrap_or_else(|| attestation::Refusal::NotAbout {
        artifact: digest_text(&subject.digest),
        subjects: one.statement().map(|statement| first_of(&statement)).unwrap_or_default(),
    })))
}

/// What a statement is about, as far as its first subject says.
fn first_of(statement: &Statement) -> String {
    let digests = statement.subjects.first().into_iter().flat_map(|one| &one.digests);
    digests.map(|(name, hex)| format!("{name}:{hex}")).next().unwrap_or_default()
}

/// Signs the artifact, unless the key did already; who signs.
fn signature(
    ctx: &Ctx<'_>,
    repository: &Repository<'_>,
    signing: &Signing,
    made: &Made,
    keys: &[NamedKey],
    attachments: &mut Vec<Attachment>,
) -> Result<String, Fault> {
    let digest = made.subject().digest;
    if !keys.is_empty() && is_signed_by(ctx, keys, (&digest, &made.manifest), &repository.attached(&digest)?)? {
        return Ok(signer(signing, &Value::Null));
    }
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "digest": { digest.algorithm().name(): digest.hex() } }],
        "predicateType": COSIGN_SIGN,
        "predicate": {},
    });
    let bundle = seal(ctx, signing, Payload::Statement(&statement))?;
    let by = signer(signing, &bundle);
    attachments.insert(0, Attachment { bundle, predicate_type: COSIGN_SIGN.to_owned() });
    Ok(by)
}

/// Shows the artifact, once everything that belongs to it is there, and looks whether whoever asks would find it; what the
/// tag stood for before, if that was something else.
fn publish(
    repository: &Repository<'_>,
    push: &Push,
    made: &Made,
    attachments: &[Attachment],
) -> Result<Option<Integrity>, Fault> {
    let digest = made.subject().digest;
    repository.hold_attached(&digest, &attachments.iter().map(|one| &one.bundle).collect::<Vec<_>>())?;
    repository.put_manifest(&digest_text(&digest), MANIFEST, &made.manifest, None)?;
    let Some(tag) = push.reference.tag() else { return Ok(None) };
    let before = repository.tagged(tag).filter(|before| *before != digest);
    repository.put_manifest(tag, MANIFEST, &made.manifest, None)?;
    Ok(before)
}

/// The reference names a digest, and the artifact has another.
pub(super) fn other_digest(expected: String, received: String) -> Fault {
    Fault::refused("push-digest", "the reference names the digest of another artifact").compared(expected, received)
}

/// Refuses the tags that stand for what is attached to an artifact: `sha256-HEX`, and cosign's older ones.
pub(super) fn free(tag: &str) -> Result<(), Fault> {
    let is_digest = |name: &str, length: usize| {
        let hex = tag.strip_prefix(name).map(|rest| rest.split_once('.').map_or(rest, |(hex, _)| hex));
        hex.is_some_and(|hex| hex.len() == length && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    match is_digest("sha256-", 64) || is_digest("sha512-", 64) || is_digest("sha512-", 128) {
        true => {
            let message = format!("the tag `{tag}` is one of those that signatures are looked for under");
            let hint = "use another tag: whoever writes there changes what is attached to another artifact";
            Err(Fault::failed("push-tag-reserved", message).hint(hint))
        }
        false => Ok(()),
    }
}

/// What kind of layer a file is of which nothing is known.
const OCTETS: &str = "application/octet-stream";
/// What oras calls an artifact of which nothing is said.
const UNKNOWN: &str = "application/vnd.unknown.artifact.v1";
const UNSIGNED: &str =
    "the artifact carries NO SIGNATURE: nobody vouches for it; it was pushed because of --allow-unsigned";
