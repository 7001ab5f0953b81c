//! `pinfold oci copy`: an artifact from one registry to another, or into a folder and out of it, with everything that is
//! attached to it and no digest changed.
//!
//! It is judged first, as for a pull. Then what it consists of goes, then what is attached, then the artifact itself, then
//! its tag; in the same way for each manifest of an index, and for what is attached to what is attached. A folder is there
//! whole or not at all.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::place::{Origin, Place};
use super::push::{free, other_digest};
use super::target::Target;
use super::{Judged, judged, tag_replaced, writing};
use crate::commands::fetch;
use crate::ctx::{Ctx, Step};
use crate::install::MAX_ARTIFACT_LEN;
use crate::install::signature::read_key;
use crate::report::{Finding, Level, Report, Row, Verdict};
use pinfold_core::digest::{Algorithm, Integrity};
use pinfold_core::fault::Fault;
use pinfold_core::json;
use pinfold_core::oci::{digest_text, parse_digest};
use pinfold_evidence::attestation::Attestation;
use pinfold_evidence::policy::Policy;
use pinfold_oci::chain::{ChainError, Received, hold, referrers_tag};
use pinfold_oci::registry::{Candidates, MAX_REFERRERS, OciError};
use pinfold_oci::{ChoiceError, Descriptor, Document, INDEX, MANIFEST, MAX_MANIFEST_LEN, REF_NAME};

/// What is copied.
#[derive(Debug, Clone)]
pub struct Copy {
    /// The artifact.
    pub from: Place,
    /// Where it goes.
    pub to: Place,
    /// Files with the keys of those who may have signed it: any of them.
    pub keys: Vec<PathBuf>,
    /// Whose certificates are good.
    pub policy: Policy,
    /// What carries no signature may go.
    pub allow_unsigned: bool,
    /// How much goes of what is attached, in bytes.
    pub max_attached: u64,
}

/// Judges an artifact and copies it.
pub fn run(ctx: &Ctx<'_>, copy: &Copy) -> Result<Report, Fault> {
    let keys = copy.keys.iter().map(|key| read_key(key)).collect::<Result<Vec<_>, Fault>>()?;
    copy.to.tag().map_or(Ok(()), free)?;
    let from = Origin::open(ctx, &copy.from)?;
    let (digest, received) = from.resolve()?;
    let received_text = digest_text(&digest);
    if let Some(expected) = copy.to.digest().filter(|expected| *expected != received_text) {
        return Err(other_digest(expected, received_text));
    }
    let attached = from.shelf().attached(&digest)?;
    let judged = judged(ctx, &copy.policy, &keys, (&digest, &received.0), &attached)?;
    let is_signed = judged.verdict == Verdict::Passed;
    let passes = is_signed || (copy.allow_unsigned && judged.is_unsigned);
    if !passes {
        return Ok(refused(copy, judged));
    }
    let name = copy.from.to_string();
    let to = match &copy.to {
        Place::Registry(reference) => Target::registry(ctx, writing(ctx, reference)?)?,
        Place::Layout { folder, .. } => Target::layout(folder)?,
    };
    let (manifests, blobs) = (BTreeSet::new(), BTreeSet::new());
    let (root, attested) = (&digest, attached.attestations.as_slice());
    let attached = Attached { depth: 0, manifests: 0, bytes: 0, limit: copy.max_attached };
    let mut copier = Copier {
        ctx,
        from: &from,
        to,
        name,
        root,
        attested,
        manifests,
        blobs,
        depth: 0,
        bytes: 0,
        attached,
        replaced: None,
    };
    let tag = copy.to.tag().or_else(|| copy.from.tag().filter(|_| matches!(copy.to, Place::Layout { .. })));
    let outcome = copier.all(received, tag);
    ctx.progress.step(&copier.name, Step::Over);
    let Copier { to, manifests, bytes, replaced, .. } = copier;
    to.end(outcome)?;
    let mut report = report(copy, &digest, judged, is_signed, (manifests.len(), bytes));
    if let (Some(before), Some(tag), [row]) = (replaced, copy.to.tag(), report.rows.as_mut_slice()) {
        row.findings.push(tag_replaced(tag, &before));
    }
    Ok(report)
}

fn report(copy: &Copy, digest: &Integrity, judged: Judged, is_signed: bool, sizes: (usize, u64)) -> Report {
    let findings = match is_signed {
        true => judged.findings,
        false => vec![Finding::new(Level::Warning, "unsigned-allowed", UNSIGNED)],
    };
    let noun = if sizes.0 == 1 { "manifest" } else { "manifests" };
    let row = Row {
        subject: copy.from.to_string(),
        verdict: Verdict::Passed,
        status: if is_signed { "copied" } else { "copied unsigned" }.to_owned(),
        source: digest_text(digest),
        detail: format!("{} {noun}, {} -> {}", sizes.0, fetch::size(sizes.1), copy.to),
        evidence: judged.evidence,
        audit: None,
        wasm: Vec::new(),
        findings,
    };
    let summary = "1 artifact copied, with what is attached".to_owned();
    Report { command: "oci copy", rows: vec![row], notes: Vec::new(), summary, judges: true }
}

fn refused(copy: &Copy, judged: Judged) -> Report {
    let row = judged.row_of_refusal(copy.from.to_string(), "copies");
    let summary = "nothing copied".to_owned();
    Report { command: "oci copy", rows: vec![row], notes: Vec::new(), summary, judges: true }
}

/// Goes through an artifact, depth first.
struct Copier<'a> {
    ctx: &'a Ctx<'a>,
    from: &'a Origin<'a>,
    to: Target<'a>,
    name: String,
    /// The artifact, and what was found beside it when it was judged.
    root: &'a Integrity,
    attested: &'a [Attestation],
    /// What is done, or being done: a manifest may be another one's blob.
    manifests: BTreeSet<Integrity>,
    blobs: BTreeSet<Integrity>,
    depth: usize,
    bytes: u64,
    attached: Attached,
    /// What the tag stood for before, if that was something else.
    replaced: Option<Integrity>,
}

/// What is attached. Whoever may push to a repository may attach anything to what is in it, so that it has an end of its own.
struct Attached {
    /// How far what is gone through now is attached to something.
    depth: usize,
    manifests: usize,
    bytes: u64,
    limit: u64,
}

impl Attached {
    /// Counts bytes, as long as they are of something attached.
    fn count(&mut self, digest: &Integrity, bytes: u64) -> Result<(), OciError> {
        if self.depth == 0 {
            return Ok(());
        }
        self.bytes = self.bytes.saturating_add(bytes);
        match self.bytes > self.limit {
            true => Err(OciError::AttachedLen { digest: digest_text(digest), limit: self.limit }),
            false => Ok(()),
        }
    }
}

impl Copier<'_> {
    /// The artifact, its tag last.
    fn all(&mut self, received: Received, tag: Option<&str>) -> Result<(), Fault> {
        let (bytes, kind) = (received.0.clone(), kind_of(&received)?);
        self.manifest(self.root, received, true)?;
        if let Some(tag) = tag {
            self.replaced = self.to.stood(tag).filter(|before| before != self.root);
            self.to.tag(tag, self.root, &kind, &bytes)?;
        }
        self.to.close(self.root, self.attested)
    }

    /// One manifest or index, with all that it consists of and all that is attached to it.
    fn manifest(&mut self, digest: &Integrity, received: Received, is_listed: bool) -> Result<(), Fault> {
        if !self.manifests.insert(digest.clone()) {
            return Ok(());
        }
        let by = digest_text(digest);
        if self.manifests.len().saturating_add(self.blobs.len()) > MAX_MANIFESTS {
            return Err(OciError::ManyReferrers { url: by, limit: MAX_MANIFESTS }.into());
        }
        if self.depth >= MAX_DEPTH {
            return Err(OciError::TooDeep { digest: by, limit: MAX_DEPTH }.into());
        }
        if self.attached.depth > 0 {
            self.attached.manifests = self.attached.manifests.saturating_add(1);
            if self.attached.manifests > MAX_ATTACHED {
                return Err(OciError::ManyReferrers { url: by, limit: MAX_ATTACHED }.into());
            }
        }
        self.attached.count(digest, u64::try_from(received.0.len()).unwrap_or(u64::MAX))?;
        self.depth = self.depth.saturating_add(1);
        let chain = |error| self.from.shelf().chain(&by, error);
        let document = Document::parse(&received.0, received.1.as_deref()).map_err(ChainError::Manifest);
        match document.map_err(chain)? {
            Document::Index(index) => {
                for child in &index.manifests {
                    if let Some(received) = self.ask(child, true)? {
                        self.manifest(&child.digest, received, false)?;
                    }
                }
            }
            Document::Manifest(manifest) => {
                for blob in std::iter::once(&manifest.config).chain(&manifest.layers) {
                    if blob.is_foreign {
                        return Err(self.from.shelf().chain(&by, ChainError::Choice(ChoiceError::Foreign)).into());
                    }
                    self.blob(blob)?;
                }
            }
        }
        self.attached.depth = self.attached.depth.saturating_add(1);
        self.attached(digest)?;
        self.attached.depth = self.attached.depth.saturating_sub(1);
        if digest == self.root {
            self.to.hold(digest, self.attested)?;
        }
        let kind = kind_of(&received)?;
        self.to.manifest(&by, &kind, &received.0, is_listed)?;
        self.depth = self.depth.saturating_sub(1);
        Ok(())
    }

    /// What a descriptor says; `None` where a list of what is attached names what is not there any more.
    fn ask(&self, wanted: &Descriptor, is_needed: bool) -> Result<Option<Received>, Fault> {
        let by = digest_text(&wanted.digest);
        match self.from.shelf().manifest(&by, Some(wanted.size)) {
            Err(error) if error.is_absent() && !is_needed => Ok(None),
            came => {
                let (bytes, content_type) = came?;
                let held = hold(&wanted.digest, Some(wanted.size), &bytes);
                held.map_err(|error| self.from.shelf().chain(&by, error))?;
                Ok(Some((bytes, content_type)))
            }
        }
    }

    fn blob(&mut self, blob: &Descriptor) -> Result<(), Fault> {
        if !self.blobs.insert(blob.digest.clone()) {
            return Ok(());
        }
        if blob.size > MAX_ARTIFACT_LEN {
            return Err(OciError::TooLong { digest: digest_text(&blob.digest), limit: MAX_ARTIFACT_LEN }.into());
        }
        self.attached.count(&blob.digest, blob.size)?;
        self.ctx.progress.step(&self.name, Step::Fetching);
        let from = self.from;
        if self.to.blob((self.ctx, &self.name), blob, |sink| from.blob(blob, sink))? {
            self.bytes = self.bytes.saturating_add(blob.size);
        }
        Ok(())
    }

    /// What names a manifest as its subject, and what cosign put under its older tags.
    fn attached(&mut self, digest: &Integrity) -> Result<(), Fault> {
        let Candidates { listed, broken } = self.from.shelf().candidates(digest)?;
        if let Some(error) = broken.into_iter().next() {
            return Err(error.into());
        }
        for candidate in listed {
            let Some(received) = self.ask(&candidate, false)? else { continue };
            if subject_of(&received.0).as_ref() == Some(digest) {
                self.manifest(&candidate.digest, received, true)?;
            }
        }
        let tag = referrers_tag(digest);
        for older in ["sig", "att", "sbom"].map(|kind| format!("{tag}.{kind}")) {
            let received = match self.from.shelf().manifest(&older, None) {
                Err(error) if error.is_absent() => continue,
                came => came?,
            };
            let own = Integrity::of(Algorithm::Sha256, &received.0);
            let (bytes, kind) = (received.0.clone(), kind_of(&received)?);
            self.to.spare(&older, &bytes)?;
            self.manifest(&own, received, false)?;
            self.to.tag(&older, &own, &kind, &bytes)?;
        }
        Ok(())
    }
}

/// The media type of a document: its own word, else what it was called, else what it looks like.
fn kind_of((bytes, content_type): &Received) -> Result<String, OciError> {
    let object = object(bytes);
    let own = object.get("mediaType").and_then(Value::as_str).map(str::to_owned);
    let looks = if object.contains_key("manifests") { INDEX } else { MANIFEST };
    let called = content_type.as_deref().and_then(|called| called.split(';').next());
    Ok(own.or_else(|| called.map(|called| called.trim().to_owned())).unwrap_or_else(|| looks.to_owned()))
}

/// What a document says it is attached to.
pub(super) fn subject_of(bytes: &[u8]) -> Option<Integrity> {
    parse_digest(object(bytes).get("subject")?.get("digest")?.as_str()?).ok()
}

/// The layers of a manifest, with all that is said of them.
pub(super) fn layers_of(bytes: &[u8]) -> Vec<Value> {
    object(bytes).get("layers").and_then(Value::as_array).cloned().unwrap_or_default()
}

/// What stands in a list for a document.
pub(super) fn entry_of(by: &str, kind: &str, bytes: &[u8], notes: Notes) -> Value {
    let object = object(bytes);
    let mut entry = json!({ "mediaType": kind, "digest": by, "size": bytes.len() });
    if let Some(entry) = entry.as_object_mut() {
        let own = object.get("artifactType").or_else(|| object.get("config")?.get("mediaType")).cloned();
        own.into_iter().for_each(|own| drop(entry.insert("artifactType".to_owned(), own)));
        let own = object.get("annotations").and_then(Value::as_object).filter(|_| notes == Notes::With).cloned();
        own.into_iter().for_each(|mut own| {
            // Other tools copy the list of a registry into a folder, where this one would be a tag.
            own.remove(REF_NAME);
            entry.insert("annotations".to_owned(), own.into());
        });
    }
    entry
}

/// Whether a list has what a manifest says of itself: that of a registry does (distribution specification, "Listing
/// Referrers").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notes {
    With,
    Without,
}

fn object(bytes: &[u8]) -> Map<String, Value> {
    let value = json::parse(bytes, MAX_MANIFEST_LEN).ok();
    value.and_then(|value| value.as_object().cloned()).unwrap_or_default()
}

/// Most manifests and blobs of one artifact, with all that is attached.
const MAX_MANIFESTS: usize = 10_000;
/// Most manifests that are attached, all together: as many as a list has.
const MAX_ATTACHED: usize = MAX_REFERRERS;
/// How often something is attached to what is attached, or an index lies in an index: signatures of attestations of
/// manifests of indexes take 4.
const MAX_DEPTH: usize = 16;
/// How much of what is attached is copied unless somebody says otherwise, in bytes: bills of materials and scans of an image
/// have some megabytes.
pub const MAX_ATTACHED_LEN: u64 = 1 << 30;
const UNSIGNED: &str =
    "the artifact carries NO SIGNATURE: nobody vouches for it; it was copied because of --allow-unsigned";
