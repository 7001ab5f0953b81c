//! Options that say who may have made or signed something, for every command that judges that, and the policy they make.

use clap::Args;

use pinfold_core::pins::{Age, Repository, Workflow};
use pinfold_core::url::Url;
use pinfold_evidence::policy::{IdentityPattern, Policy, RefPattern};

/// Who it may have been, as a certificate says it.
#[derive(Debug, Args)]
pub(crate) struct Named {
    /// The repository it was built from, such as https://github.com/OWNER/NAME; any of several
    #[arg(long, value_name = "URL", value_parser = repository)]
    repository: Vec<Repository>,
    /// The owner of that repository: a name at GitHub, or a URL
    #[arg(long, value_name = "OWNER", value_parser = owner)]
    owner: Option<String>,
    /// The repository's id at its host, which survives a rename
    #[arg(long, value_name = "ID", value_parser = text)]
    repository_id: Option<String>,
    /// The owner's id at the host
    #[arg(long, value_name = "ID", value_parser = text)]
    owner_id: Option<String>,
    /// The signer's identity, whole: a workflow's URL with @ref, or an e-mail address
    #[arg(long, value_name = "IDENTITY", value_parser = text)]
    identity: Option<String>,
    /// A pattern for the signer's identity, which starts with ^
    #[arg(long, value_name = "REGEX", conflicts_with = "identity")]
    identity_regexp: Option<IdentityPattern>,
}

/// What else a certificate has to say.
#[derive(Debug, Args)]
pub(crate) struct Further {
    /// The workflow that signed: its path in the repository, or the URL of another repository's
    #[arg(long, value_name = "PATH|URL")]
    workflow: Option<Workflow>,
    /// The git reference that was built, * for anything but /: refs/tags/v*; any of several
    #[arg(long = "ref", value_name = "PATTERN", value_parser = git_ref)]
    git_ref: Vec<RefPattern>,
    /// Who vouched for the signer's identity [default: what the repository's host uses]
    #[arg(long, value_name = "URL", value_parser = text)]
    issuer: Option<String>,
    /// Refuse what was built on a machine of the repository's owner
    #[arg(long)]
    deny_self_hosted: bool,
    /// How long ago a log must have seen it: 7d, 12h, 90m
    #[arg(long, value_name = "AGE")]
    min_age: Option<Age>,
}

impl Named {
    /// What is demanded of who signed, and no more.
    pub(crate) fn policy(&self) -> Policy {
        Policy {
            repositories: self.repository.clone(),
            owner: self.owner.clone(),
            repository_id: self.repository_id.clone(),
            owner_id: self.owner_id.clone(),
            identity: self.identity.clone(),
            identity_pattern: self.identity_regexp.clone(),
            ..Policy::default()
        }
    }
}

impl Further {
    /// The same policy with these demands.
    pub(crate) fn over(&self, policy: Policy) -> Policy {
        Policy {
            workflow: self.workflow.clone(),
            refs: self.git_ref.clone(),
            issuer: self.issuer.clone(),
            deny_self_hosted: self.deny_self_hosted,
            min_age: self.min_age.map(Age::duration),
            ..policy
        }
    }
}

/// A repository's URL; `https://` may be left out.
fn repository(text: &str) -> Result<Repository, String> {
    with_scheme(text).parse().map_err(|error| format!("{error}; it is written like `https://github.com/OWNER/NAME`"))
}

/// `github.com/…` as a URL. What begins with no host stays as it is, and is none.
fn with_scheme(text: &str) -> String {
    let host = text.split('/').next().unwrap_or_default();
    if host.contains('.') && !text.contains("://") { format!("https://{text}") } else { text.to_owned() }
}

/// A name stands for an account at GitHub.
fn owner(text: &str) -> Result<String, String> {
    let plain = |name: &str| {
        let characters = name.chars().all(|one| one.is_ascii_alphanumeric() || "-_.".contains(one));
        characters && !matches!(name, "" | "." | "..")
    };
    if plain(text) {
        return Ok(format!("https://github.com/{text}"));
    }
    let url = with_scheme(text);
    let is_owner = url.parse().is_ok_and(|url: Url| {
        url.is_https() && url.path().split('/').skip(1).all(plain) && !text.contains('?') && url.path() != "/"
    });
    if is_owner { Ok(url) } else { Err("an owner is a name, or a URL like `https://github.com/NAME`".to_owned()) }
}

fn git_ref(text: &str) -> Result<RefPattern, String> {
    // What certificates and provenance name begins so; a pattern for `v1` would match nothing, ever.
    if text.starts_with("refs/") {
        Ok(RefPattern::new(text))
    } else {
        Err("it begins with `refs/`, as in `refs/tags/v*`".to_owned())
    }
}

/// A text that is there: an empty one would hardly be meant.
pub(super) fn text(text: &str) -> Result<String, String> {
    if text.trim().is_empty() { Err("it is empty".to_owned()) } else { Ok(text.to_owned()) }
}
