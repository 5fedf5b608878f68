//! Who may do what: personas × all operations of the built-in table, kept as text in
//! `decision_matrix.txt`, so that a change of policy shows up as a diff.
//!
//! The same functions that the gateway asks fill the text; a slow and obvious reading of the
//! grants has to come to the same decisions, so that nobody accepts a wrong text by mistake.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test that cannot go on has failed"
)]

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use actiongate::decision::{Circumstances, Denial, authorize};
use actiongate::grant::{ClaimMapping, Principal, Roles};
use actiongate::router::{RequestPath, Router};
use actiongate::table::{ActionName, ActionTable, Operation, Route, Segment, Source};
use serde_json::{Value, json};

/// The project that every path names.
const PROJECT: &str = "own-project";

/// No grant here asks for them.
const CIRCUMSTANCES: Circumstances = Circumstances {
    now: 0,
    address: None,
};

/// A caller: what its token's claims say.
struct Persona {
    name: String,
    project: Value,
    actions: Value,
}

impl Persona {
    fn new(name: &str, actions: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            project: json!(PROJECT),
            actions: json!(actions),
        }
    }

    fn principal(&self, table: &ActionTable) -> Principal {
        let pointer = |text: &str| text.parse().unwrap();
        let mapping = ClaimMapping {
            actions: Some(pointer("/actions")),
            ..ClaimMapping::new(pointer("/project_id"), pointer("/sub"))
        };
        let mut claims = json!({"project_id": self.project, "actions": self.actions});
        let claims = claims.as_object_mut().unwrap();
        claims.retain(|_, claim| !claim.is_null());
        Principal::new(0, claims, &mapping, &Roles::default(), table).unwrap()
    }

    fn grants(&self) -> Vec<String> {
        match &self.actions {
            Value::String(text) => text.split(' ').map(str::to_owned).collect(),
            Value::Array(items) => items
                .iter()
                .map(|item| item.as_str().unwrap().to_owned())
                .collect(),
            _ => Vec::new(),
        }
    }
}

fn personas(table: &ActionTable) -> Vec<Persona> {
    let mut personas = vec![
        Persona::new("everything", &["*:*:*"]),
        Persona::new("operator", &["ecs:*:*"]),
        Persona::new("reader", &["ecs:*:get*", "ecs:*:list*"]),
        Persona::new("metadata-only", &["ecs:servers:*Metadata"]),
        Persona::new("auto recovery", &["ecs:cloudservers:*autorecovery"]),
        Persona::new("another service", &["evs:*:*"]),
        Persona::new("the service in capitals", &["ECS:*:*"]),
        Persona::new("nothing", &[]),
        Persona {
            actions: Value::Null,
            ..Persona::new("no claim of actions", &[])
        },
        Persona {
            actions: json!("ecs:servers:setMetadata ecs:servers:get"),
            ..Persona::new("both in one string", &[])
        },
        Persona {
            project: json!(["another-project", PROJECT]),
            ..Persona::new("two projects", &["ecs:*:*"])
        },
        Persona {
            project: json!("another-project"),
            ..Persona::new("other project", &["*:*:*"])
        },
        Persona {
            project: json!("OWN-PROJECT"),
            ..Persona::new("the project in capitals", &["*:*:*"])
        },
        Persona {
            project: Value::Null,
            ..Persona::new("no claim of a project", &["*:*:*"])
        },
    ];
    for (_, action) in table.actions() {
        let verb = action.parts().last().unwrap();
        personas.push(Persona::new(&format!("{verb} alone"), &[action.as_str()]));
    }
    personas
}

#[test]
fn decisions_are_those_of_the_golden_text() {
    let router = router();
    let found = describe(&router);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/decision_matrix.txt");
    if env::var("UPDATE_GOLDEN").is_ok_and(|value| value == "1") {
        fs::write(&path, &found).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        golden == found,
        "the decisions differ from {}:\n\n{}\nIf this is the policy you want, accept it with\n\n  \
         UPDATE_GOLDEN=1 cargo test --test decision_matrix\n\nand commit the file.\n",
        path.display(),
        difference(&golden, &found)
    );
}

#[test]
fn an_obvious_reading_comes_to_the_same_decisions() {
    let router = router();
    for persona in personas(router.table()) {
        let grants = persona.grants();
        let is_own = persona.project == json!(PROJECT)
            || persona
                .project
                .as_array()
                .is_some_and(|own| own.contains(&json!(PROJECT)));
        for operation in router.table().operations() {
            let is_granted = |action: &str| grants.iter().any(|grant| stands_for(grant, action));
            let expected = is_own
                && operation
                    .actions
                    .iter()
                    .all(|name| is_granted(name.as_str()));
            for route in &operation.routes {
                let decision = decide(&router, &persona, operation, route);
                let name = &persona.name;
                assert_eq!(decision == "yes", expected, "{name}, {}", route.template);
            }
        }
    }
}

#[test]
fn all_of_the_table_is_decided() {
    let router = router();
    let lines = describe(&router);
    let operations = router.table().operations().len();
    let is_decision = |line: &&str| line.starts_with("    yes ") || line.starts_with("    no ");
    let decided = lines.lines().filter(is_decision).count();
    assert_eq!(operations, 8);
    assert_eq!(
        decided,
        operations * personas(router.table()).len(),
        "{lines}"
    );
}

fn router() -> Router {
    Router::new(ActionTable::load(&Source::builtin()).unwrap()).unwrap()
}

/// The whole text.
fn describe(router: &Router) -> String {
    let mut text = String::from(
        "Who may do what. Made by tests/decision_matrix.rs: do not edit, accept a change with\n\n  \
         UPDATE_GOLDEN=1 cargo test --test decision_matrix\n\nOperations\n",
    );
    for operation in router.table().operations() {
        writeln!(text, "\n  {}", operation.permission).unwrap();
        for route in &operation.routes {
            writeln!(text, "    {} {}", route.method, route.template).unwrap();
        }
        let actions: Vec<&str> = operation.actions.iter().map(ActionName::as_str).collect();
        writeln!(text, "    needs {}", actions.join(" and ")).unwrap();
    }
    writeln!(text, "\nPersonas; every request is to {PROJECT}").unwrap();
    for persona in personas(router.table()) {
        let (name, project, actions) = (&persona.name, &persona.project, &persona.actions);
        writeln!(text, "\n  {name}: project {project}, actions {actions}\n").unwrap();
        for operation in router.table().operations() {
            let decide = |route| decide(router, &persona, operation, route);
            let mut decisions: Vec<String> = operation.routes.iter().map(decide).collect();
            // Versions of one route are decided alike; if they are not, the text shows it.
            decisions.dedup();
            for decision in decisions {
                let (word, rest) = decision.split_once(' ').unwrap_or((&decision, ""));
                writeln!(text, "    {word:<3} {}{rest}", operation.permission).unwrap();
            }
        }
    }
    text
}

/// `yes`, or `no` and what stands against it.
fn decide(router: &Router, persona: &Persona, operation: &Operation, route: &Route) -> String {
    let segments = route.template.segments().iter();
    let path: String = segments
        .map(|segment| match segment {
            Segment::Literal(text) => format!("/{text}"),
            Segment::Parameter(name) if name == "project_id" => format!("/{PROJECT}"),
            Segment::Parameter(name) => format!("/some-{name}"),
        })
        .collect();
    let path: RequestPath = path.parse().unwrap();
    let target = router
        .resolve(&route.method, &path)
        .unwrap()
        .target(None)
        .unwrap();
    assert_eq!(target.operation.permission, operation.permission);
    let table = router.table();
    match authorize(&persona.principal(table), &target, CIRCUMSTANCES) {
        Ok(_) => "yes".to_owned(),
        Err(Denial::Project { project }) => format!("no : the token is not for {project}"),
        Err(Denial::Actions { missing }) => {
            let names = missing.iter().filter_map(|action| table.name(*action));
            let names: Vec<&str> = names.map(ActionName::as_str).collect();
            format!("no : missing {}", names.join(" and "))
        }
        Err(denial) => panic!("{denial}"),
    }
}

/// The vendor's rule for a grant, word for word.
fn stands_for(grant: &str, action: &str) -> bool {
    fn part(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            ([b'*', rest @ ..], _) => (0..=text.len()).any(|eaten| part(rest, &text[eaten..])),
            ([a, pattern @ ..], [b, text @ ..]) => a == b && part(pattern, text),
            _ => false,
        }
    }
    let parts = |text: &str| {
        let (service, rest) = text.split_once(':').unwrap();
        let (resource, verb) = rest.split_once(':').unwrap();
        [
            service.to_owned(),
            resource.to_lowercase(),
            verb.to_lowercase(),
        ]
    };
    let (grant, action) = (parts(grant), parts(action));
    (0..3).all(|index| part(grant[index].as_bytes(), action[index].as_bytes()))
}

/// Both texts, line by line: `-` stands only in the golden one, `+` only in the found one.
fn difference(golden: &str, found: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (golden.lines().collect(), found.lines().collect());
    // The length of the longest common rest from each pair of lines on.
    let mut common = vec![vec![0_usize; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i][j] = match old[i] == new[j] {
                true => common[i + 1][j + 1] + 1,
                false => common[i + 1][j].max(common[i][j + 1]),
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut text = String::new();
    while i < old.len() || j < new.len() {
        let (sign, line) = if i < old.len() && j < new.len() && old[i] == new[j] {
            i += 1;
            j += 1;
            (' ', new[j - 1])
        } else if j == new.len() || (i < old.len() && common[i + 1][j] >= common[i][j + 1]) {
            i += 1;
            ('-', old[i - 1])
        } else {
            j += 1;
            ('+', new[j - 1])
        };
        writeln!(text, "{sign} {line}").unwrap();
    }
    text
}
