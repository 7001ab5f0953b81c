//! The bytes of a pin: from the store, from a file of the project, from a shared store, or from the first place that serves
//! the right ones.

use std::fmt;
use std::io::{self, ErrorKind};

use super::{Conduct, shared};
use crate::ctx::{Ctx, Step};
use crate::project::Project;
use crate::report::{Finding, Level};
use pinfold_core::archive::ArchiveError;
use pinfold_core::digest::{Algorithm, Integrity};
use pinfold_core::fault::{Class, Fault};
use pinfold_core::fs::FsError;
use pinfold_core::path::RelPath;
use pinfold_core::pins::{Artifact, Pin, Source};
use pinfold_core::store::{Incoming, Lookup, Mismatch, Store, VerifiedBlob};
use pinfold_core::url::Url;
use pinfold_net::http::{self, BodyLimit, DownloadError, Rules, Sink, with_causes};
use pinfold_net::registry::{self, AskError};
use pinfold_net::source::pypi::Listed;
use pinfold_net::source::{github, npm};

/// The pinned bytes of an artifact, and what is worth knowing about how they came.
pub(super) fn obtain(
    ctx: &Ctx<'_>,
    project: &Project,
    pin: &Pin,
    artifact: &Artifact,
    conduct: Conduct,
) -> Result<(VerifiedBlob, Vec<Finding>), Fault> {
    let mut findings = Vec::new();
    if let Source::File(path) = &artifact.source {
        let blob = Store::open_file(&project.folder().join(path.as_str()), &artifact.integrity)?;
        return Ok((blob.map_err(|mismatch| other_file(path, mismatch))?, findings));
    }
    register(ctx, project)?;
    let kept_for = ctx.store.sources(&artifact.integrity)?;
    match ctx.store.open(&artifact.integrity)? {
        Lookup::Found(blob) if may_serve(artifact, &kept_for) => return Ok((blob, findings)),
        Lookup::Found(_) if conduct.offline => return Err(kept_for_others(&kept_for)),
        Lookup::Corrupt(mismatch) => {
            let message = "the copy in the store had rotted and was removed";
            let finding = Finding::new(Level::Warning, "store-corrupt", message);
            findings.push(finding.compared(mismatch.expected.to_string(), mismatch.received.to_string()));
        }
        Lookup::Found(_) | Lookup::Absent => {}
    }
    if conduct.offline {
        let fault = Fault::failed("offline", "--offline: the pinned bytes are not in the store");
        return Err(fault.hint("run `pinfold fetch` once with the network"));
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
) -> Result<(VerifiedBlob, Vec<Finding>), Fault> {
    let now = artifact.source.to_string();
    let changed = || {
        let message = "the pin names another source than before, but the integrity is still the old one";
        let hint = "give the new source its own integrity; if the bytes really are the same, remove the pin's record";
        Fault::refused("source-changed", message).compared(before, now.as_str()).hint(hint)
    };
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
    let blob = download(ctx, project, pin, &alone, &mut findings)
        .map_err(|fault| if fault.cause::<Unobtainable>().is_some() { changed() } else { fault })?;
    ctx.store.remember(&artifact.integrity, &now)?;
    Ok((blob, findings))
}

/// The pinned bytes of an artifact, for who compares them with others.
pub fn obtain_pinned(ctx: &Ctx<'_>, project: &Project, pin: &Pin, artifact: &Artifact) -> Result<VerifiedBlob, Fault> {
    obtain(ctx, project, pin, artifact, Conduct::default()).map(|(blob, _)| blob)
}

/// Says that the project uses the store, also where another one had the bytes fetched: `cache gc` must not take them. A
/// store that may only be read is collected by somebody else, who knows what is in it.
pub fn register(ctx: &Ctx<'_>, project: &Project) -> Result<(), Fault> {
    match ctx.store.register(project.folder()) {
        Err(error) if matches!(error.source.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) => {
            Ok(())
        }
        registered => Ok(registered?),
    }
}

/// The bytes of an artifact that are here already: a file of the project, or what the store has. For `verify`, which
/// asks nobody.
pub fn open_kept(ctx: &Ctx<'_>, project: &Project, artifact: &Artifact) -> Result<Option<VerifiedBlob>, Fault> {
    if let Source::File(path) = &artifact.source {
        let blob = Store::open_file(&project.folder().join(path.as_str()), &artifact.integrity)?;
        return blob.map(Some).map_err(|mismatch| other_file(path, mismatch));
    }
    match ctx.store.open(&artifact.integrity)? {
        Lookup::Found(blob) => Ok(Some(blob)),
        Lookup::Absent | Lookup::Corrupt(_) => Ok(None),
    }
}

/// The digest of an artifact's bytes, of an algorithm that its pin need not have.
pub fn digest_of(blob: &VerifiedBlob, algorithm: Algorithm) -> Result<Integrity, Fault> {
    blob.digest(algorithm).map_err(unread)
}

pub(super) fn unread(error: io::Error) -> Fault {
    ArchiveError::from(error).into()
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
) -> Result<VerifiedBlob, Fault> {
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
        attempts.push(match http::download(ctx.http, &url, &rules, limit, ctx.clock, &mut incoming) {
            Ok(outcome) => match incoming.finish()? {
                Ok(blob) => {
                    findings.extend(attempts.iter().map(|attempt: &Fault| attempt.finding(Level::Warning)));
                    if let Some(listed) = &listed {
                        findings.extend(compare(listed, &blob)?);
                    }
                    ctx.progress.step(name, Step::Fetched);
                    return Ok(blob);
                }
                Err(mismatch) => other_bytes(&url.to_string(), mismatch, outcome.content_type.as_deref()),
            },
            Err(error) => not_served(error),
        });
    }
    // Wrong bytes weigh more than none: a caller must not be told to try again.
    attempts.sort_by_key(|attempt| (attempt.cause::<Mismatch>().is_none(), attempt.class() != Class::Refused));
    Err(unobtainable(attempts))
}

/// The cause of a fault that no place served the pinned bytes.
#[derive(Debug)]
struct Unobtainable;

impl fmt::Display for Unobtainable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no place serves the artifact")
    }
}

impl std::error::Error for Unobtainable {}

/// No place served the pinned bytes: what went wrong at each, in order.
pub(super) fn unobtainable(attempts: Vec<Fault>) -> Fault {
    let fault = Fault::all(attempts).unwrap_or_else(|| Fault::failed("unobtainable", "nobody serves the artifact"));
    fault.because(Unobtainable)
}

/// A place served other bytes, and what it called them.
pub(super) fn other_bytes(url: &str, mismatch: Mismatch, content_type: Option<&str>) -> Fault {
    let what = content_type.map(|name| format!(" of `{}`", name.escape_debug())).unwrap_or_default();
    let message = format!("`{url}` served {} bytes{what} that are not what was pinned", mismatch.size);
    let page = content_type.is_some_and(|name| name.starts_with("text/html"));
    Fault::refused("integrity-mismatch", message)
        .compared(mismatch.expected.to_string(), mismatch.received.to_string())
        .hinting(page.then(|| http::WEB_PAGE.to_owned()))
        .because(mismatch)
}

/// A place served none.
fn not_served(error: DownloadError) -> Fault {
    Fault::new(Class::refused_if(error.is_refusal()), error.code(), with_causes(&error)).hinting(error.hint())
}

/// An index or a registry did not say where the file is.
pub(super) fn not_answered(error: &AskError) -> Fault {
    Fault::new(Class::refused_if(error.is_refusal()), error.code(), with_causes(error))
        .comparing(error.compared())
        .hinting(error.hint())
}

/// A file of the project is not what was pinned.
fn other_file(path: &RelPath, mismatch: Mismatch) -> Fault {
    let message = format!("`{path}` has {} bytes that are not what was pinned", mismatch.size);
    Fault::refused("integrity-mismatch", message)
        .compared(mismatch.expected.to_string(), mismatch.received.to_string())
        .because(mismatch)
}

/// `--offline`, and the bytes are in the store for other sources.
fn kept_for_others(sources: &[String]) -> Fault {
    let message = match sources {
        [] => "--offline: the pinned bytes are in the store, but nothing says for which source".to_owned(),
        some => format!("--offline: the pinned bytes are in the store, but as `{}`", some.join("`, `")),
    };
    Fault::failed("offline", message)
        .hint("run `pinfold fetch` once with the network, to see that this source serves them")
}

/// Where the source itself serves an artifact; `None` for files of the project.
pub fn own_place(
    ctx: &Ctx<'_>,
    project: &Project,
    artifact: &Artifact,
    rules: &Rules<'_>,
) -> Result<Option<Url>, Fault> {
    let mut attempts = Vec::new();
    let (places, _) = places(ctx, project, artifact, rules, &mut attempts)?;
    if attempts.is_empty() { Ok(places.into_iter().next()) } else { Err(unobtainable(attempts)) }
}

/// Where the bytes may be, the source's own place first, and what an index said of them. An index that cannot say it is
/// an attempt like any other: a mirror may have the bytes.
fn places(
    ctx: &Ctx<'_>,
    project: &Project,
    artifact: &Artifact,
    rules: &Rules<'_>,
    attempts: &mut Vec<Fault>,
) -> Result<(Vec<Url>, Option<Listed>), Fault> {
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
) -> Result<Result<Option<Place>, Fault>, Fault> {
    let named = project.pin_file().registries();
    let url = match source {
        Source::Npm(package) => {
            let registry = ctx.registries.npm(package.scope(), named.npm.as_ref())?;
            npm::tarball_url(&registry, package.name(), package.version())?
        }
        Source::Github(asset) => {
            let base = ctx.registries.github(named.github.as_ref())?;
            let url = github::asset_url(&base, asset.owner(), asset.repo(), asset.tag(), asset.asset());
            url?
        }
        Source::Pypi(file) => {
            let index = ctx.registries.pypi(named.pypi.as_ref())?;
            return Ok(match registry::pypi_file(ctx.http, rules, ctx.clock, &index, file.project(), file.file()) {
                Ok(found) => Ok(Some((found.url.clone(), Some(found)))),
                Err(error) => Err(not_answered(&error)),
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
pub fn obtain_unpinned(ctx: &Ctx<'_>, project: &Project, name: &str, source: &Source) -> Result<VerifiedBlob, Fault> {
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
    let place = place(ctx, project, source, &rules)?.map_err(|fault| unobtainable(vec![fault]))?;
    let (url, _) = place.ok_or_else(|| unobtainable(Vec::new()))?;
    let mut incoming = Receiver::new(ctx, name, ctx.store.receive_unpinned()?);
    let limit = BodyLimit::AtMost(MAX_ARTIFACT_LEN);
    let came = http::download(ctx.http, &url, &rules, limit, ctx.clock, &mut incoming);
    came.map_err(|error| unobtainable(vec![not_served(error)]))?;
    let blob = incoming.finish()?;
    let blob = blob.map_err(|mismatch| unobtainable(vec![other_bytes(&url.to_string(), mismatch, None)]))?;
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
fn compare(listed: &Listed, blob: &VerifiedBlob) -> Result<Vec<Finding>, Fault> {
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

    #[cfg(feature = "oci")]
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
