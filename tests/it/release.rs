//! What a release does, as far as it can be held to anything here: the workflow of this repository, and the one that
//! `docs/release.md` has for others.

use std::collections::BTreeMap;

use crate::tidy::root;

#[test]
fn workflows_name_commits_and_have_no_more_rights_than_they_need() {
    for (path, text) in workflows() {
        let top = text.split("\njobs:\n").next().expect("a beginning");
        assert!(top.contains("\npermissions: {}\n"), "{path}: a job has no rights that it does not name");
        let jobs = jobs(&text);
        assert_eq!(jobs.keys().map(String::as_str).collect::<Vec<_>>(), ["build", "publish", "sign"], "{path}");
        for (name, job) in &jobs {
            let granted: Vec<&str> = job.lines().map(str::trim).filter(|line| line.ends_with(": write")).collect();
            let needed: &[&str] = match name.as_str() {
                "sign" => &["id-token: write"],
                "publish" => &["contents: write"],
                _ => &[],
            };
            assert_eq!(granted, needed, "{path}: {name}");
            assert!(name == "build" || !job.contains("actions/checkout@"), "{path}: {name} has the project's own code");
            assert!(!job.contains("${{ github.event"), "{path}: {name} writes what others may choose into a script");
        }
        let mut used = 0;
        for action in text.lines().filter_map(|line| line.trim().strip_prefix("- uses: ")) {
            let (name, version) =
                action.split_once(" # v").unwrap_or_else(|| panic!("{path}: {action}: which version?"));
            let (_, commit) = name.split_once('@').expect("a version");
            assert!(commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()), "{path}: {action}");
            assert!(version.split('.').count() == 3, "{path}: {action}");
            used += 1;
        }
        assert_eq!(used, text.matches("uses:").count(), "{path}");
        assert!(used >= 4, "{path}");
        let checkouts = text.matches("actions/checkout@").count();
        assert_eq!(text.matches("persist-credentials: false").count(), checkouts, "{path}");
    }
}

#[test]
fn workflows_say_what_the_command_understands() {
    for (path, text) in workflows() {
        let script = text.replace("\\\n", " ");
        let mut said = 0;
        for line in script.lines() {
            let Some((_, words)) = line.split_once("pinfold ").filter(|(before, _)| before.ends_with(['/', ' ']))
            else {
                continue;
            };
            let (command, rest) = words.split_once(' ').unwrap_or((words, ""));
            if !["fetch", "run", "attest", "sign", "check"].contains(&command) {
                continue;
            }
            let help = crate::tidy::help(&[command.to_owned()]);
            let ours = rest.split(" -- ").next().unwrap_or_default();
            for option in ours.split_whitespace().filter(|word| word.starts_with("--")) {
                assert!(help.contains(option), "{path}: pinfold {command} has no {option}");
            }
            said += 1;
        }
        assert!(said >= 3, "{path}: {said}");
    }
}

/// The workflows, by where they stand.
fn workflows() -> Vec<(&'static str, String)> {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).expect("a file");
    let document = read("docs/release.md");
    let (_, example) = document.split_once("```yaml\n").expect("an example");
    let (example, _) = example.split_once("```").expect("its end");
    vec![
        (".github/workflows/release.yml", read(".github/workflows/release.yml")),
        ("docs/release.md", example.to_owned()),
    ]
}

/// The jobs of a workflow by their names, as text.
fn jobs(text: &str) -> BTreeMap<String, String> {
    let (_, jobs) = text.split_once("\njobs:\n").expect("jobs");
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    let mut name = String::new();
    for line in jobs.lines() {
        match line.strip_prefix("  ").and_then(|line| line.strip_suffix(':')) {
            Some(job) if !job.starts_with(' ') => job.clone_into(&mut name),
            _ => found.entry(name.clone()).or_default().push_str(&format!("{line}\n")),
        }
    }
    found
}

#[test]
fn a_release_is_checked_in_one_line() {
    let folder = crate::support::Project::new("");
    let (key, public) = (folder.path("key.pem"), folder.path("key.pem.pub"));
    let pinfold = |args: &[&str]| {
        let output = folder.command().args(args).output().expect("the command");
        let said = String::from_utf8([output.stdout, output.stderr].concat()).expect("UTF-8");
        (output.status.code().expect("not killed"), said)
    };
    let (code, said) = pinfold(&["keygen", "--no-passphrase", "--out", &key.display().to_string()]);
    assert_eq!(code, 0, "{said}");
    let digest = |bytes: &str| pinfold_core::digest::Sha256::of(bytes.as_bytes()).hex();
    let subject = |name: &str| serde_json::json!({ "name": name, "digest": { "sha256": digest(name) } });
    let statement = serde_json::json!({
        "_type": "https://in-toto.io/Statement/v1", "subject": [subject("a.js"), subject("b.js")],
        "predicateType": "https://example.com/tested/v1", "predicate": {},
    });
    folder.write("statement.json", statement.to_string());
    folder.write("a.js", "a.js");
    folder.write("b.js", "b.js");
    folder.write("c.js", "c.js");
    let (key, public) = (key.display().to_string(), format!("--key={}", public.display()));
    let (code, said) = pinfold(&["sign", "statement.json", "--in-toto", "--key", &key, "--out", "both.sigstore.json"]);
    assert_eq!(code, 0, "{said}");
    let check = |files: &[&str]| pinfold(&[&["check", "-a", "both.sigstore.json", public.as_str()], files].concat());
    let (code, said) = check(&["a.js", "b.js"]);
    assert!(code == 0 && said.ends_with("1 attestation looked at: 2 artifacts verified\n"), "{said}");
    // One that is none of them has a row of its own, and decides.
    let (code, said) = check(&["a.js", "c.js", "b.js"]);
    assert!(code == 1 && said.contains("refused   c.js") && said.contains("verified  b.js"), "{said}");
    assert!(said.ends_with("2 of 3 artifacts verified, 1 refused\n"), "{said}");
    assert_eq!(check(&["a.js", "absent.js"]).0, 2);
}
