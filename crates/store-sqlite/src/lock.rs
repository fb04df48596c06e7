use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Holds a database for this process until dropped.
///
/// The lock is one of the operating system's on a file beside the database, so it goes with the
/// process however that ends. The database file itself must not be opened for it: closing any handle
/// of that file would drop the locks that SQLite holds on it (`fcntl` locks belong to the process).
#[derive(Debug)]
pub(crate) struct OwnerLock {
    _file: File,
}

/// Why a lock was not to be had.
#[derive(Debug)]
pub(crate) enum LockError {
    /// Someone holds it, who wrote this about itself.
    Held(String),
    Io(io::Error),
}

impl OwnerLock {
    /// Takes the lock of `database`, and leaves `holder` in its file for those who come later.
    pub(crate) fn take(database: &Path, holder: &str) -> Result<Self, LockError> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(lock_path(database))
            .map_err(LockError::Io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                file.read_to_string(&mut text).map_err(LockError::Io)?;
                return Err(LockError::Held(text.trim().to_owned()));
            }
            Err(TryLockError::Error(error)) => return Err(LockError::Io(error)),
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{holder}"))
            .map_err(LockError::Io)?;
        Ok(Self { _file: file })
    }
}

fn lock_path(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    path.into()
}
