//! Identity tokens on their way from where a job has them to what signs. Never an argument: everybody on a machine can read
//! those.

use pinfold::report::{Finding, Level, Verdict};
use pinfold::secret;
use pinfold_net::source::credentials::Secret;
use pinfold_sign::keyless::{ActionsRequest, Identity, IdentityToken, KeylessError, MAX_TOKEN_LEN};

use crate::Failure;
use crate::cli::Keyless;
use crate::world::variable;

/// The identity that the options and the environment name, the options first.
pub(crate) fn identity(options: &Keyless) -> Result<Identity, Failure> {
    let limit = u64::try_from(MAX_TOKEN_LEN).unwrap_or(u64::MAX);
    if let Some(path) = &options.identity_token_file {
        let bytes = match path.to_str() {
            Some("-") => secret::read_descriptor(0, limit).map_err(pinfold_core::fault::Fault::from)?,
            _ => secret::read_secret(path, limit).map_err(pinfold_core::fault::Fault::from)?.0,
        };
        return given(&String::from_utf8_lossy(&bytes));
    }
    if let Some(name) = &options.identity_token_env {
        let Some(text) = variable(name) else {
            return Err(absent(&format!("the variable `{}` is not set", name.escape_debug()), None));
        };
        return given(&text);
    }
    if let Some(text) = variable("SIGSTORE_ID_TOKEN") {
        return given(&text);
    }
    let request = variable("ACTIONS_ID_TOKEN_REQUEST_URL").zip(variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN"));
    let Some((url, secret)) = request else { return Err(nothing_there()) };
    let malformed = |name: &str| absent(&format!("the variable `{name}` is not what a runner sets"), None);
    let url = url.parse().map_err(|_| malformed("ACTIONS_ID_TOKEN_REQUEST_URL"))?;
    let secret = Secret::bearer(&secret).ok_or_else(|| malformed("ACTIONS_ID_TOKEN_REQUEST_TOKEN"))?;
    Ok(Identity::Actions(ActionsRequest { url, secret }))
}

fn given(text: &str) -> Result<Identity, Failure> {
    let token = IdentityToken::parse(text).map_err(KeylessError::from).map_err(pinfold_core::fault::Fault::from)?;
    Ok(Identity::Token(token))
}

/// There is no token: what to do depends on where this is.
fn nothing_there() -> Failure {
    let hint = if variable("GITHUB_ACTIONS").is_some() {
        "give the job `permissions: id-token: write`; jobs of pull requests from forks cannot have it"
    } else if variable("GITLAB_CI").is_some() {
        "give the job `id_tokens: SIGSTORE_ID_TOKEN: aud: sigstore`"
    } else {
        "jobs in GitHub Actions and GitLab can have one; elsewhere say `--identity-token-file FILE`, or sign with `--key`"
    };
    absent("there is no identity token", Some(hint))
}

fn absent(message: &str, hint: Option<&str>) -> Failure {
    let finding = Finding::new(Level::Error, "token-absent", message);
    let finding = match hint {
        Some(hint) => finding.hint(hint),
        None => finding,
    };
    Failure { findings: vec![finding], verdict: Verdict::Failed }
}
