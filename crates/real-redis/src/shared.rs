//! Servers that many tests share, each with keys of its own: nothing may empty them.
//!
//! `cargo xtask test` starts them once ([`Servers`]) and names them in the environment. Without it
//! each process starts its own, once.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::{RedisServer, ServerOptions};

/// Names the server of [`standalone`] in the environment, by its address.
pub const STANDALONE: &str = "SESSIOND_TEST_REDIS_STANDALONE";

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

/// All that are shared, for as long as the value lives.
#[derive(Debug)]
pub struct Servers {
    standalone: Option<RedisServer>,
}

impl Servers {
    /// Starts them, those that can be had.
    ///
    /// # Panics
    ///
    /// As [`RedisServer::start`].
    #[must_use]
    pub fn start() -> Self {
        Self {
            standalone: RedisServer::start(&ServerOptions::default()),
        }
    }

    /// What to set in the environment of the tests.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let standalone = self.standalone.as_ref();
        let mut set = Vec::new();
        set.extend(standalone.map(|server| (STANDALONE, server.url())));
        set
    }
}
