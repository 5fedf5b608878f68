//! What stands outside of a document and goes into it: values in place of its own, and what `${…}` stands
//! for.
//!
//! Both are taken in when the text is parsed already: they are values, and never make structure.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::ops::Range;
use std::path::PathBuf;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Document, Problem};
use crate::file;

/// No value that people keep in a file of its own is longer.
const MAX_FILE: u64 = 64 * 1024;

/// What stands outside of a document and goes into it.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// What `${NAME}` stands for; `None` where nothing is replaced, neither variables nor files.
    pub variables: Option<BTreeMap<String, String>>,
    /// Where relative names in `${file:NAME}` start.
    pub folder: PathBuf,
    /// In place of the document's own values.
    pub overrides: Vec<Override>,
}

/// A value in place of a document's own.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Override {
    /// How problems name it.
    pub source: String,
    /// The keys from the root; tables that are not there are made.
    pub path: Vec<String>,
    /// The value as TOML.
    pub value: String,
}

/// A value with what stood outside of its document in it.
pub(super) struct Reference {
    /// Where it stands.
    line: usize,
    /// With what `${…}` stands for, perhaps a secret.
    value: String,
    /// With `${…}`.
    written: String,
}

impl Reference {
    /// Problems tell of it as it is written.
    pub(super) fn hide(&self, problem: &mut Problem) {
        if problem.line != self.line {
            return;
        }
        let quoted = |text: &str| format!("`{text}`");
        let message = &problem.message;
        problem.message = match self.value.len() {
            // It may as well be a part of a word.
            0..4 => message.replace(&quoted(&self.value), &quoted(&self.written)),
            _ => message.replace(&self.value, &self.written),
        };
    }
}

/// What of its surroundings went into a document.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Used {
    /// The variables and what they were.
    pub variables: BTreeMap<String, String>,
    /// The files.
    pub files: BTreeSet<PathBuf>,
}

impl Document {
    pub(super) fn take_in<'a>(&'a self, root: &mut DeTable<'a>) {
        if self.surroundings.variables.is_some() {
            for (_, value) in root.iter_mut() {
                self.replace(value);
            }
        }
        for (index, overriding) in self.surroundings.overrides.iter().enumerate() {
            // Behind the text, each on a line of its own.
            let offset = self.text.len() + 1 + index;
            match DeValue::parse(&overriding.value) {
                Ok(mut value) => {
                    place(&mut value, &(offset..offset));
                    insert(root, &overriding.path, value);
                    let (name, value) = (&overriding.source, &overriding.value);
                    let mut used = self.used.borrow_mut();
                    used.variables.insert(name.clone(), value.clone());
                }
                Err(error) => self.report(self.line_of(offset), error.message()),
            }
        }
    }

    /// The override whose value stands at `line`.
    pub(super) fn override_at(&self, line: usize) -> Option<&Override> {
        let index = line.checked_sub(self.line_ends.len() + 2)?;
        self.surroundings.overrides.get(index)
    }

    pub(super) fn line_of(&self, offset: usize) -> usize {
        let line = 1 + self.line_ends.partition_point(|end| *end < offset);
        match offset.checked_sub(self.text.len() + 1) {
            Some(index) => line + 1 + index,
            None => line,
        }
    }

    fn replace(&self, value: &mut Spanned<DeValue<'_>>) {
        let start = value.span().start;
        match value.get_mut() {
            DeValue::String(text) if text.contains("${") => match self.expand(text) {
                Ok(expanded) => {
                    self.references.borrow_mut().push(Reference {
                        line: self.line_of(start),
                        value: expanded.clone(),
                        written: text.to_string(),
                    });
                    *text = Cow::Owned(expanded);
                }
                Err(message) => self.report(self.line_of(start), message),
            },
            DeValue::Array(items) => {
                for item in items.iter_mut() {
                    self.replace(item);
                }
            }
            DeValue::Table(table) => {
                for (_, value) in table.iter_mut() {
                    self.replace(value);
                }
            }
            _ => {}
        }
    }

    fn expand(&self, text: &str) -> Result<String, String> {
        let mut expanded = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            if let Some(before) = before.strip_suffix('$') {
                expanded.push_str(before);
                expanded.push_str("${");
                rest = after;
                continue;
            }
            let Some((name, behind)) = after.split_once('}') else {
                return Err(format!("`{text}` has a `${{` without its `}}`; {FORMS}"));
            };
            expanded.push_str(before);
            expanded.push_str(&self.look_up(name)?);
            rest = behind;
        }
        expanded.push_str(rest);
        Ok(expanded)
    }

    fn look_up(&self, name: &str) -> Result<String, String> {
        if let Some(name) = name.strip_prefix("file:") {
            return self.read_value(name);
        }
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if name.is_empty() || !name.bytes().all(is_letter) {
            return Err(format!("`${{{name}}}` names no variable; {FORMS}"));
        }
        let variables = self.surroundings.variables.as_ref();
        let Some(value) = variables.and_then(|variables| variables.get(name)) else {
            return Err(format!(
                "`${{{name}}}` is not set, expected an environment variable `{name}`"
            ));
        };
        let mut used = self.used.borrow_mut();
        used.variables.insert(name.to_owned(), value.clone());
        Ok(value.clone())
    }

    fn read_value(&self, name: &str) -> Result<String, String> {
        let path = self.surroundings.folder.join(name);
        let read = File::open(&path).and_then(|open| file::read(open, MAX_FILE));
        self.used.borrow_mut().files.insert(path);
        let bytes = match read {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Err(format!("the file `{name}` has more than {MAX_FILE} bytes")),
            Err(error) => return Err(format!("the file `{name}` cannot be read: {error}")),
        };
        let Ok(text) = String::from_utf8(bytes) else {
            return Err(format!("the file `{name}` is not UTF-8"));
        };
        let line = text.strip_suffix('\n').unwrap_or(&text);
        let line = line.strip_suffix('\r').unwrap_or(line);
        match line.contains('\n') {
            true => Err(format!(
                "the file `{name}` has several lines, expected one value"
            )),
            false => Ok(line.to_owned()),
        }
    }
}

const FORMS: &str =
    "expected `${NAME}`, `${file:NAME}`, or `$${` for a `${` that is meant as it stands";

fn place(value: &mut Spanned<DeValue<'_>>, range: &Range<usize>) {
    let mut inner = std::mem::replace(value.get_mut(), DeValue::Boolean(false));
    if let DeValue::Array(items) = &mut inner {
        for item in items.iter_mut() {
            place(item, range);
        }
    }
    *value = Spanned::new(range.clone(), inner);
}

/// A value that stands where a table should is left for the reader to refuse.
fn insert<'a>(table: &mut DeTable<'a>, path: &'a [String], value: Spanned<DeValue<'a>>) {
    let Some((key, rest)) = path.split_first() else {
        return;
    };
    let span = value.span();
    let key = Spanned::new(span.clone(), Cow::Borrowed(key.as_str()));
    if rest.is_empty() {
        table.insert(key, value);
        return;
    }
    let inner = table
        .entry(key)
        .or_insert_with(|| Spanned::new(span, DeValue::Table(DeTable::new())));
    if let DeValue::Table(inner) = inner.get_mut() {
        insert(inner, rest, value);
    }
}
