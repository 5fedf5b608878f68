//! Servers shown, started, stopped and rebooted.

use std::fmt::Write as _;

use super::{METADATA, check};

#[test]
fn shows_the_servers_of_a_project() {
    let table = r#"
        GET | /v2.1/p1/servers        | | 200 | {"servers":[{"id":"s1","name":"first"},{"id":"s3","name":"third"}]}
        GET | /v2/p2/servers          | | 200 | {"servers":[{"id":"s2","name":"second"}]}
        GET | /v2.1/p3/servers        | | 200 | {"servers":[]}
        GET | /v2.1/p2/servers/detail | | 200 | {"servers":[{"id":"s2","metadata":{"environment":"demo","role":"web"},"name":"second","status":"ACTIVE","tenant_id":"p2"}]}
        GET | /v2/p2/servers/s2       | | 200 | {"server":{"id":"s2","metadata":{"environment":"demo","role":"web"},"name":"second","status":"ACTIVE","tenant_id":"p2"}}
        GET | /v2.1/p1/servers/s2     | | 404 | {"itemNotFound":{"code":404,"message":"Instance s2 could not be found."}}
    "#;
    check(METADATA, table);
}

/// After a step, what its server shows; after a conflict, that the other one still runs.
#[test]
fn starts_stops_and_reboots() {
    let steps = [
        (r#"{"os-stop":null}"#, 202, "SHUTOFF"),
        (
            r#"{"os-stop":null}"#,
            409,
            "Cannot 'stop' instance s1 while it is in vm_state stopped",
        ),
        (
            r#"{"reboot":{"type":"SOFT"}}"#,
            409,
            "Cannot 'reboot' instance s1 while it is in vm_state stopped",
        ),
        (r#"{"os-start":null}"#, 202, "ACTIVE"),
        (
            r#"{"os-start":null}"#,
            409,
            "Cannot 'start' instance s1 while it is in vm_state active",
        ),
        (r#"{"reboot":{"type":"soft"}}"#, 202, "ACTIVE"),
        (r#"{"os-stop":null,"os-stop":null}"#, 202, "SHUTOFF"),
        (r#"{"reboot":{"type":"Hard"}}"#, 202, "ACTIVE"),
        (r#"{"os\u002dstop":null}"#, 202, "SHUTOFF"),
    ];
    let show = |id: &str, name: &str, status: &str| {
        format!(
            r#"GET | /v2.1/p1/servers/{id} | | 200 | {{"server":{{"id":"{id}","metadata":{{"environment":"demo","role":"web"}},"name":"{name}","status":"{status}","tenant_id":"p1"}}}}"#
        )
    };
    let mut table = String::new();
    for (body, status, told) in steps {
        let (answer, shown) = match status {
            202 => (String::new(), show("s1", "first", told)),
            _ => (
                format!(r#"{{"conflictingRequest":{{"code":409,"message":"{told}"}}}}"#),
                show("s3", "third", "ACTIVE"),
            ),
        };
        let step = format!("POST | /v2.1/p1/servers/s1/action | {body} | {status} | {answer}");
        writeln!(table, "{step}\n{shown}").unwrap();
    }
    check(METADATA, &table);
}

#[test]
fn refuses_other_actions_and_changes_nothing() {
    let malformed = "Malformed request body";
    let cases = [
        ("", malformed),
        ("{", malformed),
        ("{}", malformed),
        (r#""os-stop""#, malformed),
        (r#"{"os-stop":null,"reboot":{"type":"SOFT"}}"#, malformed),
        (r#"{"OS-STOP":null}"#, "There is no such action: OS-STOP"),
        (r#"{"evacuate":{}}"#, "There is no such action: evacuate"),
        (
            r#"{"reboot":null}"#,
            "Invalid input for field/attribute reboot. Value: null",
        ),
        (
            r#"{"reboot":{"type":1}}"#,
            r#"Invalid input for field/attribute reboot. Value: {\"type\":1}"#,
        ),
        (
            r#"{"reboot":{"type":"sOFT"}}"#,
            r#"Invalid input for field/attribute reboot. Value: {\"type\":\"sOFT\"}"#,
        ),
        (
            r#"{"reboot":{"type":"SOFT","x":1}}"#,
            r#"Invalid input for field/attribute reboot. Value: {\"type\":\"SOFT\",\"x\":1}"#,
        ),
    ];
    let mut table = String::new();
    for (body, message) in cases {
        for path in ["/v2/p1/servers/s1/action", "/v2.1/p2/servers/s1/action"] {
            let answer = format!(r#"{{"badRequest":{{"code":400,"message":"{message}"}}}}"#);
            writeln!(table, "POST | {path} | {body} | 400 | {answer}").unwrap();
        }
    }
    table += r#"
        POST | /v2.1/p1/servers/s1/action | ["os-stop"]       | 404 | {"itemNotFound":{"code":404,"message":"The resource could not be found."}}
        POST | /v2.1/p2/servers/s1/action | {"os-stop":null}  | 404 | {"itemNotFound":{"code":404,"message":"Instance s1 could not be found."}}
        POST | /v2.1/p1/servers/s1/action | {"os-start":null} | 409 | {"conflictingRequest":{"code":409,"message":"Cannot 'start' instance s1 while it is in vm_state active"}}
    "#
    .trim_start();
    check(METADATA, &table);
}
