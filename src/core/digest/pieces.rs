//! [`Pieces`]: what a file was when it was hashed, piece by piece.
//!
//! A file that others may write to is hashed once and read again later. The digest of the whole says nothing of the second
//! reading, which may begin anywhere; the digests of the pieces do, for a fraction of the time (BLAKE3 takes a tenth of
//! SHA-512's) and 32 bytes for each 128 KiB.

use std::{fmt, io};

use super::{FileDigest, FileHasher};

/// The digests of the pieces of a file.
#[derive(Debug, Clone)]
pub struct Pieces(Vec<FileDigest>);

impl Pieces {
    /// Bytes of a piece; the last one may be shorter.
    pub const LEN: usize = 128 << 10;

    /// Whether these are the bytes of the piece with this number.
    pub fn check(&self, number: u64, bytes: &[u8]) -> Result<(), Changed> {
        let piece = usize::try_from(number).ok().and_then(|number| self.0.get(number));
        if piece == Some(&FileDigest::of(bytes)) { Ok(()) } else { Err(Changed) }
    }
}

/// Running [`Pieces`], taken while the whole is hashed.
#[derive(Debug, Clone, Default)]
pub struct PieceHasher {
    whole: Vec<FileDigest>,
    running: FileHasher,
    /// Bytes of the running piece.
    filled: usize,
}

impl PieceHasher {
    /// Feeds the next bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(Pieces::LEN.saturating_sub(self.filled)));
            self.running.update(now);
            self.filled = self.filled.saturating_add(now.len());
            if self.filled == Pieces::LEN {
                self.close();
            }
            bytes = later;
        }
    }

    /// The digests of all that was fed.
    pub fn finish(mut self) -> Pieces {
        if self.filled > 0 {
            self.close();
        }
        Pieces(self.whole)
    }

    fn close(&mut self) {
        self.whole.push(self.running.finish());
        self.running = FileHasher::default();
        self.filled = 0;
    }
}

/// A file is no longer what it was when it was hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changed;

impl Changed {
    /// Whether this is why something could not be read.
    pub fn is_behind(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|inner| inner.is::<Self>())
    }
}

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the bytes changed after they were checked")
    }
}

impl std::error::Error for Changed {}

impl From<Changed> for io::Error {
    fn from(changed: Changed) -> Self {
        Self::other(changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_piece_is_known_by_its_digest() {
        let bytes: Vec<u8> = (0..300_000_u32).map(|index| u8::try_from(index % 251).expect("small")).collect();
        for step in [1, 4096, Pieces::LEN, Pieces::LEN + 1, bytes.len()] {
            let mut pieces = PieceHasher::default();
            bytes.chunks(step).for_each(|chunk| pieces.update(chunk));
            let pieces = pieces.finish();
            for (number, piece) in (0..).zip(bytes.chunks(Pieces::LEN)) {
                assert_eq!(pieces.check(number, piece), Ok(()), "{number} by {step}");
                assert_eq!(pieces.check(number + 1, piece), Err(Changed), "{number} by {step}");
                assert_eq!(pieces.check(number, &piece[1..]), Err(Changed), "{number} by {step}");
            }
            assert_eq!(pieces.check(3, b""), Err(Changed));
        }
    }
}
