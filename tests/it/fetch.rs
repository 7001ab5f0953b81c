//! `pinfold fetch`: what it does to a project, what it says of it, and what it refuses.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

use pinfold::commands::fetch;
use pinfold::ctx::Silent;
use pinfold::install::Conduct;
use pinfold::report::{Level, Report};

use crate::render::{self, Style};
use crate::support::{Page, Project, QUIET, Tar, both, codes, files_below, human, integrity, pin, redirect};

const OFFLINE: Conduct = Conduct { offline: true, ..QUIET };
const FROZEN: Conduct = Conduct { frozen: true, ..QUIET };
const LEFT: &str = "npm = \"left@1.0.0\"";
const TOOL: &str = "url = \"https://example.com/tool\"";
const TOOL_URL: &str = "https://example.com/tool";

/// Fetches, and holds the exit code and both reports to what was seen before.
fn check(name: &str, project: &Project, code: u8) -> Report {
    check_with(name, project, QUIET, code)
}

fn check_with(name: &str, project: &Project, conduct: Conduct, code: u8) -> Report {
    let report = project.try_fetch(conduct).expect("a report");
    insta::assert_snapshot!(name, both(project, &report));
    assert_eq!(report.exit_code(), code, "{}", human(&report));
    report
}

/// A project with the npm pin `left`, which has an `index.js`, and with `more` in its table; not fetched yet.
fn left(more: &str) -> Project {
    let project = Project::new("");
    let integrity = project.web.serve_npm("left", "1.0.0", &[("index.js", "export default 1;\n")]);
    project.pins(&pin("left", LEFT, &integrity, more));
    project
}

/// A project with a pin `tool` of these bytes by URL, which nobody serves yet.
fn tool(bytes: impl AsRef<[u8]>, more: &str) -> Project {
    Project::new(&pin("tool", TOOL, &integrity(bytes.as_ref()), more))
}

/// The name and text of every record.
fn records(project: &Project) -> Vec<(String, String)> {
    let names = files_below(&project.path(".pinfold"));
    names.into_iter().map(|name| (name.clone(), project.read(&format!(".pinfold/{name}")))).collect()
}

/// A time that pinfold never gives.
fn touch(project: &Project, path: &str) {
    let file = std::fs::File::options().append(true).open(project.path(path)).expect("a file");
    file.set_modified(std::time::UNIX_EPOCH).expect("a time");
}

// What is done.

#[test]
fn installs_and_then_has_nothing_to_do() {
    let project = left("");
    check("installed", &project, 0);
    assert_eq!(project.web.asked(), ["https://npm.example.com/left/-/left-1.0.0.tgz"]);
    assert_eq!(project.tree("vendor/left")["index.js"], "644 export default 1;\n");
    assert_eq!(files_below(&project.path(".pinfold")), ["left.json"]);

    let before = records(&project);
    check("unchanged", &project, 0);
    assert!(project.web.asked().is_empty());
    assert_eq!(records(&project), before);

    // Neither is the store needed for that.
    std::fs::remove_dir_all(project.store_folder()).expect("a store");
    assert_eq!(project.fetch().rows[0].status, "unchanged");
    assert!(project.web.asked().is_empty());
}

#[test]
fn a_record_says_what_stands_there() {
    let project = tool("#!/bin/sh\n", "size = 10\nformat = \"raw\"\nexecutable = true");
    project.web.serve(TOOL_URL, "#!/bin/sh\n");
    project.fetch_all();
    insta::assert_snapshot!(project.read(".pinfold/tool.json"));
}

#[test]
fn adopts_the_very_tree_that_stands_there_without_a_record() {
    let project = left("");
    project.fetch_all();
    let (record, inode) = (records(&project), project.path("vendor/left").metadata().expect("a folder").ino());
    std::fs::remove_file(project.path(".pinfold/left.json")).expect("a record");
    check("adopted", &project, 0);
    assert_eq!(records(&project), record);
    assert_eq!(project.path("vendor/left").metadata().expect("a folder").ino(), inode, "the tree was replaced");
    assert_eq!(files_below(&project.path("vendor")), ["left/index.js", "left/package.json"]);
}

#[test]
fn leaves_what_it_did_not_put_there() {
    let project = left("");
    project.write("vendor/left/mine.txt", "mine");
    check("not-ours", &project, 1);
    assert_eq!(files_below(&project.path("vendor")), ["left/mine.txt"]);
    assert!(records(&project).is_empty());

    // The tree that would be installed, and one file of somebody's beside it.
    std::fs::remove_dir_all(project.path("vendor")).expect("a folder");
    project.fetch_all();
    project.write("vendor/left/mine.txt", "mine");
    std::fs::remove_file(project.path(".pinfold/left.json")).expect("a record");
    for restore in [false, true] {
        let report = project.try_fetch(Conduct { restore, ..QUIET }).expect("a report");
        assert_eq!(codes(&report), ["not-ours", "file-added"], "{}", human(&report));
        assert_eq!(project.read("vendor/left/mine.txt"), "mine");
    }
}

#[test]
fn leaves_a_file_and_a_link_where_the_tree_should_be_and_takes_an_empty_folder() {
    let project = left("");
    project.write("vendor/left", "mine");
    assert_eq!(codes(&project.fetch()), ["not-ours", "file-kind"]);
    assert_eq!(project.read("vendor/left"), "mine");

    std::fs::remove_file(project.path("vendor/left")).expect("a file");
    project.write("elsewhere/mine", "mine");
    symlink("../elsewhere", project.path("vendor/left")).expect("a link");
    assert_eq!(codes(&project.fetch()), ["not-ours", "file-odd"]);
    assert_eq!(files_below(&project.path("elsewhere")), ["mine"]);

    std::fs::remove_file(project.path("vendor/left")).expect("a link");
    std::fs::create_dir(project.path("vendor/left")).expect("a folder");
    assert_eq!(project.fetch().rows[0].status, "installed");
}

#[test]
fn one_pin_that_fails_does_not_stop_the_others() {
    for jobs in [1, 4] {
        let mut project = Project::new("");
        project.jobs = jobs;
        let mut pins = String::new();
        // The last has the largest `size` and so is begun first; rows stand in the order of the file all the same.
        for (name, size) in [("zebra", 1), ("absent", 2), ("evil", 3), ("ant", 4)] {
            let bytes = "x".repeat(size);
            let url = format!("https://example.com/{name}");
            let source = format!("url = \"{url}\"");
            pins += &pin(name, &source, &integrity(bytes.as_bytes()), &format!("size = {size}"));
            match name {
                "absent" => {}
                "evil" => project.web.serve(&url, "y".repeat(size)),
                _ => project.web.serve(&url, bytes),
            }
        }
        project.pins(&pins);
        let report = check("several", &project, 1);
        let subjects: Vec<&str> = report.rows.iter().map(|row| row.subject.as_str()).collect();
        assert_eq!(subjects, ["zebra", "absent", "evil", "ant"]);
        assert_eq!(files_below(&project.path("vendor")), ["ant", "zebra"]);
        assert_eq!(files_below(&project.path(".pinfold")), ["ant.json", "zebra.json"]);
    }
}

#[test]
fn only_the_pins_that_were_named() {
    let project = Project::new("");
    let one = project.web.serve_npm("one", "1.0.0", &[]);
    let two = project.web.serve_npm("two", "1.0.0", &[]);
    project.pins(&(pin("one", "npm = \"one@1.0.0\"", &one, "") + &pin("two", "npm = \"two@1.0.0\"", &two, "")));
    let fetch = |name: &str| {
        let options = pinfold::commands::fetch::Options { pins: vec![name.to_owned()], conduct: QUIET };
        project.with(&pinfold::ctx::Silent, |ctx| pinfold::commands::fetch::run(ctx, &options))
    };
    assert_eq!(fetch("two").expect("a report").rows.len(), 1);
    assert_eq!(files_below(&project.path("vendor")), ["two/package.json"]);
    let error = fetch("tow").expect_err("no such pin");
    assert_eq!(
        (error.code(), error.finding(Level::Error).hint.as_deref()),
        ("unknown-pin", Some("did you mean `two`?"))
    );
}

#[test]
fn the_same_pins_give_the_same_bytes_whatever_the_order_of_arrival() {
    let make = |jobs: usize, order: &[&str]| {
        let mut project = Project::new("");
        project.jobs = jobs;
        let mut pins = String::new();
        for name in order {
            let files = [("b.js", "b"), ("a/c.js", *name), ("a.js", "a")];
            let integrity = project.web.serve_npm(name, "1.0.0", &files);
            pins += &pin(name, &format!("npm = \"{name}@1.0.0\""), &integrity, "");
        }
        project.pins(&pins);
        project.fetch_all();
        (records(&project), project.tree("vendor"))
    };
    let one = make(1, &["one", "two", "three", "four"]);
    assert_eq!(one.0.len(), 4);
    assert_eq!(make(4, &["four", "three", "two", "one"]), one);
}

// Bytes.

#[test]
fn wrong_bytes_change_nothing() {
    let project = left("");
    project.fetch_all();
    let (tree, record) = (project.tree("vendor"), records(&project));
    let stored = files_below(&project.store_folder());
    let good = integrity(b"what was meant");
    project.web.serve("https://npm.example.com/left/-/left-2.0.0.tgz", "what was sent");
    project.pins(&pin("left", "npm = \"left@2.0.0\"", &good, ""));
    project.web.asked();

    let report = check("wrong-integrity", &project, 1);
    let finding = &report.rows[0].findings[0];
    assert_eq!(finding.expected.as_deref(), Some(good.as_str()));
    assert_eq!(finding.received, Some(integrity(b"what was sent")));
    assert_eq!(project.web.asked().len(), 1, "the wrong bytes are asked for once");
    assert_eq!((project.tree("vendor"), records(&project)), (tree, record));
    assert_eq!(files_below(&project.store_folder()), stored, "nothing of wrong bytes stays in the store");
}

#[test]
fn a_slip_of_the_pen_in_a_digest_is_marked() {
    let project = tool("x", "");
    project.web.serve(TOOL_URL, "x");
    let right = integrity(b"x");
    // One letter of the middle; the value stays canonical base64 of 64 bytes.
    let at = right.len() / 2;
    let letter = if right[at..].starts_with('A') { "B" } else { "A" };
    project.pins(&pin("tool", TOOL, &format!("{}{letter}{}", &right[..at], &right[at + 1..]), ""));
    let text = human(&project.fetch());
    let marks = format!("    received {right}\n    {:>width$}\n", "^", width = "received ".len() + at + 1);
    assert!(text.contains(&marks), "{text}");

    // Of digests that have nothing in common, no letter is marked.
    project.pins(&pin("tool", TOOL, &integrity(b"y"), ""));
    assert!(!human(&project.fetch()).contains('^'));
}

#[test]
fn another_size_than_pinned() {
    let project = tool("12345", "size = 4");
    project.web.serve(TOOL_URL, "12345");
    check("size-announced", &project, 1);
    assert!(!project.exists("vendor"));

    // The same for bytes that are in the store already, and for a file of the project.
    project.pins(&pin("tool", TOOL, &integrity(b"12345"), "size = 5"));
    project.fetch_all();
    project.pins(&pin("tool", TOOL, &integrity(b"12345"), "size = 4"));
    check("size-stored", &project, 1);
    project.write("tool.bin", "12345");
    project.pins(&pin("tool", "file = \"tool.bin\"", &integrity(b"12345"), "size = 6").replace("vendor/tool", "t"));
    std::fs::remove_file(project.path(".pinfold/tool.json")).expect("a record");
    assert_eq!(codes(&project.fetch()), ["size-mismatch"]);
}

#[test]
fn mirrors_are_asked_in_order() {
    let mirrors = "mirrors = [\"https://one.example.com/tool\", \"https://two.example.com/tool\"]";
    let asked = [TOOL_URL, "https://one.example.com/tool", "https://two.example.com/tool"];
    let answers = |first: Option<&str>, one: Option<&str>, two: Option<&str>| {
        let project = tool("good", mirrors);
        for (url, answer) in asked.into_iter().zip([first, one, two]) {
            if let Some(bytes) = answer {
                project.web.serve(url, bytes);
            }
        }
        project
    };
    // A mismatch is told even where the next place has the right bytes.
    let project = answers(Some("evil"), Some("good"), Some("good"));
    check("mirror-after-mismatch", &project, 0);
    assert_eq!(project.web.asked(), asked[..2]);
    assert_eq!(project.read("vendor/tool"), "good");

    let project = answers(None, None, Some("good"));
    check("mirror-after-absence", &project, 0);
    assert_eq!(project.web.asked(), asked);

    // A refusal outweighs all else, and nobody is asked twice.
    let project = answers(None, Some("evil"), None);
    check("mirrors-all-fail", &project, 1);
    assert_eq!(project.web.asked(), asked);

    let project = answers(None, None, None);
    check("mirrors-all-absent", &project, 2);
    assert_eq!(project.web.asked(), asked);
}

#[test]
fn the_store_serves_a_url_only_what_was_fetched_for_it() {
    let project = tool("bytes", "");
    project.web.serve(TOOL_URL, "bytes");
    project.fetch_all();
    std::fs::remove_file(project.path(".pinfold/tool.json")).expect("a record");
    project.web.asked();
    // The URL was moved and the integrity was not; nobody says that the new place has these bytes.
    let moved = "url = \"https://example.com/tool-2\"";
    project.pins(&pin("tool", moved, &integrity(b"bytes"), ""));
    check_with("offline-other-source", &project, OFFLINE, 2);
    assert!(project.web.asked().is_empty());
    // Nor where what says so was lost.
    let sources = stored(&project, "bytes").with_extension("sources");
    let said = std::fs::read(&sources).expect("sources");
    std::fs::remove_file(&sources).expect("sources");
    check_with("offline-no-source", &project, OFFLINE, 2);
    std::fs::write(&sources, said).expect("sources");
    assert_eq!(codes(&project.fetch()), ["not-found"]);
    assert_eq!(project.web.asked(), ["https://example.com/tool-2"]);
    project.web.serve("https://example.com/tool-2", "bytes");
    project.fetch_all();
    project.web.asked();
    // Now the bytes are known to be of both.
    std::fs::remove_dir_all(project.path(".pinfold")).expect("records");
    project.fetch_all();
    assert!(project.web.asked().is_empty());
}

#[test]
fn offline() {
    let project = left("");
    check_with("offline-absent", &project, OFFLINE, 2);
    assert!(project.web.asked().is_empty());
    project.fetch_all();
    std::fs::remove_dir_all(project.path("vendor")).expect("a tree");
    project.web.asked();
    assert_eq!(project.try_fetch(OFFLINE).expect("a report").rows[0].status, "installed");
    assert!(project.web.asked().is_empty());
}

#[test]
fn rotten_bytes_in_the_store_are_fetched_again() {
    let project = tool("fresh", "");
    project.web.serve(TOOL_URL, "fresh");
    project.fetch_all();
    let blob = stored(&project, "fresh");
    std::fs::write(&blob, "mouldy").expect("a blob");
    std::fs::remove_file(project.path("vendor/tool")).expect("a tree");
    check("store-corrupt", &project, 0);
    assert_eq!(std::fs::read(&blob).expect("a blob"), b"fresh");
    assert_eq!(project.read("vendor/tool"), "fresh");

    std::fs::write(&blob, "mouldy").expect("a blob");
    std::fs::remove_file(project.path("vendor/tool")).expect("a tree");
    let report = project.try_fetch(OFFLINE).expect("a report");
    assert_eq!((report.exit_code(), project.exists("vendor/tool")), (2, false), "{}", human(&report));
}

/// Where the store of a project has these bytes.
fn stored(project: &Project, bytes: &str) -> std::path::PathBuf {
    let integrity = integrity(bytes.as_bytes()).parse().expect("an integrity");
    pinfold_core::store::Store::new(project.store_folder()).path_of(&integrity)
}

// Where bytes may come from.

#[test]
fn only_the_hosts_that_are_allowed() {
    let hosts = "[trust]\nhosts = [\"example.com\"]\n";
    let pins = |bytes: &str| hosts.to_owned() + &pin("tool", TOOL, &integrity(bytes.as_bytes()), "");

    let project = Project::new(&pins("x").replace("/example.com/", "/other.example/"));
    project.web.serve("https://other.example/tool", "x");
    check("host-not-allowed", &project, 1);
    assert!(project.web.asked().is_empty(), "a host off the list is not even asked");

    let project = Project::new(&pins("x"));
    project.web.answer(TOOL_URL, redirect("https://other.example/tool"));
    project.web.serve("https://other.example/tool", "x");
    assert_eq!(codes(&project.fetch()), ["host-not-allowed"]);
    assert_eq!(project.web.asked(), [TOOL_URL]);

    project.web.answer(TOOL_URL, redirect("/elsewhere/tool"));
    project.web.serve("https://example.com/elsewhere/tool", "x");
    project.fetch_all();
    assert_eq!(project.web.asked(), [TOOL_URL, "https://example.com/elsewhere/tool"]);
}

#[test]
fn redirects_that_are_not_followed() {
    let check = |location: &str, code: &str, exit_code: u8| {
        let project = tool("x", "");
        project.web.answer(TOOL_URL, redirect(location));
        for url in ["http://example.com/tool", "http://127.0.0.1:1/tool"] {
            project.web.serve(url, "x");
        }
        let report = project.fetch();
        assert_eq!((codes(&report), report.exit_code()), (vec![code], exit_code), "{location}");
        let asked = project.web.asked();
        assert!(asked.iter().all(|url| url == TOOL_URL), "{location}: {asked:?}");
        assert!(!project.exists("vendor/tool"));
    };
    check("http://example.com/tool", "redirect-downgrade", 1);
    check("http://127.0.0.1:1/tool", "redirect-downgrade", 1);
    check("https://user:hush@example.com/tool", "redirect-malformed", 2);
    check("ftp://example.com/tool", "redirect-malformed", 2);
    check(TOOL_URL, "redirect-limit", 2);
}

#[test]
fn a_redirect_without_end_stops_after_five() {
    let project = tool("x", "");
    let url = |number: usize| if number == 0 { TOOL_URL.to_owned() } else { format!("https://example.com/{number}") };
    for number in 0..6 {
        project.web.answer(&url(number), redirect(&url(number + 1)));
    }
    project.web.serve(&url(6), "x");
    check("redirects-six", &project, 2);
    assert_eq!(project.web.asked().len(), 6);
    project.web.serve(&url(5), "x");
    project.fetch_all();
}

#[test]
fn a_web_page_in_place_of_bytes_is_named() {
    let project = tool("good", "");
    let body = b"<html>please log in</html>".to_vec();
    let page = Page { status: 200, location: None, content_type: Some("text/html".into()), body };
    project.web.answer(TOOL_URL, page);
    check("web-page", &project, 1);
}

#[test]
fn files_of_the_project() {
    let project = Project::new("");
    let archive = Tar::default().file("tool/run.sh", "echo").gz();
    project.write("third-party/tool.tar.gz", &archive);
    project.pins(&pin("tool", "file = \"third-party/tool.tar.gz\"", &integrity(&archive), "strip = 1"));
    project.fetch_all();
    assert!(project.web.asked().is_empty());
    assert_eq!(project.tree("vendor/tool")["run.sh"], "644 echo");
    assert_eq!(project.fetch().rows[0].status, "unchanged");

    std::fs::remove_dir_all(project.path("vendor")).expect("a tree");
    project.write("third-party/tool.tar.gz", "other bytes");
    check("file-mismatch", &project, 1);
    assert!(!project.exists("vendor/tool"));
    std::fs::remove_file(project.path("third-party/tool.tar.gz")).expect("a file");
    check("file-absent", &project, 2);
}

#[test]
fn github_release_assets() {
    let project = Project::new("");
    let archive = Tar::default().executable("tool", "x").gz();
    project.pins(&pin("tool", "github = \"owner/repo@v1.0#tool.tar.gz\"", &integrity(&archive), ""));
    let url = "https://github.com/owner/repo/releases/download/v1.0/tool.tar.gz";
    project.web.answer(url, redirect("https://objects.example.com/1?signed=hush"));
    project.web.serve("https://objects.example.com/1?signed=hush", archive);
    let report = project.fetch();
    assert_eq!(report.exit_code(), 0, "{}", human(&report));
    assert!(!human(&report).contains("hush"));
    assert_eq!(project.web.asked(), [url, "https://objects.example.com/1?signed=hush"]);
    assert_eq!(project.tree("vendor/tool")["tool"], "755 x");
}

#[test]
fn variants_by_platform() {
    let mut project = Project::new("");
    let linux = project.web.serve_npm("@x/linux", "1.0.0", &[("bin", "elf")]);
    let darwin = project.web.serve_npm("@x/darwin", "1.0.0", &[("bin", "mach")]);
    project.pins(&format!(
        "[pins.x]\nto = \"x\"\n\
         [pins.x.platform.linux-x64]\nnpm = \"@x/linux@1.0.0\"\nintegrity = \"{linux}\"\n\
         [pins.x.platform.darwin-arm64]\nnpm = \"@x/darwin@1.0.0\"\nintegrity = \"{darwin}\"\n"
    ));
    project.fetch_all();
    assert_eq!(project.web.asked(), ["https://npm.example.com/@x/linux/-/linux-1.0.0.tgz"]);
    assert_eq!(project.tree("x")["bin"], "644 elf");
    // The other platform's tree takes the place of this one's.
    project.platform = "darwin-arm64".parse().expect("a platform");
    assert_eq!(project.fetch().rows[0].status, "installed");
    assert_eq!(project.tree("x")["bin"], "644 mach");
    project.platform = "win32-x64".parse().expect("a platform");
    check("no-variant", &project, 2);
    assert_eq!(project.tree("x")["bin"], "644 mach");
}

// What a pin is.

#[test]
fn a_version_that_moved_while_its_integrity_did_not() {
    let project = left("");
    project.fetch_all();
    let (tree, pins) = (project.tree("vendor"), project.read("pins.toml"));
    project.pins(&pins.replace("left@1.0.0", "left@1.0.1"));
    project.web.asked();
    check("source-changed", &project, 1);
    assert_eq!(project.web.asked(), ["https://npm.example.com/left/-/left-1.0.1.tgz"]);
    assert_eq!(project.tree("vendor"), tree);
    // Without the record, what the package says of itself is left: it is still the old one.
    std::fs::remove_file(project.path(".pinfold/left.json")).expect("a record");
    assert_eq!(codes(&project.fetch()), ["package-version"]);
}

#[test]
fn a_package_that_is_not_the_pinned_one() {
    let check = |package_json: Option<&str>, more: &str, code: Option<&str>| {
        let project = Project::new("");
        let mut tar = Tar::default().file("package/lib/a.js", "a").file("package/tsconfig.json", "{}");
        if let Some(text) = package_json {
            tar = tar.file("package/package.json", text);
        }
        let package = tar.gz();
        project.web.serve("https://npm.example.com/left/-/left-1.0.0.tgz", package.clone());
        project.pins(&pin("left", LEFT, &integrity(&package), more));
        let report = project.fetch();
        assert_eq!(codes(&report), code.into_iter().collect::<Vec<_>>(), "{}", human(&report));
        assert_eq!(report.exit_code(), u8::from(code.is_some()));
        assert_eq!(project.exists("vendor/left"), code.is_none(), "{more}");
        assert_eq!(files_below(&project.path(".pinfold")).is_empty(), code.is_some());
        assert_eq!(files_below(&project.path("vendor")).is_empty(), code.is_some(), "the stage was left behind");
    };
    let right = r#"{"name":"left","version":"1.0.0"}"#;
    let name = r#"{"name":"right","version":"1.0.0"}"#;
    let version = r#"{"name":"left","version":"1.0.1"}"#;
    // package.json may be kept out of the tree, or elsewhere in it, and is looked at all the same.
    for more in ["", "include = [\"lib/**\"]", "exclude = [\"*.json\"]", "strip = 0"] {
        check(Some(right), more, None);
        check(Some(name), more, Some("package-name"));
        check(Some(version), more, Some("package-version"));
        check(None, more, Some("package-json-absent"));
    }
    check(Some("{}"), "", Some("package-json-missing"));
    check(Some("name: left"), "", Some("package-json"));
}

#[test]
fn frozen_takes_only_what_the_record_says() {
    let project = left("");
    check_with("frozen-no-record", &project, FROZEN, 1);
    assert!(!project.exists("vendor") && project.web.asked().is_empty());
    project.fetch_all();
    let record = project.read(".pinfold/left.json");

    // As recorded: unchanged, and installed again where the tree is gone.
    assert_eq!(project.try_fetch(FROZEN).expect("a report").rows[0].status, "unchanged");
    std::fs::remove_dir_all(project.path("vendor")).expect("a tree");
    assert_eq!(project.try_fetch(FROZEN).expect("a report").rows[0].status, "installed");
    assert_eq!(project.read(".pinfold/left.json"), record);

    // Another integrity, another layout.
    let (pins, tree) = (project.read("pins.toml"), project.tree("vendor"));
    let other = project.web.serve_npm("left", "1.0.0", &[("index.js", "export default 2;\n")]);
    project.pins(&pin("left", LEFT, &other, ""));
    check_with("frozen-other-integrity", &project, FROZEN, 1);
    project.pins(&(pins.clone() + "exclude = [\"*.js\"]\n"));
    check_with("frozen-other-layout", &project, FROZEN, 1);
    assert_eq!(project.tree("vendor"), tree);

    // A record with another file than the artifact has.
    project.pins(&pins);
    project.write(".pinfold/left.json", record.replace("\"index.js\"", "\"indez.js\""));
    check_with("frozen-other-files", &project, FROZEN, 1);
    assert_eq!(project.tree("vendor"), tree);
}

#[test]
fn a_tree_hash_is_held() {
    let zeros = format!("sha256-{}=", "A".repeat(43));
    let project = left(&format!("tree = \"{zeros}\""));
    let report = check("tree-mismatch", &project, 1);
    assert_eq!(files_below(&project.path("vendor")), [""; 0]);
    assert!(records(&project).is_empty());
    let received = report.rows[0].findings[0].received.clone().expect("a tree hash");

    let pins = project.read("pins.toml").replace(&zeros, &received);
    project.pins(&pins);
    project.fetch_all();
    assert_eq!(project.fetch().rows[0].status, "unchanged");
    // Patches are part of it, and a tree that was there stays.
    let tree = project.tree("vendor");
    project.pins(&(pins + "[[pins.left.patch]]\npath = \"index.js\"\ncontent = \"\"\n"));
    assert_eq!(codes(&project.fetch()), ["tree-mismatch"]);
    assert_eq!(project.tree("vendor"), tree);
}

// What becomes of the bytes.

#[test]
fn layouts() {
    let check = |more: &str, expected: &[&str]| {
        let archive = Tar::default()
            .file("top/lib/a.js", "a")
            .file("top/lib/a.js.map", "m")
            .executable("top/bin/run", "r")
            .file("top/tool", "t")
            .symlink("top/lib/b.js", "a.js")
            .folder("top/empty")
            .gz();
        let project = tool(&archive, more);
        project.web.serve(TOOL_URL, archive);
        project.fetch_all();
        let tree = project.tree("vendor/tool");
        let found: Vec<String> = tree.into_iter().map(|(path, what)| format!("{path} {what}").trim().into()).collect();
        assert_eq!(found, expected, "{more}");
        assert_eq!(project.fetch().rows[0].status, "unchanged", "{more}");
    };
    let all = ["bin/run 755 r", "empty/", "lib/a.js 644 a", "lib/a.js.map 644 m", "lib/b.js -> a.js", "tool 644 t"];
    check("strip = 1", &all);
    check("", &all.map(|line| format!("top/{line}")).each_ref().map(String::as_str));
    check("strip = 1\ninclude = [\"lib/*.js\"]", &["lib/a.js 644 a", "lib/b.js -> a.js"]);
    check("strip = 1\ninclude = [\"**\"]\nexclude = [\"**/*.map\", \"lib/b*\", \"empty\"]", &[all[0], all[2], all[5]]);
    check("strip = 1\ninclude = [\"tool\"]\nexecutable = [\"tool\"]", &["tool 755 t"]);
}

#[test]
fn a_layout_that_does_not_fit_refuses() {
    let check = |more: &str, code: &str| {
        let archive = Tar::default().file("top/a", "a").gz();
        let project = tool(&archive, more);
        project.web.serve(TOOL_URL, archive);
        assert_eq!(codes(&project.fetch()), [code], "{more}");
        assert!(files_below(&project.path("vendor")).is_empty(), "{more}");
    };
    check("strip = 2", "strip-too-few");
    check("include = [\"b\"]", "include-unmatched");
    check("exclude = [\"**\"]", "no-files");
    check("executable = [\"top/b\"]", "executable-unmatched");
    check("max-members = 1\nformat = \"zip\"", "format-disagrees");
    check("max-unpacked = 1\n[[pins.tool.patch]]\npath = \"top/b\"\ndelete = true", "patch-missing-file");
    let project = tool("no archive", "strip = 1");
    project.web.serve(TOOL_URL, "no archive");
    assert_eq!(codes(&project.fetch()), ["raw-layout"]);
}

#[test]
fn a_raw_file_may_be_executable() {
    for (more, mode) in [("", "644"), ("format = \"raw\"\nexecutable = true", "755"), ("format = \"raw\"", "644")] {
        let project = tool("#!", more);
        project.web.serve(TOOL_URL, "#!");
        project.fetch_all();
        assert_eq!(project.tree("vendor")["tool"], format!("{mode} #!"), "{more}");
        assert_eq!(project.fetch().rows[0].status, "unchanged");
    }
    // An archive is kept whole when that is said.
    let archive = Tar::default().file("a", "a").gz();
    let project = tool(&archive, "format = \"raw\"");
    project.web.serve(TOOL_URL, archive.clone());
    project.fetch_all();
    assert_eq!(std::fs::read(project.path("vendor/tool")).expect("a file"), archive);
}

const PATCHES: &str = "
[[pins.left.patch]]
path = \"content.js\"
content = \"new\"
[[pins.left.patch]]
path = \"replaced.js\"
replace-with = \"patches/replaced.js\"
[[pins.left.patch]]
path = \"deleted.js\"
delete = true
[[pins.left.patch]]
path = \"found.js\"
find = \"one\"
replace = \"two\"
count = 2
[[pins.left.patch]]
path = \"found.js\"
find = \"two three\"
replace = \"\"
";

/// A project with a pin that has a patch of each kind.
fn patched() -> Project {
    let project = Project::new("");
    let files = [
        ("content.js", "old"),
        ("deleted.js", "old"),
        ("found.js", "one one three."),
        ("other.js", "one"),
        ("replaced.js", "old"),
    ];
    let integrity = project.web.serve_npm("left", "1.0.0", &files);
    project.write("patches/replaced.js", "from a file");
    project.pins(&pin("left", LEFT, &integrity, PATCHES));
    project
}

#[test]
fn patches() {
    let project = patched();
    project.fetch_all();
    let mut tree = project.tree("vendor/left");
    tree.remove("package.json");
    let tree: Vec<(&str, &str)> = tree.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let replaced = ("replaced.js", "644 from a file");
    assert_eq!(tree, [("content.js", "644 new"), ("found.js", "644 two ."), ("other.js", "644 one"), replaced]);
    assert_eq!(project.fetch().rows[0].status, "unchanged");

    // A file that a pin is made of is part of the pin.
    project.write("patches/replaced.js", "changed");
    project.web.asked();
    assert_eq!(project.fetch().rows[0].status, "installed");
    assert!(project.web.asked().is_empty());
    assert_eq!(project.read("vendor/left/replaced.js"), "changed");
}

#[test]
fn patches_that_no_longer_apply_leave_the_old_tree() {
    let check = |from: &str, to: &str, name: &str| {
        let project = patched();
        project.fetch_all();
        let (tree, record, pins) = (project.tree("vendor"), records(&project), project.read("pins.toml"));
        assert!(pins.contains(from), "{from}");
        project.pins(&pins.replace(from, to));
        self::check(name, &project, 1);
        assert_eq!((project.tree("vendor"), records(&project)), (tree, record));
        assert_eq!(files_below(&project.path("vendor")).len(), 5, "the stage was left behind");
    };
    check("count = 2", "count = 3", "patch-count-more");
    check("count = 2", "count = 1", "patch-count-less");
    check("find = \"two three\"", "find = \"nowhere\"", "patch-count-none");
    check("path = \"deleted.js\"", "path = \"absent.js\"", "patch-missing-file");
}

#[test]
fn a_patch_of_something_that_is_no_file_refuses() {
    let archive = Tar::default().file("a", "a").symlink("link", "a").hard_link("hard", "a").folder("folder").gz();
    for (path, code) in [("link", "patch-not-a-file"), ("folder", "patch-not-a-file"), ("hard", "patch-hard-link")] {
        let project = tool(&archive, &format!("[[pins.tool.patch]]\npath = \"{path}\"\ncontent = \"\""));
        project.web.serve(TOOL_URL, archive.clone());
        assert_eq!(codes(&project.fetch()), [code]);
    }
    let project = patched();
    std::fs::remove_file(project.path("patches/replaced.js")).expect("a file");
    let report = project.fetch();
    assert_eq!((codes(&report), report.exit_code()), (vec!["disk"], 2));
    assert!(human(&report).contains("patches/replaced.js"));
}

// The tree and its place.

#[test]
fn a_link_on_the_way_to_the_place_refuses() {
    let project = left("");
    std::fs::create_dir(project.root().with_file_name("outside")).expect("a folder");
    symlink("../outside", project.path("vendor")).expect("a link");
    check("link-on-the-way", &project, 2);
    assert!(files_below(&project.root().with_file_name("outside")).is_empty());
    // Nor is a link followed that stays inside.
    std::fs::remove_file(project.path("vendor")).expect("a link");
    std::fs::create_dir(project.path("real")).expect("a folder");
    symlink("real", project.path("vendor")).expect("a link");
    assert_eq!(codes(&project.fetch()), ["disk"]);
    assert!(files_below(&project.path("real")).is_empty());
}

/// A project with a tree of some files in place.
fn with_files() -> Project {
    let project = Project::new("");
    let files = [("index.js", "12345"), ("lib/a.js", "a"), ("lib/b.js", "b")];
    let integrity = project.web.serve_npm("left", "1.0.0", &files);
    project.pins(&pin("left", LEFT, &integrity, ""));
    project.fetch_all();
    project
}

fn chmod(project: &Project, path: &str, mode: u32) {
    std::fs::set_permissions(project.path(path), std::fs::Permissions::from_mode(mode)).expect(path);
}

#[test]
fn what_is_nobodys_work_is_put_right() {
    let check = |what: &str, change: &dyn Fn(&Project), status: &str| {
        let project = with_files();
        let (tree, record) = (project.tree("vendor"), records(&project));
        change(&project);
        let report = project.fetch();
        assert_eq!((report.rows[0].status.as_str(), report.exit_code()), (status, 0), "{what}: {}", human(&report));
        assert_eq!(codes(&report).is_empty(), status != "restored", "{what}: {}", human(&report));
        assert_eq!((project.tree("vendor"), records(&project)), (tree, record), "{what}");
        assert_eq!(project.fetch().rows[0].status, "unchanged", "{what}");
    };
    check("nothing", &|_| {}, "unchanged");
    check("a touched file", &|project| touch(project, "vendor/left/index.js"), "unchanged");
    check("a file executable", &|project| chmod(project, "vendor/left/lib/b.js", 0o755), "restored");
    check("a file set-id", &|project| chmod(project, "vendor/left/lib/b.js", 0o4644), "restored");
    check("a file that all may write", &|project| chmod(project, "vendor/left/lib/b.js", 0o666), "restored");
    check("a folder that all may write", &|project| chmod(project, "vendor/left/lib", 0o777), "restored");
    check("the tree that all may write", &|project| chmod(project, "vendor/left", 0o777), "restored");
    // After a loss of power: empty, with the time that pinfold gave it.
    let emptied = |project: &Project| {
        let file = std::fs::File::create(project.path("vendor/left/index.js")).expect("a file");
        file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(315_532_800)).expect("a time");
    };
    check("a file that was never written", &emptied, "restored");
    check("no tree", &|project| std::fs::remove_dir_all(project.path("vendor")).expect("a tree"), "installed");
    let emptied = |project: &Project| {
        std::fs::remove_dir_all(project.path("vendor/left")).expect("a tree");
        std::fs::create_dir(project.path("vendor/left")).expect("a folder");
    };
    check("an empty folder", &emptied, "installed");
}

#[test]
fn an_empty_folder_that_a_checkout_did_not_keep_comes_back() {
    let archive = Tar::default().file("a", "1").member("plugins/none", b'5', 0o755, "", b"").gz();
    let project = tool(&archive, "format = \"tar.gz\"");
    project.web.serve(TOOL_URL, archive);
    project.fetch_all();
    let tree = project.tree("vendor");
    std::fs::remove_dir_all(project.path("vendor/tool/plugins")).expect("a folder");
    let report = project.fetch();
    assert_eq!((report.exit_code(), codes(&report)), (0, vec!["file-removed"]), "{}", human(&report));
    assert_eq!(project.tree("vendor"), tree);
}

#[test]
fn a_changed_tree_is_refused_and_nothing_is_touched() {
    let check = |what: &str, change: &dyn Fn(&Project), expected: &[&str]| {
        let project = with_files();
        let good = (project.tree("vendor"), records(&project));
        change(&project);
        let changed = (project.tree("vendor"), records(&project));
        // With all that is needed at hand, without, and by a release job.
        for conduct in [QUIET, OFFLINE, FROZEN] {
            let report = project.try_fetch(conduct).expect("a report");
            let codes = codes(&report);
            assert_eq!((report.exit_code(), codes[0]), (1, "tree-changed"), "{what}: {}", human(&report));
            assert_eq!(codes[1..], *expected, "{what}: {}", human(&report));
            assert_eq!((project.tree("vendor"), records(&project)), changed, "{what}");
        }
        let store = project.store_folder();
        std::fs::rename(&store, store.with_extension("away")).expect("a store");
        let report = project.try_fetch(OFFLINE).expect("a report");
        assert_eq!((report.exit_code(), codes(&report)[0]), (1, "tree-changed"), "{what}: {}", human(&report));
        std::fs::remove_dir_all(&store).expect("an empty store");
        std::fs::rename(store.with_extension("away"), &store).expect("a store");

        let report = project.try_fetch(Conduct { restore: true, ..FROZEN }).expect("a report");
        assert_eq!((report.rows[0].status.as_str(), report.exit_code()), ("restored", 0), "{what}: {}", human(&report));
        let codes = codes(&report);
        assert_eq!((codes[0], &codes[1..]), ("tree-restored", expected), "{what}: {}", human(&report));
        assert_eq!((project.tree("vendor"), records(&project)), good, "{what}");
        assert_eq!(project.fetch().rows[0].status, "unchanged", "{what}");
    };
    let remove = |project: &Project, path: &str| std::fs::remove_file(project.path(path)).expect(path);
    let edit = |text: &'static str| move |project: &Project| project.write("vendor/left/index.js", text);
    check("an edit of the same size", &edit("54321"), &["file-changed"]);
    check("an edit of another size", &edit("1234"), &["file-changed"]);
    check("a file that was emptied", &edit(""), &["file-changed"]);
    check("a file more", &|project| project.write("vendor/left/c.js", ""), &["file-added"]);
    check("a file more below", &|project| project.write("vendor/left/lib/c.js", ""), &["file-added"]);
    check(
        "a folder more",
        &|project| std::fs::create_dir(project.path("vendor/left/x")).expect("new"),
        &["file-added"],
    );
    check("a file less", &|project| remove(project, "vendor/left/lib/b.js"), &["file-removed"]);
    let several = |project: &Project| {
        remove(project, "vendor/left/lib/a.js");
        project.write("vendor/left/lib/c.js", "mine");
        project.write("vendor/left/index.js", "mine");
    };
    check("several at once", &several, &["file-changed", "file-removed", "file-added"]);
    let to_link = |project: &Project| {
        std::fs::rename(project.path("vendor/left/lib/b.js"), project.path("b.js")).expect("a file");
        symlink("../../../b.js", project.path("vendor/left/lib/b.js")).expect("a link");
    };
    check("a file as a link to its copy", &to_link, &["file-kind"]);
    let to_link = |project: &Project| {
        std::fs::rename(project.path("vendor/left/lib"), project.path("lib")).expect("a folder");
        symlink("../../lib", project.path("vendor/left/lib")).expect("a link");
    };
    check("a folder as a link to its copy", &to_link, &["file-added", "file-removed", "file-removed"]);
    let to_file = |project: &Project| {
        std::fs::remove_dir_all(project.path("vendor/left")).expect("a tree");
        project.write("vendor/left", "mine");
    };
    check("a file in place of the tree", &to_file, &["file-kind"]);
}

#[test]
fn every_path_that_was_changed_is_named() {
    let project = with_files();
    for number in 10..40 {
        project.write(&format!("vendor/left/mine/{number}.txt"), "mine");
    }
    for restore in [false, true] {
        let report = project.try_fetch(Conduct { restore, ..QUIET }).expect("a report");
        let text = render::report(&report, &Style::default());
        for number in 10..40 {
            assert!(text.contains(&format!("`vendor/left/mine/{number}.txt` was added")), "{text}");
        }
    }
    assert!(!project.exists("vendor/left/mine"));
}

#[test]
fn work_in_a_tree_survives_a_pin_that_moves() {
    let project = with_files();
    project.write("vendor/left/notes.txt", "mine");
    let other = project.web.serve_npm("left", "2.0.0", &[("index.js", "2")]);
    project.pins(&pin("left", "npm = \"left@2.0.0\"", &other, ""));
    let before = (project.tree("vendor"), records(&project));
    let report = check("changed-and-moved", &project, 1);
    assert_eq!(codes(&report), ["tree-changed", "file-added"]);
    assert_eq!((project.tree("vendor"), records(&project)), before);
    // Nor is it in the way of what is the pinned tree already, as a checkout brings it.
    let moved = Project::new(&pin("left", "npm = \"left@2.0.0\"", &other, ""));
    moved.web.serve_npm("left", "2.0.0", &[("index.js", "2")]);
    moved.fetch_all();
    let right = moved.tree("vendor");
    let report = project.try_fetch(Conduct { restore: true, ..QUIET }).expect("a report");
    assert_eq!((report.exit_code(), codes(&report)), (0, vec!["tree-restored", "file-added"]));
    assert_eq!(project.tree("vendor"), right);

    let old = with_files();
    old.pins(&pin("left", "npm = \"left@2.0.0\"", &other, ""));
    old.web.serve_npm("left", "2.0.0", &[("index.js", "2")]);
    std::fs::remove_dir_all(old.path("vendor/left")).expect("a tree");
    old.write("vendor/left/index.js", "2");
    old.write("vendor/left/package.json", project.read("vendor/left/package.json"));
    assert_eq!(old.fetch().rows[0].status, "adopted");
    assert_eq!(old.tree("vendor"), right);
    // And an old tree that nobody touched goes as it always did.
    let old = with_files();
    old.pins(&pin("left", "npm = \"left@2.0.0\"", &other, ""));
    old.web.serve_npm("left", "2.0.0", &[("index.js", "2")]);
    let report = old.fetch();
    assert_eq!((report.rows[0].status.as_str(), codes(&report)), ("installed", vec![]), "{}", human(&report));
    assert_eq!(old.tree("vendor"), right);
}

#[test]
fn a_change_in_one_tree_keeps_no_other_from_its_place() {
    let project = with_files();
    let other = project.web.serve_npm("right", "1.0.0", &[("index.js", "1")]);
    project.pins(&(project.read("pins.toml") + &pin("right", "npm = \"right@1.0.0\"", &other, "")));
    project.write("vendor/left/index.js", "mine");
    let report = project.fetch();
    let statuses: Vec<&str> = report.rows.iter().map(|row| row.status.as_str()).collect();
    assert_eq!((report.exit_code(), statuses), (1, vec!["refused", "installed"]), "{}", human(&report));
    // What is restored is what was named.
    project.write("vendor/right/index.js", "mine");
    let options = fetch::Options { pins: vec!["left".to_owned()], conduct: Conduct { restore: true, ..QUIET } };
    let report = project.with(&Silent, |ctx| fetch::run(ctx, &options)).expect("a report");
    assert_eq!(report.exit_code(), 0, "{}", human(&report));
    assert_eq!(
        (project.read("vendor/left/index.js"), project.read("vendor/right/index.js")),
        ("12345".into(), "mine".into())
    );
}

// What programs write into trees.

/// A project with a tree whose pin ignores what Python writes; two files of the artifact look like that too.
fn ignoring(more: &str) -> Project {
    let archive = Tar::default()
        .file("lib/a.py", "a\n")
        .file("lib/__pycache__/pinned.pyc", "pinned\n")
        .member("cache", b'5', 0o755, "", b"")
        .gz();
    let ignore = "format = \"tar.gz\"\nignore = [\"**/__pycache__/**\", \"cache/**\", \"*.log\"]\n";
    let project = tool(&archive, &format!("{ignore}{more}"));
    project.web.serve(TOOL_URL, archive);
    project.fetch_all();
    project
}

fn run_something(project: &Project) {
    project.write("vendor/tool/lib/__pycache__/a.pyc", "made\n");
    project.write("vendor/tool/__pycache__/deep/er.pyc", "made\n");
    project.write("vendor/tool/cache/one", "made\n");
    project.write("vendor/tool/run.log", "made\n");
    std::fs::create_dir_all(project.path("vendor/tool/new/__pycache__")).expect("a folder");
    chmod(project, "vendor/tool/__pycache__", 0o777);
}

#[test]
fn what_programs_write_is_told_and_keeps_nobody_from_anything() {
    let project = ignoring("");
    assert_eq!(codes(&project.fetch()), [""; 0]);
    run_something(&project);
    let tree = project.tree("vendor");
    let report = check("ignored", &project, 0);
    assert_eq!((report.rows[0].status.as_str(), codes(&report)), ("unchanged", vec!["paths-ignored"]));
    assert_eq!(project.tree("vendor"), tree, "it stays");
    let told = |report: &Report| report.rows[0].findings[0].message.clone();
    assert_eq!(told(&report), "5 ignored paths, not verified");
    // By record, by the artifact, and by the tree hash.
    let verified = project.verify();
    assert_eq!((verified.exit_code(), told(&verified)), (0, told(&report)), "{}", human(&verified));
    assert!(verified.rows[0].detail.starts_with("3 files"), "{}", human(&verified));
    std::fs::remove_dir_all(project.path(".pinfold")).expect("records");
    let verified = project.verify();
    assert_eq!((verified.exit_code(), told(&verified)), (0, told(&report)), "{}", human(&verified));
    // Without a record it is adopted as it is.
    assert_eq!(project.fetch().rows[0].status, "adopted");
    assert_eq!(project.tree("vendor"), tree);
    // It is generated: when the tree is exchanged, it goes.
    project.write("vendor/tool/lib/a.py", "mine\n");
    let restored = project.try_fetch(Conduct { restore: true, ..QUIET }).expect("a report");
    assert_eq!(codes(&restored), ["tree-restored", "file-changed"]);
    assert!(!project.exists("vendor/tool/run.log") && !project.exists("vendor/tool/lib/__pycache__/a.pyc"));
}

#[test]
fn what_is_ignored_is_never_what_is_pinned() {
    let check = |what: &str, change: &dyn Fn(&Project), expected: &str| {
        let project = ignoring("");
        run_something(&project);
        change(&project);
        let (report, verified) = (project.fetch(), project.verify());
        assert_eq!((report.exit_code(), codes(&report)), (1, vec!["tree-changed", expected]), "{what}");
        let found = codes(&verified);
        assert_eq!((verified.exit_code(), found[0]), (1, expected), "{what}: {}", human(&verified));
        // Nor by a record that lost it.
        std::fs::remove_dir_all(project.path(".pinfold")).expect("records");
        let verified = project.verify();
        assert_eq!((verified.exit_code(), codes(&verified)[0]), (1, expected), "{what}: {}", human(&verified));
        let report = project.fetch();
        match expected {
            // What is there is a part of what is pinned.
            "file-removed" => assert_eq!((report.exit_code(), project.verify().exit_code()), (0, 0), "{what}"),
            _ => assert_eq!((report.exit_code(), codes(&report)), (1, vec!["not-ours", expected]), "{what}"),
        }
    };
    let pinned = "vendor/tool/lib/__pycache__/pinned.pyc";
    check("changed", &|project| project.write(pinned, "PINNED\n"), "file-changed");
    check("removed", &|project| std::fs::remove_file(project.path(pinned)).expect("a file"), "file-removed");
    check("not ignored", &|project| project.write("vendor/tool/lib/b.py", "mine\n"), "file-added");
    check("not ignored, beside", &|project| project.write("vendor/tool/lib/run.log", "mine\n"), "file-added");
    let pipe = |project: &Project| {
        let made = std::process::Command::new("mkfifo").arg(project.path("vendor/tool/pipe")).status();
        assert!(made.expect("mkfifo").success());
    };
    check("a pipe", &pipe, "file-odd");
}

#[test]
fn a_tree_hash_is_of_the_pinned_paths() {
    let zeros = format!("sha256-{}=", "A".repeat(43));
    let archive = Tar::default().file("lib/a.py", "a\n").file("lib/__pycache__/pinned.pyc", "pinned\n").gz();
    let project = tool(&archive, &format!("tree = \"{zeros}\"\nignore = [\"**/__pycache__/**\"]"));
    project.web.serve(TOOL_URL, archive);
    let tree = project.fetch().rows[0].findings[0].received.clone().expect("a tree hash");
    project.pins(&project.read("pins.toml").replace(&zeros, &tree));
    project.fetch_all();
    project.write("vendor/tool/lib/__pycache__/a.pyc", "made\n");
    let records = records(&project);
    for with_record in [true, false] {
        if !with_record {
            std::fs::remove_dir_all(project.path(".pinfold")).expect("records");
        }
        let verified = project.verify();
        assert_eq!((verified.exit_code(), codes(&verified)), (0, vec!["paths-ignored"]), "{}", human(&verified));
        assert!(verified.rows[0].detail.contains("by tree hash"), "{}", human(&verified));
        project.write("vendor/tool/lib/a.py", "b\n");
        assert_eq!(project.verify().exit_code(), 1);
        project.write("vendor/tool/lib/a.py", "a\n");
    }
    // A record that leaves a pinned file out hides no change of it.
    let (name, text) = &records[0];
    let lost: String =
        text.lines().filter(|line| !line.contains("pinned.pyc")).map(|line| format!("{line}\n")).collect();
    project.write(&format!(".pinfold/{name}"), lost.replace("},\n  ]", "}\n  ]"));
    project.write("vendor/tool/lib/__pycache__/pinned.pyc", "PINNED\n");
    let verified = project.verify();
    assert_eq!(verified.exit_code(), 1, "{}", human(&verified));
}

#[test]
fn modes_and_times_are_fixed_whatever_the_umask() {
    let archive = Tar::default()
        .member("a/run", b'0', 0o750, "", b"r")
        .member("a/text", b'0', 0o600, "", b"t")
        .member("a/b/open", b'0', 0o666, "", b"o")
        .member("empty", b'5', 0o700, "", b"")
        .symlink("link", "a/text")
        .gz();
    let look = |umask: &str| {
        let project = Project::new("");
        project.write("tool.tar.gz", &archive);
        project.write("raw.bin", "raw");
        let raw = pin("raw", "file = \"raw.bin\"", &integrity(b"raw"), "format = \"raw\"\nexecutable = true");
        project.pins(&(pin("tool", "file = \"tool.tar.gz\"", &integrity(&archive), "") + &raw));
        let pinfold = project.command();
        let mut shell = std::process::Command::new("sh");
        shell.arg("-c").arg(format!("umask {umask}; exec \"$0\" fetch -q")).arg(pinfold.get_program());
        shell.current_dir(project.root()).env_clear().env("PATH", "/usr/bin:/bin");
        shell.envs(pinfold.get_envs().filter_map(|(name, value)| value.map(|value| (name, value))));
        assert!(shell.status().expect("a shell").success());
        let paths = ["tool", "tool/a", "tool/a/run", "tool/a/text", "tool/a/b", "tool/a/b/open", "tool/empty", "raw"];
        paths.map(|path| {
            let metadata = project.path(&format!("vendor/{path}")).metadata().expect(path);
            (path, format!("{:o}", metadata.mode() & 0o7777), metadata.mtime(), metadata.mtime_nsec())
        })
    };
    // 1980-01-01T00:00:00Z
    let fixed = |path, mode: &str| (path, mode.to_owned(), 315_532_800, 0);
    let expected = [
        fixed("tool", "755"),
        fixed("tool/a", "755"),
        fixed("tool/a/run", "755"),
        fixed("tool/a/text", "644"),
        fixed("tool/a/b", "755"),
        fixed("tool/a/b/open", "644"),
        fixed("tool/empty", "755"),
        fixed("raw", "755"),
    ];
    for umask in ["077", "022", "000", "027"] {
        assert_eq!(look(umask), expected, "{umask}");
    }
}

// Records.

#[test]
fn a_record_of_a_newer_pinfold_is_not_guessed_at() {
    let project = left("");
    project.fetch_all();
    let tree = project.tree("vendor");
    project.write(".pinfold/left.json", "{\"schema\": \"pinfold/record/v9\"}");
    check("record-malformed", &project, 2);
    assert_eq!(project.tree("vendor"), tree);
}

#[test]
fn a_damaged_record_is_written_anew() {
    let project = left("");
    project.fetch_all();
    let (tree, record) = (project.tree("vendor"), project.read(".pinfold/left.json"));
    let conflict = format!("<<<<<<< ours\n{record}=======\n{record}>>>>>>> theirs\n");
    for damaged in ["", "{}", "\0\0\0", &record[..record.len() / 2], conflict.as_str()] {
        project.write(".pinfold/left.json", damaged);
        let verified = project.verify();
        assert_eq!((verified.exit_code(), codes(&verified)), (2, vec!["record-malformed"]), "{damaged}");
        let frozen = project.try_fetch(FROZEN).expect("a report");
        assert_eq!((frozen.exit_code(), codes(&frozen)), (2, vec!["record-malformed"]), "{damaged}");
        for conduct in [QUIET, OFFLINE] {
            project.write(".pinfold/left.json", damaged);
            let report = project.try_fetch(conduct).expect("a report");
            assert_eq!((report.exit_code(), codes(&report)), (0, vec!["record-malformed"]), "{}", human(&report));
            assert_eq!((project.tree("vendor"), project.read(".pinfold/left.json")), (tree.clone(), record.clone()));
        }
        // Nor does it make anybody's work pinfold's own.
        project.write(".pinfold/left.json", damaged);
        project.write("vendor/left/mine.txt", "mine");
        assert_eq!(codes(&project.fetch()), ["not-ours", "file-added"], "{damaged}");
        std::fs::remove_file(project.path("vendor/left/mine.txt")).expect("a file");
    }
    check("record-damaged", &project, 0);
}

#[test]
fn what_a_killed_run_left_is_swept_whatever_comes_next() {
    let stages = ["vendor/.left.pinfold-new/a", "vendor/.left.pinfold-new-old/a"];
    let left_over = |project: &Project| stages.iter().any(|stage| project.exists(stage));
    let leave = |project: &Project| stages.iter().for_each(|stage| project.write(stage, "refused"));
    let project = left("");
    project.fetch_all();
    leave(&project);
    let verified = project.verify();
    assert_eq!((verified.exit_code(), codes(&verified)), (0, vec!["leftover"]), "{}", human(&verified));
    assert!(left_over(&project), "verify writes nothing");
    assert_eq!(project.fetch().rows[0].status, "unchanged");
    assert!(!left_over(&project));
    // Also where the pin has moved since, or is gone, or another one is fetched.
    leave(&project);
    let pins = project.read("pins.toml");
    project.pins(&pins.replace("vendor/left", "moved/left"));
    project.fetch_all();
    assert!(!left_over(&project));
    project.pins(&pins);
    project.fetch_all();
    leave(&project);
    project.pins(&pins.replace("[pins.left]", "[pins.other]").replace("vendor/left", "vendor/other"));
    project.fetch_all();
    assert!(!left_over(&project));
    // A record whose tree did not come: it is of nothing.
    for text in ["", "{}", &project.read(".pinfold/other.json").replace("vendor/other", "vendor/none")] {
        project.write(".pinfold/.other.json.pinfold-new", text);
        project.write(".pinfold/.gone.json.pinfold-new", text);
        assert_eq!(project.fetch().rows[0].status, "unchanged");
        assert_eq!(files_below(&project.path(".pinfold")), ["left.json", "other.json"], "{text}");
    }
    // And one whose tree did.
    let record = project.read(".pinfold/other.json");
    std::fs::rename(project.path(".pinfold/other.json"), project.path(".pinfold/.other.json.pinfold-new"))
        .expect("a file");
    assert_eq!(project.fetch().rows[0].status, "unchanged");
    assert_eq!(project.read(".pinfold/other.json"), record);
}

#[test]
fn what_no_pin_holds_any_more_is_told() {
    let project = left("");
    project.fetch_all();
    let pins = project.read("pins.toml");
    project.pins(&pins.replace("vendor/left", "moved/left"));
    check("orphan-tree", &project, 0);
    assert!(project.exists("vendor/left") && project.exists("moved/left"));
    // It is told once: the record knows only the new place.
    project.pins(&pins.replace("vendor/left", "moved/left").replace("[pins.left]", "[pins.right]"));
    std::fs::remove_dir_all(project.path("moved")).expect("a tree");
    check("orphan-record", &project, 0);
    assert!(project.exists(".pinfold/left.json") && project.exists(".pinfold/right.json"));
}

#[test]
fn a_pin_file_without_pins_is_no_success() {
    let error = Project::new("").try_fetch(QUIET).expect_err("no pins");
    assert_eq!(error.code(), "no-pins", "{error}");
}

#[test]
fn a_frozen_fetch_changes_no_record() {
    let project = Project::new("");
    let integrity = project.web.serve_npm("left", "1.0.0", &[("index.js", "1")]);
    project.pins(&pin("left", "npm = \"left@1.0.0\"", &integrity, ""));
    project.fetch_all();
    let record = project.read(".pinfold/left.json");
    let at = record.find("\"size\": ").expect("the artifact's size") + 8;
    let false_record = format!("{}1{}", &record[..at], &record[at..]);
    project.write(".pinfold/left.json", &false_record);
    std::fs::remove_dir_all(project.path("vendor/left")).expect("a tree");
    let report = project.try_fetch(Conduct { frozen: true, ..QUIET }).expect("a report");
    assert_eq!((report.exit_code(), codes(&report)), (1, vec!["frozen"]), "{}", human(&report));
    assert_eq!(project.read(".pinfold/left.json"), false_record);
    assert!(!project.exists("vendor/left"));
}

#[test]
fn the_limits_of_a_pin_hold_wherever_package_json_is_looked_for() {
    let mut tar = Tar::default().file("package/package.json", "{\"name\":\"left\",\"version\":\"1.0.0\"}");
    tar = tar.file("package/index.js", "1");
    for number in 0..200_000 {
        tar = tar.folder(&format!("package/d/{number}"));
    }
    let package = tar.gz();
    let project = Project::new("");
    let keys = "exclude = [\"package.json\", \"d/**\"]\nmax-members = 300000";
    project.pins(&pin("left", "npm = \"left@1.0.0\"", &integrity(&package), keys));
    project.web.serve("https://npm.example.com/left/-/left-1.0.0.tgz", package);
    project.fetch_all();
    assert_eq!(project.tree("vendor/left").into_keys().collect::<Vec<_>>(), ["index.js"]);
}
