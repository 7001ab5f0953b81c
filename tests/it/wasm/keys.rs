//! Keys and whom they are trusted for.

use pinfold_wasm::{KeyId, Policy, PublicKey, SecretKey, Threshold, TrustedKeys, sign, verify};

use super::made::{MODULE, code, key};
use crate::corpus::Corpus;

#[test]
fn what_is_written_is_read() {
    let secret = SecretKey::generate().expect("random bytes");
    for form in [secret.to_raw(), secret.to_pem().into_bytes()] {
        assert_eq!(SecretKey::read(&form).expect("a key").public(), secret.public());
        assert_eq!(PublicKey::read(&form).map_err(|error| error.code()), Err("wasm-key-private"));
    }
    for form in [secret.public().to_raw(), secret.public().to_pem().into_bytes()] {
        assert_eq!(PublicKey::read(&form), Ok(vec![secret.public()]));
    }
    let shown = format!("{secret:?}");
    let seed = pinfold_core::digest::hex(&secret.to_raw()[1..33]);
    assert!(!shown.contains(&seed) && !shown.contains(&format!("{:?}", &secret.to_raw()[1..33])), "{shown}");
}

/// What another program does in a folder.
struct Other {
    program: std::path::PathBuf,
    folder: tempfile::TempDir,
}

impl Other {
    fn find(program: &str) -> Self {
        Self { program: crate::needs::program(program), folder: tempfile::tempdir().expect("a folder") }
    }

    fn run(&self, arguments: &[&str]) {
        let mut command = std::process::Command::new(&self.program);
        let output = command.args(arguments).current_dir(self.folder.path()).output().expect("it runs");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.folder.path().join(name)).expect(name)
    }
}

#[test]
fn keys_of_ssh_keygen() {
    let ssh = Other::find("ssh-keygen");
    let read = |name: &str| ssh.read(name);
    ssh.run(&["-q", "-t", "ed25519", "-N", "", "-C", "somebody", "-f", "ssh"]);
    let secret = SecretKey::read(&read("ssh")).expect("a key");
    assert_eq!(PublicKey::read(&read("ssh.pub")), Ok(vec![secret.public()]));
    ssh.run(&["-q", "-p", "-N", "secret", "-f", "ssh"]);
    assert_eq!(SecretKey::read(&read("ssh")).map_err(|error| error.code()).err(), Some("wasm-key-encrypted"));
    ssh.run(&["-q", "-t", "ecdsa", "-N", "", "-f", "ecdsa"]);
    assert_eq!(SecretKey::read(&read("ecdsa")).map_err(|error| error.code()).err(), Some("wasm-key-algorithm"));
    assert_eq!(PublicKey::read(&read("ecdsa.pub")).map_err(|error| error.code()), Err("wasm-key-none"));
}

#[test]
fn keys_of_openssl() {
    let openssl = Other::find("openssl");
    let read = |name: &str| openssl.read(name);
    openssl.run(&["genpkey", "-algorithm", "ed25519", "-out", "key.pem"]);
    let secret = SecretKey::read(&read("key.pem")).expect("a key");
    openssl.run(&["pkey", "-in", "key.pem", "-pubout", "-out", "pub.pem"]);
    openssl.run(&["pkey", "-in", "key.pem", "-outform", "DER", "-out", "key.der"]);
    openssl.run(&["pkey", "-in", "key.pem", "-pubout", "-outform", "DER", "-out", "pub.der"]);
    assert_eq!(
        (secret.to_pem().into_bytes(), secret.public().to_pem().into_bytes()),
        (read("key.pem"), read("pub.pem"))
    );
    assert_eq!(SecretKey::read(&read("key.der")).expect("a key").public(), secret.public());
    assert_eq!(PublicKey::read(&read("pub.der")), Ok(vec![secret.public()]));
}

#[test]
fn keys_of_the_corpus() {
    let corpus = Corpus::open("wasm");
    let read = |name: &str| PublicKey::read(&corpus.bytes(&format!("keys/{name}")));
    let alice = read("alice.pub").expect("a key");
    assert_eq!((read("alice.pub.der"), read("alice.pub.pem")), (Ok(alice.clone()), Ok(alice.clone())));
    for name in ["alice.sec", "alice.sec.der", "alice.sec.pem"] {
        let secret = SecretKey::read(&corpus.bytes(&format!("keys/{name}"))).expect(name);
        assert_eq!(vec![secret.public()], alice, "{name}");
        assert_eq!(read(name).map_err(|error| error.code()), Err("wasm-key-private"), "{name}");
    }
    let team = read("team.keys").expect("keys");
    assert_eq!((team.len(), team.last()), (2, read("dave_ssh.pub").expect("a key").first()));
}

/// `wasm-trust-role`, `wasm-trust-threshold`, `wasm-trust-too-many`, `wasm-key-none`
#[test]
fn sets_that_cannot_be_meant() {
    let (alice, bob) = (key("alice").public(), key("bob").public());
    let make = |keys: &[PublicKey], roles: &[(&str, &[PublicKey])], threshold| {
        let roles = roles.iter().map(|(name, keys)| ((*name).to_owned(), keys.to_vec()));
        TrustedKeys::new(keys.iter().copied(), roles, threshold).map_err(|error| error.code())
    };
    assert_eq!(make(&[], &[], Threshold::Any), Err("wasm-key-none"));
    assert_eq!(make(&[], &[], Threshold::All), Err("wasm-key-none"));
    assert_eq!(make(&[alice], &[], Threshold::AtLeast(0)), Err("wasm-trust-threshold"));
    assert_eq!(make(&[alice, alice], &[], Threshold::AtLeast(2)), Err("wasm-trust-threshold"), "one key is one key");
    assert_eq!(make(&[], &[("build", &[])], Threshold::Any), Err("wasm-trust-role"));
    assert_eq!(make(&[], &[("a", &[alice]), ("b", &[alice])], Threshold::Any), Err("wasm-trust-role"));
    let many: Vec<PublicKey> = (0..1025).map(|index| key(&index.to_string()).public()).collect();
    assert_eq!(make(&many, &[], Threshold::Any), Err("wasm-trust-too-many"));
    // A key that is named beside its role keeps the role.
    let both = make(&[alice, bob], &[("build", &[alice])], Threshold::All).expect("keys");
    let keys: Vec<_> = both.keys().collect();
    assert!(keys.contains(&(&alice, Some("build"))) && keys.contains(&(&bob, None)), "{keys:?}");
    assert_eq!(both.threshold(), 2);
}

#[test]
fn trusted_keys_from_files_and_text() {
    let (alice, bob) = (key("alice"), key("bob"));
    let file = [MODULE, &code()].concat();
    let signed = sign(&file, &bob, KeyId::None).expect("a signature");
    let text = format!("{}{}", alice.public().to_pem(), bob.public().to_pem());
    let raw = (alice.public().to_raw(), bob.public().to_raw());
    let several = TrustedKeys::read_all([raw.0.as_slice(), raw.1.as_slice()], Threshold::Any).expect("keys");
    assert_eq!(TrustedKeys::read(text.as_bytes()), Ok(several.clone()));
    assert!(verify(&Policy::whole(several), signed.as_slice(), None).is_ok());
    let all = TrustedKeys::read_all([text.as_bytes()], Threshold::All).expect("keys");
    let refusal = verify(&Policy::whole(all.clone()), signed.as_slice(), None).expect_err("one of two");
    assert_eq!(refusal.code(), "wasm-threshold");
    let both = sign(&signed, &alice, KeyId::Default).expect("a signature");
    assert_eq!(verify(&Policy::whole(all), both, None).expect("both").proof().signers().len(), 2);
}
