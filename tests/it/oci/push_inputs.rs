//! What `oci push` is given: files of every kind, tags that are taken, and identities that sign.

use std::os::unix::ffi::OsStrExt as _;

use pinfold::commands::oci::push::Push;
use serde_json::Value;

use crate::keyless::loopback::{EMAIL, Faults, GOOD, ISSUER, sigstore, token};

use super::push::{good, push, run, scene};
use super::registry::{HOST, Knobs, digest};
use super::servers::Server;
use super::{REPO, is, outcome};

#[test]
fn only_files_that_somebody_can_pull_are_pushed() {
    let (scene, key) = scene(Knobs::default());
    let project = &scene.project;
    let name = |bytes: &[u8]| {
        let path = project.root().join(std::ffi::OsStr::from_bytes(bytes));
        std::fs::write(&path, "x").expect("a file");
        path
    };
    for bytes in [&b"a\nb"[..], b"a\x1b[31m", b"a\\b", b"c:x", b"\xff\xfe", b".git", b".GIT"] {
        let failure = run(&scene, &Push { files: vec![name(bytes)], ..push(&scene, Some(&key)) }).expect_err("no name");
        assert_eq!(failure.findings()[0].code, "push-name", "{bytes:?}");
        assert!(!failure.to_string().contains(char::is_control), "{failure}");
    }
    let fifo = project.path("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status().expect("mkfifo");
    assert!(made.success());
    for path in [fifo, project.path("bin"), project.path("nothing"), "/dev/null".into()] {
        is(outcome(run(&scene, &Push { files: vec![path], ..push(&scene, Some(&key)) })), 2, &["disk"]);
    }
    let many = vec![project.path("README"); 4097];
    is(outcome(run(&scene, &Push { files: many, ..push(&scene, Some(&key)) })), 2, &["push-too-many"]);
    assert!(scene.registry.asked().is_empty());
    // What a link leads to is what whoever names it means; nothing at all is a file too.
    std::os::unix::fs::symlink("bin/tool", project.path("link")).expect("a link");
    project.write("empty", "");
    let files = vec![project.path("link"), project.path("empty")];
    good(&scene, &Push { files, ..push(&scene, Some(&key)) });
    assert!(scene.registry.has(&digest(b"#!tool")) && scene.registry.has(&digest(b"")));
    is(scene.verified(), 0, &[]);
}

#[test]
fn the_tags_of_signatures_are_not_written_over() {
    let (scene, key) = scene(Knobs { referrers: Some(404), ..Knobs::default() });
    good(&scene, &push(&scene, Some(&key)));
    let list = scene.registry.digest_of(REPO, "v1").replace(':', "-");
    scene.registry.asked();
    for tag in [list.clone(), format!("{list}.sig"), format!("{list}.att"), format!("{list}.sbom")] {
        let reference = format!("{HOST}/{REPO}:{tag}").parse().expect("a reference");
        is(outcome(run(&scene, &Push { reference, ..push(&scene, Some(&key)) })), 2, &["push-tag-reserved"]);
    }
    assert!(scene.registry.asked().is_empty());
    for tag in ["sha256-abc", "sha256", "v1.sig"] {
        let reference = format!("{HOST}/{REPO}:{tag}").parse().expect("a reference");
        good(&scene, &Push { reference, ..push(&scene, Some(&key)) });
    }
}

#[test]
fn what_a_tag_stood_for_is_told() {
    let (scene, key) = scene(Knobs::default());
    good(&scene, &push(&scene, Some(&key)));
    let first = scene.registry.digest_of(REPO, "v1");
    let again = good(&scene, &push(&scene, Some(&key)));
    assert!(again.rows[0].findings.is_empty());
    scene.project.write("README", "read something else");
    let report = good(&scene, &push(&scene, Some(&key)));
    let finding = &report.rows[0].findings[0];
    assert_eq!(
        (finding.code.as_str(), finding.message.contains(&first)),
        ("tag-replaced", true),
        "{}",
        finding.message
    );
    // A digest beside the tag is held to before anything is asked.
    scene.registry.asked();
    let reference = format!("{HOST}/{REPO}:v1@{first}").parse().expect("a reference");
    is(outcome(run(&scene, &Push { reference, ..push(&scene, Some(&key)) })), 1, &["push-digest"]);
    assert!(scene.registry.asked().is_empty());
}

/// By the real command, against a Sigstore and a registry on loopback.
#[test]
fn an_identity_signs_what_is_pushed() {
    let server = sigstore();
    for (case, faults, exit, code) in [
        ("good", Faults { version: 2, ..GOOD }, 0, None),
        ("proof", Faults { log: "wrong-proof", ..GOOD }, 1, Some("log-entry-wrong")),
        ("stranger", Faults { authority: "other-email", ..GOOD }, 1, Some("certificate-other-identity")),
        ("no-proof", Faults { log: "no-proof", ..GOOD }, 2, Some("service-answer")),
        ("down", Faults { authority: "500", ..GOOD }, 2, None),
    ] {
        for options in [&[][..], &["referrers=off"]] {
            let registry = Server::python(options);
            let project = crate::support::Project::new("");
            project.write("token", token());
            project.write("tool", "#!tool");
            project.write("config.json", server.config(&format!("push-{case}"), faults).to_string());
            let reference = format!("127.0.0.1:{}/team/tool:v1", registry.port);
            let root = server.root();
            let mut command = project.command();
            command.args(["oci", "push", "tool", &reference, "--keyless", "--signing-config", "config.json", "--json"]);
            command.args(["--signing-root", &root, "--identity-token-file", "token"]);
            let output = command.output().expect("the command");
            let said = String::from_utf8([output.stdout, output.stderr].concat()).expect("UTF-8");
            assert_eq!(output.status.code(), Some(exit), "{case}: {said}");
            for part in token().split('.') {
                assert!(!said.contains(&part[..20]), "the token was told: {said}");
            }
            let found: Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}"));
            if let Some(code) = code {
                assert_eq!(found["error"]["code"], code, "{case}: {said}");
            }
            let dump: Value = serde_json::from_str(&registry.dump()).expect("JSON");
            let manifests = dump["manifests"].as_array().expect("manifests").len();
            let verify = |more: &[&str]| {
                let mut command = project.command();
                command.args(["oci", "verify", &reference, "--trusted-root", &root]).args(more);
                command.output().expect("the command").status.code()
            };
            if exit != 0 {
                assert_eq!((manifests, dump["blobs"].get(digest(b"#!tool"))), (0, None), "{case}: {dump}");
                assert_eq!(verify(&["--identity", EMAIL, "--issuer", ISSUER]), Some(2), "{case}");
                continue;
            }
            assert!(said.contains(EMAIL), "{said}");
            assert_eq!(verify(&["--identity", EMAIL, "--issuer", ISSUER]), Some(0), "{case}");
            assert_eq!(verify(&["--identity", "else@example.com", "--issuer", ISSUER]), Some(1), "{case}");
        }
    }
}
