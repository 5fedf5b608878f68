//! A client that sends the bytes it is given and reads answers by the book.

use std::io;
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;

use super::{Framing, Headers, PATIENCE, Wire};

/// One connection to the gateway.
#[derive(Debug)]
pub struct Client {
    wire: Wire,
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Headers,
    pub body: Vec<u8>,
}

/// Where an answer broke off.
#[derive(Debug)]
pub struct Cut {
    /// Status and headers, if they came.
    pub head: Option<(u16, Headers)>,
    /// What came of the body.
    pub body: Vec<u8>,
    /// How the stream ended.
    pub error: io::Error,
}

impl Client {
    pub fn connect(address: SocketAddr) -> Self {
        Self {
            wire: Wire::new(TcpStream::connect_timeout(&address, PATIENCE).unwrap()),
        }
    }

    pub fn wire(&mut self) -> &mut Wire {
        &mut self.wire
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.wire.write(bytes.as_ref()).unwrap();
    }

    /// Sends a call and reads its answer.
    pub fn call(&mut self, call: &Call) -> Answer {
        self.send(call.bytes());
        self.answer_to(&call.method)
    }

    /// Status and headers of the next answer, which may be an interim one.
    pub fn head(&mut self) -> (u16, Headers) {
        self.try_head().unwrap()
    }

    pub fn answer(&mut self) -> Answer {
        self.answer_to("GET")
    }

    pub fn answer_to(&mut self, method: &str) -> Answer {
        let answer = self.try_answer(method);
        answer.unwrap_or_else(|cut| panic!("the answer broke off: {cut:?}"))
    }

    pub fn try_answer(&mut self, method: &str) -> Result<Answer, Cut> {
        let (status, headers) = self.try_head().map_err(|error| Cut {
            head: None,
            body: Vec::new(),
            error,
        })?;
        let mut answer = Answer {
            status,
            headers,
            body: Vec::new(),
        };
        let mut framing = answer.framing(method);
        loop {
            match self.wire.piece(&mut framing) {
                Ok(Some((data, _))) => answer.body.extend_from_slice(&data),
                Ok(None) => return Ok(answer),
                Err(error) => {
                    return Err(Cut {
                        head: Some((answer.status, answer.headers)),
                        body: answer.body,
                        error,
                    });
                }
            }
        }
    }

    /// Body bytes until there are `count`, no more.
    pub fn take(&mut self, framing: &mut Framing, count: usize) -> Vec<u8> {
        let mut body = Vec::new();
        while body.len() < count {
            let (data, _) = self.wire.piece(framing).unwrap().unwrap();
            body.extend_from_slice(&data);
        }
        assert_eq!(body.len(), count, "{:?}", String::from_utf8_lossy(&body));
        body
    }

    /// The gateway ends the connection cleanly, without another byte.
    pub fn ends(&mut self) {
        let end = self.wire.end();
        end.unwrap_or_else(|error| panic!("no clean end: {error}"));
    }

    fn try_head(&mut self) -> io::Result<(u16, Headers)> {
        let Some(head) = self.wire.head()? else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        let (line, headers) = Headers::parse(&head);
        let status = line
            .strip_prefix("HTTP/1.1 ")
            .or_else(|| line.strip_prefix("HTTP/1.0 "));
        let status = status.and_then(|rest| rest.get(..3)?.parse().ok());
        Ok((status.unwrap_or_else(|| panic!("{line:?}")), headers))
    }
}

impl Answer {
    pub fn framing(&self, method: &str) -> Framing {
        framing(self.status, &self.headers, method)
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn reason(&self) -> &str {
        self.headers.get("x-actiongate-reason").unwrap_or("(none)")
    }

    /// The gateway's id of the request, which every answer has: `req-` and a UUID.
    pub fn request_id(&self) -> &str {
        let id = self.headers.get("x-openstack-request-id").unwrap();
        assert_request_id(id);
        id
    }

    /// The text of a refusal, whose body has `family` and the status as its code; or has the vendor's
    /// form, if `family` is a code of it.
    pub fn refusal(&self, status: u16, reason: &str, family: &str) -> String {
        assert_eq!((self.status, self.reason()), (status, reason), "{self:?}");
        self.request_id();
        assert_eq!(self.headers.get("content-type"), Some("application/json"));
        let body = self.json();
        let members: Vec<&String> = body.as_object().unwrap().keys().collect();
        let (family, code) = match family.starts_with("Ecs.") {
            true => ("error", Value::from(family)),
            false => (family, Value::from(status)),
        };
        assert_eq!(members, [family]);
        assert_eq!(body[family]["code"], code);
        body[family]["message"].as_str().unwrap().to_owned()
    }
}

fn framing(status: u16, headers: &Headers, method: &str) -> Framing {
    match status {
        _ if method == "HEAD" => Framing::Length(0),
        100..=199 | 204 | 304 => Framing::Length(0),
        _ => headers.framing().unwrap_or(Framing::UntilClose),
    }
}

/// `req-` and a UUID in lower case.
pub fn assert_request_id(id: &str) {
    let uuid = id.strip_prefix("req-").unwrap_or_else(|| panic!("{id:?}"));
    let parsed: uuid::Uuid = uuid.parse().unwrap();
    assert_eq!(parsed.to_string(), uuid);
}

/// A request in the making.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: String,
    pub path: String,
    headers: Vec<String>,
    body: Option<Vec<u8>>,
}

impl Call {
    pub fn new(method: &str, path: impl Into<String>) -> Self {
        Self {
            method: method.to_owned(),
            path: path.into(),
            headers: vec!["Host: api.test".to_owned()],
            body: None,
        }
    }

    pub fn get(path: impl Into<String>) -> Self {
        Self::new("GET", path)
    }

    pub fn post(path: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        Self::new("POST", path).body(body)
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header(format!("Authorization: Bearer {token}"))
    }

    pub fn header(mut self, line: impl Into<String>) -> Self {
        self.headers.push(line.into());
        self
    }

    /// Without the `Host` line that every call has.
    pub fn without_host(mut self) -> Self {
        self.headers.remove(0);
        self
    }

    /// Without any line of this name.
    pub fn without_header(mut self, name: &str) -> Self {
        let prefix = format!("{name}:");
        self.headers.retain(|line| !line.starts_with(&prefix));
        self
    }

    /// A body with its length.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        self.headers.push(format!("Content-Length: {}", body.len()));
        self.body = Some(body);
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut text = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        for line in &self.headers {
            text.push_str(line);
            text.push_str("\r\n");
        }
        text.push_str("\r\n");
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(self.body.as_deref().unwrap_or_default());
        bytes
    }
}
