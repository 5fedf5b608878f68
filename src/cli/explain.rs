//! `explain`: one request through the functions the server uses, each step with its outcome.

mod decision;
mod holder;

use std::net::IpAddr;
use std::path::Path;
use std::str::FromStr as _;

use anyhow::Context as _;
use hyper::Method;

pub use holder::Holder;

use super::{Outcome, say};
use crate::app::Inspector;
use crate::config::Config;
use crate::decision::Circumstances;
use crate::gateway::{Identity, Rejection, Rules};
use crate::router::{Candidates, JsonBody, RequestPath, Target, Unroutable};
use crate::table::ActionName;
use crate::telemetry::chain;
use crate::token::{Token, TokenError, unix_time};

/// A request to explain.
#[derive(Debug)]
pub struct Asked {
    /// The caller's.
    pub token: String,
    /// As in a request line.
    pub method: String,
    /// The path, or the whole URL.
    pub path: String,
    /// JSON.
    pub body: Option<String>,
    /// The client's; none over a Unix socket.
    pub address: Option<IpAddr>,
}

pub fn run(config: &Path, asked: &Asked) -> anyhow::Result<Outcome> {
    let config = super::read_config(config)?;
    let method = Method::from_str(&asked.method)
        .with_context(|| format!("`{}` is not a method", asked.method))?;
    let inspector = Inspector::new(&config)?;
    say(format_args!("request       {method} {}", asked.path));
    match explain(&inspector, &config, &method, asked)? {
        Answer::Allowed => {
            say("decision      ALLOW: the request is forwarded as it is");
            Ok(Outcome::Done)
        }
        Answer::Refused(refused) => {
            let rejection = &refused.rejection;
            let status = rejection.status();
            say(format_args!("{:<13} {}", refused.step, rejection.message()));
            say(format_args!(
                "decision      DENY: {status}, reason `{}`",
                rejection.reason()
            ));
            say(format_args!("to change     {}", refused.advice));
            Ok(Outcome::Denied)
        }
    }
}

enum Answer {
    Allowed,
    Refused(Refused),
}

struct Refused {
    step: &'static str,
    rejection: Rejection,
    advice: String,
}

fn refuse(step: &'static str, rejection: impl Into<Rejection>, advice: &str) -> Answer {
    Answer::Refused(Refused {
        step,
        rejection: rejection.into(),
        advice: advice.to_owned(),
    })
}

fn explain(
    inspector: &Inspector,
    config: &Config,
    method: &Method,
    asked: &Asked,
) -> anyhow::Result<Answer> {
    let rules = inspector.rules();
    let (host, path) = split_url(&asked.path);
    let path: RequestPath = match path.parse() {
        Ok(path) => path,
        Err(error) => {
            let rejection = Rejection::Path(error);
            return Ok(refuse(
                "path",
                rejection,
                "send the path in its plain spelling",
            ));
        }
    };
    say("path          good: in its normal form");
    if let Some(host) = host {
        if let Err(error) = config.gateway.hosts.check(host.as_bytes()) {
            let advice = "send the request to a host of [listen] hosts, or add this one";
            return Ok(refuse("host", Rejection::Headers(error), advice));
        }
        say(format_args!("host          good: {host} is served"));
    }
    let candidates = rules.router().resolve(method, &path);
    if candidates.as_ref().is_ok_and(Candidates::is_public) {
        return Ok(match candidates.and_then(|public| public.target(None)) {
            Ok(target) => {
                say_target(&target, None);
                say("access        public: no token is needed");
                Answer::Allowed
            }
            Err(error) => unroutable(error),
        });
    }
    let now = unix_time();
    let inspected = match inspector.inspect(Token::new(&asked.token)) {
        Ok(inspected) => inspected,
        Err(rejection) => {
            let advice = match rejection {
                Rejection::Unauthenticated(
                    TokenError::Revoked | TokenError::RevocationUnavailable,
                ) => {
                    say_revocation(inspector);
                    "send another token, or change the list that [revocation] names"
                }
                _ => "send a token that passes this check, or change the [[issuer]] it should pass",
            };
            return Ok(refuse("token", rejection, advice));
        }
    };
    let holder = Holder::new(rules, &inspected)?;
    say_caller(rules, &holder)?;
    say_revocation(inspector);
    let candidates = match candidates {
        Ok(candidates) => candidates,
        Err(error) => return Ok(unroutable(error)),
    };
    let body = match candidates.reads_body() {
        true => match read_body(asked.body.as_deref()) {
            Ok(body) => Some(body),
            Err(refused) => return Ok(*refused),
        },
        false => {
            if asked.body.is_some() {
                say("body          not read: it is forwarded as it comes");
            }
            None
        }
    };
    let target = match candidates.target(body.clone()) {
        Ok(target) => target,
        Err(error) => return Ok(unroutable(error)),
    };
    say_target(&target, body.as_ref());
    let circumstances = Circumstances {
        now,
        address: asked.address.into(),
    };
    let answer = decision::explain(rules, &holder, &target, circumstances)?;
    let misread = config.upstream.profile.check_project(target.project());
    Ok(match (answer, misread) {
        (Answer::Allowed, Err(error)) => {
            let advice =
                "use a project whose id Nova can have given, or another `profile` in [upstream]";
            refuse("project", error, advice)
        }
        (answer, _) => answer,
    })
}

fn unroutable(error: Unroutable) -> Answer {
    let advice = match error {
        Unroutable::Parameter(_) => "send the identifier or name as the API spells it",
        Unroutable::Body(_) => {
            "send a body that `actiongate routes` lists, or add the operation to a file of [table] files"
        }
        Unroutable::NotFound | Unroutable::MethodNotAllowed(_) => {
            "send a request that `actiongate routes` lists, or add the operation to a file of [table] files"
        }
    };
    refuse("route", error, advice)
}

/// Its head cannot be wrong here: it is JSON, as it is.
fn read_body(text: Option<&str>) -> Result<JsonBody, Box<Answer>> {
    let body = JsonBody::parse(text.unwrap_or_default().as_bytes());
    let body = body.map_err(|error| {
        let advice = match text {
            None => "give the request's body with --body",
            Some(_) => "send one JSON object that every reader takes for the same",
        };
        Box::new(refuse("body", error, advice))
    })?;
    let names = body.members().keys().map(|name| format!("`{name}`"));
    let names: Vec<String> = names.collect();
    say(format_args!(
        "body          good: a JSON object with {}",
        or_none(&names)
    ));
    Ok(body)
}

/// The host and the path of a URL, which clients are given instead of a path.
fn split_url(target: &str) -> (Option<&str>, &str) {
    let rest = target.strip_prefix("http://");
    let Some(rest) = rest.or_else(|| target.strip_prefix("https://")) else {
        return (None, target);
    };
    match rest.split_at(rest.find('/').unwrap_or(rest.len())) {
        (host, "") => (Some(host), "/"),
        (host, path) => (Some(host), path),
    }
}

/// More actions than these are counted only: what matters of them follows.
const MAX_TOLD: usize = 12;

fn say_caller(rules: &Rules, holder: &Holder<'_>) -> anyhow::Result<()> {
    let identity = holder.identity;
    let principal = &identity.principal;
    let subject = principal.subject.as_deref().unwrap_or("(no subject)");
    say(format_args!(
        "token         good: {}, issued by {}",
        subject.escape_debug(),
        identity.caller.issuer
    ));
    say_bound(identity);
    holder.say()?;
    let table = rules.router().table();
    let granted: Vec<String> = table
        .names(principal.grants.granted())
        .map(ToString::to_string)
        .collect();
    let more = match principal.grants.asks_request() {
        true => ", and what policies make depend on the request",
        false => "",
    };
    let told = match granted.len() {
        0..=MAX_TOLD => or_none(&granted),
        count => format!("{count} of the table's {} actions", table.actions().count()),
    };
    say(format_args!("granted       {told}{more}"));
    Ok(())
}

/// Which list the token was held against, if there is one.
pub fn say_revocation(inspector: &Inspector) {
    let Some(feed) = inspector.rules().revocation() else {
        return;
    };
    let health = feed.health();
    let location = &health.location;
    match (inspector.list_error(), health.entries) {
        (None, Some(entries)) => {
            say(format_args!(
                "revocation    {entries} entries of {location}"
            ));
        }
        (Some(error), _) => say(format_args!(
            "revocation    not known: {location} cannot be had: {}",
            chain(error)
        )),
        (None, None) => say(format_args!("revocation    not known: no list is here")),
    }
}

/// A command has no connection: it can only say what the gateway will ask of one.
pub fn say_bound(identity: &Identity) {
    if let Some(certificate) = identity.certificate {
        say(format_args!(
            "bound         to the client certificate with x5t#S256 {certificate}: refused on a connection without it"
        ));
    }
}

fn say_target(target: &Target<'_>, body: Option<&JsonBody>) {
    let (operation, route) = (target.operation, target.route);
    let (permission, place) = (&operation.permission, &route.place);
    say(format_args!(
        "route         {} {} ({}:{})",
        route.method, route.template, place.file, place.line
    ));
    say(format_args!("operation     {permission}"));
    say(format_args!("required      {}", listed(&operation.actions)));
    if operation.required.len() > operation.actions.len() {
        let names = listed(&operation.dependencies);
        say(format_args!("dependencies  {names}, enforced"));
    }
    for conditional in &operation.conditional {
        let is_met = body.is_some_and(|body| conditional.when.find(body.members()).is_some());
        let (when, names) = (&conditional.when, listed(&conditional.actions));
        match is_met {
            true => say(format_args!(
                "condition     `{when}` is in the body: {names}, too"
            )),
            false => say(format_args!(
                "condition     `{when}` is not in the body: not {names}"
            )),
        }
    }
    if let Some(most) = operation.max_body {
        say(format_args!("body          at most {most} bytes"));
    }
    if operation.upgrade {
        say("upgrade       the upstream may switch protocols");
    }
}

fn listed(actions: &[ActionName]) -> String {
    let names: Vec<String> = actions.iter().map(ToString::to_string).collect();
    or_none(&names)
}

pub fn or_none(names: &[String]) -> String {
    match names {
        [] => "(none)".to_owned(),
        names => names.join(", "),
    }
}
