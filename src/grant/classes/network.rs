//! Addresses that stand for all addresses, as far as some networks can tell them apart.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// One address for each part of the two address spaces that the same of `networks` cover, with the
/// smallest of them; of two networks one lies in the other or they have nothing in common.
///
/// None is an IPv4 address mapped to IPv6: callers are known by their IPv4 address.
pub fn addresses(networks: &[IpNet]) -> Vec<(IpNet, IpAddr)> {
    let everything = [IpNet::V4(Ipv4Net::default()), IpNet::V6(Ipv6Net::default())];
    let mut all: Vec<IpNet> = networks.iter().chain(&everything).copied().collect();
    all.sort_unstable();
    all.dedup();
    let mapped = Ipv6Net::new(Ipv4Addr::UNSPECIFIED.to_ipv6_mapped(), 96);
    let mapped = mapped.map(IpNet::V6).ok();
    let found = all.iter().filter_map(|network| {
        let inner = all
            .iter()
            .filter(|other| *other != network && network.contains(*other));
        let inner: Vec<IpNet> = inner.copied().chain(mapped).collect();
        Some((*network, first_outside(*network, &inner)?))
    });
    found.collect()
}

/// The first address of `network` that is in none of `inner`.
fn first_outside(network: IpNet, inner: &[IpNet]) -> Option<IpAddr> {
    let mut address = network.network();
    loop {
        // The largest one takes us furthest.
        let covering = inner.iter().filter(|inner| inner.contains(&address));
        let Some(covering) = covering.min_by_key(|inner| inner.prefix_len()) else {
            return network.contains(&address).then_some(address);
        };
        address = next(covering.broadcast())?;
    }
}

fn next(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(address) => {
            let next = address.to_bits().checked_add(1)?;
            Some(Ipv4Addr::from_bits(next).into())
        }
        IpAddr::V6(address) => {
            let next = address.to_bits().checked_add(1)?;
            Some(Ipv6Addr::from_bits(next).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn network() -> impl Strategy<Value = IpNet> {
        let v4 = (any::<[u8; 4]>(), 0..=32_u8)
            .prop_map(|(octets, length)| IpNet::new(IpAddr::from(octets), length).unwrap().trunc());
        let near = (0..8_u8, 29..=32_u8).prop_map(|(last, length)| {
            IpNet::new([10, 0, 0, last].into(), length).unwrap().trunc()
        });
        let v6 = (any::<[u8; 16]>(), 0..=128_u8)
            .prop_map(|(octets, length)| IpNet::new(IpAddr::from(octets), length).unwrap().trunc());
        prop_oneof![v4, near, v6]
    }

    proptest! {
        #[test]
        fn every_address_is_like_one_of_them(
            networks in vec(network(), 0..6), far in any::<[u8; 4]>(), six in any::<[u8; 16]>(), last in 0..8_u8,
        ) {
            let found = addresses(&networks);
            let way = |address: IpAddr| -> Vec<bool> {
                networks.iter().map(|network| network.contains(&address)).collect()
            };
            for tried in [IpAddr::from(far), IpAddr::from(six), IpAddr::from([10, 0, 0, last])] {
                let is_like = |(_, address): &(IpNet, IpAddr)| {
                    address.is_ipv4() == tried.is_ipv4() && way(*address) == way(tried)
                };
                prop_assert!(found.iter().any(is_like), "{networks:?} {tried}");
            }
            for (smallest, address) in found {
                prop_assert_eq!(address, address.to_canonical());
                prop_assert!(smallest.contains(&address));
            }
        }
    }

    #[test]
    fn a_network_that_is_filled_has_no_address_of_its_own() {
        let networks =
            ["10.0.0.0/31", "10.0.0.0/32", "10.0.0.1/32"].map(|text| text.parse().unwrap());
        let found: Vec<String> = addresses(&networks)
            .iter()
            .map(|(network, address)| format!("{network} {address}"))
            .collect();
        assert_eq!(
            found,
            [
                "0.0.0.0/0 0.0.0.0",
                "10.0.0.0/32 10.0.0.0",
                "10.0.0.1/32 10.0.0.1",
                "::/0 ::"
            ]
        );
    }
}
