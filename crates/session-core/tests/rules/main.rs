//! The rules of sessions as properties: they hold for whatever values come.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking, and so does what they share"
)]

mod audit_chain;
mod audit_events;
mod deadlines;
mod emails;
mod errors;
mod fingerprints;
mod lifetimes;
mod metadata;
#[cfg(feature = "mocks")]
mod mocks;
mod paging;
mod passwords;
mod rate_limits;
mod revocations;
mod risks;
mod rotations;
mod sample;
mod states;
mod strict_json;
mod tokens;
mod upstream_answers;
mod upstream_grants;
mod upstream_names;
mod upstream_retries;
mod user_ids;
