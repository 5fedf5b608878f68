//! What Nova takes from media types beside the form of a body: the method and the version of the API.

use hyper::HeaderMap;
use hyper::header::{ACCEPT, CONTENT_TYPE};

/// The parameter by which Nova chooses the version of the API where the path begins with none.
const VERSION: &[u8] = b"version";

/// Whether the body is a form, of either kind (HTML §4.10.21.6).
pub fn is_form(headers: &HeaderMap) -> bool {
    let Some(media_type) = headers.get(CONTENT_TYPE) else {
        return false;
    };
    let essence = media_type.as_bytes().split(|byte| *byte == b';').next();
    let essence = essence.unwrap_or_default().trim_ascii();
    essence.eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
        || essence.eq_ignore_ascii_case(b"multipart/form-data")
}

/// Whether a line of `Accept` or `Content-Type` has a parameter `version`.
///
/// Nova's parser finds parameters also within quoted strings and in any place of a broken line, so
/// what stands in quotes or out of place counts, too.
pub fn names_version(headers: &HeaderMap) -> bool {
    let accept = headers.get_all(ACCEPT).iter();
    let mut lines = accept.chain(headers.get_all(CONTENT_TYPE));
    lines.any(|line| {
        let line = line.as_bytes();
        let mut pieces = line.split(|byte| b";,".contains(byte));
        // Most have no parameter.
        line.contains(&b';') && pieces.any(begins_with_version)
    })
}

/// Whether the first word of the piece is `version`, whatever stands around it: a quote, `*`, or a byte
/// that Python takes for a space. Its parser of lists drops `\` from quoted strings.
fn begins_with_version(piece: &[u8]) -> bool {
    let is_of_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._".contains(byte);
    let bytes = piece.iter().copied().filter(|byte| *byte != b'\\');
    let word = bytes
        .skip_while(|byte| !is_of_word(byte))
        .take_while(is_of_word);
    word.map(|byte| byte.to_ascii_lowercase())
        .eq(VERSION.iter().copied())
}

#[cfg(test)]
mod tests;
