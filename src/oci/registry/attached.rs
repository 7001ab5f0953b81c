//! What is attached to an artifact: bundles and cosign's older forms, as referrers and under cosign's older tags. All places
//! are looked at, so that none hides another.
//!
//! What a list says of an entry (its kind, its annotations) is not believed: some registries write the configuration's
//! type there. The entry is fetched, and counts if it names the artifact as its subject itself. What is attached and
//! cannot be read, may be a signature of a kind that is not read, or is listed and not there, is told, and keeps nothing else
//! from being found.

use std::collections::BTreeSet;

use serde_json::Value;

use super::attachment_error::AttachmentError;
use super::error::OciError;
use super::{Repository, bare};
use crate::chain::{self as places, ChainError, Received};
use crate::claims::Form;
use crate::link::next_page;
use crate::manifest::{Descriptor, Document, MAX_MANIFEST_LEN, Manifest};
use crate::media_types::{BUNDLE, INDEX, is_type};
use pinfold_core::digest::Integrity;
use pinfold_core::json::{self, Room};
use pinfold_core::oci::digest_text;
use pinfold_core::url::Url;
use pinfold_evidence::attestation::MAX_SIMPLE_SIGNING_LEN;
use pinfold_evidence::attestation::{self, Attestation, ImageSignature, MAX_ATTESTATIONS, MAX_DOCUMENT_LEN};
use pinfold_net::http::BodyLimit;

/// What was found beside an artifact.
#[derive(Debug, Default)]
pub struct Attached {
    /// Signatures and attestations, as received.
    pub attestations: Vec<Attestation>,
    /// What is wrong with the rest: never the network's fault.
    pub broken: Vec<OciError>,
}

impl Attached {
    /// Refuses where one of these documents is not among what was found: what is wrong with what came says more than that
    /// something is missing.
    pub fn hold<'a>(self, place: &str, mut wanted: impl Iterator<Item = &'a Value>) -> Result<(), OciError> {
        if wanted.all(|one| self.attestations.iter().any(|found| found.value() == one)) {
            return Ok(());
        }
        Err(match self.broken.into_iter().next() {
            Some(error) => OciError::NotWhole { place: place.to_owned(), error: Box::new(error) },
            None => OciError::NotStored { place: format!("{place}, with what is attached to it") },
        })
    }
}

/// Most entries of a list of what is attached, all pages together: nightly scans of years.
pub const MAX_REFERRERS: usize = 1000;
/// Most of them that are fetched: those that are said to be bundles first, so that others cannot crowd them out.
pub const MAX_CANDIDATES: usize = 256;
/// Most documents that are read, of all referrers and of all under the older tags.
const MAX_DOCUMENTS: usize = 1000;
/// How much is read of each, in bytes: four of the longest documents, which list what is in an image.
const MAX_LEN: u64 = 64 << 20;

/// What is listed as attached, each once, and what is wrong with one list beside another.
#[derive(Debug, Default)]
pub struct Candidates {
    /// What is listed; nobody has checked that it is attached.
    pub listed: Vec<Descriptor>,
    /// Why one of the lists cannot be read.
    pub broken: Vec<OciError>,
}

impl Candidates {
    /// Each entry once.
    pub(super) fn of(mut listed: Vec<Descriptor>) -> Self {
        let mut known = BTreeSet::new();
        listed.retain(|one| known.insert(one.digest.clone()));
        Self { listed, broken: Vec::new() }
    }
}

/// Where artifacts are: a registry's repository, or a folder.
pub trait Shelf {
    /// The manifest or index under a tag or digest, not held to any digest yet but the one that a server itself tells.
    fn manifest(&self, by: &str, size: Option<u64>) -> Result<Received, OciError>;
    /// The bytes of a descriptor, which are short, held to its digest.
    fn short_blob(&self, blob: &Descriptor, limit: u64) -> Result<Vec<u8>, OciError>;
    /// The manifests that are listed as attached to this one.
    fn candidates(&self, digest: &Integrity) -> Result<Candidates, OciError>;
    /// An error on the way from a digest to bytes, with its place.
    fn chain(&self, by: &str, error: ChainError) -> OciError;

    /// Everything that is attached to the manifest or index of this digest.
    fn attached(&self, digest: &Integrity) -> Result<Attached, OciError> {
        let mut reader = Reader::new(self);
        let Candidates { listed: mut candidates, broken } = self.candidates(digest)?;
        reader.found.broken.extend(broken);
        candidates.sort_by_key(|one| !one.artifact_type.as_deref().is_some_and(|kind| kind.starts_with(BUNDLE)));
        if candidates.len() > MAX_CANDIDATES {
            candidates.truncate(MAX_CANDIDATES);
            reader.found.broken.push(OciError::ManyReferrers { url: digest_text(digest), limit: MAX_CANDIDATES });
        }
        for candidate in &candidates {
            let outcome = reader.referrer(candidate, digest);
            reader.note(outcome)?;
        }
        // Room of its own, so that neither place hides the other.
        reader.left = Left::default();
        let tag = places::referrers_tag(digest);
        for older in [format!("{tag}.sig"), format!("{tag}.att")] {
            let outcome = reader.older(&older);
            reader.note(outcome)?;
        }
        Ok(reader.found)
    }
}

impl Shelf for Repository<'_> {
    fn manifest(&self, by: &str, size: Option<u64>) -> Result<Received, OciError> {
        Repository::manifest(self, by, size)
    }

    fn short_blob(&self, blob: &Descriptor, limit: u64) -> Result<Vec<u8>, OciError> {
        Repository::short_blob(self, blob, limit)
    }

    fn chain(&self, by: &str, error: ChainError) -> OciError {
        Repository::chain(self, by, error)
    }

    /// Both lists: that of the API, and the one under the tag that stands in for it. Whoever attaches something keeps the tag
    /// where the registry does not say that it lists it (`OCI-Subject`), and some of those have a list all the same.
    fn candidates(&self, digest: &Integrity) -> Result<Candidates, OciError> {
        let mut listed = self.referrers(digest)?.unwrap_or_default();
        match self.fallback(digest) {
            Ok(more) => listed.extend(more),
            // Whoever may write there could keep everybody from what the API lists.
            Err(error) if error.is_refusal() && !listed.is_empty() => {
                return Ok(Candidates { broken: vec![error], ..Candidates::of(listed) });
            }
            Err(error) => return Err(error),
        }
        Ok(Candidates::of(listed))
    }
}

impl Repository<'_> {
    /// The list of the API, page by page; `None` where there is no such API.
    fn referrers(&self, digest: &Integrity) -> Result<Option<Vec<Descriptor>>, OciError> {
        let mut url = places::referrers_url(&self.base, digest).map_err(OciError::Address)?;
        let longest = u64::try_from(MAX_MANIFEST_LEN).unwrap_or(u64::MAX);
        let (mut all, mut turned) = (Vec::new(), BTreeSet::new());
        loop {
            let mut memory = super::Memory::default();
            let outcome = match self.get(&url, BodyLimit::AtMost(longest), Some(INDEX), &mut memory) {
                // Who has handed out a page has the API, and what is on the next one is not nothing.
                Err(error) if turned.is_empty() && error.is_unsupported() => return Ok(None),
                came => came?,
            };
            let list = || format!("{}/{}", self.reference.registry(), digest_text(digest));
            if !is_type(outcome.content_type.as_deref(), INDEX) {
                return Err(OciError::Attached { digest: list(), fault: AttachmentError::ReferrersType });
            }
            let document = Document::parse(&memory.0, Some(INDEX));
            let document = document.map_err(|error| self.chain(&list(), ChainError::Manifest(error)))?;
            if let Document::Index(index) = document {
                all.extend(index.manifests);
            }
            if all.len() > MAX_REFERRERS {
                return Err(OciError::ManyReferrers { url: bare(&url), limit: MAX_REFERRERS });
            }
            let Some(link) = &outcome.registry.link else { return Ok(Some(all)) };
            let wrong = |reason: String| OciError::NextPage { url: bare(&url), reason };
            let Some(next) = next_page(link).map_err(|error| wrong(error.to_string()))? else { return Ok(Some(all)) };
            let next = self.next(&url, &next).map_err(wrong)?;
            // A page that leads back to one that was read would be turned for ever.
            if !turned.insert(std::mem::replace(&mut url, next)) || turned.len() > MAX_REFERRERS {
                return Err(OciError::NextPage {
                    url: bare(&url),
                    reason: "the pages go round in a circle".to_owned(),
                });
            }
        }
    }

    /// The list under the tag that stands in for the API.
    fn fallback(&self, digest: &Integrity) -> Result<Vec<Descriptor>, OciError> {
        let tag = places::referrers_tag(digest);
        let (bytes, content_type) = match self.manifest(&tag, None) {
            Err(error) if error.is_absent() => return Ok(Vec::new()),
            came => came?,
        };
        let document = Document::parse(&bytes, content_type.as_deref());
        match document.map_err(|error| self.chain(&tag, ChainError::Manifest(error)))? {
            Document::Index(index) if index.manifests.len() <= MAX_REFERRERS => Ok(index.manifests),
            Document::Index(_) => Err(OciError::ManyReferrers { url: tag, limit: MAX_REFERRERS }),
            Document::Manifest(_) => Err(OciError::Attached { digest: tag, fault: AttachmentError::ReferrersType }),
        }
    }

    /// A next page of the same repository.
    fn next(&self, from: &Url, link: &str) -> Result<Url, String> {
        let next = from.join(link).map_err(|error| error.to_string())?;
        let is_own = next.origin() == self.base.origin() && next.path().starts_with(self.base.path());
        if is_own { Ok(next) } else { Err("it is not in the same repository".to_owned()) }
    }
}

/// Reads what is attached, as long as there is room for more.
struct Reader<'a, S: ?Sized> {
    shelf: &'a S,
    found: Attached,
    room: Room,
    left: Left,
}

/// What may still come.
struct Left {
    documents: usize,
    attestations: usize,
    bytes: u64,
    is_told: bool,
}

impl Default for Left {
    fn default() -> Self {
        Self { documents: MAX_DOCUMENTS, attestations: MAX_ATTESTATIONS, bytes: MAX_LEN, is_told: false }
    }
}

impl<'a, S: Shelf + ?Sized> Reader<'a, S> {
    fn new(shelf: &'a S) -> Self {
        Self { shelf, found: Attached::default(), room: Room::default(), left: Left::default() }
    }

    /// One entry of the list: what is in it, if it is attached to the artifact.
    fn referrer(&mut self, candidate: &Descriptor, to: &Integrity) -> Result<(), OciError> {
        if self.left.is_told {
            return Ok(());
        }
        let by = digest_text(&candidate.digest);
        let came = self.shelf.manifest(&by, Some(candidate.size));
        let (bytes, content_type) = came.map_err(|error| or_absent(candidate, error))?;
        self.left.bytes = self.left.bytes.saturating_sub(length(&bytes));
        let chain = |error| self.shelf.chain(&by, error);
        places::hold(&candidate.digest, Some(candidate.size), &bytes).map_err(chain)?;
        let document = Document::parse(&bytes, content_type.as_deref()).map_err(ChainError::Manifest).map_err(chain)?;
        let is_attached = |subject: Option<&Descriptor>| subject.is_some_and(|subject| subject.digest == *to);
        let manifest = match document {
            Document::Manifest(manifest) if is_attached(manifest.subject.as_ref()) => manifest,
            // Nobody looks for signatures in what it lists.
            Document::Index(index) if is_attached(index.subject.as_deref()) => {
                return Err(OciError::Attached { digest: by, fault: AttachmentError::Kind });
            }
            Document::Manifest(_) | Document::Index(_) => return Ok(()),
        };
        let unread = manifest.unread_claim().map(str::to_owned);
        self.layers(&manifest)?;
        unread.map_or(Ok(()), |kind| Err(OciError::Attached { digest: by, fault: AttachmentError::Unread(kind) }))
    }

    /// What cosign 2 and before put under a tag: whatever is there is meant for a signature or an attestation.
    fn older(&mut self, tag: &str) -> Result<(), OciError> {
        let (bytes, content_type) = match self.shelf.manifest(tag, None) {
            Err(error) if error.is_absent() => return Ok(()),
            came => came?,
        };
        let document = Document::parse(&bytes, content_type.as_deref());
        let document = document.map_err(|error| self.shelf.chain(tag, ChainError::Manifest(error)))?;
        let unread = |kind: &str| {
            Err(OciError::Attached { digest: tag.to_owned(), fault: AttachmentError::Unread(kind.to_owned()) })
        };
        let Document::Manifest(manifest) = document else {
            return Err(OciError::Attached { digest: tag.to_owned(), fault: AttachmentError::Kind });
        };
        self.layers(&manifest)?;
        match manifest.layers.iter().find(|layer| manifest.form_of(layer).is_none()) {
            Some(layer) => unread(&layer.media_type),
            None if manifest.layers.is_empty() => unread(&manifest.artifact_type),
            None => Ok(()),
        }
    }

    /// The layers of a manifest that are read.
    fn layers(&mut self, manifest: &Manifest) -> Result<(), OciError> {
        for layer in &manifest.layers {
            let read = match manifest.form_of(layer) {
                Some(Form::Bundle) => self.bundles(layer),
                Some(Form::SimpleSigning) => self.simple_signing(layer).map(|one| vec![one]),
                Some(Form::Envelope) => self.envelopes(layer),
                None => continue,
            };
            let outcome = read.and_then(|read| self.keep(layer, read));
            self.note(outcome)?;
        }
        Ok(())
    }

    /// The bytes of a layer.
    fn layer(&mut self, layer: &Descriptor, longest: usize) -> Result<Vec<u8>, OciError> {
        let longest = u64::try_from(longest).unwrap_or(u64::MAX);
        // What is too long by itself is nothing that takes the room of others.
        if self.left.is_told || layer.size.min(longest) > self.left.bytes {
            return Err(wrong(layer, AttachmentError::Much));
        }
        self.left.documents = self.left.documents.checked_sub(1).ok_or_else(|| wrong(layer, AttachmentError::Much))?;
        let bytes = self.shelf.short_blob(layer, longest).map_err(|error| or_absent(layer, error))?;
        self.left.bytes = self.left.bytes.saturating_sub(length(&bytes));
        Ok(bytes)
    }

    fn bundles(&mut self, layer: &Descriptor) -> Result<Vec<Attestation>, OciError> {
        let bytes = self.layer(layer, MAX_DOCUMENT_LEN)?;
        let read = attestation::read_within(&bytes, &self.room);
        read.map_err(|error| wrong(layer, AttachmentError::Document(error)))
    }

    fn simple_signing(&mut self, layer: &Descriptor) -> Result<Attestation, OciError> {
        let payload = self.layer(layer, MAX_SIMPLE_SIGNING_LEN)?;
        let notes = Notes::of(layer)?;
        let signature = layer.annotations.get(SIGNATURE).map(String::as_str).unwrap_or_default();
        let Notes { certificate, chain, timestamp, .. } = notes;
        let (payload, log) = (&payload, notes.log.as_ref());
        Ok(Attestation::image_signature(&ImageSignature { payload, signature, certificate, chain, log, timestamp }))
    }

    fn envelopes(&mut self, layer: &Descriptor) -> Result<Vec<Attestation>, OciError> {
        let read = self.bundles(layer)?;
        let notes = Notes::of(layer)?;
        let (Some(certificate), Some(log)) = (notes.certificate, &notes.log) else { return Ok(read) };
        let bundle = |one: Attestation| Attestation::of_envelope(one.value().clone(), certificate, notes.chain, log);
        let bundles: Option<Vec<Attestation>> = read.into_iter().map(bundle).collect();
        bundles.ok_or_else(|| wrong(layer, AttachmentError::Annotations))
    }

    fn keep(&mut self, layer: &Descriptor, read: Vec<Attestation>) -> Result<(), OciError> {
        let left = self.left.attestations.checked_sub(read.len());
        self.left.attestations = left.ok_or_else(|| wrong(layer, AttachmentError::Much))?;
        self.found.attestations.extend(read);
        Ok(())
    }

    /// What is wrong with one of them is kept beside the others; what is the network's fault is everybody's. That there is
    /// no room is said once.
    fn note(&mut self, outcome: Result<(), OciError>) -> Result<(), OciError> {
        match outcome {
            Err(OciError::Attached { fault: AttachmentError::Much, .. }) if self.left.is_told => Ok(()),
            Err(error) if error.is_refusal() => {
                self.left.is_told |= matches!(error, OciError::Attached { fault: AttachmentError::Much, .. });
                self.found.broken.push(error);
                Ok(())
            }
            outcome => outcome,
        }
    }
}

/// What stands around an older signature.
struct Notes<'a> {
    certificate: Option<&'a str>,
    chain: Option<&'a str>,
    timestamp: Option<&'a str>,
    log: Option<Value>,
}

impl<'a> Notes<'a> {
    fn of(layer: &'a Descriptor) -> Result<Self, OciError> {
        let note = |name: &str| layer.annotations.get(name).map(String::as_str).filter(|text| !text.is_empty());
        let log = note(LOG).map(|text| json::parse(text.as_bytes(), MAX_MANIFEST_LEN)).transpose();
        let log = log.map_err(|_| wrong(layer, AttachmentError::Annotations))?;
        Ok(Self { certificate: note(CERTIFICATE), chain: note(CHAIN), timestamp: note(TIMESTAMP), log })
    }
}

fn wrong(layer: &Descriptor, fault: AttachmentError) -> OciError {
    OciError::Attached { digest: digest_text(&layer.digest), fault }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// What a list or a manifest names and is not there may have said anything.
fn or_absent(one: &Descriptor, error: OciError) -> OciError {
    if error.is_absent() { wrong(one, AttachmentError::Absent) } else { error }
}

const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
const CHAIN: &str = "dev.sigstore.cosign/chain";
const LOG: &str = "dev.sigstore.cosign/bundle";
const TIMESTAMP: &str = "dev.sigstore.cosign/rfc3161timestamp";
