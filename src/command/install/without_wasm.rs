//! In place of `signed`, where pinfold is built without `wasm`: a pin that demands signed WebAssembly is refused.

use crate::features::left_out;
use crate::project::Project;
use crate::report::Finding;
use crate::report::wasm::SignedFile;
use pinfold_core::archive::Member;
use pinfold_core::fault::Fault;
use pinfold_core::fs::Dir;
use pinfold_core::patch::Patches;
use pinfold_core::path::RelPath;
use pinfold_core::pins::{Mode, Pin};
use pinfold_core::record::{Contents, Signatures};

/// What a pin demands that is not refused.
#[derive(Debug)]
pub enum Demand {
    /// Nothing: it has no table.
    None,
    /// Nobody is to look.
    Off,
}

/// How the signatures came out: nobody looked.
#[derive(Debug, Default)]
pub struct Judged {
    /// What the record is to keep.
    pub recorded: Option<Signatures>,
    /// Never anything.
    pub files: Vec<SignedFile>,
    /// Never anything.
    pub findings: Vec<Finding>,
}

/// What a pin demands, with `over` over its mode.
pub fn demand(_project: &Project, pin: &Pin, over: Option<Mode>) -> Result<Demand, Fault> {
    let Some(own) = pin.signature.as_ref().filter(|own| !own.of_artifact) else { return Ok(Demand::None) };
    if over.unwrap_or(own.mode) == Mode::Off || own.files().next().is_none() {
        return Ok(Demand::Off);
    }
    Err(left_out(pin.name.as_str(), "signed WebAssembly", "wasm"))
}

impl Demand {
    /// What a record says of a tree of which nothing is demanded; `None` where it says nothing of that.
    pub fn recall(&self, recorded: Option<&Signatures>, _to: &RelPath) -> Option<Judged> {
        match (self, recorded) {
            (Self::None, None) | (Self::Off, Some(_)) => {
                Some(Judged { recorded: recorded.cloned(), ..Judged::default() })
            }
            _ => None,
        }
    }

    /// What a record is to say of a tree of which nothing is demanded.
    pub fn judge(&self, _parent: &Dir, _name: &str, _contents: &Contents, _to: &RelPath) -> Result<Judged, Fault> {
        let recorded = matches!(self, Self::Off).then_some(Signatures::Off);
        Ok(Judged { recorded, ..Judged::default() })
    }
}

/// A member on its way: where signatures are demanded nothing gets this far.
pub(super) fn refuse_patched(
    _pin: &Pin,
    _patches: &Patches,
    member: Member<'_>,
    next: &mut dyn FnMut(Member<'_>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    next(member)
}
