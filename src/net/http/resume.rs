//! [`Begun`]: what is there of a body that broke off, and whether a part that comes fits behind it.
//!
//! Asks for the rest of a body (RFC 9110, section 14.2), bound to the version that it began with where the server gave that
//! a strong name (`If-Range`, section 13.1.5). Without one only who knows the digest of the whole asks for a rest, and notices
//! there if two versions were put together. Refuses parts that begin elsewhere, end nowhere, are of another length or of
//! another version: the whole is asked for in place of them, and from then on nothing else.

use super::{PartHeaders, RegistryHeaders, Response, without_query};
use pinfold_core::url::Url;

/// What is there of a body.
#[derive(Debug, Default)]
pub struct Begun {
    /// How much, in bytes.
    len: u64,
    /// How much there will be, where somebody said so, in bytes.
    total: Option<u64>,
    /// What the server said when the body began.
    head: Head,
    /// The body was put together from parts.
    is_pieced: bool,
    /// No part is asked for any more.
    only_whole: bool,
}

/// What a server says before a body.
#[derive(Debug, Clone, Default)]
pub(super) struct Head {
    pub(super) content_type: Option<String>,
    pub(super) registry: RegistryHeaders,
    etag: Option<String>,
    /// Who sent it, without the query: the signature in one is another each time.
    place: String,
}

impl Head {
    pub(super) fn of(response: &Response, url: &Url) -> Self {
        let (content_type, registry) = (response.content_type.clone(), response.registry.clone());
        Self { content_type, registry, etag: response.part.etag.clone(), place: without_query(url) }
    }
}

impl Begun {
    /// How much is there, in bytes.
    #[expect(clippy::len_without_is_empty, reason = "nobody asks whether nothing is there")]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// What the server said when the body began.
    pub(super) const fn head(&self) -> &Head {
        &self.head
    }

    /// Whether what is there came in parts.
    pub(super) const fn is_pieced(&self) -> bool {
        self.is_pieced
    }

    /// A whole body comes, in place of what was there.
    pub(super) fn begin(&mut self, head: Head) {
        *self = Self { head, only_whole: self.only_whole, ..Self::default() };
    }

    /// So many bytes will be there, in all.
    pub(super) const fn expect(&mut self, total: Option<u64>) {
        self.total = total;
    }

    /// The next bytes came.
    pub(super) const fn add(&mut self, bytes: u64) {
        self.len = self.len.saturating_add(bytes);
    }

    /// Nothing is there any more.
    pub(super) fn clear(&mut self) {
        self.begin(Head::default());
    }

    /// Nothing is there any more, and no part is asked for again: parts of this body do not fit together.
    pub(super) fn begin_anew(&mut self) {
        self.clear();
        self.only_whole = true;
    }

    /// Whether the rest is asked for, rather than the whole. `is_held` says that somebody holds the whole to its digest.
    pub(super) fn goes_on(&self, is_held: bool) -> bool {
        let is_short = self.total.is_none_or(|total| self.len < total);
        self.len > 0 && is_short && !self.only_whole && (is_held || self.strong_etag().is_some())
    }

    /// The headers that ask for the rest.
    pub(super) fn headers(&self) -> impl Iterator<Item = (&'static str, String)> {
        let version = self.strong_etag().map(|etag| ("If-Range", etag.to_owned()));
        std::iter::once(("Range", format!("bytes={}-", self.len))).chain(version)
    }

    /// Takes the part that a server is about to send, `None` where it does not fit; else says with which byte it ends, and how
    /// many there are in the whole.
    pub(super) fn take(&mut self, response: &Response, url: &Url, is_held: bool, size: Option<u64>) -> Option<Part> {
        let PartHeaders { etag, content_range } = &response.part;
        let (start, last, told) = range(content_range.as_deref()?)?;
        let end = last.checked_add(1)?;
        let known = size.or(self.total);
        let total = told.or(known)?;
        let kind = response.content_type.as_deref().unwrap_or_default().to_ascii_lowercase();
        let fits = start == self.len
            && start < end
            && end <= total
            && known.is_none_or(|known| known == total)
            && response.content_length.is_none_or(|length| Some(length) == end.checked_sub(start))
            && !kind.trim_start().starts_with("multipart/");
        // The name of a version stands beside each part, and says nothing of another address.
        let is_here = self.head.place == without_query(url);
        let names = self.head.etag.as_ref().zip(etag.as_ref());
        let is_other = is_here && names.is_some_and(|(before, now)| before != now);
        let is_known = is_held || (etag.is_some() && is_here);
        if !fits || is_other || !is_known {
            return None;
        }
        (self.is_pieced, self.total) = (true, Some(total));
        Some(Part { end, total })
    }

    /// A name that only this very version has (RFC 9110, section 8.8.3): weak ones may stand for several.
    fn strong_etag(&self) -> Option<&str> {
        let etag = self.head.etag.as_deref()?;
        let inner = etag.strip_prefix('"')?.strip_suffix('"')?;
        let fits = etag.len() <= LONGEST_ETAG && inner.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"');
        fits.then_some(etag)
    }
}

/// Which bytes come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    /// Behind the last one.
    pub(super) end: u64,
    /// How many there are in the whole.
    pub(super) total: u64,
}

/// `bytes 5-9/10` (RFC 9110, section 14.4): first, last, and how many there are where that is told.
fn range(text: &str) -> Option<(u64, u64, Option<u64>)> {
    let number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?;
    let (unit, rest) = text.trim().split_once(' ')?;
    let (positions, total) = rest.split_once('/')?;
    let (first, last) = positions.split_once('-')?;
    let total = if total == "*" { None } else { Some(number(total)?) };
    unit.eq_ignore_ascii_case("bytes").then_some((number(first)?, number(last)?, total))
}

/// Longest name of a version, in bytes, that is sent back: digests have some hundred.
const LONGEST_ETAG: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_ranges() {
        assert_eq!(range("bytes 5-9/10"), Some((5, 9, Some(10))));
        assert_eq!(range("Bytes 0-0/*"), Some((0, 0, None)));
        for bad in [
            "",
            "bytes",
            "bytes */10",
            "bytes 5-9",
            "bytes=5-9/10",
            "bytes 5-9/",
            "bytes +5-9/10",
            "bytes 5-/10",
            "bytes -9/10",
            "lines 5-9/10",
            "bytes 5-9/10, bytes 5-9/10",
            "bytes 5-99999999999999999999/*",
        ] {
            assert_eq!(range(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_a_strong_name_binds() {
        let strong = |etag: &str| {
            let head = Head { etag: Some(etag.to_owned()), ..Head::default() };
            Begun { head, ..Begun::default() }.strong_etag().is_some()
        };
        for good in ["\"abc\"", "\"\"", "\"sha256:00\""] {
            assert!(strong(good), "{good}");
        }
        let long = format!("\"{}\"", "x".repeat(LONGEST_ETAG));
        for bad in ["W/\"abc\"", "abc", "\"abc", "\"", "\"a\", \"b\"", "\"a b\"", "\"a\"b\"", "\"a\nb\"", &long] {
            assert!(!strong(bad), "{bad}");
        }
    }
}
