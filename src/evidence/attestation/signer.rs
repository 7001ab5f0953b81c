//! Who signed: the claims of a Fulcio certificate, or the id of a key.

use sigstore_verify::SubjectAltName;
use sigstore_verify::crypto::CertificateInfo;

/// Who made a proved attestation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signer {
    /// The holder of a short-lived certificate.
    Certificate(Box<Certificate>),
    /// The holder of a key that the caller trusts.
    Key {
        /// The key's id: a registry's, or `key` for one that was named by a file.
        id: String,
    },
}

/// What a proved certificate says of its holder: Fulcio's extensions, 1.3.6.1.4.1.57264.1.N.
///
/// Certificates of 2022 and early 2023 carry only .1 to .6; for GitHub's the fields below are filled from those. A claim
/// that is absent, or cannot be read, is `None`, and matches nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Certificate {
    /// The subject alternative name: a workflow's URL with `@ref`, or an e-mail address.
    pub identity: String,
    /// Who vouched for that identity: the OpenID issuer (.8, .1 before).
    pub issuer: Option<String>,
    /// The workflow that signed, a URL with `@ref` (.9): where a reusable workflow built, that one.
    pub signer_workflow: Option<String>,
    /// `github-hosted`, `self-hosted` (.11).
    pub runner: Option<String>,
    /// The repository that was built, a URL (.12; .5 before).
    pub repository: Option<String>,
    /// The commit that was built (.13; .3 before).
    pub commit: Option<String>,
    /// The git reference that was built (.14; .6 before).
    pub git_ref: Option<String>,
    /// The repository's id at its host (.15).
    pub repository_id: Option<String>,
    /// The repository's owner, a URL (.16).
    pub owner: Option<String>,
    /// The owner's id at the host (.17).
    pub owner_id: Option<String>,
    /// The workflow that was started, a URL with `@ref` (.18).
    pub build_config: Option<String>,
    /// What started it (.20; .2 before).
    pub trigger: Option<String>,
    /// The run, a URL (.21).
    pub run: Option<String>,
    /// `public`, `private` or `internal` (.22).
    pub visibility: Option<String>,
}

/// The issuer of GitHub Actions' identities.
pub const GITHUB_ISSUER: &str = "https://token.actions.githubusercontent.com";

impl Certificate {
    /// What a certificate says that was taken apart; whether it is to be believed is for others.
    pub fn new(info: &CertificateInfo) -> Self {
        let claims = &info.ci_claims;
        let (identity, is_uri) = match &info.identity {
            Some(SubjectAltName::Uri(uri)) => (uri.clone(), true),
            Some(other) => (other.as_str().to_owned(), false),
            None => (String::new(), false),
        };
        let mut certificate = Self {
            issuer: info.issuer.clone(),
            signer_workflow: claims.build_signer_uri.clone(),
            runner: claims.runner_environment.clone(),
            repository: claims.source_repository_uri.clone(),
            commit: claims.source_repository_digest.clone(),
            git_ref: claims.source_repository_ref.clone(),
            repository_id: claims.source_repository_identifier.clone(),
            owner: claims.source_repository_owner_uri.clone(),
            owner_id: claims.source_repository_owner_identifier.clone(),
            build_config: claims.build_config_uri.clone(),
            trigger: claims.build_trigger.clone(),
            run: claims.run_invocation_uri.clone(),
            visibility: claims.source_repository_visibility_at_signing.clone(),
            identity: String::new(),
        };
        let old = &claims.deprecated_github;
        // Only where not one of the claims that replaced them is there: a claim that cannot be read is no reason to
        // believe an older one.
        if certificate == (Self { issuer: info.issuer.clone(), ..Self::default() })
            && info.issuer.as_deref() == Some(GITHUB_ISSUER)
        {
            certificate.repository = old.workflow_repository.as_ref().map(|name| format!("https://github.com/{name}"));
            certificate.git_ref.clone_from(&old.workflow_ref);
            certificate.commit.clone_from(&old.workflow_sha);
            certificate.trigger.clone_from(&old.workflow_trigger);
            certificate.signer_workflow = is_uri.then(|| identity.clone());
        }
        certificate.identity = identity;
        certificate
    }
}
