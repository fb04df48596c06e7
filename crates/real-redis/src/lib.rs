//! Real Redis servers for tests: one server, a cluster, or a primary under Sentinel, on free ports
//! of this machine.
//!
//! It needs `redis-server` or `valkey-server`, 7.0 or later: [`install`] finds one, or fetches
//! Debian's package. Where there is none, each `start` says so in one line and gives nothing, and
//! the test ends there; with `SESSIOND_NEEDS_REDIS` set it fails instead.
//!
//! ```no_run
//! use real_redis::{RedisServer, ServerOptions};
//!
//! let Some(mut server) = RedisServer::start(&ServerOptions::default().append_only()) else {
//!     return; // it said why
//! };
//! assert_eq!(server.command(&["SET", "key", "value"]), "OK");
//! server.kill();
//! server.start_again();
//! ```
//!
//! Starting one takes a while, so suites of many tests take those of [`shared`], with keys of their
//! own for each test.
//!
//! Every server ends with the value that started it, and with the process, however that ends. No
//! async runtime is needed, and the crate never removes a key: what it starts is empty, and what is
//! shared is not its own.

#![deny(missing_docs)]
#![expect(
    clippy::panic,
    clippy::expect_used,
    reason = "this crate is for tests, whose way to fail is to panic"
)]

pub mod install;
pub mod shared;

mod chance;
mod cli;
mod cluster;
mod configuration;
mod debian;
mod folders;
mod options;
mod ports;
mod resp;
mod sentinel;
mod server;
mod tls;
mod waiting;
mod watchdog;

pub use cluster::{ClusterOptions, RedisCluster};
pub use options::ServerOptions;
pub use sentinel::{RedisSentinel, SentinelOptions};
pub use server::RedisServer;
pub use tls::TlsFiles;
