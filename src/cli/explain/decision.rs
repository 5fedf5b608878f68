//! The last step of `explain`: the decision, and what would change it.

use super::{Answer, Holder, Refused, or_none, say};
use crate::decision::{Circumstances, Denial, authorize};
use crate::gateway::Rules;
use crate::grant::{Address, Request};
use crate::router::Target;
use crate::table::ActionId;

/// Decides as the gateway does, and says what would change the decision.
pub fn explain(
    rules: &Rules,
    holder: &Holder<'_>,
    target: &Target<'_>,
    circumstances: Circumstances,
) -> anyhow::Result<Answer> {
    let principal = &holder.identity.principal;
    let request = Request {
        now: circumstances.now,
        address: circumstances.address,
        instances: target.instances(),
    };
    if principal.grants.asks_request() {
        say_circumstances(&request);
    }
    let Err(denial) = authorize(principal, target, circumstances) else {
        say("missing       (none)");
        return Ok(Answer::Allowed);
    };
    let mapping = &holder.reading.mapping;
    let (step, advice) = match &denial {
        Denial::Project { project } => (
            "project",
            format!(
                "use a token whose claim `{}` names `{project}`, or a path of the token's project",
                mapping.project
            ),
        ),
        Denial::Domain { domain } => (
            "domain",
            match &mapping.keys.domain {
                Some(claim) => format!(
                    "use a token whose claim `{claim}` names `{domain}` and that has no claim `{}`",
                    mapping.project
                ),
                None => "name the claim with the domain as `domain` in [issuer.claims]".to_owned(),
            },
        ),
        Denial::AccessRule { .. } => (
            "access rules",
            "use a token of an application credential whose access rules include it, or of one \
             without any"
                .to_owned(),
        ),
        Denial::Denied { actions } => ("denied", advise_denied(rules, holder, actions, &request)?),
        Denial::Actions { missing } => {
            ("missing", advise_missing(rules, holder, missing, &request))
        }
    };
    Ok(Answer::Refused(Refused {
        step,
        rejection: rules.denied(denial),
        advice,
    }))
}

/// What policies may ask of the request, where one does.
fn say_circumstances(request: &Request<'_>) {
    let address = match request.address {
        Address::Known(address) => address.to_string(),
        Address::Absent | Address::Unclear => {
            "(none, as over a Unix socket; --address gives one)".to_owned()
        }
    };
    say(format_args!("address       {address}"));
    let ids: Vec<String> = request
        .instances
        .ids
        .iter()
        .map(ToString::to_string)
        .collect();
    let level = match request.instances.is_instance_level {
        true => "grants for single instances count",
        false => "only denials for single instances count",
    };
    say(format_args!("instances     {}; {level}", or_none(&ids)));
}

fn advise_denied(
    rules: &Rules,
    holder: &Holder<'_>,
    actions: &[ActionId],
    request: &Request<'_>,
) -> anyhow::Result<String> {
    let mut advice = Vec::new();
    for action in actions {
        let deniers = holder.deniers(*action, request)?;
        advice.push(format!(
            "{} is denied by {}",
            names(rules, &[*action]),
            deniers.join(" and ")
        ));
    }
    Ok(format!(
        "{}: no grant outweighs that, use a token without it",
        advice.join("; ")
    ))
}

fn advise_missing(
    rules: &Rules,
    holder: &Holder<'_>,
    missing: &[ActionId],
    request: &Request<'_>,
) -> String {
    let names = names(rules, missing);
    let mapping = &holder.reading.mapping;
    let mut ways = Vec::new();
    if let Some(claim) = &mapping.actions {
        ways.push(format!("whose claim `{claim}` grants {names}, too"));
    }
    let would = holder.advisable_roles(missing, request);
    if !would.is_empty() {
        ways.push(format!("with the role {}", would.join(" or ")));
    }
    if let Some(claim) = mapping.policies.as_ref().filter(|_| ways.is_empty()) {
        ways.push(format!("whose policies at `{claim}` allow {names}, too"));
    }
    if ways.is_empty() {
        return format!("give a role of [issuer.roles] a policy that allows {names}");
    }
    format!("use a token {}", ways.join(", or one "))
}

fn names(rules: &Rules, actions: &[ActionId]) -> String {
    let table = rules.router().table();
    let names = actions.iter().filter_map(|action| table.name(*action));
    let names: Vec<String> = names.map(ToString::to_string).collect();
    names.join(" and ")
}
