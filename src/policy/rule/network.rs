//! From where, by address.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use super::{Context, Listed, Verdict};

/// From where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkRule {
    /// Empty: everywhere but `deny`.
    pub allow: Vec<IpNet>,
    pub deny: Vec<IpNet>,
    pub otherwise: Verdict,
}

impl NetworkRule {
    pub(super) fn judge(&self, context: &Context) -> Verdict {
        self.judge_from(context.address)
    }

    fn judge_from(&self, address: IpAddr) -> Verdict {
        let address = address.to_canonical();
        // One that is not known may be any of those that are denied, and is none of those that are allowed.
        if self.denies(address) {
            Verdict::Deny
        } else if !address.is_unspecified() && (self.allow.is_empty() || within(&self.allow, address)) {
            Verdict::Allow
        } else {
            self.otherwise
        }
    }

    /// What it says of the address that it likes best. The lowest address of each stretch that is allowed is where an
    /// allowed network begins or where a denied one has ended.
    pub(in crate::policy) fn mildest(&self) -> Verdict {
        // The address before those is nobody's: it stands for one that is not known.
        let everything = [IpNet::from(IpAddr::from([0, 0, 0, 1])), IpNet::from(IpAddr::V6(1.into()))];
        let begins = self.allow.iter().chain(&everything).map(IpNet::network);
        let ends = self.deny.iter().filter_map(|network| match network.broadcast() {
            IpAddr::V4(last) => u32::from(last).checked_add(1).map(|next| IpAddr::from(next.to_be_bytes())),
            IpAddr::V6(last) => u128::from(last).checked_add(1).map(|next| IpAddr::from(next.to_be_bytes())),
        });
        begins.chain(ends).map(|address| self.judge_from(address)).min().unwrap_or(self.otherwise)
    }

    /// Whether nobody gets in from there, whatever device they have.
    pub(super) fn denies(&self, address: IpAddr) -> bool {
        let unknown = address.is_unspecified() && !self.deny.is_empty();
        unknown || within(&self.deny, address.to_canonical())
    }
}

/// An IPv4 address in its IPv6 form counts as IPv4 in every list. Other embeddings (NAT64, 6to4) are addresses of
/// their own: what stands behind them is nothing that we know.
fn within(networks: &[IpNet], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(&address))
}

impl fmt::Display for NetworkRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (allow, deny) = (Listed(&self.allow), Listed(&self.deny));
        write!(f, "allow [{allow}], deny [{deny}], otherwise {}", self.otherwise.name())
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;

    use super::*;
    use crate::clock::Timestamp;

    fn judged(rule: &NetworkRule, address: IpAddr) -> Verdict {
        rule.judge(&Context::at(address, Timestamp::from_seconds(0)))
    }

    fn allowing(network: &str) -> NetworkRule {
        let network = network.parse().expect(network);
        NetworkRule { allow: vec![network], deny: Vec::new(), otherwise: Verdict::Challenge }
    }

    /// The first and the last address of a network of `bits` with this prefix, as numbers.
    fn ends(start: u128, length: u8, bits: u8) -> (u128, u128) {
        let host = u32::from(bits - length);
        let size = 1_u128.checked_shl(host).unwrap_or(0).wrapping_sub(1);
        (start & !size, start | size)
    }

    // AD-06
    #[test]
    fn the_edges_of_a_network_are_exact() {
        for length in [0_u8, 8, 31, 32] {
            let (first, last) = ends(0x0a01_0200, length, 32);
            let (first, last) =
                (u32::try_from(first).expect("32 bits"), u32::try_from(last & 0xffff_ffff).expect("32 bits"));
            let rule = allowing(&format!("{}/{length}", Ipv4Addr::from(first)));
            for (address, inside) in [
                (Some(first), true),
                (Some(last), true),
                (first.checked_sub(1), false),
                (last.checked_add(1), false),
            ] {
                // The first of all stands for one that is not known.
                let Some(address) = address.filter(|a| *a > 0).map(Ipv4Addr::from) else { continue };
                let expected = if inside { Verdict::Allow } else { Verdict::Challenge };
                assert_eq!(judged(&rule, address.into()), expected, "{address} in /{length}");
                assert_eq!(
                    judged(&rule, address.to_ipv6_mapped().into()),
                    expected,
                    "{address} in /{length}"
                );
            }
        }
        for length in [0_u8, 64, 127, 128] {
            let (first, last) = ends(0x2001_0db8_0001_0002_0000_0000_0000_0004, length, 128);
            let rule = allowing(&format!("{}/{length}", Ipv6Addr::from(first)));
            for (address, inside) in [
                (Some(first), true),
                (Some(last), true),
                (first.checked_sub(1), false),
                (last.checked_add(1), false),
            ] {
                let Some(address) = address.filter(|a| *a > 0).map(Ipv6Addr::from) else { continue };
                let expected = if inside { Verdict::Allow } else { Verdict::Challenge };
                assert_eq!(judged(&rule, address.into()), expected, "{address} in /{length}");
            }
        }
    }

    // AD-04
    #[test]
    fn a_mapped_address_is_ipv4_and_other_embeddings_are_not() {
        let inside = allowing("10.0.0.0/8");
        let denied = NetworkRule { allow: Vec::new(), deny: inside.allow.clone(), otherwise: Verdict::Allow };
        for (address, is) in [
            ("10.0.0.5", true),
            ("::ffff:10.0.0.5", true),
            ("::10.0.0.5", false),
            ("64:ff9b::a00:5", false),
            ("2002:a00:5::", false),
        ] {
            let address: IpAddr = address.parse().expect(address);
            assert_eq!(judged(&inside, address) == Verdict::Allow, is, "{address}");
            assert_eq!(judged(&denied, address) == Verdict::Deny, is, "{address}");
        }
    }

    proptest! {
        #[test]
        fn networks_of_ipv4_are_what_their_bits_say(address: u32, start: u32, length in 0_u8..=32) {
            let (first, last) = ends(start.into(), length, 32);
            let rule = allowing(&format!("{}/{length}", Ipv4Addr::from(u32::try_from(first).expect("32 bits"))));
            let inside = (first..=last).contains(&address.into());
            let expected = if inside { Verdict::Allow } else { Verdict::Challenge };
            for address in [Ipv4Addr::from(address).into(), Ipv4Addr::from(address).to_ipv6_mapped().into()] {
                prop_assert_eq!(judged(&rule, address), expected);
            }
            let denied = NetworkRule { deny: rule.allow.clone(), otherwise: Verdict::Allow, ..rule };
            prop_assert_eq!(judged(&denied, Ipv4Addr::from(address).into()) == Verdict::Deny, inside);
        }

        #[test]
        fn the_mildest_address_is_what_looking_at_each_finds(
            allow in proptest::collection::vec((0_u8.., 24_u8..=32), 1..4),
            deny in proptest::collection::vec((0_u8.., 24_u8..=32), 0..6),
        ) {
            let network = |(last, length): (u8, u8)| IpNet::new([10, 0, 0, last].into(), length).expect("a network").trunc();
            let allow = allow.into_iter().map(network).collect();
            let deny = deny.into_iter().map(network).collect();
            let rule = NetworkRule { allow, deny, otherwise: Verdict::Deny };
            let each = (0..=255).map(|last| judged(&rule, [10, 0, 0, last].into())).min();
            prop_assert_eq!(Some(rule.mildest()), each);
        }

        #[test]
        fn networks_of_ipv6_are_what_their_bits_say(near: u128, start: u128, length in 0_u8..=128, shared in 0_u8..=128) {
            // Addresses by chance are never inside: this one shares some leading bits.
            let mask = u128::MAX.checked_shl(u32::from(128 - shared)).unwrap_or(0);
            let address = Ipv6Addr::from(start & mask | near & !mask);
            let (first, last) = ends(start, length, 128);
            prop_assume!(address.to_ipv4_mapped().is_none());
            let rule = allowing(&format!("{}/{length}", Ipv6Addr::from(first)));
            let inside = (first..=last).contains(&u128::from(address));
            prop_assert_eq!(judged(&rule, address.into()) == Verdict::Allow, inside);
        }
    }
}
