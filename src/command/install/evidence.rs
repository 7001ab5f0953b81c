//! What upstream says of a pin's artifact: asked for where the source keeps it, proved, and held to what the pin demands.
//!
//! Evidence that is wrong refuses in every mode but `off`; the mode decides only what it means that there is none. That a
//! source could not be asked is not that it has none, and evidence that was received once is not asked for again.

use std::io::{self, Read};

use super::Conduct;
use super::ask::{self, With};
pub use super::demand::{Demand, demand};
use super::digests::Known;
pub use super::digests::{digest_by, is_of_bytes, lacks_digest};
use super::obtain::digest_of;
use super::oci::{About, UNREAD};
use super::shared;
use crate::ctx::{Ctx, Step};
use crate::evidence::{self as words, EvidenceError, Silence, Unasked};
use crate::project::Project;
use crate::report::{self, Finding, Level};
use pinfold_core::digest::{Algorithm, Digests, Integrity, Sha256};
use pinfold_core::fault::Fault;
use pinfold_core::pins::{Artifact, Host, Mode, Pin, Source};
use pinfold_core::record::{Evidence, Kept, KeptAttestation};
use pinfold_core::store::VerifiedBlob;
use pinfold_core::url::{Origin, Url};
use pinfold_evidence::attestation::{self, Artifact as Proved, Attestation, Signer, Unproved, VerifiedAttestation};
use pinfold_evidence::policy::{self, Failure, Policy, Verdict};
use pinfold_net::asked::Question;

/// How the evidence of a pin came out, where it keeps nobody from anything.
#[derive(Debug)]
pub struct Judged {
    /// What the record is to keep.
    pub evidence: Evidence,
    /// Who made the artifact, where that was proved and is what the pin demands.
    pub proof: Option<Box<report::Evidence>>,
    /// What is worth knowing.
    pub findings: Vec<Finding>,
    /// The signature of an artifact in a registry, where it carries one that is good.
    pub signature: Option<Box<report::Evidence>>,
}

impl Judged {
    pub(super) const fn new(evidence: Evidence) -> Self {
        Self { evidence, proof: None, findings: Vec::new(), signature: None }
    }
}

/// Looks for the evidence of an artifact whose bytes are here, and judges it. What a record has of the same artifact is
/// not asked for again, unless its source is known to have more.
pub(super) fn look(
    ctx: &Ctx<'_>,
    project: &Project,
    (pin, artifact, demand): (&Pin, &Artifact, &Demand<'_>),
    (before, has_more): (Option<&Evidence>, bool),
    blob: &VerifiedBlob,
    conduct: Conduct,
) -> Result<Judged, Fault> {
    if demand.is_off() {
        let kept = before.filter(|before| matches!(before, Evidence::Kept(_))).cloned();
        return Ok(Judged::new(kept.unwrap_or(Evidence::Off)));
    }
    if let Some(before) = before
        && !has_more
        && !demand.wants_more(before, Conduct { frozen: false, ..conduct })
        && (matches!(before, Evidence::Kept(_)) || conduct.frozen)
    {
        let may_ask = !conduct.offline && !conduct.frozen && demand.has_place && demand.file.is_none();
        match hold(ctx, artifact, demand, before, Some(blob)) {
            // What was not there may be there by now.
            Ok(judged) if may_ask && is_lacking_some(&judged.findings) => {}
            Err(error) if is_of_evidence(&error) && may_have_grown(artifact, conduct) => {
                // Only what is good takes the place of what refuses.
                let anew = ask_anew(ctx, project, (pin, artifact, demand), None, (blob, conduct));
                let is_good = |judged: &Judged| judged.signature.is_some() || judged.proof.is_some();
                return anew.ok().filter(is_good).ok_or(error);
            }
            Err(error) if may_ask && is_absence(&error) => {}
            // What is installed to the byte is recorded to the byte.
            Ok(judged) if conduct.frozen => return Ok(Judged { evidence: before.clone(), ..judged }),
            outcome => return outcome,
        }
    }
    ask_anew(ctx, project, (pin, artifact, demand), before, (blob, conduct))
}

/// Whether a record's evidence leaves something to ask for: see [`Demand::wants_more`]; or it refuses an artifact, and better
/// may have been attached to that since.
pub(super) fn is_lacking(
    ctx: &Ctx<'_>,
    artifact: &Artifact,
    demand: &Demand<'_>,
    evidence: &Evidence,
    conduct: Conduct,
) -> bool {
    let refuses = || hold(ctx, artifact, demand, evidence, None).is_err_and(|error| is_of_evidence(&error));
    demand.wants_more(evidence, conduct) || (may_have_grown(artifact, conduct) && refuses())
}

/// Whether there may be more now: an artifact in a registry is signed again when keys change, and often after it was pinned.
const fn may_have_grown(artifact: &Artifact, conduct: Conduct) -> bool {
    matches!(artifact.source, Source::Oci(_)) && !conduct.offline && !conduct.frozen
}

/// Asks for the evidence of an artifact: a shared store, then upstream.
fn ask_anew(
    ctx: &Ctx<'_>,
    project: &Project,
    (pin, artifact, demand): (&Pin, &Artifact, &Demand<'_>),
    before: Option<&Evidence>,
    (blob, conduct): (&VerifiedBlob, Conduct),
) -> Result<Judged, Fault> {
    ctx.progress.step(pin.name.as_str(), Step::Proving);
    let mut beside = Vec::new();
    let shared = if conduct.offline { None } else { shared::kept(ctx, project, artifact, demand, &mut beside) };
    let shared = shared.map(|kept| judge_shared(ctx, artifact, demand, kept, blob)).transpose();
    let shared = shared.unwrap_or_else(|error| {
        beside.push(shared::unproved(&error));
        None
    });
    let mut judged = match shared {
        Some(judged) if demand.is_met_by(&judged) => judged,
        shared => {
            shared::doubt(ctx, project, artifact);
            ask_upstream(ctx, project, (artifact, demand), (blob, conduct), (before, shared))?
        }
    };
    judged.findings.extend(beside);
    Ok(judged)
}

/// What a shared store has, as if its source had handed it out.
fn judge_shared(
    ctx: &Ctx<'_>,
    artifact: &Artifact,
    demand: &Demand<'_>,
    kept: Kept,
    blob: &VerifiedBlob,
) -> Result<Judged, Fault> {
    judge(ctx, artifact, demand, &kept, Some(blob))
}

/// Asks where the source keeps its evidence. `shared` is what came from a shared store and leaves something open: where
/// upstream cannot be asked it counts if something is demanded, which it has met then. Where nothing is, upstream is asked
/// the next time, as it would be without; what a record has `before` stays until then.
fn ask_upstream(
    ctx: &Ctx<'_>,
    project: &Project,
    (artifact, demand): (&Artifact, &Demand<'_>),
    (blob, conduct): (&VerifiedBlob, Conduct),
    (before, shared): (Option<&Evidence>, Option<Judged>),
) -> Result<Judged, Fault> {
    let hosts = project.pin_file().trust().hosts.as_deref();
    let with = With { offline: conduct.offline, hosts, signatures: true, is_again: false };
    let sha256 = sha256_to_ask(artifact, demand, blob)?;
    match ask::ask(ctx, project, artifact, demand.file, sha256.as_ref(), with)? {
        Err(unasked) => match (shared.filter(|_| demand.is_strict()), before) {
            (Some(mut judged), _) => {
                judged.findings.push(unasked.finding(Level::Warning));
                Ok(judged)
            }
            // What was heard once is still what was heard.
            (None, Some(before @ (Evidence::None { .. } | Evidence::Kept(_)))) if !demand.is_strict() => {
                let mut judged = hold(ctx, artifact, demand, before, Some(blob))?;
                let is_told = !matches!(unasked, Unasked::Offline);
                judged.findings.extend(is_told.then(|| unasked.finding(Level::Warning)));
                Ok(judged)
            }
            (None, _) => demand.unasked(Evidence::Unasked, &unasked),
        },
        Ok(answer) if answer.attestations.is_empty() => {
            let unread = broken(&answer.broken, demand, None)?;
            let mut judged = demand.nothing(Evidence::None { asked: server(ctx, project, artifact, demand) })?;
            judged.findings.extend(unread);
            judged.findings.extend(answer.findings);
            heard(ctx, project, artifact);
            Ok(judged)
        }
        Ok(mut answer) => {
            // Who asks twice may be told the same in another order.
            answer.attestations.sort_by_cached_key(|one| one.attestation.to_string());
            let kept = Kept {
                attestations: answer.attestations,
                manifests: answer.manifests,
                none: server(ctx, project, artifact, demand),
                ..Kept::default()
            };
            let mut judged = judge(ctx, artifact, demand, &kept, Some(blob))?;
            judged.findings.extend(broken(&answer.broken, demand, Some(&judged))?);
            judged.findings.extend(answer.findings);
            if is_lacking_some(&judged.findings) {
                heard(ctx, project, artifact);
            }
            Ok(judged)
        }
    }
}

/// The server that is asked for evidence, for who says later who had none.
pub(super) fn server(ctx: &Ctx<'_>, project: &Project, artifact: &Artifact, demand: &Demand<'_>) -> Option<Origin> {
    let registry = ask::registry(ctx, project, artifact).filter(|_| demand.file.is_none());
    registry.map(|registry| registry.origin().clone())
}

/// Whether an error is one of evidence, rather than of the way to it.
pub(super) fn is_of_evidence(error: &Fault) -> bool {
    error.cause::<EvidenceError>().is_some()
}

/// Whether an error says that there is no evidence, rather than that what there is does not do.
pub(super) fn is_absence(error: &Fault) -> bool {
    error.cause().is_some_and(EvidenceError::is_absent)
}

/// Whether something that is looked for was not there.
pub(super) fn is_lacking_some(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| ["provenance-missing", "signature-missing"].contains(&finding.code.as_str()))
}

/// Remembers that the registry of an artifact said just now that it has no more.
fn heard(ctx: &Ctx<'_>, project: &Project, artifact: &Artifact) {
    if let Some(registry) = ask::registry(ctx, project, artifact) {
        let (server, source) = (registry.to_string(), artifact.source.to_string());
        let integrity = artifact.integrity.to_string();
        ctx.asked.remember(Question { server: &server, source: &source, integrity: &integrity }, ctx.clock.seconds());
    }
}

/// What came of asking again for what was not there.
pub(super) enum Again {
    /// Nobody was asked: it is too soon, or nobody may be.
    NotAsked,
    /// It is still not there. This is what a record keeps.
    Nothing(Evidence),
    /// It could not be asked for.
    Unasked(Finding),
    /// There is more now.
    More,
}

/// Asks again for what a record says was not there: each server once in [`ASK_AGAIN`](pinfold_net::asked::ASK_AGAIN), and each time
/// where it is demanded. One that this user has not asked lately is asked at once, whoever the record says had none. What the answer is worth is not looked
/// at here.
pub(super) fn ask_again(
    ctx: &Ctx<'_>,
    project: &Project,
    (artifact, demand): (&Artifact, &Demand<'_>),
    evidence: &Evidence,
    conduct: Conduct,
) -> Result<Again, Fault> {
    let known = match evidence {
        Evidence::None { .. } => &[][..],
        Evidence::Kept(kept) => kept.attestations.as_slice(),
        Evidence::Off | Evidence::Unasked => return Ok(Again::NotAsked),
    };
    let registry = ask::registry(ctx, project, artifact);
    let may_ask = !conduct.offline && !conduct.frozen && !demand.is_off() && demand.file.is_none();
    let Some(registry) = registry.filter(|_| may_ask) else { return Ok(Again::NotAsked) };
    let (server, source, integrity) =
        (registry.to_string(), artifact.source.to_string(), artifact.integrity.to_string());
    let question = Question { server: &server, source: &source, integrity: &integrity };
    if !demand.is_strict() && ctx.asked.is_fresh(question, ctx.clock.seconds()) {
        return Ok(Again::NotAsked);
    }
    if ctx.asked.is_given_up(&server) {
        return Ok(Again::Unasked(unreachable(&registry)));
    }
    // Not by a record's word: evidence of other bytes would be asked for.
    let is_by_digest = matches!(artifact.source, Source::Github(_));
    let sha256 = is_by_digest.then(|| digest_by(ctx, project, artifact, None, Algorithm::Sha256)).transpose()?;
    let sha256 = sha256.flatten().as_ref().and_then(Integrity::as_sha256);
    let hosts = project.pin_file().trust().hosts.as_deref();
    let with = With { offline: false, hosts, signatures: false, is_again: true };
    match ask::ask(ctx, project, artifact, None, sha256.as_ref(), with)? {
        Err(Unasked::Ask(error)) if error.is_unreachable() => {
            ctx.asked.give_up(&server);
            Ok(Again::Unasked(unreachable(&registry)))
        }
        Err(unasked) => Ok(Again::Unasked(unasked.finding(Level::Warning))),
        Ok(answer) if answer.broken.is_empty() && answer.attestations.iter().all(|one| known.contains(one)) => {
            ctx.asked.remember(question, ctx.clock.seconds());
            let server = Some(registry.origin().clone());
            Ok(Again::Nothing(match evidence {
                Evidence::Kept(kept) => Evidence::Kept(Kept { none: server, ..kept.clone() }),
                _ => Evidence::None { asked: server },
            }))
        }
        Ok(_) => Ok(Again::More),
    }
}

/// The same for all pins, whichever was the first to find out.
fn unreachable(registry: &Url) -> Finding {
    let message = format!("`{}` could not be asked again: it cannot be reached", registry.origin());
    Finding::new(Level::Note, "evidence-not-asked-again", message)
}

/// The digest of bytes by which their source finds evidence, where it does.
pub(super) fn sha256_to_ask(
    artifact: &Artifact,
    demand: &Demand<'_>,
    blob: &VerifiedBlob,
) -> Result<Option<Sha256>, Fault> {
    let is_found_by_it = matches!(artifact.source, Source::Github(_)) && demand.file.is_none();
    let digest = is_found_by_it.then(|| digest_of(blob, Algorithm::Sha256)).transpose()?;
    Ok(digest.as_ref().and_then(Integrity::as_sha256))
}

/// Asks for the evidence of an artifact whose bytes need not be here, for [`hold`] to judge; a registry's signatures are
/// no part of it. `known` are digests of the bytes, for sources that find evidence by one, and by the word of who calls;
/// `hosts` may be asked, `None` for all. The inner error says that nobody could be asked.
pub fn gather(
    ctx: &Ctx<'_>,
    project: &Project,
    (artifact, demand): (&Artifact, &Demand<'_>),
    known: &Digests,
    hosts: Option<&[Host]>,
) -> Result<Result<Evidence, Unasked>, Fault> {
    let with = With { offline: false, hosts, signatures: false, is_again: false };
    let sha256 = known.get(Algorithm::Sha256).and_then(Integrity::as_sha256);
    let answer = match ask::ask(ctx, project, artifact, demand.file, sha256.as_ref(), with)? {
        Ok(answer) => answer,
        Err(unasked) => return Ok(Err(unasked)),
    };
    broken(&answer.broken, demand, None)?;
    if answer.attestations.is_empty() {
        return Ok(Ok(Evidence::None { asked: server(ctx, project, artifact, demand) }));
    }
    Ok(Ok(Evidence::Kept(Kept {
        digests: known.without(artifact.integrity.algorithm()),
        attestations: answer.attestations,
        none: server(ctx, project, artifact, demand),
        manifests: answer.manifests,
    })))
}

/// Judges what a record has, and asks nobody. Without the bytes a digest that the pin does not have is taken from the
/// record, and that is said.
pub fn hold(
    ctx: &Ctx<'_>,
    artifact: &Artifact,
    demand: &Demand<'_>,
    evidence: &Evidence,
    blob: Option<&VerifiedBlob>,
) -> Result<Judged, Fault> {
    match evidence {
        _ if demand.is_off() => Ok(Judged::new(evidence.clone())),
        Evidence::Kept(kept) => judge(ctx, artifact, demand, kept, blob),
        _ if !demand.has_place => demand.nothing(evidence.clone()),
        Evidence::None { .. } => demand.nothing(evidence.clone()),
        Evidence::Off | Evidence::Unasked => demand.unasked(evidence.clone(), &Unasked::Offline),
    }
}

/// What is attached to an artifact and wrong refuses, unless something beside it is good: then it is told. It may have been
/// a signature, so that where one is looked for only a signature is good.
pub fn broken(broken: &[Failure], demand: &Demand<'_>, judged: Option<&Judged>) -> Result<Vec<Finding>, Fault> {
    let is_enough = |judged: &Judged| judged.proof.is_some() && demand.signatures.is_none();
    let is_good = judged.is_some_and(|judged| judged.signature.is_some() || is_enough(judged));
    // Of a kind that is not read it may be good: nothing is wrong with it, but where a signature is looked for, it may be one.
    let refuses = |failure: &Failure| failure.code != UNREAD || demand.signatures.is_some();
    if broken.iter().any(refuses) && !is_good {
        return Err(words::refused(broken));
    }
    Ok(broken.iter().map(|failure| Finding { level: Level::Warning, ..words::failure(failure) }).collect())
}

fn judge(
    ctx: &Ctx<'_>,
    artifact: &Artifact,
    demand: &Demand<'_>,
    kept: &Kept,
    blob: Option<&VerifiedBlob>,
) -> Result<Judged, Fault> {
    let texts: Vec<String> = kept.attestations.iter().map(|one| one.attestation.to_string()).collect();
    // Without the bytes no more is known than the record says, whatever the evidence names.
    let attestations = if blob.is_some() { read(kept, &texts)? } else { Vec::new() };
    let Known { all: digests, for_record, is_by_record } = Known::of(artifact, kept, &attestations, blob)?;
    let mut judged = Judged::new(Evidence::Kept(Kept { digests: for_record, ..kept.clone() }));
    let about = About::of(artifact, kept, &digests, blob)?;
    let is_by_record = is_by_record || about.as_ref().is_some_and(About::is_by_record);
    if is_by_record && blob.is_none() {
        let message = "the artifact is not in the store: that the evidence is about it holds by the record's word";
        judged.findings.push(Finding::new(Level::Note, "evidence-by-record", message));
    }
    if demand.mode != Mode::Off {
        provenance(ctx, demand, (kept, &texts), (&digests, about.as_ref(), blob), &mut judged)?;
    }
    if let (Some(signatures), Some(about)) = (&demand.signatures, &about) {
        signatures.judge(ctx, about, &read(kept, &texts)?, &mut judged)?;
    }
    // Who handed out all that is looked for is nobody's business.
    if let Evidence::Kept(kept) = &mut judged.evidence
        && !is_lacking_some(&judged.findings)
    {
        kept.none = None;
    }
    Ok(judged)
}

/// What says who built it.
fn provenance(
    ctx: &Ctx<'_>,
    demand: &Demand<'_>,
    (kept, texts): (&Kept, &[String]),
    (digests, about, blob): (&Digests, Option<&About>, Option<&VerifiedBlob>),
    judged: &mut Judged,
) -> Result<(), Fault> {
    let trust = ctx.trust.proving()?;
    let (policy, roots) = (demand.policy.digest().to_string(), trust.digest().to_string());
    let bytes = format!("{} {digests:?} {:?}", env!("CARGO_PKG_VERSION"), about.map(About::digests));
    let mut on = vec![bytes.as_bytes(), policy.as_bytes(), roots.as_bytes()];
    on.extend(texts.iter().map(String::as_bytes));
    let now = ctx.clock.seconds();
    if let Some(proof) = ctx.verdicts.recall(&on, now) {
        judged.proof = Some(Box::new(proof));
        return Ok(());
    }
    let open = || -> io::Result<Box<dyn Read + '_>> {
        let blob = blob.ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(blob.reader()))
    };
    let mut subject = Proved { digests: Proved::of(digests.as_slice()).digests, open: None };
    if blob.is_some() {
        subject.open = Some(&open);
    }
    let attestations = read(kept, texts)?;
    let mut proofs = Vec::new();
    let mut about_others = false;
    // Beside an artifact of a registry there are signatures, which are judged apart.
    for one in attestations.iter().filter(|one| about.is_none() || one.is_statement()) {
        let proof = match about {
            Some(about) => attestation::prove(trust, one, &about.subject_of(one)),
            None => attestation::prove(trust, one, &subject),
        };
        match proof {
            // What does not even claim to be of the kind that is asked for cannot stand in its way, unless it is wrong.
            Err(Unproved::Unverifiable(lack)) if !demand.asks_for(one) => {
                judged.findings.push(words::lack(&lack, Level::Note));
            }
            proof => {
                about_others |= matches!(proof, Err(Unproved::NotAbout(_))) && demand.asks_for(one);
                proofs.push(proof);
            }
        }
    }
    if about_others && !proofs.iter().any(|proof| demand.is_answered_by(proof)) {
        // What holds beside it and is of another kind, such as a registry's signature, does not make it absent.
        proofs.retain(|proof| proof.is_err());
    }
    verdict(ctx, (demand, kept), &proofs, judged)?;
    if let (Some(proof), true) = (&judged.proof, judged.findings.is_empty()) {
        ctx.verdicts.remember(&on, proof, now);
    }
    Ok(())
}

pub(super) fn read(kept: &Kept, texts: &[String]) -> Result<Vec<Attestation>, Fault> {
    let mut attestations = Vec::new();
    for (KeptAttestation { from, .. }, text) in kept.attestations.iter().zip(texts) {
        let read = attestation::read(text.as_bytes());
        attestations.extend(read.map_err(|error| words::document(&error, from))?);
    }
    Ok(attestations)
}

/// What the proofs are worth: into `judged`, or an error that keeps the pin from its tree.
fn verdict(
    ctx: &Ctx<'_>,
    (demand, kept): (&Demand<'_>, &Kept),
    proofs: &[Result<VerifiedAttestation, Unproved>],
    judged: &mut Judged,
) -> Result<(), Fault> {
    let now = ctx.clock.seconds();
    if !demand.policy.names_somebody() {
        return nobody_named((demand, kept), now, proofs, judged);
    }
    match policy::judge(&demand.policy, now, proofs) {
        Verdict::Verified(index) => {
            let proof = proofs.get(index).and_then(|proof| proof.as_ref().ok());
            judged.proof = proof.map(|proof| Box::new(policy::evidence(proof)));
            judged.findings.extend(words::beside(&demand.policy, proofs));
            Ok(())
        }
        Verdict::Refused(failures) => Err(words::refused(&failures)),
        Verdict::Unverifiable(lacks) => demand.without(words::unverifiable(&lacks), judged),
        Verdict::Missing(instead) => demand.missing(&silence_of(kept), &instead, judged),
    }
}

/// By whose word there is no more than what a record keeps.
fn silence_of(kept: &Kept) -> Silence {
    kept.none.clone().map_or(Silence::Nowhere, Silence::Of)
}

/// The pin does not say whose evidence is good. What is wrong by itself refuses all the same; the rest is told, not
/// believed.
fn nobody_named(
    (demand, kept): (&Demand<'_>, &Kept),
    now: i64,
    proofs: &[Result<VerifiedAttestation, Unproved>],
    judged: &mut Judged,
) -> Result<(), Fault> {
    let anybody = Policy { name: demand.policy.name.clone(), key: true, ..Policy::default() };
    if let Verdict::Refused(failures) = policy::judge(&anybody, now, proofs) {
        return Err(words::refused(&failures));
    }
    if demand.mode == Mode::Strict {
        return Err(words::nobody_named());
    }
    let proved = proofs.iter().filter(|proof| demand.is_answered_by(proof)).filter_map(|proof| proof.as_ref().ok());
    let repository = proved.filter_map(|proof| match proof.signer() {
        Signer::Certificate(certificate) => certificate.repository.clone(),
        Signer::Key { .. } => None,
    });
    let finding = match repository.into_iter().next() {
        Some(repository) => {
            let message = format!(
                "its evidence holds and says `{}`, but nothing says that this is the right one",
                repository.escape_debug()
            );
            let hint = format!("if it is, add `provenance.repository = \"{}\"` to the pin", repository.escape_debug());
            Finding::new(Level::Note, "nobody-named", message).hint(hint)
        }
        None => {
            let others = proofs.iter().flatten().filter(|proof| policy::other_kind(proof).is_some());
            let others = others.map(policy::kind_of).collect::<Vec<_>>();
            words::missing(&silence_of(kept), &others).finding(Level::Warning)
        }
    };
    judged.findings.push(finding);
    Ok(())
}
