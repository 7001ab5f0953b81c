//! [`Url`]: where bytes are asked for, and [`Origin`]: to whom credentials belong.
//!
//! Refuses what has no business in a pin file or a redirect: other schemes than https (and http on loopback), user
//! names and passwords, fragments, and anything outside printable ASCII.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// Longest URL, in bytes: longer than any signed CDN address seen, shorter than servers' limits.
pub const MAX_URL_LEN: usize = 8192;

/// The part of a URL that names a server (RFC 6454): scheme, host, port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    https: bool,
    host: String,
    port: u16,
}

impl Origin {
    /// The host in lower case; an IPv6 address stands in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, the scheme's own where the URL names none.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The host, with `:port` where that is not the scheme's own.
    pub fn authority(&self) -> String {
        let own = if self.https { 443 } else { 80 };
        if self.port == own { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }

    /// Whether the host is this machine by name (`localhost`) or address (127.0.0.0/8, `::1`).
    pub fn is_loopback(&self) -> bool {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        self.host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.https { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.authority())
    }
}

/// An absolute `https:` URL, or an `http:` one on loopback.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Url {
    origin: Origin,
    path_and_query: String,
}

impl Url {
    /// Scheme, host and port.
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Whether the scheme is https.
    pub const fn is_https(&self) -> bool {
        self.origin.https
    }

    /// The host in lower case.
    pub fn host(&self) -> &str {
        self.origin.host()
    }

    /// The path, from its first `/`, without the query.
    pub fn path(&self) -> &str {
        self.path_and_query.split_once('?').map_or(self.path_and_query.as_str(), |(path, _)| path)
    }

    /// The last component of the path as it stands, empty when the path ends in `/`.
    pub fn file_name(&self) -> &str {
        self.path().rsplit_once('/').map_or("", |(_, name)| name)
    }

    /// What a `Location` header says, seen from this URL (RFC 3986, section 5): absolute, `//host`, `/path` or relative.
    pub fn join(&self, location: &str) -> Result<Self, UrlError> {
        let location = location.split_once('#').map_or(location, |(before, _)| before);
        let scheme = if self.is_https() { "https" } else { "http" };
        if has_scheme(location) {
            return location.parse();
        }
        if location.starts_with("//") {
            return format!("{scheme}:{location}").parse();
        }
        let (path, query) = location.split_once('?').map_or((location, None), |(path, query)| (path, Some(query)));
        let path = match path {
            "" => self.path().to_owned(),
            _ if path.starts_with('/') => remove_dot_segments(path),
            _ => {
                let folder = self.path().rsplit_once('/').map_or("", |(folder, _)| folder);
                remove_dot_segments(&format!("{folder}/{path}"))
            }
        };
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        format!("{}{path}{query}", self.origin).parse()
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.path_and_query)
    }
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        if text.len() > MAX_URL_LEN {
            return Err(UrlError::TooLong);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) || text.contains('\\') {
            return Err(UrlError::Character);
        }
        if text.contains('#') {
            return Err(UrlError::Fragment);
        }
        if !has_scheme(text) {
            return Err(UrlError::NotAbsolute);
        }
        let (scheme, rest) = text.split_once(':').ok_or(UrlError::NotAbsolute)?;
        let https = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(UrlError::Scheme),
        };
        let rest = rest.strip_prefix("//").ok_or(UrlError::Grammar)?;
        let (authority, path_and_query) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(UrlError::Credentials);
        }
        let (host, port) = host_and_port(authority).ok_or(UrlError::Grammar)?;
        let port = port.unwrap_or(if https { 443 } else { 80 });
        let host = host.to_ascii_lowercase();
        let origin = Origin { https, host, port };
        if !https && !origin.is_loopback() {
            return Err(UrlError::PlainHttp);
        }
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        if !path.bytes().all(is_in_path) || !query.bytes().all(is_in_query) {
            return Err(UrlError::Grammar);
        }
        let path_and_query = if path_and_query.is_empty() { "/" } else { path_and_query };
        Ok(Self { origin, path_and_query: path_and_query.to_owned() })
    }
}

/// Why a text is not a [`Url`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UrlError {
    /// Longer than [`MAX_URL_LEN`].
    TooLong,
    /// White space, a control character, a backslash, or something outside ASCII.
    Character,
    /// Not `scheme://host…`.
    NotAbsolute,
    /// Not what RFC 3986 calls a URI.
    Grammar,
    /// Another scheme than https or http.
    Scheme,
    /// http on another host than loopback.
    PlainHttp,
    /// A user name or password in front of the host.
    Credentials,
    /// A fragment, which no server ever sees.
    Fragment,
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "the URL is longer than 8192 bytes",
            Self::Character => "the URL has a character that must be percent-encoded",
            Self::NotAbsolute => "the URL has no scheme and host",
            Self::Grammar => "the URL is malformed",
            Self::Scheme => "the URL is neither https nor http",
            Self::PlainHttp => "plain http is for loopback only",
            Self::Credentials => "the URL has credentials in it",
            Self::Fragment => "the URL has a fragment",
        })
    }
}

impl std::error::Error for UrlError {}

/// RFC 3986, section 3.1: a letter, then letters, digits, `+`, `-`, `.`, then `:`.
fn has_scheme(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    })
}

/// RFC 3986, section 3.2, without user names: an IPv6 address in brackets or a name, and `:port`. No percent signs: a name
/// that two programs decode differently is two names.
fn host_and_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let end = match authority.strip_prefix('[') {
        Some(rest) => rest.find(']')? + 2,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at_checked(end)?;
    let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(is_in_name),
    };
    if !is_host {
        return None;
    }
    if port.is_empty() {
        return Some((host, None));
    }
    // `u16` reads `+80` too.
    let port = port.strip_prefix(':').filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()))?;
    Some((host, Some(port.parse().ok()?)))
}

/// RFC 3986, section 3.2.2: `reg-name` without percent signs.
const fn is_in_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'='
        )
}

/// Of what [`Url`] reads, printable ASCII: servers send more of it unescaped than RFC 3986, section 3.3, has in a path. As in
/// <https://url.spec.whatwg.org/#path-state>, but for what clients send as it is, `"`, `{` and `}`.
const fn is_in_path(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'#' | b'<' | b'>' | b'?' | b'\\' | b'`')
}

/// As [`is_in_path`], for <https://url.spec.whatwg.org/#query-state>.
const fn is_in_query(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b'#' | b'<' | b'>' | b'\\')
}

/// RFC 3986, section 5.2.4, for a path that starts with `/`.
fn remove_dot_segments(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut folder = false;
    for segment in path.split('/').skip(1) {
        folder = matches!(segment, "." | "..");
        match segment {
            "." => {}
            ".." => {
                kept.pop();
            }
            _ => kept.push(segment),
        }
    }
    let end = if folder && !kept.is_empty() { "/" } else { "" };
    format!("/{}{end}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().expect("a url")
    }

    #[test]
    fn reads_and_writes_the_same_url() {
        for text in [
            "https://example.com/a/b.tgz?x=1",
            "https://example.com?x=/1",
            "http://127.0.0.1:8080/",
            "http://[::1]:1/x",
        ] {
            assert_eq!(url(text).to_string(), text);
        }
        assert_eq!(url("HTTPS://EXAMPLE.com:443").to_string(), "https://example.com/");
        assert_eq!(url("https://example.com/a/b.tgz?x=/1").file_name(), "b.tgz");
    }

    #[test]
    fn refuses_each_way_to_be_wrong() {
        let check = |text: &str, expected: UrlError| assert_eq!(text.parse::<Url>(), Err(expected), "{text}");
        check("/a", UrlError::NotAbsolute);
        check("ftp://example.com/a", UrlError::Scheme);
        check("file:///etc/passwd", UrlError::Scheme);
        check("http://example.com/a", UrlError::PlainHttp);
        check("http://127.0.0.1.example.com/a", UrlError::PlainHttp);
        check("https://user:word@example.com/", UrlError::Credentials);
        check("https://example.com/a#b", UrlError::Fragment);
        check("https://example.com/a b", UrlError::Character);
        check("https://example.com/\u{e9}", UrlError::Character);
        check("https://example.com\\@evil.example/", UrlError::Character);
        check("https://example.com:99999/", UrlError::Grammar);
        check("https://example.com:+80/", UrlError::Grammar);
        check("https://example.com:/", UrlError::Grammar);
        check("https://example.com:80:80/", UrlError::Grammar);
        check("https://", UrlError::Grammar);
        check("https:///a", UrlError::Grammar);
        check("https://:80/", UrlError::Grammar);
        check("https:443", UrlError::Grammar);
        check("https:/example.com", UrlError::Grammar);
        check("https://ex%61mple.com/", UrlError::Grammar);
        check("https://[::1", UrlError::Grammar);
        check("https://[::1]x/", UrlError::Grammar);
        check("https://[::1%25eth0]/", UrlError::Grammar);
        check("https://[example.com]/", UrlError::Grammar);
        check("https://a[::1]/", UrlError::Grammar);
        check("https://example.com/<", UrlError::Grammar);
        check("https://example.com/?\"", UrlError::Grammar);
        check(&format!("https://example.com/{}", "a".repeat(9000)), UrlError::TooLong);
    }

    #[test]
    fn joins_as_rfc_3986_says() {
        let base = url("https://example.com/a/b/c?q=1");
        let check = |location: &str, expected: &str| {
            assert_eq!(base.join(location).expect("joins").to_string(), expected, "{location}");
        };
        check("https://cdn.example.net/x", "https://cdn.example.net/x");
        check("//cdn.example.net/x", "https://cdn.example.net/x");
        check("/x?y=a:b", "https://example.com/x?y=a:b");
        check("d", "https://example.com/a/b/d");
        check("../d", "https://example.com/a/d");
        check("../../../d/.", "https://example.com/d/");
        check("?r=2", "https://example.com/a/b/c?r=2");
        check("x#frag", "https://example.com/a/b/x");
    }

    /// The `http` crate is what URLs are written into requests with: it must read them as we do.
    fn agrees_with_http(text: &str) -> bool {
        let Ok(url) = text.parse::<Url>() else { return false };
        let uri: http::Uri = text.parse().unwrap_or_else(|error| panic!("`{text}`: {error}"));
        let port = uri.port_u16().unwrap_or(if url.is_https() { 443 } else { 80 });
        let path = if url.path().is_empty() { "/" } else { url.path() };
        assert_eq!(uri.scheme_str().map(|scheme| scheme == "https"), Some(url.is_https()), "`{text}`");
        assert_eq!(uri.host().map(str::to_ascii_lowercase).as_deref(), Some(url.host()), "`{text}`");
        assert_eq!((port, uri.path()), (url.origin().port(), path), "`{text}`");
        assert_eq!(uri.path_and_query().map(|rest| rest.as_str()), Some(url.path_and_query.as_str()), "`{text}`");
        assert_eq!(url.to_string().parse(), Ok(url), "`{text}`");
        true
    }

    #[test]
    fn what_is_read_is_read_alike_by_http() {
        let mut seeds = Vec::new();
        for entry in
            std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/pins")).expect("vectors")
        {
            let bytes = std::fs::read(entry.expect("a vector").path()).expect("a vector");
            let text = String::from_utf8_lossy(&bytes).into_owned();
            seeds.extend(text.split(['"', '\'', '\n', ' ']).filter(|word| word.contains("://")).map(str::to_owned));
        }
        assert!(seeds.len() > 20, "{} addresses in the vectors", seeds.len());
        seeds.extend(
            [
                "https://example.com",
                "https://example.com:443?x=/1",
                "http://localhost/a",
                "http://127.0.0.1:8080/a%20b/c.tgz?x=[1]&y={2}",
                "https://[2001:db8::1:2]:8443/a;b=c/@x!$&'()*+,",
                "https://[::ffff:192.0.2.1]/a",
                "HTTPS://EXAMPLE.com:00080/~a_b-c.d",
            ]
            .map(str::to_owned),
        );
        assert!(seeds.iter().filter(|text| agrees_with_http(text)).count() > 10, "the seeds are no URLs");
        // xorshift64, always from the same start: a failure is one that comes again.
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut below = |limit: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % u64::try_from(limit).expect("a limit")).expect("below the limit")
        };
        let pieces = [
            "://", "//", "[", "]", "::", ":80", ":", "@", "%", "%2f", "?", "#", "\\", "..", "*", "http", "\u{e9}",
            "99999",
        ];
        let mut accepted = 0;
        for _ in 0..200_000 {
            let mut text: Vec<char> = seeds.get(below(seeds.len())).expect("a seed").chars().collect();
            for _ in 0..=below(3) {
                let (at, end) = (below(text.len() + 1), below(text.len() + 1));
                match below(4) {
                    0 => drop(text.splice(at..at, pieces.get(below(pieces.len())).expect("a piece").chars())),
                    1 => drop(text.drain(at.min(end)..at.max(end).min(at.min(end) + 4))),
                    2 => text.insert(at, char::from(u8::try_from(below(128)).expect("ASCII"))),
                    _ => text.truncate(at.max(8)),
                }
            }
            accepted += u32::from(agrees_with_http(&text.into_iter().collect::<String>()));
        }
        assert!(accepted > 20_000, "{accepted} of the mutations are URLs");
    }
}
