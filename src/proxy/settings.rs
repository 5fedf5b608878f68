//! What the config says of the upstream.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use hyper::HeaderMap;
use hyper::header::HeaderName;
use hyper::http::uri::PathAndQuery;

use super::{ForwardError, header};
use crate::tls;

/// Where one or several endpoints of the upstream are.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Location {
    /// A host that is an address, or a name that is resolved again and again.
    Host {
        /// Host name or address, an IPv6 address without brackets.
        host: String,
        /// TCP port.
        port: u16,
        /// Whether the connection is encrypted.
        security: Security,
    },
    /// A Unix socket.
    Socket(PathBuf),
}

/// Whether a connection is encrypted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Security {
    /// `http://`
    Plain,
    /// `https://`
    Tls,
}

impl Location {
    /// Whether it is reached over TLS.
    pub fn is_tls(&self) -> bool {
        matches!(
            self,
            Self::Host {
                security: Security::Tls,
                ..
            }
        )
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (host, port, security) = match self {
            Self::Socket(path) => return write!(f, "unix:{}", path.display()),
            Self::Host {
                host,
                port,
                security,
            } => (host, port, security),
        };
        let scheme = match security {
            Security::Plain => "http",
            Security::Tls => "https",
        };
        match host.contains(':') {
            true => write!(f, "{scheme}://[{host}]:{port}"),
            false => write!(f, "{scheme}://{host}:{port}"),
        }
    }
}

/// What is spoken to the upstream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Protocol {
    /// HTTP/1.1, a connection for each running request.
    Http1,
    /// HTTP/2, with prior knowledge or by ALPN, many requests on a connection.
    Http2,
}

/// What kind of server the upstream is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Profile {
    /// It takes a body without `Content-Length` for none, so such a body is collected first. A form
    /// can change the method there and a media type the version of the API, so both are refused.
    Nova,
    /// It reads any body, so all are streamed.
    Generic,
}

impl Profile {
    /// Refuses a project that such an upstream would not read as one. Nova has each route without a
    /// project, too, and tells both apart by the form of its ids: with a project called `os-keypairs`,
    /// `/v2.1/os-keypairs/flavors` is a key pair.
    ///
    /// # Errors
    ///
    /// [`ForwardError::Project`].
    pub fn check_project(self, project: Option<&str>) -> Result<(), ForwardError> {
        let is_of_id = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-');
        match project {
            Some(project) if self == Self::Nova && !project.bytes().all(is_of_id) => {
                Err(ForwardError::Project(project.to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// Refuses media types from which such an upstream would take another method, or another version of
    /// its API.
    ///
    /// # Errors
    ///
    /// [`ForwardError::Form`], [`ForwardError::MediaTypeVersion`].
    pub fn check_media_types(self, headers: &HeaderMap) -> Result<(), ForwardError> {
        match self {
            Self::Nova if header::is_form(headers) => Err(ForwardError::Form),
            Self::Nova if header::names_version(headers) => Err(ForwardError::MediaTypeVersion),
            Self::Nova | Self::Generic => Ok(()),
        }
    }
}

/// Which credential the upstream is sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Credential {
    /// The caller's own.
    Forward,
    /// None.
    Strip,
    /// One of the gateway's own instead of the caller's.
    File {
        /// The header that carries it.
        header: HeaderName,
        /// The file that holds it; read again when it changes.
        path: PathBuf,
    },
}

/// The headers that name the verified caller; without a name, nothing is sent.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct IdentityHeaders {
    /// Carries the token's subject.
    pub subject: Option<HeaderName>,
    /// Carries the project that the request is for.
    pub project: Option<HeaderName>,
    /// Carries the token's issuer.
    pub issuer: Option<HeaderName>,
}

/// What the upstream is told of the verified caller.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum IdentityMode {
    /// What these headers carry.
    Named(IdentityHeaders),
    /// All that keystonemiddleware's `auth_token` would tell, in its headers.
    Keystonemiddleware,
}

impl Default for IdentityMode {
    fn default() -> Self {
        Self::Named(IdentityHeaders::default())
    }
}

/// How endpoints are asked whether they are well.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HealthCheck {
    /// What is asked for with GET; 2xx and 3xx are good answers.
    pub path: PathAndQuery,
    /// The time between two checks of an endpoint.
    pub interval: Duration,
    /// The most time a check may take.
    pub timeout: Duration,
    /// After how many good checks in a row an endpoint is used again.
    pub healthy_after: u32,
    /// After how many bad checks in a row an endpoint is used no longer.
    pub unhealthy_after: u32,
}

impl HealthCheck {
    /// The defaults for this path.
    pub fn new(path: PathAndQuery) -> Self {
        Self {
            path,
            interval: Duration::from_secs(5),
            timeout: Duration::from_secs(2),
            healthy_after: 1,
            unhealthy_after: 3,
        }
    }
}

/// How the upstream is reached.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settings {
    /// At least one.
    pub locations: Vec<Location>,
    /// What is spoken there.
    pub protocol: Protocol,
    /// What is checked and shown where it is reached over TLS.
    pub tls: Option<tls::ClientSettings>,
    /// What kind of server is there.
    pub profile: Profile,
    /// What it is sent for a credential.
    pub credential: Credential,
    /// What it is told of the caller.
    pub identity: IdentityMode,
    /// The issuer whose service token it is sent beside the caller's.
    pub service_token: Option<String>,
    /// How endpoints are checked, if they are.
    pub health: Option<HealthCheck>,
    /// How often names are resolved.
    pub resolve: Duration,
    /// The most time to establish a connection.
    pub connect_timeout: Duration,
    /// The most time without any progress: from the end of the request to the answer's head, and
    /// between two pieces of a body.
    pub response_timeout: Duration,
    /// The most time for a request in all, from its head to the last byte of its answer.
    pub request_timeout: Duration,
    /// The most time that nothing is sent either way once a connection has changed its protocol.
    pub tunnel_timeout: Duration,
    /// How long a connection is kept for the next request; shorter than the upstream's own.
    pub idle_timeout: Duration,
    /// How many idle connections a worker keeps to each endpoint.
    pub idle_connections: usize,
    /// How many requests may be running at an endpoint.
    pub max_pending: usize,
    /// After how many failures in a row an endpoint is left alone for a while.
    pub eject_after: u32,
    /// How long at first; twice as long each time it fails again.
    pub eject_time: Duration,
    /// The most repetitions, in percent of the requests.
    pub retry_budget: u32,
    /// The most bytes of bodies that are being collected at a time.
    pub collect_total: usize,
}

impl Settings {
    /// The defaults for an upstream at these places.
    pub fn new(locations: Vec<Location>) -> Self {
        Self {
            locations,
            protocol: Protocol::Http1,
            tls: None,
            profile: Profile::Generic,
            credential: Credential::Forward,
            identity: IdentityMode::default(),
            service_token: None,
            health: None,
            resolve: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(5),
            response_timeout: Duration::from_mins(1),
            request_timeout: Duration::from_mins(10),
            tunnel_timeout: Duration::from_hours(1),
            idle_timeout: Duration::from_secs(4),
            idle_connections: 256,
            max_pending: 1024,
            eject_after: 5,
            eject_time: Duration::from_secs(10),
            retry_budget: 20,
            collect_total: 256 * 1024 * 1024,
        }
    }
}
