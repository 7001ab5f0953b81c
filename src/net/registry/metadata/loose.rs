//! Values that publishers write as they like: a string, an object around it, a list of either, or nonsense.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::MAX_VERSIONS;

/// What can be told of any value; of an object, some keys. Longer texts and lists are cut, so that a value takes no more
/// memory than it is worth.
#[derive(Debug, Clone, Default)]
pub(super) struct Loose {
    /// A string.
    pub(super) text: Option<String>,
    /// A boolean.
    pub(super) flag: Option<bool>,
    /// A number that counts something.
    pub(super) count: Option<u64>,
    /// `url` of an object.
    pub(super) url: Option<String>,
    /// `type` of an object.
    pub(super) kind: Option<String>,
    /// `name` of an object.
    pub(super) name: Option<String>,
    /// The names and strings of a list.
    pub(super) items: Vec<String>,
    /// An object with a script that package managers run when they install.
    pub(super) installs: bool,
    /// An object or a list that has something in it.
    pub(super) is_full: bool,
}

impl<'de> Deserialize<'de> for Loose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LooseVisitor)
    }
}

struct LooseVisitor;

impl<'de> Visitor<'de> for LooseVisitor {
    type Value = Loose;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Loose, E> {
        Ok(Loose { text: Some(cut(text)), ..Loose::default() })
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Loose, E> {
        Ok(Loose { flag: Some(flag), ..Loose::default() })
    }

    fn visit_u64<E>(self, count: u64) -> Result<Loose, E> {
        Ok(Loose { count: Some(count), ..Loose::default() })
    }

    fn visit_i64<E>(self, _: i64) -> Result<Loose, E> {
        Ok(Loose::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Loose, E> {
        Ok(Loose::default())
    }

    fn visit_unit<E>(self) -> Result<Loose, E> {
        Ok(Loose::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Loose, A::Error> {
        let mut loose = Loose::default();
        while loose.items.len() < MAX_ITEMS {
            let Some(item) = list.next_element::<Loose>()? else { return Ok(loose) };
            loose.is_full = true;
            loose.items.extend(item.text.or(item.name).or(item.kind));
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(loose)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Loose, A::Error> {
        let mut loose = Loose::default();
        while let Some(key) = map.next_key::<String>()? {
            loose.is_full = true;
            let place = match key.as_str() {
                "url" => &mut loose.url,
                "type" => &mut loose.kind,
                "name" => &mut loose.name,
                other => {
                    loose.installs |= INSTALL_SCRIPTS.contains(&other);
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            *place = map.next_value::<Loose>()?.text;
        }
        Ok(loose)
    }
}

/// The entries of an object whose keys are versions, in order.
#[derive(Debug)]
pub(super) struct Entries<T>(pub(super) Vec<(String, T)>);

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor(PhantomData))
    }
}

struct EntriesVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for EntriesVisitor<T> {
    type Value = Entries<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<T>, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            if entries.len() >= MAX_VERSIONS {
                return Err(A::Error::custom(format!("more than {MAX_VERSIONS} versions")));
            }
            entries.push((key, map.next_value()?));
        }
        Ok(Entries(entries))
    }
}

/// A list that is no longer than the versions of a package.
pub(super) fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    deserializer.deserialize_seq(ListVisitor(PhantomData))
}

struct ListVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            if items.len() >= MAX_VERSIONS {
                return Err(A::Error::custom(format!("more than {MAX_VERSIONS} files")));
            }
            items.push(item);
        }
        Ok(items)
    }
}

/// The first of a list, as many as anybody needs; the rest is passed over.
pub(super) fn few<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    deserializer.deserialize_seq(FewVisitor(PhantomData))
}

struct FewVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for FewVisitor<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
        let mut items = Vec::new();
        while items.len() < MAX_ITEMS {
            let Some(item) = list.next_element()? else { return Ok(items) };
            items.push(item);
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(items)
    }
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}

/// What npm runs when it installs a package.
const INSTALL_SCRIPTS: [&str; 3] = ["preinstall", "install", "postinstall"];
/// Longest text that is kept, in characters: the reason of a deprecation, at most.
const MAX_TEXT: usize = 1000;
/// Most entries of a list that are kept: maintainers of a package, signatures over a version, at most.
const MAX_ITEMS: usize = 100;
