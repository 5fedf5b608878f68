//! Counts allocations, of which a decision about a known caller has none.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic anywhere"
)]

#[path = "bench/caller.rs"]
mod caller;
#[path = "bench/request.rs"]
#[allow(dead_code, reason = "the benchmarks use the rest")]
mod request;
#[path = "bench/signer.rs"]
#[allow(dead_code, reason = "the benchmarks use the rest")]
mod signer;

use actiongate::gateway::PrincipalCache;
use actiongate::router::{RequestPath, Router};
use actiongate::table::{ActionTable, PathTemplate, Segment, Source};
use actiongate::token::{Algorithm, Settings, Token, credential, unix_time};
use allocation_counter::measure;
use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;

use caller::{Form, identify};
use request::{decide, requests};
use signer::Signer;

/// For one token, with what is kept of its caller; its text in the cache comes on top.
const MAX_FRESH: u64 = 45;

fn router() -> Router {
    Router::new(ActionTable::load(&Source::builtin()).unwrap()).unwrap()
}

/// Whether the router may have to come back: a parameter could stand for what the path has instead.
/// It keeps a list then.
fn has_alternative(table: &ActionTable, template: &PathTemplate) -> bool {
    let operations = table.operations().iter();
    let mut others = operations.flat_map(|operation| &operation.routes);
    others.any(|other| {
        let pairs = template.segments().iter().zip(other.template.segments());
        let mut pairs = pairs.skip_while(|(own, other)| is_alike(own, other));
        matches!(
            pairs.next(),
            Some((Segment::Literal(_), Segment::Parameter(_)))
        )
    })
}

fn is_alike(one: &Segment, other: &Segment) -> bool {
    match (one, other) {
        (Segment::Literal(one), Segment::Literal(other)) => one == other,
        (Segment::Parameter(_), Segment::Parameter(_)) => true,
        _ => false,
    }
}

#[test]
fn a_decision_about_a_known_caller_allocates_nothing() {
    let signer = Signer::new(Algorithm::ES256);
    let text = Form::Jwt.token(&signer);
    let rules = Form::Jwt.rules(&signer, router());
    let (router, table) = (rules.router(), rules.router().table());
    let callers = PrincipalCache::new(Settings::default().cache);
    callers.remember(Token::new(&text), identify(&rules, &text));
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, format!("Bearer {text}").parse().unwrap());
    let now = unix_time();

    let (mut without, mut with_list) = (0, 0);
    for request in requests(table) {
        let path = RequestPath::parse(&request.uri).unwrap();
        let candidates = router.resolve(&request.method, &path).unwrap();
        let template = candidates.template().unwrap();
        let most = match has_alternative(table, template) {
            true => {
                with_list += 1;
                1
            }
            false => {
                without += 1;
                0
            }
        };
        let counted = measure(|| {
            let token = credential(&headers).unwrap();
            let identity = callers.find(token, now).unwrap();
            decide(router, &identity.principal, &request);
        });
        assert!(
            counted.count_total <= most,
            "{} {template}: {counted:?}",
            request.method
        );
    }
    assert!(without > 4 * with_list, "{without} and {with_list}");
}

#[test]
fn a_token_that_was_not_seen_before_takes_few() {
    for (form, algorithm) in [
        (Form::Jwt, Algorithm::RS256),
        (Form::Jwt, Algorithm::ES256),
        (Form::Keystone, Algorithm::ES256),
    ] {
        let signer = Signer::new(algorithm);
        let text = form.token(&signer);
        let rules = form.rules(&signer, router());
        let counted = measure(|| drop(identify(&rules, &text)));
        assert!(counted.count_total <= MAX_FRESH, "{algorithm}: {counted:?}");
    }
}
