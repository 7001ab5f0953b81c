//! [`Paper`]: a document beside a report, for the commands whose answer is one.

use jiff::Timestamp;

use crate::report::Report;

/// What a command wrote, and how it came out.
#[derive(Debug)]
pub struct Paper {
    /// The document.
    pub document: String,
    /// What there is to say of it.
    pub report: Report,
}

/// Seconds since 1970 as RFC 3339 in UTC, to the second; `None` beyond what a calendar holds.
pub(super) fn time(seconds: i64) -> Option<String> {
    Timestamp::from_second(seconds).ok().map(|time| time.to_string())
}
