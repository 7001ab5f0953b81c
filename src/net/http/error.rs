//! What can go wrong between asking and having: [`HttpError`] for one exchange, [`DownloadError`] for a file.

use std::fmt;
use std::io;

use super::{way, without_query};
use pinfold_core::text::Location;
use pinfold_core::url::{Origin, Url, UrlError};

/// Why an exchange failed.
#[derive(Debug)]
pub enum HttpError {
    /// No connection: the name is unknown, the host unreachable, the port closed.
    Connect(io::Error),
    /// The connection ended before the response did.
    Closed(io::Error),
    /// Too long without progress.
    Timeout(TimeoutKind),
    /// The server could not prove who it is, or no common protocol. Final: who retries this teaches people to.
    Tls(Box<dyn std::error::Error + Send + Sync>),
    /// The certificate authorities cannot be used.
    Roots {
        /// Why.
        reason: String,
    },
    /// The proxy that is configured cannot be used, or refuses.
    Proxy {
        /// Why.
        reason: String,
    },
    /// What came is not HTTP.
    Protocol {
        /// Why.
        reason: String,
    },
    /// Any other error of the socket.
    Io(io::Error),
}

/// Which time ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeoutKind {
    /// No connection yet.
    Connect,
    /// Not a byte for too long, or no complete header.
    Idle,
    /// Bytes, but too few.
    LowSpeed,
    /// The pin's whole time.
    Deadline,
}

impl HttpError {
    /// Whether the next attempt may well succeed.
    pub const fn is_worth_retrying(&self) -> bool {
        match self {
            Self::Connect(_) | Self::Closed(_) => true,
            Self::Timeout(kind) => !matches!(kind, TimeoutKind::Deadline),
            Self::Tls(_) | Self::Roots { .. } | Self::Proxy { .. } | Self::Protocol { .. } | Self::Io(_) => false,
        }
    }

    /// Whether there is no use in asking the same server another question.
    pub const fn is_unreachable(&self) -> bool {
        matches!(self, Self::Connect(_) | Self::Timeout(_))
    }

    /// A stable identifier of the failure.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Connect(_) => "http-connect",
            Self::Closed(_) => "http-closed",
            Self::Timeout(TimeoutKind::Connect) => "http-timeout-connect",
            Self::Timeout(TimeoutKind::Idle) => "http-timeout-idle",
            Self::Timeout(TimeoutKind::LowSpeed) => "http-timeout-low-speed",
            Self::Timeout(TimeoutKind::Deadline) => "http-timeout-deadline",
            Self::Tls(_) => "http-tls",
            Self::Roots { .. } => "http-roots",
            Self::Proxy { .. } => "http-proxy",
            Self::Protocol { .. } => "http-protocol",
            Self::Io(_) => "http-io",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Tls(_) => Some("if a company's own authority signs here, name it with `--ca-file`".to_owned()),
            Self::Roots { .. } => Some("set `SSL_CERT_FILE`, or name a PEM file with `--ca-file`".to_owned()),
            Self::Proxy { .. } => Some("see `HTTPS_PROXY` and `NO_PROXY`".to_owned()),
            _ => None,
        }
    }

    /// What an error of a socket or of a body means.
    pub(super) fn from_io(error: io::Error) -> Self {
        use io::ErrorKind as Kind;
        let error = match error.downcast::<Self>() {
            Ok(inner) => return inner,
            Err(error) => error,
        };
        let error = match error.downcast::<ureq::Error>() {
            Ok(inner) => return Self::from_ureq(inner),
            Err(error) => error,
        };
        match error.kind() {
            _ if error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) => Self::Tls(Box::new(error)),
            Kind::ConnectionRefused
            | Kind::HostUnreachable
            | Kind::NetworkUnreachable
            | Kind::NetworkDown
            | Kind::AddrNotAvailable => Self::Connect(error),
            Kind::ConnectionReset
            | Kind::ConnectionAborted
            | Kind::NotConnected
            | Kind::BrokenPipe
            | Kind::UnexpectedEof => Self::Closed(error),
            Kind::TimedOut => Self::Timeout(TimeoutKind::Idle),
            _ => Self::Io(error),
        }
    }

    /// What an error of the client means.
    pub(super) fn from_ureq(error: ureq::Error) -> Self {
        use ureq::Timeout;
        match error {
            ureq::Error::Io(error) => Self::from_io(error),
            ureq::Error::Timeout(Timeout::Connect | Timeout::Resolve) => Self::Timeout(TimeoutKind::Connect),
            ureq::Error::Timeout(Timeout::Global | Timeout::PerCall) => Self::Timeout(TimeoutKind::Deadline),
            ureq::Error::Timeout(_) => Self::Timeout(TimeoutKind::Idle),
            ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => Self::Connect(io::Error::other(error)),
            ureq::Error::ConnectProxyFailed(reason) => Self::Proxy { reason },
            ureq::Error::InvalidProxyUrl => Self::Proxy { reason: "its address is malformed".to_owned() },
            ureq::Error::Rustls(error) => Self::Tls(Box::new(error)),
            ureq::Error::Tls(_) | ureq::Error::Pem(_) | ureq::Error::TlsRequired => Self::Tls(Box::new(error)),
            ureq::Error::Protocol(error) => Self::Protocol { reason: error.to_string() },
            other => Self::Protocol { reason: other.to_string() },
        }
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(_) => f.write_str("no connection to the server"),
            Self::Closed(_) => f.write_str("the server closed the connection"),
            Self::Timeout(TimeoutKind::Connect) => f.write_str("no connection in time"),
            Self::Timeout(TimeoutKind::Idle) => f.write_str("the server went silent"),
            Self::Timeout(TimeoutKind::LowSpeed) => f.write_str("the server is too slow"),
            Self::Timeout(TimeoutKind::Deadline) => f.write_str("the time for this pin is over"),
            Self::Tls(_) => f.write_str("no trustworthy TLS connection"),
            Self::Roots { reason } => write!(f, "the certificate authorities cannot be used: {reason}"),
            Self::Proxy { reason } => write!(f, "the proxy cannot be used: {}", reason.escape_debug()),
            Self::Protocol { reason } => write!(f, "the server does not speak HTTP/1.1: {}", reason.escape_debug()),
            Self::Io(_) => f.write_str("the connection failed"),
        }
    }
}

impl std::error::Error for HttpError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Connect(error) | Self::Closed(error) | Self::Io(error) => Some(error),
            Self::Tls(error) => Some(error.as_ref()),
            Self::Timeout(_) | Self::Roots { .. } | Self::Proxy { .. } | Self::Protocol { .. } => None,
        }
    }
}

/// A file that did not come: what was asked for, where that led, how often it was tried, and what went wrong last.
#[derive(Debug)]
pub struct DownloadError {
    /// What was asked for.
    pub url: Url,
    /// Where redirects led to in the last attempt, in order.
    pub hops: Vec<Url>,
    /// How often it was tried.
    pub attempts: u32,
    /// What went wrong in the last attempt.
    pub failure: Box<Failure>,
}

/// What went wrong in an attempt.
#[derive(Debug)]
pub enum Failure {
    /// The allowlist does not name the host.
    HostNotAllowed {
        /// The host, with its port where that is unusual.
        host: String,
    },
    /// A redirect from https to http, or to http beyond loopback.
    Downgrade {
        /// Where to, without the query.
        location: String,
    },
    /// A redirect to what is no URL.
    BadRedirect {
        /// As it stands in the header.
        location: String,
        /// Why it is none.
        error: UrlError,
    },
    /// A redirect that does not say where to.
    NoLocation {
        /// The status.
        status: u16,
    },
    /// More redirects than allowed; a loop is one of them.
    TooManyRedirects {
        /// How many are allowed.
        limit: u32,
    },
    /// 404 or 410.
    NotFound {
        /// The status.
        status: u16,
    },
    /// 401 or 403.
    NotAuthorized {
        /// The status.
        status: u16,
        /// Who said so.
        origin: Origin,
        /// Whether credentials were sent.
        sent: bool,
        /// What the server wants to see (`WWW-Authenticate`), where it says so.
        challenge: Option<String>,
    },
    /// Any other status than 200.
    Status {
        /// The status.
        status: u16,
    },
    /// The body is compressed for the transfer, which was not asked for: its bytes are not those that were pinned.
    Encoded {
        /// `Content-Encoding`.
        encoding: String,
    },
    /// The server announces another size than the pin's.
    Size {
        /// The pin's, in bytes.
        expected: u64,
        /// The server's, in bytes.
        announced: u64,
        /// `Content-Type`.
        content_type: Option<String>,
    },
    /// More than allowed.
    TooLong {
        /// What is allowed, in bytes.
        limit: u64,
        /// Whether that is the pin's own size, rather than a cap for pins that name none.
        exact: bool,
    },
    /// Less than announced, or than the pin's size.
    Truncated {
        /// How much it should have been, where that is known, in bytes.
        expected: Option<u64>,
        /// How much came, in bytes.
        got: u64,
    },
    /// The exchange failed.
    Http(HttpError),
    /// The bytes could not be put away.
    Sink(io::Error),
}

impl DownloadError {
    /// A stable identifier of the failure.
    pub fn code(&self) -> &'static str {
        self.failure.code()
    }

    /// Whether the rules or the pin were broken, rather than the network.
    pub fn is_refusal(&self) -> bool {
        self.failure.is_refusal()
    }

    /// See [`HttpError::is_unreachable`].
    pub fn is_unreachable(&self) -> bool {
        matches!(&*self.failure, Failure::Http(error) if error.is_unreachable())
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match &*self.failure {
            Failure::HostNotAllowed { host } => Some(format!("add `{host}` to `hosts`, if it is meant to serve this")),
            Failure::NotAuthorized { origin, sent: false, .. } => {
                Some(format!("no credentials are configured for `{origin}`: an `.npmrc` may name a token for it"))
            }
            Failure::NotAuthorized { origin, sent: true, .. } => {
                Some(format!("the credentials for `{origin}` are not accepted"))
            }
            Failure::Size { content_type: Some(kind), .. } if kind.starts_with("text/html") => {
                Some(WEB_PAGE.to_owned())
            }
            Failure::TooLong { exact: false, .. } => Some("a pin may name a larger `size`".to_owned()),
            Failure::TooManyRedirects { .. } => Some(format!("the way was {}", way(self.chain()))),
            Failure::Http(error) => error.hint(),
            Failure::Sink(error)
                if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) =>
            {
                Some("free some space and run it again".to_owned())
            }
            _ => None,
        }
    }

    /// The URL that was asked for, then those that redirects led to.
    fn chain(&self) -> impl Iterator<Item = &Url> {
        std::iter::once(&self.url).chain(&self.hops)
    }
}

/// An error and what caused it: "no connection to the server" alone does not say whether it is the name or the port.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        // Some libraries repeat the cause in their own words.
        if !text.contains(&words) {
            text.push_str(": ");
            text.extend(words.escape_debug());
        }
        cause = error.source();
    }
    text
}

/// The hint where a web page came in place of an artifact.
pub const WEB_PAGE: &str = "the server sent a web page, perhaps of a login or of an error";

impl Failure {
    /// A stable identifier of the failure.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::HostNotAllowed { .. } => "host-not-allowed",
            Self::Downgrade { .. } => "redirect-downgrade",
            Self::BadRedirect { .. } => "redirect-malformed",
            Self::NoLocation { .. } => "redirect-nowhere",
            Self::TooManyRedirects { .. } => "redirect-limit",
            Self::NotFound { .. } => "not-found",
            Self::NotAuthorized { .. } => "not-authorized",
            Self::Status { .. } => "http-status",
            Self::Encoded { .. } => "content-encoding",
            Self::Size { .. } => "body-size",
            Self::TooLong { .. } => "body-too-long",
            Self::Truncated { .. } => "body-truncated",
            Self::Http(error) => error.code(),
            Self::Sink(_) => "download-write",
        }
    }

    /// Whether the rules or the pin were broken, rather than the network.
    pub const fn is_refusal(&self) -> bool {
        matches!(self, Self::HostNotAllowed { .. } | Self::Downgrade { .. } | Self::Size { .. } | Self::TooLong { .. })
    }

    /// Whether the next attempt at the same URL may well succeed.
    pub const fn is_worth_retrying(&self) -> bool {
        match self {
            Self::Truncated { .. } => true,
            Self::Status { status } => matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504),
            Self::Http(error) => error.is_worth_retrying(),
            _ => false,
        }
    }
}

impl fmt::Display for DownloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.url, self.failure)?;
        if let Some(last) = self.hops.last() {
            write!(f, ", redirected to `{}`", without_query(last))?;
        }
        if self.attempts > 1 { write!(f, ", tried {} times", self.attempts) } else { Ok(()) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HostNotAllowed { host } => write!(f, "the host `{host}` is not allowed"),
            Self::Downgrade { location } => {
                write!(f, "the server redirects to plain http at `{}`", Location(location))
            }
            Self::BadRedirect { location, error } => {
                write!(f, "the server redirects to `{}`, but {error}", Location(location))
            }
            Self::NoLocation { status } => write!(f, "the server answered {status} without saying where to"),
            Self::TooManyRedirects { limit } => write!(f, "more than {limit} redirects"),
            Self::NotFound { status } => write!(f, "not found (the server answered {status})"),
            Self::NotAuthorized { status, .. } => write!(f, "not authorized (the server answered {status})"),
            Self::Status { status } => write!(f, "the server answered {status}"),
            Self::Encoded { encoding } => {
                write!(f, "the server sent `{}` although no encoding was asked for", encoding.escape_debug())
            }
            Self::Size { expected, announced, content_type } => {
                write!(f, "the server announces {announced} bytes where the pin says {expected}")?;
                content_type.iter().try_for_each(|kind| write!(f, " (as `{}`)", kind.escape_debug()))
            }
            Self::TooLong { limit, exact: true } => write!(f, "the server sends more than the pin's {limit} bytes"),
            Self::TooLong { limit, exact: false } => write!(f, "the server sends more than {limit} bytes"),
            Self::Truncated { expected: Some(expected), got } => {
                write!(f, "the server sent {got} of {expected} bytes")
            }
            Self::Truncated { expected: None, got } => write!(f, "the server broke off after {got} bytes"),
            Self::Http(error) => write!(f, "{error}"),
            Self::Sink(_) => f.write_str("what came could not be written"),
        }
    }
}

impl std::error::Error for DownloadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &*self.failure {
            // Its words are part of this error's own.
            Failure::Http(error) => error.source(),
            Failure::Sink(error) => Some(error),
            _ => None,
        }
    }
}
