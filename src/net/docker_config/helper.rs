//! What programs that keep logins are asked and answer: the protocol of docker-credential-helpers, action `get`.
//!
//! Nothing is run here: a [`Keeper`] is, by who hands it in. Refuses names that are none, and takes no answer that cannot be
//! read for "there is no login": who keeps logins and fails would make a registry look empty.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;

use super::Login;
use pinfold_core::json;

/// Whoever runs the programs that keep logins.
pub trait Keeper: fmt::Debug + Send + Sync {
    /// Runs `program get` with `server` for its input; the error says why it could not be run to its end.
    fn get(&self, program: &str, server: &str) -> Result<Said, String>;
}

/// What a program said.
#[derive(Clone, Default)]
pub struct Said {
    /// Whether it ended well.
    pub is_success: bool,
    /// Its standard output: a login, or why there is none.
    pub answer: Vec<u8>,
    /// What it complained of beside.
    pub complaint: Vec<u8>,
}

impl fmt::Debug for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Said({}, …)", self.is_success)
    }
}

/// Why a program that keeps logins could not say one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelperError {
    /// The program.
    pub program: String,
    /// Whose login it was asked for.
    pub server: String,
    /// Why.
    pub reason: String,
}

impl fmt::Display for HelperError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let program = self.program.escape_debug();
        write!(f, "`{program}` did not say the login for `{}`: {}", self.server.escape_debug(), self.reason)
    }
}

impl std::error::Error for HelperError {}

/// Asks the program of a name in `config.json`; `None` where it knows of no login.
pub(super) fn ask(keeper: &dyn Keeper, name: &str, server: &str) -> Result<Option<Login>, HelperError> {
    let shown: String = name.chars().take(SHOWN).collect();
    let program = format!("docker-credential-{shown}");
    let failed = |reason: String| HelperError { program: program.clone(), server: server.to_owned(), reason };
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if name.is_empty() || name.len() > SHOWN || !name.bytes().all(is_bare) {
        return Err(failed("that is no name of a program".to_owned()));
    }
    let said = keeper.get(&program, server).map_err(failed)?;
    if !said.is_success {
        let words = [&said.answer, &said.complaint].map(|bytes| String::from_utf8_lossy(bytes).trim().to_owned());
        if words.iter().any(|words| words == NOT_FOUND) {
            return Ok(None);
        }
        let words = words.into_iter().find(|words| !words.is_empty());
        let told =
            |words: String| format!("it says `{}`", words.chars().take(SHOWN).collect::<String>().escape_debug());
        return Err(failed(words.map_or_else(|| "it failed and says nothing".to_owned(), told)));
    }
    let value = json::parse(&said.answer, MAX_ANSWER_LEN).ok();
    let text = |name: &str| value.as_ref()?.get(name).and_then(Value::as_str);
    // Nothing of what it says is shown: a login may be in it.
    let (user, secret) = text("Username")
        .zip(text("Secret"))
        .ok_or_else(|| failed("its answer is no login (`Username`, `Secret`)".to_owned()))?;
    if user.is_empty() && secret.is_empty() {
        return Ok(None);
    }
    login(user, secret).map(Some).ok_or_else(|| failed("a name of a user with a colon is none".to_owned()))
}

/// A user and a password, or the token that stands for both.
pub(super) fn login(user: &str, secret: &str) -> Option<Login> {
    if user == TOKEN_USER {
        return (!secret.is_empty()).then(|| Login::Identity(secret.to_owned()));
    }
    (!user.contains(':')).then(|| Login::Password(BASE64.encode(format!("{user}:{secret}"))))
}

/// Longest answer, in bytes: tokens have some kilobytes.
pub const MAX_ANSWER_LEN: usize = 64 << 10;
/// The user whose secret is an identity token (docker-credential-helpers, "Development").
const TOKEN_USER: &str = "<token>";
/// What all programs say that have no login (docker-credential-helpers, `credentials/error.go`).
const NOT_FOUND: &str = "credentials not found in native keychain";
/// How much of a program's words a message shows, in characters.
const SHOWN: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    /// Says this, whatever it is asked.
    #[derive(Debug)]
    struct One(Result<Said, String>);

    impl Keeper for One {
        fn get(&self, program: &str, server: &str) -> Result<Said, String> {
            assert_eq!((program, server), ("docker-credential-x.y_z-1", "oci.example.com"));
            self.0.clone()
        }
    }

    fn said(is_success: bool, answer: &str, complaint: &str) -> Result<Option<Login>, String> {
        let (answer, complaint) = (answer.as_bytes().to_vec(), complaint.as_bytes().to_vec());
        let keeper = One(Ok(Said { is_success, answer, complaint }));
        ask(&keeper, "x.y_z-1", "oci.example.com").map_err(|error| error.to_string())
    }

    #[test]
    fn reads_what_programs_say() {
        let password = said(true, r#"{"ServerURL":"x","Username":"u","Secret":"p"}"#, "warning");
        assert_eq!(password, Ok(Some(Login::Password("dTpw".to_owned()))));
        let token = said(true, "{\"ServerURL\":\"\",\"Username\":\"<token>\",\"Secret\":\"t\"}\n", "");
        assert_eq!(token, Ok(Some(Login::Identity("t".to_owned()))));
        assert_eq!(said(true, r#"{"Username":"","Secret":""}"#, ""), Ok(None));
        assert_eq!(said(false, "credentials not found in native keychain\n", ""), Ok(None));
        assert_eq!(said(false, "", "credentials not found in native keychain"), Ok(None));
    }

    #[test]
    fn what_fails_is_no_lack_of_a_login() {
        let begin = "`docker-credential-x.y_z-1` did not say the login for `oci.example.com`: ";
        let check = |is_success: bool, answer: &str, complaint: &str, expected: &str| {
            assert_eq!(said(is_success, answer, complaint), Err(format!("{begin}{expected}")));
        };
        check(false, "", "", "it failed and says nothing");
        check(false, "keychain is locked\u{1b}[2J", "x", "it says `keychain is locked\\u{1b}[2J`");
        check(false, "", &"y".repeat(1000), &format!("it says `{}`", "y".repeat(200)));
        let none = "its answer is no login (`Username`, `Secret`)";
        for answer in ["", "hunter2", "[]", "{}", r#"{"Username":"u"}"#, r#"{"Username":"u","Secret":1}"#] {
            check(true, answer, "", none);
        }
        check(true, r#"{"Username":"u","Secret":"a","Secret":"b"}"#, "", none);
        check(true, &format!("{{\"Username\":\"u\",\"Secret\":\"{}\"}}", "x".repeat(MAX_ANSWER_LEN)), "", none);
        check(true, r#"{"Username":"u:v","Secret":"p"}"#, "", "a name of a user with a colon is none");
        for name in ["", "../x", "a/b", "a b", "a\nb", "é", &"x".repeat(201)] {
            let error = ask(&One(Ok(Said::default())), name, "oci.example.com").expect_err("refused");
            assert_eq!(error.reason, "that is no name of a program");
        }
        let error = ask(&One(Err("there is none".to_owned())), "x.y_z-1", "oci.example.com").expect_err("fails");
        assert_eq!(error.reason, "there is none");
    }
}
