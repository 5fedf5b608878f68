//! What the clients of OpenStack ask for besides servers.

use hyper::HeaderMap;
use hyper::header::HeaderName;

use super::group::MAX_GROUPS;
use super::keypair::MAX_KEYPAIRS;
use super::*;

/// An Ed25519 key of zeros, in OpenSSH's form.
const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA c";

#[test]
fn tells_its_versions() {
    let table = r#"
        GET | /      | | 200 | ~{"versions":[{"id":"v2.0","version":""},{"id":"v2.1","status":"CURRENT","version":"2.96","min_version":"2.1","links":[{"href":"http://h/v2.1/","rel":"self"}]}]}
        GET | /v2    | | 200 | ~{"version":{"id":"v2.0","status":"SUPPORTED","links":[{"href":"http://h/v2/"}],"media-types":[{"type":"application/vnd.openstack.compute+json;version=2"}]}}
        GET | /v2.1  | | 200 | ~{"version":{"id":"v2.1","version":"2.96","media-types":[{"type":"application/vnd.openstack.compute+json;version=2.1"}]}}
        GET | /v2.1/ | | 200 | ~{"version":{"id":"v2.1"}}
        GET | /v2/   | | 200 | ~{"version":{"id":"v2.0"}}
    "#;
    check(METADATA, table);
}

#[test]
fn reads_the_version_asked_for() {
    const NEW: &str = "openstack-api-version";
    const OLD: &str = "x-openstack-nova-api-version";
    let malformed = |text: &str| {
        Err(format!(
            "API Version String {text} is of invalid format. Must be of format MajorNum.MinorNum."
        ))
    };
    let unsupported = |text: &str| {
        Err(format!(
            "Version {text} is not supported by the API. Minimum is 2.1 and maximum is 2.96."
        ))
    };
    let cases: [(&[(&str, &str)], _); 12] = [
        (&[], Ok(1)),
        (&[(NEW, "compute 2.26")], Ok(26)),
        (&[(NEW, "volume 3.0, compute 2.26")], Ok(26)),
        (&[(NEW, "volume 3.0")], Ok(1)),
        (&[(NEW, "compute latest")], Ok(96)),
        (&[(OLD, "2.19")], Ok(19)),
        (&[(OLD, "2.19"), (NEW, "compute 2.26")], Ok(26)),
        (&[(NEW, "compute 2.97")], unsupported("2.97")),
        (&[(NEW, "compute 2.0")], unsupported("2.0")),
        (&[(NEW, "compute 3.1")], unsupported("3.1")),
        (&[(NEW, "compute x")], malformed("x")),
        (&[(OLD, "2.-1")], malformed("2.-1")),
    ];
    for (sent, expected) in cases {
        let headers: HeaderMap = sent
            .iter()
            .map(|(name, value)| {
                let name: HeaderName = name.parse().unwrap();
                (name, value.parse().unwrap())
            })
            .collect();
        let found = Microversion::parse(&headers);
        let found = found
            .map(|version| version.0)
            .map_err(|fault| fault.to_string());
        assert_eq!(found, expected, "{sent:?}");
    }
    let status = Fault::UnsupportedVersion(String::new())
        .answer("/v2.1/")
        .status;
    assert_eq!(status, StatusCode::NOT_ACCEPTABLE);
}

#[test]
fn shows_flavors_limits_and_zones() {
    let table = r#"
        GET      | /v2.1/p1/flavors                                | | 200 | ~{"flavors":[{"id":"s3.medium.2"},{"name":"s3.large.2"},{"links":[{"href":"http://h/v2.1/p1/flavors/s3.xlarge.2"},{"rel":"bookmark"}]}]}
        GET      | /v2.1/p1/flavors/detail                         | | 200 | ~{"flavors":[{"vcpus":1,"ram":2048,"swap":""},{"vcpus":2,"ram":4096},{"vcpus":4,"ram":8192}]}
        GET 2.75 | /v2.1/p1/flavors/s3.large.2                     | | 200 | ~{"flavor":{"id":"s3.large.2","swap":0,"description":null,"extra_specs":{"ecs:generation":"s3"}}}
        GET      | /v2/p1/flavors/no                               | | 404 | {"itemNotFound":{"code":404,"message":"Flavor no could not be found."}}
        GET      | /v2/p1/flavors/s3.large.2/os-extra_specs        | | 200 | {"extra_specs":{"ecs:generation":"s3"}}
        GET      | /v2/p1/flavors/no/os-extra_specs                | | 404 | {"itemNotFound":{"code":404,"message":"Flavor no could not be found."}}
        GET      | /v2/p1/flavors/s3.large.2/os-extra_specs/ecs:generation | | 200 | {"ecs:generation":"s3"}
        GET      | /v2/p1/flavors/s3.large.2/os-extra_specs/x      | | 404 | {"itemNotFound":{"code":404,"message":"Flavor s3.large.2 has no extra specs with key x."}}
        GET      | /v2.1/p1/limits                                 | | 200 | ~{"limits":{"rate":[],"absolute":{"maxTotalInstances":100,"maxServerMeta":128,"totalInstancesUsed":2,"totalCoresUsed":2,"totalRAMUsed":4096}}}
        GET      | /v2.1/p3/limits                                 | | 200 | ~{"limits":{"absolute":{"totalInstancesUsed":0,"totalRAMUsed":0}}}
        GET      | /v2.1/p1/os-availability-zone                   | | 200 | {"availabilityZoneInfo":[{"hosts":null,"zoneName":"demo-1","zoneState":{"available":true}}]}
        GET      | /v2.1/p1/os-availability-zone/detail            | | 200 | {"availabilityZoneInfo":[{"hosts":{},"zoneName":"demo-1","zoneState":{"available":true}}]}
        GET      | /v2.1/p1/servers/s1/os-interface                | | 200 | {"interfaceAttachments":[]}
        GET      | /v2.1/p1/servers/s1/os-volume_attachments       | | 200 | {"volumeAttachments":[]}
        GET      | /v2.1/p1/servers/s1/os-security-groups          | | 200 | {"security_groups":[]}
        GET      | /v2.1/p1/servers/s1/os-server-password          | | 200 | {"password":""}
        GET      | /v2.1/p1/os-quota-sets/p1                       | | 200 | ~{"quota_set":{"id":"p1","instances":100,"cores":-1,"key_pairs":100}}
        GET      | /v2.1/p1/os-quota-sets/p1/defaults              | | 200 | ~{"quota_set":{"id":"p1","metadata_items":128}}
        GET      | /v2.1/p1/servers/s2/os-interface                | | 404 | {"itemNotFound":{"code":404,"message":"Instance s2 could not be found."}}
    "#;
    check(METADATA, table);
}

#[test]
fn keeps_key_pairs() {
    let print = "SHA256:kmYcvdi2GkPeWxB6XLjrZB8JHsy2Hm8luHMFp9GMvqk";
    let table = r#"
        GET    | K   |                                            | 200 | {"keypairs":[]}
        POST   | K   | {"keypair":{"name":"k","public_key":"KEY"}} | 200 | {"keypair":{"fingerprint":"PRINT","name":"k","public_key":"KEY","user_id":"demo"}}
        POST   | K   | {"keypair":{"name":"k","public_key":"KEY"}} | 409 | {"conflictingRequest":{"code":409,"message":"Key pair 'k' already exists."}}
        GET    | K   |                                            | 200 | {"keypairs":[{"keypair":{"fingerprint":"PRINT","name":"k","public_key":"KEY"}}]}
        GET 2.2 | K/k |                                           | 200 | ~{"keypair":{"name":"k","type":"ssh","deleted":false}}
        GET    | /v2.1/p2/os-keypairs/k |                         | 404 | {"itemNotFound":{"code":404,"message":"Keypair k not found for user demo"}}
        DELETE | /v2.1/p2/os-keypairs/k |                         | 404 | {"itemNotFound":{"code":404,"message":"Keypair k not found for user demo"}}
        DELETE | K/k |                                            | 202 |
        POST 2.2 | K | {"keypair":{"name":"k","public_key":"KEY","type":"ssh"}} | 201 | ~{"keypair":{"type":"ssh"}}
        DELETE 2.2 | K/k |                                        | 204 |
        POST   | K   | {"keypair":{"name":"k"}}                   | 400 | {"badRequest":{"code":400,"message":"'public_key' is a required property"}}
        POST   | K   | {"keypair":{"public_key":"KEY"}}           | 400 | {"badRequest":{"code":400,"message":"'name' is a required property"}}
        POST   | K   | {"keypair":{"name":"k/","public_key":"KEY"}} | 400 | {"badRequest":{"code":400,"message":"Invalid input for field/attribute name. Value: \"k/\""}}
        POST   | K   | {"keypair":{"name":"k","public_key":"ssh-rsa AAAAC3NzaC1lZDI1NTE5"}} | 400 | {"badRequest":{"code":400,"message":"Keypair data is invalid: failed to generate fingerprint"}}
        POST   | K   | {"keypair":{"name":"k","public_key":"x"}}  | 400 | {"badRequest":{"code":400,"message":"Keypair data is invalid: failed to generate fingerprint"}}
        POST   | K   | {"keypair":{"name":"k","public_key":"KEY","type":"x509"}} | 400 | {"badRequest":{"code":400,"message":"Invalid input for field/attribute type. Value: \"x509\""}}
        POST   | K   | {"keypair":{"name":"k","public_key":"KEY","user_id":"u"}} | 400 | {"badRequest":{"code":400,"message":"Additional properties are not allowed ('user_id' was unexpected)"}}
        POST   | K   | {"keypair":1}                              | 400 | {"badRequest":{"code":400,"message":"Invalid input for field/attribute keypair. Value: 1"}}
    "#;
    let table = table.replace("KEY", KEY).replace("PRINT", print);
    let table = table.replace("| K", "| /v2.1/p1/os-keypairs");
    check(METADATA, &table);
}

#[test]
fn bounds_key_pairs() {
    let backend = backend();
    let create = |number: usize| {
        let body = format!(r#"{{"keypair":{{"name":"{number}","public_key":"{KEY}"}}}}"#);
        ask(
            &backend,
            "POST",
            &format!("/v2.1/p{number}/os-keypairs"),
            &body,
        )
    };
    for number in 0..MAX_KEYPAIRS {
        assert_eq!(create(number).0, 200);
    }
    let (status, body) = create(MAX_KEYPAIRS);
    assert_eq!(status, 403);
    assert!(
        body.contains("Quota exceeded, too many key pairs."),
        "{body}"
    );
}

#[test]
fn keeps_server_groups() {
    let backend = backend();
    let body = r#"{"server_group":{"name":"g","policy":"affinity"}}"#;
    let (status, body) = ask(&backend, "POST 2.64", "/v2.1/p1/os-server-groups", body);
    assert_eq!(status, 200, "{body}");
    let body: Value = serde_json::from_str(&body).unwrap();
    let id = body["server_group"]["id"].as_str().unwrap();
    let table = r#"
        GET 2.64 | G    |                                           | 200 | ~{"server_groups":[{"id":"ID","name":"g","policy":"affinity","rules":{},"members":[],"project_id":"p1"}]}
        GET      | G/ID |                                           | 200 | {"server_group":{"id":"ID","members":[],"metadata":{},"name":"g","policies":["affinity"]}}
        GET      | /v2.1/p2/os-server-groups/ID |                   | 404 | {"itemNotFound":{"code":404,"message":"Instance group ID could not be found."}}
        DELETE   | /v2.1/p2/os-server-groups/ID |                   | 404 | {"itemNotFound":{"code":404,"message":"Instance group ID could not be found."}}
        DELETE   | G/ID |                                           | 204 |
        GET      | G    |                                           | 200 | {"server_groups":[]}
        POST     | G | {"server_group":{"name":"g","policies":["affinity"]}} | 200 | ~{"server_group":{"policies":["affinity"]}}
        POST     | G | {"server_group":{"policies":["affinity"]}}   | 400 | {"badRequest":{"code":400,"message":"'name' is a required property"}}
        POST     | G | {"server_group":{"name":"","policies":[]}}   | 400 | {"badRequest":{"code":400,"message":"Invalid input for field/attribute name. Value: \"\""}}
        POST     | G | {"server_group":{"name":"g"}}                | 400 | {"badRequest":{"code":400,"message":"'policies' is a required property"}}
        POST     | G | {"server_group":{"name":"g","policies":["soft-affinity"]}} | 400 | {"badRequest":{"code":400,"message":"Invalid input for field/attribute policies. Value: [\"soft-affinity\"]"}}
        POST 2.15 | G | {"server_group":{"name":"g","policies":["soft-affinity"]}} | 200 | ~{"server_group":{"name":"g"}}
        POST 2.64 | G | {"server_group":{"name":"g","policies":["affinity"]}} | 400 | {"badRequest":{"code":400,"message":"'policy' is a required property"}}
        POST     | G | {"server_group":{"name":"g","policies":["affinity"],"x":1}} | 400 | {"badRequest":{"code":400,"message":"Additional properties are not allowed ('x' was unexpected)"}}
        POST     | G | {"server_group":[]}                          | 400 | {"badRequest":{"code":400,"message":"Invalid input for field/attribute server_group. Value: []"}}
    "#;
    let table = table
        .replace("ID", id)
        .replace("| G", "| /v2.1/p1/os-server-groups");
    check_on(&backend, METADATA, &table);
    let create = r#"{"server_group":{"name":"g","policies":["affinity"]}}"#;
    let statuses: Vec<u16> = (2..=MAX_GROUPS)
        .map(|_| ask(&backend, "POST", "/v2.1/p3/os-server-groups", create).0)
        .collect();
    let (last, before) = statuses.split_last().unwrap();
    assert!(before.iter().all(|status| *status == 200), "{statuses:?}");
    assert_eq!(*last, 403);
}
