//! [`Decoder`]: the tar stream inside whatever it is packed in.

use std::io::{self, Read};

use super::gzip::Gzip;
use super::input::Packed;
use super::xz::Xz;
use super::zstd::Zstd;
use crate::layout::Format;

/// A tar stream, unpacked.
pub(super) enum Decoder<R: Read> {
    Plain(Packed<R>),
    Gzip(Gzip<Packed<R>>),
    Xz(Xz<Packed<R>>),
    Zstd(Box<Zstd<Packed<R>>>),
}

impl<R: Read> Decoder<R> {
    /// The decoder for a format that holds a tar stream.
    pub(super) fn new(input: Packed<R>, format: Format) -> Self {
        match format {
            Format::TarGz => Self::Gzip(Gzip::new(input)),
            Format::TarXz => Self::Xz(Xz::new(input)),
            Format::TarZst => Self::Zstd(Box::new(Zstd::new(input))),
            Format::Tar | Format::Zip | Format::Raw => Self::Plain(input),
        }
    }
}

impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(reader) => reader.read(buf),
            Self::Gzip(reader) => reader.read(buf),
            Self::Xz(reader) => reader.read(buf),
            Self::Zstd(reader) => reader.read(buf),
        }
    }
}
