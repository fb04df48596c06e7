//! A real server process, and a small HTTP client to talk to it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;

pub(crate) const SERVICE_KEY: &str = "svc_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";

/// A running server; killed when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    /// What it printed before it was ready.
    pub(crate) banner: String,
}

/// The command with a free port, a key of the tests' own and none of this process' settings.
pub(crate) fn command(data_dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sessiond"));
    command
        .env_clear()
        .env("SESSION_SERVICE_KEYS", SERVICE_KEY)
        .env("SESSION_LISTEN", "127.0.0.1:0")
        .env("SESSION_DATA_DIR", data_dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

impl Server {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().expect("the server can be started");
        let mut banner = String::new();
        let mut lines = BufReader::new(child.stdout.as_mut().expect("stdout is a pipe"));
        while !banner.contains("  docs   ") {
            if lines.read_line(&mut banner).expect("the banner is text") == 0 {
                let mut log = String::new();
                child
                    .stderr
                    .take()
                    .expect("a pipe")
                    .read_to_string(&mut log)
                    .expect("text");
                panic!("the server did not start: {banner}{log}");
            }
        }
        let address = banner
            .split_once("http://")
            .and_then(|(_, rest)| rest.lines().next())
            .and_then(|address| address.parse().ok())
            .expect("the banner tells the address");
        Self {
            child,
            address,
            banner,
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL: no chance to tidy up.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("the server can be killed");
        self.child.wait().expect("the server can be waited for");
    }

    /// A signal by name; then how it ended, and its log unless that went to a file.
    pub(crate) fn stop(mut self, signal: &str) -> (ExitStatus, String) {
        let status = Command::new("kill")
            .args(["-s", signal, &self.pid().to_string()])
            .status()
            .expect("kill is there");
        assert!(status.success());
        let status = self.child.wait().expect("the server can be waited for");
        let mut log = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            stderr.read_to_string(&mut log).expect("text");
        }
        (status, log)
    }

    pub(crate) fn connect(&self) -> Client {
        Client::to(self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Gone already when it was stopped.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One connection, kept alive.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
    has_key: bool,
}

/// An answer, or none because the server went away.
pub(crate) type Answer = Option<(u16, Value)>;

/// An answer with everything in it.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) status: u16,
    /// The status line and the headers.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Whole {
    /// A header's value, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

impl Client {
    pub(crate) fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server takes connections");
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .expect("a time-out can be set");
        Self {
            stream: BufReader::new(stream),
            has_key: true,
        }
    }

    /// The same as anybody may ask: without the service key.
    pub(crate) fn without_key(self) -> Self {
        Self {
            has_key: false,
            ..self
        }
    }

    pub(crate) fn post(&mut self, path: &str, body: &Value) -> Answer {
        self.request("POST", path, "", Some(body))
    }

    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.request("GET", path, "", None)
    }

    pub(crate) fn delete(&mut self, path: &str) -> Answer {
        self.request("DELETE", path, "", None)
    }

    pub(crate) fn validate(&mut self, token: &str) -> Answer {
        self.request(
            "GET",
            "/sessions/validate",
            &format!("X-Session-ID: {token}\r\n"),
            None,
        )
    }

    pub(crate) fn request(
        &mut self,
        method: &str,
        path: &str,
        extra: &str,
        body: Option<&Value>,
    ) -> Answer {
        let key = if self.has_key {
            format!("Authorization: Bearer {SERVICE_KEY}\r\n")
        } else {
            String::new()
        };
        let whole = self.exchange(method, path, &format!("{key}{extra}"), body)?;
        let body = serde_json::from_str(&whole.body).unwrap_or(Value::Null);
        Some((whole.status, body))
    }

    /// A request with these headers and no other credential; the whole answer.
    pub(crate) fn exchange(
        &mut self,
        method: &str,
        path: &str,
        extra: &str,
        body: Option<&Value>,
    ) -> Option<Whole> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let head = format!("{extra}Content-Type: application/json\r\n");
        self.send(method, path, &head, &body)
    }

    /// A form, with the service key; the whole answer.
    pub(crate) fn post_form(&mut self, path: &str, form: &str) -> Option<Whole> {
        let head = format!(
            "Authorization: Bearer {SERVICE_KEY}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n"
        );
        self.send("POST", path, &head, form)
    }

    fn send(&mut self, method: &str, path: &str, head: &str, body: &str) -> Option<Whole> {
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: test\r\n\
             {head}Content-Length: {length}\r\n\r\n{body}"
        );
        self.stream.get_mut().write_all(request.as_bytes()).ok()?;
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.stream.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let length = head
            .lines()
            .find_map(|line| {
                line.to_ascii_lowercase()
                    .strip_prefix("content-length: ")?
                    .parse()
                    .ok()
            })
            .unwrap_or(0);
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).ok()?;
        let body = String::from_utf8(body).ok()?;
        Some(Whole { status, head, body })
    }
}
