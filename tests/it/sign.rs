//! `pinfold sign` with a key: files as they are, and statements.

use crate::support::Project;

/// Exit code and all that was said.
fn run(folder: &Project, args: &[&str]) -> (i32, String) {
    let output = folder.command().args(args).output().expect("the command");
    let said = String::from_utf8([output.stdout, output.stderr].concat()).expect("UTF-8");
    (output.status.code().expect("not killed by a signal"), said)
}

#[test]
fn what_a_key_signs_is_verified_by_its_public_half() {
    let folder = Project::new("");
    folder.write("a.txt", "hello\n");
    folder.write("other.txt", "hello!\n");
    let digest = pinfold_core::digest::Sha256::of(b"hello\n").hex();
    let statement = serde_json::json!({
        "_type": "https://in-toto.io/Statement/v1", "subject": [{ "name": "a.txt", "digest": { "sha256": digest } }],
        "predicateType": "https://example.com/predicate", "predicate": {},
    });
    folder.write("statement.json", statement.to_string());
    for kind in ["p256", "ed25519"] {
        let key = format!("{kind}.pem");
        assert_eq!(run(&folder, &["keygen", "--type", kind, "--out", &key, "--no-passphrase"]).0, 0);
        for (file, more) in [("a.txt", &[][..]), ("statement.json", &["--in-toto"])] {
            let out = format!("{kind}.{file}.sigstore.json");
            let (code, said) = run(&folder, &[&["sign", file, "--key", &key, "--out", &out], more].concat());
            assert_eq!((code, said.contains("signed")), (0, true), "{said}");
            let public = format!("{key}.pub");
            let check = |artifact: &str, public: &str| run(&folder, &["check", artifact, "-a", &out, "--key", public]);
            assert_eq!(check("a.txt", &public).0, 0, "{}", check("a.txt", &public).1);
            assert_eq!(check("other.txt", &public).0, 1);
        }
    }
    let crossed = ["check", "a.txt", "-a", "p256.a.txt.sigstore.json", "--key", "ed25519.pem.pub"];
    assert_ne!(run(&folder, &crossed).0, 0);
    // Beside the file, unless said otherwise; what is no statement is not signed as one.
    assert_eq!(run(&folder, &["sign", "a.txt", "--key", "p256.pem"]).0, 0);
    assert!(folder.exists("a.txt.sigstore.json"));
    let (code, said) = run(&folder, &["sign", "other.txt", "--in-toto", "--key", "p256.pem"]);
    assert_eq!((code, folder.exists("other.txt.sigstore.json")), (2, false), "{said}");
    assert!(said.contains("`other.txt` is no statement"), "{said}");
    assert_eq!(run(&folder, &["sign", "absent.txt", "--key", "p256.pem"]).0, 2);
}

/// A statement is signed as it is meant: numbers that are read as others are refused, and no text is taken for one.
#[test]
fn a_number_is_signed_as_it_stands_there() {
    let folder = Project::new("");
    assert_eq!(run(&folder, &["keygen", "--out", "key.pem", "--no-passphrase"]).0, 0);
    let digest = pinfold_core::digest::Sha256::of(b"hello\n").hex();
    let cases = [
        ("18446744073709551615", 0),
        ("-9223372036854775808", 0),
        ("1.5e300", 0),
        (r#""\"12345678901234567890123""#, 0),
        ("18446744073709551616", 1),
        ("[-1,-9223372036854775809]", 1),
    ];
    for (value, expected) in cases {
        let statement = format!(
            r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{{"name":"a","digest":{{"sha256":"{digest}"}}}}],"predicateType":"https://example.com/","predicate":{{"n":{value}}}}}"#
        );
        folder.write("s.json", statement);
        let (code, said) = run(&folder, &["sign", "s.json", "--in-toto", "--key", "key.pem", "--out", "out.json"]);
        assert_eq!(code, expected, "{value}: {said}");
    }
}

/// A key of P-256 signs digests, so that no file is too long; Ed25519 has to have the bytes whole.
#[test]
fn a_file_of_any_length_is_signed_by_its_digest() {
    let folder = Project::new("");
    let file = std::fs::File::create(folder.path("long")).expect("a file");
    file.set_len((64 << 20) + 1).expect("a hole");
    for (kind, expected) in [("p256", 0), ("ed25519", 2)] {
        let key = format!("{kind}.pem");
        assert_eq!(run(&folder, &["keygen", "--type", kind, "--out", &key, "--no-passphrase"]).0, 0);
        let (code, said) = run(&folder, &["sign", "long", "--key", &key, "--out", kind]);
        assert_eq!((code, folder.exists(kind)), (expected, expected == 0), "{said}");
    }
    assert_eq!(run(&folder, &["check", "long", "-a", "p256", "--key", "p256.pem.pub"]).0, 0);
}
