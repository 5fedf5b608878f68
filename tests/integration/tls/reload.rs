//! Files replaced while connections come in.

use std::fs;
use std::thread;

use super::*;

#[test]
fn a_pair_is_replaced_whole_or_not_at_all() {
    let (files, authority) = (Files::new(), Authority::new("ca"));
    let (old, new) = (authority.issue(&["a.test"]), authority.issue(&["a.test"]));
    let pair = files.pair("a", &old);
    let server = server(vec![pair.clone()]);
    assert_eq!(server.files(), [pair.chain.clone(), pair.key.clone()]);
    let shown = || {
        let connection = handshake(server.config(), trusting(&[]), "a.test").unwrap();
        connection.server_certificate()
    };
    let open = handshake(server.config(), trusting(&[]), "a.test").unwrap();
    assert!(!server.reload().unwrap(), "nothing new");
    // The key comes later, as when two files are copied.
    fs::write(&pair.chain, &new.chain).unwrap();
    let refused = server.reload().unwrap_err().to_string();
    assert!(
        refused.contains("is not that of the first certificate"),
        "{refused}"
    );
    assert_eq!(shown(), old.hash);
    fs::remove_file(&pair.key).unwrap();
    server.reload().unwrap_err();
    assert_eq!(shown(), old.hash);
    fs::write(&pair.key, &new.key).unwrap();
    assert!(server.reload().unwrap());
    assert_eq!(shown(), new.hash);
    assert!(!server.reload().unwrap(), "nothing new");
    // Also for a clone; what is open stays as it was.
    assert_eq!(open.server_certificate(), old.hash);
}

#[test]
fn no_handshake_fails_while_certificates_are_replaced() {
    let (files, authority) = (Files::new(), Authority::new("ca"));
    let issued = [authority.issue(&["a.test"]), authority.issue(&["a.test"])];
    let server = server(vec![files.pair("a", &issued[0])]);
    thread::scope(|scope| {
        let reloading = scope.spawn(|| {
            for round in 1..=20 {
                files.pair("a", &issued[round % 2]);
                assert!(server.reload().unwrap(), "{round}");
            }
        });
        let mut count = 0;
        while !reloading.is_finished() || count == 0 {
            let connection = handshake(server.config(), trusting(&[]), "a.test").unwrap();
            let shown = connection.server_certificate();
            assert!(issued.iter().any(|issued| issued.hash == shown));
            count += 1;
        }
        reloading.join().unwrap();
    });
}
