//! Requests as RFC 9112 frames them, read from a byte string.

/// What is put up with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Strictness {
    /// What a server may take (RFC 9112 §2.2): a bare LF as the end of a line, empty lines before a
    /// request line, HTTP/1.0, other forms of a target, equal lengths twice, trailers, a length beside
    /// `chunked` (RFC 9112 §6.3: the coding counts, and nothing may follow).
    Tolerant,
    /// None of it, nor a second reading of anything: what a proxy may send.
    Clean,
}

/// One request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Message {
    /// As it stands there.
    pub method: Vec<u8>,
    /// As it stands there.
    pub target: Vec<u8>,
    /// Names in lower case, values without the white space around them, in their order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Without chunk sizes.
    pub body: Vec<u8>,
}

impl Message {
    /// The values of a header.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        let headers = self.headers.iter();
        headers.filter_map(move |(known, value)| (known == name).then_some(value.as_slice()))
    }
}

/// Why there is no request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Failure {
    /// The bytes end within it.
    Incomplete,
    /// It is none, and nobody knows where the next one would begin.
    Malformed(&'static str),
}

use Failure::{Incomplete, Malformed};

type Read<T> = Result<T, Failure>;

/// The requests at the start of `bytes`, what they take of it, and what ends them; nothing does where
/// the last one ends with the bytes.
pub fn read_all(bytes: &[u8], strictness: Strictness) -> (Vec<Message>, usize, Option<Failure>) {
    let (mut messages, mut taken) = (Vec::new(), 0);
    while taken < bytes.len() {
        match read(&bytes[taken..], strictness) {
            Ok((message, length)) => {
                let is_last = message.values("transfer-encoding").next().is_some()
                    && message.values("content-length").next().is_some();
                messages.push(message);
                taken += length;
                if is_last {
                    let failure = Malformed("nothing follows a body with a length and chunks");
                    return (messages, taken, Some(failure));
                }
            }
            Err(failure) => return (messages, taken, Some(failure)),
        }
    }
    (messages, taken, None)
}

/// The request at the start of `bytes`, and how many of them it takes.
///
/// # Errors
///
/// [`Failure`]. What is malformed already is not called incomplete.
pub fn read(bytes: &[u8], strictness: Strictness) -> Read<(Message, usize)> {
    let mut reader = Reader {
        bytes,
        at: 0,
        strictness,
    };
    let message = reader.message()?;
    Ok((message, reader.at))
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    strictness: Strictness,
}

enum Framing {
    Length(usize),
    Chunked,
}

impl<'a> Reader<'a> {
    fn is_clean(&self) -> bool {
        self.strictness == Strictness::Clean
    }

    fn message(&mut self) -> Read<Message> {
        let mut line = self.line()?;
        while line.is_empty() && !self.is_clean() {
            line = self.line()?;
        }
        let parts: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
        let [method, target, version] = parts[..] else {
            return Err(Malformed("a request line has three words"));
        };
        if method.is_empty() || !method.iter().all(|byte| is_token(*byte)) {
            return Err(Malformed("a method is a token"));
        }
        if target.is_empty() || !target.iter().all(|byte| *byte > b' ' && *byte != 0x7f) {
            return Err(Malformed("a target has no control bytes"));
        }
        let is_origin_form = target.starts_with(b"/")
            && target
                .iter()
                .all(|byte| byte.is_ascii_graphic() && *byte != b'#');
        if self.is_clean() && !is_origin_form {
            return Err(Malformed("a target is sent in origin form"));
        }
        let is_new = match version {
            b"HTTP/1.1" => true,
            b"HTTP/1.0" if !self.is_clean() => false,
            _ => return Err(Malformed("the version is none of ours")),
        };
        let headers = self.headers()?;
        let framing = self.framing(&headers, is_new)?;
        Ok(Message {
            method: method.to_vec(),
            target: target.to_vec(),
            headers,
            body: match framing {
                Framing::Length(length) => self.take(length)?.to_vec(),
                Framing::Chunked => self.chunks()?,
            },
        })
    }

    /// A line without its end; a CR elsewhere is no end and no character (RFC 9112 §2.2).
    fn line(&mut self) -> Read<&'a [u8]> {
        let rest = &self.bytes[self.at..];
        let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
            let before_end = rest.strip_suffix(b"\r").unwrap_or(rest);
            return match before_end.iter().all(|byte| is_text(*byte)) {
                true => Err(Incomplete),
                false => Err(Malformed("a line holds a control byte")),
            };
        };
        self.at += end + 1;
        let line = &rest[..end];
        let line = match line.strip_suffix(b"\r") {
            Some(line) => line,
            None if self.is_clean() => return Err(Malformed("a line ends in CR LF")),
            None => line,
        };
        match line.iter().all(|byte| is_text(*byte)) {
            true => Ok(line),
            false => Err(Malformed("a line holds a control byte")),
        }
    }

    fn headers(&mut self) -> Read<Vec<(String, Vec<u8>)>> {
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok(headers);
            }
            let Some(colon) = line.iter().position(|byte| *byte == b':') else {
                return Err(Malformed("a header has a colon"));
            };
            let (name, value) = line.split_at(colon);
            // Obs-fold and white space before the colon end here, too.
            if name.is_empty() || !name.iter().all(|byte| is_token(*byte)) {
                return Err(Malformed("a header's name is a token"));
            }
            let name = String::from_utf8_lossy(name).to_ascii_lowercase();
            headers.push((name, value[1..].trim_ascii().to_vec()));
        }
    }

    fn framing(&self, headers: &[(String, Vec<u8>)], is_new: bool) -> Read<Framing> {
        let values = |name: &str| -> Vec<&[u8]> {
            let headers = headers.iter();
            let named = headers.filter(|(known, _)| known == name);
            named.map(|(_, value)| value.as_slice()).collect()
        };
        let (lengths, codings) = (values("content-length"), values("transfer-encoding"));
        match (&lengths[..], &codings[..]) {
            ([], []) => Ok(Framing::Length(0)),
            (lengths, [coding])
                if is_new
                    && coding.eq_ignore_ascii_case(b"chunked")
                    && (lengths.is_empty() || !self.is_clean()) =>
            {
                Ok(Framing::Chunked)
            }
            ([first, others @ ..], []) => {
                let length = number(first).ok_or(Malformed("a length is a number"))?;
                let is_repeated = others.iter().all(|other| number(other) == Some(length));
                match is_repeated && (others.is_empty() || !self.is_clean()) {
                    true => Ok(Framing::Length(length)),
                    false => Err(Malformed("a request has one length")),
                }
            }
            _ => Err(Malformed(
                "a body has a length or is chunked, and in no other way",
            )),
        }
    }

    fn take(&mut self, length: usize) -> Read<&'a [u8]> {
        let end = self.at.checked_add(length).ok_or(Incomplete)?;
        let taken = self.bytes.get(self.at..end).ok_or(Incomplete)?;
        self.at = end;
        Ok(taken)
    }

    /// A chunk's size with its extension, which a server drops whatever it holds. No end but CR LF: a
    /// reader that took a lone LF for one would see other chunks than its neighbor.
    fn chunk_line(&mut self) -> Read<&'a [u8]> {
        self.coded_line(b"\r\n")
    }

    /// A line that one of the bytes ends, which must be CR LF.
    fn coded_line(&mut self, ends: &[u8]) -> Read<&'a [u8]> {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|byte| ends.contains(byte));
        let (line, after) = rest.split_at(end.ok_or(Incomplete)?);
        match after {
            [b'\r', b'\n', ..] => self.at += line.len() + 2,
            [b'\r'] => return Err(Incomplete),
            _ => return Err(Malformed("a chunk's line ends in CR LF")),
        }
        Ok(line)
    }

    fn chunks(&mut self) -> Read<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.chunk_line()?;
            let (size, extension) = match line.iter().position(|byte| *byte == b';') {
                Some(at) => (&line[..at], &line[at..]),
                None => (line, &b""[..]),
            };
            let size = match self.is_clean() {
                true if !extension.is_empty() => return Err(Malformed("a chunk has an extension")),
                true => size,
                false => size.trim_ascii_end(),
            };
            let digits = String::from_utf8_lossy(size);
            let is_number = !size.is_empty() && size.iter().all(u8::is_ascii_hexdigit);
            let size = usize::from_str_radix(&digits, 16)
                .ok()
                .filter(|_| is_number);
            match size.ok_or(Malformed("a chunk's size is a number"))? {
                0 => break,
                size => body.extend_from_slice(self.take(size)?),
            }
            let end = self.bytes.get(self.at..).unwrap_or_default();
            match end {
                [b'\r', b'\n', ..] => self.at += 2,
                [] | [b'\r'] => return Err(Incomplete),
                _ => return Err(Malformed("a chunk ends in CR LF")),
            }
        }
        // Trailers are dropped, whatever they hold.
        while !self.coded_line(b"\r")?.is_empty() {
            if self.is_clean() {
                return Err(Malformed("trailers"));
            }
        }
        Ok(body)
    }
}

fn number(text: &[u8]) -> Option<usize> {
    let is_number = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    String::from_utf8_lossy(text)
        .parse()
        .ok()
        .filter(|_| is_number)
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn is_text(byte: u8) -> bool {
    byte == b'\t' || byte >= b' ' && byte != 0x7f
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What ends the text, how many requests come before, with each strictness.
    #[test]
    fn reads_as_the_rfc_says() {
        let line = Malformed("a request line has three words");
        let control = Malformed("a line holds a control byte");
        let ending = Malformed("a line ends in CR LF");
        let length = Malformed("a request has one length");
        let framing = Malformed("a body has a length or is chunked, and in no other way");
        let name = Malformed("a header's name is a token");
        let cases: [(&str, usize, Option<Failure>, Option<Failure>); 16] = [
            ("GET / HTTP/1.1\r\nA: b\r\n\r\n", 1, None, None),
            ("GET / HTTP/1.1\nA: b\n\n", 1, None, Some(ending)),
            ("\r\nGET / HTTP/1.1\r\n\r\n", 1, None, Some(line)),
            (
                "GET / HTTP/1.1\r\nA: b",
                0,
                Some(Incomplete),
                Some(Incomplete),
            ),
            (
                "GET / HTTP/1.1\r\nA: b\rc\r\n\r\n",
                0,
                Some(control),
                Some(control),
            ),
            (
                "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
                0,
                Some(Malformed("a header has a colon")),
                Some(Malformed("a header has a colon")),
            ),
            ("GET / HTTP/1.1\r\nA : b\r\n\r\n", 0, Some(name), Some(name)),
            ("GET  / HTTP/1.1\r\n\r\n", 0, Some(line), Some(line)),
            ("P / HTTP/1.1\r\nContent-Length: 2\r\n\r\nab", 1, None, None),
            (
                "P / HTTP/1.1\r\nContent-Length: 2\r\n\r\na",
                0,
                Some(Incomplete),
                Some(Incomplete),
            ),
            (
                "P / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
                1,
                None,
                Some(length),
            ),
            (
                "P / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
                0,
                Some(length),
                Some(length),
            ),
            (
                "P / HTTP/1.1\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                1,
                Some(Malformed("nothing follows a body with a length and chunks")),
                Some(framing),
            ),
            (
                "P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
                1,
                None,
                None,
            ),
            (
                "P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;x\r\na\r\n0\r\n\r\n",
                1,
                None,
                Some(Malformed("a chunk has an extension")),
            ),
            (
                "P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n\r\n",
                1,
                None,
                Some(Malformed("trailers")),
            ),
        ];
        for (text, count, tolerant, clean) in cases {
            let (messages, taken, end) = read_all(text.as_bytes(), Strictness::Tolerant);
            assert_eq!((messages.len(), end), (count, tolerant), "{text:?}");
            assert!(end.is_some() || taken == text.len(), "{text:?}");
            let (_, _, end) = read_all(text.as_bytes(), Strictness::Clean);
            assert_eq!(end, clean, "{text:?}");
        }
    }

    #[test]
    fn takes_a_body_apart() {
        let text =
            b"P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\nGET";
        let (messages, _, end) = read_all(text, Strictness::Clean);
        assert_eq!(
            (messages[0].body.as_slice(), end),
            (&b"abc"[..], Some(Incomplete))
        );
    }
}
