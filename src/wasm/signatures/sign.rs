//! Private keys, and signing with them.

use std::fmt;

use aws_lc_rs::rand;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};

use super::forms::{self, Form, KeyError, Seed};
use super::key::PublicKey;
use crate::wasmfile::{DELIMITER_LEN, EditError, MAX_HASHES, SignatureData, embed, layout, message};

/// A key that signs. Nothing of its private half is ever shown.
pub struct SecretKey {
    seed: Seed,
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretKey").field("public", &self.public).finish_non_exhaustive()
    }
}

impl SecretKey {
    /// Makes a key.
    ///
    /// # Errors
    /// The system has no random bytes.
    pub fn generate() -> Result<Self, KeyError> {
        let mut seed = [0; 32];
        rand::fill(&mut seed).map_err(|_| KeyError::NoRandomness)?;
        Self::from_seed(seed)
    }

    /// Reads the one key of a file: raw (`81`, seed and public key), PKCS#8 in DER or PEM, or OpenSSH's own form.
    ///
    /// # Errors
    /// [`KeyError`]: none of these, behind a passphrase, or a public one.
    pub fn read(bytes: &[u8]) -> Result<Self, KeyError> {
        let mut found = forms::read(bytes)?.into_iter();
        match (found.next(), found.next()) {
            (Some(Form::Secret(seed)), None) => Self::from_seed(seed),
            (Some(Form::Public(_)), _) => Err(KeyError::Public),
            (Some(_), Some(_)) => Err(KeyError::Several),
            (None, _) => Err(KeyError::None),
        }
    }

    fn from_seed(seed: Seed) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| KeyError::Unknown)?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| KeyError::Unknown)?;
        Ok(Self { seed, pair, public: PublicKey::from_bytes(public)? })
    }

    /// The public half.
    pub const fn public(&self) -> PublicKey {
        self.public
    }

    /// The key as wasmsign2 writes it into a file: `81`, the seed, the public key.
    pub fn to_raw(&self) -> Vec<u8> {
        [&[0x81][..], &self.seed, self.public.as_bytes()].concat()
    }

    /// The key in PEM (PKCS#8, RFC 8410).
    pub fn to_pem(&self) -> String {
        forms::pem("PRIVATE KEY", &[&forms::PKCS8_PREFIX[..], &self.seed].concat())
    }

    fn signature(&self, message: &[u8]) -> Option<[u8; 64]> {
        self.pair.sign(message).as_ref().try_into().ok()
    }
}

/// What a signature calls the key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum KeyId<'a> {
    /// Nothing, as wasmsign2 does unless it is told the public key.
    #[default]
    None,
    /// What follows from the key ([`PublicKey::id`]): whoever checks with many keys finds the right one at once.
    Default,
    /// A name.
    Named(&'a [u8]),
}

/// Signs a file, all its parts: the file with the signature in it, beside those that were there.
///
/// # Errors
/// [`EditError`]: the file is cut or none, or has no place for a signature; the key has signed it already; or what is in it
/// is no signature data that another can be put beside.
pub fn sign(file: &[u8], key: &SecretKey, id: KeyId<'_>) -> Result<Vec<u8>, EditError> {
    let layout = layout(file)?;
    let data = added(layout.signature.as_deref(), &layout.hashes, key, id)?;
    embed(file, &data)
}

/// Signs a file that stays as it is: the detached signature, beside those of `previous`.
///
/// # Errors
/// As of [`sign`]; and a file with a signature in it, which would be signed content of nobody.
pub fn sign_detached(
    file: &[u8],
    previous: Option<&[u8]>,
    key: &SecretKey,
    id: KeyId<'_>,
) -> Result<Vec<u8>, EditError> {
    let layout = layout(file)?;
    if layout.signature.is_some() {
        return Err(EditError::HasSignature);
    }
    added(previous, &layout.hashes, key, id)
}

fn added(
    previous: Option<&[u8]>,
    hashes: &[pinfold_core::digest::Sha256],
    key: &SecretKey,
    id: KeyId<'_>,
) -> Result<Vec<u8>, EditError> {
    if hashes.len() > MAX_HASHES {
        return Err(EditError::TooManyParts);
    }
    let mut data = previous.map(SignatureData::parse).transpose()?.unwrap_or_default();
    let signature = key.signature(&message(hashes)).ok_or(EditError::NoRandomness)?;
    let own = key.public.id();
    let id = match id {
        KeyId::None => &[][..],
        KeyId::Default => &own,
        KeyId::Named(name) => name,
    };
    data.add(hashes, id, &signature)?;
    Ok(data.encode()?)
}

/// The random bytes of a delimiter, for [`crate::wasmfile::split`].
pub fn delimiter() -> Option<[u8; DELIMITER_LEN]> {
    let mut bytes = [0; DELIMITER_LEN];
    rand::fill(&mut bytes).ok()?;
    Some(bytes)
}
