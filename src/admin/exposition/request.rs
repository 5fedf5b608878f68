//! What became of requests and their tokens.

use std::sync::Arc;

use prometheus_client::metrics::MetricType;

use super::super::{Source, status};
use super::{Family, Value, count, counts, label};
use crate::metrics::{Count, DECISIONS, Histogram, Reading, Rehearsed, WorkerCounts};

pub fn families(source: &Source) -> Vec<Family> {
    let workers = source.registry.workers();
    let mut families = requests(source, &workers);
    families.extend(times(&workers));
    families.extend(cache(&workers));
    families.extend(rehearsed(source, &workers));
    families
}

/// Decisions that were not made.
fn rehearsed(source: &Source, workers: &[Arc<WorkerCounts>]) -> Vec<Family> {
    let reported = count(
        "actiongate_reported_requests",
        "Requests that were let through though the rules refuse them, with mode = \"report\"",
        sum(workers, |worker| &worker.reported),
    );
    if source.snapshot().rules.rehearsal().is_none() {
        return vec![reported];
    }
    let found = Rehearsed::ALL.iter().enumerate().map(|(at, found)| {
        let counts = workers.iter().filter_map(|worker| worker.rehearsed.get(at));
        (label("result", found.name()), counts.map(Count::get).sum())
    });
    let rehearsed = counts(
        "actiongate_rehearsed_requests",
        "Requests that the candidate was asked about, by how its decision compares",
        found,
    );
    vec![reported, rehearsed]
}

/// Of all of `workers`.
fn sum(workers: &[Arc<WorkerCounts>], count: fn(&WorkerCounts) -> &Count) -> u64 {
    workers.iter().map(|worker| count(worker).get()).sum()
}

fn requests(source: &Source, workers: &[Arc<WorkerCounts>]) -> Vec<Family> {
    let by_operation = source.registry.by_operation();
    let by_operation = by_operation.iter().flat_map(|(operation, totals)| {
        DECISIONS
            .iter()
            .zip(totals)
            .map(move |((_, decision), total)| {
                let labels = vec![
                    ("operation", operation.to_string()),
                    ("decision", (*decision).to_owned()),
                ];
                (labels, *total)
            })
    });
    let by_reason = status::by_reason(workers);
    let by_reason = by_reason.iter().flat_map(|(reason, totals)| {
        let all = DECISIONS
            .iter()
            .zip(totals)
            .filter(|(_, total)| **total > 0);
        all.map(move |((_, decision), total)| {
            let labels = vec![
                ("decision", (*decision).to_owned()),
                ("reason", (*reason).to_owned()),
            ];
            (labels, *total)
        })
    });
    let by_status = (1..=5).map(|class| {
        let of_class = workers
            .iter()
            .filter_map(|worker| worker.statuses.get(class - 1));
        let labels = label("class", format!("{class}xx"));
        (labels, of_class.map(Count::get).sum())
    });
    vec![
        counts(
            "actiongate_operation_requests",
            "Requests that were routed, by the operation's label and what was decided",
            by_operation,
        ),
        counts(
            "actiongate_requests",
            "Requests that have ended, by what was decided and why they ended so",
            by_reason,
        ),
        counts(
            "actiongate_responses",
            "Answers, by the class of their status",
            by_status,
        ),
        count(
            "actiongate_requests_begun",
            "Requests whose head has been read",
            sum(workers, |worker| &worker.begun),
        ),
        count(
            "actiongate_request_body_bytes",
            "Body bytes from clients",
            sum(workers, |worker| &worker.received),
        ),
        count(
            "actiongate_response_body_bytes",
            "Body bytes to clients",
            sum(workers, |worker| &worker.sent),
        ),
    ]
}

fn times(workers: &[Arc<WorkerCounts>]) -> [Family; 3] {
    [
        durations(
            "actiongate_request_duration_seconds",
            "From the head of a request to the end of its answer",
            workers,
            |worker| &worker.total,
        ),
        durations(
            "actiongate_own_duration_seconds",
            "From the head of a request to the first byte sent upstream, or to the end of a refusal",
            workers,
            |worker| &worker.own,
        ),
        durations(
            "actiongate_upstream_duration_seconds",
            "From the first byte sent upstream to the head of the answer",
            workers,
            |worker| &worker.upstream,
        ),
    ]
}

fn cache(workers: &[Arc<WorkerCounts>]) -> [Family; 2] {
    let cache = [
        ("hit", sum(workers, |worker| &worker.cache.hits)),
        ("miss", sum(workers, |worker| &worker.cache.misses)),
    ];
    let cache = cache.map(|(result, count)| (label("result", result), count));
    [
        counts(
            "actiongate_token_cache_lookups",
            "Tokens that were looked for in the cache of verified callers",
            cache,
        ),
        count(
            "actiongate_token_cache_evictions",
            "Verified callers that had to go because there were too many",
            sum(workers, |worker| &worker.cache.evictions),
        ),
    ]
}

/// Of all of `workers`.
fn durations(
    name: &'static str,
    help: &'static str,
    workers: &[Arc<WorkerCounts>],
    histogram: fn(&WorkerCounts) -> &Histogram,
) -> Family {
    let reading = Reading::of(workers.iter().map(|worker| histogram(worker)));
    Family {
        name,
        help,
        kind: MetricType::Histogram,
        samples: vec![(Vec::new(), Value::Durations(reading))],
    }
}
