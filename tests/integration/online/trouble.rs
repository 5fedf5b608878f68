//! A Keystone that is away, slow or broken: never the client's fault, and over when it is over.

use std::time::{Duration, Instant};

use super::double::{Keystone, about, error, token};
use super::{World, ask, ask_until, call, setup};
use crate::support::{Gateway, Signal, Step, Upstream, answer, own_ip};

const BROKEN: &str = "it does not answer as it should";
const REFUSED: &str = "it does not let the gateway ask";
const UNREACHED: &str = "it cannot be reached";
const SLOW: &str = "it does not answer in time";

/// An answer that is about the token and has this body.
fn body(body: &str) -> Vec<Step> {
    vec![about("new", body)]
}

fn plain(status: &str) -> Vec<Step> {
    vec![answer(status, &["Location: /v3/auth/tokens"], "{}")]
}

#[test]
fn no_trouble_is_an_answer() {
    let good = token(&["admin"]).to_string();
    let ends = |text: &str| {
        let mut body = token(&["admin"]);
        body["token"]["expires_at"] = text.into();
        body.to_string()
    };
    let twice = good.replacen('{', "{\"token\":{},", 1);
    let large = good.replacen('{', &format!("{{\"x\":\"{}\",", "x".repeat(256 * 1024)), 1);
    let head = |length: usize| {
        format!("HTTP/1.1 200 OK\r\nX-Subject-Token: new\r\nContent-Length: {length}\r\n\r\n")
    };
    let cut = head(good.len()) + &good[..good.len() / 2];
    let huge_head = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(1024 * 1024));
    let cases: Vec<(&str, Vec<Step>)> = vec![
        (REFUSED, vec![error("401 Unauthorized", 401)]),
        (REFUSED, vec![error("403 Forbidden", 403)]),
        (BROKEN, plain("300 Multiple Choices")),
        (BROKEN, plain("302 Found")),
        (BROKEN, plain("308 Permanent Redirect")),
        (BROKEN, plain("400 Bad Request")),
        // Something else that answers there knows no tokens at all.
        (BROKEN, plain("404 Not Found")),
        (BROKEN, vec![answer("404 Not Found", &[], "not found")]),
        (BROKEN, plain("410 Gone")),
        (BROKEN, plain("429 Too Many Requests")),
        (BROKEN, vec![error("500 Internal Server Error", 500)]),
        (BROKEN, plain("502 Bad Gateway")),
        (BROKEN, plain("503 Service Unavailable")),
        (BROKEN, plain("204 No Content")),
        (BROKEN, body("")),
        (BROKEN, body("garbage")),
        (BROKEN, body("{}")),
        (BROKEN, body("[]")),
        (BROKEN, body("{\"token\":[]}")),
        (BROKEN, body("{\"token\":{}}")),
        (BROKEN, body(&good[1..])),
        (BROKEN, body(&(good.clone() + "{}"))),
        (BROKEN, body(&twice)),
        (BROKEN, body(&large)),
        (BROKEN, body(&ends(""))),
        (BROKEN, body(&ends("2099-01-31"))),
        (BROKEN, body(&ends("2099-01-31T12:00:00"))),
        (BROKEN, body(&ends("2099-01-31T12:00:00+01:00"))),
        (BROKEN, body(&ends("tomorrow"))),
        (BROKEN, body(&good.replace("\"expires_at\"", "\"expires\""))),
        (UNREACHED, vec![Step::Close]),
        (
            UNREACHED,
            vec![Step::Write(b"garbage\r\n\r\n".to_vec()), Step::Close],
        ),
        (UNREACHED, vec![Step::Write(cut.into_bytes()), Step::Close]),
        (
            UNREACHED,
            vec![Step::Write(huge_head.into_bytes()), Step::Close],
        ),
    ];
    let world = World::with("timeout = \"2s\"", |setup| setup);
    world.permits("alice");
    for (number, (cause, steps)) in cases.into_iter().enumerate() {
        let text = format!("case {number}, {cause}");
        world.keystone.trouble(steps);
        let before = world.upstream.count();
        let answer = world.ask("new");
        assert_eq!(world.upstream.count(), before, "{text}");
        assert_eq!(
            (answer.status, answer.reason()),
            (503, "issuer_unavailable"),
            "{text}"
        );
        assert!(answer.text().contains(cause), "{text}: {}", answer.text());
        world.cannot_tell("new", cause);
        world.permits("alice");
        world.keystone.recover();
        // Not another answer than the one that it gives now.
        let fresh = format!("fresh-{number}");
        world.keystone.know(&fresh, token(&["reader"]));
        let found = ask_until(&world.gateway, &fresh, 200);
        assert_eq!(found.status, 200, "{text}");
    }
    world.keystone.know("new", token(&["reader"]));
    world.permits("new");
}

#[test]
fn a_slow_one_is_waited_for_so_long_only() {
    let world = World::with("timeout = \"300ms\"", |setup| setup);
    world.permits("alice");
    let go_on = Signal::new();
    world
        .keystone
        .trouble(vec![Step::Wait(go_on.clone()), Step::Close]);
    let started = Instant::now();
    world.cannot_tell("new", SLOW);
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(300), "{took:?}");
    assert!(took < Duration::from_secs(3), "{took:?}");
    world.permits("alice");
    go_on.set();
    world.keystone.know("new", token(&["reader"]));
    world.keystone.recover();
    world.permits("new");
}

#[test]
fn a_slow_one_keeps_nobody_waiting_whose_token_is_known() {
    const TOKENS: usize = 100;
    let world = World::with("timeout = \"10s\"", |setup| setup.listen("workers = 2"));
    world.permits("alice");
    let go_on = Signal::new();
    let late = error("404 Not Found", 404);
    world
        .keystone
        .trouble(vec![Step::Wait(go_on.clone()), late]);
    let mut clients: Vec<_> = (0..TOKENS).map(|_| world.gateway.connect()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(call(&format!("t{number}")).bytes());
    }
    // One for the gateway's token, one about alice.
    world.keystone.wait_for_requests(2 + 32);
    for _ in 0..20 {
        world.permits("alice");
    }
    assert_eq!(world.questions(), 1 + 32, "no more than that at a time");
    for number in 0..TOKENS {
        world
            .keystone
            .know(&format!("t{number}"), token(&["reader"]));
    }
    world.keystone.recover();
    go_on.set();
    let answers = clients.iter_mut();
    let mut statuses: Vec<u16> = answers.map(|client| client.answer().status).collect();
    statuses.sort_unstable();
    let (good, bad) = statuses.split_at(TOKENS - 32);
    assert!(good.iter().all(|status| *status == 200), "{statuses:?}");
    assert!(bad.iter().all(|status| *status == 401), "{statuses:?}");
}

#[test]
fn one_that_is_not_there_yet_does_not_keep_the_gateway_from_starting() {
    let upstream = Upstream::start();
    let ip = own_ip();
    let address = Keystone::start_on(ip).address();
    let url = format!("http://{address}/v3");
    let gateway = setup(&upstream, &[url], "timeout = \"200ms\"").start();
    let answer = ask(&gateway, "alice");
    let message = answer.refusal(503, "issuer_unavailable", "error");
    assert!(message.ends_with(": it cannot be reached."), "{message}");
    assert_eq!(upstream.count(), 0);
    let keystone = Keystone::start_at(address);
    keystone.know("alice", token(&["reader"]));
    ask_until(&gateway, "alice", 200);
}

#[test]
fn one_that_goes_away_is_left_alone_and_found_again() {
    let upstream = Upstream::start();
    let keystone = Keystone::start_on(own_ip());
    let (address, url) = (keystone.address(), keystone.url());
    keystone.know("alice", token(&["reader"]));
    let gateway = setup(&upstream, &[url], "timeout = \"1s\"").start();
    assert_eq!(ask(&gateway, "alice").status, 200);
    drop(keystone);
    let mut client = gateway.connect();
    let mut causes = Vec::new();
    for number in 0..8 {
        let answer = client.call(&call(&format!("t{number}")));
        let message = answer.refusal(503, "issuer_unavailable", "error");
        causes.push(message.rsplit_once(": ").unwrap().1.to_owned());
        assert_eq!(client.call(&call("alice")).status, 200);
    }
    assert_eq!(causes[0], "it cannot be reached.");
    assert_eq!(causes[7], "it has not answered of late.");
    assert_eq!(upstream.count(), 9);
    let keystone = Keystone::start_at(address);
    keystone.know("bob", token(&["reader"]));
    ask_until(&gateway, "bob", 200);
}

/// What a server does about one token, such as one that is larger than its buffer, is no reason to leave
/// the tokens of others unasked.
#[test]
fn tokens_that_a_server_fails_over_keep_nobody_out() {
    let cases = [
        vec![Step::Close],
        plain("502 Bad Gateway"),
        plain("503 Service Unavailable"),
    ];
    for steps in cases {
        let world = World::with("timeout = \"30s\"", |setup| setup);
        world.permits("alice");
        world.keystone.trouble(steps);
        for number in 0..12 {
            let refused = world.ask(&format!("large-{number}"));
            refused.refusal(503, "issuer_unavailable", "error");
        }
        world.keystone.recover();
        world.keystone.know("bob", token(&["reader"]));
        world.permits("bob");
    }
}

fn two(upstream: &Upstream, urls: &[String; 2]) -> Gateway {
    setup(upstream, urls, "timeout = \"1s\"").start()
}

#[test]
fn the_second_is_asked_where_the_first_is_dead() {
    let dead = Keystone::start_on(own_ip()).url();
    let keystone = Keystone::start();
    keystone.know("alice", token(&["reader"]));
    let upstream = Upstream::start();
    let gateway = two(&upstream, &[dead, keystone.url()]);
    assert_eq!(ask(&gateway, "alice").status, 200);
    let answer = ask(&gateway, "stranger");
    answer.refusal(401, "token_not_active", "error");
}

#[test]
fn the_second_is_asked_where_the_first_is_broken_or_slow() {
    let (first, second) = (Keystone::start(), Keystone::start());
    let upstream = Upstream::start();
    let gateway = two(&upstream, &[first.url(), second.url()]);
    // Both take what either gives: the first has given own-1.
    second.accept("own-1");
    let go_on = Signal::new();
    let slow = vec![Step::Wait(go_on.clone()), Step::Close];
    for (name, trouble) in [("one", plain("500 Internal Server Error")), ("two", slow)] {
        first.trouble(trouble);
        second.know(name, token(&["reader"]));
        assert_eq!(ask(&gateway, name).status, 200, "{name}");
    }
    go_on.set();
    assert_eq!(second.questions().len(), 2);
}
