//! The commands that `demo` prints, pasted into a shell.
//!
//! A small client stands in for `curl`; `peers` holds the real one to the same.

use std::fs;

use serde_json::{Value, json};

use super::demo::Demo;
use super::{Folder, exchange};

/// Does what a printed command tells `curl` to: what that would print.
///
/// The shell takes the command apart, so its quotes and file names are tested, too.
pub fn curl(folder: &Folder, command: &str) -> String {
    let script = format!("curl() {{ printf '%s\\n' \"$@\"; }}\n{command}");
    let arguments = folder.shell(&script).ended(0).out;
    let (mut method, mut fields, mut body, mut url) = ("GET", Vec::new(), "", None);
    let mut arguments = arguments.lines();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().unwrap();
        match argument {
            "-i" => {}
            "-X" => method = value(),
            "-H" => fields.push(value().to_owned()),
            "-d" => body = value(),
            argument => {
                let replaced = url.replace(argument);
                assert_eq!(replaced, None, "two URLs in {command}");
            }
        }
    }
    let url = url.and_then(|url| url.strip_prefix("http://"));
    let url = url.unwrap_or_else(|| panic!("no URL in {command}"));
    let (address, path) = url.split_at(url.find('/').unwrap());
    exchange(address, method, path, &fields, body)
}

/// What carries out a printed `curl` command.
type Client = fn(&Folder, &str) -> String;

pub fn assert_commands_do_what_is_said_of_them(curl: Client) {
    let demo = Demo::start();
    let commands = demo.commands();
    let [allowed, refused, why, stop, start, audit, metrics] = commands.as_slice() else {
        panic!("{commands:#?}");
    };

    let answer = curl(&demo.folder, allowed);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.contains("x-openstack-request-id: req-"), "{answer}");
    let body: Value = serde_json::from_str(answer.lines().last().unwrap()).unwrap();
    assert_eq!(body["metadata"]["environment"], "demo", "{answer}");

    let answer = curl(&demo.folder, refused);
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    assert!(
        answer.contains("Policy doesn't allow ecs:servers:get to be performed."),
        "{answer}"
    );
    let kept = curl(&demo.folder, allowed);
    let kept: Value = serde_json::from_str(kept.lines().last().unwrap()).unwrap();
    assert_eq!(kept, body, "what was refused was done");

    let explained = demo.folder.shell(why).ended(3);
    assert!(explained.line("missing").contains("ecs:servers:get"));
    assert!(explained.line("to change").contains("ecs:servers:get"));

    let answer = curl(&demo.folder, stop);
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
    assert_eq!(demo.status("auditor"), "SHUTOFF");
    let answer = curl(&demo.folder, start);
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    assert!(
        answer.contains("Policy doesn't allow ecs:servers:start to be performed."),
        "{answer}"
    );
    assert_eq!(
        demo.status("auditor"),
        "SHUTOFF",
        "what was refused was done"
    );

    let answer = curl(&demo.folder, metrics);
    let counted = "actiongate_requests_total{decision=\"deny\",reason=\"action_missing\"} 2\n";
    assert!(answer.contains(counted), "{answer}");

    // The audit is complete once the demo has ended.
    demo.running.signal("TERM");
    let ran = demo.running.end().ended(0);
    assert!(!ran.err.contains("panicked"), "{}", ran.err);
    let lines = demo.folder.shell(audit).ended(0).out;
    let line = |text| serde_json::from_str::<Value>(text).unwrap();
    let lines: Vec<Value> = lines.lines().map(line).collect();
    let outcomes: Vec<(&Value, &Value)> = lines
        .iter()
        .map(|line| (&line["subject"], &line["decision"]))
        .collect();
    let auditor = json!("auditor");
    assert_eq!(
        outcomes,
        [(&auditor, &json!("deny")), (&auditor, &json!("permit"))]
    );
}

pub fn assert_commands_work_in_a_folder_with_a_space(curl: Client) {
    let folder = Folder::new();
    fs::create_dir(folder.path("a b")).unwrap();
    let demo = Demo::start_in(folder, "a b/d");
    let commands = demo.commands();
    let answer = curl(&demo.folder, &commands[0]);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let answer = curl(&demo.folder, &commands[1]);
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    demo.folder.shell(&commands[2]).ended(3);
    let answer = curl(&demo.folder, &commands[3]);
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
    let answer = curl(&demo.folder, &commands[4]);
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
}

pub fn assert_commands_work_in_another_working_directory(curl: Client) {
    let demo = Demo::start();
    let answer = curl(&Folder::new(), &demo.commands()[0]);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[test]
fn the_printed_commands_do_what_is_said_of_them() {
    assert_commands_do_what_is_said_of_them(curl);
}

#[test]
fn the_printed_commands_work_in_a_folder_with_a_space() {
    assert_commands_work_in_a_folder_with_a_space(curl);
}

#[test]
fn the_printed_commands_work_in_another_working_directory() {
    assert_commands_work_in_another_working_directory(curl);
}
