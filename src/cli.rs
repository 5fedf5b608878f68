//! The commands. Exit codes: 0 done or allowed, 1 failure, 2 usage, 3 denied, 4 requests cut off;
//! `import` and `replay` end as `diff` does: 1 where the page differs, 2 for trouble.

mod audit;
mod can;
mod cases;
mod check;
mod config;
mod demo;
mod diff;
mod explain;
mod health;
mod import;
mod known;
mod manual;
mod passed;
mod replay;
mod routes;
mod run;
mod suggest;
mod token;

use std::fmt;
use std::io::{self, Read as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::config::Config;

/// An authorizing gateway for ECS and OpenStack Nova compatible compute APIs.
///
/// Each request is routed to an operation of the action table; it is forwarded only if the
/// caller's token grants every action the operation demands.
#[derive(Debug, Parser)]
#[command(name = "actiongate", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway
    Run(ConfigFile),
    /// Ask a running gateway's admin listener whether it is ready: a probe for containers
    ///
    /// Exit codes: 0 it is; 1 it is not, or it does not answer.
    Health {
        /// Where the admin listener is
        #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9090")]
        url: String,
        /// The config that says where it is
        #[arg(long, value_name = "FILE", conflicts_with = "url")]
        config: Option<PathBuf>,
        /// Ask whether it serves at all
        #[arg(long, conflicts_with = "ready")]
        live: bool,
        /// Ask whether requests should be sent to it [default]
        #[arg(long)]
        ready: bool,
    },
    /// Read a config and everything it names, and report every problem
    Check {
        #[command(flatten)]
        config: ConfigFile,
        /// Note also what stands only in the built-in table
        #[arg(long)]
        all: bool,
        /// Fail where there is anything to note
        #[arg(long)]
        strict: bool,
    },
    /// Print the action table
    Routes {
        /// The config whose table is printed [default: the built-in table]
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// The form of the table
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Say what the gateway would do with a request, and why
    Explain(Box<explain::Arguments>),
    /// List what a caller, a role or a policy may do, or who may do an operation
    #[command(group = clap::ArgGroup::new("who").required(true))]
    Can {
        /// The config [default: the built-in table and policies]
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// What the caller with this token may do: a file, or - for standard input
        #[arg(long, value_name = "FILE|-", group = "who", requires = "config")]
        token: Option<PathBuf>,
        /// What a role may do, whoever has it
        #[arg(long, value_name = "NAME", group = "who", requires = "config")]
        role: Option<String>,
        /// What a policy allows, whoever has it
        #[arg(long, value_name = "NAME", group = "who")]
        policy: Option<String>,
        /// Who may do this: an operation's label, or "METHOD PATH" with a path or a template
        #[arg(long, value_name = "OPERATION", group = "who")]
        operation: Option<String>,
        /// List also what may not be done, or who may not, and why
        #[arg(long)]
        all: bool,
        /// The form of the list
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Say exactly what a change of the config lets somebody do, and what it takes away
    ///
    /// Compares table, roles, policies, issuers and what else decides. It asks both configs about one
    /// request and one context of every class that either can tell apart, so nothing is left out.
    ///
    /// Exit codes: 0 no difference; 1 there are some; 2 trouble; 3 something widens, with --forbid-widening.
    Diff {
        /// The config as it is; with --policies, a policy's name, or its document's file
        #[arg(value_name = "OLD")]
        old: PathBuf,
        /// The config as it would be; with --policies, the other policy
        #[arg(value_name = "NEW")]
        new: PathBuf,
        /// Compare two policies
        #[arg(long)]
        policies: bool,
        /// The config with the table and the policies [default: the built-in ones]
        #[arg(long, value_name = "FILE", requires = "policies")]
        config: Option<PathBuf>,
        /// End with 3 where anybody may do more
        #[arg(long)]
        forbid_widening: bool,
        /// The form of the list
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Run cases that say what policies have to allow and deny, and tell what no case touches
    ///
    /// Without files, the cases of the built-in policies.
    ///
    /// Exit codes: 0 all passed; 1 some failed, or cannot be read, or something is not touched that has to be.
    Test(cases::Arguments),
    /// Decide the requests of an audit again, under another config, and report what would change
    ///
    /// Each is decided as of the time and for the address that it was recorded with. What was rejected before
    /// its rights were the question, as for an expired token, stays so. Bodies' sizes are not looked at.
    ///
    /// Exit codes: 0 nothing changes; 1 something does; 2 trouble, or, with --forbid-…, requests that could
    /// not be decided again; 3 a change that is forbidden.
    Replay(replay::Arguments),
    /// Suggest the least policy for each caller or role of an audit, from what it used
    ///
    /// A policy has what permitted requests demanded and no more, with the conditions and resources of the
    /// statements that granted it, and those of denials. What cannot be said so is left out and named. In
    /// which projects it may be used, and an application credential's access rules, the policy leaves alone.
    ///
    /// Exit codes: 0 done; 1 nothing could be suggested; 2 trouble.
    Suggest(suggest::Arguments),
    /// Print the vendor's pages of permissions and actions as a table file, or compare them
    ///
    /// Reads HTML tables, in Markdown too, and grid tables in reStructuredText with the columns
    /// Permission, API and Action, and Dependencies if there are any. What a page cannot say, such
    /// as `body_key`, is taken from the built-in operation with the same permission and routes. A
    /// row that cannot be read is reported, and then nothing is printed.
    ///
    /// Exit codes: 0 done, or no difference; 1 the pages differ from the table; 2 trouble.
    Import {
        /// A page: .md, .html or .rst; another name, or - for standard input, is told by its content
        #[arg(required = true, value_name = "PAGE")]
        pages: Vec<PathBuf>,
        /// Say what the pages add, lack and change in the table in use, route by route
        ///
        /// A route is gone if the pages lack it and have at least half of the routes of the table
        /// file that it stands in. Dependencies are compared where the page has such a column.
        #[arg(long)]
        diff: bool,
        /// The config whose table is compared [default: the built-in table]
        #[arg(long, requires = "diff", value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Make and read tokens
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Check the files of an audit, and say what is in them
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Show the config's effective values, and what it may hold
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Print what makes a shell complete actiongate's commands
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: Shell,
    },
    /// Print the manual page, or write those of all commands
    Man {
        /// The folder that gets actiongate.1, actiongate-run.1 and so on
        #[arg(long, value_name = "FOLDER")]
        dir: Option<PathBuf>,
    },
    /// Run a gateway, an issuer's key and a compute API in memory, to try things out
    Demo {
        /// Where config, keys and tokens are written [default: actiongate-demo in the temporary folder]
        #[arg(long, value_name = "FOLDER")]
        dir: Option<PathBuf>,
        /// Where the gateway listens
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
        listen: SocketAddr,
        /// Where it tells about itself [default: 127.0.0.1, on the port behind the gateway's]
        #[arg(long, value_name = "ADDRESS")]
        admin: Option<SocketAddr>,
    },
}

#[derive(Args, Debug)]
struct ConfigFile {
    /// The config file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// The form of a printed table.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Text,
    Json,
    Markdown,
}

/// How a command that did its work ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Outcome {
    Done,
    Failed,
    Denied,
    CutOff,
    Differs,
    Unusable,
}

impl Outcome {
    fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed | Self::Differs => 1,
            Self::Unusable => 2,
            Self::Denied => 3,
            Self::CutOff => 4,
        }
    }
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    // Ends the process with 2 for what it does not understand.
    let cli = Cli::parse();
    match execute(cli.command) {
        Ok(outcome) => ExitCode::from(outcome.code()),
        Err(error) => {
            say_error(&error);
            ExitCode::from(1)
        }
    }
}

fn execute(command: Command) -> anyhow::Result<Outcome> {
    match command {
        Command::Run(file) => run::run(&file.config),
        Command::Health {
            url, config, live, ..
        } => {
            let url = config.as_deref().map_or(Ok(url), health::url_of)?;
            health::run(
                &url,
                match live {
                    true => health::Question::Live,
                    false => health::Question::Ready,
                },
            )
        }
        Command::Check {
            config,
            all,
            strict,
        } => Ok(check::run(&config.config, all, strict)),
        Command::Routes { config, format } => routes::run(config.as_deref(), format),
        Command::Explain(arguments) => explain::run(*arguments),
        Command::Can {
            config,
            token,
            role,
            policy,
            operation,
            all,
            format,
        } => {
            let who = can::Who::new(token.as_deref(), role, policy, operation)?;
            can::run(config.as_deref(), &who, can::Shown { all, format })
        }
        Command::Diff {
            old,
            new,
            policies,
            config,
            forbid_widening,
            format,
        } => {
            let asked = diff::Asked {
                policies,
                config: config.as_deref(),
                forbid_widening,
                format,
            };
            Ok(diff::run(&old, &new, &asked))
        }
        Command::Test(arguments) => cases::run(&arguments),
        Command::Suggest(arguments) => Ok(suggest::run(&arguments)),
        Command::Replay(arguments) => Ok(replay::run(&arguments)),
        Command::Import {
            pages,
            diff,
            config,
        } => Ok(match diff {
            true => import::compare(&pages, config.as_deref()),
            false => import::run(&pages),
        }),
        Command::Token(command) => token::run(command),
        Command::Audit(command) => Ok(audit::run(&command)),
        Command::Config(command) => config::run(&command),
        Command::Completions { shell } => Ok(manual::complete(shell)),
        Command::Man { dir } => manual::run(dir.as_deref()),
        Command::Demo { dir, listen, admin } => demo::run(dir, listen, admin),
    }
}

/// Each problem on a line of its own, so that its place starts the line.
fn read_config(path: &std::path::Path) -> anyhow::Result<Config> {
    Config::read(path).map_err(|problems| anyhow!("the config cannot be used:\n{problems}"))
}

/// A time as in `2026-11-29T12:00:00Z`, in seconds since 1970.
fn parse_time(text: &str) -> Result<u64, String> {
    let time = humantime::parse_rfc3339(text)
        .map_err(|error| format!("expected a time as in `2026-11-29T12:00:00Z`: {error}"))?;
    let since = time.duration_since(std::time::UNIX_EPOCH);
    since
        .map(|since| since.as_secs())
        .map_err(|error| error.to_string())
}

/// The text of an argument, or of the file after its `@`.
fn text_or_file(argument: &str) -> anyhow::Result<String> {
    match argument.strip_prefix('@') {
        Some(file) => read_text(file.as_ref()),
        None => Ok(argument.to_owned()),
    }
}

/// The text of a file, or of standard input for `-`.
fn read_text(path: &std::path::Path) -> anyhow::Result<String> {
    if path.as_os_str() == "-" {
        let mut text = String::new();
        io::stdin()
            .read_to_string(&mut text)
            .context("cannot read standard input")?;
        return Ok(text);
    }
    std::fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))
}

/// Prints a line; a reader that has gone away, as `head` does, is no error.
fn say(line: impl fmt::Display) {
    use io::Write as _;
    let _ = writeln!(io::stdout().lock(), "{line}");
}

fn say_error(error: &anyhow::Error) {
    use io::Write as _;
    let _ = writeln!(io::stderr().lock(), "actiongate: {error:#}");
}
