//! Signatures over bytes as they are, with no statement about them.

use aws_lc_rs::digest::{Digest, SHA256};
use aws_lc_rs::rand::SystemRandom;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::{BUNDLE, KeyKind, Pair, SigningKey, SigningKeyError};
use pinfold_core::digest::{Algorithm, Integrity};

/// What is signed.
#[derive(Debug, Clone, Copy)]
pub enum Message<'a> {
    /// The SHA-256 of the bytes, which is all that a key of P-256 takes of them.
    Digest(&'a Integrity),
    /// The bytes, which a key of Ed25519 takes whole (RFC 8032, section 5.1.6).
    Whole(&'a [u8]),
}

impl SigningKey {
    /// Whether the digest of bytes is enough to sign them.
    pub const fn signs_digests(&self) -> bool {
        matches!(self.kind(), KeyKind::P256)
    }

    /// Signs bytes: a Sigstore bundle v0.3 with a message signature, the hint of the key, and neither log entry nor time.
    pub fn message_bundle(&self, message: Message<'_>) -> Result<Value, SigningKeyError> {
        let (digest, signature) = match (message, &self.pair) {
            (Message::Digest(digest), Pair::P256(pair)) if digest.algorithm() == Algorithm::Sha256 => {
                let imported = Digest::import_less_safe(digest.digest(), &SHA256);
                let imported = imported.map_err(|_| SigningKeyError::Failed)?;
                let signature = pair.sign_digest(&imported).map_err(|_| SigningKeyError::Failed)?;
                (digest.clone(), signature.as_ref().to_vec())
            }
            (Message::Digest(_), _) => return Err(SigningKeyError::Failed),
            (Message::Whole(bytes), Pair::P256(pair)) => {
                let signature = pair.sign(&SystemRandom::new(), bytes).map_err(|_| SigningKeyError::Failed)?;
                (Integrity::of(Algorithm::Sha256, bytes), signature.as_ref().to_vec())
            }
            (Message::Whole(bytes), Pair::Ed25519(pair)) => {
                let signature = pair.try_sign(bytes).map_err(|_| SigningKeyError::Failed)?;
                (Integrity::of(Algorithm::Sha256, bytes), signature.as_ref().to_vec())
            }
        };
        Ok(json!({
            "mediaType": BUNDLE,
            "verificationMaterial": { "publicKey": { "hint": self.hint }, "tlogEntries": [] },
            "messageSignature": {
                "messageDigest": { "algorithm": "SHA2_256", "digest": BASE64.encode(digest.digest()) },
                "signature": BASE64.encode(signature),
            },
        }))
    }
}
