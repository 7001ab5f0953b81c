//! The layout keys of a pin, read into [`Layout`].

use super::artifact::MAX_SIZE;
use super::error::{PinsError, PinsErrorKind};
use super::table::{Entry, Table};
use super::value::ValueError;
use crate::layout::{Executable, Format, Ignore, Layout, Limits, Pattern};
use crate::path::RelPath;

/// Most components that `strip` takes off: no path is deeper ([`crate::path::MAX_DEPTH`]).
pub const MAX_STRIP: u64 = 64;

/// Reads them; `default_strip` holds where the pin says nothing and the artifact is an archive.
pub(super) fn read(pin: Table<'_>, default_strip: usize) -> Result<Layout, PinsError> {
    let format = pin.get("format").map(read_format).transpose()?;
    if format == Some(Format::Raw) {
        let member_key = pin.entries().find(|entry| KEYS_OF_MEMBERS.contains(&entry.key()));
        if let Some(entry) = member_key {
            return Err(entry.error(PinsErrorKind::KeyOfRaw { key: entry.key().to_owned() }));
        }
    }
    let strip = pin.get("strip").map(|entry| entry.number(0..=MAX_STRIP)).transpose()?;
    let default_strip = if format == Some(Format::Raw) { 0 } else { default_strip };
    let patterns = |key| pin.get(key).map(read_patterns).transpose().map(Option::unwrap_or_default);
    let bound = |key| pin.get(key).map(|entry: Entry<'_>| entry.number(1..=MAX_SIZE)).transpose();
    let (unpacked, members) = (bound("max-unpacked")?, bound("max-members")?);
    Ok(Layout {
        format,
        strip: strip.map_or(default_strip, |strip| usize::try_from(strip).unwrap_or(usize::MAX)),
        include: patterns("include")?,
        exclude: patterns("exclude")?,
        executable: pin.get("executable").map_or(Ok(Executable::AsPacked), |entry| read_executable(entry, format))?,
        limits: Limits {
            unpacked: unpacked.unwrap_or(Limits::DEFAULT.unpacked),
            members: members.unwrap_or(Limits::DEFAULT.members),
            ..Limits::DEFAULT
        },
    })
}

/// What programs write into the tree when they run.
pub(super) fn read_ignore(pin: Table<'_>) -> Result<Ignore, PinsError> {
    Ok(Ignore::new(pin.get("ignore").map(read_patterns).transpose()?.unwrap_or_default()))
}

fn read_format(entry: Entry<'_>) -> Result<Format, PinsError> {
    let value = entry.string()?;
    value.parse().map_err(|_| entry.wrong_value(value, ValueError::Format))
}

fn read_patterns(entry: Entry<'_>) -> Result<Vec<Pattern>, PinsError> {
    entry.list("a list of patterns")?.iter().map(Entry::parse).collect()
}

fn read_executable(entry: Entry<'_>, format: Option<Format>) -> Result<Executable, PinsError> {
    match (entry.boolean(), format) {
        (Some(true), Some(Format::Raw)) => Ok(Executable::Raw),
        (Some(true), _) => Err(entry.error(PinsErrorKind::ExecutableTrue)),
        // `false` would read as "nothing is executable", which is not what the archive's own modes say.
        (Some(false), _) | (None, Some(Format::Raw)) => {
            Err(entry.wrong_type("`true`, or a list of paths in an archive"))
        }
        (None, _) => {
            let paths = entry.list("a list of paths, or `true` for a raw file")?;
            paths.iter().map(Entry::parse).collect::<Result<Vec<RelPath>, _>>().map(Executable::Also)
        }
    }
}

/// The keys that speak of an archive's members.
const KEYS_OF_MEMBERS: [&str; 6] = ["strip", "include", "exclude", "ignore", "max-members", "patch"];
