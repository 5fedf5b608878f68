//! The access rules of an application credential: the only requests that its tokens may make.
//!
//! Read as keystonemiddleware reads them (`auth_token`, `_path_matches`), but for one thing: it makes
//! a regular expression of a path without escaping it, and here what is no wildcard is only itself.

use serde_json::{Map, Value};

use super::mapping::{InvalidClaim, find, wrong_type};
use crate::json::Pointer;

/// The most rules of a credential, the most bytes of a rule's path and of a request's path that a rule
/// can be for: together they bound how long one decision takes. Keystone takes 225 bytes for a rule.
const MAX_RULES: usize = 128;
const MAX_PATTERN: usize = 255;
const MAX_PATH: usize = 4096;

/// Where an answer of the issuer has the rules, and which of them are for the upstream.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AccessRuleClaim {
    /// An array of objects with `method`, `path` and `service`.
    pub pointer: Pointer,
    /// The service type of the upstream.
    pub service: String,
}

/// Rules for the upstream; a request that none of them includes is not permitted.
#[derive(Clone, Debug, Default)]
pub struct AccessRules {
    rules: Vec<AccessRule>,
}

#[derive(Clone, Debug)]
struct AccessRule {
    method: String,
    path: Vec<Part>,
}

/// A part of a rule's path.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Part {
    /// As it is.
    Literal(String),
    /// `*` or `{name}`: some characters, none of them a slash.
    Segment,
    /// `**`: any characters.
    Any,
}

impl AccessRuleClaim {
    /// The rules of the token's credential; none where it has no member for them, and may make any
    /// request.
    ///
    /// # Errors
    ///
    /// Anything but an array of rules, of which each is understood, those for other services too.
    pub fn read(&self, claims: &Map<String, Value>) -> Result<Option<AccessRules>, InvalidClaim> {
        let Some((pointer, value)) = find(Some(&self.pointer), claims) else {
            return Ok(None);
        };
        let expected = "an array of at most 128 rules with `method`, `path` and `service`, a path \
                        of at most 255 bytes";
        let rules = value.as_array().filter(|rules| rules.len() <= MAX_RULES);
        let mut read = AccessRules::default();
        for rule in rules.ok_or_else(|| wrong_type(pointer, expected))? {
            let text = |name| rule.get(name).and_then(Value::as_str);
            let (Some(method), Some(path), Some(service)) =
                (text("method"), text("path"), text("service"))
            else {
                return Err(wrong_type(pointer, expected));
            };
            if path.len() > MAX_PATTERN {
                return Err(wrong_type(pointer, expected));
            }
            if service == self.service {
                read.rules.push(AccessRule {
                    method: method.to_owned(),
                    path: parse(path),
                });
            }
        }
        Ok(Some(read))
    }
}

impl AccessRules {
    /// Whether one of them is for this request; `path` is without the query.
    pub fn include(&self, method: &str, path: &str) -> bool {
        let mut rules = self.rules.iter();
        path.len() <= MAX_PATH
            && rules.any(|rule| rule.method == method && matches(&rule.path, path))
    }
}

/// A brace without its other one is a literal, which no path has: it matches nothing.
fn parse(pattern: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        let name = rest.strip_prefix('{').and_then(|tag| tag.split_once('}'));
        if let Some((_, behind)) = name {
            parts.push(Part::Segment);
            rest = behind;
        } else if let Some(behind) = rest.strip_prefix("**") {
            parts.push(Part::Any);
            rest = behind;
        } else if let Some(behind) = rest.strip_prefix('*') {
            parts.push(Part::Segment);
            rest = behind;
        } else {
            match parts.last_mut() {
                Some(Part::Literal(text)) => text.push(first),
                _ => parts.push(Part::Literal(first.to_string())),
            }
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
        }
    }
    parts
}

/// Whether all of `path` is what the parts stand for, one after the other.
fn matches(parts: &[Part], path: &str) -> bool {
    let (parts, path) = match parts.split_first() {
        // Most rules end here.
        Some((Part::Literal(start), rest)) => match path.strip_prefix(start.as_str()) {
            Some(path) => (rest, path.as_bytes()),
            None => return false,
        },
        _ => (parts, path.as_bytes()),
    };
    // Where the parts so far may have ended; not by trying one wildcard's length after another's, which
    // takes exponential time.
    let mut ends = vec![false; path.len() + 1];
    if let Some(start) = ends.first_mut() {
        *start = true;
    }
    for part in parts {
        ends = advance(part, path, &ends);
    }
    ends.last().copied().unwrap_or(false)
}

/// Where a part may end that begins at one of `starts`.
fn advance(part: &Part, path: &[u8], starts: &[bool]) -> Vec<bool> {
    let mut ends = vec![false; starts.len()];
    let mut is_open = false;
    for (at, is_start) in starts.iter().enumerate() {
        let end = match part {
            Part::Literal(text) => {
                let rest = path.get(at..).unwrap_or_default();
                let is_there = *is_start && rest.starts_with(text.as_bytes());
                is_there.then_some(at + text.len())
            }
            Part::Segment => {
                is_open = (is_open || *is_start) && path.get(at).is_some_and(|byte| *byte != b'/');
                is_open.then_some(at + 1)
            }
            Part::Any => {
                is_open |= *is_start;
                is_open.then_some(at)
            }
        };
        if let Some(end) = end.and_then(|end| ends.get_mut(end)) {
            *end = true;
        }
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn read(rules: &Value) -> Result<Option<AccessRules>, InvalidClaim> {
        let claim = AccessRuleClaim {
            pointer: "/token/application_credential/access_rules"
                .parse()
                .unwrap(),
            service: "compute".to_owned(),
        };
        let claims = json!({"token": {"application_credential": {"access_rules": rules}}});
        claim.read(claims.as_object().unwrap())
    }

    fn includes(pattern: &str, path: &str) -> bool {
        let rule = json!({"id": "r", "method": "GET", "path": pattern, "service": "compute"});
        let rules = read(&json!([rule])).unwrap().unwrap();
        assert!(!rules.include("POST", path));
        rules.include("GET", path)
    }

    #[test]
    fn paths_match_as_keystonemiddleware_reads_them() {
        let cases = [
            ("/v2.1/servers", "/v2.1/servers", true),
            ("/v2.1/servers", "/v2.1/servers/s", false),
            ("/v2.1/servers", "/x/v2.1/servers", false),
            ("/v2.1/servers", "/v2.1/Servers", false),
            // As a regular expression the dot would stand for any character.
            ("/v2.1/servers", "/v2x1/servers", false),
            ("/a+", "/aa", false),
            ("/a+", "/a+", true),
            ("/(a|b)", "/a", false),
            ("/v2.1/*/servers", "/v2.1/p/servers", true),
            ("/v2.1/*/servers", "/v2.1//servers", false),
            ("/v2.1/*/servers", "/v2.1/p/q/servers", false),
            ("/v2.1/{project_id}/servers/{id}", "/v2.1/p/servers/s", true),
            ("/v2.1/{project_id}/servers/{id}", "/v2.1/p/servers/", false),
            ("/servers/{id}", "/servers/s/metadata", false),
            ("/servers/s*", "/servers/s1", true),
            ("/servers/s*", "/servers/s", false),
            ("/servers/*-{id}.x", "/servers/a-b-c.x", true),
            ("/**", "/", true),
            ("/**", "/v2.1/p/servers", true),
            ("**", "/v2.1/p/servers", true),
            ("/v2.1/**", "/v2.1", false),
            ("/v2.1/**/metadata", "/v2.1/p/servers/s/metadata", true),
            ("/v2.1/**/metadata", "/v2.1/p/servers/s/metadata/k", false),
            ("/v2.1/**/s/*", "/v2.1/s/s/s/s", true),
            ("/***", "/a/b", true),
            ("/***", "/", false),
            ("/{}", "/a", true),
            ("/{a", "/a", false),
            ("/a}", "/a", false),
            ("", "/", false),
        ];
        for (pattern, path, expected) in cases {
            assert_eq!(includes(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn rules_are_for_one_service_and_none_is_none() {
        let rule = |service: &str| json!({"method": "GET", "path": "/**", "service": service});
        let include = |rules| read(&rules).unwrap().unwrap().include("GET", "/a");
        assert!(include(json!([rule("image"), rule("compute")])));
        assert!(!include(json!([rule("image")])));
        assert!(!include(json!([rule("Compute")])));
        assert!(!include(json!([])));
        let longest = format!("/{}", "a".repeat(MAX_PATH - 1));
        let rules = read(&json!([rule("compute")])).unwrap().unwrap();
        assert!(rules.include("GET", &longest));
        assert!(!rules.include("GET", &format!("{longest}a")));
    }

    #[test]
    fn rules_that_are_not_understood_refuse_the_token() {
        let rule = json!({"method": "GET", "path": "/a", "service": "compute"});
        let without = |name: &str| {
            let mut rule = rule.clone();
            rule.as_object_mut().unwrap().remove(name);
            json!([rule])
        };
        let with = |name: &str, value: Value| {
            let mut rule = rule.clone();
            rule[name] = value;
            json!([rule])
        };
        let cases = [
            json!(null),
            json!({}),
            json!("GET /a"),
            json!(["GET /a"]),
            json!([null]),
            json!([[rule]]),
            without("method"),
            without("path"),
            without("service"),
            with("method", json!(["GET"])),
            with("path", json!(null)),
            with("service", json!(1)),
            with("path", json!("/".repeat(MAX_PATTERN + 1))),
            json!(vec![rule.clone(); MAX_RULES + 1]),
        ];
        for rules in cases {
            let error = read(&rules).map(|_| ()).unwrap_err().to_string();
            assert_eq!(
                error,
                "the claim at `/token/application_credential/access_rules` is not an array of at most 128 rules \
                 with `method`, `path` and `service`, a path of at most 255 bytes",
                "{rules}"
            );
        }
        assert!(read(&json!(vec![rule; MAX_RULES])).is_ok());
    }

    /// Every length that a wildcard can have, one after the other.
    fn naive(parts: &[Part], path: &str) -> bool {
        let Some((part, rest)) = parts.split_first() else {
            return path.is_empty();
        };
        let mut splits = (0..=path.len()).map(|at| path.split_at(at));
        splits.any(|(start, end)| {
            let is_part = match part {
                Part::Literal(text) => start == text,
                Part::Segment => !start.is_empty() && !start.contains('/'),
                Part::Any => true,
            };
            is_part && naive(rest, end)
        })
    }

    proptest! {
        #[test]
        fn agrees_with_every_split(
            pattern in r"(/|a|b|\*|\*\*|\{a\}){0,8}",
            path in "[/ab]{0,10}",
        ) {
            let parts = parse(&pattern);
            prop_assert_eq!(matches(&parts, &path), naive(&parts, &path), "{} {}", pattern, path);
        }

        #[test]
        fn without_wildcards_it_is_the_path_itself(pattern in r"[/a.+?$^(\[\\|)]{0,6}", path in r"[/a.+?$^(\[\\|)]{0,6}") {
            prop_assert_eq!(matches(&parse(&pattern), &path), pattern == path);
            prop_assert!(matches(&parse(&pattern), &pattern));
        }
    }
}
