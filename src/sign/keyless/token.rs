//! [`IdentityToken`]: who wants to sign, in the words of whom Fulcio believes (OpenID Connect Core 1.0, section 2).
//!
//! Its signature is Fulcio's to check. What is read here is what the request needs, and what would make Fulcio refuse it:
//! a token that has expired, or that was made for somebody else, is not sent to anybody.
//!
//! The token is a secret: it has no `Display`, its `Debug` says nothing, and what a server says back is cleaned of it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use pinfold_core::json;
use pinfold_evidence::attestation::GITHUB_ISSUER;

/// A token, taken apart.
#[derive(Clone)]
pub struct IdentityToken {
    text: String,
    issuer: String,
    subject: String,
    email: Option<String>,
    workflow: Option<String>,
    federated: Option<String>,
    expires: i64,
    begins: Option<i64>,
}

impl fmt::Debug for IdentityToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdentityToken(…)")
    }
}

impl IdentityToken {
    /// Reads a JSON Web Token in its compact form (RFC 7519, section 3.1); white space around it is passed over.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let text = text.trim_ascii();
        if text.is_empty() {
            return Err(TokenError::Empty);
        }
        if text.len() > MAX_TOKEN_LEN {
            return Err(TokenError::TooLong);
        }
        let claims = claims_of(text).ok_or(TokenError::NotJwt)?;
        let claim = |name: &'static str| claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let audiences = audiences(&claims);
        if !audiences.contains(&AUDIENCE) {
            return Err(TokenError::Audience { received: audiences.join(", ") });
        }
        let issuer = claim("iss").ok_or(TokenError::Claim("iss"))?;
        Ok(Self {
            text: text.to_owned(),
            issuer: issuer.to_owned(),
            subject: claim("sub").ok_or(TokenError::Claim("sub"))?.to_owned(),
            // A workflow is its subject, whatever else its token may come to say.
            email: claim("email").filter(|_| issuer != GITHUB_ISSUER).map(str::to_owned),
            workflow: claim("job_workflow_ref").filter(|_| issuer == GITHUB_ISSUER).map(str::to_owned),
            federated: claims.pointer("/federated_claims/connector_id").and_then(Value::as_str).map(str::to_owned),
            expires: date(&claims, "exp")?.ok_or(TokenError::Claim("exp"))?,
            begins: date(&claims, "nbf")?,
        })
    }

    /// Holds its lifetime against the time, in seconds since 1970.
    pub const fn hold(&self, now: i64) -> Result<(), TokenError> {
        if now >= self.expires {
            return Err(TokenError::Expired { ago: now.saturating_sub(self.expires) });
        }
        match self.begins {
            Some(begins) if now.saturating_add(CLOCK_SKEW) < begins => {
                Err(TokenError::NotYet { wait: begins.saturating_sub(now) })
            }
            _ => Ok(()),
        }
    }

    /// What Fulcio has signed with the new key, as proof that who asks has it: the e-mail address, else the subject.
    pub fn challenge(&self) -> &str {
        self.email.as_deref().unwrap_or(&self.subject)
    }

    /// The e-mail address that the certificate has to name, where the token is a person's.
    pub fn email(&self) -> Option<&str> {
        self.email.as_deref()
    }

    /// The workflow that the certificate has to name, where the token is that of a job of GitHub's: `job_workflow_ref`,
    /// which Fulcio puts behind GitHub's address.
    pub fn workflow(&self) -> Option<String> {
        self.workflow.as_ref().map(|workflow| format!("https://github.com/{workflow}"))
    }

    /// Whether a certificate for this token may name that issuer: the token's own, or whom it says it heard it from.
    pub fn may_come_from(&self, issuer: &str) -> bool {
        self.issuer == issuer || self.federated.as_deref() == Some(issuer)
    }

    /// Who vouches for it, for messages.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The token itself: for the one request to Fulcio only.
    pub(super) fn expose(&self) -> &str {
        &self.text
    }

    /// A server's words without those that are a piece of the token.
    pub(super) fn clean(&self, text: &str) -> String {
        let part = |one: char| one.is_ascii_alphanumeric() || matches!(one, '-' | '_' | '.');
        let mut cleaned = String::with_capacity(text.len());
        let mut rest = text;
        while !rest.is_empty() {
            let word = rest.find(|one| !part(one)).unwrap_or(rest.len());
            let (head, tail) = rest.split_at(word);
            cleaned.push_str(if self.shares_with(head) { "…" } else { head });
            let gap = tail.find(part).unwrap_or(tail.len());
            let (between, next) = tail.split_at(gap);
            cleaned.push_str(between);
            rest = next;
        }
        cleaned
    }

    /// Whether a word has a piece of the token in it that is long enough to be no accident.
    fn shares_with(&self, word: &str) -> bool {
        word.as_bytes().windows(PIECE).any(|piece| self.text.as_bytes().windows(PIECE).any(|own| own == piece))
    }
}

/// The claims of a token whose form is right.
fn claims_of(text: &str) -> Option<Value> {
    let parts: Vec<&str> = text.split('.').collect();
    let [header, payload, signature] = parts.as_slice() else { return None };
    let decoded = [header, payload, signature].map(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let [Some(header), Some(payload), Some(signature)] = decoded else { return None };
    let is_object = |bytes: &[u8]| json::parse(bytes, MAX_TOKEN_LEN).ok().filter(Value::is_object);
    is_object(&header)?;
    if signature.is_empty() { None } else { is_object(&payload) }
}

/// `aud` (RFC 7519, section 4.1.3): one, or a list.
fn audiences(claims: &Value) -> Vec<&str> {
    match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// A NumericDate (RFC 7519, section 2): seconds since 1970, perhaps with a fraction, which is dropped.
fn date(claims: &Value, name: &'static str) -> Result<Option<i64>, TokenError> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let whole = value.as_i64().or_else(|| {
        let text = value.as_f64().filter(|number| number.is_finite())?.trunc().to_string();
        text.parse().ok()
    });
    whole.filter(|seconds| *seconds >= 0).map(Some).ok_or(TokenError::Claim(name))
}

/// Whom a token has to be made for, so that Fulcio takes it.
pub const AUDIENCE: &str = "sigstore";
/// Longest token, in bytes. GitHub's have 2 kB, those with lists of groups some more.
pub const MAX_TOKEN_LEN: usize = 64 << 10;
/// How far two clocks may be apart, in seconds.
pub(super) const CLOCK_SKEW: i64 = 60;
/// How many characters of a token in a row are a piece of it, and no accident.
const PIECE: usize = 12;

/// Why a text is no token to sign with. No variant has anything of the token but what it is not made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenError {
    /// There is nothing in it.
    Empty,
    /// Longer than [`MAX_TOKEN_LEN`].
    TooLong,
    /// Not three parts of base64url, with JSON in the first two.
    NotJwt,
    /// A claim is missing or of the wrong type.
    Claim(&'static str),
    /// It was made for somebody else.
    Audience {
        /// For whom; may be empty.
        received: String,
    },
    /// Its time is over.
    Expired {
        /// Since when, in seconds.
        ago: i64,
    },
    /// Its time has not begun.
    NotYet {
        /// When it will, in seconds.
        wait: i64,
    },
}

impl TokenError {
    /// A stable id.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty | Self::TooLong | Self::NotJwt | Self::Claim(_) => "token-malformed",
            Self::Audience { .. } => "token-audience",
            Self::Expired { .. } => "token-expired",
            Self::NotYet { .. } => "token-not-yet",
        }
    }

    /// What to do.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Empty | Self::TooLong | Self::NotJwt | Self::Claim(_) => {
                "an identity token is a JSON Web Token, as GitHub Actions and GitLab hand it to a job"
            }
            Self::Audience { .. } => {
                "have it made for the audience `sigstore`; in GitLab: `id_tokens: SIGSTORE_ID_TOKEN: aud: sigstore`"
            }
            Self::Expired { .. } => "tokens live for minutes: get one right before signing",
            Self::NotYet { .. } => "the clock of this machine may be slow",
        }
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the identity token is empty"),
            Self::TooLong => write!(f, "the identity token has more than {MAX_TOKEN_LEN} bytes"),
            Self::NotJwt => f.write_str("the identity token is no JSON Web Token"),
            Self::Claim(name) => write!(f, "the identity token does not say `{name}`, or not as it should"),
            Self::Audience { received } if received.is_empty() => {
                write!(f, "the identity token is not made for `{AUDIENCE}`, nor for anybody")
            }
            Self::Audience { received } => {
                let shown: String = received.chars().take(80).collect();
                write!(f, "the identity token is made for `{}`, not for `{AUDIENCE}`", shown.escape_debug())
            }
            Self::Expired { ago } => write!(f, "the identity token expired {ago} seconds ago"),
            Self::NotYet { wait } => write!(f, "the identity token is valid only in {wait} seconds"),
        }
    }
}

impl std::error::Error for TokenError {}
