//! What the bytes are, and whether that is what was said: told by the content, never by the name alone.

use std::io::{Read, Seek, SeekFrom};

use super::decoder::Decoder;
use super::error::{ArchiveError, Rule};
use super::input::packed;
use super::tar::{BLOCK, looks_like_tar};
use crate::layout::{Format, Layout};

/// What the content is, and whether that agrees with what was said: by `layout.format`, else by the extension of
/// `name` (`x-1.0.tar.gz`, `x.tgz`, `x.zip`, …). Leaves `input` at its start.
///
/// A pin that says `raw` is not looked into. Content that is no archive, of which nobody said that it was one, is raw;
/// a compressed file that holds no tar archive is refused, since keeping it packed and unpacking it are both guesses.
///
/// # Errors
/// A disagreement, a compressed file without a tar archive in it, an archive of a kind that is not read, a stream that
/// breaks within the first block, and failures of `input`.
pub fn detect<R: Read + Seek>(input: &mut R, layout: &Layout, name: &str) -> Result<Format, ArchiveError> {
    if layout.format == Some(Format::Raw) {
        return Ok(Format::Raw);
    }
    let said = layout.format.or_else(|| by_extension(name));
    let found = by_content(input)?;
    input.seek(SeekFrom::Start(0)).map_err(ArchiveError::Input)?;
    match (said, found) {
        (Some(said), found) if found != Some(said) => {
            Err(Rule::FormatDisagrees { said, found: found.unwrap_or(Format::Raw) }.into())
        }
        (_, found) => Ok(found.unwrap_or(Format::Raw)),
    }
}

fn by_extension(name: &str) -> Option<Format> {
    let name = name.to_ascii_lowercase();
    EXTENSIONS.iter().find(|(extension, _)| name.ends_with(extension)).map(|(_, format)| *format)
}

fn by_content<R: Read + Seek>(input: &mut R) -> Result<Option<Format>, ArchiveError> {
    input.seek(SeekFrom::Start(0)).map_err(ArchiveError::Input)?;
    let head = head(packed(&mut *input))?;
    if let Some((_, name)) = UNREADABLE.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Err(Rule::UnsupportedFormat(name).into());
    }
    let format = match head.as_slice() {
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => return Ok(Some(Format::Zip)),
        [0x1f, 0x8b, 8, ..] => Format::TarGz,
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Format::TarXz,
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Format::TarZst,
        // A file of zeros is no archive unless it is packed as one.
        _ => {
            let plain = head.iter().any(|byte| *byte != 0) && looks_like_tar(&head);
            return Ok(plain.then_some(Format::Tar));
        }
    };
    input.seek(SeekFrom::Start(0)).map_err(ArchiveError::Input)?;
    if looks_like_tar(&self::head(Decoder::new(packed(input), format))?) {
        Ok(Some(format))
    } else {
        Err(Rule::NotTar(format).into())
    }
}

/// The first block, or less where there is less.
fn head(reader: impl Read) -> Result<Vec<u8>, ArchiveError> {
    let mut head = Vec::with_capacity(BLOCK);
    reader.take(super::input::len64(BLOCK)).read_to_end(&mut head)?;
    Ok(head)
}

/// Extensions of archives, lower case.
const EXTENSIONS: [(&str, Format); 8] = [
    (".tar.gz", Format::TarGz),
    (".tgz", Format::TarGz),
    (".tar.xz", Format::TarXz),
    (".txz", Format::TarXz),
    (".tar.zst", Format::TarZst),
    (".tzst", Format::TarZst),
    (".tar", Format::Tar),
    (".zip", Format::Zip),
];

/// Archives by their first bytes that would otherwise pass as raw files.
const UNREADABLE: [(&[u8], &str); 4] =
    [(b"BZh", "bzip2"), (b"7z\xbc\xaf\x27\x1c", "7z"), (b"Rar!\x1a\x07", "rar"), (b"LZIP", "lzip")];
