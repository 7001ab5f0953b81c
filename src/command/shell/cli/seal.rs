//! The options of whatever signs.

use std::path::PathBuf;

use clap::Args;

use super::Keyless;

/// Who signs.
#[derive(Debug, Args)]
#[command(next_help_heading = "Signing")]
pub(crate) struct Sealing {
    #[command(flatten)]
    pub(crate) key: Key,
    #[command(flatten)]
    pub(crate) keyless: Keyless,
}

impl Sealing {
    /// The files that are read for it.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let Self { key, keyless } = self;
        [&key.key, &key.passphrase.passphrase_file, &keyless.identity_token_file]
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }
}

/// A key of one's own.
#[derive(Debug, Default, Args)]
pub(crate) struct Key {
    /// Sign with this key: PKCS#8 in PEM, ECDSA over P-256 or Ed25519, as `pinfold keygen` makes them
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) passphrase: Passphrase,
}

/// Where a passphrase comes from; without either it is asked for at the terminal, where there is one.
#[derive(Debug, Default, Clone, Args)]
pub(crate) struct Passphrase {
    /// The file with the passphrase of the key: one line
    #[arg(long, value_name = "FILE", conflicts_with = "passphrase_fd")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// The number of an open descriptor to read the passphrase of the key from
    #[arg(long, value_name = "N")]
    pub(crate) passphrase_fd: Option<u32>,
}
