//! Names of actions, and sets of them as bits.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

/// The name of one action, `service:resource:verb`, such as `ecs:servers:setMetadata`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ActionName(String);

/// Why a text is not an [`ActionName`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidActionName {
    /// How many parts there were.
    #[error("expected three parts as in `ecs:servers:get`, found {0}")]
    PartCount(usize),
    /// The part that is not a word.
    #[error("expected letters, digits, `-` and `_` in each part, found `{0}`")]
    Part(String),
    /// The action whose service has another case.
    #[error("expected the service in lower case, found `{0}`")]
    Service(String),
}

impl ActionName {
    /// As written in the table.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Service, resource type and verb.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.split(':')
    }
}

impl fmt::Display for ActionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ActionName {
    type Err = InvalidActionName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split(':').collect();
        if parts.len() != 3 {
            return Err(InvalidActionName::PartCount(parts.len()));
        }
        match parts.iter().find(|part| !is_word(part)) {
            Some(part) => Err(InvalidActionName::Part((*part).to_owned())),
            None if has_upper(text) => Err(InvalidActionName::Service(text.to_owned())),
            None => Ok(Self(text.to_owned())),
        }
    }
}

/// Whether the service has upper-case letters, which no policy of Version 1.1 could name: a denial
/// of all that a service does would leave the action out.
fn has_upper(action: &str) -> bool {
    let mut service = action.bytes().take_while(|byte| *byte != b':');
    service.any(|byte| byte.is_ascii_uppercase())
}

fn is_word(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !text.is_empty() && text.bytes().all(is_letter)
}

/// The bit of one action in the sets of its table.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ActionId(usize);

/// A set of one table's actions, a bit for each.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ActionSet {
    words: Vec<u64>,
}

impl ActionSet {
    /// Adds one action.
    pub fn insert(&mut self, ActionId(bit): ActionId) {
        if self.words.len() <= bit / 64 {
            self.words.resize(bit / 64 + 1, 0);
        }
        if let Some(word) = self.words.get_mut(bit / 64) {
            *word |= 1 << (bit % 64);
        }
    }

    /// Whether the action is in the set.
    pub fn contains(&self, ActionId(bit): ActionId) -> bool {
        let word = self.words.get(bit / 64).copied().unwrap_or(0);
        word & (1 << (bit % 64)) != 0
    }

    /// Adds every action of `other`.
    pub fn union_with(&mut self, other: &Self) {
        if self.words.len() < other.words.len() {
            self.words.resize(other.words.len(), 0);
        }
        for (mine, theirs) in self.words.iter_mut().zip(&other.words) {
            *mine |= theirs;
        }
    }

    /// Whether every action of the set is in `other`, too.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.without(other).all(|word| word == 0)
    }

    /// The actions of the set that are not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        Self {
            words: self.without(other).collect(),
        }
    }

    /// Whether some action is in both.
    pub fn shares_with(&self, other: &Self) -> bool {
        let both = self.words.iter().zip(&other.words);
        both.into_iter().any(|(mine, theirs)| mine & theirs != 0)
    }

    /// Whether the set has no action.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// How many actions the set has.
    pub fn len(&self) -> usize {
        let ones = self.words.iter().map(|word| word.count_ones() as usize);
        ones.sum()
    }

    fn without<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = u64> + 'a {
        let others = other.words.iter().copied().chain(std::iter::repeat(0));
        self.words
            .iter()
            .zip(others)
            .map(|(mine, theirs)| mine & !theirs)
    }
}

impl FromIterator<ActionId> for ActionSet {
    fn from_iter<I: IntoIterator<Item = ActionId>>(ids: I) -> Self {
        let mut set = Self::default();
        for id in ids {
            set.insert(id);
        }
        set
    }
}

/// Gives each distinct action of a table its bit.
#[derive(Clone, Debug, Default)]
pub struct Interner {
    names: Vec<ActionName>,
    ids: HashMap<ActionName, ActionId>,
}

impl Interner {
    pub fn intern(&mut self, name: &ActionName) -> ActionId {
        if let Some(id) = self.ids.get(name) {
            return *id;
        }
        let id = ActionId(self.names.len());
        self.names.push(name.clone());
        self.ids.insert(name.clone(), id);
        id
    }

    pub fn intern_all(&mut self, names: &[ActionName]) -> Vec<ActionId> {
        names.iter().map(|name| self.intern(name)).collect()
    }

    pub fn find(&self, name: &ActionName) -> Option<ActionId> {
        self.ids.get(name).copied()
    }

    pub fn name(&self, ActionId(bit): ActionId) -> Option<&ActionName> {
        self.names.get(bit)
    }

    pub fn iter(&self) -> impl Iterator<Item = (ActionId, &ActionName)> {
        self.names
            .iter()
            .enumerate()
            .map(|(bit, name)| (ActionId(bit), name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn parses_names() {
        let part = |text: &str| Err(InvalidActionName::Part(text.to_owned()));
        let cases = [
            ("ecs:servers:setMetadata", Ok(())),
            ("ecs", Err(InvalidActionName::PartCount(1))),
            ("ecs:servers:get:all", Err(InvalidActionName::PartCount(4))),
            ("ecs:servers:*", part("*")),
            ("ecs::get", part("")),
            (" ecs:servers:get", part(" ecs")),
            (
                "Ecs:servers:get",
                Err(InvalidActionName::Service("Ecs:servers:get".to_owned())),
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<ActionName>().map(|_| ()), expected, "{text:?}");
        }
    }

    fn set_of(bits: &BTreeSet<usize>) -> ActionSet {
        let mut set = ActionSet::default();
        for bit in bits {
            set.insert(ActionId(*bit));
        }
        set
    }

    proptest! {
        #[test]
        fn agrees_with_a_set_of_numbers(
            a in proptest::collection::btree_set(0_usize..300, 0..40),
            b in proptest::collection::btree_set(0_usize..300, 0..40),
        ) {
            let (set_a, set_b) = (set_of(&a), set_of(&b));
            let left: BTreeSet<usize> = a.difference(&b).copied().collect();
            let difference = set_a.difference(&set_b);
            let both: BTreeSet<usize> = a.union(&b).copied().collect();
            let mut union = set_a.clone();
            union.union_with(&set_b);
            prop_assert_eq!(union.len(), both.len());
            prop_assert!(both.iter().all(|bit| union.contains(ActionId(*bit))));
            prop_assert_eq!(set_a.is_subset(&set_b), a.is_subset(&b));
            prop_assert_eq!(difference.is_empty(), left.is_empty());
            prop_assert_eq!(difference.len(), left.len());
            for bit in 0..300 {
                prop_assert_eq!(difference.contains(ActionId(bit)), left.contains(&bit));
            }
        }
    }
}
