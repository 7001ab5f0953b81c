//! A program that keeps logins, in `PATH` of the real command.

use std::process::Command;

use super::servers::Server;
use crate::support::Project;

#[test]
fn a_program_keeps_the_login() {
    let server = Server::python(&["auth=basic"]);
    let project = Project::new("");
    let host = format!("127.0.0.1:{}", server.port);
    project
        .write("docker/config.json", "{\"credsStore\":\"test\",\"credHelpers\":{\"other.example.com\":\"nowhere\"}}");
    project.write("tool", "#!tool");
    let log = project.path("asked");
    let path = format!("{}:/usr/bin:/bin", project.path("bin").display());
    let keeps = |text: &str| {
        let file = project.path("bin/docker-credential-test");
        let script = format!("#!/bin/sh\necho \"$* $(cat)\" >> {}\n{text}\n", log.display());
        // Another process writes it: whoever starts a program while this one has it open for writing would hand that on,
        // and nobody could run it (`ETXTBSY`).
        let write = "mkdir -p \"${1%/*}\" && rm -f \"$1\" && printf '%s' \"$2\" > \"$1\" && chmod 755 \"$1\"";
        let status = Command::new("sh").args(["-c", write, "sh"]).arg(&file).arg(script).status();
        assert!(status.expect("a shell").success());
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
