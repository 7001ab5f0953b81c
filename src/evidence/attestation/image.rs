//! Signatures of artifacts in OCI registries: cosign's two forms, by keys and by certificates.
//!
//! The newer form is a bundle with a statement of the type [`COSIGN_SIGN`]; the older one is a signature over a small
//! document, with what stands around it in annotations. A statement of another type is no signature, whoever signed it: a
//! key that signed "the scan failed" did not sign the artifact. A signature by somebody else's key is neither good nor
//! wrong here; one that says that it is by a key that was named, and is not, is wrong.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use sigstore_verify::types::{Bundle, SignatureBytes, TimestampToken};

use super::keyed::{NamedKey, from_base64};
use super::stamps::{self, Stamped};
use super::{About, Artifact, Attestation, Form, Lack, Refusal, Seen, Trust, Unproved, VerifiedAttestation};
use super::{keyless, prove_by};
use crate::attestation::SimpleSigning;
use crate::statement::COSIGN_SIGN;
use pinfold_core::digest::{Algorithm, Integrity, from_hex};
use pinfold_core::json;

/// A signature in cosign's older form: a layer, and what its annotations say.
#[derive(Debug, Clone, Copy)]
pub struct ImageSignature<'a> {
    /// The bytes that were signed.
    pub payload: &'a [u8],
    /// The signature, base64.
    pub signature: &'a str,
    /// The certificate that signed, PEM.
    pub certificate: Option<&'a str>,
    /// Those that issued it, PEM.
    pub chain: Option<&'a str>,
    /// What the transparency log promised.
    pub log: Option<&'a Value>,
    /// What a timestamp authority answered, as cosign writes it: JSON with `SignedRFC3161Timestamp`.
    pub timestamp: Option<&'a str>,
}

impl Attestation {
    /// A signature in cosign's older form, as one attestation.
    pub fn image_signature(layer: &ImageSignature<'_>) -> Self {
        let mut parts = json!({
            "payload": BASE64.encode(layer.payload),
            "signature": layer.signature,
            "certificate": layer.certificate,
            "chain": layer.chain,
            "log": layer.log,
        });
        if let (Some(timestamp), Some(parts)) = (layer.timestamp, parts.as_object_mut()) {
            parts.insert("timestamp".to_owned(), timestamp.into());
        }
        Self { form: Form::ImageSignature, value: json!({ "imageSignature": parts }) }
    }

    /// A DSSE envelope that a certificate signed in cosign's older form, as a bundle: the log's promise is the proof of its
    /// time.
    pub fn of_envelope(envelope: Value, certificate: &str, chain: Option<&str>, log: &Value) -> Option<Self> {
        let mut value = bundle_around(certificate, chain, log)?;
        value.as_object_mut()?.insert("dsseEnvelope".to_owned(), envelope);
        Some(Self { form: Form::Bundle, value })
    }

    /// Whether it claims to be a signature of the artifact, rather than a statement about it. What cannot be read is taken
    /// for one: it must not pass for nothing.
    pub fn is_signature(&self) -> bool {
        match self.statement() {
            Some(statement) => statement.predicate_type == COSIGN_SIGN,
            None => self.form != Form::RegistrySignature,
        }
    }

    /// Whether it claims to be a statement about the artifact. What cannot be read may be.
    pub fn is_statement(&self) -> bool {
        match self.statement() {
            Some(statement) => statement.predicate_type != COSIGN_SIGN,
            None => match self.form {
                Form::Envelope => true,
                Form::Bundle => self.value.get("dsseEnvelope").is_some(),
                Form::RegistrySignature | Form::ImageSignature => false,
            },
        }
    }
}

/// Proves a signature of an artifact: by any of these keys, or with a certificate. `artifact` is the manifest.
///
/// What was proved says what kind it is of, and not what it looked like before: one spelling of a document is read by the
/// verification and not by [`Attestation::is_signature`].
pub fn prove_signature(
    trust: &Trust,
    keys: &[NamedKey],
    signature: &Attestation,
    artifact: &Artifact<'_>,
) -> Result<VerifiedAttestation, Unproved> {
    let proof = prove_claim(trust, keys, signature, artifact)?;
    match proof.statement() {
        Some(statement) if statement.predicate_type != COSIGN_SIGN => {
            Err(Refusal::SignatureType(statement.predicate_type.clone()).into())
        }
        _ => Ok(proof),
    }
}

/// The same for a claim of any kind.
pub fn prove_claim(
    trust: &Trust,
    keys: &[NamedKey],
    signature: &Attestation,
    artifact: &Artifact<'_>,
) -> Result<VerifiedAttestation, Unproved> {
    let hint = signature.value.pointer("/verificationMaterial/publicKey/hint").and_then(Value::as_str);
    let by_key = match signature.form {
        Form::Bundle => signature.value.pointer("/verificationMaterial/publicKey").is_some(),
        Form::ImageSignature => certificate_of(&signature.value).is_none(),
        Form::Envelope | Form::RegistrySignature => true,
    };
    if !by_key {
        return prove_by((trust, None), signature, artifact);
    }
    let keyid = hint.unwrap_or_default();
    let is_other = !keys.is_empty();
    let mut failure = Unproved::Unverifiable(Lack::UnknownKey { keyid: keyid.to_owned(), is_other });
    for key in keys {
        match prove_by((trust, Some(key)), signature, artifact) {
            // Somebody else's, unless it says that it is by this key.
            Err(Unproved::Refused(Refusal::Signature(_))) if !key.is_hinted(keyid) => {}
            // It may be another key's: a log entry, too, is for one key.
            Err(wrong @ Unproved::Refused(_)) => failure = wrong,
            outcome => return outcome,
        }
    }
    Err(failure)
}

/// A signature in the older form, by the key or with its certificate.
pub(super) fn prove(
    (trust, named): (&Trust, Option<&NamedKey>),
    value: &Value,
    artifact: &Artifact<'_>,
) -> Result<VerifiedAttestation, Unproved> {
    let malformed = |what: &str| Refusal::Envelope(what.to_owned());
    let part = |name: &str| value.pointer(&format!("/imageSignature/{name}")).and_then(Value::as_str);
    let payload = part("payload").and_then(from_base64).ok_or_else(|| malformed("no payload in base64"))?;
    let text = part("signature").ok_or_else(|| malformed("no signature"))?;
    let signature = from_base64(text).ok_or_else(|| malformed("the signature is not base64"))?;
    let stamps: Vec<TimestampToken> = part("timestamp").map(token).transpose()?.into_iter().collect();
    let stamped = || stamps::judge(trust, stamps.iter(), &SignatureBytes::from_bytes(&signature));
    let (signer, seen, instance) = match (certificate_of(value), named) {
        (Some(certificate), _) => {
            let log = value.pointer("/imageSignature/log").filter(|log| !log.is_null());
            let Some(log) = log else {
                stamped()?;
                return Err(if stamps.is_empty() { Lack::NoTime } else { Lack::NoLogEntry }.into());
            };
            let bundle = message_bundle(certificate, part("chain"), log, &payload, text);
            let bundle = bundle.ok_or_else(|| malformed("the certificate or the log's promise cannot be read"))?;
            let proof = prove_message(trust, &bundle, &payload)?;
            let Stamped { seen: Seen { time, lack, .. }, .. } = stamped()?;
            let time = [proof.time, time].into_iter().flatten().min();
            (proof.signer, Seen { time, logged: proof.logged, lack }, proof.instance)
        }
        (None, Some(key)) => {
            let signer = key.check(&payload, &signature)?;
            let Stamped { seen, instance } = stamped()?;
            (signer, seen, instance)
        }
        (None, None) => return Err(Lack::UnknownKey { keyid: String::new(), is_other: false }.into()),
    };
    let signed = SimpleSigning::parse(&payload).map_err(Refusal::SimpleSigning)?;
    let own = artifact.digests.get(signed.manifest.algorithm().name());
    let other = (own != Some(&signed.manifest.hex())).then(|| Refusal::NotAbout {
        artifact: own.map(|own| format!("{}:{own}", signed.manifest.algorithm().name())).unwrap_or_default(),
        subjects: pinfold_core::oci::digest_text(&signed.manifest),
    });
    About { statement: None, names: Vec::new(), digest: None, other }.proved(signer, seen, instance)
}

/// Proves that a certificate signed these bytes.
fn prove_message(trust: &Trust, bundle: &Value, payload: &[u8]) -> Result<VerifiedAttestation, Unproved> {
    let bundle = Bundle::from_json(&bundle.to_string()).map_err(|error| Refusal::Bundle(error.to_string()))?;
    let certificate = bundle.signing_certificate().ok_or_else(|| Refusal::Bundle("no certificate".to_owned()))?;
    let digest = Integrity::of(Algorithm::Sha256, payload);
    let about = About { statement: None, names: Vec::new(), digest: None, other: None };
    keyless::prove(trust, &bundle, certificate.as_bytes(), about, &Artifact::of(&[digest]))
}

/// The timestamp in what cosign writes of one.
fn token(text: &str) -> Result<TimestampToken, Refusal> {
    let malformed = || Refusal::Timestamp("it is not JSON with `SignedRFC3161Timestamp` in base64".to_owned());
    let value = json::parse(text.as_bytes(), text.len()).map_err(|_| malformed())?;
    let token = value.get("SignedRFC3161Timestamp").and_then(Value::as_str).and_then(from_base64);
    token.map(TimestampToken::new).ok_or_else(malformed)
}

fn certificate_of(value: &Value) -> Option<&str> {
    value.pointer("/imageSignature/certificate").and_then(Value::as_str)
}

/// A signature over bytes as a bundle (v0.1, whose log entries may have a promise alone).
fn message_bundle(
    certificate: &str,
    chain: Option<&str>,
    log: &Value,
    payload: &[u8],
    signature: &str,
) -> Option<Value> {
    let mut value = bundle_around(certificate, chain, log)?;
    let digest = Integrity::of(Algorithm::Sha256, payload);
    let message = json!({
        "messageDigest": { "algorithm": "SHA2_256", "digest": BASE64.encode(digest.digest()) },
        "signature": signature,
    });
    value.as_object_mut()?.insert("messageSignature".to_owned(), message);
    Some(value)
}

/// All of a bundle but what was signed.
fn bundle_around(certificate: &str, chain: Option<&str>, log: &Value) -> Option<Value> {
    let certificates: Vec<Value> = pem_blocks(certificate)
        .into_iter()
        .chain(chain.map(pem_blocks).unwrap_or_default())
        .map(|der| json!({ "rawBytes": der }))
        .collect();
    let payload = log.get("Payload")?;
    let body = payload.get("body")?.as_str()?;
    let entry: Value = serde_json::from_slice(&from_base64(body)?).ok()?;
    let number = |name: &str| payload.get(name).and_then(Value::as_u64).map(|number| number.to_string());
    let log_id = from_hex(payload.get("logID")?.as_str()?)?;
    Some(json!({
        "mediaType": "application/vnd.dev.sigstore.bundle+json;version=0.1",
        "verificationMaterial": {
            "x509CertificateChain": { "certificates": certificates },
            "tlogEntries": [{
                "logIndex": number("logIndex")?,
                "logId": { "keyId": BASE64.encode(log_id) },
                "kindVersion": { "kind": entry.get("kind")?, "version": entry.get("apiVersion")? },
                "integratedTime": number("integratedTime")?,
                "inclusionPromise": { "signedEntryTimestamp": log.get("SignedEntryTimestamp")? },
                "canonicalizedBody": body,
            }],
        },
    }))
}

/// The insides of the PEM blocks of a text, base64 without white space.
fn pem_blocks(text: &str) -> Vec<String> {
    let blocks = text.split("-----BEGIN CERTIFICATE-----").skip(1);
    let insides = blocks.filter_map(|block| block.split_once("-----END CERTIFICATE-----"));
    insides.map(|(inside, _)| inside.split_ascii_whitespace().collect()).collect()
}
