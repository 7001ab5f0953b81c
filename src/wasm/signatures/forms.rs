//! The forms in which keys lie in files: raw, DER, PEM, OpenSSH.
//!
//! What a file is, is seen by its first bytes; one that is nothing of that is refused and never tried as something else.

use std::fmt;

use pinfold_core::fault::Fault;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::openssh;

/// A key of either kind, as it was found.
pub(super) enum Form {
    Public([u8; 32]),
    Secret(Seed),
}

/// A secret: 32 bytes that all else follows from.
pub(super) type Seed = [u8; 32];

/// Longest file of keys, in bytes: an account at GitHub with a thousand keys has a list of some 100 KiB.
pub const MAX_KEY_FILE: usize = 1 << 20;

/// Reads all keys of a file, Ed25519 alone.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Form>, KeyError> {
    if bytes.len() > MAX_KEY_FILE {
        return Err(KeyError::TooLong);
    }
    match bytes {
        [] => Err(KeyError::None),
        [0x01, rest @ ..] if rest.len() == 32 => one(public(rest)),
        [0x81, rest @ ..] if rest.len() == 64 => {
            let (seed, public) = rest.split_at(32);
            let seed = seed.first_chunk().copied().ok_or(KeyError::Unknown)?;
            one(halves(seed, public).map(Form::Secret))
        }
        [0x30, ..] => one(der(bytes)),
        _ => {
            let text = std::str::from_utf8(bytes).map_err(|_| KeyError::Unknown)?;
            if text.contains("-----BEGIN ") { blocks(text) } else { openssh::lines(text) }
        }
    }
}

fn one(form: Result<Form, KeyError>) -> Result<Vec<Form>, KeyError> {
    Ok(vec![form?])
}

fn public(bytes: &[u8]) -> Result<Form, KeyError> {
    bytes.try_into().map(Form::Public).map_err(|_| KeyError::Unknown)
}

/// The seed, if the public half beside it is its own.
pub(super) fn halves(seed: Seed, public: &[u8]) -> Result<Seed, KeyError> {
    Ed25519KeyPair::from_seed_and_public_key(&seed, public).map(|_| seed).map_err(|_| KeyError::Halves)
}

/// What a SubjectPublicKeyInfo of Ed25519 starts with (RFC 8410, section 10.1): DER has one spelling.
pub(super) const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// What PKCS#8 of version 1 starts with around a seed of Ed25519 (RFC 8410, section 10.3).
pub(super) const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// The object identifier of Ed25519, 1.3.101.112.
const OID: [u8; 5] = [0x06, 0x03, 0x2b, 0x65, 0x70];

fn der(bytes: &[u8]) -> Result<Form, KeyError> {
    if let Some(key) = bytes.strip_prefix(&SPKI_PREFIX) {
        return public(key);
    }
    if let Some(seed) = bytes.strip_prefix(&PKCS8_PREFIX) {
        return seed.try_into().map(Form::Secret).map_err(|_| KeyError::Unknown);
    }
    // PKCS#8 of version 2 has the public half in it, and others attributes: the crypto library reads all of them, and
    // checks the halves. Nothing may be behind.
    let whole =
        matches!(bytes, [0x30, len, ..] if *len < 0x80 && usize::from(*len).checked_add(2) == Some(bytes.len()));
    match Ed25519KeyPair::from_pkcs8(bytes) {
        Ok(pair) if whole => seed_in(bytes, &pair).map(Form::Secret),
        _ if bytes.windows(OID.len()).any(|part| part == OID) => Err(KeyError::Unknown),
        _ => Err(KeyError::Algorithm),
    }
}

/// The seed of a key that was read: the octet string in an octet string whose public half is the pair's.
fn seed_in(bytes: &[u8], pair: &Ed25519KeyPair) -> Result<Seed, KeyError> {
    let starts = bytes.windows(4).enumerate().filter(|(_, part)| *part == [0x04, 0x22, 0x04, 0x20]);
    let seeds = starts.filter_map(|(at, _)| bytes.get(at.checked_add(4)?..)?.first_chunk::<32>().copied());
    let mut own = seeds.filter(|seed| halves(*seed, pair.public_key().as_ref()).is_ok());
    own.next().ok_or(KeyError::Unknown)
}

/// All blocks of PEM (RFC 7468); what stands between them is commentary.
fn blocks(text: &str) -> Result<Vec<Form>, KeyError> {
    let mut forms = Vec::new();
    let mut rest = text;
    while let Some((_, block)) = rest.split_once("-----BEGIN ") {
        let (label, body) = block.split_once("-----").ok_or(KeyError::Unknown)?;
        let (body, behind) = body.split_once(&format!("-----END {label}-----")).ok_or(KeyError::Unknown)?;
        let bytes = || {
            let body: String = body.split_ascii_whitespace().collect();
            BASE64.decode(body).map_err(|_| KeyError::Unknown)
        };
        match label {
            "PUBLIC KEY" => match der(&bytes()?)? {
                form @ Form::Public(_) => forms.push(form),
                Form::Secret(_) => return Err(KeyError::Unknown),
            },
            "PRIVATE KEY" => match der(&bytes()?)? {
                form @ Form::Secret(_) => forms.push(form),
                Form::Public(_) => return Err(KeyError::Unknown),
            },
            "OPENSSH PRIVATE KEY" => forms.push(Form::Secret(openssh::secret(&bytes()?)?)),
            "ENCRYPTED PRIVATE KEY" => return Err(KeyError::Encrypted),
            "RSA PRIVATE KEY" | "EC PRIVATE KEY" | "DSA PRIVATE KEY" | "EC PARAMETERS" | "RSA PUBLIC KEY" => {
                return Err(KeyError::Algorithm);
            }
            _ => return Err(KeyError::Unknown),
        }
        rest = behind;
    }
    Ok(forms)
}

/// A block of PEM.
pub(super) fn pem(label: &str, der: &[u8]) -> String {
    // The two DER forms are short enough for one line (RFC 7468, section 2: 64 characters).
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", BASE64.encode(der))
}

/// Why a file is not the key that was meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyError {
    /// More than [`MAX_KEY_FILE`].
    TooLong,
    /// Nothing that is known, or something that ends early or goes on behind.
    Unknown,
    /// No Ed25519 key in it.
    None,
    /// Another algorithm.
    Algorithm,
    /// A private key where a public one is meant.
    Private,
    /// A public key where a private one is meant.
    Public,
    /// A passphrase protects it.
    Encrypted,
    /// Its public half is not that of its private half.
    Halves,
    /// A point of small order, or in a second spelling.
    Weak,
    /// Several where one is meant.
    Several,
    /// The system gave no random bytes.
    NoRandomness,
}

impl KeyError {
    /// A stable id of the refusal.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLong | Self::Unknown => "wasm-key-form",
            Self::None => "wasm-key-none",
            Self::Algorithm => "wasm-key-algorithm",
            Self::Private => "wasm-key-private",
            Self::Public => "wasm-key-public",
            Self::Encrypted => "wasm-key-encrypted",
            Self::Halves => "wasm-key-halves",
            Self::Weak => "wasm-key-weak",
            Self::Several => "wasm-key-several",
            Self::NoRandomness => "no-randomness",
        }
    }

    /// What to do about it.
    pub fn hint(self) -> Option<String> {
        let hint = match self {
            Self::Unknown => {
                "keys are read raw (`01` or `81` first), in DER, in PEM, as OpenSSH lines, and as OpenSSH private keys"
            }
            Self::Private => {
                "hand out its public half: `pinfold wasm export-public-key`; and keep this one to yourself"
            }
            Self::Public => "signing takes the private key",
            Self::None | Self::Algorithm => "`pinfold wasm keygen` makes a key; `ssh-keygen -t ed25519` too",
            Self::Encrypted => "take the passphrase from a copy that only the job can read: `ssh-keygen -p -N ''`",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "a file of keys has at most {MAX_KEY_FILE} bytes"),
            Self::Unknown => f.write_str("this is no key in any form that is known"),
            Self::None => f.write_str("there is no Ed25519 key in it"),
            Self::Algorithm => f.write_str("the key is not one of Ed25519"),
            Self::Private => f.write_str("this is a private key, and a public one is meant"),
            Self::Public => f.write_str("this is a public key, and a private one is meant"),
            Self::Encrypted => f.write_str("the key is behind a passphrase"),
            Self::Halves => f.write_str("the public half in the file is not that of the private half"),
            Self::Weak => {
                f.write_str("the key is a point of small order or in a second spelling: no honest tool makes one")
            }
            Self::Several => f.write_str("there are several keys in it, and one is meant"),
            Self::NoRandomness => f.write_str("the system gave no random bytes"),
        }
    }
}

impl From<KeyError> for Fault {
    fn from(error: KeyError) -> Self {
        Self::failed(error.code(), error.to_string()).hinting(error.hint()).because(error)
    }
}

impl std::error::Error for KeyError {}
