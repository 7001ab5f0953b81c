//! The options of `pinfold sign`.

use std::path::PathBuf;

use clap::Args;

use super::{Force, Sealing};

#[derive(Debug, Args)]
pub(crate) struct Sign {
    /// The file
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Where the bundle goes [default: FILE.sigstore.json, or FILE.sig.sigstore.json where that is provenance]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) force: Force,
    /// The file is an in-toto statement: sign what it says of its subjects, in an envelope
    #[arg(long)]
    pub(crate) in_toto: bool,
    /// More certificate authorities to trust, beside those of the system (PEM)
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) sealing: Sealing,
}
