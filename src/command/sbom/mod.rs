//! Bills of materials: the pins as components that other tools read, CycloneDX 1.6 or SPDX 2.3, both as JSON.
//!
//! The same pins and records give the same bytes. There is no random number in them: what has to be unique is made of a
//! digest of the content. There is no time in them but the one that the caller hands in. What no pin says (licences,
//! suppliers, what an artifact depends on) is left out or said to be unknown, never guessed.

mod cyclonedx;
mod spdx;

use serde_json::Value;

use pinfold_core::digest::Sha256;
use pinfold_core::text::plain_json;

pub use cyclonedx::cyclonedx;
pub use spdx::spdx;

/// All that a bill says.
#[derive(Debug, Clone, Default)]
pub struct Bill {
    /// What the whole is called: the name of the pin file.
    pub name: String,
    /// When it was made, RFC 3339 in UTC, where somebody said so.
    pub created: Option<String>,
    /// One component a pin, in the order of the pin file.
    pub components: Vec<Component>,
}

/// One pin.
#[derive(Debug, Clone, Default)]
pub struct Component {
    /// The pin's name; no two have the same.
    pub pin: String,
    /// What the artifact is called: a package's name without its scope, or a file's.
    pub name: String,
    /// npm's scope with its `@`, or the owner of a repository.
    pub group: Option<String>,
    /// Its version or tag.
    pub version: Option<String>,
    /// Whether it is a package rather than a single file that somebody serves.
    pub is_package: bool,
    /// Its package URL.
    pub purl: String,
    /// Its digests: in-toto's name of the algorithm (`sha512`), and lower-case hexadecimal.
    pub hashes: Vec<(String, String)>,
    /// Where it can be had, where the pin says so.
    pub downloads: Vec<String>,
    /// The file of the project that it is, in place of a download.
    pub file: Option<String>,
    /// Where its tree stands, relative to the pin file.
    pub to: String,
    /// The tree hash, where it is pinned.
    pub tree: Option<String>,
    /// What is known of its upstream evidence, one word or two: `verified`, `missing`.
    pub standing: String,
    /// Who is proved to have signed the artifact in its registry; a signature tells of no build.
    pub signed: Option<String>,
    /// What was proved of who made it; empty where nothing was.
    pub proved: Vec<Reference>,
    /// The documents of evidence that its record keeps; what they say is not believed for standing here.
    pub kept: Vec<Document>,
}

/// A place that evidence names.
#[derive(Debug, Clone)]
pub struct Reference {
    /// What it is.
    pub kind: Kind,
    /// The place, a URL.
    pub url: String,
    /// What was proved of it, a sentence.
    pub comment: String,
}

/// What a [`Reference`] leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The repository that was built.
    Repository,
    /// The run that built it.
    Run,
}

/// A document of evidence in a record.
#[derive(Debug, Clone)]
pub struct Document {
    /// Where it lies: the record's path, and a JSON pointer (RFC 6901) into it as the fragment.
    pub uri: String,
    /// SHA-256 of its compact JSON, as the record has it on one line.
    pub sha256: Sha256,
    /// What it says it is: a predicate type, or nothing where it does not say.
    pub predicate_type: Option<String>,
    /// Who handed it out.
    pub from: String,
}

/// A UUID made of content: version 8 (RFC 9562, section 5.8), the rest from its SHA-256.
fn uuid_of(content: &Value) -> String {
    let hex = Sha256::of(content.to_string().as_bytes()).hex();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    // The variant's two bits are 10, so that the digit is one of 8, 9, a and b.
    let variant = match part(16, 17) {
        "0" | "4" | "8" | "c" => '8',
        "1" | "5" | "9" | "d" => '9',
        "2" | "6" | "a" | "e" => 'a',
        _ => 'b',
    };
    format!("{}-{}-8{}-{variant}{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

/// Puts one thing more into an object.
fn set(object: &mut Value, key: &str, one: impl serde::Serialize) {
    if let Some(object) = object.as_object_mut() {
        object.insert(key.to_owned(), serde_json::json!(one));
    }
}

#[expect(clippy::expect_used, reason = "a JSON value is JSON")]
fn pretty(document: &Value) -> String {
    let text = serde_json::to_string_pretty(document).expect("JSON");
    format!("{}\n", plain_json(&text))
}

/// The name and version of what wrote the bill.
const TOOL: (&str, &str) = ("pinfold", env!("CARGO_PKG_VERSION"));

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn a_uuid_is_one_of_version_8() {
        for number in 0..64 {
            let uuid = super::uuid_of(&json!(number));
            let parts: Vec<usize> = uuid.split('-').map(str::len).collect();
            assert_eq!(parts, [8, 4, 4, 4, 12], "{uuid}");
            assert!(uuid[14..].starts_with('8') && uuid[19..].starts_with(['8', '9', 'a', 'b']), "{uuid}");
        }
        assert_eq!(super::uuid_of(&json!({ "a": 1 })), super::uuid_of(&json!({ "a": 1 })));
    }
}
