//! What a project demands of evidence ([`Policy`]), and what proved evidence is worth under it ([`Verdict`]).
//!
//! Cryptography comes first, in [`crate::attestation`]; here only what was proved is looked at, and the certificate is
//! believed before the predicate. A claim that is absent never matches. Evidence that is wrong refuses whatever stands
//! beside it; evidence that cannot be judged is never counted as good.

mod criteria;
mod denial;
mod expectations;
mod matching;
mod proof;
mod signatures;
mod summary;

use std::time::Duration;

use crate::attestation::{Lack, Refusal, Signer, Unproved, VerifiedAttestation};
use crate::statement::{CONDA_PUBLISH, NPM_PUBLISH, PYPI_PUBLISH, SLSA_V1, SLSA_V02, Statement};
use pinfold_core::digest::Sha256;
use pinfold_core::pins::{Repository, Workflow};

pub use criteria::Failure;
pub use denial::denials;
pub use expectations::expectations;
pub use matching::{IdentityPattern, IdentityPatternError, Name, RefPattern};
pub use proof::{evidence, says_who_made};
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
    /// The kinds of claims that count: any of them. Others are looked over. For none see [`Policy::counts`].
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

    /// Whether a claim is of a kind that counts, `None` being a signature over the bytes: one that is named; where none is, one that says who built or published
    /// the artifact. A signature claims nothing, so that it is of no other kind. Where only the signer is named, that he
    /// signed is all that was asked for, whatever he claims; a verification summary is asked for by what it has to say.
    pub fn counts(&self, statement: Option<&Statement>) -> bool {
        let Some(statement) = statement else { return self.predicate_types.is_empty() };
        let kind = statement.predicate_type.as_str();
        if !self.predicate_types.is_empty() {
            return self.predicate_types.iter().any(|one| one == kind);
        }
        PROVENANCE_TYPES.contains(&kind)
            || statement.is_signature()
            || self.summary.is_some()
            || self.asks_for_signer_alone()
    }

    /// Whether it says who signed, and asks nothing of what was built from where.
    fn asks_for_signer_alone(&self) -> bool {
        let names_signer = self.identity.is_some() || self.identity_pattern.is_some() || self.key;
        let asks_of_build = !self.repositories.is_empty()
            || self.owner.is_some()
            || self.repository_id.is_some()
            || self.owner_id.is_some()
            || self.workflow.is_some()
            || !self.refs.is_empty()
            || self.builder.is_some()
            || self.build_type.is_some()
            || self.deny_self_hosted
            || self.only_known_parameters;
        names_signer && !asks_of_build
    }

    /// A digest of all that it demands: equal policies have equal ones.
    pub fn digest(&self) -> Sha256 {
        Sha256::of(format!("{self:?}").as_bytes())
    }

    /// Whether a proof is of a kind that the policy asks about at all.
    fn is_about(&self, proof: &VerifiedAttestation) -> bool {
        // Of a key a claim of whatever kind is told to be no evidence of a build.
        let by_key = self.predicate_types.is_empty() && matches!(proof.signer(), Signer::Key { .. });
        self.is_about_signer(proof) && (by_key || self.counts(proof.statement()))
    }

    /// Whether the policy says anything of such signers: of keys, or of certificates.
    fn is_about_signer(&self, proof: &VerifiedAttestation) -> bool {
        match proof.signer() {
            Signer::Key { .. } => self.key,
            Signer::Certificate(_) if !self.names_by_certificate() => false,
            // GitHub signs releases with a certificate that names neither issuer nor repository: it tells where an asset
            // comes from, and nothing of how it was built.
            Signer::Certificate(certificate) => {
                certificate.issuer.is_some() || self.identity.is_some() || self.identity_pattern.is_some()
            }
        }
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
    let mut good = None;
    for (index, proof) in proved().filter(|(_, proof)| policy.is_about(proof)) {
        let mut failures = criteria::failures(policy, now, proof);
        if let Some(denied) = proof.statement().and_then(denial::of) {
            // All that was asked for, and that it failed: what says the contrary beside it does not undo that.
            if failures.is_empty() {
                return Verdict::Refused(vec![denied]);
            }
            failures.insert(0, denied);
        }
        if failures.is_empty() {
            good = good.or(Some(index));
        } else if closest.as_ref().is_none_or(|best| failures.len() < best.len()) {
            closest = Some(failures);
        }
    }
    if let Some(index) = good {
        return Verdict::Verified(index);
    }
    if let Some(failures) = closest {
        return Verdict::Refused(failures);
    }
    // Nothing of the kind that was asked for: what somebody who is accepted says of the artifact still counts against it.
    if let Some(denied) = denials(policy, proofs).into_iter().next() {
        return Verdict::Refused(vec![denied]);
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
            SLSA_V1 | SLSA_V02 => PROVENANCE.to_owned(),
            NPM_PUBLISH => "a registry's word on who published".to_owned(),
            PYPI_PUBLISH | CONDA_PUBLISH => PUBLISHED.to_owned(),
            other if denial::is_summary(other) => "a verification summary".to_owned(),
            other if denial::is_test_result(other) => "a test result".to_owned(),
            other if other.starts_with(RELEASE) => "GitHub's word on which release it is an asset of".to_owned(),
            other => format!("a statement of the type `{}`", other.escape_debug()),
        },
    }
}

/// The type of a claim that counts only where it is named: neither provenance nor a signature, nor what npm's registry says
/// of itself beside every package.
pub fn other_kind(proof: &VerifiedAttestation) -> Option<&str> {
    let statement = proof.statement()?;
    let kind = statement.predicate_type.as_str();
    let is_usual = PROVENANCE_TYPES.contains(&kind) || statement.is_signature() || kind == NPM_PUBLISH;
    (!is_usual).then_some(kind)
}

/// What [`kind_of`] calls provenance.
pub const PROVENANCE: &str = "SLSA provenance";

/// What [`kind_of`] calls a claim of who uploaded a file to a Python index or a conda channel.
const PUBLISHED: &str = "a publish attestation";

/// The kinds of claims that say who built or published an artifact: those that count where none is named.
pub const PROVENANCE_TYPES: [&str; 4] = [SLSA_V1, SLSA_V02, PYPI_PUBLISH, CONDA_PUBLISH];

/// What GitHub writes about the assets of a release, in several versions.
const RELEASE: &str = "https://in-toto.io/attestation/release/";
