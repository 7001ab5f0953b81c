//! Progress on a terminal: one bar a pin while its bytes come in.

use std::collections::HashMap;
use std::io::IsTerminal as _;
use std::sync::{Mutex, PoisonError};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use pinfold::ctx::{Progress, Step};
use pinfold_core::fs::Held;

use crate::say;

/// Bars on standard error, or nothing where that is no terminal.
pub(crate) struct Bars {
    bars: Option<Mutex<HashMap<String, ProgressBar>>>,
    all: MultiProgress,
    quiet: bool,
}

impl Bars {
    /// Beside a document that is read by a program nothing moves; a wait is told all the same.
    pub(crate) fn new(quiet: bool, json: bool) -> Self {
        let shown = !quiet && !json && std::io::stderr().is_terminal();
        Self { bars: shown.then(Mutex::default), all: MultiProgress::new(), quiet }
    }

    fn with(&self, pin: &str, work: impl FnOnce(&ProgressBar)) {
        let Some(bars) = &self.bars else { return };
        let mut bars = bars.lock().unwrap_or_else(PoisonError::into_inner);
        let bar = bars.entry(pin.to_owned()).or_insert_with(|| {
            let bar = self.all.add(ProgressBar::new_spinner());
            bar.set_prefix(pin.to_owned());
            bar.set_style(style(SPINNER));
            bar
        });
        work(bar);
    }
}

impl Progress for Bars {
    fn step(&self, pin: &str, step: Step) {
        match step {
            Step::Fetching | Step::Unpacking => self.with(pin, |bar| {
                bar.set_message(if step == Step::Fetching { "fetching" } else { "unpacking" });
            }),
            Step::Over => {
                let Some(bars) = &self.bars else { return };
                if let Some(bar) = bars.lock().unwrap_or_else(PoisonError::into_inner).remove(pin) {
                    bar.finish_and_clear();
                    self.all.remove(&bar);
                }
            }
            _ => {}
        }
    }

    fn received(&self, pin: &str, bytes: u64, total: Option<u64>) {
        self.with(pin, |bar| {
            if let Some(total) = total
                && bar.length() != Some(total)
            {
                bar.set_length(total);
                bar.set_style(style(BAR));
            }
            bar.set_position(bytes);
        });
    }

    fn waiting(&self, held: &Held) {
        if !self.quiet {
            say::aside(&format!("waiting for the lock `{}`: {held}\n", held.path.display()));
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    // The templates are constants; one that indicatif refused would fall back to its own.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

/// Sizes in the units of the report.
const SPINNER: &str = "{prefix:24!} {spinner} {msg} {decimal_bytes}";
/// The bar takes what the line leaves: a line that is longer than the terminal is wide would be two.
const BAR: &str = "{prefix:24!} {wide_bar} {decimal_bytes}/{decimal_total_bytes} {msg}";
