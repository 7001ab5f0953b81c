//! [`TrustRoot`]: whom to believe that evidence is what it says: the certificate authorities, logs and timestamp
//! authorities of one Sigstore instance. [`RegistryKeys`]: with what the npm registry signs.
//!
//! Which instance a root is of decides what its evidence must have: certificates of GitHub's own instance come without a
//! log entry, all others are refused without one. So a root counts as GitHub's only if every authority in it ends in the
//! certificate that pinfold knows as GitHub's, whatever the file says of itself.
//!
//! Refuses what is not a trusted root, certificates that cannot be read, and two logs of one name.

mod authority;
mod registry_keys;

use std::fmt;

use serde_json::Value;
use sigstore_verify::trust_root::{SigstoreInstance, TimestampAuthority, TrustedRoot};
use sigstore_verify::types::TimeRange;

use authority::{Authority, Identifiers};
use pinfold_core::digest::Sha256;
use pinfold_core::json::{self, JsonError};

pub use registry_keys::{RegistryKey, RegistryKeys, RegistryKeysError, Usage};

/// Everything that evidence is proved against.
#[derive(Debug, Clone)]
pub struct TrustRoots {
    /// The roots, at most one an instance unless a file of the user's has several.
    pub roots: Vec<TrustRoot>,
    /// The keys of the npm registry.
    pub registry_keys: RegistryKeys,
}

impl TrustRoots {
    /// What came with this pinfold: the public-good and GitHub roots, and the registry's keys. Not the staging root:
    /// anybody gets a certificate there, and only who names it means it.
    pub fn embedded() -> Result<Self, RootError> {
        let roots = vec![TrustRoot::embedded(Instance::PublicGood)?, TrustRoot::embedded(Instance::GitHub)?];
        Ok(Self { roots, registry_keys: RegistryKeys::embedded().map_err(RootError::RegistryKeys)? })
    }
}

/// Whose root it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Instance {
    /// Sigstore's public instance, which public repositories use.
    PublicGood,
    /// GitHub's own, for private repositories and for releases: timestamps, but no logs.
    GitHub,
    /// Where Sigstore tries things out.
    Staging,
    /// Any other: a file that the user named.
    Other,
}

impl Instance {
    /// The instances whose roots came with this pinfold.
    pub const KNOWN: [Self; 3] = [Self::PublicGood, Self::GitHub, Self::Staging];

    /// `public-good`, `github`, `staging` or `other`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PublicGood => "public-good",
            Self::GitHub => "github",
            Self::Staging => "staging",
            Self::Other => "other",
        }
    }

    /// The known instance of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::KNOWN.into_iter().find(|known| known.name() == name)
    }

    /// SHA-256 of the certificates in which its authorities end. They are what makes a root this instance's: the
    /// intermediates below them change every few months.
    const fn anchors(self) -> &'static [&'static str] {
        match self {
            Self::PublicGood => &PUBLIC_GOOD_ANCHORS,
            Self::GitHub => &GITHUB_ANCHORS,
            Self::Staging => &STAGING_ANCHORS,
            Self::Other => &[],
        }
    }
}

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One Sigstore instance's trusted root, parsed.
#[derive(Debug, Clone)]
pub struct TrustRoot {
    instance: Instance,
    origin: String,
    authorities: Vec<Authority>,
    digest: Sha256,
    root: TrustedRoot,
}

impl TrustRoot {
    /// The root of a known instance as it came with this pinfold; [`RootError::NotEmbedded`] for
    /// [`Instance::Other`].
    pub fn embedded(instance: Instance) -> Result<Self, RootError> {
        let json = match instance {
            Instance::PublicGood => SigstoreInstance::PublicGood.embedded_trusted_root_json(),
            Instance::GitHub => SigstoreInstance::GitHub.embedded_trusted_root_json(),
            Instance::Staging => SigstoreInstance::Staging.embedded_trusted_root_json(),
            Instance::Other => return Err(RootError::NotEmbedded),
        };
        Self::one(json.as_bytes(), EMBEDDED.to_owned())
    }

    /// Reads a `trusted_root.json`, or several as JSON lines, which is what `gh attestation trusted-root` prints.
    /// `origin` is for messages: `embedded`, `refreshed`, or the path of a file.
    pub fn parse(json: &[u8], origin: String) -> Result<Vec<Self>, RootError> {
        if u64::try_from(json.len()).unwrap_or(u64::MAX) > MAX_ROOT_LEN {
            return Err(RootError::TooLong);
        }
        let lines: Vec<&[u8]> =
            json.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).collect();
        // A document over several lines has a first line that is none; JSON lines are documents each.
        match lines.as_slice() {
            [first, _, ..] if strict(first).is_ok() => {
                lines.iter().map(|line| Self::one(line, origin.clone())).collect()
            }
            _ => Ok(vec![Self::one(json, origin)?]),
        }
    }

    fn one(json: &[u8], origin: String) -> Result<Self, RootError> {
        let root: TrustedRoot = serde_json::from_value(strict(json)?).map_err(RootError::Shape)?;
        if !MEDIA_TYPES.contains(&root.media_type.as_str()) {
            return Err(RootError::MediaType(root.media_type));
        }
        if root.certificate_authorities.is_empty() && root.tlogs.is_empty() && root.timestamp_authorities.is_empty() {
            return Err(RootError::Empty);
        }
        root.rekor_keys().map_err(|error| RootError::Logs(error.to_string()))?;
        let mut authorities = Vec::new();
        for (number, one) in (1_usize..).zip(&root.certificate_authorities) {
            let chain = one.cert_chain.certificates.iter().map(|entry| entry.raw_bytes.as_bytes());
            authorities.push(Authority::read(chain).map_err(|reason| RootError::Certificate { number, reason })?);
        }
        for (number, one) in (1_usize..).zip(&root.timestamp_authorities) {
            let chain = one.cert_chain.certificates.iter().map(|entry| entry.raw_bytes.as_bytes());
            Authority::read(chain).map_err(|reason| RootError::Timestamper { number, reason })?;
        }
        // What was understood, written the one way there is to write it: what was not, decides nothing.
        let digest = Sha256::of(&serde_json::to_vec(&root).map_err(RootError::Shape)?);
        Ok(Self { instance: instance_of(&root, &authorities), origin, authorities, digest, root })
    }

    /// Whose root it is.
    pub const fn instance(&self) -> Instance {
        self.instance
    }

    /// Where it comes from, for messages: `embedded`, `refreshed`, or the path of a file.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The day on which the newest part of it began to hold, as `YYYY-MM-DD`: how old the root is at least. `None` if
    /// nothing in it says.
    pub fn date(&self) -> Option<String> {
        let parts = [self.authorities_hold(), self.logs_hold(), self.timestampers_hold()];
        parts.iter().flatten().map(|held| held.start.clone()).max()
    }

    /// Whether it has the authority that issued this certificate (DER): one whose subject is the certificate's issuer,
    /// and if the certificate names its issuer's key (RFC 5280, section 4.2.1.1), with that key. Names alone do not
    /// tell the instances of Sigstore apart. `false` for what is no certificate.
    pub fn knows_issuer(&self, certificate_der: &[u8]) -> bool {
        let Ok(leaf) = Identifiers::read(certificate_der) else { return false };
        self.authorities.iter().any(|authority| authority.may_have_issued(&leaf))
    }

    /// Digest of all that was understood of it: equal for two roots that trust the same, however they are written.
    pub const fn digest(&self) -> Sha256 {
        self.digest
    }

    /// When each certificate authority holds.
    pub fn authorities_hold(&self) -> Vec<Held> {
        self.root.certificate_authorities.iter().map(|one| held(&one.uri, one.valid_for)).collect()
    }

    /// When each transparency log and certificate log holds.
    pub fn logs_hold(&self) -> Vec<Held> {
        let logs = self.root.tlogs.iter().map(|log| held(&log.base_url, log.public_key.valid_for));
        logs.chain(self.root.ctlogs.iter().map(|log| held(&log.base_url, log.public_key.valid_for))).collect()
    }

    /// When each timestamp authority holds.
    pub fn timestampers_hold(&self) -> Vec<Held> {
        let name = |one: &TimestampAuthority| one.uri.clone().unwrap_or_default();
        self.root.timestamp_authorities.iter().map(|one| held(&name(one), one.valid_for)).collect()
    }

    /// How old it is, in words: for who has to find out that a root is too old for the evidence.
    pub fn age(&self) -> String {
        let date = self.date().unwrap_or_else(|| "an unknown day".to_owned());
        format!("the {} root in use ({}) is from {date}", self.instance, self.origin.escape_debug())
    }

    /// Itself, for who verifies.
    pub const fn sigstore(&self) -> &TrustedRoot {
        &self.root
    }
}

/// The issuer of a certificate (DER), as RFC 4514 writes names: for messages.
pub fn issuer_of(certificate_der: &[u8]) -> Option<String> {
    authority::issuer_of(certificate_der)
}

/// From when to when something in a root holds, as `YYYY-MM-DD`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The address that the root names it by; nobody asks there.
    pub name: String,
    /// The first day; empty where the root does not say.
    pub start: String,
    /// The last day, `None` where there is no end yet.
    pub end: Option<String>,
}

fn held(name: &str, range: Option<TimeRange>) -> Held {
    // RFC 3339 starts with the day.
    let day = |time: String| time.chars().take(10).collect::<String>();
    Held {
        name: name.to_owned(),
        start: range.map(|range| day(range.start.to_string())).unwrap_or_default(),
        end: range.and_then(|range| range.end).map(|end| day(end.to_string())),
    }
}

/// The instance, by the certificates in which the authorities end.
fn instance_of(root: &TrustedRoot, authorities: &[Authority]) -> Instance {
    let ends_in = |instance: Instance| {
        move |authority: &Authority| instance.anchors().contains(&authority.anchor().hex().as_str())
    };
    let of_github = !authorities.is_empty()
        && authorities.iter().all(ends_in(Instance::GitHub))
        && authorities.iter().all(|authority| authority.all_of(GITHUB_ORGANIZATION))
        && root.tlogs.is_empty()
        && root.ctlogs.is_empty()
        && !root.timestamp_authorities.is_empty();
    let public = authorities.iter().any(ends_in(Instance::PublicGood));
    let staging = authorities.iter().any(ends_in(Instance::Staging));
    match (of_github, public, staging) {
        (true, false, false) => Instance::GitHub,
        (false, true, false) => Instance::PublicGood,
        (false, false, true) => Instance::Staging,
        _ => Instance::Other,
    }
}

/// A JSON document without duplicate keys and with nothing behind it.
fn strict(json: &[u8]) -> Result<Value, RootError> {
    json::parse(json, usize::try_from(MAX_ROOT_LEN).unwrap_or(usize::MAX)).map_err(RootError::Json)
}

/// Why something is no trusted root.
#[derive(Debug)]
#[non_exhaustive]
pub enum RootError {
    /// No root came with this pinfold for that instance.
    NotEmbedded,
    /// It is longer than [`MAX_ROOT_LEN`].
    TooLong,
    /// It is no JSON, or a name stands in it twice.
    Json(JsonError),
    /// It is not a trusted root of Sigstore's protocol (`sigstore_trustroot.proto`).
    Shape(serde_json::Error),
    /// Its media type is another one.
    MediaType(String),
    /// There is nothing in it to trust.
    Empty,
    /// The names or keys of its logs are malformed, or one is there twice.
    Logs(String),
    /// The chain of a certificate authority cannot be read.
    Certificate {
        /// Which, from 1.
        number: usize,
        /// Why.
        reason: String,
    },
    /// The chain of a timestamp authority cannot be read.
    Timestamper {
        /// Which, from 1.
        number: usize,
        /// Why.
        reason: String,
    },
    /// The keys of the registry are malformed.
    RegistryKeys(RegistryKeysError),
}

impl RootError {
    /// A stable identifier in kebab case.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotEmbedded => "root-not-embedded",
            Self::TooLong => "root-too-long",
            Self::Json(_) => "root-json",
            Self::Shape(_) => "root-shape",
            Self::MediaType(_) => "root-media-type",
            Self::Empty => "root-empty",
            Self::Logs(_) => "root-logs",
            Self::Certificate { .. } => "root-certificate",
            Self::Timestamper { .. } => "root-timestamp-authority",
            Self::RegistryKeys(error) => error.code(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotEmbedded => Some("name `public-good`, `github`, `staging` or a file".to_owned()),
            Self::Json(_) | Self::Shape(_) | Self::MediaType(_) => Some(WANTED.to_owned()),
            _ => None,
        }
    }
}

impl fmt::Display for RootError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotEmbedded => f.write_str("no root of that instance came with pinfold"),
            Self::TooLong => write!(f, "a trusted root has at most {MAX_ROOT_LEN} bytes, this one has more"),
            Self::Json(error) => write!(f, "the trusted root: {}", error.to_string().escape_debug()),
            Self::Shape(error) => write!(f, "this is no trusted root: {}", error.to_string().escape_debug()),
            Self::MediaType(name) => write!(f, "`{}` is not the media type of a trusted root", name.escape_debug()),
            Self::Empty => f.write_str("the trusted root has nothing in it to trust"),
            Self::Logs(reason) => write!(f, "the logs of the trusted root: {}", reason.escape_debug()),
            Self::Certificate { number, reason } => {
                write!(f, "certificate authority {number} of the trusted root: {}", reason.escape_debug())
            }
            Self::Timestamper { number, reason } => {
                write!(f, "timestamp authority {number} of the trusted root: {}", reason.escape_debug())
            }
            Self::RegistryKeys(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RootError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Json(error) => Some(error),
            Self::Shape(error) => Some(error),
            Self::RegistryKeys(error) => Some(error),
            _ => None,
        }
    }
}

/// Longest trusted root, in bytes. GitHub's, the longest, has 32 kB and grows by 10 kB a year.
pub const MAX_ROOT_LEN: u64 = 4 << 20;

/// What to give in place of what is none.
const WANTED: &str = "a trusted root is the `trusted_root.json` of a Sigstore instance, or what \
                      `gh attestation trusted-root` prints";

/// The origin of a root that came with this pinfold.
const EMBEDDED: &str = "embedded";

/// The media types that the protocol has had (`sigstore_trustroot.proto`, `TrustedRoot.media_type`).
const MEDIA_TYPES: [&str; 3] = [
    "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    "application/vnd.dev.sigstore.trustedroot+json;version=0.2",
    "application/vnd.dev.sigstore.trustedroot.v0.2+json",
];

/// Who is the subject of every certificate of GitHub's instance.
const GITHUB_ORGANIZATION: &str = "GitHub, Inc.";

/// `Internal Services Root`.
const GITHUB_ANCHORS: [&str; 1] = ["dc64d3af9fd46dd840486935c903986d06edd35788769696d2f145d38b7f7887"];

/// Fulcio's root of 2021, which signed leaves itself, and that of 2022.
const PUBLIC_GOOD_ANCHORS: [&str; 2] = [
    "03a38ffb1f450100c2596d1d10b900ac4d504058006dda58199576bbeb9c73d0",
    "3ba7b6cc4e95469d4d334b49cb257ad8537076fa84b0ca87ff4ecfe6a54680c1",
];

/// Fulcio's staging roots of 2022 and 2026.
const STAGING_ANCHORS: [&str; 2] = [
    "bca21d3cc62c9d6a52be9989e6a705f99e91a39d9114890990789ef75d382b39",
    "d1d5b2d3b62517917e190ee3aab2987871ae4297b7502e71798121e8106b4486",
];

#[cfg(test)]
mod tests;
