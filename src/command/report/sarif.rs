//! A report as SARIF 2.1.0 (OASIS Standard, 2020), for code scanning: a rule a code, a result a finding, at the line of
//! its pin.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{Finding, Level, Report, Verdict};
use pinfold_core::text;

/// The document. `pins` is the pin file's path, relative to the top of the repository.
pub fn document(report: &Report, pins: &str) -> String {
    let findings = || report.rows.iter().flat_map(|row| row.findings.iter().map(move |finding| (Some(row), finding)));
    let all = || findings().chain(report.notes.iter().map(|finding| (None, finding)));
    let codes: BTreeSet<&str> = all().map(|(_, finding)| finding.code.as_str()).collect();
    let results = all().map(|(row, finding)| Problem {
        rule_id: &finding.code,
        level: level(finding.level),
        message: Text { text: unlinked(&message(finding)) },
        locations: [Location {
            physical_location: Physical {
                artifact_location: Artifact { uri: encoded(pins), uri_base_id: "%SRCROOT%" },
                region: Region { start_line: row.and_then(|row| row.audit.as_ref()).map_or(1, |audit| audit.line) },
            },
        }],
        // What stays the same when lines move, so that a finding is not reported as a new one.
        partial_fingerprints: Fingerprints {
            subject: format!("{}/{}", row.map_or("", |row| row.subject.as_str()), finding.code),
        },
    });
    let log = Log {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: [Run {
            tool: Tool {
                driver: Driver {
                    name: "pinfold",
                    version: env!("CARGO_PKG_VERSION"),
                    rules: codes.iter().map(|code| rule(code)).collect(),
                },
            },
            invocations: [Invocation { execution_successful: report.verdict() != Verdict::Failed }],
            results: results.collect(),
        }],
    };
    super::json::document(&log)
}

fn rule(code: &str) -> Rule<'_> {
    Rule {
        id: code,
        short_description: Text { text: code.replace('-', " ") },
        help: Text { text: "docs/report.md lists what each code means".to_owned() },
    }
}

fn message(finding: &Finding) -> String {
    let mut text = finding.message.clone();
    if let (Some(expected), Some(received)) = (&finding.expected, &finding.received) {
        text.push_str(&format!("; expected {expected}, received {received}"));
    }
    if let Some(hint) = &finding.hint {
        text.push_str(&format!(" ({hint})"));
    }
    text
}

/// Text in which a reader finds no link: `[text](target)` is one in a message, and upstream's words are in some. What
/// would reorder or hide what stands around it is told as its code.
fn unlinked(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for one in text::plain(text).chars() {
        if matches!(one, '[' | ']' | '\\') {
            plain.push('\\');
        }
        plain.push(one);
    }
    plain
}

const fn level(level: Level) -> &'static str {
    match level {
        Level::Note => "note",
        Level::Warning => "warning",
        Level::Error => "error",
    }
}

/// A path as a URI reference (RFC 3986): what is not plain is escaped.
fn encoded(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
struct Run<'a> {
    tool: Tool<'a>,
    invocations: [Invocation; 1],
    results: Vec<Problem<'a>>,
}

#[derive(Serialize)]
struct Tool<'a> {
    driver: Driver<'a>,
}

#[derive(Serialize)]
struct Driver<'a> {
    name: &'static str,
    version: &'static str,
    rules: Vec<Rule<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule<'a> {
    id: &'a str,
    short_description: Text,
    help: Text,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
}

/// A `result` of the standard.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Problem<'a> {
    rule_id: &'a str,
    level: &'static str,
    message: Text,
    locations: [Location; 1],
    partial_fingerprints: Fingerprints,
}

#[derive(Serialize)]
struct Text {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: Physical,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    artifact_location: Artifact,
    region: Region,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Artifact {
    uri: String,
    uri_base_id: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: usize,
}

#[derive(Serialize)]
struct Fingerprints {
    #[serde(rename = "pinfold/v1")]
    subject: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_link_is_upstreams() {
        assert_eq!(unlinked("a\\[x](https://example.com/)\u{202e}"), "a\\\\\\[x\\](https://example.com/)\\\\u{202e}");
    }
}
