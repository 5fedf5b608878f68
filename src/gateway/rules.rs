//! What a decision rests on, as one immutable snapshot.

use std::sync::Arc;

use super::Rejection;
use crate::audit::Caller;
use crate::decision::Denial;
use crate::grant::{ClaimMapping, Principal};
use crate::proxy::VerifiedCaller;
use crate::router::Router;
use crate::table::ActionId;
use crate::tls::CertificateHash;
use crate::token::{self, Issuer, Token, TokenError};

/// Table, router, issuers and claim mappings.
#[derive(Debug)]
pub struct Rules {
    router: Router,
    issuers: Vec<Issuer>,
    mappings: Vec<ClaimMapping>,
    token: token::Settings,
}

/// A verified caller, for as long as nothing it rests on changes.
#[derive(Debug)]
pub struct Identity {
    /// What the caller may do.
    pub principal: Principal,
    /// How the audit names the caller.
    pub caller: Arc<Caller>,
    /// The token's `exp`, in seconds since 1970.
    pub expires: u64,
    /// Which version of the issuer's keys verified the token.
    pub key_version: u64,
    /// The client certificate that the token is bound to (RFC 8705 §3).
    pub certificate: Option<CertificateHash>,
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
}

impl Identity {
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
        }
    }
}

impl Rules {
    /// Each issuer has its mapping beside it.
    pub fn new(
        router: Router,
        issuers: Vec<(Issuer, ClaimMapping)>,
        token: token::Settings,
    ) -> Self {
        let (issuers, mappings) = issuers.into_iter().unzip();
        Self {
            router,
            issuers,
            mappings,
            token,
        }
    }

    /// Routes the table.
    pub fn router(&self) -> &Router {
        &self.router
    }

    /// The bounds of tokens.
    pub fn token_settings(&self) -> token::Settings {
        self.token
    }

    /// The issuer at this place.
    pub fn issuer(&self, index: usize) -> Option<&Issuer> {
        self.issuers.get(index)
    }

    /// The claim mapping of the issuer at this place.
    pub fn mapping(&self, index: usize) -> Option<&ClaimMapping> {
        self.mappings.get(index)
    }

    /// Verifies `token` at the time `now`, in seconds since 1970, and reads what it grants.
    ///
    /// # Errors
    ///
    /// [`Rejection::Unauthenticated`] or [`Rejection::Claims`].
    pub fn identify(&self, token: Token<'_>, now: u64) -> Result<Identity, Rejection> {
        let verified = token::verify(&self.issuers, self.token, token, now)?;
        let (Some(issuer), Some(mapping)) =
            (self.issuer(verified.issuer), self.mapping(verified.issuer))
        else {
            return Err(TokenError::KeysUnavailable.into());
        };
        let principal = Principal::new(
            verified.issuer,
            &verified.claims,
            mapping,
            self.router.table(),
        )?;
        let caller = Caller {
            issuer: issuer.name.as_str().into(),
            subject: principal.subject.clone(),
        };
        Ok(Identity {
            principal,
            caller: Arc::new(caller),
            expires: verified.expires,
            key_version: verified.key_version,
            certificate: verified.certificate,
        })
    }

    /// A denial with the names of what is missing.
    pub fn denied(&self, denial: Denial) -> Rejection {
        let actions: &[ActionId] = match &denial {
            Denial::Project { .. } | Denial::Domain { .. } => &[],
            Denial::Denied { actions } | Denial::Actions { missing: actions } => actions,
        };
        let names = actions
            .iter()
            .filter_map(|id| self.router.table().name(*id));
        let missing = names.map(ToString::to_string).collect();
        Rejection::Forbidden { denial, missing }
    }
}
