//! Verdicts on evidence as findings: the same words for `fetch`, `verify` and `check`.

use crate::attestation::{DocumentError, Lack};
use crate::policy::Failure;
use crate::report::{Finding, Level};

/// A demand that evidence does not meet.
pub fn failure(failure: &Failure) -> Finding {
    let mut finding = Finding::new(Level::Error, failure.code, failure.message.clone());
    finding.expected.clone_from(&failure.expected);
    finding.received.clone_from(&failure.received);
    finding
}

/// Why evidence cannot be judged.
pub fn lack(lack: &Lack, level: Level) -> Finding {
    let mut finding = Finding::new(level, lack.code(), lack.to_string());
    finding.hint = lack.hint();
    finding
}

/// A document in which no evidence can be looked at.
pub fn document(error: &DocumentError, from: &str) -> Finding {
    let mut finding = Finding::new(Level::Error, error.code(), format!("`{}`: {error}", from.escape_debug()));
    finding.hint = error.hint();
    finding
}

/// There is no evidence of the kind that was asked for; `instead` is what there is.
pub fn missing(instead: &[String], level: Level) -> Finding {
    let mut message = "there is no provenance for the artifact".to_owned();
    if !instead.is_empty() {
        message.push_str(&format!(", only {}", instead.join(" and ")));
    }
    Finding::new(level, "provenance-missing", message)
}
