//! An audit as a table for a document, such as a PROVENANCE.md: dated, with the command that makes it again.

use std::fmt::Write as _;

use super::audit::{Audit, Provenance, ProvenanceFrom, Served, ServedBy, Signature};
use super::{Level, Report, Row, date};
use pinfold_core::text;

/// The table. `today` is a date, `YYYY-MM-DD`; `command` is what was typed.
pub fn audit(report: &Report, today: &str, command: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let mut text = format!("Audited on {today} by pinfold {version}: {}\n\n", code(command));
    text.push_str("| pin | source | upstream bytes | registry signature | provenance | versions with provenance | published | newest |\n");
    text.push_str("|---|---|---|---|---|---|---|---|\n");
    for row in &report.rows {
        let cells = row.audit.as_deref().map_or_else(|| [const { String::new() }; 6], |audit| cells(row, audit, today));
        let _ = writeln!(text, "| {} | {} | {} |", code(&row.subject), code(&row.source), cells.join(" | "));
    }
    text.push_str(LEGEND);
    let told: Vec<String> = report.rows.iter().flat_map(findings).collect();
    if !told.is_empty() {
        let _ = writeln!(text, "\n{}", told.join("\n"));
    }
    let _ = writeln!(text, "\n{}", plain(&report.summary));
    text
}

fn cells(row: &Row, audit: &Audit, today: &str) -> [String; 6] {
    let served = match (audit.served, audit.served_by) {
        (Served::Same, ServedBy::Download) => "the pinned ones (fetched)",
        (Served::Same, _) => "the pinned ones (claimed)",
        (Served::Other, _) => "**others**",
        (Served::Gone, _) => "**gone**",
        (Served::Unknown, _) => "not known",
    };
    let signature = match audit.registry_signature {
        None => "–",
        Some(Signature::Valid) => "valid",
        Some(Signature::Absent) => "none",
        Some(Signature::Unverifiable) => "cannot be judged",
        Some(Signature::Refused) => "**wrong**",
    };
    let versions = match (&audit.first_with_evidence, &audit.newest_with_evidence) {
        (Some(first), Some(newest)) if first == newest => format!("{} (claimed)", code(first)),
        (Some(first), Some(newest)) => format!("{} to {} (claimed)", code(first), code(newest)),
        _ => "–".to_owned(),
    };
    let published = audit.published.as_deref().map_or_else(
        || "–".to_owned(),
        |time| {
            let age = date::days_between(time, today).map(|days| format!(", {days} days ago")).unwrap_or_default();
            format!("{}{age}", plain(time.get(..10).unwrap_or(time)))
        },
    );
    let withdrawn = audit.withdrawn.as_deref().map(|why| match why {
        "" => ", **withdrawn**".to_owned(),
        why => format!(", **withdrawn**: {}", escaped(&why.replace('`', "'"))),
    });
    let newest = audit.newest.as_deref().map_or_else(|| "–".to_owned(), code);
    let published = published + &withdrawn.unwrap_or_default();
    [served.to_owned(), signature.to_owned(), provenance(row, audit), versions, published, newest]
}

fn provenance(row: &Row, audit: &Audit) -> String {
    let repository = row.evidence.as_ref().and_then(|evidence| evidence.repository.as_deref());
    let whose = repository.map(|repository| format!(": {}", code(repository))).unwrap_or_default();
    let from = if audit.provenance_from == ProvenanceFrom::Record { " (from the record)" } else { "" };
    match audit.provenance {
        Provenance::Proved => format!("proved{whose}{from}"),
        Provenance::Claimed => format!("claimed{whose}"),
        Provenance::Unnamed => format!("holds, nobody is named{from}"),
        Provenance::Missing => match &audit.asked {
            Some(server) => format!("none at {}", code(server)),
            None => "none".to_owned(),
        },
        Provenance::Unverifiable => "cannot be judged".to_owned(),
        Provenance::Refused => "**wrong**".to_owned(),
        Provenance::Unknown => "not known".to_owned(),
    }
}

fn findings(row: &Row) -> Vec<String> {
    let told = row.findings.iter().filter(|finding| finding.level > Level::Note);
    told.map(|finding| format!("- {}: {} ({})", code(&row.subject), plain(&finding.message), code(&finding.code)))
        .collect()
}

/// Text in a code span. What would end the span or the cell is replaced: nothing that is quoted here needs it.
fn code(text: &str) -> String {
    let shown = text::plain(&text.replace(['`', '\\'], " ")).into_owned();
    // Nothing between two marks would be the beginning of another span.
    if shown.trim().is_empty() { "–".to_owned() } else { format!("`{}`", shown.replace('|', "\\|")) }
}

/// Text in a cell: what Markdown or HTML would read is told as it is. Code spans of messages stay.
fn plain(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    let last = parts.len().saturating_sub(1);
    let parts = parts.iter().enumerate().map(|(index, part)| match (index % 2, index == last) {
        (0, _) => escaped(part),
        // A mark without another.
        (_, true) => format!("\\`{}", escaped(part)),
        _ => code(part),
    });
    parts.collect()
}

/// Text that is nothing but text.
fn escaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for one in text::plain(text).chars() {
        match one {
            '|' | '\\' | '*' | '_' | '[' | ']' | '<' | '>' | '&' | '#' | '!' | '~' => plain.extend(['\\', one]),
            _ => plain.push(one),
        }
    }
    // Addresses become links where they stand alone (GFM, "Autolinks").
    plain.replace("://", "\\://").replace("www.", "www\\.")
}

const LEGEND: &str = "\n*Claimed* is what the source says of itself, or the record of bytes that are not here; everything else was compared or proved here.\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_its_cell() {
        assert_eq!(code("a`b|c\nd"), "`a b\\|c\\nd`");
        assert_eq!(plain("<b>|[x](y)\r\n*"), "\\<b\\>\\|\\[x\\](y)\\\\r\\\\n\\*");
        assert_eq!(plain("a `b_c` d_e ` <i>"), "a `b_c` d\\_e \\` \\<i\\>");
        assert_eq!(plain("x`` https://www.example.com/ ~a~"), "x– https\\://www\\.example.com/ \\~a\\~");
        assert_eq!(
            (plain("a\u{202e}b"), code("a\u{2066}b\\|c"), code("")),
            ("a\\\\u{202e}b".into(), "`a\\u{2066}b \\|c`".into(), "–".into())
        );
    }
}
