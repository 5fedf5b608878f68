//! From a cell's words to routes and actions; what is neither is reported with what was likely
//! meant.

use std::str::FromStr as _;

use hyper::Method;

use super::grid::Word;
use crate::document::nearest;
use crate::table::{ActionName, PROJECT_PARAMETER, PathTemplate, Place, Route};

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// What stands between the items of a cell, or in place of items.
pub fn is_nothing(word: &str) -> bool {
    matches!(
        word,
        "-" | "--" | "–" | "—" | "*" | "•" | "·" | "None" | "none"
    )
}

/// The text with escapes for what nobody can see, such as a zero-width space.
pub fn visible(text: &str) -> String {
    let mut shown = String::new();
    for letter in text.chars() {
        match letter {
            '\'' | '"' | '\\' => shown.push(letter),
            _ => shown.extend(letter.escape_debug()),
        }
    }
    shown
}

pub fn routes(words: &[&Word], file: &str, report: &mut impl FnMut(usize, String)) -> Vec<Route> {
    let mut routes: Vec<Route> = Vec::new();
    let mut stray = Stray::default();
    let text = |word: &Word| {
        word.text
            .trim_end_matches([',', ';', '，', '；'])
            .to_owned()
    };
    let words = words.iter().filter(|word| !is_nothing(&word.text));
    let mut words = words.peekable();
    while let Some(word) = words.next() {
        let (method, line) = (text(word), word.line);
        let path = words.next_if(|next| next.text.starts_with('/') && !method.starts_with('/'));
        let Some(path) = path.map(|path| text(path)) else {
            if let Some(message) = lone(&method) {
                stray.report(report);
                report(line, message);
            } else {
                stray.push(word);
            }
            continue;
        };
        stray.report(report);
        if !METHODS.contains(&method.as_str()) {
            let likely = likely_method(&method).map_or_else(String::new, likely);
            let methods = METHODS.join(", ");
            let message = format!(
                "`{}` is not a method, expected one of {methods}{likely}",
                visible(&method)
            );
            report(line, message);
        }
        match PathTemplate::parse(&path) {
            Ok(template) => routes.extend(Method::from_str(&method).ok().map(|method| Route {
                method,
                template,
                place: Place {
                    file: file.to_owned(),
                    line,
                },
            })),
            Err(error) => {
                let likely = likely_path(&path).map_or_else(String::new, |path| likely(&path));
                let message = format!(
                    "`{} {}` is not a route: {error}{likely}",
                    visible(&method),
                    visible(&path)
                );
                report(line, message);
            }
        }
    }
    stray.report(report);
    report_repeated(&routes, report);
    routes
}

fn report_repeated(routes: &[Route], report: &mut impl FnMut(usize, String)) {
    let is_same =
        |a: &Route, b: &Route| a.method == b.method && a.template.shape() == b.template.shape();
    for (index, route) in routes.iter().enumerate() {
        if routes.iter().take(index).any(|other| is_same(route, other)) {
            let message = format!(
                "`{} {}` stands twice, expected each route once; another version may be meant",
                route.method, route.template
            );
            report(route.place.line, message);
        }
    }
}

/// What is wrong with a word that looks like half a route.
fn lone(word: &str) -> Option<String> {
    let shown = visible(word);
    if word.starts_with('/') {
        return Some(format!(
            "`{shown}` has no method, expected one before the path"
        ));
    }
    if METHODS.contains(&word) {
        return Some(format!("`{shown}` has no path, expected one after it"));
    }
    let (method, path) = word.split_at(word.find('/')?);
    METHODS.contains(&method).then(|| {
        let likely = likely(&format!("{method} {path}"));
        format!("`{shown}` is not a route, expected a space after the method{likely}")
    })
}

fn likely(text: &str) -> String {
    format!("; likely `{}`", visible(text))
}

fn likely_method(word: &str) -> Option<&'static str> {
    nearest(&word.to_ascii_uppercase(), METHODS, 0.85)
}

/// The path without the mistakes that the vendor's pages make.
fn likely_path(path: &str) -> Option<String> {
    let end = path.find("{?").or_else(|| path.find('?'));
    let path = path.get(..end.unwrap_or(path.len()))?;
    let path = path.replace('{', "/{").replace('}', "}/");
    let mut segments: Vec<String> = Vec::new();
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        let mut segment = segment.to_owned();
        if segment.starts_with('{') {
            segment = snake_case(&segment);
        }
        // The second one is the project asked about.
        if segments.contains(&segment) && segment == format!("{{{PROJECT_PARAMETER}}}") {
            segment = format!("{{target_{PROJECT_PARAMETER}}}");
        }
        segments.push(segment);
    }
    let likely = format!("/{}", segments.join("/"));
    PathTemplate::parse(&likely).ok().map(|_| likely)
}

/// `{networkName}` as `{network_name}`.
fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !snake.ends_with(['{', '_']) {
            snake.push('_');
        }
        snake.push(if letter == '-' {
            '_'
        } else {
            letter.to_ascii_lowercase()
        });
    }
    snake
}

pub fn actions(words: &[&Word], report: &mut impl FnMut(usize, String)) -> Vec<ActionName> {
    let mut actions: Vec<ActionName> = Vec::new();
    let mut stray = Stray::default();
    let words = words.iter().flat_map(|word| {
        let parts = word.text.split([',', ';', '，', '；', '、']);
        parts.map(|text| Word {
            text: text.to_owned(),
            line: word.line,
        })
    });
    let is_something = |word: &Word| !word.text.is_empty() && !is_nothing(&word.text);
    let mut words = words.filter(is_something).peekable();
    while let Some(word) = words.next() {
        let error = match word.text.parse::<ActionName>() {
            Ok(action) => {
                stray.report(report);
                if actions.contains(&action) {
                    report(
                        word.line,
                        format!("`{action}` stands twice, expected each action once"),
                    );
                } else {
                    actions.push(action);
                }
                continue;
            }
            Err(error) => error,
        };
        if !word.text.contains([':', '：']) {
            stray.push(&word);
            continue;
        }
        stray.report(report);
        let mut meant = word.text.replace('：', ":");
        // An action with a space after a colon.
        while meant.ends_with(':')
            && let Some(next) = words.next()
        {
            meant.push_str(&next.text);
        }
        let likely = match meant.parse::<ActionName>() {
            Ok(_) => likely(&meant),
            Err(_) => String::new(),
        };
        let message = format!(
            "`{}` is not an action `service:resource:verb`: {}{likely}",
            visible(&word.text),
            visible(&error.to_string())
        );
        report(word.line, message);
    }
    stray.report(report);
    actions
}

/// Words in a row that mean nothing here.
#[derive(Default)]
struct Stray {
    line: usize,
    texts: Vec<String>,
}

impl Stray {
    fn push(&mut self, word: &Word) {
        if self.texts.is_empty() {
            self.line = word.line;
        }
        self.texts.push(visible(&word.text));
    }

    fn report(&mut self, report: &mut impl FnMut(usize, String)) {
        if !self.texts.is_empty() {
            let texts = std::mem::take(&mut self.texts).join(" ");
            let message = format!(
                "stray words `{texts}`, expected nothing but routes and actions; what depends on the request's body is written by hand, with `body_key` or `conditional`"
            );
            report(self.line, message);
        }
    }
}
