//! [`WasmFailure`]: why a WebAssembly file was refused, or nothing was done with it.

use std::fmt;
use std::path::PathBuf;

use crate::report::{Finding, Level, Verdict};
use pinfold_wasm::wasmfile::{EditError, SelectionError, WasmError};
use pinfold_wasm::{KeyError, Refusal, TrustError};

/// What keeps `pinfold wasm`, or a pin that demands signatures in WebAssembly, from a good end.
#[derive(Debug)]
pub enum WasmFailure {
    /// A file that is not the key that was meant.
    Key {
        /// The file.
        path: PathBuf,
        /// Why.
        source: KeyError,
    },
    /// Keys that make no set to trust.
    Trust(TrustError),
    /// Words that name no sections.
    Words(SelectionError),
    /// No key was made.
    Making(KeyError),
    /// A file that cannot be written anew in the way that was asked for.
    Edit {
        /// The file.
        path: PathBuf,
        /// Why.
        source: EditError,
    },
    /// A file that cannot be looked into.
    Look {
        /// The file.
        path: PathBuf,
        /// Why.
        source: WasmError,
    },
    /// The result would be written over something else than an earlier result.
    InTheWay {
        /// What stands there.
        path: PathBuf,
    },
    /// A detached signature that is to be put into a file, and is over none of it.
    OtherFile {
        /// The file with the signature.
        path: PathBuf,
    },
    /// A file changed while it was looked at.
    Meanwhile {
        /// The file.
        path: PathBuf,
    },
    /// Files that are not what the keys of a pin signed; never empty.
    Files(Vec<(String, Refusal)>),
    /// Strict, and there is no WebAssembly that could be signed.
    Nothing,
    /// A patch of a file whose signature the pin demands.
    Patched {
        /// The file, below the pin's destination.
        path: String,
    },
}

impl WasmFailure {
    /// How it comes out.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Files(files) if files.iter().any(|(_, refusal)| refusal.is_refusal()) => Verdict::Refused,
            Self::Nothing | Self::Patched { .. } | Self::Meanwhile { .. } => Verdict::Refused,
            _ => Verdict::Failed,
        }
    }

    /// A stable identifier in kebab case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Key { source, .. } | Self::Making(source) => source.code(),
            Self::Trust(source) => source.code(),
            Self::Words(source) => source.code(),
            Self::Edit { source, .. } => source.code(),
            Self::Look { source, .. } => source.code(),
            Self::InTheWay { .. } => "wasm-in-the-way",
            Self::OtherFile { .. } => "wasm-of-other-file",
            Self::Meanwhile { .. } => "wasm-changed-meanwhile",
            Self::Files(files) => files.first().map_or("wasm-unsigned", |(_, refusal)| refusal.code()),
            Self::Nothing => "wasm-none",
            Self::Patched { .. } => "wasm-patched",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Key { source, .. } | Self::Making(source) => return source.hint(),
            Self::Trust(source) => return source.hint(),
            Self::Edit { source, .. } => return source.hint(),
            Self::Look { source, .. } => return source.hint(),
            Self::Files(files) => return files.first().and_then(|(_, refusal)| hint_for_pins(refusal)),
            Self::Words(_) => "name custom sections, or write a pattern with `^` and `$`",
            Self::InTheWay { .. } => "name another file, or move that one away",
            Self::OtherFile { .. } => "`pinfold wasm inspect FILE --detached FILE` shows what it is over",
            Self::Meanwhile { .. } => "nobody else should write to it; check it again",
            Self::Nothing => "take `[pins.NAME.signature]` off the pin, or look why the files are gone",
            Self::Patched { .. } => "take the patch off the pin, or have what it makes signed and pin that",
        };
        Some(hint.to_owned())
    }

    /// All that there is to say.
    pub fn findings(&self, level: Level) -> Vec<Finding> {
        match self {
            Self::Files(files) => files.iter().map(|(path, refusal)| of_pin(level, path, refusal)).collect(),
            _ => {
                let mut finding = Finding::new(level, self.code(), self.to_string());
                finding.hint = self.hint();
                vec![finding]
            }
        }
    }
}

/// One file of a pin that is not what its keys signed.
fn of_pin(level: Level, path: &str, refusal: &Refusal) -> Finding {
    let mut finding =
        Finding::new(level, refusal.code(), format!("`{}`: {refusal}", path.escape_debug())).at(path.to_owned());
    finding.hint = hint_for_pins(refusal);
    finding
}

/// What to do where a pin's own words decide.
fn hint_for_pins(refusal: &Refusal) -> Option<String> {
    match refusal {
        Refusal::Missing => Some(
            "ask its makers to sign it; `mode = \"lenient\"` in the pin's `signature` takes it with a warning"
                .to_owned(),
        ),
        other => other.hint(),
    }
}

impl fmt::Display for WasmFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key { path, source } => write!(f, "`{}`: {source}", path.display()),
            Self::Trust(source) => source.fmt(f),
            Self::Words(source) => source.fmt(f),
            Self::Making(source) => source.fmt(f),
            Self::Edit { path, source } => write!(f, "`{}`: {source}", path.display()),
            Self::Look { path, source } => write!(f, "`{}`: {source}", path.display()),
            Self::InTheWay { path } => {
                write!(f, "`{}` is there, and is not what would be written over it", path.display())
            }
            Self::OtherFile { path } => write!(f, "`{}` is the signature of another file", path.display()),
            Self::Meanwhile { path } => write!(f, "`{}` changed while it was looked at", path.display()),
            Self::Files(files) => match files.first() {
                Some((path, refusal)) => write!(f, "`{}`: {refusal}", path.escape_debug()),
                None => f.write_str("no file is signed"),
            },
            Self::Nothing => f.write_str("the pin demands signatures in WebAssembly, and there is none in its tree"),
            Self::Patched { path } => {
                write!(f, "a patch changes `{}`, whose signature the pin demands", path.escape_debug())
            }
        }
    }
}

impl std::error::Error for WasmFailure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Key { source, .. } | Self::Making(source) => Some(source),
            Self::Trust(source) => Some(source),
            Self::Words(source) => Some(source),
            Self::Edit { source, .. } => Some(source),
            Self::Look { source, .. } => Some(source),
            Self::Files(files) => files.first().and_then(|(_, refusal)| std::error::Error::source(refusal)),
            Self::InTheWay { .. }
            | Self::OtherFile { .. }
            | Self::Meanwhile { .. }
            | Self::Nothing
            | Self::Patched { .. } => None,
        }
    }
}
