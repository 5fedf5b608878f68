//! TOML read so that every problem is found at once and names its line.
//!
//! The config and the table files are read through a [`Section`]: asking for a key makes it known,
//! [`Section::finish`] refuses what nobody asked for. Never decides what a value means; that is the
//! reader's closure.

mod entry;
mod lists;
mod nearest;
mod section;
mod share;
mod surroundings;
mod written;

use std::cell::RefCell;
use std::fmt;

use toml::de::DeTable;

pub use entry::Entry;
pub use nearest::nearest;
pub use section::{Located, Section};
use surroundings::Reference;
pub use surroundings::{Override, Surroundings, Used};
pub use written::{Origin, Written};

/// One thing wrong in one file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problem {
    /// The file as the user named it.
    pub file: String,
    /// Counted from 1; 0 where the file as a whole is meant.
    pub line: usize,
    /// What was found and what was expected.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.message),
            line => write!(f, "{}:{line}: {}", self.file, self.message),
        }
    }
}

/// Everything wrong, in the order of files and lines; one line each.
#[derive(Debug, Default, Eq, PartialEq, thiserror::Error)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for problem in &self.0 {
            write!(f, "{separator}{problem}")?;
            separator = "\n";
        }
        Ok(())
    }
}

/// A text and what was found wrong in it so far.
pub struct Document {
    file: String,
    text: String,
    /// Where its lines end, in bytes from the start.
    line_ends: Vec<usize>,
    surroundings: Surroundings,
    used: RefCell<Used>,
    references: RefCell<Vec<Reference>>,
    problems: RefCell<Vec<Problem>>,
}

impl Document {
    /// `file` is how problems name the text.
    pub fn new(file: impl Into<String>, text: impl Into<String>) -> Self {
        let text: String = text.into();
        let line_ends = text.bytes().enumerate();
        let line_ends = line_ends.filter(|(_, byte)| *byte == b'\n');
        Self {
            file: file.into(),
            line_ends: line_ends.map(|(offset, _)| offset).collect(),
            text,
            surroundings: Surroundings::default(),
            used: RefCell::default(),
            references: RefCell::default(),
            problems: RefCell::default(),
        }
    }

    /// Takes in what stands outside of the text; without it `${` is nothing special.
    #[must_use]
    pub fn within(self, surroundings: Surroundings) -> Self {
        Self {
            surroundings,
            ..self
        }
    }

    /// Reads the text with `read`, also where the syntax is broken in places, to find all problems.
    pub fn read<T>(&self, read: impl FnOnce(&Section<'_>) -> T) -> T {
        self.read_root(|root| {
            let value = read(root);
            root.finish();
            value
        })
    }

    /// Reads the table under `key` with `read`, if there is one, whatever else the text holds.
    pub fn read_table<T>(
        &self,
        key: &'static str,
        read: impl FnOnce(&Section<'_>) -> T,
    ) -> Option<T> {
        self.read_root(|root| root.section(key).map(|section| read(&section)))
    }

    fn read_root<T>(&self, read: impl FnOnce(&Section<'_>) -> T) -> T {
        let (mut root, errors) = DeTable::parse_recoverable(&self.text);
        for error in errors {
            let start = error.span().map_or(0, |span| span.start);
            self.report(self.line_of(start), error.message());
        }
        self.take_in(root.get_mut());
        read(&Section::root(self, root.get_ref()))
    }

    /// What of its surroundings went into it.
    pub fn used(&self) -> Used {
        self.used.borrow().clone()
    }

    /// The problems found, by line.
    pub fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.take();
        problems.sort_by_key(|problem| problem.line);
        for problem in &mut problems {
            for reference in self.references.borrow().iter() {
                reference.hide(problem);
            }
            if let Some(overriding) = self.override_at(problem.line) {
                problem.file.clone_from(&overriding.source);
                problem.line = 0;
            }
        }
        // A value that two rules look at is wrong once.
        problems.dedup();
        problems
    }

    fn report(&self, line: usize, message: impl Into<String>) {
        self.problems.borrow_mut().push(Problem {
            file: self.file.clone(),
            line,
            message: message.into(),
        });
    }
}

#[cfg(test)]
mod tests;
