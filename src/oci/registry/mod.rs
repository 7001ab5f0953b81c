//! [`Repository`]: one repository of an OCI registry: manifests, blobs, and what is attached, read and written.
//!
//! Everything goes through [`http::download`], with its redirects, retries and limits; here stands what is the registries'
//! own. A login goes to the server that it was configured for. A token is for one repository and goes to its addresses only,
//! so that a CDN behind a redirect gets none.

mod attached;
mod attachment_error;
mod error;
mod hints;
mod layout;
mod token;
mod write;

use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

pub use self::attached::{Attached, Candidates, MAX_CANDIDATES, MAX_REFERRERS, Shelf};
pub use self::attachment_error::{AttachmentError, UNREAD};
pub use self::error::OciError;
pub use self::layout::Layout;
use self::token::Shown;
use crate::chain::{self as places, ChainError, Followed, Received};
use crate::manifest::{Descriptor, MAX_MANIFEST_LEN};
use crate::media_types::ACCEPT;
use pinfold_core::digest::{Beside, Hasher, Integrity};
use pinfold_core::oci::{ImagePlatform, Reference, digest_text, parse_digest};
use pinfold_core::url::Url;
use pinfold_net::docker_config::Logins;
use pinfold_net::http::{self, Begun, BodyLimit, Clock, Failure, Http, Outcome, Rules, Sink};
use pinfold_net::registry::ask::{Memory, bare};
use pinfold_net::source::credentials::Credentials;

/// A repository that is read.
pub struct Repository<'a> {
    http: &'a dyn Http,
    rules: Rules<'a>,
    clock: &'a dyn Clock,
    logins: &'a Logins,
    reference: Reference,
    /// `BASE/v2/NAME/`.
    base: Url,
    /// What the registry wanted to see, once it asked.
    seen: Mutex<Credentials>,
    /// How that was had, for the message where it is not enough.
    shown: Mutex<Shown>,
    /// What a token is asked for.
    actions: &'static str,
    /// How long each request may take, where not all together have an end.
    each: Option<Duration>,
    /// How often something is sent; else as often as anything is asked.
    uploads: Option<u32>,
}

impl<'a> Repository<'a> {
    /// The repository of a reference; nobody is asked yet. Of the rules' credentials none are used.
    pub fn new(
        (http, rules, clock): (&'a dyn Http, Rules<'a>, &'a dyn Clock),
        logins: &'a Logins,
        reference: &Reference,
    ) -> Result<Self, OciError> {
        let base = places::repository_url(reference).map_err(OciError::Address)?;
        let (reference, seen, shown) = (reference.clone(), Mutex::default(), Mutex::default());
        Ok(Self {
            http,
            rules,
            clock,
            logins,
            reference,
            base,
            seen,
            shown,
            actions: "pull",
            each: None,
            uploads: None,
        })
    }

    /// The same, with so much time for each request instead of for all of them.
    #[must_use]
    pub fn with_time_for_each(self, time: Duration) -> Self {
        Self { each: Some(time), ..self }
    }

    /// The same, with so many attempts to send something.
    #[must_use]
    pub fn with_uploads(self, attempts: u32) -> Self {
        Self { uploads: Some(attempts), ..self }
    }

    /// How often something is sent.
    fn uploads(&self) -> u32 {
        self.uploads.unwrap_or(self.rules.attempts)
    }

    /// The same, with tokens that are good for writing.
    #[must_use]
    pub fn for_writing(self) -> Self {
        Self { actions: "pull,push", ..self }
    }

    /// The same, with what the registry wanted to see before.
    #[must_use]
    pub fn having_seen(self, seen: Credentials) -> Self {
        self.show(seen);
        self
    }

    /// The rules, with the time that a request has for so many bytes: as much again for each gigabyte.
    fn rules(&self, bytes: u64) -> Rules<'a> {
        let times = u32::try_from(bytes >> 30).unwrap_or(u32::MAX).saturating_add(1);
        let end = self.each.and_then(|each| self.clock.now().checked_add(each.saturating_mul(times)));
        Rules { deadline: end.unwrap_or(self.rules.deadline), ..self.rules.clone() }
    }

    /// What something in it is called in messages.
    pub fn place(&self, by: &str) -> String {
        let mark = if by.contains(':') { '@' } else { ':' };
        format!("{}/{}{mark}{by}", self.reference.registry(), self.reference.repository())
    }

    /// The manifest or index under a tag or digest, not held to any digest yet but the one that the server itself tells.
    pub fn manifest(&self, by: &str, size: Option<u64>) -> Result<Received, OciError> {
        let url = places::manifest_url(&self.base, by).map_err(OciError::Address)?;
        let longest = u64::try_from(MAX_MANIFEST_LEN).unwrap_or(u64::MAX);
        let limit = BodyLimit::AtMost(size.map_or(longest, |size| size.min(longest)));
        let mut memory = Memory::default();
        let outcome = self.get(&url, limit, Some(ACCEPT), &mut memory)?;
        self.hold_to_header(&url, &outcome, &memory.0)?;
        Ok((memory.0, outcome.content_type))
    }

    /// The digest that a tag has now, and what is there.
    pub fn resolve(&self) -> Result<(Integrity, Received), OciError> {
        let (bytes, content_type) = self.manifest(&self.reference.by(), None)?;
        let algorithm = self.reference.digest().map_or(pinfold_core::digest::Algorithm::Sha256, Integrity::algorithm);
        let digest = Integrity::of(algorithm, &bytes);
        if let Some(expected) = self.reference.digest() {
            places::hold(expected, None, &bytes).map_err(|error| self.chain(&digest_text(expected), error))?;
        }
        Ok((digest, (bytes, content_type)))
    }

    /// Streams the bytes of a descriptor into `sink`, exactly as many as it says, and holds them to its digest.
    pub fn blob(&self, blob: &Descriptor, sink: &mut dyn Sink) -> Result<Outcome, OciError> {
        self.hashed(blob, sink, Beside::new)
    }

    /// The same for one of several that are streamed at once: each takes its digest on its own thread.
    pub fn blob_of_several(&self, blob: &Descriptor, sink: &mut dyn Sink) -> Result<Outcome, OciError> {
        self.hashed(blob, sink, Beside::staying)
    }

    fn hashed(&self, blob: &Descriptor, sink: &mut dyn Sink, place: Place) -> Result<Outcome, OciError> {
        let hasher = place(Hasher::new(blob.digest.algorithm()));
        let mut hashed = Hashed { inner: sink, hasher, place, wanted: &blob.digest };
        let outcome = self.stream(blob, &mut hashed)?;
        self.hold(blob, hashed.hasher.back().finish())?;
        Ok(outcome)
    }

    /// The same for who takes the digest himself, to [`hold`](Self::hold) it to the descriptor's.
    pub fn stream(&self, blob: &Descriptor, sink: &mut dyn Sink) -> Result<Outcome, OciError> {
        let url = places::blob_url(&self.base, &blob.digest).map_err(OciError::Address)?;
        self.get(&url, BodyLimit::Exact(blob.size), None, sink)
    }

    /// Holds the digest of what came to that of the descriptor.
    pub fn hold(&self, blob: &Descriptor, received: Integrity) -> Result<(), OciError> {
        if received == blob.digest {
            return Ok(());
        }
        let expected = blob.digest.clone();
        Err(self.chain(&digest_text(&blob.digest), ChainError::Digest { expected, received }))
    }

    /// The same in memory, for what is short.
    pub fn short_blob(&self, blob: &Descriptor, limit: u64) -> Result<Vec<u8>, OciError> {
        if blob.size > limit {
            return Err(OciError::TooLong { digest: digest_text(&blob.digest), limit });
        }
        let mut memory = Memory::default();
        self.blob(blob, &mut memory)?;
        Ok(memory.0)
    }

    /// Goes from a digest to the manifest that is meant, through an index if it is one of an index; `first` is what the
    /// digest leads to, where that is here already.
    pub fn follow(
        &self,
        digest: &Integrity,
        platform: Option<&ImagePlatform>,
        mut first: Option<Received>,
    ) -> Result<Followed, OciError> {
        let ask = |digest: &Integrity, size| match first.take() {
            Some(received) => Ok(received),
            None => self.manifest(&digest_text(digest), size).map_err(Stop::Oci),
        };
        places::follow(digest, platform, ask).map_err(|stop| match stop {
            Stop::Chain(error) => self.chain(&digest_text(digest), error),
            Stop::Oci(error) => error,
        })
    }

    /// An error on the way from a digest to bytes, with its place.
    pub fn chain(&self, by: &str, error: ChainError) -> OciError {
        OciError::Chain { place: format!("{}/{}@{by}", self.reference.registry(), self.reference.repository()), error }
    }

    /// A server that tells a digest and sends other bytes is wrong in one of the two.
    fn hold_to_header(&self, url: &Url, outcome: &Outcome, bytes: &[u8]) -> Result<(), OciError> {
        let Some(told) = &outcome.registry.content_digest else { return Ok(()) };
        match parse_digest(told.trim()) {
            Ok(expected) => {
                let received = Integrity::of(expected.algorithm(), bytes);
                if received == expected {
                    return Ok(());
                }
                let (told, received) = (digest_text(&expected), digest_text(&received));
                Err(OciError::HeaderDigest { url: bare(url), told, received })
            }
            Err(_) => {
                let told = told.chars().take(SHOWN).collect();
                Err(OciError::HeaderDigest { url: bare(url), told, received: String::new() })
            }
        }
    }

    /// Asks, and once more with what the registry wants to see: a token that ended in the middle of a blob costs nothing of
    /// what is there, and one that got nowhere is not good enough.
    fn get(
        &self,
        url: &Url,
        limit: BodyLimit,
        accept: Option<&'static str>,
        sink: &mut dyn Sink,
    ) -> Result<Outcome, OciError> {
        let mut begun = Begun::default();
        let mut enough = 0;
        for _ in 0..=MAX_TOKENS {
            let error = match self.try_get(url, (limit, &mut begun), accept, sink) {
                Ok(outcome) => return Ok(outcome),
                Err(error) => error,
            };
            let Some(challenge) = self.challenge_of(&error) else { return Err(OciError::of(error)) };
            if begun.len() < enough {
                break;
            }
            enough = begun.len().saturating_add(http::PROGRESS);
            let seen = self.answer(&challenge)?;
            self.show(seen);
        }
        Err(self.unauthorized())
    }

    /// What the registry wanted to see, once it asked.
    pub fn seen(&self) -> Credentials {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What it is shown from now on.
    fn show(&self, seen: Credentials) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
    }

    fn try_get(
        &self,
        url: &Url,
        begun: (BodyLimit, &mut Begun),
        accept: Option<&'static str>,
        sink: &mut dyn Sink,
    ) -> Result<Outcome, http::DownloadError> {
        let seen = self.seen();
        let (BodyLimit::Exact(bytes) | BodyLimit::AtMost(bytes)) = begun.0;
        let rules = Rules { credentials: &seen, accept, ..self.rules(bytes) };
        http::go_on(self.http, url, &rules, begun, self.clock, sink)
    }

    /// Where it leads with what is sent, as [`http::download`] has it for what is fetched.
    fn hold_to_hosts(&self, url: &Url) -> Result<(), OciError> {
        match self.rules.hosts {
            Some(hosts) if !hosts.iter().any(|host| host.serves(url)) => {
                let failure = Box::new(Failure::HostNotAllowed { host: url.origin().authority() });
                // A query may be a signature that grants access, and the error will be shown.
                let url = bare(url).parse().unwrap_or_else(|_| url.clone());
                Err(OciError::of(http::DownloadError { url, hops: Vec::new(), attempts: 1, failure }))
            }
            _ => Ok(()),
        }
    }

    /// What the registry itself, and no server that it led to, wants to see.
    fn challenge_of(&self, error: &http::DownloadError) -> Option<String> {
        match &*error.failure {
            Failure::NotAuthorized { status: 401, origin, challenge: Some(challenge), .. }
                if origin == self.base.origin() && error.hops.is_empty() =>
            {
                Some(challenge.clone())
            }
            _ => None,
        }
    }
}

/// Why there is no way to a manifest.
enum Stop {
    Chain(ChainError),
    Oci(OciError),
}

impl From<ChainError> for Stop {
    fn from(error: ChainError) -> Self {
        Self::Chain(error)
    }
}

/// Where a digest is taken.
type Place = fn(Hasher) -> Beside<Hasher>;

/// Takes the digest of what goes by.
struct Hashed<'a> {
    inner: &'a mut dyn Sink,
    hasher: Beside<Hasher>,
    place: Place,
    wanted: &'a Integrity,
}

impl Sink for Hashed<'_> {
    fn restart(&mut self) -> io::Result<()> {
        self.hasher = (self.place)(Hasher::new(self.wanted.algorithm()));
        self.inner.restart()
    }

    fn expect(&mut self, bytes: u64) {
        self.inner.expect(bytes);
    }

    fn write(&mut self, chunk: &[u8]) -> io::Result<()> {
        self.hasher.update(chunk);
        self.inner.write(chunk)
    }

    fn is_expected(&self) -> Option<bool> {
        Some(self.hasher.so_far()?.finish() == *self.wanted)
    }
}

/// How many tokens are asked for in the middle of one blob: they are good for a minute at least, and for nothing but the
/// beginning of a download.
const MAX_TOKENS: usize = 8;
/// How much of a server's words a message shows, in characters.
const SHOWN: usize = 200;
