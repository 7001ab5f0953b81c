//! [`call()`]: a question with a short answer, for services that are spoken to and not downloaded from.
//!
//! Any status is an answer; where the next attempt may well have another (429, 5xx, no connection), it is asked again as
//! often as the question allows. What is sent can be a secret or leave a mark, so that no redirect is followed, and
//! silence is not answered with the same question: the first may still be worked on.

use std::fmt;
use std::io::{self, Read as _};
use std::time::{Duration, Instant};

use super::retry::{self, Backoff, Clock, RETRY_AFTER_CAP};
use super::{Http, HttpError, Method, RegistryHeaders, Request, Response, TimeoutKind, without_query};
use pinfold_core::url::Url;

/// A question.
pub struct Call<'a> {
    /// What to do.
    pub method: Method<'a>,
    /// To whom it goes, and to nobody else.
    pub url: &'a Url,
    /// More headers, by name.
    pub headers: Vec<(&'static str, String)>,
    /// What of that which is sent is a secret, beside the value of `Authorization`.
    pub secret: Option<&'a str>,
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
    /// The length that the answer tells, in bytes; for [`Method::Head`] of what is there, and not sent.
    pub content_length: Option<u64>,
    /// What an OCI registry says beside.
    pub registry: RegistryHeaders,
    /// How long the server asks to wait before it is asked again (`Retry-After`), no longer than [`RETRY_AFTER_CAP`].
    pub pause: Option<Duration>,
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
        let asked = retry_after.and_then(|text| retry::retry_after(&text, clock.calendar()));
        let asked = asked.map(|pause| pause.min(RETRY_AFTER_CAP));
        let pause = asked.unwrap_or_else(|| call.backoff.pause(attempts));
        let over = clock.now().checked_add(pause).is_none_or(|then| then >= call.deadline);
        if !again || over || attempts >= call.attempts {
            let reply = result.map(|reply| Reply { pause: asked, ..reply });
            return reply.map_err(|failure| CallError { url: without_query(call.url), attempts, failure });
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
    let Call { method, url, secret, deadline, .. } = *call;
    let headers = call.headers.clone();
    match http.exchange(&Request { method, url, headers, secret, deadline: Some(deadline) }) {
        Err(error) => (Err(CallFailure::Http(error)), None),
        Ok(mut response) => {
            let retry_after = response.retry_after.take();
            (read(call, response), retry_after)
        }
    }
}

fn read(call: &Call<'_>, response: Response) -> Result<Reply, CallFailure> {
    let Response { status, location, content_length, content_encoding, registry, body, .. } = response;
    if (300..400).contains(&status) {
        return Err(CallFailure::Redirect { status, location });
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
    let is_head = matches!(call.method, Method::Head);
    if !is_head && content_length.is_some_and(|announced| length < announced) {
        let short = io::Error::new(io::ErrorKind::UnexpectedEof, "fewer bytes than were announced");
        return Err(CallFailure::Http(HttpError::Closed(short)));
    }
    Ok(Reply { status, location, content_length, registry, pause: None, body: bytes })
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
        /// Where to, as it stands there.
        location: Option<String>,
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
            CallFailure::Redirect { status, .. } => {
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

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::sync::Mutex;
    use std::time::SystemTime;

    use super::*;

    /// Answers one after the other; the last for ever.
    struct Script(Mutex<Vec<Answer>>, Mutex<u32>);

    #[derive(Clone, Copy)]
    enum Answer {
        Status(u16, Option<&'static str>, usize),
        Refused,
        Cut,
        Silent,
    }

    impl Http for Script {
        fn exchange(&self, _request: &Request<'_>) -> Result<Response, HttpError> {
            *self.1.lock().expect("no panic") += 1;
            let mut answers = self.0.lock().expect("no panic");
            let answer = if answers.len() > 1 { answers.remove(0) } else { answers[0] };
            let (status, retry_after, length) = match answer {
                Answer::Status(status, retry_after, length) => (status, retry_after, length),
                Answer::Refused => return Err(HttpError::Connect(io::ErrorKind::ConnectionRefused.into())),
                Answer::Silent => return Err(HttpError::Timeout(TimeoutKind::Idle)),
                Answer::Cut => (200, None, 3),
            };
            Ok(Response {
                status,
                location: Some("/elsewhere".to_owned()),
                content_length: matches!(answer, Answer::Cut).then_some(9),
                content_type: None,
                content_encoding: None,
                retry_after: retry_after.map(str::to_owned),
                part: Default::default(),
                registry: RegistryHeaders::default(),
                body: Box::new(Cursor::new(vec![b'x'; length])),
            })
        }
    }

    /// Nobody waits: pauses are added up instead.
    #[derive(Default)]
    struct Hasty(Mutex<Duration>);

    impl Clock for Hasty {
        fn now(&self) -> Instant {
            Instant::now() + *self.0.lock().expect("no panic")
        }

        fn calendar(&self) -> SystemTime {
            SystemTime::UNIX_EPOCH
        }

        fn sleep(&self, pause: Duration) {
            *self.0.lock().expect("no panic") += pause;
        }
    }

    /// What comes of it, how often it was asked, and how long was waited.
    fn ask(answers: &[Answer], patience: u64) -> (Result<u16, &'static str>, u32, Duration) {
        let (script, clock) = (Script(Mutex::new(answers.to_vec()), Mutex::default()), Hasty::default());
        let url = "https://service.example.com/place?secret".parse().expect("a url");
        let result = call(
            &script,
            &clock,
            &Call {
                method: Method::Post(b"question"),
                url: &url,
                headers: Vec::new(),
                secret: None,
                limit: 10,
                deadline: Instant::now() + Duration::from_secs(patience),
                attempts: 3,
                backoff: Backoff::default(),
            },
        );
        let result = result.map(|reply| reply.status).map_err(|error| {
            assert!(!error.to_string().contains("secret"), "{error}");
            error.code()
        });
        let asked = *script.1.lock().expect("no panic");
        (result, asked, *clock.0.lock().expect("no panic"))
    }

    #[test]
    fn only_what_may_pass_is_asked_again() {
        use Answer::{Cut, Refused, Silent, Status};
        let check = |answers: &[Answer], expected: Result<u16, &'static str>, times: u32| {
            let (result, asked, _) = ask(answers, 60);
            assert_eq!((result, asked), (expected, times));
        };
        check(&[Status(201, None, 10)], Ok(201), 1);
        check(&[Refused, Status(503, None, 0), Status(200, None, 1)], Ok(200), 3);
        check(&[Status(500, None, 0)], Ok(500), 3);
        check(&[Refused], Err("http-connect"), 3);
        check(&[Cut, Status(409, None, 0)], Ok(409), 2);
        // Silence may be work, and all others were understood.
        check(&[Silent], Err("http-timeout-idle"), 1);
        check(&[Status(400, None, 0)], Ok(400), 1);
        check(&[Status(501, None, 0)], Ok(501), 1);
        check(&[Status(200, None, 11)], Err("body-too-long"), 1);
        for redirect in [300, 301, 302, 303, 307, 308] {
            check(&[Status(redirect, None, 0)], Err("call-redirected"), 1);
        }
    }

    #[test]
    fn a_pause_is_as_long_as_asked_for_within_limits() {
        use Answer::Status;
        let good = Status(200, None, 0);
        assert_eq!(ask(&[Status(429, Some("7"), 0), good], 60).2, Duration::from_secs(7));
        assert_eq!(ask(&[Status(503, Some("3600"), 0), good], 60).2, RETRY_AFTER_CAP);
        // No pause is begun that outlasts the question's time.
        assert_eq!(ask(&[Status(503, Some("20"), 0), good], 10), (Ok(503), 1, Duration::ZERO));
        assert_eq!(ask(&[good], 0), (Err("http-timeout-deadline"), 0, Duration::ZERO));
    }
}
