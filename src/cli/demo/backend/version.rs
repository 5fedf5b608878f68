//! The versions of the API that the demo's backend speaks, and how a request chooses one.

use std::fmt;

use hyper::HeaderMap;
use hyper::header::HeaderValue;
use serde_json::{Value, json};

use super::answer::{Answer, Fault, with};

/// The newer name first: where both are sent, Nova takes that.
const HEADER: &str = "openstack-api-version";
const LEGACY_HEADER: &str = "x-openstack-nova-api-version";
const UPDATED: &str = "2013-07-23T11:33:21Z";

/// A version of the API, `2.` and this number.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Microversion(pub u16);

impl Microversion {
    pub const MINIMUM: Self = Self(1);
    pub const MAXIMUM: Self = Self(96);

    /// As the headers ask; without them the oldest, so that old clients see no change.
    pub fn parse(headers: &HeaderMap) -> Result<Self, Fault> {
        let value = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
        // `compute 2.1, volume 3.0`: each service reads its own.
        let ours = value(HEADER).and_then(|text| {
            let mut services = text.split(',').map(str::trim);
            services.find_map(|service| service.strip_prefix("compute "))
        });
        let Some(text) = ours.or_else(|| value(LEGACY_HEADER)) else {
            return Ok(Self::MINIMUM);
        };
        let text = text.trim();
        if text == "latest" {
            return Ok(Self::MAXIMUM);
        }
        let malformed = || Fault::MalformedVersion(text.to_owned());
        let (major, minor) = text.split_once('.').ok_or_else(malformed)?;
        let (major, minor) = match (major.parse::<u16>(), minor.parse()) {
            (Ok(major), Ok(minor)) => (major, Self(minor)),
            _ => return Err(malformed()),
        };
        if major != 2 || minor < Self::MINIMUM || minor > Self::MAXIMUM {
            return Err(Fault::UnsupportedVersion(text.to_owned()));
        }
        Ok(minor)
    }

    /// Says which version an answer is of.
    pub fn write(self, headers: &mut HeaderMap) {
        let both = [
            (
                LEGACY_HEADER,
                self.to_string(),
                "X-OpenStack-Nova-API-Version",
            ),
            (HEADER, format!("compute {self}"), "OpenStack-API-Version"),
        ];
        for (name, text, varies) in both {
            if let Ok(value) = HeaderValue::from_str(&text) {
                headers.insert(name, value);
            }
            headers.append("vary", HeaderValue::from_static(varies));
        }
    }
}

impl fmt::Display for Microversion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "2.{}", self.0)
    }
}

/// The document of `/`.
pub fn show_all(host: &str) -> Answer {
    Answer::show(&json!({"versions": [legacy(host), current(host)]}))
}

/// The document of one version's own address.
pub fn show(name: &str, host: &str) -> Answer {
    let document = match name {
        "v2" => legacy(host),
        _ => current(host),
    };
    let version = name.trim_start_matches('v');
    let media_types = json!([{
        "base": "application/json",
        "type": format!("application/vnd.openstack.compute+json;version={version}"),
    }]);
    let document = with(document, [("media-types", media_types)]);
    Answer::show(&json!({"version": document}))
}

fn legacy(host: &str) -> Value {
    json!({
        "id": "v2.0",
        "status": "SUPPORTED",
        "version": "",
        "min_version": "",
        "updated": "2011-01-21T11:33:21Z",
        "links": [{"rel": "self", "href": format!("http://{host}/v2/")}],
    })
}

fn current(host: &str) -> Value {
    json!({
        "id": "v2.1",
        "status": "CURRENT",
        "version": Microversion::MAXIMUM.to_string(),
        "min_version": Microversion::MINIMUM.to_string(),
        "updated": UPDATED,
        "links": [{"rel": "self", "href": format!("http://{host}/v2.1/")}],
    })
}
