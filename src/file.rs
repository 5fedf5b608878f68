//! Whether a file has changed, without reading it.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Tells versions of a file apart: another inode where it was replaced, another size or time where
/// it was written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Mark {
    device: u64,
    inode: u64,
    size: u64,
    /// Seconds and nanoseconds since 1970 at which the content was written last.
    modified: (i64, i64),
    /// The same for the inode, which no program can set back.
    changed: (i64, i64),
}

impl From<&Metadata> for Mark {
    fn from(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

impl Mark {
    /// That of the file at `path`, behind all symbolic links, as far as there is one.
    pub fn at(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().as_ref().map(Self::from)
    }
}
