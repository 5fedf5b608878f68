//! The program's own log, on standard error: text for people, JSON for machines.

use std::io::{self, IsTerminal as _};
use std::str::FromStr;
use std::sync::OnceLock;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, Registry, fmt, reload};

/// The filter of the one log that a process has.
static LEVEL: OnceLock<reload::Handle<Targets, Registry>> = OnceLock::new();

/// How the log is written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// Its form.
    pub format: Format,
    /// What is written.
    pub level: Level,
}

/// The least important level that is written, of all modules and of some.
#[derive(Clone, Debug, PartialEq)]
pub struct Level(Targets);

impl Default for Level {
    fn default() -> Self {
        Self::from(LevelFilter::INFO)
    }
}

impl From<LevelFilter> for Level {
    fn from(level: LevelFilter) -> Self {
        Self(Targets::new().with_default(level))
    }
}

/// Why a text is not a [`Level`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "each says what its message says")]
pub enum InvalidLevel {
    #[error("there is no level `{0}`")]
    Unknown(String),
    #[error("`{0}` is not the name of a module")]
    Module(String),
    #[error("there are two levels for {0}")]
    Repeated(String),
    #[error("it has no level for all other modules")]
    NoDefault,
}

impl FromStr for Level {
    type Err = InvalidLevel;

    /// One level, and perhaps others for some modules: `info,actiongate::proxy=debug`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut targets = Targets::new();
        let mut default = None;
        let mut modules: Vec<&str> = Vec::new();
        for part in text.split(',') {
            let (module, name) = match part.split_once('=') {
                Some((module, name)) => (Some(module.trim()), name.trim()),
                None => (None, part.trim()),
            };
            let level = parse_level(name)?;
            match module {
                None if default.is_some() => {
                    return Err(InvalidLevel::Repeated("all modules".to_owned()));
                }
                None => default = Some(level),
                Some(module) if modules.contains(&module) => {
                    return Err(InvalidLevel::Repeated(format!("`{module}`")));
                }
                Some(module) if is_module(module) => {
                    modules.push(module);
                    targets = targets.with_target(module, level);
                }
                Some(module) => return Err(InvalidLevel::Module(module.to_owned())),
            }
        }
        let default = default.ok_or(InvalidLevel::NoDefault)?;
        Ok(Self(targets.with_default(default)))
    }
}

/// By its name only: the library would take numbers, too.
fn parse_level(name: &str) -> Result<LevelFilter, InvalidLevel> {
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphabetic()) && !name.is_empty();
    let level = is_name.then(|| name.parse().ok()).flatten();
    level.ok_or_else(|| InvalidLevel::Unknown(name.to_owned()))
}

/// A path of Rust, such as `actiongate::proxy`.
fn is_module(name: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    name.split("::").all(is_word)
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Format {
    /// Text on a terminal, JSON elsewhere.
    #[default]
    Auto,
    /// Text.
    Text,
    /// One JSON object.
    Json,
}

/// A name that is not a [`Format`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("there is no such format")]
pub struct UnknownFormat;

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(UnknownFormat),
        }
    }
}

/// Starts the log; a second call changes nothing.
pub fn start(settings: &Settings) {
    let is_json = match settings.format {
        Format::Auto => !io::stderr().is_terminal(),
        Format::Text => false,
        Format::Json => true,
    };
    let lines = fmt::layer().with_writer(io::stderr).with_target(false);
    let lines = match is_json {
        true => lines.json().flatten_event(true).boxed(),
        false => lines.with_ansi(io::stderr().is_terminal()).boxed(),
    };
    let (level, handle) = reload::Layer::new(settings.level.0.clone());
    let started = tracing_subscriber::registry().with(level).with(lines);
    // The only failure is a log that was started before, as in tests.
    if started.try_init().is_ok() {
        let _ = LEVEL.set(handle);
    }
}

/// What is written from now on, where the log was started.
pub fn set_level(level: &Level) {
    if let Some(handle) = LEVEL.get() {
        // It fails only for a log that is gone, and this one stays.
        let _ = handle.reload(level.0.clone());
    }
}

/// An error and its causes, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use tracing::Level as Of;

    use super::*;

    #[test]
    fn a_level_is_of_all_modules_and_of_some() {
        let (proxy, pool, token) = (
            "actiongate::proxy",
            "actiongate::proxy::pool",
            "actiongate::token",
        );
        let cases = [
            ("warn", proxy, Of::WARN, true),
            ("warn", proxy, Of::INFO, false),
            ("OFF", proxy, Of::ERROR, false),
            ("info, actiongate::proxy = debug", proxy, Of::DEBUG, true),
            ("info,actiongate::proxy=debug", pool, Of::DEBUG, true),
            ("info,actiongate::proxy=debug", token, Of::DEBUG, false),
            ("actiongate::proxy=error,info", proxy, Of::INFO, false),
            ("actiongate::proxy=error,info", token, Of::INFO, true),
        ];
        for (text, module, level, expected) in cases {
            let Level(targets) = text.parse().unwrap();
            assert_eq!(targets.would_enable(module, &level), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_level_is_refused() {
        let unknown = |text: &str| InvalidLevel::Unknown(text.to_owned());
        let module = |text: &str| InvalidLevel::Module(text.to_owned());
        let repeated = |text: &str| InvalidLevel::Repeated(text.to_owned());
        let cases = [
            ("", unknown("")),
            ("loud", unknown("loud")),
            ("3", unknown("3")),
            ("info,", unknown("")),
            ("info,a=", unknown("")),
            ("info,a=b=debug", unknown("b=debug")),
            ("info,=debug", module("")),
            ("info,a:b=debug", module("a:b")),
            ("info,a::=debug", module("a::")),
            ("info,[span]=debug", module("[span]")),
            ("info,debug", repeated("all modules")),
            ("info,a=debug,a=warn", repeated("`a`")),
            ("a=debug", InvalidLevel::NoDefault),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<Level>(), Err(expected), "{text:?}");
        }
    }
}
