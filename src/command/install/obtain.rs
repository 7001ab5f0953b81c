//! The bytes of a pin: from the store, from a file of the project, from a shared store, or from the first place that serves
//! the right ones.

use std::io::{self, ErrorKind};

use super::evidence::digest_of;
use super::{Conduct, shared};
use crate::ctx::{Ctx, Step};
use crate::error::{Attempt, AttemptFailure, Error};
use crate::project::Project;
use crate::report::{Finding, Level};
use pinfold_core::digest::{Algorithm, Integrity};
use pinfold_core::fs::FsError;
use pinfold_core::pins::{Artifact, Pin, Source};
use pinfold_core::store::{Incoming, Lookup, Mismatch, Store, VerifiedBlob};
use pinfold_core::url::Url;
use pinfold_net::http::{self, BodyLimit, Rules, Sink};
use pinfold_net::registry;
use pinfold_net::source::pypi::Listed;
use pinfold_net::source::{github, npm};

/// The pinned bytes of an artifact, and what is worth knowing about how they came.
pub(super) fn obtain(
    ctx: &Ctx<'_>,
    project: &Project,
    pin: &Pin,
    artifact: &Artifact,
    conduct: Conduct,
) -> Result<(VerifiedBlob, Vec<Finding>), Error> {
    let mut findings = Vec::new();
    if let Source::File(path) = &artifact.source {
        let blob = Store::open_file(&project.folder().join(path.as_str()), &artifact.integrity)?;
        let blob = blob.map_err(|source| Error::File { path: path.clone(), source })?;
        return Ok((blob, findings));
    }
    register(ctx, project)?;
    let kept_for = ctx.store.sources(&artifact.integrity)?;
    match ctx.store.open(&artifact.integrity)? {
        Lookup::Found(blob) if may_serve(artifact, &kept_for) => return Ok((blob, findings)),
        Lookup::Found(_) if conduct.offline => return Err(Error::Offline { kept_for: Some(kept_for) }),
        Lookup::Corrupt(mismatch) => {
            let message = "the copy in the store had rotted and was removed";
            let finding = Finding::new(Level::Warning, "store-corrupt", message);
            findings.push(finding.compared(mismatch.expected.to_string(), mismatch.received.to_string()));
        }
        Lookup::Found(_) | Lookup::Absent => {}
    }
    if conduct.offline {
        return Err(Error::Offline { kept_for: None });
    }
    let blob = match shared::receive(ctx, project, pin.name.as_str(), artifact, &mut findings)? {
        Some(blob) => blob,
        None => download(ctx, project, pin, artifact, &mut findings)?,
    };
    ctx.store.remember(&artifact.integrity, &artifact.source.to_string())?;
    Ok((blob, findings))
}

/// The pinned bytes of an artifact whose source is another one than when it was fetched, with the same integrity. That is
/// the commonest accident of pinning, a version or a URL that is moved while the hash is not, unless the new source serves
/// these bytes: releases repeat files that did not change. So the new source itself has to have served them, now or when
/// the store kept them; neither a mirror nor a shared store says that.
pub(super) fn obtain_moved(
    ctx: &Ctx<'_>,
    project: &Project,
    pin: &Pin,
    artifact: &Artifact,
    before: &str,
    conduct: Conduct,
) -> Result<(VerifiedBlob, Vec<Finding>), Error> {
    let now = artifact.source.to_string();
    let changed = || Error::SourceChanged { before: before.to_owned(), now: now.clone() };
    // No source has such characters, so that nobody knows what the record is of.
    if before.chars().any(char::is_control) {
        return Err(changed());
    }
    let is_file = matches!(artifact.source, Source::File(_));
    if is_file || ctx.store.sources(&artifact.integrity)?.contains(&now) {
        return obtain(ctx, project, pin, artifact, conduct);
    }
    if conduct.offline || !super::oci::tag_leads_to_digest(ctx, project, artifact) {
        return Err(changed());
    }
    register(ctx, project)?;
    let mut findings = Vec::new();
    let alone = Artifact { mirrors: Vec::new(), ..artifact.clone() };
    let blob = download(ctx, project, pin, &alone, &mut findings).map_err(|error| match error {
        Error::Unobtainable { .. } => changed(),
        error => error,
    })?;
    ctx.store.remember(&artifact.integrity, &now)?;
    Ok((blob, findings))
}

/// The pinned bytes of an artifact, for who compares them with others.
pub fn obtain_pinned(ctx: &Ctx<'_>, project: &Project, pin: &Pin, artifact: &Artifact) -> Result<VerifiedBlob, Error> {
    obtain(ctx, project, pin, artifact, Conduct::default()).map(|(blob, _)| blob)
}

/// Says that the project uses the store, also where another one had the bytes fetched: `cache gc` must not take them. A
/// store that may only be read is collected by somebody else, who knows what is in it.
pub fn register(ctx: &Ctx<'_>, project: &Project) -> Result<(), Error> {
    match ctx.store.register(project.folder()) {
        Err(error) if matches!(error.source.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) => {
            Ok(())
        }
        registered => Ok(registered?),
    }
}

/// The bytes of an artifact that are here already: a file of the project, or what the store has. For `verify`, which
/// asks nobody.
pub fn open_kept(ctx: &Ctx<'_>, project: &Project, artifact: &Artifact) -> Result<Option<VerifiedBlob>, Error> {
    if let Source::File(path) = &artifact.source {
        let blob = Store::open_file(&project.folder().join(path.as_str()), &artifact.integrity)?;
        return blob.map(Some).map_err(|source| Error::File { path: path.clone(), source });
    }
    match ctx.store.open(&artifact.integrity)? {
        Lookup::Found(blob) => Ok(Some(blob)),
        Lookup::Absent | Lookup::Corrupt(_) => Ok(None),
    }
}

/// Whether bytes in the store may stand for a source. A digest alone does not say what it was fetched as, so a pin whose
/// URL was moved and whose hash was not would pass for as long as the old bytes are kept. A package from npm says itself
/// what it is, which is checked when it is unpacked.
fn may_serve(artifact: &Artifact, kept_for: &[String]) -> bool {
    matches!(artifact.source, Source::Npm(_)) || kept_for.contains(&artifact.source.to_string())
}

/// Asks the source, then its mirrors in order. The wrong bytes are never asked for twice, and always told.
fn download(
    ctx: &Ctx<'_>,
    project: &Project,
    pin: &Pin,
    artifact: &Artifact,
    findings: &mut Vec<Finding>,
) -> Result<VerifiedBlob, Error> {
    let name = pin.name.as_str();
    ctx.progress.step(name, Step::Fetching);
    let rules = rules(ctx, project);
    let limit = artifact.size.map_or(BodyLimit::AtMost(MAX_ARTIFACT_LEN), BodyLimit::Exact);
    let mut attempts = Vec::new();
    if let Source::Oci(layer) = &artifact.source {
        match super::oci::receive(ctx, name, (artifact, layer), rules.clone())? {
            Ok(blob) => {
                ctx.progress.step(name, Step::Fetched);
                return Ok(blob);
            }
            Err(attempt) => attempts.push(attempt),
        }
    }
    let (places, listed) = places(ctx, project, artifact, &rules, &mut attempts)?;
    for url in places {
        let mut incoming = Receiver::new(ctx, name, ctx.store.receive(&artifact.integrity)?);
        let failure = match http::download(ctx.http, &url, &rules, limit, ctx.clock, &mut incoming) {
            Ok(outcome) => match incoming.finish()? {
                Ok(blob) => {
                    findings.extend(attempts.iter().map(|attempt: &Attempt| attempt.finding(Level::Warning)));
                    if let Some(listed) = &listed {
                        findings.extend(compare(listed, &blob)?);
                    }
                    ctx.progress.step(name, Step::Fetched);
                    return Ok(blob);
                }
                Err(mismatch) => AttemptFailure::Mismatch { mismatch, content_type: outcome.content_type },
            },
            Err(error) => AttemptFailure::Download(error),
        };
        attempts.push(Attempt { url: url.to_string(), failure });
    }
    // Wrong bytes weigh more than none: a caller must not be told to try again.
    attempts.sort_by_key(|attempt| match &attempt.failure {
        AttemptFailure::Mismatch { .. } => 0,
        AttemptFailure::Download(error) if error.is_refusal() => 1,
        AttemptFailure::Ask(error) if error.is_refusal() => 1,
        AttemptFailure::Download(_) | AttemptFailure::Ask(_) => 2,
    });
    Err(Error::Unobtainable { attempts })
}

/// Where the source itself serves an artifact; `None` for files of the project.
pub fn own_place(
    ctx: &Ctx<'_>,
    project: &Project,
    artifact: &Artifact,
    rules: &Rules<'_>,
) -> Result<Option<Url>, Error> {
    let mut attempts = Vec::new();
    let (places, _) = places(ctx, project, artifact, rules, &mut attempts)?;
    if attempts.is_empty() { Ok(places.into_iter().next()) } else { Err(Error::Unobtainable { attempts }) }
}

/// Where the bytes may be, the source's own place first, and what an index said of them. An index that cannot say it is
/// an attempt like any other: a mirror may have the bytes.
fn places(
    ctx: &Ctx<'_>,
    project: &Project,
    artifact: &Artifact,
    rules: &Rules<'_>,
    attempts: &mut Vec<Attempt>,
) -> Result<(Vec<Url>, Option<Listed>), Error> {
    let mut listed = None;
    let own = match place(ctx, project, &artifact.source, rules)? {
        Ok(Some((url, found))) => {
            listed = found;
            Some(url)
        }
        Ok(None) => None,
        Err(attempt) => {
            attempts.push(attempt);
            None
        }
    };
    Ok((own.into_iter().chain(artifact.mirrors.iter().cloned()).collect(), listed))
}

/// Where bytes are, and what an index said of them.
type Place = (Url, Option<Listed>);

/// A source's own place; `None` for files of the project.
fn place(
    ctx: &Ctx<'_>,
    project: &Project,
    source: &Source,
    rules: &Rules<'_>,
) -> Result<Result<Option<Place>, Attempt>, Error> {
    let named = project.pin_file().registries();
    let url = match source {
        Source::Npm(package) => {
            let registry = ctx.registries.npm(package.scope(), named.npm.as_ref()).map_err(Error::Registry)?;
            npm::tarball_url(&registry, package.name(), package.version()).map_err(Error::Tarball)?
        }
        Source::Github(asset) => {
            let base = ctx.registries.github(named.github.as_ref()).map_err(Error::Registry)?;
            let url = github::asset_url(&base, asset.owner(), asset.repo(), asset.tag(), asset.asset());
            url.map_err(Error::Asset)?
        }
        Source::Pypi(file) => {
            let index = ctx.registries.pypi(named.pypi.as_ref()).map_err(Error::Registry)?;
            return Ok(match registry::pypi_file(ctx.http, rules, ctx.clock, &index, file.project(), file.file()) {
                Ok(found) => Ok(Some((found.url.clone(), Some(found)))),
                Err(error) => Err(Attempt { url: index.to_string(), failure: AttemptFailure::Ask(error) }),
            });
        }
        Source::Url(url) => url.clone(),
        // Asked before all others, see `download`.
        Source::Oci(_) | Source::File(_) => return Ok(Ok(None)),
    };
    Ok(Ok(Some((url, None))))
}

/// Bytes that nobody has pinned yet, from their source's own place; the store keeps them under the digest that they have.
/// Nothing says yet that they are the right ones.
pub fn obtain_unpinned(ctx: &Ctx<'_>, project: &Project, name: &str, source: &Source) -> Result<VerifiedBlob, Error> {
    if let Source::File(path) = source {
        return Ok(Store::open_unpinned(&project.folder().join(path.as_str()))?);
    }
    ctx.progress.step(name, Step::Fetching);
    let rules = rules(ctx, project);
    if let Source::Oci(layer) = source {
        let blob = super::oci::receive_unpinned(ctx, name, layer, rules)?;
        ctx.progress.step(name, Step::Fetched);
        return Ok(blob);
    }
    let one = |attempt| Error::Unobtainable { attempts: vec![attempt] };
    let place = place(ctx, project, source, &rules)?.map_err(one)?;
    let (url, _) = place.ok_or(Error::Unobtainable { attempts: Vec::new() })?;
    let mut incoming = Receiver::new(ctx, name, ctx.store.receive_unpinned()?);
    let limit = BodyLimit::AtMost(MAX_ARTIFACT_LEN);
    let came = http::download(ctx.http, &url, &rules, limit, ctx.clock, &mut incoming);
    let failed = |failure| one(Attempt { url: url.to_string(), failure });
    came.map_err(|error| failed(AttemptFailure::Download(error)))?;
    let blob = incoming.finish()?;
    let blob = blob.map_err(|mismatch| failed(AttemptFailure::Mismatch { mismatch, content_type: None }))?;
    ctx.progress.step(name, Step::Fetched);
    Ok(blob)
}

/// What a download for one pin may do, from now on.
pub fn rules<'a>(ctx: &Ctx<'a>, project: &'a Project) -> Rules<'a> {
    let deadline = ctx.clock.now().checked_add(ctx.timeouts.deadline).unwrap_or_else(|| ctx.clock.now());
    let mut rules = Rules::new(ctx.registries.credentials(), ctx.timeouts, deadline);
    rules.hosts = project.pin_file().trust().hosts.as_deref();
    rules
}

/// What an index says of bytes that are the pinned ones: worth knowing, but the pin decides.
fn compare(listed: &Listed, blob: &VerifiedBlob) -> Result<Vec<Finding>, Error> {
    let mut findings = Vec::new();
    if let Some(reason) = &listed.yanked {
        let reason = if reason.is_empty() {
            String::new()
        } else {
            format!(": {}", reason.escape_debug().take(SHOWN).collect::<String>())
        };
        let message = format!("the file was taken back by its authors{reason}");
        findings.push(Finding::new(Level::Warning, "index-yanked", message));
    }
    if let Some(expected) = &listed.sha256 {
        let received = digest_of(blob, Algorithm::Sha256)?.hex();
        if !expected.eq_ignore_ascii_case(&received) {
            let message = "the index lists other bytes than those that were pinned";
            let expected: String = expected.escape_debug().take(SHOWN).collect();
            findings.push(Finding::new(Level::Warning, "index-hash", message).compared(received, expected));
        }
    }
    Ok(findings)
}

/// Bytes from the network on their way into the store.
pub(super) struct Receiver<'a> {
    ctx: &'a Ctx<'a>,
    name: &'a str,
    incoming: Incoming,
    total: Option<u64>,
}

impl<'a> Receiver<'a> {
    pub(super) const fn new(ctx: &'a Ctx<'a>, name: &'a str, incoming: Incoming) -> Self {
        Self { ctx, name, incoming, total: None }
    }

    /// See [`Incoming::other`].
    pub(super) fn other(&self) -> Option<Integrity> {
        self.incoming.other()
    }

    /// Puts what came into its place in the store, if it is right.
    pub(super) fn finish(self) -> Result<Result<VerifiedBlob, Mismatch>, FsError> {
        self.incoming.finish()
    }
}

impl Sink for Receiver<'_> {
    fn restart(&mut self) -> io::Result<()> {
        self.incoming.restart()
    }

    fn expect(&mut self, bytes: u64) {
        self.total = Some(bytes);
    }

    fn write(&mut self, chunk: &[u8]) -> io::Result<()> {
        self.incoming.write(chunk)?;
        self.ctx.progress.received(self.name, self.incoming.len(), self.total);
        Ok(())
    }

    fn is_expected(&self) -> Option<bool> {
        self.incoming.is_expected()
    }
}
/// How much of an index's own words a message shows, in characters.
const SHOWN: usize = 200;
/// Longest artifact where the pin says no `size`, in bytes: more than any package seen, and an end to endless bodies.
pub const MAX_ARTIFACT_LEN: u64 = 4 << 30;
