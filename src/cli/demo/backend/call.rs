//! One request, as far as the demo's backend reads it.

use hyper::Method;
use serde_json::{Value, json};

use super::version::Microversion;

pub struct Call<'a> {
    pub method: &'a Method,
    pub path: &'a str,
    pub query: &'a str,
    /// What the client calls this host: Nova writes it into links.
    pub host: &'a str,
    /// The gateway's own, so that what is remembered of a request leads to its audit line.
    pub request_id: &'a str,
    pub version: Microversion,
    pub body: &'a [u8],
}

impl Call<'_> {
    /// The links of a thing at `place`, below a project.
    pub fn links(&self, project: &str, place: &str) -> Value {
        let host = self.host;
        json!([
            {"rel": "self", "href": format!("http://{host}/v2.1/{project}/{place}")},
            {"rel": "bookmark", "href": format!("http://{host}/{project}/{place}")},
        ])
    }

    /// The first value of a member of the query.
    pub fn query_value(&self, name: &str) -> Option<String> {
        let members = self
            .query
            .split('&')
            .filter_map(|pair| pair.split_once('='));
        let (_, value) = members.into_iter().find(|(found, _)| *found == name)?;
        percent_decode(&value.replace('+', " "))
    }
}

pub fn percent_decode(text: &str) -> Option<String> {
    let hex_digit = |byte: u8| char::from(byte).to_digit(16);
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let high = hex_digit(bytes.next()?)?;
        let low = hex_digit(bytes.next()?)?;
        decoded.push(u8::try_from(16 * high + low).ok()?);
    }
    String::from_utf8(decoded).ok()
}
