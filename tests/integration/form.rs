//! The same refusal in the form that whoever asked can read.

use serde_json::{Value, json};

use crate::support::{
    Answer, Call, Gateway, Issuer, Key, OTHER_PROJECT, PROJECT, Refusing, Setup, Step, Upstream,
    token,
};

const PROBLEM: &str = "Accept: application/problem+json";

/// The first segments of paths, and whether the API is the vendor's own.
const APIS: [(&str, bool); 6] = [
    ("v2", false),
    ("v2.1", false),
    ("other", false),
    ("v1", true),
    ("v1.1", true),
    ("v3", true),
];

/// One operation in every API.
fn table() -> String {
    let routes: Vec<String> = APIS
        .iter()
        .map(|(api, _)| format!("'GET /{api}/{{project_id}}/x', 'POST /{api}/{{project_id}}/x'"))
        .collect();
    let routes = routes.join(", ");
    format!(
        "[[operation]]\npermission = 'x'\nroutes = [{routes}]\nactions = ['ecs:x:do', 'ecs:y:do']\n"
    )
}

fn start(upstream: &Upstream) -> Gateway {
    let setup = Setup::new(upstream).listen("max_body = \"10B\"");
    setup.table(&table()).start()
}

/// What a refusal is to say, whatever its form.
struct Expected {
    status: u16,
    reason: &'static str,
    /// The fault in Nova's words; none for what keystonemiddleware says.
    fault: Option<&'static str>,
    code: &'static str,
    title: &'static str,
    message: String,
}

fn expected(
    status: u16,
    reason: &'static str,
    (fault, code): (&'static str, &'static str),
    title: &'static str,
    message: impl Into<String>,
) -> Expected {
    Expected {
        status,
        reason,
        fault: (!fault.is_empty()).then_some(fault),
        code,
        title,
        message: message.into(),
    }
}

/// A call of each kind of refusal in the API `/api`, beside those that are the upstream's fault.
fn refused(api: &str) -> Vec<(Call, Expected)> {
    let path = format!("/{api}/{PROJECT}/x");
    let all = token(&["*:*:*"]);
    let one = token(&["ecs:x:do"]);
    let get = |path: String| Call::get(path).bearer(&all);
    vec![
        (
            get(format!("/{api}/{PROJECT}//x")),
            expected(
                400,
                "path_invalid",
                ("badRequest", "Ecs.0005"),
                "Bad Request",
                "The path has an empty segment (`//`); write each `/` once.",
            ),
        ),
        (
            Call::get(path.clone()),
            expected(
                401,
                "token_missing",
                ("", ""),
                "Unauthorized",
                "No token was sent, expected `Authorization: Bearer …` or `X-Auth-Token`.",
            ),
        ),
        (
            Call::get(path.clone()).bearer(&one),
            expected(
                403,
                "action_missing",
                ("forbidden", "Ecs.0003"),
                "Forbidden",
                "Policy doesn't allow ecs:y:do to be performed.",
            ),
        ),
        (
            get(format!("/{api}/{OTHER_PROJECT}/x")),
            expected(
                403,
                "project_mismatch",
                ("forbidden", "Ecs.0023"),
                "Forbidden",
                format!(
                    "The token is not for project `{OTHER_PROJECT}`. Use a token of that project, or the URL of the token's project."
                ),
            ),
        ),
        (
            get(format!("/{api}/{PROJECT}/none")),
            expected(
                404,
                "route_unknown",
                ("itemNotFound", "Ecs.0005"),
                "Not Found",
                "No operation of the action table has this path.",
            ),
        ),
        (
            Call::new("DELETE", path.clone()).bearer(&all),
            expected(
                405,
                "method_not_allowed",
                ("badMethod", "Ecs.0005"),
                "Method Not Allowed",
                "No operation of the action table has this path with this method, only with GET, POST.",
            ),
        ),
        (
            Call::post(path.clone(), "01234567890").bearer(&all),
            expected(
                413,
                "body_too_large",
                ("overLimit", "Ecs.0005"),
                "Payload Too Large",
                "The request's body is too large, expected at most 10 bytes.",
            ),
        ),
        (
            get(format!("{path}?{}", "x".repeat(8193))),
            expected(
                414,
                "query_too_long",
                ("uriTooLong", "Ecs.0005"),
                "URI Too Long",
                "The query has more than 8192 bytes.",
            ),
        ),
    ]
}

/// The body, to the byte; members are in the order of their names.
#[track_caller]
fn assert_body(answer: &Answer, expected: &Expected, is_vendors: bool) {
    let message = Value::from(expected.message.as_str());
    let (status, title) = (expected.status, expected.title);
    let body = match (expected.fault, is_vendors) {
        (None, _) => format!(
            "{{\"error\":{{\"code\":{status},\"message\":{message},\"title\":\"{title}\"}}}}"
        ),
        (Some(fault), false) => {
            format!("{{\"{fault}\":{{\"code\":{status},\"message\":{message}}}}}")
        }
        (Some(_), true) => format!(
            "{{\"error\":{{\"code\":\"{}\",\"message\":{message}}}}}",
            expected.code
        ),
    };
    assert_eq!(answer.text(), body);
    assert_common(answer, expected, "application/json");
}

#[track_caller]
fn assert_problem(answer: &Answer, expected: &Expected) {
    let mut problem = json!({
        "type": format!("urn:actiongate:reason:{}", expected.reason),
        "title": expected.title,
        "status": expected.status,
        "detail": expected.message,
        "instance": answer.request_id(),
        "reason": expected.reason,
    });
    if expected.reason == "action_missing" {
        problem["missing"] = json!(["ecs:y:do"]);
    }
    assert_eq!(answer.json(), problem);
    assert_common(answer, expected, "application/problem+json");
}

#[track_caller]
fn assert_common(answer: &Answer, expected: &Expected, media_type: &str) {
    assert_eq!(answer.status, expected.status, "{answer:?}");
    assert_eq!(answer.reason(), expected.reason);
    assert_eq!(answer.headers.all("content-type"), [media_type]);
    assert_eq!(answer.headers.all("vary"), ["accept"]);
    let id = answer.request_id();
    assert_eq!(answer.headers.all("x-compute-request-id"), [id]);
}

#[test]
fn each_api_has_its_form_and_problems_are_for_all() {
    let upstream = Upstream::start();
    let gateway = start(&upstream);
    for (api, is_vendors) in APIS {
        for (call, expected) in refused(api) {
            assert_body(&gateway.call(&call), &expected, is_vendors);
            let gladly = call
                .clone()
                .header("Accept: */*")
                .header("Accept: application/json");
            assert_body(&gateway.call(&gladly), &expected, is_vendors);
            assert_problem(&gateway.call(&call.header(PROBLEM)), &expected);
        }
    }
    assert_eq!(upstream.count(), 0);
}

/// By then the client's headers have gone to the upstream.
#[test]
fn what_the_upstream_does_wrong_has_the_same_forms() {
    let upstream = Upstream::start();
    let gateway = start(&upstream);
    let garbage = || vec![Step::Read, Step::Write("SMTP\r\n\r\n".into())];
    for (api, is_vendors) in APIS {
        let call = Call::post(format!("/{api}/{PROJECT}/x"), "{}").bearer(&token(&["*:*:*"]));
        let expected = expected(
            502,
            "upstream_invalid",
            ("badGateway", "Ecs.0000"),
            "Bad Gateway",
            "The upstream's answer is not valid HTTP.",
        );
        upstream.next(garbage());
        assert_body(&gateway.call(&call), &expected, is_vendors);
        upstream.next(garbage());
        assert_problem(&gateway.call(&call.header(PROBLEM)), &expected);
    }
}

#[test]
fn keys_that_are_away_are_told_of_as_by_keystonemiddleware() {
    let upstream = Upstream::start();
    let key = Key::es256("k1");
    let issuer = Issuer::start(&[]);
    issuer.answer_with("500 Internal Server Error", "{}");
    let setup =
        Setup::new(&upstream).more("[token]\nwww_authenticate_uri = \"http://k.test/v3\"\n");
    let gateway = setup.table(&table()).issuer(&issuer, "").start();
    let claims = crate::support::Claims::new(PROJECT, &["*:*:*"]).sign(&key);
    for (api, is_vendors) in APIS {
        let call = Call::get(format!("/{api}/{PROJECT}/x")).bearer(&claims);
        let expected = expected(
            503,
            "keys_unavailable",
            ("", ""),
            "Service Unavailable",
            "The keys of the token's issuer are not available.",
        );
        let answer = gateway.call(&call);
        assert_body(&answer, &expected, is_vendors);
        assert_eq!(answer.headers.get("retry-after"), Some("10"));
        assert!(!answer.headers.has("www-authenticate"));
        assert_problem(&gateway.call(&call.header(PROBLEM)), &expected);
    }
}

#[test]
fn a_401_tells_where_tokens_are_had() {
    let uri = "[token]\nwww_authenticate_uri = \"https://keystone.test/v3\"\n";
    let world = Refusing::with(|setup| setup.more(uri));
    let keystone = "Keystone uri=\"https://keystone.test/v3\"";
    let bearer = "Bearer realm=\"actiongate\"";
    let bad = format!(
        "{bearer}, error=\"invalid_token\", error_description=\"The token is not a signed JWT: it has no dots.\""
    );
    for (api, _) in APIS {
        for accept in ["Accept: */*", PROBLEM] {
            let call = Call::get(format!("/{api}/{PROJECT}/x")).header(accept);
            let answer = world.call(&call);
            assert_eq!(answer.headers.all("www-authenticate"), [keystone, bearer]);
            let answer = world.call(&call.clone().header("X-Auth-Token: fernet"));
            assert_eq!(
                answer.headers.all("www-authenticate"),
                [keystone, bad.as_str()]
            );
            let answer = world.call(&call.bearer(&token(&[])));
            assert_eq!(answer.status, 404);
            assert!(!answer.headers.has("www-authenticate"));
        }
    }
    let answer = Refusing::start().call(&Call::get("/x"));
    assert_eq!(answer.headers.all("www-authenticate"), [bearer]);
}

/// A body would be read as the start of the next answer.
#[test]
fn a_head_request_has_no_body_in_any_form() {
    let upstream = Upstream::start();
    let gateway = start(&upstream);
    let mut client = gateway.connect();
    for (api, _) in APIS {
        for accept in ["Accept: */*", PROBLEM] {
            let path = format!("/{api}/{PROJECT}/x");
            let get = client.call(&Call::get(path.clone()).header(accept));
            let head = client.call(&Call::new("HEAD", path).header(accept));
            assert_eq!((head.status, head.body.len()), (401, 0));
            for name in ["content-type", "content-length", "www-authenticate"] {
                assert_eq!(head.headers.all(name), get.headers.all(name), "{name}");
            }
        }
    }
}
