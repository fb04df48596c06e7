//! The use cases against a real OpenID provider that rotates refresh tokens and takes a second use of
//! one for theft. Where Node is not installed, each test says so and ends.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;
mod logins;
mod renewals;
