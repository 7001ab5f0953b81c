//! [`OciError`]: why a registry did not hand out what was asked for.

use std::fmt;
use std::io;
use std::time::Duration;

use super::attachment_error::AttachmentError;
use crate::chain::ChainError;
use pinfold_core::fault::{Class, Fault};
use pinfold_core::fs::FsError;
use pinfold_core::url::UrlError;
use pinfold_net::docker_config::HelperError;
use pinfold_net::http::{CallError, CallFailure, DownloadError, Failure, HttpError, with_causes};
use pinfold_net::registry::{AskError, ServerError};

/// What went wrong with a registry.
#[derive(Debug)]
pub enum OciError {
    /// A part of the reference does not fit into a URL.
    Address(UrlError),
    /// Nothing came, or something else than 200.
    Download(Box<DownloadError>),
    /// What came could not be put away.
    Sink(io::Error),
    /// What the registry wants to see cannot be read.
    Challenge {
        /// The registry.
        registry: String,
    },
    /// It wants to see something that pinfold does not have.
    Scheme {
        /// The registry.
        registry: String,
        /// The schemes that it would take.
        schemes: Vec<String>,
    },
    /// It sends for tokens to where none is asked for.
    Realm {
        /// The registry.
        registry: String,
        /// Where to, without the query.
        realm: String,
        /// Why not.
        reason: String,
    },
    /// What came for a token is none.
    Token {
        /// From where.
        realm: String,
    },
    /// The login is not good enough, or there is none.
    Unauthorized {
        /// The repository.
        place: String,
        /// Whether a login was shown.
        has_login: bool,
        /// Whether a program keeps the login, and nobody ran it.
        elsewhere: bool,
        /// Why no logins could be read, where that is so.
        unread: Option<String>,
        /// Who hands out the tokens, where that is another server.
        realm: Option<String>,
        /// Another server of the same domain that there may be a login for.
        kin: Option<String>,
    },
    /// The program that keeps the login did not say it.
    Helper(HelperError),
    /// What came is not what the digest says, or is no manifest, or nothing in it is what is meant.
    Chain {
        /// The artifact.
        place: String,
        /// Why.
        error: ChainError,
    },
    /// The server tells another digest than its bytes have.
    HeaderDigest {
        /// What was asked for.
        url: String,
        /// What the server tells.
        told: String,
        /// What the bytes have; empty where what is told is no digest.
        received: String,
    },
    /// More than there is room for.
    TooLong {
        /// What.
        digest: String,
        /// How much room there is, in bytes.
        limit: u64,
    },
    /// The next page cannot be turned to.
    NextPage {
        /// Which list.
        url: String,
        /// Why not.
        reason: String,
    },
    /// More is attached than is listed.
    ManyReferrers {
        /// Which list.
        url: String,
        /// How many are read.
        limit: usize,
    },
    /// Something is attached to what is attached, and so on.
    TooDeep {
        /// What is at the end of that.
        digest: String,
        /// How far is gone.
        limit: usize,
    },
    /// There is no such thing in a folder.
    Absent {
        /// What was looked for, and where.
        place: String,
    },
    /// Several artifacts in a folder have one tag.
    Ambiguous {
        /// The tag, and where.
        place: String,
    },
    /// More is attached than is copied.
    AttachedLen {
        /// What is attached and would be too much.
        digest: String,
        /// How much is copied, in bytes.
        limit: u64,
    },
    /// The folder cannot be read.
    Disk(FsError),
    /// There is no answer to what was sent.
    Unanswered(Box<CallError>),
    /// The registry does not take what it was sent.
    Refused {
        /// Where it was sent.
        url: String,
        /// The status.
        status: u16,
        /// What it says, empty for nothing that can be read.
        words: String,
        /// How long it asks to wait.
        pause: Option<Duration>,
    },
    /// Where the registry wants an upload to go, nothing is sent to.
    UploadLocation {
        /// Who named it.
        url: String,
        /// Why not.
        reason: String,
    },
    /// The registry said that it has something, and has it not.
    NotStored {
        /// What.
        place: String,
    },
    /// What is attached comes back otherwise than it was put there.
    NotWhole {
        /// What it is attached to.
        place: String,
        /// What is wrong with what comes.
        error: Box<Self>,
    },
    /// Something else stands under a tag than was put there.
    Moved {
        /// The tag.
        place: String,
        /// What was put there.
        expected: String,
        /// What stands there.
        received: String,
    },
    /// Signatures that do not come along stand under a tag that would be written.
    Taken {
        /// The tag.
        place: String,
    },
    /// What is attached cannot be read as what it says it is.
    Attached {
        /// Its digest.
        digest: String,
        /// In what way.
        fault: AttachmentError,
    },
}

impl OciError {
    /// A download that failed; its URL loses its query, which may be a signature that grants access.
    pub(super) fn of(mut error: DownloadError) -> Self {
        error.url = super::bare(&error.url).parse().unwrap_or(error.url);
        Self::Download(Box::new(error))
    }

    /// A stable identifier of the failure.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Address(_) => "oci-address",
            Self::Download(error) => error.code(),
            Self::Sink(_) => "download-write",
            Self::Challenge { .. } => "oci-challenge",
            Self::Scheme { .. } => "oci-auth-scheme",
            Self::Realm { .. } => "oci-realm",
            Self::Token { .. } => "oci-token",
            Self::Unauthorized { .. } => "oci-unauthorized",
            Self::Helper(_) => "oci-credential-helper",
            Self::Chain { error, .. } => error.code(),
            Self::HeaderDigest { .. } => "oci-header-digest",
            Self::TooLong { .. } => "oci-too-long",
            Self::NextPage { .. } => "oci-next-page",
            Self::ManyReferrers { .. } => "oci-many-referrers",
            Self::TooDeep { .. } => "oci-too-deep",
            Self::Unanswered(error) => error.code(),
            Self::Absent { .. } => "oci-layout-absent",
            Self::Ambiguous { .. } => "oci-layout-ambiguous",
            Self::AttachedLen { .. } => "oci-attached-length",
            Self::Disk(_) => "disk",
            Self::Refused { .. } => "oci-refused",
            Self::UploadLocation { .. } => "oci-upload-location",
            Self::NotStored { .. } => "oci-not-stored",
            Self::NotWhole { error, .. } => error.code(),
            Self::Moved { .. } => "oci-tag-moved",
            Self::Taken { .. } => "oci-tag-taken",
            Self::Attached { fault, .. } => fault.code(),
        }
    }

    /// Whether it is the registry itself that says that there is no such thing.
    pub fn is_absent(&self) -> bool {
        match self {
            Self::Download(error) => matches!(*error.failure, Failure::NotFound { status: 404 }) && is_own_word(error),
            Self::Absent { .. } => true,
            _ => false,
        }
    }

    /// Whether the same may well go through the next time.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Unanswered(error) => {
                matches!(error.failure, CallFailure::Http(HttpError::Connect(_) | HttpError::Closed(_)))
            }
            // An upload that is not known any more: it waited too long, for a new token or for its turn.
            Self::Refused { status: 404, words, .. } => words.starts_with("BLOB_UPLOAD_UNKNOWN"),
            Self::Refused { status, .. } => matches!(status, 408 | 429 | 500 | 502 | 503 | 504),
            _ => false,
        }
    }

    /// How long the server asks to wait until the next time.
    pub(super) const fn pause(&self) -> Option<Duration> {
        match self {
            Self::Refused { pause, .. } => *pause,
            _ => None,
        }
    }

    /// Whether the registry itself says that it does not know such a question.
    pub(super) fn is_unsupported(&self) -> bool {
        let of = |error: &DownloadError| match *error.failure {
            Failure::NotFound { .. } => true,
            Failure::Status { status } => matches!(status, 400 | 405 | 501),
            _ => false,
        };
        matches!(self, Self::Download(error) if of(error) && is_own_word(error))
    }

    /// Whether the rules or a digest were broken, rather than the network.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Download(error) => error.is_refusal(),
            Self::Address(_)
            | Self::Sink(_)
            | Self::Token { .. }
            | Self::Unauthorized { .. }
            | Self::Helper(_)
            | Self::Scheme { .. }
            | Self::Absent { .. }
            | Self::Disk(_)
            | Self::Unanswered(_)
            | Self::Refused { .. } => false,
            _ => true,
        }
    }

    /// The two digests that were compared.
    pub fn compared(&self) -> Option<(String, String)> {
        match self {
            Self::Chain { error, .. } => error.compared(),
            Self::NotWhole { error, .. } => error.compared(),
            Self::HeaderDigest { told, received, .. } if !received.is_empty() => Some((told.clone(), received.clone())),
            Self::Moved { expected, received, .. } => Some((expected.clone(), received.clone())),
            _ => None,
        }
    }
}

/// Whether nobody else answered in place of the server that was asked.
fn is_own_word(error: &DownloadError) -> bool {
    error.hops.iter().all(|hop| hop.origin() == error.url.origin())
}

impl fmt::Display for OciError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(error) => write!(f, "the reference has no address: {error}"),
            Self::Download(error) => error.fmt(f),
            Self::Sink(_) => f.write_str("what came could not be written"),
            Self::Challenge { registry } => {
                write!(f, "what `{registry}` wants to see cannot be read (`WWW-Authenticate`)")
            }
            Self::Scheme { registry, schemes } => {
                let schemes = schemes.join(", ");
                write!(f, "`{registry}` wants a login by {}, which pinfold does not know", schemes.escape_debug())
            }
            Self::Realm { registry, realm, reason } => {
                write!(
                    f,
                    "`{registry}` sends for a token to `{}`, where none is asked for: {reason}",
                    realm.escape_debug()
                )
            }
            Self::Token { realm } => write!(f, "`{realm}`: what came is no token"),
            Self::Unauthorized { place, has_login: true, .. } => write!(f, "`{place}`: the login is not good enough"),
            Self::Unauthorized { place, has_login: false, .. } => {
                write!(
                    f,
                    "`{place}`: there is no such repository, or it is not for everybody, and there is no login for it"
                )
            }
            Self::Helper(error) => error.fmt(f),
            Self::Chain { place, error } => write!(f, "`{place}`: {error}"),
            Self::HeaderDigest { url, told, received } if received.is_empty() => {
                write!(f, "`{url}`: the server tells `{}` for a digest", told.escape_debug())
            }
            Self::HeaderDigest { url, .. } => write!(f, "`{url}`: the server tells another digest than its bytes have"),
            Self::TooLong { digest, limit } => write!(f, "`{digest}` has more than {limit} bytes"),
            Self::NextPage { url, reason } => write!(f, "`{url}`: the next page cannot be turned to: {reason}"),
            Self::ManyReferrers { url, limit } => write!(f, "`{url}`: there is more attached than {limit}"),
            Self::TooDeep { digest, limit } => {
                write!(f, "`{digest}` is attached to something that is attached, more than {limit} times over")
            }
            Self::Absent { place } => write!(f, "`{place}`: there is no such artifact in the folder"),
            Self::Ambiguous { place } => write!(f, "`{place}`: several artifacts in the folder have this tag"),
            Self::AttachedLen { digest, limit } => {
                write!(f, "`{digest}` is attached, and all that is attached has more than {limit} bytes")
            }
            Self::Disk(error) => error.fmt(f),
            Self::Unanswered(error) => error.fmt(f),
            Self::Refused { url, status, words, .. } if words.is_empty() => {
                write!(f, "`{url}`: the registry answered {status} to what it was sent")
            }
            Self::Refused { url, status, words, .. } => {
                write!(f, "`{url}`: the registry answered {status} to what it was sent: {}", words.escape_debug())
            }
            Self::UploadLocation { url, reason } => {
                write!(f, "`{url}`: nothing is sent to where the registry wants it (`Location`): {reason}")
            }
            Self::NotStored { place } => write!(f, "`{place}`: the registry said that it has it, and has it not"),
            Self::NotWhole { place, error } => write!(f, "`{place}`: what was attached comes back wrong: {error}"),
            Self::Moved { place, .. } => write!(f, "`{place}`: something else stands there than was put there"),
            Self::Taken { place } => {
                write!(f, "`{place}` has signatures or attestations that the artifact which is copied has not")
            }
            Self::Attached { digest, fault } => write!(f, "`{digest}`, which is attached: {fault}"),
        }
    }
}

impl From<OciError> for Fault {
    fn from(error: OciError) -> Self {
        Self::new(Class::refused_if(error.is_refusal()), error.code(), with_causes(&error))
            .comparing(error.compared())
            .hinting(error.hint())
            .because(error)
    }
}

impl std::error::Error for OciError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Address(error) => Some(error),
            // Their words are this error's own.
            Self::Download(error) => error.source(),
            Self::Chain { error, .. } => error.source(),
            Self::NotWhole { error, .. } => error.source(),
            Self::Disk(error) => error.source(),
            Self::Unanswered(error) => error.source(),
            Self::Sink(error) => Some(error),
            Self::Attached { fault: AttachmentError::Document(error), .. } => Some(error),
            _ => None,
        }
    }
}

impl ServerError for OciError {
    fn code(&self) -> &'static str {
        Self::code(self)
    }

    fn is_refusal(&self) -> bool {
        Self::is_refusal(self)
    }

    fn is_unreachable(&self) -> bool {
        match self {
            Self::Download(error) => error.is_unreachable(),
            Self::Unanswered(error) => matches!(&error.failure, CallFailure::Http(error) if error.is_unreachable()),
            _ => false,
        }
    }

    fn compared(&self) -> Option<(String, String)> {
        Self::compared(self)
    }

    fn hint(&self) -> Option<String> {
        Self::hint(self)
    }
}

impl From<OciError> for AskError {
    fn from(error: OciError) -> Self {
        Self::Other(Box::new(error))
    }
}
