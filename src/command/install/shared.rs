//! What a shared store has of a pin, and what is put into it. It is nobody's word: what it has is held to the pin as if it
//! came from upstream, and where it has nothing, or something wrong, upstream is asked.

use std::io::{self, Read};

use super::demand::{Demand, demand};
use super::evidence;
use super::obtain::{MAX_ARTIFACT_LEN, Receiver, digest_of, obtain};
use super::{Conduct, oci, other_size};
use crate::ctx::{Ctx, Step};
use crate::project::Project;
use crate::report::{self, Finding, Level};
use pinfold_core::digest::{Algorithm, Integrity};
use pinfold_core::fault::Fault;
use pinfold_core::pins::{Artifact, Pin, Source};
use pinfold_core::record::{Evidence, Kept, KeptAttestation, MAX_DOCUMENT_LEN};
use pinfold_core::store::VerifiedBlob;
use pinfold_evidence::attestation;
use pinfold_net::http::Content;
use pinfold_oci::registry::OciError;
use pinfold_oci::remote_cache::{Entry, Parcel, PutError, Remote};

/// The pinned bytes, where the store hands them out; what is wrong with it goes to `findings`.
pub(super) fn receive(
    ctx: &Ctx<'_>,
    project: &Project,
    name: &str,
    artifact: &Artifact,
    findings: &mut Vec<Finding>,
) -> Result<Option<VerifiedBlob>, Fault> {
    let Some(remote) = of(ctx, project, artifact) else { return Ok(None) };
    let Some(entry) = entry(&remote, artifact, findings) else { return Ok(None) };
    let longest = artifact.size.unwrap_or(MAX_ARTIFACT_LEN);
    if entry.bytes.size > longest || artifact.size.is_some_and(|size| size != entry.bytes.size) {
        let message = format!("the shared store has {} bytes for it, which are not the pinned ones", entry.bytes.size);
        findings.push(wrong(message));
        return Ok(None);
    }
    // Its SHA-256 is what evidence may be about, and what it is called where it is put.
    let incoming = ctx.store.receive(&artifact.integrity)?.and(Algorithm::Sha256);
    let mut incoming = Receiver::new(ctx, name, incoming);
    let lose = || remote.lose(&artifact.source.to_string(), &artifact.integrity);
    ctx.progress.step(name, Step::Fetching);
    match remote.bytes(&entry, &mut incoming) {
        Ok(true) => {}
        Ok(false) => {
            lose();
            return Ok(None);
        }
        // What cannot be written here cannot be written when it comes from elsewhere either.
        Err(error @ (OciError::Sink(_) | OciError::Disk(_))) => return Err(error.into()),
        Err(error) => {
            lose();
            findings.push(of_error(&error));
            return Ok(None);
        }
    }
    match incoming.finish()? {
        Ok(blob) => {
            ctx.progress.step(name, Step::Fetched);
            Ok(Some(blob))
        }
        Err(mismatch) => {
            lose();
            let told = wrong(format!("the shared store served {} bytes that are not what was pinned", mismatch.size));
            findings.push(told.compared(mismatch.expected.to_string(), mismatch.received.to_string()));
            Ok(None)
        }
    }
}

/// What the store has of evidence about an artifact, not proved yet. Not what a file of the project is demanded to say, and
/// nothing about an artifact whose source keeps none.
pub(super) fn kept(
    ctx: &Ctx<'_>,
    project: &Project,
    artifact: &Artifact,
    demand: &Demand<'_>,
    findings: &mut Vec<Finding>,
) -> Option<Kept> {
    let remote = of(ctx, project, artifact).filter(|_| demand.file.is_none() && demand.has_place)?;
    let entry = entry(&remote, artifact, findings)?;
    match remote.evidence(&entry) {
        Ok(document) => {
            if document.is_none() {
                remote.lose(&artifact.source.to_string(), &artifact.integrity);
            }
            let kept = Kept::from_document(&document?, artifact.source.key());
            let kept = kept.filter(|kept| is_as_received(artifact, kept));
            if kept.is_none() {
                findings.push(wrong("what the shared store has for evidence is none".to_owned()));
            }
            kept
        }
        Err(error) => {
            remote.lose(&artifact.source.to_string(), &artifact.integrity);
            findings.push(of_error(&error));
            None
        }
    }
}

/// Whether a record would have it like this from upstream: each attestation by itself, and the way to the layer where there
/// is one.
fn is_as_received(artifact: &Artifact, kept: &Kept) -> bool {
    let is_one = |one: &KeptAttestation| {
        let read = attestation::read(one.attestation.to_string().as_bytes());
        read.is_ok_and(|read| matches!(read.as_slice(), [only] if *only.value() == one.attestation))
    };
    let is_way = match &artifact.source {
        Source::Oci(layer) => oci::is_way(layer, &kept.manifests),
        _ => kept.manifests.is_empty(),
    };
    is_way && kept.attestations.iter().all(is_one)
}

/// Puts what is proved of a pin into the store, where that is wanted and it is not there yet.
pub(super) fn offer(
    ctx: &Ctx<'_>,
    project: &Project,
    (artifact, demand): (&Artifact, &Demand<'_>),
    (blob, evidence): (&VerifiedBlob, &Evidence),
    findings: &mut Vec<Finding>,
) -> Result<(), Fault> {
    let Some(remote) = of(ctx, project, artifact).filter(Remote::is_written) else { return Ok(()) };
    let is_thorough = false;
    match put(&remote, (artifact, demand), (blob, evidence), is_thorough)? {
        // That is told once, at the end.
        Ok(_) | Err(PutError::GivenUp(_)) => {}
        Err(PutError::Oci(error)) => {
            let message = format!("it could not be put into the shared store: {error}");
            findings.push(Finding::new(Level::Warning, "shared-store-put", message));
        }
    }
    Ok(())
}

/// What was done for an artifact that a store is to have.
#[derive(Debug)]
pub struct Stocked {
    /// Whether it was put there; else it was there.
    pub is_new: bool,
    /// How many bytes it has.
    pub size: u64,
    /// Who made it, where that was proved.
    pub proof: Option<Box<report::Evidence>>,
    /// What is worth knowing.
    pub findings: Vec<Finding>,
}

/// Obtains an artifact and the evidence about it, held to the pin as for an installation, and puts both into a store.
/// The inner error says that the store did not take it.
pub fn stock(
    ctx: &Ctx<'_>,
    project: &Project,
    (pin, artifact): (&Pin, &Artifact),
    remote: &Remote<'_>,
    conduct: Conduct,
) -> Result<Result<Stocked, PutError>, Fault> {
    let demand = demand(project, pin, artifact, conduct.evidence);
    let (blob, mut findings) = obtain(ctx, project, pin, artifact, conduct)?;
    if let Some(expected) = artifact.size.filter(|expected| *expected != blob.len()) {
        return Err(other_size(expected, blob.len()));
    }
    let record = project.record(pin.name.as_str())?;
    let record = record.filter(|record| record.integrity == artifact.integrity);
    let before = record.as_ref().map(|record| &record.evidence);
    let judged = evidence::look(ctx, project, (pin, artifact, &demand), (before, false), &blob, conduct)?;
    findings.extend(judged.findings);
    let put = put(remote, (artifact, &demand), (&blob, &judged.evidence), true)?;
    Ok(put.map(|is_new| Stocked { is_new, size: blob.len(), proof: judged.proof, findings }))
}

/// Puts an artifact into a store unless it is there; whether it was put. Who is thorough looks whether all of it is there,
/// and replaces evidence that is not the same.
fn put(
    remote: &Remote<'_>,
    (artifact, demand): (&Artifact, &Demand<'_>),
    (blob, evidence): (&VerifiedBlob, &Evidence),
    is_thorough: bool,
) -> Result<Result<bool, PutError>, Fault> {
    let source = artifact.source.to_string();
    let evidence = handed_on(artifact, demand, evidence);
    let digest = digest_of(blob, Algorithm::Sha256)?;
    // What is wrong there is put right.
    let there = remote.entry(&source, &artifact.integrity).unwrap_or_default();
    let own = evidence.as_ref().map(|evidence| Integrity::of(Algorithm::Sha256, evidence));
    let is_as_good = |there: &Entry| match (&own, &there.evidence) {
        (None, _) => true,
        (Some(own), Some(theirs)) => theirs.digest == *own || (!there.is_doubted && !is_thorough),
        (Some(_), None) => false,
    };
    let is_whole = |there: &Entry| !there.is_lost && (!is_thorough || remote.has(there));
    if there.is_some_and(|there| there.bytes.digest == digest && is_as_good(&there) && is_whole(&there)) {
        return Ok(Ok(false));
    }
    let parcel = Parcel { bytes: &Bytes(blob), digest, evidence };
    Ok(remote.put(&source, &artifact.integrity, &parcel).map(|()| true))
}

/// What others are told of evidence: what its source handed out and was judged here. What once lay in a file of the project
/// may still stand in the record, and is nobody else's.
fn handed_on(artifact: &Artifact, demand: &Demand<'_>, evidence: &Evidence) -> Option<Vec<u8>> {
    let Evidence::Kept(kept) = evidence else { return None };
    let is_its_sources = kept.attestations.iter().all(|one| one.from == artifact.source.key());
    let is_public = is_its_sources && demand.file.is_none() && !demand.is_off();
    is_public.then(|| kept.to_document()).filter(|document| document.len() <= MAX_DOCUMENT_LEN)
}

/// Bytes that were checked, on their way to a registry.
struct Bytes<'a>(&'a VerifiedBlob);

impl Content for Bytes<'_> {
    fn length(&self) -> u64 {
        self.0.len()
    }

    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(self.0.reader()))
    }
}

/// The shared store for an artifact; none for files of the project.
fn of<'a>(ctx: &Ctx<'a>, project: &Project, artifact: &Artifact) -> Option<Remote<'a>> {
    let (file, world) = (project.pin_file(), (ctx.clock, ctx.timeouts));
    let remote = ctx.shared.open(file.store(), world, ctx.registries, file.trust().hosts.as_deref())?;
    (!matches!(artifact.source, Source::File(_))).then_some(remote)
}

fn entry(remote: &Remote<'_>, artifact: &Artifact, findings: &mut Vec<Finding>) -> Option<Entry> {
    match remote.entry(&artifact.source.to_string(), &artifact.integrity) {
        Ok(entry) => entry,
        Err(error) => {
            findings.push(of_error(&error));
            None
        }
    }
}

/// Upstream is asked for evidence, and better than the store's may take its place.
pub(super) fn doubt(ctx: &Ctx<'_>, project: &Project, artifact: &Artifact) {
    if let Some(remote) = of(ctx, project, artifact) {
        remote.doubt(&artifact.source.to_string(), &artifact.integrity);
    }
}

/// Evidence of the store that keeps nobody from anything, as it is not upstream's.
pub(super) fn unproved(error: &Fault) -> Finding {
    wrong(format!("the evidence that the shared store has for it does not hold: {error}"))
}

fn of_error(error: &OciError) -> Finding {
    let finding = wrong(format!("what the shared store has for it is wrong: {error}"));
    match error.compared() {
        Some((expected, received)) => finding.compared(expected, received),
        None => finding,
    }
}

fn wrong(message: String) -> Finding {
    Finding::new(Level::Warning, "shared-store-entry", message).hint("upstream is asked in its place")
}
