//! Signatures in every container that there is: those that are read count wherever they are attached, and whatever else may
//! be one is never taken for none.

use pinfold::commands::oci::pull;
use pinfold::ctx::Silent;
use pinfold::install::Conduct;
use pinfold_oci::{INDEX, MANIFEST, TITLE};
use serde_json::{Value, json};

use crate::support::{codes, human};

use super::copy::{OTHER, copied, layout, scene, verified};
use super::pull::wanted;
use super::registry::{HOST, Knobs, Signer};
use super::{REPO, Scene, is, outcome};

const TOOL: &[u8] = b"#!tool";
const LENIENT: &str = "format = \"raw\"\n[pins.tool.signature]\nmode = \"lenient\"\nkeys = [\"keys/a.pem\"]";

fn pulled(scene: &Scene, allow_unsigned: bool) -> (u8, Vec<String>) {
    outcome(scene.project.with(&Silent, |ctx| pull::run(ctx, &wanted(scene, allow_unsigned))))
}

/// How a fetch of a pin with these tables ends.
fn fetched(scene: &Scene, artifact: &str, tables: &str) -> (u8, Vec<String>) {
    let _ = std::fs::remove_dir_all(scene.project.path(".pinfold"));
    let _ = std::fs::remove_dir_all(scene.project.path("vendor"));
    super::pins::pinned(scene, artifact, TOOL, tables);
    let report = scene.project.try_fetch(Conduct::default()).expect("a report");
    (report.exit_code(), codes(&report).into_iter().map(str::to_owned).collect())
}

/// Each way in, with all that lets in what has no signature.
fn stays_out(scene: &Scene, artifact: &str, code: &str, what: &str) {
    let first = |(exit, codes): (u8, Vec<String>)| (exit, codes.first().cloned().unwrap_or_default());
    let refused = (1, code.to_owned());
    let from = format!("{HOST}/{REPO}:v1");
    assert_eq!(first(scene.verified()), refused, "{what}");
    assert_eq!(first(pulled(scene, true)), refused, "{what}");
    assert_eq!(first(copied(scene, &from, &format!("{OTHER}/{REPO}:v1"), true)), refused, "{what}");
    assert_eq!(first(copied(scene, &from, &layout(scene, ""), true)), refused, "{what}");
    assert_eq!(first(fetched(scene, artifact, LENIENT)), refused, "{what}");
    assert!(!scene.project.exists("out") && !scene.project.exists("vendor/tool"), "{what}");
}

#[test]
fn cosigns_older_form_is_read_as_a_referrer() {
    for referrers in [None, Some(404)] {
        let (scene, other) = scene(Knobs::default());
        scene.set(|knobs| knobs.referrers = referrers);
        let artifact = scene.registry.artifact(REPO, "v1", &[("tool", TOOL)]);
        let attach = |scene: &Scene, signature: &(String, String)| {
            let one = scene.registry.attach_older_referrer(REPO, &artifact, signature);
            scene.registry.fall_back(REPO, &artifact, std::slice::from_ref(&one));
            one
        };
        // A stranger's, one about something else, one that is forged.
        let stranger = attach(&scene, &Signer::new().older(&artifact));
        stays_out(&scene, &artifact, "signature-untrusted", "a stranger's");
        scene.registry.lose(&stranger);
        let elsewhere = scene.registry.artifact(REPO, "v2", &[("x", b"x")]);
        let misdirected = attach(&scene, &scene.signer.older(&elsewhere));
        stays_out(&scene, &artifact, "subject-mismatch", "another artifact's");
        scene.registry.lose(&misdirected);
        let (payload, signature) = scene.signer.older(&artifact);
        let forged = attach(&scene, &(payload.replace("\"optional\"", "\"Optional\""), signature));
        stays_out(&scene, &artifact, "signature-untrusted", "forged");
        scene.registry.lose(&forged);
        // The right one counts, wherever it is asked for.
        attach(&scene, &scene.signer.older(&artifact));
        is(scene.verified(), 0, &[]);
        assert_eq!(pulled(&scene, false).0, 0);
        assert_eq!(fetched(&scene, &artifact, super::pins::STRICT), (0, vec![]));
        let from = format!("{HOST}/{REPO}:v1");
        other.knobs.lock().expect("no panic").referrers = referrers;
        is(copied(&scene, &from, &layout(&scene, "-2"), false), 0, &[]);
        is(copied(&scene, &layout(&scene, "-2"), &format!("{OTHER}/{REPO}:v1"), false), 0, &[]);
        is(verified(&scene, &format!("{REPO}:v1")), 0, &[]);
    }
}

/// What is attached to the artifact, with a word of what it is.
type Attach = (&'static str, fn(&Scene, &str));

fn attach(scene: &Scene, artifact: &str, kind: &str, layer: &str, notes: Value) -> String {
    let layer = scene.registry.layer(layer, b"0\x82 not read", notes);
    scene.registry.manifest(REPO, MANIFEST, &scene.registry.image(kind, &[layer], Some(artifact)))
}

const UNREAD: [Attach; 11] = [
    ("notation", |scene, artifact| {
        drop(attach(scene, artifact, "application/vnd.cncf.notary.signature", "application/jose+json", json!({})));
    }),
    ("notation by its configuration", |scene, artifact| {
        let layer = scene.registry.layer("application/cose", b"x", json!({}));
        let mut manifest = scene.registry.image("", &[layer], Some(artifact));
        manifest["config"]["mediaType"] = "application/vnd.cncf.notary.signature".into();
        scene.registry.manifest(REPO, MANIFEST, &manifest);
    }),
    ("unsigned provenance", |scene, artifact| {
        drop(attach(scene, artifact, "application/x", "application/vnd.in-toto+json", json!({})));
    }),
    ("a kind that nobody knows", |scene, artifact| {
        drop(attach(scene, artifact, "application/vnd.example.signature.v7", "x", json!({})));
    }),
    ("by an annotation", |scene, artifact| {
        drop(attach(scene, artifact, "x", "x", json!({ "com.example/signature": "MEUC" })));
    }),
    ("by the name of its file", |scene, artifact| {
        drop(attach(scene, artifact, "x", "x", json!({ TITLE: "tool.asc" })));
    }),
    ("cosign's kind with nothing in it", |scene, artifact| {
        let image = scene.registry.image("application/vnd.dev.cosign.artifact.sig.v1+json", &[], Some(artifact));
        scene.registry.manifest(REPO, MANIFEST, &image);
    }),
    ("cosign's kind with another layer", |scene, artifact| {
        let kind = "application/vnd.dev.cosign.artifact.sig.v1+json";
        drop(attach(scene, artifact, kind, "application/octet-stream", json!({})));
    }),
    ("under the older tag", |scene, artifact| {
        let one = scene.registry.manifest(REPO, MANIFEST, &{
            let layer = scene.registry.layer("application/octet-stream", b"x", json!({}));
            scene.registry.image("x", &[layer], None)
        });
        scene.registry.tag(REPO, &format!("{}.sig", artifact.replace(':', "-")), &one);
    }),
    ("under the older tag of attestations", |scene, artifact| {
        let one = scene.registry.manifest(REPO, MANIFEST, &scene.registry.image("x", &[], None));
        scene.registry.tag(REPO, &format!("{}.att", artifact.replace(':', "-")), &one);
    }),
    ("under the tag beside the list", |scene, artifact| {
        // The list of the API has something else.
        attach(scene, artifact, "application/spdx+json", "application/spdx+json", json!({}));
        let hidden = attach(scene, artifact, "application/vnd.cncf.notary.signature", "application/cose", json!({}));
        scene.registry.fall_back(REPO, artifact, std::slice::from_ref(&hidden));
    }),
];

#[test]
fn what_may_be_a_signature_is_never_none() {
    for (what, attach) in UNREAD {
        let (scene, _) = scene(Knobs::default());
        let artifact = scene.registry.artifact(REPO, "v1", &[("tool", TOOL)]);
        attach(&scene, &artifact);
        stays_out(&scene, &artifact, "oci-attached-unread", what);
        let report = scene.try_verify().expect("a report");
        assert!(human(&report).contains("pinfold does not read"), "{what}: {}", human(&report));
        // A pin that asks for no signature is told of it; its digests decide.
        assert_eq!(fetched(&scene, &artifact, "format = \"raw\""), (0, vec![]), "{what}: nobody looks");
        std::fs::remove_dir_all(scene.project.path(".pinfold")).expect("a record");
        let source = format!("oci = \"{HOST}/{REPO}:v1@{artifact}\"");
        scene.project.pins(&crate::support::pin("tool", &source, &crate::support::integrity(TOOL), "format = \"raw\""));
        let report = scene.project.try_fetch(Conduct::default()).expect("a report");
        assert_eq!(report.exit_code(), 0, "{what}: {}", human(&report));
        assert!(codes(&report).contains(&"oci-attached-unread"), "{what}: {}", human(&report));
        // Beside a good one it is a note, and spoils nothing.
        scene.registry.attach(REPO, &artifact, &scene.signer.signature(&artifact));
        is(scene.verified(), 0, &["oci-attached-unread"]);
        assert_eq!(
            fetched(&scene, &artifact, super::pins::STRICT),
            (0, vec!["oci-attached-unread".to_owned()]),
            "{what}"
        );
    }
}

#[test]
fn an_attached_index_is_not_none() {
    let (scene, _) = scene(Knobs::default());
    let artifact = scene.registry.artifact(REPO, "v1", &[("tool", TOOL)]);
    let subject = json!({ "mediaType": MANIFEST, "digest": artifact, "size": 1 });
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [], "subject": subject });
    scene.registry.manifest(REPO, INDEX, &index);
    stays_out(&scene, &artifact, "oci-attached-kind", "an index");
}

#[test]
fn what_is_no_signature_is_none() {
    let (scene, other) = scene(Knobs::default());
    let artifact = scene.registry.artifact(REPO, "v1", &[("tool", TOOL)]);
    for kind in ["application/spdx+json", "application/vnd.cyclonedx+json", "application/sarif+json", "text/markdown"] {
        attach(&scene, &artifact, kind, kind, json!({ TITLE: "design.json", "org.opencontainers.image.created": "1" }));
    }
    // Of somebody else's artifact.
    let elsewhere = scene.registry.artifact(REPO, "v2", &[("x", b"x")]);
    attach(&scene, &elsewhere, "application/vnd.cncf.notary.signature", "application/cose", json!({}));
    is(scene.verified(), 1, &["signature-missing"]);
    assert_eq!(fetched(&scene, &artifact, LENIENT), (0, vec!["signature-missing".to_owned()]));
    is(copied(&scene, &format!("{HOST}/{REPO}:v1"), &format!("{OTHER}/{REPO}:v1"), true), 0, &["unsigned-allowed"]);
    assert!(other.has_tag(REPO, "v1"));
    assert_eq!(pulled(&scene, true).0, 0);
}

/// What BuildKit writes of how an image was built is in the index, and nobody signed it.
#[test]
fn unsigned_statements_in_an_index_are_told() {
    let scene = Scene::new();
    let image = scene.registry.artifact(REPO, "v2", &[("tool", TOOL)]);
    let statement = scene.registry.layer("application/vnd.in-toto+json", b"{}", json!({}));
    let statement = scene.registry.manifest(REPO, MANIFEST, &scene.registry.image("x", &[statement], None));
    let entry = |digest: &str, platform: &str| {
        let size = scene.registry.len(REPO, digest);
        json!({ "mediaType": MANIFEST, "digest": digest, "size": size, "platform": { "os": platform, "architecture": platform } })
    };
    let mut beside = entry(&statement, "unknown");
    beside["annotations"] =
        json!({ "vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": image });
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [entry(&image, "linux"), beside] });
    let index = scene.registry.manifest(REPO, INDEX, &index);
    scene.registry.tag(REPO, "v1", &index);
    is(scene.verified(), 1, &["signature-missing", "attestation-unsigned"]);
    scene.registry.attach(REPO, &index, &scene.signer.signature(&index));
    is(scene.verified(), 0, &["attestation-unsigned"]);
}
