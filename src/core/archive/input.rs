//! The readers around the decoders: what goes in keeps its errors apart, what comes out is counted.

use std::io::{self, BufRead, BufReader, Read};

use super::admission::check_ratio;
use super::error::{InputFailed, Rule};
use crate::layout::Limits;

/// Packed bytes read at once.
const PACKED_BUFFER: usize = 128 << 10;

/// Stream bytes beyond the declared sizes that are free: end-of-archive blocks, global headers.
const FRAMING_FREE: u64 = 4 << 20;

/// Stream bytes beyond its content that each member may bring: its header, a PAX header and that one's content, padding.
/// Extended headers without members behind them have only [`FRAMING_FREE`], so an endless run of them stops.
const FRAMING_PER_MEMBER: u64 = 4 << 10;

/// The caller's reader, its failures marked so that no decoder's wording hides them.
#[derive(Debug)]
pub(super) struct Input<R>(R);

impl<R: Read> Read for Input<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(buf) {
                Ok(read) => return Ok(read),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(io::Error::new(error.kind(), InputFailed(error))),
            }
        }
    }
}

impl<R: io::Seek> io::Seek for Input<R> {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.0.seek(to).map_err(|error| io::Error::new(error.kind(), InputFailed(error)))
    }
}

/// Packed bytes, buffered.
pub(super) type Packed<R> = BufReader<Input<R>>;

/// Buffers the caller's reader.
pub(super) fn packed<R: Read>(input: R) -> Packed<R> {
    BufReader::with_capacity(PACKED_BUFFER, Input(input))
}

/// Counts what a decoder really produces and stops it at the limits, whatever the headers declare.
#[derive(Debug)]
pub(super) struct Meter<'a, D> {
    decoder: D,
    limits: &'a Limits,
    packed_len: u64,
    allowed: u64,
    total: u64,
}

impl<'a, D> Meter<'a, D> {
    pub(super) const fn new(decoder: D, limits: &'a Limits, packed_len: u64) -> Self {
        let allowed = limits.unpacked.saturating_add(FRAMING_FREE);
        Self { decoder, limits, packed_len, allowed, total: 0 }
    }

    /// One more member has been met, so its framing is in order.
    pub(super) const fn allow_member(&mut self) {
        self.allowed = self.allowed.saturating_add(FRAMING_PER_MEMBER);
    }
}

impl<D: Read> Read for Meter<'_, D> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.decoder.read(buf)?;
        self.total = self.total.saturating_add(len64(read));
        if self.total > self.allowed {
            return Err(Rule::TooMuchFraming.into());
        }
        check_ratio(self.limits, self.total, self.packed_len)?;
        Ok(read)
    }
}

/// The content of one member, exactly as long as declared. Remembers what went wrong: the visitor may call it what it
/// likes.
#[derive(Debug)]
pub(super) struct Body<'a, R> {
    stream: &'a mut R,
    left: u64,
    fault: Option<io::Error>,
}

impl<'a, R: Read> Body<'a, R> {
    pub(super) const fn new(stream: &'a mut R, size: u64) -> Self {
        Self { stream, left: size, fault: None }
    }

    /// Reads what the visitor left, and says what went wrong, whoever was reading then.
    pub(super) fn finish(mut self) -> io::Result<()> {
        if self.fault.is_none() && self.left > 0 {
            io::copy(&mut self, &mut io::sink()).ok();
        }
        self.fault.map_or(Ok(()), Err)
    }

    /// Whether reading failed.
    pub(super) const fn failed(&self) -> bool {
        self.fault.is_some()
    }

    fn next(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let want = buf.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let Some(buf) = buf.get_mut(..want).filter(|buf| !buf.is_empty()) else { return Ok(0) };
        let read = self.stream.read(buf)?;
        if read == 0 {
            return Err(Rule::Truncated.into());
        }
        self.left = self.left.saturating_sub(len64(read));
        Ok(read)
    }
}

impl<R: Read> Read for Body<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.fault.is_some() {
            return Err(io::Error::other("the archive is damaged"));
        }
        self.next(buf).map_err(|fault| {
            let told = io::Error::new(fault.kind(), fault.to_string());
            self.fault = Some(fault);
            told
        })
    }
}

/// Whether a reader is at its end.
pub(super) fn at_end(input: &mut impl BufRead) -> io::Result<bool> {
    Ok(input.fill_buf()?.is_empty())
}

/// A length in memory as a length in a file.
pub(super) fn len64(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
