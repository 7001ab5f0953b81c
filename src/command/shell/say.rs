//! The one place where the command prints. What was sent as a secret is in nothing that leaves here, and neither is what a
//! job that reads the log would obey: strangers' words are in most of it.

use std::borrow::Cow;
use std::io::{self, Write as _};

use pinfold::report::Report;
#[cfg(feature = "sign")]
use pinfold_core::text::plain;
use pinfold_core::text::{Secrets, without_commands};

use crate::render::{self, Style};

/// The answer, on standard output.
pub(crate) fn answer(text: &str) -> io::Result<()> {
    io::stdout().write_all(without_commands(text).as_bytes())
}

/// A document or a script, which is for programs and is nobody else's words, or escaped by who made it.
pub(crate) fn document(text: &str) -> io::Result<()> {
    io::stdout().write_all(text.as_bytes())
}

/// The conversation, on standard error. One that nobody hears is no failure.
pub(crate) fn aside(text: &str) {
    let _ = io::stderr().write_all(without_commands(text).as_bytes());
}

/// A line of the conversation that quotes something.
#[cfg(feature = "sign")]
pub(crate) fn line(text: &str, secrets: &Secrets) {
    aside(&format!("{}\n", plain(&secrets.hide(text))));
}

/// Asks on standard error; `false` where nobody can hear it.
pub(crate) fn prompt(text: &str) -> bool {
    let mut stderr = io::stderr();
    stderr.write_all(without_commands(text).as_bytes()).and_then(|()| stderr.flush()).is_ok()
}

/// A report for people, on its way to standard error.
pub(crate) fn told(report: &Report, secrets: &Secrets, style: &Style) -> String {
    let mut report = Cow::Borrowed(report);
    report.to_mut().keep(secrets);
    render::report(&report, style)
}
