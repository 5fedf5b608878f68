//! `import`: the vendor's page "Permissions and Supported Actions" as a table file, and what it
//! says otherwise than the table in use.
//!
//! Never guesses: a row that cannot be read is named, and then nothing is printed.

mod difference;
mod grid;
mod html;
mod page;
mod rst;
mod supplement;
mod text;
mod word;

use std::path::{Path, PathBuf};

use anyhow::anyhow;

use super::{Outcome, say};
use crate::document::{Problem, Problems};
use crate::table::{ActionTable, Source};
use page::{Page, Row};

/// Prints the pages as TOML; as `diff` does, it has a code of its own for trouble.
pub fn run(pages: &[PathBuf]) -> Outcome {
    outcome(print(pages))
}

/// Compares the pages with the table of `config`, or with the built-in table.
pub fn compare(pages: &[PathBuf], config: Option<&Path>) -> Outcome {
    outcome(print_differences(pages, config))
}

fn outcome(result: anyhow::Result<Outcome>) -> Outcome {
    result.unwrap_or_else(|error| {
        super::say_error(&error);
        Outcome::Unusable
    })
}

fn print(pages: &[PathBuf]) -> anyhow::Result<Outcome> {
    let table = ActionTable::load(&Source::builtin())?;
    let pages = read(pages)?;
    let text = write(&pages, &table).map_err(unusable)?;
    say(text.trim_end());
    Ok(Outcome::Done)
}

fn print_differences(pages: &[PathBuf], config: Option<&Path>) -> anyhow::Result<Outcome> {
    let sources = match config {
        None => Source::builtin(),
        Some(path) => super::read_config(path)?.table,
    };
    let table = ActionTable::load(&sources)?;
    let pages = read(pages)?;
    // What could not be imported cannot be compared, either.
    write(&pages, &table).map_err(unusable)?;
    let rows: Vec<&Row> = rows(&pages).collect();
    let supplements = supplement::find(&rows, &table).map_err(|found| unusable(Problems(found)))?;
    let found = difference::find(&rows, &supplements, &table);
    for line in found.lines() {
        say(line);
    }
    Ok(match found.is_empty() {
        true => Outcome::Done,
        false => Outcome::Differs,
    })
}

/// Each problem on a line of its own, so that its place starts the line.
#[expect(clippy::needless_pass_by_value, reason = "a function for `map_err`")]
fn unusable(problems: Problems) -> anyhow::Error {
    anyhow!("the pages cannot be used:\n{problems}")
}

fn read(paths: &[PathBuf]) -> anyhow::Result<Vec<(String, Page)>> {
    let mut pages = Vec::new();
    for path in paths {
        let text = super::read_text(path)?;
        pages.push((path.display().to_string(), page::read(path, &text)));
    }
    Ok(pages)
}

fn rows(pages: &[(String, Page)]) -> impl Iterator<Item = &Row> {
    pages.iter().flat_map(|(_, page)| &page.rows)
}

/// The table file, which is known to load.
fn write(pages: &[(String, Page)], table: &ActionTable) -> Result<String, Problems> {
    let rows: Vec<&Row> = rows(pages).collect();
    let found = pages.iter().flat_map(|(_, page)| &page.problems);
    let mut problems: Vec<Problem> = found.cloned().collect();
    let supplements = supplement::find(&rows, table).unwrap_or_else(|found| {
        problems.extend(found);
        Vec::new()
    });
    if !problems.is_empty() {
        return Err(ordered(pages, problems));
    }
    let mut supplements = supplements.iter();
    let (mut text, mut starts) = (String::new(), Vec::new());
    for (name, page) in pages {
        text.push_str(&text::heading(name, page));
        for row in &page.rows {
            starts.push((text.matches('\n').count() + 2, row));
            text.push('\n');
            text.push_str(&text::operation(row, supplements.next()));
        }
        text.push('\n');
    }
    let source = Source {
        name: "the imported table".to_owned(),
        text,
    };
    match ActionTable::load(std::slice::from_ref(&source)) {
        Ok(_) => Ok(source.text),
        Err(Problems(found)) => {
            let of_row = |problem: Problem| {
                let mut before = starts.iter().rev();
                match before.find(|(start, _)| *start <= problem.line) {
                    Some((_, row)) => row.problem(&problem.message),
                    None => problem,
                }
            };
            Err(ordered(pages, found.into_iter().map(of_row).collect()))
        }
    }
}

fn ordered(pages: &[(String, Page)], mut problems: Vec<Problem>) -> Problems {
    problems.sort_by_key(|problem| {
        let page = pages.iter().position(|(name, _)| *name == problem.file);
        (page, problem.line)
    });
    Problems(problems)
}

#[cfg(test)]
mod tests;
