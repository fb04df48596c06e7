//! The server as a process: started, talked to, stopped, killed.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests fail by panicking, and so do the functions that they share"
)]

mod audit;
mod clients;
mod crash;
mod deployment;
mod key_ring;
mod logins;
mod provider_keys;
mod provider_logins;
mod provider_tokens;
mod redis;
mod redis_faults;
mod secrets;
mod start_and_stop;
mod support;
mod token_keys;
mod users;
mod way_back;
