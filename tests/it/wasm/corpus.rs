//! The corpus of signed modules: every case comes out as its answer says, without exceptions.

use pinfold_wasm::wasmfile::{Selection, inspect};
use pinfold_wasm::{Policy, PublicKey, Scope, Threshold, TrustedKeys, prove, verify};
use serde_json::Value;

use crate::corpus::{Corpus, say};

#[test]
fn every_case_comes_out_as_its_answer_says() {
    let corpus = Corpus::open("wasm");
    let (mut wrong, mut accepted, mut refused) = (Vec::new(), 0, 0);
    let cases = corpus.text("expectations.jsonl");
    for line in cases.lines() {
        let case: Value = serde_json::from_str(line).expect("a case is JSON");
        let text = |name: &str| case[name].as_str();
        let (id, should) = (text("id").expect("an id"), text("should").expect("an answer"));
        let file = corpus.bytes(text("file").expect("a file"));
        assert_eq!(pinfold_core::digest::Sha256::of(&file).hex(), text("sha256").expect("a digest"), "{id}");
        let detached = text("sig").map(|path| corpus.bytes(path));
        let scope = match text("split") {
            Some(pattern) => Scope::Sections(Selection::pattern(pattern).expect("a pattern")),
            None => Scope::Whole,
        };
        let trusted = PublicKey::read(&corpus.bytes(text("key").expect("a key")));
        let outcome = match trusted {
            Ok(keys) => {
                let trusted = TrustedKeys::new(keys, [], Threshold::Any).expect("keys");
                let policy = Policy { trusted, scope, kind: None, digest: false };
                let proof = prove(&policy, file.as_slice(), detached.as_deref());
                // A reader that gives a byte at a time sees the same file.
                let slowly = prove(&policy, Slow(&file), detached.as_deref());
                assert_eq!(format!("{proof:?}"), format!("{slowly:?}"), "{id}");
                let verified = verify(&policy, file.as_slice(), detached.as_deref());
                assert_eq!(verified.as_ref().map(|verified| verified.proof()).ok(), proof.as_ref().ok(), "{id}");
                proof.map(drop).map_err(|refusal| format!("{}: {refusal}", refusal.code()))
            }
            Err(error) => Err(format!("{}: {error}", error.code())),
        };
        match outcome {
            Ok(()) => accepted += 1,
            Err(_) => refused += 1,
        }
        match (should, &outcome) {
            ("accept", Ok(())) | ("reject", Err(_)) | ("either", _) => {}
            _ => wrong.push(format!("{id}: {outcome:?}, not {should} ({})", case["why"])),
        }
        // Whatever it is, a look at it says something or refuses, and judges nothing.
        let _ = inspect(file.as_slice(), detached.as_deref()).map(|look| format!("{look:?}"));
    }
    say(&format!("corpus of wasm: {accepted} accepted, {refused} refused"));
    assert!(wrong.is_empty(), "{} cases came out wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(accepted > 20 && refused > 40, "the corpus is not whole");
}

/// Gives one byte at a time.
struct Slow<'a>(&'a [u8]);

impl std::io::Read for Slow<'_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let len = buf.len().min(1);
        std::io::Read::read(&mut self.0, &mut buf[..len])
    }
}
