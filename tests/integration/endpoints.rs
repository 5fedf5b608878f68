//! Several endpoints: which one a request goes to, and what happens when one is in trouble.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::net::UnixListener;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use tokio::net::TcpSocket;

use crate::support::{
    Call, Client, Gateway, PATIENCE, Setup, Signal, Step, Upstream, answer, echo, metadata, token,
};

fn get() -> Call {
    Call::get(metadata()).bearer(&token(&["*:*:*"]))
}

fn post() -> Call {
    Call::post(metadata(), "{}").bearer(&token(&["*:*:*"]))
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}")
}

fn two() -> (Upstream, Upstream, Setup) {
    let (first, second) = (Upstream::start(), Upstream::start());
    let urls = [url(first.address()), url(second.address())];
    let setup = Setup::new(&first).urls(&urls);
    (first, second, setup)
}

/// A port where nobody listens, and nobody will while the socket lives.
fn closed_port() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    socket.bind(any).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// A whole answer that says nothing but its status.
fn says(status: &str) -> Vec<Step> {
    vec![Step::Read, answer(status, &[], "")]
}

/// Calls until `is_done`.
fn call_until(gateway: &Gateway, is_done: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_done() {
        assert!(started.elapsed() < PATIENCE, "it never came to that");
        gateway.call(&get());
    }
}

#[test]
fn all_endpoints_get_requests() {
    let (first, second, setup) = two();
    let gateway = setup.start();
    for _ in 0..64 {
        assert_eq!(gateway.call(&post()).status, 200);
    }
    assert!(first.count() > 0 && second.count() > 0);
    assert_eq!(first.count() + second.count(), 64);
}

#[test]
fn the_endpoint_with_fewer_requests_is_chosen() {
    let (first, second, setup) = two();
    let gateway = setup.start();
    let release = Signal::new();
    first.always(vec![Step::Read, Step::Wait(release.clone()), Step::Echo]);
    let mut waiting: Vec<Client> = Vec::new();
    while first.count() == 0 {
        let before = second.count();
        let mut client = gateway.connect();
        client.send(get().bytes());
        while first.count() == 0 && second.count() == before {
            thread::yield_now();
        }
        waiting.push(client);
    }
    let before = second.count();
    let mut client = gateway.connect();
    for _ in 0..20 {
        assert_eq!(client.call(&post()).status, 200);
    }
    assert_eq!((first.count(), second.count()), (1, before + 20));
    release.set();
    for client in &mut waiting {
        assert_eq!(client.answer().status, 200);
    }
}

#[test]
fn what_cannot_be_connected_to_is_passed_over() {
    let (_socket, dead) = closed_port();
    let upstream = Upstream::start();
    let setup = Setup::new(&upstream).urls(&[url(dead), url(upstream.address())]);
    let gateway = setup.start();
    for _ in 0..30 {
        // A POST too: nothing of it was sent.
        assert_eq!(gateway.call(&post()).status, 200);
    }
    assert_eq!(upstream.count(), 30);
}

#[test]
fn an_endpoint_that_keeps_failing_is_left_alone() {
    let (bad, good, setup) = two();
    let gateway = setup
        .upstream("eject_after = 3")
        .upstream("eject_time = \"1h\"")
        .start();
    bad.always(says("503 Service Unavailable"));
    call_until(&gateway, || bad.count() == 3);
    let before = good.count();
    for _ in 0..30 {
        assert_eq!(gateway.call(&get()).status, 200);
    }
    assert_eq!((bad.count(), good.count()), (3, before + 30));
}

#[test]
fn an_endpoint_that_refuses_requests_is_not_left_alone() {
    let (first, second, setup) = two();
    let gateway = setup
        .upstream("eject_after = 1")
        .upstream("eject_time = \"1h\"")
        .start();
    first.always(says("500 Internal Server Error"));
    second.always(says("404 Not Found"));
    call_until(&gateway, || first.count() > 5 && second.count() > 5);
}

#[test]
fn a_good_answer_after_a_while_restores_it() {
    let (bad, _good, setup) = two();
    let gateway = setup
        .upstream("eject_after = 1")
        .upstream("eject_time = \"50ms\"")
        .start();
    bad.next(says("502 Bad Gateway"));
    call_until(&gateway, || bad.count() > 5);
}

#[test]
fn when_all_are_left_alone_all_are_used() {
    let upstream = Upstream::start();
    let gateway = Setup::new(&upstream)
        .upstream("eject_after = 1")
        .upstream("eject_time = \"1h\"")
        .start();
    for _ in 0..5 {
        upstream.next(says("504 Gateway Timeout"));
    }
    for _ in 0..5 {
        assert_eq!(gateway.call(&get()).status, 504);
    }
    assert_eq!(gateway.call(&get()).status, 200);
    assert_eq!(upstream.count(), 6);
}

#[test]
fn more_requests_than_allowed_are_refused_at_once() {
    let upstream = Upstream::start();
    let setup = Setup::new(&upstream).upstream("max_pending = 2");
    let gateway = setup.start();
    let release = Signal::new();
    upstream.always(vec![Step::Read, Step::Wait(release.clone()), Step::Echo]);
    let mut waiting = [gateway.connect(), gateway.connect()];
    for client in &mut waiting {
        client.send(post().bytes());
    }
    upstream.wait_for_requests(2);
    let answer = gateway.call(&post());
    let message = answer.refusal(503, "upstream_busy", "serviceUnavailable");
    assert_eq!(message, "The upstream has too many requests already.");
    assert_eq!(answer.headers.get("retry-after"), Some("1"));
    release.set();
    for client in &mut waiting {
        assert_eq!(client.answer().status, 200);
    }
    assert_eq!(gateway.call(&post()).status, 200);
    assert_eq!(upstream.count(), 3);
}

#[test]
fn a_name_is_resolved() {
    let upstream = Upstream::start();
    let port = upstream.address().port();
    let setup = Setup::new(&upstream).urls(&[format!("http://localhost:{port}")]);
    assert_eq!(setup.start().call(&post()).status, 200);
}

#[test]
fn without_an_address_there_is_503() {
    let upstream = Upstream::start();
    let setup = Setup::new(&upstream).urls(&["http://nova.invalid".to_owned()]);
    let answer = setup.start().call(&post());
    let message = answer.refusal(503, "upstream_unavailable", "serviceUnavailable");
    assert_eq!(message, "No endpoint of the upstream is known.");
    assert_eq!(answer.headers.get("retry-after"), Some("10"));
}

#[test]
fn an_unhealthy_endpoint_is_left_alone_until_it_is_well() {
    let (sick, well, setup) = two();
    let health = "path = \"/health\"\ninterval = \"10ms\"\nunhealthy_after = 1\n";
    let gateway = setup
        .upstream(&format!("[upstream.health]\n{health}"))
        .start();
    let asked = |upstream: &Upstream| {
        let requests = upstream.requests().into_iter();
        requests
            .filter(|request| !request.line.starts_with("GET /health HTTP/1.1"))
            .count()
    };
    // Not a status that speaks against an endpoint by itself.
    sick.always(says("500 Internal Server Error"));
    let started = Instant::now();
    loop {
        let before = asked(&sick);
        for _ in 0..20 {
            gateway.call(&get());
        }
        if asked(&sick) == before {
            break;
        }
        assert!(started.elapsed() < PATIENCE, "it is still used");
    }
    let before = asked(&well);
    assert!(before > 0);
    sick.always(echo());
    let left_alone = asked(&sick);
    call_until(&gateway, || asked(&sick) > left_alone);
}

#[test]
fn a_unix_socket_will_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nova.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let served = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut seen = Vec::new();
        while !seen.windows(6).any(|end| end == b"\r\n\r\n{}") {
            let mut bytes = [0; 4096];
            let count = stream.read(&mut bytes).unwrap();
            assert!(count > 0, "{}", String::from_utf8_lossy(&seen));
            seen.extend_from_slice(&bytes[..count]);
        }
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
        stream.write_all(answer).unwrap();
        String::from_utf8(seen).unwrap()
    });
    let upstream = Upstream::start();
    let setup = Setup::new(&upstream).urls(&[format!("unix:{}", path.display())]);
    let gateway = setup.start();
    assert_eq!(gateway.call(&post()).text(), "hi");
    let seen = served.join().unwrap();
    assert!(seen.starts_with("POST /v2.1/"), "{seen}");
    // The only connection has ended, and nobody accepts another.
    let answer = gateway.call(&post());
    assert_eq!(answer.status, 502, "{answer:?}");
    assert_eq!(upstream.count(), 0);
}

#[test]
fn an_unanswered_get_goes_to_the_other_endpoint() {
    let (first, second, setup) = two();
    let gateway = setup.start();
    // On a connection that nothing speaks against.
    first.next(vec![Step::Read, Step::Close]);
    second.next(vec![Step::Read, Step::Close]);
    let answer = gateway.call(&get());
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(first.count() + second.count(), 3);
    // But no POST does.
    first.always(vec![Step::Read, Step::Close]);
    second.always(vec![Step::Read, Step::Close]);
    let answer = gateway.call(&post());
    answer.refusal(502, "upstream_unanswered", "badGateway");
    assert_eq!(first.count() + second.count(), 4);
}

/// Calls from several clients while one of two endpoints is killed and restarted again and again;
/// the statuses that came, and how often each request did.
fn killing(call: impl Fn(usize) -> Call + Sync) -> (Vec<u16>, Vec<String>) {
    let (mut victim, steady, setup) = two();
    let gateway = setup.upstream("eject_time = \"20ms\"").start();
    let (is_done, next) = (AtomicBool::new(false), AtomicUsize::new(0));
    let statuses = Mutex::new(Vec::new());
    let mut seen = Vec::new();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !is_done.load(Ordering::Relaxed) {
                    let id = next.fetch_add(1, Ordering::Relaxed);
                    let answer = gateway.call(&call(id));
                    statuses.lock().unwrap().push(answer.status);
                }
            });
        }
        for _ in 0..10 {
            let progress = || {
                let goal = next.load(Ordering::Relaxed) + 50;
                while next.load(Ordering::Relaxed) < goal {
                    thread::yield_now();
                }
            };
            progress();
            seen.extend(victim.stop());
            progress();
            victim = Upstream::start_at(victim.address());
        }
        is_done.store(true, Ordering::Relaxed);
    });
    seen.extend(victim.requests());
    seen.extend(steady.requests());
    let ids = seen.iter().map(|seen| seen.headers.get("x-id").unwrap());
    let ids = ids.map(str::to_owned).collect();
    (statuses.into_inner().unwrap(), ids)
}

#[test]
fn no_get_fails_while_an_endpoint_is_killed_and_restarted() {
    let (statuses, _) = killing(|id| get().header(format!("X-Id: {id}")));
    let failed: Vec<_> = statuses.iter().filter(|status| **status != 200).collect();
    assert!(failed.is_empty(), "of {}: {failed:?}", statuses.len());
}

#[test]
fn no_post_is_doubled_while_an_endpoint_is_killed_and_restarted() {
    let (statuses, mut ids) = killing(|id| post().header(format!("X-Id: {id}")));
    assert!(statuses.iter().all(|status| [200, 502].contains(status)));
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "some were sent twice");
}
