//! The only door to the network: one exchange ([`Http`], in earnest [`Wire`]) and one file ([`download()`]).
//!
//! An exchange is one hop: no redirect is followed and nothing is retried below [`download()`], where every rule about
//! redirects, retries, sizes and credentials stands, and below [`call()`], which is for questions with short answers.
//! Nothing here believes what arrives: the caller holds the bytes to their digest.
//!
//! Refuses plain http beyond loopback, compressed transfer (the bytes that were pinned are the bytes on the wire),
//! and to go on when a server is silent, slow or endless.

mod call;
mod download;
mod error;
mod framing;
mod pace;
mod proxies;
mod resume;
mod retry;
mod roots;
mod wire;

#[cfg(test)]
mod tests;

use std::fmt;
use std::io::{self, Read};
use std::time::{Duration, Instant};

pub use call::{Call, CallError, CallFailure, Reply, call};
pub use download::{BodyLimit, MAX_REDIRECTS, Outcome, Rules, Sink, download, go_on};
pub use error::{DownloadError, Failure, HttpError, TimeoutKind, WEB_PAGE, with_causes};
pub use proxies::ProxySettings;
pub use resume::Begun;
pub use retry::{ATTEMPTS, Backoff, Clock, MAX_PARTS, PROGRESS, RETRY_AFTER_CAP, SystemClock};
pub use wire::{Wire, WireConfig};

use pinfold_core::url::Url;

/// Something that answers: the network ([`Wire`]), or a map in tests.
pub trait Http: Send + Sync {
    /// One exchange; returns when the header of the response is there. Any status is a response.
    fn exchange(&self, request: &Request<'_>) -> Result<Response, HttpError>;
}

/// One request.
pub struct Request<'a> {
    /// What to do with it.
    pub method: Method<'a>,
    /// What it is about.
    pub url: &'a Url,
    /// More headers, by name, with `Authorization` when it belongs to this origin.
    pub headers: Vec<(&'static str, String)>,
    /// What of that which is sent is a secret, beside the value of `Authorization`.
    pub secret: Option<&'a str>,
    /// When to give up, the body included.
    pub deadline: Option<Instant>,
}

/// What is asked of a server, with what is sent.
#[derive(Debug, Clone, Copy)]
pub enum Method<'a> {
    /// For what is there.
    Get,
    /// Whether it is there; the answer has no body.
    Head,
    /// To do something with this, whose `Content-Type` is among the headers.
    Post(&'a [u8]),
    /// To keep this.
    Put(&'a dyn Content),
}

/// What is sent without having to be in memory whole.
pub trait Content {
    /// How much it is, in bytes: neither less nor more is sent.
    fn length(&self) -> u64;
    /// Opens it from its beginning, for each attempt anew.
    fn open(&self) -> io::Result<Box<dyn Read + '_>>;
}

impl Content for &[u8] {
    fn length(&self) -> u64 {
        u64::try_from(self.len()).unwrap_or(u64::MAX)
    }

    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(io::Cursor::new(*self)))
    }
}

impl fmt::Debug for dyn Content + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.length())
    }
}

/// The header of a response, as far as anyone here reads it, and the body still to come.
pub struct Response {
    /// The status code.
    pub status: u16,
    /// `Location`.
    pub location: Option<String>,
    /// The length of the body in bytes, where the framing says it before the body comes.
    pub content_length: Option<u64>,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// `Content-Encoding`.
    pub content_encoding: Option<String>,
    /// `Retry-After`.
    pub retry_after: Option<String>,
    /// Which part of which version the body is.
    pub part: PartHeaders,
    /// What OCI registries say beside.
    pub registry: RegistryHeaders,
    /// The body. An error of its `read` has an [`HttpError`] inside where it is one of the network.
    pub body: Box<dyn Read + Send>,
}

/// The headers that say what a body is a part of, as they stand there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PartHeaders {
    /// `ETag`: the name of the version.
    pub etag: Option<String>,
    /// `Content-Range`: from which byte to which, and of how many.
    pub content_range: Option<String>,
}

/// The headers that only OCI registries are read for, as they stand there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RegistryHeaders {
    /// `WWW-Authenticate`: what the server wants to see.
    pub authenticate: Option<String>,
    /// `Link`: where the next page is.
    pub link: Option<String>,
    /// `Docker-Content-Digest`: what the server takes the body's digest to be.
    pub content_digest: Option<String>,
    /// `OCI-Subject`: what the server lists the manifest under that it was sent.
    pub subject: Option<String>,
}

/// How long to bear with a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeouts {
    /// For the look-up of a name, and for a connection with its TLS.
    pub connect: Duration,
    /// For one byte more, or for the header of a response.
    pub idle: Duration,
    /// What counts as too slow.
    pub low_speed: LowSpeed,
    /// For one pin: its redirects, retries and mirrors together.
    pub deadline: Duration,
}

impl Default for Timeouts {
    /// Connect 10 s, idle 30 s, at least 1 KiB/s over each 30 s, and 15 minutes for a pin: a gigabyte at 10 Mbit/s.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(30),
            low_speed: LowSpeed { bytes_per_second: 1024, window: Duration::from_secs(30) },
            deadline: Duration::from_secs(15 * 60),
        }
    }
}

/// A body that comes more slowly than this, over a whole window, is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LowSpeed {
    /// Bytes per second.
    pub bytes_per_second: u64,
    /// Over how long that is measured, in time spent waiting for the network.
    pub window: Duration,
}

/// A URL for messages: the query may be a signature that grants access.
fn without_query(url: &Url) -> String {
    let text = url.to_string();
    text.split_once('?').map_or_else(|| text.clone(), |(before, _)| format!("{before}?…"))
}

/// Where redirects led to, for messages; from the first place on that was there before it is the same again.
fn way<'a>(places: impl Iterator<Item = &'a Url>) -> String {
    let mut way = Vec::new();
    for place in places.map(without_query) {
        let is_known = way.contains(&place);
        way.push(place);
        if is_known {
            return format!("{}, and so on", way.join(" → "));
        }
    }
    way.join(" → ")
}
