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
    /// The numbers of the sections that were there, a bit each: what refers to something stands behind it.
    seen: u16,
    /// How many functions a module says that it has.
    functions: u32,
}

impl Fit {
    pub(super) const fn new(kind: Kind) -> Self {
        Self { kind, last: 0, seen: 0, functions: 0 }
    }

    /// Whether the next section may stand here; `head` is the start of its payload of `len` bytes.
    pub(super) fn take(&mut self, id: u8, len: u64, head: &[u8]) -> bool {
        let fits = match self.kind {
            Kind::Module => {
                let Some(place) = MODULE_ORDER.iter().position(|one| *one == id).map(|at| at + 1) else {
                    return false;
                };
                // Each at most once, in this order (core specification, section 5.5.16).
                let in_order = place > std::mem::replace(&mut self.last, place);
                in_order && module(id, len, head) && self.refers(id, head)
            }
            Kind::Component => component(id, len, head, self.seen != 0),
        };
        self.seen |= 1_u16.checked_shl(id.into()).unwrap_or_default();
        fits
    }

    /// Whether what a section of a module refers to is there: functions have types, exports name something, and there are
    /// as many bodies as functions.
    fn refers(&mut self, id: u8, head: &[u8]) -> bool {
        let count = leb::read(head).map_or(0, |(count, _)| count);
        let has =
            |ids: &[u8]| ids.iter().any(|id| self.seen & 1_u16.checked_shl((*id).into()).unwrap_or_default() != 0);
        match id {
            3 => {
                self.functions = count;
                count == 0 || has(&[1])
            }
            7 => count == 0 || has(&[2, 3, 4, 5, 6, 13]),
            10 => count == self.functions,
            _ => true,
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

/// `behind` says whether something that could be referred to came before.
fn component(id: u8, len: u64, head: &[u8], behind: bool) -> bool {
    match id {
        1 => head.starts_with(&Kind::Module.header()),
        4 => head.starts_with(&Kind::Component.header()),
        // Instances: from a module or component, or from exports, which are of something too; only an empty one is not.
        2 | 5 => vector(len, head, |first| first <= 1) && (behind || len == 1 || is_empty_instance(head)),
        3 => vector(len, head, |first| first == 0 || TYPE_FORMS.contains(&first)),
        // An alias starts with a sort.
        6 => vector(len, head, |first| first <= 5),
        7 | 8 | 10 | 11 | 12 => vector(len, head, |_| true),
        9 => !head.is_empty(),
        _ => false,
    }
}

/// Whether the first instance is made of no exports.
fn is_empty_instance(head: &[u8]) -> bool {
    leb::read(head).is_ok_and(|(_, used)| head.get(used..).is_some_and(|rest| rest.starts_with(&[1, 0])))
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
        let types: (u8, &[u8]) = (1, &[1, 0x60, 0, 0]);
        assert!(fits(Kind::Module, &[types, one, (5, &[1, 0, 1]), (13, &[1, 0, 0]), (6, &[0])]));
        assert!(fits(Kind::Module, &[types, one, (12, &[1]), (10, &[1, 2, 0, 0x0b]), (11, &[0])]));
        assert!(fits(Kind::Module, &[(5, &[1, 0, 1]), (7, &[1, 1, b'm', 2, 0])]));
        assert!(!fits(Kind::Module, &[one]), "a function without types");
        assert!(!fits(Kind::Module, &[types, one, (10, &[2, 2, 0, 0x0b])]), "more bodies than functions");
        assert!(!fits(Kind::Module, &[types, (7, &[1, 1, b'm', 2, 0])]), "an export of nothing");
        assert!(!fits(Kind::Module, &[types, one, one]));
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
        assert!(
            !fits(Kind::Component, &[(5, &[1, 0, 1])]),
            "a memory is no instance, and nothing is there to make one of"
        );
        assert!(fits(Kind::Component, &[(5, &[1, 1, 0]), (2, &[1, 1, 0])]), "instances of nothing need nothing");
        assert!(!fits(Kind::Module, &[(7, &[1, 0x40, 0, 1, 0]), (10, &[1, 0, 1, b'a', 1, 0])]), "types are no exports");
        assert!(!fits(Kind::Module, &[(7, &[1, 0x42, 0]), (11, &[1, 0, 1, b'a', 3, 0, 0])]), "exports are no data");
        assert!(!fits(Kind::Component, &[(13, &[0])]));
        assert!(!fits(Kind::Component, &[(9, &[])]));
    }
}
