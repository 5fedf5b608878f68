//! The parts around requests: connections, endpoints, issuers, the config.

use std::sync::atomic::Ordering;
use std::time::UNIX_EPOCH;

use super::super::status::IssuerStatus;
use super::super::{Source, ready, status};
use super::{Family, count, counts, gauge, gauges, label, number, seconds};
use crate::proxy::{EndpointReport, EndpointState};

pub fn connections(source: &Source) -> Vec<Family> {
    let of_workers: Vec<(usize, usize)> = source.occupancy.connections().collect();
    let open = of_workers.iter().enumerate();
    let open = open.map(|(worker, (open, _))| (label("worker", worker.to_string()), number(*open)));
    let all = of_workers.iter().map(|(_, total)| *total as u64).sum();
    let ended = source.occupancy.refusals();
    let ended = ended.map(|(limit, count)| (label("limit", limit), count));
    vec![
        gauge(
            "actiongate_workers",
            "Threads that serve connections",
            number(of_workers.len() - source.occupancy.lost_workers()),
        ),
        gauges(
            "actiongate_connections",
            "Open connections of clients, by worker",
            open,
        ),
        count(
            "actiongate_connections_accepted",
            "Connections that were handed to a worker",
            all,
        ),
        counts(
            "actiongate_connections_limited",
            "Connections and streams that a limit ended",
            ended,
        ),
    ]
}

pub fn endpoints(source: &Source) -> Vec<Family> {
    let endpoints = source.snapshot().upstream.report();
    let counted = |name, help, count: fn(&EndpointReport) -> u64| {
        let of_each = endpoints.iter();
        let of_each =
            of_each.map(|endpoint| (label("endpoint", &endpoint.address), count(endpoint)));
        counts(name, help, of_each)
    };
    let measured = |name, help, value: fn(&EndpointReport) -> f64| {
        let of_each = endpoints.iter();
        let of_each =
            of_each.map(|endpoint| (label("endpoint", &endpoint.address), value(endpoint)));
        gauges(name, help, of_each)
    };
    vec![
        measured(
            "actiongate_endpoint_up",
            "Whether an address of the upstream is used: not ejected, not unhealthy",
            |endpoint| f64::from(u8::from(endpoint.state == EndpointState::Up)),
        ),
        measured(
            "actiongate_endpoint_pending",
            "Requests that run at an address of the upstream",
            |endpoint| number(endpoint.pending),
        ),
        counted(
            "actiongate_endpoint_requests",
            "Requests that an address of the upstream was chosen for",
            |endpoint| endpoint.requests,
        ),
        counted(
            "actiongate_endpoint_connections",
            "Connections that were made to an address of the upstream",
            |endpoint| endpoint.connections,
        ),
        counted(
            "actiongate_endpoint_failures",
            "Connections and requests that failed in a way that speaks against the address",
            |endpoint| endpoint.failures,
        ),
        counted(
            "actiongate_endpoint_retries",
            "Requests that were sent again after they had failed there",
            |endpoint| endpoint.retries,
        ),
        counted(
            "actiongate_endpoint_ejections",
            "How often an address was left alone after failures in a row",
            |endpoint| endpoint.ejections,
        ),
    ]
}

pub fn issuers(source: &Source) -> Vec<Family> {
    let snapshot = source.snapshot();
    let issuers = status::issuers(&snapshot.rules);
    let known = |name, help, value: fn(&IssuerStatus) -> Option<f64>| {
        let of_each = issuers.iter().filter_map(|issuer| {
            let value = value(issuer)?;
            Some((label("issuer", &issuer.name), value))
        });
        gauges(name, help, of_each)
    };
    let counted = |name, help, count: fn(&IssuerStatus) -> u64| {
        let with_keys = issuers.iter().filter(|issuer| issuer.has_keys);
        counts(
            name,
            help,
            with_keys.map(|issuer| (label("issuer", &issuer.name), count(issuer))),
        )
    };
    vec![
        known(
            "actiongate_issuer_keys",
            "Keys that tokens of an issuer are verified with",
            |issuer| issuer.has_keys.then(|| number(issuer.keys.len())),
        ),
        known(
            "actiongate_issuer_keys_skipped",
            "Members of an issuer's key set that cannot be used",
            |issuer| issuer.has_keys.then(|| number(issuer.skipped)),
        ),
        known(
            "actiongate_issuer_keys_age_seconds",
            "How long ago the keys were last seen where they come from",
            |issuer| issuer.age_seconds,
        ),
        counted(
            "actiongate_issuer_refreshes",
            "How often an issuer's keys were looked for",
            |issuer| issuer.refreshes,
        ),
        counted(
            "actiongate_issuer_refresh_failures",
            "How often an issuer's keys were not to be had",
            |issuer| issuer.failures,
        ),
    ]
}

/// Nothing, if there is no list.
pub fn revocation(source: &Source) -> Vec<Family> {
    let snapshot = source.snapshot();
    let Some(feed) = snapshot.rules.revocation() else {
        return Vec::new();
    };
    let health = feed.health();
    let known =
        |name, help, value: Option<f64>| gauges(name, help, value.map(|value| (Vec::new(), value)));
    vec![
        gauge(
            "actiongate_revocation_available",
            "Whether there is a list of revoked tokens that is not too old",
            f64::from(u8::from(health.is_available)),
        ),
        known(
            "actiongate_revocation_entries",
            "Entries of the list of revoked tokens",
            health.entries.map(number),
        ),
        known(
            "actiongate_revocation_age_seconds",
            "How long ago the list was last seen where it comes from",
            health.age.map(seconds),
        ),
        count(
            "actiongate_revocation_refreshes",
            "How often the list was looked for",
            health.attempts,
        ),
        count(
            "actiongate_revocation_refresh_failures",
            "How often the list was not to be had",
            health.failures,
        ),
    ]
}

pub fn traces(source: &Source) -> Vec<Family> {
    let Some(counts) = &source.traces else {
        return Vec::new();
    };
    vec![
        count(
            "actiongate_spans_exported",
            "Spans that the collector has taken",
            counts.exported.load(Ordering::Relaxed),
        ),
        count(
            "actiongate_spans_dropped",
            "Spans that were lost: the queue was full, or the collector did not take them",
            counts.dropped.load(Ordering::Relaxed),
        ),
        count(
            "actiongate_span_exports_failed",
            "Batches of spans that were given up",
            counts.failed.load(Ordering::Relaxed),
        ),
    ]
}

pub fn config(source: &Source) -> Vec<Family> {
    let state = source.reloads.state();
    let loaded = state.loaded.duration_since(UNIX_EPOCH);
    let results = [("done", state.done), ("failed", state.failed)];
    let results = results.map(|(result, count)| (label("result", result), count));
    let is_ready = ready::missing(source).is_empty();
    vec![
        gauge(
            "actiongate_ready",
            "Whether requests should be sent here",
            f64::from(u8::from(is_ready)),
        ),
        counts(
            "actiongate_reloads",
            "How often the config was taken up anew, or could not be",
            results,
        ),
        gauge(
            "actiongate_config_last_reload_successful",
            "Whether the config was taken up when that was last tried",
            f64::from(u8::from(state.last_error.is_none())),
        ),
        gauge(
            "actiongate_config_loaded_timestamp_seconds",
            "When the config in use was taken up",
            seconds(loaded.unwrap_or_default()),
        ),
        count(
            "actiongate_audit_lines",
            "Audit lines that were written",
            source.audit.counts.written(),
        ),
        count(
            "actiongate_audit_dropped",
            "Audit lines that were lost",
            source.audit.counts.dropped(),
        ),
        gauges(
            "actiongate_build_info",
            "The version that runs",
            [(label("version", env!("CARGO_PKG_VERSION")), 1.0)],
        ),
    ]
}
