//! What we take for one object, held against Python's reader, which is Nova's.
//!
//! Only with the feature `peers`: plain `cargo test` needs no `python3`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::*;

/// Reads each line's bytes, in hexadecimal, with and without a look at their encoding; says what it
/// has seen, as JSON.
const READER: &str = "\
import json, sys
for line in sys.stdin.read().split():
    body = bytes.fromhex(line)
    seen = json.loads(body)
    assert seen == json.loads(body.decode('utf-8')), body
    assert type(seen) is dict, body
    print(json.dumps(seen))
";
const SAMPLES: usize = 3000;
/// Forms that no generator below has.
const FORMS: [&str; 6] = [
    "{\"os-start\":null}",
    "{\"\\u006fs-start\":null}",
    "{\"\\u0000\":\"\\u0000\"}",
    "{\"\u{feff}a\":1}",
    "{\"a\":12345678901234567890123456789012345678901234567890}",
    "{\"a\":1E-400}",
];

#[test]
fn python_sees_the_same() {
    let mut runner = TestRunner::deterministic();
    let texts = (0..SAMPLES).map(|_| members(value()).new_tree(&mut runner).unwrap().current());
    let texts = texts.chain(FORMS.map(str::to_owned));
    let taken: Vec<_> = texts
        .filter_map(|text| Some((JsonBody::parse(text.as_bytes()).ok()?, text)))
        .collect();
    assert!(taken.len() > SAMPLES / 2, "{}", taken.len());
    let mut lines = String::new();
    for (_, text) in &taken {
        for byte in text.bytes() {
            write!(lines, "{byte:02x}").unwrap();
        }
        lines.push('\n');
    }
    let mut python = Command::new("python3")
        .args(["-c", READER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = python.stdin.take().unwrap();
    input.write_all(lines.as_bytes()).unwrap();
    drop(input);
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    let seen = String::from_utf8(output.stdout).unwrap();
    assert_eq!(seen.lines().count(), taken.len());
    for (seen, (body, text)) in seen.lines().zip(&taken) {
        let seen: Value = serde_json::from_str(seen).unwrap();
        assert_eq!(seen.as_object(), Some(body.members()), "{text}");
    }
}
