//! The same refusals in the other forms, and where tokens are had.

use super::*;

const KEYSTONE: &str = "https://keystone.test/v3";

fn every() -> impl Iterator<Item = Rejection> {
    let tokens = tokens().into_iter().chain(bound()).map(|row| row.0);
    all().map(|row| row.0).chain(tokens)
}

fn body(rejection: &Rejection, form: Form) -> String {
    let response = rejection.response(form, &ID, None);
    String::from_utf8(response.into_body().to_vec()).unwrap()
}

fn problem(rejection: &Rejection) -> String {
    body(rejection, Form::Problem)
}

#[test]
fn the_vendors_clients_get_the_vendors_codes() {
    let domain = "d".to_owned();
    let domain = Rejection::Forbidden {
        denial: Denial::Domain { domain },
        missing: Vec::new(),
    };
    let of_status = |status: u16| all().find(|row| row.1 == status).unwrap().0;
    let cases = [
        (missing(&["a:b:c"]), "Ecs.0003"),
        (rows::body::denied(), "Ecs.0003"),
        (project("p"), "Ecs.0023"),
        (domain, "Ecs.0023"),
        (of_status(400), "Ecs.0005"),
        (of_status(404), "Ecs.0005"),
        (of_status(405), "Ecs.0005"),
        (of_status(413), "Ecs.0005"),
        (of_status(415), "Ecs.0005"),
        (of_status(502), "Ecs.0000"),
        (ForwardError::Busy.into(), "Ecs.0000"),
        (of_status(504), "Ecs.0000"),
    ];
    for (rejection, code) in cases {
        let message = Value::from(rejection.message());
        let expected = format!(r#"{{"error":{{"code":"{code}","message":{message}}}}}"#);
        assert_eq!(body(&rejection, Form::Ecs), expected, "{rejection:?}");
    }
}

/// A client of the vendor's API must not meet a code of another kind, or none.
#[test]
fn only_the_body_depends_on_the_form() {
    for rejection in every() {
        let plain = plain(&rejection);
        let is_keystones = String::from_utf8_lossy(plain.body()).starts_with("{\"error\"");
        let vendors = body(&rejection, Form::Ecs);
        match is_keystones {
            true => assert_eq!(vendors.as_bytes(), plain.body(), "{rejection:?}"),
            false => assert!(
                vendors.starts_with("{\"error\":{\"code\":\"Ecs."),
                "{vendors}"
            ),
        }
        for form in [Form::Ecs, Form::Problem] {
            let other = rejection.response(form, &ID, None);
            assert_eq!(other.status(), plain.status());
            assert_eq!(other.headers()["content-type"], form.media_type());
            assert_eq!(extra(&other), extra(&plain), "{rejection:?}");
        }
    }
}

#[test]
fn a_problem_says_all_that_is_known() {
    let denied = missing(&["a:b:c", "d:e:f"]);
    assert_eq!(
        problem(&denied),
        "{\"detail\":\"Policy doesn't allow a:b:c, d:e:f to be performed.\",\"instance\":\"req-1\",\
         \"missing\":[\"a:b:c\",\"d:e:f\"],\"reason\":\"action_missing\",\"status\":403,\"title\":\"Forbidden\",\
         \"type\":\"urn:actiongate:reason:action_missing\"}"
    );
    assert_eq!(
        problem(&TokenError::Expired.into()),
        "{\"detail\":\"The token has expired.\",\"instance\":\"req-1\",\"reason\":\"token_expired\",\"status\":401,\
         \"title\":\"Unauthorized\",\"type\":\"urn:actiongate:reason:token_expired\"}"
    );
    for rejection in every() {
        let json: Value = serde_json::from_str(&problem(&rejection)).unwrap();
        assert_eq!(json["status"], rejection.status().as_u16());
        assert_eq!(json["detail"], rejection.message());
        assert_ne!(json["title"], "", "{rejection:?}");
    }
}

#[test]
fn a_401_says_where_keystone_is_and_nothing_else_does() {
    let keystone: KeystoneChallenge = KEYSTONE.parse().unwrap();
    let expected = format!("Keystone uri=\"{KEYSTONE}\"");
    for rejection in every() {
        let response = rejection.response(Form::Ecs, &ID, Some(&keystone));
        let lines: Vec<_> = response
            .headers()
            .get_all(WWW_AUTHENTICATE)
            .iter()
            .collect();
        let bearer = plain(&rejection);
        let bearer = bearer.headers().get_all(WWW_AUTHENTICATE).iter();
        let first = (response.status() == 401).then(|| HeaderValue::from_str(&expected).unwrap());
        let both: Vec<_> = first.iter().chain(bearer).collect();
        assert_eq!(lines, both, "{rejection:?}");
    }
}

#[test]
fn keystones_uri_cannot_leave_its_quotes() {
    let url = "it is not an http or https URL of a host and, if any, a port from 1 to 65535";
    let character = "it has other than visible ASCII characters, `\"` or `\\`";
    let cases = [
        ("", url),
        ("keystone", url),
        ("/v3", url),
        ("ftp://h/v3", url),
        ("https://", url),
        ("https://h:0/v3", url),
        ("https://user:secret@h/v3", url),
        ("https://h/v3#x", url),
        ("https://h/\"", character),
        ("https://h/\\", character),
        ("https://h/ ", character),
        ("https://h/\r\nx: y", character),
        ("https://h/é", character),
    ];
    for (text, expected) in cases {
        let error = text.parse::<KeystoneChallenge>().unwrap_err();
        assert_eq!(error.to_string(), expected, "{text:?}");
    }
    for text in [
        "http://127.0.0.1:5000/v3",
        "https://[::1]/identity/v3",
        KEYSTONE,
    ] {
        let KeystoneChallenge(value) = text.parse().unwrap();
        assert_eq!(value, format!("Keystone uri=\"{text}\""));
    }
}
