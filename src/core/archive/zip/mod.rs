//! A strict zip reader (APPNOTE 6.3.10) over the raw inflater: stored and deflated members, no zip64.
//!
//! A zip archive says everything twice, and readers differ over whom they believe. So both are read: the local headers
//! and their data must tile the file from its first byte to the central directory, in its order, and each must say what
//! the central header says. What remains has one reading (the "zip confusion" advisories of 2025 against installers
//! that trusted either side).

mod content;
mod directory;
mod fields;
mod inside;
mod rule;

use std::io::{self, Read, Seek, SeekFrom};

use flate2::Decompress;

use super::admission::{Admission, RawKind};
use super::error::Rule;
use super::input::{Packed, len64};
use super::kind::{KindRule, check_mode};
use super::links::LinkRule;
use super::{Member, UnpackError, show};
use crate::path::MAX_PATH_LEN;
use content::Content;
use directory::{Directory, Entry, next_entry};
use fields::Fields;
pub use rule::ZipRule;

/// Methods (section 4.4.5).
const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// Flags (section 4.4.4): encryption in three ways, the deflater's level, a data descriptor, names in UTF-8.
const ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;
const LEVEL: u16 = 0b110;
const DESCRIPTOR: u16 = 1 << 3;
const UTF8: u16 = 1 << 11;

const LOCAL_MAGIC: [u8; 4] = *b"PK\x03\x04";
const DESCRIPTOR_MAGIC: [u8; 4] = *b"PK\x07\x08";
/// A local header without name and extra fields, in bytes.
const LOCAL: usize = 30;

/// Systems whose upper attributes are a Unix mode (section 4.4.2): Unix, and Darwin.
const UNIX: [u8; 2] = [3, 19];
/// The attribute by which DOS marks a folder.
const DOS_FOLDER: u32 = 1 << 4;

/// Reads every member; see [`super::unpack`].
pub(super) fn read<R: Read + Seek, E>(
    mut input: Packed<R>,
    admission: &mut Admission<'_>,
    visit: &mut dyn FnMut(Member<'_>) -> Result<(), E>,
) -> Result<(), UnpackError<E>> {
    let directory = directory::read(&mut input)?;
    check_sums(&directory, admission)?;
    input.seek(SeekFrom::Start(0))?;
    let mut inflate = Decompress::new(false);
    let mut headers = Fields(&directory.bytes);
    let mut at = 0;
    while !headers.0.is_empty() {
        let entry = next_entry(&mut headers)?;
        admission.note(entry.name);
        if u64::from(entry.offset) != at {
            return Err(ZipRule::Gap.into());
        }
        let header = read_local(&mut input, &entry)?;
        let end = at.saturating_add(header).saturating_add(u64::from(entry.packed));
        let next = match next_entry(&mut headers.clone()) {
            Ok(next) => next.offset,
            Err(_) => directory.offset,
        };
        member(&mut input, &mut inflate, &entry, admission, visit)?;
        at = end.saturating_add(read_descriptor(&mut input, &entry, u64::from(next).checked_sub(end))?);
    }
    if at != u64::from(directory.offset) {
        return Err(ZipRule::Gap.into());
    }
    Ok(())
}

/// The whole directory is well-formed, has as many headers as the end record says, and declares no more than the
/// limits allow: before the first member is read.
fn check_sums(directory: &Directory, admission: &Admission<'_>) -> Result<(), Rule> {
    let mut headers = Fields(&directory.bytes);
    let (mut members, mut sum) = (0_u64, 0_u64);
    while !headers.0.is_empty() {
        let entry = next_entry(&mut headers)?;
        members = members.saturating_add(1);
        sum = sum.saturating_add(u64::from(entry.size));
    }
    let limits = admission.limits();
    if members != u64::from(directory.members) {
        return Err(ZipRule::Directory.into());
    }
    if members > limits.members {
        return Err(Rule::TooManyMembers(limits.members));
    }
    if sum > limits.unpacked {
        return Err(Rule::TooManyBytes(limits.unpacked));
    }
    Ok(())
}

/// Reads a local header and holds it against the central one; returns its length.
fn read_local(input: &mut impl Read, entry: &Entry<'_>) -> io::Result<u64> {
    let mut bytes = [0; LOCAL];
    input.read_exact(&mut bytes)?;
    let disagree = |field| io::Error::from(ZipRule::HeadersDisagree(field));
    let mut fields = Fields(&bytes);
    let mut parse = || {
        let magic = fields.bytes(4)?;
        let _version_needed = fields.u16()?;
        let (flags, method) = (fields.u16()?, fields.u16()?);
        let _time = fields.u32()?;
        let sums = [fields.u32()?, fields.u32()?, fields.u32()?];
        Some((magic, flags, method, sums, fields.u16()?, fields.u16()?))
    };
    let (magic, flags, method, sums, name_len, extra_len) = parse().ok_or(ZipRule::Gap)?;
    if magic != LOCAL_MAGIC {
        return Err(ZipRule::Gap.into());
    }
    if flags != entry.flags {
        return Err(disagree("flags"));
    }
    if method != entry.method {
        return Err(disagree("method"));
    }
    // With a descriptor the header was written before the sums were known, and mostly leaves them empty.
    let later = flags & DESCRIPTOR != 0;
    for (local, central, field) in
        [(sums[0], entry.crc, "checksum"), (sums[1], entry.packed, "packed size"), (sums[2], entry.size, "size")]
    {
        if local != central && !(later && local == 0) {
            return Err(if local == u32::MAX { ZipRule::Zip64.into() } else { disagree(field) });
        }
    }
    let mut name = vec![0; usize::from(name_len)];
    input.read_exact(&mut name)?;
    if name != entry.name {
        return Err(disagree("name"));
    }
    let mut extra = vec![0; usize::from(extra_len)];
    input.read_exact(&mut extra)?;
    check_extra(&extra, entry)?;
    Ok(len64(LOCAL).saturating_add(u64::from(name_len)).saturating_add(u64::from(extra_len)))
}

/// Reads the data descriptor (section 4.3.9), for which there is exactly `room`; returns its length.
fn read_descriptor(input: &mut impl Read, entry: &Entry<'_>, room: Option<u64>) -> io::Result<u64> {
    let room = room.ok_or(ZipRule::Gap)?;
    if entry.flags & DESCRIPTOR == 0 {
        return if room == 0 { Ok(0) } else { Err(ZipRule::Gap.into()) };
    }
    // The signature is optional; whether it is there is told by the room, not by the bytes.
    let mut bytes = [0; 16];
    let mut fields = match room {
        16 => {
            input.read_exact(&mut bytes)?;
            Fields(bytes.strip_prefix(&DESCRIPTOR_MAGIC).ok_or(ZipRule::Descriptor)?)
        }
        12 => {
            let (bytes, _) = bytes.split_at_mut(12);
            input.read_exact(bytes)?;
            Fields(bytes)
        }
        _ => return Err(ZipRule::Gap.into()),
    };
    let sums = [fields.u32(), fields.u32(), fields.u32()];
    if sums != [Some(entry.crc), Some(entry.packed), Some(entry.size)] {
        return Err(ZipRule::Descriptor.into());
    }
    Ok(room)
}

fn member<R: Read, E>(
    input: &mut Packed<R>,
    inflate: &mut Decompress,
    entry: &Entry<'_>,
    admission: &mut Admission<'_>,
    visit: &mut dyn FnMut(Member<'_>) -> Result<(), E>,
) -> Result<(), UnpackError<E>> {
    check_entry(entry)?;
    let size = u64::from(entry.size);
    let mut content = Content::new(input, inflate, entry);
    let mut target = Vec::new();
    let (kind, body) = match kind_of(entry)? {
        RawKind::Directory if entry.size != 0 => return Err(Rule::UnexpectedBody.into()),
        RawKind::Symlink(_) => {
            if size > len64(MAX_PATH_LEN) {
                return Err(Rule::Link { target: String::new(), rule: LinkRule::TooLong }.into());
            }
            content.by_ref().take(size).read_to_end(&mut target)?;
            (RawKind::Symlink(&target), 0)
        }
        kind => (kind, size),
    };
    match admission.admit(entry.name, kind)? {
        Some((path, kind)) => show(path, kind, &mut content, body, visit)?,
        None => super::input::Body::new(&mut content, body).finish()?,
    }
    Ok(content.finish()?)
}

/// What no member may say about itself.
fn check_entry(entry: &Entry<'_>) -> Result<(), Rule> {
    if entry.flags & ENCRYPTED != 0 {
        return Err(ZipRule::Encrypted.into());
    }
    if entry.flags & !(LEVEL | DESCRIPTOR | UTF8) != 0 {
        return Err(ZipRule::Flags.into());
    }
    if entry.method != STORED && entry.method != DEFLATED {
        return Err(ZipRule::Method.into());
    }
    if entry.method == STORED && entry.packed != entry.size {
        return Err(Rule::SizeWrong);
    }
    if entry.flags & UTF8 == 0 && !entry.name.is_ascii() {
        return Err(ZipRule::NameEncoding.into());
    }
    check_extra(entry.extra, entry)
}

/// Walks extra fields (section 4.5): they fill their length, and bring neither zip64 sizes nor another name, kind or mode.
/// Times, owners, access lists and padding make no other tree.
fn check_extra(extra: &[u8], entry: &Entry<'_>) -> Result<(), Rule> {
    let mut fields = Fields(extra);
    while !fields.0.is_empty() {
        let id = fields.u16().ok_or(ZipRule::Extra)?;
        let data = fields.u16().and_then(|len| fields.bytes(usize::from(len))).ok_or(ZipRule::Extra)?;
        match (id, data) {
            (0x0001, _) => return Err(ZipRule::Zip64.into()),
            // Version, CRC-32 of the name, name (section 4.6.9).
            (0x7075, [1, _, _, _, _, path @ ..]) if path == entry.name => {}
            // Another name, in another encoding (PFS) or for the Macintosh (ZipIt).
            (0x7075 | 0x0008 | 0x2605 | 0x2705 | 0x2805, _) => return Err(ZipRule::UnicodePath.into()),
            // Strong encryption and AES, with or without the flags and methods that go with them.
            (0x0017 | 0x9901, _) => return Err(ZipRule::Encrypted.into()),
            // Attributes, and so kind and mode, as libarchive writes them for readers of streams and obeys them first.
            (0x6c78, _) => return Err(ZipRule::ExtraDisagrees.into()),
            // PKWARE's Unix field: two times and two owners, then the target of a link or the numbers of a device.
            (0x000d, data) if data.len() > 12 => return Err(ZipRule::ExtraDisagrees.into()),
            (0x756e, data) if !asi_agrees(data, entry) => return Err(ZipRule::ExtraDisagrees.into()),
            _ => {}
        }
    }
    Ok(())
}

/// Whether the ASi Unix field (section 4.6.8) makes of the member what its attributes do: CRC-32, mode, length of a link's
/// target or numbers of a device, owners, target.
fn asi_agrees(data: &[u8], entry: &Entry<'_>) -> bool {
    let [_, _, _, _, low, high, 0, 0, 0, 0, _, _, _, _] = data else { return false };
    let mode = u32::from(u16::from_le_bytes([*low, *high]));
    let folder = entry.name.ends_with(b"/");
    let agrees = |one: u32, other: u32| folder || one & 0o100 == other & 0o100;
    mode & 0o170_000 == if folder { 0o040_000 } else { 0o100_000 }
        && UNIX.contains(&entry.host)
        && agrees(mode, entry.attributes >> 16)
        && check_mode(mode).is_ok()
}

/// What the member is: by its mode where a Unix wrote it, and its name must agree.
fn kind_of(entry: &Entry<'_>) -> Result<RawKind<'static>, Rule> {
    let folder = entry.name.ends_with(b"/");
    let mode = entry.attributes >> 16;
    let unix = UNIX.contains(&entry.host);
    if unix {
        check_mode(mode)?;
    }
    if entry.attributes & DOS_FOLDER != 0 && !folder {
        return Err(ZipRule::Type.into());
    }
    let file = RawKind::File { size: u64::from(entry.size), executable: unix && mode & 0o100 != 0 };
    match mode & 0o170_000 {
        0 => Ok(if folder { RawKind::Directory } else { file }),
        0o040_000 if folder => Ok(RawKind::Directory),
        0o100_000 if !folder => Ok(file),
        // Some readers make a link of this mode whoever wrote it, and some only for Unix.
        0o120_000 if !folder && unix => Ok(RawKind::Symlink(&[])),
        0o020_000 | 0o060_000 => Err(Rule::Kind(KindRule::Device)),
        0o010_000 => Err(Rule::Kind(KindRule::Fifo)),
        0o140_000 => Err(Rule::Kind(KindRule::Socket)),
        _ => Err(ZipRule::Type.into()),
    }
}
