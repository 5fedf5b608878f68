//! Answers that we would not pass on: hyper reads some that have two readings.

use hyper::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use hyper::{Response, StatusCode};

/// Why an answer that hyper could read is none.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidAnswer {
    /// RFC 9112 §6.3: an attempt at response splitting, or a mistake that looks like one.
    #[error("it has both `Content-Length` and `Transfer-Encoding`")]
    TwoFramings,
    /// hyper would read to the end of the connection.
    #[error("its `Transfer-Encoding` is not `chunked`")]
    Coding,
    /// Even equal ones: the next reader may take the sum, or refuse.
    #[error("it has several lengths")]
    Lengths,
    /// RFC 9112 §6.3: it ends with its head, so what follows would be taken for the next answer.
    #[error("its status is without a body, but it announces one")]
    UnexpectedBody,
}

/// Refuses an answer whose framing is in doubt; one over HTTP/2 may become one over HTTP/1.1.
pub fn check<B>(answer: &Response<B>) -> Result<(), InvalidAnswer> {
    let mut lengths = answer.headers().get_all(CONTENT_LENGTH).iter();
    let length = lengths.next();
    if lengths.next().is_some() || length.is_some_and(|length| length.as_bytes().contains(&b',')) {
        return Err(InvalidAnswer::Lengths);
    }
    let mut codings = answer.headers().get_all(TRANSFER_ENCODING).iter();
    let coding = codings.next();
    match (coding, length) {
        (Some(_), Some(_)) => return Err(InvalidAnswer::TwoFramings),
        (Some(coding), None) => {
            let is_chunked = coding.as_bytes().eq_ignore_ascii_case(b"chunked");
            if !is_chunked || codings.next().is_some() {
                return Err(InvalidAnswer::Coding);
            }
        }
        (None, _) => {}
    }
    // Nova says `Content-Length: 0` in its 204, which is not allowed but harmless.
    let announces = coding.is_some() || length.is_some_and(|length| length != "0");
    if answer.status() == StatusCode::NO_CONTENT && announces {
        return Err(InvalidAnswer::UnexpectedBody);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_one_framing_or_none() {
        let cases: [(u16, &[(&str, &str)], _); 12] = [
            (200, &[], Ok(())),
            (200, &[("content-length", "5")], Ok(())),
            (200, &[("transfer-encoding", "Chunked")], Ok(())),
            (204, &[("content-length", "0")], Ok(())),
            (304, &[("content-length", "5")], Ok(())),
            (
                200,
                &[("content-length", "5"), ("transfer-encoding", "chunked")],
                Err(InvalidAnswer::TwoFramings),
            ),
            (
                200,
                &[("content-length", "5"), ("content-length", "5")],
                Err(InvalidAnswer::Lengths),
            ),
            (
                200,
                &[("content-length", "5, 5")],
                Err(InvalidAnswer::Lengths),
            ),
            (
                200,
                &[("transfer-encoding", "gzip, chunked")],
                Err(InvalidAnswer::Coding),
            ),
            (
                200,
                &[
                    ("transfer-encoding", "chunked"),
                    ("transfer-encoding", "chunked"),
                ],
                Err(InvalidAnswer::Coding),
            ),
            (
                204,
                &[("content-length", "5")],
                Err(InvalidAnswer::UnexpectedBody),
            ),
            (
                204,
                &[("transfer-encoding", "chunked")],
                Err(InvalidAnswer::UnexpectedBody),
            ),
        ];
        for (status, headers, expected) in cases {
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(*name, *value);
            }
            let answer = response.body(()).unwrap();
            assert_eq!(check(&answer), expected, "{status} {headers:?}");
        }
    }
}
