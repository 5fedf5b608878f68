//! The rows, read from their text.

use crate::support::{OTHER_PROJECT, PROJECT, token};

const TEXT: &str = include_str!("rows.txt");

const SERVER: &str = "fcd14934-575d-4cc9-8eda-83096a9b56df";
const OTHER_SERVER: &str = "0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0";
const VICTIM: &str = "deadbeef-0000-4000-8000-00000000000a";

/// What the rows call the operations of the built-in table.
const OPERATIONS: [(&str, &str); 13] = [
    ("list", "Querying ECS Metadata (Native OpenStack API)"),
    (
        "show",
        "Querying Metadata of an ECS Key (Native OpenStack API)",
    ),
    (
        "set",
        "Modifying the Key Value in Metadata of an ECS (Native OpenStack API)",
    ),
    (
        "delete",
        "Deleting Specified ECS Metadata (Native OpenStack API)",
    ),
    ("merge", "Updating ECS Metadata (Native OpenStack API)"),
    ("replace", "Configuring ECS Metadata (Native OpenStack API)"),
    (
        "server",
        "Querying details about a specific ECS (native OpenStack API)",
    ),
    ("delete server", "Deleting an ECS (native OpenStack API)"),
    ("start", "Starting an ECS (native OpenStack API)"),
    ("reboot", "Restarting an ECS (native OpenStack API)"),
    ("stop", "Stopping an ECS (native OpenStack API)"),
    ("versions", "Listing API versions"),
    ("version", "Querying a specified API version"),
];

/// One request, and what must come of it.
pub struct Row {
    pub name: String,
    pub method: String,
    pub bytes: Vec<u8>,
    pub body: Option<Vec<u8>>,
    pub expected: Expected,
}

/// What must come of a request.
pub enum Expected {
    /// The gateway's own answer.
    Refused(u16, String),
    /// The bytes are no request.
    Unreadable,
    /// It reaches the upstream as this operation, with this request line.
    Forwarded {
        operation: &'static str,
        line: String,
    },
}

impl Row {
    pub fn is_forwarded(&self) -> bool {
        matches!(self.expected, Expected::Forwarded { .. })
    }

    fn read(text: &str) -> Self {
        let fields: Vec<&str> = text.split('|').map(str::trim).collect();
        let [name, line, more, rights, outcome] = fields.as_slice() else {
            panic!("{text}: {} fields", fields.len());
        };
        let line = match line.contains(" HTTP/") {
            true => fill(line),
            false => fill(&format!("{line} HTTP/1.1")),
        };
        let method = line.split(' ').next().unwrap().to_owned();
        let expected = match outcome.split_once(' ') {
            None => {
                assert_eq!(*outcome, "unreadable", "{text}");
                Expected::Unreadable
            }
            Some(("ok", outcome)) => {
                let (operation, sent) = match outcome.split_once(" as ") {
                    Some((operation, sent)) => (operation, fill(&format!("{sent} HTTP/1.1"))),
                    None => (outcome, line.clone()),
                };
                let mut operations = OPERATIONS.iter();
                let found = operations.find(|(short, _)| *short == operation);
                let (_, operation) = found.unwrap_or_else(|| panic!("{text}"));
                Expected::Forwarded {
                    operation,
                    line: sent,
                }
            }
            Some((status, reason)) => Expected::Refused(status.parse().unwrap(), reason.to_owned()),
        };
        let mut request = Request::new(&line, rights);
        let more = fill(more);
        let parts = more.split('~').map(str::trim);
        parts.for_each(|part| request.add(part));
        if request.body.is_none() && matches!(&*method, "PUT" | "POST") {
            request.add("body {\"meta\": {\"k\": \"NEW\"}}");
        }
        Self {
            name: (*name).to_owned(),
            bytes: request.bytes(),
            body: request.body,
            method,
            expected,
        }
    }
}

/// A request in the making.
struct Request {
    line: String,
    host: Option<&'static str>,
    /// What `{token}` stands for.
    token: String,
    has_token: bool,
    media_type: Option<&'static str>,
    headers: Vec<String>,
    body: Option<Vec<u8>>,
    is_chunked: bool,
}

impl Request {
    fn new(line: &str, rights: &str) -> Self {
        let rights = rights.split(',').filter(|right| !right.is_empty());
        let rights: Vec<String> = rights.map(|right| format!("ecs:servers:{right}")).collect();
        let rights: Vec<&str> = rights.iter().map(String::as_str).collect();
        Self {
            line: line.to_owned(),
            host: Some("api.test"),
            token: token(&rights),
            has_token: true,
            media_type: Some("application/json"),
            headers: Vec::new(),
            body: None,
            is_chunked: false,
        }
    }

    fn add(&mut self, part: &str) {
        match part.split_once(' ').unwrap_or((part, "")) {
            ("", _) => {}
            ("no", "token") => self.has_token = false,
            ("no", "host") => self.host = None,
            ("no", "type") => self.media_type = None,
            ("no", "body") => self.body = Some(Vec::new()),
            ("body", body) => self.body = Some(bytes(body)),
            ("chunked", body) => {
                self.body = Some(bytes(body));
                self.is_chunked = true;
            }
            (name, _) => {
                assert!(part.contains(':'), "{part}");
                if name == "Content-Type:" {
                    self.media_type = None;
                }
                self.headers.push(part.replace("{token}", &self.token));
            }
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut lines = self.headers.clone();
        lines.extend(self.host.map(|host| format!("Host: {host}")));
        if self.has_token {
            lines.push(format!("X-Auth-Token: {}", self.token));
        }
        let body = self.body.as_deref();
        if let (Some(kind), Some(_)) = (self.media_type, body) {
            lines.push(format!("Content-Type: {kind}"));
        }
        let body = body.unwrap_or_default();
        let body = match (self.is_chunked, body.len()) {
            (false, _) => body.to_vec(),
            (true, 0) => b"0\r\n\r\n".to_vec(),
            (true, length) => {
                let size = format!("{length:x}\r\n").into_bytes();
                [&size, body, b"\r\n0\r\n\r\n"].concat()
            }
        };
        match (self.is_chunked, &self.body) {
            (true, _) => lines.push("Transfer-Encoding: chunked".to_owned()),
            (false, Some(_)) => lines.push(format!("Content-Length: {}", body.len())),
            (false, None) => {}
        }
        let head = format!("{}\r\n{}", self.line, lines.join("\r\n"));
        [&bytes(&head), &b"\r\n\r\n"[..], &body].concat()
    }
}

pub fn rows() -> Vec<Row> {
    let lines = TEXT.lines();
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(Row::read).collect()
}

/// The text with what its places stand for.
fn fill(text: &str) -> String {
    let server = format!("/v2.1/{PROJECT}/servers/{SERVER}");
    let places = [
        ("{A}", format!("{server}/action")),
        ("{M}", server),
        ("{P}", PROJECT.to_owned()),
        ("{P2}", OTHER_PROJECT.to_owned()),
        ("{PU}", PROJECT.to_uppercase()),
        ("{S}", SERVER.to_owned()),
        ("{S2}", OTHER_SERVER.to_owned()),
        ("{SN}", SERVER.replace('-', "")),
        ("{SU}", SERVER.to_uppercase()),
        ("{V}", VICTIM.to_owned()),
        ("{VU}", VICTIM.to_uppercase()),
        ("{255}", "a".repeat(255)),
        ("{256}", "a".repeat(256)),
        ("{all}", token(&["*:*:*"])),
    ];
    let mut filled = text.to_owned();
    for (place, text) in places {
        filled = filled.replace(place, &text);
    }
    filled
}

/// The text with what its escapes stand for: `\t`, `\r`, `\n`, `\\` and `\xFF`.
fn bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let (byte, length) = match (first, tail) {
            (b'\\', [b't', ..]) => (b'\t', 1),
            (b'\\', [b'r', ..]) => (b'\r', 1),
            (b'\\', [b'n', ..]) => (b'\n', 1),
            (b'\\', [b'\\', ..]) => (b'\\', 1),
            (b'\\', [b'x', high, low, ..]) => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).unwrap();
                (u8::from_str_radix(digits, 16).unwrap(), 3)
            }
            _ => (*first, 0),
        };
        bytes.push(byte);
        rest = &tail[length..];
    }
    bytes
}
