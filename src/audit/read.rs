//! Lines of an audit, read again one by one, however many there are.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::{line, named};
use crate::grant::Address;

/// Longer than any line that is written; what is longer is none, and is not kept.
const MAX_LINE: u64 = 1024 * 1024;

/// Where a line is.
#[derive(Clone, Copy, Debug)]
pub struct LinePlace<'a> {
    /// As it was named; `-` is standard input.
    pub file: &'a Path,
    /// Counted from 1.
    pub line: usize,
}

/// What a line is.
#[derive(Debug)]
pub enum Entry<'a> {
    /// Of a request.
    Request(Box<RequestLine<'a>>),
    /// About the file itself: what it tells.
    Event(&'static str),
    /// Nothing that can be read; why.
    Unreadable(String),
}

/// The line of one request; members that nobody here asks for are not looked at.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "each is what the schema says")]
pub struct RequestLine<'a> {
    pub version: u32,
    #[serde(deserialize_with = "moment")]
    pub time: SystemTime,
    #[serde(borrow)]
    pub request_id: Cow<'a, str>,
    #[serde(borrow)]
    pub peer: Cow<'a, str>,
    #[serde(borrow)]
    pub method: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub operation: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub route: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub subject: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub issuer: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub project: Option<Cow<'a, str>>,
    pub decision: Option<Decided>,
    #[serde(borrow)]
    pub reason: Cow<'a, str>,
    pub missing: Vec<String>,
    #[serde(borrow, default)]
    pub evidence: Option<EvidenceLine<'a>>,
}

/// What was decided.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "as `super::Decision` says")]
pub enum Decided {
    Permit,
    Deny,
    Reject,
}

/// What the decision rested on, as a line holds it.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "each is what the schema says")]
pub struct EvidenceLine<'a> {
    #[serde(borrow, default)]
    pub absent: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub target: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub body: Option<&'a RawValue>,
    pub at: Option<u64>,
    #[serde(default, deserialize_with = "address")]
    pub address: Option<Address>,
    #[serde(borrow, default)]
    pub claims: Option<ClaimLine<'a>>,
}

/// What counted of a verified caller's claims.
#[derive(Debug, Deserialize)]
pub struct ClaimLine<'a> {
    /// The pointers of all that could count.
    pub read: Vec<String>,
    /// What was there, an object.
    #[serde(borrow)]
    pub found: &'a RawValue,
}

#[derive(Deserialize)]
struct Kind {
    version: Option<u32>,
    event: Option<String>,
}

/// Hands every line of `files`, in their order, to `take`, until it has enough: where that is so, it
/// answers `false`.
///
/// # Errors
///
/// A file that cannot be read.
pub fn read(
    files: &[PathBuf],
    mut take: impl FnMut(LinePlace<'_>, Entry<'_>) -> bool,
) -> io::Result<()> {
    for file in files {
        let reader: Box<dyn BufRead> = match file.as_os_str() == "-" {
            true => Box::new(io::stdin().lock()),
            false => {
                let opened = File::open(file).map_err(|error| named(file, &error))?;
                Box::new(BufReader::with_capacity(64 * 1024, opened))
            }
        };
        let goes_on = read_lines(reader, |line, text| {
            take(LinePlace { file, line }, entry(text))
        });
        if !goes_on.map_err(|error| named(file, &error))? {
            break;
        }
    }
    Ok(())
}

fn read_lines(
    mut reader: Box<dyn BufRead>,
    mut take: impl FnMut(usize, &[u8]) -> bool,
) -> io::Result<bool> {
    let mut text = Vec::new();
    let mut number = 0;
    loop {
        text.clear();
        let read = reader
            .by_ref()
            .take(MAX_LINE)
            .read_until(b'\n', &mut text)?;
        if read == 0 {
            return Ok(true);
        }
        number += 1;
        if !text.ends_with(b"\n") {
            // Of a line that is too long the rest is passed over; the last one may lack its end.
            skip_line(&mut reader)?;
        }
        if !take(number, text.trim_ascii_end()) {
            return Ok(false);
        }
    }
}

fn skip_line(reader: &mut Box<dyn BufRead>) -> io::Result<()> {
    loop {
        let buffer = reader.fill_buf()?;
        let (length, is_end) = match buffer.iter().position(|byte| *byte == b'\n') {
            Some(at) => (at + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        reader.consume(length);
        if is_end {
            return Ok(());
        }
    }
}

fn entry(text: &[u8]) -> Entry<'_> {
    if let Ok(request) = serde_json::from_slice::<RequestLine<'_>>(text)
        && request.version == line::VERSION
    {
        return Entry::Request(Box::new(request));
    }
    let kind: Kind = match serde_json::from_slice(text) {
        Ok(kind) => kind,
        Err(_) if text.is_empty() => return Entry::Unreadable("an empty line".to_owned()),
        Err(error) => return Entry::Unreadable(format!("no object of JSON: {error}")),
    };
    match (kind.version, kind.event) {
        (Some(line::VERSION), Some(event)) => match event.as_str() {
            "begin" => Entry::Event("where a file begins"),
            "torn" => Entry::Event("where a line was cut off"),
            "dropped" => Entry::Event("where requests were lost"),
            _ => Entry::Unreadable("an event that is not known".to_owned()),
        },
        (Some(line::VERSION), None) => {
            let error = serde_json::from_slice::<RequestLine<'_>>(text).err();
            let why = error.map_or_else(String::new, |error| format!(": {error}"));
            Entry::Unreadable(format!("not the line of a request{why}"))
        }
        (Some(other), _) => Entry::Unreadable(format!(
            "a line of version {other}, expected {}",
            line::VERSION
        )),
        (None, _) => Entry::Unreadable(
            "no line in the gateway's own format, which `format = \"actiongate\"` writes"
                .to_owned(),
        ),
    }
}

fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
    let text = Cow::<str>::deserialize(deserializer)?;
    humantime::parse_rfc3339(&text).map_err(serde::de::Error::custom)
}

/// None only where the member is absent: over a Unix socket there is no address, and it says so.
fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Address>, D::Error> {
    let text = Option::<Cow<'_, str>>::deserialize(deserializer)?;
    match text.as_deref() {
        None => Ok(Some(Address::Absent)),
        Some("unclear") => Ok(Some(Address::Unclear)),
        Some(text) => {
            let address = text.parse().map_err(serde::de::Error::custom)?;
            Ok(Some(Address::Known(address)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::tests::record;
    use crate::audit::{Circumstances, ClaimEvidence, Evidence};

    /// What each line was taken for, in short.
    fn all(text: &[u8]) -> Vec<(usize, String)> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("audit.jsonl");
        std::fs::write(&file, text).unwrap();
        let mut found = Vec::new();
        read(&[file], |place, entry| {
            let told = match entry {
                Entry::Request(line) => format!("request {}", line.request_id),
                Entry::Event(name) => format!("event {name}"),
                Entry::Unreadable(why) => why,
            };
            found.push((place.line, told));
            true
        })
        .unwrap();
        found
    }

    #[test]
    fn a_line_reads_as_it_was_written() {
        let mut record = record();
        let mut evidence = Evidence::new(Some(&"/a\"?b=\\c".parse().unwrap()));
        evidence.identified(ClaimEvidence::new(
            &["/sub".to_owned()],
            serde_json::json!({"sub": "a\"b"}).as_object().unwrap(),
        ));
        let circumstances = Circumstances {
            at: 3,
            address: Address::Absent,
        };
        evidence.judged(
            &"/a\"?b=\\c".parse().unwrap(),
            circumstances,
            Some(serde_json::Map::new()),
        );
        record.evidence = Some(Box::new(evidence));
        let mut text = Vec::new();
        line::write(&mut text, &record);
        let Entry::Request(line) = entry(&text) else {
            panic!("{}", String::from_utf8(text).unwrap());
        };
        assert_eq!(line.time, record.time);
        assert_eq!(line.decision, Some(Decided::Deny));
        assert_eq!(line.missing, ["ecs:servers:get"]);
        let evidence = line.evidence.unwrap();
        assert_eq!(evidence.target.as_deref(), Some("/a\"?b=\\c"));
        assert_eq!(
            (evidence.at, evidence.address),
            (Some(3), Some(Address::Absent))
        );
        assert_eq!(evidence.body.unwrap().get(), "{}");
        let claims = evidence.claims.unwrap();
        assert_eq!(claims.read, ["/sub"]);
        assert_eq!(claims.found.get(), "{\"sub\":\"a\\\"b\"}");
    }

    #[test]
    fn every_line_is_something() {
        let mut good = Vec::new();
        line::write(&mut good, &record());
        let good = String::from_utf8(good).unwrap();
        let id = "request req-00000000-0000-0000-0000-000000000001";
        let long = "x".repeat(3 * 1024 * 1024);
        let lines = [
            good.clone(),
            good.replace("45}", "45,\"later\":[1]}"),
            good.replace("\"version\":1", "\"version\":2"),
            good.replace("\"status\"", "\"missing\":[],\"status\""),
            good.replace("2023-11-14T", "yesterday"),
            long,
            "{\"version\":1,\"time\":\"x\",\"event\":\"torn\"}".to_owned(),
            "{\"typeURI\":\"x\"}".to_owned(),
            String::new(),
            good.get(..100).unwrap().to_owned(),
        ];
        let found = all(lines.join("\n").as_bytes());
        let expected = [
            id,
            id,
            "a line of version 2, expected 1",
            "not the line of a request: duplicate field `missing`",
            "not the line of a request: timestamp format is invalid",
            "no object of JSON: expected value",
            "event where a line was cut off",
            "no line in the gateway's own format",
            "an empty line",
            "no object of JSON: EOF while parsing",
        ];
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (index, ((line, told), expected)) in found.iter().zip(expected).enumerate() {
            assert_eq!(*line, index + 1);
            assert!(told.starts_with(expected), "{told}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = read(&["/nonexistent/a".into()], |_, _| true).unwrap_err();
        assert!(error.to_string().starts_with("/nonexistent/a: "), "{error}");
    }
}
