//! The tables of an HTML page, and of Markdown with HTML tables in it.

use html5gum::{DefaultEmitter, StartTag, Token, Tokenizer};

use super::grid::{Area, Cell, Grid};

/// Columns beyond are not read: a `colspan` can claim any number.
const MAX_COLUMNS: usize = 64;

/// Where a table starts that does not end.
#[derive(Debug, Eq, PartialEq)]
pub struct Unclosed(pub usize);

/// Lines of `text` end with `\n` alone.
pub fn read(text: &str) -> Result<Vec<Grid>, Unclosed> {
    let mut emitter = DefaultEmitter::<usize>::new_with_span();
    // What a script holds is no part of the page.
    emitter.naively_switch_states(true);
    let mut lines = Lines {
        text: text.as_bytes(),
        offset: 0,
        line: 1,
    };
    let (mut grids, mut open) = (Vec::new(), Vec::<Open>::new());
    for token in Tokenizer::new_with_emitter(text, emitter) {
        let Ok(token) = token;
        match token {
            Token::StartTag(tag) => {
                let line = lines.line_of(tag.span.start);
                if **tag.name == *b"table" {
                    open.push(Open::new(line));
                } else if let Some(table) = open.last_mut() {
                    table.start(&tag, line);
                }
            }
            Token::EndTag(tag) if **tag.name == *b"table" => {
                grids.extend(open.pop().map(Open::close));
            }
            Token::EndTag(tag) => {
                if let Some(table) = open.last_mut() {
                    table.end(&tag.name);
                }
            }
            Token::String(text) => {
                let line = lines.line_of(text.span.start);
                if let Some(cell) = open.last_mut().and_then(Open::cell) {
                    cell.append(&String::from_utf8_lossy(&text), line);
                }
            }
            Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
        }
    }
    match open.first() {
        Some(table) => Err(Unclosed(table.line)),
        None => Ok(grids),
    }
}

/// Counts lines on the way through a text.
struct Lines<'a> {
    text: &'a [u8],
    offset: usize,
    line: usize,
}

impl Lines<'_> {
    /// Offsets must not decrease from call to call.
    fn line_of(&mut self, offset: usize) -> usize {
        let passed = self.text.get(self.offset..offset).unwrap_or_default();
        let bytes = passed.iter().copied();
        self.line += bytes.filter(|byte| *byte == b'\n').count();
        self.offset = self.offset.max(offset);
        self.line
    }
}

/// A table that is being read.
struct Open {
    line: usize,
    areas: Vec<Area>,
    /// How many rows were started.
    rows: usize,
    /// How many of them are headings.
    head: usize,
    is_in_head: bool,
    is_in_row: bool,
    is_in_cell: bool,
    /// The first row below what was placed, for each column.
    free: Vec<usize>,
    /// The first cell of the row group: no cell reaches beyond its group.
    group: usize,
}

impl Open {
    fn new(line: usize) -> Self {
        Self {
            line,
            areas: Vec::new(),
            rows: 0,
            head: 0,
            is_in_head: false,
            is_in_row: false,
            is_in_cell: false,
            free: Vec::new(),
            group: 0,
        }
    }

    fn cell(&mut self) -> Option<&mut Cell> {
        let area = self.areas.last_mut().filter(|_| self.is_in_cell)?;
        Some(&mut area.cell)
    }

    fn start(&mut self, tag: &StartTag<usize>, line: usize) {
        match tag.name.as_slice() {
            name @ (b"thead" | b"tbody" | b"tfoot") => {
                self.end_group();
                self.is_in_head = name == b"thead";
            }
            b"tr" => self.start_row(),
            b"td" | b"th" => self.start_cell(tag, line),
            name => self.end_word(name),
        }
    }

    fn end(&mut self, name: &[u8]) {
        match name {
            b"thead" | b"tbody" | b"tfoot" => {
                self.end_group();
                self.is_in_head = false;
            }
            b"tr" => (self.is_in_row, self.is_in_cell) = (false, false),
            b"td" | b"th" => self.is_in_cell = false,
            name => self.end_word(name),
        }
    }

    /// Tags within a line of text, such as `<code>`, may stand within a word.
    fn end_word(&mut self, name: &[u8]) {
        let is_block = matches!(
            name,
            b"p" | b"br" | b"div" | b"ul" | b"ol" | b"li" | b"dl" | b"dt" | b"dd" | b"pre" | b"hr"
        );
        if let Some(cell) = self.cell().filter(|_| is_block) {
            cell.end_word();
        }
    }

    fn start_row(&mut self) {
        self.rows += 1;
        (self.is_in_row, self.is_in_cell) = (true, false);
        if self.is_in_head {
            self.head = self.rows;
        }
    }

    fn start_cell(&mut self, tag: &StartTag<usize>, line: usize) {
        if !self.is_in_row {
            self.start_row();
        }
        let row = self.rows - 1;
        let is_free = |free: &usize| *free <= row;
        let column = self.free.iter().position(is_free);
        let column = column.unwrap_or(self.free.len());
        let width = span(tag, b"colspan").clamp(1, MAX_COLUMNS);
        let width = width.min(MAX_COLUMNS.saturating_sub(column));
        let height = match span(tag, b"rowspan") {
            // Down to the end of the group.
            0 => usize::MAX - row,
            height => height.min(usize::MAX - row),
        };
        if self.free.len() < column + width {
            self.free.resize(column + width, 0);
        }
        for free in self.free.iter_mut().take(column + width).skip(column) {
            *free = row + height;
        }
        self.areas.push(Area {
            cell: Cell::new(line),
            row,
            column,
            height,
            width,
        });
        self.is_in_cell = true;
    }

    fn end_group(&mut self) {
        for area in self.areas.iter_mut().skip(self.group) {
            area.height = area.height.min(self.rows - area.row);
        }
        self.group = self.areas.len();
        self.free.clear();
        (self.is_in_row, self.is_in_cell) = (false, false);
    }

    fn close(mut self) -> Grid {
        self.end_group();
        Grid::new(self.line, self.head.max(1), self.areas)
    }
}

/// How many rows or columns; one where nothing readable is said.
fn span(tag: &StartTag<usize>, name: &[u8]) -> usize {
    let value = tag.attributes.get(name);
    let text = value.map(|value| String::from_utf8_lossy(value).trim().to_owned());
    text.and_then(|text| text.parse().ok()).unwrap_or(1)
}
