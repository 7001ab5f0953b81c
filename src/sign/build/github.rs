//! GitHub Actions, from the variables that its documents list ("Variables reference", default environment variables):
//! the same definition as `actions/attest-build-provenance` writes out of the job's token.

use serde_json::{Map, Value, json};

use super::error::required;
use super::{Build, BuildError, Source};

/// The build type of GitHub's own attestations.
pub const BUILD_TYPE: &str = "https://actions.github.io/buildtypes/workflow/v1";

/// What the platform is called in messages.
pub(super) const PLATFORM: &str = "GitHub Actions";

/// The variables that are read; all of them have to be there.
pub const VARIABLES: [&str; 11] = [
    "GITHUB_SERVER_URL",
    "GITHUB_REPOSITORY",
    "GITHUB_REPOSITORY_ID",
    "GITHUB_REPOSITORY_OWNER_ID",
    "GITHUB_WORKFLOW_REF",
    "GITHUB_REF",
    "GITHUB_SHA",
    "GITHUB_RUN_ID",
    "GITHUB_RUN_ATTEMPT",
    "GITHUB_EVENT_NAME",
    "RUNNER_ENVIRONMENT",
];

/// Variables of those that run workflows as GitHub does, and set GitHub's variables too: Gitea, Forgejo, `act`. What they
/// build is not of GitHub's build type, which nobody but GitHub certifies.
pub(super) const LOOKALIKES: [&str; 3] = ["GITEA_ACTIONS", "FORGEJO_ACTIONS", "ACT"];

/// The job's build.
pub(super) fn recognise(variable: &dyn Fn(&str) -> Option<String>) -> Result<Build, BuildError> {
    let get = |name| required(PLATFORM, variable, name);
    let (server, name) = (get("GITHUB_SERVER_URL")?, get("GITHUB_REPOSITORY")?);
    let server = server.trim_end_matches('/');
    let repository = format!("{server}/{name}");
    let workflow = get("GITHUB_WORKFLOW_REF")?;
    let (path, workflow_ref) = workflow
        .strip_prefix(&format!("{name}/"))
        .and_then(|rest| rest.split_once('@'))
        .filter(|(path, workflow_ref)| path.starts_with(FOLDER) && workflow_ref.starts_with("refs/"))
        .ok_or_else(|| malformed("GITHUB_WORKFLOW_REF", &workflow))?;
    let (run, attempt) = (get("GITHUB_RUN_ID")?, get("GITHUB_RUN_ATTEMPT")?);
    let commit = get("GITHUB_SHA")?;
    let builder = format!("{server}/{workflow}");
    let mut build = Build::new(BUILD_TYPE, &builder);
    build.external = object(json!({
        "workflow": { "ref": workflow_ref, "repository": repository, "path": path },
    }));
    build.internal = object(json!({
        "github": {
            "event_name": get("GITHUB_EVENT_NAME")?,
            "repository_id": get("GITHUB_REPOSITORY_ID")?,
            "repository_owner_id": get("GITHUB_REPOSITORY_OWNER_ID")?,
            "runner_environment": get("RUNNER_ENVIRONMENT")?,
        },
    }));
    build.invocation = Some(format!("{repository}/actions/runs/{run}/attempts/{attempt}"));
    build.source = Some(Source { repository: Some(repository), git_ref: Some(get("GITHUB_REF")?), commit });
    Ok(build)
}

/// Whether a builder is a workflow at the same server as the job's own: a reusable one that the job is of.
pub(super) fn is_workflow(own: &str, builder: &str) -> bool {
    let server = |url: &str| url.split('/').take(3).collect::<Vec<_>>().join("/");
    let Some((url, git_ref)) = builder.split_once('@') else { return false };
    let parts: Vec<&str> = url.split('/').skip(3).collect();
    let [_, _, folders @ .., file] = &parts[..] else { return false };
    server(own) == server(builder)
        && folders == [".github", "workflows"]
        && !file.is_empty()
        && git_ref.starts_with("refs/")
        && builder.bytes().all(|byte| byte.is_ascii_graphic())
}

fn malformed(name: &'static str, value: &str) -> BuildError {
    BuildError::Malformed { platform: PLATFORM, name, value: value.to_owned() }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

const FOLDER: &str = ".github/workflows/";
