//! [`Fault`]: why something did not come to a good end.

use std::error::Error;
use std::fmt;

use crate::finding::{Finding, Level, Verdict};

/// What a [`Fault`] means for what was asked: it decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// The work could not be done: configuration, network, disk.
    Failed,
    /// Nothing was refuted, but a verdict is not possible.
    Unverifiable,
    /// Bytes or evidence are not what was pinned, so that trying again cannot help.
    Refused,
}

impl Class {
    /// Refused or failed.
    pub const fn refused_if(is_refusal: bool) -> Self {
        if is_refusal { Self::Refused } else { Self::Failed }
    }
}

/// Why something did not come to a good end: one sentence, its class, and what to do. It is made where that happens, and
/// says all of it there.
#[derive(Debug)]
pub struct Fault(Box<Inner>);

#[derive(Debug)]
struct Inner {
    class: Class,
    code: &'static str,
    message: String,
    expected: Option<String>,
    received: Option<String>,
    hint: Option<String>,
    place: Option<String>,
    source: Option<Box<dyn Error + Send + Sync>>,
    more: Vec<Finding>,
}

impl Fault {
    /// A fault with a sentence alone. `code` is a stable identifier in kebab case; the sentence has no full stop.
    pub fn new(class: Class, code: &'static str, message: impl Into<String>) -> Self {
        Self::of(class, code, Finding::new(Level::Error, code, message))
    }

    /// What a finding says as a fault.
    pub fn of(class: Class, code: &'static str, finding: Finding) -> Self {
        let Finding { message, expected, received, hint, path: place, .. } = finding;
        let more = Vec::new();
        Self(Box::new(Inner { class, code, message, expected, received, hint, place, source: None, more }))
    }

    /// Bytes or evidence are not what was pinned.
    pub fn refused(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Class::Refused, code, message)
    }

    /// A verdict is not possible.
    pub fn unverifiable(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Class::Unverifiable, code, message)
    }

    /// The work could not be done.
    pub fn failed(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Class::Failed, code, message)
    }

    /// Several faults as one: the first speaks for all, the worst decides. `None` where there is none.
    pub fn all(faults: impl IntoIterator<Item = Self>) -> Option<Self> {
        faults.into_iter().reduce(|mut first, other| {
            first.0.class = first.0.class.max(other.0.class);
            first.with(other.findings())
        })
    }

    /// The same with the two values that were compared.
    #[must_use]
    pub fn compared(self, expected: impl Into<String>, received: impl Into<String>) -> Self {
        self.comparing(Some((expected.into(), received.into())))
    }

    /// The same with the two values that were compared, where there are such.
    #[must_use]
    pub fn comparing(mut self, compared: Option<(String, String)>) -> Self {
        (self.0.expected, self.0.received) = compared.unzip();
        self
    }

    /// The same with what to do.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        self.hinting(Some(hint.into()))
    }

    /// The same with what to do, where there is anything.
    #[must_use]
    pub fn hinting(mut self, hint: Option<String>) -> Self {
        self.0.hint = hint;
        self
    }

    /// The same with the file that it is about.
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.0.place = Some(place.into());
        self
    }

    /// The same with the error that it came of.
    #[must_use]
    pub fn because(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        self.0.source = Some(Box::new(source));
        self
    }

    /// The same with what else there is to say.
    #[must_use]
    pub fn with(mut self, more: impl IntoIterator<Item = Finding>) -> Self {
        self.0.more.extend(more);
        self
    }

    /// What it means for what was asked.
    pub const fn class(&self) -> Class {
        self.0.class
    }

    /// A stable identifier in kebab case, for people's scripts: nothing here decides by it.
    pub const fn code(&self) -> &'static str {
        self.0.code
    }

    /// The error of that type that it came of, where a caller has to know more than the class.
    pub fn cause<E: Error + 'static>(&self) -> Option<&E> {
        self.0.source.as_ref()?.downcast_ref()
    }

    /// How a pin comes out that ends so.
    pub const fn verdict(&self) -> Verdict {
        match self.0.class {
            Class::Failed => Verdict::Failed,
            Class::Unverifiable => Verdict::Unverifiable,
            Class::Refused => Verdict::Refused,
        }
    }

    /// All that there is to say, the main thing first.
    pub fn findings(&self) -> Vec<Finding> {
        self.findings_at(Level::Error)
    }

    /// The same where it weighs no more than `level`, because it keeps nothing from a good end.
    pub fn findings_at(&self, level: Level) -> Vec<Finding> {
        let more = self.0.more.iter().map(|one| Finding { level: one.level.min(level), ..one.clone() });
        std::iter::once(self.finding(level)).chain(more).collect()
    }

    /// The main thing alone.
    pub fn finding(&self, level: Level) -> Finding {
        let Inner { code, message, expected, received, hint, place, .. } = &*self.0;
        Finding {
            level,
            code: (*code).to_owned(),
            message: message.clone(),
            expected: expected.clone(),
            received: received.clone(),
            path: place.clone(),
            hint: hint.clone(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl Error for Fault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let source: &(dyn Error + 'static) = self.0.source.as_deref()?;
        Some(source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_speaks_and_the_worst_decides() {
        let faults = [Fault::failed("a", "one").hint("do"), Fault::refused("b", "two").compared("x", "y")];
        let all = Fault::all(faults).expect("two");
        assert_eq!((all.code(), all.verdict(), all.to_string().as_str()), ("a", Verdict::Refused, "one"));
        let [first, second] = &all.findings_at(Level::Warning)[..] else { panic!("{all:?}") };
        assert_eq!((first.level, first.hint.as_deref()), (Level::Warning, Some("do")));
        assert_eq!((second.level, second.message.as_str()), (Level::Warning, "two"));
        assert_eq!((second.expected.as_deref(), second.received.as_deref()), (Some("x"), Some("y")));
        assert!(Fault::all([]).is_none());
    }

    #[test]
    fn what_weighs_less_stays_less() {
        let fault = Fault::failed("a", "one").with([Finding::new(Level::Note, "b", "two")]);
        let levels: Vec<Level> = fault.findings().iter().map(|one| one.level).collect();
        assert_eq!(levels, [Level::Error, Level::Note]);
    }

    #[test]
    fn a_caller_finds_the_cause_by_its_type() {
        let fault = Fault::failed("a", "one").because(std::io::Error::other("x"));
        assert!(fault.cause::<std::io::Error>().is_some() && fault.cause::<fmt::Error>().is_none());
    }
}
