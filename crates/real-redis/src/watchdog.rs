//! A server's process, which ends with the process that started it, however that ends.
//!
//! A shell starts the server and then reads from a pipe that only the owner can write to. When the
//! owner is gone the pipe closes, even after SIGKILL, and the shell kills the server and removes
//! its folder. It lives in a process group of its own, where no Ctrl-C reaches it.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::waiting::within;

/// The server holds the shell's standard output, which the shell itself lets go of: that pipe ends
/// once the server is gone, with whatever it forked.
///
/// It stays the shell's child until the shell waits for it, so that its number is no one else's.
const WATCH: &str = r#"
folder=$1
shift
"$@" </dev/null 2>>"$folder/output" &
server=$!
trap '' HUP INT TERM QUIT PIPE
echo "$server"
exec >/dev/null 2>&1
read -r order
kill -s KILL "$server"
wait "$server"
[ "$order" = leave ] || rm -rf -- "$folder"
kill -s KILL 0
"#;

/// An orderly end takes a blink without a dump to write.
const LIMIT: Duration = Duration::from_secs(20);

/// A process under its watchdog; killed when dropped, and its folder removed.
#[derive(Debug)]
pub(crate) struct Watched {
    watchdog: Child,
    pub(crate) process: u32,
    /// Ends with the server.
    ending: JoinHandle<()>,
}

impl Watched {
    /// Starts a program. What it says of its trouble goes to `folder/output`.
    pub(crate) fn start(program: Command, folder: &Path) -> io::Result<Self> {
        let mut command = Command::new("sh");
        command.args(["-c", WATCH, "real-redis"]).arg(folder);
        command.arg(program.get_program()).args(program.get_args());
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let mut watchdog = command
            .current_dir(folder)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let stdout = watchdog.stdout.take().ok_or_else(silent)?;
        let (tell, told) = mpsc::channel();
        let ending = std::thread::spawn(move || {
            let mut lines = BufReader::new(stdout);
            let mut first = String::new();
            let _ = lines.read_line(&mut first);
            let _ = tell.send(first);
            // Without an end until the server has one.
            let _ = io::copy(&mut lines, &mut io::sink());
        });
        let first = told.recv_timeout(LIMIT).map_err(|_| silent())?;
        let process = first.trim().parse().map_err(|_| silent())?;
        Ok(Self {
            watchdog,
            process,
            ending,
        })
    }

    /// True once the process is gone, by whatever way.
    pub(crate) fn has_ended(&self) -> bool {
        self.ending.is_finished()
    }

    /// Sends a signal, such as `STOP`. The shell's own `kill`, since the standard library knows no
    /// signal but SIGKILL.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("sh")
            .args(["-c", "kill -s \"$0\" \"$1\"", name])
            .arg(self.process.to_string())
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(
            sent.is_ok_and(|status| status.success()),
            "SIG{name} cannot be sent to process {}",
            self.process
        );
    }

    /// Waits until the process is gone.
    pub(crate) fn wait(&self) {
        let gone = within(LIMIT, || self.has_ended().then_some(()));
        assert!(gone.is_some(), "process {} does not end", self.process);
    }

    /// Lets go of a process that has ended, and leaves its folder as it is.
    pub(crate) fn leave(mut self) {
        if let Some(mut stdin) = self.watchdog.stdin.take() {
            // Without its watchdog there is nobody to tell.
            let _ = stdin.write_all(b"leave\n");
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        // It kills itself last of all.
        let _ = self.watchdog.wait();
    }
}

/// What a program printed before it ended.
pub(crate) fn output(folder: &Path) -> String {
    ["output", "log"]
        .map(|file| fs::read_to_string(folder.join(file)).unwrap_or_default())
        .concat()
}

fn silent() -> io::Error {
    io::Error::other("the watchdog of a server did not start")
}
