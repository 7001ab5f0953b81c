//! [`Logins`]: the logins in `config.json` of Docker's folder, which all tools for registries read (`auths`).
//!
//! Programs that keep logins (`credsStore`, `credHelpers`) are asked through a [`Keeper`], when a login is wanted and not
//! before. Refuses what is not strict JSON; an entry that cannot be read is passed over, because each tool writes its own.

mod helper;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;

use pinfold_core::json::{self, JsonError};

pub use helper::{HelperError, Keeper, MAX_ANSWER_LEN, Said};

/// Longest file, in bytes: an entry has some hundred.
pub const MAX_AUTHS_LEN: usize = 1 << 20;

/// Logins by registry.
#[derive(Debug, Clone, Default)]
pub struct Logins {
    /// Those that stand in the file.
    entries: Vec<Entry>,
    /// The places that the file names, with or without a login, as they are spelled.
    named: BTreeMap<String, String>,
    /// Programs by registry; empty for none.
    helpers: BTreeMap<String, String>,
    /// The program for all other registries.
    store: Option<String>,
    keeper: Option<Arc<dyn Keeper>>,
    unread: Option<String>,
}

#[derive(Debug, Clone)]
struct Entry {
    place: String,
    login: Login,
}

/// What proves who somebody is. Its `Debug` says nothing of the secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Login {
    /// User and password as `Basic` has them (RFC 7617): base64.
    Password(String),
    /// A token that tokens are had for (OAuth 2.0, RFC 6749, section 6).
    Identity(String),
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Password(_) => "Password(…)",
            Self::Identity(_) => "Identity(…)",
        })
    }
}

impl Logins {
    /// Reads a file.
    pub fn parse(text: &[u8]) -> Result<Self, AuthsError> {
        let value = json::parse(text, MAX_AUTHS_LEN).map_err(AuthsError)?;
        let table = |name: &str| value.get(name).and_then(Value::as_object).into_iter().flatten();
        let mut entries: Vec<Entry> = table("auths")
            .filter_map(|(place, entry)| Some(Entry { place: plain(place)?, login: login(entry)? }))
            .collect();
        // The longest place first: a login for one repository counts over that for its registry.
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.place.len()));
        let named = table("auths").filter_map(|(place, _)| Some((plain(place)?, place.clone()))).collect();
        let helpers =
            table("credHelpers").filter_map(|(place, name)| Some((plain(place)?, name.as_str()?.to_owned()))).collect();
        let store = value.get("credsStore").and_then(Value::as_str).filter(|name| !name.is_empty());
        Ok(Self { entries, named, helpers, store: store.map(str::to_owned), ..Self::default() })
    }

    /// None, because of this: for the message where one is missed, as most commands need none.
    pub fn unread(why: String) -> Self {
        Self { unread: Some(why), ..Self::default() }
    }

    /// The same with somebody who runs the programs that the file names.
    #[must_use]
    pub fn with_keeper(self, keeper: Arc<impl Keeper + 'static>) -> Self {
        Self { keeper: Some(keeper), ..self }
    }

    /// Why there are none, where there might be some.
    pub fn why_unread(&self) -> Option<&str> {
        self.unread.as_deref()
    }

    /// The login for a repository of a registry: the one for the longest part of `host/name`. For a whole registry a program
    /// that keeps its login is asked first, as Docker does; where that fails, what stands in the file is not passed over.
    pub fn find(&self, registry: &str, repository: &str) -> Result<Option<Login>, HelperError> {
        let wanted = format!("{registry}/{repository}");
        let is_below =
            |place: &str| wanted.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let entry = self.entries.iter().find(|entry| is_below(&entry.place));
        let own = entry.map(|entry| entry.login.clone());
        let Some((program, keeper)) = self.program(registry).zip(self.keeper.as_deref()) else { return Ok(own) };
        if entry.is_some_and(|entry| entry.place != registry) {
            return Ok(own);
        }
        // As it is spelled in the file, which is what the program was given to keep it by.
        let server = self.named.get(registry).map_or(registry, String::as_str);
        match helper::ask(keeper, program, server) {
            Ok(login) => Ok(login.or(own)),
            Err(_) if own.is_some() => Ok(own),
            Err(error) => Err(error),
        }
    }

    /// The login for a server that hands out tokens for a registry that is elsewhere: the registry's own, where that server's
    /// is the same. Any registry may name any realm. One that the realm was shown another login for would be handed tokens
    /// for what the user may see there and it may not, and one whose login went wherever it says would give that away.
    pub fn find_for_realm(&self, registry: &str, repository: &str, realm: &str) -> Result<Option<Login>, HelperError> {
        if !self.names(realm) {
            return Ok(None);
        }
        let Some(own) = self.find(registry, repository)? else { return Ok(None) };
        Ok(self.find(realm, "")?.filter(|theirs| *theirs == own))
    }

    /// Whether the file names a server.
    fn names(&self, server: &str) -> bool {
        let host = |place: &String| place.split('/').next() == Some(server);
        self.named.keys().any(host) || self.helpers.keys().any(host)
    }

    /// The program that keeps a server's login.
    fn program(&self, server: &str) -> Option<&str> {
        self.helpers.get(server).or(self.store.as_ref()).map(String::as_str).filter(|name| !name.is_empty())
    }

    /// Whether the login for a server is only to be had from a program, and nobody runs it.
    pub fn is_elsewhere(&self, server: &str) -> bool {
        self.keeper.is_none() && self.program(server).is_some()
    }

    /// Another server of the same domain that the file names, for a message: some registries are told one name and have
    /// their logins kept under another.
    pub fn kin(&self, server: &str) -> Option<&str> {
        fn domain(server: &str) -> Option<&str> {
            let at = server.rmatch_indices('.').nth(1).map_or(0, |(at, _)| at.saturating_add(1));
            server
                .get(at..)
                .filter(|domain| domain.contains('.') && domain.bytes().any(|byte| byte.is_ascii_alphabetic()))
        }
        let wanted = domain(server)?;
        let hosts = self.named.keys().chain(self.helpers.keys()).filter_map(|place| place.split('/').next());
        hosts.into_iter().find(|host| *host != server && domain(host) == Some(wanted))
    }
}

/// `https://host/v1/`, `host` and `host/name` alike; `None` for what names no place.
fn plain(place: &str) -> Option<String> {
    let place = place.strip_prefix("https://").or_else(|| place.strip_prefix("http://")).unwrap_or(place);
    let place = place.trim_end_matches('/');
    let place = place.strip_suffix("/v1").or_else(|| place.strip_suffix("/v2")).unwrap_or(place);
    (!place.is_empty()).then(|| place.to_owned())
}

/// A token where there is one, else `auth`, or what is in it apart.
fn login(entry: &Value) -> Option<Login> {
    let text = |name: &str| entry.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    if let Some(token) = text("identitytoken") {
        return Some(Login::Identity(token.to_owned()));
    }
    if let Some(auth) = text("auth") {
        let plain = BASE64.decode(auth.trim()).ok()?;
        let token = plain.strip_prefix(b"<token>:".as_slice()).and_then(|token| std::str::from_utf8(token).ok());
        return match token {
            Some(token) => helper::login("<token>", token),
            None => plain.contains(&b':').then(|| Login::Password(BASE64.encode(plain))),
        };
    }
    let (user, password) = text("username").zip(text("password"))?;
    helper::login(user, password)
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
            "https://index.example.com/v1/":{"auth":"dDp4"},"http://plain.example.com":{"auth":"dDp4"},
            "no-colon.example.com":{"auth":"dXA="}},"credsStore":"desktop"}"#;
        let logins = Logins::parse(text.as_bytes()).expect("logins");
        assert!(logins.is_elsewhere("oci.example.com") && logins.is_elsewhere("other.example.com"));
        let check = |registry: &str, repository: &str, expected: Option<&str>| {
            let expected = expected.map(|encoded| Login::Password(encoded.to_owned()));
            assert_eq!(logins.find(registry, repository), Ok(expected), "{registry}/{repository}");
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
        check("index.example.com", "tool", Some("dDp4"));
        check("plain.example.com", "tool", Some("dDp4"));
        check("registry.example.com", "tool", None);
        assert!(!format!("{logins:?}").contains("dTpw"));
    }

    #[test]
    fn a_token_stands_for_a_user() {
        let text = r#"{"auths":{"a.example.com":{"auth":"dTpw","identitytoken":"hush"},"b.example.com":{"auth":"PHRva2VuPjpodXNo"},
            "c.example.com":{"username":"<token>","password":"hush"},"d.example.com":{"identitytoken":"","auth":"dTpw"}}}"#;
        let logins = Logins::parse(text.as_bytes()).expect("logins");
        for host in ["a.example.com", "b.example.com", "c.example.com"] {
            assert_eq!(logins.find(host, "x"), Ok(Some(Login::Identity("hush".to_owned()))), "{host}");
        }
        assert_eq!(logins.find("d.example.com", "x"), Ok(Some(Login::Password("dTpw".to_owned()))));
        assert!(!format!("{logins:?}").contains("hush"));
    }

    #[test]
    fn a_realm_elsewhere_is_shown_the_registrys_own_login_where_it_has_the_same() {
        let text = r#"{"auths":{"auth.example.com":{"auth":"dTpw"},"oci.example.com":{"username":"u","password":"p"},
            "team.example.com/team":{"auth":"dTpw"},"other.example.com":{"auth":"dDp4"},"none.example.com":{},
            "token.example.com":{"identitytoken":"hush"},"sso.example.com":{"identitytoken":"hush"},
            "auth2.example.com/team":{"auth":"dTpw"}},"credHelpers":{"kept.example.com":"same","far.example.com":"other"}}"#;
        let logins = Logins::parse(text.as_bytes()).expect("logins").with_keeper(Arc::new(Programs::default()));
        let check = |registry: &str, realm: &str, expected: Option<Login>| {
            assert_eq!(logins.find_for_realm(registry, "team/tool", realm), Ok(expected), "{registry} {realm}");
        };
        let same = || Some(Login::Password("dTpw".to_owned()));
        check("oci.example.com", "auth.example.com", same());
        check("team.example.com", "auth.example.com", same());
        check("oci.example.com", "kept.example.com", same());
        check("kept.example.com", "auth.example.com", same());
        check("token.example.com", "sso.example.com", Some(Login::Identity("hush".to_owned())));
        // Another login, none, another kind of login: it would be used on the word of whoever names the realm.
        for registry in ["other.example.com", "none.example.com", "token.example.com", "far.example.com", "new.example"]
        {
            check(registry, "auth.example.com", None);
        }
        // The registry's own goes nowhere that the file does not have it for.
        for realm in ["auth.example.com:8443", "auth2.example.com", "none.example.com", "elsewhere.example.net"] {
            check("oci.example.com", realm, None);
        }
    }

    /// Answers by server, and writes down what it is asked.
    #[derive(Debug, Default)]
    struct Programs(std::sync::Mutex<Vec<String>>);

    impl Keeper for Programs {
        fn get(&self, program: &str, server: &str) -> Result<helper::Said, String> {
            self.0.lock().expect("no panic").push(format!("{program} {server}"));
            let said = |is_success, answer: &str| helper::Said { is_success, answer: answer.into(), complaint: vec![] };
            match program {
                "docker-credential-good" => Ok(said(true, r#"{"Username":"k","Secret":"p"}"#)),
                "docker-credential-same" => Ok(said(true, r#"{"Username":"u","Secret":"p"}"#)),
                "docker-credential-other" => Ok(said(true, r#"{"Username":"t","Secret":"x"}"#)),
                "docker-credential-none" => Ok(said(false, "credentials not found in native keychain")),
                _ => Err("it is not there".to_owned()),
            }
        }
    }

    #[test]
    fn programs_are_asked_as_docker_asks_them() {
        let text = r#"{"auths":{"https://v1.example.com/v1/":{},"both.example.com":{"auth":"dTpw"},"both.example.com/team":{"auth":"dDp4"},
            "left.example.com":{"auth":"dTpw"},"file.example.com":{"auth":"dTpw"},"down.example.com":{"auth":"dTpw"}},
            "credHelpers":{"left.example.com":"none","file.example.com":"","down.example.com":"bad","sad.example.com":"bad","odd.example.com":1},
            "credsStore":"good"}"#;
        let programs = Arc::new(Programs::default());
        let logins = Logins::parse(text.as_bytes()).expect("logins").with_keeper(Arc::clone(&programs));
        let check = |registry: &str, repository: &str, expected: Option<&str>, asked: &str| {
            let expected = expected.map(|encoded| Login::Password(encoded.to_owned()));
            assert_eq!(logins.find(registry, repository), Ok(expected), "{registry}/{repository}");
            assert_eq!(std::mem::take(&mut *programs.0.lock().expect("no panic")).join(","), asked);
        };
        check("any.example.com:5000", "x", Some("azpw"), "docker-credential-good any.example.com:5000");
        check("odd.example.com", "x", Some("azpw"), "docker-credential-good odd.example.com");
        check("v1.example.com", "x", Some("azpw"), "docker-credential-good https://v1.example.com/v1/");
        check("both.example.com", "x", Some("azpw"), "docker-credential-good both.example.com");
        check("both.example.com", "team/x", Some("dDp4"), "");
        check("left.example.com", "x", Some("dTpw"), "docker-credential-none left.example.com");
        check("file.example.com", "x", Some("dTpw"), "");
        check("down.example.com", "x", Some("dTpw"), "docker-credential-bad down.example.com");
        assert!(logins.find("sad.example.com", "x").is_err());
        assert!(!logins.is_elsewhere("sad.example.com"));
    }

    #[test]
    fn kin_are_servers_of_one_domain() {
        let text = br#"{"auths":{"https://index.example.com/v1/":{},"10.0.0.1:5000":{}}}"#;
        let logins = Logins::parse(text).expect("logins");
        assert_eq!(logins.kin("registry-1.example.com"), Some("index.example.com"));
        assert_eq!(logins.kin("index.example.com"), None);
        assert_eq!(logins.kin("index.example.net"), None);
        assert_eq!((logins.kin("10.2.0.1:5000"), logins.kin("localhost:5000"), logins.kin("com")), (None, None, None));
    }

    #[test]
    fn a_file_is_strict_json() {
        assert!(Logins::parse(b"{}").is_ok_and(|logins| !logins.is_elsewhere("oci.example.com")));
        assert!(Logins::parse(br#"{"auths":{},"auths":{}}"#).is_err());
        assert!(Logins::parse(b"").is_err());
    }
}
