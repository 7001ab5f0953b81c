//! GitLab CI, from the variables that its documents list ("Predefined CI/CD variables reference"): the definition that
//! GitLab's runner writes with `RUNNER_GENERATE_ARTIFACTS_METADATA`.
//!
//! The runner also lists the names of the job's variables among the external parameters, each with an empty text for its
//! value. No variable says which ones are the job's, so they are left out: SLSA lets a reader ignore nothing but what it
//! does not know, and a name without a value tells nothing.

use serde_json::json;

use super::error::required;
use super::{Build, BuildError, Source};

/// What the platform is called in messages.
pub(super) const PLATFORM: &str = "GitLab CI";

/// The variables that are read; those of the reference depend on what was built, and the runner's description may be
/// empty.
pub const VARIABLES: [&str; 13] = [
    "CI_PROJECT_URL",
    "CI_CONFIG_PATH",
    "CI_JOB_NAME",
    "CI_JOB_ID",
    "CI_RUNNER_ID",
    "CI_RUNNER_VERSION",
    "CI_RUNNER_REVISION",
    "CI_RUNNER_EXECUTABLE_ARCH",
    "CI_RUNNER_DESCRIPTION",
    "CI_COMMIT_SHA",
    "CI_COMMIT_TAG",
    "CI_COMMIT_BRANCH",
    "CI_MERGE_REQUEST_REF_PATH",
];

/// The job's build.
pub(super) fn recognise(variable: &dyn Fn(&str) -> Option<String>) -> Result<Build, BuildError> {
    let get = |name| required(PLATFORM, variable, name);
    let project = get("CI_PROJECT_URL")?;
    let job = get("CI_JOB_ID")?;
    // The runner names itself by its version where that begins with a `v`, else by its revision.
    let (version, revision) = (get("CI_RUNNER_VERSION")?, get("CI_RUNNER_REVISION")?);
    let version = if version.starts_with('v') { version } else { revision };
    let build_type = format!("https://gitlab.com/gitlab-org/gitlab-runner/-/blob/{version}/PROVENANCE.md");
    let builder = format!("{project}/-/runners/{}", get("CI_RUNNER_ID")?);
    let mut build = Build::new(&build_type, &builder);
    build.builder_version.insert("gitlab-runner".to_owned(), version);
    build.external.insert("source".to_owned(), json!(project));
    build.external.insert("entryPoint".to_owned(), json!(get("CI_JOB_NAME")?));
    let platform = get("CI_RUNNER_EXECUTABLE_ARCH")?;
    let architecture = platform.rsplit_once('/').map_or(platform.as_str(), |(_, architecture)| architecture);
    build.internal.insert("architecture".to_owned(), json!(architecture));
    build.internal.insert("job".to_owned(), json!(job));
    if let Some(name) = variable("CI_RUNNER_DESCRIPTION") {
        build.internal.insert("name".to_owned(), json!(name));
    }
    build.invocation = Some(job);
    build.source =
        Some(Source { repository: Some(project), git_ref: Some(git_ref(variable)?), commit: get("CI_COMMIT_SHA")? });
    Ok(build)
}

/// The pipeline's definition at the reference that is built, as certificates name who signs for a job of it
/// (`ci_config_ref_uri` in "OpenID Connect (OIDC) Authentication Using ID Tokens").
pub fn pipeline(variable: &dyn Fn(&str) -> Option<String>) -> Result<String, BuildError> {
    let (project, config) =
        (required(PLATFORM, variable, "CI_PROJECT_URL")?, required(PLATFORM, variable, "CI_CONFIG_PATH")?);
    Ok(format!("{project}//{config}@{}", git_ref(variable)?))
}

/// The reference in full. The variable that is always there has its last part alone.
fn git_ref(variable: &dyn Fn(&str) -> Option<String>) -> Result<String, BuildError> {
    if let Some(tag) = variable("CI_COMMIT_TAG") {
        return Ok(format!("refs/tags/{tag}"));
    }
    if let Some(branch) = variable("CI_COMMIT_BRANCH") {
        return Ok(format!("refs/heads/{branch}"));
    }
    // In pipelines of merge requests there is neither of the two.
    required(PLATFORM, variable, "CI_MERGE_REQUEST_REF_PATH")
}
