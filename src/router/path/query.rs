//! The query of a request: it passes as it is, or not at all.

use super::{Byte, InvalidRequestPath, decode};

/// The most bytes: Nova's longest lists of filters are far shorter, and WSGI servers stop here.
const MAX_LENGTH: usize = 8 * 1024;

/// What no member's name may hold, in any case.
const OVERRIDE: &[u8] = b"_method";

pub fn check(query: &str) -> Result<(), InvalidRequestPath> {
    if query.len() > MAX_LENGTH {
        return Err(InvalidRequestPath::QueryTooLong);
    }
    // The four that no URL has as they are, and `http` does not take.
    let is_odd = |byte: &u8| !byte.is_ascii_graphic() || b"\"#<>".contains(byte);
    if let Some(byte) = query.bytes().find(is_odd) {
        return Err(InvalidRequestPath::Character(Byte(byte)));
    }
    if overrides_method(query.as_bytes()) {
        return Err(InvalidRequestPath::MethodOverride);
    }
    Ok(())
}

/// Whether somebody could find a member `_method`: as it stands, decoded, or decoded twice by two
/// servers in a row; separators that were encoded separate, too.
fn overrides_method(query: &[u8]) -> bool {
    if names_override(query) {
        return true;
    }
    if !query.contains(&b'%') {
        return false;
    }
    let once = decode(query);
    names_override(&once) || names_override(&decode(&once))
}

/// Whether the name of any member holds the word: what is around it, such as `+`, NUL, `?` or
/// brackets, some parser drops.
fn names_override(query: &[u8]) -> bool {
    let mut members = query.split(|byte| matches!(byte, b'&' | b';'));
    members.any(|member| {
        let mut parts = member.split(|byte| *byte == b'=');
        let name = parts.next().unwrap_or(member);
        let mut words = name.windows(OVERRIDE.len());
        words.any(|word| word.eq_ignore_ascii_case(OVERRIDE))
    })
}
