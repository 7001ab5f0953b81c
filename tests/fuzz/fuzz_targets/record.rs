//! Any bytes are a record or a refusal, and a record is written as it is read.
#![no_main]

use pinfold_core::record::Record;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(record) = Record::parse(bytes) {
        assert_eq!(Record::parse(record.to_json().as_bytes()).expect("our own"), record);
    }
});
