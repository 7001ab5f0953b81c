//! [`Report`]: what a command has to say, as data; rendered by the shell for people or as JSON (`docs/report.md`).

pub mod audit;
pub mod date;
pub mod json;
mod keep;
pub mod markdown;
pub mod sarif;
pub mod wasm;

pub use pinfold_core::finding::{Evidence, Finding, Level, Verdict};

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
