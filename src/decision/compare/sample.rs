//! One request of each class.

use std::collections::BTreeMap;

use hyper::Method;
use serde_json::{Map, Value};

use super::body::{self, BodyClass};
use super::request::{Part, RequestClass};
use crate::decision::{Circumstances, admit_public, authorize};
use crate::grant::{Principal, Undecided};
use crate::json::Pointer;
use crate::router::{JsonBody, RequestPath, Router, Target};
use crate::table::{ItemPointer, Operation, Resource};

/// The path parameter that names a server, whatever the operation is about.
pub const SERVER_PARAMETER: &str = "server_id";
/// More sets of ids in a body than these would be too many with anything else.
const MAX_SETS: usize = 500;

/// The requests of a class, along axes of their own.
pub struct Samples<'a> {
    request: &'a RequestClass,
    body: &'a BodyClass,
    choices: Vec<Choice<'a>>,
    /// How people name each choice.
    pub axes: Vec<Vec<String>>,
}

enum Choice<'a> {
    Segment(usize, Vec<String>),
    /// Whether the body has something there.
    Condition(&'a Pointer),
    Instances(&'a ItemPointer, Vec<Vec<String>>),
}

/// One request.
pub struct Sample {
    method: Method,
    path: RequestPath,
    body: Map<String, Value>,
}

/// Ids that some policies tell apart, and how many of them together; none where no policy asks.
pub type Ids = Option<(Vec<String>, usize)>;

impl<'a> Samples<'a> {
    /// The requests for `operations`, for each id that `ids` finds beside the literals which it must not be.
    pub fn new(
        request: &'a RequestClass,
        body: &'a BodyClass,
        operations: &[&'a Operation],
        ids: impl Fn(&[&str]) -> Result<Ids, Undecided>,
    ) -> Result<Self, Undecided> {
        let mut samples = Self {
            request,
            body,
            choices: Vec::new(),
            axes: Vec::new(),
        };
        let named = instance_segments(request, operations);
        for (at, part) in request.segments.iter().enumerate() {
            let Part::Free {
                samples: kinds,
                reserved,
            } = part
            else {
                continue;
            };
            let reserved: Vec<&str> = reserved.iter().map(String::as_str).collect();
            let ids = match named.contains(&at) {
                true => ids(&reserved)?,
                false => None,
            };
            match ids {
                Some((mut ids, _)) => {
                    // What a parameter of another kind refuses may be no id.
                    if kinds.len() > 1 {
                        ids.extend(kinds.iter().cloned());
                    }
                    let told = ids
                        .iter()
                        .map(|id| format!("for an instance such as {id:?}"));
                    let told = told.collect();
                    samples.add(Choice::Segment(at, ids), told);
                }
                None if kinds.len() > 1 => {
                    let told = kinds
                        .iter()
                        .map(|value| format!("with a path as {value:?}"));
                    samples.add(Choice::Segment(at, kinds.clone()), told.collect());
                }
                None => {}
            }
        }
        let has_items = !body::instances(operations).is_empty();
        for pointer in body::conditions(operations) {
            let is_place = |name: &String| name.bytes().all(|byte| byte.is_ascii_digit());
            if has_items && pointer.names().iter().any(is_place) {
                return Err(Undecided::Item(pointer.to_string()));
            }
            let told = [
                format!("without {pointer} in the body"),
                format!("with {pointer} in the body"),
            ];
            samples.add(Choice::Condition(pointer), told.to_vec());
        }
        for pointer in body::instances(operations) {
            let is_list = pointer.names().iter().any(|name| name == "*");
            let sets = match ids(&[])? {
                Some((ids, most)) => sets(&ids, if is_list { most } else { 1 })?,
                None => vec![Vec::new()],
            };
            let told = sets.iter().map(|set| match set.as_slice() {
                [] => format!("without ids at {pointer}"),
                set => format!("for instances such as {set:?}"),
            });
            let told = told.collect();
            samples.add(Choice::Instances(pointer, sets), told);
        }
        Ok(samples)
    }

    fn add(&mut self, choice: Choice<'a>, told: Vec<String>) {
        self.choices.push(choice);
        self.axes.push(told);
    }

    /// The request of one pick along each axis; none where there is none, since what is to be in the body
    /// excludes what is not.
    pub fn get(&self, picks: &[usize]) -> Option<Sample> {
        let mut values = BTreeMap::new();
        let mut members = self.body.members.clone();
        for (choice, pick) in self.choices.iter().zip(picks) {
            match choice {
                Choice::Segment(at, texts) => {
                    values.insert(*at, texts.get(*pick)?.clone());
                }
                Choice::Condition(pointer) if *pick == 1 => body::put(&mut members, pointer),
                Choice::Condition(_) => {}
                Choice::Instances(pointer, sets) => {
                    let set = sets.get(*pick)?;
                    if !set.is_empty() {
                        body::put_texts(&mut members, pointer.names(), set);
                    }
                }
            }
        }
        for (choice, pick) in self.choices.iter().zip(picks) {
            let is_there = match choice {
                Choice::Segment(..) => continue,
                Choice::Condition(pointer) => pointer.find(&members).is_some() == (*pick == 1),
                Choice::Instances(pointer, sets) => {
                    let set = sets.get(*pick)?;
                    let found = pointer.find(&members);
                    found.unwrap_or_default() == *set
                }
            };
            if !is_there {
                return None;
            }
        }
        // What tells the operation must not have been changed.
        let tells = |(name, value): (&String, &Value)| match value {
            Value::String(_) => members.get(name) == Some(value),
            _ => members.contains_key(name),
        };
        if !self.body.members.iter().all(tells) || (self.is_only() && members.len() > 1) {
            return None;
        }
        Some(Sample {
            method: self.request.method.clone(),
            path: self.request.path(&values)?,
            body: members,
        })
    }

    /// Whether the body's only member tells.
    fn is_only(&self) -> bool {
        self.body.told.is_some()
            && self.body.members.len() == 1
            && self.body.members.values().all(Value::is_object)
    }
}

impl Sample {
    /// The operation that a router leads it to, and the shape of its route.
    pub fn operation<'r>(&self, router: &'r Router) -> Option<(String, &'r Operation)> {
        let mut found = None;
        self.with_target(router, |target| {
            found = Some((target.route.template.shape(), target.place));
        });
        let (shape, place) = found?;
        Some((shape, router.table().operations().get(place)?))
    }

    /// Whether it is permitted; a caller of none is one whose token is refused.
    pub fn is_permitted(
        &self,
        router: &Router,
        caller: Option<&mut Principal>,
        circumstances: Circumstances,
    ) -> bool {
        let mut is_permitted = false;
        self.with_target(router, |target| {
            is_permitted = admit_public(target).is_some()
                || caller.is_some_and(|caller| {
                    caller.domain = target.domain().map(str::to_owned);
                    authorize(caller, target, circumstances).is_ok()
                });
        });
        is_permitted
    }

    fn with_target(&self, router: &Router, see: impl FnOnce(&Target<'_>)) {
        let Ok(candidates) = router.resolve(&self.method, &self.path) else {
            return;
        };
        let body = candidates.reads_body().then(|| {
            let text = Value::Object(self.body.clone()).to_string();
            JsonBody::parse(text.as_bytes()).ok()
        });
        if let Ok(target) = candidates.target(body.flatten()) {
            see(&target);
        }
    }
}

/// The segments that name instances: what an operation is about, and the server of the path.
fn instance_segments(request: &RequestClass, operations: &[&Operation]) -> Vec<usize> {
    let mut found = Vec::new();
    for operation in operations {
        let own = match &operation.resource {
            Some(Resource::Parameter(name)) => Some(name.as_str()),
            Some(Resource::Body(_)) | None => None,
        };
        for route in &operation.routes {
            let segments = route.template.segments();
            if segments.len() != request.segments.len() {
                continue;
            }
            for (at, segment) in segments.iter().enumerate() {
                let crate::table::Segment::Parameter(name) = segment else {
                    continue;
                };
                if Some(name.as_str()) == own || name == SERVER_PARAMETER {
                    found.push(at);
                }
            }
        }
    }
    found
}

/// No ids, and every set of at most `most` of `ids`.
///
/// # Errors
///
/// [`Undecided::Contexts`].
pub fn sets(ids: &[String], most: usize) -> Result<Vec<Vec<String>>, Undecided> {
    let mut sets: Vec<Vec<String>> = vec![Vec::new()];
    let mut start = 0;
    for _ in 0..most.min(ids.len()) {
        let end = sets.len();
        for at in start..end {
            let Some(known) = sets.get(at).cloned() else {
                break;
            };
            let last = known
                .last()
                .and_then(|last| ids.iter().position(|id| id == last));
            for id in ids.iter().skip(last.map_or(0, |last| last + 1)) {
                let larger = known.iter().chain([id]).cloned().collect();
                sets.push(larger);
                if sets.len() > MAX_SETS {
                    return Err(Undecided::Contexts);
                }
            }
        }
        start = end;
    }
    Ok(sets)
}
