//! Connections are spread evenly over the workers.

use serde_json::Value;

use crate::support::{Call, Client, Gateway, Setup, Upstream, metadata, token};

const CONNECTIONS: usize = 64;

fn list() -> Call {
    Call::get(metadata()).bearer(&token(&["*:*:*"]))
}

/// How many requests each of two workers served, which is within 20 % of the other's.
fn assert_even(audit: &[Value], total: usize) {
    assert_eq!(audit.len(), total);
    let of = |worker: u64| audit.iter().filter(|line| line["worker"] == worker).count();
    let (first, second) = (of(0), of(1));
    assert_eq!(first + second, total);
    let apart = first.abs_diff(second);
    assert!(apart * 5 <= first.min(second), "{first} and {second}");
}

fn two_workers(upstream: &Upstream) -> Gateway {
    Setup::new(upstream).listen("workers = 2").start()
}

#[test]
fn connections_that_stay_are_spread_evenly() {
    let upstream = Upstream::start();
    let gateway = two_workers(&upstream);
    let mut clients: Vec<Client> = (0..CONNECTIONS).map(|_| gateway.connect()).collect();
    for _ in 0..3 {
        for client in &mut clients {
            assert_eq!(client.call(&list()).status, 200);
        }
    }
    drop(clients);
    assert_even(&gateway.into_audit(), 3 * CONNECTIONS);
}

#[test]
fn connections_that_come_and_go_are_spread_evenly() {
    let upstream = Upstream::start();
    let gateway = two_workers(&upstream);
    for _ in 0..CONNECTIONS {
        assert_eq!(gateway.call(&list()).status, 200);
    }
    assert_even(&gateway.into_audit(), CONNECTIONS);
}

#[test]
fn the_worker_with_fewer_connections_gets_the_next() {
    let upstream = Upstream::start();
    let gateway = two_workers(&upstream);
    let mut clients: Vec<Client> = (0..8).map(|_| gateway.connect()).collect();
    for client in &mut clients {
        assert_eq!(client.call(&list()).status, 200);
    }
    // All of one worker leave: the next ones are its.
    let mut index = 0;
    clients.retain(|_| {
        index += 1;
        index % 2 == 0
    });
    for client in &mut clients {
        // The gateway has seen them go once what came after them is answered.
        assert_eq!(client.call(&list()).status, 200);
    }
    drop(clients);
    let audit = gateway.into_audit();
    let workers: Vec<u64> = audit
        .iter()
        .map(|line| line["worker"].as_u64().unwrap())
        .collect();
    // Each in its turn, and every connection stays where it is.
    let (first, rest) = workers.split_at(8);
    assert_eq!(first, [0, 1, 0, 1, 0, 1, 0, 1]);
    assert_eq!(rest, [1; 4]);
}
