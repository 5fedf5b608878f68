//! Whether a file has changed, without reading it.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Tells versions of a file apart: a new inode where it was replaced, a new time or size where it
/// was written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Mark {
    inode: u64,
    size: u64,
    seconds: i64,
    nanoseconds: i64,
}

impl From<&Metadata> for Mark {
    fn from(metadata: &Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            size: metadata.size(),
            seconds: metadata.mtime(),
            nanoseconds: metadata.mtime_nsec(),
        }
    }
}

impl Mark {
    /// That of the file at `path`, as far as there is one.
    pub fn at(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().as_ref().map(Self::from)
    }
}
