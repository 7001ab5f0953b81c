//! JSON from strangers, read strictly: evidence decides who is believed, so two readers must never see two documents.
//!
//! Refuses what RFC 8259 leaves to the reader: a name that stands twice in an object (section 4), anything behind the
//! value, and more than the caller allows. serde_json refuses the rest: bad UTF-8, more than 128 levels.
//! Nor may it grow: `{"":0}` has six bytes and takes a hundred times as many, so that a document of 16 MiB took 1.9 GB.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Reads one JSON value of at most `limit` bytes.
pub fn parse(bytes: &[u8], limit: usize) -> Result<Value, JsonError> {
    parse_within(bytes, limit, &Room::default())
}

/// Reads one of several values that are kept beside each other, and share the room in memory.
pub fn parse_within(bytes: &[u8], limit: usize, room: &Room) -> Result<Value, JsonError> {
    if bytes.len() > limit {
        return Err(JsonError::TooLong { limit });
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict(room).deserialize(&mut reader);
    if room.is_full() {
        return Err(JsonError::TooLarge);
    }
    let value = value.map_err(JsonError::from)?;
    reader.end().map_err(JsonError::from)?;
    Ok(value)
}

/// What values may still take in memory, `MAX_MEMORY` at first.
#[derive(Debug)]
pub struct Room(Cell<Option<usize>>);

impl Default for Room {
    fn default() -> Self {
        Self(Cell::new(Some(MAX_MEMORY)))
    }
}

impl Room {
    /// Takes as much; once there is not as much left, nothing is.
    fn take<E: serde::de::Error>(&self, bytes: usize) -> Result<(), E> {
        self.0.set(self.0.get().and_then(|left| left.checked_sub(bytes)));
        if self.is_full() { Err(E::custom("too many values")) } else { Ok(()) }
    }

    const fn is_full(&self) -> bool {
        self.0.get().is_none()
    }
}

/// Most that the values of a document may take in memory, their text aside. The longest documents, indexes of 80,000
/// files, take 160 MB.
pub const MAX_MEMORY: usize = 256 << 20;
/// What a value takes, a list of a few, and an object of a few: a node of a `BTreeMap` holds eleven from the first on.
const VALUE: usize = size_of::<Value>();
const LIST: usize = 4 * VALUE;
const OBJECT: usize = 11 * (VALUE + size_of::<String>()) + 32;

/// Why bytes are not JSON that pinfold reads.
#[derive(Debug)]
pub enum JsonError {
    /// More bytes than allowed.
    TooLong {
        /// How many are.
        limit: usize,
    },
    /// Its values take more memory than any document needs.
    TooLarge,
    /// A name stands twice in one object, or another breach of the grammar.
    Malformed(serde_json::Error),
}

impl JsonError {
    /// A stable id of the refusal.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "json-too-long",
            Self::TooLarge => "json-too-large",
            Self::Malformed(_) => "json-malformed",
        }
    }
}

impl From<serde_json::Error> for JsonError {
    fn from(error: serde_json::Error) -> Self {
        Self::Malformed(error)
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { limit } => write!(f, "the JSON is longer than {limit} bytes"),
            Self::TooLarge => write!(f, "the JSON has so many values that they take more than {MAX_MEMORY} bytes"),
            Self::Malformed(error) => write!(f, "malformed JSON: {error}"),
        }
    }
}

impl std::error::Error for JsonError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Malformed(error) => Some(error),
            Self::TooLong { .. } | Self::TooLarge => None,
        }
    }
}

/// Builds a [`Value`] as serde_json does, but for the name that stands twice and for the room.
#[derive(Clone, Copy)]
struct Strict<'r>(&'r Room);

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number that is none"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        self.0.take::<A::Error>(LIST)?;
        let mut values = Vec::new();
        while let Some(value) = items.next_element_seed(self)? {
            self.0.take::<A::Error>(VALUE)?;
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        self.0.take::<A::Error>(OBJECT)?;
        let mut map = Map::new();
        while let Some(name) = entries.next_key::<String>()? {
            self.0.take::<A::Error>(VALUE)?;
            let value = entries.next_value_seed(self)?;
            if map.contains_key(&name) {
                return Err(A::Error::custom(format_args!("`{}` stands twice", name.escape_debug())));
            }
            map.insert(name, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_serde_json_reads() {
        for text in ["null", "[1,-1,1.5,true,\"a\\u00e9\",{}]", " {\"a\":{\"b\":[]},\"c\":18446744073709551615} "] {
            let expected: Value = serde_json::from_str(text).expect("JSON");
            assert_eq!(parse(text.as_bytes(), 100).expect(text), expected);
        }
    }

    #[test]
    fn refuses_each_way_to_be_wrong() {
        let check = |text: &[u8], expected: &str| {
            let error = parse(text, 40).expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
        };
        check(b"{\"a\":1,\"a\":1}", "`a` stands twice");
        check(b"[{\"x\":{\"a\":1,\"\\u0061\":2}}]", "`a` stands twice");
        check(b"{} {}", "trailing characters");
        check(b"{\"a\":", "EOF");
        check(b"\"\xff\"", "invalid unicode");
        check(b"", "EOF");
        check(&[b' '; 41], "longer than 40 bytes");
        for unit in ["0", "[]", "{\"\":0}", "{\"\":{\"\":{\"\":0}}}"] {
            let many = format!("[{}0]", format!("{unit},").repeat((16 << 20) / (unit.len() + 1)));
            assert_eq!(parse(many.as_bytes(), 17 << 20).expect_err(unit).code(), "json-too-large", "{unit}");
        }
        let deep = [vec![b'['; 200], vec![b']'; 200]].concat();
        assert!(parse(&deep, 1000).expect_err("deep").to_string().contains("recursion limit"));
    }
}
