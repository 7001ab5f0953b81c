//! Content digests and their one text form, the SRI value `sha512-…`
//! (W3C Subresource Integrity, section 3.1).
//!
//! Refuses what SRI tolerates and a pin must not: several hashes in one value, options behind `?`,
//! base64 that is not canonical, and every algorithm weaker than SHA-256.

mod beside;
mod digests;
mod pieces;

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::Digest as _;

pub use beside::{Beside, Running};
pub use digests::Digests;
pub use pieces::{Changed, PieceHasher, Pieces};

/// A hash function that a pin may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// SHA-256 (FIPS 180-4), 32 bytes: read, never written for a pin's integrity.
    Sha256,
    /// SHA-384 (FIPS 180-4), 48 bytes: read, never written.
    Sha384,
    /// SHA-512 (FIPS 180-4), 64 bytes: what pinfold writes.
    Sha512,
}

impl Algorithm {
    /// All of them, the shortest digest first.
    pub const ALL: [Self; 3] = [Self::Sha256, Self::Sha384, Self::Sha512];

    /// The name in SRI values and in folder names of the store: `sha256`, `sha384`, `sha512`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// Length of a digest, in bytes.
    pub const fn digest_len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

/// An SRI value with exactly one hash: an algorithm and a digest of its length.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Integrity {
    algorithm: Algorithm,
    digest: Vec<u8>,
}

impl Integrity {
    /// The digest of `bytes` under `algorithm`.
    pub fn of(algorithm: Algorithm, bytes: &[u8]) -> Self {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(bytes);
        hasher.finish()
    }

    /// The digest of all that there is to read, of which no more than a piece is in memory.
    pub fn of_reader(algorithm: Algorithm, mut reader: impl Read) -> io::Result<Self> {
        let mut hasher = Hasher::new(algorithm);
        let mut piece = vec![0; PIECE];
        loop {
            match reader.read(&mut piece) {
                Ok(0) => return Ok(hasher.finish()),
                Ok(read) => hasher.update(piece.get(..read).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// A digest that is known already, `None` if it has the wrong number of bytes.
    pub fn from_digest(algorithm: Algorithm, digest: Vec<u8>) -> Option<Self> {
        (digest.len() == algorithm.digest_len()).then_some(Self { algorithm, digest })
    }

    /// Reads what [`Integrity::hex`] writes, `None` for anything else.
    pub fn from_hex(algorithm: Algorithm, text: &str) -> Option<Self> {
        Self::from_digest(algorithm, from_hex(text)?)
    }

    /// The hash function.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The digest, `algorithm().digest_len()` bytes.
    pub fn digest(&self) -> &[u8] {
        &self.digest
    }

    /// The same as a SHA-256, where it is one.
    pub fn as_sha256(&self) -> Option<Sha256> {
        let digest = (self.algorithm == Algorithm::Sha256).then_some(self.digest())?;
        digest.try_into().ok().map(Sha256)
    }

    /// The digest in lower-case hexadecimal, as file names in the store have it.
    pub fn hex(&self) -> String {
        hex(&self.digest)
    }
}

impl fmt::Display for Integrity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.algorithm.name(), BASE64.encode(&self.digest))
    }
}

impl FromStr for Integrity {
    type Err = IntegrityError;

    fn from_str(text: &str) -> Result<Self, IntegrityError> {
        if text.trim().is_empty() {
            return Err(IntegrityError::Empty);
        }
        if text.contains(char::is_whitespace) {
            return Err(IntegrityError::Several);
        }
        let (name, value) = text.split_once('-').ok_or(IntegrityError::NoAlgorithm)?;
        let algorithm = match name {
            "sha256" => Algorithm::Sha256,
            "sha384" => Algorithm::Sha384,
            "sha512" => Algorithm::Sha512,
            "sha1" | "md5" => return Err(IntegrityError::Weak(name.to_owned())),
            _ => return Err(IntegrityError::Unknown(name.to_owned())),
        };
        // The engine refuses missing padding and trailing bits, so each digest has exactly one spelling.
        let digest = BASE64.decode(value).map_err(|_| IntegrityError::Base64)?;
        if digest.len() != algorithm.digest_len() {
            return Err(IntegrityError::Length { algorithm, got: digest.len() });
        }
        Ok(Self { algorithm, digest })
    }
}

/// Why a text is not an [`Integrity`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IntegrityError {
    /// Nothing there.
    Empty,
    /// More than one hash, separated by white space.
    Several,
    /// No `-` between algorithm and value.
    NoAlgorithm,
    /// An algorithm with known collisions (`sha1`, `md5`).
    Weak(String),
    /// An algorithm that SRI does not name.
    Unknown(String),
    /// The value is not canonical, padded base64 without options.
    Base64,
    /// The value has the wrong number of bytes.
    Length {
        /// The algorithm that was named.
        algorithm: Algorithm,
        /// How many bytes the value has.
        got: usize,
    },
}

impl fmt::Display for IntegrityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("an integrity is empty"),
            Self::Several => f.write_str("an integrity has more than one hash"),
            Self::NoAlgorithm => f.write_str("an integrity has the form `sha512-<base64>`"),
            Self::Weak(name) => write!(f, "`{}` is too weak to pin anything", name.escape_debug()),
            Self::Unknown(name) => write!(f, "`{}` is not a hash algorithm of SRI", name.escape_debug()),
            Self::Base64 => f.write_str("the value of an integrity is not canonical base64"),
            Self::Length { algorithm, got } => {
                write!(f, "a {} digest has {} bytes, this one has {got}", algorithm.name(), algorithm.digest_len())
            }
        }
    }
}

impl std::error::Error for IntegrityError {}

/// A SHA-256 digest: what a tree hash is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256([u8; 32]);

impl Sha256 {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// A digest that is known already.
    pub const fn from_bytes(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// The digest itself.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The digest in lower-case hexadecimal.
    pub fn hex(&self) -> String {
        hex(&self.0)
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256-{}", BASE64.encode(self.0))
    }
}

impl FromStr for Sha256 {
    type Err = IntegrityError;

    fn from_str(text: &str) -> Result<Self, IntegrityError> {
        let integrity: Integrity = text.parse()?;
        integrity.as_sha256().ok_or_else(|| IntegrityError::Unknown(integrity.algorithm().name().to_owned()))
    }
}

/// The BLAKE3 digest of one file's bytes, which records hold: it tells which file of a tree was changed, and is what
/// `b3sum` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileDigest(blake3::Hash);

impl FileDigest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(blake3::hash(bytes))
    }

    /// The digest in lower-case hexadecimal.
    pub fn hex(&self) -> String {
        self.0.to_hex().to_string()
    }

    /// Reads what [`FileDigest::hex`] writes, `None` for anything else.
    pub fn from_hex(text: &str) -> Option<Self> {
        let digest = Self(blake3::Hash::from_hex(text).ok()?);
        // The one spelling: hexadecimal has two.
        (digest.hex() == text).then_some(digest)
    }
}

impl fmt::Display for FileDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "blake3:{}", self.hex())
    }
}

/// A seal over several texts, which nobody can make without the key: keyed BLAKE3 (section 2.1 of its paper), with the
/// length of each text before it, so that no two lists of texts are one.
pub fn seal(key: &[u8; 32], texts: &[&[u8]]) -> String {
    let mut hasher = blake3::Hasher::new_keyed(key);
    for text in texts {
        hasher.update(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes());
        hasher.update(text);
    }
    hasher.finalize().to_hex().to_string()
}

/// A running [`FileDigest`].
#[derive(Debug, Clone, Default)]
pub struct FileHasher(blake3::Hasher);

impl FileHasher {
    /// Feeds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all that was fed.
    pub fn finish(&self) -> FileDigest {
        FileDigest(self.0.finalize())
    }
}

/// A running SHA-256.
#[derive(Debug, Clone, Default)]
pub struct Sha256Hasher(sha2::Sha256);

impl Sha256Hasher {
    /// Feeds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all that was fed.
    pub fn finish(self) -> Sha256 {
        Sha256(self.0.finalize().into())
    }
}

/// A running digest under an [`Algorithm`].
#[derive(Debug, Clone)]
pub struct Hasher(State);

#[derive(Debug, Clone)]
enum State {
    Sha256(sha2::Sha256),
    Sha384(sha2::Sha384),
    Sha512(sha2::Sha512),
}

impl Hasher {
    /// A digest of no bytes yet.
    pub fn new(algorithm: Algorithm) -> Self {
        Self(match algorithm {
            Algorithm::Sha256 => State::Sha256(sha2::Sha256::new()),
            Algorithm::Sha384 => State::Sha384(sha2::Sha384::new()),
            Algorithm::Sha512 => State::Sha512(sha2::Sha512::new()),
        })
    }

    /// The hash function.
    pub const fn algorithm(&self) -> Algorithm {
        match &self.0 {
            State::Sha256(_) => Algorithm::Sha256,
            State::Sha384(_) => Algorithm::Sha384,
            State::Sha512(_) => Algorithm::Sha512,
        }
    }

    /// Feeds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Sha256(state) => state.update(bytes),
            State::Sha384(state) => state.update(bytes),
            State::Sha512(state) => state.update(bytes),
        }
    }

    /// The digest of all that was fed.
    pub fn finish(self) -> Integrity {
        let (algorithm, digest) = match self.0 {
            State::Sha256(state) => (Algorithm::Sha256, state.finalize().to_vec()),
            State::Sha384(state) => (Algorithm::Sha384, state.finalize().to_vec()),
            State::Sha512(state) => (Algorithm::Sha512, state.finalize().to_vec()),
        };
        Integrity { algorithm, digest }
    }
}

/// Bytes that are read and hashed at once.
const PIECE: usize = 64 << 10;

/// Bytes in lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Reads what [`hex`] writes, `None` for anything else: upper case, too, so that bytes have one spelling.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let nibble = |digit: u8| match digit {
        b'0'..=b'9' | b'a'..=b'f' => char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok()),
        _ => None,
    };
    let byte = |pair: &[u8]| match pair {
        [high, low] => Some((nibble(*high)? << 4) | nibble(*low)?),
        _ => None,
    };
    text.as_bytes().chunks(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-4 example: the digests of "abc".
    #[test]
    fn a_reader_is_read_to_its_end() {
        let bytes = vec![7; PIECE + 1];
        let of_reader = Integrity::of_reader(Algorithm::Sha512, bytes.as_slice()).expect("read");
        assert_eq!(of_reader, Integrity::of(Algorithm::Sha512, &bytes));
    }

    #[test]
    fn hexadecimal_has_one_spelling() {
        for bytes in [&[][..], &[0x00, 0x9a, 0xff]] {
            assert_eq!(from_hex(&hex(bytes)).as_deref(), Some(bytes));
        }
        for text in ["0", "000", "0A", "+1", "0x", "0g", " 0", "é", "//", "::"] {
            assert_eq!(from_hex(text), None, "{text}");
        }
        let digest = Integrity::of(Algorithm::Sha256, b"abc");
        assert_eq!(Integrity::from_hex(Algorithm::Sha256, &digest.hex()), Some(digest.clone()));
        assert_eq!(Integrity::from_hex(Algorithm::Sha512, &digest.hex()), None);
    }

    #[test]
    fn displays_and_parses_the_same_text() {
        for algorithm in [Algorithm::Sha256, Algorithm::Sha384, Algorithm::Sha512] {
            let integrity = Integrity::of(algorithm, b"abc");
            assert_eq!(integrity.to_string().parse(), Ok(integrity));
        }
        assert_eq!(Sha256::of(b"abc").hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn refuses_what_sri_tolerates() {
        let check = |text: &str, expected: IntegrityError| {
            assert_eq!(text.parse::<Integrity>(), Err(expected), "{text}");
        };
        let good = Integrity::of(Algorithm::Sha256, b"abc").to_string();
        check("", IntegrityError::Empty);
        check(&format!("{good} {good}"), IntegrityError::Several);
        check("ungiltig", IntegrityError::NoAlgorithm);
        check("sha1-qZk+NkcGgWq6PiVxeFDCbJzQ2J0=", IntegrityError::Weak("sha1".into()));
        check("sha3-AAAA", IntegrityError::Unknown("sha3".into()));
        check(&good.replace('=', ""), IntegrityError::Base64);
        check(&format!("{good}?foo"), IntegrityError::Base64);
        check(&good.replace("sha256", "sha512"), IntegrityError::Length { algorithm: Algorithm::Sha512, got: 32 });
        // The same digest with other trailing bits: a second spelling.
        check(&good.replace("Fa0=", "Fa1="), IntegrityError::Base64);
    }
}
