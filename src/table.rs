//! The action table: which actions each route of the API demands.
//!
//! Pure data, loaded once from the vendor's pages in TOML form and the user's own files.
//! Nothing here decides: [`crate::router`] finds the operation, [`crate::decision`] holds its actions
//! against the caller's.

mod action;
mod body;
mod builtin;
mod file;
mod spelling;
mod template;

use std::collections::HashMap;
use std::sync::Arc;

use hyper::Method;

pub use action::{ActionId, ActionName, ActionSet, InvalidActionName};
pub use body::{
    BodySelector, Conditional, InvalidItemPointer, ItemPointer, MAX_JSON_BODY, Resource,
};
pub use spelling::Spellings;
pub use template::{
    InvalidTemplate, ParameterKind, PathTemplate, Segment, is_version, is_version_root,
};

use crate::document::Problems;
use crate::json::{End, KeptPath};

/// The path parameter that names a project.
pub const PROJECT_PARAMETER: &str = "project_id";

/// A table file: how problems name it, and its text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Source {
    /// The path as the user wrote it, or as in `ecs/metadata_management (built in)`.
    pub name: String,
    /// TOML, one `[[operation]]` for each row, and `[[alias]]`es of actions.
    pub text: String,
}

impl Source {
    /// The built-in ECS table, a file for each of the vendor's pages.
    pub fn builtin() -> Vec<Self> {
        builtin::sources()
    }
}

/// Where an operation or a route was written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Place {
    /// As [`Source::name`].
    pub file: String,
    /// Counted from 1.
    pub line: usize,
}

/// What a caller needs besides the project to be permitted an operation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Access {
    /// Every action of the operation.
    Actions,
    /// A verified token and nothing more.
    Authenticated,
    /// Nothing, not even a token.
    Public,
}

/// One row of the vendor's page.
#[derive(Clone, Debug)]
pub struct Operation {
    /// The vendor's label, unique in a table.
    pub permission: Arc<str>,
    /// At least one.
    pub routes: Vec<Route>,
    /// All of them are required, in the order of the page; empty unless [`Access::Actions`].
    pub actions: Vec<ActionName>,
    /// What is demanded of every request: the actions, and the dependencies where they are enforced.
    pub required: Vec<ActionId>,
    /// What is demanded besides, if the body holds something.
    pub conditional: Vec<Conditional>,
    /// Actions the vendor names beside the required ones; see
    /// [`ActionTable::enforcing_dependencies`].
    pub dependencies: Vec<ActionName>,
    /// Newer names that policies may give to this operation alone, where the table still has the older
    /// one: a denial of one is a denial of the operation, a grant is none.
    pub successors: Vec<ActionName>,
    /// The same as bits.
    pub refused_by: Vec<ActionId>,
    /// Which bodies lead here, where several operations have a route in common.
    pub selector: Option<BodySelector>,
    /// What names the instances that a policy's `Resource` is held against; nothing where the vendor
    /// authorizes no single instances.
    pub resource: Option<Resource>,
    /// The path parameter that must be a project of the token.
    pub project: Option<String>,
    /// The path parameter that must be the domain of the token.
    pub domain: Option<String>,
    /// Whether actions, a token or nothing is demanded.
    pub access: Access,
    /// The most bytes of a request's body, where the listener's bound does not suit.
    pub max_body: Option<u64>,
    /// Whether the routes may switch protocols; GET alone can ask for it.
    pub upgrade: bool,
    /// Where the row starts.
    pub place: Place,
}

/// A method and a path template that lead to an operation.
#[derive(Clone, Debug)]
pub struct Route {
    /// Exact, in upper case.
    pub method: Method,
    /// The whole path, from the version on.
    pub template: PathTemplate,
    /// Where the route is written.
    pub place: Place,
}

/// All operations, and the actions that any of them demands.
#[derive(Clone, Debug, Default)]
pub struct ActionTable {
    operations: Vec<Operation>,
    actions: action::Interner,
    aliases: HashMap<ActionName, Vec<ActionName>>,
    spellings: Spellings,
}

impl Operation {
    /// Whether a request's body has to be read before it can be decided upon.
    pub fn reads_body(&self) -> bool {
        self.selector.is_some()
            || !self.conditional.is_empty()
            || matches!(self.resource, Some(Resource::Body(_)))
    }

    /// What it looks at in a request's body.
    pub fn body_paths(&self) -> Vec<KeptPath> {
        let path = |names: Vec<String>, end| KeptPath { names, end };
        let selector = match &self.selector {
            Some(BodySelector::Value { member, .. }) => Some(path(vec![member.clone()], End::Text)),
            _ => None,
        };
        let resource = match &self.resource {
            Some(Resource::Body(pointer)) => Some(path(pointer.names().to_vec(), End::Text)),
            _ => None,
        };
        let conditional = self.conditional.iter();
        let conditional = conditional.map(|more| path(more.when.names(), End::Presence));
        selector
            .into_iter()
            .chain(resource)
            .chain(conditional)
            .collect()
    }

    /// Every action it names, demanded or not.
    fn names(&self) -> impl Iterator<Item = &ActionName> {
        let conditional = self.conditional.iter();
        let conditional = conditional.flat_map(|conditional| &conditional.actions);
        let (required, others) = (self.actions.iter(), self.dependencies.iter());
        required
            .chain(others)
            .chain(&self.successors)
            .chain(conditional)
    }
}

impl ActionTable {
    /// Reads `sources` in order; an operation replaces an earlier file's one with the same
    /// permission label.
    ///
    /// # Errors
    ///
    /// Every problem of every source at once: broken TOML, templates and action names, operations
    /// that demand nothing, routes that leave open which project they are about, equal routes.
    pub fn load(sources: &[Source]) -> Result<Self, Problems> {
        file::load(sources)
    }

    /// In the order of the files.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// Every action that some operation demands or is refused by, with its bit.
    pub fn actions(&self) -> impl Iterator<Item = (ActionId, &ActionName)> {
        self.actions.iter()
    }

    /// The bit of `action`, if an operation demands it or is refused by it.
    pub fn action(&self, action: &ActionName) -> Option<ActionId> {
        self.actions.find(action)
    }

    /// The names of a set's actions, in the order of the table.
    pub fn names<'a>(&'a self, set: &'a ActionSet) -> impl Iterator<Item = &'a ActionName> {
        self.actions()
            .filter(|(id, _)| set.contains(*id))
            .map(|(_, name)| name)
    }

    /// The name of one action; `None` for another table's.
    pub fn name(&self, id: ActionId) -> Option<&ActionName> {
        self.actions.name(id)
    }

    /// The older names that policies may still give to `action`.
    pub fn aliases(&self, action: &ActionName) -> &[ActionName] {
        self.aliases.get(action).map_or(&[], Vec::as_slice)
    }

    /// Every name of an action, older ones among them, in lower case.
    pub fn spellings(&self) -> &Spellings {
        &self.spellings
    }

    /// Must follow a change of the actions.
    fn spell(&mut self) {
        self.spellings = Spellings::default();
        for (id, action) in self.actions.iter() {
            let older = self.aliases.get(action).into_iter().flatten();
            for name in older.chain([action]) {
                self.spellings.add(name.as_str(), id);
            }
        }
    }

    /// The same table with every operation's dependencies among what it demands.
    #[must_use]
    pub fn enforcing_dependencies(mut self) -> Self {
        for operation in &mut self.operations {
            for action in &operation.dependencies {
                let id = self.actions.intern(action);
                if !operation.required.contains(&id) {
                    operation.required.push(id);
                }
            }
        }
        self.spell();
        self
    }
}
