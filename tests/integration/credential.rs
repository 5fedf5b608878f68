//! Which credential and which identity the upstream is sent.

use std::thread;
use std::time::Instant;

use crate::support::{
    Call, Claims, Gateway, ISSUER, PATIENCE, PROJECT, Setup, Step, Upstream, answer, default_key,
    metadata, token,
};

const PUBLIC: &str =
    "[[operation]]\npermission = 'versions'\nroutes = ['GET /v9']\naccess = 'public'\n";

fn get() -> Call {
    Call::get(metadata()).bearer(&token(&["*:*:*"]))
}

#[test]
fn the_callers_token_is_forwarded_or_not() {
    for (line, is_forwarded) in [
        ("", true),
        ("credential = \"forward\"", true),
        ("credential = \"strip\"", false),
    ] {
        let upstream = Upstream::start();
        let gateway = Setup::new(&upstream).upstream(line).start();
        assert_eq!(gateway.call(&get()).status, 200);
        let other = Call::get(metadata()).header(format!("X-Auth-Token: {}", token(&["*:*:*"])));
        assert_eq!(gateway.call(&other).status, 200);
        let seen = upstream.requests();
        assert_eq!(seen[0].headers.has("authorization"), is_forwarded, "{line}");
        assert_eq!(seen[1].headers.has("x-auth-token"), is_forwarded, "{line}");
    }
}

#[test]
fn a_refusal_of_the_gateways_own_token_is_not_the_callers() {
    let own = "credential = { header = \"X-Auth-Token\", file = \"token\" }";
    for (line, status) in [("", 401), ("credential = \"strip\"", 401), (own, 502)] {
        let upstream = Upstream::start();
        let setup = Setup::new(&upstream).file("token", "expired");
        let gateway = setup.upstream(line).start();
        let challenge = "WWW-Authenticate: Keystone uri=\"http://keystone.test\"";
        let unauthorized = answer("401 Unauthorized", &[challenge], "{}");
        upstream.next(vec![Step::Read, unauthorized]);
        let answer = gateway.call(&get());
        assert_eq!(answer.status, status, "{line}");
        assert_eq!(answer.headers.has("www-authenticate"), status == 401);
        if status == 502 {
            answer.refusal(502, "upstream_credential", "badGateway");
        }
        assert_eq!(gateway.call(&get()).status, 200);
    }
}

#[test]
fn the_gateways_own_token_takes_the_place_of_the_callers() {
    let upstream = Upstream::start();
    let gateway = Setup::new(&upstream)
        .file("token", " first \n")
        .upstream("credential = { header = \"X-Auth-Token\", file = \"token\" }")
        .start();
    assert_eq!(gateway.call(&get()).status, 200);
    let seen = upstream.only();
    assert_eq!(seen.headers.get("x-auth-token"), Some("first"));
    assert!(!seen.headers.has("authorization"));
    let sent = || {
        assert_eq!(gateway.call(&get()).status, 200);
        let last = upstream.requests().pop().unwrap();
        last.headers.get("x-auth-token").map(str::to_owned)
    };
    // One that is none does not take the place of a good one.
    gateway.replace_file("token", "\n");
    assert_eq!(sent().as_deref(), Some("first"));
    gateway.replace_file("token", "second");
    let started = Instant::now();
    while sent().as_deref() != Some("second") {
        assert!(started.elapsed() < PATIENCE, "it is never read again");
        thread::yield_now();
    }
}

fn naming(upstream: &Upstream) -> Gateway {
    let names = "subject = \"X-User-Id\"\nproject = \"X-Who-Project\"\nissuer = \"X-Issuer\"";
    Setup::new(upstream)
        .table(PUBLIC)
        .upstream(&format!("[upstream.identity]\n{names}"))
        .start()
}

#[test]
fn the_upstream_is_told_who_is_calling() {
    let upstream = Upstream::start();
    let gateway = naming(&upstream);
    let claims = Claims::new(PROJECT, &["*:*:*"]).set("sub", "alice");
    let call = Call::get(metadata())
        .bearer(&claims.sign(default_key()))
        .header("X-User-Id: mallory")
        .header("X-Who-Project: hers")
        .header("X-Issuer: her own");
    assert_eq!(gateway.call(&call).status, 200);
    let seen = upstream.only();
    assert_eq!(seen.headers.all("x-user-id"), ["alice"]);
    assert_eq!(seen.headers.all("x-who-project"), [PROJECT]);
    assert_eq!(seen.headers.all("x-issuer"), [ISSUER]);
}

#[test]
fn of_a_caller_who_is_not_known_nothing_is_said() {
    let upstream = Upstream::start();
    let gateway = naming(&upstream);
    let call = Call::get("/v9")
        .header("X-User-Id: mallory")
        .header("X-Issuer: her own");
    assert_eq!(gateway.call(&call).status, 200);
    let seen = upstream.only();
    assert!(!seen.headers.has("x-user-id") && !seen.headers.has("x-issuer"));
}

#[test]
fn a_caller_who_cannot_be_named_is_refused() {
    let upstream = Upstream::start();
    let gateway = naming(&upstream);
    for subject in ["al\nice", "älice", "", " alice"] {
        let claims = Claims::new(PROJECT, &["*:*:*"]).set("sub", subject);
        let call = Call::get(metadata()).bearer(&claims.sign(default_key()));
        let answer = gateway.call(&call);
        assert_eq!(answer.status, 403, "{subject:?} {answer:?}");
        let message = answer.refusal(403, "identity_unnameable", "forbidden");
        assert!(
            message.starts_with("The token's subject cannot"),
            "{message}"
        );
    }
    assert_eq!(upstream.count(), 0);
}
