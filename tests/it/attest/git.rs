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

impl Repository {
    /// A program that leaves a mark, in a folder that git ignores.
    fn evil(&self) -> String {
        let evil = self.project.path("dist/evil");
        let mark = self.project.path("dist/ran");
        std::fs::write(&evil, format!("#!/bin/sh\ntouch {}\ncat\n", mark.display())).expect("a script");
        std::fs::set_permissions(&evil, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("a mode");
        evil.display().to_string()
    }

    /// Whether something left the mark, which is gone afterwards.
    fn has_run(&self) -> bool {
        std::fs::remove_file(self.project.path("dist/ran")).is_ok()
    }
}

/// Nothing that a checkout says is run.
#[test]
fn a_checkout_has_nothing_run() {
    let repository = Repository::new();
    let project = &repository.project;
    project.write(".gitattributes", "source.txt filter=x diff=x merge=x\nother.txt filter=a=b.c\n");
    let write = || ["source.txt", "other.txt"].map(|name| project.write(name, "words\n"));
    write();
    repository.commit();
    let evil = repository.evil();
    std::fs::create_dir_all(project.path(".git/hooks")).expect("a folder");
    for hook in ["post-index-change", "reference-transaction", "fsmonitor-watchman", "post-checkout", "pre-auto-gc"] {
        std::fs::copy(&evil, project.path(&format!(".git/hooks/{hook}"))).expect("a hook");
    }
    let shell = format!("!{evil}");
    let elsewhere = project.path("dist/config").display().to_string();
    std::fs::write(&elsewhere, format!("[filter \"x\"]\nclean = {evil}\n")).expect("a file");
    for (key, value) in [
        ("core.fsmonitor", &*evil),
        ("core.hooksPath", project.path(".git/hooks").to_str().expect("UTF-8")),
        ("core.pager", &evil),
        ("pager.status", &evil),
        ("core.editor", &evil),
        ("core.sshCommand", &evil),
        ("core.gitProxy", &evil),
        ("core.askPass", &evil),
        ("core.alternateRefsCommand", &evil),
        ("credential.helper", &shell),
        ("diff.external", &evil),
        ("diff.x.command", &evil),
        ("diff.x.textconv", &evil),
        ("merge.x.driver", &evil),
        ("filter.x.clean", &evil),
        ("filter.x.smudge", &evil),
        ("filter.x.process", &evil),
        ("filter.x.required", "true"),
        ("filter.a=b.c.clean", &evil),
        ("gpg.program", &evil),
        ("gpg.ssh.program", &evil),
        ("log.showSignature", "true"),
        ("remote.origin.uploadpack", &evil),
        ("remote.origin.url", "ext::sh -c %S"),
        ("protocol.ext.allow", "always"),
        ("submodule.recurse", "true"),
        ("uploadpack.packObjectsHook", &evil),
        ("alias.status", &shell),
        ("alias.show", &shell),
        ("include.path", &elsewhere),
    ] {
        repository.git(&["config", key, value]);
    }
    repository.has_run();
    write();
    let (code, _, stderr) = repository.attest(&[OWN, &["dist"]].concat(), &[]);
    assert_eq!((code, repository.has_run()), (0, false), "{stderr}");
    // They are bait: git by itself runs them, each for another file.
    for key in ["core.fsmonitor", "filter.x.process"] {
        repository.git(&["config", "--unset", key]);
    }
    for name in ["source.txt", "other.txt"] {
        write();
        repository.git(&["-c", "core.fsmonitor=false", "diff", "--quiet", "--no-ext-diff", "--", name]);
        assert!(repository.has_run(), "{name}");
    }
    write();
    assert_eq!((repository.code(&["dist"], &[]).0, repository.has_run()), (0, false));
    // In the configuration of one worktree alone.
    for key in ["filter.x.clean", "filter.x.required", "include.path"] {
        repository.git(&["config", "--unset", key]);
    }
    repository.git(&["config", "extensions.worktreeConfig", "true"]);
    repository.git(&["config", "--worktree", "filter.x.clean", &evil]);
    write();
    assert_eq!((repository.code(&["dist"], &[]).0, repository.has_run()), (0, false));
    // The user's own configuration is the user's: without its filter, the files of Git LFS would differ.
    let own = project.store_folder().join("gitconfig").display().to_string();
    std::fs::write(&own, format!("[filter \"x\"]\nclean = {evil}\n")).expect("a file");
    write();
    let env = [("GIT_CONFIG_GLOBAL", &*own)];
    assert_eq!((repository.code(&["dist"], &env).0, repository.has_run()), (0, true));
}

/// Neither does the environment that pinfold is started in.
#[test]
fn no_variable_has_a_program_run_by_git() {
    let repository = Repository::new();
    let evil = repository.evil();
    let folder = repository.project.path("dist/bin");
    std::fs::create_dir(&folder).expect("a folder");
    for name in ["git", "git-rev-parse", "git-status"] {
        std::fs::copy(&evil, folder.join(name)).expect("a program");
    }
    let path = std::env::var("PATH").unwrap_or_default();
    for (name, value) in [
        ("GIT_EXEC_PATH", folder.to_str().expect("UTF-8")),
        ("GIT_EXTERNAL_DIFF", &evil),
        ("GIT_PAGER", &evil),
        ("GIT_EDITOR", &evil),
        ("GIT_ASKPASS", &evil),
        ("SSH_ASKPASS", &evil),
        ("GIT_SSH", &evil),
        ("GIT_SSH_COMMAND", &evil),
        ("GIT_PROXY_COMMAND", &evil),
        ("GIT_CONFIG_PARAMETERS", &format!("'core.fsmonitor'='{evil}'")),
        ("GIT_TRACE", repository.project.path("dist/ran").to_str().expect("UTF-8")),
        ("GIT_TRACE2_EVENT", repository.project.path("dist/ran").to_str().expect("UTF-8")),
        ("PATH", &format!("dist/bin:.:{path}")),
    ] {
        let (code, _, stderr) = repository.attest(&[OWN, &["dist/app.js"]].concat(), &[(name, value)]);
        assert_eq!((code, repository.has_run()), (0, false), "{name}: {stderr}");
    }
    let env = [("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "core.fsmonitor"), ("GIT_CONFIG_VALUE_0", &evil)];
    assert_eq!((repository.code(&["dist/app.js"], &env).0, repository.has_run()), (0, false));
}

/// A commit may have git's own files in a folder. They are content: neither is what they say run, nor is the repository
/// that they make up stated.
#[test]
fn a_repository_in_a_commit() {
    let repository = Repository::new();
    let project = &repository.project;
    let evil = repository.evil();
    let top = project.root().parent().expect("a folder").to_owned();
    let attest = |folder: &std::path::Path, more: &[&str]| {
        let mut command = project.command();
        command.current_dir(folder).env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let output =
            command.args(["attest", "--no-times", "--json"]).args(OWN).args(more).output().expect("the command");
        let said = String::from_utf8(output.stdout).expect("UTF-8");
        let report: Value = serde_json::from_str(&said).expect("JSON");
        (output.status.code(), report["error"]["code"].as_str().unwrap_or_default().to_owned(), said)
    };
    repository.git(&["config", "filter.x.clean", &evil]);
    repository.git(&["config", "core.fsmonitor", &evil]);
    project.write(".gitattributes", "* filter=x\n");
    // The project's own repository becomes content of another that is around it.
    let unwrap = |to: &std::path::Path| {
        for name in ["HEAD", "config", "index", "objects", "refs"] {
            std::fs::rename(project.path(".git").join(name), to.join(name)).expect("it was there");
        }
    };
    unwrap(&project.root());
    std::fs::remove_dir_all(project.path(".git")).expect("it was there");
    let outer = |args: &[&str]| repository.git(&[&["-C", top.to_str().expect("UTF-8")], args].concat());
    outer(&["init", "--quiet", "--initial-branch=main"]);
    outer(&["remote", "add", "origin", "https://github.com/outer/one"]);
    let is_refused = |(code, error, said): (Option<i32>, String, String)| {
        assert_eq!((code, error.as_str(), repository.has_run()), (Some(2), "git-failed", false), "{said}");
        assert!(said.contains("bare repository") && !said.contains("github.com/o/r"), "{said}");
    };
    for config in ["bare = false\n\tworktree = .", "bare = false", "bare = true"] {
        let text = project.read("config");
        std::fs::write(project.path("config"), format!("{text}[core]\n\t{config}\n")).expect("a file");
        is_refused(attest(&project.root(), &["dist/app.js"]));
        is_refused(attest(&top, &["--pins", "project/pins.toml", "dist/app.js"]));
    }
    // A level above the project.
    let moved = top.join("level");
    std::fs::create_dir(&moved).expect("a folder");
    for name in ["HEAD", "config", "index", "objects", "refs"] {
        std::fs::rename(project.path(name), moved.join(name)).expect("it was there");
    }
    std::fs::rename(project.root(), moved.join("project")).expect("moved");
    is_refused(attest(&moved.join("project"), &["dist/app.js"]));
    is_refused(attest(&top, &["--pins", "level/project/pins.toml", "dist/app.js"]));
    std::fs::rename(moved.join("project"), project.root()).expect("moved back");
    // Beside the project it is in nobody's way.
    outer(&["add", "--force", "project/pins.toml"]);
    outer(&["commit", "--quiet", "--message", "all"]);
    let (code, _, said) = attest(&project.root(), &["dist/app.js", "--allow-dirty", "--out", "dist/app.json"]);
    assert_eq!((code, repository.has_run()), (Some(0), false), "{said}");
    assert!(project.read("dist/app.json").contains("github.com/outer/one"), "{said}");
}

/// A repository says of another folder that it is its checkout.
#[test]
fn a_repository_of_another_folder() {
    let repository = Repository::new();
    let other = Repository::new();
    repository.git(&["config", "core.worktree", other.project.root().to_str().expect("UTF-8")]);
    assert_eq!(repository.code(&["dist"], &[]), (2, "checkout-absent".to_owned()));
    repository.git(&[
        "config",
        "core.worktree",
        repository.project.root().parent().expect("one").to_str().expect("UTF-8"),
    ]);
    assert_eq!(repository.code(&["dist"], &[]), (2, "git-failed".to_owned()));
    // A linked worktree, and a repository that is elsewhere, are what they are.
    repository.git(&["config", "--unset", "core.worktree"]);
    assert_eq!(repository.code(&["dist"], &[]).0, 0);
    let apart = other.project.store_folder().join("apart.git");
    std::fs::rename(repository.project.path(".git"), &apart).expect("moved");
    std::fs::write(repository.project.path(".git"), format!("gitdir: {}\n", apart.display())).expect("a file");
    assert_eq!(repository.code(&["dist"], &[]).0, 0);
    let linked = other.project.store_folder().join("linked");
    repository.git(&["worktree", "add", "--quiet", linked.to_str().expect("UTF-8")]);
    for name in ["dist", "vendor"] {
        std::fs::rename(repository.project.path(name), linked.join(name)).expect("moved");
    }
    let mut command = repository.project.command();
    command.current_dir(&linked).env("PATH", std::env::var_os("PATH").unwrap_or_default());
    let output = command.args(["attest", "--no-times", "dist"]).args(OWN).output().expect("the command");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
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
