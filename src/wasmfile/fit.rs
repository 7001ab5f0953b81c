//! Whether sections fit the kind of file that the header names.
//!
//! The header is not signed, and the sections of modules and components share their numbers: a signed module that was
//! turned into a component by its first eight bytes would pass for the signer's. A whole parser is the runtime's part; here
//! is what tells the two kinds apart: numbers, their order, and how the first item of a section starts.

use super::Kind;
use super::leb;

/// How many bytes of a section's payload are looked at, where it has as many.
pub(super) const HEAD_LEN: usize = 16;

/// What was seen of a file so far.
#[derive(Debug)]
pub(super) struct Fit {
    kind: Kind,
    /// The place in the order of a module's sections that the last one took.
    last: usize,
}

impl Fit {
    pub(super) const fn new(kind: Kind) -> Self {
        Self { kind, last: 0 }
    }

    /// Whether the next section may stand here; `head` is the start of its payload of `len` bytes.
    pub(super) fn take(&mut self, id: u8, len: u64, head: &[u8]) -> bool {
        match self.kind {
            Kind::Module => {
                let Some(place) = MODULE_ORDER.iter().position(|one| *one == id).map(|at| at + 1) else {
                    return false;
                };
                // Each at most once, in this order (core specification, section 5.5.16).
                let in_order = place > std::mem::replace(&mut self.last, place);
                in_order && module(id, len, head)
            }
            Kind::Component => component(id, len, head),
        }
    }
}

/// The numbers of a module's sections in their order: `tag` stands before `global`, `data count` before `code`.
const MODULE_ORDER: [u8; 13] = [1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11];

fn module(id: u8, len: u64, head: &[u8]) -> bool {
    match id {
        // `start` and `data count` are one number.
        8 | 12 => leb::read(head).is_ok_and(|(_, used)| u64::try_from(used) == Ok(len)),
        1 => vector(len, head, |first| TYPE_FORMS.contains(&first)),
        _ => vector(len, head, |_| true),
    }
}

/// What the types of core WebAssembly start with: `func`, `struct`, `array`, `sub`, `rec` and what proposals put beside.
const TYPE_FORMS: std::ops::RangeInclusive<u8> = 0x4c..=0x60;

fn component(id: u8, len: u64, head: &[u8]) -> bool {
    match id {
        1 => head.starts_with(&Kind::Module.header()),
        4 => head.starts_with(&Kind::Component.header()),
        // Instances: from a module or component, or from exports.
        2 | 5 => vector(len, head, |first| first <= 1),
        3 => vector(len, head, |first| first == 0 || TYPE_FORMS.contains(&first)),
        // An alias starts with a sort.
        6 => vector(len, head, |first| first <= 5),
        7 | 8 | 10 | 11 | 12 => vector(len, head, |_| true),
        9 => !head.is_empty(),
        _ => false,
    }
}

/// A count, and as many items: none has nothing behind it, and some have a first byte.
fn vector(len: u64, head: &[u8], starts: impl Fn(u8) -> bool) -> bool {
    let Ok((count, used)) = leb::read(head) else { return false };
    match head.get(used) {
        Some(first) => count > 0 && starts(*first),
        None => count == 0 && u64::try_from(used) == Ok(len),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(kind: Kind, sections: &[(u8, &[u8])]) -> bool {
        let mut fit = Fit::new(kind);
        sections.iter().all(|(id, payload)| fit.take(*id, payload.len().try_into().expect("short"), payload))
    }

    #[test]
    fn modules_keep_their_order() {
        let one: (u8, &[u8]) = (3, &[1, 0]);
        assert!(fits(Kind::Module, &[(1, &[1, 0x60, 0, 0]), one, (5, &[1, 0, 1]), (13, &[1, 0, 0]), (6, &[0])]));
        assert!(fits(Kind::Module, &[(12, &[1]), (10, &[1, 2, 0, 0x0b]), (11, &[0])]));
        assert!(!fits(Kind::Module, &[one, one]));
        assert!(!fits(Kind::Module, &[(6, &[0]), (13, &[1, 0, 0])]));
        assert!(!fits(Kind::Module, &[(10, &[0]), (12, &[0])]));
        assert!(!fits(Kind::Module, &[(14, &[0])]));
        assert!(!fits(Kind::Module, &[(3, &[])]), "no count");
        assert!(!fits(Kind::Module, &[(3, &[0, 0])]), "no items, and something behind");
        assert!(!fits(Kind::Module, &[(8, &[0, 0])]), "one number, and something behind");
    }

    #[test]
    fn neither_kind_passes_for_the_other() {
        let core = b"\0asm\x01\0\0\0";
        assert!(fits(Kind::Component, &[(1, core), (2, &[1, 0, 0, 0]), (1, core), (7, &[1, 0x40]), (9, &[0])]));
        assert!(!fits(Kind::Module, &[(1, core)]), "an embedded module is no list of types");
        assert!(!fits(Kind::Component, &[(1, &[1, 0x60, 0, 0])]), "a list of types is no embedded module");
        assert!(!fits(Kind::Component, &[(4, &[1, 0x70, 0, 1])]), "a table is no embedded component");
        assert!(!fits(Kind::Component, &[(2, &[1, 3, b'e', b'n', b'v'])]), "an import is no instance");
        assert!(!fits(Kind::Component, &[(13, &[0])]));
        assert!(!fits(Kind::Component, &[(9, &[])]));
    }
}
