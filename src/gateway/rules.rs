//! What a decision rests on, as one immutable snapshot.

mod unknown_role;

use std::sync::Arc;

use hyper::header::HeaderValue;
use serde_json::{Map, Value};

pub use unknown_role::unknown_roles;

use unknown_role::RoleLog;

use super::Rejection;
use super::identity::{Identity, Revocable};
use super::rehearsal::{Judge, Rehearsal};
use crate::audit::{Caller, ClaimEvidence, Ruling};
use crate::decision::{self, Circumstances, Denial, Mode, Permit};
use crate::grant::{ClaimMapping, Principal, Roles};
use crate::proxy::{ForwardError, KeystoneHeaders};
use crate::revocation::Feed;
use crate::router::{Router, Target};
use crate::token::{self, Issuer, Token, TokenError, Verified, unix_time};

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
    /// For each operation of the table; nothing where all are enforced.
    modes: Vec<Mode>,
    rehearsal: Option<Rehearsal>,
    /// Whether callers are told to the audit with their claims.
    keeps_evidence: bool,
}

/// A request that is let through.
#[derive(Debug)]
pub struct Decided {
    /// For forwarding it.
    pub permit: Permit,
    /// Why it would have been refused, where that is reported only.
    pub reported: Option<Box<Ruling>>,
}

/// How the claims of one issuer's tokens are read.
#[derive(Debug)]
pub struct Reading {
    /// Which claims say what.
    pub mapping: ClaimMapping,
    /// What its roles may do, held against the table of the same rules.
    pub roles: Roles,
    /// What becomes of what its tokens do not grant.
    pub mode: Mode,
}

impl Reading {
    /// Of `claims` what a decision rests on.
    fn evidence(&self, claims: &Map<String, Value>) -> ClaimEvidence {
        let mut pointers: Vec<String> = self.mapping.pointers().map(ToString::to_string).collect();
        pointers.sort_unstable();
        pointers.dedup();
        ClaimEvidence::new(&pointers, &self.mapping.kept(claims))
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
            modes: Vec::new(),
            rehearsal: None,
            keeps_evidence: false,
        }
    }

    /// Only reports what it would refuse of the operations with these places in the table.
    #[must_use]
    pub fn reporting(mut self, places: &[usize]) -> Self {
        let operations = self.router.table().operations().len();
        let mode = |place| match places.contains(&place) {
            true => Mode::Report,
            false => Mode::Enforce,
        };
        self.modes = (0..operations).map(mode).collect();
        self
    }

    /// Asks `judge` about every decision, and decides none by it.
    #[must_use]
    pub fn with_candidate(mut self, judge: Arc<dyn Judge>) -> Self {
        self.rehearsal = Some(Rehearsal::new(judge));
        self
    }

    /// Who is asked besides, if anybody is.
    pub fn rehearsal(&self) -> Option<&Rehearsal> {
        self.rehearsal.as_ref()
    }

    /// Has the upstream sent the service token of the issuer called `name`.
    #[must_use]
    pub fn with_service_token(mut self, name: &str) -> Self {
        let found = self.issuers.iter().position(|issuer| issuer.name == name);
        // If there were none, nothing would be forwarded.
        self.service = Some(found.unwrap_or(usize::MAX));
        self
    }

    /// Has the claims that decisions rest on kept for the audit.
    #[must_use]
    pub fn with_evidence(mut self, is_kept: bool) -> Self {
        self.keeps_evidence = is_kept;
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
        let revocable = revocable.transpose()?;
        let revocable = revocable.map(|issued| Box::new(Revocable::new(issued)));
        let rehearsal = self.rehearsal.as_ref();
        let rehearsing =
            rehearsal.and_then(|rehearsal| rehearsal.caller(&issuer.name, &verified.claims));
        let caller = Caller {
            issuer: issuer.name_in(&verified.claims).into(),
            subject: principal.subject.clone(),
            unknown_roles: unknown.count(),
        };
        let evidence = self
            .keeps_evidence
            .then(|| reading.evidence(&verified.claims));
        Ok(Identity {
            principal,
            caller: Arc::new(caller),
            expires: verified.expires,
            standing: verified.standing,
            certificate: verified.certificate,
            keystone,
            revocable,
            rehearsing,
            evidence,
        })
    }

    /// Whether a verified caller's token is not on the list of revoked ones, if there is one.
    ///
    /// # Errors
    ///
    /// [`TokenError::Revoked`], [`TokenError::RevocationUnavailable`].
    pub fn check_revocation(&self, identity: &Identity) -> Result<(), TokenError> {
        match (&self.revocation, &identity.revocable) {
            (Some(feed), Some(revocable)) => revocable.check(identity, feed),
            _ => Ok(()),
        }
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

    /// Decides whether a caller may do what `target` is about.
    ///
    /// # Errors
    ///
    /// [`Rejection::Forbidden`].
    pub fn decide(
        &self,
        principal: &Principal,
        target: &Target<'_>,
        circumstances: Circumstances,
    ) -> Result<Decided, Rejection> {
        let denial = match decision::authorize(principal, target, circumstances) {
            Ok(permit) => {
                let reported = None;
                return Ok(Decided { permit, reported });
            }
            Err(denial) => denial,
        };
        let permit = match self.mode(principal, target) {
            Mode::Enforce => None,
            Mode::Report => decision::tolerate(&denial, target),
        };
        let rejection = self.denied(denial);
        match permit {
            None => Err(rejection),
            Some(permit) => Ok(Decided {
                permit,
                reported: Some(Box::new(Ruling::from(&rejection))),
            }),
        }
    }

    /// One of the two that only reports is enough.
    fn mode(&self, principal: &Principal, target: &Target<'_>) -> Mode {
        let issuer = self.reading(principal.issuer).map(|reading| reading.mode);
        let mut modes = issuer
            .into_iter()
            .chain(self.modes.get(target.place).copied());
        match modes.any(|mode| mode == Mode::Report) {
            true => Mode::Report,
            false => Mode::Enforce,
        }
    }

    /// A denial with the names of what is missing.
    pub fn denied(&self, denial: Denial) -> Rejection {
        Rejection::denied(denial, self.router.table())
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
