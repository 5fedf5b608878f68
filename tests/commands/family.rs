//! Issuers whose name has a parameter, in the commands that work without a server.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use serde_json::json;

use super::Folder;
use super::issuer::{CONFIG, ED25519, claims_but, issuer, sign};

const NAME: &str = "https://k.example/v4/oauth2/{domain_id}";

/// Gives the key set of one domain at this URL with a parameter; the others get 404.
fn serve(domain: &'static str, keys: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if stream.read(&mut byte).unwrap_or(0) == 0 {
                    break;
                }
                head.push(byte[0]);
            }
            let is_ours = head.starts_with(format!("GET /{domain}/jwks.json ").as_bytes());
            let (status, body) = match is_ours {
                true => ("200 OK", keys.as_str()),
                false => ("404 Not Found", ""),
            };
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}"
            );
        }
    });
    format!("http://{address}/{{domain_id}}/jwks.json")
}

fn domains() -> Folder {
    let folder = issuer(ED25519);
    let url = serve("d1", folder.read("jwks.json"));
    let config = CONFIG.replace("https://iam.example.com", NAME);
    let config = config.replace("[\"ecs\"]", "[\"openstack-apis:{domain_id}\"]");
    folder.write("actiongate.toml", &config.replace("jwks.json", &url));
    folder
}

fn token(folder: &Folder, domain: &str) -> String {
    let mut claims = claims_but("aud", json!(format!("openstack-apis:{domain}")));
    claims["iss"] = json!(NAME.replace("{domain_id}", domain));
    sign(folder, &claims)
}

#[test]
fn a_config_with_a_parameter_is_good() {
    let folder = domains();
    let ran = folder
        .actiongate(&["check", "--config", "actiongate.toml"])
        .ended(0);
    assert!(ran.out.contains(" 1 issuer"), "{}", ran.out);
}

#[test]
fn a_domains_token_is_shown_and_explained() {
    let folder = domains();
    let show =
        |token: &str| folder.actiongate(&["token", "show", "--config", "actiongate.toml", token]);
    let explain = |token: &str| {
        let path = "/v2.1/a1/servers/s1/metadata";
        let config = "actiongate.toml";
        let arguments = ["explain", "--config", config, "--token", "-", "GET", path];
        folder.actiongate_reading(&format!("{token}\n"), &arguments)
    };
    let good = token(&folder, "d1");
    assert!(show(&good).ended(0).line("token").starts_with("good"));
    let explained = explain(&good).ended(0);
    assert!(
        explained.line("decision").starts_with("ALLOW"),
        "{}",
        explained.out
    );
    assert!(
        explained.out.contains("https://k.example/v4/oauth2/d1"),
        "{}",
        explained.out
    );
    let unknown = token(&folder, "d2");
    let refused = show(&unknown).ended(3);
    assert!(
        refused.line("token").contains("Reason `token_issuer`"),
        "{}",
        refused.out
    );
    let refused = explain(&unknown).ended(3);
    assert!(
        refused.line("decision").contains("reason `token_issuer`"),
        "{}",
        refused.out
    );
}
