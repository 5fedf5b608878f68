//! Connections are spread evenly over the workers.

use serde_json::Value;

use crate::support::{Call, Client, Gateway, Setup, Upstream, metadata, token};

const CONNECTIONS: usize = 64;

fn list() -> Call {
    Call::get(metadata()).bearer(&token(&["*:*:*"]))
}

/// How many requests each of two workers served.
fn served(audit: &[Value], total: usize) -> (usize, usize) {
    assert_eq!(audit.len(), total);
    let of = |worker: u64| audit.iter().filter(|line| line["worker"] == worker).count();
    let (first, second) = (of(0), of(1));
    assert_eq!(first + second, total);
    (first, second)
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
    let (first, second) = served(&gateway.into_audit(), 3 * CONNECTIONS);
    // Within 20 % of each other.
    let apart = first.abs_diff(second);
    assert!(apart * 5 <= first.min(second), "{first} and {second}");
}

#[test]
fn connections_that_come_and_go_reach_both_workers() {
    const TOTAL: usize = 400;
    let upstream = Upstream::start();
    let gateway = two_workers(&upstream);
    for _ in 0..TOTAL {
        assert_eq!(gateway.call(&list()).status, 200);
    }
    let (first, second) = served(&gateway.into_audit(), TOTAL);
    // Which one has noticed that its last connection is gone is a matter of chance.
    assert!(first.min(second) * 4 >= TOTAL, "{first} and {second}");
}

#[test]
fn the_worker_with_fewest_gets_the_next_and_keeps_it() {
    let upstream = Upstream::start();
    let gateway = two_workers(&upstream);
    let mut clients: Vec<Client> = (0..8).map(|_| gateway.connect()).collect();
    for _ in 0..2 {
        for client in &mut clients {
            assert_eq!(client.call(&list()).status, 200);
        }
    }
    drop(clients);
    let mut audit = gateway.into_audit();
    // Each worker's lines are in their order, those of two may be mixed.
    audit.sort_by_key(|line| line["time"].as_str().unwrap().to_owned());
    let workers = audit.iter().map(|line| line["worker"].as_u64().unwrap());
    assert_eq!(workers.collect::<Vec<_>>(), [0, 1].repeat(8));
}
