//! Connections that change their protocol: where the table allows it, and as the client asked.

use std::net::Shutdown;

use crate::support::{
    Call, Client, Gateway, PROJECT, Setup, Signal, Step, Upstream, metadata, token,
};

const TABLE: &str = "[[operation]]
permission = 'Opening a console'
routes = ['GET /v2.1/{project_id}/servers/{server_id}/console']
actions = ['ecs:servers:console']
upgrade = true
";

fn console() -> Call {
    Call::get(format!("/v2.1/{PROJECT}/servers/s1/console"))
        .bearer(&token(&["ecs:servers:console"]))
        .header("Connection: keep-alive, Upgrade")
        .header("Sec-WebSocket-Key: x")
}

fn switching(lines: &str) -> Step {
    Step::Write(format!("HTTP/1.1 101 Switching Protocols\r\n{lines}\r\n").into_bytes())
}

/// Changes to WebSocket and sends back what comes.
fn websocket() -> Vec<Step> {
    let lines = "Connection: Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Accept: y\r\n";
    vec![Step::Read, switching(lines), Step::Repeat, Step::Close]
}

fn start(upstream: &Upstream) -> Gateway {
    Setup::new(upstream).table(TABLE).start()
}

/// Opens a tunnel.
#[track_caller]
fn open(gateway: &Gateway) -> Client {
    let mut client = gateway.connect();
    client.send(console().header("Upgrade: websocket").bytes());
    let (status, headers) = client.head();
    assert_eq!(status, 101, "{headers:?}");
    assert_eq!(headers.get("connection"), Some("upgrade"));
    assert_eq!(headers.get("upgrade"), Some("websocket"));
    assert_eq!(headers.get("sec-websocket-accept"), Some("y"));
    client
}

#[test]
fn both_ways_are_passed_on_and_audited() {
    let upstream = Upstream::start();
    upstream.always(websocket());
    let gateway = start(&upstream);
    let mut client = open(&gateway);
    let seen = upstream.only();
    assert_eq!(seen.headers.get("upgrade"), Some("websocket"));
    assert_eq!(seen.headers.get("connection"), Some("upgrade"));
    assert_eq!(seen.headers.get("sec-websocket-key"), Some("x"));
    for text in ["GET /v2.1/other HTTP/1.1\r\n\r\n", "\0\u{1}"] {
        client.send(text);
        let back = client.wire().exactly(text.len()).unwrap();
        assert_eq!(back, text.as_bytes());
    }
    // What looked like a request was none.
    assert_eq!(upstream.count(), 1);
    client.wire().stream().shutdown(Shutdown::Write).unwrap();
    client.ends();
    let audit = gateway.into_audit();
    assert_eq!(audit.len(), 1);
    assert_eq!(
        (&audit[0]["status"], &audit[0]["reason"]),
        (&101.into(), &"ok".into())
    );
    assert_eq!(audit[0]["bytes_received"], audit[0]["bytes_sent"]);
    assert_eq!(audit[0]["bytes_sent"], 30);
}

/// Without the table's word, or for a protocol in which requests could follow, the upstream is asked
/// for an ordinary answer.
#[test]
fn what_is_not_allowed_is_not_asked_for() {
    let upstream = Upstream::start();
    let gateway = start(&upstream);
    let elsewhere = Call::get(metadata())
        .bearer(&token(&["ecs:servers:listMetadata"]))
        .header("Connection: Upgrade")
        .header("Upgrade: websocket");
    let calls = [
        elsewhere,
        console()
            .header("Upgrade: h2c")
            .header("HTTP2-Settings: AAMAAABkAAQAAP__"),
        console().header("Upgrade: websocket, h2c"),
        console()
            .header("Upgrade: websocket")
            .header("Upgrade: h2c"),
        console().header("Upgrade: websocket").body("{}"),
    ];
    for (index, call) in calls.iter().enumerate() {
        assert_eq!(gateway.call(call).status, 200, "{call:?}");
        let seen = &upstream.requests()[index];
        assert!(!seen.headers.has("upgrade"), "{seen:?}");
        assert!(!seen.headers.has("connection"), "{seen:?}");
    }
}

#[test]
fn a_caller_without_the_action_opens_nothing() {
    let upstream = Upstream::start();
    let gateway = start(&upstream);
    let call = Call::get(format!("/v2.1/{PROJECT}/servers/s1/console"))
        .bearer(&token(&["ecs:servers:get"]))
        .header("Connection: Upgrade")
        .header("Upgrade: websocket");
    gateway
        .call(&call)
        .refusal(403, "action_missing", "forbidden");
    assert_eq!(upstream.count(), 0);
}

#[test]
fn an_upstream_that_changes_to_something_else_is_broken() {
    let upstream = Upstream::start();
    let gateway = start(&upstream);
    let lines = [
        "Connection: Upgrade\r\nUpgrade: h2c\r\n",
        "Connection: Upgrade\r\n",
        "Upgrade: websocket\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n",
    ];
    for lines in lines {
        upstream.next(vec![
            Step::Read,
            switching(lines),
            Step::Repeat,
            Step::Close,
        ]);
        let answer = gateway.call(&console().header("Upgrade: websocket"));
        answer.refusal(502, "upstream_upgrade", "badGateway");
    }
    // Nobody asked.
    upstream.next(websocket());
    let answer = gateway.call(&console());
    answer.refusal(502, "upstream_upgrade", "badGateway");
    assert_eq!(gateway.call(&console()).status, 200);
    assert_eq!(upstream.connections(), 6);
}

/// What is sent ahead may be a request to somebody on the way who has not seen the change coming.
#[test]
fn what_was_sent_before_the_101_is_not_passed_on() {
    let upstream = Upstream::start();
    let gateway = start(&upstream);
    let release = Signal::new();
    let mut script = websocket();
    script.insert(1, Step::Wait(release.clone()));
    upstream.next(script);
    let mut client = gateway.connect();
    let mut bytes = console().header("Upgrade: websocket").bytes();
    bytes.extend_from_slice(b"early");
    client.send(bytes);
    upstream.wait_for_requests(1);
    release.set();
    assert_eq!(client.head().0, 101);
    client.ends();
    // The upstream's end is closed, without a byte of it.
    upstream.wait_for_connections(0);
    assert_eq!(gateway.into_audit()[0]["reason"], "upgrade_early_bytes");
}

#[test]
fn an_ordinary_answer_is_passed_on() {
    let upstream = Upstream::start();
    let gateway = start(&upstream);
    let mut client = gateway.connect();
    for _ in 0..2 {
        let answer = client.call(&console().header("Upgrade: websocket"));
        assert_eq!(answer.status, 200);
    }
    assert_eq!(upstream.connections(), 1);
}

#[test]
fn the_upstream_may_end_it() {
    let upstream = Upstream::start();
    let lines = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: y\r\n\r\nbye";
    upstream.next(vec![
        Step::Read,
        switching(lines.trim_end_matches("\r\n")),
        Step::Close,
    ]);
    let gateway = start(&upstream);
    let mut client = open(&gateway);
    assert_eq!(client.wire().exactly(5).unwrap(), b"bye\r\n");
    client.ends();
}

#[test]
fn silence_ends_it() {
    let upstream = Upstream::start();
    upstream.always(websocket());
    let setup = Setup::new(&upstream).table(TABLE);
    let gateway = setup.upstream("tunnel_timeout = \"50ms\"").start();
    let mut client = open(&gateway);
    client.ends();
    assert_eq!(gateway.into_audit()[0]["reason"], "tunnel_timeout");
}

#[test]
fn a_stop_waits_for_it_until_the_deadline() {
    let upstream = Upstream::start();
    upstream.always(websocket());
    let setup = Setup::new(&upstream).table(TABLE);
    let mut gateway = setup.listen("drain_timeout = \"700ms\"").start();
    let mut client = open(&gateway);
    let mut done = open(&gateway);
    gateway.begin_stop();
    // Longer than idle connections have.
    let mut idle = gateway.connect();
    idle.wire().end().ok();
    done.send("x");
    assert_eq!(done.wire().exactly(1).unwrap(), b"x");
    done.wire().stream().shutdown(Shutdown::Write).unwrap();
    done.ends();
    assert_eq!(gateway.stop().cut_off, 1);
    assert!(client.wire().end().is_ok());
    let mut reasons: Vec<String> = Vec::new();
    for line in gateway.audit() {
        reasons.push(line["reason"].as_str().unwrap().to_owned());
    }
    reasons.sort();
    assert_eq!(reasons, ["aborted", "ok"]);
}
