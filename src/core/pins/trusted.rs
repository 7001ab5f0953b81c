//! Whom a project trusts: [`Repository`], [`Host`] and the age that is asked for.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::url::{Url, UrlError};

/// An `https:` URL of a source repository: a host and a path of two or more plain components.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repository(Url);

impl Repository {
    /// The repository as a URL.
    pub const fn url(&self) -> &Url {
        &self.0
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Repository {
    type Err = RepositoryError;

    fn from_str(text: &str) -> Result<Self, RepositoryError> {
        let url: Url = text.parse().map_err(RepositoryError::Url)?;
        if !url.is_https() {
            return Err(RepositoryError::PlainHttp);
        }
        let components = || url.path().split('/').skip(1);
        let is_plain = |name: &str| !matches!(name, "" | "." | "..") && !name.contains('%');
        if text.contains('?') || components().count() < 2 || !components().all(is_plain) {
            return Err(RepositoryError::Path);
        }
        // A second spelling of the same repository, which evidence never has.
        if url.path().ends_with(".git") {
            return Err(RepositoryError::DotGit);
        }
        Ok(Self(url))
    }
}

/// Why a text is not a [`Repository`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RepositoryError {
    /// Not a URL.
    Url(UrlError),
    /// http, even on loopback: a repository is an identity, not a place to fetch from.
    PlainHttp,
    /// Not `/owner/repo`, or with a query or escapes.
    Path,
    /// It ends in `.git`.
    DotGit,
}

impl RepositoryError {
    /// A stable id of the refusal.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Url(_) => "repository-url",
            Self::PlainHttp => "repository-http",
            Self::Path => "repository-path",
            Self::DotGit => "repository-dot-git",
        }
    }
}

impl fmt::Display for RepositoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(error) => error.fmt(f),
            Self::PlainHttp => f.write_str("a repository has an https URL"),
            Self::Path => f.write_str("the path of a repository is `/owner/repo` and nothing more"),
            Self::DotGit => f.write_str("a repository is named without `.git`"),
        }
    }
}

impl std::error::Error for RepositoryError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Url(error) => Some(error),
            _ => None,
        }
    }
}

/// A host that may be asked, `example.com` or `example.com:8443`.
///
/// Without a port it stands for the scheme's own port only: another port is another server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host {
    name: String,
    port: Option<u16>,
}

impl Host {
    /// The name or address in lower case; an IPv6 address stands in brackets.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The port, if one was named.
    pub const fn port(&self) -> Option<u16> {
        self.port
    }

    /// Whether `url` is on this host.
    pub fn serves(&self, url: &Url) -> bool {
        let own = if url.is_https() { 443 } else { 80 };
        self.name == url.host() && self.port.unwrap_or(own) == url.origin().port()
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl FromStr for Host {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        if text.contains("://") {
            return Err(HostError::Scheme);
        }
        if text.contains(|c: char| c.is_ascii_uppercase()) {
            return Err(HostError::UpperCase);
        }
        if text.contains('*') {
            return Err(HostError::Wildcard);
        }
        let allowed =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | ':' | '[' | ']');
        if !text.chars().all(allowed) {
            return Err(HostError::Form);
        }
        let url: Url = format!("https://{text}/").parse().map_err(|_| HostError::Form)?;
        let name = url.host().to_owned();
        let port = match text.strip_prefix(name.as_str()).ok_or(HostError::Form)? {
            "" => None,
            rest => Some(rest.strip_prefix(':').and_then(|port| port.parse().ok()).ok_or(HostError::Form)?),
        };
        let host = Self { name, port };
        let labels_whole = host.name.starts_with('[') || host.name.split('.').all(|label| !label.is_empty());
        // One spelling each: no leading zeros, no port 0.
        if port == Some(0) || host.to_string() != text || !labels_whole {
            return Err(HostError::Form);
        }
        Ok(host)
    }
}

/// Why a text is not a [`Host`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostError {
    /// It has a scheme, `https://`.
    Scheme,
    /// It has upper-case letters.
    UpperCase,
    /// It has a `*`: each host is named.
    Wildcard,
    /// Anything else that is not `host` or `host:port`.
    Form,
}

impl HostError {
    /// A stable id of the refusal.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Scheme => "host-scheme",
            Self::UpperCase => "host-upper-case",
            Self::Wildcard => "host-wildcard",
            Self::Form => "host-form",
        }
    }
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "a host is named without a scheme",
            Self::UpperCase => "a host is named in lower case",
            Self::Wildcard => "a host is named without wildcards",
            Self::Form => "a host has the form `host` or `host:port`",
        })
    }
}

impl std::error::Error for HostError {}

/// An age in days, hours or minutes: `7d`, `12h`, `90m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Age(Duration);

impl Age {
    /// The age as a length of time.
    pub const fn duration(self) -> Duration {
        self.0
    }
}

impl FromStr for Age {
    type Err = AgeError;

    fn from_str(text: &str) -> Result<Self, AgeError> {
        let (count, seconds) = if let Some(count) = text.strip_suffix('d') {
            (count, 86_400)
        } else if let Some(count) = text.strip_suffix('h') {
            (count, 3_600)
        } else if let Some(count) = text.strip_suffix('m') {
            (count, 60)
        } else {
            return Err(AgeError::Form);
        };
        if count.is_empty() || !count.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(AgeError::Form);
        }
        let seconds = count.parse::<u64>().ok().and_then(|count| count.checked_mul(seconds));
        seconds.map(Duration::from_secs).filter(|age| *age <= MAX_AGE).map(Self).ok_or(AgeError::TooLong)
    }
}

/// Longest `min-age`, 3650 days: more than any log has run, so it is a slip of the unit.
pub const MAX_AGE: Duration = Duration::from_secs(3_650 * 86_400);

/// Why a text is not an age.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgeError {
    /// Not a whole number and one of `d`, `h`, `m`.
    Form,
    /// More than [`MAX_AGE`].
    TooLong,
}

impl AgeError {
    /// A stable id of the refusal.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Form => "age-form",
            Self::TooLong => "age-too-long",
        }
    }
}

impl fmt::Display for AgeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "an age is a whole number and `d`, `h` or `m`",
            Self::TooLong => "the age is more than 3650 days",
        })
    }
}

impl std::error::Error for AgeError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_repositories() {
        let check = |text: &str, expected: Result<(), RepositoryError>| {
            assert_eq!(text.parse::<Repository>().map(|_| ()), expected, "{text}");
        };
        check("https://github.com/rollup/rollup", Ok(()));
        check("https://gitlab.example.com/group/sub/repo", Ok(()));
        check("http://127.0.0.1/a/b", Err(RepositoryError::PlainHttp));
        check("rollup/rollup", Err(RepositoryError::Url(UrlError::NotAbsolute)));
        for path in ["", "/", "/a", "/a/", "/a/b/", "/a//b", "/a/../b", "/a/%2e", "/a/b?c"] {
            check(&format!("https://github.com{path}"), Err(RepositoryError::Path));
        }
        check("https://github.com/a/b.git", Err(RepositoryError::DotGit));
    }

    #[test]
    fn a_host_is_one_server() {
        let check = |text: &str, expected: Result<(), HostError>| {
            assert_eq!(text.parse::<Host>().map(|_| ()), expected, "{text}");
        };
        for text in ["example.com", "example.com:8443", "localhost", "127.0.0.1:80", "[::1]", "[::1]:8080"] {
            check(text, Ok(()));
            assert_eq!(text.parse::<Host>().map(|host| host.to_string()).as_deref(), Ok(text));
        }
        check("https://example.com", Err(HostError::Scheme));
        check("Example.com", Err(HostError::UpperCase));
        check("*.example.com", Err(HostError::Wildcard));
        for text in [
            "",
            ":80",
            "example.com/",
            "a@example.com",
            "example.com:",
            "example.com:0",
            "example.com:080",
            "example.com:99999",
            "example.com.",
            "a..b",
            "::1",
            "[::1",
            "a?b",
            "a#b",
            "a b",
            "é",
        ] {
            check(text, Err(HostError::Form));
        }
        let serves =
            |host: &str, url: &str| host.parse::<Host>().expect("a host").serves(&url.parse::<Url>().expect("a url"));
        assert!(serves("example.com", "https://example.com/a"));
        assert!(serves("example.com:443", "https://EXAMPLE.com/a"));
        assert!(serves("127.0.0.1:8080", "http://127.0.0.1:8080/a"));
        assert!(serves("[::1]:8080", "http://[::1]:8080/a"));
        assert!(!serves("example.com", "https://example.com:8443/a"));
        assert!(!serves("example.com:8443", "https://example.com/a"));
        assert!(!serves("example.com", "https://a.example.com/"));
        assert!(!serves("localhost:443", "http://localhost/"));
    }

    #[test]
    fn reads_ages() {
        let check = |text: &str, expected: Result<u64, AgeError>| {
            assert_eq!(text.parse::<Age>().map(|age| age.0.as_secs()), expected, "{text}");
        };
        check("7d", Ok(604_800));
        check("12h", Ok(43_200));
        check("90m", Ok(5_400));
        for text in ["", "d", "7", "7s", "-7d", "+7d", " 7d", "7 d", "1.5d", "7dd", "7D"] {
            check(text, Err(AgeError::Form));
        }
        check("3650d", Ok(315_360_000));
        check("3651d", Err(AgeError::TooLong));
        check("99999999999999999999d", Err(AgeError::TooLong));
    }
}
