//! [`Project`]: a pins.toml with its folder, its records and the lock on them.

use std::path::{Path, PathBuf};

use crate::ctx::Progress;
use crate::error::{Error, LifeError};
use crate::fs::{self, Dir, FsError, Lock};
use crate::pins::{MAX_FILE_LEN, Pin, PinFile};
use crate::record::{MAX_RECORD_LEN, Record};
use crate::report::{Finding, Level};

/// The folder beside pins.toml that holds one record a pin.
pub const RECORDS: &str = ".pinfold";

/// A pin file, read, and the folder that it is in.
#[derive(Debug)]
pub struct Project {
    folder: PathBuf,
    root: Dir,
    pin_file: PinFile,
}

impl Project {
    /// Reads the pin file at `path`.
    pub fn open(path: &Path) -> Result<Self, Error> {
        // The parent of a bare file name is the empty path, which no system call takes.
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let folder = parent.unwrap_or(Path::new("."));
        let limit = u64::try_from(MAX_FILE_LEN).unwrap_or(u64::MAX);
        let bytes = fs::read_if_exists(path, limit)?.ok_or_else(|| Error::NoPinFile { path: path.to_owned() })?;
        let text = String::from_utf8(bytes).map_err(|error| {
            FsError::new("read", path, std::io::Error::new(std::io::ErrorKind::InvalidData, error.utf8_error()))
        })?;
        let file = || path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let pin_file = PinFile::parse(&text).map_err(|source| Error::Pins { file: file(), source })?;
        Ok(Self { folder: folder.to_owned(), root: Dir::open(folder)?, pin_file })
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

    /// Puts another text in the place of the pin file's, unless somebody else changed it since it was read. `path` is what
    /// the project was opened by.
    pub fn write_pins(&self, path: &Path, text: &str) -> Result<(), Error> {
        let file = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let limit = u64::try_from(MAX_FILE_LEN).unwrap_or(u64::MAX);
        let now = fs::read_if_exists(path, limit)?;
        if now.as_deref() != Some(self.pin_file.text().as_bytes()) {
            return Err(LifeError::PinsChanged { file }.into());
        }
        fs::replace(path, text.as_bytes()).map_err(|source| LifeError::PinsUnwritable { file, source }.into())
    }

    /// The pins of these names, all of them for no names; in the order of the file, each once.
    pub fn select(&self, names: &[String]) -> Result<Vec<&Pin>, Error> {
        for name in names {
            if self.pin_file.pin(name).is_none() {
                let nearest = self.pin_file.nearest_name(name).map(str::to_owned);
                return Err(Error::UnknownPin { name: name.clone(), nearest });
            }
        }
        let wanted = |pin: &&Pin| names.is_empty() || names.iter().any(|name| name == pin.name.as_str());
        let pins: Vec<&Pin> = self.pin_file.pins().iter().filter(wanted).collect();
        if pins.is_empty() { Err(Error::NoPins) } else { Ok(pins) }
    }

    /// Held while trees and records are changed. The folder of the records must be one: a link in a checkout would have
    /// files written wherever it leads.
    pub fn lock(&self, progress: &dyn Progress) -> Result<Lock, Error> {
        let folder = self.folder.join(RECORDS);
        self.root.make_child(RECORDS, 0o755)?;
        if let Some(lock) = Lock::try_exclusive(&folder)? {
            return Ok(lock);
        }
        progress.waiting();
        Ok(Lock::exclusive(&folder)?)
    }

    /// Held while trees and records are read; `None` where there are no records yet.
    pub fn lock_shared(&self) -> Result<Option<Lock>, Error> {
        let folder = self.folder.join(RECORDS);
        match self.root.child(RECORDS)? {
            Some(_) => Ok(Some(Lock::shared(&folder)?)),
            None => Ok(None),
        }
    }

    /// The record of a pin, `None` where there is none.
    pub fn record(&self, pin: &str) -> Result<Option<Record>, Error> {
        let name = record_name(pin);
        let path = self.folder.join(&name);
        let Some(bytes) = fs::read_if_exists(&path, MAX_RECORD_LEN)? else { return Ok(None) };
        Record::parse(&bytes).map(Some).map_err(|source| Error::Record { path: name, source })
    }

    /// Writes the record of a pin.
    pub fn write_record(&self, record: &Record) -> Result<(), Error> {
        Ok(fs::write(&self.folder.join(record_name(&record.pin)), record.to_json().as_bytes())?)
    }

    /// Records that no pin has any more: their trees stand there and nothing holds them.
    pub fn orphans(&self) -> Result<Vec<Finding>, Error> {
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

    /// Removes what killed runs left among the records; call it under the lock.
    pub fn sweep(&self) -> Result<(), Error> {
        let folder = self.folder.join(RECORDS);
        for name in fs::names(&folder)?.iter().filter(|name| name.ends_with(fs::PARTIAL)) {
            fs::remove(&folder.join(name))?;
        }
        Ok(())
    }
}

/// The path of a pin's record, relative to pins.toml.
pub fn record_name(pin: &str) -> String {
    format!("{RECORDS}/{pin}.json")
}
