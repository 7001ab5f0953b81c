//! [`Refusal`]: what is wrong with an attestation.

use std::fmt;

use sigstore_verify::Error as SigstoreError;

use super::Artifact;
use crate::attestation::SimpleSigningError;
use crate::statement::{Statement, StatementError};

/// Why an attestation is wrong.
#[derive(Debug)]
pub enum Refusal {
    /// Not a bundle of the version that it says.
    Bundle(String),
    /// An envelope that cannot be read, or has no or several signatures.
    Envelope(String),
    /// An envelope with something else than a statement in it: its media type.
    PayloadType(String),
    /// An envelope that names a key, where a certificate signed: two stories of who it was. npm refuses it too.
    KeyId(String),
    /// The statement in it cannot be read.
    Statement(StatementError),
    /// What was signed in cosign's older form is no signature of an artifact.
    SimpleSigning(SimpleSigningError),
    /// A statement of another type, where a signature was looked for.
    SignatureType(String),
    /// Its subjects have no digest that would prove anything.
    WeakDigest,
    /// It is about other artifacts.
    NotAbout {
        /// The digest that was looked for, `sha256:…`.
        artifact: String,
        /// What it is about: the first subject, and how many more there are.
        subjects: String,
    },
    /// The certificate is not of a trusted authority, or was not valid when it signed.
    Certificate(String),
    /// The transparency log's word does not hold.
    Log(String),
    /// The timestamp does not hold, or there is none that does.
    Timestamp(String),
    /// The signature is not over these bytes by this key.
    Signature(String),
    /// Something that a proof of this instance has to have was not checked.
    Incomplete,
    /// The key was not valid when it signed.
    KeyNotValid {
        /// The key's id.
        keyid: String,
    },
    /// The registry signed another package or another integrity than the pinned.
    RegistryStatement {
        /// What the pin says.
        expected: String,
        /// What was signed.
        received: String,
    },
}

impl Refusal {
    pub(super) fn not_about(artifact: &Artifact<'_>, statement: &Statement) -> Self {
        let wanted = artifact.digests.iter().find(|(algorithm, _)| {
            statement.subjects.iter().any(|subject| subject.digests.contains_key(algorithm.as_str()))
        });
        let artifact = wanted.map_or_else(String::new, |(algorithm, digest)| format!("{algorithm}:{digest}"));
        let algorithm = wanted.map(|(algorithm, _)| algorithm.as_str()).unwrap_or_default();
        let first = statement.subjects.iter().find(|subject| subject.digests.contains_key(algorithm));
        let mut subjects = first.map_or_else(String::new, |subject| {
            let digest = subject.digests.get(algorithm).map(String::as_str).unwrap_or_default();
            let name = if subject.name.is_empty() { "an artifact without a name" } else { &subject.name };
            format!("{algorithm}:{digest} ({name})")
        });
        let more = statement.subjects.len().saturating_sub(1);
        if more > 0 {
            subjects.push_str(&format!(" and {more} more"));
        }
        Self::NotAbout { artifact, subjects }
    }

    /// Sorts what the verification says into what can be told apart.
    pub(super) fn of(error: &SigstoreError) -> Self {
        let text = error.to_string();
        match error {
            SigstoreError::Certificate(_) => Self::Certificate(text),
            SigstoreError::TransparencyLog(_) => Self::Log(text),
            SigstoreError::Timestamp(_) => Self::Timestamp(text),
            SigstoreError::SignatureInvalid(_) | SigstoreError::Crypto(_) => Self::Signature(text),
            _ => Self::Bundle(text),
        }
    }

    /// A stable id of the refusal.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Bundle(_) => "bundle-malformed",
            Self::Envelope(_) => "envelope-malformed",
            Self::PayloadType(_) => "envelope-payload-type",
            Self::KeyId(_) => "envelope-keyid",
            Self::Statement(error) => error.code(),
            Self::SimpleSigning(error) => error.code(),
            Self::SignatureType(_) => "signature-type",
            Self::WeakDigest => "subject-weak-digest",
            Self::NotAbout { .. } => "subject-mismatch",
            Self::Certificate(_) => "certificate-invalid",
            Self::Log(_) => "log-entry-invalid",
            Self::Timestamp(_) => "timestamp-invalid",
            Self::Signature(_) => "signature-invalid",
            Self::Incomplete => "proof-incomplete",
            Self::KeyNotValid { .. } => "key-not-valid",
            Self::RegistryStatement { .. } => "registry-signature-mismatch",
        }
    }

    /// The two values that were compared.
    pub fn compared(&self) -> Option<(String, String)> {
        match self {
            Self::NotAbout { artifact, subjects } => Some((artifact.clone(), subjects.clone())),
            Self::RegistryStatement { expected, received } => Some((expected.clone(), received.clone())),
            _ => None,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bundle(text) => write!(f, "the bundle cannot be read: {}", text.escape_debug()),
            Self::Envelope(text) => write!(f, "the envelope cannot be read: {}", text.escape_debug()),
            Self::PayloadType(kind) => {
                write!(f, "the envelope holds `{}`, not an in-toto statement", kind.escape_debug())
            }
            Self::KeyId(keyid) => {
                write!(f, "the envelope names the key `{}`, and a certificate signed it", keyid.escape_debug())
            }
            Self::Statement(error) => error.fmt(f),
            Self::SimpleSigning(error) => error.fmt(f),
            Self::SignatureType(kind) => {
                write!(
                    f,
                    "it is a statement of the type `{}`, which is no signature of an artifact",
                    kind.escape_debug()
                )
            }
            Self::WeakDigest => f.write_str("the statement names its subjects by digests that prove nothing"),
            Self::NotAbout { .. } => f.write_str("the attestation is about another artifact"),
            Self::Certificate(text) => write!(f, "the certificate does not hold: {}", text.escape_debug()),
            Self::Log(text) => write!(f, "the log entry does not hold: {}", text.escape_debug()),
            Self::Timestamp(text) => write!(f, "the time of signing does not hold: {}", text.escape_debug()),
            Self::Signature(text) => write!(f, "the signature does not hold: {}", text.escape_debug()),
            Self::Incomplete => {
                f.write_str("the proof is incomplete: certificate, log entry or timestamp was not checked")
            }
            Self::KeyNotValid { keyid } => {
                write!(f, "the key `{}` was not valid when it signed", keyid.escape_debug())
            }
            Self::RegistryStatement { .. } => f.write_str("the registry signed something else than the pin says"),
        }
    }
}

impl std::error::Error for Refusal {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Statement(error) => Some(error),
            Self::SimpleSigning(error) => Some(error),
            _ => None,
        }
    }
}
