//! Every byte of a signed file flipped, and every end cut: refused, or a byte that nobody signed and the same proof.

use pinfold_wasm::wasmfile::{Kind, Selection, attach, detach};
use pinfold_wasm::{Covered, KeyId, Policy, Proof, Scope, Threshold, prove, prove_by_part, sign, sign_detached};

use super::made::{component, key, parts, trusting};
use crate::mutation::mutants;

/// What a proof says of the content, whatever stands around it.
fn says(proof: &Proof) -> (Kind, Vec<String>, usize, String, String) {
    let signers = proof.signers().iter().map(|signer| signer.key.to_string()).collect();
    (proof.kind(), signers, proof.parts(), format!("{:?}", proof.covered()), proof.content().to_string())
}

/// Mutates a file, and its detached signature; the bytes of what alice signed, of the header and of the record's own
/// signature must all refuse.
fn each_byte(file: &[u8], policy: &Policy, may_pass: impl Fn(usize) -> bool) -> usize {
    let good = says(&prove(policy, file, None).expect("a proof"));
    let mut passed = 0;
    for (index, (what, mutant)) in mutants(file).enumerate() {
        // Three flips a byte come before the cuts.
        let at = (index < 3 * file.len()).then_some(index / 3);
        match prove(policy, mutant.as_slice(), None) {
            Err(_) => {}
            Ok(proof) => {
                assert!(at.is_some_and(&may_pass), "{what}: {proof:?}");
                assert_eq!(says(&proof), good, "{what}");
                passed += 1;
            }
        }
    }
    passed
}

#[test]
fn a_file_that_one_key_signed() {
    for file in [parts(), component()] {
        let signed = sign(&file, &key("alice"), KeyId::None).expect("a signature");
        assert_eq!(each_byte(&signed, &trusting(&["alice"], Threshold::Any), |_| false), 0);
    }
}

#[test]
fn a_file_with_hints_and_other_records() {
    let file = parts();
    let mut signed = sign(&file, &key("mallory"), KeyId::Named(b"mallory")).expect("a signature");
    signed = sign(&signed, &key("alice"), KeyId::Default).expect("a signature");
    let (_, data) = detach(&signed).expect("a signature");
    let id = key("alice").public().id();
    let place = signed.windows(data.len()).position(|part| part == data).expect("the data");
    let hint = signed.windows(12).position(|part| part == id).expect("the hint");
    // Her record is the last: its signature stands behind the hint, the algorithm and a length.
    let own = hint + 12..place + data.len();
    let passed = each_byte(&signed, &trusting(&["alice"], Threshold::Any), |at| {
        let in_record_of_others = at > place + 4 + 3 * 32 && at < hint - 1;
        in_record_of_others || (hint..hint + 12).contains(&at) && !own.contains(&at)
    });
    assert!(passed > 3 * (64 + 12), "{passed}");
    // Of two keys that both must have signed, no byte of either may change.
    let signed = sign(&file, &key("bob"), KeyId::None).expect("a signature");
    let signed = sign(&signed, &key("alice"), KeyId::None).expect("a signature");
    assert_eq!(each_byte(&signed, &trusting(&["alice", "bob"], Threshold::All), |_| false), 0);
}

#[test]
fn a_part_of_a_file() {
    let signed = sign(&parts(), &key("alice"), KeyId::None).expect("a signature");
    let scope = Scope::Sections(Selection::of(["^[.]debug"]).expect("a pattern"));
    let policy = Policy { scope, digest: true, ..trusting(&["alice"], Threshold::Any) };
    let (mut ends, whole) = (vec![8], trusting(&["alice"], Threshold::Any));
    prove_by_part(&whole, signed.as_slice(), None, &mut |one| ends.push(usize::try_from(one.end).expect("short")))
        .expect("a proof");
    let good = prove(&policy, signed.as_slice(), None).expect("a proof");
    assert_eq!(good.covered(), Covered::Parts { first: 2 });
    for (index, (what, mutant)) in mutants(&signed).enumerate() {
        let Ok(proof) = prove(&policy, mutant.as_slice(), None) else { continue };
        let at = if index < 3 * signed.len() { index / 3 } else { index - 3 * signed.len() };
        // A section that lost its name is not among those that were asked about: less is proved, and the proof says so.
        let Covered::Parts { first } = proof.covered() else { panic!("{what}: {proof:?}") };
        assert!(first >= 1 && at >= ends[first], "{what}: {proof:?}");
        assert!(first == 2 || !mutant.windows(11).any(|part| part == b".debug_info"), "{what}: {proof:?}");
        assert_eq!(proof.signers(), good.signers(), "{what}");
        assert_ne!(proof.sha256(), good.sha256(), "{what}");
    }
    // By its name, a section is demanded.
    let scope = Scope::Sections(Selection::of([".debug_info"]).expect("a name"));
    let named = Policy { scope, ..trusting(&["alice"], Threshold::Any) };
    for (what, mutant) in mutants(&signed) {
        let Ok(proof) = prove(&named, mutant.as_slice(), None) else { continue };
        assert!(mutant[..ends[2]] == signed[..ends[2]] && proof.covered() == good.covered(), "{what}: {proof:?}");
    }
}

#[test]
fn a_detached_signature() {
    let file = parts();
    let signature = sign_detached(&file, None, &key("alice"), KeyId::None).expect("a signature");
    let policy = trusting(&["alice"], Threshold::Any);
    for (what, mutant) in mutants(&signature) {
        assert!(prove(&policy, file.as_slice(), Some(&mutant)).is_err(), "{what}");
    }
    for (what, mutant) in mutants(&file) {
        assert!(prove(&policy, mutant.as_slice(), Some(&signature)).is_err(), "{what}");
    }
    for byte in 0..=255 {
        let longer = [&file[..], &[byte]].concat();
        assert!(prove(&policy, longer.as_slice(), Some(&signature)).is_err(), "{byte:#x}");
    }
    assert!(attach(&file, &signature).is_ok());
}
