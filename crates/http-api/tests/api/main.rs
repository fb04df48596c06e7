//! The API as its callers know it: requests in, answers out, no sockets.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking, and so do the functions that they share"
)]

mod bad_input;
mod docs;
mod harness;
mod service_face;
