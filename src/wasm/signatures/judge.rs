//! The judgement itself: one pass over a file, a verdict a part, a proof at the end.

use std::collections::BTreeSet;
use std::io::Read;

use super::candidates::Candidates;
use super::key::PublicKey;
use super::refusal::Refusal;
use super::trust::TrustedKeys;
use crate::wasmfile::{Kind, Pass, Section, Selection, SignatureData, Step};
use pinfold_core::digest::{Beside, Sha256, Sha256Hasher};

/// What must be signed, and by whom.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Whose signatures count.
    pub trusted: TrustedKeys,
    /// What they must be over.
    pub scope: Scope,
    /// What the file must be; `None` takes both.
    pub kind: Option<Kind>,
    /// Whether the proof names the digest of the whole file as well: a second hash over the same bytes, for whoever does not
    /// know it already. It takes a second thread, or twice the time.
    pub digest: bool,
}

impl Policy {
    /// The whole file, module or component.
    pub const fn whole(trusted: TrustedKeys) -> Self {
        Self { trusted, scope: Scope::Whole, kind: None, digest: false }
    }
}

/// What of a file must be signed.
#[derive(Debug, Clone)]
pub enum Scope {
    /// All of it: the signed list of hashes is that of the file, no more and no fewer.
    Whole,
    /// The parts that hold these sections, and whatever is before them.
    Sections(Selection),
}

/// The proof that a file is what trusted keys signed. Only the check makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    kind: Kind,
    signers: Vec<Signer>,
    parts: usize,
    covered: Covered,
    size: u64,
    end: u64,
    sha256: Option<Sha256>,
    content: Sha256,
}

/// A trusted key that signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// The key.
    pub key: PublicKey,
    /// For what, where the key has a role.
    pub role: Option<String>,
}

/// What of a file is proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Covered {
    /// All of it.
    Whole,
    /// The first parts; what is behind them is anybody's.
    Parts {
        /// How many.
        first: usize,
    },
}

impl Proof {
    /// What the file is. The header is not signed; the sections were seen to fit it.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Who signed, each key once, in the order of the keys.
    pub fn signers(&self) -> &[Signer] {
        &self.signers
    }

    /// How many parts the file has.
    pub const fn parts(&self) -> usize {
        self.parts
    }

    /// What of it is proved: never a bare yes for less than all.
    pub const fn covered(&self) -> Covered {
        self.covered
    }

    /// Its length in bytes.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Where what is proved ends, in bytes from the start of the file: its length, unless only the first parts are.
    pub const fn end(&self) -> u64 {
        self.end
    }

    /// The digest of the file, header and signature included, where the policy asked for it.
    pub const fn sha256(&self) -> Option<Sha256> {
        self.sha256
    }

    /// The digest of everything behind the signature section, which together with the kind is the file without its
    /// signature: the same however often it is signed.
    pub const fn content(&self) -> Sha256 {
        self.content
    }
}

/// A part that is proved, although more of the file is to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    /// How many parts are proved now.
    pub parts: usize,
    /// Where the last of them ends, in bytes from the start of the file.
    pub end: u64,
}

/// What somebody wants to see of a file while it is judged.
pub(super) struct Watch<'a> {
    /// Every byte.
    pub(super) raw: &'a mut dyn FnMut(&[u8]),
    /// Every part that is proved.
    pub(super) reached: &'a mut dyn FnMut(Reached),
    /// Whether a file without a signature is read to its end all the same, as one that may pass without one.
    pub(super) look_on: bool,
}

/// Proves a file from a reader, in one pass and constant memory.
///
/// # Errors
/// [`Refusal`]; whatever was made of the bytes meanwhile is to be thrown away.
pub fn prove<R: Read>(policy: &Policy, file: R, detached: Option<&[u8]>) -> Result<Proof, Refusal> {
    prove_by_part(policy, file, detached, &mut |_| {})
}

/// The same, and tells of every part as soon as it is proved, before the next one is read. Under [`Scope::Whole`] parts may
/// still turn out to be too few.
///
/// # Errors
/// As of [`prove`].
pub fn prove_by_part<R: Read>(
    policy: &Policy,
    file: R,
    detached: Option<&[u8]>,
    reached: &mut dyn FnMut(Reached),
) -> Result<Proof, Refusal> {
    judge(policy, file, detached, Watch { raw: &mut |_| {}, reached, look_on: false })
}

pub(super) fn judge<R: Read>(
    policy: &Policy,
    file: R,
    detached: Option<&[u8]>,
    watch: Watch<'_>,
) -> Result<Proof, Refusal> {
    let mut digest = policy.digest.then(|| Beside::new(Sha256Hasher::default()));
    let mut size: u64 = 0;
    let mut raw = |bytes: &[u8]| {
        if let Some(digest) = &mut digest {
            digest.update(bytes);
        }
        size = size.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        (watch.raw)(bytes);
    };
    let mut pass = Pass::open(file, &mut raw)?;
    let kind = pass.kind();
    if let Some(expected) = policy.kind.filter(|expected| *expected != kind) {
        return Err(Refusal::OtherKind { expected, got: kind });
    }
    let data = detached.map(SignatureData::parse).transpose()?;
    let mut hearing = Hearing::new(policy, data.as_ref())?;
    while let Some(step) = pass.next(&mut raw)? {
        match step {
            Step::Signature { .. } if detached.is_some() => return Err(Refusal::Embedded),
            Step::Signature { data, .. } => hearing.signed(&SignatureData::parse(&data)?)?,
            Step::Section { section, part } => {
                if hearing.candidates.is_none() && !watch.look_on {
                    return Err(Refusal::Missing);
                }
                hearing.section(&section, part);
            }
            Step::Delimiter { section, part, hash } => {
                hearing.delimiters = true;
                hearing.ends(part, section.end());
                if hearing.part(part, &hash)? {
                    (watch.reached)(Reached { parts: part.saturating_add(1), end: section.end() });
                }
            }
            Step::End { last, content } => {
                if let Some((part, _)) = last {
                    hearing.ends(part, size);
                }
                let end = hearing.needed_end;
                let (signers, covered, parts) = hearing.end(last)?;
                drop(pass);
                let sha256 = digest.map(|digest| digest.back().finish());
                return Ok(Proof { kind, signers, parts, covered, size, end, sha256, content });
            }
        }
    }
    Err(Refusal::Missing)
}

/// What is known of a file while it is read.
struct Hearing<'p> {
    policy: &'p Policy,
    /// `None` while no signature was seen.
    candidates: Option<Candidates<'p>>,
    /// How many parts must be covered by what was seen so far.
    needed: usize,
    /// Where the last of them ends.
    needed_end: u64,
    parts: usize,
    delimiters: bool,
    /// Names that were asked for and seen.
    seen: BTreeSet<&'p str>,
}

impl<'p> Hearing<'p> {
    fn new(policy: &'p Policy, detached: Option<&SignatureData>) -> Result<Self, Refusal> {
        let candidates = detached.map(|data| Candidates::new(data, &policy.trusted)).transpose()?;
        Ok(Self { policy, candidates, needed: 0, needed_end: 0, parts: 0, delimiters: false, seen: BTreeSet::new() })
    }

    fn signed(&mut self, data: &SignatureData) -> Result<(), Refusal> {
        self.candidates = Some(Candidates::new(data, &self.policy.trusted)?);
        Ok(())
    }

    fn section(&mut self, section: &Section, part: usize) {
        let asked = match &self.policy.scope {
            Scope::Whole => true,
            Scope::Sections(selection) => {
                // No name but those that were asked for is kept: a file may have any number, each of any length.
                self.seen.extend(section.name.iter().find_map(|name| selection.exact().find(|one| one == name)));
                selection.takes(section)
            }
        };
        if asked {
            self.needed = part.saturating_add(1);
        }
    }

    /// Where a part ends, which is where the proof does if nothing behind it is needed.
    fn ends(&mut self, part: usize, end: u64) {
        let parts = part.saturating_add(1);
        if matches!(self.policy.scope, Scope::Whole) || self.needed == parts {
            self.needed_end = end;
        }
    }

    /// The end of a part: whether it is proved now. What was asked about and is not proved refuses at once.
    fn part(&mut self, part: usize, hash: &Sha256) -> Result<bool, Refusal> {
        self.parts = part.saturating_add(1);
        let Some(candidates) = &mut self.candidates else { return Ok(false) };
        candidates.take(part, hash);
        match self.policy.scope {
            Scope::Whole => candidates.first(self.parts).map(|_| true),
            Scope::Sections(_) if self.needed == self.parts => candidates.first(self.parts).map(|_| true),
            Scope::Sections(_) => Ok(false),
        }
    }

    fn end(mut self, last: Option<(usize, Sha256)>) -> Result<(Vec<Signer>, Covered, usize), Refusal> {
        if self.candidates.is_none() {
            return Err(Refusal::Missing);
        }
        if let Scope::Sections(selection) = &self.policy.scope {
            if !self.delimiters {
                return Err(Refusal::NoDelimiter);
            }
            if self.needed == 0 {
                return Err(Refusal::NothingSelected);
            }
            if let Some(name) = selection.exact().find(|name| !self.seen.contains(name)) {
                return Err(Refusal::NoSection(name.to_owned()));
            }
        }
        if let Some((part, hash)) = last {
            self.part(part, &hash)?;
        }
        let Some(candidates) = &self.candidates else { return Err(Refusal::Missing) };
        let (signers, covered) = match self.policy.scope {
            Scope::Whole => (candidates.exactly(self.parts)?, Covered::Whole),
            Scope::Sections(_) => (candidates.first(self.needed)?, Covered::Parts { first: self.needed }),
        };
        let role = |key: &PublicKey| self.policy.trusted.role_of(key).map(str::to_owned);
        let signers = signers.into_iter().map(|key| Signer { key, role: role(&key) }).collect();
        Ok((signers, covered, self.parts))
    }
}
