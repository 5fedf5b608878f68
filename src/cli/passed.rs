//! Lines of an audit that a command passes over: counted by why, with an example of each.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};

use super::say;
use crate::audit::{LinePlace, RequestLine};

/// Why lines were passed over; as many kinds as this program has words for.
#[derive(Debug, Default)]
pub struct Passed(BTreeMap<String, Example>);

#[derive(Debug)]
struct Example {
    count: u64,
    /// A request, or a line.
    example: String,
}

#[derive(Serialize)]
pub struct Row<'a> {
    pub why: &'a str,
    pub count: u64,
    pub example: &'a str,
}

impl Passed {
    /// A request that says nothing here.
    pub fn request(&mut self, why: impl fmt::Display, line: &RequestLine<'_>) {
        self.note(why.to_string(), || line.request_id.to_string());
    }

    /// A line of no request, and what more there is to say of this one.
    pub fn line(&mut self, what: &str, place: LinePlace<'_>, why: &str) {
        let LinePlace { file, line } = place;
        let separator = if why.is_empty() { "" } else { ": " };
        let example = || format!("{}:{line}{separator}{why}", file.display());
        self.note(what.to_owned(), example);
    }

    fn note(&mut self, why: String, example: impl FnOnce() -> String) {
        let noted = self.0.entry(why).or_insert_with(|| Example {
            count: 0,
            example: example(),
        });
        noted.count += 1;
    }

    /// Each kind.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.0.iter().map(|(why, noted)| Row {
            why,
            count: noted.count,
            example: &noted.example,
        })
    }

    /// Prints a line for each kind.
    pub fn say(&self, label: &str) {
        for Row {
            why,
            count,
            example,
        } in self.rows()
        {
            say(format_args!(
                "{label:<13} {count}: {why}; for example {example}"
            ));
        }
    }
}

impl Serialize for Passed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.rows())
    }
}
