//! What a refused client is told: status, reason, body and headers.

use crate::support::{
    Call, Claims, Gateway, Key, OTHER_PROJECT, PROJECT, Refusing, Upstream, default_key, metadata,
    metadata_key, now, token,
};

const LIST: &str = "ecs:servers:listMetadata";

#[test]
fn tokens_come_in_one_of_two_headers() {
    let world = Refusing::start();
    let token = token(&[LIST]);
    let list = || Call::get(metadata());
    let bearer = |token: &str| format!("Authorization: Bearer {token}");
    let plain = |token: &str| format!("X-Auth-Token: {token}");
    let other = Claims::new(OTHER_PROJECT, &[LIST]).sign(default_key());
    let twice = "More than one token was sent, expected exactly one `Authorization` or `X-Auth-Token` header.";
    let scheme = "The `Authorization` header is not of the form `Bearer TOKEN`.";
    let dots = "The token is not a signed JWT: it has no dots.";
    let cases = [
        (
            vec!["Authorization: Basic dTpw".to_owned()],
            "token_scheme",
            scheme,
        ),
        (
            vec!["Authorization: Bearer".to_owned()],
            "token_scheme",
            scheme,
        ),
        (vec![bearer("nonsense")], "token_malformed", dots),
        (vec![plain("nonsense")], "token_malformed", dots),
        (
            vec![bearer(&token), plain(&token)],
            "token_ambiguous",
            twice,
        ),
        (
            vec![plain(&other), bearer(&token)],
            "token_ambiguous",
            twice,
        ),
        (
            vec![bearer(&token), bearer(&token)],
            "token_ambiguous",
            twice,
        ),
        (vec![plain(&token), plain(&other)], "token_ambiguous", twice),
    ];
    for (lines, reason, message) in cases {
        let call = lines.iter().fold(list(), Call::header);
        let answer = world.call(&call);
        assert_eq!(answer.refusal(401, reason, "error"), message, "{lines:?}");
        let expected = match reason {
            "token_scheme" => "Bearer realm=\"actiongate\"".to_owned(),
            _ => format!(
                "Bearer realm=\"actiongate\", error=\"invalid_token\", error_description=\"{message}\""
            ),
        };
        assert_eq!(answer.headers.get("www-authenticate"), Some(&*expected));
    }
    world.permits(&list().header(bearer(&token)));
    world.permits(&list().header(format!("authorization: bEARER {token}")));
    world.permits(&list().header(plain(&token)));
}

#[test]
fn bad_tokens_are_refused_with_their_reason() {
    let world = Refusing::start();
    let good = || Claims::new(PROJECT, &[LIST]);
    let key = default_key();
    let later = now() + 1000;
    let cases = [
        (
            good().set("iss", "https://evil.test").sign(key),
            "token_issuer",
        ),
        (good().set("aud", "other").sign(key), "token_audience"),
        (good().set("exp", "never").sign(key), "token_claim"),
        (good().set("nbf", later).sign(key), "token_not_yet_valid"),
        (good().sign_as(key, "k2"), "token_key"),
        (good().sign(&Key::rs256("k1")), "token_algorithm"),
        (good().set("project_id", 5).sign(key), "claims_invalid"),
        (
            good().set("pad", "x".repeat(17_000)).sign(key),
            "token_too_large",
        ),
    ];
    for (token, reason) in cases {
        let answer = world.call(&Call::get(metadata()).bearer(&token));
        let message = answer.refusal(401, reason, "error");
        let challenge = answer.headers.get("www-authenticate").unwrap();
        let start = "Bearer realm=\"actiongate\", error=\"invalid_token\", error_description=\"";
        assert!(challenge.starts_with(start), "{message} {challenge}");
        assert!(!answer.text().contains(&token));
    }
    world.permits(&Call::get(metadata()).bearer(&good().sign(key)));
}

#[test]
fn nobody_unknown_may_probe_the_table() {
    let world = Refusing::start();
    let known = token(&[]);
    let forged = Claims::new(PROJECT, &[LIST]).sign(&Key::es256("k1"));
    let calls = [
        (Call::get("/v2.1/none/such"), 404),
        (Call::new("DELETE", metadata()), 405),
        (Call::get(metadata()), 403),
    ];
    for (call, status) in calls {
        let answer = world.call(&call);
        answer.refusal(401, "token_missing", "error");
        assert!(!answer.headers.has("allow"));
        let answer = world.call(&call.clone().bearer(&forged));
        answer.refusal(401, "token_signature", "error");
        let answer = world.call(&call.bearer(&known));
        assert_eq!(answer.status, status, "{answer:?}");
    }
}

#[test]
fn what_the_table_does_not_list_is_404_or_405() {
    let world = Refusing::start();
    let all = token(&["*:*:*"]);
    let nova = "itemNotFound";
    let missing = [
        ("/v1".to_owned(), "Ecs.0005"),
        ("/servers".to_owned(), nova),
        ("/v2.1/servers".to_owned(), nova),
        (format!("/v2.1/{PROJECT}"), nova),
        (format!("/v2.1/{PROJECT}/images"), nova),
        (format!("/v2.1/{PROJECT}/servers/s1/ips"), nova),
        (format!("/v2.1/{PROJECT}/servers/s1/Metadata"), nova),
        (format!("/v3/{PROJECT}/servers/s1/metadata"), "Ecs.0005"),
        (metadata_key("k/more"), nova),
    ];
    for (path, fault) in missing {
        let answer = world.call(&Call::get(path).bearer(&all));
        let message = answer.refusal(404, "route_unknown", fault);
        assert_eq!(message, "No operation of the action table has this path.");
        assert!(!answer.headers.has("www-authenticate"));
    }
    let recovery = format!("/v1/{PROJECT}/cloudservers/s1/autorecovery");
    let cases = [
        ("DELETE", metadata(), "GET, POST, PUT", "badMethod"),
        ("POST", metadata_key("k"), "DELETE, GET, PUT", "badMethod"),
        ("PATCH", recovery, "GET, PUT", "Ecs.0005"),
        ("OPTIONS", metadata(), "GET, POST, PUT", "badMethod"),
        ("get", metadata(), "GET, POST, PUT", "badMethod"),
    ];
    for (method, path, allow, fault) in cases {
        let answer = world.call(&Call::new(method, path).bearer(&all));
        let message = answer.refusal(405, "method_not_allowed", fault);
        assert_eq!(
            message,
            format!(
                "No operation of the action table has this path with this method, only with {allow}."
            )
        );
        assert_eq!(answer.headers.get("allow"), Some(allow));
    }
}

#[test]
fn a_head_request_has_no_body_and_the_next_one_is_read() {
    let world = Refusing::start();
    let mut client = world.gateway.connect();
    for (call, status) in [
        (Call::new("HEAD", metadata()), 401),
        (Call::new("HEAD", metadata()).bearer(&token(&[])), 405),
        (Call::new("HEAD", "/nowhere").bearer(&token(&[])), 404),
        (Call::new("HEAD", "//"), 400),
    ] {
        let answer = client.call(&call);
        assert_eq!(answer.status, status, "{answer:?}");
        answer.request_id();
        assert_ne!(answer.reason(), "(none)");
        // A body would be read as the start of this answer.
        let next = client.call(&Call::get("/nowhere"));
        next.refusal(401, "token_missing", "error");
    }
}

#[test]
fn every_answer_has_an_id_of_its_own() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let mut client = gateway.connect();
    let list = Call::get(metadata()).bearer(&token(&[LIST]));
    let calls = [
        list.clone(),
        list.clone(),
        Call::get(metadata()),
        Call::get("/x").bearer(&token(&[])),
    ];
    let mut ids: Vec<String> = calls
        .iter()
        .map(|call| client.call(call).request_id().to_owned())
        .collect();
    let sent: Vec<String> = upstream
        .requests()
        .iter()
        .map(|request| {
            request
                .headers
                .get("x-openstack-request-id")
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(sent, ids[..2]);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), calls.len());
}

/// What a client does not know to be closed it sends the next request on, and loses it.
#[test]
fn a_connection_ends_with_a_word_where_a_body_is_still_to_come() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let head = |more: &str| {
        let path = metadata();
        format!("PUT {path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n{more}\r\n")
    };
    // Before its answer the whole body has come: the connection goes on.
    let mut client = gateway.connect();
    for _ in 0..3 {
        client.send(head("Content-Length: 2\r\n") + "{}");
        let answer = client.answer();
        let found = (answer.status, answer.headers.get("connection"));
        assert_eq!(found, (401, None));
    }
    // It has not, or the client waits to be asked for it.
    for more in [
        "Content-Length: 2\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Content-Length: 2\r\nExpect: 100-continue\r\n",
    ] {
        let mut client = gateway.connect();
        client.send(head(more));
        let answer = client.answer();
        let found = (answer.status, answer.headers.get("connection"));
        assert_eq!(found, (401, Some("close")), "{more}");
        client.ends();
    }
    assert_eq!(upstream.requests().len(), 0);
}
