//! From a proof to what a pin may demand of the next one: the same repository, owner and workflow.

use super::matching::without_ref;
use crate::attestation::{Signer, VerifiedAttestation};
use pinfold_core::pins::{Expectations, Mode, Repository, Workflow};

/// The demands that a proof meets and that say who made it, in a mode; `None` where no repository is proved.
///
/// References and builders are left open: the next version has another tag, and a builder is renamed with each of its own
/// versions.
pub fn expectations(proof: &VerifiedAttestation, mode: Mode) -> Option<Expectations> {
    let Signer::Certificate(certificate) = proof.signer() else { return None };
    let repository: Repository = certificate.repository.as_ref()?.parse().ok()?;
    let signer = certificate.signer_workflow.as_deref().map(without_ref);
    Some(Expectations {
        mode: Some(mode),
        workflow: signer.and_then(|signer| workflow(signer, &repository.to_string())),
        repository: Some(repository),
        repository_id: certificate.repository_id.clone(),
        owner_id: certificate.owner_id.clone(),
        ..Expectations::default()
    })
}

/// A workflow of the repository that was built by its path, one of another by its URL.
fn workflow(signer: &str, repository: &str) -> Option<Workflow> {
    let own = signer.get(..repository.len()).filter(|start| start.eq_ignore_ascii_case(repository));
    match own.and_then(|_| signer.get(repository.len()..)).filter(|rest| rest.starts_with('/')) {
        // GitLab has two slashes there.
        Some(path) => path.trim_start_matches('/').parse().ok(),
        None => signer.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workflow_is_named_by_where_it_is() {
        let check = |signer: &str, expected: Option<&str>| {
            let found = workflow(without_ref(signer), "https://github.com/o/r").map(|one| one.to_string());
            assert_eq!(found.as_deref(), expected, "{signer}");
        };
        check("https://github.com/o/r/.github/workflows/x.yml@refs/tags/v1", Some(".github/workflows/x.yml"));
        check("https://github.com/O/R/.github/workflows/x.yml@refs/tags/a@1", Some(".github/workflows/x.yml"));
        check("https://github.com/o/r//.gitlab-ci.yml@refs/heads/main", Some(".gitlab-ci.yml"));
        let other = "https://github.com/o/r2/.github/workflows/x.yml";
        check(&format!("{other}@refs/tags/v1"), Some(other));
        check("mailto:somebody", Some("mailto:somebody"));
        check("https://github.com/", None);
    }
}
