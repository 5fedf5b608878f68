//! What two sets of rules decide differently, exactly.
//!
//! A decision rests on a request, on what a caller's policies say of it, and on a context. Requests are
//! of finitely many classes that two tables can tell apart ([`request`], [`body`]), contexts of finitely
//! many that two sets of policies can ([`crate::grant::axes`]). [`Comparison::flips`] asks both routers and
//! [`super::authorize`] for one member of each class: what it does not find is not there.
//!
//! That is so for callers with one role. What several roles do together follows from what each does to
//! each action, since a denial of one outweighs all and a grant of one is enough:
//! [`Comparison::verdicts`] has every change of that, also where no operation alone is affected.
//! What an operation demands of anybody, also of tokens that bring their own grants, is in
//! [`Comparison::demands`].

mod body;
mod demand;
mod request;
mod sample;
mod simple;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use demand::DemandChange;

use super::Circumstances;
pub use crate::grant::Undecided;
use crate::grant::{Context, Holding, Principal, UnknownRoles, axes, ids};
use crate::router::Router;
use crate::table::{ActionName, ActionSet, Operation};

use demand::Demand;
use request::RequestClass;
use sample::Samples;

/// More combinations of classes than these are not looked at.
const MAX_COMBINATIONS: usize = if cfg!(test) { 5_000 } else { 100_000 };

/// Whether somebody gains or loses.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Direction {
    /// Refused before, permitted now.
    Widens,
    /// Permitted before, refused now.
    Narrows,
}

/// Requests that are decided in another way now.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Flip {
    /// Whether they are permitted now or were before.
    pub direction: Direction,
    /// The operation, on the side that permits.
    pub permission: Arc<str>,
    /// `METHOD TEMPLATE`, and what of the body tells.
    pub route: String,
    /// Whether a table writes the route; it is what two routes have in common otherwise.
    pub is_listed: bool,
    /// In which classes of contexts, by name; one without names where it is in all.
    pub contexts: Vec<Vec<String>>,
}

/// An action of which a caller's policies say something else now.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VerdictChange {
    /// Whether more or less can come of it, with another role.
    pub direction: Direction,
    /// Which action.
    pub action: ActionName,
    /// As in [`Flip`].
    pub contexts: Vec<Vec<String>>,
}

/// What the two sides give to one caller; nothing where the token is not accepted.
pub type Sides<'a> = [Option<Holding<'a>>; 2];

/// Two routers, the old one first, and the requests that they tell apart.
pub struct Comparison<'a> {
    routers: [&'a Router; 2],
    requests: Vec<RequestClass>,
}

impl<'a> Comparison<'a> {
    /// Finds the classes of requests.
    pub fn new(routers: [&'a Router; 2]) -> Self {
        Self {
            routers,
            requests: request::classes(routers),
        }
    }

    /// Every operation whose demands on callers changed, by route, those that are new or gone among them:
    /// a token may bring its own grants, or have them from several roles.
    pub fn demands(&self) -> Vec<(String, DemandChange)> {
        let mut found = Vec::new();
        for request in &self.requests {
            let operations = self.operations(request);
            let all = operations.concat();
            for body in body::classes(&all) {
                let samples = Samples::new(request, &body, &all, |_| Ok(None));
                let Ok(samples) = samples else { continue };
                let mut all = picks(samples.axes.iter().map(Vec::len));
                let Some(sample) = all.find_map(|picks| samples.get(&picks)) else {
                    continue;
                };
                let [old, new] = self.routers.map(|router| {
                    let (shape, operation) = sample.operation(router)?;
                    Some(Demand::new(router, operation, (&request.method, &shape)))
                });
                let change = demand::change(old.as_ref(), new.as_ref());
                found.extend(change.map(|change| (route(request, &body), change)));
            }
        }
        found
    }

    /// Every request that is decided in another way for a caller, in its own project and domain.
    ///
    /// # Errors
    ///
    /// What cannot be decided, by route.
    pub fn flips(&self, sides: &Sides<'_>) -> Result<Vec<Flip>, (String, Undecided)> {
        let mut found = Vec::new();
        for request in &self.requests {
            let operations = self.operations(request);
            let all = operations.concat();
            for body in body::classes(&all) {
                let flips = self.flips_of(request, &body, &operations, sides);
                found.extend(flips.map_err(|error| (route(request, &body), error))?);
            }
        }
        Ok(found)
    }

    fn operations(&self, request: &RequestClass) -> [Vec<&'a Operation>; 2] {
        let path = request.path(&BTreeMap::new());
        self.routers.map(|router| {
            let found = path
                .as_ref()
                .map(|path| router.resolve(&request.method, path));
            match found {
                Some(Ok(candidates)) => {
                    let found: BTreeSet<&str> = candidates
                        .operations()
                        .iter()
                        .map(|operation| &*operation.permission)
                        .collect();
                    let operations = router.table().operations().iter();
                    operations
                        .filter(|operation| found.contains(&*operation.permission))
                        .collect()
                }
                Some(Err(_)) | None => Vec::new(),
            }
        })
    }

    fn flips_of(
        &self,
        request: &RequestClass,
        body: &body::BodyClass,
        operations: &[Vec<&Operation>; 2],
        sides: &Sides<'_>,
    ) -> Result<Vec<Flip>, Undecided> {
        let all = operations.concat();
        let wants = [0, 1].map(|side| wanted(operations.get(side).map_or(&[][..], Vec::as_slice)));
        let wants = [&wants[0], &wants[1]];
        let held = [sides[0].as_ref(), sides[1].as_ref()];
        let samples = Samples::new(request, body, &all, |reserved| ids(held, wants, reserved))?;
        let axes = axes(held, wants)?;
        let lengths = axes.iter().map(|axis| axis.classes.len());
        let samples_count: usize = samples.axes.iter().map(Vec::len).product();
        let contexts: usize = lengths.clone().product();
        if samples_count.saturating_mul(contexts) > MAX_COMBINATIONS {
            return Err(Undecided::Contexts);
        }
        let samples_all: Vec<_> = picks(samples.axes.iter().map(Vec::len))
            .map(|picks| samples.get(&picks))
            .collect();
        let mut permits: Vec<Option<[bool; 2]>> = Vec::with_capacity(samples_count * contexts);
        for picks in picks(lengths) {
            let classes = axes.iter().zip(&picks);
            let classes = classes.filter_map(|(axis, pick)| axis.classes.get(*pick));
            let Some(context) = Context::new(classes) else {
                permits.extend(samples_all.iter().map(|_| None));
                continue;
            };
            let mut callers = sides.each_ref().map(|side| caller(side.as_ref(), &context));
            let circumstances = Circumstances {
                now: context.now,
                address: context.address,
            };
            for sample in &samples_all {
                permits.push(sample.as_ref().map(|sample| {
                    let [old, new] = &mut callers;
                    [
                        sample.is_permitted(self.routers[0], old.as_mut(), circumstances),
                        sample.is_permitted(self.routers[1], new.as_mut(), circumstances),
                    ]
                }));
            }
        }
        let mut names: Vec<Vec<String>> = axes
            .iter()
            .map(|axis| {
                axis.classes
                    .iter()
                    .map(|class| class.told.clone())
                    .collect()
            })
            .collect();
        names.extend(samples.axes.iter().cloned());
        let mut flips = Vec::new();
        for (direction, router, flip) in [
            (Direction::Widens, self.routers[1], [false, true]),
            (Direction::Narrows, self.routers[0], [true, false]),
        ] {
            let Some(first) = permits.iter().position(|permits| *permits == Some(flip)) else {
                continue;
            };
            let sample = samples_all
                .get(first % samples_count)
                .and_then(Option::as_ref);
            let operation = sample.and_then(|sample| sample.operation(router));
            let holds = permits
                .iter()
                .map(|permits| permits.map(|permits| permits == flip));
            flips.push(Flip {
                direction,
                permission: operation.map_or_else(
                    || Arc::from("(none)"),
                    |(_, operation)| Arc::clone(&operation.permission),
                ),
                route: route(request, body),
                is_listed: request.is_listed,
                contexts: simple::simplify(&names, holds.collect()),
            });
        }
        Ok(flips)
    }

    /// Every action of both tables of which a caller's policies say something else now.
    ///
    /// # Errors
    ///
    /// What cannot be decided, by action.
    pub fn verdicts(&self, sides: &Sides<'_>) -> Result<Vec<VerdictChange>, (String, Undecided)> {
        let mut found = Vec::new();
        let [old, new] = self.routers.map(Router::table);
        for (id, action) in old.actions() {
            let Some(new_id) = new.action(action) else {
                continue;
            };
            let change = verdict::change(sides, [id, new_id]);
            let change = change.map_err(|error| (action.to_string(), error))?;
            found.extend(
                change
                    .into_iter()
                    .map(|(direction, contexts)| VerdictChange {
                        direction,
                        action: action.clone(),
                        contexts,
                    }),
            );
        }
        Ok(found)
    }
}

fn route(request: &RequestClass, body: &body::BodyClass) -> String {
    let (method, route) = (&request.method, &request.route);
    match &body.told {
        Some(told) => format!("{method} {route} {told}"),
        None => format!("{method} {route}"),
    }
}

/// Every action that may matter for one of `operations`.
fn wanted(operations: &[&Operation]) -> ActionSet {
    let mut wanted = ActionSet::default();
    for operation in operations {
        let conditional = operation.conditional.iter();
        let besides = conditional.flat_map(|conditional| &conditional.required);
        let all = operation
            .required
            .iter()
            .chain(&operation.refused_by)
            .chain(besides);
        all.for_each(|action| wanted.insert(*action));
    }
    wanted
}

/// Every combination of one of so many for each, the last changing fastest.
fn picks(sizes: impl Iterator<Item = usize>) -> impl Iterator<Item = Vec<usize>> {
    let sizes: Vec<usize> = sizes.collect();
    let count: usize = sizes.iter().product();
    (0..count).map(move |index| {
        let mut rest = index;
        let mut picks: Vec<usize> = sizes
            .iter()
            .rev()
            .map(|size| {
                let pick = rest % size;
                rest /= size;
                pick
            })
            .collect();
        picks.reverse();
        picks
    })
}

/// A caller whose project and domain are those of whatever it asks for; none where its token is refused.
fn caller(side: Option<&Holding<'_>>, context: &Context) -> Option<Principal> {
    let grants = side?.grants(context).ok()?;
    Some(Principal {
        issuer: 0,
        subject: None,
        projects: Vec::new(),
        domain: None,
        enters_all_projects: true,
        grants,
        access_rules: None,
        unknown_roles: UnknownRoles::default(),
    })
}

#[cfg(test)]
mod tests;
