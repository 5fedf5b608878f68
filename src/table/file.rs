//! From table files to an [`ActionTable`].

mod conflict;
mod operation;
mod route;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::{ActionName, ActionTable, Operation, Place, Source};
use crate::document::{Document, Located, Problem, Problems, Section};

pub fn load(sources: &[Source]) -> Result<ActionTable, Problems> {
    let mut problems = Vec::new();
    let mut operations: Vec<Operation> = Vec::new();
    let mut places: HashMap<Arc<str>, usize> = HashMap::new();
    let mut table = ActionTable::default();
    let mut aliases: Vec<Alias> = Vec::new();
    let mut named: HashSet<ActionName> = HashSet::new();
    for source in sources {
        let document = Document::new(&source.name, &source.text);
        let (read, more) = document.read(|root| read_file(root, &source.name));
        problems.append(&mut document.into_problems());
        aliases.extend(more);
        for operation in read {
            named.extend(operation.names().cloned());
            let known = places.get(&operation.permission).copied();
            let known = known.and_then(|place| operations.get_mut(place));
            match known.filter(|known| known.place.file != operation.place.file) {
                Some(known) => *known = operation,
                None => {
                    places.insert(Arc::clone(&operation.permission), operations.len());
                    operations.push(operation);
                }
            }
        }
    }
    for alias in aliases {
        // An action of an operation that another file has replaced is good, too: a file that
        // replaces one need not care for the aliases of others.
        if !named.contains(&alias.action) {
            problems.push(alias.unknown());
        }
        let known = table.aliases.entry(alias.action).or_default();
        if !known.contains(&alias.name) {
            known.push(alias.name);
        }
    }
    conflict::report(&operations, &mut problems);
    if operations.is_empty() && problems.is_empty() {
        problems.push(Problem {
            file: sources
                .last()
                .map_or_else(String::new, |source| source.name.clone()),
            line: 0,
            message:
                "there is no [[operation]], expected at least one: every request would be refused"
                    .to_owned(),
        });
    }
    problems.sort_by_key(|problem| {
        let file = sources
            .iter()
            .position(|source| source.name == problem.file);
        (file, problem.line)
    });
    if !problems.is_empty() {
        return Err(Problems(problems));
    }
    for mut operation in operations {
        operation.required = table.actions.intern_all(&operation.actions);
        operation.refused_by = table.actions.intern_all(&operation.successors);
        for conditional in &mut operation.conditional {
            conditional.required = table.actions.intern_all(&conditional.actions);
        }
        table.operations.push(operation);
    }
    table.spell();
    Ok(table)
}

/// An older name of an action.
struct Alias {
    name: ActionName,
    action: ActionName,
    place: Place,
}

impl Alias {
    fn unknown(&self) -> Problem {
        let Self {
            name,
            action,
            place,
        } = self;
        Problem {
            file: place.file.clone(),
            line: place.line,
            message: format!(
                "`{action}` is demanded by no operation, expected an action that is: a denial of its alias `{name}` would deny nothing"
            ),
        }
    }
}

/// The file's operations, and its aliases.
fn read_file(root: &Section<'_>, file: &str) -> (Vec<Operation>, Vec<Alias>) {
    let mut operations: Vec<Operation> = Vec::new();
    let mut lines: HashMap<Arc<str>, usize> = HashMap::new();
    for section in root.sections("operation").unwrap_or_default() {
        let Some(operation) = operation::read(&section, file) else {
            continue;
        };
        let (permission, line) = (Arc::clone(&operation.permission), operation.place.line);
        if let Some(earlier) = lines.get(&permission) {
            let message = format!(
                "the permission `{permission}` is already defined at line {earlier}, expected one [[operation]] for each"
            );
            section.problem(line, message);
        } else {
            lines.insert(permission, line);
        }
        operations.push(operation);
    }
    let aliases = root.sections("alias").unwrap_or_default();
    let aliases = aliases.iter().flat_map(|section| read_alias(section, file));
    (operations, aliases.collect())
}

fn read_alias(section: &Section<'_>, file: &str) -> Vec<Alias> {
    let expected = "the older name of the actions, such as \"ecs:cloudServers:get\"";
    if !section.has("alias") {
        section.missing("alias", expected);
    }
    let alias = section.parse("alias", expected, str::parse::<ActionName>);
    let actions = section.strings("actions");
    let is_empty = |texts: &Located<Vec<_>>| texts.value.is_empty();
    if actions.as_ref().is_none_or(is_empty) {
        section.missing("actions", "the actions that it is an alias of");
    }
    let actions = actions.map_or_else(Vec::new, |texts| read_actions(section, texts));
    section.finish();
    let Some(alias) = alias else {
        return Vec::new();
    };
    let of_action = |action| Alias {
        name: alias.value.clone(),
        action,
        place: Place {
            file: file.to_owned(),
            line: section.line(),
        },
    };
    actions.into_iter().map(of_action).collect()
}

/// The actions named by `texts`; those that cannot be read are reported and left out.
fn read_actions(section: &Section<'_>, texts: Located<Vec<Located<String>>>) -> Vec<ActionName> {
    let mut actions: Vec<ActionName> = Vec::new();
    for Located { value: text, line } in texts.value {
        match text.parse::<ActionName>() {
            Ok(action) if actions.contains(&action) => {
                section.problem(
                    line,
                    format!("`{text}` stands twice, expected each action once"),
                );
            }
            Ok(action) => actions.push(action),
            Err(error) => {
                let message = format!("`{text}` is not an action `service:resource:verb`: {error}");
                section.problem(line, message);
            }
        }
    }
    actions
}

#[cfg(test)]
mod tests;
