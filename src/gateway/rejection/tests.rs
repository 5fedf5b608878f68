mod choice;
mod form;
mod rows;

use std::collections::BTreeSet;

use bytes::Bytes;
use hyper::Response;
use hyper::header::{HeaderValue, WWW_AUTHENTICATE};
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::json::quoted;
use choice::choices;
use rows::{
    bodies, bound, forwards, grant, heads, missing, project, questions, requests, tokens,
    unknown_key,
};

/// Every rejection but those for want of a good token.
fn all() -> impl Iterator<Item = rows::Row> {
    let heads = heads().into_iter().chain(requests());
    let heads = heads.chain(questions());
    heads.chain(bodies()).chain(forwards()).chain(choices())
}

const ID: HeaderValue = HeaderValue::from_static("req-1");

/// What clients of Nova get where no Keystone is told of.
fn plain(rejection: &Rejection) -> Response<Bytes> {
    rejection.response(Form::Nova, &ID, None)
}

/// Every header but those that all answers have.
fn extra(response: &Response<Bytes>) -> Vec<(&str, &str)> {
    let all = ["content-type", "vary", "x-actiongate-reason"];
    let headers = response.headers().iter();
    let lines = headers.map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
    lines.filter(|(name, _)| !all.contains(name)).collect()
}

#[track_caller]
fn assert_answer(
    rejection: &Rejection,
    status: u16,
    reason: &str,
    expected: &str,
) -> Response<Bytes> {
    let response = plain(rejection);
    assert_eq!(response.status(), status, "{rejection:?}");
    assert_eq!(rejection.status(), status, "{rejection:?}");
    assert_eq!(rejection.reason(), reason, "{rejection:?}");
    assert_eq!(response.headers()["x-actiongate-reason"], reason);
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.headers()["vary"], "accept");
    assert_eq!(std::str::from_utf8(response.body()).unwrap(), expected);
    response
}

#[test]
fn refusals_look_as_openstack_clients_know_them() {
    for (rejection, status, reason, family, message) in all() {
        let message = Value::from(message);
        // Whoever asks for the keys again says so as it says that the token is not good.
        let title = match family {
            "error" => ",\"title\":\"Service Unavailable\"",
            _ => "",
        };
        let expected = format!(r#"{{"{family}":{{"code":{status},"message":{message}{title}}}}}"#);
        let response = assert_answer(&rejection, status, reason, &expected);
        let expected: &[(&str, &str)] = match reason {
            "method_not_allowed" => &[("allow", "GET, PUT")],
            "transfer_encoding" => &[("connection", "close")],
            "keys_unavailable"
            | "issuer_unavailable"
            | "revocation_unavailable"
            | "service_token_unavailable"
            | "upstream_unavailable" => &[("retry-after", "10")],
            "upstream_busy" => &[("retry-after", "1")],
            "action_missing" | "action_denied" | "project_mismatch" | "domain_mismatch"
            | "access_rule" => continue,
            _ => &[],
        };
        assert_eq!(extra(&response), expected, "{reason}");
    }
}

#[test]
fn without_a_good_token_the_answer_is_keystones() {
    for (rejection, reason, message) in tokens().into_iter().chain(bound()) {
        let text = Value::from(message);
        let expected =
            format!(r#"{{"error":{{"code":401,"message":{text},"title":"Unauthorized"}}}}"#);
        let response = assert_answer(&rejection, 401, reason, &expected);
        let challenge = match reason {
            "token_missing" | "token_scheme" => "Bearer realm=\"actiongate\"".to_owned(),
            _ => format!(
                "Bearer realm=\"actiongate\", error=\"invalid_token\", error_description=\"{message}\""
            ),
        };
        assert_eq!(
            extra(&response),
            [("www-authenticate", challenge.as_str())],
            "{reason}"
        );
    }
}

#[test]
fn a_denial_says_which_scope_would_do() {
    let cases = [
        (
            missing(&["ecs:servers:get"]),
            "Bearer error=\"insufficient_scope\", scope=\"ecs:servers:get\"",
        ),
        (
            missing(&["a:b:c", "d:e:f"]),
            "Bearer error=\"insufficient_scope\", scope=\"a:b:c d:e:f\"",
        ),
        (
            project("p\"\\1"),
            "Bearer error=\"insufficient_scope\", error_description=\"The token is not for project `p??1`. \
             Use a token of that project, or the URL of the token's project.\"",
        ),
        (
            rows::body::denied(),
            "Bearer error=\"insufficient_scope\", error_description=\"Policy doesn't allow a:b:c to be performed.\"",
        ),
    ];
    for (rejection, expected) in cases {
        assert_eq!(extra(&plain(&rejection)), [("www-authenticate", expected)]);
    }
}

/// Dashboards and `explain` count on them: two causes share a reason only where this says so.
#[test]
fn reasons_are_labels_and_tell_causes_apart() {
    let shared = [
        "path_invalid",
        "host_invalid",
        "action_missing",
        "token_algorithm",
        "token_key",
        "claims_invalid",
        "identity_unnameable",
        "body_invalid",
        "body_unlisted",
    ];
    let reasons = all().map(|row| row.2);
    let reasons: Vec<&str> = reasons
        .chain(tokens().into_iter().chain(bound()).map(|row| row.1))
        .collect();
    let mut seen = BTreeSet::new();
    for reason in &reasons {
        assert!(seen.insert(reason) || shared.contains(reason), "{reason}");
        let is_label = reason
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        assert!(is_label && reason.len() <= 32, "{reason}");
        // The audit's own words for a request that was answered, or by nobody.
        assert!(!["ok", "aborted"].contains(reason));
    }
    assert_eq!(seen.len(), 77);
}

fn hostile(text: &str) -> Vec<Rejection> {
    let text = text.to_owned();
    vec![
        TokenError::UnknownIssuer(text.clone()).into(),
        TokenError::Algorithm(text.clone()).into(),
        TokenError::Malformed(text.clone()).into(),
        TokenError::Audience(text.clone()).into(),
        unknown_key(Some(&text)),
        grant(&text),
        project(&text),
        InvalidHeaders::Underscore(text.clone()).into(),
        Unroutable::Body(UnlistedBody::Key(quoted(&text))).into(),
        InvalidHeaders::UnknownHost(text).into(),
    ]
}

#[track_caller]
fn assert_harmless(text: &str) {
    for rejection in hostile(text) {
        let response = plain(&rejection);
        let json: Value = serde_json::from_slice(response.body()).unwrap();
        assert!(json.is_object(), "{rejection:?}");
        let is_challenged = [401, 403].contains(&response.status().as_u16());
        let challenge = response.headers().get(WWW_AUTHENTICATE);
        assert_eq!(challenge.is_some(), is_challenged, "{rejection:?}");
        let Some(challenge) = challenge else { continue };
        let challenge = challenge.to_str().unwrap();
        // Quotes stand around values only, so an even number of pieces is between them.
        let quoted: Vec<&str> = challenge.split('"').collect();
        let names = quoted.iter().step_by(2).copied().collect::<Vec<_>>();
        let expected: [&[&str]; 2] = [
            &["Bearer realm=", ", error=", ", error_description=", ""],
            &["Bearer error=", ", error_description=", ""],
        ];
        assert!(expected.contains(&names.as_slice()), "{challenge}");
        assert!(!challenge.contains('\\'), "{challenge}");
        assert!(challenge.len() < 400, "{challenge}");
        assert!(
            challenge.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
            "{challenge}"
        );
    }
}

#[test]
fn hostile_texts_stay_in_their_place() {
    let cases = [
        "",
        "\"",
        "\\",
        "a\", error=\"none",
        "a\r\nset-cookie: x=1",
        "\0\u{7}\u{1b}[31m\u{7f}",
        "é \u{202e} 漢字 \u{1f600}",
        "\t",
        "`",
        &"x\"".repeat(8000),
    ];
    for text in cases {
        assert_harmless(text);
    }
}

proptest! {
    #[test]
    fn any_text_stays_in_its_place(text in any::<String>()) {
        assert_harmless(&text);
    }
}
