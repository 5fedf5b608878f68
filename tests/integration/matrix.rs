//! Every route of the vendor's page, with every kind of caller: the upstream sees what is permitted
//! and nothing else.

use crate::support::{
    Answer, Call, Claims, Gateway, Key, OTHER_PROJECT, PROJECT, Upstream, default_key, token,
};

const LIST: &str = "ecs:servers:listMetadata";
const GET_KEY: &str = "ecs:servers:getMetadata";
const SET: &str = "ecs:servers:setMetadata";
const GET: &str = "ecs:servers:get";
const SET_RECOVERY: &str = "ecs:cloudServers:setAutoRecovery";
const GET_RECOVERY: &str = "ecs:cloudServers:getAutoRecovery";
const ALL: [&str; 6] = [LIST, GET_KEY, SET, GET, SET_RECOVERY, GET_RECOVERY];

/// `seed/metadata-management.md`, line by line.
const ROUTES: [(&str, &str, &[&str]); 14] = [
    ("GET", "/v2/{}/servers/s1/metadata", &[LIST]),
    ("GET", "/v2.1/{}/servers/s1/metadata", &[LIST]),
    ("GET", "/v2/{}/servers/s1/metadata/k", &[GET_KEY]),
    ("GET", "/v2.1/{}/servers/s1/metadata/k", &[GET_KEY]),
    ("DELETE", "/v2/{}/servers/s1/metadata/k", &[SET]),
    ("DELETE", "/v2.1/{}/servers/s1/metadata/k", &[SET]),
    ("PUT", "/v2/{}/servers/s1/metadata/k", &[SET]),
    ("PUT", "/v2.1/{}/servers/s1/metadata/k", &[SET]),
    ("POST", "/v2/{}/servers/s1/metadata", &[SET]),
    ("POST", "/v2.1/{}/servers/s1/metadata", &[SET]),
    ("PUT", "/v2/{}/servers/s1/metadata", &[SET, GET]),
    ("PUT", "/v2.1/{}/servers/s1/metadata", &[SET, GET]),
    (
        "PUT",
        "/v1/{}/cloudservers/s1/autorecovery",
        &[SET_RECOVERY],
    ),
    (
        "GET",
        "/v1/{}/cloudservers/s1/autorecovery",
        &[GET_RECOVERY],
    ),
];

const BODY: &str = "{\"metadata\": {\"k\": \"v\"}}";

/// Calls of one route; what they must have sent upstream is gathered.
struct Route<'a> {
    gateway: &'a Gateway,
    method: &'a str,
    path: String,
    sent: &'a mut Vec<(String, Vec<u8>)>,
}

impl Route<'_> {
    fn plain(&self) -> Call {
        let call = Call::new(self.method, self.path.clone());
        match self.method {
            "PUT" | "POST" => call.body(BODY),
            _ => call,
        }
    }

    fn call(&self, token: &str) -> Answer {
        self.gateway.call(&self.plain().bearer(token))
    }

    fn permitted(&mut self, token: &str) {
        let answer = self.call(token);
        assert_eq!(answer.status, 200, "{} {answer:?}", self.path);
        assert_eq!(answer.text(), format!("{} {}", self.method, self.path));
        assert_eq!(answer.reason(), "(none)");
        answer.request_id();
        let body = match self.method {
            "PUT" | "POST" => BODY,
            _ => "",
        };
        let line = format!("{} {} HTTP/1.1", self.method, self.path);
        self.sent.push((line, body.into()));
    }

    /// What a denial is called by the API that the route is of.
    fn fault(&self, code: &'static str) -> &'static str {
        match self.path.starts_with("/v1/") {
            true => code,
            false => "forbidden",
        }
    }

    fn denied(&self, granted: &[&str], missing: &[&str]) {
        let answer = self.call(&token(granted));
        let message = answer.refusal(403, "action_missing", self.fault("Ecs.0003"));
        let expected = format!(
            "Policy doesn't allow {} to be performed.",
            missing.join(", ")
        );
        assert_eq!(message, expected, "{} {}", self.method, self.path);
        let challenge = format!(
            "Bearer error=\"insufficient_scope\", scope=\"{}\"",
            missing.join(" ")
        );
        assert_eq!(answer.headers.get("www-authenticate"), Some(&*challenge));
    }

    fn unauthenticated(answer: &Answer, reason: &str, message: &str) {
        assert_eq!(answer.refusal(401, reason, "error"), message);
        assert_eq!(answer.json()["error"]["title"], "Unauthorized");
        let challenge = answer.headers.get("www-authenticate").unwrap();
        match reason {
            "token_missing" => assert_eq!(challenge, "Bearer realm=\"actiongate\""),
            _ => assert_eq!(
                challenge,
                format!(
                    "Bearer realm=\"actiongate\", error=\"invalid_token\", error_description=\"{message}\""
                )
            ),
        }
    }
}

#[test]
fn the_upstream_sees_exactly_what_is_permitted() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let mut sent = Vec::new();
    let all = token(&ALL);
    let other = Claims::new(OTHER_PROJECT, &ALL).sign(default_key());
    let expired = Claims::new(PROJECT, &ALL).set("iat", 1_000_000_000);
    let expired = expired.set("exp", 1_000_003_600).sign(default_key());
    let forged = Claims::new(PROJECT, &ALL).sign(&Key::es256("k1"));
    for (method, path, required) in ROUTES {
        let mut route = Route {
            gateway: &gateway,
            method,
            path: path.replace("{}", PROJECT),
            sent: &mut sent,
        };
        route.permitted(&all);
        route.permitted(&token(required));
        for missing in required {
            let granted = ALL.into_iter().filter(|action| action != missing);
            route.denied(&granted.collect::<Vec<_>>(), &[missing]);
        }
        route.denied(&[], required);
        let mut others = ALL.to_vec();
        others.retain(|action| !required.contains(action));
        route.denied(&others, required);

        let fault = route.fault("Ecs.0023");
        let message = route.call(&other).refusal(403, "project_mismatch", fault);
        assert_eq!(
            message,
            format!(
                "The token is not for project `{PROJECT}`. Use a token of that project, or the URL of the token's project."
            )
        );
        let none = gateway.call(&route.plain());
        let message = "No token was sent, expected `Authorization: Bearer …` or `X-Auth-Token`.";
        Route::unauthenticated(&none, "token_missing", message);
        let expired = route.call(&expired);
        Route::unauthenticated(&expired, "token_expired", "The token has expired.");
        let forged = route.call(&forged);
        let message = "The token's signature is not valid.";
        Route::unauthenticated(&forged, "token_signature", message);
    }
    let seen: Vec<(String, Vec<u8>)> = upstream
        .requests()
        .into_iter()
        .map(|request| (request.line, request.raw_body))
        .collect();
    assert_eq!(seen, sent);
    assert_eq!(seen.len(), 2 * ROUTES.len());
}

#[test]
fn configuring_metadata_needs_both_actions() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let put = Call::new("PUT", format!("/v2.1/{PROJECT}/servers/s1/metadata")).body(BODY);
    let answer = gateway.call(&put.clone().bearer(&token(&[SET])));
    let message = answer.refusal(403, "action_missing", "forbidden");
    assert_eq!(
        message,
        "Policy doesn't allow ecs:servers:get to be performed."
    );
    assert_eq!(upstream.count(), 0);
    let answer = gateway.call(&put.bearer(&token(&[SET, GET])));
    assert_eq!(answer.status, 200);
    assert_eq!(upstream.only().body, BODY.as_bytes());
}

#[test]
fn patterns_grant_what_they_match() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let list = Call::get(format!("/v2/{PROJECT}/servers/s1/metadata"));
    let recovery = Call::get(format!("/v1/{PROJECT}/cloudservers/s1/autorecovery"));
    let cases = [
        ("*:*:*", 200, 200),
        ("ecs:*:*", 200, 200),
        ("ecs:servers:list*", 200, 403),
        ("ecs:SERVERS:LISTmetadata", 200, 403),
        ("ecs:*:getAutoRecovery", 403, 200),
        ("evs:*:*", 403, 403),
    ];
    let mut permitted = 0;
    for (grant, list_status, recovery_status) in cases {
        let token = token(&[grant]);
        for (call, status) in [(&list, list_status), (&recovery, recovery_status)] {
            let answer = gateway.call(&call.clone().bearer(&token));
            assert_eq!(answer.status, status, "{grant} {answer:?}");
            permitted += usize::from(status == 200);
        }
    }
    assert_eq!(upstream.count(), permitted);
    let answer = gateway.call(&list.bearer(&token(&["ecs:*:*", "nonsense"])));
    let message = answer.refusal(401, "claims_invalid", "error");
    assert!(message.contains("`nonsense`"), "{message}");
    assert_eq!(upstream.count(), permitted);
}
