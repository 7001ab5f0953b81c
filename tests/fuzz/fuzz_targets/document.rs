//! Any bytes are taken apart or refused, and what an attestation claims can be asked of it.
#![no_main]

use pinfold_evidence::attestation::{MAX_ATTESTATIONS, read};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // The vectors, which it starts from, have a header.
    let start = bytes.windows(2).position(|two| two == b"\n\n").map_or(0, |at| at + 2);
    let Ok(attestations) = read(&bytes[start..]) else { return };
    assert!((1..=MAX_ATTESTATIONS).contains(&attestations.len()));
    attestations.iter().for_each(|one| drop(one.claim()));
});
