mod reach;

use super::*;
use crate::grant::{
    AccessRuleClaim, CallerValues, CompiledPolicy, ConditionKeys, Grants, Policy, UnknownRoles,
};
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
        access_rules: None,
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
fn access_rules_bound_what_is_granted() {
    let router = router();
    let path: RequestPath = "/v2.1/p/servers/s/metadata?x=1".parse().unwrap();
    let list = "ecs:servers:listMetadata";
    let rules = |rules: &serde_json::Value| {
        let claim = AccessRuleClaim {
            pointer: "/rules".parse().unwrap(),
            service: "compute".to_owned(),
        };
        let claims = json!({ "rules": rules });
        let rules = claim.read(claims.as_object().unwrap()).unwrap();
        rules.map(Box::new)
    };
    let rule =
        |method: &str, path: &str| json!([{"method": method, "path": path, "service": "compute"}]);
    let refused = || {
        Err(Denial::AccessRule {
            method: Method::GET,
            path: "/v2.1/p/servers/s/metadata".to_owned(),
        })
    };
    let id = router.table().action(&list.parse().unwrap()).unwrap();
    let ungranted = Err(Denial::Actions { missing: vec![id] });
    let project = Err(Denial::Project {
        project: "p".to_owned(),
    });
    let every = rule("GET", "/v2.1/*/servers/**");
    let granted: &[&str] = &[list];
    let cases = [
        (&["p"], granted, every.clone(), Ok(())),
        (
            &["p"],
            &[list],
            rule("POST", "/v2.1/*/servers/**"),
            refused(),
        ),
        (&["p"], granted, rule("GET", "/v2.1/*/servers"), refused()),
        (&["p"], granted, json!([]), refused()),
        // They grant nothing, and open no other project.
        (&["p"], &[], every.clone(), ungranted),
        (&["q"], granted, every, project),
    ];
    for (projects, actions, access, expected) in cases {
        let mut caller = principal(&router, projects, actions);
        caller.access_rules = rules(&access);
        let candidates = router.resolve(&Method::GET, &path).unwrap();
        let target = candidates.target(None).unwrap();
        let decision = authorize(&caller, &target, NOWHERE).map(|_| ());
        assert_eq!(decision, expected, "{access}");
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
