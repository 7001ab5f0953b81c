//! The container, a section after the other, in constant memory: every byte is handed on as it stands in the file.
//!
//! Raw bytes count, not what they mean: a length may be padded, and whoever hashes a copy that was written anew has
//! hashed another file. What a section claims to hold costs nothing: bytes are only kept while they go through the buffer.

use std::io::{self, Read};

use super::error::WasmError;
use super::fit::{Fit, HEAD_LEN};
use super::leb::{self, LebError};
use super::{Kind, MAX_NAME_LEN, MAX_SECTIONS};

/// A section, without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Its number; 0 for a custom section.
    pub id: u8,
    /// Where it starts, in bytes from the start of the file.
    pub offset: u64,
    /// How many bytes it takes, its number and length included.
    pub size: u64,
    /// The name of a custom section.
    pub name: Option<String>,
    /// How many bytes of content there are: behind the length, and behind the name of a custom section.
    pub content: u64,
}

impl Section {
    /// Whether it is the custom section of this name.
    pub fn is(&self, name: &str) -> bool {
        self.name.as_deref() == Some(name)
    }

    /// Where the next one starts.
    pub const fn end(&self) -> u64 {
        self.offset.saturating_add(self.size)
    }
}

/// Takes raw bytes in the order of the file.
pub(super) type Raw<'a> = &'a mut dyn FnMut(&[u8]);

/// A file that is read a section at a time.
#[derive(Debug)]
pub(super) struct Reader<R> {
    input: R,
    buffer: Vec<u8>,
    /// What of the buffer is still to be handed on.
    held: std::ops::Range<usize>,
    /// Where in the file `held` starts.
    offset: u64,
    /// Content of the current section that is still to come, and where that section starts.
    rest: u64,
    section: u64,
    sections: usize,
    kind: Kind,
    fit: Fit,
}

/// Longer than the longest name with all that stands before it, and large enough for few system calls.
const BUFFER: usize = 128 << 10;
const _: () = assert!(BUFFER > MAX_NAME_LEN + 1 + 2 * leb::MAX_LEN);

impl<R: Read> Reader<R> {
    /// Reads the header.
    pub(super) fn open(input: R, raw: Raw<'_>) -> Result<Self, WasmError> {
        let mut reader = Self {
            input,
            buffer: vec![0; BUFFER],
            held: 0..0,
            offset: 0,
            rest: 0,
            section: 0,
            sections: 0,
            kind: Kind::Module,
            fit: Fit::new(Kind::Module),
        };
        let header = reader.peek(8)?;
        if !header.iter().zip(MAGIC).all(|(got, expected)| got == expected) {
            return Err(WasmError::Magic);
        }
        let Some(header) = header.first_chunk::<8>().copied() else { return Err(WasmError::Truncated { offset: 0 }) };
        let [_, _, _, _, version @ ..] = header;
        let kind = [Kind::Module, Kind::Component].into_iter().find(|kind| kind.header() == header);
        reader.kind = kind.ok_or(WasmError::Version(version))?;
        reader.fit = Fit::new(reader.kind);
        reader.hand_on(8, raw);
        Ok(reader)
    }

    /// What the header says that this is.
    pub(super) const fn kind(&self) -> Kind {
        self.kind
    }

    /// The next section, whose number, length and name are handed on; `None` at the end. The content of the one before
    /// must have been taken.
    pub(super) fn next(&mut self, raw: Raw<'_>) -> Result<Option<Section>, WasmError> {
        debug_assert_eq!(self.rest, 0, "content that nobody took");
        let offset = self.offset;
        let start = self.peek(1 + leb::MAX_LEN)?;
        let Some((&id, after)) = start.split_first() else { return Ok(None) };
        let (len, used) = number(after, offset, 1)?;
        let lead = 1 + used;
        self.sections += 1;
        if self.sections > MAX_SECTIONS {
            return Err(WasmError::TooManySections);
        }
        let len = u64::from(len);
        let size = to_u64(lead).saturating_add(len);
        let (name, lead) = if id == 0 {
            let (name, used) = self.name(offset, lead, len)?;
            (Some(name), lead + used)
        } else {
            let head = self.peek(lead + HEAD_LEN)?;
            let head = head.get(lead..).unwrap_or_default();
            let head = head.get(..usize::try_from(len).unwrap_or(usize::MAX)).unwrap_or(head);
            if to_u64(head.len()) < len.min(to_u64(HEAD_LEN)) {
                return Err(WasmError::Truncated { offset });
            }
            let head = head.to_vec();
            if !self.fit.take(id, len, &head) {
                return Err(WasmError::Section { kind: self.kind, id, offset });
            }
            (None, lead)
        };
        self.rest = size.saturating_sub(to_u64(lead));
        self.section = offset;
        self.hand_on(lead, raw);
        Ok(Some(Section { id, offset, size, name, content: self.rest }))
    }

    /// Hands on the content of the current section.
    pub(super) fn content(&mut self, raw: Raw<'_>) -> Result<(), WasmError> {
        while self.rest > 0 {
            if self.held.is_empty() && self.peek(1)?.is_empty() {
                return Err(WasmError::Truncated { offset: self.section });
            }
            let len = self.held.len().min(usize::try_from(self.rest).unwrap_or(usize::MAX));
            self.hand_on(len, raw);
            self.rest = self.rest.saturating_sub(to_u64(len));
        }
        Ok(())
    }

    /// The name of the custom section at `offset`, and how many bytes behind its length it takes.
    fn name(&mut self, offset: u64, lead: usize, len: u64) -> Result<(String, usize), WasmError> {
        let wrong = WasmError::Name { offset };
        let start = self.peek(lead + leb::MAX_LEN)?.get(lead..).unwrap_or_default();
        // A length of the name that is not there belongs to a section that is too short for it, or to a file that is.
        if len == 0 {
            return Err(wrong);
        }
        let (name_len, used) = number(start, offset, lead)?;
        let name_len = usize::try_from(name_len).unwrap_or(usize::MAX);
        let total = used.saturating_add(name_len);
        if name_len > MAX_NAME_LEN || to_u64(total) > len {
            return Err(wrong);
        }
        let bytes = self.peek(lead + total)?.get(lead + used..lead + total);
        let bytes = bytes.ok_or(WasmError::Truncated { offset })?;
        let name = std::str::from_utf8(bytes).map_err(|_| wrong)?;
        Ok((name.to_owned(), total))
    }

    /// The next `len` bytes without taking them, fewer at the end of the file.
    fn peek(&mut self, len: usize) -> Result<&[u8], WasmError> {
        if self.held.len() < len {
            self.buffer.copy_within(self.held.clone(), 0);
            self.held = 0..self.held.len();
            while self.held.len() < len {
                let free = self.buffer.get_mut(self.held.end..).unwrap_or_default();
                match self.input.read(free) {
                    Ok(0) => break,
                    // A reader that says it read more than it was given room for is wrong, and its bytes are not here.
                    Ok(read) => self.held.end = self.held.end.saturating_add(read).min(self.buffer.len()),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(WasmError::Input(error)),
                }
            }
        }
        let held = self.peeked();
        Ok(held.get(..len).unwrap_or(held))
    }

    /// All that is held.
    fn peeked(&self) -> &[u8] {
        self.buffer.get(self.held.clone()).unwrap_or_default()
    }

    /// Gives away the first `len` held bytes.
    fn hand_on(&mut self, len: usize, raw: Raw<'_>) {
        let held = self.peeked();
        let bytes = held.get(..len).unwrap_or(held);
        let len = bytes.len();
        raw(bytes);
        self.held.start = self.held.start.saturating_add(len);
        self.offset = self.offset.saturating_add(to_u64(len));
    }
}

/// The number at the start of `bytes`, which stand `ahead` bytes behind the start of a section at `offset`.
fn number(bytes: &[u8], offset: u64, ahead: usize) -> Result<(u32, usize), WasmError> {
    leb::read(bytes).map_err(|error| match error {
        LebError::Short => WasmError::Truncated { offset },
        LebError::Overflow => WasmError::Number { offset: offset.saturating_add(to_u64(ahead)) },
    })
}

pub(super) fn to_u64(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

/// What every WebAssembly file starts with.
const MAGIC: &[u8; 4] = b"\0asm";
