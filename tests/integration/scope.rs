//! Tokens of projects and of domains, and routes that name neither.

use serde_json::json;

use crate::support::{Call, Claims, PROJECT, Refusing, Setup, default_key, metadata};

const TABLE: &str = "
[[operation]]
permission = 'things of a domain'
routes = ['GET /v9/domains/{domain_id}/things']
actions = ['ecs:servers:list']
project = 'none'
domain = 'domain_id'
[[operation]]
permission = 'things of a tenant'
routes = ['GET /v9/tenants/{tenant_id}/things']
actions = ['ecs:servers:list']
project = 'tenant_id'
[[operation]]
permission = 'things of nobody'
routes = ['GET /v9/things']
actions = ['ecs:servers:list']
project = 'none'
";

fn world(lines: &'static str) -> Refusing {
    let claims = format!("domain = \"/domain_id\"\n{lines}");
    Refusing::with(|setup: Setup| setup.claims(&claims).table(TABLE))
}

fn claims() -> Claims {
    Claims::new(PROJECT, &["ecs:*:list*"])
}

/// A token of the domain `d1` and of no project.
fn of_domain() -> String {
    claims()
        .without("project_id")
        .set("domain_id", "d1")
        .sign(default_key())
}

#[test]
fn a_domain_enters_projects_where_the_config_says_so() {
    let list = Call::get(metadata()).bearer(&of_domain());
    let answer = world("").call(&list);
    answer.refusal(403, "project_mismatch", "forbidden");
    let world = world("domain_enters_projects = true\n");
    world.permits(&list);
    let other = Call::get("/v2.1/a0b1c2/servers/s/metadata").bearer(&of_domain());
    world.permits(&other);
    // What it may not do it may not do anywhere.
    let delete = Call::new("DELETE", "/v2.1/a0b1c2/servers/s").bearer(&of_domain());
    let answer = world.call(&delete);
    answer.refusal(403, "action_missing", "forbidden");
}

#[test]
fn a_token_with_projects_stays_in_them() {
    let world = world("domain_enters_projects = true\n");
    let both = claims().set("domain_id", "d1").sign(default_key());
    world.permits(&Call::get(metadata()).bearer(&both));
    for path in [
        "/v2.1/a0b1c2/servers/s/metadata",
        "/v9/tenants/a0b1c2/things",
    ] {
        let answer = world.call(&Call::get(path).bearer(&both));
        answer.refusal(403, "project_mismatch", "forbidden");
    }
    let answer = world.call(&Call::get("/v9/domains/d1/things").bearer(&both));
    answer.refusal(403, "domain_mismatch", "forbidden");
    let nowhere = claims()
        .set("project_id", json!([]))
        .set("domain_id", "d1")
        .sign(default_key());
    let answer = world.call(&Call::get(metadata()).bearer(&nowhere));
    answer.refusal(403, "project_mismatch", "forbidden");
    let empty = claims()
        .without("project_id")
        .set("domain_id", "")
        .sign(default_key());
    let answer = world.call(&Call::get(metadata()).bearer(&empty));
    answer.refusal(401, "claims_invalid", "error");
}

#[test]
fn a_route_says_what_it_is_bound_to() {
    let world = world("");
    let of_project = claims().sign(default_key());
    let get = |path: &str, token: &str| Call::get(path).bearer(token);
    world.permits(&get("/v9/domains/d1/things", &of_domain()));
    let answer = world.call(&get("/v9/domains/d2/things", &of_domain()));
    answer.refusal(403, "domain_mismatch", "forbidden");
    let answer = world.call(&get("/v9/domains/d1/things", &of_project));
    answer.refusal(403, "domain_mismatch", "forbidden");
    world.permits(&get(&format!("/v9/tenants/{PROJECT}/things"), &of_project));
    let answer = world.call(&get("/v9/tenants/a0b1c2/things", &of_project));
    answer.refusal(403, "project_mismatch", "forbidden");
    let answer = world.call(&get("/v9/tenants/a0b1c2/things", &of_domain()));
    answer.refusal(403, "project_mismatch", "forbidden");
    for token in [of_domain(), of_project] {
        world.permits(&get("/v9/things", &token));
    }
    let nothing = Claims::new(PROJECT, &[]).sign(default_key());
    let answer = world.call(&get("/v9/things", &nothing));
    answer.refusal(403, "action_missing", "forbidden");
}
