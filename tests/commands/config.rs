//! `config`, `completions` and `man`: what the program tells of its config and its commands.

use serde_json::Value;

use super::Folder;
use super::issuer::CONFIG;

#[test]
fn shows_values_with_their_places_and_reads_what_it_shows() {
    let folder = Folder::new();
    folder.write("a.toml", CONFIG);
    let script = "ACTIONGATE_LOG_LEVEL=warn $PROGRAM config show --config a.toml";
    let shown = folder.shell(script).ended(0).out;
    for part in [
        "level = \"warn\"                                # ACTIONGATE_LOG_LEVEL\n",
        "connect_timeout = \"5s\"                        # default\n",
        "  # a.toml:",
    ] {
        assert!(shown.contains(part), "{part}{shown}");
    }
    folder.write("b.toml", &shown);
    let again = folder.actiongate(&["config", "show", "--config", "b.toml"]);
    let values = |text: &str| {
        let lines = text.lines().map(|line| line.split("  #").next().unwrap());
        lines
            .map(|line| line.trim_end().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(values(&again.ended(0).out), values(&shown));
}

#[test]
fn shows_no_config_with_a_problem() {
    let folder = Folder::new();
    folder.write("a.toml", CONFIG);
    let script = "ACTIONGATE_LISTEN_WORKER=1 $PROGRAM config show --config a.toml";
    folder.shell(script).failed_with(&[
        "the config cannot be used:",
        "ACTIONGATE_LISTEN_WORKER: the environment variable is named after no key of the config; did you mean `ACTIONGATE_LISTEN_WORKERS`?",
    ]);
}

#[test]
fn prints_the_schema() {
    let folder = Folder::new();
    let schema = folder.actiongate(&["config", "schema"]).ended(0).out;
    let schema: Value = serde_json::from_str(&schema).unwrap();
    assert_eq!(schema["title"], "actiongate.toml");
}

#[test]
fn a_shell_completes_commands() {
    let folder = Folder::new();
    let script = "$PROGRAM completions bash > complete.bash && bash -c '
        . ./complete.bash
        COMP_WORDS=(actiongate con) COMP_CWORD=1
        _actiongate actiongate con actiongate
        echo \"${COMPREPLY[@]}\"'";
    assert_eq!(folder.shell(script).ended(0).out, "config\n");
    for shell in ["zsh", "fish"] {
        let script = folder.actiongate(&["completions", shell]).ended(0).out;
        assert!(script.contains("Print the action table"), "{script}");
    }
}

#[test]
fn each_command_has_a_page_of_the_manual() {
    let folder = Folder::new();
    let page = folder.actiongate(&["man"]).ended(0).out;
    assert!(page.contains(".SH NAME\nactiongate"), "{page}");
    folder.actiongate(&["man", "--dir", "pages"]).ended(0);
    let start = page.split(".SH SUBCOMMANDS").next().unwrap();
    assert!(folder.read("pages/actiongate.1").starts_with(start));
    let explain = folder.read("pages/actiongate-explain.1");
    assert!(
        explain.contains("Say what the gateway would do with a request"),
        "{explain}"
    );
}
