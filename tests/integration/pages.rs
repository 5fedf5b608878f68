//! Requests that the vendor lists on pages other than "Metadata Management".

use crate::support::{Call, PROJECT, Refusing, token};

#[test]
fn servers_are_listed_for_whoever_may() {
    let world = Refusing::start();
    let list = || Call::get(format!("/v2.1/{PROJECT}/servers/detail?limit=1"));
    let answer = world.call(&list().bearer(&token(&["ecs:servers:listMetadata"])));
    let message = answer.refusal(403, "action_missing", "forbidden");
    let expected = "Policy doesn't allow ecs:servers:list to be performed.";
    assert_eq!(message, expected);
    world.permits(&list().bearer(&token(&["ecs:*:list*"])));
}

#[test]
fn an_older_name_of_an_action_grants_it() {
    let world = Refusing::start();
    let show = || Call::get(format!("/v1/{PROJECT}/cloudservers/s1"));
    let other = token(&["ecs:cloudServers:put"]);
    let answer = world.call(&show().bearer(&other));
    assert_eq!(answer.status, 403, "{answer:?}");
    world.permits(&show().bearer(&token(&["ecs:cloudServers:get"])));
}

#[test]
fn flavors_need_a_token_of_the_project_and_nothing_else() {
    let world = Refusing::start();
    let of = |project: &str| Call::get(format!("/v2.1/{project}/flavors/detail"));
    let known = token(&[]);
    let answer = world.call(&of(PROJECT));
    answer.refusal(401, "token_missing", "error");
    let answer = world.call(&of("another").bearer(&known));
    answer.refusal(403, "project_mismatch", "forbidden");
    world.permits(&of(PROJECT).bearer(&known));
}

#[test]
fn versions_are_for_everybody_and_nothing_beside_them_is() {
    let world = Refusing::start();
    let version = "Accept: application/json;version=2.1/x";
    for path in ["/servers", "/v3", "/v2.1/servers"] {
        let answer = world.call(&Call::get(path).header(version));
        answer.refusal(401, "token_missing", "error");
    }
    let answer = world.call(&Call::get("/v2.1?_method=DELETE"));
    answer.refusal(400, "method_override", "badRequest");
    let answer = world.call(&Call::new("POST", "/v2.1"));
    answer.refusal(401, "token_missing", "error");
    for path in ["/", "/v2", "/v2.1"] {
        world.permits(&Call::get(path));
    }
}
