//! The signatures in a tree, proved again from what stands there.

use super::Options;
use crate::install::signed;
use crate::project::{Project, record_name};
use crate::report::wasm::SignedFile;
use crate::report::{Finding, Level, Verdict};
use pinfold_core::fault::Fault;
use pinfold_core::pins::Pin;
use pinfold_core::record::{Contents, Record, Signatures};
use pinfold_core::tree;

/// Proves what the pin demands, and holds the record to it.
pub(super) fn signatures(
    project: &Project,
    (pin, options): (&Pin, &Options),
    contents: &Contents,
    record: Option<&Record>,
    findings: &mut Vec<Finding>,
) -> (Vec<SignedFile>, Verdict) {
    match prove(project, pin, options, contents) {
        Ok(judged) => {
            findings.extend(judged.findings);
            let verdict = match (record.and_then(|record| record.signatures.as_ref()), judged.recorded.as_ref()) {
                (Some(before), Some(now)) if is_another(before, now) => {
                    let message = "the record lists other signatures than the tree has";
                    let finding = Finding::new(Level::Error, "record-false", message);
                    findings.push(finding.at(record_name(pin.name.as_str())).hint("run `pinfold fetch`"));
                    Verdict::Refused
                }
                _ => Verdict::Passed,
            };
            (judged.files, verdict)
        }
        Err(error) => {
            findings.extend(error.findings());
            (Vec::new(), error.verdict())
        }
    }
}

fn prove(project: &Project, pin: &Pin, options: &Options, contents: &Contents) -> Result<signed::Judged, Fault> {
    let demand = signed::demand(project, pin, options.evidence)?;
    match tree::parent_of(project.root(), &pin.to)? {
        Some(parent) => demand.judge(&parent, pin.to.file_name(), contents, &pin.to),
        None => Ok(signed::Judged::default()),
    }
}

/// Whether two answers to the same demand differ.
fn is_another(before: &Signatures, now: &Signatures) -> bool {
    match (before, now) {
        (Signatures::Judged { demand: then, files: before }, Signatures::Judged { demand, files: now }) => {
            then == demand && before != now
        }
        _ => false,
    }
}
