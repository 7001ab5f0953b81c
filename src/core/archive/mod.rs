//! Archives: bytes in, members out that obey the unpacking policy. Nothing is written here.
//!
//! Reads tar (POSIX ustar, pax, GNU) plain or in gzip, xz or Zstandard, and zip. Every rule was bought by somebody's
//! advisory; the code beside it names the advisory. What two readers could understand differently is refused, whether
//! the pin wants that member or not: the archive is one claim, and a claim with two readings proves nothing.
//!
//! Refused in short: names that leave the tree or that two systems read differently, members that collide or are
//! written through others, links that lead out or nowhere, devices, pipes, sparse files, set-id bits, headers that
//! disagree with one another, streams that go on behind their end or stop before it, and more bytes, members or
//! padding than the limits allow.

use std::error::Error;
use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};

mod admission;
mod codes;
mod decoder;
mod deflate;
mod detect;
mod error;
mod gzip;
mod input;
mod kind;
mod links;
mod placed;
mod tar;
#[cfg(test)]
mod tests;
mod xz;
mod zip;
mod zstd;

pub use codes::CODES;
pub use detect::detect;
pub use error::{ArchiveError, Rule};
pub use kind::KindRule;
pub use links::LinkRule;
pub use tar::TarRule;
pub use zip::ZipRule;

use crate::layout::{Format, Layout};
use crate::path::{self, RelPath};
use admission::Admission;
use decoder::Decoder;
use input::Meter;

/// The most memory a decoder's window may take, in bytes: what `xz -9` and `zstd --ultra -21` need. More of it would
/// break the bound on pinfold's memory, and less refuses releases that exist.
pub const WINDOW_MAX: u32 = 64 << 20;

/// Longest PAX header or GNU long name, in bytes, as declared and as read.
pub const METADATA_MAX: u64 = 1 << 20;

/// Longest padding behind the end of a tar archive, in bytes; GNU tar pads to records of 10 KiB.
pub const PADDING_MAX: u64 = 1 << 20;

/// Bytes of a tar stream held at once: several windows of the inflater (32 KiB each), and still in the cache. A visitor
/// that reads with a buffer of this size or more gets large files without a copy.
const STREAM_BUFFER: usize = 128 << 10;

/// What a member is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberKind {
    /// A regular file.
    File {
        /// Its length in bytes; the body has exactly as many.
        size: u64,
        /// Whether its owner may execute it, by the archive or by the pin.
        executable: bool,
    },
    /// A folder; it may be named several times, and need not be named at all.
    Directory,
    /// A symbolic link.
    Symlink {
        /// Relative, and inside the tree by its words. Whether it ends at a member is known when all were read.
        target: String,
    },
    /// A hard link: a copy of an earlier file, mode included.
    HardLink {
        /// Where that file stands in the tree.
        target: RelPath,
    },
}

/// A member that is wanted and may stand in the tree.
pub struct Member<'a> {
    /// Where it goes, after `strip`. The folders above it need not have been visited.
    pub path: RelPath,
    /// What it is.
    pub kind: MemberKind,
    /// The content of a file, exactly as long as declared; empty for all else. Need not be read to its end.
    pub body: &'a mut dyn Read,
}

/// Reads the whole archive and calls `visit` for each wanted member, in archive order.
///
/// The sum of all checks is only known at the end: a caller discards what it kept when this fails. `input` is read
/// from its start, all of it; `packed_len` is its length in bytes. A visitor that does not read a body to its end
/// leaves the rest to be skipped, counted and checked as if it had.
///
/// # Errors
/// [`UnpackError::Archive`] for whatever the archive does wrong, also where the visitor noticed it first as an error
/// of the body, and for failures of `input`; [`UnpackError::Visit`] for what the visitor returned otherwise.
pub fn unpack<R: Read + Seek, E>(
    mut input: R,
    packed_len: u64,
    format: Format,
    layout: &Layout,
    visit: &mut dyn FnMut(Member<'_>) -> Result<(), E>,
) -> Result<(), UnpackError<E>> {
    input.seek(SeekFrom::Start(0)).map_err(ArchiveError::Input)?;
    let mut admission = Admission::new(layout, packed_len);
    let packed = input::packed(input);
    let read = match format {
        Format::Raw => Err(UnpackError::from(Rule::RawHasNoMembers)),
        Format::Zip => zip::read(packed, &mut admission, visit),
        Format::Tar | Format::TarGz | Format::TarXz | Format::TarZst => {
            let meter = Meter::new(Decoder::new(packed, format), &layout.limits, packed_len);
            tar::read(&mut io::BufReader::with_capacity(STREAM_BUFFER, meter), &mut admission, visit)
        }
    };
    match read {
        Ok(()) => Ok(admission.finish()?),
        Err(UnpackError::Archive(error)) => Err(UnpackError::Archive(error.at(&admission.current()))),
        Err(error) => Err(error),
    }
}

/// Refuses a tree in which git would find a repository. `paths` is what is left of an archive to be written: what was left
/// out of the tree, or patched away, refuses nothing.
///
/// # Errors
/// [`Rule::Repository`] at the path that makes it one.
pub fn refuse_repository<'a>(paths: impl IntoIterator<Item = &'a RelPath>) -> Result<(), ArchiveError> {
    match path::repository_in(paths) {
        Some(path) => Err(ArchiveError::from(Rule::Repository).at(path.as_str())),
        None => Ok(()),
    }
}

/// Why [`unpack`] stopped.
#[derive(Debug)]
pub enum UnpackError<E> {
    /// The archive was refused, or could not be read.
    Archive(ArchiveError),
    /// The visitor's own error.
    Visit(E),
}

impl<E: fmt::Display> fmt::Display for UnpackError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Archive(error) => error.fmt(f),
            Self::Visit(error) => error.fmt(f),
        }
    }
}

impl<E: Error + 'static> Error for UnpackError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Archive(error) => error.source(),
            Self::Visit(error) => error.source(),
        }
    }
}

impl<E, T: Into<ArchiveError>> From<T> for UnpackError<E> {
    fn from(error: T) -> Self {
        Self::Archive(error.into())
    }
}

/// Shows a member to the visitor and reads what it left of the body. What is wrong with the archive goes before what
/// the visitor made of it.
fn show<R: Read, E>(
    path: RelPath,
    kind: MemberKind,
    stream: &mut R,
    size: u64,
    visit: &mut dyn FnMut(Member<'_>) -> Result<(), E>,
) -> Result<(), UnpackError<E>> {
    let mut body = input::Body::new(stream, size);
    let visited = visit(Member { path, kind, body: &mut body });
    if visited.is_ok() || body.failed() {
        body.finish()?;
    }
    visited.map_err(UnpackError::Visit)
}
