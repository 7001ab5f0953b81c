//! Verification summaries (SLSA VSA 1.x): the verdict of a verifier whom the policy trusts.

use serde_json::Value;

use super::criteria::Failure;
use crate::attestation::VerifiedAttestation;
use crate::statement::VSA;

/// What a verification summary has to say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SummaryPolicy {
    /// `verifier.id`.
    pub verifier: Option<String>,
    /// `resourceUri`.
    pub resource: Option<String>,
    /// All of these stand in `verifiedLevels`.
    pub levels: Vec<String>,
}

/// The demands that a summary does not meet. One that did not pass meets none, whatever else it says: see `denial`.
pub(super) fn failures(policy: &SummaryPolicy, proof: &VerifiedAttestation, failures: &mut Vec<Failure>) {
    let statement = proof.statement().filter(|statement| statement.predicate_type == VSA);
    let Some(predicate) = statement.map(|statement| &statement.predicate) else {
        let received = proof.statement().map(|statement| statement.predicate_type.clone());
        failures.push(failure("predicate-type-mismatch", "it is no verification summary", VSA, received));
        return;
    };
    let text = |pointer: &str| predicate.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let pairs = [
        ("summary-verifier", "another verifier summed up", &policy.verifier, text("/verifier/id")),
        ("summary-resource", "the summary is about another resource", &policy.resource, text("/resourceUri")),
    ];
    for (code, message, expected, received) in pairs {
        if let Some(expected) = expected
            && received.as_ref() != Some(expected)
        {
            failures.push(failure(code, message, expected, received));
        }
    }
    let levels = predicate.get("verifiedLevels").and_then(Value::as_array);
    let levels: Vec<&str> = levels.into_iter().flatten().filter_map(Value::as_str).collect();
    for wanted in &policy.levels {
        if !levels.contains(&wanted.as_str()) {
            failures.push(failure("summary-level", "the summary lacks a level", wanted, Some(levels.join(", "))));
        }
    }
}

fn failure(code: &'static str, message: &str, expected: &str, received: Option<String>) -> Failure {
    let received = Some(received.unwrap_or_else(|| "nothing".to_owned()));
    Failure { code, message: message.to_owned(), expected: Some(expected.to_owned()), received, hint: None }
}
