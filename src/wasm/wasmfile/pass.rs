//! One pass over a file: its sections in order, and the hash at the end of each part.

use std::io::Read;

use super::error::WasmError;
use super::reader::{Reader, Section};
use super::signature::MAX_DATA_LEN;
use super::{DELIMITER, Kind, SIGNATURE};
use pinfold_core::digest::{Sha256, Sha256Hasher};

/// A file that is read once, from its start to its end, in constant memory.
#[derive(Debug)]
pub struct Pass<R> {
    reader: Reader<R>,
    /// SHA-256 of everything behind the signature section.
    hasher: Sha256Hasher,
    /// The part that the next section belongs to, from 0.
    part: usize,
    /// Whether the last section was a delimiter.
    closed: bool,
    seen: usize,
    ended: bool,
}

/// What comes next in a file.
#[derive(Debug)]
pub enum Step {
    /// The signature section, which is the first.
    Signature {
        /// The section.
        section: Section,
        /// Its content: signature data, not looked at yet.
        data: Vec<u8>,
    },
    /// A section of a part.
    Section {
        /// The section.
        section: Section,
        /// Its part, from 0.
        part: usize,
    },
    /// The end of a part.
    Delimiter {
        /// The delimiter itself.
        section: Section,
        /// The part that it ends, from 0.
        part: usize,
        /// The hash of everything up to and including it.
        hash: Sha256,
    },
    /// The end of the file.
    End {
        /// The part that ends here without a delimiter, with the hash of everything; `None` where a delimiter is last.
        last: Option<(usize, Sha256)>,
        /// The hash of everything behind the signature section: what the file holds, whoever signed it.
        content: Sha256,
    },
}

impl<R: Read> Pass<R> {
    /// Reads the header. `raw` takes every byte of the file as it stands there, here and in [`Pass::next`].
    pub fn open(input: R, raw: &mut dyn FnMut(&[u8])) -> Result<Self, WasmError> {
        let reader = Reader::open(input, raw)?;
        let hasher = Sha256Hasher::default();
        Ok(Self { reader, hasher, part: 0, closed: false, seen: 0, ended: false })
    }

    /// What the header says that this is; nobody signed the header.
    pub const fn kind(&self) -> Kind {
        self.reader.kind()
    }

    /// The next step; `None` behind [`Step::End`].
    pub fn next(&mut self, raw: &mut dyn FnMut(&[u8])) -> Result<Option<Step>, WasmError> {
        if self.ended {
            return Ok(None);
        }
        // A section's first bytes belong to its hash, and whether there is one is only known when they were read.
        let mut lead = Vec::new();
        let Some(section) = self.reader.next(&mut |bytes| lead.extend(bytes))? else {
            self.ended = true;
            let content = self.hasher.clone().finish();
            return Ok(Some(Step::End { last: (!self.closed).then_some((self.part, content)), content }));
        };
        raw(&lead);
        self.seen += 1;
        if section.is(SIGNATURE) {
            return self.signature(section, raw).map(Some);
        }
        self.hasher.update(&lead);
        let hasher = &mut self.hasher;
        self.reader.content(&mut |bytes| {
            hasher.update(bytes);
            raw(bytes);
        })?;
        let part = self.part;
        self.closed = section.is(DELIMITER);
        if !self.closed {
            return Ok(Some(Step::Section { section, part }));
        }
        self.part += 1;
        Ok(Some(Step::Delimiter { section, part, hash: self.hasher.clone().finish() }))
    }

    fn signature(&mut self, section: Section, raw: &mut dyn FnMut(&[u8])) -> Result<Step, WasmError> {
        if self.seen > 1 {
            return Err(WasmError::SignaturePlace { offset: section.offset });
        }
        // What is too long is read past and kept no further than to see that it is.
        let mut data = Vec::new();
        self.reader.content(&mut |bytes| {
            if data.len() <= MAX_DATA_LEN {
                data.extend(bytes);
            }
            raw(bytes);
        })?;
        Ok(Step::Signature { section, data })
    }
}
