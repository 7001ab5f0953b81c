//! `pinfold attest`: the statement says what was built and from what, the same each time, and nothing that is not so.

mod ci;
mod git;
mod outputs;

use pinfold::commands::attest::{self, Done, Options, Times};
use pinfold::ctx::Silent;
use pinfold::report::Report;
use pinfold_core::digest::{Algorithm, Integrity};
use pinfold_core::fault::Fault;
use pinfold_evidence::statement::Statement;
use pinfold_sign::build::{Build, Checkout, Source};
use serde_json::{Value, json};

use crate::support::{Project, codes, human, integrity, npm_package, pin};
use crate::vsa;

pub(crate) const COMMIT: &str = "a07f779bb9b981357d8aa83568e5b760bbe4f65b";
const REPOSITORY: &str = "https://github.com/o/r";

/// A project with two fetched pins and two outputs.
pub(crate) fn project() -> Project {
    let package = npm_package("left", "1.2.3", &[("main.js", "left")]);
    let patch = "[[pins.left.patch]]\npath = \"main.js\"\nfind = \"left\"\nreplace = \"right\"\ncount = 1\n";
    let pins = [
        pin("tool", "file = \"tool.bin\"", &integrity(b"tool"), ""),
        pin("left", "npm = \"left@1.2.3\"", &integrity(&package), patch),
    ];
    let project = Project::new(&pins.concat()).quiet();
    project.write("tool.bin", "tool");
    project.web.serve_npm("left", "1.2.3", &[("main.js", "left")]);
    project.fetch_all();
    project.write("dist/app.js", "app");
    project.write("dist/lib/b.js", "b");
    project
}

fn clean() -> Checkout {
    let (repository, git_ref) = (Some(REPOSITORY.to_owned()), Some("refs/heads/main".to_owned()));
    let source = Source { repository, git_ref, commit: COMMIT.to_owned() };
    Checkout { source, prefix: String::new(), dirty: Vec::new() }
}

fn options(outputs: &[&str]) -> Options {
    Options {
        outputs: outputs.iter().map(|&one| one.to_owned()).collect(),
        byproducts: Vec::new(),
        build: Build::new("https://example.com/make/v1", "https://example.com/ci"),
        checkout: Some(clean()),
        allow_dirty: false,
        no_source: false,
        times: Times::Omitted,
        signing: None,
        out: None,
        force: false,
    }
}

fn run(project: &Project, options: &Options) -> Result<Done, Fault> {
    project.with(&Silent, |ctx| attest::run(ctx, options))
}

fn stated(project: &Project, options: &Options) -> Value {
    let done = run(project, options).expect("a statement");
    let text = done.statement.unwrap_or_else(|| panic!("{}", human(&done.report)));
    Statement::parse(text.as_bytes()).expect("what we write we read");
    serde_json::from_str(&text).expect("JSON")
}

fn names(statement: &Value) -> Vec<&str> {
    let subjects = statement["subject"].as_array().expect("subjects");
    subjects.iter().map(|one| one["name"].as_str().expect("a name")).collect()
}

fn refused(project: &Project, options: &Options) -> (String, u8) {
    match run(project, options) {
        Err(error) => {
            assert!(!error.findings().is_empty());
            (error.code().to_owned(), error.verdict().exit_code())
        }
        Ok(done) => panic!("{}", human(&done.report)),
    }
}

// What it says.

#[test]
fn says_what_was_built_and_from_what() {
    let project = project();
    let statement = stated(&project, &options(&["dist"]));
    assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(statement["predicateType"], "https://slsa.dev/provenance/v1");
    assert_eq!(names(&statement), ["dist/app.js", "dist/lib/b.js"]);
    let hex = |algorithm, bytes: &[u8]| Integrity::of(algorithm, bytes).hex();
    let digest = json!({ "sha256": hex(Algorithm::Sha256, b"app"), "sha512": hex(Algorithm::Sha512, b"app") });
    assert_eq!(statement["subject"][0], json!({ "name": "dist/app.js", "digest": digest }));
    let definition = &statement["predicate"]["buildDefinition"];
    assert_eq!(definition["buildType"], "https://example.com/make/v1");
    assert_eq!(definition["externalParameters"], json!({}));
    let dependencies = definition["resolvedDependencies"].as_array().expect("dependencies");
    assert_eq!(
        dependencies[0],
        json!({ "uri": format!("git+{REPOSITORY}@refs/heads/main"), "digest": { "gitCommit": COMMIT } })
    );
    let tool = hex(Algorithm::Sha512, b"tool");
    assert_eq!(
        dependencies[1],
        json!({
            "name": "tool",
            "uri": format!("pkg:generic/tool.bin?checksum=sha512:{tool}"),
            "digest": { "sha512": tool },
            "annotations": { "evidence": "off", "heldTo": "artifact", "patched": false, "to": "vendor/tool" },
        })
    );
    assert_eq!(dependencies[2]["name"], "left");
    assert_eq!(dependencies[2]["uri"], "pkg:npm/left@1.2.3");
    assert_eq!(dependencies[2]["annotations"]["patched"], true);
    assert!(dependencies[2].get("downloadLocation").is_none(), "the registry is this machine's word, not the pins'");
    assert_eq!(dependencies.len(), 3);
    let pins = hex(Algorithm::Sha256, project.read("pins.toml").as_bytes());
    assert_eq!(
        definition["internalParameters"],
        json!({ "pinfold": {
            "version": env!("CARGO_PKG_VERSION"),
            "pins": { "name": "pins.toml", "digest": { "sha256": pins } },
            "folder": "",
            "platform": "linux-x64",
        } })
    );
    assert_eq!(statement["predicate"]["runDetails"], json!({ "builder": { "id": "https://example.com/ci" } }));
}

#[test]
fn tells_what_it_did() {
    let project = project();
    let Done { report, .. } =
        run(&project, &Options { out: Some(project.path("all.json")), ..options(&["dist"]) }).expect("a statement");
    insta::assert_snapshot!("attested", crate::support::both(&project, &report));
    let document = project.read("all.json");
    assert!(document.ends_with("}\n"));
    let again = run(&project, &options(&["dist"])).expect("a statement").statement;
    assert_eq!(again.as_deref(), Some(document.as_str()));
}

#[test]
fn the_same_inputs_give_the_same_bytes() {
    let mut project = project();
    for index in 0..40 {
        project.write(&format!("dist/many/{index}.txt"), format!("{index}"));
    }
    let text = |project: &Project, outputs: &[&str], times| {
        let options = Options { times, ..options(outputs) };
        run(project, &options).expect("a statement").statement.expect("a document")
    };
    let first = text(&project, &["dist/app.js", "dist/lib", "dist/many/*"], Times::Omitted);
    assert_eq!(first, text(&project, &["dist/many/*", "dist/lib", "dist/app.js"], Times::Omitted));
    project.jobs = 7;
    assert_eq!(first, text(&project, &["./dist//lib/", "dist/**", "dist/app.js"], Times::Omitted));
    // Times stand where they are meant to, and nowhere else.
    let fixed: Value = serde_json::from_str(&text(&project, &["dist"], Times::Fixed(1_700_000_000))).expect("JSON");
    let metadata = &fixed["predicate"]["runDetails"]["metadata"];
    assert_eq!(*metadata, json!({ "finishedOn": "2023-11-14T22:13:20Z" }));
    let mut clock: Value = serde_json::from_str(&text(&project, &["dist"], Times::Clock)).expect("JSON");
    let details = clock["predicate"]["runDetails"].as_object_mut().expect("details");
    assert!(details.remove("metadata").is_some_and(|metadata| metadata["finishedOn"].as_str().is_some()));
    assert_eq!(format!("{clock}\n"), first);
    // With the time at which it began, too.
    let build = Times::Fixed(0).of(&options(&[]).build, Some(5), 9);
    assert_eq!((build.started.as_deref(), build.finished.as_deref()), (Some(EPOCH), Some(EPOCH)));
    let build = Times::Clock.of(&options(&[]).build, Some(0), 9);
    assert_eq!((build.started.as_deref(), build.finished.as_deref()), (Some(EPOCH), Some("1970-01-01T00:00:09Z")));
}

const EPOCH: &str = "1970-01-01T00:00:00Z";

#[test]
fn says_what_was_proved_of_each_pin() {
    let project = vsa::built("ok-actions", "url = \"https://example.com/artifact.bin\"", vsa::REPOSITORY);
    vsa::fetched(&project);
    project.write("dist/app.js", "app");
    let pin = |project: &Project| {
        let done = vsa::with(project, |ctx| attest::run(ctx, &options(&["dist"]))).expect("a statement");
        let statement: Value = serde_json::from_str(&done.statement.expect("a document")).expect("JSON");
        let pin = statement["predicate"]["buildDefinition"]["resolvedDependencies"][1].clone();
        (pin, human(&done.report))
    };
    let (left, said) = pin(&project);
    assert!(said.contains("1 pin verified, 1 with proved evidence"), "{said}");
    assert_eq!(left["downloadLocation"], "https://example.com/artifact.bin");
    let evidence = &left["annotations"]["evidence"];
    assert_eq!(evidence["kind"], "SLSA provenance");
    assert_eq!(evidence["repository"], vsa::REPOSITORY);
    assert!(evidence["signer"].is_string() && evidence["builder"].is_string() && evidence["commit"].is_string());
    assert!(evidence.get("byRecord").is_none());
    // The bytes are gone: that the evidence is about them is the record's word.
    std::fs::remove_dir_all(project.store_folder()).expect("a store");
    let (left, _) = pin(&project);
    assert_eq!(left["annotations"]["evidence"]["byRecord"], true);
    assert_eq!(left["annotations"]["heldTo"], "record");

    // Nobody has any.
    let project = Project::new(&crate::support::pin("tool", "file = \"tool.bin\"", &integrity(b"tool"), ""));
    project.write("tool.bin", "tool");
    project.fetch_all();
    project.write("dist/app.js", "app");
    let statement = stated(&project, &options(&["dist"]));
    let annotations = &statement["predicate"]["buildDefinition"]["resolvedDependencies"][1]["annotations"];
    assert_eq!(annotations["evidence"], "unasked");

    // A server that was asked had none, which is its word alone.
    let source = "npm = \"left@1.0.0\"";
    let project = Project::new("");
    let integrity = project.web.serve_npm("left", "1.0.0", &[]);
    project.pins(&crate::support::pin("left", source, &integrity, ""));
    project.write("dist/app.js", "app");
    let fetched = project.try_fetch(pinfold::install::Conduct::default()).expect("a report");
    assert_eq!(fetched.exit_code(), 0, "{}", human(&fetched));
    let statement = stated(&project, &options(&["dist"]));
    let annotations = &statement["predicate"]["buildDefinition"]["resolvedDependencies"][1]["annotations"];
    assert_eq!(
        (&annotations["evidence"], &annotations["evidenceAsked"]),
        (&json!("none"), &json!("https://npm.example.com"))
    );
}

#[test]
fn names_the_registry_that_the_pins_name() {
    let package = npm_package("@s/left", "1.2.3", &[]);
    let pins = pin("left", "npm = \"@s/left@1.2.3\"", &integrity(&package), "");
    let project = Project::new(&format!("[registries]\nnpm = \"https://npm.example.com/\"\n{pins}")).quiet();
    project.web.serve_npm("@s/left", "1.2.3", &[]);
    project.fetch_all();
    project.write("dist/app.js", "app");
    let statement = stated(&project, &options(&["dist"]));
    let left = &statement["predicate"]["buildDefinition"]["resolvedDependencies"][1];
    assert_eq!(left["downloadLocation"], "https://npm.example.com/@s/left/-/left-1.2.3.tgz");
    assert_eq!(left["uri"], "pkg:npm/%40s/left@1.2.3");
}

#[test]
fn byproducts_are_told_apart() {
    let project = project();
    project.write("logs/build.log", "ok");
    let byproducts = vec!["logs".to_owned(), "dist".to_owned()];
    let statement = stated(&project, &Options { byproducts, ..options(&["dist/app.js"]) });
    let byproducts = statement["predicate"]["runDetails"]["byproducts"].as_array().expect("byproducts");
    let names_of: Vec<_> = byproducts.iter().map(|one| one["name"].as_str().expect("a name")).collect();
    assert_eq!((names(&statement), names_of), (vec!["dist/app.js"], vec!["dist/lib/b.js", "logs/build.log"]));
}

// What it refuses.

#[test]
fn pins_come_first() {
    let project = project();
    project.write("vendor/left/main.js", "loot");
    let done = run(&project, &options(&["dist"])).expect("a report");
    assert!(done.statement.is_none());
    insta::assert_snapshot!("unproved", crate::support::both(&project, &done.report));
    assert_eq!((done.report.exit_code(), codes(&done.report)), (1, vec!["file-changed"]));
    // Evidence too, with verify's own exit codes.
    let project = vsa::built("ok-actions", vsa::FILE, vsa::REPOSITORY);
    vsa::fetched(&project);
    project.write("dist/app.js", "app");
    let code = |project: &Project| -> Report {
        vsa::with(project, |ctx| attest::run(ctx, &options(&["dist"]))).expect("a report").report
    };
    assert_eq!(code(&project).exit_code(), 0);
    let pins = project.read("pins.toml");
    project.pins(&pins.replace(vsa::REPOSITORY, "https://github.com/other/left"));
    assert_eq!(code(&project).exit_code(), 1);
    project.pins(&pins);
    let elsewhere = project.with(&Silent, |ctx| attest::run(ctx, &options(&["dist"]))).expect("a report").report;
    assert_eq!((elsewhere.exit_code(), elsewhere.command), (3, "attest"), "another root: {}", human(&elsewhere));
    std::fs::remove_file(project.path("pins.toml")).expect("pins");
    assert_eq!(refused(&project, &options(&["dist"])), ("no-pin-file".to_owned(), 2));
}

#[test]
fn the_checkout_is_its_commit() {
    let project = project();
    let dirty =
        |paths: &[&str]| Some(Checkout { dirty: paths.iter().map(|&path| path.to_owned()).collect(), ..clean() });
    // What was built, what was verified, and what is written now.
    let known = ["dist/app.js", "dist/app.js.sigstore.json", ".pinfold/tool.json", "vendor/left/main.js", "all.json"];
    let out = Some(project.path("all.json"));
    stated_somewhere(&project, &Options { checkout: dirty(&known), out, ..options(&["dist/*"]) });
    for path in ["src/main.js", "dist2/app.js", "dist/lib/b.js", ".pinfold2", "vendor/lefty", "pins.toml", "vendor"] {
        let options = Options { checkout: dirty(&[path]), ..options(&["dist/*.js"]) };
        assert_eq!(refused(&project, &options), ("checkout-dirty".to_owned(), 1), "{path}");
    }
    let many: Vec<String> = (0..300).map(|index| format!("x/{index:03}")).collect();
    let checkout = Some(Checkout { dirty: many, ..clean() });
    let error = run(&project, &Options { checkout: checkout.clone(), ..options(&["dist"]) }).expect_err("dirty");
    let said = error.to_string();
    assert!(said.contains("in 300 paths: `x/000`") && said.ends_with("and 290 more"), "{said}");
    let allowed = Options { checkout, allow_dirty: true, ..options(&["dist"]) };
    let statement = stated(&project, &allowed);
    let inside = &statement["predicate"]["buildDefinition"]["internalParameters"]["pinfold"];
    assert_eq!((&inside["dirty"], &inside["dirtyCount"]), (&json!(true), &json!(300)));
    assert_eq!(inside["dirtyPaths"].as_array().map(Vec::len), Some(100));
    let report = run(&project, &allowed).expect("a statement").report;
    assert!(report.notes.iter().any(|note| note.code == "source-dirty"), "{}", human(&report));
    // A clean one says nothing of it.
    let statement = stated(&project, &Options { allow_dirty: true, ..options(&["dist"]) });
    assert!(statement["predicate"]["buildDefinition"]["internalParameters"]["pinfold"].get("dirty").is_none());
}

fn stated_somewhere(project: &Project, options: &Options) {
    let done = run(project, options).expect("a statement");
    assert_eq!(done.report.exit_code(), 0, "{}", human(&done.report));
}

#[test]
fn paths_of_a_checkout_are_those_of_its_top() {
    let project = project();
    let checkout = |path: &str| Checkout { prefix: "sub/dir/".into(), dirty: vec![path.into()], ..clean() };
    let of = |path: &str| Options { checkout: Some(checkout(path)), ..options(&["dist"]) };
    let statement = stated(&project, &of("sub/dir/dist/app.js"));
    assert_eq!(statement["predicate"]["buildDefinition"]["internalParameters"]["pinfold"]["folder"], "sub/dir/");
    assert_eq!(refused(&project, &of("dist/app.js")).0, "checkout-dirty");
    assert_eq!(refused(&project, &of("sub/dist/app.js")).0, "checkout-dirty");
}

#[test]
fn without_a_commit_it_says_so() {
    let project = project();
    let none = Options { checkout: None, ..options(&["dist"]) };
    assert_eq!(refused(&project, &none), ("checkout-absent".to_owned(), 2));
    let statement = stated(&project, &Options { no_source: true, ..none });
    let definition = &statement["predicate"]["buildDefinition"];
    assert_eq!(definition["internalParameters"]["pinfold"]["source"], "unknown");
    assert_eq!(definition["resolvedDependencies"][0]["name"], "tool");
    // A commit that nobody else can have is one all the same.
    let mut checkout = clean();
    checkout.source.repository = None;
    let local = Options { checkout: Some(checkout), ..options(&["dist"]) };
    let source = &stated(&project, &local)["predicate"]["buildDefinition"]["resolvedDependencies"][0];
    assert_eq!(*source, json!({ "digest": { "gitCommit": COMMIT } }));
    let report = run(&project, &local).expect("a statement").report;
    assert!(report.notes.iter().any(|note| note.code == "source-nowhere"), "{}", human(&report));
}

#[test]
fn what_a_pin_ignores_is_in_no_statement() {
    let project = project();
    let pins = project.read("pins.toml");
    let from = "npm = \"left@1.2.3\"";
    project.pins(&pins.replace(from, &format!("ignore = [\"**/__pycache__/**\"]\n{from}")));
    stated(&project, &options(&["dist"]));
    // A build may have read it, and nobody knows what it is.
    project.write("vendor/left/__pycache__/a.pyc", "made");
    assert_eq!(project.verify().exit_code(), 0);
    let done = run(&project, &options(&["dist"])).expect("a report");
    assert!(done.statement.is_none());
    assert_eq!((done.report.exit_code(), codes(&done.report)), (1, vec!["file-added"]), "{}", human(&done.report));
}
