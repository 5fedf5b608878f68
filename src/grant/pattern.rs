//! Patterns of actions, `ecs:*:get*`.

use std::fmt;
use std::str::FromStr;

use super::wildcard;
use crate::table::{ActionSet, ActionTable, Spellings};

/// An action, or several: a wildcard stands for a whole part or a piece of one and never crosses a
/// colon.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pattern {
    text: String,
    /// As names have to be spelled that it stands for, which are in lower case.
    folded: String,
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
                folded: folded(text, dialect),
            }),
        }
    }

    /// The actions of `table` that it stands for, by their names or by older ones: a renamed action
    /// is still known by these, in every kind of statement.
    pub fn select(&self, table: &ActionTable) -> ActionSet {
        let mut parts = self.folded.split(':');
        let parts = [(); 3].map(|()| parts.next().unwrap_or_default());
        let mut selected = ActionSet::default();
        select_among(table.spellings(), &parts, &mut selected);
        selected
    }

    /// The first part.
    pub fn service(&self) -> &str {
        self.text.split(':').next().unwrap_or_default()
    }
}

fn folded(text: &str, dialect: Dialect) -> String {
    let mut folded = text.to_owned();
    let rest = match dialect {
        Dialect::Policy => text.find(':').unwrap_or_default(),
        Dialect::IdentityPolicy => 0,
    };
    if let Some(rest) = folded.get_mut(rest..) {
        rest.make_ascii_lowercase();
    }
    folded
}

/// Adds the actions whose names go on as the patterns of their parts say.
fn select_among(names: &Spellings, patterns: &[&str], selected: &mut ActionSet) {
    let is_narrower = patterns.iter().any(|pattern| *pattern != "*");
    let Some((pattern, rest)) = patterns.split_first().filter(|_| is_narrower) else {
        // What is left stands for everything, which need not be looked at.
        for action in names.actions() {
            selected.insert(*action);
        }
        return;
    };
    if pattern.contains(['*', '?']) {
        let parts = names.parts();
        let matching = parts.filter(|(part, _)| wildcard::matches(pattern, part, char::eq));
        for (_, names) in matching {
            select_among(names, rest, selected);
        }
    } else if let Some(names) = names.part(pattern) {
        select_among(names, rest, selected);
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
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;
    use crate::table::Source;

    static BUILTIN: LazyLock<ActionTable> =
        LazyLock::new(|| ActionTable::load(&Source::builtin()).unwrap());

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
        let table = table("ecs:servers:get");
        for (text, expected) in cases {
            let pattern = Pattern::parse(text, Dialect::IdentityPolicy).unwrap();
            let found = !pattern.select(&table).is_empty();
            assert_eq!(found, expected, "{text}");
        }
    }

    /// Every name that is tried, part by part, as the vendor defines it.
    fn naive(pattern: &str, dialect: Dialect, name: &str) -> bool {
        let parts = pattern.split(':').zip(name.split(':'));
        parts.enumerate().all(|(index, (pattern, part))| {
            let same = match (index, dialect) {
                (0, Dialect::Policy) => char::eq,
                _ => char::eq_ignore_ascii_case,
            };
            wildcard::matches(pattern, part, same)
        })
    }

    proptest! {
        #[test]
        fn agrees_with_trying_every_name(
            text in prop_oneof![
                "(ecs|ECS|e\\*s|\\*|[a-z*]{1,3}):(servers|\\*|cloud\\*|[a-zA-Z*]{1,3}):(get|GET\\*|\\*|[a-z*]{1,4})",
                "\\*:(\\*|[a-z]\\*):(\\*|\\*[a-z])",
            ],
            is_policy in any::<bool>(),
        ) {
            let dialect = if is_policy { Dialect::Policy } else { Dialect::IdentityPolicy };
            let selected = Pattern::parse(&text, dialect).unwrap().select(&BUILTIN);
            for (id, action) in BUILTIN.actions() {
                let mut names = BUILTIN.aliases(action).iter().chain([action]);
                let expected = names.any(|name| naive(&text, dialect, name.as_str()));
                prop_assert_eq!(selected.contains(id), expected, "{} {}", text, action);
            }
        }
    }
}
