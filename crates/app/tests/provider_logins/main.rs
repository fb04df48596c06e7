//! Signing in with an outside provider: what ties its answer to the login, to the browser, and to one
//! use (requirements 9, 25, 35, 36 and 41).

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests fail by panicking, and so does what they share"
)]

mod answers;
mod bindings;
mod failures;
mod harness;
mod logouts;
mod provider;
mod sessions;
mod starts;
