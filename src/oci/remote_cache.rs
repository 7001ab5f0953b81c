//! [`Shared`]: a store that many machines share, in a repository of an OCI registry, so that upstream sees one download.
//!
//! Each entry is an artifact of its own, under a tag that is made of the source and the integrity of what it holds: the
//! bytes, and the evidence about them where there is some. Nobody believes it: the bytes are held to their integrity and
//! the evidence is proved, as if they came from anywhere else. That something is *not* there says nothing.
//!
//! A store that does not answer is asked once in a run, for as long as its timeout says, and then left alone.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::artifact::{EMPTY, EMPTY_BYTES, artifact};
use crate::chain::ChainError;
use crate::manifest::{Descriptor, Document};
use crate::media_types::MANIFEST;
use crate::registry::{OciError, Repository};
use pinfold_core::digest::{Integrity, Sha256};
use pinfold_core::oci::{Location, digest_text};
use pinfold_core::pins::Host;
use pinfold_core::record::MAX_DOCUMENT_LEN;
use pinfold_net::http::{Clock, Content, Http, LowSpeed, Rules, Sink, Timeouts};
use pinfold_net::source::credentials::Credentials;
use pinfold_net::source::registries::Registries;

/// What may be done with a shared store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// It is not asked.
    Off,
    /// It is asked before upstream.
    #[default]
    Read,
    /// It is asked before upstream, and what came from there is put into it.
    ReadWrite,
}

impl Access {
    /// Every kind, the least first.
    pub const ALL: [Self; 3] = [Self::Off, Self::Read, Self::ReadWrite];

    /// What it is called where it is said.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Read => "read",
            Self::ReadWrite => "read-write",
        }
    }
}

/// What was said of a shared store where pinfold was called. It is written to only where it was named there: a pin file may
/// come from anybody, and whoever is logged in to a registry may write to more than one place.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where it is; else where the pin file says.
    pub at: Option<Location>,
    /// What may be done with it.
    pub access: Access,
    /// How long it may take to answer.
    pub timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { at: None, access: Access::default(), timeout: TIMEOUT }
    }
}

/// The shared store of a run, and what was learned of it.
pub struct Shared {
    http: Arc<dyn Http>,
    settings: Settings,
    learned: Mutex<BTreeMap<Location, Learned>>,
    /// A turn for each thing that is sent: some registries fail where the same arrives twice at once.
    turns: Mutex<BTreeMap<(Location, String), Turn>>,
}

/// Held by who sends.
type Turn = Arc<Mutex<()>>;

/// What is known of one store.
#[derive(Default)]
struct Learned {
    /// What it wanted to see.
    seen: Credentials,
    /// The same of who writes: not all ask anew who shows a token that is good for reading only.
    seen_by_writers: Credentials,
    /// Whether it has the configuration, which all entries have in common.
    has_config: bool,
    /// What it has under which tag, as far as it was asked.
    entries: BTreeMap<String, Option<Entry>>,
    /// How many answers came late, and were of no use.
    late: u32,
    /// Why it is not asked any more.
    down: Option<String>,
    /// Why nothing more is put into it.
    unwritable: Option<String>,
}

/// Something in a shared store, as it says; nothing was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The bytes.
    pub bytes: Descriptor,
    /// What is said about them.
    pub evidence: Option<Descriptor>,
    /// Whether that was looked at in this run and left something open.
    pub is_doubted: bool,
    /// Whether something of it did not come in this run, or not as it should.
    pub is_lost: bool,
}

/// Why something was not put into a shared store.
#[derive(Debug)]
pub enum PutError {
    /// Nothing is put there any more, because of this.
    GivenUp(String),
    /// It does not take this one.
    Oci(Box<OciError>),
}

/// What is put into a shared store.
pub struct Parcel<'a> {
    /// The bytes.
    pub bytes: &'a dyn Content,
    /// Their SHA-256.
    pub digest: Integrity,
    /// What is said about them.
    pub evidence: Option<Vec<u8>>,
}

impl Shared {
    /// A store that is asked over this network, whose own timeouts should be no longer than those of the settings.
    pub fn new(http: Arc<dyn Http>, settings: Settings) -> Self {
        Self { http, settings, learned: Mutex::default(), turns: Mutex::default() }
    }

    /// The store that was named, where pinfold was called or else in the pin file; `None` where there is none, or it is
    /// off. `hosts` are those that may be asked, `None` for all: the store itself goes without saying.
    pub fn open<'a>(
        &'a self,
        named: Option<&Location>,
        (clock, timeouts): (&'a dyn Clock, &'a Timeouts),
        registries: &'a Registries,
        hosts: Option<&[Host]>,
    ) -> Option<Remote<'a>> {
        let at = self.settings.at.as_ref().or(named).filter(|_| self.settings.access != Access::Off)?.clone();
        let hosts = hosts.map(|hosts| hosts.iter().cloned().chain(at.base().origin().authority().parse()).collect());
        Some(Remote { shared: self, at, clock, timeouts, registries, hosts })
    }

    /// Another store over the same network, to be written to.
    #[must_use]
    pub fn to(&self, at: Location) -> Self {
        let settings = Settings { at: Some(at), access: Access::ReadWrite, ..self.settings.clone() };
        Self::new(Arc::clone(&self.http), settings)
    }

    /// What went wrong with the stores of this run as a whole: (where, why, whether only writing).
    pub fn troubles(&self) -> Vec<(String, String, bool)> {
        let learned = self.learned();
        let of = |(at, one): (&Location, &Learned)| {
            let down = one.down.clone().map(|why| (at.to_string(), why, false));
            down.or_else(|| one.unwritable.clone().map(|why| (at.to_string(), why, true)))
        };
        learned.iter().filter_map(of).collect()
    }

    fn learned(&self) -> MutexGuard<'_, BTreeMap<Location, Learned>> {
        // A thread that panicked while it held the lock has left whole values behind.
        self.learned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One shared store, that may be asked.
pub struct Remote<'a> {
    shared: &'a Shared,
    at: Location,
    clock: &'a dyn Clock,
    timeouts: &'a Timeouts,
    registries: &'a Registries,
    hosts: Option<Vec<Host>>,
}

impl Remote<'_> {
    /// Whether what came from upstream is put into it.
    pub fn is_written(&self) -> bool {
        self.shared.settings.access == Access::ReadWrite && self.shared.settings.at.is_some()
    }

    /// What it has for a source and an integrity; asked once in a run. An error says that what it has is no entry.
    pub fn entry(&self, source: &str, integrity: &Integrity) -> Result<Option<Entry>, OciError> {
        let tag = tag(source, integrity);
        if let Some(known) = self.known(|learned| match &learned.down {
            Some(_) => Some(None),
            None => learned.entries.get(&tag).cloned(),
        }) {
            return Ok(known);
        }
        let asked = self.with(&tag, self.shared.settings.timeout, |repository| entry(repository, &tag));
        let found = asked.as_ref().ok().and_then(|found| found.as_ref().and_then(Option::clone));
        self.learn(|learned| drop(learned.entries.insert(tag.clone(), found)));
        asked.map(Option::flatten)
    }

    /// Streams the bytes of an entry, for who holds them to the pin's digest. `false` where it does not hand them out; an
    /// error says that they are wrong.
    pub fn bytes(&self, entry: &Entry, sink: &mut dyn Sink) -> Result<bool, OciError> {
        let time = self.time_for(entry.bytes.size, SLOWEST_READ).min(self.timeouts.deadline);
        Ok(self.with("", time, |repository| repository.stream(&entry.bytes, sink))?.is_some())
    }

    /// What an entry says about its bytes. `None` where there is nothing, or it does not hand it out.
    pub fn evidence(&self, entry: &Entry) -> Result<Option<Vec<u8>>, OciError> {
        let Some(evidence) = &entry.evidence else { return Ok(None) };
        let limit = u64::try_from(MAX_DOCUMENT_LEN).unwrap_or(u64::MAX);
        self.with("", self.shared.settings.timeout, |repository| repository.short_blob(evidence, limit))
    }

    /// Remembers that what an entry says about its bytes is not good enough, so that better may take its place.
    pub fn doubt(&self, source: &str, integrity: &Integrity) {
        self.mark(source, integrity, |entry| entry.is_doubted = true);
    }

    /// Remembers that an entry is not whole, so that a whole one may take its place.
    pub fn lose(&self, source: &str, integrity: &Integrity) {
        self.mark(source, integrity, |entry| entry.is_lost = true);
    }

    fn mark(&self, source: &str, integrity: &Integrity, mark: impl FnOnce(&mut Entry)) {
        self.learn(|learned| {
            if let Some(Some(entry)) = learned.entries.get_mut(&tag(source, integrity)) {
                mark(entry);
            }
        });
    }

    /// Whether the store says of no part of an entry that it is not there, or another.
    pub fn has(&self, entry: &Entry) -> bool {
        let time = self.shared.settings.timeout;
        let mut parts = std::iter::once(&entry.bytes).chain(&entry.evidence);
        parts.all(|part| matches!(self.with("", time, |repository| repository.lacks_blob(part)), Ok(Some(false))))
    }

    /// Whether it is asked, or written to, no more; why is told at the end of the run.
    pub fn why_given_up(&self) -> Option<String> {
        self.known(|learned| learned.down.clone().or_else(|| learned.unwritable.clone()))
    }

    /// Puts an entry there, unless the store was given up before.
    pub fn put(&self, source: &str, integrity: &Integrity, parcel: &Parcel<'_>) -> Result<(), PutError> {
        if let Some(why) = self.why_given_up() {
            return Err(PutError::GivenUp(why));
        }
        match self.send(source, integrity, parcel) {
            Ok(entry) => {
                self.learn(|learned| drop(learned.entries.insert(tag(source, integrity), Some(entry))));
                Ok(())
            }
            // Somebody else put the same bytes there at the same time.
            Err(OciError::Moved { .. }) if self.has_anew(source, integrity, &parcel.digest) => Ok(()),
            Err(error) if is_about_the_store(&error) => {
                let why = error.to_string();
                self.learn(|learned| learned.unwritable = learned.unwritable.take().or(Some(why.clone())));
                Err(PutError::GivenUp(why))
            }
            Err(error) => Err(PutError::Oci(Box::new(error))),
        }
    }

    /// Whether these bytes are there now, whatever was known before.
    fn has_anew(&self, source: &str, integrity: &Integrity, digest: &Integrity) -> bool {
        self.learn(|learned| drop(learned.entries.remove(&tag(source, integrity))));
        matches!(self.entry(source, integrity), Ok(Some(entry)) if entry.bytes.digest == *digest)
    }

    /// How long a question about so many bytes may take: as long as any other, and what so many bytes a second take.
    fn time_for(&self, length: u64, bytes_per_second: u64) -> Duration {
        self.shared.settings.timeout.saturating_add(Duration::from_secs(length / bytes_per_second))
    }

    fn send(&self, source: &str, integrity: &Integrity, parcel: &Parcel<'_>) -> Result<Entry, OciError> {
        let tag = tag(source, integrity);
        let turn = self.turn(&tag);
        let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = self.known(|learned| Some(learned.seen_by_writers.clone())).unwrap_or_default();
        let time = |length| self.time_for(length, SLOWEST);
        let repository = self.repository(&tag, time(0))?.for_writing().having_seen(seen).with_time_for_each(time(0));
        let repository = repository.with_uploads(UPLOADS);
        let config = Descriptor::of_bytes(EMPTY, EMPTY_BYTES);
        self.put_config(&repository, &config)?;
        let bytes = Descriptor::of(OCTETS, parcel.digest.clone(), parcel.bytes.length());
        let repository = repository.with_time_for_each(time(bytes.size));
        self.put_part(&repository, &bytes, parcel.bytes)?;
        let evidence = parcel.evidence.as_ref().map(|evidence| (Descriptor::of_bytes(EVIDENCE, evidence), evidence));
        let repository = repository.with_time_for_each(time(evidence.as_ref().map_or(0, |(part, _)| part.size)));
        if let Some((descriptor, evidence)) = &evidence {
            self.put_part(&repository, descriptor, &evidence.as_slice())?;
        }
        let evidence = evidence.map(|(descriptor, _)| descriptor);
        let layers: Vec<Descriptor> = std::iter::once(bytes.clone()).chain(evidence.clone()).collect();
        // For people who look into the registry; what may stand behind `?` is not theirs.
        let source = source.split('?').next().unwrap_or_default();
        let notes = [("dev.pinfold.integrity", &*integrity.to_string()), ("dev.pinfold.source", source)];
        let manifest = artifact(Some(ENTRY), &config, &layers, None, &notes);
        repository.put_manifest(&tag, MANIFEST, &manifest, None)?;
        self.learn(|learned| learned.seen_by_writers = repository.seen());
        Ok(Entry { bytes, evidence, is_doubted: false, is_lost: false })
    }

    /// Sends the configuration, or looks whether it is there, once in a run.
    fn put_config(&self, repository: &Repository<'_>, config: &Descriptor) -> Result<(), OciError> {
        let turn = self.turn(&digest_text(&config.digest));
        let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
        if self.known(|learned| learned.has_config.then_some(())).is_none() {
            repository.put_blob(config, &EMPTY_BYTES)?;
            self.learn(|learned| learned.has_config = true);
        }
        Ok(())
    }

    /// Sends a part. Who waits for its turn finds it there: two pins may be of one artifact.
    fn put_part(&self, repository: &Repository<'_>, part: &Descriptor, content: &dyn Content) -> Result<(), OciError> {
        let turn = self.turn(&digest_text(&part.digest));
        let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
        repository.put_blob(part, content).map(drop)
    }

    fn turn(&self, of: &str) -> Turn {
        let mut turns = self.shared.turns.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(turns.entry((self.at.clone(), of.to_owned())).or_default())
    }

    /// Asks. `None` where there is nothing, or the store is of no use; an error says that what it has is wrong.
    fn with<R>(
        &self,
        tag: &str,
        time: Duration,
        ask: impl FnOnce(&Repository<'_>) -> Result<R, OciError>,
    ) -> Result<Option<R>, OciError> {
        let repository = self.repository(tag, time)?;
        let before = self.clock.now();
        let answer = ask(&repository);
        let is_late = self.clock.now().saturating_duration_since(before) > self.shared.settings.timeout / 2;
        self.learn(|learned| {
            learned.seen = repository.seen();
            learned.late = learned.late.saturating_add(u32::from(is_late && answer.is_err()));
            if learned.late >= LATE {
                learned.down.get_or_insert_with(|| "it takes long to answer, and has nothing".to_owned());
            }
        });
        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.is_absent() => Ok(None),
            Err(error) if is_about_the_store(&error) => {
                self.learn(|learned| learned.down = learned.down.take().or(Some(error.to_string())));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The repository, with so much time for everything that is asked of it, and no second attempt: there is upstream.
    fn repository(&self, tag: &str, time: Duration) -> Result<Repository<'_>, OciError> {
        let now = self.clock.now();
        let seen = self.known(|learned| Some(learned.seen.clone())).unwrap_or_default();
        let rules = Rules::new(self.registries.credentials(), self.timeouts, now.checked_add(time).unwrap_or(now));
        let window = self.timeouts.low_speed.window.min(self.shared.settings.timeout);
        let low_speed = LowSpeed { window, ..self.timeouts.low_speed };
        let rules = Rules { hosts: self.hosts.as_deref(), attempts: 1, low_speed, ..rules };
        let reference = self.at.tagged(if tag.is_empty() { "pin" } else { tag });
        let reference = reference.ok_or_else(|| OciError::Absent { place: self.at.to_string() })?;
        let of = (&*self.shared.http, rules, self.clock);
        Ok(Repository::new(of, self.registries.logins(), &reference)?.having_seen(seen))
    }

    fn known<R>(&self, look: impl FnOnce(&Learned) -> Option<R>) -> Option<R> {
        self.shared.learned().get(&self.at).and_then(look)
    }

    fn learn(&self, change: impl FnOnce(&mut Learned)) {
        change(self.shared.learned().entry(self.at.clone()).or_default());
    }
}

/// What stands under a tag.
fn entry(repository: &Repository<'_>, tag: &str) -> Result<Option<Entry>, OciError> {
    let (bytes, content_type) = repository.manifest(tag, None)?;
    let document = Document::parse(&bytes, content_type.as_deref());
    let document = document.map_err(|error| repository.chain(tag, ChainError::Manifest(error)))?;
    let Document::Manifest(manifest) = document else { return Ok(None) };
    // Whatever else stands there is nobody's entry.
    if manifest.artifact_type != ENTRY || manifest.layers.iter().any(|layer| layer.is_foreign) {
        return Ok(None);
    }
    // Nobody reads what else a descriptor says, and it would be kept for as long as the run takes.
    let bare = |layer: &Descriptor| Descriptor::of(&layer.media_type, layer.digest.clone(), layer.size);
    let layer = |kind: &str| manifest.layers.iter().find(|layer| layer.media_type == kind).map(bare);
    Ok(layer(OCTETS).map(|bytes| Entry { bytes, evidence: layer(EVIDENCE), is_doubted: false, is_lost: false }))
}

/// Whether an error says that the store is of no use, and not what is wrong with something in it.
fn is_about_the_store(error: &OciError) -> bool {
    match error {
        OciError::Refused { status, .. } => matches!(status, 401 | 403 | 404 | 405 | 429 | 500..),
        OciError::Challenge { .. } | OciError::Realm { .. } => true,
        OciError::Sink(_) | OciError::Disk(_) => false,
        error => !error.is_refusal(),
    }
}

/// Where an entry stands. Not `sha256-…`, which is where registries without the referrers API have what is attached.
fn tag(source: &str, integrity: &Integrity) -> String {
    format!("pin-{}", Sha256::of(format!("{integrity}\n{source}").as_bytes()).hex())
}

/// How long a store may take to answer unless somebody says otherwise.
pub const TIMEOUT: Duration = Duration::from_secs(5);
/// How many answers may take more than half of that and be of no use: with a thousand pins they would add up.
const LATE: u32 = 3;
/// How often something is sent: others write there at the same time, and some registries fail at that.
const UPLOADS: u32 = 3;
/// What an entry is called.
const ENTRY: &str = "application/vnd.pinfold.pin.v1";
/// The layer with what is said about the bytes.
const EVIDENCE: &str = "application/vnd.pinfold.evidence.v1+json";
/// The layer with the bytes.
const OCTETS: &str = "application/octet-stream";
/// How many bytes a second a registry is expected to take, at least.
const SLOWEST: u64 = 256 << 10;
/// How many it is expected to hand out, at least, with as many downloads at once as there are.
const SLOWEST_READ: u64 = 64 << 10;
