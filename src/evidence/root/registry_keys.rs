//! [`RegistryKeys`]: with what the npm registry signs `name@version:integrity` and its publish attestations.
//!
//! Two shapes are read: that of the target in Sigstore's TUF repository, which says for what and from when to when a key
//! holds, and that of the registry's own `/-/npm/v1/keys`, which says only until when. Refuses keys that are not ECDSA
//! P-256, and one key named twice for one use.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use sigstore_verify::crypto::{SigningScheme, VerificationKey};
use sigstore_verify::types::{DerPublicKey, TimeRange};

use pinfold_core::json::{self, JsonError};

/// The keys of an npm registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryKeys {
    keys: Vec<RegistryKey>,
}

/// One key, for one use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryKey {
    /// The name that signatures have for it: `SHA256:` and base64, opaque.
    pub keyid: String,
    /// For what.
    pub usage: Usage,
    /// The key itself: a SubjectPublicKeyInfo in DER, ECDSA P-256.
    pub spki: Vec<u8>,
    /// When it begins to hold, in seconds since 1970; `None` if nothing says.
    pub start: Option<i64>,
    /// When it ends to hold, in seconds since 1970; `None` if it does not yet.
    pub end: Option<i64>,
}

impl RegistryKey {
    /// Whether it holds at this time, in seconds since 1970. Both ends belong to it.
    pub fn holds_at(&self, time: i64) -> bool {
        self.start.is_none_or(|start| start <= time) && self.end.is_none_or(|end| time <= end)
    }
}

/// For what a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Usage {
    /// `dist.signatures` over `name@version:integrity`.
    Signatures,
    /// Publish attestations.
    Attestations,
    /// The source does not tell.
    Any,
}

impl Usage {
    const fn covers(self, wanted: Self) -> bool {
        matches!(
            (self, wanted),
            (Self::Any, _) | (Self::Signatures, Self::Signatures) | (Self::Attestations, Self::Attestations)
        )
    }
}

impl RegistryKeys {
    /// What they are called where roots have the names of their instances.
    pub const NAME: &'static str = "registry-keys";

    /// The keys as they came with this pinfold.
    pub fn embedded() -> Result<Self, RegistryKeysError> {
        Self::parse(EMBEDDED)
    }

    /// Reads either shape.
    pub fn parse(json: &[u8]) -> Result<Self, RegistryKeysError> {
        let value = json::parse(json, MAX_KEYS_LEN).map_err(RegistryKeysError::Json)?;
        let wire: Wire = serde_json::from_value(value).map_err(RegistryKeysError::Shape)?;
        let mut keys: Vec<RegistryKey> = Vec::new();
        for entry in wire.keys {
            let key = entry.key()?;
            let clashes = |other: &RegistryKey| other.usage.covers(key.usage) || key.usage.covers(other.usage);
            if keys.iter().any(|other| other.keyid == key.keyid && clashes(other)) {
                return Err(RegistryKeysError::Twice { keyid: key.keyid });
            }
            keys.push(key);
        }
        if keys.is_empty() {
            return Err(RegistryKeysError::Empty);
        }
        Ok(Self { keys })
    }

    /// All of them, in the order of the source.
    pub fn keys(&self) -> &[RegistryKey] {
        &self.keys
    }

    /// The day on which the newest of them began to hold, as `YYYY-MM-DD`; `None` if none of them says.
    pub fn newest(&self) -> Option<String> {
        let newest = self.keys.iter().filter_map(|key| key.start).max()?;
        // RFC 3339 starts with the day.
        Some(jiff::Timestamp::from_second(newest).ok()?.to_string().chars().take(10).collect())
    }

    /// The key of this name for this use. Whether it held at the time is for the caller, who knows the time.
    pub fn find(&self, keyid: &str, usage: Usage) -> Option<&RegistryKey> {
        self.keys.iter().find(|key| key.keyid == keyid && key.usage.covers(usage))
    }
}

#[derive(Deserialize)]
struct Wire {
    keys: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Target(Target),
    Registry(Registry),
}

/// An entry of the TUF target.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Target {
    key_id: String,
    key_usage: String,
    public_key: PublicKey,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PublicKey {
    raw_bytes: String,
    key_details: String,
    valid_for: TimeRange,
}

/// An entry of the registry's own list. It may say more; the type and the scheme of the key are in the key.
#[derive(Deserialize)]
struct Registry {
    keyid: String,
    key: String,
    #[serde(default)]
    expires: Option<jiff::Timestamp>,
}

impl Entry {
    fn key(self) -> Result<RegistryKey, RegistryKeysError> {
        match self {
            Self::Target(entry) => {
                let usage = match entry.key_usage.as_str() {
                    "npm:signatures" => Usage::Signatures,
                    "npm:attestations" => Usage::Attestations,
                    _ => return Err(RegistryKeysError::Usage { keyid: entry.key_id, usage: entry.key_usage }),
                };
                if entry.public_key.key_details != KEY_DETAILS {
                    return Err(RegistryKeysError::Key { keyid: entry.key_id });
                }
                let range = entry.public_key.valid_for;
                let spki = spki(&entry.key_id, &entry.public_key.raw_bytes)?;
                let (start, end) = (Some(range.start.as_second()), range.end.map(|end| end.as_second()));
                Ok(RegistryKey { keyid: entry.key_id, usage, spki, start, end })
            }
            Self::Registry(entry) => {
                let spki = spki(&entry.keyid, &entry.key)?;
                let end = entry.expires.map(|end| end.as_second());
                Ok(RegistryKey { keyid: entry.keyid, usage: Usage::Any, spki, start: None, end })
            }
        }
    }
}

fn spki(keyid: &str, base64: &str) -> Result<Vec<u8>, RegistryKeysError> {
    let malformed = || RegistryKeysError::Key { keyid: keyid.to_owned() };
    let spki = BASE64.decode(base64).map_err(|_| malformed())?;
    let key = VerificationKey::from_spki(&DerPublicKey::from_bytes(&spki)).map_err(|_| malformed())?;
    if key.scheme() == SigningScheme::EcdsaP256Sha256 { Ok(spki) } else { Err(malformed()) }
}

/// Why something is no list of a registry's keys.
#[derive(Debug)]
#[non_exhaustive]
pub enum RegistryKeysError {
    /// It is longer than any list that there is, no JSON, or a name stands in it twice.
    Json(JsonError),
    /// It is of neither shape.
    Shape(serde_json::Error),
    /// It has no keys.
    Empty,
    /// A key is for something that pinfold does not know.
    Usage {
        /// Which key.
        keyid: String,
        /// For what.
        usage: String,
    },
    /// A key is not ECDSA P-256 in canonical base64.
    Key {
        /// Which.
        keyid: String,
    },
    /// Two keys have one name and one use.
    Twice {
        /// Which.
        keyid: String,
    },
}

impl RegistryKeysError {
    /// A stable identifier in kebab case.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Json(_) => "registry-keys-json",
            Self::Shape(_) => "registry-keys-shape",
            Self::Empty => "registry-keys-empty",
            Self::Usage { .. } => "registry-keys-usage",
            Self::Key { .. } => "registry-keys-key",
            Self::Twice { .. } => "registry-keys-twice",
        }
    }
}

impl fmt::Display for RegistryKeysError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => write!(f, "the registry's keys: {}", error.to_string().escape_debug()),
            Self::Shape(error) => {
                write!(f, "this is no list of a registry's keys: {}", error.to_string().escape_debug())
            }
            Self::Empty => f.write_str("the list of the registry's keys is empty"),
            Self::Usage { keyid, usage } => write!(
                f,
                "the registry's key `{}` is for `{}`, which pinfold does not know",
                keyid.escape_debug(),
                usage.escape_debug()
            ),
            Self::Key { keyid } => {
                write!(f, "the registry's key `{}` is no ECDSA key over P-256", keyid.escape_debug())
            }
            Self::Twice { keyid } => write!(f, "the registry's key `{}` is there twice", keyid.escape_debug()),
        }
    }
}

impl std::error::Error for RegistryKeysError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Json(error) => Some(error),
            Self::Shape(error) => Some(error),
            _ => None,
        }
    }
}

/// The target of Sigstore's TUF repository.
const EMBEDDED: &[u8] = include_bytes!("registry_keys.json");

/// What the target calls a key that is ECDSA P-256 (`sigstore_common.proto`, `PublicKeyDetails`).
const KEY_DETAILS: &str = "PKIX_ECDSA_P256_SHA_256";

/// Longest list, in bytes; the four entries of 2025 have 2 kB.
const MAX_KEYS_LEN: usize = 1 << 20;
