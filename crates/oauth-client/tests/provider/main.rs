//! The adapter against a provider that does what a test says.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking, and so does what they share"
)]

mod authenticating;
mod descriptions;
mod failures;
mod id_tokens;
mod introspection;
mod keys;
mod logins;
mod logout_tokens;
mod once;
mod proxies;
mod revocation;
mod sample;
mod settings;
mod signatures;
mod tls;
