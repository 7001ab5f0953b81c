//! What a runtime asks: gates, remembered verdicts, limits, and verdicts before the file is whole.

use std::cell::Cell;
use std::io::Read;
use std::num::NonZeroUsize;

use pinfold_core::pins::Mode;
use pinfold_wasm::wasmfile::{MAX_DATA_LEN, MAX_NAME_LEN, MAX_SECTIONS, Selection, SignatureData, layout};
use pinfold_wasm::{
    Gate, Input, KeyId, Policy, Reached, RememberingGate, Scope, Standing, Threshold, TrustedKeys, prove,
    prove_by_part, sign, sign_detached, verify,
};

use super::made::{MODULE, code, custom, delimiter, key, parts, section, trusting};

#[test]
fn a_gate_by_its_mode() {
    let unsigned = parts();
    let signed = sign(&unsigned, &key("alice"), KeyId::None).expect("a signature");
    let mut wrong = signed.clone();
    *wrong.last_mut().expect("a byte") ^= 1;
    let nobodys = sign(&unsigned, &key("mallory"), KeyId::None).expect("a signature");
    let gate = |mode| Gate::new(mode, trusting(&["alice"], Threshold::Any));
    let code = |mode, file: &[u8]| match gate(mode).admit(file, None) {
        Ok(admitted) => {
            assert_eq!(admitted.bytes(), file);
            match admitted.standing() {
                Standing::Proved(_) => "proved",
                Standing::Unsigned => "unsigned",
                Standing::Unchecked => "unchecked",
            }
        }
        Err(refusal) => refusal.code(),
    };
    for (mode, expected) in [
        (Mode::Strict, ["proved", "wasm-unsigned", "wasm-changed", "wasm-untrusted"]),
        (Mode::Lenient, ["proved", "unsigned", "wasm-changed", "wasm-untrusted"]),
        (Mode::Off, ["unchecked"; 4]),
    ] {
        assert_eq!([&signed, &unsigned, &wrong, &nobodys].map(|file| code(mode, file)), expected, "{mode:?}");
    }
    // A reader is read to its end, and handed out as what was checked.
    let mut reader = signed.as_slice();
    let verified = verify(&trusting(&["alice"], Threshold::Any), Input::reader(&mut reader), None).expect("a proof");
    assert_eq!(verified.bytes(), signed);
}

#[test]
fn a_gate_that_remembers() {
    let room = NonZeroUsize::new(2).expect("two");
    let gate = RememberingGate::new(Gate::new(Mode::Lenient, trusting(&["alice"], Threshold::Any)), room);
    let files: Vec<Vec<u8>> = (0..4).map(|index| [MODULE, &code(), &custom("x", &[index])].concat()).collect();
    let signed: Vec<Vec<u8>> =
        files.iter().map(|file| sign(file, &key("alice"), KeyId::None).expect("a signature")).collect();
    for _ in 0..2 {
        for file in &signed {
            let (first, again) = (gate.admit(file.as_slice(), None), gate.admit(file.as_slice(), None));
            let (first, again) = (first.expect("a proof"), again.expect("a proof"));
            assert_eq!((first.standing(), again.bytes()), (again.standing(), file.as_slice()));
            // One other byte is another file.
            let mut wrong = file.clone();
            *wrong.last_mut().expect("a byte") ^= 1;
            assert_eq!(gate.admit(wrong, None).expect_err("changed").code(), "wasm-changed");
        }
        // What has no signature gets none by being asked about twice, and a detached one is part of what was judged.
        assert_eq!(gate.admit(files[0].as_slice(), None).expect("lenient").standing(), &Standing::Unsigned);
        let beside = sign_detached(&files[0], None, &key("alice"), KeyId::None).expect("a signature");
        let other = sign_detached(&files[0], None, &key("mallory"), KeyId::None).expect("a signature");
        assert!(gate.admit(files[0].as_slice(), Some(&beside)).expect("a proof").verified().is_some());
        assert_eq!(gate.admit(files[0].as_slice(), Some(&other)).expect_err("nobody").code(), "wasm-untrusted");
        assert_eq!(gate.admit(files[0].as_slice(), None).expect("lenient").standing(), &Standing::Unsigned);
    }
}

/// Gives a few bytes at a time, and counts them.
struct Counting<'a>(&'a [u8], &'a Cell<usize>);

impl Read for Counting<'_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let len = buf.len().min(7);
        let read = self.0.read(&mut buf[..len])?;
        self.1.set(self.1.get() + read);
        Ok(read)
    }
}

#[test]
fn a_verdict_a_part_before_the_rest_arrives() {
    let signed = sign(&parts(), &key("alice"), KeyId::None).expect("a signature");
    let policy = trusting(&["alice"], Threshold::Any);
    let (count, mut reached) = (Cell::new(0), Vec::new());
    prove_by_part(&policy, Counting(&signed, &count), None, &mut |one: Reached| {
        let end = usize::try_from(one.end).expect("short");
        assert!(count.get() < end + 16, "{} bytes were read for {end}", count.get());
        reached.push((one.parts, end));
    })
    .expect("a proof");
    assert_eq!(reached.iter().map(|(parts, _)| *parts).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(reached[2].1, signed.len());
    // A byte of the first part: nothing behind its delimiter is read.
    let mut wrong = signed.clone();
    let at = reached[0].1 - 1;
    wrong[at] ^= 1;
    count.set(0);
    let refusal =
        prove_by_part(&policy, Counting(&wrong, &count), None, &mut |_| panic!("a proof")).expect_err("changed");
    assert_eq!(refusal.code(), "wasm-changed");
    assert!(count.get() < reached[0].1 + 16);
    // Nobody's signature, or none: nothing of the content is read.
    for file in [sign(&parts(), &key("mallory"), KeyId::None).expect("a signature"), parts()] {
        count.set(0);
        prove(&policy, Counting(&file, &count), None).expect_err("nobody");
        assert!(count.get() < 220, "{}", count.get());
    }
}

/// Bytes that are made as they are read: a section of zeros between what is before and behind it.
fn long(zeros: u64, before: &[u8], behind: &[u8]) -> impl Read {
    std::io::Cursor::new(before.to_vec())
        .chain(std::io::repeat(0).take(zeros))
        .chain(std::io::Cursor::new(behind.to_vec()))
}

#[test]
fn long_files_in_one_pass() {
    let zeros: usize = 5 << 20;
    let file = [MODULE, &code(), &custom("zeros", &vec![0; zeros]), &delimiter(1)].concat();
    let signature = sign_detached(&file, None, &key("alice"), KeyId::None).expect("a signature");
    let policy = Policy { digest: true, ..trusting(&["alice"], Threshold::Any) };
    let behind = delimiter(1);
    let before = &file[..file.len() - zeros - behind.len()];
    let count = u64::try_from(zeros).expect("small");
    let proof = prove(&policy, long(count, before, &behind), Some(&signature)).expect("a proof");
    assert_eq!(proof.sha256(), Some(pinfold_core::digest::Sha256::of(&file)));
    assert_eq!(prove(&policy, file.as_slice(), Some(&signature)).ok(), Some(proof));
    for zeros in [0, count - 1, count + 1] {
        assert!(prove(&policy, long(zeros, before, &behind), Some(&signature)).is_err(), "{zeros}");
    }
}

/// `wasm-name`, `wasm-too-many-sections`, `wasm-signature-too-long`, `wasm-signature-too-many`
#[test]
fn limits() {
    let code_of = |file: &[u8]| layout(file).map_err(|error| error.code()).map(drop);
    let long = |len: usize| [MODULE, &custom(&"x".repeat(len), b"")].concat();
    assert_eq!((code_of(&long(MAX_NAME_LEN)), code_of(&long(MAX_NAME_LEN + 1))), (Ok(()), Err("wasm-name")));
    let many = |count: usize| [MODULE, &[0, 1, 0].repeat(count)].concat();
    assert_eq!(
        (code_of(&many(MAX_SECTIONS)), code_of(&many(MAX_SECTIONS + 1))),
        (Ok(()), Err("wasm-too-many-sections"))
    );
    for len in [MAX_DATA_LEN + 1, 4 * MAX_DATA_LEN] {
        let data = [&[1, 1, 1, 0][..], &vec![0; len - 4]].concat();
        let file = [MODULE, &custom("signature", &data), &code()].concat();
        let policy = trusting(&["alice"], Threshold::Any);
        assert_eq!(prove(&policy, file.as_slice(), None).expect_err("long").code(), "wasm-signature-too-long");
        assert_eq!(SignatureData::parse(&data).expect_err("long").code(), "wasm-signature-too-long");
    }
    // A 257th signature is not written either.
    let file = [MODULE, &code()].concat();
    let mut signature = None;
    for index in 0..256 {
        let name = KeyId::Named(b"x");
        signature =
            Some(sign_detached(&file, signature.as_deref(), &key(&index.to_string()), name).expect("a signature"));
    }
    let error = sign_detached(&file, signature.as_deref(), &key("alice"), KeyId::None).expect_err("too many");
    assert_eq!(error.code(), "wasm-signature-too-many");
    assert!(verify(&trusting(&["255"], Threshold::Any), file, signature.as_deref()).is_ok());
}

/// `wasm-too-much-work`: records that would have to be tried with each of a thousand keys.
#[test]
fn signatures_without_end() {
    let file = [MODULE, &code()].concat();
    let mut signature = None;
    for index in 0..18 {
        let signer = key(&format!("nobody {index}"));
        signature = Some(sign_detached(&file, signature.as_deref(), &signer, KeyId::None).expect("a signature"));
    }
    let keys = (0..1000).map(|index| key(&index.to_string()).public());
    let policy = Policy::whole(TrustedKeys::new(keys, [], Threshold::Any).expect("keys"));
    let refusal = verify(&policy, file.as_slice(), signature.as_deref()).expect_err("too much");
    assert_eq!(refusal.code(), "wasm-too-much-work");
}

/// A reader that fails is a failure and no verdict.
#[test]
fn a_reader_that_fails() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the disk is gone"))
        }
    }
    let policy = trusting(&["alice"], Threshold::Any);
    for refusal in [
        prove(&policy, Broken, None).expect_err("a failure"),
        prove(&policy, parts()[..20].chain(Broken), Some(&[1, 1, 1, 0])).expect_err("a failure"),
        verify(&policy, Input::reader(&mut Broken), None).map(drop).expect_err("a failure"),
    ] {
        if refusal.code() == "input" {
            assert!(!refusal.is_refusal() && std::error::Error::source(&refusal).is_some(), "{refusal:?}");
        } else {
            assert_eq!(refusal.code(), "wasm-signature-unknown");
        }
    }
}

#[test]
fn the_kind_and_the_sections_are_asked_for_alone() {
    // A component whose first section could be read as a module's: only the header says which, and it is not signed.
    let nothing = custom("only", b"custom sections");
    let module = [MODULE, &nothing, &section(0, b"\x01x")].concat();
    let signed = sign(&module, &key("alice"), KeyId::None).expect("a signature");
    let mut swapped = signed.clone();
    swapped[..8].copy_from_slice(super::made::COMPONENT);
    let any = trusting(&["alice"], Threshold::Any);
    let asked = Policy { kind: Some(pinfold_wasm::wasmfile::Kind::Module), ..any.clone() };
    // Without sections that tell the kinds apart, the proof names the kind, and whoever cares asks for it.
    assert_eq!(prove(&any, &*swapped, None).expect("a proof").kind(), pinfold_wasm::wasmfile::Kind::Component);
    assert_ne!(prove(&any, &*swapped, None).ok(), prove(&any, &*signed, None).ok());
    assert_eq!(prove(&asked, &*swapped, None).expect_err("a component").code(), "wasm-other-kind");
    let words = Policy { scope: Scope::Sections(Selection::of(["only"]).expect("a word")), ..any };
    assert_eq!(prove(&words, &*signed, None).expect_err("no parts").code(), "wasm-no-delimiter");
}

#[test]
fn what_nobody_proved_is_not_handed_out() {
    let signed = sign(&parts(), &key("alice"), KeyId::None).expect("a signature");
    let file = [&signed[..], &custom("jwt", b"anybody's")].concat();
    let selection = Selection::of(["^\\.debug"]).expect("a pattern");
    let policy = Policy { scope: Scope::Sections(selection), ..trusting(&["alice"], Threshold::Any) };
    let proof = prove(&policy, file.as_slice(), None).expect("a proof");
    let second = layout(&signed).expect("a file").hashes.len() - 1;
    let end = signed.len() - delimiter(3).len() - custom("name", b"who").len();
    assert_eq!((second, usize::try_from(proof.end()).expect("short")), (2, end));
    assert_eq!(verify(&policy, file.as_slice(), None).expect("a proof").bytes(), &signed[..end]);
    assert_eq!(verify(&policy, file.clone(), None).expect("a proof").bytes(), &signed[..end]);
    let gate = RememberingGate::new(Gate::new(Mode::Strict, policy), NonZeroUsize::MIN);
    for _ in 0..2 {
        assert_eq!(gate.admit(file.as_slice(), None).expect("a proof").bytes(), &signed[..end]);
    }
    // What is handed out is a file, and proved like the one that it was taken from.
    let selection = Selection::of(["^\\.debug"]).expect("a pattern");
    let policy = Policy { scope: Scope::Sections(selection), ..trusting(&["alice"], Threshold::Any) };
    let again = verify(&policy, &signed[..end], None).expect("a proof");
    assert_eq!((again.bytes().len(), again.proof().end()), (end, proof.end()));
}
