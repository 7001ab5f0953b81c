//! WebAssembly written anew: delimiters in, signatures in and out, parts off.

use std::path::{Path, PathBuf};

use super::{detached, done, free_for_file, lock, put_file, put_signature, row, unwritable, whole};
use crate::report::Report;
use pinfold_core::fault::Fault;
use pinfold_wasm::delimiter;
use pinfold_wasm::wasmfile::{self, Coverage, Cut, EditError, Selection, WasmError};

/// What is done to a file.
#[derive(Debug)]
pub enum Change {
    /// Delimiters where code with these custom sections and the others meet; one at the end for none.
    Split {
        /// Their names or patterns.
        sections: Vec<String>,
    },
    /// The signature in this file goes into it.
    Attach {
        /// The file with the signature.
        detached: PathBuf,
    },
    /// Its signature goes into this file.
    Detach {
        /// The file for the signature.
        detached: PathBuf,
    },
    /// The parts behind this many are cut off.
    StripBehind {
        /// How many stay.
        parts: usize,
    },
    /// The parts from the first one with these custom sections are cut off.
    StripBefore {
        /// Their names or patterns.
        sections: Vec<String>,
    },
}

/// What `pinfold wasm split`, `attach`, `detach` and `strip` were asked for.
#[derive(Debug)]
pub struct Edit {
    /// The file.
    pub file: PathBuf,
    /// What is done to it.
    pub change: Change,
    /// Where the result goes; in place of the file for none.
    pub out: Option<PathBuf>,
}

/// Writes a file anew. Where it cannot be, nothing is written.
pub fn edit(options: &Edit) -> Result<Report, Fault> {
    let path = &options.file;
    let _lock = lock(options.out.as_ref().unwrap_or(path))?;
    let file = whole(path)?;
    let failed = |source: EditError| unwritable(path, source);
    let out = options.out.as_ref().unwrap_or(path);
    let (command, status, summary, new) = match &options.change {
        Change::Split { sections } => {
            let selection = if sections.is_empty() { None } else { Some(selected(sections)?) };
            let new = wasmfile::split(&file, selection.as_ref(), &mut delimiter);
            ("wasm split", "split", "1 file split", new.map_err(failed)?)
        }
        Change::Attach { detached: beside } => {
            let new = wasmfile::attach(&file, &detached(beside)?).map_err(failed)?;
            if is_of_other_file(&new).map_err(|error| failed(error.into()))? {
                let message = format!("`{}` is the signature of another file", beside.display());
                let hint = "`pinfold wasm inspect FILE --detached FILE` shows what it is over";
                return Err(Fault::failed("wasm-of-other-file", message).hint(hint));
            }
            ("wasm attach", "attached", "1 signature attached", new)
        }
        Change::Detach { detached: beside } => {
            let (new, data) = wasmfile::detach(&file).map_err(failed)?;
            // Nothing is written where one of the two cannot be.
            free_for_file(out)?;
            let _beside = if beside == out { None } else { Some(lock(beside)?) };
            // The signature first: a file that has lost it is worth less than one that has it twice.
            put_signature(beside, &data)?;
            ("wasm detach", "detached", "1 signature detached", new)
        }
        Change::StripBehind { parts } => ("wasm strip", "stripped", "1 file stripped", strip(&file, path, *parts)?),
        Change::StripBefore { sections } => {
            let selection = selected(sections)?;
            let new = wasmfile::strip(&file, Cut::Before(&selection)).map_err(failed)?;
            ("wasm strip", "stripped", "1 file stripped", new)
        }
    };
    let layout = wasmfile::layout(&new).map_err(|error| failed(error.into()))?;
    put_file(out, &new)?;
    let detail = match layout.hashes.len() {
        1 => format!("1 part -> {}", out.display()),
        parts => format!("{parts} parts -> {}", out.display()),
    };
    Ok(done(command, row(path, status, layout.kind.name(), detail), Vec::new(), summary))
}

fn strip(file: &[u8], path: &Path, parts: usize) -> Result<Vec<u8>, Fault> {
    let new = wasmfile::strip(file, Cut::Behind(parts));
    new.map_err(|source| unwritable(path, source))
}

/// Whether no set of hashes in a signature is of the file that it is in: seen without any key.
fn is_of_other_file(file: &[u8]) -> Result<bool, WasmError> {
    let signature = wasmfile::inspect(file, None)?.signature;
    let sets = signature.and_then(|signature| signature.sets.ok()).unwrap_or_default();
    Ok(sets.iter().all(|set| set.covers == Coverage::Nothing))
}

fn selected(sections: &[String]) -> Result<Selection, Fault> {
    Ok(Selection::of(sections.iter().map(String::as_str))?)
}
