//! `[table]`: the files of the action table, and how much of them is demanded.

use std::fs;
use std::path::{Path, PathBuf};

use crate::document::{Located, Section};
use crate::table::Source;

/// The action table as the config wants it.
#[derive(Debug)]
pub struct TableConfig {
    /// The built-in pages first.
    pub sources: Vec<Source>,
    /// Whether there are any of these.
    pub is_builtin: bool,
    /// The files among them.
    pub files: Vec<PathBuf>,
    /// Whether dependencies are demanded, too.
    pub enforce_dependencies: bool,
    /// The region of the instances, as policies spell it.
    pub region: Option<String>,
    /// The labels of operations whose refusals are reported only.
    pub report: Vec<Located<String>>,
}

pub fn read(section: Option<&Section<'_>>, folder: &Path) -> TableConfig {
    let Some(section) = section else {
        return TableConfig {
            sources: Source::builtin(),
            is_builtin: true,
            files: Vec::new(),
            enforce_dependencies: false,
            region: None,
            report: Vec::new(),
        };
    };
    let (mut sources, mut files) = (Vec::new(), Vec::new());
    let enforce_dependencies = section.boolean("enforce_dependencies");
    let region = section.parse("region", "a name such as \"eu-de\"", |text| {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        match !text.is_empty() && text.bytes().all(is_letter) {
            true => Ok(text.to_owned()),
            false => Err("it holds something else than letters, digits, `-` and `_`"),
        }
    });
    let builtin = section.parse("builtin", "\"ecs\" or \"none\"", |text| match text {
        "ecs" => Ok(true),
        "none" => Ok(false),
        _ => Err("there is no such table"),
    });
    let is_builtin = builtin.is_none_or(|builtin| builtin.value);
    if is_builtin {
        sources.extend(Source::builtin());
    }
    for Located { value: name, line } in section
        .strings("files")
        .map_or_else(Vec::new, |files| files.value)
    {
        let path = folder.join(&name);
        files.push(path.clone());
        match fs::read_to_string(&path) {
            Ok(text) => sources.push(Source {
                name: path.display().to_string(),
                text,
            }),
            Err(error) => section.problem(
                line,
                format!("the table file `{name}` cannot be read: {error}"),
            ),
        }
    }
    if sources.is_empty() {
        section.problem(
            section.line(),
            "the table is empty, expected `builtin = \"ecs\"` or at least one of `files`",
        );
    }
    let report = section.strings("report");
    section.finish();
    TableConfig {
        sources,
        is_builtin,
        files,
        enforce_dependencies: enforce_dependencies.unwrap_or(false),
        region: region.map(|region| region.value),
        report: report.map_or_else(Vec::new, |labels| labels.value),
    }
}
