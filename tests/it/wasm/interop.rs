//! wasmsign2 0.2.8 and pinfold, byte for byte and both ways. Its command is `WASMSIGN2`, or `wasmsign2` on the path; without
//! it (`cargo install wasmsign2-cli --version 0.2.8`) a test is ignored.

use std::path::{Path, PathBuf};
use std::process::Command;

use pinfold_wasm::wasmfile::{Selection, attach, detach, layout, split};
use pinfold_wasm::{
    KeyId, Policy, PublicKey, Scope, SecretKey, Threshold, TrustedKeys, delimiter, prove, sign, sign_detached,
};

use super::made::{component, custom, parts};
use crate::corpus::Corpus;
use crate::needs;

/// The other tool, in a folder of its own.
struct Other {
    program: PathBuf,
    folder: tempfile::TempDir,
}

impl Other {
    fn find() -> Self {
        // `cargo install wasmsign2-cli --version 0.2.8`
        let program = std::env::var_os("WASMSIGN2").map_or_else(|| needs::program("wasmsign2"), PathBuf::from);
        Self { program, folder: tempfile::tempdir().expect("a folder") }
    }

    /// Runs it; the words are split at spaces.
    fn run(&self, words: &str) -> bool {
        let mut command = Command::new(&self.program);
        command.args(words.split(' ')).current_dir(self.folder.path()).output().expect("the command").status.success()
    }

    fn path(&self, name: &str) -> PathBuf {
        Path::new(self.folder.path()).join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).expect(name);
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).expect(name)
    }

    /// A key that it made, as `NAME.pub` and `NAME.sec`.
    fn keygen(&self, name: &str) -> SecretKey {
        assert!(self.run(&format!("keygen -k {name}.sec -K {name}.pub")));
        let secret = SecretKey::read(&self.read(&format!("{name}.sec"))).expect("a key");
        assert_eq!(PublicKey::read(&self.read(&format!("{name}.pub"))), Ok(vec![secret.public()]));
        assert_eq!(secret.to_raw(), self.read(&format!("{name}.sec")));
        assert_eq!(secret.public().to_raw(), self.read(&format!("{name}.pub")));
        secret
    }

    fn verifies(&self, file: &[u8], name: &str) -> bool {
        self.write("check.wasm", file);
        self.run(&format!("verify -i check.wasm -K {name}.pub"))
    }
}

/// A module and a component, made by hand.
fn made() -> Vec<Vec<u8>> {
    vec![parts(), component()]
}

/// Modules and a component that compilers made.
fn real() -> Vec<Vec<u8>> {
    let corpus = Corpus::open("wasm");
    ["core", "comp", "custom"].map(|name| corpus.bytes(&format!("base/{name}.wasm"))).to_vec()
}

/// Delimiters without their random bytes.
fn blank(file: &[u8]) -> Vec<u8> {
    let (name, mut blank) = (b"\x13signature_delimiter", file.to_vec());
    for at in (0..file.len()).filter(|at| file[*at..].starts_with(name)) {
        blank[at + name.len()..at + name.len() + 16].fill(0);
    }
    blank
}

fn trusting(keys: &[&SecretKey], threshold: Threshold) -> Policy {
    Policy::whole(TrustedKeys::new(keys.iter().map(|key| key.public()), [], threshold).expect("keys"))
}

#[test]
fn signatures_are_the_same_bytes() {
    signed_alike(made());
}

#[test]
fn signatures_of_real_files_are_the_same_bytes() {
    signed_alike(real());
}

fn signed_alike(files: Vec<Vec<u8>>) {
    let other = Other::find();
    let (alice, bob) = (other.keygen("alice"), other.keygen("bob"));
    for file in files {
        other.write("in.wasm", &file);
        // One signer without a key id, then a second one with.
        assert!(other.run("sign -i in.wasm -o one.wasm -k alice.sec"));
        assert!(other.run("sign -i one.wasm -o two.wasm -k bob.sec -K bob.pub"));
        let one = sign(&file, &alice, KeyId::None).expect("a signature");
        let two = sign(&one, &bob, KeyId::Default).expect("a signature");
        assert!(one == other.read("one.wasm") && two == other.read("two.wasm"), "the bytes differ");
        for name in ["alice", "bob"] {
            assert!(other.verifies(&two, name), "{name}");
        }
        assert!(!other.verifies(&one, "bob"));
        assert_eq!(prove(&trusting(&[&alice, &bob], Threshold::All), &*two, None).expect("both").signers().len(), 2);
        // Detached, taken out, put back.
        assert!(other.run("sign -i in.wasm -o same.wasm -k alice.sec -S beside.sig"));
        let beside = sign_detached(&file, None, &alice, KeyId::None).expect("a signature");
        assert!(other.read("beside.sig") == beside && other.read("same.wasm") == file, "the bytes differ");
        assert!(other.run("verify -i in.wasm -K alice.pub -S beside.sig"));
        assert!(other.run("detach -i two.wasm -o out.wasm -S out.sig"));
        assert_eq!(detach(&two).expect("a signature"), (other.read("out.wasm"), other.read("out.sig")));
        assert!(other.run("attach -i out.wasm -o back.wasm -S out.sig"));
        assert_eq!(attach(&file, &other.read("out.sig")).expect("a place"), other.read("back.wasm"));
    }
}

#[test]
fn split_and_extended_files_are_the_same_to_both() {
    split_alike(made());
}

#[test]
fn real_files_split_and_extended_are_the_same_to_both() {
    split_alike(real());
}

fn split_alike(files: Vec<Vec<u8>>) {
    let other = Other::find();
    let (alice, bob) = (other.keygen("alice"), other.keygen("bob"));
    let words = "^name$|^producers$|^component-name$";
    let selection = Selection::pattern(words).expect("a pattern");
    let subset = Policy { scope: Scope::Sections(selection.clone()), ..trusting(&[&alice], Threshold::Any) };
    for file in files {
        other.write("in.wasm", &file);
        assert!(other.run(&format!("split -i in.wasm -o split.wasm -s {words}")));
        let (theirs, ours) = (other.read("split.wasm"), split(&file, Some(&selection), &mut delimiter).expect("parts"));
        // The same places, and other random bytes.
        assert_eq!(ours.len(), theirs.len());
        let (places, hashes) = (layout(&theirs).expect("a file").hashes, layout(&ours).expect("a file").hashes);
        assert_eq!(places.len(), hashes.len());
        assert_eq!(blank(&ours), blank(&theirs));
        for split in [theirs, ours] {
            other.write("split.wasm", &split);
            assert!(other.run("sign -i split.wasm -o signed.wasm -k alice.sec -K alice.pub"));
            let signed = sign(&split, &alice, KeyId::Default).expect("a signature");
            assert!(signed == other.read("signed.wasm"), "the bytes differ");
            assert!(other.run(&format!("verify -i signed.wasm -K alice.pub -s {words}")));
            assert!(prove(&subset, &*signed, None).is_ok());
            // Something is added behind the last delimiter, and signed by somebody else.
            let extended = [&signed[..], &custom("late", b"more")].concat();
            other.write("extended.wasm", &extended);
            assert!(other.run("sign -i extended.wasm -o both.wasm -k bob.sec"));
            let both = sign(&extended, &bob, KeyId::None).expect("a signature");
            assert!(both == other.read("both.wasm"), "the bytes differ");
            assert!(other.run("verify -i both.wasm -K bob.pub"));
            assert!(prove(&trusting(&[&bob], Threshold::Any), &*both, None).is_ok());
            assert!(prove(&subset, &*both, None).is_ok());
        }
    }
}

#[test]
fn both_ways_by_the_command_line() {
    both_ways(&made());
}

#[test]
fn both_ways_by_the_command_line_with_real_files() {
    both_ways(&real());
}

fn both_ways(files: &[Vec<u8>]) {
    let other = Other::find();
    let own = |words: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pinfold"));
        command.args(words.split(' ')).current_dir(other.folder.path()).output().expect("the command").status.success()
    };
    assert!(own("wasm keygen -k ours.sec -K ours.pub --format raw"));
    assert!(other.run("keygen -k theirs.sec -K theirs.pub"));
    for (index, file) in files.iter().enumerate() {
        other.write("in.wasm", file);
        assert!(own("wasm sign in.wasm --key ours.sec --out ours.wasm"));
        assert!(other.run("verify -i ours.wasm -K ours.pub") && !other.run("verify -i ours.wasm -K theirs.pub"));
        assert!(other.run("sign -i in.wasm -o theirs.wasm -k theirs.sec -K theirs.pub"));
        assert!(own("wasm verify theirs.wasm --key theirs.pub") && !own("wasm verify theirs.wasm --key ours.pub"));
        // Each behind the other.
        assert!(own("wasm sign theirs.wasm --key ours.sec"));
        assert!(other.run("sign -i ours.wasm -o both.wasm -k theirs.sec"));
        for name in ["theirs", "both"] {
            assert!(own(&format!("wasm verify {name}.wasm --key ours.pub --key theirs.pub --threshold all")));
            assert!(other.run(&format!("verify -i {name}.wasm -K ours.pub")));
            assert!(other.run(&format!("verify -i {name}.wasm -K theirs.pub")));
        }
        // Beside the file, out of it and into it.
        assert!(own(&format!("wasm sign in.wasm --key ours.sec --detached {index}.sig")));
        assert!(other.run(&format!("verify -i in.wasm -K ours.pub -S {index}.sig")));
        assert!(own(&format!("wasm detach both.wasm --detached out{index}.sig --out out.wasm")));
        assert!(other.run(&format!("attach -i out.wasm -o back.wasm -S out{index}.sig")));
        assert_eq!(other.read("back.wasm"), other.read("both.wasm"));
        assert!(other.run("detach -i both.wasm -o out.wasm -S theirs.sig"));
        assert!(own("wasm attach out.wasm --detached theirs.sig --out back.wasm"));
        assert_eq!(other.read("back.wasm"), other.read("both.wasm"));
        // In parts.
        assert!(own("wasm split in.wasm --sections ^name$ --sections ^producers$ --out split.wasm"));
        assert!(own("wasm sign split.wasm --key ours.sec"));
        assert!(other.run("verify -i split.wasm -K ours.pub -s ^name$|^producers$"));
    }
}
