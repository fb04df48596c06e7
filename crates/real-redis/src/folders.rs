//! Where everything lies that this crate makes: `target/real-redis`.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// `target/real-redis`, whether it exists or not.
pub(crate) fn top() -> PathBuf {
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(own, PathBuf::from);
    // A server has a working folder of its own, where a relative path would lead elsewhere.
    fs::canonicalize(&target)
        .or_else(|_| std::path::absolute(&target))
        .unwrap_or(target)
        .join("real-redis")
}

/// An empty folder for one server, which nobody but this user can look into: passwords lie there.
pub(crate) fn for_server() -> io::Result<PathBuf> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let folder = top()
        .join("servers")
        .join(format!("{}-{number}", std::process::id()));
    // Of a process that had the same number once, and was killed while its server was down.
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)?;
    Ok(folder)
}
