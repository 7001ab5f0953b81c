//! Lists of hashes that somebody trusted signed, held against the file as it comes.

use std::collections::BTreeSet;

use super::key::PublicKey;
use super::refusal::Refusal;
use super::trust::TrustedKeys;
use crate::wasmfile::{RecordKind, SignatureData, SignedHashes};
use pinfold_core::digest::Sha256;

/// Which sets of signature data are signed by whom, and how far each fits the file.
pub(super) struct Candidates<'p> {
    trusted: &'p TrustedKeys,
    lists: Vec<Candidate>,
}

struct Candidate {
    hashes: Vec<Sha256>,
    signers: BTreeSet<PublicKey>,
    /// How many of the file's hashes are those of this list, from the first on.
    fits: usize,
}

impl<'p> Candidates<'p> {
    /// Checks the signatures: before anything of the file is hashed, so that each part has its verdict when it ends.
    pub(super) fn new(data: &SignatureData, trusted: &'p TrustedKeys) -> Result<Self, Refusal> {
        let mut budget = MAX_CHECKS;
        let mut lists = Vec::new();
        // Nothing is signed by a set without hashes.
        for set in data.sets.iter().filter(|set| !set.hashes.is_empty()) {
            let signers = signers(set, trusted, &mut budget)?;
            if !signers.is_empty() {
                lists.push(Candidate { hashes: set.hashes.clone(), signers, fits: 0 });
            }
        }
        let candidates = Self { trusted, lists };
        let all = candidates.signers(|_| true);
        if all.is_empty() {
            return Err(nobody(data, trusted));
        }
        match trusted.lacks(&all) {
            Some(lacking) => Err(Refusal::Lacking(lacking)),
            None => Ok(candidates),
        }
    }

    /// Takes the hash at the end of a part, which are counted from 0.
    pub(super) fn take(&mut self, part: usize, hash: &Sha256) {
        for list in &mut self.lists {
            if list.fits == part && list.hashes.get(part) == Some(hash) {
                list.fits = part.saturating_add(1);
            }
        }
    }

    /// Who signed the first `parts` parts.
    pub(super) fn first(&self, parts: usize) -> Result<BTreeSet<PublicKey>, Refusal> {
        self.judge(|list| list.fits >= parts, parts)
    }

    /// Who signed these parts and no others.
    pub(super) fn exactly(&self, parts: usize) -> Result<BTreeSet<PublicKey>, Refusal> {
        self.judge(|list| list.fits == parts && list.hashes.len() == parts, parts)
    }

    fn signers(&self, fits: impl Fn(&Candidate) -> bool) -> BTreeSet<PublicKey> {
        self.lists.iter().filter(|list| fits(list)).flat_map(|list| list.signers.iter().copied()).collect()
    }

    fn judge(&self, fits: impl Fn(&Candidate) -> bool, parts: usize) -> Result<BTreeSet<PublicKey>, Refusal> {
        let signers = self.signers(fits);
        match self.trusted.lacks(&signers) {
            None => Ok(signers),
            Some(lacking) if !signers.is_empty() => Err(Refusal::Lacking(lacking)),
            Some(_) => Err(self.reason(parts)),
        }
    }

    /// Why no list fits: told of the one that fits best.
    fn reason(&self, parts: usize) -> Refusal {
        let Some(best) = self.lists.iter().max_by_key(|list| list.fits) else { return Refusal::Untrusted };
        let signed = best.hashes.len();
        if best.fits == parts {
            Refusal::Cut { gone: signed.saturating_sub(parts) }
        } else if best.fits == signed {
            Refusal::Partial { signed }
        } else {
            Refusal::Changed { part: best.fits.saturating_add(1) }
        }
    }
}

/// Which trusted keys signed a set. The key that a record names is tried first; the name is a hint, and a wrong one spoils
/// nothing.
fn signers(set: &SignedHashes, trusted: &TrustedKeys, budget: &mut usize) -> Result<BTreeSet<PublicKey>, Refusal> {
    let message = set.message();
    let keys: Vec<(PublicKey, [u8; 12])> = trusted.keys().map(|(key, _)| (*key, key.id())).collect();
    let mut found = BTreeSet::new();
    for record in &set.records {
        let RecordKind::Ed25519 { key_id, signature, .. } = record.kind() else { continue };
        let named = keys.iter().filter(|(_, id)| id == key_id.as_slice());
        let others = keys.iter().filter(|(_, id)| id != key_id.as_slice());
        for (key, _) in named.chain(others) {
            if found.contains(key) {
                continue;
            }
            *budget = budget.checked_sub(1).ok_or(Refusal::TooMuchWork)?;
            if key.signed(&message, signature) {
                found.insert(*key);
                break;
            }
        }
    }
    Ok(found)
}

/// Most signatures that are checked for one file, about a second of work: all records of a set with each of 64 keys.
const MAX_CHECKS: usize = 256 * 64;

/// Why nobody trusted signed anything.
fn nobody(data: &SignatureData, trusted: &TrustedKeys) -> Refusal {
    let ids: Vec<[u8; 12]> = trusted.keys().map(|(key, _)| key.id()).collect();
    let mut judged = data.sets.iter().flat_map(|set| &set.records).filter_map(|record| match record.kind() {
        RecordKind::Ed25519 { key_id, .. } => Some(ids.iter().any(|id| id == key_id.as_slice())),
        _ => None,
    });
    match judged.clone().next() {
        None => Refusal::Unknown,
        Some(_) if judged.any(|named| named) => Refusal::Invalid,
        Some(_) => Refusal::Untrusted,
    }
}
