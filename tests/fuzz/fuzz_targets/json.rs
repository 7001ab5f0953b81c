//! Any bytes are JSON or a refusal: no panic, and what is read is what serde_json reads.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(value) = pinfold_core::json::parse(bytes, 1 << 20) {
        let other: serde_json::Value = serde_json::from_slice(bytes).expect("what is strict is JSON");
        assert_eq!(value, other);
    }
});
