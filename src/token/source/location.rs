//! Where keys are.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use hyper::Uri;

use crate::token::fetch::FetchError;
use crate::token::keys::{Algorithm, InvalidKeySet};

/// Where a key set is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Location {
    /// A file, relative to the working directory.
    File(PathBuf),
    /// An `http` or `https` URL.
    Url(Uri),
    /// A file with one public key in PEM form, or a folder of such, for one algorithm.
    Pem(PathBuf, Algorithm),
}

impl Location {
    /// Where it is on this machine.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) | Self::Pem(path, _) => Some(path),
            Self::Url(_) => None,
        }
    }

    /// Whether all keys have been taken from here: whoever takes the last file out of a folder, or puts
    /// another in its place, wants no token of that key. A key set that is fetched is another's, and a
    /// bad one more likely to be a mistake.
    pub fn is_emptied(&self, error: &FetchError) -> bool {
        let is_folder = matches!(self, Self::Pem(..));
        is_folder && matches!(error, FetchError::Keys(InvalidKeySet::NoneUsable(_)))
    }

    /// The files whose change changes the keys, and the folder to which others may be added.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = self.path().map(Path::to_owned).into_iter().collect();
        if let Self::Pem(path, _) = self
            && let Ok(entries) = fs::read_dir(path)
        {
            files.extend(entries.flatten().map(|entry| entry.path()));
        }
        files
    }
}

/// Whether `uri` has a host and, if any, a port that is one: `http` reads `host:99999` as no port.
pub fn names_a_server(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let port = authority.strip_prefix(host).unwrap_or(":");
    !host.is_empty() && (port.is_empty() || uri.port_u16().is_some_and(|port| port > 0))
}

/// A URL that no key set can be fetched from.
#[derive(Debug, thiserror::Error)]
#[error("it is not an http or https URL of a host and, if any, a port from 1 to 65535")]
pub struct InvalidLocation;

impl FromStr for Location {
    type Err = InvalidLocation;

    /// A text with `://` is a URL, any other a file name.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if !text.contains("://") {
            return Ok(Self::File(text.into()));
        }
        let uri: Uri = text.parse().map_err(|_| InvalidLocation)?;
        let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
        if !is_web || text.contains(['@', '#']) || !names_a_server(&uri) {
            return Err(InvalidLocation);
        }
        Ok(Self::Url(uri))
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) | Self::Pem(path, _) => write!(f, "{}", path.display()),
            Self::Url(uri) => write!(f, "{uri}"),
        }
    }
}
