//! The options of `pinfold reproduce`.

use std::path::PathBuf;

use clap::Args;

use pinfold::commands::reproduce::Options;

use super::check::Who;

#[derive(Debug, Args)]
pub(crate) struct Reproduce {
    /// The statement, or the bundle that it is signed in
    #[arg(value_name = "STATEMENT|BUNDLE")]
    pub(crate) document: PathBuf,
    #[command(flatten)]
    pub(crate) who: Who,
    /// What to prove the bundle against: public-good, github, staging, or a file [default: public-good and github]
    #[arg(long, value_name = "ROOT")]
    pub(crate) trusted_root: Option<String>,
    /// Run the command of a statement that is not proved; in the sandbox like any other
    #[arg(long)]
    pub(crate) unproved: bool,
    /// The repository that has the commit: a URL or a folder [default: the checkout that pins.toml is in]
    #[arg(long, value_name = "URL|PATH")]
    pub(crate) source: Option<String>,
    /// Ask nobody for pins: fail where the store does not have the bytes
    #[arg(long)]
    pub(crate) offline: bool,
    /// Where the stated outputs are, to say where they differ [default: the folder of pins.toml]
    #[arg(long, value_name = "DIR")]
    pub(crate) against: Option<PathBuf>,
    /// Keep what was rebuilt in this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
    /// Replace files in the folder of `--keep` that differ from what was rebuilt
    #[arg(long, requires = "keep")]
    pub(crate) force: bool,
    /// The command to run in place of the stated one
    #[arg(value_name = "COMMAND", last = true)]
    pub(crate) command: Vec<String>,
}

impl Reproduce {
    /// What the command takes.
    pub(crate) fn options(&self) -> Options {
        Options {
            document: self.document.clone(),
            who: self.who.options(self.trusted_root.clone()),
            unproved: self.unproved,
            command: (!self.command.is_empty()).then(|| self.command.clone()),
        }
    }
}
