//! [`Ctx`]: everything of the world that a command may use, handed to it by the shell.

use std::path::Path;
use std::time::Duration;

use pinfold_core::fs::{Held, Patience};
use pinfold_core::pins::Platform;
use pinfold_core::store::Store;
use pinfold_core::text::Secrets;
use pinfold_core::tree::Gate;
#[cfg(feature = "evidence")]
use pinfold_evidence::{trust::Trust, verdicts::Verdicts};
use pinfold_net::asked::Asked;
use pinfold_net::http::{Clock, Http, Timeouts};
use pinfold_net::source::registries::Registries;
#[cfg(feature = "oci")]
use pinfold_oci::remote_cache::Shared;

/// The world of one command.
#[derive(Clone, Copy)]
pub struct Ctx<'a> {
    /// Where pins.toml is; trees and records stand relative to its folder.
    pub pin_file: &'a Path,
    /// The artifacts that are here already.
    pub store: &'a Store,
    /// The store that many machines share.
    #[cfg(feature = "oci")]
    pub shared: &'a Shared,
    /// The network.
    pub http: &'a dyn Http,
    /// The time, for deadlines and pauses; it never gets into an output.
    pub clock: &'a dyn Clock,
    /// How long to wait for the network.
    pub timeouts: &'a Timeouts,
    /// Whom evidence is proved against, and where roots are kept that were refreshed.
    #[cfg(feature = "evidence")]
    pub trust: &'a Trust,
    /// What was proved before.
    #[cfg(feature = "evidence")]
    pub verdicts: &'a Verdicts,
    /// Which servers said lately that they have no evidence.
    pub asked: &'a Asked,
    /// Which servers stand behind the sources, with what credentials.
    pub registries: &'a Registries,
    /// Which variant of a pin is wanted.
    pub platform: &'a Platform,
    /// Who wants to know how far things are.
    pub progress: &'a dyn Progress,
    /// Room for as many unpackers as there are processors.
    pub gate: &'a Gate,
    /// How many pins are worked on at once.
    pub jobs: usize,
    /// What was sent as a secret, for what is shown before the command is over.
    pub secrets: &'a Secrets,
    /// How long to wait for other processes.
    pub lock_timeout: Duration,
}

impl Ctx<'_> {
    /// Calls `take` with the patience for a lock.
    pub fn waiting<R>(&self, take: impl FnOnce(&Patience<'_>) -> R) -> R {
        take(&Patience { limit: self.lock_timeout, told: &|held| self.progress.waiting(held) })
    }
}

/// Hears how far the work on a pin is. Calls come from several threads.
pub trait Progress: Sync {
    /// The work on a pin enters a step.
    fn step(&self, pin: &str, step: Step);
    /// So many bytes have been received, of how many if that is known; an attempt that begins anew starts
    /// again at 0.
    fn received(&self, pin: &str, bytes: u64, total: Option<u64>);
    /// Another process holds a lock, and this one waits for it.
    fn waiting(&self, held: &Held);
}

/// The steps of an installation, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The record and the tree are looked at.
    Looking,
    /// Bytes are asked for.
    Fetching,
    /// The bytes are there and right.
    Fetched,
    /// Evidence is asked for, proved and judged.
    Proving,
    /// The tree is put together beside its place.
    Unpacking,
    /// The tree is complete, and is about to be renamed.
    Unpacked,
    /// The tree is in its place.
    Published,
    /// The record is written.
    Recorded,
    /// The work on the pin is over, well or not.
    Over,
}

/// Nobody who hears.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Progress for Silent {
    fn step(&self, _pin: &str, _step: Step) {}
    fn received(&self, _pin: &str, _bytes: u64, _total: Option<u64>) {}
    fn waiting(&self, _held: &Held) {}
}
