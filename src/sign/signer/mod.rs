//! A key of one's own, and what it signs: statements in DSSE envelopes and in Sigstore bundles.
//!
//! Refuses everything but one PEM block with an ECDSA key over P-256 or an Ed25519 key in PKCS#8 (RFC 5958, RFC 7468
//! sections 10 and 11), behind a passphrase or not. Nothing of a key is ever in an output or a message: errors say what
//! kind of thing was found, and none of its bytes.

mod encrypted;
mod error;
mod message;
mod passphrase;
mod pem;
mod pkcs8;

use std::fmt;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use sigstore_verify::types::pae;
use zeroize::Zeroizing;

use pinfold_core::digest::{Algorithm, Integrity};
use pinfold_evidence::statement::PAYLOAD_TYPE;

pub use encrypted::MAX_ITERATIONS;
pub use error::SigningKeyError;
pub use message::Message;
pub use passphrase::{MAX_PASSPHRASE_LEN, Passphrase, PassphraseError};

/// A private key that signs.
pub struct SigningKey {
    pair: Pair,
    id: String,
    hint: String,
    public: String,
}

/// The kinds of keys that pinfold signs with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// ECDSA over P-256 with SHA-256 (FIPS 186-5): what everybody's verifiers take.
    P256,
    /// Ed25519 (RFC 8032).
    Ed25519,
}

impl KeyKind {
    /// All of them, the usual one first.
    pub const ALL: [Self; 2] = [Self::P256, Self::Ed25519];

    /// The word on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::P256 => "p256",
            Self::Ed25519 => "ed25519",
        }
    }
}

enum Pair {
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Longest file of a key, in bytes; one of P-256 takes some 240, behind a passphrase 400.
pub const MAX_KEY_LEN: u64 = 64 << 10;

impl SigningKey {
    /// Reads a key in PEM. A passphrase is for a key that has one: both to miss it and to have it without need is an error,
    /// as a key that somebody believes to be protected should be.
    pub fn from_pem(pem: &[u8], passphrase: Option<&Passphrase>) -> Result<Self, SigningKeyError> {
        let block = pem::read(pem)?;
        let plain = match (block.kind, passphrase) {
            (pem::Kind::Plain, None) => block.der,
            (pem::Kind::Plain, Some(_)) => return Err(SigningKeyError::NotEncrypted),
            (pem::Kind::Encrypted, None) => {
                // What is wrong with it beside is told before anybody is asked for a passphrase.
                encrypted::check(&block.der)?;
                return Err(SigningKeyError::Encrypted);
            }
            (pem::Kind::Encrypted, Some(passphrase)) => encrypted::decrypt(&block.der, passphrase)?,
        };
        Self::new(pkcs8::read(&plain)?)
    }

    /// Makes a new key.
    pub fn generate(kind: KeyKind) -> Result<Self, SigningKeyError> {
        let failed = |_| SigningKeyError::Failed;
        Self::new(match kind {
            KeyKind::P256 => Pair::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(failed)?),
            KeyKind::Ed25519 => Pair::Ed25519(Ed25519KeyPair::generate().map_err(failed)?),
        })
    }

    fn new(pair: Pair) -> Result<Self, SigningKeyError> {
        let spki = pair.spki()?;
        let digest = Integrity::of(Algorithm::Sha256, &spki);
        let (id, hint) = (format!("SHA256:{}", digest.hex()), BASE64.encode(digest.digest()));
        Ok(Self { public: pem::write("PUBLIC KEY", &spki).to_string(), pair, id, hint })
    }

    /// Its kind.
    pub const fn kind(&self) -> KeyKind {
        match self.pair {
            Pair::P256(_) => KeyKind::P256,
            Pair::Ed25519(_) => KeyKind::Ed25519,
        }
    }

    /// What the key is called in envelopes: the SHA-256 of its public half (DER, SubjectPublicKeyInfo).
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The same in base64, which is what bundles of other tools have for a key's hint (sigstore-go, cosign).
    pub fn hint(&self) -> &str {
        &self.hint
    }

    /// The public half, PEM: what whoever checks the signature needs.
    pub fn public_pem(&self) -> &str {
        &self.public
    }

    /// The private half, PEM, behind a passphrase where there is one: what [`Self::from_pem`] and OpenSSL read.
    pub fn to_pem(&self, passphrase: Option<&Passphrase>) -> Result<Zeroizing<String>, SigningKeyError> {
        let plain = self.pair.pkcs8()?;
        match passphrase {
            None => Ok(pem::write("PRIVATE KEY", &plain)),
            Some(passphrase) => Ok(pem::write("ENCRYPTED PRIVATE KEY", &encrypted::encrypt(&plain, passphrase)?)),
        }
    }

    /// Signs bytes: ECDSA in DER (RFC 3279, section 2.2.3) over their SHA-256, Ed25519 over them whole. ECDSA takes a
    /// random number, so that no two signatures are the same.
    pub fn sign(&self, bytes: &[u8]) -> Result<Vec<u8>, SigningKeyError> {
        let signature = match &self.pair {
            Pair::P256(pair) => pair.sign(&SystemRandom::new(), bytes),
            Pair::Ed25519(pair) => pair.try_sign(bytes),
        };
        Ok(signature.map_err(|_| SigningKeyError::Failed)?.as_ref().to_vec())
    }

    /// Signs a statement: a DSSE envelope (protocol, "Signature Definition": over the pre-authentication encoding).
    pub fn envelope(&self, statement: &Value) -> Result<Value, SigningKeyError> {
        let (payload, signature) = self.signed(statement)?;
        Ok(json!({
            "payloadType": PAYLOAD_TYPE,
            "payload": BASE64.encode(payload),
            "signatures": [{ "keyid": self.id, "sig": BASE64.encode(signature) }],
        }))
    }

    /// Signs a statement: a Sigstore bundle v0.3 with the envelope, the hint of the key, and neither log entry nor time.
    /// The envelope names no key, as that of other tools' bundles: the hint is there for it.
    pub fn bundle(&self, statement: &Value) -> Result<Value, SigningKeyError> {
        let (payload, signature) = self.signed(statement)?;
        Ok(json!({
            "mediaType": BUNDLE,
            "verificationMaterial": { "publicKey": { "hint": self.hint }, "tlogEntries": [] },
            "dsseEnvelope": {
                "payloadType": PAYLOAD_TYPE,
                "payload": BASE64.encode(payload),
                "signatures": [{ "sig": BASE64.encode(signature) }],
            },
        }))
    }

    fn signed(&self, statement: &Value) -> Result<(String, Vec<u8>), SigningKeyError> {
        let payload = statement.to_string();
        let signature = self.sign(&pae(PAYLOAD_TYPE, payload.as_bytes()))?;
        Ok((payload, signature))
    }
}

impl Pair {
    /// The public half as a SubjectPublicKeyInfo (RFC 5480, RFC 8410).
    fn spki(&self) -> Result<Vec<u8>, SigningKeyError> {
        let der = match self {
            Self::P256(pair) => pair.public_key().as_der(),
            Self::Ed25519(pair) => pair.public_key().as_der(),
        };
        Ok(der.map_err(|_| SigningKeyError::Failed)?.as_ref().to_vec())
    }

    /// The key in PKCS#8, version 1, which OpenSSL of any age reads.
    fn pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, SigningKeyError> {
        let document = match self {
            Self::P256(pair) => pair.to_pkcs8v1(),
            Self::Ed25519(pair) => pair.to_pkcs8v1(),
        };
        Ok(Zeroizing::new(document.map_err(|_| SigningKeyError::Failed)?.as_ref().to_vec()))
    }
}

const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
