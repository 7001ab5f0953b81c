//! `oci pull`: nothing comes that nobody vouches for, and what comes stays in its folder.

use pinfold::commands::oci::pull::{self, Pull};
use pinfold::ctx::Silent;
use pinfold::report::Report;
use pinfold_core::fault::Fault;
use pinfold_oci::registry::OciError;
use pinfold_oci::{INDEX, MANIFEST, TITLE};
use serde_json::json;

use crate::support::{files_below, human, integrity, pin};

use super::copy::copied;
use super::registry::{HOST, Signer};
use super::{REPO, Scene, is, outcome};

fn pulled(scene: &Scene, allow_unsigned: bool) -> (u8, Vec<String>) {
    outcome(scene.project.with(&Silent, |ctx| pull::run(ctx, &wanted(scene, allow_unsigned))))
}

pub(super) fn wanted(scene: &Scene, allow_unsigned: bool) -> Pull {
    Pull { options: scene.options("v1"), out: scene.project.path("out"), allow_unsigned }
}

fn report(scene: &Scene, allow_unsigned: bool) -> Report {
    scene.project.with(&Silent, |ctx| pull::run(ctx, &wanted(scene, allow_unsigned))).expect("a report")
}

fn out(scene: &Scene) -> Vec<String> {
    files_below(&scene.project.path("out"))
}

#[test]
fn what_carries_no_signature_stays_where_it_is() {
    let scene = Scene::new();
    let digest = scene.registry.artifact(REPO, "v1", &[("bin/tool", b"tool"), ("README", b"read me")]);
    is(pulled(&scene, false), 1, &["signature-missing"]);
    assert!(!scene.project.exists("out"));
    let blobs = |scene: &Scene| scene.registry.asked().iter().filter(|(url, _)| url.contains("/blobs/")).count();
    assert_eq!(blobs(&scene), 0);
    // Let in, and said so loudly.
    let allowed = report(&scene, true);
    assert_eq!((allowed.exit_code(), allowed.rows[0].status.as_str()), (0, "pulled unsigned"), "{}", human(&allowed));
    assert_eq!(allowed.rows[0].findings[0].code, "unsigned-allowed");
    assert!(human(&allowed).contains("NO SIGNATURE"), "{}", human(&allowed));
    assert_eq!(out(&scene), ["README", "bin/tool"]);
    assert_eq!(scene.project.read("out/bin/tool"), "tool");
    // Again: everything is there, and nothing is fetched.
    blobs(&scene);
    assert_eq!(pulled(&scene, true).0, 0);
    assert_eq!(blobs(&scene), 0);
    // Signed by somebody else it is not unsigned any more.
    scene.registry.attach(REPO, &digest, &Signer::new().signature(&digest));
    is(pulled(&scene, true), 1, &["signature-untrusted"]);
    scene.registry.attach(REPO, &digest, &scene.signer.signature(&digest));
    let signed = report(&scene, false);
    assert_eq!((signed.exit_code(), signed.rows[0].status.as_str()), (0, "pulled"), "{}", human(&signed));
    assert!(signed.rows[0].evidence.is_some());
}

#[test]
fn what_killed_ones_left_is_removed_and_pinned_trees_are_left_alone() {
    let scene = Scene::new();
    scene.registry.artifact(REPO, "v1", &[("bin/tool", b"tool"), ("README", b"read me")]);
    scene.project.write("out/bin/.tool.0123456789abcdef.partial", "half");
    assert_eq!(pulled(&scene, true).0, 0);
    assert_eq!(out(&scene), ["README", "bin/tool"]);
    // A copy is a folder that is put together beside its place.
    scene.project.write("copies/.one.0123456789abcdef.partial/blobs/x", "half");
    let copy = |to: &str| {
        let to = format!("oci-layout:{}:v1", scene.project.path(to).display());
        copied(&scene, &format!("{HOST}/{REPO}:v1"), &to, true)
    };
    is(copy("copies/one"), 0, &["unsigned-allowed"]);
    assert_eq!(pinfold_core::fs::names(&scene.project.path("copies")).expect("names"), ["one"]);
    // Nor does either write where a pin has its tree.
    scene.project.pins(&pin("x", "file = \"x.tgz\"", &integrity(b"x"), ""));
    let wanted = Pull { out: scene.project.path("vendor/x/sub"), ..wanted(&scene, true) };
    is(outcome(scene.project.with(&Silent, |ctx| pull::run(ctx, &wanted))), 2, &["out-reserved"]);
    is(copy("vendor/x"), 2, &["out-reserved"]);
    assert!(!scene.project.exists("vendor"));
}

#[test]
fn invalid_untrusted_and_misdirected_are_never_let_in() {
    let wrong: [fn(&Scene, &str); 4] = [
        |scene, digest| drop(scene.registry.attach(REPO, digest, &Signer::new().signature(digest))),
        |scene, digest| {
            let elsewhere = scene.registry.artifact(REPO, "v2", &[("x", b"x")]);
            scene.registry.attach(REPO, digest, &scene.signer.signature(&elsewhere));
        },
        |scene, digest| {
            let mut forged = Signer::new().signature(digest);
            forged["verificationMaterial"]["publicKey"]["hint"] = scene.signer.hint().into();
            scene.registry.attach(REPO, digest, &forged);
        },
        |scene, digest| drop(scene.registry.attach(REPO, digest, &json!({ "mediaType": "x" }))),
    ];
    for (number, attach) in wrong.iter().enumerate() {
        let scene = Scene::new();
        let digest = scene.registry.artifact(REPO, "v1", &[("tool", b"tool")]);
        attach(&scene, &digest);
        assert_ne!(pulled(&scene, true).0, 0, "{number}");
        assert!(!scene.project.exists("out"), "{number}");
    }
}

#[test]
fn a_title_is_a_strangers_path() {
    let check = |titles: &[&str], code: &str| {
        let scene = Scene::new();
        let files: Vec<(&str, &[u8])> = titles.iter().map(|title| (*title, title.as_bytes())).collect();
        let digest = scene.registry.artifact(REPO, "v1", &files);
        scene.registry.attach(REPO, &digest, &scene.signer.signature(&digest));
        is(pulled(&scene, false), 1, &[code]);
        assert!(out(&scene).is_empty(), "{titles:?}");
        assert_eq!(files_below(&scene.project.root()), ["keys/a.pem", "pins.toml"]);
    };
    for title in ["../x", "/etc/x", "a/../../x", "", ".", "a//b", "a\\b", "a\nb", "C:x"] {
        check(&[title], "title-path");
    }
    for title in [
        ".git/hooks/post-checkout",
        ".GIT/config",
        "a/.git/config",
        ".g\u{200c}it/config",
        "git~1/config",
        ".pinfold/tool.json",
        "a/.PINFOLD/x",
        "pins.toml",
        "a/PINS.toml",
        "a/.git",
        "GIT~1",
        ".git./config",
        ".git ::$x/config",
        "pins.toml.",
    ] {
        check(&[title], "title-reserved");
    }
    // git looks for a shape, whatever the folder is called.
    check(&["HEAD", "config", "objects/x", "refs/heads/x"], "title-reserved");
    check(&["a/b/head", "a/b/Objects", "a/b/refs"], "title-reserved");
    check(&["a/HEAD", "a/commondir"], "title-reserved");
    check(&["a", "a"], "title-twice");
    check(&["a", "A"], "title-twice");
    check(&["a", "a/b"], "title-twice");
    check(&["good", "../bad"], "title-path");
}

#[test]
fn two_artifacts_make_no_repository_together() {
    let scene = Scene::new();
    let pull = |files: &[&str]| {
        let files: Vec<(&str, &[u8])> = files.iter().map(|title| (*title, title.as_bytes())).collect();
        let digest = scene.registry.artifact(REPO, "v1", &files);
        scene.registry.attach(REPO, &digest, &scene.signer.signature(&digest));
        pulled(&scene, false)
    };
    is(pull(&["a/HEAD", "a/config", "README"]), 0, &["pulled-file"; 3]);
    is(pull(&["a/objects/x"]), 0, &["pulled-file"]);
    is(pull(&["a/refs/x"]), 1, &["title-reserved"]);
    assert!(!scene.project.exists("out/a/refs"));
    // A folder that is one already is its owner's.
    scene.project.write("out/a/refs/y", "");
    is(pull(&["a/z", "z"]), 0, &["pulled-file"; 2]);
}

#[test]
fn what_is_there_already_stays() {
    let scene = Scene::new();
    let digest = scene.registry.artifact(REPO, "v1", &[("a", b"a"), ("b", b"b")]);
    scene.registry.attach(REPO, &digest, &scene.signer.signature(&digest));
    scene.project.write("out/b", "mine");
    is(pulled(&scene, false), 2, &["file-exists"]);
    assert_eq!((out(&scene), scene.project.read("out/b").as_str()), (vec!["b".to_owned()], "mine"));
    std::fs::remove_file(scene.project.path("out/b")).expect("a file");
    // A link in the folder leads nowhere.
    std::os::unix::fs::symlink(scene.project.path("keys"), scene.project.path("out/b")).expect("a link");
    is(pulled(&scene, false), 2, &["file-exists"]);
    let digest = scene.registry.artifact(REPO, "v1", &[("b/a.pem", b"x")]);
    scene.registry.attach(REPO, &digest, &scene.signer.signature(&digest));
    is(pulled(&scene, false), 2, &["disk"]);
    assert_eq!(scene.project.read("keys/a.pem"), scene.signer.pem());
}

#[test]
fn nothing_is_in_its_place_before_all_is_whole() {
    let scene = Scene::new();
    let digest = scene.registry.artifact(REPO, "v1", &[("a", b"first"), ("b", b"second")]);
    scene.registry.attach(REPO, &digest, &scene.signer.signature(&digest));
    scene.registry.rot(&super::registry::digest(b"second"));
    is(pulled(&scene, false), 1, &["integrity-mismatch"]);
    assert!(out(&scene).is_empty());
}

#[test]
fn many_files_come_together_or_not_at_all() {
    let names: Vec<String> = (0..20).map(|number| format!("folder/{number:02}")).collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), name.as_bytes())).collect();
    let scene = Scene::new();
    let digest = scene.registry.artifact(REPO, "v1", &files);
    scene.registry.attach(REPO, &digest, &scene.signer.signature(&digest));
    // What was fetched when one of them turned out wrong goes again, and only that one is told.
    let bad = super::registry::digest(files[13].1);
    scene.registry.rot(&bad);
    is(pulled(&scene, false), 1, &["integrity-mismatch"]);
    assert!(out(&scene).is_empty(), "{:?}", out(&scene));
    scene.registry.rot(&bad);
    assert_eq!(report(&scene, false).rows[0].detail.split(',').next(), Some("20 files"));
    assert_eq!(out(&scene), names);
    assert!(names.iter().all(|name| scene.project.read(&format!("out/{name}")) == *name));
}

#[test]
fn of_an_index_one_platform_comes() {
    let scene = Scene::new();
    let entry = |platform: &str| {
        let layer = scene.registry.layer("x", platform.as_bytes(), json!({ TITLE: "tool" }));
        let digest = scene.registry.manifest(REPO, MANIFEST, &scene.registry.image("x", &[layer], None));
        let (os, architecture) = platform.split_once('/').expect("two words");
        let size = scene.registry.len(REPO, &digest);
        json!({ "mediaType": MANIFEST, "digest": digest, "size": size, "platform": { "os": os, "architecture": architecture } })
    };
    let entries = [entry("linux/amd64"), entry("linux/arm64")];
    let index =
        scene.registry.manifest(REPO, INDEX, &json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries }));
    scene.registry.tag(REPO, "v1", &index);
    scene.registry.attach(REPO, &index, &scene.signer.signature(&index));
    is(pulled(&scene, false), 1, &["oci-platform-needed"]);
    let mut pull = wanted(&scene, false);
    pull.options.platform = Some("linux/arm64".parse().expect("a platform"));
    is(outcome(scene.project.with(&Silent, |ctx| pull::run(ctx, &pull))), 0, &["pulled-file"]);
    assert_eq!(scene.project.read("out/tool"), "linux/arm64");
}

#[test]
fn what_cannot_be_read_is_told_before_what_is_missing() {
    let scene = Scene::new();
    let digest = scene.registry.artifact(REPO, "v1", &[("a", b"a")]);
    let bundle = scene.signer.signature(&digest);
    scene.registry.attach(REPO, &digest, &bundle);
    scene.registry.rot(&super::registry::digest(bundle.to_string().as_bytes()));
    let report = scene.project.with(&Silent, |ctx| pull::run(ctx, &wanted(&scene, true))).expect("a report");
    is(outcome(Ok(report.clone())), 1, &["integrity-mismatch", "signature-missing"]);
    assert!(human(&report).contains("beside that, the artifact carries no signature"), "{}", human(&report));
}

#[test]
fn what_could_not_be_written_is_told_with_its_cause() {
    let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
    let error = Fault::from(OciError::Sink(full));
    assert_eq!(error.findings()[0].message, "what came could not be written: no storage space");
}
