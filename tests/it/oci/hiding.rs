//! Somebody who may attach things, or a registry, that would have what is wrong pass for what is not there.

use pinfold::commands::oci::pull;
use pinfold::ctx::{Progress, Silent, Step};
use pinfold_oci::{BUNDLE, INDEX, MANIFEST, SIMPLE_SIGNING};
use serde_json::json;

use super::pull::wanted;
use super::registry::Signer;
use super::{REPO, Scene, is, outcome};

fn scene() -> (Scene, String) {
    let scene = Scene::new();
    let digest = scene.registry.artifact(REPO, "v1", &[("tool", b"#!tool")]);
    (scene, digest)
}

/// Not even `--allow-unsigned` lets it in.
fn stays_out(scene: &Scene, exit: u8, code: &str) {
    let (came_out, codes) = outcome(scene.project.with(&Silent, |ctx| pull::run(ctx, &wanted(scene, true))));
    assert_eq!((came_out, codes.first().map(String::as_str)), (exit, Some(code)), "{codes:?}");
    assert!(!scene.project.exists("out"));
}

#[test]
fn what_is_listed_and_gone_is_not_nothing() {
    // A manifest that a list names.
    let (scene, digest) = scene();
    scene.set(|knobs| knobs.referrers = Some(404));
    let attached = scene.registry.attach(REPO, &digest, &Signer::new().signature(&digest));
    scene.registry.fall_back(REPO, &digest, std::slice::from_ref(&attached));
    stays_out(&scene, 1, "signature-untrusted");
    scene.registry.lose(&attached);
    stays_out(&scene, 1, "oci-attached-absent");
    is(scene.verified(), 1, &["oci-attached-absent", "signature-missing"]);
    // A good one is elsewhere: what is gone spoils nothing.
    scene.registry.attach_older(REPO, &digest, &[scene.signer.older(&digest)]);
    is(scene.verified(), 0, &["oci-attached-absent"]);

    // The bytes of what is attached, in both forms.
    let (scene, digest) = self::scene();
    let bundle = Signer::new().signature(&digest);
    scene.registry.attach(REPO, &digest, &bundle);
    scene.registry.lose(&super::registry::digest(bundle.to_string().as_bytes()));
    stays_out(&scene, 1, "oci-attached-absent");
    let (scene, digest) = self::scene();
    let (payload, signature) = Signer::new().older(&digest);
    let lost = super::registry::digest(payload.as_bytes());
    scene.registry.attach_older(REPO, &digest, &[(payload, signature)]);
    scene.registry.lose(&lost);
    stays_out(&scene, 1, "oci-attached-absent");
}

#[test]
fn pages_that_do_not_come_are_not_empty() {
    for (status, exit, code) in [(404, 2, "not-found"), (400, 2, "http-status"), (500, 2, "http-status")] {
        let (scene, digest) = scene();
        for _ in 0..2 {
            scene.registry.attach(REPO, &digest, &Signer::new().signature(&digest));
        }
        scene.set(|knobs| (knobs.page, knobs.later_pages) = (1, Some(status)));
        stays_out(&scene, exit, code);
    }
}

#[test]
fn what_stands_under_a_tag_of_signatures_is_looked_at() {
    // An index where signatures are: nobody knows what is in it.
    let (scene, digest) = scene();
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [] });
    let index = scene.registry.manifest(REPO, INDEX, &index);
    scene.registry.tag(REPO, &format!("{}.sig", digest.replace(':', "-")), &index);
    stays_out(&scene, 1, "oci-attached-kind");
    // One artifact where the list of all is.
    let (scene, digest) = self::scene();
    scene.set(|knobs| knobs.referrers = Some(404));
    let one = scene.registry.manifest(REPO, MANIFEST, &scene.registry.image("x", &[], None));
    scene.registry.tag(REPO, &digest.replace(':', "-"), &one);
    stays_out(&scene, 1, "oci-referrers-type");
}

#[test]
fn more_than_anybody_attaches() {
    // In many documents of many attestations each, before a signature that is wrong.
    let (scene, digest) = scene();
    let kind = format!("{BUNDLE}.v0.3+json");
    let envelope = scene.signer.bundle("https://example.com/scan/v1", &digest)["dsseEnvelope"].to_string();
    let layer = |number: usize| {
        let lines = vec![envelope.as_str(); 900].join("\n") + &"\n".repeat(number);
        scene.registry.layer(&kind, lines.as_bytes(), json!({}))
    };
    let layers: Vec<_> = (0..3).map(layer).collect();
    scene.registry.manifest(REPO, MANIFEST, &scene.registry.image(&kind, &layers, Some(&digest)));
    stays_out(&scene, 1, "oci-attached-much");
    // In long documents.
    let (scene, digest) = self::scene();
    let filler = "a".repeat(14 << 20);
    let layer = |number: usize| {
        let text = format!("{{\"mediaType\":\"{number}\",\"a\":\"{filler}\"}}");
        scene.registry.layer(&kind, text.as_bytes(), json!({}))
    };
    let layers: Vec<_> = (0..6).map(layer).collect();
    scene.registry.manifest(REPO, MANIFEST, &scene.registry.image(&kind, &layers, Some(&digest)));
    stays_out(&scene, 1, "oci-attached-much");
    let blobs = scene.registry.asked().iter().filter(|(url, _)| url.contains("/blobs/")).count();
    assert!(blobs < 5, "{blobs}");
    // In documents that are none, one manifest after another, and in the older form.
    let (scene, digest) = self::scene();
    let layers: Vec<_> = (0..1100)
        .map(|number| scene.registry.layer(SIMPLE_SIGNING, number.to_string().as_bytes(), json!({})))
        .collect();
    let older = scene.registry.manifest(REPO, MANIFEST, &scene.registry.image("", &layers, None));
    scene.registry.tag(REPO, &format!("{}.sig", digest.replace(':', "-")), &older);
    stays_out(&scene, 1, "oci-attached-much");
}

/// Somebody who writes a file into the folder while one of that name is fetched.
struct Racer<'a>(&'a Scene);

impl Progress for Racer<'_> {
    fn step(&self, _: &str, _: Step) {}

    fn received(&self, _: &str, _: u64, _: Option<u64>) {
        self.0.project.write("out/tool", "mine");
    }

    fn waiting(&self, _held: &pinfold_core::fs::Held) {}
}

#[test]
fn a_file_that_comes_in_between_stays() {
    let (scene, digest) = scene();
    scene.registry.attach(REPO, &digest, &scene.signer.signature(&digest));
    is(outcome(scene.project.with(&Racer(&scene), |ctx| pull::run(ctx, &wanted(&scene, false)))), 2, &["file-exists"]);
    assert_eq!(crate::support::files_below(&scene.project.path("out")), ["tool"]);
    assert_eq!(scene.project.read("out/tool"), "mine");
}
