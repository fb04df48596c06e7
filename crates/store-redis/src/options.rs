use std::fmt;
use std::net::Ipv6Addr;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use zeroize::Zeroizing;

/// Where Redis is and how it is spoken to.
#[derive(Clone)]
pub struct Options {
    pub(crate) addresses: Vec<(String, u16)>,
    pub(crate) topology: Topology,
    pub(crate) login: Login,
    pub(crate) database: i64,
    pub(crate) tls: Option<Tls>,
    pub(crate) sentinel_login: Login,
    pub(crate) prefix: String,
    pub(crate) connect_timeout: Duration,
    pub(crate) response_timeout: Duration,
    pub(crate) max_in_flight: usize,
    pub(crate) keep: Duration,
    pub(crate) max_rate_keys: usize,
}

/// How Redis is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Topology {
    /// One server, or something that looks like one. The address is its own.
    Standalone,
    /// A primary that Sentinels watch over. The addresses are those of the Sentinels.
    Sentinel {
        /// The name under which they watch it.
        service: String,
    },
    /// A cluster. The addresses are those of some of its nodes; the others are found.
    Cluster,
}

/// Whom to trust as a server, and who we are to it.
#[derive(Clone, Default)]
pub struct Tls {
    /// Certificates of authorities in PEM; `None` for those of the system.
    pub authorities: Option<Vec<u8>>,
    /// Our certificate and its key in PEM, for servers that want one.
    pub identity: Option<(Vec<u8>, Zeroizing<Vec<u8>>)>,
}

/// A name and a password (ACL), or a password alone (`requirepass`).
#[derive(Clone, Default)]
pub(crate) struct Login {
    pub(crate) username: Option<String>,
    pub(crate) password: Option<Zeroizing<String>>,
}

/// What is wrong with a URL of Redis. Never shows any of it: there may be a password in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    /// Another scheme.
    #[error("must begin with `redis://` or `rediss://`")]
    Scheme,
    /// An address that is none.
    #[error("must name hosts as `host` or `host:port`, several separated by commas")]
    Address,
    /// A database that is no number.
    #[error("must end after the hosts, or with `/` and the number of a database")]
    Database,
    /// What is left of the `@` cannot be decoded.
    #[error("must have a user name and a password that are percent-encoded UTF-8")]
    Login,
}

/// What keys begin with unless said otherwise.
const PREFIX: &str = "sessiond";
const PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

impl Options {
    /// Of a URL: `redis://[user[:password]@]host[:port][,host[:port]…][/database]`, with TLS as
    /// `rediss://`.
    ///
    /// # Errors
    /// [`BadUrl`].
    pub fn from_url(url: &str) -> Result<Self, BadUrl> {
        let (tls, rest) = match url.split_once("://") {
            Some(("redis", rest)) => (None, rest),
            Some(("rediss", rest)) => (Some(Tls::default()), rest),
            _ => return Err(BadUrl::Scheme),
        };
        let (rest, database) = match rest.split_once('/') {
            None => (rest, 0),
            Some((rest, "")) => (rest, 0),
            Some((rest, number)) => {
                let number = self::number(number).ok_or(BadUrl::Database)?;
                (rest, i64::from(number))
            }
        };
        let (login, hosts) = match rest.rsplit_once('@') {
            None => (Login::default(), rest),
            Some((login, hosts)) => (Login::parse(login)?, hosts),
        };
        let addresses: Vec<_> = hosts.split(',').map(address).collect::<Result<_, _>>()?;
        Ok(Self {
            addresses,
            topology: Topology::Standalone,
            login,
            database,
            tls,
            sentinel_login: Login::default(),
            prefix: PREFIX.to_owned(),
            connect_timeout: Duration::from_secs(2),
            response_timeout: Duration::from_secs(2),
            max_in_flight: 4096,
            keep: Duration::from_secs(30 * 24 * 3600),
            max_rate_keys: 1_000_000,
        })
    }

    /// How Redis is run.
    #[must_use]
    pub fn topology(mut self, topology: Topology) -> Self {
        self.topology = topology;
        self
    }

    /// Whether the connection is encrypted.
    #[must_use]
    pub const fn uses_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Where Redis is, for people: the addresses without any password.
    #[must_use]
    pub fn shown(&self) -> String {
        let scheme = if self.uses_tls() { "rediss" } else { "redis" };
        let addresses = self.addresses.iter().map(|(host, port)| match port {
            0 => format!("{host}:{}", Self::default_port(&self.topology)),
            port => format!("{host}:{port}"),
        });
        let addresses: Vec<_> = addresses.collect();
        let kind = match &self.topology {
            Topology::Standalone => "",
            Topology::Sentinel { .. } => " (Sentinels)",
            Topology::Cluster => " (cluster)",
        };
        format!("{scheme}://{}{kind}", addresses.join(","))
    }

    /// How many addresses the URL names.
    #[must_use]
    pub const fn address_count(&self) -> usize {
        self.addresses.len()
    }

    /// The number of the database that the URL names.
    #[must_use]
    pub const fn database(&self) -> i64 {
        self.database
    }

    /// The database to use, in place of the one of the URL.
    #[must_use]
    pub const fn on_database(mut self, number: i64) -> Self {
        self.database = number;
        self
    }

    /// Whether this can stand in front of all keys: a short plain word. Braces would say in which hash
    /// slot of a cluster they lie, which the store does by itself.
    #[must_use]
    pub fn is_good_prefix(prefix: &str) -> bool {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-.:".contains(&b);
        let name = prefix.trim_end_matches(':');
        (1..=64).contains(&name.len()) && name.bytes().all(plain)
    }

    /// Whom to trust and who we are, where the connection is encrypted; without effect elsewhere.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = self.tls.map(|_| tls);
        self
    }

    /// The user to sign in as, in place of what the URL says.
    #[must_use]
    pub fn username(mut self, username: impl Into<String>) -> Self {
        self.login.username = Some(username.into());
        self
    }

    /// The password to sign in with, in place of what the URL says.
    #[must_use]
    pub fn password(mut self, password: Zeroizing<String>) -> Self {
        self.login.password = Some(password);
        self
    }

    /// The same for the Sentinels, which have passwords of their own.
    #[must_use]
    pub fn sentinel_login(
        mut self,
        username: Option<String>,
        password: Option<Zeroizing<String>>,
    ) -> Self {
        self.sentinel_login = Login { username, password };
        self
    }

    /// What all keys begin with. Deployments with different ones share a server and nothing else.
    /// None may begin with another's and a colon: `a` and `a:u` would have keys in common.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How long to wait for a connection, and for an answer.
    #[must_use]
    pub const fn timeouts(mut self, connect: Duration, response: Duration) -> Self {
        self.connect_timeout = connect;
        self.response_timeout = response;
        self
    }

    /// How many requests may wait for an answer at once; more than that wait for one of those.
    #[must_use]
    pub const fn max_in_flight(mut self, requests: usize) -> Self {
        self.max_in_flight = requests;
        self
    }

    /// How long a record stays past the last time that anything needs it, should no sweep remove it.
    #[must_use]
    pub const fn keep(mut self, keep: Duration) -> Self {
        self.keep = keep;
        self
    }

    /// Most keys that rate limits count at once; at the bound, those that mean the least go. A million
    /// unless said otherwise, which takes Redis some 350 MB.
    #[must_use]
    pub const fn max_rate_keys(mut self, keys: usize) -> Self {
        self.max_rate_keys = keys;
        self
    }

    pub(crate) const fn default_port(topology: &Topology) -> u16 {
        match topology {
            Topology::Sentinel { .. } => SENTINEL_PORT,
            Topology::Standalone | Topology::Cluster => PORT,
        }
    }
}

/// A port of 0 stands for the usual one, which depends on how Redis is run.
fn address(text: &str) -> Result<(String, u16), BadUrl> {
    let (host, port) = match text.rsplit_once(':') {
        // A colon inside of brackets belongs to an IPv6 address.
        Some((host, port)) if !port.ends_with(']') => (
            host,
            number(port)
                .filter(|port| *port != 0)
                .ok_or(BadUrl::Address)?,
        ),
        _ => (text, 0),
    };
    let bracketed = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    if let Some(host) = bracketed {
        host.parse::<Ipv6Addr>().map_err(|_| BadUrl::Address)?;
        return Ok((host.to_owned(), port));
    }
    let is_odd = |b: u8| b.is_ascii_whitespace() || b.is_ascii_control() || b"?#@/[]".contains(&b);
    if host.is_empty() || host.bytes().any(is_odd) || host.contains(':') {
        return Err(BadUrl::Address);
    }
    Ok((host.to_owned(), port))
}

/// Digits alone: a sign is none.
fn number(text: &str) -> Option<u16> {
    let is_plain = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain)
}

impl Login {
    fn parse(text: &str) -> Result<Self, BadUrl> {
        let decoded = |text: &str| -> Result<Option<String>, BadUrl> {
            let text = percent_decode_str(text).decode_utf8();
            let text = text.map_err(|_| BadUrl::Login)?.into_owned();
            Ok(Some(text).filter(|text| !text.is_empty()))
        };
        let (username, password) = text.split_once(':').unwrap_or((text, ""));
        Ok(Self {
            username: decoded(username)?,
            password: decoded(password)?.map(Zeroizing::new),
        })
    }
}

/// Shows no password.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("addresses", &self.addresses)
            .field("topology", &self.topology)
            .field("database", &self.database)
            .field("uses_tls", &self.uses_tls())
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

/// Shows no key.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}
