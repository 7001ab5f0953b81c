//! One question: a bounded body in memory that is not a web page, and strict JSON of it.

use std::io;

use serde_json::Value;

use super::error::{AskError, Service};
use crate::http::{self, BodyLimit, Clock, Http, Rules, Sink};
use pinfold_core::json;
use pinfold_core::url::Url;

/// Asks one service.
pub(super) struct Asker<'a> {
    pub(super) http: &'a dyn Http,
    pub(super) rules: &'a Rules<'a>,
    pub(super) clock: &'a dyn Clock,
    pub(super) service: Service,
}

/// What came.
pub(super) struct Body {
    /// From where, after all redirects.
    pub(super) url: Url,
    pub(super) bytes: Vec<u8>,
}

impl Asker<'_> {
    /// The text at a URL, of at most `limit` bytes.
    pub(super) fn get(&self, url: &Url, limit: u64, accept: Option<&'static str>) -> Result<Body, AskError> {
        let body = self.get_raw(url, limit, accept)?;
        // JSON begins with no `<`, whatever the server calls it.
        if body.bytes.trim_ascii_start().starts_with(b"<") {
            return Err(AskError::WebPage { service: self.service, url: bare(url) });
        }
        Ok(body)
    }

    /// The bytes at a URL, which are not called a web page.
    pub(super) fn get_raw(&self, url: &Url, limit: u64, accept: Option<&'static str>) -> Result<Body, AskError> {
        let mut memory = Memory::default();
        let rules = Rules { accept, ..self.rules.clone() };
        let limit = BodyLimit::AtMost(limit);
        let outcome = http::download(self.http, url, &rules, limit, self.clock, &mut memory).map_err(|mut error| {
            // A query may be a signature that grants access, and the error will be shown.
            error.url = bare(url).parse().unwrap_or(error.url);
            AskError::Download { service: self.service, error: Box::new(error) }
        })?;
        let kind = outcome.content_type.unwrap_or_default().to_ascii_lowercase();
        if kind.trim_start().starts_with("text/html") {
            return Err(AskError::WebPage { service: self.service, url: bare(url) });
        }
        Ok(Body { url: outcome.url, bytes: memory.0 })
    }
}

/// `None` where the source says that there is nothing: 404, from the server that was asked.
pub(super) fn none_if_absent(body: Result<Body, AskError>) -> Result<Option<Body>, AskError> {
    match body {
        Err(error) if error.is_absent() => Ok(None),
        body => body.map(Some),
    }
}

/// Strict JSON of an answer; its length was bounded when it came.
pub(super) fn parse(url: &Url, bytes: &[u8]) -> Result<Value, AskError> {
    json::parse(bytes, bytes.len()).map_err(|error| AskError::Json { url: bare(url), error })
}

/// An answer that is JSON and not what was asked for.
pub(super) fn shape(url: &Url, what: &'static str) -> AskError {
    AskError::Shape { url: bare(url), what }
}

/// A URL without its query.
pub fn bare(url: &Url) -> String {
    format!("{}{}", url.origin(), url.path())
}

/// A body in memory. What a server announces reserves nothing.
#[derive(Default)]
pub struct Memory(pub Vec<u8>);

impl Sink for Memory {
    fn restart(&mut self) -> io::Result<()> {
        self.0.clear();
        Ok(())
    }

    fn expect(&mut self, _bytes: u64) {}

    fn write(&mut self, chunk: &[u8]) -> io::Result<()> {
        self.0.extend_from_slice(chunk);
        Ok(())
    }
}
