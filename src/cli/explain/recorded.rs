//! A request that was recorded: found in an audit by its id, and explained from what its line holds.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use serde::Serialize;
use serde_json::json;

use super::arguments::Form;
use super::caller::quoted;
use super::{Asked, Basis, Depth, Step, Who, explain, finish};
use crate::app::Reviewer;
use crate::audit::{self, Decided, Entry, RequestLine};
use crate::cli::{Outcome, read_config, say};
use crate::grant::Address;
use crate::json::parse_object;

/// Explains the request with this id under the config, as of when and from where it was made; without
/// evidence, says what its line does.
pub fn run(id: &str, files: &[PathBuf], config: &Path, form: Form) -> anyhow::Result<Outcome> {
    let config = read_config(config)?;
    let (basis, reviewer) = (Basis::new(Some(&config))?, Reviewer::new(&config)?);
    let (mut found, mut unread) = (None, 0);
    audit::read(files, |_, entry| {
        match entry {
            Entry::Request(line) if line.request_id == id => {
                found = Some(explain_line(&basis, &reviewer, &line, form));
            }
            Entry::Unreadable(_) => unread += 1,
            Entry::Request(_) | Entry::Event(_) => {}
        }
        found.is_none()
    })?;
    match (found, unread) {
        (Some(outcome), _) => outcome,
        (None, 0) => bail!("no line has the request id `{}`", id.escape_debug()),
        (None, unread) => bail!(
            "no line has the request id `{}`; {unread} lines cannot be read",
            id.escape_debug()
        ),
    }
}

fn explain_line(
    basis: &Basis<'_>,
    reviewer: &Reviewer,
    line: &RequestLine<'_>,
    form: Form,
) -> anyhow::Result<Outcome> {
    let untold = reviewer
        .read(line)
        .and_then(|read| reviewer.decide(&read))
        .err();
    let untold = untold.map(|why| why.to_string());
    let Some(asked) = asked(line)? else {
        return print(line, untold.as_deref(), form);
    };
    let mut explanation = explain(basis, None, &asked, Depth::Change)?;
    let mut steps = vec![recorded_step(line)];
    if let Some(why) = untold {
        let says = format!("{why}: what follows takes it for absent");
        steps.push(Step::noted("not told", says));
    }
    explanation.steps.splice(0..0, steps);
    finish(&explanation, form)
}

/// The request of a verified caller as it was; none where the line does not hold it.
fn asked(line: &RequestLine<'_>) -> anyhow::Result<Option<Asked>> {
    let Some(evidence) = line.evidence.as_ref() else {
        return Ok(None);
    };
    let (Some(target), Some(claims), Some(method)) =
        (&evidence.target, &evidence.claims, &line.method)
    else {
        return Ok(None);
    };
    let found = parse_object(claims.found.get().as_bytes());
    let since = line.time.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(Some(Asked {
        who: Who::Claims {
            claims: found.context("the line's claims cannot be read")?,
            issuer: line.issuer.as_deref().map(str::to_owned),
        },
        method: method.to_string(),
        path: target.to_string(),
        body: evidence.body.map(|body| body.get().to_owned()),
        address: evidence.address.unwrap_or_else(|| peer(line)),
        at: Some(evidence.at.unwrap_or(since.as_secs())),
    }))
}

fn peer(line: &RequestLine<'_>) -> Address {
    Address::from(line.peer.parse().ok())
}

fn recorded_step(line: &RequestLine<'_>) -> Step {
    let facts = Facts::new(line);
    let evidence =
        json!({"decision": facts.decision, "reason": facts.reason, "missing": facts.missing});
    Step::noted("recorded", facts.told()).with(evidence)
}

/// What every line holds.
#[derive(Serialize)]
struct Facts<'a> {
    request_id: &'a str,
    time: String,
    peer: &'a str,
    method: Option<&'a str>,
    operation: Option<&'a str>,
    route: Option<&'a str>,
    issuer: Option<&'a str>,
    subject: Option<&'a str>,
    project: Option<&'a str>,
    decision: Option<&'static str>,
    reason: &'a str,
    missing: &'a [String],
}

impl<'a> Facts<'a> {
    fn new(line: &'a RequestLine<'_>) -> Self {
        let decision = line.decision.map(|decision| match decision {
            Decided::Permit => "permit",
            Decided::Deny => "deny",
            Decided::Reject => "reject",
        });
        Self {
            request_id: &line.request_id,
            time: moment(line.time),
            peer: &line.peer,
            method: line.method.as_deref(),
            operation: line.operation.as_deref(),
            route: line.route.as_deref(),
            issuer: line.issuer.as_deref(),
            subject: line.subject.as_deref(),
            project: line.project.as_deref(),
            decision,
            reason: &line.reason,
            missing: &line.missing,
        }
    }

    fn told(&self) -> String {
        let decision = self.decision.unwrap_or("no decision");
        let (id, time, peer, reason) = (self.request_id, &self.time, self.peer, self.reason);
        format!("{id} at {time} from {peer}: {decision}, reason `{reason}`")
    }
}

fn moment(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}

/// Says what the line does, and why there is no more.
fn print(line: &RequestLine<'_>, untold: Option<&str>, form: Form) -> anyhow::Result<Outcome> {
    let facts = Facts::new(line);
    let untold = untold.unwrap_or("nobody known sent it");
    match form {
        Form::Json => {
            let all = json!({"recorded": facts, "not_told": untold});
            say(serde_json::to_string_pretty(&all)?);
        }
        Form::Text => {
            say(format_args!("recorded      {}", facts.told()));
            let told = |label: &str, text: Option<&str>| {
                if let Some(text) = text {
                    say(format_args!("{label:<13} {}", text.escape_debug()));
                }
            };
            let request = facts.method.zip(facts.route);
            let request = request.map(|(method, route)| format!("{method} {route}"));
            told("request", request.as_deref());
            told("issuer", facts.issuer);
            if let Some(subject) = facts.subject {
                say(format_args!("subject       {}", quoted(&subject)));
            }
            told("project", facts.project);
            told("operation", facts.operation);
            if !facts.missing.is_empty() {
                told("missing", Some(&facts.missing.join(", ")));
            }
            say(format_args!("not told      {untold}"));
        }
    }
    Ok(match line.decision {
        Some(Decided::Permit) => Outcome::Done,
        Some(Decided::Deny | Decided::Reject) | None => Outcome::Denied,
    })
}
