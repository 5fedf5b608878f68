//! The one credential of a request.

use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue};

use super::{Token, TokenError};

const X_AUTH_TOKEN: HeaderName = HeaderName::from_static("x-auth-token");

/// Finds the token in `Authorization: Bearer` (RFC 6750 §2.1) or in Keystone's `X-Auth-Token`.
///
/// # Errors
///
/// No credential, one that is not a bearer token, or more than one: two readers of the request
/// could take different ones.
pub fn credential(headers: &HeaderMap) -> Result<Token<'_>, TokenError> {
    let authorization = headers.get_all(AUTHORIZATION).iter();
    let x_auth_token = headers.get_all(X_AUTH_TOKEN).iter();
    let mut offered = authorization
        .map(|value| (value, Form::Bearer))
        .chain(x_auth_token.map(|value| (value, Form::Plain)));
    let (value, form) = offered.next().ok_or(TokenError::Missing)?;
    if offered.next().is_some() {
        return Err(TokenError::Ambiguous);
    }
    let text = match form {
        Form::Bearer => bearer(value)?,
        Form::Plain => text(value).unwrap_or_default(),
    };
    if text.is_empty() {
        return Err(TokenError::Malformed("it is empty or not text".to_owned()));
    }
    Ok(Token::new(text))
}

enum Form {
    Bearer,
    Plain,
}

fn bearer(value: &HeaderValue) -> Result<&str, TokenError> {
    let text = text(value).ok_or(TokenError::Scheme)?;
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
            Ok(token.trim_start_matches(' '))
        }
        _ => Err(TokenError::Scheme),
    }
}

/// Quicker than `to_str`, which looks for visible characters one by one; what is not of a token is
/// refused with the token.
fn text(value: &HeaderValue) -> Option<&str> {
    std::str::from_utf8(value.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_exactly_one_credential() {
        let malformed = || Err(TokenError::Malformed("it is empty or not text".to_owned()));
        let cases: [(&[(&str, &str)], Result<&str, TokenError>); 12] = [
            (&[("authorization", "Bearer a.b.c")], Ok("a.b.c")),
            (&[("authorization", "bEARER   a.b.c")], Ok("a.b.c")),
            (&[("x-auth-token", "a.b.c")], Ok("a.b.c")),
            (&[], Err(TokenError::Missing)),
            (&[("x-storage-token", "a.b.c")], Err(TokenError::Missing)),
            (&[("authorization", "Basic dTpw")], Err(TokenError::Scheme)),
            (&[("authorization", "Bearer")], Err(TokenError::Scheme)),
            (&[("authorization", "Bearer ")], malformed()),
            (&[("x-auth-token", "")], malformed()),
            (
                &[("authorization", "Bearer a"), ("x-auth-token", "a")],
                Err(TokenError::Ambiguous),
            ),
            (
                &[("authorization", "Bearer a"), ("authorization", "Bearer a")],
                Err(TokenError::Ambiguous),
            ),
            (
                &[("x-auth-token", "a"), ("x-auth-token", "b")],
                Err(TokenError::Ambiguous),
            ),
        ];
        for (lines, expected) in cases {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(*name, HeaderValue::from_str(value).unwrap());
            }
            assert_eq!(
                credential(&headers).map(Token::as_str),
                expected,
                "{lines:?}"
            );
        }
    }

    #[test]
    fn never_shows_the_token() {
        assert_eq!(format!("{:?}", Token::new("secret")), "Token(6 bytes)");
    }
}
