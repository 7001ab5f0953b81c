//! The arguments of the commands that change pins.toml.

use std::path::PathBuf;

use clap::Args;

use pinfold::commands::update::Target;
use pinfold::commands::{add, update};
use pinfold_core::layout::Format;
use pinfold_core::oci::{ImagePlatform, LayerChoice};
use pinfold_net::source::registries::RegistryFlag;

use super::Evidence;

#[derive(Debug, Args)]
pub(crate) struct Add {
    /// What to pin: npm:NAME[@VERSION], pypi:NAME[==VERSION[#FILE]], github:OWNER/REPO[@TAG[#ASSET]], oci:HOST/NAME:TAG or
    /// oci:HOST/NAME@DIGEST, a URL, or a path in the project
    #[arg(value_name = "SPEC")]
    pub(crate) spec: String,
    /// What to call the pin [default: as the package]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Where its tree goes [default: beside the others]
    #[arg(long, value_name = "DIR")]
    pub(crate) to: Option<String>,
    /// What it is, where that is not what it looks like: raw keeps an archive as it is
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<Format>,
    /// How many folders to take off [default: 1 for npm packages and Python's source archives, else 0]
    #[arg(long, value_name = "N")]
    pub(crate) strip: Option<usize>,
    /// Which artifact of an OCI index of several platforms: linux/amd64, linux/arm/v7
    #[arg(long, value_name = "OS/ARCH")]
    pub(crate) platform: Option<ImagePlatform>,
    /// Which layer of an OCI artifact of several: title=NAME, media-type=TYPE or index=N
    #[arg(long, value_name = "WHICH")]
    pub(crate) layer: Option<LayerChoice>,
    /// Demand that an OCI artifact is signed with this public key, a file of the project (PEM); any of several
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Vec<String>,
    #[command(flatten)]
    pub(crate) evidence: Evidence,
    #[command(flatten)]
    pub(crate) writing: Writing,
    #[command(flatten)]
    pub(crate) network: Network,
}

#[derive(Debug, Args)]
pub(crate) struct UpdatePins {
    /// The pins to move [default: all]
    #[arg(value_name = "PIN")]
    pub(crate) pins: Vec<String>,
    /// To which version: latest, minor (the same first number), patch (the same two), or this one
    #[arg(long, value_name = "VERSION", default_value = "latest")]
    pub(crate) to: Target,
    /// Take a version that has less evidence than the pinned one
    #[arg(long)]
    pub(crate) allow_downgrade: bool,
    /// Prove evidence against this root alone: public-good, github, staging or a trusted_root.json
    #[cfg(feature = "evidence")]
    #[arg(long, value_name = "ROOT")]
    pub(crate) trusted_root: Option<String>,
    #[command(flatten)]
    pub(crate) writing: Writing,
    #[command(flatten)]
    pub(crate) network: Network,
}

impl Add {
    /// The same in the library's words.
    pub(crate) fn library(&self) -> add::Options {
        add::Options {
            spec: self.spec.clone(),
            name: self.name.clone(),
            to: self.to.clone(),
            format: self.format,
            strip: self.strip,
            evidence: self.evidence.verify_attestations,
            platform: self.platform.clone(),
            layer: self.layer.clone().unwrap_or_default(),
            keys: self.key.clone(),
        }
    }
}

impl UpdatePins {
    /// The same in the library's words.
    pub(crate) fn library(&self) -> update::Options {
        update::Options { pins: self.pins.clone(), to: self.to.clone(), allow_downgrade: self.allow_downgrade }
    }
}

/// Whether pins.toml may be changed.
#[derive(Debug, Args)]
pub(crate) struct Writing {
    /// Write pins.toml without asking
    #[arg(short, long, conflicts_with = "dry_run")]
    pub(crate) yes: bool,
    /// Only say what would be written
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Who is asked.
#[derive(Debug, Args)]
pub(crate) struct Network {
    /// Where packages come from: npm=URL, npm:@scope=URL, github=URL or pypi=URL
    #[arg(long, value_name = "KIND=URL")]
    pub(crate) registry: Vec<RegistryFlag>,
    /// More certificate authorities to trust, beside those of the system (PEM)
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
}
