//! What is worth a look in a config that can be used.

mod reach;

use std::fmt;

use crate::config::Config;
use crate::grant::Roles;
use crate::router::overlaps;
use crate::table::{ActionTable, Place, Source};

/// Something that is allowed and may not be meant.
#[derive(Debug)]
pub struct Note {
    /// The place in the table to look at first.
    place: Place,
    /// Whether it is about the built-in table alone.
    pub is_builtin: bool,
    message: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { file, line } = &self.place;
        write!(f, "{file}:{line}: note: {}", self.message)
    }
}

/// Everything worth a look; `roles` are those of the config's issuers, held against `table`.
pub fn notes(table: &ActionTable, config: &Config, roles: &[Roles]) -> Vec<Note> {
    let builtin = Source::builtin();
    let is_builtin = |place: &Place| builtin.iter().any(|source| source.name == place.file);
    let mut notes = Vec::new();
    for overlap in overlaps(table) {
        let places = overlap.places();
        notes.push(Note {
            place: places[0].clone(),
            is_builtin: places.into_iter().all(is_builtin),
            message: overlap.to_string(),
        });
    }
    let unreached = reach::ungranted(table, config, roles).into_iter();
    let unreached = unreached.chain(reach::beyond_system_policies(table, config));
    notes.extend(unreached.map(|(place, message)| Note {
        place: place.clone(),
        is_builtin: is_builtin(place),
        message,
    }));
    let files = || {
        table
            .operations()
            .iter()
            .map(|operation| &operation.place.file)
    };
    notes.sort_by_cached_key(|note| {
        let file = files().position(|file| *file == note.place.file);
        (file, note.place.line)
    });
    notes
}
