//! Signature data: what a `signature` section holds, and what a detached signature is, byte for byte
//! (WebAssembly tool conventions, `Signatures.md`, with the two lengths that stand on the wire and not in its tables).
//!
//! ```text
//! data   := 01 01 01 sets:u32 { length:u32 set }*             version, content type, hash function
//! set    := hashes:u32 hash(32)* records:u32 { length:u32 record }*
//! record := key_id_length:u32 key_id algorithm:byte signature_length:u32 signature tail
//! ```
//!
//! Nothing here is signed by itself: what does not parse as a whole is refused, and a record that nobody can read is kept as
//! it is and counts for nothing, so that it neither spoils a good one nor passes for one.

use std::fmt;

use super::leb::{self, LebError};
use pinfold_core::digest::Sha256;

/// All that was signed, by whom ever.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SignatureData {
    /// At most [`MAX_SETS`].
    pub sets: Vec<SignedHashes>,
}

/// One list of hashes, and who signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedHashes {
    /// The hash of everything up to each delimiter; at most [`MAX_HASHES`].
    pub hashes: Vec<Sha256>,
    /// At most [`MAX_RECORDS`].
    pub records: Vec<Record>,
}

/// One signature over a list of hashes, as received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    raw: Vec<u8>,
    kind: RecordKind,
}

/// What a record is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordKind {
    /// Ed25519 (RFC 8032), the one algorithm that is judged.
    Ed25519 {
        /// What the signer calls the key: a hint that nobody signed, empty for none.
        key_id: Vec<u8>,
        /// The signature.
        signature: [u8; 64],
        /// How many certificates are behind it, as wsc appends them; `None` for bytes that are none.
        certificates: Option<usize>,
    },
    /// Another algorithm: named, never judged.
    Other {
        /// What the signer calls the key.
        key_id: Vec<u8>,
        /// Its number.
        algorithm: u8,
    },
    /// No record at all.
    Malformed,
}

/// Longest signature data, in bytes: room for [`MAX_SETS`] sets with more than a hundred signatures each. A section may
/// claim 4 GiB.
pub const MAX_DATA_LEN: usize = 1 << 20;

/// Most sets of signature data, as wasmsign2 has it.
pub const MAX_SETS: usize = 64;

/// Most hashes of a set, as wasmsign2 has it: a file in more parts is not one that anybody checks in part.
pub const MAX_HASHES: usize = 64;

/// Most records of a set, as wasmsign2 has it.
pub const MAX_RECORDS: usize = 256;

/// The number of Ed25519.
const ED25519: u8 = 1;

/// Specification version, content type (WebAssembly) and hash function (SHA-256): those that there are.
const PREFIX: [u8; 3] = [1, 1, 1];

/// What stands before the hashes in what is signed.
const DOMAIN: &[u8; 7] = b"wasmsig";

impl SignatureData {
    /// Reads signature data, all of it.
    ///
    /// # Errors
    /// [`SignatureError`]: another version, too much of something, or bytes in the wrong place. A single record that cannot
    /// be read is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, SignatureError> {
        if bytes.len() > MAX_DATA_LEN {
            return Err(SignatureError::TooLong);
        }
        let mut input = Input(bytes);
        match input.byte()? {
            1 => {}
            2 => return Err(SignatureError::Keyless),
            other => return Err(SignatureError::Version(other)),
        }
        match (input.byte()?, input.byte()?) {
            (1, 1) => {}
            (1, hash) => return Err(SignatureError::HashFunction(hash)),
            (content, _) => return Err(SignatureError::ContentType(content)),
        }
        let count = input.count(MAX_SETS).ok_or(SignatureError::TooManySets)??;
        let mut sets = Vec::new();
        for _ in 0..count {
            let mut set = Input(input.block()?);
            sets.push(SignedHashes::parse(&mut set)?);
            set.end()?;
        }
        input.end()?;
        Ok(Self { sets })
    }

    /// The bytes of a section or of a detached signature, lengths in their shortest form.
    ///
    /// # Errors
    /// More of something than [`SignatureData::parse`] takes.
    pub fn encode(&self) -> Result<Vec<u8>, SignatureError> {
        let mut out = PREFIX.to_vec();
        if self.sets.len() > MAX_SETS {
            return Err(SignatureError::TooManySets);
        }
        put_len(self.sets.len(), &mut out)?;
        for set in &self.sets {
            put_block(&set.encode()?, &mut out)?;
        }
        if out.len() > MAX_DATA_LEN { Err(SignatureError::TooLong) } else { Ok(out) }
    }

    /// Adds a signature over `hashes` to the set of that list, or to a new one. What others signed stays as it is.
    ///
    /// # Errors
    /// [`SignatureError::Twice`] where this very signature is there already.
    pub fn add(&mut self, hashes: &[Sha256], key_id: &[u8], signature: &[u8; 64]) -> Result<(), SignatureError> {
        let record = Record::ed25519(key_id, signature)?;
        let Some(set) = self.sets.iter_mut().find(|set| set.hashes == hashes) else {
            self.sets.push(SignedHashes { hashes: hashes.to_vec(), records: vec![record] });
            return Ok(());
        };
        let same = |one: &Record| matches!(&one.kind, RecordKind::Ed25519 { signature: got, .. } if got == signature);
        if set.records.iter().any(same) {
            return Err(SignatureError::Twice);
        }
        set.records.push(record);
        Ok(())
    }
}

impl SignedHashes {
    fn parse(input: &mut Input<'_>) -> Result<Self, SignatureError> {
        let count = input.count(MAX_HASHES).ok_or(SignatureError::TooManyHashes)??;
        let mut hashes = Vec::new();
        for _ in 0..count {
            let hash = input.take(32)?.first_chunk().ok_or(SignatureError::Short)?;
            hashes.push(Sha256::from_bytes(*hash));
        }
        let count = input.count(MAX_RECORDS).ok_or(SignatureError::TooManyRecords)??;
        let mut records = Vec::new();
        for _ in 0..count {
            records.push(Record::parse(input.block()?));
        }
        Ok(Self { hashes, records })
    }

    fn encode(&self) -> Result<Vec<u8>, SignatureError> {
        let mut out = Vec::new();
        if self.hashes.len() > MAX_HASHES {
            return Err(SignatureError::TooManyHashes);
        }
        put_len(self.hashes.len(), &mut out)?;
        self.hashes.iter().for_each(|hash| out.extend(hash.as_bytes()));
        if self.records.len() > MAX_RECORDS {
            return Err(SignatureError::TooManyRecords);
        }
        put_len(self.records.len(), &mut out)?;
        for record in &self.records {
            put_block(&record.raw, &mut out)?;
        }
        Ok(out)
    }

    /// What the signatures of this set are over.
    pub fn message(&self) -> Vec<u8> {
        message(&self.hashes)
    }
}

/// What is signed for a list of hashes: the domain, the three numbers, the hashes.
pub fn message(hashes: &[Sha256]) -> Vec<u8> {
    let mut message = DOMAIN.to_vec();
    message.extend(PREFIX);
    hashes.iter().for_each(|hash| message.extend(hash.as_bytes()));
    message
}

impl Record {
    fn ed25519(key_id: &[u8], signature: &[u8; 64]) -> Result<Self, SignatureError> {
        let mut raw = Vec::new();
        put_block(key_id, &mut raw)?;
        raw.push(ED25519);
        put_block(signature, &mut raw)?;
        Ok(Self::parse(&raw))
    }

    fn parse(raw: &[u8]) -> Self {
        let kind = Self::kind_of(raw).unwrap_or(RecordKind::Malformed);
        Self { raw: raw.to_vec(), kind }
    }

    fn kind_of(raw: &[u8]) -> Result<RecordKind, SignatureError> {
        let mut input = Input(raw);
        let key_id = input.block()?.to_vec();
        let algorithm = input.byte()?;
        if algorithm != ED25519 {
            return Ok(RecordKind::Other { key_id, algorithm });
        }
        let Ok(signature) = <[u8; 64]>::try_from(input.block()?) else { return Ok(RecordKind::Malformed) };
        Ok(RecordKind::Ed25519 { key_id, signature, certificates: certificates(input) })
    }

    /// What it is.
    pub const fn kind(&self) -> &RecordKind {
        &self.kind
    }
}

/// How many certificates a tail holds: none where there is no tail.
fn certificates(mut tail: Input<'_>) -> Option<usize> {
    if tail.0.is_empty() {
        return Some(0);
    }
    let count = tail.number().ok()?;
    for _ in 0..count {
        tail.block().ok()?;
    }
    tail.end().ok()?;
    usize::try_from(count).ok()
}

/// Bytes that are taken from the front.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn byte(&mut self) -> Result<u8, SignatureError> {
        let (first, rest) = self.0.split_first().ok_or(SignatureError::Short)?;
        self.0 = rest;
        Ok(*first)
    }

    fn number(&mut self) -> Result<u32, SignatureError> {
        let (value, used) = leb::read(self.0).map_err(|error| match error {
            LebError::Short => SignatureError::Short,
            LebError::Overflow => SignatureError::Number,
        })?;
        self.take(used)?;
        Ok(value)
    }

    /// A number of things, `None` for more than `max`: known before anything is made room for.
    fn count(&mut self, max: usize) -> Option<Result<u32, SignatureError>> {
        match self.number() {
            Ok(count) if usize::try_from(count).is_ok_and(|count| count <= max) => Some(Ok(count)),
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        }
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], SignatureError> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(SignatureError::Short)?;
        self.0 = rest;
        Ok(taken)
    }

    /// A length, and as many bytes.
    fn block(&mut self) -> Result<&'a [u8], SignatureError> {
        let len = self.number()?;
        self.take(usize::try_from(len).map_err(|_| SignatureError::Short)?)
    }

    const fn end(&self) -> Result<(), SignatureError> {
        if self.0.is_empty() { Ok(()) } else { Err(SignatureError::Behind) }
    }
}

fn put_len(len: usize, out: &mut Vec<u8>) -> Result<(), SignatureError> {
    leb::write(u32::try_from(len).map_err(|_| SignatureError::TooLong)?, out);
    Ok(())
}

fn put_block(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), SignatureError> {
    put_len(bytes.len(), out)?;
    out.extend(bytes);
    Ok(())
}

/// Why bytes are no signature data that can be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureError {
    /// More than [`MAX_DATA_LEN`].
    TooLong,
    /// They end in the middle of something.
    Short,
    /// A number of more than 32 bits.
    Number,
    /// Bytes behind the last set, or behind the last record of a set: nobody signed them.
    Behind,
    /// Version 02, wsc's keyless signatures: named, not judged.
    Keyless,
    /// A version of the format that is not known; files from before December 2025 have their content type left out.
    Version(u8),
    /// Not about WebAssembly.
    ContentType(u8),
    /// Not SHA-256.
    HashFunction(u8),
    /// More than [`MAX_SETS`].
    TooManySets,
    /// More than [`MAX_HASHES`] in a set.
    TooManyHashes,
    /// More than [`MAX_RECORDS`] in a set.
    TooManyRecords,
    /// The signature that is to be added is there.
    Twice,
}

impl SignatureError {
    /// A stable id of the refusal.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLong => "wasm-signature-too-long",
            Self::Short => "wasm-signature-short",
            Self::Number => "wasm-signature-number",
            Self::Behind => "wasm-signature-behind",
            Self::Keyless => "wasm-signature-keyless",
            Self::Version(_) => "wasm-signature-version",
            Self::ContentType(_) => "wasm-signature-content",
            Self::HashFunction(_) => "wasm-signature-hash",
            Self::TooManySets | Self::TooManyHashes | Self::TooManyRecords => "wasm-signature-too-many",
            Self::Twice => "wasm-signed-already",
        }
    }

    /// What to do about it.
    pub fn hint(self) -> Option<String> {
        let hint = match self {
            Self::Keyless => "`pinfold check` judges Sigstore bundles; have the file signed by a key as well",
            Self::Version(_) | Self::ContentType(_) | Self::HashFunction(_) => {
                "have it signed anew by a tool of the format's version 1, such as wasmsign2 0.2.8"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "the signature has more than {MAX_DATA_LEN} bytes"),
            Self::Short => f.write_str("the signature ends in the middle of something"),
            Self::Number => f.write_str("the signature has a number of more than 32 bits"),
            Self::Behind => f.write_str("the signature has bytes behind what is signed in it"),
            Self::Keyless => f.write_str("the signature is a keyless one of wsc, which is not judged"),
            Self::Version(version) => write!(f, "the signature is of version {version} of the format, not 1"),
            Self::ContentType(kind) => write!(f, "the signature is over content of type {kind}, not 1, WebAssembly"),
            Self::HashFunction(hash) => write!(f, "the signature is over hashes by function {hash}, not 1, SHA-256"),
            Self::TooManySets => write!(f, "the signature has more than {MAX_SETS} sets of hashes"),
            Self::TooManyHashes => write!(f, "the signature has a set of more than {MAX_HASHES} hashes"),
            Self::TooManyRecords => write!(f, "the signature has a set signed more than {MAX_RECORDS} times"),
            Self::Twice => f.write_str("the key has signed this already"),
        }
    }
}

impl std::error::Error for SignatureError {}
