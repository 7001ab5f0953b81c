//! `pinfold add oci:…`: from a tag to a pin that `fetch` holds to, and what is not pinned.

use pinfold::commands::add::{self, Options};
use pinfold::commands::consent::Consent;
use pinfold::commands::fetch;
use pinfold::ctx::Silent;
use pinfold::install::Conduct;
use pinfold::report::Report;
use pinfold_core::layout::Format;
use pinfold_core::oci::LayerChoice;
use pinfold_core::pins::Mode;
use pinfold_oci::{INDEX, MANIFEST, TITLE, WASM};
use serde_json::{Value, json};

use crate::support::{Tar, both, codes, human, integrity, scrub};
use crate::vsa::{self, REPOSITORY};

use super::registry::{HOST, Signer, digest};
use super::{REPO, Scene, is, outcome};

const TOOL: &[u8] = b"\x7fELF tool";

fn options(spec: &str) -> Options {
    Options { spec: format!("oci:{HOST}/{spec}"), ..Options::default() }
}

fn keyed() -> Options {
    Options { keys: vec!["keys/a.pem".to_owned()], ..options("team/tool:v1") }
}

fn layer(text: &str) -> Options {
    Options { layer: text.parse().expect("a layer"), ..options("team/tool:v1") }
}

/// Adds, with everybody's consent.
fn added(scene: &Scene, options: &Options) -> Report {
    let report = scene.project.with(&Silent, |ctx| add::run(ctx, options, Consent::Given)).expect("a report");
    assert_eq!(report.exit_code(), 0, "{}", human(&report));
    report
}

/// What refuses, and leaves pins.toml as it was.
fn refused(scene: &Scene, options: &Options, exit: u8, code: &str) -> String {
    let before = scene.project.read("pins.toml");
    let error = scene.project.with(&Silent, |ctx| add::run(ctx, options, Consent::Given)).expect_err("an error");
    assert_eq!((error.verdict().exit_code(), error.findings()[0].code.as_str()), (exit, code), "{error}");
    assert_eq!(scene.project.read("pins.toml"), before);
    assert!(!scene.project.exists("vendor") && !scene.project.exists(".pinfold"));
    error.findings().into_iter().filter_map(|one| one.hint).collect()
}

/// What was just added is fetched, and of the bytes nothing is asked for again.
fn fetched(scene: &Scene, codes: &[&str]) {
    scene.registry.asked();
    let report = scene.project.try_fetch(Conduct::default()).expect("a report");
    assert_eq!((report.exit_code(), self::codes(&report)), (0, codes.to_vec()), "{}", human(&report));
    let layers = scene.registry.asked().into_iter().filter(|(url, _)| url.ends_with(&digest(TOOL)));
    assert_eq!(layers.count(), 0);
}

fn scene() -> (Scene, String) {
    let scene = Scene::new();
    let artifact = scene.registry.artifact(REPO, "v1", &[("tool", TOOL)]);
    (scene, artifact)
}

/// What was added below what was there.
fn pin(scene: &Scene) -> String {
    let pins = scene.project.read("pins.toml");
    scrub(&scene.project, pins.split_once("[pins.").map_or("", |(_, pin)| pin))
}

/// The key of the report, which is another one each time.
fn human_key(report: &Report) -> String {
    let signer = report.rows[0].evidence.as_ref().map(|one| one.signer.clone()).expect("a signature");
    signer.split_whitespace().next_back().expect("a word").to_owned()
}

#[test]
fn signed_with_a_key() {
    for older in [false, true] {
        let (scene, artifact) = scene();
        match older {
            true => scene.registry.attach_older(REPO, &artifact, &[scene.signer.older(&artifact)]),
            false => drop(scene.registry.attach(REPO, &artifact, &scene.signer.signature(&artifact))),
        }
        let ask = |report: &Report| {
            // A tag that moves meanwhile moves nothing.
            scene.registry.artifact(REPO, "v1", &[("tool", b"another")]);
            report.exit_code() == 0
        };
        let report = scene.project.with(&Silent, |ctx| add::run(ctx, &keyed(), Consent::Ask(&ask))).expect("a report");
        assert_eq!(report.rows[0].evidence.as_ref().map(|one| one.kind.as_str()), Some("a signature of the artifact"));
        let pins = scene.project.read("pins.toml");
        assert!(pins.contains(&format!("\noci = \"{HOST}/{REPO}:v1@{artifact}\"\n")), "{pins}");
        assert!(pins.contains(&format!("\nintegrity = \"{}\"\nsize = {}\n", integrity(TOOL), TOOL.len())), "{pins}");
        assert!(pins.ends_with("[pins.tool.signature]\nmode = \"strict\"\nkeys = [\"keys/a.pem\"]\n"), "{pins}");
        fetched(&scene, &["provenance-missing"]);
        assert_eq!(scene.project.read("vendor/tool").as_bytes(), TOOL);
        // Another version without a signature is not one of the pin.
        scene.registry.tag(REPO, "v2", &artifact);
        let again = Options { spec: format!("oci://{HOST}/{REPO}:v2"), ..keyed() };
        assert_eq!(outcome(scene.project.with(&Silent, |ctx| add::run(ctx, &again, Consent::Given))).1, ["pin-exists"]);
        if !older {
            let (told, key) = (human(&report), human_key(&report));
            insta::assert_snapshot!("oci-signed", format!("{}\n{}", told.replace(&key, "KEY"), pin(&scene)));
        }
    }
}

#[test]
fn a_key_that_did_not_sign() {
    let (scene, artifact) = scene();
    refused(&scene, &keyed(), 1, "signature-missing");
    let attached = scene.registry.attach(REPO, &artifact, &json!([]));
    refused(&scene, &keyed(), 1, "document-empty");
    scene.registry.lose(&attached);
    scene.registry.attach(REPO, &artifact, &Signer::new().signature(&artifact));
    refused(&scene, &keyed(), 1, "signature-untrusted");
    // What is missing may be lenient elsewhere, and here it was asked for.
    refused(&scene, &Options { evidence: Some(Mode::Lenient), ..keyed() }, 1, "signature-untrusted");
    let other = |key: &str| Options { keys: vec![key.to_owned()], ..keyed() };
    scene.registry.asked();
    refused(&scene, &other("keys/absent.pem"), 2, "disk");
    refused(&scene, &other("../a.pem"), 2, "bad-path");
    scene.project.write("keys/no.pem", "no key");
    refused(&scene, &other("keys/no.pem"), 3, "key-malformed");
    assert!(scene.registry.asked().is_empty());
    // Nobody looks who built it, and all the same who signed it.
    let off = Options { evidence: Some(Mode::Off), ..keyed() };
    refused(&scene, &off, 1, "signature-untrusted");
    scene.registry.attach(REPO, &artifact, &scene.signer.signature(&artifact));
    assert!(codes(&added(&scene, &off)).contains(&"unknown-key"));
    fetched(&scene, &["unknown-key"]);
}

#[test]
fn unsigned_it_is_said() {
    let (scene, artifact) = scene();
    let shown = scene.project.with(&Silent, |ctx| add::run(ctx, &options("team/tool:v1"), Consent::DryRun));
    insta::assert_snapshot!("oci-unsigned", both(&scene.project, &shown.expect("a report")));
    assert!(!scene.project.read("pins.toml").contains("[pins"));
    let by_digest = options(&format!("team/tool@{artifact}"));
    added(&scene, &by_digest);
    insta::assert_snapshot!("oci-unsigned-pin", pin(&scene));
    fetched(&scene, &["provenance-missing"]);
    // By a key that nobody named, it may be signed or not.
    let (scene, artifact) = self::scene();
    scene.registry.attach(REPO, &artifact, &scene.signer.signature(&artifact));
    assert!(codes(&added(&scene, &options("team/tool:v1"))).contains(&"unknown-key"));
    assert!(!scene.project.read("pins.toml").contains("signature"));
    fetched(&scene, &["provenance-missing"]);
    // A strict project pins nothing of which nobody knows who built it.
    let (scene, _) = self::scene();
    scene.project.pins("[trust]\nprovenance = \"strict\"\n");
    refused(&scene, &options("team/tool:v1"), 1, "provenance-missing");
    let off = Options { evidence: Some(Mode::Off), ..options("team/tool:v1") };
    assert!(!codes(&added(&scene, &off)).contains(&"signature-missing"));
    fetched(&scene, &[]);
}

#[test]
fn by_a_certificate_in_words() {
    let dump = include_str!("../../vectors/oci/keyless.json");
    let dump: Value = serde_json::from_str(dump).expect("JSON");
    let check = |case: &str, strict: bool| {
        let scene = Scene::new();
        scene.registry.load(&dump);
        let options = options(&format!("case/{case}:v1"));
        let report = vsa::with(&scene.project, |ctx| add::run(ctx, &options, Consent::Given)).expect("a report");
        let pins = scene.project.read("pins.toml");
        assert_eq!(pins.contains(&format!("repository = \"{REPOSITORY}\"")), strict, "{pins}");
        let told = fetch::Options { pins: Vec::new(), conduct: Conduct::default() };
        let fetched = vsa::with(&scene.project, |ctx| fetch::run(ctx, &told)).expect("a report");
        assert_eq!(fetched.exit_code(), 0, "{}", human(&fetched));
        (scene, report)
    };
    let (scene, report) = check("signature", false);
    insta::assert_snapshot!("oci-certificate", format!("{}\n{}", human(&report), pin(&scene)));
    // What the hint says holds.
    let demand = format!(
        "\n[pins.signature.signature]\nmode = \"strict\"\n[pins.signature.provenance]\nrepository = \"{REPOSITORY}\"\n"
    );
    scene.project.pins(&(scene.project.read("pins.toml") + &demand));
    let told = fetch::Options { pins: Vec::new(), conduct: Conduct::default() };
    let fetched = vsa::with(&scene.project, |ctx| fetch::run(ctx, &told)).expect("a report");
    assert_eq!((fetched.exit_code(), codes(&fetched)), (0, vec!["provenance-missing"]), "{}", human(&fetched));

    check("older", false);
    for case in ["provenance", "provenance-layer", "older-attestation"] {
        let (_, report) = check(case, true);
        assert!(codes(&report).contains(&"pinned-provenance"), "{case}: {}", human(&report));
    }
    // Who built it, and who signed it: both are demanded.
    let scene = Scene::new();
    scene.registry.load(&dump);
    let artifact = scene.registry.digest_of("case/provenance", "v1");
    scene.registry.attach("case/provenance", &artifact, &scene.signer.signature(&artifact));
    let both = Options { keys: keyed().keys, ..options("case/provenance:v1") };
    vsa::with(&scene.project, |ctx| add::run(ctx, &both, Consent::Given)).expect("a report");
    let pins = scene.project.read("pins.toml");
    assert!(pins.contains("[pins.provenance.provenance]") && pins.contains("[pins.provenance.signature]"), "{pins}");
    let fetched = vsa::with(&scene.project, |ctx| fetch::run(ctx, &told)).expect("a report");
    assert_eq!((fetched.exit_code(), codes(&fetched)), (0, vec![]), "{}", human(&fetched));

    // What there is decides, in a project that asks for nothing too.
    scene.project.pins("[trust]\nprovenance = \"off\"\n");
    vsa::with(&scene.project, |ctx| add::run(ctx, &options("case/provenance:v1"), Consent::Given)).expect("a report");
    assert!(scene.project.read("pins.toml").contains("[pins.provenance.provenance]\nmode = \"strict\"\n"));

    let scene = Scene::new();
    scene.registry.load(&dump);
    let elsewhere = options("case/older-elsewhere:v1");
    let error = vsa::with(&scene.project, |ctx| add::run(ctx, &elsewhere, Consent::Given)).expect_err("an error");
    assert_eq!(error.code(), "subject-mismatch");
}

#[test]
fn one_layer_or_a_list_of_them() {
    let scene = Scene::new();
    let tar = Tar::default().file("bin/tool", "tool").gz();
    let layers = [
        scene.registry.layer(WASM, TOOL, json!({})),
        scene.registry.layer("application/gzip", &tar, json!({ TITLE: "tool.tar.gz" })),
        json!({ "mediaType": "application/x", "digest": digest(TOOL), "size": TOOL.len(), "urls": ["https://example.com/x"] }),
        scene.registry.layer("application/empty", b"", json!({})),
    ];
    let image = scene.registry.image("application/vnd.example.tool", &layers, None);
    scene.registry.tag(REPO, "v1", &scene.registry.manifest(REPO, MANIFEST, &image));
    let hint = refused(&scene, &options("team/tool:v1"), 1, "oci-layer-ambiguous");
    insta::assert_snapshot!("oci-layers", hint);
    refused(&scene, &layer("title=nothing"), 1, "oci-layer-absent");
    refused(&scene, &layer("index=2"), 1, "oci-layer-foreign");
    // A compressed file is no archive, and whether it is to be kept so is said by whoever adds it.
    let gz = [&tar[..10], &[3, 0, 0, 0, 0, 0, 0, 0, 0, 0]].concat();
    let image = scene.registry.image("x/y", &[scene.registry.layer("text/plain", &gz, json!({}))], None);
    scene.registry.tag(REPO, "gz", &scene.registry.manifest(REPO, MANIFEST, &image));
    let hint = refused(&scene, &options("team/tool:gz"), 1, "not-a-tar");
    assert!(hint.contains("`--format raw`"), "{hint}");
    let raw = Options { format: Some(Format::Raw), ..options("team/tool:gz") };
    assert_eq!(added(&scene, &raw).rows[0].detail, "1 file, 20 B -> vendor/tool");
    assert!("tool.tar.gz".parse::<LayerChoice>().is_err());
    for (choice, key, raw) in [
        ("title=tool.tar.gz", "layer = { title = \"tool.tar.gz\" }", false),
        ("media-type=application/wasm", "layer = { media-type = \"application/wasm\" }", true),
        ("index=3", "layer = { index = 3 }", true),
    ] {
        scene.project.pins("");
        added(&scene, &layer(choice));
        let pins = scene.project.read("pins.toml");
        assert!(pins.contains(key) && pins.contains("format = \"raw\"") == raw, "{pins}");
        let report = scene.project.try_fetch(Conduct::default()).expect("a report");
        assert_eq!(report.exit_code(), 0, "{choice}: {}", human(&report));
        assert_eq!(scene.project.exists("vendor/tool/bin/tool"), !raw);
        std::fs::remove_dir_all(scene.project.path("vendor")).expect("a tree");
        std::fs::remove_dir_all(scene.project.path(".pinfold")).expect("a record");
    }
}

#[test]
fn one_platform_or_a_list_of_them() {
    let scene = Scene::new();
    let entry = |architecture: &str, bytes: &[u8]| {
        let digest = scene.registry.artifact(REPO, architecture, &[("tool", bytes)]);
        let size = scene.registry.len(REPO, &digest);
        let platform = json!({ "os": "linux", "architecture": architecture });
        json!({ "mediaType": MANIFEST, "digest": digest, "size": size, "platform": platform })
    };
    let entries = [entry("amd64", TOOL), entry("arm64", b"arm")];
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries });
    let artifact = scene.registry.manifest(REPO, INDEX, &index);
    scene.registry.tag(REPO, "v1", &artifact);
    let hint = refused(&scene, &options("team/tool:v1"), 1, "oci-platform-needed");
    assert!(hint.contains("`--platform` on the command line; there is: linux/amd64, linux/arm64"), "{hint}");
    let platform = |text: &str| Options { platform: Some(text.parse().expect("a platform")), ..keyed() };
    refused(&scene, &platform("linux/s390x"), 1, "oci-platform-absent");
    // The signature is over what the tag names: the index.
    scene.registry.attach(REPO, &artifact, &scene.signer.signature(&artifact));
    added(&scene, &platform("linux/amd64"));
    let pins = scene.project.read("pins.toml");
    assert!(pins.contains(&format!("{artifact}\"\noci-platform = \"linux/amd64\"\nintegrity = ")), "{pins}");
    fetched(&scene, &["provenance-missing"]);
    // The same bytes are not pinned twice under two names.
    let twice = Options { name: Some("other".to_owned()), ..platform("linux/amd64") };
    scene.registry.tag(REPO, "v3", &artifact);
    let twice = Options { spec: format!("oci:{HOST}/{REPO}:v3"), ..twice };
    is(outcome(scene.project.with(&Silent, |ctx| add::run(ctx, &twice, Consent::Given))), 2, &["same-integrity"]);
    let nested = json!({ "mediaType": INDEX, "digest": artifact, "size": scene.registry.len(REPO, &artifact) });
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [nested] });
    scene.registry.tag(REPO, "v2", &scene.registry.manifest(REPO, INDEX, &index));
    let nested = Options { name: Some("other".to_owned()), ..options("team/tool:v2") };
    is(outcome(scene.project.with(&Silent, |ctx| add::run(ctx, &nested, Consent::Given))), 1, &["oci-index-nested"]);
}

#[test]
fn what_a_registry_does_wrong() {
    let (scene, artifact) = scene();
    refused(&scene, &options("team/tool:v9"), 2, "version-absent");
    refused(&scene, &options(&format!("team/tool@{}", digest(b"other"))), 2, "version-absent");
    for (evil, code) in [
        ("blob", "integrity-mismatch"),
        ("short", "body-size"),
        ("cdigest", "oci-header-digest"),
        ("huge", "body-too-long"),
        ("ctype", "manifest-content-type"),
    ] {
        scene.set(|knobs| knobs.evil = evil);
        refused(&scene, &options("team/tool:v1"), 1, code);
    }
    scene.set(|knobs| (knobs.evil, knobs.challenge) = ("", Some("Basic realm=\"x\"")));
    refused(&scene, &options("team/tool:v1"), 2, "oci-unauthorized");
    // The evidence cannot be asked for: nothing is pinned whose signature is to be proved.
    scene.set(|knobs| (knobs.challenge, knobs.referrers) = (None, Some(500)));
    let signature = scene.signer.signature(&artifact);
    scene.registry.attach(REPO, &artifact, &signature);
    refused(&scene, &keyed(), 2, "http-status");
    // The project itself keeps the host from being asked.
    let (scene, _) = self::scene();
    scene.project.pins("[trust]\nhosts = [\"example.com\"]\n");
    assert_eq!(
        outcome(scene.project.with(&Silent, |ctx| add::run(ctx, &options("team/tool:v1"), Consent::Given))).1,
        ["host-not-allowed"]
    );
}

#[test]
fn options_of_artifacts_are_for_artifacts() {
    let (scene, _) = scene();
    scene.project.write("tool.bin", "tool");
    let with = |options: Options| Options { spec: "tool.bin".to_owned(), ..options };
    refused(&scene, &with(keyed()), 2, "option-unfit");
    refused(&scene, &with(layer("index=0")), 2, "option-unfit");
    let platform = Some("linux/amd64".parse().expect("a platform"));
    refused(&scene, &with(Options { platform, ..options("team/tool:v1") }), 2, "option-unfit");
}
