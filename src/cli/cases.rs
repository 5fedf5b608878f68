//! `test`: cases that say what policies have to allow and deny, and what no case touches.

mod coverage;
mod file;
mod junit;
mod report;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use anyhow::anyhow;
use clap::{Args, ValueEnum};

use coverage::Coverage;
use file::{Case, Expected};
use report::Report;

use super::Outcome;
use super::explain::{Basis, Decision, Depth, Explanation, explain};
use crate::document::{Problem, Problems};

/// The cases of the built-in policies.
const BUILTIN: &str = include_str!("cases/builtin.toml");
/// What problems and reports call them.
const BUILTIN_NAME: &str = "cases (built in)";

#[derive(Args, Debug)]
pub struct Arguments {
    /// Files of cases in TOML
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Run also the cases of the built-in policies
    #[arg(long)]
    builtin: bool,
    /// The config whose table, roles and policies are tested [default: the built-in table and policies]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The form of the report
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    format: ReportFormat,
    /// Fail also where no case touches an operation or a statement
    #[arg(long)]
    require_coverage: bool,
    /// List all that no case touches
    #[arg(long)]
    all: bool,
}

/// The form of a report.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum ReportFormat {
    Text,
    Junit,
    Json,
}

pub fn run(tested: &Arguments) -> anyhow::Result<Outcome> {
    let config = tested.config.as_deref().map(super::read_config);
    let config = config.transpose()?;
    let basis = Basis::new(config.as_ref())?;
    let cases = read_all(&basis, tested)
        .map_err(|problems| anyhow!("the cases cannot be used:\n{problems}"))?;
    let mut coverage = Coverage::new(&basis);
    let mut ran = Vec::new();
    for case in &cases {
        let explanation = explain(&basis, None, &case.asked, Depth::Decision)?;
        coverage.touch(&explanation);
        let mut failures = differences(case, &explanation);
        if let (false, Decision::Deny) = (failures.is_empty(), explanation.decision) {
            let whole = explain(&basis, None, &case.asked, Depth::Change)?;
            failures.extend(
                whole
                    .change
                    .map(|change| format!("to change {}", change.says)),
            );
        }
        ran.push(Ran {
            case,
            decision: explanation.decision,
            reason: explanation.reason,
            missing: explanation.missing,
            failures,
        });
    }
    let report = Report {
        ran: &ran,
        coverage: &coverage,
        all: tested.all,
        requires_coverage: tested.require_coverage,
    };
    report.print(tested.format)?;
    let is_short = tested.require_coverage && !coverage.is_whole();
    Ok(match report.failed() > 0 || is_short {
        true => Outcome::Failed,
        false => Outcome::Done,
    })
}

/// How a case came out.
pub struct Ran<'c> {
    pub case: &'c Case,
    pub decision: Decision,
    pub reason: Option<&'static str>,
    pub missing: Vec<String>,
    /// What is other than expected, and why; empty where nothing is.
    pub failures: Vec<String>,
}

/// Every case of every file, or every problem of them.
fn read_all(basis: &Basis<'_>, tested: &Arguments) -> Result<Vec<Case>, Problems> {
    let (mut cases, mut problems) = (Vec::new(), Vec::new());
    let mut add = |name: &str, text: String| match file::read(basis, name, text) {
        Ok(read) => cases.extend(read),
        Err(found) => problems.extend(found),
    };
    if tested.builtin || tested.files.is_empty() {
        add(BUILTIN_NAME, BUILTIN.to_owned());
    }
    let mut unreadable = Vec::new();
    for path in &tested.files {
        let name = path.display().to_string();
        match fs::read_to_string(path) {
            Ok(text) => add(&name, text),
            Err(error) => unreadable.push(Problem {
                file: name,
                line: 0,
                message: error.to_string(),
            }),
        }
    }
    problems.extend(unreadable);
    match problems.is_empty() {
        true => Ok(cases),
        false => Err(Problems(problems)),
    }
}

fn differences(case: &Case, found: &Explanation) -> Vec<String> {
    let Expected {
        decision,
        missing,
        reason,
    } = &case.expected;
    let mut lines = Vec::new();
    if *decision != found.decision {
        let expected = match decision {
            Decision::Allow => "expected  allow",
            Decision::Deny => "expected  deny",
        };
        lines.push(expected.to_owned());
    }
    let set = |names: &[String]| names.iter().cloned().collect::<BTreeSet<String>>();
    if let (Some(missing), Decision::Deny) = (missing, found.decision)
        && set(missing) != set(&found.missing)
    {
        lines.push(format!("expected  deny with missing {}", listed(missing)));
    }
    if let (Some(reason), Decision::Deny) = (reason, found.decision)
        && found.reason != Some(reason.as_str())
    {
        lines.push(format!("expected  deny with reason `{reason}`"));
    }
    if lines.is_empty() {
        return lines;
    }
    match (found.decision, found.status, found.reason, &found.message) {
        (Decision::Deny, Some(status), Some(reason), Some(message)) => {
            lines.push(format!(
                "found     deny: {status}, reason `{reason}`: {message}"
            ));
            if !found.missing.is_empty() {
                lines.push(format!("missing   {}", listed(&found.missing)));
            }
        }
        _ => lines.push("found     allow".to_owned()),
    }
    let verdict = match found.decision {
        Decision::Allow => "allowed",
        Decision::Deny => found
            .actions
            .iter()
            .map(|action| action.verdict)
            .max_by_key(rank)
            .unwrap_or("missing"),
    };
    for action in found
        .actions
        .iter()
        .filter(|action| action.verdict == verdict)
    {
        let step = action.step();
        lines.push(format!("action    {}", step.says));
        lines.extend(
            step.more
                .into_iter()
                .map(|line| format!("          {line}")),
        );
    }
    lines
}

/// A denial outweighs what is missing.
fn rank(verdict: &&str) -> usize {
    ["allowed", "missing", "denied"]
        .iter()
        .position(|known| known == verdict)
        .unwrap_or_default()
}

fn listed(names: &[String]) -> String {
    super::explain::or_none(names)
}
