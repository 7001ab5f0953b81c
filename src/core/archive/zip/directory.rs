//! The end of a zip file and its central directory (APPNOTE 6.3.10, sections 4.3.12 and 4.3.16).

use std::io::{self, Read, Seek, SeekFrom};

use super::ZipRule;
use super::fields::Fields;
use crate::archive::error::Rule;
use crate::archive::input::len64;

/// The end record without its comment, in bytes, and the longest comment.
const END: usize = 22;
const COMMENT_MAX: usize = 0xffff;
const END_MAGIC: [u8; 4] = *b"PK\x05\x06";
/// The end record's zip64 companion stands right before it (section 4.3.15).
const LOCATOR: usize = 20;
const LOCATOR_MAGIC: [u8; 4] = *b"PK\x06\x07";
const CENTRAL_MAGIC: u32 = u32::from_le_bytes(*b"PK\x01\x02");

/// Largest central directory, in bytes; it is held in memory. The 65,535 members that fit without zip64 have some 100
/// bytes each.
const CENTRAL_MAX: u32 = 16 << 20;

/// The central directory, and where it starts.
#[derive(Debug)]
pub(super) struct Directory {
    pub(super) bytes: Vec<u8>,
    pub(super) offset: u32,
    pub(super) members: u16,
}

/// One header of the central directory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    /// The system whose attributes `attributes` has (section 4.4.2).
    pub(super) host: u8,
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) crc: u32,
    pub(super) packed: u32,
    pub(super) size: u32,
    pub(super) attributes: u32,
    pub(super) offset: u32,
    pub(super) name: &'a [u8],
    pub(super) extra: &'a [u8],
}

/// Finds and reads the central directory. There is one reading of where it is: the end record ends with the file, says
/// where the directory starts, and the directory ends where the record begins.
pub(super) fn read<R: Read + Seek>(input: &mut R) -> io::Result<Directory> {
    let len = input.seek(SeekFrom::End(0))?;
    let tail_len = len.min(len64(LOCATOR + END + COMMENT_MAX));
    input.seek(SeekFrom::Start(len.saturating_sub(tail_len)))?;
    let mut tail = Vec::new();
    input.by_ref().take(tail_len).read_to_end(&mut tail)?;
    let at = find_end(&tail)?;
    let (before, end) = tail.split_at_checked(at).ok_or(ZipRule::NoEnd)?;
    let end = parse_end(end)?;
    if before.iter().rev().take(LOCATOR).rev().take(4).eq(&LOCATOR_MAGIC) {
        return Err(ZipRule::Zip64.into());
    }
    let end_offset = len.saturating_sub(len64(tail.len())).saturating_add(len64(at));
    if u64::from(end.offset).saturating_add(u64::from(end.size)) != end_offset || end.size > CENTRAL_MAX {
        return Err(ZipRule::Directory.into());
    }
    input.seek(SeekFrom::Start(u64::from(end.offset)))?;
    let mut bytes = Vec::new();
    input.by_ref().take(u64::from(end.size)).read_to_end(&mut bytes)?;
    Ok(Directory { bytes, offset: end.offset, members: end.members })
}

/// Where in `tail` the end record starts. A comment that has another signature in it is a second end to readers that
/// search from the back and do not look at the comment's length.
fn find_end(tail: &[u8]) -> Result<usize, ZipRule> {
    let is_end = |at: &usize| {
        let length = tail.get(at + 20..at + END).and_then(|bytes| Fields(bytes).u16());
        length.is_some_and(|length| at + END + usize::from(length) == tail.len())
    };
    let magics = || (0..tail.len()).filter(|at| tail.get(*at..).is_some_and(|rest| rest.starts_with(&END_MAGIC)));
    let at = magics().find(is_end).ok_or(ZipRule::NoEnd)?;
    if magics().any(|other| other > at) { Err(ZipRule::AmbiguousEnd) } else { Ok(at) }
}

struct End {
    members: u16,
    size: u32,
    offset: u32,
}

fn parse_end(bytes: &[u8]) -> Result<End, ZipRule> {
    let mut fields = Fields(bytes);
    let mut parse = || {
        let _magic = fields.u32()?;
        let disks = (fields.u16()?, fields.u16()?);
        let members = (fields.u16()?, fields.u16()?);
        Some((disks, members, fields.u32()?, fields.u32()?))
    };
    let (disks, members, size, offset) = parse().ok_or(ZipRule::NoEnd)?;
    if members.1 == u16::MAX || size == u32::MAX || offset == u32::MAX {
        return Err(ZipRule::Zip64);
    }
    if disks != (0, 0) || members.0 != members.1 {
        return Err(ZipRule::MultiDisk);
    }
    Ok(End { members: members.1, size, offset })
}

/// Takes the next header of the central directory.
pub(super) fn next_entry<'a>(fields: &mut Fields<'a>) -> Result<Entry<'a>, Rule> {
    let (entry, disk) = parse_entry(fields).ok_or(ZipRule::Directory)?;
    if disk != 0 {
        return Err(ZipRule::MultiDisk.into());
    }
    if [entry.packed, entry.size, entry.offset].contains(&u32::MAX) {
        return Err(ZipRule::Zip64.into());
    }
    Ok(entry)
}

fn parse_entry<'a>(fields: &mut Fields<'a>) -> Option<(Entry<'a>, u16)> {
    if fields.u32()? != CENTRAL_MAGIC {
        return None;
    }
    let [_, host] = fields.u16()?.to_le_bytes();
    let _version_needed = fields.u16()?;
    let (flags, method) = (fields.u16()?, fields.u16()?);
    let _time = fields.u32()?;
    let (crc, packed, size) = (fields.u32()?, fields.u32()?, fields.u32()?);
    let lengths = (fields.u16()?, fields.u16()?, fields.u16()?);
    let disk = fields.u16()?;
    let _internal_attributes = fields.u16()?;
    let (attributes, offset) = (fields.u32()?, fields.u32()?);
    let name = fields.bytes(usize::from(lengths.0))?;
    let extra = fields.bytes(usize::from(lengths.1))?;
    let _comment = fields.bytes(usize::from(lengths.2))?;
    Some((Entry { host, flags, method, crc, packed, size, attributes, offset, name, extra }, disk))
}
