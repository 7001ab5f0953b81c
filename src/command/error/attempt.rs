//! [`Attempt`]: what went wrong at one of the places that should serve an artifact.

use crate::report::{Finding, Level};
use pinfold_core::store::Mismatch;
use pinfold_net::http::{self, DownloadError};
use pinfold_net::registry::AskError;

/// What went wrong at one place that should serve an artifact.
#[derive(Debug)]
pub struct Attempt {
    /// The place.
    pub url: String,
    /// What went wrong.
    pub failure: AttemptFailure,
}

/// See [`Attempt`].
#[derive(Debug)]
pub enum AttemptFailure {
    /// It served other bytes.
    Mismatch {
        /// Which.
        mismatch: Mismatch,
        /// What it called them.
        content_type: Option<String>,
    },
    /// It served none.
    Download(DownloadError),
    /// The index did not say where the file is.
    Ask(AskError),
}

impl Attempt {
    /// A stable identifier in kebab case.
    pub fn code(&self) -> &'static str {
        match &self.failure {
            AttemptFailure::Mismatch { .. } => "integrity-mismatch",
            AttemptFailure::Download(error) => error.code(),
            AttemptFailure::Ask(error) => error.code(),
        }
    }

    /// The attempt as a finding.
    pub fn finding(&self, level: Level) -> Finding {
        match &self.failure {
            AttemptFailure::Mismatch { mismatch, content_type } => {
                let what = content_type.as_ref().map(|name| format!(" of `{}`", name.escape_debug()));
                let message = format!(
                    "`{}` served {} bytes{} that are not what was pinned",
                    self.url,
                    mismatch.size,
                    what.unwrap_or_default()
                );
                let mut finding = Finding::new(level, self.code(), message)
                    .compared(mismatch.expected.to_string(), mismatch.received.to_string());
                let page = content_type.as_ref().is_some_and(|name| name.starts_with("text/html"));
                finding.hint = page.then(|| http::WEB_PAGE.to_owned());
                finding
            }
            AttemptFailure::Download(error) => {
                let mut finding = Finding::new(level, self.code(), with_causes(error));
                finding.hint = error.hint();
                finding
            }
            AttemptFailure::Ask(error) => {
                let mut finding = Finding::new(level, self.code(), with_causes(error));
                finding.hint = error.hint();
                match error.compared() {
                    Some((expected, received)) => finding.compared(expected, received),
                    None => finding,
                }
            }
        }
    }
}

/// An error and what caused it: "no connection to the server" alone does not say whether it is the name or the port.
pub(super) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        // Some libraries repeat the cause in their own words.
        if !text.contains(&words) {
            text.push_str(": ");
            text.extend(words.escape_debug());
        }
        cause = error.source();
    }
    text
}
