//! Every file of `tests/vectors/` through every door that would take it, and the attacks that are no single file.
//!
//! After a refusal everything is as it was: the old tree byte for byte, and no new name anywhere.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::{FileTypeExt as _, symlink};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use pinfold::commands::{fetch, verify};
use pinfold::ctx::Silent;
use pinfold::install::Conduct;
use pinfold::report::{Report, Verdict};
use pinfold_core::fault::Fault;
use pinfold_core::pins::PinsError;

use crate::support::{Project, QUIET, REGISTRY, Tar, human, integrity, npm_package};

/// Vectors whose refusal cannot be reached by way of a pin: (name, what happens instead, why).
const OTHERWISE: &[(&str, &str, &str)] =
    &[("raw-has-no-members", "ok", "a fetch asks what the content is first, and takes a raw file as one")];

/// An archive, how it is pinned, and what is to come of it.
struct Vector {
    name: String,
    expect: String,
    /// What the artifact is called.
    file: String,
    /// The keys of the layout, as pins.toml has them.
    layout: String,
    members: Option<String>,
    bytes: Vec<u8>,
}

impl Vector {
    fn all() -> Vec<Self> {
        let vectors: Vec<Self> = texts("archive").iter().map(|(name, text)| Self::parse(name, text)).collect();
        assert!(vectors.len() > 250, "the vectors were not found");
        vectors
    }

    fn parse(name: &str, text: &str) -> Self {
        let (header, payload) = text.split_once("\n\n").expect("an empty line");
        let bytes = BASE64.decode(payload.replace('\n', "")).expect("base64");
        let fields: BTreeMap<&str, &str> = header.lines().map(|line| line.split_once(": ").expect("a field")).collect();
        let format = fields["format"];
        let name = name.to_owned();
        let expect = match OTHERWISE.iter().find(|(other, _, _)| *other == name) {
            Some((_, instead, _)) => (*instead).to_owned(),
            None => fields["expect"].to_owned(),
        };
        let file = fields.get("name").map_or_else(|| format!("x.{format}"), |name| (*name).to_owned());
        let layout = fields.get("layout").map(|text| layout(text)).unwrap_or_default();
        Self { name, expect, file, layout, members: fields.get("members").map(|text| (*text).to_owned()), bytes }
    }

    /// The pin of this vector as `name`, from that source, to that place.
    fn pin(&self, name: &str, source: &str, to: &str) -> String {
        let integrity = integrity(&self.bytes);
        format!("[pins.{name}]\n{source}\nintegrity = \"{integrity}\"\nto = \"{to}\"\n{}", self.layout)
    }
}

/// `strip=1 include=a include=b` as lines of pins.toml.
fn layout(text: &str) -> String {
    let mut keys: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for pair in text.split(' ') {
        let (key, value) = pair.split_once('=').expect("key=value");
        keys.entry(key).or_default().push(value);
    }
    keys.into_iter()
        .map(|(key, values)| match key {
            "include" | "exclude" | "executable" => format!("{key} = {values:?}\n"),
            "format" => format!("{key} = {:?}\n", values[0]),
            _ => format!("{key} = {}\n", values[0]),
        })
        .collect()
}

/// The vectors of a folder by name, without extension.
fn texts(folder: &str) -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(folder);
    let text = |path: &Path| std::fs::read_to_string(path).expect("a vector");
    std::fs::read_dir(folder)
        .expect("the folder of vectors")
        .map(|entry| entry.expect("an entry").path())
        .map(|path| (path.file_stem().expect("a name").to_string_lossy().into_owned(), text(&path)))
        .collect()
}

/// A project with a good tree at `vendor/x`, recorded.
fn with_a_good_tree() -> Project {
    let good = Tar::default().file("a.txt", "good\n").executable("bin/run", "#!/bin/sh\n").gz();
    let project = Project::new("");
    project.write("in/good.tar.gz", &good);
    let integrity = integrity(&good);
    project.pins(&format!(
        "[pins.x]\nfile = \"in/good.tar.gz\"\nintegrity = \"{integrity}\"\nto = \"vendor/x\"\nmax-members = 99\n"
    ));
    project.fetch_all();
    project
}

/// All that lies anywhere near the project, the store aside: it may keep bytes that it has checked.
fn everything(project: &Project) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(project.path("..")).expect("a folder") {
        let name = entry.expect("an entry").file_name().into_string().expect("UTF-8");
        if name != "store" {
            let tree = project.tree(&format!("../{name}"));
            all.extend(tree.into_iter().map(|(path, content)| (format!("{name}/{path}"), content)));
        }
    }
    all
}

/// Lays each vector before a project with a good tree; where it was refused the same project serves again, as nothing
/// has changed there.
fn each_vector(lay: impl Fn(&Vector, &Project)) {
    let mut project = with_a_good_tree();
    for vector in Vector::all() {
        lay(&vector, &project);
        if vector.expect == "ok" {
            project = with_a_good_tree();
        }
    }
}

/// The codes of a row, in order.
fn codes(report: &Report, row: usize) -> Vec<&str> {
    report.rows[row].findings.iter().map(|finding| finding.code.as_str()).collect()
}

/// Holds what came of a vector against what it expects; `before` is what lay there before.
fn check(vector: &Vector, door: &str, project: &Project, report: &Report, before: &BTreeMap<String, String>) {
    let at = format!("{} by {door}: {}", vector.name, human(report));
    if vector.expect == "ok" {
        assert_eq!(report.exit_code(), 0, "{at}");
        let tree = project.tree("vendor/x");
        if let Some(members) = &vector.members {
            members.split(' ').for_each(|member| assert!(stands(&tree, member), "{at}: {member} in {tree:?}"));
        }
        let verified = project.verify();
        assert_eq!(verified.exit_code(), 0, "{at}: {}", human(&verified));
        return;
    }
    assert_eq!(report.exit_code(), 1, "{at}");
    assert_eq!(codes(report, 0), [vector.expect.as_str()], "{at}");
    let now = everything(project);
    let new: Vec<_> = now.iter().filter(|(path, content)| before.get(*path) != Some(content)).collect();
    let gone: Vec<_> = before.keys().filter(|path| !now.contains_key(*path)).collect();
    assert!(new.is_empty() && gone.is_empty(), "{at}: new or changed {new:?}, gone {gone:?}");
    assert_ne!(project.verify().exit_code(), 0, "{at}: what stands there is not what is pinned");
}

/// Whether a member of a vector's listing stands in a tree.
fn stands(tree: &BTreeMap<String, String>, member: &str) -> bool {
    if let Some((path, target)) = member.split_once("->") {
        return tree.get(path) == Some(&format!("-> {target}"));
    }
    if let Some((path, target)) = member.split_once("=>") {
        return tree.get(path).is_some_and(|file| Some(file) == tree.get(target));
    }
    if let Some(folder) = member.strip_suffix('/') {
        return tree.keys().any(|path| path.starts_with(folder));
    }
    let (path, size) = member.split_once('=').expect("a size");
    let mode = if size.ends_with('*') { "755 " } else { "644 " };
    tree.get(path).is_some_and(|file| file.starts_with(mode))
}

#[test]
fn archives_as_files_of_the_project() {
    each_vector(|vector, project| {
        project.write(&format!("in/{}", vector.file), &vector.bytes);
        project.pins(&vector.pin("x", &format!("file = \"in/{}\"", vector.file), "vendor/x"));
        let before = everything(project);
        check(vector, "file", project, &project.fetch(), &before);
    });
}

#[test]
fn archives_from_a_server() {
    each_vector(|vector, project| {
        let url = format!("https://example.com/{}/{}", vector.name, vector.file);
        project.web.serve(&url, vector.bytes.clone());
        project.pins(&vector.pin("x", &format!("url = \"{url}\""), "vendor/x"));
        let before = everything(project);
        check(vector, "url", project, &project.fetch(), &before);
        // Once more, from the store.
        let conduct = Conduct { offline: true, ..QUIET };
        let report = project.try_fetch(conduct).expect("a report");
        check(vector, "store", project, &report, &before);
        assert_eq!(project.web.asked().len(), 1, "{}", vector.name);
    });
}

#[test]
fn archives_as_release_assets() {
    each_vector(|vector, project| {
        let file = &vector.file;
        project.web.serve(&format!("https://github.com/o/r/releases/download/v1/{file}"), vector.bytes.clone());
        project.pins(&vector.pin("x", &format!("github = \"o/r@v1#{file}\""), "vendor/x"));
        let before = everything(project);
        check(vector, "github", project, &project.fetch(), &before);
    });
}

/// All at once, by the command itself: each is refused for its own reason, and none keeps the good from their places.
#[test]
fn archives_by_the_command() {
    let project = Project::new("");
    let vectors = Vector::all();
    let mut pins = String::new();
    for (index, vector) in vectors.iter().enumerate() {
        let file = format!("in/{index}/{}", vector.file);
        project.write(&file, &vector.bytes);
        pins.push_str(&vector.pin(&vector.name, &format!("file = \"{file}\""), &format!("vendor/{}", vector.name)));
    }
    project.pins(&pins);
    let output = project.command().args(["fetch", "--json"]).output().expect("the command");
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    for (vector, row) in vectors.iter().zip(report["rows"].as_array().expect("rows")) {
        assert_eq!(row["subject"], vector.name.as_str());
        let to = format!("vendor/{}", vector.name);
        if vector.expect == "ok" {
            assert_eq!(row["verdict"], "PASSED", "{row}");
            assert!(project.exists(&to), "{to}");
        } else {
            assert_eq!(row["verdict"], "REFUSED", "{row}");
            assert_eq!(row["findings"][0]["code"], vector.expect.as_str(), "{row}");
            assert!(!project.exists(&to), "{to}");
        }
    }
    let left: Vec<_> = project.tree("vendor").into_keys().filter(|path| path.contains(".pinfold-")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn pin_files() {
    let vectors = texts("pins");
    assert!(vectors.len() > 150, "the vectors were not found");
    for (name, text) in vectors {
        let (header, payload) = text.split_once("\n\n").expect("a header");
        let expect = header.lines().next().and_then(|line| line.strip_prefix("expect: ")).expect("what to expect");
        let project = Project::new("");
        project.write("pins.toml", payload);
        let before = everything(&project);
        let fetched = project.try_fetch(QUIET);
        let verified = project.with(&Silent, |ctx| {
            verify::run(ctx, &verify::Options { evidence: QUIET.evidence, ..verify::Options::default() })
        });
        if expect == "ok" {
            let refused = |result: &Result<Report, Fault>| {
                result.as_ref().is_err_and(|error| error.cause::<PinsError>().is_some())
            };
            assert!(!refused(&fetched) && !refused(&verified), "{name}");
            continue;
        }
        for error in [fetched.expect_err(&name), verified.expect_err(&name)] {
            assert!(error.cause::<PinsError>().is_some(), "{name}: {error}");
            assert_eq!((error.code(), error.verdict().exit_code()), (expect, 2), "{name}: {error}");
            let shown = error.to_string();
            assert!(shown.starts_with("pins.toml:") && !shown.contains(char::is_control), "{name}: {shown:?}");
        }
        for command in ["fetch", "verify"] {
            let output = project.command().args([command, "--json"]).output().expect("the command");
            assert_eq!(output.status.code(), Some(2), "{name}");
            let failure: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
            assert_eq!(failure["error"]["code"], expect, "{name}: {failure}");
        }
        assert_eq!(everything(&project), before, "{name}");
        assert!(project.web.asked().is_empty(), "{name}");
    }
}

/// Runs the command, which must come to an end: what hangs is killed and fails the test.
fn run(project: &Project, arguments: &[&str]) -> (i32, String) {
    let mut child = project
        .command()
        .args(arguments)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the command");
    let started = Instant::now();
    while child.try_wait().expect("a child").is_none() {
        if started.elapsed() > Duration::from_secs(20) {
            child.kill().expect("a child");
            panic!("{arguments:?} hangs");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let output = child.wait_with_output().expect("output");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().expect("an exit code"), String::from_utf8(text).expect("UTF-8"))
}

/// A pin of a good file, without its tree.
fn to_be_fetched(to: &str) -> Project {
    let good = Tar::default().file("a.txt", "good\n").gz();
    let project = Project::new("");
    project.write("in/good.tar.gz", &good);
    let integrity = integrity(&good);
    project.pins(&format!("[pins.x]\nfile = \"in/good.tar.gz\"\nintegrity = \"{integrity}\"\nto = \"{to}\"\n"));
    project
}

/// A folder beside the project with a file in it: what no attack may touch.
fn outside(project: &Project) -> BTreeMap<String, String> {
    project.write("../outside/precious.txt", "precious\n");
    project.tree("../outside")
}

fn pipe(project: &Project, path: &str) {
    let path = project.path(path);
    std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    let made = Command::new("mkfifo").arg(&path).status().expect("mkfifo");
    assert!(made.success() && path.symlink_metadata().expect("a pipe").file_type().is_fifo());
}

#[test]
fn a_link_on_the_way_to_a_destination() {
    let project = to_be_fetched("vendor/x");
    let before = outside(&project);
    symlink("../outside", project.path("vendor")).expect("a link");
    for (command, expected) in [("fetch", 2), ("verify", 1)] {
        let (code, text) = run(&project, &[command]);
        assert_eq!(code, expected, "{text}");
        assert!(text.contains("a link or file is in the way"), "{text}");
    }
    assert_eq!(project.tree("../outside"), before);
}

#[test]
fn a_link_at_a_destination() {
    let project = to_be_fetched("vendor/x");
    let before = outside(&project);
    std::fs::create_dir(project.path("vendor")).expect("a folder");
    symlink("../../outside", project.path("vendor/x")).expect("a link");
    let report = project.fetch();
    assert_eq!((report.exit_code(), codes(&report, 0)), (1, vec!["not-ours", "file-odd"]), "{}", human(&report));
    assert_eq!(project.tree("../outside"), before);

    // Where a record says that the place is ours, the link is replaced if that is asked for, and what it leads to is left
    // alone.
    std::fs::remove_file(project.path("vendor/x")).expect("a link");
    project.fetch_all();
    std::fs::remove_dir_all(project.path("vendor/x")).expect("a tree");
    symlink("../../outside", project.path("vendor/x")).expect("a link");
    assert_eq!(project.verify().exit_code(), 1);
    let report = project.fetch();
    assert_eq!(codes(&report, 0), ["tree-changed", "file-odd"], "{}", human(&report));
    let report = project.try_fetch(Conduct { restore: true, ..QUIET }).expect("a report");
    assert_eq!((report.exit_code(), codes(&report, 0)), (0, vec!["tree-restored", "file-odd"]));
    assert_eq!(project.tree("vendor/x")["a.txt"], "644 good\n");
    assert_eq!(project.tree("../outside"), before);
}

#[test]
fn something_at_the_name_of_the_stage() {
    for name in [".x.pinfold-new", ".x.pinfold-new-old"] {
        let project = to_be_fetched("vendor/x");
        let before = outside(&project);
        std::fs::create_dir(project.path("vendor")).expect("a folder");
        symlink("../../outside", project.path("vendor").join(name)).expect("a link");
        project.fetch_all();
        assert_eq!(project.tree("../outside"), before);
        let tree: Vec<String> = project.tree("vendor").into_keys().collect();
        assert_eq!(tree, ["x/a.txt"], "{name}");

        // A folder there, with a link and a pipe in it: it goes, the link unfollowed.
        let project = to_be_fetched("vendor/x");
        let before = outside(&project);
        project.write(&format!("vendor/{name}/a.txt"), "evil\n");
        symlink("../../../outside", project.path("vendor").join(name).join("link")).expect("a link");
        pipe(&project, &format!("vendor/{name}/deep/er/pipe"));
        project.fetch_all();
        assert_eq!(project.tree("../outside"), before);
        assert_eq!(project.tree("vendor"), BTreeMap::from([("x/a.txt".to_owned(), "644 good\n".to_owned())]), "{name}");
    }
}

#[test]
fn a_link_in_place_of_the_records() {
    let project = to_be_fetched("vendor/x");
    let before = outside(&project);
    symlink("../outside", project.path(".pinfold")).expect("a link");
    for command in ["fetch", "verify"] {
        let (code, text) = run(&project, &[command]);
        assert_eq!(code, 2, "{text}");
        assert!(text.contains("a link or file is in the way"), "{text}");
    }
    assert_eq!(project.tree("../outside"), before);
    assert!(!project.exists("vendor"));
}

#[test]
fn a_link_in_place_of_a_record() {
    let project = to_be_fetched("vendor/x");
    project.fetch_all();
    let record = project.read(".pinfold/x.json");
    project.write("../outside/x.json", &record);
    let before = project.tree("../outside");
    std::fs::remove_file(project.path(".pinfold/x.json")).expect("a record");
    symlink("../../outside/x.json", project.path(".pinfold/x.json")).expect("a link");
    std::fs::remove_dir_all(project.path("vendor/x")).expect("a tree");
    project.pins(&format!("{}max-members = 9\nstrip = 0\ninclude = [\"**\"]\n", project.read("pins.toml")));
    project.fetch_all();
    assert!(project.path(".pinfold/x.json").symlink_metadata().expect("a record").is_file());
    assert_ne!(project.read(".pinfold/x.json"), record);
    assert_eq!(project.tree("../outside"), before);
}

/// A pipe in place of every file that is read: nothing waits for somebody to write into it.
#[test]
fn pipes_and_folders_in_place_of_files() {
    let with_record = |path: &str| {
        let project = to_be_fetched("vendor/x");
        project.fetch_all();
        std::fs::remove_file(project.path(path)).expect("a file");
        project
    };
    for path in ["in/good.tar.gz", ".pinfold/x.json", "pins.toml"] {
        let project = with_record(path);
        let tree = project.tree("vendor/x");
        pipe(&project, path);
        for command in ["verify", "fetch"] {
            let (code, text) = run(&project, &[command]);
            assert_eq!(code, 2, "{path} {command}: {text}");
            assert!(text.contains("not a regular file"), "{path} {command}: {text}");
            assert!(command == "fetch" || project.tree("vendor/x") == tree, "{path}");
            // Gone before the fetch, which does not ask for the source of a tree that stands.
            let _ = std::fs::remove_dir_all(project.path("vendor/x"));
        }
        assert!(!project.exists("vendor/x"), "{path}");

        let project = with_record(path);
        std::fs::create_dir(project.path(path)).expect("a folder");
        let (code, text) = run(&project, &["fetch"]);
        // The source of a tree that stands is not asked for.
        assert_eq!(code, if path == "in/good.tar.gz" { 0 } else { 2 }, "{path}: {text}");
        assert_eq!(run(&project, &["verify"]).0, 2, "{path}");
        assert_eq!(project.tree("vendor/x"), tree, "{path}");
    }
}

#[test]
fn a_patch_with_a_file_that_is_none() {
    let patched = || {
        let project = to_be_fetched("vendor/x");
        let pins = project.read("pins.toml");
        project.pins(&format!("{pins}[[pins.x.patch]]\npath = \"a.txt\"\nreplace-with = \"patches/a\"\n"));
        project
    };
    let project = patched();
    pipe(&project, "patches/a");
    let (code, text) = run(&project, &["fetch"]);
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("not a regular file"), "{text}");

    // Larger than any patch may be; the file has a length and no blocks.
    let project = patched();
    project.write("patches/a", "");
    let huge = std::fs::File::options().write(true).open(project.path("patches/a")).expect("a file");
    huge.set_len(1 << 40).expect("a length");
    let (code, text) = run(&project, &["fetch"]);
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("longer than"), "{text}");

    // A link is followed: the files that a pin is made of are the project's own, wherever it keeps them.
    let project = patched();
    project.write("elsewhere", "patched\n");
    std::fs::create_dir(project.path("patches")).expect("a folder");
    symlink("../elsewhere", project.path("patches/a")).expect("a link");
    project.fetch_all();
    assert_eq!(project.tree("vendor/x")["a.txt"], "644 patched\n");
    assert_eq!(project.read("elsewhere"), "patched\n");

    // One to a device without end is not read to it.
    std::fs::remove_file(project.path("patches/a")).expect("a link");
    symlink("/dev/zero", project.path("patches/a")).expect("a link");
    let (code, text) = run(&project, &["fetch"]);
    assert_eq!(code, 2, "{text}");
}

#[test]
fn things_in_the_store_that_are_no_artifact() {
    let check = |spoil: &dyn Fn(&Path, &Project), expected: i32| {
        let project = Project::new("");
        let pinned = project.web.serve_npm("left", "1.0.0", &[("a.txt", "good\n")]);
        project.pins(&format!("[pins.left]\nnpm = \"left@1.0.0\"\nintegrity = \"{pinned}\"\nto = \"vendor/left\"\n"));
        project.fetch_all();
        let good = project.tree("vendor/left");
        std::fs::remove_dir_all(project.path("vendor/left")).expect("a tree");
        let before = outside(&project);
        let blob = project.with(&Silent, |ctx| ctx.store.path_of(&pinned.parse().expect("an integrity")));
        std::fs::remove_file(&blob).expect("a blob");
        spoil(&blob, &project);
        // What the store has must not hang the command, whatever it says; then the project asks its own network.
        run(&project, &["fetch", "--offline"]);
        run(&project, &["cache", "verify"]);
        let started = Instant::now();
        let report = project.fetch();
        assert_eq!(i32::from(report.exit_code()), expected, "{}", human(&report));
        assert!(started.elapsed() < Duration::from_secs(20));
        if expected == 0 {
            assert_eq!(project.tree("vendor/left"), good);
            assert_eq!(project.verify().exit_code(), 0);
        } else {
            assert!(!project.exists("vendor/left"));
        }
        assert_eq!(project.tree("../outside"), before);
    };
    // A link to other bytes: the link goes, the bytes stay.
    check(&|blob, project| symlink(project.path("../outside/precious.txt"), blob).expect("a link"), 0);
    // A link to nothing, and to itself.
    check(&|blob, _| symlink("nowhere", blob).expect("a link"), 0);
    check(&|blob, _| symlink(blob, blob).expect("a link"), 2);
    check(&|blob, _| std::fs::create_dir(blob).expect("a folder"), 2);
    check(&|blob, project| pipe(project, &blob.strip_prefix(project.root()).unwrap_or(blob).to_string_lossy()), 2);
    // Other bytes of the same length, and none.
    check(&|blob, _| std::fs::write(blob, npm_package("left", "1.0.0", &[("a.txt", "evil\n")])).expect("a file"), 0);
    check(&|blob, _| std::fs::write(blob, "").expect("a file"), 0);
}

#[test]
fn records_with_hostile_text() {
    let project = to_be_fetched("vendor/x");
    project.fetch_all();
    let before = outside(&project);
    let record = project.read(".pinfold/x.json");
    let tree = project.tree("vendor/x");
    let swap = |from: &str, to: &str| {
        assert!(record.contains(from), "{from} in {record}");
        record.replace(from, to)
    };
    let hostile = [
        swap("\"a.txt\"", "\"../../../outside/precious.txt\""),
        swap("\"a.txt\"", "\"/etc/passwd\""),
        swap("\"a.txt\"", "\"a/../b\""),
        swap("\"a.txt\"", "\"\""),
        swap("\"a.txt\"", "\"a\\u0000b\""),
        swap("\"a.txt\"", "\"a\\u001b[2Jb\""),
        swap("\"vendor/x\"", "\"../outside\""),
        swap("\"vendor/x\"", "\"/\""),
        swap("\"schema\"", "\"scheme\""),
        swap("\"pin\"", "\"extra\": 1, \"pin\""),
        format!("[{}", "[".repeat(100_000)),
        "{".repeat(100_000),
        String::new(),
        "\u{feff}{}".to_owned(),
    ];
    for text in hostile {
        project.write(".pinfold/x.json", &text);
        let frozen = Conduct { frozen: true, ..QUIET };
        let report = project.try_fetch(frozen).expect("a report");
        assert_eq!((report.exit_code(), codes(&report, 0)), (2, vec!["record-malformed"]));
        assert_eq!(project.read(".pinfold/x.json"), text, "a frozen fetch writes nothing");
        // What a record says follows from the pin: it says nothing, and is written anew.
        for (command, code) in [("verify", 2), ("fetch", 0), ("verify", 0)] {
            let (received, said) = run(&project, &[command]);
            assert_eq!(received, code, "{command} {said}");
            assert!(code == 0 || said.contains("run `pinfold fetch`, which writes it anew"), "{said}");
            assert!(command != "fetch" || said.contains("it was written anew"), "{said}");
            assert!(!said.contains('\u{1b}') && !said.contains('\0'), "{said:?}");
        }
        assert_eq!(project.tree("vendor/x"), tree);
        assert_eq!(project.tree("../outside"), before);
    }
    // Well formed, and about another place: that place is named and left alone.
    project.write("other/keep.txt", "keep\n");
    project.write(".pinfold/x.json", swap("\"vendor/x\"", "\"other\""));
    std::fs::remove_dir_all(project.path("vendor/x")).expect("a tree");
    let report = project.fetch();
    assert_eq!((report.exit_code(), codes(&report, 0)), (0, vec!["orphan-tree"]), "{}", human(&report));
    assert_eq!(project.read("other/keep.txt"), "keep\n");
    // A source that a terminal would obey.
    project.write(".pinfold/x.json", swap("file:in/good.tar.gz", "\\u001b[2J\\n\\u202eall is well"));
    let (code, said) = run(&project, &["fetch"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("all is well") && !said.contains(['\u{1b}', '\u{202e}']), "{said:?}");
    project.write(".pinfold/x.json", &record);
    // And with a name of a pin in its file's name that is none.
    project.write(".pinfold/\u{1b}[2J.json", "{}");
    let (_, said) = run(&project, &["fetch"]);
    assert!(said.contains("belongs to no pin") && !said.contains('\u{1b}'), "{said:?}");
}

#[test]
fn packages_that_are_not_the_pinned_one() {
    let huge = format!("{{\"name\":\"left\",\"version\":\"1.0.0\",\"x\":\"{}\"}}", "x".repeat(9 << 20));
    let cases = [
        (r#"{"name":"left","version":"1.0.0","name":"right"}"#, "package-json-duplicate"),
        (r#"{"name":"right","name":"left","version":"1.0.0"}"#, "package-json-duplicate"),
        (r#"{"name":"left","version":"1.0.0","n\u0061me":"right"}"#, "package-json-duplicate"),
        (r#"{"name":"right","version":"1.0.0"}"#, "package-name"),
        (r#"{"name":"left","version":"1.0.1"}"#, "package-version"),
        (r#"{"name":"left"}"#, "package-json-missing"),
        (r#"{"name":["left"],"version":"1.0.0"}"#, "package-json-missing"),
        (r#"["left"]"#, "package-json"),
        (r#"{"name":"left","version":"1.0.0"} {}"#, "package-json"),
        ("", "package-json"),
        (&huge, "package-json-size"),
    ];
    for (json, code) in cases {
        for strip in ["", "strip = 0\n", "exclude = [\"package.json\"]\n"] {
            let project = Project::new("");
            let pinned = project.web.serve_npm("left", "1.0.0", &[("package.json", json), ("a.txt", "x")]);
            project.pins(&format!(
                "[pins.left]\nnpm = \"left@1.0.0\"\nintegrity = \"{pinned}\"\nto = \"vendor/left\"\n{strip}"
            ));
            let report = project.fetch();
            let shown: String = human(&report).chars().take(400).collect();
            assert_eq!((report.exit_code(), codes(&report, 0)), (1, vec![code]), "{strip:?} {shown}");
            assert!(!project.exists("vendor/left") && !project.exists(".pinfold/left.json"), "{code}");
        }
    }
    let project = Project::new("");
    let package = Tar::default().file("package/a.txt", "x").gz();
    project.web.serve(&format!("{REGISTRY}left/-/left-1.0.0.tgz"), package.clone());
    let pinned = integrity(&package);
    project.pins(&format!("[pins.left]\nnpm = \"left@1.0.0\"\nintegrity = \"{pinned}\"\nto = \"vendor/left\"\n"));
    let report = project.fetch();
    assert_eq!((report.exit_code(), codes(&report, 0)), (1, vec!["package-json-absent"]));
}

/// What somebody with the checkout can put into a tree.
#[test]
fn odd_things_in_a_tree() {
    let check = |spoil: &dyn Fn(&Project), code: &str| {
        let project = to_be_fetched("vendor/x");
        project.fetch_all();
        let good = project.tree("vendor/x");
        let before = outside(&project);
        spoil(&project);
        let (exit, said) = run(&project, &["verify", "--json"]);
        assert_eq!(exit, 1, "{said}");
        assert!(said.contains(&format!("\"code\": \"{code}\"")), "{code}: {said}");
        // And a fetch that may do so puts it right.
        let (exit, said) = run(&project, &["fetch", "--restore"]);
        assert_eq!(exit, 0, "{code}: {said}");
        assert!(said.contains("vendor/x"), "{code}: {said}");
        assert_eq!(project.tree("vendor/x"), good, "{code}");
        assert_eq!(run(&project, &["verify"]).0, 0, "{code}");
        assert_eq!(project.tree("../outside"), before, "{code}");
    };
    let replace = |project: &Project, put: &dyn Fn(&Project)| {
        std::fs::remove_file(project.path("vendor/x/a.txt")).expect("a file");
        put(project);
    };
    let mode = |project: &Project, mode: u32| {
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(mode);
        std::fs::set_permissions(project.path("vendor/x/a.txt"), permissions).expect("a mode");
    };
    check(&|project| pipe(project, "vendor/x/pipe"), "file-odd");
    check(&|project| replace(project, &|project| pipe(project, "vendor/x/a.txt")), "file-odd");
    check(&|project| symlink("/dev/zero", project.path("vendor/x/zero")).expect("a link"), "file-added");
    let to_outside = |project: &Project| symlink("../../../outside/precious.txt", project.path("vendor/x/a.txt"));
    check(&|project| replace(project, &|project| to_outside(project).expect("a link")), "file-kind");
    check(&|project| mode(project, 0o4755), "file-odd");
    check(&|project| mode(project, 0o666), "file-odd");
    check(&|project| mode(project, 0o755), "file-mode");
    let whole = |project: &Project| {
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        std::fs::set_permissions(project.path("vendor/x"), permissions).expect("a mode");
    };
    check(&whole, "file-odd");
    check(&|project| project.write("vendor/x/a.txt", "evil\n"), "file-changed");
    check(&|project| project.write("vendor/x/b.txt", "evil\n"), "file-added");
    check(&|project| project.write("vendor/x/a\\b", "evil\n"), "file-odd");
    check(&|project| project.write("vendor/x/\u{1b}[2J", "evil\n"), "file-odd");
    check(&|project| replace(project, &|project| project.write("vendor/x/A.txt", "good\n")), "file-removed");
    let deep = "d/".repeat(70);
    check(&|project| project.write(&format!("vendor/x/{deep}f"), "evil\n"), "file-odd");
}

/// Fetches a pin with these keys of a good archive that lies in the project.
fn fetch_with(keys: &str) -> (Project, Report) {
    let project = to_be_fetched("vendor/x");
    project.pins(&format!("{}{keys}", project.read("pins.toml")));
    let report = project.fetch();
    (project, report)
}

/// What a pin says beside its integrity holds too, and nothing is put in place where it does not.
#[test]
fn claims_of_a_pin_that_do_not_hold() {
    let check = |keys: &str, exit: u8, code: &str| {
        let (project, report) = fetch_with(keys);
        assert_eq!((report.exit_code(), codes(&report, 0)), (exit, vec![code]), "{keys}: {}", human(&report));
        assert!(!project.exists("vendor/x") && !project.exists(".pinfold/x.json"), "{keys}");
        if let Some(parent) = project.exists("vendor").then(|| project.tree("vendor")) {
            assert_eq!(parent.into_keys().collect::<Vec<_>>(), ["/"], "{keys}");
        }
    };
    check("size = 1\n", 1, "size-mismatch");
    check("tree = \"sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\"\n", 1, "tree-mismatch");
    let patch = |text: &str| format!("[[pins.x.patch]]\n{text}\n");
    check(&patch("path = \"a.txt\"\nfind = \"bad\"\nreplace = \"\""), 1, "patch-count");
    check(&patch("path = \"a.txt\"\nfind = \"o\"\nreplace = \"\""), 1, "patch-count");
    check(&patch("path = \"b.txt\"\ndelete = true"), 1, "patch-missing-file");
    check("exclude = [\"a.txt\"]\n", 1, "no-files");

    let project = Project::new("");
    project.write("in/tool", "no archive\n");
    let pinned = integrity(b"no archive\n");
    project.pins(&format!("[pins.x]\nfile = \"in/tool\"\nintegrity = \"{pinned}\"\nto = \"vendor/x\"\nstrip = 1\n"));
    let report = project.fetch();
    assert_eq!((report.exit_code(), codes(&report, 0)), (1, vec!["raw-layout"]), "{}", human(&report));
}

/// Patches see regular files only: what a link leads to is somewhere else.
#[test]
fn patches_of_what_is_no_file() {
    let long = "x".repeat((8 << 20) + 1);
    let archive = Tar::default().file("a.txt", "good\n").symlink("link", "a.txt").hard_link("copy", "a.txt");
    let archive = archive.folder("folder").file("folder/b.txt", "b\n").file("long", long).gz();
    for (path, code) in [
        ("link", "patch-not-a-file"),
        ("folder", "patch-not-a-file"),
        ("copy", "patch-hard-link"),
        ("a.txt", "patch-hard-link"),
        ("long", "patch-too-long"),
    ] {
        let project = Project::new("");
        project.write("in/x.tar.gz", &archive);
        let pinned = integrity(&archive);
        project.pins(&format!(
            "[pins.x]\nfile = \"in/x.tar.gz\"\nintegrity = \"{pinned}\"\nto = \"vendor/x\"\n\
             [[pins.x.patch]]\npath = \"{path}\"\ncontent = \"evil\"\n"
        ));
        let report = project.fetch();
        assert_eq!((report.exit_code(), codes(&report, 0)), (1, vec![code]), "{path}: {}", human(&report));
        assert!(!project.exists("vendor/x"), "{path}");
    }
}

#[test]
fn a_source_that_was_moved_without_its_hash() {
    let good = Tar::default().file("a.txt", "1.0\n").gz();
    let pinned = integrity(&good);
    let pin = |version: &str| {
        let url = format!("https://example.com/x-{version}.tar.gz");
        format!("[pins.x]\nurl = \"{url}\"\nintegrity = \"{pinned}\"\nto = \"vendor/x\"\n")
    };
    let project = Project::new(&pin("1.0"));
    project.web.serve("https://example.com/x-1.0.tar.gz", good);
    project.web.serve("https://example.com/x-2.0.tar.gz", Tar::default().file("a.txt", "2.0\n").gz());
    project.fetch_all();
    let before = everything(&project);
    project.web.asked();
    project.pins(&pin("2.0"));
    let report = project.fetch();
    assert_eq!((report.exit_code(), codes(&report, 0)), (1, vec!["source-changed"]), "{}", human(&report));
    // Asked is the new source alone: were the bytes the same, they would be the new version's.
    assert_eq!(project.web.asked(), ["https://example.com/x-2.0.tar.gz"]);
    project.pins(&pin("1.0"));
    assert_eq!(everything(&project), before);

    // Without the record the store would do, did it not remember for which source it has the bytes.
    project.pins(&pin("2.0"));
    std::fs::remove_file(project.path(".pinfold/x.json")).expect("a record");
    let report = project.fetch();
    assert_eq!((report.exit_code(), codes(&report, 0)), (1, vec!["integrity-mismatch"]), "{}", human(&report));
    let conduct = Conduct { offline: true, ..QUIET };
    let report = project.try_fetch(conduct).expect("a report");
    assert_eq!((report.exit_code(), codes(&report, 0)), (2, vec!["offline"]), "{}", human(&report));
}

#[test]
fn mirrors_that_serve_other_bytes() {
    let good = Tar::default().file("a.txt", "good\n").gz();
    let evil = Tar::default().file("a.txt", "evil\n").gz();
    let urls = ["https://example.com/x.tar.gz", "https://one.example.com/x", "https://two.example.com/x"];
    let project = Project::new(&format!(
        "[pins.x]\nurl = \"{}\"\nmirrors = [\"{}\", \"{}\"]\nintegrity = \"{}\"\nto = \"vendor/x\"\n",
        urls[0],
        urls[1],
        urls[2],
        integrity(&good)
    ));
    project.web.serve(urls[0], evil.clone());
    let report = project.fetch();
    let expected = ["integrity-mismatch", "not-found", "not-found"];
    assert_eq!((report.exit_code(), codes(&report, 0)), (1, expected.to_vec()), "{}", human(&report));
    project.web.asked();
    // The last one is good: it serves, and the first is told of all the same.
    project.web.serve(urls[2], good);
    let report = project.fetch();
    assert_eq!((report.exit_code(), codes(&report, 0)), (0, expected[..2].to_vec()), "{}", human(&report));
    assert_eq!(project.web.asked(), urls, "each once");
    assert_eq!(project.tree("vendor/x")["a.txt"], "644 good\n");
}

#[test]
fn records_that_lie() {
    let other = integrity(b"other");
    let digest = |text: &[u8]| pinfold_core::digest::FileDigest::of(text).hex();
    let (good, evil) = (digest(b"good\n"), digest(b"evil\n"));
    let verify = |project: &Project| {
        let report = project.verify();
        let codes: Vec<String> = codes(&report, 0).iter().map(|code| (*code).to_owned()).collect();
        (report.exit_code(), codes.join(" "))
    };
    // Record and tree changed together, as whoever can push to the repository can: the artifact says otherwise.
    let project = to_be_fetched("vendor/x");
    project.fetch_all();
    let record = project.read(".pinfold/x.json");
    assert!(record.contains(&good), "{record}");
    project.write("vendor/x/a.txt", "evil\n");
    project.write(".pinfold/x.json", record.replace(&good, &evil));
    assert_eq!(verify(&project), (1, "record-false file-changed".to_owned()));
    // Of another pin.
    project.write("vendor/x/a.txt", "good\n");
    let pinned =
        project.read("pins.toml").split('"').find(|text| text.starts_with("sha512-")).expect("a pin").to_owned();
    project.write(".pinfold/x.json", record.replace(&pinned, &other));
    assert_eq!(verify(&project), (1, "record-stale".to_owned()));

    // From a server, without a store, without a record: nothing to hold the tree against is no success.
    let archive = Tar::default().file("a.txt", "good\n").gz();
    let url = "https://example.com/x.tar.gz";
    let pin = format!("[pins.x]\nurl = \"{url}\"\nintegrity = \"{}\"\nto = \"vendor/x\"\n", integrity(&archive));
    let project = Project::new(&pin);
    project.web.serve(url, archive);
    project.fetch_all();
    std::fs::remove_dir_all(project.store_folder()).expect("a store");
    assert_eq!(verify(&project).0, 0);
    std::fs::remove_file(project.path(".pinfold/x.json")).expect("a record");
    assert_eq!(verify(&project), (3, "unverifiable".to_owned()));
    std::fs::remove_dir_all(project.path("vendor/x")).expect("a tree");
    assert_eq!(verify(&project), (1, "tree-absent".to_owned()));
}

#[test]
fn a_frozen_fetch_installs_what_was_recorded() {
    let frozen = Conduct { frozen: true, ..QUIET };
    let check = |project: &Project, expected: (u8, Vec<&str>)| {
        let report = project.try_fetch(frozen).expect("a report");
        assert_eq!((report.exit_code(), codes(&report, 0)), expected, "{}", human(&report));
    };
    let project = to_be_fetched("vendor/x");
    check(&project, (1, vec!["frozen"]));
    assert!(!project.exists("vendor/x"));
    project.fetch_all();
    check(&project, (0, vec![]));
    // The tree is put back, the record is the measure.
    std::fs::remove_dir_all(project.path("vendor/x")).expect("a tree");
    check(&project, (0, vec![]));
    // A record that lists another tree is not made true by installing something.
    let record = project.read(".pinfold/x.json");
    project.write(".pinfold/x.json", record.replace("\"a.txt\"", "\"b.txt\""));
    check(&project, (1, vec!["frozen"]));
    assert_eq!(project.tree("vendor/x")["a.txt"], "644 good\n");
}

/// The threats that are written down are those that are held off, and the other way round.
#[test]
fn threats_are_written_down() {
    let threats = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/threats.md"));
    let threats = threats.expect("the document");
    // Rows of tables: | `code` | what | who holds it: vectors, or `path: test` |
    let mut rows: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for line in threats.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").collect();
        let [code, _, shown] = cells.as_slice() else { panic!("three cells: {line}") };
        let shown = shown.split('`').skip(1).step_by(2).collect();
        let twice = rows.insert(code.trim().trim_matches('`'), shown);
        assert!(twice.is_none(), "{code} stands there twice");
    }
    let mut vectors: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, text) in texts("archive") {
        let expect = text.lines().next().and_then(|line| line.strip_prefix("expect: ")).expect("what to expect");
        vectors.entry(expect.to_owned()).or_default().insert(name);
    }
    vectors.remove("ok");
    let listed: BTreeSet<&str> = pinfold_core::archive::CODES.iter().copied().collect();
    assert_eq!(vectors.keys().map(String::as_str).collect::<BTreeSet<_>>(), listed);
    for (name, vector) in crate::evidence::vectors() {
        let (_, codes) = vector.expected();
        // Where two demands are not met, the first is the one that it is for.
        let expect = codes.split(' ').next().expect("a code").to_owned();
        if expect != "ok" {
            vectors.entry(expect).or_default().insert(name);
        }
    }
    for (name, vector) in crate::keygen::vectors() {
        if vector.expect != "ok" {
            vectors.entry(vector.expect).or_default().insert(name);
        }
    }
    vectors.extend(crate::wasm::vectors::by_code());
    for (code, shown) in &rows {
        assert!(!shown.is_empty(), "{code} has no test");
        let (tests, named): (BTreeSet<&str>, BTreeSet<&str>) = shown.iter().partition(|name| name.contains(".rs: "));
        let held = vectors.remove(*code).unwrap_or_default();
        assert_eq!(named, held.iter().map(String::as_str).collect(), "{code}");
        for test in tests {
            let text = test_text(test).unwrap_or_else(|| panic!("{code}: there is no `{test}`"));
            assert!(text.contains(*code), "`{test}` does not speak of {code}");
        }
    }
    assert!(vectors.is_empty(), "not in docs/threats.md: {vectors:?}");

    let pins = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pins.md")).expect("a document");
    for (name, text) in texts("pins") {
        let expect = text.lines().next().and_then(|line| line.strip_prefix("expect: ")).expect("what to expect");
        assert!(
            expect == "ok" || pins.contains(&format!("\n| `{expect}` |")),
            "{name}: `{expect}` is not in docs/pins.md"
        );
    }
    for code in pinfold_core::pins::CODES {
        assert!(pins.contains(&format!("\n| `{code}` |")), "`{code}` is not in docs/pins.md");
    }
    // Tests that the prose names are there too.
    for name in threats.split('`').skip(1).step_by(2).filter(|name| name.contains(".rs: ")) {
        assert!(test_text(name).is_some(), "there is no `{name}`");
    }
}

/// The text of the test that `path: name` names, `None` where there is none.
fn test_text(name: &str) -> Option<String> {
    let (path, test) = name.split_once(": ")?;
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).ok()?;
    let indents = ["", "    "];
    indents.iter().find_map(|indent| {
        let (_, rest) = text.split_once(&format!("{indent}#[test]\n{indent}fn {test}("))?;
        rest.split_once(&format!("\n{indent}}}\n")).map(|(body, _)| body.to_owned())
    })
}

#[test]
fn vectors_that_go_another_way_are_there() {
    let vectors = texts("archive");
    for (name, instead, _) in OTHERWISE {
        assert!(!vectors[*name].starts_with(&format!("expect: {instead}\n")), "{name} needs no exception");
    }
}

/// A hostile archive among good ones: the good are installed, and the exit code says what happened.
#[test]
fn one_refusal_among_others() {
    let project = Project::new("");
    let good = project.web.serve_npm("good", "1.0.0", &[("a.txt", "good\n")]);
    let bad = Tar::default().file("package/../../evil", "x").gz();
    project.web.serve(&format!("{REGISTRY}bad/-/bad-1.0.0.tgz"), bad.clone());
    let bad = integrity(&bad);
    project.pins(&format!(
        "[pins.bad]\nnpm = \"bad@1.0.0\"\nintegrity = \"{bad}\"\nto = \"v/bad\"\n\
         [pins.absent]\nnpm = \"absent@1.0.0\"\nintegrity = \"{}\"\nto = \"v/absent\"\n\
         [pins.good]\nnpm = \"good@1.0.0\"\nintegrity = \"{good}\"\nto = \"v/good\"\n",
        integrity(b"absent"),
    ));
    let report = project
        .with(&Silent, |ctx| fetch::run(ctx, &fetch::Options { conduct: QUIET, ..fetch::Options::default() }))
        .expect("a report");
    let verdicts: Vec<Verdict> = report.rows.iter().map(|row| row.verdict).collect();
    assert_eq!(verdicts, [Verdict::Refused, Verdict::Failed, Verdict::Passed], "{}", human(&report));
    assert_eq!(report.exit_code(), 1);
    assert!(project.exists("v/good/a.txt") && !project.exists("v/bad") && !project.exists("v/evil"));
}
