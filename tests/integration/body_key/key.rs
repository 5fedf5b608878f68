//! The only member tells.

use serde_json::Value;

use super::{Call, JSON, World, action, call, nova_keys, path, token};

fn with(actions: &[&str], body: &str) -> Vec<u8> {
    let call = Call::post(path(), body).bearer(&token(actions));
    call.header(JSON).bytes()
}

#[test]
fn each_key_of_nova_demands_its_own_action() {
    let mut world = World::new();
    let keys: Vec<&str> = nova_keys().collect();
    assert_eq!(keys.len(), 41);
    for (at, key) in keys.iter().enumerate() {
        let body = format!("{{\"{key}\": null}}");
        let own = action(key);
        let bytes = with(&[&own], &body);
        world.check(key, &bytes, body.as_bytes(), Ok(key));
        let others: Vec<String> = keys.iter().map(|other| action(other)).collect();
        let others: Vec<&str> = others.iter().map(String::as_str).collect();
        let others: Vec<&str> = others.into_iter().filter(|other| *other != own).collect();
        let bytes = with(&others, &body);
        let denied = Err((403, "action_missing", Some(*key)));
        let answer = world.check(key, &bytes, body.as_bytes(), denied);
        let message = answer.refusal(403, "action_missing", "forbidden");
        assert_eq!(
            message,
            format!("Policy doesn't allow {own} to be performed.")
        );
        // Nor is it the neighbor's.
        let next = keys[(at + 1) % keys.len()];
        let both = format!("{{\"{key}\": null, \"{next}\": null}}");
        let bytes = with(&["*:*:*"], &both);
        world.check(
            key,
            &bytes,
            both.as_bytes(),
            Err((400, "body_members", None)),
        );
    }
    world.finish();
}

#[test]
fn a_key_without_a_row_is_refused() {
    let mut world = World::new();
    for key in [
        "os-startx",
        "os-star",
        "OS-START",
        "Os-start",
        "",
        " os-start",
        "os-start ",
        "os_start",
        "os-st\u{e4}rt",
    ] {
        let body = format!("{{\"{key}\": {{}}}}");
        let bytes = with(&["*:*:*"], &body);
        let answer = world.check(
            key,
            &bytes,
            body.as_bytes(),
            Err((400, "body_unlisted", None)),
        );
        let message = answer.refusal(400, "body_unlisted", "badRequest");
        assert_eq!(
            message,
            format!(
                "No operation of the action table has this path with the member `{key}` in the body."
            )
        );
    }
    world.finish();
}

#[test]
fn of_a_long_key_little_is_repeated() {
    let mut world = World::new();
    let body = format!("{{\"{}\": {{}}}}", "k".repeat(60_000));
    let refused = Err((400, "body_unlisted", None));
    let answer = world.check("long", &call(&*body).bytes(), body.as_bytes(), refused);
    let message = answer.refusal(400, "body_unlisted", "badRequest");
    assert!(
        message.contains("kkk…`") && message.len() < 200,
        "{message}"
    );
    world.finish();
}

#[test]
fn one_member_is_one_member() {
    let mut world = World::new();
    for (body, expected) in [
        (
            "{\"os-start\":null,\"os-stop\":null}",
            Err((400, "body_members", None)),
        ),
        (
            "{\"os-stop\":null,\"os-start\":null}",
            Err((400, "body_members", None)),
        ),
        (
            "{\"os-start\":null,\"\":null}",
            Err((400, "body_members", None)),
        ),
        ("{}", Err((400, "body_members", None))),
        (
            "{\"os-start\":null,\"os-start\":null}",
            Err((400, "body_invalid", None)),
        ),
        (
            "{\"os-start\":null,\"\\u006fs-start\":null}",
            Err((400, "body_invalid", None)),
        ),
        (
            "{\"rebuild\":{\"name\":\"a\",\"name\":\"b\"}}",
            Err((400, "body_invalid", None)),
        ),
        (
            "{\"rebuild\":{\"metadata\":[{\"a\":1,\"\\u0061\":2}]}}",
            Err((400, "body_invalid", None)),
        ),
        ("{\"\\u006fs-start\":null}", Ok("os-start")),
        ("{\"os\\u002dstop\":null}", Ok("os-stop")),
        ("{\"\\u006F\\u0073-start\" :null}", Ok("os-start")),
        (" \r\n\t{ \"os-start\"\n:\tnull } \r\n", Ok("os-start")),
        (
            "{\"rebuild\":{\"os-start\":null,\"os-stop\":null}}",
            Ok("rebuild"),
        ),
        (
            "{\"reboot\":{\"type\":\"{\\\"os-start\\\":null}\"}}",
            Ok("reboot"),
        ),
        (
            "{\"os-stop\":{\"\u{fc}\":\"\u{1f600}\\ud83d\\ude00\",\"n\":[1,-0,1.5e3,true]}}",
            Ok("os-stop"),
        ),
    ] {
        world.check(body, &call(body).bytes(), body.as_bytes(), expected);
    }
    world.finish();
}

/// What the caller may do is told before anything of the body is: nobody unknown is read from.
#[test]
fn nobody_unknown_is_read_from() {
    let mut world = World::new();
    let head = Call::new("POST", path())
        .header(JSON)
        .header("Content-Length: 20");
    let mut client = world.gateway.connect();
    client.send(head.header("Expect: 100-continue").bytes());
    client.answer().refusal(401, "token_missing", "error");
    world
        .audited
        .push([401.into(), "token_missing".into(), Value::Null, Value::Null]);
    assert_eq!(world.upstream.count(), 0);
    world.finish();
}
