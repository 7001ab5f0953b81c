//! Evidence on its way: asked for by `fetch`, kept in records, proved again by `verify`. What evidence is worth is the
//! matter of `corpus` and `evidence`; here real documents of the corpus are served as registries serve them.

use pinfold::commands::{fetch, verify};
use pinfold::ctx::{Ctx, Silent};
use pinfold::install::Conduct;
use pinfold::report::{Evidence, Report};
use pinfold_core::digest::{Algorithm, Integrity};
use pinfold_evidence::trust::Trust;

use crate::corpus::Corpus;
use crate::support::{INDEX, Page, Project, REGISTRY, both, codes, human, integrity, pin};

/// npm's own package with provenance, and what the registry hands out for it.
const PLAYWRIGHT: Package = Package {
    artifact: "docs/mitchdenny__sigstore-dotnet-samples-data-playwright-cli-0.1.1.tgz",
    document: "docs/mitchdenny__sigstore-dotnet-samples-data-playwright-cli-0.1.1-attestations.json",
};
const REPOSITORY: &str = "https://github.com/microsoft/playwright-cli";

struct Package {
    artifact: &'static str,
    document: &'static str,
}

/// A project that pins the package, with what stands in its `provenance`; both served.
pub(crate) fn playwright(corpus: &Corpus, provenance: &str) -> Project {
    let tarball = corpus.bytes(PLAYWRIGHT.artifact);
    let more = format!("[pins.cli.provenance]\n{provenance}\n");
    let project = Project::new(&pin("cli", "npm = \"@playwright/cli@0.1.1\"", &integrity(&tarball), &more));
    project.web.serve(&format!("{REGISTRY}@playwright/cli/-/cli-0.1.1.tgz"), tarball);
    project.web.serve(&attestations_url(), corpus.bytes(PLAYWRIGHT.document));
    project
}

pub(crate) fn attestations_url() -> String {
    format!("{REGISTRY}-/npm/v1/attestations/@playwright%2fcli@0.1.1")
}

/// Fetches as the pins say, and says what it was.
fn try_fetch(project: &Project) -> Report {
    project.try_fetch(Conduct::default()).expect("a report")
}

fn try_verify(project: &Project) -> Report {
    project.with(&Silent, |ctx| verify::run(ctx, &verify::Options::default())).expect("a report")
}

/// Fetches, and holds exit code, codes and whether there is a tree to what they must be.
fn check(project: &Project, exit: u8, expected: &[&str]) -> Report {
    let report = try_fetch(project);
    assert_eq!((report.exit_code(), codes(&report)), (exit, expected.to_vec()), "{}", human(&report));
    assert_eq!(project.exists("vendor/cli"), exit == 0, "{}", human(&report));
    report
}

fn strict(more: &str) -> String {
    format!("mode = \"strict\"\nrepository = \"{REPOSITORY}\"\n{more}")
}

/// What evidence says, whether it was proved now or before.
fn told(report: &Report) -> Option<Evidence> {
    report.rows[0].evidence.as_deref().map(|evidence| Evidence { recalled: false, ..evidence.clone() })
}

#[test]
fn who_built_it_from_where() {
    let corpus = Corpus::open("attestations");
    let more = "ref = \"refs/tags/v*\"\nworkflow = \".github/workflows/publish.yml\"\n\
                builder = \"https://github.com/actions/runner/github-hosted\"\ndeny-self-hosted = true";
    let project = playwright(&corpus, &strict(more));
    let report = check(&project, 0, &[]);
    insta::assert_snapshot!("built-by", both(&project, &report));
    let evidence = report.rows[0].evidence.clone().expect("evidence");
    assert_eq!(evidence.repository.as_deref(), Some(REPOSITORY));
    assert_eq!(evidence.git_ref.as_deref(), Some("refs/tags/v0.1.1"));

    // With the network cut, and again, and somewhere else: the record has it all.
    project.web.forget();
    assert_eq!(told(&try_fetch(&project)), told(&report));
    for _ in 0..2 {
        let verified = try_verify(&project);
        assert_eq!((verified.exit_code(), told(&verified)), (0, told(&report)), "{}", human(&verified));
    }
    std::fs::remove_dir_all(project.store_folder()).expect("a store");
    std::fs::remove_dir_all(project.trust_folder()).expect("a folder");
    let verified = try_verify(&project);
    assert_eq!(
        (verified.exit_code(), &verified.rows[0].evidence),
        (0, &report.rows[0].evidence),
        "{}",
        human(&verified)
    );
    assert!(project.web.asked().is_empty());
}

#[test]
fn the_same_record_whoever_is_asked_when() {
    let corpus = Corpus::open("attestations");
    let (one, other) = (playwright(&corpus, &strict("")), playwright(&corpus, &strict("")));
    let mut document: serde_json::Value = serde_json::from_slice(&corpus.bytes(PLAYWRIGHT.document)).expect("JSON");
    document["attestations"].as_array_mut().expect("a list").reverse();
    other.web.serve(&attestations_url(), document.to_string());
    check(&one, 0, &[]);
    check(&other, 0, &[]);
    assert_eq!(one.read(".pinfold/cli.json"), other.read(".pinfold/cli.json"));
    assert!(!one.read(".pinfold/cli.json").contains(REGISTRY));
}

#[test]
fn evidence_that_is_wrong_refuses_in_every_mode_but_off() {
    let corpus = Corpus::open("attestations");
    for (more, code) in [
        ("repository = \"https://github.com/microsoft/playwright\"", "repository-mismatch"),
        ("repository = \"https://github.com/microsoft/playwright-cli2\"", "repository-mismatch"),
        ("repository = \"https://github.com/microsoft/playwright-cli\"\nref = \"refs/heads/*\"", "ref-mismatch"),
        (
            "repository = \"https://github.com/microsoft/playwright-cli\"\nworkflow = \".github/workflows/x.yml\"",
            "workflow-mismatch",
        ),
        (
            "repository = \"https://github.com/microsoft/playwright-cli\"\nrepository-id = \"42\"",
            "repository-id-mismatch",
        ),
        ("repository = \"https://github.com/microsoft/playwright-cli\"\nowner-id = \"42\"", "owner-id-mismatch"),
        (
            "repository = \"https://github.com/microsoft/playwright-cli\"\nissuer = \"https://example.com\"",
            "issuer-mismatch",
        ),
        (
            "repository = \"https://github.com/microsoft/playwright-cli\"\nbuilder = \"https://example.com/b\"",
            "builder-mismatch",
        ),
    ] {
        for mode in ["strict", "lenient"] {
            let project = playwright(&corpus, &format!("mode = \"{mode}\"\n{more}"));
            let report = check(&project, 1, &[code]);
            let finding = &report.rows[0].findings[0];
            assert!(finding.expected.is_some() && finding.received.is_some(), "{}", human(&report));
            assert!(!project.exists("vendor") && !project.exists(".pinfold/cli.json"), "{more}");
        }
        let project = playwright(&corpus, &format!("mode = \"off\"\n{more}"));
        check(&project, 0, &[]);
        assert!(project.read(".pinfold/cli.json").contains("\"evidence\": \"off\""));
        assert_eq!(project.web.asked().len(), 1, "nobody looks");
    }
    let project = playwright(&corpus, "mode = \"strict\"\nrepository = \"https://github.com/microsoft/playwright\"");
    insta::assert_snapshot!("wrong-repository", both(&project, &try_fetch(&project)));
    for name in
        ["payload-digest", "payload-repo", "tlog-swap", "set-flip", "checkpoint-sig", "body-flip", "two-signatures"]
    {
        for mode in ["strict", "lenient"] {
            let project = playwright(&corpus, &format!("mode = \"{mode}\"\nrepository = \"{REPOSITORY}\""));
            project
                .web
                .serve(&attestations_url(), corpus.bytes(&format!("docs/derived-playwright-cli-0.1.1-{name}.json")));
            assert_eq!(try_fetch(&project).exit_code(), 1, "{name} {mode}");
            assert!(!project.exists("vendor"), "{name} {mode}");
        }
    }
}

#[test]
fn evidence_that_is_missing_does_what_the_mode_says() {
    let corpus = Corpus::open("attestations");
    let project = playwright(&corpus, &strict(""));
    project.web.remove(&attestations_url());
    let report = check(&project, 1, &["provenance-missing"]);
    insta::assert_snapshot!("missing-strict", both(&project, &report));
    assert!(!project.exists(".pinfold/cli.json"));

    project.pins(&project.read("pins.toml").replace("strict", "lenient"));
    let report = check(&project, 0, &["provenance-missing"]);
    insta::assert_snapshot!("missing-lenient", both(&project, &report));
    assert!(project.read(".pinfold/cli.json").contains("\"evidence\": { \"none\": \"https://npm.example.com\" }"));
    // Said each time, and not asked for again.
    project.web.asked();
    check(&project, 0, &["provenance-missing"]);
    assert!(project.web.asked().is_empty());
    assert_eq!(codes(&try_verify(&project)), ["provenance-missing"]);

    // Demanded again, and published by now.
    project.pins(&project.read("pins.toml").replace("lenient", "strict"));
    let report = try_fetch(&project);
    assert_eq!((report.exit_code(), codes(&report)), (1, vec!["provenance-missing"]), "{}", human(&report));
    project.web.serve(&attestations_url(), corpus.bytes(PLAYWRIGHT.document));
    let report = check(&project, 0, &[]);
    assert_eq!(report.rows[0].status, "unchanged");
    assert!(report.rows[0].evidence.is_some());
    assert_eq!(try_verify(&project).exit_code(), 0);

    // A registry's word on who published is none on who built.
    let project = playwright(&corpus, &strict(""));
    let relabelled = corpus.bytes("docs/derived-playwright-cli-0.1.1-publish-relabelled-as-provenance.json");
    project.web.serve(&attestations_url(), relabelled);
    check(&project, 1, &["provenance-missing"]);
}

/// What the registry signed beside it holds, and does not turn provenance of other bytes into none.
#[test]
fn evidence_about_something_else_is_wrong_and_not_missing() {
    let corpus = Corpus::open("attestations");
    let attestations = |name: &str| -> Vec<serde_json::Value> {
        let document: serde_json::Value = serde_json::from_slice(&corpus.bytes(name)).expect("JSON");
        document["attestations"].as_array().expect("a list").clone()
    };
    let of_kind = |name: &str, provenance: bool| {
        let mut all = attestations(name);
        all.retain(|one| one["predicateType"].as_str().expect("a kind").starts_with("https://slsa.dev/") == provenance);
        assert_eq!(all.len(), 1, "{name}");
        all.remove(0)
    };
    let other = "docs/npm__pacote-sigstore-valid-attestations.json";
    let mixed = serde_json::json!({ "attestations": [of_kind(PLAYWRIGHT.document, false), of_kind(other, true)] });
    for mode in ["strict", "lenient"] {
        for named in [format!("repository = \"{REPOSITORY}\""), String::new()] {
            let project = playwright(&corpus, &format!("mode = \"{mode}\"\n{named}"));
            project.web.serve(&attestations_url(), mixed.to_string());
            check(&project, 1, &["subject-mismatch"]);
        }
    }
}

/// The registry's signature beside the version: it speaks for the bytes, and never for who built them.
#[test]
fn what_the_registry_signed() {
    let corpus = Corpus::open("attestations");
    let tarball = corpus.bytes(PLAYWRIGHT.artifact);
    let version = |integrity: &str, keyid: &str| {
        let sig = "MEUCIQ".repeat(16);
        format!(
            "{{\"dist\":{{\"integrity\":\"{integrity}\",\"signatures\":[{{\"keyid\":\"{keyid}\",\"sig\":\"{sig}\"}}]}}}}"
        )
    };
    let url = format!("{REGISTRY}@playwright%2fcli/0.1.1");
    let known = "SHA256:DhQ8wR5APBvFHLF/+Tc+AYvPOdTpcIDqOhxsBHRwC7U";
    let own = integrity(&tarball);
    for (document, code) in [
        (version(&own, known), "signature-invalid"),
        (version(&integrity(b"other"), known), "registry-signature-mismatch"),
    ] {
        let project = playwright(&corpus, &strict(""));
        project.web.serve(&url, document);
        check(&project, 1, &[code]);
    }
    // By a key that nobody knows, as private registries have: no obstacle, and no provenance either.
    let project = playwright(&corpus, &strict(""));
    project.web.serve(&url, version(&own, "SHA256:AAAA"));
    assert!(check(&project, 0, &["unknown-key"]).rows[0].evidence.is_some());
    let project = playwright(&corpus, &strict(""));
    project.web.serve(&url, version(&own, "SHA256:AAAA"));
    project.web.remove(&attestations_url());
    check(&project, 1, &["provenance-missing"]);
}

#[test]
fn could_not_ask_is_not_none() {
    let corpus = Corpus::open("attestations");
    let page = |status: u16, kind: &str, body: &str| Page {
        status,
        location: None,
        content_type: Some(kind.to_owned()),
        body: body.as_bytes().to_vec(),
    };
    for (page, code) in [
        (page(403, "text/plain", ""), "not-authorized"),
        (page(500, "text/plain", ""), "http-status"),
        (page(200, "text/html", "<!doctype html>"), "answer-web-page"),
        (page(200, "application/json", "{"), "answer-json"),
        (page(200, "application/json", "{}"), "answer-shape"),
    ] {
        let project = playwright(&corpus, &strict(""));
        project.web.answer(&attestations_url(), page.clone());
        let report = check(&project, 2, &[code]);
        assert!(!project.exists(".pinfold/cli.json"), "{}", human(&report));

        project.pins(&project.read("pins.toml").replace("strict", "lenient"));
        check(&project, 0, &[code]);
        assert!(project.read(".pinfold/cli.json").contains("\"evidence\": \"unasked\""));
        // Asked again the next time, with better luck.
        check(&project, 0, &[code]);
        project.web.serve(&attestations_url(), corpus.bytes(PLAYWRIGHT.document));
        let report = check(&project, 0, &[]);
        assert!(report.rows[0].evidence.is_some(), "{}", human(&report));
        // What was received once stays, whatever becomes of the endpoint.
        project.web.answer(&attestations_url(), page);
        std::fs::remove_dir_all(project.path("vendor/cli")).expect("a tree");
        assert_eq!(told(&check(&project, 0, &[])), told(&report));
    }
    let project = playwright(&corpus, &strict(""));
    let offline = Conduct { offline: true, ..Conduct::default() };
    project.fetch_all();
    std::fs::remove_file(project.path(".pinfold/cli.json")).expect("a record");
    let report = project.try_fetch(offline).expect("a report");
    assert_eq!((report.exit_code(), codes(&report)), (2, vec!["evidence-offline"]), "{}", human(&report));
}

#[test]
fn a_policy_holds_for_what_is_there_already() {
    let corpus = Corpus::open("attestations");
    let project = playwright(&corpus, &strict(""));
    check(&project, 0, &[]);
    let pins = project.read("pins.toml");
    let wrong = pins.replace(REPOSITORY, "https://github.com/microsoft/playwright");
    project.pins(&wrong);
    for report in [try_fetch(&project), try_verify(&project)] {
        assert_eq!((report.exit_code(), codes(&report)), (1, vec!["repository-mismatch"]), "{}", human(&report));
    }
    project.pins(&pins);
    // The record is no place to hide evidence in, or to make it up.
    let record = project.read(".pinfold/cli.json");
    let changed = record.replacen("\"sig\":\"ME", "\"sig\":\"MF", 1);
    assert_ne!(changed, record);
    project.write(".pinfold/cli.json", changed);
    assert_eq!(try_verify(&project).exit_code(), 1);
    let evidence = record.find("  \"evidence\"").expect("evidence")..record.find("  \"files\"").expect("files");
    for (word, code) in [("none", "provenance-missing"), ("off", "evidence-offline"), ("unasked", "evidence-offline")] {
        let mut changed = record.clone();
        changed.replace_range(evidence.clone(), &format!("  \"evidence\": \"{word}\",\n"));
        project.write(".pinfold/cli.json", changed);
        let report = try_verify(&project);
        assert!(report.exit_code() != 0 && codes(&report) == [code], "{word}: {}", human(&report));
    }
}

#[test]
fn nobody_is_named() {
    let corpus = Corpus::open("attestations");
    let project = playwright(&corpus, "mode = \"lenient\"");
    let report = check(&project, 0, &["nobody-named"]);
    insta::assert_snapshot!("nobody-named", both(&project, &report));
    assert!(report.rows[0].evidence.is_none(), "what nobody demanded is not judged");
    let project = playwright(&corpus, "mode = \"strict\"");
    check(&project, 3, &["nobody-named"]);
    // What is wrong by itself refuses all the same.
    let project = playwright(&corpus, "mode = \"lenient\"");
    project.web.serve(&attestations_url(), corpus.bytes("docs/derived-playwright-cli-0.1.1-body-flip.json"));
    assert_eq!(try_fetch(&project).exit_code(), 1);
    // Evidence for another package that is served in its place.
    let project = playwright(&corpus, "mode = \"lenient\"");
    project.web.serve(&attestations_url(), corpus.bytes("docs/kxn__MyKvm-third_party-novnc-npm-attestations.json"));
    assert_eq!(try_fetch(&project).exit_code(), 1);
}

#[test]
fn min_age_is_that_of_the_log() {
    let corpus = Corpus::open("attestations");
    let project = playwright(&corpus, &strict(""));
    let pins = project.read("pins.toml");
    project.pins(&format!("{pins}\n[trust]\nmin-age = \"3650d\"\n"));
    check(&project, 1, &["too-young"]);
    project.pins(&format!("{pins}\n[trust]\nmin-age = \"1d\"\n"));
    check(&project, 0, &[]);
}

#[test]
fn another_root_of_trust() {
    let corpus = Corpus::open("attestations");
    let project = playwright(&corpus, &strict(""));
    let with_root = |root: &str| {
        let trust = Trust::new(None).with_root(Some(root.to_owned()));
        let run = |ctx: &Ctx<'_>| fetch::run(&Ctx { trust: &trust, ..*ctx }, &fetch::Options::default());
        project.with(&Silent, run).expect("a report")
    };
    let report = with_root("github");
    assert_eq!((report.exit_code(), codes(&report)), (3, vec!["unknown-authority"]), "{}", human(&report));
    insta::assert_snapshot!("unknown-authority", both(&project, &report));
    assert!(!project.exists("vendor"));
    assert_eq!(with_root("no-such-file").exit_code(), 2);
    assert_eq!(with_root("public-good").exit_code(), 0);
}

/// A project that pins a file of a Python index, with its evidence; all of it served.
pub(crate) fn python(corpus: &Corpus) -> Project {
    let file = "pypi_attestations-0.0.19.tar.gz";
    let sdist = corpus.bytes(&format!("docs/trailofbits__pypi-attestations-{file}"));
    let attestation =
        String::from_utf8(corpus.bytes(&format!("docs/trailofbits__pypi-attestations-{file}.slsa.attestation")));
    let provenance = format!("{{\"attestation_bundles\":[{{\"attestations\":[{}]}}]}}", attestation.expect("text"));
    let more =
        "[pins.cli.provenance]\nmode = \"strict\"\nrepository = \"https://github.com/trailofbits/pypi-attestations\"\n";
    let source = format!("pypi = \"pypi-attestations==0.0.19#{file}\"");
    let project = Project::new(&pin("cli", &source, &integrity(&sdist), more));
    let list = format!(
        "{{\"meta\":{{\"api-version\":\"1.0\"}},\"files\":[{{\"filename\":\"{file}\",\"url\":\"https://example.com/{file}\",\"hashes\":{{\"sha256\":\"{}\"}}}}]}}",
        Integrity::of(Algorithm::Sha256, &sdist).hex()
    );
    project.web.serve(&format!("{INDEX}pypi-attestations/"), list);
    project.web.serve(&format!("https://example.com/{file}"), sdist);
    let index = INDEX.strip_suffix("simple/").expect("an index");
    project.web.serve(&format!("{index}integrity/pypi-attestations/0.0.19/{file}/provenance"), provenance);
    project
}

/// A file of a Python index, whose evidence names it by SHA-256, which no pin has.
#[test]
fn by_a_digest_that_the_pin_does_not_have() {
    let corpus = Corpus::open("attestations");
    let project = python(&corpus);
    let report = check(&project, 0, &[]);
    assert!(report.rows[0].evidence.is_some());
    assert!(project.read(".pinfold/cli.json").contains("\"sha256\": \"sha256-"));
    assert_eq!(codes(&try_verify(&project)), [""; 0]);
    // Without the bytes the record's word has to do, and that is said.
    std::fs::remove_dir_all(project.store_folder()).expect("a store");
    let report = try_verify(&project);
    assert_eq!((report.exit_code(), codes(&report)), (0, vec!["evidence-by-record"]), "{}", human(&report));
}

/// A signature over the bytes, in a file that the pin names.
#[test]
fn in_a_file_of_the_project() {
    let corpus = Corpus::open("attestations");
    let wheel = corpus.bytes("docs/sigstore__sigstore-python-bundle_v3_github.whl");
    let more = "format = \"raw\"\n[pins.cli.provenance]\nmode = \"strict\"\nattestation = \"evidence.json\"\n\
                repository = \"https://github.com/trailofbits/rfc8785.py\"\nref = \"refs/tags/v0.1.2\"\n";
    let project = Project::new(&pin("cli", "file = \"x.whl\"", &integrity(&wheel), more));
    project.write("x.whl", &wheel);
    check(&project, 2, &["evidence-file-absent"]);
    project.write("evidence.json", "{}");
    check(&project, 1, &["document-shape"]);
    project.write("evidence.json", corpus.bytes("docs/sigstore__sigstore-python-bundle_v3_github.whl.sigstore"));
    let report = check(&project, 0, &[]);
    assert_eq!(report.rows[0].evidence.as_ref().expect("evidence").kind, "a signature over the bytes");
    assert_eq!(try_verify(&project).exit_code(), 0);
}
