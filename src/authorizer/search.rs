//! The action search of `AuthZEN`: what a subject may do to a path, or at all.
//!
//! It asks the functions that decide, but nobody is let in by its answer, so the audit has nothing of it.

use std::rc::Rc;
use std::sync::Arc;

use hyper::Method;
use serde_json::{Value, json};

use super::claims::Object;
use super::evaluation::{Refusal, Service, client, entity, reasons};
use crate::decision::{Circumstances, OperationReach};
use crate::gateway::{Identity, InvalidQuestion, Rejection, Rules};
use crate::grant::{Address, Reach};
use crate::router::{RequestPath, Unroutable};
use crate::token::unix_time;

/// Lists the methods that the subject may use on a path, or the operations of the table in its reach.
pub async fn actions(service: &Service<'_>, message: &Object) -> Result<Value, Refusal> {
    let resource = message.get("resource");
    let (kind, _) = entity(resource, ["`resource`", "`resource.type`"], "type")?;
    let address = client(message.get("context"))?;
    let found = match caller(service, message).await {
        Err(Rejection::Question(
            error @ (InvalidQuestion::Missing(_) | InvalidQuestion::Unreadable(_)),
        )) => return Err(error.into()),
        Err(rejection) => Err(rejection),
        Ok((identity, rules)) => match kind {
            "path" => {
                let (path, _) = entity(resource, ["`resource`", "`resource.id`"], "id")?;
                let address = address.map_or(Address::Unclear, |address| Some(address).into());
                methods(&rules, &identity, path, address)
            }
            "table" => Ok(operations(&rules, &identity)),
            _ => {
                let name = "`resource.type`, which is neither `path` nor `table`";
                return Err(InvalidQuestion::Unreadable(name).into());
            }
        },
    };
    Ok(match found {
        Ok(results) => json!({ "results": results }),
        Err(rejection) => json!({"results": [], "context": reasons(&rejection)}),
    })
}

async fn caller(
    service: &Service<'_>,
    message: &Object,
) -> Result<(Rc<Identity>, Arc<Rules>), Rejection> {
    let subject = service.subject(message.get("subject"))?;
    let gateway = &service.asker.gateway;
    let (identity, rules) = match subject.caller {
        Some(known) => {
            // Nothing was waited for since the claims were read by them.
            let rules = gateway.rules();
            rules.check_expiry(&known, unix_time())?;
            rules.check_revocation(&known)?;
            (known, rules)
        }
        None => gateway.identify(&subject.headers).await?,
    };
    identity.check_subject(&subject.id)?;
    Ok((identity, rules))
}

/// Those that need no body to tell what they are.
fn methods(
    rules: &Rules,
    identity: &Identity,
    path: &str,
    address: Address,
) -> Result<Vec<Value>, Rejection> {
    let path: RequestPath = path.parse()?;
    let router = rules.router();
    let circumstances = Circumstances {
        now: unix_time(),
        address,
    };
    // No table has this one: the error lists all that are there.
    let methods = match router.resolve(&Method::CONNECT, &path) {
        Err(Unroutable::MethodNotAllowed(methods)) => methods,
        Err(error) => return Err(error.into()),
        Ok(_) => Vec::new(),
    };
    let permitted = methods.into_iter().filter_map(|method| {
        let candidates = router.resolve(&method, &path).ok()?;
        let target = (!candidates.reads_body()).then(|| candidates.target(None))?;
        let target = target.ok()?;
        let decided = rules.decide(&identity.principal, &target, circumstances);
        decided.ok()?;
        let operation = &*target.operation.permission;
        Some(json!({"name": method.as_str(), "properties": {"operation": operation}}))
    });
    Ok(permitted.collect())
}

/// As `actiongate can --token` lists them.
fn operations(rules: &Rules, identity: &Identity) -> Vec<Value> {
    let operations = rules.router().table().operations().iter();
    let reached = operations.filter_map(|operation| {
        let found = OperationReach::new(operation, &identity.principal.grants);
        let reach = match found.reach {
            Reach::No => return None,
            Reach::Some => "some",
            Reach::Every => "every",
        };
        let routes = operation.routes.iter();
        let routes = routes.map(|route| format!("{} {}", route.method, route.template));
        let routes: Vec<String> = routes.collect();
        Some(json!({
            "name": &*operation.permission,
            "properties": {"requests": reach, "routes": routes},
        }))
    });
    reached.collect()
}
