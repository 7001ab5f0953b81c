//! Any bytes are a statement or a refusal, and whatever a statement's predicate is, reading it does not panic.
#![no_main]

use pinfold_evidence::provenance::Provenance;
use pinfold_evidence::statement::Statement;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(statement) = Statement::parse(bytes) {
        assert!(statement.subjects.iter().all(|subject| !subject.digests.is_empty()));
        let _ = Provenance::of(&statement);
    }
});
