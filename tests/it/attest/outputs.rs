//! Which files are outputs, and which are none, however they are named.

use pinfold::commands::attest::Options;
use pinfold_sign::build::Checkout;

use super::{clean, names, options, project, refused, run, stated};

#[test]
fn outputs_are_what_was_built() {
    let project = project();
    project.write("dist/[id].js", "id");
    std::os::unix::fs::symlink("app.js", project.path("dist/link.js")).expect("a link");
    std::os::unix::fs::symlink("dist", project.path("out")).expect("a link");
    project.write("empty/.keep", "");
    std::fs::remove_file(project.path("empty/.keep")).expect("a file");
    project.write("odd/back\\slash", "x");
    let absolute = project.path("dist/app.js").display().to_string();
    let elsewhere = project.store_folder().display().to_string();
    let check = |given: &str, expected: &str| {
        assert_eq!(refused(&project, &options(&[given])), (expected.to_owned(), 2), "{given}");
    };
    check("dist/none.js", "output-absent");
    check("none/app.js", "output-absent");
    check("dist/*.css", "output-absent");
    check("none/**", "output-absent");
    check("empty", "output-absent");
    check("dist/a[", "output-pattern");
    check("../project/dist/app.js", "output-outside");
    check(&elsewhere, "output-outside");
    check("/", "output-outside");
    check(".", "output-project");
    check(&project.root().display().to_string(), "output-outside");
    check(&format!("{}/", project.root().display()), "output-project");
    check("", "output-name");
    check("odd", "output-name");
    check("odd/back\\slash", "output-name");
    check("dist/link.js", "output-no-file");
    check("dist", "output-no-file");
    check("dist/*.js", "output-no-file");
    check("out", "output-no-file");
    check("out/app.js", "output-no-file");
    check("out/*.js", "output-no-file");
    check("/dev/null", "output-outside");
    check(".pinfold/tool.json", "output-not-built");
    check(".pinfold", "output-not-built");
    check(".Pinfold/*", "output-absent");
    check("vendor/left", "output-not-built");
    check("vendor/left/main.js", "output-not-built");
    check("vendor", "output-not-built");
    // A submodule's.
    project.write("lib/sub/.git", "gitdir: ../../.git/modules/sub\n");
    check("lib/sub/.git", "output-not-built");
    check("lib", "output-absent");
    check("lib/**", "output-absent");
    check("vendor/**/*.js", "output-not-built");
    let out = Some(project.path("dist/app.js"));
    assert_eq!(refused(&project, &Options { out, ..options(&["dist/app.js"]) }).0, "output-is-statement");

    // What has the name of a pattern is meant by it; a path twice is one output.
    let statement = stated(&project, &options(&["dist/[id].js", &absolute, "dist/app.js", "dist/a*.js"]));
    assert_eq!(names(&statement), ["dist/[id].js", "dist/app.js"]);
    let dirty = Checkout { dirty: vec!["dist/[id].js".to_owned()], ..clean() };
    stated(&project, &Options { checkout: Some(dirty), ..options(&["dist/[id].js"]) });
}

#[test]
fn no_two_outputs_are_one_elsewhere() {
    let project = project();
    project.write("dist/App.js", "other");
    assert_eq!(refused(&project, &options(&["dist/*.js"])), ("output-collision".to_owned(), 2));
    let byproducts = vec!["dist/App.js".to_owned()];
    assert_eq!(refused(&project, &Options { byproducts, ..options(&["dist/app.js"]) }).0, "output-collision");
}

#[test]
fn a_pipe_is_no_output() {
    let project = project();
    let made = std::process::Command::new("mkfifo").arg(project.path("dist/pipe")).status().expect("mkfifo");
    assert!(made.success());
    for given in ["dist/pipe", "dist"] {
        assert_eq!(refused(&project, &options(&[given])), ("output-no-file".to_owned(), 2), "{given}");
    }
}

#[test]
fn no_other_file_is_lost_to_a_statement() {
    let project = project();
    let pins = project.read("pins.toml");
    let over =
        |place: &str| refused(&project, &Options { out: Some(project.path(place)), ..options(&["dist/app.js"]) });
    project.write("source.js", "source");
    assert_eq!(over("pins.toml"), ("out-reserved".to_owned(), 2));
    assert_eq!(over("source.js"), ("statement-over-file".to_owned(), 2));
    assert_eq!((project.read("pins.toml"), project.read("source.js")), (pins, "source".to_owned()));
    // A name that a program made sure of.
    project.write("empty", "");
    let into = Options { out: Some(project.path("empty")), ..options(&["dist/app.js"]) };
    run(&project, &into).expect("a statement");
    run(&project, &into).expect("a statement, again");
}

#[test]
fn its_own_statement_is_no_output() {
    let project = project();
    let own = Options { out: Some(project.path("dist/all.json")), ..options(&["dist"]) };
    run(&project, &own).expect("a statement");
    let first = project.read("dist/all.json");
    run(&project, &own).expect("a statement, again");
    assert_eq!(project.read("dist/all.json"), first);
    // What is no statement is not lost to one.
    let over = Options { out: Some(project.path("dist/app.js")), ..options(&["dist"]) };
    assert_eq!(refused(&project, &over), ("output-is-statement".to_owned(), 2));
    assert_eq!(project.read("dist/app.js"), "app");
    // A folder in which there is nothing else has no output.
    let alone = Options { out: Some(project.path("a/b")), ..options(&["a"]) };
    assert_eq!(refused(&project, &alone).0, "output-absent");
    project.write("a/b", &first);
    assert_eq!(refused(&project, &alone).0, "output-absent");
    // Where nothing can be written nothing is.
    let error = run(&project, &Options { out: Some(project.path("dist/lib")), ..options(&["dist"]) }).expect_err("no");
    assert_eq!(error.verdict().exit_code(), 2, "{error}");
    assert_eq!(std::fs::read_dir(project.path("dist/lib")).expect("a folder").count(), 1);
}

#[test]
fn there_is_an_end_to_outputs() {
    let project = project();
    for index in 0..=10_000 {
        let path = project.path(&format!("many/{index}"));
        if index == 0 {
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        }
        std::fs::write(path, "").expect("a file");
    }
    assert_eq!(refused(&project, &options(&["many"])), ("output-too-many".to_owned(), 2));
    std::fs::remove_file(project.path("many/0")).expect("a file");
    assert_eq!(names(&stated(&project, &options(&["many"]))).len(), 10_000);
}

// The source.
