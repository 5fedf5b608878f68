//! `[table]`: the files of the action table.

use std::fs;
use std::path::{Path, PathBuf};

use crate::document::{Located, Section};
use crate::table::Source;

/// The table's sources, and the files among them.
pub fn read(section: Option<&Section<'_>>, folder: &Path) -> (Vec<Source>, Vec<PathBuf>) {
    let Some(section) = section else {
        return (Source::builtin(), Vec::new());
    };
    let (mut sources, mut files) = (Vec::new(), Vec::new());
    let builtin = section.parse("builtin", "\"ecs\" or \"none\"", |text| match text {
        "ecs" => Ok(true),
        "none" => Ok(false),
        _ => Err("there is no such table"),
    });
    if builtin.is_none_or(|builtin| builtin.value) {
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
    section.finish();
    (sources, files)
}
