//! in-toto statements: which artifacts, and what is claimed about them
//! (in-toto attestation framework, spec v1, "Statement"; v0.1 is read too, which npm and slsa-github-generator wrote).
//!
//! Refuses another `_type`, no subjects, and a subject without a digest: such a claim is about nothing. Who claims it is
//! not said here; a statement is believed only out of a [`crate::attestation`] that was proved.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use pinfold_core::json::{self, JsonError};

/// A claim about artifacts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// What the claim is about; never empty.
    pub subjects: Vec<Subject>,
    /// What kind of claim it is, a URI such as [`SLSA_V1`].
    pub predicate_type: String,
    /// The claim itself, `Null` where there is none.
    pub predicate: Value,
}

/// One artifact that a statement is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// What it is called, such as `pkg:npm/terser@5.46.2` or a file's name; may be empty.
    pub name: String,
    /// Digests by algorithm, lower-case hexadecimal where the algorithm is a hash; never empty.
    pub digests: BTreeMap<String, String>,
}

/// The media type of statements in DSSE envelopes (in-toto envelope layer).
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// SLSA provenance 1.x.
pub const SLSA_V1: &str = "https://slsa.dev/provenance/v1";
/// SLSA provenance 0.2.
pub const SLSA_V02: &str = "https://slsa.dev/provenance/v0.2";
/// A registry's word for who published a package (npm).
pub const NPM_PUBLISH: &str = "https://github.com/npm/attestation/tree/main/specs/publish/v0.1";
/// PyPI's publish attestation (PEP 740): who published, without how it was built.
// In two halves: the host of an index stands nowhere in this code.
pub const PYPI_PUBLISH: &str = concat!("https://docs.pyp", "i.org/attestations/publish/v1");
/// A publish attestation of conda (CEP 27): the same of a channel's files.
pub const CONDA_PUBLISH: &str = "https://schemas.conda.org/attestations-publish-1.schema.json";
/// That an image is signed (cosign 3): a statement of this type is a signature, one of another is not.
pub const COSIGN_SIGN: &str = "https://sigstore.dev/cosign/sign/v1";
/// A verification summary (SLSA VSA 1.x): a verifier's verdict, instead of the evidence.
pub const VSA: &str = "https://slsa.dev/verification_summary/v1";

/// Longest statement, in bytes. The longest seen, with a whole GitHub event in it, has 60 kB.
pub const MAX_STATEMENT_LEN: usize = 8 << 20;
/// Most subjects of a statement; releases with some hundreds of assets exist.
pub const MAX_SUBJECTS: usize = 10_000;

const TYPES: [&str; 2] = ["https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"];

impl Statement {
    /// Reads the payload of an envelope.
    pub fn parse(payload: &[u8]) -> Result<Self, StatementError> {
        let value = json::parse(payload, MAX_STATEMENT_LEN).map_err(StatementError::Json)?;
        let Value::Object(mut object) = value else { return Err(StatementError::Shape("the statement")) };
        let kind = object.get("_type").and_then(Value::as_str).ok_or(StatementError::Shape("`_type`"))?;
        if !TYPES.contains(&kind) {
            return Err(StatementError::Type(kind.to_owned()));
        }
        let predicate_type =
            object.get("predicateType").and_then(Value::as_str).ok_or(StatementError::Shape("`predicateType`"))?;
        let predicate_type = predicate_type.to_owned();
        let subjects = object.get("subject").and_then(Value::as_array).ok_or(StatementError::Shape("`subject`"))?;
        if subjects.is_empty() {
            return Err(StatementError::NoSubject);
        }
        if subjects.len() > MAX_SUBJECTS {
            return Err(StatementError::TooManySubjects);
        }
        let subjects = subjects.iter().map(Subject::read).collect::<Result<_, _>>()?;
        Ok(Self { subjects, predicate_type, predicate: object.remove("predicate").unwrap_or(Value::Null) })
    }

    /// Whether the claim is SLSA provenance of a version that pinfold reads.
    pub fn is_provenance(&self) -> bool {
        [SLSA_V1, SLSA_V02].contains(&self.predicate_type.as_str())
    }

    /// Whether it is a signature of an image, which has a statement's form and claims nothing.
    pub fn is_signature(&self) -> bool {
        self.predicate_type == COSIGN_SIGN
    }
}

impl Subject {
    fn read(value: &Value) -> Result<Self, StatementError> {
        let object = value.as_object().ok_or(StatementError::Shape("a subject"))?;
        let name = match object.get("name") {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(name)) => name.clone(),
            Some(_) => return Err(StatementError::Shape("a subject's `name`")),
        };
        let digests = object.get("digest").and_then(Value::as_object);
        let digests = digests.ok_or_else(|| StatementError::NoDigest(name.clone()))?;
        let read = |(algorithm, digest): (&String, &Value)| {
            let digest = digest.as_str().ok_or(StatementError::Shape("a subject's `digest`"))?;
            Ok((algorithm.clone(), digest.to_owned()))
        };
        let digests: BTreeMap<_, _> = digests.iter().map(read).collect::<Result<_, _>>()?;
        if digests.is_empty() {
            return Err(StatementError::NoDigest(name));
        }
        Ok(Self { name, digests })
    }
}

/// Why bytes are not a [`Statement`].
#[derive(Debug)]
pub enum StatementError {
    /// Not JSON.
    Json(JsonError),
    /// Something is missing or of another kind: what.
    Shape(&'static str),
    /// `_type` is none that pinfold reads.
    Type(String),
    /// No subjects.
    NoSubject,
    /// More than [`MAX_SUBJECTS`].
    TooManySubjects,
    /// A subject without digests: its name.
    NoDigest(String),
}

impl StatementError {
    /// A stable id of the refusal.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Json(error) => error.code(),
            Self::Shape(_) => "statement-shape",
            Self::Type(_) => "statement-type",
            Self::NoSubject => "statement-no-subject",
            Self::TooManySubjects => "statement-many-subjects",
            Self::NoDigest(_) => "statement-no-digest",
        }
    }
}

impl fmt::Display for StatementError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => write!(f, "the statement is {error}"),
            Self::Shape(what) => write!(f, "{what} is missing or malformed"),
            Self::Type(kind) => write!(f, "the statement is of the type `{}`", kind.escape_debug()),
            Self::NoSubject => f.write_str("the statement is about no artifact"),
            Self::TooManySubjects => write!(f, "the statement has more than {MAX_SUBJECTS} subjects"),
            Self::NoDigest(name) => write!(f, "the subject `{}` has no digest", name.escape_debug()),
        }
    }
}

impl std::error::Error for StatementError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Json(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://slsa.dev/provenance/v1",
        "subject":[{"name":"a","digest":{"sha256":"00"}},{"digest":{"sha512":"11"}}],"predicate":{"x":1}}"#;

    #[test]
    fn reads_both_versions() {
        for text in [GOOD.to_owned(), GOOD.replace("Statement/v1", "Statement/v0.1")] {
            let statement = Statement::parse(text.as_bytes()).expect("a statement");
            assert!(statement.is_provenance());
            let names: Vec<&str> = statement.subjects.iter().map(|subject| subject.name.as_str()).collect();
            assert_eq!(names, ["a", ""]);
            assert_eq!(statement.predicate["x"], 1);
        }
    }

    #[test]
    fn refuses_each_way_to_be_wrong() {
        let check = |from: &str, to: &str, code: &str| {
            assert!(GOOD.contains(from), "{from}");
            let error = Statement::parse(GOOD.replace(from, to).as_bytes()).expect_err(to);
            assert_eq!(error.code(), code, "{error}");
        };
        check("Statement/v1", "Statement/v2", "statement-type");
        // What a writer that takes the protobuf field's name for its JSON name leaves.
        check("\"_type\"", "\"type\"", "statement-shape");
        check("\"predicateType\"", "\"predicate_type\"", "statement-shape");
        check("\"name\":\"a\"", "\"name\":7", "statement-shape");
        check("{\"sha256\":\"00\"}", "{}", "statement-no-digest");
        check("{\"sha256\":\"00\"}", "7", "statement-no-digest");
        check("\"00\"", "0", "statement-shape");
        check("\"x\":1", "\"x\":1,\"x\":2", "json-malformed");
        check(GOOD, "[]", "statement-shape");
        check(
            GOOD,
            "{\"_type\":\"https://in-toto.io/Statement/v1\",\"predicateType\":\"p\",\"subject\":[]}",
            "statement-no-subject",
        );
    }
}
