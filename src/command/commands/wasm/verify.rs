//! Who signed WebAssembly, and whether that is somebody who is trusted.

use std::path::{Path, PathBuf};

use super::{detached, proved, public_keys, unreadable};
use crate::commands::fetch::status_of;
use crate::commands::verify::tally;
use crate::report::wasm::SignedFile;
use crate::report::{Finding, Level, Report, Row, Verdict};
use pinfold_core::fault::Fault;
use pinfold_core::fs;
use pinfold_wasm::wasmfile::{self, DELIMITER, Kind, Selection};
use pinfold_wasm::{Covered, Policy, Proof, Scope, Threshold, TrustedKeys, prove};

/// What `pinfold wasm verify` was asked for.
#[derive(Debug)]
pub struct Verify {
    /// The files.
    pub files: Vec<PathBuf>,
    /// Files with keys, any of which may have signed.
    pub keys: Vec<PathBuf>,
    /// Files with keys that sign as something, one of which must have.
    pub roles: Vec<(String, PathBuf)>,
    /// How many different keys must have signed.
    pub threshold: Threshold,
    /// The custom sections that are asked about; the whole file for none.
    pub sections: Vec<String>,
    /// The signature of the one file, where it is not in it.
    pub detached: Option<PathBuf>,
    /// What the files must be.
    pub kind: Option<Kind>,
}

/// Judges each file in one pass, however long it is.
pub fn verify(options: &Verify) -> Result<Report, Fault> {
    let policy = policy(options)?;
    let beside = options.detached.as_deref().map(detached).transpose()?;
    let rows: Vec<Row> = options.files.iter().map(|file| row(file, &policy, beside.as_deref())).collect();
    let summary = tally(&rows, "file");
    Ok(Report { command: "wasm verify", rows, notes: Vec::new(), summary, judges: true })
}

fn policy(options: &Verify) -> Result<Policy, Fault> {
    let (mut keys, mut roles) = (Vec::new(), Vec::new());
    for path in &options.keys {
        keys.extend(public_keys(path)?);
    }
    for (role, path) in &options.roles {
        roles.push((role.clone(), public_keys(path)?));
    }
    let trusted = TrustedKeys::new(keys, roles, options.threshold)?;
    let scope = if options.sections.is_empty() {
        Scope::Whole
    } else {
        Scope::Sections(Selection::of(options.sections.iter().map(String::as_str))?)
    };
    Ok(Policy { scope, kind: options.kind, ..Policy::whole(trusted) })
}

fn row(path: &Path, policy: &Policy, beside: Option<&[u8]>) -> Row {
    let mut row = super::row(path, "verified", "", String::new());
    match judge(path, policy, beside) {
        Ok(file) => {
            // A part is never called what the whole is.
            if file.covered != "whole" {
                "verified in part".clone_into(&mut row.status);
                let sections = file.covered_sections.iter().map(|name| format!("`{}`", name.escape_debug()));
                let sections: Vec<String> = sections.collect();
                let message = match sections.as_slice() {
                    [] => "no custom section is in the part that is proved".to_owned(),
                    some => format!("the custom sections in the part that is proved: {}", some.join(", ")),
                };
                row.findings.push(Finding::new(Level::Note, "wasm-covered", message));
            }
            file.kind.clone_into(&mut row.source);
            row.wasm.push(file);
        }
        Err(error) => {
            row.verdict = error.verdict();
            row.findings = error.findings();
        }
    }
    if row.verdict != Verdict::Passed {
        status_of(row.verdict).clone_into(&mut row.status);
    }
    row
}

fn judge(path: &Path, policy: &Policy, beside: Option<&[u8]>) -> Result<SignedFile, Fault> {
    let proof = prove(policy, fs::open(path)?, beside)?;
    let sections = match proof.covered() {
        Covered::Whole => Vec::new(),
        Covered::Parts { first } => sections_of(path, first, &proof)?,
    };
    Ok(proved(&proof, sections))
}

/// The custom sections in the first parts: a section that was given another name is not among those that were asked about,
/// and is seen to be missing only by whoever sees the list.
fn sections_of(path: &Path, first: usize, proof: &Proof) -> Result<Vec<String>, Fault> {
    let look = wasmfile::inspect(fs::open(path)?, None).map_err(|source| unreadable(path, source))?;
    if (look.content, look.kind) != (proof.content(), proof.kind()) {
        let message = format!("`{}` changed while it was looked at", path.display());
        let hint = "nobody else should write to it; check it again";
        return Err(Fault::refused("wasm-changed-meanwhile", message).hint(hint));
    }
    let within = look.sections.into_iter().filter(|one| one.part.is_some_and(|part| part < first));
    Ok(within.filter_map(|one| one.section.name).filter(|name| name != DELIMITER).collect())
}
