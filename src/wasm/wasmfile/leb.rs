//! LEB128 of 32 bits, unsigned: the numbers of WebAssembly (core specification, section 5.2.2).
//!
//! Padding is legal and common: Go writes every length in five bytes. Bits above the thirty-second are not, nor is a sixth
//! byte: two readers would see two numbers.

/// Reads a number from the start of `bytes`: the number, and how many bytes it took.
pub(super) fn read(bytes: &[u8]) -> Result<(u32, usize), LebError> {
    let mut value: u32 = 0;
    for (index, byte) in bytes.iter().copied().enumerate().take(MAX_LEN) {
        let bits = u32::from(byte & 0x7f);
        // The fifth byte has room for four bits.
        if index == MAX_LEN - 1 && byte > 0x0f {
            return Err(LebError::Overflow);
        }
        value |= bits << (7 * index);
        if byte & 0x80 == 0 {
            return Ok((value, index + 1));
        }
    }
    Err(LebError::Short)
}

/// Writes a number in its shortest form.
pub(super) fn write(mut value: u32, out: &mut Vec<u8>) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            out.push(low & 0x7f);
            return;
        }
        out.push(low | 0x80);
    }
}

/// The most bytes a number takes.
pub(super) const MAX_LEN: usize = 5;

/// Why bytes do not start with a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LebError {
    /// They end within it.
    Short,
    /// It goes beyond 32 bits, or beyond five bytes.
    Overflow,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes_and_padding() {
        for value in [0, 1, 0x7f, 0x80, 0x3fff, 0x4000, 0x0fff_ffff, 0x1000_0000, u32::MAX - 1, u32::MAX] {
            let mut bytes = Vec::new();
            write(value, &mut bytes);
            assert_eq!(read(&bytes), Ok((value, bytes.len())));
            bytes.extend([0xff, 0xff]);
            assert_eq!(read(&bytes), Ok((value, bytes.len() - 2)), "what is behind it is not looked at");
        }
        assert_eq!(read(&[0x81, 0x80, 0x80, 0x80, 0x00]), Ok((1, 5)));
        assert_eq!(read(&[0x81, 0x00]), Ok((1, 2)));
    }

    #[test]
    fn refuses_what_has_two_readings() {
        for (bytes, error) in [
            (&[][..], LebError::Short),
            (&[0x80], LebError::Short),
            (&[0xff, 0xff, 0xff, 0xff], LebError::Short),
            (&[0xff, 0xff, 0xff, 0xff, 0x1f], LebError::Overflow),
            (&[0x80, 0x80, 0x80, 0x80, 0x10], LebError::Overflow),
            (&[0x81, 0x80, 0x80, 0x80, 0x80, 0x00], LebError::Overflow),
        ] {
            assert_eq!(read(bytes), Err(error), "{bytes:x?}");
        }
    }
}
