//! Provenance and who signs it: what does not agree with the certificate is neither signed nor logged, and what a job
//! attests is believed by `pinfold check`.

use std::process::Command;

use serde_json::{Value, json};

use super::loopback::{EMAIL, Faults, GOOD, ISSUER, Sigstore, job, sigstore, token, token_of};
use super::{code, folder, run, signing};
use crate::run::Workshop;
use crate::support::Project;

const COMMIT: &str = "a07f779bb9b981357d8aa83568e5b760bbe4f65b";
const WORKFLOW: &str = "o/r/.github/workflows/release.yml@refs/heads/main";
const REUSABLE: &str = "o/shared/.github/workflows/build.yml@refs/tags/v1";

/// The claims of a job's token, all of those that a certificate gets.
fn claims(commit: &str, signer: &str) -> Value {
    let mut claims = job();
    let more = [
        ("job_workflow_ref", signer),
        ("workflow_ref", WORKFLOW),
        ("ref", "refs/heads/main"),
        ("sha", commit),
        ("runner_environment", "github-hosted"),
    ];
    for (name, value) in more {
        claims[name] = value.into();
    }
    claims
}

/// Provenance of that job.
fn provenance() -> Value {
    let digest = pinfold_core::digest::Sha256::of(b"hello\n").hex();
    json!({
        "_type": "https://in-toto.io/Statement/v1", "subject": [{ "name": "a.txt", "digest": { "sha256": digest } }],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "https://actions.github.io/buildtypes/workflow/v1",
                "externalParameters": { "workflow": {
                    "ref": "refs/heads/main", "repository": "https://github.com/o/r",
                    "path": ".github/workflows/release.yml",
                } },
                "resolvedDependencies": [
                    { "uri": "git+https://github.com/o/r@refs/heads/main", "digest": { "gitCommit": COMMIT } },
                ],
            },
            "runDetails": { "builder": { "id": format!("https://github.com/{WORKFLOW}") } },
        },
    })
}

/// `pinfold sign --in-toto` of a statement; the exit code, the error's code, all that was said, and whom it asked.
fn sign(server: &Sigstore, folder: &Project, tag: &str, statement: &Value) -> (i32, String, String, usize) {
    folder.write("statement.json", statement.to_string());
    let mut command = signing(server, folder, tag, GOOD);
    command.args(["statement.json", "--in-toto", "--identity-token-file", "token", "--out", "out.json", "--json"]);
    let (status, said) = run(command);
    assert_eq!(folder.exists("out.json"), status == 0, "{said}");
    let told = if status == 0 { String::new() } else { code(&said) };
    (status, told, said, server.asked(tag).len())
}

#[test]
fn provenance_that_nobody_would_believe_is_not_logged() {
    let server = sigstore();
    let folder = folder();
    folder.write("token", token_of(&claims(COMMIT, WORKFLOW)));
    let workflow = "/predicate/buildDefinition/externalParameters/workflow";
    let source = "/predicate/buildDefinition/resolvedDependencies/0";
    let changes = [
        ("builder", "/predicate/runDetails/builder/id".to_owned(), json!(format!("https://github.com/{REUSABLE}"))),
        ("repository", format!("{workflow}/repository"), json!("https://github.com/o/other")),
        ("ref", format!("{workflow}/ref"), json!("refs/tags/v1")),
        ("workflow", format!("{workflow}/path"), json!(".github/workflows/other.yml")),
        ("commit", format!("{source}/digest/gitCommit"), json!(COMMIT.replace('a', "b"))),
        ("ref", format!("{source}/uri"), json!("git+https://github.com/o/r@refs/heads/other")),
    ];
    for (number, (claim, pointer, value)) in changes.into_iter().enumerate() {
        let mut statement = provenance();
        *statement.pointer_mut(&pointer).expect("there") = value;
        let (status, told, said, asked) = sign(server, &folder, &format!("disagrees-{number}"), &statement);
        assert_eq!((status, told.as_str(), asked), (1, "statement-disagrees", 1), "{claim}: {said}");
        assert!(said.contains(&format!("its {claim} is")), "{said}");
    }
    // What lacks a part is nobody's business.
    for part in ["/predicate/runDetails/builder", "/predicate/buildDefinition"] {
        let mut statement = provenance();
        *statement.pointer_mut(part).expect("there") = Value::Null;
        let (status, told, said, asked) = sign(server, &folder, "incomplete", &statement);
        assert_eq!((status, told.as_str(), asked), (2, "statement-incomplete", 0), "{said}");
    }
    // Nor is a subject that nobody can hold an artifact to.
    for digest in [json!({ "sha1": "00" }), json!({ "sha256": "zz" }), json!({ "blake3": "00" })] {
        let mut statement = provenance();
        statement["subject"][0]["digest"] = digest;
        let (status, told, said, asked) = sign(server, &folder, "unprovable", &statement);
        assert_eq!((status, told.as_str(), asked), (1, "sealed-other", 0), "{said}");
    }
    // Nor is what the authority certifies for somebody else.
    let mut command = signing(server, &folder, "stranger", Faults { authority: "other-email", ..GOOD });
    command.args(["a.txt", "--identity-token-file", "token", "--json"]);
    let (status, said) = run(command);
    assert_eq!((status, code(&said).as_str()), (1, "certificate-other-identity"), "{said}");
    assert!(said.contains("not `https://github.com/o/r/.github/workflows/release.yml@refs/heads/main`"), "{said}");
    let (status, _, said, asked) = sign(server, &folder, "agrees", &provenance());
    assert_eq!((status, asked), (0, 3), "{said}");
}

/// The variables of that job, and the runner that hands out its token.
fn environment(server: &Sigstore, tag: &str, commit: &str) -> Vec<(&'static str, String)> {
    let text = [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_SERVER_URL", "https://github.com"),
        ("GITHUB_REPOSITORY", "o/r"),
        ("GITHUB_REPOSITORY_ID", "1"),
        ("GITHUB_REPOSITORY_OWNER_ID", "2"),
        ("GITHUB_WORKFLOW_REF", WORKFLOW),
        ("GITHUB_REF", "refs/heads/main"),
        ("GITHUB_SHA", commit),
        ("GITHUB_RUN_ID", "3"),
        ("GITHUB_RUN_ATTEMPT", "4"),
        ("GITHUB_EVENT_NAME", "push"),
        ("RUNNER_ENVIRONMENT", "github-hosted"),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "runner-secret"),
    ];
    let url = server.url(&format!("{tag}/good/token?api-version=2.0"));
    let mut all: Vec<_> = text.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
    all.push(("ACTIONS_ID_TOKEN_REQUEST_URL", url));
    all
}

/// A file with the signing configuration of a tag, beside the checkout and not in it.
fn config(server: &Sigstore, workshop: &Workshop, tag: &str) -> String {
    let path = workshop.project.store_folder().join(format!("{tag}.json"));
    std::fs::write(&path, server.config(tag, GOOD).to_string()).expect("a file");
    path.display().to_string()
}

fn keyless(server: &Sigstore, config: &str) -> Vec<String> {
    let root = server.root();
    ["--keyless", "--signing-config", config, "--signing-root", &root].map(str::to_owned).to_vec()
}

fn check(server: &Sigstore, workshop: &Workshop, bundle: &str, who: &[&str]) -> (i32, String) {
    let mut command = workshop.command();
    command.args(["check", "dist/app.js", "-a", bundle, "--trusted-root", &server.root()]).args(who);
    run(command)
}

fn release(server: &Sigstore, workshop: &Workshop, tag: &str, signer: &str, command: &[&str]) -> (i32, String) {
    let commit = workshop.git(&["rev-parse", "HEAD"]);
    server.hand_out_as(tag, &token_of(&claims(&commit, signer)));
    let config = config(server, workshop, tag);
    let (verb, rest) = command.split_first().expect("a command");
    let mut pinfold: Command = workshop.command();
    pinfold.arg(verb).args(keyless(server, &config)).args(rest).envs(environment(server, tag, &commit));
    let (status, said) = run(pinfold);
    assert!(!said.contains("runner-secret"), "the secret was told: {said}");
    (status, said)
}

const BUILD: [&str; 4] = ["--", "sh", "-c", "mkdir -p dist && cat source.txt vendor/tool > dist/app.js"];
const POLICY: [&str; 6] = [
    "--repository",
    "https://github.com/o/r",
    "--ref",
    "refs/heads/main",
    "--issuer",
    "https://token.actions.githubusercontent.com",
];

#[test]
fn a_job_attests_what_its_certificate_says() {
    let server = sigstore();
    let workshop = Workshop::new();
    let run = [&["run", "--out", "dist/app.js"], &BUILD[..]].concat();
    let bundle = "dist/app.js.sigstore.json";
    for (tag, command) in [("job-run", run.clone()), ("job-attest", vec!["attest", "dist/app.js"])] {
        let _ = std::fs::remove_file(workshop.project.path(bundle));
        let (status, said) = release(server, &workshop, tag, WORKFLOW, &command);
        assert_eq!(status, 0, "{tag}: {said}");
        let builder = format!("https://github.com/{WORKFLOW}");
        let (status, said) = check(server, &workshop, bundle, &[&POLICY[..], &["--builder", &builder]].concat());
        assert_eq!(status, 0, "{tag}: {said}");
    }
    // A reusable workflow signs: no variable names it, so that the option has to.
    let builder = format!("https://github.com/{REUSABLE}");
    for (tag, command) in [("called-attest", vec!["attest", "dist/app.js"]), ("called-run", run)] {
        let _ = std::fs::remove_file(workshop.project.path(bundle));
        let (status, said) = release(server, &workshop, tag, REUSABLE, &command);
        assert_eq!((status, workshop.project.exists(bundle)), (1, false), "{tag}: {said}");
        assert!(said.contains(&format!("--builder-id {builder}")), "{said}");
        assert_eq!(server.asked(tag).len(), 2, "the runner and the authority, and no log");
        let named = [&command[..1], &["--builder-id", &builder], &command[1..]].concat();
        let (status, said) = release(server, &workshop, tag, REUSABLE, &named);
        assert_eq!(status, 0, "{tag}: {said}");
        let (status, said) = check(server, &workshop, bundle, &[&POLICY[..], &["--builder", &builder]].concat());
        assert_eq!(status, 0, "{tag}: {said}");
    }
}

#[test]
fn a_person_is_a_builder_too() {
    let server = sigstore();
    let workshop = Workshop::new();
    let config = config(server, &workshop, "person");
    let build = |builder: &str| {
        let mut command = workshop.command();
        command.arg("run").args(keyless(server, &config)).args(["--builder-id", builder, "--out", "dist/app.js"]);
        command.args(BUILD).env("SIGSTORE_ID_TOKEN", token());
        run(command)
    };
    let (status, said) = build("https://example.com/ci");
    let hint = format!("--builder-id mailto:{EMAIL}");
    assert_eq!((status, said.contains(&hint)), (1, true), "{said}");
    let (status, said) = build(&format!("mailto:{EMAIL}"));
    assert_eq!(status, 0, "{said}");
    let who = ["--identity", EMAIL, "--issuer", ISSUER];
    let (status, said) = check(server, &workshop, "dist/app.js.sigstore.json", &who);
    assert_eq!(status, 0, "{said}");
}
