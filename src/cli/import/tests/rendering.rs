//! Rows written as the vendor writes its pages, in many ways.

#![expect(clippy::format_push_string, reason = "a page in a test is short")]

use proptest::prelude::*;

use crate::table::{ActionName, Operation};

/// A row as text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Listed {
    pub permission: String,
    pub routes: Vec<String>,
    pub actions: Vec<String>,
    pub dependencies: Vec<String>,
    pub file: String,
}

impl From<&Operation> for Listed {
    fn from(operation: &Operation) -> Self {
        let names = |actions: &[ActionName]| actions.iter().map(ToString::to_string).collect();
        let routes = operation.routes.iter();
        let conditional = operation.conditional.iter();
        let conditional = conditional.flat_map(|conditional| &conditional.actions);
        let dependencies = operation.dependencies.iter().chain(conditional);
        Self {
            permission: operation.permission.to_string(),
            routes: routes
                .map(|route| format!("{} {}", route.method, route.template))
                .collect(),
            actions: names(&operation.actions),
            dependencies: dependencies.map(ToString::to_string).collect(),
            file: operation.place.file.clone(),
        }
    }
}

/// How a page is written.
#[expect(clippy::struct_excessive_bools, reason = "each goes with each")]
#[derive(Clone, Debug)]
pub struct Style {
    /// The order of the columns; the last one is not read.
    order: [usize; 5],
    are_headings_plural: bool,
    has_lists: bool,
    has_links: bool,
    /// A line for each route of a row, the other cells spanning them.
    has_spans: bool,
    /// Without the end tags that HTML may leave out; RST wraps its lines.
    is_terse: bool,
}

impl Style {
    pub fn plain() -> Self {
        Self {
            order: [0, 1, 2, 3, 4],
            are_headings_plural: false,
            has_lists: false,
            has_links: false,
            has_spans: false,
            is_terse: false,
        }
    }

    pub fn all() -> Self {
        Self {
            order: [4, 2, 0, 3, 1],
            are_headings_plural: true,
            has_lists: true,
            has_links: true,
            has_spans: true,
            is_terse: true,
        }
    }

    pub fn any() -> impl Strategy<Value = Self> {
        let order = Just([0, 1, 2, 3, 4]).prop_shuffle();
        (order, any::<[bool; 5]>()).prop_map(|(order, [a, b, c, d, e])| Self {
            order,
            are_headings_plural: a,
            has_lists: b,
            has_links: c,
            has_spans: d,
            is_terse: e,
        })
    }

    fn headings(&self) -> [&'static str; 5] {
        match self.are_headings_plural {
            true => [
                "PERMISSIONS",
                "APIs",
                "Actions (all)",
                "dependencies",
                "IAM Projects",
            ],
            false => ["Permission", "API", "action", "Dependency", "IAM Project"],
        }
    }
}

/// The items of a row's cells, column by column.
fn cells(row: &Listed) -> [Vec<String>; 5] {
    let dependencies = match row.dependencies.is_empty() {
        true => vec!["-".to_owned()],
        false => row.dependencies.clone(),
    };
    let (permission, project) = (vec![row.permission.clone()], vec!["√".to_owned()]);
    [
        permission,
        row.routes.clone(),
        row.actions.clone(),
        dependencies,
        project,
    ]
}

pub fn html(rows: &[Listed], style: &Style) -> String {
    let end = |tag: &'static str| if style.is_terse { "" } else { tag };
    let mut page =
        String::from("# Title <a name=\"title\"></a>\n\nA < b & c.\n\n<table><thead><tr>");
    for column in style.order {
        let heading = style.headings()[column];
        page += &format!(
            "<th width=\"20%\"><p><a name=\"h\"></a>{heading}{}",
            end("</p>\n</th>")
        );
    }
    page += &format!("{}\n<tbody>", end("</tr>\n</thead>"));
    for row in rows {
        let cells = cells(row);
        let height = if style.has_spans { row.routes.len() } else { 1 };
        for line in 0..height {
            page += "<TR>";
            for column in style.order {
                let items = &cells[column];
                let items = match (style.has_spans && column == 1, line) {
                    (true, line) => &items[line..=line],
                    (false, 0) => items,
                    (false, _) => continue,
                };
                let span = match height > 1 && column != 1 {
                    true => format!(" rowspan=\"{height}\""),
                    false => String::new(),
                };
                page += &format!(
                    "<td{span} headers=\"h\">{}{}",
                    content(items, style),
                    end("</td>\n")
                );
            }
            page += end("</tr>\n");
        }
    }
    page + "</table>\n\nThat is all.\n"
}

fn content(items: &[String], style: &Style) -> String {
    let mut content = String::new();
    for item in items {
        let text = item.replace('&', "&amp;").replace('<', "&lt;");
        let text = match style.has_links {
            true => format!("<a href=\"x.html\"><b>{text}</b></a><!-- a comment -->"),
            false => text,
        };
        content += &match (style.has_lists, style.is_terse) {
            (true, true) => format!("<li>{text}"),
            (true, false) => format!("<ul><li>{text}</li></ul>"),
            (false, true) => format!("{text}<br>\n"),
            (false, false) => format!("<p id=\"p\">{text}</p>\n"),
        };
    }
    content
}

pub fn rst(rows: &[Listed], style: &Style) -> String {
    let heading = |column: &usize| vec![style.headings()[*column].to_owned()];
    // Each row as lines of cells, and how many lines of the table its cells take.
    let mut table: Vec<Vec<Vec<String>>> = vec![style.order.iter().map(heading).collect()];
    let mut heights = vec![1];
    for row in rows {
        let cells = cells(row);
        let lines = |column: &usize| paragraphs(&cells[*column], *column, style);
        table.push(style.order.iter().map(lines).collect());
        heights.push(if style.has_spans { row.routes.len() } else { 1 });
    }
    let length = |lines: &Vec<String>| lines.iter().map(|line| line.chars().count()).max();
    let width = |column: usize| {
        let lines = table.iter().filter_map(|row| length(&row[column]));
        lines.max().unwrap_or(0) + 2
    };
    let widths: Vec<usize> = (0..style.order.len()).map(width).collect();
    let border = |letter: char| -> String {
        let dashes = widths
            .iter()
            .map(|width| letter.to_string().repeat(*width) + "+");
        format!("+{}\n", dashes.collect::<String>())
    };
    let mut page = format!("Title\n=====\n\nText.\n\n{}", border('-'));
    for (index, row) in table.iter().enumerate() {
        let routes = style.order.iter().position(|column| *column == 1).unwrap();
        page += &match heights[index] {
            1 => row_lines(row, &widths),
            _ => spanned_lines(row, &widths, routes),
        };
        page += &border(if index == 0 { '=' } else { '-' });
    }
    page + "\nThat is all.\n"
}

fn row_lines(row: &[Vec<String>], widths: &[usize]) -> String {
    let height = row.iter().map(Vec::len).max().unwrap_or(0);
    let mut text = String::new();
    for line in 0..height {
        text.push('|');
        for (lines, width) in row.iter().zip(widths) {
            text += &padded(lines.get(line).map_or("", String::as_str), *width);
            text.push('|');
        }
        text.push('\n');
    }
    text
}

/// The same with a border between the paragraphs of one column.
fn spanned_lines(row: &[Vec<String>], widths: &[usize], spanned: usize) -> String {
    let height = row.iter().map(Vec::len).max().unwrap_or(0);
    let mut text = String::new();
    for line in 0..height {
        let is_border = row[spanned].get(line).is_some_and(String::is_empty);
        for (column, (lines, width)) in row.iter().zip(widths).enumerate() {
            let is_edge = is_border && (column == spanned || column == spanned + 1);
            text.push(if is_edge { '+' } else { '|' });
            text += &match is_border && column == spanned {
                true => "-".repeat(*width),
                false => padded(lines.get(line).map_or("", String::as_str), *width),
            };
        }
        text.push(if is_border && spanned + 1 == row.len() {
            '+'
        } else {
            '|'
        });
        text.push('\n');
    }
    text
}

fn padded(text: &str, width: usize) -> String {
    let rest = width - text.chars().count() - 1;
    format!(" {text}{}", " ".repeat(rest))
}

/// The lines of a cell: a paragraph or a list's item for each item.
fn paragraphs(items: &[String], column: usize, style: &Style) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for item in items {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        if item == "-" {
            lines.push("``-``".to_owned());
            continue;
        }
        let mut text = String::new();
        for letter in item.chars() {
            if "\\`*_|".contains(letter) {
                text.push('\\');
            }
            text.push(letter);
        }
        if style.has_links && column == 0 {
            // What ends a link's text has no place in it.
            text = match text.contains(['<', '`', '\\']) {
                true => text,
                false => format!(":ref:`{text} <en-us_topic_0012>`"),
            };
        }
        if style.has_lists && column > 0 {
            text = format!("-  {text}");
        }
        match style.is_terse {
            true => lines.extend(text.split(' ').filter(|word| !word.is_empty()).fold(
                Vec::new(),
                |mut lines: Vec<String>, word| {
                    match lines.last_mut() {
                        // Where a line of the list starts its item goes on.
                        Some(line) if line.len() < 12 || line == "-" => {
                            line.push(' ');
                            line.push_str(word);
                        }
                        _ => lines.push(word.to_owned()),
                    }
                    lines
                },
            )),
            false => lines.push(text),
        }
    }
    lines
}
