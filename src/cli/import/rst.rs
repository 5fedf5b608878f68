//! The grid tables of a page in reStructuredText.
//!
//! <https://docutils.sourceforge.io/docs/ref/rst/restructuredtext.html#grid-tables>

use super::grid::{Area, Cell, Grid};

/// A grid that cannot be read.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidGrid {
    #[error("the line is {found} characters wide, expected {expected} as the first of its table")]
    Width { found: usize, expected: usize },
    #[error("a second `=` line, expected one below the headings")]
    SecondHead,
    #[error("a border is broken, expected a cell with `+` at its corners and `|` and `-` between")]
    Border,
}

/// Every table, or the first that is broken, with the line it is broken at.
pub fn read(text: &str) -> Result<Vec<Grid>, (usize, InvalidGrid)> {
    let mut grids = Vec::new();
    let mut lines = text.lines().zip(1..).peekable();
    while let Some((text, line)) = lines.next() {
        if !is_border(text.trim(), '-') {
            continue;
        }
        let mut rows = vec![text.trim().chars().collect::<Vec<char>>()];
        let is_within = |text: &str| text.trim_start().starts_with(['+', '|']);
        while let Some((text, _)) = lines.next_if(|(text, _)| is_within(text)) {
            rows.push(text.trim().chars().collect());
        }
        grids.push(Block::read(rows, line)?);
    }
    Ok(grids)
}

fn is_border(text: &str, dash: char) -> bool {
    let is_drawn = text.chars().all(|letter| letter == '+' || letter == dash);
    is_drawn && text.starts_with('+') && text.ends_with('+') && text.contains(dash)
}

/// The drawing of one table.
struct Block {
    /// The line of its first row.
    line: usize,
    rows: Vec<Vec<char>>,
}

/// The last row and column of a cell's border.
type Corner = (usize, usize);

impl Block {
    fn read(rows: Vec<Vec<char>>, line: usize) -> Result<Grid, (usize, InvalidGrid)> {
        let mut block = Self { line, rows };
        let expected = block.rows.first().map_or(0, Vec::len);
        for (row, at) in block.rows.iter().zip(line..) {
            let found = row.len();
            if found != expected {
                return Err((at, InvalidGrid::Width { found, expected }));
            }
        }
        let head = block.take_head()?;
        let cells = block.cells()?;
        let tops = steps(cells.iter().map(|(first, _)| first.0));
        let lefts = steps(cells.iter().map(|(first, _)| first.1));
        let steps_between = |steps: &[usize], from: usize, to: usize| {
            let within = steps.iter().filter(|step| (from..to).contains(*step));
            within.count()
        };
        let areas = cells.iter().map(|&((top, left), (bottom, right))| Area {
            cell: block.cell((top, left), (bottom, right)),
            row: steps_between(&tops, 0, top),
            column: steps_between(&lefts, 0, left),
            height: steps_between(&tops, top, bottom),
            width: steps_between(&lefts, left, right),
        });
        let areas = areas.collect();
        let head = head.map_or(1, |head| steps_between(&tops, 0, head));
        Ok(Grid::new(line, head, areas))
    }

    /// The row of the line below the headings, which becomes a border like the others.
    fn take_head(&mut self) -> Result<Option<usize>, (usize, InvalidGrid)> {
        let mut head = None;
        for (index, row) in self.rows.iter_mut().enumerate() {
            if !is_border(&row.iter().collect::<String>(), '=') {
                continue;
            }
            if head.replace(index).is_some() {
                return Err((self.line + index, InvalidGrid::SecondHead));
            }
            row.iter_mut()
                .filter(|letter| **letter == '=')
                .for_each(|letter| *letter = '-');
        }
        Ok(head)
    }

    fn at(&self, row: usize, column: usize) -> Option<char> {
        self.rows.get(row)?.get(column).copied()
    }

    /// Every cell by the corners of its border, in the order of rows; together they fill the table.
    fn cells(&self) -> Result<Vec<(Corner, Corner)>, (usize, InvalidGrid)> {
        let bottom = self.rows.len() - 1;
        let right = self.rows.first().map_or(0, Vec::len) - 1;
        // How far down each column is filled.
        let mut filled = vec![0; right];
        let mut cells = Vec::new();
        while let Some((left, top)) = lowest(&filled, bottom) {
            let broken = || (self.line + top, InvalidGrid::Border);
            let end = self.scan(top, left).ok_or_else(broken)?;
            for depth in filled.iter_mut().take(end.1).skip(left) {
                if *depth != top {
                    return Err(broken());
                }
                *depth = end.0;
            }
            cells.push(((top, left), end));
        }
        Ok(cells)
    }

    /// The smallest cell with this upper left corner.
    fn scan(&self, top: usize, left: usize) -> Option<Corner> {
        if self.at(top, left) != Some('+') {
            return None;
        }
        let mut right = left + 1;
        loop {
            match self.at(top, right)? {
                '+' => {
                    if let Some(bottom) = self.scan_down(top, left, right) {
                        return Some((bottom, right));
                    }
                }
                '-' => {}
                _ => return None,
            }
            right += 1;
        }
    }

    fn scan_down(&self, top: usize, left: usize, right: usize) -> Option<usize> {
        let mut bottom = top + 1;
        loop {
            match self.at(bottom, right)? {
                '+' if self.is_closed(top, left, bottom, right) => return Some(bottom),
                '+' | '|' => {}
                _ => return None,
            }
            bottom += 1;
        }
    }

    /// Whether the lower and the left border are whole.
    fn is_closed(&self, top: usize, left: usize, bottom: usize, right: usize) -> bool {
        let is = |letter: Option<char>, line| letter == Some('+') || letter == Some(line);
        self.at(bottom, left) == Some('+')
            && (left + 1..right).all(|column| is(self.at(bottom, column), '-'))
            && (top + 1..bottom).all(|row| is(self.at(row, left), '|'))
    }

    fn cell(&self, (top, left): Corner, (bottom, right): Corner) -> Cell {
        let rows = self.rows.iter().take(bottom).skip(top + 1);
        let lines = rows.map(|row| {
            let text: String = row.iter().take(right).skip(left + 1).collect();
            without_bullet(text.trim()).to_owned()
        });
        let lines: Vec<String> = lines.collect();
        let line = self.line + top + 1;
        let mut cell = Cell::new(line);
        cell.append(&plain(&lines.join("\n")), line);
        cell
    }
}

/// The first place that is filled least, as column and row, unless all is filled.
fn lowest(filled: &[usize], bottom: usize) -> Option<(usize, usize)> {
    let places = filled.iter().copied().enumerate();
    let lowest = places.min_by_key(|(column, depth)| (*depth, *column));
    lowest.filter(|(_, depth)| *depth < bottom)
}

fn steps(places: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut places: Vec<usize> = places.collect();
    places.sort_unstable();
    places.dedup();
    places
}

/// The text of a list's item; a `-` alone says that there is nothing.
fn without_bullet(line: &str) -> &str {
    let item = line.strip_prefix(['-', '*', '•']);
    let item = item.filter(|item| item.starts_with(' '));
    item.unwrap_or(line).trim_start()
}

/// The text without its inline markup; its lines stay.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        if let Some(inner) = rest.strip_prefix("``")
            && let Some((literal, after)) = inner.split_once("``")
        {
            plain.push_str(literal);
            rest = after;
        } else if let Some(inner) = without_role(rest).strip_prefix('`')
            && let Some((reference, after)) = inner.split_once('`')
        {
            push_reference(&mut plain, reference);
            rest = after.trim_start_matches('_');
        } else if let Some(after) = rest.strip_prefix("**") {
            rest = after;
        } else if let Some(escaped) = rest.strip_prefix('\\') {
            let mut letters = escaped.chars();
            plain.extend(letters.next().filter(|letter| *letter != ' '));
            rest = letters.as_str();
        } else {
            plain.push(letter);
            rest = rest.strip_prefix(letter).unwrap_or_default();
        }
    }
    plain
}

/// What stands behind a role such as `:ref:`.
fn without_role(text: &str) -> &str {
    let name = text.strip_prefix(':').and_then(|text| text.split_once(':'));
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "-_.+".contains(letter);
    match name {
        Some((name, rest)) if name.chars().all(is_part) && rest.starts_with('`') => rest,
        _ => text,
    }
}

/// `text <target>` is the text; lines that the target takes stay.
fn push_reference(plain: &mut String, reference: &str) {
    match reference.split_once('<') {
        Some((text, target)) if target.ends_with('>') => {
            plain.push_str(text.trim_end_matches(' '));
            plain.extend(target.chars().filter(|letter| *letter == '\n'));
        }
        _ => plain.push_str(reference),
    }
}
