//! One row of the table: bytes, and what must come of them.

use std::sync::OnceLock;

use crate::support::{PROJECT, metadata, token};

/// One attack, or the good request beside it.
pub struct Row {
    pub name: &'static str,
    pub bytes: Vec<u8>,
    /// Sent once `100 Continue` is there.
    pub rest: Vec<u8>,
    /// What comes back, in this order.
    pub answers: Vec<Answered>,
    pub after: After,
    /// Whether the client ends its half of the connection when all is sent.
    pub ends: bool,
}

/// What becomes of one request.
pub enum Answered {
    /// The gateway's own answer, with its reason.
    Refused(u16, &'static str),
    /// A bare answer: the bytes are no request.
    Unreadable(u16),
    /// `100 Continue`.
    Continue,
    /// It is sent upstream, once, like this.
    Forwarded(View),
    /// The gateway's own answer, and so much is sent upstream: never the whole of it.
    Broken(u16, &'static str, View),
}

/// What the client can do with the connection when all answers are there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum After {
    /// Send the next request.
    Open,
    /// Nothing: it has ended cleanly.
    Closed,
}

/// What the upstream is sent.
///
/// Names are in lower case. Lines are in the order of their names, because HTTP gives theirs no
/// meaning; lines of one name are in the order that they have. The id of the request is `{id}`.
#[derive(Debug)]
pub struct View {
    line: String,
    host: String,
    headers: Vec<Vec<u8>>,
    body: Vec<u8>,
}

impl Row {
    pub fn new(name: &'static str, bytes: impl AsRef<[u8]>) -> Self {
        Self {
            name,
            bytes: fill(bytes),
            rest: Vec::new(),
            answers: Vec::new(),
            after: After::Open,
            ends: false,
        }
    }

    pub fn refused(self, status: u16, reason: &'static str) -> Self {
        self.answered(Answered::Refused(status, reason))
    }

    /// Nothing is read of a connection after what is no request.
    pub fn unreadable(self, status: u16) -> Self {
        self.answered(Answered::Unreadable(status)).closed()
    }

    pub fn forwarded(self, view: View) -> Self {
        self.answered(Answered::Forwarded(view))
    }

    /// Its body breaks off when its head has been sent.
    pub fn broken(self, status: u16, reason: &'static str, view: View) -> Self {
        self.answered(Answered::Broken(status, reason, view))
    }

    /// `100 Continue` comes, and only then these bytes are sent.
    pub fn continued(mut self, rest: impl AsRef<[u8]>) -> Self {
        self.rest = fill(rest);
        self.answered(Answered::Continue)
    }

    pub fn closed(mut self) -> Self {
        self.after = After::Closed;
        self
    }

    pub fn ended(mut self) -> Self {
        self.ends = true;
        self
    }

    fn answered(mut self, answered: Answered) -> Self {
        self.answers.push(answered);
        self
    }
}

impl View {
    /// A request with the good token, and with ours.
    pub fn new(line: &str) -> Self {
        let view = Self {
            line: String::from_utf8(fill(line)).unwrap(),
            host: "api.test".to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        };
        view.header("x-auth-token: {token}")
    }

    pub fn get(target: &str) -> Self {
        Self::new(&format!("GET {target} HTTP/1.1"))
    }

    /// The listing of metadata, which most rows ask for.
    pub fn list() -> Self {
        Self::get("{path}")
    }

    /// A body on its way to that path, with its length.
    pub fn post(body: impl AsRef<[u8]>) -> Self {
        let mut view = Self::new("POST {path} HTTP/1.1");
        view.body = body.as_ref().to_vec();
        let length = format!("content-length: {}", view.body.len());
        view.header(length)
    }

    pub fn header(mut self, line: impl AsRef<[u8]>) -> Self {
        self.headers.push(fill(line));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.headers
            .retain(|line| !line.starts_with(name.as_bytes()));
        self
    }

    pub fn host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    pub fn with_body(mut self, body: &str) -> Self {
        self.body = body.into();
        self
    }

    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Every byte of the head but for the request's id.
    pub fn head(&self) -> Vec<u8> {
        let host = &self.host;
        let ours = [
            format!("forwarded: for=127.0.0.1;host=\"{host}\";proto=http"),
            format!("host: {host}"),
            "x-forwarded-for: 127.0.0.1".to_owned(),
            format!("x-forwarded-host: {host}"),
            "x-forwarded-proto: http".to_owned(),
            "x-openstack-request-id: {id}".to_owned(),
        ];
        let mut lines = self.headers.clone();
        lines.extend(ours.map(String::into_bytes));
        join(self.line.as_bytes(), lines)
    }
}

/// A head as it came, in the form of [`View::head`].
pub fn normal(head: &[u8]) -> Vec<u8> {
    let mut lines = split(head);
    let id = b"x-openstack-request-id: req-";
    for line in &mut lines {
        if line.starts_with(id) {
            *line = b"x-openstack-request-id: {id}".to_vec();
        }
    }
    let line = lines.remove(0);
    join(&line, lines)
}

fn join(line: &[u8], mut lines: Vec<Vec<u8>>) -> Vec<u8> {
    lines.sort_by_key(|line| line.split(|byte| *byte == b':').next().unwrap().to_vec());
    let mut head = line.to_vec();
    for line in lines {
        head.extend_from_slice(b"\r\n");
        head.extend(line);
    }
    head.extend_from_slice(b"\r\n\r\n");
    head
}

/// The lines of a head, each of which ends with CR and LF, and so does the head.
fn split(head: &[u8]) -> Vec<Vec<u8>> {
    let mut lines = Vec::new();
    let mut rest = head.strip_suffix(b"\r\n").unwrap();
    while let Some(at) = rest.windows(2).position(|pair| pair == b"\r\n") {
        lines.push(rest[..at].to_vec());
        rest = &rest[at + 2..];
    }
    assert!(rest.is_empty());
    lines
}

/// The text with what its places stand for: `{path}`, `{project}` and `{token}`.
pub fn fill(text: impl AsRef<[u8]>) -> Vec<u8> {
    let places = places();
    let texts = places.iter().map(|(place, text)| (*place, text.as_str()));
    replace(text.as_ref(), texts)
}

/// The other way round.
pub fn unfill(text: &[u8]) -> Vec<u8> {
    let places = places();
    let texts = places.iter().map(|(place, text)| (text.as_str(), *place));
    replace(text, texts)
}

fn places() -> [(&'static str, String); 3] {
    [
        ("{path}", metadata()),
        ("{project}", PROJECT.to_owned()),
        ("{token}", all().to_owned()),
    ]
}

fn replace<'a>(text: &[u8], texts: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
    let mut replaced = text.to_vec();
    for (from, to) in texts {
        while let Some(at) = find(&replaced, from.as_bytes()) {
            replaced.splice(at..at + from.len(), to.bytes());
        }
    }
    replaced
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

/// A token that may do everything, the same in every row.
pub fn all() -> &'static str {
    static TOKEN: OnceLock<String> = OnceLock::new();
    TOKEN.get_or_init(|| token(&["*:*:*"]))
}

/// A good request but for what these lines make of it.
pub fn get(target: &str, lines: &[&str]) -> Vec<u8> {
    request(&format!("GET {target} HTTP/1.1"), lines)
}

/// A good request with this start line and these lines after its own.
pub fn request(line: &str, lines: &[&str]) -> Vec<u8> {
    let mut text = format!("{line}\r\nHost: api.test\r\nX-Auth-Token: {{token}}\r\n");
    for line in lines {
        text.push_str(line);
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    text.into_bytes()
}

/// The same with a body of which the lines say how long it is.
pub fn post(lines: &[&str], body: impl AsRef<[u8]>) -> Vec<u8> {
    let mut bytes = request("POST {path} HTTP/1.1", lines);
    bytes.extend_from_slice(body.as_ref());
    bytes
}

/// [`get`] with bytes that are no text.
pub fn get_bytes(target: &[u8], line: &[u8]) -> Vec<u8> {
    let parts: [&[u8]; 5] = [
        b"GET ",
        target,
        b" HTTP/1.1\r\nHost: api.test\r\nX-Auth-Token: {token}\r\n",
        line,
        b"\r\n\r\n",
    ];
    parts.concat()
}
