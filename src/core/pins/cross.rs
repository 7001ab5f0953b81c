//! What must hold between the pins of one file: names, places and digests that do not collide.
//!
//! Every check is a pass over hash maps, so that ten thousand pins take milliseconds.

use std::collections::HashMap;

use super::artifact::Artifact;
use super::error::{PinsError, PinsErrorKind, topmost};
use super::patch::Edit;
use super::pin::Pin;
use super::source::Source;
use crate::digest::Integrity;
use crate::path::{self, RelPath};

/// Refuses the topmost collision.
pub(super) fn check(pins: &[Pin]) -> Result<(), PinsError> {
    let keys: Vec<String> = pins.iter().map(|pin| pin.to.collision_key()).collect();
    let checks = [
        check_names(pins),
        check_places(pins, &keys),
        check_repository(pins),
        check_inputs(pins, &keys),
        check_identities(pins),
    ];
    topmost(checks)
}

/// Names that differ in case only would share a record file on macOS and Windows.
fn check_names(pins: &[Pin]) -> Result<(), PinsError> {
    let mut seen: HashMap<String, &Pin> = HashMap::new();
    for pin in pins {
        if let Some(other) = seen.insert(pin.name.as_str().to_ascii_lowercase(), pin) {
            let kind = PinsErrorKind::PinNameCollision { other: other.name.to_string(), other_line: other.line };
            return Err(PinsError::new(Some(pin.line), Some(pin.name.as_str()), kind));
        }
    }
    Ok(())
}

/// No destination is, contains or lies in another.
fn check_places(pins: &[Pin], keys: &[String]) -> Result<(), PinsError> {
    let mut places: HashMap<&str, &Pin> = HashMap::new();
    let mut parents: HashMap<&str, &Pin> = HashMap::new();
    for (pin, key) in pins.iter().zip(keys) {
        let above = self_and_parents(key).find_map(|folder| places.get(folder));
        if let Some(other) = above.or_else(|| parents.get(key.as_str())) {
            let kind = PinsErrorKind::ToOverlaps {
                to: pin.to.to_string(),
                other: other.name.to_string(),
                other_to: other.to.to_string(),
                other_line: other.line,
            };
            return Err(PinsError::new(Some(pin.line), Some(pin.name.as_str()), kind));
        }
        places.insert(key, pin);
        parents.extend(self_and_parents(key).skip(1).map(|folder| (folder, pin)));
    }
    Ok(())
}

/// No destinations together are a repository to git: `x/HEAD` of one pin, `x/objects` and `x/refs` of others.
fn check_repository(pins: &[Pin]) -> Result<(), PinsError> {
    let head = path::repository_in(pins.iter().map(|pin| &pin.to));
    match pins.iter().find(|pin| Some(&pin.to) == head) {
        Some(pin) => {
            let kind = PinsErrorKind::ToReserved { to: pin.to.to_string() };
            Err(PinsError::new(Some(pin.line), Some(pin.name.as_str()), kind))
        }
        None => Ok(()),
    }
}

/// No file of the project that a pin is made of lies where a fetch puts a tree: it would vanish with the next swap.
fn check_inputs(pins: &[Pin], keys: &[String]) -> Result<(), PinsError> {
    let places: HashMap<&str, &Pin> = keys.iter().map(String::as_str).zip(pins).collect();
    for pin in pins {
        for (key, path, line) in inputs(pin) {
            let folded = path.collision_key();
            if let Some(other) = self_and_parents(&folded).find_map(|folder| places.get(folder)) {
                let kind = PinsErrorKind::InputInTree {
                    key,
                    path: path.to_string(),
                    other: other.name.to_string(),
                    other_to: other.to.to_string(),
                };
                return Err(PinsError::new(Some(line), Some(pin.name.as_str()), kind));
            }
        }
    }
    Ok(())
}

/// The files of the project that a pin names, with key and line.
fn inputs(pin: &Pin) -> impl Iterator<Item = (&'static str, &RelPath, usize)> {
    let files = pin.artifacts().filter_map(|artifact| match &artifact.source {
        Source::File(path) => Some(("file", path, artifact.line)),
        _ => None,
    });
    let replacements = pin.patches.iter().filter_map(|patch| match &patch.edit {
        Edit::ReplaceWith(path) => Some(("replace-with", path, patch.line)),
        _ => None,
    });
    let evidence = pin
        .provenance
        .iter()
        .filter_map(|provenance| provenance.attestation.as_ref().map(|path| ("attestation", path, provenance.line)));
    let keys = pin.signature.iter().flat_map(|one| one.files().map(|path| ("keys", path, one.line)));
    files.chain(replacements).chain(evidence).chain(keys)
}

/// One digest belongs to one identity among the sources of a kind: two npm packages with the same bytes are a version
/// that was changed while its integrity was not, the commonest accident of pinning.
fn check_identities(pins: &[Pin]) -> Result<(), PinsError> {
    let mut artifacts: Vec<(&Pin, &Artifact)> =
        pins.iter().flat_map(|pin| pin.artifacts().map(move |artifact| (pin, artifact))).collect();
    artifacts.sort_by_key(|(_, artifact)| artifact.line);
    let mut seen: HashMap<(&str, &Integrity), (&Pin, &Artifact)> = HashMap::new();
    for (pin, artifact) in artifacts {
        let key = (artifact.source.key(), &artifact.integrity);
        let (other, first) = *seen.entry(key).or_insert((pin, artifact));
        // Two files of the project may well be copies.
        if first.source != artifact.source && !matches!(artifact.source, Source::File(_)) {
            let kind = PinsErrorKind::SameIntegrity {
                source: artifact.source.to_string(),
                other: other.name.to_string(),
                other_source: first.source.to_string(),
                other_line: first.line,
            };
            return Err(PinsError::new(Some(artifact.line), Some(pin.name.as_str()), kind));
        }
    }
    Ok(())
}

/// A path, then each folder above it.
fn self_and_parents(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| path.rsplit_once('/').map(|(parent, _)| parent))
}
