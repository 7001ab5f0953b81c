//! [`Audit`]: what upstream says of a pin today, as data. What is not proved is a claim, and its fields say so.

use serde::Serialize;

/// What an audit found out about a pin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Audit {
    /// The line of the pin in its file, from 1.
    pub line: usize,
    /// The pinned integrity.
    pub integrity: String,
    /// Whether upstream still serves the pinned bytes.
    pub served: Served,
    /// How that is known.
    pub served_by: ServedBy,
    /// The digest that upstream publishes for the artifact. A claim.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published_integrity: Option<String>,
    /// The registry's signature over the pinned integrity; `None` for sources without such signatures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_signature: Option<Signature>,
    /// How the provenance of the pinned version came out.
    pub provenance: Provenance,
    /// Where the evidence was found.
    pub provenance_from: ProvenanceFrom,
    /// The server that had none, where there is none: today, or offline when the record was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked: Option<String>,
    /// The first version that has evidence. A claim.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_with_evidence: Option<String>,
    /// The newest version that has evidence. A claim.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest_with_evidence: Option<String>,
    /// When the pinned version was published, RFC 3339 in UTC. A claim.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published: Option<String>,
    /// Why the pinned version was taken back or should not be used; may be empty. A claim.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<String>,
    /// The version that upstream calls the newest. A claim.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest: Option<String>,
}

/// Whether upstream still serves the pinned bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Served {
    /// It does.
    Same,
    /// It has other bytes under that name.
    Other,
    /// It has nothing under that name any more.
    Gone,
    /// Nobody was asked, no answer came, or the answer does not say it.
    Unknown,
}

/// How it is known what upstream serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServedBy {
    /// The bytes were fetched and hashed.
    Download,
    /// By the source's own word: what it publishes about them was held against the pin.
    Metadata,
    /// Nobody was asked.
    Nobody,
}

/// What a registry's signature over the pinned integrity is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signature {
    /// It holds.
    Valid,
    /// There is none.
    Absent,
    /// There is one, and it cannot be judged: its key is in no trust root.
    Unverifiable,
    /// It is wrong.
    Refused,
}

/// How the provenance of a pin came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Provenance {
    /// It holds, and is what the pin demands.
    Proved,
    /// It holds and is what the pin demands, for a digest that upstream publishes or the record says: the pinned bytes are
    /// not here to be hashed.
    Claimed,
    /// It holds, and nothing says that whoever made it is the right one.
    Unnamed,
    /// There is none.
    Missing,
    /// There is some, and it cannot be judged.
    Unverifiable,
    /// It is wrong.
    Refused,
    /// It could not be asked for.
    Unknown,
}

/// Where evidence was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProvenanceFrom {
    /// In the record: it was received before, and proved again.
    Record,
    /// At the source, or in the file that the pin names.
    Source,
    /// Nowhere.
    Nowhere,
}
