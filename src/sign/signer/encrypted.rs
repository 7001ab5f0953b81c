//! A key behind a passphrase: EncryptedPrivateKeyInfo (RFC 5958, section 3) with PBES2 (RFC 8018, section 6.2), as OpenSSL
//! writes it.
//!
//! Refuses what is no longer safe (PBES1, DES), scrypt, and more than [`MAX_ITERATIONS`].

use std::num::NonZeroU32;

use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, Algorithm, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey,
    PaddedBlockEncryptingKey, UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::pbkdf2;
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use x509_cert::der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef};
use x509_cert::der::{self, Encode as _, Reader, SliceReader, Tag};
use x509_cert::spki::AlgorithmIdentifierRef;
use zeroize::Zeroizing;

use super::pkcs8::{self, encoded};
use super::{Passphrase, SigningKeyError};

/// Most iterations that a file may ask for: some seconds of work. OWASP recommends 600,000 (Password Storage Cheat Sheet,
/// 2023), OpenSSL writes 2,048; a file that asks for billions wants to keep the machine busy.
pub const MAX_ITERATIONS: u32 = 10_000_000;

/// How a key is encrypted.
struct Scheme<'a> {
    prf: pbkdf2::Algorithm,
    salt: &'a [u8],
    iterations: NonZeroU32,
    cipher: &'static Algorithm,
    iv: [u8; 16],
}

/// Whether a key is encrypted in a way that is read here, before anybody is asked for the passphrase.
pub(super) fn check(der: &[u8]) -> Result<(), SigningKeyError> {
    parse(der).map(|_| ())
}

/// The key, in PKCS#8. Whether the passphrase is the right one shows in what comes out: PBES2 has no other check.
pub(super) fn decrypt(der: &[u8], passphrase: &Passphrase) -> Result<Zeroizing<Vec<u8>>, SigningKeyError> {
    let (scheme, ciphertext) = parse(der)?;
    let mut bytes = Zeroizing::new(ciphertext.to_vec());
    let context = DecryptionContext::Iv128(FixedLength::from(scheme.iv));
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(scheme.key(passphrase)?).map_err(|_| SigningKeyError::Failed)?;
    let plain = key.decrypt(&mut bytes, context).map_err(|_| SigningKeyError::Passphrase)?;
    let len = plain.len();
    bytes.truncate(len);
    if pkcs8::is_framed(&bytes) { Ok(bytes) } else { Err(SigningKeyError::Passphrase) }
}

/// Encrypts a key: PBKDF2 with HMAC-SHA-256, AES-256 in CBC mode, which OpenSSL since 1.0.0 reads.
pub(super) fn encrypt(plain: &[u8], passphrase: &Passphrase) -> Result<Vec<u8>, SigningKeyError> {
    let (mut salt, mut iv) = ([0; 16], [0; 16]);
    let random = SystemRandom::new();
    random.fill(&mut salt).and_then(|()| random.fill(&mut iv)).map_err(|_| SigningKeyError::Failed)?;
    let iterations = NonZeroU32::new(ITERATIONS).ok_or(SigningKeyError::Failed)?;
    let scheme = Scheme { prf: pbkdf2::PBKDF2_HMAC_SHA256, salt: &salt, iterations, cipher: &AES_256, iv };
    let mut bytes = Zeroizing::new(plain.to_vec());
    let key = PaddedBlockEncryptingKey::cbc_pkcs7(scheme.key(passphrase)?).map_err(|_| SigningKeyError::Failed)?;
    let context = EncryptionContext::Iv128(FixedLength::from(iv));
    key.less_safe_encrypt(&mut *bytes, context).map_err(|_| SigningKeyError::Failed)?;
    write(&salt, &iv, &bytes).map_err(|_| SigningKeyError::Failed)
}

impl Scheme<'_> {
    fn key(&self, passphrase: &Passphrase) -> Result<UnboundCipherKey, SigningKeyError> {
        let mut key = Zeroizing::new(vec![0; key_len(self.cipher)]);
        pbkdf2::derive(self.prf, self.iterations, self.salt, passphrase.as_bytes(), &mut key);
        UnboundCipherKey::new(self.cipher, &key).map_err(|_| SigningKeyError::Failed)
    }
}

fn key_len(cipher: &Algorithm) -> usize {
    match cipher {
        cipher if *cipher == AES_128 => 16,
        cipher if *cipher == AES_192 => 24,
        _ => 32,
    }
}

/// EncryptedPrivateKeyInfo ::= SEQUENCE { AlgorithmIdentifier, OCTET STRING }.
fn parse(der: &[u8]) -> Result<(Scheme<'_>, &[u8]), SigningKeyError> {
    let frame = || -> der::Result<_> {
        let mut reader = SliceReader::new(der)?;
        let fields = reader.sequence(|fields| {
            let algorithm: AlgorithmIdentifierRef<'_> = fields.decode()?;
            Ok((algorithm, fields.decode::<OctetStringRef<'_>>()?.as_bytes()))
        })?;
        reader.finish(fields)
    };
    let (algorithm, ciphertext) = frame().map_err(|_| SigningKeyError::Malformed)?;
    if algorithm.oid != PBES2 {
        return Err(SigningKeyError::Encryption("an older scheme than PBES2"));
    }
    let [derivation, encryption] = pair(algorithm.parameters)?;
    let (prf, salt, iterations, len) = match derivation.oid {
        PBKDF2 => pbkdf2_of(derivation.parameters)?,
        SCRYPT => return Err(SigningKeyError::Encryption("scrypt")),
        _ => return Err(SigningKeyError::Encryption("another way to derive keys than PBKDF2")),
    };
    let cipher = match encryption.oid {
        AES_128_CBC => &AES_128,
        AES_192_CBC => &AES_192,
        AES_256_CBC => &AES_256,
        _ => return Err(SigningKeyError::Encryption("another cipher than AES in CBC mode")),
    };
    let iv = encryption.parameters.and_then(|one| one.decode_as::<OctetStringRef<'_>>().ok());
    let iv = iv.and_then(|iv| iv.as_bytes().try_into().ok()).ok_or(SigningKeyError::Malformed)?;
    let is_whole = ciphertext.len().is_multiple_of(16) && !ciphertext.is_empty();
    if !is_whole || len.is_some_and(|len| usize::from(len) != key_len(cipher)) {
        return Err(SigningKeyError::Malformed);
    }
    Ok((Scheme { prf, salt, iterations, cipher, iv }, ciphertext))
}

/// PBES2-params ::= SEQUENCE { keyDerivationFunc, encryptionScheme }.
fn pair(parameters: Option<AnyRef<'_>>) -> Result<[AlgorithmIdentifierRef<'_>; 2], SigningKeyError> {
    let parameters = parameters.ok_or(SigningKeyError::Malformed)?;
    let both = parameters.sequence(|fields| Ok([fields.decode()?, fields.decode()?]));
    both.map_err(|_| SigningKeyError::Malformed)
}

type Derivation<'a> = (pbkdf2::Algorithm, &'a [u8], NonZeroU32, Option<u16>);

/// PBKDF2-params ::= SEQUENCE { salt OCTET STRING, iterationCount INTEGER, keyLength INTEGER OPTIONAL,
/// prf AlgorithmIdentifier DEFAULT hmacWithSHA1 }.
fn pbkdf2_of(parameters: Option<AnyRef<'_>>) -> Result<Derivation<'_>, SigningKeyError> {
    let fields = parameters.ok_or(SigningKeyError::Malformed)?.sequence(|fields| {
        let salt = fields.decode::<OctetStringRef<'_>>()?.as_bytes();
        let iterations: u64 = fields.decode()?;
        let len: Option<u16> = fields.decode()?;
        let prf: Option<AlgorithmIdentifierRef<'_>> = fields.decode()?;
        Ok((salt, iterations, len, prf))
    });
    let (salt, iterations, len, prf) = fields.map_err(|_| SigningKeyError::Malformed)?;
    if iterations > u64::from(MAX_ITERATIONS) {
        return Err(SigningKeyError::Iterations);
    }
    let iterations = u32::try_from(iterations).ok().and_then(NonZeroU32::new).ok_or(SigningKeyError::Malformed)?;
    let prf = match prf.map(|prf| prf.oid) {
        None | Some(HMAC_SHA1) => pbkdf2::PBKDF2_HMAC_SHA1,
        Some(HMAC_SHA256) => pbkdf2::PBKDF2_HMAC_SHA256,
        Some(HMAC_SHA384) => pbkdf2::PBKDF2_HMAC_SHA384,
        Some(HMAC_SHA512) => pbkdf2::PBKDF2_HMAC_SHA512,
        Some(_) => return Err(SigningKeyError::Encryption("another hash than SHA-1, SHA-256, SHA-384 or SHA-512")),
    };
    Ok((prf, salt, iterations, len))
}

/// The frame around what [`encrypt`] made.
fn write(salt: &[u8], iv: &[u8], ciphertext: &[u8]) -> der::Result<Vec<u8>> {
    let sequence = |fields: &[&[u8]]| encoded(Tag::Sequence, &fields.concat());
    let prf = sequence(&[&HMAC_SHA256.to_der()?, NULL])?;
    let salt = encoded(Tag::OctetString, salt)?;
    let derivation = sequence(&[&PBKDF2.to_der()?, &sequence(&[&salt, &ITERATIONS.to_der()?, &prf])?])?;
    let encryption = sequence(&[&AES_256_CBC.to_der()?, &encoded(Tag::OctetString, iv)?])?;
    let algorithm = sequence(&[&PBES2.to_der()?, &sequence(&[&derivation, &encryption])?])?;
    Ok(sequence(&[&algorithm, &encoded(Tag::OctetString, ciphertext)?])?.to_vec())
}

const NULL: &[u8] = &[0x05, 0];
/// Iterations of what is written here: OWASP's number for PBKDF2 with HMAC-SHA-256.
const ITERATIONS: u32 = 600_000;

const PBES2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.13");
const PBKDF2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.12");
const SCRYPT: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11591.4.11");
const HMAC_SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.7");
const HMAC_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.9");
const HMAC_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.10");
const HMAC_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.11");
const AES_128_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.2");
const AES_192_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.22");
const AES_256_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.42");
