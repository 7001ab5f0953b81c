//! [`Project`]: a pins.toml with its folder, its records and the lock on them.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::ctx::Ctx;
use crate::report::{Finding, Level};
use pinfold_core::fault::Fault;
use pinfold_core::fs::{self, Dir, FsError, Identity, Lock};
use pinfold_core::layout::Ignore;
use pinfold_core::path::RelPath;
use pinfold_core::pins::{MAX_FILE_LEN, Pin, PinFile};
use pinfold_core::record::{MAX_RECORD_LEN, Record};
use pinfold_core::tree;

/// The folder beside pins.toml that holds one record a pin.
pub const RECORDS: &str = ".pinfold";

/// A pin file, read, and the folder that it is in.
#[derive(Debug)]
pub struct Project {
    folder: PathBuf,
    root: Dir,
    pin_file: PinFile,
    shared: Mutex<Shared>,
}

impl Project {
    /// Reads the pin file at `path`.
    pub fn open(path: &Path) -> Result<Self, Fault> {
        // The parent of a bare file name is the empty path, which no system call takes.
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let folder = parent.unwrap_or(Path::new("."));
        let limit = u64::try_from(MAX_FILE_LEN).unwrap_or(u64::MAX);
        let bytes = fs::read_if_exists(path, limit)?.ok_or_else(|| {
            Fault::failed("no-pin-file", format!("there is no `{}`", path.display()))
                .hint("run it in the folder of a pins.toml, or name one with `--pins FILE`")
        })?;
        let text = String::from_utf8(bytes).map_err(|error| {
            FsError::new("read", path, std::io::Error::new(std::io::ErrorKind::InvalidData, error.utf8_error()))
        })?;
        let file = || path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let pin_file = PinFile::parse(&text).map_err(|error| error.in_file(&file()))?;
        Ok(Self { folder: folder.to_owned(), root: Dir::open(folder)?, pin_file, shared: Mutex::default() })
    }

    /// The folder of pins.toml.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder of pins.toml, by handle.
    pub const fn root(&self) -> &Dir {
        &self.root
    }

    /// pins.toml.
    pub const fn pin_file(&self) -> &PinFile {
        &self.pin_file
    }

    /// Changes the pin file: `change` gets it as it stands when no other pinfold edits it, which need not be as it was read,
    /// and has no text where what was planned does not fit it any more. `path` is what the project was opened by.
    pub fn edit_pins(
        &self,
        ctx: &Ctx<'_>,
        path: &Path,
        change: impl Fn(&PinFile) -> Result<Option<String>, Fault>,
    ) -> Result<(), Fault> {
        let file = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let changed = |bytes: Option<&[u8]>| -> Result<Option<Vec<u8>>, Stopped> {
            let text = std::str::from_utf8(bytes.unwrap_or_default()).ok();
            let changed = || {
                Fault::failed("pins-changed", format!("`{file}` was changed by somebody else meanwhile"))
                    .hint("nothing was written; run it again")
            };
            let now = text.and_then(|text| PinFile::parse(text).ok()).ok_or_else(changed)?;
            let after = change(&now)?.ok_or_else(changed)?;
            Ok((after != now.text()).then(|| after.into_bytes()))
        };
        let limit = u64::try_from(MAX_FILE_LEN).unwrap_or(u64::MAX);
        ctx.waiting(|patience| fs::edit(path, limit, patience, changed)).map_err(|stopped| match stopped {
            Stopped::Fault(fault) => fault,
            Stopped::Fs(error) if error.is_busy() => error.into(),
            Stopped::Fs(error) => {
                Fault::failed("pins-unwritable", format!("`{file}` cannot be written: {}", error.source))
                    .hint("nothing was written; `--dry-run` shows what would be")
                    .because(error.source)
            }
        })
    }

    /// The pins of these names, all of them for no names; in the order of the file, each once.
    pub fn select(&self, names: &[String]) -> Result<Vec<&Pin>, Fault> {
        for name in names {
            if self.pin_file.pin(name).is_none() {
                let nearest = self.pin_file.nearest_name(name).map(|name| format!("did you mean `{name}`?"));
                let message = format!("there is no pin `{}`", name.escape_debug());
                return Err(Fault::failed("unknown-pin", message).hinting(nearest));
            }
        }
        let wanted = |pin: &&Pin| names.is_empty() || names.iter().any(|name| name == pin.name.as_str());
        let pins: Vec<&Pin> = self.pin_file.pins().iter().filter(wanted).collect();
        if pins.is_empty() { Err(no_pins()) } else { Ok(pins) }
    }

    /// Makes the folder of the records, by which a project is known to use the store. It must be one: a link in a checkout
    /// would have files written wherever it leads.
    pub fn make_records(&self) -> Result<(), Fault> {
        self.root.make_child(RECORDS, 0o755)?;
        Ok(())
    }

    /// Refuses a link in place of the folder of the records, for who only reads.
    pub fn check_records(&self) -> Result<(), Fault> {
        self.root.child(RECORDS)?;
        Ok(())
    }

    /// Held while trees are put together and published and records are written, and never while anybody is asked for
    /// anything; all threads of a process share it.
    pub fn publishing(&self, ctx: &Ctx<'_>) -> Result<Publishing<'_>, Fault> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if shared.lock.is_none() {
            self.make_records()?;
            let limit = if shared.gave_up { Duration::ZERO } else { ctx.lock_timeout };
            let patient = Ctx { lock_timeout: limit, ..*ctx };
            let lock = patient.waiting(|patience| Lock::exclusive(&self.lock_file(), patience));
            // One wait that came to nothing is enough for all pins.
            shared.gave_up = lock.as_ref().is_err_and(FsError::is_busy);
            shared.lock = Some(lock?);
        }
        shared.holders = shared.holders.saturating_add(1);
        Ok(Publishing { project: self })
    }

    /// What `look` sees of a pin, for who only reads and holds no lock: where it is not good and another process published
    /// meanwhile, the tree may have been of one moment and the record of another, and it is looked at again. What is good
    /// was good at some moment. The error says why there was no further look.
    pub fn steadily<T>(
        &self,
        ctx: &Ctx<'_>,
        pin: &Pin,
        is_good: impl Fn(&T) -> bool,
        look: impl Fn() -> T,
    ) -> (T, Option<Fault>) {
        let mut looks = 1;
        loop {
            let before = self.moment(pin);
            let seen = look();
            let nothing_came_between = before.is_settled && before == self.moment(pin);
            if is_good(&seen) || nothing_came_between || looks == MAX_LOOKS {
                return (seen, None);
            }
            looks = looks.saturating_add(1);
            // Nothing is created for it.
            if let Err(error) = ctx.waiting(|patience| Lock::wait_for_holder(&self.lock_file(), patience)) {
                return (seen, Some(error.into()));
            }
        }
    }

    fn moment(&self, pin: &Pin) -> Moment {
        Moment {
            is_settled: Lock::holder(&self.lock_file()).is_none(),
            record: Identity::at(&self.folder.join(record_name(pin.name.as_str()))),
            tree: Identity::at(&self.folder.join(pin.to.as_str())),
        }
    }

    fn lock_file(&self) -> PathBuf {
        self.folder.join(RECORDS).join(fs::LOCK)
    }

    /// The record of a pin, `None` where there is none.
    pub fn record(&self, pin: &str) -> Result<Option<Record>, Fault> {
        let name = record_name(pin);
        let path = self.folder.join(&name);
        let Some(bytes) = fs::read_if_exists(&path, MAX_RECORD_LEN)? else { return Ok(None) };
        Record::parse(&bytes).map(Some).map_err(|error| error.in_file(&name))
    }

    /// Writes the record of a pin.
    pub fn write_record(&self, record: &Record) -> Result<(), Fault> {
        Ok(fs::write_one_of_many(&self.folder.join(record_name(&record.pin)), text(record)?.as_bytes())?)
    }

    /// Notes the record of a tree that is about to be put into place, beside the one that is in force. Until it is
    /// [confirmed](Self::confirm), what stands there may be of either.
    pub fn announce(&self, record: &Record) -> Result<Announced, Fault> {
        fs::write_one_of_many(&self.folder.join(announced_name(&record.pin)), text(record)?.as_bytes())?;
        Ok(Announced { pin: record.pin.clone() })
    }

    /// Puts a record in force whose tree stands.
    pub fn confirm(&self, announced: &Announced) -> Result<(), Fault> {
        let path = |name: String| self.folder.join(name);
        Ok(fs::rename(&path(announced_name(&announced.pin)), &path(record_name(&announced.pin)))?)
    }

    /// Makes sure that what was recorded stays after a loss of power.
    pub fn sync_records(&self) -> Result<(), Fault> {
        Ok(fs::sync_folder_of(&self.folder.join(record_name("any")))?)
    }

    /// Ends what killed runs began, and removes what they left beside pins.toml, among the records and beside the trees that
    /// these are of. What living ones are at stays.
    pub fn settle(&self, ctx: &Ctx<'_>) -> Result<(), Fault> {
        fs::sweep_partials(&self.root);
        let Some(records) = self.root.child(RECORDS)? else { return Ok(()) };
        fs::sweep_partials(&records);
        let announced = || {
            let names = fs::names(records.path())?;
            let pins = names.iter().filter_map(|name| name.strip_prefix('.')?.strip_suffix(ANNOUNCED));
            Ok::<_, Fault>(pins.map(|pin| Announced { pin: pin.to_owned() }).collect::<Vec<_>>())
        };
        if !announced()?.is_empty() {
            // Another process may be between the two steps; then it has ended them when the lock is free.
            let _publishing = self.publishing(ctx)?;
            announced()?.iter().try_for_each(|announced| self.settle_one(announced))?;
        }
        // What no pin names is looked at by nobody else.
        let names = fs::names(records.path())?;
        let orphans = names.iter().filter_map(|name| name.strip_suffix(".json"));
        for name in orphans.filter(|name| !name.starts_with('.') && self.pin_file.pin(name).is_none()) {
            if let Ok(Some(record)) = self.record(name) {
                self.sweep_beside(ctx, &record.to)?;
            }
        }
        Ok(())
    }

    /// A record that was announced is in force where its tree stands, and what stands is not of the one before.
    fn settle_one(&self, announced: &Announced) -> Result<(), Fault> {
        let name = announced_name(&announced.pin);
        let record = fs::read_if_exists(&self.folder.join(&name), MAX_RECORD_LEN)?;
        let record = record.and_then(|bytes| Record::parse(&bytes).ok()).filter(|record| record.pin == announced.pin);
        let Some(record) = record else { return Ok(fs::remove(&self.folder.join(name))?) };
        if let Ok(Some(parent)) = tree::parent_of(&self.root, &record.to) {
            tree::sweep(&parent, &record.to)?;
        }
        let before = self.record(&announced.pin).ok().flatten();
        let is_before = before.filter(|before| before.to == record.to).is_some_and(|before| self.stands(&before));
        if !is_before && self.stands(&record) {
            self.confirm(announced)
        } else {
            Ok(fs::remove(&self.folder.join(name))?)
        }
    }

    fn stands(&self, record: &Record) -> bool {
        let Ok(Some(parent)) = tree::parent_of(&self.root, &record.to) else { return false };
        let ignore = self.pin_file.pin(&record.pin).map(|pin| &pin.ignore);
        let none = Ignore::default();
        let found = tree::looks_like(&parent, record.to.file_name(), &record.contents, ignore.unwrap_or(&none));
        found.is_ok_and(|found| found.is_some())
    }

    /// Removes what killed runs left beside a destination. What stands there while another process publishes is that one's.
    pub fn sweep_beside(&self, ctx: &Ctx<'_>, to: &RelPath) -> Result<(), Fault> {
        // A link on the way leads to what is not ours.
        let Ok(Some(parent)) = tree::parent_of(&self.root, to) else { return Ok(()) };
        if tree::leftover(&parent, to)?.is_some() {
            let _publishing = self.publishing(ctx)?;
            tree::sweep(&parent, to)?;
        }
        Ok(())
    }

    /// Records that no pin has any more: their trees stand there and nothing holds them.
    pub fn orphans(&self) -> Result<Vec<Finding>, Fault> {
        let names = fs::names(&self.folder.join(RECORDS))?;
        let orphans = names.iter().filter_map(|name| name.strip_suffix(".json"));
        Ok(orphans
            .filter(|name| !name.starts_with('.') && self.pin_file.pin(name).is_none())
            .map(|name| {
                let message = format!("the record of `{}` belongs to no pin", name.escape_debug());
                Finding::new(Level::Warning, "orphan-record", message)
                    .at(record_name(name))
                    .hint("remove it together with its tree, unless another pin file in this folder has it")
            })
            .collect())
    }
}

/// A record that was announced.
#[derive(Debug)]
pub struct Announced {
    pin: String,
}

/// How things stand with a pin: where two moments are the same and settled, nothing was published in between.
#[derive(PartialEq, Eq)]
struct Moment {
    is_settled: bool,
    record: Option<Identity>,
    tree: Option<Identity>,
}

/// The lock on trees and records, shared by the threads of a process.
#[derive(Debug)]
pub struct Publishing<'a> {
    project: &'a Project,
}

impl Drop for Publishing<'_> {
    fn drop(&mut self) {
        let mut shared = self.project.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.holders = shared.holders.saturating_sub(1);
        if shared.holders == 0 {
            shared.lock = None;
        }
    }
}

/// What the threads of a process share of the lock.
#[derive(Debug, Default)]
struct Shared {
    lock: Option<Lock>,
    holders: usize,
    gave_up: bool,
}

/// So often is looked at a pin at which others are at work.
const MAX_LOOKS: usize = 4;

/// Why an edit came to nothing.
enum Stopped {
    Fault(Fault),
    Fs(FsError),
}

impl From<Fault> for Stopped {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<FsError> for Stopped {
    fn from(error: FsError) -> Self {
        Self::Fs(error)
    }
}

/// The pin file has no pins.
pub fn no_pins() -> Fault {
    Fault::failed("no-pins", "there are no pins to look at").hint("add a `[pins.NAME]` table; docs/pins.md tells how")
}

/// The path of a pin's record, relative to pins.toml.
pub fn record_name(pin: &str) -> String {
    format!("{RECORDS}/{pin}.json")
}

fn announced_name(pin: &str) -> String {
    format!("{RECORDS}/.{pin}{ANNOUNCED}")
}

/// The text of a record; refused where nobody could read it again.
fn text(record: &Record) -> Result<String, Fault> {
    let text = record.to_json();
    match u64::try_from(text.len()) {
        Ok(len) if len <= MAX_RECORD_LEN => Ok(text),
        _ => {
            let (path, len) = (record_name(&record.pin), text.len());
            let message = format!("`{path}` would have {len} bytes, more than the {MAX_RECORD_LEN} that are read");
            Err(Fault::failed("record-too-long", message).hint("leave files out with `include` or `exclude`"))
        }
    }
}

/// How the name of a record ends whose tree may not stand yet.
const ANNOUNCED: &str = ".json.pinfold-new";

#[cfg(test)]
mod tests {
    use super::*;
    use pinfold_core::digest::{Algorithm, Integrity, Sha256};
    use pinfold_core::finding::Verdict;
    use pinfold_core::record::{Contents, Entry, EntryKind, Evidence};

    #[test]
    fn a_record_that_nobody_could_read_is_not_written() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("pins.toml"), "version = 1\n").expect("a file");
        let project = Project::open(&folder.path().join("pins.toml")).expect("a project");
        std::fs::create_dir(folder.path().join(RECORDS)).expect("a folder");
        let link = |len| Entry { path: "a".parse().expect("a path"), kind: EntryKind::Symlink("a".repeat(len)) };
        let record = |len| Record {
            pin: "x".into(),
            source: "file:x".into(),
            integrity: Integrity::of(Algorithm::Sha512, b"x"),
            size: 1,
            to: "x".parse().expect("a path"),
            recipe: Sha256::of(b"x"),
            tree: None,
            evidence: Evidence::Off,
            signatures: None,
            contents: Contents::Folder(vec![link(len)]),
        };
        let limit = usize::try_from(MAX_RECORD_LEN).expect("a length");
        let rest = record(0).to_json().len();
        for result in [project.write_record(&record(limit)), project.announce(&record(limit)).map(|_| ())] {
            let error = result.expect_err("too long");
            assert_eq!((error.code(), error.verdict()), ("record-too-long", Verdict::Failed));
        }
        assert!(project.write_record(&record(limit - rest + 1)).is_err());
        assert_eq!(fs::names(&folder.path().join(RECORDS)).expect("names"), [""; 0]);
        project.write_record(&record(limit - rest)).expect("just short enough");
        assert!(project.record("x").expect("to be read").is_some());
    }
}
