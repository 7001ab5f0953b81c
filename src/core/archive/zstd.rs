//! Zstandard (RFC 8878): all frames, skippable ones too, content checksums and declared sizes verified.

use std::io::{self, BufRead, Read};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::WINDOW_MAX;
use super::error::Rule;
use super::input::{at_end, len64};
use crate::layout::Format;

/// What comes out of all frames of a Zstandard file.
pub(super) struct Zstd<B> {
    input: Tap<B>,
    decoder: FrameDecoder,
    frame: Frame,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Frame {
    /// Before the first.
    First,
    /// Inside one, so many bytes out.
    Open(u64),
    /// Behind one.
    Closed,
}

impl<B: BufRead> Zstd<B> {
    pub(super) fn new(input: B) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(u64::from(WINDOW_MAX));
        Self { input: Tap { input, failed: None }, decoder, frame: Frame::First }
    }

    /// Starts the next frame; `false` at the end of the file.
    fn start(&mut self) -> io::Result<bool> {
        loop {
            if self.frame == Frame::Closed && at_end(&mut self.input.input)? {
                return Ok(false);
            }
            match self.decoder.reset(&mut self.input) {
                Ok(()) => {
                    self.frame = Frame::Open(0);
                    return Ok(true);
                }
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    let mut skippable = (&mut self.input.input).take(u64::from(length));
                    let skipped = io::copy(&mut skippable, &mut io::sink())?;
                    if skipped != u64::from(length) {
                        return Err(Rule::Truncated.into());
                    }
                    self.frame = Frame::Closed;
                }
                Err(error) => return Err(self.fault(&error)),
            }
        }
    }

    /// What really went wrong: the reader's failure, else the decoder's.
    fn fault(&mut self, error: &FrameDecoderError) -> io::Error {
        if let Some(failed) = self.input.failed.take() {
            return failed;
        }
        match error {
            FrameDecoderError::WindowSizeTooBig { .. } => Rule::WindowTooLarge,
            FrameDecoderError::DictNotProvided { .. } => Rule::Dictionary,
            FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::BadMagicNumber(_))
                if self.frame == Frame::Closed =>
            {
                Rule::TrailingData
            }
            _ => Rule::Corrupt(Format::TarZst),
        }
        .into()
    }

    /// The checks at the end of a frame; both the checksum and the size are optional.
    fn close(&mut self, out: u64) -> io::Result<()> {
        let stored = self.decoder.get_checksum_from_data();
        let declared = self.decoder.content_size();
        if (stored.is_some() && stored != self.decoder.get_calculated_checksum()) || (declared != 0 && declared != out)
        {
            return Err(Rule::Checksum.into());
        }
        self.frame = Frame::Closed;
        Ok(())
    }
}

impl<B: BufRead> Read for Zstd<B> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            let Frame::Open(before) = self.frame else {
                if self.start()? {
                    continue;
                }
                return Ok(0);
            };
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                let step = BlockDecodingStrategy::UptoBlocks(1);
                if let Err(error) = self.decoder.decode_blocks(&mut self.input, step) {
                    return Err(self.fault(&error));
                }
            }
            let read = self.decoder.read(out)?;
            let total = before.saturating_add(len64(read));
            self.frame = Frame::Open(total);
            if self.decoder.is_finished() && self.decoder.can_collect() == 0 {
                self.close(total)?;
            }
            if read > 0 {
                return Ok(read);
            }
        }
    }
}

/// Keeps a reader's failure, which the decoder would bury in its own errors. An end is a failure to it too.
struct Tap<B> {
    input: B,
    failed: Option<io::Error>,
}

impl<B: BufRead> Read for Tap<B> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self.input.read(buf) {
            Ok(0) if !buf.is_empty() => {
                self.failed = Some(Rule::Truncated.into());
                Ok(0)
            }
            Ok(read) => Ok(read),
            Err(error) => {
                let told = io::Error::from(error.kind());
                self.failed = Some(error);
                Err(told)
            }
        }
    }
}
