//! Whom to believe that a server is who it says: the operating system's authorities, and those of `--ca-file`.

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use ureq::tls::{Certificate, RootCerts};

use super::HttpError;

/// The certificates of a PEM file, each one usable as an authority.
pub(super) fn from_pem(pem: &[u8]) -> Result<Vec<Certificate<'static>>, HttpError> {
    let unusable = |reason: String| HttpError::Roots { reason };
    let mut certificates = Vec::new();
    for item in CertificateDer::pem_slice_iter(pem) {
        let der = item.map_err(|error| unusable(format!("the CA file is malformed ({error})")))?;
        certificates.push(Certificate::from_der(&der).to_owned());
        RootCertStore::empty()
            .add(der)
            .map_err(|error| unusable(format!("the CA file has a malformed certificate ({error})")))?;
    }
    if certificates.is_empty() {
        return Err(unusable("the CA file has no certificate".to_owned()));
    }
    Ok(certificates)
}

/// The system's authorities (`SSL_CERT_FILE` and `SSL_CERT_DIR` say where else they are) and `more`.
///
/// A part that cannot be read is passed over, as every program does; nothing at all is an error.
pub(super) fn with_system(more: &[Certificate<'static>]) -> Result<RootCerts, HttpError> {
    let system = rustls_native_certs::load_native_certs();
    let mut all: Vec<Certificate<'static>> =
        system.certs.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
    all.extend_from_slice(more);
    if all.is_empty() {
        return Err(none_found(&system.errors.iter().map(cause_of).collect::<Vec<_>>()));
    }
    Ok(RootCerts::new_with_certs(&all))
}

/// What went wrong, without the path: the folders of `SSL_CERT_DIR` are cut apart at each colon, and a login that stands in
/// one by mistake with them, so that nothing would know it again.
fn cause_of(error: &rustls_native_certs::Error) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{}{cause}", error.context)
}

fn none_found(errors: &[String]) -> HttpError {
    let why = if errors.is_empty() { String::new() } else { format!(": {}", errors.join("; ")) };
    HttpError::Roots { reason: format!("none were found{why}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_ca_file_whole_or_not_at_all() {
        let pem = include_str!("tests/ca.pem");
        assert_eq!(from_pem(pem.as_bytes()).expect("reads").len(), 1);
        assert_eq!(from_pem(format!("{pem}{pem}").as_bytes()).expect("reads").len(), 2);
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for bad in ["", "hello", &pem[..pem.len() / 2], broken, &format!("{pem}{broken}")] {
            assert_eq!(from_pem(bad.as_bytes()).map(|found| found.len()).expect_err("refused").code(), "http-roots");
        }
    }

    #[test]
    fn says_why_there_are_none() {
        let told =
            |errors: &[&str]| none_found(&errors.iter().map(ToString::to_string).collect::<Vec<_>>()).to_string();
        assert_eq!(told(&[]), "the certificate authorities cannot be used: none were found");
        assert_eq!(told(&["a", "b"]), "the certificate authorities cannot be used: none were found: a; b");
    }
}
