//! `pinfold verify`: what a tree is held against, and how each way to differ is named.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use pinfold::report::Report;

use crate::render::{self, Style};
use crate::support::{Project, Tar, both, codes, files_below, human, integrity, pin};

/// Verifies, and holds the exit code and both reports to what was seen before.
fn check(name: &str, project: &Project, code: u8) -> Report {
    let report = project.verify();
    insta::assert_snapshot!(name, both(project, &report));
    assert_eq!(report.exit_code(), code, "{}", human(&report));
    assert!(project.web.asked().is_empty(), "verify asks nobody");
    report
}

const LEFT: &str = "npm = \"left@1.0.0\"";

/// A project with the npm pin `left` in place, and with `more` in its table; nothing was asked for since.
fn left(more: &str) -> Project {
    let project = Project::new("");
    let files = [("bin/run", "#!"), ("index.js", "12345"), ("lib/a.js", "a"), ("lib/b.js", "b")];
    let integrity = project.web.serve_npm("left", "1.0.0", &files);
    project.pins(&pin("left", LEFT, &integrity, &format!("executable = [\"bin/run\"]\n{more}")));
    project.fetch_all();
    project.web.asked();
    project
}

/// As [`left`], with the tree hash in the pin; the record was made under it.
fn left_with_tree() -> (Project, String) {
    let zeros = format!("sha256-{}=", "A".repeat(43));
    let project = left("");
    let pins = project.read("pins.toml");
    project.pins(&(pins.clone() + &format!("tree = \"{zeros}\"\n")));
    let tree = project.fetch().rows[0].findings[0].received.clone().expect("a tree hash");
    project.pins(&(pins + &format!("tree = \"{tree}\"\n")));
    project.fetch_all();
    project.web.asked();
    (project, tree)
}

fn forget_store(project: &Project) {
    std::fs::remove_dir_all(project.store_folder()).expect("a store");
}

fn forget_records(project: &Project) {
    std::fs::remove_dir_all(project.path(".pinfold")).expect("records");
}

fn chmod(project: &Project, path: &str, mode: u32) {
    std::fs::set_permissions(project.path(path), std::fs::Permissions::from_mode(mode)).expect(path);
}

fn remove(project: &Project, path: &str) {
    std::fs::remove_file(project.path(path)).expect(path);
}

// What a tree is held against.

#[test]
fn by_the_strongest_thing_that_there_is() {
    let (project, _) = left_with_tree();
    check("by-tree-hash", &project, 0);
    forget_store(&project);
    forget_records(&project);
    check("by-tree-hash-alone", &project, 0);

    let project = left("");
    check("by-artifact", &project, 0);
    forget_records(&project);
    check("by-artifact-alone", &project, 0);

    let project = left("");
    forget_store(&project);
    check("by-record", &project, 0);
    forget_records(&project);
    check("unverifiable", &project, 3);
}

#[test]
fn verifying_writes_nothing() {
    let look = |project: &Project| (files_below(&project.root()), files_below(&project.store_folder()));
    let project = left("");
    let before = look(&project);
    project.verify();
    assert_eq!(look(&project), before);
    forget_store(&project);
    forget_records(&project);
    project.verify();
    assert!(!project.store_folder().exists() && !project.exists(".pinfold"));
}

#[test]
fn files_of_the_project_and_raw_files() {
    let project = Project::new("");
    project.write("tool.bin", "tool");
    project.pins(&pin("tool", "file = \"tool.bin\"", &integrity(b"tool"), ""));
    project.fetch_all();
    forget_records(&project);
    check("by-file", &project, 0);
    project.write("vendor/tool", "evil");
    check("raw-changed", &project, 1);
    project.write("vendor/tool", "tool");
    project.write("tool.bin", "loot");
    assert_eq!(codes(&project.verify()), ["integrity-mismatch"]);
}

#[test]
fn a_rotten_artifact_is_nothing_to_hold_a_tree_against() {
    let project = left("");
    for name in
        files_below(&project.store_folder()).iter().filter(|name| name.starts_with("sha512") && !name.contains('.'))
    {
        std::fs::write(project.store_folder().join(name), "mouldy").expect("a blob");
    }
    let report = project.verify();
    assert!(report.rows[0].detail.ends_with("by record"), "{}", human(&report));
}

// How trees differ.

#[test]
fn names_each_way_to_differ() {
    let (tree_hash, _) = left_with_tree();
    let artifact = left("");
    let record = left("");
    forget_store(&record);
    for project in [&tree_hash, &artifact, &record] {
        let tree = "vendor/left";
        project.write("vendor/left/added.js", "new");
        project.write("vendor/left/index.js", "54321");
        remove(project, "vendor/left/lib/a.js");
        chmod(project, "vendor/left/bin/run", 0o644);
        chmod(project, "vendor/left/package.json", 0o755);
        remove(project, "vendor/left/lib/b.js");
        symlink("a.js", project.path(tree).join("lib/b.js")).expect("a link");
        std::fs::create_dir(project.path(tree).join("empty")).expect("a folder");
        check("each-way-to-differ", project, 1);
    }
}

#[test]
fn what_no_tree_of_ours_has() {
    let project = left("");
    chmod(&project, "vendor/left/bin/run", 0o4755);
    chmod(&project, "vendor/left/index.js", 0o646);
    chmod(&project, "vendor/left/lib", 0o1755);
    project.write("vendor/left/back\\slash", "");
    let name = std::os::unix::ffi::OsStrExt::from_bytes(b"vendor/left/\xff");
    std::fs::write(project.root().join::<&std::ffi::OsStr>(name), "").expect("a file");
    let _socket = std::os::unix::net::UnixListener::bind(project.path("vendor/left/socket")).expect("a socket");
    check("odd", &project, 1);
}

/// Shown as text, the name of the file that was added is the name of the one that belongs there.
#[test]
fn a_name_that_only_looks_like_one_of_ours() {
    for hash in [true, false] {
        let archive = Tar::default().file("a/\u{fffd}", "good").gz();
        let project = Project::new("");
        project.write("in.tar.gz", &archive);
        project.pins(&pin("x", "file = \"in.tar.gz\"", &integrity(&archive), ""));
        project.fetch_all();
        if hash {
            let pins = project.read("pins.toml");
            let zeros = format!("{pins}tree = \"sha256-{}=\"\n", "A".repeat(43));
            project.pins(&zeros);
            let tree = project.verify().rows[0].findings.iter().find_map(|finding| finding.received.clone());
            project.pins(&format!("{pins}tree = \"{}\"\n", tree.expect("a tree hash")));
            project.fetch_all();
        }
        assert_eq!(project.verify().exit_code(), 0);
        std::fs::write(project.path("vendor/x/a").join(OsStr::from_bytes(b"\xff")), "evil").expect("a file");
        let report = project.verify();
        assert_eq!(report.exit_code(), 1, "{}", human(&report));
        assert!(codes(&report).contains(&"file-odd"), "{}", human(&report));
    }
}

#[test]
fn bits_that_a_checkout_may_set_are_no_difference() {
    let project = left("");
    chmod(&project, "vendor/left/index.js", 0o664);
    chmod(&project, "vendor/left/lib", 0o775);
    assert_eq!(project.verify().exit_code(), 0);
}

#[test]
fn a_tree_that_is_something_else() {
    let check = |change: &dyn Fn(&Project), expected: &[&str]| {
        let project = left("");
        std::fs::rename(project.path("vendor/left"), project.path("elsewhere")).expect("a tree");
        change(&project);
        let report = project.verify();
        assert_eq!((codes(&report), report.exit_code()), (expected.to_vec(), 1), "{}", human(&report));
    };
    check(&|_| {}, &["tree-absent"]);
    check(&|project| std::fs::remove_dir(project.path("vendor")).expect("a folder"), &["tree-absent"]);
    check(&|project| project.write("vendor/left", "a file"), &["file-kind"]);
    // The right files behind a link are not the tree.
    let removed = ["file-odd", "file-removed", "file-removed", "file-removed", "file-removed", "file-removed"];
    check(&|project| symlink("../elsewhere", project.path("vendor/left")).expect("a link"), &removed);
}

#[test]
fn absent_trees_are_named() {
    let project = left("");
    std::fs::remove_dir_all(project.path("vendor")).expect("a tree");
    check("tree-absent", &project, 1);
}

#[test]
fn links_are_held_to_their_targets() {
    let project = Project::new("");
    let archive = Tar::default().file("a", "a").file("b", "b").symlink("link", "a").folder("empty").gz();
    project.write("tool.tar.gz", &archive);
    project.pins(&pin("tool", "file = \"tool.tar.gz\"", &integrity(&archive), ""));
    project.fetch_all();
    assert_eq!(project.verify().exit_code(), 0);
    remove(&project, "vendor/tool/link");
    symlink("b", project.path("vendor/tool/link")).expect("a link");
    std::fs::remove_dir(project.path("vendor/tool/empty")).expect("a folder");
    check("link-changed", &project, 1);
}

#[test]
fn many_findings_are_cut_unless_all_are_asked_for() {
    let project = left("");
    for number in 10..22 {
        project.write(&format!("vendor/left/{number}.js"), "");
    }
    let report = project.verify();
    let text = human(&report);
    insta::assert_snapshot!(text);
    assert_eq!(text.matches("was added").count(), 10);
    let all = render::report(&report, &Style { verbose: true, ..Style::default() });
    assert_eq!((all.matches("was added").count(), all.contains("more")), (12, false));
    assert_eq!(report.to_json().matches("file-added").count(), 12);
}

// Records are claims.

#[test]
fn a_record_that_lists_other_files_is_false() {
    let (with_hash, _) = left_with_tree();
    let with_artifact = left("");
    for project in [&with_hash, &with_artifact] {
        let record = project.read(".pinfold/left.json");
        project.write(".pinfold/left.json", record.replace("\"index.js\"", "\"indez.js\""));
        check("record-false", project, 1);
    }
    // A record that was changed along with the tree is refuted by the artifact, and so is the tree.
    let project = left("");
    let record = project.read(".pinfold/left.json");
    let line = record.lines().find(|line| line.contains("lib/b.js")).expect("a line").to_owned() + "\n";
    project.write(".pinfold/left.json", record.replace(line.as_str(), ""));
    remove(&project, "vendor/left/lib/b.js");
    let report = project.verify();
    assert!(codes(&report).contains(&"file-removed"), "{}", human(&report));
}

#[test]
fn a_record_of_another_pin_is_stale() {
    let check = |from: &str, to: &str, expected: &str| {
        let project = left("");
        let pins = project.read("pins.toml");
        assert!(pins.contains(from), "{from}");
        project.pins(&pins.replace(from, to));
        let report = project.verify();
        let finding = &report.rows[0].findings[0];
        assert_eq!(finding.code, "record-stale", "{}", human(&report));
        assert!(finding.message.ends_with(expected), "{}", finding.message);
        assert_eq!(report.exit_code(), 1);
    };
    check("left@1.0.0", "left@1.0.1", "the record has another source");
    check("executable = [\"bin/run\"]", "", "the record has another layout or other patches");
    check("\nexecutable", "\nexclude = [\"x\"]\nexecutable", "the record has another layout or other patches");
    check("\nexecutable", "\nsize = 1\nexecutable", "the record has another size");
    let project = left("");
    let pins = project.read("pins.toml");
    let other = integrity(b"another artifact");
    let start = pins.find("sha512-").expect("an integrity");
    project.pins(&pins.replace(&pins[start..start + other.len()], &other));
    self::check("record-stale", &project, 1);
    // The tree of another version is not taken for this one's only because it is as its record says.
    forget_store(&project);
    assert_eq!(project.verify().exit_code(), 1);
    // Nor does the old record say what belongs there now.
    project.write("vendor/left/index.js", "54321");
    assert_eq!(codes(&project.verify()), ["record-stale"]);
}

#[test]
fn a_moved_pin_has_no_tree() {
    let project = left("");
    project.pins(&project.read("pins.toml").replace("vendor/left", "moved/left"));
    assert_eq!(codes(&project.verify()), ["tree-absent"]);
}

#[test]
fn a_size_that_the_artifact_does_not_have() {
    let project = left("");
    let pins = project.read("pins.toml");
    project.pins(&(pins + "size = 1\n"));
    forget_records(&project);
    let report = project.verify();
    assert_eq!((report.exit_code(), codes(&report)), (1, vec!["size-mismatch"]), "{}", human(&report));
}

#[test]
fn a_tree_hash_of_another_tree() {
    // Nothing differs from the artifact, so it is the pin that is wrong.
    let (project, tree) = left_with_tree();
    let other = format!("sha256-{}=", "A".repeat(43));
    project.pins(&project.read("pins.toml").replace(&tree, &other));
    forget_records(&project);
    check("tree-mismatch", &project, 1);
    // And without anything that could name files.
    forget_store(&project);
    check("tree-mismatch", &project, 1);
    // The tree differs, and nothing is left that could name the files.
    project.pins(&project.read("pins.toml").replace(&other, &tree));
    project.write("vendor/left/index.js", "54321");
    assert_eq!(codes(&project.verify()), ["tree-mismatch"]);
}

#[test]
fn a_malformed_record_is_no_verdict() {
    let project = left("");
    project.write(".pinfold/left.json", "{}");
    check("record-malformed", &project, 2);
    // Nor does it hide what can be said without it.
    project.write("vendor/left/index.js", "54321");
    check("record-malformed-and-changed", &project, 1);
}

#[test]
fn what_is_refuted_stays_refuted_whatever_else_fails() {
    let project = left("");
    let blob =
        files_below(&project.store_folder()).into_iter().find(|name| name.starts_with("sha512")).expect("a blob");
    remove_blob(&project, &blob);
    std::fs::create_dir(project.store_folder().join(&blob)).expect("a folder that cannot be read as a file");
    assert_eq!((codes(&project.verify()), project.verify().exit_code()), (vec!["disk"], 2));
    chmod(&project, "vendor/left/index.js", 0o666);
    assert_eq!((codes(&project.verify()), project.verify().exit_code()), (vec!["file-odd", "disk"], 1));
}

fn remove_blob(project: &Project, name: &str) {
    std::fs::remove_file(project.store_folder().join(name)).expect(name);
}

#[test]
fn records_without_a_pin_are_told() {
    let project = left("");
    let record = project.read(".pinfold/left.json");
    project.write(".pinfold/gone.json", record.replace("\"left\"", "\"gone\""));
    check("orphan-record", &project, 0);
}

#[test]
fn one_pin_of_several() {
    let project = left("");
    let other = pin("other", "npm = \"other@1.0.0\"", &integrity(b"other"), "");
    project.pins(&(project.read("pins.toml") + &other));
    check("several", &project, 1);
    let options = pinfold::commands::verify::Options { pins: vec!["left".into()], evidence: None, whole: false };
    let report = project.with(&pinfold::ctx::Silent, |ctx| pinfold::commands::verify::run(ctx, &options));
    assert_eq!(report.expect("a report").exit_code(), 0);
}

#[test]
fn patched_trees_are_held_to_their_patches() {
    let project = left("");
    project.write("patch.js", "new");
    let patch = "[[pins.left.patch]]\npath = \"index.js\"\nreplace-with = \"patch.js\"\n";
    project.pins(&(project.read("pins.toml") + patch));
    project.fetch_all();
    assert_eq!(project.verify().exit_code(), 0);
    project.write("vendor/left/index.js", "12345");
    let report = project.verify();
    assert_eq!(codes(&report), ["file-changed"], "the bytes as they were before the patch are wrong");
    project.write("patch.js", "newer");
    assert_eq!(codes(&project.verify())[0], "record-stale");
}
