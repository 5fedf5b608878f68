//! `[admin]`: who may ask.

use super::*;
use crate::admin;
use crate::metrics::Subjects;

const ANYBODY: &str = "where anybody may ask: expected a loopback address, `token_file`, `[admin.tls]` with `client_certificates = \"required\"`, or `allow_public = true`";

fn with_admin(lines: &str) -> String {
    format!("{MINIMAL}[admin]\n{lines}\n")
}

#[test]
fn it_is_off_unless_there_is_an_address() {
    assert_eq!(read(MINIMAL).unwrap().admin, None);
    let admin = read(&with_admin("address = \"127.0.0.1:9090\"")).unwrap();
    let expected = admin::Settings {
        address: "127.0.0.1:9090".parse().unwrap(),
        token: None,
        tls: None,
        subjects: Subjects::Full,
    };
    assert_eq!(admin.admin, Some(expected));
    assert_eq!(
        problems(&with_admin("")),
        [
            "a.toml:12: `admin.address` is missing, expected an IP address and a port such as \"127.0.0.1:9090\""
        ]
    );
}

#[test]
fn a_public_address_needs_a_guard_or_a_word() {
    for address in ["0.0.0.0:9090", "192.0.2.1:9090", "[::]:9090"] {
        let line = format!("address = \"{address}\"");
        let expected = format!("a.toml:13: `admin.address` is `{address}`, {ANYBODY}");
        assert_eq!(problems(&with_admin(&line)), [expected]);
        for guard in ["token_file = \"t\"", "allow_public = true"] {
            let admin = read(&with_admin(&format!("{line}\n{guard}"))).unwrap();
            assert!(admin.admin.is_some(), "{guard}");
        }
        let tls = "[admin.tls]\ncertificates = [{ chain = \"c\", key = \"k\" }]\n";
        let asked = "client_certificates = \"required\"\nclient_ca = \"ca\"";
        let admin = read(&with_admin(&format!("{line}\n{tls}{asked}"))).unwrap();
        assert!(admin.admin.is_some());
        for asked in ["", "client_certificates = \"optional\"\nclient_ca = \"ca\""] {
            let found = problems(&with_admin(&format!("{line}\n{tls}{asked}")));
            assert!(found[0].ends_with(ANYBODY), "{found:?}");
        }
    }
    for address in ["127.0.0.2:1", "[::1]:9090"] {
        let line = format!("address = \"{address}\"");
        assert!(read(&with_admin(&line)).unwrap().admin.is_some());
    }
}
