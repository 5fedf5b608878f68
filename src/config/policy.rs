//! `[[policy]]`: the operator's own policies, beside the vendor's, by the names that roles use.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::parse_required;
use crate::document::{Located, Section, nearest};
use crate::file;
use crate::grant::{NamedPolicy, system_policies};

/// No document that people write is longer; the vendor's own bound is 6 KiB.
const MAX_DOCUMENT: u64 = 256 * 1024;

/// Every policy that a role may have.
#[derive(Debug, Default)]
pub struct Policies {
    /// Those without a problem, the vendor's first.
    pub known: Vec<Arc<NamedPolicy>>,
    /// Those with a problem of their own.
    broken: Vec<String>,
    /// The files they are in.
    pub files: Vec<PathBuf>,
}

/// What is known of a policy that a role names.
#[derive(Debug)]
pub enum Found {
    Policy(Arc<NamedPolicy>),
    /// It has a problem, which is reported already.
    Broken,
    /// There is none; the nearest name.
    Unknown(String),
}

impl Policies {
    /// The vendor's policies and those of the config's `sections`.
    pub fn read(root: &Section<'_>, sections: &[Section<'_>], folder: &Path) -> Self {
        let mut policies = Self::default();
        for (name, document) in system_policies() {
            match NamedPolicy::read(name.to_owned(), document.as_bytes()) {
                Ok(policy) => policies.known.push(Arc::new(policy)),
                Err(error) => root.problem(0, format!("the built-in policy `{name}`: {error}")),
            }
        }
        let mut own: Vec<Located<String>> = Vec::new();
        for section in sections {
            policies.add(section, folder, &mut own);
        }
        policies
    }

    /// The policy called `name`.
    pub fn find(&self, name: &str) -> Found {
        if let Some(policy) = self.known.iter().find(|policy| policy.name == name) {
            return Found::Policy(Arc::clone(policy));
        }
        if self.broken.iter().any(|broken| broken == name) {
            return Found::Broken;
        }
        let names = self.known.iter().map(|policy| policy.name.as_str());
        let names = names.chain(self.broken.iter().map(String::as_str));
        let nearest = nearest(name, names, f64::NEG_INFINITY);
        Found::Unknown(nearest.unwrap_or_default().to_owned())
    }

    fn add(&mut self, section: &Section<'_>, folder: &Path, own: &mut Vec<Located<String>>) {
        let expected = "the name that [issuer.roles] uses";
        let name = parse_required(section, "name", expected, |text| match text {
            "" => Err("it is empty"),
            text => Ok(text.to_owned()),
        });
        let document = self.document(section, folder);
        section.finish();
        let Some(name) = name else { return };
        let line = section.string("name").map_or(0, |name| name.line);
        if system_policies().any(|(system, _)| system == name) {
            let message = format!("the policy `{name}` is built in, expected another name");
            return section.problem(line, message);
        }
        if let Some(earlier) = own.iter().find(|earlier| earlier.value == name) {
            let message = format!(
                "the policy `{name}` is already defined at line {}, expected each name once",
                earlier.line
            );
            return section.problem(line, message);
        }
        own.push(Located {
            value: name.clone(),
            line,
        });
        let Some((place, document)) = document else {
            return self.broken.push(name);
        };
        match NamedPolicy::read(name.clone(), &document) {
            Ok(policy) => self.known.push(Arc::new(policy)),
            Err(error) => {
                let message = format!("the policy `{name}` {place} is not understood: {error}");
                section.problem(line, message);
                self.broken.push(name);
            }
        }
    }

    /// The document, and where it is.
    fn document(&mut self, section: &Section<'_>, folder: &Path) -> Option<(String, Vec<u8>)> {
        let (file, text) = (section.string("file"), section.string("document"));
        let expected = "either a `file` or a `document`";
        let file = match (file, text) {
            (Some(_), Some(text)) => {
                let message =
                    format!("`policy.document` stands beside a file, expected {expected}");
                section.problem(text.line, message);
                return None;
            }
            (None, Some(text)) => return Some(("here".to_owned(), text.value.into_bytes())),
            (None, None) => {
                if !section.has("file") && !section.has("document") {
                    section.missing("file", expected);
                }
                return None;
            }
            (Some(file), None) => file,
        };
        let path = folder.join(&file.value);
        let read = File::open(&path).and_then(|open| file::read(open, MAX_DOCUMENT));
        self.files.push(path);
        let name = file.value;
        let message = match read {
            Ok(Some(document)) => return Some((format!("of the file `{name}`"), document)),
            Ok(None) => format!("the policy file `{name}` has more than {MAX_DOCUMENT} bytes"),
            Err(error) => format!("the policy file `{name}` cannot be read: {error}"),
        };
        section.problem(file.line, message);
        None
    }
}
