//! [`call()`]: a question with a short answer, for services that are spoken to and not downloaded from.
//!
//! Any status is an answer; where the next attempt may well have another (429, 5xx, no connection), it is asked again as
//! often as the question allows. What is sent can be a secret or leave a mark, so that no redirect is followed, and
//! silence is not answered with the same question: the first may still be worked on.

use std::fmt;
use std::io::{self, Read as _};
use std::time::{Duration, Instant};

use super::retry::{self, Backoff, Clock, RETRY_AFTER_CAP};
use super::{Http, HttpError, Method, Request, Response, TimeoutKind, without_query};
use crate::url::Url;

/// A question.
pub struct Call<'a> {
    /// What to do.
    pub method: Method<'a>,
    /// To whom it goes, and to nobody else.
    pub url: &'a Url,
    /// More headers, by name.
    pub headers: Vec<(&'static str, String)>,
    /// Longest answer, in bytes.
    pub limit: u64,
    /// When to give up, all attempts and pauses included.
    pub deadline: Instant,
    /// How often it is asked, at least once.
    pub attempts: u32,
    /// How long to wait between attempts.
    pub backoff: Backoff,
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    /// The status code: any but a redirect's.
    pub status: u16,
    /// `Location`.
    pub location: Option<String>,
    /// The whole body.
    pub body: Vec<u8>,
}

/// Asks, and reads the whole answer.
pub fn call(http: &dyn Http, clock: &dyn Clock, call: &Call<'_>) -> Result<Reply, CallError> {
    let mut attempts = 1;
    loop {
        let (result, retry_after) = once(http, clock, call);
        let again = match &result {
            Ok(reply) => is_passing(reply.status),
            // A timeout is none of these: silence may be work.
            Err(CallFailure::Http(HttpError::Connect(_) | HttpError::Closed(_))) => true,
            Err(_) => false,
        };
        let pause = pause(call, clock, attempts, retry_after.as_deref());
        let over = clock.now().checked_add(pause).is_none_or(|then| then >= call.deadline);
        if !again || over || attempts >= call.attempts {
            return result.map_err(|failure| CallError { url: without_query(call.url), attempts, failure });
        }
        clock.sleep(pause);
        attempts = attempts.saturating_add(1);
    }
}

/// Statuses that say nothing about the question (RFC 6585, section 4; RFC 9110, section 15.6).
const fn is_passing(status: u16) -> bool {
    matches!(status, 429 | 500 | 502 | 503 | 504)
}

fn once(http: &dyn Http, clock: &dyn Clock, call: &Call<'_>) -> (Result<Reply, CallFailure>, Option<String>) {
    if clock.now() >= call.deadline {
        return (Err(CallFailure::Http(HttpError::Timeout(TimeoutKind::Deadline))), None);
    }
    let (method, headers) = (call.method, call.headers.clone());
    match http.exchange(&Request { method, url: call.url, headers, deadline: Some(call.deadline) }) {
        Err(error) => (Err(CallFailure::Http(error)), None),
        Ok(mut response) => {
            let retry_after = response.retry_after.take();
            (read(call, response), retry_after)
        }
    }
}

fn read(call: &Call<'_>, response: Response) -> Result<Reply, CallFailure> {
    let Response { status, location, content_length, content_encoding, body, .. } = response;
    if (300..400).contains(&status) {
        return Err(CallFailure::Redirect { status });
    }
    if let Some(encoding) = content_encoding.filter(|name| !name.trim().eq_ignore_ascii_case("identity")) {
        return Err(CallFailure::Encoded { encoding });
    }
    let mut bytes = Vec::new();
    // One byte more than allowed, so that a longer answer is seen as such.
    let read = body.take(call.limit.saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(|error: io::Error| CallFailure::Http(HttpError::from_io(error)))?;
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if length > call.limit {
        return Err(CallFailure::TooLong { limit: call.limit });
    }
    if content_length.is_some_and(|announced| length < announced) {
        let short = io::Error::new(io::ErrorKind::UnexpectedEof, "fewer bytes than were announced");
        return Err(CallFailure::Http(HttpError::Closed(short)));
    }
    Ok(Reply { status, location, body: bytes })
}

/// How long to wait after this attempt, the `attempts`th.
fn pause(call: &Call<'_>, clock: &dyn Clock, attempts: u32, retry_after: Option<&str>) -> Duration {
    let asked = retry_after.and_then(|text| retry::retry_after(text, clock.calendar()));
    asked.map_or_else(|| call.backoff.pause(attempts), |pause| pause.min(RETRY_AFTER_CAP))
}

/// A question that got no answer.
#[derive(Debug)]
pub struct CallError {
    /// Whom it went to, without the query.
    pub url: String,
    /// How often it was asked.
    pub attempts: u32,
    /// What went wrong in the last attempt.
    pub failure: CallFailure,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum CallFailure {
    /// The exchange failed.
    Http(HttpError),
    /// The server sends elsewhere, where what was asked is not for.
    Redirect {
        /// The status.
        status: u16,
    },
    /// The answer is compressed, which was not asked for.
    Encoded {
        /// `Content-Encoding`.
        encoding: String,
    },
    /// The answer is longer than allowed.
    TooLong {
        /// What is allowed, in bytes.
        limit: u64,
    },
}

impl CallError {
    /// A stable identifier of the failure.
    pub const fn code(&self) -> &'static str {
        match &self.failure {
            CallFailure::Http(error) => error.code(),
            CallFailure::Redirect { .. } => "call-redirected",
            CallFailure::Encoded { .. } => "content-encoding",
            CallFailure::TooLong { .. } => "body-too-long",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match &self.failure {
            CallFailure::Http(error) => error.hint(),
            CallFailure::Redirect { .. } => Some("name the address that it redirects to".to_owned()),
            CallFailure::Encoded { .. } | CallFailure::TooLong { .. } => None,
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: ", self.url)?;
        match &self.failure {
            // Its own words are about pins.
            CallFailure::Http(HttpError::Timeout(TimeoutKind::Deadline)) => f.write_str("no whole answer in time"),
            CallFailure::Http(error) => error.fmt(f),
            CallFailure::Redirect { status } => {
                write!(f, "the server answered {status}, a redirect, which is not followed")
            }
            CallFailure::Encoded { encoding } => {
                write!(f, "the server sent `{}` although no encoding was asked for", encoding.escape_debug())
            }
            CallFailure::TooLong { limit } => write!(f, "the server sends more than {limit} bytes"),
        }?;
        if self.attempts > 1 { write!(f, ", tried {} times", self.attempts) } else { Ok(()) }
    }
}

impl std::error::Error for CallError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.failure {
            // Its words are part of this error's own.
            CallFailure::Http(error) => error.source(),
            _ => None,
        }
    }
}
