//! [`download()`]: one URL to one [`Sink`], with all that may lie between: redirects, retries, limits.
//!
//! A body that breaks off is asked for from where it stopped, see [`Begun`]; one that was put together wrongly is asked for
//! once more from its beginning.
//!
//! Refuses hosts that the allowlist does not name (at every hop), https that leads to http, compressed transfer, and
//! more bytes than were announced or pinned. What was pinned *besides* the size is the caller's to check; a wrong
//! digest is no reason to come back here with the same URL.

use std::io;
use std::time::{Duration, Instant};

use super::pace::Pace;
use super::resume::{Begun, Head, Part};
use super::retry::{self, ATTEMPTS, Backoff, Clock, MAX_PARTS, PROGRESS, RETRY_AFTER_CAP};
use super::{
    DownloadError, Failure, Http, HttpError, LowSpeed, Method, RegistryHeaders, Request, Response, TimeoutKind,
    Timeouts,
};
use crate::source::credentials::Credentials;
use pinfold_core::pins::Host;
use pinfold_core::url::{Url, UrlError};

/// How many redirects are followed, unless the rules say otherwise; a release asset takes two.
pub const MAX_REDIRECTS: u32 = 5;

/// What a download may do.
#[derive(Clone)]
pub struct Rules<'a> {
    /// The hosts that may be asked; `None` for all.
    pub hosts: Option<&'a [Host]>,
    /// What to send to whom.
    pub credentials: &'a Credentials,
    /// What counts as too slow.
    pub low_speed: LowSpeed,
    /// When the pin's time is over, its mirrors included.
    pub deadline: Instant,
    /// How many redirects are followed.
    pub max_redirects: u32,
    /// How often a URL is tried without getting anywhere, at least once.
    pub attempts: u32,
    /// How long to wait between attempts.
    pub backoff: Backoff,
    /// `Accept`: what kind of answer is asked for, where a server has several.
    pub accept: Option<&'static str>,
}

impl<'a> Rules<'a> {
    /// The usual rules, for a pin whose time ends at `deadline`.
    pub fn new(credentials: &'a Credentials, timeouts: &Timeouts, deadline: Instant) -> Self {
        Self {
            hosts: None,
            credentials,
            low_speed: timeouts.low_speed,
            deadline,
            max_redirects: MAX_REDIRECTS,
            attempts: ATTEMPTS,
            backoff: Backoff::default(),
            accept: None,
        }
    }
}

/// How much may come, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyLimit {
    /// The pin says how much it is.
    Exact(u64),
    /// It does not; a cap.
    AtMost(u64),
}

impl BodyLimit {
    const fn most(self) -> u64 {
        match self {
            Self::Exact(size) | Self::AtMost(size) => size,
        }
    }

    const fn too_long(self) -> Failure {
        Failure::TooLong { limit: self.most(), exact: matches!(self, Self::Exact(_)) }
    }
}

/// Where the bytes go.
pub trait Sink {
    /// It begins anew: what was written is void.
    fn restart(&mut self) -> io::Result<()>;
    /// How many bytes there will be in all, where the pin or the server says it; for who shows progress.
    fn expect(&mut self, bytes: u64);
    /// The next bytes.
    fn write(&mut self, chunk: &[u8]) -> io::Result<()>;
    /// Whether what was written has the digest that it is to have; `None` where none is known. Who knows one may be sent
    /// parts that no server vouches for to be of one version.
    fn is_expected(&self) -> Option<bool> {
        None
    }
}

/// What came of a download that went well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Who served the bytes, after all redirects.
    pub url: Url,
    /// `Content-Type`: for the message, when the bytes turn out not to be what was pinned.
    pub content_type: Option<String>,
    /// How often it was tried.
    pub attempts: u32,
    /// How many bytes came.
    pub bytes: u64,
    /// What an OCI registry says beside.
    pub registry: RegistryHeaders,
}

/// Fetches `url` into `sink`. An `Ok` says that a whole body of allowed length came, and nothing about its content.
pub fn download(
    http: &dyn Http,
    url: &Url,
    rules: &Rules<'_>,
    limit: BodyLimit,
    clock: &dyn Clock,
    sink: &mut dyn Sink,
) -> Result<Outcome, DownloadError> {
    go_on(http, url, rules, (limit, &mut Begun::default()), clock, sink)
}

/// The same where the sink has a part already: what `begun` was told by an earlier call that failed.
pub fn go_on(
    http: &dyn Http,
    url: &Url,
    rules: &Rules<'_>,
    (limit, begun): (BodyLimit, &mut Begun),
    clock: &dyn Clock,
    sink: &mut dyn Sink,
) -> Result<Outcome, DownloadError> {
    let (mut attempts, mut in_vain, mut furthest) = (0_u32, 0_u32, begun.len());
    loop {
        attempts = attempts.saturating_add(1);
        let mut attempt = Attempt { http, rules, limit, clock, hops: Vec::new(), retry_after: None };
        let failure = match attempt.run(url, begun, sink) {
            // Parts of two versions, perhaps: what is wrong with the whole shows when it comes as one.
            Ok(_) if begun.is_pieced() && sink.is_expected() == Some(false) => None,
            Ok(came) => return Ok(Outcome { attempts, ..came }),
            Err(Stop::Misfit) => None,
            Err(Stop::Failed(failure)) => Some(failure),
        };
        let hops = std::mem::take(&mut attempt.hops);
        let failed = |failure| Err(DownloadError { url: url.clone(), hops, attempts, failure: Box::new(failure) });
        if let Some(failure) = failure {
            in_vain = if begun.len() >= furthest.saturating_add(PROGRESS) { 1 } else { in_vain.saturating_add(1) };
            furthest = furthest.max(begun.len());
            let pause = attempt.pause(in_vain);
            let over = clock.now().checked_add(pause).is_none_or(|then| then >= rules.deadline);
            let is_last = in_vain >= rules.attempts || attempts >= rules.attempts.max(MAX_PARTS);
            if is_last || over || !failure.is_worth_retrying() {
                return failed(failure);
            }
            clock.sleep(pause);
        } else {
            begun.begin_anew();
        }
        if !begun.goes_on(sink.is_expected().is_some()) {
            begun.clear();
            if let Err(error) = sink.restart() {
                return failed(Failure::Sink(error));
            }
        }
    }
}

/// One way from the URL that was asked for to a body.
struct Attempt<'a> {
    http: &'a dyn Http,
    rules: &'a Rules<'a>,
    limit: BodyLimit,
    clock: &'a dyn Clock,
    hops: Vec<Url>,
    retry_after: Option<String>,
}

/// Why an attempt ends without a body.
enum Stop {
    Failed(Failure),
    /// What came is not the rest of what is there.
    Misfit,
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Attempt<'_> {
    fn run(&mut self, url: &Url, begun: &mut Begun, sink: &mut dyn Sink) -> Result<Outcome, Stop> {
        let mut url = url.clone();
        let is_held = sink.is_expected().is_some();
        let is_rest = begun.goes_on(is_held);
        for _ in 0..=self.rules.max_redirects {
            let response = self.ask(&url, begun, is_rest)?;
            match response.status {
                200 => {
                    if begun.len() > 0 {
                        sink.restart().map_err(Failure::Sink)?;
                    }
                    begun.begin(Head::of(&response, &url));
                    return Ok(self.outcome(url, self.receive(response, begun, sink)?, begun));
                }
                206 if is_rest => {
                    let size = match self.limit {
                        BodyLimit::Exact(size) => Some(size),
                        BodyLimit::AtMost(_) => None,
                    };
                    let part = begun.take(&response, &url, is_held, size).ok_or(Stop::Misfit)?;
                    return Ok(self.outcome(url, self.receive_part(response, part, begun, sink)?, begun));
                }
                416 if is_rest => {
                    drain(response.body);
                    return Err(Stop::Misfit);
                }
                301 | 302 | 303 | 307 | 308 => {
                    url = redirect(&url, &response)?;
                    self.hops.push(url.clone());
                }
                status => return Err(self.refused(status, &url, response).into()),
            }
        }
        Err(Failure::TooManyRedirects { limit: self.rules.max_redirects }.into())
    }

    fn outcome(&self, url: Url, bytes: u64, begun: &Begun) -> Outcome {
        let Head { content_type, registry, .. } = begun.head().clone();
        Outcome { url, content_type, attempts: 1, bytes, registry }
    }

    fn ask(&self, url: &Url, begun: &Begun, is_rest: bool) -> Result<Response, Failure> {
        if let Some(hosts) = self.rules.hosts
            && !hosts.iter().any(|host| host.serves(url))
        {
            return Err(Failure::HostNotAllowed { host: url.origin().authority() });
        }
        if self.clock.now() >= self.rules.deadline {
            return Err(Failure::Http(HttpError::Timeout(TimeoutKind::Deadline)));
        }
        let secret = self.rules.credentials.for_url(url);
        let authorization = secret.map(|secret| ("Authorization", secret.expose().to_owned()));
        let accept = self.rules.accept.map(|kind| ("Accept", kind.to_owned()));
        let rest = is_rest.then(|| begun.headers()).into_iter().flatten();
        let headers = authorization.into_iter().chain(accept).chain(rest).collect();
        let request = Request { method: Method::Get, url, headers, secret: None, deadline: Some(self.rules.deadline) };
        self.http.exchange(&request).map_err(Failure::Http)
    }

    fn refused(&mut self, status: u16, url: &Url, response: Response) -> Failure {
        drain(response.body);
        self.retry_after = response.retry_after;
        match status {
            404 | 410 => Failure::NotFound { status },
            401 | 403 => {
                let sent = self.rules.credentials.for_url(url).is_some();
                let challenge = response.registry.authenticate;
                Failure::NotAuthorized { status, origin: url.origin().clone(), sent, challenge }
            }
            _ => Failure::Status { status },
        }
    }

    fn receive(&self, response: Response, begun: &mut Begun, sink: &mut dyn Sink) -> Result<u64, Failure> {
        hold_to_identity(&response)?;
        match (self.limit, response.content_length) {
            (BodyLimit::Exact(expected), Some(announced)) if announced != expected => {
                return Err(Failure::Size { expected, announced, content_type: response.content_type });
            }
            (BodyLimit::AtMost(cap), Some(announced)) if announced > cap => return Err(self.limit.too_long()),
            _ => {}
        }
        let expected = match self.limit {
            BodyLimit::Exact(size) => Some(size),
            BodyLimit::AtMost(_) => response.content_length,
        };
        begun.expect(expected);
        if let Some(bytes) = expected {
            sink.expect(bytes);
        }
        if !self.copy(response.body, (expected, self.limit.most()), begun, sink)? {
            return Err(self.limit.too_long());
        }
        match expected {
            Some(whole) if begun.len() < whole => Err(Failure::Truncated { expected, got: begun.len() }),
            _ => Ok(begun.len()),
        }
    }

    /// The rest, or a part of it, behind what is there.
    fn receive_part(
        &self,
        response: Response,
        part: Part,
        begun: &mut Begun,
        sink: &mut dyn Sink,
    ) -> Result<u64, Stop> {
        hold_to_identity(&response)?;
        if part.total > self.limit.most() {
            return Err(Stop::Misfit);
        }
        sink.expect(part.total);
        if !self.copy(response.body, (Some(part.total), part.end), begun, sink)? {
            return Err(Stop::Misfit);
        }
        match begun.len() {
            got if got < part.total => Err(Failure::Truncated { expected: Some(part.total), got }.into()),
            got => Ok(got),
        }
    }

    /// Writes what comes up to its end; `false` where there is more than `most`, of which nothing is written.
    fn copy(
        &self,
        mut body: impl io::Read,
        (expected, most): (Option<u64>, u64),
        begun: &mut Begun,
        sink: &mut dyn Sink,
    ) -> Result<bool, Failure> {
        let mut buffer = vec![0; CHUNK];
        let mut pace = Pace::default();
        loop {
            let before = self.clock.now();
            let length = match body.read(&mut buffer) {
                Ok(0) => return Ok(true),
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    return Err(match HttpError::from_io(error) {
                        HttpError::Closed(_) => Failure::Truncated { expected, got: begun.len() },
                        other => Failure::Http(other),
                    });
                }
            };
            let now = self.clock.now();
            let chunk = buffer.get(..length).unwrap_or_default();
            let bytes = u64::try_from(length).unwrap_or(u64::MAX);
            if begun.len().saturating_add(bytes) > most {
                return Ok(false);
            }
            if now >= self.rules.deadline {
                return Err(Failure::Http(HttpError::Timeout(TimeoutKind::Deadline)));
            }
            if pace.is_too_slow(length, now.saturating_duration_since(before), self.rules.low_speed) {
                return Err(Failure::Http(HttpError::Timeout(TimeoutKind::LowSpeed)));
            }
            sink.write(chunk).map_err(Failure::Sink)?;
            begun.add(bytes);
        }
    }

    /// How long to wait after this attempt, the `attempts`th.
    fn pause(&self, attempts: u32) -> Duration {
        let asked = self.retry_after.as_deref().and_then(|text| retry::retry_after(text, self.clock.calendar()));
        asked.map_or_else(|| self.rules.backoff.pause(attempts), |pause| pause.min(RETRY_AFTER_CAP))
    }
}

fn hold_to_identity(response: &Response) -> Result<(), Failure> {
    match &response.content_encoding {
        Some(encoding) if !encoding.trim().eq_ignore_ascii_case("identity") => {
            Err(Failure::Encoded { encoding: encoding.clone() })
        }
        _ => Ok(()),
    }
}

/// Reads what a server has to say beside a status, and forgets it: a connection is used again only when nothing is left in
/// it, and most packages are asked for evidence that they do not have. What fails here has failed already.
fn drain(body: impl io::Read) {
    let _ = io::copy(&mut body.take(DRAINED), &mut io::sink());
}

/// Where a redirect leads.
fn redirect(from: &Url, response: &Response) -> Result<Url, Failure> {
    let location = response.location.as_deref().ok_or(Failure::NoLocation { status: response.status })?;
    // For messages: what stands in a query may grant access, and a header may be long.
    let shown = || location.split(['?', '#']).next().unwrap_or_default().chars().take(SHOWN).collect();
    match from.join(location) {
        Ok(to) if from.is_https() && !to.is_https() => Err(Failure::Downgrade { location: shown() }),
        Ok(to) => Ok(to),
        Err(UrlError::PlainHttp) => Err(Failure::Downgrade { location: shown() }),
        Err(UrlError::Credentials) => {
            Err(Failure::BadRedirect { location: "…".to_owned(), error: UrlError::Credentials })
        }
        Err(error) => Err(Failure::BadRedirect { location: shown(), error }),
    }
}

/// How much is read at once, in bytes: half of what the client takes from the socket at once.
const CHUNK: usize = 64 << 10;
/// How much is read of a body that nobody wants, in bytes: error pages are shorter, and a new connection costs less than
/// more.
const DRAINED: u64 = 32 << 10;
/// How much of a `Location` a message shows, in characters.
const SHOWN: usize = 200;
