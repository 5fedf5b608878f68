//! From table files to an [`ActionTable`].

mod conflict;
mod operation;
mod route;

use std::collections::HashMap;
use std::sync::Arc;

use super::{ActionName, ActionTable, Operation, Source};
use crate::document::{Document, Located, Problem, Problems, Section};

pub fn load(sources: &[Source]) -> Result<ActionTable, Problems> {
    let mut problems = Vec::new();
    let mut operations: Vec<Operation> = Vec::new();
    let mut places: HashMap<Arc<str>, usize> = HashMap::new();
    let mut table = ActionTable::default();
    for source in sources {
        let document = Document::new(&source.name, &source.text);
        let (read, aliases) = document.read(|root| read_file(root, &source.name));
        problems.append(&mut document.into_problems());
        for operation in read {
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
        for (alias, action) in aliases {
            let known = table.aliases.entry(action).or_default();
            if !known.contains(&alias) {
                known.push(alias);
            }
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
    Ok(table)
}

/// The file's operations, and its aliases with the actions that have them.
fn read_file(root: &Section<'_>, file: &str) -> (Vec<Operation>, Vec<(ActionName, ActionName)>) {
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
    (operations, aliases.iter().flat_map(read_alias).collect())
}

fn read_alias(section: &Section<'_>) -> Vec<(ActionName, ActionName)> {
    let expected = "the older name of the actions, such as \"ecs:cloudServers:get\"";
    if !section.has("alias") {
        section.missing("alias", expected);
    }
    let alias = section.parse("alias", expected, str::parse::<ActionName>);
    let actions = match section.strings("actions") {
        Some(actions) => read_actions(section, actions),
        None => {
            section.missing("actions", "the actions that it is an alias of");
            Vec::new()
        }
    };
    section.finish();
    let Some(alias) = alias else {
        return Vec::new();
    };
    let pairs = actions.into_iter();
    pairs.map(|action| (alias.value.clone(), action)).collect()
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
