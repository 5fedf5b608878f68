//! A file of cases: TOML, one `[[case]]` for one request and caller, or for all pairs of several.

use serde_json::Map;

use crate::cli::explain::{Asked, Basis, Decision, Who};
use crate::cli::parse_time;
use crate::document::{Document, Entry, Located, Problem, Section};

/// One request of one caller, and what has to come of it.
#[derive(Debug)]
pub struct Case {
    pub file: String,
    /// Where the request is.
    pub line: usize,
    /// As the file calls it, or what it is.
    pub name: String,
    /// `PUT /v2.1/… as the role …`.
    pub what: String,
    pub asked: Asked,
    pub expected: Expected,
}

#[derive(Clone, Debug)]
pub struct Expected {
    pub decision: Decision,
    /// Of a denial, in any order.
    pub missing: Option<Vec<String>>,
    /// Of a denial.
    pub reason: Option<String>,
}

/// A caller, and what to call it.
struct Caller {
    who: Who,
    name: String,
}

const WHO: &str = "a role, or a table with `role`, `roles`, `policy` or `claims`";

/// Reads `text`, which problems call `name`; callers have to be ones that `basis` knows.
pub fn read(basis: &Basis<'_>, name: &str, text: String) -> Result<Vec<Case>, Vec<Problem>> {
    let document = Document::new(name, text);
    let cases = document.read(|root| {
        let sections = root.sections("case").unwrap_or_default();
        if sections.is_empty() && !root.has("case") {
            root.missing("case", "one [[case]] at least");
        }
        let reader = Reader { basis, file: name };
        let cases = sections.iter().flat_map(|section| reader.cases(section));
        cases.collect::<Vec<Case>>()
    });
    let problems = document.into_problems();
    match problems.is_empty() {
        true => Ok(cases),
        false => Err(problems),
    }
}

struct Reader<'r> {
    basis: &'r Basis<'r>,
    file: &'r str,
}

impl Reader<'_> {
    fn cases(&self, section: &Section<'_>) -> Vec<Case> {
        let name = section.string("name");
        let requests = section.one_or_more("request");
        if requests.is_none() && !section.has("request") {
            section.missing(
                "request",
                "a request as in \"GET /v2.1/PROJECT/servers\", or several",
            );
        }
        let body = section.string("body");
        let at = section.parse("at", "a time as in \"2026-11-29T12:00:00Z\"", parse_time);
        let address = section.parse("address", "an IP address", str::parse);
        let missing = section.strings("missing").map(|missing| {
            let names = missing.value.into_iter();
            names.map(|name| name.value).collect::<Vec<String>>()
        });
        let reason = section.string("reason");
        let callers = self.callers(section);
        let deny = Expected {
            decision: Decision::Deny,
            missing,
            reason: reason.map(|reason| reason.value),
        };
        let says_more = deny.missing.is_some() || deny.reason.is_some();
        if says_more
            && !callers
                .iter()
                .any(|(decision, _)| *decision == Decision::Deny)
        {
            let line = section.line_at("missing").max(section.line_at("reason"));
            section.problem(
                line,
                "`case.missing` and `case.reason` are of a denial, expected `expect = \"deny\"` or `deny`",
            );
        }
        section.finish();
        let requests = requests.map(|requests| requests.value).unwrap_or_default();
        let mut cases = Vec::new();
        for request in requests {
            let Some((method, path, own_body)) = split(&request, section) else {
                continue;
            };
            for (decision, caller) in &callers {
                let what = format!("{method} {path} as {}", caller.name);
                let expected = match decision {
                    Decision::Deny => deny.clone(),
                    Decision::Allow => Expected {
                        decision: Decision::Allow,
                        missing: None,
                        reason: None,
                    },
                };
                cases.push(Case {
                    file: self.file.to_owned(),
                    line: request.line,
                    name: name
                        .as_ref()
                        .map_or_else(|| what.clone(), |name| name.value.clone()),
                    what,
                    asked: Asked {
                        who: caller.who.clone(),
                        method: method.to_owned(),
                        path: path.to_owned(),
                        body: own_body
                            .map(str::to_owned)
                            .or_else(|| body.as_ref().map(|body| body.value.clone())),
                        address: address.as_ref().map(|address| address.value).into(),
                        at: at.as_ref().map(|at| at.value),
                    },
                    expected,
                });
            }
        }
        cases
    }

    /// Those under `as`, for which `expect` holds, or those under `allow` and `deny`.
    fn callers(&self, section: &Section<'_>) -> Vec<(Decision, Caller)> {
        let expect = section.parse("expect", "\"allow\" or \"deny\"", |text| match text {
            "allow" => Ok(Decision::Allow),
            "deny" => Ok(Decision::Deny),
            _ => Err("it is neither"),
        });
        let mut callers = Vec::new();
        let mut add = |key, decision| {
            for entry in section.entries(key, WHO) {
                callers.extend(self.caller(section, entry).map(|caller| (decision, caller)));
            }
        };
        add("allow", Decision::Allow);
        add("deny", Decision::Deny);
        add(
            "as",
            expect
                .as_ref()
                .map_or(Decision::Deny, |expect| expect.value),
        );
        let (has_matrix, has_one) = (
            section.has("allow") || section.has("deny"),
            section.has("as") || section.has("expect"),
        );
        let expected = "either `as` and `expect`, or `allow` and `deny` with callers";
        if has_matrix && has_one {
            let line = section.line_at("as").max(section.line_at("expect"));
            section.problem(line, format!("`case` has both, expected {expected}"));
        } else if !has_matrix && !section.has("as") {
            section.missing("as", expected);
        } else if !has_matrix && !section.has("expect") {
            section.missing("expect", "\"allow\" or \"deny\"");
        }
        callers
    }

    fn caller(&self, case: &Section<'_>, entry: Entry<'_>) -> Option<Caller> {
        let (line, caller) = match entry {
            Entry::Text(name) => (name.line, self.named(name.value)),
            Entry::Table(section) => {
                let caller = described(&section);
                section.finish();
                (section.line(), caller?)
            }
        };
        match self.basis.check(&caller.who) {
            Ok(()) => Some(caller),
            Err(error) => {
                case.problem(line, error.to_string());
                None
            }
        }
    }

    /// A role of the config; without one there are policies only.
    fn named(&self, name: String) -> Caller {
        match self.basis.config {
            Some(_) => roles(vec![name], None, None, Map::new()),
            None => policy(name, None, Map::new()),
        }
    }
}

/// A table that says who it is.
fn described(section: &Section<'_>) -> Option<Caller> {
    let text = |key| section.string(key).map(|text| text.value);
    let (role, policy_name) = (text("role"), text("policy"));
    let names = section.strings("roles");
    let (project, issuer) = (text("project"), text("issuer"));
    let claims = section.json("claims");
    let several = names.map(|names| names.value.into_iter().map(|name: Located<_>| name.value));
    let several: Option<Vec<String>> = several.map(Iterator::collect);
    let kinds = ["role", "roles", "policy"].map(|key| section.has(key));
    let count = kinds.iter().filter(|has| **has).count();
    let problem = |message: &str| {
        section.problem(section.line(), message);
        None
    };
    if count > 1 {
        return problem("a caller is one of `role`, `roles` and `policy`, expected only one");
    }
    match (role, several, policy_name, claims) {
        (Some(role), None, None, claims) => Some(roles(
            vec![role],
            project,
            issuer,
            claims.unwrap_or_default(),
        )),
        (None, Some(names), None, claims) => {
            Some(roles(names, project, issuer, claims.unwrap_or_default()))
        }
        (None, None, Some(_), _) if issuer.is_some() => problem(
            "`issuer` stands beside `policy`, expected it beside `role`, `roles` or `claims`",
        ),
        (None, None, Some(name), claims) => Some(policy(name, project, claims.unwrap_or_default())),
        (None, None, None, Some(_)) if project.is_some() => {
            problem("`project` stands beside `claims`, which say it themselves")
        }
        (None, None, None, Some(claims)) => Some(Caller {
            name: "given claims".to_owned(),
            who: Who::Claims { claims, issuer },
        }),
        _ if count == 0 && !section.has("claims") => {
            section.missing("role", "`role`, `roles`, `policy` or `claims`");
            None
        }
        _ => None,
    }
}

fn roles(
    names: Vec<String>,
    project: Option<String>,
    issuer: Option<String>,
    claims: Map<String, serde_json::Value>,
) -> Caller {
    let noun = if names.len() == 1 { "role" } else { "roles" };
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    Caller {
        name: format!(
            "the {noun} {}{}",
            quoted.join(", "),
            within(project.as_deref())
        ),
        who: Who::Roles {
            names,
            project,
            issuer,
            claims,
        },
    }
}

fn policy(name: String, project: Option<String>, claims: Map<String, serde_json::Value>) -> Caller {
    Caller {
        name: format!("the policy `{name}`{}", within(project.as_deref())),
        who: Who::Policy {
            name,
            project,
            claims,
        },
    }
}

fn within(project: Option<&str>) -> String {
    project.map_or_else(String::new, |project| format!(" in {project}"))
}

/// The method, the path and the body behind it.
fn split<'a>(
    request: &'a Located<String>,
    section: &Section<'_>,
) -> Option<(&'a str, &'a str, Option<&'a str>)> {
    let mut words = request.value.splitn(3, ' ');
    let (method, path, body) = (words.next(), words.next(), words.next());
    let method = method.filter(|method| method.parse::<hyper::Method>().is_ok());
    match (method, path) {
        (Some(method), Some(path)) if !path.is_empty() => Some((method, path, body)),
        _ => {
            let text = &request.value;
            let message = format!(
                "`case.request` is `{text}`, expected a request as in \"GET /v2.1/PROJECT/servers\", its body behind it if need be"
            );
            section.problem(request.line, message);
            None
        }
    }
}
