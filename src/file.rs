//! Reading files within bounds, and telling whether one has changed without reading it.

use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// All of a file, or `None` if it has more than `most` bytes.
///
/// # Errors
///
/// As reading it.
pub fn read(file: File, most: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= most).then_some(bytes))
}

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
