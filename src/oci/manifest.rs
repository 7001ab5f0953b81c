//! [`Document`]: what a registry has under a tag or a digest: a [`Manifest`] or an [`Index`] (OCI image specification 1.1,
//! Docker image manifest version 2, schema 2).
//!
//! Refuses other schemas, documents that are both (CVE-2021-41190), names that differ from a known one by their case alone,
//! which readers in Go take for it, a `Content-Type` that is not the `mediaType`, and
//! more than [`MAX_MANIFEST_LEN`] bytes or [`MAX_DESCRIPTORS`] entries.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

use crate::media_types::{DOCKER_LIST, DOCKER_MANIFEST, INDEX, MANIFEST, TITLE, plain};
use pinfold_core::digest::Integrity;
use pinfold_core::json::{self, JsonError};
use pinfold_core::oci::{DigestError, parse_digest};
use pinfold_core::oci::{ImagePlatform, MAX_DESCRIPTORS};

/// Longest manifest or index, in bytes (OCI distribution specification, "Pushing manifests": registries take 4 MiB).
pub const MAX_MANIFEST_LEN: usize = 4 << 20;

/// What is under a tag or a digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// One artifact.
    Manifest(Box<Manifest>),
    /// Several, of which one is chosen.
    Index(Index),
}

/// One artifact: its layers, and what it is attached to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// What kind of artifact it is: `artifactType`, else the media type of the configuration.
    pub artifact_type: String,
    /// The configuration.
    pub config: Descriptor,
    /// The contents, in order.
    pub layers: Vec<Descriptor>,
    /// What it is attached to.
    pub subject: Option<Descriptor>,
    /// Notes by whoever pushed; empty where one is no text.
    pub annotations: BTreeMap<String, String>,
}

/// Several artifacts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// Those that are in it, in order.
    pub manifests: Vec<Descriptor>,
    /// What it is attached to.
    pub subject: Option<Box<Descriptor>>,
}

/// Says what bytes are: their media type, digest and length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// The media type.
    pub media_type: String,
    /// The digest.
    pub digest: Integrity,
    /// The length, in bytes.
    pub size: u64,
    /// What kind of artifact a manifest is said to be; nobody has checked that.
    pub artifact_type: Option<String>,
    /// Notes by whoever pushed.
    pub annotations: BTreeMap<String, String>,
    /// What it is for, in an index.
    pub platform: Option<ImagePlatform>,
    /// Whether the bytes are said to lie on other servers.
    pub is_foreign: bool,
}

impl Document {
    /// Reads what came, by what the server called it.
    pub fn parse(bytes: &[u8], content_type: Option<&str>) -> Result<Self, ManifestError> {
        let value = json::parse(bytes, MAX_MANIFEST_LEN).map_err(ManifestError::Json)?;
        let object = value.as_object().ok_or(ManifestError::Shape("the document"))?;
        spelled(object, &NAMES)?;
        if object.get("schemaVersion").and_then(Value::as_u64) != Some(2) {
            return Err(ManifestError::Schema);
        }
        let own = match object.get("mediaType") {
            None => None,
            Some(own) => Some(own.as_str().ok_or(ManifestError::Shape("mediaType"))?),
        };
        let called = content_type.map(plain);
        let has_layers = object.contains_key("layers") || object.contains_key("config");
        let has_manifests = object.contains_key("manifests");
        let kind = match (own, called) {
            (Some(own), Some(called)) if own != called => {
                return Err(ManifestError::ContentType { document: own.to_owned(), server: called });
            }
            (Some(own), _) => own.to_owned(),
            (None, Some(called)) => called,
            // Whoever reads it later has its digest and no server that would call it anything.
            (None, None) if has_manifests => INDEX.to_owned(),
            (None, None) => MANIFEST.to_owned(),
        };
        match kind.as_str() {
            _ if has_layers && has_manifests => Err(ManifestError::Both),
            MANIFEST | DOCKER_MANIFEST => Manifest::read(object).map(|read| Self::Manifest(Box::new(read))),
            INDEX | DOCKER_LIST => {
                let manifests = descriptors(object, "manifests", "a manifest")?;
                Ok(Self::Index(Index { manifests, subject: subject(object)?.map(Box::new) }))
            }
            _ => Err(ManifestError::MediaType(kind)),
        }
    }
}

impl Manifest {
    fn read(object: &Map<String, Value>) -> Result<Self, ManifestError> {
        let config = object.get("config").ok_or(ManifestError::Shape("config"))?;
        let config = Descriptor::read(config, "the configuration")?;
        let notes = object.get("annotations").and_then(Value::as_object);
        let note = |(name, value): (&String, &Value)| (name.clone(), value.as_str().unwrap_or_default().to_owned());
        let artifact_type = text(object, "artifactType")?.filter(|text| !text.is_empty());
        Ok(Self {
            artifact_type: artifact_type.unwrap_or_else(|| config.media_type.clone()),
            layers: descriptors(object, "layers", "a layer")?,
            config,
            subject: subject(object)?,
            annotations: notes.into_iter().flatten().map(note).collect(),
        })
    }
}

impl Descriptor {
    /// What the file is called, as whoever pushed it says: no path, and nothing that was checked.
    pub fn title(&self) -> Option<&str> {
        self.annotations.get(TITLE).map(String::as_str)
    }

    fn read(value: &Value, what: &'static str) -> Result<Self, ManifestError> {
        let object = value.as_object().ok_or(ManifestError::Shape(what))?;
        spelled(object, &DESCRIPTOR)?;
        let media_type = text(object, "mediaType")?.ok_or(ManifestError::Shape("mediaType"))?;
        let digest = text(object, "digest")?.ok_or(ManifestError::Shape("digest"))?;
        let digest = parse_digest(&digest).map_err(|source| ManifestError::Digest { digest, source })?;
        let size = object.get("size").and_then(Value::as_u64).ok_or(ManifestError::Shape("size"))?;
        let annotations = match object.get("annotations") {
            None | Some(Value::Null) => BTreeMap::new(),
            Some(Value::Object(notes)) => {
                let note = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
                let notes: Option<_> = notes.iter().map(note).collect();
                notes.ok_or(ManifestError::Shape("annotations"))?
            }
            Some(_) => return Err(ManifestError::Shape("annotations")),
        };
        let urls = object.get("urls").and_then(Value::as_array);
        Ok(Self {
            media_type,
            digest,
            size,
            artifact_type: text(object, "artifactType")?,
            annotations,
            platform: object.get("platform").and_then(ImagePlatform::of),
            is_foreign: urls.is_some_and(|urls| !urls.is_empty()),
        })
    }
}

fn subject(object: &Map<String, Value>) -> Result<Option<Descriptor>, ManifestError> {
    let subject = object.get("subject").filter(|subject| !subject.is_null());
    subject.map(|subject| Descriptor::read(subject, "the subject")).transpose()
}

fn descriptors(
    object: &Map<String, Value>,
    name: &'static str,
    what: &'static str,
) -> Result<Vec<Descriptor>, ManifestError> {
    let list = object.get(name).and_then(Value::as_array).ok_or(ManifestError::Shape(name))?;
    if list.len() > MAX_DESCRIPTORS {
        return Err(ManifestError::TooMany);
    }
    list.iter().map(|one| Descriptor::read(one, what)).collect()
}

/// Refuses a name that is a known one in another case. Go's reader also takes `ſ` for s and the Kelvin sign for k.
fn spelled(object: &Map<String, Value>, known: &[&str]) -> Result<(), ManifestError> {
    let folded = |name: &str| name.to_uppercase().to_lowercase();
    let is_other =
        |name: &&String| !known.contains(&name.as_str()) && known.iter().any(|known| folded(known) == folded(name));
    object.keys().find(is_other).map_or(Ok(()), |name| Err(ManifestError::Spelling(name.clone())))
}

const NAMES: [&str; 7] = ["schemaVersion", "mediaType", "artifactType", "config", "layers", "manifests", "subject"];
const DESCRIPTOR: [&str; 7] = ["mediaType", "digest", "size", "artifactType", "annotations", "platform", "urls"];

fn text(object: &Map<String, Value>, name: &'static str) -> Result<Option<String>, ManifestError> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(ManifestError::Shape(name)),
    }
}

/// Why bytes are neither a manifest nor an index.
#[derive(Debug)]
pub enum ManifestError {
    /// Not strict JSON, or too long.
    Json(JsonError),
    /// Something is missing or of another kind: what.
    Shape(&'static str),
    /// Another `schemaVersion` than 2.
    Schema,
    /// The server calls it something else than it calls itself.
    ContentType {
        /// What it calls itself.
        document: String,
        /// What the server calls it.
        server: String,
    },
    /// Another media type than the four.
    MediaType(String),
    /// A manifest and an index at once.
    Both,
    /// A name that other readers take for a known one.
    Spelling(String),
    /// More than [`MAX_DESCRIPTORS`].
    TooMany,
    /// A digest that is none.
    Digest {
        /// As it stands there.
        digest: String,
        /// Why.
        source: DigestError,
    },
}

impl ManifestError {
    /// A stable id of the refusal.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Json(error) => error.code(),
            Self::Shape(_) => "manifest-shape",
            Self::Schema => "manifest-schema",
            Self::ContentType { .. } => "manifest-content-type",
            Self::MediaType(_) => "manifest-media-type",
            Self::Both => "manifest-ambiguous",
            Self::Spelling(_) => "manifest-spelling",
            Self::TooMany => "manifest-entries",
            Self::Digest { source, .. } => source.code(),
        }
    }
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => write!(f, "the manifest is {error}"),
            Self::Shape(what) => write!(f, "the manifest is malformed: {what}"),
            Self::Schema => f.write_str("the manifest is of another schema than 2"),
            Self::ContentType { document, server } => write!(
                f,
                "the server calls it `{}`, and it calls itself `{}`",
                server.escape_debug(),
                document.escape_debug()
            ),
            Self::MediaType(kind) => write!(f, "`{}` is no kind of manifest that pinfold reads", kind.escape_debug()),
            Self::Both => f.write_str("the document is a manifest and an index at once"),
            Self::Spelling(name) => {
                let shown: String = name.escape_debug().take(100).collect();
                write!(f, "the manifest has `{shown}`, which other readers take for a name that it has in another case")
            }
            Self::TooMany => write!(f, "the manifest has more than {MAX_DESCRIPTORS} entries"),
            Self::Digest { digest, source } => {
                let shown: String = digest.escape_debug().take(100).collect();
                write!(f, "the manifest names `{shown}`: {source}")
            }
        }
    }
}

impl std::error::Error for ManifestError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Json(error) => Some(error),
            Self::Digest { source, .. } => Some(source),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn manifest() -> String {
        format!(
            r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","artifactType":"application/x","config":{{"mediaType":"c","digest":"{DIGEST}","size":2}},
            "layers":[{{"mediaType":"l","digest":"{DIGEST}","size":3,"annotations":{{"{TITLE}":"tool"}}}}]}}"#
        )
    }

    #[test]
    fn reads_both_kinds_of_both_houses() {
        let Document::Manifest(found) = Document::parse(manifest().as_bytes(), Some(MANIFEST)).expect("one") else {
            panic!("an index")
        };
        assert_eq!(
            (found.artifact_type.as_str(), found.layers[0].title(), found.layers[0].size),
            ("application/x", Some("tool"), 3)
        );
        let docker = manifest().replace(MANIFEST, DOCKER_MANIFEST);
        assert!(Document::parse(docker.as_bytes(), Some(&format!("{DOCKER_MANIFEST}; charset=utf-8"))).is_ok());
        for kind in [INDEX, DOCKER_LIST] {
            let index = format!(
                r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"m","digest":"{DIGEST}","size":1,"platform":{{"os":"linux","architecture":"arm","variant":"v7"}}}}]}}"#
            );
            let Document::Index(index) = Document::parse(index.as_bytes(), Some(kind)).expect("an index") else {
                panic!("a manifest")
            };
            assert_eq!(index.manifests[0].platform.as_ref().map(ToString::to_string).as_deref(), Some("linux/arm/v7"));
        }
    }

    #[test]
    fn refuses_each_way_to_be_wrong() {
        let good = manifest();
        let check = |from: &str, to: &str, code: &str| {
            assert!(good.contains(from), "{from}");
            let error = Document::parse(good.replace(from, to).as_bytes(), Some(MANIFEST)).expect_err(to);
            assert_eq!(error.code(), code, "{error}");
        };
        check("\"schemaVersion\":2", "\"schemaVersion\":1", "manifest-schema");
        check("\"schemaVersion\":2,", "", "manifest-schema");
        check("\"layers\":[", "\"manifests\":[],\"layers\":[", "manifest-ambiguous");
        check("\"config\"", "\"configuration\"", "manifest-shape");
        check("\"layers\"", "\"blobs\"", "manifest-shape");
        check("\"size\":3", "\"size\":-3", "manifest-shape");
        check("\"size\":3", "\"size\":\"3\"", "manifest-shape");
        check("\"size\":3", "\"size\":3.5", "manifest-shape");
        check(":\"tool\"", ":7", "manifest-shape");
        check(
            &format!("\"digest\":\"{DIGEST}\",\"size\":3"),
            "\"digest\":\"md5:00\",\"size\":3",
            "oci-digest-algorithm",
        );
        check(&format!("\"digest\":\"{DIGEST}\",\"size\":3"), "\"digest\":\"x\",\"size\":3", "oci-digest");
        check("\"size\":3", "\"size\":3,\"size\":4", "json-malformed");
        check(MANIFEST, INDEX, "manifest-content-type");
        check(&good, "[]", "manifest-shape");
        let called =
            |called: Option<&str>, text: &str| Document::parse(text.as_bytes(), called).expect_err("no").code();
        assert_eq!(called(Some("application/json"), &good), "manifest-content-type");
        let unnamed = good.replace(&format!("\"mediaType\":\"{MANIFEST}\","), "");
        assert!(Document::parse(unnamed.as_bytes(), None).is_ok());
        assert_eq!(called(Some("text/html"), &unnamed), "manifest-media-type");
        assert_eq!(called(Some(INDEX), &unnamed), "manifest-shape");
        let layer = format!(r#"{{"mediaType":"l","digest":"{DIGEST}","size":3}}"#);
        let many = format!("[{}]", vec![layer; MAX_DESCRIPTORS + 1].join(","));
        let many = format!(
            r#"{{"schemaVersion":2,"config":{{"mediaType":"c","digest":"{DIGEST}","size":2}},"layers":{many}}}"#
        );
        assert_eq!(called(Some(MANIFEST), &many), "manifest-entries");
    }
}
