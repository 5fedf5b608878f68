//! `demo`: its gateway and its compute API; what it prints to paste is in `pasted`.

use std::collections::BTreeSet;
use std::net::TcpListener;

use serde_json::{Value, json};

use super::routes::PAGE;
use super::run::listening;
use super::{Folder, Running, request};

/// A demo that runs, its files in the folder `d`.
pub struct Demo {
    pub folder: Folder,
    pub running: Running,
    pub printed: String,
    pub address: String,
}

impl Demo {
    pub fn start() -> Self {
        Self::start_in(Folder::new(), "d")
    }

    pub fn start_in(folder: Folder, name: &str) -> Self {
        let running = folder.start(&["demo", "--listen", "127.0.0.1:0", "--dir", name]);
        let printed = running.out.until("Ctrl-C");
        let (_, after) = printed.split_once("the gateway is http://").unwrap();
        let address = after.split(',').next().unwrap().to_owned();
        Self {
            folder,
            running,
            printed,
            address,
        }
    }

    /// The commands to paste, each with the lines it goes on in.
    pub fn commands(&self) -> Vec<String> {
        let mut commands: Vec<String> = Vec::new();
        let mut goes_on = false;
        for line in self.printed.lines() {
            match commands.last_mut().filter(|_| goes_on) {
                Some(command) => *command = format!("{command}\n{line}"),
                None if line.starts_with("  ") => commands.push(line.to_owned()),
                None => {}
            }
            goes_on = line.ends_with('\\');
        }
        commands
    }

    fn token(&self, persona: &str) -> String {
        self.folder.read(&format!("d/{persona}.token"))
    }

    /// The project and the server that the printed commands are about.
    fn server(&self) -> (String, String) {
        let (_, path) = self.printed.split_once("/v2.1/").unwrap();
        let mut segments = path.split('/');
        let project = segments.next().unwrap().to_owned();
        (project, segments.nth(1).unwrap().to_owned())
    }

    /// The status that the printed commands' server shows to a persona.
    pub fn status(&self, persona: &str) -> String {
        let (project, server) = self.server();
        let path = format!("/v2.1/{project}/servers/{server}");
        let (status, body) = self.ask(persona, "GET", &path, "");
        assert_eq!(status, 200, "{persona}: {body}");
        let body: Value = serde_json::from_str(&body).unwrap();
        body["server"]["status"].as_str().unwrap().to_owned()
    }

    /// The server that helpdesk is to leave alone, as its own list shows it.
    fn production(&self) -> String {
        let path = format!("/v2.1/{}/servers", self.server().0);
        let (status, body) = self.ask("helpdesk", "GET", &path, "");
        assert_eq!(status, 200, "{body}");
        let body: Value = serde_json::from_str(&body).unwrap();
        let mut servers = body["servers"].as_array().unwrap().iter();
        let found = servers.find(|found| found["name"] == "production");
        found.unwrap()["id"].as_str().unwrap().to_owned()
    }

    fn ask(&self, persona: &str, method: &str, path: &str, body: &str) -> (u16, String) {
        let token = self.token(persona);
        request(&self.address, method, path, Some(&token), body)
    }

    fn send(&self, persona: &str, step: &Step, server: &(String, String)) -> (u16, String) {
        let path = step
            .template
            .replace("{project_id}", &server.0)
            .replace("{server_id}", &server.1)
            .replace("{key}", step.key);
        self.ask(persona, step.method, &path, &step.body)
    }
}

/// A request, and the body of the answer that shows it was done, if there is one.
struct Step {
    method: &'static str,
    template: &'static str,
    key: &'static str,
    body: String,
    answer: Value,
}

/// All 14 routes, so that each finds what the ones before left.
fn steps() -> Vec<Step> {
    let recovery = "/v1/{project_id}/cloudservers/{server_id}/autorecovery";
    let mut steps = Vec::new();
    let mut step = |method, template, key, body: Value, answer| {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        steps.push(Step {
            method,
            template,
            key,
            body,
            answer,
        });
    };
    for (all, one) in [
        (
            "/v2/{project_id}/servers/{server_id}/metadata",
            "/v2/{project_id}/servers/{server_id}/metadata/{key}",
        ),
        (
            "/v2.1/{project_id}/servers/{server_id}/metadata",
            "/v2.1/{project_id}/servers/{server_id}/metadata/{key}",
        ),
    ] {
        let role = json!({"metadata": {"role": "db"}});
        let both = json!({"metadata": {"role": "db", "extra": "1"}});
        let changed = json!({"meta": {"role": "cache"}});
        let left = json!({"metadata": {"role": "cache"}});
        step("PUT", all, "", role.clone(), role);
        step("POST", all, "", json!({"metadata": {"extra": "1"}}), both);
        step("PUT", one, "role", changed.clone(), changed.clone());
        step("GET", one, "role", Value::Null, changed);
        step("DELETE", one, "extra", Value::Null, Value::Null);
        step("GET", all, "", Value::Null, left);
    }
    let off = json!({"support_auto_recovery": "false"});
    step("PUT", recovery, "", off.clone(), Value::Null);
    step("GET", recovery, "", Value::Null, off);
    steps
}

#[test]
fn the_steps_are_all_routes() {
    let steps: BTreeSet<String> = steps()
        .iter()
        .map(|step| format!("{} {}", step.method, step.template))
        .collect();
    let page = PAGE.iter().flat_map(|(_, _, routes)| *routes);
    assert_eq!(steps, page.map(|route| (*route).to_owned()).collect());
}

#[test]
fn the_operator_may_use_all_routes() {
    let demo = Demo::start();
    for step in steps() {
        let (status, body) = demo.send("operator", &step, &demo.server());
        let name = format!("{} {}", step.method, step.template);
        match step.answer {
            Value::Null => assert_eq!((status, body.as_str()), (204, ""), "{name}"),
            answer => {
                assert_eq!(status, 200, "{name}: {body}");
                assert_eq!(
                    serde_json::from_str::<Value>(&body).unwrap(),
                    answer,
                    "{name}"
                );
            }
        }
    }
}

#[test]
fn the_other_personas_may_do_what_their_tokens_grant() {
    let demo = Demo::start();
    let server = demo.server();
    for step in steps() {
        let name = format!("{} {}", step.method, step.template);
        let is_metadata = step.template.contains("/metadata");
        let replaces_all = step.method == "PUT" && step.template.ends_with("/metadata");
        // The metadata-only persona goes last, so that the key it deletes is there for nobody else.
        let cases = [
            ("reader", step.method == "GET"),
            ("other-project", false),
            ("metadata-only", is_metadata && !replaces_all),
        ];
        for (persona, is_permitted) in cases {
            let (status, body) = demo.send(persona, &step, &server);
            if is_permitted {
                assert!(
                    (200..300).contains(&status),
                    "{persona} {name}: {status} {body}"
                );
                continue;
            }
            assert_eq!(status, 403, "{persona} {name}: {body}");
            let expected = match persona {
                "other-project" => server.0.as_str(),
                "metadata-only" if is_metadata => "ecs:servers:get",
                "metadata-only" => "AutoRecovery",
                _ => "ecs:",
            };
            let body: Value = serde_json::from_str(&body).unwrap();
            let fault = match name.contains("/v1/") {
                true => "error",
                false => "forbidden",
            };
            let message = body[fault]["message"].as_str().unwrap();
            assert!(message.contains(expected), "{persona} {name}: {message}");
        }
        let (status, _) = request(&demo.address, step.method, "/unlisted", None, "");
        assert_eq!(status, 401, "{name}");
    }
}

#[test]
fn roles_may_do_what_their_policies_allow() {
    let demo = Demo::start();
    let (project, server) = demo.server();
    let list = format!("/v2.1/{project}/servers");
    let production = demo.production();
    let (stop, start) = (r#"{"os-stop":null}"#, r#"{"os-start":null}"#);
    let reboot = r#"{"reboot":{"type":"SOFT"}}"#;
    let cases = [
        (
            "auditor",
            server.as_str(),
            reboot,
            Err("ecs:servers:reboot"),
        ),
        ("helpdesk", &server, reboot, Ok("ACTIVE")),
        ("auditor", &server, stop, Err("ecs:servers:stop")),
        ("helpdesk", &server, stop, Ok("SHUTOFF")),
        ("auditor", &server, start, Err("ecs:servers:start")),
        ("helpdesk", &server, start, Ok("ACTIVE")),
        ("helpdesk", &production, stop, Err("ecs:servers:stop")),
        ("helpdesk", &production, reboot, Err("ecs:servers:reboot")),
        ("operator", &production, stop, Ok("SHUTOFF")),
        ("helpdesk", &production, start, Ok("ACTIVE")),
    ];
    for (persona, server, body, expected) in cases {
        let name = format!("{persona} {server} {body}");
        let path = format!("{list}/{server}");
        let (status, answer) = demo.ask(persona, "POST", &format!("{path}/action"), body);
        match expected {
            Ok(shown) => {
                assert_eq!((status, answer.as_str()), (202, ""), "{name}");
                let (_, answer) = demo.ask(persona, "GET", &path, "");
                let answer: Value = serde_json::from_str(&answer).unwrap();
                assert_eq!(answer["server"]["status"], shown, "{name}");
            }
            Err(action) => {
                assert_eq!(status, 403, "{name}: {answer}");
                assert!(answer.contains(action), "{name}: {answer}");
            }
        }
    }
}

#[test]
fn the_denial_outweighs_the_grants_of_another_role() {
    let demo = Demo::start();
    let (project, server) = demo.server();
    let production = demo.production();
    let claims = json!({
        "iss": "https://iam.demo.example",
        "aud": "ecs",
        "sub": "both",
        "exp": 4_102_444_800_u64,
        "project_id": project,
        "roles": ["operator", "helpdesk"],
    });
    let claims = claims.to_string();
    let sign = ["token", "sign", "--key", "d/key.pem", "--kid", "demo-1"];
    let sign = [&sign[..], &["--claims", &claims]].concat();
    let token = demo.folder.actiongate(&sign).ended(0).out;
    let batch = |id: &str| json!({"servers": [{"id": server}, {"id": id}]}).to_string();
    let native = format!("/v2.1/{project}/servers");
    let delete = format!("/v1/{project}/cloudservers/delete");
    let of = |id: &str| format!("{native}/{id}");
    // The batch that is forwarded finds no such route behind the gateway.
    let cases = [
        ("POST", delete.clone(), batch(&server), 404),
        ("POST", delete, batch(&production), 403),
        ("DELETE", of(&production), String::new(), 403),
        ("DELETE", of(&server), String::new(), 204),
    ];
    for (method, path, body, expected) in cases {
        let (status, answer) = request(&demo.address, method, &path, Some(token.trim()), &body);
        assert_eq!(status, expected, "{method} {path} {body}: {answer}");
        let said = match status {
            404 => "could not be found",
            403 => "Policy doesn't allow",
            _ => "",
        };
        assert!(answer.contains(said), "{method} {path} {body}: {answer}");
    }
}

#[test]
fn another_project_reaches_the_compute_api_on_its_own_paths() {
    let demo = Demo::start();
    let shown = demo
        .folder
        .actiongate(&[
            "token",
            "show",
            "--config",
            "d/actiongate.toml",
            &demo.token("other-project"),
        ])
        .ended(0);
    let project = shown.line("projects");
    assert_ne!(project, demo.server().0);
    let path = format!("/v2.1/{project}/servers/unknown/metadata");
    let token = demo.token("other-project");
    let (status, body) = request(&demo.address, "GET", &path, Some(&token), "");
    assert_eq!(status, 404, "{body}");
    assert!(
        body.contains("Instance unknown could not be found."),
        "{body}"
    );
}

#[test]
fn run_serves_with_the_files_of_a_demo() {
    let demo = Demo::start();
    let config = demo.folder.read("d/actiongate.toml");
    let address = "address = \"127.0.0.1:0\"";
    assert!(config.contains(address), "{config}");
    demo.folder.write("d/run.toml", &config);
    let (running, address) = listening(&demo.folder, "d/run.toml");
    assert_ne!(address, demo.address);
    let (project, server) = demo.server();
    let path = format!("/v2.1/{project}/servers/{server}/metadata");
    let token = demo.token("metadata-only");
    let (status, body) = request(&address, "GET", &path, Some(&token), "");
    assert_eq!(status, 200, "{body}");
    assert_eq!(request(&address, "PUT", &path, Some(&token), "{}").0, 403);
    running.signal("TERM");
    running.end().ended(0);
}

#[test]
fn a_port_in_use_is_a_failure_with_a_way_out() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    Folder::new()
        .actiongate(&["demo", "--listen", &address, "--dir", "d"])
        .failed_with(&["cannot listen on", &address, "in use", "--listen"]);
}
