//! A list as JSON: read whole, or refused whole.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::list::{Issued, Revocations};
use super::{MAX_ENTRIES, RevocationError};
use crate::json::quoted;

/// The only version there is.
const VERSION: u64 = 1;

/// The most characters of what is wrong.
const MAX_DETAIL: usize = 200;

/// What is revoked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// The issuer's name, byte by byte.
    pub issuer: Box<str>,
    /// What of the issuer's.
    pub of: Of,
    /// When it may be forgotten, in seconds since 1970.
    pub until: Option<u64>,
}

/// What of an issuer's tokens.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Of {
    /// The one that is called so.
    Token(Box<str>),
    /// Those of a subject.
    Subject(Box<str>, Issued),
    /// Those of everybody.
    Issuer(Issued),
}

/// The whole list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document<'a> {
    version: u64,
    #[serde(default, deserialize_with = "present")]
    issued_at: Option<u64>,
    #[serde(borrow)]
    revoked: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenEntry {
    issuer: Box<str>,
    #[serde(default, deserialize_with = "present")]
    jti: Option<Box<str>>,
    #[serde(default, deserialize_with = "present")]
    subject: Option<Box<str>>,
    #[serde(default, deserialize_with = "present")]
    issued_before: Option<u64>,
    #[serde(default, deserialize_with = "present")]
    until: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Version {
    version: u64,
}

/// Reads an object; of an array serde would take the items for its members.
fn object<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, String> {
    if !text.trim_ascii_start().starts_with(b"{") {
        return Err("it is not an object".to_owned());
    }
    serde_json::from_slice(text).map_err(|error| detail(&error))
}

/// What is wrong, on one line, of a length that any name in the text cannot exceed.
fn detail(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.chars().take(MAX_DETAIL);
    text.map(|letter| match letter.is_control() {
        true => ' ',
        false => letter,
    })
    .collect()
}

/// `null` is not the same as nothing: without its `jti`, an entry would revoke all.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl Entry {
    /// Reads one as JSON.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    fn parse(text: &str) -> Result<Self, String> {
        let written: WrittenEntry = object(text.as_bytes())?;
        let texts = [
            ("issuer", Some(&written.issuer)),
            ("jti", written.jti.as_ref()),
            ("subject", written.subject.as_ref()),
        ];
        for (name, text) in texts {
            if text.is_some_and(|text| text.is_empty()) {
                return Err(format!("its `{name}` is empty"));
            }
        }
        let issued = written.issued_before.map_or(Issued::Ever, Issued::Before);
        let of = match (written.jti, written.subject) {
            (Some(_), Some(_)) => {
                return Err("it has `jti` and `subject`, expected one of them".to_owned());
            }
            (Some(_), None) if written.issued_before.is_some() => {
                return Err("it has `jti` and `issued_before`, expected one of them".to_owned());
            }
            (Some(id), None) => Of::Token(id),
            (None, Some(subject)) => Of::Subject(subject, issued),
            (None, None) => Of::Issuer(issued),
        };
        Ok(Self {
            issuer: written.issuer,
            of,
            until: written.until,
        })
    }

    fn counts(&self, now: u64) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// A list and when it was made, if it says so.
#[derive(Debug)]
pub struct Parsed {
    pub list: Revocations,
    pub issued_at: Option<u64>,
}

/// Reads a list; entries that may be forgotten at the time `now`, in seconds since 1970, are.
///
/// # Errors
///
/// Anything in it that is not understood.
pub fn parse(text: &[u8], now: u64) -> Result<Parsed, RevocationError> {
    let document: Document<'_> = object(text).map_err(RevocationError::Document)?;
    if document.version != VERSION {
        let version = document.version;
        let message = format!("its `version` is {version}, expected {VERSION}");
        return Err(RevocationError::Document(message));
    }
    if document.revoked.len() > MAX_ENTRIES {
        return Err(RevocationError::TooMany);
    }
    let mut list = Revocations::default();
    for (place, text) in document.revoked.iter().enumerate() {
        let entry = Entry::parse(text.get());
        let entry = entry.map_err(|reason| RevocationError::Entry { place, reason })?;
        if entry.counts(now) {
            list.add(entry);
        }
    }
    Ok(Parsed {
        list,
        issued_at: document.issued_at,
    })
}

/// Reads a list from the members of a set, of which one says that it is one.
///
/// # Errors
///
/// As [`parse`]; a set without its version is one that was emptied.
pub fn parse_members(
    members: impl IntoIterator<Item = String>,
    now: u64,
) -> Result<Revocations, RevocationError> {
    let mut list = Revocations::default();
    let mut has_version = false;
    for member in members {
        match object::<Version>(member.as_bytes()) {
            Ok(Version { version: VERSION }) => has_version = true,
            _ => match Entry::parse(&member) {
                Ok(entry) if entry.counts(now) => list.add(entry),
                Ok(_) => {}
                Err(reason) => {
                    let member = quoted(&member);
                    return Err(RevocationError::Member { member, reason });
                }
            },
        }
    }
    match has_version {
        true => Ok(list),
        false => Err(RevocationError::NoVersion),
    }
}

#[cfg(test)]
mod tests;
