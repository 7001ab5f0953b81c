//! The transparency log: a signature goes in, an entry that is about this signature comes out.
//!
//! Two versions of the API, as the signing configuration says. An answer that there is such an entry already (409) is a
//! success: the question was asked again after its answer had been lost, and the log has it once.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use sigstore_verify::rekor::LogEntry;
use sigstore_verify::types::{DerCertificate, KindVersion, SignatureBytes, TransparencyLogEntry};

use super::ask::{JSON, Question, bare, below};
use super::error::{KeylessError, Service};
use super::fulcio::Certified;
use super::services::{Log, LogApi};
use super::{Content, Door, tiles};
use pinfold_core::digest::Sha256;
use pinfold_core::json;
use pinfold_core::url::Url;
use pinfold_evidence::attestation::Trust;
use pinfold_evidence::root::TrustRoot;

/// What goes into a log.
pub(super) struct Entry<'a> {
    pub(super) content: &'a Content<'a>,
    /// The digest that was signed.
    pub(super) digest: Sha256,
    pub(super) signature: &'a SignatureBytes,
    pub(super) certified: &'a Certified,
}

/// Enters a signature into a log; the entry as bundles have it, which is about this signature and of a log that the root
/// knows. Whether its proofs hold is said when the bundle is proved.
pub(super) fn enter(
    door: Door<'_>,
    trust: &Trust,
    root: &TrustRoot,
    log: &Log,
    entry: &Entry<'_>,
) -> Result<Value, KeylessError> {
    let logged = match log.api {
        LogApi::V1 => enter_v1(door, &log.url, entry)?,
        LogApi::V2 => enter_v2(door, root, &log.url, entry)?,
    };
    let id = logged.log_id.key_id.as_bytes();
    if !root.sigstore().tlogs.iter().any(|known| known.log_id.key_id.as_bytes() == id) {
        return Err(unknown_log(trust, &log.url));
    }
    serde_json::to_value(&logged).map_err(|error| KeylessError::Answer {
        service: Service::Log,
        url: bare(&log.url),
        why: error.to_string(),
    })
}

fn unknown_log(trust: &Trust, url: &Url) -> KeylessError {
    KeylessError::UnknownLog { url: bare(url), roots: trust.roots().map(TrustRoot::age).collect() }
}

fn enter_v1(door: Door<'_>, base: &Url, entry: &Entry<'_>) -> Result<TransparencyLogEntry, KeylessError> {
    let url = below(Service::Log, base, V1)?;
    let verifier = BASE64.encode(entry.certified.pem());
    let signature = BASE64.encode(entry.signature.as_bytes());
    let (kind, spec) = match entry.content.envelope(entry.signature) {
        Some(envelope) => {
            let content = json!({ "envelope": envelope.to_string(), "verifiers": [verifier] });
            (KindVersion::DsseV001, json!({ "proposedContent": content }))
        }
        None => {
            let hash = json!({ "algorithm": "sha256", "value": entry.digest.hex() });
            let signed = json!({ "content": signature, "publicKey": { "content": verifier } });
            (KindVersion::HashedRekordV001, json!({ "data": { "hash": hash }, "signature": signed }))
        }
    };
    let body = json!({ "apiVersion": kind.version(), "kind": kind.kind(), "spec": spec }).to_string();
    let question = Question::post(Service::Log, &url, body.as_bytes(), JSON);
    let reply = question.ask(door)?;
    let answer = match (reply.status, &reply.location) {
        (200 | 201, _) => reply.body,
        (409, Some(location)) => there_already(door, &question, &url, location)?,
        _ => return Err(question.denied(&reply, None)),
    };
    let logged = one_entry(&question, &question.json(&answer)?)?;
    let body = json::parse(logged.body.as_bytes(), logged.body.as_bytes().len());
    about(base, entry, kind, &body.map_err(|_| question.answer("the body of the entry is no JSON"))?)?;
    logged.to_bundle_entry(kind).map_err(|error| question.answer(error))
}

/// The entry that was there already, from the place that the log names, which is one of its own.
fn there_already(
    door: Door<'_>,
    question: &Question<'_>,
    entries: &Url,
    location: &str,
) -> Result<Vec<u8>, KeylessError> {
    let place = entries.join(location).ok().filter(|place| {
        let below = place.path().strip_prefix(entries.path()).is_some_and(|rest| rest.starts_with('/'));
        place.origin() == entries.origin() && below
    });
    let place = place.ok_or_else(|| question.answer("the entry that is there already is said to be elsewhere"))?;
    Question::get(Service::Log, &place).expect(door, None)
}

/// The one entry of an answer, which is an object with the entry's id as its only name.
fn one_entry(question: &Question<'_>, answer: &Value) -> Result<LogEntry, KeylessError> {
    let entries = answer.as_object().filter(|entries| entries.len() == 1);
    let entry = entries.and_then(|entries| entries.values().next());
    let entry = entry.ok_or_else(|| question.answer("there is not one entry in it"))?;
    let logged: LogEntry = serde_json::from_value(entry.clone()).map_err(|error| question.answer(error))?;
    let proofs = logged.verification.as_ref();
    if proofs.is_none_or(|proofs| proofs.inclusion_proof.is_none() || proofs.signed_entry_timestamp.is_none()) {
        return Err(question.answer("the entry comes without its proof or its promise"));
    }
    Ok(logged)
}

fn enter_v2(
    door: Door<'_>,
    root: &TrustRoot,
    base: &Url,
    entry: &Entry<'_>,
) -> Result<TransparencyLogEntry, KeylessError> {
    let url = below(Service::Log, base, V2)?;
    let (digest, signed) = parts_v2(entry)?;
    let body = json!({ "hashedRekordRequestV002": { "digest": digest, "signature": signed } }).to_string();
    let question = Question::post(Service::Log, &url, body.as_bytes(), JSON);
    let reply = question.ask(door)?;
    let answer = match reply.status {
        200 | 201 => question.json(&reply.body)?,
        409 => {
            let index = tiles::index_of(&reply.body).ok_or_else(|| question.denied(&reply, None))?;
            let data = json!({ "algorithm": "SHA2_256", "digest": digest });
            let spec = json!({ "hashedRekordV002": { "data": data, "signature": signed } });
            // With sorted names and no spaces, which is how the log writes it (RFC 8785): that it is so, the proof says.
            let body = json!({ "apiVersion": "0.0.2", "kind": "hashedrekord", "spec": spec }).to_string();
            tiles::entry(door, root, base, index, body.as_bytes())?
        }
        _ => return Err(question.denied(&reply, None)),
    };
    let logged: TransparencyLogEntry = serde_json::from_value(answer).map_err(|error| question.answer(error))?;
    if logged.inclusion_proof.is_none() {
        return Err(question.answer("the entry comes without its proof"));
    }
    let body = logged.canonicalized_body.as_bytes();
    let body = json::parse(body, body.len()).map_err(|_| question.answer("the body of the entry is no JSON"))?;
    about(base, entry, KindVersion::HashedRekordV002, &body)?;
    if logged.kind_version != KindVersion::HashedRekordV002 {
        return Err(KeylessError::OtherEntry { url: bare(base), why: "kind of content" });
    }
    Ok(logged)
}

/// The digest, and the signature with who made it, as version 2 has them.
fn parts_v2(entry: &Entry<'_>) -> Result<(String, Value), KeylessError> {
    let digest = super::sigstore_digest(&entry.digest).ok_or(KeylessError::Key)?;
    let verifier = json!({
        "keyDetails": "PKIX_ECDSA_P256_SHA_256",
        "x509Certificate": { "rawBytes": BASE64.encode(entry.certified.certificate.as_bytes()) },
    });
    let signature = json!({ "content": BASE64.encode(entry.signature.as_bytes()), "verifier": verifier });
    Ok((BASE64.encode(digest.as_bytes()), signature))
}

/// Holds the body of an entry to what was sent: what was signed, the signature, who made it.
fn about(log: &Url, entry: &Entry<'_>, kind: KindVersion, body: &Value) -> Result<(), KeylessError> {
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let other = |why: &'static str| KeylessError::OtherEntry { url: bare(log), why };
    if text("/kind") != kind.kind() || text("/apiVersion") != kind.version() {
        return Err(other("kind of content"));
    }
    let (digest, signature, certificate) = match kind {
        KindVersion::HashedRekordV002 => {
            let certificate = text("/spec/hashedRekordV002/signature/verifier/x509Certificate/rawBytes");
            let der = BASE64.decode(certificate).ok();
            let digest = BASE64.decode(text("/spec/hashedRekordV002/data/digest")).unwrap_or_default();
            (pinfold_core::digest::hex(&digest), text("/spec/hashedRekordV002/signature/content"), der)
        }
        KindVersion::DsseV001 => {
            let several = body.pointer("/spec/signatures/1").is_some();
            let signature = if several { "" } else { text("/spec/signatures/0/signature") };
            (text("/spec/payloadHash/value").to_owned(), signature, der_of(text("/spec/signatures/0/verifier")))
        }
        _ => {
            let certificate = der_of(text("/spec/signature/publicKey/content"));
            (text("/spec/data/hash/value").to_owned(), text("/spec/signature/content"), certificate)
        }
    };
    let expected = match (kind, entry.content) {
        (KindVersion::DsseV001, Content::Statement(payload)) => Sha256::of(payload).hex(),
        _ => entry.digest.hex(),
    };
    if digest != expected {
        return Err(other("content"));
    }
    if signature != BASE64.encode(entry.signature.as_bytes()) {
        return Err(other("signature"));
    }
    if certificate.as_deref() != Some(entry.certified.certificate.as_bytes()) {
        return Err(other("certificate"));
    }
    Ok(())
}

/// A certificate in base64 of PEM, which is how the first version has them.
fn der_of(text: &str) -> Option<Vec<u8>> {
    let pem = String::from_utf8(BASE64.decode(text).ok()?).ok()?;
    DerCertificate::from_pem(&pem).ok().map(|certificate| certificate.as_bytes().to_vec())
}

const V1: &str = "/api/v1/log/entries";
const V2: &str = "/api/v2/log/entries";
