//! The last step of `explain`: the decision, action by action.

use serde_json::json;

use super::basis::Basis;
use super::caller::{Holder, or_none};
use super::change;
use super::explanation::{ActionEvidence, ClaimGrant, Explanation, HeldStatement, Step};
use super::walk::Depth;
use crate::decision::{Circumstances, Denial, Mode, authorize, tolerate};
use crate::gateway::Rejection;
use crate::grant::{Address, Inputs, Request, Verdict};
use crate::router::Target;
use crate::table::ActionId;

/// Decides as the gateway does, and says what would change the decision.
pub fn explain(
    basis: &Basis<'_>,
    holder: &Holder<'_>,
    target: &Target<'_>,
    circumstances: Circumstances,
    depth: Depth,
    explanation: &mut Explanation,
) -> anyhow::Result<()> {
    let principal = &holder.principal;
    let request = request(target, circumstances);
    if principal.grants.asks_request() {
        explanation.steps.extend(circumstance_steps(&request));
    }
    let decided = authorize(principal, target, circumstances);
    if matches!(
        decided,
        Ok(_) | Err(Denial::Denied { .. } | Denial::Actions { .. })
    ) {
        for action in judged(holder, target, &request) {
            let evidence = evidence(basis, holder, action, &request)?;
            explanation.steps.push(evidence.step());
            explanation.actions.push(evidence);
        }
    }
    // What the gateway refuses only after it has permitted the request.
    let misread = basis.config.map_or(Ok(()), |config| {
        config.upstream.profile.check_project(target.project())
    });
    match (decided, misread) {
        (Ok(_), Ok(())) => {
            explanation.steps.push(Step::passed("missing", "(none)"));
            explanation.allow();
        }
        (Ok(_), Err(error)) => {
            explanation.refuse("project", &Rejection::Forward(error));
            explanation.change = Some(change::Change::told(
                "use a project whose id Nova can have given, or another `profile` in [upstream]",
            ));
        }
        (Err(denial), misread) => {
            let mode = basis.mode(holder.reading, target.operation);
            let is_tolerated = mode == Mode::Report && tolerate(&denial, target).is_some();
            if is_tolerated && misread.is_ok() {
                explanation.report();
            }
            let step = match &denial {
                Denial::Project { .. } => "project",
                Denial::Domain { .. } => "domain",
                Denial::AccessRule { .. } => "access rules",
                Denial::Denied { .. } => "denied",
                Denial::Actions { .. } => "missing",
            };
            explanation.refuse(step, &Rejection::denied(denial, basis.table()));
            if depth == Depth::Change {
                explanation.change = Some(change::find(basis, holder, target, circumstances)?);
            }
        }
    }
    Ok(())
}

pub fn request<'t>(target: &'t Target<'_>, circumstances: Circumstances) -> Request<'t> {
    Request {
        now: circumstances.now,
        address: circumstances.address,
        instances: target.instances(),
    }
}

/// What policies may ask of the request, where one does.
fn circumstance_steps(request: &Request<'_>) -> [Step; 2] {
    let address = match request.address {
        Address::Known(address) => address.to_string(),
        Address::Absent => "(none, as over a Unix socket; --address gives one)".to_owned(),
        Address::Unclear => {
            "(disputed by trusted proxies: a condition on it holds for no Allow and for each Deny)"
                .to_owned()
        }
    };
    let ids = &request.instances.ids;
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let level = match request.instances.is_instance_level {
        true => "grants for single instances count",
        false => "only denials for single instances count",
    };
    let evidence = json!({"ids": ids, "is_instance_level": request.instances.is_instance_level});
    [
        Step::noted("address", address),
        Step::noted("instances", format!("{}; {level}", or_none(&ids))).with(evidence),
    ]
}

/// Each once: the required ones, and those whose denial is one of the operation.
fn judged(holder: &Holder<'_>, target: &Target<'_>, request: &Request<'_>) -> Vec<ActionId> {
    let mut actions = Vec::new();
    let grants = &holder.principal.grants;
    let refusing = target.operation.refused_by.iter().copied();
    let refusing = refusing.filter(|action| grants.verdict(*action, request) == Verdict::Denied);
    for action in target.required().chain(refusing) {
        if !actions.contains(&action) {
            actions.push(action);
        }
    }
    actions
}

/// Everything that is about one action.
pub fn evidence(
    basis: &Basis<'_>,
    holder: &Holder<'_>,
    action: ActionId,
    request: &Request<'_>,
) -> anyhow::Result<ActionEvidence> {
    let table = basis.table();
    let mapping = &holder.reading.mapping;
    let granting = holder.patterns.iter();
    let mut granting = granting.filter(|pattern| pattern.select(table).contains(action));
    let granted_by = granting.next().map(|pattern| ClaimGrant {
        claim: mapping
            .actions
            .as_ref()
            .map_or_else(String::new, ToString::to_string),
        pattern: pattern.to_string(),
    });
    let values = mapping.keys.read(&holder.claims);
    let inputs = Inputs {
        table,
        keys: &mapping.keys,
        values: &values,
        request,
    };
    let mut statements = Vec::new();
    for (place, held) in holder.held.iter().enumerate() {
        let found = held.compiled.evidence(&held.source, action, inputs)?;
        statements.extend(found.into_iter().map(|evidence| HeldStatement {
            roles: held.roles.clone(),
            policy: held.name.clone(),
            held: place,
            evidence,
        }));
    }
    Ok(ActionEvidence {
        action: table
            .name(action)
            .map_or_else(String::new, ToString::to_string),
        verdict: match holder.principal.grants.verdict(action, request) {
            Verdict::Allowed => "allowed",
            Verdict::NotGranted => "missing",
            Verdict::Denied => "denied",
        },
        granted_by,
        statements,
    })
}
