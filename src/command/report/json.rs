//! The JSON form of a report, `pinfold/report/v1`: its own structs, so that a rename inside never changes the wire.

use serde::Serialize;

use super::audit::Audit;
use super::wasm::SignedFile;
use super::{Evidence, Finding, Level, Report, Row, Verdict};
use pinfold_core::text::plain_json;

/// The value of `schema` in every document of this version.
pub const SCHEMA: &str = "pinfold/report/v1";

#[derive(Serialize)]
struct WireReport<'a> {
    schema: &'static str,
    command: &'a str,
    verdict: &'static str,
    exit_code: u8,
    rows: Vec<WireRow<'a>>,
    notes: Vec<WireFinding<'a>>,
    #[serde(skip_serializing_if = "is_zero")]
    recalled: usize,
    summary: &'a str,
}

#[derive(Serialize)]
struct WireRow<'a> {
    subject: &'a str,
    verdict: &'static str,
    status: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    source: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<&'a Evidence>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audit: Option<&'a Audit>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    wasm: &'a [SignedFile],
    findings: Vec<WireFinding<'a>>,
}

#[derive(Serialize)]
struct WireFinding<'a> {
    level: &'static str,
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    received: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

#[derive(Serialize)]
struct WireFailure<'a> {
    schema: &'static str,
    command: &'a str,
    verdict: &'static str,
    exit_code: u8,
    error: WireFinding<'a>,
}

impl Report {
    /// The report as one JSON document, ending in a line feed.
    pub fn to_json(&self) -> String {
        document(&WireReport {
            schema: SCHEMA,
            command: self.command,
            verdict: self.verdict().name(),
            exit_code: self.exit_code(),
            rows: self.rows.iter().map(row).collect(),
            notes: self.notes.iter().map(finding).collect(),
            recalled: self.recalled(),
            summary: &self.summary,
        })
    }
}

/// The document of a command that could not even begin, such as for a malformed pins.toml. `exit_code` is that of the
/// verdict, or of a program that was run.
pub fn failure(command: &str, error: &Finding, verdict: Verdict, exit_code: u8) -> String {
    document(&WireFailure { schema: SCHEMA, command, verdict: verdict.name(), exit_code, error: finding(error) })
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
const fn is_zero(count: &usize) -> bool {
    *count == 0
}

fn row(row: &Row) -> WireRow<'_> {
    WireRow {
        subject: &row.subject,
        verdict: row.verdict.name(),
        status: &row.status,
        source: &row.source,
        detail: &row.detail,
        evidence: row.evidence.as_deref(),
        audit: row.audit.as_deref(),
        wasm: &row.wasm,
        findings: row.findings.iter().map(finding).collect(),
    }
}

fn finding(finding: &Finding) -> WireFinding<'_> {
    WireFinding {
        level: match finding.level {
            Level::Note => "note",
            Level::Warning => "warning",
            Level::Error => "error",
        },
        code: &finding.code,
        message: &finding.message,
        expected: finding.expected.as_deref(),
        received: finding.received.as_deref(),
        path: finding.path.as_deref(),
        hint: finding.hint.as_deref(),
    }
}

#[expect(clippy::expect_used, reason = "the wire structs hold only strings and numbers, which JSON can write")]
pub(super) fn document(wire: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(wire).expect("strings and numbers are JSON");
    format!("{}\n", plain_json(&text))
}
