//! The options of `pinfold check`, and the policy that they make.

use std::path::PathBuf;

use clap::Args;

use pinfold::commands::check::Options;
use pinfold::pins::{Age, NpmPackage, Repository, Workflow};
use pinfold::policy::{IdentityPattern, Name, Policy, RefPattern, SummaryPolicy};
use pinfold::url::Url;

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The artifacts: files, or digests as sha256:HEX, sha512:HEX, ALGORITHM:VALUE or sha512-BASE64
    #[arg(value_name = "ARTIFACT", required = true)]
    artifact: Vec<String>,
    /// A document with evidence: Sigstore bundles, npm's, GitHub's or PyPI's answers, DSSE envelopes
    #[arg(short, long, value_name = "FILE", required = true)]
    attestation: Vec<PathBuf>,
    #[command(flatten)]
    who: Who,
    #[command(flatten)]
    what: What,
    /// What to prove it against: public-good, github, staging, or a file [default: public-good and github]
    #[arg(long, value_name = "ROOT", help_heading = TRUST)]
    trusted_root: Option<String>,
}

/// Who may have made it. Without any of these there is no verdict.
#[derive(Debug, Args)]
#[command(next_help_heading = "Who may have made it (without any of these there is no verdict)")]
pub(crate) struct Who {
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
    /// The key that signed: a file in PEM, a file with a registry's keys in JSON, or `registry` for npm's as known here
    #[arg(long, value_name = "FILE")]
    key: Option<String>,
}

/// What else the evidence has to say.
#[derive(Debug, Args)]
#[command(next_help_heading = "What else the evidence has to say")]
struct What {
    /// The workflow that signed: its path in the repository, or the URL of another repository's
    #[arg(long, value_name = "PATH|URL")]
    workflow: Option<Workflow>,
    /// The git reference that was built, * for anything but /: refs/tags/v*; any of several
    #[arg(long = "ref", value_name = "PATTERN", value_parser = git_ref)]
    git_ref: Vec<RefPattern>,
    /// SLSA's builder id; without @version any of its versions
    #[arg(long, value_name = "ID", value_parser = text)]
    builder: Option<String>,
    /// SLSA's build type
    #[arg(long, value_name = "URI", value_parser = text)]
    build_type: Option<String>,
    /// The kind of claim, such as https://slsa.dev/provenance/v1; any of several
    #[arg(long, value_name = "URI", value_parser = text)]
    predicate_type: Vec<String>,
    /// Who vouched for the signer's identity [default: what the repository's host uses]
    #[arg(long, value_name = "URL", value_parser = text)]
    issuer: Option<String>,
    /// Refuse what was built on a machine of the repository's owner
    #[arg(long)]
    deny_self_hosted: bool,
    /// How long ago a log must have seen it: 7d, 12h, 90m
    #[arg(long, value_name = "AGE")]
    min_age: Option<Age>,
    /// The npm package that it is: NAME, NAME@VERSION or pkg:npm/NAME@VERSION
    #[arg(long, value_name = "PACKAGE", value_parser = package, conflicts_with = "subject")]
    package: Option<Name>,
    /// What the claim calls the artifact, whole
    #[arg(long, value_name = "NAME", value_parser = text)]
    subject: Option<String>,
    /// The id that signatures by --key carry
    #[arg(long, value_name = "ID", requires = "key")]
    key_id: Option<String>,
    /// The verifier of a verification summary (SLSA VSA)
    #[arg(long, value_name = "ID", value_parser = text)]
    verifier_id: Option<String>,
    /// The resource that a verification summary is about
    #[arg(long, value_name = "URI", value_parser = text)]
    resource_uri: Option<String>,
    /// A level that a verification summary has to have verified; all of several
    #[arg(long, value_name = "LEVEL", value_parser = text)]
    verified_level: Vec<String>,
}

impl Who {
    /// What is demanded of who signed, and no more.
    pub(crate) fn options(&self, trusted_root: Option<String>) -> Options {
        Options { trusted_root, key: self.key.clone(), policy: self.policy(), ..Options::default() }
    }

    fn policy(&self) -> Policy {
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

impl Check {
    /// What the command takes.
    pub(crate) fn options(&self) -> Options {
        Options {
            artifacts: self.artifact.clone(),
            attestations: self.attestation.clone(),
            trusted_root: self.trusted_root.clone(),
            key: self.who.key.clone(),
            key_id: self.what.key_id.clone(),
            policy: self.policy(),
        }
    }

    fn policy(&self) -> Policy {
        let (who, what) = (&self.who, &self.what);
        let is_summary = what.verifier_id.is_some() || what.resource_uri.is_some() || !what.verified_level.is_empty();
        Policy {
            workflow: what.workflow.clone(),
            refs: what.git_ref.clone(),
            builder: what.builder.clone(),
            build_type: what.build_type.clone(),
            predicate_types: what.predicate_type.clone(),
            issuer: what.issuer.clone(),
            deny_self_hosted: what.deny_self_hosted,
            min_age: what.min_age.map(Age::duration),
            name: what.package.clone().or_else(|| what.subject.clone().map(Name::Exact)),
            summary: is_summary.then(|| SummaryPolicy {
                verifier: what.verifier_id.clone(),
                resource: what.resource_uri.clone(),
                levels: what.verified_level.clone(),
            }),
            ..who.policy()
        }
    }
}

/// A repository's URL; `https://` may be left out.
pub(super) fn repository(text: &str) -> Result<Repository, String> {
    with_scheme(text).parse().map_err(|error| format!("{error}; it is written like `https://github.com/OWNER/NAME`"))
}

/// `github.com/…` as a URL. What begins with no host stays as it is, and is none.
fn with_scheme(text: &str) -> String {
    let host = text.split('/').next().unwrap_or_default();
    if host.contains('.') && !text.contains("://") { format!("https://{text}") } else { text.to_owned() }
}

/// A name stands for an account at GitHub.
pub(super) fn owner(text: &str) -> Result<String, String> {
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

pub(super) fn git_ref(text: &str) -> Result<RefPattern, String> {
    // What certificates and provenance name begins so; a pattern for `v1` would match nothing, ever.
    if text.starts_with("refs/") {
        Ok(RefPattern::new(text))
    } else {
        Err("it begins with `refs/`, as in `refs/tags/v*`".to_owned())
    }
}

fn package(text: &str) -> Result<Name, String> {
    let plain = match text.strip_prefix("pkg:npm/") {
        Some(rest) => rest.replacen("%40", "@", 1),
        None if text.starts_with("pkg:") => {
            return Err("only npm's packages are named so; name others with `--subject`, as the claim does".to_owned());
        }
        None => text.to_owned(),
    };
    let has_version = plain.get(1..).is_some_and(|rest| rest.contains('@'));
    // A name alone is as good as with any version, as far as its own form goes.
    let whole = if has_version { plain } else { format!("{plain}@0.0.0") };
    let package: NpmPackage = whole.parse().map_err(|error| format!("{error}"))?;
    let version = has_version.then(|| package.version().to_owned());
    Ok(Name::Npm { name: Some(package.name().to_owned()), version })
}

/// A text that is there: an empty one would hardly be meant.
pub(super) fn text(text: &str) -> Result<String, String> {
    if text.trim().is_empty() { Err("it is empty".to_owned()) } else { Ok(text.to_owned()) }
}

const TRUST: &str = "What to prove it against";
