//! Which of two versions is the newer one: Semantic Versioning for npm, PEP 440 for Python.
//!
//! What is no version by these rules has no place in an order, and is never the newest.

use std::cmp::Ordering;

/// A version by Semantic Versioning 2.0.0; its order is that of item 11, so that build metadata counts for nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Semver {
    /// The first number.
    pub major: u64,
    /// The second.
    pub minor: u64,
    /// The third.
    pub patch: u64,
    pre: Vec<Identifier>,
}

/// One identifier of a pre-release. Numbers are below all words.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Identifier {
    Number(u64),
    Word(String),
}

impl Semver {
    /// Reads `1.2.3`, `1.2.3-rc.1` or `1.2.3+build`; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.split_once('+').map_or(text, |(text, _)| text);
        let (core, pre) = text.split_once('-').map_or((text, None), |(core, pre)| (core, Some(pre)));
        let mut numbers = core.split('.').map(number);
        let (major, minor, patch) = (numbers.next()??, numbers.next()??, numbers.next()??);
        if numbers.next().is_some() {
            return None;
        }
        let identifier = |text: &str| match number(text) {
            _ if text.is_empty() => None,
            Some(number) => Some(Identifier::Number(number)),
            None => Some(Identifier::Word(text.to_owned())),
        };
        let pre = pre.map_or(Some(Vec::new()), |pre| pre.split('.').map(identifier).collect())?;
        Some(Self { major, minor, patch, pre })
    }

    /// Whether it is one before a release.
    pub const fn is_pre_release(&self) -> bool {
        !self.pre.is_empty()
    }
}

impl Ord for Semver {
    fn cmp(&self, other: &Self) -> Ordering {
        let core = |one: &Self| (one.major, one.minor, one.patch);
        // A release is above all that came before it.
        let pre = || match (self.pre.is_empty(), other.pre.is_empty()) {
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            _ => self.pre.cmp(&other.pre),
        };
        core(self).cmp(&core(other)).then_with(pre)
    }
}

impl PartialOrd for Semver {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A version of a Python project in the order of PEP 440 ("Summary of permitted suffixes and relative ordering"); local
/// versions count for nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pep440 {
    epoch: u64,
    /// Without zeros at the end.
    release: Vec<u64>,
    /// `a` 1, `b` 2, `rc` 3 with their numbers; 0 for a development version of the release itself, 4 for no such thing.
    pre: (u8, u64),
    post: Option<u64>,
    /// A development version is below what it leads to: the largest number stands for none.
    dev: u64,
}

impl Pep440 {
    /// Reads a version in its canonical spelling, `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.split_once('+').map_or(text, |(text, _)| text);
        let (epoch, mut rest) = match text.split_once('!') {
            Some((epoch, rest)) => (number(epoch)?, rest),
            None => (0, text),
        };
        let (first, behind) = digits(rest)?;
        let mut release = vec![first];
        rest = behind;
        while let Some((next, behind)) = rest.strip_prefix('.').and_then(digits) {
            release.push(next);
            rest = behind;
        }
        while release.len() > 1 && release.last() == Some(&0) {
            release.pop();
        }
        let mut suffix = |name: &str| {
            let (number, behind) = rest.strip_prefix(name).and_then(digits)?;
            rest = behind;
            Some(number)
        };
        let pre = [("a", 1), ("b", 2), ("rc", 3)].into_iter().find_map(|(name, at)| Some((at, suffix(name)?)));
        let (post, dev) = (suffix(".post"), suffix(".dev"));
        if !rest.is_empty() {
            return None;
        }
        let without = if post.is_none() && dev.is_some() { (0, 0) } else { (4, 0) };
        Some(Self { epoch, release, pre: pre.unwrap_or(without), post, dev: dev.unwrap_or(u64::MAX) })
    }

    /// Whether it is one before a release.
    pub const fn is_pre_release(&self) -> bool {
        self.pre.0 < 4 || self.dev < u64::MAX
    }
}

fn number(text: &str) -> Option<u64> {
    let (number, "") = digits(text)? else { return None };
    Some(number)
}

fn digits(text: &str) -> Option<(u64, &str)> {
    let len = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, behind) = text.split_at(len);
    Some((digits.parse().ok()?, behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rising<T: Ord + std::fmt::Debug>(parse: impl Fn(&str) -> Option<T>, texts: &[&str]) {
        let versions: Vec<T> = texts.iter().map(|text| parse(text).unwrap_or_else(|| panic!("{text}"))).collect();
        for (pair, texts) in versions.windows(2).zip(texts.windows(2)) {
            assert!(pair[0] < pair[1], "{texts:?}");
        }
    }

    #[test]
    fn semantic_versions_rise_as_item_11_has_it() {
        let texts = [
            "0.9.10",
            "1.0.0-0",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "1.0.10",
            "1.2.0",
            "10.0.0",
        ];
        rising(Semver::parse, &texts);
        assert_eq!(Semver::parse("1.0.0+a"), Semver::parse("1.0.0+b"));
        for text in ["", "1", "1.0", "1.0.0.0", "a.b.c", "1.0.0-", "1.0.99999999999999999999", "v1.0.0"] {
            assert_eq!(Semver::parse(text), None, "{text}");
        }
        assert!(Semver::parse("1.0.0-x").expect("a version").is_pre_release());
    }

    #[test]
    fn python_versions_rise_as_pep_440_has_it() {
        let texts = [
            "1.0.dev1",
            "1.0a1.dev1",
            "1.0a1",
            "1.0a2",
            "1.0b1",
            "1.0rc1",
            "1.0",
            "1.0.post1.dev2",
            "1.0.post1",
            "1.0.1",
            "1.10",
            "1!0.1",
        ];
        rising(Pep440::parse, &texts);
        assert_eq!(Pep440::parse("1.0"), Pep440::parse("1.0.0"));
        let pre = |text: &str| Pep440::parse(text).expect("a version").is_pre_release();
        assert!(pre("1.0.dev1") && pre("1.0rc1") && pre("1.0.post1.dev2") && !pre("1.0.post1") && !pre("1.0"));
        for text in ["", "x", "1.0-1", "1.0final", "1.", "1.0c1"] {
            assert_eq!(Pep440::parse(text), None, "{text}");
        }
    }
}
