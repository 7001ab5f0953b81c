//! Claims that deny: a summary, a test or a scan that says of itself that the artifact failed.
//!
//! Such a claim is a valid signature, often by the right signer, and so it must never be taken for a good word. The kinds
//! that have a verdict say how it is spelled; of any other kind the spellings of those are looked for, so that a claim
//! that says `FAILED` in the usual place meets no demand, whatever it calls itself. What a scan lists is no verdict.

use serde_json::Value;

use super::Policy;
use super::criteria::{self, Failure};
use crate::attestation::{Unproved, VerifiedAttestation};
use crate::statement::Statement;

/// What somebody whom the policy accepts says against the artifact, by claims of any kind.
pub fn denials(policy: &Policy, proofs: &[Result<VerifiedAttestation, Unproved>]) -> Vec<Failure> {
    let accepted = |proof: &&VerifiedAttestation| {
        policy.names_somebody() && policy.is_about_signer(proof) && criteria::is_signer(policy, proof)
    };
    let proved = proofs.iter().filter_map(|proof| proof.as_ref().ok()).filter(accepted);
    proved.filter_map(|proof| of(proof.statement()?)).collect()
}

/// Why a claim says nothing good of the artifact, whoever made it; `None` where it does not say that it failed.
pub(super) fn of(statement: &Statement) -> Option<Failure> {
    let (kind, predicate) = (statement.predicate_type.as_str(), &statement.predicate);
    let said =
        |name: &str| predicate.get(name).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    if is_summary(kind) {
        // Version 1 spells it the one way and the drafts before it the other; a summary that has both is held to both.
        let results: Vec<String> = SUMMARY_RESULTS.into_iter().filter_map(said).collect();
        let passed = !results.is_empty() && results.iter().all(|result| result == "PASSED");
        let received = results.into_iter().find(|result| result != "PASSED");
        return (!passed)
            .then(|| failure("summary-not-passed", "the summary says that it did not pass", "PASSED", received));
    }
    if is_test_result(kind) {
        let result = said("result");
        let has_failed = predicate.get("failedTests").and_then(Value::as_array).is_some_and(|tests| !tests.is_empty());
        let passed = result.as_deref().is_some_and(|result| TEST_RESULTS.contains(&result)) && !has_failed;
        let received = if has_failed { Some("failed tests".to_owned()) } else { result };
        return (!passed).then(|| failure("claim-failed", "the test result reports a failure", "PASSED", received));
    }
    let failed = RESULTS.into_iter().filter_map(said).find(|result| is_failure(result))?;
    Some(failure("claim-failed", "the claim reports a failure", "one that passed", Some(failed)))
}

/// Whether it is a verification summary (SLSA VSA), of version 1 or the drafts before it.
pub(super) fn is_summary(kind: &str) -> bool {
    kind.starts_with("https://slsa.dev/verification_summary/")
}

/// Whether it is a test result (in-toto attestation framework, predicate "Test Result").
pub(super) fn is_test_result(kind: &str) -> bool {
    kind.starts_with("https://in-toto.io/attestation/test-result/")
}

fn is_failure(result: &str) -> bool {
    FAILURES.iter().any(|one| result.eq_ignore_ascii_case(one))
}

fn failure(code: &'static str, message: &str, expected: &str, received: Option<String>) -> Failure {
    let received = Some(received.unwrap_or_else(|| "nothing".to_owned()));
    Failure { code, message: message.to_owned(), expected: Some(expected.to_owned()), received, hint: None }
}

const SUMMARY_RESULTS: [&str; 2] = ["verificationResult", "verification_result"];
/// A test that warned did not fail ("Test Result", `result`).
const TEST_RESULTS: [&str; 2] = ["PASSED", "WARNED"];
/// Where a verdict is written, by the kinds that have one.
const RESULTS: [&str; 3] = ["verificationResult", "verification_result", "result"];
const FAILURES: [&str; 5] = ["FAILED", "FAIL", "FAILURE", "DENIED", "REJECTED"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::statement::{SLSA_V1, VSA};

    #[test]
    fn what_says_that_it_failed_is_known_by_its_place() {
        let check = |kind: &str, predicate: Value, expected: Option<&str>| {
            let statement =
                Statement { subjects: Vec::new(), predicate_type: kind.to_owned(), predicate: predicate.clone() };
            assert_eq!(of(&statement).map(|failure| failure.code), expected, "{kind} {predicate}");
        };
        let summary = Some("summary-not-passed");
        for version in ["v1", "v1.1", "v0.2", "v0.1"] {
            let kind = format!("https://slsa.dev/verification_summary/{version}");
            check(&kind, json!({ "verificationResult": "PASSED" }), None);
            check(&kind, json!({ "verification_result": "PASSED" }), None);
            for denied in ["FAILED", "passed", "", "WARNED"] {
                check(&kind, json!({ "verificationResult": denied }), summary);
            }
            check(&kind, json!({}), summary);
            check(&kind, Value::Null, summary);
            check(&kind, json!({ "verificationResult": true }), summary);
            check(&kind, json!({ "verificationResult": ["PASSED"] }), summary);
            check(&kind, json!({ "verificationResult": "PASSED", "verification_result": "FAILED" }), summary);
        }
        let (tests, failed) = ("https://in-toto.io/attestation/test-result/v0.1", Some("claim-failed"));
        check(tests, json!({ "result": "PASSED" }), None);
        check(tests, json!({ "result": "WARNED", "failedTests": [] }), None);
        check(tests, json!({ "result": "FAILED" }), failed);
        check(tests, json!({ "result": "PASSED", "failedTests": ["a"] }), failed);
        check(tests, json!({}), failed);
        // Kinds that nobody here knows, in the spellings of those that are known.
        let other = "https://example.com/scan/v1";
        for denied in ["FAILED", "failed", "Failure", "fail", "DENIED", "rejected"] {
            for name in RESULTS {
                check(other, json!({ name: denied }), failed);
            }
        }
        check(other, json!({ "result": "PASSED" }), None);
        check(other, json!({ "result": [{ "id": "CVE-1", "status": "FAILED" }] }), None);
        check(other, json!("FAILED"), None);
        check(SLSA_V1, json!({ "buildDefinition": {} }), None);
        assert!(is_summary(VSA));
    }
}
