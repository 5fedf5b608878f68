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
use actiongate::grant::{Address, ClaimMapping, Principal, Roles};
use actiongate::router::{JsonBody, RequestPath, Router};
use actiongate::table::{
    Access, ActionName, ActionTable, BodySelector, Operation, Route, Segment, Source,
};
use serde_json::{Value, json};

/// The project that every path names.
const PROJECT: &str = "own-project";

/// What creating a server demands besides for a new EIP, and for an existing one.
const CREATE: &str = "vpc:publicIps:create";
const UPDATE: &str = "vpc:publicIps:update";

/// No grant here asks for them.
const CIRCUMSTANCES: Circumstances = Circumstances {
    now: 0,
    address: Address::Absent,
};

/// A caller: what its token's claims say.
struct Persona {
    name: String,
    project: Value,
    actions: Value,
    /// Has one action and nothing else.
    is_alone: bool,
}

impl Persona {
    fn new(name: &str, actions: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            project: json!(PROJECT),
            actions: json!(actions),
            is_alone: false,
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
        Persona::new("creator", &["ecs:cloudServers:createServers"]),
        Persona::new(
            "creator with addresses",
            &["ecs:cloudServers:create*", "vpc:publicIps:create"],
        ),
        Persona::new("starter", &["ecs:*:start"]),
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
    personas.extend(table.actions().map(|(_, action)| Persona {
        is_alone: true,
        ..Persona::new(action.as_str(), &[action.as_str()])
    }));
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
        let (grants, principal) = (persona.grants(), persona.principal(router.table()));
        let is_own = match &persona.project {
            Value::Array(projects) => projects.contains(&json!(PROJECT)),
            project => *project == json!(PROJECT),
        };
        for request in requests(router.table()) {
            let is_granted = |action: &str| {
                let aliases = router.table().aliases(&action.parse().unwrap()).iter();
                let mut names = aliases.map(ActionName::as_str).chain([action]);
                names.any(|name| grants.iter().any(|grant| stands_for(grant, name)))
            };
            let missing = request.demands.iter().filter(|action| !is_granted(action));
            let missing: Vec<&str> = missing.copied().collect();
            let expected = match (request.operation.access, missing.is_empty()) {
                (Access::Public, _) => Decision::Yes,
                _ if !is_own => Decision::Project,
                (_, true) => Decision::Yes,
                (_, false) => Decision::Missing(missing),
            };
            let found = decide(&router, &principal, &request);
            assert_eq!(found, expected, "{}, {}", persona.name, request.name());
        }
    }
}

/// A request of each kind that the table tells apart.
struct Request<'a> {
    operation: &'a Operation,
    /// What its body holds that the operation asks about.
    variant: &'static str,
    body: Option<JsonBody>,
    /// Every action it takes.
    demands: Vec<&'a str>,
}

impl Request<'_> {
    fn name(&self) -> String {
        format!("{}{}", self.operation.permission, self.variant)
    }
}

fn requests(table: &ActionTable) -> Vec<Request<'_>> {
    table.operations().iter().flat_map(variants).collect()
}

fn variants(operation: &Operation) -> Vec<Request<'_>> {
    let Operation {
        actions, selector, ..
    } = operation;
    let actions: Vec<&str> = actions.iter().map(ActionName::as_str).collect();
    let request = |(variant, body, more): (&'static str, Value, &[&'static str])| Request {
        operation,
        variant,
        body: operation
            .reads_body()
            .then(|| JsonBody::parse(body.to_string().as_bytes()).unwrap()),
        demands: [&actions, more].concat(),
    };
    let address = |address: Value| json!({"server": {"name": "s", "publicip": address}});
    let cases: Vec<(&str, Value, &[&str])> = match selector {
        _ if !operation.conditional.is_empty() => vec![
            ("", json!({"server": {"name": "s"}}), &[]),
            (", with a new EIP", address(json!({"eip": {}})), &[CREATE]),
            (", with an EIP", address(json!({"id": "i"})), &[UPDATE]),
            (
                ", with both",
                address(json!({"id": "i", "eip": {}})),
                &[CREATE, UPDATE],
            ),
        ],
        Some(BodySelector::Key(key)) => vec![("", json!({key: null}), &[])],
        Some(BodySelector::Value { member, values }) => {
            vec![("", json!({member: values[0]}), &[])]
        }
        None => vec![("", json!({}), &[])],
    };
    cases.into_iter().map(request).collect()
}

fn router() -> Router {
    Router::new(ActionTable::load(&Source::builtin()).unwrap()).unwrap()
}

/// The whole text.
fn describe(router: &Router) -> String {
    let mut text = String::from(
        "Who may do what. Made by tests/decision_matrix.rs: do not edit, accept a change with\n\n  \
         UPDATE_GOLDEN=1 cargo test --test decision_matrix\n\n\
         A letter is a yes, `.` misses an action, `!` is for another project. Every request is to\n\
         own-project.\n\nPersonas\n\n",
    );
    let table = router.table();
    let personas = personas(table);
    let (alone, personas): (Vec<_>, Vec<_>) = personas.iter().partition(|persona| persona.is_alone);
    let letters: Vec<char> = ('A'..='Z').take(personas.len()).collect();
    for (letter, persona) in letters.iter().zip(&personas) {
        let (name, project, actions) = (&persona.name, &persona.project, &persona.actions);
        writeln!(
            text,
            "  {letter} {name}: project {project}, actions {actions}"
        )
        .unwrap();
    }
    let principals: Vec<Principal> = personas
        .iter()
        .map(|caller| caller.principal(table))
        .collect();
    let mut file = "";
    for request in requests(table) {
        if request.operation.place.file != file {
            file = &request.operation.place.file;
            writeln!(text, "\n{file}\n").unwrap();
        }
        let marks = letters.iter().zip(&principals).map(|(letter, principal)| {
            match decide(router, principal, &request) {
                Decision::Yes => *letter,
                Decision::Missing(_) => '.',
                Decision::Project => '!',
            }
        });
        let marks: String = marks.collect();
        let demands = match request.operation.access {
            Access::Actions => request.demands.join(" and "),
            access => format!("{access:?}").to_lowercase(),
        };
        writeln!(text, "  {marks}  {}: {demands}", request.name()).unwrap();
    }
    text.push_str("\nWhat one action alone is enough for\n");
    for persona in alone {
        writeln!(text, "\n  {}", persona.name).unwrap();
        let principal = persona.principal(table);
        for request in requests(table) {
            let is_open = request.operation.access != Access::Actions;
            if !is_open && decide(router, &principal, &request) == Decision::Yes {
                writeln!(text, "    {}", request.name()).unwrap();
            }
        }
    }
    text
}

/// What the gateway makes of a request.
#[derive(Debug, Eq, PartialEq)]
enum Decision<'a> {
    Yes,
    Missing(Vec<&'a str>),
    Project,
}

/// The decision on each of the request's routes, which have to agree.
fn decide<'a>(router: &'a Router, principal: &Principal, request: &Request<'_>) -> Decision<'a> {
    let all = request.operation.routes.iter();
    let mut decisions = all.map(|route| decide_route(router, principal, request, route));
    let decision = decisions.next().unwrap();
    for other in decisions {
        assert_eq!(other, decision, "{}", request.name());
    }
    decision
}

fn decide_route<'a>(
    router: &'a Router,
    principal: &Principal,
    request: &Request<'_>,
    route: &Route,
) -> Decision<'a> {
    let segments = route.template.segments().iter();
    let path: String = segments
        .map(|segment| match segment {
            Segment::Literal(text) => format!("/{text}"),
            Segment::Parameter(name) if name == "project_id" => format!("/{PROJECT}"),
            Segment::Parameter(name) => format!("/some-{name}"),
        })
        .collect();
    let path: RequestPath = if path.is_empty() { "/" } else { &path }.parse().unwrap();
    let candidates = router.resolve(&route.method, &path).unwrap();
    let target = candidates.target(request.body.clone()).unwrap();
    assert_eq!(target.operation.permission, request.operation.permission);
    match authorize(principal, &target, CIRCUMSTANCES) {
        Ok(_) => Decision::Yes,
        Err(Denial::Project { .. }) => Decision::Project,
        Err(Denial::Actions { missing }) => {
            let name = |action| router.table().name(action).unwrap().as_str();
            Decision::Missing(missing.into_iter().map(name).collect())
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
