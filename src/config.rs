//! `actiongate.toml`: from a file to the settings of every part, every problem at once.
//!
//! File shape and program types are two things: [`Config`] holds what the parts take.

mod access_rule;
mod admin;
mod audit;
mod authorizer;
mod claims;
mod environment;
mod identity;
mod issuer;
mod listen;
mod log;
mod policy;
mod rehearsal;
mod revocation;
mod schema;
mod show;
mod table;
mod tls;
mod tracing;
mod upstream;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};

pub use issuer::{IssuerConfig, IssuerKind, KeystoneKeys};
use policy::Policies;
pub use rehearsal::{apart, is_readable};
pub use schema::SCHEMA;

use crate::document::{Document, Located, Problem, Problems, Section, Surroundings, Used};
use crate::gateway::KeystoneChallenge;
use crate::grant::NamedPolicy;
use crate::table::Source;
use crate::tls::{ClientSettings, ServerSettings};
use crate::{gateway, proxy, server, telemetry, token, trace};

/// Everything the program is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where clients are served.
    pub listen: server::Settings,
    /// What holds for every request.
    pub gateway: gateway::Settings,
    /// Where permitted requests go.
    pub upstream: proxy::Settings,
    /// Whose tokens are accepted; at least one.
    pub issuers: Vec<IssuerConfig>,
    /// Bounds of tokens.
    pub token: token::Settings,
    /// The table's files, the built-in one first.
    pub table: Vec<Source>,
    /// The files among them.
    pub table_files: Vec<PathBuf>,
    /// Whether the table's dependencies are demanded, too.
    pub enforce_dependencies: bool,
    /// The policies that roles may have, the vendor's first.
    pub policies: Vec<Arc<NamedPolicy>>,
    /// The files of policies.
    pub policy_files: Vec<PathBuf>,
    /// Whether a change of the config's files is taken up while the gateway runs.
    pub watch: bool,
    /// The file it was read from, if it was.
    pub origin: Option<PathBuf>,
    /// What went into it beside the file's own text.
    pub used: Used,
    /// Where audit lines go.
    pub audit: crate::audit::Settings,
    /// Where traces go; nowhere unless it is said.
    pub tracing: Option<trace::Settings>,
    /// The program's own log.
    pub log: telemetry::Settings,
    /// Where it tells about itself, if it does.
    pub admin: Option<crate::admin::Settings>,
    /// Where other proxies ask for decisions.
    pub authorizers: Vec<crate::authorizer::Settings>,
    /// Where the list of revoked tokens is, if there is one.
    pub revocation: Option<crate::revocation::Settings>,
    /// The labels of operations whose refusals are reported only.
    pub report: Vec<Located<String>>,
    /// The config that is rehearsed, if one is.
    pub candidate: Option<PathBuf>,
}

impl Config {
    /// Reads the file at `path`; files it names are relative to it. Environment variables
    /// `ACTIONGATE_…` come before its own values.
    ///
    /// # Errors
    ///
    /// Every problem of it, of its policies, and of the files it names as tables.
    pub fn read(path: &Path) -> Result<Self, Problems> {
        whole(Self::survey(path))
    }

    /// Reads as much as can be read in spite of problems, for finding more of them.
    pub fn survey(path: &Path) -> (Option<Self>, Problems) {
        let (document, problems) = match open(path, environment::variables()) {
            Ok(opened) => opened,
            Err(problem) => return (None, Problems(vec![problem])),
        };
        let (config, found) = survey(document, folder_of(path));
        let config = config.map(|config| Self {
            origin: Some(path.to_owned()),
            ..config
        });
        (config, Problems([problems, found.0].concat()))
    }

    /// The file at `path` and what is so without it, each value with where it comes from, as TOML.
    ///
    /// # Errors
    ///
    /// As [`Config::read`].
    pub fn show(path: &Path) -> Result<String, Problems> {
        Self::read(path)?;
        let opened = open(path, environment::variables());
        let (document, _) = opened.map_err(|problem| Problems(vec![problem]))?;
        let name = path.file_name().unwrap_or(path.as_os_str());
        Ok(document.read(|root| show::show(root, &name.to_string_lossy())))
    }

    /// Reads `text`, called `name`, whose relative file names start in `folder`; without the environment.
    ///
    /// # Errors
    ///
    /// As [`Config::read`].
    pub fn parse(name: &str, text: &str, folder: &Path) -> Result<Self, Problems> {
        whole(survey(Document::new(name, text), folder))
    }

    /// `[admin]` of the file at `path`, if there is one: for asking the gateway that was started with it.
    /// What else stands there may be wrong by now; the gateway keeps what it had.
    ///
    /// # Errors
    ///
    /// Every problem of it, and that the file cannot be read.
    pub fn read_admin(path: &Path) -> Result<Option<crate::admin::Settings>, Problems> {
        let opened = open(path, environment::variables());
        let (document, _) = opened.map_err(|problem| Problems(vec![problem]))?;
        let folder = folder_of(path);
        match document.read_table("admin", |section| admin::read(section, folder)) {
            None => Ok(None),
            Some(Some(settings)) => Ok(Some(settings)),
            Some(None) => Err(Problems(document.into_problems())),
        }
    }

    /// How messages name the config.
    pub fn name(&self) -> String {
        let origin = self.origin.as_ref();
        origin.map_or_else(
            || "the config".to_owned(),
            |path| path.display().to_string(),
        )
    }

    /// SHA-256 of the texts of the config, its tables, its policies and what went into it, as they are now, in hexadecimal:
    /// two gateways with the same one decide alike.
    pub fn digest(&self) -> String {
        let mut digest = Context::new(&SHA256);
        let mut add = |text: &[u8]| {
            digest.update(&(text.len() as u64).to_be_bytes());
            digest.update(text);
        };
        let texts = self.origin.iter().chain(&self.table_files);
        for path in texts.chain(&self.policy_files).chain(&self.used.files) {
            add(&fs::read(path).unwrap_or_default());
        }
        for (name, value) in &self.used.variables {
            add(name.as_bytes());
            add(value.as_bytes());
        }
        let hexadecimal = |byte: &u8| format!("{byte:02x}");
        digest.finish().as_ref().iter().map(hexadecimal).collect()
    }

    /// Every file that a reload would read again.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = self
            .origin
            .iter()
            .chain(&self.table_files)
            .chain(&self.policy_files)
            .chain(&self.used.files)
            .cloned()
            .collect();
        for keys in self.issuers.iter().filter_map(|issuer| issuer.kind.keys()) {
            files.extend(keys.location.files());
            files.extend(keys.ca.clone());
        }
        // Not the secrets: each use reads them again.
        let validators = self.issuers.iter();
        let validators = validators.filter_map(|issuer| issuer.kind.validator());
        files.extend(validators.filter_map(|settings| settings.ask().ca.clone()));
        let (listen, upstream) = (&self.listen.tls, &self.upstream.tls);
        files.extend(listen.iter().flat_map(ServerSettings::files));
        files.extend(upstream.iter().flat_map(ClientSettings::files));
        let admin = self.admin.iter().filter_map(|admin| admin.tls.as_ref());
        files.extend(admin.flat_map(ServerSettings::files));
        files.extend(
            self.candidate
                .iter()
                .flat_map(|path| rehearsal::files(path)),
        );
        let authorizers = self.authorizers.iter();
        let authorizers = authorizers.filter_map(|settings| settings.tls.as_ref());
        files.extend(authorizers.flat_map(ServerSettings::files));
        files
    }
}

/// The document at `path` within `variables`, and what is wrong with the names of these.
fn open(
    path: &Path,
    variables: BTreeMap<String, String>,
) -> Result<(Document, Vec<Problem>), Problem> {
    let name = path.display().to_string();
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            return Err(Problem {
                file: name,
                line: 0,
                message: format!("cannot be read: {error}"),
            });
        }
    };
    let (overrides, problems) = environment::overrides(&variables);
    let surroundings = Surroundings {
        variables: Some(variables),
        folder: folder_of(path).to_owned(),
        overrides,
    };
    Ok((Document::new(name, text).within(surroundings), problems))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

fn survey(document: Document, folder: &Path) -> (Option<Config>, Problems) {
    let config = document.read(|root| read_root(root, folder));
    let used = document.used();
    let config = config.map(|config| Config { used, ..config });
    (config, Problems(document.into_problems()))
}

/// A config without a problem, or the problems.
fn whole(surveyed: (Option<Config>, Problems)) -> Result<Config, Problems> {
    match surveyed {
        (Some(config), problems) if problems.0.is_empty() => Ok(config),
        (_, problems) => Err(problems),
    }
}

fn read_root(root: &Section<'_>, folder: &Path) -> Option<Config> {
    let listen = required(root, "listen", "a table [listen] with an `address`");
    let (listen, gateway) = listen.map(|section| listen::read(&section, folder)).unzip();
    let upstream = required(root, "upstream", "a table [upstream] with a `url`");
    let table = table::read(root.section("table").as_ref(), folder);
    let policies = root.sections("policy").unwrap_or_default();
    let policies = Policies::read(root, &policies, folder);
    let sections = root.sections("issuer");
    if sections.as_ref().is_some_and(Vec::is_empty) {
        let expected = "at least one table [[issuer]] with `name`, `audiences` and `keys`";
        root.missing("issuer", expected);
    }
    let sections = sections.unwrap_or_default();
    let issuers = sections
        .iter()
        .filter_map(|section| issuer::read(section, folder, &policies, table.region.as_ref()));
    let mut issuers: Vec<IssuerConfig> = issuers.collect();
    issuer::refuse_equal_names(&sections);
    issuer::refuse_second_nameless(&sections);
    let token = root.section("token");
    let (token, keystone) = token.map_or_else(Default::default, |section| read_token(&section));
    // The built-in table is of an API that Nova serves.
    let profile = match table.is_builtin {
        true => proxy::Profile::Nova,
        false => proxy::Profile::Generic,
    };
    let upstream = upstream.and_then(|section| upstream::read(&section, folder, profile, &issuers));
    if let Some(upstream) = &upstream {
        identity::keep_told(&mut issuers, &sections, &upstream.identity);
    }
    let watch = root.section("reload").and_then(|section| {
        let watch = section.boolean("watch");
        section.finish();
        watch
    });
    let watch = watch.unwrap_or(true);
    let audit = root
        .section("audit")
        .map_or_else(crate::audit::Settings::default, |section| {
            audit::read(&section, folder)
        });
    let tracing = root.section("tracing");
    let tracing = tracing.and_then(|section| tracing::read(&section, folder));
    let log = root
        .section("log")
        .map_or_else(telemetry::Settings::default, |section| log::read(&section));
    let admin = root.section("admin");
    let admin = admin.and_then(|section| admin::read(&section, folder));
    let rehearsal = root.section("rehearsal");
    let candidate = rehearsal.and_then(|section| rehearsal::read(&section, folder));
    let sections = root.sections("authorizer").unwrap_or_default();
    let authorizers = sections
        .iter()
        .filter_map(|section| authorizer::read(section, folder));
    let authorizers = authorizers.collect();
    let revocation = root.section("revocation");
    let is_revoking = revocation.is_some();
    let revocation = revocation.and_then(|section| revocation::read(&section, folder));
    if is_revoking && revocation.is_none() {
        return None;
    }
    Some(Config {
        listen: listen??,
        gateway: gateway::Settings {
            keystone,
            ..gateway?
        },
        upstream: upstream?,
        issuers,
        token,
        table: table.sources,
        table_files: table.files,
        enforce_dependencies: table.enforce_dependencies,
        policies: policies.known,
        policy_files: policies.files,
        watch,
        origin: None,
        used: Used::default(),
        audit,
        tracing,
        log,
        admin,
        authorizers,
        revocation,
        report: table.report,
        candidate,
    })
}

fn required<'a>(root: &Section<'a>, key: &'static str, expected: &str) -> Option<Section<'a>> {
    if !root.has(key) {
        root.missing(key, expected);
    }
    root.section(key)
}

fn read_token(section: &Section<'_>) -> (token::Settings, Option<KeystoneChallenge>) {
    let mut settings = token::Settings::default();
    let max_size = section
        .size("max_size")
        .map(|size| usize::try_from(size).unwrap_or(usize::MAX));
    set(&mut settings.max_size, max_size);
    let cache = section
        .size("cache")
        .map(|size| usize::try_from(size).unwrap_or(usize::MAX));
    set(&mut settings.cache, cache);
    let expected = "a URL such as \"https://keystone.example.com/v3\"";
    let keystone = section.parse("www_authenticate_uri", expected, str::parse);
    section.finish();
    (settings, keystone.map(|keystone| keystone.value))
}

fn parse_required<T, E: std::fmt::Display>(
    section: &Section<'_>,
    key: &'static str,
    expected: &str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Option<T> {
    if !section.has(key) {
        section.missing(key, expected);
    }
    section.parse(key, expected, parse).map(|found| found.value)
}

fn set<T>(setting: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *setting = value;
    }
}

#[cfg(test)]
mod tests;
