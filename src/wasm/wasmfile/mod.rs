//! WebAssembly files and the signatures in them: bytes to values and back. Nothing is judged here.
//!
//! A file is a header and sections; a `signature` section comes first, and a `signature_delimiter` ends each part. The hash
//! of a part is over everything from behind the signature section up to and including its delimiter, so that a part is
//! never signed without those before it (WebAssembly tool conventions, `Signatures.md`).
//!
//! Refused in short: files that are cut or claim more than there is, numbers beyond 32 bits, sections that do not fit the
//! kind that the header names, a signature section anywhere but first, and more of anything than the limits allow.

mod cut;
mod error;
mod fit;
mod inspect;
mod leb;
mod pass;
mod producers;
mod reader;
mod selection;
mod signature;

use std::fmt;

pub use cut::{Cut, EditError, Layout, attach, detach, embed, layout, split, strip};
pub use error::WasmError;
pub use inspect::{Coverage, Extra, Inspected, Inspection, Part, Signed, SignedSet, inspect};
pub use pass::{Pass, Step};
pub use producers::Producer;
pub use reader::Section;
pub use selection::{Selection, SelectionError};
pub use signature::{
    MAX_DATA_LEN, MAX_HASHES, MAX_RECORDS, MAX_SETS, Record, RecordKind, SignatureData, SignatureError, SignedHashes,
    message,
};

/// What a file is, by its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A core module, version 1.
    Module,
    /// A component, version 0x0d of layer 1.
    Component,
}

impl Kind {
    /// The header that says so.
    pub const fn header(self) -> [u8; 8] {
        match self {
            Self::Module => *b"\0asm\x01\0\0\0",
            Self::Component => *b"\0asm\x0d\0\x01\0",
        }
    }

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Module => "module",
            Self::Component => "component",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The name of the section with the signatures.
pub const SIGNATURE: &str = "signature";

/// The name of the section that ends a part.
pub const DELIMITER: &str = "signature_delimiter";

/// How many random bytes a delimiter holds: whoever has only some parts must not learn what the others were.
pub const DELIMITER_LEN: usize = 16;

/// Longest name of a custom section, in bytes: what browsers take (WebAssembly JavaScript interface, "Implementation-defined
/// Limits": strings of 100,000 bytes). It is all of a section that is kept in memory.
pub const MAX_NAME_LEN: usize = 100_000;

/// Most sections of a file: a section takes three bytes, and what `inspect` says of one a hundred. Large components have
/// some thousands.
pub const MAX_SECTIONS: usize = 100_000;
