//! Signing with an identity, by the real command against a Sigstore on loopback that does wrong what it is asked to.

pub(crate) mod loopback;

mod claims;
mod faults;
mod options;
mod session;

use std::process::Command;

use serde_json::{Value, json};

use crate::harness::ignore;
use crate::needs;
use crate::support::Project;
use loopback::{EMAIL, Faults, GOOD, ISSUER, Sigstore, job, sigstore, token, token_of};

/// A folder with a file to sign, a statement about it, and a token.
fn folder() -> Project {
    let folder = Project::new("");
    std::fs::remove_file(folder.path("pins.toml")).expect("it was there");
    folder.write("a.txt", "hello\n");
    let digest = pinfold_core::digest::Sha256::of(b"hello\n").hex();
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1", "subject": [{ "name": "a.txt", "digest": { "sha256": digest } }],
        "predicateType": "https://example.com/predicate", "predicate": { "number": 1 },
    });
    folder.write("statement.json", statement.to_string());
    folder.write("token", token());
    folder
}

/// Exit code and all that was said.
fn run(mut command: Command) -> (i32, String) {
    let output = command.output().expect("the command");
    let said = String::from_utf8([output.stdout, output.stderr].concat()).expect("UTF-8");
    (output.status.code().expect("not killed by a signal"), said)
}

/// `pinfold sign --keyless` with these faults.
fn signing(server: &Sigstore, folder: &Project, tag: &str, faults: Faults<'_>) -> Command {
    folder.write("config.json", server.config(tag, faults).to_string());
    let mut command = folder.command();
    command.args(["sign", "--keyless", "--signing-config", "config.json", "--signing-root", &server.root()]);
    command
}

/// Signs the file with the token in the folder; whether there is a bundle afterwards is held to the exit code.
fn sign(server: &Sigstore, folder: &Project, tag: &str, faults: Faults<'_>) -> (i32, String) {
    let mut command = signing(server, folder, tag, faults);
    command.args(["a.txt", "--identity-token-file", "token", "--json"]);
    let (code, said) = run(command);
    assert_eq!(folder.exists("a.txt.sigstore.json"), code == 0, "{said}");
    let shown = said.to_lowercase();
    for part in folder.read("token").trim().to_lowercase().split('.') {
        for piece in part.as_bytes().windows(20).map(|piece| std::str::from_utf8(piece).expect("ASCII")) {
            assert!(!shown.contains(piece), "the token was told: {said}");
        }
    }
    (code, said)
}

/// The code of the error in a document.
fn code(said: &str) -> String {
    let document: Value = serde_json::from_str(said).unwrap_or_else(|_| panic!("{said}"));
    document["error"]["code"].as_str().unwrap_or_else(|| panic!("{said}")).to_owned()
}

fn check(server: &Sigstore, folder: &Project, bundle: &str) -> (i32, String) {
    let mut command = folder.command();
    command.args(["check", "a.txt", "-a", bundle, "--trusted-root", &server.root()]);
    command.args(["--identity", EMAIL, "--issuer", ISSUER]);
    run(command)
}

#[test]
fn what_is_signed_is_verified_by_anybody() {
    let server = sigstore();
    let folder = folder();
    for (tag, version, timestampers) in
        [("v1", 1, &[][..]), ("v1-time", 1, &["good"]), ("v2", 2, &["good"]), ("v2-two", 2, &["good", "good-too"])]
    {
        for (kind, file, more) in [("file", "a.txt", &[][..]), ("statement", "statement.json", &["--in-toto"])] {
            let tag = format!("{tag}-{kind}");
            let mut command = signing(server, &folder, &tag, Faults { version, timestampers, ..GOOD });
            let out = format!("{kind}.out.json");
            command.args(["--identity-token-file", "token", "--out", &out, file]).args(more);
            let (code, said) = run(command);
            assert_eq!((code, said.contains(EMAIL)), (0, true), "{tag}: {said}");
            let (code, said) = check(server, &folder, &out);
            assert_eq!(code, 0, "{tag}: {said}");

            // No more round trips than services, and the token for one of them alone.
            let asked = server.asked(&tag);
            assert_eq!(asked.len(), 2 + timestampers.len(), "{tag}: {asked:?}");
            let holders = asked.iter().filter(|one| one.to_string().contains(folder.read("token").trim()));
            let places: Vec<&str> = holders.map(|one| one["path"].as_str().expect("a path")).collect();
            assert_eq!(places, ["good/api/v2/signingCert"], "{tag}");
            assert!(!folder.read(&out).contains(&token()[..60]), "the token is in the bundle");
            assert!(!folder.read(&out).contains("keyid"), "a certificate signed it, and no key");
        }
    }
}

#[test]
fn a_bundle_has_the_form_that_everybody_reads() {
    let server = sigstore();
    let folder = folder();
    let (code, said) = sign(server, &folder, "form", Faults { version: 2, ..GOOD });
    assert_eq!(code, 0, "{said}");
    let bundle: Value = serde_json::from_str(&folder.read("a.txt.sigstore.json")).expect("JSON");
    assert_eq!(bundle["mediaType"], "application/vnd.dev.sigstore.bundle.v0.3+json");
    let material = bundle["verificationMaterial"].as_object().expect("an object");
    assert_eq!(material.keys().collect::<Vec<_>>(), ["certificate", "timestampVerificationData", "tlogEntries"]);
    let entry = &material["tlogEntries"][0];
    assert_eq!((&entry["logIndex"], &entry["kindVersion"]["version"]), (&json!("1"), &json!("0.0.2")));
    assert_eq!(bundle["messageSignature"]["messageDigest"]["algorithm"], "SHA2_256");
    let document: Value = serde_json::from_str(&said).expect("one document");
    assert_eq!((&document["command"], &document["rows"][0]["status"]), (&json!("sign"), &json!("signed")));
}

#[test]
fn a_job_signs_with_the_token_of_its_runner() {
    let server = sigstore();
    let folder = folder();
    server.hand_out(&token_of(&job()));
    let sign = |url: &str, secret: &str| {
        let mut command = signing(server, &folder, "runner", GOOD);
        command.args(["a.txt", "--json"]).env("GITHUB_ACTIONS", "true");
        command.env("ACTIONS_ID_TOKEN_REQUEST_URL", url).env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", secret);
        let (code, said) = run(command);
        assert!(!said.contains(secret), "the secret was told: {said}");
        (code, said)
    };
    let url = server.url("runner/good/token?api-version=2.0");
    let (status, said) = sign(&url, "runner-secret");
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("https://github.com/o/r/.github/workflows/release.yml@refs/heads/main"), "{said}");
    let asked = server.asked("runner");
    let with_secret: Vec<&str> = asked
        .iter()
        .filter(|one| one.to_string().contains("runner-secret"))
        .map(|one| one["path"].as_str().expect("a path"))
        .collect();
    assert_eq!(with_secret, ["good/token"], "the runner's secret is the runner's alone");

    let (status, said) = sign(&url, "another-secret");
    assert_eq!((status, code(&said).as_str()), (2, "service-denied"));
    assert!(said.contains("id-token: write"), "{said}");
    // A redirect would carry the secret elsewhere.
    let (status, said) = sign(&server.url("runner/redirect/token?a=b"), "runner-secret");
    assert_eq!((status, code(&said).as_str()), (2, "call-redirected"));
    let (status, said) = sign(&server.url("runner/empty/token"), "runner-secret");
    assert_eq!((status, code(&said).as_str()), (2, "service-answer"));
    let (status, said) = sign("http://runner.example.com/token", "runner-secret");
    assert_eq!((status, code(&said).as_str()), (2, "token-absent"));
}

#[test]
fn the_conformance_client_signs() {
    let server = sigstore();
    needs::program("bash");
    let folder = folder();
    let client = |args: &[&str]| {
        let mut command = Command::new("bash");
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance/client")).args(args);
        command.current_dir(folder.root()).env("PINFOLD", env!("CARGO_BIN_EXE_pinfold"));
        command.env("PINFOLD_TRUST", folder.trust_folder()).env("PINFOLD_CACHE", folder.store_folder());
        run(command)
    };
    let root = server.root();
    for version in [1, 2] {
        folder.write("config.json", server.config("client", Faults { version, ..GOOD }).to_string());
        for (file, more) in [("a.txt", &[][..]), ("statement.json", &["--in-toto"])] {
            let token = token();
            let out = format!("{file}.json");
            let own = ["sign-bundle", "--identity-token", &token, "--bundle", &out, "--signing-config"];
            let args = [&own[..], &["config.json", "--trusted-root", &root], more, &[file]].concat();
            let (code, said) = client(&args);
            assert_eq!(code, 0, "{said}");
            let who = [&format!("--certificate-identity={EMAIL}"), &format!("--certificate-oidc-issuer={ISSUER}")];
            let out = format!("--bundle={out}");
            let args = ["verify-bundle", &out, who[0], who[1], "--trusted-root", &root, "a.txt"];
            assert_eq!(client(&args), client(&args));
            assert_eq!(client(&args).0, 0, "{}", client(&args).1);
        }
    }
    folder.write("config.json", server.config("client", Faults { log: "wrong-proof", ..GOOD }).to_string());
    let token = token();
    let args = ["sign-bundle", "--identity-token", &token, "--bundle", "no.json", "--signing-config", "config.json"];
    let (code, said) = client(&[&args[..], &["--trusted-root", &root, "a.txt"]].concat());
    assert_eq!((code, folder.exists("no.json")), (1, false), "{said}");
    assert_eq!(client(&["sign-bundle", "--bundle", "no.json", "a.txt"]).0, 2);
}

/// Somebody else's Sigstore, in `shared/tools` beside the project or where `PINFOLD_TEST_SIGSTORE` says: both versions of the log, with and without timestamps.
#[test]
fn another_sigstore_takes_it_too() {
    let usual = || {
        let program = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/tools/fake_sigstore.py");
        if program.exists() {
            program
        } else {
            ignore("needs ../shared/tools/fake_sigstore.py or PINFOLD_TEST_SIGSTORE")
        }
    };
    let program = std::env::var_os("PINFOLD_TEST_SIGSTORE").map_or_else(usual, std::path::PathBuf::from);
    needs::program("openssl");
    let python = needs::python_with_cryptography();
    let folder = folder();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let mut server = Command::new(python);
    server.arg(program).arg(port.to_string()).arg(folder.path("fake")).stderr(std::process::Stdio::null());
    let mut server = server.spawn().expect("python");
    for _ in 0..200 {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let base = format!("http://127.0.0.1:{port}");
        let service = |url: String, version: u32| {
            let valid = json!({ "start": "2020-01-01T00:00:00Z" });
            json!({ "url": url, "majorApiVersion": version, "validFor": valid, "operator": "fake" })
        };
        for (version, timestampers) in [(1, 0), (1, 1), (2, 1)] {
            let tsa: Vec<Value> = (0..timestampers).map(|_| service(format!("{base}/api/v1/timestamp"), 1)).collect();
            let config = json!({
                "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
                "caUrls": [service(base.clone(), 1)], "rekorTlogUrls": [service(base.clone(), version)], "tsaUrls": tsa,
                "rekorTlogConfig": { "selector": "EXACT", "count": 1 }, "tsaConfig": { "selector": "ANY" },
            });
            folder.write("config.json", config.to_string());
            for (file, more) in [("a.txt", &[][..]), ("statement.json", &["--in-toto"])] {
                let mut command = folder.command();
                command.args(["sign", "--keyless", "--identity-token-file=token", "--signing-config=config.json"]);
                command.args(["--signing-root=fake/trusted_root.json", &format!("--out={file}.json"), file]).args(more);
                let (code, said) = run(command);
                assert_eq!(code, 0, "{version}, {timestampers}, {file}: {said}");
            }
        }
    }));
    server.kill().expect("our own process");
    server.wait().expect("its end");
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}
