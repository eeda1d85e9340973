//! Addresses of servers.

use std::net::{IpAddr, Ipv6Addr};

use crate::setup_error::SetupError;

/// The port of an address without one.
const DEFAULT_PORT: u16 = 443;

/// One server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// The path of a unix socket.
    Unix(String),
    /// A name or an IP address, and a port.
    Tcp { host: String, port: u16 },
}

impl Address {
    /// True if what is sent there does not leave this machine.
    pub(crate) fn is_local(&self) -> bool {
        match self {
            Self::Unix(_) => true,
            Self::Tcp { host, .. } => {
                host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
            }
        }
    }

    /// The address as tonic takes it.
    pub(crate) fn uri(&self, scheme: &str) -> String {
        match self {
            Self::Unix(path) => format!("unix:{path}"),
            Self::Tcp { host, port } if host.contains(':') => format!("{scheme}://[{host}]:{port}"),
            Self::Tcp { host, port } => format!("{scheme}://{host}:{port}"),
        }
    }
}

/// Parses `host:port`, `unix:/path`, `dns:///host:port`, or several of them separated by commas.
pub(crate) fn parse(text: &str) -> Result<Vec<Address>, SetupError> {
    text.split(',').map(|each| parse_one(each.trim())).collect()
}

fn parse_one(text: &str) -> Result<Address, SetupError> {
    let refused = |problem: &str| {
        SetupError::new(format!("the address {text:?} {problem}; give HOST:PORT, unix:/path or dns:///HOST:PORT"))
    };
    if text.is_empty() {
        return Err(refused("is empty"));
    }
    if text.chars().any(char::is_control) {
        return Err(refused("contains a control character"));
    }
    if let Some(path) = text.strip_prefix("unix:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        return if path.is_empty() { Err(refused("has no path")) } else { Ok(Address::Unix(path.to_owned())) };
    }
    let rest = ["dns:///", "dns:", "ipv4:", "ipv6:"].iter().find_map(|scheme| text.strip_prefix(scheme));
    let rest = rest.unwrap_or(text);
    if rest.parse::<Ipv6Addr>().is_ok() {
        return Ok(Address::Tcp { host: rest.to_owned(), port: DEFAULT_PORT });
    }
    let (host, port) = match rest.strip_prefix('[') {
        Some(bracketed) => bracketed.split_once(']').ok_or_else(|| refused("lacks a bracket"))?,
        None => rest.find(':').map_or((rest, ""), |colon| rest.split_at(colon)),
    };
    if host.is_empty() || host.contains(['/', '@', '?', '#', ' ']) {
        return Err(refused("is none"));
    }
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => DEFAULT_PORT,
        Some(digits) => digits.parse().ok().filter(|&port| port > 0).ok_or_else(|| refused("has no valid port"))?,
        None => return Err(refused("is none")),
    };
    Ok(Address::Tcp { host: host.to_owned(), port })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_parsed() {
        let tcp = |host: &str, port| Address::Tcp { host: host.into(), port };
        let both = vec![tcp("127.0.0.1", 1), tcp("::1", 2)];
        assert_eq!(parse("127.0.0.1:1, [::1]:2"), Ok(both));
        assert_eq!(parse("dns:///name:50051"), Ok(vec![tcp("name", 50051)]));
        assert_eq!(parse("name"), Ok(vec![tcp("name", 443)]));
        assert_eq!(parse("unix:///run/s"), Ok(vec![Address::Unix("/run/s".into())]));
        for wrong in ["", "a:1,", "https://a:1", "a:0", "a:70000", "a:b", "unix:", "a\n:1", "[::1"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_loopback_and_sockets_are_local() {
        let is_local = |text: &str| parse(text).unwrap().iter().all(Address::is_local);
        assert!(is_local("localhost:1,127.9.9.9:2,[::1]:3,unix:/s"));
        assert!(!is_local("10.0.0.1:1"));
        assert!(!is_local("localhost.example:1"));
    }
}
