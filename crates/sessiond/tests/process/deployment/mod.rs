//! The files of `docs/deploy`: whether they still fit the program, the repository and each other.
//!
//! Here rather than beside the table of settings, since what can go stale is what the program as a whole
//! does: which names it knows (`--help` tells), which routes answer, which keys it starts with.

mod compose;
mod files;
mod image;
mod keys;
mod kubernetes;
mod names;
mod page;
mod redis;
mod references;
