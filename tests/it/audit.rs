//! `pinfold audit` and `pinfold explain`: what upstream says today, what is proved of it, and what of it counts.

use std::io::{self, Read as _};
use std::path::PathBuf;

use pinfold::commands::audit::{self, FailOn, Options};
use pinfold::commands::explain;
use pinfold::ctx::{Ctx, Silent};
use pinfold::report::audit::{Audit, Provenance, ProvenanceFrom, Served, ServedBy, Signature};
use pinfold::report::{Report, Verdict, markdown, sarif};
use pinfold_core::digest::{Algorithm, Integrity};
use pinfold_core::fault::Fault;
use pinfold_net::http::{Http, HttpError, Request, Response};

use crate::corpus::Corpus;
use crate::provenance;
use crate::render::{self, Style};
use crate::support::{INDEX, Page, Project, REGISTRY, Web, both, codes, human, integrity, pin, scrub};
use crate::vsa;

const API: &str = "https://api.github.com/";

fn try_audit(project: &Project, options: &Options) -> Result<Report, Fault> {
    project.with(&Silent, |ctx| audit::run(ctx, options))
}

/// Audits all pins, and holds exit code and codes to what they must be.
fn check(project: &Project, options: &Options, exit: u8, expected: &[&str]) -> Report {
    let report = try_audit(project, options).expect("a report");
    assert_eq!((report.exit_code(), codes(&report)), (exit, expected.to_vec()), "{}", human(&report));
    report
}

fn audit_of<'a>(report: &'a Report, pin: &str) -> &'a Audit {
    let row = report.rows.iter().find(|row| row.subject == pin).expect("a row");
    row.audit.as_deref().expect("an audit")
}

fn plain() -> Options {
    Options::default()
}

fn offline() -> Options {
    Options { offline: true, ..plain() }
}

/// Serves what a registry says of a package: versions with what stands in them.
fn serve_package(web: &Web, name: &str, latest: &str, versions: &[(&str, String)]) {
    let listed: Vec<String> =
        versions.iter().map(|(version, manifest)| format!("\"{version}\":{{{manifest}}}")).collect();
    let times: Vec<String> =
        versions.iter().map(|(version, _)| format!("\"{version}\":\"2025-01-02T03:04:05.678Z\"")).collect();
    let text = format!(
        "{{\"dist-tags\":{{\"latest\":\"{latest}\"}},\"time\":{{{}}},\"versions\":{{{}}}}}",
        times.join(","),
        listed.join(",")
    );
    web.serve(&format!("{REGISTRY}{}", name.replace('/', "%2f")), text);
}

fn dist(integrity: &str) -> String {
    format!("\"dist\":{{\"integrity\":\"{integrity}\"}}")
}

fn attested(integrity: &str) -> String {
    format!("\"dist\":{{\"integrity\":\"{integrity}\",\"attestations\":{{\"url\":\"x\"}}}}")
}

fn other() -> String {
    integrity(b"other")
}

/// A project with one package, fetched by nobody.
fn one(manifest: &str) -> Project {
    let project = Project::new("");
    let integrity = project.web.serve_npm("tool", "1.0.0", &[("x", "1")]);
    project.pins(&pin("tool", "npm = \"tool@1.0.0\"", &integrity, ""));
    serve_package(&project.web, "tool", "1.0.0", &[("1.0.0", manifest.replace("INTEGRITY", &integrity))]);
    project
}

/// A project whose pins come out in each way, as far as no real evidence is needed.
fn several() -> Project {
    let project = Project::new("");
    let web = &project.web;
    let fine = web.serve_npm("fine", "1.0.0", &[("x", "1")]);
    serve_package(
        web,
        "fine",
        "1.2.0",
        &[
            ("0.9.0", attested(&other())),
            ("1.0.0", dist(&fine)),
            ("1.1.0", attested(&other())),
            ("1.2.0", attested(&other())),
        ],
    );
    let old = web.serve_npm("@s/old", "1.0.0", &[("x", "2")]);
    let deprecated = format!("{},\"deprecated\":\"use | <b>@s/new</b>\"", dist(&old));
    serve_package(web, "@s/old", "1.0.0", &[("1.0.0", deprecated)]);
    let swapped = web.serve_npm("swapped", "1.0.0", &[("x", "3")]);
    serve_package(web, "swapped", "1.0.0", &[("1.0.0", dist(&other()))]);
    let gone = integrity(b"gone");
    serve_package(web, "gone", "2.0.0", &[("2.0.0", dist(&other()))]);
    let wheel = Integrity::of(Algorithm::Sha256, b"wheel");
    let list = format!(
        "{{\"files\":[{{\"filename\":\"a-1.0-py3-none-any.whl\",\"url\":\"x\",\"hashes\":{{\"sha256\":\"{}\"}},\
         \"yanked\":true,\"upload-time\":\"2024-05-06T07:08:09Z\",\"provenance\":null}}]}}",
        wheel.hex()
    );
    web.serve(&format!("{INDEX}a/"), list);
    let asset = Integrity::of(Algorithm::Sha256, b"asset");
    let release = format!(
        "{{\"tag_name\":\"v1\",\"published_at\":\"2025-07-01T00:00:00Z\",\
         \"assets\":[{{\"name\":\"x.tgz\",\"digest\":\"sha256:{}\"}}]}}",
        asset.hex()
    );
    web.serve(&format!("{API}repos/o/r/releases/tags/v1"), release);
    web.serve(&format!("{API}repos/o/r/releases/latest"), "{\"tag_name\":\"v2\",\"assets\":[]}");
    let pins = [
        pin("fine", "npm = \"fine@1.0.0\"", &fine, ""),
        pin("old", "npm = \"@s/old@1.0.0\"", &old, ""),
        pin("swapped", "npm = \"swapped@1.0.0\"", &swapped, ""),
        pin("gone", "npm = \"gone@1.0.0\"", &gone, ""),
        pin("wheel", "pypi = \"a==1.0#a-1.0-py3-none-any.whl\"", &wheel.to_string(), ""),
        pin("asset", "github = \"o/r@v1#x.tgz\"", &asset.to_string(), ""),
        pin("page", "url = \"https://example.com/x.tgz\"", &integrity(b"page"), ""),
    ];
    project.pins(&pins.concat());
    project
}

#[test]
fn one_row_a_pin() {
    let project = several();
    let report = try_audit(&project, &plain()).expect("a report");
    insta::assert_snapshot!("audit", both(&project, &report));
    assert_eq!(report.exit_code(), 1);
    let asked = project.web.asked();
    assert_eq!(asked.len(), 13, "a document a package, and a question for evidence where there is a place: {asked:?}");
    assert_eq!(report, try_audit(&project, &plain()).expect("a report"), "again, the same");
    for (pin, served) in [
        ("fine", Served::Same),
        ("swapped", Served::Other),
        ("gone", Served::Gone),
        ("wheel", Served::Same),
        ("asset", Served::Same),
        ("page", Served::Unknown),
    ] {
        assert_eq!(audit_of(&report, pin).served, served, "{pin}");
    }
    assert!(!project.exists(".pinfold") && !project.exists("vendor"), "an audit changes nothing");
}

#[test]
fn as_a_table_for_a_document() {
    let project = several();
    let report = try_audit(&project, &plain()).expect("a report");
    let table = markdown::audit(&report, "2026-01-02", "pinfold audit --format markdown");
    insta::assert_snapshot!("audit-markdown", scrub(&project, &table));
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("| ")).collect();
    let cells = |line: &str| line.replace("\\|", "").matches('|').count();
    assert!(rows.len() == 8 && rows.iter().all(|line| cells(line) == 9), "{table}");
}

/// The shape that SARIF 2.1.0 demands: required properties, levels, indexes from 1, rules for all results.
#[test]
fn for_code_scanning() {
    let project = several();
    let report = try_audit(&project, &plain()).expect("a report");
    let text = sarif::document(&report, "sub dir/pins.toml");
    insta::assert_snapshot!("audit-sarif", scrub(&project, &text));
    let log: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((log["version"].as_str(), log["runs"].as_array().map(Vec::len)), (Some("2.1.0"), Some(1)));
    let run = &log["runs"][0];
    let driver = &run["tool"]["driver"];
    assert!(driver["name"].is_string());
    let rules: Vec<&str> =
        driver["rules"].as_array().expect("rules").iter().map(|rule| rule["id"].as_str().expect("an id")).collect();
    let results = run["results"].as_array().expect("results");
    assert_eq!(results.len(), codes(&report).len());
    let pins = project.read("pins.toml");
    for result in results {
        assert!(rules.contains(&result["ruleId"].as_str().expect("a rule")));
        assert!(["error", "warning", "note"].contains(&result["level"].as_str().expect("a level")));
        assert!(!result["message"]["text"].as_str().expect("a text").is_empty());
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "sub%20dir/pins.toml");
        let line = usize::try_from(place["region"]["startLine"].as_u64().expect("a line")).expect("fits");
        let subject = result["partialFingerprints"]["pinfold/v1"].as_str().expect("a subject").split('/').next();
        let before: Vec<&str> = pins.lines().take(line).collect();
        let table = before.iter().rev().find_map(|line| line.strip_prefix("[pins.")?.strip_suffix(']'));
        assert_eq!((table, line), (subject, line), "{result}");
    }
    let nothing = Report { rows: Vec::new(), ..report };
    let log: serde_json::Value = serde_json::from_str(&sarif::document(&nothing, "pins.toml")).expect("JSON");
    assert_eq!(log["runs"][0]["results"], serde_json::json!([]));
}

#[test]
fn what_counts_is_for_the_caller_to_say() {
    let project = one("\"dist\":{\"integrity\":\"INTEGRITY\"},\"deprecated\":\"old\"");
    let expected = ["upstream-withdrawn", "registry-unsigned", "provenance-missing"];
    check(&project, &plain(), 0, &expected);
    for (rule, exit) in [
        ("error", 0),
        ("warning", 1),
        ("note", 1),
        ("upstream-withdrawn", 1),
        ("registry-unsigned", 1),
        ("provenance-missing", 1),
        ("upstream-newer", 0),
    ] {
        let fail_on = vec![rule.parse::<FailOn>().expect("a rule")];
        let report = check(&project, &Options { fail_on, ..plain() }, exit, &expected);
        let errors = report.rows[0].findings.iter().filter(|one| one.level == pinfold::report::Level::Error);
        assert_eq!(errors.count() > 0, exit == 1, "{rule}");
    }
    for rule in ["", "warnings", "upstream", "integrity-mismatch"] {
        let told = rule.parse::<FailOn>().expect_err("refused");
        assert!(told.contains("`warning`") && told.contains("provenance-missing"), "{told}");
    }
}

#[test]
fn a_registry_that_does_not_tell_the_truth() {
    // About the digest.
    let project = one(&dist(&other()));
    let report = check(&project, &plain(), 1, &["upstream-mismatch", "registry-unsigned", "provenance-missing"]);
    let finding = &report.rows[0].findings[0];
    assert_eq!((finding.received.as_deref(), finding.expected.is_some()), (Some(other().as_str()), true));
    // And the bytes say so: they are the pinned ones.
    let report = try_audit(&project, &Options { bytes: true, ..plain() }).expect("a report");
    let audit = audit_of(&report, "tool");
    assert_eq!((audit.served, audit.served_by, report.exit_code()), (Served::Same, ServedBy::Download, 1));
    // The other way round: metadata that is right, and other bytes.
    let project = one(&dist("INTEGRITY"));
    project.web.serve(&format!("{REGISTRY}tool/-/tool-1.0.0.tgz"), "other");
    let options = Options { bytes: true, ..plain() };
    let report = check(&project, &options, 1, &["integrity-mismatch", "registry-unsigned", "provenance-missing"]);
    assert_eq!(audit_of(&report, "tool").served, Served::Other);
    // About its signatures: a key that nobody knows proves nothing, and is told as that.
    let signed = "\"dist\":{\"integrity\":\"INTEGRITY\",\"signatures\":[{\"keyid\":\"SHA256:x\",\"sig\":\"eA==\"}]}";
    let report = check(&one(signed), &plain(), 0, &["provenance-missing"]);
    assert_eq!(audit_of(&report, "tool").registry_signature, Some(Signature::Unverifiable));
    // A signature over nothing, by a key that is known.
    let known = pinfold_evidence::root::RegistryKeys::embedded().expect("keys");
    let keyid = known.keys().last().expect("a key").keyid.clone();
    let forged = signed.replace("SHA256:x", &keyid);
    let report = try_audit(&one(&forged), &plain()).expect("a report");
    assert_eq!(report.exit_code(), 1, "{}", human(&report));
    assert_eq!(audit_of(&report, "tool").registry_signature, Some(Signature::Refused));
}

#[test]
fn what_upstream_has_no_more() {
    let project = one(&dist("INTEGRITY"));
    serve_package(&project.web, "tool", "2.0.0", &[("2.0.0", dist(&other()))]);
    let report = check(&project, &plain(), 1, &["upstream-gone", "provenance-missing"]);
    assert_eq!(audit_of(&report, "tool").newest.as_deref(), Some("2.0.0"));
    project.web.remove(&format!("{REGISTRY}tool"));
    check(&project, &plain(), 1, &["upstream-gone", "provenance-missing"]);
    // The tarball alone.
    let project = one(&dist("INTEGRITY"));
    project.web.remove(&format!("{REGISTRY}tool/-/tool-1.0.0.tgz"));
    check(&project, &plain(), 0, &["registry-unsigned", "provenance-missing"]);
    let options = Options { bytes: true, ..plain() };
    check(&project, &options, 1, &["upstream-gone", "registry-unsigned", "provenance-missing"]);
}

/// A network in which one body has no end.
struct Endless<'a>(&'a dyn Http);

impl Http for Endless<'_> {
    fn exchange(&self, request: &Request<'_>) -> Result<Response, HttpError> {
        let mut response = self.0.exchange(request)?;
        if request.url.to_string() == format!("{REGISTRY}tool") {
            response.content_length = None;
            response.body = Box::new(response.body.chain(io::repeat(b' ')));
        }
        Ok(response)
    }
}

#[test]
fn could_not_ask_is_not_gone() {
    let page = |status: u16, kind: &str, body: &str| Page {
        status,
        location: None,
        content_type: Some(kind.to_owned()),
        body: body.as_bytes().to_vec(),
    };
    for (page, code) in [
        (page(403, "text/plain", ""), "not-authorized"),
        (page(200, "text/html", "<!doctype html>"), "answer-web-page"),
        (page(200, "application/json", "{\"versions\":"), "answer-json"),
    ] {
        let project = one(&dist("INTEGRITY"));
        project.web.answer(&format!("{REGISTRY}tool"), page);
        let report = check(&project, &plain(), 2, &[code, "provenance-missing"]);
        assert_eq!(audit_of(&report, "tool").served, Served::Unknown);
    }
    // Evidence that could not be asked for is none of the pin's fault either.
    let project = one(&dist("INTEGRITY"));
    project.web.answer(&format!("{REGISTRY}-/npm/v1/attestations/tool@1.0.0"), page(403, "text/plain", ""));
    let report = check(&project, &plain(), 2, &["registry-unsigned", "not-authorized"]);
    assert_eq!(audit_of(&report, "tool").provenance, Provenance::Unknown);

    let project = one(&dist("INTEGRITY"));
    let report =
        project.with(&Silent, |ctx| audit::run(&Ctx { http: &Endless(ctx.http), ..*ctx }, &plain())).expect("a report");
    assert_eq!((report.exit_code(), codes(&report)), (1, vec!["body-too-long", "provenance-missing"]));
}

#[test]
fn a_server_that_has_been_asked_too_much() {
    let project = one(&dist("INTEGRITY"));
    let page = Page { status: 429, location: None, content_type: None, body: Vec::new() };
    project.web.answer(&format!("{REGISTRY}tool"), page);
    let report = check(&project, &plain(), 2, &["http-status", "provenance-missing"]);
    assert!(human(&report).contains("try again later"), "{}", human(&report));
}

#[test]
fn nobody_is_asked_offline() {
    let project = several();
    let report = try_audit(&project, &offline()).expect("a report");
    assert_eq!((report.exit_code(), project.web.asked().len()), (0, 0), "{}", human(&report));
    insta::assert_snapshot!("audit-offline", both(&project, &report));
}

#[test]
fn a_house_is_stricter_than_its_project() {
    let project = one(&dist("INTEGRITY"));
    let with = |policy: &str| {
        project.write("house.toml", policy);
        let policy: Option<PathBuf> = Some(project.path("house.toml"));
        try_audit(&project, &Options { policy, ..plain() })
    };
    let outcome = |policy: &str| {
        let report = with(policy).expect("a report");
        (report.exit_code(), codes(&report).into_iter().map(str::to_owned).collect::<Vec<_>>())
    };
    let of = |codes: &[&str]| codes.iter().map(|&code| code.to_owned()).collect::<Vec<_>>();
    let unsigned = "registry-unsigned";
    assert_eq!(outcome("[trust]\n"), (0, of(&[unsigned, "provenance-missing"])));
    assert_eq!(outcome("[trust]\nprovenance = \"strict\"\n"), (1, of(&[unsigned, "provenance-missing"])));
    assert_eq!(outcome("[trust]\nprovenance = \"off\"\n"), (0, of(&[unsigned, "provenance-missing"])));
    let elsewhere = outcome("[trust]\nhosts = [\"elsewhere.example.com\"]\n");
    assert_eq!(elsewhere, (1, of(&["host-not-allowed"])));
    assert!(project.web.asked().iter().all(|url| url.starts_with(REGISTRY)));

    let pins = project.read("pins.toml");
    project.pins(&format!("{pins}[pins.tool.provenance]\nrepository = \"https://github.com/o/tool\"\n"));
    let named = outcome("[trust]\nrepositories = [\"https://github.com/O/Tool\"]\n");
    assert_eq!(named, (0, of(&[unsigned, "provenance-missing"])));
    let other = outcome("[trust]\nrepositories = [\"https://github.com/o/other\"]\n");
    assert_eq!(other, (1, of(&["policy-repository", unsigned, "provenance-missing"])));

    project.pins(&format!("{pins}\n[trust]\nhosts = [\"npm.example.com\"]\n"));
    assert_eq!(outcome("[trust]\nhosts = [\"npm.example.com\"]\n").0, 0);
    assert_eq!(outcome("[trust]\nhosts = [\"elsewhere.example.com\"]\n").0, 1);

    for (policy, code) in [
        ("[trust]\nmode = \"strict\"\n", "unknown-key"),
        ("[pins]\n", "unknown-key"),
        ("version = 2\n[trust]\n", "unsupported-version"),
        ("[trust\n", "syntax"),
    ] {
        assert_eq!(with(policy).expect_err(policy).findings()[0].code, code, "{policy}");
    }
    let missing = Options { policy: Some(project.path("none.toml")), ..plain() };
    assert_eq!(try_audit(&project, &missing).expect_err("no file").findings()[0].code, "disk");
}

const REPOSITORY: &str = "https://github.com/microsoft/playwright-cli";

/// A real package with real evidence: what the registry hands out for it, and a packument that says so.
fn playwright(corpus: &Corpus, demands: &str) -> Project {
    let project = provenance::playwright(corpus, demands);
    let pins = project.read("pins.toml");
    let integrity = pins.split('"').find(|text| text.starts_with("sha512-")).expect("an integrity");
    serve_package(
        &project.web,
        "@playwright/cli",
        "0.1.2",
        &[("0.1.0", dist(&other())), ("0.1.1", attested(integrity)), ("0.1.2", attested(&other()))],
    );
    project
}

#[test]
fn evidence_is_proved_whoever_has_it() {
    let corpus = Corpus::open("attestations");
    let project = playwright(&corpus, &format!("mode = \"strict\"\nrepository = \"{REPOSITORY}\""));
    let report = check(&project, &plain(), 0, &["registry-unsigned"]);
    insta::assert_snapshot!("audit-proved", both(&project, &report));
    let audit = audit_of(&report, "cli");
    assert_eq!((audit.provenance, audit.provenance_from), (Provenance::Proved, ProvenanceFrom::Source));
    assert_eq!(project.web.asked().len(), 2);

    // From the record, once there is one: proved again, and held against what its source has.
    let fetched = project.try_fetch(pinfold::install::Conduct::default()).expect("a report");
    assert_eq!(fetched.verdict(), Verdict::Passed, "{}", human(&fetched));
    project.web.asked();
    let report = check(&project, &plain(), 0, &["registry-unsigned"]);
    let audit = audit_of(&report, "cli");
    assert_eq!((audit.provenance, audit.provenance_from), (Provenance::Proved, ProvenanceFrom::Record));
    let attestations = format!("{REGISTRY}-/npm/v1/attestations/@playwright%2fcli@0.1.1");
    assert_eq!(project.web.asked(), [format!("{REGISTRY}@playwright%2fcli"), attestations.clone()]);
    let offline = check(&project, &offline(), 0, &["registry-unsigned"]);
    assert_eq!(offline.rows[0].evidence, report.rows[0].evidence);
    assert!(project.web.asked().is_empty());

    // What the source has no longer, and what only the record has, is told; where it cannot be asked, so is that.
    let document = project.web.body(&attestations);
    project.web.remove(&attestations);
    let report = check(&project, &plain(), 0, &["registry-unsigned", "record-evidence-differs"]);
    assert_eq!(audit_of(&report, "cli").provenance_from, ProvenanceFrom::Record);
    let finding = report.rows[0].findings.iter().find(|one| one.code == "record-evidence-differs").expect("told");
    assert_eq!(finding.expected.as_deref(), Some("none"));
    assert!(finding.received.as_ref().is_some_and(|said| said.contains("playwright-cli")), "{finding:?}");
    project.web.serve(&attestations, "<html>");
    check(&project, &plain(), 0, &["registry-unsigned", "evidence-not-compared"]);
    project.web.serve(&attestations, document);

    // A house that trusts somebody else, and one that wants it older.
    for (policy, code) in [
        ("[trust]\nrepositories = [\"https://github.com/o/other\"]\n", "policy-repository"),
        ("[trust]\nmin-age = \"3650d\"\n", "too-young"),
    ] {
        project.write("house.toml", policy);
        let policy = Some(project.path("house.toml"));
        check(&project, &Options { offline: true, policy, ..plain() }, 1, &{
            let mut expected = vec![code, "registry-unsigned"];
            if code == "too-young" {
                expected.reverse();
            }
            expected
        });
    }

    // Wrong evidence refuses, also where the pin says that it does not look.
    let project = playwright(&corpus, "mode = \"off\"\nrepository = \"https://github.com/microsoft/playwright\"");
    let report = check(&project, &plain(), 1, &["registry-unsigned", "repository-mismatch"]);
    assert_eq!(audit_of(&report, "cli").provenance, Provenance::Refused);
    let project = playwright(&corpus, "mode = \"lenient\"");
    let report = check(&project, &plain(), 0, &["registry-unsigned", "nobody-named"]);
    assert_eq!(
        (audit_of(&report, "cli").provenance, report.rows[0].status.as_str()),
        (Provenance::Unnamed, "unproved")
    );
    project
        .web
        .serve(&provenance::attestations_url(), corpus.bytes("docs/derived-playwright-cli-0.1.1-body-flip.json"));
    assert_eq!(try_audit(&project, &plain()).expect("a report").exit_code(), 1);
}

/// Evidence that names a digest which neither the pin nor anything here has: about whatever upstream says.
#[test]
fn without_the_bytes_a_digest_is_a_claim() {
    let corpus = Corpus::open("attestations");
    let project = provenance::python(&corpus);
    let report = check(&project, &plain(), 0, &["upstream-unlisted", "evidence-by-claim"]);
    let audit = audit_of(&report, "cli");
    assert_eq!((audit.provenance, audit.served), (Provenance::Claimed, Served::Unknown));
    assert_eq!(report.rows[0].status, "unproved");
    // With the bytes here all of it holds.
    let fetched = project.try_fetch(pinfold::install::Conduct::default()).expect("a report");
    assert_eq!(fetched.verdict(), Verdict::Passed, "{}", human(&fetched));
    let report = check(&project, &plain(), 0, &[]);
    let audit = audit_of(&report, "cli");
    assert_eq!((audit.provenance, audit.served), (Provenance::Proved, Served::Same));
}

/// Good evidence of other bytes, in a record that says that they are the pinned ones, is no proof.
#[test]
fn a_records_word_proves_nothing() {
    let project = vsa::built("ok-actions", "url = \"https://example.com/artifact.bin\"", vsa::REPOSITORY);
    vsa::fetched(&project);
    project.pins(&project.read("pins.toml").replace("attestation = \"evidence.json\"\n", ""));
    let audited = || vsa::with(&project, |ctx| audit::run(ctx, &offline())).expect("a report");
    let asked = || vsa::with(&project, |ctx| explain::run(ctx, "left")).expect("a report");
    assert_eq!((audited().rows[0].status.as_str(), codes(&audited())), ("proved", vec![]));
    assert_eq!(statuses(&asked())[4..6], ["proven", "proven"]);
    std::fs::remove_dir_all(project.store_folder()).expect("a store");
    let report = audited();
    assert_eq!((report.exit_code(), codes(&report)), (0, vec!["evidence-by-record"]), "{}", human(&report));
    assert_eq!(audit_of(&report, "left").provenance, Provenance::Claimed);
    assert_eq!(report.rows[0].status, "unproved");
    assert_eq!(statuses(&asked())[4..6], ["claimed", "claimed"]);
    let strict = Options { fail_on: vec!["evidence-by-record".parse().expect("a rule")], ..offline() };
    let report = vsa::with(&project, |ctx| audit::run(ctx, &strict)).expect("a report");
    assert_eq!(report.exit_code(), 1, "{}", human(&report));
    assert!(asked().rows[4].detail.contains("the record's word"), "{}", asked().rows[4].detail);
}

// `pinfold explain`.

fn explained(project: &Project, pin: &str) -> Report {
    project.with(&Silent, |ctx| explain::run(ctx, pin)).expect("a report")
}

fn answers(project: &Project, report: &Report) -> String {
    scrub(project, &format!("{}\n{}", render::answers(report, &Style::default()), report.to_json()))
}

fn statuses(report: &Report) -> Vec<&str> {
    report.rows.iter().map(|row| row.status.as_str()).collect()
}

#[test]
fn question_by_question() {
    let corpus = Corpus::open("attestations");
    let project = playwright(&corpus, &format!("mode = \"strict\"\nrepository = \"{REPOSITORY}\""));
    assert_eq!(
        statuses(&explained(&project, "cli")),
        ["proven", "not known", "not known", "not known", "not known", "not known", "not known"]
    );
    let fetched = project.try_fetch(pinfold::install::Conduct::default()).expect("a report");
    assert_eq!(fetched.verdict(), Verdict::Passed, "{}", human(&fetched));
    project.web.forget();
    let report = explained(&project, "cli");
    insta::assert_snapshot!("explain", answers(&project, &report));
    assert_eq!(
        (statuses(&report), report.exit_code()),
        (vec!["proven", "proven", "proven", "not known", "proven", "proven", "not known"], 0)
    );
    assert!(project.web.asked().is_empty());

    // Without the store there is the record's word.
    std::fs::remove_dir_all(project.store_folder()).expect("a store");
    let report = explained(&project, "cli");
    assert_eq!(statuses(&report)[..3], ["proven", "claimed", "claimed"]);

    // What is wrong is neither proven nor unknown.
    project.write("vendor/cli/package.json", "{}");
    project.pins(&project.read("pins.toml").replace(REPOSITORY, "https://github.com/microsoft/playwright"));
    let report = explained(&project, "cli");
    assert_eq!((report.exit_code(), statuses(&report)[1], statuses(&report)[4]), (1, "refuted", "refuted"));
}

#[test]
fn what_nobody_knows_is_told_as_that() {
    let project = one(&dist("INTEGRITY"));
    project.fetch_all();
    let report = explained(&project, "tool");
    insta::assert_snapshot!("explain-without-evidence", answers(&project, &report));
    assert_eq!(report.exit_code(), 0);
    let error = project.with(&Silent, |ctx| explain::run(ctx, "tol")).expect_err("no such pin");
    assert_eq!(error.findings()[0].code, "unknown-pin");
}

// The real command.

#[test]
fn by_the_command() {
    let project = one(&dist("INTEGRITY"));
    let run = |args: &[&str]| {
        let output = project.command().args(args).output().expect("the command");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        (output.status.code().expect("a code"), text(output.stdout), text(output.stderr))
    };
    let (code, table, _) = run(&["audit", "--offline", "--format", "markdown"]);
    let (first, rest) = table.split_once(" by pinfold ").expect("a head");
    let date = first.strip_prefix("Audited on ").expect("a date");
    let shape: String = date.chars().map(|one| if one.is_ascii_digit() { '0' } else { one }).collect();
    assert_eq!((code, shape.as_str()), (0, "0000-00-00"));
    assert!(rest.contains("`pinfold audit --offline --format markdown`"), "{rest}");
    let (code, log, _) = run(&["audit", "--offline", "--format", "sarif", "--fail-on", "evidence-offline"]);
    let log: serde_json::Value = serde_json::from_str(&log).expect("JSON");
    assert_eq!((code, log["runs"][0]["results"][0]["level"].as_str()), (1, Some("error")));
    let (code, document, _) = run(&["audit", "--offline", "--json"]);
    let document: serde_json::Value = serde_json::from_str(&document).expect("JSON");
    assert_eq!((code, document["rows"][0]["audit"]["served_by"].as_str()), (0, Some("nobody")));
    for wrong in [
        &["audit", "--json", "--format", "sarif"][..],
        &["audit", "--offline", "--bytes"],
        &["audit", "--fail-on", "nothing"],
        &["explain"],
    ] {
        assert_eq!(run(wrong).0, 2, "{wrong:?}");
    }
    let (code, text, _) = run(&["explain", "tool"]);
    assert_eq!(code, 0);
    assert!(text.starts_with("What does the pin demand?\n  proven: "), "{text}");
    let (_, document, _) = run(&["explain", "tool", "--json"]);
    assert!(document.contains("\"command\": \"explain\""), "{document}");
}
