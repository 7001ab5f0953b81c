//! The arguments of the commands that change pins.toml.

use std::path::PathBuf;

use clap::Args;

use pinfold::commands::update::Target;
use pinfold::commands::{add, update};
use pinfold::source::registries::RegistryFlag;

use super::Evidence;

#[derive(Debug, Args)]
pub(crate) struct Add {
    /// What to pin: npm:NAME[@VERSION], pypi:NAME[==VERSION[#FILE]], github:OWNER/REPO[@TAG[#ASSET]], a URL, or a path in
    /// the project
    #[arg(value_name = "SPEC")]
    pub(crate) spec: String,
    /// What to call the pin [default: as the package]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Where its tree goes [default: beside the others]
    #[arg(long, value_name = "DIR")]
    pub(crate) to: Option<String>,
    /// How many folders to take off [default: 1 for npm packages and Python's source archives, else 0]
    #[arg(long, value_name = "N")]
    pub(crate) strip: Option<usize>,
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
            strip: self.strip,
            evidence: self.evidence.verify_attestations,
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
