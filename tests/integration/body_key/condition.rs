//! The value of a member tells, and what is in the body demands more.

use super::{Call, Expected, JSON, World, path_of, token};

const TAGS: &str = "/v1/{project_id}/servers/{server_id}/tags/action";
const SERVERS: &str = "/v1/{project_id}/cloudservers";
const CREATE: &str = "ecs:cloudServers:createServers";
const NEW: &str = "vpc:publicIps:create";
const OLD: &str = "vpc:publicIps:update";
const UNLISTED: Expected<'static> = Err((400, "body_unlisted", None));
const AMBIGUOUS: Expected<'static> = Err((400, "body_ambiguous", None));

fn check(world: &mut World, template: &str, actions: &[&str], body: &str, expected: Expected<'_>) {
    let path = path_of(template).replace("{server_id}", "s1");
    let call = Call::post(path, body).bearer(&token(actions)).header(JSON);
    let name = format!("{actions:?} {body}");
    world.check_on(template, &name, &call.bytes(), body.as_bytes(), expected);
}

#[test]
fn the_value_of_a_member_tells() {
    let mut world = World::new();
    let denied = |operation| Err((403, "action_missing", Some(operation)));
    let (create, delete) = (["ecs:tags:create"], ["ecs:tags:delete"]);
    for (actions, body, expected) in [
        (
            &create,
            "{\"action\":\"create\",\"tags\":[{\"key\":\"a\"}]}",
            Ok("create tags"),
        ),
        (
            &create,
            "{\"tags\":[],\"action\":\"create\"}",
            Ok("create tags"),
        ),
        (
            &create,
            "{\"\\u0061ction\":\"\\u0063reate\"}",
            Ok("create tags"),
        ),
        (
            &create,
            "{\"action\":\"delete\",\"tags\":[]}",
            denied("delete tags"),
        ),
        (
            &delete,
            "{\"action\":\"delete\",\"tags\":[]}",
            Ok("delete tags"),
        ),
        (&delete, "{\"action\":\"purge\"}", Ok("delete tags")),
        (
            &delete,
            "{\"action\":\"create\",\"tags\":[]}",
            denied("create tags"),
        ),
        (
            &delete,
            "{\"action\":\"create\",\"tags\":[{\"action\":\"delete\"}]}",
            denied("create tags"),
        ),
    ] {
        check(&mut world, TAGS, actions, body, expected);
    }
    for (body, expected) in [
        ("{}", UNLISTED),
        ("{\"tags\":[]}", UNLISTED),
        ("{\"action\":\"\"}", UNLISTED),
        ("{\"action\":\"Create\"}", UNLISTED),
        ("{\"action\":\"create \"}", UNLISTED),
        ("{\"action\":null}", UNLISTED),
        ("{\"action\":1}", UNLISTED),
        ("{\"action\":[\"create\"]}", UNLISTED),
        ("{\"action\":{\"create\":1}}", UNLISTED),
        ("{\"Action\":\"create\"}", UNLISTED),
        ("{\"action\":\"create\",\"Action\":\"delete\"}", AMBIGUOUS),
        ("{\"ACTION\":\"delete\",\"action\":\"create\"}", AMBIGUOUS),
        (
            "{\"action\":\"create\",\"action\":\"delete\"}",
            Err((400, "body_invalid", None)),
        ),
        (
            "{\"action\":\"create\",\"\\u0061ction\":\"create\"}",
            Err((400, "body_invalid", None)),
        ),
    ] {
        check(&mut world, TAGS, &["*:*:*"], body, expected);
    }
    world.finish();
}

#[test]
fn what_the_body_holds_demands_more() {
    let mut world = World::new();
    let good = Ok("create servers");
    let denied = Err((403, "action_missing", Some("create servers")));
    let new = "{\"server\":{\"publicip\":{\"eip\":{\"iptype\":\"5_bgp\"}}}}";
    let null = "{\"server\":{\"publicip\":{\"eip\":null}}}";
    let old = "{\"server\":{\"publicip\":{\"id\":\"1\"}}}";
    let both = "{\"server\":{\"publicip\":{\"id\":\"1\",\"\\u0065ip\":{}}}}";
    let cases: [(&[&str], &str, Expected<'_>); 21] = [
        (&[CREATE], "{\"server\":{\"name\":\"a\"}}", good),
        (&[CREATE], "{\"server\":{\"publicip\":null}}", good),
        (&[CREATE], "{\"server\":{\"publicip\":{}}}", good),
        (
            &[CREATE],
            "{\"publicip\":{\"eip\":{}},\"server\":{\"eip\":{}}}",
            good,
        ),
        (&[NEW, OLD], "{\"server\":{\"name\":\"a\"}}", denied),
        (&[CREATE], new, denied),
        (&[CREATE, OLD], new, denied),
        (&[NEW], new, denied),
        (&[CREATE, NEW], new, good),
        (&[CREATE], null, denied),
        (&[CREATE, NEW], null, good),
        (&[CREATE], old, denied),
        (&[CREATE, NEW], old, denied),
        (&[CREATE, OLD], old, good),
        (&[CREATE, OLD], both, denied),
        (&[CREATE, NEW], both, denied),
        (&[CREATE, NEW, OLD], both, good),
        // A server that does not look at the case of letters would find one.
        (
            &[CREATE],
            "{\"server\":{\"publicip\":{\"EIP\":{}}}}",
            AMBIGUOUS,
        ),
        (
            &[CREATE],
            "{\"Server\":{\"publicip\":{\"eip\":{}}}}",
            AMBIGUOUS,
        ),
        (
            &[CREATE],
            "{\"server\":{\"publicIp\":{\"eip\":{}}}}",
            AMBIGUOUS,
        ),
        (&[CREATE], "{\"server\":{},\"SERVER\":{}}", AMBIGUOUS),
    ];
    for (actions, body, expected) in cases {
        check(&mut world, SERVERS, actions, body, expected);
    }
    let message = {
        let call = Call::post(path_of(SERVERS), new)
            .bearer(&token(&[CREATE]))
            .header(JSON);
        world
            .gateway
            .call(&call)
            .refusal(403, "action_missing", "Ecs.0003")
    };
    assert_eq!(
        message,
        format!("Policy doesn't allow {NEW} to be performed.")
    );
}
