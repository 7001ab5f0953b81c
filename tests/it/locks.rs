//! Several pinfolds at once: nothing that one of them wrote is lost, nobody is kept waiting by who may only read or by a
//! server, and a wait is told and has an end.

use std::fs::File;
use std::io::Read as _;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Output, Stdio};
use std::sync::Barrier;
use std::time::{Duration, Instant};

use pinfold::commands::consent::Consent;
use pinfold::commands::{add, update};
use pinfold::ctx::Silent;
use pinfold::report::{Report, Verdict};
use pinfold_core::fault::Fault;
use pinfold_core::fs::{LOCK, Lock, Patience};
use pinfold_core::store::Store;
use serde_json::json;

use crate::support::{Project, codes, files_below, human, integrity, pin};

/// Pairs of commands at once: enough that each window between reading and writing is met.
const ROUNDS: usize = 100;

fn add_file(project: &Project, name: &str) -> Result<Report, Fault> {
    let options = add::Options {
        spec: format!("in/{name}.txt"),
        name: Some(name.to_owned()),
        format: Some(pinfold_core::layout::Format::Raw),
        ..add::Options::default()
    };
    project.with(&Silent, |ctx| add::run(ctx, &options, Consent::Given))
}

fn update_pin(project: &Project, name: &str) -> Result<Report, Fault> {
    let options = update::Options { pins: vec![name.to_owned()], ..update::Options::default() };
    project.with(&Silent, |ctx| update::run(ctx, &options, Consent::Given))
}

/// A project with pins `left` and `right` at 1.0.0, of which there is 2.0.0, and files that can be added.
fn project() -> Project {
    let project = Project::new("").quiet();
    let mut pins = project.read("pins.toml");
    for name in ["left", "right"] {
        let listed = ["1.0.0", "2.0.0"].map(|one| project.web.serve_listed(name, one, &[("a.js", one)], json!({})));
        let pinned = listed[0]["dist"]["integrity"].as_str().expect("an integrity");
        pins.push_str(&pin(name, &format!("npm = \"{name}@1.0.0\""), pinned, ""));
        project.web.serve_packument(name, &listed);
    }
    for name in ["a", "b"] {
        project.write(&format!("in/{name}.txt"), name);
    }
    project.pins(&pins);
    project
}

/// Calls two things at the same moment.
fn at_once<A: Send, B: Send>(one: impl FnOnce() -> A + Send, other: impl FnOnce() -> B + Send) -> (A, B) {
    let start = Barrier::new(2);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            start.wait();
            other()
        });
        start.wait();
        let one = one();
        (one, other.join().expect("no panic"))
    })
}

fn passed(result: Result<Report, Fault>) {
    let report = result.expect("a report");
    assert_eq!(report.verdict(), Verdict::Passed, "{}", human(&report));
}

#[test]
fn edits_at_once_are_all_kept() {
    let project = project();
    let pins = project.read("pins.toml");
    // The second way to the file is a link beside another folder.
    std::fs::create_dir(project.path("elsewhere")).expect("a folder");
    let mut kept = [0; 3];
    for round in 0..ROUNDS {
        project.pins(&pins);
        let (one, other) = match round % 3 {
            0 => at_once(|| add_file(&project, "a"), || add_file(&project, "b")),
            1 => at_once(|| add_file(&project, "a"), || update_pin(&project, "left")),
            _ => at_once(|| update_pin(&project, "left"), || update_pin(&project, "right")),
        };
        passed(one);
        passed(other);
        let text = project.read("pins.toml");
        let expected: [&str; 2] = match round % 3 {
            0 => ["[pins.a]", "[pins.b]"],
            1 => ["[pins.a]", "left@2.0.0"],
            _ => ["left@2.0.0", "right@2.0.0"],
        };
        assert!(expected.iter().all(|one| text.contains(one)), "round {round}: {text}");
        kept[round % 3] += 1;
    }
    assert_eq!(kept, [34, 33, 33]);
    let mut names: Vec<_> =
        std::fs::read_dir(project.root()).expect("a folder").map(|one| one.expect("one").file_name()).collect();
    names.sort();
    assert_eq!(names, ["elsewhere", "in", "pins.toml"]);
}

#[test]
fn processes_at_once_lose_nothing_through_links_either() {
    let project = project();
    for number in 0..12 {
        project.write(&format!("in/{number}.txt"), number.to_string());
    }
    std::fs::rename(project.path("pins.toml"), project.path("real.toml")).expect("a file");
    std::os::unix::fs::symlink("real.toml", project.path("pins.toml")).expect("a link");
    let children: Vec<Child> = (0..12)
        .map(|number| {
            let mut command = project.command();
            let (file, name) = (format!("in/{number}.txt"), format!("n{number}"));
            command.args(["add", &file, "--yes", "--name", &name, "--format", "raw", "--quiet"]);
            command.args(["--pins", if number % 2 == 0 { "pins.toml" } else { "real.toml" }]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command")
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().expect("an end");
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
    let text = project.read("real.toml");
    assert!((0..12).all(|number| text.contains(&format!("[pins.n{number}]"))), "{text}");
    assert!(project.path("pins.toml").is_symlink());
}

#[test]
fn what_an_editor_saves_meanwhile_is_kept_and_what_no_longer_fits_is_refused() {
    let at = |edit: &dyn Fn(&Project), run: &dyn Fn(&Project, Consent<'_>) -> Result<Report, Fault>| {
        let project = project();
        let agree = |_: &Report| {
            edit(&project);
            true
        };
        let outcome =
            run(&project, Consent::Ask(&agree)).map(|report| report.exit_code()).map_err(|error| error.code());
        (outcome, project.read("pins.toml"))
    };
    let replace = |from: &'static str, to: &'static str| {
        move |project: &Project| project.pins(&project.read("pins.toml").replace(from, to))
    };
    let add = |project: &Project, consent: Consent<'_>| {
        let options = add::Options { spec: "in/a.txt".to_owned(), ..add::Options::default() };
        project.with(&Silent, |ctx| add::run(ctx, &options, consent))
    };
    let update = |project: &Project, consent: Consent<'_>| {
        let options = update::Options { pins: vec!["left".to_owned()], ..update::Options::default() };
        project.with(&Silent, |ctx| update::run(ctx, &options, consent))
    };
    let commented = replace("[pins.right]", "# mine\n\n[pins.right]");
    let moved = replace("vendor/left", "vendor/elsewhere");
    let stricter = replace("provenance = \"off\"", "provenance = \"strict\"");

    let (outcome, text) = at(&commented, &add);
    assert!(outcome == Ok(0) && text.contains("# mine") && text.contains("[pins.a]"), "{outcome:?} {text}");
    let (outcome, text) = at(&moved, &add);
    assert!(outcome == Ok(0) && text.contains("vendor/elsewhere") && text.contains("[pins.a]"), "{outcome:?} {text}");
    let (outcome, text) = at(&stricter, &add);
    assert!(outcome == Err("pins-changed") && !text.contains("[pins.a]"), "{outcome:?} {text}");
    let (outcome, text) = at(&|project| passed(add_file(project, "a")), &add);
    assert!(outcome == Err("pin-exists") && text.matches("[pins.a]").count() == 1, "{outcome:?} {text}");

    let (outcome, text) = at(&commented, &update);
    assert!(outcome == Ok(0) && text.contains("# mine") && text.contains("left@2.0.0"), "{outcome:?} {text}");
    let (outcome, text) = at(&moved, &update);
    assert!(outcome == Err("pins-changed") && text.contains("left@1.0.0"), "{outcome:?} {text}");
    let (outcome, text) = at(&stricter, &update);
    assert!(outcome == Err("pins-changed") && text.contains("left@1.0.0"), "{outcome:?} {text}");
    // Another update that came to the same end.
    let (outcome, text) = at(&|project| passed(update_pin(project, "left")), &update);
    assert!(outcome == Ok(0) && text.contains("left@2.0.0"), "{outcome:?} {text}");
}

#[test]
fn sources_remembered_at_once_are_all_kept() {
    let project = Project::new("");
    let store = Store::new(project.store_folder());
    let integrity = integrity(b"same").parse().expect("an integrity");
    let mut incoming = store.receive(&integrity).expect("a place");
    incoming.write(b"same").expect("room");
    incoming.finish().expect("a file").expect("the right bytes");
    std::thread::scope(|scope| {
        for worker in 0..8 {
            let (store, integrity) = (&store, &integrity);
            scope.spawn(move || {
                (0..20).for_each(|one| store.remember(integrity, &format!("url:{worker}-{one}")).expect("a store"));
            });
        }
    });
    assert_eq!(store.sources(&integrity).expect("a list").len(), 160);
}

fn ended(mut child: Child) -> Option<Output> {
    let begun = Instant::now();
    while child.try_wait().expect("a child").is_none() {
        if begun.elapsed() > Duration::from_secs(60) {
            child.kill().expect("a child");
            return None;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.wait_with_output().ok()
}

/// Runs the command, which must not hang.
fn run(project: &Project, args: &[&str]) -> (Option<i32>, String) {
    let mut command = project.command();
    let child = command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let output = ended(child.expect("the command")).unwrap_or_else(|| panic!("{args:?} does not end"));
    (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

#[test]
fn who_may_only_read_keeps_nobody_waiting() {
    let project = project();
    project.fetch_all();
    // Everything that another user can open: on Linux whoever may read may lock.
    let folders = [project.path("."), project.path(".pinfold"), project.store_folder(), project.trust_folder()];
    std::fs::create_dir_all(project.trust_folder()).expect("a folder");
    let mut held: Vec<File> = folders.iter().map(|folder| File::open(folder).expect("a folder")).collect();
    for folder in &folders {
        for name in files_below(folder) {
            let path = folder.join(name);
            let mode = std::fs::metadata(&path).expect("a file").permissions().mode();
            if mode & 0o044 != 0 {
                held.push(File::open(&path).expect("a file"));
            } else {
                assert_eq!(mode & 0o077, 0);
            }
        }
    }
    // The same file twice is locked once.
    assert!(held.iter().filter(|file| file.try_lock().is_ok()).count() > 6);
    // A lock that came with the checkout is none.
    for name in [LOCK.to_owned(), format!("../.pins.toml{LOCK}")] {
        let path = project.path(".pinfold").join(name);
        std::fs::write(&path, "1\n").expect("a file");
        let file = File::open(&path).expect("a file");
        file.lock().expect("a lock");
        held.push(file);
    }
    std::fs::remove_file(project.path("vendor/left/a.js")).expect("a file");
    for (args, code) in [
        (&["verify"][..], 1),
        (&["fetch", "--offline"], 1),
        (&["fetch", "--offline", "--restore"], 0),
        (&["verify"], 0),
        (&["add", "in/a.txt", "--yes", "--format", "raw"], 0),
        (&["cache", "gc"], 0),
    ] {
        let (ended, said) = run(&project, args);
        assert!(!said.contains("waiting"), "{args:?}: {said}");
        assert_eq!(ended, Some(code), "{args:?}: {said}");
    }
}

/// A fetch that waits for a server that says nothing, once it does.
fn hanging(project: &Project, name: &str) -> Child {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let slow =
        pin("slow", &format!("url = \"http://127.0.0.1:{port}/{name}\""), &integrity(b"nothing"), "format = \"raw\"");
    project.pins(&format!("{}{slow}", project.read("pins.toml")));
    let mut command = project.command();
    let child =
        command.args(["fetch", "slow"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the command");
    let (mut stream, _) = listener.accept().expect("a connection");
    assert!(stream.read(&mut [0; 16]).expect("a request") > 0);
    std::thread::spawn(move || {
        // Until the other end is gone.
        let _ = stream.read_to_end(&mut Vec::new());
    });
    child
}

#[test]
fn a_fetch_that_hangs_keeps_nobody_waiting() {
    let project = project();
    project.fetch_all();
    let mut child = hanging(&project, "x");
    for args in [
        &["verify", "left"][..],
        &["explain", "left"],
        &["audit", "--offline", "left"],
        &["sbom"],
        &["report", "--html", "page.html"],
        &["fetch", "left"],
        &["fetch", "right", "--frozen"],
        &["add", "in/a.txt", "--yes", "--format", "raw"],
        &["mirror", "left", "--offline", "--to", "oci://127.0.0.1:1/x"],
        &["cache", "verify"],
    ] {
        let (code, said) = run(&project, args);
        assert!(!said.contains("waiting"), "{args:?}: {said}");
        let fails = ["mirror", "sbom", "report"].contains(&args[0]);
        assert!(fails || code == Some(0), "{args:?}: {code:?} {said}");
    }
    // Collected is nothing meanwhile, and it says who is at work.
    let (code, said) = run(&project, &["cache", "gc"]);
    assert!(code == Some(2) && said.contains("the store is in use by another pinfold"), "{said}");
    // What the fetch has half done keeps another one from nothing.
    std::fs::remove_dir_all(project.path("vendor/left")).expect("a tree");
    let (code, said) = run(&project, &["fetch", "left", "--offline"]);
    assert!(code == Some(0) && said.contains("installed"), "{said}");
    child.kill().expect("a child");
    child.wait().expect("a child");
    assert_eq!(files_below(&project.path(".pinfold")), ["left.json", "right.json"]);
}

#[test]
fn a_wait_is_told_and_has_an_end() {
    let project = project();
    project.fetch_all();
    let lock = Lock::exclusive(&project.path(".pinfold").join(LOCK), &Patience::brief()).expect("a lock");
    // Who only reads needs no lock, nor does who finds everything in place.
    assert_eq!(run(&project, &["verify"]).0, Some(0));
    assert_eq!(run(&project, &["fetch"]).0, Some(0));
    std::fs::remove_dir_all(project.path("vendor/left")).expect("a tree");
    let holder = format!("process {} has held it for", std::process::id());
    let (code, said) = run(&project, &["fetch", "left", "--offline", "--lock-timeout", "1"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains(&format!("waiting for the lock `./.pinfold/{LOCK}`: {holder}")), "{said}");
    assert!(said.contains(&format!("cannot lock `.pinfold/{LOCK}`: {holder}")) && said.contains("hint: "), "{said}");
    let mut command = project.command();
    command.args(["fetch", "left", "--offline", "--json"]).env("PINFOLD_LOCK_TIMEOUT", "0");
    let output = command.output().expect("the command");
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(document["rows"][0]["findings"][0]["code"], "lock-timeout", "{document}");
    let (code, said) = run(&project, &["verify", "left", "--lock-timeout", "0"]);
    assert!(
        code == Some(1) && said.contains("there is nothing at `vendor/left`") && said.contains("process "),
        "{said}"
    );
    let (code, said) = run(&project, &["fetch", "left", "--lock-timeout", "soon"]);
    assert!(code == Some(2) && said.contains("--lock-timeout"), "{said}");
    drop(lock);
    assert_eq!(run(&project, &["fetch", "left", "--offline"]).0, Some(0));

    let lock = Lock::of_file(&project.path("pins.toml"), &Patience::brief()).expect("a lock");
    let before = project.read("pins.toml");
    let (code, said) = run(&project, &["add", "in/a.txt", "--yes", "--format", "raw", "--lock-timeout", "1"]);
    assert!(code == Some(2) && said.contains("waiting for the lock") && said.contains(&holder), "{said}");
    assert_eq!(project.read("pins.toml"), before);
    drop(lock);

    let alone = Store::new(project.store_folder()).try_own().expect("a store").expect("a lock");
    let (code, said) = run(&project, &["fetch", "--lock-timeout", "1"]);
    assert!(code == Some(2) && said.contains("waiting for the lock") && said.contains(&holder), "{said}");
    drop(alone);
}

#[test]
fn a_checkout_stays_as_it_is() {
    let project = project();
    project.fetch_all();
    let expected = [".pinfold/left.json", ".pinfold/right.json"];
    let hidden = || -> Vec<String> {
        files_below(&project.root())
            .into_iter()
            .filter(|name| name.split('/').any(|part| part.starts_with('.')))
            .collect()
    };
    assert_eq!(hidden(), expected);
    // A killed process leaves a lock that is free: the next fetch takes it away, also where it has nothing to do.
    project.write(&format!(".pinfold/{LOCK}"), "1\n");
    project.write(&format!(".pins.toml{LOCK}"), "1\n");
    project.fetch_all();
    assert_eq!(hidden(), expected);
}

#[test]
fn readers_see_whole_trees_while_others_publish() {
    let project = project();
    project.fetch_all();
    let aside = |round: usize| project.root().with_file_name(format!("aside-{round}"));
    let ((), seen) = at_once(
        || {
            for round in 0..60 {
                std::fs::rename(project.path("vendor/left"), aside(round)).expect("a tree");
                let report = project.fetch();
                assert_eq!((report.exit_code(), &*report.rows[0].status), (0, "installed"), "{}", human(&report));
            }
        },
        || {
            let mut seen = [0; 2];
            for _ in 0..120 {
                let report = project.verify();
                let absent = codes(&report) == ["tree-absent"];
                assert!(absent || report.exit_code() == 0, "{}", human(&report));
                seen[usize::from(absent)] += 1;
            }
            seen
        },
    );
    assert!(seen[0] > 0, "{seen:?}");
}

#[test]
fn read_only_checkouts_are_verified_without_a_file() {
    let project = project();
    project.fetch_all();
    let before = files_below(&project.root());
    let mode = |mode| {
        for folder in [project.path(".pinfold"), project.root()] {
            std::fs::set_permissions(folder, std::fs::Permissions::from_mode(mode)).expect("a mode");
        }
    };
    mode(0o555);
    let (verified, unchanged) = (run(&project, &["verify"]), run(&project, &["fetch"]));
    mode(0o755);
    assert_eq!((verified.0, unchanged.0), (Some(0), Some(0)), "{} {}", verified.1, unchanged.1);
    assert_eq!(files_below(&project.root()), before);
}
