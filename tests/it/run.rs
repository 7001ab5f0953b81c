//! `pinfold run`: it attests what the command made, and nothing that is not so.

use std::path::PathBuf;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use pinfold_core::digest::Sha256;
use serde_json::{Value, json};

use crate::harness::ignore;
use crate::support::{Project, integrity, npm_package, pin};

/// A checkout with two fetched pins, a source and a key, and nothing built.
pub(crate) struct Workshop {
    pub(crate) project: Project,
    pub(crate) key: PathBuf,
}

/// What the command said, and its exit code.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Workshop {
    pub(crate) fn new() -> Self {
        let package = npm_package("left", "1.2.3", &[("main.js", "left")]);
        let pins = [
            pin("tool", "file = \"tool.bin\"", &integrity(b"tool"), ""),
            pin("left", "npm = \"left@1.2.3\"", &integrity(&package), ""),
        ];
        let project = Project::new(&pins.concat()).quiet();
        project.write("tool.bin", "tool");
        project.write("source.txt", "source\n");
        project.write(".gitignore", "/dist/\n/vendor/\n");
        project.web.serve_npm("left", "1.2.3", &[("main.js", "left")]);
        project.fetch_all();
        let key = project.store_folder().join("release.key");
        let workshop = Self { project, key };
        workshop.git(&["init", "--quiet", "--initial-branch=main"]);
        workshop.commit();
        let key = workshop.key.display().to_string();
        let said = workshop.pinfold(&["keygen", "--no-passphrase", "--out", &key], &[]);
        assert_eq!(said.code, 0, "{}", said.stderr);
        workshop
    }

    pub(crate) fn git(&self, args: &[&str]) -> String {
        let output = Command::new("git")
            .current_dir(self.project.root())
            .args(["-c", "user.name=a", "-c", "user.email=a@example.com"])
            .args(args)
            .envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")])
            .envs([("GIT_AUTHOR_DATE", "2020-02-02T00:00:00Z"), ("GIT_COMMITTER_DATE", "2020-02-02T00:00:00Z")])
            .output()
            .expect("git");
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
    }

    pub(crate) fn commit(&self) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", "all"]);
    }

    /// The public half of the key.
    pub(crate) fn public(&self) -> String {
        format!("{}.pub", self.key.display())
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = self.project.command();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
    }

    pub(crate) fn pinfold(&self, args: &[&str], env: &[(&str, &str)]) -> Said {
        said(self.command().args(args).envs(env.iter().copied()))
    }

    /// `pinfold run` of a shell's script, signed, with `dist/app.js` for its output.
    pub(crate) fn run(&self, more: &[&str], script: &str) -> Said {
        let key = self.key.display().to_string();
        let args = [&["run", "--key", &key, "--out", "dist/app.js", BUILDER][..], more, &["--", "sh", "-c", script]];
        self.pinfold(&args.concat(), &[])
    }

    /// The statement in a bundle.
    pub(crate) fn stated(&self, bundle: &str) -> Value {
        let bundle: Value = serde_json::from_str(&self.project.read(bundle)).expect("JSON");
        let payload = BASE64.decode(bundle["dsseEnvelope"]["payload"].as_str().expect("a payload")).expect("base64");
        serde_json::from_slice(&payload).expect("JSON")
    }

    fn is_attested(&self) -> bool {
        self.project.exists(BUNDLE)
    }
}

pub(crate) fn said(command: &mut Command) -> Said {
    let output = command.output().expect("the command");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let code = output.status.code().expect("not killed by a signal");
    Said { code, stdout: text(output.stdout), stderr: text(output.stderr) }
}

impl Said {
    /// The code of the error in a JSON document.
    pub(crate) fn error(&self) -> String {
        let report: Value =
            serde_json::from_str(&self.stdout).unwrap_or_else(|_| panic!("{}{}", self.stdout, self.stderr));
        report["error"]["code"].as_str().unwrap_or_default().to_owned()
    }
}

pub(crate) const BUILDER: &str = "--builder-id=https://example.com/release-job";
pub(crate) const BUNDLE: &str = "dist/app.js.sigstore.json";
/// A build from a source and a pin.
pub(crate) const BUILD: &str = "mkdir -p dist && cat source.txt vendor/left/main.js > dist/app.js";

#[test]
fn states_what_it_saw() {
    let workshop = Workshop::new();
    let said = workshop.run(&["--env", "MODE=release", "--no-times"], &format!("echo building; {BUILD}"));
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stdout.starts_with("building\n"), "its words come first: {}", said.stdout);
    let statement = workshop.stated(BUNDLE);
    let definition = &statement["predicate"]["buildDefinition"];
    assert_eq!(definition["buildType"], "urn:pinfold:run:v1");
    assert_eq!(
        definition["externalParameters"],
        json!({
            "command": ["sh", "-c", format!("echo building; {BUILD}")],
            "environment": { "MODE": "release" },
            "outputs": ["dist/app.js"],
        })
    );
    let own = &definition["internalParameters"]["pinfold"];
    assert!(own.get("hermetic").is_none(), "nothing is claimed that was not enforced");
    assert_eq!(own["sourceDateEpoch"], 1_580_601_600, "the time of the commit");
    assert_eq!(definition["resolvedDependencies"].as_array().expect("dependencies").len(), 3);
    assert_eq!(statement["predicate"]["runDetails"], json!({ "builder": { "id": "https://example.com/release-job" } }));
    assert_eq!(statement["subject"][0]["name"], "dist/app.js");
    assert_eq!(statement["subject"][0]["digest"]["sha256"], Sha256::of(b"source\nleft").hex());
    let check = ["check", "dist/app.js", "--attestation", BUNDLE, "--key", &workshop.public()];
    assert_eq!(workshop.pinfold(&check, &[]).code, 0);
    // The same again, to the byte: where it was run, and when, is not in it.
    assert_eq!(workshop.run(&["--env", "MODE=release", "--no-times"], &format!("echo building; {BUILD}")).code, 0);
    assert_eq!(workshop.stated(BUNDLE), statement);
}

#[test]
fn times_are_those_of_the_build() {
    let workshop = Workshop::new();
    assert_eq!(workshop.run(&[], &format!("{BUILD}; sleep 1")).code, 0);
    let metadata = workshop.stated(BUNDLE)["predicate"]["runDetails"]["metadata"].clone();
    let time = |name: &str| metadata[name].as_str().expect(name).to_owned();
    assert!(time("startedOn") < time("finishedOn"), "{metadata}");
}

#[test]
fn on_gitlab_the_builder_is_who_signs() {
    let workshop = Workshop::new();
    let commit = workshop.git(&["rev-parse", "HEAD"]);
    let job = [
        ("GITLAB_CI", "true"),
        ("CI_PROJECT_URL", "https://gitlab.com/group/r"),
        ("CI_CONFIG_PATH", ".gitlab-ci.yml"),
        ("CI_JOB_NAME", "build"),
        ("CI_JOB_ID", "7"),
        ("CI_RUNNER_ID", "1"),
        ("CI_RUNNER_VERSION", "v18.5.0"),
        ("CI_RUNNER_REVISION", "598a7c91"),
        ("CI_RUNNER_EXECUTABLE_ARCH", "linux/amd64"),
        ("CI_COMMIT_SHA", &commit),
        ("CI_COMMIT_BRANCH", "main"),
    ];
    let key = workshop.key.display().to_string();
    let said = workshop.pinfold(&["run", "--key", &key, "--out", "dist/app.js", "--", "sh", "-c", BUILD], &job);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let builder = &workshop.stated(BUNDLE)["predicate"]["runDetails"]["builder"]["id"];
    assert_eq!(builder, "https://gitlab.com/group/r//.gitlab-ci.yml@refs/heads/main");
}

#[test]
fn what_signs_is_kept_from_the_command() {
    let workshop = Workshop::new();
    let script = format!("{BUILD}; env | grep -c '^[A-Z_]*TOKEN[A-Z_]*=' > dist/app.js; true");
    let part = |json: Value| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(json.to_string());
    let claims = json!({ "iss": "https://example.com", "sub": "me", "aud": "sigstore", "iat": 1, "nbf": 1, "exp": 2 });
    let token = format!("{}.{}.c2ln", part(json!({ "alg": "RS256" })), part(claims));
    let names = ["ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL", "SIGSTORE_ID_TOKEN", "MY_TOKEN"];
    let environment = names.map(|name| (name, token.as_str()));
    let run = |more: &[&str]| {
        let args = [&["run", "--out=dist/app.js", BUILDER], more, &["--", "sh", "-c", &script]].concat();
        let said = workshop.pinfold(&args, &environment);
        (said.code, said.stderr, workshop.project.read("dist/app.js"))
    };
    let (code, said, counted) = run(&["--keyless", "--identity-token-env=MY_TOKEN"]);
    assert_eq!((code, counted.as_str()), (2, "0\n"), "{said}");
    assert!(said.contains("expired") && !workshop.is_attested(), "{said}");
    // What nobody called a token of pinfold's is the command's, like all the rest.
    let (code, said, counted) = run(&["--attestation=dist/app.json"]);
    assert_eq!((code, counted.as_str()), (0, "1\n"), "{said}");
}

#[test]
fn the_exit_code_is_kept_and_nothing_attested() {
    let workshop = Workshop::new();
    for (script, code) in [("exit 7", 7), ("exit 1", 1), ("kill -TERM $$", 143)] {
        let said = workshop.run(&[], &format!("{BUILD}; {script}"));
        assert_eq!(said.code, code, "{}", said.stderr);
        assert!(said.stderr.contains(&format!("exit code {code}; nothing is attested")), "{}", said.stderr);
        assert!(!workshop.is_attested());
    }
    let said = workshop.run(&["--json"], "echo to the log; exit 7");
    assert_eq!((said.code, said.error()), (7, "command-failed".to_owned()));
    let document: Value = serde_json::from_str(&said.stdout).expect("standard output is the document's alone");
    assert_eq!(document["exit_code"], 7);
    assert!(said.stderr.contains("to the log"), "{}", said.stderr);
    let key = workshop.key.display().to_string();
    let said = workshop.pinfold(&["run", "--key", &key, "--out", "x", BUILDER, "--json", "--", "no-such-program"], &[]);
    assert_eq!((said.code, said.error()), (2, "command-unstarted".to_owned()));
}

#[test]
fn what_was_there_before_was_not_built() {
    let workshop = Workshop::new();
    workshop.project.write("dist/app.js", "from last time");
    let said = workshop.run(&["--json"], "true");
    assert_eq!((said.code, said.error()), (1, "output-stale".to_owned()), "{}", said.stdout);
    assert_eq!(workshop.project.read("dist/app.js"), "from last time", "nobody's file is removed");
    assert!(!workshop.is_attested());
    // The same bytes, written again.
    assert_eq!(workshop.run(&[], "cat dist/app.js > x && cat x > dist/app.js && rm x").code, 0);
    // The bundle of the run before is no output of a pattern.
    let key = workshop.key.display().to_string();
    for _ in 0..2 {
        let args = ["run", "--key", &key, "--out", "dist/**", BUILDER, "--", "sh", "-c", BUILD];
        assert_eq!(workshop.pinfold(&args, &[]).code, 0);
        assert_eq!(workshop.stated(BUNDLE)["subject"].as_array().map(Vec::len), Some(1));
    }
    // One left over in a folder of outputs.
    workshop.project.write("dist/old.js", "old");
    let key = workshop.key.display().to_string();
    let args = ["run", "--key", &key, "--out", "dist/*.js", "--attestation", "all.json", BUILDER, "--json", "--"];
    let said = workshop.pinfold(&[&args[..], &["sh", "-c", BUILD]].concat(), &[]);
    assert_eq!(said.error(), "output-stale");
    assert!(said.stdout.contains("`dist/old.js`") && !said.stdout.contains("app.js`"), "{}", said.stdout);
    // Named as a byproduct, a changed source would be nobody's.
    let said = workshop.run(&["--json", "--byproduct", "source.txt"], BUILD);
    assert_eq!(said.error(), "output-stale", "{}", said.stdout);
    // And what is not made at all.
    let said = workshop.run(&["--json"], "rm dist/app.js");
    assert_eq!((said.code, said.error()), (2, "output-absent".to_owned()));
}

#[test]
fn a_command_that_changes_what_went_in_is_refused() {
    let check = |script: &str, code: &str| {
        let workshop = Workshop::new();
        let said = workshop.run(&["--json"], &format!("{BUILD}; {script}"));
        assert_eq!((said.code, said.error()), (1, code.to_owned()), "{script}: {}{}", said.stdout, said.stderr);
        assert!(!workshop.is_attested(), "{script}");
    };
    check("echo evil > vendor/left/main.js", "inputs-changed");
    check("rm -r vendor/left", "inputs-changed");
    check("echo '# more' >> pins.toml", "checkout-changed");
    check("echo more >> source.txt", "checkout-changed");
    check("echo new > other.txt", "checkout-changed");
    check("git -c user.name=a -c user.email=a@example.com commit -q --allow-empty -m x", "checkout-changed");
}

#[test]
fn what_has_to_be_said_before() {
    let workshop = Workshop::new();
    let check = |args: &[&str], expected: &str| {
        let script = ["--json", "--", "sh", "-c", "echo ran > ran"];
        let said = workshop.pinfold(&[&["run"][..], args, &script].concat(), &[]);
        assert_eq!((said.code, said.error()), (2, expected.to_owned()), "{args:?}: {}", said.stderr);
        assert!(!workshop.project.exists("ran"), "{args:?}");
    };
    let key = format!("--key={}", workshop.key.display());
    check(&["--out=x", &key], "builder-unnamed");
    check(&["--out=x", BUILDER], "run-no-place");
    check(&["--out=x", "--out=y", BUILDER, &key], "run-no-place");
    check(&["--out=x", BUILDER, &key, "--env=NOT_SET"], "environment");
    check(&["--out=../x", BUILDER, &key], "output-outside");
    workshop.project.write("other.txt", "new");
    let said = workshop.run(&["--json"], "echo ran > ran");
    assert_eq!((said.code, said.error()), (1, "checkout-dirty".to_owned()));
    workshop.git(&["clean", "-q", "-f"]);
    workshop.project.write("vendor/left/main.js", "evil");
    let said = workshop.run(&["--json"], "echo ran > ran");
    assert_eq!((said.code, said.error()), (1, "inputs-unproved".to_owned()));
    assert!(!workshop.project.exists("ran"));
}

#[test]
fn an_unsigned_statement_goes_where_it_is_told() {
    let workshop = Workshop::new();
    let args = ["run", "--out", "dist", "--attestation", "dist.json", BUILDER, "--json", "--", "sh", "-c", BUILD];
    let said = workshop.pinfold(&args, &[]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    let statement: Value = serde_json::from_str(&workshop.project.read("dist.json")).expect("JSON");
    assert_eq!(statement["subject"].as_array().map(Vec::len), Some(1));
    let report: Value = serde_json::from_str(&said.stdout).expect("JSON");
    assert_eq!((&report["command"], &report["rows"][0]["status"]), (&json!("run"), &json!("attested")));
}

#[test]
fn variables_are_said_and_secrets_warned_of() {
    let workshop = Workshop::new();
    let script =
        format!("{BUILD}; test \"$DEPLOY_TOKEN\" = a=b && test \"$LEVEL\" = 3 && test -z \"$SIGSTORE_ID_TOKEN\"");
    let key = format!("--key={}", workshop.key.display());
    let args =
        ["run", "--out=dist/app.js", BUILDER, &key, "--env=DEPLOY_TOKEN=a=b", "--env=LEVEL", "--", "sh", "-c", &script];
    let said = workshop.pinfold(&args, &[("LEVEL", "3"), ("SIGSTORE_ID_TOKEN", "secret")]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(
        said.stdout.contains("warning: the value of `DEPLOY_TOKEN` will stand in the statement"),
        "{}",
        said.stdout
    );
    let statement = workshop.stated(BUNDLE);
    let environment = &statement["predicate"]["buildDefinition"]["externalParameters"]["environment"];
    assert_eq!(*environment, json!({ "DEPLOY_TOKEN": "a=b", "LEVEL": "3" }));
}

#[test]
fn the_time_of_a_build_may_be_set() {
    let workshop = Workshop::new();
    let key = format!("--key={}", workshop.key.display());
    let script = "mkdir -p dist; echo $SOURCE_DATE_EPOCH > dist/app.js";
    let args = ["run", "--out=dist/app.js", BUILDER, &key, "--", "sh", "-c", script];
    assert_eq!(workshop.pinfold(&args, &[("SOURCE_DATE_EPOCH", "86400")]).code, 0);
    assert_eq!(workshop.project.read("dist/app.js"), "86400\n");
    let statement = workshop.stated(BUNDLE);
    assert_eq!(statement["predicate"]["runDetails"]["metadata"]["finishedOn"], "1970-01-02T00:00:00Z");
    assert_eq!(workshop.pinfold(&args, &[]).code, 0);
    assert_eq!(workshop.project.read("dist/app.js"), "1580601600\n", "else it is that of the commit");
}

#[test]
fn without_a_checkout_it_says_so() {
    let workshop = Workshop::new();
    std::fs::remove_dir_all(workshop.project.path(".git")).expect("it was there");
    let said = workshop.run(&["--json"], BUILD);
    assert_eq!((said.code, said.error()), (2, "checkout-absent".to_owned()));
    assert_eq!(workshop.run(&["--no-source"], BUILD).code, 0);
    let own = &workshop.stated(BUNDLE)["predicate"]["buildDefinition"]["internalParameters"]["pinfold"];
    assert_eq!(own["source"], "unknown");
    assert!(own.get("sourceDateEpoch").is_none());
}

#[test]
fn on_a_platform_the_builder_is_its_workflow() {
    let workshop = Workshop::new();
    let commit = workshop.git(&["rev-parse", "HEAD"]);
    let workflow = "o/r/.github/workflows/release.yml@refs/heads/main";
    let github = [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_SERVER_URL", "https://github.com"),
        ("GITHUB_REPOSITORY", "o/r"),
        ("GITHUB_REPOSITORY_ID", "1"),
        ("GITHUB_REPOSITORY_OWNER_ID", "2"),
        ("GITHUB_WORKFLOW_REF", workflow),
        ("GITHUB_REF", "refs/heads/main"),
        ("GITHUB_SHA", &commit),
        ("GITHUB_EVENT_NAME", "push"),
        ("GITHUB_RUN_ID", "7"),
        ("GITHUB_RUN_ATTEMPT", "1"),
        ("RUNNER_ENVIRONMENT", "github-hosted"),
    ];
    let key = format!("--key={}", workshop.key.display());
    let said = workshop.pinfold(&["run", "--out=dist/app.js", &key, "--", "sh", "-c", BUILD], &github);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let statement = workshop.stated(BUNDLE);
    let predicate = &statement["predicate"];
    assert_eq!(predicate["runDetails"]["builder"]["id"], format!("https://github.com/{workflow}"));
    let external = &predicate["buildDefinition"]["externalParameters"];
    assert_eq!(external["workflow"]["path"], ".github/workflows/release.yml");
    assert_eq!(external["command"][0], "sh");
    assert_eq!(predicate["buildDefinition"]["buildType"], "urn:pinfold:run:v1");
}

/// A temporary folder that no sandbox covers with an empty one.
pub(crate) fn uncovered() -> tempfile::TempDir {
    let places = [Some(env!("CARGO_TARGET_TMPDIR").into()), std::env::var_os("HOME")];
    let is_open = |place: &PathBuf| !["/tmp", "/var/tmp", "/run"].iter().any(|covered| place.starts_with(covered));
    let place = places.into_iter().flatten().map(PathBuf::from).find(is_open);
    let folder = place.and_then(|place| tempfile::tempdir_in(place).ok());
    folder.unwrap_or_else(|| ignore("needs a folder to write to that no sandbox covers"))
}
