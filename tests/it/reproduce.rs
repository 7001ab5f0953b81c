//! `pinfold reproduce`: equal or not, and where not; nothing of a stranger's runs unasked.

use serde_json::{Value, json};

use crate::needs;
use crate::run::{BUILD, BUNDLE, Said, Workshop, uncovered};

/// A build that was attested, hermetically.
fn built(script: &str) -> Workshop {
    needs::namespaces();
    let workshop = Workshop::new();
    let said = workshop.run(&["--hermetic", "--json"], script);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    workshop
}

impl Workshop {
    fn reproduce(&self, args: &[&str]) -> Said {
        self.pinfold(&[&["reproduce", "--offline"], args].concat(), &[])
    }

    /// With the key that signed, and as JSON.
    fn again(&self, args: &[&str]) -> (i32, Value) {
        let key = format!("--key={}", self.public());
        let said = self.reproduce(&[&[BUNDLE, &key, "--json"], args].concat());
        let report = serde_json::from_str(&said.stdout).unwrap_or_else(|_| panic!("{}{}", said.stdout, said.stderr));
        (said.code, report)
    }

    /// The statement of the bundle, changed by somebody, without a signature.
    fn forged(&self, change: impl FnOnce(&mut Value)) -> Said {
        let mut statement = self.stated(BUNDLE);
        change(&mut statement);
        self.project.write("dist/forged.json", statement.to_string());
        self.reproduce(&["dist/forged.json", "--unproved", "--json"])
    }
}

fn codes(report: &Value) -> Vec<&str> {
    let rows = report["rows"].as_array().expect("rows").iter();
    let findings = rows.flat_map(|row| row["findings"].as_array().expect("findings"));
    findings.map(|one| one["code"].as_str().expect("a code")).collect()
}

#[test]
fn the_same_commit_gives_the_same_bytes() {
    let workshop = built(&format!("{BUILD}; pwd >> dist/app.js; echo $SOURCE_DATE_EPOCH >> dist/app.js"));
    // What is here by now plays no part.
    workshop.project.write("source.txt", "other\n");
    workshop.project.write("vendor/left/main.js", "other");
    let key = format!("--key={}", workshop.public());
    let said = workshop.reproduce(&[BUNDLE, &key]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    assert!(said.stdout.starts_with("equal  dist/app.js  sha256:"), "{}", said.stdout);
    assert!(said.stdout.contains("the statement is proved, signed by the key"), "{}", said.stdout);
    assert!(said.stderr.contains("in a sandbox: `sh` `-c` `mkdir -p dist"), "what runs is shown: {}", said.stderr);
    let (code, report) = workshop.again(&[]);
    assert_eq!((code, &report["command"], &report["verdict"]), (0, &json!("reproduce"), &json!("PASSED")));
    // From another repository that has the commit.
    workshop.git(&["clone", "--quiet", "--bare", ".", "dist/copy.git"]);
    workshop.git(&["update-ref", "-d", "HEAD"]);
    assert_eq!(workshop.again(&["--source", "dist/copy.git"]).0, 0);
}

#[test]
fn nothing_is_left_of_what_was_reproduced() {
    let scratch = uncovered();
    let workshop = built(BUILD);
    workshop.git(&["clone", "--quiet", "--bare", ".", "dist/copy.git"]);
    workshop.git(&["update-ref", "-d", "HEAD"]);
    let key = format!("--key={}", workshop.public());
    let args = ["reproduce", "--offline", BUNDLE, &key, "--source", "dist/copy.git"];
    let said = workshop.pinfold(&args, &[("TMPDIR", scratch.path().to_str().expect("UTF-8"))]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    assert_eq!(std::fs::read_dir(scratch.path()).expect("a folder").count(), 0);
}

#[test]
fn nothing_that_a_repository_configures_is_run() {
    let workshop = built(BUILD);
    let project = &workshop.project;
    let evil = project.path("dist/evil");
    let mark = project.path("dist/ran");
    std::fs::write(&evil, format!("#!/bin/sh\ntouch {}\ncat\n", mark.display())).expect("a script");
    std::fs::set_permissions(&evil, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("a mode");
    let evil = evil.display().to_string();
    std::fs::write(project.path(".git/info/attributes"), "* filter=x\n").expect("attributes");
    let hooks = project.path(".git/hooks");
    std::fs::create_dir_all(&hooks).expect("a folder");
    for hook in ["post-checkout", "reference-transaction", "pre-auto-gc"] {
        std::fs::copy(&evil, hooks.join(hook)).expect("a hook");
    }
    for key in [
        "core.fsmonitor",
        "core.sshCommand",
        "core.alternateRefsCommand",
        "core.gitProxy",
        "core.askPass",
        "credential.helper",
        "filter.x.clean",
        "filter.x.smudge",
        "remote.origin.uploadpack",
        "uploadpack.packObjectsHook",
        "gpg.program",
    ] {
        workshop.git(&["config", key, &evil]);
    }
    workshop.git(&["config", "submodule.recurse", "true"]);
    let from = project.root().display().to_string();
    for source in [&["--source", &from][..], &[]] {
        assert_eq!((workshop.again(source).0, mark.exists()), (0, false), "{source:?}");
    }
    // A transport that runs what it is told is none, whatever the user's own configuration says.
    let own = project.store_folder().join("gitconfig");
    std::fs::write(&own, "[protocol \"ext\"]\nallow = always\n").expect("a file");
    let source = format!("--source=ext::{evil}");
    let args = ["reproduce", "--offline", BUNDLE, &format!("--key={}", workshop.public()), &source];
    let said = workshop.pinfold(&args, &[("GIT_CONFIG_GLOBAL", own.to_str().expect("UTF-8"))]);
    assert_eq!((said.code, mark.exists()), (2, false), "{}{}", said.stdout, said.stderr);
}

#[test]
fn other_bytes_are_told_with_their_place() {
    let workshop = built(BUILD);
    let (code, report) =
        workshop.again(&["--keep", "dist/kept", "--", "sh", "-c", "mkdir -p dist; printf 'sourcE' > dist/app.js"]);
    assert_eq!((code, codes(&report)), (1, vec!["output-differs", "first-difference"]));
    let message = report["rows"][0]["findings"][1]["message"].as_str().expect("a message");
    assert_eq!(message, "the first byte that differs is at offset 5, of 11 bytes stated and 6 rebuilt");
    assert_eq!(workshop.project.read("dist/kept/dist/app.js"), "sourcE");
    let notes: Vec<&str> =
        report["notes"].as_array().expect("notes").iter().filter_map(|one| one["code"].as_str()).collect();
    assert_eq!(notes, ["statement-proved", "command-differs", "rebuilt-kept"]);
    // Without the stated file there is only the verdict.
    let other = ["--", "sh", "-c", "mkdir -p dist; echo x > dist/app.js"];
    let (_, report) = workshop.again(&[&["--against", "dist"], &other[..]].concat());
    assert_eq!(codes(&report), ["output-differs", "stated-absent"]);
    workshop.project.write("dist/app.js", "something else");
    assert_eq!(codes(&workshop.again(&other).1), ["output-differs", "stated-other"]);
    let (code, report) = workshop.again(&["--", "true"]);
    assert_eq!((code, codes(&report)), (1, vec!["output-not-rebuilt"]));
    // A link is not what was stated, wherever it leads.
    let (_, report) = workshop.again(&["--", "sh", "-c", "mkdir -p dist; ln -s ../source.txt dist/app.js"]);
    assert_eq!(codes(&report), ["output-not-rebuilt"]);
    let (code, report) = workshop.again(&["--", "sh", "-c", "exit 9"]);
    assert_eq!((code, &report["error"]["code"]), (2, &json!("command-failed")));
}

#[test]
fn one_byte_of_an_input() {
    let workshop = built(BUILD);
    let stated = workshop.project.read("dist/app.js");
    workshop.project.write("source.txt", "sourcf\n");
    workshop.commit();
    let commit = workshop.git(&["rev-parse", "HEAD"]);
    let said = workshop.forged(|statement| {
        statement["predicate"]["buildDefinition"]["resolvedDependencies"][0]["digest"]["gitCommit"] = json!(commit);
    });
    let report: Value = serde_json::from_str(&said.stdout).expect("JSON");
    assert_eq!((said.code, codes(&report)), (1, vec!["output-differs", "first-difference"]));
    assert!(said.stdout.contains("at offset 5, of 11 bytes"), "{}", said.stdout);
    assert_eq!(workshop.project.read("dist/app.js"), stated, "the stated file is left alone");
}

#[test]
fn who_vouches_for_it() {
    let workshop = built(BUILD);
    let check = |args: &[&str], code: i32| {
        let said = workshop.reproduce(args);
        assert_eq!(said.code, code, "{args:?}: {}{}", said.stdout, said.stderr);
        let has_run = said.stderr.contains("in a sandbox");
        assert_eq!(has_run, code == 0, "{args:?}");
        format!("{}{}", said.stdout, said.stderr)
    };
    check(&[BUNDLE], 3);
    check(&[BUNDLE, "--repository=https://github.com/o/r"], 3);
    let other = workshop.project.store_folder().join("other.key").display().to_string();
    assert_eq!(workshop.pinfold(&["keygen", "--no-passphrase", "--out", &other], &[]).code, 0);
    check(&[BUNDLE, &format!("--key={other}.pub")], 1);
    assert!(check(&[BUNDLE, "--unproved"], 0).contains("nobody vouches"));
    // A bare statement is nobody's word.
    workshop.project.write("dist/bare.json", workshop.stated(BUNDLE).to_string());
    assert!(check(&["dist/bare.json"], 2).contains("nobody vouches"));
    check(&["dist/bare.json", "--unproved"], 0);
    check(&["dist/bare.json", "--", "sh", "-c", BUILD], 0);
    // A signature does not survive a change.
    let mut bundle: Value = serde_json::from_str(&workshop.project.read(BUNDLE)).expect("JSON");
    bundle["dsseEnvelope"]["payload"] = {
        use base64::Engine as _;
        let statement = workshop.stated(BUNDLE).to_string().replace("source.txt", "other.txt");
        json!(base64::engine::general_purpose::STANDARD.encode(statement))
    };
    workshop.project.write("dist/changed.json", bundle.to_string());
    check(&["dist/changed.json", &format!("--key={}", workshop.public())], 1);
}

#[test]
fn statements_that_cannot_be_done_again() {
    let workshop = built(BUILD);
    let check = |code: i32, expected: &str, change: &dyn Fn(&mut Value)| {
        let said = workshop.forged(change);
        assert_eq!((said.code, said.error()), (code, expected.to_owned()), "{}{}", said.stdout, said.stderr);
        assert!(!said.stderr.contains("in a sandbox"), "{expected}");
    };
    let definition = "/predicate/buildDefinition";
    let set = |pointer: &str, value: Value| {
        let (pointer, value) = (format!("{definition}{pointer}"), value);
        move |statement: &mut Value| *statement.pointer_mut(&pointer).expect("it is there") = value.clone()
    };
    let own = "/internalParameters/pinfold";
    let commit = "/resolvedDependencies/0/digest/gitCommit";
    check(2, "commit-absent", &set(commit, json!("0".repeat(40))));
    check(2, "statement-unusable", &set(commit, json!("--upload-pack=x")));
    check(2, "statement-unusable", &set(commit, json!("HEAD")));
    check(3, "statement-no-commit", &set("/resolvedDependencies", json!([])));
    check(3, "statement-no-command", &set("/externalParameters", json!({})));
    check(3, "statement-no-command", &set("/externalParameters/command", json!([])));
    check(2, "statement-unusable", &set("/externalParameters/command", json!("sh")));
    check(2, "statement-unusable", &set("/externalParameters/command", json!(["sh\0"])));
    check(2, "statement-unusable", &set("/externalParameters/environment", json!({ "A=B": "c" })));
    check(2, "statement-unusable", &set(&format!("{own}/folder"), json!("../..")));
    check(2, "statement-unusable", &set(&format!("{own}/pins/name"), json!("/etc/passwd")));
    check(2, "statement-unusable", &set(&format!("{own}/pins/name"), json!("vendor/pins.toml")));
    check(2, "no-pin-file", &set(&format!("{own}/pins/name"), json!("other.toml")));
    check(1, "pins-differ", &set(&format!("{own}/pins/digest/sha256"), json!("0".repeat(64))));
    check(1, "pins-differ", &set("/resolvedDependencies/2/digest/sha512", json!("00")));
    check(2, "statement-unusable", &|statement| statement["subject"][0]["name"] = json!("../x"));
    check(2, "statement-unusable", &|statement| statement["subject"][0]["digest"] = json!({ "md5": "00" }));
    check(2, "statement-unusable", &|statement| statement["predicateType"] = json!("https://slsa.dev/provenance/v0.2"));
    workshop.project.write("dist/none.json", "{}");
    let said = workshop.reproduce(&["dist/none.json", "--unproved", "--json"]);
    assert_eq!((said.code, said.error()), (2, "statement-unusable".to_owned()));
}

#[test]
fn doubts_are_told() {
    let workshop = built(BUILD);
    let said = workshop.forged(|statement| {
        let own = &mut statement["predicate"]["buildDefinition"]["internalParameters"]["pinfold"];
        own["dirty"] = json!(true);
        own.as_object_mut().expect("an object").remove("hermetic");
    });
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    for code in ["source-dirty", "not-hermetic", "statement-unproved"] {
        assert!(said.stdout.contains(code), "{code}: {}", said.stdout);
    }
}

#[test]
fn what_the_commit_has_already_was_not_built() {
    let workshop = built(BUILD);
    workshop.project.write(".gitignore", "/vendor/\n/dist/*.json\n");
    workshop.commit();
    let commit = workshop.git(&["rev-parse", "HEAD"]);
    let again = |name: &str| {
        let said = workshop.forged(|statement| {
            let definition = &mut statement["predicate"]["buildDefinition"];
            definition["resolvedDependencies"][0]["digest"]["gitCommit"] = json!(commit);
            definition["externalParameters"]["command"] = json!(["true"]);
            statement["subject"][0]["name"] = json!(name);
        });
        let report: Value = serde_json::from_str(&said.stdout).expect("JSON");
        assert_eq!((said.code, codes(&report)), (1, vec!["output-not-rebuilt"]), "{name}: {}", said.stdout);
    };
    again("dist/app.js");
    again("vendor/left/main.js");
    // The command that writes it builds it.
    let said = workshop.forged(|statement| {
        statement["predicate"]["buildDefinition"]["resolvedDependencies"][0]["digest"]["gitCommit"] = json!(commit);
    });
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
}

#[test]
fn a_folder_that_leads_out_of_the_commit() {
    let workshop = built(BUILD);
    std::os::unix::fs::symlink(workshop.project.root(), workshop.project.path("link")).expect("a link");
    workshop.commit();
    let commit = workshop.git(&["rev-parse", "HEAD"]);
    let said = workshop.forged(|statement| {
        let definition = &mut statement["predicate"]["buildDefinition"];
        definition["resolvedDependencies"][0]["digest"]["gitCommit"] = json!(commit);
        definition["internalParameters"]["pinfold"]["folder"] = json!("link/");
    });
    assert_eq!((said.code, said.error()), (2, "statement-unusable".to_owned()), "{}{}", said.stdout, said.stderr);
    assert!(!said.stderr.contains("in a sandbox"), "nothing ran: {}", said.stderr);
}
