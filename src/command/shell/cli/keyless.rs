//! The options for signing with an identity.

use std::path::PathBuf;

use clap::Args;

use pinfold::commands::seal::Instances;
use pinfold_evidence::root::Instance;

/// An identity that signs.
#[derive(Debug, Default, Args)]
pub(crate) struct Keyless {
    /// Sign with the identity of this job or person: a certificate for minutes, and an entry in a public log
    ///
    /// The identity token comes from GitHub Actions, from GitLab CI/CD (`SIGSTORE_ID_TOKEN`), or from where one of the
    /// next two options says. Name and repository of the job, or the e-mail address, are public from then on.
    #[arg(long, conflicts_with_all = ["key", "passphrase_file", "passphrase_fd"])]
    pub(crate) keyless: bool,
    /// The file with the identity token, - for standard input
    #[arg(long, value_name = "FILE", requires = "keyless", conflicts_with = "identity_token_env")]
    pub(crate) identity_token_file: Option<PathBuf>,
    /// The environment variable with the identity token
    #[arg(long, value_name = "NAME", requires = "keyless")]
    pub(crate) identity_token_env: Option<String>,
    /// Whose services sign: public-good or staging [default: public-good]
    #[arg(long, value_name = "INSTANCE", requires = "keyless", conflicts_with = "signing_config", value_parser = instance)]
    instance: Option<Instance>,
    /// The services of another instance: its signing_config.json
    #[arg(long, value_name = "FILE", requires = "keyless")]
    signing_config: Option<PathBuf>,
    /// What the signature is proved against before it is written: public-good, staging or a trusted_root.json
    /// [default: the instance's]
    #[arg(long, value_name = "ROOT", requires = "keyless")]
    pub(crate) signing_root: Option<String>,
}

impl Keyless {
    /// Whom to ask.
    pub(crate) fn services(&self) -> Instances<'_> {
        match &self.signing_config {
            Some(path) => Instances::Listed(path),
            None => Instances::Known(self.instance.unwrap_or(Instance::PublicGood)),
        }
    }
}

fn instance(text: &str) -> Result<Instance, String> {
    let known = [Instance::PublicGood, Instance::Staging];
    let named = known.into_iter().find(|known| known.name() == text);
    named.ok_or_else(|| format!("the instances are {}", known.map(Instance::name).join(" and ")))
}
