//! What to do about an [`OciError`].

use super::error::OciError;
use pinfold_net::http::Failure;

impl OciError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Download(error) => match *error.failure {
                Failure::TooLong { .. } | Failure::NotAuthorized { .. } => None,
                Failure::NotFound { .. } if error.url.path().contains("/manifests/") => Some(
                    "see whether the name and the tag or digest are right; some registries say the same of what they \
                     show only with a login"
                        .to_owned(),
                ),
                _ => error.hint(),
            },
            Self::Unauthorized { unread: Some(why), .. } => Some(format!("no logins could be read: {why}")),
            Self::Unauthorized { realm: Some(realm), has_login: false, place, .. } => {
                let registry = place.split('/').next().unwrap_or_default();
                Some(format!(
                    "`{realm}` hands out the tokens for it, and is shown a login only if `config.json` has the same \
                     one under `{realm}` and under `{registry}`"
                ))
            }
            Self::Unauthorized { has_login: false, elsewhere: true, .. } => {
                Some("`config.json` leaves the login to a program, which was not run: put it into `auths`".to_owned())
            }
            Self::Unauthorized { has_login: false, kin: Some(kin), place, .. } => {
                let registry = place.split('/').next().unwrap_or_default();
                Some(format!("`config.json` names `{kin}`: a login for `{registry}` has to stand under that name"))
            }
            Self::Unauthorized { has_login: false, .. } => {
                Some("a login stands in `auths` of `config.json`, in `DOCKER_CONFIG` or `~/.docker`".to_owned())
            }
            Self::Unauthorized { realm: Some(realm), .. } => {
                Some(format!("see whether the login of `{realm}`, which hands out the tokens, may read it"))
            }
            Self::Helper(error) => {
                let program = error.program.escape_debug();
                Some(format!("see what `{program} get` says, or name another in `credHelpers` of `config.json`"))
            }
            Self::Unauthorized { .. } => {
                Some("see whether the password is right, and what the login may do there".to_owned())
            }
            Self::Absent { .. } => Some(
                "name the artifact that is meant: `oci-layout:FOLDER:TAG` or `oci-layout:FOLDER@DIGEST`".to_owned(),
            ),
            Self::Ambiguous { .. } => Some("name the artifact by its digest: `oci-layout:FOLDER@DIGEST`".to_owned()),
            Self::AttachedLen { .. } => {
                Some("look at what is attached; `--max-attached BYTES` copies as much as you say".to_owned())
            }
            Self::Refused { status: 405, .. } => Some("the registry may be one that is only read".to_owned()),
            Self::Chain { error, .. } => error.hint(),
            Self::Unanswered(error) => error.hint(),
            Self::Refused { status: 403, .. } => Some("see whether the login may write there".to_owned()),
            Self::Refused { status: 413, .. } => {
                Some("the registry, or a proxy in front of it, takes nothing of this length".to_owned())
            }
            Self::NotStored { .. } | Self::NotWhole { .. } => {
                Some("what the registry takes and does not keep is lost: do not rely on it".to_owned())
            }
            Self::Taken { .. } => {
                Some("copy them the other way first, or take the tag away there if they are not wanted".to_owned())
            }
            Self::Moved { .. } => Some("somebody else writes there at the same time: look, and push again".to_owned()),
            _ => None,
        }
    }
}
