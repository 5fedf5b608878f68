//! What the demo's backend answers, done or not, in Nova's and the vendor's forms.

use std::fmt;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use super::metadata::MAX_ITEMS;

#[derive(Debug, Eq, PartialEq)]
pub struct Answer {
    pub status: StatusCode,
    pub body: String,
}

impl Answer {
    /// Nothing to show.
    pub const DONE: Self = Self {
        status: StatusCode::NO_CONTENT,
        body: String::new(),
    };

    /// Taken on, and to be seen later.
    pub const ACCEPTED: Self = Self {
        status: StatusCode::ACCEPTED,
        body: String::new(),
    };

    pub fn show(body: &Value) -> Self {
        Self {
            status: StatusCode::OK,
            body: body.to_string(),
        }
    }
}

impl From<Answer> for Response<Full<Bytes>> {
    fn from(answer: Answer) -> Self {
        let mut response = Self::new(Full::from(answer.body));
        *response.status_mut() = answer.status;
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(CONTENT_TYPE, json);
        response
    }
}

/// Why a request is not done; the word is Nova's.
#[derive(Debug)]
pub enum Fault {
    NoSuchRoute,
    ServerNotFound(String),
    ItemNotFound,
    BodyTooLarge,
    MalformedBody,
    MissingMember(&'static str),
    UnexpectedMember(String),
    InvalidKey(String),
    InvalidField(String, Value),
    KeyMismatch,
    TooManyItems,
    UnknownAction(String),
    /// The verb, the server and its state.
    Conflict(&'static str, String, &'static str),
}

/// In Nova's words; what the caller sent shows as JSON, where Nova shows it as Python.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchRoute => write!(f, "The resource could not be found."),
            Self::ServerNotFound(id) => write!(f, "Instance {id} could not be found."),
            Self::ItemNotFound => write!(f, "Metadata item was not found"),
            Self::BodyTooLarge => write!(f, "Request is too large."),
            Self::MalformedBody => write!(f, "Malformed request body"),
            Self::MissingMember(name) => write!(f, "'{name}' is a required property"),
            Self::UnexpectedMember(name) => write!(
                f,
                "Additional properties are not allowed ('{name}' was unexpected)"
            ),
            Self::InvalidKey(key) => write!(f, "Invalid metadata key '{key}'"),
            Self::InvalidField(name, value) => write!(
                f,
                "Invalid input for field/attribute {name}. Value: {value}"
            ),
            Self::KeyMismatch => write!(f, "Request body and URI mismatch"),
            Self::TooManyItems => {
                write!(f, "Maximum number of metadata items exceeds {MAX_ITEMS}")
            }
            Self::UnknownAction(name) => write!(f, "There is no such action: {name}"),
            Self::Conflict(verb, id, state) => write!(
                f,
                "Cannot '{verb}' instance {id} while it is in vm_state {state}"
            ),
        }
    }
}

impl Fault {
    pub fn answer(&self, path: &str) -> Answer {
        let (status, name, code) = match self {
            Self::ServerNotFound(_) => (StatusCode::NOT_FOUND, "itemNotFound", "Ecs.0114"),
            Self::NoSuchRoute | Self::ItemNotFound => {
                (StatusCode::NOT_FOUND, "itemNotFound", "Ecs.0000")
            }
            Self::MalformedBody
            | Self::MissingMember(_)
            | Self::UnexpectedMember(_)
            | Self::InvalidKey(_)
            | Self::InvalidField(..)
            | Self::KeyMismatch
            | Self::UnknownAction(_) => (StatusCode::BAD_REQUEST, "badRequest", "Ecs.0005"),
            Self::TooManyItems => (StatusCode::FORBIDDEN, "forbidden", "Ecs.0005"),
            Self::Conflict(..) => (StatusCode::CONFLICT, "conflictingRequest", "Ecs.0005"),
            Self::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "overLimit", "Ecs.0005"),
        };
        let message = self.to_string();
        // `/v1` is the vendor's own API, with the vendor's form of an error.
        let body = if path.starts_with("/v1/") {
            json!({"error": {"code": code, "message": message}})
        } else {
            json!({name: {"code": status.as_u16(), "message": message}})
        };
        Answer {
            status,
            body: body.to_string(),
        }
    }
}
