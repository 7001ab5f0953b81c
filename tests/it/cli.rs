//! The real command: arguments, environment, exit codes, what goes to which stream.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::support::{Project, files_below, integrity, pin, scrub};

/// What a command did.
struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

fn ran(output: Output) -> Ran {
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let code = output.status.code().expect("not killed by a signal");
    Ran { code, stdout: text(output.stdout), stderr: text(output.stderr) }
}

fn run(project: &Project, args: &[&str]) -> Ran {
    ran(project.command().args(args).output().expect("the command"))
}

/// Runs the command, and holds its exit code and both streams to what was seen before.
fn check(name: &str, project: &Project, args: &[&str], code: i32) -> Ran {
    let ran = run(project, args);
    let text = format!("$ pinfold {}\n{}--- standard error\n{}", args.join(" "), ran.stdout, ran.stderr);
    insta::assert_snapshot!(name, scrub(project, &text));
    assert_eq!(ran.code, code, "{text}");
    ran
}

/// A project with a pin `tool` of a file of it.
fn tool() -> Project {
    let project = Project::new(&pin("tool", "file = \"tool.bin\"", &integrity(b"tool"), "")).quiet();
    project.write("tool.bin", "tool");
    project
}

// Help.

#[test]
fn says_what_it_can_do() {
    let project = tool();
    check("help", &project, &["--help"], 0);
    check("help-short", &project, &["-h"], 0);
    check("help-fetch", &project, &["fetch", "--help"], 0);
    check("help-check", &project, &["check", "--help"], 0);
    check("help-verify", &project, &["verify", "--help"], 0);
    check("help-add", &project, &["add", "--help"], 0);
    check("help-update", &project, &["update", "--help"], 0);
    check("help-attest", &project, &["attest", "--help"], 0);
    check("help-cache", &project, &["cache", "--help"], 0);
    check("help-cache-gc", &project, &["cache", "gc", "--help"], 0);
    check("help-completions", &project, &["completions", "--help"], 0);
    check("help-man", &project, &["man", "--help"], 0);
    check("no-arguments", &project, &[], 2);
    let version = run(&project, &["--version"]);
    assert_eq!((version.code, version.stdout.as_str()), (0, concat!("pinfold ", env!("CARGO_PKG_VERSION"), "\n")));
}

#[test]
fn completions_for_every_shell() {
    let project = tool();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = run(&project, &["completions", shell]);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{shell}");
        for word in ["pinfold", "fetch", "verify", "frozen", "dry-run"] {
            assert!(ran.stdout.contains(word), "{shell} has no {word}");
        }
    }
    assert_eq!(run(&project, &["completions", "tcsh"]).code, 2);
}

#[test]
fn man_pages() {
    let project = tool();
    let page = run(&project, &["man"]);
    assert_eq!(page.code, 0);
    assert!(page.stdout.contains(".TH pinfold 1") && page.stdout.contains("Exit codes"), "{}", page.stdout);
    assert_eq!(run(&project, &["man", "--out", "man/pages"]).code, 0);
    let pages = files_below(&project.path("man/pages"));
    let expected = [
        "add",
        "attest",
        "audit",
        "cache-gc",
        "cache-list",
        "cache-path",
        "cache-verify",
        "cache",
        "check",
        "completions",
        "explain",
        "fetch",
        "keygen",
        "man",
        "mirror",
        "oci-copy",
        "oci-pull",
        "oci-push",
        "oci-verify",
        "oci",
        "report",
        "reproduce",
        "run",
        "sbom",
        "sign",
        "trust-show",
        "trust-update",
        "trust",
        "update",
        "verify",
        "wasm-attach",
        "wasm-detach",
        "wasm-export-public-key",
        "wasm-inspect",
        "wasm-keygen",
        "wasm-sign",
        "wasm-split",
        "wasm-strip",
        "wasm-verify",
        "wasm",
    ];
    let expected = expected.map(|name| format!("pinfold-{name}.1"));
    assert_eq!(pages, [&expected[..], &["pinfold.1".to_owned()]].concat());
    assert!(project.read("man/pages/pinfold-fetch.1").contains("frozen"));
    assert_eq!(run(&project, &["man", "--out", "tool.bin/man"]).code, 2);
}

#[test]
fn the_command_itself_can_be_asked_where_nothing_is_configured() {
    let project = tool();
    for args in [&["completions", "bash"][..], &["man"], &["--help"], &["--version"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pinfold"));
        let ran = ran(command.env_clear().current_dir(project.root()).args(args).output().expect("the command"));
        assert_eq!((ran.code, ran.stderr.as_str(), ran.stdout.is_empty()), (0, "", false), "{args:?}");
    }
}

// Exit codes.

#[test]
fn each_exit_code() {
    let project = tool();
    check("passed", &project, &["fetch"], 0);
    check("nothing-to-do", &project, &["fetch"], 0);
    check("verified", &project, &["verify"], 0);

    project.write("vendor/tool", "loot");
    check("refused", &project, &["verify"], 1);

    check("changed", &project, &["fetch"], 1);

    std::fs::remove_file(project.path("vendor/tool")).expect("a file");
    std::fs::remove_file(project.path("tool.bin")).expect("a file");
    check("failed", &project, &["fetch"], 2);

    project.write("vendor/tool", "loot");
    let url = project.read("pins.toml").replace("file = \"tool.bin\"", "url = \"https://example.com/tool\"");
    project.pins(&url);
    std::fs::remove_dir_all(project.path(".pinfold")).expect("records");
    check("unverifiable", &project, &["verify"], 3);
}

#[test]
fn one_document_whatever_happens() {
    let document = |project: &Project, args: &[&str], code: i32| -> Value {
        let ran = run(project, args);
        assert_eq!((ran.code, ran.stderr.as_str()), (code, ""), "{args:?}");
        let value: Value = serde_json::from_str(&ran.stdout).expect("one JSON document");
        assert_eq!(value["schema"], "pinfold/report/v1");
        assert_eq!(
            value["command"],
            args.iter().filter(|arg| !arg.starts_with('-')).copied().collect::<Vec<_>>().join(" ")
        );
        assert_eq!(value["exit_code"], code);
        value
    };
    let project = tool();
    assert_eq!(document(&project, &["fetch", "--json"], 0)["verdict"], "PASSED");
    assert_eq!(document(&project, &["--json", "verify"], 0)["rows"][0]["status"], "verified");
    assert_eq!(document(&project, &["cache", "list", "--json"], 0)["rows"], Value::Array(Vec::new()));
    project.write("vendor/tool", "loot");
    assert_eq!(document(&project, &["verify", "--json"], 1)["rows"][0]["findings"][0]["code"], "file-changed");

    let unknown = run(&project, &["fetch", "toll", "--json"]);
    let failure: Value = serde_json::from_str(&unknown.stdout).expect("one JSON document");
    let error = &failure["error"];
    assert_eq!(
        (unknown.code, &error["code"], &error["hint"]),
        (2, &"unknown-pin".into(), &"did you mean `tool`?".into())
    );

    let pins = project.read("pins.toml");
    project.write("pins.toml", pins.replace("version = 1", "version = 2"));
    let failure = document(&project, &["fetch", "--json"], 2);
    assert_eq!((&failure["verdict"], &failure["error"]["code"]), (&"FAILED".into(), &"unsupported-version".into()));
    std::fs::remove_file(project.path("pins.toml")).expect("a file");
    assert_eq!(document(&project, &["verify", "--json"], 2)["error"]["code"], "no-pin-file");

    let mut command = Command::new(env!("CARGO_BIN_EXE_pinfold"));
    let output = command.env_clear().current_dir(project.root()).args(["fetch", "--json"]).output();
    let ran = ran(output.expect("the command"));
    let failure: Value = serde_json::from_str(&ran.stdout).expect("one JSON document");
    assert_eq!((ran.code, &failure["error"]["code"]), (2, &"environment".into()));
}

#[test]
fn failures_before_any_pin_say_what_to_do() {
    let project = tool();
    check("unknown-pin", &project, &["fetch", "toll"], 2);
    check("no-pin-file", &project, &["fetch", "--pins", "elsewhere/pins.toml"], 2);
    check("unknown-option", &project, &["fetch", "--ofline"], 2);
    check("unknown-command", &project, &["fecth"], 2);
    check("conflict", &project, &["fetch", "-q", "-v"], 2);
    check("bad-registry", &project, &["fetch", "--registry", "npm.example.com"], 2);
    check("bad-jobs", &project, &["fetch", "--jobs", "0"], 2);
    check("bad-ca-file", &project, &["fetch", "--ca-file", "absent.pem"], 2);
    check("bad-platform", &project, &["fetch", "--platform", "plan9-x64"], 2);
    let pins = project.read("pins.toml");
    project.pins(&pins.replace("integrity =", "integrty ="));
    check("malformed", &project, &["fetch"], 2);
    project.pins("");
    check("no-pins", &project, &["fetch"], 2);
    check("no-pins-verify", &project, &["verify"], 2);
    assert_eq!(files_below(&project.root()), ["pins.toml", "tool.bin"]);
}

#[test]
fn without_a_registry_all_places_for_one_are_named() {
    // What the build was told is the last of them; a build that was told something has none to complain of.
    if option_env!("PINFOLD_NPM_REGISTRY").is_none_or(str::is_empty) {
        let project = Project::new(&pin("left", "npm = \"left@1.0.0\"", &integrity(b"left"), ""));
        check("no-registry", &project, &["fetch"], 2);
    }
}

#[test]
fn what_an_npmrc_says_in_vain_is_told() {
    let project = tool();
    project.write(".npmrc", "_authToken=hush\n//npm.example.com/:_authToken=${UNSET_VARIABLE}\n");
    let ran = check("npmrc", &project, &["fetch"], 0);
    assert!(!ran.stdout.contains("hush"));
}

// Streams.

#[test]
fn quiet_says_nothing_when_all_is_well() {
    let project = tool();
    for args in [&["fetch", "-q"][..], &["fetch", "--quiet"], &["verify", "-q"], &["cache", "verify", "-q"]] {
        let ran = run(&project, args);
        assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (0, "", ""), "{args:?}");
    }
    project.write("vendor/tool", "loot");
    check("quiet-refused", &project, &["verify", "-q"], 1);
}

#[test]
fn no_colour_and_no_bars_where_nobody_looks() {
    let project = tool();
    for colour in [&[][..], &[("NO_COLOR", "1")]] {
        for args in [&["fetch"][..], &["verify"], &["fetch", "nobody"], &["--help"], &["--nonsense"]] {
            let mut command = project.command();
            let ran = ran(command.envs(colour.iter().copied()).env("TERM", "xterm").args(args).output().expect("it"));
            assert!(!ran.stdout.contains('\u{1b}') && !ran.stderr.contains('\u{1b}'), "{args:?}");
        }
    }
}

#[test]
fn somebody_who_has_seen_enough_is_no_reason_to_panic() {
    let project = tool();
    for args in [&["fetch"][..], &["fetch", "--json"], &["completions", "bash"], &["--help"], &["man"]] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = project.command().args(args).stdout(writer).stderr(Stdio::piped()).output().expect("the command");
        let ran = ran(output);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{args:?}");
    }
    project.write("vendor/tool", "loot");
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let output = project.command().arg("verify").stdout(writer).output().expect("the command");
    assert_eq!(output.status.code(), Some(1), "the exit code stays what it is");
}

// The environment.

#[test]
fn where_the_store_is() {
    let project = tool();
    let path = |variables: &[(&str, &str)], args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pinfold"));
        command.env_clear().envs(variables.iter().copied()).current_dir(project.root()).args(["cache", "path"]);
        let ran = ran(command.args(args).output().expect("the command"));
        (ran.code, ran.stdout + &ran.stderr)
    };
    let (home, xdg, own) = (("HOME", "/home/me"), ("XDG_CACHE_HOME", "/xdg"), ("PINFOLD_CACHE", "/own"));
    let at = |path: &str| (0, format!("{path}\n"));
    assert_eq!(path(&[home], &[]), at("/home/me/.cache/pinfold"));
    assert_eq!(path(&[home, xdg], &[]), at("/xdg/pinfold"));
    assert_eq!(path(&[home, xdg, own], &[]), at("/own"));
    assert_eq!(path(&[home, xdg, own], &["--cache", "/flag"]), at("/flag"));
    assert_eq!(
        path(&[home, ("XDG_CACHE_HOME", "relative"), ("PINFOLD_CACHE", "")], &[]),
        at("/home/me/.cache/pinfold")
    );
    assert_eq!(path(&[], &["--cache", "/flag"]), at("/flag"));
    let error = "error: there is no place for the store: say `--cache DIR`, or set PINFOLD_CACHE or HOME\n";
    assert_eq!(path(&[], &[]), (2, error.to_owned()));
}

#[test]
fn pins_elsewhere_have_their_trees_there() {
    let project = tool();
    let folder = project.root().with_file_name("project");
    let mut command = project.command();
    command.current_dir("/").args(["fetch", "-q", "--pins"]).arg(folder.join("pins.toml"));
    assert_eq!(ran(command.output().expect("the command")).code, 0);
    assert_eq!(project.read("vendor/tool"), "tool");
    assert!(project.exists(".pinfold/tool.json"));
}

#[test]
fn the_store_by_the_command() {
    let project = tool();
    check("cache-list", &project, &["cache", "list"], 0);
    check("cache-gc", &project, &["cache", "gc", "--dry-run"], 0);
    check("cache-verify", &project, &["cache", "verify"], 0);
    check("cache-path", &project, &["cache", "path"], 0);
}

// docs/report.md.

#[test]
fn the_document_has_every_field_and_code_and_no_other() {
    let document = source("docs/report.md");
    let listed: BTreeSet<&str> =
        document.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`')).map(|(word, _)| word).collect();

    let wire = source("src/command/report/json.rs");
    let fields: Vec<&str> = wire
        .lines()
        .skip_while(|line| !line.starts_with("struct"))
        .take_while(|line| !line.starts_with("impl"))
        .filter_map(|line| line.strip_prefix("    ")?.split_once(": "))
        .map(|(field, _)| field)
        .collect();
    assert!(fields.len() > 20, "{fields:?}");
    for field in &fields {
        assert!(listed.contains(field), "the field `{field}` is not in docs/report.md");
    }

    let report = source("src/core/finding.rs");
    let (_, evidence) = report.split_once("pub struct Evidence {").expect("a struct");
    let evidence = evidence.lines().take_while(|line| *line != "}").filter_map(|line| line.strip_prefix("    pub "));
    let evidence: Vec<&str> = evidence.filter_map(|line| Some(line.split_once(": ")?.0)).collect();
    assert!(evidence.len() > 10, "{evidence:?}");
    for field in evidence {
        // A word that Rust keeps for itself.
        let field = field.strip_prefix("git_").unwrap_or(field);
        assert!(listed.contains(field), "the field `{field}` of evidence is not in docs/report.md");
    }

    let codes = codes_in_sources();
    assert!(codes.len() > 70, "{codes:?}");
    let missing: Vec<&String> = codes.iter().filter(|code| !listed.contains(code.as_str())).collect();
    assert!(missing.is_empty(), "these codes are not in docs/report.md: {missing:?}");
    // A code that is gone goes from the document as well: what is listed there with an exit code, or without one, is one.
    let (_, tables) = document.split_once("## Codes").expect("a chapter");
    let in_tables = tables.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`')).map(|(word, _)| word);
    for code in in_tables {
        assert!(codes.contains(code), "docs/report.md lists `{code}`, which no report has");
    }
}

/// Every code that a report can have, but for those of pins.toml, of archives and of WebAssembly, which have tables elsewhere:
/// the words in functions named `code`, the codes of faults and findings, and all hyphenated words of the commands and of policies.
fn codes_in_sources() -> BTreeSet<String> {
    // Of an archive that cannot be read, and of a pin whose files nobody signed: in the tables of both.
    let mut codes = BTreeSet::from(["input".to_owned(), "wasm-unsigned".to_owned()]);
    for name in files_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let text = source(&format!("src/{name}"));
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        let text = text.lines().filter(|line| !line.trim_start().starts_with("#[cfg("));
        let text = &text.collect::<Vec<_>>().join("\n");
        for made in ["::failed(", "::refused(", "::unverifiable(", "Fault::new("] {
            for fault in text.split(made).skip(1) {
                let arguments: String = fault.chars().take_while(|one| *one != ';').take(60).collect();
                codes.extend(words(&arguments).into_iter().take(1));
            }
        }
        let elsewhere = ["core/pins/", "core/archive/", "wasm/"].iter().any(|folder| name.starts_with(folder));
        if elsewhere || name.contains("/tests/") {
            continue;
        }
        for function in text.split("fn code(").skip(1) {
            codes.extend(words(function.split("\n    }\n").next().unwrap_or_default()));
        }
        for finding in text.split("Finding::new(").skip(1) {
            let arguments: String = finding.chars().take_while(|one| *one != ';').take(60).collect();
            codes.extend(words(&arguments).into_iter().take(1));
        }
        if name.starts_with("command/commands/")
            || name.starts_with("evidence/policy/")
            || name == "command/install/standing.rs"
        {
            codes.extend(words(text).into_iter().filter(|word| word.contains('-')));
        }
    }
    // A kind of runner, which certificates name so.
    assert!(codes.remove("self-hosted"), "self-hosted is no exception any more");
    // Told by the parser of the command line, before there is a report.
    for flag in ["registry-flag-form", "registry-flag-kind", "registry-flag-url"] {
        assert!(codes.remove(flag), "{flag} is no exception any more");
    }
    codes
}

/// The quoted words of a source text that are in kebab case.
fn words(text: &str) -> Vec<String> {
    let kebab = |word: &&str| {
        word.starts_with(|one: char| one.is_ascii_lowercase())
            && word.chars().all(|one| one.is_ascii_lowercase() || one == '-')
    };
    text.split('"').skip(1).step_by(2).filter(kebab).map(str::to_owned).collect()
}

fn source(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect(path)
}
