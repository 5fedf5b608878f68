//! The place of a request in its trace, as `traceparent` carries it (W3C Trace Context, level 1).
//! <https://www.w3.org/TR/trace-context-1/>

use std::fmt;
use std::num::{NonZeroU64, NonZeroU128};

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};

/// Carries a [`Context`].
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// What vendors add to it; passes as it is where the trace is continued.
pub const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// How long a `traceparent` of version 00 is, in bytes.
const LENGTH: usize = 55;
/// The caller may have recorded the trace (§3.2.2.5.1).
const SAMPLED: u8 = 1;

/// The id of a trace; shown as 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TraceId(NonZeroU128);

/// The id of a span; shown as 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SpanId(NonZeroU64);

/// Where a request stands in its trace.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Context {
    /// The caller's, or a new one.
    pub trace: TraceId,
    /// The caller's span; none where the trace begins here.
    pub parent: Option<SpanId>,
    /// Of the request to the upstream: what the upstream takes for its parent.
    pub client: SpanId,
    /// Whether our spans of it are exported.
    pub is_sampled: bool,
}

/// What a caller says of its trace.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Parent {
    /// The trace.
    pub trace: TraceId,
    /// The caller's span in it.
    pub span: SpanId,
    /// Whether the caller may have recorded it.
    pub is_sampled: bool,
}

impl TraceId {
    /// One that nobody has, most likely.
    pub fn random() -> Self {
        Self(NonZeroU128::new(fastrand::u128(..)).unwrap_or(NonZeroU128::MIN))
    }

    /// As OTLP carries it.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.get().to_be_bytes()
    }
}

impl SpanId {
    /// One that nobody has, most likely.
    pub fn random() -> Self {
        Self(NonZeroU64::new(fastrand::u64(..)).unwrap_or(NonZeroU64::MIN))
    }

    /// As OTLP carries it.
    pub fn to_bytes(self) -> [u8; 8] {
        self.0.get().to_be_bytes()
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, &mut [0; 32], &self.to_bytes())
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, &mut [0; 16], &self.to_bytes())
    }
}

impl Parent {
    /// What the one `traceparent` says; `None` where there is none, one that is not valid, or several.
    pub fn find(headers: &HeaderMap) -> Option<Self> {
        let mut lines = headers.get_all(TRACEPARENT).iter();
        match (lines.next(), lines.next()) {
            (Some(line), None) => Self::parse(line.as_bytes()),
            _ => None,
        }
    }

    /// §3.2.2; of a later version as much as this one knows (§4.3).
    fn parse(text: &[u8]) -> Option<Self> {
        let (text, rest) = text.split_at_checked(LENGTH)?;
        let (version, text) = field(text, 2)?;
        let (trace, text) = field(text, 32)?;
        let (span, text) = field(text, 16)?;
        let flags = u8::try_from(hexadecimal(text)?).ok()?;
        let is_whole = match hexadecimal(version)? {
            0 => rest.is_empty(),
            0xff => false,
            _ => matches!(rest, [] | [b'-', ..]),
        };
        let trace = NonZeroU128::new(hexadecimal(trace)?)?;
        let span = NonZeroU64::new(u64::try_from(hexadecimal(span)?).ok()?)?;
        is_whole.then_some(Self {
            trace: TraceId(trace),
            span: SpanId(span),
            is_sampled: flags & SAMPLED != 0,
        })
    }
}

impl Context {
    /// Says it to the upstream. What vendors said of another trace is not said of this one.
    pub fn write(&self, headers: &mut HeaderMap) {
        if let Ok(value) = HeaderValue::from_bytes(&self.text()) {
            headers.insert(TRACEPARENT, value);
        }
        if self.parent.is_none() {
            headers.remove(TRACESTATE);
        }
    }

    /// Of version 00.
    fn text(&self) -> [u8; LENGTH] {
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
        let (trace, client) = (self.trace.to_bytes(), self.client.to_bytes());
        let flags = [if self.is_sampled { SAMPLED } else { 0 }];
        for (place, bytes) in [(3, &trace[..]), (36, &client), (53, &flags)] {
            write_digits(text.get_mut(place..).unwrap_or_default(), bytes);
        }
        text
    }
}

/// Two digits for each byte; much faster than `format!`, and once for each request.
fn write_digits(text: &mut [u8], bytes: &[u8]) {
    let digit = |value: u8| value + if value < 10 { b'0' } else { b'a' - 10 };
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
    }
}

fn show(f: &mut fmt::Formatter<'_>, text: &mut [u8], bytes: &[u8]) -> fmt::Result {
    write_digits(text, bytes);
    f.write_str(str::from_utf8(text).unwrap_or_default())
}

/// So many bytes and the hyphen behind them.
fn field(text: &[u8], length: usize) -> Option<(&[u8], &[u8])> {
    let (field, rest) = text.split_at_checked(length)?;
    Some((field, rest.strip_prefix(b"-")?))
}

/// Digits in lower case only, at most 32.
fn hexadecimal(text: &[u8]) -> Option<u128> {
    text.iter().try_fold(0, |number, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    fn parse(text: &str) -> Option<Parent> {
        Parent::parse(text.as_bytes())
    }

    #[test]
    fn what_is_valid_is_read() {
        let long = format!("00-{TRACE}-{SPAN}");
        let cases = [
            (format!("{long}-01"), true),
            (format!("{long}-00"), false),
            (format!("{long}-02"), false),
            (format!("{long}-ff"), true),
            (format!("01-{TRACE}-{SPAN}-01"), true),
            (format!("cc-{TRACE}-{SPAN}-00-what comes"), false),
            (format!("fe-{TRACE}-{SPAN}-01-"), true),
        ];
        for (text, is_sampled) in cases {
            let parent = parse(&text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(parent.trace.to_string(), TRACE);
            assert_eq!(parent.span.to_string(), SPAN);
            assert_eq!(parent.is_sampled, is_sampled, "{text}");
        }
    }

    #[test]
    fn what_is_not_valid_is_none() {
        let (no_trace, no_span) = ("0".repeat(32), "0".repeat(16));
        let upper = TRACE.to_uppercase();
        let cases = [
            String::new(),
            "00".to_owned(),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-1"),
            format!("00-{TRACE}-{SPAN}-0g"),
            format!("00-{TRACE}-{SPAN}-0A"),
            format!("00-{TRACE}-{SPAN}-01-"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("00-{TRACE}-{SPAN}-011"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("0F-{TRACE}-{SPAN}-01"),
            format!("01-{TRACE}-{SPAN}-01more"),
            format!("0x-{TRACE}-{SPAN}-01"),
            format!("00-{no_trace}-{SPAN}-01"),
            format!("00-{TRACE}-{no_span}-01"),
            format!("00-{upper}-{SPAN}-01"),
            format!("00_{TRACE}-{SPAN}-01"),
            format!("00-{TRACE}_{SPAN}-01"),
            format!("00-{TRACE}-{SPAN}_01"),
            format!(" 00-{TRACE}-{SPAN}-01"),
            format!("00-{TRACE}-{SPAN}-01,00-{TRACE}-{SPAN}-01"),
            format!("00-{}-{SPAN}-01", TRACE.replacen('4', "+", 1)),
        ];
        for text in cases {
            assert_eq!(parse(&text), None, "{text:?}");
        }
    }

    #[test]
    fn one_line_is_read_and_two_are_not() {
        let mut headers = HeaderMap::new();
        assert_eq!(Parent::find(&headers), None);
        let line = format!("00-{TRACE}-{SPAN}-01");
        let line: HeaderValue = line.parse().unwrap();
        headers.append(TRACEPARENT, line.clone());
        assert!(Parent::find(&headers).is_some());
        headers.append(TRACEPARENT, line);
        assert_eq!(Parent::find(&headers), None);
    }

    #[test]
    fn a_continued_trace_keeps_its_state_and_a_new_one_has_none() {
        let parent = parse(&format!("00-{TRACE}-{SPAN}-01")).unwrap();
        for parent in [None, Some(parent.span)] {
            let context = Context {
                trace: TraceId::random(),
                parent,
                client: SpanId::random(),
                is_sampled: true,
            };
            let mut headers = HeaderMap::new();
            headers.append(TRACEPARENT, HeaderValue::from_static("one"));
            headers.append(TRACEPARENT, HeaderValue::from_static("two"));
            headers.append(TRACESTATE, HeaderValue::from_static("a=b"));
            context.write(&mut headers);
            assert_eq!(headers.get_all(TRACEPARENT).iter().count(), 1);
            assert_eq!(headers.contains_key(TRACESTATE), parent.is_some());
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(trace: NonZeroU128, client: NonZeroU64, is_sampled: bool) {
            let expected = format!("00-{trace:032x}-{client:016x}-0{}", u8::from(is_sampled));
            let (trace, client) = (TraceId(trace), SpanId(client));
            prop_assert!(expected.contains(&format!("-{trace}-{client}-")), "{}", expected);
            let context = Context { trace, parent: None, client, is_sampled };
            let text = context.text();
            prop_assert_eq!(std::str::from_utf8(&text).unwrap(), expected.as_str());
            let parent = Parent { trace, span: client, is_sampled };
            prop_assert_eq!(Parent::parse(&text), Some(parent));
        }

        #[test]
        fn it_is_read_as_the_grammar_says(text in "[0-9a-fA-F]{2}-[0-9a-f]{31,33}-[0-9a-f]{15,17}-[0-9a-g]{2}(-x?)?") {
            let parts: Vec<&str> = text.split('-').collect();
            let is_hex = |part: &str, length| {
                part.len() == length && part.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
            };
            let is_zero = |part: &str| part.chars().all(|c| c == '0');
            let expected = is_hex(parts[0], 2) && parts[0] != "ff"
                && is_hex(parts[1], 32) && !is_zero(parts[1])
                && is_hex(parts[2], 16) && !is_zero(parts[2])
                && is_hex(parts[3], 2)
                && (parts[0] != "00" || parts.len() == 4);
            prop_assert_eq!(parse(&text).is_some(), expected);
        }
    }
}
