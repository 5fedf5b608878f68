//! Values as they are written, and where.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeString, DeValue};

use super::{Document, Section};

/// A value as it is written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Written {
    /// As TOML; `${…}` as it stands there.
    pub text: String,
    /// Where it stands.
    pub origin: Origin,
}

/// Where a value stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Origin {
    /// On this line of the document, counted from 1.
    Line(usize),
    /// In an override with this source.
    Override(String),
}

impl Section<'_> {
    /// What is under `key`, whatever it is.
    pub fn written(&self, key: &'static str) -> Option<Written> {
        let value = self.table.get(key)?;
        let written = self.document.written(&value.span());
        let DeValue::Table(_) = value.get_ref() else {
            return Some(written);
        };
        // It may have a header of its own.
        let inner = self.section(key)?.all_written().into_iter();
        let inner: Vec<String> = inner
            .map(|(key, value)| format!("{key} = {}", value.text))
            .collect();
        Some(Written {
            text: format!("{{ {} }}", inner.join(", ")),
            ..written
        })
    }

    /// What is under every key, in the order of lines; for tables whose keys are the user's own names.
    pub fn all_written(&self) -> Vec<(String, Written)> {
        let mut values: Vec<_> = self.table.iter().collect();
        values.sort_by_key(|(key, _)| key.span().start);
        let written = |(key, value): (&Spanned<DeString<'_>>, &Spanned<_>)| {
            let name = key.get_ref().to_string();
            (name, self.document.written(&value.span()))
        };
        values.into_iter().map(written).collect()
    }
}

impl Document {
    fn written(&self, span: &Range<usize>) -> Written {
        let line = self.line_of(span.start);
        match self.override_at(line) {
            Some(overriding) => Written {
                // Nothing in it is a reference, as it would be in the document.
                text: overriding.value.replace("${", "$${"),
                origin: Origin::Override(overriding.source.clone()),
            },
            None => Written {
                text: self.text.get(span.clone()).unwrap_or_default().to_owned(),
                origin: Origin::Line(line),
            },
        }
    }
}
