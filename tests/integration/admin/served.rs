//! What is answered to whom.

use std::fs;

use super::{ADMIN, list};
use crate::support::{Call, Client, Setup, Upstream};

#[test]
fn a_token_guards_all_but_the_probes() {
    let upstream = Upstream::start();
    let admin = format!("{ADMIN}token_file = \"admin.token\"\n");
    let setup = Setup::new(&upstream).file("admin.token", "opensesame\n");
    let gateway = setup.more(&admin).start();
    for path in ["/metrics", "/status"] {
        let ask = |header: &str| {
            let call = Call::get(path).header(header);
            gateway.admin(&call).status
        };
        let answer = gateway.admin(&Call::get(path));
        assert_eq!(answer.status, 401);
        let challenge = answer.headers.get("www-authenticate").unwrap();
        assert_eq!(challenge, "Bearer realm=\"actiongate admin\"");
        assert_eq!(ask("Authorization: Bearer opensesame"), 200);
        assert_eq!(ask("Authorization: bearer opensesame"), 200);
        for wrong in [
            "Authorization: Bearer opensesam",
            "Authorization: Bearer opensesame2",
            "Authorization: Bearer ",
            "Authorization: Basic opensesame",
            "Authorization: opensesame",
            "X-Auth-Token: opensesame",
            "Authorization: Bearer opensesame\r\nAuthorization: Bearer opensesame",
        ] {
            assert_eq!(ask(wrong), 401, "{wrong}");
        }
    }
    assert_eq!(gateway.admin(&Call::get("/live")).status, 200);
    assert_eq!(
        gateway.admin(&Call::get("/ready")).text(),
        "{\"ready\":true}\n"
    );
    let known = Call::get("/ready").header("Authorization: Bearer opensesame");
    assert_eq!(
        gateway.admin(&known).text(),
        "{\"missing\":[],\"ready\":true}\n"
    );
    // Another token takes over when the file is replaced; without the file there is none.
    gateway.replace_file("admin.token", "other");
    let other = Call::get("/status").header("Authorization: Bearer other");
    assert_eq!(gateway.admin(&other).status, 200);
    fs::remove_file(gateway.folder().join("admin.token")).unwrap();
    assert_eq!(gateway.admin(&other).status, 401);
}

#[test]
fn it_answers_what_it_knows_and_nothing_else() {
    let upstream = Upstream::start();
    let gateway = Setup::new(&upstream).more(ADMIN).start();
    let answer = gateway.admin(&Call::new("POST", "/status"));
    assert_eq!(answer.status, 405);
    assert_eq!(answer.headers.get("allow").unwrap(), "GET, HEAD");
    let answer = gateway.admin(&list());
    assert_eq!(answer.status, 404);
    assert_eq!(
        answer.text(),
        "there are /, /live, /ready, /metrics and /status\n"
    );
    for path in ["/live", "/ready", "/metrics", "/status"] {
        let answer = gateway.admin(&Call::get(path));
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.headers.get("cache-control").unwrap(), "no-store");
        assert_eq!(
            answer.headers.get("x-content-type-options").unwrap(),
            "nosniff"
        );
        let policy = answer.headers.get("content-security-policy").unwrap();
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self';"),
            "{policy}"
        );
        // The data port knows nothing of it.
        assert_eq!(gateway.call(&Call::get(path)).status, 401, "{path}");
    }
    assert_eq!(upstream.count(), 0);
}

#[test]
fn the_page_and_its_parts_are_served_to_everybody_and_allow_nothing_from_elsewhere() {
    let upstream = Upstream::start();
    let admin = format!("{ADMIN}token_file = \"admin.token\"\n");
    let setup = Setup::new(&upstream).file("admin.token", "opensesame\n");
    let gateway = setup.more(&admin).start();
    let page = gateway.admin(&Call::get("/"));
    assert_eq!(page.status, 200);
    assert_eq!(
        page.headers.get("content-type").unwrap(),
        "text/html; charset=utf-8"
    );
    let policy = page.headers.get("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"));
    assert!(!page.text().contains("style="), "{}", page.text());
    let script = gateway.admin(&Call::get("/page.js"));
    // Everything that the page and its scripts name is there.
    let of_page = page.text().split(['"', '=']);
    let of_script = script.text().split(['"', '/']);
    let mut served = 0;
    for name in of_page.chain(of_script) {
        let media_type = match name.rsplit_once('.') {
            Some((_, "js")) => "text/javascript; charset=utf-8",
            Some((_, "css")) => "text/css; charset=utf-8",
            _ => continue,
        };
        let part = gateway.admin(&Call::get(format!("/{name}")));
        assert_eq!(part.status, 200, "{name}");
        let found = part.headers.get("content-type").unwrap();
        assert_eq!(found, media_type, "{name}");
        served += 1;
    }
    assert_eq!(served, 9);
    assert_eq!(gateway.admin(&Call::get("/status")).status, 401);
    assert_eq!(gateway.admin(&Call::get("/page.html")).status, 404);
}

#[test]
fn those_who_say_nothing_keep_nobody_from_asking() {
    let upstream = Upstream::start();
    let gateway = Setup::new(&upstream).more(ADMIN).start();
    // As many as are served at once.
    let silent: Vec<Client> = (0..64)
        .map(|_| Client::connect(gateway.admin_address()))
        .collect();
    assert_eq!(gateway.admin(&Call::get("/live")).status, 200);
    for mut client in silent {
        client.ends();
    }
}
