//! The options of `pinfold attest`.

use std::path::PathBuf;

use clap::Args;

use pinfold_sign::build::Named;

use super::audit::Root;
use super::{Force, Sealing, Target};

#[derive(Debug, Args)]
pub(crate) struct Attest {
    /// What was built: files, folders (every file in them) and patterns, relative to the folder of pins.toml
    #[arg(value_name = "OUTPUT", required = true)]
    pub(crate) outputs: Vec<String>,
    // Before those with headings of their own, which would go on over it.
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) root: Root,
    #[command(flatten)]
    pub(crate) stated: Stated,
    #[command(flatten)]
    pub(crate) sealing: Sealing,
}

/// What a statement says, and where it goes.
#[derive(Debug, Args)]
pub(crate) struct Stated {
    /// The file to write the statement or bundle to [default: with a key OUTPUT.sigstore.json, else standard output]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) force: Force,
    #[command(flatten)]
    pub(crate) made: Made,
    #[command(flatten)]
    pub(crate) builder: Builder,
}

/// What is true of a build whichever way it is stated.
#[derive(Debug, Args)]
pub(crate) struct Made {
    /// What else the build made, such as logs: stated as byproducts; named as outputs are
    #[arg(long, value_name = "OUTPUT")]
    pub(crate) byproduct: Vec<String>,
    /// State it although the checkout differs from its commit; the statement says so
    #[arg(long)]
    pub(crate) allow_dirty: bool,
    /// Name no source commit, as where there is no git checkout; the statement says so
    #[arg(long, conflicts_with = "allow_dirty")]
    pub(crate) no_source: bool,
    /// Leave the times out of the statement; SOURCE_DATE_EPOCH sets them
    #[arg(long)]
    pub(crate) no_times: bool,
}

/// What builds. GitHub Actions and GitLab CI are recognised, and described as their own attestations do.
#[derive(Debug, Args)]
#[command(next_help_heading = "What builds (GitHub Actions and GitLab CI say it themselves)")]
pub(crate) struct Builder {
    /// SLSA's build type, a URI: what the parameters mean
    #[arg(long, value_name = "URI")]
    build_type: Option<String>,
    /// SLSA's builder id, a URI: who is to be trusted that it was built so
    #[arg(long, value_name = "URI")]
    builder_id: Option<String>,
    /// An external parameter of the build: what whoever started it chose
    #[arg(long, value_name = "NAME=VALUE", value_parser = parameter)]
    param: Vec<(String, String)>,
}

impl Builder {
    /// What was named in place of a platform's word.
    pub(crate) fn named(&self) -> Named {
        Named { build_type: self.build_type.clone(), builder: self.builder_id.clone(), parameters: self.param.clone() }
    }
}

fn parameter(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("it has the form NAME=VALUE".to_owned()),
    }
}
