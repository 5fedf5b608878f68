//! A secret of the gateway's own, read from its file each time it is used: whoever rotates it replaces
//! the file.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::file;

/// The most bytes of a secret.
const MAX_SIZE: u64 = 64 * 1024;

/// Its `Debug` shows nothing of it.
#[derive(Clone)]
pub struct Secret(String);

/// Why a secret cannot be had.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each says what its message says")]
pub enum SecretError {
    #[error("cannot read `{path}`")]
    Read { path: PathBuf, source: io::Error },
    #[error("`{path}` holds {found}, expected one line of at most {MAX_SIZE} bytes")]
    Content { path: PathBuf, found: &'static str },
}

impl Secret {
    /// The text of the file, without the line end that editors leave.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, or holds anything but one line.
    pub fn read(path: &Path) -> Result<Self, SecretError> {
        let content = |found| SecretError::Content {
            path: path.to_owned(),
            found,
        };
        let read = File::open(path).and_then(|file| file::read(file, MAX_SIZE));
        let bytes = read.map_err(|source| SecretError::Read {
            path: path.to_owned(),
            source,
        })?;
        let bytes = bytes.ok_or_else(|| content("too much"))?;
        let text = String::from_utf8(bytes).map_err(|_| content("other than UTF-8"))?;
        let text = text.trim_end_matches(['\r', '\n']);
        match text {
            "" => Err(content("nothing")),
            _ if text.contains(char::is_control) => Err(content("control characters")),
            _ => Ok(Self(text.to_owned())),
        }
    }

    /// Every character of it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let cases = [
            ("pass word\n", Ok("pass word")),
            ("pass\r\n", Ok("pass")),
            (" pass ", Ok(" pass ")),
            ("", Err("holds nothing")),
            ("\n", Err("holds nothing")),
            ("a\nb\n", Err("holds control characters")),
        ];
        for (text, expected) in cases {
            std::fs::write(&path, text).unwrap();
            match (Secret::read(&path), expected) {
                (Ok(secret), Ok(expected)) => assert_eq!(secret.reveal(), expected),
                (Err(error), Err(expected)) => assert!(error.to_string().contains(expected)),
                (found, _) => panic!("{text:?}: {found:?}"),
            }
        }
        std::fs::write(&path, vec![b'x'; 64 * 1024 + 1]).unwrap();
        let error = Secret::read(&path).unwrap_err();
        assert!(error.to_string().contains("holds too much"), "{error}");
        let error = Secret::read(&folder.path().join("none")).unwrap_err();
        assert!(error.to_string().starts_with("cannot read `"), "{error}");
    }

    #[test]
    fn its_debug_tells_nothing() {
        assert_eq!(format!("{:?}", Secret::from("password")), "Secret");
    }
}
