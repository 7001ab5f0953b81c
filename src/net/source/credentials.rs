//! [`Credentials`]: which secret belongs to which server, and to which paths there.
//!
//! A secret is offered to the origin it was configured for, below the path it was configured for, and to nobody else.
//! It has no `Display`, and its `Debug` says nothing.

use std::fmt;

use pinfold_core::url::{Origin, Url};

/// The value of an `Authorization` header: never printed, never part of an error.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// `Bearer TOKEN` (RFC 6750), `None` when the token could not stand in a header.
    pub fn bearer(token: &str) -> Option<Self> {
        Self::checked("Bearer", token)
    }

    /// `Basic ENCODED` (RFC 7617) from what is base64 already, `None` when it could not stand in a header.
    pub fn basic(encoded: &str) -> Option<Self> {
        Self::checked("Basic", encoded)
    }

    /// The value of the header: for the request only.
    pub fn expose(&self) -> &str {
        &self.0
    }

    fn checked(scheme: &str, value: &str) -> Option<Self> {
        let fits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self(format!("{scheme} {value}")))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Secrets by origin and path.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    origin: Origin,
    /// Without a `/` at the end; empty for the whole origin.
    prefix: String,
    secret: Secret,
}

impl Credentials {
    /// Offers `secret` to everything at and below `base`; replaces what was said of the same place before.
    pub fn add(&mut self, base: &Url, secret: Secret) {
        let prefix = base.path().trim_end_matches('/').to_owned();
        self.entries.retain(|entry| entry.origin != *base.origin() || entry.prefix != prefix);
        self.entries.push(Entry { origin: base.origin().clone(), prefix, secret });
    }

    /// What belongs to `url`: the same origin, the longest prefix that ends where a component ends.
    ///
    /// A path that a server would resolve to another one (`..`, also percent-encoded) gets nothing: it may leave the
    /// prefix after it was compared.
    pub fn for_url(&self, url: &Url) -> Option<&Secret> {
        if url.path().split('/').any(is_dot_segment) {
            return None;
        }
        let below = |prefix: &str| url.path().strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'));
        let exactly = |prefix: &str| url.path() == prefix;
        self.entries
            .iter()
            .filter(|entry| entry.origin == *url.origin() && (below(&entry.prefix) || exactly(&entry.prefix)))
            .max_by_key(|entry| entry.prefix.len())
            .map(|entry| &entry.secret)
    }
}

/// `.` and `..`, also as `%2e`; also `/` and `\` that hide in a component as `%2f` and `%5c` beside dots.
fn is_dot_segment(segment: &str) -> bool {
    let plain = segment.to_ascii_lowercase().replace("%2e", ".").replace("%2f", "/").replace("%5c", "/");
    plain.split('/').any(|part| matches!(part, "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().expect("a url")
    }

    #[test]
    fn offers_a_secret_to_its_origin_and_path_only() {
        let mut credentials = Credentials::default();
        credentials.add(&url("https://npm.example.com/team/"), Secret::bearer("team").expect("fits"));
        credentials.add(&url("https://npm.example.com/team/inner"), Secret::bearer("inner").expect("fits"));
        let check = |text: &str, expected: Option<&str>| {
            let found = credentials.for_url(&url(text)).map(Secret::expose);
            assert_eq!(found, expected, "{text}");
        };
        check("https://npm.example.com/team/a.tgz", Some("Bearer team"));
        check("https://npm.example.com:443/team", Some("Bearer team"));
        check("https://npm.example.com/team/inner/a.tgz", Some("Bearer inner"));
        check("https://npm.example.com/team/innermost/a.tgz", Some("Bearer team"));
        check("https://npm.example.com/teammate/a.tgz", None);
        check("https://npm.example.com/", None);
        check("https://npm.example.com:8443/team/a.tgz", None);
        check("https://npm.example.com.evil.example/team/a.tgz", None);
        check("https://npm.example.com/team/../other/a.tgz", None);
        check("https://npm.example.com/team/%2E%2e/other/a.tgz", None);
        check("https://npm.example.com/team/..%2fother/a.tgz", None);
        check("https://npm.example.com/team/@scope%2fname", Some("Bearer team"));
    }

    #[test]
    fn a_scheme_is_part_of_the_origin() {
        let mut credentials = Credentials::default();
        credentials.add(&url("https://localhost:4873/"), Secret::basic("YTpi").expect("fits"));
        assert!(credentials.for_url(&url("http://localhost:4873/x")).is_none());
        assert!(credentials.for_url(&url("https://localhost:4873/x")).is_some());
    }

    #[test]
    fn the_last_word_on_a_place_counts() {
        let mut credentials = Credentials::default();
        credentials.add(&url("https://example.com/"), Secret::bearer("old").expect("fits"));
        credentials.add(&url("https://example.com"), Secret::bearer("new").expect("fits"));
        assert_eq!(credentials.for_url(&url("https://example.com/")).map(Secret::expose), Some("Bearer new"));
    }

    #[test]
    fn never_shows_a_secret() {
        let mut credentials = Credentials::default();
        credentials.add(&url("https://example.com/"), Secret::bearer("hush").expect("fits"));
        assert!(!format!("{credentials:?}").contains("hush"));
    }

    #[test]
    fn refuses_what_would_split_a_header() {
        assert_eq!(Secret::bearer("a\r\nX: y"), None);
        assert_eq!(Secret::bearer("a b"), None);
        assert_eq!(Secret::bearer(""), None);
        assert_eq!(Secret::basic("\u{e9}"), None);
    }
}
