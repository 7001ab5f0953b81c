//! The options of `pinfold run`.

use std::path::PathBuf;

use clap::Args;

use super::{Force, Made, Sealing, Target};

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// What the command makes: a file, a folder (every file in it) or a pattern, relative to the folder of pins.toml; any
    /// of several
    #[arg(long, value_name = "OUTPUT", required = true)]
    pub(crate) out: Vec<String>,
    /// The file to write the statement or bundle to [default: with a key OUTPUT.sigstore.json]
    #[arg(long, value_name = "FILE")]
    pub(crate) attestation: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) force: Force,
    /// Run it without a network, in a clean environment, with nothing to write to but the project, and there not to what
    /// was pinned; refuse where the system will not have that (Linux)
    #[arg(long)]
    pub(crate) hermetic: bool,
    /// A variable for the command, stated with its value; NAME alone takes it from the environment
    #[arg(long, value_name = "NAME[=VALUE]", value_parser = variable)]
    pub(crate) env: Vec<(String, Option<String>)>,
    #[command(flatten)]
    pub(crate) made: Made,
    /// SLSA's builder id, a URI: who is to be trusted that it was built so [default: what GitHub Actions or GitLab CI say]
    #[arg(long, value_name = "URI")]
    pub(crate) builder_id: Option<String>,
    #[command(flatten)]
    pub(crate) sealing: Sealing,
    #[command(flatten)]
    pub(crate) target: Target,
    /// The program to run in the folder of pins.toml, and its arguments
    #[arg(value_name = "COMMAND", last = true, required = true)]
    pub(crate) command: Vec<String>,
}

/// `NAME` or `NAME=VALUE`. A name is one that shells take (POSIX.1-2024, 3.216).
fn variable(text: &str) -> Result<(String, Option<String>), String> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (text, None),
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let is_name = !name.is_empty() && name.bytes().all(plain) && !name.starts_with(|one: char| one.is_ascii_digit());
    if is_name { Ok((name.to_owned(), value)) } else { Err("it has the form NAME or NAME=VALUE".to_owned()) }
}
