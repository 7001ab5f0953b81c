//! What certificates signed, in both of cosign's forms: judged by `oci verify`, and by pins through their provenance.
//! `tests/vectors/evidence/registry.py` made what is in the registry.

use pinfold::commands::{fetch, oci, verify};
use pinfold::ctx::Ctx;
use pinfold::install::Conduct;
use pinfold::report::Report;
use pinfold_evidence::policy::Policy;
use pinfold_oci::MANIFEST;
use serde_json::Value;

use crate::support::{Project, codes, human, integrity, pin};
use crate::vsa::{self, REPOSITORY};

use super::registry::{HOST, digest};
use super::{Scene, outcome};

fn scene() -> Scene {
    let scene = Scene::new();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/oci/keyless.json");
    let dump: Value = serde_json::from_slice(&std::fs::read(path).expect("a vector")).expect("JSON");
    scene.registry.load(&dump);
    scene
}

/// How `oci verify` of a case ends, for who names this repository.
fn verified(scene: &Scene, case: &str, repository: &str) -> (u8, Vec<String>) {
    let options = oci::Options {
        reference: format!("{HOST}/case/{case}:v1").parse().expect("a reference"),
        keys: Vec::new(),
        policy: Policy { repositories: vec![repository.parse().expect("a repository")], ..Policy::default() },
        ..scene.options("v1")
    };
    outcome(vsa::with(&scene.project, |ctx| oci::verify(ctx, &(&options).into())))
}

#[test]
fn identities_count_in_every_form() {
    let scene = scene();
    for (case, exit, code) in [
        ("older", 0, None),
        ("signature", 0, None),
        ("provenance", 0, None),
        ("older-attestation", 0, None),
        ("older-elsewhere", 1, Some("subject-mismatch")),
        ("older-unlogged", 3, Some("no-time")),
        // Provenance of the layer is none of the manifest; a pin names both.
        ("provenance-layer", 1, Some("subject-mismatch")),
    ] {
        let (came_out, codes) = verified(&scene, case, REPOSITORY);
        assert_eq!((came_out, codes.first().map(String::as_str)), (exit, code), "{case}: {codes:?}");
        // Nobody is good for a repository that was not named.
        let (other, codes) = verified(&scene, case, "https://github.com/upstream/right");
        assert_ne!(other, 0, "{case}: {codes:?}");
        if exit == 0 {
            assert!(codes.contains(&"repository-mismatch".to_owned()), "{case}: {codes:?}");
        }
    }
}

/// Pins a case; `tables` are those of the pin.
fn pinned(scene: &Scene, case: &str, tables: &str) {
    let repo = format!("case/{case}");
    let artifact = scene.registry.digest_of(&repo, "v1");
    let bytes = format!("tool of {repo}\n");
    let source = format!("oci = \"{HOST}/{repo}@{artifact}\"");
    scene.project.pins(&pin("tool", &source, &integrity(bytes.as_bytes()), &format!("format = \"raw\"\n{tables}")));
    assert!(scene.registry.has(&digest(bytes.as_bytes())));
}

fn fetched(project: &Project) -> Report {
    let options = fetch::Options { pins: Vec::new(), conduct: Conduct::default() };
    vsa::with(project, |ctx| fetch::run(ctx, &options)).expect("a report")
}

fn check(scene: &Scene, exit: u8, expected: &[&str]) -> Report {
    let report = fetched(&scene.project);
    assert_eq!((report.exit_code(), codes(&report)), (exit, expected.to_vec()), "{}", human(&report));
    report
}

#[test]
fn provenance_that_is_attached_counts_like_npms() {
    for case in ["provenance", "provenance-layer", "older-attestation"] {
        let scene = scene();
        let table =
            |repository: &str| format!("[pins.tool.provenance]\nmode = \"strict\"\nrepository = \"{repository}\"");
        pinned(&scene, case, &table("https://github.com/upstream/right"));
        check(&scene, 1, &["repository-mismatch"]);
        assert!(!scene.project.exists("vendor/tool"));
        pinned(&scene, case, &table(REPOSITORY));
        let report = check(&scene, 0, &[]);
        let evidence = report.rows[0].evidence.clone().expect("evidence");
        assert_eq!((evidence.kind.as_str(), evidence.repository.as_deref()), ("SLSA provenance", Some(REPOSITORY)));
        // Proved again, and nobody is asked.
        scene.project.web.forget();
        let options = verify::Options::default();
        let again = vsa::with(&scene.project, |ctx| {
            let verdicts = ctx.verdicts.forgetful();
            verify::run(&Ctx { verdicts: &verdicts, ..*ctx }, &options)
        });
        let again = again.expect("a report");
        assert_eq!((again.exit_code(), &again.rows[0].evidence), (0, &Some(evidence)), "{}", human(&again));
    }
}

#[test]
fn a_signature_by_an_identity_is_judged_by_the_pins_provenance() {
    for case in ["older", "signature"] {
        let scene = scene();
        let tables = |repository: &str| {
            format!(
                "[pins.tool.signature]\nmode = \"strict\"\n[pins.tool.provenance]\nmode = \"off\"\n\
                 repository = \"{repository}\"\nref = \"refs/tags/v*\""
            )
        };
        pinned(&scene, case, &tables("https://github.com/upstream/right"));
        check(&scene, 1, &["repository-mismatch"]);
        pinned(&scene, case, &tables(REPOSITORY));
        let report = check(&scene, 0, &[]);
        let evidence = report.rows[0].evidence.clone().expect("evidence");
        assert_eq!(evidence.kind, "a signature of the artifact");
        // A signature says nothing of who built it.
        pinned(&scene, case, &tables(REPOSITORY).replace("mode = \"off\"", "mode = \"strict\""));
        let report = fetched(&scene.project);
        assert_eq!((report.exit_code(), codes(&report)), (1, vec!["provenance-missing"]), "{}", human(&report));
    }
}

#[test]
fn provenance_does_not_stand_for_a_signature_that_cannot_be_read() {
    let scene = scene();
    let artifact = scene.registry.digest_of("case/provenance", "v1");
    scene.registry.attach("case/provenance", &artifact, &serde_json::json!([]));
    let tables = |signature: &str| {
        format!("{signature}[pins.tool.provenance]\nmode = \"strict\"\nrepository = \"{REPOSITORY}\"")
    };
    pinned(&scene, "provenance", &tables(""));
    assert_eq!(fetched(&scene.project).exit_code(), 0);
    let scene = self::scene();
    scene.registry.attach("case/provenance", &artifact, &serde_json::json!([]));
    pinned(&scene, "provenance", &tables("[pins.tool.signature]\nmode = \"lenient\"\n"));
    check(&scene, 1, &["document-empty"]);
}

#[test]
fn what_is_attached_does_not_stand_for_the_file_that_the_pin_names() {
    let scene = scene();
    let artifact = scene.registry.digest_of("case/provenance", "v1");
    let table = format!(
        "[pins.tool.provenance]\nmode = \"strict\"\nrepository = \"{REPOSITORY}\"\nattestation = \"evidence.json\"\n"
    );
    // A statement by whoever: what the file has to say is not said by others.
    let stranger = scene.signer.bundle("https://slsa.dev/provenance/v1", &artifact);
    scene.project.write("evidence.json", stranger.to_string());
    pinned(&scene, "provenance", &table);
    let report = fetched(&scene.project);
    assert_eq!((report.exit_code(), codes(&report)), (3, vec!["unknown-key"]), "{}", human(&report));
    // Signatures are attached alone.
    scene.registry.attach("case/provenance", &artifact, &scene.signer.signature(&artifact));
    let signature = "[pins.tool.signature]\nmode = \"strict\"\nkeys = [\"keys/a.pem\"]\n";
    pinned(&scene, "provenance", &format!("{signature}{}", table.replace("strict", "lenient")));
    check(&scene, 0, &["unknown-key"]);
}

/// cosign 2 with `--registry-referrers-mode=oci-1-1`: the same manifest, attached in the other way.
#[test]
fn the_older_form_counts_as_a_referrer() {
    let scene = scene();
    for (case, exit, code) in
        [("older", 0, None), ("older-elsewhere", 1, Some("subject-mismatch")), ("older-unlogged", 3, Some("no-time"))]
    {
        let repo = format!("case/{case}");
        let artifact = scene.registry.digest_of(&repo, "v1");
        let tag = format!("{}.sig", artifact.replace(':', "-"));
        let older = scene.registry.bytes(&repo, &scene.registry.digest_of(&repo, &tag));
        let mut manifest: Value = serde_json::from_slice(&older).expect("JSON");
        manifest["artifactType"] = "application/vnd.dev.cosign.artifact.sig.v1+json".into();
        manifest["subject"] = serde_json::json!({ "mediaType": MANIFEST, "digest": artifact, "size": 1 });
        scene.registry.untag(&repo, &tag);
        let (came_out, codes) = verified(&scene, case, REPOSITORY);
        assert_eq!((came_out, codes.first().map(String::as_str)), (1, Some("signature-missing")), "{case}: {codes:?}");
        scene.registry.manifest(&repo, MANIFEST, &manifest);
        let (came_out, codes) = verified(&scene, case, REPOSITORY);
        assert_eq!((came_out, codes.first().map(String::as_str)), (exit, code), "{case}: {codes:?}");
        assert_ne!(verified(&scene, case, "https://github.com/upstream/right").0, 0, "{case}");
    }
}
