//! A private key in PKCS#8: OneAsymmetricKey, version 1 or 2 (RFC 5958), in DER.
//!
//! Refuses bytes behind it, other algorithms, and a public half that is not the private one's: what is signed with such a
//! key nobody can check, and Ed25519 may give the key away (the "double public key" attack).

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use x509_cert::der::asn1::{AnyRef, BitStringRef, ContextSpecific, ObjectIdentifier, OctetStringRef, SetOf};
use x509_cert::der::{self, Decode as _, Encode as _, Header, Reader, SliceReader, Tag, TagNumber};
use x509_cert::spki::AlgorithmIdentifierRef;
use zeroize::Zeroizing;

use super::{Pair, SigningKeyError};

/// What stands in the file.
struct Key<'a> {
    algorithm: AlgorithmIdentifierRef<'a>,
    private: &'a [u8],
    public: Option<&'a [u8]>,
}

/// Reads a key.
pub(super) fn read(der: &[u8]) -> Result<Pair, SigningKeyError> {
    let key = parse(der).map_err(|_| SigningKeyError::Malformed)?;
    match key.algorithm.oid {
        EC_PUBLIC_KEY => match key.algorithm.parameters.map(|parameters| parameters.decode_as()) {
            Some(Ok(P256)) => p256(&key),
            Some(Ok(P384)) => Err(SigningKeyError::Algorithm("ECDSA over P-384")),
            Some(Ok(P521)) => Err(SigningKeyError::Algorithm("ECDSA over P-521")),
            Some(Ok(_)) => Err(SigningKeyError::Algorithm("ECDSA over another curve")),
            // A curve by its numbers may be any curve (CVE-2020-0601).
            Some(Err(_)) => Err(SigningKeyError::Algorithm("ECDSA over a curve without a name")),
            None => Err(SigningKeyError::Malformed),
        },
        ED25519 if key.algorithm.parameters.is_some() => Err(SigningKeyError::Malformed),
        ED25519 => ed25519(&key),
        RSA => Err(SigningKeyError::Algorithm("RSA")),
        RSA_PSS => Err(SigningKeyError::Algorithm("RSA-PSS")),
        ED448 => Err(SigningKeyError::Algorithm("Ed448")),
        X25519 => Err(SigningKeyError::Algorithm("X25519, which signs nothing")),
        _ => Err(SigningKeyError::Algorithm("another algorithm")),
    }
}

/// Whether bytes are a key of any kind, as far as its frame goes.
pub(super) fn is_framed(der: &[u8]) -> bool {
    parse(der).is_ok()
}

/// OneAsymmetricKey ::= SEQUENCE { version, AlgorithmIdentifier, OCTET STRING, [0] Attributes OPTIONAL,
/// [1] BIT STRING OPTIONAL, where version 1 (0) has no public key }.
fn parse(bytes: &[u8]) -> der::Result<Key<'_>> {
    let mut reader = SliceReader::new(bytes)?;
    let key = reader.sequence(|fields| {
        let version: u8 = fields.decode()?;
        let algorithm = fields.decode()?;
        let private = fields.decode::<OctetStringRef<'_>>()?.as_bytes();
        // What else is said of the key is of no use here; it is read so that nothing else can stand in its place.
        if next(fields, TagNumber::N0, true) {
            ContextSpecific::<SetOf<AnyRef<'_>, 16>>::decode_implicit(fields, TagNumber::N0)?;
        }
        let public = match next(fields, TagNumber::N1, false) {
            true => ContextSpecific::<BitStringRef<'_>>::decode_implicit(fields, TagNumber::N1)?,
            false => None,
        };
        let public = public.map(|field| whole(field.value)).transpose()?;
        if version > 1 || (version == 0 && public.is_some()) {
            return Err(Tag::Integer.value_error());
        }
        Ok(Key { algorithm, private, public })
    })?;
    reader.finish(key)
}

/// Whether the next field is the one of this number. The decoder asks no such thing: it passes over fields of lower numbers,
/// so that a second [0] could hide what should have been compared.
fn next<'a>(fields: &impl Reader<'a>, number: TagNumber, constructed: bool) -> bool {
    fields.peek_tag().is_ok_and(|tag| tag == Tag::ContextSpecific { constructed, number })
}

/// The bytes of a bit string without a last byte that is in part.
fn whole(bits: BitStringRef<'_>) -> der::Result<&[u8]> {
    bits.as_bytes().ok_or_else(|| Tag::BitString.value_error())
}

/// ECPrivateKey (RFC 5915) ::= SEQUENCE { 1, OCTET STRING, [0] parameters OPTIONAL, [1] BIT STRING OPTIONAL }.
fn p256(key: &Key<'_>) -> Result<Pair, SigningKeyError> {
    let parse = || -> der::Result<_> {
        let mut reader = SliceReader::new(key.private)?;
        let fields = reader.sequence(|fields| {
            let version: u8 = fields.decode()?;
            let private = fields.decode::<OctetStringRef<'_>>()?.as_bytes();
            let curve = match next(fields, TagNumber::N0, true) {
                true => ContextSpecific::<ObjectIdentifier>::decode_explicit(fields, TagNumber::N0)?,
                false => None,
            };
            let public = match next(fields, TagNumber::N1, true) {
                true => ContextSpecific::<BitStringRef<'_>>::decode_explicit(fields, TagNumber::N1)?,
                false => None,
            };
            let public = public.map(|field| whole(field.value)).transpose()?;
            // "fixed length" (RFC 5915, section 3): as long as the order of the curve.
            if version != 1 || private.len() != 32 || curve.is_some_and(|curve| curve.value != P256) {
                return Err(Tag::Sequence.value_error());
            }
            Ok((private, public))
        })?;
        reader.finish(fields)
    };
    let (private, inner) = parse().map_err(|_| SigningKeyError::Malformed)?;
    // Handed on without the public half, so that it is computed, and compared with both that may stand in the file.
    let plain = framed(private).map_err(|_| SigningKeyError::Malformed)?;
    // The reason is left out: it is another library's, and nobody promised that it quotes nothing.
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &plain);
    let pair = pair.map_err(|_| SigningKeyError::Malformed)?;
    let point = pair.public_key().as_ref();
    if [inner, key.public].into_iter().flatten().any(|public| !is_point(public, point)) {
        return Err(SigningKeyError::Mismatch);
    }
    Ok(Pair::P256(pair))
}

/// Whether a point is this one, compressed or not (SEC 1, section 2.3.3).
fn is_point(stated: &[u8], point: &[u8]) -> bool {
    let parity = point.last().map_or(0, |last| last & 1);
    let compressed = [&[2 | parity], point.get(1..33).unwrap_or_default()].concat();
    stated == point || stated == compressed
}

/// A private number of P-256 in PKCS#8, and nothing beside it.
fn framed(private: &[u8]) -> der::Result<Zeroizing<Vec<u8>>> {
    let inner = Zeroizing::new([&[0x02, 1, 1][..], &encoded(Tag::OctetString, private)?].concat());
    let inner = encoded(Tag::Sequence, &inner)?;
    let algorithm = [EC_PUBLIC_KEY.to_der()?, P256.to_der()?].concat();
    let algorithm = encoded(Tag::Sequence, &algorithm)?;
    let fields = Zeroizing::new([&[0x02, 1, 0][..], &algorithm, &encoded(Tag::OctetString, &inner)?].concat());
    encoded(Tag::Sequence, &fields)
}

/// A value in DER, wiped when it is dropped.
pub(super) fn encoded(tag: Tag, value: &[u8]) -> der::Result<Zeroizing<Vec<u8>>> {
    let header = Header::new(tag, value.len())?.to_der()?;
    Ok(Zeroizing::new([&header, value].concat()))
}

/// CurvePrivateKey (RFC 8410, section 7) ::= OCTET STRING.
fn ed25519(key: &Key<'_>) -> Result<Pair, SigningKeyError> {
    let seed = OctetStringRef::from_der(key.private).map_err(|_| SigningKeyError::Malformed)?;
    if seed.as_bytes().len() != 32 {
        return Err(SigningKeyError::Malformed);
    }
    let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_bytes()).map_err(|_| SigningKeyError::Malformed)?;
    match key.public {
        Some(public) if public != pair.public_key().as_ref() => Err(SigningKeyError::Mismatch),
        _ => Ok(Pair::Ed25519(pair)),
    }
}

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const ED448: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.113");
const X25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.110");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
