//! The real command against the registry in Python that cosign, oras and crane were run against, with all its faults. It
//! lies beside the project, in `shared/tools`; without it, or without Python, the tests say so.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::corpus::{Corpus, say};
use crate::support::Project;

pub(super) struct Server {
    child: Child,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(super) fn script() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let corpus = std::env::var_os("PINFOLD_TEST_CORPUS").map_or_else(beside, PathBuf::from);
    let path = corpus.join("../tools/miniregistry.py");
    let python = Command::new("python3").arg("--version").output().is_ok_and(|output| output.status.success());
    if path.exists() && python {
        return Some(path);
    }
    say("skipped: there is no registry in Python beside the project");
    None
}

impl Server {
    pub(super) fn start(script: &Path, options: &[String]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|one| one.local_addr()).expect("a port").port();
        let child =
            Command::new("python3").arg(script).arg(port.to_string()).args(options).stderr(Stdio::null()).spawn();
        let server = Self { child: child.expect("python"), port };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(20), "the registry does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    /// All that it has.
    pub(super) fn dump(&self) -> serde_json::Value {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the registry");
        stream.write_all(b"GET /_dump HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        serde_json::from_str(answer.split_once("\r\n\r\n").expect("a body").1).expect("JSON")
    }

    /// Whether it is alive after what was asked of it.
    fn pings(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else { return false };
        let asked = stream.write_all(b"GET /v2/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let mut line = String::new();
        asked.is_ok() && BufReader::new(stream).read_line(&mut line).is_ok() && line.starts_with("HTTP/1.1 ")
    }
}

#[test]
fn every_fault_of_the_registry_in_python() {
    let (Some(script), Some(corpus)) = (script(), Corpus::open("oci")) else { return };
    let project = Project::new("");
    project.write("on.json", corpus.bytes("on.json"));
    project.write("key.pem", corpus.bytes("keys/a.pub"));
    let load = format!("load={}", project.path("on.json").display());
    for (options, exit, code) in [
        (&["auth=none"][..], 0, ""),
        (&["page=1", "auth=anon"], 0, ""),
        (&["referrers=400"], 1, "signature-missing"),
        (&["evil=blob"], 1, "integrity-mismatch"),
        (&["evil=cdigest"], 1, "oci-header-digest"),
        (&["evil=huge"], 1, "body-too-long"),
        (&["evil=loop"], 2, "redirect-limit"),
        (&["evil=ctype"], 1, "manifest-content-type"),
        (&["evil=http", "auth=anon"], 1, "oci-realm"),
        // For what everybody may read its realm wants no login.
        (&["auth=basic"], 0, ""),
    ] {
        let mut all: Vec<String> = options.iter().map(|one| (*one).to_owned()).collect();
        all.push(load.clone());
        let server = Server::start(&script, &all);
        let reference = format!("127.0.0.1:{}/case/real-v3:v1", server.port);
        let output = project.command().args(["oci", "verify", &reference, "--key", "key.pem", "--json"]).output();
        let output = output.expect("the command");
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(exit), "{options:?}: {text}");
        assert!(code.is_empty() || text.contains(&format!("\"code\": \"{code}\"")), "{options:?}: {text}");
        assert!(server.pings(), "{options:?}");
    }
}

#[test]
fn logins_redirects_and_a_pull_over_the_wire() {
    let (Some(script), Some(corpus)) = (script(), Corpus::open("oci")) else { return };
    let project = Project::new("");
    project.write("on.json", corpus.bytes("on.json"));
    project.write("key.pem", corpus.bytes("keys/a.pub"));
    let load = format!("load={}", project.path("on.json").display());
    // The CDN is another origin, which answers 400 where it is shown a secret.
    let cdn = Server::start(&script, std::slice::from_ref(&load));
    let server = Server::start(&script, &["auth=basic".to_owned(), format!("redirect=127.0.0.1:{}", cdn.port), load]);
    let config = format!("{{\"auths\":{{\"127.0.0.1:{}\":{{\"auth\":\"dTpw\"}}}}}}", server.port);
    project.write("docker/config.json", &config);
    let reference = format!("127.0.0.1:{}/case/real-v3:v1", server.port);
    let mut command = project.command();
    command.env("DOCKER_CONFIG", project.path("docker"));
    let output = command.args(["oci", "pull", &reference, "--key", "key.pem", "--out", "out"]).output().expect("it");
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert_eq!(project.read("out/tool"), "artifact case/real-v3");
    assert!(!text.contains("dTpw"));
    // A wrong login is worse than none.
    project.write("docker/config.json", config.replace("dTpw", "dTpx"));
    let mut command = project.command();
    command.env("DOCKER_CONFIG", project.path("docker"));
    let output = command.args(["oci", "verify", &reference, "--key", "key.pem", "--json"]).output().expect("it");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("\"code\": \"oci-unauthorized\""), "{text}");
}

/// Runs the command with a login for all registries of these tests.
fn pinfold(project: &Project, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = project.command();
    let output = command.env("DOCKER_CONFIG", project.path("docker")).args(arguments).output().expect("the command");
    (
        output.status.code(),
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)),
    )
}

#[test]
fn a_push_over_the_wire_is_found_again() {
    let Some(script) = script() else { return };
    for options in [&["auth=basic"][..], &["referrers=off", "auth=basic"], &["referrers=400", "mounthead=off"]] {
        let project = Project::new("");
        let log = format!("log={}", project.path("log").display());
        let all: Vec<String> = options.iter().map(|one| (*one).to_owned()).chain([log]).collect();
        let server = Server::start(&script, &all);
        project.write(
            "docker/config.json",
            format!("{{\"auths\":{{\"127.0.0.1:{}\":{{\"auth\":\"dTpw\"}}}}}}", server.port),
        );
        // More than fits into any buffer on the way.
        let tool: Vec<u8> = (0..9_000_000_u32).flat_map(|number| number.to_le_bytes()).take(9_000_000).collect();
        std::fs::write(project.path("tool"), &tool).expect("a file");
        project.write("empty", "");
        let keygen = pinfold(&project, &["keygen", "--no-passphrase", "--out", "key"]);
        assert_eq!(keygen.0, Some(0), "{}", keygen.1);
        let reference = format!("127.0.0.1:{}/team/tool:v1", server.port);
        let push = ["oci", "push", "tool", "empty", &reference];
        let (code, text) = pinfold(&project, &push);
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains("--allow-unsigned"), "{text}");
        let signed = [&push[..], &["--key", "key"]].concat();
        let (code, text) = pinfold(&project, &signed);
        assert_eq!(code, Some(0), "{options:?}: {text}");
        let (code, text) = pinfold(&project, &["oci", "pull", &reference, "--key", "key.pub", "--out", "out"]);
        assert_eq!(code, Some(0), "{options:?}: {text}");
        assert_eq!(std::fs::read(project.path("out/tool")).expect("a file"), tool);
        assert_eq!(project.read("out/empty"), "");
        let uploads = |project: &Project| project.read("log").lines().filter(|line| line.starts_with("POST ")).count();
        let before = uploads(&project);
        let (code, text) = pinfold(&project, &signed);
        assert_eq!((code, uploads(&project)), (Some(0), before), "{options:?}: {text}");
        // A login that may not write.
        let config = project.read("docker/config.json").replace("dTpw", "dTpx");
        project.write("docker/config.json", config);
        let (code, text) = pinfold(&project, &[&signed[..], &["--json"]].concat());
        let is_open = !options.contains(&"auth=basic");
        assert_eq!(code, Some(if is_open { 0 } else { 2 }), "{options:?}: {text}");
        assert!(is_open || text.contains("\"code\": \"oci-unauthorized\""), "{text}");
        assert!(!text.contains("dTpx"));
    }
}

#[test]
fn a_copy_over_the_wire_keeps_its_signature() {
    let Some(script) = script() else { return };
    let (from, to) = (Server::start(&script, &[]), Server::start(&script, &["referrers=off".to_owned()]));
    let project = Project::new("");
    project.write("tool", "#!tool");
    let place = |server: &Server| format!("127.0.0.1:{}/team/tool:v1", server.port);
    let (from, end) = (place(&from), place(&to));
    for arguments in [
        &["keygen", "--no-passphrase", "--out", "key"][..],
        &["oci", "push", "tool", &from, "--key", "key"],
        &["oci", "copy", &from, "oci-layout:air", "--key", "key.pub"],
        &["oci", "copy", "oci-layout:air:v1", &end, "--key", "key.pub"],
        &["oci", "verify", &end, "--key", "key.pub"],
    ] {
        let (code, text) = pinfold(&project, arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {text}");
    }
}

/// A program that keeps logins, in `PATH` of the command.
#[test]
fn a_program_keeps_the_login() {
    let Some(script) = script() else { return };
    let server = Server::start(&script, &["auth=basic".to_owned()]);
    let project = Project::new("");
    let host = format!("127.0.0.1:{}", server.port);
    project
        .write("docker/config.json", "{\"credsStore\":\"test\",\"credHelpers\":{\"other.example.com\":\"nowhere\"}}");
    project.write("tool", "#!tool");
    let log = project.path("asked");
    let path = format!("{}:/usr/bin:/bin", project.path("bin").display());
    let keeps = |text: &str| {
        let file = project.path("bin/docker-credential-test");
        let _ = std::fs::remove_file(&file);
        project.write(
            "bin/docker-credential-test",
            format!("#!/bin/sh\necho \"$* $(cat)\" >> {}\n{text}\n", log.display()),
        );
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("a mode");
    };
    let run = |arguments: &[&str]| {
        let mut command = project.command();
        command.env("DOCKER_CONFIG", project.path("docker")).env("PATH", &path).args(arguments);
        let output = command.output().expect("the command");
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(!text.contains("dTpw") && !text.contains("\u{1b}"), "{text}");
        (output.status.code(), text, std::fs::read_to_string(&log).unwrap_or_default())
    };
    assert_eq!(run(&["keygen", "--no-passphrase", "--out", "key"]).0, Some(0));
    let reference = format!("{host}/team/tool:v1");
    let push = ["oci", "push", "tool", &reference, "--key", "key"];
    let verify = ["oci", "verify", &reference, "--key", "key.pub"];
    // It is not there, it fails, and it says what nobody can read.
    let (code, text, _) = run(&push);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("there is no such program in `PATH`"), "{text}");
    for (says, told) in
        [("printf 'locked\\033[2J' >&2; exit 1", "it says `locked\\u{1b}[2J`"), ("echo u:p", "its answer is no login")]
    {
        keeps(says);
        let (code, text, _) = run(&push);
        assert_eq!(code, Some(2), "{text}");
        assert!(
            text.contains(&format!("`docker-credential-test` did not say the login for `{host}`: {told}")),
            "{text}"
        );
    }
    // It has none: nobody may write, and everybody may read.
    keeps("echo 'credentials not found in native keychain'; exit 1");
    let (code, text, _) = run(&push);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("there is no login for it"), "{text}");
    // It has one, and is asked once by a command.
    keeps("echo '{\"ServerURL\":\"\",\"Username\":\"u\",\"Secret\":\"p\"}'");
    let _ = std::fs::remove_file(&log);
    let (code, text, asked) = run(&push);
    assert_eq!((code, asked), (Some(0), format!("get {host}\n")), "{text}");
    keeps("echo 'credentials not found in native keychain'; exit 1");
    let (code, text, _) = run(&verify);
    assert_eq!(code, Some(0), "{text}");
}
