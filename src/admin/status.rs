//! Everything there is to know, as one JSON object: what the page shows.

mod revocation;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use revocation::RevocationStatus;

use super::source::ReloadState;
use super::{Source, ready};
use crate::gateway::Rules;
use crate::metrics::{BOUNDS, DECISIONS, Histogram, Reading, Refused, WorkerCounts};
use crate::proxy::EndpointReport;
use crate::table::{Access, Operation};
use crate::token::Kind;

type Totals = [u64; DECISIONS.len()];

#[derive(Serialize)]
struct Status {
    version: &'static str,
    now: String,
    started: String,
    uptime_seconds: f64,
    ready: bool,
    missing: Vec<String>,
    config: ConfigStatus,
    workers: usize,
    connections: Connections,
    requests: Requests,
    reasons: Vec<ReasonStatus>,
    durations: Durations,
    operations: Vec<OperationStatus>,
    issuers: Vec<IssuerStatus>,
    revocation: Option<RevocationStatus>,
    endpoints: Vec<EndpointStatus>,
    cache: CacheStatus,
    audit: AuditStatus,
    /// None where tracing is off.
    traces: Option<TraceStatus>,
    refusals: Vec<RefusalStatus>,
}

#[derive(Serialize)]
struct ConfigStatus {
    file: Option<String>,
    digest: String,
    loaded: String,
    reloads: u64,
    failed_reloads: u64,
    last_error: Option<String>,
}

#[derive(Serialize)]
struct Connections {
    open: usize,
    accepted: usize,
}

#[derive(Serialize)]
struct Requests {
    permitted: u64,
    denied: u64,
    rejected: u64,
    unfinished: u64,
}

#[derive(Serialize)]
struct ReasonStatus {
    reason: &'static str,
    requests: u64,
}

#[derive(Serialize)]
struct Durations {
    bounds_seconds: Vec<f64>,
    total: Vec<u64>,
    own: Vec<u64>,
    upstream: Vec<u64>,
}

#[derive(Serialize)]
struct OperationStatus {
    permission: Arc<str>,
    routes: Vec<String>,
    actions: Vec<String>,
    access: Option<&'static str>,
    permitted: u64,
    denied: u64,
    rejected: u64,
}

/// An issuer and its keys.
#[derive(Debug, Serialize)]
pub struct IssuerStatus {
    pub name: String,
    kind: &'static str,
    pub keys: Vec<KeyStatus>,
    pub age_seconds: Option<f64>,
    state: &'static str,
    last_error: Option<Arc<str>>,
    pub refreshes: u64,
    pub failures: u64,
    pub skipped: usize,
    /// Whether it has any of its own.
    #[serde(skip)]
    pub has_keys: bool,
}

#[derive(Debug, Serialize)]
pub struct KeyStatus {
    kid: Option<String>,
    algorithm: &'static str,
}

#[derive(Serialize)]
struct EndpointStatus {
    address: String,
    state: &'static str,
    active: usize,
    requests: u64,
    failures: u64,
    retries: u64,
}

#[derive(Serialize)]
struct CacheStatus {
    hits: u64,
    misses: u64,
    evictions: u64,
}

#[derive(Serialize)]
struct AuditStatus {
    on: bool,
    dropped: u64,
}

#[derive(Serialize)]
struct TraceStatus {
    exported: u64,
    dropped: u64,
    failed_exports: u64,
}

#[derive(Serialize)]
struct RefusalStatus {
    time: String,
    request_id: String,
    method: Option<String>,
    route: Option<Arc<str>>,
    operation: Option<Arc<str>>,
    issuer: Option<Arc<str>>,
    subject: Option<String>,
    status: Option<u16>,
    reason: &'static str,
    missing: Vec<String>,
}

pub fn text(source: &Source) -> String {
    // A structure of strings and numbers is always JSON.
    serde_json::to_string(&status(source)).unwrap_or_default()
}

fn status(source: &Source) -> Status {
    let now = SystemTime::now();
    let workers = source.registry.workers();
    let sum = |count: fn(&WorkerCounts) -> u64| workers.iter().map(|worker| count(worker)).sum();
    let reasons = by_reason(&workers);
    let of_all: Totals = reasons.values().fold([0; 4], added);
    let begun: u64 = sum(|worker| worker.begun.get());
    let missing = ready::missing(source);
    let snapshot = source.snapshot();
    let connections = source.occupancy.connections();
    let (open, accepted) = connections.fold((0, 0), |(open, all), (more, total)| {
        (open + more, all + total)
    });
    Status {
        version: env!("CARGO_PKG_VERSION"),
        now: time(now),
        started: time(source.started),
        uptime_seconds: now
            .duration_since(source.started)
            .map_or(0.0, |up| up.as_secs_f64()),
        ready: missing.is_empty(),
        missing,
        config: source.reloads.state().into(),
        workers: source.occupancy.connections().count(),
        connections: Connections { open, accepted },
        requests: Requests {
            permitted: of_all[0],
            denied: of_all[1],
            rejected: of_all[2],
            unfinished: begun.saturating_sub(of_all.iter().sum()),
        },
        reasons: reasons
            .iter()
            .map(|(reason, totals)| ReasonStatus {
                reason,
                requests: totals.iter().sum(),
            })
            .collect(),
        durations: Durations {
            bounds_seconds: bounds(),
            total: durations(&workers, |worker| &worker.total),
            own: durations(&workers, |worker| &worker.own),
            upstream: durations(&workers, |worker| &worker.upstream),
        },
        operations: operations(source, &snapshot.rules),
        issuers: issuers(&snapshot.rules),
        revocation: snapshot.rules.revocation().map(|feed| feed.health().into()),
        endpoints: snapshot
            .upstream
            .report()
            .into_iter()
            .map(Into::into)
            .collect(),
        cache: CacheStatus {
            hits: sum(|worker| worker.cache.hits.get()),
            misses: sum(|worker| worker.cache.misses.get()),
            evictions: sum(|worker| worker.cache.evictions.get()),
        },
        audit: AuditStatus {
            on: source.audit.is_on,
            dropped: source.audit.counts.dropped(),
        },
        traces: source.traces.as_deref().map(|counts| TraceStatus {
            exported: counts.exported.load(Ordering::Relaxed),
            dropped: counts.dropped.load(Ordering::Relaxed),
            failed_exports: counts.failed.load(Ordering::Relaxed),
        }),
        refusals: source
            .registry
            .refused()
            .into_iter()
            .map(Into::into)
            .collect(),
    }
}

/// What all workers have counted for each reason.
pub fn by_reason(workers: &[Arc<WorkerCounts>]) -> BTreeMap<&'static str, Totals> {
    let mut sums = BTreeMap::new();
    for (reason, totals) in workers.iter().flat_map(|worker| worker.reasons.list()) {
        let sum = sums.entry(reason).or_default();
        *sum = added(*sum, &totals);
    }
    sums
}

fn added(mut sum: Totals, more: &Totals) -> Totals {
    for (sum, more) in sum.iter_mut().zip(more) {
        *sum += more;
    }
    sum
}

fn bounds() -> Vec<f64> {
    let bounds = BOUNDS.iter();
    bounds
        .map(|bound| Duration::from_nanos(*bound).as_secs_f64())
        .collect()
}

fn durations(
    workers: &[Arc<WorkerCounts>],
    histogram: fn(&WorkerCounts) -> &Histogram,
) -> Vec<u64> {
    let reading = Reading::of(workers.iter().map(|worker| histogram(worker)));
    reading.buckets.to_vec()
}

fn operations(source: &Source, rules: &Rules) -> Vec<OperationStatus> {
    let counts: BTreeMap<Arc<str>, Totals> = source.registry.by_operation().into_iter().collect();
    let operations = rules.router().table().operations().iter();
    let status = |operation: &Operation| {
        let counts = counts.get(&operation.permission);
        let [permitted, denied, rejected, _] = counts.copied().unwrap_or_default();
        let routes = operation.routes.iter();
        OperationStatus {
            permission: Arc::clone(&operation.permission),
            routes: routes
                .map(|route| format!("{} {}", route.method, route.template))
                .collect(),
            actions: operation.actions.iter().map(ToString::to_string).collect(),
            access: match operation.access {
                Access::Actions => None,
                Access::Authenticated => Some("authenticated"),
                Access::Public => Some("public"),
            },
            permitted,
            denied,
            rejected,
        }
    };
    operations.map(status).collect()
}

/// The issuers in the order of the config.
pub fn issuers(rules: &Rules) -> Vec<IssuerStatus> {
    let issuers = rules.issuers().iter();
    let status = issuers.map(|issuer| {
        let (kind, feed) = match &issuer.kind {
            Kind::Jwt(jwt) => ("jwt", Some(&jwt.keys)),
            Kind::Family(_) => ("jwt family", None),
            Kind::KeystoneJws(keystone) => ("keystone-jws", Some(&keystone.keys)),
            Kind::Online(online) if online.takes.keystone => (
                "keystone",
                online.keystone.as_ref().map(|keystone| &keystone.keys),
            ),
            Kind::Online(_) => ("introspection", None),
        };
        let health = feed.map(crate::token::KeyFeed::health).unwrap_or_default();
        let keys = health.keys.as_deref();
        let known = keys.map_or_else(Vec::new, |keys| {
            let of_each = keys.keys().iter();
            let key = of_each.map(|key| KeyStatus {
                kid: key.kid.clone(),
                algorithm: key.algorithm.name(),
            });
            key.collect()
        });
        IssuerStatus {
            name: issuer.name.clone(),
            kind,
            state: match (feed, keys, &health.last_error) {
                (Some(_), None, _) => "unavailable",
                (Some(_), Some(_), Some(_)) => "stale",
                _ => "ok",
            },
            skipped: keys.map_or(0, |keys| keys.skipped().len()),
            keys: known,
            age_seconds: health.age.map(|age| age.as_secs_f64()),
            last_error: health.last_error,
            refreshes: health.attempts,
            failures: health.failures,
            has_keys: feed.is_some(),
        }
    });
    status.collect()
}

fn time(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(time).to_string()
}

impl From<ReloadState> for ConfigStatus {
    fn from(state: ReloadState) -> Self {
        Self {
            file: state.file,
            digest: format!("sha256:{}", state.digest),
            loaded: time(state.loaded),
            reloads: state.done,
            failed_reloads: state.failed,
            last_error: state.last_error,
        }
    }
}

impl From<EndpointReport> for EndpointStatus {
    fn from(report: EndpointReport) -> Self {
        Self {
            address: report.address,
            state: report.state.name(),
            active: report.pending,
            requests: report.requests,
            failures: report.failures,
            retries: report.retries,
        }
    }
}

impl From<Refused> for RefusalStatus {
    fn from(refused: Refused) -> Self {
        Self {
            time: time(refused.time),
            request_id: format!("req-{}", refused.request_id),
            method: refused.method.map(|method| method.to_string()),
            route: refused.route,
            operation: refused.operation,
            issuer: refused.issuer,
            subject: refused.subject,
            status: refused.status,
            reason: refused.reason,
            missing: refused.missing,
        }
    }
}
