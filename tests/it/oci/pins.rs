//! `oci = …` pins: from a digest to a layer, by all that may lie between, and what their records prove later.

use pinfold::commands::verify;
use pinfold::ctx::{Ctx, Silent};
use pinfold::install::Conduct;
use pinfold::report::Report;
use pinfold_net::docker_config::Logins;
use pinfold_net::source::registries::{Registries, Settings};
use pinfold_oci::{INDEX, MANIFEST, TITLE};
use serde_json::json;

use crate::support::{Tar, codes, human, integrity, pin};

use super::registry::{HOST, Signer, digest};
use super::{REPO, Scene};

const TOOL: &[u8] = b"\x7fELF tool";

/// A pin of the artifact; provenance is not what these tests are about.
pub(super) fn pinned(scene: &Scene, artifact: &str, bytes: &[u8], more: &str) {
    let source = format!("oci = \"{HOST}/{REPO}:v1@{artifact}\"");
    let off = "[pins.tool.provenance]\nmode = \"off\"\n";
    scene.project.pins(&pin("tool", &source, &integrity(bytes), &format!("{more}\n{off}")));
}

pub(super) const STRICT: &str = "format = \"raw\"\n[pins.tool.signature]\nmode = \"strict\"\nkeys = [\"keys/a.pem\"]";

fn fetch(scene: &Scene) -> Report {
    scene.project.try_fetch(Conduct::default()).expect("a report")
}

fn verified(scene: &Scene) -> Report {
    scene.project.with(&Silent, |ctx| verify::run(ctx, &verify::Options::default())).expect("a report")
}

fn check(scene: &Scene, exit: u8, expected: &[&str]) -> Report {
    let report = fetch(scene);
    assert_eq!((report.exit_code(), codes(&report)), (exit, expected.to_vec()), "{}", human(&report));
    assert_eq!(scene.project.exists("vendor/tool"), exit == 0, "{}", human(&report));
    report
}

#[test]
fn signed_it_is_fetched_in_strict_mode_and_proved_again_offline() {
    for older in [false, true] {
        let scene = Scene::new();
        let artifact = scene.registry.artifact(REPO, "v1", &[("tool", TOOL)]);
        pinned(&scene, &artifact, TOOL, STRICT);
        check(&scene, 1, &["signature-missing"]);
        match older {
            true => scene.registry.attach_older(REPO, &artifact, &[scene.signer.older(&artifact)]),
            false => drop(scene.registry.attach(REPO, &artifact, &scene.signer.signature(&artifact))),
        }
        let report = check(&scene, 0, &[]);
        assert!(report.rows[0].evidence.is_some(), "{}", human(&report));
        assert_eq!(scene.project.read("vendor/tool").as_bytes(), TOOL);

        scene.project.web.forget();
        assert_eq!(fetch(&scene).rows[0].status, "unchanged");
        let proved = verified(&scene);
        assert_eq!((proved.exit_code(), &proved.rows[0].evidence), (0, &report.rows[0].evidence), "{}", human(&proved));
        // Without the store the record's word stands for the layer, which is said.
        std::fs::remove_dir_all(scene.project.store_folder()).expect("a store");
        let proved = verified(&scene);
        assert_eq!((proved.exit_code(), codes(&proved)), (0, vec!["evidence-by-record"]), "{}", human(&proved));
        // Another key, now: nothing has to be asked to know.
        scene.project.write("keys/a.pem", Signer::new().pem());
        assert_eq!(verified(&scene).exit_code(), 1);
        assert!(scene.project.web.asked().is_empty());
    }
}

#[test]
fn signed_after_it_was_pinned() {
    let scene = Scene::new();
    let artifact = scene.registry.artifact(REPO, "v1", &[("tool", TOOL)]);
    let kind = "https://slsa.dev/provenance/v1";
    scene.registry.attach(REPO, &artifact, &scene.signer.bundle(kind, &artifact));
    pinned(&scene, &artifact, TOOL, &STRICT.replace("strict", "lenient"));
    check(&scene, 0, &["signature-missing"]);
    assert!(scene.project.read(".pinfold/tool.json").contains("\"manifests\""));
    // The statement is kept, and asked for again is the signature.
    scene.registry.attach(REPO, &artifact, &scene.signer.signature(&artifact));
    pinned(&scene, &artifact, TOOL, STRICT);
    let report = check(&scene, 0, &[]);
    assert!(report.rows[0].evidence.is_some(), "{}", human(&report));
    scene.registry.asked();
    check(&scene, 0, &[]);
    assert!(scene.registry.asked().is_empty());
}

/// A key is lost or given up, and the artifact is signed again by another.
#[test]
fn signed_again_by_another_key() {
    for mode in ["strict", "lenient"] {
        let (scene, other) = (Scene::new(), Signer::new());
        let artifact = scene.registry.artifact(REPO, "v1", &[("tool", TOOL)]);
        scene.registry.attach(REPO, &artifact, &scene.signer.signature(&artifact));
        pinned(&scene, &artifact, TOOL, &STRICT.replace("strict", mode));
        check(&scene, 0, &[]);
        scene.project.write("keys/a.pem", other.pem());
        let refused = |expected: &[&str]| {
            let report = fetch(&scene);
            assert_eq!((report.exit_code(), codes(&report)), (1, expected.to_vec()), "{}", human(&report));
        };
        // Not yet; and neither a registry that is gone nor one that has taken the old signature away makes it good.
        refused(&["signature-untrusted"]);
        scene.set(|knobs| knobs.referrers = Some(500));
        refused(&["signature-untrusted"]);
        scene.set(|knobs| knobs.referrers = Some(404));
        refused(&["signature-untrusted"]);
        scene.set(|knobs| knobs.referrers = None);
        scene.registry.attach(REPO, &artifact, &other.signature(&artifact));
        let report = fetch(&scene);
        assert_eq!((report.exit_code(), &*report.rows[0].status), (0, "unchanged"), "{}", human(&report));
        // From now on without a question, and offline.
        scene.registry.asked();
        assert_eq!(fetch(&scene).exit_code(), 0);
        assert_eq!(verified(&scene).exit_code(), 0);
        assert!(scene.registry.asked().is_empty());
    }
}

#[test]
fn a_record_that_leads_elsewhere_refuses() {
    let scene = Scene::new();
    let artifact = scene.registry.artifact(REPO, "v1", &[("tool", TOOL)]);
    scene.registry.attach(REPO, &artifact, &scene.signer.signature(&artifact));
    pinned(&scene, &artifact, TOOL, STRICT);
    check(&scene, 0, &[]);
    let record = scene.project.read(".pinfold/tool.json");
    for (from, to) in
        [("schemaVersion\\\":2", "schemaVersion\\\":2 "), ("\"manifests\": [", "\"manifests\": [\"{}\", ")]
    {
        assert!(record.contains(from), "{from}");
        scene.project.write(".pinfold/tool.json", record.replace(from, to));
        let report = verified(&scene);
        assert_eq!((report.exit_code(), codes(&report)), (1, vec!["integrity-mismatch"]), "{}", human(&report));
    }
}

#[test]
fn the_modes_mean_what_they_mean_everywhere() {
    let lenient = STRICT.replace("strict", "lenient");
    let scene = Scene::new();
    let artifact = scene.registry.artifact(REPO, "v1", &[("tool", TOOL)]);
    pinned(&scene, &artifact, TOOL, &lenient);
    check(&scene, 0, &["signature-missing"]);
    let scene = Scene::new();
    let artifact = scene.registry.artifact(REPO, "v1", &[("tool", TOOL)]);
    scene.registry.attach(REPO, &artifact, &Signer::new().signature(&artifact));
    pinned(&scene, &artifact, TOOL, &lenient);
    check(&scene, 1, &["signature-untrusted"]);
    // Nobody is named.
    pinned(&scene, &artifact, TOOL, &STRICT.replace("keys = [\"keys/a.pem\"]", ""));
    check(&scene, 3, &["nobody-named"]);
    pinned(&scene, &artifact, TOOL, &STRICT.replace("keys/a.pem", "keys/absent.pem"));
    check(&scene, 2, &["disk"]);
    scene.project.write("keys/a.pem", "no key");
    pinned(&scene, &artifact, TOOL, STRICT);
    check(&scene, 3, &["key-malformed"]);
    // Switched off, nobody looks.
    scene.registry.asked();
    pinned(&scene, &artifact, TOOL, &STRICT.replace("strict", "off"));
    check(&scene, 0, &[]);
    assert!(scene.registry.asked().iter().all(|(url, _)| !url.contains("referrers")));
}

#[test]
fn one_layer_is_chosen_or_none() {
    let scene = Scene::new();
    let tar = Tar::default().file("bin/tool", "tool").gz();
    let layers = [
        scene.registry.layer("application/wasm", TOOL, json!({})),
        scene.registry.layer("application/gzip", &tar, json!({ TITLE: "tool.tar.gz" })),
        json!({ "mediaType": "application/x", "digest": digest(TOOL), "size": TOOL.len(), "urls": ["https://example.com/x"] }),
    ];
    let manifest = scene.registry.image("application/vnd.example.tool", &layers, None);
    let artifact = scene.registry.manifest(REPO, MANIFEST, &manifest);
    let raw = |layer: &str| pinned(&scene, &artifact, TOOL, &format!("format = \"raw\"\nlayer = {layer}"));
    raw("{ title = \"nothing\" }");
    check(&scene, 1, &["oci-layer-absent"]);
    raw("{}");
    check(&scene, 1, &["oci-layer-ambiguous"]);
    raw("{ index = 2 }");
    check(&scene, 1, &["oci-layer-foreign"]);
    raw("{ title = \"tool.tar.gz\" }");
    check(&scene, 1, &["integrity-mismatch"]);
    raw("{ media-type = \"application/wasm\" }");
    check(&scene, 0, &[]);
    std::fs::remove_file(scene.project.path("vendor/tool")).expect("a file");
    std::fs::remove_file(scene.project.path(".pinfold/tool.json")).expect("a record");
    pinned(&scene, &artifact, &tar, "layer = { title = \"tool.tar.gz\" }");
    check(&scene, 0, &[]);
    assert_eq!(scene.project.read("vendor/tool/bin/tool"), "tool");
}

#[test]
fn one_platform_is_chosen_or_none() {
    let scene = Scene::new();
    let entry = |platform: &str, bytes: &[u8]| {
        let digest = scene.registry.artifact(REPO, platform, &[("tool", bytes)]);
        let (os, architecture) = platform.split_once('-').expect("two words");
        let size = scene.registry.len(REPO, &digest);
        json!({ "mediaType": MANIFEST, "digest": digest, "size": size, "platform": { "os": os, "architecture": architecture } })
    };
    let entries = [entry("linux-amd64", TOOL), entry("linux-arm64", b"arm")];
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries });
    let artifact = scene.registry.manifest(REPO, INDEX, &index);
    let raw = |more: &str| pinned(&scene, &artifact, TOOL, &format!("format = \"raw\"\n{more}"));
    raw("");
    check(&scene, 1, &["oci-platform-needed"]);
    raw("oci-platform = \"linux/s390x\"");
    check(&scene, 1, &["oci-platform-absent"]);
    raw("oci-platform = \"linux/arm64\"");
    check(&scene, 1, &["integrity-mismatch"]);
    // The signature is over what the pin names: the index.
    scene.registry.attach(REPO, &artifact, &scene.signer.signature(&artifact));
    pinned(&scene, &artifact, TOOL, &format!("oci-platform = \"linux/amd64\"\n{STRICT}"));
    check(&scene, 0, &[]);
    scene.project.web.forget();
    assert_eq!(verified(&scene).exit_code(), 0);

    // A variant is for its platform without saying so; an index in an index is refused.
    let scene = Scene::new();
    let inner =
        scene.registry.manifest(REPO, INDEX, &json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [] }));
    let size = scene.registry.len(REPO, &inner);
    let nested = json!({ "mediaType": INDEX, "digest": inner, "size": size, "platform": { "os": "linux", "architecture": "amd64" } });
    let entries = json!([nested]);
    let artifact =
        scene.registry.manifest(REPO, INDEX, &json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries }));
    let variant = format!("oci = \"{HOST}/{REPO}@{artifact}\"\nintegrity = \"{}\"", integrity(TOOL));
    scene.project.pins(&format!("[pins.tool]\nto = \"vendor/tool\"\n[pins.tool.platform.linux-x64]\n{variant}\n"));
    check(&scene, 1, &["oci-index-nested"]);
}

#[test]
fn digests_and_lengths_hold_on_the_way() {
    let scene = Scene::new();
    let artifact = scene.registry.artifact(REPO, "v1", &[("tool", TOOL)]);
    pinned(&scene, &artifact, TOOL, "format = \"raw\"\nsize = 4");
    check(&scene, 1, &["size-mismatch"]);
    // Of the same algorithm as the manifest's, a wrong integrity needs no bytes.
    scene.registry.asked();
    let source = format!("oci = \"{HOST}/{REPO}@{artifact}\"");
    let wrong = pinfold_core::digest::Integrity::of(pinfold_core::digest::Algorithm::Sha256, b"other").to_string();
    scene.project.pins(&pin("tool", &source, &wrong, "format = \"raw\""));
    check(&scene, 1, &["integrity-mismatch"]);
    assert!(scene.registry.asked().iter().all(|(url, _)| !url.contains("/blobs/")));
    for (evil, code) in [
        ("blob", "integrity-mismatch"),
        ("short", "body-size"),
        ("manifest", "integrity-mismatch"),
        ("cdigest", "oci-header-digest"),
        ("huge", "body-too-long"),
        ("ctype", "manifest-content-type"),
    ] {
        scene.set(|knobs| knobs.evil = evil);
        pinned(&scene, &artifact, TOOL, "format = \"raw\"");
        check(&scene, 1, &[code]);
    }
    // Bytes that the pin's integrity knows, and the manifest does not.
    let (last, rest) = TOOL.split_last().expect("bytes");
    scene.set(|knobs| knobs.evil = "blob");
    pinned(&scene, &artifact, &[rest, &[last ^ 1]].concat(), "format = \"raw\"");
    check(&scene, 1, &["integrity-mismatch"]);
    scene.set(|knobs| knobs.evil = "loop");
    pinned(&scene, &artifact, TOOL, "format = \"raw\"");
    check(&scene, 2, &["redirect-limit"]);
    // A mirror has the bytes.
    scene.project.web.serve("https://mirror.example.com/tool", TOOL);
    pinned(&scene, &artifact, TOOL, "format = \"raw\"\nmirrors = [\"https://mirror.example.com/tool\"]");
    check(&scene, 0, &["redirect-limit"]);
}

#[test]
fn a_registry_of_another_kind_of_manifest() {
    let scene = Scene::new();
    let bytes = scene.registry.image("application/vnd.example.tool", &[], None);
    for (from, to, code) in [
        ("\"layers\":[]", "\"layers\":[],\"manifests\":[]", "manifest-ambiguous"),
        ("\"schemaVersion\":2", "\"schemaVersion\":1", "manifest-schema"),
        (
            "\"layers\":[]",
            "\"layers\":[{\"mediaType\":\"x\",\"digest\":\"md5:00\",\"size\":1}]",
            "oci-digest-algorithm",
        ),
    ] {
        let text = bytes.to_string();
        assert!(text.contains(from), "{from}");
        let changed = serde_json::from_str(&text.replace(from, to)).expect("JSON");
        let artifact = scene.registry.manifest(REPO, MANIFEST, &changed);
        pinned(&scene, &artifact, TOOL, "format = \"raw\"");
        check(&scene, 1, &[code]);
    }
}

/// Calls `work` with a login for the registry.
fn logged_in<R>(scene: &Scene, work: impl FnOnce(&Ctx<'_>) -> R) -> R {
    let settings = Settings { flags: &[], env: &|_| None, npmrc: &[], pip_conf: &[], built_in_npm: None };
    let text = format!("{{\"auths\":{{\"{HOST}\":{{\"auth\":\"dTpw\"}}}}}}");
    let registries = Registries::new(&settings).with_logins(Logins::parse(text.as_bytes()).expect("logins"));
    scene.project.with(&Silent, |ctx| work(&Ctx { registries: &registries, ..*ctx }))
}

/// A file of logins that cannot be read is told by who misses a login.
fn unread_logins(scene: &Scene) {
    let settings = Settings { flags: &[], env: &|_| None, npmrc: &[], pip_conf: &[], built_in_npm: None };
    let registries = Registries::new(&settings).with_logins(Logins::unread("`config.json`: malformed".to_owned()));
    let options = pinfold::commands::fetch::Options { pins: Vec::new(), conduct: Conduct::default() };
    let fetch = |ctx: &Ctx<'_>| pinfold::commands::fetch::run(&Ctx { registries: &registries, ..*ctx }, &options);
    let report = scene.project.with(&Silent, fetch).expect("a report");
    assert!(human(&report).contains("no logins could be read: `config.json`"), "{}", human(&report));
}

#[test]
fn secrets_go_where_they_belong() {
    let options = pinfold::commands::fetch::Options { pins: Vec::new(), conduct: Conduct::default() };
    let try_fetch =
        |scene: &Scene| logged_in(scene, |ctx| pinfold::commands::fetch::run(ctx, &options)).expect("a report");
    let scene = || {
        let scene = Scene::new();
        let artifact = scene.registry.artifact(REPO, "v1", &[("tool", TOOL)]);
        pinned(&scene, &artifact, TOOL, "format = \"raw\"");
        scene
    };
    // The login is for the registry's own realm, the token for the repository, and a CDN gets neither.
    let own = scene();
    own.set(|knobs| {
        knobs.challenge =
            Some("Bearer realm=\"https://oci.example.com/token\",service=\"a,b\",scope=\"repository:other:pull\"");
        (knobs.login, knobs.redirect) = (Some("u:p"), Some("https://cdn.example.com/cdn/"));
    });
    let report = try_fetch(&own);
    assert_eq!(report.exit_code(), 0, "{}", human(&report));
    for (url, shown) in own.registry.asked() {
        match shown.as_deref() {
            Some(secret) if secret.starts_with("Basic") => {
                assert_eq!(url, "https://oci.example.com/token?service=a%2Cb&scope=repository:team/tool:pull");
            }
            Some(_) => assert!(url.starts_with("https://oci.example.com/v2/team/tool/"), "{url}"),
            None => {}
        }
    }
    for (challenge, exit, code) in [
        ("Bearer realm=\"http://auth.example.com/token\"", 1, "oci-realm"),
        ("Bearer realm=\"http://127.0.0.1:1/token\"", 1, "oci-realm"),
        ("Bearer realm=\"nonsense\"", 1, "oci-realm"),
        ("Bearer realm=\"x", 1, "oci-challenge"),
        ("Negotiate", 2, "oci-auth-scheme"),
    ] {
        let scene = scene();
        scene.set(|knobs| knobs.challenge = Some(challenge));
        let report = try_fetch(&scene);
        assert_eq!((report.exit_code(), codes(&report)), (exit, vec![code]), "{}", human(&report));
        assert!(scene.registry.asked().iter().all(|(url, _)| url.starts_with("https://oci.example.com/v2/")));
    }
    let basic = scene();
    basic.set(|knobs| knobs.challenge = Some("Basic realm=\"x\""));
    check(&basic, 2, &["oci-unauthorized"]);
    unread_logins(&basic);
    assert_eq!(try_fetch(&basic).exit_code(), 0);
    assert!(basic.registry.asked().iter().any(|(_, shown)| shown.as_deref() == Some("Basic dTpw")));
}
