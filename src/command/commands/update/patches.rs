//! All patches that do not apply to another version, not only the first.

use crate::install;
use pinfold_core::fault::Fault;
use pinfold_core::patch::{PatchError, Patches};
use pinfold_core::pins::{Artifact, Edit, Pin};
use pinfold_core::store::VerifiedBlob;

/// In place of an error of one patch, one of all that do not apply; any other error as it is.
pub(super) fn all(fault: Fault, (pin, artifact, blob): (&Pin, &Artifact, &VerifiedBlob), patches: &Patches) -> Fault {
    let Some(first) = fault.cause() else { return fault };
    let told = |error: &PatchError| {
        let line = line_of(pin, error);
        let message = format!("line {line} of the pin file: {error}");
        (line, Fault::refused(error.code(), message).hint(error.hint()))
    };
    let mut wrong = Vec::new();
    for (path, edits) in patches.iter() {
        let mut alone = Patches::default();
        for edit in edits {
            alone.push(path.clone(), edit.clone());
        }
        if let Err(fault) = install::describe(pin, artifact, blob, &alone) {
            wrong.extend(fault.cause().map(told));
        }
    }
    if wrong.is_empty() {
        wrong.push(told(first));
    }
    wrong.sort_by_key(|(line, _)| *line);
    Fault::all(wrong.into_iter().map(|(_, fault)| fault)).unwrap_or(fault)
}

/// The line of pins.toml where the patch stands.
fn line_of(pin: &Pin, error: &PatchError) -> usize {
    let of_path = || pin.patches.iter().filter(|patch| patch.path == *error.path());
    let exact = of_path().find(|patch| match (&patch.edit, error) {
        (Edit::Substitute { find, .. }, PatchError::Count { find: wanted, .. }) => find == wanted,
        _ => false,
    });
    exact.or_else(|| of_path().next()).map_or(pin.line, |patch| patch.line)
}
