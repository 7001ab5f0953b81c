//! [`SigningConfig`]: where an instance of Sigstore wants to be asked for what, as its operators publish it
//! (protobuf-specs, `sigstore_trustroot.proto`, `SigningConfig`, version 0.2).
//!
//! Nobody is asked whom the configuration does not name, nothing is guessed where it cannot be met, and all of that is
//! decided before anything is sent.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use sigstore_verify::trust_root::{
    SIGNING_CONFIG_MEDIA_TYPE, SIGSTORE_PRODUCTION_SIGNING_CONFIG, SIGSTORE_STAGING_SIGNING_CONFIG,
    ServiceConfiguration, ServiceEndpoint, ServiceSelector, SigningConfig as Listed,
};

use super::error::Service;
use pinfold_core::json::{self, JsonError};
use pinfold_core::text::Location;
use pinfold_core::url::{Url, UrlError};
use pinfold_evidence::root::Instance;

/// The services of an instance, as listed.
#[derive(Debug, Clone)]
pub struct SigningConfig(Listed);

/// The services that one signature takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Services {
    /// Who certifies.
    pub authority: Url,
    /// Who logs, at least one.
    pub logs: Vec<Log>,
    /// Who vouches for the time; empty where the log does.
    pub timestampers: Vec<Url>,
}

/// A log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// The base of its API.
    pub url: Url,
    /// What it speaks.
    pub api: LogApi,
}

/// The major versions of Rekor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogApi {
    /// The first, whose entries have a time.
    V1,
    /// Tiles: entries have no time, so that it takes a timestamp authority.
    V2,
}

impl SigningConfig {
    /// The configuration that came with pinfold; `None` for instances that publish none.
    pub fn embedded(instance: Instance) -> Option<Result<Self, ServicesError>> {
        let json = match instance {
            Instance::PublicGood => SIGSTORE_PRODUCTION_SIGNING_CONFIG,
            Instance::Staging => SIGSTORE_STAGING_SIGNING_CONFIG,
            Instance::GitHub | Instance::Other => return None,
        };
        Some(Self::parse(json.as_bytes()))
    }

    /// Reads a `signing_config.json`.
    pub fn parse(bytes: &[u8]) -> Result<Self, ServicesError> {
        let value = json::parse(bytes, MAX_SIGNING_CONFIG_LEN).map_err(ServicesError::Json)?;
        let listed: Listed = serde_json::from_value(value).map_err(ServicesError::Shape)?;
        if listed.media_type != SIGNING_CONFIG_MEDIA_TYPE {
            return Err(ServicesError::MediaType(listed.media_type));
        }
        Ok(Self(listed))
    }

    /// The services to ask at this time, in seconds since 1970.
    pub fn choose(&self, now: i64) -> Result<Services, ServicesError> {
        let one = ServiceConfiguration::default();
        let authority = select(Service::Authority, &self.0.ca_urls, &one, &[1], now)?;
        let authority = authority.first().ok_or(ServicesError::None { service: Service::Authority })?;
        let logs = select(Service::Log, &self.0.rekor_tlog_urls, &self.0.rekor_tlog_config, &[1, 2], now)?;
        let logs: Vec<Log> = logs
            .into_iter()
            .map(|one| {
                let api = if one.major_api_version == 2 { LogApi::V2 } else { LogApi::V1 };
                Ok(Log { url: url(Service::Log, one)?, api })
            })
            .collect::<Result<_, ServicesError>>()?;
        let timestampers = match self.0.tsa_urls.as_slice() {
            [] => Vec::new(),
            listed => select(Service::Timestamper, listed, &self.0.tsa_config, &[1], now)?,
        };
        let timestampers: Vec<Url> =
            timestampers.into_iter().map(|one| url(Service::Timestamper, one)).collect::<Result<_, _>>()?;
        if timestampers.is_empty() && logs.iter().all(|log| log.api == LogApi::V2) {
            return Err(ServicesError::NoTime);
        }
        Ok(Services { authority: url(Service::Authority, authority)?, logs, timestampers })
    }
}

/// The protocol's rules: those of the highest version that is spoken here and of this time, one an operator, the newest
/// first, and as many as the configuration says.
fn select<'a>(
    service: Service,
    listed: &'a [ServiceEndpoint],
    wanted: &ServiceConfiguration,
    versions: &[u32],
    now: i64,
) -> Result<Vec<&'a ServiceEndpoint>, ServicesError> {
    if listed.is_empty() {
        return Err(ServicesError::None { service });
    }
    let time = Timestamp::from_second(now).map_err(|_| ServicesError::Expired { service })?;
    let mut usable: Vec<&ServiceEndpoint> = listed.iter().filter(|one| one.valid_for.contains(time)).collect();
    if usable.is_empty() {
        return Err(ServicesError::Expired { service });
    }
    usable.retain(|one| versions.contains(&one.major_api_version));
    let Some(highest) = usable.iter().map(|one| one.major_api_version).max() else {
        let versions: BTreeSet<u32> = listed.iter().map(|one| one.major_api_version).collect();
        return Err(ServicesError::Version { service, listed: versions });
    };
    usable.retain(|one| one.major_api_version == highest);
    usable.sort_by_key(|one| std::cmp::Reverse(one.valid_for.start));
    let mut operators = BTreeSet::new();
    // Who names no operator is nobody's second service.
    usable.retain(|one| operators.insert(one.operator.as_deref().filter(|name| !name.is_empty()).unwrap_or(&one.url)));
    let count = match wanted.selector {
        ServiceSelector::All => usable.len(),
        ServiceSelector::Any => 1,
        ServiceSelector::Exact => {
            let count = wanted.count.filter(|count| *count > 0).ok_or(ServicesError::Selector { service })?;
            usize::try_from(count).unwrap_or(usize::MAX)
        }
        _ => return Err(ServicesError::Selector { service }),
    };
    if usable.len() < count {
        return Err(ServicesError::TooFew { service, wanted: count, there: usable.len() });
    }
    usable.truncate(count);
    Ok(usable)
}

fn url(service: Service, endpoint: &ServiceEndpoint) -> Result<Url, ServicesError> {
    let text = &endpoint.url;
    text.parse().map_err(|source| ServicesError::Url { service, text: text.clone(), source })
}

/// Longest signing configuration, in bytes; the public ones have 1 kB.
pub const MAX_SIGNING_CONFIG_LEN: usize = 1 << 20;

/// Why nobody can be asked.
#[derive(Debug)]
pub enum ServicesError {
    /// Not strict JSON.
    Json(JsonError),
    /// Not a signing configuration.
    Shape(serde_json::Error),
    /// One of another version.
    MediaType(String),
    /// No configuration came with pinfold for that instance.
    NoConfig {
        /// Its name.
        instance: &'static str,
    },
    /// It lists nobody.
    None {
        /// For what.
        service: Service,
    },
    /// All it lists are of the past, or of the future.
    Expired {
        /// For what.
        service: Service,
    },
    /// All it lists speak another version.
    Version {
        /// What for.
        service: Service,
        /// The versions that are listed.
        listed: BTreeSet<u32>,
    },
    /// Fewer than it wants to have asked.
    TooFew {
        /// For what.
        service: Service,
        /// How many are wanted.
        wanted: usize,
        /// How many may be asked.
        there: usize,
    },
    /// It does not say how many to ask.
    Selector {
        /// For what.
        service: Service,
    },
    /// An address is none.
    Url {
        /// For what.
        service: Service,
        /// As it stands there.
        text: String,
        /// Why.
        source: UrlError,
    },
    /// The log's entries have no time, and nobody else is listed who has.
    NoTime,
}

impl ServicesError {
    /// A stable id.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Json(_) | Self::Shape(_) | Self::MediaType(_) => "signing-config-malformed",
            Self::NoConfig { .. } | Self::None { .. } => "signing-config-no-service",
            Self::Expired { .. } => "signing-config-expired",
            Self::Version { .. } => "signing-config-version",
            Self::TooFew { .. } => "signing-config-too-few",
            Self::Selector { .. } => "signing-config-selector",
            Self::Url { .. } => "signing-config-url",
            Self::NoTime => "signing-config-no-time",
        }
    }

    /// What to do.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Version { .. } => "a newer pinfold may speak it",
            Self::Expired { .. } => "a newer configuration may list others: name it with `--signing-config`",
            _ => "name a `signing_config.json` (version 0.2) of the instance with `--signing-config`",
        }
    }
}

impl fmt::Display for ServicesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => write!(f, "the signing configuration: {}", error.to_string().escape_debug()),
            Self::Shape(error) => {
                write!(f, "this is no signing configuration: {}", error.to_string().escape_debug())
            }
            Self::MediaType(name) => {
                write!(f, "`{}` is not the media type of a signing configuration", name.escape_debug())
            }
            Self::NoConfig { instance } => write!(f, "no signing configuration came with pinfold for `{instance}`"),
            Self::None { service } => write!(f, "the signing configuration lists no {service}"),
            Self::Expired { service } => write!(f, "the signing configuration lists no {service} of today"),
            Self::Version { service, listed } => {
                let listed: Vec<String> = listed.iter().map(u32::to_string).collect();
                write!(f, "every {service} of the signing configuration speaks version {} alone", listed.join(" or "))
            }
            Self::TooFew { service, wanted, there } => {
                write!(f, "the signing configuration wants {wanted} of the kind {service}, and lists {there} for today")
            }
            Self::Selector { service } => {
                write!(f, "the signing configuration does not say how many {service} services to ask")
            }
            Self::Url { service, text, source } => {
                write!(f, "the {service} `{}` of the signing configuration: {source}", Location(text))
            }
            Self::NoTime => f.write_str(
                "the signing configuration lists a log whose entries have no time, and no timestamp authority",
            ),
        }
    }
}

impl std::error::Error for ServicesError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Json(error) => Some(error),
            Self::Shape(error) => Some(error),
            Self::Url { source, .. } => Some(source),
            _ => None,
        }
    }
}
