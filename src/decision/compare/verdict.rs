//! What policies say of one action, on both sides.

use std::cmp::Ordering;

use super::sample::{Ids, sets};
use super::{Direction, Sides, picks, simple};
use crate::grant::{
    Context, Grants, Instances, NotUnderstood, Request, Undecided, Verdict, axes, ids,
};
use crate::table::{ActionId, ActionSet};

/// A change of what is said of an action, in which classes of contexts.
type Change = (Direction, Vec<Vec<String>>);

/// How what a caller's policies say of one action, by its ids on both sides, changed.
///
/// # Errors
///
/// What cannot be decided.
pub fn change(sides: &Sides<'_>, actions: [ActionId; 2]) -> Result<Vec<Change>, Undecided> {
    let wants = actions.map(|action| {
        let mut wants = ActionSet::default();
        wants.insert(action);
        wants
    });
    let held = [sides[0].as_ref(), sides[1].as_ref()];
    let wants = [&wants[0], &wants[1]];
    let axes = axes(held, wants)?;
    let levels = levels(ids(held, wants, &[])?)?;
    let mut changes = Vec::new();
    for picks in picks(axes.iter().map(|axis| axis.classes.len())) {
        let classes = axes.iter().zip(&picks);
        let classes = classes.filter_map(|(axis, pick)| axis.classes.get(*pick));
        let Some(context) = Context::new(classes) else {
            changes.extend(levels.iter().map(|_| None));
            continue;
        };
        let grants = held.map(|side| side.map(|side| side.grants(&context)));
        for (_, ids, is_instance_level) in &levels {
            let request = Request {
                now: context.now,
                address: context.address,
                instances: Instances {
                    ids: ids.iter().map(String::as_str).collect(),
                    is_instance_level: *is_instance_level,
                },
            };
            let old = rank(grants[0].as_ref(), actions[0], &request);
            let new = rank(grants[1].as_ref(), actions[1], &request);
            changes.push(Some(new.cmp(&old)));
        }
    }
    let told = axes.iter().map(|axis| {
        let classes = axis.classes.iter();
        classes.map(|class| class.told.clone()).collect()
    });
    let levels = levels.into_iter().map(|(told, ..)| told).collect();
    let told: Vec<Vec<String>> = told.chain([levels]).collect();
    let mut found = Vec::new();
    for (direction, order) in [
        (Direction::Widens, Ordering::Greater),
        (Direction::Narrows, Ordering::Less),
    ] {
        let holds = changes
            .iter()
            .map(|change| change.map(|change| change == order));
        let contexts = simple::simplify(&told, holds.collect());
        if !contexts.is_empty() {
            found.push((direction, contexts));
        }
    }
    Ok(found)
}

/// Which instances a request may be about, and whether a grant may be for single ones.
type Level = (String, Vec<String>, bool);

fn levels(ids: Ids) -> Result<Vec<Level>, Undecided> {
    let mut levels = vec![("for no instance".to_owned(), Vec::new(), false)];
    let (ids, most) = ids.unwrap_or_default();
    for set in sets(&ids, most)?.into_iter().filter(|set| !set.is_empty()) {
        let told = format!("for a server such as {set:?}, whatever it is about");
        levels.push((told, set.clone(), false));
        levels.push((format!("for instances such as {set:?}"), set, true));
    }
    Ok(levels)
}

/// How much is said for the action; least where the whole token is refused, whatever else it holds.
fn rank(
    grants: Option<&Result<Grants, NotUnderstood>>,
    action: ActionId,
    request: &Request<'_>,
) -> u8 {
    let Some(Ok(grants)) = grants else {
        return 0;
    };
    match grants.verdict(action, request) {
        Verdict::Denied => 0,
        Verdict::NotGranted => 1,
        Verdict::Allowed => 2,
    }
}
