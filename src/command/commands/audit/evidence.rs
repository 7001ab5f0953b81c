//! The evidence for a pinned version: from the record and proved again, else asked for.

use super::house::House;
use super::upstream::Upstream;
use super::{Found, Options};
use crate::ctx::Ctx;
use crate::evidence::{EvidenceError, Unasked};
use crate::install::evidence::{self, Demand, Judged};
use crate::install::open_kept;
use crate::project::Project;
use crate::report::audit::{Provenance, ProvenanceFrom, Signature};
use crate::report::{self, Finding, Level, Verdict};
use pinfold_core::digest::{Algorithm, Digests, Integrity};
use pinfold_core::fault::Fault;
use pinfold_core::pins::{Artifact, Pin, Source};
use pinfold_core::record::{Evidence, Kept, KeptAttestation, Record};
use pinfold_core::url::Origin;
use pinfold_evidence::attestation::{self, Artifact as Proving, Attestation, Unproved};

/// What the evidence has to be about.
pub(in crate::commands) struct About<'a> {
    pub(in crate::commands) pin: &'a Pin,
    pub(in crate::commands) artifact: &'a Artifact,
    pub(in crate::commands) demand: &'a Demand<'a>,
    pub(in crate::commands) record: Option<&'a Record>,
    pub(in crate::commands) upstream: &'a Upstream,
}

/// The digest of the pinned bytes under an algorithm: by the pin, the store, or the record's word.
pub(in crate::commands) fn digest_by(
    ctx: &Ctx<'_>,
    project: &Project,
    artifact: &Artifact,
    record: Option<&Record>,
    algorithm: Algorithm,
) -> Result<Option<Integrity>, Fault> {
    evidence::digest_by(ctx, project, artifact, record.and_then(kept_of), algorithm)
}

/// How the evidence for a pin comes out.
pub(in crate::commands) struct Looked {
    pub(in crate::commands) provenance: Provenance,
    /// Where it was found.
    pub(in crate::commands) from: ProvenanceFrom,
    /// What it proves.
    pub(in crate::commands) proof: Option<Box<report::Evidence>>,
    /// The server that had none, where there is none.
    pub(in crate::commands) silent: Option<Origin>,
}

/// Proves what the record has, and asks for what it lacks.
pub(in crate::commands) fn look(
    ctx: &Ctx<'_>,
    project: &Project,
    about: About<'_>,
    house: &House,
    options: &Options,
    found: &mut Found,
) -> Result<Looked, Fault> {
    let judge = |evidence: Evidence| -> Result<(Evidence, Result<Judged, Fault>), Fault> {
        let blob = match &evidence {
            Evidence::Kept(kept) if evidence::is_of_bytes(about.artifact, kept) => {
                open_kept(ctx, project, about.artifact)?
            }
            _ => None,
        };
        let judged = evidence::hold(ctx, about.artifact, about.demand, &evidence, blob.as_ref());
        Ok((evidence, judged))
    };
    let kept = about.record.and_then(kept_of).map(without_signatures).filter(|kept| !kept.attestations.is_empty());
    // A file that the pin names may have been changed since, and costs no request.
    let (from, (evidence, judged)) = match kept.filter(|_| about.demand.file.is_none()) {
        Some(kept) if options.offline => (ProvenanceFrom::Record, judge(Evidence::Kept(kept))?),
        Some(kept) => {
            let (evidence, from) = at_source(ctx, project, &about, house, kept, found)?;
            (from, judge(evidence)?)
        }
        None if options.offline && about.demand.file.is_none() => {
            (ProvenanceFrom::Nowhere, judge(of_record(about.record))?)
        }
        None => match ask(ctx, project, &about, house, found)? {
            Some(evidence @ Evidence::Kept(_)) => (ProvenanceFrom::Source, judge(evidence)?),
            Some(evidence) => (ProvenanceFrom::Nowhere, judge(evidence)?),
            None => {
                let (provenance, from) = (Provenance::Unknown, ProvenanceFrom::Nowhere);
                return Ok(Looked { provenance, from, proof: None, silent: None });
            }
        },
    };
    let (provenance, proof) = match judged {
        Ok(Judged { proof, findings, .. }) => {
            let by_claim = found.findings.iter().any(|known| known.code == BY_CLAIM);
            // Whoever can write records could have put good evidence of other bytes there.
            let by_record = findings.iter().any(|finding| finding.code == BY_RECORD);
            let provenance = match &proof {
                Some(_) if by_claim || by_record => Provenance::Claimed,
                Some(_) => Provenance::Proved,
                None => of_findings(&findings),
            };
            // The record, too, has no bytes; whose word it is was told.
            let fresh = findings.into_iter().filter(|finding| !(by_claim && finding.code == BY_RECORD));
            found.count(fresh.collect(), Verdict::Unverifiable);
            (provenance, proof)
        }
        Err(error) => {
            let (findings, verdict) = (error.findings(), error.verdict());
            let provenance = match verdict {
                Verdict::Refused if error.cause() != Some(&EvidenceError::NoProvenance) => Provenance::Refused,
                _ => of_findings(&findings),
            };
            found.count(findings, verdict);
            (provenance, None)
        }
    };
    let silent = match evidence {
        Evidence::None { asked } => asked,
        Evidence::Kept(kept) => kept.none,
        Evidence::Off | Evidence::Unasked => None,
    };
    Ok(Looked { provenance, from, proof, silent: silent.filter(|_| provenance == Provenance::Missing) })
}

/// What a record keeps, held against what its source has: a record lies in the checkout, and whoever changes that writes
/// it. The source's own evidence is judged where there is any.
fn at_source(
    ctx: &Ctx<'_>,
    project: &Project,
    about: &About<'_>,
    house: &House,
    kept: Kept,
    found: &mut Found,
) -> Result<(Evidence, ProvenanceFrom), Fault> {
    let known = known(ctx, project, about)?;
    let own = match evidence::gather(ctx, project, (about.artifact, about.demand), &known, house.hosts())? {
        Ok(Evidence::Kept(own)) => without_signatures(&own),
        Ok(Evidence::None { asked }) => Kept { none: asked, ..Kept::default() },
        Ok(_) => Kept::default(),
        Err(unasked) => {
            let message = format!(
                "the record's evidence could not be compared with its source: {}",
                unasked.finding(Level::Note).message
            );
            found.tell(Finding::new(Level::Note, "evidence-not-compared", message));
            return Ok((Evidence::Kept(kept), ProvenanceFrom::Record));
        }
    };
    let has =
        |all: &Kept, one: &KeptAttestation| all.attestations.iter().any(|other| other.attestation == one.attestation);
    let others: Vec<&KeptAttestation> = kept.attestations.iter().filter(|one| !has(&own, one)).collect();
    if !others.is_empty() {
        let message = "the record has evidence that its source does not have";
        let list = |all: &mut dyn Iterator<Item = &KeptAttestation>| {
            let all: Vec<String> = all.map(told).collect();
            if all.is_empty() { "none".to_owned() } else { all.join("; ") }
        };
        let (at_source, recorded) = (list(&mut own.attestations.iter()), list(&mut others.iter().copied()));
        let finding = Finding::new(Level::Warning, "record-evidence-differs", message).compared(at_source, recorded);
        found.tell(finding.hint("check who changed the record"));
    }
    let is_same = others.is_empty() && own.attestations.iter().all(|one| has(&kept, one));
    if is_same || own.attestations.is_empty() {
        return Ok((Evidence::Kept(Kept { none: own.none, ..kept }), ProvenanceFrom::Record));
    }
    Ok((Evidence::Kept(own), ProvenanceFrom::Source))
}

/// What a document says it is and who signed it, unproved.
fn told(one: &KeptAttestation) -> String {
    let claim = attestation::read(one.attestation.to_string().as_bytes()).ok();
    let claim = claim.and_then(|read| Some(read.first()?.claim()));
    let kind = claim.as_ref().and_then(|claim| claim.statement.as_ref()).map(|one| one.predicate_type.clone());
    let by = claim.and_then(|claim| claim.certificate).map(|certificate| format!(" by {}", certificate.identity));
    format!("{}{}", kind.as_deref().unwrap_or("a signature"), by.unwrap_or_default())
}

/// What findings without a proof mean.
fn of_findings(findings: &[Finding]) -> Provenance {
    let has = |code: &str| findings.iter().any(|finding| finding.code == code);
    match (has(MISSING), has("nobody-named"), has("evidence-offline")) {
        (true, ..) => Provenance::Missing,
        (_, true, _) => Provenance::Unnamed,
        (.., true) => Provenance::Unknown,
        _ => Provenance::Unverifiable,
    }
}

/// The digests of the pinned bytes that their source finds evidence by or publishes, as far as they are known.
fn known(ctx: &Ctx<'_>, project: &Project, about: &About<'_>) -> Result<Digests, Fault> {
    let is_found_by = matches!(about.artifact.source, Source::Github(_)).then_some(Algorithm::Sha256);
    let mut known = Digests::from(about.artifact.integrity.clone());
    for algorithm in about.upstream.integrity.iter().map(Integrity::algorithm).chain(is_found_by) {
        let own = digest_by(ctx, project, about.artifact, about.record, algorithm)?;
        own.into_iter().for_each(|digest| known.add(digest));
    }
    Ok(known)
}

/// Asks for evidence; `None`, and a finding, where that was not possible.
fn ask(
    ctx: &Ctx<'_>,
    project: &Project,
    about: &About<'_>,
    house: &House,
    found: &mut Found,
) -> Result<Option<Evidence>, Fault> {
    let mut known = known(ctx, project, about)?;
    // The digest that upstream publishes finds evidence too; that it is about the pinned bytes is then upstream's word.
    let claimed = about.upstream.integrity.as_ref().filter(|claimed| known.get(claimed.algorithm()).is_none());
    let by_claim = claimed.is_some();
    claimed.cloned().into_iter().for_each(|claimed| known.add(claimed));
    let answer = evidence::gather(ctx, project, (about.artifact, about.demand), &known, house.hosts())?;
    match answer {
        Ok(evidence) => {
            if by_claim && matches!(&evidence, Evidence::Kept(kept) if evidence::is_of_bytes(about.artifact, kept)) {
                let message = "that the evidence is about the pinned bytes is upstream's word: they are not here";
                let hint = format!("run `pinfold fetch {}` first", about.pin.name);
                found.tell(Finding::new(Level::Warning, BY_CLAIM, message).hint(hint));
            }
            Ok(Some(evidence))
        }
        Err(unasked) => {
            let refused = matches!(&unasked, Unasked::Ask(error) if error.is_refusal());
            let finding = unasked.finding(Level::Error);
            // The source has been silent once, and that was told.
            if !found.findings.iter().any(|known| known.code == finding.code && known.level == Level::Error) {
                found.count(vec![finding], if refused { Verdict::Refused } else { Verdict::Failed });
            }
            Ok(None)
        }
    }
}

/// What a registry's signature over the pinned integrity is worth: that of today, offline that of the record. `None` for
/// sources that have none.
pub(in crate::commands) fn signature(
    ctx: &Ctx<'_>,
    project: &Project,
    artifact: &Artifact,
    upstream: &Upstream,
    record: Option<&Record>,
    found: &mut Found,
) -> Result<Option<Signature>, Fault> {
    let Source::Npm(package) = &artifact.source else { return Ok(None) };
    let attestations: Vec<Attestation> = match (&upstream.signatures, &upstream.integrity) {
        (Some(pairs), Some(integrity)) => pairs
            .iter()
            .map(|(keyid, sig)| Attestation::registry_signature(&package.to_string(), integrity, keyid, sig))
            .collect(),
        (Some(_), None) => Vec::new(),
        (None, _) => {
            let Some(kept) = record.and_then(kept_of) else { return Ok(None) };
            let signatures = kept.attestations.iter().filter(|one| is_signature(one));
            signatures
                .flat_map(|one| attestation::read(one.attestation.to_string().as_bytes()).unwrap_or_default())
                .collect()
        }
    };
    let trust = ctx.trust.proving()?;
    let mut digests = Digests::from(artifact.integrity.clone());
    for algorithm in attestations.iter().flat_map(Attestation::algorithms) {
        // Not by a record's word: whoever writes records could put another package's signature there.
        evidence::digest_by(ctx, project, artifact, None, algorithm)?.into_iter().for_each(|one| digests.add(one));
    }
    let about = Proving::of(digests.as_slice());
    let proofs: Vec<_> = attestations.iter().map(|one| attestation::prove(trust, one, &about)).collect();
    let wrong = proofs.iter().find_map(|proof| match proof {
        Err(Unproved::Refused(refusal) | Unproved::NotAbout(refusal)) => Some(refusal),
        _ => None,
    });
    if let Some(refusal) = wrong {
        let mut finding = Finding::new(Level::Error, refusal.code(), format!("the registry's signature: {refusal}"));
        (finding.expected, finding.received) = refusal.compared().unzip();
        found.count(vec![finding], Verdict::Refused);
        return Ok(Some(Signature::Refused));
    }
    if proofs.iter().any(Result::is_ok) {
        return Ok(Some(Signature::Valid));
    }
    Ok(Some(match proofs.is_empty() {
        true => {
            let message = "the registry has no signature over the pinned integrity";
            found.tell(Finding::new(Level::Note, "registry-unsigned", message));
            Signature::Absent
        }
        false => Signature::Unverifiable,
    }))
}

fn kept_of(record: &Record) -> Option<&Kept> {
    match &record.evidence {
        Evidence::Kept(kept) => Some(kept),
        _ => None,
    }
}

/// What a record says where it has nothing to prove; no record says nothing.
fn of_record(record: Option<&Record>) -> Evidence {
    match record.map(|record| &record.evidence) {
        // Signatures alone were all that there was.
        Some(none @ Evidence::None { .. }) => none.clone(),
        Some(Evidence::Kept(kept)) => Evidence::None { asked: kept.none.clone() },
        Some(Evidence::Off | Evidence::Unasked) | None => Evidence::Unasked,
    }
}

fn without_signatures(kept: &Kept) -> Kept {
    let attestations = kept.attestations.iter().filter(|one| !is_signature(one)).cloned().collect();
    Kept { attestations, ..kept.clone() }
}

/// Whether it is a registry's signature, which has a question of its own.
fn is_signature(kept: &KeptAttestation) -> bool {
    kept.attestation.get("registrySignature").is_some()
}

const BY_CLAIM: &str = "evidence-by-claim";
const BY_RECORD: &str = "evidence-by-record";
const MISSING: &str = "provenance-missing";
