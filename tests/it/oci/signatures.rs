//! What is attached to an artifact: found in every place, judged, and never hidden.

use std::sync::Arc;

use pinfold::commands::oci::{self, Options};
use pinfold::ctx::Silent;
use pinfold_evidence::policy::Policy;
use pinfold_oci::{BUNDLE, MANIFEST, SIMPLE_SIGNING};
use serde_json::{Value, json};

use crate::corpus::{Corpus, say};
use crate::support::{Project, human};

use super::registry::{HOST, Knobs, Registry, Signer};
use super::{REPO, Scene, is};

/// A scene with an artifact under `v1`.
fn scene() -> (Scene, String) {
    let scene = Scene::new();
    let digest = scene.registry.artifact(REPO, "v1", &[("tool", b"#!tool")]);
    (scene, digest)
}

#[test]
fn the_whole_corpus() {
    let corpus = Corpus::open("oci");
    let dump = |name: &str| serde_json::from_slice::<Value>(&corpus.bytes(name)).expect("JSON");
    let bearer = "Bearer realm=\"https://oci.example.com/token\",service=\"mini,registry\"";
    let (mut wrong, mut counts) = (Vec::new(), (0, 0));
    for (file, kind, knobs) in [
        ("on.json", "on", Knobs::default()),
        ("on.json", "on", Knobs { page: 1, challenge: Some(bearer), ..Knobs::default() }),
        ("off.json", "off", Knobs { referrers: Some(404), ..Knobs::default() }),
        ("off.json", "off", Knobs { referrers: Some(400), ..Knobs::default() }),
    ] {
        let registry = Arc::new(Registry::with(knobs));
        registry.load(&dump(file));
        let project = Project::new("");
        project.web.lead(&format!("https://{HOST}/"), Arc::clone(&registry));
        for line in corpus.text("expectations.jsonl").lines() {
            let case: Value = serde_json::from_str(line).expect("a case is JSON");
            let text = |name: &str| case[name].as_str().expect(name).to_owned();
            if text("registry") != kind {
                continue;
            }
            project.write("key.pem", corpus.bytes(&text("key")));
            // That another key is named too, and first, hides nothing and lets nothing in.
            project.write("other.pem", Signer::new().pem());
            let options = Options {
                reference: format!("{HOST}/{}{}", text("repo"), text("ref")).parse().expect("a reference"),
                platform: None,
                keys: vec![project.path("other.pem"), project.path("key.pem")],
                policy: Policy::default(),
            };
            let report = project.with(&Silent, |ctx| oci::verify(ctx, &(&options).into())).expect("a report");
            let came_out = if report.exit_code() == 0 { "accept" } else { "reject" };
            counts.0 += 1;
            counts.1 += usize::from(came_out == "accept");
            if ![came_out, "either"].contains(&text("should").as_str()) {
                wrong.push(format!("{}: {came_out}: {}\n{}", text("id"), text("why"), human(&report)));
            }
        }
    }
    say(&format!("corpus of registries: {} cases looked at, {} accepted", counts.0, counts.1));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(counts.0 > 40 && counts.1 > 10, "the corpus is not whole: {counts:?}");
}

#[test]
fn the_words_differ() {
    let (scene, digest) = scene();
    is(scene.verified(), 1, &["signature-missing"]);
    let (other, elsewhere) = (Signer::new(), scene.registry.artifact(REPO, "v2", &[("tool", b"#!other")]));
    scene.registry.attach(REPO, &digest, &other.signature(&digest));
    is(scene.verified(), 1, &["signature-untrusted"]);
    // Signed by the right key, about something else.
    scene.registry.attach(REPO, &digest, &scene.signer.signature(&elsewhere));
    is(scene.verified(), 1, &["subject-mismatch", "signature-untrusted"]);
    // Says that it is by the right key, and is not.
    let mut forged = other.signature(&digest);
    forged["verificationMaterial"]["publicKey"]["hint"] = scene.signer.hint().into();
    scene.registry.attach(REPO, &digest, &forged);
    let (exit, codes) = scene.verified();
    assert_eq!(exit, 1);
    assert!(codes.contains(&"signature-invalid".to_owned()), "{codes:?}");
    // One good signature is enough, and what is beside it is told.
    scene.registry.attach(REPO, &digest, &scene.signer.signature(&digest));
    let report = scene.try_verify().expect("a report");
    assert_eq!(report.exit_code(), 0, "{}", human(&report));
    assert!(report.rows[0].findings.iter().any(|finding| finding.code == "signature-invalid"));
    assert_eq!(report.rows[0].source, format!("oci:{HOST}/{REPO}:v1@{digest}"));
    assert_eq!(report.rows[0].evidence.as_ref().map(|one| one.kind.as_str()), Some("a signature of the artifact"));
}

#[test]
fn a_statement_is_no_signature() {
    let (scene, digest) = scene();
    let kind = "https://example.com/scan/v1";
    scene.registry.attach(REPO, &digest, &scene.signer.bundle(kind, &digest));
    is(scene.verified(), 1, &["signature-missing"]);
    let mut options = scene.options("v1");
    options.policy.predicate_types = vec![kind.to_owned()];
    let report = scene.project.with(&Silent, |ctx| oci::verify(ctx, &(&options).into())).expect("a report");
    assert_eq!(report.exit_code(), 0, "{}", human(&report));
    options.policy.predicate_types = vec!["https://slsa.dev/provenance/v1".to_owned()];
    let report = scene.project.with(&Silent, |ctx| oci::verify(ctx, &(&options).into())).expect("a report");
    assert_eq!(report.exit_code(), 1, "{}", human(&report));
    // One that says that it failed is none that anybody asked for, also where its kind is named.
    let summary = "https://slsa.dev/verification_summary/v1";
    for (kind, predicate, code) in [
        (kind, json!({ "result": "FAILED" }), "claim-failed"),
        (summary, json!({ "verificationResult": "FAILED" }), "summary-not-passed"),
        (summary, json!({}), "summary-not-passed"),
    ] {
        let (scene, digest) = self::scene();
        scene.registry.attach(REPO, &digest, &scene.signer.claim(kind, &predicate, &digest));
        let mut options = scene.options("v1");
        options.policy.predicate_types = vec![kind.to_owned()];
        let report = scene.project.with(&Silent, |ctx| oci::verify(ctx, &(&options).into())).expect("a report");
        assert_eq!((report.exit_code(), report.rows[0].findings[0].code.as_str()), (1, code), "{}", human(&report));
    }
}

/// A timestamp is looked at in the older form too, where it is an annotation.
#[test]
fn a_timestamp_that_is_wrong_refuses() {
    let signed = |timestamp: Option<&str>| {
        let (scene, digest) = scene();
        let (payload, signature) = scene.signer.older(&digest);
        let mut notes = json!({ "dev.cosignproject.cosign/signature": signature });
        if let Some(timestamp) = timestamp {
            notes["dev.sigstore.cosign/rfc3161timestamp"] = timestamp.into();
        }
        let layer = scene.registry.layer(SIMPLE_SIGNING, payload.as_bytes(), notes);
        let manifest = scene.registry.manifest(REPO, MANIFEST, &scene.registry.image("", &[layer], None));
        scene.registry.tag(REPO, &format!("{}.sig", digest.replace(':', "-")), &manifest);
        scene
    };
    is(signed(None).verified(), 0, &[]);
    for wrong in
        ["rubbish", "{}", "{\"SignedRFC3161Timestamp\":\"?\"}", "{\"SignedRFC3161Timestamp\":\"cnViYmlzaA==\"}"]
    {
        is(signed(Some(wrong)).verified(), 1, &["timestamp-invalid"]);
    }
    // Beside a good signature it is told, as all is that others attach.
    let scene = signed(Some("{}"));
    let digest = scene.registry.digest_of(REPO, "v1");
    scene.registry.attach(REPO, &digest, &scene.signer.signature(&digest));
    is(scene.verified(), 0, &["timestamp-invalid"]);
}

#[test]
fn nobody_named_is_no_verdict() {
    let (scene, digest) = scene();
    scene.registry.attach(REPO, &digest, &scene.signer.signature(&digest));
    let options = Options { keys: Vec::new(), ..scene.options("v1") };
    is(
        super::outcome(scene.project.with(&Silent, |ctx| oci::verify(ctx, &(&options).into()))),
        3,
        &["nobody-named", "claim"],
    );
    // A key that was named does not make certificates good, nor the other way round.
    let policy = Policy {
        repositories: vec!["https://github.com/upstream/left".parse().expect("a repository")],
        ..Policy::default()
    };
    let options = Options { policy, ..options };
    is(
        super::outcome(scene.project.with(&Silent, |ctx| oci::verify(ctx, &(&options).into()))),
        1,
        &["signature-untrusted"],
    );
}

#[test]
fn every_place_is_looked_at_and_none_hides_another() {
    for referrers in [None, Some(404), Some(400), Some(405)] {
        let (scene, digest) = scene();
        scene.set(|knobs| knobs.referrers = referrers);
        let attached = scene.registry.attach(REPO, &digest, &Signer::new().signature(&digest));
        scene.registry.fall_back(REPO, &digest, std::slice::from_ref(&attached));
        is(scene.verified(), 1, &["signature-untrusted"]);
        // The older form beside a newer one by somebody else, the second of two.
        let older = [Signer::new().older(&digest), scene.signer.older(&digest)];
        scene.registry.attach_older(REPO, &digest, &older);
        assert_eq!(scene.verified().0, 0, "{referrers:?}");
        // And the other way round.
        scene.registry.attach_older(REPO, &digest, &older[..1]);
        assert_eq!(scene.verified().0, 1, "{referrers:?}");
        let good = scene.registry.attach(REPO, &digest, &scene.signer.signature(&digest));
        scene.registry.fall_back(REPO, &digest, &[attached, good]);
        assert_eq!(scene.verified().0, 0, "{referrers:?}");
    }
}

#[test]
fn what_is_attached_elsewhere_is_not_found_from_here() {
    let (scene, digest) = scene();
    let elsewhere = scene.registry.artifact(REPO, "v2", &[("tool", b"#!other")]);
    let attached = scene.registry.attach(REPO, &elsewhere, &scene.signer.signature(&digest));
    scene.set(|knobs| knobs.referrers = Some(404));
    scene.registry.fall_back(REPO, &digest, &[attached]);
    is(scene.verified(), 1, &["signature-missing"]);
}

#[test]
fn pages_are_turned_and_have_an_end() {
    let (scene, digest) = scene();
    for number in 0..5 {
        scene.registry.attach(REPO, &digest, &Signer::new().bundle(&format!("https://example.com/{number}"), &digest));
    }
    scene.registry.attach(REPO, &digest, &scene.signer.signature(&digest));
    for page in 1..7 {
        scene.set(|knobs| knobs.page = page);
        assert_eq!(scene.verified().0, 0, "{page}");
    }
    for (next, code) in [
        ("https://evil.example.com/v2/team/tool/referrers/x", "oci-next-page"),
        ("/v2/other/referrers/x", "oci-next-page"),
        ("/v2/team/tool/../other/referrers/x", "oci-next-page"),
        ("http://oci.example.com/v2/team/tool/referrers/x", "oci-next-page"),
    ] {
        scene.set(|knobs| (knobs.page, knobs.next) = (1, Some(next)));
        is(scene.verified(), 1, &[code]);
    }
    // A page that leads to itself.
    let own: &'static str = Box::leak(format!("/v2/{REPO}/referrers/{digest}").into_boxed_str());
    scene.set(|knobs| knobs.next = Some(own));
    is(scene.verified(), 1, &["oci-next-page"]);
    scene.set(|knobs| (knobs.page, knobs.next, knobs.evil) = (0, None, "referrers-type"));
    is(scene.verified(), 1, &["oci-referrers-type"]);
}

#[test]
fn referrers_by_the_thousand() {
    let (scene, digest) = scene();
    let many = |count: usize, from: usize| {
        for number in from..count {
            let layer = scene.registry.layer("text/plain", number.to_string().as_bytes(), json!({}));
            scene.registry.manifest(REPO, MANIFEST, &scene.registry.image("text/plain", &[layer], Some(&digest)));
        }
    };
    scene.registry.attach_older(REPO, &digest, &[scene.signer.older(&digest)]);
    many(300, 0);
    // Some are not looked at, which is told; the signature is elsewhere.
    is(scene.verified(), 0, &["oci-many-referrers"]);
    let asked = scene.registry.asked().len();
    assert!(asked < 300, "{asked}");
    many(1001, 300);
    is(scene.verified(), 1, &["oci-many-referrers"]);
}

#[test]
fn what_is_attached_and_broken() {
    let (scene, digest) = scene();
    let kind = format!("{BUNDLE}.v0.3+json");
    let broken = scene.registry.layer(&kind, b"no bundle at all", json!({}));
    scene.registry.manifest(REPO, MANIFEST, &scene.registry.image(&kind, &[broken], Some(&digest)));
    is(scene.verified(), 1, &["json-malformed", "signature-missing"]);
    let rotten = scene.registry.layer(&kind, b"{} of other bytes", json!({}));
    scene.registry.rot(rotten["digest"].as_str().expect("a digest"));
    scene.registry.manifest(REPO, MANIFEST, &scene.registry.image(&kind, &[rotten], Some(&digest)));
    let (exit, codes) = scene.verified();
    assert!(exit == 1 && codes.contains(&"integrity-mismatch".to_owned()), "{codes:?}");
    // A good one beside them holds.
    scene.registry.attach(REPO, &digest, &scene.signer.signature(&digest));
    let report = scene.try_verify().expect("a report");
    assert_eq!(report.exit_code(), 0, "{}", human(&report));
    assert_eq!(report.rows[0].findings.len(), 2, "{}", human(&report));
}

#[test]
fn every_fault_of_a_registry() {
    for (evil, exit, code) in [
        ("blob", 1, "integrity-mismatch"),
        ("short", 1, "body-size"),
        ("manifest", 0, ""),
        ("cdigest", 1, "oci-header-digest"),
        ("cdigest-form", 1, "oci-header-digest"),
        ("huge", 1, "body-too-long"),
        ("loop", 2, "redirect-limit"),
        ("ctype", 1, "manifest-content-type"),
    ] {
        let (scene, digest) = scene();
        scene.registry.attach(REPO, &digest, &scene.signer.signature(&digest));
        assert_eq!(scene.verified().0, 0);
        scene.set(|knobs| knobs.evil = evil);
        if evil == "manifest" {
            // By its tag it is another manifest, which nobody has signed; by its digest it is wrong.
            assert_eq!(scene.verified().0, 1);
            let options =
                Options { reference: scene.options("v1").reference.at(digest_of(&digest)), ..scene.options("v1") };
            let outcome = super::outcome(scene.project.with(&Silent, |ctx| oci::verify(ctx, &(&options).into())));
            is(outcome, 1, &["integrity-mismatch"]);
            continue;
        }
        let (came_out, codes) = scene.verified();
        assert_eq!((came_out, codes.first().map(String::as_str)), (exit, Some(code)), "{evil}: {codes:?}");
    }
}

fn digest_of(text: &str) -> pinfold_core::digest::Integrity {
    pinfold_core::oci::parse_digest(text).expect("a digest")
}
