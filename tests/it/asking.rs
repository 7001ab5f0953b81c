//! Evidence is asked for, whatever digest a pin has; and that a server has none is that server's word, for a while.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use pinfold::commands::consent::Consent;
use pinfold::commands::{audit, explain, fetch, sbom, update, verify, vsa};
use pinfold::ctx::Ctx;
use pinfold::install::Conduct;
use pinfold::report::audit::Provenance;
use pinfold::report::{Report, Verdict};
use pinfold_core::digest::{Algorithm, Integrity};
use pinfold_core::fault::Fault;
use pinfold_evidence::attestation;
use pinfold_net::http::{Clock, Http, HttpError, Request, Response};
use pinfold_net::source::registries::{Registries, RegistryFlag, Settings};
use serde_json::{Value, json};

use crate::evidence::Vector;
use crate::oci::registry::{HOST, Registry};
use crate::support::{INDEX, Project, REGISTRY, codes, human, pin, redirect};
use crate::vsa::{REPOSITORY, artifact, with};

const API: &str = "https://api.github.com/";
const WHEEL: &str = "left-1.0.0-py3-none-any.whl";
const TARBALL: &str = "left/-/left-1.0.0.tgz";
const ATTESTATIONS: &str = "-/npm/v1/attestations/left@1.0.0";
const REPO: &str = "team/left";

const FROZEN: Conduct = Conduct { offline: false, frozen: true, restore: false, evidence: None };
const OFFLINE: Conduct = Conduct { offline: true, frozen: false, restore: false, evidence: None };

/// One place where evidence is kept, and a document that it hands out: the algorithms by which that names the artifact.
#[derive(Debug, Clone, Copy)]
struct Case {
    source: &'static str,
    vector: &'static str,
    named: &'static [Algorithm],
}

const CASES: [Case; 9] = {
    use Algorithm::{Sha256, Sha512};
    const fn case(source: &'static str, vector: &'static str, named: &'static [Algorithm]) -> Case {
        Case { source, vector, named }
    }
    [
        case("npm", "ok-npm", &[Sha512]),
        case("npm", "ok-two-digests", &[Sha256, Sha512]),
        case("pypi", "ok-pypi", &[Sha256]),
        case("github", "ok-pypi", &[Sha256]),
        case("github", "ok-actions", &[Sha512]),
        case("github", "ok-two-digests", &[Sha256, Sha512]),
        case("url", "ok-actions", &[Sha512]),
        case("url", "ok-pypi", &[Sha256]),
        case("oci", "ok-pypi", &[Sha256]),
    ]
};

/// A document as bundles, whatever form it has.
fn bundle(vector: &str) -> Value {
    let read = attestation::read(&Vector::named(vector).document).expect("a document");
    read[0].value().clone()
}

/// The same with a signature that does not hold: two of its characters change places.
fn broken(document: &Value) -> Value {
    let mut document = document.clone();
    let signature = &mut document["dsseEnvelope"]["signatures"][0]["sig"];
    let text = signature.as_str().expect("a signature");
    let (from, to) = if text[40..41] == *"A" { ("A", "B") } else { (&text[40..41], "A") };
    let flipped = format!("{}{}{}", &text[..40], to, text[40..].strip_prefix(from).expect("a character"));
    *signature = flipped.into();
    document
}

impl Case {
    /// A project that pins the artifact by this algorithm, all of it served, with this as evidence.
    fn project(&self, algorithm: Algorithm, mode: &str, evidence: Option<&Value>) -> Project {
        let project = Project::new("");
        let integrity = Integrity::of(algorithm, &artifact());
        let mut provenance = format!("mode = \"{mode}\"\nrepository = \"{REPOSITORY}\"");
        let web = &project.web;
        let source = match self.source {
            "npm" => {
                web.serve(&format!("{REGISTRY}{TARBALL}"), artifact());
                if let Some(bundle) = evidence {
                    web.serve(&format!("{REGISTRY}{ATTESTATIONS}"), listed(bundle).to_string());
                }
                let own = Integrity::of(Algorithm::Sha512, &artifact());
                let version = json!({ "name": "left", "version": "1.0.0", "dist": { "integrity": own.to_string() } });
                web.serve_packument("left", &[version]);
                "npm = \"left@1.0.0\"".to_owned()
            }
            "pypi" => {
                let url = format!("https://files.example.com/{WHEEL}");
                let sha256 = Integrity::of(Algorithm::Sha256, &artifact()).hex();
                let files = json!([{ "filename": WHEEL, "url": url, "hashes": { "sha256": sha256 } }]);
                let list = json!({ "meta": { "api-version": "1.1" }, "name": "left", "files": files });
                web.serve(&format!("{INDEX}left/"), list.to_string());
                web.serve(&url, artifact());
                if let Some(bundle) = evidence {
                    let mut document: Value =
                        serde_json::from_slice(&Vector::named(self.vector).document).expect("JSON");
                    let own = &mut document["attestation_bundles"][0]["attestations"][0]["envelope"]["signature"];
                    *own = bundle["dsseEnvelope"]["signatures"][0]["sig"].clone();
                    let url = format!("https://pypi.example.com/integrity/left/1.0.0/{WHEEL}/provenance");
                    web.serve(&url, document.to_string());
                }
                format!("pypi = \"left==1.0.0#{WHEEL}\"")
            }
            "github" => {
                web.serve("https://github.com/upstream/left/releases/download/v1/left.bin", artifact());
                let sha256 = Integrity::of(Algorithm::Sha256, &artifact()).hex();
                let asset = json!({ "name": "left.bin", "digest": format!("sha256:{sha256}") });
                let release = json!({ "tag_name": "v1", "assets": [asset] }).to_string();
                web.serve(&format!("{API}repos/upstream/left/releases/tags/v1"), release.clone());
                web.serve(&format!("{API}repos/upstream/left/releases/latest"), release);
                if let Some(bundle) = evidence {
                    let url = format!("{API}repos/upstream/left/attestations/sha256:{sha256}?per_page=100");
                    web.serve(&url, listed(bundle).to_string());
                }
                "github = \"upstream/left@v1#left.bin\"".to_owned()
            }
            "url" => {
                web.serve("https://example.com/left.bin", artifact());
                if let Some(bundle) = evidence {
                    project.write("evidence.json", bundle.to_string());
                }
                provenance.push_str("\nattestation = \"evidence.json\"");
                "url = \"https://example.com/left.bin\"".to_owned()
            }
            _ => {
                let registry = Arc::new(Registry::default());
                web.lead(&format!("https://{HOST}/"), Arc::clone(&registry));
                let manifest = registry.artifact(REPO, "v1", &[("left", &artifact())]);
                if let Some(bundle) = evidence {
                    registry.attach(REPO, &manifest, bundle);
                }
                format!("oci = \"{HOST}/{REPO}:v1@{manifest}\"")
            }
        };
        let more = format!("format = \"raw\"\n[pins.left.provenance]\n{provenance}");
        project.pins(&pin("left", &source, &integrity.to_string(), &more));
        project
    }

    /// Whether it takes the record's word to hold the evidence to the artifact, where the bytes are not here.
    fn is_by_record(&self, algorithm: Algorithm) -> bool {
        !self.named.contains(&algorithm) || (self.source != "npm" && algorithm != Algorithm::Sha256)
    }
}

/// As npm registries and GitHub list it.
fn listed(bundle: &Value) -> Value {
    json!({ "attestations": [{ "predicateType": "https://slsa.dev/provenance/v1", "bundle": bundle }] })
}

fn each(mut check: impl FnMut(Case, Algorithm, &str)) {
    for case in CASES {
        for algorithm in Algorithm::ALL {
            check(case, algorithm, &format!("{case:?} by {}", algorithm.name()));
        }
    }
}

fn fetched(project: &Project, conduct: Conduct) -> Report {
    with(project, |ctx| fetch::run(ctx, &fetch::Options { pins: Vec::new(), conduct })).expect("a report")
}

fn verified(project: &Project) -> Report {
    with(project, |ctx| verify::run(ctx, &verify::Options::default())).expect("a report")
}

fn audited(project: &Project, offline: bool) -> Report {
    with(project, |ctx| audit::run(ctx, &audit::Options { offline, ..audit::Options::default() })).expect("a report")
}

/// What `explain` says of who built it.
fn explained(project: &Project) -> (String, Verdict, String) {
    let report = with(project, |ctx| explain::run(ctx, "left")).expect("a report");
    let row = report.rows.into_iter().find(|row| row.subject.contains("machinery")).expect("a row");
    (row.status, row.verdict, row.detail)
}

fn provenance(report: &Report) -> Provenance {
    report.rows[0].audit.as_ref().expect("an audit").provenance
}

/// The commands that need no network, each by its name with the exit code.
fn at_home(project: &Project) -> Vec<(&'static str, u8)> {
    let again = fetched(project, Conduct::default()).exit_code();
    let frozen = fetched(project, FROZEN).exit_code();
    let verified = verified(project).exit_code();
    let audited = audited(project, true).exit_code();
    let (_, explained, _) = explained(project);
    let options = sbom::Options { format: sbom::Format::Spdx, time: None };
    let bill = with(project, |ctx| sbom::run(ctx, options)).expect("a bill").report.exit_code();
    let options = vsa::Options {
        pins: Vec::new(),
        folder: project.path("vsa"),
        verifier: "https://verifier.example.com".to_owned(),
        signing: None,
        force: false,
        time: Some(1_751_457_600),
    };
    let summed = with(project, |ctx| vsa::run(ctx, &options)).expect("a summary").exit_code();
    std::fs::remove_file(project.path("vendor/left")).expect("a tree");
    let anew = fetched(project, Conduct { frozen: true, ..OFFLINE }).exit_code();
    let _ = std::fs::remove_file(project.path("vendor/left"));
    let offline = fetched(project, OFFLINE).exit_code();
    vec![
        ("fetch again", again),
        ("fetch --frozen", frozen),
        ("verify", verified),
        ("audit --offline", audited),
        ("explain", explained.exit_code()),
        ("sbom", bill),
        ("verify --vsa", summed),
        ("fetch --frozen --offline of no tree", anew),
        ("fetch --offline of no tree", offline),
    ]
}

#[test]
fn good_evidence_is_good_whatever_the_pin_has() {
    each(|case, algorithm, told| {
        let project = case.project(algorithm, "strict", Some(&bundle(case.vector)));
        let report = fetched(&project, Conduct::default());
        assert_eq!((report.exit_code(), codes(&report)), (0, vec![]), "{told}: {}", human(&report));
        assert!(report.rows[0].evidence.is_some(), "{told}");
        let record = project.read(".pinfold/left.json");
        // The store knows what the registry has said of it, and the record what it has not.
        let online = audited(&project, false);
        assert_eq!((online.exit_code(), provenance(&online)), (0, Provenance::Proved), "{told}: {}", human(&online));
        std::fs::rename(project.path(".pinfold/left.json"), project.path("kept")).expect("a record");
        let online = audited(&project, false);
        assert_eq!((online.exit_code(), provenance(&online)), (0, Provenance::Proved), "{told}: {}", human(&online));
        std::fs::rename(project.path("kept"), project.path(".pinfold/left.json")).expect("a record");

        project.web.forget();
        for (command, code) in at_home(&project) {
            assert_eq!(code, 0, "{told}: {command}");
        }
        assert_eq!(explained(&project).0, "proven", "{told}");
        assert_eq!(project.read(".pinfold/left.json"), record, "{told}");
        assert_eq!(project.web.asked(), Vec::<String>::new(), "{told}");

        // Without the bytes it is known too, or it is told by whose word.
        std::fs::remove_dir_all(project.store_folder()).expect("a store");
        let report = verified(&project);
        let expected = if case.is_by_record(algorithm) { vec!["evidence-by-record"] } else { vec![] };
        assert_eq!((report.exit_code(), codes(&report)), (0, expected), "{told}: {}", human(&report));
        assert_eq!(fetched(&project, OFFLINE).exit_code(), 0, "{told}");
        if case.source != "url" {
            let word = if case.is_by_record(algorithm) { "claimed" } else { "proven" };
            assert_eq!(explained(&project).0, word, "{told}");
        }
        assert_eq!(project.web.asked(), Vec::<String>::new(), "{told}");
    });
}

#[test]
fn broken_evidence_is_broken_whatever_the_pin_has() {
    each(|case, algorithm, told| {
        let good = bundle(case.vector);
        let bad = broken(&good);
        for mode in ["strict", "lenient"] {
            let project = case.project(algorithm, mode, Some(&bad));
            let report = fetched(&project, Conduct::default());
            assert_eq!(report.exit_code(), 1, "{told} {mode}: {}", human(&report));
            assert!(!project.exists("vendor/left") && !project.exists(".pinfold/left.json"), "{told} {mode}");
        }
        // In a record that was good once, and where only the record is left.
        let project = case.project(algorithm, "lenient", Some(&good));
        assert_eq!(fetched(&project, Conduct::default()).exit_code(), 0, "{told}");
        let sig = |bundle: &Value| bundle["dsseEnvelope"]["signatures"][0]["sig"].as_str().expect("a text").to_owned();
        let record = project.read(".pinfold/left.json");
        let changed = record.replace(&sig(&good), &sig(&bad));
        assert_ne!(record, changed, "{told}");
        project.write(".pinfold/left.json", &changed);
        project.web.forget();
        let refused = |project: &Project| {
            let reports = [fetched(project, Conduct::default()), fetched(project, FROZEN), fetched(project, OFFLINE)];
            for report in reports.into_iter().chain([verified(project)]) {
                assert_eq!(report.exit_code(), 1, "{told}: {}", human(&report));
            }
            if case.source != "url" {
                assert_eq!(audited(project, true).exit_code(), 1, "{told}");
                assert_eq!(explained(project).0, "refuted", "{told}");
            }
        };
        refused(&project);
        std::fs::remove_dir_all(project.store_folder()).expect("a store");
        refused(&project);
    });
}

#[test]
fn missing_evidence_is_asked_for_whatever_the_pin_has() {
    each(|case, algorithm, told| {
        if case.source != "url" {
            let project = case.project(algorithm, "strict", None);
            let report = fetched(&project, Conduct::default());
            assert_eq!(
                (report.exit_code(), codes(&report)),
                (1, vec!["provenance-missing"]),
                "{told}: {}",
                human(&report)
            );
            assert!(!project.exists("vendor/left"), "{told}");
            let project = case.project(algorithm, "lenient", None);
            let report = fetched(&project, Conduct::default());
            assert_eq!(
                (report.exit_code(), codes(&report)),
                (0, vec!["provenance-missing"]),
                "{told}: {}",
                human(&report)
            );
            let asked: BTreeSet<String> = project.web.asked().into_iter().collect();
            let about = |url: &String| ["attestations", "integrity", "referrers"].iter().any(|part| url.contains(part));
            assert!(asked.iter().any(about), "{told}: {asked:?}");
            assert_eq!(provenance(&audited(&project, false)), Provenance::Missing, "{told}");
        }
    });
}

/// Valid evidence of other bytes beside a record that claims their digests: no algorithm makes it pass.
#[test]
fn a_record_does_not_lend_bytes_another_digest() {
    for pinned in Algorithm::ALL {
        for case in CASES.into_iter().filter(|case| case.source == "npm") {
            let good = case.project(pinned, "strict", Some(&bundle(case.vector)));
            assert_eq!(fetched(&good, Conduct::default()).exit_code(), 0);
            let loot =
                Project::new(&good.read("pins.toml").replace(
                    &Integrity::of(pinned, &artifact()).to_string(),
                    &Integrity::of(pinned, b"loot").to_string(),
                ));
            loot.web.serve(&format!("{REGISTRY}{TARBALL}"), "loot");
            loot.web.serve(&format!("{REGISTRY}{ATTESTATIONS}"), listed(&bundle(case.vector)).to_string());
            let told = format!("{case:?} by {}", pinned.name());
            let report = fetched(&loot, Conduct::default());
            assert_eq!((report.exit_code(), codes(&report)), (1, vec!["subject-mismatch"]), "{told}");

            // The record of the loot as its author would like to have it.
            let off = Conduct { evidence: Some(pinfold_core::pins::Mode::Off), ..Conduct::default() };
            assert_eq!(fetched(&loot, off).exit_code(), 0, "{told}");
            let record: Value = serde_json::from_str(&good.read(".pinfold/left.json")).expect("JSON");
            let mut evidence = record["evidence"].clone();
            for algorithm in Algorithm::ALL {
                evidence[algorithm.name()] = Integrity::of(algorithm, &artifact()).to_string().into();
            }
            let own = loot.read(".pinfold/left.json");
            loot.write(".pinfold/left.json", own.replace("\"off\"", &evidence.to_string()));
            let report = verified(&loot);
            assert_eq!(
                (report.exit_code(), codes(&report)),
                (1, vec!["subject-mismatch"]),
                "{told}: {}",
                human(&report)
            );
            assert_eq!(provenance(&audited(&loot, true)), Provenance::Refused, "{told}");
            assert_ne!(explained(&loot).0, "proven", "{told}");
            std::fs::remove_file(loot.path("vendor/left")).expect("a tree");
            assert_eq!(fetched(&loot, OFFLINE).exit_code(), 1, "{told}");

            // The bytes are gone: what the pin says itself is still held, and the rest is the record's word.
            loot.write("vendor/left", "loot");
            std::fs::remove_dir_all(loot.store_folder()).expect("a store");
            let report = verified(&loot);
            let told_by = if case.named.contains(&pinned) { "subject-mismatch" } else { "evidence-by-record" };
            assert!(codes(&report).contains(&told_by), "{told}: {}", human(&report));
            assert_ne!(provenance(&audited(&loot, true)), Provenance::Proved, "{told}");
        }
    }
}

/// A record of an earlier pinfold, which kept no such digest: completed by the next fetch, proved meanwhile.
#[test]
fn a_record_without_the_digest_that_its_evidence_names() {
    for algorithm in [Algorithm::Sha256, Algorithm::Sha384] {
        let case = CASES[0];
        let project = case.project(algorithm, "strict", Some(&bundle(case.vector)));
        assert_eq!(fetched(&project, Conduct::default()).exit_code(), 0);
        let record = project.read(".pinfold/left.json");
        let line = format!("\n    \"sha512\": \"{}\",", Integrity::of(Algorithm::Sha512, &artifact()));
        let before = record.replace(&line, "");
        assert_ne!(before, record);
        project.web.forget();
        for conduct in [FROZEN, OFFLINE, Conduct::default()] {
            project.write(".pinfold/left.json", &before);
            assert_eq!(verified(&project).exit_code(), 0);
            let report = fetched(&project, conduct);
            assert_eq!((report.exit_code(), codes(&report)), (0, vec![]), "{conduct:?}: {}", human(&report));
            let expected = if conduct.frozen { &before } else { &record };
            assert_eq!(project.read(".pinfold/left.json"), *expected, "{conduct:?}");
        }
        assert_eq!(project.web.asked(), Vec::<String>::new());
        // Where the bytes are gone too, it is said what is not known.
        project.write(".pinfold/left.json", &before);
        std::fs::remove_dir_all(project.store_folder()).expect("a store");
        assert_eq!(codes(&verified(&project)), ["no-common-digest"]);
    }
}

/// What was proved is not given up, whatever the pin has.
#[test]
fn an_update_sees_what_was_proved() {
    for algorithm in Algorithm::ALL {
        for keeps_record in [true, false] {
            let case = CASES[0];
            let project = case.project(algorithm, "lenient", Some(&bundle(case.vector)));
            assert_eq!(fetched(&project, Conduct::default()).exit_code(), 0);
            if !keeps_record {
                std::fs::remove_file(project.path(".pinfold/left.json")).expect("a record");
            }
            project.web.serve(&format!("{REGISTRY}left/-/left-1.0.1.tgz"), "newer");
            let version = |version: &str, bytes: &[u8]| {
                let integrity = Integrity::of(Algorithm::Sha512, bytes).to_string();
                json!({ "name": "left", "version": version, "dist": { "integrity": integrity } })
            };
            project.web.serve_packument("left", &[version("1.0.0", &artifact()), version("1.0.1", b"newer")]);
            let options = update::Options::default();
            let report = with(&project, |ctx| update::run(ctx, &options, Consent::Given)).expect("a report");
            let told = format!("{} {keeps_record}: {}", algorithm.name(), human(&report));
            assert_eq!(report.exit_code(), 1, "{told}");
            assert!(codes(&report).contains(&"evidence-downgrade"), "{told}");
        }
    }
}

/// GitHub finds evidence by a digest: who has none has not heard that there is none.
#[test]
fn without_the_digest_nobody_was_asked() {
    let case = Case { source: "github", vector: "ok-actions", named: &[] };
    let project = case.project(Algorithm::Sha512, "strict", Some(&bundle(case.vector)));
    let release = json!({ "tag_name": "v1", "assets": [{ "name": "left.bin" }] }).to_string();
    for path in ["tags/v1", "latest"] {
        project.web.serve(&format!("{API}repos/upstream/left/releases/{path}"), release.clone());
    }
    let report = audited(&project, false);
    assert_eq!(provenance(&report), Provenance::Unknown, "{}", human(&report));
    assert!(codes(&report).contains(&"evidence-no-digest"), "{}", human(&report));
    assert_eq!(report.exit_code(), 2, "{}", human(&report));
}

const MIRROR: &str = "https://mirror.example.com/npm/";
const HOUR: u64 = 60 * 60;
/// 2026-11-20.
const NOW: u64 = 1_795_132_800;

/// A clock that shows what it is told.
struct At(u64);

impl Clock for At {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn calendar(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(self.0)
    }

    fn sleep(&self, _pause: Duration) {}
}

/// Calls `work` so many seconds after [`NOW`] with this registry in place of the usual one.
fn later<R>(project: &Project, seconds: u64, registry: &str, work: impl FnOnce(&Ctx<'_>) -> R) -> R {
    let flags = [format!("npm={registry}"), format!("pypi={INDEX}")];
    let flags: Vec<RegistryFlag> = flags.iter().map(|flag| flag.parse().expect("a flag")).collect();
    let settings = Settings { flags: &flags, env: &|_| None, npmrc: &[], pip_conf: &[], built_in_npm: None };
    let registries = Registries::new(&settings);
    with(project, |ctx| work(&Ctx { clock: &At(NOW + seconds), registries: &registries, ..*ctx }))
}

fn fetch_later(project: &Project, seconds: u64, registry: &str, conduct: Conduct) -> Result<Report, Fault> {
    later(project, seconds, registry, |ctx| fetch::run(ctx, &fetch::Options { pins: Vec::new(), conduct }))
}

/// Fetches, and holds exit code, codes and what was asked to what they must be.
fn step(
    project: &Project,
    (seconds, registry): (u64, &str),
    (exit, expected): (u8, &[&str]),
    asked: &[&str],
) -> Report {
    project.web.asked();
    let report = fetch_later(project, seconds, registry, Conduct::default()).expect("a report");
    assert_eq!((report.exit_code(), codes(&report)), (exit, expected.to_vec()), "{}", human(&report));
    let asked: Vec<String> = asked.iter().map(|path| format!("{registry}{path}")).collect();
    assert_eq!(project.web.asked(), asked, "{}", human(&report));
    report
}

/// A lenient pin, served without evidence by two registries; the first was asked already.
fn silent() -> Project {
    let project = CASES[0].project(Algorithm::Sha512, "lenient", None);
    project.web.serve(&format!("{MIRROR}{TARBALL}"), artifact());
    let paths = [TARBALL, ATTESTATIONS, "left/1.0.0"];
    let report = step(&project, (0, MIRROR), (0, &["provenance-missing"]), &paths);
    assert!(human(&report).contains("`https://mirror.example.com` had no provenance"), "{}", human(&report));
    let record = project.read(".pinfold/left.json");
    assert!(record.contains("\"evidence\": { \"none\": \"https://mirror.example.com\" }"), "{record}");
    project
}

fn offer(project: &Project, registry: &str, bundle: &Value) {
    project.web.serve(&format!("{registry}{ATTESTATIONS}"), listed(bundle).to_string());
}

#[test]
fn none_is_asked_about_once_a_day() {
    let project = silent();
    let record = project.read(".pinfold/left.json");
    let missing: (u8, &[&str]) = (0, &["provenance-missing"]);
    for _ in 0..2 {
        step(&project, (24 * HOUR - 1, MIRROR), missing, &[]);
    }
    let report = step(&project, (24 * HOUR, MIRROR), missing, &[ATTESTATIONS]);
    assert_eq!(report.rows[0].status, "unchanged");
    step(&project, (47 * HOUR, MIRROR), missing, &[]);
    // A clock that was set back says nothing of when it was.
    step(&project, (HOUR, MIRROR), missing, &[ATTESTATIONS]);
    // No time, and no other order of events, in a record.
    assert_eq!(project.read(".pinfold/left.json"), record);
    // Somebody else's store, or none.
    std::fs::remove_dir_all(project.store_folder()).expect("a store");
    step(&project, (HOUR, MIRROR), missing, &[ATTESTATIONS]);

    offer(&project, MIRROR, &bundle("ok-npm"));
    step(&project, (2 * HOUR, MIRROR), missing, &[]);
    project.web.asked();
    let report = fetch_later(&project, 26 * HOUR, MIRROR, Conduct::default()).expect("a report");
    assert_eq!((report.exit_code(), codes(&report)), (0, vec![]), "{}", human(&report));
    assert!(report.rows[0].evidence.is_some());
    assert!(!project.read(".pinfold/left.json").contains("mirror.example.com"));
    step(&project, (99 * HOUR, MIRROR), (0, &[]), &[]);
}

#[test]
fn another_server_is_asked_at_once() {
    let missing: (u8, &[&str]) = (0, &["provenance-missing"]);
    let project = silent();
    let report = step(&project, (1, REGISTRY), missing, &[ATTESTATIONS]);
    assert!(human(&report).contains("`https://npm.example.com` had no provenance"), "{}", human(&report));
    step(&project, (2, REGISTRY), missing, &[]);
    // People who ask different registries share the record, which is not written anew for each that has none.
    assert!(project.read(".pinfold/left.json").contains("{ \"none\": \"https://mirror.example.com\" }"));
    step(&project, (3, MIRROR), missing, &[]);
    // Another registry of the same server, too.
    let other = "https://npm.example.com/other/";
    step(&project, (4, other), missing, &[ATTESTATIONS]);

    let project = silent();
    offer(&project, REGISTRY, &bundle("ok-npm"));
    let report = fetch_later(&project, 1, REGISTRY, Conduct::default()).expect("a report");
    assert_eq!((report.exit_code(), codes(&report)), (0, vec![]), "{}", human(&report));
    assert!(report.rows[0].evidence.is_some() && project.exists("vendor/left"));

    // What is wrong refuses now as it would have at first.
    let project = silent();
    offer(&project, REGISTRY, &broken(&bundle("ok-npm")));
    let report = fetch_later(&project, 1, REGISTRY, Conduct::default()).expect("a report");
    assert_eq!(report.exit_code(), 1, "{}", human(&report));
    assert!(project.read(".pinfold/left.json").contains("none"), "nothing of it is recorded");
    assert_eq!(fetch_later(&project, 2, REGISTRY, Conduct::default()).expect("a report").exit_code(), 1);
    let document = "{\"attestations\":[{\"bundle\":7}]}";
    project.web.serve(&format!("{REGISTRY}{ATTESTATIONS}"), document);
    assert_eq!(fetch_later(&project, 3, REGISTRY, Conduct::default()).expect("a report").exit_code(), 1);
}

#[test]
fn a_record_that_names_no_server_is_asked_about() {
    let project = silent();
    let record = project.read(".pinfold/left.json");
    let old = record.replace("{ \"none\": \"https://mirror.example.com\" }", "\"none\"");
    assert_ne!(old, record);
    project.write(".pinfold/left.json", &old);
    let report = verified(&project);
    assert_eq!((report.exit_code(), codes(&report)), (0, vec!["provenance-missing"]));
    assert!(human(&report).contains("does not say which server had none"), "{}", human(&report));
    assert!(explained(&project).2.contains("not which server had none"), "{:?}", explained(&project));
    // It is asked where this user has not asked it, and the record stays as it is.
    std::fs::remove_dir_all(project.store_folder()).expect("a store");
    let report = step(&project, (1, MIRROR), (0, &["provenance-missing"]), &[ATTESTATIONS]);
    assert!(human(&report).contains("`https://mirror.example.com` had no provenance"), "{}", human(&report));
    step(&project, (2, MIRROR), (0, &["provenance-missing"]), &[]);
    assert_eq!(project.read(".pinfold/left.json"), old);
}

/// A registry's own signature is evidence, and no provenance: it must not keep anybody from asking for that.
#[test]
fn a_signature_alone_is_asked_about_too() {
    let project = CASES[0].project(Algorithm::Sha512, "lenient", None);
    let own = Integrity::of(Algorithm::Sha512, &artifact());
    let version = json!({ "dist": {
        "integrity": own.to_string(), "signatures": [{ "keyid": "SHA256:AAAA", "sig": "MEUCIQ".repeat(16) }],
    }});
    project.web.serve(&format!("{REGISTRY}left/1.0.0"), version.to_string());
    let missing: (u8, &[&str]) = (0, &["unknown-key", "provenance-missing"]);
    let report = fetch_later(&project, 0, REGISTRY, Conduct::default()).expect("a report");
    let mut told = codes(&report);
    told.sort_unstable();
    assert_eq!((report.exit_code(), told), (0, vec!["provenance-missing", "unknown-key"]), "{}", human(&report));
    let record = project.read(".pinfold/left.json");
    assert!(
        record.contains("registrySignature") && record.contains("\"none\": \"https://npm.example.com\""),
        "{record}"
    );
    let told = codes(&report);
    let missing = (missing.0, told.as_slice());
    step(&project, (HOUR, REGISTRY), missing, &[]);
    step(&project, (24 * HOUR, REGISTRY), missing, &[ATTESTATIONS]);
    assert!(human(&report).contains("`https://npm.example.com` had no provenance"), "{}", human(&report));
    assert!(explained(&project).2.contains("https://npm.example.com"));
    // As an earlier pinfold has it.
    let old = record.replace("\n    \"none\": \"https://npm.example.com\",", "");
    assert_ne!(old, record);
    project.write(".pinfold/left.json", &old);
    step(&project, (49 * HOUR, REGISTRY), missing, &[ATTESTATIONS]);
    assert_eq!(project.read(".pinfold/left.json"), old);
    offer(&project, REGISTRY, &bundle("ok-npm"));
    let report = fetch_later(&project, 74 * HOUR, REGISTRY, Conduct::default()).expect("a report");
    assert!(report.exit_code() == 0 && report.rows[0].evidence.is_some(), "{}", human(&report));
    assert!(!project.read(".pinfold/left.json").contains("\"none\""));
}

#[test]
fn nobody_is_asked_where_nobody_may_be() {
    let project = silent();
    project.web.forget();
    let record = project.read(".pinfold/left.json");
    for conduct in [OFFLINE, FROZEN] {
        let report = fetch_later(&project, 99 * HOUR, REGISTRY, conduct).expect("a report");
        assert_eq!((report.exit_code(), codes(&report)), (0, vec!["provenance-missing"]), "{}", human(&report));
    }
    later(&project, 99 * HOUR, REGISTRY, |ctx| verify::run(ctx, &verify::Options::default())).expect("a report");
    later(&project, 99 * HOUR, REGISTRY, |ctx| explain::run(ctx, "left")).expect("a report");
    // A tree that has to be put back does not lose what was heard either.
    std::fs::remove_file(project.path("vendor/left")).expect("a tree");
    let report = fetch_later(&project, 99 * HOUR, REGISTRY, OFFLINE).expect("a report");
    assert_eq!((report.exit_code(), codes(&report)), (0, vec!["provenance-missing"]), "{}", human(&report));
    assert_eq!(project.read(".pinfold/left.json"), record);
    assert_eq!(project.web.asked(), Vec::<String>::new());
}

/// Nobody who can be reached.
struct Gone;

impl Http for Gone {
    fn exchange(&self, _request: &Request<'_>) -> Result<Response, HttpError> {
        Err(HttpError::Connect(io::ErrorKind::ConnectionRefused.into()))
    }
}

/// With the network cut what is installed stays as it was, and pins do not wait for each other.
#[test]
fn a_server_that_cannot_be_reached_is_asked_once() {
    let mut project = CASES[0].project(Algorithm::Sha512, "lenient", None);
    project.jobs = 1;
    let one = project.read("pins.toml");
    let other =
        one.replace("version = 1\n", "").replace("pins.left", "pins.other").replace("vendor/left", "vendor/other");
    project.pins(&format!("{one}\n{other}"));
    assert_eq!(fetch_later(&project, 0, REGISTRY, Conduct::default()).expect("a report").exit_code(), 0);
    let record = project.read(".pinfold/left.json");
    project.web.lead(REGISTRY, Arc::new(Gone));
    let each = ["provenance-missing", "evidence-not-asked-again"];
    let expected = [each, each].concat();
    for _ in 0..2 {
        let report = step(&project, (99 * HOUR, REGISTRY), (0, &expected), &[ATTESTATIONS]);
        assert!(report.rows.iter().all(|row| row.status == "unchanged"), "{}", human(&report));
    }
    assert_eq!(project.read(".pinfold/left.json"), record);
}

/// That a server leads to another which has nothing is not its own word.
#[test]
fn anothers_404_is_not_the_servers_word() {
    let project = CASES[0].project(Algorithm::Sha512, "lenient", None);
    project.web.answer(&format!("{REGISTRY}{ATTESTATIONS}"), redirect("https://cdn.example.com/gone"));
    let report = fetch_later(&project, 0, REGISTRY, Conduct::default()).expect("a report");
    assert_eq!((report.exit_code(), codes(&report)), (0, vec!["not-found"]), "{}", human(&report));
    assert!(project.read(".pinfold/left.json").contains("\"unasked\""));
}

#[test]
fn an_audit_asks_and_names_who_had_none() {
    let project = silent();
    let audit = |offline| {
        let options = audit::Options { offline, ..audit::Options::default() };
        later(&project, 1, REGISTRY, |ctx| audit::run(ctx, &options)).expect("a report")
    };
    let asked = |report: &Report| report.rows[0].audit.as_ref().expect("an audit").asked.clone();
    let report = audit(true);
    assert_eq!(asked(&report).as_deref(), Some("https://mirror.example.com"), "{}", human(&report));
    project.web.asked();
    for _ in 0..2 {
        let report = audit(false);
        assert_eq!(asked(&report).as_deref(), Some("https://npm.example.com"), "{}", human(&report));
        assert!(report.rows[0].detail.contains("no provenance at https://npm.example.com"), "{}", human(&report));
        assert!(report.to_json().contains("\"asked\": \"https://npm.example.com\""), "{}", report.to_json());
        let table = pinfold::report::markdown::audit(&report, "2026-11-20", "pinfold audit");
        assert!(table.contains("none at `https://npm.example.com`"), "{table}");
        let url = format!("{REGISTRY}{ATTESTATIONS}");
        assert_eq!(project.web.asked().iter().filter(|one| **one == url).count(), 1, "each time");
    }
    let (status, _, detail) = explained(&project);
    assert_eq!(status, "not known");
    assert!(detail.contains("`https://mirror.example.com` had no provenance"), "{detail}");
    offer(&project, REGISTRY, &bundle("ok-npm"));
    assert_eq!(provenance(&audit(false)), Provenance::Proved);
    offer(&project, REGISTRY, &broken(&bundle("ok-npm")));
    assert_eq!(provenance(&audit(false)), Provenance::Refused);
    assert!(project.read(".pinfold/left.json").contains("mirror.example.com"), "an audit changes nothing");
}

/// Where a source keeps evidence of the artifact, apart from registries of artifacts.
fn evidence_url(source: &str) -> String {
    let sha256 = Integrity::of(Algorithm::Sha256, &artifact()).hex();
    match source {
        "npm" => format!("{REGISTRY}{ATTESTATIONS}"),
        "pypi" => format!("https://pypi.example.com/integrity/left/1.0.0/{WHEEL}/provenance"),
        _ => format!("{API}repos/upstream/left/attestations/sha256:{sha256}?per_page=100"),
    }
}

/// Evidence that was published after the artifact, wherever it is kept and whatever the pin has.
#[test]
fn what_is_published_later_is_found() {
    let sources = |case: &Case| ["npm", "pypi", "github"].contains(&case.source);
    for case in CASES.into_iter().filter(sources) {
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let told = format!("{case:?} by {}", algorithm.name());
            let project = case.project(algorithm, "lenient", Some(&bundle(case.vector)));
            let url = evidence_url(case.source);
            let document = project.web.body(&url);
            project.web.remove(&url);
            let fetch = |hours: u64, asked: &[&str]| {
                project.web.asked();
                let report = fetch_later(&project, hours * HOUR, REGISTRY, Conduct::default()).expect("a report");
                assert_eq!(report.exit_code(), 0, "{told}: {}", human(&report));
                if hours > 0 {
                    assert_eq!(project.web.asked(), asked, "{told} after {hours} h");
                }
                codes(&report).into_iter().map(str::to_owned).collect::<Vec<_>>()
            };
            assert_eq!(fetch(0, &[]), ["provenance-missing"], "{told}");
            assert_eq!(fetch(23, &[]), ["provenance-missing"], "{told}");
            assert_eq!(fetch(25, &[&url]), ["provenance-missing"], "{told}");
            project.web.serve(&url, document);
            assert_eq!(fetch(26, &[]), ["provenance-missing"], "{told}");
            let report = fetch_later(&project, 50 * HOUR, REGISTRY, Conduct::default()).expect("a report");
            assert!(codes(&report).is_empty() && report.rows[0].evidence.is_some(), "{told}: {}", human(&report));
            assert_eq!(verified(&project).exit_code(), 0, "{told}");
        }
    }
}

/// The same of a registry of artifacts, to which signatures and statements are attached later as a rule.
#[test]
fn what_is_attached_later_is_found() {
    let project = Project::new("");
    let registry = Arc::new(Registry::default());
    project.web.lead(&format!("https://{HOST}/"), Arc::clone(&registry));
    let manifest = registry.artifact(REPO, "v1", &[("left", &artifact())]);
    let integrity = Integrity::of(Algorithm::Sha256, &artifact()).to_string();
    let more = format!("format = \"raw\"\n[pins.left.provenance]\nmode = \"lenient\"\nrepository = \"{REPOSITORY}\"");
    project.pins(&pin("left", &format!("oci = \"{HOST}/{REPO}:v1@{manifest}\""), &integrity, &more));
    let fetch = |hours: u64| fetch_later(&project, hours * HOUR, REGISTRY, Conduct::default()).expect("a report");
    assert_eq!(codes(&fetch(0)), ["provenance-missing"]);
    assert!(project.read(".pinfold/left.json").contains("{ \"none\": \"https://oci.example.com\" }"));
    registry.asked();
    assert_eq!(codes(&fetch(23)), ["provenance-missing"]);
    assert!(registry.asked().is_empty());
    registry.attach(REPO, &manifest, &bundle("ok-pypi"));
    let report = fetch(25);
    assert!(codes(&report).is_empty() && report.rows[0].evidence.is_some(), "{}", human(&report));
}

/// A clone has the record and neither tree nor store: whoever clones must not inherit a mirror's silence.
#[test]
fn a_clone_asks_for_itself() {
    for signed in [false, true] {
        let project = CASES[0].project(Algorithm::Sha512, "lenient", None);
        if signed {
            let own = Integrity::of(Algorithm::Sha512, &artifact()).to_string();
            let signatures = json!([{ "keyid": "SHA256:AAAA", "sig": "MEUCIQ".repeat(16) }]);
            let version = json!({ "dist": { "integrity": own, "signatures": signatures } });
            project.web.serve(&format!("{REGISTRY}left/1.0.0"), version.to_string());
        }
        assert!(
            codes(&fetch_later(&project, 0, REGISTRY, Conduct::default()).expect("a report"))
                .contains(&"provenance-missing")
        );
        offer(&project, REGISTRY, &bundle("ok-npm"));
        std::fs::remove_dir_all(project.path("vendor")).expect("a tree");
        std::fs::remove_dir_all(project.store_folder()).expect("a store");
        let report = fetch_later(&project, 1, REGISTRY, Conduct::default()).expect("a report");
        assert!(report.exit_code() == 0 && report.rows[0].evidence.is_some(), "{signed}: {}", human(&report));
    }
}

/// Else no checkout could be attested in which somebody with another registry wrote the records.
#[test]
fn a_checkout_that_is_only_fetched_is_still_its_commit() {
    for is_old in [false, true] {
        let project = silent();
        let mut record = project.read(".pinfold/left.json");
        if is_old {
            record = record.replace("{ \"none\": \"https://mirror.example.com\" }", "\"none\"");
            project.write(".pinfold/left.json", &record);
        }
        std::fs::remove_dir_all(project.path("vendor")).expect("a tree");
        std::fs::remove_dir_all(project.store_folder()).expect("a store");
        step(&project, (1, REGISTRY), (0, &["provenance-missing"]), &[TARBALL, ATTESTATIONS, "left/1.0.0"]);
        assert!(project.exists("vendor/left"));
        assert_eq!(project.read(".pinfold/left.json"), record, "{is_old}");
    }
}

/// A store that many machines share: it has the evidence for a pin of any algorithm, and no one's word that there is none.
#[test]
fn a_shared_store_has_no_silence() {
    use pinfold_oci::remote_cache::{Access, Settings, Shared};
    let use_store = |project: &mut Project, registry: &Arc<Registry>, access| {
        let at = Some(format!("oci://{HOST}/team/cache").parse().expect("a place"));
        project.shared = Shared::new(Arc::<Registry>::clone(registry), Settings { at, access, ..Settings::default() });
    };
    for algorithm in Algorithm::ALL {
        for case in CASES.into_iter().filter(|case| !["url", "oci"].contains(&case.source)) {
            let told = format!("{case:?} by {}", algorithm.name());
            let registry = Arc::new(Registry::default());
            let mut first = case.project(algorithm, "strict", Some(&bundle(case.vector)));
            use_store(&mut first, &registry, Access::ReadWrite);
            let report = fetched(&first, Conduct::default());
            assert_eq!((report.exit_code(), codes(&report)), (0, vec![]), "{told}: {}", human(&report));
            let mut second = case.project(algorithm, "strict", None);
            use_store(&mut second, &registry, Access::Read);
            second.web.forget();
            let report = fetched(&second, Conduct::default());
            assert_eq!((report.exit_code(), codes(&report)), (0, vec![]), "{told}: {}", human(&report));
            assert_eq!(second.web.asked(), Vec::<String>::new(), "{told}");
            assert_eq!(second.read(".pinfold/left.json"), first.read(".pinfold/left.json"), "{told}");
        }
    }
    let (case, registry) = (CASES[0], Arc::new(Registry::default()));
    let mut first = case.project(Algorithm::Sha512, "lenient", None);
    use_store(&mut first, &registry, Access::ReadWrite);
    assert_eq!(codes(&fetched(&first, Conduct::default())), ["provenance-missing"]);
    let mut second = case.project(Algorithm::Sha512, "lenient", Some(&bundle(case.vector)));
    use_store(&mut second, &registry, Access::Read);
    let report = fetched(&second, Conduct::default());
    assert!(codes(&report).is_empty() && report.rows[0].evidence.is_some(), "{}", human(&report));
}
