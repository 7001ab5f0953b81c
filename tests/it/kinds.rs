//! Which kind of claim counts where: `provenance` means provenance, and what says that it failed meets nothing. Each way
//! that evidence comes in, and each command that tells of it. What `policy` makes of each kind is shown by the vectors.

use std::path::PathBuf;

use pinfold::commands::consent::Consent;
use pinfold::commands::{add, audit, explain, fetch, report, update, verify};
use pinfold::report::Report;
use pinfold_core::digest::Sha256;
use pinfold_evidence::attestation::read;
use serde_json::{Value, json};

use crate::evidence::Vector;
use crate::support::{Project, codes, human, integrity, pin};
use crate::vsa::{FILE, REPOSITORY, artifact, built, with};

const SUMMARY: &str = "https://slsa.dev/verification_summary/v1";
const TESTS: &str = "https://in-toto.io/attestation/test-result/v0.1";
const SCAN: &str = "https://cosign.sigstore.dev/attestation/vuln/v1";
const PARTS: &str = "https://cyclonedx.org/bom";

/// Claims by the right signer that answer another question, and of which kind they are.
const OTHERS: [(&str, &str); 4] =
    [("kind-summary", SUMMARY), ("kind-test-result", TESTS), ("kind-scan", SCAN), ("kind-sbom", PARTS)];
/// Claims by the right signer that say that the artifact failed, and why they are refused.
const DENIALS: [(&str, &str, &str); 4] = [
    ("kind-summary-failed", SUMMARY, "summary-not-passed"),
    ("kind-summary-silent", SUMMARY, "summary-not-passed"),
    ("kind-test-failed", TESTS, "claim-failed"),
    ("kind-other-failed", "https://example.com/check/v1", "claim-failed"),
];

fn fetched(project: &Project) -> Report {
    with(project, |ctx| fetch::run(ctx, &fetch::Options::default())).expect("a report")
}

fn verified(project: &Project) -> Report {
    with(project, |ctx| verify::run(ctx, &verify::Options::default())).expect("a report")
}

fn audited(project: &Project, policy: Option<PathBuf>) -> Report {
    let options = audit::Options { policy, offline: true, ..audit::Options::default() };
    with(project, |ctx| audit::run(ctx, &options)).expect("a report")
}

fn check(report: &Report, code: u8, wanted: &[&str]) {
    assert_eq!((report.exit_code(), codes(report)), (code, wanted.to_vec()), "{}", human(report));
}

/// The pin of `built` with another line in its `provenance`, or another mode.
fn edited(project: &Project, from: &str, to: &str) {
    let pins = project.read("pins.toml");
    assert!(pins.contains(from), "{pins}");
    project.pins(&pins.replace(from, to));
}

fn naming(project: &Project, kind: &str) {
    edited(project, "mode = ", &format!("predicate-type = \"{kind}\"\nmode = "));
}

#[test]
fn a_claim_of_another_kind_is_no_provenance() {
    for (vector, kind) in OTHERS {
        let project = built(vector, FILE, REPOSITORY);
        check(&fetched(&project), 1, &["provenance-missing"]);
        assert!(!project.exists("vendor/left"), "{vector}");
        edited(&project, "strict", "lenient");
        let report = fetched(&project);
        check(&report, 0, &["provenance-missing"]);
        assert!(report.rows[0].evidence.is_none(), "{vector}");
        // The warning says what there is instead.
        let said = &report.rows[0].findings[0].message;
        let named = [kind, "a verification summary", "a test result"].iter().any(|name| said.contains(name));
        assert!(named, "{vector}: {said}");
        check(&verified(&project), 0, &["provenance-missing"]);
        // Where it is named it counts, in every command, and is called what it is.
        naming(&project, kind);
        edited(&project, "lenient", "strict");
        let report = fetched(&project);
        check(&report, 0, &[]);
        let proof = report.rows[0].evidence.as_ref().expect("a proof");
        assert_ne!(proof.kind, "SLSA provenance", "{vector}");
        check(&verified(&project), 0, &[]);
        check(&audited(&project, None), 0, &[]);
        // And not where the naming is taken back, offline and by the record alone.
        edited(&project, &format!("predicate-type = \"{kind}\"\n"), "");
        check(&verified(&project), 1, &["provenance-missing"]);
        check(&audited(&project, None), 1, &["provenance-missing"]);
    }
}

#[test]
fn a_claim_that_denies_refuses_in_every_mode() {
    for (vector, kind, code) in DENIALS {
        for name in [false, true] {
            for mode in ["strict", "lenient"] {
                let project = built(vector, FILE, REPOSITORY);
                edited(&project, "strict", mode);
                if name {
                    naming(&project, kind);
                }
                check(&fetched(&project), 1, &[code]);
                assert!(!project.exists("vendor/left"), "{vector} {mode}");
            }
        }
        let project = built(vector, FILE, REPOSITORY);
        edited(&project, "strict", "off");
        check(&fetched(&project), 0, &[]);
        // What was not looked at before is refused when somebody looks.
        edited(&project, "\"off\"", "\"lenient\"");
        check(&fetched(&project), 1, &[code]);
    }
    // A stranger's denial is nothing to the pin but other evidence.
    let project = built("kind-failed-stranger", FILE, REPOSITORY);
    check(&fetched(&project), 1, &["provenance-missing"]);
    edited(&project, "strict", "lenient");
    check(&fetched(&project), 0, &["provenance-missing"]);
}

#[test]
fn a_denial_beside_provenance_is_told() {
    let project = built("ok-kind-failed-beside", FILE, REPOSITORY);
    for report in [fetched(&project), verified(&project), audited(&project, None)] {
        check(&report, 0, &["claim-failed"]);
        assert_eq!(report.rows[0].evidence.as_ref().expect("a proof").kind, "SLSA provenance");
    }
    // Two summaries of the kind that was asked for: the one that failed decides.
    let project = built("kind-summaries-disagree", FILE, REPOSITORY);
    naming(&project, SUMMARY);
    check(&fetched(&project), 1, &["summary-not-passed"]);
}

#[test]
fn the_whole_project_can_name_a_kind() {
    let project = built("kind-summary", FILE, REPOSITORY);
    let pins = project.read("pins.toml");
    project.pins(&format!("{pins}[trust]\npredicate-type = \"{SUMMARY}\"\n"));
    check(&fetched(&project), 0, &[]);
    // A pin's own word goes before.
    naming(&project, "https://slsa.dev/provenance/v1");
    check(&verified(&project), 1, &["provenance-missing"]);
    // A signature over the bytes has no kind that could be named.
    let project = built("ok-blob", FILE, REPOSITORY);
    check(&fetched(&project), 0, &[]);
    naming(&project, SUMMARY);
    check(&verified(&project), 1, &["provenance-missing"]);
}

#[test]
fn a_house_has_its_own_kinds() {
    let project = built("kind-summary", FILE, REPOSITORY);
    naming(&project, SUMMARY);
    check(&fetched(&project), 0, &[]);
    let house = |text: &str| {
        project.write("house.toml", text);
        let report = audited(&project, Some(project.path("house.toml")));
        (report.exit_code(), codes(&report).into_iter().map(str::to_owned).collect::<Vec<_>>())
    };
    let other = (1, vec!["policy-predicate-type".to_owned()]);
    assert_eq!(house("[trust]\n"), (0, vec![]));
    assert_eq!(house("[trust]\nprovenance = \"strict\"\n"), other);
    assert_eq!(house(&format!("[trust]\nrepositories = [\"{REPOSITORY}\"]\n")), other);
    assert_eq!(house(&format!("[trust]\npredicate-type = \"{TESTS}\"\n")), other);
    assert_eq!(house(&format!("[trust]\nprovenance = \"strict\"\npredicate-type = \"{SUMMARY}\"\n")), (0, vec![]));
    // A pin that names nothing is held to what the house names.
    let project = built("ok-actions", FILE, REPOSITORY);
    check(&fetched(&project), 0, &[]);
    project.write("house.toml", format!("[trust]\npredicate-type = \"{SUMMARY}\"\n"));
    check(&audited(&project, Some(project.path("house.toml"))), 1, &["provenance-missing"]);
}

#[test]
fn what_is_told_of_other_kinds_says_nothing_of_a_build() {
    let project = built("kind-summary", FILE, REPOSITORY);
    naming(&project, SUMMARY);
    check(&fetched(&project), 0, &[]);
    let page = with(&project, |ctx| report::run(ctx, None)).expect("a page").document;
    assert!(page.contains("<strong>0</strong> with proved evidence of who built them"), "{page}");
    let told = with(&project, |ctx| explain::run(ctx, "left")).expect("a report");
    let row = |question: &str| told.rows.iter().find(|row| row.subject.contains(question)).expect("a row");
    assert!(row("demand").detail.contains(&format!("a claim of the kind {SUMMARY}")), "{}", row("demand").detail);
    let built = row("machinery");
    assert_eq!((built.status.as_str(), built.detail.starts_with("yes")), ("not known", false), "{}", built.detail);
    assert_eq!(row("Who signed that").status, "proven");
}

/// What a source hands out, as opposed to a file of the project: GitHub's interface, for a pin that is fetched and moved.
#[test]
fn what_a_source_hands_out_is_held_to_the_same() {
    let sha256 = Sha256::of(&artifact()).hex();
    let asset = "github = \"upstream/left@v1.0.0#left.js\"";
    let project_with = |vector: &str, mode: &str| {
        let more =
            format!("format = \"raw\"\n[pins.left.provenance]\nmode = \"{mode}\"\nrepository = \"{REPOSITORY}\"\n");
        let project = Project::new(&pin("left", asset, &integrity(&artifact()), &more));
        project.web.serve("https://github.com/upstream/left/releases/download/v1.0.0/left.js", artifact());
        let bundles: Vec<Value> = read(&Vector::named(vector).document)
            .expect("attestations")
            .iter()
            .map(|one| json!({ "bundle": one.value() }))
            .collect();
        let url = format!("https://api.github.com/repos/upstream/left/attestations/sha256:{sha256}?per_page=100");
        project.web.serve(&url, json!({ "attestations": bundles }).to_string());
        project
    };
    check(&fetched(&project_with("ok-actions", "strict")), 0, &[]);
    for (vector, _) in OTHERS {
        check(&fetched(&project_with(vector, "strict")), 1, &["provenance-missing"]);
        check(&fetched(&project_with(vector, "lenient")), 0, &["provenance-missing"]);
    }
    for (vector, _, code) in DENIALS {
        check(&fetched(&project_with(vector, "strict")), 1, &[code]);
        check(&fetched(&project_with(vector, "lenient")), 1, &[code]);
    }
    // A signature over the bytes is no provenance where a source is asked for that.
    check(&fetched(&project_with("ok-blob", "strict")), 1, &["provenance-missing"]);
}

/// Where nobody is accepted yet, nothing but provenance is put into a pin, and a denial is told.
#[test]
fn a_draft_takes_provenance_alone() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/evidence/ratchet.json");
    let vectors: Value = serde_json::from_str(&std::fs::read_to_string(folder).expect("vectors")).expect("JSON");
    for (name, told) in [("passed", false), ("failed", true)] {
        let (project, _) = crate::update::built_by("upstream", "");
        let claim = json!({ "attestations": [{ "bundle": vectors["1.0.1"][name] }] });
        project.web.serve(&crate::update::of_left("1.0.1"), claim.to_string());
        let report = with(&project, |ctx| update::run(ctx, &update::Options::default(), Consent::Given));
        let report = report.expect("a report");
        assert_eq!(report.exit_code(), 1, "{}", human(&report));
        assert!(codes(&report).contains(&"evidence-downgrade"), "{}", human(&report));
        assert_eq!(codes(&report).contains(&"summary-not-passed"), told, "{}", human(&report));

        project.pins("");
        let options = add::Options { spec: "npm:left@1.0.1".to_owned(), ..add::Options::default() };
        let report = with(&project, |ctx| add::run(ctx, &options, Consent::Given)).expect("a report");
        assert_eq!(report.exit_code(), 0, "{}", human(&report));
        assert_eq!(codes(&report).contains(&"summary-not-passed"), told, "{}", human(&report));
        assert!(!project.read("pins.toml").contains("repository ="), "{}", project.read("pins.toml"));
    }
}
