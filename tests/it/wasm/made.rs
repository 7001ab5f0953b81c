//! Files that tests put together by hand.

use pinfold_core::digest::Sha256;
use pinfold_wasm::{Policy, SecretKey, Threshold, TrustedKeys};

pub(super) const MODULE: &[u8] = b"\0asm\x01\0\0\0";
pub(super) const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

/// A section, its length in the shortest form.
pub(super) fn section(id: u8, payload: &[u8]) -> Vec<u8> {
    [&[id][..], &leb(payload.len()), payload].concat()
}

pub(super) fn custom(name: &str, content: &[u8]) -> Vec<u8> {
    section(0, &[&leb(name.len())[..], name.as_bytes(), content].concat())
}

pub(super) fn delimiter(byte: u8) -> Vec<u8> {
    custom("signature_delimiter", &[byte; 16])
}

pub(super) fn leb(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(value & 0x7f).expect("seven bits");
        value >>= 7;
        bytes.push(if value == 0 { low } else { low | 0x80 });
        if value == 0 {
            return bytes;
        }
    }
}

/// Types, functions, code.
pub(super) fn code() -> Vec<u8> {
    [section(1, &[1, 0x60, 0, 0]), section(3, &[1, 0]), section(10, &[1, 2, 0, 0x0b])].concat()
}

/// A module in three parts.
pub(super) fn parts() -> Vec<u8> {
    let (debug, name) = (custom(".debug_info", b"where"), custom("name", b"who"));
    [MODULE, &code(), &delimiter(1), &debug, &delimiter(2), &name, &delimiter(3)].concat()
}

/// A component with a module in it.
pub(super) fn component() -> Vec<u8> {
    [COMPONENT, &section(1, &[MODULE, &code()].concat()), &custom("producers", &[0])].concat()
}

/// The key of somebody, always the same one, and that of `tests/vectors/wasm/make.py`.
pub(super) fn key(name: &str) -> SecretKey {
    let prefix = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    SecretKey::read(&[&prefix[..], Sha256::of(name.as_bytes()).as_bytes()].concat()).expect("a key")
}

pub(super) fn trusting(names: &[&str], threshold: Threshold) -> Policy {
    let keys = names.iter().map(|name| key(name).public());
    Policy::whole(TrustedKeys::new(keys, [], threshold).expect("keys"))
}
