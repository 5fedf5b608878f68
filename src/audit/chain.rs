//! The chain of a file's lines: each carries a digest over itself and the one before.
//!
//! The digest is SHA-256, or HMAC-SHA256 (RFC 2104) with a key, of the digest before in hexadecimal,
//! nothing where there is none, and the line's text up to its last member, `,"chain":"…"}`.

use std::fmt::Write as _;

use aws_lc_rs::{digest, hmac};

/// Before and after the digest in a line.
const BEFORE: &[u8] = b",\"chain\":\"";
const AFTER: &[u8] = b"\"}";

/// The digest of one line, 64 digits.
pub type Link = String;

/// How digests are computed.
#[derive(Debug)]
pub struct Chain {
    key: Option<hmac::Key>,
}

impl Chain {
    /// With a key, or without.
    pub fn new(key: Option<&[u8]>) -> Self {
        Self {
            key: key.map(|key| hmac::Key::new(hmac::HMAC_SHA256, key)),
        }
    }

    /// The digest of a line with this text up to its last member.
    pub fn link(&self, previous: Option<&Link>, text: &[u8]) -> Link {
        let previous = previous.map_or(&[][..], |link| link.as_bytes());
        match &self.key {
            None => {
                let mut context = digest::Context::new(&digest::SHA256);
                context.update(previous);
                context.update(text);
                hexadecimal(context.finish().as_ref())
            }
            Some(key) => {
                let mut context = hmac::Context::with_key(key);
                context.update(previous);
                context.update(text);
                hexadecimal(context.sign().as_ref())
            }
        }
    }

    /// Puts the digest into a line, an object of JSON with at least one member.
    pub fn seal(&self, previous: Option<&Link>, line: &mut Vec<u8>) -> Link {
        // Its closing brace.
        line.pop();
        let tag = self.link(previous, line);
        line.extend_from_slice(BEFORE);
        line.extend_from_slice(tag.as_bytes());
        line.extend_from_slice(AFTER);
        tag
    }
}

/// A line's text up to its last member, and its digest; `None` if it has none.
pub fn split(line: &[u8]) -> Option<(&[u8], Link)> {
    let line = line.strip_suffix(AFTER)?;
    let (line, tag) = line.split_at_checked(line.len().checked_sub(64)?)?;
    let is_digit = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    let text = line.strip_suffix(BEFORE)?;
    let tag = tag.iter().all(is_digit).then_some(tag)?;
    Some((text, String::from_utf8(tag.to_vec()).ok()?))
}

/// SHA-256 in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hexadecimal(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// Two digits a byte.
pub fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    for byte in bytes {
        // A string takes everything.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
