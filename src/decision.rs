//! The policy decision point: may this principal do this?
//!
//! Pure: the same inputs give the same decision, so `explain` asks what the gateway asks.

mod compare;
mod reach;

use hyper::Method;
use hyper::http::uri::PathAndQuery;

pub use compare::{Comparison, DemandChange, Direction, Flip, Sides, Undecided, VerdictChange};
pub use reach::OperationReach;

use crate::grant::{Address, Instances, Principal, Request, Verdict};
use crate::router::Target;
use crate::table::{Access, ActionId};

/// Proof that [`authorize`], [`tolerate`] or [`admit_public`] allowed a request, and the request line it allowed.
///
/// Only this module makes one and forwarding consumes one: no decision, no forwarding, and what is
/// sent upstream is what was judged.
#[derive(Debug)]
pub struct Permit {
    method: Method,
    path: PathAndQuery,
    max_body: Option<u64>,
    upgrade: bool,
}

impl Permit {
    /// The most bytes of the request's body, where the operation sets its own bound.
    pub fn max_body(&self) -> Option<u64> {
        self.max_body
    }

    /// Whether the upstream may switch protocols, if the client asks for it.
    pub fn allows_upgrade(&self) -> bool {
        self.upgrade
    }

    /// The request line to send.
    pub fn into_parts(self) -> (Method, PathAndQuery) {
        (self.method, self.path)
    }

    fn new(target: &Target<'_>) -> Self {
        Self {
            method: target.method.clone(),
            path: target.path.path_and_query().clone(),
            max_body: target.operation.max_body,
            upgrade: target.operation.upgrade,
        }
    }
}

/// Why a known caller may not do it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Denial {
    /// The path names a project that is not the token's.
    #[error("the token is not for project `{project}`")]
    Project {
        /// As the path spells it.
        project: String,
    },
    /// The path is about a domain that is not the token's.
    #[error("the token is not for domain `{domain}`")]
    Domain {
        /// As the path spells it.
        domain: String,
    },
    /// The application credential behind the token is for other requests.
    #[error("the application credential's access rules do not include {method} {path}")]
    AccessRule {
        /// The request's.
        method: Method,
        /// As the request spells it, without the query.
        path: String,
    },
    /// The token's policies deny required actions, whatever grants them.
    #[error("the token's policies deny a required action")]
    Denied {
        /// What they deny; never empty.
        actions: Vec<ActionId>,
    },
    /// The token does not grant every required action.
    #[error("the token does not grant every required action")]
    Actions {
        /// What it does not grant; never empty.
        missing: Vec<ActionId>,
    },
}

/// What a decision may rest on besides the caller and the target.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances {
    /// Seconds since 1970.
    pub now: u64,
    /// The client's address.
    pub address: Address,
}

/// Decides whether `principal` may do what `target` is about.
///
/// # Errors
///
/// [`Denial`], the project first, then the access rules.
pub fn authorize(
    principal: &Principal,
    target: &Target<'_>,
    circumstances: Circumstances,
) -> Result<Permit, Denial> {
    if let Some(project) = target.project()
        && !principal.enters_all_projects
        && !principal.projects.iter().any(|own| own == project)
    {
        return Err(Denial::Project {
            project: project.to_owned(),
        });
    }
    if let Some(domain) = target.domain()
        && principal.domain.as_deref() != Some(domain)
    {
        return Err(Denial::Domain {
            domain: domain.to_owned(),
        });
    }
    if let Some(rules) = &principal.access_rules {
        let (method, path) = (target.method, target.path.path_and_query().path());
        if !rules.include(method.as_str(), path) {
            return Err(Denial::AccessRule {
                method: method.clone(),
                path: path.to_owned(),
            });
        }
    }
    let grants = &principal.grants;
    let request = Request {
        now: circumstances.now,
        address: circumstances.address,
        instances: match grants.asks_request() {
            true => target.instances(),
            false => Instances::default(),
        },
    };
    let (mut denied, mut missing) = (Vec::new(), Vec::new());
    for action in target.required() {
        match grants.verdict(action, &request) {
            Verdict::Allowed => {}
            Verdict::NotGranted => missing.push(action),
            Verdict::Denied => denied.push(action),
        }
    }
    for action in &target.operation.refused_by {
        if grants.verdict(*action, &request) == Verdict::Denied {
            denied.push(*action);
        }
    }
    if !denied.is_empty() {
        return Err(Denial::Denied { actions: denied });
    }
    if !missing.is_empty() {
        return Err(Denial::Actions { missing });
    }
    Ok(Permit::new(target))
}

/// What becomes of what is refused for want of grants.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Mode {
    /// It is refused.
    #[default]
    Enforce,
    /// It is let through, and told: to find out what a change would refuse.
    Report,
}

/// Permits what is denied for want of grants, or by policies, for [`Mode::Report`]. A token of another
/// project or domain, or for other requests, is never let through.
pub fn tolerate(denial: &Denial, target: &Target<'_>) -> Option<Permit> {
    match denial {
        Denial::Project { .. } | Denial::Domain { .. } | Denial::AccessRule { .. } => None,
        Denial::Denied { .. } | Denial::Actions { .. } => Some(Permit::new(target)),
    }
}

/// Permits a target that the table lists for everybody, without a caller.
pub fn admit_public(target: &Target<'_>) -> Option<Permit> {
    (target.operation.access == Access::Public).then(|| Permit::new(target))
}

#[cfg(test)]
mod tests;
