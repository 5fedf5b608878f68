//! Why requests ended, out of a set that the code closes.

use std::array;
use std::sync::OnceLock;

use super::operation::Totals;
use super::{Count, DECISIONS};

/// More than there are reasons.
const PLACES: usize = 128;

/// One thread's requests, by reason and decision.
#[derive(Debug)]
pub struct Reasons([Reason; PLACES]);

#[derive(Debug, Default)]
struct Reason {
    name: OnceLock<&'static str>,
    counts: [Count; DECISIONS.len()],
}

impl Default for Reasons {
    fn default() -> Self {
        Self(array::from_fn(|_| Reason::default()))
    }
}

impl Reasons {
    /// Counts one, with the decision at this place of [`DECISIONS`]. Those that come first are found
    /// first; nearly all are `ok`.
    pub fn add(&self, name: &'static str, decision: usize) {
        let known = |reason: &&Reason| *reason.name.get_or_init(|| name) == name;
        let found = self.0.iter().find(known);
        if let Some(count) = found.and_then(|reason| reason.counts.get(decision)) {
            count.add(1);
        }
    }

    /// What was counted.
    pub fn list(&self) -> impl Iterator<Item = (&'static str, Totals)> {
        self.0.iter().map_while(|reason| {
            let name = *reason.name.get()?;
            Some((name, reason.counts.each_ref().map(Count::get)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_a_place_of_its_own() {
        let reasons = Reasons::default();
        for (name, decision) in [("ok", 0), ("token_expired", 2), ("ok", 0), ("aborted", 3)] {
            reasons.add(name, decision);
        }
        let expected = [
            ("ok", [2, 0, 0, 0]),
            ("token_expired", [0, 0, 1, 0]),
            ("aborted", [0, 0, 0, 1]),
        ];
        assert!(reasons.list().eq(expected));
    }
}
