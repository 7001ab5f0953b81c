//! [`Authority`]: the certificates of one certificate authority, as far as they tell who may have issued what.
//!
//! Nothing is verified here: this only finds the root that a certificate must be verified against.

use x509_cert::Certificate;
use x509_cert::der::oid::db::rfc4519::ORGANIZATION_NAME;
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, SubjectKeyIdentifier};

use pinfold_core::digest::Sha256;

/// A chain of certificates, issuer of leaves first.
#[derive(Debug, Clone)]
pub(super) struct Authority {
    certificates: Vec<Identifiers>,
    anchor: Sha256,
}

impl Authority {
    /// Reads a chain in DER; the error says which certificate of it cannot be read.
    pub(super) fn read<'a>(chain: impl Iterator<Item = &'a [u8]>) -> Result<Self, String> {
        let mut certificates = Vec::new();
        let mut anchor = None;
        for (number, der) in (1_usize..).zip(chain) {
            certificates.push(Identifiers::read(der).map_err(|reason| format!("certificate {number}: {reason}"))?);
            anchor = Some(Sha256::of(der));
        }
        let anchor = anchor.ok_or("it has no certificate")?;
        Ok(Self { certificates, anchor })
    }

    /// The digest of the last certificate, which all others hang on.
    pub(super) const fn anchor(&self) -> &Sha256 {
        &self.anchor
    }

    /// Whether this organization is the subject of every certificate.
    pub(super) fn all_of(&self, organization: &str) -> bool {
        self.certificates.iter().all(|one| one.organizations.iter().map(String::as_str).eq([organization]))
    }

    /// Whether one of the certificates is, by name and key, the issuer of `leaf`.
    pub(super) fn may_have_issued(&self, leaf: &Identifiers) -> bool {
        self.certificates.iter().any(|one| {
            let same_key = leaf.issuer_key.is_none() || leaf.issuer_key == one.key;
            one.subject == leaf.issuer && same_key
        })
    }
}

/// What a certificate says of itself and of its issuer.
#[derive(Debug, Clone)]
pub(super) struct Identifiers {
    /// DER.
    subject: Vec<u8>,
    /// DER.
    issuer: Vec<u8>,
    key: Option<Vec<u8>>,
    issuer_key: Option<Vec<u8>>,
    organizations: Vec<String>,
}

impl Identifiers {
    /// Reads a certificate in DER.
    pub(super) fn read(der: &[u8]) -> Result<Self, String> {
        let told = |error: x509_cert::der::Error| error.to_string();
        let certificate = Certificate::from_der(der).map_err(told)?;
        let body = &certificate.tbs_certificate;
        let key = body.get::<SubjectKeyIdentifier>().map_err(told)?;
        let issuer_key = body.get::<AuthorityKeyIdentifier>().map_err(told)?;
        let attributes = body.subject.0.iter().flat_map(|names| names.0.iter());
        let organizations = attributes.filter(|one| one.oid == ORGANIZATION_NAME);
        Ok(Self {
            subject: body.subject.to_der().map_err(told)?,
            issuer: body.issuer.to_der().map_err(told)?,
            key: key.map(|(_, key)| key.0.into_bytes()),
            issuer_key: issuer_key.and_then(|(_, key)| key.key_identifier).map(|key| key.into_bytes()),
            // PrintableString and UTF8String are both UTF-8 (X.690, section 8.23); any other kind of text is none of ours.
            organizations: organizations.map(|one| String::from_utf8_lossy(one.value.value()).into_owned()).collect(),
        })
    }
}

/// The issuer of a certificate, as RFC 4514 writes names.
pub(super) fn issuer_of(der: &[u8]) -> Option<String> {
    Certificate::from_der(der).ok().map(|certificate| certificate.tbs_certificate.issuer.to_string())
}
