//! `diff`: what a change of the config lets somebody do, and what it takes away.

mod callers;
mod print;
mod settings;

use std::collections::BTreeSet;
use std::path::Path;

use serde::Serialize;

use super::{Format, Outcome, say_error};
use crate::decision::{Comparison, Direction, Flip, Sides};
use crate::table::{ActionName, ActionTable};

/// Everything that is decided in another way.
#[derive(Debug, Default, Serialize)]
struct Report {
    /// Who may do what now and might not before.
    widens: Vec<Gain>,
    /// The other way round.
    narrows: Vec<Gain>,
    /// What other roles of the same token can turn into more or less.
    together: Vec<Together>,
    /// What operations ask of everybody's tokens.
    demands: Vec<Demands>,
    /// What is verified and read in another way.
    settings: Vec<settings::Change>,
    /// What could not be decided, and may be anything.
    undecided: Vec<String>,
}

/// What somebody gains, or loses.
#[derive(Debug, Serialize)]
struct Gain {
    who: String,
    operations: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    permission: String,
    routes: Vec<String>,
    /// Each a list of classes; none where it is so in all contexts.
    contexts: Vec<Vec<String>>,
}

#[derive(Debug, Serialize)]
struct Together {
    who: String,
    direction: &'static str,
    actions: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Demands {
    routes: Vec<String>,
    changes: Vec<String>,
    widens: bool,
    narrows: bool,
}

/// How `diff` is asked.
#[derive(Debug)]
pub struct Asked<'a> {
    /// The two are policies, not configs.
    pub policies: bool,
    /// The config with the table, where policies are compared.
    pub config: Option<&'a Path>,
    /// Ends with 3 if anybody gains anything.
    pub forbid_widening: bool,
    pub format: Format,
}

/// Trouble is no difference: it ends with 2.
pub fn run(old: &Path, new: &Path, asked: &Asked<'_>) -> Outcome {
    match compare(old, new, asked) {
        Ok(outcome) => outcome,
        Err(error) => {
            say_error(&error);
            Outcome::Unusable
        }
    }
}

fn compare(old: &Path, new: &Path, asked: &Asked<'_>) -> anyhow::Result<Outcome> {
    let report = match asked.policies {
        true => callers::compare_policies(old, new, asked.config)?,
        false => {
            let (old, new) = (super::read_config(old)?, super::read_config(new)?);
            callers::compare_configs(&old, &new)?
        }
    };
    print::print(&report, asked.format)?;
    Ok(match (report.widens_anything(), report.is_empty()) {
        (true, _) if asked.forbid_widening => Outcome::Denied,
        (_, false) => Outcome::Differs,
        (_, true) => Outcome::Done,
    })
}

impl Report {
    /// What cannot be decided counts.
    fn widens_anything(&self) -> bool {
        !self.widens.is_empty()
            || !self.undecided.is_empty()
            || self.together.iter().any(|row| row.direction == WIDENS)
            || self.demands.iter().any(|row| row.widens)
            || self.settings.iter().any(|row| row.widens)
    }

    fn is_empty(&self) -> bool {
        self.widens.is_empty()
            && self.narrows.is_empty()
            && self.together.is_empty()
            && self.demands.is_empty()
            && self.settings.is_empty()
            && self.undecided.is_empty()
    }

    /// Adds what changes for one caller.
    fn add(
        &mut self,
        who: &str,
        comparison: &Comparison<'_>,
        tables: Tables<'_>,
        sides: &Sides<'_>,
    ) {
        let flips = match comparison.flips(sides) {
            Ok(flips) => flips,
            Err((route, reason)) => {
                self.undecided.push(format!("{who}, {route}: {reason}"));
                return;
            }
        };
        for (direction, gains) in [
            (Direction::Widens, &mut self.widens),
            (Direction::Narrows, &mut self.narrows),
        ] {
            let operations = rows(&flips, direction);
            if !operations.is_empty() {
                gains.push(Gain {
                    who: who.to_owned(),
                    operations,
                });
            }
        }
        match comparison.verdicts(sides) {
            Err((action, reason)) => self.undecided.push(format!("{who}, {action}: {reason}")),
            Ok(changes) => {
                for direction in [Direction::Widens, Direction::Narrows] {
                    let shown = shown_by(&flips, direction, tables);
                    let actions = changes.iter().filter(|change| {
                        change.direction == direction && !shown.contains(change.action.as_str())
                    });
                    let actions: Vec<String> =
                        actions.map(|change| change.action.to_string()).collect();
                    if !actions.is_empty() {
                        self.together.push(Together {
                            who: who.to_owned(),
                            direction: word(direction),
                            actions,
                        });
                    }
                }
            }
        }
    }
}

type Tables<'a> = [&'a ActionTable; 2];

const WIDENS: &str = "widens";

fn word(direction: Direction) -> &'static str {
    match direction {
        Direction::Widens => WIDENS,
        Direction::Narrows => "narrows",
    }
}

/// The flips of one direction, those together that differ by their routes only.
fn rows(flips: &[Flip], direction: Direction) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let flips: Vec<&Flip> = flips
        .iter()
        .filter(|flip| flip.direction == direction)
        .collect();
    // What two routes have in common is worth a line only where neither shows it.
    let is_shown = |flip: &Flip| {
        let mut listed = flips.iter().filter(|other| other.is_listed);
        listed.any(|other| other.permission == flip.permission && other.contexts == flip.contexts)
    };
    for flip in flips
        .iter()
        .filter(|flip| flip.is_listed || !is_shown(flip))
    {
        let contexts: Vec<Vec<String>> = match flip.contexts.as_slice() {
            [all] if all.is_empty() => Vec::new(),
            some => some.to_vec(),
        };
        let known = rows
            .iter_mut()
            .find(|row| *row.permission == *flip.permission && row.contexts == contexts);
        match known {
            Some(row) => row.routes.push(flip.route.clone()),
            None => rows.push(Row {
                permission: flip.permission.to_string(),
                routes: vec![flip.route.clone()],
                contexts,
            }),
        }
    }
    rows.sort_by(|a, b| a.permission.cmp(&b.permission));
    rows
}

/// The actions whose change the flips of one direction show.
fn shown_by<'a>(flips: &[Flip], direction: Direction, tables: Tables<'a>) -> BTreeSet<&'a str> {
    let flips = flips.iter().filter(|flip| flip.direction == direction);
    let permissions: BTreeSet<&str> = flips.map(|flip| &*flip.permission).collect();
    let operations = tables.into_iter().flat_map(ActionTable::operations);
    let operations = operations.filter(|operation| permissions.contains(&*operation.permission));
    let mut shown = BTreeSet::new();
    for operation in operations {
        let conditional = operation.conditional.iter().flat_map(|more| &more.actions);
        let dependencies = operation.dependencies.iter().chain(&operation.successors);
        let all = operation
            .actions
            .iter()
            .chain(conditional)
            .chain(dependencies);
        shown.extend(all.map(ActionName::as_str));
    }
    shown
}

impl Report {
    /// What whoever has no token gains, every token does; and what any token does, every role.
    fn without_what_all_have(&mut self) {
        for gains in [&mut self.widens, &mut self.narrows] {
            let common: Vec<(String, BTreeSet<String>)> = gains
                .iter()
                .filter(|gain| !gain.who.starts_with("the role "))
                .map(|gain| (gain.who.clone(), routes(gain)))
                .collect();
            for gain in gains.iter_mut() {
                let wider = common.iter().filter(|(who, _)| {
                    let any = who.strip_prefix("any token");
                    *who != gain.who
                        && match any {
                            None => true,
                            Some(of) => gain.who.starts_with("the role ") && gain.who.ends_with(of),
                        }
                });
                let known: BTreeSet<&String> = wider.flat_map(|(_, routes)| routes).collect();
                for row in &mut gain.operations {
                    row.routes.retain(|route| !known.contains(route));
                }
                gain.operations.retain(|row| !row.routes.is_empty());
            }
            gains.retain(|gain| !gain.operations.is_empty());
        }
    }
}

/// Those that change in all contexts.
fn routes(gain: &Gain) -> BTreeSet<String> {
    let always = gain.operations.iter().filter(|row| row.contexts.is_empty());
    always.flat_map(|row| row.routes.iter().cloned()).collect()
}

/// Those together that have the same changes.
fn demands(comparison: &Comparison<'_>) -> Vec<Demands> {
    let mut rows: Vec<Demands> = Vec::new();
    for (route, change) in comparison.demands() {
        match rows.iter_mut().find(|row| row.changes == change.told) {
            Some(row) => row.routes.push(route),
            None => rows.push(Demands {
                routes: vec![route],
                changes: change.told,
                widens: change.widens,
                narrows: change.narrows,
            }),
        }
    }
    rows
}
