//! Patterns of actions, `ecs:*:get*`.

use std::fmt;
use std::str::FromStr;

use super::wildcard;
use crate::table::{ActionSet, ActionTable};

/// An action, or several: a wildcard stands for a whole part or a piece of one and never crosses a
/// colon.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pattern {
    text: String,
    dialect: Dialect,
}

/// The two ways the vendor writes patterns.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Dialect {
    /// Version 1.1 ("Policy Syntax"): `*`; resource type and verb are compared without regard to
    /// case, the service is not.
    Policy,
    /// Version 5.0: `*` and `?`; nothing is compared with regard to case.
    IdentityPolicy,
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
    /// Reads `text` as `dialect` writes patterns.
    ///
    /// # Errors
    ///
    /// A text that could match no action.
    pub fn parse(text: &str, dialect: Dialect) -> Result<Self, InvalidPattern> {
        let parts: Vec<&str> = text.split(':').collect();
        if parts.len() != 3 {
            return Err(InvalidPattern::PartCount(parts.len()));
        }
        let is_letter = |byte: u8| {
            byte.is_ascii_alphanumeric()
                || b"-_*".contains(&byte)
                || (byte == b'?' && dialect == Dialect::IdentityPolicy)
        };
        let is_pattern = |part: &&str| !part.is_empty() && part.bytes().all(is_letter);
        match parts.iter().find(|part| !is_pattern(part)) {
            Some(part) => Err(InvalidPattern::Part((*part).to_owned())),
            None => Ok(Self {
                text: text.to_owned(),
                dialect,
            }),
        }
    }

    /// The actions of `table` that it stands for, by their names or by older ones: a renamed action
    /// is still known by these, in every kind of statement.
    pub fn select(&self, table: &ActionTable) -> ActionSet {
        let spellings = table.spellings();
        // Tokens are made of names more often than of wildcards, for which every name is tried.
        let (one, every) = match self.text.contains(['*', '?']) {
            true => (None, Some(spellings.iter())),
            false => {
                let name = self.text.to_ascii_lowercase();
                (spellings.get_key_value(&name), None)
            }
        };
        let candidates = one.into_iter().chain(every.into_iter().flatten());
        let selected = candidates.filter(|(name, _)| self.matches(name));
        selected.flat_map(|(_, actions)| actions).copied().collect()
    }

    /// Whether it stands for the action called `name`.
    pub(super) fn matches(&self, name: &str) -> bool {
        let parts = self.text.split(':').zip(name.split(':'));
        parts.enumerate().all(|(index, (pattern, part))| {
            let same = match (index, self.dialect) {
                (0, Dialect::Policy) => char::eq,
                _ => char::eq_ignore_ascii_case,
            };
            wildcard::matches(pattern, part, same)
        })
    }

    /// The first part.
    pub fn service(&self) -> &str {
        self.text.split(':').next().unwrap_or_default()
    }
}

impl FromStr for Pattern {
    type Err = InvalidPattern;

    /// Reads a pattern of Version 1.1.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text, Dialect::Policy)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Source;

    /// One that demands `action`, an older name of which is `ecs:old:Name`.
    fn table(action: &str) -> ActionTable {
        let text = format!(
            "[[operation]]\npermission = 'a'\nroutes = ['GET /{{project_id}}']\nactions = ['{action}']\n\
             [[alias]]\nalias = 'ecs:old:Name'\nactions = ['{action}']\n"
        );
        let name = "own".to_owned();
        ActionTable::load(&[Source { name, text }]).unwrap()
    }

    #[test]
    fn selects_by_older_names_too() {
        let table = table("ecs:servers:get");
        for (text, dialect, expected) in [
            ("ecs:OLD:name", Dialect::Policy, true),
            ("ecs:old:*", Dialect::Policy, true),
            ("ECS:old:name", Dialect::Policy, false),
            ("ECS:old:name", Dialect::IdentityPolicy, true),
            ("ecs:old:nam?", Dialect::IdentityPolicy, true),
            ("ecs:old:nam", Dialect::IdentityPolicy, false),
        ] {
            let selected = Pattern::parse(text, dialect).unwrap().select(&table);
            assert_eq!(selected.len(), usize::from(expected), "{text}");
        }
    }

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
            assert_eq!(parsed.matches(action), expected, "{pattern} {action}");
            let table = table(action);
            let found = !parsed.select(&table).is_empty();
            assert_eq!(found, expected, "{pattern} {action}");
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

    #[test]
    fn an_identity_policy_knows_question_marks_and_no_case() {
        let cases = [
            ("ECS:Servers:GET", true),
            ("ecs:server?:get", true),
            ("ecs:servers:ge??", false),
            ("e?s:*:?et", true),
            ("evs:servers:get", false),
        ];
        for (text, expected) in cases {
            let pattern = Pattern::parse(text, Dialect::IdentityPolicy).unwrap();
            assert_eq!(pattern.matches("ecs:servers:get"), expected, "{text}");
        }
    }
}
