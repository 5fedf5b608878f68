//! Durations, counted by how long they were.

use std::time::Duration;

use super::Count;

/// The upper bounds of the buckets, in nanoseconds, each included; what is longer is counted as well.
pub const BOUNDS: [u64; 19] = [
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    10_000_000_000,
    60_000_000_000,
];
const BUCKETS: usize = BOUNDS.len() + 1;

/// One thread's durations.
#[derive(Debug, Default)]
pub struct Histogram {
    buckets: [Count; BUCKETS],
    /// In nanoseconds.
    sum: Count,
}

impl Histogram {
    /// Counts one duration.
    pub fn observe(&self, duration: Duration) {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.partition_point(|bound| *bound < nanoseconds);
        if let Some(count) = self.buckets.get(bucket) {
            count.add(1);
        }
        self.sum.add(nanoseconds);
    }
}

/// The durations of several histograms.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reading {
    /// How many fell between two of [`BOUNDS`], and above the last.
    pub buckets: [u64; BUCKETS],
    /// All of them, in nanoseconds.
    pub sum: u64,
}

impl Reading {
    /// Adds histograms up.
    pub fn of<'a>(histograms: impl Iterator<Item = &'a Histogram>) -> Self {
        let mut reading = Self {
            buckets: [0; BUCKETS],
            sum: 0,
        };
        for histogram in histograms {
            for (sum, count) in reading.buckets.iter_mut().zip(&histogram.buckets) {
                *sum += count.get();
            }
            reading.sum = reading.sum.wrapping_add(histogram.sum.get());
        }
        reading
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_counted_in_the_first_bucket_that_holds_it() {
        let cases = [
            (0, 0),
            (10_000, 0),
            (10_001, 1),
            (1_000_000, 6),
            (60_000_000_000, 18),
            (60_000_000_001, 19),
            (u64::MAX, 19),
        ];
        for (nanoseconds, bucket) in cases {
            let histogram = Histogram::default();
            histogram.observe(Duration::from_nanos(nanoseconds));
            let reading = Reading::of([&histogram, &Histogram::default()].into_iter());
            let mut expected = [0; BUCKETS];
            expected[bucket] = 1;
            assert_eq!(reading.buckets, expected, "{nanoseconds}");
            assert_eq!(reading.sum, nanoseconds);
        }
    }
}
