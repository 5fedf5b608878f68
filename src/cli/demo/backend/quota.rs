//! What a project may have of everything, and the one availability zone.

use std::rc::Rc;

use serde_json::{Value, json};

use super::answer::Answer;
use super::collection::MAX_SERVERS;
use super::group::MAX_GROUPS;
use super::keypair::MAX_KEYPAIRS;
use super::metadata::MAX_ITEMS;
use super::server::{Server, ZONE};

/// Nova's word for no bound.
const UNBOUNDED: i32 = -1;

pub fn show_limits(servers: &[Rc<Server>]) -> Answer {
    let sum = |of: fn(&Server) -> u32| -> u32 { servers.iter().map(|server| of(server)).sum() };
    Answer::show(&json!({"limits": {"rate": [], "absolute": {
        "maxTotalInstances": MAX_SERVERS,
        "maxTotalCores": UNBOUNDED,
        "maxTotalRAMSize": UNBOUNDED,
        "maxTotalKeypairs": MAX_KEYPAIRS,
        "maxServerMeta": MAX_ITEMS,
        "maxServerGroups": MAX_GROUPS,
        "maxServerGroupMembers": 0,
        "totalInstancesUsed": servers.len(),
        "totalCoresUsed": sum(|server| server.flavor.get().vcpus),
        "totalRAMUsed": sum(|server| server.flavor.get().ram),
    }}}))
}

pub fn show_quotas(project: &str) -> Answer {
    Answer::show(&json!({"quota_set": {
        "id": project,
        "instances": MAX_SERVERS,
        "cores": UNBOUNDED,
        "ram": UNBOUNDED,
        "key_pairs": MAX_KEYPAIRS,
        "metadata_items": MAX_ITEMS,
        "server_groups": MAX_GROUPS,
        "server_group_members": 0,
    }}))
}

pub fn show_zones(hosts: &Value) -> Answer {
    Answer::show(&json!({"availabilityZoneInfo": [
        {"zoneName": ZONE, "zoneState": {"available": true}, "hosts": hosts},
    ]}))
}
