//! Raw deflate (RFC 1951), the one decoder under gzip and zip.

use std::io::{self, BufRead};

use flate2::{Decompress, FlushDecompress, Status};

use super::error::Rule;
use super::input::len64;
use crate::layout::Format;

/// Inflates from `input` into `out`: how many bytes came out, and whether the stream has ended with them. Zero bytes
/// without the end only for an empty `out`.
pub(super) fn inflate(
    state: &mut Decompress,
    input: &mut impl BufRead,
    out: &mut [u8],
    format: Format,
) -> io::Result<(usize, bool)> {
    if out.is_empty() {
        return Ok((0, false));
    }
    loop {
        let packed = input.fill_buf()?;
        let ended = packed.is_empty();
        let (read, written) = (state.total_in(), state.total_out());
        let status = state.decompress(packed, out, FlushDecompress::None).map_err(|_| Rule::Corrupt(format))?;
        let consumed = usize::try_from(state.total_in().saturating_sub(read)).unwrap_or(usize::MAX);
        let produced = usize::try_from(state.total_out().saturating_sub(written)).unwrap_or(usize::MAX);
        input.consume(consumed);
        match status {
            Status::StreamEnd => return Ok((produced, true)),
            Status::Ok | Status::BufError if produced > 0 => return Ok((produced, false)),
            Status::Ok | Status::BufError if ended => return Err(Rule::Truncated.into()),
            Status::Ok | Status::BufError if consumed == 0 => return Err(Rule::Corrupt(format).into()),
            Status::Ok | Status::BufError => {}
        }
    }
}

/// A CRC-32 (ISO 3309) and the length it is over.
#[derive(Debug, Default)]
pub(super) struct Sum {
    crc: flate2::Crc,
    len: u64,
}

impl Sum {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.crc.update(bytes);
        self.len = self.len.saturating_add(len64(bytes.len()));
    }

    /// The CRC-32.
    pub(super) fn crc(&self) -> u32 {
        self.crc.sum()
    }

    /// How many bytes.
    pub(super) const fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn reset(&mut self) {
        self.crc.reset();
        self.len = 0;
    }
}
