//! A request's way, step by step, through the functions that the server uses.

use std::str::FromStr as _;

use anyhow::{Context as _, anyhow};
use hyper::Method;
use serde_json::{Map, Value, json};

use super::basis::{Basis, Reader};
use super::caller::{Holder, or_none, quoted};
use super::change::Change;
use super::decision;
use super::explanation::{Described, Explanation, Step};
use super::told::{bound_step, read_body, revocation_step, split_url, target_steps, unroutable};
use super::{Asked, Who};
use crate::app::Inspector;
use crate::decision::Circumstances;
use crate::gateway::Rejection;
use crate::grant::Address;
use crate::router::{Candidates, JsonBody, RequestPath, Target};
use crate::token::{Token, TokenError, unix_time};

/// How much is found out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Depth {
    /// The decision and its reasons.
    Decision,
    /// Also what would change it.
    Change,
}

/// Says what the gateway would do with a request, and why. `inspector` verifies tokens; nobody else needs
/// one.
///
/// # Errors
///
/// What is asked for cannot be, as where no issuer knows a role.
pub fn explain(
    basis: &Basis<'_>,
    inspector: Option<&Inspector>,
    asked: &Asked,
    depth: Depth,
) -> anyhow::Result<Explanation> {
    let method = Method::from_str(&asked.method)
        .with_context(|| format!("`{}` is not a method", asked.method.escape_debug()))?;
    let now = asked.at.unwrap_or_else(unix_time);
    let mut explanation = Explanation::begin(Described::new(asked, now));
    let walk = Walk {
        basis,
        inspector,
        asked,
        depth,
        now,
    };
    walk.go(&method, &mut explanation)?;
    Ok(explanation)
}

struct Walk<'w> {
    basis: &'w Basis<'w>,
    inspector: Option<&'w Inspector>,
    asked: &'w Asked,
    depth: Depth,
    now: u64,
}

/// A caller, or why there is none and what would help.
type Called<'a> = Result<Holder<'a>, (Rejection, &'static str)>;

impl<'w> Walk<'w> {
    fn go(&self, method: &Method, explanation: &mut Explanation) -> anyhow::Result<()> {
        let (host, path) = split_url(&self.asked.path);
        let path: RequestPath = match path.parse() {
            Ok(path) => path,
            Err(error) => {
                explanation.refuse("path", &Rejection::Path(error));
                explanation.change = Some(Change::told("send the path in its plain spelling"));
                return Ok(());
            }
        };
        let good = Step::passed("path", "good: in its normal form");
        explanation.steps.push(good);
        if let Some((host, config)) = host.zip(self.basis.config) {
            if let Err(error) = config.gateway.hosts.check(host.as_bytes()) {
                explanation.refuse("host", &Rejection::Headers(error));
                let advice = "send the request to a host of [listen] hosts, or add this one";
                explanation.change = Some(Change::told(advice));
                return Ok(());
            }
            let says = format!("good: {} is served", host.escape_debug());
            explanation.steps.push(Step::passed("host", says));
        }
        let candidates = self.basis.router.resolve(method, &path);
        if candidates.as_ref().is_ok_and(Candidates::is_public) {
            match candidates.and_then(|public| public.target(None)) {
                Ok(target) => {
                    explanation.operation = Some(target.place);
                    explanation.steps.extend(target_steps(&target, None));
                    let says = "public: no token is needed";
                    explanation.steps.push(Step::passed("access", says));
                    explanation.allow();
                }
                Err(error) => unroutable(explanation, error),
            }
            return Ok(());
        }
        let holder = match self.caller(method, &path, explanation)? {
            Ok(holder) => holder,
            Err((rejection, advice)) => {
                explanation.refuse("token", &rejection);
                explanation.change = Some(Change::told(advice));
                return Ok(());
            }
        };
        let candidates = match candidates {
            Ok(candidates) => candidates,
            Err(error) => {
                unroutable(explanation, error);
                return Ok(());
            }
        };
        let text = self.asked.body.as_deref();
        let body = match candidates.reads_body() {
            true => match read_body(text, explanation) {
                Some(body) => Some(body),
                None => return Ok(()),
            },
            false => {
                if text.is_some() {
                    let says = "not read: it is forwarded as it comes";
                    explanation.steps.push(Step::noted("body", says));
                }
                None
            }
        };
        let target = match candidates.target(body.clone()) {
            Ok(target) => target,
            Err(error) => {
                unroutable(explanation, error);
                return Ok(());
            }
        };
        explanation.operation = Some(target.place);
        explanation
            .steps
            .extend(target_steps(&target, body.as_ref()));
        let circumstances = Circumstances {
            now: self.now,
            address: self.asked.address,
        };
        let (basis, depth) = (self.basis, self.depth);
        decision::explain(basis, &holder, &target, circumstances, depth, explanation)
    }

    fn caller(
        &self,
        method: &Method,
        path: &RequestPath,
        explanation: &mut Explanation,
    ) -> anyhow::Result<Called<'w>> {
        let basis = self.basis;
        let (reader, claims, says) = match &self.asked.who {
            Who::Token(token) => return self.token(token, explanation),
            Who::Claims { claims, issuer } => {
                let reader = basis.issuer(issuer.as_deref())?;
                let name = issuer.as_deref().unwrap_or(&reader.name);
                let says = format!("claims as given, read as those of {}", name.escape_debug());
                (reader, claims.clone(), says)
            }
            Who::Roles {
                names,
                project,
                issuer,
                claims,
            } => {
                let reader = basis.issuer_of_roles(names, issuer.as_deref())?;
                let claims =
                    self.made_up(reader, names, project.as_deref(), claims, (method, path));
                let quoted: Vec<String> = names.iter().map(quoted).collect();
                let says = format!("a token of {} with {}", reader.name, quoted.join(", "));
                (reader, claims?, says)
            }
            Who::Policy {
                name,
                project,
                claims,
            } => {
                let reader = basis.holder_of_policy(name)?;
                let names = std::slice::from_ref(name);
                let claims =
                    self.made_up(reader, names, project.as_deref(), claims, (method, path));
                let says = format!("a caller whose one policy is {}", quoted(name));
                (reader, claims?, says)
            }
        };
        let says = format!("none: {says}; nothing is verified");
        let evidence = json!({"issuer": reader.name, "is_verified": false});
        let step = Step::noted("token", says).with(evidence);
        explanation.steps.push(step);
        let holder = match Holder::new(basis, reader, claims) {
            Ok(holder) => holder,
            Err(rejection) => return Ok(Err((rejection, UNREADABLE))),
        };
        explanation.steps.extend(holder.claim_steps());
        explanation.steps.extend(holder.steps()?);
        explanation.steps.push(holder.granted_step());
        Ok(Ok(holder))
    }

    fn token(&self, token: &str, explanation: &mut Explanation) -> anyhow::Result<Called<'w>> {
        let inspector = self.inspector;
        let inspector = inspector.context("a token needs the keys of its issuer")?;
        let inspected = match inspector.inspect(Token::new(token)) {
            Ok(inspected) => inspected,
            Err(rejection) => {
                let advice = match rejection {
                    Rejection::Unauthenticated(
                        TokenError::Revoked | TokenError::RevocationUnavailable,
                    ) => {
                        explanation.steps.extend(revocation_step(inspector));
                        "send another token, or change the list that [revocation] names"
                    }
                    _ => UNREADABLE,
                };
                return Ok(Err((rejection, advice)));
            }
        };
        let identity = &inspected.identity;
        let reader = self.basis.issuers.get(identity.principal.issuer);
        let reader = reader.context("the token's issuer is gone")?;
        let holder = Holder::new(self.basis, reader, inspected.claims);
        let holder = holder.map_err(|rejection| anyhow!("{}", rejection.message()))?;
        let subject = identity.principal.subject.as_deref();
        let says = format!(
            "good: {}, issued by {}",
            subject.unwrap_or("(no subject)").escape_debug(),
            identity.caller.issuer
        );
        let evidence = json!({
            "subject": subject,
            "issuer": &*identity.caller.issuer,
            "is_verified": true,
            "expires": (identity.expires < u64::MAX).then_some(identity.expires),
        });
        let steps = &mut explanation.steps;
        steps.push(Step::passed("token", says).with(evidence));
        steps.extend(bound_step(identity));
        steps.extend(holder.claim_steps());
        steps.extend(holder.steps()?);
        steps.push(holder.granted_step());
        steps.extend(revocation_step(inspector));
        Ok(Ok(holder))
    }

    /// The claims of a token with these roles: for the project that is named, or else for the path's own.
    fn made_up(
        &self,
        reader: &Reader,
        roles: &[String],
        project: Option<&str>,
        claims: &Map<String, Value>,
        (method, path): (&Method, &RequestPath),
    ) -> anyhow::Result<Map<String, Value>> {
        let mapping = &reader.reading.mapping;
        let mut claims = claims.clone();
        let pointer = mapping.roles.as_ref();
        let pointer = pointer.with_context(|| {
            format!(
                "no claim of {} names roles: `roles` is missing",
                reader.name
            )
        })?;
        pointer.write(&mut claims, json!(roles));
        let given = |pointer: &crate::json::Pointer| pointer.find(&claims).is_some();
        let domain = mapping.keys.domain.as_ref();
        if project.is_none() && (given(&mapping.project) || domain.is_some_and(given)) {
            return Ok(claims);
        }
        let body = self.asked.body.as_deref();
        let body = body.and_then(|body| JsonBody::parse(body.as_bytes()).ok());
        let target = self.basis.router.resolve(method, path).ok();
        let target = target.and_then(|candidates| candidates.target(body).ok());
        let of_path = target.as_ref().and_then(Target::project);
        if let Some(project) = project.or(of_path) {
            mapping.project.write(&mut claims, json!(project));
        }
        let of_path = target.as_ref().and_then(Target::domain);
        if let (None, Some(domain), Some(pointer)) = (project, of_path, domain) {
            pointer.write(&mut claims, json!(domain));
        }
        Ok(claims)
    }
}

const UNREADABLE: &str =
    "send a token that passes this check, or change the [[issuer]] it should pass";

impl Described {
    fn new(asked: &Asked, now: u64) -> Self {
        let time = std::time::UNIX_EPOCH.checked_add(std::time::Duration::from_secs(now));
        let time = time.map(|time| humantime::format_rfc3339_seconds(time).to_string());
        Self {
            method: asked.method.clone(),
            path: asked.path.clone(),
            body: asked.body.clone(),
            address: match asked.address {
                Address::Known(address) => Some(address),
                Address::Absent | Address::Unclear => None,
            },
            time: time.unwrap_or_default(),
        }
    }
}

/// The names of a body's members.
pub fn member_names(body: &JsonBody) -> String {
    let names = body.members().keys().map(quoted);
    or_none(&names.collect::<Vec<_>>())
}
