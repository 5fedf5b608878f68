//! An issuer's keys: fetched, renewed, kept, and never another issuer's.

use std::thread;
use std::time::{Duration, Instant};

use crate::support::{
    Answer, Call, Claims, Client, Gateway, ISSUER, Issuer, Key, PATIENCE, PROJECT, Setup, Signal,
    Step, Upstream, metadata,
};

fn claims() -> Claims {
    Claims::new(PROJECT, &["*:*:*"])
}

fn ask(gateway: &Gateway, token: &str) -> Answer {
    gateway.call(&Call::get(metadata()).bearer(token))
}

/// Asks again and again until the answer is `status`; for what happens on its own in time.
fn ask_until(gateway: &Gateway, token: &str, status: u16) -> Answer {
    let started = Instant::now();
    let mut client = gateway.connect();
    let call = Call::get(metadata()).bearer(token);
    loop {
        let answer = client.call(&call);
        if answer.status == status {
            return answer;
        }
        assert!(started.elapsed() < PATIENCE, "still {answer:?}");
        thread::yield_now();
    }
}

fn unknown_key(answer: &Answer, kid: &str) {
    let message = answer.refusal(401, "token_key", "error");
    assert_eq!(
        message,
        format!("The token's key `{kid}` is not one of its issuer's keys.")
    );
}

#[test]
fn keys_come_from_the_issuer() {
    let upstream = Upstream::start();
    let (ec, rsa) = (Key::es256("ec"), Key::rs256("rsa"));
    let issuer = Issuer::start(&[&ec, &rsa]);
    let gateway = Setup::new(&upstream).issuer(&issuer, "").start();
    for key in [&ec, &rsa] {
        assert_eq!(ask(&gateway, &claims().sign(key)).status, 200);
    }
    let answer = ask(&gateway, &claims().sign(&Key::es256("ec")));
    answer.refusal(401, "token_signature", "error");
    assert_eq!(issuer.fetches(), 1);
    assert_eq!(upstream.count(), 2);
}

#[test]
fn a_new_key_is_fetched_once_when_it_is_first_used() {
    let upstream = Upstream::start();
    let (old, new) = (Key::es256("old"), Key::es256("new"));
    let issuer = Issuer::start(&[&old]);
    let setup = Setup::new(&upstream);
    let gateway = setup.issuer(&issuer, "cooldown = \"10ms\"").start();
    let (old_token, new_token) = (claims().sign(&old), claims().sign(&new));
    assert_eq!(ask(&gateway, &old_token).status, 200);
    issuer.serve(&[&old, &new]);
    // At first the last fetch may have been too short a time ago.
    ask_until(&gateway, &new_token, 200);
    assert_eq!(issuer.fetches(), 2);
    assert_eq!(ask(&gateway, &old_token).status, 200);
    // A key that is withdrawn is not accepted once the set without it is here.
    issuer.serve(&[&new]);
    ask_until_fetched(&gateway, &issuer, 3);
    unknown_key(&ask(&gateway, &old_token), "old");
    assert_eq!(ask(&gateway, &new_token).status, 200);
}

/// Uses unknown keys until the issuer was asked `count` times in all.
fn ask_until_fetched(gateway: &Gateway, issuer: &Issuer, count: usize) {
    let token = claims().sign(&Key::es256("unknown"));
    let started = Instant::now();
    while issuer.fetches() < count {
        unknown_key(&ask(gateway, &token), "unknown");
        assert!(started.elapsed() < PATIENCE);
    }
}

#[test]
fn unknown_keys_cause_no_fetch_within_the_cooldown() {
    let upstream = Upstream::start();
    let key = Key::es256("k");
    let issuer = Issuer::start(&[&key]);
    let gateway = Setup::new(&upstream).issuer(&issuer, "").start();
    let mut client = gateway.connect();
    let started = Instant::now();
    for number in 0..100 {
        let kid = format!("unknown-{number}");
        let token = claims().sign_as(&key, &kid);
        let answer = client.call(&Call::get(metadata()).bearer(&token));
        unknown_key(&answer, &kid);
        // Nothing is waited for that does not come.
        assert!(started.elapsed() < PATIENCE);
    }
    assert_eq!(issuer.fetches(), 1, "the one at the start");
    assert_eq!(upstream.count(), 0);
}

#[test]
fn unknown_keys_cause_one_fetch_for_each_cooldown() {
    const COOLDOWN: Duration = Duration::from_millis(400);
    let upstream = Upstream::start();
    let key = Key::es256("k");
    let issuer = Issuer::start(&[&key]);
    let started = Instant::now();
    let setup = Setup::new(&upstream).listen("workers = 2");
    let gateway = setup.issuer(&issuer, "cooldown = \"400ms\"").start();
    thread::scope(|scope| {
        for thread in 0..4 {
            let (gateway, issuer, key) = (&gateway, &issuer, &key);
            scope.spawn(move || {
                let mut client = gateway.connect();
                for number in 0.. {
                    let kid = format!("unknown-{thread}-{number}");
                    let token = claims().sign_as(key, &kid);
                    unknown_key(&client.call(&Call::get(metadata()).bearer(&token)), &kid);
                    if number >= 100 && issuer.fetches() >= 3 {
                        break;
                    }
                }
            });
        }
    });
    let cooldowns = started.elapsed().as_millis() / COOLDOWN.as_millis();
    let fetches = issuer.fetches() as u128;
    assert!(
        fetches <= 1 + cooldowns,
        "{fetches} in {cooldowns} cooldowns"
    );
}

#[test]
fn requests_wait_for_the_one_fetch_that_is_under_way() {
    let upstream = Upstream::start();
    let (old, new) = (Key::es256("old"), Key::es256("new"));
    let issuer = Issuer::start(&[&old]);
    // The fetch after the one at the start hangs until it is told to go on.
    let go_on = Signal::new();
    issuer.next(Issuer::script(&[&old]));
    let mut script = Issuer::script(&[&old, &new]);
    script.insert(1, Step::Wait(go_on.clone()));
    issuer.next(script);
    let setup = Setup::new(&upstream).listen("workers = 2");
    let gateway = setup.issuer(&issuer, "refresh = \"200ms\"").start();
    issuer.wait_for_fetches(2);
    let call = Call::get(metadata()).bearer(&claims().sign(&new));
    let mut clients: Vec<Client> = (0..100).map(|_| gateway.connect()).collect();
    for client in &mut clients {
        client.send(call.bytes());
    }
    // Callers whose keys are known do not wait.
    assert_eq!(ask(&gateway, &claims().sign(&old)).status, 200);
    assert_eq!(issuer.fetches(), 2);
    issuer.serve(&[&old, &new]);
    go_on.set();
    for client in &mut clients {
        assert_eq!(client.answer().status, 200);
    }
}

#[test]
fn keys_are_looked_at_again_in_time() {
    let upstream = Upstream::start();
    let (old, new) = (Key::es256("old"), Key::es256("new"));
    let issuer = Issuer::start(&[&old]);
    let setup = Setup::new(&upstream);
    let gateway = setup.issuer(&issuer, "refresh = \"20ms\"").start();
    let old_token = claims().sign(&old);
    assert_eq!(ask(&gateway, &old_token).status, 200);
    issuer.serve(&[&new]);
    // Also for callers that are remembered; no request has to ask for it.
    ask_until(&gateway, &old_token, 401);
    assert_eq!(ask(&gateway, &claims().sign(&new)).status, 200);
    let before = issuer.fetches();
    issuer.wait_for_fetches(before + 2);
}

#[test]
fn an_issuer_that_is_down_at_the_start_is_503_until_it_is_up() {
    let upstream = Upstream::start();
    let key = Key::es256("k");
    let issuer = Issuer::start(&[&key]);
    issuer.answer_with("500 Internal Server Error", "{}");
    let setup = Setup::new(&upstream);
    let gateway = setup.issuer(&issuer, "cooldown = \"10ms\"").start();
    let token = claims().sign(&key);
    let answer = ask(&gateway, &token);
    let message = answer.refusal(503, "keys_unavailable", "error");
    assert_eq!(message, "The keys of the token's issuer are not available.");
    assert_eq!(answer.headers.get("retry-after"), Some("10"));
    assert!(!answer.headers.has("www-authenticate"));
    assert_eq!(upstream.count(), 0);
    issuer.serve(&[&key]);
    ask_until(&gateway, &token, 200);
}

#[test]
fn the_last_good_set_is_kept() {
    let upstream = Upstream::start();
    let (key, other) = (Key::es256("k"), Key::es256("other"));
    let issuer = Issuer::start(&[&key]);
    let setup = Setup::new(&upstream);
    let gateway = setup.issuer(&issuer, "refresh = \"10ms\"\ncooldown = \"10ms\"");
    let gateway = gateway.start();
    let (token, other_token) = (claims().sign(&key), claims().sign(&other));
    let large = format!("{{\"keys\":[],\"pad\":\"{}\"}}", "x".repeat(600 * 1024));
    let bad = [
        ("500 Internal Server Error", Key::set(&[&other])),
        ("302 Found", Key::set(&[&other])),
        ("200 OK", "garbage".to_owned()),
        ("200 OK", "{\"keys\":[]}".to_owned()),
        ("200 OK", "{\"keys\":[],\"keys\":[]}".to_owned()),
        ("200 OK", large),
    ];
    for (status, body) in bad {
        issuer.answer_with(status, &body);
        // One may have been on its way with the old answer.
        let before = issuer.fetches();
        issuer.wait_for_fetches(before + 3);
        assert_eq!(ask(&gateway, &token).status, 200, "{status} {body:.30}");
        unknown_key(&ask(&gateway, &other_token), "other");
    }
    issuer.serve(&[&other]);
    ask_until(&gateway, &other_token, 200);
    unknown_key(&ask(&gateway, &token), "k");
}

#[test]
fn the_last_good_set_is_not_kept_for_ever() {
    let upstream = Upstream::start();
    let key = Key::es256("k");
    let issuer = Issuer::start(&[&key]);
    let token = claims().sign(&key);
    let more = "refresh = \"10ms\"\ncooldown = \"10ms\"\nmax_age = \"50ms\"";
    let gateway = Setup::new(&upstream).issuer(&issuer, more).start();
    assert_eq!(ask(&gateway, &token).status, 200);
    issuer.answer_with("500 Internal Server Error", "");
    let answer = ask_until(&gateway, &token, 503);
    answer.refusal(503, "keys_unavailable", "error");
    issuer.serve(&[&key]);
    ask_until(&gateway, &token, 200);
}

#[test]
fn one_bad_key_does_not_take_the_others_with_it() {
    let upstream = Upstream::start();
    let key = Key::es256("k");
    let issuer = Issuer::start(&[&key]);
    let set = Key::set(&[&key]).replace("[{", "[{\"kty\":\"oct\",\"k\":\"x\"},5,{");
    issuer.answer_with("200 OK", &set);
    let gateway = Setup::new(&upstream).issuer(&issuer, "").start();
    assert_eq!(ask(&gateway, &claims().sign(&key)).status, 200);
}

#[test]
fn issuers_with_equal_key_names_do_not_mix() {
    const OTHER: &str = "https://other.test";
    let upstream = Upstream::start();
    let (ours, theirs) = (Key::es256("k1"), Key::es256("k1"));
    let (first, second) = (Issuer::start(&[&ours]), Issuer::start(&[&theirs]));
    let setup = Setup::new(&upstream).named_issuer(ISSUER, &first, "");
    let gateway = setup.named_issuer(OTHER, &second, "").start();
    let of = |issuer: &str, key: &Key| claims().set("iss", issuer).sign(key);
    for (issuer, good, bad) in [(ISSUER, &ours, &theirs), (OTHER, &theirs, &ours)] {
        assert_eq!(ask(&gateway, &of(issuer, good)).status, 200);
        let answer = ask(&gateway, &of(issuer, bad));
        answer.refusal(401, "token_signature", "error");
        // The right issuer's token is still remembered as its own.
        assert_eq!(ask(&gateway, &of(issuer, good)).status, 200);
    }
    let audit = gateway.into_audit();
    let issuers: Vec<_> = audit.iter().map(|line| line["issuer"].as_str()).collect();
    assert_eq!(
        issuers,
        [
            Some(ISSUER),
            None,
            Some(ISSUER),
            Some(OTHER),
            None,
            Some(OTHER)
        ]
    );
}

#[test]
fn an_issuer_that_is_down_does_not_take_the_other_with_it() {
    const OTHER: &str = "https://other.test";
    let upstream = Upstream::start();
    let (ours, theirs) = (Key::es256("k1"), Key::es256("k1"));
    let (first, second) = (Issuer::start(&[&ours]), Issuer::start(&[&theirs]));
    first.answer_with("500 Internal Server Error", "");
    let setup = Setup::new(&upstream).named_issuer(ISSUER, &first, "");
    let gateway = setup.named_issuer(OTHER, &second, "").start();
    let theirs = claims().set("iss", OTHER).sign(&theirs);
    assert_eq!(ask(&gateway, &theirs).status, 200);
    assert_eq!(ask(&gateway, &claims().sign(&ours)).status, 503);
}

#[test]
fn an_issuer_that_hangs_does_not_keep_the_gateway_from_starting() {
    let upstream = Upstream::start();
    let key = Key::es256("k");
    let issuer = Issuer::start(&[&key]);
    let go_on = Signal::new();
    issuer.next(vec![Step::Read, Step::Wait(go_on.clone()), Step::Close]);
    let setup = Setup::new(&upstream);
    let started = Instant::now();
    let gateway = setup.issuer(&issuer, "cooldown = \"10ms\"").start();
    let took = started.elapsed();
    go_on.set();
    ask_until(&gateway, &claims().sign(&key), 200);
    // Before the 5 s after which a fetch is given up.
    assert!(took < Duration::from_secs(4), "the start took {took:?}");
}
