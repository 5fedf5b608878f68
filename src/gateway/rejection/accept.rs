//! What a client takes (RFC 9110 §12.5.1), as far as it decides between two kinds of JSON.

use hyper::HeaderMap;
use hyper::header::ACCEPT;

/// A best match so far: how specific the range is, and its weight in thousandths. The more specific
/// range counts, whatever its weight; of two alike, the heavier.
type Match = (Specificity, u16);

#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
enum Specificity {
    #[default]
    None,
    Any,
    Type,
    Exact,
}

/// Whether a client takes problem documents, and plain JSON not as gladly. Several lines are one
/// list. An element that cannot be read says nothing: the answer is JSON either way.
pub fn prefers_problem(headers: &HeaderMap) -> bool {
    let (mut problem, mut json) = (Match::default(), Match::default());
    for line in headers.get_all(ACCEPT) {
        // What most clients say; nothing can be taken more gladly.
        if line == "application/json" {
            return false;
        }
        for element in split(line.as_bytes(), b',') {
            let mut parts = split(element, b';').map(<[u8]>::trim_ascii);
            let range = parts.next().unwrap_or_default();
            let Some(weight) = read_weight(parts) else {
                continue;
            };
            problem = problem.max(rate(range, b"application/problem+json", weight));
            json = json.max(rate(range, b"application/json", weight));
        }
    }
    problem.1 > json.1
}

fn rate(range: &[u8], media_type: &[u8], weight: u16) -> Match {
    let specificity = if range.eq_ignore_ascii_case(media_type) {
        Specificity::Exact
    } else if range.eq_ignore_ascii_case(b"application/*") {
        Specificity::Type
    } else if range == b"*/*" {
        Specificity::Any
    } else {
        return Match::default();
    };
    (specificity, weight)
}

/// The weight among a range's parameters. The others are looked over: neither type has any
/// (RFC 8259 §11, RFC 9457 §6.1), whatever a client means by them.
fn read_weight<'a>(parameters: impl Iterator<Item = &'a [u8]>) -> Option<u16> {
    for parameter in parameters {
        if let [b'q' | b'Q', b'=', value @ ..] = parameter {
            return parse_weight(value);
        }
    }
    Some(1000)
}

/// RFC 9110 §12.4.2: at most three digits, and 1 is the most.
fn parse_weight(text: &[u8]) -> Option<u16> {
    let (whole, digits) = match text {
        [whole] => (whole, [].as_slice()),
        [whole, b'.', digits @ ..] if digits.len() <= 3 => (whole, digits),
        _ => return None,
    };
    let padded = digits.iter().chain(b"000").take(3);
    let mut weight = match whole {
        b'0' => 0,
        b'1' => 1,
        _ => return None,
    };
    for digit in padded {
        let value = char::from(*digit).to_digit(10)?;
        weight = weight * 10 + value;
    }
    u16::try_from(weight).ok().filter(|weight| *weight <= 1000)
}

/// What is between separators that are not within quotes (RFC 9110 §5.6.4).
fn split(text: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    text.split(move |byte| {
        if std::mem::take(&mut is_escaped) {
            return false;
        }
        match byte {
            b'\\' => is_escaped = is_quoted,
            b'"' => is_quoted = !is_quoted,
            other => return !is_quoted && *other == separator,
        }
        false
    })
}

#[cfg(test)]
mod tests;
