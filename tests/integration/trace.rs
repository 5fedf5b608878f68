//! Traces: whose they are, what of them is sampled, and what a collector is told.

mod collector;
mod export;

use std::collections::BTreeMap;

use serde_json::Value;

use self::collector::{Export, Grpc, attributes, hex};
use crate::support::{
    Call, Gateway, PROJECT, Setup, Step, Upstream, answer, metadata, ok, own_ip, token,
};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";
const ROUTE: &str = "/v2.1/{project_id}/servers/{server_id}/metadata";
const LABEL: &str = "Querying ECS Metadata (Native OpenStack API)";

/// Takes whatever it is sent.
fn collector() -> Upstream {
    let collector = Upstream::start();
    collector.always(taken());
    collector
}

fn taken() -> Vec<Step> {
    let protobuf = "Content-Type: application/x-protobuf";
    vec![Step::Read, answer("200 OK", &[protobuf], "")]
}

/// `[tracing]` towards an OTLP collector over HTTP.
fn tracing(collector: &Upstream, lines: &str) -> String {
    let address = collector.address();
    format!("[tracing]\nendpoint = \"http://{address}\"\n{lines}\n")
}

fn list() -> Call {
    Call::get(metadata()).bearer(&token(&["ecs:servers:listMetadata"]))
}

fn traced(flags: &str) -> Call {
    list().header(format!("Traceparent: 00-{TRACE}-{SPAN}-{flags}"))
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let pairs = pairs.iter();
    pairs
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

/// Stops the gateway; the only export there was, and the audit.
fn exported(gateway: Gateway, collector: &Upstream) -> (Export, Vec<Value>) {
    let audit = gateway.into_audit();
    (Export::read(&collector.only().body), audit)
}

#[test]
fn the_collector_gets_two_spans_of_the_callers_trace() {
    let (upstream, collector) = (Upstream::start(), collector());
    let setup = Setup::new(&upstream).more(&tracing(&collector, "sample = 1"));
    let gateway = setup.start();
    let address = upstream.address();
    let call = traced("00").header("Tracestate: a=b,c=d");
    let answer = gateway.call(&call);
    assert_eq!(answer.status, 200);
    let request_id = answer.request_id().to_owned();
    let (export, audit) = exported(gateway, &collector);
    let (server, client) = export.pair();

    let seen = collector.only();
    assert_eq!(seen.line, "POST /v1/traces HTTP/1.1");
    let content_type = seen.headers.get("content-type");
    assert_eq!(content_type, Some("application/x-protobuf"));

    for span in [server, client] {
        assert_eq!(hex(&span.trace_id), TRACE);
    }
    assert_eq!(hex(&server.parent_span_id), SPAN);
    assert_eq!(client.parent_span_id, server.span_id);
    let told = upstream.only().headers;
    let expected = format!("00-{TRACE}-{}-01", hex(&client.span_id));
    assert_eq!(told.get("traceparent"), Some(expected.as_str()));
    assert_eq!(told.get("tracestate"), Some("a=b,c=d"));
    assert_eq!(audit[0]["trace_id"], TRACE);

    // SERVER and CLIENT.
    assert_eq!((server.kind, client.kind), (2, 3));
    assert_eq!(
        (server.status.as_ref(), client.status.as_ref()),
        (None, None)
    );
    assert_eq!(server.name, format!("GET {ROUTE}"));
    assert_eq!(client.name, "GET");
    assert!(server.start_time_unix_nano <= client.start_time_unix_nano);
    assert!(client.start_time_unix_nano < client.end_time_unix_nano);
    assert!(client.end_time_unix_nano <= server.end_time_unix_nano);
    // Sampled; and that the caller is another process, and the gateway is not.
    assert_eq!((server.flags, client.flags), (0x301, 0x101));

    let expected = map(&[
        ("actiongate.decision", "permit"),
        ("actiongate.operation", LABEL),
        ("actiongate.reason", "ok"),
        ("actiongate.request_id", &request_id),
        ("client.address", "127.0.0.1"),
        ("http.request.method", "GET"),
        ("http.response.status_code", "200"),
        ("http.route", ROUTE),
        ("network.protocol.version", "1.1"),
        ("server.address", "api.test"),
        ("url.path", ROUTE),
        ("url.scheme", "http"),
    ]);
    assert_eq!(attributes(&server.attributes), expected);
    let port = address.port().to_string();
    let expected = map(&[
        ("http.request.method", "GET"),
        ("http.response.status_code", "200"),
        ("network.peer.address", "127.0.0.1"),
        ("network.peer.port", &port),
        ("server.address", "127.0.0.1"),
        ("server.port", &port),
    ]);
    assert_eq!(attributes(&client.attributes), expected);
    let mut resource = export.resource;
    let instance = resource.remove("service.instance.id").unwrap();
    assert_eq!(instance.len(), 36, "{instance}");
    let expected = map(&[("service.name", "actiongate"), ("service.version", "0.1.0")]);
    assert_eq!(resource, expected);
}

#[test]
fn a_grpc_collector_gets_the_same() {
    let (upstream, collector) = (Upstream::start(), Grpc::start(&[], None));
    let lines = format!(
        "[tracing]\nendpoint = \"http://{}\"\nprotocol = \"grpc\"\nsample = 1\nservice_name = \"gate\"\n",
        collector.address
    );
    let gateway = Setup::new(&upstream).more(&lines).start();
    assert_eq!(gateway.call(&traced("00")).status, 200);
    drop(gateway);
    let [seen] = collector.seen().try_into().unwrap();
    let expected = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    assert_eq!(seen.path, expected);
    assert_eq!(seen.headers["content-type"], "application/grpc");
    assert_eq!(seen.headers["te"], "trailers");
    let export = seen.export();
    assert_eq!(export.resource["service.name"], "gate");
    let (server, client) = export.pair();
    assert_eq!(hex(&server.trace_id), TRACE);
    assert_eq!(hex(&client.trace_id), TRACE);
    assert_eq!(hex(&server.parent_span_id), SPAN);
    assert_eq!(client.parent_span_id, server.span_id);
    let expected = format!("00-{TRACE}-{}-01", hex(&client.span_id));
    let told = upstream.only().headers;
    assert_eq!(told.get("traceparent"), Some(expected.as_str()));
}

#[test]
fn what_is_no_traceparent_starts_a_trace_of_its_own() {
    let (upstream, collector) = (Upstream::start(), collector());
    let setup = Setup::new(&upstream).more(&tracing(&collector, "sample = 1"));
    let gateway = setup.start();
    let good = format!("00-{TRACE}-{SPAN}-01");
    let cases: [&[&str]; 8] = [
        &[],
        &[""],
        &[&good, &good],
        &[&good.to_uppercase()],
        &[&format!("ff-{TRACE}-{SPAN}-01")],
        &[&format!("00-{TRACE}-{SPAN}-01-more")],
        &[&format!("00-{}-{SPAN}-01", "0".repeat(32))],
        &[&format!("00-{TRACE}-{}-01", "0".repeat(16))],
    ];
    for lines in cases {
        let call = lines.iter().fold(list(), |call, line| {
            call.header(format!("traceparent: {line}"))
        });
        let answer = gateway.call(&call.header("tracestate: a=b"));
        assert_eq!(answer.status, 200, "{lines:?}");
        let told = upstream.requests().pop().unwrap().headers;
        let parent = told.get("traceparent").unwrap();
        assert_eq!(parent.len(), good.len(), "{lines:?}");
        assert!(!parent.contains(TRACE), "{lines:?} {parent}");
        assert!(!told.has("tracestate"), "{lines:?}");
    }
    let (export, audit) = exported(gateway, &collector);
    assert_eq!(export.spans.len(), 2 * cases.len());
    let seen = upstream.requests();
    for ((pair, seen), line) in export.spans.chunks(2).zip(&seen).zip(&audit) {
        let (trace, span) = (hex(&pair[0].trace_id), hex(&pair[1].span_id));
        assert_eq!(pair[0].parent_span_id, [0; 0]);
        let expected = format!("00-{trace}-{span}-01");
        assert_eq!(seen.headers.get("traceparent"), Some(expected.as_str()));
        assert_eq!(line["trace_id"], trace);
    }
}

#[test]
fn without_tracing_nothing_is_touched() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    for lines in [
        &["no trace"][..],
        &["one", "two"],
        &[&format!("00-{TRACE}-{SPAN}-01")],
    ] {
        let call = lines.iter().fold(list(), |call, line| {
            call.header(format!("traceparent: {line}"))
        });
        assert_eq!(gateway.call(&call.header("tracestate: a=b")).status, 200);
        let told = upstream.requests().pop().unwrap().headers;
        assert_eq!(told.all("traceparent"), lines);
        assert_eq!(told.get("tracestate"), Some("a=b"));
    }
    for line in gateway.into_audit() {
        assert_eq!(line.get("trace_id"), None, "{line}");
    }
}

#[test]
fn only_a_trusted_proxy_says_what_is_sampled() {
    let trusted = "trusted_proxies = \"127.0.0.0/8\"";
    let nobody = "trusted_proxies = []";
    let cases = [
        (nobody, "sample = 0", "01", false),
        (nobody, "sample = 1", "00", true),
        (trusted, "sample = 0", "01", true),
        (trusted, "sample = 1", "00", false),
        (trusted, "sample = 0\nfollow = false", "01", false),
        (trusted, "sample = 1\nfollow = false", "00", true),
    ];
    for (listen, lines, flags, is_sampled) in cases {
        let (upstream, collector) = (Upstream::start(), collector());
        let setup = Setup::new(&upstream).listen(listen);
        let gateway = setup.more(&tracing(&collector, lines)).start();
        // The second is a proxy's client.
        let behind = traced(flags).header("X-Forwarded-For: 192.0.2.1");
        for call in [traced(flags), behind] {
            assert_eq!(gateway.call(&call).status, 200);
        }
        let audit = gateway.into_audit();
        let exported: usize = collector
            .requests()
            .iter()
            .map(|seen| Export::read(&seen.body).spans.len())
            .sum();
        let case = format!("{listen}, {lines}, {flags}");
        assert_eq!(exported, if is_sampled { 4 } else { 0 }, "{case}");
        for (seen, line) in upstream.requests().iter().zip(&audit) {
            let parent = seen.headers.get("traceparent").unwrap();
            assert!(parent.starts_with(&format!("00-{TRACE}-")), "{parent}");
            assert!(!parent.contains(SPAN), "{parent}");
            let expected = if is_sampled { "-01" } else { "-00" };
            assert!(parent.ends_with(expected), "{case}: {parent}");
            assert_eq!(line["trace_id"], TRACE);
        }
    }
}

#[test]
fn a_trace_without_a_caller_is_sampled_by_the_share() {
    const CALLS: usize = 400;
    let (upstream, collector) = (Upstream::start(), collector());
    let setup = Setup::new(&upstream).more(&tracing(&collector, "sample = 0.25"));
    let gateway = setup.start();
    let mut client = gateway.connect();
    for _ in 0..CALLS {
        assert_eq!(client.call(&list()).status, 200);
    }
    drop(client);
    let (export, _) = exported(gateway, &collector);
    let sampled = upstream.requests().into_iter().filter(|seen| {
        let parent = seen.headers.get("traceparent").unwrap();
        parent.ends_with("-01")
    });
    let sampled = sampled.count();
    assert_eq!(export.spans.len(), 2 * sampled);
    // Six standard deviations.
    assert!((48..=152).contains(&sampled), "{sampled}");
}

/// What is told of one call: of the server's span, and of the client's if there is one.
fn outcome(setup: impl FnOnce(&str) -> Setup, call: &Call) -> (Vec<String>, Option<Vec<String>>) {
    let collector = collector();
    let gateway = setup(&tracing(&collector, "sample = 1")).start();
    gateway.call(call);
    let (export, _) = exported(gateway, &collector);
    let told = |span: &opentelemetry_proto::tonic::trace::v1::Span| {
        let attributes = attributes(&span.attributes);
        let keys = [
            "http.response.status_code",
            "actiongate.decision",
            "actiongate.reason",
            "error.type",
        ];
        let mut told: Vec<String> = keys
            .iter()
            .filter_map(|key| attributes.get(*key).cloned())
            .collect();
        // The status is ERROR, or there is none.
        let code = span.status.as_ref().map_or(0, |status| status.code);
        assert!(matches!(code, 0 | 2), "{code}");
        assert_eq!(code == 2, attributes.contains_key("error.type"));
        if code == 2 {
            told.push("failed".to_owned());
        }
        told
    };
    let client = export.spans.get(1).map(told);
    (told(&export.spans[0]), client)
}

#[test]
fn refusals_and_failures_are_told_as_such() {
    let upstream = Upstream::start();
    let to_upstream = |more: &str| Setup::new(&upstream).more(more);
    let denied = Call::get(metadata()).bearer(&token(&[]));
    let nobody = Call::get(metadata());
    let nowhere = Call::get("/nowhere").bearer(&token(&[]));
    for (call, status, decision, reason) in [
        (denied, "403", "deny", "action_missing"),
        (nobody, "401", "reject", "token_missing"),
        (nowhere, "404", "reject", "route_unknown"),
    ] {
        let (server, client) = outcome(to_upstream, &call);
        assert_eq!(server, [status, decision, reason]);
        assert_eq!(client, None);
    }
    upstream.always(vec![Step::Read, answer("404 Not Found", &[], "")]);
    let (server, client) = outcome(to_upstream, &list());
    assert_eq!(server, ["404", "permit", "ok"]);
    assert_eq!(client.unwrap(), ["404", "404", "failed"]);
    upstream.always(vec![Step::Read, answer("500 Oh", &[], "")]);
    let (server, client) = outcome(to_upstream, &list());
    assert_eq!(server, ["500", "permit", "ok", "500", "failed"]);
    assert_eq!(client.unwrap(), ["500", "500", "failed"]);
    upstream.always(vec![Step::Read, Step::Close]);
    let (server, client) = outcome(to_upstream, &list());
    let broken = "upstream_unanswered";
    assert_eq!(server, ["502", "permit", broken, broken, "failed"]);
    assert_eq!(client.unwrap(), [broken, "failed"]);
    let dead = (own_ip(), 9).into();
    let (server, client) = outcome(|more| Setup::at(dead).more(more), &list());
    let refused = "upstream_connect";
    assert_eq!(server, ["502", "permit", refused, refused, "failed"]);
    assert_eq!(client, None, "it was never asked");
}

#[test]
fn spans_have_no_secrets_and_no_names_of_resources() {
    let (upstream, collector) = (Upstream::start(), collector());
    let setup = Setup::new(&upstream).more(&tracing(&collector, "sample = 1"));
    let gateway = setup.start();
    let token = token(&["ecs:servers:listMetadata"]);
    upstream.always(ok());
    let path = format!("/v2.1/{PROJECT}/servers/s-secret/metadata?key=s-query");
    let call = Call::get(path).bearer(&token).header("Cookie: s-cookie");
    assert_eq!(gateway.call(&call).status, 200);
    let call = Call::get("/s-odd").bearer(&token);
    assert_eq!(gateway.call(&call).status, 404);
    gateway.into_audit();
    let sent = String::from_utf8_lossy(&collector.only().body).into_owned();
    assert!(sent.contains("action"), "{sent}");
    for secret in [
        token.as_str(),
        PROJECT,
        "s-secret",
        "s-query",
        "s-cookie",
        "s-odd",
    ] {
        assert!(!sent.contains(secret), "{secret} in {sent}");
    }
}
