//! Servers shown, started, stopped and rebooted.

use std::fmt::Write as _;

use super::{METADATA, ask, check, check_on};

#[test]
fn shows_the_servers_of_a_project() {
    let table = r#"
        GET | /v2.1/p1/servers                | | 200 | {"servers":[{"id":"s1","links":[{"href":"http://h/v2.1/p1/servers/s1","rel":"self"},{"href":"http://h/p1/servers/s1","rel":"bookmark"}],"name":"first"},{"id":"s3","links":[{"href":"http://h/v2.1/p1/servers/s3","rel":"self"},{"href":"http://h/p1/servers/s3","rel":"bookmark"}],"name":"third"}]}
        GET | /v2/p2/servers                  | | 200 | ~{"servers":[{"id":"s2","name":"second"}]}
        GET | /v2.1/p3/servers                | | 200 | {"servers":[]}
        GET | /v2.1/p1/servers/detail?limit=1 | | 200 | ~{"servers":[{"id":"s1"}]}
        GET | /v2.1/p1/servers?marker=s1      | | 200 | ~{"servers":[{"id":"s3"}]}
        GET | /v2.1/p1/servers?marker=s2      | | 400 | {"badRequest":{"code":400,"message":"marker [s2] not found"}}
        GET | /v2.1/p1/servers?limit=x        | | 400 | {"badRequest":{"code":400,"message":"Invalid input for field/attribute limit. Value: \"x\""}}
        GET | /v2.1/p1/servers?a=b&name=thi   | | 200 | ~{"servers":[{"id":"s3"}]}
        GET | /v2.1/p1/servers?name=%74+      | | 200 | {"servers":[]}
        GET | /v2.1/p2/servers/detail         | | 200 | ~{"servers":[{"id":"s2","metadata":{"environment":"demo","role":"web"},"name":"second","status":"ACTIVE","tenant_id":"p2"}]}
        GET | /v2/p2/servers/s2               | | 200 | ~{"server":{"id":"s2","metadata":{"environment":"demo","role":"web"},"name":"second","status":"ACTIVE","tenant_id":"p2","flavor":{"id":"s3.medium.2"}}}
        GET 2.26 | /v2.1/p2/servers/s2        | | 200 | ~{"server":{"locked":false,"description":null,"tags":[]}}
        GET 2.47 | /v2.1/p2/servers/s2        | | 200 | ~{"server":{"flavor":{"original_name":"s3.medium.2","vcpus":1,"ram":2048}}}
        GET | /v2.1/p1/servers/s2             | | 404 | {"itemNotFound":{"code":404,"message":"Instance s2 could not be found."}}
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
            r#"GET | /v2.1/p1/servers/{id} | | 200 | ~{{"server":{{"id":"{id}","name":"{name}","status":"{status}"}}}}"#
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
fn pauses_suspends_resizes_and_locks() {
    let table = r#"
        POST | A1 | {"pause":null}                       | 202 |
        GET  | S1 |                                      | 200 | ~{"server":{"status":"PAUSED","OS-EXT-STS:power_state":3}}
        POST | A1 | {"os-stop":null}                     | 409 | {"conflictingRequest":{"code":409,"message":"Cannot 'stop' instance s1 while it is in vm_state paused"}}
        POST | A1 | {"unpause":null}                     | 202 |
        POST | A1 | {"unpause":null}                     | 409 | {"conflictingRequest":{"code":409,"message":"Cannot 'unpause' instance s1 while it is in vm_state active"}}
        POST | A1 | {"suspend":null}                     | 202 |
        GET  | S1 |                                      | 200 | ~{"server":{"status":"SUSPENDED"}}
        POST | A1 | {"resume":null}                      | 202 |
        POST | A1 | {"resume":null}                      | 409 | {"conflictingRequest":{"code":409,"message":"Cannot 'resume' instance s1 while it is in vm_state active"}}
        POST | A1 | {"resize":{"flavorRef":"no"}}        | 400 | {"badRequest":{"code":400,"message":"Invalid flavorRef provided."}}
        POST | A1 | {"resize":null}                      | 400 | {"badRequest":{"code":400,"message":"Invalid input for field/attribute resize. Value: null"}}
        POST | A1 | {"resize":{"flavorRef":"s3.large.2"}} | 202 |
        GET  | S1 |                                      | 200 | ~{"server":{"status":"VERIFY_RESIZE","flavor":{"id":"s3.large.2"}}}
        POST | A1 | {"revertResize":null}                | 202 |
        GET  | S1 |                                      | 200 | ~{"server":{"status":"ACTIVE","flavor":{"id":"s3.medium.2"}}}
        POST | A1 | {"confirmResize":null}               | 409 | {"conflictingRequest":{"code":409,"message":"Cannot 'confirmResize' instance s1 while it is in vm_state active"}}
        POST | A1 | {"resize":{"flavorRef":"s3.large.2"}} | 202 |
        POST | A1 | {"confirmResize":null}               | 204 |
        GET  | S1 |                                      | 200 | ~{"server":{"status":"ACTIVE","flavor":{"id":"s3.large.2"}}}
        POST | A1 | {"lock":null}                        | 202 |
        POST | A1 | {"reboot":{"type":"HARD"}}           | 409 | {"conflictingRequest":{"code":409,"message":"Instance s1 is locked"}}
        POST | M  | {"metadata":{}}                      | 409 | {"conflictingRequest":{"code":409,"message":"Instance s1 is locked"}}
        DELETE | M/role |                                | 409 | {"conflictingRequest":{"code":409,"message":"Instance s1 is locked"}}
        DELETE | S1 |                                    | 409 | {"conflictingRequest":{"code":409,"message":"Instance s1 is locked"}}
        GET 2.9 | S1 |                                   | 200 | ~{"server":{"locked":true,"status":"ACTIVE"}}
        POST | A1 | {"os-getConsoleOutput":{}}           | 200 | {"output":"first login: "}
        POST | A1 | {"unlock":null}                      | 202 |
        POST | A1 | {"os-stop":null}                     | 202 |
    "#;
    let server = "/v2.1/p1/servers/s1";
    let table = table.replace("| A1 |", &format!("| {server}/action |"));
    check(METADATA, &table.replace("| S1 |", &format!("| {server} |")));
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

#[test]
fn rebuilds_and_remembers_what_was_done() {
    let backend = super::backend();
    let table = r#"
        GET  | S/os-instance-actions       |                          | 200 | {"instanceActions":[]}
        POST | S/action                    | {"rebuild":{"imageRef":"i"}} | 202 | ~{"server":{"id":"s1","image":{"id":"i"},"status":"ACTIVE"}}
        POST | S/action                    | {"rebuild":{}}           | 400 | {"badRequest":{"code":400,"message":"Invalid input for field/attribute rebuild. Value: {}"}}
        POST | S/action                    | {"os-start":null}        | 409 | {"conflictingRequest":{"code":409,"message":"Cannot 'start' instance s1 while it is in vm_state active"}}
        POST | S/action                    | {"pause":null}           | 202 |
        POST | S/action                    | {"rebuild":{"imageRef":""}} | 409 | {"conflictingRequest":{"code":409,"message":"Cannot 'rebuild' instance s1 while it is in vm_state paused"}}
        GET 2.58 | S/os-instance-actions   |                          | 200 | ~{"instanceActions":[{"action":"pause","request_id":"req-1","instance_uuid":"s1","project_id":"p1"},{"action":"rebuild"}]}
        GET  | S/os-instance-actions/req-1 |                          | 200 | ~{"instanceAction":{"action":"pause","events":[],"message":null}}
        GET  | S/os-instance-actions/req-2 |                          | 404 | {"itemNotFound":{"code":404,"message":"Action for request_id req-2 on instance s1 not found"}}
        GET  | /v2.1/p2/servers/s1/os-instance-actions |              | 404 | {"itemNotFound":{"code":404,"message":"Instance s1 could not be found."}}
    "#;
    let table = table.replace("| S/", "| /v2.1/p1/servers/s1/");
    check_on(&backend, METADATA, &table);
    let path = "/v2.1/p1/servers/s1";
    for _ in 0..60 {
        ask(
            &backend,
            "POST",
            &format!("{path}/action"),
            r#"{"lock":null}"#,
        );
    }
    let (_, shown) = ask(&backend, "GET", &format!("{path}/os-instance-actions"), "");
    assert_eq!(shown.matches("instance_uuid").count(), 50);
}
