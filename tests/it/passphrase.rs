//! Passphrases on all their ways to a key, and keys that are not kept well.

use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output, Stdio};

use pinfold_sign::signer::{KeyKind, SigningKey};

use crate::keygen::{SIGN, codes, passphrase, project, said, tells_nothing, vectors};
use crate::needs;
use crate::support::Project;

/// A project whose key is behind the passphrase `open sesame`.
fn locked() -> Project {
    let project = project();
    let key = SigningKey::generate(KeyKind::P256).expect("a key");
    project.write("key.pem", key.to_pem(Some(&passphrase("open sesame"))).expect("PEM").as_bytes());
    std::fs::set_permissions(project.path("key.pem"), Permissions::from_mode(0o600)).expect("a file");
    project
}

fn sign(project: &Project, args: &[&str], stdin: &[u8]) -> Output {
    let mut command = project.command();
    command.args(SIGN).args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the command");
    // A command that wants nothing of it is gone before all is written.
    let _ = child.stdin.take().expect("a pipe").write_all(stdin);
    child.wait_with_output().expect("the command")
}

#[test]
fn a_passphrase_comes_from_a_file_or_a_descriptor() {
    let project = locked();
    project.write("good", "open sesame\n");
    project.write("wrong", "open barley\n");
    project.write("empty", "");
    project.write("lines", "open sesame\nopen barley\n");
    project.write("long", "a".repeat(9000));
    let check = |args: &[&str], stdin: &[u8], code: i32, told: &str| {
        let output = sign(&project, args, stdin);
        assert_eq!(codes(&output), (code, vec![told.to_owned()]), "{args:?}: {}", said(&output));
        tells_nothing(&["sesame".to_owned(), "barley".to_owned()], &said(&output));
    };
    let ok = "summaries-written";
    check(&["--passphrase-file=good"], b"", 0, ok);
    check(&["--passphrase-file=/dev/stdin"], b"open sesame\n", 0, ok);
    check(&["--passphrase-fd=0"], b"open sesame", 0, ok);
    check(&["--passphrase-fd=0"], b"open sesame\r\n", 0, ok);
    check(&["--passphrase-fd=0"], b"open barley\n", 2, "key-passphrase");
    check(&["--passphrase-fd=0"], b"", 2, "passphrase-form");
    check(&["--passphrase-fd=77"], b"", 2, "disk");
    check(&["--passphrase-file=wrong"], b"", 2, "key-passphrase");
    check(&["--passphrase-file=empty"], b"", 2, "passphrase-form");
    check(&["--passphrase-file=lines"], b"", 2, "passphrase-form");
    check(&["--passphrase-file=long"], b"", 2, "disk");
    check(&["--passphrase-file=absent"], b"", 2, "disk");
    // Nobody is asked where nobody sits, and what stands on standard input is no answer.
    check(&[], b"open sesame\n", 2, "key-encrypted");
    let text = said(&sign(&project, &[], b""));
    assert!(text.contains("--passphrase-file") && text.contains("--passphrase-fd"), "{text}");
    let both = sign(&project, &["--passphrase-file=good", "--passphrase-fd=0"], b"");
    assert_eq!(both.status.code(), Some(2));
}

/// A descriptor with another number, and a key that comes through a pipe.
#[test]
fn a_shell_hands_on_what_nobody_reads_twice() {
    let bash = needs::program("bash");
    let project = locked();
    project.write("good", "open sesame\n");
    let shell = |script: &str| {
        let mut shell = Command::new(&bash);
        let command = project.command();
        shell.args(["-c", script]).arg(command.get_program()).args(&SIGN[..3]).arg("--json");
        shell.current_dir(project.root()).env_clear();
        shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        shell.env("PATH", std::env::var("PATH").unwrap_or_default());
        codes(&shell.stdin(Stdio::null()).output().expect("bash"))
    };
    let signed = (0, vec!["summaries-written".to_owned()]);
    assert_eq!(shell("exec \"$0\" \"$@\" --key key.pem --passphrase-fd 9 9<good"), signed);
    assert_eq!(shell("exec \"$0\" \"$@\" --key <(cat key.pem) --passphrase-file <(cat good)"), signed);
}

/// What is typed at a terminal is not shown there, and a question that is broken off ends the command.
#[test]
fn a_passphrase_is_asked_for_at_a_terminal() {
    needs::program("script");
    let project = locked();
    let typed = |words: &[&str], keys: &[u8]| {
        let command = project.command();
        let mut script = Command::new("script");
        let line = [&[command.get_program().to_str().expect("UTF-8")], words].concat().join(" ");
        script.args(["-qec", &line, "/dev/null"]).current_dir(project.root()).env_clear();
        script.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = script.spawn().expect("script");
        let mut stdin = child.stdin.take().expect("a pipe");
        // One line a question; typed before it is asked, it would be thrown away.
        for line in keys.split_inclusive(|key| *key == b'\n') {
            std::thread::sleep(std::time::Duration::from_millis(700));
            let _ = stdin.write_all(line);
        }
        drop(stdin);
        let output = child.wait_with_output().expect("script");
        tells_nothing(&["sesame".to_owned(), "barley".to_owned()], &said(&output));
        (output.status.code().expect("a code"), said(&output))
    };
    let verify = &SIGN[..5];
    let (code, text) = typed(verify, b"open sesame\n");
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("Passphrase of `key.pem`: "), "{text}");
    let (code, text) = typed(verify, b"open barley\n");
    assert!(code == 2 && text.contains("the passphrase is not that of the key"), "{text}");
    let (code, text) = typed(verify, b"open\x03");
    assert!(code == 2 && text.contains("no passphrase was given"), "{text}");
    let make = ["keygen", "--out", "new.pem"];
    let (code, text) = typed(&make, b"open sesame\nopen barley\n");
    assert!(code == 2 && text.contains("the two passphrases are not the same"), "{text}");
    assert!(!project.exists("new.pem"));
    let (code, text) = typed(&make, b"open sesame\nopen sesame\n");
    assert_eq!(code, 0, "{text}");
    assert!(SigningKey::from_pem(project.read("new.pem").as_bytes(), Some(&passphrase("open sesame"))).is_ok());
}

/// A key that others can read is told of, and signs.
#[test]
fn a_key_that_others_can_read() {
    let project = project();
    project.write("key.pem", &vectors()["ok-p256"].pem);
    for (mode, exposed) in [(0o600, false), (0o400, false), (0o640, true), (0o604, true), (0o644, true)] {
        std::fs::set_permissions(project.path("key.pem"), Permissions::from_mode(mode)).expect("a file");
        let (code, codes) = codes(&sign(&project, &[], b""));
        let told = codes.contains(&"key-exposed".to_owned());
        assert_eq!((code, told), (0, exposed), "{mode:o}: {codes:?}");
    }
}
