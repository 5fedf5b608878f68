//! What the upstream takes for the verified identity of a caller: said by the gateway alone.

use serde_json::json;

use crate::support::{
    Call, Claims, Gateway, PROJECT, Seen, Setup, Upstream, default_key, metadata, token,
};

const PUBLIC: &str = "[[operation]]\npermission = 'versions'\nroutes = ['GET /v9']\naccess = 'public'\n\
     [[operation]]\npermission = 'own'\nroutes = ['GET /v9/own']\naccess = 'authenticated'\nproject = 'none'\n";
const MODES: [&str; 3] = [
    "",
    "identity = { subject = \"X-Who\" }",
    "identity = \"keystonemiddleware\"",
];
/// As keystonemiddleware writes them, the deprecated ones too; not copied from the code under test.
const SET_BY_AUTH_TOKEN: [&str; 20] = [
    "X-Identity-Status",
    "X-User-Id",
    "X-User-Name",
    "X-User-Domain-Id",
    "X-User-Domain-Name",
    "X-Project-Id",
    "X-Project-Name",
    "X-Project-Domain-Id",
    "X-Project-Domain-Name",
    "X-Domain-Id",
    "X-Domain-Name",
    "X-Roles",
    "X-Is-Admin-Project",
    "X-System-Scope",
    "X-User",
    "X-Role",
    "X-Tenant",
    "X-Tenant-Id",
    "X-Tenant-Name",
    "X-Service-Catalog",
];
const OTHERS: [&str; 3] = [
    "OpenStack-System-Scope",
    "X-Service-Token",
    "X-Storage-Token",
];

/// Those of the user and those of a service beside it.
fn names() -> Vec<String> {
    let service = SET_BY_AUTH_TOKEN
        .iter()
        .map(|name| name.replacen("X-", "X-Service-", 1));
    let plain = SET_BY_AUTH_TOKEN.iter().chain(&OTHERS);
    plain.map(ToString::to_string).chain(service).collect()
}

fn mixed(name: &str) -> String {
    let odd = |(at, letter): (usize, char)| match at % 2 {
        0 => letter.to_ascii_lowercase(),
        _ => letter.to_ascii_uppercase(),
    };
    name.char_indices().map(odd).collect()
}

fn gateway(upstream: &Upstream, mode: &str) -> Gateway {
    let setup = Setup::new(upstream).table(PUBLIC);
    setup.upstream(mode).start()
}

/// The identity that the upstream was told of.
fn told(seen: &Seen) -> Vec<String> {
    let names = names();
    let lines = seen.headers.names().into_iter().filter(|name| {
        let mut names = names.iter();
        names.any(|known| known.eq_ignore_ascii_case(name))
    });
    let mut lines: Vec<String> = lines
        .map(|name| format!("{name}: {}", seen.headers.all(name).join(" | ")))
        .collect();
    lines.sort_unstable();
    lines
}

#[test]
fn no_spelling_of_an_identity_gets_through() {
    let spellings: [fn(&str) -> String; 4] = [
        str::to_owned,
        str::to_ascii_lowercase,
        str::to_ascii_uppercase,
        mixed,
    ];
    for mode in MODES {
        let upstream = Upstream::start();
        let gateway = gateway(&upstream, mode);
        let mut client = gateway.connect();
        for (path, bearer) in [(metadata().as_str(), true), ("/v9", false)] {
            for spell in spellings {
                let call = match bearer {
                    true => Call::get(path).bearer(&token(&["*:*:*"])),
                    false => Call::get(path),
                };
                let call = names().iter().fold(call, |call, name| {
                    call.header(format!("{}: forged", spell(name)))
                });
                assert_eq!(client.call(&call).status, 200, "{mode}");
                let seen = upstream.requests().pop().unwrap();
                let head = String::from_utf8(seen.head.clone()).unwrap();
                assert!(!head.contains("forged"), "{mode}: {head}");
                if !mode.contains("keystonemiddleware") {
                    assert_eq!(told(&seen), [""; 0], "{mode}");
                }
            }
        }
        let passed = upstream.count();
        assert_eq!(passed, 8);
        for name in names() {
            let call = Call::get(metadata())
                .bearer(&token(&["*:*:*"]))
                .header(format!("{}: forged", name.replace('-', "_")));
            let answer = client.call(&call);
            assert_eq!((answer.status, answer.reason()), (400, "header_name"));
        }
        assert_eq!(upstream.count(), passed);
    }
}

/// A token of these claims beside those that every one has.
fn claims() -> Claims {
    let user = json!({"name": "Alice", "domain": {"id": "d1", "name": "Users"}});
    Claims::new(PROJECT, &["*:*:*"])
        .set("user", user)
        .set(
            "roles",
            json!([{"id": "1", "name": "reader"}, {"name": "a member"}]),
        )
        .set("shop", json!({"name": "shop", "domain": "d2"}))
}

fn telling(upstream: &Upstream) -> Gateway {
    let pointers = "[issuer.identity]\nuser_name = \"/user/name\"\nuser_domain_id = \"/user/domain/id\"\n\
                    user_domain_name = \"/user/domain/name\"\nproject_name = \"/shop/name\"\n\
                    project_domain_id = \"/shop/domain\"\nroles = \"/roles/*/name\"\n\
                    is_admin_project = \"/admin\"\nsystem_scope = \"/system\"\ndomain_id = \"/domain\"\n";
    Setup::new(upstream)
        .table(PUBLIC)
        .upstream(MODES[2])
        .claims(pointers)
        .start()
}

fn whole() -> Vec<String> {
    let project = PROJECT;
    [
        "x-identity-status: Confirmed".to_owned(),
        "x-project-domain-id: d2".to_owned(),
        format!("x-project-id: {project}"),
        "x-project-name: shop".to_owned(),
        "x-role: reader,a member".to_owned(),
        "x-roles: reader,a member".to_owned(),
        "x-tenant-id: ".to_owned() + project,
        "x-tenant-name: shop".to_owned(),
        "x-tenant: shop".to_owned(),
        "x-user-domain-id: d1".to_owned(),
        "x-user-domain-name: Users".to_owned(),
        "x-user-id: alice".to_owned(),
        "x-user-name: Alice".to_owned(),
        "x-user: Alice".to_owned(),
    ]
    .to_vec()
}

#[test]
fn the_upstream_is_told_as_keystonemiddleware_would_tell() {
    let upstream = Upstream::start();
    let gateway = telling(&upstream);
    let user = |line: &String| line.starts_with("x-user") || line.starts_with("x-role");
    let beside_user = |more: &[&str]| {
        let mut lines: Vec<String> = whole().into_iter().filter(user).collect();
        lines.push("x-identity-status: Confirmed".to_owned());
        lines.extend(more.iter().map(ToString::to_string));
        lines.sort_unstable();
        lines
    };
    let with = |more: &[&str]| {
        let mut lines = whole();
        lines.extend(more.iter().map(ToString::to_string));
        lines.sort_unstable();
        lines
    };
    let id = [
        format!("x-project-id: {PROJECT}"),
        format!("x-tenant-id: {PROJECT}"),
    ];
    let id = id.each_ref().map(String::as_str);
    let own = "/v9/own".to_owned();
    let several = claims().set("project_id", json!([PROJECT, "q"]));
    let cases = [
        (claims(), metadata(), whole()),
        (claims(), own.clone(), whole()),
        (
            claims().set("admin", true),
            metadata(),
            with(&["x-is-admin-project: True"]),
        ),
        // A system or a domain beside a project is not the scope.
        (
            claims().set("system", "all").set("domain", "d3"),
            own.clone(),
            whole(),
        ),
        (several.clone(), metadata(), beside_user(&id)),
        (several, own.clone(), beside_user(&[])),
        // Nor is it beside no project: such a token may act nowhere.
        (
            claims()
                .set("project_id", json!([]))
                .set("system", true)
                .set("domain", "d3"),
            own.clone(),
            beside_user(&[]),
        ),
        (
            claims().without("project_id").set("system", true),
            own.clone(),
            beside_user(&["openstack-system-scope: all"]),
        ),
        (
            claims().without("project_id").set("domain", "d3"),
            own,
            beside_user(&["x-domain-id: d3"]),
        ),
    ];
    for (claims, path, mut expected) in cases {
        let call = Call::get(path.as_str())
            .bearer(&claims.sign(default_key()))
            .header("X-Roles: admin")
            .header("OpenStack-System-Scope: all");
        // The second comes from the cache of verified callers.
        for _ in 0..2 {
            assert_eq!(gateway.call(&call).status, 200, "{claims:?}");
            let seen = upstream.requests().pop().unwrap();
            expected.sort_unstable();
            assert_eq!(told(&seen), expected, "{path} {claims:?}");
        }
    }
}

#[test]
fn of_nobody_it_is_told_that_nobody_is_known() {
    let upstream = Upstream::start();
    let gateway = telling(&upstream);
    assert_eq!(gateway.call(&Call::get("/v9")).status, 200);
    assert_eq!(told(&upstream.only()), ["x-identity-status: Invalid"]);
}

#[test]
fn a_caller_who_cannot_be_told_whole_is_refused() {
    let upstream = Upstream::start();
    let gateway = telling(&upstream);
    let role = |name: &str| claims().set("roles", json!([{"name": "reader"}, {"name": name}]));
    let user = |name: &str| claims().set("user", json!({ "name": name }));
    let cases = [
        (role("a,admin"), "A role of the token cannot be told"),
        (role(""), "The token's role cannot be told"),
        (role(" admin"), "The token's role cannot be told"),
        (user("älice"), "The token's user's name cannot be told"),
        (user("a\r\nx-roles: b"), "The token's user's name cannot"),
        (claims().without("sub"), "The token has no user's id"),
    ];
    for (claims, expected) in cases {
        let call = Call::get(metadata()).bearer(&claims.sign(default_key()));
        let answer = gateway.call(&call);
        let message = answer.refusal(403, "identity_unnameable", "forbidden");
        assert!(message.starts_with(expected), "{message}");
    }
    // Neither left out nor read as something else.
    for claims in [
        claims().set("roles", json!([{"name": "reader"}, {"id": "2"}])),
        claims().set("roles", json!({"name": "reader"})),
        claims().set("user", json!({"name": 1})),
        claims().set("admin", "yes"),
    ] {
        let call = Call::get(metadata()).bearer(&claims.sign(default_key()));
        let answer = gateway.call(&call);
        assert_eq!((answer.status, answer.reason()), (401, "claims_invalid"));
    }
    assert_eq!(upstream.count(), 0);
}
