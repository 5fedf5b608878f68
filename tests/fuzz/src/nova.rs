//! What nova makes of a request target, under both of the servers that it runs behind.
//!
//! Written after watching nova 26.2 with uwsgi 2.0 and with eventlet 0.33: what each does to a
//! target before Paste, `WebOb` and Routes see it, and what those do then.

/// The server that nova runs behind.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Server {
    /// Cuts at `#` and at a space, resolves raw dot segments, drops an unfinished escape at the end.
    Uwsgi,
    /// Trims a tab at the end; touches nothing else.
    Eventlet,
}

/// How nova understands a target.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reading {
    /// Decoded; an empty last one stands for a slash at the end.
    pub segments: Vec<Vec<u8>>,
    /// What the query makes of the method.
    pub method: Option<Vec<u8>>,
}

/// How nova understands `target` behind `server`; `None` where the server gives up.
pub fn read(target: &[u8], server: Server) -> Option<Reading> {
    let target = origin_form(target);
    let cut_at = |text: &'static [u8]| {
        let end = target.iter().position(|byte| text.contains(byte));
        &target[..end.unwrap_or(target.len())]
    };
    let target = match server {
        Server::Uwsgi => cut_at(b"# "),
        Server::Eventlet => target.strip_suffix(b"\t").unwrap_or(target),
    };
    let mut halves = target.splitn(2, |byte| *byte == b'?');
    let path = halves.next().unwrap_or_default();
    let query = halves.next().unwrap_or_default();
    let path = match server {
        Server::Uwsgi => decode(drop_unfinished_escape(&resolve_dots(path))),
        Server::Eventlet => decode(path),
    };
    std::str::from_utf8(&path).ok()?;
    if !path.starts_with(b"/") {
        return None;
    }
    // The routes' regular expressions end in `$`, which a newline may follow.
    let path = path.strip_suffix(b"\n").unwrap_or(&path);
    let mut segments: Vec<Vec<u8>> = Vec::new();
    let parts: Vec<&[u8]> = path[1..].split(|byte| *byte == b'/').collect();
    for (index, part) in parts.iter().enumerate() {
        // Paste makes one slash of several.
        if !part.is_empty() || index + 1 == parts.len() {
            segments.push(part.to_vec());
        }
    }
    Some(Reading {
        segments,
        method: method_of(query),
    })
}

/// Without the scheme and the authority of the absolute form, whose host nobody looks at.
pub fn origin_form(target: &[u8]) -> &[u8] {
    if target.starts_with(b"/") {
        return target;
    }
    let Some(scheme) = target.windows(3).position(|bytes| bytes == b"://") else {
        return target;
    };
    let after = &target[scheme + 3..];
    let path = after.iter().position(|byte| b"/?#".contains(byte));
    &after[path.unwrap_or(after.len())..]
}

/// Routes looks for a method only where `_method` stands in the raw query; then the last one counts.
fn method_of(query: &[u8]) -> Option<Vec<u8>> {
    if !query.windows(7).any(|bytes| bytes == b"_method") {
        return None;
    }
    let members = query.split(|byte| b"&;".contains(byte));
    let mut method = None;
    for member in members {
        let mut halves = member.splitn(2, |byte| *byte == b'=');
        let plus_decoded = |text: &[u8]| {
            let spaced = text
                .iter()
                .map(|byte| if *byte == b'+' { b' ' } else { *byte });
            decode(&spaced.collect::<Vec<u8>>())
        };
        let name = plus_decoded(halves.next().unwrap_or_default());
        let value = plus_decoded(halves.next().unwrap_or_default());
        if name == b"_method" {
            method = Some(value.to_ascii_uppercase());
        }
    }
    method
}

fn resolve_dots(path: &[u8]) -> Vec<u8> {
    let mut kept: Vec<&[u8]> = Vec::new();
    for segment in path.split(|byte| *byte == b'/') {
        match segment {
            b"." => {}
            b".." => {
                if kept.len() > 1 {
                    kept.pop();
                }
            }
            other => kept.push(other),
        }
    }
    kept.join(&b'/')
}

fn drop_unfinished_escape(path: &[u8]) -> &[u8] {
    match path {
        [before @ .., b'%'] | [before @ .., b'%', _] => before,
        whole => whole,
    }
}

/// Once; what is no escape stays.
pub fn decode(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let digits = text.get(at + 1..at + 3).map(String::from_utf8_lossy);
        let is_escape = text[at] == b'%'
            && digits
                .as_ref()
                .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        match digits
            .filter(|_| is_escape)
            .map(|digits| u8::from_str_radix(&digits, 16))
        {
            Some(Ok(byte)) => {
                decoded.push(byte);
                at += 3;
            }
            _ => {
                decoded.push(text[at]);
                at += 1;
            }
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Segments joined by `|`, and the method after `!`; `-` where the server gives up.
    fn shown(target: &str, server: Server) -> String {
        let Some(reading) = read(target.as_bytes(), server) else {
            return "-".to_owned();
        };
        let segments: Vec<_> = reading
            .segments
            .iter()
            .map(|text| String::from_utf8_lossy(text))
            .collect();
        let method = reading
            .method
            .map(|method| format!("!{}", String::from_utf8_lossy(&method)));
        segments.join("|") + &method.unwrap_or_default()
    }

    #[test]
    fn reads_as_nova_was_seen_to() {
        let cases = [
            ("/v2.1/p/servers/s", "v2.1|p|servers|s", "v2.1|p|servers|s"),
            ("/s?_method=delete", "s!DELETE", "s!DELETE"),
            ("/s?_method=PUT;_method=GET", "s!GET", "s!GET"),
            ("/s?x=_method&%5Fmethod=DELETE", "s!DELETE", "s!DELETE"),
            ("/s?%5Fmethod=DELETE", "s", "s"),
            ("/metadata%2Fk", "metadata|k", "metadata|k"),
            ("/metadat%61/%256b", "metadata|%6b", "metadata|%6b"),
            ("//v2.1/%2Fs", "v2.1|s", "v2.1|s"),
            ("/s/", "s|", "s|"),
            ("/k%0A", "k", "k"),
            ("/a/../b", "b", "a|..|b"),
            ("/a/%2E%2E/b", "a|..|b", "a|..|b"),
            ("/s#/metadata", "s", "s#|metadata"),
            ("/k%", "k", "k%"),
            ("/k%6", "k", "k%6"),
            ("/k%FF", "-", "-"),
            ("/k%zzk", "k%zzk", "k%zzk"),
            ("/k\t", "k\t", "k"),
            ("/k x", "k", "k x"),
            ("http://other.example/s", "s", "s"),
            ("*", "-", "-"),
        ];
        for (target, uwsgi, eventlet) in cases {
            assert_eq!(shown(target, Server::Uwsgi), uwsgi, "{target}");
            assert_eq!(shown(target, Server::Eventlet), eventlet, "{target}");
        }
    }
}
