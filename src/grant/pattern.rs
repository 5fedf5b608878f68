//! Patterns of actions, `ecs:*:get*`.

use std::fmt;
use std::str::FromStr;

use crate::table::{ActionName, ActionTable};

/// An action, or several: `*` stands for a whole part or a piece of one and never crosses a colon.
///
/// Resource type and verb are compared without regard to case, the service is not (the vendor's
/// "Policy Syntax").
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pattern {
    text: String,
}

/// Why a text is not a [`Pattern`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidPattern {
    /// How many parts there were.
    #[error("expected three parts as in `ecs:servers:get*`, found {0}")]
    PartCount(usize),
    /// The part that cannot match anything.
    #[error("expected letters, digits, `-`, `_` and `*` in each part, found `{0}`")]
    Part(String),
}

impl Pattern {
    /// Whether it stands for `action` or an older name of it, which stays valid (the vendor's "What
    /// is an alias").
    pub fn names(&self, action: &ActionName, table: &ActionTable) -> bool {
        let mut aliases = table.aliases(action).iter();
        self.matches(action) || aliases.any(|alias| self.matches(alias))
    }

    /// Whether it stands for `action`.
    pub fn matches(&self, action: &ActionName) -> bool {
        let parts = self.text.split(':').zip(action.parts());
        parts
            .enumerate()
            .all(|(index, (pattern, part))| match index {
                0 => matches_part(pattern.as_bytes(), part.as_bytes(), u8::eq),
                _ => matches_part(
                    pattern.as_bytes(),
                    part.as_bytes(),
                    u8::eq_ignore_ascii_case,
                ),
            })
    }
}

impl FromStr for Pattern {
    type Err = InvalidPattern;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split(':').collect();
        if parts.len() != 3 {
            return Err(InvalidPattern::PartCount(parts.len()));
        }
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_*".contains(&byte);
        let is_pattern = |part: &&str| !part.is_empty() && part.bytes().all(is_letter);
        match parts.iter().find(|part| !is_pattern(part)) {
            Some(part) => Err(InvalidPattern::Part((*part).to_owned())),
            None => Ok(Self {
                text: text.to_owned(),
            }),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Walks both texts once; a mismatch goes back to the last `*` only, so the time is at most their
/// product, whatever a token holds.
fn matches_part(pattern: &[u8], text: &[u8], same: fn(&u8, &u8) -> bool) -> bool {
    let (mut at, mut from) = (0, 0);
    let mut last_star = None;
    while let Some(byte) = text.get(from) {
        match pattern.get(at) {
            Some(b'*') => {
                last_star = Some((at, from));
                at += 1;
            }
            Some(expected) if same(expected, byte) => {
                at += 1;
                from += 1;
            }
            _ => {
                let Some((star, eaten)) = last_star else {
                    return false;
                };
                last_star = Some((star, eaten + 1));
                at = star + 1;
                from = eaten + 1;
            }
        }
    }
    pattern.iter().skip(at).all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn matches_as_the_vendor_says() {
        let cases = [
            ("ecs:servers:get", "ecs:servers:get", true),
            ("ecs:servers:get", "ecs:servers:getMetadata", false),
            ("ecs:*:get*", "ecs:servers:getMetadata", true),
            ("ecs:*:get", "ecs:servers:getMetadata", false),
            ("*:*:*", "ecs:cloudServers:setAutoRecovery", true),
            ("ecs:SERVERS:SETmetadata", "ecs:servers:setMetadata", true),
            ("ECS:servers:get", "ecs:servers:get", false),
            (
                "ecs:*Servers:*Auto*",
                "ecs:cloudServers:getAutoRecovery",
                true,
            ),
            ("evs:*:*", "ecs:servers:get", false),
            ("ecs:*s:g*t", "ecs:servers:get", true),
        ];
        for (pattern, action, expected) in cases {
            let parsed: Pattern = pattern.parse().unwrap();
            assert_eq!(
                parsed.matches(&action.parse().unwrap()),
                expected,
                "{pattern} {action}"
            );
        }
    }

    #[test]
    fn refuses_what_is_not_a_pattern() {
        let part = |text: &str| InvalidPattern::Part(text.to_owned());
        let cases = [
            ("*", InvalidPattern::PartCount(1)),
            ("ecs:*", InvalidPattern::PartCount(2)),
            ("ecs:servers:get:x", InvalidPattern::PartCount(4)),
            ("ecs::get", part("")),
            (" ecs:servers:get", part(" ecs")),
            ("ecs:servers:get?", part("get?")),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<Pattern>(), Err(expected), "{text:?}");
        }
    }

    /// The definition, word for word.
    fn obvious(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            ([b'*', rest @ ..], _) => (0..=text.len()).any(|eaten| obvious(rest, &text[eaten..])),
            ([a, pattern @ ..], [b, text @ ..]) => a == b && obvious(pattern, text),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_obvious_matcher(pattern in "[ab*]{0,8}", text in "[ab]{0,10}") {
            let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
            prop_assert_eq!(matches_part(pattern, text, u8::eq), obvious(pattern, text));
        }

        #[test]
        fn case_does_not_matter_after_the_service(
            resource in "[aB*]{1,5}", verb in "[aB*]{1,5}", action in "x:[aAbB]{1,5}:[aAbB]{1,5}",
        ) {
            let action: ActionName = action.parse().unwrap();
            let pattern: Pattern = format!("x:{resource}:{verb}").parse().unwrap();
            let lower = |text: &str| text.to_ascii_lowercase().into_bytes();
            let parts: Vec<Vec<u8>> = action.parts().map(lower).collect();
            let expected = obvious(&lower(&resource), &parts[1]) && obvious(&lower(&verb), &parts[2]);
            prop_assert_eq!(pattern.matches(&action), expected);
        }
    }
}
