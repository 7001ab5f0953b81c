//! [`WasmError`]: why bytes are no WebAssembly file.

use std::error::Error;
use std::fmt;
use std::io;

use super::{Kind, MAX_NAME_LEN, MAX_SECTIONS};

/// Why a file was not read to its end.
#[derive(Debug)]
pub enum WasmError {
    /// The bytes could not be read: a failure, not a verdict on them.
    Input(io::Error),
    /// It does not start with `\0asm`.
    Magic,
    /// A version or layer other than that of modules and components.
    Version([u8; 4]),
    /// It ends in the middle of something.
    Truncated {
        /// Where that something starts, in bytes from the start of the file.
        offset: u64,
    },
    /// A number of more than 32 bits.
    Number {
        /// Where it stands.
        offset: u64,
    },
    /// A section that a file of this kind does not have there, or that does not start as one of its number.
    Section {
        /// What the header says that the file is.
        kind: Kind,
        /// Its number.
        id: u8,
        /// Where it stands.
        offset: u64,
    },
    /// The name of a custom section is not UTF-8, longer than its section, or too long.
    Name {
        /// Where the section stands.
        offset: u64,
    },
    /// More than [`MAX_SECTIONS`].
    TooManySections,
    /// A `signature` section that is not the first section.
    SignaturePlace {
        /// Where it stands.
        offset: u64,
    },
}

impl WasmError {
    /// A stable id of the refusal; `input` for a failure to read.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Input(_) => "input",
            Self::Magic => "wasm-magic",
            Self::Version(_) => "wasm-version",
            Self::Truncated { .. } => "wasm-truncated",
            Self::Number { .. } => "wasm-number",
            Self::Section { .. } => "wasm-section",
            Self::Name { .. } => "wasm-name",
            Self::TooManySections => "wasm-too-many-sections",
            Self::SignaturePlace { .. } => "wasm-signature-place",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Magic => "a binary file is meant; text in WAT has to be assembled first",
            Self::Truncated { .. } => "the file is not whole; fetch or build it again",
            Self::SignaturePlace { .. } => "the format has one signature section, which is the first section",
            _ => return None,
        };
        Some(hint.to_owned())
    }

    /// Whether the file was refused; `false` when it could not be read.
    pub const fn is_refusal(&self) -> bool {
        !matches!(self, Self::Input(_))
    }
}

impl fmt::Display for WasmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(_) => f.write_str("the WebAssembly file could not be read"),
            Self::Magic => f.write_str("this is no WebAssembly file: it does not start with `\\0asm`"),
            Self::Version([a, b, c, d]) => {
                write!(f, "neither a module nor a component: its version is {a:02x} {b:02x} {c:02x} {d:02x}")
            }
            Self::Truncated { offset } => write!(f, "the file ends in the middle of what starts at byte {offset}"),
            Self::Number { offset } => write!(f, "the number at byte {offset} has more than 32 bits"),
            Self::Section { kind, id, offset } => {
                write!(f, "the section at byte {offset}, number {id}, is none of a {kind} at this place")
            }
            Self::Name { offset } => write!(
                f,
                "the custom section at byte {offset} has no name of at most {MAX_NAME_LEN} bytes of UTF-8 within it"
            ),
            Self::TooManySections => write!(f, "the file has more than {MAX_SECTIONS} sections"),
            Self::SignaturePlace { offset } => {
                write!(f, "there is a `signature` section at byte {offset}, which is not the first section")
            }
        }
    }
}

impl Error for WasmError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Input(error) => Some(error),
            _ => None,
        }
    }
}
