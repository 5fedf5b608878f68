//! Operations that the body tells apart: what is judged is what the upstream is sent, byte for byte.

mod condition;
mod framing;
mod json;
mod key;
mod stream;

use serde_json::Value;

use crate::support::{Answer, Call, Gateway, PROJECT, Setup, Upstream, token};

/// What Nova takes for the only member of a server action, one a line.
const NOVA_KEYS: &str = include_str!("body_key/nova_keys.txt");
const JSON: &str = "Content-Type: application/json";
const TEMPLATE: &str = "/v2.1/{project_id}/servers/{server_id}/action";

/// Other ways for a body to decide.
const MORE: &str = r#"
[[operation]]
permission = "create tags"
routes = ["POST /v1/{project_id}/servers/{server_id}/tags/action"]
actions = ["ecs:tags:create"]
body_value = { action = "create" }

[[operation]]
permission = "delete tags"
routes = ["POST /v1/{project_id}/servers/{server_id}/tags/action"]
actions = ["ecs:tags:delete"]
body_value = { action = ["delete", "purge"] }

[[operation]]
permission = "create servers"
routes = ["POST /v1/{project_id}/cloudservers"]
actions = ["ecs:cloudServers:createServers"]
conditional = [
    { when = "/server/publicip/eip", actions = ["vpc:publicIps:create"] },
    { when = "/server/publicip/id", actions = ["vpc:publicIps:update"] },
]

[[operation]]
permission = "small"
routes = ["POST /v1/{project_id}/limited"]
access = "authenticated"
body_key = "small"
max_body = "64B"

[[operation]]
permission = "large"
routes = ["POST /v1/{project_id}/limited"]
access = "authenticated"
body_key = "large"
max_body = "128B"

[[operation]]
permission = "plain"
routes = ["POST /v1/{project_id}/plain"]
access = "authenticated"
"#;

fn nova_keys() -> impl Iterator<Item = &'static str> {
    NOVA_KEYS.lines()
}

/// The action that the operation of a key demands, which has the key for its label.
fn action(key: &str) -> String {
    format!("nova:servers:{key}")
}

fn table() -> String {
    let operation = |key| {
        let action = action(key);
        format!(
            "[[operation]]\npermission = '{key}'\nroutes = ['POST {TEMPLATE}']\nactions = ['{action}']\nbody_key = '{key}'\n"
        )
    };
    nova_keys().map(operation).collect::<String>() + MORE
}

/// With that table alone.
fn with_table(setup: Setup) -> Setup {
    setup
        .file("own.toml", &table())
        .more("[table]\nbuiltin = \"none\"\nfiles = [\"own.toml\"]\n")
}

fn path() -> String {
    path_of("/v2.1/{project_id}/servers/s1/action")
}

fn path_of(template: &str) -> String {
    template.replace("{project_id}", PROJECT)
}

/// A good call of a server action, by somebody who may do all of them.
fn call(body: impl Into<Vec<u8>>) -> Call {
    Call::post(path(), body)
        .bearer(&token(&["nova:servers:*"]))
        .header(JSON)
}

/// The same head for a body whose length it does not tell.
fn chunked_head() -> Call {
    Call::new("POST", path())
        .bearer(&token(&["nova:servers:*"]))
        .header(JSON)
        .header("Transfer-Encoding: chunked")
}

fn chunked(body: &[u8], size: usize) -> Vec<u8> {
    let mut bytes = chunked_head().bytes();
    for piece in body.chunks(size) {
        bytes.extend(format!("{:x}\r\n", piece.len()).into_bytes());
        bytes.extend_from_slice(piece);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}

/// Both ends, and what the audit must say in the end.
struct World {
    upstream: Upstream,
    gateway: Gateway,
    audited: Vec<[Value; 4]>,
}

/// What must come of a request: the operation that it is forwarded as, or status, reason and, where
/// one is known by then, the operation.
type Expected<'a> = Result<&'a str, (u16, &'static str, Option<&'a str>)>;

impl World {
    fn new() -> Self {
        Self::start(Setup::new)
    }

    fn start(setup: impl Fn(&Upstream) -> Setup) -> Self {
        let upstream = Upstream::start();
        let gateway = with_table(setup(&upstream)).start();
        Self {
            upstream,
            gateway,
            audited: Vec::new(),
        }
    }

    /// Sends a request for a server action.
    fn check(&mut self, name: &str, bytes: &[u8], body: &[u8], expected: Expected<'_>) -> Answer {
        self.check_on(TEMPLATE, name, bytes, body, expected)
    }

    /// Sends `bytes`, a request with `body`, on a connection of its own.
    fn check_on(
        &mut self,
        template: &str,
        name: &str,
        bytes: &[u8],
        body: &[u8],
        expected: Expected<'_>,
    ) -> Answer {
        let before = self.upstream.count();
        let mut client = self.gateway.connect();
        // A refusal may come before all is sent.
        let _ = client.wire().write(bytes);
        let answer = client.answer();
        let (status, reason, operation) = match expected {
            Ok(operation) => (200, "(none)", Some(operation)),
            Err(expected) => expected,
        };
        assert_eq!((answer.status, answer.reason()), (status, reason), "{name}");
        let requests = self.upstream.requests();
        match expected {
            Ok(_) => {
                assert_eq!(requests.len(), before + 1, "{name}");
                let seen = &requests[before];
                assert_eq!(seen.body, body, "{name}");
                assert_eq!(seen.raw_body, body, "{name}: with a length");
                assert!(!seen.headers.has("transfer-encoding"), "{name}");
                assert!(!seen.headers.has("content-encoding"), "{name}");
            }
            Err(_) => assert_eq!(requests.len(), before, "{name}: it was forwarded"),
        }
        let reason = match expected {
            Ok(_) => "ok",
            Err((_, reason, _)) => reason,
        };
        let line = [
            status.into(),
            reason.into(),
            operation.into(),
            template.into(),
        ];
        self.audited.push(line);
        answer
    }

    fn finish(self) {
        let audit = self.gateway.into_audit();
        let lines = audit
            .iter()
            .map(|line| ["status", "reason", "operation", "route"].map(|name| line[name].clone()));
        assert_eq!(lines.collect::<Vec<_>>(), self.audited);
    }
}
