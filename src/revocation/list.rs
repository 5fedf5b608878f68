//! The entries of a list by what they are found by.

use std::collections::{HashMap, HashSet};

use foldhash::quality::RandomState;

use super::document::{Entry, Of};

/// All that is revoked, whoever issued it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Revocations {
    issuers: HashMap<Box<str>, OfIssuer, RandomState>,
    entries: usize,
}

#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct OfIssuer {
    all: Option<Issued>,
    subjects: HashMap<Box<str>, Issued, RandomState>,
    ids: HashSet<Box<str>, RandomState>,
}

/// Which of somebody's tokens are revoked; the greater one holds the lesser.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Issued {
    /// Those that were issued before this time, in seconds since 1970, or do not say when.
    Before(u64),
    /// All.
    Ever,
}

/// A token as far as it can be revoked.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Its issuer's name.
    pub issuer: &'a str,
    /// Whose it is.
    pub subject: Option<&'a str>,
    /// What it is called.
    pub ids: &'a [Box<str>],
    /// When it was issued, in seconds since 1970.
    pub issued: Option<u64>,
}

impl Issued {
    fn holds(self, issued: Option<u64>) -> bool {
        match self {
            Self::Before(time) => issued.is_none_or(|issued| issued < time),
            Self::Ever => true,
        }
    }
}

impl Revocations {
    /// Adds an entry.
    pub fn add(&mut self, entry: Entry) {
        self.entries += 1;
        let issuer = self.issuers.entry(entry.issuer).or_default();
        match entry.of {
            Of::Token(id) => {
                issuer.ids.insert(id);
            }
            Of::Subject(subject, when) => {
                let known = issuer.subjects.entry(subject).or_insert(when);
                *known = when.max(*known);
            }
            Of::Issuer(when) => issuer.all = issuer.all.max(Some(when)),
        }
    }

    /// How many entries it was made of.
    pub fn entries(&self) -> usize {
        self.entries
    }

    /// Whether the token is revoked.
    pub fn revoke(&self, asked: Asked<'_>) -> bool {
        let Some(issuer) = self.issuers.get(asked.issuer) else {
            return false;
        };
        let subject = asked.subject.and_then(|name| issuer.subjects.get(name));
        let cutoffs = [issuer.all.as_ref(), subject];
        cutoffs
            .into_iter()
            .flatten()
            .any(|when| when.holds(asked.issued))
            || asked.ids.iter().any(|id| issuer.ids.contains(id))
    }
}

#[cfg(test)]
mod tests;
