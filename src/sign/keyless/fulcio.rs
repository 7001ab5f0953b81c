//! The certificate authority: one request, and a certificate that is for our key, of now, and the token's
//! (Fulcio's `fulcio.proto`, `CreateSigningCertificate`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use serde_json::{Value, json};
use sigstore_verify::SubjectAltName;
use sigstore_verify::crypto::{CertificateInfo, KeyPair, parse_certificate_info};
use sigstore_verify::types::{DerCertificate, SignatureBytes};

use super::Door;
use super::ask::{JSON, Question, bare, below};
use super::error::{KeylessError, Service};
use super::token::{CLOCK_SKEW, IdentityToken};
use pinfold_core::digest::Sha256;
use pinfold_core::url::Url;
use pinfold_evidence::attestation::{Certificate, Trust};
use pinfold_evidence::root::{TrustRoot, issuer_of};

/// A key that exists for some minutes, in memory alone, and the certificate that says whose it is.
pub(super) struct Certified {
    pair: KeyPair,
    pub(super) certificate: DerCertificate,
    /// What it says of whose the key is.
    pub(super) holder: Certificate,
    start: Timestamp,
    end: Timestamp,
}

impl Certified {
    /// Has a new key certified as the token's.
    pub(super) fn obtain(
        door: Door<'_>,
        trust: &Trust,
        base: &Url,
        token: &IdentityToken,
        now: i64,
    ) -> Result<Self, KeylessError> {
        token.hold(now)?;
        let pair = KeyPair::generate_ecdsa_p256().map_err(|_| KeylessError::Key)?;
        let url = below(Service::Authority, base, PATH)?;
        let body = request(token, &pair)?;
        let secret = Some(token.expose());
        let question = Question { secret, ..Question::post(Service::Authority, &url, &body, JSON) };
        let answer = question.expect(door, Some(token))?;
        let certificate = leaf(&question, &question.json(&answer)?)?;
        let info = parse_certificate_info(&certificate);
        let info = info.map_err(|_| question.answer("the certificate cannot be read"))?;
        let spki = pair.public_key_der().map_err(|_| KeylessError::Key)?;
        let url = bare(&url);
        if info.public_key.as_bytes() != spki.as_bytes() {
            return Err(KeylessError::OtherKey { url });
        }
        let issuer = info.issuer.clone().unwrap_or_default();
        if !token.may_come_from(&issuer) {
            let expected = token.issuer().to_owned();
            return Err(KeylessError::OtherIdentity { url, expected, received: issuer });
        }
        let holder = Certificate::new(&info);
        if let Some(expected) = other_holder(token, &info, &holder) {
            return Err(KeylessError::OtherIdentity { url, expected, received: holder.identity });
        }
        let certified = Self { pair, certificate, holder, start: info.not_before, end: info.not_after };
        if !certified.is_about(now) {
            let (start, end) = certified.validity();
            return Err(KeylessError::NotNow { url, start, end });
        }
        if root_of(trust, &certified.certificate).is_none() {
            let issuer = issuer_of(certified.certificate.as_bytes()).unwrap_or_else(|| "an unnamed one".to_owned());
            return Err(KeylessError::UnknownAuthority {
                url,
                issuer,
                roots: trust.roots().map(TrustRoot::age).collect(),
            });
        }
        Ok(certified)
    }

    /// Whether the certificate is valid at a time, in seconds since 1970.
    pub(super) fn holds_at(&self, time: i64) -> bool {
        (self.start.as_second()..=self.end.as_second()).contains(&time)
    }

    /// Whether the certificate is of now, as far as two clocks agree.
    fn is_about(&self, now: i64) -> bool {
        let start = self.start.as_second().saturating_sub(CLOCK_SKEW);
        (start..=self.end.as_second().saturating_add(CLOCK_SKEW)).contains(&now)
    }

    /// From when to when it is valid.
    pub(super) fn validity(&self) -> (String, String) {
        (self.start.to_string(), self.end.to_string())
    }

    /// Signs bytes by their digest: ECDSA over P-256, DER.
    pub(super) fn sign(&self, digest: &Sha256) -> Result<SignatureBytes, KeylessError> {
        let digest = super::sigstore_digest(digest).ok_or(KeylessError::Key)?;
        self.pair.sign_digest(&digest).map_err(|_| KeylessError::Key)
    }

    /// The certificate in PEM (RFC 7468) with line feeds alone, which is how Rekor writes it.
    pub(super) fn pem(&self) -> String {
        self.certificate.to_pem().replace('\r', "")
    }
}

/// Whose the certificate should be, where it is not: of the workflow, or of the e-mail address. An issuer may have its
/// people go by a name although their tokens have an address, so that another kind of name is let pass.
fn other_holder(token: &IdentityToken, info: &CertificateInfo, holder: &Certificate) -> Option<String> {
    let is_email = matches!(info.identity, Some(SubjectAltName::Email(_)));
    let email = token.email().filter(|_| is_email).map(str::to_owned);
    token.workflow().or(email).filter(|expected| *expected != holder.identity)
}

/// The root that has the certificate's authority.
pub(super) fn root_of<'a>(trust: &'a Trust, certificate: &DerCertificate) -> Option<&'a TrustRoot> {
    trust.roots().find(|root| root.knows_issuer(certificate.as_bytes()))
}

fn request(token: &IdentityToken, pair: &KeyPair) -> Result<Vec<u8>, KeylessError> {
    let proof = pair.sign(token.challenge().as_bytes()).map_err(|_| KeylessError::Key)?;
    let public = pair.public_key_der().map_err(|_| KeylessError::Key)?;
    let request = json!({
        "credentials": { "oidcIdentityToken": token.expose() },
        "publicKeyRequest": {
            "publicKey": { "algorithm": "ECDSA", "content": public.to_pem().replace('\r', "") },
            "proofOfPossession": BASE64.encode(proof.as_bytes()),
        },
    });
    Ok(request.to_string().into_bytes())
}

/// The certificate itself; the chain above it is the root's to know.
fn leaf(question: &Question<'_>, answer: &Value) -> Result<DerCertificate, KeylessError> {
    if answer.get("signedCertificateDetachedSct").is_some() {
        return Err(question.answer("the certificate's timestamp is beside it, where bundles have no room for it"));
    }
    let pem = answer.pointer("/signedCertificateEmbeddedSct/chain/certificates/0").and_then(Value::as_str);
    let pem = pem.ok_or_else(|| question.answer("there is no certificate in it"))?;
    DerCertificate::from_pem(pem).map_err(|_| question.answer("the certificate is no PEM"))
}

/// Version 2 of the API, which services of the major version 1 have.
const PATH: &str = "/api/v2/signingCert";
