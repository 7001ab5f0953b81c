//! [`Passphrase`]: what stands before a key.

use std::fmt;

use zeroize::Zeroizing;

/// What a key is encrypted with; wiped from memory when it is dropped.
pub struct Passphrase(Zeroizing<Vec<u8>>);

/// Longest passphrase, in bytes: OpenSSL takes as many from a file, and cuts the rest off.
pub const MAX_PASSPHRASE_LEN: usize = 1024;

impl Passphrase {
    /// Takes a passphrase as a file or a descriptor has it: one line break at the end is cut off, as every editor leaves
    /// one there. Anything beyond that line would be left away by OpenSSL without a word, and is refused.
    pub fn new(bytes: Zeroizing<Vec<u8>>) -> Result<Self, PassphraseError> {
        let line = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            return Err(PassphraseError::Empty);
        }
        if line.len() > MAX_PASSPHRASE_LEN {
            return Err(PassphraseError::TooLong);
        }
        if line.iter().any(|byte| matches!(byte, b'\n' | b'\r' | 0)) {
            return Err(PassphraseError::Lines);
        }
        Ok(Self(Zeroizing::new(line.to_vec())))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq for Passphrase {
    /// For one that is typed twice; nobody else can measure how long that takes.
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(…)")
    }
}

/// Why bytes are no passphrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PassphraseError {
    /// Nothing is there.
    Empty,
    /// More than [`MAX_PASSPHRASE_LEN`].
    TooLong,
    /// Several lines, or a zero byte.
    Lines,
}

impl fmt::Display for PassphraseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the passphrase is empty"),
            Self::TooLong => write!(f, "the passphrase is longer than {MAX_PASSPHRASE_LEN} bytes"),
            Self::Lines => f.write_str("the passphrase is not one line"),
        }
    }
}

impl std::error::Error for PassphraseError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_one_line() {
        let check = |bytes: &[u8], expected: Result<&[u8], PassphraseError>| {
            let read = Passphrase::new(Zeroizing::new(bytes.to_vec()));
            assert_eq!(read.as_ref().map(Passphrase::as_bytes).map_err(|error| *error), expected, "{bytes:?}");
            assert!(!format!("{read:?}").contains("open"));
        };
        check(b"open sesame", Ok(b"open sesame"));
        check(b"open sesame\n", Ok(b"open sesame"));
        check(b"open sesame\r\n", Ok(b"open sesame"));
        check(b" open sesame ", Ok(b" open sesame "));
        check("sésame".as_bytes(), Ok("sésame".as_bytes()));
        check(b"", Err(PassphraseError::Empty));
        check(b"\n", Err(PassphraseError::Empty));
        check(b"open\nsesame", Err(PassphraseError::Lines));
        check(b"open sesame\n\n", Err(PassphraseError::Lines));
        check(b"open\0sesame", Err(PassphraseError::Lines));
        check(&[b'a'; MAX_PASSPHRASE_LEN], Ok(&[b'a'; MAX_PASSPHRASE_LEN]));
        check(&[b'a'; MAX_PASSPHRASE_LEN + 1], Err(PassphraseError::TooLong));
    }
}
