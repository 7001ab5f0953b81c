//! [`Logins`]: the logins in `config.json` of Docker's folder, which all tools for registries read (`auths`).
//!
//! Programs that keep logins (`credsStore`, `credHelpers`) are not run, and that there are some is remembered for the
//! message. Refuses what is not strict JSON; an entry that cannot be read is passed over, because each tool writes its own.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;

use crate::json::{self, JsonError};

/// Longest file, in bytes: an entry has some hundred.
pub const MAX_AUTHS_LEN: usize = 1 << 20;

/// Logins by registry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Logins {
    entries: Vec<Login>,
    elsewhere: bool,
    unread: Option<String>,
}

/// A login, and where it belongs. Its `Debug` says nothing of the secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    place: String,
    encoded: String,
}

impl Login {
    /// User and password as `Basic` has them (RFC 7617): base64.
    pub fn encoded(&self) -> &str {
        &self.encoded
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Login({}, …)", self.place)
    }
}

impl Logins {
    /// Reads a file.
    pub fn parse(text: &[u8]) -> Result<Self, AuthsError> {
        let value = json::parse(text, MAX_AUTHS_LEN).map_err(AuthsError)?;
        let auths = value.get("auths").and_then(Value::as_object);
        let mut entries: Vec<Login> = auths
            .into_iter()
            .flatten()
            .filter_map(|(place, entry)| Some(Login { place: plain(place)?, encoded: encoded(entry)? }))
            .collect();
        // The longest place first: a login for one repository counts over that for its registry.
        entries.sort_by_key(|login| std::cmp::Reverse(login.place.len()));
        let has = |name: &str| value.get(name).is_some_and(|one| !matches!(one.as_str(), Some("")) && !one.is_null());
        Ok(Self { entries, elsewhere: has("credsStore") || has("credHelpers"), unread: None })
    }

    /// None, because of this: for the message where one is missed, as most commands need none.
    pub fn unread(why: String) -> Self {
        Self { unread: Some(why), ..Self::default() }
    }

    /// Why there are none, where there might be some.
    pub fn why_unread(&self) -> Option<&str> {
        self.unread.as_deref()
    }

    /// The login for a repository of a registry: the one for the longest part of `host/name`.
    pub fn find(&self, registry: &str, repository: &str) -> Option<&Login> {
        let wanted = format!("{registry}/{repository}");
        let is_below =
            |place: &str| wanted.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        self.entries.iter().find(|login| is_below(&login.place))
    }

    /// Whether there are logins that only a program hands out.
    pub const fn are_elsewhere(&self) -> bool {
        self.elsewhere
    }
}

/// `https://host/v1/`, `host` and `host/name` alike; `None` for what names no place.
fn plain(place: &str) -> Option<String> {
    let place = place.strip_prefix("https://").or_else(|| place.strip_prefix("http://")).unwrap_or(place);
    let place = place.trim_end_matches('/');
    let place = place.strip_suffix("/v1").or_else(|| place.strip_suffix("/v2")).unwrap_or(place);
    (!place.is_empty()).then(|| place.to_owned())
}

/// `auth`, or what is in it apart.
fn encoded(entry: &Value) -> Option<String> {
    let text = |name: &str| entry.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    if let Some(auth) = text("auth") {
        let plain = BASE64.decode(auth.trim()).ok()?;
        return plain.contains(&b':').then(|| BASE64.encode(plain));
    }
    let (user, password) = text("username").zip(text("password"))?;
    (!user.contains(':')).then(|| BASE64.encode(format!("{user}:{password}")))
}

/// Why a file has no logins that can be read.
#[derive(Debug)]
pub struct AuthsError(pub JsonError);

impl fmt::Display for AuthsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the file with logins is {}", self.0)
    }
}

impl std::error::Error for AuthsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_for_its_place() {
        let text = r#"{"auths":{"https://oci.example.com/v2/":{"auth":"dTpw"},"oci.example.com/team":{"username":"t","password":"x"},
            "127.0.0.1:5000":{"auth":"dTpw","email":"x"},"empty.example.com":{},"odd.example.com":{"auth":"!"},
            "no-colon.example.com":{"auth":"dXA="}},"credsStore":"desktop"}"#;
        let logins = Logins::parse(text.as_bytes()).expect("logins");
        assert!(logins.are_elsewhere());
        let check = |registry: &str, repository: &str, expected: Option<&str>| {
            assert_eq!(logins.find(registry, repository).map(Login::encoded), expected, "{registry}/{repository}");
        };
        check("oci.example.com", "tool", Some("dTpw"));
        check("oci.example.com", "team/tool", Some("dDp4"));
        check("oci.example.com", "teamster/tool", Some("dTpw"));
        check("127.0.0.1:5000", "tool", Some("dTpw"));
        check("127.0.0.1:5001", "tool", None);
        check("127.0.0.1", "tool", None);
        check("oci.example.com.evil.example", "tool", None);
        check("empty.example.com", "tool", None);
        check("odd.example.com", "tool", None);
        check("no-colon.example.com", "tool", None);
        assert!(!format!("{logins:?}").contains("dTpw"));
    }

    #[test]
    fn a_file_is_strict_json() {
        assert!(Logins::parse(b"{}").is_ok_and(|logins| !logins.are_elsewhere()));
        assert!(Logins::parse(br#"{"auths":{},"auths":{}}"#).is_err());
        assert!(Logins::parse(b"").is_err());
    }
}
