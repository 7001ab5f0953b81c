//! What is written: signed, split, put together and cut, for modules and components.

use pinfold_wasm::wasmfile::{Coverage, Cut, Kind, RecordKind, Selection, attach, detach, inspect, split, strip};
use pinfold_wasm::{Covered, KeyId, Policy, Scope, Threshold, delimiter, prove, sign, sign_detached, verify};

use super::made::{COMPONENT, MODULE, code, component, custom, key, parts, section, trusting};

fn module() -> Vec<u8> {
    [MODULE, &code(), &custom("name", b"who"), &custom("producers", &[0])].concat()
}

#[test]
fn several_signers_one_after_the_other() {
    for (file, kind) in [(module(), Kind::Module), (component(), Kind::Component), (parts(), Kind::Module)] {
        let mut signed = file.clone();
        let mut beside: Option<Vec<u8>> = None;
        for (count, name) in ["alice", "bob", "carol"].into_iter().enumerate() {
            signed = sign(&signed, &key(name), KeyId::Default).expect("a signature");
            beside = Some(sign_detached(&file, beside.as_deref(), &key(name), KeyId::Default).expect("a signature"));
            let all = trusting(&["alice", "bob", "carol"], Threshold::AtLeast(count + 1));
            let proof = prove(&Policy { digest: true, ..all }, &*signed, None).expect("a proof");
            assert_eq!((proof.signers().len(), proof.kind(), proof.covered()), (count + 1, kind, Covered::Whole));
            assert_eq!(proof.sha256(), Some(pinfold_core::digest::Sha256::of(&signed)));
            assert_eq!(proof.size(), u64::try_from(signed.len()).expect("short"));
            assert_eq!(proof.content(), pinfold_core::digest::Sha256::of(&file[8..]), "whoever signs it");
        }
        // Detached and embedded are the same bytes at two places.
        let beside = beside.expect("a signature");
        assert_eq!(detach(&signed).expect("a signature"), (file.clone(), beside.clone()));
        assert_eq!(attach(&file, &beside).expect("a place"), signed);
        assert!(verify(&trusting(&["carol"], Threshold::Any), file, Some(&beside)).is_ok());
    }
}

#[test]
fn what_others_signed_stays_as_it_is() {
    // A record of an unknown algorithm, and one that is none.
    let record = [0, 9, 3, 1, 2, 3];
    let set = [&[0_u8][..], &[2, 6], &record, &[1, 0xff]].concat();
    let data = [&[1, 1, 1, 1, u8::try_from(set.len()).expect("short")][..], &set].concat();
    let file = attach(&module(), &data).expect("a place");
    let signed = sign(&file, &key("alice"), KeyId::None).expect("a signature");
    let (_, data) = detach(&signed).expect("a signature");
    assert!(data.windows(set.len()).any(|part| part == set), "{data:x?}");
    assert!(verify(&trusting(&["alice"], Threshold::Any), signed.as_slice(), None).is_ok());
    let look = inspect(&*signed, None).expect("a file");
    let sets = look.signature.expect("a signature").sets.expect("sets");
    assert_eq!(sets[0].records, [RecordKind::Other { key_id: vec![], algorithm: 9 }, RecordKind::Malformed]);
    assert_eq!((sets[0].covers, sets[1].covers), (Coverage::Nothing, Coverage::Whole));
}

#[test]
fn parts_are_split_signed_cut_and_extended() {
    let names = Selection::of(["^name$"]).expect("words");
    for file in [module(), component()] {
        let whole = trusting(&["alice"], Threshold::Any);
        let core = Policy { scope: Scope::Sections(Selection::of(["^$"]).expect("words")), ..whole.clone() };
        let split = split(&file, Some(&names), &mut delimiter).expect("parts");
        let signed = sign(&split, &key("alice"), KeyId::None).expect("a signature");
        let count = prove(&whole, &*signed, None).expect("a proof").parts();
        assert!(count > 1);
        assert_eq!(prove(&core, &*signed, None).expect("a proof").covered(), Covered::Parts { first: 1 });

        // Cut before `producers`: less than the whole is proved, and that is what the proof says.
        let cut = strip(&signed, Cut::Before(&Selection::of(["producers"]).expect("words"))).expect("a cut");
        assert!(cut.len() < signed.len());
        assert_eq!(prove(&whole, &*cut, None).expect_err("cut").code(), "wasm-cut");
        assert_eq!(prove(&core, &*cut, None).expect("a proof").covered(), Covered::Parts { first: 1 });
        let look = inspect(&*cut, None).expect("a file");
        let sets = look.signature.expect("a signature").sets.expect("sets");
        assert_eq!(sets[0].covers, Coverage::Cut { gone: 1 });

        // Extended by somebody: the first signer's parts stay proved, the whole is the second's alone.
        let extended = [&signed[..], &custom("late", b"more")].concat();
        let both = sign(&extended, &key("bob"), KeyId::None).expect("a signature");
        assert_eq!(prove(&whole, &*both, None).expect_err("extended").code(), "wasm-partial");
        assert!(prove(&core, &*both, None).is_ok());
        assert!(prove(&trusting(&["bob"], Threshold::Any), &*both, None).is_ok());
        let two = Policy { trusted: trusting(&["alice", "bob"], Threshold::All).trusted, ..core };
        assert!(prove(&two, &*both, None).is_ok(), "both signed the first part");
        let refusal = prove(&trusting(&["alice", "bob"], Threshold::All), &*both, None).expect_err("one of two");
        assert_eq!(refusal.code(), "wasm-threshold");
    }
}

#[test]
fn a_look_shows_what_is_there() {
    let producers = b"\x01\x0cprocessed-by\x01\x05rustc\x061.89.0";
    let inner = [MODULE, &code()].concat();
    let file = [
        COMPONENT,
        &section(1, &inner),
        &custom("producers", producers),
        &custom("wasmcloud_jwt", b"eyJ0"),
        &custom("wsc.transformation.attestation", b"{}"),
        &custom("component-type:x", b"\0"),
        &custom("mine", b"?"),
    ]
    .concat();
    let look = inspect(&*file, None).expect("a file");
    assert_eq!((look.kind, look.sections.len(), look.parts.len()), (Kind::Component, 6, 1));
    assert!(look.signature.is_none());
    assert_eq!(look.sections[0].sha256, pinfold_core::digest::Sha256::of(&inner), "the module, as a file of its own");
    assert_eq!(look.sections[0].word, "core module");
    let extras: Vec<&str> = look.extras.iter().map(|extra| extra.section.as_str()).collect();
    let expected = ["producers", "wasmcloud_jwt", "wsc.transformation.attestation", "component-type:x"];
    assert_eq!(extras, expected);
    assert_eq!(look.extras[0].producers[0].name, "rustc");
    assert_eq!(look.extras[1].text.as_deref(), Some("eyJ0"));
    // What cannot be read is shown as that, and nothing of it is judged.
    let keyless = attach(&file, &sign_detached(&file, None, &key("alice"), KeyId::None).expect("a signature"));
    let mut keyless = keyless.expect("a place");
    let at = keyless.windows(9).position(|part| part == b"signature").expect("the section") + 9;
    keyless[at] = 2;
    let signature = inspect(&*keyless, None).expect("a file").signature.expect("a signature");
    assert_eq!(signature.sets.expect_err("keyless").code(), "wasm-signature-keyless");
}

/// `wasm-selection`
#[test]
fn words_that_select_nothing() {
    for words in [&[][..], &["signature"], &["signature_delimiter"], &["a("], &["["]] {
        let error = Selection::of(words.iter().copied()).expect_err("no selection");
        assert_eq!(error.code(), "wasm-selection", "{words:?}: {error}");
    }
}
