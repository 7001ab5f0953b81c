//! [`download()`](super::download()) over a map, and [`Wire`](super::Wire) over loopback.

mod download;
mod resume;
mod server;
mod tls;
mod wire;

use std::io;
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

use super::{BodyLimit, Clock, DownloadError, Http, Outcome, Rules, Sink, Timeouts, download as fetch};
use crate::source::credentials::Credentials;
use pinfold_core::pins::Host;
use pinfold_core::url::Url;

fn url(text: &str) -> Url {
    text.parse().expect("a url")
}

/// Real time, but nobody waits: pauses are written down instead.
#[derive(Default)]
struct Impatient {
    pauses: Mutex<Vec<Duration>>,
}

impl Clock for Impatient {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn calendar(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_770)
    }

    fn sleep(&self, pause: Duration) {
        self.pauses.lock().expect("no panic elsewhere").push(pause);
    }
}

/// Keeps what comes, and holds the downloader to its promise.
#[derive(Default)]
struct Kept {
    bytes: Vec<u8>,
    restarts: u32,
    expected: Option<u64>,
    full: bool,
    /// What it should be in the end, where somebody knows.
    wanted: Option<Vec<u8>>,
}

impl Sink for Kept {
    fn restart(&mut self) -> io::Result<()> {
        self.bytes.clear();
        self.restarts += 1;
        Ok(())
    }

    fn expect(&mut self, bytes: u64) {
        self.expected = Some(bytes);
    }

    fn write(&mut self, chunk: &[u8]) -> io::Result<()> {
        if self.full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    fn is_expected(&self) -> Option<bool> {
        self.wanted.as_ref().map(|wanted| *wanted == self.bytes)
    }
}

/// Everything about one download, with the usual rules unless a test changes them.
struct Download {
    limit: BodyLimit,
    hosts: Option<Vec<Host>>,
    credentials: Credentials,
    timeouts: Timeouts,
    clock: Impatient,
    sink: Kept,
}

impl Download {
    fn new(limit: BodyLimit) -> Self {
        Self {
            limit,
            hosts: None,
            credentials: Credentials::default(),
            timeouts: Timeouts::default(),
            clock: Impatient::default(),
            sink: Kept::default(),
        }
    }

    fn run(&mut self, http: &dyn Http, from: &str) -> Result<Outcome, DownloadError> {
        let mut rules = Rules::new(&self.credentials, &self.timeouts, Instant::now() + self.timeouts.deadline);
        rules.hosts = self.hosts.as_deref();
        fetch(http, &url(from), &rules, self.limit, &self.clock, &mut self.sink)
    }

    fn pauses(&self) -> Vec<Duration> {
        self.clock.pauses.lock().expect("no panic elsewhere").clone()
    }
}
