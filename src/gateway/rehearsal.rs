//! Other rules beside those that decide: asked about every decision, deciding none.

use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hyper::Method;
use serde_json::{Map, Value};
use tracing::error;

use super::{Rejection, Rules};
use crate::audit::Ruling;
use crate::decision::{self, Circumstances};
use crate::grant::Principal;
use crate::metrics::Rehearsed;
use crate::router::{JsonBody, RequestPath};
use crate::token::TokenError;

/// Who a verified caller is to rules that are rehearsed; an error is the reason why it is refused.
pub type Rehearsing = Result<Principal, &'static str>;

/// A request that has been decided.
#[derive(Debug)]
pub struct Case<'a> {
    /// The request's.
    pub method: &'a Method,
    /// The request's.
    pub path: &'a RequestPath,
    /// What was read of its body, if anything was.
    pub body: Option<&'a JsonBody>,
    /// When it was, and from where.
    pub circumstances: Circumstances,
}

/// Rules that can be rehearsed: those of a config, or a double of them.
pub trait Judge: fmt::Debug + Send + Sync {
    /// Reads the claims of a verified token of the issuer called so.
    ///
    /// # Errors
    ///
    /// The reason why the token would be refused.
    fn caller(&self, issuer: &str, claims: &Map<String, Value>) -> Rehearsing;

    /// Decides; none where that takes more than the rules in use have asked for, as a body.
    fn rule(&self, caller: Option<&Rehearsing>, case: &Case<'_>) -> Option<Ruling>;
}

/// A judge that is asked until it fails.
#[derive(Debug)]
pub struct Rehearsal {
    judge: Arc<dyn Judge>,
    has_failed: AtomicBool,
}

impl Rehearsal {
    /// Nothing has been asked yet.
    pub fn new(judge: Arc<dyn Judge>) -> Self {
        Self {
            judge,
            has_failed: AtomicBool::new(false),
        }
    }

    /// Who a verified caller is; nothing once the judge has failed.
    pub fn caller(&self, issuer: &str, claims: &Map<String, Value>) -> Option<Box<Rehearsing>> {
        self.guarded(|judge| Box::new(judge.caller(issuer, claims)))
    }

    /// What would have become of a request that was decided as `live` says, and what differs.
    pub fn compare(
        &self,
        caller: Option<&Rehearsing>,
        case: &Case<'_>,
        live: &Ruling,
    ) -> (Rehearsed, Option<Ruling>) {
        match self.guarded(|judge| judge.rule(caller, case)) {
            None => (Rehearsed::Failed, None),
            Some(None) => (Rehearsed::Unknown, None),
            Some(Some(ruling)) => match (live.is_permit(), ruling.is_permit()) {
                (false, true) => (Rehearsed::Widens, Some(ruling)),
                (true, false) => (Rehearsed::Narrows, Some(ruling)),
                _ => (Rehearsed::Same, None),
            },
        }
    }

    /// A panic is the judge's last word.
    fn guarded<T>(&self, ask: impl FnOnce(&dyn Judge) -> T) -> Option<T> {
        if self.has_failed.load(Ordering::Relaxed) {
            return None;
        }
        // What it may have left half done is not asked again.
        let answer = panic::catch_unwind(AssertUnwindSafe(|| ask(&*self.judge)));
        answer.map_or_else(
            |_| {
                if !self.has_failed.swap(true, Ordering::Relaxed) {
                    error!("the candidate panicked and is not asked any more; nothing was decided by it");
                }
                None
            },
            Some,
        )
    }
}

impl Judge for Rules {
    fn caller(&self, issuer: &str, claims: &Map<String, Value>) -> Rehearsing {
        let place = self.issuers().iter().position(|own| own.name == issuer);
        let reading = place.and_then(|place| Some((place, self.reading(place)?)));
        let Some((place, reading)) = reading else {
            let unknown = TokenError::UnknownIssuer(issuer.to_owned());
            return Err(Rejection::from(unknown).reason());
        };
        let (mapping, roles) = (&reading.mapping, &reading.roles);
        let principal = Principal::new(place, claims, mapping, roles, self.router().table());
        principal.map_err(|error| Rejection::from(error).reason())
    }

    fn rule(&self, caller: Option<&Rehearsing>, case: &Case<'_>) -> Option<Ruling> {
        let refuse = |rejection: Rejection| Some(Ruling::from(&rejection));
        let candidates = match self.router().resolve(case.method, case.path) {
            Ok(candidates) => candidates,
            Err(error) => return refuse(error.into()),
        };
        let body = match (candidates.reads_body(), case.body) {
            (false, _) => None,
            (true, Some(body)) => Some(body.clone()),
            (true, None) => return None,
        };
        let target = match candidates.target(body) {
            Ok(target) => target,
            Err(error) => return refuse(error.into()),
        };
        if decision::admit_public(&target).is_some() {
            return Some(Ruling::permit());
        }
        match caller {
            // A token that comes with a request for everybody is not verified.
            None => None,
            Some(Err(reason)) => Some(Ruling::reject(reason)),
            Some(Ok(principal)) => match self.decide(principal, &target, case.circumstances) {
                Ok(_) => Some(Ruling::permit()),
                Err(rejection) => refuse(rejection),
            },
        }
    }
}

impl From<&Rejection> for Ruling {
    fn from(rejection: &Rejection) -> Self {
        match rejection {
            Rejection::Forbidden { missing, .. } => Self::deny(rejection.reason(), missing.clone()),
            _ => Self::reject(rejection.reason()),
        }
    }
}
