//! GitHub's answer: bundles in it, or addresses of bundles in raw Snappy elsewhere.

use serde_json::Value;

use super::ask::{self, Asker, bare, none_if_absent, shape};
use super::error::AskError;
use super::{Answer, Document, GITHUB_JSON, MAX_ANSWER_LEN};
use crate::http::Rules;
use crate::source::credentials::Credentials;
use crate::source::github::PER_PAGE;
use pinfold_core::url::{Url, UrlError};

/// Asks for the list at `url` and for the bundles that it leads to.
pub(super) fn attestations(asker: &Asker<'_>, url: &Url) -> Result<Answer, AskError> {
    let Some(body) = none_if_absent(asker.get(url, MAX_ANSWER_LEN, Some(GITHUB_JSON)))? else {
        return Ok(Answer::None);
    };
    let answer = ask::parse(url, &body.bytes)?;
    let list = answer.get("attestations").and_then(Value::as_array);
    let list = list.ok_or_else(|| shape(url, "it has no list of attestations"))?;
    if list.is_empty() {
        // As with 404: nobody else speaks for the server that was asked.
        let same = body.url.origin() == url.origin();
        return if same { Ok(Answer::None) } else { Err(shape(url, "another server has an empty list")) };
    }
    if list.len() >= PER_PAGE {
        return Err(AskError::ManyPages { url: bare(url) });
    }
    let mut room = MAX_ANSWER_LEN;
    let mut documents = Vec::with_capacity(list.len());
    for item in list {
        documents.push(match (item.get("bundle"), item.get("bundle_url").and_then(Value::as_str)) {
            (Some(bundle @ Value::Object(_)), _) => Document { url: bare(url), bytes: bundle.to_string().into_bytes() },
            (None | Some(Value::Null), Some(elsewhere)) => fetch(asker, url, elsewhere, &mut room)?,
            _ => return Err(shape(url, "an attestation has neither a bundle nor its address")),
        });
    }
    Ok(Answer::Documents(documents))
}

/// A bundle that is kept elsewhere. Its address is a signature that lets anybody in: no credentials go there, not even
/// to a server that has some.
fn fetch(asker: &Asker<'_>, from: &Url, address: &str, room: &mut u64) -> Result<Document, AskError> {
    let malformed = |error| AskError::BundleUrl { url: bare(from), error };
    let url: Url = address.parse().map_err(malformed)?;
    // As with a redirect: https does not lead to http.
    if from.is_https() && !url.is_https() {
        return Err(malformed(UrlError::PlainHttp));
    }
    let nothing = Credentials::default();
    let rules = Rules { credentials: &nothing, ..asker.rules.clone() };
    let packed = Asker { rules: &rules, ..*asker }.get_raw(&url, *room, None)?.bytes;
    let bytes = unpack(&url, &packed, *room)?;
    *room = room.saturating_sub(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    ask::parse(&url, &bytes)?;
    Ok(Document { url: bare(&url), bytes })
}

/// Raw Snappy. The length stands in front, and is held against the room before a byte is reserved.
fn unpack(url: &Url, packed: &[u8], room: u64) -> Result<Vec<u8>, AskError> {
    let malformed = |error: snap::Error| AskError::Snappy { url: bare(url), error: error.into() };
    let len = snap::raw::decompress_len(packed).map_err(malformed)?;
    if u64::try_from(len).map_or(true, |len| len > room) {
        return Err(AskError::TooLong { url: bare(url), limit: room });
    }
    snap::raw::Decoder::new().decompress_vec(packed).map_err(malformed)
}
