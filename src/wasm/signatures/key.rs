//! Public keys: Ed25519, read strictly.

use std::fmt;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};

use super::forms::{self, Form, KeyError};
use pinfold_core::digest::hex;

/// A key that signatures are checked against: a point of the curve in its one spelling, and none of small order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Takes the 32 bytes of a key.
    ///
    /// # Errors
    /// [`KeyError::Weak`] for a point of small order, under which anybody can sign anything, and for a second spelling of
    /// a point.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, KeyError> {
        let mut y = bytes;
        y[31] &= 0x7f;
        let small = SMALL_ORDER.contains(&y);
        // As numbers: the bytes from the last to the first.
        let canonical = y.iter().rev().lt(P.iter().rev());
        if small || !canonical { Err(KeyError::Weak) } else { Ok(Self(bytes)) }
    }

    /// Reads all keys of a file: raw (`01` and the key), DER, PEM blocks, or OpenSSH lines such as a GitHub `.keys` list.
    ///
    /// # Errors
    /// [`KeyError`]: none of these, no key in it, or a private one.
    pub fn read(bytes: &[u8]) -> Result<Vec<Self>, KeyError> {
        let mut keys = Vec::new();
        for form in forms::read(bytes)? {
            match form {
                Form::Public(key) => keys.push(Self::from_bytes(key)?),
                Form::Secret(_) => return Err(KeyError::Private),
            }
        }
        if keys.is_empty() { Err(KeyError::None) } else { Ok(keys) }
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The key as wasmsign2 writes it into a file: `01` and the key.
    pub fn to_raw(&self) -> Vec<u8> {
        [&[1][..], &self.0].concat()
    }

    /// The key in PEM (SubjectPublicKeyInfo, RFC 8410).
    pub fn to_pem(&self) -> String {
        forms::pem("PUBLIC KEY", &[&forms::SPKI_PREFIX[..], &self.0].concat())
    }

    /// What signatures call the key where nobody gave it a name: the start of an HMAC with the key as the key.
    pub fn id(&self) -> [u8; 12] {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &self.0), b"key_id");
        tag.as_ref().first_chunk().copied().unwrap_or_default()
    }

    /// Whether a signature over `message` is this key's. S beyond the order of the curve is refused underneath
    /// (RFC 8032, section 5.1.7).
    pub(super) fn signed(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.0).verify(message, signature).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ed25519:{}", hex(&self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The prime 2²⁵⁵ − 19: a coordinate is less than that, or it is a second spelling.
const P: [u8; 32] = {
    let mut p = [0xff; 32];
    p[0] = 0xed;
    p[31] = 0x7f;
    p
};

/// The second coordinates of the eight points whose order divides eight, without the sign of the first: 0, 1, −1, and the
/// two of order eight. Whoever "signs" with such a key needs no secret, and aws-lc takes it for one ("Taming the Many
/// EdDSAs", Chalkias, Garillot and Nikolaenko 2020, section 3 and table 1; libsodium's `ge25519_has_small_order`).
const SMALL_ORDER: [[u8; 32]; 5] = {
    let (zero, mut one, mut minus_one) = ([0; 32], [0; 32], P);
    one[0] = 1;
    minus_one[0] = 0xec;
    [
        zero,
        one,
        minus_one,
        [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
            0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
        ],
        [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
            0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
        ],
    ]
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_keys_are_none() {
        for mut key in SMALL_ORDER {
            for sign in [0, 0x80] {
                key[31] = key[31] & 0x7f | sign;
                assert_eq!(PublicKey::from_bytes(key), Err(KeyError::Weak), "{key:x?}");
            }
        }
        // The nineteen numbers from the prime on are second spellings of 0 to 18.
        for low in 0xed..=0xff {
            let mut key = P;
            key[0] = low;
            assert_eq!(PublicKey::from_bytes(key), Err(KeyError::Weak), "{low:x}");
        }
        let mut key = P;
        key[0] = 0xeb;
        assert!(PublicKey::from_bytes(key).is_ok());
    }

    /// With the neutral element for a key and for R, and zero for S, aws-lc takes any message for signed: the table above is
    /// what stands between.
    #[test]
    fn the_table_is_needed() {
        let mut neutral = [0; 32];
        neutral[0] = 1;
        let mut signature = [0; 64];
        signature[0] = 1;
        assert!(UnparsedPublicKey::new(&ED25519, &neutral).verify(b"anything", &signature).is_ok());
    }
}
