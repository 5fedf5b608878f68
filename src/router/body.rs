//! The body that tells which operation a request is about: the one JSON object that every reader
//! would see in it, or why it is refused.
//!
//! Pure. Servers look the encoding of JSON up in its first bytes (Python does), in the media type or
//! nowhere, and take what a coding or a second header makes of it; so there is one form only.

use hyper::HeaderMap;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE};
use serde_json::{Map, Value};

use crate::json::{self, InvalidJson};

/// As UTF-8; some readers skip it, others do not.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A body of which all readers see the same.
#[derive(Clone, Debug)]
pub struct JsonBody {
    members: Map<String, Value>,
}

/// Why a body is refused before anything is looked up in it.
#[derive(Debug, thiserror::Error)]
pub enum InvalidBody {
    /// No media type, several or another one: Nova takes any text for JSON.
    #[error(
        "the body tells which operation this is, expected one `Content-Type: application/json`, in UTF-8"
    )]
    MediaType,
    /// A coding, which not every server undoes.
    #[error(
        "the body tells which operation this is, expected it as it is, without `Content-Encoding`"
    )]
    Encoding,
    /// Not a byte.
    #[error("the body tells which operation this is, expected a JSON object instead of nothing")]
    Empty,
    /// Readers differ.
    #[error("the body begins with a byte order mark, expected JSON in UTF-8 without one")]
    ByteOrderMark,
    /// UTF-16, say, or a form that some readers would repair.
    #[error("the body is not UTF-8")]
    Utf8,
    /// Broken, or with a second reading.
    #[error("the body is {}: {}", .0, .0.detail())]
    Json(InvalidJson),
}

impl JsonBody {
    /// Looks at what the headers say of a body, before it is read.
    ///
    /// # Errors
    ///
    /// [`InvalidBody::MediaType`] and [`InvalidBody::Encoding`].
    pub fn check_head(headers: &HeaderMap) -> Result<(), InvalidBody> {
        let mut types = headers.get_all(CONTENT_TYPE).iter();
        match (types.next(), types.next()) {
            (Some(only), None) if is_json(only.as_bytes()) => {}
            _ => return Err(InvalidBody::MediaType),
        }
        match headers.contains_key(CONTENT_ENCODING) {
            true => Err(InvalidBody::Encoding),
            false => Ok(()),
        }
    }

    /// Reads the body.
    ///
    /// # Errors
    ///
    /// Anything but one JSON object in UTF-8 as [`json::parse_object`] takes it.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidBody> {
        if bytes.is_empty() {
            return Err(InvalidBody::Empty);
        }
        if bytes.starts_with(BYTE_ORDER_MARK) {
            return Err(InvalidBody::ByteOrderMark);
        }
        if std::str::from_utf8(bytes).is_err() {
            return Err(InvalidBody::Utf8);
        }
        let members = json::parse_object(bytes).map_err(InvalidBody::Json)?;
        Ok(Self { members })
    }

    /// A member that some servers would take for the one that `names` lead to, or for one on the way
    /// there, though we do not. Arrays stand for all of their items.
    pub fn alike(&self, names: &[String]) -> Option<&str> {
        alike(&self.members, names)
    }

    /// The object's members.
    pub fn members(&self) -> &Map<String, Value> {
        &self.members
    }
}

/// Of the parameters, the upstream could take another charset than ours for the body's, and some
/// servers choose the API by `version`.
fn is_json(media_type: &[u8]) -> bool {
    let mut parts = media_type
        .split(|byte| *byte == b';')
        .map(<[u8]>::trim_ascii);
    let name = parts.next().unwrap_or_default();
    name.eq_ignore_ascii_case(b"application/json")
        && match (parts.next(), parts.next()) {
            (None, _) => true,
            (Some(parameter), None) => [&b"charset=utf-8"[..], b"charset=\"utf-8\""]
                .iter()
                .any(|utf8| parameter.eq_ignore_ascii_case(utf8)),
            (Some(_), Some(_)) => false,
        }
}

fn alike<'a>(members: &'a Map<String, Value>, names: &[String]) -> Option<&'a str> {
    let (expected, rest) = names.split_first()?;
    members.iter().find_map(|(name, value)| match value {
        _ if name != expected => folded(name).eq(folded(expected)).then_some(name.as_str()),
        value => alike_within(value, rest),
    })
}

fn alike_within<'a>(value: &'a Value, names: &[String]) -> Option<&'a str> {
    match value {
        Value::Object(members) => alike(members, names),
        Value::Array(items) => {
            let (_, rest) = names.split_first()?;
            items.iter().find_map(|item| alike_within(item, rest))
        }
        _ => None,
    }
}

/// A member's name as readers see it that go by letters alone: Go's ignores their case, and with it
/// that `ſ` is an `s`; some of Java's ignore `_` and `-` too. For C's a name ends at a NUL.
fn folded(name: &str) -> impl Iterator<Item = char> {
    let name = name.chars().take_while(|letter| *letter != '\0');
    let letters = name.filter(|letter| !matches!(letter, '_' | '-'));
    letters
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
}

#[cfg(test)]
mod tests;
