//! `pinfold add`: what it writes, what it says before it writes, and what it refuses to pin.

use std::cell::RefCell;

use pinfold::commands::add::{self, Options};
use pinfold::commands::consent::Consent;
use pinfold::ctx::{Ctx, Silent};
use pinfold::install::Conduct;
use pinfold::report::{Level, Report};
use pinfold_core::fault::Fault;
use pinfold_core::pins::Mode;
use serde_json::{Value, json};

use crate::corpus::Corpus;
use crate::support::{
    INDEX, Project, REGISTRY, Tar, both, codes, files_below, human, integrity, npm_package, pin, scrub,
};

const CLI: &str = "docs/mitchdenny__sigstore-dotnet-samples-data-playwright-cli-0.1.1";
const REPOSITORY: &str = "https://github.com/microsoft/playwright-cli";

fn options(spec: &str) -> Options {
    Options { spec: spec.to_owned(), ..Options::default() }
}

fn try_add(project: &Project, options: &Options, consent: Consent<'_>) -> Result<Report, Fault> {
    project.with(&Silent, |ctx| add::run(ctx, options, consent))
}

/// Adds, with everybody's consent, and holds what pins.toml was before to be there still, to the byte.
fn check(project: &Project, options: &Options) -> Report {
    let before = project.read("pins.toml");
    let report = try_add(project, options, Consent::Given).expect("a report");
    assert_eq!(report.exit_code(), 0, "{}", human(&report));
    let after = project.read("pins.toml");
    assert!(after.starts_with(&before) && after.len() > before.len(), "{after}");
    report
}

/// What refuses, with its exit code; nothing is written.
fn refused(project: &Project, options: &Options, exit: u8, code: &str) -> Fault {
    let before = project.read("pins.toml");
    let error = try_add(project, options, Consent::Given).expect_err("an error");
    assert_eq!((error.verdict().exit_code(), error.code()), (exit, code), "{error}");
    assert_eq!(project.read("pins.toml"), before);
    assert!(!project.exists("vendor") && !project.exists(".pinfold"));
    error
}

/// Both reports without the lengths of packed archives, which differ whenever the compressor is updated.
fn without_sizes(project: &Project, report: &Report) -> String {
    let text = both(project, report);
    let parts = text.split("pins ").map(|part| part.split_once(" bytes, sha512").map_or(part, |(_, rest)| rest));
    parts.collect::<Vec<_>>().join("pins N bytes, sha512")
}

/// The pins.toml of a project in which tabs, comments and line ends are as odd as may be.
fn odd() -> String {
    let tool = pin("tool", "file = \"tool.bin\"", &integrity(b"tool"), "").replace('\n', "  # odd\r\n");
    format!("# top\t\r\nversion = 1\r\n\r\n[trust]\r\nprovenance = 'lenient' # why not\r\n\r\n{tool}# the end")
}

fn left(project: &Project) -> Vec<Value> {
    let script = "{\"name\":\"left\",\"version\":\"1.1.0\",\"scripts\":{\"postinstall\":\"node x.js\"}}";
    let said = json!({
        "license": "MIT",
        "maintainers": [{ "name": "alice" }, { "name": "bob" }],
        "repository": { "url": "git+https://github.com/left/left.git" },
    });
    let versions = vec![
        project.web.serve_listed("left", "1.0.0", &[("index.js", "1")], said.clone()),
        project.web.serve_listed("left", "1.1.0", &[("index.js", "2"), ("package.json", script)], said),
    ];
    project.web.serve_packument("left", &versions);
    versions
}

#[test]
fn evidence_becomes_a_demand() {
    let corpus = Corpus::open("attestations");
    let project = Project::new("[pins]");
    let tarball = corpus.bytes(&format!("{CLI}.tgz"));
    let listed = json!({
        "version": "0.1.1", "dist": { "integrity": integrity(&tarball) },
        "repository": { "url": format!("git+{REPOSITORY}.git") },
    });
    project.web.serve_packument("@playwright/cli", &[listed]);
    project.web.serve(&format!("{REGISTRY}@playwright/cli/-/cli-0.1.1.tgz"), tarball);
    let attestations = format!("{REGISTRY}-/npm/v1/attestations/@playwright%2fcli@0.1.1");
    project.web.serve(&attestations, corpus.bytes(&format!("{CLI}-attestations.json")));

    // Shown first, and nothing is there afterwards but what was.
    let shown = try_add(&project, &options("npm:@playwright/cli"), Consent::DryRun).expect("a report");
    assert_eq!(files_below(&project.root()), ["pins.toml"]);
    insta::assert_snapshot!("strict-shown", without_sizes(&project, &shown));

    let report = check(&project, &options("npm:@playwright/cli"));
    assert_eq!(report.rows[0].evidence.as_ref().and_then(|one| one.repository.as_deref()), Some(REPOSITORY));
    let pins = project.read("pins.toml");
    insta::assert_snapshot!("strict-pins", scrub(&project, &pins));
    // What was written is what holds.
    let fetched = project.try_fetch(Conduct::default()).expect("a report");
    assert_eq!((fetched.exit_code(), codes(&fetched)), (0, vec![]), "{}", human(&fetched));
    assert_eq!(files_below(&project.store_folder().join("drafts")), [""; 0]);
}

#[test]
fn a_project_that_names_its_repositories_is_not_talked_out_of_it() {
    let corpus = Corpus::open("attestations");
    let serve = |project: &Project| {
        let tarball = corpus.bytes(&format!("{CLI}.tgz"));
        let listed = json!({ "version": "0.1.1", "dist": { "integrity": integrity(&tarball) } });
        project.web.serve_packument("@playwright/cli", &[listed]);
        project.web.serve(&format!("{REGISTRY}@playwright/cli/-/cli-0.1.1.tgz"), tarball);
        let attestations = format!("{REGISTRY}-/npm/v1/attestations/@playwright%2fcli@0.1.1");
        project.web.serve(&attestations, corpus.bytes(&format!("{CLI}-attestations.json")));
    };
    let project = Project::new("[trust]\nrepositories = [\"https://github.com/microsoft/playwright\"]");
    serve(&project);
    refused(&project, &options("npm:@playwright/cli"), 1, "repository-mismatch");
    let project = Project::new(&format!("[trust]\nrepositories = [\"{REPOSITORY}\"]"));
    serve(&project);
    check(&project, &options("npm:@playwright/cli"));
    // The time of the log, not the one that the registry claims.
    let project = Project::new("[trust]\nmin-age = \"3650d\"");
    serve(&project);
    refused(&project, &options("npm:@playwright/cli@0.1.1"), 1, "too-young");
    // Wrong evidence is none to build a demand on.
    for name in ["payload-digest", "tlog-swap", "body-flip"] {
        let project = Project::new("");
        serve(&project);
        let attestations = format!("{REGISTRY}-/npm/v1/attestations/@playwright%2fcli@0.1.1");
        project.web.serve(&attestations, corpus.bytes(&format!("docs/derived-playwright-cli-0.1.1-{name}.json")));
        let error = try_add(&project, &options("npm:@playwright/cli"), Consent::Given).expect_err("an error");
        assert_eq!(error.verdict().exit_code(), 1, "{name}: {error}");
    }
}

#[test]
fn from_npm_in_words() {
    let project = Project::new("");
    project.pins(&odd());
    project.write("tool.bin", "tool");
    left(&project);
    let report = check(&project, &options("npm:left"));
    insta::assert_snapshot!("npm", without_sizes(&project, &report));
    let added = project.read("pins.toml").split_off(odd().len());
    assert!(
        added.lines().all(|line| !line.ends_with('\r')) && added.matches("\r\n").count() == added.matches('\n').count()
    );
    let fetched = project.try_fetch(Conduct::default()).expect("a report");
    assert_eq!((fetched.exit_code(), project.read("vendor/left/index.js").as_str()), (0, "2"), "{}", human(&fetched));

    // Another one of the same package, with another name and place.
    let other = Options {
        name: Some("left-old".to_owned()),
        to: Some("tools/node_modules/left".to_owned()),
        ..options("npm:left@1.0.0")
    };
    check(&project, &other);
    let fetched = project.try_fetch(Conduct::default()).expect("a report");
    assert_eq!((fetched.exit_code(), project.read("tools/node_modules/left/index.js").as_str()), (0, "1"));
}

#[test]
fn beside_the_others() {
    let project = Project::new(
        &pin("tool", "file = \"tool.bin\"", &integrity(b"tool"), "").replace("vendor/", "tools/node_modules/"),
    );
    let listed = project.web.serve_listed("@s/left", "1.0.0", &[], json!({}));
    project.web.serve_packument("@s/left", &[listed]);
    check(&project, &options("npm:@s/left"));
    assert!(project.read("pins.toml").contains("\n[pins.left]\nnpm = \"@s/left@1.0.0\"\n"));
    assert!(project.read("pins.toml").contains("to = \"tools/node_modules/@s/left\"\n"));
}

#[test]
fn from_everywhere_else() {
    let archive = Tar::default().file("x-1/a.txt", "a").executable("x-1/run", "#!").gz();
    let project = Project::new("[registries]\ngithub = \"https://git.example.com/\"");
    project.web.serve("https://example.com/x-1.0.tar.gz", archive.clone());
    project.write("in/x.tgz", &archive);
    let report = check(&project, &options("https://example.com/x-1.0.tar.gz"));
    insta::assert_snapshot!("url", without_sizes(&project, &report));
    let strip = Options { strip: Some(1), name: Some("stripped".to_owned()), ..options("in/x.tgz") };
    assert_eq!(codes(&check(&project, &strip)), ["provenance-missing", "executables", "pinned"]);

    let digest = pinfold_core::digest::Sha256::of(&archive).hex();
    let api = "https://git.example.com/api/v3/repos/o/r/releases";
    let release = json!({
        "tag_name": "v1.0", "published_at": "2024-01-01T00:00:00Z",
        "assets": [{ "name": "x.tgz", "digest": format!("sha256:{digest}") }, { "name": "y.tgz" }],
    });
    project.web.serve(&format!("{api}/latest"), release.to_string());
    project.web.serve(&format!("{api}/tags/v1.0"), release.to_string());
    project.web.serve("https://git.example.com/o/r/releases/download/v1.0/x.tgz", archive.clone());
    let error = try_add(&project, &options("github:o/r"), Consent::Given).expect_err("an error");
    assert_eq!(
        (error.code(), error.finding(Level::Error).hint.expect("a hint").contains("x.tgz, y.tgz")),
        ("file-choice", true)
    );
    let error = try_add(&project, &options("github:o/r@v1.0#z.tgz"), Consent::Given).expect_err("an error");
    assert_eq!(error.code(), "version-absent");
    let error = try_add(&project, &options("github:o/r@v2#z.tgz"), Consent::Given).expect_err("an error");
    assert_eq!((error.code(), error.verdict().exit_code()), ("version-absent", 2));
    check(&project, &options("github:o/r@v1.0#x.tgz"));
    // A replaced asset, by what GitHub knows of it.
    project.web.serve("https://git.example.com/o/r/releases/download/v1.0/x.tgz", "other");
    let again = Options { name: Some("again".to_owned()), ..options("github:o/r@v1.0#x.tgz") };
    let error = try_add(&project, &again, Consent::Given).expect_err("an error");
    assert_eq!((error.code(), error.verdict().exit_code()), ("claim-mismatch", 1));

    let sdist = Tar::default().file("p_q-1.0/setup.py", "").gz();
    let files = json!([
        { "filename": "p_q-1.0.tar.gz", "url": "https://example.com/p_q-1.0.tar.gz",
          "hashes": { "sha256": pinfold_core::digest::Sha256::of(&sdist).hex() } },
        { "filename": "p_q-1.0-py3-none-any.whl", "url": "https://example.com/w", "hashes": {} },
    ]);
    project.web.serve(&format!("{INDEX}p-q/"), json!({ "meta": {}, "files": files }).to_string());
    project.web.serve("https://example.com/p_q-1.0.tar.gz", sdist);
    check(&project, &options("pypi:p-q"));
    assert!(project.read("pins.toml").contains("pypi = \"p-q==1.0#p_q-1.0.tar.gz\"\n"));

    let fetched = project.try_fetch(Conduct::default()).expect("a report");
    assert_eq!(fetched.exit_code(), 0, "{}", human(&fetched));
    assert_eq!(project.read("vendor/stripped/a.txt"), "a");
    assert_eq!(project.read("vendor/p-q/setup.py"), "");
}

#[test]
fn what_is_not_pinned() {
    let project = Project::new(&pin("tool", "file = \"tool.bin\"", &integrity(b"tool"), ""));
    let mut versions = left(&project);
    refused(&project, &options("left"), 2, "spec-form");
    refused(&project, &options("npm:left@^1.0.0"), 2, "npm-version");
    refused(&project, &options("npm:left@3.0.0"), 2, "version-absent");
    refused(&project, &options("npm:right"), 2, "version-absent");
    refused(&project, &options("https://example.com/none.tgz"), 2, "not-found");
    refused(&project, &options("no/such.tgz"), 2, "disk");
    let named = |name: &str| Options { name: Some(name.to_owned()), ..options("npm:left") };
    refused(&project, &named("tool"), 2, "pin-exists");
    refused(&project, &named("Tool"), 2, "pin-name-collision");
    refused(&project, &named("../x"), 2, "pin-name-start");
    let at = |to: &str| Options { to: Some(to.to_owned()), ..options("npm:left") };
    let error = refused(&project, &at("vendor/tool"), 2, "to-overlaps");
    assert_eq!(error.finding(Level::Error).hint.as_deref(), Some("say `--to DIR`"));
    refused(&project, &at("vendor"), 2, "to-overlaps");
    refused(&project, &at("../x"), 2, "bad-path");
    refused(&project, &at(".git/x"), 2, "to-reserved");

    // A registry that lists other bytes than it serves.
    versions[1]["dist"]["integrity"] = integrity(b"other").into();
    project.web.serve_packument("left", &versions);
    let error = refused(&project, &options("npm:left"), 1, "claim-mismatch");
    let finding = &error.findings()[0];
    assert!(finding.expected.is_some() && finding.received.is_some() && finding.hint.is_some());
    // A package that says it is another one.
    let other = npm_package("right", "1.0.0", &[]);
    versions[0]["dist"]["integrity"] = integrity(&other).into();
    project.web.serve_packument("left", &versions);
    project.web.serve(&format!("{REGISTRY}left/-/left-1.0.0.tgz"), other);
    refused(&project, &options("npm:left@1.0.0"), 1, "package-name");
    // A package document that is none.
    project.web.serve(&format!("{REGISTRY}left"), "<html>");
    refused(&project, &options("npm:left"), 2, "answer-web-page");
}

#[test]
fn a_strict_project_wants_evidence() {
    let project = Project::new("[trust]\nprovenance = \"strict\"");
    left(&project);
    refused(&project, &options("npm:left"), 1, "provenance-missing");
    let off = Options { evidence: Some(Mode::Off), ..options("npm:left") };
    check(&project, &off);
    assert!(project.read("pins.toml").ends_with("[pins.left.provenance]\nmode = \"off\"\n"));

    // Whoever says `lenient` gets it, whether there is nothing or nobody to ask.
    for page in [None, Some("<html>")] {
        let project = Project::new("[trust]\nprovenance = \"strict\"");
        let versions = left(&project);
        for version in &versions {
            let version = version["version"].as_str().expect("a version");
            let url = format!("{REGISTRY}-/npm/v1/attestations/left@{version}");
            if let Some(page) = page {
                project.web.serve(&url, page);
            }
        }
        let lenient = Options { evidence: Some(Mode::Lenient), ..options("npm:left") };
        let report = check(&project, &lenient);
        assert_eq!(codes(&report).contains(&"answer-web-page"), page.is_some(), "{}", human(&report));
        assert!(project.read("pins.toml").ends_with("[pins.left.provenance]\nmode = \"lenient\"\n"));
    }
}

#[test]
fn the_newest_that_is_old_enough() {
    let project = Project::new("[trust]\nmin-age = \"30d\"");
    let versions = left(&project);
    let packument = |times: Value| {
        let all = json!({ "1.0.0": versions[0], "1.1.0": versions[1] });
        let document = json!({ "dist-tags": { "latest": "1.1.0" }, "versions": all, "time": times });
        project.web.serve(&format!("{REGISTRY}left"), document.to_string());
    };
    packument(json!({ "1.0.0": "2999-01-01T00:00:00Z" }));
    refused(&project, &options("npm:left"), 2, "version-none");
    packument(json!({ "1.0.0": "2020-01-01T00:00:00Z", "1.1.0": "2999-01-01T00:00:00Z" }));
    let report = check(&project, &options("npm:left"));
    assert_eq!(report.rows[0].source, "npm:left@1.0.0");
    assert!(codes(&report).contains(&"version-passed-over"));
    let named = Options { name: Some("young".to_owned()), ..options("npm:left@1.1.0") };
    assert!(codes(&check(&project, &named)).contains(&"claimed-young"), "who names a version gets it, and is told");
}

#[test]
fn whoever_is_asked_decides() {
    let project = Project::new("");
    left(&project);
    let before = project.read("pins.toml");
    let seen = RefCell::new(Vec::new());
    let no = |planned: &Report| {
        seen.borrow_mut().push(planned.clone());
        false
    };
    let report = try_add(&project, &options("npm:left"), Consent::Ask(&no)).expect("a report");
    assert_eq!((report.exit_code(), report.rows[0].status.as_str()), (2, "declined"));
    assert_eq!(project.read("pins.toml"), before);
    assert_eq!(seen.borrow().len(), 1);
    assert_eq!(seen.borrow()[0].rows[0].status, "would add");
    let yes = |_: &Report| true;
    assert_eq!(try_add(&project, &options("npm:left"), Consent::Ask(&yes)).expect("a report").exit_code(), 0);
    assert_ne!(project.read("pins.toml"), before);
}

#[test]
fn what_somebody_else_writes_meanwhile_is_kept() {
    let project = Project::new("");
    left(&project);
    let edit = |_: &Report| {
        project.write("pins.toml", "version = 1\n# mine\n");
        true
    };
    let report = try_add(&project, &options("npm:left"), Consent::Ask(&edit)).expect("a report");
    assert_eq!(report.exit_code(), 0, "{}", human(&report));
    assert!(project.read("pins.toml").starts_with("version = 1\n# mine\n\n[pins.left]\n"));
    // What is no pin file any more is not edited.
    let edit = |_: &Report| {
        project.write("pins.toml", "version = 1\n# half a li\n[pins");
        true
    };
    let named = Options { name: Some("other".to_owned()), ..options("npm:left") };
    project.write("pins.toml", "version = 1\n");
    let error = try_add(&project, &named, Consent::Ask(&edit)).expect_err("an error");
    assert_eq!((error.code(), error.verdict().exit_code()), ("pins-changed", 2));
    assert_eq!(project.read("pins.toml"), "version = 1\n# half a li\n[pins");
    assert_eq!(files_below(&project.root()), ["pins.toml"]);
}

#[test]
fn a_file_that_cannot_be_written() {
    let project = Project::new("");
    left(&project);
    // No name is left for a file beside this one, whoever runs the test.
    let long = format!("{}.toml", "p".repeat(250));
    project.write(&long, "version = 1\n");
    let path = project.path(&long);
    let run = |ctx: &Ctx<'_>| add::run(&Ctx { pin_file: &path, ..*ctx }, &options("npm:left"), Consent::Given);
    let error = project.with(&Silent, run).expect_err("an error");
    assert_eq!((error.code(), error.verdict().exit_code()), ("pins-unwritable", 2), "{error}");
    assert!(error.to_string().contains("cannot be written") && error.finding(Level::Error).hint.is_some());
    assert_eq!(project.read(&long), "version = 1\n");
    assert_eq!(files_below(&project.root()).len(), 2);
}

#[test]
fn a_link_stays_one_and_modes_stay() {
    use std::os::unix::fs::PermissionsExt as _;
    let project = Project::new("");
    left(&project);
    std::fs::rename(project.path("pins.toml"), project.path("real.toml")).expect("a file");
    std::os::unix::fs::symlink("real.toml", project.path("pins.toml")).expect("a link");
    let mode = std::fs::Permissions::from_mode(0o640);
    std::fs::set_permissions(project.path("real.toml"), mode).expect("a mode");
    check(&project, &options("npm:left"));
    assert!(project.path("pins.toml").is_symlink());
    let metadata = std::fs::metadata(project.path("real.toml")).expect("a file");
    assert_eq!(metadata.permissions().mode() & 0o777, 0o640);
}

#[test]
fn by_the_command() {
    let project = Project::new("");
    project.write("in/x.txt", "x");
    let run = |args: &[&str]| {
        let output = project.command().args(args).output().expect("the command");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        let text =
            format!("$ pinfold {}\n{}--- standard error\n{}", args.join(" "), text(output.stdout), text(output.stderr));
        (output.status.code(), scrub(&project, &text))
    };
    let (code, text) = run(&["add", "in/x.txt"]);
    assert_eq!(code, Some(2));
    insta::assert_snapshot!("no-terminal", text);
    let (code, text) = run(&["add", "in/x.txt", "--dry-run"]);
    assert_eq!(code, Some(0), "{text}");
    insta::assert_snapshot!("dry-run", text);
    assert_eq!(project.read("pins.toml"), "version = 1\n");
    let (code, text) = run(&["add", "in/x.txt", "--yes", "--name", "y", "--to", "z/y"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(project.read("pins.toml").contains("\n[pins.y]\nfile = \"in/x.txt\"\n"));
    let (code, text) = run(&["add", "in/x.txt", "--yes", "--dry-run"]);
    assert_eq!(code, Some(2), "{text}");
}
