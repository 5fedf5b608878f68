//! An authorization server that is asked about tokens (RFC 7662).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{ask, ask_until, call};
use crate::support::{
    AUDIENCE, Answer, Claims, Gateway, ISSUER, Key, PROJECT, Seen, Setup, Signal, Step, Upstream,
    answer, now,
};

const SECRET: &str = "se+cr=t &%ü";
const CLIENT: &str = "[issuer.client]\nid = \"gate way:1\"\nsecret_file = \"secret\"\n";
const BEARER: &str = "[issuer.client]\nbearer_file = \"secret\"\n";

struct World {
    server: Upstream,
    upstream: Upstream,
    gateway: Gateway,
}

fn says(body: &Value) -> Vec<Step> {
    answers("200 OK", &body.to_string())
}

fn answers(status: &str, body: &str) -> Vec<Step> {
    let headers = ["Content-Type: application/json", "Location: /elsewhere"];
    vec![Step::Read, answer(status, &headers, body)]
}

/// What a good token's answer says.
fn active() -> Value {
    json!({"active": true, "sub": "alice", "project_id": PROJECT, "actions": ["*:*:*"],
        "iss": ISSUER, "aud": AUDIENCE, "iat": now(), "exp": now() + 3600})
}

fn but(name: &str, value: impl Into<Value>) -> Value {
    let mut body = active();
    body[name] = value.into();
    body
}

fn without(name: &str) -> Value {
    let mut body = active();
    body.as_object_mut().unwrap().remove(name);
    body
}

impl World {
    fn start(more: &str, client: &str) -> Self {
        let (server, upstream) = (Upstream::start(), Upstream::start());
        let issuer = format!(
            "[[issuer]]\nkind = \"introspection\"\nname = \"{ISSUER}\"\nendpoints = [\"http://{}/introspect\"]\n\
             {more}\n{client}[issuer.claims]\nproject = \"/project_id\"\nactions = \"/actions\"\n",
            server.address()
        );
        let setup = Setup::new(&upstream).issuer_of(&issuer);
        let secret = if client == BEARER {
            "own-token"
        } else {
            SECRET
        };
        let gateway = setup.file("secret", secret).start();
        server.always(says(&active()));
        Self {
            server,
            upstream,
            gateway,
        }
    }

    fn ask(&self, token: &str) -> Answer {
        ask(&self.gateway, token)
    }

    /// The message of a refusal, of which the upstream has seen nothing.
    fn refuses(&self, token: &str, status: u16, reason: &str) -> String {
        let before = self.upstream.count();
        let answer = self.ask(token);
        assert_eq!(self.upstream.count(), before);
        answer.refusal(status, reason, "error")
    }

    fn question(&self) -> Seen {
        self.server.requests().pop().unwrap()
    }
}

#[test]
fn a_token_is_asked_about_once() {
    let world = World::start("", CLIENT);
    for _ in 0..100 {
        assert_eq!(world.ask("a+b/c==&token=x%20").status, 200);
    }
    let question = world.server.only();
    assert_eq!(question.line, "POST /introspect HTTP/1.1");
    let form = "application/x-www-form-urlencoded";
    assert_eq!(question.headers.get("content-type"), Some(form));
    assert_eq!(
        String::from_utf8(question.body).unwrap(),
        "token=a%2Bb%2Fc%3D%3D%26token%3Dx%2520&token_type_hint=access_token"
    );
    let pair = STANDARD.encode("gate+way%3A1:se%2Bcr%3Dt+%26%25%C3%BC");
    let basic = format!("Basic {pair}");
    assert_eq!(question.headers.get("authorization"), Some(basic.as_str()));
    let audit = world.gateway.into_audit();
    let caller = (&audit[0]["issuer"], &audit[0]["subject"]);
    assert_eq!(caller, (&json!(ISSUER), &json!("alice")));
}

#[test]
fn the_gateway_may_be_known_by_a_bearer_token() {
    let world = World::start("cache = \"1ms\"", BEARER);
    assert_eq!(world.ask("alice").status, 200);
    let field = |seen: Seen| seen.headers.get("authorization").map(str::to_owned);
    assert_eq!(field(world.question()).as_deref(), Some("Bearer own-token"));
    world.gateway.replace_file("secret", "rotated\n");
    assert_eq!(world.ask("other").status, 200);
    assert_eq!(field(world.question()).as_deref(), Some("Bearer rotated"));
}

#[test]
fn what_the_answer_says_counts() {
    let world = World::start("audiences = [\"ecs\"]", CLIENT);
    let hash = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";
    let rows = [
        (json!({"active": false}), 401, "token_not_active"),
        // Whatever else it says.
        (but("active", false), 401, "token_not_active"),
        (but("exp", now() - 1), 401, "token_expired"),
        (but("exp", "soon"), 401, "token_claim"),
        (but("nbf", now() + 3600), 401, "token_not_yet_valid"),
        (but("iat", now() + 3600), 401, "token_not_yet_valid"),
        (but("iss", "https://other.test"), 401, "token_issuer"),
        (but("iss", json!([ISSUER])), 401, "token_claim"),
        (but("aud", "other"), 401, "token_audience"),
        (without("aud"), 401, "token_claim"),
        (
            but("cnf", json!({"x5t#S256": hash})),
            401,
            "token_certificate",
        ),
        (but("cnf", json!({"jkt": hash})), 401, "token_confirmation"),
        (but("project_id", 5), 401, "claims_invalid"),
        (but("active", "true"), 503, "issuer_unavailable"),
        (but("active", 1), 503, "issuer_unavailable"),
        (without("active"), 503, "issuer_unavailable"),
    ];
    for (number, (body, status, reason)) in rows.into_iter().enumerate() {
        world.server.always(says(&body));
        let answer = world.ask(&format!("t{number}"));
        assert_eq!((answer.status, answer.reason()), (status, reason), "{body}");
    }
    assert_eq!(world.upstream.count(), 0);
    let good = [
        active(),
        without("iss"),
        without("iat"),
        without("exp"),
        but("aud", json!(["other", AUDIENCE])),
        but("nbf", now()),
    ];
    for (number, body) in good.into_iter().enumerate() {
        world.server.always(says(&body));
        assert_eq!(world.ask(&format!("good{number}")).status, 200, "{body}");
    }
    world.server.always(says(&but("project_id", "p")));
    let answer = world.ask("elsewhere");
    answer.refusal(403, "project_mismatch", "forbidden");
}

#[test]
fn no_trouble_is_an_answer() {
    let world = World::start("timeout = \"300ms\"", CLIENT);
    let broken = "it does not answer as it should";
    let refused = "it does not let the gateway ask";
    let go_on = Signal::new();
    let good = active().to_string();
    let cases: Vec<(&str, Vec<Step>)> = vec![
        (refused, answers("401 Unauthorized", &good)),
        (refused, answers("403 Forbidden", &good)),
        (broken, answers("302 Found", &good)),
        (broken, answers("307 Temporary Redirect", &good)),
        (broken, answers("404 Not Found", &good)),
        (broken, answers("500 Internal Server Error", &good)),
        (broken, answers("201 Created", &good)),
        (broken, answers("200 OK", "")),
        (broken, answers("200 OK", "true")),
        (
            broken,
            answers("200 OK", &good.replacen('{', "{\"active\":false,", 1)),
        ),
        ("it cannot be reached", vec![Step::Close]),
        (
            "it does not answer in time",
            vec![Step::Wait(go_on.clone()), Step::Close],
        ),
    ];
    for (cause, steps) in cases {
        world.server.always(steps);
        let message = world.refuses("alice", 503, "issuer_unavailable");
        let expected = format!("The issuer of the token cannot be asked about it: {cause}.");
        assert_eq!(message, expected);
        // It is well before it would be spared.
        world.server.always(says(&json!({"active": false})));
        let number = world.server.count();
        ask_until(&world.gateway, &format!("t{number}"), 401);
    }
    go_on.set();
    world.server.always(says(&active()));
    assert_eq!(world.ask("alice").status, 200);
}

#[test]
fn one_that_tells_nothing_is_not_remembered_for_long() {
    let world = World::start("refusal_cache = \"300ms\"\ncache = \"1s\"", CLIENT);
    world.server.always(says(&json!({"active": false})));
    for _ in 0..10 {
        world.refuses("alice", 401, "token_not_active");
    }
    assert!(world.server.count() < 5);
    // Without an end of its own, an answer is good for its time.
    world.server.always(says(&without("exp")));
    ask_until(&world.gateway, "alice", 200);
    world.server.always(says(&json!({"active": false})));
    let answer = ask_until(&world.gateway, "alice", 401);
    assert_eq!(answer.reason(), "token_not_active");
}

#[test]
fn a_jwt_that_names_it_is_asked_about() {
    let world = World::start("opaque = false", CLIENT);
    let key = Key::es256("k");
    let claims = Claims::new(PROJECT, &["*:*:*"]);
    assert_eq!(world.ask(&claims.sign(&key)).status, 200);
    assert_eq!(world.server.count(), 1);
    let foreign = claims.set("iss", "https://other.test").sign(&key);
    world.refuses(&foreign, 401, "token_issuer");
    world.refuses("opaque", 401, "token_malformed");
    assert_eq!(world.server.count(), 1);
}

#[test]
fn two_who_ask_at_once_share_the_question() {
    let world = World::start("", CLIENT);
    let go_on = Signal::new();
    let mut held = says(&active());
    held.insert(1, Step::Wait(go_on.clone()));
    world.server.always(held);
    let mut clients: Vec<_> = (0..20).map(|_| world.gateway.connect()).collect();
    for client in &mut clients {
        client.send(call("alice").bytes());
    }
    world.server.wait_for_requests(1);
    go_on.set();
    for client in &mut clients {
        assert_eq!(client.answer().status, 200);
    }
    assert_eq!(world.server.count(), 1);
}
