//! `pinfold check`: evidence about one artifact, judged without a project.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use pinfold_core::digest::Sha256;
use serde_json::{Value, json};

use crate::corpus::case::Case;
use crate::corpus::{Corpus, EXCEPTIONS, say};
use crate::support::Project;

/// Runs `pinfold check`, for people and as JSON, and holds both and the exit code to what was seen before.
fn check(name: &str, folder: &Project, args: &[&str], code: i32) -> Value {
    let (said, status) = run(folder, args);
    let (document, again) = run(folder, &[args, &["--json"]].concat());
    insta::assert_snapshot!(name, format!("$ pinfold check {}\n{said}\n{document}", args.join(" ")));
    assert_eq!((status, again), (code, code), "{said}");
    serde_json::from_str(&document).expect("one JSON document")
}

/// What it says on both streams, and its exit code.
fn run(folder: &Project, args: &[&str]) -> (String, i32) {
    let output = folder.command().arg("check").args(args).output().expect("the command");
    let said = String::from_utf8([output.stdout, output.stderr].concat()).expect("UTF-8");
    (said, output.status.code().expect("not killed by a signal"))
}

/// The exit code, and the codes of what was found.
fn codes(folder: &Project, args: &[&str]) -> (i32, Vec<String>) {
    let (document, status) = run(folder, &[args, &["--json"]].concat());
    let document: Value = serde_json::from_str(&document).unwrap_or_else(|_| panic!("{args:?}: {document}"));
    let error = document.get("error").into_iter();
    let found = error.chain(
        document["rows"].as_array().into_iter().flatten().flat_map(|row| row["findings"].as_array().expect("findings")),
    );
    (status, found.map(|one| one["code"].as_str().expect("a code").to_owned()).collect())
}

/// A folder with nothing of pinfold's in it.
fn folder() -> Project {
    let folder = Project::new("");
    std::fs::remove_file(folder.path("pins.toml")).expect("it was there");
    folder
}

/// A folder with an npm package and what its registry says of it.
fn package() -> Project {
    let corpus = Corpus::open("attestations");
    let folder = folder();
    folder.write("cli.tgz", corpus.bytes(&format!("{PACKAGE}.tgz")));
    folder.write("evidence.json", corpus.bytes(&format!("{PACKAGE}-attestations.json")));
    folder.write("other.tgz", corpus.bytes("docs/npm-pack-novnc-novnc-1.7.0.tgz"));
    folder.write("forged.json", corpus.bytes("docs/derived-playwright-cli-0.1.1-set-flip.json"));
    folder.write("unproved.jsonl", corpus.bytes("docs/jdx__mise-sops_v3_9_0.intoto.jsonl"));
    folder.write("stale-root.json", corpus.bytes("trust/trusted_root_github_stale_2026-06.json"));
    folder.write("keys.json", corpus.bytes("trust/npm_registry_keys.json"));
    folder
}

/// @playwright/cli 0.1.1 of the corpus.
const PACKAGE: &str = "docs/mitchdenny__sigstore-dotnet-samples-data-playwright-cli-0.1.1";
const REPOSITORY: &str = "--repository=https://github.com/microsoft/playwright-cli";

// Verdicts.

#[test]
fn each_verdict() {
    let folder = package();
    let document = check("verified", &folder, &["cli.tgz", "-a", "evidence.json", REPOSITORY], 0);
    assert_eq!(document["rows"][0]["evidence"]["repository"], "https://github.com/microsoft/playwright-cli");
    let other =
        ["cli.tgz", "-a", "evidence.json", "--repository=github.com/microsoft/playwright", "--ref=refs/tags/v1.*"];
    let document = check("refused", &folder, &other, 1);
    assert!(document["rows"][0].get("evidence").is_none(), "what is refused proves nothing");
    check("refused-other-artifact", &folder, &["other.tgz", "-a", "evidence.json", REPOSITORY], 1);
    check("refused-forged", &folder, &["cli.tgz", "-a", "forged.json", REPOSITORY], 1);
    check("unverifiable", &folder, &[SOPS, "-a", "unproved.jsonl", "--owner=getsops"], 3);
    let stale = [&["cli.tgz", "-a", "evidence.json", REPOSITORY][..], &["--trusted-root=stale-root.json"]].concat();
    check("unverifiable-root", &folder, &stale, 3);
    check(
        "missing",
        &folder,
        &["cli.tgz", "-a", "evidence.json", REPOSITORY, "--predicate-type=https://x.example/v1"],
        1,
    );
    check("failed", &folder, &["cli.tgz", "-a", "absent.json", REPOSITORY], 2);
}

/// A file that the unproved document is about.
const SOPS: &str = "sha256:caec6cd9a1c92c77b9dc3c8ef7d0a0d4b1d63a0d1a9b4a5b7d4b3c2f1e0d9c8b";

#[test]
fn nobody_named_is_no_verdict() {
    let folder = package();
    check("not-judged", &folder, &["cli.tgz", "-a", "evidence.json"], 3);
    check("not-judged-unproved", &folder, &[SOPS, "-a", "unproved.jsonl"], 3);
    // What else is demanded says nobody either.
    let all = [
        "--ref=refs/tags/v0.1.1",
        "--issuer=https://token.actions.githubusercontent.com",
        "--builder=https://github.com/actions/runner/github-hosted",
        "--workflow=.github/workflows/publish.yml",
        "--package=@playwright/cli@0.1.1",
        "--deny-self-hosted",
    ];
    let (code, found) = codes(&folder, &[&["cli.tgz", "-a", "evidence.json"][..], &all].concat());
    assert_eq!((code, found), (3, ["nobody-named", "claim", "claim"].map(str::to_owned).to_vec()));
    // But what does not hold is wrong, whoever was named.
    assert_eq!(codes(&folder, &["cli.tgz", "-a", "forged.json"]), (1, vec!["log-entry-invalid".to_owned()]));
    assert_eq!(codes(&folder, &["other.tgz", "-a", "evidence.json"]), (1, vec!["subject-mismatch".to_owned()]));
}

#[test]
fn each_option_decides() {
    let folder = package();
    let check = |option: &str, expected: &str| {
        let (code, found) = codes(&folder, &["cli.tgz", "-a", "evidence.json", "--owner=microsoft", option]);
        let wanted = if expected.is_empty() { vec![] } else { vec![expected.to_owned()] };
        assert_eq!((code, found), (i32::from(!expected.is_empty()), wanted), "{option}");
    };
    check("--repository=https://github.com/Microsoft/Playwright-CLI", "");
    check("--repository=https://github.com/microsoft/playwright", "repository-mismatch");
    check("--repository-id=1", "repository-id-mismatch");
    check("--owner-id=6154722", "");
    check("--owner-id=1", "owner-id-mismatch");
    check("--workflow=.github/workflows/publish.yml", "");
    check("--workflow=.github/workflows/other.yml", "workflow-mismatch");
    check("--ref=refs/tags/v*", "");
    check("--ref=refs/heads/*", "ref-mismatch");
    check("--builder=https://github.com/actions/runner/github-hosted", "");
    check("--builder=https://github.com/actions/runner/self-hosted", "builder-mismatch");
    check("--build-type=https://slsa-framework.github.io/github-actions-buildtypes/workflow/v1", "");
    check("--build-type=https://x.example/v1", "build-type-mismatch");
    check("--predicate-type=https://slsa.dev/provenance/v1", "");
    check("--predicate-type=https://slsa.dev/provenance/v0.2", "provenance-missing");
    check("--issuer=https://token.actions.githubusercontent.com", "");
    check("--issuer=https://token.actions.githubusercontent.com/", "issuer-mismatch");
    check("--identity-regexp=^https://github.com/microsoft/playwright-cli/", "");
    check("--identity-regexp=^https://github.com/microsoft/playwright/", "identity-mismatch");
    check("--identity=https://github.com/microsoft/playwright-cli", "identity-mismatch");
    check("--deny-self-hosted", "");
    check("--min-age=1m", "");
    check("--min-age=3650d", "too-young");
    check("--package=@playwright/cli", "");
    check("--package=pkg:npm/%40playwright/cli@0.1.1", "");
    check("--package=@playwright/cli@0.1.2", "subject-name-mismatch");
    check("--subject=pkg:npm/%40playwright/cli@0.1.1", "");
    check("--subject=cli.tgz", "subject-name-mismatch");
    check("--verifier-id=https://x.example", "predicate-type-mismatch");
}

#[test]
fn an_owner_is_one_owner() {
    let folder = package();
    for (owner, code) in
        [("Microsoft", 0), ("https://github.com/microsoft", 0), ("micro", 1), ("https://example.com/microsoft", 1)]
    {
        let owner = format!("--owner={owner}");
        assert_eq!(codes(&folder, &["cli.tgz", "-a", "evidence.json", &owner]).0, code, "{owner}");
    }
}

#[test]
fn an_id_is_that_of_one_host() {
    let corpus = Corpus::open("attestations");
    let folder = folder();
    let digest = "sha256:6cdd4a1a0a49aeef47265e7bf8ec1667257b397d34d731dc7b7af349deca1cd8";
    folder.write("gitlab.json", corpus.bytes("docs/pypi__warehouse-pep740-sampleproject-1.0.0.tar.gz.provenance"));
    let code = |options: &[&str]| codes(&folder, &[&[digest, "-a", "gitlab.json"], options].concat());
    assert_eq!(code(&["--repository-id=64895736", "--issuer=https://gitlab.com"]), (0, vec![]));
    assert_eq!(
        code(&["--repository-id=64895736", "--repository=gitlab.com/pep740-example/sampleproject"]),
        (0, vec![])
    );
    // GitHub has a repository of that number too.
    assert_eq!(code(&["--repository-id=64895736"]), (1, vec!["issuer-mismatch".to_owned()]));
}

#[test]
fn an_id_vouches_for_no_workflow_elsewhere() {
    let corpus = Corpus::open("attestations");
    let folder = folder();
    folder.write(
        "reusable.json",
        corpus.bytes("docs/sigstore__sigstore-java-bundles-github-private-no-tlog-attestation.sigstore.json"),
    );
    let document: Value = serde_json::from_str(&folder.read("reusable.json")).expect("JSON");
    let payload = document["dsseEnvelope"]["payload"].as_str().expect("a payload");
    let statement: Value = serde_json::from_slice(&BASE64.decode(payload).expect("base64")).expect("JSON");
    let artifact = format!("sha256:{}", statement["subject"][0]["digest"]["sha256"].as_str().expect("a digest"));
    let id = statement["predicate"]["buildDefinition"]["internalParameters"]["github"]["repository_id"].as_str();
    let id = format!("--repository-id={}", id.expect("an id"));
    let code = |options: &[&str]| codes(&folder, &[&[artifact.as_str(), "-a", "reusable.json", &id], options].concat());
    assert_eq!(code(&[]), (1, vec!["signer-elsewhere".to_owned()]));
    let workflow = "--workflow=https://github.com/neverendingsupport/slsa-attestations/.github/workflows/attest.yml";
    assert_eq!(code(&[workflow]), (0, vec![]));
}

#[test]
fn a_key_counts_for_what_keys_sign() {
    let folder = package();
    check("key-of-registry", &folder, &["cli.tgz", "-a", "evidence.json", "--key=registry"], 0);
    assert_eq!(codes(&folder, &["cli.tgz", "-a", "evidence.json", "--key=keys.json"]), (0, vec![]));
    let keys: Value = serde_json::from_str(&folder.read("keys.json")).expect("JSON");
    let pem = |key: &Value| {
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", key["key"].as_str().expect("a key"))
    };
    folder.write("old.pem", pem(&keys["keys"][0]));
    folder.write("new.pem", pem(&keys["keys"][1]));
    assert_eq!(codes(&folder, &["cli.tgz", "-a", "evidence.json", "--key=new.pem"]), (0, vec![]));
    assert_eq!(codes(&folder, &["cli.tgz", "-a", "evidence.json", "--key=old.pem"]).0, 1);
    let unknown = ["cli.tgz", "-a", "evidence.json", "--key=new.pem", "--key-id=other"];
    assert_eq!(codes(&folder, &unknown), (3, vec!["unknown-key".to_owned()]));
    // A key says nothing of who may have a certificate: provenance by anybody is not what was asked for.
    let document: Value = serde_json::from_str(&folder.read("evidence.json")).expect("JSON");
    folder.write("provenance.json", document["attestations"][1]["bundle"].to_string());
    check("key-and-certificate", &folder, &["cli.tgz", "-a", "provenance.json", "--key=new.pem"], 1);
    // And a key vouches for no repository.
    folder.write("publish.json", document["attestations"][0]["bundle"].to_string());
    let both = ["cli.tgz", "-a", "publish.json", "--key=new.pem", REPOSITORY];
    assert_eq!(codes(&folder, &both), (1, vec!["signed-by-key".to_owned()]));
}

#[test]
fn one_wrong_document_refuses_them_all() {
    let folder = package();
    folder.write("page.json", "<!doctype html>");
    let together = |other: &str| codes(&folder, &["cli.tgz", "-a", "evidence.json", "-a", other, REPOSITORY]);
    assert_eq!(together("forged.json"), (1, vec!["log-entry-invalid".to_owned()]));
    assert_eq!(together("page.json"), (1, vec!["json-malformed".to_owned()]));
    // Could not be read, and so may be wrong: no verdict, though the other one is good.
    assert_eq!(together("absent.json"), (2, vec!["disk".to_owned()]));
    assert_eq!(codes(&folder, &["cli.tgz", "-a", "forged.json", "-a", "absent.json", REPOSITORY]).0, 1);
    // What cannot be judged is a note beside what is good.
    assert_eq!(together("unproved.jsonl"), (0, vec!["no-time".to_owned()]));
}

#[test]
fn an_artifact_is_a_file_or_a_digest() {
    let folder = package();
    let bytes = std::fs::read(folder.path("cli.tgz")).expect("a file");
    let integrity = crate::support::integrity(&bytes);
    let hex = integrity.parse::<pinfold_core::digest::Integrity>().expect("an integrity").hex();
    let code = |artifact: &str| codes(&folder, &[artifact, "-a", "evidence.json", REPOSITORY]);
    assert_eq!(code(&integrity), (0, vec![]));
    assert_eq!(code(&format!("sha512:{hex}")), (0, vec![]));
    assert_eq!(code(&format!("sha512:{}", hex.to_uppercase())), (0, vec![]));
    assert_eq!(code(&format!("sha256:{}", Sha256::of(&bytes).hex())), (3, vec!["no-common-digest".to_owned()]));
    assert_eq!(code(&format!("sha512:{}", "0".repeat(128))), (1, vec!["subject-mismatch".to_owned()]));
    // A file of such a name is no way to have another artifact checked.
    folder.write(&format!("sha512:{}", "0".repeat(128)), &bytes);
    assert_eq!(code(&format!("sha512:{}", "0".repeat(128))).0, 1);
    assert_eq!(code(&format!("./sha512:{}", "0".repeat(128))), (0, vec![]));
}

// Bad input.

#[test]
fn what_is_wrong_with_the_call_is_said() {
    let folder = folder();
    folder.write("a", "a");
    folder.write("evidence.json", "{}");
    folder.write("a.pem", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n");
    folder.write("keys.json", "{\"keys\":[]}");
    let check = |args: &[&str], code: i32, expected: &str| {
        assert_eq!(
            codes(&folder, &[args, &["-a", "evidence.json"]].concat()),
            (code, vec![expected.to_owned()]),
            "{args:?}"
        );
    };
    check(&["absent"], 2, "artifact-absent");
    check(&["https://example.com/a.tgz"], 2, "artifact-absent");
    check(&["sha256:abcd"], 2, "artifact-digest");
    check(&["sha512-AAAA"], 2, "artifact-digest");
    check(&["sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709"], 2, "artifact-weak-digest");
    check(&["."], 2, "disk");
    check(&["a", "--key=absent.pem"], 2, "disk");
    check(&["a", "--key=registry", "--key-id=x"], 2, "key-id-of-registry");
    check(&["a", "--key=a.pem"], 3, "key-malformed");
    check(&["a", "--key=keys.json"], 3, "registry-keys-empty");
    check(&["a", "--trusted-root=absent.json"], 2, "disk");
    check(&["a", "--trusted-root=a"], 3, "root-json");
    check(&["a", "--trusted-root=evidence.json"], 3, "root-shape");
    for wrong in [
        "--repository=o/r",
        "--repository=http://github.com/o/r",
        "--repository=https://github.com/o/r.git",
        "--repository=https://github.com/o",
        "--owner=a/b",
        "--owner=https://github.com",
        "--owner=",
        "--ref=v1",
        "--workflow=x.yml@v1",
        "--identity-regexp=https://",
        "--min-age=7",
        "--package=pkg:pypi/a@1.0.0",
        "--package=a@latest",
        "--key-id=x",
    ] {
        let (said, code) = run(&folder, &["a", "-a", "evidence.json", wrong]);
        assert!(code == 2 && said.starts_with("error: "), "{wrong}: {code} {said}");
    }
    assert_eq!(run(&folder, &["a"]).1, 2, "evidence is named, or there is nothing to do");
}

#[test]
fn documents_that_are_none() {
    let folder = folder();
    folder.write("a", "a");
    let check = |document: &str, code: i32, expected: &str| {
        folder.write("evidence.json", document);
        let found = codes(&folder, &["a", "-a", "evidence.json", "--owner=o"]);
        assert_eq!(found, (code, vec![expected.to_owned()]), "{document:.200}");
    };
    let digest = Sha256::of(b"a").hex();
    let statement = json!({"_type": "https://in-toto.io/Statement/v1", "predicateType": "https://slsa.dev/provenance/v1",
        "subject": [{"name": "a", "digest": {"sha256": digest}}]});
    let envelope = |statement: &Value| {
        json!({"payload": BASE64.encode(statement.to_string()), "payloadType": "application/vnd.in-toto+json",
            "signatures": [{"sig": "AAAA"}]})
    };
    let with = |pointer: &str, value: Value| {
        let mut statement = statement.clone();
        *statement.pointer_mut(pointer).expect(pointer) = value;
        envelope(&statement).to_string()
    };
    check("", 1, "json-malformed");
    check("<!doctype html><title>404</title>", 1, "json-malformed");
    check("{\"mediaType\":\"x\",\"mediaType\":\"y\"}", 1, "json-malformed");
    check(&"[".repeat(1_000), 1, "json-malformed");
    check(&format!("[{}]", " ".repeat(17 << 20)), 1, "json-too-long");
    check("{}", 1, "document-shape");
    check("{\"attestations\":[]}", 1, "document-empty");
    check("{\"attestations\":[{\"bundle\":null,\"bundle_url\":\"https://example.com/\"}]}", 1, "document-null-bundle");
    check("{\"mediaType\":\"application/vnd.dev.sigstore.bundle.v9+json\"}", 3, "bundle-media-type");
    check("{\"mediaType\":\"application/vnd.dev.sigstore.bundle.v0.3+json\"}", 1, "bundle-malformed");
    check(&envelope(&statement).to_string(), 3, "no-time");
    check(&envelope(&statement).to_string().replace("\"payload\":\"", "\"payload\":\"*"), 1, "envelope-malformed");
    check(&envelope(&statement).to_string().replace("vnd.in-toto", "vnd.other"), 1, "envelope-payload-type");
    check(&with("/_type", json!("https://in-toto.io/Statement/v9")), 1, "statement-type");
    check(&with("/subject", json!([])), 1, "statement-no-subject");
    check(&with("/subject/0/digest", json!({})), 1, "statement-no-digest");
    check(
        &with("/subject/0/digest", json!({"sha1": "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"})),
        1,
        "subject-weak-digest",
    );
    check(&with("/subject/0/digest", json!({"sha3": "00"})), 3, "no-common-digest");
}

#[test]
fn no_project_and_no_home_are_needed() {
    let folder = folder();
    folder.write("a", "a");
    folder.write("evidence.json", "[]");
    let mut command = Command::new(env!("CARGO_BIN_EXE_pinfold"));
    command.env_clear().current_dir(folder.root()).args(["check", "a", "-a", "evidence.json", "--owner=o"]);
    let output = command.output().expect("the command");
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(1), &b""[..]));
    assert_eq!(crate::support::files_below(&folder.root()), ["a", "evidence.json"], "it writes nothing");
}

// The protocol of sigstore-conformance.

#[test]
fn the_conformance_client_says_the_same() {
    let corpus = Corpus::open("attestations");
    crate::needs::program("bash");
    let folder = folder();
    let name = |rest: &str| format!("docs/sigstore__sigstore-conformance-bundle-verify-{rest}");
    for path in ["a.txt", "happy-path-v0.3-bundle.sigstore.json", "signature-mismatch_fail-bundle.sigstore.json"] {
        folder.write(path, corpus.bytes(&name(path)));
    }
    let root = "rekor2-timestamp-with-embedded-cert";
    for path in ["bundle.sigstore.json", "trusted_root.json"] {
        folder.write(path, corpus.bytes(&name(&format!("{root}-{path}"))));
    }
    let client = |args: &[&str]| {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance/client");
        let mut command = Command::new("bash");
        command.arg(path).args(args).current_dir(folder.root());
        command.env("PINFOLD", env!("CARGO_BIN_EXE_pinfold")).env("PINFOLD_TRUST", folder.trust_folder());
        let output = command.output().expect("the client");
        (output.status.code().expect("a code"), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let identity = [
        "--certificate-identity",
        "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main",
        "--certificate-oidc-issuer=https://token.actions.githubusercontent.com",
    ];
    let verify = |bundle: &str, more: &[&str], artifact: &str| {
        client(&[&["verify-bundle", "--bundle", bundle], &identity[..], more, &[artifact]].concat()).0
    };
    let digest = format!("sha256:{}", Sha256::of(&corpus.bytes(&name("a.txt"))).hex());
    assert_eq!(verify("happy-path-v0.3-bundle.sigstore.json", &[], "a.txt"), 0);
    assert_eq!(verify("happy-path-v0.3-bundle.sigstore.json", &[], &digest), 0);
    assert_eq!(verify("happy-path-v0.3-bundle.sigstore.json", &["--staging"], "a.txt"), 3);
    assert_eq!(verify("signature-mismatch_fail-bundle.sigstore.json", &[], "a.txt"), 1);
    assert_eq!(verify("bundle.sigstore.json", &["--trusted-root", "trusted_root.json"], "a.txt"), 0);
    assert_eq!(verify("bundle.sigstore.json", &["--trusted-root", "trusted_root.json", "--staging"], "a.txt"), 0);
    // What it signs `keyless.rs` tries; without a token nobody is asked.
    let (code, said) = client(&["sign-bundle", "--bundle", "x", "a.txt"]);
    assert_eq!((code, said.as_str()), (2, "client: `--identity-token` is missing\n"));
    assert!(!folder.exists("x"));
    assert_eq!(client(&["verify-bundle", "--frobnicate", "x"]).0, 2);
}

// The corpus.

/// The whole corpus through the command: what the library says of each case, the exit code says too.
#[test]
fn every_case_has_its_exit_code() {
    let corpus = Corpus::open("attestations");
    let project = Project::new("");
    write(&project, &corpus);
    let cases = corpus.text("cases.jsonl");
    let cases: Vec<Case> = cases.lines().map(Case::parse).collect();
    let next = AtomicUsize::new(0);
    let (wrong, counts) = (Mutex::new(Vec::new()), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (code, said) = judged(&project, &corpus, case);
                    let allowed: &[i32] = match case.expectation() {
                        "verified" => &[0],
                        "unverifiable" => &[3],
                        _ => &[1, 3],
                    };
                    *counts.lock().expect("no panic").entry((case.expectation(), code)).or_insert(0_usize) += 1;
                    let excused = EXCEPTIONS.iter().any(|(id, _)| *id == case.id);
                    if allowed.contains(&code) == excused {
                        let line = format!("{}: {code}, not {} ({}):\n{said}", case.id, case.expectation(), case.why);
                        wrong.lock().expect("no panic").push(line);
                    }
                }
            });
        }
    });
    let (wrong, counts) = (wrong.into_inner().expect("no panic"), counts.into_inner().expect("no panic"));
    say(&format!("corpus by the command: {} cases, (expected, exit code): {counts:?}", cases.len()));
    assert!(wrong.is_empty(), "{} cases came out wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// The files of the corpus, which has its folders among them.
fn write(project: &Project, corpus: &Corpus) {
    let is_file = |path: &&String| !corpus.files.keys().any(|other| other.starts_with(&format!("{path}/")));
    for path in corpus.files.keys().filter(is_file) {
        project.write(path, corpus.bytes(path));
    }
}

/// The exit code of `pinfold check` for a case, and all that it printed.
fn judged(project: &Project, corpus: &Corpus, case: &Case) -> (i32, String) {
    let there = |path: &str| corpus.files.contains_key(path);
    let artifact = case.artifact.clone().filter(|path| there(path)).unwrap_or_else(|| {
        let digests = case.artifact(None, &corpus.bytes(&case.attestation)).digests;
        // One case is about a document in which nothing can be read, and has none.
        let claimed = case.claimed();
        let named = digests.iter().find(|(algorithm, _)| claimed.is_empty() || claimed.contains(algorithm));
        let named = named.map(|(algorithm, digest)| format!("{algorithm}:{digest}"));
        named.unwrap_or_else(|| format!("sha256:{}", "0".repeat(64)))
    });
    let mut command = project.command();
    command.args(["check", &artifact, "--attestation", &case.attestation]);
    command.args(case.options(|path| path.to_owned()));
    let output = command.output().expect("the command");
    let said = [output.stdout, output.stderr].concat();
    let said = format!("{:?}\n{}", command.get_args().collect::<Vec<_>>(), String::from_utf8_lossy(&said));
    (output.status.code().expect("an exit code"), said)
}
