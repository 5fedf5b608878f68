//! `[tracing]`: where spans go, and of which requests.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, TE, TRANSFER_ENCODING, USER_AGENT,
};

use super::issuer::parse_url;
use super::parse_required;
use crate::document::{Located, Section};
use crate::trace::{Protocol, Settings};

const ENDPOINT: &str = "the URL of an OTLP collector such as \"http://127.0.0.1:4318\"";

pub fn read(section: &Section<'_>, folder: &Path) -> Option<Settings> {
    let endpoint = parse_required(section, "endpoint", ENDPOINT, parse_url);
    let protocol = section.parse("protocol", "\"http\" or \"grpc\"", |text| match text {
        "http" => Ok(Protocol::Http),
        "grpc" => Ok(Protocol::Grpc),
        _ => Err("there is no such protocol"),
    });
    let protocol = protocol.map_or(Protocol::Http, |protocol| protocol.value);
    let sample = section.share("sample").unwrap_or(0.01);
    let follow = section.boolean("follow").unwrap_or(true);
    let name = section.parse("service_name", "a name", |text| match text {
        "" => Err("it is empty"),
        text => Ok(text.to_owned()),
    });
    let headers = section.section("headers");
    let headers = headers.map(|section| read_headers(&section, folder));
    let ca = section.string("ca");
    let timeout = section.duration("timeout");
    section.finish();
    let endpoint = endpoint?;
    if let Some(ca) = &ca
        && endpoint.scheme_str() != Some("https")
    {
        let message = "`tracing.ca` is not used, expected it only beside an https URL";
        section.problem(ca.line, message);
    }
    if protocol == Protocol::Grpc && !matches!(endpoint.path(), "" | "/") {
        let line = section.line_at("endpoint");
        let message = "`tracing.endpoint` has a path, expected none beside `protocol = \"grpc\"`";
        section.problem(line, message);
    }
    Some(Settings {
        endpoint,
        protocol,
        sample,
        follow,
        service_name: name.map_or_else(|| "actiongate".to_owned(), |name| name.value),
        headers: headers.unwrap_or_default(),
        ca: ca.map(|ca| folder.join(ca.value)),
        timeout: timeout.unwrap_or(Duration::from_secs(10)),
    })
}

/// Names of headers, and of the files that hold their values.
fn read_headers(section: &Section<'_>, folder: &Path) -> Vec<(HeaderName, PathBuf)> {
    let mut headers = Vec::new();
    for (Located { value: name, line }, files) in section.lists() {
        let known = HeaderName::from_bytes(name.as_bytes());
        let known = known.ok().filter(|name| !is_ours(name));
        match (known, files.as_slice()) {
            (Some(name), [file]) => headers.push((name, folder.join(&file.value))),
            (None, _) => section.problem(
                line,
                format!(
                    "`tracing.headers` has `{name}`, expected the name of a header that the collector asks for"
                ),
            ),
            (Some(_), _) => section.problem(
                line,
                format!(
                    "`tracing.headers` has not one file for `{name}`, expected the file that holds its value"
                ),
            ),
        }
    }
    headers
}

/// Those that say how the message is sent.
fn is_ours(name: &HeaderName) -> bool {
    let ours = [
        CONNECTION,
        CONTENT_LENGTH,
        CONTENT_TYPE,
        HOST,
        TE,
        TRANSFER_ENCODING,
        USER_AGENT,
    ];
    ours.contains(name)
}
