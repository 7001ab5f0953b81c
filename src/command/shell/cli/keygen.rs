//! The options of `pinfold keygen`.

use std::path::PathBuf;

use clap::Args;

use pinfold_sign::signer::KeyKind;

use super::seal::Passphrase;

#[derive(Debug, Args)]
pub(crate) struct Keygen {
    /// The kind: ECDSA over P-256, which everybody verifies, or Ed25519
    #[arg(long = "type", value_name = "p256|ed25519", default_value = "p256", value_parser = kind)]
    pub(crate) kind: KeyKind,
    /// The file for the private half; the public half goes into FILE.pub
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) passphrase: Passphrase,
    /// Leave the private half unencrypted, for a place that only the job can read
    #[arg(long, conflicts_with_all = ["passphrase_file", "passphrase_fd"])]
    pub(crate) no_passphrase: bool,
}

fn kind(text: &str) -> Result<KeyKind, String> {
    let named = KeyKind::ALL.into_iter().find(|kind| kind.name() == text);
    named.ok_or_else(|| format!("the kinds are {}", KeyKind::ALL.map(KeyKind::name).join(" and ")))
}
