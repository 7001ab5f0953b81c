//! [`SimpleSigning`]: what a signature in cosign's older form is over ("atomic container signature" of containers/image,
//! with cosign's own type).
//!
//! Refuses another type: what a key signed as something else is no signature of an artifact.

use std::fmt;

use serde_json::Value;

use pinfold_core::digest::Integrity;
use pinfold_core::json::{self, JsonError};
use pinfold_core::oci::{DigestError, parse_digest};

/// What was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimpleSigning {
    /// The digest of the manifest.
    pub manifest: Integrity,
}

/// Longest payload, in bytes: one has some 250 and what its signer annotated.
pub const MAX_SIMPLE_SIGNING_LEN: usize = 1 << 20;

impl SimpleSigning {
    /// Reads the payload that was signed.
    pub fn parse(payload: &[u8]) -> Result<Self, SimpleSigningError> {
        let value = json::parse(payload, MAX_SIMPLE_SIGNING_LEN).map_err(SimpleSigningError::Json)?;
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str);
        let kind = text("/critical/type").ok_or(SimpleSigningError::Shape("critical.type"))?;
        if kind != TYPE {
            return Err(SimpleSigningError::Type(kind.to_owned()));
        }
        let digest = text("/critical/image/docker-manifest-digest");
        let digest = digest.ok_or(SimpleSigningError::Shape("critical.image.docker-manifest-digest"))?;
        Ok(Self { manifest: parse_digest(digest).map_err(SimpleSigningError::Digest)? })
    }
}

const TYPE: &str = "cosign container image signature";

/// Why a payload is no [`SimpleSigning`].
#[derive(Debug)]
pub enum SimpleSigningError {
    /// Not strict JSON.
    Json(JsonError),
    /// Something is missing: what.
    Shape(&'static str),
    /// It is of another type.
    Type(String),
    /// The digest in it is none.
    Digest(DigestError),
}

impl SimpleSigningError {
    /// A stable id of the refusal.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Json(error) => error.code(),
            Self::Shape(_) => "simple-signing-shape",
            Self::Type(_) => "simple-signing-type",
            Self::Digest(error) => error.code(),
        }
    }
}

impl fmt::Display for SimpleSigningError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => write!(f, "what was signed is {error}"),
            Self::Shape(what) => write!(f, "what was signed has no `{what}`"),
            Self::Type(kind) => write!(
                f,
                "what was signed is of the type `{}`, which is no signature of an artifact",
                kind.escape_debug()
            ),
            Self::Digest(error) => write!(f, "what was signed names an artifact by no digest: {error}"),
        }
    }
}

impl std::error::Error for SimpleSigningError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Json(error) => Some(error),
            Self::Digest(error) => Some(error),
            Self::Shape(_) | Self::Type(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"critical":{"identity":{"docker-reference":""},"image":{"docker-manifest-digest":
        "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        "type":"cosign container image signature"},"optional":null}"#;

    #[test]
    fn reads_cosigns_type_only() {
        assert_eq!(SimpleSigning::parse(GOOD.as_bytes()).expect("a payload").manifest.hex().len(), 64);
        let check = |from: &str, to: &str, code: &str| {
            assert!(GOOD.contains(from), "{from}");
            let error = SimpleSigning::parse(GOOD.replace(from, to).as_bytes()).expect_err(to);
            assert_eq!(error.code(), code, "{error}");
        };
        check("cosign container", "atomic container", "simple-signing-type");
        check("\"type\"", "\"kind\"", "simple-signing-shape");
        check("docker-manifest-digest", "manifest-digest", "simple-signing-shape");
        check("sha256:", "sha1:", "oci-digest-algorithm");
        check("sha256:ba", "sha256:BA", "oci-digest");
        check("\"optional\"", "\"critical\"", "json-malformed");
        check(GOOD, "{}x", "json-malformed");
    }
}
