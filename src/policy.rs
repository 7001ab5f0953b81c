//! What a project demands of evidence ([`Policy`]), and what proved evidence is worth under it ([`Verdict`]).
//!
//! Cryptography comes first, in [`crate::attestation`]; here only what was proved is looked at, and the certificate is
//! believed before the predicate. A claim that is absent never matches. Evidence that is wrong refuses whatever stands
//! beside it; evidence that cannot be judged is never counted as good.

mod criteria;
mod expectations;
mod matching;
mod proof;
mod signatures;
mod summary;

use std::time::Duration;

use crate::attestation::{Lack, Refusal, Signer, Unproved, VerifiedAttestation};
use crate::digest::Sha256;
use crate::pins::{Repository, Workflow};

pub use criteria::Failure;
pub use expectations::expectations;
pub use matching::{IdentityPattern, IdentityPatternError, Name, RefPattern};
pub use proof::evidence;
pub use signatures::judge_signatures;
pub use summary::SummaryPolicy;

/// What evidence has to say; what is `None` or empty is left open.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// The repositories that may have been built: any of them.
    pub repositories: Vec<Repository>,
    /// The owner of the repository: `https://github.com/OWNER`.
    pub owner: Option<String>,
    /// The repository's id at its host.
    pub repository_id: Option<String>,
    /// The owner's id at its host.
    pub owner_id: Option<String>,
    /// The workflow that signed.
    pub workflow: Option<Workflow>,
    /// The git references that may have been built: any of them.
    pub refs: Vec<RefPattern>,
    /// SLSA's builder id; one without `@` stands for all its versions.
    pub builder: Option<String>,
    /// SLSA's build type.
    pub build_type: Option<String>,
    /// The kinds of claims that count: any of them. Others are looked over.
    pub predicate_types: Vec<String>,
    /// Who vouched for the signer's identity; follows from the repository or owner where it is left open, and ids alone
    /// are GitHub's.
    pub issuer: Option<String>,
    /// The signer's identity, whole.
    pub identity: Option<String>,
    /// The signer's identity, by a pattern.
    pub identity_pattern: Option<IdentityPattern>,
    /// A key was named, so that whoever holds it may sign.
    pub key: bool,
    /// Runners that the repository's owner keeps are not good enough.
    pub deny_self_hosted: bool,
    /// Parameters of the build that pinfold does not know refuse.
    pub only_known_parameters: bool,
    /// How long ago the log must have seen it.
    pub min_age: Option<Duration>,
    /// What the claim has to call the artifact.
    pub name: Option<Name>,
    /// What a verification summary has to say.
    pub summary: Option<SummaryPolicy>,
}

impl Policy {
    /// Whether it says who may have signed. Without that no evidence is good: anybody can have valid evidence.
    pub const fn names_somebody(&self) -> bool {
        self.names_by_certificate() || self.key
    }

    /// Whether it says whose certificates are good: a policy on a key alone says that of nobody's.
    pub const fn names_by_certificate(&self) -> bool {
        !self.repositories.is_empty()
            || self.owner.is_some()
            || self.repository_id.is_some()
            || self.owner_id.is_some()
            || self.identity.is_some()
            || self.identity_pattern.is_some()
    }

    /// A digest of all that it demands: equal policies have equal ones.
    pub fn digest(&self) -> Sha256 {
        Sha256::of(format!("{self:?}").as_bytes())
    }

    /// Whether a proof is of a kind that the policy asks about at all.
    fn is_about(&self, proof: &VerifiedAttestation) -> bool {
        let signer = match proof.signer() {
            Signer::Key { .. } => self.key,
            Signer::Certificate(_) if !self.names_by_certificate() => false,
            // GitHub signs releases with a certificate that names neither issuer nor repository: it tells where an asset
            // comes from, and nothing of how it was built.
            Signer::Certificate(certificate) => {
                certificate.issuer.is_some() || self.identity.is_some() || self.identity_pattern.is_some()
            }
        };
        let kind = proof.statement().map(|statement| statement.predicate_type.as_str());
        let kinds = &self.predicate_types;
        signer && (kinds.is_empty() || kind.is_some_and(|kind| kinds.iter().any(|one| one == kind)))
    }
}

/// What evidence is worth.
#[derive(Debug)]
pub enum Verdict {
    /// An attestation was proved, and says all that the policy demands: its place among those that were judged.
    Verified(usize),
    /// Evidence is there and wrong: it does not hold, or says something else.
    Refused(Vec<Failure>),
    /// There is evidence, and it cannot be judged: why, each.
    Unverifiable(Vec<Lack>),
    /// There is no evidence of the kind that the policy asks for: what there is instead.
    Missing(Vec<String>),
}

/// Judges all attestations that there are about an artifact. `now` is in seconds since 1970, for [`Policy::min_age`].
pub fn judge(policy: &Policy, now: i64, proofs: &[Result<VerifiedAttestation, Unproved>]) -> Verdict {
    let wrong: Vec<&Refusal> = proofs.iter().filter_map(refusal_of).collect();
    if !wrong.is_empty() {
        return Verdict::Refused(wrong.into_iter().map(Failure::of_refusal).collect());
    }
    let proved = || proofs.iter().enumerate().filter_map(|(index, proof)| Some((index, proof.as_ref().ok()?)));
    // The one that comes closest is the one to tell about.
    let mut closest: Option<Vec<Failure>> = None;
    for (index, proof) in proved().filter(|(_, proof)| policy.is_about(proof)) {
        let failures = criteria::failures(policy, now, proof);
        if failures.is_empty() {
            return Verdict::Verified(index);
        }
        if closest.as_ref().is_none_or(|best| failures.len() < best.len()) {
            closest = Some(failures);
        }
    }
    if let Some(failures) = closest {
        return Verdict::Refused(failures);
    }
    let lacks: Vec<Lack> = proofs.iter().filter_map(lack_of).cloned().collect();
    let others = proofs.iter().filter_map(|proof| match proof {
        Err(Unproved::NotAbout(refusal)) => Some(Failure::of_refusal(refusal)),
        _ => None,
    });
    let others: Vec<Failure> = others.collect();
    match (lacks.is_empty(), others.is_empty(), proved().next()) {
        (false, _, _) => Verdict::Unverifiable(lacks),
        // All of it is about something else: whoever handed it out for this artifact was wrong.
        (true, false, None) => Verdict::Refused(others),
        (true, _, _) => Verdict::Missing(proved().map(|(_, proof)| kind_of(proof)).collect()),
    }
}

const fn refusal_of(proof: &Result<VerifiedAttestation, Unproved>) -> Option<&Refusal> {
    match proof {
        Err(Unproved::Refused(refusal)) => Some(refusal),
        _ => None,
    }
}

const fn lack_of(proof: &Result<VerifiedAttestation, Unproved>) -> Option<&Lack> {
    match proof {
        Err(Unproved::Unverifiable(lack)) => Some(lack),
        _ => None,
    }
}

/// What a proved attestation is, in a few words.
pub fn kind_of(proof: &VerifiedAttestation) -> String {
    let by_key = matches!(proof.signer(), Signer::Key { .. });
    match proof.statement() {
        None if by_key => "a registry's signature over the package's integrity".to_owned(),
        None => "a signature over the bytes".to_owned(),
        Some(statement) => match statement.predicate_type.as_str() {
            crate::statement::SLSA_V1 | crate::statement::SLSA_V02 => PROVENANCE.to_owned(),
            crate::statement::NPM_PUBLISH => "a registry's word on who published".to_owned(),
            crate::statement::PYPI_PUBLISH => "a publish attestation".to_owned(),
            crate::statement::VSA => "a verification summary".to_owned(),
            other if other.starts_with(RELEASE) => "GitHub's word on which release it is an asset of".to_owned(),
            other => format!("a statement of the type `{}`", other.escape_debug()),
        },
    }
}

/// What [`kind_of`] calls provenance.
pub const PROVENANCE: &str = "SLSA provenance";

/// What GitHub writes about the assets of a release, in several versions.
const RELEASE: &str = "https://in-toto.io/attestation/release/";
