//! `oci push`: nothing unsigned is ever to be seen, what a registry says it keeps is looked at, and what is sent is what
//! was looked at.

use std::sync::Arc;

use pinfold::commands::oci::push::{self, Push};
use pinfold::commands::seal::Signing;
use pinfold::ctx::Silent;
use pinfold::report::Report;
use pinfold_core::fault::Fault;
use pinfold_net::http::{Http, HttpError, Method, Request, Response};
use pinfold_sign::signer::{KeyKind, SigningKey};
use serde_json::{Value, json};

use crate::support::human;

use super::registry::{HOST, Knobs, Signer, digest};
use super::{REPO, Scene, is, outcome};

/// A scene with two files, and a key that `keys/a.pem` is the public half of.
pub(super) fn scene(knobs: Knobs) -> (Scene, String) {
    let scene = Scene::with(knobs);
    let key = SigningKey::generate(KeyKind::P256).expect("a key");
    scene.project.write("keys/a.pem", key.public_pem());
    scene.project.write("bin/tool", "#!tool");
    scene.project.write("README", "read me");
    (scene, key.to_pem(None).expect("a key").to_string())
}

pub(super) fn push(scene: &Scene, key: Option<&str>) -> Push {
    let signing = key
        .map(|pem| Signing::Key { key: SigningKey::from_pem(pem.as_bytes(), None).expect("a key"), notes: Vec::new() });
    Push {
        files: vec![scene.project.path("bin/tool"), scene.project.path("README")],
        reference: format!("{HOST}/{REPO}:v1").parse().expect("a reference"),
        artifact_type: None,
        signing,
        attestations: Vec::new(),
        allow_unsigned: false,
    }
}

pub(super) fn run(scene: &Scene, push: &Push) -> Result<Report, Fault> {
    scene.project.with(&Silent, |ctx| push::run(ctx, push))
}

pub(super) fn good(scene: &Scene, push: &Push) -> Report {
    let report = run(scene, push).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(report.exit_code(), 0, "{}", human(&report));
    report
}

/// What stands under the tag.
fn manifest(scene: &Scene) -> Value {
    let digest = scene.registry.digest_of(REPO, "v1");
    serde_json::from_slice(&scene.registry.bytes(REPO, &digest)).expect("JSON")
}

#[test]
fn nothing_unsigned_is_ever_to_be_seen() {
    for referrers in [None, Some(404), Some(400)] {
        let (scene, key) = scene(Knobs { referrers, ..Knobs::default() });
        let report = good(&scene, &push(&scene, Some(&key)));
        assert_eq!(report.rows[0].status, "pushed");
        is(scene.verified(), 0, &[]);
        let sent = scene.registry.sent();
        let artifact = scene.registry.digest_of(REPO, "v1");
        let at = |what: &str| sent.iter().position(|one| one == what).unwrap_or_else(|| panic!("{what} in {sent:?}"));
        let shown = at(&format!("manifest {artifact}"));
        assert_eq!(at("manifest v1"), shown + 1, "{sent:?}");
        assert_eq!(shown + 2, sent.len(), "{sent:?}");
        // The referrer, and the list of what is attached where the registry has none.
        let manifests = sent.iter().filter(|one| one.starts_with("manifest ")).count();
        assert_eq!(manifests, if referrers.is_some() { 4 } else { 3 }, "{sent:?}");
        if referrers.is_some() {
            assert!(at(&format!("manifest {}", artifact.replace(':', "-"))) < shown);
        }
        assert!(at(&format!("blob {}", digest(b"#!tool"))) < shown);
    }
}

#[test]
fn the_layout_is_that_of_oras_or_of_webassembly() {
    let (scene, key) = scene(Knobs::default());
    good(&scene, &push(&scene, Some(&key)));
    let made = manifest(&scene);
    assert_eq!(made["artifactType"], "application/vnd.unknown.artifact.v1");
    assert_eq!(made["config"]["mediaType"], "application/vnd.oci.empty.v1+json");
    let titles: Vec<&Value> = made["layers"]
        .as_array()
        .expect("layers")
        .iter()
        .map(|one| &one["annotations"]["org.opencontainers.image.title"])
        .collect();
    assert_eq!(titles, ["tool", "README"]);
    for (bytes, os) in [(&b"\0asm\x0d\0\x01\0"[..], "wasip2"), (b"\0asm\x01\0\0\0", "wasip1")] {
        std::fs::write(scene.project.path("bin/tool"), bytes).expect("a file");
        let one = Push { files: vec![scene.project.path("bin/tool")], ..push(&scene, Some(&key)) };
        good(&scene, &one);
        let made = manifest(&scene);
        assert_eq!(made.get("artifactType"), None);
        assert_eq!(made["config"]["mediaType"], "application/vnd.wasm.config.v0+json");
        assert_eq!(
            (made["layers"].as_array().map(Vec::len), &made["layers"][0]["mediaType"]),
            (Some(1), &json!("application/wasm"))
        );
        let config = scene.registry.blob_of(made["config"]["digest"].as_str().expect("a digest"));
        let config: Value = serde_json::from_slice(&config).expect("JSON");
        assert_eq!((&config["os"], &config["layerDigests"][0]), (&json!(os), &json!(digest(bytes))));
        good(&scene, &Push { artifact_type: Some("application/vnd.example.tool".to_owned()), ..one });
        assert_eq!(manifest(&scene)["artifactType"], "application/vnd.example.tool");
    }
}

#[test]
fn pushed_again_nothing_is_sent_again() {
    let (scene, key) = scene(Knobs { referrers: Some(404), ..Knobs::default() });
    good(&scene, &push(&scene, Some(&key)));
    let (first, list) = (scene.registry.digest_of(REPO, "v1"), manifest(&scene));
    scene.registry.sent();
    let again = good(&scene, &push(&scene, Some(&key)));
    assert!(again.rows[0].detail.contains(", 0 B sent, signed by"), "{}", again.rows[0].detail);
    assert_eq!((scene.registry.digest_of(REPO, "v1"), manifest(&scene)), (first.clone(), list));
    assert_eq!(scene.registry.sent(), [format!("manifest {first}"), "manifest v1".to_owned()]);
    // Another key signs beside the first, and what others attached stays.
    let other = SigningKey::generate(KeyKind::Ed25519).expect("a key").to_pem(None).expect("a key").to_string();
    good(&scene, &push(&scene, Some(&other)));
    is(scene.verified(), 0, &["unknown-key"]);
    let listed = scene.registry.digest_of(REPO, &first.replace(':', "-"));
    let listed: Value = serde_json::from_slice(&scene.registry.bytes(REPO, &listed)).expect("JSON");
    assert_eq!(listed["manifests"].as_array().map(Vec::len), Some(2));
}

#[test]
fn a_list_that_names_what_was_deleted_is_cleared_of_it() {
    let (scene, key) = scene(Knobs { referrers: Some(404), ..Knobs::default() });
    good(&scene, &push(&scene, Some(&key)));
    let artifact = scene.registry.digest_of(REPO, "v1");
    let listed = || {
        let list = scene.registry.digest_of(REPO, &artifact.replace(':', "-"));
        let list: Value = serde_json::from_slice(&scene.registry.bytes(REPO, &list)).expect("JSON");
        list["manifests"].as_array().expect("entries").clone()
    };
    let gone = listed()[0]["digest"].as_str().expect("a digest").to_owned();
    scene.registry.manifests.lock().expect("no panic").remove(&(REPO.to_owned(), gone.clone()));
    assert_eq!(scene.verified().0, 1);
    good(&scene, &push(&scene, Some(&key)));
    is(scene.verified(), 0, &[]);
    let listed = listed();
    assert!(listed.len() == 1 && listed[0]["digest"] != *gone, "{listed:?}");
}

#[test]
fn who_signs_nothing_has_to_say_so() {
    let (scene, _) = scene(Knobs::default());
    is(outcome(run(&scene, &push(&scene, None))), 1, &["signature-missing"]);
    assert!(scene.registry.asked().is_empty());
    let report = good(&scene, &Push { allow_unsigned: true, ..push(&scene, None) });
    assert_eq!(
        (report.rows[0].status.as_str(), report.rows[0].findings[0].code.as_str()),
        ("pushed unsigned", "unsigned-allowed")
    );
    assert!(human(&report).contains("NO SIGNATURE"), "{}", human(&report));
    is(scene.verified(), 1, &["signature-missing"]);
}

#[test]
fn a_registry_is_not_taken_at_its_word() {
    let cases: [(Knobs, u8, &str); 8] = [
        (Knobs { forgets: Some("blobs"), ..Knobs::default() }, 1, "oci-not-stored"),
        (Knobs { forgets: Some("referrers"), ..Knobs::default() }, 1, "oci-not-stored"),
        (Knobs { forgets: Some("manifests"), ..Knobs::default() }, 1, "oci-not-stored"),
        (Knobs { forgets: Some("tags"), ..Knobs::default() }, 1, "oci-not-stored"),
        (Knobs { evil: "other-digest", ..Knobs::default() }, 1, "oci-header-digest"),
        (Knobs { uploads: Some("http://127.0.0.1/elsewhere"), ..Knobs::default() }, 1, "oci-upload-location"),
        (Knobs { uploads: Some("ftp://cdn.example.com/elsewhere"), ..Knobs::default() }, 1, "oci-upload-location"),
        (Knobs { fails: 9, ..Knobs::default() }, 2, "oci-refused"),
    ];
    for (number, (knobs, exit, code)) in cases.into_iter().enumerate() {
        let (scene, key) = scene(knobs);
        let (came_out, codes) = outcome(run(&scene, &push(&scene, Some(&key))));
        assert_eq!((came_out, codes.as_slice()), (exit, [code.to_owned()].as_slice()), "{number}");
        assert!(!scene.registry.has_tag(REPO, "v1"), "{number}");
    }
    // Somebody else's artifact stands under the tag at once.
    let (scene, key) = scene(Knobs::default());
    let theirs: &'static str = Box::leak(scene.registry.artifact(REPO, "v2", &[("x", b"x")]).into_boxed_str());
    scene.set(|knobs| knobs.moves = Some(theirs));
    is(outcome(run(&scene, &push(&scene, Some(&key)))), 1, &["oci-tag-moved"]);
    // One that fails for a while is asked again.
    scene.set(|knobs| *knobs = Knobs { fails: 2, ..Knobs::default() });
    scene.project.write("README", "read me again");
    good(&scene, &push(&scene, Some(&key)));
}

#[test]
fn an_upload_goes_elsewhere_without_a_secret() {
    let challenge = "Bearer realm=\"https://oci.example.com/token\",service=\"mini\"";
    let (scene, key) = scene(Knobs {
        challenge: Some(challenge),
        uploads: Some("https://cdn.example.com/elsewhere"),
        ..Knobs::default()
    });
    good(&scene, &push(&scene, Some(&key)));
    let asked = scene.registry.asked();
    assert!(asked.iter().any(|(url, shown)| url.starts_with("https://cdn.example.com/") && shown.is_none()));
    let scope = "scope=repository:team/tool:pull%2Cpush";
    assert!(asked.iter().any(|(url, _)| url.contains(scope)), "{asked:?}");
    assert!(asked.iter().any(|(url, shown)| url.contains("/manifests/v1") && shown.is_some()));
}

/// Changes a file as soon as it is asked for where to send it.
struct Meddling(Arc<super::registry::Registry>, std::path::PathBuf);

impl Http for Meddling {
    fn exchange(&self, request: &Request<'_>) -> Result<Response, HttpError> {
        if matches!(request.method, Method::Post(_)) {
            std::fs::write(&self.1, "#!evil").expect("a file");
        }
        self.0.exchange(request)
    }
}

#[test]
fn a_file_that_changes_is_not_sent() {
    let (scene, key) = scene(Knobs::default());
    let meddling = Meddling(Arc::clone(&scene.registry), scene.project.path("bin/tool"));
    let push = push(&scene, Some(&key));
    let project = &scene.project;
    project.web.forget();
    project.web.lead(&format!("https://{HOST}/"), Arc::new(meddling));
    scene.registry.blob(b"{}");
    is(outcome(run(&scene, &push)), 1, &["push-file-changed"]);
    assert!(!scene.registry.has(&digest(b"#!tool")) && !scene.registry.has(&digest(b"#!evil")));
    assert!(!scene.registry.has_tag(REPO, "v1"));
}

#[test]
fn what_is_attached_is_about_the_artifact() {
    let (scene, key) = scene(Knobs::default());
    let attach = |bundle: &Value| {
        scene.project.write("bundle.json", bundle.to_string());
        Push { attestations: vec![scene.project.path("bundle.json")], ..push(&scene, Some(&key)) }
    };
    let (signer, slsa) = (Signer::new(), "https://slsa.dev/provenance/v1");
    // By somebody whom nobody here knows, about one of the files.
    let report = good(&scene, &attach(&signer.bundle(slsa, &digest(b"#!tool"))));
    assert_eq!(report.rows[0].findings[0].code, "unknown-key", "{}", human(&report));
    is(scene.verified(), 0, &[]);
    let elsewhere = attach(&signer.bundle(slsa, &digest(b"other")));
    is(outcome(run(&scene, &elsewhere)), 1, &["subject-mismatch"]);
    is(outcome(run(&scene, &attach(&json!({ "mediaType": "x" })))), 1, &["push-no-bundle"]);
    // Says that it is by the key that signs, and is not.
    let mut forged = signer.bundle(slsa, &digest(b"#!tool"));
    let own = SigningKey::from_pem(key.as_bytes(), None).expect("a key");
    forged["verificationMaterial"]["publicKey"]["hint"] = own.hint().into();
    is(outcome(run(&scene, &attach(&forged))), 1, &["signature-invalid"]);
    // Alone it is no signature.
    let alone = Push { signing: None, ..attach(&signer.bundle(slsa, &digest(b"#!tool"))) };
    is(outcome(run(&scene, &alone)), 1, &["signature-missing"]);
}

#[test]
fn what_cannot_be_pushed_is_said_first() {
    let (scene, key) = scene(Knobs::default());
    scene.project.write("other/tool", "x");
    let twice = Push {
        files: vec![scene.project.path("bin/tool"), scene.project.path("other/tool")],
        ..push(&scene, Some(&key))
    };
    is(outcome(run(&scene, &twice)), 2, &["push-name-twice"]);
    let name = Push { files: vec![scene.project.path("..")], ..push(&scene, Some(&key)) };
    is(outcome(run(&scene, &name)), 2, &["push-name"]);
    let reference = format!("{HOST}/{REPO}:v1@{}", digest(b"x")).parse().expect("a reference");
    is(outcome(run(&scene, &Push { reference, ..push(&scene, Some(&key)) })), 1, &["push-digest"]);
    assert!(scene.registry.asked().is_empty());
}
