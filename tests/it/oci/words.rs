//! What people are told, where two things could be meant: which word comes first, what a hint names, and what a paper about
//! pins makes of a signature.

use pinfold::commands::oci::{self, Options, Verify, copy, pull};
use pinfold::commands::sbom::{self, Format};
use pinfold::commands::{explain, report};
use pinfold::ctx::Silent;
use pinfold::install::Conduct;
use pinfold::report::{Finding, Report};
use pinfold_core::fault::Fault;
use serde_json::Value;

use crate::support::{codes, human, integrity, pin};

use super::copy::{OTHER, layout, wanted};
use super::push::{push, run, scene as pushing};
use super::registry::{HOST, Knobs, Signer, digest};
use super::{REPO, Scene, is, outcome};

const SCAN: &str = "https://example.com/scan/v1";

fn judged(scene: &Scene, options: &Options) -> Report {
    scene.project.with(&Silent, |ctx| oci::verify(ctx, &options.into())).expect("a report")
}

fn first(result: Result<Report, Fault>) -> Finding {
    let findings = match result {
        Ok(report) => report.rows[0].findings.clone(),
        Err(error) => error.findings(),
    };
    findings.into_iter().next().expect("a finding")
}

#[test]
fn what_came_back_wrong_is_told_before_what_is_missing() {
    let (scene, key) = pushing(Knobs { evil: "blob", ..Knobs::default() });
    let finding = first(run(&scene, &push(&scene, Some(&key))));
    assert_eq!(finding.code, "integrity-mismatch", "{}", finding.message);
    assert!(finding.message.contains("what was attached comes back wrong"), "{}", finding.message);
    assert!(finding.expected.is_some() && finding.received.is_some() && !scene.registry.has_tag(REPO, "v1"));
}

#[test]
fn a_key_that_was_named_is_not_asked_for() {
    let scene = Scene::new();
    let artifact = scene.registry.artifact(REPO, "v1", &[("tool", b"tool")]);
    scene.registry.attach(REPO, &artifact, &Signer::new().bundle(SCAN, &artifact));
    let mut options = scene.options("v1");
    options.policy.predicate_types = vec![SCAN.to_owned()];
    for (keys, hint) in [(options.keys.clone(), "none of the keys that were named"), (Vec::new(), "with `--key`")] {
        let report = judged(&scene, &Options { keys, ..options.clone() });
        assert_eq!(report.exit_code(), 3, "{}", human(&report));
        assert!(human(&report).contains(hint), "{}", human(&report));
    }
}

#[test]
fn a_claim_about_a_file_is_told_where_one_about_the_artifact_is_asked_for() {
    let scene = Scene::new();
    scene.registry.artifact(REPO, "v1", &[("tool", b"tool"), ("other", b"other")]);
    let artifact = scene.registry.digest_of(REPO, "v1");
    scene.registry.attach(REPO, &artifact, &scene.signer.bundle(SCAN, &digest(b"tool")));
    let mut options = scene.options("v1");
    options.policy.predicate_types = vec![SCAN.to_owned()];
    let report = judged(&scene, &options);
    assert_eq!((report.exit_code(), codes(&report)), (1, vec!["subject-mismatch", "claim-about-file"]));
    assert!(human(&report).contains("about the file `tool`"), "{}", human(&report));
    // One of another kind is nothing that was asked for.
    options.policy.predicate_types = vec!["https://example.com/other/v1".to_owned()];
    assert_eq!(codes(&judged(&scene, &options)), ["subject-mismatch"]);
}

#[test]
fn a_key_of_another_kind_is_called_one() {
    // P-521, by `openssl ecparam -name secp521r1 -genkey | openssl ec -pubout`.
    const P521: &str = "-----BEGIN PUBLIC KEY-----
MIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQBMphiu7TO0Hq3BuaMkeYvoZZVbp18
DJJXo2uRksxTlLDkjPG5oiaBZi+RcyJjxVxqXAkGhCnUjaWV5xP08KRbBEUBRbS5
BfqYal62yHiM5mIcYvec21aHq0mP5ohDc7krzYIQJTqa1R+YWFHQ2PfFus2cEr4Y
wt3cEkw2GLx4upPBs38=
-----END PUBLIC KEY-----
";
    let scene = Scene::new();
    scene.registry.artifact(REPO, "v1", &[("tool", b"tool")]);
    let private =
        "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n";
    let (two, nonsense) = (format!("{0}{0}", scene.signer.pem()), "nonsense");
    for (key, message, hint) in [
        (P521, "kind that is not supported", "P-256, P-384, RSA or Ed25519"),
        (private, "a private key", "public half"),
        (&two, "more than one key", "a file of its own"),
        (nonsense, "not a public key", "PEM block `PUBLIC KEY`"),
    ] {
        scene.project.write("keys/a.pem", key);
        let finding = first(scene.try_verify());
        let told = (finding.message, finding.hint.expect("a hint"));
        assert!(told.0.contains(message) && told.1.contains(hint), "{told:?}");
    }
}

#[test]
fn a_way_that_goes_round_is_told_once() {
    let scene = Scene::new();
    let artifact = scene.registry.artifact(REPO, "v1", &[("tool", b"tool")]);
    scene.registry.attach(REPO, &artifact, &scene.signer.signature(&artifact));
    scene.set(|knobs| knobs.evil = "loop");
    let finding = first(scene.try_verify());
    assert_eq!(finding.code, "redirect-limit");
    let hint = finding.hint.expect("a hint");
    assert!(hint.matches("https://").count() == 2 && hint.ends_with(", and so on"), "{hint}");
}

#[test]
fn what_lies_in_a_folder_is_judged_there() {
    let scene = Scene::new();
    let artifact = scene.registry.artifact(REPO, "v1", &[("tool", b"tool")]);
    scene.registry.attach(REPO, &artifact, &scene.signer.signature(&artifact));
    let folder = layout(&scene, "");
    let from = format!("{HOST}/{REPO}:v1");
    is(outcome(scene.project.with(&Silent, |ctx| copy::run(ctx, &wanted(&scene, &from, &folder, false)))), 0, &[]);
    scene.registry.asked();
    let verify = |place: &str| {
        let from = place.parse().expect("a place");
        let what = Verify { from, ..Verify::from(&scene.options("v1")) };
        scene.project.with(&Silent, |ctx| oci::verify(ctx, &what))
    };
    for place in [folder.clone(), layout(&scene, ":v1"), layout(&scene, &format!("@{artifact}"))] {
        let report = verify(&place).expect("a report");
        assert_eq!(report.exit_code(), 0, "{}", human(&report));
        assert_eq!(
            (&report.rows[0].subject, &report.rows[0].source),
            (&place, &layout(&scene, &format!("@{artifact}")))
        );
    }
    is(outcome(verify(&layout(&scene, ":v2"))), 2, &["oci-layout-absent"]);
    scene.project.write("keys/a.pem", Signer::new().pem());
    is(outcome(verify(&folder)), 1, &["signature-untrusted"]);
    assert!(scene.registry.asked().is_empty());
}

#[test]
fn a_tag_that_a_copy_writes_over_is_told() {
    let (scene, other) = super::copy::scene(Knobs::default());
    let mut before = String::new();
    for (bytes, expected) in [(&b"one"[..], &[][..]), (b"one", &[]), (b"two", &["tag-replaced"])] {
        let artifact = scene.registry.artifact(REPO, "v1", &[("tool", bytes)]);
        scene.registry.attach(REPO, &artifact, &scene.signer.signature(&artifact));
        let (from, to) = (format!("{HOST}/{REPO}:v1"), format!("{OTHER}/{REPO}:v1"));
        let copied = scene.project.with(&Silent, |ctx| copy::run(ctx, &wanted(&scene, &from, &to, false)));
        let report = copied.expect("a report");
        assert_eq!(codes(&report), expected);
        assert_eq!(human(&report).contains(&before), !expected.is_empty() || before.is_empty(), "{}", human(&report));
        before = format!("stood for {}", other.digest_of(REPO, "v1"));
    }
}

#[test]
fn files_are_told_as_new_or_there() {
    let scene = Scene::new();
    let artifact = scene.registry.artifact(REPO, "v1", &[("tool", b"tool")]);
    scene.registry.attach(REPO, &artifact, &scene.signer.signature(&artifact));
    let wanted = super::pull::wanted(&scene, false);
    let pull = || scene.project.with(&Silent, |ctx| pull::run(ctx, &wanted));
    assert_eq!(first(pull()).message, "`tool` is new");
    assert_eq!(first(pull()).message, "`tool` was there already, and is the same");
    scene.project.write("out/tool", "mine");
    let told = first(pull()).message;
    assert!(told.contains("out/tool` is there already, and is something else"), "{told}");
}

#[test]
fn a_signature_is_no_word_of_a_build() {
    const TOOL: &[u8] = b"\x7fELF tool";
    let scene = Scene::new();
    let artifact = scene.registry.artifact(REPO, "v1", &[("tool", TOOL)]);
    scene.registry.attach(REPO, &artifact, &scene.signer.signature(&artifact));
    let source = format!("oci = \"{HOST}/{REPO}:v1@{artifact}\"");
    let more = "format = \"raw\"\n[pins.tool.signature]\nmode = \"strict\"\nkeys = [\"keys/a.pem\"]";
    scene.project.pins(&pin("tool", &source, &integrity(TOOL), more));
    assert_eq!(scene.project.try_fetch(Conduct::default()).expect("a report").exit_code(), 0);
    let papers = || {
        scene.project.with(&Silent, |ctx| {
            let bill = |format| sbom::run(ctx, sbom::Options { format, time: None }).expect("a bill").document;
            let page = report::run(ctx, None).expect("a page");
            (bill(Format::CycloneDx), bill(Format::Spdx), page)
        })
    };
    let (cyclonedx, spdx, page) = papers();
    let bill: Value = serde_json::from_str(&cyclonedx).expect("JSON");
    let property = |name: &str| {
        let all = bill["components"][0]["properties"].as_array().expect("properties").clone();
        all.into_iter().find(|one| one["name"] == name).map(|one| one["value"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(property("pinfold:evidence").as_deref(), Some("signed"));
    let signer = property("pinfold:signed-by").expect("a signer");
    assert!(signer.starts_with("the key SHA256:"), "{signer}");
    assert!(spdx.contains(&format!("the artifact is signed by {signer}")), "{spdx}");
    assert!(page.document.contains(&format!("signed by {signer}")), "{}", page.document);
    assert!(page.document.contains("<strong>0</strong> with proved evidence"), "{}", page.document);
    assert!(page.document.contains("no proved evidence of who built it") && !page.document.contains("class='line'"));
    assert_eq!(page.report.summary, "1 pin, 0 with proved evidence, 1 only signed");
    let explained = scene.project.with(&Silent, |ctx| explain::run(ctx, "tool")).expect("a report");
    let row = |question: &str| explained.rows.iter().find(|row| row.subject.contains(question)).expect("a row");
    assert_eq!(
        (row("sign the artifact").status.as_str(), row("own machinery").status.as_str()),
        ("proven", "not known")
    );
    // Of bytes that are not at hand nobody is said to have signed anything.
    std::fs::remove_dir_all(scene.project.store_folder()).expect("a store");
    let (cyclonedx, spdx, page) = papers();
    for paper in [cyclonedx, spdx, page.document] {
        assert!(!paper.contains("signed by") && !paper.contains("signed-by"), "{paper}");
    }
}
