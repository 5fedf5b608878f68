//! Which requests for an operation would be permitted, before there is one.

use crate::grant::{Reach, Reaching};
use crate::table::{ActionId, Operation};

/// Which requests for an operation are permitted, and the actions that keep it from all.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OperationReach {
    /// Which requests.
    pub reach: Reach,
    /// What keeps others out; every action there is where nothing does.
    pub because: Vec<ActionId>,
}

impl OperationReach {
    /// As [`super::authorize`] decides, where projects, domains and access rules leave it to the actions.
    pub fn new(operation: &Operation, grants: &impl Reaching) -> Self {
        let is_instance_level = operation.resource.is_some();
        let required = operation.required.iter().map(|action| {
            let reach = grants.reach(*action, is_instance_level);
            (*action, reach)
        });
        // Who is denied a newer name is denied the operation.
        let successors = operation.refused_by.iter().map(|action| {
            let reach = match grants.denial_reach(*action) {
                Reach::No => Reach::Every,
                Reach::Some => Reach::Some,
                Reach::Every => Reach::No,
            };
            (*action, reach)
        });
        // What a body may demand besides can only keep some requests out.
        let besides = operation.conditional.iter().flat_map(|more| &more.required);
        let besides = besides.map(|action| {
            let reach = grants.reach(*action, is_instance_level);
            (*action, reach.max(Reach::Some))
        });
        let reaches: Vec<(ActionId, Reach)> = required.chain(successors).chain(besides).collect();
        let least = reaches.iter().map(|(_, reach)| *reach).min();
        let reach = least.unwrap_or(Reach::Every);
        let because = reaches.into_iter().filter(|(_, own)| *own == reach);
        Self {
            reach,
            because: because.map(|(action, _)| action).collect(),
        }
    }
}
