//! A verified caller.

use std::cell::Cell;
use std::sync::Arc;

use super::InvalidQuestion;
use super::rehearsal::Rehearsing;
use crate::audit::{Caller, ClaimEvidence};
use crate::grant::Principal;
use crate::proxy::{KeystoneHeaders, Unnameable, VerifiedCaller};
use crate::revocation::{Asked, Feed};
use crate::tls::CertificateHash;
use crate::token::{Issued, Standing, TokenError};

/// A verified caller, for as long as nothing it rests on changes.
#[derive(Debug)]
pub struct Identity {
    /// What the caller may do.
    pub principal: Principal,
    /// How the audit names the caller.
    pub caller: Arc<Caller>,
    /// When the token ends, in seconds since 1970; `u64::MAX` where nobody says.
    pub expires: u64,
    /// How long the token need not be verified again.
    pub standing: Standing,
    /// The client certificate that the token is bound to (RFC 8705 §3).
    pub certificate: Option<CertificateHash>,
    /// What the upstream is told of the caller, where it is told all.
    pub keystone: Option<Box<Result<KeystoneHeaders, Unnameable>>>,
    /// By what the token may be revoked, where there is a list.
    pub revocable: Option<Box<Revocable>>,
    /// Who the caller is to the candidate, where there is one.
    pub rehearsing: Option<Box<Rehearsing>>,
    /// What its rights rest on, where the audit keeps that.
    pub evidence: Option<ClaimEvidence>,
}

/// By what a token may be revoked.
#[derive(Debug)]
pub struct Revocable {
    issued: Issued,
    /// The generation of the list that it was not on; none has this number at first.
    checked: Cell<u64>,
}

impl Revocable {
    /// Nobody has looked for it yet.
    pub fn new(issued: Issued) -> Self {
        Self {
            issued,
            checked: Cell::new(0),
        }
    }

    /// Looks for the token in the list that `feed` shows, unless it was not there the last time and the list
    /// is the same: that is one look at its generation.
    pub fn check(&self, identity: &Identity, feed: &Feed) -> Result<(), TokenError> {
        // Before the list is looked at: at worst it is newer than what it is called.
        let generation = feed.generation();
        if self.checked.get() == generation {
            return Ok(());
        }
        feed.check(Asked {
            issuer: &identity.caller.issuer,
            subject: identity.principal.subject.as_deref(),
            ids: &self.issued.ids,
            issued: self.issued.at,
        })?;
        self.checked.set(generation);
        Ok(())
    }
}

impl Identity {
    /// Holds the token's certificate, if it has one, against the `shown` one of this connection:
    /// each time, since the same token may come over another.
    ///
    /// # Errors
    ///
    /// [`TokenError::Certificate`].
    pub fn check_holder(&self, shown: Option<CertificateHash>) -> Result<(), TokenError> {
        match self.certificate {
            Some(_) if self.certificate != shown => Err(TokenError::Certificate),
            _ => Ok(()),
        }
    }

    /// Holds what somebody else calls the caller against the token.
    ///
    /// # Errors
    ///
    /// [`InvalidQuestion::Subject`].
    pub fn check_subject(&self, name: &str) -> Result<(), InvalidQuestion> {
        match self.principal.subject.as_deref() == Some(name) {
            true => Ok(()),
            false => Err(InvalidQuestion::Subject(name.to_owned())),
        }
    }

    /// What the upstream may be told of a caller whose request is for `project`, which the decision
    /// has held against the token; a request for none is for the token's only one.
    pub fn of_request<'a>(&'a self, project: Option<&'a str>) -> VerifiedCaller<'a> {
        let only = match self.principal.projects.as_slice() {
            [only] => Some(only.as_str()),
            _ => None,
        };
        VerifiedCaller {
            name: &self.caller,
            project: project.or(only),
            keystone: self.keystone.as_deref(),
        }
    }
}
