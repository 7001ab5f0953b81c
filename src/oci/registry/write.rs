//! A repository that is written to: blobs, manifests, tags, and the list of what is attached where the registry keeps none.
//!
//! A registry's word is not taken for it: whatever it says that it has is looked at before it counts. What is there is not
//! sent again. An upload goes where the registry says, without any secret where that is another server, and never from
//! https to http.

use serde_json::Value;

use super::attachment_error::AttachmentError;
use super::error::OciError;
use super::{MAX_REFERRERS, Repository, Shelf as _, bare};
use crate::artifact::index;
use crate::chain::{self as places, ChainError};
use crate::manifest::{Descriptor, Document, MAX_MANIFEST_LEN};
use crate::media_types::INDEX;
use pinfold_core::digest::{Algorithm, Integrity};
use pinfold_core::json;
use pinfold_core::oci::{digest_text, parse_digest};
use pinfold_core::url::Url;
use pinfold_net::http::{self, Call, CallFailure, Content, Method, Reply, Rules, Sink};

/// Whether a registry has the bytes of a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    There,
    Absent,
    /// It leads to a server that does not say.
    Unknown,
}

impl Repository<'_> {
    /// Sends the bytes of a descriptor, unless they are there, and looks whether they are then; whether they were sent.
    pub fn put_blob(&self, blob: &Descriptor, content: &dyn Content) -> Result<bool, OciError> {
        if self.presence(blob)? == Presence::There {
            return Ok(false);
        }
        let mut attempts = 1;
        while let Err(error) = self.upload(blob, content) {
            if !error.is_passing() || attempts >= self.uploads() {
                return Err(error);
            }
            self.clock.sleep(error.pause().unwrap_or_else(|| self.rules.backoff.pause(attempts)));
            // It may be only the answer that was lost.
            if matches!(self.presence(blob), Ok(Presence::There)) {
                return Ok(true);
            }
            attempts = attempts.saturating_add(1);
        }
        self.hold_blob(blob)?;
        Ok(true)
    }

    /// Whether the bytes of a descriptor are there, as far as the registry says.
    pub fn has_blob(&self, blob: &Descriptor) -> Result<bool, OciError> {
        Ok(self.presence(blob)? == Presence::There)
    }

    /// Whether the bytes of a descriptor are not there, as far as the registry says: one that does not say may have them.
    pub fn lacks_blob(&self, blob: &Descriptor) -> Result<bool, OciError> {
        Ok(self.presence(blob)? == Presence::Absent)
    }

    /// Puts a manifest or an index under a tag or its own digest, and looks whether it is there then. Whether the registry
    /// says that it lists it among what is attached to `subject`.
    pub fn put_manifest(
        &self,
        by: &str,
        media_type: &str,
        bytes: &[u8],
        subject: Option<&Integrity>,
    ) -> Result<bool, OciError> {
        let url = places::manifest_url(&self.base, by).map_err(OciError::Address)?;
        let headers = [("Content-Type", media_type.to_owned())];
        let reply = self.send(Method::Put(&bytes), &url, &headers, self.uploads())?;
        if !matches!(reply.status, 200..=204) {
            return Err(refused(&url, &reply));
        }
        let algorithm = parse_digest(by).map_or(Algorithm::Sha256, |digest| digest.algorithm());
        let digest = Integrity::of(algorithm, bytes);
        hold_to_told(&url, &reply, &digest)?;
        self.hold_manifest(by, media_type, &digest)?;
        let listed = reply.registry.subject.as_deref().map(|told| parse_digest(told.trim()));
        Ok(matches!((listed, subject), (Some(Ok(listed)), Some(subject)) if listed == *subject))
    }

    /// Adds to the list that stands in for the registry's own: read, appended to, put back, and read again, as somebody
    /// else may do the same.
    pub fn list(&self, subject: &Integrity, entry: &Value) -> Result<(), OciError> {
        let tag = places::referrers_tag(subject);
        for _ in 0..LIST_ATTEMPTS {
            let mut entries = self.listed(&tag)?;
            if entries.iter().any(|one| one.get("digest") == entry.get("digest")) {
                return Ok(());
            }
            if entries.len() >= MAX_REFERRERS {
                return Err(OciError::ManyReferrers { url: tag, limit: MAX_REFERRERS });
            }
            entries.push(entry.clone());
            let mut outcome = self.put_manifest(&tag, INDEX, &index(&entries), None);
            // docker-registry takes no list with an entry that was deleted since, and deletes none out of a list.
            if matches!(outcome, Err(OciError::Refused { status: 400 | 404, .. })) && self.forget_gone(&mut entries)? {
                outcome = self.put_manifest(&tag, INDEX, &index(&entries), None);
            }
            match outcome {
                // Somebody else put theirs; the next look tells whether ours is in it.
                Err(OciError::Moved { .. }) => {}
                outcome => drop(outcome?),
            }
        }
        Err(OciError::NotStored { place: self.place(&tag) })
    }

    /// Leaves out what the registry itself says that it does not have; whether there was any.
    fn forget_gone(&self, entries: &mut Vec<Value>) -> Result<bool, OciError> {
        let mut left = Vec::new();
        for entry in entries.iter() {
            match entry.get("digest").and_then(Value::as_str).map(|by| self.manifest(by, None)) {
                Some(Err(error)) if error.is_absent() => {}
                Some(Err(error)) if !error.is_refusal() => return Err(error),
                _ => left.push(entry.clone()),
            }
        }
        let is_shorter = left.len() < entries.len();
        *entries = left;
        Ok(is_shorter)
    }

    /// What stands under the tag for what is attached, entry by entry as it stands there.
    fn listed(&self, tag: &str) -> Result<Vec<Value>, OciError> {
        let (bytes, content_type) = match self.manifest(tag, None) {
            Err(error) if error.is_absent() => return Ok(Vec::new()),
            came => came?,
        };
        let document = Document::parse(&bytes, content_type.as_deref());
        match document.map_err(|error| self.chain(tag, ChainError::Manifest(error)))? {
            Document::Index(_) => {}
            Document::Manifest(_) => {
                return Err(OciError::Attached { digest: self.place(tag), fault: AttachmentError::ReferrersType });
            }
        }
        let value = json::parse(&bytes, MAX_MANIFEST_LEN).ok();
        let entries = value.as_ref().and_then(|value| value.get("manifests")?.as_array().cloned());
        Ok(entries.unwrap_or_default())
    }

    /// Looks whether whoever asks finds these bundles beside an artifact; a list may be a moment late.
    pub fn hold_attached(&self, digest: &Integrity, wanted: &[&Value]) -> Result<(), OciError> {
        let mut attempts = 1;
        loop {
            let held = self.attached(digest)?.hold(&self.place(&digest_text(digest)), wanted.iter().copied());
            if held.is_ok() || attempts >= self.rules.attempts {
                return held;
            }
            self.clock.sleep(self.rules.backoff.pause(attempts));
            attempts = attempts.saturating_add(1);
        }
    }

    /// What a tag stands for, as far as the registry tells.
    pub fn tagged(&self, tag: &str) -> Option<Integrity> {
        let (bytes, _) = self.manifest(tag, None).ok()?;
        Some(Integrity::of(Algorithm::Sha256, &bytes))
    }

    /// Looks whether the bytes are there that the registry said it has.
    fn hold_blob(&self, blob: &Descriptor) -> Result<(), OciError> {
        let absent = || OciError::NotStored { place: self.place(&digest_text(&blob.digest)) };
        match self.presence(blob)? {
            Presence::There => Ok(()),
            Presence::Absent => Err(absent()),
            Presence::Unknown => match self.blob(blob, &mut Nowhere) {
                Err(error) if error.is_absent() => Err(absent()),
                outcome => outcome.map(drop),
            },
        }
    }

    /// Looks whether a tag or digest stands for these bytes.
    fn hold_manifest(&self, by: &str, media_type: &str, digest: &Integrity) -> Result<(), OciError> {
        let (bytes, content_type) = match self.manifest(by, None) {
            Err(error) if error.is_absent() => return Err(OciError::NotStored { place: self.place(by) }),
            came => came?,
        };
        let received = Integrity::of(digest.algorithm(), &bytes);
        if received == *digest {
            // What is called something else is read by nobody.
            let called = content_type.as_deref().or(Some(media_type));
            let read = Document::parse(&bytes, called).map_err(ChainError::Manifest);
            return read.map(drop).map_err(|error| self.chain(&digest_text(digest), error));
        }
        if parse_digest(by).is_ok() {
            return Err(self.chain(by, ChainError::Digest { expected: digest.clone(), received }));
        }
        Err(OciError::Moved { place: self.place(by), expected: digest_text(digest), received: digest_text(&received) })
    }

    fn presence(&self, blob: &Descriptor) -> Result<Presence, OciError> {
        let mut url = places::blob_url(&self.base, &blob.digest).map_err(OciError::Address)?;
        for _ in 0..=self.rules.max_redirects {
            let reply = match self.send(Method::Head, &url, &[], self.rules.attempts) {
                Err(OciError::Unanswered(error)) => match error.failure {
                    CallFailure::Redirect { location: Some(location), .. } => match url.join(&location) {
                        Ok(to) if to.is_https() || !self.base.is_https() => {
                            url = to;
                            continue;
                        }
                        // Whoever asks for the bytes is told what is wrong with it.
                        _ => return Ok(Presence::Unknown),
                    },
                    failure => return Err(OciError::Unanswered(Box::new(http::CallError { failure, ..*error }))),
                },
                reply => reply?,
            };
            let is_own = url.origin() == self.base.origin();
            return match reply.status {
                200 if reply.content_length.is_some_and(|length| length != blob.size) => {
                    Err(self.chain(&digest_text(&blob.digest), ChainError::Size { expected: blob.size }))
                }
                200 if is_own => hold_to_told(&url, &reply, &blob.digest).map(|()| Presence::There),
                200 => Ok(Presence::There),
                404 => Ok(Presence::Absent),
                // Servers that do not know the question, and addresses that are signed for one method only.
                405 | 501 => Ok(Presence::Unknown),
                _ if !is_own => Ok(Presence::Unknown),
                _ => Err(refused(&url, &reply)),
            };
        }
        Ok(Presence::Unknown)
    }

    /// One upload: where to is asked anew each time, as one that broke off cannot be begun again.
    fn upload(&self, blob: &Descriptor, content: &dyn Content) -> Result<(), OciError> {
        let begin = places::uploads_url(&self.base).map_err(OciError::Address)?;
        let reply = self.send(Method::Post(&[]), &begin, &[], 1)?;
        if reply.status != 202 {
            return Err(refused(&begin, &reply));
        }
        let wrong = |reason: String| OciError::UploadLocation { url: bare(&begin), reason };
        let location = reply.location.as_deref().ok_or_else(|| wrong("there is none".to_owned()))?;
        let url = places::upload_url(&begin, location, &blob.digest).map_err(|error| wrong(error.to_string()))?;
        if begin.is_https() && !url.is_https() {
            return Err(wrong("it leads from https to plain http".to_owned()));
        }
        let headers = [("Content-Type", "application/octet-stream".to_owned())];
        let reply = self.send(Method::Put(content), &url, &headers, 1)?;
        if !matches!(reply.status, 200..=204) {
            return Err(refused(&url, &reply));
        }
        hold_to_told(&url, &reply, &blob.digest)
    }

    /// Sends, and once more with what the registry wants to see.
    fn send(
        &self,
        method: Method<'_>,
        url: &Url,
        headers: &[(&'static str, String)],
        attempts: u32,
    ) -> Result<Reply, OciError> {
        let reply = self.try_send(method, url, headers, attempts)?;
        let challenge = reply.registry.authenticate.as_deref();
        let Some(challenge) = challenge.filter(|_| reply.status == 401 && url.origin() == self.base.origin()) else {
            return Ok(reply);
        };
        let seen = self.answer(challenge)?;
        self.show(seen);
        let reply = self.try_send(method, url, headers, attempts)?;
        if reply.status == 401 { Err(self.unauthorized()) } else { Ok(reply) }
    }

    fn try_send(
        &self,
        method: Method<'_>,
        url: &Url,
        headers: &[(&'static str, String)],
        attempts: u32,
    ) -> Result<Reply, OciError> {
        self.hold_to_hosts(url)?;
        // Some registries take uploads beside `/v2/`: what one names on its own origin is the registry itself.
        let is_own = matches!(method, Method::Put(_)) && url.origin() == self.base.origin();
        let shown_to = if is_own { &self.base } else { url };
        let secret = self.seen().for_url(shown_to).map(|secret| ("Authorization", secret.expose().to_owned()));
        let headers = headers.iter().cloned().chain(secret).collect();
        let length = if let Method::Put(content) = method { content.length() } else { 0 };
        let Rules { deadline, backoff, .. } = self.rules(length);
        let call = Call { method, url, headers, secret: None, limit: MAX_ANSWER_LEN, deadline, attempts, backoff };
        http::call(self.http, self.clock, &call).map_err(|error| OciError::Unanswered(Box::new(error)))
    }
}

/// A registry that tells another digest has kept something else, or lies.
fn hold_to_told(url: &Url, reply: &Reply, digest: &Integrity) -> Result<(), OciError> {
    let Some(told) = &reply.registry.content_digest else { return Ok(()) };
    match parse_digest(told.trim()) {
        // Some tell the digest by an algorithm of their own choice.
        Ok(told) if told == *digest || told.algorithm() != digest.algorithm() => Ok(()),
        Ok(told) => {
            let (told, received) = (digest_text(&told), digest_text(digest));
            Err(OciError::HeaderDigest { url: bare(url), told, received })
        }
        Err(_) => {
            let told = told.chars().take(super::SHOWN).collect();
            Err(OciError::HeaderDigest { url: bare(url), told, received: String::new() })
        }
    }
}

/// A registry's no, in its own words (distribution specification, "Error codes").
pub(super) fn refused(url: &Url, reply: &Reply) -> OciError {
    let value = json::parse(&reply.body, reply.body.len()).ok();
    let first = value.as_ref().and_then(|value| value.pointer("/errors/0"));
    let part = |name: &str| first?.get(name)?.as_str().filter(|text| !text.is_empty());
    let words = [part("code"), part("message")].into_iter().flatten().collect::<Vec<_>>().join(": ");
    let words = words.chars().take(super::SHOWN).collect();
    OciError::Refused { url: bare(url), status: reply.status, words, pause: reply.pause }
}

/// Nobody who keeps what comes: it is only held to its digest.
struct Nowhere;

impl Sink for Nowhere {
    fn restart(&mut self) -> std::io::Result<()> {
        Ok(())
    }

    fn expect(&mut self, _bytes: u64) {}

    fn write(&mut self, _chunk: &[u8]) -> std::io::Result<()> {
        Ok(())
    }
}

/// How often the list of what is attached is written, where others write it at the same time.
const LIST_ATTEMPTS: usize = 5;
/// Longest answer to what was sent, in bytes: a refusal has some hundred.
const MAX_ANSWER_LEN: u64 = 1 << 20;
