//! What a replay found: groups only, however many lines there are.

use std::collections::BTreeMap;
use std::time::SystemTime;

use humantime::format_rfc3339_seconds as moment;
use serde::Serialize;

use super::why;
use crate::app::Undecidable;
use crate::audit::RequestLine;
use crate::cli::can::escaped;
use crate::cli::passed::Passed;
use crate::cli::{Format, say};
use crate::gateway::Rejection;

/// What becomes of a decision.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// Refused, and would be permitted.
    Widening,
    /// Permitted, and would be refused.
    Narrowing,
    /// Neither.
    None,
}

/// What was found so far.
#[derive(Debug, Default)]
pub struct Replayed {
    /// How many requests were decided again.
    pub lines: u64,
    /// How many could not be.
    pub undecided: u64,
    times: Option<Times>,
    groups: BTreeMap<Key, Group>,
    /// What was not decided again, or is no request.
    pub passed: Passed,
}

/// Requests that go together.
#[derive(Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
struct Key {
    change: Change,
    operation: Option<String>,
    issuer: Option<String>,
    subject: Option<String>,
    /// Why they were refused, or would be; none where they are permitted both times.
    refusal: Option<Refusal>,
}

#[derive(Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
struct Refusal {
    reason: String,
    missing: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Group {
    count: u64,
    #[serde(flatten)]
    times: Times,
    /// One of the requests.
    example: String,
}

#[derive(Clone, Copy, Debug)]
struct Times {
    first: SystemTime,
    last: SystemTime,
}

#[derive(Serialize)]
struct Report<'a> {
    replayed: u64,
    #[serde(flatten)]
    times: Option<Times>,
    changes: Vec<Row<'a>>,
    not_replayed: &'a Passed,
}

#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    key: &'a Key,
    #[serde(flatten)]
    group: &'a Group,
}

impl Serialize for Times {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = |time| moment(time).to_string();
        let times = [("first", text(self.first)), ("last", text(self.last))];
        serializer.collect_map(times)
    }
}

impl Times {
    fn with(self, time: SystemTime) -> Self {
        Self {
            first: self.first.min(time),
            last: self.last.max(time),
        }
    }
}

impl Replayed {
    /// Whether there is such a change.
    pub fn has(&self, change: Change) -> bool {
        self.groups.keys().any(|key| key.change == change)
    }

    /// Counts a request; `now` is why it would be refused.
    pub fn add(&mut self, change: Change, line: &RequestLine<'_>, now: Option<&Rejection>) {
        self.lines += 1;
        let time = line.time;
        let own = Times {
            first: time,
            last: time,
        };
        self.times = Some(self.times.unwrap_or(own).with(time));
        let text = |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().map(str::to_owned);
        let recorded = || Refusal {
            reason: line.reason.to_string(),
            missing: line.missing.clone(),
        };
        let refusal = now.map(|rejection| {
            let (reason, missing) = why(rejection);
            let reason = reason.to_owned();
            Refusal { reason, missing }
        });
        let key = Key {
            change,
            operation: text(&line.operation),
            issuer: text(&line.issuer),
            subject: text(&line.subject),
            refusal: match change {
                Change::Widening => Some(recorded()),
                Change::Narrowing | Change::None => refusal,
            },
        };
        let group = self.groups.entry(key).or_insert_with(|| Group {
            count: 0,
            times: own,
            example: line.request_id.to_string(),
        });
        group.count += 1;
        group.times = group.times.with(time);
    }

    /// A request that cannot be decided again.
    pub fn leave_undecided(&mut self, why: &Undecidable, line: &RequestLine<'_>) {
        self.undecided += 1;
        self.passed.request(format_args!("undecided: {why}"), line);
    }

    fn groups(&self, change: Change) -> Vec<(&Key, &Group)> {
        let groups = self.groups.iter();
        groups.filter(|(key, _)| key.change == change).collect()
    }
}

/// Prints what was found; with `all`, also what stays as it was.
pub fn print(replayed: &Replayed, format: Format, all: bool) -> anyhow::Result<()> {
    let mut changes = vec![Change::Widening, Change::Narrowing];
    changes.extend(all.then_some(Change::None));
    match format {
        Format::Json => {
            let groups = changes.iter().flat_map(|change| replayed.groups(*change));
            let report = Report {
                replayed: replayed.lines,
                times: replayed.times,
                changes: groups.map(|(key, group)| Row { key, group }).collect(),
                not_replayed: &replayed.passed,
            };
            say(serde_json::to_string_pretty(&report)?);
        }
        Format::Text => print_text(replayed, &changes),
        Format::Markdown => print_markdown(replayed, &changes),
    }
    Ok(())
}

fn print_text(replayed: &Replayed, changes: &[Change]) {
    let times = replayed.times.map_or_else(String::new, |times| {
        format!(", from {} to {}", moment(times.first), moment(times.last))
    });
    say(format_args!(
        "replayed      {} requests{times}",
        replayed.lines
    ));
    for change in changes {
        let groups = replayed.groups(*change);
        let count: u64 = groups.iter().map(|(_, group)| group.count).sum();
        let (label, told) = told(*change);
        say(format_args!("{label:<13} {count} {told}"));
        for (key, group) in groups {
            say(format_args!("  {} by {}", label_of(key), caller_of(key)));
            if let Some(refusal) = &key.refusal {
                say(format_args!("    {}", refusal.told()));
            }
            say(format_args!("    {}", group.told()));
        }
    }
    replayed.passed.say("not replayed");
}

fn print_markdown(replayed: &Replayed, changes: &[Change]) {
    say("| Change | Operation | Caller | Refused because | Requests |");
    say("| --- | --- | --- | --- | --- |");
    for change in changes {
        for (key, group) in replayed.groups(*change) {
            say(format_args!(
                "| {} | {} | {} | {} | {} |",
                told(*change).0,
                escaped(&label_of(key)),
                escaped(&caller_of(key)),
                key.refusal.as_ref().map_or_else(String::new, Refusal::told),
                group.told()
            ));
        }
    }
    for row in replayed.passed.rows() {
        say(format_args!(
            "| not replayed | | | {} | {}; for example {} |",
            escaped(row.why),
            row.count,
            escaped(row.example)
        ));
    }
}

fn told(change: Change) -> (&'static str, &'static str) {
    match change {
        Change::Widening => ("widening", "were refused and would be permitted"),
        Change::Narrowing => ("narrowing", "were permitted and would be refused"),
        Change::None => ("unchanged", "would be decided as they were"),
    }
}

fn label_of(key: &Key) -> String {
    let label = key.operation.as_deref().unwrap_or("(no operation)");
    label.escape_debug().to_string()
}

/// Names come from tokens: a terminal must not take one for a command.
fn caller_of(key: &Key) -> String {
    match (&key.subject, &key.issuer) {
        (Some(subject), Some(issuer)) => {
            format!("`{}` of {}", subject.escape_debug(), issuer.escape_debug())
        }
        (None, Some(issuer)) => format!("somebody of {}", issuer.escape_debug()),
        (_, None) => "nobody known".to_owned(),
    }
}

impl Refusal {
    fn told(&self) -> String {
        match self.missing.as_slice() {
            [] => self.reason.clone(),
            missing => format!("{}: {}", self.reason, missing.join(", ")),
        }
    }
}

impl Group {
    fn told(&self) -> String {
        let Times { first, last } = self.times;
        let example = &self.example;
        match self.count {
            1 => format!("1 request at {}: {example}", moment(first)),
            count => format!(
                "{count} requests from {} to {}, for example {example}",
                moment(first),
                moment(last)
            ),
        }
    }
}
