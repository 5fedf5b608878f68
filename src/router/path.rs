//! The path of a request, refused where an upstream could read it in another way.
//!
//! Nova decodes a path once before routing, folds runs of slashes, resolves dot segments under some
//! servers, cuts at `#` and takes the method from a `_method` member of the query. So a path has one
//! spelling here, its normal form (RFC 3986 §6.2.2), and everything else is refused, never repaired:
//! what matched is what is sent. One thing comes before us: the server's parser (`http::Uri`) cuts a
//! target at `#`; what is left is what is judged and what is sent.

mod query;

use std::fmt;
use std::str::FromStr;

use hyper::Uri;
use hyper::http::uri::PathAndQuery;

use super::scan;
use crate::table::is_version_root;

/// A path with its query, in the one spelling that is accepted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RequestPath {
    text: PathAndQuery,
}

/// Why a request target is refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidRequestPath {
    /// Authority or asterisk form, or an absolute form of another scheme.
    #[error("the request target must be a path that starts with `/`")]
    NotAPath,
    /// `//`.
    #[error("the path has an empty segment (`//`); write each `/` once")]
    EmptySegment,
    /// A slash at the end of a path other than `/` and a version's.
    #[error("the path ends with `/`; leave the last `/` out")]
    TrailingSlash,
    /// `.` or `..`, however spelled.
    #[error("the path has a `.` or `..` segment; write the path it stands for")]
    DotSegment,
    /// A byte that must not stand there as it is.
    #[error("the request target holds {0}, which must not stand there as it is")]
    Character(Byte),
    /// `%` without two hexadecimal digits.
    #[error("the path has a `%` without two hexadecimal digits")]
    Escape,
    /// An escape with lower-case digits.
    #[error("the path has an escape in lower case; write `%{0:02X}`")]
    LowerCaseEscape(u8),
    /// An encoded unreserved character.
    #[error("the path has `%{0:02X}`, which has the plain spelling `{ch}`", ch = char::from(*.0))]
    EncodedUnreserved(u8),
    /// An encoded separator, `%`, NUL or control byte.
    #[error("the path has `%{0:02X}`, an encoded separator or control byte")]
    EncodedSeparator(u8),
    /// Escapes that are not UTF-8.
    #[error("the path's escapes are not UTF-8")]
    NotUtf8,
    /// More than any upstream needs.
    #[error("the query has more than 8192 bytes")]
    QueryTooLong,
    /// A member that could make the upstream run another method.
    #[error(
        "the name of a member of the query holds `_method`, which could change the method behind the gateway"
    )]
    MethodOverride,
}

/// A byte as messages show it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Byte(u8);

impl fmt::Display for Byte {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_ascii_graphic() {
            write!(f, "`{}`", char::from(self.0))
        } else {
            write!(f, "the byte 0x{:02X}", self.0)
        }
    }
}

impl RequestPath {
    /// Reads the path of a request target in origin form or in the absolute form of the web
    /// (RFC 9112 §3.2), which HTTP/2 always has. Whose authority it names is not looked at here:
    /// the `Host` header has to agree.
    ///
    /// # Errors
    ///
    /// The first reason to refuse it.
    pub fn parse(uri: &Uri) -> Result<Self, InvalidRequestPath> {
        let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
        if !is_web && (uri.scheme().is_some() || uri.authority().is_some()) {
            return Err(InvalidRequestPath::NotAPath);
        }
        let text = uri.path_and_query().ok_or(InvalidRequestPath::NotAPath)?;
        // Before `path`, which makes up a `/` where there is none.
        if !text.as_str().starts_with('/') {
            return Err(InvalidRequestPath::NotAPath);
        }
        check(text.path(), text.query())?;
        // Of `http://host#…` it keeps no byte, says `/` all the same, and sends nothing as the target.
        let text = match text.as_str() {
            "/" => PathAndQuery::from_static("/"),
            _ => text.clone(),
        };
        Ok(Self { text })
    }

    /// The path without its query.
    pub fn path(&self) -> &str {
        self.text.path()
    }

    /// The bytes to send upstream.
    pub fn path_and_query(&self) -> &PathAndQuery {
        &self.text
    }
}

impl FromStr for RequestPath {
    type Err = InvalidRequestPath;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // Before `PathAndQuery`, which would silently cut the text at a `#`.
        let (path, query) = match text.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (text, None),
        };
        check(path, query)?;
        let text = text.parse().map_err(|_| InvalidRequestPath::NotAPath)?;
        Ok(Self { text })
    }
}

fn check(path: &str, query: Option<&str>) -> Result<(), InvalidRequestPath> {
    let Some(segments) = path.strip_prefix('/') else {
        return Err(InvalidRequestPath::NotAPath);
    };
    let is_root = || segments.is_empty() || is_version_root(path);
    if !is_simple(path.as_bytes()) && !is_root() {
        check_segments(segments.as_bytes())?;
    }
    query.map_or(Ok(()), query::check)
}

/// Whether nothing in the path needs a closer look; so it is with most.
fn is_simple(path: &[u8]) -> bool {
    // From `-` to `:` are `./`, the digits and those two.
    let is_common = |byte| matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'-'..=b':' | b'_');
    let is_odd = |first, second| matches!((first, second), (b'/', b'/' | b'.'));
    scan::all(path, is_common) && !scan::any_pair(path, is_odd) && path.last() != Some(&b'/')
}

fn check_segments(segments: &[u8]) -> Result<(), InvalidRequestPath> {
    let mut segments = segments.split(|byte| *byte == b'/').peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match check_segment(segment) {
            Err(InvalidRequestPath::EmptySegment) if is_last => {
                return Err(InvalidRequestPath::TrailingSlash);
            }
            checked => checked?,
        }
    }
    Ok(())
}

fn check_segment(segment: &[u8]) -> Result<(), InvalidRequestPath> {
    if segment.is_empty() {
        return Err(InvalidRequestPath::EmptySegment);
    }
    // Six bytes are `%2E%2E`: nothing longer decodes to a dot segment.
    if matches!(segment, [b'.' | b'%', ..])
        && segment.len() <= 6
        && matches!(decode(segment).as_slice(), b"." | b"..")
    {
        return Err(InvalidRequestPath::DotSegment);
    }
    let mut bytes = segment.iter().copied();
    let mut has_high_escape = false;
    // Most segments end here, at a look-up a byte.
    while let Some(byte) = bytes.find(|byte| !PLAIN.contains(*byte)) {
        if byte != b'%' {
            return Err(InvalidRequestPath::Character(Byte(byte)));
        }
        has_high_escape |= !check_escape(bytes.next(), bytes.next())?.is_ascii();
    }
    if has_high_escape && std::str::from_utf8(&decode(segment)).is_err() {
        return Err(InvalidRequestPath::NotUtf8);
    }
    Ok(())
}

/// A set of bytes as a table.
struct ByteSet([bool; 256]);

impl ByteSet {
    fn contains(&self, byte: u8) -> bool {
        self.0.get(usize::from(byte)).is_some_and(|is_in| *is_in)
    }
}

/// [`is_plain`] for every byte.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
static PLAIN: ByteSet = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        table[byte as usize] = is_plain(byte);
        byte += 1;
    }
    ByteSet(table)
};

/// The characters of a segment (RFC 3986 §3.3 `pchar`) but `;`, which some routers cut at.
const fn is_plain(byte: u8) -> bool {
    is_unreserved(byte)
        || matches!(
            byte,
            b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b'=' | b':' | b'@'
        )
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// The byte that `%` and these two digits stand for.
fn check_escape(high: Option<u8>, low: Option<u8>) -> Result<u8, InvalidRequestPath> {
    let (Some(high), Some(low)) = (high, low) else {
        return Err(InvalidRequestPath::Escape);
    };
    let (Some(high_value), Some(low_value)) = (hex(high), hex(low)) else {
        return Err(InvalidRequestPath::Escape);
    };
    let byte = high_value << 4 | low_value;
    if is_unreserved(byte) {
        return Err(InvalidRequestPath::EncodedUnreserved(byte));
    }
    if b"/\\%".contains(&byte) || byte.is_ascii_control() {
        return Err(InvalidRequestPath::EncodedSeparator(byte));
    }
    if high.is_ascii_lowercase() || low.is_ascii_lowercase() {
        return Err(InvalidRequestPath::LowerCaseEscape(byte));
    }
    Ok(byte)
}

/// Percent-decodes once; what is no escape stays as it is, as Python's `unquote` leaves it.
fn decode(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        rest = tail;
        if let (b'%', [high, low, after @ ..]) = (first, tail)
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        {
            decoded.push(high << 4 | low);
            rest = after;
        } else {
            decoded.push(*first);
        }
    }
    decoded
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests;
