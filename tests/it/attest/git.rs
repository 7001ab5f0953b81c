//! The real command in a real checkout.

use std::process::Command;

use serde_json::Value;

use super::project;
use crate::support::Project;

/// A checkout of a project, all of it committed but what was built.
struct Repository {
    project: Project,
}

impl Repository {
    fn new() -> Self {
        let repository = Self { project: project() };
        repository.project.write(".gitignore", "/dist/\n/vendor/\n");
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository.commit();
        repository.git(&["remote", "add", "origin", "https://user:secret@github.com/o/r.git"]);
        repository
    }

    fn git(&self, args: &[&str]) -> String {
        let output = Command::new("git")
            .current_dir(self.project.root())
            .args(["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "protocol.file.allow=always"])
            .args(args)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .expect("git");
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
    }

    fn commit(&self) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", "all"]);
    }

    fn attest(&self, args: &[&str], env: &[(&str, &str)]) -> (i32, String, String) {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut command = self.project.command();
        command.args(["attest", "--no-times"]).args(args).env("PATH", path);
        let output = command.envs(env.iter().copied()).output().expect("the command");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        (output.status.code().expect("a code"), text(output.stdout), text(output.stderr))
    }

    fn stated(&self, args: &[&str]) -> Value {
        let (code, stdout, stderr) = self.attest(&[OWN, args].concat(), &[]);
        assert_eq!(code, 0, "{stderr}");
        serde_json::from_str(&stdout).expect("JSON")
    }

    /// The exit code and what it is about.
    fn code(&self, args: &[&str], env: &[(&str, &str)]) -> (i32, String) {
        let (code, stdout, _) = self.attest(&[OWN, args, &["--json"]].concat(), env);
        let report: Value = serde_json::from_str(&stdout).expect("JSON");
        (code, report["error"]["code"].as_str().unwrap_or_default().to_owned())
    }
}

const OWN: &[&str] = &["--build-type", "https://example.com/make/v1", "--builder-id", "https://example.com/ci"];

fn source(statement: &Value) -> &Value {
    &statement["predicate"]["buildDefinition"]["resolvedDependencies"][0]
}

#[test]
fn a_commit_is_stated_without_anybodys_password() {
    let repository = Repository::new();
    let statement = repository.stated(&["dist"]);
    assert_eq!(source(&statement)["uri"], "git+https://github.com/o/r@refs/heads/main");
    assert_eq!(source(&statement)["digest"]["gitCommit"], repository.git(&["rev-parse", "HEAD"]));
    assert!(!statement.to_string().contains("secret"));
    assert_eq!(statement["predicate"]["runDetails"].get("metadata"), None);
    // Detached: the one tag of the commit, or none.
    repository.git(&["checkout", "--quiet", "--detach"]);
    assert_eq!(source(&repository.stated(&["dist"]))["uri"], "git+https://github.com/o/r");
    repository.git(&["tag", "v1"]);
    assert_eq!(source(&repository.stated(&["dist"]))["uri"], "git+https://github.com/o/r@refs/tags/v1");
    repository.git(&["tag", "v1-again"]);
    assert_eq!(source(&repository.stated(&["dist"]))["uri"], "git+https://github.com/o/r");
    // No remote of that name, and two of others: none is meant.
    repository.git(&["remote", "rename", "origin", "upstream"]);
    assert_eq!(source(&repository.stated(&["dist"]))["uri"], "git+https://github.com/o/r");
    repository.git(&["remote", "add", "fork", "https://github.com/f/r"]);
    assert!(source(&repository.stated(&["dist"])).get("uri").is_none());
}

#[test]
fn each_way_to_be_dirty() {
    let repository = Repository::new();
    let project = &repository.project;
    let dirty = |what: &str| assert_eq!(repository.code(&["dist"], &[]), (1, "checkout-dirty".to_owned()), "{what}");
    let clean = || {
        repository.git(&["reset", "--quiet", "--hard"]);
        repository.git(&["clean", "--quiet", "-d", "--force"]);
        let (code, _, stderr) = repository.attest(&[OWN, &["dist"]].concat(), &[]);
        assert_eq!(code, 0, "{stderr}");
    };
    clean();
    project.write("src/new.js", "new");
    dirty("untracked, in a folder that is new");
    repository.git(&["config", "status.showUntrackedFiles", "no"]);
    dirty("untracked, and git was told not to show it");
    repository.git(&["add", "--all"]);
    dirty("staged");
    clean();
    project.write("tool.bin", "tool");
    std::fs::remove_file(project.path(".gitignore")).expect("a file");
    dirty("removed");
    clean();
    project.write(".gitignore", "/dist/\n/vendor/\n# changed\n");
    repository.git(&["update-index", "--assume-unchanged", ".gitignore"]);
    dirty("changed, and git was told not to look");
    repository.git(&["update-index", "--no-assume-unchanged", ".gitignore"]);
    repository.git(&["update-index", "--skip-worktree", ".gitignore"]);
    dirty("changed, and git was told to pass over it");
    repository.git(&["update-index", "--no-skip-worktree", ".gitignore"]);
    clean();
    project.write("a/ b\n\u{1b}[31m.js", "x");
    let (code, stdout, stderr) = repository.attest(&[OWN, &["dist"]].concat(), &[]);
    assert_eq!((code, stdout.as_str()), (1, ""));
    assert!(stderr.contains("`a/ b\\n\\u{1b}[31m.js`"), "{stderr}");
    let (code, stdout, stderr) = repository.attest(&[OWN, &["dist", "--allow-dirty"]].concat(), &[]);
    assert!(code == 0 && stdout.contains("\"dirty\":true") && stderr.contains("says so"), "{stderr}");
    clean();
    // What pinfold puts there itself, and what is built.
    std::fs::remove_file(project.path(".gitignore")).expect("a file");
    project.write(".gitignore", "");
    repository.git(&["commit", "--all", "--quiet", "--message", "ignore nothing"]);
    std::fs::remove_file(project.path(".pinfold/tool.json")).expect("a record");
    assert_eq!(repository.code(&["dist"], &[]).0, 0);
    assert_eq!(repository.code(&["dist/app.js"], &[]).1, "checkout-dirty", "dist/lib/b.js is no output");
}

#[test]
fn submodules_are_part_of_the_commit() {
    let repository = Repository::new();
    let other = Repository::new();
    let url = other.project.root().display().to_string();
    repository.git(&["submodule", "--quiet", "add", &url, "sub"]);
    repository.git(&["commit", "--quiet", "--message", "sub"]);
    assert_eq!(repository.code(&["dist"], &[]).0, 0);
    repository.git(&["config", "submodule.sub.ignore", "all"]);
    repository.project.write("sub/tool.bin", "loot");
    assert_eq!(repository.code(&["dist"], &[]), (1, "checkout-dirty".to_owned()));
    // Nor does anything else hide it that a submodule has of its own.
    repository.git(&["-C", "sub", "update-index", "--assume-unchanged", "tool.bin"]);
    assert_eq!(repository.code(&["dist"], &[]), (1, "checkout-dirty".to_owned()));
    repository.project.write("sub/tool.bin", "tool");
    repository.git(&["-C", "sub", "update-index", "--no-assume-unchanged", "tool.bin"]);
    assert_eq!(repository.code(&["dist"], &[]).0, 0);
    repository.git(&["-C", "sub", "config", "status.showUntrackedFiles", "no"]);
    repository.project.write("sub/new", "new");
    assert_eq!(repository.code(&["dist"], &[]), (1, "checkout-dirty".to_owned()));
}

#[test]
fn settings_hide_nothing() {
    use std::os::unix::fs::PermissionsExt as _;
    let repository = Repository::new();
    repository.project.write("source.txt", "words\n");
    repository.commit();
    for (name, value) in [("core.fileMode", "false"), ("core.trustctime", "false"), ("core.checkStat", "minimal")] {
        repository.git(&["config", name, value]);
    }
    let path = repository.project.path("source.txt");
    let file = std::fs::File::options().write(true).open(&path).expect("a file");
    let long_ago = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    file.set_modified(long_ago).expect("a time");
    repository.git(&["update-index", "--refresh"]);
    assert_eq!(repository.code(&["dist"], &[]).0, 0);
    // The same length, and the time set back. git compares whole seconds.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    repository.project.write("source.txt", "other\n");
    file.set_modified(long_ago).expect("a time");
    assert_eq!(repository.git(&["status", "--porcelain"]), "");
    assert_eq!(repository.code(&["dist"], &[]), (1, "checkout-dirty".to_owned()));
    repository.project.write("source.txt", "words\n");
    assert_eq!(repository.code(&["dist"], &[]).0, 0);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("a mode");
    assert_eq!(repository.code(&["dist"], &[]), (1, "checkout-dirty".to_owned()));
}

#[test]
fn the_pin_file_is_in_the_commit() {
    let repository = Repository::new();
    repository.project.write(".gitignore", "/dist/\n/vendor/\n/pins.toml\n");
    repository.git(&["rm", "--quiet", "--cached", "pins.toml"]);
    repository.commit();
    assert_eq!(repository.code(&["dist"], &[]), (1, "checkout-dirty".to_owned()));
    let statement = repository.stated(&["dist", "--allow-dirty"]);
    let own = &statement["predicate"]["buildDefinition"]["internalParameters"]["pinfold"];
    assert_eq!(own["dirtyPaths"], serde_json::json!(["pins.toml"]));
}

#[test]
fn a_project_in_a_folder_of_its_checkout() {
    let repository = Repository { project: project() };
    let project = &repository.project;
    let top = project.root().parent().expect("a folder").to_owned();
    let git = |args: &[&str]| {
        let all = [&["-C", top.to_str().expect("UTF-8"), "-c", "user.name=a", "-c", "user.email=a@example.com"], args];
        assert!(Command::new("git").args(all.concat()).status().expect("git").success(), "{args:?}");
    };
    project.write(".gitignore", "/vendor/\n");
    git(&["init", "--quiet", "--initial-branch=main"]);
    git(&["add", "project"]);
    git(&["commit", "--quiet", "--message", "all"]);
    // The store and the trust roots of tests lie beside the project, and so in the checkout.
    let args = ["dist"];
    assert_eq!(repository.code(&args, &[]), (1, "checkout-dirty".to_owned()));
    std::fs::write(top.join(".git/info/exclude"), "/store/\n/trust/\n/home/\n").expect("excluded");
    let statement = repository.stated(&args);
    assert_eq!(statement["predicate"]["buildDefinition"]["internalParameters"]["pinfold"]["folder"], "project/");
    std::fs::write(top.join("beside"), "").expect("a file");
    assert_eq!(repository.code(&args, &[]), (1, "checkout-dirty".to_owned()));
    std::fs::remove_file(top.join("beside")).expect("a file");
    // From elsewhere, with the pin file named: outputs lie by it.
    let mut command = project.command();
    let path = std::env::var_os("PATH").unwrap_or_default();
    command.current_dir(&top).env("PATH", path).args(["attest", "--pins", "project/pins.toml", "dist"]).args(OWN);
    let output = command.output().expect("the command");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn where_git_does_not_answer() {
    let repository = Repository::new();
    let empty = repository.project.path("dist").display().to_string();
    assert_eq!(repository.code(&["dist"], &[("PATH", &empty)]), (2, "git-absent".to_owned()));
    assert_eq!(repository.code(&["dist", "--no-source"], &[("PATH", &empty)]).0, 0);
    // As where a container's user is not the one who checked out.
    let (code, _, stderr) = repository.attest(&[OWN, &["dist"]].concat(), &[("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")]);
    assert!(code == 2 && stderr.contains("dubious ownership") && stderr.contains("safe.directory"), "{stderr}");
    // A hook's variables name another checkout, and are not followed.
    let other = Repository::new();
    let elsewhere = other.project.path(".git").display().to_string();
    other.project.write("new", "");
    assert_eq!(repository.code(&["dist"], &[("GIT_DIR", &elsewhere)]).0, 0);
    std::fs::remove_dir_all(repository.project.path(".git")).expect("a repository");
    assert_eq!(repository.code(&["dist"], &[("GIT_DIR", &elsewhere)]), (2, "checkout-absent".to_owned()));
    repository.git(&["init", "--quiet"]);
    assert_eq!(repository.code(&["dist"], &[]), (2, "checkout-absent".to_owned()), "no commit yet");
}

/// Nothing that a checkout says is run.
#[test]
fn a_checkout_has_nothing_run() {
    let repository = Repository::new();
    let project = &repository.project;
    let evil = project.path("dist/evil");
    std::fs::write(&evil, format!("#!/bin/sh\ntouch {}\n", project.path("dist/ran").display())).expect("a script");
    std::fs::set_permissions(&evil, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("a mode");
    let evil = evil.display().to_string();
    repository.git(&["config", "core.fsmonitor", &evil]);
    repository.git(&["config", "core.pager", &evil]);
    repository.git(&["config", "core.editor", &evil]);
    std::fs::create_dir_all(project.path(".git/hooks")).expect("a folder");
    for hook in ["post-index-change", "reference-transaction", "fsmonitor-watchman"] {
        std::fs::copy(&evil, project.path(&format!(".git/hooks/{hook}"))).expect("a hook");
    }
    assert_eq!(repository.code(&["dist"], &[]).0, 0);
    assert!(!project.exists("dist/ran"));
}

#[test]
fn by_the_environment_of_a_job() {
    let repository = Repository::new();
    let commit = repository.git(&["rev-parse", "HEAD"]);
    let job = [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_SERVER_URL", "https://github.com"),
        ("GITHUB_REPOSITORY", "o/r"),
        ("GITHUB_REPOSITORY_ID", "1"),
        ("GITHUB_REPOSITORY_OWNER_ID", "2"),
        ("GITHUB_WORKFLOW_REF", "o/r/.github/workflows/release.yml@refs/tags/v1"),
        ("GITHUB_REF", "refs/tags/v1"),
        ("GITHUB_SHA", &commit),
        ("GITHUB_RUN_ID", "3"),
        ("GITHUB_RUN_ATTEMPT", "4"),
        ("GITHUB_EVENT_NAME", "push"),
        ("RUNNER_ENVIRONMENT", "github-hosted"),
        ("SOURCE_DATE_EPOCH", "0"),
    ];
    let (code, stdout, stderr) = repository.attest(&["dist"], &job);
    assert_eq!(code, 0, "{stderr}");
    let statement: Value = serde_json::from_str(&stdout).expect("JSON");
    assert_eq!(source(&statement)["uri"], "git+https://github.com/o/r@refs/tags/v1");
    let invocation = &statement["predicate"]["runDetails"]["metadata"]["invocationId"];
    assert_eq!(invocation, "https://github.com/o/r/actions/runs/3/attempts/4");
    let (code, _, stderr) = repository
        .attest(&["dist"], &job[..12].iter().copied().filter(|(name, _)| *name != "GITHUB_REF").collect::<Vec<_>>());
    assert!(code == 2 && stderr.contains("GitHub Actions sets `GITHUB_REF`, and it is not set"), "{stderr}");
    let (code, _, stderr) = repository.attest(&["dist"], &[]);
    assert!(code == 2 && stderr.contains("--builder-id"), "{stderr}");
}

#[test]
fn signed_and_read_back() {
    let repository = Repository::new();
    let project = &repository.project;
    let command = |args: &[&str]| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let output = project.command().env("PATH", path).args(args).output().expect("the command");
        let said = String::from_utf8([output.stdout, output.stderr].concat()).expect("UTF-8");
        (output.status.code().expect("a code"), said)
    };
    // Outside of the checkout, as keys are.
    let key = project.store_folder().join("release.key").display().to_string();
    let (code, said) = command(&["keygen", "--out", &key, "--no-passphrase"]);
    assert_eq!(code, 0, "{said}");
    let sign = |outputs: &[&str]| command(&[&["attest", "--key", &key], OWN, outputs].concat());
    let (code, said) = sign(&["dist/app.js"]);
    assert!(code == 0 && said.contains("dist/app.js.sigstore.json"), "{said}");
    assert_eq!(sign(&["dist/app.js"]).0, 0, "its own bundle is in nobody's way");
    let public = std::fs::read_dir(project.store_folder())
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .find(|path| path.to_string_lossy().contains("release") && !path.ends_with("release.key"))
        .expect("the public half");
    let check = |artifact: &str, bundle: &str| {
        command(&["check", artifact, "--attestation", bundle, "--key", public.to_str().expect("UTF-8")])
    };
    let (code, said) = check("dist/app.js", "dist/app.js.sigstore.json");
    assert_eq!(code, 0, "{said}");
    assert_eq!(check("dist/lib/b.js", "dist/app.js.sigstore.json").0, 1);
    // One bundle of many has to be told its place.
    let (code, said) = sign(&["dist/app.js", "dist/lib"]);
    assert!(code == 2 && said.contains("--out FILE"), "{said}");
    let (code, said) = sign(&["dist/app.js", "dist/lib", "--out", "all.sigstore.json"]);
    assert_eq!(code, 0, "{said}");
    for artifact in ["dist/app.js", "dist/lib/b.js"] {
        assert_eq!(check(artifact, "all.sigstore.json").0, 0, "{artifact}");
    }
}
