//! gzip (RFC 1952), all of it: every member, each CRC-32 and length, and nothing behind the last.
//!
//! The usual decoder reads one member and returns a short tree without a word. Zeros that fill the last record are no
//! member and nothing else: tar writes them where it compresses into a pipe, many a npm package of 2011 and 2012 has
//! them, and every reader skips them. More of them, and anything behind them, is refused: there readers differ.

use std::io::{self, BufRead, Read};

use flate2::Decompress;

use super::deflate::{Sum, inflate};
use super::error::Rule;
use super::input::at_end;
use crate::layout::Format;

/// Longest file name or comment in a header; both are skipped.
const TEXT_MAX: u64 = 64 << 10;

/// Most zeros behind the last member: tar's record of twenty blocks, and at least a byte of it is not padding.
const ZEROS_MAX: usize = 20 * 512 - 1;

/// Header flags (RFC 1952, section 2.3.1).
const FHCRC: u8 = 1 << 1;
const FEXTRA: u8 = 1 << 2;
const FNAME: u8 = 1 << 3;
const FCOMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0b1110_0000;

/// What comes out of all members of a gzip file.
#[derive(Debug)]
pub(super) struct Gzip<B> {
    input: B,
    inflate: Decompress,
    sum: Sum,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    First,
    Body,
    Next,
    Done,
}

impl<B: BufRead> Gzip<B> {
    pub(super) fn new(input: B) -> Self {
        Self { input, inflate: Decompress::new(false), sum: Sum::default(), state: State::First }
    }

    /// Reads a member's header; whatever is no header is `otherwise`.
    fn header(&mut self, otherwise: &Rule) -> io::Result<()> {
        let mut header = Sum::default();
        let [magic] = self.take(&mut header)?;
        if magic != 0x1f {
            return Err(otherwise.clone().into());
        }
        let [magic, method, flags] = self.take(&mut header)?;
        if magic != 0x8b {
            return Err(otherwise.clone().into());
        }
        if method != 8 || flags & RESERVED != 0 {
            return Err(Rule::Corrupt(Format::TarGz).into());
        }
        let [..] = self.take::<6>(&mut header)?;
        if flags & FEXTRA != 0 {
            let extra = u16::from_le_bytes(self.take(&mut header)?);
            for _ in 0..extra {
                let [_] = self.take(&mut header)?;
            }
        }
        for flag in [FNAME, FCOMMENT] {
            if flags & flag != 0 {
                self.text(&mut header)?;
            }
        }
        if flags & FHCRC != 0 {
            let [low, high, ..] = header.crc().to_le_bytes();
            if self.take(&mut Sum::default())? != [low, high] {
                return Err(Rule::Checksum.into());
            }
        }
        Ok(())
    }

    /// Skips a text that ends with a NUL.
    fn text(&mut self, header: &mut Sum) -> io::Result<()> {
        for _ in 0..TEXT_MAX {
            if self.take(header)? == [0] {
                return Ok(());
            }
        }
        Err(Rule::Corrupt(Format::TarGz).into())
    }

    fn take<const N: usize>(&mut self, header: &mut Sum) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.input.read_exact(&mut bytes)?;
        header.update(&bytes);
        Ok(bytes)
    }

    fn footer(&mut self) -> io::Result<()> {
        let mut crc = [0; 4];
        let mut len = [0; 4];
        self.input.read_exact(&mut crc)?;
        self.input.read_exact(&mut len)?;
        // The length is kept modulo 2^32.
        let expected = self.sum.len() & u64::from(u32::MAX);
        if u32::from_le_bytes(crc) != self.sum.crc() || u64::from(u32::from_le_bytes(len)) != expected {
            return Err(Rule::Checksum.into());
        }
        self.sum.reset();
        self.inflate.reset(false);
        Ok(())
    }
}

/// Skips the zeros behind the last member, if they are what comes: whether nothing more does.
fn padding(input: &mut impl BufRead) -> io::Result<bool> {
    let mut left = ZEROS_MAX;
    while !at_end(input)? {
        let bytes = input.fill_buf()?;
        let zeros = bytes.iter().all(|byte| *byte == 0);
        match left.checked_sub(bytes.len()).filter(|_| zeros) {
            Some(rest) => left = rest,
            None if left == ZEROS_MAX && bytes.first() != Some(&0) => return Ok(false),
            None => return Err(Rule::TrailingData.into()),
        }
        let length = bytes.len();
        input.consume(length);
    }
    Ok(true)
}

impl<B: BufRead> Read for Gzip<B> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.state {
                State::First => {
                    self.header(&Rule::Corrupt(Format::TarGz))?;
                    self.state = State::Body;
                }
                State::Next if padding(&mut self.input)? => self.state = State::Done,
                State::Next => {
                    self.header(&Rule::TrailingData)?;
                    self.state = State::Body;
                }
                State::Body => {
                    let (produced, ended) = inflate(&mut self.inflate, &mut self.input, out, Format::TarGz)?;
                    self.sum.update(out.get(..produced).unwrap_or_default());
                    if ended {
                        self.footer()?;
                        self.state = State::Next;
                    }
                    if produced > 0 || out.is_empty() {
                        return Ok(produced);
                    }
                }
                State::Done => return Ok(0),
            }
        }
    }
}
