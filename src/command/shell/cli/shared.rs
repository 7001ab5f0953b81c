//! The options about a store that many machines share, and `pinfold mirror`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValue;

use pinfold::commands::mirror;
use pinfold_core::oci::Location;
use pinfold_net::source::registries::RegistryFlag;
use pinfold_oci::remote_cache::Access;

use super::Evidence;

/// Where a shared store is, and what to do with it.
#[derive(Debug, Args, Default)]
pub(crate) struct SharedStore {
    /// Ask this store before anybody upstream: oci://HOST[:PORT]/NAME [default: $PINFOLD_STORE, else what pins.toml says]
    #[arg(long = "store", value_name = "LOCATION")]
    pub(crate) at: Option<Location>,
    /// What to do with the store; it is written to only where --store or $PINFOLD_STORE names it [default:
    /// $PINFOLD_STORE_MODE, else read]
    #[arg(long = "store-mode", value_name = "MODE")]
    pub(crate) mode: Option<Mode>,
    /// How long the store may take to answer, in seconds [default: 5]
    #[arg(long = "store-timeout", value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(1..=600))]
    pub(crate) timeout: Option<u16>,
}

/// An [`Access`] that can be said.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mode(pub(crate) Access);

impl clap::ValueEnum for Mode {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self(Access::Off), Self(Access::Read), Self(Access::ReadWrite)]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0.name()))
    }
}

#[derive(Debug, Args)]
pub(crate) struct Mirror {
    /// The pins to mirror [default: all], each with the variants of every platform
    #[arg(value_name = "PIN")]
    pins: Vec<String>,
    /// The store that is filled: oci://HOST[:PORT]/NAME
    #[arg(long, value_name = "LOCATION")]
    to: Location,
    /// How many artifacts to work on at once
    #[arg(short, long, value_name = "N", default_value = "8", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) jobs: u16,
    /// Ask nobody but the store that is filled: fail where the own one does not have the bytes
    #[arg(long)]
    offline: bool,
    /// Where packages come from: npm=URL, npm:@scope=URL, github=URL or pypi=URL
    #[arg(long, value_name = "KIND=URL")]
    pub(crate) registry: Vec<RegistryFlag>,
    /// More certificate authorities to trust, beside those of the system (PEM)
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) evidence: Evidence,
}

impl Mirror {
    /// The same in the library's words.
    pub(crate) fn library(&self) -> mirror::Options {
        mirror::Options {
            pins: self.pins.clone(),
            to: self.to.clone(),
            offline: self.offline,
            evidence: self.evidence.verify_attestations,
        }
    }
}
