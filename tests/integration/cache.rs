//! Remembered callers: nobody is taken for somebody else, and nobody stays welcome too long.

use std::thread;

use crate::support::{
    Call, Claims, OTHER_PROJECT, PROJECT, Setup, Upstream, default_key, metadata, now, token,
};

const LIST: &str = "ecs:servers:listMetadata";
const SET: &str = "ecs:servers:setMetadata";

#[test]
fn two_callers_never_get_each_others_decision() {
    let upstream = Upstream::start();
    let gateway = Setup::new(&upstream).start();
    let of = |subject: &str, project: &str, actions: &[&str]| {
        let claims = Claims::new(project, actions).set("sub", subject);
        claims.sign(default_key())
    };
    // Who, what GET says to them, what POST says to them.
    let callers = [
        (of("reader", PROJECT, &[LIST]), "reader", 200, 403),
        (of("writer", PROJECT, &[SET]), "writer", 403, 200),
        (of("nobody", PROJECT, &[]), "nobody", 403, 403),
        (
            of("stranger", OTHER_PROJECT, &[LIST, SET]),
            "stranger",
            403,
            403,
        ),
    ];
    let mut client = gateway.connect();
    let mut expected = Vec::new();
    for _ in 0..10 {
        for (token, name, get, post) in &callers {
            let answer = client.call(&Call::get(metadata()).bearer(token));
            assert_eq!(answer.status, *get, "{name} {answer:?}");
            let answer = client.call(&Call::post(metadata(), "{}").bearer(token));
            assert_eq!(answer.status, *post, "{name} {answer:?}");
            expected.extend([*name, *name]);
        }
    }
    assert_eq!(upstream.count(), 20);
    let audit = gateway.into_audit();
    let subjects = audit.iter().map(|line| line["subject"].as_str().unwrap());
    assert_eq!(subjects.collect::<Vec<_>>(), expected);
}

#[test]
fn a_remembered_token_does_not_vouch_for_one_that_looks_like_it() {
    let upstream = Upstream::start();
    let gateway = Setup::new(&upstream).start();
    let mut client = gateway.connect();
    let good = token(&[LIST]);
    let good_call = Call::get(metadata()).bearer(&good);
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (header, _) = signed.split_once('.').unwrap();
    let flipped = match signature.strip_prefix('A') {
        Some(rest) => format!("{signed}.B{rest}"),
        None => format!("{signed}.A{}", &signature[1..]),
    };
    let richer = token(&["*:*:*"]);
    let payload = richer.split('.').nth(1).unwrap();
    let forgeries = [
        flipped,
        format!("{header}.{payload}.{signature}"),
        format!("{signed}."),
        format!("{good}="),
        format!("{good} "),
        good[..good.len() - 1].to_owned(),
    ];
    for forgery in forgeries {
        assert_eq!(client.call(&good_call).status, 200);
        let answer = client.call(&Call::get(metadata()).header(format!("X-Auth-Token: {forgery}")));
        // White space around a header's value is not part of it.
        let expected = if forgery.trim() == good { 200 } else { 401 };
        assert_eq!(answer.status, expected, "{forgery}");
    }
}

#[test]
fn an_expired_token_is_refused_although_it_is_remembered() {
    let upstream = Upstream::start();
    let setup = Setup::new(&upstream);
    let gateway = setup.file_issuer("leeway = \"1s\"").start();
    let mut client = gateway.connect();
    let expires = now() + 1;
    let claims = Claims::new(PROJECT, &[LIST]).set("exp", expires);
    let call = Call::get(metadata()).bearer(&claims.sign(default_key()));
    let mut permitted = 0;
    loop {
        let before = now();
        let answer = client.call(&call);
        let after = now();
        if answer.status == 200 {
            permitted += 1;
            assert!(before < expires + 1, "accepted {} s late", before - expires);
            thread::yield_now();
            continue;
        }
        answer.refusal(401, "token_expired", "error");
        assert!(after > expires, "refused {} s early", expires + 1 - after);
        break;
    }
    assert!(permitted > 1, "it was never remembered");
    assert_eq!(upstream.count(), permitted);
    client.call(&call).refusal(401, "token_expired", "error");
}

#[test]
fn more_callers_than_are_remembered_are_told_apart() {
    let upstream = Upstream::start();
    let gateway = Setup::new(&upstream)
        .more("[token]\ncache = \"2KiB\"\n")
        .start();
    let mut client = gateway.connect();
    let tokens: Vec<String> = (0..20)
        .map(|number| {
            let actions: &[&str] = if number % 2 == 0 { &[LIST] } else { &[] };
            let claims = Claims::new(PROJECT, actions).set("sub", format!("caller-{number}"));
            claims.sign(default_key())
        })
        .collect();
    for _ in 0..3 {
        for (number, token) in tokens.iter().enumerate() {
            let answer = client.call(&Call::get(metadata()).bearer(token));
            let expected = if number % 2 == 0 { 200 } else { 403 };
            assert_eq!(answer.status, expected, "{number}");
        }
    }
    assert_eq!(upstream.count(), 30);
}
