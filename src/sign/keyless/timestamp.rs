//! The timestamp authority: a question over a signature, and an answer that holds (RFC 3161).

use jiff::Timestamp;
use sigstore_verify::tsa::verify_timestamp_for_authority;
use sigstore_verify::types::{SignatureBytes, TimestampToken};

use super::Door;
use super::ask::{Question, bare};
use super::error::{KeylessError, Service};
use super::fulcio::Certified;
use pinfold_core::digest::{Algorithm, Integrity};
use pinfold_core::url::Url;
use pinfold_evidence::root::TrustRoot;

/// Has a signature's time witnessed, and holds the answer to the root and to the certificate.
pub(super) fn obtain(
    door: Door<'_>,
    root: &TrustRoot,
    url: &Url,
    signature: &SignatureBytes,
    certified: &Certified,
) -> Result<TimestampToken, KeylessError> {
    let nonce = nonce(signature);
    let query = query(signature.as_bytes(), nonce);
    let question = Question::post(Service::Timestamper, url, &query, "application/timestamp-query");
    let answer = question.expect(door, None)?;
    let token = TimestampToken::new(answer.clone());
    let time = verified(root, &token, signature).map_err(|why| KeylessError::Timestamp { url: bare(url), why })?;
    // Its place in the answer is not looked at: what is signed there is proved, and nobody else can have these bytes.
    let own = [&[0x02, 0x08][..], &nonce].concat();
    if !answer.windows(own.len()).any(|window| window == own) {
        return Err(KeylessError::Timestamp { url: bare(url), why: "it answers another question".to_owned() });
    }
    if !certified.holds_at(time.as_second()) {
        let (start, end) = certified.validity();
        return Err(KeylessError::Outside { url: bare(url), time: time.to_string(), start, end });
    }
    Ok(token)
}

/// The time, if an authority of the root vouches for it.
fn verified(root: &TrustRoot, token: &TimestampToken, signature: &SignatureBytes) -> Result<Timestamp, String> {
    let mut why = "the trust root knows no timestamp authority".to_owned();
    for authority in root.sigstore().tsa_authorities() {
        match verify_timestamp_for_authority(token, signature, &authority) {
            Ok(time) => return Ok(time),
            Err(error) => why = error.to_string(),
        }
    }
    Err(why)
}

/// `TimeStampReq` (RFC 3161, section 2.4.1) over SHA-256 of the signature, with a nonce and a wish for the certificate.
/// Every part has a fixed length, so that the encoding is written down as it is.
fn query(signature: &[u8], nonce: [u8; 8]) -> Vec<u8> {
    let digest = Integrity::of(Algorithm::Sha256, signature);
    [&HEAD[..], digest.digest(), &[0x02, 0x08], &nonce, &[0x01, 0x01, 0xff]].concat()
}

/// SEQUENCE of 67 bytes { INTEGER 1, SEQUENCE of 49 { SEQUENCE of 13 { OID 2.16.840.1.101.3.4.2.1, NULL },
/// OCTET STRING of 32.
const HEAD: [u8; 24] = [
    0x30, 0x43, 0x02, 0x01, 0x01, 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
    0x01, 0x05, 0x00, 0x04, 0x20,
];

/// A number that this question alone has. It comes from the signature, whose making took a random number, and which
/// nobody has seen before the question.
fn nonce(signature: &SignatureBytes) -> [u8; 8] {
    let digest = Integrity::of(Algorithm::Sha256, &[b"nonce", signature.as_bytes()].concat());
    let mut nonce = [0; 8];
    for (byte, from) in nonce.iter_mut().zip(digest.digest()) {
        *byte = *from;
    }
    // A positive INTEGER of eight bytes and no fewer (X.690, section 8.3.2).
    if let Some(first) = nonce.first_mut() {
        *first = *first & 0x3f | 0x40;
    }
    nonce
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_is_der_to_its_last_byte() {
        let signature = SignatureBytes::from_bytes(b"a signature");
        let query = query(signature.as_bytes(), nonce(&signature));
        assert_eq!(query.len(), usize::from(query[1]) + 2);
        // SEQUENCE { version, imprint, nonce, certReq }, each after the other.
        let mut at = 2;
        let mut tags = Vec::new();
        while at < query.len() {
            tags.push(query[at]);
            at += 2 + usize::from(query[at + 1]);
        }
        assert_eq!((at, tags), (query.len(), vec![0x02, 0x30, 0x02, 0x01]));
        assert_eq!(&query[24..56], Integrity::of(Algorithm::Sha256, b"a signature").digest());
        assert!(nonce(&signature)[0] >= 0x40 && nonce(&signature)[0] < 0x80);
    }
}
