//! Waiting for another process.

use std::time::{Duration, Instant};

/// Waits until something is so, and fails after ten seconds.
#[expect(
    clippy::disallowed_methods,
    reason = "servers of their own take real time, and nobody tells when they are done"
)]
pub(crate) fn within_ten_seconds(is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "it takes too long"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}
