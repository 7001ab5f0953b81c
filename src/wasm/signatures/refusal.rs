//! [`Refusal`]: why a file is not what the trusted keys signed.

use std::fmt;

use pinfold_core::fault::{Class, Fault};

use super::trust::Lacking;
use crate::wasmfile::{Kind, SignatureError, WasmError};

/// Why a file was not proved.
#[derive(Debug)]
pub enum Refusal {
    /// It is no WebAssembly file, or could not be read.
    File(WasmError),
    /// Its signature is none that can be judged.
    Signature(SignatureError),
    /// It has no signature, and none was handed in.
    Missing,
    /// A detached signature was handed in, and the file has one of its own.
    Embedded,
    /// It is a module where a component is meant, or the reverse.
    OtherKind {
        /// What was asked for.
        expected: Kind,
        /// What it is by its header.
        got: Kind,
    },
    /// All signatures are of algorithms that are not judged, or cannot be read.
    Unknown,
    /// A signature names a trusted key, and is not that key's.
    Invalid,
    /// Nobody who is trusted signed anything in it.
    Untrusted,
    /// Somebody who is trusted did, and not enough of them.
    Lacking(Lacking),
    /// What was signed is not what is there.
    Changed {
        /// The first part that is another, counted from 1.
        part: usize,
    },
    /// Only the first parts were signed.
    Partial {
        /// How many.
        signed: usize,
    },
    /// The file was cut at a delimiter: the parts that are there were signed, together with others that are not.
    Cut {
        /// How many parts are gone.
        gone: usize,
    },
    /// A part of the file was asked about, and nothing separates parts in it.
    NoDelimiter,
    /// No section is among those that were asked about.
    NothingSelected,
    /// A section that was asked about by its name is not there.
    NoSection(String),
    /// More signatures than anybody has reason to check.
    TooMuchWork,
    /// More bytes than are held in memory.
    TooLong,
}

impl Refusal {
    /// A stable id of the refusal; `input` for a failure to read.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::File(error) => error.code(),
            Self::Signature(error) => error.code(),
            Self::Missing => "wasm-unsigned",
            Self::Embedded => "wasm-has-signature",
            Self::OtherKind { .. } => "wasm-other-kind",
            Self::Unknown => "wasm-signature-unknown",
            Self::Invalid => "wasm-invalid",
            Self::Untrusted => "wasm-untrusted",
            Self::Lacking(Lacking::Role(_)) => "wasm-role",
            Self::Lacking(Lacking::Keys { .. }) => "wasm-threshold",
            Self::Changed { .. } => "wasm-changed",
            Self::Partial { .. } => "wasm-partial",
            Self::Cut { .. } => "wasm-cut",
            Self::NoDelimiter => "wasm-no-delimiter",
            Self::NothingSelected => "wasm-nothing-selected",
            Self::NoSection(_) => "wasm-no-section",
            Self::TooMuchWork => "wasm-too-much-work",
            Self::TooLong => "wasm-too-long",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::File(error) => return error.hint(),
            Self::Signature(error) => return error.hint(),
            Self::Missing => "a signature beside the file is named with `--detached FILE`",
            Self::Embedded => "check the file without `--detached`, or take its own signature out first",
            Self::Untrusted | Self::Lacking(_) => {
                "`pinfold wasm inspect` shows who claims to have signed; trust a key only if you know whose it is"
            }
            Self::Partial { .. } | Self::Cut { .. } => {
                "a part alone is checked where its sections are named (`--sections`)"
            }
            Self::NoDelimiter => "check the whole file; only `pinfold wasm split` before signing makes parts",
            Self::NoSection(_) => "`pinfold wasm inspect` shows the sections; `^` and `$` make a name a pattern",
            _ => return None,
        };
        Some(hint.to_owned())
    }

    /// Whether the file was refused; `false` when it could not be read.
    pub const fn is_refusal(&self) -> bool {
        match self {
            Self::File(error) => error.is_refusal(),
            _ => true,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => error.fmt(f),
            Self::Signature(error) => error.fmt(f),
            Self::Missing => f.write_str("the file is not signed"),
            Self::Embedded => f.write_str("the file has a signature of its own beside the one that was handed in"),
            Self::OtherKind { expected, got } => write!(f, "the file is a {got}, not a {expected}"),
            Self::Unknown => f.write_str("no signature in it is of an algorithm that is judged"),
            Self::Invalid => f.write_str("a signature names a trusted key and is not by it"),
            Self::Untrusted => f.write_str("nobody who is trusted signed it"),
            Self::Lacking(Lacking::Role(role)) => write!(f, "nobody signed it as `{}`", role.escape_debug()),
            Self::Lacking(Lacking::Keys { need, got }) => {
                write!(f, "{got} of the trusted keys signed it, and {need} must have")
            }
            Self::Changed { part: 1 } => f.write_str("the file is not what was signed"),
            Self::Changed { part } => write!(f, "part {part} of the file is not what was signed"),
            Self::Partial { signed: 1 } => {
                f.write_str("only the first part of the file was signed, not what is behind it")
            }
            Self::Partial { signed } => {
                write!(f, "only the first {signed} parts of the file were signed, not what is behind them")
            }
            Self::Cut { gone: 1 } => f.write_str("a part that was signed is missing at the end of the file"),
            Self::Cut { gone } => write!(f, "{gone} parts that were signed are missing at the end of the file"),
            Self::NoDelimiter => f.write_str("no delimiter makes parts of the file, so that none can be checked alone"),
            Self::NothingSelected => f.write_str("the file has no section of those that were asked about"),
            Self::NoSection(name) => write!(f, "the file has no section `{}`", name.escape_debug()),
            Self::TooMuchWork => f.write_str("the file has more signatures than can be checked in reasonable time"),
            Self::TooLong => f.write_str("the file is longer than a runtime would load"),
        }
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::new(Class::refused_if(refusal.is_refusal()), refusal.code(), refusal.to_string())
            .hinting(refusal.hint())
            .because(refusal)
    }
}

impl std::error::Error for Refusal {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File(error) => error.source(),
            _ => None,
        }
    }
}

impl From<WasmError> for Refusal {
    fn from(error: WasmError) -> Self {
        Self::File(error)
    }
}

impl From<SignatureError> for Refusal {
    fn from(error: SignatureError) -> Self {
        Self::Signature(error)
    }
}
