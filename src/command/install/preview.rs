//! What the tree of an artifact would be, before it is pinned. Nothing here touches the project: trees are put together in
//! the store and removed again.

use super::unpack;
use crate::ctx::{Ctx, Step};
use pinfold_core::fault::Fault;
use pinfold_core::fs;
use pinfold_core::patch::Patches;
use pinfold_core::pins::{Artifact, Pin};
use pinfold_core::store::VerifiedBlob;
use pinfold_core::tree::Assembled;

/// What would stand at a pin's destination, tree hash included. It is put together in the store, and is gone afterwards.
pub fn preview(
    ctx: &Ctx<'_>,
    pin: &Pin,
    artifact: &Artifact,
    blob: &VerifiedBlob,
    patches: &Patches,
) -> Result<Assembled, Fault> {
    ctx.progress.step(pin.name.as_str(), Step::Unpacking);
    let drafts = ctx.store.drafts()?;
    let stage = fs::unique_name(pin.name.as_str());
    let mut pass = ctx.gate.enter(blob.len());
    let assembled = unpack::unpack_unpinned((&drafts, &stage, &mut pass.memory), pin, artifact, blob, patches);
    // The first error is the one to tell; `cache gc` sweeps what stays.
    let removed = drafts.remove_all(&stage);
    let assembled = assembled?;
    removed?;
    Ok(assembled)
}
