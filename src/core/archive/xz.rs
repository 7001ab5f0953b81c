//! xz (The .xz File Format, 1.2.1): all streams, the checks and the index verified, padding by the book.

use std::io::{self, BufRead, Read};

use lzma_rust2::{Action, Status, XzStream};

use super::WINDOW_MAX;
use super::error::Rule;
use super::input::at_end;
use crate::layout::Format;

/// What the decoder may allocate, in KiB: a dictionary of [`WINDOW_MAX`] and its own state.
const MEMORY_MAX_KIB: u32 = (WINDOW_MAX >> 10) + 256;

/// What comes out of all streams of an xz file.
pub(super) struct Xz<B> {
    input: B,
    stream: Option<Box<XzStream>>,
    first: bool,
}

impl<B: BufRead> Xz<B> {
    pub(super) const fn new(input: B) -> Self {
        Self { input, stream: None, first: true }
    }

    /// Skips stream padding (section 2.2: zero bytes, a multiple of four) and starts the next stream, if there is one.
    fn start(&mut self) -> io::Result<Option<Box<XzStream>>> {
        if !self.first {
            let mut padding = 0_u64;
            while let Some(0) = self.input.fill_buf()?.first() {
                self.input.consume(1);
                padding = padding.saturating_add(1);
            }
            if !padding.is_multiple_of(4) {
                return Err(Rule::TrailingData.into());
            }
            match self.input.fill_buf()?.first() {
                None => return Ok(None),
                Some(0xfd) => {}
                Some(_) => return Err(Rule::TrailingData.into()),
            }
        }
        self.first = false;
        // One stream at a time, so that what stands between two is judged here.
        Ok(Some(Box::new(XzStream::new_mem_limit(false, MEMORY_MAX_KIB))))
    }
}

impl<B: BufRead> Read for Xz<B> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            let mut stream = match self.stream.take() {
                Some(stream) => stream,
                None => match self.start()? {
                    Some(stream) => stream,
                    None => return Ok(0),
                },
            };
            let ended = at_end(&mut self.input)?;
            let action = if ended { Action::Finish } else { Action::Run };
            let done = stream.process(self.input.fill_buf()?, out, action).map_err(|error| rule_of(&error))?;
            self.input.consume(done.bytes_consumed);
            if done.status == Status::Ok {
                self.stream = Some(stream);
                if done.bytes_produced == 0 && done.bytes_consumed == 0 {
                    return Err(if ended { Rule::Truncated } else { Rule::Corrupt(Format::TarXz) }.into());
                }
            }
            if done.bytes_produced > 0 {
                return Ok(done.bytes_produced);
            }
        }
    }
}

/// The decoder works on slices, so what it reports is never a failure to read.
fn rule_of(error: &io::Error) -> Rule {
    match error.kind() {
        io::ErrorKind::OutOfMemory => Rule::WindowTooLarge,
        io::ErrorKind::UnexpectedEof => Rule::Truncated,
        _ if error.to_string() == "block checksum mismatch" => Rule::Checksum,
        _ => Rule::Corrupt(Format::TarXz),
    }
}
