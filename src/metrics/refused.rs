//! The last refusals, for people who ask why.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use hyper::Method;
use uuid::Uuid;

use super::lock;
use crate::audit::Record;

/// How many are kept.
const KEPT: usize = 100;
/// Of a shortened subject, in characters.
const SHORT: usize = 4;
/// The most characters of any text that comes from a token.
const MAX_TEXT: usize = 128;

/// How much of a caller's subject is shown.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Subjects {
    /// All of it.
    #[default]
    Full,
    /// Its beginning, enough to tell callers apart in one list.
    Short,
    /// Nothing.
    Off,
}

/// A request that was refused. Never holds a token.
#[derive(Clone, Debug)]
pub struct Refused {
    /// When its head had been read.
    pub time: SystemTime,
    /// As in the answer and the audit.
    pub request_id: Uuid,
    /// `None` where the request could not be read.
    pub method: Option<Method>,
    /// The route's template, once routed.
    pub route: Option<Arc<str>>,
    /// The operation's label, once routed.
    pub operation: Option<Arc<str>>,
    /// The token's issuer, once verified.
    pub issuer: Option<Arc<str>>,
    /// The token's subject, as far as it is shown.
    pub subject: Option<String>,
    /// The answer's status.
    pub status: Option<u16>,
    /// Why.
    pub reason: &'static str,
    /// The actions that the token does not grant.
    pub missing: Vec<String>,
}

/// Of all workers.
#[derive(Debug)]
pub struct LastRefused {
    subjects: Subjects,
    list: Mutex<VecDeque<Refused>>,
}

impl LastRefused {
    pub fn new(subjects: Subjects) -> Self {
        let list = Mutex::new(VecDeque::with_capacity(KEPT));
        Self { subjects, list }
    }

    /// Keeps it, unless another worker or a look is at the list just now: nobody waits.
    pub fn note(&self, record: &Record) {
        let Ok(mut list) = self.list.try_lock() else {
            return;
        };
        if list.len() == KEPT {
            list.pop_back();
        }
        list.push_front(self.refused(record));
    }

    /// The newest first.
    pub fn list(&self) -> Vec<Refused> {
        lock(&self.list).iter().cloned().collect()
    }

    fn refused(&self, record: &Record) -> Refused {
        let caller = record.caller.as_ref();
        let subject = caller.and_then(|caller| caller.subject.as_deref());
        Refused {
            time: record.time,
            request_id: record.request_id,
            method: record.method.clone(),
            route: record.route.clone(),
            operation: record.operation.clone(),
            issuer: caller.map(|caller| Arc::clone(&caller.issuer)),
            subject: subject.and_then(|subject| self.subjects.shown(subject)),
            status: record.status,
            reason: record.reason,
            missing: record.missing.clone(),
        }
    }
}

impl Subjects {
    fn shown(self, subject: &str) -> Option<String> {
        let most = match self {
            Self::Full => MAX_TEXT,
            Self::Short => SHORT,
            Self::Off => return None,
        };
        let mut shown: String = subject.chars().take(most).collect();
        if shown.len() < subject.len() {
            shown.push('…');
        }
        Some(shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_shown_as_far_as_it_may_be() {
        let cases = [
            (
                Subjects::Full,
                "alice@example.com",
                Some("alice@example.com"),
            ),
            (Subjects::Short, "alice@example.com", Some("alic…")),
            (Subjects::Short, "älic", Some("älic")),
            (Subjects::Off, "alice", None),
        ];
        for (subjects, subject, expected) in cases {
            assert_eq!(subjects.shown(subject).as_deref(), expected, "{subjects:?}");
        }
        let long = "a".repeat(1000);
        let shown = Subjects::Full.shown(&long).unwrap();
        assert_eq!(shown.chars().count(), MAX_TEXT + 1);
    }
}
