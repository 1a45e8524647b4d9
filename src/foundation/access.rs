//! Which hosts, variables and paths a run may touch. Only this file makes an [`Allowed`], and connecting takes nothing
//! else, so that the address that was checked is the one that is connected to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// An address that a run may connect to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Allowed(SocketAddr);

impl Allowed {
    /// The address.
    pub const fn address(self) -> SocketAddr {
        self.0
    }
}

/// Which parts of the network a run may touch.
///
/// Link-local, multicast and metadata addresses are refused unless they are named; all else is open.
#[derive(Debug, Clone, Default)]
pub struct Network {
    named: Vec<String>,
}

/// An address that a run may not touch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{host} is {address}, {what}")]
pub struct Denied {
    /// The host as it was named.
    pub host: String,
    /// What it resolved to.
    pub address: SocketAddr,
    /// Why it is refused.
    pub what: &'static str,
}

impl Denied {
    /// What the user can do.
    pub fn help(&self) -> String {
        format!(
            "`--allow-net {}` allows it, if that is what you want",
            self.address
        )
    }
}

/// Metadata services of clouds that are not link-local: Azure, Alibaba, and EC2 over IPv6.
const METADATA: [IpAddr; 3] = [
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];

impl Network {
    /// The network, with what `--allow-net` names: a host, an address, or either with its port.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "`--allow-net` comes with untrusted scenarios")
    )]
    pub const fn naming(named: Vec<String>) -> Self {
        Self { named }
    }

    /// Checks an address that `host` resolved to.
    ///
    /// # Errors
    /// Where it is link-local, multicast or a metadata service and not named.
    pub fn allow(&self, host: &str, address: SocketAddr) -> Result<Allowed, Denied> {
        match refusal(address.ip().to_canonical()) {
            Some(what) if !self.names(host, address) => Err(Denied {
                host: host.to_owned(),
                address,
                what,
            }),
            _ => Ok(Allowed(address)),
        }
    }

    fn names(&self, host: &str, address: SocketAddr) -> bool {
        let ip = address.ip().to_canonical();
        let forms = [
            host.to_owned(),
            format!("{host}:{}", address.port()),
            ip.to_string(),
            SocketAddr::new(ip, address.port()).to_string(),
        ];
        self.named.iter().any(|named| forms.contains(named))
    }
}

fn refusal(ip: IpAddr) -> Option<&'static str> {
    let link_local = match ip {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    if METADATA.contains(&ip) {
        Some("a metadata service of a cloud")
    } else if link_local {
        Some("a link-local address")
    } else if ip.is_multicast() || ip == IpAddr::V4(Ipv4Addr::BROADCAST) {
        Some("a multicast address")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reaches_metadata_or_many_is_refused_in_every_spelling() {
        for address in [
            "169.254.169.254:80",
            "[::ffff:169.254.169.254]:80",
            "[fe80::1]:80",
            "[fd00:ec2::254]:80",
            "224.0.0.1:80",
            "[ff02::1]:80",
            "255.255.255.255:80",
            "100.100.100.200:80",
        ] {
            let refused = Network::default().allow("h", address.parse().unwrap());
            assert!(refused.is_err(), "{address}");
        }
    }

    #[test]
    fn loopback_and_private_addresses_are_fine() {
        for address in [
            "127.0.0.1:8000",
            "[::1]:8000",
            "10.0.0.8:80",
            "192.168.1.2:443",
        ] {
            assert!(
                Network::default()
                    .allow("h", address.parse().unwrap())
                    .is_ok(),
                "{address}"
            );
        }
    }

    #[test]
    fn naming_an_address_allows_it_and_nothing_else() {
        let network = Network::naming(vec!["169.254.169.254:80".into()]);
        assert!(
            network
                .allow("meta", "169.254.169.254:80".parse().unwrap())
                .is_ok()
        );
        assert!(
            network
                .allow("meta", "169.254.169.254:81".parse().unwrap())
                .is_err()
        );
    }
}
