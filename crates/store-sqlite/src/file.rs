use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Makes sure that the database file exists and that only its owner can read it.
///
/// SQLite gives its WAL and shared-memory files the mode of the database file, so making it here
/// first covers all three. A file that exists keeps its mode: its owner chose it.
pub(crate) fn create_private(path: &Path) -> io::Result<()> {
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match made {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other.map(drop),
    }
}
