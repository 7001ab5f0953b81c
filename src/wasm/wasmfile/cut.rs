//! Files written anew: delimiters put in, signatures put in and taken out, parts cut off. Raw bytes are moved, never
//! re-encoded, so that what was signed stays signed.

use std::fmt;

use super::error::WasmError;
use super::leb;
use super::pass::{Pass, Step};
use super::reader::Section;
use super::selection::Selection;
use super::signature::{MAX_HASHES, SignatureData, SignatureError};
use super::{DELIMITER, DELIMITER_LEN, Kind, SIGNATURE};
use pinfold_core::digest::Sha256;

/// Where everything stands in a file in memory.
#[derive(Debug)]
pub struct Layout {
    /// What the header says that it is.
    pub kind: Kind,
    /// The signature data, where the file has it.
    pub signature: Option<Vec<u8>>,
    /// The hash at the end of each part: what a signature is over.
    pub hashes: Vec<Sha256>,
    sections: Vec<(Section, usize)>,
    /// Where the first section behind the signature starts.
    body: usize,
    delimited: bool,
}

impl Layout {
    /// Signature data, read.
    fn data(&self) -> Result<Option<SignatureData>, EditError> {
        Ok(self.signature.as_deref().map(SignatureData::parse).transpose()?)
    }

    /// Whether a dynamic linker must find its own section first, where a signature would stand.
    fn is_linked(&self) -> bool {
        self.signature.is_none()
            && self.sections.first().is_some_and(|(first, _)| first.is("dylink.0") || first.is("dylink"))
    }
}

/// Reads where everything stands.
///
/// # Errors
/// The file is none.
pub fn layout(file: &[u8]) -> Result<Layout, WasmError> {
    let mut pass = Pass::open(file, &mut |_| {})?;
    let mut layout = Layout {
        kind: pass.kind(),
        signature: None,
        hashes: Vec::new(),
        sections: Vec::new(),
        body: HEADER_LEN,
        delimited: false,
    };
    while let Some(step) = pass.next(&mut |_| {})? {
        match step {
            Step::Signature { section, data } => {
                layout.body = to_usize(section.end());
                layout.signature = Some(data);
            }
            Step::Section { section, part } => layout.sections.push((section, part)),
            Step::Delimiter { section, part, hash } => {
                layout.sections.push((section, part));
                layout.hashes.push(hash);
            }
            Step::End { last, .. } => {
                layout.delimited = last.is_none();
                layout.hashes.extend(last.map(|(_, hash)| hash));
            }
        }
    }
    Ok(layout)
}

/// Puts signature data into a file, in place of what it has.
///
/// # Errors
/// A file for a dynamic linker has no place for it.
pub fn embed(file: &[u8], data: &[u8]) -> Result<Vec<u8>, EditError> {
    let layout = layout(file)?;
    SignatureData::parse(data)?;
    if layout.is_linked() {
        return Err(EditError::Linked);
    }
    let mut out = layout.kind.header().to_vec();
    put_section(SIGNATURE, data, &mut out)?;
    out.extend(file.get(layout.body..).unwrap_or_default());
    Ok(out)
}

/// Puts a detached signature into its file.
///
/// # Errors
/// The file has a signature, or no place for one; or the signature is none.
pub fn attach(file: &[u8], detached: &[u8]) -> Result<Vec<u8>, EditError> {
    if layout(file)?.signature.is_some() {
        return Err(EditError::HasSignature);
    }
    embed(file, detached)
}

/// Takes the signature out: the file as it was before, and the detached signature.
///
/// # Errors
/// There is none.
pub fn detach(file: &[u8]) -> Result<(Vec<u8>, Vec<u8>), EditError> {
    let layout = layout(file)?;
    let data = layout.signature.ok_or(EditError::NoSignature)?;
    let mut out = layout.kind.header().to_vec();
    out.extend(file.get(layout.body..).unwrap_or_default());
    Ok((out, data))
}

/// Puts delimiters wherever sections that are selected and sections that are not meet, and at the end, as wasmsign2 does;
/// those that there are stay. Nothing is selected: all is one part, to which others can be added later.
///
/// # Errors
/// A delimiter would come between bytes that are signed already.
pub fn split(
    file: &[u8],
    selection: Option<&Selection>,
    random: &mut dyn FnMut() -> Option<[u8; DELIMITER_LEN]>,
) -> Result<Vec<u8>, EditError> {
    let layout = layout(file)?;
    let data = layout.data()?;
    let open_end = layout.hashes.last().filter(|_| !layout.delimited);
    let signs = |hash: &Sha256| data.iter().flat_map(|data| &data.sets).any(|set| set.hashes.contains(hash));
    let signed_to_the_end = open_end.is_some_and(signs);
    let mut out = file.get(..layout.body).unwrap_or_default().to_vec();
    let mut before: Option<bool> = None;
    let mut added = 0_usize;
    for (section, part) in &layout.sections {
        let selected = selection.is_none_or(|selection| selection.takes(section));
        if section.is(DELIMITER) {
            before = None;
        } else if before.replace(selected).is_some_and(|before| before != selected) {
            // A delimiter here changes the hashes of this part and of all behind it.
            if layout.hashes.iter().skip(*part).any(signs) {
                return Err(EditError::SplitsSigned);
            }
            put_delimiter(random, &mut out)?;
            added += 1;
        }
        out.extend(file.get(to_usize(section.offset)..to_usize(section.end())).unwrap_or_default());
    }
    if !layout.delimited && !layout.sections.is_empty() {
        if signed_to_the_end {
            return Err(EditError::SplitsSigned);
        }
        put_delimiter(random, &mut out)?;
    }
    if layout.hashes.len().saturating_add(added) > MAX_HASHES { Err(EditError::TooManyParts) } else { Ok(out) }
}

/// Where to cut a file.
#[derive(Debug, Clone, Copy)]
pub enum Cut<'a> {
    /// Behind this many parts.
    Behind(usize),
    /// Before the first part with one of these sections.
    Before(&'a Selection),
}

/// Cuts off the last parts of a signed file; what is left stays signed, as a subset of what was.
///
/// # Errors
/// Nothing would be left, code would go, or nobody signed what is left.
pub fn strip(file: &[u8], cut: Cut<'_>) -> Result<Vec<u8>, EditError> {
    let layout = layout(file)?;
    let data = layout.data()?.ok_or(EditError::NoSignature)?;
    let keep = match cut {
        Cut::Behind(parts) => parts,
        Cut::Before(selection) => {
            let first = layout.sections.iter().find(|(section, _)| !section.is(DELIMITER) && selection.names(section));
            first.map(|(_, part)| *part).ok_or(EditError::NothingToCut)?
        }
    };
    let kept = layout.hashes.get(..keep).filter(|kept| !kept.is_empty()).ok_or(EditError::NoCut)?;
    let last =
        layout.sections.iter().find(|(section, part)| section.is(DELIMITER) && part.checked_add(1) == Some(keep));
    let (last, _) = last.ok_or(EditError::NoCut)?;
    let gone = layout.sections.iter().filter(|(_, part)| *part >= keep);
    if gone.clone().count() == 0 {
        return Err(EditError::NothingToCut);
    }
    if let Some((code, _)) = gone.clone().find(|(section, _)| section.id != 0) {
        return Err(EditError::CutsCode { offset: code.offset });
    }
    if !data.sets.iter().any(|set| set.hashes.starts_with(kept)) {
        return Err(EditError::CutUnsigned);
    }
    Ok(file.get(..to_usize(last.end())).unwrap_or_default().to_vec())
}

fn put_delimiter(random: &mut dyn FnMut() -> Option<[u8; DELIMITER_LEN]>, out: &mut Vec<u8>) -> Result<(), EditError> {
    let bytes = random().ok_or(EditError::NoRandomness)?;
    put_section(DELIMITER, &bytes, out)
}

fn put_section(name: &str, content: &[u8], out: &mut Vec<u8>) -> Result<(), EditError> {
    let len = |len: usize| u32::try_from(len).map_err(|_| SignatureError::TooLong);
    let mut payload = Vec::new();
    leb::write(len(name.len())?, &mut payload);
    payload.extend(name.as_bytes());
    payload.extend(content);
    out.push(0);
    leb::write(len(payload.len())?, out);
    out.extend(payload);
    Ok(())
}

/// An offset in a file that is in memory.
fn to_usize(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

const HEADER_LEN: usize = 8;

/// Why a file was not written anew.
#[derive(Debug)]
pub enum EditError {
    /// The file is none.
    File(WasmError),
    /// The signature is none.
    Signature(SignatureError),
    /// It has a signature where it must not.
    HasSignature,
    /// It has no signature where it must.
    NoSignature,
    /// `dylink.0` comes first in it, where the signature would.
    Linked,
    /// A delimiter would come between bytes that are signed.
    SplitsSigned,
    /// More than [`MAX_HASHES`].
    TooManyParts,
    /// No such part, or no delimiter behind it.
    NoCut,
    /// Nothing is behind the cut, or nothing has that name.
    NothingToCut,
    /// What would go is not only custom sections.
    CutsCode {
        /// Where a section stands that the file needs.
        offset: u64,
    },
    /// No signature is over what would be left.
    CutUnsigned,
    /// The system gave no random bytes.
    NoRandomness,
}

impl EditError {
    /// A stable id of the refusal.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::File(error) => error.code(),
            Self::Signature(error) => error.code(),
            Self::HasSignature => "wasm-has-signature",
            Self::NoSignature => "wasm-unsigned",
            Self::Linked => "wasm-dylink",
            Self::SplitsSigned => "wasm-split-signed",
            Self::TooManyParts => "wasm-too-many-parts",
            Self::NoCut => "wasm-no-delimiter",
            Self::NothingToCut => "wasm-nothing-to-cut",
            Self::CutsCode { .. } => "wasm-cut-code",
            Self::CutUnsigned => "wasm-cut-unsigned",
            Self::NoRandomness => "no-randomness",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::File(error) => return error.hint(),
            Self::Signature(error) => return error.hint(),
            Self::HasSignature => "take its signature out first (`pinfold wasm detach`)",
            Self::Linked => "sign it with `--detached FILE`: the signature then lies beside it",
            Self::SplitsSigned => "split a file before it is signed, or take its signature out first",
            Self::NoCut | Self::CutsCode { .. } => "`pinfold wasm inspect` shows the parts and what is in them",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

impl fmt::Display for EditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => error.fmt(f),
            Self::Signature(error) => error.fmt(f),
            Self::HasSignature => f.write_str("the file has a signature already"),
            Self::NoSignature => f.write_str("the file has no signature"),
            Self::Linked => f.write_str(
                "the module is for a dynamic linker, which wants `dylink.0` as its first section, where a signature would be",
            ),
            Self::SplitsSigned => f.write_str("a delimiter would come between bytes that are signed, and undo that"),
            Self::TooManyParts => write!(f, "the file would have more than {MAX_HASHES} parts"),
            Self::NoCut => f.write_str("there is no delimiter at that place"),
            Self::NothingToCut => f.write_str("there is nothing to cut off"),
            Self::CutsCode { offset } => {
                write!(f, "the section at byte {offset} would go, without which the file is another one")
            }
            Self::CutUnsigned => f.write_str("no signature is over what would be left"),
            Self::NoRandomness => f.write_str("the system gave no random bytes"),
        }
    }
}

impl std::error::Error for EditError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File(error) => error.source(),
            _ => None,
        }
    }
}

impl From<WasmError> for EditError {
    fn from(error: WasmError) -> Self {
        Self::File(error)
    }
}

impl From<SignatureError> for EditError {
    fn from(error: SignatureError) -> Self {
        Self::Signature(error)
    }
}
