//! The servers under load: started with a port and a folder of their own, stopped whatever happens.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::client;
use super::interrupt::{self, Guard, PATIENCE};
use crate::process::{self, Failure, Outcome};
use crate::stopwatch::Stopwatch;

#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    beside: Option<Beside>,
    pub(super) address: SocketAddr,
    _guard: Guard,
}

/// The number of another process that works for the requests which a server answers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Beside(pub(super) u32);

/// How to start `sessiond`.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) program: PathBuf,
    /// Takes the data and the log.
    pub(super) folder: PathBuf,
    pub(super) settings: Vec<(&'static str, String)>,
    pub(super) beside: Option<Beside>,
}

impl Plan {
    /// On an empty data folder.
    pub(super) fn start_afresh(&self) -> Outcome<Server> {
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder)?;
        }
        self.start()
    }

    /// On whatever data the folder holds.
    pub(super) fn start(&self) -> Outcome<Server> {
        fs::create_dir_all(&self.folder)?;
        let address = free_address()?;
        let mut command = Command::new(&self.program);
        command
            .args(["serve", "--listen", &address.to_string(), "--data-dir"])
            .arg(self.folder.join("data"))
            // No setting of the caller's own may change what is measured.
            .env_clear()
            .envs(self.settings.iter().map(|(name, value)| (name, value)));
        let mut server = Server::start(command, address, "/ready", &self.folder.join("log"))?;
        server.beside = self.beside;
        Ok(server)
    }
}

impl Server {
    /// The bare routes, served by this very program.
    pub(super) fn bare(samples: &Path) -> Outcome<Self> {
        let address = free_address()?;
        let mut command = Command::new(std::env::current_exe()?);
        command
            .arg("bench-bare")
            .arg(address.to_string())
            .arg(samples);
        Self::start(command, address, "/ready", &samples.with_extension("log"))
    }

    fn start(mut command: Command, address: SocketAddr, ready: &str, log: &Path) -> Outcome<Self> {
        let output = File::create(log)?;
        let program = command.get_program().to_string_lossy().into_owned();
        let child = command
            .stdin(Stdio::null())
            .stderr(output.try_clone()?)
            .stdout(output)
            .spawn()
            .map_err(|error| Failure::new(format!("{program} could not be started: {error}")))?;
        let guard = interrupt::ends(child.id());
        let mut server = Self {
            child,
            beside: None,
            address,
            _guard: guard,
        };
        let watch = Stopwatch::start();
        while !client::is_ok(address, ready) {
            let ended = server.child.try_wait()?;
            if ended.is_some() || watch.elapsed() > PATIENCE {
                let said = fs::read_to_string(log).unwrap_or_default();
                return Err(Failure::new(format!(
                    "{program} did not get ready; it said:\n{said}"
                )));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(server)
    }

    /// User and system time so far, in ticks of whatever length the kernel has; with that of the
    /// process beside it.
    pub(super) fn cpu_ticks(&self) -> Outcome<u64> {
        let processes = [Some(self.child.id()), self.beside.map(|beside| beside.0)];
        processes.into_iter().flatten().map(cpu_ticks).sum()
    }

    /// Resident memory, in bytes.
    pub(super) fn resident(&self) -> Outcome<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok())
            .map(|kibibytes| kibibytes * 1024)
            .ok_or_else(|| Failure::new("/proc tells no resident memory"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = process::signal("TERM", &self.child.id().to_string());
        let watch = Stopwatch::start();
        while watch.elapsed() < PATIENCE {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// User and system time of one process so far.
fn cpu_ticks(process: u32) -> Outcome<u64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    ticks_of(&stat).ok_or_else(|| Failure::new("/proc tells no processor time"))
}

fn ticks_of(stat: &str) -> Option<u64> {
    // The second field is the program's name, which may hold anything but ends with `)`.
    let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(ticks(11)? + ticks(12)?)
}

/// An address that was free a moment ago.
fn free_address() -> Outcome<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_process_is_that_of_user_and_system() {
        let stat = "7 (a (b) c) S 1 7 7 0 -1 4194560 900 0 1 2 31 12 5 6 20 0 8 0";
        assert_eq!(ticks_of(stat), Some(43));
        assert_eq!(ticks_of("7 (cut) S 1"), None);
    }
}
