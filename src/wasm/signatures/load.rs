//! What a runtime requires before it parses anything: bytes that only the check hands out.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io::Read;
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use super::judge::{Policy, Proof, Watch, judge};
use super::refusal::Refusal;
use crate::wasmfile::WasmError;
use pinfold_core::digest::FileDigest;
use pinfold_core::pins::Mode;

/// Bytes that were proved. There is no other way to one than [`verify`], and no way to change what it holds: code that
/// takes a `Verified` has had it checked.
#[derive(Clone, PartialEq, Eq)]
pub struct Verified<'a> {
    bytes: Cow<'a, [u8]>,
    proof: Proof,
}

impl Verified<'_> {
    /// The bytes, for whoever parses them: what is proved and no more. Where the policy asked for a part, the file ends here
    /// with that part, which is a file as well.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What is proved of them.
    pub const fn proof(&self) -> &Proof {
        &self.proof
    }
}

impl fmt::Debug for Verified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified").field("proof", &self.proof).finish_non_exhaustive()
    }
}

/// A file that is to be checked: bytes, or a reader that is read to its end.
///
/// Bytes are owned or borrowed for as long as the proof lives; a type that could hand out other bytes a second time is not
/// taken.
pub struct Input<'a>(Source<'a>);

enum Source<'a> {
    Bytes(Cow<'a, [u8]>),
    Reader(&'a mut dyn Read),
}

impl<'a> Input<'a> {
    /// What a reader gives, at most [`MAX_FILE_LEN`].
    pub fn reader(reader: &'a mut dyn Read) -> Self {
        Self(Source::Reader(reader))
    }

    /// All of it in memory.
    fn bytes(self) -> Result<Cow<'a, [u8]>, Refusal> {
        match self.0 {
            Source::Bytes(bytes) => Ok(bytes),
            Source::Reader(reader) => read(reader, MAX_FILE_LEN).map(Cow::Owned),
        }
    }
}

/// All that a reader gives, if that is not more than `limit`.
fn read(reader: &mut dyn Read, limit: u64) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    reader.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(WasmError::Input)?;
    let len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if len > limit { Err(Refusal::TooLong) } else { Ok(bytes) }
}

impl<'a> From<&'a [u8]> for Input<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self(Source::Bytes(bytes.into()))
    }
}

impl From<Vec<u8>> for Input<'_> {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Source::Bytes(bytes.into()))
    }
}

/// Longest file that is held in memory, in bytes: the largest module that browsers load (WebAssembly JavaScript interface,
/// "Implementation-defined Limits"). [`super::prove`] holds none, and has no such limit.
pub const MAX_FILE_LEN: u64 = 1 << 30;

/// Checks a file, with the signature in it or with a detached one: its bytes, and the proof that they are what trusted keys
/// signed.
///
/// # Errors
/// [`Refusal`].
pub fn verify<'a>(
    policy: &Policy,
    file: impl Into<Input<'a>>,
    detached: Option<&[u8]>,
) -> Result<Verified<'a>, Refusal> {
    check(policy, file.into().bytes()?, detached, false)
}

fn check<'a>(
    policy: &Policy,
    bytes: Cow<'a, [u8]>,
    detached: Option<&[u8]>,
    look_on: bool,
) -> Result<Verified<'a>, Refusal> {
    let watch = Watch { raw: &mut |_| {}, reached: &mut |_| {}, look_on };
    let proof = judge(policy, &*bytes, detached, watch)?;
    Ok(Verified { bytes: proved(bytes, &proof), proof })
}

/// The bytes without what is behind the last proved part, which is anybody's.
fn proved<'a>(bytes: Cow<'a, [u8]>, proof: &Proof) -> Cow<'a, [u8]> {
    let end = usize::try_from(proof.end()).unwrap_or(usize::MAX);
    match bytes {
        Cow::Borrowed(bytes) => Cow::Borrowed(bytes.get(..end).unwrap_or(bytes)),
        Cow::Owned(mut bytes) => {
            bytes.truncate(end);
            Cow::Owned(bytes)
        }
    }
}

/// What a loader lets in, by one of the three modes that evidence has everywhere.
#[derive(Debug, Clone)]
pub struct Gate {
    mode: Mode,
    policy: Policy,
}

impl Gate {
    /// `strict`: only what is proved. `lenient`: also what has no signature, which the answer says; a signature that is
    /// wrong or nobody's refuses. `off`: anything, unlooked at.
    pub const fn new(mode: Mode, policy: Policy) -> Self {
        Self { mode, policy }
    }

    /// Lets a file in, or not.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn admit<'a>(&self, file: impl Into<Input<'a>>, detached: Option<&[u8]>) -> Result<Admitted<'a>, Refusal> {
        self.admit_bytes(file.into().bytes()?, detached)
    }

    fn admit_bytes<'a>(&self, bytes: Cow<'a, [u8]>, detached: Option<&[u8]>) -> Result<Admitted<'a>, Refusal> {
        if self.mode == Mode::Off {
            return Ok(Admitted { bytes, standing: Standing::Unchecked });
        }
        let lenient = self.mode == Mode::Lenient;
        let watch = Watch { raw: &mut |_| {}, reached: &mut |_| {}, look_on: lenient };
        match judge(&self.policy, &*bytes, detached, watch) {
            Ok(proof) => Ok(Admitted { bytes: proved(bytes, &proof), standing: Standing::Proved(proof) }),
            Err(Refusal::Missing) if lenient => Ok(Admitted { bytes, standing: Standing::Unsigned }),
            Err(refusal) => Err(refusal),
        }
    }
}

/// Bytes that a [`Gate`] let in, and on what grounds.
#[derive(Clone, PartialEq, Eq)]
pub struct Admitted<'a> {
    bytes: Cow<'a, [u8]>,
    standing: Standing,
}

/// On what grounds a file was let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It is what trusted keys signed.
    Proved(Proof),
    /// It has no signature, and `lenient` takes it: worth a warning.
    Unsigned,
    /// The gate is `off`: nobody looked.
    Unchecked,
}

impl<'a> Admitted<'a> {
    /// The bytes, for whoever parses them.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// On what grounds.
    pub const fn standing(&self) -> &Standing {
        &self.standing
    }

    /// The same as proved bytes, where they are.
    pub fn verified(self) -> Option<Verified<'a>> {
        match self.standing {
            Standing::Proved(proof) => Some(Verified { bytes: self.bytes, proof }),
            Standing::Unsigned | Standing::Unchecked => None,
        }
    }
}

impl fmt::Debug for Admitted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admitted").field("standing", &self.standing).finish_non_exhaustive()
    }
}

/// A gate that remembers what it proved, by digest.
///
/// Sound because the bytes that are about to be loaded are hashed each time, a remembered verdict is this gate's own and
/// never another policy's, only proofs are remembered, and a detached signature is a part of what was judged. What is saved
/// is the checking of signatures and, as BLAKE3 is several times as fast, most of the hashing.
#[derive(Debug)]
pub struct RememberingGate {
    gate: Gate,
    room: NonZeroUsize,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    proofs: BTreeMap<String, Proof>,
    /// The oldest first.
    order: VecDeque<String>,
}

impl RememberingGate {
    /// A gate with room for so many proofs; the oldest goes first.
    pub fn new(gate: Gate, room: NonZeroUsize) -> Self {
        Self { gate, room, known: Mutex::default() }
    }

    /// Lets a file in, or not, as [`Gate::admit`] does.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn admit<'a>(&self, file: impl Into<Input<'a>>, detached: Option<&[u8]>) -> Result<Admitted<'a>, Refusal> {
        let bytes = file.into().bytes()?;
        if self.gate.mode == Mode::Off {
            return self.gate.admit_bytes(bytes, detached);
        }
        let beside = detached.map(|detached| FileDigest::of(detached).hex()).unwrap_or_default();
        let name = format!("{} {beside}", FileDigest::of(&bytes).hex());
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).proofs.get(&name).cloned();
        if let Some(proof) = known {
            return Ok(Admitted { bytes: proved(bytes, &proof), standing: Standing::Proved(proof) });
        }
        let admitted = self.gate.admit_bytes(bytes, detached)?;
        if let Standing::Proved(proof) = &admitted.standing {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.proofs.insert(name.clone(), proof.clone()).is_none() {
                known.order.push_back(name);
            }
            while known.order.len() > self.room.get() {
                let oldest = known.order.pop_front();
                oldest.map(|oldest| known.proofs.remove(&oldest));
            }
        }
        Ok(admitted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_without_end() {
        let read = |len: u64| read(&mut std::io::repeat(7).take(len), 1000);
        assert_eq!(read(1000).map(|bytes| bytes.len()).ok(), Some(1000));
        assert_eq!(read(1001).expect_err("too long").code(), "wasm-too-long");
        assert_eq!(read(u64::MAX).expect_err("too long").code(), "wasm-too-long");
    }
}
