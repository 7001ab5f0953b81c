//! Pins whose WebAssembly has to be signed: strict, lenient and off, at the fetch and again at `verify`.

use pinfold::commands::explain;
use pinfold::ctx::Silent;
use pinfold_wasm::{KeyId, sign};
use serde_json::Value;

use super::made::{MODULE, code, custom, key, parts};
use crate::support::{Project, Tar, integrity, pin, scrub};

fn signed(name: &str) -> Vec<u8> {
    sign(&parts(), &key(name), KeyId::Default).expect("a signature")
}

/// A project with a pin of these files, and a table for it.
fn project(files: &[(&str, Vec<u8>)], table: &str) -> Project {
    let archive = files.iter().fold(Tar::default(), |tar, (path, bytes)| tar.file(path, bytes)).gz();
    let project = Project::new(&pin("tool", "file = \"tool.tgz\"", &integrity(&archive), table)).quiet();
    project.write("tool.tgz", archive);
    keys(&project);
    project
}

fn keys(project: &Project) {
    for name in ["alice", "bob"] {
        project.write(&format!("keys/{name}.pub"), key(name).public().to_pem());
    }
}

fn table(mode: &str, rest: &str) -> String {
    format!("\n[pins.tool.signature]\nmode = \"{mode}\"\nkeys = [\"keys/alice.pub\"]\n{rest}\n")
}

/// The exit code, and the codes of all findings.
fn run(project: &Project, words: &str) -> (i32, Vec<String>) {
    let output = project.command().args(words.split(' ')).arg("--json").output().expect("the command");
    let document: Value = serde_json::from_slice(&output.stdout).expect("a document");
    let all = document["rows"].as_array().into_iter().flatten().flat_map(|row| row["findings"].as_array());
    let mut codes: Vec<String> = all.flatten().map(|one| one["code"].as_str().expect("a code").to_owned()).collect();
    codes.extend(document["error"]["code"].as_str().map(str::to_owned));
    (output.status.code().expect("no signal"), codes)
}

fn check(project: &Project, words: &str, code: i32, codes: &[&str]) {
    let (got, found) = run(project, words);
    assert_eq!((got, found.iter().map(String::as_str).collect::<Vec<_>>()), (code, codes.to_vec()), "{words}");
}

#[test]
fn strict_wants_all_of_it_signed() {
    let files = |second: Vec<u8>| [("readme", b"read".to_vec()), ("a.wasm", signed("alice")), ("b/loader.bin", second)];
    let good = project(&files(signed("alice")), &table("strict", ""));
    check(&good, "fetch", 0, &[]);
    let output = good.command().args(["verify", "--json"]).output().expect("the command");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    insta::assert_snapshot!("wasm-pin-verified", scrub(&good, &text));
    let record = good.read(".pinfold/tool.json");
    let (_, signatures) = record.split_once("  \"signatures\": ").expect("signatures");
    let (signatures, _) = signatures.split_once("\n  },").expect("an end");
    insta::assert_snapshot!("wasm-pin-record", signatures);
    check(&good, "fetch", 0, &[]);
    check(&good, "fetch --frozen", 0, &[]);
    // By its first bytes, whatever its name is; and nothing of it reaches the tree.
    for (second, id) in [
        (parts(), "wasm-unsigned"),
        (signed("bob"), "wasm-untrusted"),
        ([&signed("alice")[..], &custom("late", b"x")].concat(), "wasm-partial"),
    ] {
        let bad = project(&files(second), &table("strict", ""));
        check(&bad, "fetch", 1, &[id]);
        assert!(!bad.exists("vendor/tool") && !bad.exists(".pinfold/tool.json"), "{id}");
    }
    // By its name, as some runtimes assemble text when they load it.
    check(&project(&[("x/t.WASM", b"(module)".to_vec())], &table("strict", "")), "fetch", 1, &["wasm-magic"]);
    check(&project(&[("x/t", b"none".to_vec())], &table("strict", "")), "fetch", 1, &["wasm-none"]);
}

#[test]
fn lenient_warns_of_what_is_missing_and_refuses_what_is_wrong() {
    let files = |file: Vec<u8>| [("a.wasm", file)];
    let unsigned = project(&files(parts()), &table("lenient", ""));
    check(&unsigned, "fetch", 0, &["wasm-unsigned"]);
    check(&unsigned, "fetch", 0, &["wasm-unsigned"]);
    check(&unsigned, "verify", 0, &["wasm-unsigned"]);
    // What is demanded now is what counts.
    unsigned.pins(&unsigned.read("pins.toml").replace("lenient", "strict"));
    check(&unsigned, "verify", 1, &["wasm-unsigned"]);
    check(&unsigned, "fetch", 1, &["wasm-unsigned"]);
    check(&unsigned, "fetch --frozen", 1, &["frozen"]);
    check(&project(&files(signed("alice")), &table("lenient", "")), "fetch", 0, &[]);
    check(&project(&files(signed("bob")), &table("lenient", "")), "fetch", 1, &["wasm-untrusted"]);
    let late = [MODULE, &code(), &custom("signature", b"x")].concat();
    check(&project(&files(late), &table("lenient", "")), "fetch", 1, &["wasm-signature-place"]);
    check(&project(&[("t", b"none".to_vec())], &table("lenient", "")), "fetch", 0, &["wasm-none"]);
}

#[test]
fn off_looks_at_nothing_and_the_record_says_so() {
    let off = project(&[("a.wasm", signed("bob"))], "\n[pins.tool.signature]\nmode = \"off\"\n");
    check(&off, "fetch", 0, &[]);
    assert!(off.read(".pinfold/tool.json").contains("\"signatures\": \"off\""));
    check(&off, "verify", 0, &[]);
    // Who does not look today forgets nothing.
    let good = project(&[("a.wasm", signed("alice"))], &table("strict", ""));
    check(&good, "fetch", 0, &[]);
    let record = good.read(".pinfold/tool.json");
    check(&good, "fetch --verify-attestations off", 0, &[]);
    std::fs::remove_dir_all(good.path("vendor")).expect("a tree");
    check(&good, "fetch --frozen --verify-attestations off", 0, &[]);
    assert_eq!(good.read(".pinfold/tool.json"), record);
    // Without a table nothing is said at all; a table that comes later is held to the tree that stands.
    let without = project(&[("a.wasm", signed("bob"))], "");
    check(&without, "fetch", 0, &[]);
    assert!(!without.read(".pinfold/tool.json").contains("signatures"));
    without.pins(&format!("{}{}", without.read("pins.toml"), table("strict", "")));
    check(&without, "fetch --offline", 1, &["wasm-untrusted"]);
    without.write("keys/alice.pub", key("bob").public().to_pem());
    check(&without, "fetch --frozen", 1, &["frozen"]);
    check(&without, "fetch --offline", 0, &[]);
    check(&without, "fetch --frozen", 0, &[]);
}

#[test]
fn one_file_alone() {
    let raw = |bytes: &[u8], table: &str| {
        let project = Project::new(&pin("tool", "file = \"tool.wasm\"", &integrity(bytes), table)).quiet();
        project.write("tool.wasm", bytes);
        keys(&project);
        project
    };
    let good = raw(&signed("alice"), &table("strict", ""));
    check(&good, "fetch", 0, &[]);
    check(&good, "verify", 0, &[]);
    let bad = raw(&signed("bob"), &table("strict", ""));
    check(&bad, "fetch", 1, &["wasm-untrusted"]);
    assert!(!bad.exists("vendor/tool"));
}

#[test]
fn several_keys() {
    let both = sign(&signed("alice"), &key("bob"), KeyId::Default).expect("a signature");
    let roles = "roles = { ci = [\"keys/bob.pub\"] }";
    check(&project(&[("a.wasm", both.clone())], &table("strict", roles)), "fetch", 0, &[]);
    check(&project(&[("a.wasm", signed("alice"))], &table("strict", roles)), "fetch", 1, &["wasm-role"]);
    let two = table("strict", "threshold = 2").replace("\"keys/alice.pub\"", "\"keys/alice.pub\", \"keys/bob.pub\"");
    check(&project(&[("a.wasm", both)], &two), "fetch", 0, &[]);
    check(&project(&[("a.wasm", signed("alice"))], &two), "fetch", 1, &["wasm-threshold"]);
}

#[test]
fn keys_that_are_wrong_or_gone() {
    let good = project(&[("a.wasm", signed("alice"))], &table("strict", ""));
    check(&good, "fetch", 0, &[]);
    good.write("keys/alice.pub", key("bob").public().to_pem());
    check(&good, "verify", 1, &["wasm-untrusted"]);
    check(&good, "fetch", 1, &["wasm-untrusted"]);
    good.write("keys/alice.pub", key("alice").to_pem());
    check(&good, "verify", 2, &["wasm-key-private"]);
    std::fs::remove_file(good.path("keys/alice.pub")).expect("a key");
    check(&good, "verify", 2, &["disk"]);
    check(&good, "fetch", 2, &["disk"]);
    good.pins(&good.read("pins.toml").replace("keys = [\"keys/alice.pub\"]\n", ""));
    check(&good, "verify", 2, &["signature-without-keys"]);
}

#[test]
fn verify_proves_it_again() {
    let good = project(&[("a.wasm", signed("alice"))], &table("strict", ""));
    check(&good, "fetch", 0, &[]);
    let path = good.path("vendor/tool/a.wasm");
    let mut bytes = std::fs::read(&path).expect("a file");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&path, bytes).expect("a file");
    let (code, codes) = run(&good, "verify");
    assert_eq!(code, 1);
    assert!(codes.contains(&"file-changed".to_owned()) && codes.contains(&"wasm-changed".to_owned()), "{codes:?}");
    check(&good, "fetch", 1, &["tree-changed", "file-changed"]);
    check(&good, "fetch --restore", 0, &["tree-restored", "file-changed"]);
    check(&good, "verify", 0, &[]);
    // A record that says more than the tree does.
    let record = good.read(".pinfold/tool.json");
    let name = key("alice").public().to_string();
    good.write(".pinfold/tool.json", record.replace(&name, &key("bob").public().to_string()));
    check(&good, "verify", 1, &["record-false"]);
}

#[test]
fn what_is_signed_is_not_patched() {
    let patch =
        |path: &str, edit: &str| format!("{}\n[[pins.tool.patch]]\npath = \"{path}\"\n{edit}\n", table("strict", ""));
    let files = || [("readme", b"read me".to_vec()), ("lib/run", signed("alice"))];
    for edit in ["content = \"\"", "delete = true", "find = \"where\"\nreplace = \"there\"\ncount = 1"] {
        let bad = project(&files(), &patch("lib/run", edit));
        check(&bad, "fetch", 1, &["wasm-patched"]);
        assert!(!bad.exists("vendor/tool"));
    }
    let good = project(&files(), &patch("readme", "find = \"me\"\nreplace = \"it\"\ncount = 1"));
    check(&good, "fetch", 0, &[]);
    check(&good, "verify", 0, &[]);
    assert_eq!(good.read("vendor/tool/readme"), "read it");
}

#[test]
fn a_link_is_opened_by_its_own_name() {
    let links = |text: &[u8]| {
        let tar = Tar::default().file("a.wasm", signed("alice")).file("lib/text", text);
        let archive = tar.symlink("bin/b.wasm", "../c").symlink("c", "lib/text").gz();
        let project = Project::new(&pin("tool", "file = \"tool.tgz\"", &integrity(&archive), &table("strict", "")));
        project.write("tool.tgz", archive);
        keys(&project);
        project.quiet()
    };
    let bad = links(b"(module)");
    check(&bad, "fetch", 1, &["wasm-magic"]);
    assert!(!bad.exists("vendor/tool"));
    check(&links(&signed("alice")), "fetch", 0, &[]);
}

#[test]
fn who_signed_the_files_is_explained() {
    let question = "sign its WebAssembly";
    let row = |project: &Project| {
        let report = project.with(&Silent, |ctx| explain::run(ctx, "tool")).expect("a report");
        let row = report.rows.into_iter().find(|row| row.subject.contains(question)).expect("a row");
        (row.status, row.detail)
    };
    let good = project(&[("a.wasm", signed("alice"))], &table("strict", ""));
    assert_eq!(row(&good).0, "not known");
    check(&good, "fetch", 0, &[]);
    let (status, answer) = row(&good);
    assert!(status == "proven" && answer.contains("signed by ed25519:"), "{status}: {answer}");
    let other = project(&[("a.wasm", signed("bob"))], &table("off", ""));
    check(&other, "fetch", 0, &[]);
    assert_eq!(row(&other), ("not known".to_owned(), "the pin wants no signature looked for".to_owned()));
    let off = other.read("pins.toml");
    other.write("pins.toml", off.replace("\"off\"", "\"strict\""));
    assert_eq!(row(&other).0, "refuted");
}
