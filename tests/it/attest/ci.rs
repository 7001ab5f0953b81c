//! Platforms that say themselves what builds, as far as their documented variables go.

use std::collections::BTreeMap;

use pinfold::commands::attest::Options;
use pinfold_evidence::attestation::Certificate;
use pinfold_evidence::provenance::Provenance;
use pinfold_evidence::statement::Statement;
use pinfold_sign::build::{
    Build, BuildError, GITHUB_BUILD_TYPE, GITHUB_VARIABLES, GITLAB_VARIABLES, Named, gitlab_pipeline,
};
use serde_json::{Value, json};

use super::{COMMIT, clean, options, project, refused, stated};

type Variables = BTreeMap<&'static str, String>;

/// A job of GitHub's, as its documents and the attestations of others have it.
fn github() -> Variables {
    let run = [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_SERVER_URL", "https://github.com"),
        ("GITHUB_REPOSITORY", "o/r"),
        ("GITHUB_REPOSITORY_ID", "891715444"),
        ("GITHUB_REPOSITORY_OWNER_ID", "1304826"),
        ("GITHUB_WORKFLOW_REF", "o/r/.github/workflows/release.yml@refs/heads/main"),
        ("GITHUB_REF", "refs/heads/main"),
        ("GITHUB_SHA", COMMIT),
        ("GITHUB_RUN_ID", "11941425487"),
        ("GITHUB_RUN_ATTEMPT", "1"),
        ("GITHUB_EVENT_NAME", "push"),
        ("RUNNER_ENVIRONMENT", "github-hosted"),
    ];
    run.into_iter().map(|(name, value)| (name, value.to_owned())).collect()
}

/// A job of GitLab's.
fn gitlab() -> Variables {
    let job = [
        ("GITLAB_CI", "true"),
        ("CI_PROJECT_URL", "https://gitlab.com/group/sub/r"),
        ("CI_CONFIG_PATH", ".gitlab-ci.yml"),
        ("CI_JOB_NAME", "build-job"),
        ("CI_JOB_ID", "4089072540"),
        ("CI_RUNNER_ID", "12270831"),
        ("CI_RUNNER_VERSION", "18.5.0"),
        ("CI_RUNNER_REVISION", "598a7c91"),
        ("CI_RUNNER_EXECUTABLE_ARCH", "linux/amd64"),
        ("CI_RUNNER_DESCRIPTION", "blue-2.example.com/default"),
        ("CI_COMMIT_SHA", COMMIT),
        ("CI_COMMIT_BRANCH", "main"),
    ];
    job.into_iter().map(|(name, value)| (name, value.to_owned())).collect()
}

fn of(variables: &Variables, named: &Named) -> Result<Build, BuildError> {
    Build::of(&|name| variables.get(name).cloned(), named)
}

fn build(variables: &Variables) -> Build {
    of(variables, &Named::default()).expect("a platform")
}

fn named(build_type: Option<&str>, builder: Option<&str>, parameters: &[(&str, &str)]) -> Named {
    let own = |text: &str| text.to_owned();
    let parameters = parameters.iter().map(|(name, value)| (own(name), own(value))).collect();
    Named { build_type: build_type.map(own), builder: builder.map(own), parameters }
}

/// What GitHub's own action writes for that job (actions/attest, `buildSLSAProvenancePredicate`).
#[test]
fn github_as_its_own_attestations_have_it() {
    let project = project();
    let statement = stated(&project, &Options { build: build(&github()), ..options(&["dist"]) });
    let definition = &statement["predicate"]["buildDefinition"];
    assert_eq!(definition["buildType"], "https://actions.github.io/buildtypes/workflow/v1");
    assert_eq!(
        definition["externalParameters"],
        json!({ "workflow": {
            "ref": "refs/heads/main", "repository": "https://github.com/o/r", "path": ".github/workflows/release.yml",
        } })
    );
    assert_eq!(
        definition["internalParameters"]["github"],
        json!({
            "event_name": "push", "repository_id": "891715444", "repository_owner_id": "1304826",
            "runner_environment": "github-hosted",
        })
    );
    assert_eq!(
        definition["resolvedDependencies"][0],
        json!({ "uri": "git+https://github.com/o/r@refs/heads/main", "digest": { "gitCommit": COMMIT } })
    );
    assert_eq!(
        statement["predicate"]["runDetails"],
        json!({
            "builder": { "id": "https://github.com/o/r/.github/workflows/release.yml@refs/heads/main" },
            "metadata": { "invocationId": "https://github.com/o/r/actions/runs/11941425487/attempts/1" },
        })
    );
}

/// What Fulcio certifies of that job.
fn certificate() -> Certificate {
    let text = |text: &str| Some(text.to_owned());
    let workflow = "https://github.com/o/r/.github/workflows/release.yml@refs/heads/main";
    Certificate {
        identity: workflow.to_owned(),
        signer_workflow: text(workflow),
        build_config: text(workflow),
        runner: text("github-hosted"),
        repository: text("https://github.com/o/r"),
        git_ref: text("refs/heads/main"),
        commit: text(COMMIT),
        run: text("https://github.com/o/r/actions/runs/11941425487/attempts/1"),
        ..Certificate::default()
    }
}

fn provenance(statement: &Value) -> Provenance {
    let statement = Statement::parse(statement.to_string().as_bytes()).expect("a statement");
    Provenance::of(&statement).expect("provenance")
}

#[test]
fn what_it_says_agrees_with_its_certificate() {
    let project = project();
    let read = |variables: &Variables| {
        provenance(&stated(&project, &Options { build: build(variables), ..options(&["dist"]) }))
    };
    let good = read(&github());
    assert!(good.is_of_known_type() && good.unrecognized_parameters().is_empty());
    assert_eq!(good.disagreement(&certificate()), None);
    assert!(good.builder_is_certified(&certificate()));
    // Each of its claims is one that a certificate of another job refutes.
    let text = |text: &str| Some(text.to_owned());
    let other = "https://github.com/o/r/.github/workflows/other.yml@refs/heads/main";
    let others = [
        ("builder", Certificate { identity: other.into(), signer_workflow: text(other), ..certificate() }),
        ("repository", Certificate { repository: text("https://github.com/o/s"), ..certificate() }),
        ("ref", Certificate { git_ref: text("refs/heads/x"), ..certificate() }),
        ("commit", Certificate { commit: text(&COMMIT.replace('a', "b")), ..certificate() }),
        ("workflow", Certificate { build_config: text(other), ..certificate() }),
    ];
    for (claim, certificate) in others {
        assert_eq!(good.disagreement(&certificate).map(|one| one.claim), Some(claim));
    }
    // GitLab's says nothing of the runner, so that the builder stays a claim, and nothing disagrees.
    let gitlab = read(&gitlab());
    let workflow = "https://gitlab.com/group/sub/r//.gitlab-ci.yml@refs/heads/main";
    let certified = Certificate {
        identity: workflow.into(),
        signer_workflow: text(workflow),
        repository: text("https://gitlab.com/group/sub/r"),
        git_ref: text("refs/heads/main"),
        commit: text(COMMIT),
        ..Certificate::default()
    };
    assert_eq!(gitlab.disagreement(&certified), None);
    assert!(!gitlab.builder_is_certified(&certified));
}

/// What GitLab's runner writes for that job (`artifacts_statement_generator`), with the source named as SLSA has it.
#[test]
fn gitlab_as_its_own_provenance_has_it() {
    let project = project();
    let statement = stated(&project, &Options { build: build(&gitlab()), ..options(&["dist"]) });
    let definition = &statement["predicate"]["buildDefinition"];
    let build_type = "https://gitlab.com/gitlab-org/gitlab-runner/-/blob/598a7c91/PROVENANCE.md";
    assert_eq!(definition["buildType"], build_type);
    assert_eq!(
        definition["externalParameters"],
        json!({ "source": "https://gitlab.com/group/sub/r", "entryPoint": "build-job" })
    );
    let internal = &definition["internalParameters"];
    assert_eq!(
        [&internal["architecture"], &internal["job"], &internal["name"]],
        ["amd64", "4089072540", "blue-2.example.com/default"]
    );
    assert_eq!(definition["resolvedDependencies"][0]["uri"], "git+https://gitlab.com/group/sub/r@refs/heads/main");
    assert_eq!(
        statement["predicate"]["runDetails"],
        json!({
            "builder": {
                "id": "https://gitlab.com/group/sub/r/-/runners/12270831",
                "version": { "gitlab-runner": "598a7c91" },
            },
            "metadata": { "invocationId": "4089072540" },
        })
    );
    // The runner names itself by a version that begins so.
    let mut variables = gitlab();
    variables.insert("CI_RUNNER_VERSION", "v18.5.0".to_owned());
    assert_eq!(build(&variables).build_type, build_type.replace("598a7c91", "v18.5.0"));
    let pipeline = gitlab_pipeline(&|name| gitlab().get(name).cloned()).expect("a pipeline");
    assert_eq!(pipeline, "https://gitlab.com/group/sub/r//.gitlab-ci.yml@refs/heads/main");
    // Its references are in parts.
    let git_ref = |name, value: &str| {
        let mut variables = gitlab();
        variables.remove("CI_COMMIT_BRANCH");
        variables.insert(name, value.to_owned());
        build(&variables).source.and_then(|source| source.git_ref)
    };
    assert_eq!(git_ref("CI_COMMIT_TAG", "v1").as_deref(), Some("refs/tags/v1"));
    let merge = "refs/merge-requests/1/head";
    assert_eq!(git_ref("CI_MERGE_REQUEST_REF_PATH", merge).as_deref(), Some(merge));
}

#[test]
fn nothing_is_invented() {
    for (all, listed) in [(github(), &GITHUB_VARIABLES[..]), (gitlab(), &GITLAB_VARIABLES)] {
        for name in all.keys().filter(|name| !["GITHUB_ACTIONS", "GITLAB_CI"].contains(name)) {
            assert!(listed.contains(name), "{name} is listed");
            let mut variables = all.clone();
            variables.remove(name);
            let result = of(&variables, &Named::default());
            match *name {
                // It names who signs, which only `pinfold run` has to know.
                "CI_CONFIG_PATH" => {
                    assert!(result.is_ok());
                    let error = gitlab_pipeline(&|name| variables.get(name).cloned()).expect_err("no path");
                    assert!(error.to_string().contains("CI_CONFIG_PATH"), "{error}");
                    continue;
                }
                "CI_RUNNER_DESCRIPTION" => assert!(result.is_ok_and(|build| !build.internal.contains_key("name"))),
                "CI_COMMIT_BRANCH" => {
                    let error = result.expect_err("no reference");
                    assert!(error.to_string().contains("CI_MERGE_REQUEST_REF_PATH"), "{error}");
                }
                name => {
                    let error = result.expect_err(name);
                    assert!(matches!(&error, BuildError::Missing { name: missing, .. } if *missing == name), "{error}");
                }
            }
            variables.insert(name, "a\nb".to_owned());
            if *name != "CI_RUNNER_DESCRIPTION" && *name != "CI_COMMIT_BRANCH" {
                assert_eq!(of(&variables, &Named::default()).expect_err(name).code(), "build-variable-malformed");
            }
        }
    }
    for wrong in ["o/r/.github/workflows/x.yml", "o/r/x.yml@refs/heads/main", "o/s/.github/workflows/x.yml@refs/x", "@"]
    {
        let mut variables = github();
        variables.insert("GITHUB_WORKFLOW_REF", wrong.to_owned());
        assert_eq!(of(&variables, &Named::default()).expect_err(wrong).code(), "build-variable-malformed");
    }
    let mut both = github();
    both.extend(gitlab());
    assert_eq!(of(&both, &Named::default()), Err(BuildError::TwoPlatforms));
}

#[test]
fn elsewhere_somebody_has_to_say() {
    let nowhere = Variables::new();
    let (own_type, own_builder) = (Some("https://example.com/make/v1"), Some("https://example.com/ci"));
    let code = |variables: &Variables, named: Named| of(variables, &named).expect_err("not enough").code();
    assert_eq!(code(&nowhere, Named::default()), "build-unnamed");
    assert_eq!(code(&nowhere, named(own_type, None, &[])), "build-unnamed");
    assert_eq!(code(&nowhere, named(None, own_builder, &[("a", "b")])), "build-unnamed");
    assert_eq!(code(&nowhere, named(Some("make"), own_builder, &[])), "build-uri");
    assert_eq!(code(&nowhere, named(own_type, Some("https://example.com/a b"), &[])), "build-uri");
    assert_eq!(code(&nowhere, named(own_type, own_builder, &[("a", "b"), ("a", "c")])), "build-parameter");
    let own = of(&nowhere, &named(own_type, own_builder, &[("b", "2"), ("a", "1=1")])).expect("a build");
    assert_eq!(json!(own.external), json!({ "a": "1=1", "b": "2" }));
    assert_eq!(own.source, None);
    // Others set the variables of GitHub, and are not GitHub.
    for lookalike in ["GITEA_ACTIONS", "FORGEJO_ACTIONS", "ACT"] {
        let mut variables = github();
        variables.insert(lookalike, "true".to_owned());
        assert_eq!(code(&variables, Named::default()), "build-unnamed", "{lookalike}");
    }
    // A platform's word stands whole, or not at all.
    for variables in [github(), gitlab()] {
        assert_eq!(code(&variables, named(own_type, None, &[])), "build-half-named");
        assert_eq!(code(&variables, named(None, own_builder, &[])), "build-half-named");
        assert_eq!(code(&variables, named(None, None, &[("a", "b")])), "build-half-named");
        assert_eq!(
            of(&variables, &named(own_type, own_builder, &[])).map(|build| build.build_type),
            Ok(own.build_type.clone())
        );
    }
    // But for the one thing that no variable says: of which reusable workflow the job is.
    let reusable = "https://github.com/o/shared/.github/workflows/build.yml@refs/tags/v1";
    let build = of(&github(), &named(None, Some(reusable), &[])).expect("a build");
    assert_eq!((build.builder.as_str(), build.build_type.as_str()), (reusable, GITHUB_BUILD_TYPE));
    for wrong in [
        "https://github.com.example.com/o/shared/.github/workflows/build.yml@refs/tags/v1",
        "https://github.com/o/shared/.github/workflows/build.yml",
        "https://github.com/o/shared/build.yml@refs/tags/v1",
        "https://github.com/o/.github/workflows/build.yml@refs/tags/v1",
        "https://github.com/o/shared/.github/workflows/@refs/tags/v1",
    ] {
        assert_eq!(code(&github(), named(None, Some(wrong), &[])), "build-half-named", "{wrong}");
    }
}

#[test]
fn the_platform_and_git_agree_on_the_commit() {
    let project = project();
    let mut checkout = clean();
    checkout.source.commit = COMMIT.replace('a', "b");
    for variables in [github(), gitlab()] {
        let other = Options { build: build(&variables), checkout: Some(checkout.clone()), ..options(&["dist"]) };
        assert_eq!(refused(&project, &other), ("checkout-other-commit".to_owned(), 1));
        let none = Options { build: build(&variables), checkout: None, ..options(&["dist"]) };
        assert_eq!(refused(&project, &none), ("checkout-absent".to_owned(), 2));
    }
    // Detached, as runners check out: the platform knows the reference.
    let mut checkout = clean();
    (checkout.source.git_ref, checkout.source.repository) = (None, None);
    let detached = Options { build: build(&github()), checkout: Some(checkout), ..options(&["dist"]) };
    let source = stated(&project, &detached)["predicate"]["buildDefinition"]["resolvedDependencies"][0].clone();
    assert_eq!(source["uri"], "git+https://github.com/o/r@refs/heads/main");
}
