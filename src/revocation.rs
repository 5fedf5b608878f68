//! Tokens that are refused although they are good: a list of them, kept fresh from a file, a URL or
//! Redis.
//!
//! A [`Source`] reads the list on the control thread, each [`Feed`] shows workers the last good one. A
//! list of which one entry cannot be understood is refused as a whole: a skipped deny is an allow.

mod document;
mod error;
mod feed;
mod list;
mod redis;
mod source;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use hyper::Uri;

pub use error::RevocationError;
pub use feed::{Feed, Health};
pub use list::{Asked, Revocations};
pub use source::Source;

/// The most bytes of a list's text.
pub const MAX_SIZE: u64 = 64 * 1024 * 1024;
/// The most entries of a list.
pub const MAX_ENTRIES: usize = 1_000_000;

/// Where the list is and what becomes of requests without it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settings {
    /// Where it is.
    pub location: Location,
    /// PEM certificates to trust instead of the system's; read again for each connection.
    pub ca: Option<PathBuf>,
    /// How often it is looked at again.
    pub refresh: Duration,
    /// What becomes of requests while there is no list, or only one that is too old.
    pub when_unavailable: WhenUnavailable,
    /// How long ago a list may have been seen where it comes from; any time, if `None`.
    pub max_age: Option<Duration>,
}

/// Where a list is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Location {
    /// A file; signed by a key of this set, if there is one.
    File(PathBuf, Option<PathBuf>),
    /// An `http` or `https` URL; likewise.
    Url(Uri, Option<PathBuf>),
    /// A set of a Redis or Valkey.
    Redis(RedisSettings),
}

/// A set of a Redis or Valkey.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RedisSettings {
    /// `redis` or `rediss`, a host, a port and the number of the database.
    pub uri: Uri,
    /// The name of the set, and of the channel that tells of its changes.
    pub key: String,
    /// As whom to log in; the default user if it is `None`.
    pub username: Option<String>,
    /// Holds the password; read again for each connection.
    pub password: Option<PathBuf>,
}

/// What becomes of requests while there is no list, or only one that is too old.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum WhenUnavailable {
    /// They are refused: nobody knows whether their tokens are good.
    #[default]
    Refuse,
    /// They are served as far as the last list says, if there is one.
    Serve,
}

impl Location {
    /// Whether nobody but this machine is asked.
    pub fn is_file(&self) -> bool {
        matches!(self, Self::File(..))
    }

    /// How often it is looked at unless the config says otherwise: Redis tells of its changes.
    pub fn usual_refresh(&self) -> Duration {
        match self {
            Self::File(..) => Duration::from_millis(500),
            Self::Url(..) => Duration::from_secs(10),
            Self::Redis(_) => Duration::from_secs(30),
        }
    }
}

impl RedisSettings {
    /// The number of the database: the path of its URL.
    pub fn database(&self) -> i64 {
        self.uri.path().trim_start_matches('/').parse().unwrap_or(0)
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, _) => write!(f, "{}", path.display()),
            Self::Url(uri, _) => write!(f, "{uri}"),
            Self::Redis(settings) => write!(f, "{} of {}", settings.key, settings.uri),
        }
    }
}
