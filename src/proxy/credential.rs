//! Which credential and which identity the upstream is sent.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue};

use super::header::X_SERVICE_TOKEN;
use super::identity::{KeystoneHeaders, set_nobody};
use super::settings::{Credential, IdentityHeaders, IdentityMode};
use crate::audit::Caller;
use crate::file::{self, Mark};

const X_AUTH_TOKEN: HeaderName = HeaderName::from_static("x-auth-token");
/// The most bytes of a credential.
const MAX_SIZE: u64 = 64 * 1024;

/// Why a credential cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// The file.
    #[error("it cannot be read")]
    Read(#[from] io::Error),
    /// An empty one would be none.
    #[error("it is empty")]
    Empty,
    /// Larger than any header may be.
    #[error("it has more than {MAX_SIZE} bytes")]
    TooLarge,
    /// More than one line, or controls.
    #[error("it cannot be the value of a header, expected one line of visible characters")]
    Value,
}

/// A file with a credential, and which of its versions was read last.
#[derive(Debug)]
pub struct CredentialFile {
    path: PathBuf,
    seen: Mutex<Mark>,
}

impl CredentialFile {
    /// Reads it for the first time.
    pub fn open(path: &Path) -> Result<(Self, HeaderValue), CredentialError> {
        let (mark, value) = read(path)?;
        let file = Self {
            path: path.to_owned(),
            seen: Mutex::new(mark),
        };
        Ok((file, value))
    }

    /// Its value, if it has changed since it was read last.
    pub fn changed(&self) -> Result<Option<HeaderValue>, CredentialError> {
        let mark = Mark::from(&fs::metadata(&self.path)?);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == mark {
            return Ok(None);
        }
        // Marked only when it was good: a bad one is looked at, and warned of, again.
        let (mark, value) = read(&self.path)?;
        *seen = mark;
        Ok(Some(value))
    }
}

fn read(path: &Path) -> Result<(Mark, HeaderValue), CredentialError> {
    let file = File::open(path)?;
    let mark = Mark::from(&file.metadata()?);
    let bytes = file::read(file, MAX_SIZE)?.ok_or(CredentialError::TooLarge)?;
    let text = bytes.trim_ascii();
    if text.is_empty() {
        return Err(CredentialError::Empty);
    }
    let mut value = HeaderValue::from_bytes(text).map_err(|_| CredentialError::Value)?;
    value.set_sensitive(true);
    Ok((mark, value))
}

/// Who a request is from and what it is about, verified.
#[derive(Clone, Copy, Debug)]
pub struct VerifiedCaller<'a> {
    /// The token's issuer and subject.
    pub name: &'a Caller,
    /// The project of the path, or else the token's only one.
    pub project: Option<&'a str>,
    /// All of it, where the upstream is told that.
    pub keystone: Option<&'a Result<KeystoneHeaders, Unnameable>>,
}

/// Why the upstream cannot be told who is calling.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unnameable {
    /// The token does not say.
    #[error("the token has no {0}, which the upstream has to be told")]
    Missing(&'static str),
    /// Controls, or not ASCII.
    #[error(
        "the token's {0} cannot be told to the upstream: it has other than visible ASCII characters"
    )]
    Value(&'static str),
    /// One of several in a list that commas separate.
    #[error("a {0} of the token cannot be told to the upstream: its name has a comma")]
    Comma(&'static str),
}

/// Puts the gateway's credential in the place of the caller's, unless that one is forwarded.
pub fn set_credential(headers: &mut HeaderMap, settings: &Credential, own: Option<&HeaderValue>) {
    if *settings == Credential::Forward {
        return;
    }
    headers.remove(AUTHORIZATION);
    headers.remove(X_AUTH_TOKEN);
    if let (Credential::File { header, .. }, Some(value)) = (settings, own) {
        headers.insert(header, value.clone());
    }
}

/// Sends the gateway's own service token beside the caller's, where there is one.
pub fn set_service_token(headers: &mut HeaderMap, own: Option<&HeaderValue>) {
    if let Some(token) = own {
        headers.insert(X_SERVICE_TOKEN, token.clone());
    }
}

/// Tells of the caller in the way that the settings choose.
pub fn set_identity(
    headers: &mut HeaderMap,
    mode: &IdentityMode,
    caller: Option<VerifiedCaller<'_>>,
) -> Result<(), Unnameable> {
    let caller = match mode {
        IdentityMode::Named(settings) => return set_named(headers, settings, caller),
        IdentityMode::Keystonemiddleware => caller,
    };
    let Some(caller) = caller else {
        set_nobody(headers);
        return Ok(());
    };
    let told = caller.keystone.ok_or(Unnameable::Missing("identity"))?;
    told.as_ref()
        .map_err(|error| *error)?
        .set(headers, caller.project)
}

/// Names the caller, and removes whatever the client said under the same names; of a request
/// without a caller nothing is said.
fn set_named(
    headers: &mut HeaderMap,
    settings: &IdentityHeaders,
    caller: Option<VerifiedCaller<'_>>,
) -> Result<(), Unnameable> {
    let name = caller.map(|caller| caller.name);
    let facts = [
        ("issuer", &settings.issuer, name.map(|name| &*name.issuer)),
        (
            "subject",
            &settings.subject,
            name.and_then(|name| name.subject.as_deref()),
        ),
        (
            "project",
            &settings.project,
            caller.and_then(|caller| caller.project),
        ),
    ];
    for (fact, header, value) in facts {
        let Some(header) = header else { continue };
        headers.remove(header);
        if caller.is_none() {
            continue;
        }
        let value = value.ok_or(Unnameable::Missing(fact))?;
        headers.insert(header, header_value(fact, value)?);
    }
    Ok(())
}

/// A fact as the value of a header, whole or not at all.
pub fn header_value(fact: &'static str, text: &str) -> Result<HeaderValue, Unnameable> {
    let is_visible = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    let is_whole = !text.is_empty() && text.trim() == text;
    let value = HeaderValue::from_str(text);
    let (true, true, Ok(value)) = (is_visible, is_whole, value) else {
        return Err(Unnameable::Value(fact));
    };
    Ok(value)
}

#[cfg(test)]
mod tests;
