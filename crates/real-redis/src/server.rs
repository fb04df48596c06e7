//! One server.

use std::io;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::chance;
use crate::cli;
use crate::configuration::{Plan, Secured, USER};
use crate::folders;
use crate::install::{self, Programs};
use crate::options::{Role, Secret, ServerOptions};
use crate::ports::{self, Port};
use crate::resp;
use crate::tls::TlsFiles;
use crate::waiting::within;
use crate::watchdog::{self, Watched};

/// A tenth of a second is usual; a machine with much else to do may need more.
const LIMIT: Duration = Duration::from_secs(30);

/// So often another port is tried, where a stranger took ours at the last moment.
const ATTEMPTS: usize = 5;

/// A running server; killed when dropped, and its folder removed.
#[derive(Debug)]
pub struct RedisServer {
    programs: Programs,
    options: ServerOptions,
    folder: PathBuf,
    port: Port,
    bus: Option<Port>,
    secured: Option<Secured>,
    /// Nothing while it is killed or stopped.
    process: Option<Watched>,
    /// What is left of the process that ended last.
    down: Option<Watched>,
}

impl RedisServer {
    /// Starts a server, or says in one line why there is none: then the test ends without a verdict.
    ///
    /// # Panics
    ///
    /// Where there is none although `SESSIOND_NEEDS_REDIS` is set, and where one is there and does
    /// not start.
    #[must_use]
    pub fn start(options: &ServerOptions) -> Option<Self> {
        Some(Self::of(&install::or_skip()?, options))
    }

    pub(crate) fn of(programs: &Programs, options: &ServerOptions) -> Self {
        for _ in 0..ATTEMPTS {
            let mut server = Self::planned(programs, options);
            match server.begin() {
                Ok(()) => return server,
                Err(said) if said.contains("Address already in use") => {}
                Err(said) => panic!("the server did not start; it said:\n{said}"),
            }
        }
        panic!("no port stays free long enough to start a server on it");
    }

    /// Starts as many at once.
    pub(crate) fn several(programs: &Programs, options: &ServerOptions, count: usize) -> Vec<Self> {
        std::thread::scope(|scope| {
            let start = || Self::of(programs, options);
            let starting: Vec<_> = (0..count).map(|_| scope.spawn(start)).collect();
            let started = starting.into_iter().map(|server| server.join());
            started
                .map(|server| server.unwrap_or_else(|reason| resume_unwind(reason)))
                .collect()
        })
    }

    /// A server with its port and its folder, which does not run yet.
    pub(crate) fn planned(programs: &Programs, options: &ServerOptions) -> Self {
        Self::new(programs, options).expect("a server has a folder and a port")
    }

    /// Adds a line of `redis.conf`, before the server starts for the first time.
    pub(crate) fn add_setting(&mut self, name: &str, value: &str) {
        self.options.add_setting(name, value);
    }

    fn new(programs: &Programs, options: &ServerOptions) -> io::Result<Self> {
        let bus = match options.role {
            Role::Node => Some(ports::reserve()?),
            Role::Alone | Role::Sentinel => None,
        };
        Ok(Self {
            programs: programs.clone(),
            options: options.clone(),
            folder: folders::for_server()?,
            port: ports::reserve()?,
            bus,
            secured: options.is_secured.then(|| Secured {
                password: Secret(chance::hex(16)),
                admin: Secret(chance::hex(16)),
                tls: TlsFiles::ensure(),
            }),
            process: None,
            down: None,
        })
    }

    fn plan(&self) -> Plan<'_> {
        Plan {
            options: &self.options,
            folder: &self.folder,
            port: self.port.number,
            bus: self.bus.as_ref().map(|bus| bus.number),
            secured: self.secured.as_ref(),
        }
    }

    /// Starts the process and waits until it answers, or gives what it said instead.
    fn begin(&mut self) -> Result<(), String> {
        let plan = self.plan();
        // Servers rewrite their own: sentinels do, and replicas that were told of a new primary.
        if !plan.file().exists() {
            plan.write().expect("redis.conf can be written");
        }
        let mut command = self.programs.server_command();
        command.arg(plan.file());
        if self.options.role == Role::Sentinel {
            command.arg("--sentinel");
        }
        let process = Watched::start(command, &self.folder).expect("a shell can be started");
        if let Some(before) = self.down.take() {
            before.leave();
        }
        self.process = Some(process);
        let up = within(LIMIT, || {
            if self.has_ended() {
                return Some(false);
            }
            let answer = self.try_command(&["PING"]);
            answer.is_ok_and(|answer| answer == "PONG").then_some(true)
        });
        match up {
            Some(true) => Ok(()),
            Some(false) | None => Err(watchdog::output(&self.folder)),
        }
    }

    /// True while it is killed or stopped.
    pub(crate) fn has_ended(&self) -> bool {
        self.process.as_ref().is_none_or(Watched::has_ended)
    }

    /// Where clients connect to, such as `redis://127.0.0.1:18000` or, for a secured server,
    /// `rediss://sessiond:password@127.0.0.1:18000`.
    #[must_use]
    pub fn url(&self) -> String {
        let (port, password) = (self.port.number, &self.options.password);
        match (&self.secured, password) {
            (Some(secured), _) => {
                format!("rediss://{USER}:{}@127.0.0.1:{port}", secured.password.0)
            }
            (None, Some(Secret(password))) => format!("redis://:{password}@127.0.0.1:{port}"),
            (None, None) => format!("redis://127.0.0.1:{port}"),
        }
    }

    /// The port, which stays the same for as long as this value lives.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.number
    }

    /// The port of a cluster's node for the other nodes.
    pub(crate) fn bus(&self) -> Option<u16> {
        self.bus.as_ref().map(|bus| bus.number)
    }

    /// The certificates of a secured server.
    #[must_use]
    pub fn tls(&self) -> Option<&TlsFiles> {
        self.secured.as_ref().map(|secured| &secured.tls)
    }

    /// The folder with its data, its `redis.conf` and its `log`.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The number of its process.
    ///
    /// # Panics
    ///
    /// While it was killed or stopped.
    #[must_use]
    pub fn process_id(&self) -> u32 {
        self.process().process
    }

    /// Ends it with SIGKILL. Its folder stays.
    ///
    /// # Panics
    ///
    /// While it was killed or stopped before.
    pub fn kill(&mut self) {
        self.process().signal("KILL");
        self.put_down();
    }

    /// Ends it with SIGTERM, and waits until it is gone. Its folder stays.
    ///
    /// # Panics
    ///
    /// While it was killed or stopped before.
    pub fn stop(&mut self) {
        self.process().signal("TERM");
        // One that was paused hears nothing before it goes on.
        self.process().signal("CONT");
        self.put_down();
    }

    /// Starts it after its end, on the same port, in the same folder, with the same options. It may
    /// have ended by itself, after a command to shut down.
    ///
    /// # Panics
    ///
    /// Where it does not end, or does not start.
    pub fn start_again(&mut self) {
        if self.process.is_some() {
            self.put_down();
        }
        if let Err(said) = self.begin() {
            panic!("the server did not start again; it said:\n{said}");
        }
    }

    /// Holds it with SIGSTOP: connections stay open, and nothing is answered.
    ///
    /// # Panics
    ///
    /// While it was killed or stopped.
    pub fn pause(&self) {
        self.process().signal("STOP");
    }

    /// Lets it go on after [`pause`](Self::pause).
    ///
    /// # Panics
    ///
    /// While it was killed or stopped.
    pub fn resume(&self) {
        self.process().signal("CONT");
    }

    /// What it answers to a command on a connection of its own, as text: an array has one element in
    /// each line, "nothing" is empty, and an error is its text. On a secured server this is the
    /// command of an administrator, who may do anything.
    ///
    /// # Panics
    ///
    /// Where it cannot be reached, or does not answer within five seconds.
    #[must_use]
    pub fn command(&self, words: &[&str]) -> String {
        match self.try_command(words) {
            Ok(answer) => answer,
            Err(error) => panic!("the server does not answer to {words:?}: {error}"),
        }
    }

    /// The same, where the server may be out of reach.
    ///
    /// # Errors
    ///
    /// Where it cannot be reached, or does not answer within five seconds.
    pub fn try_command(&self, words: &[&str]) -> io::Result<String> {
        if let Some(secured) = &self.secured {
            return cli::ask(&self.programs, self.port.number, secured, words);
        }
        let login = self.options.password.as_ref();
        let login = login.map(|Secret(password)| ("default", password.as_str()));
        resp::ask(self.port.number, login, words)
    }

    fn process(&self) -> &Watched {
        self.process.as_ref().expect("the server runs")
    }

    /// Waits for its end. Its watchdog stays, to remove the folder should nobody start it again.
    fn put_down(&mut self) {
        let process = self.process.take();
        let process = process.expect("the server has been started");
        process.wait();
        self.down = Some(process);
    }
}

/// One address for several servers, without passwords.
pub(crate) fn url_of_many(servers: &[RedisServer]) -> String {
    let places: Vec<String> = servers
        .iter()
        .map(|server| format!("127.0.0.1:{}", server.port()))
        .collect();
    format!("redis://{}", places.join(","))
}
