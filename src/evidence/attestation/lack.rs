//! [`Lack`]: what is missing for a verdict on an attestation.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use pinfold_core::digest::hex;

/// Why an attestation can be neither proved nor refuted with what is at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lack {
    /// Another media type than the bundles' that pinfold reads.
    MediaType(String),
    /// A certificate, and neither a log entry nor a timestamp: certificates live for minutes, so whether it was valid
    /// when it signed cannot be known.
    NoTime,
    /// No log entry, where all evidence of this instance has one.
    NoLogEntry,
    /// No root in use knows the authority that issued the certificate.
    UnknownAuthority {
        /// The issuer as the certificate names it.
        issuer: String,
        /// The roots that were asked, such as `the GitHub root in use is from 2026-06-12`.
        roots: Vec<String>,
    },
    /// No root in use knows the log.
    UnknownLog {
        /// The log's id, base64.
        log: String,
        /// As for [`Lack::UnknownAuthority`].
        roots: Vec<String>,
    },
    /// A timestamp by an authority that no root in use knows.
    UnknownTimestamper {
        /// As for [`Lack::UnknownAuthority`].
        roots: Vec<String>,
    },
    /// Signed by a key that nobody named.
    UnknownKey {
        /// The key's id as the attestation hints at it; may be empty.
        keyid: String,
        /// Whether another one was named.
        is_other: bool,
    },
    /// A key that has expired, and nobody who vouches for when it signed.
    ExpiredKey {
        /// The key's id.
        keyid: String,
    },
    /// The claim and what is known of the artifact have no digest in common.
    NoCommonDigest(
        /// The algorithms that the claim has.
        Vec<String>,
    ),
    /// A signature over the bytes, which are not at hand.
    NoBytes,
    /// A signature over the bytes as a whole, of which there are too many to hold.
    TooLong {
        /// How many may be, in bytes.
        limit: u64,
    },
}

impl Lack {
    /// A stable id.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::MediaType(_) => "bundle-media-type",
            Self::NoTime => "no-time",
            Self::NoLogEntry => "no-log-entry",
            Self::UnknownAuthority { .. } => "unknown-authority",
            Self::UnknownLog { .. } => "unknown-log",
            Self::UnknownTimestamper { .. } => "unknown-timestamp-authority",
            Self::UnknownKey { .. } => "unknown-key",
            Self::ExpiredKey { .. } => "expired-key",
            Self::NoCommonDigest(_) => "no-common-digest",
            Self::NoBytes => "no-bytes",
            Self::TooLong { .. } => "bytes-to-hold",
        }
    }

    /// What would help.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::MediaType(_) => Some("a newer pinfold may read it".into()),
            Self::NoTime | Self::NoLogEntry => Some(
                "nobody can prove this offline; ask upstream for a Sigstore bundle with its log entry \
                 (slsa-github-generator writes one from v2.1.0 on)"
                    .into(),
            ),
            Self::UnknownAuthority { .. } | Self::UnknownLog { .. } | Self::UnknownTimestamper { .. } => {
                Some("run `pinfold trust update`, or name the root of a private instance with `--trusted-root`".into())
            }
            Self::UnknownKey { is_other: true, .. } => {
                Some("that is none of the keys that were named; name it too, if whoever holds it may sign".into())
            }
            Self::UnknownKey { .. } => Some("name the key with `--key`, or run `pinfold trust update`".into()),
            Self::ExpiredKey { .. } | Self::TooLong { .. } => None,
            Self::NoCommonDigest(known) => Some(format!("give the artifact itself, or its {}", known.join(" or "))),
            Self::NoBytes => Some("give the artifact itself, not its digest".into()),
        }
    }
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MediaType(kind) => write!(f, "the bundle is of the media type `{}`", kind.escape_debug()),
            Self::NoTime => {
                f.write_str("there is neither a log entry nor a timestamp, so nobody vouches for when it was signed")
            }
            Self::NoLogEntry => f.write_str("there is no entry of the transparency log"),
            Self::UnknownAuthority { issuer, roots } => {
                write!(f, "no trust root in use knows the authority `{}`", issuer.escape_debug())?;
                roots.iter().try_for_each(|root| write!(f, "; {root}"))
            }
            Self::UnknownLog { log, roots } => {
                write!(f, "no trust root in use knows the log `{}`", log.escape_debug())?;
                roots.iter().try_for_each(|root| write!(f, "; {root}"))
            }
            Self::UnknownTimestamper { roots } => {
                f.write_str(
                    "no trust root in use has the authority that made the timestamp, so its time does not count",
                )?;
                roots.iter().try_for_each(|root| write!(f, "; {root}"))
            }
            Self::UnknownKey { keyid, .. } if keyid.is_empty() => {
                f.write_str("it is signed by a key that was not named")
            }
            Self::UnknownKey { keyid, .. } => write!(f, "it is signed by the unknown key `{}`", named(keyid)),
            Self::ExpiredKey { keyid } => {
                write!(f, "the key `{}` has expired, and nobody vouches for when it signed", keyid.escape_debug())
            }
            Self::NoCommonDigest(known) => {
                write!(f, "it names artifacts by {}, which is not known of this one", known.join(", "))
            }
            Self::NoBytes => f.write_str("it is a signature over the bytes, which are not at hand"),
            Self::TooLong { limit } => {
                write!(f, "it is a signature over the bytes as a whole, and there are more than {limit} of them")
            }
        }
    }
}

impl std::error::Error for Lack {}

/// A key as pinfold itself names keys, where it is called by its digest in base64: so cosign calls them in bundles.
fn named(keyid: &str) -> String {
    match BASE64.decode(keyid) {
        Ok(digest) if digest.len() == 32 => format!("SHA256:{}", hex(&digest)),
        _ => keyid.escape_debug().to_string(),
    }
}
