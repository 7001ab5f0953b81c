//! Any bytes are proved, refused, looked at, split, cut and signed: no panic, no proof of what nobody trusted signed, and
//! what is signed here is proved here.
#![no_main]

use std::sync::LazyLock;

use pinfold_core::digest::Sha256;
use pinfold_wasm::{KeyId, Policy, PublicKey, SecretKey, Threshold, TrustedKeys, prove, sign, sign_detached};
use pinfold_wasm::wasmfile::{Cut, Selection, inspect, split, strip};

static KEY: LazyLock<SecretKey> = LazyLock::new(|| SecretKey::generate().expect("random bytes"));

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let policy = Policy::whole(TrustedKeys::new([KEY.public()], [], Threshold::Any).expect("a key"));
    assert!(prove(&policy, bytes, None).is_err() && prove(&policy, bytes, Some(bytes)).is_err());
    let look = inspect(bytes, None);
    if let Ok(look) = &look {
        assert_eq!(look.sha256, Sha256::of(bytes));
    }
    let selection = Selection::pattern("^[.]debug").expect("a pattern");
    let _ = split(bytes, Some(&selection), &mut || Some([7; 16]));
    let _ = strip(bytes, Cut::Behind(1));
    let _ = (PublicKey::read(bytes), SecretKey::read(bytes));
    if let Ok(signed) = sign(bytes, &KEY, KeyId::Default) {
        assert!(look.is_ok() && prove(&policy, &*signed, None).is_ok());
    }
    if let Ok(signature) = sign_detached(bytes, None, &KEY, KeyId::None) {
        assert!(prove(&policy, bytes, Some(&signature)).is_ok());
    }
});
