//! What a decision rests on, as one immutable snapshot.

mod unknown_role;

use std::cell::Cell;
use std::sync::Arc;

use hyper::header::HeaderValue;

pub use unknown_role::unknown_roles;

use unknown_role::RoleLog;

use super::{InvalidQuestion, Rejection};
use crate::audit::Caller;
use crate::decision::Denial;
use crate::grant::{ClaimMapping, Principal, Roles};
use crate::proxy::{ForwardError, KeystoneHeaders, Unnameable, VerifiedCaller};
use crate::revocation::{Asked, Feed};
use crate::router::Router;
use crate::table::ActionId;
use crate::tls::CertificateHash;
use crate::token::{self, Issued, Issuer, Standing, Token, TokenError, Verified, unix_time};

/// Table, router, issuers, claim mappings and roles.
#[derive(Debug)]
pub struct Rules {
    router: Router,
    issuers: Vec<Issuer>,
    readings: Vec<Reading>,
    /// The place of the issuer whose service token the upstream is sent.
    service: Option<usize>,
    token: token::Settings,
    revocation: Option<Feed>,
    role_log: RoleLog,
    labels: Arc<[Arc<str>]>,
}

/// How the claims of one issuer's tokens are read.
#[derive(Debug)]
pub struct Reading {
    /// Which claims say what.
    pub mapping: ClaimMapping,
    /// What its roles may do, held against the table of the same rules.
    pub roles: Roles,
}

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
}

/// By what a token may be revoked.
#[derive(Debug)]
pub struct Revocable {
    issued: Issued,
    /// The generation of the list that it was not on; none has this number at first.
    checked: Cell<u64>,
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

impl Rules {
    /// Each issuer has beside it how its claims are read.
    pub fn new(router: Router, issuers: Vec<(Issuer, Reading)>, token: token::Settings) -> Self {
        let (issuers, readings) = issuers.into_iter().unzip();
        let operations = router.table().operations().iter();
        let labels = operations.map(|operation| Arc::clone(&operation.permission));
        Self {
            labels: labels.collect(),
            router,
            issuers,
            readings,
            service: None,
            token,
            revocation: None,
            role_log: RoleLog::default(),
        }
    }

    /// Has the upstream sent the service token of the issuer called `name`.
    #[must_use]
    pub fn with_service_token(mut self, name: &str) -> Self {
        let found = self.issuers.iter().position(|issuer| issuer.name == name);
        // If there were none, nothing would be forwarded.
        self.service = Some(found.unwrap_or(usize::MAX));
        self
    }

    /// Has tokens held against the list that `feed` shows.
    #[must_use]
    pub fn with_revocation(mut self, feed: Feed) -> Self {
        self.revocation = Some(feed);
        self
    }

    /// The list of revoked tokens, if there is one.
    pub fn revocation(&self) -> Option<&Feed> {
        self.revocation.as_ref()
    }

    /// The gateway's own token, if the upstream is to be sent one.
    ///
    /// # Errors
    ///
    /// [`ForwardError::NoServiceToken`]: without it, the request would be another one.
    pub fn service_token(&self) -> Result<Option<HeaderValue>, ForwardError> {
        let Some(service) = self.service else {
            return Ok(None);
        };
        let token = self.issuer(service).and_then(Issuer::service_token);
        token.map(Some).ok_or(ForwardError::NoServiceToken)
    }

    /// Routes the table.
    pub fn router(&self) -> &Router {
        &self.router
    }

    /// The labels of the table's operations, in their order.
    pub fn labels(&self) -> &Arc<[Arc<str>]> {
        &self.labels
    }

    /// The issuers, in the order of the config.
    pub fn issuers(&self) -> &[Issuer] {
        &self.issuers
    }

    /// The bounds of tokens.
    pub fn token_settings(&self) -> token::Settings {
        self.token
    }

    /// The issuer at this place.
    pub fn issuer(&self, index: usize) -> Option<&Issuer> {
        self.issuers.get(index)
    }

    /// How the claims of the issuer at this place are read.
    pub fn reading(&self, index: usize) -> Option<&Reading> {
        self.readings.get(index)
    }

    /// Verifies `token` and reads what it grants.
    ///
    /// # Errors
    ///
    /// [`Rejection::Unauthenticated`] or [`Rejection::Claims`].
    pub async fn identify(&self, token: Token<'_>) -> Result<Identity, Rejection> {
        self.read(self.verify(token).await?)
    }

    /// Verifies `token` with all that may be needed: fresh keys, an answer of its issuer.
    ///
    /// # Errors
    ///
    /// [`Rejection::Unauthenticated`].
    pub async fn verify(&self, token: Token<'_>) -> Result<Verified, Rejection> {
        Ok(token::authenticate(&self.issuers, self.token, token, unix_time).await?)
    }

    /// Reads what a verified token grants.
    ///
    /// # Errors
    ///
    /// [`Rejection::Claims`].
    pub fn read(&self, verified: Verified) -> Result<Identity, Rejection> {
        let (Some(issuer), Some(reading)) =
            (self.issuer(verified.issuer), self.reading(verified.issuer))
        else {
            return Err(TokenError::KeysUnavailable.into());
        };
        let principal = Principal::new(
            verified.issuer,
            &verified.claims,
            &reading.mapping,
            &reading.roles,
            self.router.table(),
        )?;
        let unknown = &principal.unknown_roles;
        self.role_log.note(verified.issuer, &issuer.name, unknown);
        let told = reading.mapping.told(&verified.claims)?;
        let keystone = told.map(|claims| Box::new(KeystoneHeaders::new(&claims, &principal)));
        let revocable = self.revocation.as_ref();
        let revocable = revocable.map(|_| issuer.issued_in(&verified.claims));
        let revocable = revocable.transpose()?.map(|token| {
            Box::new(Revocable {
                issued: token,
                checked: Cell::new(0),
            })
        });
        let caller = Caller {
            issuer: issuer.name_in(&verified.claims).into(),
            subject: principal.subject.clone(),
            unknown_roles: unknown.count(),
        };
        Ok(Identity {
            principal,
            caller: Arc::new(caller),
            expires: verified.expires,
            standing: verified.standing,
            certificate: verified.certificate,
            keystone,
            revocable,
        })
    }

    /// Whether a verified caller's token is not on the list of revoked ones, if there is one. While the list
    /// is the same as the last time, that is one look at its generation.
    ///
    /// # Errors
    ///
    /// [`TokenError::Revoked`], [`TokenError::RevocationUnavailable`].
    pub fn check_revocation(&self, identity: &Identity) -> Result<(), TokenError> {
        let (Some(feed), Some(revocable)) = (&self.revocation, &identity.revocable) else {
            return Ok(());
        };
        // Before the list is looked at: at worst it is newer than what it is called.
        let generation = feed.generation();
        if revocable.checked.get() == generation {
            return Ok(());
        }
        feed.check(Asked {
            issuer: &identity.caller.issuer,
            subject: identity.principal.subject.as_deref(),
            ids: &revocable.issued.ids,
            issued: revocable.issued.at,
        })?;
        revocable.checked.set(generation);
        Ok(())
    }

    /// Whether a verified caller's token is still good.
    ///
    /// # Errors
    ///
    /// [`TokenError::Expired`].
    pub fn check_expiry(&self, identity: &Identity, now: u64) -> Result<(), TokenError> {
        let issuer = self.issuer(identity.principal.issuer);
        let leeway = issuer.map_or(0, |issuer| issuer.leeway);
        match now < identity.expires.saturating_add(leeway) {
            true => Ok(()),
            false => Err(TokenError::Expired),
        }
    }

    /// A denial with the names of what is missing.
    pub fn denied(&self, denial: Denial) -> Rejection {
        let actions: &[ActionId] = match &denial {
            Denial::Project { .. } | Denial::Domain { .. } | Denial::AccessRule { .. } => &[],
            Denial::Denied { actions } | Denial::Actions { missing: actions } => actions,
        };
        let names = actions
            .iter()
            .filter_map(|id| self.router.table().name(*id));
        let missing = names.map(ToString::to_string).collect();
        Rejection::Forbidden { denial, missing }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{ActionTable, Source};

    #[test]
    fn without_the_service_token_nothing_is_forwarded() {
        let table = || ActionTable::load(&Source::builtin()).unwrap();
        let rules = || {
            let router = Router::new(table()).unwrap();
            Rules::new(router, Vec::new(), token::Settings::default())
        };
        assert!(matches!(rules().service_token(), Ok(None)));
        let found = rules().with_service_token("keystone").service_token();
        assert!(matches!(found, Err(ForwardError::NoServiceToken)));
    }
}
