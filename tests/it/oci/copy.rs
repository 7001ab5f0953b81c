//! `oci copy`: with everything that is attached, no digest changed, and a folder that is whole or not there.

use std::sync::Arc;

use pinfold::commands::oci::copy::{self, Copy};
use pinfold::commands::oci::{self, Options};
use pinfold::ctx::Silent;
use pinfold::report::Report;
use pinfold_evidence::policy::Policy;
use pinfold_oci::{INDEX, MANIFEST, TITLE};
use serde_json::json;

use crate::support::{files_below, human};

use super::registry::{HOST, Knobs, Registry, Signer, digest};
use super::{REPO, Scene, is, outcome};

pub(super) const OTHER: &str = "oci2.example.com";

/// A scene with a second registry, which has nothing.
pub(super) fn scene(knobs: Knobs) -> (Scene, Arc<Registry>) {
    let (scene, other) = (Scene::new(), Arc::new(Registry::with(knobs)));
    scene.project.web.lead(&format!("https://{OTHER}/"), Arc::clone(&other));
    (scene, other)
}

pub(super) fn copied(scene: &Scene, from: &str, to: &str, allow_unsigned: bool) -> (u8, Vec<String>) {
    outcome(scene.project.with(&Silent, |ctx| copy::run(ctx, &wanted(scene, from, to, allow_unsigned))))
}

pub(super) fn wanted(scene: &Scene, from: &str, to: &str, allow_unsigned: bool) -> Copy {
    Copy {
        from: from.parse().expect("a place"),
        to: to.parse().expect("a place"),
        keys: vec![scene.project.path("keys/a.pem")],
        policy: Policy::default(),
        allow_unsigned,
        max_attached: copy::MAX_ATTACHED_LEN,
    }
}

/// How `oci verify` ends at the other registry.
pub(super) fn verified(scene: &Scene, name: &str) -> (u8, Vec<String>) {
    let reference = format!("{OTHER}/{name}").parse().expect("a reference");
    let options = Options { reference, ..scene.options("v1") };
    outcome(scene.project.with(&Silent, |ctx| oci::verify(ctx, &(&options).into())))
}

pub(super) fn layout(scene: &Scene, tag: &str) -> String {
    format!("oci-layout:{}{tag}", scene.project.path("out/layout").display())
}

/// An index of two platforms, signed, each with a signature of its own, in all of cosign's forms; and provenance of a
/// signature.
pub(super) fn everything(scene: &Scene) -> (String, Vec<String>) {
    let registry = &scene.registry;
    let mut all = Vec::new();
    let entries: Vec<_> = ["linux/amd64", "linux/arm64"]
        .iter()
        .map(|platform| {
            let layer = registry.layer("x", platform.as_bytes(), json!({ TITLE: "tool" }));
            let digest = registry.manifest(REPO, MANIFEST, &registry.image("x", &[layer], None));
            all.push(registry.attach(REPO, &digest, &scene.signer.signature(&digest)));
            let (os, architecture) = platform.split_once('/').expect("two words");
            let size = registry.len(REPO, &digest);
            all.push(digest.clone());
            json!({ "mediaType": MANIFEST, "digest": digest, "size": size, "platform": { "os": os, "architecture": architecture } })
        })
        .collect();
    let index =
        registry.manifest(REPO, INDEX, &json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries }));
    registry.tag(REPO, "v1", &index);
    let signature = registry.attach(REPO, &index, &scene.signer.signature(&index));
    all.push(registry.attach(REPO, &signature, &scene.signer.bundle("https://example.com/review", &signature)));
    registry.attach_older(REPO, &index, &[scene.signer.older(&index)]);
    all.push(registry.digest_of(REPO, &format!("{}.sig", index.replace(':', "-"))));
    all.extend([signature, index.clone()]);
    (index, all)
}

#[test]
fn everything_that_is_attached_goes_with_it() {
    for referrers in [None, Some(404)] {
        for through in [false, true] {
            let (scene, other) = scene(Knobs { referrers, ..Knobs::default() });
            let (index, all) = everything(&scene);
            let (from, to) = (format!("{HOST}/{REPO}:v1"), format!("{OTHER}/air/gap:v1"));
            if through {
                is(copied(&scene, &from, &layout(&scene, ""), false), 0, &[]);
                is(copied(&scene, &layout(&scene, ":v1"), &to, false), 0, &[]);
            } else {
                is(copied(&scene, &from, &to, false), 0, &[]);
            }
            for digest in &all {
                assert_eq!(other.bytes("air/gap", digest), scene.registry.bytes(REPO, digest), "{through} {digest}");
            }
            assert_eq!(other.digest_of("air/gap", "v1"), index);
            is(verified(&scene, "air/gap:v1"), 0, &[]);
            for part in &all[..4] {
                if !scene.registry.bytes(REPO, part).windows(7).any(|window| window == b"subject") {
                    is(verified(&scene, &format!("air/gap@{part}")), 0, &[]);
                }
            }
            // The artifact itself comes when all else is there.
            let sent = other.sent();
            assert_eq!(sent[sent.len() - 2..], [format!("manifest {index}"), "manifest v1".to_owned()]);
            // Again: the same, and no blob goes twice.
            is(copied(&scene, &from, &to, false), 0, &[]);
            assert!(other.sent().iter().all(|one| !one.starts_with("blob ")));
            is(verified(&scene, "air/gap:v1"), 0, &[]);
        }
    }
}

#[test]
fn what_nobody_signed_is_not_copied() {
    let (scene, other) = scene(Knobs::default());
    let artifact = scene.registry.artifact(REPO, "v1", &[("tool", b"tool")]);
    let (from, to) = (format!("{HOST}/{REPO}:v1"), format!("{OTHER}/{REPO}:v1"));
    is(copied(&scene, &from, &to, false), 1, &["signature-missing"]);
    is(copied(&scene, &from, &layout(&scene, ""), false), 1, &["signature-missing"]);
    assert!(other.asked().is_empty() && !scene.project.exists("out"));
    is(copied(&scene, &from, &layout(&scene, ""), true), 0, &["unsigned-allowed"]);
    // Out of the folder it is as little signed.
    is(copied(&scene, &layout(&scene, ""), &to, false), 1, &["signature-missing"]);
    let report: Report =
        scene.project.with(&Silent, |ctx| copy::run(ctx, &wanted(&scene, &from, &to, true))).expect("a report");
    assert_eq!(report.rows[0].status, "copied unsigned");
    assert!(human(&report).contains("NO SIGNATURE"), "{}", human(&report));
    // By somebody else it is not unsigned.
    scene.registry.attach(REPO, &artifact, &Signer::new().signature(&artifact));
    let report = scene.project.with(&Silent, |ctx| copy::run(ctx, &wanted(&scene, &from, &to, true)));
    // The key is called as `keygen` called it.
    assert!(human(report.as_ref().expect("a report")).contains("unknown key `SHA256:"), "{report:?}");
    is(outcome(report), 1, &["signature-untrusted"]);
    // Another artifact than the one that is named.
    let named = format!("{to}@{}", digest(b"x"));
    is(copied(&scene, &from, &named, true), 1, &["push-digest"]);
}

#[test]
fn a_folder_is_whole_or_not_there() {
    let (scene, other) = scene(Knobs::default());
    let artifact = scene.registry.artifact(REPO, "v1", &[("a", b"first"), ("b", b"second")]);
    scene.registry.attach(REPO, &artifact, &scene.signer.signature(&artifact));
    let from = format!("{HOST}/{REPO}:v1");
    scene.registry.rot(&digest(b"second"));
    is(copied(&scene, &from, &layout(&scene, ""), false), 1, &["integrity-mismatch"]);
    assert!(files_below(&scene.project.path("out")).is_empty());
    assert_eq!(std::fs::read_dir(scene.project.path("out")).expect("a folder").count(), 0);
    scene.registry.blob(b"second");
    is(copied(&scene, &from, &layout(&scene, ":other"), false), 0, &[]);
    assert!(scene.project.read("out/layout/index.json").contains("\"other\""));
    // What is there stays.
    let before = files_below(&scene.project.path("out"));
    is(copied(&scene, &from, &layout(&scene, ""), false), 2, &["oci-layout-exists"]);
    assert_eq!(files_below(&scene.project.path("out")), before);
    // What is in a folder is as little believed as what a registry sends.
    let blob = format!("out/layout/blobs/sha256/{}", digest(b"first").trim_start_matches("sha256:"));
    scene.project.write(&blob, "f1rst");
    is(copied(&scene, &layout(&scene, ":other"), &format!("{OTHER}/{REPO}:v1"), false), 1, &["integrity-mismatch"]);
    assert!(!other.has(&digest(b"first")) && !other.has_tag(REPO, "v1"));
    is(copied(&scene, &layout(&scene, ":v9"), &format!("{OTHER}/{REPO}:v1"), false), 2, &["oci-layout-absent"]);
}

#[test]
fn a_registry_that_keeps_nothing_is_noticed() {
    for forgets in ["blobs", "referrers", "manifests", "tags"] {
        let (scene, _) = scene(Knobs { forgets: Some(forgets), ..Knobs::default() });
        let artifact = scene.registry.artifact(REPO, "v1", &[("a", b"first")]);
        scene.registry.attach(REPO, &artifact, &scene.signer.signature(&artifact));
        let to = format!("{OTHER}/{REPO}:v1");
        is(copied(&scene, &format!("{HOST}/{REPO}:v1"), &to, false), 1, &["oci-not-stored"]);
        assert!(files_below(&scene.project.store_folder()).iter().all(|name| !name.contains("copied")));
    }
}
