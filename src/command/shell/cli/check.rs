//! The options of `pinfold check`, and the policy that they make.

use std::path::PathBuf;

use clap::Args;

use pinfold::commands::check::Options;
use pinfold_core::pins::NpmPackage;
use pinfold_evidence::policy::{Name, Policy, SummaryPolicy};

use super::who::{Further, Named, text};

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
    #[command(flatten)]
    named: Named,
    /// The key that signed: a file in PEM, a file with a registry's keys in JSON, or `registry` for npm's as known here
    #[arg(long, value_name = "FILE")]
    key: Option<String>,
}

/// What else the evidence has to say.
#[derive(Debug, Args)]
#[command(next_help_heading = "What else the evidence has to say")]
struct What {
    #[command(flatten)]
    further: Further,
    /// SLSA's builder id; without @version any of its versions
    #[arg(long, value_name = "ID", value_parser = text)]
    builder: Option<String>,
    /// SLSA's build type
    #[arg(long, value_name = "URI", value_parser = text)]
    build_type: Option<String>,
    /// The kind of claim, such as https://slsa.dev/provenance/v1; any of several
    #[arg(long, value_name = "URI", value_parser = text)]
    predicate_type: Vec<String>,
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

#[cfg(feature = "sign")]
impl Who {
    /// What is demanded of who signed, and no more.
    pub(crate) fn options(&self, trusted_root: Option<String>) -> Options {
        Options { trusted_root, key: self.key.clone(), policy: self.named.policy(), ..Options::default() }
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
            builder: what.builder.clone(),
            build_type: what.build_type.clone(),
            predicate_types: what.predicate_type.clone(),
            name: what.package.clone().or_else(|| what.subject.clone().map(Name::Exact)),
            summary: is_summary.then(|| SummaryPolicy {
                verifier: what.verifier_id.clone(),
                resource: what.resource_uri.clone(),
                levels: what.verified_level.clone(),
            }),
            ..what.further.over(who.named.policy())
        }
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

const TRUST: &str = "What to prove it against";
