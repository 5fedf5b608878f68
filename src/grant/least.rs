//! The least that covers what was used of some grants, as a policy document.
//!
//! A grant that asks for something is never taken without what it asks for: what covers an action comes
//! along, with every denial of it.

mod cover;
mod document;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use cover::{Clause, Cover, choose};
use document::{Draft, namesakes};

use super::compiled::{CompiledPolicy, CompiledStatement};
use super::key::ConditionKeys;
use super::policy::Effect;
use crate::table::{ActionId, ActionSet, ActionTable};

/// What somebody holds, whoever it is: of what its policies ask nothing is known.
#[derive(Clone, Debug, Default)]
pub struct Holdings {
    named: ActionSet,
    granted: ActionSet,
    statements: Vec<Arc<CompiledStatement>>,
}

/// Why what was used is not in a document, or not all of it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, thiserror::Error)]
pub enum LeftOut {
    /// It was granted when it was used.
    #[error("not granted by this config")]
    NotGranted,
    /// Different requests were covered by what one document cannot say at once.
    #[error("granted under conditions that differ")]
    Differing,
    /// A policy of Version 5.0 can ask for more.
    #[error("granted by a statement that Version 1.1 cannot write")]
    Unwritable,
    /// Its name would permit more.
    #[error("its name is an older one of other actions, which were not granted so")]
    Misnamed,
    /// Nobody knows what it asked for.
    #[error("not known whether its grant asks for conditions")]
    Unproven,
}

/// A document that says something else than what it was made for: a mistake of ours, and never shown.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "the document would not say of `{action}` what it should, which is a mistake in actiongate"
)]
pub struct Unsound {
    action: String,
}

/// What was used, and what covered it.
#[derive(Clone, Debug, Default)]
pub struct Usage {
    covers: BTreeMap<ActionId, BTreeSet<Cover>>,
    /// What covered those that a name stands for, too, as an older one of theirs.
    namesakes: BTreeMap<ActionId, BTreeSet<Cover>>,
    /// Of newer names of what was used: to deny them is to deny it.
    denials: BTreeMap<ActionId, BTreeSet<Clause>>,
    left_out: BTreeMap<ActionId, LeftOut>,
}

/// Whether a document may say several actions at once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Names {
    /// Each is there by its name.
    Single,
    /// Where a pattern selects none but what was used.
    Wildcards,
}

/// A document, where anything can be suggested.
#[derive(Clone, Debug)]
pub struct Suggestion {
    /// Version 1.1.
    pub document: Option<Value>,
    /// What it does not permit though it was used.
    pub left_out: BTreeMap<ActionId, LeftOut>,
    /// What it permits though it was not used, since it goes by a name of what was; it was granted.
    pub besides: Vec<ActionId>,
}

impl Holdings {
    /// `named` are actions that are granted without a policy.
    pub fn new<'a>(
        named: ActionSet,
        policies: impl IntoIterator<Item = &'a CompiledPolicy>,
    ) -> Self {
        let statements = policies.into_iter().flat_map(|policy| &policy.statements);
        // What is about instances of which none can be here applies to nothing.
        let applies = |own: &&Arc<CompiledStatement>| {
            let urns = own.instances.as_ref();
            urns.is_none_or(|urns| !urns.is_empty())
        };
        let statements: Vec<_> = statements.filter(applies).cloned().collect();
        let (mut granted, mut denied) = (named.clone(), ActionSet::default());
        for statement in &statements {
            match (statement.effect, statement.asks()) {
                (Effect::Allow, _) => granted.union_with(&statement.actions),
                (Effect::Deny, false) => denied.union_with(&statement.actions),
                (Effect::Deny, true) => {}
            }
        }
        Self {
            named,
            granted: granted.difference(&denied),
            statements,
        }
    }

    /// Every action of which some request may be granted.
    pub fn granted(&self) -> &ActionSet {
        &self.granted
    }

    fn of(&self, action: ActionId, effect: Effect) -> impl Iterator<Item = &CompiledStatement> {
        let statements = self.statements.iter().map(Arc::as_ref);
        statements.filter(move |own| own.effect == effect && own.actions.contains(action))
    }

    fn denials(&self, action: ActionId) -> Result<BTreeSet<Clause>, LeftOut> {
        self.of(action, Effect::Deny).map(Clause::new).collect()
    }

    /// What denies some requests each of `actions`; an error where one of them is denied to all.
    fn open_denials(
        &self,
        actions: &[ActionId],
    ) -> Result<Vec<(ActionId, BTreeSet<Clause>)>, LeftOut> {
        let denials = actions.iter().map(|action| {
            let clauses = self.denials(*action)?;
            match clauses.contains(&Clause::default()) {
                true => Err(LeftOut::NotGranted),
                false => Ok((*action, clauses)),
            }
        });
        denials.collect()
    }

    fn cover(&self, action: ActionId) -> Result<Cover, LeftOut> {
        if !self.granted.contains(action) {
            return Err(LeftOut::NotGranted);
        }
        let denies = self.denials(action)?;
        let is_free = |own: &CompiledStatement| !own.asks();
        let is_always = self.named.contains(action) || self.of(action, Effect::Allow).any(is_free);
        let allows = match is_always {
            true => BTreeSet::from([Clause::default()]),
            false => self
                .of(action, Effect::Allow)
                .map(Clause::new)
                .collect::<Result<_, _>>()?,
        };
        Ok(Cover { allows, denies })
    }
}

impl Usage {
    /// An operation was used that demanded `required`, by somebody who holds these; a denial of one of
    /// `newer` would have been one of it.
    pub fn add(
        &mut self,
        required: &[ActionId],
        newer: &[ActionId],
        holdings: &Holdings,
        table: &ActionTable,
    ) {
        if required.is_empty() {
            return;
        }
        match holdings.open_denials(newer) {
            Ok(denials) => {
                for action in required {
                    match holdings.cover(*action) {
                        Ok(cover) => self.cover(*action, cover, holdings, table),
                        Err(why) => self.leave_out(*action, why),
                    }
                }
                for (action, clauses) in denials {
                    self.denials.entry(action).or_default().extend(clauses);
                }
            }
            Err(why) => required
                .iter()
                .for_each(|action| self.leave_out(*action, why)),
        }
    }

    fn cover(&mut self, action: ActionId, cover: Cover, holdings: &Holdings, table: &ActionTable) {
        if self.covers.entry(action).or_default().insert(cover) {
            for other in namesakes(table, action) {
                let cover = holdings.cover(other).ok();
                self.namesakes.entry(other).or_default().extend(cover);
            }
        }
    }

    /// Some action was used that cannot be suggested.
    pub fn leave_out(&mut self, action: ActionId, why: LeftOut) {
        let known = self.left_out.entry(action).or_insert(why);
        *known = (*known).max(why);
    }

    /// Some action was used, and whoever asks says that its grant asked for nothing.
    pub fn add_unconditional(&mut self, action: ActionId) {
        self.covers
            .entry(action)
            .or_default()
            .insert(Cover::always());
    }

    /// The document that permits what was used, as it was granted, and nothing else.
    ///
    /// # Errors
    ///
    /// [`Unsound`].
    pub fn suggest(
        &self,
        table: &ActionTable,
        keys: &ConditionKeys,
        names: Names,
    ) -> Result<Suggestion, Unsound> {
        let (mut chosen, mut left_out) = (BTreeMap::new(), self.left_out.clone());
        for (action, covers) in &self.covers {
            match choose(covers) {
                Some(cover) => {
                    // What is known to cover it may be said, whatever else covered it.
                    let others = [LeftOut::NotGranted, LeftOut::Unproven];
                    let is_other = left_out.get(action).is_some_and(|why| others.contains(why));
                    if cover.is_always() || is_other {
                        left_out.remove(action);
                    }
                    if !left_out.contains_key(action) {
                        chosen.insert(*action, cover);
                    }
                }
                None => drop(left_out.insert(*action, LeftOut::Differing)),
            }
        }
        let granted = self.namesakes.iter();
        let granted = granted.filter_map(|(action, covers)| Some((*action, choose(covers)?)));
        let granted: BTreeMap<ActionId, Cover> = granted.collect();
        let mut draft = Draft {
            chosen,
            companions: BTreeMap::new(),
            denials: &self.denials,
            table,
        };
        while let Err(action) = draft.accompany(&granted) {
            draft.chosen.remove(&action);
            left_out.insert(action, LeftOut::Misnamed);
        }
        let document = match draft.chosen.is_empty() {
            true => None,
            false => Some(draft.write(names)),
        };
        if let Some(document) = &document {
            draft.prove(document, keys)?;
        }
        Ok(Suggestion {
            document,
            left_out,
            besides: draft.companions.into_keys().collect(),
        })
    }
}

#[cfg(test)]
mod tests;
