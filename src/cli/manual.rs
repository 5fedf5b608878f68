//! `completions` and `man`: what the commands tell of themselves.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::Context as _;
use clap::CommandFactory as _;
use clap_complete::Shell;

use super::{Cli, Outcome};

pub fn complete(shell: Shell) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "actiongate", &mut script);
    print(&script);
    Outcome::Done
}

/// One page to standard output, or a page for each command to `folder`.
pub fn run(folder: Option<&Path>) -> anyhow::Result<Outcome> {
    let Some(folder) = folder else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Cli::command()).render(&mut page)?;
        print(&page);
        return Ok(Outcome::Done);
    };
    let written =
        fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(Cli::command(), folder));
    written.with_context(|| format!("cannot write pages to `{}`", folder.display()))?;
    Ok(Outcome::Done)
}

/// A reader that has gone away is no error.
fn print(bytes: &[u8]) {
    use io::Write as _;
    let _ = io::stdout().lock().write_all(bytes);
}
