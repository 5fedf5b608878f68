use super::*;
use crate::grant::{Grants, UnknownRoles};

fn principal(projects: &[&str]) -> Principal {
    Principal {
        issuer: 0,
        subject: None,
        projects: projects
            .iter()
            .map(|project| (*project).to_owned())
            .collect(),
        domain: None,
        enters_all_projects: false,
        grants: Grants::default(),
        access_rules: None,
        unknown_roles: UnknownRoles::default(),
    }
}

fn text(text: &str) -> String {
    text.to_owned()
}

fn all() -> IdentityClaims {
    IdentityClaims {
        user_id: Some(text("u1")),
        user_name: Some(text("al ice")),
        user_domain_id: Some(text("d1")),
        user_domain_name: Some(text("Users")),
        project_name: Some(text("shop")),
        project_domain_id: Some(text("d2")),
        project_domain_name: Some(text("Projects")),
        domain_id: Some(text("d3")),
        domain_name: Some(text("Scope")),
        roles: vec!["reader".to_owned(), "a member".to_owned()],
        is_admin_project: Some(false),
        is_system: true,
    }
}

/// What is told of a request for `project`, in the order of the names.
fn told(claims: &IdentityClaims, projects: &[&str], project: Option<&str>) -> Vec<String> {
    let told = KeystoneHeaders::new(claims, &principal(projects)).unwrap();
    let mut headers = HeaderMap::new();
    told.set(&mut headers, project).unwrap();
    let lines = headers.iter();
    let mut lines: Vec<String> = lines
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    for name in headers.keys() {
        assert!(KEYSTONE_HEADERS.contains(name), "{name}");
    }
    lines.sort_unstable();
    lines
}

const USER: [&str; 8] = [
    "x-identity-status: Confirmed",
    "x-role: reader,a member",
    "x-roles: reader,a member",
    "x-user-domain-id: d1",
    "x-user-domain-name: Users",
    "x-user-id: u1",
    "x-user-name: al ice",
    "x-user: al ice",
];

fn with_user(lines: &[&str]) -> Vec<String> {
    let mut lines: Vec<String> = USER.iter().chain(lines).map(ToString::to_string).collect();
    lines.sort_unstable();
    lines
}

#[test]
fn a_request_has_one_scope() {
    let whole: &[&str] = &[
        "x-is-admin-project: False",
        "x-project-domain-id: d2",
        "x-project-domain-name: Projects",
        "x-project-id: p",
        "x-project-name: shop",
        "x-tenant-id: p",
        "x-tenant-name: shop",
        "x-tenant: shop",
    ];
    let id: &[&str] = &["x-project-id: q", "x-tenant-id: q"];
    let domain: &[&str] = &["x-domain-id: d3", "x-domain-name: Scope"];
    let cases: [(&[&str], Option<&str>, &[&str]); 6] = [
        (&["p"], Some("p"), whole),
        // What the token says of its project is not said of another.
        (&["p"], Some("q"), id),
        (&["p", "q"], Some("q"), id),
        (&["p", "q"], None, &[]),
        (&[], Some("q"), id),
        (&[], None, domain),
    ];
    for (projects, project, expected) in cases {
        let found = told(&all(), projects, project);
        assert_eq!(found, with_user(expected), "{projects:?} {project:?}");
    }
    let system = IdentityClaims {
        domain_id: None,
        domain_name: None,
        ..all()
    };
    let scope = ["openstack-system-scope: all"];
    assert_eq!(told(&system, &[], None), with_user(&scope));
    assert_eq!(told(&system, &["p"], Some("q")), with_user(id));
}

#[test]
fn of_what_is_not_known_nothing_is_said() {
    let claims = IdentityClaims {
        user_id: Some(text("u1")),
        ..IdentityClaims::default()
    };
    let expected = [
        "x-identity-status: Confirmed",
        "x-project-id: p",
        "x-tenant-id: p",
        "x-user-id: u1",
    ];
    assert_eq!(told(&claims, &["p"], Some("p")), expected);
    let nobody = KeystoneHeaders::new(&IdentityClaims::default(), &principal(&[]));
    assert_eq!(nobody.unwrap_err(), Unnameable::Missing("user's id"));
    let mut headers = HeaderMap::new();
    set_nobody(&mut headers);
    assert_eq!(headers.len(), 1);
    assert_eq!(headers["x-identity-status"], "Invalid");
}

#[test]
fn what_is_no_header_refuses_the_request() {
    type Set = fn(&mut IdentityClaims, String);
    let facts: [(&str, Set); 10] = [
        ("user's id", |claims, text| claims.user_id = Some(text)),
        ("user's name", |claims, text| claims.user_name = Some(text)),
        ("user's domain", |claims, text| {
            claims.user_domain_id = Some(text);
        }),
        ("name of the user's domain", |claims, text| {
            claims.user_domain_name = Some(text);
        }),
        ("project's name", |claims, text| {
            claims.project_name = Some(text);
        }),
        ("project's domain", |claims, text| {
            claims.project_domain_id = Some(text);
        }),
        ("name of the project's domain", |claims, text| {
            claims.project_domain_name = Some(text);
        }),
        ("domain", |claims, text| claims.domain_id = Some(text)),
        ("domain's name", |claims, text| {
            claims.domain_name = Some(text);
        }),
        ("role", |claims, text| claims.roles.push(text)),
    ];
    for (fact, set) in facts {
        let projects: &[&str] = if fact.starts_with("domain") {
            &[]
        } else {
            &["p"]
        };
        for bad in ["a\r\nx-roles: admin", "a\0", "é", "", " a", "a ", "\u{7f}"] {
            let mut claims = all();
            set(&mut claims, bad.to_owned());
            let told = KeystoneHeaders::new(&claims, &principal(projects));
            assert_eq!(told.unwrap_err(), Unnameable::Value(fact), "{bad:?}");
        }
    }
    let mut claims = all();
    claims.roles.push("a,admin".to_owned());
    let told = KeystoneHeaders::new(&claims, &principal(&["p"]));
    assert_eq!(told.unwrap_err(), Unnameable::Comma("role"));
    let told = KeystoneHeaders::new(&all(), &principal(&["é"]));
    assert_eq!(told.unwrap_err(), Unnameable::Value("project"));
    let told = KeystoneHeaders::new(&all(), &principal(&["p"])).unwrap();
    let set = told.set(&mut HeaderMap::new(), Some("é"));
    assert_eq!(set, Err(Unnameable::Value("project")));
}
