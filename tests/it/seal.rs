//! What is signed by a key: the bundle, that it is proved before it is written, and that `pinfold check` takes it and
//! nothing else.

use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Output;

use pinfold::commands::output::Destination;
use pinfold::commands::seal::{self, Payload, Signing};
use pinfold::ctx::Silent;
use pinfold_core::digest::{Algorithm, Integrity};
use pinfold_core::fault::Fault;
use pinfold_evidence::attestation::{Artifact, NamedKey, Signer, Trust, VerifiedAttestation, prove, read};
use pinfold_evidence::root::{RegistryKeys, TrustRoots};
use pinfold_sign::signer::{KeyKind, SigningKey};
use serde_json::{Value, json};

use crate::support::Project;

const OUTPUT: &[u8] = b"built\n";

fn key(kind: KeyKind) -> SigningKey {
    SigningKey::generate(kind).expect("a key")
}

fn digests(bytes: &[u8]) -> Value {
    let hex = |algorithm| Integrity::of(algorithm, bytes).hex();
    json!({ "sha256": hex(Algorithm::Sha256), "sha512": hex(Algorithm::Sha512) })
}

fn statement() -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [
            { "name": "out.js", "digest": digests(OUTPUT) },
            { "name": "out.css", "digest": digests(b"body {}\n") },
        ],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "https://example.com/build/v1",
                "externalParameters": {},
                "internalParameters": {},
                "resolvedDependencies": [],
            },
            "runDetails": { "builder": { "id": "https://example.com/builder" }, "metadata": {} },
        },
    })
}

fn sealed_by(key: SigningKey, statement: &Value) -> Result<Value, Fault> {
    sealed(Signing::Key { key, notes: Vec::new() }, statement)
}

fn sealed(signing: Signing, statement: &Value) -> Result<Value, Fault> {
    Project::new("").with(&Silent, |ctx| seal::seal(ctx, &signing, Payload::Statement(statement)))
}

/// Puts a bundle where a command puts it.
fn put(path: &Path, bundle: &Value) -> Result<(), Fault> {
    Destination { path, force: false, pin_file: None }.put(format!("{bundle}\n").as_bytes())
}

/// A project with an output, its bundle, and the public half of the key.
fn released(kind: KeyKind) -> Project {
    let (project, key) = (Project::new(""), key(kind));
    project.write("out.js", OUTPUT);
    project.write("key.pub", key.public_pem());
    let bundle = sealed_by(key, &statement()).expect("a bundle");
    put(&project.path("out.js.sigstore.json"), &bundle).expect("a file");
    project
}

fn check(project: &Project, args: &[&str]) -> (i32, String) {
    let output: Output = project.command().arg("check").args(args).output().expect("the command");
    let said = String::from_utf8([output.stdout, output.stderr].concat()).expect("UTF-8");
    (output.status.code().expect("not killed by a signal"), said)
}

const CHECK: [&str; 3] = ["out.js", "--attestation=out.js.sigstore.json", "--key=key.pub"];

#[test]
fn a_bundle_is_what_others_read() {
    for kind in KeyKind::ALL {
        let key = key(kind);
        let (hint, pem) = (key.hint().to_owned(), key.to_pem(None).expect("PEM"));
        let bundle = sealed_by(key, &statement()).expect("a bundle");
        let expected = json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": { "publicKey": { "hint": hint }, "tlogEntries": [] },
            "dsseEnvelope": {
                "payloadType": "application/vnd.in-toto+json",
                "payload": bundle["dsseEnvelope"]["payload"],
                "signatures": [{ "sig": bundle["dsseEnvelope"]["signatures"][0]["sig"] }],
            },
        });
        assert_eq!(bundle, expected);
        // The same again is the same, but for the random number of ECDSA.
        let again = SigningKey::from_pem(pem.as_bytes(), None).expect("a key");
        let mut again = sealed_by(again, &statement()).expect("a bundle");
        assert_eq!(again == bundle, kind == KeyKind::Ed25519);
        again["dsseEnvelope"]["signatures"] = bundle["dsseEnvelope"]["signatures"].clone();
        assert_eq!(again.to_string(), bundle.to_string());
    }
}

#[test]
fn check_reads_it_back() {
    for kind in KeyKind::ALL {
        let project = released(kind);
        let (code, said) = check(&project, &CHECK);
        assert_eq!(code, 0, "{said}");
        let digest = format!("sha256:{}", Integrity::of(Algorithm::Sha256, OUTPUT).hex());
        assert_eq!(check(&project, &[&[digest.as_str()], &CHECK[1..]].concat()).0, 0);
        let more = ["--predicate-type=https://slsa.dev/provenance/v1", "--subject=out.js"];
        let (code, said) = check(&project, &[&CHECK[..], &more].concat());
        assert_eq!(code, 0, "{said}");

        let refused = |args: &[&str], code: &str| {
            let (status, said) = check(&project, &[args, &["--json"]].concat());
            assert!(status == 1 && said.contains(&format!("\"code\": \"{code}\"")), "{args:?}: {status} {said}");
        };
        refused(&[&CHECK[..], &["--subject=out.css"]].concat(), "subject-name-mismatch");
        refused(&[&CHECK[..], &["--predicate-type=https://example.com/"]].concat(), "provenance-missing");
        project.write("other.js", "built by somebody else\n");
        refused(&[&["other.js"], &CHECK[1..]].concat(), "subject-mismatch");
        for other in KeyKind::ALL {
            project.write("other.pub", key(other).public_pem());
            refused(&[&CHECK[..2], &["--key=other.pub"]].concat(), "signature-invalid");
        }
        // Nobody named, no verdict.
        assert_eq!(check(&project, &CHECK[..2]).0, 3);
        // Two keys, of which one would have to be guessed.
        project.write("two.pub", [project.read("key.pub"), self::key(kind).public_pem().to_owned()].concat());
        let (code, said) = check(&project, &[&CHECK[..2], &["--key=two.pub"]].concat());
        assert!(code == 3 && said.contains("more than one PEM block"), "{code} {said}");
        // The wrong half of the key, of which nothing is told.
        let private = self::key(kind).to_pem(None).expect("PEM");
        project.write("key.pem", private.as_bytes());
        let (code, said) = check(&project, &[&CHECK[..2], &["--key=key.pem"]].concat());
        let body = private.lines().nth(1).expect("a body");
        assert!(code == 3 && said.contains("is a private key") && !said.contains(&body[..16]), "{code} {said}");
    }
}

fn trusting(public: &str) -> Trust {
    let roots = TrustRoots { roots: Vec::new(), registry_keys: RegistryKeys::embedded().expect("keys") };
    Trust::new(roots, Some(NamedKey::from_pem(public, None).expect("a key")))
}

/// With one byte changed it is refused, or proves the same: nothing is signed of the hint and of names that nobody reads.
#[test]
fn a_bundle_with_one_other_byte() {
    for kind in KeyKind::ALL {
        let project = released(kind);
        let text = project.read("out.js.sigstore.json").into_bytes();
        let trust = trusting(&project.read("key.pub"));
        let artifact = Integrity::of(Algorithm::Sha256, OUTPUT);
        let proof = |document: &[u8]| -> Option<VerifiedAttestation> {
            let read = read(document).ok()?;
            let [one] = read.as_slice() else { return None };
            prove(&trust, one, &Artifact::of(std::slice::from_ref(&artifact))).ok()
        };
        let good = proof(&text).expect("a proof");
        assert!(matches!(good.signer(), Signer::Key { .. }));
        let mut same = Vec::new();
        for at in 0..text.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut other = text.clone();
                other[at] ^= flip;
                if let Some(proof) = proof(&other) {
                    assert_eq!(proof, good, "byte {at} ^ {flip:#x}");
                    same.push(at);
                }
            }
            assert!(at + 2 > text.len() || proof(&text[..at]).is_none(), "cut at {at}");
        }
        let text = String::from_utf8(text).expect("text");
        let signed = text.find("\"payload\"").expect("a payload")..text.find(",\"payloadType\"").expect("a type");
        assert!(same.iter().all(|at| !signed.contains(at)), "{same:?}");
        let signature = text.find("\"sig\"").expect("a signature")..text.find("}]},").expect("an end");
        assert!(same.iter().all(|at| !signature.contains(at)), "{same:?}");
    }
}

#[test]
fn what_nobody_could_check_is_not_signed() {
    let check = |pointer: &str, value: Value, why: &str| {
        let mut statement = statement();
        *statement.pointer_mut(pointer).expect("a place") = value;
        let error = sealed_by(key(KeyKind::P256), &statement).expect_err(why);
        assert_eq!((error.code(), error.verdict().exit_code()), ("sealed-other", 1), "{error}");
        assert!(error.to_string().contains(why), "{error}");
    };
    check("/subject", json!([]), "no artifact");
    check("/subject/1/digest", json!({}), "has no digest");
    check("/subject/1/digest", json!({ "sha1": "00" }), "no digest that proves anything");
    check("/subject/1/digest", json!({ "sha256": "zz" }), "no digest that proves anything");
    check("/subject/1/digest", json!({ "blake3": "00" }), "no digest that proves anything");
    check("/_type", json!("https://example.com/"), "of the type");
    check("/predicateType", json!(7), "predicateType");
}

#[test]
fn a_bundle_stands_where_a_file_may_stand() {
    let project = Project::new("");
    let bundle = sealed_by(key(KeyKind::Ed25519), &statement()).expect("a bundle");
    let refused = |path: &Path| {
        let names = || pinfold_core::fs::names(&project.root()).expect("names");
        let before = names();
        let error = put(path, &bundle).expect_err("it cannot stand there");
        assert_eq!(names(), before);
        assert!(
            error.to_string().contains(&path.file_name().expect("a name").to_string_lossy().into_owned()),
            "{error}"
        );
        error.code()
    };
    std::fs::create_dir(project.path("folder")).expect("a folder");
    assert_eq!(refused(&project.path("folder")), "out-not-a-file");
    let _listener = UnixListener::bind(project.path("socket")).expect("a socket");
    assert_eq!(refused(&project.path("socket")), "out-not-a-file");
    assert_eq!(refused(&project.path("absent/out.json")), "disk");
    assert_eq!(refused(&project.path("pins.toml/out.json")), "disk");
    // Nobody at all may write here, not even root.
    assert_eq!(refused(Path::new("/proc/self/out.json")), "disk");
    // A key that is written over is lost.
    let pem = key(KeyKind::P256).to_pem(None).expect("a key");
    project.write("key.pem", pem.as_bytes());
    assert_eq!(refused(&project.path("key.pem")), "key-exists");
    assert_eq!(project.read("key.pem"), *pem);
    std::fs::remove_file(project.path("key.pem")).expect("a file");
    let file = project.path("out.json");
    std::fs::write(&file, "before").expect("a file");
    assert_eq!(refused(&file), "statement-over-file");
    assert_eq!(project.read("out.json"), "before");
    std::fs::write(&file, "").expect("a file");
    put(&file, &bundle).expect("nothing is in it");
    put(&file, &bundle).expect("its own earlier one");
    assert_eq!(project.read("out.json"), format!("{bundle}\n"));
    assert_eq!(pinfold_core::fs::names(&project.root()).expect("names"), ["folder", "out.json", "pins.toml", "socket"]);
}

/// Not a test of its own: signs for [`killed_before_it_is_written`], and for `tests/interop/`, which names a key and passes
/// its statement in a file.
#[test]
#[ignore = "started by killed_before_it_is_written and by tests/interop"]
fn child() {
    let path = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let out = path("SEAL_OUT").expect("SEAL_OUT");
    let statement = path("SEAL_STATEMENT").map_or_else(statement, |path| {
        serde_json::from_slice(&std::fs::read(path).expect("a statement")).expect("JSON")
    });
    let signing = path("SEAL_KEY").map_or_else(
        || Ok(Signing::Key { key: key(KeyKind::Ed25519), notes: Vec::new() }),
        |key| Signing::by_key(&key, path("SEAL_PASSPHRASE").map(|path| seal::passphrase(&path).expect("one")).as_ref()),
    );
    let bundle = sealed(signing.expect("a key"), &statement).expect("a bundle");
    put(&out, &bundle).expect("a file");
}

/// Killed between signing and the end of writing: what was there before is there, or the whole bundle.
#[test]
fn killed_before_it_is_written() {
    crate::needs::strace();
    let mut deaths = 0;
    for fault in ["rename:signal=KILL:when=1", "rename:error=ENOSPC:when=1", "openat:error=EACCES:path"] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("out.json");
        // An earlier bundle, by another key.
        let before = sealed_by(key(KeyKind::P256), &statement()).expect("a bundle");
        put(&path, &before).expect("a file");
        let before = std::fs::read_to_string(&path).expect("a file");
        let mut strace = std::process::Command::new("strace");
        strace.args(["-f", "-qq", "-o", "/dev/null"]);
        match fault.strip_suffix(":path") {
            Some(fault) => strace.args(["-P", &folder.path().display().to_string(), "-e", &format!("inject={fault}")]),
            None => strace.args(["-e", &format!("inject={fault}")]),
        };
        strace.arg(std::env::current_exe().expect("this program"));
        strace.args(["seal::child", "--exact", "--ignored", "--nocapture"]).env("SEAL_OUT", &path);
        let output = strace.output().expect("strace");
        let now = std::fs::read_to_string(&path).expect("a file");
        if output.status.success() {
            assert!(now != before && now.starts_with('{') && now.ends_with("}\n"), "{fault}: {now}");
        } else {
            assert_eq!(now, before, "{fault}");
            deaths += 1;
        }
    }
    assert!(deaths >= 2, "{deaths}");
}
