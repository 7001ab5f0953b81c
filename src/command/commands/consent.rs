//! [`Consent`]: whether what was planned may be written.

use crate::report::Report;

/// Who says whether pins.toml may be changed.
#[derive(Clone, Copy)]
pub enum Consent<'a> {
    /// It was said before.
    Given,
    /// Nobody will: only what would be done is wanted.
    DryRun,
    /// Somebody, once they have seen what is planned.
    Ask(&'a dyn Fn(&Report) -> bool),
}

/// What became of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is written.
    Written,
    /// It would be.
    Shown,
    /// Somebody said no.
    Declined,
}

impl Consent<'_> {
    /// What is to become of a plan; `planned` tells what it is.
    pub(super) fn outcome(&self, planned: impl FnOnce() -> Report) -> Outcome {
        match self {
            Self::Given => Outcome::Written,
            Self::DryRun => Outcome::Shown,
            Self::Ask(ask) if ask(&planned()) => Outcome::Written,
            Self::Ask(_) => Outcome::Declined,
        }
    }
}
