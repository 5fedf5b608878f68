//! The upstream restarted under load: nothing that must not be repeated is.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::support::{Call, Client, Setup, Upstream, metadata, own_ip, token};

const CLIENTS: usize = 8;
const RESTARTS: usize = 8;

/// Posts bodies of its own until it is told to stop; those that were answered 200, and how many got
/// a 502.
fn post_until(
    done: &AtomicBool,
    answered: &AtomicUsize,
    client: usize,
    connect: impl Fn() -> Client,
) -> (Vec<String>, usize) {
    let token = token(&["ecs:servers:setMetadata"]);
    let (mut accepted, mut failed) = (Vec::new(), 0);
    let mut connection = connect();
    for number in 0.. {
        if done.load(Ordering::Relaxed) {
            break;
        }
        let id = format!("post-{client}-{number}");
        let answer = connection.call(&Call::post(metadata(), id.clone()).bearer(&token));
        match answer.status {
            200 => {
                accepted.push(id);
                answered.fetch_add(1, Ordering::Relaxed);
            }
            502 => failed += 1,
            status => panic!("{status} {answer:?}"),
        }
    }
    (accepted, failed)
}

#[test]
fn no_post_is_seen_twice() {
    let mut upstream = Upstream::start_on(own_ip());
    let address = upstream.address();
    let gateway = Setup::new(&upstream).listen("workers = 2").start();
    let (done, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut seen = Vec::new();
    let results: Vec<(Vec<String>, usize)> = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (done, answered, gateway) = (&done, &answered, &gateway);
                scope.spawn(move || post_until(done, answered, client, || gateway.connect()))
            })
            .collect();
        for restart in 0..=RESTARTS {
            // In the midst of it: every instance has answered some.
            upstream.wait_for_requests(40);
            if restart == RESTARTS {
                done.store(true, Ordering::Relaxed);
                break;
            }
            let stopped = upstream.stop();
            seen.extend(stopped);
            upstream = Upstream::start_at(address);
        }
        clients
            .into_iter()
            .map(|client| client.join().unwrap())
            .collect()
    });
    seen.extend(upstream.requests());
    let mut times: HashMap<String, usize> = HashMap::new();
    for request in &seen {
        // A body that was cut off with the connection has no whole id, but its head came once.
        if request.is_whole {
            let id = String::from_utf8(request.body.clone()).unwrap();
            *times.entry(id).or_default() += 1;
        }
    }
    let doubled: Vec<_> = times.iter().filter(|(_, times)| **times > 1).collect();
    assert!(doubled.is_empty(), "{doubled:?}");
    // By the gateway's own id of a request too, whole or not.
    let ids = seen
        .iter()
        .map(|request| request.headers.get("x-openstack-request-id").unwrap());
    let ids: Vec<&str> = ids.collect();
    let distinct: HashSet<&&str> = ids.iter().collect();
    assert_eq!(distinct.len(), ids.len());
    for id in results.iter().flat_map(|(accepted, _)| accepted) {
        assert_eq!(times.get(id), Some(&1), "{id}");
    }
    let failed: usize = results.iter().map(|(_, failed)| failed).sum();
    let audit = gateway.into_audit();
    assert_eq!(audit.len(), answered.into_inner() + failed);
}
