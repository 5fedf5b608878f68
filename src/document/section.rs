//! One table of a document, and what its keys hold.

use std::cell::RefCell;
use std::fmt;
use std::time::Duration;

use bytesize::ByteSize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Document, nearest};

/// Longer waits are mistakes, and would overflow clocks.
const LONGEST: Duration = Duration::from_hours(24 * 366);

/// A value and the line it stands on.
#[derive(Clone, Debug)]
pub struct Located<T> {
    /// What was read.
    pub value: T,
    /// Counted from 1.
    pub line: usize,
}

/// One table of a document.
pub struct Section<'a> {
    pub(super) document: &'a Document,
    /// `listen`, `issuer.claims`; empty for the root.
    name: String,
    line: usize,
    pub(super) table: &'a DeTable<'a>,
    asked: RefCell<Vec<&'static str>>,
    missing: RefCell<Vec<(&'static str, String)>>,
}

impl<'a> Section<'a> {
    /// The whole of a document.
    pub(super) fn root(document: &'a Document, table: &'a DeTable<'a>) -> Self {
        Self {
            document,
            name: String::new(),
            line: 1,
            table,
            asked: RefCell::default(),
            missing: RefCell::default(),
        }
    }

    /// The line the section starts on.
    pub fn line(&self) -> usize {
        self.line
    }

    /// Records a problem at `line` of this document.
    pub fn problem(&self, line: usize, message: impl Into<String>) {
        self.document.report(line, message);
    }

    /// Whether `key` is there, whatever it holds.
    pub fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Whether `key` holds a table.
    pub fn is_table(&self, key: &str) -> bool {
        let value = self.table.get(key);
        value.is_some_and(|value| matches!(value.get_ref(), DeValue::Table(_)))
    }

    /// The line of what `key` holds; the section's own where there is nothing.
    pub fn line_at(&self, key: &str) -> usize {
        let value = self.table.get(key);
        value.map_or(self.line, |value| self.line_of(value))
    }

    /// The table under `key`, if there is one.
    pub fn section(&self, key: &'static str) -> Option<Section<'a>> {
        let value = self.value(key)?;
        let DeValue::Table(table) = value.get_ref() else {
            self.unexpected(key, value, "a table");
            return None;
        };
        Some(self.child(key, self.line_of(value), table))
    }

    /// The tables under `[[key]]`, none where it is absent; `None` for a value of another type.
    pub fn sections(&self, key: &'static str) -> Option<Vec<Section<'a>>> {
        let Some(value) = self.value(key) else {
            return Some(Vec::new());
        };
        let DeValue::Array(items) = value.get_ref() else {
            self.unexpected(key, value, "an array of tables");
            return None;
        };
        let mut sections = Vec::new();
        for item in items {
            match item.get_ref() {
                DeValue::Table(table) => {
                    sections.push(self.child(key, self.line_of(item), table));
                }
                _ => self.unexpected(key, item, "a table"),
            }
        }
        Some(sections)
    }

    /// The string under `key`.
    pub fn string(&self, key: &'static str) -> Option<Located<String>> {
        self.parse(key, "a string", |text| Ok::<_, &str>(text.to_owned()))
    }

    /// The string under `key` as `parse` reads it; `expected` completes "expected …".
    pub fn parse<T, E: fmt::Display>(
        &self,
        key: &'static str,
        expected: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<Located<T>> {
        let value = self.value(key)?;
        let line = self.line_of(value);
        let DeValue::String(text) = value.get_ref() else {
            self.unexpected(key, value, expected);
            return None;
        };
        match parse(text) {
            Ok(value) => Some(Located { value, line }),
            Err(error) => {
                let name = self.path(key);
                let message = format!("`{name}` is `{text}`, expected {expected}: {error}");
                self.problem(line, message);
                None
            }
        }
    }

    /// The strings of the array under `key`.
    pub fn strings(&self, key: &'static str) -> Option<Located<Vec<Located<String>>>> {
        let value = self.value(key)?;
        let DeValue::Array(items) = value.get_ref() else {
            self.unexpected(key, value, "an array of strings");
            return None;
        };
        let mut strings = Vec::new();
        for item in items {
            match item.get_ref() {
                DeValue::String(text) => strings.push(Located {
                    value: text.to_string(),
                    line: self.line_of(item),
                }),
                _ => self.unexpected(key, item, "a string"),
            }
        }
        Some(Located {
            value: strings,
            line: self.line_of(value),
        })
    }

    /// The string under `key`, or those of the array there; `None` if there is anything else in it.
    pub fn one_or_more(&self, key: &'static str) -> Option<Located<Vec<Located<String>>>> {
        match self.table.get(key).map(Spanned::get_ref) {
            Some(DeValue::Array(items)) => {
                let strings = self.strings(key);
                strings.filter(|strings| strings.value.len() == items.len())
            }
            _ => self.string(key).map(|one| Located {
                line: one.line,
                value: vec![one],
            }),
        }
    }

    /// The duration under `key`, written like `"5s"` or `"1m 30s"`; never zero, at most a year.
    pub fn duration(&self, key: &'static str) -> Option<Duration> {
        let expected = "a duration such as \"5s\", \"250ms\" or \"2m\"";
        let found = self.parse(key, expected, |text| {
            match humantime::parse_duration(text) {
                Ok(duration) if duration.is_zero() => Err("it is zero".to_owned()),
                Ok(duration) if duration > LONGEST => Err("it is more than a year".to_owned()),
                Ok(duration) => Ok(duration),
                Err(error) => Err(error.to_string()),
            }
        })?;
        Some(found.value)
    }

    /// The number of bytes under `key`, written like `"64KiB"`; never zero.
    pub fn size(&self, key: &'static str) -> Option<u64> {
        let expected = "a size such as \"64KiB\" or \"16MiB\"";
        let found = self.parse(key, expected, |text| match text.parse::<ByteSize>() {
            Ok(ByteSize(0)) => Err("it is zero".to_owned()),
            size => size.map(|size| size.as_u64()),
        })?;
        Some(found.value)
    }

    /// The boolean under `key`.
    pub fn boolean(&self, key: &'static str) -> Option<bool> {
        let value = self.value(key)?;
        match value.get_ref() {
            DeValue::Boolean(boolean) => Some(*boolean),
            _ => {
                self.unexpected(key, value, "true or false");
                None
            }
        }
    }

    /// The whole number under `key`, at least 1 and at most `most`.
    pub fn count(&self, key: &'static str, most: usize) -> Option<usize> {
        let value = self.value(key)?;
        let expected = format!("a whole number from 1 to {most}");
        let number = value
            .get_ref()
            .as_integer()
            .and_then(|integer| usize::from_str_radix(integer.as_str(), integer.radix()).ok());
        match number {
            Some(number) if (1..=most).contains(&number) => Some(number),
            _ => {
                self.unexpected(key, value, &expected);
                None
            }
        }
    }

    /// Records that `key` is missing, unless it turns out to be misspelled; `expected` says what to
    /// write.
    pub fn missing(&self, key: &'static str, expected: &str) {
        let name = self.path(key);
        let message = format!("`{name}` is missing, expected {expected}");
        self.missing.borrow_mut().push((key, message));
    }

    /// Refuses every key that was never asked for, naming the nearest one that would be read.
    pub fn finish(&self) {
        let asked = self.asked.borrow();
        let mut missing = self.missing.take();
        for (key, _) in self.table {
            let name: &str = key.get_ref();
            if asked.contains(&name) {
                continue;
            }
            let advice = match nearest(name, asked.iter().copied(), 0.7) {
                Some(known) => {
                    missing.retain(|(key, _)| *key != known);
                    format!("did you mean `{known}`?")
                }
                None => format!("expected one of {}", list(&asked)),
            };
            let line = self.document.line_of(key.span().start);
            let unknown = self.path(name);
            self.problem(line, format!("`{unknown}` is not a known key; {advice}"));
        }
        for (_, message) in missing {
            self.problem(self.line, message);
        }
    }

    /// The full name of `key`, as in `issuer.claims.project`.
    pub fn path(&self, key: &str) -> String {
        match self.name.as_str() {
            "" => key.to_owned(),
            section => format!("{section}.{key}"),
        }
    }

    pub(super) fn value(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.asked.borrow_mut().push(key);
        self.table.get(key)
    }

    pub(super) fn child(&self, key: &str, line: usize, table: &'a DeTable<'a>) -> Section<'a> {
        Section {
            document: self.document,
            name: self.path(key),
            line,
            table,
            asked: RefCell::default(),
            missing: RefCell::default(),
        }
    }

    pub(super) fn unexpected(&self, key: &str, value: &Spanned<DeValue<'_>>, expected: &str) {
        let name = self.path(key);
        let found = match value.get_ref() {
            DeValue::Integer(integer) => integer.to_string(),
            DeValue::Float(float) => float.to_string(),
            other => format!("of type {}", other.type_str()),
        };
        let message = format!("`{name}` is {found}, expected {expected}");
        self.problem(self.line_of(value), message);
    }

    pub(super) fn line_of(&self, value: &Spanned<DeValue<'_>>) -> usize {
        self.document.line_of(value.span().start)
    }
}

fn list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}
