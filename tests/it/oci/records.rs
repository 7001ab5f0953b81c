//! Whoever writes the pins and the records of a project that others look at, and would have them believe too much of it.

use pinfold::commands::{audit, explain, verify};
use pinfold::ctx::Silent;
use pinfold::install::Conduct;
use pinfold::report::Report;

use crate::support::{codes, human, integrity, pin};

use super::registry::{HOST, Signer};
use super::{REPO, Scene};

const TOOL: &[u8] = b"\x7fELF tool";
const EVIL: &[u8] = b"\x7fELF evil";
const MIRROR: &str = "https://mirror.example.com/tool";
const SIGNATURE: &str = "[pins.tool.signature]\nmode = \"strict\"\nkeys = [\"keys/a.pem\"]\n";
const OFF: &str = "[pins.tool.provenance]\nmode = \"off\"\n";

/// A pin of the artifact with these bytes, which a mirror has too.
fn pinned(scene: &Scene, artifact: &str, bytes: &[u8], tables: &str) {
    let source = format!("oci = \"{HOST}/{REPO}:v1@{artifact}\"");
    let more = format!("format = \"raw\"\nmirrors = [\"{MIRROR}\"]\n{tables}");
    scene.project.web.serve(MIRROR, bytes);
    scene.project.pins(&pin("tool", &source, &integrity(bytes), &more));
}

fn fetch(scene: &Scene, conduct: Conduct) -> Report {
    scene.project.try_fetch(conduct).expect("a report")
}

fn check(scene: &Scene, exit: u8, expected: &[&str]) {
    let report = fetch(scene, Conduct::default());
    assert_eq!((report.exit_code(), codes(&report)), (exit, expected.to_vec()), "{}", human(&report));
}

fn verified(scene: &Scene) -> Report {
    scene.project.with(&Silent, |ctx| verify::run(ctx, &verify::Options::default())).expect("a report")
}

fn scene() -> (Scene, String) {
    let scene = Scene::new();
    let artifact = scene.registry.artifact(REPO, "v1", &[("tool", TOOL)]);
    scene.registry.attach(REPO, &artifact, &scene.signer.signature(&artifact));
    (scene, artifact)
}

/// The value of a record's evidence.
fn evidence(record: &str) -> &str {
    let (_, behind) = record.split_once("\"evidence\": ").expect("evidence");
    behind
        .split_once(",\n  \"signatures\"")
        .map_or_else(|| behind.trim_end().trim_end_matches("\n}"), |(value, _)| value)
}

#[test]
fn a_signature_of_other_bytes_does_not_come_in_by_a_record() {
    let (scene, artifact) = scene();
    pinned(&scene, &artifact, TOOL, &format!("{SIGNATURE}{OFF}"));
    check(&scene, 0, &[]);
    let good = scene.project.read(".pinfold/tool.json");
    let sha256 = good.lines().find(|line| line.contains("\"sha256\"")).expect("a digest").to_owned();
    let kept = evidence(&good).replace(&format!("{sha256}\n"), "");
    // Other bytes under the same digest, out of a mirror, while the registry is away and nobody looks at evidence.
    std::fs::remove_file(scene.project.path(".pinfold/tool.json")).expect("a record");
    std::fs::remove_file(scene.project.path("vendor/tool")).expect("a file");
    scene.set(|knobs| knobs.evil = "huge");
    pinned(&scene, &artifact, EVIL, OFF);
    check(&scene, 0, &["body-too-long"]);
    pinned(&scene, &artifact, EVIL, &format!("{SIGNATURE}{OFF}"));
    let record = scene.project.read(".pinfold/tool.json");
    for kept in [kept, evidence(&good).to_owned()] {
        scene.project.write(".pinfold/tool.json", record.replace(evidence(&record), &kept));
        let report = verified(&scene);
        assert_eq!((report.exit_code(), codes(&report)), (1, vec!["integrity-mismatch"]), "{}", human(&report));
        assert!(report.rows[0].evidence.is_none());
        // Where the bytes are not here the record's word stands for them, which is said.
        let store = scene.project.store_folder();
        let aside = store.with_extension("aside");
        std::fs::rename(&store, &aside).expect("a store");
        let report = verified(&scene);
        assert!(codes(&report).contains(&"evidence-by-record"), "{}", human(&report));
        let _ = std::fs::remove_dir_all(&store);
        std::fs::rename(&aside, &store).expect("a store");
        // Nor do they come in by a fetch.
        std::fs::remove_file(scene.project.path("vendor/tool")).expect("a file");
        check(&scene, 1, &["integrity-mismatch"]);
        scene.project.write("vendor/tool", EVIL);
    }
}

#[test]
fn a_mirror_does_not_make_good_what_the_registry_refutes() {
    // The digest leads to other bytes than the integrity, and the registry has just proved it.
    let (scene, artifact) = scene();
    pinned(&scene, &artifact, EVIL, OFF);
    check(&scene, 1, &["integrity-mismatch"]);
    let wrong = pinfold_core::digest::Integrity::of(pinfold_core::digest::Algorithm::Sha256, EVIL).to_string();
    scene.project.pins(&scene.project.read("pins.toml").replace(&integrity(EVIL), &wrong));
    check(&scene, 1, &["integrity-mismatch"]);
    // It leads to no such layer.
    pinned(&scene, &artifact, EVIL, &format!("layer = {{ title = \"other\" }}\n{OFF}"));
    check(&scene, 1, &["oci-layer-absent"]);
    assert!(!scene.project.exists("vendor/tool"));
}

#[test]
fn a_list_that_is_wrong_is_not_one_that_did_not_come() {
    let lenient = SIGNATURE.replace("strict", "lenient");
    let page: fn(&mut super::Knobs) = |knobs| (knobs.page, knobs.next) = (1, Some("https://evil.example.com/v2/"));
    let kind: fn(&mut super::Knobs) = |knobs| knobs.evil = "referrers-type";
    for (change, code) in [(page, "oci-next-page"), (kind, "oci-referrers-type")] {
        for signature in [SIGNATURE, &lenient] {
            let (scene, artifact) = scene();
            scene.registry.attach(REPO, &artifact, &Signer::new().signature(&artifact));
            scene.set(change);
            pinned(&scene, &artifact, TOOL, &format!("{signature}{OFF}"));
            check(&scene, 1, &[code]);
            assert!(!scene.project.exists("vendor/tool"));
        }
    }
    // A registry that is ill is no registry that has nothing: `strict` fails, `lenient` says that nobody answered.
    let (scene, artifact) = scene();
    scene.set(|knobs| knobs.referrers = Some(500));
    pinned(&scene, &artifact, TOOL, &format!("{SIGNATURE}{OFF}"));
    check(&scene, 2, &["http-status"]);
    pinned(&scene, &artifact, TOOL, &format!("{lenient}{OFF}"));
    check(&scene, 0, &["http-status"]);
    assert!(scene.project.read(".pinfold/tool.json").contains("\"unasked\""));
    scene.set(|knobs| knobs.referrers = None);
    check(&scene, 0, &[]);
}

#[test]
fn a_statement_in_another_spelling_signs_no_pin() {
    let scene = Scene::new();
    let artifact = scene.registry.artifact(REPO, "v1", &[("tool", TOOL)]);
    let mut bundle = scene.signer.bundle("https://example.com/scan/v1", &artifact);
    bundle["dsseEnvelope"]["signatures"][0]["keyid"] = "".into();
    let mut envelope = bundle["dsseEnvelope"].clone();
    envelope["dsseEnvelope"] = Signer::new().signature(&artifact)["dsseEnvelope"].clone();
    scene.registry.attach(REPO, &artifact, &envelope);
    for mode in ["strict", "lenient"] {
        pinned(&scene, &artifact, TOOL, &format!("{}{OFF}", SIGNATURE.replace("strict", mode)));
        check(&scene, u8::from(mode == "strict"), &["signature-missing"]);
    }
}

#[test]
fn hosts_that_were_not_named_are_not_asked() {
    let (scene, artifact) = scene();
    pinned(&scene, &artifact, TOOL, &format!("{SIGNATURE}{OFF}"));
    let text = scene.project.read("pins.toml").replacen(
        "version = 1",
        "version = 1\n[trust]\nhosts = [\"oci.example.com\"]",
        1,
    );
    scene.project.write("pins.toml", text);
    let far: fn(&mut super::Knobs) = |knobs| knobs.redirect = Some("https://cdn.example.com/cdn/");
    let realm: fn(&mut super::Knobs) =
        |knobs| knobs.challenge = Some("Bearer realm=\"https://auth.example.com/token\"");
    for change in [far, realm] {
        scene.set(|knobs| *knobs = super::Knobs::default());
        scene.set(change);
        let report = fetch(&scene, Conduct::default());
        assert_eq!(report.exit_code(), 1, "{}", human(&report));
        assert!(codes(&report).iter().all(|code| *code == "host-not-allowed"), "{}", human(&report));
        let asked = scene.registry.asked();
        assert!(asked.iter().all(|(url, _)| url.starts_with("https://oci.example.com/")), "{asked:?}");
        assert!(scene.project.web.asked().iter().all(|url| !url.contains("mirror")));
    }
    // What grants access to a CDN is in no message.
    scene.set(|knobs| *knobs = super::Knobs::default());
    scene.set(|knobs| knobs.redirect = Some("https://nowhere.example.com/"));
    scene.project.pins(
        &scene
            .project
            .read("pins.toml")
            .replace("[\"oci.example.com\"]", "[\"oci.example.com\", \"nowhere.example.com\"]"),
    );
    let report = fetch(&scene, Conduct::default());
    let text = format!("{}{}", human(&report), report.to_json());
    assert!(
        report.exit_code() != 0 && text.contains("nowhere.example.com") && !text.contains("signature=abc"),
        "{text}"
    );
}

#[test]
fn offline_nobody_has_been_asked() {
    let (scene, artifact) = scene();
    pinned(&scene, &artifact, TOOL, OFF);
    check(&scene, 0, &[]);
    scene.project.write("evidence.json", scene.signer.bundle("https://slsa.dev/provenance/v1", &artifact).to_string());
    let file = "[pins.tool.provenance]\nmode = \"strict\"\nattestation = \"evidence.json\"\nrepository = \"https://github.com/upstream/left\"\n";
    pinned(&scene, &artifact, TOOL, file);
    std::fs::remove_file(scene.project.path("vendor/tool")).expect("a file");
    let report = fetch(&scene, Conduct { offline: true, ..Conduct::default() });
    assert_eq!((report.exit_code(), codes(&report)), (2, vec!["evidence-offline"]), "{}", human(&report));
}

/// Status and answer of a question of `explain`.
fn explained(scene: &Scene, question: &str) -> (String, String) {
    let report = scene.project.with(&Silent, |ctx| explain::run(ctx, "tool")).expect("a report");
    let row = report.rows.into_iter().find(|row| row.subject.contains(question)).expect(question);
    (row.status, row.detail)
}

#[test]
fn who_signed_is_explained() {
    let (scene, artifact) = scene();
    pinned(&scene, &artifact, TOOL, &format!("{SIGNATURE}{OFF}"));
    let question = "sign the artifact";
    assert_eq!(explained(&scene, question).0, "not known");
    check(&scene, 0, &[]);
    let (status, answer) = explained(&scene, question);
    assert_eq!(status, "proven", "{answer}");
    assert!(answer.starts_with("yes: ") && answer.contains("SHA256:"), "{answer}");
    assert!(explained(&scene, "demand").1.contains("signature: strict by the keys in keys/a.pem"));
    scene.project.write("keys/a.pem", Signer::new().pem());
    let (status, answer) = explained(&scene, question);
    assert_eq!(status, "refuted", "{answer}");
    pinned(&scene, &artifact, TOOL, OFF);
    assert_eq!(explained(&scene, question).0, "not known");
    pinned(&scene, &artifact, TOOL, &format!("{SIGNATURE}{OFF}"));
    std::fs::remove_dir_all(scene.project.store_folder()).expect("a store");
    scene.project.write("keys/a.pem", scene.signer.pem());
    assert_eq!(explained(&scene, question).0, "claimed");
}

#[test]
fn an_audit_is_no_softer_than_the_pin() {
    let scene = Scene::new();
    let artifact = scene.registry.artifact(REPO, "v1", &[("tool", TOOL)]);
    let kind = "https://example.com/scan/v1";
    scene.registry.attach(REPO, &artifact, &scene.signer.bundle(kind, &artifact));
    pinned(&scene, &artifact, TOOL, &format!("{}{OFF}", SIGNATURE.replace("strict", "lenient")));
    check(&scene, 0, &["signature-missing"]);
    let audited = || {
        let report = scene.project.with(&Silent, |ctx| audit::run(ctx, &audit::Options::default())).expect("a report");
        (report.exit_code(), codes(&report).contains(&"signature-missing"))
    };
    assert_eq!(audited(), (0, true));
    pinned(&scene, &artifact, TOOL, &format!("{SIGNATURE}{OFF}"));
    assert_eq!(audited(), (1, true));
}
