//! Nova on `MySQL` finds a server in any spelling of its id: a denial has to hold for each.

use serde_json::{Value, json};

use crate::support::{Call, Claims, PROJECT, Refusing, default_key};

const SERVER: &str = "0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0";

fn stop(path: &str, body: &Value) -> Call {
    let statement = json!({"Effect": "Deny", "Action": ["ecs:*:*"],
        "Resource": [format!("ECS:*:*:instance:{SERVER}")]});
    let all = json!({"Effect": "Allow", "Action": ["ecs:*:*"]});
    let policy = json!({"Version": "1.1", "Statement": [all, statement]});
    let claims = Claims::new(PROJECT, &[]).set("policies", policy);
    Call::post(path, body.to_string())
        .bearer(&claims.sign(default_key()))
        .header("Content-Type: application/json")
}

#[test]
fn a_denial_holds_for_every_spelling_of_a_server() {
    let world = Refusing::with(|setup| {
        setup
            .claims("policies = \"/policies\"\n")
            .more("[table]\nregion = \"eu-de\"\n")
    });
    let batch = format!("/v1/{PROJECT}/cloudservers/action");
    let among = |id: &str| json!({"os-stop": {"servers": [{"id": "other"}, {"id": id}]}});
    let native = |id: &str| format!("/v2.1/{PROJECT}/servers/{id}/action");
    let null = json!({"os-stop": null});
    let mixed = SERVER.replace("c2d", "C2d");
    for id in [
        SERVER,
        &SERVER.to_uppercase(),
        &mixed,
        &format!("{SERVER} "),
    ] {
        let answer = world.call(&stop(&batch, &among(id)));
        answer.refusal(403, "action_denied", "forbidden");
    }
    world.permits(&stop(&batch, &among("another")));
    let answer = world.call(&stop(&native(SERVER), &null));
    answer.refusal(403, "action_denied", "forbidden");
    // In a path an id has one spelling.
    for id in [&SERVER.to_uppercase(), &mixed, &format!("{SERVER}%20")] {
        let answer = world.call(&stop(&native(id), &null));
        answer.refusal(400, "path_invalid", "badRequest");
    }
    world.permits(&stop(&native("another"), &null));
}
