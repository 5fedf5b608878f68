//! Times, ages, numbers: values between which conditions draw lines.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::Value;

use super::{Class, LATE, Sample};
use crate::grant::policy::{Datum, Decimal, Moment, Test, YEAR_10000, moment_text};

/// Seconds from now to a moment beyond what clocks may differ.
pub const AHEAD: u64 = 301;

/// The classes of whole seconds, as far as `tests` on the current time can tell them apart.
pub fn times(tests: &[&Test]) -> Vec<Class> {
    let cuts = tests.iter().flat_map(|test| match test {
        Test::Moment(_, moments) => moments.as_slice(),
        _ => &[],
    });
    let seconds = beside(cuts.map(Duration::as_secs).chain([LATE]));
    let runs = runs(&seconds, |second| {
        let datum = Datum::Moment(Moment::from_secs(second));
        tests.iter().map(|test| test.holds(&datum)).collect()
    });
    let told = |from: Option<u64>, until: Option<u64>| match (from, until) {
        (None, None) => "at any time".to_owned(),
        (None, Some(until)) => format!("before {}", moment(until)),
        (Some(from), None) => format!("from {} on", moment(from)),
        (Some(from), Some(until)) => format!("from {} until {}", moment(from), moment(until)),
    };
    let classes = runs.into_iter().map(|run| Class {
        told: told(run.from, run.until),
        // The last one: whatever age an authentication has at one of them it can have then.
        sample: Sample::Time(run.last),
    });
    classes.collect()
}

/// The classes of ages of an authentication, whose moment the claim at `pointer` holds.
pub fn ages(pointer: &str, tests: &[&Test]) -> Vec<Class> {
    let cuts = tests.iter().flat_map(|test| match test {
        Test::Number(_, numbers) => numbers.as_slice(),
        _ => &[],
    });
    let seconds = beside(cuts.filter_map(|number| number.whole()));
    let runs = runs(&seconds, |second| {
        let datum = Datum::Number(Decimal::from(second));
        tests.iter().map(|test| test.holds(&datum)).collect()
    });
    let told = |from: Option<u64>, until: Option<u64>| match (from, until) {
        (None, None) => "authenticated at some time".to_owned(),
        (None, Some(until)) => format!("authenticated less than {until} s ago"),
        (Some(from), None) => format!("authenticated {from} s ago or more"),
        (Some(from), Some(until)) => {
            format!("authenticated {from} s ago or more, less than {until} s")
        }
    };
    let mut classes: Vec<Class> = runs
        .into_iter()
        .map(|run| Class {
            told: told(run.from, run.until),
            sample: Sample::Age(pointer.to_owned(), run.first),
        })
        .collect();
    classes.push(Class {
        told: "authenticated in the future".to_owned(),
        sample: Sample::Ahead(pointer.to_owned()),
    });
    classes
}

/// Numbers at `cuts`, between them and beyond, as a policy spells them.
pub fn numbers(tests: &[&Test]) -> Vec<String> {
    let cuts = tests.iter().flat_map(|test| match test {
        Test::Number(_, numbers) => numbers.as_slice(),
        _ => &[],
    });
    let mut all: Vec<Decimal> = cuts.flat_map(|number| number.and_beside()).collect();
    all.sort_unstable();
    all.dedup();
    all.iter().map(ToString::to_string).collect()
}

/// Moments at the cuts of `tests`, between them and beyond, in RFC 3339 as long as that has years.
pub fn moments(tests: &[&Test]) -> Vec<Value> {
    let cuts = tests.iter().flat_map(|test| match test {
        Test::Moment(_, moments) => moments.as_slice(),
        _ => &[],
    });
    let step = Duration::from_nanos(1);
    let mut all: Vec<Moment> = cuts
        .flat_map(|cut| [cut.checked_sub(step), Some(*cut), cut.checked_add(step)])
        .flatten()
        .collect();
    all.sort_unstable();
    all.dedup();
    all.iter()
        .map(|moment| match *moment < YEAR_10000 {
            true => Value::from(humantime::format_rfc3339_nanos(UNIX_EPOCH + *moment).to_string()),
            false => Value::from(moment.as_secs()),
        })
        .collect()
}

/// `cuts` with the numbers on both sides of them.
fn beside(cuts: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut all: Vec<u64> = cuts
        .flat_map(|cut| [cut.saturating_sub(1), cut, cut.saturating_add(1)])
        .chain([0])
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Numbers that all give the same answers.
struct Run {
    first: u64,
    last: u64,
    /// None where it starts with the first of all.
    from: Option<u64>,
    until: Option<u64>,
}

/// The runs of equal answers among `samples`, which are in order and beside each other wherever an
/// answer changes.
fn runs(samples: &[u64], answers: impl Fn(u64) -> Vec<bool>) -> Vec<Run> {
    let mut runs: Vec<(Vec<bool>, Run)> = Vec::new();
    for sample in samples {
        let own = answers(*sample);
        let from = match runs.last_mut() {
            Some((last, run)) if *last == own => {
                run.last = *sample;
                continue;
            }
            Some((_, run)) => {
                run.until = Some(*sample);
                Some(*sample)
            }
            None => None,
        };
        let run = Run {
            first: *sample,
            last: *sample,
            from,
            until: None,
        };
        runs.push((own, run));
    }
    runs.into_iter().map(|(_, run)| run).collect()
}

fn moment(seconds: u64) -> String {
    moment_text(Duration::from_secs(seconds))
}
