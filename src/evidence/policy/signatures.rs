//! What the signatures of an artifact in a registry are worth: one by somebody who is trusted is enough, and what others
//! attached spoils it as little as it helps.
//!
//! Whoever may push to a repository may attach anything to what is in it. So here, unlike with evidence that a source hands
//! out, a signature that is wrong does not refuse beside a good one; without a good one everything that is there refuses,
//! and only "there is none" is missing.

use super::criteria::{self, Failure};
use super::{Policy, Verdict};
use crate::attestation::{Lack, Signer, Unproved, VerifiedAttestation};

type Proof = Result<VerifiedAttestation, Unproved>;

/// Judges the signatures that there are. Who may have signed: whoever holds a key that was named, which is said by
/// `policy.key`, or whose certificate meets the policy. What it says of builds and names is not asked of signatures.
///
/// Of [`Verdict::Missing`] the list is empty; [`Verdict::Unverifiable`] without a reason says that nobody was named who may
/// have signed.
pub fn judge_signatures(policy: &Policy, now: i64, proofs: &[Proof]) -> Verdict {
    let policy = Policy {
        builder: None,
        build_type: None,
        predicate_types: Vec::new(),
        only_known_parameters: false,
        name: None,
        summary: None,
        ..policy.clone()
    };
    let mut refused = Vec::new();
    let mut lacks = Vec::new();
    for (index, proof) in proofs.iter().enumerate() {
        match proof {
            Ok(proof) => match failures(&policy, now, proof) {
                failures if failures.is_empty() && policy.names_somebody() => return Verdict::Verified(index),
                failures => refused.extend(failures),
            },
            Err(Unproved::Refused(refusal) | Unproved::NotAbout(refusal)) => refused.push(Failure::of_refusal(refusal)),
            Err(Unproved::Unverifiable(lack @ Lack::UnknownKey { .. })) => refused.push(untrusted(lack.to_string())),
            Err(Unproved::Unverifiable(lack)) => lacks.push(lack.clone()),
        }
    }
    match (proofs.is_empty(), refused.is_empty()) {
        (true, _) => Verdict::Missing(Vec::new()),
        // What is wrong in itself is told before what nobody vouches for.
        (false, false) if policy.names_somebody() || refused.iter().any(|failure| failure.code != UNTRUSTED) => {
            refused.sort_by_key(|failure| failure.code == UNTRUSTED);
            Verdict::Refused(refused)
        }
        _ => Verdict::Unverifiable(lacks),
    }
}

/// Why a signature that holds is not by somebody who is trusted.
fn failures(policy: &Policy, now: i64, proof: &VerifiedAttestation) -> Vec<Failure> {
    match proof.signer() {
        Signer::Key { .. } if policy.key => Vec::new(),
        Signer::Key { id } => vec![untrusted(format!("it is signed by the key {id}, which was not named"))],
        Signer::Certificate(certificate) if !policy.names_by_certificate() => {
            let who = certificate.identity.escape_debug();
            vec![untrusted(format!("it is signed with a certificate by `{who}`, whom nobody named"))]
        }
        Signer::Certificate(_) => criteria::failures(policy, now, proof),
    }
}

fn untrusted(message: String) -> Failure {
    Failure { code: UNTRUSTED, message, expected: None, received: None, hint: None }
}

/// The id of signatures by somebody who is not trusted.
const UNTRUSTED: &str = "signature-untrusted";
