//! The text of a document, and the proof that it says what it should.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::cover::{Clause, Cover};
use super::{Holdings, LeftOut, Names, Unsound};
use crate::grant::compiled::CompiledPolicy;
use crate::grant::key::ConditionKeys;
use crate::grant::pattern::Pattern;
use crate::grant::policy::Policy;
use crate::table::{ActionId, ActionName, ActionSet, ActionTable};

/// What a document is to say.
#[derive(Debug)]
pub struct Draft<'a> {
    /// How each action is covered that was used.
    pub chosen: BTreeMap<ActionId, Cover>,
    /// How others are, which names of those stand for, too, as older names of theirs.
    pub companions: BTreeMap<ActionId, Cover>,
    /// What else is denied.
    pub denials: &'a BTreeMap<ActionId, BTreeSet<Clause>>,
    /// What the names mean.
    pub table: &'a ActionTable,
}

impl Draft<'_> {
    /// Finds the companions, for which nothing must come of their names but what was granted.
    ///
    /// # Errors
    ///
    /// An action whose name would permit another one more than was granted, or deny it what was used.
    pub fn accompany(&mut self, granted: &BTreeMap<ActionId, Cover>) -> Result<(), ActionId> {
        self.companions.clear();
        for (action, cover) in &self.chosen {
            for other in namesakes(self.table, *action) {
                let known = self.chosen.get(&other);
                if known.is_some_and(|known| !cover.denies.is_subset(&known.denies)) {
                    return Err(*action);
                }
                match known.or(granted.get(&other)) {
                    Some(known) if known.allows_all(&cover.allows) => {}
                    _ => return Err(*action),
                }
                if known.is_none() {
                    let companion = self.companions.entry(other).or_default();
                    let denies = granted.get(&other).map(|cover| &cover.denies);
                    companion
                        .denies
                        .extend(denies.into_iter().flatten().cloned());
                    companion.extend(cover);
                }
            }
        }
        Ok(())
    }

    /// The document.
    pub fn write(&self, names: Names) -> Value {
        let table = self.table;
        let (mut allows, mut denies) = (BTreeMap::new(), BTreeMap::new());
        for (action, cover) in &self.chosen {
            add(&mut allows, &cover.allows, *action);
            add(&mut denies, &cover.denies, *action);
        }
        for (action, cover) in &self.companions {
            add(&mut denies, &cover.denies, *action);
        }
        for (action, clauses) in self.denials {
            add(&mut denies, clauses, *action);
        }
        let allows = allows.iter().map(|(clause, actions)| {
            let texts = match names {
                Names::Single => texts(table, actions),
                Names::Wildcards => shorten(table, actions),
            };
            clause.statement("Allow", &texts)
        });
        let denies = denies.iter();
        let denies = denies.map(|(clause, own)| clause.statement("Deny", &texts(table, own)));
        let statements: Vec<Value> = allows.chain(denies).collect();
        json!({"Version": "1.1", "Statement": statements})
    }

    /// Reads the document as the gateway will: each action is covered as it was chosen, or not at all.
    ///
    /// # Errors
    ///
    /// [`Unsound`].
    pub fn prove(&self, document: &Value, keys: &ConditionKeys) -> Result<(), Unsound> {
        let table = self.table;
        let covered = |action| self.chosen.get(&action).or(self.companions.get(&action));
        let unsound = |action: &dyn ToString| Unsound {
            action: action.to_string(),
        };
        let policy = Policy::parse(document).map_err(|error| unsound(&error))?;
        let compiled =
            CompiledPolicy::new(&policy, table, keys).map_err(|error| unsound(&error))?;
        let holdings = Holdings::new(ActionSet::default(), [&compiled]);
        for (action, name) in table.actions() {
            let is_as_chosen = match covered(action) {
                Some(cover) => holdings.cover(action).as_ref() == Ok(cover),
                None => holdings.cover(action) == Err(LeftOut::NotGranted),
            };
            let denials = self.denials.get(&action);
            let denials = denials.filter(|_| covered(action).is_none());
            let denies = denials.is_none_or(|own| holdings.denials(action).as_ref() == Ok(own));
            if !is_as_chosen || !denies {
                return Err(unsound(name));
            }
        }
        Ok(())
    }
}

/// An action goes with each of its clauses.
fn add(to: &mut BTreeMap<Clause, ActionSet>, clauses: &BTreeSet<Clause>, action: ActionId) {
    for clause in clauses {
        to.entry(clause.clone()).or_default().insert(action);
    }
}

/// The other actions that the name of one stands for.
pub fn namesakes(table: &ActionTable, action: ActionId) -> Vec<ActionId> {
    let selected = table.name(action).map(|name| select(table, name.as_str()));
    let Some(selected) = selected.filter(|selected| selected.len() > 1) else {
        return Vec::new();
    };
    let others = table.actions().map(|(id, _)| id);
    others
        .filter(|id| *id != action && selected.contains(*id))
        .collect()
}

/// The actions that a pattern of Version 1.1 stands for.
fn select(table: &ActionTable, text: &str) -> ActionSet {
    let pattern = text.parse::<Pattern>();
    pattern.map_or_else(|_| ActionSet::default(), |pattern| pattern.select(table))
}

/// In the order of the alphabet.
fn texts(table: &ActionTable, actions: &ActionSet) -> Vec<String> {
    let mut texts: Vec<String> = table.names(actions).map(ToString::to_string).collect();
    texts.sort_unstable();
    texts
}

/// Patterns that select none but `actions`, for as many of them as they can; the rest by name.
fn shorten(table: &ActionTable, actions: &ActionSet) -> Vec<String> {
    let names: Vec<&ActionName> = table.names(actions).collect();
    let candidates = |parts: fn(&str, &str, &str) -> String| {
        let candidates = names.iter().filter_map(move |name| {
            let mut words = name.parts();
            Some(parts(words.next()?, words.next()?, words.next()?))
        });
        candidates.collect::<BTreeSet<String>>()
    };
    let wider = candidates(|service, _, _| format!("{service}:*:*"));
    let wide = candidates(|service, resource, _| format!("{service}:{resource}:*"));
    let narrow = candidates(|service, resource, verb| {
        let word = verb
            .split(|letter: char| !letter.is_ascii_lowercase())
            .next();
        format!("{service}:{resource}:{}*", word.unwrap_or_default())
    });
    let (mut left, mut written) = (actions.clone(), Vec::new());
    for text in wider.into_iter().chain(wide).chain(narrow) {
        let selected = select(table, &text);
        let rest = left.difference(&selected);
        if selected.is_subset(actions) && rest.len() + 1 < left.len() {
            left = rest;
            written.push(text);
        }
    }
    written.extend(texts(table, &left));
    written
}
