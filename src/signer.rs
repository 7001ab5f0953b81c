//! A key of one's own, and what it signs: statements in DSSE envelopes.
//!
//! Refuses everything but one PEM block `PRIVATE KEY` with an ECDSA key over P-256 in PKCS#8 (RFC 5958, RFC 7468
//! section 10). Nothing of a key is ever in an output or a message: errors say what kind of thing was found, and none of
//! its bytes.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use sigstore_verify::crypto::KeyPair;
use sigstore_verify::types::pae;

use crate::digest::Sha256;
use crate::statement::PAYLOAD_TYPE;

/// A private key that signs.
pub struct SigningKey {
    pair: KeyPair,
    id: String,
    public: String,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Longest file of a key, in bytes; one of P-256 takes some 240.
pub const MAX_KEY_LEN: u64 = 64 << 10;

impl SigningKey {
    /// Reads a key in PEM.
    pub fn from_pem(pem: &[u8]) -> Result<Self, SigningKeyError> {
        let pem = std::str::from_utf8(pem).map_err(|_| SigningKeyError::NotPem)?;
        let text = pem.trim_ascii();
        let (label, rest) = text
            .strip_prefix("-----BEGIN ")
            .and_then(|rest| rest.split_once("-----"))
            .ok_or(SigningKeyError::NotPem)?;
        match label {
            LABEL => {}
            "ENCRYPTED PRIVATE KEY" => return Err(SigningKeyError::Encrypted),
            "EC PRIVATE KEY" | "EC PARAMETERS" => return Err(SigningKeyError::NotPkcs8),
            "PUBLIC KEY" | "CERTIFICATE" => return Err(SigningKeyError::Public),
            _ => return Err(SigningKeyError::NotPem),
        }
        let body = rest.strip_suffix("-----END PRIVATE KEY-----").ok_or(SigningKeyError::NotPem)?;
        let body: String = body.split_ascii_whitespace().collect();
        let der = BASE64.decode(body).map_err(|_| SigningKeyError::NotPem)?;
        // The reason is left out: it is another library's, and nobody promised that it quotes nothing.
        let pair = KeyPair::from_pkcs8_der(&der).map_err(|_| SigningKeyError::Algorithm)?;
        let spki = pair.public_key_der().map_err(|_| SigningKeyError::Algorithm)?;
        let id = format!("SHA256:{}", Sha256::of(spki.as_bytes()).hex());
        Ok(Self { public: spki.to_pem(), pair, id })
    }

    /// What the key is called in envelopes: the SHA-256 of its public half (DER, SubjectPublicKeyInfo).
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The public half, PEM: what whoever checks the signature needs.
    pub fn public_pem(&self) -> &str {
        &self.public
    }

    /// Signs a statement: a DSSE envelope (protocol, "Signature Definition": over the pre-authentication encoding).
    /// ECDSA takes a random number, so that no two signatures are the same.
    pub fn envelope(&self, statement: &Value) -> Result<Value, SigningKeyError> {
        let payload = statement.to_string();
        let signature = self.pair.sign(&pae(PAYLOAD_TYPE, payload.as_bytes())).map_err(|_| SigningKeyError::Failed)?;
        Ok(json!({
            "payloadType": PAYLOAD_TYPE,
            "payload": BASE64.encode(payload),
            "signatures": [{ "keyid": self.id, "sig": BASE64.encode(signature.as_bytes()) }],
        }))
    }
}

const LABEL: &str = "PRIVATE KEY";

/// Why a file is no key to sign with, or does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SigningKeyError {
    /// Not one PEM block of a private key.
    NotPem,
    /// A passphrase protects it.
    Encrypted,
    /// An older form than PKCS#8.
    NotPkcs8,
    /// The other half.
    Public,
    /// Not ECDSA over P-256.
    Algorithm,
    /// Signing itself failed.
    Failed,
}

impl SigningKeyError {
    /// A stable id of the refusal.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotPem => "key-form",
            Self::Encrypted => "key-encrypted",
            Self::NotPkcs8 => "key-old-form",
            Self::Public => "key-public",
            Self::Algorithm => "key-algorithm",
            Self::Failed => "key-failed",
        }
    }

    /// What to do.
    pub const fn hint(self) -> Option<&'static str> {
        match self {
            Self::NotPkcs8 => Some("`openssl pkcs8 -topk8 -nocrypt -in FILE` writes it in the newer form"),
            Self::Encrypted => Some("pinfold asks for no passphrase; hand it a file that only the job can read"),
            Self::NotPem | Self::Public | Self::Algorithm => {
                Some("`openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256` makes one")
            }
            Self::Failed => None,
        }
    }
}

impl fmt::Display for SigningKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotPem => "the key is not one PEM block `PRIVATE KEY`",
            Self::Encrypted => "the key is encrypted",
            Self::NotPkcs8 => "the key is not in PKCS#8",
            Self::Public => "the key is a public one, which signs nothing",
            Self::Algorithm => "the key is not one of ECDSA over P-256",
            Self::Failed => "the key did not sign",
        })
    }
}

impl std::error::Error for SigningKeyError {}
