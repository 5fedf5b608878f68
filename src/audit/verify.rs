//! Whether the lines of chained files are those that were written.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::chain::{self, Chain, Link};
use super::named;

/// What is wrong at a line, or worth knowing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// As it was named.
    pub file: PathBuf,
    /// Counted from 1.
    pub line: usize,
    /// What there is.
    pub message: String,
    /// Whether something was changed, cut or removed, as far as can be told.
    pub is_broken: bool,
}

/// What files hold.
#[derive(Debug, Default)]
pub struct Verified {
    /// In the order of lines.
    pub findings: Vec<Finding>,
    /// Lines with a digest that was looked at.
    pub lines: u64,
    /// When the first and the last of them were written.
    pub times: Option<(String, String)>,
    /// The digest of the last one.
    pub end: Option<String>,
}

impl Verified {
    /// Whether nothing was found to be broken.
    pub fn is_whole(&self) -> bool {
        self.findings.iter().all(|finding| !finding.is_broken)
    }
}

/// Reads files, the oldest first, each of which goes on from the one before; `key` is that of their
/// digests, if they have one.
///
/// # Errors
///
/// A file that cannot be read.
pub fn verify(files: &[PathBuf], key: Option<&[u8]>) -> io::Result<Verified> {
    let mut reader = Reader {
        chain: Chain::new(key),
        previous: None,
        torn: None,
        is_begun: false,
        verified: Verified::default(),
    };
    for path in files {
        reader.read(path)?;
    }
    Ok(reader.verified)
}

struct Reader {
    chain: Chain,
    previous: Option<Link>,
    /// Where a line without a digest was found that no later one has told of yet.
    torn: Option<(Finding, Vec<u8>)>,
    /// Whether there was a line with a digest.
    is_begun: bool,
    verified: Verified,
}

impl Reader {
    fn read(&mut self, path: &Path) -> io::Result<()> {
        let named = |error: io::Error| named(path, &error);
        let mut lines = BufReader::new(File::open(path).map_err(named)?);
        let (mut text, mut line) = (Vec::new(), 0);
        loop {
            text.clear();
            if lines.read_until(b'\n', &mut text).map_err(named)? == 0 {
                break;
            }
            line += 1;
            let place = |message: String, is_broken| Finding {
                file: path.to_owned(),
                line,
                message,
                is_broken,
            };
            match text.strip_suffix(b"\n") {
                Some(whole) => self.take(whole, place),
                None => {
                    let length = text.len();
                    let message = format!(
                        "the last line is torn: it ends after {length} bytes, without its end"
                    );
                    self.end_torn();
                    self.verified.findings.push(place(message, true));
                }
            }
        }
        self.end_torn();
        Ok(())
    }

    fn take(&mut self, line: &[u8], place: impl Fn(String, bool) -> Finding) {
        let Some((text, tag)) = chain::split(line) else {
            self.end_torn();
            let length = line.len();
            let message = format!("a line of {length} bytes that carries no digest");
            self.torn = Some((place(message, true), line.to_vec()));
            return;
        };
        let event: Value = serde_json::from_slice(line).unwrap_or_default();
        let is_begin = is_event(&event, "begin");
        self.take_torn(&event);
        let mut is_known = true;
        if !std::mem::replace(&mut self.is_begun, true) {
            // What was before is in another file, which may be gone for good reasons.
            self.previous = text_of(&event, "previous").map(str::to_owned);
            if let Some(previous) = &self.previous {
                let message = format!("goes on from a file that ends with {previous}");
                self.verified.findings.push(place(message, false));
            }
            is_known = is_begin || is_event(&event, "torn");
        }
        let expected = self.chain.link(self.previous.as_ref(), text);
        let broken = match (is_known, is_begin) {
            (false, _) => Some("the chain does not begin here: lines before it are missing"),
            (true, true) if expected != tag => {
                Some("does not go on from what is before: lines are missing or were changed")
            }
            (true, false) if expected != tag => Some(
                "does not follow from the line before: it was changed, or lines were changed, removed or moved before it",
            ),
            _ => None,
        };
        if let Some(message) = broken {
            self.verified.findings.push(place(message.to_owned(), true));
        }
        if is_event(&event, "dropped") {
            let message = format!(
                "{} records were lost before this line",
                event.get("lines").unwrap_or(&Value::Null)
            );
            self.verified.findings.push(place(message, false));
        }
        let time = text_of(&event, "time").or_else(|| text_of(&event, "eventTime"));
        if let Some(time) = time.map(str::to_owned) {
            let first = self
                .verified
                .times
                .take()
                .map_or(time.clone(), |(first, _)| first);
            self.verified.times = Some((first, time));
        }
        self.verified.lines += 1;
        self.verified.end = Some(tag.clone());
        self.previous = Some(tag);
    }

    /// A rest that whoever went on behind it has told of is no secret.
    fn take_torn(&mut self, event: &Value) {
        let Some((finding, text)) = self.torn.take() else {
            return;
        };
        let is_told = is_event(event, "torn")
            && event.get("bytes").and_then(Value::as_u64) == Some(text.len() as u64)
            && text_of(event, "digest") == Some(chain::sha256(&text).as_str());
        let finding = match is_told {
            true => Finding {
                message: format!(
                    "torn: {} bytes of a line that was cut off, as the line behind it says",
                    text.len()
                ),
                is_broken: false,
                ..finding
            },
            false => finding,
        };
        self.verified.findings.push(finding);
    }

    fn end_torn(&mut self) {
        if let Some((finding, _)) = self.torn.take() {
            self.verified.findings.push(finding);
        }
    }
}

fn is_event(line: &Value, name: &str) -> bool {
    text_of(line, "event") == Some(name)
}

fn text_of<'a>(line: &'a Value, name: &str) -> Option<&'a str> {
    line.get(name).and_then(Value::as_str)
}
