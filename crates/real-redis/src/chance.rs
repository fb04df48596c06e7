//! Passwords and names that nobody has had before.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;

/// As many random bytes in hexadecimal digits.
pub(crate) fn hex(bytes: usize) -> String {
    let mut drawn = vec![0; bytes];
    File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut drawn))
        .expect("the operating system has random bytes");
    drawn.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
