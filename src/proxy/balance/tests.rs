use std::collections::BTreeSet;
use std::time::Duration;

use tokio::task::LocalSet;

use super::*;
use crate::proxy::settings::{Location, Security, Settings};

/// A balance over so many endpoints, inside of what its pools need.
fn with_balance(count: u16, max_pending: usize, test: impl FnOnce(&Balance)) {
    let location = |index| Location::Host {
        host: "127.0.0.1".to_owned(),
        port: 1000 + index,
        security: Security::Plain,
    };
    let mut settings = Settings::new((0..count).map(location).collect());
    settings.max_pending = max_pending;
    settings.eject_after = 1;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    LocalSet::new().block_on(&runtime.unwrap(), async move {
        test(&Balance::new(Upstream::new(&settings).unwrap()));
    });
}

fn port(attempt: &Attempt) -> u16 {
    attempt.place.endpoint.address.port() - 1000
}

fn ports(balance: &Balance, now: Instant, avoid: Option<&Place>) -> BTreeSet<u16> {
    (0..200)
        .map(|_| port(&balance.choose(now, avoid).unwrap()))
        .collect()
}

#[test]
fn none_is_left_out_and_requests_spread() {
    with_balance(5, 100, |balance| {
        let now = Instant::now();
        assert_eq!(ports(balance, now, None).len(), 5);
        let attempts: Vec<Attempt> = (0..50)
            .map(|_| balance.choose(now, None).unwrap())
            .collect();
        for attempt in &attempts {
            let pending = attempt.place.endpoint.pending();
            assert!((5..=15).contains(&pending), "{pending}");
        }
    });
}

#[test]
fn one_to_avoid_is_avoided_while_there_is_another() {
    with_balance(3, 100, |balance| {
        let now = Instant::now();
        let bad = balance.choose(now, None).unwrap();
        let bad = Rc::clone(&bad.place);
        let others = ports(balance, now, Some(&bad));
        assert_eq!(others.len(), 2);
        assert!(!others.contains(&(bad.endpoint.address.port() - 1000)));
    });
    with_balance(1, 100, |balance| {
        let now = Instant::now();
        let only = balance.choose(now, None).unwrap();
        let only = Rc::clone(&only.place);
        assert_eq!(ports(balance, now, Some(&only)).len(), 1);
    });
}

#[test]
fn an_ejected_one_is_left_out_until_its_trial() {
    with_balance(2, 100, |balance| {
        let now = Instant::now();
        let ejection = balance.upstream.ejection();
        let bad = balance.choose(now, None).unwrap();
        bad.place.endpoint.failed(now, ejection);
        let (bad_port, good) = (port(&bad), 1 - port(&bad));
        assert_eq!(ports(balance, now, None), BTreeSet::from([good]));
        // Even when the good one has just failed.
        let other = Rc::clone(&balance.choose(now, None).unwrap().place);
        assert_eq!(ports(balance, now, Some(&other)), BTreeSet::from([good]));
        let later = now + ejection.time + Duration::from_secs(1);
        let trial = balance.choose(later, None).unwrap();
        assert_eq!(port(&trial), bad_port);
        assert_eq!(ports(balance, later, None), BTreeSet::from([good]));
        drop((trial, bad));
        // Both out: both are tried.
        other.endpoint.failed(now, ejection);
        assert_eq!(ports(balance, now, None).len(), 2);
    });
}

#[test]
fn no_endpoint_takes_more_than_it_may() {
    with_balance(3, 2, |balance| {
        let now = Instant::now();
        let mut attempts: Vec<Attempt> = Vec::new();
        for _ in 0..6 {
            attempts.push(balance.choose(now, None).unwrap());
        }
        assert_eq!(balance.choose(now, None).unwrap_err(), NoPlace::Busy);
        attempts.pop();
        assert!(balance.choose(now, None).is_ok());
    });
    with_balance(0, 2, |balance| {
        let none = balance.choose(Instant::now(), None).unwrap_err();
        assert_eq!(none, NoPlace::Unavailable);
    });
}
