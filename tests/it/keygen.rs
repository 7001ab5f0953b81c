//! Keys: each file of `tests/vectors/keys/` as a key to sign with, what `pinfold keygen` makes, passphrases on all their
//! ways; and that nothing of a secret is told.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use pinfold_sign::signer::{Passphrase, SigningKey, SigningKeyError};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::support::{Project, integrity, pin};

/// A key as it stands in a file, and what is to come of it.
pub(crate) struct Vector {
    pub(crate) expect: String,
    passphrase: Option<String>,
    same_as: Option<String>,
    pub(crate) pem: Vec<u8>,
}

/// All of them, by name.
pub(crate) fn vectors() -> BTreeMap<String, Vector> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/keys");
    let vectors: BTreeMap<String, Vector> = std::fs::read_dir(folder)
        .expect("the folder of vectors")
        .map(|entry| entry.expect("an entry").path())
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("a vector");
            let (header, pem) = text.split_once("\n\n").expect("an empty line");
            let fields: BTreeMap<&str, &str> =
                header.lines().map(|line| line.split_once(": ").expect("a field")).collect();
            let field = |name: &str| fields.get(name).map(|text| (*text).to_owned());
            let vector = Vector {
                expect: field("expect").expect("what to expect"),
                passphrase: field("passphrase"),
                same_as: field("same-as"),
                pem: pem.as_bytes().to_vec(),
            };
            (path.file_name().expect("a name").to_string_lossy().into_owned(), vector)
        })
        .collect();
    assert!(vectors.len() > 90, "the vectors were not found");
    vectors
}

impl Vector {
    fn read(&self) -> Result<SigningKey, SigningKeyError> {
        SigningKey::from_pem(&self.pem, self.passphrase.as_deref().map(passphrase).as_ref())
    }

    /// Parts of the file that are of the key itself, its last bytes and the middle of each line, and the passphrase. The
    /// frame of it is the same in all keys.
    fn secrets(&self) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.pem).into_owned();
        let lines = text.lines().filter(|line| !line.contains(['-', ':', ' ']) && line.len() >= 16);
        lines.map(|line| line[..16].to_owned()).chain(self.passphrase.clone()).collect()
    }
}

pub(crate) fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(Zeroizing::new(text.as_bytes().to_vec())).expect("a passphrase")
}

/// Holds that none of the secrets is in a text.
pub(crate) fn tells_nothing(secrets: &[String], text: &str) {
    for secret in secrets {
        assert!(!text.contains(secret.as_str()), "{secret} is in: {text}");
    }
}

#[test]
fn each_key_is_read_or_refused() {
    let vectors = vectors();
    for (name, vector) in &vectors {
        match vector.read() {
            Ok(key) => {
                assert_eq!(vector.expect, "ok", "{name} is read");
                tells_nothing(&vector.secrets(), &format!("{key:?}"));
                if let Some(same) = &vector.same_as {
                    assert_eq!(key.id(), vectors[same].read().expect("a key").id(), "{name}");
                }
                // And what is written from it is the same key.
                let locked = key.to_pem(Some(&passphrase("x"))).expect("PEM");
                let again = SigningKey::from_pem(locked.as_bytes(), Some(&passphrase("x"))).expect("a key");
                assert_eq!((again.id(), again.kind()), (key.id(), key.kind()), "{name}");
            }
            Err(error) => {
                assert_eq!(error.code(), vector.expect, "{name}: {error}");
                tells_nothing(&vector.secrets(), &format!("{error} {error:?} {:?}", error.hint()));
            }
        }
    }
}

/// A project in which there is something to sign.
pub(crate) fn project() -> Project {
    let project = Project::new(&pin("tool", "file = \"tool.bin\"", &integrity(b"tool"), "")).quiet();
    project.write("tool.bin", "tool");
    let fetched = project.command().arg("fetch").output().expect("the command");
    assert!(fetched.status.success());
    project
}

pub(crate) const SIGN: [&str; 6] =
    ["verify", "--vsa=out", "--verifier-id=https://verifier.example.com/", "--key", "key.pem", "--json"];

pub(crate) fn said(output: &Output) -> String {
    [&output.stdout[..], &output.stderr].map(String::from_utf8_lossy).concat()
}

/// The exit code and the codes of notes or of the error.
pub(crate) fn codes(output: &Output) -> (i32, Vec<String>) {
    let text = said(output);
    let document: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("not a document: {text}"));
    let told = document.get("error").into_iter().chain(document["notes"].as_array().into_iter().flatten());
    let codes = told.map(|one| one["code"].as_str().expect("a code").to_owned()).collect();
    (output.status.code().expect("not killed by a signal"), codes)
}

/// The same through the door: whatever a key is, nothing of it comes out, and only a good one signs.
#[test]
fn each_key_by_the_command() {
    let project = project();
    for (name, vector) in vectors() {
        project.write("key.pem", &vector.pem);
        std::fs::set_permissions(project.path("key.pem"), Permissions::from_mode(0o600)).expect("a file");
        let mut command = project.command();
        command.args(SIGN);
        if let Some(passphrase) = &vector.passphrase {
            project.write("passphrase", format!("{passphrase}\n"));
            command.args(["--passphrase-file", "passphrase"]);
        }
        let _ = std::fs::remove_dir_all(project.path("out"));
        let output = command.stdin(Stdio::null()).output().expect("the command");
        tells_nothing(&vector.secrets(), &said(&output));
        let (code, codes) = codes(&output);
        if vector.expect == "ok" {
            assert_eq!((code, codes), (0, vec!["summaries-written".to_owned()]), "{name}");
            tells_nothing(&vector.secrets(), &project.read("out/tool.vsa.dsse.json"));
        } else {
            assert_eq!((code, codes), (2, vec![vector.expect.clone()]), "{name}");
            assert!(!project.exists("out"), "{name}");
        }
    }
}

/// A key with one byte changed is none, or the same; never another one, whose signatures nobody could check.
#[test]
fn a_key_with_one_other_byte() {
    for name in ["ok-p256", "ok-p256-v2", "ok-p256-curve", "ok-ed25519-v2", "ok-ed25519-attributes"] {
        let vector = &vectors()[name];
        let text = String::from_utf8(vector.pem.clone()).expect("text");
        let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
        let der = BASE64.decode(body).expect("base64");
        let id = vector.read().expect("a key").id().to_owned();
        let mut same = Vec::new();
        for at in 0..der.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut other = der.clone();
                other[at] ^= flip;
                let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----", BASE64.encode(&other));
                if let Ok(key) = SigningKey::from_pem(pem.as_bytes(), None) {
                    assert_eq!(key.id(), id, "{name}, byte {at} ^ {flip:#x}");
                    same.push(at);
                }
            }
        }
        // The version where it makes no difference, and words in the attributes, which nobody reads.
        let attributes = name == "ok-ed25519-attributes";
        same.retain(|at| der[at - 2..=*at] != [0x02, 1, 0]);
        assert_eq!(!same.is_empty(), attributes, "{name}: {same:?}");
    }
}

// Making keys.

fn keygen(project: &Project, args: &[&str]) -> Output {
    project.command().arg("keygen").args(args).stdin(Stdio::null()).output().expect("the command")
}

fn mode(project: &Project, path: &str) -> u32 {
    project.path(path).metadata().expect(path).permissions().mode() & 0o7777
}

/// The kinds of keys, and whether they have a passphrase.
const NEW: [(&str, bool); 4] = [("p256", false), ("ed25519", false), ("p256", true), ("ed25519", true)];

#[test]
fn a_new_key_is_its_owner_s_alone() {
    let project = Project::new("");
    project.write("secret", "open sesame");
    for (kind, locked) in NEW {
        let out = format!("{kind}-{locked}.pem");
        let how = if locked { "--passphrase-file=secret" } else { "--no-passphrase" };
        let output = keygen(&project, &["--type", kind, "--out", &out, how, "--json"]);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        let (private, public) = (project.read(&out), project.read(&format!("{out}.pub")));
        assert_eq!((mode(&project, &out), mode(&project, &format!("{out}.pub"))), (0o600, 0o644));
        let key = SigningKey::from_pem(private.as_bytes(), locked.then(|| passphrase("open sesame")).as_ref());
        let key = key.expect("a key");
        assert_eq!((key.kind().name(), key.public_pem()), (kind, public.as_str()));
        let report: Value = serde_json::from_str(&said(&output)).expect("JSON");
        assert_eq!(report["rows"][0]["source"], key.id());
        let codes: Vec<&str> = report["rows"][0]["findings"]
            .as_array()
            .expect("findings")
            .iter()
            .filter_map(|one| one["code"].as_str())
            .collect();
        assert_eq!(codes, if locked { vec!["key-public-half"] } else { vec!["key-open", "key-public-half"] });
        let lines = private.lines().filter(|line| !line.starts_with('-') && line.len() >= 16);
        let body: Vec<String> = lines.map(|line| line[..16].to_owned()).collect();
        tells_nothing(&body, &said(&output));
    }
    let kept: Vec<String> = project.tree("").into_keys().filter(|path| path.contains("partial")).collect();
    assert!(kept.is_empty(), "{kept:?}");
}

/// OpenSSL reads it, with the same public half.
#[test]
fn a_new_key_is_one_to_openssl() {
    let program = crate::needs::program("openssl");
    let project = Project::new("");
    project.write("secret", "open sesame");
    for (kind, locked) in NEW {
        let out = format!("{kind}-{locked}.pem");
        let how = if locked { "--passphrase-file=secret" } else { "--no-passphrase" };
        let output = keygen(&project, &["--type", kind, "--out", &out, how, "--json"]);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        let mut openssl = Command::new(&program);
        openssl.args(["pkey", "-pubout", "-in", &out]).current_dir(project.root());
        if locked {
            openssl.args(["-passin", "file:secret"]);
        }
        assert_eq!(said(&openssl.output().expect("openssl")), project.read(&format!("{out}.pub")), "{out}");
    }
}

#[test]
fn no_key_is_written_over() {
    let project = Project::new("");
    let check = |args: &[&str], code: &str| {
        let before = project.tree("");
        let output = keygen(&project, &[args, &["--json"]].concat());
        assert_eq!(codes(&output), (2, vec![code.to_owned()]), "{args:?}: {}", said(&output));
        assert_eq!(project.tree(""), before, "{args:?}");
    };
    let open = "--no-passphrase";
    project.write("mine.pem", "mine");
    check(&["--out=mine.pem", open], "key-exists");
    // Before anybody is asked for a passphrase.
    check(&["--out=mine.pem"], "key-exists");
    project.write("half.pem.pub", "mine");
    check(&["--out=half.pem", open], "key-exists");
    std::fs::create_dir(project.path("folder")).expect("a folder");
    check(&["--out=folder", open], "key-exists");
    std::os::unix::fs::symlink("nowhere", project.path("link")).expect("a link");
    check(&["--out=link", open], "key-exists");
    check(&["--out=absent/key.pem", open], "disk");
    check(&["--out=..", open], "disk");
    check(&["--out=key.pem"], "passphrase-absent");
    for args in [["--passphrase-file=half.pem.pub", "--passphrase-fd=0"], [open, "--passphrase-fd=0"]] {
        let output = keygen(&project, &[&args[..], &["--out=key.pem"]].concat());
        assert!(output.status.code() == Some(2) && !project.exists("key.pem"), "{}", said(&output));
    }
}

/// Killed at any call: each half is whole or absent, and the private one never without the public one.
#[test]
fn killed_at_every_call_of_keygen() {
    crate::needs::strace();
    let mut deaths = 0;
    for call in ["write", "fsync", "fchmod", "renameat2", "unlink"] {
        for when in 1.. {
            let project = Project::new("");
            let fault = format!("{call}:signal=KILL:when={when}");
            let args = ["keygen", "--no-passphrase", "--out", "key.pem"];
            let (killed, output) = crate::crash::run_with_fault(&project, &args, &fault);
            let read = |path: &str| project.exists(path).then(|| project.read(path));
            let (private, public) = (read("key.pem"), read("key.pem.pub"));
            if let Some(private) = &private {
                let key = SigningKey::from_pem(private.as_bytes(), None).expect(&fault);
                assert_eq!((Some(key.public_pem()), mode(&project, "key.pem")), (public.as_deref(), 0o600), "{fault}");
            }
            assert!(public.is_none_or(|public| public.ends_with("-----END PUBLIC KEY-----\n")), "{fault}");
            // What is left beside is as closed as the key.
            for entry in std::fs::read_dir(project.root()).expect("a folder") {
                let name = entry.expect("an entry").file_name().into_string().expect("UTF-8");
                let is_private = name.contains("partial") && !name.contains(".pub.");
                assert!(!is_private || mode(&project, &name) == 0o600, "{fault}: {name}");
            }
            if !killed {
                assert!(output.status.success() && private.is_some(), "{fault}: {}", said(&output));
                break;
            }
            deaths += 1;
        }
    }
    assert!(deaths >= 6, "died only {deaths} times");
}
