//! What became of the requests for each operation.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Count, DECISIONS};

/// Requests by their decision, in the order of [`DECISIONS`].
pub type Totals = [u64; DECISIONS.len()];

/// One worker's counts under one set of rules.
#[derive(Debug)]
pub struct OperationCounts {
    labels: Arc<[Arc<str>]>,
    counts: Box<[[Count; DECISIONS.len()]]>,
}

impl OperationCounts {
    /// Counts a request of the operation at this place, with the decision at that one.
    pub fn add(&self, operation: usize, decision: usize) {
        let counts = self.counts.get(operation);
        if let Some(count) = counts.and_then(|counts| counts.get(decision)) {
            count.add(1);
        }
    }

    fn add_to(&self, totals: &mut BTreeMap<Arc<str>, Totals>) {
        for (label, counts) in self.labels.iter().zip(&self.counts) {
            let sums = totals.entry(Arc::clone(label)).or_default();
            for (sum, count) in sums.iter_mut().zip(counts) {
                *sum += count.get();
            }
        }
    }
}

/// The counts of every worker, under the rules that are in use and those that were.
#[derive(Debug, Default)]
pub struct Operations {
    living: Vec<Arc<OperationCounts>>,
    /// Of those that nobody adds to any more.
    ended: BTreeMap<Arc<str>, Totals>,
}

impl Operations {
    pub fn add(&mut self, labels: Arc<[Arc<str>]>) -> Arc<OperationCounts> {
        self.retire();
        let counts = labels.iter().map(|_| Default::default()).collect();
        let counts = Arc::new(OperationCounts { labels, counts });
        self.living.push(Arc::clone(&counts));
        counts
    }

    /// What was counted, by the operations' labels.
    pub fn totals(&mut self) -> Vec<(Arc<str>, Totals)> {
        self.retire();
        let mut totals = self.ended.clone();
        for counts in &self.living {
            counts.add_to(&mut totals);
        }
        totals.into_iter().collect()
    }

    fn retire(&mut self) {
        let ended = &mut self.ended;
        self.living.retain_mut(|counts| match Arc::get_mut(counts) {
            // A worker still adds to it.
            None => true,
            Some(counts) => {
                counts.add_to(ended);
                false
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_outlive_the_rules_they_were_made_for() {
        let labels = |names: &[&str]| names.iter().map(|name| Arc::from(*name)).collect();
        let mut operations = Operations::default();
        let first = operations.add(labels(&["a", "b"]));
        first.add(0, 0);
        first.add(1, 1);
        let second = operations.add(labels(&["b", "c"]));
        // A request that began before the reload.
        first.add(1, 1);
        drop(first);
        second.add(0, 1);
        second.add(1, 2);
        let expected = [
            (Arc::from("a"), [1, 0, 0, 0]),
            (Arc::from("b"), [0, 3, 0, 0]),
            (Arc::from("c"), [0, 0, 1, 0]),
        ];
        assert_eq!(operations.totals(), expected);
        assert_eq!(operations.living.len(), 1);
        assert_eq!(operations.totals(), expected);
    }
}
