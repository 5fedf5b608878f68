//! Recorded requests decided again, under any config, from what the audit holds of them.
//!
//! Nobody's keys are needed: whose the tokens were has been found when the lines were written.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use hyper::Method;
use serde_json::{Map, Value};

use super::{StartError, compile_roles, route};
use crate::audit::{EvidenceLine, RequestLine};
use crate::config::{Config, IssuerConfig, IssuerKind};
use crate::decision::{self, Circumstances, Mode};
use crate::gateway::{Reading, Rejection};
use crate::grant::{CompiledPolicy, Holdings, InvalidClaim, Principal};
use crate::json;
use crate::proxy::Profile;
use crate::router::{Candidates, JsonBody, RequestPath, Router, Target, UnlistedBody, Unroutable};
use crate::table::{ActionSet, ActionTable};
use crate::token::TokenError;

/// Callers that are remembered, most of whom make many requests.
const MAX_CALLERS: usize = 4096;

/// Decides as a gateway with this config would.
pub struct Reviewer {
    router: Router,
    issuers: Vec<(IssuerConfig, Reading)>,
    profile: Profile,
    /// The labels of operations whose refusals are reported only.
    report: Vec<String>,
    callers: RefCell<HashMap<String, Rc<Result<Caller, Unknown>>>>,
}

/// A caller as the evidence tells of it.
pub struct Caller {
    /// The issuer's place in the config.
    pub issuer: usize,
    /// The claims that the issuer's mapping reads.
    pub claims: Map<String, Value>,
    /// What they grant, or why they cannot be read.
    pub principal: Result<Principal, InvalidClaim>,
}

/// A recorded request, as far as decisions look at it.
pub struct Recorded {
    method: Method,
    path: Result<RequestPath, Rejection>,
    body: Option<JsonBody>,
    circumstances: Circumstances,
    /// None for a request of nobody known.
    pub caller: Option<Rc<Result<Caller, Unknown>>>,
}

/// What stands against a known caller.
#[derive(Clone, Debug)]
pub enum Unknown {
    /// The config has no such issuer.
    Issuer(String),
    /// It cannot be told from the line.
    Undecidable(Undecidable),
}

/// Why a line does not tell what would be decided.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Undecidable {
    /// It was not asked for.
    #[error("no evidence, which `[audit] evidence = true` keeps")]
    NoEvidence,
    /// There was too much of it.
    #[error("the evidence was too long to be kept")]
    Absent,
    /// The client had gone, or the request was refused before that.
    #[error("no decision was taken")]
    NotDecided,
    /// Whoever it was, it was let in then.
    #[error("who sent it was not looked at, and the config does")]
    Caller,
    /// The config reads claims that the recording one did not.
    #[error("the claim at `{0}` was not recorded, and the config reads it")]
    Claim(String),
    /// The config's table looks at more of the body.
    #[error("what `{0}` asks of the body was not recorded")]
    Body(String),
    /// The line was not written by a gateway.
    #[error("the evidence cannot be read: {0}")]
    Broken(&'static str),
}

impl Reviewer {
    /// # Errors
    ///
    /// A table or roles that cannot be used.
    pub fn new(config: &Config) -> Result<Self, StartError> {
        let router = route(&config.table, config.into())?;
        let roles = compile_roles(config, router.table()).map_err(StartError::Roles)?;
        let issuers = config.issuers.iter().zip(roles).map(|(issuer, roles)| {
            let mapping = issuer.claims.clone();
            let mode = issuer.mode;
            let reading = Reading {
                mapping,
                roles,
                mode,
            };
            (issuer.clone(), reading)
        });
        Ok(Self {
            issuers: issuers.collect(),
            router,
            profile: config.upstream.profile,
            report: config
                .report
                .iter()
                .map(|label| label.value.clone())
                .collect(),
            callers: RefCell::default(),
        })
    }

    /// The table that requests are held against.
    pub fn table(&self) -> &ActionTable {
        self.router.table()
    }

    /// How the claims of the issuer at this place are read.
    pub fn reading(&self, issuer: usize) -> Option<&Reading> {
        self.issuers.get(issuer).map(|(_, reading)| reading)
    }

    /// What the line tells of its request.
    ///
    /// # Errors
    ///
    /// [`Undecidable`].
    pub fn read(&self, line: &RequestLine<'_>) -> Result<Recorded, Undecidable> {
        let evidence = line.evidence.as_ref().ok_or(Undecidable::NoEvidence)?;
        if evidence.absent.is_some() {
            return Err(Undecidable::Absent);
        }
        let broken = Undecidable::Broken;
        let method = line
            .method
            .as_deref()
            .and_then(|method| method.parse().ok());
        let body = evidence
            .body
            .map(|body| JsonBody::parse(body.get().as_bytes()));
        let target = evidence.target.as_deref();
        let path = target.ok_or(Undecidable::NotDecided)?.parse();
        let (Some(at), Some(address)) = (evidence.at, evidence.address) else {
            return Err(Undecidable::NotDecided);
        };
        Ok(Recorded {
            method: method.ok_or_else(|| broken("there is no such method"))?,
            path: path.map_err(Rejection::Path),
            body: body.transpose().map_err(|_| broken("the body is none"))?,
            circumstances: Circumstances { now: at, address },
            caller: self.caller(line, evidence),
        })
    }

    fn caller(
        &self,
        line: &RequestLine<'_>,
        evidence: &EvidenceLine<'_>,
    ) -> Option<Rc<Result<Caller, Unknown>>> {
        let (claims, issuer) = (evidence.claims.as_ref()?, line.issuer.as_deref()?);
        let key = format!("{issuer}\n{:?}\n{}", claims.read, claims.found.get());
        let mut callers = self.callers.borrow_mut();
        if let Some(known) = callers.get(&key) {
            return Some(Rc::clone(known));
        }
        let read = Rc::new(self.read_caller(issuer, &claims.read, claims.found.get()));
        if callers.len() >= MAX_CALLERS {
            callers.clear();
        }
        callers.insert(key, Rc::clone(&read));
        Some(read)
    }

    fn read_caller(&self, name: &str, read: &[String], found: &str) -> Result<Caller, Unknown> {
        let unknown = || Unknown::Issuer(name.to_owned());
        let issuer = self.find_issuer(name).ok_or_else(unknown)?;
        let reading = self.reading(issuer).ok_or_else(unknown)?;
        let mut pointers = reading.mapping.pointers().map(ToString::to_string);
        // Below what was read everything is there.
        let is_read = |pointer: &String| {
            let mut read = read.iter();
            read.any(|known| pointer.strip_prefix(known.as_str()).is_some_and(is_below))
        };
        if let Some(pointer) = pointers.find(|pointer| !is_read(pointer)) {
            return Err(Unknown::Undecidable(Undecidable::Claim(pointer)));
        }
        let claims = json::parse_object(found.as_bytes());
        let claims = claims.map_err(|_| {
            Unknown::Undecidable(Undecidable::Broken("the claims are not one object"))
        })?;
        let principal = Principal::new(
            issuer,
            &claims,
            &reading.mapping,
            &reading.roles,
            self.table(),
        );
        Ok(Caller {
            issuer,
            claims,
            principal,
        })
    }

    /// As the audit names issuers; one that has a name of its own is none of a family.
    fn find_issuer(&self, name: &str) -> Option<usize> {
        let mut issuers = self.issuers.iter();
        let named = issuers.position(|(issuer, _)| issuer.name == name);
        named.or_else(|| {
            let mut issuers = self.issuers.iter();
            issuers.position(|(issuer, _)| match &issuer.kind {
                IssuerKind::Family { keys, .. } => keys.name.value_in(name).is_some(),
                _ => false,
            })
        })
    }

    /// What a caller holds; nothing where its claims cannot be read.
    pub fn holdings(&self, caller: &Caller) -> Option<Holdings> {
        let Reading { mapping, roles, .. } = self.reading(caller.issuer)?;
        let mut named = ActionSet::default();
        for pattern in mapping.patterns(&caller.claims).ok()? {
            named.union_with(&pattern.select(self.table()));
        }
        let own = mapping.policies(&caller.claims).ok()?;
        let own = own
            .iter()
            .map(|policy| CompiledPolicy::new(policy, self.table(), &mapping.keys));
        let own: Vec<CompiledPolicy> = own.collect::<Result<_, _>>().ok()?;
        let found = roles.find(&mapping.roles(&caller.claims).ok()?);
        let policies = found.policies.iter().map(|policy| &policy.compiled);
        Some(Holdings::new(named, policies.chain(&own)))
    }

    /// What each of a caller's roles holds that the config knows, by its name.
    pub fn roles(&self, caller: &Caller) -> Vec<(String, Holdings)> {
        let Some(Reading { mapping, roles, .. }) = self.reading(caller.issuer) else {
            return Vec::new();
        };
        let mut names = mapping.roles(&caller.claims).unwrap_or_default();
        names.sort_unstable();
        names.dedup();
        let held = names.into_iter().filter_map(|name| {
            let found = roles.find(std::slice::from_ref(&name));
            let policies = found.policies.iter().map(|policy| &policy.compiled);
            let holdings = Holdings::new(ActionSet::default(), policies);
            (found.unknown.count() == 0).then_some((name, holdings))
        });
        held.collect()
    }

    /// What the request is about.
    ///
    /// # Errors
    ///
    /// [`Undecidable`]; the inner one is why the gateway would refuse to tell.
    pub fn target<'a>(
        &'a self,
        recorded: &'a Recorded,
    ) -> Result<Result<Target<'a>, Rejection>, Undecidable> {
        let path = match &recorded.path {
            Ok(path) => path,
            Err(Rejection::Path(error)) => return Ok(Err(Rejection::Path(error.clone()))),
            Err(_) => return Ok(Err(Unroutable::NotFound.into())),
        };
        match self.router.resolve(&recorded.method, path) {
            Ok(candidates) => choose(candidates, recorded.body.as_ref()),
            Err(error) => Ok(Err(error.into())),
        }
    }

    /// What the gateway would decide, in its order.
    ///
    /// # Errors
    ///
    /// [`Undecidable`]; the inner one is the refusal.
    pub fn decide(&self, recorded: &Recorded) -> Result<Result<(), Rejection>, Undecidable> {
        let target = self.target(recorded);
        if let Ok(Ok(target)) = &target
            && decision::admit_public(target).is_some()
        {
            return Ok(Ok(()));
        }
        let principal = match recorded.caller.as_deref() {
            None => return Err(Undecidable::Caller),
            Some(Err(Unknown::Undecidable(why))) => return Err(why.clone()),
            Some(Err(Unknown::Issuer(name))) => {
                return Ok(Err(TokenError::UnknownIssuer(name.clone()).into()));
            }
            Some(Ok(caller)) => match &caller.principal {
                Ok(principal) => principal,
                Err(error) => return Ok(Err(error.clone().into())),
            },
        };
        let target = match target? {
            Ok(target) => target,
            Err(rejection) => return Ok(Err(rejection)),
        };
        if let Err(denial) = decision::authorize(principal, &target, recorded.circumstances) {
            let is_reported = self.mode(principal, &target) == Mode::Report;
            if !is_reported || decision::tolerate(&denial, &target).is_none() {
                return Ok(Err(Rejection::denied(denial, self.table())));
            }
        }
        let checked = self.profile.check_project(target.project());
        Ok(checked.map_err(Rejection::from))
    }

    /// What becomes of what is not granted; one of the two that only reports is enough.
    fn mode(&self, principal: &Principal, target: &Target<'_>) -> Mode {
        let label = &*target.operation.permission;
        match self.report.iter().any(|own| own == label) {
            true => Mode::Report,
            false => self
                .reading(principal.issuer)
                .map_or(Mode::Enforce, |reading| reading.mode),
        }
    }
}

/// Nothing more, or the next name.
fn is_below(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with('/')
}

/// As the gateway does with the whole body, as far as what is left of it tells.
fn choose<'a>(
    candidates: Candidates<'a>,
    body: Option<&JsonBody>,
) -> Result<Result<Target<'a>, Rejection>, Undecidable> {
    let operations = candidates.operations();
    let untold = || {
        let label = operations.first().map(|first| first.permission.to_string());
        Undecidable::Body(label.unwrap_or_default())
    };
    let chosen = match (candidates.reads_body(), body) {
        (false, _) => candidates.target(None),
        (true, None) => return Err(untold()),
        (true, Some(body)) => candidates.target(Some(body.clone())),
    };
    match chosen {
        Ok(target) if target.is_told() => Ok(Ok(target)),
        Ok(target) => Err(Undecidable::Body(target.operation.permission.to_string())),
        Err(Unroutable::Body(UnlistedBody::NoValue(member)))
            if body.is_some_and(|body| body.members().get(&member).is_some_and(Value::is_null)) =>
        {
            Err(untold())
        }
        Err(error) => Ok(Err(error.into())),
    }
}
