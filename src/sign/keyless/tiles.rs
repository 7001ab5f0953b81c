//! An entry that a log of tiles has already: its proof is put together from the tiles that the log publishes
//! (C2SP, tlog-tiles; RFC 6962, section 2.1).
//!
//! It takes a question for the checkpoint and one for each tile on the way to the root, and is asked only after an answer
//! of the log was lost. Nothing of it is believed here: the proof that comes out holds, or the bundle does not.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use sigstore_verify::types::Checkpoint;

use super::Door;
use super::ask::{Question, bare, below};
use super::error::{KeylessError, Service};
use pinfold_core::digest::{Algorithm, Integrity};
use pinfold_core::json;
use pinfold_core::url::Url;
use pinfold_evidence::root::TrustRoot;

/// The index that a log names when it has an entry already. It stands in the sentence alone.
pub(super) fn index_of(body: &[u8]) -> Option<u64> {
    let answer = json::parse(body, body.len()).ok()?;
    let (_, index) = answer.get("message")?.as_str()?.rsplit_once("with index ")?;
    index.bytes().all(|byte| byte.is_ascii_digit()).then(|| index.parse().ok()).flatten()
}

/// The entry at `index` with the proof that `body` is there, in the form in which the log answers.
pub(super) fn entry(
    door: Door<'_>,
    root: &TrustRoot,
    base: &Url,
    index: u64,
    body: &[u8],
) -> Result<Value, KeylessError> {
    let url = below(Service::Log, base, "/api/v2/checkpoint")?;
    let question = Question::get(Service::Log, &url);
    let note = String::from_utf8(question.expect(door, None)?);
    let note = note.map_err(|_| question.answer("the checkpoint is no text"))?;
    let checkpoint = Checkpoint::from_text(&note).map_err(|error| question.answer(error))?;
    if index >= checkpoint.tree_size() {
        return Err(question.answer("the entry that is there already is not published"));
    }
    let ids = root.sigstore().tlogs.iter().map(|log| log.log_id.key_id.as_bytes());
    // A checkpoint names its keys by the first four bytes of their ids.
    let known = |id: &&[u8]| checkpoint.signatures().iter().any(|one| id.starts_with(one.key_id.as_bytes()));
    let id = ids
        .into_iter()
        .find(known)
        .ok_or_else(|| KeylessError::UnknownLog { url: bare(base), roots: vec![root.age()] })?;
    let mut tree = Tree { door, base, size: checkpoint.tree_size(), tiles: BTreeMap::new() };
    let hashes = tree.path(index)?;
    let proof = json!({
        "logIndex": index.to_string(),
        "rootHash": BASE64.encode(checkpoint.root_hash().as_bytes()),
        "treeSize": checkpoint.tree_size().to_string(),
        "hashes": hashes.iter().map(|hash| BASE64.encode(hash)).collect::<Vec<_>>(),
        "checkpoint": { "envelope": note },
    });
    Ok(json!({
        "logIndex": index.to_string(),
        "logId": { "keyId": BASE64.encode(id) },
        "kindVersion": { "kind": "hashedrekord", "version": "0.0.2" },
        "inclusionProof": proof,
        "canonicalizedBody": BASE64.encode(body),
    }))
}

/// A tree of a certain size, of which tiles are fetched when they are looked at.
struct Tree<'a> {
    door: Door<'a>,
    base: &'a Url,
    size: u64,
    tiles: BTreeMap<(u32, u64), Vec<u8>>,
}

impl Tree<'_> {
    /// The hashes beside the way from a leaf to the root, the lowest first: `PATH(m, D[n])` of RFC 6962, 2.1.1.
    fn path(&mut self, leaf: u64) -> Result<Vec<Vec<u8>>, KeylessError> {
        let (mut from, mut to) = (0, self.size);
        let mut beside = Vec::new();
        while to.saturating_sub(from) > 1 {
            let middle = from.saturating_add(half(to.saturating_sub(from)));
            if leaf < middle {
                beside.push((middle, to));
                to = middle;
            } else {
                beside.push((from, middle));
                from = middle;
            }
        }
        beside.into_iter().rev().map(|(from, to)| self.hash(from, to)).collect()
    }

    /// The hash over the leaves from one to before another: `MTH(D[from:to])`.
    fn hash(&mut self, from: u64, to: u64) -> Result<Vec<u8>, KeylessError> {
        let count = to.saturating_sub(from);
        if count.is_power_of_two() {
            let level = count.trailing_zeros();
            return self.node(level, from.checked_shr(level).unwrap_or_default());
        }
        let middle = from.saturating_add(half(count));
        let (left, right) = (self.hash(from, middle)?, self.hash(middle, to)?);
        Ok(parent(&left, &right))
    }

    /// A node with all leaves under it: a hash of a tile, or those of a tile put together.
    fn node(&mut self, level: u32, index: u64) -> Result<Vec<u8>, KeylessError> {
        let (tile_level, above) = (level / TILE_HEIGHT, level % TILE_HEIGHT);
        let first = index.checked_shl(above).unwrap_or(u64::MAX);
        let (tile, at) = (first / TILE_WIDTH, first % TILE_WIDTH);
        let bytes = self.tile(tile_level, tile)?;
        let start = usize::try_from(at).unwrap_or(usize::MAX).saturating_mul(HASH_LEN);
        let length = HASH_LEN.checked_shl(above).unwrap_or(usize::MAX);
        let hashes = bytes.get(start..start.saturating_add(length));
        let mut row: Vec<Vec<u8>> = hashes.unwrap_or_default().chunks(HASH_LEN).map(<[u8]>::to_vec).collect();
        while row.len() > 1 {
            row = row
                .chunks(2)
                .map(|pair| match pair {
                    [left, right] => parent(left, right),
                    other => other.concat(),
                })
                .collect();
        }
        row.pop().ok_or_else(|| short(self.base))
    }

    fn tile(&mut self, level: u32, index: u64) -> Result<Vec<u8>, KeylessError> {
        if let Some(known) = self.tiles.get(&(level, index)) {
            return Ok(known.clone());
        }
        let all = self.size.checked_shr(level.saturating_mul(TILE_HEIGHT)).unwrap_or_default();
        let width = all.saturating_sub(index.saturating_mul(TILE_WIDTH)).min(TILE_WIDTH);
        let part = if width < TILE_WIDTH { format!(".p/{width}") } else { String::new() };
        let path = format!("/api/v2/tile/{level}/{}{part}", name(index));
        let url = below(Service::Log, self.base, &path)?;
        let bytes = Question::get(Service::Log, &url).expect(self.door, None)?;
        let expected = usize::try_from(width).unwrap_or(usize::MAX).saturating_mul(HASH_LEN);
        if bytes.len() != expected {
            return Err(short(&url));
        }
        self.tiles.insert((level, index), bytes.clone());
        Ok(bytes)
    }
}

fn short(url: &Url) -> KeylessError {
    let why = "a tile has another length than its name says".to_owned();
    KeylessError::Answer { service: Service::Log, url: bare(url), why }
}

/// The largest power of two below a number above 1.
const fn half(count: u64) -> u64 {
    match count.saturating_sub(1).checked_ilog2() {
        Some(exponent) => 1 << exponent,
        None => 0,
    }
}

/// The hash of a node (RFC 6962, section 2.1).
fn parent(left: &[u8], right: &[u8]) -> Vec<u8> {
    Integrity::of(Algorithm::Sha256, &[&[1], left, right].concat()).digest().to_vec()
}

/// The number of a tile in its path: groups of three digits, all but the last with an `x` before them.
fn name(index: u64) -> String {
    let mut name = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest > 0 {
        name = format!("x{:03}/{name}", rest % 1000);
        rest /= 1000;
    }
    name
}

/// Levels of a tile.
const TILE_HEIGHT: u32 = 8;
/// Hashes of a full tile.
const TILE_WIDTH: u64 = 256;
const HASH_LEN: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_are_named_as_the_specification_says() {
        for (index, expected) in [(0, "000"), (67, "067"), (1000, "x001/000"), (1_234_067, "x001/x234/067")] {
            assert_eq!(name(index), expected);
        }
        assert_eq!([2, 3, 4, 5, 256, 257].map(half), [1, 2, 2, 4, 128, 256]);
    }

    #[test]
    fn the_index_is_that_of_the_sentence() {
        let said = |text: &str| index_of(json!({ "code": 6, "message": text }).to_string().as_bytes());
        let sentence = "an equivalent entry already exists in the transparency log with index ";
        assert_eq!(said(&format!("{sentence}42")), Some(42));
        for wrong in ["", "-1", "+1", "4 2", "18446744073709551616"] {
            assert_eq!(said(&format!("{sentence}{wrong}")), None, "{wrong}");
        }
        assert_eq!(said("exists"), None);
    }
}
