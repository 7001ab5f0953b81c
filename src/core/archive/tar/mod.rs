//! A strict tar reader: POSIX ustar, pax and GNU headers, each in the one reading that all readers share.
//!
//! Headers that say a thing twice and differently are refused, not ranked: a length in the header and another in the
//! PAX header let one reader skip what the other unpacks (CVE-2025-62518 "TARmageddon"), and so do headers that are
//! stacked, left over, or meant for all members (CVE-2026-33055).

mod header;
mod pax;

use std::io::{self, BufRead, BufReader, Read};

use super::admission::{Admission, RawKind};
use super::error::{ArchiveError, Rule};
use super::input::{Body, Meter, at_end, len64};
use super::kind::{KindRule, check_mode};
use super::{METADATA_MAX, Member, PADDING_MAX, UnpackError, show};
pub(super) use header::BLOCK;
use header::Header;
use pax::Pax;

/// Headers that a tar archive may not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TarRule {
    /// The header's checksum is wrong.
    Checksum,
    /// A number that is not plain octal or positive base 256.
    Number,
    /// Neither POSIX, nor GNU, nor the empty magic of the seventh edition.
    Magic,
    /// Bytes where other readers look for a prefix.
    Prefix,
    /// Text behind the NUL that ends a name.
    AfterNul,
    /// No zero block at the end.
    NoEnd,
    /// Something else than zeros behind the end.
    AfterEnd,
    /// A PAX record that is not `LENGTH key=value\n`.
    PaxMalformed,
    /// A key twice in one PAX header.
    PaxDuplicate,
    /// A name that is empty or has a NUL, or a number that is none.
    PaxValue,
    /// Names in another character set than UTF-8.
    PaxCharset,
    /// A name or size for every member that follows.
    PaxGlobal,
    /// Two extended headers of a kind for one member.
    Stacked,
    /// An extended header with no member behind it.
    Orphaned,
    /// A name by PAX and a name by GNU for one member.
    NameMixed,
    /// A size in the header, and another in the PAX header.
    SizeDisagrees,
}

impl TarRule {
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Checksum => "tar-checksum",
            Self::Number => "tar-number",
            Self::Magic => "tar-magic",
            Self::Prefix => "tar-prefix",
            Self::AfterNul => "tar-after-nul",
            Self::NoEnd => "tar-no-end",
            Self::AfterEnd => "tar-after-end",
            Self::PaxMalformed => "pax-malformed",
            Self::PaxDuplicate => "pax-duplicate",
            Self::PaxValue => "pax-value",
            Self::PaxCharset => "pax-charset",
            Self::PaxGlobal => "pax-global",
            Self::Stacked => "tar-stacked",
            Self::Orphaned => "tar-orphaned",
            Self::NameMixed => "tar-name-mixed",
            Self::SizeDisagrees => "tar-size-disagrees",
        }
    }

    pub(super) const fn sentence(self) -> &'static str {
        match self {
            Self::Checksum => "the checksum of a tar header is wrong",
            Self::Number => "a number in a tar header is malformed",
            Self::Magic => "a tar header has an unknown magic",
            Self::Prefix => "a tar header has bytes where some readers look for a prefix",
            Self::AfterNul => "a tar header has text behind the end of a name",
            Self::NoEnd => "the tar archive has no end marker",
            Self::AfterEnd => "there are bytes behind the end of the tar archive",
            Self::PaxMalformed => "an extended header is malformed",
            Self::PaxDuplicate => "an extended header has a key twice",
            Self::PaxValue => "an extended header has a malformed value",
            Self::PaxCharset => "an extended header has names that are not UTF-8",
            Self::PaxGlobal => "a global header names a path or size for all members",
            Self::Stacked => "two extended headers of one kind stand before one member",
            Self::Orphaned => "an extended header has no member behind it",
            Self::NameMixed => "the member has a PAX name and a GNU name",
            Self::SizeDisagrees => "the tar header and the extended header disagree on the size",
        }
    }
}

impl From<TarRule> for Rule {
    fn from(rule: TarRule) -> Self {
        Self::Tar(rule)
    }
}

impl From<TarRule> for ArchiveError {
    fn from(rule: TarRule) -> Self {
        Rule::Tar(rule).into()
    }
}

impl From<TarRule> for io::Error {
    fn from(rule: TarRule) -> Self {
        Rule::Tar(rule).into()
    }
}

/// What stands before a member and belongs to it alone.
#[derive(Debug, Default)]
struct Pending {
    pax: Option<Pax>,
    long_name: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
}

impl Pending {
    const fn is_empty(&self) -> bool {
        self.pax.is_none() && self.long_name.is_none() && self.long_link.is_none()
    }
}

/// Reads every member; see [`super::unpack`].
pub(super) fn read<D: Read, E>(
    stream: &mut BufReader<Meter<'_, D>>,
    admission: &mut Admission<'_>,
    visit: &mut dyn FnMut(Member<'_>) -> Result<(), E>,
) -> Result<(), UnpackError<E>> {
    let mut header = Header([0; BLOCK]);
    let mut pending = Pending::default();
    let mut name = Vec::new();
    loop {
        if at_end(stream)? {
            return Err(if pending.is_empty() { TarRule::NoEnd } else { TarRule::Orphaned }.into());
        }
        stream.read_exact(&mut header.0)?;
        if header.is_zero() {
            admission.note(b"");
            if !pending.is_empty() {
                return Err(TarRule::Orphaned.into());
            }
            return Ok(finish(stream)?);
        }
        admission.note(header.name_to_show());
        header.check()?;
        match header.kind() {
            b'x' | b'g' | b'L' | b'K' => extend(&mut pending, stream, &header)?,
            _ => member(std::mem::take(&mut pending), stream, &header, &mut name, admission, visit)?,
        }
    }
}

/// Whether a first block starts a tar archive: a header, or the end of an empty one.
pub(super) fn looks_like_tar(head: &[u8]) -> bool {
    <[u8; BLOCK]>::try_from(head).is_ok_and(|block| {
        let header = Header(block);
        header.is_zero() || header.check().is_ok()
    })
}

/// Reads an extended header into what is pending.
fn extend(pending: &mut Pending, stream: &mut impl BufRead, header: &Header) -> io::Result<()> {
    header.check_unused()?;
    let kind = header.kind();
    let taken = match kind {
        b'x' => pending.pax.is_some(),
        b'L' => pending.long_name.is_some(),
        b'K' => pending.long_link.is_some(),
        // A global header between a local one and its member: readers differ over which comes next.
        _ => !pending.is_empty(),
    };
    if taken {
        return Err(TarRule::Stacked.into());
    }
    let size = header.size()?;
    if size > METADATA_MAX {
        return Err(Rule::MetadataTooLong.into());
    }
    let mut payload = Vec::new();
    if len64(stream.by_ref().take(size).read_to_end(&mut payload)?) != size {
        return Err(Rule::Truncated.into());
    }
    skip_padding(stream, size)?;
    match kind {
        b'x' => pending.pax = Some(pax::local(&payload)?),
        b'L' => pending.long_name = Some(long(payload)?),
        b'K' => pending.long_link = Some(long(payload)?),
        _ => pax::global(&payload)?,
    }
    Ok(())
}

/// A GNU long name: text and the NUL that ends it.
fn long(mut payload: Vec<u8>) -> Result<Vec<u8>, TarRule> {
    if payload.last() == Some(&0) {
        payload.pop();
    }
    if payload.contains(&0) {
        return Err(TarRule::AfterNul);
    }
    Ok(payload)
}

fn member<D: Read, E>(
    pending: Pending,
    stream: &mut BufReader<Meter<'_, D>>,
    header: &Header,
    name: &mut Vec<u8>,
    admission: &mut Admission<'_>,
    visit: &mut dyn FnMut(Member<'_>) -> Result<(), E>,
) -> Result<(), UnpackError<E>> {
    stream.get_mut().allow_member();
    let pax = pending.pax.unwrap_or_default();
    header.name(name)?;
    if let Some(longer) = one_of(pax.path, pending.long_name)? {
        *name = longer;
    }
    admission.note(name);
    let longer_link = one_of(pax.link, pending.long_link)?;
    let link = match &longer_link {
        Some(link) => link.as_slice(),
        None => header.link()?,
    };
    let size = size_of(header, pax.size)?;
    let kind = kind_of(header, name, link, size)?;
    match admission.admit(name, kind)? {
        Some((path, kind)) => show(path, kind, stream, size, visit)?,
        None => Body::new(stream, size).finish()?,
    }
    Ok(skip_padding(stream, size)?)
}

/// What a name is when PAX, GNU or nobody gives a longer one.
fn one_of(pax: Option<Vec<u8>>, gnu: Option<Vec<u8>>) -> Result<Option<Vec<u8>>, TarRule> {
    match (pax, gnu) {
        (Some(_), Some(_)) => Err(TarRule::NameMixed),
        (pax, gnu) => Ok(pax.or(gnu)),
    }
}

/// How long the member is. The PAX size is for what does not fit in the header; where both are given they agree.
fn size_of(header: &Header, pax: Option<u64>) -> Result<u64, TarRule> {
    match (header.size()?, pax) {
        (size, None) => Ok(size),
        (0, Some(pax)) => Ok(pax),
        (size, Some(pax)) if size == pax => Ok(size),
        _ => Err(TarRule::SizeDisagrees),
    }
}

fn kind_of<'a>(header: &Header, name: &[u8], link: &'a [u8], size: u64) -> Result<RawKind<'a>, Rule> {
    let kind = match header.kind() {
        b'0' | 0 if name.ends_with(b"/") => return Err(Rule::Kind(KindRule::FolderAsFile)),
        b'0' | 0 => RawKind::File { size, executable: header.mode()? & 0o100 != 0 },
        b'1' => RawKind::HardLink(link),
        b'2' => RawKind::Symlink(link),
        b'5' => RawKind::Directory,
        b'3' | b'4' => return Err(Rule::Kind(KindRule::Device)),
        b'6' => return Err(Rule::Kind(KindRule::Fifo)),
        b'7' => return Err(Rule::Kind(KindRule::Contiguous)),
        b'D' => return Err(Rule::Kind(KindRule::DumpDir)),
        b'M' => return Err(Rule::Kind(KindRule::MultiVolume)),
        b'S' => return Err(Rule::Kind(KindRule::Sparse)),
        b'V' => return Err(Rule::Kind(KindRule::VolumeLabel)),
        _ => return Err(Rule::Kind(KindRule::Unknown)),
    };
    check_mode(header.mode()?)?;
    header.check_unused()?;
    // Some readers skip the body of a link and some do not: what is in it is a member to the second.
    if size != 0 && !matches!(kind, RawKind::File { .. }) {
        return Err(Rule::UnexpectedBody);
    }
    Ok(kind)
}

/// Reads to the end of the block in which a body of `size` bytes ends.
fn skip_padding(stream: &mut impl Read, size: u64) -> io::Result<()> {
    let block = len64(BLOCK);
    let padding = block.saturating_sub(size % block) % block;
    let mut rest = [0; BLOCK];
    let rest = usize::try_from(padding).ok().and_then(|len| rest.get_mut(..len)).unwrap_or_default();
    stream.read_exact(rest)
}

/// Reads what is behind the first zero block: zeros, and not many. One zero block is enough, as for GNU tar.
fn finish(stream: &mut impl BufRead) -> io::Result<()> {
    let mut padding = 0_u64;
    loop {
        let bytes = stream.fill_buf()?;
        if bytes.is_empty() {
            return Ok(());
        }
        if bytes.iter().any(|byte| *byte != 0) {
            return Err(TarRule::AfterEnd.into());
        }
        let len = bytes.len();
        stream.consume(len);
        padding = padding.saturating_add(len64(len));
        if padding > PADDING_MAX {
            return Err(Rule::PaddingTooLong.into());
        }
    }
}
