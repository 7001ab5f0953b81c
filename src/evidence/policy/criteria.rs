//! One proved attestation against one policy: every demand that it does not meet.

use super::matching::{is_repository, is_workflow, issuer_for};
use super::{Policy, summary};
use crate::attestation::{Certificate, GITHUB_ISSUER, Refusal, Signer, VerifiedAttestation};
use crate::provenance::Provenance;
use pinfold_core::pins::Repository;

/// A demand that evidence does not meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// A stable id.
    pub code: &'static str,
    /// What is wrong, a sentence without a full stop.
    pub message: String,
    /// What was demanded, where two values were compared.
    pub expected: Option<String>,
    /// What the evidence says.
    pub received: Option<String>,
    /// What to do.
    pub hint: Option<String>,
}

impl Failure {
    fn new(
        code: &'static str,
        message: impl Into<String>,
        expected: impl Into<String>,
        received: Option<&str>,
    ) -> Self {
        let received = Some(received.map_or_else(|| ABSENT.to_owned(), str::to_owned));
        Self { code, message: message.into(), expected: Some(expected.into()), received, hint: None }
    }

    /// Evidence that does not hold at all.
    pub(super) fn of_refusal(refusal: &Refusal) -> Self {
        let (expected, received) = refusal.compared().unzip();
        Self { code: refusal.code(), message: refusal.to_string(), expected, received, hint: None }
    }
}

/// What stands for a claim that is not there.
const ABSENT: &str = "nothing";

/// All demands that a proof does not meet, those on the signer first.
pub(super) fn failures(policy: &Policy, now: i64, proof: &VerifiedAttestation) -> Vec<Failure> {
    let mut failures = Vec::new();
    match proof.signer() {
        Signer::Certificate(certificate) => {
            source(policy, certificate, &mut failures);
            signer(policy, certificate, &mut failures);
            predicate(policy, certificate, proof, &mut failures);
        }
        Signer::Key { id } => key(policy, id, &mut failures),
    }
    name(policy, proof, &mut failures);
    age(policy, now, proof, &mut failures);
    if let Some(expected) = &policy.summary {
        summary::failures(expected, proof, &mut failures);
    }
    failures
}

/// Whether somebody signed whom the policy accepts, whatever was signed.
pub(super) fn is_signer(policy: &Policy, proof: &VerifiedAttestation) -> bool {
    let mut failures = Vec::new();
    match proof.signer() {
        Signer::Certificate(certificate) => {
            source(policy, certificate, &mut failures);
            signer(policy, certificate, &mut failures);
        }
        Signer::Key { id } => key(policy, id, &mut failures),
    }
    failures.is_empty()
}

/// The repository that was built.
fn source(policy: &Policy, certificate: &Certificate, failures: &mut Vec<Failure>) {
    let received = certificate.repository.as_deref();
    let expected = policy.repositories.iter().find(|one| received.is_some_and(|got| is_repository(one, got)));
    if !policy.repositories.is_empty() && expected.is_none() {
        let all: Vec<String> = policy.repositories.iter().map(ToString::to_string).collect();
        let message = "it was built from another repository";
        failures.push(Failure::new("repository-mismatch", message, all.join(" or "), received));
    }
    let demanded = policy.issuer.clone().or_else(|| implied_issuer(policy, expected));
    if let Some(demanded) = demanded
        && certificate.issuer.as_deref() != Some(demanded.as_str())
    {
        let message = "somebody else vouched for the signer's identity";
        failures.push(Failure::new("issuer-mismatch", message, demanded, certificate.issuer.as_deref()));
    }
    if let Some(owner) = &policy.owner
        && !certificate.owner.as_ref().is_some_and(|got| got.eq_ignore_ascii_case(owner))
    {
        let message = "the repository belongs to another owner";
        failures.push(Failure::new("owner-mismatch", message, owner, certificate.owner.as_deref()));
    }
    let ids = [
        (
            "repository-id-mismatch",
            "the repository is another one of that name",
            &policy.repository_id,
            &certificate.repository_id,
        ),
        ("owner-id-mismatch", "the owner is another one of that name", &policy.owner_id, &certificate.owner_id),
    ];
    for (code, message, expected, received) in ids {
        if let Some(expected) = expected
            && received.as_ref() != Some(expected)
        {
            failures.push(Failure::new(code, message, expected, received.as_deref()));
        }
    }
    let received = certificate.git_ref.as_deref();
    if !policy.refs.is_empty() && !received.is_some_and(|got| policy.refs.iter().any(|one| one.matches(got))) {
        let all: Vec<String> = policy.refs.iter().map(ToString::to_string).collect();
        failures.push(Failure::new("ref-mismatch", "another git reference was built", all.join(" or "), received));
    }
}

/// The issuer that goes without saying: that of the host of the repository or owner. Numbers mean nothing without a host,
/// and every host counts from one: they are GitHub's where nothing else is named.
fn implied_issuer(policy: &Policy, expected: Option<&Repository>) -> Option<String> {
    if !policy.repositories.is_empty() {
        return expected.map(|repository| issuer_for(repository.url().host()));
    }
    if let Some(owner) = &policy.owner {
        let (_, rest) = owner.split_once("://")?;
        return Some(issuer_for(&rest.split('/').next().unwrap_or(rest).to_ascii_lowercase()));
    }
    let has_ids = policy.repository_id.is_some() || policy.owner_id.is_some();
    let names_host = policy.identity.is_some() || policy.identity_pattern.is_some();
    (has_ids && !names_host).then(|| GITHUB_ISSUER.to_owned())
}

/// Who signed, and where.
fn signer(policy: &Policy, certificate: &Certificate, failures: &mut Vec<Failure>) {
    let signer = certificate.signer_workflow.as_deref().unwrap_or(&certificate.identity);
    if let Some(workflow) = &policy.workflow
        && !certificate.repository.as_ref().is_some_and(|repository| is_workflow(workflow, repository, signer))
    {
        let message = "another workflow signed";
        failures.push(Failure::new("workflow-mismatch", message, workflow.to_string(), Some(signer)));
    }
    let identity = certificate.identity.as_str();
    if let Some(expected) = &policy.identity
        && expected != identity
    {
        failures.push(Failure::new("identity-mismatch", "somebody else signed", expected, Some(identity)));
    }
    if let Some(pattern) = &policy.identity_pattern
        && !pattern.matches(identity)
    {
        failures.push(Failure::new("identity-mismatch", "somebody else signed", pattern.to_string(), Some(identity)));
    }
    // Whoever is not said to be hosted is not: GitHub and GitLab name theirs `github-hosted` and `gitlab-hosted`.
    let runner = certificate.runner.as_deref();
    let hosted = runner.is_some_and(|runner| runner != "self-hosted" && runner.ends_with("-hosted"));
    if policy.deny_self_hosted && !hosted {
        let message = "it was built on a machine of the repository's owner";
        failures.push(Failure::new("runner-self-hosted", message, "a hosted runner", runner));
    }
}

/// What the claim itself says, once it agrees with the certificate.
fn predicate(policy: &Policy, certificate: &Certificate, proof: &VerifiedAttestation, failures: &mut Vec<Failure>) {
    let provenance = match proof.statement().filter(|statement| statement.is_provenance()).map(Provenance::of) {
        Some(Ok(provenance)) => Some(provenance),
        Some(Err(error)) => {
            failures.push(Failure::new("provenance-malformed", error.to_string(), error.0, None));
            return;
        }
        None => None,
    };
    if let Some(wrong) = provenance.as_ref().and_then(|provenance| provenance.disagreement(certificate)) {
        let message = format!("the provenance and the certificate disagree on the {}", wrong.claim);
        failures.push(Failure::new("provenance-disagrees", message, wrong.certificate, Some(&wrong.predicate)));
    }
    let certified = provenance.as_ref().filter(|provenance| provenance.builder_is_certified(certificate));
    let builder = certified.map(|provenance| provenance.builder.as_str());
    if let Some(expected) = &policy.builder
        && !builder.is_some_and(|got| is_builder(expected, got))
    {
        failures.push(Failure::new("builder-mismatch", "another builder built it", expected, builder));
    }
    let named_by_builder = policy.builder.is_some() && provenance.as_ref().is_some_and(Provenance::builder_is_signer);
    if !named_by_builder {
        elsewhere(policy, certificate, failures);
    }
    let build_type = provenance.as_ref().map(|provenance| provenance.build_type.as_str());
    if let Some(expected) = &policy.build_type
        && build_type != Some(expected.as_str())
    {
        failures.push(Failure::new("build-type-mismatch", "the build is of another type", expected, build_type));
    }
    if let Some(provenance) = provenance.as_ref().filter(|_| policy.only_known_parameters)
        && provenance.is_of_known_type()
        && let Some(unknown) = provenance.unrecognized_parameters().first()
    {
        let message = "the build had a parameter that pinfold does not know";
        failures.push(Failure::new("unknown-parameter", message, "known parameters only", Some(unknown)));
    }
}

/// A workflow of another repository signed, and the policy names only the repository that was built: whoever keeps that
/// workflow decided what was built, and nobody said that they may.
fn elsewhere(policy: &Policy, certificate: &Certificate, failures: &mut Vec<Failure>) {
    let named = policy.workflow.is_some() || policy.identity.is_some() || policy.identity_pattern.is_some();
    let of_owner = policy.repositories.is_empty() && (policy.owner.is_some() || policy.repository_id.is_none());
    let home = if of_owner { &certificate.owner } else { &certificate.repository };
    let by_id = policy.repository_id.is_some() || policy.owner_id.is_some();
    let asked = !policy.repositories.is_empty() || policy.owner.is_some() || by_id;
    if !asked || named {
        return;
    }
    let signer = certificate.signer_workflow.as_deref().unwrap_or(&certificate.identity);
    let is_there = match home {
        Some(home) => {
            let start = signer.get(..home.len()).unwrap_or_default();
            start.eq_ignore_ascii_case(home) && signer.get(home.len()..).is_some_and(|rest| rest.starts_with('/'))
        }
        // Nothing to hold it against: a repository or owner that was named has failed already, an id has not.
        None => !policy.repositories.is_empty() || policy.owner.is_some(),
    };
    if !is_there {
        let message = "a workflow of another repository signed, which the policy does not name";
        let home = home.as_deref().unwrap_or("the repository");
        let failure = Failure::new("signer-elsewhere", message, format!("a workflow of {home}"), Some(signer));
        let file = signer.split_once("@refs/").map_or(signer, |(file, _)| file);
        let hint = Some(format!("if that workflow may build it, name it: workflow `{file}`"));
        failures.push(Failure { hint, ..failure });
    }
}

/// A builder's id: whole, or all versions of it where the policy names none. `@v1` stands for `@refs/tags/v1`.
fn is_builder(expected: &str, received: &str) -> bool {
    let (received_name, version) = received.split_once('@').unwrap_or((received, ""));
    match expected.split_once('@') {
        None => expected == received_name,
        Some((name, wanted)) => {
            name == received_name && (wanted == version || version == format!("refs/tags/{wanted}"))
        }
    }
}

/// A key says nothing of repositories: only whoever named the key can know whose it is.
fn key(policy: &Policy, id: &str, failures: &mut Vec<Failure>) {
    let asks_more = !policy.repositories.is_empty()
        || policy.identity.is_some()
        || policy.identity_pattern.is_some()
        || policy.owner.is_some()
        || policy.repository_id.is_some()
        || policy.owner_id.is_some()
        || policy.workflow.is_some()
        || policy.issuer.is_some()
        || policy.builder.is_some()
        || policy.build_type.is_some()
        || policy.deny_self_hosted
        || !policy.refs.is_empty();
    if asks_more {
        let message = "it is signed by a key, which says nothing of who built it from where";
        failures.push(Failure::new("signed-by-key", message, "a certificate", Some(id)));
    }
}

fn name(policy: &Policy, proof: &VerifiedAttestation, failures: &mut Vec<Failure>) {
    let Some(expected) = &policy.name else { return };
    // A signature over the bytes alone names nothing, and cannot name anything wrong.
    if proof.names().is_empty() || proof.names().iter().any(|name| expected.matches(name)) {
        return;
    }
    let message = "the claim is about an artifact of another name";
    let first = proof.names().first().map(String::as_str).unwrap_or_default();
    let received = match proof.names().len() {
        0 | 1 => first.to_owned(),
        // A claim may have ten thousand names for it.
        count => format!("{first} and {} more", count.saturating_sub(1)),
    };
    failures.push(Failure::new("subject-name-mismatch", message, expected.to_string(), Some(&received)));
}

fn age(policy: &Policy, now: i64, proof: &VerifiedAttestation, failures: &mut Vec<Failure>) {
    let Some(min_age) = policy.min_age else { return };
    let seconds = i64::try_from(min_age.as_secs()).unwrap_or(i64::MAX);
    let old_enough = proof.time().is_some_and(|time| now.saturating_sub(time) >= seconds);
    if !old_enough {
        let received = proof.time().map(|time| format!("{} hours", now.saturating_sub(time).max(0) / 3600));
        let message = "the log saw it too recently";
        let expected = format!("{} hours or more", seconds / 3600);
        failures.push(Failure::new("too-young", message, expected, received.as_deref()));
    }
}
