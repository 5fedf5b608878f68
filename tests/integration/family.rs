//! Issuers whose name has a parameter: a Keystone's domains, each with keys and audiences of its own.

use std::thread;
use std::time::Instant;

use crate::support::{
    Answer, Call, Claims, Client, Gateway, Key, Keystone, PATIENCE, PROJECT, Setup, Signal, Step,
    Upstream, default_key, metadata,
};

fn claims(domain: &str) -> Claims {
    Claims::new(PROJECT, &["*:*:*"])
        .set("iss", Keystone::issuer(domain))
        .set("aud", Keystone::audience(domain))
}

fn call(token: &str) -> Call {
    Call::get(metadata()).bearer(token)
}

fn ask(gateway: &Gateway, token: &str) -> Answer {
    gateway.call(&call(token))
}

fn ask_until(gateway: &Gateway, token: &str, status: u16) -> Answer {
    let started = Instant::now();
    let mut client = gateway.connect();
    loop {
        let answer = client.call(&call(token));
        if answer.status == status {
            return answer;
        }
        assert!(started.elapsed() < PATIENCE, "still {answer:?}");
        thread::yield_now();
    }
}

#[track_caller]
fn refused(answer: &Answer, reason: &str) {
    let status = match reason {
        "keys_unavailable" => 503,
        _ => 401,
    };
    answer.refusal(status, reason, "error");
}

#[test]
fn each_domain_has_its_own_keys_and_audiences() {
    let upstream = Upstream::start();
    let keystone = Keystone::start();
    let (a, b) = (Key::es256("a"), Key::es256("b"));
    keystone.serve("A", &[&a]);
    keystone.serve("B", &[&b]);
    let setup = Setup::new(&upstream).upstream("identity = { issuer = \"X-Issuer\" }");
    let gateway = setup.domains(&keystone, "").start();
    assert_eq!(keystone.fetches(), 0, "nobody has asked yet");
    for _ in 0..2 {
        assert_eq!(ask(&gateway, &claims("A").sign(&a)).status, 200);
        assert_eq!(ask(&gateway, &claims("B").sign(&b)).status, 200);
    }
    let bad = [
        (claims("B").sign(&a), "token_key"),
        (claims("B").sign_as(&a, "b"), "token_signature"),
        (claims("A").sign_as(&b, "a"), "token_signature"),
        (
            claims("B").set("aud", Keystone::audience("A")).sign(&b),
            "token_audience",
        ),
        (
            claims("A").set("iss", Keystone::issuer("B")).sign(&a),
            "token_key",
        ),
        (
            claims("A").set("aud", Keystone::AUDIENCE).sign(&a),
            "token_audience",
        ),
        (
            claims("A").set("iss", Keystone::NAME).sign(&a),
            "token_issuer",
        ),
    ];
    for (token, reason) in &bad {
        refused(&ask(&gateway, token), reason);
    }
    let message = ask(&gateway, &bad[3].0).refusal(401, "token_audience", "error");
    assert_eq!(
        message,
        "The token is not for this service: its `aud` names none of `openstack-apis:B`."
    );
    assert_eq!(keystone.asked(), ["A", "B"]);
    // The upstream and the audit are told which domain's it was.
    let told = upstream.requests();
    let told: Vec<_> = told
        .iter()
        .map(|request| request.headers.get("x-issuer"))
        .collect();
    let issuers = ["A", "B", "A", "B"].map(Keystone::issuer);
    assert_eq!(told, issuers.each_ref().map(|issuer| Some(issuer.as_str())));
    let audit = gateway.into_audit();
    assert_eq!(audit[0]["issuer"], Keystone::issuer("A"));
    assert_eq!(audit[1]["issuer"], Keystone::issuer("B"));
}

#[test]
fn a_domain_that_keystone_does_not_know_is_remembered_for_the_cooldown() {
    let upstream = Upstream::start();
    let keystone = Keystone::start();
    let key = Key::es256("k");
    let token = claims("new").sign(&key);
    let gateway = Setup::new(&upstream).domains(&keystone, "").start();
    for _ in 0..10 {
        let message = ask(&gateway, &token).refusal(401, "token_issuer", "error");
        assert_eq!(
            message,
            "The token's issuer `https://keystone.test/v4/oauth2/new` is not configured."
        );
    }
    keystone.serve("new", &[&key]);
    refused(&ask(&gateway, &token), "token_issuer");
    assert_eq!(keystone.asked(), ["new"]);
    let gateway = Setup::new(&upstream).domains(&keystone, "cooldown = \"10ms\"");
    let gateway = gateway.start();
    keystone.answer_with("new", "404 Not Found", "");
    refused(&ask(&gateway, &token), "token_issuer");
    keystone.serve("new", &[&key]);
    ask_until(&gateway, &token, 200);
}

#[test]
fn a_value_that_is_no_plain_segment_is_asked_nobody_about() {
    let upstream = Upstream::start();
    let keystone = Keystone::start();
    let key = Key::es256("k");
    let gateway = Setup::new(&upstream).domains(&keystone, "").start();
    let (longest, too_long) = ("d".repeat(64), "d".repeat(65));
    let odd = [
        "",
        ".",
        "..",
        "../x",
        "a/b",
        "%2F",
        "a%2Fb",
        "%2e%2e",
        "a.b",
        "a b",
        "a?b",
        "a#b",
        "a:b",
        "a@b",
        "a\\b",
        "ä",
        "a\n",
        "a\r\nX: y",
        "\0",
        "{domain_id}",
        &too_long,
    ];
    for value in odd {
        let answer = ask(&gateway, &claims(value).sign(&key));
        refused(&answer, "token_issuer");
    }
    let others = [
        "https://keystone.test/v4/oauth2",
        "https://keystone.test/v4/oauth2/A/",
        "https://keystone.test/v4/OAUTH2/A",
        "HTTPS://keystone.test/v4/oauth2/A",
        "https://keystone.test.evil/v4/oauth2/A",
        " https://keystone.test/v4/oauth2/A",
    ];
    for name in others {
        let token = claims("A").set("iss", name).sign(&key);
        refused(&ask(&gateway, &token), "token_issuer");
    }
    assert_eq!(keystone.fetches(), 0);
    keystone.serve(&longest, &[&key]);
    assert_eq!(ask(&gateway, &claims(&longest).sign(&key)).status, 200);
}

#[test]
fn invented_domains_cost_few_fetches_and_known_ones_are_served() {
    const CLIENTS: usize = 250;
    const EACH: usize = 4;
    let upstream = Upstream::start();
    let keystone = Keystone::start();
    let key = Key::es256("k");
    keystone.serve("known", &[&key]);
    let gateway = Setup::new(&upstream).domains(&keystone, "").start();
    assert_eq!(ask(&gateway, &claims("known").sign(&key)).status, 200);
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| gateway.connect()).collect();
    let started = Instant::now();
    for (index, client) in clients.iter_mut().enumerate() {
        for number in 0..EACH {
            let token = claims(&format!("x{index}-{number}")).sign(&key);
            client.send(call(&token).bytes());
        }
    }
    for number in 0..50 {
        // Another token each time: none that is remembered.
        let token = claims("known").set("jti", number).sign(&key);
        assert_eq!(ask(&gateway, &token).status, 200);
    }
    let mut busy = 0;
    for client in &mut clients {
        for _ in 0..EACH {
            let answer = client.answer();
            busy += usize::from(answer.status == 503);
            let reason = match answer.status {
                503 => "keys_unavailable",
                _ => "token_issuer",
            };
            refused(&answer, reason);
        }
    }
    assert!(
        busy > CLIENTS,
        "only {busy} of the flood were not waited for"
    );
    // Twenty a second, and the first at once.
    let most = 2 + started.elapsed().as_millis() / 50;
    let fetches = keystone.fetches() as u128;
    assert!(
        fetches <= most,
        "{fetches} fetches, expected at most {most}"
    );
    keystone.serve("new", &[&key]);
    ask_until(&gateway, &claims("new").sign(&key), 200);
}

#[test]
fn a_domains_keys_are_renewed_as_any_others() {
    let upstream = Upstream::start();
    let keystone = Keystone::start();
    let (old, new, other) = (Key::es256("old"), Key::es256("new"), Key::es256("k"));
    keystone.serve("A", &[&old]);
    keystone.serve("B", &[&other]);
    let setup = Setup::new(&upstream).domains(&keystone, "cooldown = \"10ms\"");
    let gateway = setup.start();
    let old_token = claims("A").sign(&old);
    assert_eq!(ask(&gateway, &old_token).status, 200);
    assert_eq!(ask(&gateway, &claims("B").sign(&other)).status, 200);
    keystone.serve("A", &[&new]);
    ask_until(&gateway, &claims("A").sign(&new), 200);
    // Also where the caller is remembered.
    refused(&ask(&gateway, &old_token), "token_key");
    let about_b = keystone
        .asked()
        .iter()
        .filter(|domain| *domain == "B")
        .count();
    assert_eq!(
        about_b, 1,
        "a new key of one is no reason to ask for another's"
    );
}

#[test]
fn keys_that_cannot_be_had_are_503_until_they_can() {
    let upstream = Upstream::start();
    let keystone = Keystone::start();
    let key = Key::es256("k");
    keystone.serve("known", &[&key]);
    let setup = Setup::new(&upstream).domains(&keystone, "cooldown = \"10ms\"");
    let gateway = setup.start();
    let known = claims("known").sign(&key);
    assert_eq!(ask(&gateway, &known).status, 200);
    let bad = [
        ("500 Internal Server Error", "{}"),
        ("401 Unauthorized", "{}"),
        ("302 Found", "{}"),
        ("200 OK", "garbage"),
        ("200 OK", "{\"keys\":[]}"),
    ];
    for (number, (status, body)) in bad.into_iter().enumerate() {
        let domain = format!("d{number}");
        keystone.answer_with(&domain, status, body);
        let token = claims(&domain).sign(&key);
        let answer = ask(&gateway, &token);
        refused(&answer, "keys_unavailable");
        assert_eq!(answer.headers.get("retry-after"), Some("10"), "{status}");
        assert_eq!(ask(&gateway, &known).status, 200);
        keystone.serve(&domain, &[&key]);
        ask_until(&gateway, &token, 200);
    }
}

#[test]
fn who_is_new_waits_for_one_fetch_and_who_is_known_does_not() {
    let upstream = Upstream::start();
    let keystone = Keystone::start();
    let key = Key::es256("k");
    keystone.serve("known", &[&key]);
    keystone.serve("next", &[&key]);
    let go_on = Signal::new();
    keystone.serve_after("slow", Step::Wait(go_on.clone()), &[&key]);
    let setup = Setup::new(&upstream).listen("workers = 2");
    let gateway = setup.domains(&keystone, "").start();
    assert_eq!(ask(&gateway, &claims("known").sign(&key)).status, 200);
    let mut clients: Vec<Client> = (0..50).map(|_| gateway.connect()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(call(&claims("slow").set("jti", number).sign(&key)).bytes());
    }
    keystone.wait_for_fetches(2);
    let mut next = gateway.connect();
    next.send(call(&claims("next").sign(&key)).bytes());
    for number in 0..10 {
        let token = claims("known").set("jti", number).sign(&key);
        assert_eq!(ask(&gateway, &token).status, 200);
    }
    assert_eq!(keystone.asked(), ["known", "slow"], "one at a time");
    go_on.set();
    for client in &mut clients {
        assert_eq!(client.answer().status, 200);
    }
    assert_eq!(next.answer().status, 200);
    assert_eq!(keystone.asked(), ["known", "slow", "next"]);
}

#[test]
fn a_reload_keeps_the_keys_of_what_has_not_changed() {
    let upstream = Upstream::start();
    let keystone = Keystone::start();
    let key = Key::es256("k");
    keystone.serve("A", &[&key]);
    let gateway = Setup::new(&upstream).domains(&keystone, "").start();
    let token = claims("A").sign(&key);
    assert_eq!(ask(&gateway, &token).status, 200);
    let reload = |text: &str| {
        gateway.write_config(text);
        gateway.reload().unwrap();
    };
    // Another audience is no other key.
    reload(&gateway.config().replace("openstack-apis:", "apis:"));
    refused(&ask_until(&gateway, &token, 401), "token_audience");
    let other = claims("A").set("aud", "apis:A").sign(&key);
    assert_eq!(ask(&gateway, &other).status, 200);
    assert_eq!(keystone.fetches(), 1);
    reload(
        &gateway
            .config()
            .replace("keys = ", "refresh = \"1h\"\nkeys = "),
    );
    ask_until(&gateway, &token, 200);
    assert_eq!(keystone.asked(), ["A", "A"]);
}

#[test]
fn a_name_without_a_parameter_is_before_all_that_have_one() {
    let upstream = Upstream::start();
    let keystone = Keystone::start();
    let key = Key::es256("k");
    keystone.serve("A", &[&key]);
    let setup = Setup::new(&upstream).domains(&keystone, "");
    let gateway = setup.file_issuer_of(&Keystone::issuer("A")).start();
    // The issuer of its own has other keys and another audience.
    let token = claims("A").set("aud", "ecs").sign(default_key());
    assert_eq!(ask(&gateway, &token).status, 200);
    refused(&ask(&gateway, &claims("A").sign(&key)), "token_key");
    assert_eq!(keystone.fetches(), 0);
}
