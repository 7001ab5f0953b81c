//! What each build of the command does, whatever it was built with: a pin that demands what was left out is refused by
//! name, and one that demands nothing is fetched and verified.

#![expect(clippy::expect_used, reason = "a test that cannot go on ends, and says where")]

use std::path::Path;
use std::process::{Command, Output};

use pinfold_core::digest::{Algorithm, Integrity};
use tempfile::TempDir;

/// A project with one pin of the file `artifact.txt`, and these tables below it.
struct Project {
    folder: TempDir,
}

impl Project {
    fn new(pins: &str, source: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let bytes = b"the artifact\n";
        std::fs::write(folder.path().join("artifact.txt"), bytes).expect("a file");
        let integrity = Integrity::of(Algorithm::Sha512, bytes);
        let text = format!(
            "version = 1\n\n[pins.one]\n{source}\nintegrity = \"{integrity}\"\nto = \"vendor/one\"\n\n{pins}\n"
        );
        std::fs::write(folder.path().join("pins.toml"), text).expect("a pin file");
        Self { folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pinfold"));
        command.args(arguments).current_dir(self.path()).env_clear().env("HOME", self.path());
        command.output().expect("the command")
    }

    /// Runs a command, and holds the exit code and what is said to what is expected.
    fn check(&self, arguments: &[&str], code: i32, says: &str) {
        let output = self.run(arguments);
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        assert!(text.contains(says), "{arguments:?}: no `{says}` in: {text}");
    }

    #[cfg(not(all(feature = "evidence", feature = "oci", feature = "wasm")))]
    fn has_tree(&self) -> bool {
        self.path().join("vendor/one").exists()
    }
}

const FILE: &str = "file = \"artifact.txt\"";

#[test]
fn a_pin_that_demands_nothing_is_fetched_and_verified() {
    let project = Project::new("", FILE);
    project.check(&["fetch", "--verify-attestations", "off"], 0, "1 installed");
    project.check(&["verify", "--verify-attestations", "off"], 0, "1 pin verified");
    project.check(&["cache", "list"], 0, "");
    std::fs::write(project.path().join("vendor/one"), "another").expect("a change");
    project.check(&["verify", "--verify-attestations", "off"], 1, "one");
}

/// Refused by `fetch`, before a tree stands, and then by both `fetch` and `verify`: exit code 3, with the pin and the
/// feature in the message.
#[cfg(not(all(feature = "evidence", feature = "wasm")))]
fn check_left_out(project: &Project, feature: &str) {
    project.check(&["fetch"], 3, "the pin `one` demands");
    assert!(!project.has_tree());
    project.check(&["fetch", "--verify-attestations", "off"], 0, "1 installed");
    for command in ["fetch", "verify"] {
        project.check(&[command], 3, "the pin `one` demands");
        project.check(&[command], 3, &format!("built without `{feature}`"));
        project.check(&[command, "--json"], 3, "\"feature-left-out\"");
    }
}

#[cfg(not(feature = "evidence"))]
#[test]
fn provenance_that_is_demanded_is_refused_without_evidence() {
    for demand in [
        "[pins.one.provenance]\nmode = \"strict\"",
        "[pins.one.provenance]\nrepository = \"https://example.com/o/r\"",
        "[trust]\nprovenance = \"strict\"",
        "[trust]\nrepositories = [\"https://example.com/o/r\"]",
        "[trust]\nmin-age = \"3d\"",
        "[trust]\npredicate-type = \"https://example.com/kind\"",
    ] {
        check_left_out(&Project::new(demand, FILE), "evidence");
    }
}

#[cfg(not(feature = "evidence"))]
#[test]
fn provenance_that_is_not_demanded_is_said_not_to_be_checked() {
    let project = Project::new("", FILE);
    project.check(&["fetch", "-v"], 0, "provenance not checked: this pinfold was built without `evidence`");
    project.check(&["verify", "-v"], 0, "provenance not checked: this pinfold was built without `evidence`");
    assert!(project.has_tree());
}

#[cfg(not(feature = "evidence"))]
#[test]
fn an_override_that_looks_for_nothing_is_taken_at_its_word() {
    let project = Project::new("[pins.one.provenance]\nmode = \"strict\"", FILE);
    project.check(&["fetch", "--verify-attestations", "off"], 0, "1 installed");
    project.check(&["fetch"], 3, "built without `evidence`");
}

#[cfg(not(feature = "wasm"))]
#[test]
fn signed_webassembly_that_is_demanded_is_refused_without_wasm() {
    check_left_out(&Project::new("[pins.one.signature]\nmode = \"lenient\"\nkeys = [\"a.pub\"]", FILE), "wasm");
}

#[cfg(not(feature = "oci"))]
#[test]
fn artifacts_of_oci_registries_are_refused_without_oci() {
    let digest = "0".repeat(64);
    let project = Project::new("", &format!("oci = \"oci.example.com/a@sha256:{digest}\""));
    project.check(&["fetch", "--verify-attestations", "off"], 3, "built without `oci`");
    assert!(!project.has_tree());
}

#[cfg(not(feature = "oci"))]
#[test]
fn a_remote_cache_that_cannot_be_asked_is_told() {
    let project = Project::new("[store]\nremote = \"oci://oci.example.com/cache\"", FILE);
    project.check(&["fetch", "--verify-attestations", "off"], 0, "built without `oci`");
}

#[cfg(not(feature = "evidence"))]
#[test]
fn add_demands_nothing_that_was_not_looked_at() {
    let project = Project::new("", FILE);
    std::fs::write(project.path().join("two.txt"), "two\n").expect("a file");
    project.check(&["add", "two.txt", "--yes"], 0, "provenance not checked");
    let text = std::fs::read_to_string(project.path().join("pins.toml")).expect("a pin file");
    assert!(text.contains("[pins.two") && !text.contains("provenance"), "{text}");
    let strict = Project::new("[trust]\nrepositories = [\"https://example.com/o/r\"]", FILE);
    std::fs::write(strict.path().join("two.txt"), "two\n").expect("a file");
    strict.check(&["add", "two.txt", "--yes"], 3, "built without `evidence`");
}

#[cfg(not(feature = "evidence"))]
#[test]
fn commands_that_were_left_out_are_not_there() {
    let project = Project::new("", FILE);
    for command in ["check", "audit", "explain", "sbom", "report", "trust", "sign", "keygen", "run", "oci", "wasm"] {
        project.check(&[command], 2, "unrecognized subcommand");
    }
    project.check(&["--version"], 0, "without evidence, oci, sign, wasm");
}
