//! How many requests may be sent again: a share of all, so that an upstream in trouble is not asked
//! twice for everything.

use std::cell::Cell;
use std::time::Instant;

/// What one repetition costs: a request earns its percentage.
const PRICE: u32 = 100;
/// The most repetitions that are saved up.
const MOST: u32 = 128 * PRICE;
/// What is earned each second without any request.
const PER_SECOND: u32 = 3 * PRICE;

/// A worker's budget.
#[derive(Debug)]
pub struct RetryBudget {
    percent: u32,
    saved: Cell<u32>,
    /// When the earnings of the passing time were last added.
    updated: Cell<Instant>,
}

impl RetryBudget {
    /// Full.
    pub fn new(percent: u32, now: Instant) -> Self {
        Self {
            percent,
            saved: Cell::new(MOST),
            updated: Cell::new(now),
        }
    }

    /// Counts a request.
    pub fn earn(&self) {
        self.saved.set((self.saved.get() + self.percent).min(MOST));
    }

    /// Whether a request may be repeated, which is then paid for.
    pub fn spend(&self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.updated.get());
        let earned = passed.as_millis().saturating_mul(PER_SECOND.into()) / 1000;
        let earned = u32::try_from(earned).unwrap_or(MOST);
        // What is less than one unit is not lost.
        if earned > 0 {
            self.updated.set(now);
        }
        let saved = self.saved.get().saturating_add(earned).min(MOST);
        let left = saved.checked_sub(PRICE);
        self.saved.set(left.unwrap_or(saved));
        left.is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn spent(budget: &RetryBudget, now: Instant) -> usize {
        std::iter::repeat_with(|| budget.spend(now))
            .take_while(|may| *may)
            .count()
    }

    #[test]
    fn a_share_of_the_requests_may_be_repeated() {
        let start = Instant::now();
        let budget = RetryBudget::new(20, start);
        assert_eq!(spent(&budget, start), 128, "what is saved at first");
        for _ in 0..50 {
            budget.earn();
        }
        assert_eq!(spent(&budget, start), 10);
        let later = start + Duration::from_secs(2);
        assert_eq!(spent(&budget, later), 6, "by the time that has passed");
        assert_eq!(spent(&budget, later), 0);
        for _ in 0..10_000 {
            budget.earn();
        }
        assert_eq!(spent(&budget, later), 128, "no more is saved");
    }
}
