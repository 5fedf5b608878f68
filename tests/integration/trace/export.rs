//! Collectors that are slow, away, busy or picky: requests must not notice.

use std::sync::Arc;

use actiongate::tls::{ClientCertificates, Server, ServerSettings};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use prost::Message as _;

use super::{Grpc, collector, list, taken, tracing};
use crate::admin::{ADMIN, wait_for_lines};
use crate::support::{
    Authority, Call, Files, Gateway, Setup, Signal, Step, Upstream, answer, own_ip,
};

/// As many requests as are exported without more ado.
const BATCH: usize = 512;

/// So many requests that are permitted, one after another.
fn send(gateway: &Gateway, count: usize) {
    let (mut client, bytes) = (gateway.connect(), list().bytes());
    for _ in 0..count {
        client.send(&bytes);
        assert_eq!(client.answer().status, 200);
    }
}

/// Waits until so many spans were exported and dropped, and so many exports failed.
#[track_caller]
fn wait_for_counts(gateway: &Gateway, exported: usize, dropped: usize, failed: usize) {
    wait_for_lines(
        gateway,
        &[
            &format!("actiongate_spans_exported_total {exported}"),
            &format!("actiongate_spans_dropped_total {dropped}"),
            &format!("actiongate_span_exports_failed_total {failed}"),
        ],
    );
    let status = gateway.admin(&Call::get("/status")).json();
    let expected = serde_json::json!({
        "exported": exported, "dropped": dropped, "failed_exports": failed
    });
    assert_eq!(status["traces"], expected);
}

fn start(upstream: &Upstream, tracing: &str) -> Gateway {
    Setup::new(upstream).more(ADMIN).more(tracing).start()
}

#[test]
fn requests_do_not_wait_for_a_collector_that_never_answers() {
    let (upstream, collector) = (Upstream::start(), collector());
    let go_on = Signal::new();
    let mut script = vec![Step::Read, Step::Wait(go_on.clone())];
    script.extend(taken().split_off(1));
    collector.next(script);
    let gateway = start(&upstream, &tracing(&collector, "sample = 1"));
    send(&gateway, BATCH);
    collector.wait_for_requests(1);
    // More than the queue takes, too.
    send(&gateway, 8192 + BATCH);
    wait_for_counts(&gateway, 0, 2 * BATCH, 0);
    go_on.set();
    wait_for_counts(&gateway, 2 * (BATCH + 8192), 2 * BATCH, 0);
}

#[test]
fn spans_for_a_collector_that_is_too_slow_are_dropped() {
    let (upstream, collector) = (Upstream::start(), collector());
    let never = Signal::new();
    collector.next(vec![Step::Read, Step::Wait(never.clone())]);
    let lines = "sample = 1\ntimeout = \"100ms\"";
    let gateway = start(&upstream, &tracing(&collector, lines));
    send(&gateway, BATCH);
    wait_for_counts(&gateway, 0, 2 * BATCH, 1);
    send(&gateway, BATCH);
    wait_for_counts(&gateway, 2 * BATCH, 2 * BATCH, 1);
    never.set();
}

#[test]
fn spans_for_a_collector_that_is_away_are_dropped() {
    let upstream = Upstream::start();
    let lines = format!(
        "[tracing]\nendpoint = \"http://{}:9\"\nsample = 1\n",
        own_ip()
    );
    let gateway = start(&upstream, &lines);
    send(&gateway, BATCH);
    wait_for_counts(&gateway, 0, 2 * BATCH, 1);
}

#[test]
fn a_busy_collector_is_sent_the_same_again() {
    let (upstream, collector) = (Upstream::start(), collector());
    for status in ["503 Busy", "429 Slow Down"] {
        let busy = answer(status, &["Retry-After: 0"], "");
        collector.next(vec![Step::Read, busy]);
    }
    let gateway = start(&upstream, &tracing(&collector, "sample = 1"));
    send(&gateway, BATCH);
    wait_for_counts(&gateway, 2 * BATCH, 0, 0);
    let sent = collector.requests();
    assert_eq!(sent.len(), 3);
    assert!(sent.iter().all(|seen| seen.body == sent[0].body));
}

#[test]
fn a_collector_is_not_asked_for_ever() {
    let later = ("503 Busy", "Retry-After: 60", 1);
    let busy = ("503 Busy", "Retry-After: 0", 3);
    let wrong = ("400 Bad Request", "Retry-After: 0", 1);
    let moved = ("307 Moved", "Location: /elsewhere", 1);
    for (status, header, attempts) in [later, busy, wrong, moved] {
        let (upstream, collector) = (Upstream::start(), collector());
        collector.always(vec![Step::Read, answer(status, &[header], "")]);
        let gateway = start(&upstream, &tracing(&collector, "sample = 1"));
        send(&gateway, BATCH);
        wait_for_counts(&gateway, 0, 2 * BATCH, 1);
        assert_eq!(collector.count(), attempts, "{status}, {header}");
    }
}

#[test]
fn what_the_collector_does_not_take_is_counted() {
    let (upstream, collector) = (Upstream::start(), collector());
    let response = ExportTraceServiceResponse {
        partial_success: Some(ExportTracePartialSuccess {
            rejected_spans: 3,
            error_message: "too odd".to_owned(),
        }),
    };
    let body = String::from_utf8(response.encode_to_vec()).unwrap();
    collector.always(vec![Step::Read, answer("200 OK", &[], &body)]);
    let gateway = start(&upstream, &tracing(&collector, "sample = 1"));
    send(&gateway, BATCH);
    wait_for_counts(&gateway, 2 * BATCH - 3, 3, 0);
}

#[test]
fn a_status_of_grpc_tells_whether_to_try_again() {
    // UNAVAILABLE, and INVALID_ARGUMENT.
    for (statuses, calls, exported) in [(["14", "14"], 3, BATCH), (["3", "0"], 1, 0)] {
        let (upstream, collector) = (Upstream::start(), Grpc::start(&statuses, None));
        let lines = format!(
            "[tracing]\nendpoint = \"http://{}\"\nprotocol = \"grpc\"\nsample = 1\n",
            collector.address
        );
        let gateway = start(&upstream, &lines);
        send(&gateway, BATCH);
        let dropped = BATCH - exported;
        wait_for_counts(&gateway, 2 * exported, 2 * dropped, dropped / BATCH);
        let seen = collector.seen();
        assert_eq!(seen.len(), calls);
        assert!(seen.iter().all(|call| call.body == seen[0].body));
    }
}

#[test]
fn a_collector_is_told_a_secret_over_tls_only_if_it_is_believed() {
    let (files, root) = (Files::new(), Authority::new("root"));
    let certificates = vec![files.pair("server", &root.issue(&["127.0.0.1"]))];
    let server = Server::load(&ServerSettings {
        certificates,
        clients: ClientCertificates::Off,
    });
    let mut config = (*server.unwrap().config()).clone();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let collector = Grpc::start(&[], Some(Arc::new(config)));
    let upstream = Upstream::start();
    let lines = format!(
        "[tracing]\nendpoint = \"https://{}\"\nprotocol = \"grpc\"\nsample = 1\nca = \"ca.pem\"\n\
         headers = {{ Authorization = \"secret\" }}\n",
        collector.address
    );
    let setup = Setup::new(&upstream).more(ADMIN).more(&lines);
    let setup = setup.file("ca.pem", &Authority::new("other").pem());
    let gateway = setup.file("secret", "Bearer one\n").start();
    send(&gateway, BATCH);
    wait_for_counts(&gateway, 0, 2 * BATCH, 1);
    assert_eq!(collector.seen().len(), 0);
    // Both files are read again for each export.
    gateway.replace_file("ca.pem", &root.pem());
    send(&gateway, BATCH);
    wait_for_counts(&gateway, 2 * BATCH, 2 * BATCH, 1);
    gateway.replace_file("secret", "Bearer two");
    send(&gateway, BATCH);
    let seen = collector.wait_for(2);
    for (seen, expected) in seen.iter().zip(["Bearer one", "Bearer two"]) {
        assert_eq!(seen.headers["authorization"], expected);
    }
}
