//! The options of `pinfold oci`, and the policy that they make.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use pinfold::commands::oci::{self, Options, Place, copy, pull, push};
use pinfold::commands::seal::Signing;
use pinfold_core::oci::{ImagePlatform, Reference, ReferenceError};
use pinfold_evidence::policy::Policy;

use super::Sealing;
use super::who::{Further, Named, text};

#[derive(Debug, Subcommand)]
pub(crate) enum Oci {
    /// Judge who signed an artifact in a registry or a folder
    ///
    /// Finds what is attached to it (referrers, and cosign's older tags), proves it, and holds it to what the options say. A
    /// signature counts if somebody who was named made it; provenance by an identity that was named counts as much. Prints
    /// the digest that the tag has now.
    Verify(Box<Verify>),
    /// Fetch the files of an artifact, once somebody who was named has signed it
    ///
    /// Refuses what carries no signature by a key or an identity that was named. Each file is called what its title says,
    /// and stays in the folder.
    Pull(Box<Pull>),
    /// Sign files and put them into a registry as one artifact
    ///
    /// Refuses where nobody signs. Sends what the registry does not have yet: the files, then the signature and what else is
    /// attached, then the artifact, then the tag, so that at no time anything unsigned is to be seen; and looks whether the
    /// registry has kept it. One file of WebAssembly gets the layout of its own, others that of oras.
    Push(Box<Push>),
    /// Copy an artifact with all that is attached to it
    ///
    /// From one registry to another, or into a folder (an OCI image layout) and out of it; no digest changes. Refuses what
    /// carries no signature by a key or an identity that was named.
    Copy(Box<Copy>),
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The artifact: HOST[:PORT]/NAME:TAG, with a digest or with both, or oci-layout:FOLDER[:TAG]
    #[arg(value_name = "REFERENCE", value_parser = place)]
    from: Place,
    #[command(flatten)]
    network: Network,
    #[command(flatten)]
    who: Who,
}

#[derive(Debug, Args)]
pub(crate) struct Pull {
    /// The artifact: HOST[:PORT]/NAME:TAG, HOST[:PORT]/NAME@sha256:HEX, or with both
    #[arg(value_name = "REFERENCE", value_parser = reference)]
    reference: Reference,
    /// The folder that the files go to
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// What to choose from an index of several platforms: linux/amd64, linux/arm/v7
    #[arg(long, value_name = "OS/ARCH")]
    platform: Option<ImagePlatform>,
    /// Pull what carries no signature at all; what is wrong, or signed by somebody else, stays refused
    #[arg(long)]
    allow_unsigned: bool,
    #[command(flatten)]
    network: Network,
    #[command(flatten)]
    who: Who,
}

#[derive(Debug, Args)]
pub(crate) struct Push {
    /// The files; each is called by its bare name
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Where to: HOST[:PORT]/NAME:TAG; with a digest, only an artifact that has it
    #[arg(value_name = "REFERENCE", value_parser = reference)]
    reference: Reference,
    /// What kind of artifact it is: a media type [default: by the files]
    #[arg(long, value_name = "TYPE", value_parser = media_type)]
    artifact_type: Option<String>,
    /// Attach this bundle, which has to be about the artifact or one of its files; any of several
    #[arg(long, value_name = "BUNDLE")]
    attestation: Vec<PathBuf>,
    /// Push what nobody signs, and say so
    #[arg(long)]
    allow_unsigned: bool,
    #[command(flatten)]
    network: Network,
    #[command(flatten)]
    pub(crate) sealing: Sealing,
}

#[derive(Debug, Args)]
pub(crate) struct Copy {
    /// The artifact: HOST[:PORT]/NAME:TAG, with a digest or with both, or oci-layout:FOLDER[:TAG]
    #[arg(value_name = "FROM", value_parser = place)]
    from: Place,
    /// Where it goes, in the same forms; a folder is made, and may not be there yet
    #[arg(value_name = "TO", value_parser = place)]
    to: Place,
    /// Copy what carries no signature at all; what is wrong, or signed by somebody else, stays refused
    #[arg(long)]
    allow_unsigned: bool,
    /// Copy at most so much of what is attached, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = copy::MAX_ATTACHED_LEN)]
    max_attached: u64,
    #[command(flatten)]
    network: Network,
    #[command(flatten)]
    who: Who,
}

/// How servers are reached, and evidence is proved.
#[derive(Debug, Args)]
pub(crate) struct Network {
    /// More certificate authorities to trust, beside those of the system (PEM)
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Prove against this root alone: public-good, github, staging or a trusted_root.json
    #[arg(long, value_name = "ROOT")]
    pub(crate) trusted_root: Option<String>,
}

/// Who may have signed it. Without any of these there is no verdict.
#[derive(Debug, Args)]
#[command(next_help_heading = "Who may have signed it (without any of these there is no verdict)")]
struct Who {
    /// The public key that signed (PEM); any of several
    #[arg(long, value_name = "FILE")]
    key: Vec<PathBuf>,
    #[command(flatten)]
    named: Named,
    #[command(flatten)]
    further: Further,
    /// Count claims of this kind in place of signatures, such as https://slsa.dev/provenance/v1; any of several
    #[arg(long, value_name = "URI", value_parser = text)]
    predicate_type: Vec<String>,
}

impl Oci {
    /// How servers are reached, and evidence is proved.
    pub(crate) const fn network(&self) -> &Network {
        match self {
            Self::Verify(verify) => &verify.network,
            Self::Pull(pull) => &pull.network,
            Self::Push(push) => &push.network,
            Self::Copy(copy) => &copy.network,
        }
    }
}

impl Verify {
    /// What the command takes.
    pub(crate) fn options(&self) -> oci::Verify {
        oci::Verify { from: self.from.clone(), keys: self.who.key.clone(), policy: policy(&self.who) }
    }
}

impl Pull {
    /// What the command takes.
    pub(crate) fn options(&self) -> pull::Pull {
        let (reference, platform) = (self.reference.clone(), self.platform.clone());
        let options = Options { reference, platform, keys: self.who.key.clone(), policy: policy(&self.who) };
        pull::Pull { options, out: self.out.clone(), allow_unsigned: self.allow_unsigned }
    }
}

impl Push {
    /// What the command takes.
    pub(crate) fn options(&self, signing: Option<Signing>) -> push::Push {
        push::Push {
            files: self.files.clone(),
            reference: self.reference.clone(),
            artifact_type: self.artifact_type.clone(),
            signing,
            attestations: self.attestation.clone(),
            allow_unsigned: self.allow_unsigned,
        }
    }
}

impl Copy {
    /// What the command takes.
    pub(crate) fn options(&self) -> copy::Copy {
        copy::Copy {
            from: self.from.clone(),
            to: self.to.clone(),
            keys: self.who.key.clone(),
            policy: policy(&self.who),
            allow_unsigned: self.allow_unsigned,
            max_attached: self.max_attached,
        }
    }
}

fn policy(who: &Who) -> Policy {
    Policy { predicate_types: who.predicate_type.clone(), ..who.further.over(who.named.policy()) }
}

fn reference(given: &str) -> Result<Reference, String> {
    told(given.strip_prefix("oci://").unwrap_or(given).parse())
}

fn place(given: &str) -> Result<Place, String> {
    told(given.parse())
}

fn told<T>(parsed: Result<T, ReferenceError>) -> Result<T, String> {
    parsed.map_err(|error| match error.hint() {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    })
}

/// A media type (RFC 6838, section 4.2).
fn media_type(given: &str) -> Result<String, String> {
    let is_name = |name: &str| {
        let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte);
        name.starts_with(|first: char| first.is_ascii_alphanumeric()) && name.len() <= 127 && name.bytes().all(is_good)
    };
    match given.split_once('/') {
        Some((kind, name)) if is_name(kind) && is_name(name) => Ok(given.to_owned()),
        _ => Err("a media type has the form TYPE/SUBTYPE".to_owned()),
    }
}
