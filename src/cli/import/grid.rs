//! A table of a page as rows of cells, and cells as words: all that is left of the page's form.

/// A word, and the line it starts on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Word {
    pub text: String,
    pub line: usize,
}

/// What stands in a cell, from its first word to its last.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Cell {
    /// The line it starts on.
    pub line: usize,
    pub words: Vec<Word>,
    /// Whether what is appended next belongs to the last word.
    is_open: bool,
}

impl Cell {
    pub fn new(line: usize) -> Self {
        Self {
            line,
            ..Self::default()
        }
    }

    /// Adds a text that starts on `line`.
    pub fn append(&mut self, text: &str, mut line: usize) {
        for letter in text.chars() {
            match self.words.last_mut() {
                _ if letter.is_whitespace() => {
                    self.end_word();
                    line += usize::from(letter == '\n');
                }
                Some(word) if self.is_open => word.text.push(letter),
                _ => {
                    self.is_open = true;
                    self.words.push(Word {
                        text: letter.to_string(),
                        line,
                    });
                }
            }
        }
    }

    pub fn end_word(&mut self) {
        self.is_open = false;
    }

    /// The words with one space between them.
    pub fn text(&self) -> String {
        let words: Vec<&str> = self.words.iter().map(|word| word.text.as_str()).collect();
        words.join(" ")
    }
}

/// A cell and where it stands.
#[derive(Clone, Debug)]
pub struct Area {
    pub cell: Cell,
    pub row: usize,
    pub column: usize,
    pub height: usize,
    pub width: usize,
}

/// A table; a cell that spans rows or columns stands in each of them.
#[derive(Debug)]
pub struct Grid {
    /// The line it starts on.
    pub line: usize,
    /// How many rows at the top are headings.
    pub head: usize,
    cells: Vec<Cell>,
    rows: Vec<Vec<Option<usize>>>,
}

/// One cell of a grid; two places with the same number are the same cell.
#[derive(Clone, Copy, Debug)]
pub struct Placed<'a> {
    pub number: usize,
    pub cell: &'a Cell,
}

impl Grid {
    pub fn new(line: usize, head: usize, areas: Vec<Area>) -> Self {
        let mut grid = Self {
            line,
            head,
            cells: Vec::new(),
            rows: Vec::new(),
        };
        for area in areas {
            let bottom = area.row + area.height;
            if grid.rows.len() < bottom {
                grid.rows.resize(bottom, Vec::new());
            }
            for row in grid.rows.iter_mut().take(bottom).skip(area.row) {
                let right = area.column + area.width;
                if row.len() < right {
                    row.resize(right, None);
                }
                row.iter_mut()
                    .take(right)
                    .skip(area.column)
                    .for_each(|place| *place = Some(grid.cells.len()));
            }
            grid.cells.push(area.cell);
        }
        grid
    }

    pub fn height(&self) -> usize {
        self.rows.len()
    }

    pub fn width(&self) -> usize {
        self.rows.iter().map(Vec::len).max().unwrap_or(0)
    }

    /// What stands there, if anything does.
    pub fn cell(&self, row: usize, column: usize) -> Option<Placed<'_>> {
        let number = (*self.rows.get(row)?.get(column)?)?;
        let cell = self.cells.get(number)?;
        Some(Placed { number, cell })
    }

    /// The cells of a row from left to right.
    pub fn row(&self, row: usize) -> impl Iterator<Item = &Cell> {
        let places = (0..self.width()).filter_map(move |column| self.cell(row, column));
        places.map(|placed| placed.cell)
    }
}
