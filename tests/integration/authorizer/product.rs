//! HTTP questions of Traefik, nginx and Caddy: the original request is where the product puts it, and
//! nowhere else.

use serde_json::json;

use super::{LIST, START, ask, facts, last_line, section, start, start_with};
use crate::support::{Call, Claims, PROJECT, Setup, Upstream, default_key, metadata, token};

/// The header lines of one product's question; an answer 403 is asked for of every other.
const PRODUCTS: [(&str, &str, &str, Option<&str>); 3] = [
    (
        "traefik",
        "X-Forwarded-Method",
        "X-Forwarded-Uri",
        Some("X-Forwarded-Host"),
    ),
    (
        "caddy",
        "X-Forwarded-Method",
        "X-Forwarded-Uri",
        Some("X-Forwarded-Host"),
    ),
    ("nginx", "X-Original-Method", "X-Original-URI", None),
];

/// A whole question, about this request.
fn question(product: usize, method: &str, target: &str) -> Call {
    let (_, method_header, target_header, host_header) = PRODUCTS[product];
    let call = Call::get("/")
        .header(format!("{method_header}: {method}"))
        .header(format!("{target_header}: {target}"));
    match host_header {
        Some(host) => call.header(format!("{host}: api.test")),
        None => call,
    }
}

#[test]
fn each_product_is_answered() {
    for (index, (product, ..)) in PRODUCTS.into_iter().enumerate() {
        let gateway = start(product);
        let good = question(index, "GET", &metadata()).bearer(&token(&[LIST]));
        let permitted = ask(&gateway, &good);
        assert_eq!((permitted.status, permitted.text()), (200, ""), "{product}");
        permitted.request_id();
        let denied = question(index, "PUT", &metadata()).bearer(&token(&[LIST]));
        let message = ask(&gateway, &denied).refusal(403, "action_missing", "forbidden");
        let missing = "ecs:servers:setMetadata, ecs:servers:get";
        let expected = format!("Policy doesn't allow {missing} to be performed.");
        assert_eq!(message, expected, "{product}");
        let unknown = ask(&gateway, &question(index, "GET", &metadata()));
        unknown.refusal(401, "token_missing", "error");
        let line = last_line(gateway);
        let expected = json!([product, "GET", "reject", "token_missing", 401]);
        assert_eq!(facts(&line), expected);
    }
}

#[test]
fn what_a_product_does_not_set_is_not_read() {
    // What the others set, about a request that would be permitted.
    let strange = [
        format!("X-Original-URI: {}", metadata()),
        "X-Original-Method: GET".to_owned(),
        "X-Original-Host: api.test".to_owned(),
        format!("X-Envoy-Original-Path: {}", metadata()),
        format!("X-Forwarded-Uri: {}", metadata()),
        "X-Forwarded-Method: GET".to_owned(),
        "X-Forwarded-Path: /".to_owned(),
        "X-Envoy-Auth-Partial-Body: false".to_owned(),
    ];
    for (index, (product, method_header, target_header, _)) in PRODUCTS.into_iter().enumerate() {
        let gateway = start(product);
        for line in &strange {
            let (name, _) = line.split_once(':').unwrap();
            let denied = question(index, "PUT", &metadata()).bearer(&token(&[LIST]));
            let answer = ask(&gateway, &denied.header(line.clone()));
            // Its own, a second time, is one too many.
            let reason = match name == method_header || name == target_header {
                true => "question_ambiguous",
                false => "action_missing",
            };
            answer.refusal(403, reason, "forbidden");
        }
        let nothing = strange
            .iter()
            .filter(|line| !line.starts_with(target_header) && !line.starts_with(method_header));
        // The question's own line is that of a permitted request, too.
        let call = Call::get(metadata()).bearer(&token(&[LIST]));
        let call = nothing.fold(call, |call, line| call.header(line.clone()));
        let message = ask(&gateway, &call).refusal(403, "question_incomplete", "forbidden");
        let expected = format!("The question has no `{method_header}` header.");
        assert_eq!(message, expected, "{product}");
        let line = last_line(gateway);
        let expected = json!([product, null, "reject", "question_incomplete", 403]);
        assert_eq!(facts(&line), expected);
    }
}

#[test]
fn each_fact_is_told_once_and_can_be_read() {
    for (index, (product, method_header, target_header, host_header)) in
        PRODUCTS.into_iter().enumerate()
    {
        let gateway = start(product);
        let whole = || question(index, "GET", &metadata()).bearer(&token(&[LIST]));
        let facts = [
            (method_header, "GET".to_owned()),
            (target_header, metadata()),
        ];
        let host = host_header.map(|header| (header, "api.test".to_owned()));
        for (header, value) in facts.into_iter().chain(host) {
            let without = whole().without_header(header);
            let message = ask(&gateway, &without).refusal(403, "question_incomplete", "forbidden");
            assert_eq!(message, format!("The question has no `{header}` header."));
            let again = whole().header(format!("{header}: {value}"));
            let message = ask(&gateway, &again).refusal(403, "question_ambiguous", "forbidden");
            assert_eq!(
                message,
                format!("The question has more than one `{header}` header.")
            );
        }
        let odd = whole()
            .without_header(method_header)
            .header(format!("{method_header}: G ET"));
        let message = ask(&gateway, &odd).refusal(403, "question_unreadable", "forbidden");
        assert_eq!(
            message,
            format!("The question's `{method_header}` header cannot be read.")
        );
        assert_eq!(ask(&gateway, &whole()).status, 200);
    }
}

#[test]
fn targets_are_refused_as_the_gateway_refuses_them() {
    let odd = [
        "//v2.1/p/servers",
        "/v2.1/p/servers/s1/metadata/%2e%2e",
        "/v2.1/p/servers/s1%2Fmetadata",
        "/v2.1/p/servers/s1;x/metadata",
        "/v2.1/p/servers/s1/metadata#/action",
        "/v2.1/p/servers/s1/metadata?_method=DELETE",
        "http://api.test/v2.1/p/servers/s1/metadata",
        "v2.1/p",
        "*",
        "",
    ];
    for (index, (product, ..)) in PRODUCTS.into_iter().enumerate() {
        let gateway = start(product);
        for target in odd {
            let call = question(index, "GET", target).bearer(&token(&["ecs:*:*"]));
            let answer = ask(&gateway, &call);
            let reason = match target.contains("_method") {
                true => "method_override",
                false => "path_invalid",
            };
            // nginx takes no other refusal.
            let status = if product == "nginx" { 403 } else { 400 };
            assert_eq!(
                (answer.status, answer.reason()),
                (status, reason),
                "{product} {target}"
            );
        }
    }
}

#[test]
fn what_another_proxy_would_send_on_is_refused() {
    let gateway = start("nginx");
    let good = || question(2, "GET", &metadata()).bearer(&token(&[LIST]));
    for header in [
        "X-Roles",
        "X-User-Id",
        "X-Identity-Status",
        "X-Service-Token",
        "OpenStack-System-Scope",
        "X-HTTP-Method-Override",
        "X-Original-URL",
        "X-Rewrite-URL",
    ] {
        let answer = ask(&gateway, &good().header(format!("{header}: admin")));
        assert_eq!((answer.status, answer.reason()), (403, "header_claim"));
    }
    for (header, reason) in [
        ("X_Roles: admin", "header_name"),
        ("X-Auth-Token: t", "token_ambiguous"),
        (
            "Content-Type: application/x-www-form-urlencoded",
            "body_form",
        ),
        ("Accept: application/json; version=1", "media_type_version"),
    ] {
        assert_eq!(ask(&gateway, &good().header(header)).reason(), reason);
    }
    assert_eq!(ask(&gateway, &good()).status, 200);
}

#[test]
fn what_is_public_needs_no_token_and_bears_no_two() {
    let table = "[[operation]]\npermission = 'v'\nroutes = ['GET /v9']\naccess = 'public'\n";
    let gateway = start_with("nginx", |setup| setup.table(table));
    let call = || question(2, "GET", "/v9");
    assert_eq!(ask(&gateway, &call()).status, 200);
    let two = call().bearer("a").header("X-Auth-Token: b");
    ask(&gateway, &two).refusal(401, "token_ambiguous", "error");
    ask(&gateway, &question(2, "GET", &metadata())).refusal(401, "token_missing", "error");
}

#[test]
fn only_the_served_hosts_are_judged() {
    let gateway = start_with("caddy", |setup| setup.listen("hosts = [\"api.test\"]"));
    let good = question(1, "GET", &metadata()).bearer(&token(&[LIST]));
    assert_eq!(ask(&gateway, &good).status, 200);
    let other = good
        .without_header("X-Forwarded-Host")
        .header("X-Forwarded-Host: other.test");
    ask(&gateway, &other).refusal(421, "host_unknown", "misdirectedRequest");
}

#[test]
fn the_client_is_where_the_product_says() {
    // The last one is what the product has seen, whatever the client has sent.
    for (index, header) in [
        (0, "X-Forwarded-For: 192.0.2.1, 198.51.100.7"),
        (1, "X-Forwarded-For: 192.0.2.1,198.51.100.7"),
        (2, "X-Real-IP: 198.51.100.7"),
    ] {
        let gateway = start(PRODUCTS[index].0);
        let call = question(index, "GET", &metadata()).bearer(&token(&[LIST]));
        assert_eq!(ask(&gateway, &call.header(header)).status, 200);
        assert_eq!(last_line(gateway)["peer"], "198.51.100.7");
    }
}

/// A grant for one network only, held against the client's address, not the proxy's.
#[test]
fn a_policy_is_held_against_the_clients_address() {
    const POLICY: &str = "[issuer.roles]
inside = 'from inside'
[[policy]]
name = 'from inside'
document = '''{\"Version\": \"1.1\", \"Statement\": [{\"Effect\": \"Allow\", \"Action\": [\"ecs:*:*\"],
\"Condition\": {\"IpAddress\": {\"g:SourceIp\": [\"10.0.0.0/8\"]}}}]}'''
";
    let gateway = start_with("nginx", |setup| {
        setup.claims("roles = \"/roles\"\n").claims(POLICY)
    });
    let claims = Claims::new(PROJECT, &[]).set("roles", json!(["inside"]));
    let call = question(2, "GET", &metadata()).bearer(&claims.sign(default_key()));
    let inside = call.clone().header("X-Real-IP: 10.1.2.3");
    assert_eq!(ask(&gateway, &inside).status, 200);
    let outside = call.clone().header("X-Real-IP: 192.0.2.1");
    ask(&gateway, &outside).refusal(403, "action_missing", "forbidden");
    // Nobody says where it is: nowhere.
    ask(&gateway, &call).refusal(403, "action_missing", "forbidden");
}

#[test]
fn a_body_that_decides_has_to_be_there() {
    let action = format!("/v2.1/{PROJECT}/servers/s1/action");
    let json = "Content-Type: application/json";
    for (index, (product, ..)) in PRODUCTS.into_iter().enumerate() {
        let gateway = start(product);
        let call = || {
            let call = question(index, "POST", &action).header(json);
            call.bearer(&token(&[START]))
        };
        let message = ask(&gateway, &call()).refusal(403, "body_not_forwarded", "forbidden");
        assert_eq!(
            message,
            "The body tells which operation this is, and the proxy that asks has not forwarded it."
        );
        let started = ask(&gateway, &call().body("{\"os-start\": null}"));
        let stopped = ask(&gateway, &call().body("{\"os-stop\": null}"));
        if product == "traefik" {
            assert_eq!(started.status, 200);
            stopped.refusal(403, "action_missing", "forbidden");
        } else {
            // Not theirs: neither sends one.
            started.refusal(403, "body_not_forwarded", "forbidden");
            stopped.refusal(403, "body_not_forwarded", "forbidden");
        }
        let long = format!("{{\"os-start\": null}}{}", " ".repeat(70_000));
        let answer = ask(&gateway, &call().body(long));
        let reason = match product {
            "traefik" => "body_partial",
            _ => "body_not_forwarded",
        };
        answer.refusal(403, reason, "forbidden");
    }
}

/// So that `replay` and `explain --request` know of these requests, too.
#[test]
fn evidence_is_of_the_request_that_was_asked_about() {
    for (index, (product, ..)) in PRODUCTS.into_iter().enumerate() {
        let upstream = Upstream::start();
        let setup = Setup::new(&upstream).more("evidence = true\n");
        let gateway = setup.more(&section(product, "")).start();
        let target = format!("{}?a=b", metadata());
        let denied = question(index, "PUT", &target).bearer(&token(&[LIST]));
        ask(&gateway, &denied).refusal(403, "action_missing", "forbidden");
        let line = last_line(gateway);
        let evidence = &line["evidence"];
        assert_eq!(
            (&line["method"], &evidence["target"]),
            (&json!("PUT"), &json!(target)),
            "{product}"
        );
        assert_eq!(
            evidence["claims"]["found"]["actions"],
            json!([LIST]),
            "{product}"
        );
        assert!(evidence["at"].is_u64(), "{product}: {evidence}");
    }
}
