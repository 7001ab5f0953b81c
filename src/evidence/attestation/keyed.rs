//! What a long-lived key signed: a registry's publish attestations and signatures, envelopes and bundles of a key that
//! the caller named.
//!
//! A key has no certificate that says when it was valid. A registry's key has a lifetime, which is held against the
//! transparency log's time and never against a date that nobody signed; a key that the caller named is trusted as named.

use std::fmt;
use std::io::Read;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD as BASE64, URL_SAFE};
use serde_json::Value;
use sigstore_verify::PublicKeyVerificationPolicy;
use sigstore_verify::crypto::{KeyAlgorithm, SigningScheme, verify_signature, verify_signature_prehashed};
use sigstore_verify::types::bundle::VerificationMaterialContent;
use sigstore_verify::types::{Bundle, DerPublicKey, HashAlgorithm, SignatureBytes, SignatureContent, pae};

use super::signer::Signer;
use super::stamps::{self, Stamped};
use super::{About, Artifact, Lack, Refusal, Seen, Trust, Unproved, VerifiedAttestation, keyless};
use crate::root::{RegistryKey, Usage};
use crate::statement::PAYLOAD_TYPE;
use pinfold_core::digest::{Algorithm, Integrity, from_hex};

/// A public key that the caller trusts.
#[derive(Debug, Clone)]
pub struct NamedKey {
    spki: Vec<u8>,
    id: Option<String>,
}

impl NamedKey {
    /// Reads a PEM block `PUBLIC KEY` (RFC 7468, section 13). With `id`, only signatures that carry exactly that key id
    /// count.
    pub fn from_pem(pem: &str, id: Option<String>) -> Result<Self, NamedKeyError> {
        // The first of several would be taken, and the others passed over without a word.
        if pem.matches("-----BEGIN ").count() > 1 {
            return Err(NamedKeyError::Several);
        }
        if pem.contains("PRIVATE KEY-----") {
            return Err(NamedKeyError::Private);
        }
        let key = DerPublicKey::from_pem(pem).map_err(|error| NamedKeyError::Malformed(error.to_string()))?;
        KeyAlgorithm::from_spki(&key).map_err(|error| NamedKeyError::Kind(error.to_string()))?;
        Ok(Self { spki: key.as_bytes().to_vec(), id })
    }

    /// Whether a hint names exactly this key, as Sigstore's bundles do: by the digest of the key.
    pub(super) fn is_hinted(&self, hint: &str) -> bool {
        from_base64(hint).is_some_and(|digest| {
            pinfold_core::digest::hex(&digest) == pinfold_core::digest::Sha256::of(&self.spki).hex()
        })
    }

    /// Whether it signed these bytes.
    pub(super) fn check(&self, signed: &[u8], signature: &[u8]) -> Result<Signer, Refusal> {
        let key = Known::Named(self);
        check_signature(&key, signed, signature)?;
        Ok(key.signer())
    }

    fn admits(&self, keyid: &str) -> bool {
        self.id.as_deref().is_none_or(|id| id == keyid)
    }

    /// What the key is called in proofs: the id that was asked for, else its digest.
    fn name(&self) -> String {
        self.id.clone().unwrap_or_else(|| format!("SHA256:{}", pinfold_core::digest::Sha256::of(&self.spki).hex()))
    }
}

/// Why a text is no public key that could be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamedKeyError {
    /// There is more than one key.
    Several,
    /// It is the other half.
    Private,
    /// It is no PEM block `PUBLIC KEY`.
    Malformed(String),
    /// It is a key of another algorithm or curve.
    Kind(String),
}

impl NamedKeyError {
    /// What to do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Several => "give each key a file of its own",
            Self::Private => {
                "name its public half, which is in a file beside it: `pinfold keygen` and `cosign` end its name in `.pub`"
            }
            Self::Malformed(_) => "a key is a PEM block `PUBLIC KEY`, or the JSON that a registry has its keys in",
            Self::Kind(_) => "keys are of P-256, P-384, RSA or Ed25519",
        }
    }
}

impl fmt::Display for NamedKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Several => f.write_str("more than one key: there is more than one PEM block"),
            Self::Private => f.write_str("a private key, where a public one is needed"),
            Self::Malformed(why) => write!(f, "not a public key: {}", why.escape_debug()),
            Self::Kind(why) => write!(f, "a public key of a kind that is not supported: {}", why.escape_debug()),
        }
    }
}

impl std::error::Error for NamedKeyError {}

/// A key, and where it comes from.
enum Known<'a> {
    Named(&'a NamedKey),
    Registry(&'a RegistryKey),
}

impl Trust {
    /// The key for a hint. The hint itself is not authenticated: it only says which key to try.
    fn key_for<'k>(&'k self, named: Option<&'k NamedKey>, hint: &str, usage: Usage) -> Result<Known<'k>, Lack> {
        let unknown = || Lack::UnknownKey { keyid: hint.to_owned(), is_other: named.is_some() };
        match named {
            Some(key) if key.admits(hint) => Ok(Known::Named(key)),
            Some(_) => Err(unknown()),
            None => self.registry_keys.find(hint, usage).map(Known::Registry).ok_or_else(unknown),
        }
    }
}

impl Known<'_> {
    fn spki(&self) -> DerPublicKey {
        DerPublicKey::new(match self {
            Self::Named(key) => key.spki.clone(),
            Self::Registry(key) => key.spki.clone(),
        })
    }

    /// The key, and how it signs.
    fn scheme(&self) -> Result<(DerPublicKey, SigningScheme), Refusal> {
        let spki = self.spki();
        let algorithm = KeyAlgorithm::from_spki(&spki).map_err(|error| Refusal::Signature(error.to_string()))?;
        Ok((spki, algorithm.default_signing_scheme()))
    }

    fn signer(&self) -> Signer {
        Signer::Key {
            id: match self {
                Self::Named(key) => key.name(),
                Self::Registry(key) => key.keyid.clone(),
            },
        }
    }

    /// Holds the key's lifetime against the time that somebody vouches for.
    fn hold(&self, time: Option<i64>) -> Result<(), Unproved> {
        let Self::Registry(key) = self else { return Ok(()) };
        let keyid = key.keyid.clone();
        match time {
            Some(time) if key.holds_at(time) => Ok(()),
            Some(_) => Err(Refusal::KeyNotValid { keyid }.into()),
            None if key.end.is_none() => Ok(()),
            None => Err(Lack::ExpiredKey { keyid }.into()),
        }
    }
}

/// A bundle with the hint of a key instead of a certificate.
pub(super) fn prove(
    (trust, named): (&Trust, Option<&NamedKey>),
    bundle: &Bundle,
    about: About,
    artifact: &Artifact<'_>,
) -> Result<VerifiedAttestation, Unproved> {
    let VerificationMaterialContent::PublicKey(identifier) = &bundle.verification_material.content else {
        return Err(Refusal::Bundle("it has neither a certificate nor a key".to_owned()).into());
    };
    let key = trust.key_for(named, &identifier.hint, Usage::Attestations)?;
    if bundle.verification_material.tlog_entries.is_empty() {
        return prove_unlogged((trust, &key), bundle, about, artifact);
    }
    let (root, verifier) = trust.root_of_log(bundle)?;
    let verifier = verifier.as_ref().map_err(|error| Refusal::Bundle(error.clone()))?;
    let policy = PublicKeyVerificationPolicy::new(key.spki());
    let result = match (keyless::digest_of(&about), artifact.open) {
        (Some(digest), _) => verifier.verify(digest, bundle, &policy),
        (None, Some(open)) => {
            let bytes = open().map_err(|error| Refusal::Bundle(error.to_string()))?;
            verifier.verify_reader(bytes, bundle, &policy)
        }
        (None, None) => verifier.verify(keyless::digest_for(bundle, artifact).ok_or(Lack::NoBytes)?, bundle, &policy),
    };
    let result = result.map_err(|error| Refusal::of(&error))?;
    let seen = Seen::of(bundle, &result);
    key.hold(seen.time)?;
    about.proved(key.signer(), seen, Some(root.instance()))
}

/// A bundle without log, by a key that the caller named: the signature, and what timestamps there are.
fn prove_unlogged(
    (trust, key): (&Trust, &Known<'_>),
    bundle: &Bundle,
    about: About,
    artifact: &Artifact<'_>,
) -> Result<VerifiedAttestation, Unproved> {
    if matches!(key, Known::Registry(_)) {
        return Err(Lack::NoLogEntry.into());
    }
    match &bundle.content {
        SignatureContent::DsseEnvelope(envelope) => {
            check_signature(key, &envelope.pae(), envelope.signature.sig.as_bytes())?;
        }
        SignatureContent::MessageSignature(signature) => check_bytes(key, artifact, signature.signature.as_bytes())?,
        _ => return Err(Refusal::Bundle("it has no signature".to_owned()).into()),
    }
    let Stamped { seen, instance } = stamps::of_bundle(trust, bundle)?;
    about.proved(key.signer(), seen, instance)
}

/// A signature over the artifact: by its digest where the key signs digests, else by the bytes, as Ed25519 takes them
/// whole.
fn check_bytes(key: &Known<'_>, artifact: &Artifact<'_>, signature: &[u8]) -> Result<(), Unproved> {
    let (spki, scheme) = key.scheme()?;
    let Some(algorithm) = scheme.hash_algorithm() else {
        let mut reader = artifact.open.ok_or(Lack::NoBytes)?().map_err(|error| Refusal::Bundle(error.to_string()))?;
        let mut bytes = Vec::new();
        let read = Read::take(&mut reader, MAX_WHOLE.saturating_add(1)).read_to_end(&mut bytes);
        read.map_err(|error| Refusal::Bundle(error.to_string()))?;
        if u64::try_from(bytes.len()).map_or(true, |len| len > MAX_WHOLE) {
            return Err(Lack::TooLong { limit: MAX_WHOLE }.into());
        }
        return Ok(check_signature(key, &bytes, signature)?);
    };
    let algorithm = match algorithm {
        HashAlgorithm::Sha2256 => Algorithm::Sha256,
        HashAlgorithm::Sha2384 => Algorithm::Sha384,
        HashAlgorithm::Sha2512 => Algorithm::Sha512,
        _ => return Err(Refusal::Signature("the key signs by a digest of another kind".to_owned()).into()),
    };
    let known = artifact.digests.get(algorithm.name()).and_then(|text| from_hex(text));
    let digest = known.map_or_else(|| digest_of_bytes(artifact, algorithm), Ok)?;
    let signature = in_der(scheme, signature);
    verify_signature_prehashed(&spki, &digest, &signature, scheme)
        .map_err(|error| Refusal::Signature(error.to_string()).into())
}

/// The digest of an artifact of which the bytes are at hand and this digest is not.
fn digest_of_bytes(artifact: &Artifact<'_>, algorithm: Algorithm) -> Result<Vec<u8>, Unproved> {
    let unread = |error: std::io::Error| Refusal::Bundle(error.to_string());
    let reader = artifact.open.ok_or(Lack::NoBytes)?().map_err(unread)?;
    Ok(Integrity::of_reader(algorithm, reader).map_err(unread)?.digest().to_vec())
}

/// Longest artifact that a signature over whole bytes is checked on, in bytes: it has to be held in memory.
const MAX_WHOLE: u64 = 64 << 20;

/// An envelope alone. Signed by a certificate it has neither log entry nor timestamp, and nobody can prove it offline.
pub(super) fn prove_envelope(
    named: Option<&NamedKey>,
    value: &Value,
    artifact: &Artifact<'_>,
) -> Result<VerifiedAttestation, Unproved> {
    let malformed = |what: &str| Refusal::Envelope(what.to_owned());
    let signatures = value.get("signatures").and_then(Value::as_array).ok_or_else(|| malformed("no signatures"))?;
    let payload = payload_of(value).map_err(Refusal::Envelope)?;
    let payload_type = value.get("payloadType").and_then(Value::as_str).unwrap_or_default();
    if payload_type != PAYLOAD_TYPE {
        return Err(Refusal::PayloadType(payload_type.to_owned()).into());
    }
    let about = About::of_payload(&payload, artifact)?;
    if signatures.is_empty() {
        return Err(malformed("no signatures").into());
    }
    let Some(named) = named else { return Err(Lack::NoTime.into()) };
    let key = Known::Named(named);
    let signed = pae(payload_type, &payload);
    let mut failure = Unproved::from(Lack::UnknownKey { keyid: String::new(), is_other: true });
    // DSSE, protocol: one good signature of a trusted key is enough, and the others prove nothing.
    for signature in signatures {
        let text = |name| signature.get(name).and_then(Value::as_str).unwrap_or_default();
        if !named.admits(text("keyid")) {
            failure = Lack::UnknownKey { keyid: text("keyid").to_owned(), is_other: true }.into();
            continue;
        }
        let bytes = from_base64(text("sig")).ok_or_else(|| malformed("a signature is not base64"))?;
        match check_signature(&key, &signed, &bytes) {
            Ok(()) => return about.proved(key.signer(), Seen::default(), None),
            Err(refusal) => failure = refusal.into(),
        }
    }
    Err(failure)
}

/// A registry's signature over `NAME@VERSION:INTEGRITY`.
pub(super) fn prove_registry_signature(
    (trust, named): (&Trust, Option<&NamedKey>),
    value: &Value,
    artifact: &Artifact<'_>,
) -> Result<VerifiedAttestation, Unproved> {
    let signature = value.get("registrySignature");
    let text = |name: &str| signature.and_then(|one| one.get(name)).and_then(Value::as_str);
    let (Some(package), Some(integrity), Some(keyid), Some(sig)) =
        (text("package"), text("integrity"), text("keyid"), text("sig"))
    else {
        return Err(Refusal::Envelope("a registry's signature has package, integrity, keyid and sig".to_owned()).into());
    };
    let signed: Integrity = integrity.parse().map_err(|error| Refusal::Envelope(format!("{error}")))?;
    let algorithm = signed.algorithm().name();
    match artifact.digests.get(algorithm) {
        None => return Err(Lack::NoCommonDigest(vec![algorithm.to_owned()]).into()),
        Some(own) if *own != signed.hex() => {
            let (expected, received) = (format!("{algorithm}:{own}"), format!("{algorithm}:{}", signed.hex()));
            return Err(Refusal::RegistryStatement { expected, received }.into());
        }
        Some(_) => {}
    }
    let key = trust.key_for(named, keyid, Usage::Signatures)?;
    let bytes = from_base64(sig).ok_or_else(|| Refusal::Envelope("a signature is not base64".to_owned()))?;
    check_signature(&key, format!("{package}:{integrity}").as_bytes(), &bytes)?;
    key.hold(None)?;
    let names = vec![package.to_owned()];
    let Seen { time, logged, lack } = Seen::default();
    Ok(VerifiedAttestation { signer: key.signer(), statement: None, names, time, logged, instance: None, lack })
}

fn check_signature(key: &Known<'_>, signed: &[u8], signature: &[u8]) -> Result<(), Refusal> {
    let (spki, scheme) = key.scheme()?;
    let by = |scheme| verify_signature(&spki, signed, &in_der(scheme, signature), scheme);
    let outcome = match (by(scheme), scheme) {
        // cosign 2 signs with SHA-256 whatever the curve is.
        (Err(_), SigningScheme::EcdsaP384Sha384) => by(SigningScheme::EcdsaP384Sha256),
        (outcome, _) => outcome,
    };
    outcome.map_err(|error| Refusal::Signature(error.to_string()))
}

/// A signature as verification takes it. Some key services hand out r and s as they are (IEEE P1363) where everybody
/// else has them in DER.
fn in_der(scheme: SigningScheme, signature: &[u8]) -> SignatureBytes {
    let is_plain = matches!(scheme, SigningScheme::EcdsaP256Sha256) && signature.len() == 64;
    SignatureBytes::new(if is_plain { der_of(signature) } else { signature.to_vec() })
}

/// A signature of P-256 in DER (RFC 3279, section 2.2.3): a sequence of the two halves as integers without needless zeros.
fn der_of(signature: &[u8]) -> Vec<u8> {
    let integer = |half: &[u8]| {
        let zeros = half.iter().take_while(|byte| **byte == 0).count();
        let digits = half.get(zeros.min(half.len().saturating_sub(1))..).unwrap_or_default();
        // A first bit of one would make it negative.
        let sign: &[u8] = if digits.first().is_some_and(|byte| *byte > 0x7f) { &[0] } else { &[] };
        let body = [sign, digits].concat();
        [&[0x02, length(&body)], body.as_slice()].concat()
    };
    let (r, s) = signature.split_at(signature.len() / 2);
    let body = [integer(r), integer(s)].concat();
    [&[0x30, length(&body)], body.as_slice()].concat()
}

/// A DER length below 128, which all of P-256 has.
fn length(body: &[u8]) -> u8 {
    u8::try_from(body.len()).unwrap_or(u8::MAX)
}

/// The bytes in an envelope.
pub(super) fn payload_of(envelope: &Value) -> Result<Vec<u8>, String> {
    let text = envelope.get("payload").and_then(Value::as_str).ok_or("no payload")?;
    from_base64(text).ok_or_else(|| "the payload is not base64".to_owned())
}

/// Base64 in either alphabet, as DSSE asks of readers (envelope, "Standard or URL-safe").
pub(super) fn from_base64(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()
}
