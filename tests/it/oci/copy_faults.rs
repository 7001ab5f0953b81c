//! `oci copy` from sources that change, lie or have no end, and to places that are taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pinfold::commands::oci::copy;
use pinfold::ctx::Silent;
use pinfold_net::http::Method;
use pinfold_oci::{INDEX, MANIFEST, TITLE};
use serde_json::{Value, json};

use crate::support::files_below;

use super::between::{between, status};
use super::copy::{OTHER, copied, layout, scene, verified, wanted};
use super::registry::{HOST, Knobs, Signer, digest};
use super::{REPO, Scene, is, outcome};

/// An artifact with a signature.
fn signed(scene: &Scene, tag: &str, file: &[u8]) -> String {
    let artifact = scene.registry.artifact(REPO, tag, &[("tool", file)]);
    scene.registry.attach(REPO, &artifact, &scene.signer.signature(&artifact));
    artifact
}

fn places() -> (String, String) {
    (format!("{HOST}/{REPO}:v1"), format!("{OTHER}/{REPO}:v1"))
}

fn folder_is_empty(scene: &Scene) -> bool {
    !scene.project.exists("out") || files_below(&scene.project.path("out")).is_empty()
}

#[test]
fn a_list_that_is_another_one_by_then_shows_nothing_unsigned() {
    for to_folder in [false, true] {
        let (scene, other) = scene(Knobs::default());
        let artifact = signed(&scene, "v1", b"tool");
        let asked = AtomicUsize::new(0);
        between(&scene, &[(HOST, &scene.registry)], move |request, ask| {
            // The signature is listed for who judges, and not for who copies.
            let is_late = request.url.path().contains("/referrers/") && asked.fetch_add(1, Ordering::SeqCst) > 0;
            if is_late { Ok(status(404)) } else { ask() }
        });
        scene.project.web.lead(&format!("https://{OTHER}/"), Arc::clone(&other));
        let (from, to) = places();
        let to = if to_folder { layout(&scene, "") } else { to };
        is(copied(&scene, &from, &to, false), 1, &["oci-not-stored"]);
        assert!(
            !other.has_tag(REPO, "v1") && other.sent().iter().all(|one| !one.contains(&format!("manifest {artifact}")))
        );
        assert!(folder_is_empty(&scene));
    }
}

#[test]
fn what_was_judged_is_what_is_copied() {
    let (scene, other) = scene(Knobs::default());
    let artifact = signed(&scene, "v1", b"tool");
    let evil = scene.registry.artifact(REPO, "v2", &[("tool", b"evil")]);
    let registry = Arc::clone(&scene.registry);
    between(&scene, &[(HOST, &scene.registry)], move |request, ask| {
        let answer = ask();
        if request.url.path().ends_with("/manifests/v1") {
            registry.tag(REPO, "v1", &evil);
        }
        answer
    });
    scene.project.web.lead(&format!("https://{OTHER}/"), Arc::clone(&other));
    let (from, to) = places();
    is(copied(&scene, &from, &to, false), 0, &[]);
    assert_eq!(other.digest_of(REPO, "v1"), artifact);
    assert!(!other.has(&digest(b"evil")));
    is(verified(&scene, &format!("{REPO}:v1")), 0, &[]);
}

#[test]
fn a_manifest_may_be_another_ones_blob() {
    for through in [false, true] {
        let (scene, other) = scene(Knobs::default());
        let registry = &scene.registry;
        let layer = registry.layer("x", b"one", json!({ TITLE: "one" }));
        let one = registry.image("x", &[layer], None);
        let bytes = one.to_string().into_bytes();
        // One manifest is a file of the other, in both orders.
        let two = registry.image("x", &[registry.layer("x", &bytes, json!({ TITLE: "two" }))], None);
        let entries: Vec<Value> = [&one, &two, &one]
            .iter()
            .map(|manifest| {
                let digest = registry.manifest(REPO, MANIFEST, manifest);
                json!({ "mediaType": MANIFEST, "digest": digest, "size": registry.len(REPO, &digest) })
            })
            .collect();
        for (tag, order) in [("v1", [0, 1, 2]), ("v2", [1, 0, 2])] {
            let entries: Vec<&Value> = order.iter().map(|at| &entries[*at]).collect();
            let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries });
            let index = registry.manifest(REPO, INDEX, &index);
            registry.tag(REPO, tag, &index);
            registry.attach(REPO, &index, &scene.signer.signature(&index));
            let (from, to) = (format!("{HOST}/{REPO}:{tag}"), format!("{OTHER}/{REPO}:{tag}"));
            if through {
                let beside = format!("oci-layout:{}", scene.project.path(tag).display());
                is(copied(&scene, &from, &beside, false), 0, &[]);
                is(copied(&scene, &beside, &to, false), 0, &[]);
            } else {
                is(copied(&scene, &from, &to, false), 0, &[]);
            }
            assert!(other.has(&digest(&bytes)), "{tag}");
            assert_eq!(other.bytes(REPO, &digest(&bytes)), bytes, "{tag}");
        }
    }
}

#[test]
fn what_has_no_end_is_not_begun() {
    // Signatures of signatures of signatures.
    let (scene, other) = scene(Knobs::default());
    let mut end = signed(&scene, "v1", b"tool");
    for _ in 0..40 {
        end = scene.registry.attach(REPO, &end, &scene.signer.bundle("https://example.com/review", &end));
    }
    let (from, to) = places();
    is(copied(&scene, &from, &to, false), 1, &["oci-too-deep"]);
    is(copied(&scene, &from, &layout(&scene, ""), false), 1, &["oci-too-deep"]);
    assert!(!other.has_tag(REPO, "v1") && folder_is_empty(&scene));
    // A file of a petabyte, of which nobody asks for a byte.
    let mut layer = scene.registry.layer("x", b"huge", json!({ TITLE: "huge" }));
    layer["size"] = (1_u64 << 50).into();
    let huge = scene.registry.manifest(REPO, MANIFEST, &scene.registry.image("x", &[layer], None));
    scene.registry.tag(REPO, "v1", &huge);
    scene.registry.attach(REPO, &huge, &scene.signer.signature(&huge));
    scene.registry.asked();
    is(copied(&scene, &from, &to, false), 1, &["oci-too-long"]);
    assert!(scene.registry.asked().iter().all(|(url, _)| !url.contains(&format!("/blobs/{}", digest(b"huge")))));
}

/// Whoever may push there may attach what they like: gigabytes, or thousands.
#[test]
fn strangers_attach_no_end_of_bytes() {
    let (scene, other) = scene(Knobs::default());
    let artifact = signed(&scene, "v1", b"tool");
    let (from, to) = places();
    // Of a layer that is said to be long nobody asks for a byte.
    let mut layer = scene.registry.layer("x", b"long", json!({}));
    layer["size"] = (copy::MAX_ATTACHED_LEN + 1).into();
    let long = scene.registry.manifest(REPO, MANIFEST, &scene.registry.image("x", &[layer], Some(&artifact)));
    scene.registry.asked();
    is(copied(&scene, &from, &to, false), 1, &["oci-attached-length"]);
    is(copied(&scene, &from, &layout(&scene, ""), false), 1, &["oci-attached-length"]);
    assert!(scene.registry.asked().iter().all(|(url, _)| !url.ends_with(&format!("/blobs/{}", digest(b"long")))));
    assert!(!other.has_tag(REPO, "v1") && folder_is_empty(&scene));
    scene.registry.lose(&long);
    // Many that are short, all together, and those that are attached to them: the artifact's own bytes do not count.
    let layer = |bytes: &[u8]| scene.registry.layer("x", bytes, json!({}));
    let first = scene.registry.image("x", &[layer(&[b'a'; 3000])], Some(&artifact));
    let first = scene.registry.manifest(REPO, MANIFEST, &first);
    let second = scene.registry.image("x", &[layer(&[b'b'; 3000]), layer(b"tool")], Some(&first));
    scene.registry.manifest(REPO, MANIFEST, &second);
    let with = |max_attached: u64| {
        let copy = copy::Copy { max_attached, ..wanted(&scene, &from, &to, false) };
        outcome(scene.project.with(&Silent, |ctx| copy::run(ctx, &copy)))
    };
    is(with(6000), 1, &["oci-attached-length"]);
    assert!(!other.has_tag(REPO, "v1"));
    is(with(12_000), 0, &[]);
}

#[test]
fn strangers_attach_thousands() {
    let (scene, other) = scene(Knobs::default());
    let artifact = signed(&scene, "v1", b"tool");
    let attach = |to: &str, number: usize| {
        let layer = scene.registry.layer("x", number.to_string().as_bytes(), json!({}));
        scene.registry.manifest(REPO, MANIFEST, &scene.registry.image("x", &[layer], Some(to)))
    };
    // No list is too long by itself.
    let firsts: Vec<String> = (1..=4).map(|number| attach(&artifact, number)).collect();
    for first in &firsts {
        (10..=270).for_each(|number| drop(attach(first, number)));
    }
    // To the rest nothing is attached, which the registry in memory would look for everywhere.
    between(&scene, &[(HOST, &scene.registry)], move |request, ask| {
        let of = request.url.path().split_once("/referrers/").map(|(_, of)| of.to_owned());
        let is_leaf = of.is_some_and(|of| of != artifact && !firsts.contains(&of));
        if is_leaf { Ok(status(404)) } else { ask() }
    });
    scene.project.web.lead(&format!("https://{OTHER}/"), Arc::clone(&other));
    let (from, to) = places();
    is(copied(&scene, &from, &to, false), 1, &["oci-many-referrers"]);
    assert!(!other.has_tag(REPO, "v1"));
}

#[test]
fn a_place_that_is_taken_is_said_to_be() {
    let (scene, other) = scene(Knobs { referrers: Some(404), ..Knobs::default() });
    let artifact = signed(&scene, "v1", b"tool");
    let (from, to) = places();
    is(copied(&scene, &from, &layout(&scene, ""), false), 0, &[]);
    let again =
        scene.project.with(&Silent, |ctx| copy::run(ctx, &wanted(&scene, &from, &layout(&scene, ":v2"), false)));
    let failure = again.expect_err("it is there").findings().remove(0);
    assert_eq!(failure.code, "oci-layout-exists");
    assert!(failure.message.contains("out/layout") && failure.hint.is_some(), "{}", failure.message);
    for there in ["file", "link", "dangling"] {
        let path = scene.project.path(there);
        match there {
            "file" => std::fs::write(&path, "x").expect("a file"),
            "link" => std::os::unix::fs::symlink("keys", &path).expect("a link"),
            _ => std::os::unix::fs::symlink("nowhere", &path).expect("a link"),
        }
        is(copied(&scene, &from, &format!("oci-layout:{}", path.display()), false), 2, &["oci-layout-exists"]);
    }
    // Another digest than the one that is named, also in a folder.
    let named = format!("oci-layout:{}@{}", scene.project.path("named").display(), digest(b"x"));
    is(copied(&scene, &from, &named, false), 1, &["push-digest"]);
    assert!(!scene.project.exists("named"));
    let named = format!("oci-layout:{}@{artifact}", scene.project.path("named").display());
    is(copied(&scene, &from, &named, false), 0, &[]);
    // Where a registry without a list has signatures.
    let list = artifact.replace(':', "-");
    for tag in [list.clone(), format!("{list}.sig")] {
        is(copied(&scene, &from, &format!("{OTHER}/{REPO}:{tag}"), false), 2, &["push-tag-reserved"]);
    }
    assert!(other.sent().is_empty());
    // To where it is already, and beside it.
    is(copied(&scene, &from, &to, false), 0, &[]);
    is(copied(&scene, &to, &to, false), 0, &[]);
    is(copied(&scene, &to, &format!("{OTHER}/{REPO}:v2"), false), 0, &[]);
    is(verified(&scene, &format!("{REPO}:v2")), 0, &[]);
    let found: Value = serde_json::from_slice(&other.bytes(REPO, &other.digest_of(REPO, &list))).expect("JSON");
    assert_eq!(found["manifests"].as_array().map(Vec::len), Some(1));
}

#[test]
fn signatures_that_are_there_are_not_lost() {
    let (scene, other) = scene(Knobs::default());
    let artifact = scene.registry.artifact(REPO, "v1", &[("tool", b"tool")]);
    let own = scene.signer.older(&artifact);
    scene.registry.attach_older(REPO, &artifact, std::slice::from_ref(&own));
    let (from, to) = places();
    is(copied(&scene, &from, &to, false), 0, &[]);
    // Somebody signs it there, in cosign's older way: the same bytes under the same tag.
    let theirs = Signer::new().older(&artifact);
    assert_eq!(own.0, theirs.0);
    other.attach_older(REPO, &artifact, &[own.clone(), theirs.clone()]);
    let there = other.digest_of(REPO, &format!("{}.sig", artifact.replace(':', "-")));
    is(copied(&scene, &from, &to, false), 1, &["oci-tag-taken"]);
    assert_eq!(other.digest_of(REPO, &format!("{}.sig", artifact.replace(':', "-"))), there);
    // What comes may be more.
    scene.registry.attach_older(REPO, &artifact, &[theirs, own, Signer::new().older(&artifact)]);
    is(copied(&scene, &from, &to, false), 0, &["unknown-key", "unknown-key"]);
}

#[test]
fn a_folder_of_somebody_else() {
    let (scene, other) = scene(Knobs::default());
    let artifact = signed(&scene, "v1", b"tool");
    let (from, to) = places();
    let hex = |digest: &str| digest.trim_start_matches("sha256:").to_owned();
    type Case<'a> = (&'a str, &'a dyn Fn(&std::path::Path), u8, &'a str);
    let cases: [Case<'_>; 6] = [
        (
            "a pipe",
            &|folder| {
                let blob = folder.join("blobs/sha256").join(hex(&digest(b"tool")));
                std::fs::remove_file(&blob).expect("a blob");
                assert!(std::process::Command::new("mkfifo").arg(&blob).status().expect("mkfifo").success());
            },
            2,
            "disk",
        ),
        (
            "a folder",
            &|folder| {
                let blob = folder.join("blobs/sha256").join(hex(&digest(b"tool")));
                std::fs::remove_file(&blob).expect("a blob");
                std::fs::create_dir(&blob).expect("a folder");
            },
            2,
            "disk",
        ),
        (
            "a device",
            &|folder| {
                let blob = folder.join("blobs/sha256").join(hex(&artifact));
                std::fs::remove_file(&blob).expect("a blob");
                std::os::unix::fs::symlink("/dev/zero", &blob).expect("a link");
            },
            2,
            "disk",
        ),
        (
            "more",
            &|folder| {
                std::fs::write(folder.join("blobs/sha256").join(hex(&digest(b"tool"))), "tool and more")
                    .expect("a blob");
            },
            1,
            "integrity-mismatch",
        ),
        (
            "a way out",
            &|folder| {
                let text = std::fs::read_to_string(folder.join("index.json")).expect("an index");
                let text = text.replace(&artifact, "sha256:../../../../../../etc/passwd");
                std::fs::write(folder.join("index.json"), text).expect("an index");
            },
            1,
            "oci-digest",
        ),
        (
            "a manifest",
            &|folder| {
                let manifest = std::fs::read(folder.join("blobs/sha256").join(hex(&artifact))).expect("a manifest");
                std::fs::write(folder.join("index.json"), manifest).expect("an index");
            },
            1,
            "manifest-content-type",
        ),
    ];
    for (name, change, exit, code) in cases {
        let folder = scene.project.path(name);
        let place = format!("oci-layout:{}", folder.display());
        is(copied(&scene, &from, &place, false), 0, &[]);
        change(&folder);
        is(copied(&scene, &place, &to, false), exit, &[code]);
        assert!(!other.has_tag(REPO, "v1"), "{name}");
    }
    // What a tag in it is called leads nowhere.
    let place = layout(&scene, ":v1");
    is(copied(&scene, &from, &place, false), 0, &[]);
    let text = scene.project.read("out/layout/index.json").replace("\"v1\"", "\"../../../v1\\n\"");
    scene.project.write("out/layout/index.json", text);
    is(copied(&scene, &layout(&scene, ""), &to, false), 0, &[]);
    assert_eq!(other.digest_of(REPO, "v1"), artifact);
}

#[test]
fn a_folder_may_hold_thousands() {
    let (scene, other) = scene(Knobs::default());
    let artifact = signed(&scene, "v1", b"tool");
    is(copied(&scene, &format!("{HOST}/{REPO}:v1"), &layout(&scene, ""), false), 0, &[]);
    let mut index: Value = serde_json::from_str(&scene.project.read("out/layout/index.json")).expect("JSON");
    let entries = index["manifests"].as_array_mut().expect("entries");
    for number in 0..1500 {
        let manifest = scene.registry.image("x", &[], Some(&digest(format!("subject {number}").as_bytes())));
        let bytes = manifest.to_string();
        let hex = digest(bytes.as_bytes());
        scene.project.write(&format!("out/layout/blobs/sha256/{}", hex.trim_start_matches("sha256:")), &bytes);
        entries.insert(0, json!({ "mediaType": MANIFEST, "digest": hex, "size": bytes.len(), "artifactType": "application/vnd.dev.sigstore.bundle" }));
    }
    scene.project.write("out/layout/index.json", index.to_string());
    // Others' entries crowd nothing out, and stay where they are.
    is(copied(&scene, &layout(&scene, ":v1"), &format!("{OTHER}/{REPO}:v1"), false), 0, &[]);
    is(verified(&scene, &format!("{REPO}:v1")), 0, &[]);
    let kept = other.manifests.lock().expect("no panic").len();
    assert_eq!((kept, other.digest_of(REPO, "v1")), (2, artifact));
}

#[test]
fn secrets_stay_with_their_registry() {
    const REALM: &str = "Bearer realm=\"https://oci2.example.com/token\",service=\"other\"";
    let own = "Bearer realm=\"https://oci.example.com/token\",service=\"mini\"";
    let (scene, other) = scene(Knobs { challenge: Some(REALM), ..Knobs::default() });
    scene.set(|knobs| knobs.challenge = Some(own));
    signed(&scene, "v1", b"tool");
    between(&scene, &[(HOST, &scene.registry)], |request, ask| {
        assert!(!matches!(request.method, Method::Put(_) | Method::Post(_)), "nothing is sent to the source");
        ask()
    });
    scene.project.web.lead(&format!("https://{OTHER}/"), Arc::clone(&other));
    let (from, to) = places();
    is(copied(&scene, &from, &to, false), 0, &[]);
    for (registry, host) in [(&scene.registry, HOST), (&other, OTHER)] {
        let asked = registry.asked();
        assert!(asked.iter().all(|(url, _)| url.starts_with(&format!("https://{host}/"))), "{asked:?}");
        let scopes: Vec<&String> = asked.iter().map(|(url, _)| url).filter(|url| url.contains("/token?")).collect();
        let scope = if host == HOST { "team/tool:pull" } else { "team/tool:pull%2Cpush" };
        assert!(!scopes.is_empty() && scopes.iter().all(|url| url.ends_with(scope)), "{scopes:?}");
    }
    is(outcome(scene.try_verify()), 0, &[]);
}
