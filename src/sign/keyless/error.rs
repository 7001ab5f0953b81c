//! [`KeylessError`]: why nothing was signed with an identity.

use std::fmt;

use super::services::ServicesError;
use super::token::TokenError;
use pinfold_core::fault::{Class, Fault};
use pinfold_evidence::provenance::{Disagreement, ProvenanceError};
use pinfold_net::http::CallError;

/// What a service is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Hands a job its identity token.
    Identity,
    /// Fulcio: certifies that a key is somebody's.
    Authority,
    /// Says when something was signed (RFC 3161).
    Timestamper,
    /// Rekor: logs what was signed.
    Log,
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Identity => "identity service",
            Self::Authority => "certificate authority",
            Self::Timestamper => "timestamp authority",
            Self::Log => "transparency log",
        })
    }
}

/// Why nothing was signed.
#[derive(Debug)]
#[non_exhaustive]
pub enum KeylessError {
    /// The identity token is no good.
    Token(TokenError),
    /// Nobody can be asked.
    Services(ServicesError),
    /// The key for this one signature could not be made, or does not sign.
    Key,
    /// A service did not answer.
    Unanswered {
        /// Which.
        service: Service,
        /// Why.
        error: CallError,
    },
    /// A service says no.
    Denied {
        /// Which.
        service: Service,
        /// Where.
        url: String,
        /// The status.
        status: u16,
        /// Its own words, without anything of a secret; may be empty.
        message: String,
    },
    /// A service's answer is not what the protocol says.
    Answer {
        /// Which.
        service: Service,
        /// Where.
        url: String,
        /// In what way.
        why: String,
    },
    /// The certificate is for another key.
    OtherKey {
        /// Who issued it.
        url: String,
    },
    /// The certificate is somebody else's.
    OtherIdentity {
        /// Who issued it.
        url: String,
        /// What the token says.
        expected: String,
        /// What the certificate says.
        received: String,
    },
    /// The certificate is not of now.
    NotNow {
        /// Who issued it.
        url: String,
        /// From when it is.
        start: String,
        /// Until when.
        end: String,
    },
    /// The authority is not of a root in use.
    UnknownAuthority {
        /// Who was asked.
        url: String,
        /// Who says to have issued the certificate.
        issuer: String,
        /// The roots, in words.
        roots: Vec<String>,
    },
    /// The statement is provenance, and lacks what everybody asks of it.
    Provenance(ProvenanceError),
    /// The statement says something else of the build than the certificate, so that nobody would believe it.
    Disagrees(Disagreement),
    /// The timestamp does not hold, or is about something else.
    Timestamp {
        /// Who made it.
        url: String,
        /// In what way.
        why: String,
    },
    /// The timestamp is of a time at which the certificate did not hold.
    Outside {
        /// Who made it.
        url: String,
        /// The time.
        time: String,
        /// From when the certificate is.
        start: String,
        /// Until when.
        end: String,
    },
    /// The log's entry is about something else.
    OtherEntry {
        /// Which log.
        url: String,
        /// In what way.
        why: &'static str,
    },
    /// The log is not of a root in use.
    UnknownLog {
        /// Who was asked.
        url: String,
        /// The roots, in words.
        roots: Vec<String>,
    },
    /// The log's entry does not hold: its promise, its proof, its checkpoint.
    Entry {
        /// Which logs.
        url: String,
        /// In what way.
        why: String,
    },
}

impl KeylessError {
    /// Whether what a service answered is wrong, so that trying again cannot help.
    pub const fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::OtherKey { .. }
                | Self::OtherIdentity { .. }
                | Self::Disagrees(_)
                | Self::Timestamp { .. }
                | Self::Outside { .. }
                | Self::OtherEntry { .. }
                | Self::Entry { .. }
        )
    }

    /// Whether nobody here can say if what a service answered is right.
    pub const fn is_unverifiable(&self) -> bool {
        matches!(self, Self::UnknownAuthority { .. } | Self::UnknownLog { .. })
    }

    /// A stable id.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Token(error) => error.code(),
            Self::Services(error) => error.code(),
            Self::Key => "key-failed",
            Self::Unanswered { error, .. } => error.code(),
            Self::Denied { .. } => "service-denied",
            Self::Answer { .. } => "service-answer",
            Self::OtherKey { .. } => "certificate-other-key",
            Self::OtherIdentity { .. } => "certificate-other-identity",
            Self::NotNow { .. } => "certificate-not-now",
            Self::UnknownAuthority { .. } => "unknown-authority",
            Self::Provenance(_) => "statement-incomplete",
            Self::Disagrees(_) => "statement-disagrees",
            Self::Timestamp { .. } => "timestamp-wrong",
            Self::Outside { .. } => "timestamp-outside",
            Self::OtherEntry { .. } => "log-other-entry",
            Self::UnknownLog { .. } => "unknown-log",
            Self::Entry { .. } => "log-entry-wrong",
        }
    }

    /// What to do.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Token(error) => error.hint(),
            Self::Services(error) => error.hint(),
            Self::Unanswered { error, .. } => return error.hint(),
            Self::Denied { service: Service::Authority, status: 400 | 401 | 403, .. } => {
                "it may not know the issuer of the token, or the token may be used up; get a new one"
            }
            Self::Denied { service: Service::Identity, status: 400 | 401 | 403, .. } => {
                "in GitHub Actions the job needs `permissions: id-token: write`"
            }
            Self::Provenance(_) => "state it with `pinfold attest` or `pinfold run`",
            Self::Disagrees(wrong) if wrong.claim == "builder" => {
                let builder = wrong.certificate.escape_debug();
                return Some(format!("whoever signs is the builder: state it with `--builder-id {builder}`"));
            }
            Self::Disagrees(_) => "the certificate says what the identity token does: sign in the job that built it",
            Self::NotNow { .. } => "the clock of this machine may be wrong",
            Self::UnknownAuthority { .. } | Self::UnknownLog { .. } => {
                "run `pinfold trust update`, or name the root of a private instance with `--signing-root`"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

impl From<TokenError> for KeylessError {
    fn from(error: TokenError) -> Self {
        Self::Token(error)
    }
}

impl From<ServicesError> for KeylessError {
    fn from(error: ServicesError) -> Self {
        Self::Services(error)
    }
}

impl fmt::Display for KeylessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(error) => error.fmt(f),
            Self::Services(error) => error.fmt(f),
            Self::Key => f.write_str("the key for this one signature did not sign"),
            Self::Unanswered { service, error } => write!(f, "the {service} did not answer: {error}"),
            Self::Denied { service, url, status, message } => {
                write!(f, "the {service} `{url}` answered {status}")?;
                if message.is_empty() { Ok(()) } else { write!(f, ": {}", message.escape_debug()) }
            }
            Self::Answer { service, url, why } => {
                write!(f, "the {service} `{url}` answered with something else than asked for: {}", why.escape_debug())
            }
            Self::OtherKey { url } => write!(f, "the certificate of `{url}` is for another key than was sent"),
            Self::OtherIdentity { url, expected, received } => {
                let (expected, received) = (expected.escape_debug(), received.escape_debug());
                write!(f, "the certificate of `{url}` is somebody else's: it says `{received}`, not `{expected}`")
            }
            Self::NotNow { url, start, end } => {
                write!(f, "the certificate of `{url}` is valid from {start} to {end}, which is not now")
            }
            Self::UnknownAuthority { url, issuer, roots } => {
                write!(f, "no trust root in use knows the authority `{}` of `{url}`", issuer.escape_debug())?;
                roots.iter().try_for_each(|root| write!(f, "; {root}"))
            }
            Self::Provenance(error) => write!(f, "nobody would believe the statement: {error}"),
            Self::Disagrees(Disagreement { claim, certificate, predicate }) => {
                let (certificate, predicate) = (certificate.escape_debug(), predicate.escape_debug());
                write!(f, "nobody would believe the statement: its {claim} is `{predicate}`, ")?;
                write!(f, "and the certificate says `{certificate}`")
            }
            Self::Timestamp { url, why } => {
                write!(f, "the timestamp of `{url}` does not hold: {}", why.escape_debug())
            }
            Self::Outside { url, time, start, end } => {
                write!(f, "the timestamp of `{url}` says {time}, and the certificate is valid from {start} to {end}")
            }
            Self::OtherEntry { url, why } => write!(f, "the log `{url}` answered with an entry for another {why}"),
            Self::UnknownLog { url, roots } => {
                write!(f, "no trust root in use knows the log of `{url}`")?;
                roots.iter().try_for_each(|root| write!(f, "; {root}"))
            }
            Self::Entry { url, why } => write!(f, "the entry of the log `{url}` does not hold: {}", why.escape_debug()),
        }
    }
}

impl From<KeylessError> for Fault {
    fn from(error: KeylessError) -> Self {
        let class = if error.is_unverifiable() { Class::Unverifiable } else { Class::refused_if(error.is_refusal()) };
        Self::new(class, error.code(), error.to_string()).hinting(error.hint()).because(error)
    }
}

impl std::error::Error for KeylessError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unanswered { error, .. } => error.source(),
            Self::Services(error) => error.source(),
            Self::Provenance(error) => Some(error),
            _ => None,
        }
    }
}
