//! [`Report`]: what a command has to say, as data; rendered by the shell for people or as JSON (`docs/report.md`).

pub mod audit;
pub mod date;
pub mod json;
mod keep;
pub mod markdown;
pub mod sarif;
pub mod wasm;

use serde::{Deserialize, Serialize};

/// How a pin, or another subject of a command, came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// All that was looked at is right.
    Passed,
    /// The work could not be done: configuration, network, disk.
    Failed,
    /// Nothing was refuted, but a verdict is not possible.
    Unverifiable,
    /// Bytes or evidence are not what was pinned.
    Refused,
}

impl Verdict {
    /// The word in documents: SLSA's for verification summaries, and two more for what lies between them.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passed => "PASSED",
            Self::Refused => "REFUSED",
            Self::Failed => "FAILED",
            Self::Unverifiable => "UNVERIFIABLE",
        }
    }

    /// The exit code: 0 passed, 1 refused, 2 failed, 3 unverifiable.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Refused => 1,
            Self::Failed => 2,
            Self::Unverifiable => 3,
        }
    }
}

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Worth knowing.
    Note,
    /// Worth acting on, but nothing was refuted.
    Warning,
    /// Why the verdict is not [`Verdict::Passed`].
    Error,
}

/// One thing that a command found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How much it weighs.
    pub level: Level,
    /// A stable identifier in kebab case; `docs/threats.md` and `docs/pins.md` list them.
    pub code: String,
    /// A sentence without a full stop.
    pub message: String,
    /// What was pinned or recorded, where two values were compared.
    pub expected: Option<String>,
    /// What was there instead.
    pub received: Option<String>,
    /// The file that it is about, relative to pins.toml.
    pub path: Option<String>,
    /// What to do.
    pub hint: Option<String>,
}

impl Finding {
    /// A finding with a message alone.
    pub fn new(level: Level, code: &str, message: impl Into<String>) -> Self {
        Self {
            level,
            code: code.to_owned(),
            message: message.into(),
            expected: None,
            received: None,
            path: None,
            hint: None,
        }
    }

    /// The same with the two values that were compared.
    #[must_use]
    pub fn compared(mut self, expected: impl Into<String>, received: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self.received = Some(received.into());
        self
    }

    /// The same with the file that it is about.
    #[must_use]
    pub fn at(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// The same with what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// One subject of a command and how it came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The name of a pin, or the digest of a cached artifact.
    pub subject: String,
    /// How it came out.
    pub verdict: Verdict,
    /// One word for what was done or seen: `installed`, `unchanged`, `verified`, `refused`.
    pub status: String,
    /// What it is, such as `npm:terser@5.46.2`; may be empty.
    pub source: String,
    /// What else to know, in a few words; may be empty.
    pub detail: String,
    /// What was proved about who made it, where evidence was judged and is good.
    pub evidence: Option<Box<Evidence>>,
    /// What upstream says of it today, where that was asked.
    pub audit: Option<Box<audit::Audit>>,
    /// The signed WebAssembly in it, as far as that was asked for.
    pub wasm: Vec<wasm::SignedFile>,
    /// All that was found, in the order in which it was.
    pub findings: Vec<Finding>,
}

/// Proved evidence in plain words. What is here stands in a certificate, or agrees with one; nothing is a mere claim.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// What kind of evidence it is, such as `SLSA provenance`.
    pub kind: String,
    /// Who signed: a workflow's URL with `@ref`, an e-mail address, or the id of a key.
    pub signer: String,
    /// Who vouched for the signer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The repository that was built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Its id at its host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository_id: Option<String>,
    /// The git reference that was built.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub git_ref: Option<String>,
    /// The commit that was built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// SLSA's builder id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub builder: Option<String>,
    /// `github-hosted`, `self-hosted`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runner: Option<String>,
    /// The run, a URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// When a log or a timestamp authority saw it first, RFC 3339 in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Its index in the transparency log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_index: Option<u64>,
    /// Whose root it was proved against: `public-good`, `github`, `staging`, `other`; `None` for a key alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// It was proved by an earlier run on this machine, and this one recalled that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recalled: bool,
}

/// What a command returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The command's words, such as `fetch` or `cache gc`.
    pub command: &'static str,
    /// One row a subject, in the order of the pin file.
    pub rows: Vec<Row>,
    /// What concerns no single subject.
    pub notes: Vec<Finding>,
    /// One line at the end.
    pub summary: String,
    /// Whether rows are verdicts, so that none at all is no success, rather than a listing that may be empty.
    pub judges: bool,
}

impl Report {
    /// The worst verdict: refused over unverifiable over failed over passed. A report that judges nothing has failed:
    /// nothing ever passes because there was nothing to look at.
    pub fn verdict(&self) -> Verdict {
        let nothing = if self.judges { Verdict::Failed } else { Verdict::Passed };
        self.rows.iter().map(|row| row.verdict).max().unwrap_or(nothing)
    }

    /// The exit code of the verdict. 1 wins over 3 and 3 over 2, so that a caller who retries on 2 never retries past a
    /// refusal.
    pub fn exit_code(&self) -> u8 {
        self.verdict().exit_code()
    }

    /// How many rows have evidence whose verdict was recalled, not reached by this run.
    pub fn recalled(&self) -> usize {
        self.rows.iter().filter(|row| row.evidence.as_ref().is_some_and(|evidence| evidence.recalled)).count()
    }

    /// How many rows came out so.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.rows.iter().filter(|row| row.verdict == verdict).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(verdicts: &[Verdict], judges: bool) -> Report {
        let row = |verdict: &Verdict| Row {
            subject: "x".into(),
            verdict: *verdict,
            status: String::new(),
            source: String::new(),
            detail: String::new(),
            evidence: None,
            audit: None,
            wasm: Vec::new(),
            findings: vec![],
        };
        let rows = verdicts.iter().map(row).collect();
        Report { command: "fetch", rows, notes: vec![], summary: String::new(), judges }
    }

    #[test]
    fn a_refusal_wins_over_all_and_nothing_is_no_success() {
        use Verdict::{Failed, Passed, Refused, Unverifiable};
        let check = |verdicts: &[Verdict], code| assert_eq!(report(verdicts, true).exit_code(), code, "{verdicts:?}");
        check(&[Passed, Passed], 0);
        check(&[Passed, Refused, Unverifiable, Failed], 1);
        check(&[Failed, Passed], 2);
        check(&[Failed, Unverifiable, Passed], 3);
        check(&[], 2);
        assert_eq!(report(&[], false).exit_code(), 0);
    }
}
