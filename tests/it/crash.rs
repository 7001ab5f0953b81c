//! Killed at every step, at every system call, on a full disk, and several at once: the tree at a destination is whole
//! (the old one or the new one) or absent, and a rerun completes.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pinfold::commands::{cache, fetch};
use pinfold::ctx::{Ctx, Progress, Silent, Step};
use pinfold::report::Verdict;
use pinfold_core::store::Store;
use pinfold_core::text::Secrets;
use pinfold_core::tree::Gate;
use pinfold_evidence::trust::Trust;
use pinfold_evidence::verdicts::Verdicts;
use pinfold_net::asked::Asked;
use pinfold_net::http::{SystemClock, Timeouts};
use pinfold_net::source::registries::{Registries, Settings};
use pinfold_oci::remote_cache::{self, Shared};

use crate::needs;
use crate::support::{Project, QUIET, Tar, Web, human, integrity};

type Tree = BTreeMap<String, String>;

/// A change from one pin file to another, under which a run is killed.
#[derive(Clone)]
struct Change {
    name: &'static str,
    /// The pin file and its artifact before, if anything stood there before.
    before: Option<Pinned>,
    after: Pinned,
}

/// A pin of `vendor/x` to this artifact.
#[derive(Clone)]
struct Pinned {
    file: &'static str,
    bytes: Vec<u8>,
    keys: &'static str,
}

impl Pinned {
    fn pin(&self, source: &str) -> String {
        let Self { bytes, keys, .. } = self;
        format!("[pins.x]\n{source}\nintegrity = \"{}\"\nto = \"vendor/x\"\n{keys}", integrity(bytes))
    }

    fn url(&self) -> String {
        format!("https://example.com/{}", self.file)
    }
}

fn old_tree() -> Pinned {
    let tar = Tar::default().file("a.txt", "old\n").file("lib/b.txt", "old too\n").executable("bin/run", "old run\n");
    Pinned { file: "old.tar.gz", bytes: tar.gz(), keys: "" }
}

fn new_tree() -> Pinned {
    let tar = Tar::default().file("a.txt", "new\n").file("lib/c.txt", "new too\n").executable("bin/run", "new run\n");
    let tar =
        tar.file("deep/er/still/d.txt", "d\n").symlink("link", "a.txt").folder("empty").hard_link("copy", "a.txt");
    Pinned { file: "new.tar.gz", bytes: tar.gz(), keys: "" }
}

fn third_tree() -> Pinned {
    Pinned { file: "third.tar.gz", bytes: Tar::default().file("a.txt", "third\n").gz(), keys: "" }
}

fn old_file() -> Pinned {
    Pinned { file: "old", bytes: b"#!/bin/sh\necho old\n".to_vec(), keys: "format = \"raw\"\nexecutable = true\n" }
}

fn new_file() -> Pinned {
    Pinned { file: "new", bytes: b"#!/bin/sh\necho new\n".to_vec(), keys: "format = \"raw\"\nexecutable = true\n" }
}

fn changes() -> [Change; 6] {
    let change = |name, before, after| Change { name, before, after };
    [
        change("first tree", None, new_tree()),
        change("first file", None, new_file()),
        change("tree to tree", Some(old_tree()), new_tree()),
        change("file to file", Some(old_file()), new_file()),
        change("tree to file", Some(old_tree()), new_file()),
        change("file to tree", Some(old_file()), new_tree()),
    ]
}

/// The tree that a pin gives, from a project where nothing goes wrong.
fn tree_of(pinned: &Pinned) -> Tree {
    let project = Project::new("");
    project.web.serve(&pinned.url(), pinned.bytes.clone());
    project.pins(&pinned.pin(&format!("url = \"{}\"", pinned.url())));
    project.fetch_all();
    project.tree("vendor/x")
}

/// A project in which what stood before stands, and the pin file already names what is to come; `source` says how.
fn prepared(change: &Change, source: &dyn Fn(&Project, &Pinned) -> String) -> Project {
    let project = Project::new("");
    for pinned in change.before.iter().chain([&change.after]) {
        project.write(&format!("in/{}", pinned.file), &pinned.bytes);
        project.web.serve(&pinned.url(), pinned.bytes.clone());
    }
    if let Some(before) = &change.before {
        project.pins(&before.pin(&source(&project, before)));
        project.fetch_all();
    }
    project.pins(&change.after.pin(&source(&project, &change.after)));
    project
}

/// What a killed run may leave: the old tree or the new one, whole, or nothing where nothing was.
fn check_killed(project: &Project, old: Option<&Tree>, new: &Tree, at: &str) {
    if project.exists("vendor/x") {
        let found = project.tree("vendor/x");
        assert!(Some(&found) == old || found == *new, "{at}: neither the old tree nor the new one: {found:?}");
    } else {
        assert!(old.is_none(), "{at}: the old tree is gone");
    }
}

/// What a rerun must come to: the new tree, proved, and nothing left over anywhere.
fn check_rerun(project: &Project, new: &Tree, at: &str) {
    assert_eq!(project.tree("vendor/x"), *new, "{at}");
    let verified = project.verify();
    assert_eq!(verified.exit_code(), 0, "{at}: {}", human(&verified));
    let beside: Vec<String> = project.tree("vendor").into_keys().filter(|path| !below(path, "x")).collect();
    assert!(beside.is_empty(), "{at}: left beside the tree: {beside:?}");
    let records: Vec<String> = project.tree(".pinfold").into_keys().collect();
    assert_eq!(records, ["x.json"], "{at}");
    let checked = project.with(&Silent, cache::verify).expect("a report");
    assert_eq!(checked.exit_code(), 0, "{at}: {}", human(&checked));
    project.collect(false).expect("nobody holds the store");
    let partial: Vec<String> = project.tree("../store").into_keys().filter(|path| path.ends_with(".partial")).collect();
    assert!(partial.is_empty(), "{at}: {partial:?}");
}

fn below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Gives up at the so-and-so-many-th call.
struct Dying {
    calls: AtomicUsize,
    last: usize,
}

impl Dying {
    fn called(&self) {
        if self.calls.fetch_add(1, Ordering::Relaxed) == self.last {
            std::process::abort();
        }
    }
}

impl Progress for Dying {
    fn step(&self, _pin: &str, _step: Step) {
        self.called();
    }
    fn received(&self, _pin: &str, _bytes: u64, _total: Option<u64>) {
        self.called();
    }
    fn waiting(&self, _held: &pinfold_core::fs::Held) {
        self.called();
    }
}

/// Not a test of its own: the process that [`killed_at_every_step`] starts, to die in the middle of a fetch.
#[test]
#[ignore = "started by killed_at_every_step"]
fn child() {
    let variable = |name: &str| std::env::var(name).expect(name);
    let root = PathBuf::from(variable("CRASH_ROOT"));
    let web = Web::default();
    for entry in std::fs::read_dir(root.join("in")).expect("artifacts") {
        let path = entry.expect("an artifact").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        web.serve(&format!("https://example.com/{name}"), std::fs::read(path).expect("an artifact"));
    }
    let settings = Settings { flags: &[], env: &|_| None, npmrc: &[], pip_conf: &[], built_in_npm: None };
    let progress = Dying { calls: AtomicUsize::new(0), last: variable("CRASH_CALL").parse().expect("a number") };
    let ctx = Ctx {
        pin_file: &root.join("pins.toml"),
        store: &Store::new(PathBuf::from(variable("CRASH_STORE"))),
        shared: &Shared::new(Arc::new(Web::default()), remote_cache::Settings::default()),
        http: &web,
        clock: &SystemClock,
        timeouts: &Timeouts::default(),
        trust: &Trust::new(None),
        verdicts: &Verdicts::new(&root.join("store"), None),
        asked: &Asked::new(&root.join("store"), None),
        registries: &Registries::new(&settings),
        platform: &"linux-x64".parse().expect("a platform"),
        progress: &progress,
        gate: &Gate::new(1),
        jobs: 1,
        secrets: &Secrets::default(),
        lock_timeout: pinfold_core::fs::LOCK_TIMEOUT,
    };
    let report = fetch::run(&ctx, &fetch::Options { conduct: QUIET, ..fetch::Options::default() }).expect("a report");
    assert_eq!(report.exit_code(), 0, "{}", human(&report));
}

#[test]
fn killed_at_every_step() {
    for (change, pin_changes) in changes().into_iter().flat_map(|change| [(change.clone(), false), (change, true)]) {
        let old = change.before.as_ref().map(tree_of);
        let new = tree_of(&change.after);
        let mut deaths = 0;
        loop {
            let at = format!("{}, call {deaths}, pin changes: {pin_changes}", change.name);
            let project = prepared(&change, &|_, pinned| format!("url = \"{}\"", pinned.url()));
            let output = Command::new(std::env::current_exe().expect("this program"))
                .args(["crash::child", "--exact", "--ignored", "--nocapture"])
                .env("CRASH_ROOT", project.root())
                .env("CRASH_STORE", project.store_folder())
                .env("CRASH_CALL", deaths.to_string())
                .output()
                .expect("a child");
            if output.status.success() {
                assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{at}: {output:?}");
                check_rerun(&project, &new, &at);
                break;
            }
            assert!(output.status.signal().is_some(), "{at}: {}", String::from_utf8_lossy(&output.stderr));
            deaths += 1;
            check_killed(&project, old.as_ref(), &new, &at);
            if pin_changes {
                // Somebody changes the pin before the next run: what the killed one left is still pinfold's own.
                let third = third_tree();
                project.web.serve(&third.url(), third.bytes.clone());
                project.pins(&third.pin(&format!("url = \"{}\"", third.url())));
                project.fetch_all();
                check_rerun(&project, &tree_of(&third), &at);
                continue;
            }
            project.fetch_all();
            check_rerun(&project, &new, &at);
        }
        // Looking is not heard of in every version; the others are.
        assert!(deaths >= 7, "{}: died only {deaths} times", change.name);
    }
}

/// Serves the artifacts of a project over loopback for as long as the test runs.
fn loopback(folder: &Path) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let folder = folder.to_owned();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let folder = folder.clone();
            std::thread::spawn(move || serve(stream.expect("a connection"), &folder));
        }
    });
    port
}

/// Answers one request. A client that was killed is no error.
fn serve(mut stream: TcpStream, folder: &Path) {
    let mut request = Vec::new();
    let mut buffer = [0; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer) {
            Ok(read) if read > 0 => request.extend_from_slice(&buffer[..read]),
            _ => return,
        }
    }
    let request = String::from_utf8_lossy(&request);
    let name = request.split(' ').nth(1).and_then(|path| path.rsplit('/').next()).unwrap_or_default();
    let Ok(body) = std::fs::read(folder.join(name)) else { return };
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
}

/// The system calls that change something on a disk, and those that lead there.
const CALLS: [&str; 14] = [
    "openat",
    "mkdir",
    "mkdirat",
    "write",
    "pwrite64",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "utimensat",
    "fchmod",
    "symlinkat",
    "flock",
];

const FETCH: [&str; 3] = ["fetch", "--jobs", "1"];

/// More calls of one kind than this are more than a run of these few files makes.
const MOST_CALLS: usize = 120;

/// Runs a command with something going wrong in a system call; whether the run came that far, and how it ended.
pub(crate) fn run_with_fault(project: &Project, args: &[&str], fault: &str) -> (bool, Output) {
    let call = fault.split(':').next().expect("a system call");
    let command = project.command();
    let mut strace = Command::new("strace");
    let log = project.path("../strace.log");
    strace.args(["-f", "-qq", "-o"]).arg(&log).args(["-e", &format!("trace={call}")]);
    strace.args(["-e", &format!("inject={fault}")]).arg(command.get_program());
    strace.args(args).current_dir(project.root()).env_clear();
    strace.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Ok(path) = std::env::var("PATH") {
        strace.env("PATH", path);
    }
    let output = strace.output().expect("strace");
    let log = std::fs::read_to_string(log).expect("a log");
    (log.contains("(INJECTED)") || log.contains("killed by SIGKILL"), output)
}

/// Kills or fails the command at each call of each kind, until one run does not get as far as that.
fn at_every_call(change: &Change, calls: &[&str], fault: &str, came_out: &dyn Fn(&Project, &Output, &str)) -> usize {
    let served = Project::new("");
    for pinned in change.before.iter().chain([&change.after]) {
        served.write(pinned.file, &pinned.bytes);
    }
    let port = loopback(&served.root());
    let source = |project: &Project, pinned: &Pinned| {
        let url = format!("http://127.0.0.1:{port}/{}", pinned.file);
        project.web.serve(&url, pinned.bytes.clone());
        format!("url = \"{url}\"")
    };
    let new = tree_of(&change.after);
    let mut faults = 0;
    for call in calls {
        for when in 1.. {
            assert!(when < MOST_CALLS, "{call} has no end");
            let at = format!("{}, {call} {when}", change.name);
            let project = prepared(change, &source);
            let (came_so_far, output) = run_with_fault(&project, &FETCH, &format!("{call}:{fault}:when={when}"));
            if !came_so_far {
                assert_eq!(output.status.code(), Some(0), "{at}: {output:?}");
                check_rerun(&project, &new, &at);
                break;
            }
            faults += 1;
            came_out(&project, &output, &at);
            let again = project.command().args(["fetch"]).output().expect("the command");
            assert_eq!(again.status.code(), Some(0), "{at}: {}", String::from_utf8_lossy(&again.stdout));
            check_rerun(&project, &new, &at);
        }
    }
    faults
}

fn killed_at_every_call(change: &Change) {
    needs::strace();
    let old = change.before.as_ref().map(tree_of);
    let new = tree_of(&change.after);
    let faults = at_every_call(change, &CALLS, "signal=KILL", &|project, output, at| {
        assert_eq!(output.status.signal(), Some(9), "{at}: {output:?}");
        check_killed(project, old.as_ref(), &new, at);
    });
    assert!(faults > 20, "{}: killed only {faults} times", change.name);
}

#[test]
fn killed_at_every_call_of_a_restore() {
    needs::strace();
    let pinned = new_tree();
    let good = tree_of(&pinned);
    let mut faults = 0;
    for call in CALLS {
        for when in 1.. {
            assert!(when < MOST_CALLS, "{call} has no end");
            let at = format!("restore, {call} {when}");
            let project = Project::new(&pinned.pin(&format!("file = \"in/{}\"", pinned.file)));
            project.write(&format!("in/{}", pinned.file), &pinned.bytes);
            project.fetch_all();
            let changed = good.keys().next().expect("a file");
            project.write(&format!("vendor/x/{changed}"), "mine");
            let mine = project.tree("vendor/x");
            let fault = format!("{call}:signal=KILL:when={when}");
            let (came_so_far, output) = run_with_fault(&project, &["fetch", "--restore", "--jobs", "1"], &fault);
            if !came_so_far {
                assert_eq!(output.status.code(), Some(0), "{at}: {output:?}");
                check_rerun(&project, &good, &at);
                break;
            }
            faults += 1;
            check_killed(&project, Some(&mine), &good, &at);
            // Nobody asks for it again: what was changed stays, or is gone, and nothing is left beside it.
            let is_good = project.tree("vendor/x") == good;
            let again = project.command().args(["fetch"]).output().expect("the command");
            assert_eq!(
                again.status.code(),
                Some(i32::from(!is_good)),
                "{at}: {}",
                String::from_utf8_lossy(&again.stdout)
            );
            let beside: Vec<String> = project.tree("vendor").into_keys().filter(|path| !below(path, "x")).collect();
            assert!(beside.is_empty(), "{at}: left beside the tree: {beside:?}");
            if !is_good {
                assert_eq!(project.tree("vendor/x"), mine, "{at}");
                let restored = project.command().args(["fetch", "--restore"]).output().expect("the command");
                assert_eq!(restored.status.code(), Some(0), "{at}: {}", String::from_utf8_lossy(&restored.stdout));
            }
            check_rerun(&project, &good, &at);
        }
    }
    assert!(faults > 20, "killed only {faults} times");
}

#[test]
fn killed_at_every_call_of_a_first_fetch() {
    killed_at_every_call(&changes()[0]);
}

#[test]
fn killed_at_every_call_of_an_update() {
    killed_at_every_call(&changes()[2]);
}

#[test]
fn killed_at_every_call_of_a_tree_that_becomes_a_file() {
    killed_at_every_call(&changes()[4]);
}

#[test]
fn the_disk_is_full_at_every_write() {
    needs::strace();
    for change in [&changes()[0], &changes()[2]] {
        let old = change.before.as_ref().map(tree_of);
        let new = tree_of(&change.after);
        // Standard output is no disk, and a line that cannot be told is an error too.
        let calls = ["write", "mkdirat", "openat", "symlinkat", "rename", "renameat", "renameat2"];
        let faults = at_every_call(change, &calls, "error=ENOSPC", &|project, output, at| {
            let said = String::from_utf8_lossy(&[output.stdout.clone(), output.stderr.clone()].concat()).into_owned();
            // Before `main` a program that finds no library does not start.
            match output.status.code() {
                Some(2) => assert!(
                    said.contains("free some space") || said.contains("cannot write to standard output"),
                    "{at}: {said}"
                ),
                // What the system's own start-up can do without, or cannot.
                Some(0) => assert_eq!(project.tree("vendor/x"), new, "{at}: {said}"),
                code => assert_eq!(code, Some(127), "{at}: {said}"),
            }
            check_killed(project, old.as_ref(), &new, at);
        });
        assert!(faults > 10, "{}: failed only {faults} times", change.name);
    }
}

#[test]
fn several_at_once() {
    let change = Change { name: "at once", before: None, after: new_tree() };
    let new = tree_of(&change.after);
    let served = Project::new("");
    served.write(change.after.file, &change.after.bytes);
    let port = loopback(&served.root());
    let pins = change.after.pin(&format!("url = \"http://127.0.0.1:{port}/{}\"", change.after.file));
    for _ in 0..5 {
        let projects = [Project::new(&pins), Project::new(&pins)];
        let store = projects[0].store_folder();
        let mut children = Vec::new();
        for project in [&projects[0], &projects[1], &projects[0], &projects[1]] {
            let mut command = project.command();
            command.args(["fetch", "--quiet"]).env("PINFOLD_CACHE", &store);
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
            children.push(command.spawn().expect("the command"));
        }
        for child in children {
            let output = child.wait_with_output().expect("an end");
            assert_eq!(output.status.code(), Some(0), "{output:?}");
        }
        for project in &projects {
            assert_eq!(project.tree("vendor/x"), new);
            let verified = project.command().args(["verify"]).env("PINFOLD_CACHE", &store).output().expect("a report");
            assert_eq!(verified.status.code(), Some(0), "{verified:?}");
        }
        check_rerun(&projects[0], &new, "several at once");
    }
}

/// Asks the store to be collected while a fetch is at work.
struct Collecting<'a> {
    project: &'a Project,
    busy: AtomicUsize,
}

impl Progress for Collecting<'_> {
    fn step(&self, _pin: &str, _step: Step) {
        let collected = self.project.with(&Silent, |ctx| cache::gc(ctx, false));
        let busy = collected.is_err_and(|error| (error.code(), error.verdict()) == ("store-busy", Verdict::Failed));
        self.busy.fetch_add(usize::from(busy), Ordering::Relaxed);
    }
    fn received(&self, _pin: &str, _bytes: u64, _total: Option<u64>) {}
    fn waiting(&self, _held: &pinfold_core::fs::Held) {}
}

#[test]
fn nothing_is_collected_while_a_fetch_is_at_work() {
    let change = Change { name: "collected", before: None, after: new_tree() };
    let project = prepared(&change, &|_, pinned| format!("url = \"{}\"", pinned.url()));
    let progress = Collecting { project: &project, busy: AtomicUsize::new(0) };
    let report = project
        .with(&progress, |ctx| fetch::run(ctx, &fetch::Options { conduct: QUIET, ..fetch::Options::default() }))
        .expect("a report");
    assert_eq!(report.exit_code(), 0, "{}", human(&report));
    assert!(progress.busy.load(Ordering::Relaxed) >= 6, "a collection went through: no store-busy");
    check_rerun(&project, &tree_of(&change.after), "after the collection");
}
