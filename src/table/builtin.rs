//! The built-in table: the vendor's pages, in TOML form.

use super::Source;

/// A file of `ecs/` with its name.
macro_rules! page {
    ($name:literal) => {
        ($name, include_str!(concat!("ecs/", $name, ".toml")))
    };
}

/// Every file of `ecs/`.
const PAGES: [(&str, &str); 25] = [
    page!("aliases"),
    page!("az_management"),
    page!("batch_operations"),
    page!("cloudserver_metadata"),
    page!("disk_management"),
    page!("ecs_group_management"),
    page!("ecs_management_through_console"),
    page!("ecs_status_management"),
    page!("floating_ip_address_management"),
    page!("fpga_logical_file_management"),
    page!("image_management"),
    page!("launch_templates"),
    page!("lifecycle_management"),
    page!("metadata_management"),
    page!("network_management"),
    page!("nic_management"),
    page!("password_management"),
    page!("recycle_bin_management"),
    page!("scheduled_events"),
    page!("security_group_management"),
    page!("specifications_query"),
    page!("ssh_key_management"),
    page!("tag_management"),
    page!("tenant_quota_management"),
    page!("without_actions"),
];

pub fn sources() -> Vec<Source> {
    let source = |(page, text): (&str, &str)| Source {
        name: format!("ecs/{page} (built in)"),
        text: text.to_owned(),
    };
    PAGES.into_iter().map(source).collect()
}
