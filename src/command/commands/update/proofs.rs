//! The evidence of two versions beside each other, and the ratchet between them: what was proved once is not given up
//! without a word.

use crate::ctx::Ctx;
use crate::evidence::{self, EvidenceError, Unasked};
use crate::install::{self, draft};
use crate::project::Project;
use crate::report::{Evidence, Finding, Level, Verdict};
use pinfold_core::digest::Algorithm;
use pinfold_core::fault::Fault;
use pinfold_core::pins::{Artifact, Mode, Pin, Source};
use pinfold_core::record;
use pinfold_core::store::VerifiedBlob;
use pinfold_evidence::attestation::Lack;
use pinfold_evidence::policy;

/// How the evidence of two versions compares.
pub(super) struct Compared {
    pub(super) verdict: Verdict,
    /// What is proved of the new version.
    pub(super) proof: Option<Box<Evidence>>,
    pub(super) findings: Vec<Finding>,
}

/// Proves what there is of both versions, and holds the new one to the old one and to the pin.
pub(super) fn compare(
    ctx: &Ctx<'_>,
    project: &Project,
    (pin, artifact, old): (&Pin, &Artifact, Option<&VerifiedBlob>),
    (new_pin, new_artifact, blob): (&Pin, &Artifact, &VerifiedBlob),
    allow: bool,
) -> Result<Compared, Fault> {
    let demand = install::evidence::demand(project, new_pin, new_artifact, None);
    let mut findings = Vec::new();
    if demand.mode == Mode::Off {
        return Ok(Compared { verdict: Verdict::Passed, proof: None, findings });
    }
    let before = before(ctx, project, (pin, artifact, old), &mut findings)?;
    let (kept, after) = match draft::ask(ctx, project, new_pin, new_artifact, blob)? {
        Ok(upstream) => {
            findings.extend(upstream.findings);
            (upstream.evidence, upstream.proof.as_ref().map(policy::evidence))
        }
        Err(unasked) if before.is_some() || demand.mode == Mode::Strict => {
            return Err(unasked.fault());
        }
        Err(unasked) => {
            findings.push(unasked.finding(Level::Warning));
            return Ok(Compared { verdict: Verdict::Passed, proof: None, findings });
        }
    };
    let held = install::evidence::hold(ctx, new_artifact, &demand, &kept, Some(blob));
    // A pin may have been told since that somebody else is right: what meets its demand then loses nothing.
    let met = held.as_ref().ok().and_then(|judged| judged.proof.as_deref().cloned());
    let meets = met.is_some();
    // What the pin demands is compared with what the pin demands, which may be another kind of claim than provenance.
    let after = if before.as_ref().is_some_and(|before| before.is_demanded) { met.or(after) } else { after.or(met) };
    let superseded = meets && before.as_ref().is_some_and(|before| !before.is_demanded);
    let before = before.map(|before| before.evidence);
    findings.push(told(before.as_ref(), after.as_ref()));
    let losses = if superseded { Vec::new() } else { losses(before.as_ref(), after.as_ref()) };
    let level = if allow { Level::Warning } else { Level::Error };
    for loss in &losses {
        let finding = Finding::new(level, "evidence-downgrade", loss.clone());
        let hint = "ask upstream why; `--allow-downgrade` takes it all the same";
        findings.push(if allow { finding } else { finding.hint(hint) });
    }
    let mut verdict = if losses.is_empty() || allow { Verdict::Passed } else { Verdict::Refused };
    match held {
        Ok(judged) => findings.extend(judged.findings),
        Err(fault) if !losses.is_empty() && allow && fault.cause::<EvidenceError>().is_some() => {
            // What is wrong stays wrong.
            let is_wrong = fault.cause() == Some(&EvidenceError::Wrong);
            let mut refused = fault.findings_at(if is_wrong { Level::Error } else { Level::Warning });
            if let Some(first) = refused.first_mut() {
                first.hint = Some("`fetch` refuses it until the pin's `provenance` is changed".to_owned());
            }
            findings.extend(refused);
        }
        Err(_) if !losses.is_empty() => {}
        Err(error) => {
            verdict = error.verdict();
            findings.extend(error.findings());
        }
    }
    let proof = after.map(Box::new).filter(|_| verdict == Verdict::Passed);
    Ok(Compared { verdict, proof, findings })
}

/// What is proved of the pinned version: by what its source has of it now, as that is what the new version is compared with.
///
/// A record lies in the checkout, and whoever proposes a change writes it: a document in it may prove what its author
/// chose. So it counts where it proves what the pin itself names; what else it proves counts only where the source has
/// nothing to set against it or could not be asked, and that is told.
fn before(
    ctx: &Ctx<'_>,
    project: &Project,
    was: (&Pin, &Artifact, Option<&VerifiedBlob>),
    findings: &mut Vec<Finding>,
) -> Result<Option<Before>, Fault> {
    let (pin, artifact, _) = was;
    let mut lacks = Vec::new();
    let (mut own, mut unasked) = (None, None);
    match ask(ctx, project, was)? {
        Ok(record::Evidence::Kept(kept)) => own = proved(ctx, project, was, &kept, &mut lacks)?,
        Ok(_) => {}
        Err(why) => unasked = Some(why),
    }
    if own.as_ref().is_some_and(|before| before.is_demanded) {
        return Ok(own);
    }
    let record = project.record(pin.name.as_str())?.filter(|record| record.integrity == artifact.integrity);
    let mut recorded = None;
    if let Some(record::Evidence::Kept(kept)) = record.map(|record| record.evidence) {
        // What is wrong in a record takes nothing from what its source has.
        recorded = match proved(ctx, project, was, &kept, &mut lacks) {
            Err(_) if own.is_some() => None,
            outcome => outcome?,
        };
    }
    match (own, recorded) {
        (_, Some(recorded)) if recorded.is_demanded => Ok(Some(recorded)),
        (Some(own), recorded) => {
            findings
                .extend(recorded.filter(|recorded| recorded.evidence != own.evidence).map(|recorded| other(&recorded)));
            Ok(Some(own))
        }
        (None, Some(recorded)) => {
            findings.push(by_record(&recorded, unasked.as_ref()));
            Ok(Some(recorded))
        }
        (None, None) => {
            findings.extend(unknown(unasked, lacks));
            Ok(None)
        }
    }
}

/// A record that proves something else than what the source has.
fn other(recorded: &Before) -> Finding {
    let message = format!(
        "the record has other evidence of the pinned version than its source, which does not count: {}",
        named(&recorded.evidence)
    );
    Finding::new(Level::Warning, "record-evidence-differs", message)
        .hint("check who changed the record; `pinfold audit` compares it with the source")
}

/// The record is all that there is.
fn by_record(recorded: &Before, unasked: Option<&Unasked>) -> Finding {
    let why = match unasked {
        None => "its source has none of it".to_owned(),
        Some(unasked) => unasked.finding(Level::Warning).message,
    };
    let message =
        format!("the evidence of the pinned version is according to the record ({}): {why}", named(&recorded.evidence));
    Finding::new(Level::Warning, "evidence-before-by-record", message)
}

/// Nobody knows what there was.
fn unknown(unasked: Option<Unasked>, lacks: Vec<Lack>) -> Option<Finding> {
    let why = unasked.map(|unasked| unasked.fault());
    let why = why.or_else(|| (!lacks.is_empty()).then(|| evidence::unverifiable(&lacks)))?;
    let message = "what evidence the pinned version had is not known, so nothing can be compared with it";
    let message = format!("{message}: {why}");
    Some(Finding::new(Level::Warning, "evidence-before-unknown", message))
}

/// What the source has of the pinned version now. Without the bytes it is found and held by the pin's own digest, where
/// that is the one that evidence names.
fn ask(
    ctx: &Ctx<'_>,
    project: &Project,
    (pin, artifact, old): (&Pin, &Artifact, Option<&VerifiedBlob>),
) -> Result<Result<record::Evidence, Unasked>, Fault> {
    if let Some(blob) = old {
        let asked = draft::ask(ctx, project, pin, artifact, blob)?;
        return Ok(asked.map(|upstream| upstream.evidence));
    }
    let named = if matches!(artifact.source, Source::Npm(_)) { Algorithm::Sha512 } else { Algorithm::Sha256 };
    if artifact.integrity.algorithm() != named {
        return Ok(Err(Unasked::Offline));
    }
    let demand = install::evidence::demand(project, pin, artifact, None);
    let hosts = project.pin_file().trust().hosts.as_deref();
    install::evidence::gather(ctx, project, (artifact, &demand), &artifact.integrity.clone().into(), hosts)
}

/// What documents prove of the pinned version: what the pin demands, where they do, else what they say.
fn proved(
    ctx: &Ctx<'_>,
    project: &Project,
    (pin, artifact, old): (&Pin, &Artifact, Option<&VerifiedBlob>),
    kept: &record::Kept,
    lacks: &mut Vec<Lack>,
) -> Result<Option<Before>, Fault> {
    let demand = install::evidence::demand(project, pin, artifact, None);
    if demand.policy.names_somebody() {
        let evidence = record::Evidence::Kept(kept.clone());
        let judged = install::evidence::hold(ctx, artifact, &demand, &evidence, old);
        if let Some(proof) = judged.ok().and_then(|judged| judged.proof) {
            return Ok(Some(Before { evidence: Evidence { recalled: false, ..*proof }, is_demanded: true }));
        }
    }
    let proven = draft::prove(ctx, artifact, kept, old)?;
    lacks.extend(proven.lacks);
    Ok(proven.proof.as_ref().map(|proof| Before { evidence: policy::evidence(proof), is_demanded: false }))
}

/// What is proved of the pinned version.
struct Before {
    evidence: Evidence,
    /// It is what the pin demands, and not only what it happens to be.
    is_demanded: bool,
}

/// Both in one sentence.
fn told(before: Option<&Evidence>, after: Option<&Evidence>) -> Finding {
    let words = |evidence: Option<&Evidence>| match evidence {
        None => "none".to_owned(),
        Some(evidence) => named(evidence),
    };
    Finding::new(Level::Note, EVIDENCE, format!("evidence: was {}, now {}", words(before), words(after)))
}

fn named(evidence: &Evidence) -> String {
    let from = evidence.repository.as_ref().map(|one| format!(" from {}", one.escape_debug())).unwrap_or_default();
    format!("{}{from}", evidence.kind)
}

/// What the new version has less of, a sentence each.
fn losses(before: Option<&Evidence>, after: Option<&Evidence>) -> Vec<String> {
    let Some(before) = before else { return Vec::new() };
    let Some(after) = after else { return vec![format!("was {}, now none", named(before))] };
    let mut losses = Vec::new();
    let is_provenance = |evidence: &Evidence| evidence.kind == PROVENANCE;
    if is_provenance(before) && !is_provenance(after) {
        losses.push(format!("was {}, now {}", before.kind, after.kind));
    }
    let lower = |one: &Option<String>| one.as_ref().map(|one| one.trim_end_matches('/').to_ascii_lowercase());
    let without_version =
        |one: &Option<String>| one.as_ref().map(|one| one.split('@').next().unwrap_or_default().to_owned());
    // An account is all that is known of who signs for no repository; a workflow has another reference each time.
    let account = |one: &Evidence| {
        let is_workflow = one.signer.starts_with("https://");
        if is_workflow { without_version(&Some(one.signer.clone())) } else { Some(one.signer.clone()) }
    };
    let by_account = before.repository.is_none();
    let (signer_was, signer_is) = (Some(before.signer.clone()), Some(after.signer.clone()));
    // A repository keeps its id when it is renamed.
    let renamed = before.repository_id.is_some() && before.repository_id == after.repository_id;
    let parts = [
        (
            "built from",
            lower(&before.repository),
            lower(&after.repository),
            &before.repository,
            &after.repository,
            renamed,
        ),
        (
            "built by",
            without_version(&before.builder),
            without_version(&after.builder),
            &before.builder,
            &after.builder,
            false,
        ),
        ("signed by", account(before), account(after), &signer_was, &signer_is, !by_account),
        ("vouched for by", before.issuer.clone(), after.issuer.clone(), &before.issuer, &after.issuer, false),
        (
            "built on a runner that is",
            before.runner.clone(),
            after.runner.clone(),
            &before.runner,
            &after.runner,
            false,
        ),
    ];
    let shown = |one: &Option<String>| one.as_deref().unwrap_or("nobody knows what").escape_debug().to_string();
    for (what, was, is, was_shown, is_shown, excused) in parts {
        if was.is_some() && was != is && !excused {
            losses.push(format!("was {what} {}, now {}", shown(was_shown), shown(is_shown)));
        }
    }
    losses
}

/// The code of the sentence on both.
pub(super) const EVIDENCE: &str = "evidence-compared";

/// What `policy` calls evidence of who built it.
const PROVENANCE: &str = "SLSA provenance";

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence() -> Evidence {
        let text = |text: &str| Some(text.to_owned());
        Evidence {
            kind: PROVENANCE.to_owned(),
            repository: text("https://example.com/o/r"),
            repository_id: text("1"),
            builder: text("https://example.com/b@refs/tags/v1"),
            issuer: text("https://example.com"),
            runner: text("github-hosted"),
            ..Evidence::default()
        }
    }

    #[test]
    fn what_was_proved_is_not_given_up() {
        let text = |text: &str| Some(text.to_owned());
        let check = |after: Option<Evidence>, expected: &[&str]| {
            assert_eq!(losses(Some(&evidence()), after.as_ref()), expected);
        };
        check(Some(evidence()), &[]);
        check(None, &["was SLSA provenance from https://example.com/o/r, now none"]);
        check(
            Some(Evidence { kind: "a publish attestation".to_owned(), ..evidence() }),
            &["was SLSA provenance, now a publish attestation"],
        );
        check(
            Some(Evidence { repository: text("https://example.com/o/r2"), repository_id: text("2"), ..evidence() }),
            &["was built from https://example.com/o/r, now https://example.com/o/r2"],
        );
        check(Some(Evidence { repository: text("https://example.com/o/new"), ..evidence() }), &[]);
        check(Some(Evidence { repository: text("https://example.com/O/R"), repository_id: None, ..evidence() }), &[]);
        check(Some(Evidence { builder: text("https://example.com/b@refs/tags/v2"), ..evidence() }), &[]);
        check(
            Some(Evidence { builder: text("https://example.com/c"), ..evidence() }),
            &["was built by https://example.com/b@refs/tags/v1, now https://example.com/c"],
        );
        check(
            Some(Evidence { runner: text("self-hosted"), issuer: None, ..evidence() }),
            &[
                "was vouched for by https://example.com, now nobody knows what",
                "was built on a runner that is github-hosted, now self-hosted",
            ],
        );
        assert!(losses(None, Some(&evidence())).is_empty());
    }

    #[test]
    fn without_a_repository_the_account_is_held() {
        let by = |signer: &str| Evidence { signer: signer.to_owned(), repository: None, ..evidence() };
        let check = |was: &str, is: Evidence, expected: &[&str]| {
            assert_eq!(losses(Some(&by(was)), Some(&is)), expected);
        };
        check("alice@example.com", by("alice@example.com"), &[]);
        check(
            "alice@example.com",
            by("mallory@example.com"),
            &["was signed by alice@example.com, now mallory@example.com"],
        );
        check(
            "alice@example.com",
            Evidence { signer: "mallory@example.com".to_owned(), ..evidence() },
            &["was signed by alice@example.com, now mallory@example.com"],
        );
        check("https://example.com/w@refs/tags/v1", by("https://example.com/w@refs/tags/v2"), &[]);
        check(
            "https://example.com/w@refs/tags/v1",
            by("https://example.com/x@refs/tags/v1"),
            &["was signed by https://example.com/w@refs/tags/v1, now https://example.com/x@refs/tags/v1"],
        );
    }

    #[test]
    fn nothing_is_lost_where_there_was_nothing() {
        assert!(losses(None, None).is_empty());
    }
}
