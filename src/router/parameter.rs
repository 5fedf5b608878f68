//! What the parameters of a path may hold, by their kind.
//!
//! An identifier has one spelling, because servers compare identifiers in several ways: Nova's
//! database without regard to case, others after decoding.

use super::scan;
use crate::table::{ParameterKind, is_version};

/// Nova's bound of identifiers, keys and names, in characters.
const MAX_CHARACTERS: usize = 255;

/// Why a parameter of a path is refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidParameter {
    /// More characters than the upstream would take.
    #[error("the path's `{name}` is too long, expected at most {MAX_CHARACTERS} characters")]
    Length {
        /// The template's name of it.
        name: String,
    },
    /// An identifier that could be spelled otherwise.
    #[error(
        "the path's `{name}` is `{value}`, expected an identifier of letters, digits, `.`, `_` and `-`"
    )]
    Identifier {
        /// The template's name of it.
        name: String,
        /// As the path spells it.
        value: String,
    },
    /// A resource where the root of the API has them, beside its versions: Nova takes the version of
    /// `/servers` from elsewhere.
    #[error("the path's `{name}` is `{value}`, expected a version such as `v2.1`")]
    Version {
        /// The template's name of it.
        name: String,
        /// As the path spells it.
        value: String,
    },
    /// The same server has a name in lower case.
    #[error("the path's `{name}` is `{value}`, expected the UUID in lower case")]
    UpperCaseUuid {
        /// The template's name of it.
        name: String,
        /// As the path spells it.
        value: String,
    },
}

/// Holds the segment `value` of a path that is in its normal form against the `kind` of parameter
/// it stands for.
pub fn check(kind: ParameterKind, name: &str, value: &str) -> Result<(), InvalidParameter> {
    let bytes = value.as_bytes();
    // Escapes only make it longer than its characters, so most need no counting.
    if bytes.len() > MAX_CHARACTERS && characters(bytes) > MAX_CHARACTERS {
        return Err(InvalidParameter::Length {
            name: name.to_owned(),
        });
    }
    match kind {
        ParameterKind::Identifier => check_identifier(name, value),
        ParameterKind::Version if !is_version(value) => Err(InvalidParameter::Version {
            name: name.to_owned(),
            value: value.to_owned(),
        }),
        ParameterKind::Version | ParameterKind::Text => Ok(()),
    }
}

fn check_identifier(name: &str, value: &str) -> Result<(), InvalidParameter> {
    let bytes = value.as_bytes();
    if !scan::all(bytes, is_of_identifier) {
        return Err(InvalidParameter::Identifier {
            name: name.to_owned(),
            value: value.to_owned(),
        });
    }
    // In this order: most values are as long as no UUID.
    if is_uuid(bytes) && !scan::all(bytes, |byte| !byte.is_ascii_uppercase()) {
        return Err(InvalidParameter::UpperCaseUuid {
            name: name.to_owned(),
            value: value.to_owned(),
        });
    }
    Ok(())
}

/// How many characters a segment stands for: an escape is one, unless its byte continues a UTF-8
/// sequence, which those from `%80` to `%BF` do.
fn characters(segment: &[u8]) -> usize {
    let mut parts = segment.split(|byte| *byte == b'%');
    let plain = parts.next().map_or(0, <[u8]>::len);
    let after_percent = parts.map(|part| {
        let continues = matches!(part.first(), Some(b'8' | b'9' | b'A' | b'B'));
        part.len().saturating_sub(2) + usize::from(!continues)
    });
    plain + after_percent.sum::<usize>()
}

fn is_of_identifier(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

/// 8-4-4-4-12 hexadecimal digits, in any case.
fn is_uuid(bytes: &[u8]) -> bool {
    let is_in_place = |(at, byte): (usize, &u8)| match at {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    bytes.len() == 36 && bytes.iter().enumerate().all(is_in_place)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "0f3a9c1e-5b7d-4e21-9a6f-c0d1e2f3a4b5";

    fn name() -> String {
        "x_id".to_owned()
    }

    fn check(kind: ParameterKind, value: &str) -> Result<(), InvalidParameter> {
        super::check(kind, "x_id", value)
    }

    #[test]
    fn an_identifier_has_one_spelling() {
        let character = |value: &str| {
            Err(InvalidParameter::Identifier {
                name: name(),
                value: value.to_owned(),
            })
        };
        let upper = |value: &str| {
            Err(InvalidParameter::UpperCaseUuid {
                name: name(),
                value: value.to_owned(),
            })
        };
        let long = "a".repeat(255);
        let too_long = "a".repeat(256);
        let cases = [
            ("a", Ok(())),
            ("A.b_C-9", Ok(())),
            ("...", Ok(())),
            (UUID, Ok(())),
            (&long, Ok(())),
            // Not spelled as a UUID: no one would read it as the same in lower case.
            ("0F3A9C1E5B7D4E219A6FC0D1E2F3A4B5", Ok(())),
            ("0f3a9c1e-5b7d-4e21-9a6f-c0d1e2f3A4BG", Ok(())),
            (&too_long, Err(InvalidParameter::Length { name: name() })),
            ("a%20b", character("a%20b")),
            ("a~b", character("a~b")),
            ("a:b", character("a:b")),
            ("a,b", character("a,b")),
            ("%C3%A9", character("%C3%A9")),
        ];
        for (value, expected) in cases {
            let found = check(ParameterKind::Identifier, value);
            assert_eq!(found, expected, "{value}");
        }
        for at in [0, 2, 4, 7, 35] {
            let mut value = UUID.to_owned();
            let digit = if at == 0 { "A" } else { "F" };
            value.replace_range(at..=at, digit);
            assert_eq!(check(ParameterKind::Identifier, &value), upper(&value));
        }
        let shouted = UUID.to_uppercase();
        assert_eq!(check(ParameterKind::Identifier, &shouted), upper(&shouted));
    }

    #[test]
    fn a_version_is_a_number() {
        for value in ["v2", "v2.1"] {
            assert_eq!(check(ParameterKind::Version, value), Ok(()), "{value}");
        }
        for value in ["servers", "v2.1;x", "%762", "0a1b2c3d4e5f"] {
            let error = check(ParameterKind::Version, value).unwrap_err();
            let expected =
                format!("the path's `x_id` is `{value}`, expected a version such as `v2.1`");
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn a_text_is_bounded_in_characters() {
        let too_long = || Err(InvalidParameter::Length { name: name() });
        let shouted = UUID.to_uppercase();
        let cases = [
            (shouted, Ok(())),
            ("a%20b~:@!$&'()*+,=".to_owned(), Ok(())),
            ("k".repeat(255), Ok(())),
            ("k".repeat(256), too_long()),
            ("%20".repeat(255), Ok(())),
            ("%20".repeat(256), too_long()),
            ("%C3%A9".repeat(255), Ok(())),
            ("%C3%A9".repeat(256), too_long()),
            ("%E4%B8%AD".repeat(255), Ok(())),
            ("%E4%B8%AD".repeat(256), too_long()),
            ("%F0%9F%98%80".repeat(255), Ok(())),
            ("%F0%9F%98%80".repeat(256), too_long()),
        ];
        for (value, expected) in cases {
            assert_eq!(check(ParameterKind::Text, &value), expected, "{value}");
        }
    }
}
