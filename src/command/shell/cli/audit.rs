//! The command line of `pinfold audit` and `pinfold explain`.

use std::path::PathBuf;

use clap::Args;

use pinfold::commands::audit::FailOn;
use pinfold_net::source::registries::RegistryFlag;

use super::Target;

#[derive(Debug, Args)]
pub(crate) struct Audit {
    /// The pins to audit [default: all]
    #[arg(value_name = "PIN")]
    pub(crate) pins: Vec<String>,
    /// How many pins to ask about at once
    #[arg(short, long, value_name = "N", default_value = "8", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) jobs: u16,
    /// Ask nobody: prove again what the records have
    #[arg(long)]
    pub(crate) offline: bool,
    /// Fetch and hash what upstream serves, rather than compare what it publishes about that
    #[arg(long, conflicts_with = "offline")]
    pub(crate) bytes: bool,
    /// What counts beside errors: warning, note, or the code of a finding; may be repeated
    #[arg(long, value_name = "LEVEL|CODE")]
    pub(crate) fail_on: Vec<FailOn>,
    /// A TOML file with a [trust] table that holds beside the project's own: the stricter one counts
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// How to print the report: for people, as a dated table for a document, or for code scanning
    #[arg(long, value_name = "FORMAT", default_value = "human", conflicts_with = "json")]
    pub(crate) format: Format,
    /// Audit every project of a list, a path a line to a folder or a .toml; `-` is standard input. Prints one JSON line a
    /// project and pin as it is done, and works on as many projects at once as --jobs says
    #[arg(long, value_name = "LIST", conflicts_with_all = ["pins", "format"])]
    pub(crate) projects_from: Option<PathBuf>,
    /// Pass over the projects that are done in this output of an earlier run
    #[arg(long, value_name = "FILE", requires = "projects_from")]
    pub(crate) resume: Option<PathBuf>,
    /// Where packages come from: npm=URL, npm:@scope=URL, github=URL or pypi=URL
    #[arg(long, value_name = "KIND=URL")]
    pub(crate) registry: Vec<RegistryFlag>,
    /// More certificate authorities to trust, beside those of the system (PEM)
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) root: Root,
    #[command(flatten)]
    pub(crate) target: Target,
}

/// How an audit is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    Human,
    Markdown,
    Sarif,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The pin
    #[arg(value_name = "PIN")]
    pub(crate) pin: String,
    #[command(flatten)]
    pub(crate) root: Root,
    #[command(flatten)]
    pub(crate) target: Target,
}

/// Against what evidence is proved.
#[derive(Debug, Args)]
pub(crate) struct Root {
    /// Prove evidence against this root alone: public-good, github, staging or a trusted_root.json
    #[arg(long, value_name = "ROOT")]
    pub(crate) trusted_root: Option<String>,
}
