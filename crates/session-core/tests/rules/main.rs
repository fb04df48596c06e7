//! The rules of sessions as properties: they hold for whatever values come.

#![expect(
    clippy::expect_used,
    reason = "tests fail by panicking, and so does what they share"
)]

mod deadlines;
mod errors;
mod fingerprints;
mod lifetimes;
mod metadata;
#[cfg(feature = "mocks")]
mod mocks;
mod paging;
mod sample;
mod states;
mod strict_json;
mod tokens;
mod user_ids;
