//! The list of revoked tokens in `check`, `explain` and `token show`.

use serde_json::json;

use super::issuer::{CONFIG, ED25519, claims_but, issuer, sign};
use super::{Folder, Ran};

fn folder(section: &str, list: &str) -> Folder {
    let folder = issuer(ED25519);
    folder.write("revoked.json", list);
    folder.write(
        "actiongate.toml",
        &format!("{CONFIG}[revocation]\n{section}\n"),
    );
    folder
}

fn explain(folder: &Folder, token: &str) -> Ran {
    let path = "/v2.1/a1/servers/s1/metadata";
    let arguments = [
        "explain",
        "--config",
        "actiongate.toml",
        "--token",
        "-",
        "GET",
        path,
    ];
    folder.actiongate_reading(&format!("{token}\n"), &arguments)
}

fn show(folder: &Folder, token: &str) -> Ran {
    let arguments = ["token", "show", "--config", "actiongate.toml", "-"];
    folder.actiongate_reading(&format!("{token}\n"), &arguments)
}

#[test]
fn a_token_is_held_against_the_file() {
    let list = r#"{"version":1,"revoked":[{"issuer":"https://iam.example.com","jti":"t1"}]}"#;
    let folder = folder("file = \"revoked.json\"", list);
    let (revoked, good) = ("t1", "t2");
    let of = |id: &str| sign(&folder, &claims_but("jti", json!(id)));
    let ran = explain(&folder, &of(good)).ended(0);
    assert_eq!(ran.line("revocation"), "1 entries of revoked.json");
    let ran = explain(&folder, &of(revoked)).ended(3);
    assert_eq!(ran.line("revocation"), "1 entries of revoked.json");
    assert_eq!(ran.line("token"), "The token has been revoked.");
    assert!(
        ran.line("decision")
            .ends_with("401 Unauthorized, reason `token_revoked`"),
        "{}",
        ran.out
    );
    assert_eq!(
        ran.line("to change"),
        "send another token, or change the list that [revocation] names"
    );
    let ran = show(&folder, &of(good)).ended(0);
    assert_eq!(ran.line("revocation"), "1 entries of revoked.json");
    let ran = show(&folder, &of(revoked)).ended(3);
    assert!(
        ran.line("token")
            .starts_with("refused: The token has been revoked. Reason `token_revoked`"),
        "{}",
        ran.out
    );
}

#[test]
fn they_say_so_where_it_cannot_be_had() {
    // The discard port: nobody listens.
    let section = "redis = \"redis://127.0.0.1:9\"";
    for (choice, code) in [("refuse", 3), ("serve", 0)] {
        let folder = folder(&format!("{section}\nwhen_unavailable = \"{choice}\""), "");
        let token = sign(&folder, &claims_but("jti", json!("t1")));
        for ran in [explain(&folder, &token), show(&folder, &token)] {
            let ran = ran.ended(code);
            let line = ran.line("revocation");
            assert!(
                line.starts_with(
                    "not known: actiongate:revoked of redis://127.0.0.1:9/0 cannot be had: cannot connect to 127.0.0.1:9: "
                ),
                "{line}"
            );
        }
        let ran = folder.actiongate(&["check", "--config", "actiongate.toml"]);
        assert!(ran.ended(0).out.contains("good: "));
    }
}

#[test]
fn a_bad_file_is_a_problem_of_the_config() {
    let folder = folder("file = \"revoked.json\"", "{\"version\":1}");
    let ran = folder.actiongate(&["check", "--config", "actiongate.toml"]);
    let out = ran.ended(1).out;
    assert!(
        out.starts_with(
            "revoked.json: the list of revoked tokens cannot be used: it is not a list of revoked tokens: missing field `revoked`"
        ),
        "{out}"
    );
}
