//! The provider as a process that ends with the value.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde::Deserialize;

use crate::browser::{Browser, Callback};
use crate::control::{Control, Counts, Family, Fault, GrantId, TokenState};
use crate::install;
use crate::node;
use crate::options::{Client, Options};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/node/provider.mjs");

/// Half a second is usual; a machine with much else to do may need more.
const LIMIT: Duration = Duration::from_secs(60);

/// A running provider; ended when dropped.
#[derive(Debug)]
pub struct RealProvider {
    issuer: String,
    control: Control,
    _process: Process,
}

/// Its standard input stays open for as long as this value lives: the provider ends with it, should
/// nobody come to drop it.
#[derive(Debug)]
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // Gone already where it ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The one line that the provider prints.
#[derive(Deserialize)]
struct Started {
    issuer: String,
    control: String,
}

impl RealProvider {
    /// Starts a provider, or says in one line why there is none: then the test ends without a verdict.
    ///
    /// # Panics
    ///
    /// Where there is none although `SESSIOND_NEEDS_NODE` is set, and where one is there and does not
    /// start.
    pub async fn start(options: Options) -> Option<Self> {
        let starting = tokio::task::spawn_blocking(move || Self::start_blocking(&options));
        starting
            .await
            .unwrap_or_else(|failure| std::panic::resume_unwind(failure.into_panic()))
    }

    #[expect(clippy::print_stdout, reason = "a skipped test says so")]
    fn start_blocking(options: &Options) -> Option<Self> {
        match install::ensure() {
            Ok(installed) => Some(Self::spawn(&installed.folder, options)),
            Err(absent) => {
                assert!(
                    !node::is_needed(),
                    "a real OpenID provider is needed: {absent}"
                );
                println!("skipped: no real OpenID provider, since {absent}");
                None
            }
        }
    }

    fn spawn(folder: &Path, options: &Options) -> Self {
        let child = Command::new("node")
            .arg(SCRIPT)
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node can be started");
        let mut process = Process(child);
        // A client's secret is among them: they go where no list of processes shows them.
        let stdin = process.0.stdin.as_mut().expect("stdin is a pipe");
        writeln!(stdin, "{}", options.json()).expect("the provider reads its options");
        let stdout = process.0.stdout.take().expect("stdout is a pipe");
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = BufReader::new(stdout).read_line(&mut line);
            // Nobody listens any more where the time was up.
            let _ = tell.send(read.map(|_| line));
        });
        let line = told.recv_timeout(LIMIT).expect("the provider is quick");
        let line = line.expect("the provider prints text");
        let started: Started = serde_json::from_str(&line)
            .expect("the provider starts; what it says of its trouble is above");
        Self {
            issuer: started.issuer,
            control: Control::at(started.control),
            _process: process,
        }
    }

    /// The issuer, such as `http://127.0.0.1:1234`. The discovery document lies below it.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Follows an authorization URL in a browser of its own, as the person that `login_hint` names,
    /// until the provider sends it back to the client.
    ///
    /// # Panics
    ///
    /// Where the provider shows an error of its own instead, such as for an unknown client.
    pub async fn log_in(&self, authorization_url: &str) -> Callback {
        self.browser().log_in(authorization_url).await
    }

    /// A browser without cookies, to log in and out again.
    #[must_use]
    pub fn browser(&self) -> Browser {
        Browser::of(&self.issuer)
    }

    /// Adds a client, or replaces the one of that id. A new secret makes the old one `invalid_client`.
    pub async fn register(&self, client: &Client) {
        self.control.register(client).await;
    }

    /// The calls so far.
    pub async fn counts(&self) -> Counts {
        self.control.counts().await
    }

    /// Waits until the counts are as wished: for instance until a call has come in.
    ///
    /// # Panics
    ///
    /// Once nothing has changed for 40 seconds.
    pub async fn until(&self, is_so: impl Fn(&Counts) -> bool) -> Counts {
        self.control.until(is_so).await
    }

    /// Spoils the next token call, of whatever grant type; several wait in line for one call each.
    pub async fn spoil_next_token_call(&self, fault: Fault) {
        self.control.spoil(fault).await;
    }

    /// What the provider knows of a refresh token or access token, or nothing: it is unknown, revoked,
    /// or of a family that was killed.
    pub async fn token(&self, token: &str) -> Option<TokenState> {
        self.control.token(token).await
    }

    /// What of a grant could be used now.
    pub async fn family(&self, grant: &GrantId) -> Family {
        self.control.family(grant).await
    }

    /// Takes a grant back, as a person does in the settings of the account.
    pub async fn revoke(&self, grant: &GrantId) {
        self.control.revoke(grant).await;
    }
}
