//! `pinfold update`: what changes is told before it is written, and what was proved is not given up without a word.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use pinfold::commands::audit;
use pinfold::commands::consent::Consent;
use pinfold::commands::fetch;
use pinfold::commands::update::{self, Options, Target};
use pinfold::ctx::Silent;
use pinfold::install::Conduct;
use pinfold::report::Report;
use pinfold_core::fault::Fault;
use serde_json::{Value, json};

use crate::corpus::Corpus;
use crate::support::{
    INDEX, Project, QUIET, REGISTRY, Tar, both, codes, files_below, human, integrity, npm_package, pin,
};

const CLI: &str = "docs/mitchdenny__sigstore-dotnet-samples-data-playwright-cli-0.1.1";
const REPOSITORY: &str = "https://github.com/microsoft/playwright-cli";

fn to(version: &str) -> Options {
    let Ok(to) = version.parse::<Target>();
    Options { to, ..Options::default() }
}

fn try_update(project: &Project, options: &Options, consent: Consent<'_>) -> Result<Report, Fault> {
    project.with(&Silent, |ctx| update::run(ctx, options, consent))
}

/// Updates, and holds exit code and status of the first row to what they must be.
fn check(project: &Project, options: &Options, exit: u8, status: &str) -> Report {
    let before = project.read("pins.toml");
    let report = try_update(project, options, Consent::Given).expect("a report");
    assert_eq!((report.exit_code(), report.rows[0].status.as_str()), (exit, status), "{}", human(&report));
    assert_eq!(project.read("pins.toml") == before, status != "updated", "{}", human(&report));
    report
}

fn package_json(version: &str, more: &str) -> String {
    format!("{{\"name\":\"left\",\"version\":\"{version}\"{more}}}")
}

/// A project with a pin `left` at 1.0.0, and what the registry lists: 1.0.0, 1.0.1, 1.1.0, 2.0.0.
fn left(more: &str) -> (Project, Vec<Value>) {
    let project = Project::new("");
    let said = |names: &[&str], license: &str, repository: &str| {
        let names: Vec<Value> = names.iter().map(|name| json!({ "name": name })).collect();
        json!({ "maintainers": names, "license": license, "repository": { "url": repository } })
    };
    let usual = || said(&["alice", "bob"], "MIT", "git+https://github.com/left/left.git");
    let serve =
        |version: &str, files: &[(&str, &str)], said: Value| project.web.serve_listed("left", version, files, said);
    let old = [("index.js", "one"), ("lib/gone.js", "x"), ("lib/same.js", "same")];
    let big = "x".repeat(200_000);
    let (own, other) = (
        package_json("1.0.0", ",\"license\":\"MIT\""),
        package_json("2.0.0", ",\"license\":\"GPL-3.0\",\"scripts\":{\"postinstall\":\"node evil.js\",\"test\":\"x\"}"),
    );
    let mut first = old.to_vec();
    first.push(("package.json", &own));
    let versions = vec![
        serve("1.0.0", &first, usual()),
        serve("1.0.1", &old, usual()),
        serve("1.1.0", &old, usual()),
        serve(
            "2.0.0",
            &[("index.js", "two"), ("lib/same.js", "same"), ("lib/new.js", &big), ("package.json", &other)],
            said(&["alice", "mallory"], "GPL-3.0", "https://github.com/mallory/left"),
        ),
    ];
    project.web.serve_packument("left", &versions);
    let pinned = versions[0]["dist"]["integrity"].as_str().expect("an integrity");
    project.pins(&pin("left", "npm = 'left@1.0.0'   # the version", pinned, more));
    (project, versions)
}

#[test]
fn what_changes_is_told_and_nothing_else_is_written() {
    let (project, versions) = left("size = 0_000 # its length");
    let size = |version: &str| project.web.body(&format!("{REGISTRY}left/-/left-{version}.tgz")).len();
    let pins = project.read("pins.toml").replace("0_000", &format!("0x{:x}", size("1.0.0")));
    project.pins(&pins);
    let shown = try_update(&project, &to("latest"), Consent::DryRun).expect("a report");
    assert_eq!(project.read("pins.toml"), pins);
    assert_eq!(files_below(&project.root()), ["pins.toml"]);
    // Lengths of packed archives differ whenever the compressor is updated.
    let text = both(&project, &shown);
    let parts = text.split("warning: ").map(|part| match part.split_once(" unpacked, was ") {
        Some((_, rest)) => format!("N packed, N unpacked, was {rest}"),
        None => part.to_owned(),
    });
    insta::assert_snapshot!(
        "trust-diff",
        parts.collect::<Vec<_>>().join("warning: ").split("\n{").next().expect("text")
    );

    let no = |_: &Report| false;
    let declined = try_update(&project, &to("latest"), Consent::Ask(&no)).expect("a report");
    assert_eq!((declined.exit_code(), declined.rows[0].status.as_str()), (2, "declined"));
    assert_eq!(project.read("pins.toml"), pins);

    let report = check(&project, &to("latest"), 0, "updated");
    assert_eq!(codes(&report), codes(&shown));
    let new = project.read("pins.toml");
    let text = |version: &Value| version["dist"]["integrity"].as_str().expect("an integrity").to_owned();
    let expected = pins
        .replace("'left@1.0.0'", "\"left@2.0.0\"")
        .replace(&text(&versions[0]), &text(&versions[3]))
        .replace(&format!("0x{:x}", size("1.0.0")), &size("2.0.0").to_string());
    assert_eq!(new, expected);
    let fetched = project.try_fetch(Conduct::default()).expect("a report");
    assert_eq!((fetched.exit_code(), project.read("vendor/left/index.js").as_str()), (0, "two"), "{}", human(&fetched));
    assert_eq!(check(&project, &to("latest"), 0, "unchanged").rows[0].findings, []);
}

#[test]
fn to_where() {
    for (target, version) in [("patch", "1.0.1"), ("minor", "1.1.0"), ("latest", "2.0.0"), ("1.1.0", "1.1.0")] {
        let (project, _) = left("");
        let report = check(&project, &to(target), 0, "updated");
        assert_eq!(report.rows[0].detail, format!("-> npm:left@{version}"));
    }
    // Backwards only for who asks for it.
    let (project, versions) = left("");
    project.pins(&project.read("pins.toml").replace("1.0.0", "2.0.0").replace(
        versions[0]["dist"]["integrity"].as_str().expect("an integrity"),
        versions[3]["dist"]["integrity"].as_str().expect("an integrity"),
    ));
    project.web.serve_packument("left", &[versions[3].clone(), versions[2].clone()]);
    check(&project, &to("latest"), 0, "unchanged");
    check(&project, &to("1.1.0"), 0, "updated");
    let (project, _) = left("");
    let report = check(&project, &to("9.0.0"), 2, "failed");
    assert_eq!(codes(&report), ["version-absent"]);
}

#[test]
fn what_its_source_takes_back_or_replaces() {
    let (project, mut versions) = left("");
    // The pinned version is gone from the list, and its bytes too.
    project.web.serve_packument("left", &versions[1..]);
    project.web.remove(&format!("{REGISTRY}left/-/left-1.0.0.tgz"));
    let report = try_update(&project, &to("latest"), Consent::DryRun).expect("a report");
    assert_eq!(report.exit_code(), 0);
    assert_eq!(codes(&report)[1..3], ["version-vanished", "pinned-unobtainable"], "{}", human(&report));

    // Other bytes are listed for what is pinned: with something newer, and without.
    let (project, _) = left("");
    versions[0]["dist"]["integrity"] = integrity(b"other").into();
    for upto in [1, 4] {
        project.web.serve_packument("left", &versions[..upto]);
        let report = check(&project, &to("latest"), 1, "refused");
        assert_eq!(codes(&report), ["source-replaced"]);
    }
    // Other bytes come for what is pinned.
    let (project, versions) = left("");
    project.web.serve(&format!("{REGISTRY}left/-/left-1.0.0.tgz"), npm_package("left", "1.0.0", &[("x", "x")]));
    assert_eq!(codes(&check(&project, &to("latest"), 1, "refused")), ["integrity-mismatch"]);
    // Other bytes come than are listed for the new one.
    let (project, _) = (left("").0, versions);
    project.web.serve(&format!("{REGISTRY}left/-/left-2.0.0.tgz"), npm_package("left", "2.0.0", &[("x", "x")]));
    assert_eq!(codes(&check(&project, &to("latest"), 1, "refused")), ["claim-mismatch"]);
    // Deprecated.
    let (project, mut versions) = left("");
    versions[2]["deprecated"] = "use right".into();
    project.web.serve_packument("left", &versions);
    assert!(codes(&check(&project, &to("1.1.0"), 0, "updated")).contains(&"version-withdrawn"));
}

/// What the project left out may be there under another name.
#[test]
fn a_version_in_which_nothing_is_left_out_is_not_taken() {
    for (keys, code) in [
        ("exclude = [\"lib/gone.js\"]", "exclude-unmatched"),
        ("include = [\"index.js\", \"package.json\", \"lib/gone.js\"]", "include-unmatched"),
        ("executable = [\"lib/gone.js\"]", "executable-unmatched"),
    ] {
        let (project, _) = left(keys);
        project.fetch_all();
        let report = check(&project, &to("latest"), 1, "refused");
        assert_eq!(codes(&report), [code], "{}", human(&report));
        check(&project, &to("patch"), 0, "updated");
    }
}

#[test]
fn patches_that_no_longer_apply_are_named_by_their_lines() {
    let patches = "[[pins.left.patch]]\npath = \"index.js\"\nfind = \"one\"\nreplace = \"1\"\n\n\
                   [[pins.left.patch]]\npath = \"lib/same.js\"\nfind = \"same\"\nreplace = \"1\"\n\n\
                   [[pins.left.patch]]\npath = \"lib/gone.js\"\ndelete = true\n";
    let (project, _) = left(patches);
    let report = check(&project, &to("latest"), 1, "refused");
    insta::assert_snapshot!("patches", both(&project, &report));
    check(&project, &to("minor"), 0, "updated");
}

/// A project that has fetched the corpus's package with its evidence, and a registry that lists a newer one.
fn playwright(corpus: &Corpus, provenance: &str) -> Project {
    let tarball = corpus.bytes(&format!("{CLI}.tgz"));
    let more = format!("[pins.cli.provenance]\n{provenance}\n");
    let project = Project::new(&pin("cli", "npm = \"@playwright/cli@0.1.1\"", &integrity(&tarball), &more));
    let old = json!({ "version": "0.1.1", "dist": { "integrity": integrity(&tarball) } });
    project.web.serve(&format!("{REGISTRY}@playwright/cli/-/cli-0.1.1.tgz"), tarball);
    project.web.serve(&attestations("0.1.1"), corpus.bytes(&format!("{CLI}-attestations.json")));
    let new = project.web.serve_listed("@playwright/cli", "0.1.2", &[("evil.js", "")], json!({}));
    project.web.serve_packument("@playwright/cli", &[old, new]);
    project
}

fn attestations(version: &str) -> String {
    format!("{REGISTRY}-/npm/v1/attestations/@playwright%2fcli@{version}")
}

#[test]
fn evidence_is_not_given_up_without_a_word() {
    let corpus = Corpus::open("attestations");
    let strict = format!("mode = \"strict\"\nrepository = \"{REPOSITORY}\"");
    for (provenance, fetched) in
        [(strict.as_str(), true), (strict.as_str(), false), ("mode = \"lenient\"", true), ("mode = \"lenient\"", false)]
    {
        let project = playwright(&corpus, provenance);
        if fetched {
            assert_eq!(project.try_fetch(Conduct::default()).expect("a report").exit_code(), 0);
            // The record remembers, whatever becomes of the registry.
            project.web.remove(&attestations("0.1.1"));
        }
        let report = check(&project, &to("latest"), 1, "refused");
        let words = format!("was SLSA provenance from {REPOSITORY}, now none");
        let refusal = report.rows[0].findings.iter().find(|one| one.code == "evidence-downgrade").expect("a refusal");
        assert_eq!(refusal.message, words);
        if fetched && provenance == strict {
            insta::assert_snapshot!("ratchet", both(&project, &report));
        }

        let allowed = Options { allow_downgrade: true, ..to("latest") };
        let report = check(&project, &allowed, 0, "updated");
        let finding = report.rows[0].findings.iter().find(|one| one.code == "evidence-downgrade").expect("a warning");
        assert_eq!(finding.message, words);
        // The pin still demands what it did, and says so.
        assert!(codes(&report).contains(&"provenance-missing"), "{}", human(&report));
        let fetched = project.try_fetch(Conduct::default()).expect("a report");
        assert_eq!(fetched.exit_code(), u8::from(provenance == strict), "{}", human(&fetched));
    }
    // Nobody looks where the pin says so.
    let project = playwright(&corpus, "mode = \"off\"");
    check(&project, &to("latest"), 0, "updated");
}

/// Who can change a record, or waits for evidence that the pin does not want, does not get around the ratchet.
#[test]
fn a_record_that_proves_nothing_is_not_believed() {
    let corpus = Corpus::open("attestations");
    let words = format!("was SLSA provenance from {REPOSITORY}, now none");
    for provenance in ["mode = \"lenient\"".to_owned(), format!("mode = \"lenient\"\nrepository = \"{REPOSITORY}\"")] {
        let project = playwright(&corpus, &provenance);
        assert_eq!(project.try_fetch(Conduct::default()).expect("a report").exit_code(), 0);
        let mut record: Value = serde_json::from_str(&project.read(".pinfold/cli.json")).expect("a record");
        let kept = record["evidence"]["attestations"].as_array_mut().expect("attestations");
        let count = kept.len();
        kept.retain(|one| {
            !one.to_string().contains("\"verificationMaterial\":{\"certificate\"")
                && !one.to_string().contains("x509CertificateChain")
        });
        assert!(!kept.is_empty() && kept.len() < count, "{count}");
        project.write(".pinfold/cli.json", record.to_string());
        let report = check(&project, &to("latest"), 1, "refused");
        let refusal = report.rows[0].findings.iter().find(|one| one.code == "evidence-downgrade").expect("a refusal");
        assert_eq!(refusal.message, words);
    }
    // What is proved is not what the pin demands: `fetch` refuses the old one, and the new one has nothing at all.
    let project = playwright(&corpus, "mode = \"lenient\"\nrepository = \"https://github.com/microsoft/other\"");
    let report = check(&project, &to("latest"), 1, "refused");
    assert!(codes(&report).contains(&"evidence-downgrade"), "{}", human(&report));
}

/// Without record and bytes the documents are still to be had, and the pin has the digest that they name.
#[test]
fn what_was_proved_is_known_without_the_bytes() {
    let corpus = Corpus::open("attestations");
    let project = playwright(&corpus, "mode = \"lenient\"");
    project.web.remove(&format!("{REGISTRY}@playwright/cli/-/cli-0.1.1.tgz"));
    let report = check(&project, &to("latest"), 1, "refused");
    assert!(codes(&report).contains(&"pinned-unobtainable"), "{}", human(&report));
    assert!(codes(&report).contains(&"evidence-downgrade"), "{}", human(&report));
    // Nobody knows, and it is said.
    project.web.serve(&attestations("0.1.1"), "<html>");
    let report = check(&project, &to("latest"), 0, "updated");
    assert!(codes(&report).contains(&"evidence-before-unknown"), "{}", human(&report));
}

#[test]
fn evidence_that_is_wrong_or_not_to_be_had_holds_the_pin_where_it_is() {
    let corpus = Corpus::open("attestations");
    for allow_downgrade in [false, true] {
        let options = Options { allow_downgrade, ..to("latest") };
        let project = playwright(&corpus, "mode = \"lenient\"");
        // That of the pinned version, handed out for the new one.
        project.web.serve(&attestations("0.1.2"), corpus.bytes(&format!("{CLI}-attestations.json")));
        check(&project, &options, 1, "refused");
        let name = "docs/derived-playwright-cli-0.1.1-body-flip.json";
        project.web.serve(&attestations("0.1.2"), corpus.bytes(name));
        check(&project, &options, 1, "refused");
        project.web.serve(&attestations("0.1.2"), "<html>");
        let report = check(&project, &options, 2, "failed");
        assert_eq!(codes(&report), ["answer-web-page"]);
    }
}

#[test]
fn releases() {
    let project = Project::new("");
    let archive = |text: &str| Tar::default().file("x/a.txt", text).gz();
    let old = archive("old");
    let header = "[registries]\ngithub = \"https://git.example.com/\"\n\n";
    let pins = pin("x", "github = \"o/r@v1.0.0#x-1.0.0.tgz\"", &integrity(&old), "");
    project.pins(&format!("{header}{pins}"));
    let api = "https://git.example.com/api/v3/repos/o/r/releases";
    let serve = |tag: &str, place: &str, name: &str, bytes: &[u8]| {
        let digest = format!("sha256:{}", pinfold_core::digest::Sha256::of(bytes).hex());
        let assets = json!([{ "name": name, "digest": digest }]);
        let release = json!({ "tag_name": tag, "published_at": "2024-01-01T00:00:00Z", "assets": assets });
        project.web.serve(&format!("{api}/{place}"), release.to_string());
    };
    project.web.serve("https://git.example.com/o/r/releases/download/v1.0.0/x-1.0.0.tgz", old.clone());
    serve("v1.0.0", "latest", "x-1.0.0.tgz", &old);
    check(&project, &to("latest"), 0, "unchanged");
    // The file was replaced under its name.
    serve("v1.0.0", "latest", "x-1.0.0.tgz", &archive("loot"));
    assert_eq!(codes(&check(&project, &to("latest"), 1, "refused")), ["source-replaced"]);

    let new = archive("new");
    project.web.serve("https://git.example.com/o/r/releases/download/v1.1.0/x-1.1.0.tgz", new.clone());
    serve("v1.1.0", "latest", "x-1.1.0.tgz", &new);
    // The pinned tag is gone.
    let shown = try_update(&project, &to("latest"), Consent::DryRun).expect("a report");
    assert!(codes(&shown).contains(&"version-vanished"));
    serve("v1.0.0", "tags/v1.0.0", "x-1.0.0.tgz", &archive("loot"));
    assert_eq!(codes(&check(&project, &to("latest"), 1, "refused")), ["source-replaced"]);
    serve("v1.0.0", "tags/v1.0.0", "x-1.0.0.tgz", &old);
    assert_eq!(codes(&check(&project, &to("minor"), 2, "failed")), ["version-none"]);
    let report = check(&project, &to("latest"), 0, "updated");
    assert_eq!(report.rows[0].detail, "-> github:o/r@v1.1.0#x-1.1.0.tgz");
    // What is called the latest is an older one: nobody who does not name it means it.
    serve("v1.1.0", "tags/v1.1.0", "x-1.1.0.tgz", &new);
    serve("v1.0.0", "latest", "x-1.0.0.tgz", &old);
    check(&project, &to("latest"), 0, "unchanged");
    let shown = try_update(&project, &to("v1.0.0"), Consent::DryRun).expect("a report");
    assert!(codes(&shown).contains(&"version-older"), "{}", human(&shown));
    serve("v1.2.0", "latest", "y.tgz", &new);
    serve("v1.1.0", "tags/v1.1.0", "x-1.1.0.tgz", &new);
    assert_eq!(codes(&check(&project, &to("latest"), 2, "failed")), ["file-choice"]);
}

#[test]
fn python_files() {
    let sdist = |version: &str| Tar::default().file(&format!("p-{version}/setup.py"), version).gz();
    let project = Project::new(&pin("p", "pypi = \"p==1.0#p-1.0.tar.gz\"", &integrity(&sdist("1.0")), ""));
    let file = |version: &str| {
        let url = format!("https://example.com/p-{version}.tar.gz");
        project.web.serve(&url, sdist(version));
        let digest = pinfold_core::digest::Sha256::of(&sdist(version)).hex();
        json!({ "filename": format!("p-{version}.tar.gz"), "url": url, "hashes": { "sha256": digest } })
    };
    let list = json!({ "meta": {}, "files": [file("1.0"), file("1.1"), file("2.0rc1")] });
    project.web.serve(&format!("{INDEX}p/"), list.to_string());
    let report = check(&project, &to("latest"), 0, "updated");
    assert_eq!(report.rows[0].detail, "-> pypi:p==1.1#p-1.1.tar.gz");
    check(&project, &to("latest"), 0, "unchanged");
}

/// Taking back the newest version does not bring an older one, with holes that are known.
#[test]
fn a_version_that_vanished_is_not_followed_by_an_older_one() {
    let (project, versions) = left("");
    check(&project, &to("2.0.0"), 0, "updated");
    project.web.serve_packument("left", &versions[..2]);
    let report = check(&project, &to("latest"), 0, "unchanged");
    assert_eq!(codes(&report), ["version-vanished"]);
    let report = check(&project, &to("1.0.1"), 0, "updated");
    assert!(codes(&report).contains(&"version-older"), "{}", human(&report));
}

#[test]
fn where_there_is_nobody_to_ask() {
    let project = Project::new(&pin("x", "url = \"https://example.com/x\"", &integrity(b"x"), ""));
    let report = check(&project, &to("latest"), 0, "unchanged");
    assert_eq!(codes(&report), ["nobody-to-ask"]);
    assert!(project.web.asked().is_empty());
}

#[test]
fn variants_move_together() {
    let project = Project::new("");
    let listed = |name: &str| {
        let versions =
            ["1.0.0", "1.1.0"].map(|version| project.web.serve_listed(name, version, &[("x", version)], json!({})));
        project.web.serve_packument(name, &versions);
        versions[0]["dist"]["integrity"].as_str().expect("an integrity").to_owned()
    };
    let (linux, mac) = (listed("x-linux"), listed("x-mac"));
    let table = |platform: &str, name: &str, integrity: &str| {
        format!("[pins.x.platform.{platform}]\nnpm = \"{name}@1.0.0\"\nintegrity = \"{integrity}\"\n")
    };
    project.pins(&format!(
        "[pins.x]\nto = \"vendor/x\"\n{}{}",
        table("linux-x64", "x-linux", &linux),
        table("darwin-arm64", "x-mac", &mac)
    ));
    let page = format!("{REGISTRY}x-mac/-/x-mac-1.1.0.tgz");
    let kept = project.web.body(&page);
    project.web.remove(&page);
    let before = project.read("pins.toml");
    let report = try_update(&project, &to("latest"), Consent::Given).expect("a report");
    assert_eq!(report.exit_code(), 2, "{}", human(&report));
    assert_eq!(project.read("pins.toml"), before);
    assert!(codes(&report).contains(&"variant-held-back"));
    project.web.serve(&page, kept);
    let report = check(&project, &to("latest"), 0, "updated");
    let subjects: Vec<&str> = report.rows.iter().map(|row| row.subject.as_str()).collect();
    assert_eq!(subjects, ["x darwin-arm64", "x linux-x64"]);
    assert_eq!(project.read("pins.toml").matches("@1.1.0").count(), 2);
}

#[test]
fn one_that_cannot_be_moved_does_not_keep_the_others() {
    let (project, _) = left("");
    let missing = pin("right", "npm = \"right@1.0.0\"", &integrity(b"right"), "");
    project.pins(&format!("{}{missing}", project.read("pins.toml")));
    let report = try_update(&project, &to("latest"), Consent::Given).expect("a report");
    let statuses: Vec<&str> = report.rows.iter().map(|row| row.status.as_str()).collect();
    assert_eq!((report.exit_code(), statuses), (2, vec!["updated", "failed"]), "{}", human(&report));
    assert!(project.read("pins.toml").contains("left@2.0.0"));
    let named = Options { pins: vec!["nobody".to_owned()], ..to("latest") };
    assert_eq!(try_update(&project, &named, Consent::Given).expect_err("an error").code(), "unknown-pin");
}

#[test]
fn a_file_that_somebody_else_edits_meanwhile_is_left_alone() {
    let (project, _) = left("");
    let edit = |_: &Report| {
        project.write("pins.toml", "version = 1\n# mine\n");
        true
    };
    let error = try_update(&project, &to("latest"), Consent::Ask(&edit)).expect_err("an error");
    assert_eq!(error.code(), "pins-changed");
    assert_eq!(project.read("pins.toml"), "version = 1\n# mine\n");
}

/// A package of the vectors, pinned at 1.0.0 by a pin that says `more`. Upstream built that, and `newer` built 1.0.1.
pub(crate) fn built_by(newer: &str, more: &str) -> (Project, Value) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/evidence");
    let vectors: Value =
        serde_json::from_str(&std::fs::read_to_string(format!("{folder}/ratchet.json")).expect("vectors"))
            .expect("JSON");
    let bytes = |version: &str| BASE64.decode(vectors[version]["artifact"].as_str().expect("base64")).expect("base64");
    let project = Project::new(&pin("left", "npm = \"left@1.0.0\"", &integrity(&bytes("1.0.0")), more));
    let mut listed = Vec::new();
    for (version, by) in [("1.0.0", "upstream"), ("1.0.1", newer)] {
        project.web.serve(&format!("{REGISTRY}left/-/left-{version}.tgz"), bytes(version));
        project.web.serve(&of_left(version), attested(&vectors[version][by]));
        listed.push(json!({ "version": version, "dist": { "integrity": integrity(&bytes(version)) } }));
    }
    project.web.serve_packument("left", &listed);
    (project, vectors)
}

pub(crate) fn of_left(version: &str) -> String {
    format!("{REGISTRY}-/npm/v1/attestations/left@{version}")
}

fn attested(bundle: &Value) -> String {
    json!({ "attestations": [{ "predicateType": "https://slsa.dev/provenance/v1", "bundle": bundle }] }).to_string()
}

/// A record with the attacker's own attestation of the pinned bytes, which is valid.
fn forge(project: &Project, vectors: &Value) {
    let mut record: Value = serde_json::from_str(&project.read(".pinfold/left.json")).expect("a record");
    let evil = json!([{ "from": "npm", "attestation": vectors["1.0.0"]["evil"] }]);
    record["evidence"] = json!({ "attestations": evil });
    project.write(".pinfold/left.json", record.to_string());
}

fn moved(project: &Project) -> Report {
    crate::vsa::with(project, |ctx| update::run(ctx, &to("latest"), Consent::Given)).expect("a report")
}

fn fetched(project: &Project) {
    let report = crate::vsa::with(project, |ctx| fetch::run(ctx, &fetch::Options::default())).expect("a report");
    assert_eq!(report.exit_code(), 0, "{}", human(&report));
}

/// Whoever proposes a change writes the record: what it proves is no word of what the pinned version had.
#[test]
fn a_record_that_proves_something_else_is_not_believed() {
    let upstream = "https://github.com/upstream/left";
    let lost = format!("was built from {upstream}, now https://github.com/evil/left");
    let refused = |project: &Project, told: &[&str]| {
        let before = project.read("pins.toml");
        let report = moved(project);
        assert_eq!((report.exit_code(), project.read("pins.toml")), (1, before), "{}", human(&report));
        let lost: Vec<_> = report.rows[0].findings.iter().filter(|one| one.message == lost).collect();
        assert_eq!(lost.len(), 1, "{}", human(&report));
        for code in ["record-evidence-differs", "evidence-before-by-record"] {
            assert_eq!(codes(&report).contains(&code), told.contains(&code), "{code}: {}", human(&report));
        }
    };
    // Nobody is named, in three ways: the source alone says what was.
    for more in ["", "[pins.left.provenance]\nmode = \"lenient\"\n"] {
        let (project, vectors) = built_by("evil", more);
        fetched(&project);
        refused(&project, &[]);
        forge(&project, &vectors);
        refused(&project, &["record-evidence-differs"]);
        // Without the bytes, too.
        std::fs::remove_dir_all(project.store_folder()).expect("a store");
        project.web.remove(&format!("{REGISTRY}left/-/left-1.0.0.tgz"));
        refused(&project, &["record-evidence-differs"]);
    }
    // A record that is wrong takes nothing from what the source has.
    let (project, vectors) = built_by("evil", "");
    fetched(&project);
    let mut broken = vectors.clone();
    broken["1.0.0"]["evil"] = vectors["1.0.1"]["evil"].clone();
    forge(&project, &broken);
    refused(&project, &[]);
    // The honest next version moves, whatever stands in the record.
    let (project, vectors) = built_by("upstream", "");
    fetched(&project);
    forge(&project, &vectors);
    let report = moved(&project);
    assert_eq!((report.exit_code(), report.rows[0].status.as_str()), (0, "updated"), "{}", human(&report));
    assert!(codes(&report).contains(&"record-evidence-differs"), "{}", human(&report));
    // What the pin names counts, wherever it was found.
    let named = format!("[pins.left.provenance]\nrepository = \"{upstream}\"\n");
    let (project, _) = built_by("evil", &named);
    fetched(&project);
    project.web.remove(&of_left("1.0.0"));
    refused(&project, &[]);
}

/// Where the source has nothing, or cannot be asked, the record is all there is, and that is told.
#[test]
fn a_record_stands_in_for_a_source_that_is_silent() {
    for (silence, why) in [(None, "its source has none of it"), (Some("<html>"), "evidence could not be asked for")] {
        let (project, _) = built_by("evil", "");
        fetched(&project);
        match silence {
            None => project.web.remove(&of_left("1.0.0")),
            Some(page) => project.web.serve(&of_left("1.0.0"), page),
        };
        let report = moved(&project);
        assert_eq!(report.exit_code(), 1, "{}", human(&report));
        let told = report.rows[0].findings.iter().find(|one| one.code == "evidence-before-by-record").expect("told");
        assert!(told.message.contains(why) && told.message.contains("upstream/left"), "{}", told.message);
    }
}

/// The same record in `audit`: what the source has is judged, and what only the record has is told.
#[test]
fn an_audit_holds_the_record_against_its_source() {
    let (project, vectors) =
        built_by("upstream", "[pins.left.provenance]\nrepository = \"https://github.com/upstream/left\"\n");
    fetched(&project);
    let audited = |offline: bool| {
        let options = audit::Options { offline, ..audit::Options::default() };
        crate::vsa::with(&project, |ctx| audit::run(ctx, &options)).expect("a report")
    };
    assert!(!codes(&audited(false)).contains(&"record-evidence-differs"));
    forge(&project, &vectors);
    let report = audited(false);
    assert_eq!(report.exit_code(), 0, "{}", human(&report));
    let told = report.rows[0].findings.iter().find(|one| one.code == "record-evidence-differs").expect("told");
    assert!(told.expected.as_ref().is_some_and(|own| own.contains("/upstream/left/")), "{told:?}");
    assert!(told.received.as_ref().is_some_and(|recorded| recorded.contains("/evil/left/")), "{told:?}");
    assert_eq!(audited(true).exit_code(), 1, "offline the record is all there is");
    // Evidence that is wrong at the source refuses, although the record has good evidence.
    let (project, vectors) = built_by("upstream", "");
    fetched(&project);
    project.web.serve(&of_left("1.0.0"), attested(&vectors["1.0.1"]["upstream"]));
    let report = crate::vsa::with(&project, |ctx| audit::run(ctx, &audit::Options::default())).expect("a report");
    assert_eq!(report.exit_code(), 1, "{}", human(&report));
}

/// Runs everything on a pin that moved: what was written is what every command takes.
fn holds(project: &Project) {
    let fetch = |conduct: Conduct| project.try_fetch(conduct).expect("a report");
    let offline = Conduct { offline: true, ..QUIET };
    let frozen = Conduct { frozen: true, ..QUIET };
    for (what, report) in [
        ("fetch", fetch(QUIET)),
        ("fetch again", fetch(QUIET)),
        ("offline", fetch(offline)),
        ("frozen", fetch(frozen)),
        ("verify", project.verify()),
    ] {
        assert_eq!(report.exit_code(), 0, "{what}: {}", human(&report));
    }
}

/// A release whose file did not change is another source of the same bytes.
#[test]
fn the_same_file_under_another_version() {
    let bytes = b"#!/bin/sh\necho same\n";
    let url = |tag: &str| format!("https://git.example.com/o/r/releases/download/{tag}/tool");
    let released = |variant: &str| {
        let project = Project::new("").quiet();
        let source = "github = \"o/r@v1#tool\"";
        let pins = match variant {
            "" => pin("x", source, &integrity(bytes), "format = \"raw\""),
            platform => format!(
                "[pins.x]\nto = \"vendor/x\"\nformat = \"raw\"\n[pins.x.platform.{platform}]\n{source}\nintegrity = \"{}\"\n",
                integrity(bytes)
            ),
        };
        let header = "[registries]\ngithub = \"https://git.example.com/\"\n";
        project.pins(&format!("{}\n{header}\n{pins}", project.read("pins.toml")));
        let digest = format!("sha256:{}", pinfold_core::digest::Sha256::of(bytes).hex());
        for (tag, place) in [("v1", "tags/v1"), ("v2", "tags/v2"), ("v2", "latest")] {
            let release = json!({ "tag_name": tag, "assets": [{ "name": "tool", "digest": digest }] });
            let api = "https://git.example.com/api/v3/repos/o/r/releases";
            project.web.serve(&format!("{api}/{place}"), release.to_string());
            project.web.serve(&url(tag), *bytes);
        }
        project.fetch_all();
        project
    };
    for variant in ["", "linux-x64"] {
        let project = released(variant);
        check(&project, &to("latest"), 0, "updated");
        assert!(project.read("pins.toml").contains("o/r@v2#tool"));
        // Nobody has to be asked: the update saw what the new source serves.
        project.web.asked();
        holds(&project);
        assert!(project.web.asked().is_empty());
        assert!(project.read(".pinfold/x.json").contains("o/r@v2#tool"));
        // And back.
        check(&project, &to("v1"), 0, "updated");
        holds(&project);

        // On another machine, whose store knows nothing: the new source itself is asked.
        let project = released(variant);
        check(&project, &to("latest"), 0, "updated");
        std::fs::remove_dir_all(project.store_folder()).expect("a store");
        let refused = project.try_fetch(Conduct { offline: true, ..QUIET }).expect("a report");
        assert_eq!((refused.exit_code(), codes(&refused)), (1, vec!["source-changed"]), "{}", human(&refused));
        project.web.asked();
        holds(&project);
        assert_eq!(project.web.asked(), [url("v2")]);

        // By hand, and there it serves something else, or nothing.
        for moved in [Some("other"), None] {
            let project = released(variant);
            let tree = project.tree("vendor/x");
            project.pins(&project.read("pins.toml").replace("@v1#", "@v2#"));
            match moved {
                Some(text) => project.web.serve(&url("v2"), text),
                None => project.web.remove(&url("v2")),
            }
            let refused = project.fetch();
            assert_eq!((refused.exit_code(), codes(&refused)), (1, vec!["source-changed"]), "{}", human(&refused));
            assert_eq!(project.tree("vendor/x"), tree);
        }
    }
}

/// What somebody moved by hand is taken where the new place itself has the same bytes, and nowhere else.
#[test]
fn a_source_that_was_moved_by_hand_to_the_same_bytes() {
    let moved = |before: &str, after: &str, prepare: &dyn Fn(&Project)| {
        let project = Project::new("").quiet();
        let header = project.read("pins.toml");
        let pinned = |source: &str| format!("{header}\n{}", pin("x", source, &integrity(b"same"), "format = \"raw\""));
        project.web.serve("https://example.com/1/x", "same");
        project.write("in/1", "same");
        project.pins(&pinned(before));
        project.fetch_all();
        project.pins(&pinned(after));
        prepare(&project);
        project
    };
    let refuses = |project: &Project| {
        let refused = project.fetch();
        assert_eq!((refused.exit_code(), codes(&refused)), (1, vec!["source-changed"]), "{}", human(&refused));
    };
    let (one, two) = ("url = \"https://example.com/1/x\"", "url = \"https://example.com/2/x\"");
    holds(&moved(one, two, &|project| project.web.serve("https://example.com/2/x", "same")));
    refuses(&moved(one, two, &|project| project.web.serve("https://example.com/2/x", "other")));
    refuses(&moved(one, two, &|_| {}));
    // A mirror that has them says nothing of the new source.
    let mirrored = format!("{two}\nmirrors = [\"https://mirror.example.com/x\"]");
    refuses(&moved(one, &mirrored, &|project| project.web.serve("https://mirror.example.com/x", "same")));
    holds(&moved(one, &mirrored, &|project| project.web.serve("https://example.com/2/x", "same")));
    // A mirror beside the same source is no move.
    let more = format!("{one}\nmirrors = [\"https://mirror.example.com/x\"]");
    holds(&moved(one, &more, &|_| {}));
    // Files of the project are read where they are.
    let (first, second) = ("file = \"in/1\"", "file = \"in/2\"");
    holds(&moved(first, second, &|project| project.write("in/2", "same")));
    let project = moved(first, second, &|project| project.write("in/2", "other"));
    assert_eq!(codes(&project.fetch()), ["integrity-mismatch"]);
    holds(&moved(one, first, &|_| {}));
    // A package says itself which version it is, whoever serves it; what is kept as it is does not.
    let project = Project::new("").quiet();
    let header = project.read("pins.toml");
    let package = project.web.serve_npm("left", "1.0.0", &[("a.js", "1")]);
    let bytes = project.web.body(&format!("{REGISTRY}left/-/left-1.0.0.tgz"));
    project.web.serve(&format!("{REGISTRY}left/-/left-2.0.0.tgz"), bytes);
    project.pins(&format!("{header}\n{}", pin("x", "npm = \"left@1.0.0\"", &package, "")));
    project.fetch_all();
    project.pins(&project.read("pins.toml").replace("left@1.0.0", "left@2.0.0"));
    let refused = project.fetch();
    assert_eq!((refused.exit_code(), codes(&refused)), (1, vec!["package-version"]), "{}", human(&refused));
    // Variants of two platforms that are one file.
    let mut project = Project::new("").quiet();
    let header = project.read("pins.toml");
    let variants = ["linux-x64", "darwin-arm64"].map(|platform| {
        project.write(&format!("in/{platform}"), "same");
        let integrity = integrity(b"same");
        format!("[pins.x.platform.{platform}]\nfile = \"in/{platform}\"\nintegrity = \"{integrity}\"\n")
    });
    project.pins(&format!("{header}\n[pins.x]\nto = \"vendor/x\"\nformat = \"raw\"\n{}", variants.concat()));
    holds(&project);
    project.platform = "darwin-arm64".parse().expect("a platform");
    holds(&project);
}
