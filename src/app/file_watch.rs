//! Noticing that files have changed, also where Kubernetes swaps the symbolic link above them.
//!
//! The files are looked at once a second: that sees every kind of replacement on every kind of file
//! system, and costs a few microseconds on the control thread.

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::sleep;

use crate::file::Mark;

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// Files, as they were when they were last looked at.
#[derive(Debug)]
pub struct FileWatch {
    files: Vec<(PathBuf, Option<Mark>)>,
}

impl FileWatch {
    /// Knows the files as they are now.
    pub fn new(paths: Vec<PathBuf>) -> Self {
        let look = |path: PathBuf| {
            let seen = Mark::at(&path);
            (path, seen)
        };
        Self {
            files: paths.into_iter().map(look).collect(),
        }
    }

    /// Ready when a file is another than before and nothing has changed since the look before:
    /// several files are often replaced one after the other.
    pub async fn changed(&mut self) {
        let mut has_changed = false;
        loop {
            sleep(PAUSE).await;
            match self.look() {
                true => has_changed = true,
                false if has_changed => return,
                false => {}
            }
        }
    }

    /// Watches these files from now on; those that were watched before are remembered as they were.
    pub fn follow(&mut self, paths: Vec<PathBuf>) {
        let mut fresh = Self::new(paths);
        for (path, seen) in &mut fresh.files {
            if let Some((_, known)) = self.files.iter().find(|(known, _)| known == path) {
                *seen = *known;
            }
        }
        *self = fresh;
    }

    /// Whether any file is another than at the last look.
    fn look(&mut self) -> bool {
        let mut has_changed = false;
        for (path, seen) in &mut self.files {
            let found = Mark::at(path);
            has_changed |= found != *seen;
            *seen = found;
        }
        has_changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn sees_every_kind_of_replacement() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for (name, text) in [("first", "1"), ("second", "2")] {
            fs::create_dir(at(name)).unwrap();
            fs::write(at(name).join("config"), text).unwrap();
        }
        // As Kubernetes mounts a ConfigMap: the file is a link through a link that is swapped.
        symlink(at("first"), at("..data")).unwrap();
        symlink(at("..data").join("config"), at("config")).unwrap();
        let mut watch = FileWatch::new(vec![at("config"), at("absent")]);
        assert!(!watch.look());
        symlink(at("second"), at("..new")).unwrap();
        fs::rename(at("..new"), at("..data")).unwrap();
        assert!(watch.look());
        assert!(!watch.look());
        fs::write(at("second").join("config"), "longer").unwrap();
        assert!(watch.look());
        fs::write(at("absent"), "").unwrap();
        assert!(watch.look());
        fs::remove_file(at("absent")).unwrap();
        assert!(watch.look());
        assert!(!watch.look());
    }
}
