//! Asks the source of an artifact what it has beside the bytes: evidence, signatures, and where a file is.
//!
//! What comes back is believed by nobody here: only the outermost shape is looked at, so that a login page, half an
//! answer or the first of two pages is not taken for one. Could not ask is an error, and never "none exists": that is
//! said by the source alone, with 404 from the server that was asked, not from one that it led to.

pub mod ask;
mod error;
#[cfg(feature = "attestations")]
mod github;
mod metadata;

use serde_json::Value;

use self::ask::{Asker, none_if_absent, shape};
use crate::http::{Clock, Failure, Http, Rules};
use crate::source::npm;
use crate::source::pypi::{self, Listed};
#[cfg(feature = "attestations")]
use pinfold_core::digest::Sha256;
use pinfold_core::url::Url;

pub use self::error::{AskError, ServerError, Service};
pub use self::metadata::{
    Asset, File, MAX_PACKAGE_LEN, MAX_VERSIONS, Package, Release, Version, github_release, npm_package, pypi_project,
    seconds,
};

/// What a source said when it was asked for evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The documents as they came, at least one.
    Documents(Vec<Document>),
    /// The source says that it has none.
    None,
}

/// A document as received: JSON text whose shape `attestation` sorts out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Where it came from, without the query, which may be a signature that grants access.
    pub url: String,
    /// The text: strict JSON, which is all that is known of it.
    pub bytes: Vec<u8>,
}

/// What an npm registry says of a version beside its tarball, none of it proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NpmSignatures {
    /// `dist.integrity`, an SRI value.
    pub integrity: Option<String>,
    /// `dist.signatures`: the id of a key, and a signature in base64.
    pub signatures: Vec<(String, String)>,
}

/// The attestations of a version in an npm registry: its whole response, as one document.
pub fn npm_attestations(
    http: &dyn Http,
    rules: &Rules<'_>,
    clock: &dyn Clock,
    registry: &Url,
    name: &str,
    version: &str,
) -> Result<Answer, AskError> {
    let url = npm::attestations_url(registry, name, version).map_err(AskError::Npm)?;
    let body = Asker { http, rules, clock, service: Service::Npm }.get(&url, MAX_ANSWER_LEN, Some(JSON));
    whole(&url, "attestations", body)
}

/// The signatures of an npm registry over a version. A registry without the version has no answer, not none.
pub fn npm_signatures(
    http: &dyn Http,
    rules: &Rules<'_>,
    clock: &dyn Clock,
    registry: &Url,
    name: &str,
    version: &str,
) -> Result<NpmSignatures, AskError> {
    let url = npm::version_url(registry, name, version).map_err(AskError::Npm)?;
    let asker = Asker { http, rules, clock, service: Service::Npm };
    let body = asker.get(&url, MAX_ANSWER_LEN, Some(JSON))?;
    let document = ask::parse(&url, &body.bytes)?;
    let dist = document.get("dist").ok_or_else(|| shape(&url, "it has no `dist`"))?;
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let integrity = match dist.get("integrity") {
        None => None,
        Some(Value::String(integrity)) => Some(integrity.clone()),
        Some(_) => return Err(shape(&url, "`dist.integrity` is not a string")),
    };
    let signatures = match dist.get("signatures") {
        None => Vec::new(),
        Some(signatures) => {
            let list = signatures.as_array().ok_or_else(|| shape(&url, "`dist.signatures` is not a list"))?;
            let pair = |one: &Value| text(one, "keyid").zip(text(one, "sig"));
            let pairs: Option<Vec<_>> = list.iter().map(pair).collect();
            pairs.ok_or_else(|| shape(&url, "a signature has no `keyid` or no `sig`"))?
        }
    };
    Ok(NpmSignatures { integrity, signatures })
}

#[cfg(feature = "attestations")]
/// The attestations that GitHub keeps for bytes of this SHA-256, each bundle a document.
///
/// `api` is the base of the API. GitHub says that it has none with 404, and since 2026 with an empty list too.
pub fn github_attestations(
    http: &dyn Http,
    rules: &Rules<'_>,
    clock: &dyn Clock,
    api: &Url,
    owner: &str,
    repo: &str,
    sha256: &Sha256,
) -> Result<Answer, AskError> {
    let url = crate::source::github::attestations_url(api, owner, repo, sha256).map_err(AskError::Github)?;
    github::attestations(&Asker { http, rules, clock, service: Service::Github }, &url)
}

/// The provenance of a file in a Python index: its whole response, as one document.
pub fn pypi_provenance(
    http: &dyn Http,
    rules: &Rules<'_>,
    clock: &dyn Clock,
    index: &Url,
    project: &str,
    version: &str,
    file: &str,
) -> Result<Answer, AskError> {
    let url = pypi::provenance_url(index, project, version, file).map_err(AskError::Pypi)?;
    let asker = Asker { http, rules, clock, service: Service::Pypi };
    let body = asker.get(&url, MAX_ANSWER_LEN, Some(PYPI_INTEGRITY)).map_err(|error| match &error {
        AskError::Download { error: download, .. }
            if matches!(*download.failure, Failure::NotAuthorized { status: 403, .. }) =>
        {
            AskError::Disabled { url: ask::bare(&url) }
        }
        _ => error,
    });
    whole(&url, "attestation_bundles", body)
}

/// What a Python index says of a file of a project: above all, where it is.
pub fn pypi_file(
    http: &dyn Http,
    rules: &Rules<'_>,
    clock: &dyn Clock,
    index: &Url,
    project: &str,
    file: &str,
) -> Result<Listed, AskError> {
    let url = pypi::project_url(index, project).map_err(AskError::Pypi)?;
    let body = Asker { http, rules, clock, service: Service::Pypi }.get(&url, MAX_LIST_LEN, Some(PYPI_SIMPLE))?;
    let list = |error| AskError::List { url: ask::bare(&url), file: file.to_owned(), error };
    pypi::find(&body.bytes, &body.url, file).map_err(list)
}

/// A response that is one document, if it has something in `list`.
fn whole(url: &Url, list: &'static str, body: Result<ask::Body, AskError>) -> Result<Answer, AskError> {
    let Some(body) = none_if_absent(body)? else { return Ok(Answer::None) };
    let items = ask::parse(url, &body.bytes)?.get(list).and_then(Value::as_array).map(Vec::len);
    match items {
        None => Err(shape(url, "it has no list of attestations")),
        Some(0) => Err(shape(url, "its list of attestations is empty")),
        Some(_) => Ok(Answer::Documents(vec![Document { url: ask::bare(url), bytes: body.bytes }])),
    }
}

/// Longest answer, in bytes, with all the bundles that it leads to: the largest seen have some hundred kilobytes.
pub const MAX_ANSWER_LEN: u64 = 16 << 20;
/// Longest list of a project's files, in bytes: those with tens of thousands of files take some megabytes.
pub const MAX_LIST_LEN: u64 = 32 << 20;

const JSON: &str = "application/json";
/// What GitHub recommends to ask for.
const GITHUB_JSON: &str = "application/vnd.github+json";
/// PyPI's own type of an integrity response.
const PYPI_INTEGRITY: &str = "application/vnd.pypi.integrity.v1+json";
/// PEP 691.
const PYPI_SIMPLE: &str = "application/vnd.pypi.simple.v1+json";
