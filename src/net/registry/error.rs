//! [`AskError`]: why a source could not be asked, which is never "it has none".

use std::fmt;

use crate::http::{DownloadError, Failure};
use crate::source::github::AssetError;
use crate::source::npm::TarballError;
use crate::source::pypi::{FileError, ListError};
use pinfold_core::fault::{Class, Fault};
use pinfold_core::json::JsonError;
use pinfold_core::url::UrlError;

/// Who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// An npm registry.
    Npm,
    /// GitHub's API.
    Github,
    /// A Python index.
    Pypi,
}

/// Why a server of a kind that this crate does not ask has no answer, in its own words.
pub trait ServerError: std::error::Error + Send + Sync {
    /// A stable identifier of the failure.
    fn code(&self) -> &'static str;
    /// Whether the rules were broken, rather than the network.
    fn is_refusal(&self) -> bool;
    /// Whether there is no use in asking the same server another question.
    fn is_unreachable(&self) -> bool;
    /// The two digests that were compared.
    fn compared(&self) -> Option<(String, String)>;
    /// What to do about it.
    fn hint(&self) -> Option<String>;
}

/// Why there is no answer.
#[derive(Debug)]
pub enum AskError {
    /// The registry cannot have an address for it.
    Npm(TarballError),
    /// The API cannot have an address for it.
    Github(AssetError),
    /// The index cannot have an address for it.
    Pypi(FileError),
    /// A server of another kind did not hand it out.
    Other(Box<dyn ServerError>),
    /// Nothing came, or something else than 200.
    Download {
        /// From whom.
        service: Service,
        /// What went wrong; its URL has lost its query.
        error: Box<DownloadError>,
    },
    /// 403 from an index: it gives no provenance for the file.
    Disabled {
        /// What was asked for, without the query.
        url: String,
    },
    /// A web page came.
    WebPage {
        /// From whom.
        service: Service,
        /// What was asked for, without the query.
        url: String,
    },
    /// What came is not strict JSON.
    Json {
        /// What was asked for, without the query.
        url: String,
        /// Why.
        error: JsonError,
    },
    /// What came is JSON and no answer.
    Shape {
        /// What was asked for, without the query.
        url: String,
        /// In what way.
        what: &'static str,
    },
    /// The page is full, so that there may be another one.
    ManyPages {
        /// What was asked for, without the query.
        url: String,
    },
    /// A bundle is at an address that is none, or one that may not be followed.
    BundleUrl {
        /// Who named the address.
        url: String,
        /// Why.
        error: UrlError,
    },
    /// A bundle is not raw Snappy.
    Snappy {
        /// What was asked for, without the query.
        url: String,
        /// Why.
        error: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A bundle would be longer than there is room for.
    TooLong {
        /// What was asked for, without the query.
        url: String,
        /// How much room there is, in bytes.
        limit: u64,
    },
    /// The index does not say where the file is.
    List {
        /// What was asked for, without the query.
        url: String,
        /// The file.
        file: String,
        /// Why.
        error: ListError,
    },
}

impl AskError {
    /// A stable identifier of the failure.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Npm(error) => error.code(),
            Self::Github(error) => error.code(),
            Self::Pypi(error) => error.code(),
            Self::Other(error) => error.code(),
            Self::Download { error, .. } => error.code(),
            Self::Disabled { .. } => "answer-disabled",
            Self::WebPage { .. } => "answer-web-page",
            Self::Json { .. } => "answer-json",
            Self::Shape { .. } => "answer-shape",
            Self::ManyPages { .. } => "answer-pages",
            Self::BundleUrl { .. } => "answer-bundle-url",
            Self::Snappy { .. } => "answer-snappy",
            Self::TooLong { .. } => "answer-too-long",
            Self::List { error, .. } => error.code(),
        }
    }

    /// Whether it is the source itself that says that there is no such thing.
    pub fn is_absent(&self) -> bool {
        match self {
            Self::Download { error, .. } => {
                matches!(*error.failure, Failure::NotFound { status: 404 })
                    && error.hops.iter().all(|hop| hop.origin() == error.url.origin())
            }
            _ => false,
        }
    }

    /// Whether whoever answered has none, by itself or after a redirect.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Download { error, .. } if matches!(*error.failure, Failure::NotFound { .. }))
    }

    /// Whether there is no use in asking the same server another question.
    pub fn is_unreachable(&self) -> bool {
        match self {
            Self::Download { error, .. } => error.is_unreachable(),
            Self::Other(error) => error.is_unreachable(),
            _ => false,
        }
    }

    /// Whether the rules were broken, rather than the network.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Other(error) => error.is_refusal(),
            Self::Download { error, .. } => error.is_refusal(),
            Self::TooLong { .. } | Self::BundleUrl { error: UrlError::PlainHttp, .. } => true,
            _ => false,
        }
    }

    /// The two digests that were compared.
    pub fn compared(&self) -> Option<(String, String)> {
        match self {
            Self::Other(error) => error.compared(),
            _ => None,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Other(error) => return error.hint(),
            Self::Download { service, error } => return of_download(*service, error),
            Self::Pypi(FileError::IndexForm { .. }) => {
                "pip's index URLs end in `/simple/`; the rest of the API lies beside"
            }
            Self::Disabled { .. } => "ask who runs the index; it may also want credentials, which stand in its URL",
            Self::WebPage { service: Service::Pypi, .. } => {
                "the index may know web pages only (PEP 503); pinfold needs one that answers in JSON (PEP 691)"
            }
            Self::WebPage { .. } => "a login or a proxy may stand between here and there",
            Self::List { error: ListError::Absent, .. } => {
                "see whether the version and the file are spelt as the index has them"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

fn of_download(service: Service, error: &DownloadError) -> Option<String> {
    let hint = match (service, &*error.failure) {
        (Service::Github, Failure::NotAuthorized { sent: false, .. } | Failure::Status { status: 429 }) => {
            "GitHub answers few questions without a token: set `GH_TOKEN`"
        }
        (Service::Pypi, Failure::NotAuthorized { sent: false, .. }) => {
            "the credentials of an index stand in front of its host, in `PIP_INDEX_URL` or a `pip.conf`"
        }
        (_, Failure::Status { status: 429 }) => "too much was asked there; try again later",
        // What the hint of a download says of a pin's `size` is not meant for answers.
        (_, Failure::TooLong { .. }) => return None,
        _ => return error.hint(),
    };
    Some(hint.to_owned())
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Npm(error) => error.fmt(f),
            Self::Github(error) => error.fmt(f),
            Self::Pypi(error) => error.fmt(f),
            Self::Other(error) => error.fmt(f),
            Self::Download { error, .. } => error.fmt(f),
            Self::Disabled { url } => write!(f, "`{url}`: the index gives no provenance for this (it answered 403)"),
            Self::WebPage { url, .. } => write!(f, "`{url}`: a web page came in place of JSON"),
            Self::Json { url, .. } => write!(f, "`{url}`: what came is not JSON that can be read"),
            Self::Shape { url, what } => write!(f, "`{url}`: what came is no answer: {what}"),
            Self::ManyPages { url } => write!(f, "`{url}`: there is more than one page of attestations"),
            Self::BundleUrl { url, error } => write!(f, "`{url}`: the address of a bundle cannot be used: {error}"),
            Self::Snappy { url, .. } => write!(f, "`{url}`: the bundle is not Snappy"),
            Self::TooLong { url, limit } => write!(f, "`{url}`: the bundle has more than {limit} bytes"),
            Self::List { url, file, error } => write!(f, "`{url}`: {error} (`{}`)", file.escape_debug()),
        }
    }
}

impl From<AskError> for Fault {
    fn from(error: AskError) -> Self {
        let fault = Self::new(Class::refused_if(error.is_refusal()), error.code(), error.to_string());
        fault.comparing(error.compared()).hinting(error.hint()).because(error)
    }
}

impl std::error::Error for AskError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            // Their words are this error's own.
            Self::Npm(error) => error.source(),
            Self::Github(error) => error.source(),
            Self::Pypi(error) => error.source(),
            Self::Other(error) => error.source(),
            Self::Download { error, .. } => error.source(),
            Self::Json { error, .. } => Some(error),
            Self::Snappy { error, .. } => Some(error.as_ref()),
            Self::List { error, .. } => error.source(),
            _ => None,
        }
    }
}
