//! The names of a table's actions, part by part, so that whoever looks for some of them passes the
//! others by.

use std::collections::BTreeMap;

use super::ActionId;

/// The names that begin with the same parts.
#[derive(Clone, Debug, Default)]
pub struct Spellings {
    actions: Vec<ActionId>,
    parts: BTreeMap<Box<str>, Spellings>,
}

impl Spellings {
    /// Adds a name of an action, of which some may have several.
    pub(super) fn add(&mut self, name: &str, action: ActionId) {
        let mut names = self;
        names.actions.push(action);
        for part in name.to_ascii_lowercase().split(':') {
            names = names.parts.entry(part.into()).or_default();
            names.actions.push(action);
        }
    }

    /// All actions with such a name; those with several are there for each.
    pub fn actions(&self) -> &[ActionId] {
        &self.actions
    }

    /// Those of the names that go on with this part, in lower case.
    pub fn part(&self, part: &str) -> Option<&Self> {
        self.parts.get(part)
    }

    /// How the names go on; nothing after the last part.
    pub fn parts(&self) -> impl Iterator<Item = (&str, &Self)> {
        self.parts.iter().map(|(part, names)| (&**part, names))
    }
}
