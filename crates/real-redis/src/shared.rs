//! Servers that many tests share, each with keys of its own: nothing may empty them.
//!
//! `cargo xtask test` starts them once ([`Servers`]) and names them in the environment. Without it
//! each process starts its own, once.

use std::ffi::OsString;
use std::fmt;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::{
    ClusterOptions, RedisCluster, RedisSentinel, RedisServer, SentinelOptions, ServerOptions,
};

/// Names the server of [`standalone`] in the environment, by its address.
pub const STANDALONE: &str = "SESSIOND_TEST_REDIS_STANDALONE";

/// Names the server of [`secured`], by its address with user and password.
pub const SECURED: &str = "SESSIOND_TEST_REDIS_SECURED";

/// Names the certificate of the authority that [`secured`] is to be trusted by.
pub const SECURED_CA: &str = "SESSIOND_TEST_REDIS_SECURED_CA";

/// Names the nodes of [`cluster`], by an address of several places.
pub const CLUSTER: &str = "SESSIOND_TEST_REDIS_CLUSTER";

/// Names the sentinels of [`sentinel`], by an address of several places.
pub const SENTINEL: &str = "SESSIOND_TEST_REDIS_SENTINEL";

/// Names the service of [`sentinel`].
pub const SENTINEL_SERVICE: &str = "SESSIOND_TEST_REDIS_SENTINEL_SERVICE";

/// Where a shared server is.
#[derive(Clone, PartialEq, Eq)]
pub struct Shared {
    url: String,
    ca_file: Option<PathBuf>,
    service: Option<String>,
}

/// Without the address, in which a password may be.
impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("ca_file", &self.ca_file)
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}

impl Shared {
    /// The address, such as `redis://127.0.0.1:18000`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The certificate of the authority to trust, of a server with TLS.
    #[must_use]
    pub fn ca_file(&self) -> Option<&Path> {
        self.ca_file.as_deref()
    }

    /// The name of the service, under Sentinel.
    #[must_use]
    pub fn service(&self) -> Option<&str> {
        self.service.as_deref()
    }

    fn at(url: String) -> Self {
        Self {
            url,
            ca_file: None,
            service: None,
        }
    }
}

/// A server without persistence, for everyone.
///
/// # Panics
///
/// As [`RedisServer::start`].
#[must_use]
pub fn standalone() -> Option<Shared> {
    static OWN: OnceLock<Option<RedisServer>> = OnceLock::new();
    if let Ok(url) = std::env::var(STANDALONE) {
        return Some(Shared::at(url));
    }
    let own = OWN.get_or_init(|| RedisServer::start(&ServerOptions::default()));
    own.as_ref().map(|own| Shared::at(own.url()))
}

/// A server with TLS, whose user `sessiond` may touch any key and nothing else, as of
/// [`ServerOptions::secured`].
///
/// # Panics
///
/// As [`RedisServer::start`].
#[must_use]
pub fn secured() -> Option<Shared> {
    static OWN: OnceLock<Option<RedisServer>> = OnceLock::new();
    if let (Ok(url), Some(ca)) = (std::env::var(SECURED), std::env::var_os(SECURED_CA)) {
        return Some(Shared {
            ca_file: Some(ca.into()),
            ..Shared::at(url)
        });
    }
    let own = OWN.get_or_init(|| RedisServer::start(&ServerOptions::default().secured()));
    own.as_ref().map(|own| Shared {
        ca_file: own.tls().map(|tls| tls.ca.clone()),
        ..Shared::at(own.url())
    })
}

/// A cluster of three primaries with a replica each. Its nodes are for no test to end.
///
/// # Panics
///
/// As [`RedisServer::start`].
#[must_use]
pub fn cluster() -> Option<Shared> {
    static OWN: OnceLock<Option<RedisCluster>> = OnceLock::new();
    if let Ok(url) = std::env::var(CLUSTER) {
        return Some(Shared::at(url));
    }
    let own = OWN.get_or_init(|| RedisCluster::start(&ClusterOptions::default()));
    own.as_ref().map(|own| Shared::at(own.url()))
}

/// A primary under Sentinel. Its servers are for no test to end.
///
/// # Panics
///
/// As [`RedisServer::start`].
#[must_use]
pub fn sentinel() -> Option<Shared> {
    static OWN: OnceLock<Option<RedisSentinel>> = OnceLock::new();
    let at = |url, service: &str| Shared {
        service: Some(service.to_owned()),
        ..Shared::at(url)
    };
    if let (Ok(url), Ok(service)) = (std::env::var(SENTINEL), std::env::var(SENTINEL_SERVICE)) {
        return Some(at(url, &service));
    }
    let own = OWN.get_or_init(|| RedisSentinel::start(&SentinelOptions::default()));
    own.as_ref().map(|own| at(own.url(), own.service()))
}

/// All that are shared, for as long as the value lives.
#[derive(Debug)]
pub struct Servers {
    standalone: Option<RedisServer>,
    secured: Option<RedisServer>,
    cluster: Option<RedisCluster>,
    sentinel: Option<RedisSentinel>,
}

impl Servers {
    /// Starts them all at once, or as many as can be had.
    ///
    /// # Panics
    ///
    /// As [`RedisServer::start`].
    #[must_use]
    pub fn start() -> Self {
        let options = ServerOptions::default();
        std::thread::scope(|scope| {
            let secured = scope.spawn(|| RedisServer::start(&options.clone().secured()));
            let cluster = scope.spawn(|| RedisCluster::start(&ClusterOptions::default()));
            let sentinel = scope.spawn(|| RedisSentinel::start(&SentinelOptions::default()));
            Self {
                standalone: RedisServer::start(&options),
                secured: secured
                    .join()
                    .unwrap_or_else(|reason| resume_unwind(reason)),
                cluster: cluster
                    .join()
                    .unwrap_or_else(|reason| resume_unwind(reason)),
                sentinel: sentinel
                    .join()
                    .unwrap_or_else(|reason| resume_unwind(reason)),
            }
        })
    }

    /// What to set in the environment of the tests.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, OsString)> {
        let mut set: Vec<(&'static str, OsString)> = Vec::new();
        if let Some(standalone) = &self.standalone {
            set.push((STANDALONE, standalone.url().into()));
        }
        if let Some((secured, tls)) = self
            .secured
            .as_ref()
            .and_then(|own| Some((own, own.tls()?)))
        {
            set.push((SECURED, secured.url().into()));
            set.push((SECURED_CA, tls.ca.clone().into()));
        }
        if let Some(cluster) = &self.cluster {
            set.push((CLUSTER, cluster.url().into()));
        }
        if let Some(sentinel) = &self.sentinel {
            set.push((SENTINEL, sentinel.url().into()));
            set.push((SENTINEL_SERVICE, sentinel.service().into()));
        }
        set
    }
}
