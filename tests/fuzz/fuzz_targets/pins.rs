//! Any text is a pin file or a refusal: no panic, no hang.
#![no_main]

use pinfold_core::pins::PinFile;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = PinFile::parse(text);
    }
});
