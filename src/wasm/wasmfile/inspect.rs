//! What is in a file, without any key: sections, parts, who claims to have signed what. Nothing here is proved.

use std::io::Read;

use super::error::WasmError;
use super::pass::{Pass, Step};
use super::producers::{self, Producer};
use super::reader::{Section, to_u64};
use super::signature::{RecordKind, SignatureData, SignatureError};
use super::{Kind, SIGNATURE};
use pinfold_core::digest::{Sha256, Sha256Hasher};

/// What a look at a file shows.
#[derive(Debug)]
pub struct Inspection {
    /// What its header says that it is.
    pub kind: Kind,
    /// Its length in bytes.
    pub size: u64,
    /// The digest of the whole file.
    pub sha256: Sha256,
    /// The digest of everything behind the signature section, or behind the header where there is none.
    pub content: Sha256,
    /// Its sections, in order.
    pub sections: Vec<Inspected>,
    /// Its parts: one at least.
    pub parts: Vec<Part>,
    /// The signature, embedded or handed in.
    pub signature: Option<Signed>,
    /// What the sections tell of the file beside its code.
    pub extras: Vec<Extra>,
}

/// A section of a file.
#[derive(Debug)]
pub struct Inspected {
    /// The section.
    pub section: Section,
    /// What a section of this number is called in a file of this kind.
    pub word: &'static str,
    /// The part it is of, from 0; `None` for the signature itself.
    pub part: Option<usize>,
    /// The digest of its content: of an embedded module, that of the module as a file.
    pub sha256: Sha256,
}

/// A part of a file: what one delimiter ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Whether a delimiter ends it; the last part may end with the file.
    pub delimited: bool,
    /// The hash of everything up to its end: what signatures are over.
    pub hash: Sha256,
    /// Where it ends, in bytes from the start of the file.
    pub end: u64,
}

/// Signature data as it was found.
#[derive(Debug)]
pub struct Signed {
    /// Whether it was handed in beside the file.
    pub detached: bool,
    /// Its length in bytes.
    pub size: u64,
    /// What it holds.
    pub sets: Result<Vec<SignedSet>, SignatureError>,
}

/// One set of signature data.
#[derive(Debug)]
pub struct SignedSet {
    /// What its hashes fit.
    pub covers: Coverage,
    /// How many hashes it has.
    pub hashes: usize,
    /// Its signatures, none of them checked.
    pub records: Vec<RecordKind>,
}

/// What the hashes of a set fit, whoever signed them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// All parts, and no more than those.
    Whole,
    /// The first parts, and not those behind them.
    Parts {
        /// How many.
        first: usize,
    },
    /// All parts, and others that are not there: the file was cut at a delimiter.
    Cut {
        /// How many parts are gone.
        gone: usize,
    },
    /// Not even the first part.
    Nothing,
}

impl Coverage {
    /// Compares the hashes of a set with those of a file.
    pub fn of(signed: &[Sha256], computed: &[Sha256]) -> Self {
        let first = signed.iter().zip(computed).take_while(|(one, other)| one == other).count();
        match (signed.len(), computed.len()) {
            _ if first == 0 => Self::Nothing,
            (signed, computed) if first == signed && first == computed => Self::Whole,
            (signed, computed) if first == computed => Self::Cut { gone: signed.saturating_sub(first) },
            _ => Self::Parts { first },
        }
    }
}

/// Something embedded that tells of the file, by its own word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extra {
    /// The name of the section.
    pub section: String,
    /// What that is.
    pub what: &'static str,
    /// The tools that it names.
    pub producers: Vec<Producer>,
    /// Its text, where it is one and short.
    pub text: Option<String>,
}

/// Looks at a file, and at a signature handed in beside it.
///
/// # Errors
/// [`WasmError`] where the file is none. Signature data that cannot be read is shown as such.
pub fn inspect<R: Read>(input: R, detached: Option<&[u8]>) -> Result<Inspection, WasmError> {
    let mut look = Look::default();
    let mut pass = Pass::open(input, &mut |bytes| look.take(bytes))?;
    let kind = pass.kind();
    let (mut sections, mut parts, mut extras) = (Vec::new(), Vec::new(), Vec::new());
    let mut embedded = None;
    let content = loop {
        look.section();
        let Some(step) = pass.next(&mut |bytes| look.take(bytes))? else { break Sha256::of(&[]) };
        let (section, part) = match step {
            Step::Signature { section, data } => {
                embedded = Some(data);
                (section, None)
            }
            Step::Section { section, part } => (section, Some(part)),
            Step::Delimiter { section, part, hash } => {
                parts.push(Part { delimited: true, hash, end: section.end() });
                (section, Some(part))
            }
            Step::End { last, content } => {
                parts.extend(last.map(|(_, hash)| Part { delimited: false, hash, end: look.size }));
                break content;
            }
        };
        extras.extend(extra(&section, &look.kept));
        let sha256 = look.content.clone().finish();
        sections.push(Inspected { word: word(kind, &section), section, part, sha256 });
    };
    let hashes: Vec<Sha256> = parts.iter().map(|part| part.hash).collect();
    let signed = |data: &[u8], detached| Signed { detached, size: to_u64(data.len()), sets: sets(data, &hashes) };
    let signature = match detached {
        Some(data) => Some(signed(data, true)),
        None => embedded.map(|data| signed(&data, false)),
    };
    let (size, sha256) = (look.size, look.file.finish());
    Ok(Inspection { kind, size, sha256, content, sections, parts, signature, extras })
}

fn sets(data: &[u8], hashes: &[Sha256]) -> Result<Vec<SignedSet>, SignatureError> {
    let data = SignatureData::parse(data)?;
    let sets = data.sets.iter().map(|set| SignedSet {
        covers: Coverage::of(&set.hashes, hashes),
        hashes: set.hashes.len(),
        records: set.records.iter().map(|record| record.kind().clone()).collect(),
    });
    Ok(sets.collect())
}

/// What is taken of the raw bytes: digests of all of them and of one section's content, and the start of that content.
#[derive(Debug, Default)]
struct Look {
    file: Sha256Hasher,
    size: u64,
    content: Sha256Hasher,
    kept: Vec<u8>,
    /// Whether the next bytes are a section's number, length and name.
    lead: bool,
}

impl Look {
    fn section(&mut self) {
        (self.content, self.lead) = (Sha256Hasher::default(), true);
        self.kept.clear();
    }

    fn take(&mut self, bytes: &[u8]) {
        self.file.update(bytes);
        self.size = self.size.saturating_add(to_u64(bytes.len()));
        if std::mem::replace(&mut self.lead, false) {
            return;
        }
        self.content.update(bytes);
        let room = KEPT_MAX.saturating_sub(self.kept.len());
        self.kept.extend(bytes.iter().take(room));
    }
}

/// Most of a section that is read as `producers` or as text, in bytes; real ones have some hundred.
const KEPT_MAX: usize = 64 << 10;

/// Longest text that is shown, in bytes.
const TEXT_MAX: usize = 1 << 10;

/// Sections that tell of a file, by their names or the start of them.
const EXTRAS: &[(&str, &str)] = &[
    ("producers", "the tools that made it"),
    ("component-name", "names in the component"),
    ("component-type", "types of a component that is to be made of it"),
    ("registry-metadata", "metadata for registries"),
    ("package-docs", "documentation of its interfaces"),
    ("jwt", "claims of wascap"),
    ("wasmcloud_jwt", "claims of wascap"),
    ("wsc.", "attestations of wsc"),
    ("signature_wasmsign", "a signature of wasmsign, the format before this one"),
    ("target_features", "features that the code needs"),
    ("build_id", "an id of the build"),
    ("sourceMappingURL", "where its source map is"),
    ("external_debug_info", "where its debug information is"),
    ("authors", "metadata of an image"),
    ("description", "metadata of an image"),
    ("homepage", "metadata of an image"),
    ("licenses", "metadata of an image"),
    ("revision", "metadata of an image"),
    ("source", "metadata of an image"),
    ("version", "metadata of an image"),
    ("dylink", "how it is linked when it is loaded"),
    ("linking", "how it is to be linked"),
];

fn extra(section: &Section, content: &[u8]) -> Option<Extra> {
    let name = section.name.as_ref().filter(|name| *name != SIGNATURE)?;
    let is = |known: &&(&str, &str)| {
        let prefix = known.0.ends_with('.') || matches!(known.0, "component-type" | "dylink");
        if prefix { name.starts_with(known.0) } else { name == known.0 }
    };
    let (_, what) = EXTRAS.iter().find(is)?;
    let whole = to_u64(content.len()) == section.content;
    let producers = if name == "producers" && whole { producers::parse(content) } else { None };
    let text = std::str::from_utf8(content).ok().filter(|_| whole && content.len() <= TEXT_MAX);
    let text = text.filter(|text| producers.is_none() && !text.contains(char::is_control));
    let text = text.map(str::to_owned);
    Some(Extra { section: name.clone(), what, producers: producers.unwrap_or_default(), text })
}

/// The words of both specifications for the numbers of sections.
fn word(kind: Kind, section: &Section) -> &'static str {
    let words = match kind {
        Kind::Module => MODULE_WORDS,
        Kind::Component => COMPONENT_WORDS,
    };
    words.get(usize::from(section.id)).copied().unwrap_or("unknown")
}

const MODULE_WORDS: &[&str] = &[
    "custom",
    "type",
    "import",
    "function",
    "table",
    "memory",
    "global",
    "export",
    "start",
    "element",
    "code",
    "data",
    "data count",
    "tag",
];

const COMPONENT_WORDS: &[&str] = &[
    "custom",
    "core module",
    "core instance",
    "core type",
    "component",
    "instance",
    "alias",
    "type",
    "canon",
    "start",
    "import",
    "export",
    "value",
];
