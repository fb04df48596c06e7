//! The harness itself. Each test that needs a server ends early where there is none.

mod alone;
mod cluster;
mod patience;
mod sentinel;
