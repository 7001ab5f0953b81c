//! The content of one zip member: inflated, measured and summed.

use std::io::{self, BufRead, Read};

use flate2::Decompress;

use super::directory::Entry;
use super::inside::Inside;
use super::{DEFLATED, DESCRIPTOR, ZipRule};
use crate::archive::deflate::{Sum, inflate};
use crate::archive::error::Rule;
use crate::layout::Format;

/// Reads exactly the packed bytes of a member. Gives out no byte more than declared, and no end before all agree: the
/// declared size, the CRC-32, and a deflate stream that ends where the packed bytes end.
pub(super) struct Content<'a, R> {
    packed: io::Take<&'a mut R>,
    inflate: &'a mut Decompress,
    deflated: bool,
    /// Whether the deflate stream has ended.
    ended: bool,
    sum: Sum,
    /// Where the end of the bytes is told behind them alone.
    inside: Option<Inside>,
    size: u32,
    crc: u32,
}

impl<'a, R: BufRead> Content<'a, R> {
    pub(super) fn new(input: &'a mut R, inflate: &'a mut Decompress, entry: &Entry<'_>) -> Self {
        inflate.reset(false);
        Self {
            packed: input.take(u64::from(entry.packed)),
            inflate,
            deflated: entry.method == DEFLATED,
            ended: false,
            sum: Sum::default(),
            inside: (entry.method != DEFLATED && entry.flags & DESCRIPTOR != 0).then(Inside::default),
            size: entry.size,
            crc: entry.crc,
        }
    }

    /// The checks at the end; to be called when all declared bytes were read.
    pub(super) fn finish(mut self) -> io::Result<()> {
        if self.next(&mut [0; 64])? != 0 || self.sum.len() != u64::from(self.size) {
            return Err(Rule::SizeWrong.into());
        }
        if self.packed.limit() != 0 {
            return Err(ZipRule::Gap.into());
        }
        if self.sum.crc() != self.crc {
            return Err(Rule::Checksum.into());
        }
        self.inside.map_or(Ok(()), |inside| inside.finish(self.crc, self.size))
    }

    fn next(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = if self.deflated {
            self.inflate(out)?
        } else {
            let read = self.packed.read(out)?;
            if read == 0 && self.packed.limit() > 0 && !out.is_empty() {
                return Err(Rule::Truncated.into());
            }
            read
        };
        let bytes = out.get(..read).unwrap_or_default();
        self.sum.update(bytes);
        if self.sum.len() > u64::from(self.size) {
            return Err(Rule::SizeWrong.into());
        }
        if let Some(inside) = &mut self.inside {
            inside.update(bytes)?;
        }
        Ok(read)
    }

    fn inflate(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.ended {
            return Ok(0);
        }
        let (read, ended) = inflate(self.inflate, &mut self.packed, out, Format::Zip)?;
        self.ended = ended;
        Ok(read)
    }
}

impl<R: BufRead> Read for Content<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.next(out)?;
        if read == 0 && !out.is_empty() && self.sum.len() < u64::from(self.size) {
            return Err(Rule::SizeWrong.into());
        }
        Ok(read)
    }
}
