//! What is accepted against slow models of how upstreams read a target.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::super::*;

type Segments = Vec<Vec<u8>>;

/// The one reading: segments first, then what each spells.
fn as_judged(path: &str) -> Segments {
    let segments = path.split('/').skip(1);
    segments.map(|segment| decode(segment.as_bytes())).collect()
}

fn decode_fully(text: &[u8]) -> Vec<u8> {
    let mut text = text.to_vec();
    loop {
        let decoded = decode(&text);
        if decoded == text {
            return text;
        }
        text = decoded;
    }
}

/// What a server does with a target before it routes, beside decoding it once.
#[derive(Clone, Copy, Debug)]
struct Server {
    /// Ends the target at any of these.
    cuts_at: &'static [u8],
    /// Takes off the end.
    trims: &'static [u8],
    /// Drops an escape that is not finished at the end.
    drops_unfinished: bool,
    resolves: Dots,
    /// Decodes until nothing is left to decode, and takes `\` for `/`.
    is_reckless: bool,
}

/// Which `.` and `..` are resolved.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Dots {
    None,
    /// As they stand in the target.
    Raw,
    /// However they are spelled.
    All,
}

/// Nova under uwsgi and under eventlet, as was seen; and everything that any server is known to do.
const SERVERS: [Server; 3] = [
    Server {
        cuts_at: b"#? ",
        trims: b"",
        drops_unfinished: true,
        resolves: Dots::Raw,
        is_reckless: false,
    },
    Server {
        cuts_at: b"?",
        trims: b"\t",
        drops_unfinished: false,
        resolves: Dots::None,
        is_reckless: false,
    },
    Server {
        cuts_at: b"#?; \0",
        trims: b"\t\r\n/",
        drops_unfinished: true,
        resolves: Dots::All,
        is_reckless: true,
    },
];

impl Server {
    fn read(&self, target: &str) -> Segments {
        let target = target.as_bytes();
        let end = target.iter().position(|byte| self.cuts_at.contains(byte));
        let mut path = target.get(..end.unwrap_or(target.len())).unwrap().to_vec();
        while path.len() > 1 && path.last().is_some_and(|byte| self.trims.contains(byte)) {
            path.pop();
        }
        if self.drops_unfinished {
            let tail = path.iter().rev().take(2).position(|byte| *byte == b'%');
            path.truncate(path.len() - tail.map_or(0, |at| at + 1));
        }
        if self.resolves != Dots::None {
            path = resolve_dots(&path);
        }
        path = match self.is_reckless {
            true => decode_fully(&path),
            false => decode(&path),
        };
        if self.is_reckless {
            for byte in path.iter_mut().filter(|byte| **byte == b'\\') {
                *byte = b'/';
            }
        }
        if self.resolves == Dots::All {
            path = resolve_dots(&path);
        }
        // Paste folds slashes; the regular expressions of the routes end in `$`, which a newline
        // may follow.
        path.dedup_by(|a, b| *a == b'/' && *b == b'/');
        if path.last() == Some(&b'\n') {
            path.pop();
        }
        path.split(|byte| *byte == b'/')
            .skip(1)
            .map(<[u8]>::to_vec)
            .collect()
    }
}

/// RFC 3986 §5.2.4.
fn resolve_dots(path: &[u8]) -> Vec<u8> {
    let mut kept: Vec<&[u8]> = Vec::new();
    let segments: Vec<&[u8]> = path.split(|byte| *byte == b'/').skip(1).collect();
    for (at, segment) in segments.iter().enumerate() {
        let is_dots = matches!(*segment, b"." | b"..");
        if *segment == b".." {
            kept.pop();
        }
        if !is_dots {
            kept.push(segment);
        } else if at + 1 == segments.len() {
            kept.push(b"");
        }
    }
    [b"/", kept.join(&b'/').as_slice()].concat()
}

/// The normal form of RFC 3986 §6.2.2, computed without looking at what the parser does.
fn normal_form(path: &str) -> String {
    let mut normal = String::new();
    for byte in decode(path.as_bytes()) {
        if is_plain(byte) || byte == b'/' {
            normal.push(char::from(byte));
        } else {
            write!(normal, "%{byte:02X}").unwrap();
        }
    }
    normal
}

/// Whether the path is its [`normal_form`], but for reserved characters, which may be encoded.
fn is_normal(path: &str) -> bool {
    let mut plain = path.to_owned();
    for byte in b"!$&'()*+,=:@" {
        let escape = format!("%{byte:02X}");
        plain = plain.replace(&escape, &char::from(*byte).to_string());
    }
    normal_form(path) == plain
}

fn is_good_segment(segment: &[u8]) -> bool {
    let is_bad = |byte: &u8| byte.is_ascii_control() || b"/\\%".contains(byte);
    let is_dots = matches!(segment, b"" | b"." | b"..");
    !is_dots && !segment.iter().any(is_bad) && std::str::from_utf8(segment).is_ok()
}

/// The rule by the book.
fn is_acceptable(path: &str) -> bool {
    let segments = as_judged(path);
    path == "/"
        || is_version_root(path)
        || path.starts_with('/')
            && is_normal(path)
            && segments.iter().all(|segment| is_good_segment(segment))
}

/// Who finds a method in the query, decoding it as often as anybody could.
fn has_override(query: &str) -> bool {
    let mut members = query.split(['&', ';']);
    members.any(|member| {
        let name = member.split('=').next().unwrap_or_default();
        let name = decode_fully(name.replace('+', " ").as_bytes());
        let name = String::from_utf8_lossy(&name).to_lowercase();
        name.trim_matches(|character: char| character.is_whitespace() || character == '\0')
            == "_method"
    })
}

/// Pieces that matter, in any order.
fn pieces(pieces: &'static [&'static str], most: usize) -> impl Strategy<Value = String> {
    let piece = proptest::sample::select(pieces);
    proptest::collection::vec(piece, 0..=most).prop_map(|pieces| pieces.concat())
}

fn path() -> impl Strategy<Value = String> {
    let odd = pieces(
        &[
            "/", "/", "/", "//", "a", "metadata", "s1", ".", "..", "...", "%2E", "%2e", "%2F",
            "%2f", "%252F", "%5C", "\\", ";", "%3B", "#", "%23", "%3F", "%00", "%0A", "\n", "\t",
            " ", "%20", "%61", "%", "%6", "%zz", "%25", "%C3%A9", "%C3", "%c3%a9", "%FF", "é", ":",
            "%3A", "~", "+", "\"",
        ],
        8,
    );
    let version = pieces(&["/", "v2", ".1", "v", "2", "."], 5);
    let any = "(/([a-z.%]|%[0-9a-fA-F]{2}|[ ->@-~]){0,6}){1,4}";
    prop_oneof![
        odd.prop_map(|rest| format!("/{rest}")),
        version.prop_map(|rest| format!("/{rest}")),
        any
    ]
}

fn query() -> impl Strategy<Value = String> {
    let odd = pieces(
        &[
            "_method",
            "_METHOD",
            "%5Fmethod",
            "%5f%6Dethod",
            "%255Fmethod",
            "_meth",
            "od",
            "&",
            ";",
            "=",
            "=",
            "x",
            "+",
            "%20",
            "%00",
            "%26",
            "%3B",
            "%3D",
            "%",
            "?",
            "DELETE",
        ],
        8,
    );
    prop_oneof![odd, "[ -~]{0,12}"]
}

proptest! {
    #[test]
    fn no_upstream_reads_an_accepted_path_otherwise(path in path()) {
        if let Ok(accepted) = path.parse::<RequestPath>() {
            prop_assert_eq!(accepted.path_and_query(), &path);
            let mut judged = as_judged(accepted.path());
            for server in SERVERS {
                let mut read = server.read(&path);
                // The document of a version, with or without its slash.
                if is_version_root(accepted.path()) {
                    judged.truncate(1);
                    read.truncate(1);
                }
                prop_assert_eq!(read, judged.clone(), "{:?}", server);
            }
        }
    }

    #[test]
    fn exactly_the_good_paths_are_accepted(path in path()) {
        let found = path.parse::<RequestPath>();
        prop_assert_eq!(found.is_ok(), is_acceptable(&path), "{:?}", found);
    }

    #[test]
    fn no_upstream_finds_a_method_in_an_accepted_query(query in query()) {
        let target = format!("/v2.1/p?{query}");
        let found = target.parse::<RequestPath>();
        if let Ok(accepted) = &found {
            prop_assert_eq!(accepted.path_and_query(), &target);
            prop_assert!(!has_override(&query));
        }
        // What is refused has the word in it, or a character that must not stand there.
        let decoded = String::from_utf8_lossy(&decode_fully(query.as_bytes())).to_lowercase();
        let is_odd = query.bytes().any(|byte| !byte.is_ascii_graphic() || b"\"#<>".contains(&byte));
        prop_assert!(found.is_ok() || is_odd || decoded.contains("_method"));
    }

    #[test]
    fn any_key_has_exactly_one_accepted_spelling(key in "[ a-z0-9:._-]{1,12}") {
        prop_assume!(key != "." && key != "..");
        let spelled = key.replace(' ', "%20");
        let target = format!("/v2.1/p/servers/s/metadata/{spelled}");
        prop_assert!(target.parse::<RequestPath>().is_ok());
        let encoded: Vec<String> = key.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let all_encoded = encoded.concat();
        let other = format!("/v2.1/p/servers/s/metadata/{all_encoded}");
        let only_needed = key.bytes().all(|byte| byte == b' ' || byte == b':');
        prop_assert_eq!(other.parse::<RequestPath>().is_ok(), only_needed);
    }
}

/// The models do what was seen, or the properties would say nothing.
#[test]
fn the_models_read_what_nova_was_seen_to_read() {
    let [uwsgi, eventlet, any] = SERVERS;
    let segments = |path: &str| -> Segments {
        path.split('/')
            .skip(1)
            .map(|segment| segment.as_bytes().to_vec())
            .collect()
    };
    let cases = [
        (uwsgi, "/p/servers/s/metadata/../../v", "/p/servers/v"),
        (uwsgi, "/p/servers/v#/metadata/k", "/p/servers/v"),
        (
            uwsgi,
            "/servers/s%2Fmetadata%2f%2Fk",
            "/servers/s/metadata/k",
        ),
        (uwsgi, "/servers//s", "/servers/s"),
        (uwsgi, "/metadata/k%6", "/metadata/k"),
        (uwsgi, "/metadata/k%", "/metadata/k"),
        (uwsgi, "/metadata/k%0A", "/metadata/k"),
        (uwsgi, "/metadata/%2E%2E", "/metadata/.."),
        (eventlet, "/metadata/..", "/metadata/.."),
        (eventlet, "/metadata/k\t", "/metadata/k"),
        (eventlet, "/metadata/k%", "/metadata/k%"),
        (eventlet, "/metadat%61/%256b", "/metadata/%6b"),
        (any, "/a/%252E%252E/b;x/c", "/b"),
        (any, "/a\\b/", "/a/b"),
    ];
    for (server, target, expected) in cases {
        assert_eq!(server.read(target), segments(expected), "{target}");
    }
}
