//! `explain`: one request through the functions the server uses, each step with its outcome.

use std::path::Path;
use std::str::FromStr as _;

use anyhow::Context as _;
use hyper::Method;

use super::{Outcome, say};
use crate::app;
use crate::config::Config;
use crate::decision::{self, Circumstances, Denial};
use crate::gateway::{Identity, Rejection, Rules, unix_time};
use crate::proxy::AllowedHosts;
use crate::router::{Candidates, RequestPath, Target, Unroutable};
use crate::token::Token;

pub fn run(config: &Path, token: &str, method: &str, path: &str) -> anyhow::Result<Outcome> {
    let config = super::read_config(config)?;
    let method = Method::from_str(method).with_context(|| format!("`{method}` is not a method"))?;
    let rules = load(&config)?;
    say(format_args!("request       {method} {path}"));
    match explain(&rules, &config.gateway.hosts, token, &method, path) {
        Ok(()) => {
            say("decision      ALLOW: the request is forwarded as it is");
            Ok(Outcome::Done)
        }
        Err(refused) => {
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

/// The rules with every issuer's keys.
pub fn load(config: &Config) -> anyhow::Result<std::sync::Arc<Rules>> {
    let mut assembled = app::assemble(config)?;
    for source in &mut assembled.sources {
        let (issuer, location) = (source.issuer().to_owned(), source.location().to_string());
        app::fetch_once(source)
            .with_context(|| format!("the keys of {issuer} cannot be had from {location}"))?;
    }
    Ok(assembled.rules)
}

struct Refused {
    step: &'static str,
    rejection: Rejection,
    advice: String,
}

fn explain(
    rules: &Rules,
    hosts: &AllowedHosts,
    token: &str,
    method: &Method,
    target: &str,
) -> Result<(), Refused> {
    let refuse = |step, advice: &str| {
        let advice = advice.to_owned();
        move |rejection| Refused {
            step,
            rejection,
            advice,
        }
    };
    let (host, path) = split_url(target);
    let path: RequestPath = path.parse().map_err(|error| {
        refuse("path", "send the path in its plain spelling")(Rejection::Path(error))
    })?;
    say("path          good: in its normal form");
    if let Some(host) = host {
        hosts.check(host.as_bytes()).map_err(|error| {
            let advice = "send the request to a host of [listen] hosts, or add this one";
            refuse("host", advice)(Rejection::Headers(error))
        })?;
        say(format_args!("host          good: {host} is served"));
    }
    let candidates = rules.router().resolve(method, &path);
    let is_public = candidates.as_ref().is_ok_and(Candidates::is_public);
    let target = candidates.and_then(|candidates| candidates.target(None));
    if let Ok(target) = &target
        && is_public
    {
        say_target(target);
        say("access        public: no token is needed");
        return Ok(());
    }
    let now = unix_time();
    let identity = rules
        .identify(Token::new(token), now)
        .map_err(|rejection| {
            let advice =
                "send a token that passes this check, or change the [[issuer]] it should pass";
            refuse("token", advice)(rejection)
        })?;
    say_caller(rules, &identity);
    let target = target.map_err(|error| {
        let advice = match error {
            Unroutable::Parameter(_) => "send the identifier or name as the API spells it",
            Unroutable::NotFound | Unroutable::MethodNotAllowed(_) | Unroutable::Body(_) => {
                "send a request that `actiongate routes` lists, or add the operation to a file of [table] files"
            }
        };
        refuse("route", advice)(Rejection::Unroutable(error))
    })?;
    say_target(&target);
    authorize(rules, &identity, &target, now)
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

fn say_caller(rules: &Rules, identity: &Identity) {
    let principal = &identity.principal;
    let subject = principal.subject.as_deref().unwrap_or("(no subject)");
    say(format_args!(
        "token         good: {subject}, issued by {}",
        identity.caller.issuer
    ));
    say_bound(identity);
    say(format_args!(
        "projects      {}",
        or_none(&principal.projects)
    ));
    let table = rules.router().table();
    let granted: Vec<String> = table
        .names(principal.grants.granted())
        .map(ToString::to_string)
        .collect();
    say(format_args!("granted       {}", or_none(&granted)));
}

/// A command has no connection: it can only say what the gateway will ask of one.
pub fn say_bound(identity: &Identity) {
    if let Some(certificate) = identity.certificate {
        say(format_args!(
            "bound         to the client certificate with x5t#S256 {certificate}: refused on a connection without it"
        ));
    }
}

fn say_target(target: &Target<'_>) {
    let (operation, route) = (target.operation, target.route);
    let (permission, place) = (&operation.permission, &route.place);
    say(format_args!(
        "route         {} {} ({}:{})",
        route.method, route.template, place.file, place.line
    ));
    say(format_args!("operation     {permission}"));
    let required: Vec<String> = operation.actions.iter().map(ToString::to_string).collect();
    say(format_args!("required      {}", or_none(&required)));
    if let Some(most) = operation.max_body {
        say(format_args!("body          at most {most} bytes"));
    }
    if operation.upgrade {
        say("upgrade       the upstream may switch protocols");
    }
}

fn authorize(
    rules: &Rules,
    identity: &Identity,
    target: &Target<'_>,
    now: u64,
) -> Result<(), Refused> {
    let circumstances = Circumstances { now, address: None };
    let Err(denial) = decision::authorize(&identity.principal, target, circumstances) else {
        say("missing       (none)");
        return Ok(());
    };
    let mapping = rules.mapping(identity.principal.issuer);
    let pointer =
        |find: fn(&crate::grant::ClaimMapping) -> String| mapping.map_or_else(String::new, find);
    let rejection = rules.denied(denial);
    let (step, advice) = match &rejection {
        Rejection::Forbidden {
            denial: Denial::Project { project },
            ..
        } => {
            let claim = pointer(|mapping| mapping.project.to_string());
            (
                "project",
                format!(
                    "use a token whose claim `{claim}` names `{project}`, or a path of the token's project"
                ),
            )
        }
        Rejection::Forbidden { missing, .. } => {
            let claim = pointer(|mapping| mapping.actions.to_string());
            (
                "missing",
                format!(
                    "use a token whose claim `{claim}` grants {}, too",
                    missing.join(" and ")
                ),
            )
        }
        _ => ("decision", String::new()),
    };
    Err(Refused {
        step,
        rejection,
        advice,
    })
}

pub fn or_none(names: &[String]) -> String {
    match names {
        [] => "(none)".to_owned(),
        names => names.join(", "),
    }
}
