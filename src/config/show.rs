//! `config show`: every key with what it holds, and where that comes from.

use std::fmt::Write as _;

use super::schema::{Key, Shape};
use crate::document::{Origin, Section, Written};

/// No comment starts further left than here.
const COMMENTS_FROM: usize = 44;

/// The config as TOML that reads as the same one; `file` is what comments call it.
///
/// Values stand as they are written: what `${…}` stands for, and so no secret, is shown.
pub fn show(root: &Section<'_>, file: &str) -> String {
    let mut shown = Shown {
        file,
        text: String::new(),
    };
    shown.table(Some(root), Key::root(), "", "");
    shown.text
}

struct Shown<'a> {
    file: &'a str,
    text: String,
}

/// Tables of a table, which have to stand behind its values.
type Inner<'a> = Vec<(String, String, Key, Option<Section<'a>>)>;

impl Shown<'_> {
    /// Returns whether there is anything in it. `header` is how it begins.
    fn table(
        &mut self,
        section: Option<&Section<'_>>,
        table: Key,
        path: &str,
        header: &str,
    ) -> bool {
        let start = self.text.len();
        if !header.is_empty() {
            let _ = writeln!(self.text, "\n{header}");
        }
        let values_start = self.text.len();
        let kind = section.filter(|section| section.has("kind"));
        let kind = kind.and_then(|section| section.string("kind"));
        let kind = kind.map_or("jwt".to_owned(), |kind| kind.value);
        let mut inner = Inner::new();
        let mut unset = Vec::new();
        for (name, key) in table.keys().filter(|(_, key)| key.is_of_kind(&kind)) {
            let is_there = section.is_some_and(|section| section.has(name));
            let within = match path {
                "" => name.to_owned(),
                path => format!("{path}.{name}"),
            };
            match key.shape() {
                Shape::Table | Shape::Names if is_there || !key.requires_any() => {
                    let found = section.and_then(|section| section.section(name));
                    inner.push((within.clone(), format!("[{within}]"), key, found));
                }
                Shape::Tables(item) if is_there => {
                    let found = section.and_then(|section| section.sections(name));
                    for found in found.into_iter().flatten() {
                        inner.push((within.clone(), format!("[[{within}]]"), item, Some(found)));
                    }
                }
                _ => {
                    let written = section.and_then(|section| section.written(name));
                    let needs = table.beside(name);
                    let applies =
                        needs.is_none_or(|needs| section.is_some_and(|section| section.has(needs)));
                    match (written, key.default()) {
                        (Some(written), _) => self.value(name, &written),
                        (None, Some(default)) if applies => {
                            self.line(name, &default.to_string(), "default");
                        }
                        _ => unset.push(name),
                    }
                }
            }
        }
        let names = section.filter(|_| matches!(table.shape(), Shape::Names));
        for (name, written) in names.into_iter().flat_map(Section::all_written) {
            self.value(&quoted(&name), &written);
        }
        let mut is_empty = self.text.len() == values_start;
        let unset_at = self.text.len();
        for (within, header, key, found) in &inner {
            let has = self.table(found.as_ref(), *key, within, header);
            if !has && found.is_none() {
                unset.push(key_name(within));
            }
            is_empty &= !has;
        }
        if is_empty && section.is_none() {
            self.text.truncate(start);
            return false;
        }
        if !unset.is_empty() {
            unset.sort_unstable();
            let line = format!("# not set: {}\n", unset.join(", "));
            self.text.insert_str(unset_at, &line);
        }
        true
    }

    fn value(&mut self, name: &str, written: &Written) {
        let origin = match &written.origin {
            Origin::Line(line) => format!("{}:{line}", self.file),
            Origin::Override(source) => source.clone(),
        };
        self.line(name, &written.text, &origin);
    }

    fn line(&mut self, name: &str, value: &str, origin: &str) {
        let line = format!("{name} = {value}");
        let last = line.lines().last().unwrap_or_default().chars().count();
        let gap = COMMENTS_FROM.saturating_sub(last);
        let _ = writeln!(self.text, "{line}{:gap$}  # {origin}", "");
    }
}

fn key_name(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

/// A key as TOML has it.
fn quoted(name: &str) -> String {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    match !name.is_empty() && name.bytes().all(is_letter) {
        true => name.to_owned(),
        false => serde_json::Value::from(name).to_string(),
    }
}
