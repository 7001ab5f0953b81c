//! A signer like cosign.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use pinfold_core::digest::{Algorithm, Integrity};
use pinfold_oci::BUNDLE;
use serde_json::{Value, json};
use sigstore_verify::crypto::KeyPair;
use sigstore_verify::types::pae;

/// Somebody with a key, who signs as cosign does.
pub(crate) struct Signer(KeyPair);

impl Signer {
    pub(crate) fn new() -> Self {
        Self(KeyPair::generate_ecdsa_p256().expect("a key"))
    }

    pub(crate) fn pem(&self) -> String {
        self.0.public_key_der().expect("a key").to_pem()
    }

    fn sign(&self, bytes: &[u8]) -> String {
        BASE64.encode(self.0.sign(bytes).expect("a signature").as_bytes())
    }

    /// What cosign 3 calls the key.
    pub(crate) fn hint(&self) -> String {
        let spki = self.0.public_key_der().expect("a key");
        BASE64.encode(Integrity::of(Algorithm::Sha256, spki.as_bytes()).digest())
    }

    /// A bundle with a statement of this type about a digest.
    pub(crate) fn bundle(&self, predicate_type: &str, subject: &str) -> Value {
        self.claim(predicate_type, &json!({}), subject)
    }

    /// The same with something to say.
    pub(crate) fn claim(&self, predicate_type: &str, predicate: &Value, subject: &str) -> Value {
        let (algorithm, hex) = subject.split_once(':').expect("a digest");
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v1", "subject": [{ "digest": { algorithm: hex } }],
            "predicateType": predicate_type, "predicate": predicate,
        });
        let (kind, payload) = ("application/vnd.in-toto+json", statement.to_string());
        json!({
            "mediaType": format!("{BUNDLE}.v0.3+json"),
            "verificationMaterial": { "publicKey": { "hint": self.hint() } },
            "dsseEnvelope": {
                "payload": BASE64.encode(&payload), "payloadType": kind,
                "signatures": [{ "sig": self.sign(&pae(kind, payload.as_bytes())) }],
            },
        })
    }

    /// A signature as cosign 3 makes it.
    pub(crate) fn signature(&self, subject: &str) -> Value {
        self.bundle("https://sigstore.dev/cosign/sign/v1", subject)
    }

    /// A payload as cosign 2 has it, and its signature.
    pub(crate) fn older(&self, subject: &str) -> (String, String) {
        let payload = json!({
            "critical": {
                "identity": { "docker-reference": "" }, "image": { "docker-manifest-digest": subject },
                "type": "cosign container image signature",
            },
            "optional": null,
        });
        let payload = payload.to_string();
        let signature = self.sign(payload.as_bytes());
        (payload, signature)
    }
}
