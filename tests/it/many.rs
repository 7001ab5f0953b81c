//! Many projects: a line each, whatever is wrong with one of them, and a run that goes on where it was cut off.

use std::io::{self, Cursor, Write};

use pinfold::commands::audit;
use pinfold::commands::many::{self, Done, MAX_PATH_LEN, Tally};
use pinfold::commands::verify;
use pinfold::ctx::Silent;
use pinfold_core::fault::Fault;
use serde_json::Value;

use crate::support::{Project, integrity, pin};

/// A project with two pins, fetched.
fn project(name: &str) -> Project {
    let pins = [("a", "a.bin"), ("b", "b.bin")]
        .map(|(name, file)| pin(name, &format!("file = \"{file}\""), &integrity(file.as_bytes()), ""));
    let project = Project::new(&pins.concat()).quiet();
    for file in ["a.bin", "b.bin"] {
        project.write(file, file);
    }
    project.write("name", name);
    project.fetch_all();
    project
}

fn run(context: &Project, list: &[u8], done: &Done) -> (Tally, String) {
    let mut out = Vec::new();
    let tally = try_run(context, list, done, &mut out).expect("a tally");
    (tally, String::from_utf8(out).expect("UTF-8"))
}

fn try_run(context: &Project, list: &[u8], done: &Done, out: &mut (dyn Write + Send)) -> Result<Tally, Fault> {
    let options = verify::Options::default();
    context.with(&Silent, |ctx| many::verify(ctx, &options, &mut Cursor::new(list), done, out))
}

fn parsed(out: &str) -> Vec<Value> {
    let lines = out.lines().filter(|line| !line.is_empty());
    lines.filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// The lines in an order that does not depend on threads.
fn sorted(out: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = out.lines().collect();
    lines.sort_unstable();
    lines
}

fn list(projects: &[&Project]) -> String {
    projects.iter().map(|one| format!("{}\n", one.root().display())).collect()
}

fn before(output: &str) -> Done {
    Done::read("verify", &mut Cursor::new(output)).expect("an output")
}

#[test]
fn a_line_a_project_and_pin() {
    let projects = ["one", "two", "three"].map(project);
    projects[1].write("vendor/b", "loot");
    std::fs::remove_file(projects[2].path("pins.toml")).expect("a file");
    let all = list(&projects.each_ref());
    let (tally, out) = run(&projects[0], all.as_bytes(), &Done::default());
    assert_eq!((tally.projects, tally.lines, tally.passed, tally.exit_code()), (3, 5, 3, 1));
    assert_eq!(tally.summary(), "3 projects: 3 passed, 2 did not");
    let lines = parsed(&out);
    assert_eq!(lines.len(), 5);
    for line in &lines {
        assert_eq!((&line["schema"], &line["command"]), (&"pinfold/line/v1".into(), &"verify".into()));
    }
    let of = |project: &Project, pin: &str| {
        let root = project.root().display().to_string();
        lines.iter().find(|line| line["project"] == root && line["pin"] == pin).expect("a line")
    };
    let good = of(&projects[0], "a");
    assert_eq!((&good["verdict"], &good["codes"]), (&"PASSED".into(), &serde_json::json!([])));
    assert_eq!((&good["line"], &good["lines"], &good["source"]), (&1.into(), &2.into(), &"file:a.bin".into()));
    let bad = of(&projects[1], "b");
    assert_eq!((&bad["verdict"], &bad["codes"]), (&"REFUSED".into(), &serde_json::json!(["file-changed"])));
    let absent = lines.iter().find(|line| line["pin"].is_null()).expect("a line");
    assert_eq!((&absent["verdict"], &absent["codes"][0]), (&"FAILED".into(), &"no-pin-file".into()));
    assert!(absent["message"].as_str().expect("a message").contains("pins.toml"));
    // The lines of a project stand together, and are the same whoever works.
    for jobs in [1, 7] {
        let mut context = project("context");
        context.jobs = jobs;
        let (_, again) = run(&context, all.as_bytes(), &Done::default());
        assert_eq!(sorted(&again), sorted(&out));
        let order: Vec<String> = parsed(&again).iter().map(|line| line["project"].to_string()).collect();
        let mut seen = order.clone();
        seen.dedup();
        assert_eq!(seen.len(), 3, "{order:?}");
    }
}

#[test]
fn audits_of_many_projects() {
    let projects = ["one", "two"].map(project);
    std::fs::remove_file(projects[1].path("pins.toml")).expect("a file");
    let options = audit::Options { offline: true, ..audit::Options::default() };
    let run = |done: &Done| {
        let mut out = Vec::new();
        let mut list = Cursor::new(list(&projects.each_ref()));
        let tally = projects[0].with(&Silent, |ctx| many::audit(ctx, &options, &mut list, done, &mut out));
        (tally.expect("a tally"), String::from_utf8(out).expect("UTF-8"))
    };
    let (tally, out) = run(&Done::default());
    assert_eq!((tally.projects, tally.lines, tally.exit_code()), (2, 3, 2), "{out}");
    let lines = parsed(&out);
    assert!(lines.iter().all(|line| line["command"] == "audit"), "{out}");
    assert_eq!(lines.iter().filter(|line| line["pin"].is_null()).count(), 1, "{out}");
    let done = Done::read("audit", &mut Cursor::new(out)).expect("an output");
    let (again, out) = run(&done);
    assert_eq!((again.projects, again.resumed, out.as_str()), (0, 2, ""));
}

#[test]
fn a_line_that_is_no_path_is_a_line() {
    let one = project("one");
    let pin_file = one.path("pins.toml");
    let long = "x".repeat(MAX_PATH_LEN + 1);
    let list =
        [b"\n\n\xff\xfe\n".as_slice(), long.as_bytes(), b"\n", pin_file.display().to_string().as_bytes()].concat();
    let (tally, out) = run(&one, &list, &Done::default());
    assert_eq!((tally.projects, tally.lines, tally.passed, tally.exit_code()), (3, 4, 2, 2));
    let codes: Vec<Value> = parsed(&out).iter().map(|line| line["codes"].clone()).collect();
    assert_eq!(codes.iter().filter(|code| code[0] == "project-path").count(), 2, "{codes:?}");
    assert!(out.lines().all(|line| line.len() < 2 * MAX_PATH_LEN));
    // What is told of such a line is text that another project may be called: that one is not done.
    let (_, out) = run(&one, b"absent\xff\n", &Done::default());
    let (tally, _) = run(&one, "absent\u{fffd}\n".as_bytes(), &before(&out));
    assert_eq!((tally.projects, tally.resumed), (1, 0), "{out}");
    let (nothing, out) = run(&one, b"", &Done::default());
    assert_eq!((nothing.exit_code(), out.as_str()), (2, ""), "nothing to look at is no success");
}

#[test]
fn a_run_goes_on_where_it_was_cut_off() {
    let mut projects = ["one", "two", "three"].map(project);
    projects[0].jobs = 1;
    projects[0].write("vendor/a", "loot");
    let all = list(&projects.each_ref());
    let (_, whole) = run(&projects[0], all.as_bytes(), &Done::default());
    for at in 0..=whole.len() {
        let done = before(&whole[..at]);
        let (tally, rest) = run(&projects[0], all.as_bytes(), &done);
        // All that was seen counts, the part before included.
        assert_eq!(tally.exit_code(), 1, "{at}");
        assert_eq!(tally.projects + tally.resumed, 3, "{at}");
        let text = format!("{}{rest}", &whole[..at]);
        let seen: std::collections::BTreeSet<String> = parsed(&text).iter().map(Value::to_string).collect();
        assert_eq!(seen.len(), 6, "{at}: {text}");
        if at == whole.len() {
            assert_eq!((tally.resumed, rest.as_str()), (3, ""));
        }
        // And again from what stands there now: nothing is left to do.
        assert_eq!(run(&projects[0], all.as_bytes(), &before(&text)).0.resumed, 3, "{at}");
    }
    // The output of another command, and what is no output, is of no project.
    let others = [whole.replace("\"verify\"", "\"audit\""), whole.replace("line/v1", "line/v2"), "{}\nx\n".to_owned()];
    for other in others {
        assert_eq!(run(&projects[0], all.as_bytes(), &before(&other)).0.resumed, 0);
    }
}

#[test]
fn nobody_to_write_to_ends_it() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let one = project("one");
    let error = try_run(&one, list(&[&one]).as_bytes(), &Done::default(), &mut Closed).expect_err("closed");
    assert_eq!(error.code(), "disk", "{error}");
}

#[test]
fn by_the_command() {
    let one = project("one");
    one.write("list", format!("{}\nnowhere\n", one.root().display()));
    let run = |args: &[&str]| {
        let output = one.command().arg("verify").args(args).output().expect("the command");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        (output.status.code().expect("a code"), text(output.stdout), text(output.stderr))
    };
    let (code, out, summary) = run(&["--projects-from", "list", "--jobs", "2"]);
    assert_eq!((code, parsed(&out).len(), summary.as_str()), (2, 3, "2 projects: 2 passed, 1 did not\n"));
    one.write("out", &out);
    let (code, out, summary) = run(&["--projects-from", "list", "--resume", "out"]);
    assert_eq!((code, out.as_str(), summary.as_str()), (2, "", "0 projects, 2 done before: 0 passed, 0 did not\n"));
    assert_eq!(run(&["--projects-from", "list", "--resume", "absent", "-q"]).2, "");
    assert_eq!(run(&["--projects-from", "absent"]).0, 2);
    assert_eq!(run(&["--resume", "out"]).0, 2);
    assert_eq!(run(&["a", "--projects-from", "list"]).0, 2);
}
