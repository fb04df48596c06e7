//! Finding the programs, or fetching Debian's package once.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use crate::debian;
use crate::folders;

/// Set by `cargo xtask test` once it has found that there is none, with the reason: no test tries
/// again.
pub const SKIP: &str = "SESSIOND_SKIPS_REDIS";

/// Where it is set, tests fail that cannot have a server.
pub const NEED: &str = "SESSIOND_NEEDS_REDIS";

/// `CLUSTER ADDSLOTSRANGE` and the setting `cluster-port` came with it.
const OLDEST: u32 = 7;

/// For how long nobody tries again after fetching has failed: each test would wait for it anew.
const TRUCE: Duration = Duration::from_secs(600);

const NONE: &str = "neither redis-server nor valkey-server, 7.0 or later, is on the path, and only \
    Debian's package is fetched by itself; elsewhere the package is called redis or valkey: `dnf \
    install valkey`, `apk add redis`, `brew install redis`";

/// The programs of Redis or Valkey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Programs {
    /// The server.
    pub server: PathBuf,
    /// Its client, where there is one: commands over TLS need it.
    pub cli: Option<PathBuf>,
    /// The version, such as `Redis 7.0.15`.
    pub version: String,
    /// Where their shared libraries lie, for programs that were not installed but unpacked.
    pub(crate) libraries: Option<OsString>,
}

/// Why there are none, as a fragment of a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absent(pub(crate) String);

impl std::fmt::Display for Absent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<io::Error> for Absent {
    fn from(error: io::Error) -> Self {
        Self(format!("target/real-redis cannot be used: {error}"))
    }
}

/// Where programs are looked for, and put.
#[derive(Clone, Debug)]
pub struct Search {
    /// Takes what is fetched; `target/real-redis` by default.
    pub folder: PathBuf,
    /// The folders with programs, as in `PATH`.
    pub path: OsString,
    /// What Debian asks before it starts a service; `/usr/sbin/policy-rc.d` by default.
    pub policy: PathBuf,
}

impl Default for Search {
    fn default() -> Self {
        Self {
            folder: folders::top(),
            path: std::env::var_os("PATH").unwrap_or_default(),
            policy: "/usr/sbin/policy-rc.d".into(),
        }
    }
}

/// Finds the programs, or fetches them; any number of processes may ask at once.
///
/// # Errors
///
/// Where there is no Redis or Valkey, or an old one, and Debian's package cannot be had.
pub fn ensure() -> Result<Programs, Absent> {
    match std::env::var(SKIP) {
        Ok(reason) => Err(Absent(reason)),
        Err(_) => Search::default().ensure(),
    }
}

/// True where `SESSIOND_NEEDS_REDIS` is set. Without Redis the tests that need it are skipped, since
/// a newcomer needs Rust alone; this variable makes that a failure.
#[must_use]
pub fn is_needed() -> bool {
    std::env::var_os(NEED).is_some()
}

/// The programs, looked for once in a process; or nothing, after saying why.
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
pub(crate) fn or_skip() -> Option<Programs> {
    static FOUND: OnceLock<Result<Programs, Absent>> = OnceLock::new();
    match FOUND.get_or_init(ensure) {
        Ok(programs) => Some(programs.clone()),
        Err(absent) => {
            assert!(!is_needed(), "a Redis server is needed: {absent}");
            println!("skipped: no Redis server, since {absent}");
            None
        }
    }
}

impl Search {
    /// [`ensure`], in places of the caller's choice.
    ///
    /// # Errors
    ///
    /// As of [`ensure`].
    pub fn ensure(&self) -> Result<Programs, Absent> {
        let too_old = match self.found() {
            Found::Programs(programs) => return Ok(programs),
            Found::TooOld(version) => format!("{version} is too old, and "),
            Found::Nothing => String::new(),
        };
        if !debian::is_here(self) {
            return Err(Absent(format!("{too_old}{NONE}")));
        }
        fs::create_dir_all(&self.folder)?;
        // The operating system lets go of it when this function ends, or the process.
        let lock = File::create(self.folder.join("install.lock"))?;
        lock.lock()?;
        // Another process may have been quicker.
        if let Found::Programs(programs) = self.found() {
            return Ok(programs);
        }
        let failure = self.folder.join("failed.txt");
        if let Some(reason) = recent(&failure) {
            return Err(Absent(format!(
                "{reason} (less than ten minutes ago; remove target/real-redis to try again)"
            )));
        }
        let fetched = self.fetch();
        if let Err(Absent(reason)) = &fetched {
            fs::write(failure, reason)?;
        }
        fetched.map_err(|Absent(reason)| Absent(format!("{too_old}{reason}")))
    }

    fn fetch(&self) -> Result<Programs, Absent> {
        debian::fetch(self)?;
        match self.found() {
            Found::Programs(programs) => Ok(programs),
            Found::TooOld(version) => Err(Absent(format!(
                "Debian's package is {version}, which is too old"
            ))),
            Found::Nothing => Err(Absent(
                "Debian's package was fetched, but its redis-server does not run here".to_owned(),
            )),
        }
    }

    fn found(&self) -> Found {
        let mut too_old = None;
        let unpacked = self.folder.join("debian");
        for name in ["redis-server", "valkey-server"] {
            let on_path = self.program(name).map(|program| (program, None));
            let unpacked_program = unpacked.join("usr/bin").join(name);
            let libraries = || debian::libraries(&unpacked);
            let fetched = unpacked_program
                .exists()
                .then(|| (unpacked_program, Some(libraries())));
            for (server, libraries) in on_path.into_iter().chain(fetched) {
                match Programs::of(server, libraries) {
                    Found::Programs(programs) => return Found::Programs(programs),
                    Found::TooOld(version) => too_old = Some(version),
                    Found::Nothing => {}
                }
            }
        }
        too_old.map_or(Found::Nothing, Found::TooOld)
    }

    /// The program of that name on the path.
    pub(crate) fn program(&self, name: &str) -> Option<PathBuf> {
        std::env::split_paths(&self.path)
            .map(|folder| folder.join(name))
            .find(|program| program.is_file())
    }
}

enum Found {
    Programs(Programs),
    TooOld(String),
    Nothing,
}

impl Programs {
    fn of(server: PathBuf, libraries: Option<OsString>) -> Found {
        let mut programs = Self {
            cli: client_of(&server),
            server,
            version: String::new(),
            libraries,
        };
        let output = programs
            .server_command()
            .arg("--version")
            .stdin(Stdio::null())
            .output();
        let said = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        let Some((name, number)) = said.as_deref().ok().and_then(version) else {
            return Found::Nothing;
        };
        programs.version = format!("{name} {number}");
        let major = number
            .split('.')
            .next()
            .and_then(|major| major.parse().ok());
        match major {
            Some(major) if OLDEST <= major => Found::Programs(programs),
            _ => Found::TooOld(programs.version),
        }
    }

    pub(crate) fn server_command(&self) -> Command {
        self.command(self.server.as_os_str())
    }

    pub(crate) fn cli_command(&self) -> io::Result<Command> {
        let absent = || io::Error::other("there is no redis-cli beside the server");
        let cli = self.cli.as_ref().ok_or_else(absent)?;
        Ok(self.command(cli.as_os_str()))
    }

    fn command(&self, program: &OsStr) -> Command {
        let mut command = Command::new(program);
        if let Some(libraries) = &self.libraries {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        command
    }
}

/// `redis-cli` beside `redis-server`.
fn client_of(server: &Path) -> Option<PathBuf> {
    let name = server.file_name()?.to_str()?.replace("-server", "-cli");
    let cli = server.with_file_name(name);
    cli.is_file().then_some(cli)
}

/// From a line such as `Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64`.
fn version(said: &str) -> Option<(&str, &str)> {
    let mut words = said.split_whitespace();
    let name = words.next()?;
    let number = words.find_map(|word| word.strip_prefix("v="))?;
    Some((name, number))
}

/// What failed a short while ago.
fn recent(failure: &Path) -> Option<String> {
    let age = fs::metadata(failure).ok()?.modified().ok()?.elapsed();
    // A time stamp of the future counts as recent.
    let is_over = age.is_ok_and(|age| age > TRUCE);
    (!is_over).then(|| fs::read_to_string(failure).ok())?
}
