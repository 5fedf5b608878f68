//! What is suggested, as text and as JSON.

use humantime::format_rfc3339_seconds as moment;
use serde::Serialize;
use serde_json::Value;

use super::gather::{Gathered, Group, Who};
use super::{Arguments, By, Form};
use crate::cli::passed::Passed;
use crate::cli::say;
use crate::grant::{ConditionKeys, Names};
use crate::table::{ActionId, ActionSet, ActionTable};

/// More actions than these are counted only; JSON has them all.
const MAX_TOLD: usize = 8;

/// What is suggested for one of them.
#[derive(Debug, Serialize)]
pub struct Report {
    issuer: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    requests: u64,
    days: u64,
    first: String,
    last: String,
    used: Vec<Used>,
    /// None where nobody knows what was granted.
    unused: Option<Vec<String>>,
    left_out: Vec<LeftOut>,
    /// What the document permits besides, since names stand for it, too.
    besides: Vec<String>,
    document: Option<Value>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

#[derive(Debug, Serialize)]
struct Used {
    action: String,
    requests: u64,
}

#[derive(Debug, Serialize)]
struct LeftOut {
    action: String,
    why: String,
}

#[derive(Serialize)]
struct All<'a> {
    suggestions: &'a [Report],
    passed_over: &'a Passed,
}

impl Report {
    /// Whether anything is suggested.
    pub fn has_document(&self) -> bool {
        self.document.is_some()
    }
}

/// One for each group, in the order of their names.
pub fn reports(gathered: &Gathered<'_>, arguments: &Arguments) -> anyhow::Result<Vec<Report>> {
    let groups = gathered.groups.iter();
    groups
        .map(|(who, group)| report(gathered, arguments, who, group))
        .collect()
}

fn report(
    gathered: &Gathered<'_>,
    arguments: &Arguments,
    who: &Who,
    group: &Group,
) -> anyhow::Result<Report> {
    let table = gathered.table;
    let mut used = ActionSet::default();
    group.used.keys().for_each(|action| used.insert(*action));
    let is_known = group.issuer.is_some();
    let days = group.days();
    let name = who.name.clone();
    let mut report = Report {
        issuer: who.issuer.clone(),
        subject: name.clone().filter(|_| arguments.by == By::Subject),
        role: name.filter(|_| arguments.by == By::Role),
        requests: group.requests,
        days,
        first: moment(group.first).to_string(),
        last: moment(group.last).to_string(),
        used: used_of(table, group),
        unused: is_known.then(|| names(table, &group.granted.difference(&used))),
        left_out: Vec::new(),
        besides: Vec::new(),
        document: None,
        why: None,
    };
    if days < arguments.min_days {
        let least = arguments.min_days;
        report.why = Some(format!(
            "{} of evidence, expected at least {least} (--min-days)",
            counted(days, "day")
        ));
        return Ok(report);
    }
    let none = ConditionKeys::default();
    let keys = gathered.keys(group).unwrap_or(&none);
    let shape = match arguments.wildcards {
        true => Names::Wildcards,
        false => Names::Single,
    };
    let usage = group.usage(table, arguments.unproven);
    let found = usage.suggest(table, keys, shape)?;
    let left_out = found.left_out.iter().map(|(action, why)| LeftOut {
        action: name_of(table, *action),
        why: why.to_string(),
    });
    report.left_out = left_out.collect();
    report
        .left_out
        .sort_by(|one, other| one.action.cmp(&other.action));
    let besides = found.besides.iter().map(|action| name_of(table, *action));
    report.besides = besides.collect();
    report.besides.sort_unstable();
    report.document = found.document;
    report.why = report
        .document
        .is_none()
        .then(|| match group.used.is_empty() {
            true => "no action was used of what is looked at".to_owned(),
            false => "no action can be suggested".to_owned(),
        });
    Ok(report)
}

/// In the order of the alphabet, too.
fn used_of(table: &ActionTable, group: &Group) -> Vec<Used> {
    let used = group.used.iter().map(|(action, requests)| Used {
        action: name_of(table, *action),
        requests: *requests,
    });
    let mut used: Vec<Used> = used.collect();
    used.sort_by(|one, other| one.action.cmp(&other.action));
    used
}

fn name_of(table: &ActionTable, action: ActionId) -> String {
    table
        .name(action)
        .map_or_else(String::new, ToString::to_string)
}

/// In the order of the alphabet.
fn names(table: &ActionTable, actions: &ActionSet) -> Vec<String> {
    let mut names: Vec<String> = table.names(actions).map(ToString::to_string).collect();
    names.sort_unstable();
    names
}

pub fn print(reports: &[Report], passed: &Passed, form: Form) -> anyhow::Result<()> {
    match form {
        Form::Json => {
            let all = All {
                suggestions: reports,
                passed_over: passed,
            };
            say(serde_json::to_string_pretty(&all)?);
        }
        Form::Text => {
            for report in reports {
                print_text(report)?;
            }
            passed.say("passed over");
        }
    }
    Ok(())
}

fn print_text(report: &Report) -> anyhow::Result<()> {
    // Names come from tokens: a terminal must not take one for a command.
    let quoted = |text: &String| format!("`{}`", text.escape_debug());
    let title = match (&report.subject, &report.role) {
        (_, Some(role)) => format!("the role {}", quoted(role)),
        (Some(subject), None) => quoted(subject),
        (None, None) => "somebody".to_owned(),
    };
    say(format_args!("{title} of {}", report.issuer.escape_debug()));
    say(format_args!(
        "  permitted   {} in {}, from {} to {}",
        counted(report.requests, "request"),
        counted(report.days, "day"),
        report.first,
        report.last
    ));
    let used = report.used.iter();
    let used = used.map(|used| format!("{} ({})", used.action, used.requests));
    say(format_args!(
        "  used        {}",
        listed(&used.collect::<Vec<_>>(), usize::MAX)
    ));
    match &report.unused {
        None => say("  never used  not known: --config and evidence tell what was granted"),
        Some(unused) => say(format_args!("  never used  {}", listed(unused, MAX_TOLD))),
    }
    for LeftOut { action, why } in &report.left_out {
        say(format_args!("  left out    {action}: {why}"));
    }
    if !report.besides.is_empty() {
        let besides = listed(&report.besides, MAX_TOLD);
        say(format_args!(
            "  besides     {besides}: granted, and known by a name of what was used"
        ));
    }
    if let Some(why) = &report.why {
        say(format_args!("  no policy   {why}"));
    }
    if let Some(document) = &report.document {
        say("  policy");
        say(serde_json::to_string_pretty(&InOrder(document))?);
    }
    Ok(())
}

/// A document with its members in the vendor's order.
struct InOrder<'a>(&'a Value);

const ORDER: [&str; 6] = [
    "Version",
    "Statement",
    "Effect",
    "Action",
    "Resource",
    "Condition",
];

impl Serialize for InOrder<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Object(members) => {
                let place = |name: &str| ORDER.iter().position(|known| *known == name);
                let mut members: Vec<(&String, &Value)> = members.iter().collect();
                members.sort_by_key(|(name, _)| place(name));
                let members = members.into_iter();
                serializer.collect_map(members.map(|(name, value)| (name, InOrder(value))))
            }
            Value::Array(items) => serializer.collect_seq(items.iter().map(InOrder)),
            other => other.serialize(serializer),
        }
    }
}

fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

fn listed(names: &[String], most: usize) -> String {
    let told: Vec<&str> = names.iter().take(most).map(String::as_str).collect();
    match names.len() - told.len() {
        0 if names.is_empty() => "(none)".to_owned(),
        0 => told.join(", "),
        more => format!("{} and {more} more", told.join(", ")),
    }
}
