//! What whoever may attach something to an artifact makes of it where it is copied to a folder, or where there are two lists.

use pinfold::commands::oci::{self, Verify};
use pinfold::ctx::Silent;
use pinfold_evidence::policy::Policy;
use pinfold_oci::{LAYOUT_FILE, MANIFEST};
use serde_json::{Value, json};

use super::copy::{OTHER, copied, layout, scene};
use super::registry::{HOST, Knobs, Signer};
use super::{REPO, Scene, is, outcome};

const NAME: &str = "org.opencontainers.image.ref.name";

/// A stranger's manifest with these annotations; its digest.
fn attached(scene: &Scene, to: &str, notes: Value) -> String {
    let layer = scene.registry.layer("x", b"evil", json!({ "org.opencontainers.image.title": "tool" }));
    let mut manifest = scene.registry.image("application/x", &[layer], Some(to));
    manifest["annotations"] = notes;
    scene.registry.manifest(REPO, MANIFEST, &manifest)
}

/// The entries of the folder that have annotations, with their digests.
fn named(scene: &Scene, folder: &str) -> Vec<(String, Value)> {
    let index: Value = serde_json::from_str(&scene.project.read(&format!("{folder}/index.json"))).expect("JSON");
    let entries = index["manifests"].as_array().expect("a list").clone();
    let named = entries.into_iter().filter(|one| one.get("annotations").is_some());
    named.map(|one| (one["digest"].as_str().expect("a digest").to_owned(), one["annotations"].clone())).collect()
}

fn looked_at(scene: &Scene, place: &str) -> (u8, Vec<String>) {
    let (from, keys) = (place.parse().expect("a place"), vec![scene.project.path("keys/a.pem")]);
    let verify = Verify { from, keys, policy: Policy::default() };
    outcome(scene.project.with(&Silent, |ctx| oci::verify(ctx, &verify)))
}

#[test]
fn what_a_stranger_attached_takes_no_tag() {
    let sneaky = [
        json!({ NAME: "v1" }),
        json!({ NAME: "v2" }),
        json!({ NAME: "v1", "io.containerd.image.name": format!("{HOST}/{REPO}:v1") }),
        json!({ NAME: format!("{HOST}/{REPO}:v1") }),
    ];
    for (notes, referrers) in sneaky.into_iter().flat_map(|notes| [(notes.clone(), None), (notes, Some(404))]) {
        let (scene, other) = scene(Knobs::default());
        let artifact = scene.registry.artifact(REPO, "v1", &[("tool", b"good")]);
        let signature = scene.registry.attach(REPO, &artifact, &scene.signer.signature(&artifact));
        let evil = attached(&scene, &artifact, notes.clone());
        // Also one that is attached to what is attached.
        let deeper = attached(&scene, &signature, notes);
        if referrers.is_some() {
            scene.set(|knobs| knobs.referrers = referrers);
            scene.registry.fall_back(REPO, &artifact, &[signature.clone(), evil.clone()]);
            scene.registry.fall_back(REPO, &signature, std::slice::from_ref(&deeper));
        }
        for (from, tag, folder) in [
            (format!("{HOST}/{REPO}:v1"), "", "a"),
            (format!("{HOST}/{REPO}:v1"), ":v2", "b"),
            (format!("{HOST}/{REPO}@{artifact}"), ":v1", "c"),
        ] {
            let to = format!("oci-layout:{}", scene.project.path(folder).display());
            is(copied(&scene, &from, &format!("{to}{tag}"), false), 0, &[]);
            let tag = if tag.is_empty() { ":v1" } else { tag };
            assert_eq!(named(&scene, folder), [(artifact.clone(), json!({ NAME: &tag[1..] }))]);
            is(looked_at(&scene, &to), 0, &[]);
            is(looked_at(&scene, &format!("{to}{tag}")), 0, &[]);
            // On from there it is the artifact, whatever is allowed.
            let on = format!("{OTHER}/{folder}/tool:v1");
            is(copied(&scene, &to, &on, true), 0, &[]);
            assert_eq!(other.digest_of(&format!("{folder}/tool"), "v1"), artifact);
            assert_ne!(evil, artifact);
        }
        // Nobody named a tag: nothing has one.
        let to = format!("oci-layout:{}", scene.project.path("d").display());
        is(copied(&scene, &format!("{HOST}/{REPO}@{artifact}"), &to, false), 0, &[]);
        assert_eq!(named(&scene, "d"), []);
        is(looked_at(&scene, &format!("{to}@{artifact}")), 0, &[]);
        for place in [format!("{to}:v1"), format!("{to}:v2"), to] {
            is(looked_at(&scene, &place), 2, &["oci-layout-absent"]);
        }
        // Into a registry without a list of its own, from where other tools would take the name.
        let (scene, other) = (scene, other);
        other.knobs.lock().expect("no panic").referrers = Some(404);
        is(copied(&scene, &format!("{HOST}/{REPO}:v1"), &format!("{OTHER}/e/tool:v1"), false), 0, &[]);
        let list = other.bytes("e/tool", &other.digest_of("e/tool", &artifact.replace(':', "-")));
        assert!(!String::from_utf8_lossy(&list).contains(NAME), "{}", String::from_utf8_lossy(&list));
    }
}

/// Somebody who makes one of cosign's older tags stand for what another one does.
#[test]
fn older_tags_stay_what_they_are() {
    let (scene, _) = scene(Knobs::default());
    let artifact = scene.registry.artifact(REPO, "v1", &[("tool", b"good")]);
    scene.registry.attach_older(REPO, &artifact, &[scene.signer.older(&artifact)]);
    let tag = artifact.replace(':', "-");
    let signatures = scene.registry.digest_of(REPO, &format!("{tag}.sig"));
    scene.registry.tag(REPO, &format!("{tag}.sbom"), &signatures);
    is(copied(&scene, &format!("{HOST}/{REPO}:v1"), &layout(&scene, ""), false), 0, &[]);
    is(looked_at(&scene, &layout(&scene, ":v1")), 0, &[]);
}

/// A folder with one file for each blob, and this index.
fn folder(scene: &Scene, name: &str, manifests: &[(&str, Option<&str>)]) -> String {
    let mut entries = Vec::new();
    for (digest, tag) in manifests {
        let bytes = scene.registry.bytes(REPO, digest);
        let manifest: Value = serde_json::from_slice(&bytes).expect("JSON");
        let mut entry = json!({ "mediaType": MANIFEST, "digest": digest, "size": bytes.len() });
        tag.iter().for_each(|tag| entry["annotations"] = json!({ NAME: tag }));
        entries.push(entry);
        let write = |digest: &str, bytes: &[u8]| {
            let path = format!("{name}/blobs/sha256/{}", digest.trim_start_matches("sha256:"));
            scene.project.write(&path, String::from_utf8(bytes.to_vec()).expect("text"));
        };
        write(digest, &bytes);
        for blob in manifest["layers"].as_array().expect("layers").iter().chain([&manifest["config"]]) {
            let digest = blob["digest"].as_str().expect("a digest");
            write(digest, &scene.registry.blob_of(digest));
        }
    }
    let index =
        json!({ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": entries });
    scene.project.write(&format!("{name}/index.json"), index.to_string());
    scene.project.write(&format!("{name}/{}", LAYOUT_FILE.0), LAYOUT_FILE.1);
    format!("oci-layout:{}", scene.project.path(name).display())
}

#[test]
fn a_tag_that_two_have_is_nobodys() {
    let (scene, other) = scene(Knobs::default());
    let good = scene.registry.artifact(REPO, "v1", &[("tool", b"good")]);
    let signature = scene.registry.attach(REPO, &good, &scene.signer.signature(&good));
    let evil = scene.registry.artifact(REPO, "v2", &[("tool", b"evil")]);
    for (number, order) in [[&good, &evil], [&evil, &good]].iter().enumerate() {
        let [first, second] = order;
        let entries = [(first.as_str(), Some("v1")), (second.as_str(), Some("v1")), (signature.as_str(), None)];
        let place = folder(&scene, &format!("two{number}"), &entries);
        for from in [format!("{place}:v1"), place.clone()] {
            is(looked_at(&scene, &from), 1, &["oci-layout-ambiguous"]);
            is(copied(&scene, &from, &format!("{OTHER}/{REPO}:v1"), true), 1, &["oci-layout-ambiguous"]);
        }
        assert!(other.sent().is_empty());
        is(looked_at(&scene, &format!("{place}@{good}")), 0, &[]);
    }
    // The same one twice is one.
    let twice = [(good.as_str(), Some("v1")), (good.as_str(), Some("v1")), (signature.as_str(), None)];
    is(looked_at(&scene, &format!("{}:v1", folder(&scene, "twice", &twice))), 0, &[]);
    // A tag that looks like the digest of another artifact is not that artifact.
    let place = folder(&scene, "digest", &[(evil.as_str(), Some(good.as_str())), (signature.as_str(), None)]);
    is(copied(&scene, &format!("{place}@{good}"), &format!("{OTHER}/{REPO}:v1"), true), 2, &["oci-layout-absent"]);
    assert!(other.sent().is_empty());
}

#[test]
fn two_lists_of_older_signatures_are_not_none() {
    let scene = scene(Knobs::default()).0;
    let artifact = scene.registry.artifact(REPO, "v1", &[("tool", b"tool")]);
    let tag = format!("{}.sig", artifact.replace(':', "-"));
    let by = |signer: &Signer| {
        scene.registry.attach_older(REPO, &artifact, &[signer.older(&artifact)]);
        scene.registry.digest_of(REPO, &tag)
    };
    let (first, second) = (by(&Signer::new()), by(&Signer::new()));
    let entries =
        [(artifact.as_str(), Some("v1")), (first.as_str(), Some(tag.as_str())), (second.as_str(), Some(&tag))];
    let place = folder(&scene, "two", &entries);
    is(looked_at(&scene, &place), 1, &["oci-layout-ambiguous", "signature-missing"]);
    is(copied(&scene, &place, &layout(&scene, ""), true), 1, &["oci-layout-ambiguous", "signature-missing"]);
    // A good one elsewhere is as good as it was.
    let good = scene.registry.attach(REPO, &artifact, &scene.signer.signature(&artifact));
    let entries = [entries.as_slice(), &[(good.as_str(), None)]].concat();
    is(looked_at(&scene, &folder(&scene, "three", &entries)), 0, &["oci-layout-ambiguous"]);
}

/// A registry that lists what it was sent since it has a list, and keeps what was attached before under the tag.
#[test]
fn both_lists_are_read() {
    let (scene, _) = scene(Knobs::default());
    let artifact = scene.registry.artifact(REPO, "v1", &[("tool", b"tool")]);
    attached(&scene, &artifact, json!({}));
    // Attached, and listed under the tag only.
    let before = |signer: &Signer| {
        let listed = scene.registry.attach(REPO, &artifact, &signer.signature(&artifact));
        scene.registry.fall_back(REPO, &artifact, std::slice::from_ref(&listed));
        listed
    };
    let stranger = before(&Signer::new());
    let hidden = |listed: &str| {
        let registry = std::sync::Arc::clone(&scene.registry);
        let listed = listed.to_owned();
        super::between::between(&scene, &[(HOST, &scene.registry)], move |request, ask| {
            let is_list = request.url.path().contains("/referrers/");
            let key = (REPO.to_owned(), listed.clone());
            let held = if is_list { registry.manifests.lock().expect("no panic").remove(&key) } else { None };
            let answer = ask();
            if let Some(held) = held {
                registry.manifests.lock().expect("no panic").insert(key, held);
            }
            answer
        });
    };
    hidden(&stranger);
    let (from, to) = (format!("{HOST}/{REPO}:v1"), layout(&scene, ""));
    is(copied(&scene, &from, &to, true), 1, &["signature-untrusted"]);
    let own = before(&scene.signer);
    hidden(&own);
    assert_eq!(scene.verified().0, 0);
    assert_eq!(copied(&scene, &from, &to, false).0, 0);
    assert_eq!(looked_at(&scene, &to).0, 0);

    // Whoever writes rubbish there keeps nobody from what the registry lists itself.
    let (scene, _) = self::scene(Knobs::default());
    let artifact = scene.registry.artifact(REPO, "v1", &[("tool", b"tool")]);
    scene.registry.attach(REPO, &artifact, &scene.signer.signature(&artifact));
    let rubbish = scene.registry.manifest(REPO, MANIFEST, &scene.registry.image("x", &[], None));
    scene.registry.tag(REPO, &artifact.replace(':', "-"), &rubbish);
    is(scene.verified(), 0, &["oci-referrers-type"]);
    // In a folder as well.
    let (list, listed) =
        (artifact.replace(':', "-"), scene.registry.attach(REPO, &artifact, &scene.signer.signature(&artifact)));
    let entries = [(artifact.as_str(), Some("v1")), (listed.as_str(), None), (rubbish.as_str(), Some(list.as_str()))];
    is(looked_at(&scene, &folder(&scene, "rubbish", &entries)), 0, &["oci-referrers-type"]);
    scene.project.write("keys/a.pem", Signer::new().pem());
    assert_eq!(scene.verified().0, 1);
}
