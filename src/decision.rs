//! The policy decision point: may this principal do this?
//!
//! Pure: the same inputs give the same decision, so `explain` asks what the gateway asks.

use hyper::Method;
use hyper::http::uri::PathAndQuery;

use crate::grant::{Address, Instances, Principal, Request, Verdict};
use crate::router::Target;
use crate::table::{Access, ActionId};

/// Proof that [`authorize`] or [`admit_public`] allowed a request, and the request line it allowed.
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
/// [`Denial`], the project first.
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

/// Permits a target that the table lists for everybody, without a caller.
pub fn admit_public(target: &Target<'_>) -> Option<Permit> {
    (target.operation.access == Access::Public).then(|| Permit::new(target))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grant::{CallerValues, CompiledPolicy, ConditionKeys, Grants, Policy, UnknownRoles};
    use crate::router::{RequestPath, Router};
    use crate::table::{ActionTable, Source};
    use serde_json::json;

    const NOWHERE: Circumstances = Circumstances {
        now: 0,
        address: Address::Absent,
    };

    fn router() -> Router {
        Router::new(ActionTable::load(&Source::builtin()).unwrap()).unwrap()
    }

    fn principal(router: &Router, projects: &[&str], actions: &[&str]) -> Principal {
        let id = |action: &&str| router.table().action(&action.parse().unwrap()).unwrap();
        let grants = Grants::new(actions.iter().map(id).collect());
        Principal {
            issuer: 0,
            subject: None,
            projects: projects
                .iter()
                .map(|project| (*project).to_owned())
                .collect(),
            domain: None,
            enters_all_projects: false,
            grants,
            unknown_roles: UnknownRoles::default(),
        }
    }

    #[test]
    fn demands_the_project_and_every_action() {
        let router = router();
        let path: RequestPath = "/v2.1/p/servers/s/metadata?x=1".parse().unwrap();
        let target = router
            .resolve(&Method::PUT, &path)
            .unwrap()
            .target(None)
            .unwrap();
        let (set, get) = ("ecs:servers:setMetadata", "ecs:servers:get");
        let missing = |actions: &[&str]| {
            let id = |action: &&str| router.table().action(&action.parse().unwrap()).unwrap();
            let missing = actions.iter().map(id).collect();
            Err(Denial::Actions { missing })
        };
        let project = || {
            Err(Denial::Project {
                project: "p".to_owned(),
            })
        };
        let cases: [(&[&str], &[&str], Result<(), Denial>); 7] = [
            (&["p"], &[set, get], Ok(())),
            (&["q", "p"], &[set, get], Ok(())),
            (&["p"], &[set], missing(&[get])),
            (&["p"], &[get], missing(&[set])),
            (&["p"], &[], missing(&[set, get])),
            (&["q"], &[set, get], project()),
            (&[], &[], project()),
        ];
        for (projects, actions, expected) in cases {
            let caller = principal(&router, projects, actions);
            let decision = authorize(&caller, &target, NOWHERE).map(|_| ());
            assert_eq!(decision, expected, "{projects:?} {actions:?}");
        }
    }

    #[test]
    fn a_permit_is_for_the_request_line_that_was_judged() {
        let router = router();
        let path: RequestPath = "/v2.1/p/servers/s/metadata?x=1".parse().unwrap();
        let target = router
            .resolve(&Method::GET, &path)
            .unwrap()
            .target(None)
            .unwrap();
        let caller = principal(&router, &["p"], &["ecs:servers:listMetadata"]);
        let (method, sent) = authorize(&caller, &target, NOWHERE).unwrap().into_parts();
        assert_eq!(
            (method, sent.as_str()),
            (Method::GET, "/v2.1/p/servers/s/metadata?x=1")
        );
    }

    #[test]
    fn a_permit_carries_what_the_operation_allows() {
        let text = "[[operation]]\npermission = 'a'\nroutes = ['GET /a']\naccess = 'public'\nmax_body = '2KiB'\nupgrade = true\n\
                    [[operation]]\npermission = 'b'\nroutes = ['GET /b']\naccess = 'public'\nupgrade = false\n";
        let source = Source {
            name: "own".to_owned(),
            text: text.to_owned(),
        };
        let router = Router::new(ActionTable::load(&[source]).unwrap()).unwrap();
        for (path, max_body, upgrade) in [("/a", Some(2048), true), ("/b", None, false)] {
            let path: RequestPath = path.parse().unwrap();
            let target = router
                .resolve(&Method::GET, &path)
                .unwrap()
                .target(None)
                .unwrap();
            let permit = admit_public(&target).unwrap();
            let found = (permit.max_body(), permit.allows_upgrade());
            assert_eq!(found, (max_body, upgrade), "{path:?}");
        }
    }

    #[test]
    fn a_denial_of_a_newer_name_is_one_of_the_operation() {
        let text = "[[operation]]\npermission = 'a'\nroutes = ['GET /{project_id}']\nactions = ['x:y:list']\nsuccessors = ['x:y:listAll']\n";
        let source = Source {
            name: "own".to_owned(),
            text: text.to_owned(),
        };
        let router = Router::new(ActionTable::load(&[source]).unwrap()).unwrap();
        let path: RequestPath = "/p".parse().unwrap();
        let candidates = router.resolve(&Method::GET, &path).unwrap();
        let target = candidates.target(None).unwrap();
        let policy = |effect: &str, action: &str| {
            let statement = json!({"Effect": effect, "Action": [action]});
            let policy = json!({"Version": "1.1", "Statement": [statement]});
            let policy = Policy::parse(&policy).unwrap();
            let keys = ConditionKeys::default();
            CompiledPolicy::new(&policy, router.table(), &keys).unwrap()
        };
        let id = |name: &str| router.table().action(&name.parse().unwrap()).unwrap();
        let denied = |actions: &[&str]| {
            Err(Denial::Denied {
                actions: actions.iter().map(|action| id(action)).collect(),
            })
        };
        let missing = Denial::Actions {
            missing: vec![id("x:y:list")],
        };
        for (policies, expected) in [
            (vec![("Allow", "x:y:list")], Ok(())),
            (vec![("Allow", "x:y:listAll")], Err(missing)),
            (
                vec![("Allow", "x:y:list"), ("Deny", "x:y:listAll")],
                denied(&["x:y:listAll"]),
            ),
            (
                vec![("Allow", "x:y:list"), ("Deny", "x:y:list")],
                denied(&["x:y:list"]),
            ),
        ] {
            let mut caller = principal(&router, &["p"], &[]);
            for (effect, action) in &policies {
                let values = CallerValues::default();
                caller.grants.add(&policy(effect, action), &values).unwrap();
            }
            let decision = authorize(&caller, &target, NOWHERE).map(|_| ());
            assert_eq!(decision, expected, "{policies:?}");
        }
    }

    #[test]
    fn only_public_operations_need_no_caller() {
        let router = router();
        let public: RequestPath = "/v2.1".parse().unwrap();
        let other: RequestPath = "/v2.1/p/servers/s/metadata".parse().unwrap();
        assert!(
            admit_public(
                &router
                    .resolve(&Method::GET, &public)
                    .unwrap()
                    .target(None)
                    .unwrap()
            )
            .is_some()
        );
        assert!(
            admit_public(
                &router
                    .resolve(&Method::GET, &other)
                    .unwrap()
                    .target(None)
                    .unwrap()
            )
            .is_none()
        );
    }
}
