//! Sections whose keys are the user's own names.

use toml::de::DeValue;

use super::{Located, Section};

impl Section<'_> {
    /// Every key of the section with the string, or the strings of the array, under it; by line.
    pub fn lists(&self) -> Vec<(Located<String>, Vec<Located<String>>)> {
        let mut lists = Vec::new();
        for (key, value) in self.table {
            let name: &str = key.get_ref();
            let string = |value: &toml::Spanned<DeValue<'_>>| match value.get_ref() {
                DeValue::String(text) => Some(Located {
                    value: text.to_string(),
                    line: self.line_of(value),
                }),
                _ => {
                    self.unexpected(name, value, "a string or an array of strings");
                    None
                }
            };
            let strings = match value.get_ref() {
                DeValue::Array(items) => items.iter().filter_map(string).collect(),
                _ => string(value).into_iter().collect(),
            };
            let key = Located {
                value: name.to_owned(),
                line: self.document.line_of(key.span().start),
            };
            lists.push((key, strings));
        }
        lists.sort_by_key(|(key, _)| key.line);
        lists
    }
}
