//! `.npmrc`, read as npm reads it: the `ini` package's syntax and `${VAR}`.
//!
//! It is npm's file, not ours, so what is unknown or malformed here is passed over, with a [`Warning`] where it looks
//! like something that was meant for us. Only registries and credentials are taken; of the latter, only those that
//! name the server they belong to.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::credentials::{Credentials, Secret};
use pinfold_core::text::Location;
use pinfold_core::url::{Url, UrlError};

/// What one `.npmrc` says about registries and credentials.
#[derive(Default)]
pub struct Npmrc {
    /// The value of `registry`, as it stands there.
    pub registry: Option<String>,
    /// The values of `@scope:registry`, by scope (with its `@`).
    pub scopes: BTreeMap<String, String>,
    /// What is wrong with the file.
    pub warnings: Vec<Warning>,
    /// By `//host/path/`, as it stands there.
    logins: BTreeMap<String, Login>,
}

/// The credentials of one place, each part as it stands in the file.
#[derive(Default, Clone)]
struct Login {
    token: Option<String>,
    basic: Option<String>,
    username: Option<String>,
    password: Option<String>,
}

/// Reads the text of an `.npmrc`; `env` is asked for the variables that the text names, and for no others.
pub fn parse(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Npmrc {
    let mut npmrc = Npmrc::default();
    for (index, line) in text.trim_start_matches('\u{feff}').split('\n').enumerate() {
        for line in line.split('\r') {
            // Keys below a `[section]` are properties of another object; npm itself has none.
            if line.starts_with('[') && line.trim_end().ends_with(']') {
                return npmrc;
            }
            if let Some((raw_key, value)) = key_and_value(line) {
                let key = replace_variables(&raw_key, env);
                let value = replace_variables(value.trim(), env);
                npmrc.take(&key, value, Place { line: index.saturating_add(1), key: raw_key });
            }
        }
    }
    npmrc
}

/// The credentials of several files, the strongest first: each key counts where it stands first, as in npm.
pub fn credentials(files: &[Npmrc]) -> (Credentials, Vec<Warning>) {
    let mut logins: BTreeMap<&str, Login> = BTreeMap::new();
    for (place, login) in files.iter().flat_map(|file| &file.logins) {
        let merged = logins.entry(place).or_default();
        let first = |stronger: &mut Option<String>, weaker: &Option<String>| {
            if stronger.is_none() {
                stronger.clone_from(weaker);
            }
        };
        first(&mut merged.token, &login.token);
        first(&mut merged.basic, &login.basic);
        first(&mut merged.username, &login.username);
        first(&mut merged.password, &login.password);
    }
    let (mut credentials, mut warnings) = (Credentials::default(), Vec::new());
    for (key, login) in logins {
        let mut warn = |problem| warnings.push(Warning { line: None, key: key.to_owned(), problem });
        match login.secret() {
            Err(problem) => warn(problem),
            Ok(None) => {}
            Ok(Some(secret)) => match bases(key) {
                Ok(bases) => bases.iter().for_each(|base| credentials.add(base, secret.clone())),
                Err(error) => warn(Problem::Url(error)),
            },
        }
    }
    (credentials, warnings)
}

impl Npmrc {
    fn take(&mut self, key: &str, value: String, at: Place) {
        // npm's words for nothing; a key without a value is the boolean `true` there.
        if matches!(value.as_str(), "" | "true" | "false" | "null" | "undefined") {
            return;
        }
        let (place, name) = key.rsplit_once(':').unwrap_or(("", key));
        match name {
            "registry" if place.is_empty() => self.registry = Some(value),
            "registry" if place.starts_with('@') => {
                self.scopes.insert(place.to_owned(), value);
            }
            // A bare `username` was a setting of its own once.
            "_authToken" | "_auth" | "_password" if place.is_empty() => self.warn(at, Problem::NoServer),
            "_authToken" | "_auth" | "username" | "_password" if place.starts_with("//") => {
                if let Some(variable) = unset_variable(&value) {
                    self.warn(at, Problem::Unset { variable: variable.to_owned() });
                    return;
                }
                let login = self.logins.entry(place.to_owned()).or_default();
                *match name {
                    "_authToken" => &mut login.token,
                    "_auth" => &mut login.basic,
                    "username" => &mut login.username,
                    _ => &mut login.password,
                } = Some(value);
            }
            _ => {}
        }
    }

    fn warn(&mut self, at: Place, problem: Problem) {
        self.warnings.push(Warning { line: Some(at.line), key: at.key, problem });
    }
}

impl Login {
    /// The header of the strongest kind that is there: token, `_auth`, then name and password, as npm chooses.
    fn secret(&self) -> Result<Option<Secret>, Problem> {
        let secret = match (&self.token, &self.basic, &self.username, &self.password) {
            (Some(token), ..) => Secret::bearer(token),
            (None, Some(basic), ..) => Secret::basic(basic),
            (None, None, Some(username), Some(password)) => {
                let mut pair = format!("{username}:").into_bytes();
                pair.extend(BASE64.decode(password).map_err(|_| Problem::Credential)?);
                Secret::basic(&BASE64.encode(pair))
            }
            (None, None, ..) => return Ok(None),
        };
        secret.map(Some).ok_or(Problem::Credential)
    }
}

/// The URLs that `//host/path/` stands for: https, and http where that is allowed at all.
fn bases(place: &str) -> Result<Vec<Url>, UrlError> {
    let secure: Url = format!("https:{place}").parse()?;
    let plain: Option<Url> = format!("http:{place}").parse().ok();
    Ok([Some(secure), plain].into_iter().flatten().collect())
}

/// The first `${VAR}` that stands in a value because the variable is not set.
pub fn unset_variable(value: &str) -> Option<&str> {
    let (_, rest) = value.split_once("${")?;
    Some(rest.split_once('}').map_or(rest, |(variable, _)| variable))
}

/// `key = value` of a line, both without quotes, escapes and comments; `None` for what says nothing.
fn key_and_value(line: &str) -> Option<(String, String)> {
    let start = line.trim_start();
    if start.is_empty() || start.starts_with([';', '#']) {
        return None;
    }
    let (key, value) = line.split_once('=')?;
    let key = unquote(key);
    (!key.is_empty()).then(|| (key, unquote(value)))
}

/// The `unsafe` of the `ini` package: quotes are read as JSON if they can be, else `;` and `#` begin a comment and `\`
/// escapes them and itself.
fn unquote(text: &str) -> String {
    let text = text.trim();
    let quoted = |quote: char| text.starts_with(quote) && text.ends_with(quote);
    if quoted('"') {
        return serde_json::from_str(text).unwrap_or_else(|_| text.to_owned());
    }
    if quoted('\'') {
        let inner = text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).unwrap_or_default();
        return serde_json::from_str(inner).unwrap_or_else(|_| inner.to_owned());
    }
    let mut plain = String::with_capacity(text.len());
    let mut escaped = false;
    for c in text.chars() {
        match (escaped, c) {
            (true, ';' | '#' | '\\') => plain.push(c),
            (true, _) => plain.extend(['\\', c]),
            (false, ';' | '#') => break,
            (false, '\\') => {}
            (false, _) => plain.push(c),
        }
        escaped = !escaped && c == '\\';
    }
    if escaped {
        plain.push('\\');
    }
    plain.trim().to_owned()
}

/// npm's `${VAR}`: an unset variable stays as it is written, `${VAR?}` is empty then, and an odd number of backslashes
/// in front keeps the text from being read.
fn replace_variables(text: &str, env: &dyn Fn(&str) -> Option<String>) -> String {
    let (mut replaced, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, optional, next)) = variable(after) else {
            replaced.push_str(before);
            replaced.push_str("${");
            rest = after;
            continue;
        };
        let plain = before.trim_end_matches('\\');
        let escapes = before.len().saturating_sub(plain.len());
        replaced.push_str(plain);
        replaced.push_str(&"\\".repeat(escapes / 2));
        if escapes % 2 == 1 {
            replaced.push_str(&format!("${{{name}{}}}", if optional { "?" } else { "" }));
        } else {
            let unset = || if optional { String::new() } else { format!("${{{name}}}") };
            replaced.push_str(&env(name).unwrap_or_else(unset));
        }
        rest = next;
    }
    replaced.push_str(rest);
    replaced
}

/// `NAME}` or `NAME?}` at the start of `text`: the name, whether it is optional, and what follows.
fn variable(text: &str) -> Option<(&str, bool, &str)> {
    let (inside, next) = text.split_once('}')?;
    let (name, optional) = inside.strip_suffix('?').map_or((inside, false), |name| (name, true));
    (!name.is_empty() && !name.contains(['$', '{', '?'])).then_some((name, optional, next))
}

struct Place {
    line: usize,
    key: String,
}

/// Something in an `.npmrc` that looks as if it was meant for us and cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The line, counted from 1, where it belongs to one line.
    pub line: Option<usize>,
    /// The key as it is written; values are never shown.
    pub key: String,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a key of an `.npmrc`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The value names a variable that is not set.
    Unset {
        /// The variable.
        variable: String,
    },
    /// A credential that does not say which server it belongs to.
    NoServer,
    /// A credential that could not stand in a header.
    Credential,
    /// The key names no server.
    Url(UrlError),
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is ignored: ", Location(&self.key))?;
        match &self.problem {
            Problem::Unset { variable } => write!(f, "`{}` is not set", variable.escape_debug()),
            Problem::NoServer => f.write_str("it does not say which registry it belongs to"),
            Problem::Credential => f.write_str("its value is malformed"),
            Problem::Url(error) => write!(f, "{error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(name: &str) -> Option<String> {
        matches!(name, "TOKEN" | "HOST").then(|| name.to_lowercase())
    }

    /// The header for `https://h.example.com/a/b` after reading `files`, the strongest first.
    fn header(files: &[&str]) -> Option<String> {
        let files: Vec<Npmrc> = files.iter().map(|text| parse(text, &env)).collect();
        let url = "https://h.example.com/a/b".parse().expect("a url");
        credentials(&files).0.for_url(&url).map(|secret| secret.expose().to_owned())
    }

    #[test]
    fn reads_values_as_the_ini_package_does() {
        // Each expected value is what `ini` 6 of npm 11 answers.
        let check = |line: &str, expected: &str| {
            assert_eq!(parse(line, &env).registry.as_deref(), Some(expected), "{line}");
        };
        check("registry=https://a.example/", "https://a.example/");
        check("  registry = https://a.example/  ; comment", "https://a.example/");
        check("registry=https://a.example/#comment", "https://a.example/");
        check("registry=\"https://a.example/#x\"", "https://a.example/#x");
        check("registry='https://a.example/;x'", "https://a.example/;x");
        check("\"registry\"=a", "a");
        check("registry=a\\;b\\#c\\\\d\\e\\", "a;b#c\\d\\e\\");
        check("registry=\"a", "\"a");
        check("registry=\"a\\u0062\"", "ab");
        check("registry=\"a\"b\"", "\"a\"b\"");
        check("registry='a'b'", "a'b");
        check("registry=a=b=", "a=b=");
        check("registry=a\nregistry=b", "b");
        check("registry=a\r\n# registry=b\r; registry=c", "a");
        check("\u{feff}registry=a", "a");
        // Here npm has `null` and takes its built-in default, which we have not.
        check("registry=a\nregistry=\nregistry\nregistry=null", "a");
    }

    #[test]
    fn passes_over_what_is_not_for_us() {
        let check = |text: &str| {
            let npmrc = parse(text, &env);
            assert_eq!((npmrc.registry, npmrc.warnings), (None, vec![]), "{text}");
        };
        check("");
        check("'");
        check("=");
        check("[x]\nregistry=a");
        check("registry[]=a");
        check("Registry=a");
        check("save-exact=true\n//h.example.com/:certfile=x\nemail=a@example.com");
    }

    #[test]
    fn replaces_variables_as_npm_does() {
        let check = |text: &str, expected: &str| assert_eq!(replace_variables(text, &env), expected, "{text}");
        check("${TOKEN}", "token");
        check("a${TOKEN}b${HOST}c", "atokenbhostc");
        check("${NOT_SET}", "${NOT_SET}");
        check("a${NOT_SET?}b", "ab");
        check("${TOKEN?}", "token");
        check("${NOT_SET-default}", "${NOT_SET-default}");
        check("\\${TOKEN}", "${TOKEN}");
        check("\\\\${TOKEN}", "\\token");
        check("\\\\\\${NOT_SET?}", "\\${NOT_SET?}");
        check("$TOKEN ${} ${", "$TOKEN ${} ${");
        check("${${TOKEN}}", "${token}");
    }

    #[test]
    fn builds_each_kind_of_login() {
        assert_eq!(header(&["//h.example.com/:_authToken=t"]).as_deref(), Some("Bearer t"));
        assert_eq!(header(&["//h.example.com/a/:_authToken=${TOKEN}"]).as_deref(), Some("Bearer token"));
        assert_eq!(header(&["//${HOST}.example.com/:_authToken=t"]), None);
        assert_eq!(header(&["//h.example.com:443/:_auth=dTpw"]).as_deref(), Some("Basic dTpw"));
        assert_eq!(
            header(&["//h.example.com/:username=u\n//h.example.com/:_password=cA=="]).as_deref(),
            Some("Basic dTpw")
        );
        assert_eq!(header(&["//h.example.com/:username=u"]), None);
        assert_eq!(
            header(&["//h.example.com/:_authToken=t\n//h.example.com/a:_authToken=l"]).as_deref(),
            Some("Bearer l")
        );
        assert_eq!(header(&["//h.example.com/:_auth=b\n//h.example.com/:_authToken=t"]).as_deref(), Some("Bearer t"));
        assert_eq!(header(&["//other.example.com/:_authToken=t"]), None);
        assert_eq!(header(&["//h.example.com/other/:_authToken=t"]), None);
    }

    #[test]
    fn the_strongest_file_counts_key_by_key() {
        let check = |files: &[&str], expected: &str| assert_eq!(header(files).as_deref(), Some(expected));
        check(&["//h.example.com/:_authToken=a", "//h.example.com/:_authToken=b"], "Bearer a");
        check(&["//h.example.com/:_auth=a", "//h.example.com/:_authToken=b"], "Bearer b");
        check(&["//h.example.com/:_authToken=${NOT_SET}", "//h.example.com/:_authToken=b"], "Bearer b");
    }

    #[test]
    fn a_loopback_registry_may_be_plain() {
        let (credentials, warnings) = credentials(&[parse("//127.0.0.1:4873/:_authToken=t", &env)]);
        assert_eq!(warnings, []);
        for (text, expected) in [("http://127.0.0.1:4873/a", true), ("http://127.0.0.1/a", false)] {
            assert_eq!(credentials.for_url(&text.parse().expect("a url")).is_some(), expected, "{text}");
        }
    }

    #[test]
    fn warns_of_what_cannot_be_used_and_shows_no_secret() {
        let check = |text: &str, expected: &str| {
            let npmrc = parse(text, &env);
            let (_, more) = credentials(std::slice::from_ref(&npmrc));
            let all: Vec<String> = npmrc.warnings.iter().chain(&more).map(ToString::to_string).collect();
            assert_eq!(all, [expected], "{text}");
        };
        check("//h/:_authToken=${NOT_SET}", "`//h/:_authToken` is ignored: `NOT_SET` is not set");
        check("_authToken=hush", "`_authToken` is ignored: it does not say which registry it belongs to");
        check("//h/:_authToken=hu sh", "`//h/` is ignored: its value is malformed");
        check("//h/:username=u\n//h/:_password=hush!", "`//h/` is ignored: its value is malformed");
        check("//u:hush@h/:_authToken=t", "`//…@h/` is ignored: the URL has credentials in it");
        check("//:_authToken=t", "`//` is ignored: the URL is malformed");
    }
}
