//! `pinfold wasm`, as its user sees it: each command with its text and its document, each bad input, and what never
//! happens to a key.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use pinfold_wasm::{KeyId, sign, sign_detached};
use serde_json::Value;

use super::made::{COMPONENT, MODULE, code, component, custom, key, parts};
use crate::support::{Project, scrub};

/// A folder with keys of two people, raw and in PEM, and files.
fn folder() -> Project {
    let project = Project::new("");
    for name in ["alice", "bob"] {
        project.write(&format!("{name}.key"), key(name).to_pem());
        project.write(&format!("{name}.pub"), key(name).public().to_pem());
        std::fs::set_permissions(project.path(&format!("{name}.key")), Permissions::from_mode(0o600)).expect("a mode");
    }
    project.write("plain.wasm", parts());
    project.write("parts.wasm", sign(&parts(), &key("alice"), KeyId::Default).expect("a signature"));
    project.write("component.wasm", component());
    project
}

struct Ran {
    code: i32,
    text: String,
}

fn run(project: &Project, words: &str) -> Ran {
    let output = project.command().args(words.split(' ')).output().expect("the command");
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("UTF-8")).concat();
    Ran { code: output.status.code().expect("no signal"), text }
}

/// Holds text, document and exit code to what was seen before.
fn check(project: &Project, name: &str, words: &str, code: i32) {
    let text = run(project, words);
    let json = run(project, &format!("{words} --json"));
    let shown = format!("$ pinfold {words}\n{}--- json\n{}", text.text, json.text);
    insta::assert_snapshot!(format!("wasm-{name}"), scrub(project, &shown));
    assert_eq!((text.code, json.code), (code, code), "{shown}");
}

/// The exit code, and the code of the first error, of the document.
fn refusal(project: &Project, words: &str) -> (i32, String) {
    let ran = run(project, &format!("{words} --json"));
    let document: Value = serde_json::from_str(&ran.text).unwrap_or_else(|_| panic!("{words}: {}", ran.text));
    let finding = document.get("error").cloned().unwrap_or_else(|| document["rows"][0]["findings"][0].clone());
    (ran.code, finding["code"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn who_signed_is_told() {
    let project = folder();
    check(&project, "verify", "wasm verify parts.wasm --key alice.pub --key bob.pub", 0);
    check(&project, "verify-role", "wasm verify parts.wasm --role ci=alice.pub --kind module", 0);
    check(&project, "verify-part", "wasm verify parts.wasm --key alice.pub --sections ^\\.debug", 0);
    check(&project, "verify-refused", "wasm verify parts.wasm plain.wasm --key bob.pub", 1);
    check(&project, "verify-threshold", "wasm verify parts.wasm --key alice.pub --key bob.pub --threshold all", 1);
    check(&project, "inspect", "wasm inspect parts.wasm", 0);
    check(&project, "inspect-component", "wasm inspect component.wasm", 0);
}

#[test]
fn one_signs_after_the_other() {
    let project = folder();
    assert_eq!(run(&project, "wasm sign plain.wasm --key alice.key --out signed.wasm").code, 0);
    assert_eq!(std::fs::read(project.path("plain.wasm")).expect("a file"), parts());
    let alone = sign(&parts(), &key("alice"), KeyId::Default).expect("a signature");
    assert!(std::fs::read(project.path("signed.wasm")).expect("a file") == alone, "the bytes are those of the library");
    // In place, which keeps the mode.
    std::fs::set_permissions(project.path("signed.wasm"), Permissions::from_mode(0o640)).expect("a mode");
    assert_eq!(run(&project, "wasm sign signed.wasm --key bob.key").code, 0);
    assert_eq!(mode(&project, "signed.wasm"), 0o640);
    assert_eq!(run(&project, "wasm verify signed.wasm --key alice.pub --key bob.pub --threshold 2").code, 0);
    assert_eq!(refusal(&project, "wasm sign signed.wasm --key bob.key"), (2, "wasm-signed-already".to_owned()));
    // Both at once, and with names for their keys.
    assert_eq!(run(&project, "wasm sign plain.wasm --key alice.key --key bob.key --key-id us").code, 0);
    assert!(run(&project, "wasm inspect plain.wasm").text.contains("key id 7573"), "the name is there, and is a hint");
    assert_eq!(run(&project, "wasm verify plain.wasm --role a=alice.pub --role b=bob.pub").code, 0);
    assert_eq!(run(&project, "wasm verify plain.wasm --key alice.pub --kind component").code, 1);
}

#[test]
fn beside_the_file() {
    let project = folder();
    assert_eq!(run(&project, "wasm sign plain.wasm --key alice.key --detached plain.sig").code, 0);
    assert_eq!(run(&project, "wasm sign plain.wasm --key bob.key --detached plain.sig --no-key-id").code, 0);
    let first = sign_detached(&parts(), None, &key("alice"), KeyId::Default).expect("a signature");
    let both = sign_detached(&parts(), Some(&first), &key("bob"), KeyId::None).expect("a signature");
    assert!(std::fs::read(project.path("plain.sig")).expect("a file") == both, "the bytes are those of the library");
    assert_eq!(std::fs::read(project.path("plain.wasm")).expect("a file"), parts());
    let verify = "wasm verify plain.wasm --key alice.pub --key bob.pub --threshold all --detached plain.sig";
    assert_eq!(run(&project, verify).code, 0);
    assert_eq!(refusal(&project, "wasm verify parts.wasm --key bob.pub --detached plain.sig").1, "wasm-has-signature");
    let several = "wasm verify plain.wasm parts.wasm --key bob.pub --detached plain.sig";
    assert_eq!(refusal(&project, several), (2, "wasm-detached-of-several".to_owned()));
    // In and out again.
    assert_eq!(run(&project, "wasm attach plain.wasm --detached plain.sig --out in.wasm").code, 0);
    assert_eq!(run(&project, "wasm verify in.wasm --key bob.pub").code, 0);
    assert_eq!(run(&project, "wasm detach in.wasm --detached again.sig").code, 0);
    assert!(std::fs::read(project.path("in.wasm")).expect("a file") == parts());
    assert!(std::fs::read(project.path("again.sig")).expect("a file") == both);
    // Into no other file.
    assert_eq!(
        refusal(&project, "wasm attach component.wasm --detached plain.sig"),
        (2, "wasm-of-other-file".to_owned())
    );
    assert_eq!(std::fs::read(project.path("component.wasm")).expect("a file"), component());
    check(&project, "inspect-detached", "wasm inspect plain.wasm --detached plain.sig", 0);
}

#[test]
fn a_part_stays_signed_without_the_others() {
    let project = folder();
    project.write("whole.wasm", [MODULE, &code(), &custom(".debug_info", b"where")].concat());
    assert_eq!(run(&project, "wasm split whole.wasm --sections ^name$ --out split.wasm").code, 0);
    assert_eq!(run(&project, "wasm sign split.wasm --key alice.key").code, 0);
    assert_eq!(run(&project, "wasm strip split.wasm --sections .debug_info --out small.wasm").code, 0);
    assert_eq!(run(&project, "wasm strip split.wasm --parts 1 --out same.wasm").code, 0);
    let read = |name: &str| std::fs::read(project.path(name)).expect("a file");
    assert!(read("small.wasm") == read("same.wasm") && read("small.wasm").len() < read("split.wasm").len());
    assert_eq!(refusal(&project, "wasm verify small.wasm --key alice.pub"), (1, "wasm-cut".to_owned()));
    let ran = run(&project, "wasm verify small.wasm --key alice.pub --sections ^\\.debug");
    assert!(ran.code == 0 && ran.text.starts_with("verified in part"), "{}", ran.text);
    // What is behind the part is anybody's, and the answer says how far it goes.
    project.write("more.wasm", [&read("small.wasm")[..], &custom("name", b"x")].concat());
    let ran = run(&project, "wasm verify more.wasm --key alice.pub --sections ^\\.debug");
    assert!(ran.code == 0 && ran.text.contains("1 of 2 parts, not the whole"), "{}", ran.text);
}

fn mode(project: &Project, name: &str) -> u32 {
    std::fs::metadata(project.path(name)).expect("a file").permissions().mode() & 0o777
}

#[test]
fn keys_are_made_for_their_owner_and_never_written_over() {
    let project = folder();
    check(&project, "export-public-key", "wasm export-public-key --key alice.key", 0);
    let ran = run(&project, "wasm keygen --out new.key");
    assert!(ran.code == 0 && !ran.text.contains("PRIVATE"), "{}", ran.text);
    assert_eq!((mode(&project, "new.key"), mode(&project, "new.key.pub")), (0o600, 0o644));
    assert_eq!(run(&project, "wasm generate-key -k raw.key -K raw.pub --format raw").code, 0);
    assert_eq!((mode(&project, "raw.key"), std::fs::read(project.path("raw.key")).expect("a key").len()), (0o600, 65));
    for out in ["new.key", "alice.pub"] {
        let before = project.read(out);
        let words = format!("wasm keygen --out {out} --public-key other.pub");
        assert_eq!(refusal(&project, &words), (2, "key-exists".to_owned()));
        assert_eq!(project.read(out), before);
        assert!(!project.exists("other.pub"));
    }
    let words = "wasm export-public-key --key new.key --out new.key";
    assert_eq!(refusal(&project, words), (2, "key-exists".to_owned()));
    assert_eq!(run(&project, "wasm export-public-key --key raw.key --out same.pub --format raw").code, 0);
    assert!(
        std::fs::read(project.path("same.pub")).expect("a key") == std::fs::read(project.path("raw.pub")).expect("one")
    );
    // Nothing of a key is lost to a slip of the pen.
    let before = project.read("alice.key");
    for words in [
        "wasm sign plain.wasm --key alice.key --out alice.key",
        "wasm sign plain.wasm --key alice.key --detached alice.key",
        "wasm detach parts.wasm --detached alice.key",
        "wasm split plain.wasm --out alice.key",
    ] {
        let (exit, code) = refusal(&project, words);
        assert_eq!(exit, 2, "{words}: {code}");
        assert_eq!(project.read("alice.key"), before, "{words}");
    }
    std::fs::set_permissions(project.path("alice.key"), Permissions::from_mode(0o644)).expect("a mode");
    let ran = run(&project, "wasm sign plain.wasm --key alice.key");
    assert!(ran.text.contains("can be used by others"), "{}", ran.text);
}

#[test]
fn each_bad_input_is_told_apart() {
    let project = folder();
    let bytes = |name: &str, bytes: &[u8]| project.write(name, bytes);
    bytes("4gib.wasm", &[MODULE, &[0, 0xff, 0xff, 0xff, 0xff, 0x0f]].concat());
    bytes("6.wasm", b"\0asm\x01\0");
    bytes("leb.wasm", &[MODULE, &[1, 0xff, 0xff, 0xff, 0xff, 0x7f]].concat());
    bytes("cut.wasm", &parts()[..parts().len() - 3]);
    bytes("kind.wasm", &[COMPONENT, &code()].concat());
    bytes("dylink.wasm", &[MODULE, &custom("dylink.0", &[1, 4, 0, 0, 0, 0]), &code()].concat());
    let signed = sign(&parts(), &key("alice"), KeyId::None).expect("a signature");
    bytes("nested.wasm", &[&signed[..], &custom("signature", b"x")].concat());
    bytes("text.wasm", b"(module)");
    let verify = |file: &str| refusal(&project, &format!("wasm verify {file} --key alice.pub"));
    let is = |got: (i32, String), code: i32, id: &str| assert_eq!(got, (code, id.to_owned()));
    is(verify("4gib.wasm"), 1, "wasm-truncated");
    is(verify("6.wasm"), 1, "wasm-truncated");
    is(verify("leb.wasm"), 1, "wasm-number");
    is(verify("kind.wasm"), 1, "wasm-section");
    is(verify("nested.wasm"), 1, "wasm-signature-place");
    is(verify("text.wasm"), 1, "wasm-magic");
    is(verify("absent.wasm"), 2, "disk");
    is(verify("."), 2, "disk");
    let sign = |file: &str| refusal(&project, &format!("wasm sign {file} --key alice.key"));
    is(sign("cut.wasm"), 2, "wasm-truncated");
    is(sign("text.wasm"), 2, "wasm-magic");
    is(sign("dylink.wasm"), 2, "wasm-dylink");
    let ran = run(&project, "wasm sign dylink.wasm --key alice.key");
    assert!(ran.text.contains("`dylink.0`") && ran.text.contains("--detached FILE"), "{}", ran.text);
    assert_eq!(run(&project, "wasm sign dylink.wasm --key alice.key --detached dylink.sig").code, 0);
    assert_eq!(run(&project, "wasm verify dylink.wasm --key alice.pub --detached dylink.sig").code, 0);
    let refused = |words: &str| refusal(&project, words);
    is(refused("wasm verify parts.wasm --key alice.key"), 2, "wasm-key-private");
    is(refused("wasm sign plain.wasm --key alice.pub"), 2, "wasm-key-public");
    let line = format!("me@example.com namespaces=\"file\" ssh-ed25519 {}", "A".repeat(68));
    bytes("allowed", line.as_bytes());
    is(refused("wasm verify parts.wasm --key allowed"), 2, "wasm-key-form");
    let ran = run(&project, "wasm verify parts.wasm --key alice.pub --threshold 2");
    assert!(ran.text.contains("signatures of 2 different keys are demanded, and 1 is trusted"), "{}", ran.text);
    assert_eq!(run(&project, "wasm export-public-key --key alice.key --format raw").code, 2, "bytes, on a terminal");
    is(refused("wasm verify parts.wasm --key plain.wasm"), 2, "wasm-key-form");
    is(refused("wasm verify parts.wasm --key alice.pub --threshold 2"), 2, "wasm-trust-threshold");
    is(refused("wasm verify parts.wasm --role a=alice.pub --role b=alice.pub"), 2, "wasm-trust-role");
    is(refused("wasm verify parts.wasm --key alice.pub --sections signature"), 2, "wasm-selection");
    is(refused("wasm verify parts.wasm --key alice.pub --sections (x"), 2, "wasm-selection");
    is(refused("wasm inspect text.wasm"), 2, "wasm-magic");
    is(refused("wasm detach plain.wasm --detached x.sig"), 2, "wasm-unsigned");
    is(refused("wasm strip plain.wasm --parts 1"), 2, "wasm-unsigned");
    project.write("text", "mine");
    is(refused("wasm detach parts.wasm --detached x.sig --out text"), 2, "wasm-in-the-way");
    assert!(!project.exists("x.sig"));
    for words in
        ["wasm verify parts.wasm", "wasm sign plain.wasm", "wasm verify --key alice.pub", "wasm strip plain.wasm"]
    {
        assert_eq!(run(&project, words).code, 2, "{words}");
    }
}

#[test]
fn every_byte_of_a_file_counts() {
    let project = folder();
    let signed = sign(&component(), &key("alice"), KeyId::None).expect("a signature");
    // By the library every byte is flipped; here one of each region goes through the whole command.
    for at in [0, 7, 9, 30, signed.len() / 2, signed.len() - 1] {
        let mut flipped = signed.clone();
        flipped[at] ^= 1;
        project.write("flipped.wasm", flipped);
        assert_eq!(run(&project, "wasm verify flipped.wasm --key alice.pub").code, 1, "byte {at}");
    }
    project.write("flipped.wasm", signed);
    assert_eq!(run(&project, "wasm verify flipped.wasm --key alice.pub").code, 0);
}

#[test]
fn signatures_at_once_are_all_kept() {
    for round in 0..10 {
        let project = folder();
        for words in ["plain.wasm", "component.wasm --detached d.sig"] {
            let sign = |name: &str| run(&project, &format!("wasm sign {words} --key {name}.key"));
            let (one, other) = std::thread::scope(|scope| {
                let other = scope.spawn(|| sign("bob"));
                (sign("alice"), other.join().expect("no panic"))
            });
            assert_eq!((one.code, other.code), (0, 0), "{round}: {} {}", one.text, other.text);
            for name in ["alice", "bob"] {
                let verified = run(&project, &format!("wasm verify {words} --key {name}.pub"));
                assert_eq!(verified.code, 0, "{round}: {words} {name}: {}", verified.text);
            }
        }
    }
}
