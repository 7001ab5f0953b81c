//! Leaves what is a secret out of all in a report that may be somebody else's words. What pinfold says by a word of its own
//! (the verdict, the status, the codes) stays, whatever somebody chose for a password.

use super::audit::Audit;
use super::wasm::{SignedFile, Signer};
use super::{Evidence, Report, Row};
use pinfold_core::text::Secrets;

impl Report {
    /// The report as it may be shown.
    pub fn keep(&mut self, secrets: &Secrets) {
        let Self { command: _, rows, notes, summary, judges: _ } = self;
        rows.iter_mut().for_each(|row| row.keep(secrets));
        notes.iter_mut().for_each(|note| note.keep(secrets));
        hide(secrets, [summary]);
    }
}

impl Row {
    fn keep(&mut self, secrets: &Secrets) {
        let Self { subject, verdict: _, status: _, source, detail, evidence, audit, wasm, findings } = self;
        hide(secrets, [subject, source, detail]);
        findings.iter_mut().for_each(|finding| finding.keep(secrets));
        wasm.iter_mut().for_each(|file| of_file(file, secrets));
        if let Some(evidence) = evidence {
            of_evidence(evidence, secrets);
        }
        if let Some(audit) = audit {
            of_audit(audit, secrets);
        }
    }
}

fn of_evidence(evidence: &mut Evidence, secrets: &Secrets) {
    let Evidence {
        kind, signer, issuer, repository, repository_id, git_ref, commit, builder, runner, run, time, ..
    } = evidence;
    let some = [issuer, repository, repository_id, git_ref, commit, builder, runner, run, time];
    hide(secrets, [kind, signer].into_iter().chain(some.into_iter().flatten()));
}

fn of_audit(audit: &mut Audit, secrets: &Secrets) {
    let Audit {
        asked,
        published_integrity,
        first_with_evidence,
        newest_with_evidence,
        published,
        withdrawn,
        newest,
        ..
    } = audit;
    let some = [asked, published_integrity, first_with_evidence, newest_with_evidence, published, withdrawn, newest];
    hide(secrets, some.into_iter().flatten());
}

fn of_file(file: &mut SignedFile, secrets: &Secrets) {
    let SignedFile { path, covered_sections, signers, .. } = file;
    let roles = signers.iter_mut().filter_map(|Signer { role, .. }| role.as_mut());
    hide(secrets, [path].into_iter().chain(covered_sections).chain(roles));
}

fn hide<'a>(secrets: &Secrets, texts: impl IntoIterator<Item = &'a mut String>) {
    texts.into_iter().for_each(|text| *text = secrets.hide(text));
}
