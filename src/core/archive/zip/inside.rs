//! [`Inside`]: whether the bytes of a stored member hold a data descriptor that fits what is ahead of it.
//!
//! A deflate stream ends by itself. A stored member whose length stands behind it ends where the central directory says,
//! or, to a reader that has not come to the directory yet, where the first descriptor stands that fits the bytes before
//! it; whatever follows is to that one the next member. A descriptor that does not fit is content, as of a zip in a zip.

use std::io;

use super::{DESCRIPTOR_MAGIC, ZipRule};
use crate::archive::deflate::Sum;
use crate::archive::input::len64;

/// Looks through the bytes of a member as they come.
#[derive(Debug, Default)]
pub(super) struct Inside {
    /// The last bytes, of which a descriptor may have begun.
    window: Vec<u8>,
    /// How many came before those.
    start: u64,
    /// Over the first bytes of all, up to the last place that was worth to be summed.
    sum: Sum,
}

impl Inside {
    /// Takes the next bytes.
    pub(super) fn update(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.window.extend_from_slice(bytes);
        let done = self.window.len().saturating_sub(LONGEST);
        self.look(done)?;
        self.sum_to(done);
        self.window.drain(..done);
        self.start = self.start.saturating_add(len64(done));
        Ok(())
    }

    /// Looks at the last bytes, with the real descriptor behind them: one may begin within them.
    pub(super) fn finish(mut self, crc: u32, size: u32) -> io::Result<()> {
        let sums = [crc.to_le_bytes(), size.to_le_bytes(), size.to_le_bytes()].concat();
        let len = self.window.len();
        for descriptor in [[DESCRIPTOR_MAGIC.as_slice(), &sums].concat(), sums] {
            self.window.truncate(len);
            self.window.extend(descriptor);
            self.look(len)?;
        }
        Ok(())
    }

    /// Refuses a descriptor that begins at one of the first `count` bytes of the window.
    fn look(&mut self, count: usize) -> io::Result<()> {
        for at in 0..count {
            let before = self.start.saturating_add(len64(at));
            let bytes = self.window.get(at..).unwrap_or_default();
            let signed = bytes.strip_prefix(&DESCRIPTOR_MAGIC);
            // Without a signature nobody looks for one before the first byte: twelve zeros are content.
            let crc = signed.and_then(|sums| crc_if_fits(sums, before));
            let crc = crc.or_else(|| crc_if_fits(bytes, before).filter(|_| before > 0));
            if let Some(crc) = crc {
                self.sum_to(at);
                if self.sum.crc() == crc {
                    return Err(ZipRule::DescriptorInside.into());
                }
            }
        }
        Ok(())
    }

    /// Sums up to this byte of the window, of which some are summed already.
    fn sum_to(&mut self, at: usize) {
        let summed = usize::try_from(self.sum.len().saturating_sub(self.start)).unwrap_or(usize::MAX);
        self.sum.update(self.window.get(summed..at).unwrap_or_default());
    }
}

/// The CRC-32 of a descriptor, if its two lengths are this one: in 32 bits, or in 64 as zip64 has them (section 4.3.9.2).
fn crc_if_fits(sums: &[u8], len: u64) -> Option<u32> {
    let (crc, lengths) = sums.split_first_chunk::<4>()?;
    let long = len.to_le_bytes();
    let (short, _) = long.split_first_chunk::<4>()?;
    // Both begin alike, and hardly any bytes do.
    let rest = lengths.strip_prefix(short)?;
    let fits = rest.starts_with(short) || lengths.starts_with(&[long, long].concat());
    fits.then_some(u32::from_le_bytes(*crc))
}

/// A descriptor with a signature and two lengths of 64 bits.
const LONGEST: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    fn crc(bytes: &[u8]) -> [u8; 4] {
        let mut sum = Sum::default();
        sum.update(bytes);
        sum.crc().to_le_bytes()
    }

    /// Whether a member of these bytes passes, whatever pieces it comes in.
    fn passes(bytes: &[u8]) -> bool {
        let outcomes = [1, 7, 24, 25, 1 << 20].map(|step| {
            let mut inside = Inside::default();
            let size = u32::try_from(bytes.len()).expect("small");
            bytes.chunks(step).try_for_each(|chunk| inside.update(chunk)).is_ok()
                && inside.finish(u32::from_le_bytes(crc(bytes)), size).is_ok()
        });
        assert!(outcomes.iter().all(|one| *one == outcomes[0]), "{outcomes:?}");
        outcomes[0]
    }

    #[test]
    fn a_descriptor_that_fits_is_found_wherever_it_stands() {
        for before in [b"".as_slice(), b"x", b"some text", &[7; 5000]] {
            let (sum, len) = (crc(before), len64(before.len()));
            let (short, long) = (u32::try_from(len).expect("small").to_le_bytes(), len.to_le_bytes());
            let forms = [[sum.as_slice(), &short, &short].concat(), [sum.as_slice(), &long, &long].concat()];
            for form in &forms {
                let signed = [before, b"PK\x07\x08", form, b"what follows"].concat();
                assert!(!passes(&signed), "{} bytes before", before.len());
                let unsigned = [before, form, b"what follows"].concat();
                assert_eq!(passes(&unsigned), before.is_empty(), "{} bytes before", before.len());
                // One that fits something else is content.
                assert!(passes(&[b"y", signed.as_slice()].concat()), "{} bytes before", before.len());
            }
        }
        assert!(passes(b"PK\x07\x08") && passes(&[0; 100]) && passes(b""));
    }

    /// Its last bytes are those of the real one behind the member.
    #[test]
    fn a_descriptor_that_goes_on_behind_the_member_is_found() {
        // The second length is the signature of the real descriptor: so many bytes are before it.
        let len = usize::try_from(u32::from_le_bytes(DESCRIPTOR_MAGIC)).expect("a length");
        let mut inside = Inside { start: len64(len), ..Inside::default() };
        inside.sum = Sum::default();
        for _ in 0..len / 1000 {
            inside.sum.update(&[0; 1000]);
        }
        inside.sum.update(&[0; 1000][..len % 1000]);
        let sum = inside.sum.crc().to_le_bytes();
        inside.update(&[DESCRIPTOR_MAGIC, sum, DESCRIPTOR_MAGIC].concat()).expect("not yet");
        assert!(inside.finish(0, 0).is_err());
    }
}
