//! What is worth a look in a table that can be used.

use std::fmt;

use crate::router::overlaps;
use crate::table::{ActionTable, Place, Source};

/// Something that is allowed and may not be meant.
#[derive(Debug)]
pub struct Note {
    /// The place to look at first.
    place: Place,
    /// Whether nothing of it stands in a file of the user's.
    pub is_builtin: bool,
    message: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { file, line } = &self.place;
        write!(f, "{file}:{line}: note: {}", self.message)
    }
}

/// Everything worth a look.
pub fn notes(table: &ActionTable) -> Vec<Note> {
    let builtin = Source::builtin();
    let is_builtin = |place: &Place| builtin.iter().any(|source| source.name == place.file);
    let overlaps = overlaps(table);
    let notes = overlaps.iter().map(|overlap| {
        let places = overlap.places();
        Note {
            place: places[0].clone(),
            is_builtin: places.iter().all(|place| is_builtin(place)),
            message: overlap.to_string(),
        }
    });
    notes.collect()
}
