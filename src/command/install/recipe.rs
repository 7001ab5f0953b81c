//! The recipe of a tree: what a pin says about unpacking and patching, as one digest that a record can hold.

use serde_json::{Value, json};

use crate::project::Project;
use pinfold_core::digest::Sha256;
use pinfold_core::fault::Fault;
use pinfold_core::fs;
use pinfold_core::layout::{Executable, Layout};
use pinfold_core::patch::{Edit, MAX_PATCHED, Patches};
use pinfold_core::pins::{self, Pin};

/// The patches of a pin, with the files that they name read.
pub fn load_patches(project: &Project, pin: &Pin) -> Result<Patches, Fault> {
    let mut patches = Patches::default();
    for patch in &pin.patches {
        let edit = match &patch.edit {
            pins::Edit::ReplaceWith(file) => {
                Edit::Replace(fs::read(&project.folder().join(file.as_str()), MAX_PATCHED)?)
            }
            pins::Edit::Content(text) => Edit::Replace(text.clone().into_bytes()),
            pins::Edit::Delete => Edit::Delete,
            pins::Edit::Substitute { find, replace, count } => {
                Edit::Substitute { find: find.clone(), replace: replace.clone(), count: *count }
            }
        };
        patches.push(patch.path.clone(), edit);
    }
    Ok(patches)
}

/// The digest of all that decides, beside the artifact, what the tree is. Limits are left out: they only refuse.
pub fn recipe(layout: &Layout, patches: &Patches) -> Sha256 {
    let patterns = |patterns: &[pinfold_core::layout::Pattern]| -> Value {
        patterns.iter().map(|pattern| Value::from(pattern.as_str())).collect()
    };
    let executable = match &layout.executable {
        Executable::AsPacked => Value::Null,
        Executable::Raw => Value::Bool(true),
        Executable::Also(paths) => paths.iter().map(|path| Value::from(path.as_str())).collect(),
    };
    let patches: Vec<Value> = patches
        .iter()
        .map(|(path, edits)| json!([path.as_str(), edits.iter().map(edit).collect::<Vec<Value>>()]))
        .collect();
    let recipe = json!([
        "pinfold/recipe/v1",
        layout.format.map(|format| format.name()),
        layout.strip,
        patterns(&layout.include),
        patterns(&layout.exclude),
        executable,
        patches,
    ]);
    Sha256::of(recipe.to_string().as_bytes())
}

fn edit(edit: &Edit) -> Value {
    match edit {
        Edit::Replace(bytes) => json!(["replace", Sha256::of(bytes).to_string()]),
        Edit::Delete => json!(["delete"]),
        Edit::Substitute { find, replace, count } => json!(["substitute", find, replace, count]),
    }
}
