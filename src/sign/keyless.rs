//! Signing with an identity in place of a key: a key that lives for minutes, a certificate for it, an entry in a log.
//!
//! ```text
//! token -> Fulcio: is this key mine? -> sign -> timestamp authorities: when? -> Rekor: log it -> bundle
//! ```
//!
//! One round trip for each service, which is the protocol's least. Whom to ask and how is in the signing configuration
//! and nowhere else; all that can be seen to be wrong before anything is sent refuses before. Each answer is looked at
//! before the next service hears of it: a certificate for another key is never used, nor one that says something else of
//! the build than what is to be signed, and a timestamp that does not hold is never logged. What only holds as a whole is
//! proved by [`pinfold_evidence::attestation::prove`], before anybody gets the bundle.
//!
//! The token goes to Fulcio, the secret of GitHub's runner to the runner, and neither into any message.

mod actions;
mod ask;
mod claims;
mod error;
mod fulcio;
mod rekor;
mod services;
mod tiles;
mod timestamp;
mod token;

use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use sigstore_verify::types::{Sha256Hash, SignatureBytes, pae};

use claims::Claims;
use fulcio::Certified;
use pinfold_core::digest::Sha256;
use pinfold_evidence::attestation::Trust;
use pinfold_evidence::root::TrustRoot;
use pinfold_evidence::statement::PAYLOAD_TYPE;
use pinfold_net::http::{Clock, Http};

pub use actions::ActionsRequest;
pub use error::{KeylessError, Service};
pub use services::{Log, LogApi, MAX_SIGNING_CONFIG_LEN, Services, ServicesError, SigningConfig};
pub use token::{AUDIENCE, IdentityToken, MAX_TOKEN_LEN, TokenError};

/// What signing needs of the world.
#[derive(Clone, Copy)]
pub struct Door<'a> {
    /// The network.
    pub http: &'a dyn Http,
    /// The time.
    pub clock: &'a dyn Clock,
}

/// Where the token comes from.
#[derive(Debug, Clone)]
pub enum Identity {
    /// It is here.
    Token(IdentityToken),
    /// GitHub's runner has it.
    Actions(ActionsRequest),
}

/// What is signed.
#[derive(Debug, Clone, Copy)]
pub enum Content<'a> {
    /// An in-toto statement, in an envelope: its JSON.
    Statement(&'a [u8]),
    /// Bytes, of which this is the SHA-256.
    Digest(Sha256),
}

/// A bundle, and who had a part in it.
#[derive(Debug)]
pub struct Signed {
    /// A Sigstore bundle of version 0.3, not yet proved.
    pub bundle: Value,
    /// The logs that have an entry for it, for messages.
    pub logs: String,
}

/// Signs with one identity, as often as its certificate holds.
pub struct Session {
    identity: Identity,
    config: SigningConfig,
    root: String,
    certified: Mutex<Option<Certified>>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("root", &self.root).finish_non_exhaustive()
    }
}

impl Session {
    /// Nobody is asked yet. `root` is what bundles are proved against, as [`pinfold_evidence::attestation`]'s caller reads it: the
    /// name of an instance, or a file.
    pub fn new(identity: Identity, config: SigningConfig, root: String) -> Self {
        Self { identity, config, root, certified: Mutex::new(None) }
    }

    /// What bundles are proved against.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// Signs, and has it certified, timestamped and logged.
    pub fn sign(&self, door: Door<'_>, trust: &Trust, content: Content<'_>) -> Result<Signed, KeylessError> {
        let now = door.clock.seconds();
        let services = self.config.choose(now)?;
        let claims = Claims::of(&content)?;
        let mut held = self.certified.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = match held.take().filter(|certified| certified.holds_at(now.saturating_add(LEAST))) {
            Some(certified) => certified,
            None => Certified::obtain(door, trust, &services.authority, &self.token(door)?, now)?,
        };
        let certified: &Certified = held.insert(fresh);
        claims.hold(&certified.holder)?;
        let root = self.root_of(trust, certified, &services)?;
        let digest = content.digest();
        let signature = certified.sign(&digest)?;
        let mut timestamps = Vec::new();
        for url in &services.timestampers {
            let token = timestamp::obtain(door, root, url, &signature, certified)?;
            timestamps.push(json!({ "signedTimestamp": BASE64.encode(token.as_bytes()) }));
        }
        let entry = rekor::Entry { content: &content, digest, signature: &signature, certified };
        let mut entries = Vec::new();
        for log in &services.logs {
            entries.push(rekor::enter(door, trust, root, log, &entry)?);
        }
        let logs: Vec<String> = services.logs.iter().map(|log| ask::bare(&log.url)).collect();
        let bundle = bundle(certified, &content, &signature, entries, timestamps)?;
        Ok(Signed { bundle, logs: logs.join("`, `") })
    }

    fn token(&self, door: Door<'_>) -> Result<IdentityToken, KeylessError> {
        match &self.identity {
            Identity::Token(token) => Ok(token.clone()),
            Identity::Actions(request) => request.token(door),
        }
    }

    /// The root of the certificate; it had one when it was obtained.
    fn root_of<'a>(
        &self,
        trust: &'a Trust,
        certified: &Certified,
        services: &Services,
    ) -> Result<&'a TrustRoot, KeylessError> {
        fulcio::root_of(trust, &certified.certificate).ok_or_else(|| KeylessError::UnknownAuthority {
            url: ask::bare(&services.authority),
            issuer: "an unnamed one".to_owned(),
            roots: trust.roots().map(TrustRoot::age).collect(),
        })
    }
}

impl Content<'_> {
    /// The digest that the signature is over: of the bytes, or of the pre-authentication encoding (DSSE, protocol).
    fn digest(&self) -> Sha256 {
        match self {
            Self::Statement(payload) => Sha256::of(&pae(PAYLOAD_TYPE, payload)),
            Self::Digest(digest) => *digest,
        }
    }

    /// The envelope, for statements. It names no key: the certificate does.
    fn envelope(&self, signature: &SignatureBytes) -> Option<Value> {
        let Self::Statement(payload) = self else { return None };
        Some(json!({
            "payload": BASE64.encode(payload),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{ "sig": BASE64.encode(signature.as_bytes()) }],
        }))
    }
}

fn bundle(
    certified: &Certified,
    content: &Content<'_>,
    signature: &SignatureBytes,
    entries: Vec<Value>,
    timestamps: Vec<Value>,
) -> Result<Value, KeylessError> {
    let mut bundle = json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {
            "certificate": { "rawBytes": BASE64.encode(certified.certificate.as_bytes()) },
            "tlogEntries": entries,
            "timestampVerificationData": { "rfc3161Timestamps": timestamps },
        },
    });
    let (name, signed) = match content.envelope(signature) {
        Some(envelope) => ("dsseEnvelope", envelope),
        None => {
            let digest = sigstore_digest(&content.digest()).ok_or(KeylessError::Key)?;
            let digest = json!({ "algorithm": "SHA2_256", "digest": BASE64.encode(digest.as_bytes()) });
            let signature = BASE64.encode(signature.as_bytes());
            ("messageSignature", json!({ "messageDigest": digest, "signature": signature }))
        }
    };
    if let Some(object) = bundle.as_object_mut() {
        object.insert(name.to_owned(), signed);
    }
    Ok(bundle)
}

/// A digest in the type of the library that signs it.
fn sigstore_digest(digest: &Sha256) -> Option<Sha256Hash> {
    Sha256Hash::from_hex(&digest.hex()).ok()
}

/// How long a certificate has to hold yet to be used once more, in seconds: a log of tiles may take 20.
const LEAST: i64 = 120;
