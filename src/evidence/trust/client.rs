//! The TUF client workflow (specification 1.0.34, section 5) over our own HTTP: signatures by enough keys, versions that
//! never fall, metadata that has not expired, and targets of the length and digest that the metadata says.
//!
//! sigstore-tuf does the workflow. It is asynchronous, and nothing else here is: its one future is polled, and whenever
//! it waits for a file, that file is fetched before it is polled again.

use std::collections::BTreeSet;
use std::future::{Future, poll_fn};
use std::io;
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use jiff::Timestamp;
use sigstore_tuf::transport::FetchFuture;
use sigstore_tuf::{MetadataStore, Targets, Updater, UpdaterConfig};

use super::error::TrustError;
use super::state::{Kept, Metadata};
use super::{REFRESHED, Repository, Trust};
use crate::root::{Instance, MAX_ROOT_LEN, RegistryKeys, TrustRoot};
use pinfold_core::fs::{self, FsError, Lock, Patience};
use pinfold_net::http::{self, BodyLimit, Clock, DownloadError, Failure, Http, Rules, Sink, Timeouts};
use pinfold_net::source::credentials::Credentials;

/// What a refresh needs of the world.
#[derive(Clone, Copy)]
pub struct Door<'a> {
    /// The network.
    pub http: &'a dyn Http,
    /// The time, by which metadata expires.
    pub clock: &'a dyn Clock,
    /// How long to wait for the network.
    pub timeouts: &'a Timeouts,
}

/// What came of a refresh.
#[derive(Debug)]
pub struct Refreshed {
    /// The version of the TUF targets.
    pub version: u64,
    /// The root.
    pub root: Change<TrustRoot>,
    /// The registry's keys, `None` where the repository is not the one that has them. What is wrong with them leaves the
    /// root alone.
    pub registry_keys: Option<Result<Change<RegistryKeys>, TrustError>>,
}

/// Something that is in use from now on.
#[derive(Debug)]
pub struct Change<T> {
    /// What.
    pub now: T,
    /// Whether it trusts other things than what was in use before.
    pub changed: bool,
}

impl Trust {
    /// Fetches the root of an instance from its TUF repository and keeps it. After an error the old one is in use still.
    /// The lock on the folder is held while it is read and written, and not while the repository is asked: where another
    /// process refreshed the same root meanwhile, what it has seen is the floor, and the repository is asked again.
    pub fn refresh(
        &self,
        repository: &Repository,
        door: Door<'_>,
        patience: &Patience<'_>,
    ) -> Result<Refreshed, TrustError> {
        let folder = self.folder.as_deref().ok_or(TrustError::NoFolder)?;
        fs::create_folders(folder).map_err(TrustError::Fs)?;
        for _ in 0..MAX_ROUNDS {
            let state = || Ok((Kept::read(folder, repository.instance)?, Metadata::read(folder, repository.instance)?));
            let seen: (Option<Kept>, Metadata) = state()?;
            // What is in use must be readable: it is compared with, and never replaced unseen.
            self.root(repository.instance)?;
            let (fetched, after) = fetch(&seen.1, repository, door)?;
            let _lock = Lock::exclusive(&folder.join(fs::LOCK), patience).map_err(TrustError::Fs)?;
            if state()? == seen {
                // What was verified holds although the rest did not come: nothing older is taken from now on.
                if after != seen.1 {
                    after.write(folder, repository.instance)?;
                }
                return self.keep(folder, repository, seen.0, fetched?);
            }
        }
        let error = io::Error::new(io::ErrorKind::ResourceBusy, "others refresh it again and again");
        Err(TrustError::Fs(FsError::new("write", Kept::path(folder, repository.instance), error)))
    }

    /// Keeps what was fetched; call it under the lock.
    fn keep(
        &self,
        folder: &Path,
        repository: &Repository,
        kept: Option<Kept>,
        fetched: Fetched,
    ) -> Result<Refreshed, TrustError> {
        let before = self.root(repository.instance)?;
        let roots = TrustRoot::parse(&fetched.trusted_root, REFRESHED.to_owned()).map_err(TrustError::Served)?;
        let root = only_of(repository.instance, roots)?;
        if root.date() < before.root.date() {
            let (kept, received) = (before.root.date().unwrap_or_default(), root.date().unwrap_or_default());
            return Err(TrustError::Older { kept, received });
        }
        let mut keep = Kept {
            version: fetched.version,
            trusted_root: text(fetched.trusted_root)?,
            registry_keys: kept.as_ref().and_then(|kept| kept.registry_keys.clone()),
        };
        let registry_keys = fetched.registry_keys.map(|fetched| {
            let bytes = fetched?;
            let before = self.registry_keys()?.keys;
            let now = RegistryKeys::parse(&bytes).map_err(TrustError::RegistryKeys)?;
            keep.registry_keys = Some(text(bytes)?);
            Ok(Change { changed: now != before, now })
        });
        if kept.as_ref() != Some(&keep) {
            keep.write(folder, repository.instance)?;
        }
        let changed = root.digest() != before.root.digest();
        Ok(Refreshed { version: keep.version, root: Change { now: root, changed }, registry_keys })
    }
}

/// The one root among these, which must be of this instance.
pub(super) fn only_of(instance: Instance, roots: Vec<TrustRoot>) -> Result<TrustRoot, TrustError> {
    match <[TrustRoot; 1]>::try_from(roots) {
        Ok([root]) if root.instance() == instance => Ok(root),
        Ok([root]) => Err(TrustError::OtherInstance { expected: instance, received: root.instance() }),
        Err(_) => Err(TrustError::Several),
    }
}

/// What was parsed as JSON is UTF-8.
fn text(bytes: Vec<u8>) -> Result<String, TrustError> {
    String::from_utf8(bytes).map_err(|_| TrustError::Several)
}

/// What a repository has for us, proved by TUF and not yet read.
struct Fetched {
    version: u64,
    trusted_root: Vec<u8>,
    registry_keys: Option<Result<Vec<u8>, TrustError>>,
}

/// What the repository has now, or why that cannot be said, and what was verified on the way.
fn fetch(
    before: &Metadata,
    repository: &Repository,
    door: Door<'_>,
) -> Result<(Result<Fetched, TrustError>, Metadata), TrustError> {
    let now = Timestamp::try_from(door.clock.calendar()).map_err(|_| TrustError::Clock)?;
    let store = Arc::new(Memory(Mutex::new(before.clone())));
    let desk = Arc::new(Desk::default());
    let mut config = UpdaterConfig::default();
    config.target_max_length = MAX_ROOT_LEN;
    let updater = Updater::new(Files(Arc::clone(&desk)), &repository.root).map_err(TrustError::Tuf)?;
    let mut updater = updater.with_config(config).with_store(Arc::clone(&store));
    let fetched = ask(&desk, repository, door, &mut updater, now);
    let after = store.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok((fetched, after))
}

fn ask(
    desk: &Desk,
    repository: &Repository,
    door: Door<'_>,
    updater: &mut Updater,
    now: Timestamp,
) -> Result<Fetched, TrustError> {
    desk.drive(repository, door, updater.refresh(now))?;
    let trusted_root = desk.drive(repository, door, updater.get_target(TRUSTED_ROOT, now))?;
    let targets =
        updater.trusted().targets_role("targets").ok_or(TrustError::Tuf(sigstore_tuf::Error::NotRefreshed))?;
    let (version, candidates) = (targets.version, named_like_keys(targets));
    let registry_keys = (repository.instance == Instance::PublicGood).then(|| {
        let mut found = Vec::new();
        for name in candidates {
            if desk.drive(repository, door, updater.get_target_info(&name, now))?.is_some() {
                found.push(name);
            }
        }
        match found.as_slice() {
            [] => Err(TrustError::NoRegistryKeys),
            [name] => desk.drive(repository, door, updater.get_target(name, now)),
            _ => Err(TrustError::SeveralRegistryKeys { names: found }),
        }
    });
    Ok(Fetched { version, trusted_root, registry_keys })
}

/// The targets that could be a registry's keys: those that end so, and those that a delegation could have. The folder
/// that they stand in is named after the registry's host, which is not ours to know.
fn named_like_keys(targets: &Targets) -> BTreeSet<String> {
    let listed = targets.targets.keys().filter(|name| name.ends_with(REGISTRY_KEYS)).cloned();
    let roles = targets.delegations.iter().flat_map(|delegations| &delegations.roles);
    let patterns = roles.flat_map(|role| role.paths.iter().flatten());
    let delegated = patterns.filter_map(|pattern| {
        let folder = pattern.strip_suffix(REGISTRY_KEYS).or_else(|| pattern.strip_suffix("/*"))?;
        (!folder.contains(['*', '?', '['])).then(|| format!("{folder}{REGISTRY_KEYS}"))
    });
    listed.chain(delegated).collect()
}

/// Where the client's wishes and the files for them are passed on.
#[derive(Default)]
struct Desk(Mutex<Wish>);

#[derive(Default)]
enum Wish {
    #[default]
    None,
    /// A file of the repository, of at most so many bytes; whether it may be absent.
    For { path: String, limit: u64, metadata: bool },
    /// What came of it.
    Granted(sigstore_tuf::Result<Option<Vec<u8>>>),
}

impl Desk {
    fn wish(&self) -> std::sync::MutexGuard<'_, Wish> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Polls a future of the client to its end, fetching what it waits for.
    fn drive<T>(
        &self,
        repository: &Repository,
        door: Door<'_>,
        future: impl Future<Output = sigstore_tuf::Result<T>>,
    ) -> Result<T, TrustError> {
        let mut future = pin!(future);
        let mut context = Context::from_waker(Waker::noop());
        let mut failed = None;
        loop {
            match future.as_mut().poll(&mut context) {
                Poll::Ready(Ok(value)) => return Ok(value),
                Poll::Ready(Err(error)) => return Err(failed.unwrap_or(TrustError::Tuf(error))),
                Poll::Pending => {}
            }
            let wish = std::mem::take(&mut *self.wish());
            let Wish::For { path, limit, metadata } = wish else {
                return Err(TrustError::Tuf(sigstore_tuf::Error::transport("the client waits for nothing")));
            };
            let file = match download(repository, door, &path, limit) {
                Ok(bytes) => Ok(Some(bytes)),
                Err(TrustError::Download(error)) if metadata && is_absent(&error) => Ok(None),
                Err(error) => {
                    failed = Some(error);
                    Err(sigstore_tuf::Error::transport("no answer"))
                }
            };
            *self.wish() = Wish::Granted(file);
        }
    }
}

/// The repository as the client sees it.
struct Files(Arc<Desk>);

impl Files {
    fn fetch<'a>(&self, path: String, limit: u64, metadata: bool) -> FetchFuture<'a> {
        let desk = Arc::clone(&self.0);
        Box::pin(poll_fn(move |_| {
            let mut wish = desk.wish();
            match std::mem::take(&mut *wish) {
                Wish::Granted(file) => Poll::Ready(file),
                _ => {
                    *wish = Wish::For { path: path.clone(), limit, metadata };
                    Poll::Pending
                }
            }
        }))
    }
}

impl sigstore_tuf::Repository for Files {
    fn fetch_metadata<'a>(&'a self, name: &'a str, max_length: u64) -> FetchFuture<'a> {
        self.fetch(name.to_owned(), max_length, true)
    }

    fn fetch_target<'a>(&'a self, path: &'a str, max_length: u64) -> FetchFuture<'a> {
        self.fetch(format!("targets/{path}"), max_length, false)
    }
}

/// What the client keeps between two refreshes, as long as it runs.
struct Memory(Mutex<Metadata>);

impl MetadataStore for Memory {
    fn load(&self, name: &str) -> sigstore_tuf::Result<Option<Vec<u8>>> {
        let files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(files.0.get(name).map(|text| text.clone().into_bytes()))
    }

    fn store(&self, name: &str, bytes: &[u8]) -> sigstore_tuf::Result<()> {
        // The rest is never asked for again, and would pile up: a version of the snapshot each week.
        let wanted = matches!(name, "root.json" | "timestamp.json" | "snapshot.json" | "targets.json")
            || name.starts_with("root_history/")
            || name.starts_with("targets/");
        if let (true, Ok(text)) = (wanted, String::from_utf8(bytes.to_vec())) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).0.insert(name.to_owned(), text);
        }
        Ok(())
    }
}

fn download(repository: &Repository, door: Door<'_>, path: &str, limit: u64) -> Result<Vec<u8>, TrustError> {
    let url = repository.file(path)?;
    let credentials = Credentials::default();
    let start = door.clock.now();
    let deadline = start.checked_add(door.timeouts.deadline).unwrap_or(start);
    let rules = Rules::new(&credentials, door.timeouts, deadline);
    let mut sink = Bytes(Vec::new());
    http::download(door.http, &url, &rules, BodyLimit::AtMost(limit), door.clock, &mut sink)
        .map_err(TrustError::Download)?;
    Ok(sink.0)
}

/// Whether the server says that there is no such file. Object stores say 403 for it, which is how Sigstore's answer to
/// the question for the next TUF root.
fn is_absent(error: &DownloadError) -> bool {
    matches!(*error.failure, Failure::NotFound { .. } | Failure::NotAuthorized { status: 403, .. })
}

/// Bytes in memory.
struct Bytes(Vec<u8>);

impl Sink for Bytes {
    fn restart(&mut self) -> std::io::Result<()> {
        self.0.clear();
        Ok(())
    }

    fn expect(&mut self, _bytes: u64) {}

    fn write(&mut self, chunk: &[u8]) -> std::io::Result<()> {
        self.0.extend_from_slice(chunk);
        Ok(())
    }
}

/// The target that is an instance's root.
const TRUSTED_ROOT: &str = "trusted_root.json";

/// How the target ends that has a registry's keys.
const REGISTRY_KEYS: &str = "/keys.json";

/// So often others may be faster before a refresh gives up.
const MAX_ROUNDS: usize = 5;
