//! `pinfold cache`: what is in the store, what of it nobody needs, and whether it is still right.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;

use pinfold::commands::cache;
use pinfold::ctx::Silent;
use pinfold::report::{Report, Verdict};
use pinfold_core::fault::Fault;
use pinfold_core::fs::Patience;
use pinfold_core::store::Store;

use crate::support::{Project, both, codes, files_below, human, integrity, pin};

type Run = fn(&Project) -> Result<Report, Fault>;

const LIST: Run = |project| project.with(&Silent, cache::list);
const VERIFY: Run = |project| project.with(&Silent, cache::verify);
const GC: Run = |project| project.collect(false);
const WOULD_GC: Run = |project| project.collect(true);

/// Runs a command on the store of a project, and holds the exit code and both reports to what was seen before.
fn check(name: &str, project: &Project, run: Run, code: u8) -> Report {
    let report = run(project).expect("a report");
    insta::assert_snapshot!(name, both(project, &report));
    assert_eq!(report.exit_code(), code, "{}", human(&report));
    assert!(project.web.asked().is_empty(), "the store asks nobody");
    report
}

/// A project in whose place and store these pins are, each with its own name as bytes.
fn fetched(names: &[&str]) -> Project {
    let project = Project::new("");
    fetch(&project, names);
    project
}

/// Makes these the pins of a project, and fetches them.
fn fetch(project: &Project, names: &[&str]) {
    pins(project, names);
    for name in names {
        project.web.serve(&format!("https://example.com/{name}"), *name);
    }
    project.fetch_all();
    project.web.asked();
}

fn pins(project: &Project, names: &[&str]) {
    let one =
        |name: &&str| pin(name, &format!("url = \"https://example.com/{name}\""), &integrity(name.as_bytes()), "");
    project.pins(&names.iter().map(one).collect::<String>());
}

/// Removes the record of a pin.
fn forget(project: &Project, name: &str) {
    std::fs::remove_file(project.path(&format!(".pinfold/{name}.json"))).expect("a record");
}

/// A second project with the store of the first, and these pins in place.
fn neighbour(project: &Project, names: &[&str]) -> Project {
    let neighbour = Project::new("");
    symlink(project.store_folder(), neighbour.store_folder()).expect("a link");
    fetch(&neighbour, names);
    neighbour
}

/// The bytes that are in the store, sorted.
fn kept(project: &Project) -> Vec<String> {
    let blobs = files_below(&project.store_folder()).into_iter().filter(|name| name.starts_with("sha"));
    let read = |name: &String| std::fs::read_to_string(project.store_folder().join(name)).expect("text");
    let mut kept: Vec<String> = blobs.filter(|name| !name.contains('.')).map(|name| read(&name)).collect();
    kept.sort();
    kept
}

#[test]
fn lists_what_is_there() {
    check("list-empty", &Project::new(""), LIST, 0);
    check("list", &fetched(&["one", "three"]), LIST, 0);
}

#[test]
fn the_same_bytes_for_two_sources_are_kept_once() {
    let project = Project::new("");
    let integrity = integrity(b"same");
    project.web.serve("https://example.com/one", "same");
    project.web.serve("https://example.com/two", "same");
    project.pins(&pin("one", "url = \"https://example.com/one\"", &integrity, ""));
    project.fetch_all();
    project.pins(&pin("two", "url = \"https://example.com/two\"", &integrity, ""));
    project.fetch_all();
    project.web.asked();
    check("list-two-sources", &project, LIST, 0);
}

#[test]
fn collects_what_neither_pin_nor_record_names() {
    let project = fetched(&["one", "two", "three"]);
    check("gc-nothing", &project, GC, 0);
    // Without its pin the record still holds it, without its record the pin.
    pins(&project, &["one", "three"]);
    forget(&project, "one");
    check("gc-nothing", &project, GC, 0);
    assert_eq!(kept(&project), ["one", "three", "two"]);

    forget(&project, "two");
    check("gc-dry-run", &project, WOULD_GC, 0);
    assert_eq!(kept(&project), ["one", "three", "two"]);
    check("gc", &project, GC, 0);
    assert_eq!(kept(&project), ["one", "three"]);
    assert!(files_below(&project.store_folder()).iter().filter(|name| name.ends_with(".sources")).count() == 2);
}

#[test]
fn what_other_projects_need_stays_until_they_vanish() {
    let project = fetched(&["mine", "ours"]);
    // `ours` is in the store already, so the neighbour never has to ask for it.
    let neighbour = neighbour(&project, &["theirs", "ours"]);
    pins(&project, &["mine"]);
    forget(&project, "ours");
    GC(&project).expect("a report");
    assert_eq!(kept(&project), ["mine", "ours", "theirs"]);

    // A neighbour who took everything out of the store, and asked for nothing, counts as well.
    let frugal = self::neighbour(&project, &["ours"]);
    let unregistered = neighbour.root();
    drop(neighbour);
    assert!(!unregistered.exists());
    WOULD_GC(&project).expect("a report");
    assert_eq!(
        Store::new(project.store_folder()).projects().expect("a list").known.len(),
        3,
        "a dry run forgets nobody"
    );
    GC(&project).expect("a report");
    assert_eq!(Store::new(project.store_folder()).projects().expect("a list").known.len(), 2);
    assert_eq!(kept(&project), ["mine", "ours"]);
    drop(frugal);
    GC(&project).expect("a report");
    assert_eq!(kept(&project), ["mine"]);
}

#[test]
fn what_a_project_needs_stays_whatever_bytes_its_path_has() {
    let project = fetched(&["one"]);
    let moved = project.root().with_file_name(OsStr::from_bytes(b"pro\xffject"));
    std::fs::rename(project.root(), &moved).expect("a file system that takes any bytes");
    let store = Store::new(project.store_folder());
    store.register(&moved).expect("a store");
    GC(&project).expect("a report");
    assert_eq!(kept(&project), ["one"]);
    assert_eq!(store.projects().expect("a list").known, [moved.canonicalize().expect("a path")]);
    std::fs::remove_dir_all(&moved).expect("a project");
    GC(&project).expect("a report");
    assert!(kept(&project).is_empty());
    assert!(store.projects().expect("a list").known.is_empty());
}

#[test]
fn a_project_with_a_file_in_its_place_is_forgotten() {
    let project = fetched(&["one"]);
    let store = Store::new(project.store_folder());
    std::fs::create_dir_all(project.path("gone/project")).expect("a folder");
    store.register(&project.path("gone/project")).expect("a store");
    std::fs::remove_dir_all(project.path("gone")).expect("a folder");
    project.write("gone", "now a file");
    GC(&project).expect("a report");
    assert_eq!(store.projects().expect("a list").known.len(), 1);
    assert_eq!(kept(&project), ["one"]);
}

#[test]
fn collects_nothing_while_a_project_cannot_be_read() {
    let project = fetched(&["one", "two"]);
    pins(&project, &["one"]);
    forget(&project, "two");
    let pins = project.read("pins.toml");
    project.write("pins.toml", "version = ");
    assert_eq!(GC(&project).expect_err("no pins").code(), "syntax");
    // Without pins.toml the records alone say what is needed.
    let record = project.read(".pinfold/one.json");
    project.write(".pinfold/one.json", "{}");
    std::fs::remove_file(project.path("pins.toml")).expect("a file");
    assert_eq!(GC(&project).expect_err("no record").code(), "record-malformed");
    assert_eq!(kept(&project), ["one", "two"]);
    project.write("pins.toml", pins);
    project.write(".pinfold/one.json", record);
    GC(&project).expect("a report");
    assert_eq!(kept(&project), ["one"]);
}

#[test]
fn a_record_that_cannot_be_read_stops_no_collection() {
    let project = fetched(&["one", "two", "three"]);
    pins(&project, &["one", "two"]);
    forget(&project, "three");
    let other = neighbour(&project, &["theirs"]);
    for damaged in ["", "{", "<<<<<<< ours\n{}\n=======\n{}\n>>>>>>> theirs\n", "{\"schema\":\"pinfold/record/v9\"}"] {
        project.write(".pinfold/one.json", damaged);
        let report = GC(&project).expect("a report");
        let notes: Vec<&str> = report.notes.iter().map(|note| note.code.as_str()).collect();
        assert_eq!((report.exit_code(), notes), (0, vec!["record-malformed"]), "{}", human(&report));
        assert_eq!(kept(&project), ["one", "theirs", "two"], "{damaged}");
    }
    // One that no pin stands for: what it held cannot be known.
    project.write(".pinfold/gone.json", "");
    assert_eq!(GC(&project).expect_err("no record").code(), "record-malformed");
    assert_eq!(kept(&project), ["one", "theirs", "two"]);
    drop(other);
}

#[test]
fn a_registration_that_says_nothing_takes_nothing_from_anybody() {
    let project = fetched(&["one"]);
    let registrations = || {
        let names = files_below(&project.store_folder().join("projects"));
        names.into_iter().map(|name| project.store_folder().join("projects").join(name)).collect::<Vec<_>>()
    };
    let [path] = registrations().try_into().expect("one registration");
    for damaged in ["", ".", "relative/path", "/", "/nowhere/\0"] {
        std::fs::write(&path, damaged).expect("a registration");
        for gc in [GC, WOULD_GC] {
            let error = gc(&project).expect_err("a project that is not known");
            assert_eq!((error.code(), error.verdict()), ("registration-unreadable", Verdict::Failed), "{damaged}");
        }
        assert_eq!(kept(&project), ["one"], "{damaged}");
        // The next fetch repairs it, also where there is nothing else to do.
        project.fetch_all();
        assert_eq!(GC(&project).expect("a report").exit_code(), 0, "{damaged}");
        assert_eq!(kept(&project), ["one"], "{damaged}");
    }
    // Nor does a file that is no registration at all.
    std::fs::write(path.with_file_name("notes.txt"), "mine").expect("a file");
    GC(&project).expect("a report");
    assert_eq!(registrations().len(), 2);
}

#[test]
fn never_collects_while_somebody_is_at_work() {
    let project = fetched(&["one"]);
    std::fs::remove_dir_all(project.root()).expect("a project");
    let store = Store::new(project.store_folder());
    let lock = store.hold(&Patience::brief()).expect("a lock");
    let busy = |dry_run| project.with(&Silent, |ctx| cache::gc(ctx, dry_run)).expect_err("busy");
    assert_eq!((busy(false).code(), busy(false).verdict()), ("store-busy", Verdict::Failed));
    assert_eq!(busy(true).code(), "store-busy");
    assert_eq!(kept(&project), ["one"]);
    // Others may look and fetch meanwhile.
    assert_eq!(VERIFY(&project).expect("a report").exit_code(), 0);
    drop(lock);
    GC(&project).expect("a report");
    assert!(kept(&project).is_empty());
}

#[test]
fn collecting_sweeps_up_what_was_killed() {
    let project = fetched(&["one"]);
    let shard = project.store_folder().join("sha512").join(integrity_hex("one").get(..2).expect("hex"));
    std::fs::write(shard.join(".x.1-0.partial"), "half").expect("a file");
    GC(&project).expect("a report");
    assert!(!shard.join(".x.1-0.partial").exists());
    assert_eq!(kept(&project), ["one"]);
}

fn integrity_hex(bytes: &str) -> String {
    integrity(bytes.as_bytes()).parse::<pinfold_core::digest::Integrity>().expect("an integrity").hex()
}

#[test]
fn hashes_everything_again() {
    let project = fetched(&["one", "two"]);
    check("verify", &project, VERIFY, 0);
    let store = Store::new(project.store_folder());
    std::fs::write(store.path_of(&integrity(b"two").parse().expect("an integrity")), "twa").expect("a blob");
    let report = check("verify-rotten", &project, VERIFY, 1);
    assert_eq!(codes(&report), ["store-corrupt"]);
    assert_eq!(kept(&project), ["one"]);
    // What has rotted is gone, so that the next fetch asks again.
    assert_eq!(VERIFY(&project).expect("a report").exit_code(), 0);
}

#[test]
fn what_cannot_be_read_is_not_counted_as_verified() {
    let project = fetched(&["one", "two"]);
    let blob = Store::new(project.store_folder()).path_of(&integrity(b"two").parse().expect("an integrity"));
    std::fs::remove_file(&blob).expect("a blob");
    std::fs::create_dir(&blob).expect("a folder in its place");
    let report = VERIFY(&project).expect("a report");
    assert_eq!((report.exit_code(), report.summary.as_str()), (2, "2 artifacts: 1 verified, 1 failed"));
    // Nor is it counted as removed, and nobody else's is kept from being.
    pins(&project, &[]);
    forget(&project, "one");
    forget(&project, "two");
    let report = GC(&project).expect("a report");
    let summary = "1 artifact removed, 3 B freed; 0 kept, 1 failed";
    assert_eq!((report.exit_code(), report.summary.as_str()), (2, summary), "{}", human(&report));
    assert!(blob.is_dir());
}

#[test]
fn a_list_of_sources_that_cannot_be_read_stops_no_listing() {
    let project = fetched(&["one", "two"]);
    let blob = Store::new(project.store_folder()).path_of(&integrity(b"two").parse().expect("an integrity"));
    let sources = blob.with_extension("sources");
    std::fs::remove_file(&sources).expect("a list");
    std::fs::create_dir(&sources).expect("a folder in its place");
    for run in [LIST, VERIFY] {
        let report = run(&project).expect("a report");
        assert_eq!((report.rows.len(), report.exit_code(), codes(&report)), (2, 0, vec!["disk"]), "{}", human(&report));
    }
    std::fs::write(project.store_folder().join("sha512/stray"), "mine").expect("a file in place of a folder");
    assert_eq!(LIST(&project).expect("a report").rows.len(), 2);
}

#[test]
fn what_is_not_of_the_store_is_left_alone() {
    let project = fetched(&["one"]);
    let stranger = project.store_folder().join("sha512/zz/notes.txt");
    std::fs::create_dir_all(stranger.parent().expect("a folder")).expect("a folder");
    std::fs::write(&stranger, "mine").expect("a file");
    let report = LIST(&project).expect("a report");
    assert_eq!(report.rows.len(), 1);
    GC(&project).expect("a report");
    assert!(stranger.exists());
}
