//! Certificates of clients: whose are believed, which are revoked; and ours towards an upstream.

use actiongate::tls::{CertificateHash, Client, ClientSettings};
use rcgen::{ExtendedKeyUsagePurpose, date_time_ymd};

use super::*;
use crate::support::{Failed, Issued};

/// A server that asks for certificates of `root`, and what its clients may show.
struct World {
    files: Files,
    root: Authority,
    below: Authority,
    server: CertificateFiles,
}

impl World {
    fn new() -> Self {
        let (files, root) = (Files::new(), Authority::new("root"));
        files.write("root.pem", &root.pem());
        Self {
            below: root.intermediate("below"),
            server: files.pair("server", &root.issue(&["a.test"])),
            files,
            root,
        }
    }

    /// Trusts the root, with these revocation lists.
    fn trust(&self, lists: &[String]) -> Trust {
        let lists = lists.iter().enumerate();
        let crls = lists.map(|(index, list)| self.files.write(&format!("{index}.crl"), list));
        Trust {
            ca: self.files.path("root.pem"),
            crls: crls.collect(),
        }
    }

    fn load(&self, clients: ClientCertificates) -> Server {
        Server::load(&ServerSettings {
            certificates: vec![self.server.clone()],
            clients,
        })
        .unwrap()
    }

    /// What the server says to a client that shows this.
    fn shake(
        &self,
        server: &Server,
        shown: Option<&Issued>,
    ) -> Result<Option<CertificateHash>, Failed> {
        let settings = ClientSettings {
            ca: Some(self.files.path("root.pem")),
            certificate: shown.map(|issued| self.files.pair("client", issued)),
            server_name: None,
        };
        let client = Client::load(&settings, &[b"h2"]).unwrap();
        handshake(server.config(), client.config(), "a.test")
            .map(|connection| connection.client_certificate())
    }
}

fn refused(why: &str) -> Result<Option<CertificateHash>, Failed> {
    Err(Failed::Server(why.to_owned()))
}

#[test]
fn only_certificates_of_the_authorities_are_believed() {
    let world = World::new();
    let good = world.root.issue(&["alice"]);
    let chained = world.below.issue(&["alice"]);
    let mut torn = chained.clone();
    torn.chain = chained
        .chain
        .split_inclusive("-----END CERTIFICATE-----\n")
        .next()
        .unwrap()
        .to_owned();
    let other = Authority::new("other").issue(&["alice"]);
    let pretended = Authority::new("root").issue(&["alice"]);
    let expired = world.root.issue_as(&["alice"], |params| {
        params.not_after = date_time_ymd(2021, 1, 1);
    });
    let early = world.root.issue_as(&["alice"], |params| {
        params.not_before = date_time_ymd(4000, 1, 1);
    });
    let for_servers = world.root.issue_as(&["alice"], |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    let optional = world.load(ClientCertificates::Optional(world.trust(&[])));
    let required = world.load(ClientCertificates::Required(world.trust(&[])));
    let off = world.load(ClientCertificates::Off);
    assert_eq!(world.shake(&off, Some(&good)), Ok(None));
    assert_eq!(world.shake(&optional, None), Ok(None));
    assert_eq!(
        world.shake(&required, None),
        refused("peer sent no certificates")
    );
    for server in [&optional, &required] {
        for issued in [&good, &chained] {
            assert_eq!(world.shake(server, Some(issued)), Ok(Some(issued.hash)));
        }
        for (issued, why) in [
            (&other, "UnknownIssuer"),
            (&pretended, "BadSignature"),
            (&torn, "UnknownIssuer"),
            (&expired, "certificate expired: "),
            (&early, "certificate not valid yet: "),
            (
                &for_servers,
                "certificate does not allow extended key usage for client",
            ),
        ] {
            let Err(Failed::Server(found)) = world.shake(server, Some(issued)) else {
                panic!("{why}");
            };
            let start = format!("invalid peer certificate: {why}");
            assert!(found.starts_with(&start), "{found:?}, not {start:?}");
        }
    }
}

#[test]
fn with_revocation_lists_every_certificate_has_to_be_on_a_current_one() {
    let world = World::new();
    let (good, bad) = (world.root.issue(&["alice"]), world.root.issue(&["mallory"]));
    let (below, worse) = (
        world.below.issue(&["alice"]),
        world.below.issue(&["mallory"]),
    );
    let root = world.root.revocation_list(&[&bad], 4000);
    let of_below = world.below.revocation_list(&[&worse], 4000);
    let outdated = world.root.revocation_list(&[], 2021);
    let foreign = Authority::new("other").revocation_list(&[], 4000);
    // Of the same name, by another key.
    let forged = Authority::new("root").revocation_list(&[], 4000);
    let revoked = "invalid peer certificate: Revoked";
    let unknown = "invalid peer certificate: UnknownRevocationStatus";
    let old = "invalid peer certificate: certificate revocation list expired: ";
    let of_root = [root.clone()];
    let both = [root.clone(), of_below.clone()];
    let one_file = [format!("{root}{of_below}")];
    let cases: [(&[String], &Issued, Option<&str>); 13] = [
        (&[], &bad, None),
        (&of_root, &good, None),
        (&of_root, &bad, Some(revoked)),
        (&both, &below, None),
        (&both, &worse, Some(revoked)),
        (&one_file, &below, None),
        (&one_file, &worse, Some(revoked)),
        (&one_file, &bad, Some(revoked)),
        (&of_root, &below, Some(unknown)),
        (&[of_below], &below, Some(unknown)),
        (&[foreign], &good, Some(unknown)),
        (&[outdated], &good, Some(old)),
        (
            &[forged],
            &good,
            Some("invalid certificate revocation list: BadSignature"),
        ),
    ];
    for (index, (lists, issued, expected)) in cases.into_iter().enumerate() {
        let server = world.load(ClientCertificates::Optional(world.trust(lists)));
        let found = world.shake(&server, Some(issued));
        match expected {
            None => assert_eq!(found, Ok(Some(issued.hash)), "{index}"),
            Some(start) => {
                let Err(Failed::Server(found)) = found else {
                    panic!("{index}: {found:?}");
                };
                assert!(
                    found.starts_with(start),
                    "{index}: {found:?}, not {start:?}"
                );
            }
        }
    }
}

#[test]
fn a_new_revocation_list_counts_from_the_next_connection_on() {
    let world = World::new();
    let alice = world.root.issue(&["alice"]);
    let trust = world.trust(&[world.root.revocation_list(&[], 4000)]);
    let server = world.load(ClientCertificates::Required(trust));
    assert_eq!(world.shake(&server, Some(&alice)), Ok(Some(alice.hash)));
    let names = ["server.pem", "server.key", "root.pem", "0.crl"];
    assert_eq!(server.files(), names.map(|name| world.files.path(name)));
    world.trust(&[world.root.revocation_list(&[&alice], 4000)]);
    assert!(server.reload().unwrap());
    let revoked = refused("invalid peer certificate: Revoked");
    assert_eq!(world.shake(&server, Some(&alice)), revoked);
    // A list that is being written does not open the door.
    world.trust(&[String::new()]);
    server.reload().unwrap_err();
    assert_eq!(world.shake(&server, Some(&alice)), revoked);
}

#[test]
fn an_upstream_has_to_prove_its_name() {
    let world = World::new();
    let server = world.load(ClientCertificates::Off);
    let mut settings = ClientSettings {
        ca: Some(world.files.path("root.pem")),
        certificate: None,
        server_name: None,
    };
    let to = |settings: &ClientSettings, host: &str| {
        let client = Client::load(settings, &[b"http/1.1"]).unwrap();
        let name = client.server_name(host).unwrap().to_str().into_owned();
        handshake(server.config(), client.config(), &name)
    };
    let connection = to(&settings, "a.test").unwrap();
    assert_eq!(connection.client.alpn_protocol(), Some(&b"http/1.1"[..]));
    let start = "invalid peer certificate: certificate not valid for name \"b.test\"";
    match to(&settings, "b.test").err() {
        Some(Failed::Client(found)) => assert!(found.starts_with(start), "{found}"),
        other => panic!("{other:?}"),
    }
    settings.server_name = Some("a.test".to_owned());
    to(&settings, "b.test").unwrap();
    settings.ca = Some(
        world
            .files
            .write("other.pem", &Authority::new("other").pem()),
    );
    let unknown = "invalid peer certificate: UnknownIssuer".to_owned();
    assert_eq!(to(&settings, "a.test").err(), Some(Failed::Client(unknown)));
}

#[test]
fn a_client_takes_over_new_files_and_knows_its_names() {
    let world = World::new();
    let (old, new) = (world.root.issue(&["gate"]), world.root.issue(&["gate"]));
    let ca = world.files.path("root.pem");
    let pair = world.files.pair("gate", &old);
    let settings = ClientSettings {
        ca: Some(ca.clone()),
        certificate: Some(pair.clone()),
        server_name: None,
    };
    let client = Client::load(&settings, &[]).unwrap();
    assert_eq!(client.files(), [ca, pair.chain, pair.key]);
    let server = world.load(ClientCertificates::Required(world.trust(&[])));
    let shown = || {
        let connection = handshake(server.config(), client.config(), "a.test").unwrap();
        connection.client_certificate()
    };
    assert_eq!(shown(), Some(old.hash));
    assert!(!client.reload().unwrap());
    world.files.pair("gate", &new);
    assert!(client.reload().unwrap());
    assert_eq!(shown(), Some(new.hash));
    world.files.write("gate.key", &old.key);
    client.reload().unwrap_err();
    assert_eq!(shown(), Some(new.hash));
    let names = [
        ("nova", Some("nova")),
        ("::1", Some("::1")),
        ("[::1]", Some("::1")),
        ("127.0.0.1", Some("127.0.0.1")),
        ("no name", None),
        ("", None),
    ];
    for (host, expected) in names {
        let name = client.server_name(host).ok();
        let name = name.map(|name| name.to_str().into_owned());
        assert_eq!(name.as_deref(), expected, "{host}");
    }
    let nameless = ClientSettings {
        server_name: Some("no name".to_owned()),
        ..settings
    };
    let refused = Client::load(&nameless, &[]).unwrap_err().to_string();
    assert_eq!(refused, "`no name` cannot be the name of a TLS server");
}
