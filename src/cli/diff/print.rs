//! A comparison as text, JSON and Markdown.

use std::fmt::Write as _;

use super::{Gain, Report};
use crate::cli::can::list::{escaped, say_routes};
use crate::cli::{Format, say};

/// More contexts than these are only counted in a text.
const MAX_CONTEXTS: usize = 6;

pub fn print(report: &Report, format: Format) -> anyhow::Result<()> {
    match format {
        Format::Json => say(serde_json::to_string_pretty(report)?),
        Format::Text => print_text(report),
        Format::Markdown => print_markdown(report),
    }
    Ok(())
}

fn print_text(report: &Report) {
    print_gains("WIDENS: may be done now", &report.widens);
    print_gains("NARROWS: may be done no more", &report.narrows);
    if !report.together.is_empty() {
        say("TOGETHER: with another role of the same token");
        for row in &report.together {
            let (who, direction) = (&row.who, row.direction);
            say(format_args!(
                "  {who} {direction} by {}",
                row.actions.join(", ")
            ));
        }
    }
    if !report.demands.is_empty() {
        say("DEMANDS: of every token, also of one that brings its own grants");
        for row in &report.demands {
            say(format_args!("  {}", directions(row.widens, row.narrows)));
            say_routes(&row.routes, 4);
            for change in &row.changes {
                say(format_args!("      {change}"));
            }
        }
    }
    if !report.settings.is_empty() {
        say("SETTINGS: of whole tokens and requests");
        for row in &report.settings {
            say(format_args!(
                "  {} {}",
                directions(row.widens, row.narrows),
                row.what
            ));
        }
    }
    if !report.undecided.is_empty() {
        say("UNDECIDED: may be anything");
        for row in &report.undecided {
            say(format_args!("  {row}"));
        }
    }
    match report.is_empty() {
        true => say("no difference: every request of every token is decided alike"),
        false => say(summary(report)),
    }
}

fn summary(report: &Report) -> String {
    let count = |gains: &[Gain]| -> usize { gains.iter().map(|gain| gain.operations.len()).sum() };
    let others = report.together.len() + report.demands.len() + report.settings.len();
    let mut text = format!(
        "{} widen, {} narrow: pairs of a caller and an operation",
        count(&report.widens),
        count(&report.narrows)
    );
    if others > 0 {
        let _ = write!(text, "; and {others} changes that are no pair");
    }
    if !report.undecided.is_empty() {
        let _ = write!(text, "; {} undecided", report.undecided.len());
    }
    text
}

fn directions(widens: bool, narrows: bool) -> &'static str {
    match (widens, narrows) {
        (true, true) => "widens and narrows",
        (true, false) => "widens",
        (false, true) => "narrows",
        (false, false) => "changes nobody's rights",
    }
}

fn print_gains(title: &str, gains: &[Gain]) {
    if gains.is_empty() {
        return;
    }
    say(title);
    for Gain { who, operations } in gains {
        say(format_args!("  {who}: {} operations", operations.len()));
        for row in operations {
            say(format_args!("    {}", row.permission));
            say_routes(&row.routes, 6);
            for context in row.contexts.iter().take(MAX_CONTEXTS) {
                say(format_args!("        {}", context.join(", ")));
            }
            if let Some(more) = row
                .contexts
                .len()
                .checked_sub(MAX_CONTEXTS)
                .filter(|more| *more > 0)
            {
                say(format_args!(
                    "        and {more} more classes of contexts (--format json has all)"
                ));
            }
        }
    }
}

fn print_markdown(report: &Report) {
    say("| | Who | Permission | APIs | When |");
    say("| --- | --- | --- | --- | --- |");
    for (word, gains) in [("widens", &report.widens), ("narrows", &report.narrows)] {
        for Gain { who, operations } in gains {
            for row in operations {
                let routes: Vec<String> = row
                    .routes
                    .iter()
                    .map(|route| format!("`{}`", escaped(route)))
                    .collect();
                let contexts: Vec<String> = row
                    .contexts
                    .iter()
                    .map(|context| escaped(&context.join(", ")))
                    .collect();
                let when = match contexts.is_empty() {
                    true => "always".to_owned(),
                    false => contexts.join("<br>"),
                };
                let (who, permission) = (escaped(who), escaped(&row.permission));
                say(format_args!(
                    "| {word} | {who} | {permission} | {} | {when} |",
                    routes.join("<br>")
                ));
            }
        }
    }
    for row in &report.together {
        let (word, who) = (row.direction, escaped(&row.who));
        say(format_args!(
            "| {word} | {who} | {} | | with another role |",
            row.actions.join("<br>")
        ));
    }
    for row in &report.demands {
        let routes: Vec<String> = row
            .routes
            .iter()
            .map(|route| format!("`{}`", escaped(route)))
            .collect();
        let (word, changes) = (
            directions(row.widens, row.narrows),
            escaped(&row.changes.join("<br>")),
        );
        say(format_args!(
            "| {word} | every token | {changes} | {} | |",
            routes.join("<br>")
        ));
    }
    for row in &report.settings {
        say(format_args!(
            "| {} | | {} | | |",
            directions(row.widens, row.narrows),
            escaped(&row.what)
        ));
    }
    for row in &report.undecided {
        say(format_args!("| undecided | | {} | | |", escaped(row)));
    }
}
