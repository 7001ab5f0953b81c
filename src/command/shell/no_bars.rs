//! In place of `bars`, where pinfold is built without `terminal`: no progress is drawn, and a wait is told all the same.

use pinfold::ctx::{Progress, Step};
use pinfold_core::fs::Held;

use crate::say;

/// Nothing that moves.
pub(crate) struct Bars {
    quiet: bool,
}

impl Bars {
    pub(crate) const fn new(quiet: bool, _json: bool) -> Self {
        Self { quiet }
    }
}

impl Progress for Bars {
    fn step(&self, _pin: &str, _step: Step) {}

    fn received(&self, _pin: &str, _bytes: u64, _total: Option<u64>) {}

    fn waiting(&self, held: &Held) {
        if !self.quiet {
            say::aside(&format!("waiting for the lock `{}`: {held}\n", held.path.display()));
        }
    }
}
