//! [`Challenge`]: what a server wants to see before it answers, the header `WWW-Authenticate` (RFC 9110, section 11.6.1).
//!
//! Refuses parameters that stand twice, quotes that do not end, and more than [`MAX_CHALLENGE_LEN`] bytes. A value may
//! have commas in its quotes, and several challenges may stand behind each other.

use std::collections::BTreeMap;
use std::fmt;

/// One scheme with its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// The scheme in lower case: `bearer`, `basic`.
    pub scheme: String,
    /// The parameters, their names in lower case.
    pub parameters: BTreeMap<String, String>,
}

/// Longest header, in bytes: a realm is a URL, a scope some names.
pub const MAX_CHALLENGE_LEN: usize = 8 << 10;

impl Challenge {
    /// Reads all challenges of a header, in order; at least one.
    pub fn parse_all(header: &str) -> Result<Vec<Self>, ChallengeError> {
        if header.len() > MAX_CHALLENGE_LEN {
            return Err(ChallengeError);
        }
        let mut reader = Reader(header);
        let mut all: Vec<Self> = Vec::new();
        loop {
            reader.skip(|one| matches!(one, ' ' | '\t' | ','));
            if reader.0.is_empty() {
                break;
            }
            let word = reader.token()?;
            if reader.takes_equals() {
                let value = reader.value()?;
                let current = all.last_mut().ok_or(ChallengeError)?;
                if current.parameters.insert(word.to_ascii_lowercase(), value).is_some() {
                    return Err(ChallengeError);
                }
                reader.ends_item()?;
            } else {
                all.push(Self { scheme: word.to_ascii_lowercase(), parameters: BTreeMap::new() });
                reader.skip_token68();
            }
        }
        if all.is_empty() { Err(ChallengeError) } else { Ok(all) }
    }
}

struct Reader<'a>(&'a str);

impl Reader<'_> {
    fn skip(&mut self, skipped: impl Fn(char) -> bool) {
        self.0 = self.0.trim_start_matches(skipped);
    }

    fn token(&mut self) -> Result<String, ChallengeError> {
        let end = self.0.find(|one: char| !is_token(one)).unwrap_or(self.0.len());
        let (word, rest) = self.0.split_at(end);
        self.0 = rest;
        if word.is_empty() { Err(ChallengeError) } else { Ok(word.to_owned()) }
    }

    fn takes_equals(&mut self) -> bool {
        let rest = self.0.trim_start_matches([' ', '\t']).strip_prefix('=');
        if let Some(rest) = rest {
            self.0 = rest.trim_start_matches([' ', '\t']);
        }
        rest.is_some()
    }

    fn value(&mut self) -> Result<String, ChallengeError> {
        let Some(inner) = self.0.strip_prefix('"') else { return self.token() };
        let mut value = String::new();
        let mut escaped = false;
        for (at, one) in inner.char_indices() {
            match one {
                _ if escaped => {
                    value.push(one);
                    escaped = false;
                }
                '\\' => escaped = true,
                '"' => {
                    self.0 = inner.get(at.saturating_add(1)..).unwrap_or_default();
                    return Ok(value);
                }
                _ => value.push(one),
            }
        }
        Err(ChallengeError)
    }

    /// Behind a value comes a comma or nothing.
    fn ends_item(&mut self) -> Result<(), ChallengeError> {
        self.skip(|one| matches!(one, ' ' | '\t'));
        if self.0.is_empty() || self.0.starts_with(',') { Ok(()) } else { Err(ChallengeError) }
    }

    /// What some schemes have in place of parameters: one word of base64.
    fn skip_token68(&mut self) {
        let rest = self.0.trim_start_matches([' ', '\t']);
        let is_68 = |one: char| one.is_ascii_alphanumeric() || "-._~+/".contains(one);
        let behind = rest.trim_start_matches(is_68).trim_start_matches('=').trim_start_matches([' ', '\t']);
        if behind.is_empty() || behind.starts_with(',') {
            self.0 = behind;
        }
    }
}

fn is_token(one: char) -> bool {
    one.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(one)
}

/// A header `WWW-Authenticate` that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChallengeError;

impl fmt::Display for ChallengeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the header `WWW-Authenticate` cannot be read")
    }
}

impl std::error::Error for ChallengeError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_registries_send() {
        let check = |header: &str, expected: &[(&str, &[(&str, &str)])]| {
            let found = Challenge::parse_all(header).expect(header);
            let expected: Vec<Challenge> = expected
                .iter()
                .map(|(scheme, parameters)| Challenge {
                    scheme: (*scheme).to_owned(),
                    parameters: parameters.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
                })
                .collect();
            assert_eq!(found, expected, "{header}");
        };
        check(
            "Bearer realm=\"https://a.example/token\",service=\"mini,registry\",scope=\"repository:a/b:pull,push\"",
            &[(
                "bearer",
                &[
                    ("realm", "https://a.example/token"),
                    ("service", "mini,registry"),
                    ("scope", "repository:a/b:pull,push"),
                ],
            )],
        );
        check("Basic realm=\"a \\\"b\\\"\"", &[("basic", &[("realm", "a \"b\"")])]);
        check("basic Realm = x , charset=utf-8", &[("basic", &[("realm", "x"), ("charset", "utf-8")])]);
        check(
            "Negotiate, Basic realm=x, Bearer realm=y",
            &[("negotiate", &[]), ("basic", &[("realm", "x")]), ("bearer", &[("realm", "y")])],
        );
        check("Negotiate YII/+=, Basic realm=x", &[("negotiate", &[]), ("basic", &[("realm", "x")])]);
        check("Basic", &[("basic", &[])]);
    }

    #[test]
    fn refuses_what_has_two_readings() {
        for header in [
            "",
            ",",
            "=x",
            "realm=x",
            "Bearer realm=\"x",
            "Bearer realm=x, realm=y",
            "Bearer realm=x Realm2",
            "Bearer realm=\"x\"y",
            "Bearer realm=(,",
            "Bearer \u{7}=x",
        ] {
            assert_eq!(Challenge::parse_all(header), Err(ChallengeError), "{header}");
        }
        assert!(Challenge::parse_all(&format!("Bearer realm=\"{}\"", "x".repeat(MAX_CHALLENGE_LEN))).is_err());
    }
}
