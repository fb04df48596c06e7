//! Putting the provider's packages into `target/real-provider`, once.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::node;

/// Set by `cargo xtask test` once it has found that the provider cannot be installed, with the
/// reason: no test tries again.
pub const SKIP: &str = "SESSIOND_SKIPS_REAL_PROVIDER";

const MANIFEST: &str = include_str!("../node/package.json");
const PACKAGES: &str = include_str!("../node/package-lock.json");

/// `crypto.hash` came with it.
const OLDEST_NODE: (u32, u32) = (20, 12);

/// npm may take this long; a few seconds are usual.
const LIMIT: Duration = Duration::from_secs(90);
const PAUSE: Duration = Duration::from_millis(50);

/// For how long nobody tries again after npm has failed: each test would wait for it anew.
const TRUCE: Duration = Duration::from_secs(600);

/// A provider that can be started.
#[derive(Debug)]
pub struct Installed {
    /// The version of Node.
    pub node: String,
    /// The folder that holds `node_modules`.
    pub folder: PathBuf,
}

/// Why there is none, as a fragment of a sentence.
#[derive(Debug, PartialEq, Eq)]
pub struct Absent(String);

impl std::fmt::Display for Absent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<io::Error> for Absent {
    fn from(error: io::Error) -> Self {
        Self(format!("target/real-provider cannot be used: {error}"))
    }
}

/// Installs the packages unless they are there; any number of processes may ask at once.
///
/// # Errors
///
/// Where Node or npm is missing or too old, or npm fails: its registry may be out of reach.
pub fn ensure() -> Result<Installed, Absent> {
    if let Ok(reason) = std::env::var(SKIP) {
        return Err(Absent(reason));
    }
    ensure_in(&target().join("real-provider"), "node", "npm")
}

/// The same with a folder and programs of the caller's choice.
///
/// # Errors
///
/// As of [`ensure`].
pub fn ensure_in(folder: &Path, node: &str, npm: &str) -> Result<Installed, Absent> {
    let version = node::version(node).ok_or_else(|| Absent("node is not installed".to_owned()))?;
    if !is_new_enough(&version) {
        let (major, minor) = OLDEST_NODE;
        let reason = format!("node {version} is too old: {major}.{minor} or later is needed");
        return Err(Absent(reason));
    }
    fs::create_dir_all(folder)?;
    // The operating system lets go of it when this function ends, or the process.
    let lock = File::create(folder.join("install.lock"))?;
    lock.lock()?;
    // Written last: with the same list inside, all of it is there.
    let done = folder.join("installed.json");
    if !fs::read_to_string(&done).is_ok_and(|packages| packages == PACKAGES) {
        install(folder, npm)?;
        fs::write(&done, PACKAGES)?;
    }
    Ok(Installed {
        node: version,
        folder: folder.to_owned(),
    })
}

fn is_new_enough(version: &str) -> bool {
    let mut parts = version.split('.').map(str::parse);
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= OLDEST_NODE,
        _ => false,
    }
}

fn install(folder: &Path, npm: &str) -> Result<(), Absent> {
    let failure = folder.join("failed.txt");
    if let Some(reason) = recent(&failure) {
        return Err(Absent(format!(
            "{reason} (less than ten minutes ago; remove target/real-provider to try again)"
        )));
    }
    if node::version(npm).is_none() {
        return Err(Absent("npm is not installed".to_owned()));
    }
    let _ = fs::remove_file(folder.join("installed.json"));
    fs::write(folder.join("package.json"), MANIFEST)?;
    fs::write(folder.join("package-lock.json"), PACKAGES)?;
    let outcome = run(folder, npm);
    if let Err(Absent(reason)) = &outcome {
        fs::write(failure, reason)?;
    }
    outcome
}

/// What failed a short while ago.
fn recent(failure: &Path) -> Option<String> {
    let age = fs::metadata(failure).ok()?.modified().ok()?.elapsed();
    // A time stamp of the future counts as recent.
    let is_over = age.is_ok_and(|age| age > TRUCE);
    (!is_over).then(|| fs::read_to_string(failure).ok())?
}

/// `npm ci` takes exactly what the list names, from the registry that this machine is set to, and
/// checks each package's hash.
fn run(folder: &Path, npm: &str) -> Result<(), Absent> {
    let log = folder.join("npm.log");
    let mut child = Command::new(npm)
        .current_dir(folder)
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .args(["--loglevel=error", "--no-update-notifier"])
        .args(["--fetch-retries=1", "--fetch-timeout=20000"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(&log)?)
        .spawn()?;
    let mut left = LIMIT;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if left.is_zero() {
            // Fails only where it has just ended by itself.
            let _ = child.kill();
            let _ = child.wait();
            return Err(Absent(format!(
                "`npm ci` took longer than {} s",
                LIMIT.as_secs()
            )));
        }
        std::thread::sleep(PAUSE);
        left = left.saturating_sub(PAUSE);
    };
    if status.success() {
        return Ok(());
    }
    let said = fs::read_to_string(&log).unwrap_or_default();
    let first = said.lines().next().unwrap_or("without a word");
    Err(Absent(format!(
        "`npm ci` failed: {first}; all it said is in target/real-provider/npm.log"
    )))
}

fn target() -> PathBuf {
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target");
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(own, PathBuf::from)
}
