//! Headers that are not removed but refused.

use super::*;

#[test]
fn headers_with_a_second_reading_are_refused() {
    let underscore = |name: &str| Err(InvalidHeaders::Underscore(name.to_owned()));
    let host = || Err(InvalidHeaders::Host);
    let coding = || Err(InvalidHeaders::TransferEncoding);
    let cases: [(&[(&str, &str)], Result<(), InvalidHeaders>); 20] = [
        (&[("host", "a")], Ok(())),
        (&[("Host", "a:80"), ("x-a", "x_b")], Ok(())),
        (
            &[("host", "a"), ("X_Roles", "admin")],
            underscore("x_roles"),
        ),
        (
            &[("host", "a"), ("x-user_id", "u")],
            underscore("x-user_id"),
        ),
        (&[("host", "a"), ("_", "u")], underscore("_")),
        (&[("content_length", "3")], underscore("content_length")),
        (&[], host()),
        (&[("host", "")], host()),
        (&[("host", "a"), ("host", "a")], host()),
        (&[("host", "a"), ("Host", "b")], host()),
        (&[("host", "a"), ("content-type", "a/b")], Ok(())),
        (
            &[
                ("host", "a"),
                ("content-type", "a/b"),
                ("Content-Type", "a/b"),
            ],
            Err(InvalidHeaders::Repeated(hyper::header::CONTENT_TYPE)),
        ),
        (
            &[("host", "a"), ("accept", "a/b"), ("accept", "c/d")],
            Ok(()),
        ),
        (&[("host", "a"), ("transfer-encoding", "chunked")], Ok(())),
        (&[("host", "a"), ("transfer-encoding", "Chunked")], Ok(())),
        (
            &[("host", "a"), ("transfer-encoding", "gzip, chunked")],
            coding(),
        ),
        (&[("host", "a"), ("transfer-encoding", "gzip")], coding()),
        (&[("host", "a"), ("transfer-encoding", "")], coding()),
        (
            &[
                ("host", "a"),
                ("transfer-encoding", "gzip"),
                ("transfer-encoding", "chunked"),
            ],
            coding(),
        ),
        (
            &[
                ("host", "a"),
                ("transfer-encoding", "chunked"),
                ("transfer-encoding", "chunked"),
            ],
            coding(),
        ),
    ];
    for (sent, expected) in cases {
        assert_eq!(check(&headers(sent)), expected, "{sent:?}");
    }
}
