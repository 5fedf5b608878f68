//! What came of the cases, as text and as JSON.

use serde::Serialize;

use super::coverage::Coverage;
use super::{Ran, ReportFormat, junit};
use crate::cli::explain::Decision;
use crate::cli::say;

/// More of what no case touches is only counted.
const MAX_UNTOUCHED: usize = 5;

pub struct Report<'r> {
    pub ran: &'r [Ran<'r>],
    pub coverage: &'r Coverage<'r>,
    pub all: bool,
    /// Whether something that is not touched is a failure.
    pub requires_coverage: bool,
}

#[derive(Serialize)]
struct Whole<'r> {
    cases: Vec<Row<'r>>,
    passed: usize,
    failed: usize,
    operations: Touched,
    statements: Touched,
}

#[derive(Serialize)]
struct Row<'r> {
    file: &'r str,
    line: usize,
    name: &'r str,
    what: &'r str,
    outcome: &'static str,
    decision: Decision,
    reason: Option<&'static str>,
    missing: &'r [String],
    /// Of a failure.
    says: &'r [String],
}

#[derive(Serialize)]
struct Touched {
    count: usize,
    untouched: Vec<String>,
}

impl<'r> Row<'r> {
    fn of(ran: &'r Ran<'r>) -> Self {
        Self {
            file: &ran.case.file,
            line: ran.case.line,
            name: &ran.case.name,
            what: &ran.case.what,
            outcome: match ran.failures.as_slice() {
                [] => "passed",
                _ => "failed",
            },
            decision: ran.decision,
            reason: ran.reason,
            missing: &ran.missing,
            says: &ran.failures,
        }
    }
}

impl Report<'_> {
    pub fn failed(&self) -> usize {
        self.ran
            .iter()
            .filter(|ran| !ran.failures.is_empty())
            .count()
    }

    pub fn print(&self, format: ReportFormat) -> anyhow::Result<()> {
        match format {
            ReportFormat::Text => self.print_text(),
            ReportFormat::Junit => say(junit::document(self)),
            ReportFormat::Json => say(serde_json::to_string_pretty(&self.whole())?),
        }
        Ok(())
    }

    fn print_text(&self) {
        for Ran { case, failures, .. } in self.ran.iter().filter(|ran| !ran.failures.is_empty()) {
            let (file, line, name) = (&case.file, case.line, case.name.escape_debug());
            say(format_args!("{file}:{line}: failed: {name}"));
            if case.name != case.what {
                say(format_args!("  request   {}", case.what.escape_debug()));
            }
            for failure in failures {
                say(format_args!("  {failure}"));
            }
        }
        let (operations, statements) = self.coverage.counts();
        self.print_untouched(
            "operations",
            operations,
            &self.coverage.untouched_operations(),
        );
        self.print_untouched(
            "statements",
            statements,
            &self.coverage.untouched_statements(),
        );
        let failed = self.failed();
        say(format_args!(
            "{} passed, {failed} failed",
            self.ran.len() - failed
        ));
    }

    fn print_untouched(&self, what: &str, count: usize, untouched: &[String]) {
        let touched = count - untouched.len();
        say(format_args!("{what:<13} {touched} of {count} touched"));
        let shown = match self.all {
            true => untouched.len(),
            false => untouched.len().min(MAX_UNTOUCHED),
        };
        for one in untouched.iter().take(shown) {
            say(format_args!("  untouched   {one}"));
        }
        if untouched.len() > shown {
            say(format_args!(
                "  and {} more (--all)",
                untouched.len() - shown
            ));
        }
    }

    fn whole(&self) -> Whole<'_> {
        let (operations, statements) = self.coverage.counts();
        let failed = self.failed();
        Whole {
            cases: self.ran.iter().map(Row::of).collect(),
            passed: self.ran.len() - failed,
            failed,
            operations: Touched {
                count: operations,
                untouched: self.coverage.untouched_operations(),
            },
            statements: Touched {
                count: statements,
                untouched: self.coverage.untouched_statements(),
            },
        }
    }
}
