//! The report that CI systems read: `JUnit`'s XML, a suite for each file.

use std::fmt::Write as _;

use super::Ran;
use super::report::Report;

/// The whole document.
pub fn document(report: &Report<'_>) -> String {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let coverage = coverage(report);
    let untouched = coverage
        .iter()
        .filter(|(_, untouched)| !untouched.is_empty());
    let tests = report.ran.len() + coverage.len();
    let failures = report.failed() + untouched.count();
    let _ = writeln!(
        xml,
        "<testsuites name=\"actiongate test\" tests=\"{tests}\" failures=\"{failures}\">"
    );
    for suite in report
        .ran
        .chunk_by(|one, next| one.case.file == next.case.file)
    {
        write_suite(&mut xml, suite);
    }
    write_coverage(&mut xml, &coverage);
    xml.push_str("</testsuites>");
    xml
}

/// What has to be touched, and what of it is not.
fn coverage(report: &Report<'_>) -> Vec<(&'static str, Vec<String>)> {
    match report.requires_coverage {
        true => vec![
            ("operations", report.coverage.untouched_operations()),
            ("statements", report.coverage.untouched_statements()),
        ],
        false => Vec::new(),
    }
}

fn write_coverage(xml: &mut String, coverage: &[(&str, Vec<String>)]) {
    let failures = coverage
        .iter()
        .filter(|(_, untouched)| !untouched.is_empty());
    let (tests, failures) = (coverage.len(), failures.count());
    if tests == 0 {
        return;
    }
    let _ = writeln!(
        xml,
        "  <testsuite name=\"coverage\" tests=\"{tests}\" failures=\"{failures}\">"
    );
    for (what, untouched) in coverage {
        let _ = write!(xml, "    <testcase classname=\"coverage\" name=\"{what}\"");
        match untouched.len() {
            0 => xml.push_str("/>\n"),
            count => write_failure(xml, &format!("{count} {what} untouched"), untouched),
        }
    }
    xml.push_str("  </testsuite>\n");
}

fn write_failure(xml: &mut String, message: &str, lines: &[String]) {
    let (message, text) = (escaped(message), escaped(&lines.join("\n")));
    let _ = writeln!(
        xml,
        ">\n      <failure message=\"{message}\">{text}</failure>\n    </testcase>"
    );
}

fn write_suite(xml: &mut String, suite: &[Ran<'_>]) {
    let Some(first) = suite.first() else { return };
    let file = escaped(&first.case.file);
    let failures = suite.iter().filter(|ran| !ran.failures.is_empty()).count();
    let tests = suite.len();
    let _ = writeln!(
        xml,
        "  <testsuite name=\"{file}\" tests=\"{tests}\" failures=\"{failures}\">"
    );
    for Ran { case, failures, .. } in suite {
        // One name for several requests would be one test to some readers.
        let name = match case.name == case.what {
            true => escaped(&case.name),
            false => escaped(&format!("{}: {}", case.name, case.what)),
        };
        let line = case.line;
        let _ = write!(
            xml,
            "    <testcase classname=\"{file}\" name=\"{name}\" file=\"{file}\" line=\"{line}\""
        );
        match failures.first() {
            None => xml.push_str("/>\n"),
            Some(message) => write_failure(xml, message, failures),
        }
    }
    xml.push_str("  </testsuite>\n");
}

/// As text or in an attribute; what XML 1.0 cannot hold at all becomes U+FFFD.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\t' | '\n' | '\r' => {
                let _ = write!(escaped, "&#{};", u32::from(letter));
            }
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}
