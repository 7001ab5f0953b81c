//! The options of what is written about pins: bills of materials, the page, summaries, lines of many projects.

use std::path::PathBuf;

use clap::Args;

use pinfold::commands::sbom::Format;
#[cfg(feature = "sign")]
use pinfold_core::url::{Url, UrlError};

use super::{Force, Target};
#[cfg(feature = "sign")]
use super::{Key, PassphraseFrom};

#[derive(Debug, Args)]
pub(crate) struct Sbom {
    /// The format: CycloneDX 1.6 or SPDX 2.3, both as JSON
    #[arg(long, value_name = "cyclonedx|spdx", value_parser = format)]
    pub(crate) format: Format,
    /// The file to write it to [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) force: Force,
    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct Page {
    /// The file to write the page to
    #[arg(long, value_name = "FILE")]
    pub(crate) html: PathBuf,
    #[command(flatten)]
    pub(crate) force: Force,
    #[command(flatten)]
    pub(crate) target: Target,
}

#[cfg(feature = "sign")]
/// What to write for whoever takes a verifier's word.
#[derive(Debug, Args)]
#[command(next_help_heading = "Verification summaries (SLSA)")]
pub(crate) struct Summaries {
    /// Write one verification summary a pin to this folder
    #[arg(long, value_name = "DIR", requires = "verifier_id", conflicts_with = "verify_attestations")]
    pub(crate) vsa: Option<PathBuf>,
    /// Who verifies, a URL: `verifier.id` of the summaries
    #[arg(long, value_name = "URL", requires = "vsa", value_parser = verifier)]
    pub(crate) verifier_id: Option<String>,
    /// Replace a file at a summary's place also where it holds something else
    #[arg(long, requires = "vsa")]
    pub(crate) force: bool,
    /// Sign the summaries with this key: PKCS#8 in PEM, ECDSA over P-256 or Ed25519
    #[arg(long, value_name = "FILE", requires = "vsa")]
    key: Option<PathBuf>,
    /// The file with the passphrase of the key: one line
    #[arg(long, value_name = "FILE", requires = "key", conflicts_with = "passphrase_fd")]
    passphrase_file: Option<PathBuf>,
    /// The number of an open descriptor to read the passphrase of the key from
    #[arg(long, value_name = "N", requires = "key")]
    passphrase_fd: Option<u32>,
}

#[cfg(feature = "sign")]
impl Summaries {
    /// The key, as all that signs has it.
    pub(crate) fn key(&self) -> Key {
        let (passphrase_file, passphrase_fd) = (self.passphrase_file.clone(), self.passphrase_fd);
        Key { key: self.key.clone(), passphrase: PassphraseFrom { passphrase_file, passphrase_fd } }
    }
}

/// Other projects than this one.
#[derive(Debug, Args)]
#[command(next_help_heading = "Many projects")]
pub(crate) struct Many {
    /// Work on every project of a list, a path a line to a folder or a .toml; `-` is standard input. Prints one JSON line
    /// a project and pin as it is done
    #[arg(long, value_name = "LIST", conflicts_with_all = ["pins", "vsa"])]
    pub(crate) projects_from: Option<PathBuf>,
    /// Pass over the projects that are done in this output of an earlier run
    #[arg(long, value_name = "FILE", requires = "projects_from")]
    pub(crate) resume: Option<PathBuf>,
    /// How many projects to work on at once [default: one a processor]
    #[arg(short, long, value_name = "N", requires = "projects_from", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) jobs: Option<u16>,
}

fn format(text: &str) -> Result<Format, String> {
    match text {
        "cyclonedx" => Ok(Format::CycloneDx),
        "spdx" => Ok(Format::Spdx),
        _ => Err("the formats are cyclonedx and spdx".to_owned()),
    }
}

#[cfg(feature = "sign")]
fn verifier(text: &str) -> Result<String, String> {
    text.parse::<Url>().map(|_| text.to_owned()).map_err(|error: UrlError| error.to_string())
}
