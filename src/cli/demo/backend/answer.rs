//! What the demo's backend answers, done or not, in Nova's and the vendor's forms.

use std::fmt;
use std::time::SystemTime;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use super::collection::MAX_SERVERS;
use super::metadata::MAX_ITEMS;
use super::tag::MAX_TAGS;
use super::version::Microversion;

/// Whose everything is: nobody tells this backend who asks.
pub const OWNER: &str = "demo";

/// As Nova writes a time.
pub fn now() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}

pub fn new_id() -> String {
    let bytes = fastrand::u128(..).to_ne_bytes();
    uuid::Builder::from_random_bytes(bytes)
        .into_uuid()
        .to_string()
}

/// An object with members added.
pub fn with<const N: usize>(shown: Value, more: [(&str, Value); N]) -> Value {
    let Value::Object(mut members) = shown else {
        return shown;
    };
    members.extend(more.map(|(name, value)| (name.to_owned(), value)));
    Value::Object(members)
}

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
    Locked(String),
    TooManyServers,
    MarkerNotFound(String),
    FlavorNotFound(String),
    ExtraSpecNotFound(String, String),
    InvalidFlavor,
    KeypairNotFound(String),
    KeypairExists(String),
    InvalidPublicKey,
    TooManyKeypairs,
    GroupNotFound(String),
    TooManyGroups,
    EventNotFound(String, String),
    TagNotFound(String, String),
    TooManyTags,
    MalformedVersion(String),
    UnsupportedVersion(String),
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
            Self::Locked(id) => write!(f, "Instance {id} is locked"),
            Self::TooManyServers => write!(
                f,
                "Quota exceeded for instances: Requested 1, but already used {MAX_SERVERS} of \
                 {MAX_SERVERS} instances"
            ),
            Self::MarkerNotFound(id) => write!(f, "marker [{id}] not found"),
            Self::FlavorNotFound(id) => write!(f, "Flavor {id} could not be found."),
            Self::ExtraSpecNotFound(id, key) => {
                write!(f, "Flavor {id} has no extra specs with key {key}.")
            }
            Self::InvalidFlavor => write!(f, "Invalid flavorRef provided."),
            Self::KeypairNotFound(name) => {
                write!(f, "Keypair {name} not found for user {OWNER}")
            }
            Self::KeypairExists(name) => write!(f, "Key pair '{name}' already exists."),
            Self::InvalidPublicKey => {
                write!(f, "Keypair data is invalid: failed to generate fingerprint")
            }
            Self::TooManyKeypairs => write!(f, "Quota exceeded, too many key pairs."),
            Self::GroupNotFound(id) => write!(f, "Instance group {id} could not be found."),
            Self::TooManyGroups => write!(f, "Quota exceeded, too many server groups."),
            Self::EventNotFound(id, request) => {
                write!(
                    f,
                    "Action for request_id {request} on instance {id} not found"
                )
            }
            Self::TagNotFound(id, tag) => write!(f, "Server {id} has no tag '{tag}'"),
            Self::TooManyTags => write!(
                f,
                "The number of tags exceeded the per-server limit {MAX_TAGS}"
            ),
            Self::MalformedVersion(text) => write!(
                f,
                "API Version String {text} is of invalid format. Must be of format \
                 MajorNum.MinorNum."
            ),
            Self::UnsupportedVersion(text) => write!(
                f,
                "Version {text} is not supported by the API. Minimum is {} and maximum is {}.",
                Microversion::MINIMUM,
                Microversion::MAXIMUM
            ),
        }
    }
}

impl Fault {
    pub fn answer(&self, path: &str) -> Answer {
        let (status, name, code) = match self {
            Self::ServerNotFound(_) => (StatusCode::NOT_FOUND, "itemNotFound", "Ecs.0114"),
            Self::NoSuchRoute
            | Self::ItemNotFound
            | Self::FlavorNotFound(_)
            | Self::ExtraSpecNotFound(..)
            | Self::KeypairNotFound(_)
            | Self::GroupNotFound(_)
            | Self::EventNotFound(..)
            | Self::TagNotFound(..) => (StatusCode::NOT_FOUND, "itemNotFound", "Ecs.0000"),
            Self::MalformedBody
            | Self::MissingMember(_)
            | Self::UnexpectedMember(_)
            | Self::InvalidKey(_)
            | Self::InvalidField(..)
            | Self::KeyMismatch
            | Self::MarkerNotFound(_)
            | Self::InvalidFlavor
            | Self::InvalidPublicKey
            | Self::TooManyTags
            | Self::MalformedVersion(_)
            | Self::UnknownAction(_) => (StatusCode::BAD_REQUEST, "badRequest", "Ecs.0005"),
            Self::TooManyItems
            | Self::TooManyServers
            | Self::TooManyKeypairs
            | Self::TooManyGroups => (StatusCode::FORBIDDEN, "forbidden", "Ecs.0005"),
            Self::Conflict(..) | Self::Locked(_) | Self::KeypairExists(_) => {
                (StatusCode::CONFLICT, "conflictingRequest", "Ecs.0005")
            }
            Self::UnsupportedVersion(_) => (StatusCode::NOT_ACCEPTABLE, "computeFault", "Ecs.0005"),
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
