//! A typed reading of TOML: [`Table`] knows its keys, [`Entry`] knows its line.
//!
//! Header, inline and dotted tables read alike, and so do `[[x]]` and `x = [{…}]`. Refuses unknown keys where a table
//! is opened and wrong types where a value is read, each with the line it stands on.

use std::ops::RangeInclusive;
use std::str::FromStr;

use toml_edit::{Array, Item, TableLike, Value};

use super::error::{PinsError, PinsErrorKind};
use super::nearest::nearest;
use super::value::ValueError;

/// Where lines start, so that an offset becomes a line in logarithmic time.
#[derive(Debug)]
pub(super) struct Lines(Vec<usize>);

impl Lines {
    pub(super) fn of(text: &str) -> Self {
        Self(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(offset, _)| offset).collect())
    }

    /// The 1-based line of a byte offset.
    pub(super) fn at(&self, offset: usize) -> usize {
        self.0.partition_point(|newline| *newline < offset).saturating_add(1)
    }
}

/// What an error needs to know beside its kind.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) lines: &'a Lines,
    pub(super) pin: Option<&'a str>,
}

impl Context<'_> {
    fn error(&self, line: usize, kind: PinsErrorKind) -> PinsError {
        PinsError::new(Some(line), self.pin, kind)
    }
}

/// The keys that a table may have, and what messages call it.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) noun: &'static str,
    pub(super) keys: &'static [&'static str],
}

/// A table whose keys are all known, or are names (`pins`, `platform`).
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    cx: Context<'a>,
    line: usize,
    table: &'a dyn TableLike,
}

impl<'a> Table<'a> {
    /// The whole document; its keys are not looked at yet, see [`Table::shaped`].
    pub(super) fn root(lines: &'a Lines, root: &'a toml_edit::Table) -> Self {
        Self { cx: Context { lines, pin: None }, line: 1, table: root }
    }

    /// The same table, once every key is one of `shape`.
    pub(super) fn shaped(self, shape: &Shape) -> Result<Self, PinsError> {
        let Some(unknown) = self.entries().find(|entry| !shape.keys.contains(&entry.key)) else { return Ok(self) };
        let kind = PinsErrorKind::UnknownKey {
            key: unknown.key.to_owned(),
            table: shape.noun,
            nearest: nearest(unknown.key, shape.keys.iter().copied()).map(str::to_owned),
        };
        Err(unknown.error(kind))
    }

    /// The same table, whose errors name a pin.
    pub(super) fn of_pin(self, pin: &'a str) -> Self {
        Self { cx: Context { pin: Some(pin), ..self.cx }, ..self }
    }

    /// The 1-based line of its header, or of its key.
    pub(super) const fn line(&self) -> usize {
        self.line
    }

    /// An error about the table as a whole.
    pub(super) fn error(&self, kind: PinsErrorKind) -> PinsError {
        self.cx.error(self.line, kind)
    }

    /// How many keys it has.
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// The value of `key`, if it is there.
    pub(super) fn get(&self, key: &str) -> Option<Entry<'a>> {
        let (key, item) = self.table.get_key_value(key)?;
        self.entry(key.get(), item)
    }

    /// All of it, in the order of the file.
    pub(super) fn entries(&self) -> impl Iterator<Item = Entry<'a>> {
        self.table.iter().filter_map(|(key, item)| self.entry(key, item))
    }

    fn entry(&self, key: &'a str, item: &'a Item) -> Option<Entry<'a>> {
        let span = self.table.key(key).and_then(toml_edit::Key::span);
        let line = span.map_or(self.line, |span| self.cx.lines.at(span.start));
        Some(Entry { cx: self.cx, key, line, node: Node::of(item)? })
    }
}

/// A value in the file, with its key (for an element: the key of its list) and its line.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    cx: Context<'a>,
    key: &'a str,
    line: usize,
    node: Node<'a>,
}

impl<'a> Entry<'a> {
    pub(super) const fn key(&self) -> &'a str {
        self.key
    }

    pub(super) const fn line(&self) -> usize {
        self.line
    }

    pub(super) fn error(&self, kind: PinsErrorKind) -> PinsError {
        self.cx.error(self.line, kind)
    }

    /// The refusal of this value because it is of another type.
    pub(super) fn wrong_type(&self, expected: &'static str) -> PinsError {
        self.error(PinsErrorKind::WrongType { key: self.key.to_owned(), expected, found: self.node.noun() })
    }

    pub(super) fn string(&self) -> Result<&'a str, PinsError> {
        self.value().and_then(Value::as_str).ok_or_else(|| self.wrong_type("a string"))
    }

    pub(super) fn boolean(&self) -> Option<bool> {
        self.value().and_then(Value::as_bool)
    }

    pub(super) fn integer(&self) -> Result<i64, PinsError> {
        self.value().and_then(Value::as_integer).ok_or_else(|| self.wrong_type("a whole number"))
    }

    /// A whole number within `range`.
    pub(super) fn number(&self, range: RangeInclusive<u64>) -> Result<u64, PinsError> {
        let found = self.integer()?;
        u64::try_from(found).ok().filter(|number| range.contains(number)).ok_or_else(|| {
            let (min, max) = range.into_inner();
            self.error(PinsErrorKind::OutOfRange { key: self.key.to_owned(), found, min, max })
        })
    }

    /// A string that is a `T`.
    pub(super) fn parse<T: FromStr>(&self) -> Result<T, PinsError>
    where
        T::Err: Into<ValueError>,
    {
        let text = self.string()?;
        text.parse().map_err(|error: T::Err| self.wrong_value(text, error.into()))
    }

    /// The key that is a `T`, in the table `of`, where keys are names.
    pub(super) fn parse_key<T: FromStr>(&self, of: &str) -> Result<T, PinsError>
    where
        T::Err: Into<ValueError>,
    {
        let kind = |error: T::Err| PinsErrorKind::Value {
            key: of.to_owned(),
            value: self.key.to_owned(),
            error: error.into(),
        };
        self.key.parse().map_err(|error| self.error(kind(error)))
    }

    /// The refusal of `value`, which is this string.
    pub(super) fn wrong_value(&self, value: &str, error: ValueError) -> PinsError {
        self.error(PinsErrorKind::Value { key: self.key.to_owned(), value: value.to_owned(), error })
    }

    /// A string with something in it and no control characters; for values that a later step compares, not reads.
    pub(super) fn plain_text(&self) -> Result<String, PinsError> {
        let text = self.string()?;
        if text.trim().is_empty() || text.contains(char::is_control) {
            return Err(self.wrong_value(text, ValueError::Text));
        }
        Ok(text.to_owned())
    }

    /// The elements of an array.
    pub(super) fn list(&self, expected: &'static str) -> Result<Vec<Self>, PinsError> {
        let array = self.value().and_then(Value::as_array).ok_or_else(|| self.wrong_type(expected))?;
        Ok(self.elements(array))
    }

    /// A table, whose keys are not looked at yet.
    pub(super) fn table(&self) -> Result<Table<'a>, PinsError> {
        match self.node {
            Node::Table { table, header } => {
                let line = header.map_or(self.line, |offset| self.cx.lines.at(offset));
                Ok(Table { cx: self.cx, line, table })
            }
            _ => Err(self.wrong_type("a table")),
        }
    }

    /// Tables: `[[…]]` headers or an array of inline tables.
    pub(super) fn tables(&self) -> Result<Vec<Table<'a>>, PinsError> {
        let elements = match self.node {
            Node::Tables(tables) => tables.iter().map(|table| self.element(Node::of_table(table), None)).collect(),
            _ => self.list("a list of tables")?,
        };
        elements.iter().map(Self::table).collect()
    }

    fn elements(&self, array: &'a Array) -> Vec<Self> {
        array.iter().map(|value| self.element(Node::of_value(value), value.span())).collect()
    }

    fn element(&self, node: Node<'a>, span: Option<std::ops::Range<usize>>) -> Self {
        let line = span.map_or(self.line, |span| self.cx.lines.at(span.start));
        Self { line, node, ..*self }
    }

    const fn value(&self) -> Option<&'a Value> {
        match self.node {
            Node::Value(value) => Some(value),
            _ => None,
        }
    }
}

/// What stands behind a key, without the difference between the spellings of a table.
#[derive(Clone, Copy)]
enum Node<'a> {
    Value(&'a Value),
    Table { table: &'a dyn TableLike, header: Option<usize> },
    Tables(&'a toml_edit::ArrayOfTables),
}

impl<'a> Node<'a> {
    fn of(item: &'a Item) -> Option<Self> {
        match item {
            Item::None => None,
            Item::Value(value) => Some(Self::of_value(value)),
            Item::Table(table) => Some(Self::of_table(table)),
            Item::ArrayOfTables(tables) => Some(Self::Tables(tables)),
        }
    }

    fn of_value(value: &'a Value) -> Self {
        match value {
            // The key of an inline table says its line better than its brace, which may stand further down.
            Value::InlineTable(table) => Self::Table { table, header: None },
            _ => Self::Value(value),
        }
    }

    fn of_table(table: &'a toml_edit::Table) -> Self {
        // A table that was never opened by a header of its own has no header's span.
        let header = table.span().filter(|_| !table.is_implicit() && !table.is_dotted()).map(|span| span.start);
        Self::Table { table, header }
    }

    fn noun(&self) -> &'static str {
        match self {
            Self::Value(Value::String(_)) => "a string",
            Self::Value(Value::Integer(_)) => "a whole number",
            Self::Value(Value::Float(_)) => "a fraction",
            Self::Value(Value::Boolean(value)) if *value.value() => "`true`",
            Self::Value(Value::Boolean(_)) => "`false`",
            Self::Value(Value::Datetime(_)) => "a date",
            Self::Value(Value::Array(_)) => "a list",
            Self::Value(Value::InlineTable(_)) | Self::Table { .. } => "a table",
            Self::Tables(_) => "a list of tables",
        }
    }
}
