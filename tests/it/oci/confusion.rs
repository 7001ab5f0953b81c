//! Documents that one reader takes for something else than another does.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use pinfold::commands::oci;
use pinfold::ctx::Silent;
use pinfold_oci::MANIFEST;
use serde_json::{Value, json};

use super::registry::Signer;
use super::{REPO, Scene, is};

/// What the key says of the artifact, and no signature of it; its payload in base64 ends with a padding.
fn scan(signer: &Signer, digest: &str) -> Value {
    let kinds = ["https://example.com/scan/v1", "https://example.com/scan/v10", "https://example.com/scan/v100"];
    let mut bundles = kinds.iter().map(|kind| signer.bundle(kind, digest));
    let is_padded = |bundle: &Value| bundle["dsseEnvelope"]["payload"].as_str().expect("a text").ends_with('=');
    bundles.find(is_padded).expect("one of three lengths")
}

fn scene() -> (Scene, String) {
    let scene = Scene::new();
    let digest = scene.registry.artifact(REPO, "v1", &[("tool", b"#!tool")]);
    (scene, digest)
}

#[test]
fn a_statement_in_another_spelling_is_no_signature() {
    let (scene, digest) = scene();
    let mut bundle = scan(&scene.signer, &digest);
    // Verifiers read base64 without its padding, and the signature is over what is in it.
    let payload = bundle["dsseEnvelope"]["payload"].as_str().expect("a text").trim_end_matches('=').to_owned();
    bundle["dsseEnvelope"]["payload"] = payload.into();
    let attached = scene.registry.attach(REPO, &digest, &bundle);
    is(scene.verified(), 1, &["signature-type"]);
    // It spoils nothing beside a signature, and is told.
    scene.registry.attach(REPO, &digest, &scene.signer.signature(&digest));
    is(scene.verified(), 0, &["signature-type"]);
    scene.registry.lose(&attached);
    is(scene.verified(), 0, &[]);
}

#[test]
fn a_decoy_beside_a_statement_makes_it_no_signature() {
    let decoy = |scene: &Scene, digest: &str| {
        let signature = Signer::new().signature(digest);
        (scan(&scene.signer, digest)["dsseEnvelope"].clone(), signature["dsseEnvelope"].clone())
    };
    // An envelope alone, with what looks like a bundle's around it.
    let (bare, digest) = scene();
    let (mut envelope, other) = decoy(&bare, &digest);
    envelope["dsseEnvelope"] = other;
    bare.registry.attach(REPO, &digest, &envelope);
    is(bare.verified(), 1, &["signature-missing"]);
    // A bundle, with what looks like an envelope around it.
    let (bundled, digest) = scene();
    let (_, other) = decoy(&bundled, &digest);
    let mut bundle = scan(&bundled.signer, &digest);
    for name in ["payload", "payloadType", "signatures"] {
        bundle[name] = other[name].clone();
    }
    bundled.registry.attach(REPO, &digest, &bundle);
    is(bundled.verified(), 1, &["signature-missing"]);
    // A signature in the older form, with a statement around it: what is wrong with it is not overlooked.
    let (older, digest) = scene();
    let (envelope, _) = decoy(&older, &digest);
    let (payload, _) = older.signer.older(&digest);
    let wrong = json!({ "payload": BASE64.encode(payload), "signature": BASE64.encode("nonsense") });
    let disguised = json!({ "imageSignature": wrong, "payload": envelope["payload"] });
    older.registry.attach(REPO, &digest, &disguised);
    is(older.verified(), 1, &["signature-untrusted"]);
}

#[test]
fn an_artifact_is_signed_by_a_signature_of_its_own_kind_only() {
    let (scene, digest) = scene();
    let kind = "https://example.com/scan/v1";
    scene.registry.attach(REPO, &digest, &scene.signer.bundle(kind, &digest));
    // Asked for by its kind it counts, and a signature does not.
    let mut options = scene.options("v1");
    options.policy.predicate_types = vec![kind.to_owned()];
    is(super::outcome(scene.project.with(&Silent, |ctx| oci::verify(ctx, &(&options).into()))), 0, &[]);
    let (scene, digest) = self::scene();
    scene.registry.attach(REPO, &digest, &scene.signer.signature(&digest));
    options.keys = scene.options("v1").keys;
    is(
        super::outcome(scene.project.with(&Silent, |ctx| oci::verify(ctx, &(&options).into()))),
        1,
        &["provenance-missing"],
    );
}

#[test]
fn a_name_in_two_cases_is_two_documents() {
    // Readers in Go take names whatever their case, the last one that fits, and fold two more letters.
    for (from, to) in [
        ("\"layers\":[]", "\"layers\":[],\"Layers\":[]"),
        ("\"layers\":[]", "\"layers\":[],\"manifest\u{17f}\":[]"),
        ("\"mediaType\":\"application/vnd.oci.empty", "\"mediatype\":\"x\",\"mediaType\":\"application/vnd.oci.empty"),
        ("\"size\":2", "\"size\":2,\"\u{17f}ize\":3"),
    ] {
        let scene = Scene::new();
        let text = scene.registry.image("application/vnd.example.tool", &[], None).to_string();
        assert!(text.contains(from), "{from}");
        let changed = serde_json::from_str(&text.replace(from, to)).expect("JSON");
        let digest = scene.registry.manifest(REPO, MANIFEST, &changed);
        scene.registry.tag(REPO, "v1", &digest);
        scene.registry.attach(REPO, &digest, &scene.signer.signature(&digest));
        // What signed is a digest; what is in it is read where it is used.
        let pull = super::pull::wanted(&scene, false);
        let outcome = super::outcome(scene.project.with(&Silent, |ctx| oci::pull::run(ctx, &pull)));
        is(outcome, 1, &["manifest-spelling"]);
    }
}
