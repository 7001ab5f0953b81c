//! Verification summaries: what `verify --vsa` writes is what was verified, never more, and `check`'s way reads it back.

use std::path::{Path, PathBuf};

use pinfold::commands::seal::Signing;
use pinfold::commands::{fetch, vsa};
use pinfold::ctx::{Ctx, Silent};
use pinfold::install::Conduct;
use pinfold::report::Report;
use pinfold_core::digest::{Algorithm, Integrity, Sha256};
use pinfold_evidence::attestation::{Artifact, NamedKey, Trust as Proving, prove, read};
use pinfold_evidence::policy::{Policy, SummaryPolicy, Verdict, judge};
use pinfold_evidence::root::{RegistryKeys, TrustRoots};
use pinfold_evidence::trust::Trust;
use pinfold_sign::signer::SigningKey;
use serde_json::Value;

use crate::evidence::Vector;
use crate::support::{Project, codes, human, integrity, pin};

/// A key that is published here and so signs for nobody.
const KEY: &[u8] = include_bytes!("../../src/net/http/tests/leaf.key");
const VERIFIER: &str = "https://verifier.example.com/pinfold";
/// 2025-07-02, after the vectors were signed.
const NOW: i64 = 1_751_457_600;

/// What the vectors are about.
pub(crate) fn artifact() -> Vec<u8> {
    std::fs::read(vectors().join("artifact.bin")).expect("an artifact")
}

pub(crate) fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/evidence")
}

/// A project with a pin `left` of the vectors' artifact and one vector's evidence for it; `source` is a line of the pin.
pub(crate) fn built(vector: &str, source: &str, repository: &str) -> Project {
    let more = format!(
        "[pins.left.provenance]\nmode = \"strict\"\nrepository = \"{repository}\"\nattestation = \"evidence.json\"\n"
    );
    let project = Project::new(&pin("left", source, &integrity(&artifact()), &format!("format = \"raw\"\n{more}")));
    project.write("artifact.bin", artifact());
    project.write("evidence.json", Vector::named(vector).document);
    project.web.serve("https://example.com/artifact.bin", artifact());
    project
}

pub(crate) const FILE: &str = "file = \"artifact.bin\"";
pub(crate) const REPOSITORY: &str = "https://github.com/upstream/left";

/// Calls `work` with the root that the vectors are signed under.
pub(crate) fn with<R>(project: &Project, work: impl FnOnce(&Ctx<'_>) -> R) -> R {
    let trust = Trust::new(None).with_root(Some(vectors().join("trusted_root.json").display().to_string()));
    project.with(&Silent, |ctx| work(&Ctx { trust: &trust, ..*ctx }))
}

pub(crate) fn fetched(project: &Project) {
    let options = fetch::Options { pins: Vec::new(), conduct: Conduct::default() };
    let report = with(project, |ctx| fetch::run(ctx, &options)).expect("a report");
    assert_eq!(report.exit_code(), 0, "{}", human(&report));
}

fn options(project: &Project, key: Option<SigningKey>) -> vsa::Options {
    let folder = project.path("vsa");
    let signing = key.map(|key| Signing::Key { key, notes: Vec::new() });
    let verifier = VERIFIER.to_owned();
    vsa::Options { pins: Vec::new(), folder, force: false, verifier, signing, time: Some(NOW) }
}

fn summed_up(project: &Project) -> (Report, Value) {
    let report = with(project, |ctx| vsa::run(ctx, &options(project, None))).expect("a report");
    let statement = serde_json::from_str(&project.read("vsa/left.vsa.json")).expect("JSON");
    (report, statement)
}

fn key() -> SigningKey {
    SigningKey::from_pem(KEY, None).expect("a key")
}

#[test]
fn a_summary_says_what_was_verified() {
    let project = built("ok-actions", FILE, REPOSITORY);
    fetched(&project);
    let (report, statement) = summed_up(&project);
    assert_eq!(report.exit_code(), 0, "{}", human(&report));
    assert_eq!(report.notes[0].code, "summaries-written");
    assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(statement["predicateType"], "https://slsa.dev/verification_summary/v1");
    let digest = |algorithm| Integrity::of(algorithm, &artifact()).hex();
    assert_eq!(statement["subject"][0]["digest"]["sha512"], digest(Algorithm::Sha512));
    assert_eq!(statement["subject"][0]["digest"]["sha256"], digest(Algorithm::Sha256));
    let predicate = &statement["predicate"];
    assert_eq!(predicate["verifier"]["id"], VERIFIER);
    assert_eq!(predicate["timeVerified"], "2025-07-02T12:00:00Z");
    assert_eq!(predicate["verificationResult"], "PASSED");
    assert_eq!(predicate["slsaVersion"], "1.1");
    assert_eq!(predicate["policy"]["uri"], "pins.toml");
    let policy = Sha256::of(project.read("pins.toml").as_bytes()).hex();
    assert_eq!(predicate["policy"]["digest"]["sha256"], policy);
    assert_eq!(
        predicate["resourceUri"],
        format!("pkg:generic/artifact.bin?checksum=sha512:{}", digest(Algorithm::Sha512))
    );
    // The digest of an input is that of what lies in the record, as anybody can take it from there.
    let record: Value = serde_json::from_str(&project.read(".pinfold/left.json")).expect("JSON");
    let (file, pointer) =
        predicate["inputAttestations"][0]["uri"].as_str().and_then(|uri| uri.split_once('#')).expect("a URI");
    assert_eq!(file, ".pinfold/left.json");
    let kept = record.pointer(pointer).expect("an attestation").to_string();
    assert_eq!(predicate["inputAttestations"][0]["digest"]["sha256"], Sha256::of(kept.as_bytes()).hex());
}

#[test]
fn the_level_is_what_the_evidence_supports() {
    let generator = |file: &str| {
        let folder = "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/";
        format!("builder = \"{folder}{file}_slsa3.yml\"\n")
    };
    for (vector, builder, level) in [
        ("ok-actions", None, "SLSA_BUILD_LEVEL_2"),
        ("ok-npm", None, "SLSA_BUILD_LEVEL_2"),
        ("ok-self-hosted", None, "SLSA_BUILD_LEVEL_1"),
        ("ok-old-claims", None, "SLSA_BUILD_LEVEL_1"),
        ("ok-generator-go", Some("generator_go"), "SLSA_BUILD_LEVEL_3"),
        ("ok-generator-generic", Some("generator_generic"), "SLSA_BUILD_LEVEL_3"),
        ("ok-delegated", Some("builder_nodejs"), "SLSA_BUILD_LEVEL_3"),
    ] {
        let project = built(vector, FILE, REPOSITORY);
        let mode = "mode = \"strict\"\n";
        let more = builder.map_or_else(String::new, generator);
        project.pins(&project.read("pins.toml").replace(mode, &format!("{mode}{more}")));
        fetched(&project);
        let (_, statement) = summed_up(&project);
        assert_eq!(statement["predicate"]["verifiedLevels"], serde_json::json!([level]), "{vector}");
    }
    let project = Project::new(&pin("left", FILE, &integrity(&artifact()), "format = \"raw\"\n"));
    project.write("artifact.bin", artifact());
    fetched(&project);
    let (report, statement) = summed_up(&project);
    assert_eq!((report.exit_code(), codes(&report)), (0, vec!["provenance-missing"]));
    assert_eq!(statement["predicate"]["verifiedLevels"], serde_json::json!(["SLSA_BUILD_LEVEL_0"]));
}

#[test]
fn a_record_alone_raises_nothing() {
    let project = built("ok-actions", "url = \"https://example.com/artifact.bin\"", REPOSITORY);
    fetched(&project);
    let (_, with_bytes) = summed_up(&project);
    assert_eq!(with_bytes["predicate"]["verifiedLevels"][0], "SLSA_BUILD_LEVEL_2");
    std::fs::remove_dir_all(project.store_folder()).expect("a store");
    let (report, statement) = summed_up(&project);
    assert_eq!((report.exit_code(), codes(&report)), (0, vec!["evidence-by-record"]), "{}", human(&report));
    assert_eq!(statement["predicate"]["verifiedLevels"][0], "SLSA_BUILD_LEVEL_0");
    assert!(statement["subject"][0]["digest"]["sha256"].is_null(), "nobody has seen that digest");
}

#[test]
fn what_did_not_pass_is_said_over_what_did() {
    let project = built("ok-actions", FILE, REPOSITORY);
    fetched(&project);
    with(&project, |ctx| vsa::run(ctx, &options(&project, Some(key())))).expect("a report");
    assert!(project.exists("vsa/left.vsa.dsse.json") && !project.exists("vsa/left.vsa.json"));
    project.write("vendor/left", "loot");
    let (report, statement) = summed_up(&project);
    assert_eq!((report.exit_code(), codes(&report)), (1, vec!["file-changed"]), "{}", human(&report));
    assert_eq!(statement["predicate"]["verificationResult"], "FAILED");
    assert_eq!(statement["predicate"]["verifiedLevels"], serde_json::json!(["FAILED"]));
    assert!(!project.exists("vsa/left.vsa.dsse.json"), "what was signed before is no longer so");
}

/// Neither where the pin has nothing for the platform any more, nor where the new one cannot be written.
#[test]
fn nothing_of_an_earlier_run_speaks_on() {
    let project = Project::new(&pin("left", FILE, &integrity(&artifact()), "format = \"raw\"\n"));
    project.write("artifact.bin", artifact());
    fetched(&project);
    let (_, passed) = summed_up(&project);
    assert_eq!(passed["predicate"]["verificationResult"], "PASSED");
    let other = format!(
        "version = 1\n[pins.left]\nto = \"vendor/left\"\nformat = \"raw\"\n[pins.left.platform.darwin-arm64]\n{FILE}\nintegrity = \"{}\"\n",
        integrity(&artifact())
    );
    project.write("pins.toml", other);
    let report = with(&project, |ctx| vsa::run(ctx, &options(&project, None))).expect("a report");
    assert!(!project.exists("vsa/left.vsa.json"), "{}", human(&report));

    let project = Project::new(&pin("left", FILE, &integrity(&artifact()), "format = \"raw\"\n"));
    project.write("artifact.bin", artifact());
    fetched(&project);
    summed_up(&project);
    std::fs::create_dir_all(project.path("vsa/left.vsa.dsse.json")).expect("a folder in the way");
    let report = with(&project, |ctx| vsa::run(ctx, &options(&project, Some(key())))).expect("a report");
    assert_ne!(report.exit_code(), 0, "{}", human(&report));
    assert!(!project.exists("vsa/left.vsa.json"), "{}", human(&report));
}

#[test]
fn a_signed_summary_is_read_back() {
    let project = built("ok-actions", FILE, REPOSITORY);
    fetched(&project);
    with(&project, |ctx| vsa::run(ctx, &options(&project, Some(key())))).expect("a report");
    let envelope = project.read("vsa/left.vsa.dsse.json");
    let judged = |document: &str, artifact: &[u8], summary: SummaryPolicy| {
        let named = NamedKey::from_pem(key().public_pem(), Some(key().id().to_owned())).expect("a key");
        let roots = TrustRoots { roots: Vec::new(), registry_keys: RegistryKeys::embedded().expect("keys") };
        let trust = Proving::new(roots, Some(named));
        let digests = [Integrity::of(Algorithm::Sha512, artifact)];
        let read = read(document.as_bytes()).expect("a document");
        let proofs: Vec<_> = read.iter().map(|one| prove(&trust, one, &Artifact::of(&digests))).collect();
        let policy = Policy { key: true, summary: Some(summary), ..Policy::default() };
        match judge(&policy, NOW, &proofs) {
            Verdict::Verified(_) => Vec::new(),
            Verdict::Refused(failures) => failures.iter().map(|one| one.code).collect(),
            other => panic!("{other:?}"),
        }
    };
    let wanted = |verifier: &str, level: &str| SummaryPolicy {
        verifier: Some(verifier.to_owned()),
        resource: None,
        levels: vec![level.to_owned()],
    };
    let good = || wanted(VERIFIER, "SLSA_BUILD_LEVEL_2");
    assert_eq!(judged(&envelope, &artifact(), good()), Vec::<&str>::new());
    assert_eq!(
        judged(&envelope, &artifact(), wanted("https://example.com/", "SLSA_BUILD_LEVEL_2")),
        ["summary-verifier"]
    );
    assert_eq!(judged(&envelope, &artifact(), wanted(VERIFIER, "SLSA_BUILD_LEVEL_3")), ["summary-level"]);
    assert_eq!(judged(&envelope, b"loot", good()).len(), 1);
    // Another key's envelope with this key's id, and a payload that nobody signed.
    let mut value: Value = serde_json::from_str(&envelope).expect("JSON");
    let payload = value["payload"].as_str().expect("a payload").to_owned();
    value["payload"] = payload.replacen('J', "K", 1).into();
    assert_ne!(judged(&value.to_string(), &artifact(), good()), Vec::<&str>::new());

    project.write("vendor/left", "loot");
    with(&project, |ctx| vsa::run(ctx, &options(&project, Some(key())))).expect("a report");
    let failed = judged(&project.read("vsa/left.vsa.dsse.json"), &artifact(), good());
    assert_eq!(failed, ["summary-not-passed", "summary-level"]);
}

#[test]
fn by_the_command() {
    let project = Project::new(&pin("tool", "file = \"tool.bin\"", &integrity(b"tool"), "")).quiet();
    project.write("tool.bin", "tool");
    project.write("key.pem", KEY);
    let run = |args: &[&str]| {
        let output = project.command().args(args).output().expect("the command");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        (output.status.code().expect("a code"), text(output.stdout), text(output.stderr))
    };
    assert_eq!(run(&["fetch"]).0, 0);
    let verifier = ["--verifier-id", VERIFIER];
    let (code, stdout, _) = run(&[&["verify", "--vsa", "out", "--key", "key.pem"], &verifier[..]].concat());
    assert_eq!(code, 0, "{stdout}");
    assert!(stdout.contains("1 verification summary in `out`"), "{stdout}");
    assert!(project.read("out/tool.vsa.dsse.json").contains("signatures"));
    assert_eq!(run(&["verify", "--vsa", "out"]).0, 2, "nobody says who verifies");
    let over = [&["verify", "--vsa", "out", "--verify-attestations", "off"], &verifier[..]].concat();
    assert_eq!(run(&over).0, 2, "the summary would be of another policy");
    project.write("key.pem", "-----BEGIN EC PRIVATE KEY-----\n");
    let (code, stdout, stderr) =
        run(&[&["verify", "--json", "--vsa", "out", "--key", "key.pem"], &verifier[..]].concat());
    assert_eq!((code, stderr.as_str()), (2, ""));
    assert!(stdout.contains("key-old-form") && stdout.contains("openssl pkcs8"), "{stdout}");
}
