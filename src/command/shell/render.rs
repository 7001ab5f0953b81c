//! Reports for people: one line a subject, the verdict first; what was expected and received under it; the summary last.

use std::fmt::Write as _;

use pinfold::report::{Evidence, Finding, Level, Report, Row, Verdict};
use pinfold_core::text::plain;

/// How to say it: colour, and how much.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Style {
    /// Paint the verdicts; the words themselves say it all.
    pub(crate) colour: bool,
    /// Only what is wrong.
    pub(crate) quiet: bool,
    /// Every finding, however many.
    pub(crate) verbose: bool,
}

impl Style {
    fn paint(&self, colour: &str, word: &str) -> String {
        if self.colour { format!("\u{1b}[{colour}m{word}\u{1b}[0m") } else { word.to_owned() }
    }
}

/// The whole of a report.
pub(crate) fn report(report: &Report, style: &Style) -> String {
    let mut text = String::new();
    let shown = |row: &&Row| !style.quiet || row.verdict != Verdict::Passed || has_warning(&row.findings);
    let rows: Vec<&Row> = report.rows.iter().filter(shown).collect();
    let width = |of: fn(&Row) -> &str| rows.iter().map(|row| of(row).chars().count()).max().unwrap_or(0);
    let sources = rows.iter().map(|row| row.source.chars().count()).filter(|length| *length <= COLUMN);
    let widths = (width(|row| &row.status), width(|row| &row.subject), sources.max().unwrap_or(0));
    for row in &rows {
        line(&mut text, row, widths, style);
        if let Some(evidence) = &row.evidence {
            evidence_of(&mut text, evidence);
        }
        for file in &row.wasm {
            let of = if file.path.is_empty() { String::new() } else { format!("{}: ", plain(&file.path)) };
            let _ = writeln!(text, "  {of}{}", plain(&file.told()));
        }
        // A fetch names each path that it would throw away, or has thrown away.
        let limit = if style.verbose || report.command == "fetch" { usize::MAX } else { SHOWN };
        for finding in row.findings.iter().take(limit) {
            under(&mut text, finding, style);
        }
        if row.findings.len() > limit {
            let more = row.findings.len().saturating_sub(limit);
            let _ = writeln!(text, "  … and {more} more; -v shows all");
        }
    }
    for note in report.notes.iter().filter(|note| !style.quiet || note.level > Level::Note) {
        top(&mut text, note, style);
    }
    if !style.quiet {
        let _ = writeln!(text, "{}", plain(&report.summary));
    }
    text
}

/// Questions and answers: each question a line of its own, and what is known below it. The answers say in sentences what
/// evidence there is.
#[cfg(feature = "evidence")]
pub(crate) fn answers(report: &Report, style: &Style) -> String {
    let mut text = String::new();
    for row in &report.rows {
        let colour = match (row.verdict, row.status.as_str()) {
            (Verdict::Passed, "proven") => "32",
            (Verdict::Passed, _) => "33",
            _ => "31",
        };
        let _ = writeln!(text, "{}", plain(&row.subject));
        let _ = writeln!(text, "  {}: {}", style.paint(colour, &row.status), plain(&row.detail));
        for finding in &row.findings {
            under(&mut text, finding, style);
        }
        text.push('\n');
    }
    let _ = writeln!(text, "{}", plain(&report.summary));
    text
}

/// An error that ended a command.
pub(crate) fn failure(findings: &[Finding], style: &Style) -> String {
    let mut text = String::new();
    for finding in findings {
        top(&mut text, finding, style);
    }
    text
}

fn has_warning(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.level > Level::Note)
}

fn line(text: &mut String, row: &Row, (status, subject, source): (usize, usize, usize), style: &Style) {
    let colour = match row.verdict {
        Verdict::Passed => "32",
        Verdict::Refused => "31",
        Verdict::Failed | Verdict::Unverifiable => "33",
    };
    // Painted text has bytes that take no place, so the padding is counted apart.
    let padding = " ".repeat(status.saturating_sub(row.status.chars().count()));
    let painted = style.paint(colour, &row.status);
    let [named, from, detail] = [&row.subject, &row.source, &row.detail].map(|text| plain(text));
    let line = format!("{painted}{padding}  {named:subject$}  {from:source$}  {detail}");
    let _ = writeln!(text, "{}", line.trim_end());
}

/// Who made it, from what, where and when.
fn evidence_of(text: &mut String, evidence: &Evidence) {
    let shown = |value: &'_ Option<String>| value.as_deref().map(|text| plain(text).into_owned());
    let mut lines = Vec::new();
    if let Some(repository) = shown(&evidence.repository) {
        let at = shown(&evidence.git_ref).map(|git_ref| format!(" at {git_ref}")).unwrap_or_default();
        let commit = shown(&evidence.commit).map(|commit| format!(", commit {commit}")).unwrap_or_default();
        lines.push(format!("from {repository}{at}{commit}"));
    }
    let on = shown(&evidence.runner).map(|runner| format!(" ({runner})")).unwrap_or_default();
    lines.push(format!("by {}{on}", plain(&evidence.signer)));
    lines.extend(shown(&evidence.run).map(|run| format!("in {run}")));
    let seen = match (shown(&evidence.time), evidence.log_index, shown(&evidence.instance)) {
        (Some(time), Some(index), Some(instance)) => format!(", logged {time} ({instance}, index {index})"),
        (Some(time), None, Some(instance)) => format!(", timestamped {time} ({instance}, no public log)"),
        (Some(time), _, None) => format!(", {time}"),
        (None, ..) => ", without a time that anybody vouches for".to_owned(),
    };
    let recalled = if evidence.recalled { " (recalled: proved by an earlier run)" } else { "" };
    lines.push(format!("{}{seen}{recalled}", plain(&evidence.kind)));
    for line in lines {
        let _ = writeln!(text, "  {line}");
    }
}

fn under(text: &mut String, finding: &Finding, style: &Style) {
    let prefix = match finding.level {
        Level::Error => String::new(),
        level => format!("{}: ", level_name(level, style)),
    };
    let _ = writeln!(text, "  {prefix}{}", plain(&finding.message));
    details(text, finding, "    ");
}

fn top(text: &mut String, finding: &Finding, style: &Style) {
    let _ = writeln!(text, "{}: {}", level_name(finding.level, style), plain(&finding.message));
    details(text, finding, "  ");
}

fn details(text: &mut String, finding: &Finding, indent: &str) {
    if let Some(expected) = &finding.expected {
        let _ = writeln!(text, "{indent}expected {}", plain(expected));
    }
    if let Some(received) = &finding.received {
        let _ = writeln!(text, "{indent}received {}", plain(received));
        if let Some(marks) = finding.expected.as_ref().and_then(|expected| marks(expected, received)) {
            let _ = writeln!(text, "{indent}         {marks}");
        }
    }
    if let Some(hint) = &finding.hint {
        let _ = writeln!(text, "{indent}hint: {}", plain(hint));
    }
}

/// Marks under two digests that are nearly the same, as after a slip of the pen: no eye finds two letters changed in
/// eighty-eight. Digests of other bytes differ nearly everywhere, and get none.
fn marks(expected: &str, received: &str) -> Option<String> {
    let same_length = expected.len() == received.len() && expected.is_ascii() && received.is_ascii();
    let marks: String =
        expected.chars().zip(received.chars()).map(|(one, other)| if one == other { ' ' } else { '^' }).collect();
    let count = marks.matches('^').count();
    (same_length && (1..=MARKED).contains(&count)).then(|| marks.trim_end().to_owned())
}

fn level_name(level: Level, style: &Style) -> String {
    match level {
        Level::Note => style.paint("36", "note"),
        Level::Warning => style.paint("33", "warning"),
        Level::Error => style.paint("31", "error"),
    }
}

/// Sources that are longer, as artifacts in registries are by their digests, are no measure for the others.
const COLUMN: usize = 60;

/// More characters that differ are no slip of the pen.
const MARKED: usize = 8;

/// Findings shown of one subject: enough to see what happened, short enough to see the next one.
const SHOWN: usize = 10;
