//! Why a file is no key to sign with. Nothing of the file is in a message.

use std::fmt;

use pinfold_core::fault::Fault;

use super::MAX_ITERATIONS;

/// Why a file is no key to sign with, or does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SigningKeyError {
    /// Not one PEM block of a private key.
    NotPem,
    /// More than one PEM block.
    Several,
    /// Something stands behind the block.
    Trailing,
    /// PEM, and not PKCS#8 in it.
    Malformed,
    /// A passphrase protects it, and none was given.
    Encrypted,
    /// No passphrase protects it, and one was given.
    NotEncrypted,
    /// The passphrase is another one.
    Passphrase,
    /// It is encrypted in a way that is not read: which.
    Encryption(&'static str),
    /// More than [`MAX_ITERATIONS`].
    Iterations,
    /// An older form than PKCS#8.
    NotPkcs8,
    /// OpenSSH's own form.
    OpenSsh,
    /// cosign's own form.
    Cosign,
    /// minisign's own form.
    Minisign,
    /// The other half.
    Public,
    /// A certificate.
    Certificate,
    /// Neither ECDSA over P-256 nor Ed25519: what.
    Algorithm(&'static str),
    /// The public half in the file is not that of the private one.
    Mismatch,
    /// Signing itself failed.
    Failed,
}

impl SigningKeyError {
    /// A stable id of the refusal.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotPem => "key-form",
            Self::Several => "key-several",
            Self::Trailing => "key-trailing",
            Self::Malformed => "key-structure",
            Self::Encrypted => "key-encrypted",
            Self::NotEncrypted => "key-not-encrypted",
            Self::Passphrase => "key-passphrase",
            Self::Encryption(_) => "key-encryption",
            Self::Iterations => "key-iterations",
            Self::NotPkcs8 => "key-old-form",
            Self::OpenSsh => "key-openssh",
            Self::Cosign => "key-cosign",
            Self::Minisign => "key-minisign",
            Self::Public => "key-public",
            Self::Certificate => "key-certificate",
            Self::Algorithm(_) => "key-algorithm",
            Self::Mismatch => "key-mismatch",
            Self::Failed => "key-failed",
        }
    }

    /// What to do.
    pub const fn hint(self) -> Option<&'static str> {
        match self {
            Self::NotPkcs8 => Some("`openssl pkcs8 -topk8 -in FILE` writes it in the newer form, behind a passphrase"),
            Self::Encrypted => Some("say `--passphrase-file FILE` or `--passphrase-fd N`, or run it at a terminal"),
            Self::NotEncrypted => {
                Some("leave the passphrase away; `openssl pkcs8 -topk8 -in FILE` puts the key behind one")
            }
            Self::Encryption(_) | Self::Iterations => {
                Some("`openssl pkcs8 -topk8 -v2 aes-256-cbc -iter 600000 -in FILE` encrypts it anew")
            }
            Self::NotPem | Self::Malformed | Self::Algorithm(_) | Self::OpenSsh => {
                Some("`pinfold keygen --out FILE` makes one")
            }
            Self::Cosign | Self::Minisign => Some(
                "that form needs scrypt and ciphers that pinfold does not have; `pinfold keygen --out FILE` makes a key that other tools read too",
            ),
            Self::Public | Self::Certificate => Some("name the file with the private key"),
            Self::Several | Self::Trailing => Some("leave one PEM block in the file, and nothing else"),
            Self::Mismatch => Some("the file is damaged or was put together wrongly; take it from a backup"),
            Self::Passphrase | Self::Failed => None,
        }
    }
}

impl fmt::Display for SigningKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPem => f.write_str("the key is not one PEM block `PRIVATE KEY`"),
            Self::Several => f.write_str("there is more than one PEM block beside the key"),
            Self::Trailing => f.write_str("there is more behind the PEM block of the key"),
            Self::Malformed => f.write_str("the PEM block of the key does not hold PKCS#8"),
            Self::Encrypted => f.write_str("the key is encrypted, and there is no passphrase for it"),
            Self::NotEncrypted => f.write_str("there is a passphrase, but the key is not encrypted"),
            Self::Passphrase => f.write_str("the passphrase is not that of the key"),
            Self::Encryption(what) => write!(f, "the key is encrypted with {what}"),
            Self::Iterations => write!(f, "the key asks for more than {MAX_ITERATIONS} iterations of PBKDF2"),
            Self::NotPkcs8 => f.write_str("the key is not in PKCS#8"),
            Self::OpenSsh => f.write_str("the key is in OpenSSH's form, not in PKCS#8"),
            Self::Cosign => f.write_str("the key is in cosign's encrypted form"),
            Self::Minisign => f.write_str("the key is in minisign's form"),
            Self::Public => f.write_str("the key is a public one, which signs nothing"),
            Self::Certificate => f.write_str("it is a certificate, which signs nothing"),
            Self::Algorithm(what) => {
                write!(f, "the key is one of {what}, neither of ECDSA over P-256 nor of Ed25519")
            }
            Self::Mismatch => f.write_str("the public key in the file is not that of the private one"),
            Self::Failed => f.write_str("the key did not sign"),
        }
    }
}

impl From<SigningKeyError> for Fault {
    fn from(error: SigningKeyError) -> Self {
        Self::failed(error.code(), error.to_string()).hinting(error.hint().map(str::to_owned)).because(error)
    }
}

impl std::error::Error for SigningKeyError {}
