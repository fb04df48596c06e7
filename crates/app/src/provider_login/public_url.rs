use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use session_core::InvalidInput;

use super::return_paths::is_local_path;

/// Where users reach this server: what the addresses that providers send them back to begin with.
///
/// `https://host`, with a port and a path where there are any; `http://` on this very machine alone,
/// where nobody can listen. Without a slash at the end. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl(Arc<str>);

/// Longest address in bytes.
const MAX_BYTES: usize = 512;
/// Where the answers of providers are taken.
const CALLBACK: &str = "/auth/callback";

impl PublicUrl {
    /// The address of a server that listens on this machine alone; `None` for one that others reach.
    #[must_use]
    pub fn of_loopback(listening: SocketAddr) -> Option<Self> {
        let is_alone = listening.ip().is_loopback();
        is_alone.then(|| Self(format!("http://{listening}").into()))
    }

    /// The address that providers send users back to (`redirect_uri`): what they must know of this
    /// server.
    #[must_use]
    pub fn redirect_uri(&self) -> String {
        format!("{}{CALLBACK}", self.0)
    }

    /// The address, without a slash at the end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PublicUrl {
    type Err = InvalidInput;

    fn from_str(text: &str) -> Result<Self, InvalidInput> {
        let problem = "must be an address like `https://login.example.org`";
        let wrong = || InvalidInput::new("public_url", problem);
        let text = text.strip_suffix('/').unwrap_or(text);
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let host = host_of(authority).ok_or_else(wrong)?;
        let is_safe = match scheme {
            "https" => true,
            "http" => is_this_machine(host),
            _ => false,
        };
        let is_plain = path.is_empty() || (is_local_path(path) && !path.contains(['?', '#']));
        if text.len() > MAX_BYTES || !is_safe || !is_plain {
            return Err(wrong());
        }
        Ok(Self(text.into()))
    }
}

/// The host of `host`, `host:port`, `[v6]` or `[v6]:port`; `None` for anything else, names and
/// passwords before an `@` among it.
pub(super) fn host_of(authority: &str) -> Option<&str> {
    let (host, port) = match authority
        .strip_prefix('[')
        .and_then(|v6| v6.split_once(']'))
    {
        Some((v6, port)) => {
            v6.parse::<Ipv6Addr>().ok()?;
            (v6, port)
        }
        None => {
            let (host, port) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
            let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-');
            (!host.is_empty() && host.bytes().all(plain)).then_some(())?;
            (host, port)
        }
    };
    if !port.is_empty() {
        let digits = port.strip_prefix(':')?;
        digits
            .parse::<u16>()
            .ok()
            .filter(|_| !digits.starts_with('+'))?;
    }
    Some(host)
}

pub(super) fn is_this_machine(host: &str) -> bool {
    host == "localhost"
        || host.parse::<Ipv4Addr>().is_ok_and(|v4| v4.is_loopback())
        || host.parse::<Ipv6Addr>().is_ok_and(|v6| v6.is_loopback())
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_users_reach_over_a_safe_way() {
        for (text, redirect) in [
            (
                "https://login.example.org",
                "https://login.example.org/auth/callback",
            ),
            (
                "https://login.example.org/",
                "https://login.example.org/auth/callback",
            ),
            (
                "https://example.org:8443/sso",
                "https://example.org:8443/sso/auth/callback",
            ),
            (
                "http://127.0.0.1:8000",
                "http://127.0.0.1:8000/auth/callback",
            ),
            (
                "http://localhost:8000",
                "http://localhost:8000/auth/callback",
            ),
            ("http://[::1]:8000", "http://[::1]:8000/auth/callback"),
        ] {
            let url: PublicUrl = text.parse().unwrap();
            assert_eq!(url.redirect_uri(), redirect);
        }
        for text in [
            "",
            "login.example.org",
            "http://login.example.org",
            "http://127.0.0.1.evil.example",
            "http://10.0.0.1",
            "ftp://login.example.org",
            "https://",
            "https:///path",
            "https://user@example.org",
            "https://user:pass@example.org",
            "https://example.org:port",
            "https://example.org:99999",
            "https://[::1",
            "https://example.org/a?b=c",
            "https://example.org/a#b",
            "https://example.org//a",
            "https://example.org/../a",
            "https://example.org/a b",
            "https://exa\nmple.org",
        ] {
            assert!(text.parse::<PublicUrl>().is_err(), "{text}");
        }
        assert!(
            format!("https://a/{}", "b".repeat(600))
                .parse::<PublicUrl>()
                .is_err()
        );
    }

    #[test]
    fn only_what_listens_on_this_machine_alone_has_an_address_by_itself() {
        let of = |text: &str| PublicUrl::of_loopback(text.parse().unwrap());
        assert_eq!(
            of("127.0.0.1:8000").unwrap().as_str(),
            "http://127.0.0.1:8000"
        );
        assert_eq!(of("[::1]:8000").unwrap().as_str(), "http://[::1]:8000");
        assert!(of("0.0.0.0:8000").is_none());
        assert!(of("192.0.2.1:8000").is_none());
    }
}
